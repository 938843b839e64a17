/* Lists of the audit: a page costs the same however long the log is, whatever the filter, on both
 * engines; and none of what fits is lost where a page looks at a part only.
 *
 * Costs are counted, not timed: steps of SQLite's machine, pages that PostgreSQL touched. They are
 * those of the statements that the operation really ran, with what it gave them: a driver around
 * the engine's own notes them, and they are run again here. */
#include "unit/op_call.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/audit.h"
#include "db/driver.h"

/* ---- what an operation ran ---- */

enum { RUNS_MAX = 16, PARAMS_MAX = 16 };
struct run {
    const struct db_stmt *stmt;
    struct db_value params[PARAMS_MAX];
    char texts[PARAMS_MAX][80];
};
static struct {
    struct run runs[RUNS_MAX];
    size_t count;
    bool on;
} noted;
static const struct db_driver *engine_driver;
static struct db_driver noting_driver;

static void note(const struct db_call *call)
{
    assert_true(noted.count < RUNS_MAX && call->stmt->params_count <= PARAMS_MAX);
    struct run *r = &noted.runs[noted.count++];
    r->stmt = call->stmt;
    for (size_t i = 0; i < call->stmt->params_count; i++) {
        r->params[i] = call->params[i];
        if (call->params[i].type != DB_TEXT)
            continue;
        assert_true(call->params[i].s.len < sizeof r->texts[i]);
        snprintf(r->texts[i], sizeof r->texts[i], "%.*s", STR_ARG(call->params[i].s));
        r->params[i].s.ptr = r->texts[i];
    }
}

static enum db_result noting_run(struct db_conn *c, struct db_call *call)
{
    if (noted.on)
        note(call);
    return engine_driver->run(c, call);
}

static void note_runs(struct rooms *r)
{
    engine_driver = r->engine == DB_SQLITE ? &db_driver_sqlite : &db_driver_pgsql;
    noting_driver = *engine_driver;
    noting_driver.run = noting_run;
    assert_true(rooms_reopen(r, &noting_driver, NULL));
}

/* ---- what that cost ---- */

static int64_t cost_sqlite(struct rooms *r)
{
    char path[128];
    sqlite3 *db;
    int64_t steps = 0;
    snprintf(path, sizeof path, "%s/test.db", r->folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    for (size_t i = 0; i < noted.count; i++) {
        const struct run *n = &noted.runs[i];
        sqlite3_stmt *st;
        if (sqlite3_prepare_v2(db, n->stmt->sqlite, -1, &st, NULL) != SQLITE_OK)
            fail_msg("%s: %s", n->stmt->name, sqlite3_errmsg(db));
        for (int k = 0; k < n->stmt->params_count; k++)
            if (n->params[k].type == DB_INT)
                sqlite3_bind_int64(st, k + 1, n->params[k].i);
            else if (n->params[k].type == DB_TEXT)
                sqlite3_bind_text(st, k + 1, n->texts[k], -1, SQLITE_STATIC);
        while (sqlite3_step(st) == SQLITE_ROW)
            ;
        steps += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 0);
        sqlite3_finalize(st);
    }
    sqlite3_close(db);
    return steps;
}

/* "Buffers: shared hit=3 read=1" of the topmost node holds those below. */
static int64_t pages_of(PGconn *pg, const struct run *n)
{
    char text[8192], numbers[PARAMS_MAX][24];
    const char *values[PARAMS_MAX];
    Oid types[PARAMS_MAX];
    long long hit = 0, read = 0;
    for (size_t k = 0; k < n->stmt->params_count; k++) {
        snprintf(numbers[k], sizeof numbers[k], "%lld", (long long)n->params[k].i);
        types[k] = n->stmt->params[k] == DB_INT ? 20 : 25; /* bigint, text */
        values[k] = n->params[k].type == DB_INT    ? numbers[k]
                    : n->params[k].type == DB_TEXT ? n->texts[k]
                                                   : NULL;
    }
    snprintf(text, sizeof text, "EXPLAIN (ANALYZE, BUFFERS) %s", n->stmt->pgsql);
    PGresult *res = PQexecParams(pg, text, n->stmt->params_count, types, values, NULL, NULL, 0);
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", n->stmt->name, PQerrorMessage(pg));
    for (int i = 0; i < PQntuples(res) && hit + read == 0; i++) {
        const char *at = strstr(PQgetvalue(res, i, 0), "Buffers: shared");
        const char *h = at ? strstr(at, "hit=") : NULL, *d = at ? strstr(at, "read=") : NULL;
        hit = h ? atoll(h + 4) : 0;
        read = d ? atoll(d + 5) : 0;
    }
    PQclear(res);
    return hit + read;
}

