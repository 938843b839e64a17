/* Paths: literals before parameters, methods told, traversal refused. */
#include "op/router.h"
#include "testing.h"

static const struct op ops[] = {
    { .name = "list", .kind = OP_JSON, .http = "GET /api/things" },
    { .name = "add", .kind = OP_JSON, .http = "POST /api/things" },
    { .name = "get", .kind = OP_JSON, .http = "GET /api/things/{id}" },
    { .name = "labels", .kind = OP_JSON, .http = "GET /api/things/labels" },
    { .name = "rename", .kind = OP_JSON, .http = "PATCH /api/things/{thingId}" },
    { .name = "part", .kind = OP_STREAM, .http = "GET /api/things/{id}/parts/{part}" },
    { .name = "root", .kind = OP_JSON, .http = "GET /" },
};
/* The same beside rows that take rests. */
static const struct op rest_ops[] = {
    { .name = "page", .kind = OP_DOWNLOAD, .http = "GET /{page...}" },
    { .name = "asset", .kind = OP_DOWNLOAD, .http = "GET /assets/{name}" },
    { .name = "docs", .kind = OP_DOWNLOAD, .http = "GET /docs/{path...}" },
    { .name = "list", .kind = OP_JSON, .http = "POST /api/things" },
};

static struct router *make(void)
{
    struct router *r = router_new();
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        assert_true(router_add(r, &ops[i]));
    return r;
}

struct route_case {
    enum method m;
    const char *path, *op; /* op: name, or "405", "404", "400" */
    const char *param;
};
static const struct route_case cases[] = {
    { METHOD_GET, "/", "root", NULL },
    { METHOD_GET, "/api/things", "list", NULL },
    { METHOD_HEAD, "/api/things", "list", NULL },
    { METHOD_POST, "/api/things", "add", NULL },
    { METHOD_DELETE, "/api/things", "405", "GET, HEAD, POST" },
    { METHOD_GET, "/api/things/labels", "labels", NULL },
    { METHOD_PATCH, "/api/things/labels", "rename", "labels" },
    { METHOD_GET, "/api/things/a%20b", "get", "a b" },
    { METHOD_GET, "/api/things/a%2Fb", "get", "a/b" },
    { METHOD_GET, "/api/%74hings", "list", NULL },
    { METHOD_GET, "/api/things/x/parts/y", "part", "x" },
    { METHOD_HEAD, "/api/things/x/parts/y", "405", "GET" },
    { METHOD_GET, "/api/things/", "404", NULL },
    { METHOD_GET, "/api//things", "404", NULL },
    { METHOD_GET, "/api/thing", "404", NULL },
    { METHOD_GET, "/api/things/..", "400", NULL },
    { METHOD_GET, "/api/things/%2e%2E", "400", NULL },
    { METHOD_GET, "/api/things/%00", "400", NULL },
    { METHOD_GET, "/api/things/%zz", "400", NULL },
    { METHOD_GET, "/api/things/%4", "400", NULL },
    { METHOD_GET, "/api/things/%ff", "400", NULL },
    { METHOD_GET, "*", "400", NULL },
    { METHOD_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "404", NULL },
};

static void expect_cases(struct router *r, const struct route_case *list, size_t list_count)
{
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < list_count; i++) {
        const struct op *op = NULL;
        struct pair params[8];
        size_t count = 0;
        struct str allow = STR_NULL;
        enum route_result got =
            router_find(r, a, list[i].m, str_of(list[i].path), &op, params, &count, &allow);
        const char *name = got == ROUTE_FOUND       ? op->name
                           : got == ROUTE_NO_METHOD ? "405"
                           : got == ROUTE_NONE      ? "404"
                                                    : "400";
        if (strcmp(name, list[i].op) != 0)
            fail_msg("%s: %s, not %s", list[i].path, name, list[i].op);
        if (got == ROUTE_NO_METHOD)
            assert_true(str_is(allow, list[i].param));
        else if (list[i].param)
            assert_true(str_is(params[0].value, list[i].param));
    }
    arena_free(a);
}

