/* Bounded buffer: told its maximum at birth.
 *
 * Grows by doubling up to `max_bytes`. An append that would pass it appends nothing and sets
 * `overflow`, which stays set: write everything, then check once. Memory comes from the heap, or
 * from an arena when one is given (then buf_release is a no-op). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max_bytes;
    struct arena *arena;
    bool overflow;
};

void buf_init(struct buf *b, struct arena *a_or_null, size_t max_bytes);
void buf_release(struct buf *b); /* NULL is fine */
void buf_clear(struct buf *b);   /* keeps the memory */

void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_put_byte(struct buf *b, char c);
void buf_put_str(struct buf *b, struct str s);
void buf_put_cstr(struct buf *b, const char *s);
void buf_put_i64(struct buf *b, int64_t v); /* decimal */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for `len` more bytes at ptr + len, or NULL with overflow set; then add to len yourself. */
char *buf_reserve(struct buf *b, size_t len);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){ b->ptr ? b->ptr : "", b->len };
}

#endif
