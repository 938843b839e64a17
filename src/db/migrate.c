/* Goals: a new database and an old one become the same by the same files; what was applied is known
 * by its hash; nobody runs on a database that a later program has made.
 * Non-goals: going back.
 * Invariants: a migration and its row in schema_migrations are one transaction; on PostgreSQL the
 * advisory lock is taken before the state is looked at, so that two programs never apply the same.
 */
#include "db/migrate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/app.h"
#include "base/buf.h"
#include "base/clock.h"
#include "db/db_sql.h"
#include "db/driver.h"

enum { SCRIPT_BYTES_MAX = 1024 * 1024 };

static const struct {
    const char *word, *sqlite, *pgsql;
} words[] = {
    { "{text}", "TEXT", "text COLLATE \"C\"" },
    { "{int}", "INTEGER", "bigint" },
    { "{real}", "REAL", "double precision" },
    { "{bytes}", "BLOB", "bytea" },
    { "{rowid}", ") STRICT", ")" },
    { "{clustered}", ") STRICT, WITHOUT ROWID", ")" },
};

static bool put_word(struct buf *out, struct str at, enum db_engine engine, size_t *ret_used)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!str_starts(at, str_of(words[i].word)))
            continue;
        buf_put_cstr(out, engine == DB_SQLITE ? words[i].sqlite : words[i].pgsql);
        *ret_used = strlen(words[i].word);
        return true;
    }
    return false;
}

static void put_line(struct buf *out, struct str line, enum db_engine engine)
{
    for (size_t i = 0; i < line.len;) {
        size_t used = 1;
        if (line.ptr[i] != '{' || !put_word(out, str_sub(line, i, line.len), engine, &used))
            buf_put_byte(out, line.ptr[i]);
        i += used;
    }
    buf_put_byte(out, '\n');
}

/* The script in the engine's own words. */
static struct str translate(struct arena *a, const char *text, enum db_engine engine)
{
    struct buf out;
    struct str rest = str_of(text);
    bool skip = false;
    buf_init(&out, a, SCRIPT_BYTES_MAX);
    while (str_given(rest)) {
        struct str line = str_split(&rest, '\n'), bare = str_trim(line);
        if (str_is(bare, "-- @sqlite"))
            skip = engine != DB_SQLITE;
        else if (str_is(bare, "-- @pgsql"))
            skip = engine != DB_PGSQL;
        else if (str_is(bare, "-- @end"))
            skip = false;
        else if (!skip)
            put_line(&out, line, engine);
    }
    buf_put_byte(&out, '\0');
    assert(!out.overflow);
    return (struct str){ out.ptr, out.len - 1 };
}

/* ---- state ---- */

struct state {
    struct db *db;
    enum db_schema_state schema;
    int applied; /* highest number */
    char *sentence;
    size_t size;
};

static void look_at(struct state *s, const struct migration_list_row *row)
{
    if (row->number > db_migrations_count) {
        s->schema = DB_SCHEMA_NEWER;
        snprintf(s->sentence, s->size,
                 "the database was made by a later version of opboxd (it has migration %.*s, this "
                 "program knows %d); run that version",
                 STR_ARG(row->name), db_migrations_count);
    } else if (!str_is(row->sha256, db_migrations[row->number - 1].sha256) &&
               s->schema != DB_SCHEMA_NEWER) {
        s->schema = DB_SCHEMA_ALTERED;
        snprintf(s->sentence, s->size,
                 "migration %.*s of the database is not the one of this program; it was made by "
                 "another build",
                 STR_ARG(row->name));
    }
    if (row->number > s->applied)
        s->applied = (int)row->number;
}

static enum err state_in_tx(struct cx *cx, void *arg)
{
    struct state *s = arg;
    struct migration_table_count_row table;
    struct migration_list_row *rows = NULL;
    size_t count = 0;
    bool found;
    s->applied = 0;
    s->schema = DB_SCHEMA_EMPTY;
    TRY(migration_table_count(cx, &table, &found));
    if (table.tables == 0)
        return OK;
    TRY(migration_list(cx, &rows, &count));
    s->schema = (int)count < db_migrations_count ? DB_SCHEMA_OLD : DB_SCHEMA_CURRENT;
    for (size_t i = 0; i < count; i++)
        look_at(s, &rows[i]);
    return OK;
}

static void explain(struct cx *cx, enum err e, char *sentence, size_t size)
{
    if (e != OK)
        snprintf(sentence, size, "the database cannot be read: %.*s",
                 STR_ARG(str_given(cx->failure.log_detail) ? cx->failure.log_detail
                                                           : cx->failure.message));
}

enum err db_schema_state(struct db *db, enum db_schema_state *ret, char *sentence, size_t size)
{
    struct app app = { .db = db };
    struct cx cx = { .arena = arena_new(0), .app = &app, .now_ms = clock_wall_ms() };
    struct state s = { .db = db, .sentence = sentence, .size = size };
    enum err e = db_read(&cx, state_in_tx, &s);
    explain(&cx, e, sentence, size);
    arena_free(cx.arena);
    if (e == OK)
        *ret = s.schema;
    return e;
}

/* ---- applying ---- */

struct step {
    struct state state;
    bool applied;
};

/* One migration: the lowest that is missing. */
static enum err apply_in_tx(struct cx *cx, void *arg)
{
    struct step *step = arg;
    struct migration_lock_row lock;
    bool found;
    step->applied = false;
    TRY(migration_lock(cx, &lock, &found));
    TRY(state_in_tx(cx, &step->state));
    if (step->state.schema == DB_SCHEMA_NEWER || step->state.schema == DB_SCHEMA_ALTERED)
        FAIL(cx, CONFLICT, "%s", step->state.sentence);
    if (step->state.schema == DB_SCHEMA_CURRENT)
        return OK;
    const struct db_migration *m = &db_migrations[step->state.applied];
    TRY(db_exec(cx, translate(cx->arena, m->text, db_engine(step->state.db))));
    struct migration_add_in row = { .number = m->number,
                                    .name = str_of(m->name),
                                    .sha256 = str_of(m->sha256),
                                    .applied_at = cx->now_ms };
    TRY(migration_add(cx, &row, NULL));
    step->applied = true;
    return OK;
}

enum err db_migrate(struct db *db, int *ret_applied, char *sentence, size_t size)
{
    struct app app = { .db = db };
    struct cx cx = { .arena = arena_new(0), .app = &app, .now_ms = clock_wall_ms() };
    struct step step = { .state = { .db = db, .sentence = sentence, .size = size } };
    int applied = 0;
    enum err e;
    do {
        e = db_write(&cx, apply_in_tx, &step);
        applied += e == OK && step.applied;
    } while (e == OK && step.applied);
    if (step.state.schema != DB_SCHEMA_NEWER && step.state.schema != DB_SCHEMA_ALTERED)
        explain(&cx, e, sentence, size);
    arena_free(cx.arena);
    if (e == OK)
        *ret_applied = applied;
    return e;
}
