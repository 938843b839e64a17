/* opboxd doctor: what the program sees, and whether it can work with it. Changes nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "db/db.h"
#include "db/migrate.h"

enum { REPORT_BYTES_MAX = 256 * 1024, CHECKS_MAX = 16 };

struct check {
    const char *name;
    bool good;
    struct str text;
};
struct report {
    struct cli_args *args;
    struct check checks[CHECKS_MAX];
    size_t count;
};

static void add(struct report *r, const char *name, bool good, struct str text)
{
    r->checks[r->count++] = (struct check){ name, good, text };
}

static void check_folder(struct report *r)
{
    struct arena *a = r->args->arena;
    const struct config *c = r->args->config;
    char path[1024];
    struct stat st;
    struct statvfs fs;
    data_path(c, "", path, sizeof path);
    if (stat(path, &st) != 0) {
        add(r, "data folder", false, str_fmt(a, "%s is not there; `opboxd init` makes it", path));
        return;
    }
    bool closed = (st.st_mode & 077) == 0;
    add(r, "data folder", access(path, W_OK) == 0 && closed,
        str_fmt(a, "%s, mode %03o%s", path, st.st_mode & 0777u,
                closed ? "" : "; others can look into it: chmod 700"));
    if (statvfs(path, &fs) == 0) {
        int64_t free_mb = (int64_t)(fs.f_bavail * fs.f_frsize / 1000000);
        add(r, "free space", free_mb >= 500, str_fmt(a, "%" PRId64 " MB", free_mb));
    }
}

static void check_server(struct report *r)
{
    bool served = data_folder_served(r->args->config);
    add(r, "server", true, served ? STR("running") : STR("not running"));
}

static void check_secrets(struct report *r)
{
    char error[500] = "";
    bool good = secrets_complete(r->args->config, false, error, sizeof error);
    add(r, "secrets", good, good ? STR("complete") : str_copy(r->args->arena, str_of(error)));
}

static const char *state_text(enum db_schema_state s)
{
    switch (s) {
    case DB_SCHEMA_EMPTY:
        return "empty";
    case DB_SCHEMA_OLD:
        return "older than this program: `opboxd migrate`";
    case DB_SCHEMA_CURRENT:
        return "up to date";
    case DB_SCHEMA_NEWER:
        return "made by a later version";
    default:
        return "altered";
    }
}

static void check_database(struct report *r)
{
    struct arena *a = r->args->arena;
    char error[1000] = "";
    struct db *db;
    enum db_schema_state state;
    if (!database_open(r->args->config, false, &db, error, sizeof error)) {
        add(r, "database", false, str_copy(a, str_of(error)));
        return;
    }
    const char *engine = db_engine(db) == DB_SQLITE ? "SQLite" : "PostgreSQL";
    bool read = db_schema_state(db, &state, error, sizeof error) == OK;
    add(r, "database", read && state == DB_SCHEMA_CURRENT,
        read ? str_fmt(a, "%s, %s", engine, state_text(state)) : str_copy(a, str_of(error)));
    db_close(db);
}

/* ---- output ---- */

static void print_text(const struct report *r)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < r->count; i++)
        printf("%-4s %-12s %.*s\n", r->checks[i].good ? "ok" : "BAD", r->checks[i].name,
               STR_ARG(r->checks[i].text));
    printf("\n");
    for (size_t i = 0; i < count; i++) {
        struct str value = config_value_text(r->args->config, r->args->arena, i);
        printf("%-28s %-12s %.*s\n", rows[i].flag, config_value_source(r->args->config, i),
               STR_ARG(value));
    }
}

static void print_json(const struct report *r)
{
    struct buf b;
    struct json_writer w;
    size_t count;
    const struct config_row *rows = config_rows(&count);
    buf_init(&b, r->args->arena, REPORT_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "version");
    jw_str(&w, STR(OPBOXD_VERSION));
    jw_key_lit(&w, "checks");
    jw_array(&w);
    for (size_t i = 0; i < r->count; i++) {
        jw_object(&w);
        jw_key_lit(&w, "name");
        jw_str(&w, str_of(r->checks[i].name));
        jw_key_lit(&w, "ok");
        jw_bool(&w, r->checks[i].good);
        jw_key_lit(&w, "text");
        jw_str(&w, r->checks[i].text);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_key_lit(&w, "configuration");
    jw_array(&w);
    for (size_t i = 0; i < count; i++) {
        jw_object(&w);
        jw_key_lit(&w, "flag");
        jw_str(&w, str_of(rows[i].flag));
        jw_key_lit(&w, "value");
        jw_str(&w, config_value_text(r->args->config, r->args->arena, i));
        jw_key_lit(&w, "source");
        jw_str(&w, str_of(config_value_source(r->args->config, i)));
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    printf("%.*s\n", (int)b.len, b.ptr);
}

int cmd_doctor(struct cli_args *a)
{
    struct report r = { .args = a };
    bool json = cli_json(a), good = true;
    if (!cli_done(a))
        return EXIT_USAGE;
    crypto_init();
    check_folder(&r);
    check_server(&r);
    check_secrets(&r);
    check_database(&r);
    for (size_t i = 0; i < r.count; i++)
        good &= r.checks[i].good;
    if (json)
        print_json(&r);
    else
        print_text(&r);
    config_free(a->config);
    return good ? EXIT_OK : EXIT_FAILED;
}
