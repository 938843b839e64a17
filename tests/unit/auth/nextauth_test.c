/* A browser with next-auth/react 4 before the whole gate, on both engines: what it gets is what was
 * recorded of next-auth 4; sessions live and die with their rows; roles and workspaces. */
#include "unit/auth/browser.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/db.h"
#include "unit/rooms_sql.h"

/* ---- recorded situations ---- */

static void a_session_from_begin_to_end(void **state)
{
    BROWSER(state);
    csrf_get(&b);
    assert_str(b.cache, "private, no-cache, no-store");
    assert_str(b.set_cookies, " next-auth.csrf-token next-auth.callback-url");
    csrf_get(&b);
    assert_str(b.set_cookies, "");
    assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
    assert_str(b.body, "{}");
    assert_int_equal(
        post_form(&b, "/api/auth/callback/credentials", GOOD "&callbackUrl=%2Fx%3Fy%3D1"), 200);
    assert_str(b.body, "{\"url\":\"" BASE "/x?y=1\"}");
    assert_str(b.set_cookies, " next-auth.callback-url next-auth.session-token");
    assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
    assert_str(b.cache, "private, no-cache, no-store");
    assert_str(b.set_cookies, " next-auth.session-token");
    body_has(&b, "{\"user\":{\"name\":\"ann\",\"email\":\"ann@example.test\",\"id\":\"c");
    body_has(&b, "\"role\":\"OWNER\"},\"expires\":\"20");
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    body_has(&b, "\"role\":\"OWNER\"");
    struct str kept = jar_text(&b);
    assert_int_equal(post_form(&b, "/api/auth/signout", "json=true&callbackUrl=" BASE "/bye"), 200);
    assert_str(b.body, "{\"url\":\"" BASE "/bye\"}");
    assert_str(b.set_cookies, " next-auth.callback-url -next-auth.session-token");
    assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
    assert_str(b.body, "{}");
    assert_str(b.set_cookies, "");
    /* The kept cookie is dead, too. */
    b.jar[0] = (struct header){ STR("kept"), str_fmt(r->arena, "1; %.*s", STR_ARG(kept)) };
    b.jar_count = 1;
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 401);
    assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
    assert_str(b.set_cookies, " -next-auth.session-token");
    browser_end(r);
}

