/* Goals: one table, four sources, one sentence for each mistake: what was wrong, where, and the
 * bound.
 *
 * Non-goals: making secrets that were not given, judging their length (main does both), nesting or
 * quoting in the file.
 *
 * Invariants: the values of secrets, and of anything that can carry one, are in no sentence.
 * Strings live in the configuration's arena, secrets in their own pages. A source that is not used
 * (a flag stands before it) is not judged. */
#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

#define FILE_BYTES_MAX ((size_t)65536)
#define VALUE_BYTES_MAX ((size_t)4096)

enum { KIND_STR = 1, KIND_INT, KIND_BOOL, KIND_SECRET };
enum { RELOAD = CONFIG_RELOAD, HIDDEN = CONFIG_HIDDEN }; /* as the table spells them */
enum { SOURCE_DEFAULT = 0, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAG };

enum { /* number of rows */
#define CONFIG(field, type, flag, env, def, flags, doc) ROW_##field,
#include "base/config.def"
#undef CONFIG
       ROW_COUNT
};

static const struct config_row rows[] = {
#define CONFIG(field, type, flag, env, def, flags, doc)                                            \
    { #field, #type, flag, env, def, doc, flags },
#include "base/config.def"
#undef CONFIG
};

static const struct {
    int kind;
    size_t offset;
} places[] = {
#define CONFIG(field, type, flag, env, def, flags, doc)                                            \
    { KIND_##type, offsetof(struct config, field) },
#include "base/config.def"
#undef CONFIG
};

/* Bounds of the INT rows; max 0 would mean that a row was forgotten, which a test looks for. */
static const struct {
    int64_t min, max;
} bounds[ROW_COUNT] = {
    [ROW_workers] = { 0, 64 },
    [ROW_db_readers] = { 0, 256 },
    [ROW_db_connections] = { 1, 500 },
    [ROW_connections_max] = { 16, 1000000 },
    [ROW_body_bytes_max] = { 1024, 1 << 30 },
    [ROW_header_timeout_s] = { 1, 3600 },
    [ROW_body_timeout_s] = { 1, 3600 },
    [ROW_idle_timeout_s] = { 1, 86400 },
    [ROW_write_timeout_s] = { 1, 3600 },
    [ROW_drain_timeout_s] = { 0, 3600 },
    [ROW_address_rate] = { 1, 1000000000 },
    [ROW_sign_in_rate] = { 1, 1000000 },
    [ROW_write_rate] = { 1, 1000000000 },
    [ROW_chat_rate] = { 1, 1000000000 },
    [ROW_read_rate] = { 1, 1000000000 },
};

/* STR rows that take one of a few words. */
static const char *const choices[ROW_COUNT] = {
    [ROW_log_level] = "debug, info, warn, error",
    [ROW_log_format] = "json, text",
    [ROW_blob_store] = "dir, database, s3",
};

struct config_whole { /* what config_load makes; `public` comes first */
    struct config public;
    unsigned char sources[ROW_COUNT];
};

struct given {
    struct str text;    /* absent: not given */
    const char *origin; /* for sentences: "--listen", "OPBOXD_LISTEN", "x.conf line 3" */
};

struct loader {
    struct config_whole *whole;
    struct arena *arena; /* of the configuration */
    struct arena *scratch;
    struct given flags[ROW_COUNT], file[ROW_COUNT];
    struct str config_file; /* of --config */
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct loader *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->error, l->error_size, fmt, ap);
    va_end(ap);
    return false;
}

/* A value as it may be shown: short, without control characters. */
static struct str shown(struct loader *l, struct str s)
{
    bool cut = s.len > 60;
    struct str part = str_copy(l->scratch, str_sub(s, 0, 60));
    char *p = (char *)(uintptr_t)part.ptr;
    for (size_t i = 0; i < part.len; i++) {
        if ((unsigned char)p[i] < ' ' || (unsigned char)p[i] > '~' || p[i] == '"')
            p[i] = '?';
    }
    return cut ? str_fmt(l->scratch, "%.*s...", STR_ARG(part)) : part;
}

/* ---- values ---- */

static void *place(struct loader *l, int row)
{
    return (char *)&l->whole->public + places[row].offset;
}

static bool choice_allowed(struct str list, struct str word)
{
    while (str_given(list)) {
        if (str_eq(str_trim(str_split(&list, ',')), word))
            return true;
    }
    return false;
}

static bool text_check(struct loader *l, struct str s, const char *origin)
{
    if (s.len > VALUE_BYTES_MAX)
        return refuse(l, "%s is too long: at most %zu bytes", origin, VALUE_BYTES_MAX);
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return refuse(l, "%s holds a control character", origin);
    }
    if (!utf8_valid(s))
        return refuse(l, "%s is not valid UTF-8", origin);
    return true;
}

