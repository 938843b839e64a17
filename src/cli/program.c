/* See program.h.
 *
 * Invariants: what program_open has opened when it fails is closed again; a pointer of struct app
 * is set before anybody can be called who uses it. */
#include "cli/program.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/seal.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/cuid.h"
#include "base/log.h"
#include "blob/blob.h"
#include "chat/chat.h"
#include "cli/backup_ops.h"
#include "cli/keys_ops.h"
#include "cli/log_sink.h"
#include "cost/cost.h"
#include "credentials/credentials.h"
#include "db/db.h"
#include "db/migrate.h"
#include "http/http_ops.h"
#include "jobs/jobs.h"
#include "kb/kb.h"
#include "limits/limits.h"
#include "net/fetch.h"
#include "net/pool.h"
#include "op/metrics.h"
#include "op/registry.h"
#include "run/relay.h"
#include "search/search.h"
#include "tenancy/tenancy.h"
#include "vault/vault.h"

enum { QUEUE_MAX = 4096, SLOW_THREADS = 2, SLOW_QUEUE_MAX = 64, SLOW_STACK_BYTES = 512 * 1024 };
enum { PASSWORD_THREADS = 2, PASSWORD_QUEUE_MAX = 64 };
enum { KINDS_MAX = 64 };

struct registry *program_registry(char *error, size_t size)
{
    const struct registry_table tables[] = {
        { audit_ops, audit_ops_count },
        { tenancy_ops, tenancy_ops_count },
        { log_ops, log_ops_count },
        { auth_ops, auth_ops_count },
        { security_ops, security_ops_count },
        { member_ops, member_ops_count },
        { invite_ops, invite_ops_count },
        { nextauth_ops, nextauth_ops_count },
        { job_ops, job_ops_count },
        { cost_ops, cost_ops_count },
        { cost_budget_ops, cost_budget_ops_count },
        { cost_price_ops, cost_price_ops_count },
        { credential_ops, credential_ops_count },
        { provider_ops, provider_ops_count },
        { kb_ops, kb_ops_count },
        { run_ops, run_ops_count },
        { chat_ops, chat_ops_count },
        { chat_thread_ops, chat_thread_ops_count },
        { chat_tool_ops, chat_tool_ops_count },
        { search_ops, search_ops_count },
        { http_ops, http_ops_count },
        { operator_ops, operator_ops_count },
        { backup_ops, backup_ops_count },
        { keys_ops, keys_ops_count },
    };
    return registry_new(tables, sizeof tables / sizeof *tables, error, size);
}

static const struct gate_hooks hooks = {
    .address_admit = limits_address_admit,
    .authenticate = auth_authenticate,
    .csrf = auth_csrf,
    .organization = tenancy_organization_enter,
    .renew = auth_renew,
    .addon = tenancy_addon_active,
    .rate = limits_rate,
    .audit = audit_success,
    .refused = audit_refused,
};

/* ---- database ---- */

bool database_open(const struct config *c, bool create, struct db **ret, char *error, size_t size)
{
    char path[1024];
    data_path(c, "opboxd.db", path, sizeof path);
    int readers = c->db_readers > 12 ? (int)c->db_readers + 4 : 16;
    struct db_options o = { .readers = readers,
                            .writers = (int)c->db_connections,
                            .create = create };
    if (c->database.len)
        o.url = c->database;
    else
        o.path = str_of(path);
    if (!create && !c->database.len && access(path, F_OK) != 0) {
        snprintf(error, size, "there is no database in %.*s yet; run `opboxd init` first",
                 STR_ARG(c->data));
        return false;
    }
    return db_open(&o, ret, error, size) == OK;
}

static bool schema_ready(struct program *p, enum program_mode mode, char *error, size_t size)
{
    enum db_schema_state state;
    int applied = 0;
    if (db_schema_state(p->app.db, &state, error, size) != OK)
        return false;
    if (state == DB_SCHEMA_NEWER || state == DB_SCHEMA_ALTERED)
        return false; /* the sentence is there */
    if (state == DB_SCHEMA_CURRENT)
        return true;
    if (mode == PROGRAM_COMMAND && state == DB_SCHEMA_OLD) {
        snprintf(error, size, "the database is older than this program; run `opboxd migrate`");
        return false;
    }
    if (db_migrate(p->app.db, &applied, error, size) != OK)
        return false;
    log_line(LOG_INFO, "database migrated", log_i("migrations", applied));
    return true;
}