static void sign_in_refuses(void **state)
{
    BROWSER(state);
    static const char path[] = "/api/auth/callback/credentials";
    assert_int_equal(ask(&b, "POST", path, FORM, GOOD), 200);
    assert_str(b.body, "{\"url\":\"" BASE "/api/auth/signin?csrf=true\"}");
    assert_int_equal(ask(&b, "POST", path, FORM, "email=a&password=b"), 302);
    assert_str(b.location, BASE "/api/auth/signin?csrf=true");
    csrf_get(&b);
    assert_int_equal(post_form(&b, path, "email=ann%40example.test&password=wrong&json=true"), 401);
    assert_str(b.body, "{\"url\":\"" BASE
                       "/api/auth/error?error=CredentialsSignin&provider=credentials\"}");
    assert_str(b.set_cookies, "");
    assert_int_equal(post_form(&b, path, "email=nobody%40example.test&password=wrong"), 302);
    assert_str(b.location, BASE "/api/auth/error?error=CredentialsSignin&provider=credentials");
    /* Five in five minutes from an address. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(post_form(&b, path, "json=true"), 401);
    assert_int_equal(post_form(&b, path, GOOD), 429);
    body_has(&b, "error=RateLimited");
    r->cx.now_ms += 6 * 60 * 1000;
    assert_int_equal(post_form(&b, path, GOOD), 200);
    struct str json = str_fmt(r->arena,
                              "{\"email\":\"ann@example.test\",\"password\":\"correct horse\","
                              "\"csrfToken\":\"%.*s\",\"callbackUrl\":\"http://evil.example/\"}",
                              STR_ARG(b.csrf));
    assert_int_equal(
        ask(&b, "POST", path, "content-type: application/json", str_cstr(r->arena, json)), 302);
    assert_str(b.location, BASE);
    assert_int_equal(ask(&b, "POST", path, "content-type: application/json", "{"), 400);
    assert_int_equal(ask(&b, "POST", path, "content-type: text/plain", "x"), 415);
    browser_end(r);
}

static void what_nextauth_does_not_have(void **state)
{
    BROWSER(state);
    static const struct {
        const char *method, *path;
    } others[] = {
        { "POST", "/api/auth/callback/nobody" },
        { "GET", "/api/auth/nothing" },
        { "PUT", "/api/auth/session" },
        { "DELETE", "/api/auth/csrf" },
        { "POST", "/api/auth/csrf" },
        { "PATCH", "/api/auth/callback/credentials" },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char expected[128];
        snprintf(expected, sizeof expected,
                 "Error: This action with HTTP %s is not supported by NextAuth.js",
                 others[i].method);
        assert_int_equal(ask(&b, others[i].method, others[i].path, NULL, NULL), 400);
        assert_str(b.body, expected);
        assert_str(b.set_cookies, "");
    }
    assert_int_equal(ask(&b, "GET", "/api/auth/callback/credentials", NULL, NULL), 500);
    assert_str(b.body, "Error: Callback for provider type credentials not supported");
    assert_int_equal(ask(&b, "POST", "/api/auth/_log", FORM, "level=error"), 200);
    assert_str(b.body, "");
    assert_int_equal(ask(&b, "GET", "/api/auth/signin?csrf=true", NULL, NULL), 302);
    assert_str(b.location, BASE "/sign-in");
    assert_int_equal(ask(&b, "GET", "/api/auth/error?error=CredentialsSignin", NULL, NULL), 302);
    assert_str(b.location, BASE "/sign-in?error=CredentialsSignin");
    assert_int_equal(ask(&b, "GET", "/api/auth/error?error=%3Cb%3E", NULL, NULL), 302);
    assert_str(b.location, BASE "/sign-in");
    assert_int_equal(ask(&b, "GET", "/api/auth/providers", NULL, NULL), 200);
    assert_str(b.body, "{\"credentials\":{\"id\":\"credentials\",\"name\":\"Credentials\",\"type\":"
                       "\"credentials\",\"signinUrl\":\"" BASE "/api/auth/signin/credentials\","
                       "\"callbackUrl\":\"" BASE "/api/auth/callback/credentials\"}}");
    browser_end(r);
}

static void session_update_and_garbage(void **state)
{
    BROWSER(state);
    sign_in(&b);
    assert_int_equal(ask(&b, "POST", "/api/auth/session", "content-type: application/json",
                         "{\"data\":{\"name\":\"New\"}}"),
                     400);
    assert_str(b.body, "{}");
    struct str body =
        str_fmt(r->arena, "{\"csrfToken\":\"%.*s\",\"data\":{\"name\":\"New\"}}", STR_ARG(b.csrf));
    assert_int_equal(ask(&b, "POST", "/api/auth/session", "content-type: application/json",
                         str_cstr(r->arena, body)),
                     200);
    body_has(&b, "\"name\":\"ann\"");
    assert_str(b.set_cookies, " next-auth.session-token");
    /* A token as Bearer is no session. */
    struct browser c = { .r = r };
    struct str token = b.jar[2].value;
    assert_str(b.jar[2].name, "next-auth.session-token");
    struct str bearer = str_fmt(r->arena, "authorization: Bearer %.*s", STR_ARG(token));
    assert_int_equal(ask(&c, "GET", "/api/auth/session", str_cstr(r->arena, bearer), NULL), 200);
    assert_str(c.body, "{}");
    b.jar[2].value = str_fmt(r->arena, "%.*sA", STR_ARG(token));
    assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
    assert_str(b.body, "{}");
    assert_str(b.set_cookies, " -next-auth.session-token");
    browser_end(r);
}

/* ---- the own name ---- */

