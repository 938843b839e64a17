/* Operations from the shell: through the running server, or through the gate in this process. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "op/call.h"
#include "op/registry.h"

enum { STDIN_BYTES_MAX = 16 * 1024 * 1024 };

/* ---- in this process ---- */

static void fill_headers(struct call *c, const struct cli_call *in)
{
    struct header *h = arena_array(c->cx.arena, 2, sizeof *h);
    size_t n = 0;
    if (in->as)
        h[n++] = (struct header){ STR("x-opboxd-as"), str_of(in->as) };
    if (in->workspace)
        h[n++] = (struct header){ STR("x-workspace-id"), str_of(in->workspace) };
    c->rq.headers = h;
    c->rq.header_count = n;
}

static bool run_here(struct cli_args *a, const struct cli_call *in, struct program *p,
                     struct cli_answer *ret)
{
    struct call c = { 0 };
    struct json_fault fault;
    call_init(&c, &p->app, arena_new(0));
    c.op_named = registry_find(p->app.ops, str_of(in->operation));
    c.arguments = arena_new_of(c.cx.arena, struct json);
    c.rq.face = FACE_LOOPBACK;
    c.rq.method = METHOD_POST;
    c.dry_run = in->dry_run;
    fill_headers(&c, in);
    bool good = json_parse(c.cx.arena, in->arguments, NULL, c.arguments, &fault) == OK;
    if (!good)
        cli_fail("the arguments are not JSON: %s at byte %zu", fault.message, fault.offset);
    else if (!c.op_named)
        cli_fail("there is no operation %s; `opboxd operations` lists them", in->operation);
    else
        call_run(&c);
    good = good && c.op_named;
    if (good) {
        struct str body = c.reply.kind == REPLY_DOWNLOAD ? c.reply.download->bytes : c.reply.body;
        *ret = (struct cli_answer){ c.reply.status, str_copy(a->arena, body) };
    }
    call_release(&c);
    arena_free(c.cx.arena);
    return good;
}

bool cli_operation(struct cli_args *a, const struct cli_call *c, struct cli_answer *ret)
{
    char error[1000] = "";
    struct program *p;
    if (data_folder_served(a->config)) {
        bool got = cli_remote(a, c, ret);
        config_free(a->config);
        return got;
    }
    if (!program_open(a->config, PROGRAM_COMMAND, &p, error, sizeof error)) {
        cli_fail("%s", error);
        return false;
    }
    bool got = run_here(a, c, p, ret);
    program_close(p);
    return got;
}

/* ---- answers ---- */

static void print_error(struct cli_args *a, const struct json *j)
{
    struct str error = json_text(j, "error");
    const struct json *fields = json_get(json_get(j, "details"), "fieldErrors");
    fprintf(stderr, "opboxd: %.*s\n", STR_ARG(error));
    for (uint32_t i = 0; fields && i < fields->count; i++)
        for (uint32_t k = 0; k < fields->members[i].value.count; k++)
            fprintf(stderr, "  %.*s: %.*s\n", STR_ARG(fields->members[i].key),
                    STR_ARG(fields->members[i].value.items[k].text));
    (void)a;
}

int cli_print_answer(struct cli_args *a, const struct cli_answer *answer, bool json)
{
    struct json j;
    struct json_fault fault;
    bool good = answer->status < 400;
    if (good || json) {
        printf("%.*s\n", STR_ARG(answer->body));
        return good ? EXIT_OK : EXIT_FAILED;
    }
    if (json_parse(a->arena, answer->body, NULL, &j, &fault) == OK)
        print_error(a, &j);
    else
        fprintf(stderr, "%.*s\n", STR_ARG(answer->body));
    return EXIT_FAILED;
}

/* ---- opboxd call ---- */

static bool read_stdin(struct cli_args *a, struct str *ret)
{
    struct buf b;
    char piece[4096];
    size_t n;
    buf_init(&b, a->arena, STDIN_BYTES_MAX);
    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0)
        buf_put(&b, piece, n);
    *ret = buf_str(&b);
    return !b.overflow;
}

