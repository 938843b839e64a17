/* Read connections: a fixed set of slots, each opened at its first use.
 *
 * Goals: taking and putting back costs two atomic operations when slots are free, and a thread gets
 * the same slot as the last time, whose caches are warm. Non-goals: fairness among waiters.
 *
 * Invariants
 * - A slot's connection is touched only by the thread that has set `taken`.
 * - Nobody sleeps while a slot is free: a waiter counts itself in `waiting` before it looks again,
 *   who puts back clears `taken` before it looks at `waiting`, both in sequential consistency. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "db/core.h"

void db_readers_init(struct db *db, size_t count)
{
    struct db_readers *p = &db->readers;
    p->slots = aligned_alloc(_Alignof(struct db_reader), count * sizeof *p->slots);
    if (!p->slots)
        abort();
    for (size_t i = 0; i < count; i++) {
        atomic_init(&p->slots[i].taken, false);
        p->slots[i].conn = NULL;
    }
    p->count = count;
    atomic_init(&p->waiting, 0);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->freed, &attr);
    pthread_condattr_destroy(&attr);
}

void db_readers_release(struct db *db)
{
    struct db_readers *p = &db->readers;
    for (size_t i = 0; i < p->count; i++)
        db->driver->close(p->slots[i].conn);
    free(p->slots);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->freed);
}

static struct db_reader *reader_try(struct db_readers *p)
{
    /* Thread descriptors differ in their middle bits; the product spreads them over the top. */
    size_t start = (size_t)((uint64_t)pthread_self() * 0x9e3779b97f4a7c15ULL >> 40);
    for (size_t i = 0; i < p->count; i++) {
        struct db_reader *r = &p->slots[(start + i) % p->count];
        if (!atomic_load_explicit(&r->taken, memory_order_relaxed) &&
            !atomic_exchange(&r->taken, true))
            return r;
    }
    return NULL;
}

static struct db_reader *reader_wait(struct db_readers *p, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    struct db_reader *r;
    int rc = 0;
    pthread_mutex_lock(&p->mutex);
    atomic_fetch_add(&p->waiting, 1);
    while (!(r = reader_try(p)) && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&p->freed, &p->mutex, &until);
    atomic_fetch_sub(&p->waiting, 1);
    pthread_mutex_unlock(&p->mutex);
    return r;
}

struct db_reader *db_reader_take(struct db *db, int64_t timeout_ms)
{
    struct db_reader *r = reader_try(&db->readers);
    return r ? r : reader_wait(&db->readers, timeout_ms);
}

void db_reader_put(struct db *db, struct db_reader *r)
{
    struct db_readers *p = &db->readers;
    atomic_store(&r->taken, false);
    if (atomic_load(&p->waiting) == 0)
        return;
    pthread_mutex_lock(&p->mutex);
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->mutex);
}

enum db_result db_reader_open(struct db *db, struct db_reader *r, int64_t timeout_ms, char *error,
                              size_t error_size)
{
    if (r->conn)
        return DB_DONE;
    return db->driver->open(&db->source, false, timeout_ms, &r->conn, error, error_size);
}

void db_reader_close(struct db *db, struct db_reader *r)
{
    db->driver->close(r->conn);
    r->conn = NULL;
}
