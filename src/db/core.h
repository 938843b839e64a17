/* What the parts of src/db share: the database object, its transactions, its readers and writers.
 * Private to src/db. */
#ifndef DB_CORE_H
#define DB_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/driver.h"

/* One transaction as a closure sees it. Lives on the stack of the thread that runs it. */
struct db_tx {
    struct db *db;
    struct db_conn *conn;
    enum db_mode mode;
    bool in_row;          /* a row callback is running: it must not run statements */
    bool failed;          /* a statement failed since the innermost savepoint */
    enum db_result cause; /* of that; DB_DONE: none */
    bool lost;            /* a savepoint could not be set, kept or undone */
    enum err error;
};

/* Runs fn in tx; a closure that goes on after a failed statement gets an internal fault. */
enum err db_tx_call(struct db_tx *tx, struct cx *cx, db_fn fn, void *arg);
/* The failure of `what` for the client and the log. */
enum err db_raise(struct cx *cx, enum db_result res, const char *what, const char *detail);
/* False when only a new run of the whole transaction can help. */
bool db_tx_can_go_on(const struct db_tx *tx);

/* ---- readers.c ---- */

struct db_reader {
    _Alignas(64) atomic_bool taken;
    struct db_conn *conn; /* opened at the first use; NULL: not open */
};

struct db_readers {
    struct db_reader *slots;
    size_t count;
    atomic_int waiting;
    pthread_mutex_t mutex;
    pthread_cond_t freed;
};

void db_readers_init(struct db *db, size_t count);
void db_readers_release(struct db *db);
/* NULL: none came free within timeout_ms. */
struct db_reader *db_reader_take(struct db *db, int64_t timeout_ms);
void db_reader_put(struct db *db, struct db_reader *r);
/* Makes sure that the slot has a connection. */
enum db_result db_reader_open(struct db *db, struct db_reader *r, int64_t timeout_ms, char *error,
                              size_t error_size);
void db_reader_close(struct db *db, struct db_reader *r);

/* ---- writer.c ---- */

#define DB_BATCH_MAX 256
#define DB_QUEUE_MAX 65536

struct db_writer {
    struct db *db;
    pthread_t thread;
    struct db_conn *conn;
    size_t count;
    struct db_write *items[DB_BATCH_MAX];
    enum err results[DB_BATCH_MAX];
    uint64_t random;
    bool tidy; /* the driver has work for an idle moment */
    /* The queue's mutex is over these. */
    pthread_cond_t wake;
    bool idle; /* waits to be woken */
};

struct db_queue {
    pthread_mutex_t mutex;
    pthread_rwlock_t
        beside; /* held in each attempt at a batch: for writing, no other one goes on */
    struct db_write *first, *last;
    int64_t depth;
    bool stopping;
};

struct db_counters {
    atomic_int_least64_t commits, commit_failures, closures, repeats, commit_us;
};

struct db {
    const struct db_driver *driver;
    struct db_source source;
    struct db_readers readers;
    struct db_queue queue;
    struct db_writer *writers;
    size_t writers_count;
    struct db_counters counters;
};

/* Starts the threads. `first` is an open connection for the first of them. */
enum err db_writers_start(struct db *db, size_t count, struct db_conn *first, char *error,
                          size_t error_size);
/* Finishes the queue, joins, closes all connections but the first writer's, which it returns. */
struct db_conn *db_writers_stop(struct db *db);

#endif
