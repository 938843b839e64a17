/* SQLite behind driver.h: one connection that writes, several that read, one process.
 *
 * Goals: a commit that returned is on the disk (WAL, synchronous=FULL); busy is never visible; the
 * write-ahead log stays bounded; after an I/O error the next transaction finds a sound connection.
 * Non-goals: several processes at a time (the owner of the folder's lock is the only one).
 *
 * Invariants
 * - Checkpoints run on the writer's thread after the batch has been acknowledged, never within a
 *   commit: PASSIVE from CHECKPOINT_FRAMES on, TRUNCATE when readers have kept the log from
 *   starting over (TRUNCATE_FRAMES), or when the writer is idle.
 * - A commit whose fsync failed has left whole frames in the log, which the next recovery would
 *   bring back although the client was told that it failed. They are overwritten, before anybody is
 *   told, with a change that changes nothing (frames_overwrite).
 * - mmap_size is 0: a failing disk is an error then, not a SIGBUS.
 * - Caches, in KiB: WRITER_CACHE_KIB, READER_CACHE_KIB for each reader, at most. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "db/driver.h"
#include "db/vfs_wal.h"

#define CHECKPOINT_FRAMES 4000 /* 16 MiB */
#define TRUNCATE_FRAMES 16000
#define BUSY_MS 5000
#define BUSY_CHECKPOINT_MS 50

enum control {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE,
    ROLLBACK_TO,
    CONTROLS
};
static const char *const control_texts[CONTROLS] = {
    "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT u", "RELEASE u", "ROLLBACK TO u",
};

/* Both kinds: names in SQL are never strings, foreign keys hold, temporary tables stay in memory.
 */
static const char settings_all[] = "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                                   "PRAGMA trusted_schema=OFF; PRAGMA mmap_size=0;"
                                   "PRAGMA cell_size_check=ON;";
/* synchronous=FULL is also what vfs_wal.h asks for. */
static const char settings_writer[] = "PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
                                      "PRAGMA journal_size_limit=67108864;";
/* Marks the file as ours ("OPBX"); also a change that changes nothing. */
static const char setting_application[] = "PRAGMA application_id=1330659928";
static const char settings_reader[] = "PRAGMA query_only=ON; PRAGMA cache_size=-2048;";

struct sqlite_conn {
    struct db_conn base;
    sqlite3 *handle;
    bool writer;
    bool suspect;        /* frames of a failed commit may still stand in the log */
    bool complained;     /* about the log that cannot be emptied: once */
    int frames;          /* in the write-ahead log after the last commit */
    int next_checkpoint; /* frames at which to try again */
    sqlite3_stmt *controls[CONTROLS];
    sqlite3_stmt **numbered;
};

static struct sqlite_conn *self(struct db_conn *c)
{
    return (struct sqlite_conn *)c;
}

static enum db_result code_result(struct sqlite_conn *c, int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return DB_CONFLICT;
    default:
        break;
    }
    int errno_of = sqlite3_system_errno(c->handle);
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return DB_CONSTRAINT;
    case SQLITE_FULL:
        return DB_FULL;
    case SQLITE_IOERR:
        return errno_of == ENOSPC || errno_of == EDQUOT ? DB_FULL : DB_IO;
    case SQLITE_READONLY: /* the disk was mounted anew; on a reader it is our bug */
        return c->writer ? DB_IO : DB_FAULT;
    case SQLITE_BUSY:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_INTERRUPT:
    case SQLITE_LOCKED:
    case SQLITE_NOTADB:
    case SQLITE_PROTOCOL:
        return DB_IO;
    case SQLITE_NOMEM:
        abort();
    default:
        return DB_FAULT;
    }
}

static enum db_result failed(struct sqlite_conn *c, int rc)
{
    snprintf(c->base.error, sizeof c->base.error, "%s (%d)", sqlite3_errmsg(c->handle), rc);
    return code_result(c, rc);
}

/* ---- open and close ---- */

static int frames_noted(void *arg, sqlite3 *handle, const char *name, int frames)
{
    struct sqlite_conn *c = arg;
    if (frames < c->frames)
        c->next_checkpoint = CHECKPOINT_FRAMES; /* the log has started over */
    c->frames = frames;
    return SQLITE_OK;
}

