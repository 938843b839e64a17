/* Goals: every row of every table goes into one file and comes out of it again, on either engine,
 * with memory for a few rows; new tables need nothing here.
 * Non-goals: the bytes of the file (archive_format.h); blobs that lie outside of the database.
 *
 * Invariants
 * - Writing sees one snapshot. Reading is one transaction: the file is checked whole before it
 *   begins, read again in it, and whatever is wrong undoes it.
 * - Table and column names come from the live catalogue; those of an archive are only compared.
 * - Foreign keys need no order of tables: SQLite checks them at COMMIT, on PostgreSQL they are
 *   dropped and, at the end of the same transaction, added and so checked at once.
 * - A restored database is another one than that which was saved: what was under way is marked, all
 *   sessions are over (db_archive_after_restore), in that same transaction. */
#include "db/archive.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/app.h"
#include "base/buf.h"
#include "db/archive_format.h"
#include "db/db_sql.h"
#include "db/driver.h"

enum {
    PROGRESS_ROWS = 1000,
    BATCH_BYTES = 1024 * 1024,
    PARAMS_MAX = 255,                 /* struct db_stmt counts them in a byte */
    TEXT_BYTES_MAX = PARAMS_MAX * 160 /* of names and marks in one statement */
};

struct progress {
    void (*fn)(int64_t rows, void *arg);
    void *arg;
    int64_t rows;
};

static void progress_add(struct progress *p, int64_t rows)
{
    int64_t before = p->rows;
    p->rows += rows;
    if (p->fn && p->rows / PROGRESS_ROWS != before / PROGRESS_ROWS)
        p->fn(p->rows, p->arg);
}

/* ---- the live schema ---- */

struct tables {
    struct archive_table *items;
    size_t count;
};

static enum err columns_load(struct cx *cx, struct archive_table *t)
{
    struct archive_column_list_in in = { .table_name = t->name };
    struct archive_column_list_row *rows = NULL;
    TRY(archive_column_list(cx, &in, &rows, &t->columns_count));
    if (t->columns_count == 0 || t->columns_count > ARCHIVE_COLUMNS_MAX)
        return cx_fault(cx, "table %.*s has %zu columns", STR_ARG(t->name), t->columns_count);
    t->columns = arena_array(cx->arena, t->columns_count, sizeof *t->columns);
    for (size_t i = 0; i < t->columns_count; i++) {
        if (rows[i].type < DB_INT || rows[i].type > DB_BLOB ||
            rows[i].name.len > ARCHIVE_NAME_BYTES_MAX)
            return cx_fault(cx, "column %.*s of table %.*s cannot be archived",
                            STR_ARG(rows[i].name), STR_ARG(t->name));
        t->columns[i] = (struct archive_column){ rows[i].name, (enum db_type)rows[i].type };
    }
    return OK;
}

static enum err tables_load(struct cx *cx, struct tables *ret)
{
    struct archive_table_list_row *rows = NULL;
    size_t count = 0;
    TRY(archive_table_list(cx, &rows, &count));
    struct archive_table *items = arena_array(cx->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].name.len > ARCHIVE_NAME_BYTES_MAX)
            return cx_fault(cx, "table %.*s cannot be archived", STR_ARG(rows[i].name));
        items[i].name = rows[i].name;
        TRY(columns_load(cx, &items[i]));
    }
    *ret = (struct tables){ items, count };
    return OK;
}

static enum err schema_load(struct cx *cx, int64_t *ret)
{
    struct archive_schema_row row;
    bool found;
    TRY(archive_schema(cx, &row, &found));
    if (!found || !row.number.given)
        FAIL(cx, CONFLICT, "The database has not been set up: no migration has been applied.");
    *ret = row.number.value;
    return OK;
}

/* ---- statements on tables that are known only now ---- */

static void put_quoted(struct buf *out, struct str name)
{
    buf_put_byte(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            buf_put_byte(out, '"');
        buf_put_byte(out, name.ptr[i]);
    }
    buf_put_byte(out, '"');
}

static struct str quoted(struct arena *a, struct str name)
{
    struct buf out;
    buf_init(&out, a, TEXT_BYTES_MAX);
    put_quoted(&out, name);
    assert(!out.overflow);
    return buf_str(&out);
}

