#include "fixture.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define P(...) ((const uint8_t[]){ __VA_ARGS__ })

static const struct db_stmt statements[FIXTURE_STATEMENTS] = {
    [ITEM_INSERT] = { .number = ITEM_INSERT,
                      .name = "item_insert",
                      .flags = DB_STMT_WRITE,
                      .sqlite = "INSERT INTO items (id, n, r, b, u) VALUES (?1, ?2, ?3, ?4, ?5)",
                      .pgsql = "INSERT INTO items (id, n, r, b, u) VALUES ($1, $2, $3, $4, $5)",
                      .params = P(DB_TEXT, DB_INT, DB_REAL, DB_BLOB, DB_TEXT),
                      .params_count = 5 },
    [ITEM_GET] = { .number = ITEM_GET,
                   .name = "item_get",
                   .sqlite = "SELECT n, r, b, u, id FROM items WHERE id = ?1",
                   .pgsql = "SELECT n, r, b, u, id FROM items WHERE id = $1",
                   .params = P(DB_TEXT),
                   .columns = P(DB_INT, DB_REAL, DB_BLOB, DB_TEXT, DB_TEXT),
                   .params_count = 1,
                   .columns_count = 5 },
    [ITEM_LIST] = { .number = ITEM_LIST,
                    .name = "item_list",
                    .sqlite = "SELECT id, n FROM items WHERE id > ?1 ORDER BY id LIMIT ?2",
                    .pgsql = "SELECT id, n FROM items WHERE id > $1 ORDER BY id LIMIT $2",
                    .params = P(DB_TEXT, DB_INT),
                    .columns = P(DB_TEXT, DB_INT),
                    .params_count = 2,
                    .columns_count = 2 },
    [ITEM_COUNT] = { .number = ITEM_COUNT,
                     .name = "item_count",
                     .sqlite = "SELECT count(*) FROM items",
                     .pgsql = "SELECT count(*) FROM items",
                     .columns = P(DB_INT),
                     .columns_count = 1 },
    [ITEM_BUMP] = { .number = ITEM_BUMP,
                    .name = "item_bump",
                    .flags = DB_STMT_WRITE | DB_STMT_HOT,
                    .sqlite = "UPDATE items SET n = n + 1 WHERE id = ?1 AND n < ?2",
                    .pgsql = "UPDATE items SET n = n + 1 WHERE id = $1 AND n < $2",
                    .params = P(DB_TEXT, DB_INT),
                    .params_count = 2 },
    [ITEM_SET] = { .number = ITEM_SET,
                   .name = "item_set",
                   .flags = DB_STMT_WRITE,
                   .sqlite = "UPDATE items SET n = ?2 WHERE id = ?1 RETURNING n",
                   .pgsql = "UPDATE items SET n = $2 WHERE id = $1 RETURNING n",
                   .params = P(DB_TEXT, DB_INT),
                   .columns = P(DB_INT),
                   .params_count = 2,
                   .columns_count = 1 },
    [ITEM_DELETE] = { .number = ITEM_DELETE,
                      .name = "item_delete",
                      .flags = DB_STMT_WRITE,
                      .sqlite = "DELETE FROM items WHERE id = ?1",
                      .pgsql = "DELETE FROM items WHERE id = $1",
                      .params = P(DB_TEXT),
                      .params_count = 1 },
    [ITEM_SUM] = { .number = ITEM_SUM,
                   .name = "item_sum",
                   .sqlite = "SELECT coalesce(sum(n), 0) FROM items",
                   .pgsql = "SELECT coalesce(sum(n), 0)::bigint FROM items",
                   .columns = P(DB_INT),
                   .columns_count = 1 },
    [LINK_INSERT] = { .number = LINK_INSERT,
                      .name = "link_insert",
                      .flags = DB_STMT_WRITE,
                      .sqlite = "INSERT INTO links (item_id) VALUES (?1)",
                      .pgsql = "INSERT INTO links (item_id) VALUES ($1)",
                      .params = P(DB_TEXT),
                      .params_count = 1 },
    [LATE_INSERT] = { .number = LATE_INSERT,
                      .name = "late_insert",
                      .flags = DB_STMT_WRITE,
                      .sqlite = "INSERT INTO lates (item_id) VALUES (?1)",
                      .pgsql = "INSERT INTO lates (item_id) VALUES ($1)",
                      .params = P(DB_TEXT),
                      .params_count = 1 },
    [WRONG_SQL] = { .number = WRONG_SQL,
                    .name = "wrong_sql",
                    .sqlite = "SELECT nothing FROM nowhere",
                    .pgsql = "SELECT nothing FROM nowhere",
                    .columns = P(DB_INT),
                    .columns_count = 1 },
    [WRONG_TYPE] = { .number = WRONG_TYPE,
                     .name = "wrong_type",
                     .sqlite = "SELECT id FROM items",
                     .pgsql = "SELECT id FROM items",
                     .columns = P(DB_INT),
                     .columns_count = 1 },
    [ITEM_ALL] = { .number = ITEM_ALL,
                   .name = "item_all",
                   .flags = DB_STMT_SCAN,
                   .scan_reason = "a test of streaming",
                   .sqlite = "SELECT id FROM items",
                   .pgsql = "SELECT id FROM items",
                   .columns = P(DB_TEXT),
                   .columns_count = 1 },
};

