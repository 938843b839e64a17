/* Commands that print what the program knows about itself; no database, no folder. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "op/registry.h"

enum { DOCUMENT_BYTES_MAX = 16 * 1024 * 1024 };

static int print_registry(struct cli_args *a,
                          void (*write)(const struct registry *r, struct buf *out))
{
    char error[4000] = "";
    struct buf b;
    struct registry *r = program_registry(error, sizeof error);
    config_free(a->config);
    if (!r)
        return cli_fail("%s", error);
    buf_init(&b, a->arena, DOCUMENT_BYTES_MAX);
    write(r, &b);
    registry_free(r);
    printf("%.*s\n", (int)b.len, b.ptr);
    return EXIT_OK;
}

static void write_operations(const struct registry *r, struct buf *out)
{
    for (size_t i = 0; i < registry_count(r); i++) {
        const struct op *op = registry_at(r, i);
        buf_printf(out, "%s%-26s %-12s %s", i ? "\n" : "", op->name, op->category,
                   op->http ? op->http : "-");
    }
}

static void write_openapi(const struct registry *r, struct buf *out)
{
    registry_openapi(r, STR_NULL, out);
}

int cmd_operations(struct cli_args *a)
{
    bool json = cli_json(a);
    if (!cli_done(a))
        return EXIT_USAGE;
    return print_registry(a, json ? registry_operations_json : write_operations);
}

int cmd_openapi(struct cli_args *a)
{
    return cli_done(a) ? print_registry(a, write_openapi) : EXIT_USAGE;
}

int cmd_access_matrix(struct cli_args *a)
{
    return cli_done(a) ? print_registry(a, registry_access_matrix) : EXIT_USAGE;
}

int cmd_errors(struct cli_args *a)
{
    if (!cli_done(a))
        return EXIT_USAGE;
    config_free(a->config);
    printf("# Error codes\n\nEvery error is "
           "`{\"success\":false,\"error\":…,\"code\":…,\"details\":{…}}`. "
           "Generated from the one list of errors.\n\n| code | status | again? | meaning |\n"
           "|---|---|---|---|\n");
    for (int e = 1; e < ERR_COUNT; e++) {
        const struct err_info *info = err_info((enum err)e);
        printf("| `%s` | %d | %s | %s |\n", info->code, info->http_status,
               info->retryable ? "yes" : "no", info->meaning);
    }
    return EXIT_OK;
}

int cmd_configuration(struct cli_args *a)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    if (!cli_done(a))
        return EXIT_USAGE;
    config_free(a->config);
    printf("# Configuration\n\nA flag wins over a variable, that over a line `flag-name = value` "
           "of the "
           "file that `--config` names,\nthat over the default. A secret's variable may end in "
           "`_FILE` "
           "and name a file. Rows marked ↻ take effect on SIGHUP.\n\n"
           "| flag | variable | default | what |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        if (!(rows[i].flags & CONFIG_HIDDEN))
            printf("| `%s` | `%s` | %s%s%s | %s%s |\n", rows[i].flag, rows[i].env,
                   rows[i].def[0] ? "`" : "", rows[i].def, rows[i].def[0] ? "`" : "", rows[i].doc,
                   rows[i].flags & CONFIG_RELOAD ? " ↻" : "");
    return EXIT_OK;
}

int cmd_version(struct cli_args *a)
{
    if (!cli_done(a))
        return EXIT_USAGE;
    config_free(a->config);
    printf("opboxd %s\n", OPBOXD_VERSION);
    return EXIT_OK;
}
