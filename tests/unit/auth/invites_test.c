/* Invites: a link holds once, for its address, as long as who invited could still give the role;
 * and nothing tells an inviter whether the address has an account. */
#include "unit/auth/browser.h"

#include <stdio.h>

#include "auth/invites.h"

#define INVITE "{\"email\":\"%s@example.test\",\"role\":\"%s\"}"
#define NEW_HERE "{\"name\":\"Nia\",\"password\":\"a long enough one\"}"

static struct str invited(struct rooms *r, const char *as, const char *name, const char *role)
{
    char arguments[128];
    snprintf(arguments, sizeof arguments, INVITE, name, role);
    struct call *c = operate_in(r->arena, r, as, "create_invite", arguments);
    if (c->reply.status != 201)
        fail_msg("%d %.*s", c->reply.status, STR_ARG(c->reply.body));
    struct str link = answer_text(r, c->reply.body, "invite", "link");
    assert_true(str_starts(link, STR(BASE "/invite/")));
    struct str token = str_sub(link, strlen(BASE "/invite/"), link.len);
    assert_int_equal(token.len, INVITE_TOKEN_CHARS);
    return token;
}

static const char *accept_path(struct rooms *r, struct str token)
{
    return str_cstr(r->arena, str_fmt(r->arena, "/api/invites/%.*s/accept", STR_ARG(token)));
}

static int accept(struct browser *b, struct str token, const char *body)
{
    return ask_json(b, "POST", accept_path(b->r, token), body);
}

static int sign_in_as(struct browser *b, const char *email, const char *password)
{
    char form[160];
    b->r->cx.now_ms += 6 * 60 * 1000;
    csrf_get(b);
    snprintf(form, sizeof form, "email=%s%%40example.test&password=%s&json=true", email, password);
    return post_form(b, SIGN_IN, form);
}

static void somebody_new_joins(void **state)
{
    BROWSER(state);
    struct str token = invited(r, "ann@example.test", "nia", "VIEWER");
    assert_int_equal(ask(&b, "GET", accept_path(r, token), NULL, NULL), 200);
    body_has(&b, "\"email\":\"nia@example.test\",\"role\":\"VIEWER\",\"workspaceName\":\"one\"");
    body_has(&b, "\"hasAccount\":false");
    assert_int_equal(accept(&b, token, "{}"), 400);
    body_has(&b, "\"name\":[");
    body_has(&b, "\"password\":[");
    assert_int_equal(accept(&b, token, "{\"name\":\"Nia\",\"password\":\"nia@example.test\"}"),
                     400);
    assert_int_equal(accept(&b, token, "{\"name\":\"Nia\",\"password\":\"short\"}"), 400);
    r->cx.now_ms += 6 * 60 * 1000;
    assert_int_equal(accept(&b, token, NEW_HERE), 200);
    body_has(&b, "\"role\":\"VIEWER\",\"workspaceId\":\"one\",\"organizationId\":\"org\"");
    assert_int_equal(accept(&b, token, NEW_HERE), 410);
    assert_int_equal(ask(&b, "GET", accept_path(r, token), NULL, NULL), 410);
    assert_int_equal(sign_in_as(&b, "nia", "a+long+enough+one"), 200);
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    body_has(&b, "\"role\":\"VIEWER\",\"organizationRole\":\"VIEWER\"");
    browser_end(r);
}

static void who_has_an_account_joins_with_it(void **state)
{
    BROWSER(state);
    struct str mia = person_added(r, "mia", "MEMBER");
    struct browser other = { .r = r };
    assert_int_equal(operate_as(r, NULL, "remove_member", "{\"id\":\"%.*s\"}", STR_ARG(mia)), 200);
    struct str token = invited(r, "ann@example.test", "MIA", "ADMIN");
    assert_int_equal(ask(&b, "GET", accept_path(r, token), NULL, NULL), 200);
    body_has(&b, "\"hasAccount\":true");
    assert_int_equal(accept(&b, token, NEW_HERE), 401);
    sign_in(&other); /* ann */
    assert_int_equal(accept(&other, token, "{}"), 403);
    assert_int_equal(sign_in_as(&b, "mia", "correct+horse"), 200);
    assert_int_equal(accept(&b, token, NEW_HERE), 400);
    body_has(&b, "\"password\":[");
    struct str csrf = b.csrf;
    b.csrf = STR_NULL;
    assert_int_equal(accept(&b, token, "{}"), 403); /* a session without its token */
    b.csrf = csrf;
    assert_int_equal(accept(&b, token, "{}"), 200);
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    body_has(&b, "\"role\":\"ADMIN\",\"organizationRole\":\"MEMBER\"");
    r->cx.now_ms += 6 * 60 * 1000;
    assert_int_equal(accept(&b, token, "{}"), 410);
    /* Signed in as somebody, nobody else's account is made. */
    token = invited(r, "ann@example.test", "nia", "MEMBER");
    assert_int_equal(accept(&b, token, NEW_HERE), 403);
    browser_end(r);
}

