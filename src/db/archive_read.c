/* Goal: archive bytes (archive_format.h) become rows again, or one sentence says what is wrong with
 * them.
 * Non-goals: what becomes of the rows (archive.c). An archive that somebody has made up with a
 * right checksum is read like any other: whatever it holds is within the limits or refused.
 * Invariants: no length is believed before the bytes are there: a row's buffer grows with what has
 * been unpacked, a block is at most ARCHIVE_BLOCK_BYTES. The SHA-256 is taken of what was read, not
 * of what a look before had seen. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "db/archive_format.h"

struct trailer {
    int64_t tables, rows, plain_bytes;
    unsigned char sha256[SHA256_BYTES];
};

struct reader {
    struct cx *cx;
    const struct archive_sink *sink;
    int fd;
    int64_t at, end; /* file position, and where the trailer begins */
    struct sha256_ctx *hash;
    struct trailer trailer, seen;
    int64_t schema;
    unsigned char *plain, *packed; /* one block */
    size_t packed_max;
    size_t pos, len; /* of plain */
    struct buf row;
    /* The table under way; its names lie in `names`. */
    struct archive_table table;
    struct archive_column columns[ARCHIVE_COLUMNS_MAX];
    char names[ARCHIVE_COLUMNS_MAX + 1][ARCHIVE_NAME_BYTES_MAX];
    struct db_value values[ARCHIVE_COLUMNS_MAX];
};

static uint32_t get_u32(const void *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return be32toh(v);
}

static int64_t get_i64(const void *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return (int64_t)be64toh(v);
}

static enum err damaged(const struct reader *r, const char *what)
{
    return cx_fail(r->cx, ERR_VALIDATION, "The archive is damaged near byte %" PRId64 ": %s.",
                   r->at, what);
}

static enum err pread_all(struct cx *cx, int fd, int64_t at, void *out, size_t len)
{
    char *to = out;
    while (len) {
        ssize_t n = pread(fd, to, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cx_fail(cx, ERR_STORAGE, "The archive cannot be read: %s.", strerror(errno));
        if (n == 0)
            FAIL(cx, VALIDATION, "The archive ends too early.");
        to += n;
        at += n;
        len -= (size_t)n;
    }
    return OK;
}

/* ---- head and trailer ---- */

static enum err trailer_read(struct reader *r)
{
    unsigned char tail[ARCHIVE_TRAILER_BYTES];
    TRY(pread_all(r->cx, r->fd, r->end, tail, sizeof tail));
    if (memcmp(tail, "OPBXEND\n", 8) != 0)
        FAIL(r->cx, VALIDATION, "The archive has no end: it was cut off.");
    r->trailer.tables = get_i64(tail + 8);
    r->trailer.rows = get_i64(tail + 16);
    r->trailer.plain_bytes = get_i64(tail + 24);
    memcpy(r->trailer.sha256, tail + 32, SHA256_BYTES);
    return OK;
}

static enum err ends_read(struct reader *r)
{
    unsigned char head[ARCHIVE_HEAD_BYTES];
    struct stat st;
    if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode))
        FAIL(r->cx, VALIDATION, "The archive is not a file.");
    if (st.st_size < ARCHIVE_HEAD_BYTES + ARCHIVE_TRAILER_BYTES)
        FAIL(r->cx, VALIDATION, "This is not an archive: it is too short.");
    TRY(pread_all(r->cx, r->fd, 0, head, sizeof head));
    if (memcmp(head, "OPBXARC\n", 8) != 0)
        FAIL(r->cx, VALIDATION, "This is not an archive of opboxd.");
    if (get_u32(head + 8) != ARCHIVE_FORMAT)
        FAIL(r->cx, VALIDATION, "The archive has format %u; this program reads format %d.",
             get_u32(head + 8), ARCHIVE_FORMAT);
    r->schema = get_u32(head + 12);
    r->at = ARCHIVE_HEAD_BYTES;
    r->end = st.st_size - ARCHIVE_TRAILER_BYTES;
    sha256_add(r->hash, (struct str){ (char *)head, sizeof head });
    return trailer_read(r);
}