static void finds_and_refuses(void **state)
{
    (void)state;
    struct router *r = make();
    expect_cases(r, cases, sizeof cases / sizeof *cases);
    router_free(r);
}

static const struct route_case rest_cases[] = {
    { METHOD_GET, "/", "page", "" },
    { METHOD_HEAD, "/", "page", "" },
    { METHOD_GET, "/chat", "page", "chat" },
    { METHOD_GET, "/chat/a%20b/", "page", "chat/a%20b/" },
    { METHOD_GET, "//", "page", "/" },
    { METHOD_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "page", NULL },
    { METHOD_POST, "/chat", "404", NULL },
    { METHOD_DELETE, "/", "404", NULL },
    { METHOD_GET, "/assets/a.js", "asset", "a.js" },
    { METHOD_GET, "/assets/a/b", "404", NULL },
    { METHOD_GET, "/assets", "404", NULL },
    { METHOD_GET, "/assets/", "404", NULL },
    { METHOD_GET, "/docs", "docs", "" },
    { METHOD_GET, "/docs/guide/chat", "docs", "guide/chat" },
    { METHOD_GET, "/api", "404", NULL },
    { METHOD_GET, "/api/none", "404", NULL },
    { METHOD_GET, "/api//none", "404", NULL },
    { METHOD_GET, "/api/things", "405", "POST" },
    { METHOD_GET, "/chat/..", "400", NULL },
    { METHOD_GET, "/chat/%zz", "400", NULL },
};

static void a_rest_takes_what_no_row_begins(void **state)
{
    (void)state;
    struct router *r = router_new();
    struct op inner = { .name = "inner", .http = "GET /{a...}/b" };
    for (size_t i = 0; i < sizeof rest_ops / sizeof *rest_ops; i++)
        assert_true(router_add(r, &rest_ops[i]));
    assert_false(router_add(r, &inner));
    expect_cases(r, rest_cases, sizeof rest_cases / sizeof *rest_cases);
    router_free(r);
}

static void names_parameters_as_the_row_does(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct router *r = make();
    const struct op *op;
    struct pair params[8];
    size_t count;
    struct str allow;
    assert_int_equal(
        router_find(r, a, METHOD_PATCH, STR("/api/things/7"), &op, params, &count, &allow),
        ROUTE_FOUND);
    assert_true(str_is(params[0].name, "thingId"));
    router_free(r);
    arena_free(a);
}

static void refuses_the_same_route_twice(void **state)
{
    (void)state;
    struct router *r = make();
    struct op again = { .name = "again", .http = "GET /api/things/{other}" };
    struct op bad = { .name = "bad", .http = "FETCH /x" };
    assert_false(router_add(r, &again));
    assert_false(router_add(r, &bad));
    router_free(r);
}

static void decodes_pairs(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct pair *p;
    size_t n;
    assert_int_equal(url_pairs(&cx, STR("a=1+2&b=%C3%BC&&c"), &p, &n), OK);
    assert_int_equal(n, 3);
    assert_true(str_is(p[0].value, "1 2"));
    assert_true(str_is(p[1].value, "ü"));
    assert_true(str_is(p[2].name, "c") && p[2].value.len == 0);
    assert_int_equal(url_pairs(&cx, STR("a=%"), &p, &n), ERR_VALIDATION);
    char many[400];
    memset(many, '&', sizeof many);
    assert_int_equal(url_pairs(&cx, (struct str){ many, sizeof many }, &p, &n), ERR_VALIDATION);
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_and_refuses),
        cmocka_unit_test(a_rest_takes_what_no_row_begins),
        cmocka_unit_test(names_parameters_as_the_row_does),
        cmocka_unit_test(refuses_the_same_route_twice),
        cmocka_unit_test(decodes_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
