/* Many threads at once: every acknowledged write is there once, no other is; readers meanwhile see
 * whole transactions. Made to run under ThreadSanitizer too. */
#include "base/clock.h"
#include "fixture.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define THREADS 64
#define READERS 6
#define ROUNDS 20

struct worker {
    pthread_t thread;
    struct fixture *f;
    int number;
    int acknowledged;
    int refused;
    int wrong;
};

/* Two rows in one transaction, or none: a reader must never count an odd number. */
static enum err pair_insert(struct cx *cx, void *arg)
{
    struct item *it = arg;
    struct item other = *it;
    other.id[0] = 'o';
    TRY(item_insert(cx, it));
    TRY(item_insert(cx, &other));
    if (it->n % 5 == 4)
        FAIL(cx, FORBIDDEN, "every fifth is refused");
    return OK;
}

static void *writer_run(void *arg)
{
    struct worker *w = arg;
    struct cx *cx = fixture_cx_new(w->f);
    for (int i = 0; i < ROUNDS; i++) {
        struct item it = { .n = i };
        snprintf(it.id, sizeof it.id, "t%d-%d", w->number, i);
        enum err e = db_write(cx, pair_insert, &it);
        w->acknowledged += e == OK;
        w->refused += e == ERR_FORBIDDEN;
        w->wrong += e != OK && e != ERR_FORBIDDEN && e != ERR_OVERLOADED;
    }
    fixture_cx_free(cx);
    return NULL;
}

static atomic_bool writing;

static void *reader_run(void *arg)
{
    struct worker *w = arg;
    struct cx *cx = fixture_cx_new(w->f);
    while (atomic_load(&writing)) {
        int64_t n = 1;
        enum err e = db_read(cx, item_count, &n);
        w->wrong += e != OK || n % 2 != 0;
    }
    fixture_cx_free(cx);
    return NULL;
}

static void stress(enum db_engine engine)
{
    struct fixture f;
    struct worker writers[THREADS] = { 0 }, readers[READERS] = { 0 };
    fixture_init(&f, engine);
    atomic_store(&writing, true);
    for (int i = 0; i < READERS; i++) {
        readers[i].f = &f;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        writers[i].f = &f;
        writers[i].number = i;
        assert_int_equal(pthread_create(&writers[i].thread, NULL, writer_run, &writers[i]), 0);
    }
    int acknowledged = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(writers[i].thread, NULL);
        acknowledged += writers[i].acknowledged;
        assert_int_equal(writers[i].wrong, 0);
    }
    atomic_store(&writing, false);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].wrong, 0);
    }
    assert_true(acknowledged > 0);
    assert_int_equal(fixture_count(&f), 2 * acknowledged);
    assert_true(fixture_sound(&f));
    fixture_release(&f);
}

static void test_stress_sqlite(void **state)
{
    stress(DB_SQLITE);
}

static void test_stress_pgsql(void **state)
{
    if (!fixture_has(DB_PGSQL))
        skip();
    stress(DB_PGSQL);
}

/* ---- lost updates: read, add one, write back; SERIALIZABLE must repeat ---- */

static enum err add_one(struct cx *cx, void *arg)
{
    struct item it = { .id = "counter" };
    TRY(item_get(cx, &it));
    struct db_value p[] = { text_value("counter"), int_value(it.n + 1) };
    return run_plain(cx, ITEM_SET, p);
}

static void *adder_run(void *arg)
{
    struct worker *w = arg;
    struct cx *cx = fixture_cx_new(w->f);
    for (int i = 0; i < ROUNDS; i++)
        w->acknowledged += db_write(cx, add_one, NULL) == OK;
    fixture_cx_free(cx);
    return NULL;
}

static void lost_updates(enum db_engine engine)
{
    struct fixture f;
    struct worker adders[8] = { 0 };
    struct item it = { .id = "counter" };
    fixture_init(&f, engine);
    assert_int_equal(db_write(&f.cx, item_insert, &it), OK);
    for (int i = 0; i < 8; i++) {
        adders[i].f = &f;
        assert_int_equal(pthread_create(&adders[i].thread, NULL, adder_run, &adders[i]), 0);
    }
    int acknowledged = 0;
    for (int i = 0; i < 8; i++) {
        pthread_join(adders[i].thread, NULL);
        acknowledged += adders[i].acknowledged;
    }
    assert_int_equal(db_read(&f.cx, item_get, &it), OK);
    assert_int_equal(it.n, acknowledged);
    struct db_stats s;
    db_stats(f.app.db, &s);
    assert_int_equal(acknowledged, 8 * ROUNDS);
    if (engine == DB_PGSQL)
        assert_true(s.serialization_retries > 0);
    fixture_release(&f);
}

static void test_lost_updates_sqlite(void **state)
{
    lost_updates(DB_SQLITE);
}

static void test_lost_updates_pgsql(void **state)
{
    if (!fixture_has(DB_PGSQL))
        skip();
    lost_updates(DB_PGSQL);
}

/* ---- a write whose row another one always changes first: at last it runs without the others ----
 */

static atomic_int bumps, tries;

static void *bumper_run(void *arg)
{
    struct worker *w = arg;
    struct cx *cx = fixture_cx_new(w->f);
    struct item it = { .id = "counter" };
    while (atomic_load(&writing)) {
        w->wrong += db_write(cx, add_one, &it) != OK;
        atomic_fetch_add(&bumps, 1);
    }
    fixture_cx_free(cx);
    return NULL;
}

/* Beside the other one it waits until that has changed the row. Alone nobody does: then a moment
 * shows it. */
static enum err add_late(struct cx *cx, void *arg)
{
    struct item it = { .id = "counter" };
    bool beside = atomic_fetch_add(&tries, 1) < 4;
    int64_t until_ms = clock_monotonic_ms() + (beside ? 60000 : 100);
    (void)arg;
    TRY(item_get(cx, &it));
    int seen = atomic_load(&bumps);
    while (atomic_load(&bumps) < seen + 2 && clock_monotonic_ms() < until_ms)
        sched_yield();
    struct db_value p[] = { text_value("counter"), int_value(it.n + 1) };
    return run_plain(cx, ITEM_SET, p);
}

static void test_alone_at_last_pgsql(void **state)
{
    struct fixture f;
    struct worker bumper = { .f = &f };
    struct item it = { .id = "counter" };
    if (!fixture_has(DB_PGSQL))
        skip();
    fixture_init(&f, DB_PGSQL);
    assert_int_equal(db_write(&f.cx, item_insert, &it), OK);
    atomic_store(&writing, true);
    assert_int_equal(pthread_create(&bumper.thread, NULL, bumper_run, &bumper), 0);
    assert_int_equal(db_write(&f.cx, add_late, NULL), OK);
    atomic_store(&writing, false);
    pthread_join(bumper.thread, NULL);
    assert_int_equal(bumper.wrong, 0);
    assert_int_equal(atomic_load(&tries), 5);
    assert_int_equal(db_read(&f.cx, item_get, &it), OK);
    assert_int_equal(it.n, atomic_load(&bumps) + 1);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stress_sqlite),       cmocka_unit_test(test_stress_pgsql),
        cmocka_unit_test(test_lost_updates_sqlite), cmocka_unit_test(test_lost_updates_pgsql),
        cmocka_unit_test(test_alone_at_last_pgsql),
    };
    return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
