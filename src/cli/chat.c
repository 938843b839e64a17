/* opboxd chat: a question from the shell, its answer as it streams. The answer alone goes to
 * stdout, so that it can be piped; tools, cost and errors go to stderr. Nothing is kept: it has no
 * thread. */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/program.h"

enum { QUESTION_BYTES_MAX = 64 * 1024 };

struct answering {
    bool said, failed, finished, new_line;
    bool dim; /* stderr is a terminal */
};

static void beside(const struct answering *w, const char *text, struct str more)
{
    fprintf(stderr, w->dim ? "\x1b[2m%s%.*s\x1b[0m\n" : "%s%.*s\n", text, STR_ARG(more));
}

static void on_text(struct answering *w, struct str text)
{
    if (!text.len)
        return;
    fwrite(text.ptr, 1, text.len, stdout);
    fflush(stdout);
    w->said = true;
    w->new_line = text.ptr[text.len - 1] == '\n';
}

static void on_usage(struct answering *w, struct arena *a, const struct json *data)
{
    const struct json *cost = json_get(data, "costUsd");
    struct str provider = json_text(data, "provider");
    if (str_is(provider, "offline")) {
        beside(w, "offline assistant, no model: set a provider key for answers in its own words",
               STR(""));
        return;
    }
    struct str price = cost && cost->type == JSON_NUMBER ? str_fmt(a, "$%.*s", STR_ARG(cost->text))
                                                         : STR("no price");
    beside(w, "",
           str_fmt(a, "%.*s %.*s, %.*s", STR_ARG(provider), STR_ARG(json_text(data, "model")),
                   STR_ARG(price)));
}

static void on_part(struct answering *w, struct arena *a, const struct json *part)
{
    struct str type = json_text(part, "type");
    if (str_is(type, "text-delta")) {
        on_text(w, json_text(part, "delta"));
    } else if (str_is(type, "text-end") && !w->new_line && w->said) {
        on_text(w, STR("\n"));
    } else if (str_is(type, "tool-input-available")) {
        beside(w, "· ", json_text(part, "toolName"));
    } else if (str_is(type, "tool-output-error")) {
        beside(w, "  failed: ", json_text(part, "errorText"));
    } else if (str_is(type, "data-usage")) {
        on_usage(w, a, json_get(part, "data"));
    } else if (str_is(type, "error")) {
        fprintf(stderr, "opboxd: %.*s\n", STR_ARG(json_text(part, "errorText")));
        w->failed = true;
    }
}

static void on_event(void *arg, struct str data)
{
    struct answering *w = arg;
    struct arena *a = arena_new(0);
    struct json part;
    struct json_fault fault;
    if (str_is(data, "[DONE]"))
        w->finished = true;
    else if (json_parse(a, data, NULL, &part, &fault) == OK)
        on_part(w, a, &part);
    arena_free(a);
}

int cli_chat(struct cli_args *a, struct str question, const char *as, const char *workspace)
{
    struct answering w = { .dim = isatty(STDERR_FILENO) };
    struct cli_answer answer;
    struct json_writer json;
    struct buf b;
    buf_init(&b, a->arena, 8 * QUESTION_BYTES_MAX);
    jw_init(&json, &b);
    jw_object(&json);
    jw_key_lit(&json, "messages");
    jw_array(&json);
    jw_object(&json);
    jw_key_lit(&json, "role");
    jw_str(&json, STR("user"));
    jw_key_lit(&json, "content");
    jw_str(&json, question);
    jw_object_end(&json);
    jw_array_end(&json);
    jw_object_end(&json);
    struct cli_call c = {
        .operation = "send_chat", .arguments = buf_str(&b), .as = as, .workspace = workspace
    };
    if (!cli_stream(a, &c, on_event, &w, &answer))
        return EXIT_FAILED;
    if (answer.status != 200)
        return cli_print_answer(a, &answer, false);
    if (!w.finished && !w.failed)
        return cli_fail("the answer was cut off; ask again");
    return w.failed ? EXIT_FAILED : EXIT_OK;
}

/* The question: what is left of the line, or stdin for "-". */
static bool read_question(struct cli_args *a, struct str *ret)
{
    const char *word = cli_word(a);
    struct buf b;
    char piece[4096];
    size_t n;
    if (!word) {
        fprintf(stderr, "opboxd: chat needs a question: opboxd chat \"…\", or - for stdin\n");
        return false;
    }
    if (strcmp(word, "-") != 0) {
        *ret = str_of(word);
        return true;
    }
    buf_init(&b, a->arena, QUESTION_BYTES_MAX);
    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0)
        buf_put(&b, piece, n);
    *ret = str_trim(buf_str(&b));
    return !b.overflow;
}

int cmd_chat(struct cli_args *a)
{
    const char *as = cli_option(a, "--as"), *workspace = cli_option(a, "--workspace");
    struct str question;
    if (!read_question(a, &question) || !cli_done(a))
        return EXIT_USAGE;
    if (!utf8_valid(question) || !question.len)
        return cli_fail("the question must be text in UTF-8, of at most %d bytes",
                        QUESTION_BYTES_MAX);
    if (!data_folder_served(a->config))
        return cli_fail("no server holds %.*s; start it with `opboxd serve --data %.*s`",
                        STR_ARG(a->config->data), STR_ARG(a->config->data));
    int code = cli_chat(a, question, as, workspace);
    config_free(a->config);
    return code;
}