static void sqlite_close(struct db_conn *b)
{
    struct sqlite_conn *c = self(b);
    if (!c)
        return;
    for (size_t i = 0; i < CONTROLS; i++)
        sqlite3_finalize(c->controls[i]);
    for (size_t i = 0; c->numbered && i < db_statements_count; i++)
        sqlite3_finalize(c->numbered[i]);
    int rc = sqlite3_close(c->handle);
    assert(rc == SQLITE_OK);
    (void)rc;
    free(c->numbered);
    free(c);
}

/* The path as SQLite must see it: never ":memory:", "" or a URI. */
static char *path_plain(const char *path)
{
    size_t size = strlen(path) + 3;
    char *plain = malloc(size);
    if (!plain)
        abort();
    snprintf(plain, size, "%s%s", path[0] == '/' ? "" : "./", path);
    return plain;
}

/* The file is made here, for the owner alone; the log and its index take over its rights. */
static bool file_ready(const struct db_source *s, const char *path, char *error, size_t error_size)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | (s->create ? O_CREAT : 0), 0600);
    if (fd < 0) {
        snprintf(error, error_size, "cannot open the database file %s: %s", s->path,
                 strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

static int wal_mode_noted(void *arg, int count, char **values, char **names)
{
    bool *wal = arg;
    *wal = count == 1 && values[0] && strcmp(values[0], "wal") == 0;
    return 0;
}

static int settings_apply(struct sqlite_conn *c)
{
    bool wal = false;
    sqlite3_busy_timeout(c->handle, BUSY_MS);
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    int rc = sqlite3_exec(c->handle, settings_all, NULL, NULL, NULL);
    if (rc == SQLITE_OK && c->writer)
        rc = sqlite3_exec(c->handle, "PRAGMA journal_mode=WAL", wal_mode_noted, &wal, NULL);
    if (rc == SQLITE_OK && c->writer && !wal)
        rc = SQLITE_CANTOPEN;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->handle, c->writer ? settings_writer : settings_reader, NULL, NULL,
                          NULL);
    if (rc == SQLITE_OK && c->writer)
        sqlite3_wal_hook(c->handle, frames_noted, c);
    for (size_t i = 0; rc == SQLITE_OK && i < CONTROLS; i++)
        rc = sqlite3_prepare_v3(c->handle, control_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &c->controls[i], NULL);
    return rc;
}

static enum db_result sqlite_open(const struct db_source *s, bool writer, int64_t timeout_ms,
                                  struct db_conn **ret, char *error, size_t error_size)
{
    struct sqlite_conn *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->base.driver = &db_driver_sqlite;
    c->writer = writer;
    c->next_checkpoint = CHECKPOINT_FRAMES;
    c->numbered = calloc(db_statements_count + 1, sizeof(*c->numbered));
    if (!c->numbered)
        abort();
    char *path = path_plain(s->path);
    enum db_result res = DB_IO;
    /* No statistics, whose lock each allocation would take. Refused after the first open: fine. */
    if (writer)
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (writer && !file_ready(s, path, error, error_size))
        goto out;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int rc = sqlite3_open_v2(path, &c->handle, flags, writer ? vfs_wal_over(s->vfs) : s->vfs);
    if (rc == SQLITE_OK)
        rc = settings_apply(c);
    if (rc != SQLITE_OK) {
        res = failed(c, rc);
        snprintf(error, error_size, "cannot use the database file %s: %s", s->path, c->base.error);
        goto out;
    }
    *ret = &c->base;
    c = NULL;
    res = DB_DONE;
out:
    free(path);
    if (c)
        sqlite_close(&c->base);
    return res;
}

/* ---- transactions ---- */

static enum db_result control(struct db_conn *b, enum control which)
{
    struct sqlite_conn *c = self(b);
    int rc = sqlite3_step(c->controls[which]);
    enum db_result res = rc == SQLITE_DONE ? DB_DONE : failed(c, rc);
    sqlite3_reset(c->controls[which]);
    return res;
}

static bool sqlite_in_transaction(struct db_conn *b)
{
    return !sqlite3_get_autocommit(self(b)->handle);
}

static enum db_result sqlite_begin(struct db_conn *b, enum db_mode mode)
{
    return control(b, mode == DB_MODE_READ ? BEGIN_READ : BEGIN_WRITE);
}

/* The next transaction begins in the log where the failed one began, and its checksums make the
 * rest of that one invalid. Enough is that it was written: its own fsync may fail again, for then
 * only what changes nothing can come back. */
static void frames_overwrite(struct sqlite_conn *c)
{
    int rc = sqlite3_exec(c->handle, setting_application, NULL, NULL, NULL);
    c->suspect = rc != SQLITE_OK && rc != SQLITE_IOERR_FSYNC;
}

static enum db_result sqlite_commit(struct db_conn *b)
{
    struct sqlite_conn *c = self(b);
    enum db_result res = control(b, COMMIT);
    if (c->writer && (res == DB_IO || res == DB_FULL)) {
        char error[DB_ERROR_BYTES];
        memcpy(error, c->base.error, sizeof error);
        if (sqlite_in_transaction(b))
            control(b, ROLLBACK);
        frames_overwrite(c);
        memcpy(c->base.error, error, sizeof error);
    }
    return res;
}

static enum db_result sqlite_rollback(struct db_conn *b)
{
    return sqlite_in_transaction(b) ? control(b, ROLLBACK) : DB_DONE;
}

static enum db_result sqlite_savepoint(struct db_conn *b)
{
    return control(b, SAVEPOINT);
}

static enum db_result sqlite_release(struct db_conn *b)
{
    return control(b, RELEASE);
}

static enum db_result sqlite_rollback_to(struct db_conn *b)
{
    enum db_result res = control(b, ROLLBACK_TO);
    return res == DB_DONE ? control(b, RELEASE) : res;
}

/* ---- statements ---- */

static int bind_all(sqlite3_stmt *st, const struct db_call *call)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < call->stmt->params_count && rc == SQLITE_OK; i++) {
        const struct db_value *v = &call->params[i];
        switch (v->type) {
        case DB_NULL:
            rc = sqlite3_bind_null(st, i + 1);
            break;
        case DB_INT:
            rc = sqlite3_bind_int64(st, i + 1, v->i);
            break;
        case DB_REAL:
            rc = sqlite3_bind_double(st, i + 1, v->r);
            break;
        case DB_TEXT:
            rc = sqlite3_bind_text64(st, i + 1, v->s.ptr, v->s.len, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case DB_BLOB: /* a NULL pointer would bind NULL */
            rc = sqlite3_bind_blob64(st, i + 1, v->s.ptr ? v->s.ptr : "", v->s.len, SQLITE_STATIC);
            break;
        }
    }
    return rc;
}