/* What was read is what was written, to the last byte. */
static enum err trailer_check(struct reader *r)
{
    unsigned char tail[32], found[SHA256_BYTES];
    TRY(pread_all(r->cx, r->fd, r->end, tail, sizeof tail));
    sha256_add(r->hash, (struct str){ (char *)tail, sizeof tail });
    sha256_final(r->hash, found);
    if (r->seen.tables != r->trailer.tables || r->seen.rows != r->trailer.rows ||
        r->seen.plain_bytes != r->trailer.plain_bytes)
        return damaged(r, "its counts differ from what it holds");
    if (memcmp(found, r->trailer.sha256, SHA256_BYTES) != 0)
        return damaged(r, "its checksum does not fit");
    return OK;
}

/* ---- blocks ---- */

static enum err file_get(struct reader *r, void *out, size_t len)
{
    if ((int64_t)len > r->end - r->at)
        return damaged(r, "a block reaches over the end");
    TRY(pread_all(r->cx, r->fd, r->at, out, len));
    sha256_add(r->hash, (struct str){ out, len });
    r->at += (int64_t)len;
    return OK;
}

static enum err block_get(struct reader *r)
{
    unsigned char head[12];
    TRY(file_get(r, head, sizeof head));
    size_t plain = get_u32(head), packed = get_u32(head + 4);
    if (plain == 0 || plain > ARCHIVE_BLOCK_BYTES || packed > r->packed_max)
        return damaged(r, "a block has a wrong length");
    TRY(file_get(r, r->packed, packed));
    uLongf len = plain;
    uLong used = packed;
    if (uncompress2(r->plain, &len, r->packed, &used) != Z_OK || len != plain || used != packed)
        return damaged(r, "a block cannot be unpacked");
    if (crc32(0, r->plain, (uInt)len) != get_u32(head + 8))
        return damaged(r, "the checksum of a block does not fit");
    r->pos = 0;
    r->len = plain;
    r->seen.plain_bytes += (int64_t)plain;
    return OK;
}

/* Some of the next plain bytes, 1 … max. */
static enum err part_get(struct reader *r, size_t max, struct str *ret)
{
    if (r->pos == r->len)
        TRY(block_get(r));
    size_t part = r->len - r->pos;
    if (part > max)
        part = max;
    *ret = (struct str){ (char *)r->plain + r->pos, part };
    r->pos += part;
    return OK;
}

static enum err get(struct reader *r, void *out, size_t len)
{
    char *to = out;
    while (len) {
        struct str part;
        TRY(part_get(r, len, &part));
        memcpy(to, part.ptr, part.len);
        to += part.len;
        len -= part.len;
    }
    return OK;
}

/* ---- records ---- */

static enum err name_get(struct reader *r, size_t slot, struct str *ret)
{
    unsigned char len;
    TRY(get(r, &len, 1));
    if (len == 0 || len > ARCHIVE_NAME_BYTES_MAX)
        return damaged(r, "a name has a wrong length");
    TRY(get(r, r->names[slot], len));
    *ret = (struct str){ r->names[slot], len };
    return archive_text_valid(*ret) ? OK : damaged(r, "a name is not text");
}

static enum err table_get(struct reader *r)
{
    unsigned char count, type;
    r->table.columns = r->columns;
    r->table.columns_count = 0;
    TRY(name_get(r, ARCHIVE_COLUMNS_MAX, &r->table.name));
    TRY(get(r, &count, 1));
    if (count == 0)
        return damaged(r, "a table has no columns");
    for (size_t i = 0; i < count; i++) {
        TRY(get(r, &type, 1));
        if (type < DB_INT || type > DB_BLOB)
            return damaged(r, "a column has an unknown type");
        r->columns[i].type = (enum db_type)type;
        TRY(name_get(r, i, &r->columns[i].name));
    }
    r->table.columns_count = count;
    r->seen.tables++;
    return r->sink->table ? r->sink->table(r->cx, &r->table, r->sink->arg) : OK;
}

