/* Many who write, and more than one who seals: no fork, no gap. On both engines.
 *
 * OPBOXD_SOAK=1 runs the full count: 64 writers of 100,000 events each. On SQLite each event is a
 * write of its own; on PostgreSQL (a commit costs twenty times as much there) 25 events are.
 * OPBOXD_SOAK_EVENTS overrides the events of each writer; the argument is the pattern of the tests
 * to run ("many*pgsql"). */
#include "seal_room.h"

#include <pthread.h>

#include "base/clock.h"

enum { WRITERS = 64, SOAK_EVENTS = 100000, SOAK_BATCH_PGSQL = 25 };

static void two_sealers_make_one_chain(void **state)
{
    SEALED(state);
    struct seal *first = r->app.seal, *second = NULL;
    char error[256] = "";
    struct seal_options o = { 0 };
    /* On SQLite a second process is kept out by the folder's lock; what it would do with heads that
     * it remembers wrongly is tried here all the same. Keys it would have to load: no checkpoints.
     */
    bool sqlite = r->engine == DB_SQLITE;
    deeds(r, "one", 0, true);
    assert_true(seal_open(&r->app, &o, &second, error, sizeof error));
    for (int i = 0; i < 20; i++) {
        int n = 3;
        struct seal *sealer = i % 2 ? first : second;
        rooms_as(r, "ann", i % 3 ? "one" : "two");
        r->app.seal = sqlite ? sealer : first;
        assert_ok(&r->cx, db_write(&r->cx, seal_room_append, &n));
        assert_int_equal(seal_tick(sealer, r->cx.now_ms, !sqlite && i % 4 == 0), OK);
    }
    r->app.seal = first;
    assert_int_equal(seal_tick(first, r->cx.now_ms, true), OK);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.events, 60);
    r->app.seal = second;
    seal_close(second);
    r->app.seal = first;
    seal_room_close(r);
}

struct many {
    struct rooms *r;
    int events, batch, number;
    pthread_t thread;
};

static void *append_alone(void *arg)
{
    struct many *m = arg;
    struct arena *a = arena_new(0);
    for (int left = m->events; left > 0; left -= m->batch) {
        struct cx cx = m->r->cx;
        int n = left < m->batch ? left : m->batch;
        cx.arena = a;
        cx.principal.workspace_id = m->number % 4 ? STR("one") : STR("two");
        if (db_write(&cx, seal_room_append, &n) != OK)
            abort();
        arena_clear(a, 65536);
    }
    arena_free(a);
    return NULL;
}

static struct many many_of(struct rooms *r, int number)
{
    struct many m = { .r = r, .number = number, .batch = 1 };
    const char *events = getenv("OPBOXD_SOAK_EVENTS");
    if (!getenv("OPBOXD_SOAK")) {
        m.events = r->engine == DB_SQLITE ? 40 : 8;
        return m;
    }
    m.events = events ? (int)strtol(events, NULL, 10) : SOAK_EVENTS;
    if (r->engine == DB_PGSQL)
        m.batch = SOAK_BATCH_PGSQL;
    return m;
}

static void say(const char *what, int64_t rows, int64_t us)
{
    if (getenv("OPBOXD_SOAK"))
        print_message("%s: %lld rows in %lld ms, %lld a second\n", what, (long long)rows,
                      (long long)us / 1000, (long long)(rows * 1000000 / (us > 0 ? us : 1)));
}

static void many_writers_leave_no_fork_and_no_gap(void **state)
{
    SEALED(state);
    struct many m[WRITERS];
    int64_t begin_us = clock_monotonic_us();
    seal_start(r->app.seal);
    for (int i = 0; i < WRITERS; i++) {
        m[i] = many_of(r, i);
        pthread_create(&m[i].thread, NULL, append_alone, &m[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(m[i].thread, NULL);
    int64_t rows = (int64_t)WRITERS * m[0].events;
    say("written", rows, clock_monotonic_us() - begin_us);
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, true), OK);
    say("written, sealed and signed", rows, clock_monotonic_us() - begin_us);
    struct verify_report v = verified(r, true);
    say("verified", v.events, v.duration_us);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.events, rows);
    assert_int_equal(v.chains, 2);
    assert_int_equal(v.unsealed + v.unsigned_, 0);
    seal_room_close(r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(two_sealers_make_one_chain),
        ROOMS_TEST(many_writers_leave_no_fork_and_no_gap),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
