/* Archives: rows come out as they went in, through both engines; and whatever is not a whole
 * archive writes nothing. */
#include "unit/rooms.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/archive.h"
#include "db/archive_format.h"
#include "db/driver.h"
#include "db/migrate.h"

#define MANY_ROWS 10000

static enum err script_run(struct cx *cx, void *text)
{
    return db_exec(cx, str_of(text));
}

static void script(struct rooms *r, const char *text)
{
    assert_ok(&r->cx, db_write(&r->cx, script_run, (void *)text));
}

/* Migrated, without the people that rooms_init puts in. */
static void empty_init(struct rooms *r, enum db_engine e)
{
    rooms_init(r, e);
    script(r, "DELETE FROM users; DELETE FROM workspaces; DELETE FROM organizations;");
}

static int file_new(struct rooms *r)
{
    char path[128];
    snprintf(path, sizeof path, "%s/archive-XXXXXX", r->folder);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

/* ---- rows of all kinds ---- */

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct str random_text(struct arena *a, uint64_t *state)
{
    static const uint32_t firsts[] = { 0x20, 0x41, 0xe0, 0x4e00, 0x1f600, 0x01, 0xffff };
    size_t count = random_next(state) % 40;
    char *text = arena_alloc_raw(a, count * 4 + 1);
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len +=
            utf8_put(text + len, firsts[random_next(state) % 7] + (uint32_t)i % 26 * (i % 7 < 6));
    return utf8_valid((struct str){ text, len }) ? (struct str){ text, len } : STR("'\"\\\n\t");
}

static struct db_value text_of(struct str s)
{
    return (struct db_value){ .type = s.ptr ? DB_TEXT : DB_NULL, .s = s };
}

static enum err insert(struct cx *cx, const char *sql, const struct db_value *values, size_t count)
{
    uint8_t types[16];
    assert_true(count <= sizeof types);
    for (size_t i = 0; i < count; i++)
        types[i] = (uint8_t)(values[i].type ? values[i].type : DB_TEXT);
    struct db_stmt s = { .number = DB_STMT_UNNUMBERED,
                         .flags = DB_STMT_WRITE,
                         .name = "test",
                         .sqlite = sql,
                         .params = types,
                         .params_count = (uint8_t)count };
    return db_run(cx, &s, values, NULL, NULL, NULL);
}

struct filling {
    uint64_t seed;
    int from, to;
};

static enum err fill_rows(struct cx *cx, void *arg)
{
    struct filling *f = arg;
    uint64_t state = f->seed + (uint64_t)f->from;
    for (int i = f->from; i < f->to; i++) {
        unsigned char bytes[300];
        size_t len = random_next(&state) % sizeof bytes;
        for (size_t k = 0; k < len; k++)
            bytes[k] = (unsigned char)random_next(&state);
        bool null = random_next(&state) % 3 == 0;
        struct db_value v[] = {
            text_of(str_fmt(cx->arena, "id%06d", i)),
            text_of(random_text(cx->arena, &state)),
            { .type = DB_BLOB, .s = { (char *)bytes, len } },
            { .type = DB_INT, .i = (int64_t)random_next(&state) },
            text_of(null ? STR_NULL : random_text(cx->arena, &state)),
            { .type = null ? DB_NULL : DB_BLOB, .s = { (char *)bytes, len / 2 } },
        };
        TRY(insert(cx,
                   "INSERT INTO blobs (workspace_id, id, address, sha256, size_bytes, store, bytes,"
                   " created_at, created_by) VALUES ('one', ?1, ?2, ?3, ?4, 'inline', ?6, ?4, ?5)",
                   v, 6));
    }
    return OK;
}

/* Of each thing that a restore changes, and of each kind of reference: to an earlier and to a later
 * row of the same table, and over two columns. */
static const char states[] =
    "UPDATE users SET workspace_id = 'one', totp_secret = x'00ff00' WHERE id = 'ann';"
    "INSERT INTO sessions (id, user_id, session_version, created_at, seen_at, expires_at, "
    "revoked_at) VALUES ('s1', 'ann', 1, 1, 1, 9, NULL), ('s2', 'bob', 1, 1, 1, 9, 5);"
    "INSERT INTO jobs (id, kind, payload, state, run_at, attempts_max, node_id, epoch, lease_until,"
    " created_at, updated_at) VALUES ('j1', 'k', '{}', 'READY', 1, 3, NULL, 0, NULL, 1, 1),"
    " ('j2', 'k', '{}', 'LEASED', 1, 3, 'n', 4, 99, 1, 1), ('j3', 'k', '{}', 'DONE', 1, 3, 'n', 2,"
    " NULL, 1, 1);"
    "INSERT INTO nodes (id, address, program, started_at, heartbeat_at) VALUES ('n', '', '', 1, 1);"
    "INSERT INTO threads (workspace_id, id, user_id, client_id, active_run_id, activity_at, "
    "created_at, updated_at) VALUES ('one', 't', 'ann', 'c', 'r', 1, 1, 1);"
    "INSERT INTO messages (workspace_id, thread_id, seq, id, client_id, role, parts, content, "
    "created_at, updated_at) VALUES ('one', 't', 1, 'm', 'c', 'user', '[]', '', 1, 1);"
    "INSERT INTO runs (workspace_id, id, kind, state, node_id, created_at, updated_at) VALUES"
    " ('one', 'r', 'chat', 'STREAMING', 'n', 1, 1), ('one', 'r2', 'chat', 'DONE', 'n', 1, 1);"
    "INSERT INTO run_tool_calls (workspace_id, run_id, tool_call_id, tool, state, created_at, "
    "updated_at) VALUES ('one', 'r', 'c', 'x', 'STARTED', 1, 1);"
    "INSERT INTO documents (workspace_id, id, kind, parent_id, title, title_key, owner_id, "
    "created_at, updated_at) VALUES ('one', 'd1', 'PAGE', NULL, '', '', 'ann', 1, 1),"
    " ('one', 'd2', 'PAGE', NULL, '', '', 'ann', 1, 1),"
    " ('one', 'd3', 'PAGE', 'd2', '', '', 'ann', 1, 1);"
    "UPDATE documents SET parent_id = 'd2' WHERE id = 'd1';";

static void fill(struct rooms *r, int rows)
{
    script(r, states);
    for (int from = 0; from < rows; from += 1000) {
        struct filling f = { 0x9e3779b97f4a7c15u, from, from + 1000 < rows ? from + 1000 : rows };
        assert_ok(&r->cx, db_write(&r->cx, fill_rows, &f));
    }
}

/* ---- what is in a SQLite database, as one hash ---- */

struct printing {
    struct sha256_ctx *hash;
    size_t columns;
    int64_t rows;
};

static enum err print_row(struct cx *cx, const struct db_value *values, void *arg)
{
    struct printing *p = arg;
    for (size_t i = 0; i < p->columns; i++) {
        struct str s = str_fmt(cx->arena, "%d %" PRId64 " %a %zu ", values[i].type, values[i].i,
                               values[i].r, values[i].s.len);
        sha256_add(p->hash, s);
        sha256_add(p->hash, values[i].s);
    }
    p->rows++;
    return OK;
}

static enum err name_row(struct cx *cx, const struct db_value *values, void *arg)
{
    struct str *names = arg;
    while (str_given(*names))
        names++;
    *names = str_copy(cx->arena, values[0].s);
    return OK;
}

static enum err columns_row(struct cx *cx, const struct db_value *values, void *arg)
{
    *(size_t *)arg = (size_t)values[0].i;
    return OK;
}

static enum err query(struct cx *cx, const char *sql, db_row_fn row, void *arg)
{
    struct db_stmt s = {
        .number = DB_STMT_UNNUMBERED, .name = "test", .sqlite = sql, .pgsql = sql
    };
    return db_run(cx, &s, NULL, row, arg, NULL);
}

static enum err print_all(struct cx *cx, void *arg)
{
    struct printing *p = arg;
    struct str names[100] = { 0 };
    TRY(query(cx,
              "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_migrations'"
              " ORDER BY name",
              name_row, names));
    for (size_t i = 0; str_given(names[i]); i++) {
        char sql[256];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pragma_table_info('%.*s')",
                 STR_ARG(names[i]));
        TRY(query(cx, sql, columns_row, &p->columns));
        snprintf(sql, sizeof sql, "SELECT * FROM \"%.*s\" ORDER BY 1, 2, 3", STR_ARG(names[i]));
        sha256_add(p->hash, names[i]);
        TRY(query(cx, sql, print_row, p));
    }
    return OK;
}

