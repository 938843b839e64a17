/* A row that forgets something does not start: every rule is broken once. */
#include "base/buf.h"
#include "op/registry.h"
#include "testing.h"

struct in {
    struct str id;
};
static const struct field in_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct in, id),
      .doc = "Which" },
    FIELD_END,
};
static const struct field org_fields[] = {
    { .name = "orgId",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct in, id),
      .doc = "Which organisation" },
    FIELD_END,
};
static const struct field undocumented[] = {
    { .name = "id", .type = FIELD_ID, .from = FROM_PATH, .offset = FIELD_AT(struct in, id) },
    FIELD_END,
};
static const struct field out_fields[] = {
    { .name = "id", .type = FIELD_ID, .offset = FIELD_AT(struct in, id), .doc = "Which" },
    FIELD_END,
};
static enum err run(struct cx *cx, const void *in, void *out)
{
    (void)cx;
    (void)in;
    (void)out;
    return OK;
}
static const struct op_tool tool = { .level = 1, .doc = "Does it" };

static struct op good(void)
{
    return (struct op){ .name = "do_it",
                        .kind = OP_JSON,
                        .http = "POST /api/it/{id}",
                        .category = "it",
                        .auth = AUTH_SESSION,
                        .roles = ROLES_MEMBER_UP,
                        .tx = TX_WRITE,
                        .lane = LANE_WORKER,
                        .rate = RATE_WRITE,
                        .effect = EFFECT_WRITE,
                        .tool = &tool,
                        .in = in_fields,
                        .in_size = sizeof(struct in),
                        .out = out_fields,
                        .out_size = sizeof(struct in),
                        .run = run,
                        .summary = "Do it",
                        .doc = "It is done." };
}

static void expect(struct op op, const char *word)
{
    char error[4000] = "";
    struct registry_table t = { &op, 1 };
    struct registry *r = registry_new(&t, 1, error, sizeof error);
    if (r || !strstr(error, word))
        fail_msg("expected \"%s\", got \"%s\"", word, error);
}
#define BREAK(change, word)                                                                        \
    do {                                                                                           \
        struct op op = good();                                                                     \
        change;                                                                                    \
        expect(op, word);                                                                          \
    } while (0)

static void every_rule_is_kept(void **state)
{
    (void)state;
    static const struct op_tool level4 = { .level = 4, .doc = "x" }, silent = { .level = 0 };
    BREAK(op.name = "Do-It", "its name");
    BREAK(op.kind = 0, "no kind");
    BREAK(op.auth = 0, "no auth");
    BREAK(op.roles = 0, "no roles");
    BREAK((op.roles = ROLES_ANY, op.org_roles = ROLES_OWNER), "without the argument orgId");
    BREAK(op.org_roles = ROLES_OWNER, "in the workspace and for one in the organisation");
    BREAK(op.tx = 0, "no tx");
    BREAK(op.lane = 0, "no lane");
    BREAK(op.rate = 0, "no rate");
    BREAK(op.rate = RATE_NONE, "needs a rate");
    BREAK(op.effect = 0, "no effect");
    BREAK(op.effect = EFFECT_READ, "says that it reads");
    BREAK(op.auth = AUTH_OPERATOR, "has no route");
    BREAK(op.http = "POST it", "METHOD /path");
    BREAK(op.http = "GET /api/it/{id}", "must not write");
    BREAK(op.http = "POST /api/it/{other}", "no FROM_PATH field");
    BREAK(op.summary = NULL, "no summary");
    BREAK(op.category = "", "no category");
    BREAK(op.doc = NULL, "no doc");
    BREAK(op.tool = &level4, "level");
    BREAK(op.tool = &silent, "no tool doc");
    BREAK(op.in = undocumented, "has no doc");
    BREAK(op.in_size = 0, "in_size");
    BREAK(op.out_size = 0, "out_size");
    BREAK(op.run = NULL, "no function");
}

static void duplicates_are_found(void **state)
{
    (void)state;
    struct op two[] = { good(), good() };
    char error[4000] = "";
    struct registry_table t = { two, 2 };
    assert_null(registry_new(&t, 1, error, sizeof error));
    assert_non_null(strstr(error, "declared twice"));
    assert_non_null(strstr(error, "taken"));
}

static void finds_by_name_and_writes_documents(void **state)
{
    (void)state;
    struct op op = good();
    char error[1000] = "";
    struct registry_table t = { &op, 1 };
    struct registry *r = registry_new(&t, 1, error, sizeof error);
    assert_non_null(r);
    assert_ptr_equal(registry_find(r, STR("do_it")), &op);
    assert_null(registry_find(r, STR("do_i")));
    assert_int_equal(registry_index(r, &op), 0);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    registry_openapi(r, STR("http://x"), &b);
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(a, buf_str(&b), NULL, &j, &fault), OK);
    const struct json *post = json_get(json_get(json_get(&j, "paths"), "/api/it/{id}"), "post");
    assert_int_equal(json_get(post, "x-roles")->count, 3);
    assert_true(json_get(post, "x-no-body")->boolean);
    buf_clear(&b);
    registry_operations_json(r, &b);
    assert_int_equal(json_parse(a, buf_str(&b), NULL, &j, &fault), OK);
    assert_true(str_is(json_text(&j.items[0], "effect"), "W"));
    buf_clear(&b);
    registry_access_matrix(r, &b);
    assert_true(str_find(buf_str(&b), STR("`do_it`")) < b.len);
    buf_release(&b);
    arena_free(a);
    registry_free(r);
}

/* Whatever the level, the document says it in x-roles: of two rows that differ in it alone. */
static void the_document_says_where_a_role_is_asked(void **state)
{
    (void)state;
    struct op rows[] = { good(), good() };
    rows[1].name = "do_it_all";
    rows[1].http = "DELETE /api/organizations/{orgId}/it";
    rows[1].in = org_fields;
    rows[1].roles = ROLES_ANY;
    rows[1].org_roles = ROLES_ADMIN_UP;
    rows[1].tool = NULL;
    char error[1000] = "";
    struct registry_table t = { rows, 2 };
    struct registry *r = registry_new(&t, 1, error, sizeof error);
    assert_non_null(r);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    registry_openapi(r, STR("http://x"), &b);
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(a, buf_str(&b), NULL, &j, &fault), OK);
    const struct json *paths = json_get(&j, "paths");
    const struct json *here = json_get(json_get(paths, "/api/it/{id}"), "post");
    const struct json *above = json_get(json_get(paths, "/api/organizations/{orgId}/it"), "delete");
    assert_null(json_get(here, "x-role-scope"));
    assert_int_equal(json_get(above, "x-roles")->count, 2);
    assert_true(str_is(json_get(above, "x-roles")->items[0].text, "OWNER"));
    assert_true(str_is(json_get(above, "x-roles")->items[1].text, "ADMIN"));
    assert_true(str_is(json_text(above, "x-role-scope"), "organization"));
    buf_release(&b);
    arena_free(a);
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_is_kept),
        cmocka_unit_test(duplicates_are_found),
        cmocka_unit_test(finds_by_name_and_writes_documents),
        cmocka_unit_test(the_document_says_where_a_role_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
