/* Goal: rows become archive bytes (archive_format.h) as they come, with one block in memory.
 * Non-goals: where the rows come from (archive.c); fsync and rename (the caller).
 * Invariants: the SHA-256 is taken of exactly what was written, in that order; after a failed write
 * nothing is written any more. */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/crypto.h"
#include "db/archive_format.h"

enum { LEVEL = 1 }; /* speed: the disk is the limit, and tables of JSON pack well anyway */

struct archive_writer {
    int fd;
    int failed; /* errno of the first failure */
    struct sha256_ctx *hash;
    struct db_archive_counts counts;
    int64_t plain_bytes;
    enum db_type types[ARCHIVE_COLUMNS_MAX]; /* of the table under way */
    size_t columns_count;
    size_t len;
    unsigned char *plain;  /* ARCHIVE_BLOCK_BYTES */
    unsigned char *packed; /* packed_max */
    size_t packed_max;
};

static void put_u32(unsigned char *at, size_t v)
{
    uint32_t big = htobe32((uint32_t)v);
    memcpy(at, &big, sizeof big);
}

static void put_u64(unsigned char *at, uint64_t v)
{
    uint64_t big = htobe64(v);
    memcpy(at, &big, sizeof big);
}

static void file_put_unhashed(struct archive_writer *w, const void *bytes, size_t len)
{
    const char *at = bytes;
    w->counts.bytes += (int64_t)len;
    while (len && !w->failed) {
        ssize_t n = write(w->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            w->failed = n < 0 ? errno : EIO;
            return;
        }
        at += n;
        len -= (size_t)n;
    }
}

static void file_put(struct archive_writer *w, const void *bytes, size_t len)
{
    sha256_add(w->hash, (struct str){ bytes, len });
    file_put_unhashed(w, bytes, len);
}

static void block_put(struct archive_writer *w)
{
    unsigned char head[12];
    uLongf packed = w->packed_max;
    if (!w->len || w->failed)
        return;
    if (compress2(w->packed, &packed, w->plain, w->len, LEVEL) != Z_OK)
        abort(); /* out of memory: there is no other reason */
    put_u32(head, w->len);
    put_u32(head + 4, packed);
    put_u32(head + 8, crc32(0, w->plain, (uInt)w->len));
    file_put(w, head, sizeof head);
    file_put(w, w->packed, packed);
    w->plain_bytes += (int64_t)w->len;
    w->len = 0;
}

static void put(struct archive_writer *w, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        size_t part = ARCHIVE_BLOCK_BYTES - w->len;
        if (part > len)
            part = len;
        memcpy(w->plain + w->len, at, part);
        w->len += part;
        at += part;
        len -= part;
        if (w->len == ARCHIVE_BLOCK_BYTES)
            block_put(w);
    }
}

static void put_byte(struct archive_writer *w, size_t v)
{
    unsigned char byte = (unsigned char)v;
    put(w, &byte, 1);
}

static void put_name(struct archive_writer *w, struct str name)
{
    assert(name.len > 0 && name.len <= ARCHIVE_NAME_BYTES_MAX);
    put_byte(w, name.len);
    put(w, name.ptr, name.len);
}

static enum err outcome(const struct archive_writer *w, struct cx *cx)
{
    if (!w->failed)
        return OK;
    bool full = w->failed == ENOSPC || w->failed == EDQUOT || w->failed == EFBIG;
    return cx_fail(cx, full ? ERR_QUOTA_EXCEEDED : ERR_STORAGE,
                   "The archive cannot be written: %s.", strerror(w->failed));
}

struct archive_writer *archive_writer_new(int fd, int64_t schema)
{
    struct archive_writer *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->fd = fd;
    w->hash = sha256_new();
    w->packed_max = compressBound(ARCHIVE_BLOCK_BYTES);
    w->plain = malloc(ARCHIVE_BLOCK_BYTES);
    w->packed = malloc(w->packed_max);
    if (!w->plain || !w->packed)
        abort();
    unsigned char head[ARCHIVE_HEAD_BYTES];
    memcpy(head, "OPBXARC\n", 8);
    put_u32(head + 8, ARCHIVE_FORMAT);
    put_u32(head + 12, (size_t)schema);
    file_put(w, head, sizeof head);
    return w;
}

