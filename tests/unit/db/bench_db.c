/* Not a test: writes a second with 1, 8, 64 and 128 waiting threads against a bare loop of the same
 * INSERT on the same engine with the same batch depth, in one run. Prints ratios. */
#include "fixture.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define RUN_MS 2000
#define THREADS_MAX 128

struct bench_thread {
    pthread_t thread;
    struct fixture *f;
    int number;
    int64_t done, failed;
    int64_t *latency_us;
};

static atomic_bool stop;

static void *bench_write(void *arg)
{
    struct bench_thread *t = arg;
    struct cx *cx = fixture_cx_new(t->f);
    while (!atomic_load(&stop)) {
        struct item it = { .n = 1 };
        snprintf(it.id, sizeof it.id, "b%d-%lld", t->number, (long long)t->done);
        int64_t start_us = clock_monotonic_us();
        if (db_write(cx, item_insert, &it) != OK) {
            t->failed++;
            continue;
        }
        if (t->done < 100000)
            t->latency_us[t->done] = clock_monotonic_us() - start_us;
        t->done++;
    }
    fixture_cx_free(cx);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void must_ok(int rc, sqlite3 *handle)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
        fprintf(stderr, "bare: %s\n", sqlite3_errmsg(handle));
        abort();
    }
}

/* Rows a second of one thread that does nothing else. */
static double bare(struct fixture *f, int depth)
{
    sqlite3 *handle;
    sqlite3_stmt *begin, *insert, *commit;
    must_ok(sqlite3_open(f->path, &handle), NULL);
    must_ok(sqlite3_exec(handle,
                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-8192;",
                         NULL, NULL, NULL),
            handle);
    sqlite3_prepare_v2(handle, "BEGIN IMMEDIATE", -1, &begin, NULL);
    sqlite3_prepare_v2(handle, "COMMIT", -1, &commit, NULL);
    must_ok(sqlite3_prepare_v2(handle, db_statements[ITEM_INSERT]->sqlite, -1, &insert, NULL),
            handle);
    int64_t rows = 0, start_ms = clock_monotonic_ms();
    while (clock_monotonic_ms() - start_ms < RUN_MS) {
        sqlite3_step(begin);
        sqlite3_reset(begin);
        for (int i = 0; i < depth; i++) {
            char id[32];
            int len = snprintf(id, sizeof id, "x%d-%lld", i, (long long)rows++);
            sqlite3_bind_text(insert, 1, id, len, SQLITE_STATIC);
            sqlite3_bind_int64(insert, 2, 1);
            sqlite3_bind_double(insert, 3, 1.5);
            sqlite3_bind_blob(insert, 4, "\0\1\2", 3, SQLITE_STATIC);
            must_ok(sqlite3_step(insert), handle);
            sqlite3_reset(insert);
        }
        must_ok(sqlite3_step(commit), handle);
        sqlite3_reset(commit);
    }
    double rate = (double)rows * 1000 / (double)(clock_monotonic_ms() - start_ms);
    sqlite3_finalize(begin);
    sqlite3_finalize(insert);
    sqlite3_finalize(commit);
    sqlite3_close(handle);
    return rate;
}

static void bench(enum db_engine engine, int count)
{
    static struct bench_thread threads[THREADS_MAX];
    struct fixture f;
    struct db_stats before, after;
    fixture_init(&f, engine);
    db_stats(f.app.db, &before);
    atomic_store(&stop, false);
    memset(threads, 0, sizeof threads);
    int64_t start_ms = clock_monotonic_ms();
    for (int i = 0; i < count; i++) {
        threads[i].f = &f;
        threads[i].number = i;
        threads[i].latency_us = calloc(100000, sizeof(int64_t));
        pthread_create(&threads[i].thread, NULL, bench_write, &threads[i]);
    }
    while (clock_monotonic_ms() - start_ms < RUN_MS)
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
    atomic_store(&stop, true);
    int64_t done = 0, failed = 0, kept = 0;
    int64_t *all = calloc(4000000, sizeof *all);
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i].thread, NULL);
        for (int64_t k = 0; k < threads[i].done && k < 100000; k++)
            all[kept++] = threads[i].latency_us[k];
        done += threads[i].done;
        failed += threads[i].failed;
        free(threads[i].latency_us);
    }
    double rate = (double)done * 1000 / (double)(clock_monotonic_ms() - start_ms);
    db_stats(f.app.db, &after);
    qsort(all, (size_t)kept, sizeof *all, by_size);
    double depth =
        (double)(after.closures - before.closures) / (double)(after.commits - before.commits);
    printf("%-7s %3d threads: %7.0f/s, depth %5.1f, commit %4lld us, p50 %5lld us, p99 %5lld us,"
           " repeats %lld, failed %lld",
           engine == DB_SQLITE ? "sqlite" : "pgsql", count, rate, depth,
           (long long)((after.commit_us_total - before.commit_us_total) /
                       (after.commits - before.commits)),
           (long long)all[kept / 2], (long long)all[kept * 99 / 100],
           (long long)after.serialization_retries, (long long)failed);
    free(all);
    fixture_release(&f);
    if (engine == DB_SQLITE) {
        fixture_init(&f, engine);
        fixture_close(&f);
        int whole = depth < 1 ? 1 : (int)(depth + 0.5);
        double limit = bare(&f, whole);
        printf(", bare at depth %d: %.0f/s, ratio %.2f", whole, limit, rate / limit);
        fixture_release(&f);
    }
    printf("\n");
    fflush(stdout);
}

static enum err read_one(struct cx *cx, void *arg)
{
    return item_get(cx, arg);
}

static void bench_read(enum db_engine engine)
{
    struct fixture f;
    struct item it = { .id = "a" };
    fixture_init(&f, engine);
    if (db_write(&f.cx, item_insert, &it) != OK)
        abort();
    int64_t n = 0, start_us = clock_monotonic_us();
    while (clock_monotonic_us() - start_us < RUN_MS * 500) {
        db_read(&f.cx, read_one, &it);
        n++;
    }
    printf("%-7s point read: %.2f us\n", engine == DB_SQLITE ? "sqlite" : "pgsql",
           (double)(clock_monotonic_us() - start_us) / (double)n);
    fixture_release(&f);
}

int main(void)
{
    static const int counts[] = { 1, 8, 64, 128 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        bench(DB_SQLITE, counts[i]);
    bench_read(DB_SQLITE);
    if (fixture_has(DB_PGSQL)) {
        for (size_t i = 0; i < sizeof counts / sizeof *counts - 1; i++)
            bench(DB_PGSQL, counts[i]);
        bench_read(DB_PGSQL);
    }
    return 0;
}
