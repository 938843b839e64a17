/* See usage.h. */
#include "cli/usage.h"

#include <assert.h>

static bool is_small(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_setting(struct str flag)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (str_is(flag, rows[i].flag))
            return true;
    return str_is(flag, "--config");
}

static void add_flag(struct usage *u, struct usage_flag f)
{
    if (is_setting(f.name))
        return;
    for (size_t i = 0; i < u->count; i++)
        if (str_eq(u->flags[i].name, f.name))
            return;
    assert(u->count < USAGE_FLAGS_MAX);
    u->flags[u->count++] = f;
}

/* The length of what stands before a space or a bracket. */
static size_t word_len(const char *s)
{
    return strcspn(s, " \n[].,;)");
}

static void read_flags(struct usage *u, const char *text)
{
    for (const char *p = text; p && (p = strstr(p, "--"));) {
        size_t len = 2;
        while (is_small(p[len]) || p[len] == '-')
            len++;
        if (len > 2 && (p == text || strchr(" [(\n", p[-1]))) {
            struct usage_flag f = { .name = { p, len } };
            const char *value = p + len + 1;
            if (p[len] == ' ' && (is_capital(*value) || *value == '\'' || *value == '"'))
                f.value = (struct str){ value, word_len(value) };
            add_flag(u, f);
        }
        p += len;
    }
}

/* A FILE that is no flag's: "log export FILE". */
static bool file_behind_word(const char *help)
{
    for (const char *p = help; p && (p = strstr(p, " FILE")); p++) {
        const char *word = p;
        while (word > help && word[-1] != ' ' && word[-1] != '[')
            word--;
        if (is_small(*word))
            return true;
    }
    return false;
}

void usage_read(const struct command *c, struct usage *ret)
{
    *ret = (struct usage){ .count = 0 };
    const char *first = c->usage;
    struct str word = { first, word_len(first) };
    if (is_small(*first)) {
        ret->words = word;
        ret->file_behind = file_behind_word(c->help);
    }
    if (is_capital(*first))
        ret->value = word;
    read_flags(ret, c->usage);
    read_flags(ret, c->help);
}
