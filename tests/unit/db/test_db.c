/* Transactions, statements and failures as db.h promises them; every test on both engines. */
#include "fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_roundtrip(void **state)
{
    struct fixture *f = *state;
    struct item it = { .id = "a", .n = 7, .u = STR("\xc3\xa9") };
    assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
    it.n = 0;
    assert_int_equal(db_read(&f->cx, item_get, &it), OK);
    assert_int_equal(it.n, 7);
    assert_null(f->cx.tx);
    assert_int_equal(fixture_count(f), 1);
}

static enum err values_row(struct cx *cx, const struct db_value *c, void *arg)
{
    assert_int_equal(c[0].type, DB_INT);
    assert_int_equal(c[0].i, INT64_MIN + INT64_MAX + 1 + 42);
    assert_int_equal(c[1].type, DB_REAL);
    assert_true(c[1].r == -0.1);
    assert_int_equal(c[2].type, DB_BLOB);
    assert_int_equal(c[2].s.len, 0);
    assert_non_null(c[2].s.ptr);
    assert_int_equal(c[3].type, DB_NULL);
    assert_int_equal(c[4].type, DB_TEXT);
    assert_true(str_is(c[4].s, ""));
    ++*(int *)arg;
    return OK;
}

static enum err values_run(struct cx *cx, void *arg)
{
    struct db_value p[] = { { .type = DB_TEXT, .s = STR("") },
                            int_value(42),
                            { .type = DB_REAL, .r = -0.1 },
                            { .type = DB_BLOB, .s = STR("") },
                            { .type = DB_NULL } };
    TRY(run_plain(cx, ITEM_INSERT, p));
    return db_run(cx, db_statements[ITEM_GET], p, values_row, arg, NULL);
}

static void test_values(void **state)
{
    struct fixture *f = *state;
    int rows = 0;
    assert_int_equal(db_write(&f->cx, values_run, &rows), OK);
    assert_int_equal(rows, 1);
}

static void test_conflict_has_no_message(void **state)
{
    struct fixture *f = *state;
    struct item it = { .id = "a", .u = STR("one") };
    assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
    assert_int_equal(db_write(&f->cx, item_insert, &it), ERR_CONFLICT);
    assert_null(f->cx.failure.message.ptr);
    struct item other = { .id = "b", .u = STR("one") };
    assert_int_equal(db_write(&f->cx, item_insert, &other), ERR_CONFLICT);
    assert_int_equal(fixture_count(f), 1);
}

static enum err constraint_check(struct cx *cx, void *arg)
{
    struct item it = { .id = "c", .n = -5 };
    return item_insert(cx, &it);
}

static enum err constraint_foreign(struct cx *cx, void *arg)
{
    struct db_value p[] = { text_value("nowhere") };
    return run_plain(cx, LINK_INSERT, p);
}

static enum err constraint_late(struct cx *cx, void *arg)
{
    struct db_value p[] = { text_value("nowhere") };
    return run_plain(cx, LATE_INSERT, p);
}

static enum err wrong_run(struct cx *cx, void *which)
{
    return run_plain(cx, *(enum fixture_statement *)which, NULL);
}

static enum err wrong_type_run(struct cx *cx, void *arg)
{
    int64_t n;
    return db_run(cx, db_statements[WRONG_TYPE], NULL, values_row, &n, NULL);
}

static void test_our_bugs_are_internal(void **state)
{
    struct fixture *f = *state;
    enum fixture_statement wrong = WRONG_SQL;
    assert_int_equal(db_write(&f->cx, constraint_check, NULL), ERR_INTERNAL);
    assert_int_equal(db_write(&f->cx, constraint_foreign, NULL), ERR_INTERNAL);
    assert_int_equal(db_write(&f->cx, constraint_late, NULL), ERR_INTERNAL);
    assert_int_equal(db_write(&f->cx, wrong_run, &wrong), ERR_INTERNAL);
    assert_int_equal(db_read(&f->cx, wrong_run, &wrong), ERR_INTERNAL);
    struct item it = { .id = "a" };
    assert_int_equal(db_read(&f->cx, item_insert, &it), ERR_INTERNAL);
    assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
    assert_int_equal(db_read(&f->cx, wrong_type_run, NULL), ERR_INTERNAL);
    assert_int_equal(fixture_count(f), 1);
}

