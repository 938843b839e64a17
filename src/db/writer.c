/* The writer: takes what has queued up, runs it as one transaction, says how it went.
 *
 * Goals: a write is acknowledged only when it is durable; the batch is as deep as the traffic; a
 * single client waits for nothing but its own commit. Non-goals: order among writers on PostgreSQL;
 * waiting for more company: while one batch is on its way to the disk the next one fills up
 * (measured: 7.7 of 8, 51 of 64, 127 of 128 clients in a batch).
 *
 * Invariants
 * - Each closure of a batch stands in a savepoint of its own, so that its failure is its own.
 * - `done` is called exactly once for each write, after the commit or after it is certain that
 * there will be none. When the commit fails, all of the batch fail: even a refusal may rest on what
 * a neighbour had written in the same transaction.
 * - When the engine gives up the whole transaction because of one closure (disk full, I/O), that
 * one fails and the others are run again, KILLS_MAX times; then all fail.
 * - Of the writers that wait the first one is woken, so that few connections are used while few
 * are needed, and their statements are prepared.
 * - A batch is run again at most TRIES_MAX times when the engine asks for it or the connection
 * broke before COMMIT was sent; never when it broke in COMMIT. What has conflicted TRIES_BESIDE
 * times runs alone in this process, so that a crowd over the same rows gets through. */
#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/core.h"

#define BATCH_US 2000
#define TRIES_MAX 10
#define TRIES_BESIDE 4
#define KILLS_MAX 3
#define BACKOFF_MAX_MS 256
#define OPEN_TIMEOUT_MS 5000
#define IDLE_MS 500
#define STACK_BYTES (256 * 1024)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_FACTOR 8
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_FACTOR 8
#endif
#endif
#ifndef STACK_FACTOR
#define STACK_FACTOR 1
#endif

/* ---- the queue ---- */

static void wake_one_locked(struct db *db)
{
    for (size_t i = 0; i < db->writers_count; i++) {
        struct db_writer *wr = &db->writers[i];
        if (!wr->idle)
            continue;
        wr->idle = false;
        pthread_cond_signal(&wr->wake);
        return;
    }
}

void db_write_submit(struct db *db, struct db_write *w)
{
    struct db_queue *q = &db->queue;
    w->next = NULL;
    w->queued_us = clock_monotonic_us();
    w->mark = arena_mark(w->cx->arena);
    pthread_mutex_lock(&q->mutex);
    enum err refused = q->stopping ? ERR_SHUTTING_DOWN : OK;
    if (q->depth >= DB_QUEUE_MAX)
        refused = ERR_OVERLOADED;
    if (refused == OK) {
        if (q->last)
            q->last->next = w;
        else
            q->first = w;
        q->last = w;
        q->depth++;
        wake_one_locked(db);
    }
    pthread_mutex_unlock(&q->mutex);
    if (refused != OK)
        w->done(w, cx_fail(w->cx, refused, "%s", err_info(refused)->meaning));
}

static struct db_write *queue_pop_locked(struct db_queue *q)
{
    struct db_write *w = q->first;
    if (!w)
        return NULL;
    q->first = w->next;
    if (!q->first)
        q->last = NULL;
    q->depth--;
    return w;
}

/* Adds what is queued to the batch; false: nothing was there. Writes of another isolation level
 * wait for their own batch (only PostgreSQL tells them apart, and there a batch is one). */
static bool batch_take(struct db_writer *wr, size_t max)
{
    struct db_queue *q = &wr->db->queue;
    size_t before = wr->count;
    pthread_mutex_lock(&q->mutex);
    while (wr->count < max && q->first)
        wr->items[wr->count++] = queue_pop_locked(q);
    pthread_mutex_unlock(&q->mutex);
    return wr->count > before;
}

static void until_after(struct timespec *ret, int64_t ms)
{
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += ms / 1000;
    ret->tv_nsec += ms % 1000 * 1000000;
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_sec++;
        ret->tv_nsec -= 1000000000;
    }
}

