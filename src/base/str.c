/* Goals: the few operations on counted strings that every area needs, and strict UTF-8.
 * Non-goals: locales, case folding beyond ASCII, search in large texts.
 * Invariants: nothing reads past `len`; nothing expects a NUL. utf8_length and utf8_next trust
 * their caller that the text is valid; utf8_valid decides that by the table of RFC 3629 section 4.
 */
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

int str_cmp(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
    if (order)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

size_t str_find_byte(struct str s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t str_find(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *at = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
    if (!s.ptr)
        return s;
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (struct str){ s.ptr + from, to - from };
}

struct str str_trim(struct str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct str str_split(struct str *s, char sep)
{
    struct str all = *s;
    size_t at = str_find_byte(all, sep);
    if (at == SIZE_MAX) {
        *s = STR_NULL;
        return all;
    }
    *s = str_sub(all, at + 1, all.len);
    return str_sub(all, 0, at);
}

struct str str_copy(struct arena *a, struct str s)
{
    if (!s.ptr)
        return STR_NULL;
    return (struct str){ str_cstr(a, s), s.len };
}

char *str_cstr(struct arena *a, struct str s)
{
    char *p = arena_alloc_raw(a, s.len + 1);
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

struct str str_fmt(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str s = str_vfmt(a, fmt, ap);
    va_end(ap);
    return s;
}

struct str str_vfmt(struct arena *a, const char *fmt, va_list ap)
{
    char text[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    assert(n >= 0);
    size_t len = (size_t)n;
    char *p = arena_alloc_raw(a, len + 1);
    if (len < sizeof text)
        memcpy(p, text, len + 1);
    else
        vsnprintf(p, len + 1, fmt, again);
    va_end(again);
    return (struct str){ p, len };
}

struct str str_lower(struct arena *a, struct str s)
{
    if (!s.ptr)
        return STR_NULL;
    char *p = str_cstr(a, s);
    for (size_t i = 0; i < s.len; i++)
        p[i] = ascii_lower(p[i]);
    return (struct str){ p, s.len };
}

bool str_to_i64(struct str s, int64_t *ret)
{
    size_t at = 0;
    bool negative = s.len && s.ptr[0] == '-';
    if (negative)
        at = 1;
    if (at == s.len || (s.ptr[at] == '0' && (s.len > at + 1 || negative)))
        return false;
    int64_t v = 0;
    for (; at < s.len; at++) {
        if (s.ptr[at] < '0' || s.ptr[at] > '9')
            return false;
        int digit = s.ptr[at] - '0';
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return false;
    }
    *ret = v;
    return true;
}

/* Length of the sequence that starts at p, or 0 when it is not valid or does not end before `end`.
 */
static size_t utf8_sequence_len(const unsigned char *p, const unsigned char *end)
{
    size_t room = (size_t)(end - p);
    unsigned char lead = p[0], low = 0x80, high = 0xbf;
    size_t len;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        len = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
        len = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        len = 4;
    else
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (room < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

bool utf8_valid(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    const unsigned char *end = s.len ? p + s.len : p;
    while (p < end) {
        uint64_t word;
        if (end - p >= 8) {
            memcpy(&word, p, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                p += 8;
                continue;
            }
        }
        size_t len = utf8_sequence_len(p, end);
        if (!len)
            return false;
        p += len;
    }
    return true;
}

size_t utf8_length(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return count;
}

size_t utf8_put(char *out, uint32_t cp)
{
    assert(cp <= 0x10ffff && !(cp >= 0xd800 && cp <= 0xdfff));
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

uint32_t utf8_next(struct str s, size_t *pos)
{
    assert(*pos < s.len);
    const unsigned char *p = (const unsigned char *)s.ptr + *pos;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    assert(len <= s.len - *pos);
    *pos += len;
    static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t cp = p[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        cp = cp << 6 | (p[i] & 0x3fu);
    return cp;
}