/* ---- what stands after a failed statement ---- */

static enum err ignore_failure(struct cx *cx, void *arg)
{
    struct item it = { .id = "x" };
    TRY(item_insert(cx, &it));
    enum err e = item_insert(cx, &it);
    assert_int_equal(e, ERR_CONFLICT);
    struct item next = { .id = "y" };
    assert_int_equal(item_insert(cx, &next), ERR_CONFLICT); /* nothing runs any more */
    return OK;
}

static enum err nested_failure(struct cx *cx, void *arg)
{
    struct item it = { .id = "x" }, next = { .id = "y" }, third = { .id = "z" };
    TRY(item_insert(cx, &it));
    enum err e = db_nested(cx, item_insert, &it);
    assert_int_equal(e, ERR_CONFLICT);
    TRY(db_nested(cx, item_insert, &next));
    return item_insert(cx, &third);
}

static enum err nested_deep_fails(struct cx *cx, void *arg)
{
    struct item it = { .id = "d2" };
    TRY(item_insert(cx, &it));
    return cx_fail(cx, ERR_NOT_FOUND, "on purpose");
}

static enum err nested_deep(struct cx *cx, void *arg)
{
    struct item it = { .id = "d1" };
    TRY(item_insert(cx, &it));
    enum err e = db_nested(cx, nested_deep_fails, NULL);
    assert_int_equal(e, ERR_NOT_FOUND);
    return OK;
}

static enum err nested_outer(struct cx *cx, void *arg)
{
    return db_nested(cx, nested_deep, arg);
}

static enum err nothing(struct cx *cx, void *arg)
{
    return OK;
}

static enum err refuse(struct cx *cx, void *arg)
{
    FAIL(cx, GONE, "on purpose");
}

static enum err many_units(struct cx *cx, void *arg)
{
    for (int i = 0; i < 30; i++) {
        struct item it = { 0 };
        snprintf(it.id, sizeof it.id, "u%d", i);
        TRY(db_nested(cx, nothing, NULL));
        assert_int_equal(db_nested(cx, refuse, NULL), ERR_GONE);
        if (i > 20)
            TRY(db_nested(cx, item_insert, &it));
        assert_int_equal(db_nested(cx, refuse, NULL), ERR_GONE);
    }
    return OK;
}

static void test_many_units(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_write(&f->cx, many_units, NULL), OK);
    assert_int_equal(fixture_count(f), 9);
    assert_int_equal(db_write(&f->cx, nothing, NULL), OK);
    assert_int_equal(db_read(&f->cx, nothing, NULL), OK);
    assert_int_equal(db_write(&f->cx, refuse, NULL), ERR_GONE);
}

static void test_failed_statement_ends_the_closure(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_write(&f->cx, ignore_failure, NULL), ERR_INTERNAL);
    assert_int_equal(fixture_count(f), 0);
    assert_int_equal(db_write(&f->cx, nested_failure, NULL), OK);
    assert_int_equal(fixture_count(f), 3);
    assert_int_equal(db_write(&f->cx, nested_outer, NULL), OK);
    assert_true(fixture_present(f, "d1"));
    assert_false(fixture_present(f, "d2"));
}

static enum err insert_then_refuse(struct cx *cx, void *arg)
{
    TRY(item_insert(cx, arg));
    FAIL(cx, FORBIDDEN, "no");
}

static void test_failure_rolls_back(void **state)
{
    struct fixture *f = *state;
    struct item it = { .id = "a" };
    assert_int_equal(db_write(&f->cx, insert_then_refuse, &it), ERR_FORBIDDEN);
    assert_true(str_is(f->cx.failure.message, "no"));
    assert_int_equal(fixture_count(f), 0);
}

/* ---- queued writes ---- */

struct queued {
    struct db_write write;
    struct item item;
    enum err result;
    int done;
};

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int left;
    bool open;
};
static struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false };