/* Sleeps until there is work. False: stopping, and the queue is empty. */
static bool queue_wait(struct db_writer *wr)
{
    struct db_queue *q = &wr->db->queue;
    struct timespec until;
    bool more;
    pthread_mutex_lock(&q->mutex);
    while (!q->first && !q->stopping) {
        int rc = 0;
        wr->idle = true;
        if (wr->tidy) {
            until_after(&until, IDLE_MS);
            rc = pthread_cond_timedwait(&wr->wake, &q->mutex, &until);
        } else {
            pthread_cond_wait(&wr->wake, &q->mutex);
        }
        wr->idle = false;
        if (rc != ETIMEDOUT || q->first || q->stopping)
            continue;
        pthread_mutex_unlock(&q->mutex);
        wr->tidy = wr->conn && wr->db->driver->maintain(wr->conn, true);
        pthread_mutex_lock(&q->mutex);
    }
    more = q->first != NULL;
    pthread_mutex_unlock(&q->mutex);
    return more;
}

/* ---- one batch ---- */

enum batch_end {
    BATCH_ENDED = 1, /* results are final */
    BATCH_REPEAT,    /* nothing was written and all results say so: run it again */
    BATCH_REOPEN,    /* likewise, but only a new connection may help, and only once */
    BATCH_KILLED,    /* item `killer` took the transaction with it */
    BATCH_APART      /* a deferred check failed: find out whose, one by one */
};

static void batch_fail_all(struct db_writer *wr, enum db_result res, const char *what,
                           const char *detail)
{
    for (size_t i = 0; i < wr->count; i++)
        wr->results[i] = db_raise(wr->items[i]->cx, res, what, detail);
}

static void conn_drop(struct db_writer *wr)
{
    wr->db->driver->close(wr->conn);
    wr->conn = NULL;
}

static void batch_rollback(struct db_writer *wr)
{
    if (wr->db->driver->rollback(wr->conn) != DB_DONE)
        conn_drop(wr);
}

static bool result_repeats(enum db_result res)
{
    return res == DB_REPEAT || res == DB_BROKEN;
}

/* Runs item i, in a savepoint unless it is alone. DB_DONE: the transaction stands. */
static enum db_result item_run(struct db_writer *wr, size_t i, bool alone)
{
    const struct db_driver *d = wr->db->driver;
    struct db_write *w = wr->items[i];
    struct db_tx tx = { .db = wr->db,
                        .conn = wr->conn,
                        .mode = w->read_committed ? DB_MODE_WRITE_READ_COMMITTED : DB_MODE_WRITE };
    enum db_result res = alone ? DB_DONE : d->savepoint(wr->conn);
    if (res != DB_DONE) {
        wr->results[i] = db_raise(w->cx, res, "savepoint", wr->conn->error);
        return res;
    }
    /* Each try starts as the first did. */
    cx_clear_failure(w->cx);
    arena_reset(w->cx->arena, w->mark);
    wr->results[i] = db_tx_call(&tx, w->cx, w->fn, w->arg);
    if (tx.failed && !db_tx_can_go_on(&tx))
        return tx.cause;
    if (alone)
        return DB_DONE;
    bool keep = wr->results[i] == OK && !w->dry_run;
    res = keep ? d->release(wr->conn) : d->rollback_to(wr->conn);
    if (res != DB_DONE && wr->results[i] == OK)
        wr->results[i] = db_raise(w->cx, res, "savepoint", wr->conn->error);
    return res;
}

static bool batch_changes(const struct db_writer *wr)
{
    for (size_t i = 0; i < wr->count; i++)
        if (wr->results[i] == OK && !wr->items[i]->dry_run)
            return true;
    return false;
}

