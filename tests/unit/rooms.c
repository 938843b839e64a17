/* See rooms.h. */
#include "rooms.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/driver.h"
#include "db/migrate.h"
#include "unit/rooms_sql.h"
#include "vault/vault.h"

static void must(bool ok, const char *what, const char *detail)
{
    if (ok)
        return;
    fprintf(stderr, "rooms: %s: %s\n", what, detail ? detail : "");
    abort();
}

static enum err script_run(struct cx *cx, void *text)
{
    return db_exec(cx, str_of(text));
}

static enum err people_add(struct cx *cx, void *arg)
{
    static const char *const workspaces[] = { "one", "two" };
    static const char *const users[] = { "ann", "bob", "eve" };
    (void)arg;
    struct rooms_organization_add_in o = { .id = STR("org") };
    TRY(rooms_organization_add(cx, &o, NULL));
    for (size_t i = 0; i < 2; i++) {
        struct rooms_workspace_add_in w = { .id = str_of(workspaces[i]), .organization_id = o.id };
        TRY(rooms_workspace_add(cx, &w, NULL));
    }
    for (size_t i = 0; i < 3; i++) {
        struct rooms_user_add_in u = { .id = str_of(users[i]) };
        TRY(rooms_user_add(cx, &u, NULL));
    }
    return OK;
}

static bool database_open(struct rooms *r, const struct db_driver *driver, void *driver_arg,
                          char *error, size_t size)
{
    char path[96], url[1024];
    struct db_options o = { .readers = 4, .writers = driver ? 1 : 4, .create = true };
    if (r->engine == DB_SQLITE) {
        snprintf(path, sizeof path, "%s/test.db", r->folder);
        o.path = str_of(path);
    } else {
        const char *base = getenv("TEST_PG_URL");
        snprintf(url, sizeof url,
                 "%s%soptions=-csearch_path%%3Drooms_%ld%%20-cclient_min_messages%%3Dwarning", base,
                 strchr(base, '?') ? "&" : "?", (long)getpid());
        o.url = str_of(url);
    }
    r->app.db = NULL;
    return (driver ? db_open_driver(&o, driver, driver_arg, &r->app.db, error, size)
                   : db_open(&o, &r->app.db, error, size)) == OK;
}

/* ---- PostgreSQL's schema ----
 *
 * Making it and dropping it is half a second of the server's time, so a process makes it once and
 * each test finds it empty. A test that leaves other tables than the migrations make costs the next
 * one a new schema: their description is kept as the schema's comment. */

static struct {
    long pid; /* whose it is: a child does not drop what its parent uses */
} schema;

#define SHAPE                                                                                      \
    "(SELECT md5(string_agg(x, ',' ORDER BY x COLLATE \"C\")) FROM (SELECT concat_ws('.', "        \
    "relname, "                                                                                    \
    "relkind, attname, atttypid, attnotnull) AS x FROM pg_class c JOIN pg_attribute ON attrelid "  \
    "= "                                                                                           \
    "c.oid WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 UNION ALL SELECT "   \
    "pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = "                           \
    "current_schema()::regnamespace) AS shape)"

static const char shape_keep[] =
    "DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA %I IS %L', current_schema(), " SHAPE "); END $$";

/* Fails when the shape is another. Foreign keys are not looked at: nothing is left. */
static const char schema_clear[] =
    "DO $$ DECLARE t text; BEGIN "
    "IF obj_description(current_schema()::regnamespace, 'pg_namespace') IS DISTINCT FROM " SHAPE
    " THEN RAISE EXCEPTION 'the schema has another shape'; END IF; "
    "SET LOCAL session_replication_role = replica; "
    "FOR t IN SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND "
    "relkind = 'r' AND relname <> 'schema_migrations' LOOP EXECUTE format('DELETE FROM %I', t); "
    "END LOOP; END $$";

static void schema_drop(void)
{
    char url[1024], error[512], script[64];
    struct app app = { 0 };
    if (schema.pid != (long)getpid())
        return;
    schema.pid = 0;
    snprintf(url, sizeof url, "%s", getenv("TEST_PG_URL"));
    if (db_open(&(struct db_options){ .url = str_of(url), .readers = 1, .writers = 1 }, &app.db,
                error, sizeof error) != OK)
        return;
    struct cx cx = { .arena = arena_new(0), .app = &app };
    snprintf(script, sizeof script, "DROP SCHEMA rooms_%ld CASCADE", (long)getpid());
    db_write(&cx, script_run, script);
    db_close(app.db);
    arena_free(cx.arena);
}

