/* opboxd backup, restore and migrate. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "db/archive.h"
#include "db/migrate.h"

/* ---- backup ---- */

static bool absolute(struct cli_args *a, const char *file, struct str *ret)
{
    char here[PATH_MAX];
    if (file[0] == '/') {
        *ret = str_of(file);
        return true;
    }
    if (!getcwd(here, sizeof here))
        return false;
    *ret = str_fmt(a->arena, "%s/%s", here, file);
    return true;
}

int cmd_backup(struct cli_args *a)
{
    struct cli_call c = { .operation = "create_backup" };
    struct cli_answer answer;
    struct json j;
    struct json_fault fault;
    struct buf b;
    struct json_writer w;
    struct str path;
    const char *file = cli_word(a);
    if (!file || !absolute(a, file, &path)) {
        fprintf(stderr, "opboxd: backup needs the name of the file to write\n");
        return EXIT_USAGE;
    }
    if (!cli_done(a))
        return EXIT_USAGE;
    buf_init(&b, a->arena, 2 * PATH_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "file");
    jw_str(&w, path);
    jw_object_end(&w);
    c.arguments = buf_str(&b);
    if (!cli_operation(a, &c, &answer))
        return EXIT_FAILED;
    if (answer.status >= 400 || json_parse(a->arena, answer.body, NULL, &j, &fault) != OK)
        return cli_print_answer(a, &answer, false);
    printf("%.*s rows of %.*s tables, %.*s bytes\n", STR_ARG(json_get(&j, "rows")->text),
           STR_ARG(json_get(&j, "tables")->text), STR_ARG(json_get(&j, "bytes")->text));
    return EXIT_OK;
}

/* ---- restore ---- */

static void show_progress(int64_t rows, void *arg)
{
    (void)arg;
    if (isatty(STDERR_FILENO) && rows % 10000 == 0)
        fprintf(stderr, "\r%" PRId64 " rows", rows);
}

static void print_failure(const struct cx *cx, enum err e)
{
    const struct failure *f = &cx->failure;
    struct str text = str_given(f->message) ? f->message : str_of(err_info(e)->meaning);
    cli_fail("%.*s%s%.*s", STR_ARG(text), str_given(f->log_detail) ? " " : "",
             STR_ARG(f->log_detail));
}

static int restore_into(struct program *p, int fd)
{
    struct cx cx = { .arena = arena_new(0), .app = &p->app, .now_ms = clock_wall_ms() };
    struct db_archive_counts counts;
    char error[1000] = "";
    cx.principal.kind = PRINCIPAL_OPERATOR;
    enum err e = db_archive_read(&cx, fd, show_progress, NULL, &counts);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r");
    bool good = e == OK;
    if (!good) {
        print_failure(&cx, e);
    } else {
        printf("%" PRId64 " rows of %" PRId64 " tables restored\n", counts.rows, counts.tables);
        good = program_seal(p, error, sizeof error);
        if (!good)
            cli_fail("%s; the next start tries again", error);
    }
    arena_free(cx.arena);
    return good ? EXIT_OK : EXIT_FAILED;
}

int cmd_restore(struct cli_args *a)
{
    char error[4000] = "";
    struct program *p;
    const char *file = cli_word(a);
    if (!file) {
        fprintf(stderr, "opboxd: restore needs the name of a backup\n");
        return EXIT_USAGE;
    }
    if (!cli_done(a))
        return EXIT_USAGE;
    int fd = open(file, O_RDONLY | O_CLOEXEC), code = EXIT_FAILED;
    if (fd < 0)
        return cli_fail("%s cannot be opened: %s", file, strerror(errno));
    if (program_open(a->config, PROGRAM_RESTORE, &p, error, sizeof error)) {
        code = restore_into(p, fd);
        program_close(p);
    } else {
        cli_fail("%s", error);
    }
    close(fd);
    return code;
}

/* ---- migrate ---- */

int cmd_migrate(struct cli_args *a)
{
    char error[1000] = "";
    struct db *db = NULL;
    int applied, lock = -1, code = EXIT_FAILED;
    enum db_schema_state state;
    if (!cli_done(a))
        return EXIT_USAGE;
    crypto_init();
    if (!data_folder_make(a->config, error, sizeof error) ||
        (lock = data_folder_lock(a->config, error, sizeof error)) < 0 ||
        /* A folder that has a database has its secrets too; nodes of PostgreSQL are given theirs.
         */
        (!a->config->database.len && !secrets_complete(a->config, true, error, sizeof error)) ||
        !database_open(a->config, true, &db, error, sizeof error) ||
        db_schema_state(db, &state, error, sizeof error) != OK || state == DB_SCHEMA_NEWER ||
        state == DB_SCHEMA_ALTERED || db_migrate(db, &applied, error, sizeof error) != OK) {
        cli_fail("%s", error);
    } else {
        printf(applied ? "%d migrations applied\n" : "the database is up to date\n", applied);
        code = EXIT_OK;
    }
    db_close(db);
    if (lock >= 0)
        close(lock);
    config_free(a->config);
    return code;
}
