/* The database: one contract over SQLite (embedded) and PostgreSQL (scale-out).
 *
 * Owns connections, transactions, the group-committing writer, statements and how failures map to
 * errors. Does not own SQL: that stands in <area>/<area>.sql, from which the build generates typed
 * bindings (tools/sqlgen.py) that call db_run.
 *
 *   SQLite      one writer thread commits whatever has queued up as one transaction with a
 * savepoint for each closure (WAL, synchronous=FULL); readers are read-only connections. Reads are
 *               short and indexed: they may run on a loop (db_reads_inline).
 *   PostgreSQL  a bounded set of writer threads, each with a connection, SERIALIZABLE with repeat;
 *               reads are REPEATABLE READ READ ONLY on worker threads, never on a loop.
 *
 * A write closure does nothing but SQL and pure computing, takes at most 5 ms or 1,000 rows, and
 * MAY BE RUN AGAIN from its start (serialization failure): it must not keep state from an earlier
 * try. Its result counts only when `done` is called with OK: the change is then durable. */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/cx.h"

struct db;
struct db_tx;

enum db_engine { DB_SQLITE = 1, DB_PGSQL };

struct db_options {
    struct str path; /* SQLite file; absent: PostgreSQL */
    struct str url;  /* postgres://…, or a libpq connection string */
    int readers;     /* most read connections at once, ≥ 1 */
    int writers;     /* PostgreSQL write connections; ignored by SQLite */
    bool create;     /* make the SQLite file when it is absent */
    const char *vfs; /* SQLite VFS to use; NULL: the default. Tests pass the fault shim. */
};

/* Opens and checks that the engine answers. On failure writes one clear sentence to `error`. */
enum err db_open(const struct db_options *o, struct db **ret, char *error, size_t error_size);
/* Finishes what is queued, stops threads, closes. NULL is fine. */
void db_close(struct db *db);
enum db_engine db_engine(const struct db *db);
/* True where a bounded read may run on a loop thread. */
bool db_reads_inline(const struct db *db);
/* Cheap check that the engine answers, for /readyz. Blocks at most about a second. */
bool db_alive(struct db *db);

/* ---- transactions ---- */

struct db_reader;
typedef enum err (*db_fn)(struct cx *cx, void *arg);

/* Runs fn in one read-only snapshot on the calling thread; cx->tx is set meanwhile. */
enum err db_read(struct cx *cx, db_fn fn, void *arg);
/* Where cx->snapshot is set, db_read leaves its snapshot open there, and later reads on the same
 * thread use it while nothing has been committed since (SQLite; nothing on PostgreSQL). Zeroed:
 * none. Its owner ends it before it waits for anything: an open snapshot holds up the clearing of
 * the log. */
struct db_snapshot {
    struct db *db;
    struct db_reader *reader; /* NULL: none */
    int64_t commits;          /* that it is known to hold */
};
void db_snapshot_end(struct db_snapshot *s);

/* A queued write. Owned by the caller, untouched until `done` is called, exactly once, on a writer
 * thread, which it must not hold up: hand over to a loop or a pool. cx belongs to the writer until
 * then. */
struct db_write {
    struct db_write *next; /* the queue's */
    struct cx *cx;
    db_fn fn;
    void *arg;
    bool dry_run; /* run, then roll back; done gets fn's result */
    bool
        read_committed; /* PostgreSQL: only named hot statements (conditional UPDATEs) run inside */
    void (*done)(struct db_write *w, enum err result);
    int64_t queued_us;      /* the queue's, for metrics */
    struct arena_mark mark; /* the queue's: where cx's arena stood; each try starts there */
};
/* Never blocks. When the queue is full (64 Ki), calls done with ERR_OVERLOADED. */
void db_write_submit(struct db *db, struct db_write *w);
/* The same, waiting on the calling thread, which is neither a loop nor a writer. */
enum err db_write(struct cx *cx, db_fn fn, void *arg);
/* The same at READ COMMITTED on PostgreSQL: all that fn writes are hot statements. */
enum err db_write_hot(struct cx *cx, db_fn fn, void *arg);

struct db_stats {
    int64_t commits, commit_failures, closures, serialization_retries;
    int64_t queue_depth, commit_us_total;
};
void db_stats(struct db *db, struct db_stats *ret);

/* ---- statements: called by generated code ---- */

enum db_type { DB_NULL = 0, DB_INT = 1, DB_REAL, DB_TEXT, DB_BLOB };

struct db_value {
    enum db_type type;
    int64_t i;
    double r;
    struct str s; /* text or bytes */
};

enum db_stmt_flags {
    DB_STMT_WRITE = 1, /* INSERT, UPDATE, DELETE */
    DB_STMT_SCAN = 2,  /* a full scan is meant; the .sql file says why */
    DB_STMT_HOT = 4    /* may run at READ COMMITTED */
};

/* One named statement; generated, constant, with a process-wide dense number. */
struct db_stmt {
    uint16_t number;
    uint16_t flags;
    const char *name;      /* "kb_page_insert" */
    const char *sqlite;    /* with ?1 … */
    const char *pgsql;     /* with $1 … */
    const uint8_t *params; /* enum db_type of each */
    const uint8_t *columns;
    uint8_t params_count;
    uint8_t columns_count;
    const char *scan_reason;       /* with DB_STMT_SCAN */
    const char *sort_reason;       /* why rows are put in order after they were read; or NULL */
    const char *tenantless_reason; /* why it need not name the workspace; NULL: it must */
};
/* All statements of the program, by number; generated. */
extern const struct db_stmt *const db_statements[];
extern const size_t db_statements_count;

/* Called for each row. Text and bytes are valid only during the call: copy what is kept. */
typedef enum err (*db_row_fn)(struct cx *cx, const struct db_value *columns, void *arg);

/* Runs inside cx->tx. Returns what `row` returned if not OK. A unique violation is ERR_CONFLICT
 * with no message (the area says what it means); a check or foreign key violation is an internal
 * fault; I/O is ERR_STORAGE or ERR_QUOTA_EXCEEDED (disk full). ret_affected may be NULL. `row` must
 * not run statements. After a failure (a conflict too) the closure must fail as well: further
 * statements return the same error, on both engines. To go on after a conflict, run it within
 * db_nested. */
enum err db_run(struct cx *cx, const struct db_stmt *s, const struct db_value *params,
                db_row_fn row, void *arg, int64_t *ret_affected);

/* A unit inside a write that can be undone alone: when fn fails, its changes are rolled back and
 * the transaction goes on. */
enum err db_nested(struct cx *cx, db_fn fn, void *arg);

#endif
