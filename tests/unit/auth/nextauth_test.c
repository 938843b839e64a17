/* A browser with next-auth/react 4 before the whole gate, on both engines: what it gets is what was
 * recorded of next-auth 4; sessions live and die with their rows; roles and workspaces. */
#include "unit/rooms.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "auth/state.h"
#include "limits/limits.h"
#include "op/registry.h"
#include "tenancy/tenancy.h"

#define BASE "http://ops.example.test"
#define FORM "content-type: application/x-www-form-urlencoded"
#define GOOD "email=Ann%40Example.test&password=correct+horse&json=true"
enum { JAR_MAX = 16, DAY_MS = 24 * 3600 * 1000 };

static volatile bool stopping;

static void refused_nothing(struct cx *cx, const struct op *op, const struct raw_request *rq,
                            enum err why)
{
    (void)cx, (void)op, (void)rq, (void)why;
}

static const struct gate_hooks hooks = {
    .address_admit = limits_address_admit,
    .authenticate = auth_authenticate,
    .csrf = auth_csrf,
    .addon = tenancy_addon_active,
    .rate = limits_rate,
    .audit = audit_success,
    .refused = refused_nothing,
};

struct browser {
    struct rooms *r;
    struct header jar[JAR_MAX]; /* names and values of cookies */
    size_t jar_count;
    struct str csrf;
    /* of the last answer */
    int status;
    struct str body, location, cache, set_cookies; /* cookie names that were set, "-name" cleared */
};

/* ---- the program ---- */

static void begin(struct rooms *r)
{
    char error[1024];
    r->config.public_url = STR(BASE);
    r->config.nextauth_secret = secret_new(STR("my-nextauth-secret"));
    r->config.body_bytes_max = 1 << 20;
    r->config.address_rate = r->config.read_rate = r->config.write_rate = 100000;
    r->config.sign_in_rate = 5;
    r->app.stopping = &stopping;
    r->app.hooks = &hooks;
    r->app.limits = limits_new(&r->config, 0);
    r->app.auth = auth_new(&r->config, error, sizeof error);
    assert_non_null(r->app.auth);
    auth_set_limiter(r->app.auth, limits_take);
    const struct registry_table tables[] = { { nextauth_ops, nextauth_ops_count },
                                             { auth_ops, auth_ops_count },
                                             { operator_ops, operator_ops_count } };
    r->app.ops = registry_new(tables, 3, error, sizeof error);
    if (!r->app.ops)
        fail_msg("%s", error);
}

static void end(struct rooms *r)
{
    registry_free(r->app.ops);
    auth_free(r->app.auth);
    limits_free(r->app.limits);
    secret_free(r->config.nextauth_secret);
}

/* ---- the command line ---- */

static struct call *operate(struct rooms *r, const char *operation, const char *arguments)
{
    struct call *c = arena_new_of(r->arena, struct call);
    struct json_fault fault;
    call_init(c, &r->app, r->arena);
    c->cx.now_ms = r->cx.now_ms;
    c->rq = (struct raw_request){ .face = FACE_CONTROL, .method = METHOD_POST };
    c->op_named = registry_find(r->app.ops, str_of(operation));
    c->arguments = arena_new_of(r->arena, struct json);
    assert_non_null(c->op_named);
    assert_int_equal(json_parse(r->arena, str_of(arguments), NULL, c->arguments, &fault), OK);
    call_run(c);
    call_release(c);
    return c;
}

static struct call *operate_ok(struct rooms *r, const char *operation, const char *arguments)
{
    struct call *c = operate(r, operation, arguments);
    if (c->reply.status / 100 != 2)
        fail_msg("%s: %d %.*s", operation, c->reply.status, STR_ARG(c->reply.body));
    return c;
}

/* rooms.h has made an organisation, so `initialize` refuses: Ann comes by add_user. */
static void ann_added(struct rooms *r)
{
    operate_ok(r, "add_user",
               "{\"email\":\"ann@example.test\",\"password\":\"correct horse\",\"name\":\"Ann\","
               "\"role\":\"OWNER\"}");
}

/* ---- the browser ---- */

static void jar_take(struct browser *b, struct str line)
{
    struct str rest = line, pair = str_split(&rest, ';'), value = pair;
    struct str name = str_split(&value, '=');
    bool cleared = str_find(line, STR("; Max-Age=0;")) != SIZE_MAX;
    size_t i = 0;
    assert_true(str_find(line, STR("; HttpOnly")) != SIZE_MAX);
    assert_true(str_find(line, STR("; Path=/")) != SIZE_MAX);
    assert_true(str_find(line, STR("; SameSite=Lax")) != SIZE_MAX);
    b->set_cookies = str_fmt(b->r->arena, "%.*s%s%.*s", STR_ARG(b->set_cookies),
                             cleared ? " -" : " ", STR_ARG(name));
    while (i < b->jar_count && !str_eq(b->jar[i].name, name))
        i++;
    assert_true(i < JAR_MAX);
    if (i == b->jar_count)
        b->jar_count++;
    b->jar[i] = (struct header){ name, cleared ? STR_NULL : value };
}

