/* Audit: a row lives and dies with its deed; refusals are kept without holding anybody up, bounded,
 * and counted where they are many; lists keep to their workspace. */
#include "unit/op_call.h"

#include "audit/audit.h"
#include "db/driver.h"
#include "unit/rooms_sql.h"

struct all {
    struct rooms_audit_all_row *rows;
    size_t count;
};
static enum err read_all(struct cx *cx, void *arg)
{
    struct all *a = arg;
    return rooms_audit_all(cx, &a->rows, &a->count);
}
static struct all rows_now(struct rooms *r)
{
    struct all a;
    assert_ok(&r->cx, db_read(&r->cx, read_all, &a));
    return a;
}

static const struct op deed = { .name = "create_thing", .auth = AUTH_SESSION };

static enum err succeed(struct cx *cx, void *arg)
{
    (void)arg;
    cx_entity(cx, "thing", STR("t1"));
    return audit_success(cx, &deed);
}
static enum err succeed_then_fail(struct cx *cx, void *arg)
{
    TRY(succeed(cx, arg));
    FAIL(cx, CONFLICT, "No.");
}

static void a_row_lives_and_dies_with_its_deed(void **state)
{
    ROOMS(state);
    assert_int_equal(db_write(&r->cx, succeed_then_fail, NULL), ERR_CONFLICT);
    assert_int_equal(rows_now(r).count, 0);
    assert_ok(&r->cx, db_write(&r->cx, succeed, NULL));
    struct all a = rows_now(r);
    assert_int_equal(a.count, 1);
    assert_str(a.rows[0].workspace_id, "one");
    assert_str(a.rows[0].action, "create_thing");
    assert_str(a.rows[0].outcome, "OK");
    assert_str(a.rows[0].actor_kind, "USER");
    assert_str(a.rows[0].actor_id, "ann");
    assert_str(a.rows[0].entity_type, "thing");
    assert_str(a.rows[0].entity_id, "t1");
    assert_false(str_given(a.rows[0].severity));
}

static void a_key_acts_on_behalf_of_its_user(void **state)
{
    ROOMS(state);
    r->cx.principal.kind = PRINCIPAL_AGENT_KEY;
    r->cx.principal.key_id = STR("key1");
    assert_ok(&r->cx, db_write(&r->cx, succeed, NULL));
    struct all a = rows_now(r);
    assert_str(a.rows[0].actor_kind, "AGENT_KEY");
    assert_str(a.rows[0].actor_id, "key1");
    assert_str(a.rows[0].on_behalf_of, "ann");
}

static void refuse(struct rooms *r, enum err why, const struct raw_request *rq)
{
    struct raw_request none = { 0 };
    cx_fail(&r->cx, why, "Refused, %s.", "really");
    audit_refused(&r->cx, &deed, rq ? rq : &none, why);
}

static void refusals_have_their_types(void **state)
{
    ROOMS(state);
    static const struct {
        enum err why;
        const char *type, *severity;
    } cases[] = {
        { ERR_FORBIDDEN, "ROLE_DENIED", "WARNING" },
        { ERR_CSRF_INVALID, "CSRF_REJECTED", "WARNING" },
        { ERR_ORIGIN_REFUSED, "CSRF_REJECTED", "WARNING" },
        { ERR_AUTONOMY_LEVEL_REQUIRED, "AUTONOMY_LEVEL_REQUIRED", "WARNING" },
        { ERR_STALE_CLAIM, "STALE_CLAIM", "INFO" },
    };
    size_t n = sizeof cases / sizeof *cases;
    r->app.audit = audit_log_new(&r->app);
    for (size_t i = 0; i < n; i++) {
        r->cx.now_ms++;
        refuse(r, cases[i].why, NULL);
    }
    refuse(r, ERR_VALIDATION, NULL); /* an ordinary mistake is no event */
    refuse(r, ERR_NOT_FOUND, NULL);
    assert_int_equal(rows_now(r).count, 0);
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, false), OK);
    struct all a = rows_now(r);
    assert_int_equal(a.count, n);
    for (size_t i = 0; i < n; i++) {
        assert_str(a.rows[i].type, cases[i].type);
        assert_str(a.rows[i].severity, cases[i].severity);
        assert_str(a.rows[i].outcome, err_info(cases[i].why)->code);
        assert_str(a.rows[i].message, "Refused, really.");
        assert_str(a.rows[i].actor_id, "ann");
    }
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