static void queued_done(struct db_write *w, enum err result)
{
    struct queued *q = (struct queued *)w;
    q->result = result;
    q->done++;
    pthread_mutex_lock(&gate.mutex);
    gate.left--;
    pthread_cond_signal(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

/* Keeps the writer in its transaction until the rest of the batch has been queued. */
static enum err hold(struct cx *cx, void *arg)
{
    pthread_mutex_lock(&gate.mutex);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    return OK;
}

static void gate_open_and_wait(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    while (gate.left > 0)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.open = false;
    pthread_mutex_unlock(&gate.mutex);
}

static void queued_submit(struct fixture *f, struct queued *q, db_fn fn, void *arg)
{
    q->write.cx = fixture_cx_new(f);
    q->write.fn = fn;
    q->write.arg = arg;
    q->write.done = queued_done;
    pthread_mutex_lock(&gate.mutex);
    gate.left++;
    pthread_mutex_unlock(&gate.mutex);
    db_write_submit(f->app.db, &q->write);
}

#define HOLDERS 8 /* as many as PostgreSQL has writers */

static void test_batch_keeps_failures_apart(void **state)
{
    struct fixture *f = *state;
    struct queued hold_q[HOLDERS] = { 0 }, q[6] = { 0 };
    for (int i = 0; i < 6; i++)
        snprintf(q[i].item.id, sizeof q[i].item.id, "q%d", i);
    for (int i = 0; i < HOLDERS; i++)
        queued_submit(f, &hold_q[i], hold, NULL);
    queued_submit(f, &q[0], item_insert, &q[0].item);
    queued_submit(f, &q[1], insert_then_refuse, &q[1].item);
    queued_submit(f, &q[2], constraint_foreign, NULL);
    q[3].write.dry_run = true;
    queued_submit(f, &q[3], item_insert, &q[3].item);
    queued_submit(f, &q[4], constraint_late, NULL);
    queued_submit(f, &q[5], item_insert, &q[5].item);
    gate_open_and_wait();
    static const enum err expected[6] = { OK, ERR_FORBIDDEN, ERR_INTERNAL, OK, ERR_INTERNAL, OK };
    for (int i = 0; i < 6; i++) {
        assert_int_equal(q[i].done, 1);
        assert_int_equal(q[i].result, expected[i]);
        fixture_cx_free(q[i].write.cx);
    }
    for (int i = 0; i < HOLDERS; i++)
        fixture_cx_free(hold_q[i].write.cx);
    assert_int_equal(fixture_count(f), 2);
    assert_true(fixture_present(f, "q0"));
    assert_true(fixture_present(f, "q5"));
}

static void test_dry_run_alone(void **state)
{
    struct fixture *f = *state;
    struct queued q = { .item = { .id = "dry" }, .write.dry_run = true };
    queued_submit(f, &q, item_insert, &q.item);
    gate_open_and_wait();
    assert_int_equal(q.result, OK);
    assert_int_equal(fixture_count(f), 0);
    fixture_cx_free(q.write.cx);
}

static void test_read_committed(void **state)
{
    struct fixture *f = *state;
    struct item it = { .id = "hot" };
    assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
    struct queued q[20] = { 0 };
    int granted = 0;
    for (int i = 0; i < 20; i++) {
        q[i].item = (struct item){ .id = "hot", .n = 5 };
        q[i].write.read_committed = true;
        queued_submit(f, &q[i], item_bump, &q[i].item);
    }
    gate_open_and_wait();
    for (int i = 0; i < 20; i++) {
        granted += q[i].result == OK;
        fixture_cx_free(q[i].write.cx);
    }
    assert_int_equal(granted, 5);
    assert_int_equal(db_read(&f->cx, item_get, &it), OK);
    assert_int_equal(it.n, 5);
}

static void test_close_finishes_the_queue(void **state)
{
    struct fixture *f = *state;
    struct queued q[50] = { 0 };
    for (int i = 0; i < 50; i++) {
        snprintf(q[i].item.id, sizeof q[i].item.id, "c%d", i);
        queued_submit(f, &q[i], item_insert, &q[i].item);
    }
    fixture_close(f);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(q[i].done, 1);
        assert_int_equal(q[i].result, OK);
        fixture_cx_free(q[i].write.cx);
    }
    gate.left = 0;
    fixture_open(f, NULL, NULL, NULL);
    assert_int_equal(fixture_count(f), 50);
}

/* ---- a queue that is full ---- */

static void test_full_queue_refuses(void **state)
{
    enum { QUEUE_MAX = 65536, EXTRA = 3 };
    struct fixture *f = *state;
    struct queued holder = { 0 };
    struct queued *q = calloc(QUEUE_MAX + EXTRA, sizeof *q);
    queued_submit(f, &holder, hold, NULL);
    struct db_stats s = { .queue_depth = 1 };
    while (s.queue_depth > 0) /* until the writer has taken it */
        db_stats(f->app.db, &s);
    struct cx *cx = fixture_cx_new(f); /* nobody touches it before the holder is let go */
    struct cx *extra = fixture_cx_new(f);
    for (int i = 0; i < QUEUE_MAX + EXTRA; i++) {
        q[i].write = (struct db_write){ .fn = nothing, .done = queued_done };
        q[i].write.cx = i < QUEUE_MAX ? cx : extra;
        pthread_mutex_lock(&gate.mutex);
        gate.left++;
        pthread_mutex_unlock(&gate.mutex);
        db_write_submit(f->app.db, &q[i].write);
    }
    for (int i = QUEUE_MAX; i < QUEUE_MAX + EXTRA; i++)
        assert_int_equal(q[i].result, ERR_OVERLOADED);
    gate_open_and_wait();
    for (int i = 0; i < QUEUE_MAX; i++)
        assert_int_equal(q[i].result, OK);
    fixture_cx_free(cx);
    fixture_cx_free(extra);
    fixture_cx_free(holder.write.cx);
    free(q);
}

/* ---- rows ---- */

static enum err stop_at_third(struct cx *cx, const struct db_value *columns, void *arg)
{
    if (++*(int *)arg == 3)
        FAIL(cx, GONE, "enough");
    return OK;
}

static enum err rows_stop(struct cx *cx, void *stmt)
{
    int seen = 0;
    struct db_value p[] = { text_value(""), int_value(100) };
    const struct db_stmt *s = stmt;
    assert_int_equal(db_run(cx, s, p, stop_at_third, &seen, NULL), ERR_GONE);
    assert_int_equal(seen, 3);
    seen = -1000000;
    return db_run(cx, s, p, stop_at_third, &seen, NULL); /* the transaction stands */
}

static void test_row_callback_stops(void **state)
{
    struct fixture *f = *state;
    struct item it = { .id = "r", .repeat = 500 };
    assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
    struct db_stmt streamed = *db_statements[ITEM_ALL];
    streamed.number = DB_STMT_UNNUMBERED;
    const struct db_stmt *const all[] = { db_statements[ITEM_LIST], db_statements[ITEM_ALL],
                                          &streamed };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(db_read(&f->cx, rows_stop, (void *)all[i]), OK);
        assert_int_equal(db_write(&f->cx, rows_stop, (void *)all[i]), OK);
    }
}