static struct str column_names(struct arena *a, const struct archive_table *t)
{
    struct buf out;
    buf_init(&out, a, TEXT_BYTES_MAX);
    for (size_t i = 0; i < t->columns_count; i++) {
        if (i)
            buf_put_byte(&out, ',');
        put_quoted(&out, t->columns[i].name);
    }
    assert(!out.overflow);
    return buf_str(&out);
}

/* "(?1,?2),(?3,?4)", or with $ for PostgreSQL. */
static struct str row_marks(struct arena *a, char mark, size_t columns, size_t rows)
{
    struct buf out;
    buf_init(&out, a, TEXT_BYTES_MAX);
    for (size_t i = 0; i < columns * rows; i++) {
        buf_put_cstr(&out, i % columns ? "," : i ? "),(" : "(");
        buf_put_byte(&out, mark);
        buf_put_i64(&out, (int64_t)i + 1);
    }
    buf_put_byte(&out, ')');
    assert(!out.overflow);
    return buf_str(&out);
}

static struct db_stmt statement(struct cx *cx, const char *name, struct str text)
{
    const char *sql = str_cstr(cx->arena, text);
    return (
        struct db_stmt){ .number = DB_STMT_UNNUMBERED, .name = name, .sqlite = sql, .pgsql = sql };
}

/* ---- writing ---- */

struct save {
    int fd;
    struct progress progress;
    struct archive_writer *writer;
    struct db_archive_counts *ret;
};

static enum err save_row(struct cx *cx, const struct db_value *values, void *arg)
{
    struct save *s = arg;
    progress_add(&s->progress, 1);
    return archive_writer_row(s->writer, cx, values);
}

static enum err save_table(struct cx *cx, struct save *s, const struct archive_table *t)
{
    uint8_t types[ARCHIVE_COLUMNS_MAX];
    struct archive_select_text_in in = { .table_name = quoted(cx->arena, t->name),
                                         .columns = column_names(cx->arena, t) };
    struct archive_select_text_row row;
    bool found;
    TRY(archive_select_text(cx, &in, &row, &found));
    struct db_stmt all = statement(cx, "archive_select", row.text);
    for (size_t i = 0; i < t->columns_count; i++)
        types[i] = (uint8_t)t->columns[i].type;
    all.flags = DB_STMT_SCAN;
    all.columns = types;
    all.columns_count = (uint8_t)t->columns_count;
    TRY(archive_writer_table(s->writer, cx, t));
    return db_run(cx, &all, NULL, save_row, s, NULL);
}

static enum err save_in_tx(struct cx *cx, void *arg)
{
    struct save *s = arg;
    struct tables live = { 0 };
    int64_t schema = 0;
    TRY(schema_load(cx, &schema));
    TRY(tables_load(cx, &live));
    s->writer = archive_writer_new(s->fd, schema);
    for (size_t i = 0; i < live.count; i++)
        TRY(save_table(cx, s, &live.items[i]));
    return archive_writer_finish(s->writer, cx, s->ret);
}

enum err db_archive_write(struct cx *cx, int fd, void (*progress)(int64_t rows, void *arg),
                          void *arg, struct db_archive_counts *ret)
{
    struct db_archive_counts counts = { 0 };
    struct save s = { .fd = fd, .progress = { .fn = progress, .arg = arg }, .ret = &counts };
    enum err e = db_read(cx, save_in_tx, &s);
    archive_writer_free(s.writer);
    if (e == OK)
        *ret = counts;
    return e;
}

/* ---- reading ---- */

struct load {
    int fd;
    struct progress progress;
    enum db_engine engine;
    int64_t schema; /* the archive's */
    struct db_archive_counts counts;
    struct tables live;
    bool *loaded; /* of each live table */
    const struct archive_table *table;
    struct str table_name, columns; /* quoted */
    const char *full;               /* the statement for rows_max rows */
    size_t rows, rows_max, bytes;   /* in the batch */
    struct arena_mark mark;         /* before the batch's texts */
    struct db_value values[PARAMS_MAX];
    uint8_t types[PARAMS_MAX];
};

