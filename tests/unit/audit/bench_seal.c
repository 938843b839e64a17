/* Figures of the sealed log, on both engines; not a test. bench_seal [rows] prints
 *   - one audit row in a write of its own, 64 threads: unsealed and sealed, interleaved;
 *   - how fast unsealed rows are sealed in batches;
 *   - how fast a log is verified. */
#include "seal_room.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"

enum { THREADS = 64, ROUNDS = 5 };

struct writer {
    struct rooms *r;
    int rows;
    pthread_t thread;
};

static enum err append_one(struct cx *cx, void *arg)
{
    (void)arg;
    struct audit_row row = { .action = STR("update_document"),
                             .entity_type = STR("document"),
                             .entity_id = STR("cmhw2p3k50001abcdefghijkl") };
    return audit_append(cx, &row);
}

static enum err append_many(struct cx *cx, void *arg)
{
    const int *n = arg;
    for (int i = 0; i < *n; i++)
        TRY(append_one(cx, NULL));
    return OK;
}

static void *write_rows(void *arg)
{
    struct writer *w = arg;
    struct arena *a = arena_new(0);
    for (int i = 0; i < w->rows; i++) {
        struct cx cx = w->r->cx;
        cx.arena = a;
        if (db_write(&cx, append_one, NULL) != OK)
            abort();
        arena_clear(a, 64 * 1024);
    }
    arena_free(a);
    return NULL;
}

/* Of the whole process: what a busy machine does not blur. */
static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Writes a second. */
static double writes(struct rooms *r, int each)
{
    struct writer w[THREADS];
    int64_t begin = clock_monotonic_us();
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct writer){ .r = r, .rows = each };
        pthread_create(&w[i].thread, NULL, write_rows, &w[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    return 1e6 * THREADS * each / (double)(clock_monotonic_us() - begin);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(enum db_engine e, int64_t rows)
{
    static struct rooms rooms;
    struct rooms *r = &rooms;
    struct verify_report report;
    struct verify_options one = { .threads = 1 }, all = { .threads = 0 };
    double off[ROUNDS], on[ROUNDS], cpu = 0, cpu_off = 0, cpu_on = 0;
    int each = e == DB_SQLITE ? 500 : 50, slice = 1000;
    rooms_init(r, e);
    seal_room_open(r);
    struct seal *s = r->app.seal;
    for (int i = 0; i < ROUNDS; i++) {
        r->app.seal = NULL;
        cpu = cpu_us();
        off[i] = writes(r, each);
        cpu_off += cpu_us() - cpu;
        r->app.seal = s;
        seal_tick(s, r->cx.now_ms, true);
        cpu = cpu_us();
        on[i] = writes(r, each);
        cpu_on += cpu_us() - cpu;
    }
    qsort(off, ROUNDS, sizeof *off, by_size);
    qsort(on, ROUNDS, sizeof *on, by_size);
    printf(
        "%s: writes with one audit row, 64 threads: %.0f/s unsealed, %.0f/s with the seal (%.2f)\n",
        e == DB_SQLITE ? "sqlite" : "pgsql", off[ROUNDS / 2], on[ROUNDS / 2],
        on[ROUNDS / 2] / off[ROUNDS / 2]);
    printf("  CPU a write: %.1f us unsealed, %.1f us with the seal\n",
           cpu_off / ROUNDS / THREADS / each, cpu_on / ROUNDS / THREADS / each);
    r->app.seal = NULL; /* rows come unsealed */
    for (int64_t i = 0; i < rows; i += slice) {
        assert_ok(&r->cx, db_write(&r->cx, append_many, &slice));
        arena_clear(r->arena, 1 << 20);
    }
    r->app.seal = s;
    atomic_store(&s->leftovers, true);
    int64_t begin = clock_monotonic_us();
    cpu = cpu_us();
    seal_tick(s, r->cx.now_ms, true);
    printf("  sealed in batches: %.0f rows/s, %.1f us CPU a row\n",
           1e6 * (double)rows / (double)(clock_monotonic_us() - begin),
           (cpu_us() - cpu) / (double)rows);
    for (int i = 0; i < 3; i++) {
        cpu = cpu_us();
        assert_ok(&r->cx, seal_verify(&r->cx, &one, &report));
        printf("  CPU a verified row: %.2f us\n", (cpu_us() - cpu) / (double)report.events);
        double single = 1e6 * (double)report.events / (double)report.duration_us;
        assert_ok(&r->cx, seal_verify(&r->cx, &all, &report));
        printf("  verified %lld rows, %zu breaks: %.0f/s on one thread, %.0f/s on all\n",
               (long long)report.events, report.breaks_count, single,
               1e6 * (double)report.events / (double)report.duration_us);
        for (size_t b = 0; b < report.breaks_count; b++)
            printf("    %s %.*s\n", report.breaks[b].kind, STR_ARG(report.breaks[b].message));
    }
    seal_room_close(r);
    rooms_release(r);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int64_t rows = argc > 1 ? atoll(argv[1]) : 200000;
    bench(DB_SQLITE, rows);
    if (getenv("TEST_PG_URL"))
        bench(DB_PGSQL, rows);
    return 0;
}
