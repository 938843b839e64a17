/* Archives: whatever bytes come, they are refused or they are rows within the limits, which can be
 * written and read again. Each input is tried as a file; as a file whose checksum is put right; and
 * as the records within the blocks of a right file, which is where most of the form is. */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/crypto.h"
#include "db/archive_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int file_of(const void *bytes, size_t len)
{
    int fd = memfd_create("archive", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    return fd;
}

struct again {
    struct archive_writer *writer;
    size_t columns;
    enum db_type types[ARCHIVE_COLUMNS_MAX];
};

static enum err table_again(struct cx *cx, const struct archive_table *t, void *arg)
{
    struct again *a = arg;
    must(t->columns_count >= 1 && t->columns_count <= ARCHIVE_COLUMNS_MAX);
    must(t->name.len >= 1 && t->name.len <= ARCHIVE_NAME_BYTES_MAX && archive_text_valid(t->name));
    a->columns = t->columns_count;
    for (size_t i = 0; i < t->columns_count; i++)
        a->types[i] = t->columns[i].type;
    return archive_writer_table(a->writer, cx, t);
}

static enum err row_again(struct cx *cx, const struct db_value *values, void *arg)
{
    struct again *a = arg;
    for (size_t i = 0; i < a->columns; i++) {
        const struct db_value *v = &values[i];
        must(v->type == DB_NULL || v->type == a->types[i]);
        must((v->type != DB_TEXT && v->type != DB_BLOB) || v->s.ptr);
        must(v->type != DB_TEXT || archive_text_valid(v->s));
    }
    enum err e = archive_writer_row(a->writer, cx, values);
    must(e == OK);
    return e;
}

static void scan(int fd)
{
    struct cx cx = { .arena = arena_new(0) };
    struct again a = { 0 };
    struct db_archive_counts first, written, second;
    int copy = memfd_create("copy", MFD_CLOEXEC);
    must(copy >= 0);
    int64_t schema = 0;
    a.writer = archive_writer_new(copy, 1);
    const struct archive_sink sink = { table_again, row_again, &a };
    static const struct archive_sink none = { 0 };
    enum err e = archive_scan(&cx, fd, &sink, &first);
    must(e == OK || (e == ERR_VALIDATION && cx.failure.message.len));
    must(e != OK || archive_head(&cx, fd, &schema) == OK);
    if (e == OK) {
        must(archive_writer_finish(a.writer, &cx, &written) == OK);
        must(archive_scan(&cx, copy, &none, &second) == OK);
        must(second.rows == first.rows && second.tables == first.tables);
    }
    archive_writer_free(a.writer);
    close(copy);
    close(fd);
    arena_free(cx.arena);
}

static void put_u32(uint8_t *at, size_t v)
{
    uint32_t big = htobe32((uint32_t)v);
    memcpy(at, &big, sizeof big);
}

static void put_u64(uint8_t *at, uint64_t v)
{
    uint64_t big = htobe64(v);
    memcpy(at, &big, sizeof big);
}

/* Tables and rows that a reader will count, as far as their heads tell. */
static void count_records(const uint8_t *data, size_t size, uint64_t *tables, uint64_t *rows)
{
    for (size_t at = 0; at < size;) {
        if (data[at] == 'R' && size - at > 5) {
            uint32_t len;
            memcpy(&len, data + at + 1, sizeof len);
            at += 5 + (size_t)be32toh(len);
            ++*rows;
        } else if (data[at] == 'T' && size - at > 2) {
            size_t name = at + 2 + data[at + 1];
            size_t columns = name < size ? data[name] : 0;
            at = name + 1;
            for (; columns && at + 1 < size; columns--)
                at += 2 + (size_t)data[at + 1];
            ++*tables;
        } else {
            return;
        }
    }
}

static void scan_records(const uint8_t *data, size_t size)
{
    uLongf packed = compressBound(size);
    size_t room = ARCHIVE_HEAD_BYTES + 12 + packed + ARCHIVE_TRAILER_BYTES;
    uint8_t *file = calloc(1, room), *at = file + ARCHIVE_HEAD_BYTES;
    uint64_t tables = 0, rows = 0;
    must(file != NULL);
    memcpy(file, "OPBXARC\n", 8);
    put_u32(file + 8, ARCHIVE_FORMAT);
    put_u32(file + 12, 1);
    must(compress2(at + 12, &packed, data, size, 1) == Z_OK);
    put_u32(at, size);
    put_u32(at + 4, packed);
    put_u32(at + 8, crc32(0, data, (uInt)size));
    at += 12 + packed;
    count_records(data, size, &tables, &rows);
    memcpy(at, "OPBXEND\n", 8);
    put_u64(at + 8, tables);
    put_u64(at + 16, rows);
    put_u64(at + 24, size);
    sha256((struct str){ (char *)file, (size_t)(at - file) + 32 }, at + 32);
    scan(file_of(file, (size_t)(at - file) + ARCHIVE_TRAILER_BYTES));
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crypto_init();
    scan(file_of(data, size));
    if (size >= 32) {
        uint8_t *right = malloc(size);
        must(right != NULL);
        memcpy(right, data, size);
        sha256((struct str){ (const char *)data, size - 32 }, right + size - 32);
        scan(file_of(right, size));
        free(right);
    }
    if (size >= 1 && size <= ARCHIVE_BLOCK_BYTES)
        scan_records(data, size);
    return 0;
}
