/* Spool: an upload on its way in.
 *
 * Goals: memory stays at BLOB_INLINE_BYTES_MAX whatever the size; a broken upload leaves nothing.
 * Non-goals: durability before blob_spool_finish. Invariant: up to BLOB_INLINE_BYTES_MAX bytes
 * stand in `memory` and there is no file; beyond, all of them stand in the file tmp/<cuid>, which
 * is removed by blob_spool_free unless the store has moved it away (a crash leaves it to the
 * sweep). */
#include "blob/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/app.h"
#include "base/buf.h"
#include "base/cuid.h"

struct blob_spool {
    int64_t bytes, bytes_max;
    struct sha256_ctx *hash;
    bool hashed;
    uint8_t sha256[SHA256_BYTES];
    struct buf memory;
    int fd; /* -1: no file */
    char *path;
};

enum err blob_spool_begin(struct cx *cx, int64_t bytes_max, struct blob_spool **ret)
{
    (void)cx;
    struct blob_spool *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->bytes_max = bytes_max;
    s->fd = -1;
    s->hash = sha256_new();
    buf_init(&s->memory, NULL, BLOB_INLINE_BYTES_MAX);
    *ret = s;
    return OK;
}

static enum err file_write(struct cx *cx, struct blob_spool *s, struct str bytes)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(s->fd, bytes.ptr + done, bytes.len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return blob_io_fail(cx, "write of a spool", n == 0 ? EIO : errno);
    }
    return OK;
}

/* Moves what stood in memory into a new file. */
static enum err file_begin(struct cx *cx, struct blob_spool *s)
{
    char name[CUID_BYTES];
    assert(cx->app->blobs);
    cuid_make(cx->now_ms, name);
    struct buf path;
    buf_init(&path, NULL, 4096 + CUID_BYTES + 2);
    buf_put_cstr(&path, cx->app->blobs->tmp);
    buf_put_byte(&path, '/');
    buf_put(&path, name, sizeof name);
    buf_put_byte(&path, 0);
    assert(!path.overflow);
    s->fd = open(path.ptr, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->fd < 0) {
        int n = errno;
        buf_release(&path);
        return blob_io_fail(cx, "open of a spool", n);
    }
    s->path = path.ptr;
    TRY(file_write(cx, s, buf_str(&s->memory)));
    buf_release(&s->memory);
    return OK;
}

enum err blob_spool_write(struct cx *cx, struct blob_spool *s, struct str bytes)
{
    assert(!s->hashed);
    if (bytes.len > (uint64_t)(s->bytes_max - s->bytes)) {
        cx_fail(cx, ERR_PAYLOAD_TOO_LARGE, "The file is larger than %lld bytes.",
                (long long)s->bytes_max);
        return ERR_PAYLOAD_TOO_LARGE;
    }
    if (s->fd < 0 && s->bytes + (int64_t)bytes.len > BLOB_INLINE_BYTES_MAX)
        TRY(file_begin(cx, s));
    if (s->fd >= 0)
        TRY(file_write(cx, s, bytes));
    else
        buf_put(&s->memory, bytes.ptr, bytes.len);
    sha256_add(s->hash, bytes);
    s->bytes += (int64_t)bytes.len;
    return OK;
}

int64_t blob_spool_bytes(const struct blob_spool *s)
{
    return s->bytes;
}

void blob_spool_sha256(struct blob_spool *s, uint8_t out[SHA256_BYTES])
{
    if (!s->hashed)
        sha256_final(s->hash, s->sha256);
    s->hashed = true;
    memcpy(out, s->sha256, SHA256_BYTES);
}

bool blob_spool_in_memory(const struct blob_spool *s, struct str *ret_bytes)
{
    if (s->fd >= 0)
        return false;
    *ret_bytes = buf_str(&s->memory);
    return true;
}

struct blob_source blob_spool_source(struct blob_spool *s)
{
    struct blob_source src = { .fd = s->fd, .path = s->path, .bytes = s->bytes };
    blob_spool_sha256(s, src.sha256);
    return src;
}

void blob_spool_moved(struct blob_spool *s)
{
    free(s->path);
    s->path = NULL;
}

void blob_spool_free(struct blob_spool *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->path)
        unlink(s->path);
    free(s->path);
    sha256_free(s->hash);
    buf_release(&s->memory);
    free(s);
}
