/* opboxd keys rotate. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"

/* The server reads the file, so it gets the whole path; the key itself is not sent. */
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

static struct str arguments(struct cli_args *a, struct str file, bool accept_loss)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, a->arena, 2 * PATH_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    if (str_given(file)) {
        jw_key_lit(&w, "file");
        jw_str(&w, file);
    }
    if (accept_loss) {
        jw_key_lit(&w, "acceptLoss");
        jw_bool(&w, true);
    }
    jw_object_end(&w);
    return buf_str(&b);
}

static int rotate(struct cli_args *a)
{
    struct cli_call c = { .operation = "rotate_root_key" };
    struct cli_answer answer;
    struct json j;
    struct json_fault fault;
    struct str path = STR_NULL;
    const char *file = cli_option(a, "--new-root-key-file");
    bool json = cli_json(a), accept_loss = cli_flag(a, "--accept-loss");
    if (!cli_done(a))
        return EXIT_USAGE;
    if (!file)
        file = getenv("OPBOXD_NEW_ROOT_KEY_FILE");
    if (file && !absolute(a, file, &path))
        return cli_fail("the working folder cannot be found; give the whole path of the file");
    c.arguments = arguments(a, path, accept_loss);
    if (!cli_operation(a, &c, &answer))
        return EXIT_FAILED;
    if (json || answer.status >= 400 || json_parse(a->arena, answer.body, NULL, &j, &fault) != OK)
        return cli_print_answer(a, &answer, json);
    printf("%.*s data keys are wrapped under root key %.*s. %.*s\n",
           STR_ARG(json_get(&j, "rewrapped")->text), STR_ARG(json_text(&j, "rootKeyId")),
           STR_ARG(json_text(&j, "next")));
    return EXIT_OK;
}

int cmd_keys(struct cli_args *a)
{
    const char *verb = cli_word(a);
    if (verb && strcmp(verb, "rotate") == 0)
        return rotate(a);
    fprintf(stderr, "opboxd: keys is followed by rotate\n");
    return EXIT_USAGE;
}