/* ---- opening ---- */

static enum err check_root_key(struct cx *cx, void *known)
{
    return vault_check(cx, known);
}

/* A change of the root key that was broken off, or has not reached the configuration yet. */
static void accept_next_root_key(struct program *p)
{
    struct secret *next = root_key_next_read(p->config);
    if (next && str_eq(secret_bytes(next), secret_bytes(p->config->root_key)))
        root_key_next_drop(p->config);
    else if (next)
        vault_accept(p->app.vault, next);
    secret_free(next);
}

/* On PostgreSQL all processes must have the same root key. In a folder of its own a foreign one
 * (of a restored backup, say) leaves stored credentials unreadable, which is shown there. */
static bool open_vault(struct program *p, char *error, size_t size)
{
    struct app *app = &p->app;
    bool known = false;
    app->vault = vault_new(p->config->root_key);
    if (p->config->old_root_key)
        vault_accept(app->vault, p->config->old_root_key);
    accept_next_root_key(p);
    struct cx cx = { .arena = arena_new(0), .app = app, .now_ms = clock_wall_ms() };
    cx.principal.kind = PRINCIPAL_SYSTEM;
    bool checked = db_read(&cx, check_root_key, &known) == OK;
    arena_free(cx.arena);
    if (checked && (known || !p->config->database.len))
        return true;
    snprintf(error, size,
             checked ? "OPBOXD_ROOT_KEY is not the one that this database was made with; give that "
                       "one, or both (OPBOXD_OLD_ROOT_KEY) to change it"
                     : "the root key's check value could not be read from the database");
    return false;
}

static bool open_blobs(struct program *p, char *error, size_t size)
{
    const struct config *c = p->config;
    char dir[1024];
    data_path(c, "blobs", dir, sizeof dir);
    bool s3 = str_is(c->blob_store, "s3");
    bool in_database = str_is(c->blob_store, "database") || (!c->blob_store.len && c->database.len);
    struct blob_store_options o = {
        .kind = s3            ? BLOB_STORE_S3
                : in_database ? BLOB_STORE_DATABASE
                              : BLOB_STORE_DIR,
        .dir = str_of(dir),
        .s3_endpoint = c->s3_endpoint,
        .s3_region = c->s3_region,
        .s3_bucket = c->s3_bucket,
        .s3_access_key = c->s3_access_key,
        .s3_secret_key = c->s3_secret_key,
        .root_key = c->root_key,
    };
    return blob_store_open(&p->app, &o, &p->app.blobs, error, size) == OK;
}

static void db_gauges(struct buf *out, void *arg)
{
    struct db_stats s;
    db_stats(arg, &s);
    buf_printf(
        out,
        "# TYPE opboxd_db_commits_total counter\nopboxd_db_commits_total %lld\n"
        "# TYPE opboxd_db_closures_total counter\nopboxd_db_closures_total %lld\n"
        "# TYPE opboxd_db_commit_failures_total counter\nopboxd_db_commit_failures_total %lld\n"
        "# TYPE opboxd_db_commit_seconds_total counter\nopboxd_db_commit_seconds_total %g\n"
        "# TYPE opboxd_db_queue_depth gauge\nopboxd_db_queue_depth %lld\n",
        (long long)s.commits, (long long)s.closures, (long long)s.commit_failures,
        (double)s.commit_us_total / 1e6, (long long)s.queue_depth);
}

static bool open_gate(struct program *p, char *error, size_t size)
{
    struct app *app = &p->app;
    app->hooks = &hooks;
    app->ops = program_registry(error, size);
    if (!app->ops)
        return false;
    app->metrics = metrics_new(registry_count(app->ops));
    metrics_add_source(app->metrics, db_gauges, app->db);
    app->limits = limits_new(p->config, 0);
    app->search_docs = search_docs_new();
    app->credentials = credentials_new(fetch_wait);
    app->auth = auth_new(p->config, error, size);
    if (!app->auth)
        return false;
    auth_set_limiter(app->auth, limits_take, limits_take_kept);
    metrics_add_source(app->metrics, auth_metrics, app->auth);
    return true;
}

