/* Configuration: one table (config.def), filled from flags, environment, a file and defaults.
 *
 * Secrets are read from their variable, from NAME_FILE, or from the file a flag names; those not
 * given are made once and kept in the data folder with mode 0600 (main does that; on PostgreSQL
 * they are required). Values are fixed after start but those marked RELOAD, which config_reload
 * swaps. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/arena.h"
#include "base/secret.h"
#include "base/str.h"

enum config_flags { CONFIG_RELOAD = 1, CONFIG_HIDDEN = 2 };

struct config {
#define CONFIG_FIELD_STR(field) struct str field;
#define CONFIG_FIELD_INT(field) int64_t field;
#define CONFIG_FIELD_BOOL(field) bool field;
#define CONFIG_FIELD_SECRET(field) struct secret *field;
#define CONFIG(field, type, flag, env, def, flags, doc) CONFIG_FIELD_##type(field)
#include "base/config.def"
#undef CONFIG
    struct arena *arena; /* owns the strings */
};

/* Reads argv[from…] (flags of the table as --flag value or --flag=value; the rest is compacted to
 * the front of argv and *ret_rest says how many remain), then the environment, the --config file
 * and defaults. On a bad value writes one clear sentence, naming flag or variable, the value (never
 * a secret) and the bound, to `error` and returns false. The sentence begins with that name. */
bool config_load(int argc, char **argv, int from, int *ret_rest, struct config **ret, char *error,
                 size_t error_size);
void config_free(struct config *c);

/* For --help, docs and doctor. */
struct config_row {
    const char *field, *type, *flag, *env, *def, *doc;
    unsigned flags;
};
const struct config_row *config_rows(size_t *ret_count);
/* The words that a STR row takes ("json, text"), or NULL when it takes any. */
const char *config_row_choices(size_t row);
/* False: not an INT row. */
bool config_row_bounds(size_t row, int64_t *ret_min, int64_t *ret_max);
/* Value as text ("(set)" for a secret) and where it came from: "flag", "environment", "file",
 * "default". */
struct str config_value_text(const struct config *c, struct arena *a, size_t row);
const char *config_value_source(const struct config *c, size_t row);

#endif
