/* A driver around another one, whose n-th call fails. For tests: the product never refers to it.
 *
 * Goals: every place where src/db calls an engine can be made to fail, before the call is made or
 * after (the answer got lost), once or several times in a row. Non-goals: faults below the driver
 * (vfs_fault.c for files).
 *
 * Invariants
 * - A connection that was called broken stays so until it is closed, as a real one would.
 * - close is never failed and never counted: it has no way to say so. */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/driver.h"

struct fault_conn {
    struct db_conn base;
    struct db_conn *inner;
    struct db_fault *fault;
    bool broken;
};

static struct fault_conn *self(struct db_conn *c)
{
    return (struct fault_conn *)c;
}

static bool fault_due(struct db_fault *f, bool is_commit)
{
    if (f->commits_only && !is_commit)
        return false;
    int64_t call = atomic_fetch_add(&f->calls, 1) + 1;
    int64_t count = f->fail_count > 0 ? f->fail_count : 1;
    return f->fail_from > 0 && call >= f->fail_from && call < f->fail_from + count;
}

static enum db_result say_failed(struct fault_conn *c)
{
    snprintf(c->base.error, sizeof c->base.error, "a fault on purpose");
    c->broken = c->broken || c->fault->result == DB_BROKEN;
    return c->fault->result;
}

static enum db_result pass_on(struct fault_conn *c, enum db_result res)
{
    if (res != DB_DONE)
        snprintf(c->base.error, sizeof c->base.error, "%s", c->inner->error);
    return res;
}

/* The frame of each verb: `call` is the inner call. */
#define FAULTY_CALL(c, is_commit, call)                                                            \
    do {                                                                                           \
        bool due_ = fault_due((c)->fault, is_commit);                                              \
        if ((c)->broken)                                                                           \
            return DB_BROKEN;                                                                      \
        if (due_ && (c)->fault->how == DB_FAULT_BEFORE)                                            \
            return say_failed(c);                                                                  \
        enum db_result res_ = (call);                                                              \
        return due_ && res_ == DB_DONE ? say_failed(c) : pass_on((c), res_);                       \
    } while (0)
#define FAULTY(c, call) FAULTY_CALL(c, false, call)

static void fault_close(struct db_conn *b)
{
    struct fault_conn *c = self(b);
    if (!c)
        return;
    c->inner->driver->close(c->inner);
    free(c);
}

static enum db_result fault_open(const struct db_driver *outer, const struct db_driver *inner,
                                 const struct db_source *s, bool writer, int64_t timeout_ms,
                                 struct db_conn **ret, char *error, size_t error_size)
{
    struct db_fault *f = s->arg;
    if (fault_due(f, false)) {
        snprintf(error, error_size, "a fault on purpose");
        return f->result;
    }
    struct db_conn *conn = NULL;
    enum db_result res = inner->open(s, writer, timeout_ms, &conn, error, error_size);
    if (res != DB_DONE)
        return res;
    struct fault_conn *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->base.driver = outer;
    c->inner = conn;
    c->fault = f;
    *ret = &c->base;
    return DB_DONE;
}

static enum db_result open_sqlite(const struct db_source *s, bool writer, int64_t timeout_ms,
                                  struct db_conn **ret, char *error, size_t error_size)
{
    return fault_open(&db_driver_fault_sqlite, &db_driver_sqlite, s, writer, timeout_ms, ret, error,
                      error_size);
}

static enum db_result open_pgsql(const struct db_source *s, bool writer, int64_t timeout_ms,
                                 struct db_conn **ret, char *error, size_t error_size)
{
    return fault_open(&db_driver_fault_pgsql, &db_driver_pgsql, s, writer, timeout_ms, ret, error,
                      error_size);
}

static enum db_result fault_begin(struct db_conn *b, enum db_mode mode)
{
    FAULTY(self(b), self(b)->inner->driver->begin(self(b)->inner, mode));
}

static enum db_result fault_commit(struct db_conn *b)
{
    FAULTY_CALL(self(b), true, self(b)->inner->driver->commit(self(b)->inner));
}

static enum db_result fault_rollback(struct db_conn *b)
{
    FAULTY(self(b), self(b)->inner->driver->rollback(self(b)->inner));
}

static enum db_result fault_savepoint(struct db_conn *b)
{
    FAULTY(self(b), self(b)->inner->driver->savepoint(self(b)->inner));
}

static enum db_result fault_release(struct db_conn *b)
{
    FAULTY(self(b), self(b)->inner->driver->release(self(b)->inner));
}

static enum db_result fault_rollback_to(struct db_conn *b)
{
    FAULTY(self(b), self(b)->inner->driver->rollback_to(self(b)->inner));
}

static enum db_result fault_run(struct db_conn *b, struct db_call *call)
{
    FAULTY(self(b), self(b)->inner->driver->run(self(b)->inner, call));
}

static enum db_result fault_exec(struct db_conn *b, const char *script)
{
    FAULTY(self(b), self(b)->inner->driver->exec(self(b)->inner, script));
}

static bool fault_in_transaction(struct db_conn *b)
{
    return !self(b)->broken && self(b)->inner->driver->in_transaction(self(b)->inner);
}

static bool fault_alive(struct db_conn *b, int64_t timeout_ms)
{
    return !fault_due(self(b)->fault, false) && !self(b)->broken &&
           self(b)->inner->driver->alive(self(b)->inner, timeout_ms);
}

static bool fault_maintain(struct db_conn *b, bool idle)
{
    const struct db_driver *d = self(b)->inner->driver;
    return d->maintain && d->maintain(self(b)->inner, idle);
}

#define FAULT_DRIVER(engine_, batch_max_, inline_, open_)                                          \
    {                                                                                              \
        .engine = (engine_), .batch_max = (batch_max_), .reads_inline = (inline_),                 \
        .open = (open_), .close = fault_close, .begin = fault_begin, .commit = fault_commit,       \
        .rollback = fault_rollback, .savepoint = fault_savepoint, .release = fault_release,        \
        .rollback_to = fault_rollback_to, .run = fault_run, .exec = fault_exec,                    \
        .in_transaction = fault_in_transaction, .alive = fault_alive, .maintain = fault_maintain,  \
    }

const struct db_driver db_driver_fault_sqlite = FAULT_DRIVER(DB_SQLITE, 256, true, open_sqlite);
const struct db_driver db_driver_fault_pgsql = FAULT_DRIVER(DB_PGSQL, 1, false, open_pgsql);
