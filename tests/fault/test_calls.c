/* For n = 1 … the n-th call of the driver fails, on both engines: before it is made, or after (the
 * answer is lost). After each: clean results, nothing acknowledged lost, nothing refused there. */
#include "work.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Two writers are as many as it takes for deeds side by side; each costs PostgreSQL a process. */
enum { WRITERS = 2 };

static struct fixture fixture;
static int64_t next_round;

/* The same database by connections of its own that never fail. */
static void judge_open(struct fixture *judge)
{
    *judge = fixture;
    judge->cx.app = &judge->app;
    fixture_open(judge, NULL, NULL, NULL);
}

/* False when n lies beyond the last call. What SQLite left in the file is read by who opens it
 * anew; to PostgreSQL each connection is a stranger, one serves all rounds. */
static bool round_run(const struct db_driver *driver, struct db_fault *fault, struct fixture *judge)
{
    struct work w;
    struct fixture *f = &fixture;
    atomic_store(&fault->calls, 0);
    fixture_open(f, driver, fault, NULL);
    bool open = f->app.db != NULL;
    if (open) {
        work_run(&w, f, ++next_round);
        db_alive(f->app.db);
        int64_t last = fault->fail_from + fault->fail_count;
        if (atomic_load(&fault->calls) >= last) {
            struct item it = { 0 };
            snprintf(it.id, sizeof it.id, "after-%" PRId64, next_round);
            assert_int_equal(db_write(&f->cx, item_insert, &it), OK);
        }
        if (fault->result == DB_REPEAT && fault->fail_count == 1)
            for (size_t i = 0; i < WORK_ALONE + WORK_BATCH; i++)
                assert_int_equal(w.deeds[i].result, OK);
    }
    fixture_close(f);
    bool hit = atomic_load(&fault->calls) >= fault->fail_from;
    if (f->engine == DB_SQLITE)
        judge_open(judge);
    if (open)
        work_judge(&w, judge);
    if (f->engine == DB_SQLITE)
        fixture_close(judge);
    return hit;
}

static void rounds(enum db_engine engine, enum db_result result, enum db_fault_how how,
                   int64_t fail_count)
{
    const struct db_driver *driver =
        engine == DB_SQLITE ? &db_driver_fault_sqlite : &db_driver_fault_pgsql;
    if (!fixture_has(engine))
        skip();
    struct fixture judge;
    fixture_init(&fixture, engine);
    fixture_close(&fixture);
    fixture.writers = WRITERS;
    if (engine == DB_PGSQL)
        judge_open(&judge);
    struct db_fault fault = { .fail_count = fail_count, .result = result, .how = how };
    int64_t n = 1;
    for (fault.fail_from = n; round_run(driver, &fault, &judge); fault.fail_from = n)
        n += n < 30 ? 1 : 7; /* row after row the calls are the same */
    assert_true(n > 20);
    if (engine == DB_PGSQL)
        fixture_close(&judge);
    fixture_open(&fixture, NULL, NULL, NULL);
    fixture_release(&fixture);
}

#define BOTH(name, result, how, count)                                                             \
    static void name##_sqlite(void **state)                                                        \
    {                                                                                              \
        rounds(DB_SQLITE, result, how, count);                                                     \
    }                                                                                              \
    static void name##_pgsql(void **state)                                                         \
    {                                                                                              \
        rounds(DB_PGSQL, result, how, count);                                                      \
    }

BOTH(test_io, DB_IO, DB_FAULT_BEFORE, 1)
BOTH(test_full, DB_FULL, DB_FAULT_BEFORE, 2)
BOTH(test_repeat, DB_REPEAT, DB_FAULT_BEFORE, 1)
BOTH(test_broken, DB_BROKEN, DB_FAULT_BEFORE, 1)
BOTH(test_answer_lost, DB_BROKEN, DB_FAULT_AFTER, 1)

/* ---- COMMIT alone ---- */