int cmd_call(struct cli_args *a)
{
    struct cli_call c = { .operation = cli_word(a), .arguments = STR("{}") };
    struct cli_answer answer;
    const char *json = cli_option(a, "--json");
    c.as = cli_option(a, "--as");
    c.workspace = cli_option(a, "--workspace");
    c.dry_run = cli_flag(a, "--dry-run");
    if (!c.operation) {
        fprintf(stderr,
                "opboxd: call needs the name of an operation; `opboxd operations` lists them\n");
        return EXIT_USAGE;
    }
    if (!cli_done(a))
        return EXIT_USAGE;
    if (json && strcmp(json, "-") == 0) {
        if (!read_stdin(a, &c.arguments))
            return cli_fail("the arguments are larger than 16 MiB");
    } else if (json) {
        c.arguments = str_of(json);
    }
    return cli_operation(a, &c, &answer) ? cli_print_answer(a, &answer, false) : EXIT_FAILED;
}

/* ---- opboxd user ---- */

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    if (!str_given(value))
        return;
    jw_key(w, str_of(key));
    jw_str(w, value);
}

enum user_takes { TAKES_PASSWORD = 1, TAKES_ROLE = 2 };

static int user_write(struct cli_args *a, const char *operation, unsigned takes)
{
    struct buf b;
    struct json_writer w;
    struct str password;
    struct cli_call c = { .operation = operation };
    struct cli_answer answer;
    buf_init(&b, a->arena, 16 * 1024);
    jw_init(&w, &b);
    jw_object(&w);
    put_text(&w, "email", str_of(cli_option(a, "--email")));
    if (takes & TAKES_ROLE) {
        put_text(&w, "name", str_of(cli_option(a, "--name")));
        put_text(&w, "role", str_of(cli_option(a, "--role")));
    }
    if (takes & TAKES_PASSWORD) {
        if (!cli_password(a, &password))
            return EXIT_USAGE;
        put_text(&w, "password", password);
    }
    if (!cli_done(a))
        return EXIT_USAGE;
    jw_object_end(&w);
    c.arguments = buf_str(&b);
    if (!cli_operation(a, &c, &answer))
        return EXIT_FAILED;
    if (answer.status >= 400)
        return cli_print_answer(a, &answer, false);
    printf("done\n");
    return EXIT_OK;
}

static int user_list(struct cli_args *a)
{
    struct cli_call c = { .operation = "list_users", .arguments = STR("{}") };
    struct cli_answer answer;
    struct json j;
    struct json_fault fault;
    bool json = cli_json(a);
    if (!cli_done(a))
        return EXIT_USAGE;
    if (!cli_operation(a, &c, &answer))
        return EXIT_FAILED;
    if (json || answer.status >= 400 || json_parse(a->arena, answer.body, NULL, &j, &fault) != OK)
        return cli_print_answer(a, &answer, json);
    const struct json *users = json_get(&j, "users");
    for (uint32_t i = 0; users && i < users->count; i++)
        printf("%-40.*s %-24.*s %.*s\n", STR_ARG(json_text(&users->items[i], "email")),
               STR_ARG(json_text(&users->items[i], "name")),
               STR_ARG(json_text(&users->items[i], "role")));
    return EXIT_OK;
}

int cmd_user(struct cli_args *a)
{
    const char *verb = cli_word(a);
    if (verb && strcmp(verb, "add") == 0)
        return user_write(a, "add_user", TAKES_PASSWORD | TAKES_ROLE);
    if (verb && strcmp(verb, "passwd") == 0)
        return user_write(a, "set_user_password", TAKES_PASSWORD);
    if (verb && strcmp(verb, "reset-2fa") == 0)
        return user_write(a, "reset_user_totp", 0);
    if (verb && strcmp(verb, "list") == 0)
        return user_list(a);
    fprintf(stderr, "opboxd: user is followed by add, passwd, reset-2fa or list\n");
    return EXIT_USAGE;
}