const struct db_stmt *const db_statements[] = {
    &statements[ITEM_INSERT], &statements[ITEM_GET],  &statements[ITEM_LIST],
    &statements[ITEM_COUNT],  &statements[ITEM_BUMP], &statements[ITEM_SET],
    &statements[ITEM_DELETE], &statements[ITEM_SUM],  &statements[LINK_INSERT],
    &statements[LATE_INSERT], &statements[WRONG_SQL], &statements[WRONG_TYPE],
    &statements[ITEM_ALL],
};
const size_t db_statements_count = FIXTURE_STATEMENTS;

static const struct db_stmt *statement(enum fixture_statement which)
{
    return &statements[which];
}

static const char schema_sqlite[] =
    "CREATE TABLE items (id TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL CHECK (n >= 0), r REAL,"
    " b BLOB, u TEXT UNIQUE) STRICT;"
    "CREATE TABLE links (item_id TEXT NOT NULL REFERENCES items (id)) STRICT;"
    "CREATE TABLE lates (item_id TEXT NOT NULL REFERENCES items (id)"
    " DEFERRABLE INITIALLY DEFERRED) STRICT;";
static const char schema_pgsql[] =
    "DROP SCHEMA IF EXISTS test_%ld CASCADE; CREATE SCHEMA test_%ld;"
    "CREATE TABLE items (id text COLLATE \"C\" NOT NULL PRIMARY KEY, n bigint NOT NULL CHECK (n >= "
    "0),"
    " r double precision, b bytea, u text UNIQUE);"
    "CREATE TABLE links (item_id text COLLATE \"C\" NOT NULL REFERENCES items (id));"
    "CREATE TABLE lates (item_id text COLLATE \"C\" NOT NULL REFERENCES items (id)"
    " DEFERRABLE INITIALLY DEFERRED);";

static void must(bool ok, const char *what, const char *detail)
{
    if (ok)
        return;
    fprintf(stderr, "fixture: %s: %s\n", what, detail);
    abort();
}

bool fixture_has(enum db_engine e)
{
    return e == DB_SQLITE || getenv("TEST_PG_URL");
}

static enum err script_run(struct cx *cx, void *text)
{
    return db_exec(cx, str_of(text));
}

void fixture_init(struct fixture *f, enum db_engine e)
{
    memset(f, 0, sizeof *f);
    f->engine = e;
    log_init(LOG_TEXT, LOG_ERROR); /* the warnings here are meant */
    f->arena = arena_new(0);
    f->cx = (struct cx){ .arena = f->arena, .app = &f->app };
    char script[2048];
    if (e == DB_SQLITE) {
        const char *tmp = getenv("TMPDIR");
        snprintf(f->folder, sizeof f->folder, "%.40s/db-test-XXXXXX", tmp ? tmp : "/tmp");
        must(mkdtemp(f->folder) != NULL, "mkdtemp", f->folder);
        snprintf(f->path, sizeof f->path, "%s/test.db", f->folder);
        snprintf(script, sizeof script, "%s", schema_sqlite);
    } else {
        const char *url = getenv("TEST_PG_URL");
        snprintf(f->url, sizeof f->url,
                 "%s%soptions=-csearch_path%%3Dtest_%ld&application_name=test_%ld", url,
                 strchr(url, '?') ? "&" : "?", (long)getpid(), (long)getpid());
        snprintf(script, sizeof script, schema_pgsql, (long)getpid(), (long)getpid());
    }
    fixture_open(f, NULL, NULL, NULL);
    must(db_write(&f->cx, script_run, script) == OK, "schema", f->cx.failure.log_detail.ptr);
}

void fixture_open(struct fixture *f, const struct db_driver *driver, void *driver_arg,
                  const char *vfs)
{
    char error[512] = "";
    struct db_options o = {
        .readers = 4, .writers = f->writers ? f->writers : 8, .create = true, .vfs = vfs
    };
    if (f->engine == DB_SQLITE)
        o.path = str_of(f->path);
    else
        o.url = str_of(f->url);
    if (!driver)
        driver = f->engine == DB_SQLITE ? &db_driver_sqlite : &db_driver_pgsql;
    f->app.db = NULL;
    enum err e = db_open_driver(&o, driver, driver_arg, &f->app.db, error, sizeof error);
    must(e == OK || driver_arg || vfs, "open", error);
}

void fixture_close(struct fixture *f)
{
    db_close(f->app.db);
    f->app.db = NULL;
}