static bool str_set(struct loader *l, int row, struct given g)
{
    const char *list = choices[row];
    if (!text_check(l, g.text, g.origin))
        return false;
    if (list && !str_empty(g.text) && !choice_allowed(str_of(list), g.text))
        return refuse(l, "%s is \"%.*s\": must be one of %s", g.origin, STR_ARG(shown(l, g.text)),
                      list);
    *(struct str *)place(l, row) = str_copy(l->arena, g.text);
    return true;
}

static bool int_set(struct loader *l, int row, struct given g)
{
    int64_t v, min = bounds[row].min, max = bounds[row].max;
    if (!str_to_i64(g.text, &v) || v < min || v > max)
        return refuse(l, "%s is \"%.*s\": must be a whole number from %lld to %lld", g.origin,
                      STR_ARG(shown(l, g.text)), (long long)min, (long long)max);
    *(int64_t *)place(l, row) = v;
    return true;
}

static bool bool_parse(struct str s, bool *ret)
{
    static const char *const words[] = { "0", "1", "false", "true", "no", "yes", "off", "on" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (str_eq_nocase(s, str_of(words[i]))) {
            *ret = i % 2;
            return true;
        }
    }
    return false;
}

static bool bool_set(struct loader *l, int row, struct given g)
{
    bool v;
    if (!bool_parse(g.text, &v))
        return refuse(l, "%s is \"%.*s\": must be 1 or 0 (also true, false, yes, no, on, off)",
                      g.origin, STR_ARG(shown(l, g.text)));
    *(bool *)place(l, row) = v;
    return true;
}

/* Reads a whole small file; the caller wipes what was a secret. */
static bool file_load(struct loader *l, const char *origin, const char *path, size_t max,
                      char *bytes, size_t *ret_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t len = 0;
    if (fd < 0)
        return refuse(l, "%s: cannot read \"%.*s\": %s", origin, STR_ARG(shown(l, str_of(path))),
                      strerror(errno));
    int failed = fstat(fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    while (!failed && len <= max) {
        ssize_t n = read(fd, bytes + len, max + 1 - len);
        if (n == 0)
            break;
        if (n > 0)
            len += (size_t)n;
        else if (errno != EINTR)
            failed = errno;
    }
    close(fd);
    if (failed)
        return refuse(l, "%s: cannot read \"%.*s\": %s", origin, STR_ARG(shown(l, str_of(path))),
                      strerror(failed));
    if (len > max)
        return refuse(l, "%s: \"%.*s\" is too large: at most %zu bytes", origin,
                      STR_ARG(shown(l, str_of(path))), max);
    *ret_len = len;
    return true;
}

static bool secret_keep(struct loader *l, int row, const char *origin, struct str bytes)
{
    if (str_empty(bytes))
        return refuse(l, "%s is empty: give a secret, or leave it out", origin);
    if (bytes.len > VALUE_BYTES_MAX)
        return refuse(l, "%s is too long: at most %zu bytes", origin, VALUE_BYTES_MAX);
    *(struct secret **)place(l, row) = secret_new(bytes);
    return true;
}

/* The bytes of the file without one newline at the end. */
static bool secret_read(struct loader *l, int row, const char *origin, struct str path)
{
    char bytes[VALUE_BYTES_MAX + 3];
    size_t len = 0;
    if (str_empty(path))
        return refuse(l, "%s is empty: it names the file of a secret", origin);
    if (!file_load(l, origin, str_cstr(l->scratch, path), VALUE_BYTES_MAX + 2, bytes, &len)) {
        bytes_wipe(bytes, sizeof bytes);
        return false;
    }
    if (len && bytes[len - 1] == '\n')
        len--;
    if (len && bytes[len - 1] == '\r')
        len--;
    const char *what =
        str_fmt(l->scratch, "the file of %s (\"%.*s\")", origin, STR_ARG(shown(l, path))).ptr;
    bool good = secret_keep(l, row, what, (struct str){ bytes, len });
    bytes_wipe(bytes, sizeof bytes);
    return good;
}

static bool secret_set(struct loader *l, int row)
{
    unsigned char *source = &l->whole->sources[row];
    if (str_given(l->flags[row].text)) {
        *source = SOURCE_FLAG;
        return secret_read(l, row, l->flags[row].origin, l->flags[row].text);
    }
    const char *name = rows[row].env;
    const char *name_file = str_fmt(l->scratch, "%s_FILE", name).ptr;
    struct str value = str_of(getenv(name)), path = str_of(getenv(name_file));
    if (str_given(value) && str_given(path))
        return refuse(l, "%s and %s are both set: keep one", name, name_file);
    if (str_given(value) || str_given(path)) {
        *source = SOURCE_ENVIRONMENT;
        return str_given(value) ? secret_keep(l, row, name, value)
                                : secret_read(l, row, name_file, path);
    }
    if (str_given(l->file[row].text)) {
        *source = SOURCE_FILE;
        return secret_read(l, row, l->file[row].origin, l->file[row].text);
    }
    return true;
}

static bool row_set(struct loader *l, int row)
{
    if (places[row].kind == KIND_SECRET)
        return secret_set(l, row);
    struct given g = { str_of(rows[row].def), rows[row].flag };
    struct str environment = str_of(getenv(rows[row].env));
    unsigned char source = SOURCE_DEFAULT;
    if (!str_empty(l->flags[row].text)) {
        g = l->flags[row];
        source = SOURCE_FLAG;
    } else if (!str_empty(environment)) {
        g = (struct given){ environment, rows[row].env };
        source = SOURCE_ENVIRONMENT;
    } else if (!str_empty(l->file[row].text)) {
        g = l->file[row];
        source = SOURCE_FILE;
    }
    l->whole->sources[row] = source;
    switch (places[row].kind) {
    case KIND_INT:
        return int_set(l, row, g);
    case KIND_BOOL:
        return bool_set(l, row, g);
    default:
        return str_set(l, row, g);
    }
}

/* ---- the file of --config ---- */

/* Row of a flag's name without dashes, or -1. */
static int row_find(struct str name)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        if (str_is(name, rows[i].flag + 2))
            return i;
    }
    return -1;
}