/* False: the value is of another type than declared. */
static bool column_decode(sqlite3_stmt *st, int i, enum db_type declared, struct db_value *ret)
{
    static const enum db_type types[] = { [SQLITE_INTEGER] = DB_INT,
                                          [SQLITE_FLOAT] = DB_REAL,
                                          [SQLITE_TEXT] = DB_TEXT,
                                          [SQLITE_BLOB] = DB_BLOB,
                                          [SQLITE_NULL] = DB_NULL };
    *ret = (struct db_value){ .type = types[sqlite3_column_type(st, i)] };
    switch (ret->type) {
    case DB_NULL:
        return true;
    case DB_INT:
        if (declared == DB_REAL) {
            ret->type = DB_REAL;
            ret->r = sqlite3_column_double(st, i);
        } else {
            ret->i = sqlite3_column_int64(st, i);
        }
        break;
    case DB_REAL:
        ret->r = sqlite3_column_double(st, i);
        break;
    case DB_TEXT:
        ret->s.ptr = (const char *)sqlite3_column_text(st, i);
        ret->s.len = (size_t)sqlite3_column_bytes(st, i);
        break;
    case DB_BLOB:
        ret->s.ptr = sqlite3_column_blob(st, i);
        ret->s.len = (size_t)sqlite3_column_bytes(st, i);
        if (!ret->s.ptr)
            ret->s.ptr = "";
        break;
    }
    return declared == DB_NULL || declared == ret->type;
}

static enum db_result row_deliver(struct sqlite_conn *c, sqlite3_stmt *st, struct db_call *call)
{
    const struct db_stmt *s = call->stmt;
    struct db_value values[DB_COLUMNS_MAX];
    int count = s->columns ? s->columns_count : sqlite3_column_count(st);
    if (count > DB_COLUMNS_MAX)
        count = DB_COLUMNS_MAX;
    for (int i = 0; i < count; i++) {
        enum db_type declared = s->columns ? s->columns[i] : DB_NULL;
        if (!column_decode(st, i, declared, &values[i])) {
            snprintf(c->base.error, sizeof c->base.error, "column %d has another type", i + 1);
            return DB_FAULT;
        }
    }
    call->row_error = call->row(call->cx, values, call->arg);
    return call->row_error == OK ? DB_DONE : DB_STOPPED;
}

