/* Every statement of the product, on both engines, against the migrated schema: it can be prepared,
 * its parameters and columns are as declared, it reads no table whole and sorts no rows without
 * saying why, and it names the workspace of tenant data or says why not.
 *
 * The program of this test is linked with the statements of all areas; those of the tests
 * themselves, which come behind them in the registry, are not looked at. */
#include "unit/rooms.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/rooms_sql.h"

static size_t product_count(void)
{
    return rooms_organization_add_stmt.number;
}

static void test_all_linked(void **state)
{
    (void)state;
    assert_true(product_count() > 50);
    for (size_t i = 0; i < product_count(); i++) {
        if (!db_statements[i])
            fail_msg("statement %zu of the registry is not linked", i);
        assert_int_equal(db_statements[i]->number, i);
    }
}

/* ---- words of SQL ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Where the word stands at or after `text`, or NULL. */
static const char *word_find(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if ((at == text || !is_word(at[-1])) && !is_word(at[len]))
            return at;
    return NULL;
}

/* ---- SQLite ---- */

static sqlite3 *sqlite_handle(struct rooms *r)
{
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/test.db", r->folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    return db;
}

static sqlite3_stmt *sqlite_prepared(sqlite3 *db, const char *name, const char *text)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", name, sqlite3_errmsg(db));
    return st;
}

static enum db_type sqlite_type(const char *declared)
{
    static const struct {
        const char *name;
        enum db_type type;
    } map[] = {
        { "TEXT", DB_TEXT }, { "INTEGER", DB_INT }, { "REAL", DB_REAL }, { "BLOB", DB_BLOB }
    };
    for (size_t i = 0; declared && i < sizeof map / sizeof *map; i++)
        if (strcmp(declared, map[i].name) == 0)
            return map[i].type;
    return DB_NULL; /* an expression: known when it runs */
}

static void test_sqlite(void **state)
{
    struct rooms *r = *state;
    sqlite3 *db = sqlite_handle(r);
    for (size_t i = 0; i < product_count(); i++) {
        const struct db_stmt *s = db_statements[i];
        sqlite3_stmt *st = sqlite_prepared(db, s->name, s->sqlite);
        if (sqlite3_bind_parameter_count(st) != s->params_count)
            fail_msg("%s has %d parameters", s->name, sqlite3_bind_parameter_count(st));
        int columns = sqlite3_column_count(st);
        if (columns != s->columns_count)
            fail_msg("%s has %d columns, %d are declared", s->name, columns, s->columns_count);
        for (int k = 0; k < columns; k++) {
            enum db_type type = sqlite_type(sqlite3_column_decltype(st, k));
            if (type != DB_NULL && type != s->columns[k])
                fail_msg("%s: column %d has another type than declared", s->name, k + 1);
        }
        if (!sqlite3_stmt_readonly(st) != !!(s->flags & DB_STMT_WRITE))
            fail_msg("%s writes, or does not, other than its flag says", s->name);
        sqlite3_finalize(st);
    }
    sqlite3_close(db);
}

#define PLAN_LINES_MAX 64

struct plan {
    char lines[PLAN_LINES_MAX][256];
    size_t count;
};