static void schema_make(struct rooms *r)
{
    char script[128], error[512];
    int applied;
    snprintf(script, sizeof script,
             "DROP SCHEMA IF EXISTS rooms_%ld CASCADE; CREATE SCHEMA rooms_%ld", (long)getpid(),
             (long)getpid());
    must(db_write(&r->cx, script_run, script) == OK, "schema", r->cx.failure.log_detail.ptr);
    must(db_migrate(r->app.db, &applied, error, sizeof error) == OK, "migrate", error);
    must(db_write(&r->cx, script_run, (void *)shape_keep) == OK, "shape",
         r->cx.failure.log_detail.ptr);
    if (schema.pid != (long)getpid())
        must(atexit(schema_drop) == 0, "atexit", "");
    schema.pid = (long)getpid();
}

static bool schema_cleared(struct rooms *r)
{
    bool ok =
        schema.pid == (long)getpid() && db_write(&r->cx, script_run, (void *)schema_clear) == OK;
    cx_clear_failure(&r->cx);
    return ok;
}

static void open_database(struct rooms *r)
{
    char error[512] = "";
    int applied;
    must(database_open(r, NULL, NULL, error, sizeof error), "open", error);
    if (r->engine == DB_SQLITE)
        must(db_migrate(r->app.db, &applied, error, sizeof error) == OK, "migrate", error);
    else if (!schema_cleared(r))
        schema_make(r);
}

bool rooms_reopen(struct rooms *r, const struct db_driver *driver, void *driver_arg)
{
    char error[512];
    db_close(r->app.db);
    return database_open(r, driver, driver_arg, error, sizeof error);
}

void rooms_init(struct rooms *r, enum db_engine e)
{
    memset(r, 0, sizeof *r);
    crypto_init();
    log_init(LOG_TEXT, LOG_ERROR + 1); /* failures are meant here */
    r->engine = e;
    r->arena = arena_new(0);
    r->app.config = &r->config;
    struct secret *root = secret_new(STR("root key of the tests' rooms"));
    r->app.vault = vault_new(root);
    secret_free(root);
    memcpy(r->app.node_id, "cnode", 6);
    r->cx = (struct cx){
        .arena = r->arena, .app = &r->app, .now_ms = ROOMS_NOW_MS, .request_id = STR("req")
    };
    const char *tmp = getenv("TMPDIR");
    snprintf(r->folder, sizeof r->folder, "%.40s/rooms-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(r->folder) != NULL, "mkdtemp", r->folder);
    open_database(r);
    must(db_write(&r->cx, people_add, NULL) == OK, "people", r->cx.failure.log_detail.ptr);
    rooms_as(r, "ann", "one");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void rooms_release(struct rooms *r)
{
    db_close(r->app.db);
    vault_free(r->app.vault);
    nftw(r->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    arena_free(r->arena);
}

void rooms_as(struct rooms *r, const char *user, const char *workspace)
{
    r->cx.principal = (struct principal){ .kind = PRINCIPAL_USER,
                                          .role = ROLE_OWNER,
                                          .autonomy_level = 3,
                                          .user_id = str_of(user),
                                          .name = str_of(user),
                                          .organization_id = STR("org"),
                                          .workspace_id = str_of(workspace) };
}

static int setup(void **state, enum db_engine e)
{
    *state = NULL;
    if (e == DB_PGSQL && !getenv("TEST_PG_URL"))
        return 0;
    struct rooms *r = malloc(sizeof *r);
    must(r != NULL, "malloc", "");
    rooms_init(r, e);
    *state = r;
    return 0;
}

int rooms_sqlite(void **state)
{
    return setup(state, DB_SQLITE);
}

int rooms_pgsql(void **state)
{
    return setup(state, DB_PGSQL);
}

int rooms_end(void **state)
{
    if (*state)
        rooms_release(*state);
    free(*state);
    return 0;
}

void rooms_assert_ok(struct cx *cx, enum err e, const char *file, int line)
{
    if (e == OK)
        return;
    print_error("%s:%d: %s: %.*s (%.*s)\n", file, line, err_info(e)->code,
                STR_ARG(cx->failure.message), STR_ARG(cx->failure.log_detail));
    for (struct field_error *f = cx->failure.fields; f; f = f->next)
        print_error("  %.*s %.*s\n", STR_ARG(f->field), STR_ARG(f->message));
    _fail(file, line);
}

void rooms_assert_str(struct str s, const char *expected, const char *file, int line)
{
    if (str_is(s, expected))
        return;
    print_error("%s:%d: \"%.*s\" is not \"%s\"\n", file, line, STR_ARG(s), expected);
    _fail(file, line);
}
