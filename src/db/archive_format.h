/* The bytes of an archive (archive.h): writing and reading them. Private to src/db and its tests.
 *
 * All numbers are big-endian.
 *
 *     head     "OPBXARC\n", u32 format, u32 schema number
 *     block    u32 plain length (1 … ARCHIVE_BLOCK_BYTES), u32 packed length, u32 CRC-32 of the
 *              plain bytes, then the packed ones (RFC 1950)
 *     trailer  "OPBXEND\n", u64 tables, u64 rows, u64 plain bytes, SHA-256 of all that stands
 *              before it
 *
 * The plain bytes of all blocks, one after the other, are records; one may reach over several
 * blocks:
 *
 *     'T'  u8 + name, u8 number of columns, for each u8 type (enum db_type), u8 + name
 *     'R'  u32 length, then for each column u8 type, and i64 | double | u32 + bytes; nothing: NULL
 *     'E'  the end; nothing follows
 *
 * Owns the form and its limits; knows nothing of databases. What is read is hostile: memory grows
 * with the bytes that are there, never by a length that is only claimed. */
#ifndef DB_ARCHIVE_FORMAT_H
#define DB_ARCHIVE_FORMAT_H

#include "db/archive.h"

#define ARCHIVE_FORMAT 1
#define ARCHIVE_HEAD_BYTES 16
#define ARCHIVE_TRAILER_BYTES 64
#define ARCHIVE_BLOCK_BYTES ((size_t)1024 * 1024)
#define ARCHIVE_COLUMNS_MAX 255 /* as many as a statement has parameters */
#define ARCHIVE_NAME_BYTES_MAX 63
#define ARCHIVE_ROW_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct archive_column {
    struct str name;
    enum db_type type;
};

struct archive_table {
    struct str name;
    size_t columns_count;
    struct archive_column *columns;
};

/* UTF-8 without U+0000: what both engines take. */
static inline bool archive_text_valid(struct str s)
{
    return utf8_valid(s) && (!s.len || !memchr(s.ptr, 0, s.len));
}

/* ---- writing ---- */

struct archive_writer;

/* Begins at fd's position, writes the head. */
struct archive_writer *archive_writer_new(int fd, int64_t schema);
void archive_writer_free(struct archive_writer *w); /* NULL is fine */
/* ERR_STORAGE or ERR_QUOTA_EXCEEDED when fd takes no more; a value that could not be restored
 * (text that is not UTF-8, a row that is too long) is an internal fault. */
enum err archive_writer_table(struct archive_writer *w, struct cx *cx,
                              const struct archive_table *t);
enum err archive_writer_row(struct archive_writer *w, struct cx *cx, const struct db_value *values);
/* The end and the trailer. */
enum err archive_writer_finish(struct archive_writer *w, struct cx *cx,
                               struct db_archive_counts *ret);

/* ---- reading ---- */

/* What comes out, in the order of the archive. Either may be NULL. */
struct archive_sink {
    /* `t` lives until the next table. */
    enum err (*table)(struct cx *cx, const struct archive_table *t, void *arg);
    /* Of the last table; valid only during the call. Types are the columns', or NULL. */
    enum err (*row)(struct cx *cx, const struct db_value *values, void *arg);
    void *arg;
};
/* The schema number in the head, after a look at head and trailer only. */
enum err archive_head(struct cx *cx, int fd, int64_t *ret_schema);
/* Reads all of fd, a regular file, from its beginning. ERR_VALIDATION with one sentence when
 * anything is not as it was written; what the sink has got until then is void. */
enum err archive_scan(struct cx *cx, int fd, const struct archive_sink *sink,
                      struct db_archive_counts *ret);

#endif
