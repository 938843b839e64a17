/* The n-th call of the database's driver fails, for every n, before it is made or after (the answer
 * is lost), while calls are reserved, tried, settled and released. Whatever ended how: the sums
 * agree; and when each step is repeated with the same ids, everything is there once. */
#include "unit/cost/money.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/driver.h"

enum { STEPS = 5 };

struct round {
    struct money *m;
    char ids[6][24];
    struct cost_reservation call, unused;
};

static struct cost_settlement settlement_of(struct round *w, int id, int64_t input)
{
    return reported(w->ids[id], input, 1);
}

static enum err reserve_call(struct cx *cx, void *arg)
{
    struct round *w = arg;
    return cost_reserve(cx, &w->m->purpose, &w->m->price, &w->call);
}

static enum err reserve_unused(struct cx *cx, void *arg)
{
    struct round *w = arg;
    return cost_reserve(cx, &w->m->purpose, &w->m->price, &w->unused);
}

static enum err attempt(struct cx *cx, void *arg)
{
    struct round *w = arg;
    struct cost_reservation res = w->call; /* kept as it was: the closure may be run again */
    struct cost_settlement s = settlement_of(w, 2, 100);
    return cost_settle_attempt(cx, &w->m->purpose, &res, &s, NULL);
}

static enum err settle_call(struct cx *cx, void *arg)
{
    struct round *w = arg;
    struct cost_settlement s = settlement_of(w, 3, 200);
    return cost_settle(cx, &w->m->purpose, &w->call, &s, NULL);
}

static enum err release_unused(struct cx *cx, void *arg)
{
    struct round *w = arg;
    return cost_release(cx, &w->unused);
}

static const db_fn steps[STEPS] = { reserve_call, reserve_unused, attempt, settle_call,
                                    release_unused };
#define COST_OF_ROUND (300 * 3000 + 2 * 15000)

/* NULL when the driver failed on purpose. */
static struct db *opened(struct rooms *r, const struct db_driver *driver, struct db_fault *fault)
{
    char path[128], url[1024], error[512];
    struct db_options o = { .readers = 2, .writers = 1 };
    const char *base = getenv("TEST_PG_URL");
    struct db *db = NULL;
    if (r->engine == DB_SQLITE) {
        snprintf(path, sizeof path, "%s/test.db", r->folder);
        o.path = str_of(path);
    } else {
        snprintf(url, sizeof url, "%s%soptions=-csearch_path%%3Drooms_%ld", base,
                 strchr(base, '?') ? "&" : "?", (long)getpid());
        o.url = str_of(url);
    }
    enum err e = driver ? db_open_driver(&o, driver, fault, &db, error, sizeof error)
                        : db_open(&o, &db, error, sizeof error);
    if (e != OK && !driver)
        fail_msg("%s", error);
    return db;
}

static void round_init(struct round *w, struct money *m, int64_t n)
{
    *w = (struct round){ .m = m };
    for (int i = 0; i < 6; i++)
        snprintf(w->ids[i], sizeof w->ids[i], "n%lld-%d", (long long)n, i);
    w->call = (struct cost_reservation){ .id = str_of(w->ids[0]), .cost_nanousd = 1000000 };
    w->unused = (struct cost_reservation){ .id = str_of(w->ids[1]), .cost_nanousd = 7 };
}

/* What a step may end with while the driver fails. A release or settlement whose reservation failed
 * is skipped, as its caller would. */
static bool allowed(enum err e)
{
    return e == OK || e == ERR_STORAGE || e == ERR_QUOTA_EXCEEDED || e == ERR_OVERLOADED;
}

/* False when n lies beyond the last call. What SQLite left in the file is read by who opens it
 * anew; to PostgreSQL each connection is a stranger, one serves all rounds. */
static bool round_run(struct rooms *r, struct money *m, const struct db_driver *driver,
                      struct db_fault *fault, int64_t serial)
{
    struct round w;
    round_init(&w, m, serial);
    atomic_store(&fault->calls, 0);
    struct db *judges = r->app.db;
    if (r->engine == DB_SQLITE)
        db_close(judges);
    r->app.db = opened(r, driver, fault);
    bool reserved[2] = { false, false };
    for (int i = 0; r->app.db && i < STEPS; i++) {
        if ((i == 2 || i == 3) && !reserved[0])
            continue;
        if (i == 4 && !reserved[1])
            continue;
        enum err e = money_write(&r->cx, steps[i], &w);
        if (!allowed(e))
            fail_msg("call %lld fails: step %d ends with %s (%.*s)", (long long)fault->fail_from, i,
                     err_info(e)->code, STR_ARG(r->cx.failure.log_detail));
        if (i < 2)
            reserved[i] = e == OK;
    }
    bool hit = atomic_load(&fault->calls) >= fault->fail_from;
    db_close(r->app.db);
    r->app.db = r->engine == DB_SQLITE ? opened(r, NULL, NULL) : judges;
    money_judge(m);
    /* Again, as whoever has not heard the end does. What is over is not begun anew. */
    int64_t calls_before = budget(m).calls;
    for (int i = 0; i < STEPS; i++) {
        enum err e = money_write(&r->cx, steps[i], &w);
        if (i < 2 ? e != OK && e != ERR_INTERNAL : e != OK)
            fail_msg("call %lld failed: repeating step %d ends with %s (%.*s)",
                     (long long)fault->fail_from, i, err_info(e)->code,
                     STR_ARG(r->cx.failure.log_detail));
    }
    money_judge(m);
    assert_true(budget(m).calls - calls_before <= 2);
    assert_int_equal(budget(m).spent_nanousd, (serial + 1) * COST_OF_ROUND);
    assert_int_equal(budget(m).reserved_nanousd, 0);
    assert_int_equal(budget(m).calls, 2 * (serial + 1));
    return hit;
}

static void rounds(struct rooms *r, enum db_result result, enum db_fault_how how)
{
    const struct db_driver *driver =
        r->engine == DB_SQLITE ? &db_driver_fault_sqlite : &db_driver_fault_pgsql;
    struct money m = money_of(r);
    struct db_fault fault = { .fail_from = 1, .fail_count = 1, .result = result, .how = how };
    int64_t serial = 0;
    while (round_run(r, &m, driver, &fault, serial)) {
        serial++;
        fault.fail_from++;
    }
    assert_true(fault.fail_from > 30);
}

static void a_call_fails(void **state)
{
    ROOMS(state);
    rounds(r, DB_IO, DB_FAULT_BEFORE);
}

static void a_connection_breaks(void **state)
{
    ROOMS(state);
    rounds(r, DB_BROKEN, DB_FAULT_BEFORE);
}

static void an_answer_is_lost(void **state)
{
    ROOMS(state);
    rounds(r, DB_BROKEN, DB_FAULT_AFTER);
}

static void a_transaction_is_repeated(void **state)
{
    ROOMS(state);
    rounds(r, DB_REPEAT, DB_FAULT_BEFORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_call_fails),
        ROOMS_TEST(a_connection_breaks),
        ROOMS_TEST(an_answer_is_lost),
        ROOMS_TEST(a_transaction_is_repeated),
    };
    return cmocka_run_group_tests_name("money, n-th call", tests, NULL, NULL);
}