static enum batch_end batch_commit(struct db_writer *wr)
{
    struct db *db = wr->db;
    int64_t start_us = clock_monotonic_us();
    enum db_result res = db->driver->commit(wr->conn);
    int64_t took_us = clock_monotonic_us() - start_us;
    atomic_fetch_add(&db->counters.commit_us, took_us);
    if (res == DB_DONE) {
        atomic_fetch_add(&db->counters.commits, 1);
        return BATCH_ENDED;
    }
    char detail[DB_ERROR_BYTES];
    snprintf(detail, sizeof detail, "%s", wr->conn->error);
    if (res == DB_BROKEN)
        conn_drop(wr);
    else
        batch_rollback(wr);
    batch_fail_all(wr, res, "commit", detail);
    if (res == DB_REPEAT)
        return BATCH_REPEAT;
    if (res == DB_CONSTRAINT && wr->count > 1)
        return BATCH_APART;
    atomic_fetch_add(&db->counters.commit_failures, 1);
    if (res == DB_BROKEN)
        for (size_t i = 0; i < wr->count; i++) {
            struct cx *cx = wr->items[i]->cx;
            wr->results[i] = cx_fail(
                cx, ERR_STORAGE, "the connection broke while committing; the outcome is not known");
            cx_log_detail(cx, "commit: %s", detail);
        }
    return BATCH_ENDED;
}

/* Runs all items; the first time also what arrives meanwhile. */
static enum db_result batch_run_items(struct db_writer *wr, bool grow, size_t *ret_killer)
{
    size_t max = grow ? wr->db->driver->batch_max : wr->count;
    int64_t start_us = clock_monotonic_us();
    bool alone = wr->count == 1;
    for (size_t i = 0; i < wr->count; i++) {
        enum db_result res = item_run(wr, i, alone && i == 0);
        if (res != DB_DONE) {
            *ret_killer = i;
            return res;
        }
        /* What ran without a savepoint can only be kept, or undone as the whole transaction. */
        if (alone && i == 0 && (wr->results[0] != OK || wr->items[0]->dry_run))
            break;
        if (i + 1 == wr->count && wr->count < max && clock_monotonic_us() - start_us < BATCH_US)
            batch_take(wr, max);
    }
    return DB_DONE;
}

static enum batch_end batch_attempt(struct db_writer *wr, bool grow, size_t *ret_killer)
{
    struct db *db = wr->db;
    char error[DB_ERROR_BYTES];
    enum db_result res = DB_DONE;
    if (!wr->conn)
        res = db->driver->open(&db->source, true, OPEN_TIMEOUT_MS, &wr->conn, error, sizeof error);
    if (res != DB_DONE) {
        batch_fail_all(wr, res, "open", error);
        return result_repeats(res) ? BATCH_REPEAT : BATCH_REOPEN;
    }
    res = db->driver->begin(wr->conn, wr->items[0]->read_committed ? DB_MODE_WRITE_READ_COMMITTED
                                                                   : DB_MODE_WRITE);
    if (res != DB_DONE) {
        batch_fail_all(wr, res, "begin", wr->conn->error);
        conn_drop(wr);
        return result_repeats(res) ? BATCH_REPEAT : BATCH_REOPEN;
    }
    res = batch_run_items(wr, grow, ret_killer);
    if (res == DB_DONE && batch_changes(wr))
        return batch_commit(wr);
    if (res == DB_BROKEN)
        conn_drop(wr);
    else
        batch_rollback(wr);
    if (res == DB_DONE)
        return BATCH_ENDED;
    if (!result_repeats(res))
        return BATCH_KILLED;
    batch_fail_all(wr, res, "run", "given up after many tries");
    return BATCH_REPEAT;
}

static void batch_done(struct db_writer *wr)
{
    size_t count = wr->count;
    atomic_fetch_add(&wr->db->counters.closures, (int64_t)count);
    wr->count = 0;
    for (size_t i = 0; i < count; i++)
        wr->items[i]->done(wr->items[i], wr->results[i]);
}

