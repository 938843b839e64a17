/* Reads: a snapshot for each, or one for all of a turn of a loop.
 *
 * Goals: a read sees everything that was acknowledged before it began; on SQLite, where the
 * requests of a turn follow each other on one thread, they pay for one snapshot. Non-goals: pooling
 * (readers.c).
 *
 * Invariants
 * - A kept snapshot is used again only while the number of commits is the one before it was opened:
 *   the writer counts a commit after it is made and before anybody is told of it.
 * - A snapshot in which anything failed is not kept. */
#include <assert.h>

#include "base/app.h"
#include "base/clock.h"
#include "db/core.h"

#define OPEN_TIMEOUT_MS 5000
#define READER_WAIT_MS 10000
#define ALIVE_TIMEOUT_MS 1000

static enum err snapshot_begin(struct db *db, struct db_reader *r, struct cx *cx)
{
    char error[DB_ERROR_BYTES];
    enum db_result res = db_reader_open(db, r, OPEN_TIMEOUT_MS, error, sizeof error);
    if (res != DB_DONE)
        return db_raise(cx, res, "open", error);
    res = db->driver->begin(r->conn, DB_MODE_READ);
    if (res == DB_DONE)
        return OK;
    enum err e = db_raise(cx, res, "begin", r->conn->error);
    db_reader_close(db, r);
    return e;
}

/* What was read is read: a snapshot that does not end properly costs its connection only. */
static void snapshot_end(struct db *db, struct db_reader *r, const struct db_tx *tx)
{
    const struct db_driver *d = db->driver;
    enum db_result res = tx && tx->failed ? d->rollback(r->conn) : d->commit(r->conn);
    if (res != DB_DONE || (tx && (tx->cause == DB_BROKEN || tx->cause == DB_IO)))
        db_reader_close(db, r);
    db_reader_put(db, r);
}

/* The reader of the kept snapshot, when that is as new as a new one would be. */
static struct db_reader *kept_take(struct db *db, struct db_snapshot *s)
{
    assert(!s->reader || s->db == db);
    if (s->reader && s->commits != atomic_load(&db->counters.commits))
        db_snapshot_end(s);
    struct db_reader *r = s->reader;
    s->reader = NULL;
    return r;
}

/* NULL: *ret_error says why. */
static struct db_reader *reader_begin(struct db *db, struct cx *cx, enum err *ret_error)
{
    struct db_reader *r = db_reader_take(db, READER_WAIT_MS);
    if (!r) {
        *ret_error = cx_fail(cx, ERR_OVERLOADED, "The database has more readers than it can take.");
        return NULL;
    }
    *ret_error = snapshot_begin(db, r, cx);
    if (*ret_error == OK)
        return r;
    db_reader_put(db, r);
    return NULL;
}

enum err db_read(struct cx *cx, db_fn fn, void *arg)
{
    assert(cx->app && cx->app->db && !cx->tx);
    struct db *db = cx->app->db;
    struct db_snapshot *s = db->driver->reads_inline ? cx->snapshot : NULL;
    int64_t commits = atomic_load(&db->counters.commits);
    struct db_reader *r = s ? kept_take(db, s) : NULL;
    enum err e = OK;
    if (!r)
        r = reader_begin(db, cx, &e);
    if (!r)
        return e;
    struct db_tx tx = { .db = db, .conn = r->conn, .mode = DB_MODE_READ };
    e = db_tx_call(&tx, cx, fn, arg);
    if (s && !tx.failed)
        *s = (struct db_snapshot){ db, r, commits };
    else
        snapshot_end(db, r, &tx);
    return e;
}

void db_snapshot_end(struct db_snapshot *s)
{
    if (s->reader)
        snapshot_end(s->db, s->reader, NULL);
    s->reader = NULL;
}

bool db_alive(struct db *db)
{
    int64_t until_ms = clock_monotonic_ms() + ALIVE_TIMEOUT_MS;
    struct db_reader *r = db_reader_take(db, ALIVE_TIMEOUT_MS);
    if (!r)
        return false;
    char error[DB_ERROR_BYTES];
    bool ok = false;
    /* A connection that has died is no proof that the engine has: the second try has a new one. */
    for (int try = 0; try < 2 && !ok; try++) {
        int64_t left_ms = until_ms - clock_monotonic_ms();
        if (left_ms <= 0 || db_reader_open(db, r, left_ms, error, sizeof error) != DB_DONE)
            break;
        ok = db->driver->alive(r->conn, left_ms);
        if (!ok)
            db_reader_close(db, r);
    }
    db_reader_put(db, r);
    return ok;
}
