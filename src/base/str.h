/* Strings: a pointer and a length, never owned.
 *
 * A `struct str` points into an arena, a constant or a buffer, and lives as long as that. It need
 * not end in NUL. `ptr == NULL` means absent (SQL NULL, a field that was not given); `len == 0`
 * with a pointer is the empty string. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

struct str {
    const char *ptr;
    size_t len;
};

/* A counted array in an arena; `ptr` points at `count` elements of the type its user names. */
struct span {
    void *ptr;
    size_t count;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_NULL ((struct str){ NULL, 0 })
/* For printf: printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct str str_of(const char *cstr)
{
    return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}
static inline bool str_given(struct str s)
{
    return s.ptr != NULL;
}
static inline bool str_empty(struct str s)
{
    return s.len == 0;
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool str_is(struct str a, const char *cstr)
{
    return str_eq(a, str_of(cstr));
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
int str_cmp(struct str a, struct str b); /* byte order, shorter first */
/* First position of the byte or text, or SIZE_MAX. */
size_t str_find_byte(struct str s, char c);
size_t str_find(struct str s, struct str needle);
struct str str_sub(struct str s, size_t from, size_t to); /* clamps; `to` is exclusive */
struct str str_trim(struct str s);                        /* spaces and tabs */
/* Cuts at the first `sep`: returns what stands before it, leaves the rest in *s. When there is no
 * `sep`, returns all and leaves *s absent (ptr NULL). */
struct str str_split(struct str *s, char sep);

struct str str_copy(struct arena *a, struct str s);
/* NUL-terminated copy. */
char *str_cstr(struct arena *a, struct str s);
struct str str_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct str str_vfmt(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
struct str str_lower(struct arena *a, struct str s); /* ASCII */

/* Decimal, whole string, no spaces, no plus sign, no leading zeros beyond "0". */
bool str_to_i64(struct str s, int64_t *ret);

/* UTF-8 (RFC 3629): no surrogates, no overlong forms, at most U+10FFFF. */
bool utf8_valid(struct str s);
/* Number of code points of valid UTF-8. */
size_t utf8_length(struct str s);
/* Appends the code point to `out` (4 bytes of room); returns the number of bytes. */
size_t utf8_put(char *out, uint32_t cp);
/* Decodes at *pos of valid UTF-8 and moves it on. */
uint32_t utf8_next(struct str s, size_t *pos);

#endif