static struct str jar_text(struct browser *b)
{
    struct str text = STR("");
    for (size_t i = 0; i < b->jar_count; i++)
        if (str_given(b->jar[i].value))
            text = str_fmt(b->r->arena, "%.*s%.*s=%.*s; ", STR_ARG(text), STR_ARG(b->jar[i].name),
                           STR_ARG(b->jar[i].value));
    return text;
}

static void answer_take(struct browser *b, struct call *c)
{
    b->status = c->reply.status;
    b->body = c->reply.body;
    b->location = b->cache = STR_NULL;
    b->set_cookies = STR("");
    for (size_t i = 0; i < c->reply.header_count; i++) {
        struct header h = c->reply.headers[i];
        if (str_is(h.name, "set-cookie"))
            jar_take(b, h.value);
        else if (str_is(h.name, "location"))
            b->location = h.value;
        else if (str_is(h.name, "cache-control"))
            b->cache = h.value;
    }
}

/* `extra` is one more header line, or NULL. */
static int ask(struct browser *b, const char *method, const char *path, const char *extra,
               const char *body)
{
    struct call *c = arena_new_of(b->r->arena, struct call);
    struct header h[3];
    struct str query = str_of(path), line = str_of(extra);
    call_init(c, &b->r->app, b->r->arena);
    c->cx.now_ms = b->r->cx.now_ms;
    c->cx.remote_addr = STR("10.0.0.1");
    c->rq = (struct raw_request){ .face = FACE_HTTP,
                                  .method = method_parse(str_of(method)),
                                  .path = str_split(&query, '?'),
                                  .query = query,
                                  .headers = h,
                                  .remote_addr = c->cx.remote_addr,
                                  .body = str_of(body),
                                  .content_length = body ? (int64_t)strlen(body) : 0 };
    h[c->rq.header_count++] = (struct header){ STR("host"), STR("ops.example.test") };
    h[c->rq.header_count++] = (struct header){ STR("cookie"), jar_text(b) };
    if (extra) {
        h[2].name = str_split(&line, ':');
        h[2].value = str_trim(line);
        c->rq.header_count++;
    }
    call_run(c);
    answer_take(b, c);
    call_release(c);
    return b->status;
}

static int post_form(struct browser *b, const char *path, const char *fields)
{
    struct str body = str_fmt(b->r->arena, "%s&csrfToken=%.*s", fields, STR_ARG(b->csrf));
    return ask(b, "POST", path, FORM, str_cstr(b->r->arena, body));
}

static void csrf_get(struct browser *b)
{
    struct json j;
    struct json_fault fault;
    assert_int_equal(ask(b, "GET", "/api/auth/csrf", NULL, NULL), 200);
    assert_int_equal(json_parse(b->r->arena, b->body, NULL, &j, &fault), OK);
    b->csrf = json_text(&j, "csrfToken");
    assert_int_equal(b->csrf.len, 64);
}

static void sign_in(struct browser *b)
{
    csrf_get(b);
    assert_int_equal(post_form(b, "/api/auth/callback/credentials", GOOD), 200);
    assert_str(b->body, "{\"url\":\"" BASE "\"}");
}

static void body_has(struct browser *b, const char *part)
{
    if (str_find(b->body, str_of(part)) == SIZE_MAX)
        fail_msg("no %s in %.*s", part, STR_ARG(b->body));
}

#define BROWSER(state)                                                                             \
    ROOMS(state)                                                                                   \
    begin(r);                                                                                      \
    ann_added(r);                                                                                  \
    struct browser b = { .r = r }

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
    body_has(&b, "{\"user\":{\"name\":\"Ann\",\"email\":\"ann@example.test\",\"id\":\"c");
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
    end(r);
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
    end(r);
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
    end(r);
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
    body_has(&b, "\"name\":\"Ann\"");
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
    end(r);
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
    end(r);
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
    end(r);
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
    end(r);
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
    end(r);
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
    end(r);
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
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_session_from_begin_to_end),     ROOMS_TEST(sign_in_refuses),
        ROOMS_TEST(what_nextauth_does_not_have),     ROOMS_TEST(session_update_and_garbage),
        ROOMS_TEST(sessions_slide_and_end),          ROOMS_TEST(a_new_password_ends_sessions),
        ROOMS_TEST(sessions_are_listed_and_revoked), ROOMS_TEST(foreign_workspaces_are_not_there),
        ROOMS_TEST(the_operator_sets_up_once),       ROOMS_TEST(foreign_tokens_by_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