static void a_foreign_workspace_is_an_event(void **state)
{
    ROOMS(state);
    const struct header h = { STR("x-workspace-id"), STR("two") };
    const struct raw_request rq = { .headers = &h, .header_count = 1 };
    r->app.audit = audit_log_new(&r->app);
    r->cx.principal.workspace_id = STR_NULL;
    refuse(r, ERR_NOT_FOUND, &rq);
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, false), OK);
    struct all a = rows_now(r);
    assert_int_equal(a.count, 1);
    assert_str(a.rows[0].type, "CROSS_WORKSPACE_DENIED");
    assert_str(a.rows[0].workspace_id, "");
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

static enum err script(struct cx *cx, void *text)
{
    return db_exec(cx, str_of(text));
}

/* All look alike for whoever asked; afterwards what is another workspace's is an event. */
static void what_is_of_another_workspace_is_an_event(void **state)
{
    ROOMS(state);
    static const char others[] =
        "INSERT INTO audit (id, workspace_id, created_at, action, outcome, actor_kind, entity_type,"
        " entity_id) VALUES"
        " ('deed', 'two', 1, 'create_document', 'OK', 'USER', 'document', 'theirs'),"
        " ('d2', 'one', 2, 'create_document', 'OK', 'USER', 'document', 'ours'),"
        " ('d3', 'one', 3, 'update_price', 'OK', 'USER', 'price', 'both'),"
        " ('d4', 'two', 4, 'update_price', 'OK', 'USER', 'price', 'both'),"
        " ('d5', '', 5, 'sign_in', 'OK', 'USER', 'session', 'nobodys');"
        "INSERT INTO threads (workspace_id, id, user_id, client_id, activity_at, created_at,"
        " updated_at) VALUES ('two', 't', 'eve', 'their-chat', 1, 1, 1)";
    static const char *const ids[] = { "theirs",  "ours", "both",       "nobodys",
                                       "nowhere", "deed", "their-chat", "" };
    r->app.audit = audit_log_new(&r->app);
    assert_ok(&r->cx, db_write(&r->cx, script, (void *)others));
    size_t before = rows_now(r).count;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        cx_entity(&r->cx, "documents", str_of(ids[i]));
        refuse(r, ERR_NOT_FOUND, NULL);
    }
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, false), OK);
    struct all a = rows_now(r);
    assert_int_equal(a.count, before + 3);
    for (size_t i = before; i < a.count; i++) {
        assert_str(a.rows[i].type, "CROSS_WORKSPACE_DENIED");
        assert_str(a.rows[i].workspace_id, "one");
        assert_str(a.rows[i].actor_id, "ann");
        assert_str(a.rows[i].outcome, "NOT_FOUND");
        assert_true(str_is(a.rows[i].entity_id, "theirs") || str_is(a.rows[i].entity_id, "deed") ||
                    str_is(a.rows[i].entity_id, "their-chat"));
    }
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

/* What may be no event leaves room for what is one. */
static void guesses_do_not_crowd_out_events(void **state)
{
    ROOMS(state);
    r->app.audit = audit_log_new(&r->app);
    cx_entity(&r->cx, "documents", STR("nowhere"));
    for (int i = 0; i < 600; i++)
        refuse(r, ERR_NOT_FOUND, NULL);
    for (int i = 0; i < 500; i++)
        refuse(r, ERR_FORBIDDEN, NULL);
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, false), OK);
    struct all a = rows_now(r);
    assert_int_equal(a.count, 501);
    int64_t denied = 0, dropped = 0;
    for (size_t i = 0; i < a.count; i++) {
        denied += str_is(a.rows[i].type, "ROLE_DENIED");
        dropped += str_is(a.rows[i].type, "EVENTS_DROPPED") ? a.rows[i].count : 0;
    }
    assert_int_equal(denied, 500);
    assert_int_equal(dropped, 88);
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