static enum err snapshot_run(struct cx *cx, void *arg)
{
    struct fixture *f = arg;
    int64_t before = -1, after = -2;
    TRY(item_count(cx, &before));
    struct item it = { .id = "later" };
    struct cx *other = fixture_cx_new(f);
    assert_int_equal(db_write(other, item_insert, &it), OK);
    fixture_cx_free(other);
    TRY(item_count(cx, &after));
    assert_int_equal(before, after);
    return OK;
}

static void test_read_is_a_snapshot(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_read(&f->cx, snapshot_run, f), OK);
    assert_int_equal(fixture_count(f), 1);
}

/* An insert on another thread's behalf: what it wrote has been acknowledged when this returns. */
static void insert_beside(struct fixture *f, const char *id)
{
    struct cx *cx = fixture_cx_new(f);
    struct item it = { 0 };
    snprintf(it.id, sizeof it.id, "%s", id);
    assert_int_equal(db_write(cx, item_insert, &it), OK);
    fixture_cx_free(cx);
}

static void test_kept_snapshot_is_never_older(void **state)
{
    struct fixture *f = *state;
    bool keeps = f->engine == DB_SQLITE;
    struct db_snapshot kept = { 0 };
    int64_t n = -1;
    f->cx.snapshot = &kept;
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "k%d", i);
        insert_beside(f, id);
        for (int k = 0; k < 2; k++) {
            const struct db_reader *before = kept.reader;
            int64_t commits = kept.commits;
            assert_int_equal(db_read(&f->cx, item_count, &n), OK);
            assert_int_equal(n, i + 1);
            assert_true(!kept.reader == !keeps);
            if (keeps && k > 0)
                assert_true(kept.reader == before && kept.commits == commits);
        }
    }
    db_snapshot_end(&kept);
    assert_null(kept.reader);
    f->cx.snapshot = NULL;
}