static bool file_line(struct loader *l, struct str line, const char *origin)
{
    if (str_ends(line, STR("\r")))
        line.len--;
    line = str_trim(line);
    if (str_empty(line) || line.ptr[0] == '#')
        return true;
    struct str value = line;
    struct str name = str_trim(str_split(&value, '='));
    if (!str_given(value))
        return refuse(l, "%s: expected \"name = value\"", origin);
    int row = row_find(name);
    if (row < 0)
        return refuse(l, "%s: there is no setting \"%.*s\"", origin, STR_ARG(shown(l, name)));
    if (str_given(l->file[row].text))
        return refuse(l, "%s: %.*s is set twice", origin, STR_ARG(name));
    const char *whole_origin = str_fmt(l->scratch, "%s (%.*s)", origin, STR_ARG(name)).ptr;
    l->file[row] = (struct given){ str_copy(l->scratch, str_trim(value)), whole_origin };
    return true;
}

static bool file_parse(struct loader *l)
{
    const char *path = str_cstr(l->scratch, l->config_file);
    char *bytes = arena_alloc_raw(l->scratch, FILE_BYTES_MAX + 1);
    size_t len = 0, number = 0;
    if (!file_load(l, "--config", path, FILE_BYTES_MAX, bytes, &len))
        return false;
    struct str rest = { bytes, len };
    struct str name = shown(l, l->config_file);
    while (str_given(rest)) {
        struct str line = str_split(&rest, '\n');
        const char *origin = str_fmt(l->scratch, "%.*s line %zu", STR_ARG(name), ++number).ptr;
        if (!file_line(l, line, origin))
            return false;
    }
    return true;
}

/* ---- flags ---- */

/* Takes argv[*at] if it is one of ours; *ret_taken says how many arguments that were. */
static bool flag_take(struct loader *l, int argc, char **argv, int at, int *ret_taken)
{
    *ret_taken = 0;
    struct str name = str_of(argv[at]);
    if (!str_starts(name, STR("--")) || name.len == 2)
        return true;
    struct str value = str_sub(name, 2, name.len);
    name = str_split(&value, '=');
    bool is_config = str_is(name, "config");
    int row = row_find(name);
    if (row < 0 && !is_config)
        return true;
    int taken = 1;
    const char *flag = row < 0 ? "--config" : rows[row].flag;
    struct str next = at + 1 < argc ? str_of(argv[at + 1]) : STR_NULL;
    bool ignored;
    if (!str_given(value) && row >= 0 && places[row].kind == KIND_BOOL) {
        /* --accept-foreign-sessions alone means yes. */
        bool word = str_given(next) && bool_parse(next, &ignored);
        value = word ? next : STR("1");
        taken += word;
    } else if (!str_given(value)) {
        if (!str_given(next) || str_starts(next, STR("--")))
            return refuse(l, "%s needs a value", flag);
        value = next;
        taken = 2;
    }
    if (is_config) {
        if (str_empty(value))
            return refuse(l, "--config is empty: it names a file");
        l->config_file = value;
    } else {
        l->flags[row] = (struct given){ value, flag };
    }
    *ret_taken = taken;
    return true;
}