static enum err insert_text(struct cx *cx, const struct load *l, size_t rows, const char **ret)
{
    char mark = l->engine == DB_SQLITE ? '?' : '$';
    struct archive_insert_text_in in = {
        .table_name = l->table_name,
        .columns = l->columns,
        .rows = row_marks(cx->arena, mark, l->table->columns_count, rows),
    };
    struct archive_insert_text_row row;
    bool found;
    TRY(archive_insert_text(cx, &in, &row, &found));
    *ret = str_cstr(cx->arena, row.text);
    return OK;
}

static enum err batch_insert(struct cx *cx, struct load *l)
{
    const char *sql = l->full;
    if (l->rows == 0)
        return OK;
    if (l->rows < l->rows_max)
        TRY(insert_text(cx, l, l->rows, &sql));
    struct db_stmt insert = { .number = DB_STMT_UNNUMBERED,
                              .flags = DB_STMT_WRITE,
                              .name = "archive_insert",
                              .sqlite = sql,
                              .pgsql = sql,
                              .params = l->types,
                              .params_count = (uint8_t)(l->rows * l->table->columns_count) };
    enum err e = db_run(cx, &insert, l->values, NULL, NULL, NULL);
    if (e == ERR_CONFLICT)
        FAIL(cx, VALIDATION, "The archive's rows of table %.*s contradict each other.",
             STR_ARG(l->table->name));
    TRY(e);
    progress_add(&l->progress, (int64_t)l->rows);
    arena_reset(cx->arena, l->mark);
    l->rows = l->bytes = 0;
    return OK;
}

static const struct archive_table *live_find(const struct load *l, struct str name, size_t *ret_at)
{
    for (size_t i = 0; i < l->live.count; i++)
        if (str_eq(l->live.items[i].name, name)) {
            *ret_at = i;
            return &l->live.items[i];
        }
    return NULL;
}

static bool same_columns(const struct archive_table *a, const struct archive_table *b)
{
    if (a->columns_count != b->columns_count)
        return false;
    for (size_t i = 0; i < a->columns_count; i++)
        if (a->columns[i].type != b->columns[i].type ||
            !str_eq(a->columns[i].name, b->columns[i].name))
            return false;
    return true;
}

static enum err load_table(struct cx *cx, const struct archive_table *t, void *arg)
{
    struct load *l = arg;
    size_t at = 0;
    if (l->table)
        TRY(batch_insert(cx, l));
    l->table = live_find(l, t->name, &at);
    if (!l->table || !same_columns(l->table, t) || l->loaded[at])
        FAIL(cx, VALIDATION, "The archive's table %.*s is not one of this database.",
             STR_ARG(t->name));
    l->loaded[at] = true;
    l->table_name = quoted(cx->arena, l->table->name);
    l->columns = column_names(cx->arena, l->table);
    l->rows_max = PARAMS_MAX / l->table->columns_count;
    for (size_t i = 0; i < l->rows_max * l->table->columns_count; i++)
        l->types[i] = (uint8_t)l->table->columns[i % l->table->columns_count].type;
    TRY(insert_text(cx, l, l->rows_max, &l->full));
    l->mark = arena_mark(cx->arena);
    return OK;
}

static enum err load_row(struct cx *cx, const struct db_value *values, void *arg)
{
    struct load *l = arg;
    size_t columns = l->table->columns_count;
    for (size_t i = 0; i < columns; i++) {
        struct db_value *v = &l->values[l->rows * columns + i];
        *v = values[i];
        if (v->type == DB_TEXT || v->type == DB_BLOB) {
            v->s = db_copy(cx, v->s);
            l->bytes += v->s.len;
        }
    }
    l->rows++;
    return l->rows == l->rows_max || l->bytes >= BATCH_BYTES ? batch_insert(cx, l) : OK;
}

static enum err any_row(struct cx *cx, const struct db_value *values, void *arg)
{
    (void)cx, (void)values;
    *(bool *)arg = true;
    return OK;
}