static int64_t cost_pgsql(void)
{
    char url[1024];
    const char *base = getenv("TEST_PG_URL");
    int64_t pages = 0;
    snprintf(url, sizeof url, "%s%soptions=-csearch_path%%3Drooms_%ld", base,
             strchr(base, '?') ? "&" : "?", (long)getpid());
    PGconn *pg = PQconnectdb(url);
    assert_int_equal(PQstatus(pg), CONNECTION_OK);
    for (size_t i = 0; i < noted.count; i++)
        pages += pages_of(pg, &noted.runs[i]);
    PQfinish(pg);
    return pages;
}

/* ---- a log ---- */

static enum err script(struct cx *cx, void *text)
{
    return db_exec(cx, str_of(text));
}

/* Deeds `from` … `to`: by ann, on documents, each a millisecond younger than the one before. */
static void deeds_add(struct rooms *r, int from, int to)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "INSERT INTO audit (id, workspace_id, created_at, action, outcome, actor_kind, actor_id,"
        " entity_type, entity_id)"
        " WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " SELECT 'd' || CAST(1000000 + i AS text), 'one', %lld + i, 'update_document', 'OK', "
        "'USER',"
        " 'ann', 'document', 'doc' || CAST(i %% 500 AS text) FROM n; ANALYZE audit",
        from, to, (long long)ROOMS_NOW_MS);
    assert_ok(&r->cx, db_write(&r->cx, script, text));
}

/* Before all of them: three events, and a deed of bob's on a thing of its own. */
static void rare_add(struct rooms *r)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "INSERT INTO audit (id, workspace_id, created_at, action, type, severity, outcome,"
        " actor_kind, actor_id, entity_type, entity_id) VALUES"
        " ('a1', 'one', %lld, 'mint_key', 'KEY_MINTED', 'INFO', 'OK', 'USER', 'ann', 'key', 'k1'),"
        " ('a2', 'one', %lld, 'request', 'ROLE_DENIED', 'WARNING', 'FORBIDDEN', 'USER', 'bob', "
        "NULL,"
        " NULL),"
        " ('a3', 'one', %lld, 'seal', 'LOG_CHAIN_BROKEN', 'CRITICAL', 'OK', 'SYSTEM', NULL, NULL,"
        " NULL),"
        " ('a4', 'one', %lld, 'update_document', NULL, NULL, 'OK', 'USER', 'bob', 'document',"
        " 'doc-b')",
        ROOMS_NOW_MS - 4LL, ROOMS_NOW_MS - 3LL, ROOMS_NOW_MS - 2LL, ROOMS_NOW_MS - 1LL);
    assert_ok(&r->cx, db_write(&r->cx, script, text));
}

/* ---- tests ---- */

struct ask {
    const char *op, *arguments;
    size_t rows; /* on the page */
    int64_t cost;
};
static const char logs[] = "list_audit_logs", events[] = "list_security_events";

static void ask_it(struct rooms *r, struct ask *a)
{
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, a->op),
                         .arguments = a->arguments };
    noted.count = 0;
    noted.on = true;
    enum err e = op_call(r, &c);
    noted.on = false;
    assert_ok(&r->cx, e);
    const struct json *list = json_get(&c.answer, a->op == logs ? "logs" : "events");
    if (list->count != a->rows)
        fail_msg("%s %s has %u rows", a->op, a->arguments, list->count);
    a->cost = r->engine == DB_SQLITE ? cost_sqlite(r) : cost_pgsql();
}