static int64_t print(struct rooms *r, uint8_t out[SHA256_BYTES])
{
    struct printing p = { .hash = sha256_new() };
    struct arena_mark m = arena_mark(r->arena);
    assert_ok(&r->cx, db_read(&r->cx, print_all, &p));
    arena_reset(r->arena, m);
    sha256_final(p.hash, out);
    sha256_free(p.hash);
    return p.rows;
}

static enum err restored_twice(struct cx *cx, void *arg)
{
    (void)arg;
    TRY(db_archive_after_restore(cx));
    return db_archive_after_restore(cx);
}

/* ---- through the engines ---- */

static void progress_note(int64_t rows, void *arg)
{
    assert_true(rows > *(int64_t *)arg);
    *(int64_t *)arg = rows;
}

/* Writes `from`'s archive and reads it into a new database. */
static void pass_on(struct rooms *from, struct rooms *to, enum db_engine e)
{
    struct db_archive_counts saved, loaded;
    int64_t noted = 0, schema;
    int fd = file_new(from);
    assert_ok(&from->cx, db_archive_write(&from->cx, fd, progress_note, &noted, &saved));
    assert_int_equal(noted, saved.rows / 1000 * 1000);
    assert_int_equal(lseek(fd, 0, SEEK_END), saved.bytes);
    empty_init(to, e);
    assert_ok(&to->cx, db_archive_schema(&to->cx, fd, &schema));
    assert_true(schema >= 1);
    assert_ok(&to->cx, db_archive_read(&to->cx, fd, NULL, NULL, &loaded));
    assert_int_equal(loaded.tables, saved.tables);
    assert_int_equal(loaded.rows, saved.rows);
    assert_int_equal(loaded.bytes, saved.bytes);
    close(fd);
}

