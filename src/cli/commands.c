/* The table of commands, and what is common to them: help, options, passwords.
 *
 * Invariant: a command that returns EXIT_USAGE has said on stderr what is wrong. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"

const struct command cli_commands[] = {
    { "demo", "[--data DIR] [--listen ADDRESS]",
      "Make a workspace when there is none, and serve it",
      "Prints the sign-in. Ctrl-C stops; run again, it keeps the data and starts.", cmd_demo },
    { "serve", "[--listen ADDRESS] [--data DIR] [--database URL] …",
      "Run the server in the foreground",
      "Ready when GET /readyz answers 200. SIGTERM drains and ends, SIGHUP reloads the log level, "
      "trusted\n"
      "proxies and origins.",
      cmd_serve },
    { "init", "--email E --password P [--name N] [--organization O] [--workspace W] [--sample]",
      "Make the organisation, its workspace and their OWNER",
      "--password - reads the password from stdin, --password-file F from a file. --sample puts "
      "pages of a\n"
      "visa agency into the workspace.",
      cmd_init },
    { "user", "add|passwd|reset-2fa|list …", "People: add, set a password, list",
      "  user add --email E --password P [--name N] [--role OWNER|ADMIN|MEMBER|VIEWER]\n"
      "  user passwd --email E --password P      ends all sessions of the user\n"
      "  user reset-2fa --email E                for who lost device and recovery codes\n"
      "  user list [--json]",
      cmd_user },
    { "call", "OPERATION [--json '{…}'] [--as EMAIL] [--workspace ID] [--dry-run]",
      "Run any operation through the gate",
      "Without --as the operator acts, with the rights of an OWNER. --json - reads the arguments "
      "from\n"
      "stdin. --dry-run runs a write, prints its answer and rolls it back.",
      cmd_call },
    { "chat", "\"QUESTION\" [--as EMAIL] [--workspace ID]",
      "Ask the assistant, and see the answer stream",
      "The answer goes to stdout, what happens beside it to stderr. - reads the question from "
      "stdin.\n"
      "Needs a running server. Nothing is kept.",
      cmd_chat },
    { "keys", "rotate [--new-root-key-file F] [--accept-loss] [--json]",
      "Change the root key that wraps stored credentials",
      "Works while the server runs, without a failed request. Without a file a new key is made and "
      "kept\n"
      "in the data folder. With PostgreSQL start every node with the next key as OPBOXD_ROOT_KEY "
      "and the\n"
      "former as OPBOXD_OLD_ROOT_KEY first, then rotate on one of them, then drop the former.",
      cmd_keys },
    { "operations", "[--json]", "List the catalogue of operations", NULL, cmd_operations },
    { "openapi", "", "Print the OpenAPI document", NULL, cmd_openapi },
    { "access-matrix", "", "Print who may call what", NULL, cmd_access_matrix },
    { "errors", "", "Print the list of error codes", NULL, cmd_errors },
    { "configuration", "", "Print the table of flags and variables", NULL, cmd_configuration },
    { "man", "1|5", "Print a manual page: the commands, or the settings",
      "  opboxd man 1 | man -l -", cmd_man },
    { "completion", "bash|zsh", "Print what completes commands in a shell",
      "  source <(opboxd completion bash)", cmd_completion },
    { "migrate", "[--data DIR] [--database URL]", "Bring the database up to this program", NULL,
      cmd_migrate },
    { "backup", "FILE", "Write a backup that restores into either engine",
      "Works while the server runs. The file holds what is stored sealed, and no root key.",
      cmd_backup },
    { "restore", "FILE", "Load a backup into an empty data folder or database",
      "All sessions end, and what was under way is marked as interrupted.", cmd_restore },
    { "log", "verify|export …", "Verify the sealed log of deeds, or write it to a file",
      "  log verify [--checkpoints FILE] [--json]   names the first break; exit code 1 when there "
      "is one\n"
      "  log verify --export FILE [--json]          an exported log, without database or keys\n"
      "  log export FILE [--workspace ID]           rows and checkpoints, a line of JSON each",
      cmd_log },
    { "doctor", "[--json]", "Show the configuration and check what can be checked", NULL,
      cmd_doctor },
    { "version", "", "Print the version", NULL, cmd_version },
};
const size_t cli_commands_count = sizeof cli_commands / sizeof *cli_commands;

/* ---- help ---- */

static void print_configuration_flags(void)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    printf("\nConfiguration (flag, or variable; `opboxd configuration` has all of it):\n");
    for (size_t i = 0; i < count; i++)
        if (!(rows[i].flags & CONFIG_HIDDEN))
            printf("  %-28s %s\n", rows[i].flag, rows[i].doc);
}

static int print_help(FILE *to)
{
    fprintf(to, "opboxd %s: self-hosted AI operations backend\n\nUsage: opboxd COMMAND …\n\n",
            OPBOXD_VERSION);
    for (size_t i = 0; i < cli_commands_count; i++)
        fprintf(to, "  %-14s %s\n", cli_commands[i].name, cli_commands[i].summary);
    fprintf(to, "\n`opboxd COMMAND --help` says more.\n");
    return to == stdout ? EXIT_OK : EXIT_USAGE;
}