static void links_end(void **state)
{
    BROWSER(state);
    struct str ada = person_added(r, "ada", "ADMIN");
    struct str first = invited(r, "ann@example.test", "nia", "MEMBER");
    struct str second = invited(r, "ann@example.test", "Nia", "MEMBER");
    assert_int_equal(accept(&b, first, NEW_HERE), 410); /* replaced */
    struct str body = operate_ok(r, "list_invites", "{}")->reply.body;
    assert_true(str_find(body, second) == SIZE_MAX && str_find(body, STR("link")) == SIZE_MAX);
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(r->arena, body, NULL, &j, &fault), OK);
    assert_int_equal(json_get(&j, "invites")->count, 1);
    struct str id = json_text(&json_get(&j, "invites")->items[0], "id");
    assert_int_equal(
        operate_as(r, "ada@example.test", "revoke_invite", "{\"id\":\"%.*s\"}", STR_ARG(id)), 200);
    assert_int_equal(
        operate_as(r, "ada@example.test", "revoke_invite", "{\"id\":\"%.*s\"}", STR_ARG(id)), 410);
    assert_int_equal(operate_as(r, NULL, "revoke_invite", "{\"id\":\"nothing\"}"), 404);
    assert_int_equal(accept(&b, second, NEW_HERE), 410);
    /* Seven days. */
    struct str third = invited(r, "ann@example.test", "nia", "MEMBER");
    r->cx.now_ms += 7ll * DAY_MS - 1;
    assert_int_equal(ask(&b, "GET", accept_path(r, third), NULL, NULL), 200);
    r->cx.now_ms += 1;
    assert_int_equal(accept(&b, third, NEW_HERE), 410);
    /* Who invited is an ADMIN no more. */
    struct str fourth = invited(r, "ada@example.test", "nia", "ADMIN");
    assert_int_equal(operate_as(r, NULL, "update_organization_member",
                                "{\"orgId\":\"org\",\"memberId\":\"%.*s\",\"role\":\"MEMBER\"}",
                                STR_ARG(ada)),
                     200);
    assert_int_equal(
        operate_as(r, NULL, "update_member", "{\"id\":\"%.*s\",\"role\":\"MEMBER\"}", STR_ARG(ada)),
        200);
    assert_int_equal(accept(&b, fourth, NEW_HERE), 410);
    r->cx.now_ms += 6 * 60 * 1000;
    assert_int_equal(ask(&b, "GET", accept_path(r, STR("nothing")), NULL, NULL), 404);
    assert_int_equal(accept(&b, STR("nothing"), NEW_HERE), 404);
    browser_end(r);
}

static void invites_are_bounded(void **state)
{
    ROOMS(state);
    browser_begin(r);
    ann_added(r);
    person_added(r, "ada", "ADMIN");
    person_added(r, "mia", "MEMBER");
    assert_int_equal(operate_as(r, "mia@example.test", "create_invite", INVITE, "nia", "VIEWER"),
                     403);
    assert_int_equal(operate_as(r, "ada@example.test", "create_invite", INVITE, "nia", "OWNER"),
                     403);
    assert_int_equal(operate_as(r, "ada@example.test", "create_invite", INVITE, "mia", "VIEWER"),
                     409);
    assert_int_equal(
        operate_as(r, "ada@example.test", "create_invite", "{\"email\":\"x\",\"role\":\"MEMBER\"}"),
        400);
    for (int i = 0; i < INVITES_OPEN_MAX; i++)
        assert_int_equal(operate_as(r, "ada@example.test", "create_invite",
                                    "{\"email\":\"p%d@example.test\",\"role\":\"MEMBER\"}", i),
                         201);
    assert_int_equal(operate_as(r, "ada@example.test", "create_invite", INVITE, "nia", "MEMBER"),
                     409);
    assert_int_equal(operate_as(r, "ada@example.test", "create_invite", INVITE, "p7", "MEMBER"),
                     201);
    r->cx.now_ms += 8ll * DAY_MS;
    assert_int_equal(operate_as(r, "ada@example.test", "create_invite", INVITE, "nia", "MEMBER"),
                     201);
    browser_end(r);
}

/* The inviter's answer has one shape and one cost, and nobody's account shows in it. */
static void an_inviter_learns_nothing(void **state)
{
    ROOMS(state);
    browser_begin(r);
    ann_added(r);
    struct str known = person_added(r, "mia", "MEMBER");
    assert_int_equal(operate_as(r, NULL, "remove_member", "{\"id\":\"%.*s\"}", STR_ARG(known)),
                     200);
    static const char *const names[] = { "mia", "nia" };
    struct str bodies[2];
    long long before = atomic_load(&r->app.auth->password_evaluations);
    for (size_t i = 0; i < 2; i++) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, INVITE, names[i], "MEMBER");
        bodies[i] =
            operate_in(r->arena, r, "ann@example.test", "create_invite", arguments)->reply.body;
    }
    assert_int_equal(bodies[0].len, bodies[1].len);
    assert_int_equal(atomic_load(&r->app.auth->password_evaluations), before);
    struct str list = operate_ok(r, "list_invites", "{}")->reply.body;
    assert_true(str_find(list, STR("ccount")) == SIZE_MAX && str_find(list, known) == SIZE_MAX);
    browser_end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(somebody_new_joins),
        ROOMS_TEST(who_has_an_account_joins_with_it),
        ROOMS_TEST(links_end),
        ROOMS_TEST(invites_are_bounded),
        ROOMS_TEST(an_inviter_learns_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