void archive_writer_free(struct archive_writer *w)
{
    if (!w)
        return;
    sha256_free(w->hash);
    free(w->plain);
    free(w->packed);
    free(w);
}

enum err archive_writer_table(struct archive_writer *w, struct cx *cx,
                              const struct archive_table *t)
{
    assert(t->columns_count > 0 && t->columns_count <= ARCHIVE_COLUMNS_MAX);
    put_byte(w, 'T');
    put_name(w, t->name);
    put_byte(w, t->columns_count);
    for (size_t i = 0; i < t->columns_count; i++) {
        put_byte(w, t->columns[i].type);
        put_name(w, t->columns[i].name);
        w->types[i] = t->columns[i].type;
    }
    w->columns_count = t->columns_count;
    w->counts.tables++;
    return outcome(w, cx);
}

/* A value is of its column's type, and text is text: else nobody could restore it. */
static bool row_measure(const struct archive_writer *w, const struct db_value *values,
                        size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < w->columns_count; i++) {
        const struct db_value *v = &values[i];
        if (v->type != DB_NULL && v->type != w->types[i])
            return false;
        if (v->type == DB_TEXT && !archive_text_valid(v->s))
            return false;
        len += 1;
        if (v->type == DB_TEXT || v->type == DB_BLOB)
            len += 4 + v->s.len;
        else if (v->type != DB_NULL)
            len += 8;
    }
    *ret_len = len;
    return len <= ARCHIVE_ROW_BYTES_MAX;
}

static void put_value(struct archive_writer *w, const struct db_value *v)
{
    unsigned char number[8];
    uint64_t bits = (uint64_t)v->i;
    put_byte(w, v->type);
    switch (v->type) {
    case DB_NULL:
        break;
    case DB_INT:
    case DB_REAL:
        if (v->type == DB_REAL)
            memcpy(&bits, &v->r, sizeof bits);
        put_u64(number, bits);
        put(w, number, 8);
        break;
    case DB_TEXT:
    case DB_BLOB:
        put_u32(number, v->s.len);
        put(w, number, 4);
        put(w, v->s.ptr, v->s.len);
        break;
    }
}

enum err archive_writer_row(struct archive_writer *w, struct cx *cx, const struct db_value *values)
{
    unsigned char number[4];
    size_t len;
    assert(w->columns_count);
    if (!row_measure(w, values, &len))
        return cx_fault(cx,
                        "a row cannot be archived: a value is not what its column says, text "
                        "is not UTF-8, or the row is longer than %zu bytes",
                        ARCHIVE_ROW_BYTES_MAX);
    put_byte(w, 'R');
    put_u32(number, len);
    put(w, number, 4);
    for (size_t i = 0; i < w->columns_count; i++)
        put_value(w, &values[i]);
    w->counts.rows++;
    return outcome(w, cx);
}

enum err archive_writer_finish(struct archive_writer *w, struct cx *cx,
                               struct db_archive_counts *ret)
{
    unsigned char tail[ARCHIVE_TRAILER_BYTES];
    put_byte(w, 'E');
    block_put(w);
    memcpy(tail, "OPBXEND\n", 8);
    put_u64(tail + 8, (uint64_t)w->counts.tables);
    put_u64(tail + 16, (uint64_t)w->counts.rows);
    put_u64(tail + 24, (uint64_t)w->plain_bytes);
    file_put(w, tail, 32);
    sha256_final(w->hash, tail + 32);
    file_put_unhashed(w, tail + 32, SHA256_BYTES);
    TRY(outcome(w, cx));
    *ret = w->counts;
    return OK;
}