static void roundtrip(enum db_engine middle)
{
    struct rooms first, second, third;
    uint8_t before[SHA256_BYTES], after[SHA256_BYTES], raw[SHA256_BYTES];
    rooms_init(&first, DB_SQLITE);
    fill(&first, MANY_ROWS);
    print(&first, raw);
    pass_on(&first, &second, middle);
    pass_on(&second, &third, DB_SQLITE);
    assert_ok(&first.cx, db_write(&first.cx, restored_twice, NULL));
    int64_t rows = print(&first, before);
    assert_true(rows > MANY_ROWS);
    assert_int_equal(print(&third, after), rows);
    assert_memory_equal(before, after, SHA256_BYTES);
    assert_memory_not_equal(before, raw, SHA256_BYTES); /* the restore has marked something */
    rooms_release(&third);
    rooms_release(&second);
    rooms_release(&first);
}

static void test_roundtrip_sqlite(void **state)
{
    (void)state;
    roundtrip(DB_SQLITE);
}

static void test_roundtrip_pgsql(void **state)
{
    (void)state;
    if (!getenv("TEST_PG_URL")) {
        print_message("TEST_PG_URL is not set\n");
        skip();
    }
    roundtrip(DB_PGSQL);
}

/* Foreign keys stand as before: a row that points nowhere is refused. */
static enum err orphan_add(struct cx *cx, void *arg)
{
    return query(cx,
                 "INSERT INTO workspace_members (workspace_id, user_id, role, created_at,"
                 " updated_at) VALUES ('none', 'nobody', 'OWNER', 1, 1)",
                 NULL, arg);
}

struct number {
    const char *sql;
    int64_t value;
};

static enum err number_row(struct cx *cx, const struct db_value *values, void *arg)
{
    (void)cx;
    ((struct number *)arg)->value = values[0].i;
    return OK;
}