static enum db_result statement_step(struct sqlite_conn *c, sqlite3_stmt *st, struct db_call *call)
{
    int rc = bind_all(st, call);
    if (rc != SQLITE_OK)
        return failed(c, rc);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        enum db_result res = call->row ? row_deliver(c, st, call) : DB_DONE;
        if (res != DB_DONE)
            return res;
    }
    if (rc != SQLITE_DONE)
        return failed(c, rc);
    if (call->stmt->flags & DB_STMT_WRITE)
        call->affected = sqlite3_changes64(c->handle);
    return DB_DONE;
}

static enum db_result statement_prepare(struct sqlite_conn *c, const struct db_stmt *s,
                                        unsigned flags, sqlite3_stmt **ret)
{
    int rc = sqlite3_prepare_v3(c->handle, s->sqlite, -1, flags, ret, NULL);
    if (rc != SQLITE_OK)
        return failed(c, rc);
    bool fits = *ret && sqlite3_bind_parameter_count(*ret) == s->params_count &&
                (!s->columns || sqlite3_column_count(*ret) == s->columns_count);
    if (fits)
        return DB_DONE;
    sqlite3_finalize(*ret);
    *ret = NULL;
    snprintf(c->base.error, sizeof c->base.error, "parameters or columns are not as declared");
    return DB_FAULT;
}

static enum db_result sqlite_run(struct db_conn *b, struct db_call *call)
{
    struct sqlite_conn *c = self(b);
    const struct db_stmt *s = call->stmt;
    sqlite3_stmt *own = NULL;
    bool numbered = s->number != DB_STMT_UNNUMBERED;
    assert(!numbered || s->number < db_statements_count);
    sqlite3_stmt **st = numbered ? &c->numbered[s->number] : &own;
    enum db_result res = DB_DONE;
    if (!*st)
        res = statement_prepare(c, s, numbered ? SQLITE_PREPARE_PERSISTENT : 0, st);
    if (res == DB_DONE)
        res = statement_step(c, *st, call);
    sqlite3_reset(*st);
    sqlite3_finalize(own);
    return res;
}

static enum db_result sqlite_exec(struct db_conn *b, const char *script)
{
    int rc = sqlite3_exec(self(b)->handle, script, NULL, NULL, NULL);
    return rc == SQLITE_OK ? DB_DONE : failed(self(b), rc);
}

static bool sqlite_alive(struct db_conn *b, int64_t timeout_ms)
{
    return sqlite3_exec(self(b)->handle, "PRAGMA schema_version", NULL, NULL, NULL) == SQLITE_OK;
}

/* ---- the write-ahead log ---- */

static bool log_truncate(struct sqlite_conn *c)
{
    sqlite3_busy_timeout(c->handle, BUSY_CHECKPOINT_MS);
    int rc = sqlite3_wal_checkpoint_v2(c->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(c->handle, BUSY_MS);
    if (rc == SQLITE_OK) {
        c->frames = 0;
        c->next_checkpoint = CHECKPOINT_FRAMES;
        c->complained = false;
    } else if (rc != SQLITE_BUSY && !c->complained) {
        c->complained = true;
        failed(c, rc);
        log_line(LOG_WARN, "cannot empty the write-ahead log",
                 log_s("reason", str_of(c->base.error)));
    }
    return rc == SQLITE_OK;
}

static bool sqlite_maintain(struct db_conn *b, bool idle)
{
    struct sqlite_conn *c = self(b);
    if (c->suspect)
        frames_overwrite(c);
    if (idle && c->frames > 0)
        return !log_truncate(c);
    if (c->frames >= c->next_checkpoint) {
        c->next_checkpoint = c->frames + CHECKPOINT_FRAMES / 4;
        if (c->frames >= TRUNCATE_FRAMES)
            return !log_truncate(c);
        sqlite3_wal_checkpoint_v2(c->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
    return c->frames > 0 || c->suspect;
}

const struct db_driver db_driver_sqlite = {
    .engine = DB_SQLITE,
    .batch_max = 256,
    .reads_inline = true,
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .release = sqlite_release,
    .rollback_to = sqlite_rollback_to,
    .run = sqlite_run,
    .exec = sqlite_exec,
    .in_transaction = sqlite_in_transaction,
    .alive = sqlite_alive,
    .maintain = sqlite_maintain,
};
