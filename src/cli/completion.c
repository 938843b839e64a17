/* opboxd completion bash|zsh: the script that completes commands, their words, flags, operations
 * and what flags take, from the tables of this program.
 *
 * What a flag takes is known by its name in the usage: FILE and F are files, DIR a folder,
 * OPERATION one of the catalogue, A|B one of these; of the settings by their row. */
#include <stdio.h>

#include "base/config.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "cli/usage.h"
#include "op/registry.h"

enum value_kind { VALUE_NONE = 1, VALUE_ANY, VALUE_FILE, VALUE_DIR, VALUE_OPERATION, VALUE_WORDS };

struct value {
    enum value_kind kind;
    struct str words; /* separated by | or ", " */
};

static struct value value_of_usage(struct str name)
{
    if (!str_given(name))
        return (struct value){ VALUE_NONE, STR_NULL };
    if (str_is(name, "FILE") || str_is(name, "F"))
        return (struct value){ VALUE_FILE, STR_NULL };
    if (str_is(name, "DIR"))
        return (struct value){ VALUE_DIR, STR_NULL };
    if (str_is(name, "OPERATION"))
        return (struct value){ VALUE_OPERATION, STR_NULL };
    if (str_find_byte(name, '|') != SIZE_MAX)
        return (struct value){ VALUE_WORDS, name };
    return (struct value){ VALUE_ANY, STR_NULL };
}

static struct value value_of_setting(const struct config_row *r, size_t row)
{
    const char *choices = config_row_choices(row);
    if (choices)
        return (struct value){ VALUE_WORDS, str_of(choices) };
    if (strcmp(r->type, "BOOL") == 0)
        return (struct value){ VALUE_NONE, STR_NULL };
    if (str_ends(str_of(r->flag), STR("-file")))
        return (struct value){ VALUE_FILE, STR_NULL };
    if (strcmp(r->flag, "--data") == 0)
        return (struct value){ VALUE_DIR, STR_NULL };
    return (struct value){ VALUE_ANY, STR_NULL };
}

/* What the first word may be. */
static struct value first_of(const struct usage *u)
{
    return str_given(u->words) ? (struct value){ VALUE_WORDS, u->words } : value_of_usage(u->value);
}

/* Words that | or ", " separates, with spaces between. */
static void print_words(struct str words)
{
    for (size_t i = 0; i < words.len; i++)
        if (words.ptr[i] != ',')
            putchar(words.ptr[i] == '|' ? ' ' : words.ptr[i]);
}

static void print_operations(const struct registry *r)
{
    for (size_t i = 0; i < registry_count(r); i++)
        printf("%s%s", i ? " " : "", registry_at(r, i)->name);
}

/* ---- bash ---- */

static void bash_kind(struct value v)
{
    static const char *const names[] = { [VALUE_ANY] = "any",
                                         [VALUE_FILE] = "file",
                                         [VALUE_DIR] = "dir",
                                         [VALUE_OPERATION] = "operation" };
    if (v.kind == VALUE_WORDS) {
        putchar('\'');
        print_words(v.words);
        putchar('\'');
    } else if (v.kind != VALUE_NONE) {
        fputs(names[v.kind], stdout);
    }
}

/* A branch of `case $previous`. */
static void bash_flag(const char *indent, struct str name, struct value v)
{
    if (v.kind == VALUE_NONE)
        return;
    printf("%s%.*s) value=", indent, STR_ARG(name));
    bash_kind(v);
    printf(" ;;\n");
}

static void bash_command(const struct command *c)
{
    struct usage u;
    usage_read(c, &u);
    printf("    %s)\n        flags='", c->name);
    for (size_t i = 0; i < u.count; i++)
        printf("%s%.*s", i ? " " : "", STR_ARG(u.flags[i].name));
    printf("'");
    if (str_given(u.words) || str_given(u.value)) {
        printf(" first=");
        bash_kind(first_of(&u));
    }
    printf("%s\n        case $previous in\n", u.file_behind ? " behind=file" : "");
    for (size_t i = 0; i < u.count; i++)
        bash_flag("        ", u.flags[i].name, value_of_usage(u.flags[i].value));
    printf("        esac\n        ;;\n");
}

static void bash_settings(void)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    printf("    local settings='--config --help");
    for (size_t i = 0; i < count; i++)
        if (!(rows[i].flags & CONFIG_HIDDEN))
            printf(" %s", rows[i].flag);
    printf("'\n    case $previous in\n");
    bash_flag("    ", STR("--config"), (struct value){ VALUE_FILE, STR_NULL });
    for (size_t i = 0; i < count; i++)
        bash_flag("    ", str_of(rows[i].flag), value_of_setting(&rows[i], i));
    printf("    esac\n");
}

static const char bash_begin[] =
    "_opboxd() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command=${COMP_WORDS[1]} flags= first= behind= value= offered=\n"
    "    # Bash breaks --flag=value in three.\n"
    "    if [[ $current == = ]]; then\n"
    "        current=\n"
    "    elif [[ $previous == = ]]; then\n"
    "        previous=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    COMPREPLY=()\n";