static void item_done(struct db_writer *wr, size_t i)
{
    struct db_write *w = wr->items[i];
    enum err r = wr->results[i];
    wr->count--;
    memmove(&wr->items[i], &wr->items[i + 1], (wr->count - i) * sizeof wr->items[0]);
    atomic_fetch_add(&wr->db->counters.closures, 1);
    w->done(w, r);
}

/* False: the time that the callers have is over. */
static bool batch_backoff(struct db_writer *wr, int tries)
{
    wr->random = wr->random * 6364136223846793005ULL + 1442695040888963407ULL;
    uint64_t most_ms = tries < 8 ? 2ULL << tries : BACKOFF_MAX_MS;
    uint64_t us = (wr->random >> 33) % (most_ms * 1000);
    for (size_t i = 0; i < wr->count; i++) {
        int64_t deadline_ms = wr->items[i]->cx->deadline_ms;
        if (deadline_ms && clock_monotonic_ms() > deadline_ms)
            return false;
    }
    struct timespec t = { (time_t)(us / 1000000), (long)(us % 1000000 * 1000) };
    nanosleep(&t, NULL);
    return true;
}

/* Deferred checks fail the commit of all: each alone shows whose it was. */
static void batch_apart(struct db_writer *wr)
{
    struct db_write *items[DB_BATCH_MAX];
    size_t count = wr->count, killer;
    memcpy(items, wr->items, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        wr->items[0] = items[i];
        wr->count = 1;
        batch_attempt(wr, false, &killer); /* once: whatever it ends with, the result says so */
        batch_done(wr);
    }
}

/* What may still be spent on a batch. */
struct batch_budget {
    int tries;
    int reopens;
    int kills;
};

static enum batch_end batch_try(struct db_writer *wr, bool alone, bool grow, size_t *ret_killer)
{
    pthread_rwlock_t *beside = &wr->db->queue.beside;
    if (alone)
        pthread_rwlock_wrlock(beside);
    else
        pthread_rwlock_rdlock(beside);
    enum batch_end end = batch_attempt(wr, grow, ret_killer);
    pthread_rwlock_unlock(beside);
    return end;
}

/* True: the batch has reached its end, well or not. */
static bool batch_step(struct db_writer *wr, struct batch_budget *left, bool grow)
{
    size_t killer = 0;
    switch (batch_try(wr, TRIES_MAX - left->tries >= TRIES_BESIDE, grow, &killer)) {
    case BATCH_ENDED:
        return true;
    case BATCH_APART:
        batch_apart(wr);
        return true;
    case BATCH_REOPEN:
        return left->reopens-- == 0;
    case BATCH_REPEAT:
        atomic_fetch_add(&wr->db->counters.repeats, 1);
        return --left->tries == 0 || !batch_backoff(wr, TRIES_MAX - left->tries);
    case BATCH_KILLED:
        break;
    }
    log_line(LOG_WARN, "the database engine gave up a transaction",
             log_i("closures", (int64_t)wr->count));
    if (left->kills-- == 0) {
        batch_fail_all(wr, DB_IO, "run", "the engine gave up the transaction");
        return true;
    }
    item_done(wr, killer);
    return wr->count == 0;
}

static void batch_run(struct db_writer *wr)
{
    struct batch_budget left = { .tries = TRIES_MAX, .reopens = 1, .kills = KILLS_MAX };
    bool grow = true;
    while (!batch_step(wr, &left, grow))
        grow = false;
    batch_done(wr);
}

static void *writer_main(void *arg)
{
    struct db_writer *wr = arg;
    const struct db_driver *d = wr->db->driver;
    while (queue_wait(wr)) {
        if (!batch_take(wr, d->batch_max))
            continue;
        batch_run(wr);
        if (d->maintain && wr->conn)
            wr->tidy = d->maintain(wr->conn, false);
    }
    return NULL;
}

/* ---- start and stop ---- */