/* The refusal of an account is its workspace's to see; of an address that has none, nobody's. */
static void an_accounts_event_is_of_its_workspace(void **state)
{
    ROOMS(state);
    static const char member[] =
        "INSERT INTO workspace_members (workspace_id, user_id, role, created_at, updated_at)"
        " VALUES ('two', 'eve', 'OWNER', 1, 1)";
    static const struct str accounts[] = { { "eve", 3 }, { "bob", 3 }, { NULL, 0 } };
    r->app.audit = audit_log_new(&r->app);
    assert_ok(&r->cx, db_write(&r->cx, script, (void *)member));
    r->cx.principal = (struct principal){ 0 };
    r->cx.remote_addr = STR("192.0.2.1");
    for (int i = 0; i < 30; i++)
        audit_event(&r->cx, &(struct audit_row){ .action = STR("sign_in"),
                                                 .type = STR("AUTH_FAILED"),
                                                 .outcome = STR("UNAUTHORIZED"),
                                                 .account = accounts[i % 3] });
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, true), OK);
    struct all a = rows_now(r);
    assert_int_equal(a.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(a.rows[i].count, 10);
        bool eve = str_is(a.rows[i].entity_id, "eve");
        assert_str(a.rows[i].workspace_id, eve ? "two" : "");
        assert_str(a.rows[i].actor_kind, "ANONYMOUS");
        assert_false(str_given(a.rows[i].actor_id));
    }
    /* Her OWNERs read it, and whose account it is about. */
    rooms_as(r, "eve", "two");
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, "list_security_events"),
                         .arguments = "{\"type\":\"AUTH_FAILED\"}" };
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(&c.answer, "events")->count, 1);
    const struct json *e = &json_get(&c.answer, "events")->items[0];
    assert_str(json_text(e, "message"),
               "To the account eve, so many in one minute from this address");
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

static void strangers_are_counted_by_the_minute(void **state)
{
    ROOMS(state);
    r->app.audit = audit_log_new(&r->app);
    r->cx.principal = (struct principal){ 0 };
    for (int i = 0; i < 100; i++) {
        r->cx.remote_addr = i % 4 ? STR("192.0.2.1") : STR("192.0.2.2");
        refuse(r, ERR_UNAUTHORIZED, NULL);
    }
    refuse(r, ERR_RATE_LIMITED, NULL);
    /* The minute is not over. */
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, false), OK);
    assert_int_equal(rows_now(r).count, 0);
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms + 60000, false), OK);
    struct all a = rows_now(r);
    assert_int_equal(a.count, 3);
    int64_t total = 0;
    for (size_t i = 0; i < a.count; i++) {
        assert_str(a.rows[i].workspace_id, "");
        if (str_is(a.rows[i].type, "AUTH_FAILED")) {
            assert_int_equal(a.rows[i].count, str_is(a.rows[i].remote_addr, "192.0.2.1") ? 75 : 25);
            total += a.rows[i].count;
        }
    }
    assert_int_equal(total, 100);
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

