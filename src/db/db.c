/* Open and close, transactions and statements, over any driver.
 *
 * Goals: one meaning of a transaction on both engines; every failure is mapped here, once.
 * Non-goals: SQL, reads (read.c), threads (writer.c), pooling (readers.c), engines (driver_*.c).
 *
 * Invariants
 * - After a failed statement the transaction takes no further statement until db_nested has undone
 *   the unit that it stood in; a closure that returns OK all the same gets an internal fault.
 *   PostgreSQL needs this; SQLite is held to it, so that code behaves the same on both.
 * - A failure that kills the transaction (repeat, broken, rolled back by the engine) stays set on
 *   the way out through all units, whatever the closure returns. */
#include "db/db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/app.h"
#include "base/clock.h"
#include "db/core.h"

#define OPEN_TIMEOUT_MS 5000

enum err db_raise(struct cx *cx, enum db_result res, const char *what, const char *detail)
{
    enum err e = ERR_STORAGE;
    switch (res) {
    case DB_CONFLICT:
        cx_clear_failure(cx);
        cx->failure.code = ERR_CONFLICT;
        return ERR_CONFLICT;
    case DB_CONSTRAINT:
    case DB_FAULT:
        return cx_fault(cx, "%s: %s", what, detail);
    case DB_FULL:
        e = cx_fail(cx, ERR_QUOTA_EXCEEDED, "There is no room left to store this.");
        break;
    case DB_REPEAT:
        e = cx_fail(cx, ERR_OVERLOADED, "Too many changes at the same time; try again shortly.");
        break;
    case DB_DONE:
    case DB_STOPPED:
    case DB_IO:
    case DB_BROKEN:
        e = cx_fail(cx, ERR_STORAGE, "The database cannot be used at the moment.");
        break;
    }
    cx_log_detail(cx, "%s: %s", what, detail);
    return e;
}

bool db_tx_can_go_on(const struct db_tx *tx)
{
    return !tx->lost && tx->cause != DB_REPEAT && tx->cause != DB_BROKEN &&
           tx->db->driver->in_transaction(tx->conn);
}

static enum err tx_raise(struct db_tx *tx, struct cx *cx, enum db_result res, const char *what)
{
    tx->failed = true;
    tx->cause = res;
    tx->error = db_raise(cx, res, what, tx->conn->error);
    return tx->error;
}

/* All savepoints have one name: with one too many or too few nothing can be undone by name. */
static enum err tx_lose(struct db_tx *tx, struct cx *cx, enum db_result res, const char *what)
{
    tx->lost = true;
    return tx_raise(tx, cx, res, what);
}

enum err db_tx_call(struct db_tx *tx, struct cx *cx, db_fn fn, void *arg)
{
    cx->tx = tx;
    enum err r = fn(cx, arg);
    assert(cx->tx == tx);
    cx->tx = NULL;
    if (r == OK && tx->failed)
        r = cx_fault(cx, "a closure went on after a failed statement");
    return r;
}

/* ---- statements ---- */

static void params_check(const struct db_stmt *s, const struct db_value *params)
{
    for (size_t i = 0; i < s->params_count; i++) {
        const struct db_value *v = &params[i];
        assert(v->type == DB_NULL || v->type == s->params[i]);
        assert(v->type != DB_TEXT || !v->s.len || !memchr(v->s.ptr, 0, v->s.len));
        (void)v;
    }
}

enum err db_run(struct cx *cx, const struct db_stmt *s, const struct db_value *params,
                db_row_fn row, void *arg, int64_t *ret_affected)
{
    struct db_tx *tx = cx->tx;
    assert(tx && !tx->in_row);
    /* Reads may be of any kind there: who asks for it knows that they may see different snapshots.
     */
    assert(tx->mode != DB_MODE_WRITE_READ_COMMITTED ||
           !(s->flags & DB_STMT_WRITE && !(s->flags & DB_STMT_HOT)));
    params_check(s, params);
    if (tx->failed)
        return tx->error;
    if (tx->mode == DB_MODE_READ && s->flags & DB_STMT_WRITE)
        return cx_fault(cx, "%s: a write in a read-only transaction", s->name);
    struct db_call call = { .cx = cx, .stmt = s, .params = params, .row = row, .arg = arg };
    tx->in_row = true;
    enum db_result res = tx->db->driver->run(tx->conn, &call);
    tx->in_row = false;
    if (res == DB_STOPPED)
        return call.row_error;
    if (res != DB_DONE)
        return tx_raise(tx, cx, res, s->name);
    if (ret_affected)
        *ret_affected = call.affected;
    return OK;
}

