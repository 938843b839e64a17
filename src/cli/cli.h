/* The command line: a table of commands, each with its own --help. Exit codes: 0 ok, 1 failed, 2
 * usage.
 *
 * A command takes the configuration that its flags and the environment make, and what is left of
 * argv. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/config.h"
#include "base/cx.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct cli_args {
    struct config *config; /* the command's; it, or what it hands it to, frees it */
    struct arena *arena;
    int argc; /* what is left: words and the command's own flags */
    char **argv;
    int flags_argc; /* all that stood behind the command's name, as it was */
    char **flags_argv;
};
struct command {
    const char *name;
    const char *usage;   /* behind "opboxd name "; completion reads it (usage.h) */
    const char *summary; /* one line */
    const char *help;    /* flags and examples, or NULL */
    int (*run)(struct cli_args *a);
};
extern const struct command cli_commands[];
extern const size_t cli_commands_count;

int cli_main(int argc, char **argv);

/* ---- for commands ---- */
/* Takes --name VALUE or --name=VALUE out of the rest; absent: NULL. */
const char *cli_option(struct cli_args *a, const char *name);
bool cli_flag(struct cli_args *a, const char *name);
/* The next word, or NULL. A word that looks like a flag is a usage error, told by cli_done. */
const char *cli_word(struct cli_args *a);
/* False, with a sentence on stderr, when something is left. */
bool cli_done(struct cli_args *a);
/* A password: the value, the first line of stdin for "-", or of --password-file. False: told on
 * stderr. */
bool cli_password(struct cli_args *a, struct str *ret);
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* True: the command prints JSON. */
bool cli_json(struct cli_args *a);

/* ---- operations: remote.c, call.c ---- */
struct cli_call {
    const char *operation;
    struct str arguments; /* JSON object */
    const char *as;       /* e-mail, or NULL: the operator */
    const char *workspace;
    bool dry_run;
};
struct cli_answer {
    int status;
    struct str body; /* in the arena */
};
/* Through the control socket when a server holds the folder, else in this process. False: told. */
bool cli_operation(struct cli_args *a, const struct cli_call *c, struct cli_answer *ret);
bool cli_remote(struct cli_args *a, const struct cli_call *c, struct cli_answer *ret);
/* A stream of the server that holds the folder: fn gets the data of each event. Without a stream
 * (a refusal) the answer is in *ret. False: told. */
typedef void cli_event_fn(void *arg, struct str data);
bool cli_stream(struct cli_args *a, const struct cli_call *c, cli_event_fn *fn, void *arg,
                struct cli_answer *ret);
/* One question, its answer on stdout as it comes, what happens beside it on stderr; gives the exit
 * code. */
int cli_chat(struct cli_args *a, struct str question, const char *as, const char *workspace);
/* Prints the answer (stdout), or its error (stderr); gives the exit code. */
int cli_print_answer(struct cli_args *a, const struct cli_answer *answer, bool json);

/* ---- commands, by file ---- */
int cmd_serve(struct cli_args *a);
int cmd_init(struct cli_args *a);
int cmd_demo(struct cli_args *a);
int cmd_call(struct cli_args *a);
int cmd_chat(struct cli_args *a);
int cmd_user(struct cli_args *a);
int cmd_keys(struct cli_args *a);
int cmd_operations(struct cli_args *a);
int cmd_openapi(struct cli_args *a);
int cmd_access_matrix(struct cli_args *a);
int cmd_errors(struct cli_args *a);
int cmd_configuration(struct cli_args *a);
int cmd_man(struct cli_args *a);
int cmd_completion(struct cli_args *a);
int cmd_migrate(struct cli_args *a);
int cmd_backup(struct cli_args *a);
int cmd_restore(struct cli_args *a);
int cmd_log(struct cli_args *a);
int cmd_doctor(struct cli_args *a);
int cmd_version(struct cli_args *a);

#endif
