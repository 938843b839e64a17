/* opboxd init and demo: the first organisation, its workspace, its OWNER. */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "cli/sample.h"
#include "cli/serve.h"
#include "http/http.h"
#include "op/call.h"
#include "op/registry.h"

struct first {
    struct str email, password, name, organization, workspace;
    bool sample;
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

/* One operation, in this process; `as` is an e-mail, or absent: the operator. */
static struct cli_answer run_named(struct cli_args *a, struct app *app, const char *name,
                                   struct str arguments, struct str as)
{
    struct call c = { 0 };
    struct json_fault fault;
    struct header header = { STR("x-opboxd-as"), as };
    call_init(&c, app, arena_new(0));
    c.op_named = registry_find(app->ops, str_of(name));
    assert(c.op_named);
    c.arguments = arena_new_of(c.cx.arena, struct json);
    json_parse(c.cx.arena, arguments, NULL, c.arguments, &fault);
    c.rq.face = FACE_LOOPBACK;
    c.rq.method = METHOD_POST;
    c.rq.headers = &header;
    c.rq.header_count = str_given(as) ? 1 : 0;
    call_run(&c);
    struct cli_answer answer = { c.reply.status, str_copy(a->arena, c.reply.body) };
    call_release(&c);
    arena_free(c.cx.arena);
    return answer;
}

static struct cli_answer add_sample(struct cli_args *a, struct app *app, struct str as)
{
    struct cli_answer answer = { .status = 200 };
    for (size_t i = sample_pages_count; i > 0 && answer.status < 400; i--) {
        struct buf b;
        struct json_writer w;
        buf_init(&b, a->arena, 64 * 1024);
        jw_init(&w, &b);
        jw_object(&w);
        put(&w, "title", str_of(sample_pages[i - 1].title));
        put(&w, "markdown", str_of(sample_pages[i - 1].markdown));
        jw_object_end(&w);
        answer = run_named(a, app, "create_document", buf_str(&b), as);
    }
    return answer;
}

/* The first of everything; an answer is printed only when it is an error. */
static int initialize(struct cli_args *a, struct config *config, const struct first *f)
{
    char error[4000] = "";
    struct program *p;
    if (!program_open(config, PROGRAM_SERVER, &p, error, sizeof error))
        return cli_fail("%s", error);
    struct cli_answer answer =
        run_named(a, &p->app, "initialize", arguments_of(a->arena, f), STR_NULL);
    if (answer.status < 400 && f->sample)
        answer = add_sample(a, &p->app, f->email);
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
    f.sample = cli_flag(a, "--sample");
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

/* The pages were written a moment ago: jobs put them into the index. */
static void wait_for_index(struct cli_args *a)
{
    struct cli_call c = { .operation = "search",
                          .arguments = STR("{\"q\":\"office rules fees\"}") };
    struct cli_answer answer;
    for (int i = 0; i < 50; i++) {
        if (!cli_remote(a, &c, &answer) ||
            str_find(answer.body, STR("\"kind\":\"document\"")) != SIZE_MAX)
            return;
        usleep(100 * 1000);
    }
}

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
    wait_for_index(&args);
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
        struct first f = { g.email,          random_password(a->arena),
                           STR("Owner"),     STR("Sample agency"),
                           STR("Visa desk"), true };
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