static void memory_is_bounded_and_losses_are_told(void **state)
{
    ROOMS(state);
    r->app.audit = audit_log_new(&r->app);
    for (int i = 0; i < 1030; i++)
        refuse(r, ERR_FORBIDDEN, NULL);
    r->cx.principal = (struct principal){ 0 };
    for (int i = 0; i < 3000; i++) {
        r->cx.remote_addr = str_fmt(r->arena, "10.0.%d.%d", i / 256, i % 256);
        refuse(r, ERR_UNAUTHORIZED, NULL);
    }
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, true), OK);
    struct all a = rows_now(r);
    int64_t denied = 0, failed = 0, dropped = 0;
    for (size_t i = 0; i < a.count; i++) {
        denied += str_is(a.rows[i].type, "ROLE_DENIED") ? a.rows[i].count : 0;
        failed += str_is(a.rows[i].type, "AUTH_FAILED") ? a.rows[i].count : 0;
        dropped += str_is(a.rows[i].type, "EVENTS_DROPPED") ? a.rows[i].count : 0;
    }
    assert_int_equal(denied, 1024);
    assert_true(failed <= 1024);
    assert_int_equal(denied + failed + dropped, 4030);
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

/* A database that cannot be written keeps the events here, and the counts stay right. */
static void a_failed_flush_keeps_everything(void **state)
{
    ROOMS(state);
    r->app.audit = audit_log_new(&r->app);
    refuse(r, ERR_FORBIDDEN, NULL);
    r->cx.request_id = STR("\xff"); /* not text: the insert is refused by PostgreSQL */
    if (r->engine == DB_SQLITE) {
        audit_log_free(r->app.audit);
        r->app.audit = NULL;
        return;
    }
    refuse(r, ERR_FORBIDDEN, NULL);
    r->cx.principal = (struct principal){ 0 };
    r->cx.remote_addr = STR("192.0.2.1");
    refuse(r, ERR_UNAUTHORIZED, NULL);
    refuse(r, ERR_UNAUTHORIZED, NULL);
    assert_int_not_equal(audit_log_flush(r->app.audit, r->cx.now_ms, true), OK);
    assert_int_not_equal(audit_log_flush(r->app.audit, r->cx.now_ms, true), OK);
    assert_int_equal(rows_now(r).count, 0);
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
}

/* ---- lists ---- */

static enum err append_many(struct cx *cx, void *arg)
{
    const int *n = arg;
    for (int i = 0; i < *n; i++) {
        cx->now_ms++;
        struct audit_row row = { .action = i % 2 ? STR("even") : STR("odd") };
        TRY(audit_append(cx, &row));
    }
    return OK;
}

static void the_trail_pages(void **state)
{
    ROOMS(state);
    int n = 7;
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, "list_audit_logs"),
                         .arguments = "{\"limit\":3}" };
    assert_ok(&r->cx, db_write(&r->cx, append_many, &n));
    assert_ok(&r->cx, op_call(r, &c));
    const struct json *p = json_get(&c.answer, "pagination");
    int64_t total = 0;
    assert_true(json_to_i64(json_get(p, "total"), &total));
    assert_int_equal(total, 7);
    assert_true(json_get(p, "hasMore")->boolean);
    struct str third = json_text(&json_get(&c.answer, "logs")->items[2], "id");
    c.arguments = str_cstr(r->arena, str_fmt(r->arena, "{\"limit\":3,\"cursor\":\"%.*s\"}",
                                             STR_ARG(json_text(p, "nextCursor"))));
    assert_ok(&r->cx, op_call(r, &c));
    struct str fourth = json_text(&json_get(&c.answer, "logs")->items[0], "id");
    assert_true(str_cmp(fourth, third) < 0);
    c.arguments = "{\"limit\":3,\"offset\":3}";
    assert_ok(&r->cx, op_call(r, &c));
    assert_true(str_eq(json_text(&json_get(&c.answer, "logs")->items[0], "id"), fourth));
    c.arguments = "{\"action\":\"even\",\"offset\":2}";
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(&c.answer, "logs")->count, 1);
    assert_false(json_get(json_get(&c.answer, "pagination"), "hasMore")->boolean);
    rooms_as(r, "eve", "two");
    c.arguments = "{}";
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(&c.answer, "logs")->count, 0);
}

