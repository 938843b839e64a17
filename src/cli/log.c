/* opboxd log verify, opboxd log export. Through the running server, or in this process. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/export.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/json.h"
#include "cli/cli.h"

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

static struct str arguments(struct cli_args *a, const char *key, struct str path,
                            const char *workspace)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, a->arena, 3 * PATH_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    if (str_given(path)) {
        jw_key(&w, str_of(key));
        jw_str(&w, path);
    }
    if (workspace) {
        jw_key_lit(&w, "workspaceId");
        jw_str(&w, str_of(workspace));
    }
    jw_object_end(&w);
    return buf_str(&b);
}

static int64_t number(const struct json *j, const char *key)
{
    int64_t v = 0;
    const struct json *n = json_get(j, key);
    return n && json_to_i64(n, &v) ? v : 0;
}

/* ---- verify ---- */

static void print_breaks(const struct json *j)
{
    const struct json *breaks = json_get(j, "breaks");
    for (uint32_t i = 0; breaks && i < breaks->count; i++) {
        const struct json *b = &breaks->items[i];
        struct str workspace = json_text(b, "workspaceId");
        printf("%s %.*s%s%.*s: %.*s\n", i ? "also  " : "BROKEN", STR_ARG(json_text(b, "kind")),
               workspace.len ? " in " : "", STR_ARG(workspace), STR_ARG(json_text(b, "message")));
    }
}

static void print_report(const struct json *j)
{
    print_breaks(j);
    printf("%lld rows of %lld chains, %lld checkpoints, %lld lines of files, in %lld ms "
           "(%lld rows a second)\n",
           (long long)number(j, "events"), (long long)number(j, "chains"),
           (long long)number(j, "checkpoints"), (long long)number(j, "fileLines"),
           (long long)number(j, "durationMs"), (long long)number(j, "eventsPerSecond"));
    printf("not proved: %lld rows that wait for their seal, %lld that wait for a checkpoint\n",
           (long long)number(j, "unsealed"), (long long)number(j, "unsigned"));
    if (number(j, "generations") > 1)
        printf("the log began %lld times (a restored backup, a lost key: see LOG_REANCHORED); "
               "%lld lines of files are of what a restore did not bring back\n",
               (long long)number(j, "generations"), (long long)number(j, "superseded"));
    if (number(j, "retired"))
        printf("%lld lines of files are of what retention has removed\n",
               (long long)number(j, "retired"));
    if (json_get(j, "ok")->boolean)
        printf("the log holds\n");
}

static int verify_export(struct cli_args *a, const char *file, bool json)
{
    struct cx cx = { .arena = a->arena };
    struct export_report r;
    char key[2 * ED25519_PUBLIC_BYTES];
    crypto_init();
    config_free(a->config);
    if (export_verify(&cx, str_of(file), &r) != OK)
        return cli_fail("%.*s", STR_ARG(cx.failure.message));
    hex_encode(r.first_key, sizeof r.first_key, key);
    if (json)
        printf("{\"ok\":%s,\"rows\":%lld,\"chains\":%lld,\"checkpoints\":%lld,"
               "\"firstCheckpoint\":\"%lld/%lld\",\"firstKey\":\"%.*s\","
               "\"line\":%lld,\"message\":\"%s\"}\n",
               r.broken ? "false" : "true", (long long)r.rows, (long long)r.chains,
               (long long)r.checkpoints, (long long)r.first_generation, (long long)r.first_number,
               (int)sizeof key, key, (long long)r.line, r.broken ? r.broken : "");
    else if (r.broken)
        printf("BROKEN at line %lld: %s\n", (long long)r.line, r.broken);
    else
        printf(
            "%lld rows of %lld chains and %lld checkpoints hold; the first checkpoint, %lld/%lld, "
            "is signed by %.*s\n",
            (long long)r.rows, (long long)r.chains, (long long)r.checkpoints,
            (long long)r.first_generation, (long long)r.first_number, (int)sizeof key, key);
    return r.broken ? EXIT_FAILED : EXIT_OK;
}

static int log_verify(struct cli_args *a)
{
    struct cli_call c = { .operation = "verify_log" };
    struct cli_answer answer;
    struct json j;
    struct json_fault fault;
    struct str path = STR_NULL;
    const char *file = cli_option(a, "--checkpoints"), *export = cli_option(a, "--export");
    bool json = cli_json(a);
    if (!cli_done(a))
        return EXIT_USAGE;
    if (export)
        return verify_export(a, export, json);
    if (file && !absolute(a, file, &path))
        return EXIT_USAGE;
    c.arguments = arguments(a, "checkpoints", path, NULL);
    if (!cli_operation(a, &c, &answer))
        return EXIT_FAILED;
    if (answer.status >= 400 || json_parse(a->arena, answer.body, NULL, &j, &fault) != OK)
        return cli_print_answer(a, &answer, json);
    if (json)
        printf("%.*s\n", STR_ARG(answer.body));
    else
        print_report(&j);
    return json_get(&j, "ok")->boolean ? EXIT_OK : EXIT_FAILED;
}

/* ---- export ---- */

static int log_export(struct cli_args *a)
{
    struct cli_call c = { .operation = "export_log" };
    struct cli_answer answer;
    struct json j;
    struct json_fault fault;
    struct str path;
    const char *workspace = cli_option(a, "--workspace"), *file = cli_word(a);
    bool json = cli_json(a);
    if (!file || !absolute(a, file, &path)) {
        fprintf(stderr, "opboxd: log export needs the name of the file to write\n");
        return EXIT_USAGE;
    }
    if (!cli_done(a))
        return EXIT_USAGE;
    c.arguments = arguments(a, "file", path, workspace);
    if (!cli_operation(a, &c, &answer))
        return EXIT_FAILED;
    if (json || answer.status >= 400 || json_parse(a->arena, answer.body, NULL, &j, &fault) != OK)
        return cli_print_answer(a, &answer, json);
    printf("%lld rows, %lld checkpoints, %lld bytes\n", (long long)number(&j, "rows"),
           (long long)number(&j, "checkpoints"), (long long)number(&j, "bytes"));
    return EXIT_OK;
}

int cmd_log(struct cli_args *a)
{
    const char *verb = cli_word(a);
    if (verb && strcmp(verb, "verify") == 0)
        return log_verify(a);
    if (verb && strcmp(verb, "export") == 0)
        return log_export(a);
    fprintf(stderr, "opboxd: log is followed by verify or export\n");
    return EXIT_USAGE;
}