static const char bash_end[] =
    "    if ((COMP_CWORD == 1)); then\n"
    "        offered=$commands\n"
    "    elif [[ $value ]]; then\n"
    "        offered=$value\n"
    "    elif [[ $current == -* ]]; then\n"
    "        offered=\"$flags $settings\"\n"
    "    elif ((COMP_CWORD == 2)); then\n"
    "        offered=$first\n"
    "    else\n"
    "        offered=$behind\n"
    "    fi\n"
    "    case $offered in\n"
    "    '' | any) ;;\n"
    "    file)\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        ;;\n"
    "    dir)\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        ;;\n"
    "    operation) mapfile -t COMPREPLY < <(compgen -W \"$operations\" -- \"$current\") ;;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -W \"$offered\" -- \"$current\") ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _opboxd opboxd\n";

static void print_bash(const struct registry *r)
{
    printf(
        "# bash completion for opboxd %s, made by: opboxd completion bash\n%s    local commands='",
        OPBOXD_VERSION, bash_begin);
    for (size_t i = 0; i < cli_commands_count; i++)
        printf("%s ", cli_commands[i].name);
    printf("help'\n    local operations='");
    print_operations(r);
    printf("'\n    case $command in\n");
    for (size_t i = 0; i < cli_commands_count; i++)
        bash_command(&cli_commands[i]);
    printf("    esac\n");
    bash_settings();
    fputs(bash_end, stdout);
}

/* ---- zsh ---- */

/* Inside '…' and […] of a specification. */
static void zsh_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", s.ptr[i]))
            printf("\\%c", s.ptr[i]);
        else
            putchar(s.ptr[i]);
    }
}

/* :MESSAGE:ACTION of a specification, or nothing. */
static void zsh_value(struct value v, struct str message)
{
    if (v.kind == VALUE_NONE)
        return;
    putchar(':');
    zsh_text(message);
    putchar(':');
    if (v.kind == VALUE_FILE)
        fputs("_files", stdout);
    if (v.kind == VALUE_DIR)
        fputs("_directories", stdout);
    if (v.kind == VALUE_OPERATION)
        fputs("($operations)", stdout);
    if (v.kind == VALUE_WORDS) {
        putchar('(');
        print_words(v.words);
        putchar(')');
    }
}

/* '--flag=[what]:message:action' */
static void zsh_flag(struct str name, struct value v, struct str doc)
{
    printf("\n            '%.*s%s", STR_ARG(name), v.kind == VALUE_NONE ? "" : "=");
    if (str_given(doc)) {
        putchar('[');
        zsh_text(doc);
        putchar(']');
    }
    zsh_value(v, str_sub(name, 2, name.len));
    putchar('\'');
}

static void zsh_command(const struct command *c)
{
    struct usage u;
    usage_read(c, &u);
    printf("    %s)\n        own=(", c->name);
    for (size_t i = 0; i < u.count; i++)
        zsh_flag(u.flags[i].name, value_of_usage(u.flags[i].value), STR_NULL);
    if (str_given(u.words) || str_given(u.value)) {
        /* Double quotes: $operations is put in. */
        printf("\n            \"1");
        zsh_value(first_of(&u), str_given(u.words) ? STR("command") : u.value);
        printf("\"");
    }
    printf("%s\n        )\n        ;;\n", u.file_behind ? "\n            '2:FILE:_files'" : "");
}

static void zsh_settings(void)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    printf("    local -a own settings=(");
    for (size_t i = 0; i < count; i++)
        if (!(rows[i].flags & CONFIG_HIDDEN))
            zsh_flag(str_of(rows[i].flag), value_of_setting(&rows[i], i), str_of(rows[i].doc));
    zsh_flag(STR("--config"), (struct value){ VALUE_FILE, STR_NULL }, STR("File of settings"));
    zsh_flag(STR("--help"), (struct value){ VALUE_NONE, STR_NULL }, STR("Say what it takes"));
    printf("\n    )\n");
}

static void print_zsh(const struct registry *r)
{
    printf("#compdef opboxd\n# zsh completion for opboxd %s, made by: opboxd completion zsh\n"
           "_opboxd() {\n    local operations='",
           OPBOXD_VERSION);
    print_operations(r);
    printf("'\n    local -a commands=(\n");
    for (size_t i = 0; i < cli_commands_count; i++) {
        printf("        '%s:", cli_commands[i].name);
        zsh_text(str_of(cli_commands[i].summary));
        printf("'\n");
    }
    printf("    )\n");
    zsh_settings();
    printf("    if ((CURRENT == 2)); then\n        _describe command commands\n        return\n"
           "    fi\n    shift words\n    ((CURRENT--))\n    case $words[1] in\n");
    for (size_t i = 0; i < cli_commands_count; i++)
        zsh_command(&cli_commands[i]);
    printf("    esac\n    _arguments $own $settings\n}\n_opboxd \"$@\"\n");
}

int cmd_completion(struct cli_args *a)
{
    char error[4000] = "";
    const char *shell = cli_word(a);
    if (!cli_done(a))
        return EXIT_USAGE;
    if (!shell || (strcmp(shell, "bash") != 0 && strcmp(shell, "zsh") != 0)) {
        fprintf(stderr, "opboxd: which shell, bash or zsh?\n");
        return EXIT_USAGE;
    }
    config_free(a->config);
    struct registry *r = program_registry(error, sizeof error);
    if (!r)
        return cli_fail("%s", error);
    if (strcmp(shell, "bash") == 0)
        print_bash(r);
    else
        print_zsh(r);
    registry_free(r);
    return EXIT_OK;
}