static enum err audit_in_tx(struct cx *cx, void *arg)
{
    struct rooms_audit_all_row *rows, *ret = arg;
    size_t count;
    TRY(rooms_audit_all(cx, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (str_is(rows[i].action, "update_profile"))
            *ret = rows[i];
    return OK;
}

static void the_own_name_is_changed_and_seen_at_once(void **state)
{
    BROWSER(state);
    struct rooms_audit_all_row deed = { 0 };
    static const char name[] = "{\"name\":\"Ann d'Arc \xc3\x85\"}";
    struct str id = person_added(r, "mia", "MEMBER");
    sign_in(&b);
    assert_int_equal(ask(&b, "PATCH", "/api/me", "content-type: application/json", name), 403);
    assert_int_equal(ask_json(&b, "PATCH", "/api/me", "{}"), 400);
    assert_int_equal(ask_json(&b, "PATCH", "/api/me", "{\"name\":\"\"}"), 400);
    body_has(&b, "\"fieldErrors\":{\"name\":");
    assert_int_equal(ask_json(&b, "PATCH", "/api/me", "{\"name\":\"A\",\"email\":\"x@y.test\"}"),
                     400);
    struct str most = str_fmt(r->arena, "{\"name\":\"%0*d\"}", TENANCY_NAME_CHARS_MAX + 1, 7);
    assert_int_equal(ask_json(&b, "PATCH", "/api/me", str_cstr(r->arena, most)), 400);
    most = str_fmt(r->arena, "{\"name\":\"%0*d\"}", TENANCY_NAME_CHARS_MAX, 7);
    assert_int_equal(ask_json(&b, "PATCH", "/api/me", str_cstr(r->arena, most)), 200);
    assert_int_equal(ask_json(&b, "PATCH", "/api/me", name), 200);
    body_has(&b, "\"email\":\"ann@example.test\",\"name\":\"Ann d'Arc \xc3\x85\"");
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    body_has(&b, "\"name\":\"Ann d'Arc \xc3\x85\"");
    assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
    body_has(&b, "{\"user\":{\"name\":\"Ann d'Arc \xc3\x85\"");
    /* Others see it; nobody else has another name. */
    b.body = operate_in(r->arena, r, "mia@example.test", "list_members", "{}")->reply.body;
    body_has(&b, "\"name\":\"Ann d'Arc \xc3\x85\"");
    body_has(&b, "\"name\":\"mia\"");
    assert_ok(&r->cx, db_read(&r->cx, audit_in_tx, &deed));
    assert_str(deed.outcome, "OK");
    assert_str(deed.entity_type, "user");
    assert_true(str_eq(deed.entity_id, deed.actor_id) && !str_eq(deed.entity_id, id));
    /* The operator has no name of their own to change, but changes that of whom they act for. */
    assert_int_equal(operate(r, "update_profile", "{\"name\":\"X\"}")->reply.status, 403);
    assert_int_equal(operate_as(r, "mia@example.test", "update_profile", "{\"name\":\"Mia M\"}"),
                     200);
    assert_int_equal(ask(&b, "GET", "/api/members", NULL, NULL), 200);
    body_has(&b, "\"name\":\"Mia M\"");
    browser_end(r);
}

/* ---- life of a session ---- */

static void sessions_slide_and_end(void **state)
{
    BROWSER(state);
    sign_in(&b);
    /* 29 days at a time: alive until 90 days are over. */
    for (int i = 0; i < 3; i++) {
        r->cx.now_ms += 29ll * DAY_MS;
        assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
        body_has(&b, "\"user\"");
    }
    r->cx.now_ms += 4ll * DAY_MS;
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 401);
    csrf_get(&b);
    sign_in(&b);
    r->cx.now_ms += 30ll * DAY_MS + 20000;
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 401);
    browser_end(r);
}

static void a_new_password_ends_sessions(void **state)
{
    BROWSER(state);
    sign_in(&b);
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    operate_ok(r, "set_user_password",
               "{\"email\":\"ANN@example.test\",\"password\":\"another horse\"}");
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 401);
    assert_int_equal(post_form(&b, "/api/auth/callback/credentials", GOOD), 401);
    browser_end(r);
}

static void sessions_are_listed_and_revoked(void **state)
{
    BROWSER(state);
    struct browser other = { .r = r };
    struct str token;
    sign_in(&b);
    r->cx.now_ms += 1000;
    sign_in(&other);
    assert_int_equal(ask(&b, "GET", "/api/me/sessions", NULL, NULL), 200);
    body_has(&b, "\"current\":true");
    body_has(&b, "\"current\":false");
    assert_int_equal(ask(&b, "DELETE", "/api/me/sessions/others", NULL, NULL), 403);
    token = str_fmt(r->arena, "x-csrf-token: %.*s", STR_ARG(b.csrf));
    const char *header = str_cstr(r->arena, token);
    assert_int_equal(ask(&b, "DELETE", "/api/me/sessions/nothing", header, NULL), 404);
    assert_int_equal(ask(&b, "DELETE", "/api/me/sessions/others", header, NULL), 200);
    assert_str(b.body, "{\"revoked\":1}");
    assert_int_equal(ask(&other, "GET", "/api/me", NULL, NULL), 401);
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    browser_end(r);
}

/* ---- workspaces, operator ---- */

