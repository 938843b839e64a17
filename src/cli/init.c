/* opboxd init and demo: the first organisation, its workspace, its OWNER. */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "cli/serve.h"
#include "http/http.h"
#include "op/call.h"
#include "op/registry.h"

struct first {
    struct str email, password, name, organization, workspace;
};

static void put(struct json_writer *w, const char *key, struct str value)
{
    jw_key(w, str_of(key));
    jw_str(w, value);
}

static struct str arguments_of(struct arena *a, const struct first *f)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, a, 16 * 1024);
    jw_init(&w, &b);
    jw_object(&w);
    put(&w, "email", f->email);
    put(&w, "password", f->password);
    put(&w, "name", f->name);
    put(&w, "organization", f->organization);
    put(&w, "workspace", f->workspace);
    jw_object_end(&w);
    return buf_str(&b);
}

/* Runs `initialize` in this process; the answer is printed only when it is an error. */
static int initialize(struct cli_args *a, struct config *config, const struct first *f)
{
    char error[4000] = "";
    struct program *p;
    struct call c = { 0 };
    struct json_fault fault;
    if (!program_open(config, PROGRAM_SERVER, &p, error, sizeof error))
        return cli_fail("%s", error);
    call_init(&c, &p->app, arena_new(0));
    c.op_named = registry_find(p->app.ops, STR("initialize"));
    assert(c.op_named);
    c.arguments = arena_new_of(c.cx.arena, struct json);
    json_parse(c.cx.arena, arguments_of(c.cx.arena, f), NULL, c.arguments, &fault);
    c.rq.face = FACE_LOOPBACK;
    c.rq.method = METHOD_POST;
    call_run(&c);
    struct cli_answer answer = { c.reply.status, str_copy(a->arena, c.reply.body) };
    call_release(&c);
    arena_free(c.cx.arena);
    program_close(p);
    return answer.status < 400 ? EXIT_OK : cli_print_answer(a, &answer, false);
}

static struct str or_default(const char *given, const char *otherwise)
{
    return str_of(given ? given : otherwise);
}

int cmd_init(struct cli_args *a)
{
    struct first f = { .email = str_of(cli_option(a, "--email")) };
    f.name = or_default(cli_option(a, "--name"), "Owner");
    f.organization = or_default(cli_option(a, "--organization"), "My organisation");
    f.workspace = or_default(cli_option(a, "--workspace"), "Main");
    cli_flag(a, "--sample"); /* the sample workspace comes with the areas that it shows */
    if (!str_given(f.email)) {
        fprintf(stderr, "opboxd: --email is needed\n");
        return EXIT_USAGE;
    }
    if (!cli_password(a, &f.password) || !cli_done(a))
        return EXIT_USAGE;
    struct str data = str_copy(a->arena, a->config->data);
    int code = initialize(a, a->config, &f);
    if (code == EXIT_OK)
        printf("The workspace is ready in %.*s. Start it with:\n  opboxd serve --data %.*s\n",
               STR_ARG(data), STR_ARG(data));
    return code;
}

/* ---- demo ---- */

static struct str random_password(struct arena *a)
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
    uint8_t raw[16];
    char *out = arena_alloc(a, sizeof raw + 1);
    random_bytes(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++)
        out[i] = letters[raw[i] % (sizeof letters - 1)];
    return (struct str){ out, sizeof raw };
}

/* Worth asking of the sample workspace. */
#define FIRST_QUESTION STR("What does a visa for Spain cost, and which documents are needed?")

struct greeting {
    struct cli_args *args;
    struct str listen, email, password;
};

static void greet(struct program *p, void *arg)
{
    const struct greeting *g = arg;
    printf("\n  opboxd serves http://%.*s\n", STR_ARG(g->listen));
    if (str_given(g->password))
        printf("  sign in as %.*s with the password %.*s (said only now)\n", STR_ARG(g->email),
               STR_ARG(g->password));
    printf("  the API is described at http://%.*s/api/openapi.json; Ctrl-C stops\n\n",
           STR_ARG(g->listen));
    fflush(stdout);
    if (!str_given(g->password))
        return;
    struct cli_args args = { .config = p->config, .arena = g->args->arena };
    struct str question = FIRST_QUESTION;
    printf("  > %.*s\n\n", STR_ARG(question));
    fflush(stdout);
    cli_chat(&args, question, str_cstr(args.arena, g->email), NULL);
    printf("\n");
    fflush(stdout);
}

int cmd_demo(struct cli_args *a)
{
    char path[1024], error[1000];
    struct greeting g = { .args = a,
                          .listen = str_copy(a->arena, a->config->listen),
                          .email = STR("owner@example.com") };
    struct serve_args args = {
        .argc = a->flags_argc, .argv = a->flags_argv, .on_ready = greet, .arg = &g
    };
    if (!cli_done(a))
        return EXIT_USAGE;
    data_path(a->config, "opboxd.db", path, sizeof path);
    if (access(path, F_OK) != 0 && !a->config->database.len) {
        struct first f = { g.email, random_password(a->arena), STR("Owner"), STR("Sample agency"),
                           STR("Visa desk") };
        struct config *again;
        int rest, code;
        if (!config_load(a->flags_argc, a->flags_argv, 0, &rest, &again, error, sizeof error))
            return cli_fail("%s", error);
        code = initialize(a, again, &f);
        if (code != EXIT_OK)
            return code;
        g.password = f.password;
    }
    return serve_until_signal(a->config, &args);
}
