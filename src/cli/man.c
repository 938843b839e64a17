/* opboxd man 1|5: the manual pages opboxd(1) and opboxd.conf(5), in man(7) macros, from the table
 * of commands and the table of settings.
 *
 * The date is that of SOURCE_DATE_EPOCH when it is given, so that a package is the same each time
 * it is made. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/config.h"
#include "cli/cli.h"

#define DAY_MS ((int64_t)86400 * 1000)

static void print_title(const char *name, const char *section, const char *what)
{
    int64_t ms = 0;
    if (str_to_i64(str_of(getenv("SOURCE_DATE_EPOCH")), &ms) && ms >= 0 && ms < INT32_MAX)
        ms *= 1000;
    else
        ms = clock_wall_ms();
    struct date d = date_from_days(ms / DAY_MS);
    printf(".\\\" Made by: opboxd man %s\n.TH %s %s \"%04d-%02d-%02d\" \"opboxd %s\" \"%s\"\n",
           section, name, section, d.year, d.month, d.day, OPBOXD_VERSION, what);
}

/* ---- text ---- */

static void put_char(char c, bool line_begin)
{
    if (line_begin && (c == '.' || c == '\''))
        fputs("\\&", stdout);
    if (c == '\\')
        fputs("\\e", stdout);
    else if (c == '-')
        fputs("\\-", stdout);
    else
        putchar(c);
}

static void put_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        put_char(s.ptr[i], i == 0);
}

/* An argument of a macro: in quotes. */
static void put_argument(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            fputs("\\(dq", stdout);
        else
            put_char(*text, false);
    }
    putchar('"');
}

/* Lines that begin with a space stand as they are, the others are filled; an empty one parts. */
static void put_paragraphs(const char *text)
{
    bool verbatim = false, first = true;
    struct str rest = str_of(text);
    while (str_given(rest)) {
        struct str line = str_split(&rest, '\n');
        bool as_it_is = str_starts(line, STR(" "));
        if (as_it_is && !verbatim)
            fputs(first ? ".nf\n" : ".PP\n.nf\n", stdout);
        if (verbatim && !as_it_is)
            fputs(".fi\n", stdout);
        verbatim = as_it_is;
        first = false;
        if (str_empty(line)) {
            fputs(".PP\n", stdout);
            continue;
        }
        put_text(line);
        putchar('\n');
    }
    if (verbatim)
        fputs(".fi\n", stdout);
}

static void put_section(const char *title, const char *text)
{
    printf(".SH ");
    put_argument(title);
    putchar('\n');
    put_paragraphs(text);
}

/* ---- opboxd(1) ---- */

static const char description[] =
    "opboxd is a self-hosted AI operations backend: one program that serves the AI HTTP API of "
    "the\n"
    "opbox platform, the case-management core it acts on, a web console and this command line.\n"
    "SQLite is inside; PostgreSQL takes over when one machine is too small.\n"
    "\n"
    "While a server holds the data folder, the other commands reach it through its control socket\n"
    "and pass the same gate as HTTP; otherwise they open the folder themselves.";

static const char signals[] =
    "SIGTERM and SIGINT end serve: no new connections, open requests may finish for\n"
    "--drain-timeout seconds, then it exits with 0. SIGHUP reads the configuration once more; "
    "what\n"
    "takes effect is marked in opboxd.conf(5).\n"
    "\n"
    "serve speaks the notify protocol of sd_notify(3): READY, RELOADING, STOPPING, and WATCHDOG "
    "for\n"
    "as long as all its loops turn.";

static const char exit_status[] = "  0   done\n"
                                  "  1   failed; one sentence on standard error says why\n"
                                  "  2   wrong usage";

static const char files[] =
    "  DIR/opboxd.db              the database, when it is SQLite\n"
    "  DIR/blobs/                 large files\n"
    "  DIR/root-key, DIR/nextauth-secret, DIR/identity-hash-secret\n"
    "                             made when they are not given; keep copies elsewhere\n"
    "  DIR/control.sock           where commands reach the server\n"
    "  DIR/checkpoints.log        signed checkpoints of the sealed log";

static const char examples[] =
    "  opboxd demo\n"
    "  opboxd init --data /srv/opboxd --email you@example.com --password -\n"
    "  opboxd serve --data /srv/opboxd --public-url https://ops.example.com\n"
    "  opboxd call create_document --json '{\"kind\":\"PAGE\",\"title\":\"Hello\"}'\n"
    "  opboxd backup opboxd.backup";