static enum err number_get(struct cx *cx, void *arg)
{
    return query(cx, ((struct number *)arg)->sql, number_row, arg);
}

static int64_t number(struct rooms *r, const char *sql)
{
    struct number n = { .sql = sql };
    assert_ok(&r->cx, db_read(&r->cx, number_get, &n));
    return n.value;
}

static void restored(enum db_engine e)
{
    struct rooms first, second;
    rooms_init(&first, DB_SQLITE);
    fill(&first, 10);
    pass_on(&first, &second, e);
    assert_int_equal(number(&second, "SELECT count(*) FROM users WHERE session_version = 2"), 3);
    assert_int_equal(number(&second, "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"), 0);
    assert_int_equal(number(&second, "SELECT count(*) FROM jobs WHERE state = 'LEASED'"), 0);
    assert_int_equal(number(&second, "SELECT epoch FROM jobs WHERE id = 'j2'"), 5);
    assert_int_equal(number(&second, "SELECT count(*) FROM jobs WHERE node_id IS NOT NULL"), 0);
    assert_int_equal(number(&second, "SELECT count(*) FROM runs WHERE state = 'INTERRUPTED'"), 1);
    assert_int_equal(number(&second, "SELECT count(*) FROM runs WHERE state = 'DONE'"), 1);
    assert_int_equal(number(&second, "SELECT count(*) FROM run_tool_calls WHERE state = 'UNKNOWN'"),
                     1);
    assert_int_equal(number(&second, "SELECT count(*) FROM nodes"), 0);
    assert_int_equal(db_write(&second.cx, orphan_add, NULL), ERR_INTERNAL);
    rooms_release(&second);
    rooms_release(&first);
}

static void test_restored_sqlite(void **state)
{
    (void)state;
    restored(DB_SQLITE);
}

static void test_restored_pgsql(void **state)
{
    (void)state;
    if (!getenv("TEST_PG_URL"))
        skip();
    restored(DB_PGSQL);
}

/* ---- what is refused ---- */

static enum err load(struct rooms *r, int fd)
{
    struct db_archive_counts counts;
    cx_clear_failure(&r->cx);
    return db_archive_read(&r->cx, fd, NULL, NULL, &counts);
}

