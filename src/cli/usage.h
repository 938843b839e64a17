/* What a command takes, read from its row of the table (cli.h), for completion and manual pages.
 *
 * The form of `usage` and `help` is the grammar: a flag begins with --; what it takes stands behind
 * it in capitals or quotes (--email E, --role OWNER|ADMIN); a first word in small letters is one of
 * the command's own (add|passwd|list), one in capitals a value (FILE, OPERATION). */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include "cli/cli.h"

enum { USAGE_FLAGS_MAX = 32 };

struct usage_flag {
    struct str name;  /* with its dashes */
    struct str value; /* absent: it takes none */
};
struct usage {
    /* Its own: not the settings, which config_load takes out before a command looks. */
    struct usage_flag flags[USAGE_FLAGS_MAX];
    size_t count;
    struct str words; /* "add|passwd|list", or absent */
    struct str value; /* "FILE", or absent */
    bool file_behind; /* one of the words takes a FILE */
};
/* More flags than USAGE_FLAGS_MAX are a bug. */
void usage_read(const struct command *c, struct usage *ret);

#endif