static void print_commands(void)
{
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct command *c = &cli_commands[i];
        printf(".TP\n\\fBopboxd %s\\fR ", c->name);
        put_text(str_of(c->usage));
        putchar('\n');
        put_text(str_of(c->summary));
        printf(".\n");
        if (c->help) {
            printf(".RS\n");
            put_paragraphs(c->help);
            printf(".RE\n");
        }
    }
}

static void print_page_1(void)
{
    print_title("OPBOXD", "1", "User commands");
    printf(".SH NAME\nopboxd \\- self\\-hosted AI operations backend\n"
           ".SH SYNOPSIS\n.B opboxd\n.I COMMAND\n.RI [ ARGUMENT ]\\&.\\|.\\|.\n");
    put_section("DESCRIPTION", description);
    printf(".SH COMMANDS\n");
    print_commands();
    put_section("OPTIONS",
                "Each command has --help. Every setting of opboxd.conf(5) is also a flag of every\n"
                "command, as --name VALUE or --name=VALUE; --config FILE names a file of them.");
    put_section("SIGNALS", signals);
    put_section("EXIT STATUS", exit_status);
    put_section("FILES", files);
    put_section("EXAMPLES", examples);
    printf(".SH \"SEE ALSO\"\n.BR opboxd.conf (5)\n");
}

/* ---- opboxd.conf(5) ---- */

static const char form[] =
    "The file that --config names has a setting a line, name = value. Lines that begin with # and\n"
    "empty lines are skipped; a value ends with its line and has no quotes. A name that is "
    "unknown,\n"
    "or stands twice, is refused.\n"
    "\n"
    "A flag wins over a variable of the environment, that over the file, that over the default. "
    "An\n"
    "empty value counts as not given, except for secrets, where it is refused.\n"
    "\n"
    "A secret never stands in the file, which names a file that holds it. Its variable holds the\n"
    "secret, or, with _FILE behind its name, names such a file.";

static void print_setting(const struct config_row *r, size_t row)
{
    const char *choices = config_row_choices(row);
    int64_t min, max;
    printf(".TP\n.BR ");
    put_argument(r->flag + 2);
    printf(" \", \" ");
    put_argument(r->env);
    printf("\n");
    put_text(str_of(r->doc));
    printf(".\n");
    if (choices) {
        printf("One of ");
        put_text(str_of(choices));
        printf(".\n");
    }
    if (config_row_bounds(row, &min, &max))
        printf("From %lld to %lld.\n", (long long)min, (long long)max);
    if (strcmp(r->type, "SECRET") == 0)
        printf("In the file: the path of a file that holds it.\n");
    if (r->def[0]) {
        printf("Default: ");
        put_text(str_of(r->def));
        printf(".\n");
    }
    if (r->flags & CONFIG_RELOAD)
        printf("Takes effect on SIGHUP.\n");
}

static void print_page_5(void)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    print_title("OPBOXD.CONF", "5", "File formats");
    printf(".SH NAME\nopboxd.conf \\- settings of opboxd(1)\n");
    put_section("DESCRIPTION", form);
    printf(".SH SETTINGS\nEach with its name in the file, which is the flag's without its dashes, "
           "and its variable.\n");
    for (size_t i = 0; i < count; i++)
        if (!(rows[i].flags & CONFIG_HIDDEN))
            print_setting(&rows[i], i);
    put_section("EXAMPLE", "  data = /var/lib/opboxd\n"
                           "  public-url = https://ops.example.com\n"
                           "  trusted-proxies = 127.0.0.1/32\n"
                           "  anthropic-api-key-file = /etc/opboxd/anthropic.key");
    printf(".SH \"SEE ALSO\"\n.BR opboxd (1)\n");
}

int cmd_man(struct cli_args *a)
{
    const char *page = cli_word(a);
    if (!cli_done(a))
        return EXIT_USAGE;
    if (!page || (strcmp(page, "1") != 0 && strcmp(page, "5") != 0)) {
        fprintf(stderr, "opboxd: which page, 1 (the commands) or 5 (the settings)?\n");
        return EXIT_USAGE;
    }
    config_free(a->config);
    if (page[0] == '1')
        print_page_1();
    else
        print_page_5();
    return EXIT_OK;
}