static enum err wrong_read(struct cx *cx, void *arg)
{
    return run_plain(cx, WRONG_SQL, NULL);
}

static void test_failed_snapshot_is_not_kept(void **state)
{
    struct fixture *f = *state;
    struct db_snapshot kept = { 0 };
    int64_t n;
    f->cx.snapshot = &kept;
    assert_int_equal(db_read(&f->cx, item_count, &n), OK);
    assert_int_equal(db_read(&f->cx, wrong_read, NULL), ERR_INTERNAL);
    assert_null(kept.reader);
    assert_int_equal(db_read(&f->cx, item_count, &n), OK);
    db_snapshot_end(&kept);
    f->cx.snapshot = NULL;
}

static enum err adhoc_row(struct cx *cx, const struct db_value *c, void *arg)
{
    assert_int_equal(c[0].type, DB_TEXT);
    assert_int_equal(c[1].type, DB_INT);
    assert_int_equal(c[2].type, DB_REAL);
    assert_int_equal(c[3].type, DB_BLOB);
    assert_int_equal(c[3].s.len, 3);
    assert_memory_equal(c[3].s.ptr, "\0\1\2", 3);
    ++*(int *)arg;
    return OK;
}

static enum err adhoc_run(struct cx *cx, void *arg)
{
    static const char text[] = "SELECT id, n, r, b FROM items ORDER BY id";
    struct db_stmt s = {
        .number = DB_STMT_UNNUMBERED, .name = "adhoc", .sqlite = text, .pgsql = text
    };
    TRY(db_run(cx, &s, NULL, adhoc_row, arg, NULL));
    s.flags = DB_STMT_SCAN;
    return db_run(cx, &s, NULL, adhoc_row, arg, NULL);
}

static void test_statement_made_at_run_time(void **state)
{
    struct fixture *f = *state;
    struct item it = { .id = "r", .repeat = 5 };
    int rows = 0;
    assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
    assert_int_equal(db_read(&f->cx, adhoc_run, &rows), OK);
    assert_int_equal(rows, 10);
}

static void test_alive_and_stats(void **state)
{
    struct fixture *f = *state;
    struct db_stats before, after;
    struct item it = { .id = "s" };
    assert_true(db_alive(f->app.db));
    db_stats(f->app.db, &before);
    assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
    db_stats(f->app.db, &after);
    assert_int_equal(after.commits, before.commits + 1);
    assert_int_equal(after.closures, before.closures + 1);
    assert_int_equal(after.queue_depth, 0);
    assert_int_equal(after.commit_failures, 0);
    assert_int_equal(db_reads_inline(f->app.db), f->engine == DB_SQLITE);
    assert_int_equal(db_engine(f->app.db), f->engine);
}

/* ---- opening ---- */

static void open_refused(struct db_options o, const char *part)
{
    char error[512] = "";
    struct db *db = NULL;
    o.readers = 1;
    assert_int_equal(db_open(&o, &db, error, sizeof error), ERR_STORAGE);
    assert_null(db);
    if (!strstr(error, part))
        fail_msg("the sentence lacks \"%s\": %s", part, error);
}

static void test_open_sqlite_refusals(void **state)
{
    struct fixture *f = *state;
    open_refused((struct db_options){ .path = STR("/nowhere/at/all.db"), .create = true },
                 "/nowhere/at/all.db");
    char path[128];
    snprintf(path, sizeof path, "%s/absent.db", f->folder);
    open_refused((struct db_options){ .path = str_of(path) }, "absent.db");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    open_refused((struct db_options){ .path = str_of(path) }, "not a database");
}

static void test_open_pgsql_refusals(void **state)
{
    (void)state;
    open_refused((struct db_options){ .url = STR("postgres://u:geheim@127.0.0.1:1/x") },
                 "PostgreSQL");
    open_refused((struct db_options){ .url = STR("postgres://u:geheim@[::1/x") }, "PostgreSQL");
    struct db_options o = { .url = STR("postgres://u:geheim@[::1/x"), .readers = 1 };
    char error[512] = "";
    struct db *db = NULL;
    assert_int_equal(db_open(&o, &db, error, sizeof error), ERR_STORAGE);
    assert_null(strstr(error, "geheim"));
}