/* The runner copies them. */
static void kinds_add(struct job_kind *all, size_t *count, const struct job_kind *kinds, size_t n)
{
    assert(*count + n <= KINDS_MAX);
    memcpy(all + *count, kinds, n * sizeof *kinds);
    *count += n;
}

bool program_seal(struct program *p, char *error, size_t size)
{
    const struct config *c = p->config;
    struct seal_options o = { .dir = c->data,
                              .sink = c->log_sink,
                              .on_checkpoint = log_sink_on_checkpoint };
    return log_sink_valid(c, error, size) && seal_open(&p->app, &o, &p->app.seal, error, size);
}

static void start_server_parts(struct program *p)
{
    struct app *app = &p->app;
    struct job_kind kinds[KINDS_MAX];
    size_t kinds_count = 0;
    kinds_add(kinds, &kinds_count, cost_job_kinds, cost_job_kinds_count);
    kinds_add(kinds, &kinds_count, credential_job_kinds, credential_job_kinds_count);
    kinds_add(kinds, &kinds_count, search_job_kinds, search_job_kinds_count);
    kinds_add(kinds, &kinds_count, &chat_purge_job, 1);
    kinds_add(kinds, &kinds_count, &log_sink_kind, 1);
    struct job_runner_options jobs = { .kinds = kinds,
                                       .kinds_count = kinds_count,
                                       .parallel_max = 4 };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int readers =
        p->config->db_readers ? (int)p->config->db_readers : (int)(2 * (cores > 0 ? cores : 1));
    app->workers = pool_start("worker", readers > 64 ? 64 : readers, QUEUE_MAX, 0);
    app->slow = pool_start("slow", SLOW_THREADS, SLOW_QUEUE_MAX, SLOW_STACK_BYTES);
    app->passwords = pool_start("password", PASSWORD_THREADS, PASSWORD_QUEUE_MAX, SLOW_STACK_BYTES);
    app->audit = audit_log_new(app);
    audit_log_start(app->audit);
    seal_start(app->seal);
    app->jobs = job_runner_new(app, &jobs);
    metrics_add_source(app->metrics, job_metrics, app->jobs);
}

static bool open_all(struct program *p, enum program_mode mode, char *error, size_t size)
{
    crypto_init();
    cuid_make(clock_wall_ms(), p->app.node_id);
    p->app.node_id[CUID_BYTES] = '\0';
    p->app.config = p->config;
    p->app.stopping = &p->stopping;
    if (!data_folder_make(p->config, error, size) ||
        (p->lock_fd = data_folder_lock(p->config, error, size)) < 0 ||
        !secrets_complete(p->config, mode != PROGRAM_COMMAND, error, size) ||
        !database_open(p->config, mode != PROGRAM_COMMAND, &p->app.db, error, size) ||
        !schema_ready(p, mode, error, size) || !open_vault(p, error, size) ||
        !open_blobs(p, error, size) || !open_gate(p, error, size) ||
        (mode != PROGRAM_RESTORE && !program_seal(p, error, size)))
        return false;
    if (mode == PROGRAM_SERVER)
        start_server_parts(p);
    return true;
}

bool program_open(struct config *config, enum program_mode mode, struct program **ret, char *error,
                  size_t error_size)
{
    struct program *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->config = config;
    p->lock_fd = -1;
    if (!open_all(p, mode, error, error_size)) {
        program_close(p);
        return false;
    }
    *ret = p;
    return true;
}

void program_close(struct program *p)
{
    if (!p)
        return;
    struct app *app = &p->app;
    job_runner_free(app->jobs);
    pool_stop(app->workers);
    pool_stop(app->slow);
    pool_stop(app->passwords);
    fetcher_free(app->fetcher);
    audit_log_free(app->audit);
    app->audit = NULL;
    seal_close(app->seal);
    auth_free(app->auth);
    credentials_release(app->credentials);
    limits_free(app->limits);
    search_docs_free(app->search_docs);
    blob_store_close(app->blobs);
    db_close(app->db);
    vault_free(app->vault);
    metrics_free(app->metrics);
    registry_free(app->ops);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
    config_free(p->config);
    free(p);
}