static enum err append_event(struct cx *cx, void *arg)
{
    struct audit_row row = { .action = STR("mint_key"),
                             .type = STR("KEY_MINTED"),
                             .metadata = STR("{\"keyId\":\"k\"}") };
    (void)arg;
    TRY(succeed(cx, NULL));
    return audit_append(cx, &row);
}

static void events_are_the_rows_with_a_severity(void **state)
{
    ROOMS(state);
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, "list_security_events"),
                         .arguments = "{}" };
    assert_ok(&r->cx, db_write(&r->cx, append_event, NULL));
    assert_ok(&r->cx, op_call(r, &c));
    const struct json *events = json_get(&c.answer, "events");
    assert_int_equal(events->count, 1);
    assert_str(json_text(&events->items[0], "type"), "KEY_MINTED");
    assert_str(json_text(&events->items[0], "severity"), "INFO");
    assert_int_equal(json_get(&events->items[0], "seq")->type, JSON_NULL);
    assert_str(json_text(json_get(&events->items[0], "actor"), "id"), "ann");
    assert_str(json_text(json_get(&events->items[0], "metadata"), "keyId"), "k");
    c.arguments = "{\"severity\":\"CRITICAL\"}";
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(&c.answer, "events")->count, 0);
}

static void one_entry_is_found_by_its_id_in_its_workspace_only(void **state)
{
    ROOMS(state);
    struct op_call list = { .op = op_find(audit_ops, audit_ops_count, "list_security_events"),
                            .arguments = "{}" };
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, "get_audit_entry") };
    assert_ok(&r->cx, op_call(r, &list));
    assert_int_equal(json_get(json_get(&list.answer, "chain"), "since")->type, JSON_NULL);
    assert_ok(&r->cx, db_write(&r->cx, append_event, NULL));
    assert_ok(&r->cx, op_call(r, &list));
    assert_int_equal(json_get(json_get(&list.answer, "chain"), "since")->type, JSON_STRING);
    struct str id = json_text(&json_get(&list.answer, "events")->items[0], "id");
    c.arguments = str_cstr(r->arena, str_fmt(r->arena, "{\"id\":\"%.*s\"}", STR_ARG(id)));
    assert_ok(&r->cx, op_call(r, &c));
    const struct json *entry = json_get(&c.answer, "entry");
    assert_str(json_text(entry, "action"), "mint_key");
    assert_str(json_text(entry, "type"), "KEY_MINTED");
    assert_str(json_text(json_get(entry, "metadata"), "keyId"), "k");
    assert_int_equal(json_get(entry, "seq")->type, JSON_NULL);
    rooms_as(r, "eve", "two");
    assert_int_equal(op_call(r, &c), ERR_NOT_FOUND);
}

static void a_thread_writes_behind(void **state)
{
    ROOMS(state);
    r->app.audit = audit_log_new(&r->app);
    audit_log_start(r->app.audit);
    for (int i = 0; i < 500; i++)
        refuse(r, ERR_FORBIDDEN, NULL);
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
    assert_int_equal(rows_now(r).count, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_row_lives_and_dies_with_its_deed),
        ROOMS_TEST(a_key_acts_on_behalf_of_its_user),
        ROOMS_TEST(refusals_have_their_types),
        ROOMS_TEST(a_foreign_workspace_is_an_event),
        ROOMS_TEST(what_is_of_another_workspace_is_an_event),
        ROOMS_TEST(guesses_do_not_crowd_out_events),
        ROOMS_TEST(an_accounts_event_is_of_its_workspace),
        ROOMS_TEST(strangers_are_counted_by_the_minute),
        ROOMS_TEST(memory_is_bounded_and_losses_are_told),
        ROOMS_TEST(a_failed_flush_keeps_everything),
        ROOMS_TEST(the_trail_pages),
        ROOMS_TEST(events_are_the_rows_with_a_severity),
        ROOMS_TEST(one_entry_is_found_by_its_id_in_its_workspace_only),
        ROOMS_TEST(a_thread_writes_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
