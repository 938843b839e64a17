/* Goals: one growing byte buffer with a bound that was set at birth, so that no writer has to check
 * each append; heap or arena memory behind the same calls.
 *
 * Non-goals: sharing, threads.
 *
 * Invariants: len <= cap <= max_bytes. After the first append that did not fit, nothing more is
 * appended until buf_clear: the contents are always a prefix of what was written. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_CAP_MIN ((size_t)128)

void buf_init(struct buf *b, struct arena *a_or_null, size_t max_bytes)
{
    *b = (struct buf){ .max_bytes = max_bytes, .arena = a_or_null };
}

void buf_release(struct buf *b)
{
    if (!b)
        return;
    if (!b->arena)
        free(b->ptr);
    *b = (struct buf){ .max_bytes = b->max_bytes, .arena = b->arena };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
}

static void buf_grow(struct buf *b, size_t need)
{
    size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap;
    while (cap < need)
        cap = cap > b->max_bytes / 2 ? b->max_bytes : cap * 2;
    if (cap > b->max_bytes)
        cap = b->max_bytes;
    if (b->arena && b->ptr && arena_extend(b->arena, b->ptr, b->cap, cap)) {
        b->cap = cap;
        return;
    }
    if (b->arena) {
        char *p = arena_alloc_raw(b->arena, cap);
        if (b->ptr)
            memcpy(p, b->ptr, b->len);
        b->ptr = p;
    } else {
        char *p = realloc(b->ptr, cap);
        if (!p)
            abort();
        b->ptr = p;
    }
    b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (b->overflow || len > b->max_bytes - b->len) {
        b->overflow = true;
        return NULL;
    }
    if (len > b->cap - b->len || !b->ptr)
        buf_grow(b, b->len + len);
    return b->ptr + b->len;
}

void buf_put(struct buf *b, const void *bytes, size_t len)
{
    if (!len)
        return;
    char *to = buf_reserve(b, len);
    if (!to)
        return;
    memcpy(to, bytes, len);
    b->len += len;
}

void buf_put_byte(struct buf *b, char c)
{
    if (b->len < b->cap && !b->overflow)
        b->ptr[b->len++] = c;
    else
        buf_put(b, &c, 1);
}

void buf_put_str(struct buf *b, struct str s)
{
    buf_put(b, s.ptr, s.len);
}

void buf_put_cstr(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_put_i64(struct buf *b, int64_t v)
{
    char text[20];
    size_t at = sizeof text;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        text[--at] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0)
        text[--at] = '-';
    buf_put(b, text + at, sizeof text - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    size_t len = (size_t)n;
    if (len < sizeof text) {
        buf_put(b, text, len);
        return;
    }
    if (b->overflow || len > b->max_bytes - b->len) {
        b->overflow = true;
        return;
    }
    /* vsnprintf ends with a NUL, for which a bounded buffer may have no room. */
    char *whole = malloc(len + 1);
    if (!whole)
        abort();
    va_start(ap, fmt);
    vsnprintf(whole, len + 1, fmt, ap);
    va_end(ap);
    buf_put(b, whole, len);
    free(whole);
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n && n < b->len)
        memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}
