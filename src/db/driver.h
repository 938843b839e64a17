/* What an engine does for db.c: connections and the few verbs of a transaction. Private to src/db
 * (and to its tests).
 *
 * Owns the table of functions, the outcomes that db.c decides by, and the text of the last error.
 * Does not own policy: when to repeat, reopen, roll back or give up stands in db.c and writer.c. A
 * connection is used by one thread at a time. */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db/db.h"

/* Outcome of a driver call, finer than enum err: what can be done about it. */
enum db_result {
    DB_DONE = 0,
    DB_STOPPED,    /* the row callback ended it; its error is in db_call */
    DB_CONFLICT,   /* unique key */
    DB_CONSTRAINT, /* check, foreign key, type: our bug */
    DB_REPEAT,     /* serialization failure, deadlock: the transaction can be run again */
    DB_FULL,       /* no room left */
    DB_IO,         /* the engine cannot do it now */
    DB_BROKEN,     /* the connection is of no use any more */
    DB_FAULT       /* wrong SQL, wrong types: our bug */
};

enum db_mode { DB_MODE_READ = 1, DB_MODE_WRITE, DB_MODE_WRITE_READ_COMMITTED };

#define DB_ERROR_BYTES 256
#define DB_COLUMNS_MAX 255

/* First member of each driver's own connection. */
struct db_conn {
    const struct db_driver *driver;
    char error[DB_ERROR_BYTES]; /* of the last call that failed; for the log */
};

/* One statement to run, and what comes back. */
struct db_call {
    struct cx *cx;
    const struct db_stmt *stmt;
    const struct db_value *params;
    db_row_fn row; /* NULL: rows are dropped */
    void *arg;
    int64_t affected;
    enum err row_error; /* with DB_STOPPED */
};

/* How connections are made; kept by struct db, which owns the strings. */
struct db_source {
    const char *path;
    const char *url;
    const char *vfs;
    bool create;
    void *arg; /* the driver's own: driver_fault.c */
};

struct db_driver {
    enum db_engine engine;
    size_t batch_max;  /* closures in one transaction */
    bool reads_inline; /* bounded reads may run on a loop */

    /* On failure writes one sentence for an operator to `error`. */
    enum db_result (*open)(const struct db_source *s, bool writer, int64_t timeout_ms,
                           struct db_conn **ret, char *error, size_t error_size);
    void (*close)(struct db_conn *c); /* NULL is fine; rolls back what is open */
    enum db_result (*begin)(struct db_conn *c, enum db_mode mode);
    /* DB_BROKEN: the outcome is not known. Anything else but DB_DONE: nothing was written. */
    enum db_result (*commit)(struct db_conn *c);
    /* Also right when the engine has rolled back by itself. */
    enum db_result (*rollback)(struct db_conn *c);
    enum db_result (*savepoint)(struct db_conn *c);
    enum db_result (*release)(struct db_conn *c);
    enum db_result (*rollback_to)(struct db_conn *c); /* and releases */
    enum db_result (*run)(struct db_conn *c, struct db_call *call);
    /* Several statements without parameters, e.g. a migration, inside the transaction. */
    enum db_result (*exec)(struct db_conn *c, const char *script);
    bool (*in_transaction)(struct db_conn *c);
    bool (*alive)(struct db_conn *c, int64_t timeout_ms);
    /* After each batch and, while it returns true, again when the writer is idle. May be NULL. */
    bool (*maintain)(struct db_conn *c, bool idle);
};

extern const struct db_driver db_driver_sqlite;
extern const struct db_driver db_driver_pgsql;
/* Wraps another driver and fails its n-th call; source.arg is a struct db_fault. Tests only. */
extern const struct db_driver db_driver_fault_sqlite;
extern const struct db_driver db_driver_fault_pgsql;

enum db_fault_how {
    DB_FAULT_BEFORE = 1, /* the call is not made */
    DB_FAULT_AFTER       /* it is made, then called failed: a lost answer */
};

/* Set before db_open_driver or while no call is under way. */
struct db_fault {
    _Atomic int64_t calls; /* driver calls so far */
    int64_t fail_from;     /* 1 …; 0: none fails */
    int64_t fail_count;    /* so many in a row; 0 counts as 1 */
    enum db_result result; /* what the failing call returns */
    enum db_fault_how how;
    bool commits_only; /* other calls neither count nor fail */
};

/* db_open with a driver of the caller's choice. */
enum err db_open_driver(const struct db_options *o, const struct db_driver *driver,
                        void *driver_arg, struct db **ret, char *error, size_t error_size);

/* ---- for migrate.c and archive.c, which make their statements at run time ---- */

/* Number of a statement that is not in db_statements: db_run prepares it, runs it and drops it.
 * `columns` may be NULL: values then come in the types that the engine stores, and columns_count
 * is ignored. With DB_STMT_SCAN rows are streamed, not collected first, and no time limit holds. */
#define DB_STMT_UNNUMBERED UINT16_MAX
/* Several statements in one text, no parameters, inside cx->tx. */
enum err db_exec(struct cx *cx, struct str script);

#endif