static void a_page_costs_the_same_however_long_the_log(void **state)
{
    ROOMS(state);
    struct ask asks[] = {
        { events, "{}", 3, 0 },
        { events, "{\"type\":\"KEY_MINTED\"}", 1, 0 },
        { events, "{\"type\":\"SSRF_BLOCKED\"}", 0, 0 },
        { events, "{\"severity\":\"CRITICAL\"}", 1, 0 },
        { events, "{\"userId\":\"ann\"}", 1, 0 },
        { events, "{\"userId\":\"bob\",\"severity\":\"WARNING\"}", 1, 0 },
        { events, "{\"type\":\"KEY_MINTED\",\"severity\":\"WARNING\"}", 0, 0 },
        { logs, "{}", 50, 0 },
        { logs, "{\"action\":\"mint_key\"}", 1, 0 },
        { logs, "{\"action\":\"no_such_deed\"}", 0, 0 },
        { logs, "{\"action\":\"update_document\"}", 50, 0 },
        { logs, "{\"entityType\":\"key\"}", 1, 0 },
        { logs, "{\"entityId\":\"doc-b\"}", 1, 0 },
        { logs, "{\"entityType\":\"document\",\"entityId\":\"doc-b\"}", 1, 0 },
        { logs, "{\"actorId\":\"bob\"}", 2, 0 },
        { logs, "{\"actorId\":\"eve\"}", 0, 0 },
        { logs, "{\"action\":\"update_document\",\"actorId\":\"bob\"}", 0, 0 },
        { logs, "{\"entityType\":\"document\",\"actorId\":\"ann\",\"offset\":100}", 50, 0 },
    };
    const size_t n = sizeof asks / sizeof *asks;
    note_runs(r);
    rare_add(r);
    /* More than a total looks at. */
    deeds_add(r, 1, 11000);
    for (size_t i = 0; i < n; i++)
        ask_it(r, &asks[i]);
    deeds_add(r, 11001, 44000);
    for (size_t i = 0; i < n; i++) {
        int64_t before = asks[i].cost;
        ask_it(r, &asks[i]);
        /* Trees may have grown by a level. */
        if (asks[i].cost > before + before / 4 + 16)
            fail_msg("%s %s cost %lld, and costs %lld in a log four times as long", asks[i].op,
                     asks[i].arguments, (long long)before, (long long)asks[i].cost);
    }
}

/* Of two filters one leads; what fits the other may lie far back. */
static void short_pages_go_on_until_all_is_seen(void **state)
{
    ROOMS(state);
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, logs),
                         .arguments = "{\"action\":\"update_document\",\"actorId\":\"bob\"}" };
    int pages = 0;
    size_t found = 0;
    rare_add(r);
    deeds_add(r, 1, 2500);
    for (bool more = true; more; pages++) {
        assert_ok(&r->cx, op_call(r, &c));
        const struct json *p = json_get(&c.answer, "pagination"), *l = json_get(&c.answer, "logs");
        int64_t total = 0;
        assert_true(json_to_i64(json_get(p, "total"), &total));
        assert_int_equal(total, 1);
        assert_false(json_get(p, "totalIsLowerBound")->boolean);
        found += l->count;
        if (l->count)
            assert_str(json_text(&l->items[0], "id"), "a4");
        more = json_get(p, "hasMore")->boolean;
        c.arguments = str_cstr(r->arena, str_fmt(r->arena,
                                                 "{\"action\":\"update_document\",\"actorId\":"
                                                 "\"bob\",\"cursor\":\"%.*s\"}",
                                                 STR_ARG(json_text(p, "nextCursor"))));
    }
    assert_int_equal(found, 1);
    assert_int_equal(pages, 3);
}

static void a_time_bounds_both_ends(void **state)
{
    ROOMS(state);
    static const struct {
        const char *op, *arguments;
        size_t rows;
    } cases[] = {
        { logs, "{\"from\":\"2026-11-23T23:11:14.943Z\"}", 3 }, /* ROOMS_NOW_MS + 1 */
        { logs, "{\"to\":\"2026-11-23T23:11:14.943Z\"}", 5 },
        { logs, "{\"from\":\"2026-11-23T23:11:14.943Z\",\"to\":\"2026-11-23T23:11:14.944Z\"}", 2 },
        { events, "{\"from\":\"2026-11-23T23:11:14.939Z\"}", 2 },
        { events, "{\"to\":\"2026-11-23T23:11:14.939Z\"}", 2 },
        { events, "{\"to\":\"2026-11-23T23:11:14.937Z\"}", 0 },
    };
    rare_add(r);
    deeds_add(r, 1, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct op_call c = { .op = op_find(audit_ops, audit_ops_count, cases[i].op),
                             .arguments = cases[i].arguments };
        assert_ok(&r->cx, op_call(r, &c));
        const struct json *l = json_get(&c.answer, cases[i].op == logs ? "logs" : "events");
        if (l->count != cases[i].rows)
            fail_msg("%s %s has %u rows", cases[i].op, cases[i].arguments, l->count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_page_costs_the_same_however_long_the_log),
        ROOMS_TEST(short_pages_go_on_until_all_is_seen),
        ROOMS_TEST(a_time_bounds_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