static void folder_remove(const char *folder)
{
    DIR *d = opendir(folder);
    must(d != NULL, "opendir", folder);
    for (struct dirent *e; (e = readdir(d));)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(folder);
}

void fixture_release(struct fixture *f)
{
    if (f->engine == DB_PGSQL && f->app.db) {
        char script[64];
        snprintf(script, sizeof script, "DROP SCHEMA test_%ld CASCADE", (long)getpid());
        db_write(&f->cx, script_run, script);
    }
    fixture_close(f);
    if (f->engine == DB_SQLITE)
        folder_remove(f->folder);
    arena_free(f->arena);
}

struct cx *fixture_cx_new(struct fixture *f)
{
    struct cx *cx = calloc(1, sizeof *cx);
    must(cx != NULL, "calloc", "");
    cx->arena = arena_new(0);
    cx->app = &f->app;
    return cx;
}

void fixture_cx_free(struct cx *cx)
{
    arena_free(cx->arena);
    free(cx);
}

struct db_value text_value(const char *s)
{
    return (struct db_value){ .type = s ? DB_TEXT : DB_NULL, .s = str_of(s) };
}

struct db_value int_value(int64_t i)
{
    return (struct db_value){ .type = DB_INT, .i = i };
}

enum err run_plain(struct cx *cx, enum fixture_statement which, const struct db_value *params)
{
    return db_run(cx, statement(which), params, NULL, NULL, NULL);
}

enum err item_insert(struct cx *cx, void *arg)
{
    const struct item *it = arg;
    int64_t count = it->repeat ? it->repeat : 1;
    for (int64_t i = 0; i < count; i++) {
        char id[64];
        snprintf(id, sizeof id, i ? "%s/%" PRId64 : "%s", it->id, i);
        struct db_value p[] = {
            text_value(id),
            int_value(it->n),
            { .type = DB_REAL, .r = 1.5 },
            { .type = DB_BLOB, .s = { "\0\1\2", 3 } },
            { .type = str_given(it->u) ? DB_TEXT : DB_NULL, .s = it->u },
        };
        int64_t affected = 0;
        TRY(db_run(cx, statement(ITEM_INSERT), p, NULL, NULL, &affected));
        assert(affected == 1);
    }
    return OK;
}

enum err item_delete(struct cx *cx, void *arg)
{
    const struct item *it = arg;
    struct db_value p[] = { text_value(it->id) };
    return run_plain(cx, ITEM_DELETE, p);
}

enum err item_bump(struct cx *cx, void *arg)
{
    struct item *it = arg;
    struct db_value p[] = { text_value(it->id), int_value(it->n) };
    int64_t affected = 0;
    TRY(db_run(cx, statement(ITEM_BUMP), p, NULL, NULL, &affected));
    return affected == 1 ? OK : cx_fail(cx, ERR_LIMIT_REACHED, "no more");
}

static enum err int_row(struct cx *cx, const struct db_value *columns, void *arg)
{
    assert(columns[0].type == DB_INT);
    *(int64_t *)arg = columns[0].i;
    return OK;
}

enum err item_count(struct cx *cx, void *ret)
{
    return db_run(cx, statement(ITEM_COUNT), NULL, int_row, ret, NULL);
}

enum err item_sum(struct cx *cx, void *ret)
{
    return db_run(cx, statement(ITEM_SUM), NULL, int_row, ret, NULL);
}

enum err item_get(struct cx *cx, void *arg)
{
    struct item *it = arg;
    it->n = -1;
    struct db_value p[] = { text_value(it->id) };
    return db_run(cx, statement(ITEM_GET), p, int_row, &it->n, NULL);
}

int64_t fixture_count(struct fixture *f)
{
    int64_t n = -1;
    must(db_read(&f->cx, item_count, &n) == OK, "count", f->cx.failure.log_detail.ptr);
    return n;
}

bool fixture_present(struct fixture *f, const char *id)
{
    struct item it = { .n = -1 };
    snprintf(it.id, sizeof it.id, "%s", id);
    must(db_read(&f->cx, item_get, &it) == OK, "get", f->cx.failure.log_detail.ptr);
    return it.n >= 0;
}

static enum err check_row(struct cx *cx, const struct db_value *columns, void *arg)
{
    *(bool *)arg = str_is(columns[0].s, "ok");
    return OK;
}

static enum err check_run(struct cx *cx, void *ret)
{
    static const struct db_stmt check = { .number = DB_STMT_UNNUMBERED,
                                          .name = "check",
                                          .sqlite = "PRAGMA integrity_check" };
    return db_run(cx, &check, NULL, check_row, ret, NULL);
}

bool fixture_sound(struct fixture *f)
{
    bool ok = f->engine == DB_PGSQL;
    if (!ok)
        must(db_read(&f->cx, check_run, &ok) == OK, "check", f->cx.failure.log_detail.ptr);
    return ok;
}
