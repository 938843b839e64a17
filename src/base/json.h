/* JSON (RFC 8259), strict: reader into an arena, streaming writer, canonical form (RFC 8785).
 *
 * The reader refuses duplicate keys, invalid UTF-8, lone surrogates, U+0000, control characters in
 * strings, leading zeros, trailing text, and more depth, nodes or bytes than the limits say.
 * Strings are decoded; numbers keep their source text, so that nothing is rounded on the way
 * through. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

enum json_type { JSON_NULL = 1, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_member;
struct json {
    enum json_type type;
    bool boolean;
    uint32_t count;    /* elements or members */
    struct str text;   /* decoded string, or the source text of a number */
    struct str source; /* of arrays and objects: the source text, brackets included */
    union {
        const struct json *items;
        const struct json_member *members; /* in source order */
    };
};
struct json_member {
    struct str key;
    struct json value;
};

#define JSON_DEPTH_MAX 64

struct json_limits {
    size_t bytes_max;   /* 0: no limit of its own (the caller has checked the size) */
    uint32_t depth_max; /* 0: JSON_DEPTH_MAX */
    uint32_t nodes_max; /* 0: 1,000,000 */
};

struct json_fault {
    size_t offset;       /* byte where reading stopped */
    const char *message; /* static text, e.g. "duplicate key" */
};

/* The tree points into `text` where it can (strings without escapes): `text` must live as long.
 * On failure returns ERR_VALIDATION and fills *ret_fault. limits may be NULL. */
enum err json_parse(struct arena *a, struct str text, const struct json_limits *limits,
                    struct json *ret, struct json_fault *ret_fault);

/* Member of an object, or NULL (also when j is NULL or no object). */
const struct json *json_get(const struct json *j, const char *key);
const struct json *json_get_str(const struct json *j, struct str key);
/* The decoded text of a string member, or STR_NULL. */
struct str json_text(const struct json *j, const char *key);
/* Whole numbers only ("1e2" and "1.0" are whole; 1.5, 1e99 are not): false if not exact in int64.
 */
bool json_to_i64(const struct json *j, int64_t *ret);
/* Nearest double; false on overflow. */
bool json_to_double(const struct json *j, double *ret);

/* ---- writer: keeps commas and nesting; misuse is an assertion ---- */
struct json_writer {
    struct buf *out;
    uint32_t depth;
    uint64_t comma; /* bit per depth: a value stands before */
    bool after_key;
};

void jw_init(struct json_writer *w, struct buf *out);
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, struct str key);
#define jw_key_lit(w, literal) jw_key((w), STR(literal))
void jw_str(struct json_writer *w, struct str s); /* absent writes null; must be valid UTF-8 */
size_t jw_str_len(struct str s);                  /* bytes that jw_str writes between the quotes */
void jw_i64(struct json_writer *w, int64_t v);
void jw_double(struct json_writer *w,
               double v); /* shortest form that reads back; not finite: null */
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, struct str json_text); /* trusted JSON, copied as it is */
void jw_value(struct json_writer *w, const struct json *j);
void jw_time(struct json_writer *w, int64_t ms); /* "2026-11-24T02:14:26.000Z" */

/* RFC 8785: sorted by UTF-16 code units, ECMAScript numbers, minimal escapes.
 * ERR_VALIDATION when a number is not finite as a double. */
enum err json_canonical(struct arena *scratch, const struct json *j, struct buf *out);
/* ECMAScript Number::toString of a finite double; returns the length, at most 25. */
size_t json_number_text(double v, char out[32]);

#endif