static void plan_load(sqlite3 *db, const struct db_stmt *s, struct plan *ret)
{
    char text[16384];
    ret->count = 0;
    assert_true(snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", s->sqlite) < (int)sizeof text);
    sqlite3_stmt *st = sqlite_prepared(db, s->name, text);
    while (sqlite3_step(st) == SQLITE_ROW) {
        assert_true(ret->count < PLAN_LINES_MAX);
        snprintf(ret->lines[ret->count++], sizeof ret->lines[0], "%s",
                 (const char *)sqlite3_column_text(st, 3));
    }
    sqlite3_finalize(st);
}

/* A partial index holds only the rows that are meant: reading all of it is no full scan. */
static bool uses_partial_index(sqlite3 *db, const char *line)
{
    const char *at = strstr(line, " INDEX ");
    bool partial = false;
    if (!at)
        return false;
    sqlite3_stmt *st = sqlite_prepared(
        db, "index",
        "SELECT sql LIKE '% WHERE %' FROM sqlite_schema WHERE type = 'index' AND name = ?");
    sqlite3_bind_text(st, 1, at + 7, (int)strcspn(at + 7, " "), SQLITE_TRANSIENT);
    if (sqlite3_step(st) == SQLITE_ROW)
        partial = sqlite3_column_int(st, 0) == 1;
    sqlite3_finalize(st);
    return partial;
}

/* "SCAN x" of what another line of the plan has made ("MATERIALIZE x", "CO-ROUTINE x") reads no
 * table; nor do rows without a table, and functions of one. */
static bool scans_table(sqlite3 *db, const struct plan *p, const char *line)
{
    char name[128];
    if (strncmp(line, "SCAN ", 5) != 0 || strstr(line, " CONSTANT ROW") ||
        strstr(line, "VIRTUAL TABLE") || line[5] == '(')
        return false;
    snprintf(name, sizeof name, " %.*s", (int)strcspn(line + 5, " "), line + 5);
    for (size_t i = 0; i < p->count; i++) {
        const char *made = p->lines[i];
        bool makes = strncmp(made, "MATERIALIZE", 11) == 0 || strncmp(made, "CO-ROUTINE", 10) == 0;
        size_t len = strlen(made), name_len = strlen(name);
        if (makes && len > name_len && strcmp(made + len - name_len, name) == 0)
            return false;
    }
    return !uses_partial_index(db, line);
}

/* A page that must read and sort all that it could hold is as dear as the whole list. */
static bool sorts(const char *line)
{
    return strncmp(line, "USE TEMP B-TREE FOR", 19) == 0 && strstr(line, "ORDER BY");
}

static void test_sqlite_plans(void **state)
{
    struct rooms *r = *state;
    sqlite3 *db = sqlite_handle(r);
    int wrong = 0;
    for (size_t i = 0; i < product_count(); i++) {
        const struct db_stmt *s = db_statements[i];
        struct plan p;
        plan_load(db, s, &p);
        for (size_t k = 0; k < p.count; k++)
            if ((scans_table(db, &p, p.lines[k]) && !(s->flags & DB_STMT_SCAN)) ||
                (sorts(p.lines[k]) && !s->sort_reason)) {
                print_error("%s: %s\n", s->name, p.lines[k]);
                wrong++;
            }
        assert_true(!(s->flags & DB_STMT_SCAN) == !s->scan_reason);
    }
    sqlite3_close(db);
    assert_int_equal(wrong, 0);
}

/* ---- PostgreSQL ---- */

static PGconn *pgsql_handle(void)
{
    char url[1024];
    const char *base = getenv("TEST_PG_URL");
    snprintf(url, sizeof url, "%s%soptions=-csearch_path%%3Drooms_%ld", base,
             strchr(base, '?') ? "&" : "?", (long)getpid());
    PGconn *pg = PQconnectdb(url);
    if (PQstatus(pg) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(pg));
    return pg;
}

static PGresult *pgsql_good(PGconn *pg, const char *name, PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", name, PQerrorMessage(pg));
    return r;
}

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT8 = 701
};

static Oid param_oid(uint8_t type)
{
    static const Oid oids[] = {
        [DB_INT] = OID_INT8, [DB_REAL] = OID_FLOAT8, [DB_TEXT] = OID_TEXT, [DB_BLOB] = OID_BYTEA
    };
    return oids[type];
}

static enum db_type column_type(Oid oid)
{
    switch (oid) {
    case OID_BOOL:
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
        return DB_INT;
    case OID_FLOAT8:
        return DB_REAL;
    case OID_TEXT:
        return DB_TEXT;
    case OID_BYTEA:
        return DB_BLOB;
    default:
        return DB_NULL;
    }
}

static void pgsql_prepare(PGconn *pg, const struct db_stmt *s)
{
    Oid types[256];
    for (size_t k = 0; k < s->params_count; k++)
        types[k] = param_oid(s->params[k]);
    PQclear(pgsql_good(pg, s->name, PQprepare(pg, s->name, s->pgsql, s->params_count, types)));
}

static void test_pgsql(void **state)
{
    if (!*state)
        skip();
    PGconn *pg = pgsql_handle();
    for (size_t i = 0; i < product_count(); i++) {
        const struct db_stmt *s = db_statements[i];
        pgsql_prepare(pg, s);
        /* Made once: a set that a plan makes again for each row skips what the statement itself has
         * changed, takes others, and goes beyond its LIMIT. */
        if (strstr(s->pgsql, "SKIP LOCKED") && !strstr(s->pgsql, "= ANY (ARRAY(SELECT"))
            fail_msg("%s: SKIP LOCKED needs = ANY (ARRAY(SELECT ...))", s->name);
        PGresult *d = pgsql_good(pg, s->name, PQdescribePrepared(pg, s->name));
        if (PQnparams(d) != s->params_count)
            fail_msg("%s has %d parameters", s->name, PQnparams(d));
        if (PQnfields(d) != s->columns_count)
            fail_msg("%s has %d columns, %d are declared", s->name, PQnfields(d), s->columns_count);
        for (int k = 0; k < PQnfields(d); k++)
            if (column_type(PQftype(d, k)) != s->columns[k])
                fail_msg("%s: column %d has type %u, other than declared", s->name, k + 1,
                         PQftype(d, k));
        PQclear(d);
    }
    PQfinish(pg);
}