/* ---- a server that goes away ---- */

static enum err connections_cut(struct cx *cx, void *arg)
{
    static const struct db_stmt cut = {
        .number = DB_STMT_UNNUMBERED,
        .name = "cut",
        .pgsql = "SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity WHERE"
                 " application_name = current_setting('application_name')"
                 " AND pid <> pg_backend_pid()",
    };
    return db_run(cx, &cut, NULL, NULL, NULL, NULL);
}

static void test_cut_connections_are_replaced(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 16; i++) {
            struct item it = { .n = i };
            snprintf(it.id, sizeof it.id, "w%d-%d", round, i);
            assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
            assert_true(fixture_present(f, it.id));
        }
        assert_int_equal(db_write(&f->cx, connections_cut, NULL), OK);
        assert_true(db_alive(f->app.db));
    }
    assert_int_equal(fixture_count(f), 48);
}

static enum err cut_inside(struct cx *cx, void *arg)
{
    int *tries = arg;
    struct item it = { .id = "cut" };
    TRY(item_insert(cx, &it));
    if (++*tries == 1) {
        static const struct db_stmt own = { .number = DB_STMT_UNNUMBERED,
                                            .name = "own",
                                            .pgsql =
                                                "SELECT pg_terminate_backend(pg_backend_pid())" };
        assert_int_equal(db_run(cx, &own, NULL, NULL, NULL, NULL), ERR_STORAGE);
    }
    it.id[0] = 'd';
    return item_insert(cx, &it);
}

static void test_cut_inside_a_write_is_repeated(void **state)
{
    struct fixture *f = *state;
    int tries = 0;
    assert_int_equal(db_write(&f->cx, cut_inside, &tries), OK);
    assert_int_equal(tries, 2);
    assert_int_equal(fixture_count(f), 2);
    assert_null(f->cx.failure.message.ptr);
}

static enum db_engine engine;

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f, engine);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    free(*state);
    return 0;
}

#define ON_BOTH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest both[] = {
        ON_BOTH(test_roundtrip),
        ON_BOTH(test_values),
        ON_BOTH(test_conflict_has_no_message),
        ON_BOTH(test_our_bugs_are_internal),
        ON_BOTH(test_failed_statement_ends_the_closure),
        ON_BOTH(test_many_units),
        ON_BOTH(test_failure_rolls_back),
        ON_BOTH(test_batch_keeps_failures_apart),
        ON_BOTH(test_dry_run_alone),
        ON_BOTH(test_read_committed),
        ON_BOTH(test_close_finishes_the_queue),
        ON_BOTH(test_row_callback_stops),
        ON_BOTH(test_read_is_a_snapshot),
        ON_BOTH(test_kept_snapshot_is_never_older),
        ON_BOTH(test_failed_snapshot_is_not_kept),
        ON_BOTH(test_statement_made_at_run_time),
        ON_BOTH(test_alive_and_stats),
    };
    const struct CMUnitTest sqlite[] = { ON_BOTH(test_open_sqlite_refusals),
                                         ON_BOTH(test_full_queue_refuses) };
    const struct CMUnitTest pgsql[] = { cmocka_unit_test(test_open_pgsql_refusals) };
    const struct CMUnitTest cut[] = {
        ON_BOTH(test_cut_connections_are_replaced),
        ON_BOTH(test_cut_inside_a_write_is_repeated),
    };
    engine = DB_SQLITE;
    int failed = cmocka_run_group_tests_name("sqlite", both, NULL, NULL);
    failed += cmocka_run_group_tests_name("sqlite open", sqlite, NULL, NULL);
    failed += cmocka_run_group_tests_name("pgsql open", pgsql, NULL, NULL);
    if (fixture_has(DB_PGSQL)) {
        engine = DB_PGSQL;
        failed += cmocka_run_group_tests_name("pgsql", both, NULL, NULL);
        failed += cmocka_run_group_tests_name("pgsql cut", cut, NULL, NULL);
    }
    return failed;
}