/* One value from the front of *rest. False: it is not of the column's type, or too long. */
static bool value_decode(struct str *rest, enum db_type column, struct db_value *ret)
{
    if (rest->len < 1)
        return false;
    *ret = (struct db_value){ .type = (enum db_type)(unsigned char)rest->ptr[0] };
    *rest = str_sub(*rest, 1, rest->len);
    if (ret->type == DB_NULL)
        return true;
    if (ret->type != column)
        return false;
    if (column == DB_INT || column == DB_REAL) {
        if (rest->len < 8)
            return false;
        int64_t bits = get_i64(rest->ptr);
        if (column == DB_INT)
            ret->i = bits;
        else
            memcpy(&ret->r, &bits, sizeof ret->r);
        *rest = str_sub(*rest, 8, rest->len);
        return true;
    }
    if (rest->len < 4)
        return false;
    size_t len = get_u32(rest->ptr);
    if (len > rest->len - 4)
        return false;
    ret->s = str_sub(*rest, 4, 4 + len);
    *rest = str_sub(*rest, 4 + len, rest->len);
    return column == DB_BLOB || archive_text_valid(ret->s);
}

static enum err row_get(struct reader *r)
{
    unsigned char head[4];
    if (r->table.columns_count == 0)
        return damaged(r, "a row stands before the first table");
    TRY(get(r, head, sizeof head));
    size_t len = get_u32(head);
    if (len > ARCHIVE_ROW_BYTES_MAX)
        return damaged(r, "a row is too long");
    buf_clear(&r->row);
    while (r->row.len < len) {
        struct str part;
        TRY(part_get(r, len - r->row.len, &part));
        buf_put_str(&r->row, part);
    }
    struct str rest = buf_str(&r->row);
    for (size_t i = 0; i < r->table.columns_count; i++)
        if (!value_decode(&rest, r->columns[i].type, &r->values[i]))
            return damaged(r, "a value is not what its column says");
    if (rest.len)
        return damaged(r, "a row is longer than its columns");
    r->seen.rows++;
    return r->sink->row ? r->sink->row(r->cx, r->values, r->sink->arg) : OK;
}

static enum err records_get(struct reader *r)
{
    for (;;) {
        char kind;
        TRY(get(r, &kind, 1));
        if (kind == 'E')
            return r->pos == r->len && r->at == r->end ? OK
                                                       : damaged(r, "something follows its end");
        if (kind == 'T')
            TRY(table_get(r));
        else if (kind == 'R')
            TRY(row_get(r));
        else
            return damaged(r, "there is a record of an unknown kind");
    }
}

/* ---- the whole ---- */

static struct reader *reader_new(struct cx *cx, int fd, const struct archive_sink *sink)
{
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->cx = cx;
    r->fd = fd;
    r->sink = sink;
    r->hash = sha256_new();
    r->packed_max = compressBound(ARCHIVE_BLOCK_BYTES);
    r->plain = malloc(ARCHIVE_BLOCK_BYTES);
    r->packed = malloc(r->packed_max);
    if (!r->plain || !r->packed)
        abort();
    buf_init(&r->row, NULL, ARCHIVE_ROW_BYTES_MAX);
    return r;
}

static void reader_free(struct reader *r)
{
    sha256_free(r->hash);
    buf_release(&r->row);
    free(r->plain);
    free(r->packed);
    free(r);
}

enum err archive_head(struct cx *cx, int fd, int64_t *ret_schema)
{
    static const struct archive_sink none = { 0 };
    struct reader *r = reader_new(cx, fd, &none);
    enum err e = ends_read(r);
    if (e == OK)
        *ret_schema = r->schema;
    reader_free(r);
    return e;
}

enum err archive_scan(struct cx *cx, int fd, const struct archive_sink *sink,
                      struct db_archive_counts *ret)
{
    struct reader *r = reader_new(cx, fd, sink);
    enum err e = ends_read(r);
    if (e == OK)
        e = records_get(r);
    if (e == OK)
        e = trailer_check(r);
    if (e == OK)
        *ret = (struct db_archive_counts){ .tables = r->seen.tables,
                                           .rows = r->seen.rows,
                                           .bytes = r->end + ARCHIVE_TRAILER_BYTES };
    reader_free(r);
    return e;
}