static void flip(int fd, int64_t at)
{
    unsigned char byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void expect_refused(struct rooms *r, int fd, const char *what, int64_t at)
{
    struct arena_mark m = arena_mark(r->arena);
    if (load(r, fd) != ERR_VALIDATION)
        fail_msg("%s at byte %" PRId64 " was not told", what, at);
    assert_true(r->cx.failure.message.len > 0);
    cx_clear_failure(&r->cx);
    arena_reset(r->arena, m);
}

static void copy_cut(int from, int to, int64_t len)
{
    char bytes[4096];
    assert_int_equal(ftruncate(to, 0), 0);
    for (int64_t at = 0; at < len;) {
        size_t part = len - at < (int64_t)sizeof bytes ? (size_t)(len - at) : sizeof bytes;
        ssize_t n = pread(from, bytes, part, at);
        assert_true(n > 0);
        assert_int_equal(pwrite(to, bytes, (size_t)n, at), n);
        at += n;
    }
}

/* That the whole file is taken at the end proves that the refused ones had left nothing: it needs
 * an empty database. */
static void test_damaged(void **state)
{
    struct rooms from, to;
    struct db_archive_counts saved;
    (void)state;
    rooms_init(&from, DB_SQLITE);
    fill(&from, 300);
    int fd = file_new(&from), cut = file_new(&from);
    assert_ok(&from.cx, db_archive_write(&from.cx, fd, NULL, NULL, &saved));
    assert_true(saved.bytes > 40000);
    empty_init(&to, DB_SQLITE);
    for (int64_t len = 0; len < saved.bytes; len += 1000) {
        copy_cut(fd, cut, len);
        expect_refused(&to, cut, "a cut", len);
    }
    copy_cut(fd, cut, saved.bytes - 1);
    expect_refused(&to, cut, "a cut", saved.bytes - 1);
    for (int64_t at = 0; at < saved.bytes;) {
        flip(fd, at);
        expect_refused(&to, fd, "a flipped bit", at);
        flip(fd, at);
        at += at < 32 || at >= saved.bytes - ARCHIVE_TRAILER_BYTES - 32 ? 1 : 1000;
        if (at > saved.bytes - ARCHIVE_TRAILER_BYTES - 32 && at % 1000 == 0)
            at = saved.bytes - ARCHIVE_TRAILER_BYTES - 32;
    }
    assert_ok(&to.cx, load(&to, fd));
    assert_int_equal(load(&to, fd), ERR_CONFLICT); /* not empty any more */
    close(fd);
    close(cut);
    rooms_release(&to);
    rooms_release(&from);
}

static struct archive_column names_and_times[] = {
    { STR("id"), DB_TEXT },        { STR("name"), DB_TEXT },      { STR("version"), DB_INT },
    { STR("created_at"), DB_INT }, { STR("updated_at"), DB_INT }, { STR("created_by"), DB_TEXT },
    { STR("deleted_at"), DB_INT }
};

/* An archive that is whole, but that no database has written. */
static int made_up(struct rooms *r, int64_t schema, const char *table, size_t columns, int rows)
{
    struct archive_table t = { str_of(table), columns, names_and_times };
    struct db_archive_counts counts;
    struct db_value v[7] = { text_of(STR("a")),  text_of(STR("b")),  { DB_INT, .i = 1 },
                             { DB_INT, .i = 1 }, { DB_INT, .i = 1 }, { DB_NULL },
                             { DB_NULL } };
    int fd = file_new(r);
    struct archive_writer *w = archive_writer_new(fd, schema);
    assert_ok(&r->cx, archive_writer_table(w, &r->cx, &t));
    for (int i = 0; i < rows; i++)
        assert_ok(&r->cx, archive_writer_row(w, &r->cx, v));
    assert_ok(&r->cx, archive_writer_finish(w, &r->cx, &counts));
    archive_writer_free(w);
    return fd;
}

static void expect_made_up(struct rooms *r, enum err expected, int64_t schema, const char *table,
                           size_t columns, int rows)
{
    int fd = made_up(r, schema, table, columns, rows);
    enum err e = load(r, fd);
    if (e != expected)
        fail_msg("table %s with %zu columns, %d rows: %s", table, columns, rows, err_info(e)->name);
    assert_int_equal(number(r, "SELECT count(*) FROM organizations"), 0);
    close(fd);
}

static void test_made_up(void **state)
{
    struct rooms *r = *state;
    if (!r)
        skip();
    script(r, "DELETE FROM users; DELETE FROM workspaces; DELETE FROM organizations;");
    int64_t ours = db_migrations_count;
    expect_made_up(r, ERR_VALIDATION, ours, "nowhere", 7, 1);
    expect_made_up(r, ERR_VALIDATION, ours, "schema_migrations", 4, 0);
    expect_made_up(r, ERR_VALIDATION, ours, "organizations", 6, 1);
    expect_made_up(r, ERR_VALIDATION, ours, "organizations", 7, 2); /* one key twice */
    expect_made_up(r, ERR_VALIDATION, ours, "organizations", 7, 1); /* the other tables lack */
    expect_made_up(r, ERR_CONFLICT, 99, "organizations", 7, 1);
    expect_made_up(r, ERR_CONFLICT, 0, "organizations", 7, 1);
}

static void test_full(void **state)
{
    struct rooms *r = *state;
    struct db_archive_counts counts;
    if (!r)
        skip();
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(db_archive_write(&r->cx, fd, NULL, NULL, &counts), ERR_QUOTA_EXCEEDED);
    close(fd);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(db_archive_write(&r->cx, fd, NULL, NULL, &counts), ERR_STORAGE);
    assert_int_equal(load(r, fd), ERR_VALIDATION); /* no file */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roundtrip_sqlite),
        cmocka_unit_test(test_roundtrip_pgsql),
        cmocka_unit_test(test_restored_sqlite),
        cmocka_unit_test(test_restored_pgsql),
        cmocka_unit_test(test_damaged),
        ROOMS_TEST(test_made_up),
        ROOMS_TEST(test_full),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