static int writer_thread_start(struct db_writer *wr)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, (size_t)STACK_BYTES * STACK_FACTOR);
    sigset_t all, before; /* signals are for the main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&wr->thread, &attr, writer_main, wr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        pthread_setname_np(wr->thread, "db-writer");
    return rc;
}

enum err db_writers_start(struct db *db, size_t count, struct db_conn *first, char *error,
                          size_t error_size)
{
    pthread_mutex_init(&db->queue.mutex, NULL);
    pthread_rwlockattr_t waits; /* who wants to be alone is not passed for ever */
    pthread_rwlockattr_init(&waits);
    pthread_rwlockattr_setkind_np(&waits, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&db->queue.beside, &waits);
    pthread_rwlockattr_destroy(&waits);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    db->writers = calloc(count, sizeof *db->writers);
    if (!db->writers)
        abort();
    db->writers[0].conn = first;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct db_writer *wr = &db->writers[i];
        wr->db = db;
        wr->random = (uint64_t)clock_monotonic_us() * 2654435761U + i;
        pthread_cond_init(&wr->wake, &attr);
        rc = writer_thread_start(wr);
        if (rc == 0)
            db->writers_count++;
        else
            pthread_cond_destroy(&wr->wake);
    }
    pthread_condattr_destroy(&attr);
    if (rc == 0)
        return OK;
    snprintf(error, error_size, "cannot start a writer thread: %s", strerror(rc));
    return ERR_STORAGE;
}

struct db_conn *db_writers_stop(struct db *db)
{
    struct db_queue *q = &db->queue;
    pthread_mutex_lock(&q->mutex);
    q->stopping = true;
    for (size_t i = 0; i < db->writers_count; i++)
        pthread_cond_signal(&db->writers[i].wake);
    pthread_mutex_unlock(&q->mutex);
    struct db_conn *first = db->writers[0].conn;
    for (size_t i = 0; i < db->writers_count; i++) {
        pthread_join(db->writers[i].thread, NULL);
        pthread_cond_destroy(&db->writers[i].wake);
        if (i == 0)
            first = db->writers[0].conn;
        else
            db->driver->close(db->writers[i].conn);
    }
    free(db->writers);
    pthread_mutex_destroy(&q->mutex);
    pthread_rwlock_destroy(&q->beside);
    return first;
}

/* ---- waiting ---- */

struct waiting {
    struct db_write write; /* first: `done` gets a pointer to it */
    sem_t done;
    enum err result;
};

static void waiting_done(struct db_write *w, enum err result)
{
    struct waiting *wait = (struct waiting *)w;
    wait->result = result;
    sem_post(&wait->done);
}

static enum err write_and_wait(struct cx *cx, db_fn fn, void *arg, bool read_committed)
{
    assert(cx->app && cx->app->db && !cx->tx);
    struct waiting wait = { .write = { .cx = cx,
                                       .fn = fn,
                                       .arg = arg,
                                       .read_committed = read_committed,
                                       .done = waiting_done } };
    sem_init(&wait.done, 0, 0);
    db_write_submit(cx->app->db, &wait.write);
    while (sem_wait(&wait.done) != 0)
        assert(errno == EINTR);
    sem_destroy(&wait.done);
    return wait.result;
}

enum err db_write(struct cx *cx, db_fn fn, void *arg)
{
    return write_and_wait(cx, fn, arg, false);
}

enum err db_write_hot(struct cx *cx, db_fn fn, void *arg)
{
    return write_and_wait(cx, fn, arg, true);
}

void db_stats(struct db *db, struct db_stats *ret)
{
    struct db_counters *c = &db->counters;
    ret->commits = atomic_load(&c->commits);
    ret->commit_failures = atomic_load(&c->commit_failures);
    ret->closures = atomic_load(&c->closures);
    ret->serialization_retries = atomic_load(&c->repeats);
    ret->commit_us_total = atomic_load(&c->commit_us);
    pthread_mutex_lock(&db->queue.mutex);
    ret->queue_depth = db->queue.depth;
    pthread_mutex_unlock(&db->queue.mutex);
}