enum err db_exec(struct cx *cx, struct str script)
{
    struct db_tx *tx = cx->tx;
    assert(tx && !tx->in_row && tx->mode == DB_MODE_WRITE);
    if (tx->failed)
        return tx->error;
    enum db_result res = tx->db->driver->exec(tx->conn, str_cstr(cx->arena, script));
    return res == DB_DONE ? OK : tx_raise(tx, cx, res, "script");
}

enum err db_nested(struct cx *cx, db_fn fn, void *arg)
{
    struct db_tx *tx = cx->tx;
    assert(tx && !tx->in_row);
    if (tx->failed)
        return tx->error;
    const struct db_driver *d = tx->db->driver;
    enum db_result res = d->savepoint(tx->conn);
    if (res != DB_DONE)
        return tx_lose(tx, cx, res, "savepoint");
    enum err r = fn(cx, arg);
    if (r == OK && tx->failed)
        r = cx_fault(cx, "a unit went on after a failed statement");
    if (r == OK) {
        res = d->release(tx->conn);
        return res == DB_DONE ? OK : tx_lose(tx, cx, res, "release");
    }
    if (tx->failed && !db_tx_can_go_on(tx))
        return r;
    res = d->rollback_to(tx->conn);
    if (res != DB_DONE)
        return tx_lose(tx, cx, res, "rollback to");
    tx->failed = false;
    tx->cause = DB_DONE;
    return r;
}

/* ---- open and close ---- */

static char *source_copy(struct str s)
{
    if (!str_given(s))
        return NULL;
    char *copy = strndup(s.ptr, s.len);
    if (!copy)
        abort();
    return copy;
}

static void source_release(struct db_source *s)
{
    free((char *)s->path);
    free((char *)s->url);
}

enum err db_open_driver(const struct db_options *o, const struct db_driver *driver,
                        void *driver_arg, struct db **ret, char *error, size_t error_size)
{
    assert(o->readers >= 1 && str_given(o->path) != str_given(o->url));
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        abort();
    db->driver = driver;
    db->source = (struct db_source){ .path = source_copy(o->path),
                                     .url = source_copy(o->url),
                                     .vfs = o->vfs,
                                     .create = o->create,
                                     .arg = driver_arg };
    struct db_conn *first = NULL;
    size_t writers = driver->batch_max > 1 || o->writers < 1 ? 1 : (size_t)o->writers;
    enum db_result res =
        driver->open(&db->source, true, OPEN_TIMEOUT_MS, &first, error, error_size);
    db->source.create = false;
    if (res != DB_DONE) {
        source_release(&db->source);
        free(db);
        return ERR_STORAGE;
    }
    db_readers_init(db, (size_t)o->readers);
    enum err e = db_writers_start(db, writers, first, error, error_size);
    if (e != OK) {
        db_close(db);
        return e;
    }
    *ret = db;
    return OK;
}

enum err db_open(const struct db_options *o, struct db **ret, char *error, size_t error_size)
{
    const struct db_driver *d = str_given(o->url) ? &db_driver_pgsql : &db_driver_sqlite;
    return db_open_driver(o, d, NULL, ret, error, error_size);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    /* The last connection to go takes the write-ahead log with it, so it must be one that writes.
     */
    struct db_conn *last = db_writers_stop(db);
    db_readers_release(db);
    db->driver->close(last);
    source_release(&db->source);
    free(db);
}

enum db_engine db_engine(const struct db *db)
{
    return db->driver->engine;
}

bool db_reads_inline(const struct db *db)
{
    return db->driver->reads_inline;
}