/* The plan for any values; false when a table is read whole although that was made dear. */
static bool pgsql_plan_good(PGconn *pg, const struct db_stmt *s)
{
    char text[4096];
    int len = snprintf(text, sizeof text, "EXPLAIN EXECUTE \"%s\"", s->name);
    for (size_t k = 0; k < s->params_count; k++)
        len += snprintf(text + len, sizeof text - (size_t)len, "%sNULL", k ? ", " : " (");
    snprintf(text + len, sizeof text - (size_t)len, "%s", s->params_count ? ")" : "");
    PGresult *r = pgsql_good(pg, s->name, PQexec(pg, text));
    bool good = true;
    for (int k = 0; k < PQntuples(r); k++)
        if (strstr(PQgetvalue(r, k, 0), "Seq Scan on ") && !(s->flags & DB_STMT_SCAN)) {
            print_error("%s:%s\n", s->name, PQgetvalue(r, k, 0));
            good = false;
        }
    PQclear(r);
    return good;
}

static void test_pgsql_plans(void **state)
{
    if (!*state)
        skip();
    PGconn *pg = pgsql_handle();
    int wrong = 0;
    PQclear(pgsql_good(
        pg, "set",
        PQexec(pg, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")));
    for (size_t i = 0; i < product_count(); i++) {
        const struct db_stmt *s = db_statements[i];
        const char *first = s->pgsql;
        if (strncmp(first, "SET ", 4) == 0)
            continue;
        pgsql_prepare(pg, s);
        wrong += !pgsql_plan_good(pg, s);
    }
    PQfinish(pg);
    assert_int_equal(wrong, 0);
}

/* ---- tenants ---- */

#define TABLES_MAX 128

/* Tables whose every row belongs to a workspace. */
static size_t tenant_tables(sqlite3 *db, char tables[TABLES_MAX][64])
{
    size_t count = 0;
    sqlite3_stmt *st = sqlite_prepared(
        db, "tables",
        "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND c.name = 'workspace_id' AND c.\"notnull\" = 1");
    while (sqlite3_step(st) == SQLITE_ROW) {
        assert_true(count < TABLES_MAX);
        snprintf(tables[count++], 64, "%s", (const char *)sqlite3_column_text(st, 0));
    }
    sqlite3_finalize(st);
    return count;
}

/* As a value that is put in, or compared with one. */
static bool names_workspace(const char *text)
{
    if (strncmp(text, "INSERT", 6) == 0)
        return word_find(text, "workspace_id") != NULL;
    for (const char *at = word_find(text, "workspace_id"); at;
         at = word_find(at + 1, "workspace_id")) {
        const char *after = at + strlen("workspace_id");
        if (strncmp(after, " = ", 3) == 0)
            return true;
    }
    return false;
}

static void test_tenants(void **state)
{
    struct rooms *r = *state;
    static char tables[TABLES_MAX][64];
    int wrong = 0;
    sqlite3 *db = sqlite_handle(r);
    size_t count = tenant_tables(db, tables);
    assert_true(count >= 10);
    for (size_t i = 0; i < product_count(); i++) {
        const struct db_stmt *s = db_statements[i];
        for (size_t k = 0; k < count; k++) {
            if (!word_find(s->sqlite, tables[k]) || s->tenantless_reason)
                continue;
            if (names_workspace(s->sqlite) && names_workspace(s->pgsql))
                continue;
            print_error("%s reads or writes %s without naming the workspace\n", s->name, tables[k]);
            wrong++;
        }
    }
    sqlite3_close(db);
    assert_int_equal(wrong, 0);
}

/* The checks themselves see what they are there for. */
static void test_checks_see(void **state)
{
    struct rooms *r = *state;
    sqlite3 *db = sqlite_handle(r);
    struct plan p;
    const struct db_stmt scan = { .name = "scan",
                                  .sqlite = "SELECT id FROM jobs WHERE epoch = ?1" };
    plan_load(db, &scan, &p);
    assert_true(scans_table(db, &p, p.lines[0]));
    const struct db_stmt search = { .name = "search",
                                    .sqlite = "SELECT 1 FROM jobs WHERE id = ?1" };
    plan_load(db, &search, &p);
    assert_false(scans_table(db, &p, p.lines[0]));
    sqlite3_close(db);
    assert_false(names_workspace("SELECT workspace_id FROM jobs WHERE id = ?1"));
    assert_true(names_workspace("SELECT id FROM jobs WHERE id = ?1 AND workspace_id = ?2"));
    assert_false(names_workspace("DELETE FROM jobs WHERE my_workspace_id = ?1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_linked),
        { "test_sqlite", test_sqlite, rooms_sqlite, rooms_end, NULL },
        { "test_sqlite_plans", test_sqlite_plans, rooms_sqlite, rooms_end, NULL },
        { "test_pgsql", test_pgsql, rooms_pgsql, rooms_end, NULL },
        { "test_pgsql_plans", test_pgsql_plans, rooms_pgsql, rooms_end, NULL },
        { "test_tenants", test_tenants, rooms_sqlite, rooms_end, NULL },
        { "test_checks_see", test_checks_see, rooms_sqlite, rooms_end, NULL },
    };
    return cmocka_run_group_tests_name("statements", tests, NULL, NULL);
}