static bool flags_take(struct loader *l, int argc, char **argv, int from, int *ret_rest)
{
    int kept = from;
    for (int at = from; at < argc;) {
        int taken;
        if (str_is(str_of(argv[at]), "--")) {
            while (at < argc)
                argv[kept++] = argv[at++];
            break;
        }
        if (!flag_take(l, argc, argv, at, &taken))
            return false;
        if (!taken)
            argv[kept++] = argv[at];
        at += taken ? taken : 1;
    }
    *ret_rest = kept - from;
    return true;
}

bool config_load(int argc, char **argv, int from, int *ret_rest, struct config **ret, char *error,
                 size_t error_size)
{
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->arena = arena_new(0);
    l->scratch = arena_new(0);
    l->whole = arena_new_of(l->arena, struct config_whole);
    l->whole->public.arena = l->arena;
    l->error = error;
    l->error_size = error_size;
    int rest = 0;
    bool good = flags_take(l, argc, argv, from, &rest);
    if (good && str_given(l->config_file))
        good = file_parse(l);
    for (int row = 0; good && row < ROW_COUNT; row++)
        good = row_set(l, row);
    struct config *config = &l->whole->public;
    arena_free(l->scratch);
    free(l);
    if (!good) {
        config_free(config);
        return false;
    }
    *ret_rest = rest;
    *ret = config;
    return true;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (int row = 0; row < ROW_COUNT; row++) {
        if (places[row].kind == KIND_SECRET)
            secret_free(*(struct secret **)((char *)c + places[row].offset));
    }
    arena_free(c->arena);
}

const struct config_row *config_rows(size_t *ret_count)
{
    *ret_count = ROW_COUNT;
    return rows;
}

const char *config_row_choices(size_t row)
{
    assert(row < ROW_COUNT);
    return choices[row];
}

bool config_row_bounds(size_t row, int64_t *ret_min, int64_t *ret_max)
{
    assert(row < ROW_COUNT);
    *ret_min = bounds[row].min;
    *ret_max = bounds[row].max;
    return places[row].kind == KIND_INT;
}

/* A URL as it may be shown: its password is masked, in the authority and as a parameter. */
static struct str url_masked(struct arena *a, struct str s)
{
    size_t scheme = str_find(s, STR("://"));
    if (scheme == SIZE_MAX)
        return s;
    struct str head = str_sub(s, 0, scheme + 3), rest = str_sub(s, scheme + 3, s.len);
    size_t slash = str_find_byte(rest, '/');
    struct str authority = str_sub(rest, 0, slash), path = str_sub(rest, authority.len, rest.len);
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < authority.len; i++)
        at = authority.ptr[i] == '@' ? i : at;
    if (at != SIZE_MAX) {
        struct str user = str_sub(authority, 0, at);
        size_t colon = str_find_byte(user, ':');
        if (colon != SIZE_MAX)
            authority = str_fmt(a, "%.*s:***%.*s", STR_ARG(str_sub(user, 0, colon)),
                                STR_ARG(str_sub(authority, at, authority.len)));
    }
    size_t password = str_find(path, STR("password="));
    if (password != SIZE_MAX) {
        struct str tail = str_sub(path, password, path.len);
        size_t end = str_find_byte(tail, '&');
        path = str_fmt(a, "%.*spassword=***%.*s", STR_ARG(str_sub(path, 0, password)),
                       STR_ARG(str_sub(tail, end, tail.len)));
    }
    return str_fmt(a, "%.*s%.*s%.*s", STR_ARG(head), STR_ARG(authority), STR_ARG(path));
}

struct str config_value_text(const struct config *c, struct arena *a, size_t row)
{
    assert(row < ROW_COUNT);
    const void *p = (const char *)c + places[row].offset;
    switch (places[row].kind) {
    case KIND_INT:
        return str_fmt(a, "%lld", (long long)*(const int64_t *)p);
    case KIND_BOOL:
        return *(const bool *)p ? STR("1") : STR("0");
    case KIND_SECRET:
        return *(struct secret *const *)p ? STR("(set)") : STR("");
    default:
        return url_masked(a, *(const struct str *)p);
    }
}

const char *config_value_source(const struct config *c, size_t row)
{
    static const char *const names[] = { "default", "file", "environment", "flag" };
    assert(row < ROW_COUNT);
    return names[((const struct config_whole *)c)->sources[row]];
}