static int print_command_help(const struct command *c)
{
    printf("%s\n\nUsage: opboxd %s %s\n", c->summary, c->name, c->usage);
    if (c->help)
        printf("\n%s\n", c->help);
    print_configuration_flags();
    return EXIT_OK;
}

/* ---- options ---- */

static void drop(struct cli_args *a, int at, int count)
{
    for (int i = at; i + count < a->argc; i++)
        a->argv[i] = a->argv[i + count];
    a->argc -= count;
}

const char *cli_option(struct cli_args *a, const char *name)
{
    size_t len = strlen(name);
    for (int i = 0; i < a->argc; i++) {
        char *word = a->argv[i];
        if (strcmp(word, name) == 0 && i + 1 < a->argc) {
            char *value = a->argv[i + 1];
            drop(a, i, 2);
            return value;
        }
        if (strncmp(word, name, len) == 0 && word[len] == '=') {
            drop(a, i, 1);
            return word + len + 1;
        }
    }
    return NULL;
}

bool cli_flag(struct cli_args *a, const char *name)
{
    for (int i = 0; i < a->argc; i++) {
        if (strcmp(a->argv[i], name) != 0)
            continue;
        drop(a, i, 1);
        return true;
    }
    return false;
}

bool cli_json(struct cli_args *a)
{
    return cli_flag(a, "--json");
}

const char *cli_word(struct cli_args *a)
{
    if (a->argc == 0 || a->argv[0][0] == '-')
        return NULL;
    const char *word = a->argv[0];
    drop(a, 0, 1);
    return word;
}

bool cli_done(struct cli_args *a)
{
    if (a->argc == 0)
        return true;
    fprintf(stderr, "opboxd: %s is not understood here; --help shows what is\n", a->argv[0]);
    return false;
}

int cli_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "opboxd: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    return EXIT_FAILED;
}

static bool first_line(FILE *f, struct arena *arena, struct str *ret)
{
    char line[1100];
    bool got = f && fgets(line, sizeof line, f);
    if (got) {
        line[strcspn(line, "\r\n")] = '\0';
        *ret = str_copy(arena, str_of(line));
    }
    bytes_wipe(line, sizeof line);
    return got;
}

bool cli_password(struct cli_args *a, struct str *ret)
{
    const char *value = cli_option(a, "--password"), *file = cli_option(a, "--password-file");
    if (file) {
        FILE *f = fopen(file, "re");
        bool got = first_line(f, a->arena, ret);
        if (f)
            fclose(f);
        if (!got)
            fprintf(stderr, "opboxd: no password can be read from %s\n", file);
        return got;
    }
    if (value && strcmp(value, "-") == 0) {
        if (first_line(stdin, a->arena, ret))
            return true;
        fprintf(stderr, "opboxd: no password on stdin\n");
        return false;
    }
    if (!value) {
        fprintf(stderr,
                "opboxd: --password is needed (a value, - for stdin, or --password-file F)\n");
        return false;
    }
    *ret = str_of(value);
    return true;
}

/* ---- main ---- */

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < cli_commands_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static void begin_log(const struct config *c)
{
    enum log_level level = LOG_INFO;
    bool json = str_is(c->log_format, "json") || (!c->log_format.len && !isatty(STDERR_FILENO));
    log_level_parse(c->log_level, &level);
    log_init(json ? LOG_JSON : LOG_TEXT, level);
}

/* config_load takes its flags out of argv: SIGHUP needs them once more. */
static void keep_flags(struct cli_args *a, int argc, char **argv)
{
    a->flags_argv = arena_array(a->arena, (size_t)argc + 1, sizeof *a->flags_argv);
    for (; a->flags_argc < argc; a->flags_argc++)
        a->flags_argv[a->flags_argc] = argv[a->flags_argc];
}

int cli_main(int argc, char **argv)
{
    char error[1000] = "";
    struct cli_args a = { .argv = argv + 2 };
    secret_forbid_dumps();
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return print_help(argc < 2 ? stderr : stdout);
    const struct command *c = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!c) {
        fprintf(stderr, "opboxd: there is no command %s; `opboxd help` lists them\n", argv[1]);
        return EXIT_USAGE;
    }
    if (wants_help(argc, argv))
        return print_command_help(c);
    a.arena = arena_new(0);
    keep_flags(&a, argc - 2, argv + 2);
    if (!config_load(argc, argv, 2, &a.argc, &a.config, error, sizeof error)) {
        fprintf(stderr, "opboxd: %s\n", error);
        arena_free(a.arena);
        /* The sentence begins with what is wrong: a flag, or a variable, file or line. */
        return strncmp(error, "--", 2) == 0 ? EXIT_USAGE : EXIT_FAILED;
    }
    begin_log(a.config);
    int code = c->run(&a);
    arena_free(a.arena);
    return code;
}