static enum err expect_empty(struct cx *cx, const struct tables *live)
{
    for (size_t i = 0; i < live->count; i++) {
        struct archive_any_text_in in = { .table_name = quoted(cx->arena, live->items[i].name) };
        struct archive_any_text_row row;
        bool found, any = false;
        TRY(archive_any_text(cx, &in, &row, &found));
        struct db_stmt one = statement(cx, "archive_any", row.text);
        TRY(db_run(cx, &one, NULL, any_row, &any, NULL));
        if (any)
            FAIL(cx, CONFLICT, "The database is not empty: table %.*s has rows.",
                 STR_ARG(live->items[i].name));
    }
    return OK;
}

static enum err expect_schema(struct cx *cx, int64_t archive)
{
    int64_t live = 0;
    TRY(schema_load(cx, &live));
    if (archive > live)
        FAIL(cx, CONFLICT,
             "The archive was made by a later version of opboxd (schema %" PRId64
             ", the database has %" PRId64 "); restore it with that version.",
             archive, live);
    if (archive < live)
        FAIL(cx, CONFLICT,
             "The archive has schema %" PRId64 ", the database %" PRId64
             "; it must be restored into a database of its own schema, which is then migrated.",
             archive, live);
    return OK;
}

static enum err load_rows(struct cx *cx, struct load *l)
{
    const struct archive_sink sink = { .table = load_table, .row = load_row, .arg = l };
    TRY(archive_scan(cx, l->fd, &sink, &l->counts));
    if (l->table)
        TRY(batch_insert(cx, l));
    for (size_t i = 0; i < l->live.count; i++)
        if (!l->loaded[i])
            FAIL(cx, VALIDATION, "The archive lacks the table %.*s.",
                 STR_ARG(l->live.items[i].name));
    return OK;
}

/* May be run again from its start. */
static enum err load_in_tx(struct cx *cx, void *arg)
{
    struct load *l = arg;
    struct archive_reference_list_row *references = NULL;
    size_t count = 0;
    l->progress.rows = 0;
    l->table = NULL;
    l->rows = l->bytes = 0;
    TRY(expect_schema(cx, l->schema));
    TRY(tables_load(cx, &l->live));
    TRY(expect_empty(cx, &l->live));
    l->loaded = arena_array(cx->arena, l->live.count, sizeof *l->loaded);
    TRY(archive_reference_list(cx, &references, &count));
    for (size_t i = 0; i < count; i++)
        TRY(db_exec(cx, references[i].drop_text));
    TRY(archive_references_defer(cx, NULL));
    TRY(load_rows(cx, l));
    for (size_t i = 0; i < count; i++)
        TRY(db_exec(cx, references[i].add_text));
    return db_archive_after_restore(cx);
}

enum err db_archive_read(struct cx *cx, int fd, void (*progress)(int64_t rows, void *arg),
                         void *arg, struct db_archive_counts *ret)
{
    static const struct archive_sink none = { 0 };
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->fd = fd;
    l->progress = (struct progress){ .fn = progress, .arg = arg };
    l->engine = db_engine(cx->app->db);
    enum err e = archive_head(cx, fd, &l->schema);
    if (e == OK)
        e = archive_scan(cx, fd, &none, &l->counts);
    if (e == OK)
        e = db_write(cx, load_in_tx, l);
    if (e == OK)
        *ret = l->counts;
    free(l);
    return e;
}

enum err db_archive_schema(struct cx *cx, int fd, int64_t *ret)
{
    return archive_head(cx, fd, ret);
}

enum err db_archive_after_restore(struct cx *cx)
{
    int64_t now = cx->now_ms;
    TRY(restored_users_raise(cx, &(struct restored_users_raise_in){ now }, NULL));
    TRY(restored_sessions_revoke(cx, &(struct restored_sessions_revoke_in){ now }, NULL));
    TRY(restored_jobs_release(cx, NULL));
    TRY(restored_runs_interrupt(cx, &(struct restored_runs_interrupt_in){ now }, NULL));
    TRY(restored_runs_raise(cx, NULL));
    TRY(restored_tool_calls_unknown(cx, &(struct restored_tool_calls_unknown_in){ now }, NULL));
    TRY(restored_approvals_expire(cx, &(struct restored_approvals_expire_in){ now }, NULL));
    TRY(restored_threads_release(cx, NULL));
    TRY(restored_seal_forget(cx, NULL));
    return restored_nodes_forget(cx, NULL);
}