static void foreign_workspaces_are_not_there(void **state)
{
    BROWSER(state);
    operate_ok(r, "add_user",
               "{\"email\":\"mia@example.test\",\"password\":\"correct horse\",\"name\":\"Mia\"}");
    csrf_get(&b);
    assert_int_equal(post_form(&b, "/api/auth/callback/credentials",
                               "email=mia%40example.test&password=correct+horse&json=true"),
                     200);
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    body_has(&b, "\"workspace\":{\"id\":\"one\"");
    body_has(&b, "\"role\":\"MEMBER\"");
    assert_int_equal(ask(&b, "GET", "/api/me", "x-workspace-id: one", NULL), 200);
    assert_int_equal(ask(&b, "GET", "/api/me", "x-workspace-id: two", NULL), 404);
    assert_int_equal(ask(&b, "GET", "/api/me", "x-workspace-id: none", NULL), 404);
    /* The organisation's OWNER acts in both. */
    struct browser ann = { .r = r };
    sign_in(&ann);
    assert_int_equal(ask(&ann, "GET", "/api/me", "x-workspace-id: two", NULL), 200);
    body_has(&ann, "\"workspace\":{\"id\":\"two\"");
    browser_end(r);
}

static void the_operator_sets_up_once(void **state)
{
    BROWSER(state);
    static const char first[] = "{\"email\":\"o@example.test\",\"password\":\"correct horse\"}";
    assert_int_equal(operate(r, "initialize", first)->reply.status, 409);
    assert_int_equal(
        operate(r, "add_user", "{\"email\":\"ANN@EXAMPLE.test\",\"password\":\"correct horse\"}")
            ->reply.status,
        409);
    assert_int_equal(operate(r, "add_user", "{\"email\":\"x@example.test\",\"password\":\"short\"}")
                         ->reply.status,
                     400);
    b.body = operate_ok(r, "list_users", "{}")->reply.body;
    body_has(&b, "\"email\":\"ann@example.test\"");
    body_has(&b, "\"hasPassword\":true");
    /* From outside there is no such path, and the header of the command line means nothing. */
    assert_int_equal(ask(&b, "POST", "/api/initialize", NULL, NULL), 404);
    assert_int_equal(ask(&b, "GET", "/api/me", "x-opboxd-as: ann@example.test", NULL), 401);
    b.body = operate_ok(r, "get_current_context", "{}")->reply.body;
    body_has(&b, "\"name\":\"operator\"");
    browser_end(r);
}

static void foreign_tokens_by_configuration(void **state)
{
    BROWSER(state);
    struct token_key key;
    struct json j;
    struct json_fault fault;
    sign_in(&b);
    ask(&b, "GET", "/api/auth/session", NULL, NULL);
    assert_int_equal(json_parse(r->arena, b.body, NULL, &j, &fault), OK);
    token_key_derive(STR("my-nextauth-secret"), &key);
    struct token_claims c = { .sub = json_text(json_get(&j, "user"), "id"),
                              .iat_s = r->cx.now_ms / 1000,
                              .exp_s = r->cx.now_ms / 1000 + 3600 };
    struct browser f = { .r = r, .jar_count = 1 };
    f.jar[0] =
        (struct header){ STR("next-auth.session-token"), token_encode(r->arena, &key, &c, NULL) };
    assert_int_equal(ask(&f, "GET", "/api/me", NULL, NULL), 401);
    auth_free(r->app.auth);
    r->config.accept_foreign = true;
    char error[256];
    r->app.auth = auth_new(&r->config, error, sizeof error);
    assert_int_equal(ask(&f, "GET", "/api/me", NULL, NULL), 200);
    body_has(&f, "\"email\":\"ann@example.test\"");
    /* A token that names a row is not foreign, whatever else it says. */
    c.sid = STR("gone");
    c.sv = 1;
    f.jar[0].value = token_encode(r->arena, &key, &c, NULL);
    assert_int_equal(ask(&f, "GET", "/api/me", NULL, NULL), 401);
    browser_end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_session_from_begin_to_end),
        ROOMS_TEST(sign_in_refuses),
        ROOMS_TEST(what_nextauth_does_not_have),
        ROOMS_TEST(session_update_and_garbage),
        ROOMS_TEST(sessions_slide_and_end),
        ROOMS_TEST(a_new_password_ends_sessions),
        ROOMS_TEST(sessions_are_listed_and_revoked),
        ROOMS_TEST(foreign_workspaces_are_not_there),
        ROOMS_TEST(the_operator_sets_up_once),
        ROOMS_TEST(foreign_tokens_by_configuration),
        ROOMS_TEST(the_own_name_is_changed_and_seen_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