static void commit_fails(enum db_engine engine, enum db_result result, enum err expected)
{
    struct fixture *f = &fixture;
    const struct db_driver *driver =
        engine == DB_SQLITE ? &db_driver_fault_sqlite : &db_driver_fault_pgsql;
    if (!fixture_has(engine))
        skip();
    fixture_init(f, engine);
    fixture_close(f);
    struct db_fault fault = { .fail_from = 1,
                              .fail_count = 1000,
                              .result = result,
                              .how = DB_FAULT_BEFORE,
                              .commits_only = true };
    struct item it = { .id = "never" };
    struct db_stats s;
    fixture_open(f, driver, &fault, NULL);
    assert_int_equal(db_write(&f->cx, item_insert, &it), expected);
    db_stats(f->app.db, &s);
    assert_int_equal(s.commits, 0);
    assert_int_equal(atomic_load(&fault.calls), result == DB_REPEAT ? 10 : 1);
    if (result == DB_BROKEN)
        assert_true(str_ends(f->cx.failure.message, STR("the outcome is not known")));
    fixture_close(f);
    fixture_open(f, NULL, NULL, NULL);
    assert_int_equal(fixture_count(f), 0);
    fixture_release(f);
}

static void test_commit_fails(void **state)
{
    commit_fails(DB_SQLITE, DB_IO, ERR_STORAGE);
    commit_fails(DB_SQLITE, DB_FULL, ERR_QUOTA_EXCEEDED);
    commit_fails(DB_SQLITE, DB_REPEAT, ERR_OVERLOADED);
    commit_fails(DB_SQLITE, DB_BROKEN, ERR_STORAGE);
}

static void test_commit_fails_pgsql(void **state)
{
    commit_fails(DB_PGSQL, DB_IO, ERR_STORAGE);
    commit_fails(DB_PGSQL, DB_FULL, ERR_QUOTA_EXCEEDED);
    commit_fails(DB_PGSQL, DB_REPEAT, ERR_OVERLOADED);
    commit_fails(DB_PGSQL, DB_BROKEN, ERR_STORAGE);
}

/* ---- each try ---- */

struct tries {
    struct item item;
    void *first[3]; /* what each try got first from the arena */
    int count;
};

static enum err insert_with_memory(struct cx *cx, void *arg)
{
    struct tries *t = arg;
    assert_true(t->count < 3);
    t->first[t->count++] = arena_alloc(cx->arena, 64);
    arena_alloc(cx->arena, 10000);
    return item_insert(cx, &t->item);
}

static void tries_start_alike(enum db_engine engine)
{
    struct fixture *f = &fixture;
    if (!fixture_has(engine))
        skip();
    fixture_init(f, engine);
    fixture_close(f);
    struct db_fault fault = { .fail_from = 1,
                              .fail_count = 2,
                              .result = DB_REPEAT,
                              .how = DB_FAULT_BEFORE,
                              .commits_only = true };
    struct tries t = { .item = { .id = "third" } };
    fixture_open(f, engine == DB_SQLITE ? &db_driver_fault_sqlite : &db_driver_fault_pgsql, &fault,
                 NULL);
    arena_alloc(f->cx.arena, 100);
    assert_int_equal(db_write(&f->cx, insert_with_memory, &t), OK);
    assert_int_equal(t.count, 3);
    assert_ptr_equal(t.first[0], t.first[1]);
    assert_ptr_equal(t.first[0], t.first[2]);
    fixture_close(f);
    fixture_open(f, NULL, NULL, NULL);
    assert_true(fixture_present(f, "third"));
    fixture_release(f);
}

static void test_tries_sqlite(void **state)
{
    tries_start_alike(DB_SQLITE);
}

static void test_tries_pgsql(void **state)
{
    tries_start_alike(DB_PGSQL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit_fails),       cmocka_unit_test(test_commit_fails_pgsql),
        cmocka_unit_test(test_tries_sqlite),       cmocka_unit_test(test_tries_pgsql),
        cmocka_unit_test(test_io_sqlite),          cmocka_unit_test(test_full_sqlite),
        cmocka_unit_test(test_repeat_sqlite),      cmocka_unit_test(test_broken_sqlite),
        cmocka_unit_test(test_answer_lost_sqlite), cmocka_unit_test(test_io_pgsql),
        cmocka_unit_test(test_full_pgsql),         cmocka_unit_test(test_repeat_pgsql),
        cmocka_unit_test(test_broken_pgsql),       cmocka_unit_test(test_answer_lost_pgsql),
    };
    return cmocka_run_group_tests_name("driver calls", tests, NULL, NULL);
}
