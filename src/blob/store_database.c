/* Store "database": chunks of 256 KiB in table blob_chunks, each put in a transaction of its own.
 *
 * Goals: several nodes over one PostgreSQL need nothing but it; no closure handles more than one
 * chunk on the way in. Invariant: chunk 0 is written last and removed first, so bytes are whole if
 * and only if chunk 0 is there. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/app.h"
#include "blob/blob_sql.h"
#include "blob/store.h"

enum { ORPHANS_SLICE = 100, DROP_CHUNKS = 4 };

struct touch {
    struct str address;
    bool there;
};

static enum err touch_run(struct cx *cx, void *arg)
{
    struct touch *t = arg;
    struct blob_chunk_touch_in in = { .address = t->address, .created_at = cx->now_ms };
    int64_t affected;
    TRY(blob_chunk_touch(cx, &in, &affected));
    t->there = affected == 1;
    return OK;
}

static enum err chunk_write(struct cx *cx, void *in)
{
    return blob_chunk_put(cx, in, NULL);
}

static enum err chunk_load(struct cx *cx, const struct blob_source *src, int64_t seq, char *chunk,
                           size_t *ret_len)
{
    size_t len = 0;
    while (len < BLOB_CHUNK_BYTES) {
        ssize_t n = pread(src->fd, chunk + len, BLOB_CHUNK_BYTES - len,
                          seq * BLOB_CHUNK_BYTES + (int64_t)len);
        if (n == 0)
            break;
        if (n > 0)
            len += (size_t)n;
        else if (errno != EINTR)
            return blob_io_fail(cx, "read of a spool", errno);
    }
    *ret_len = len;
    return OK;
}

static enum err put_chunks(struct cx *cx, struct str address, const struct blob_source *src,
                           char *chunk)
{
    int64_t chunks = (src->bytes + BLOB_CHUNK_BYTES - 1) / BLOB_CHUNK_BYTES;
    for (int64_t seq = chunks > 0 ? chunks - 1 : 0; seq >= 0; seq--) {
        size_t len = 0;
        TRY(chunk_load(cx, src, seq, chunk, &len));
        struct arena_mark m = arena_mark(cx->arena);
        struct blob_chunk_put_in in = {
            .address = address, .seq = seq, .bytes = { chunk, len }, .created_at = cx->now_ms
        };
        TRY(db_write(cx, chunk_write, &in));
        arena_reset(cx->arena, m);
    }
    return OK;
}

static enum err database_put(struct cx *cx, struct blob_store *s, struct str address,
                             const struct blob_source *src, bool *ret_moved)
{
    struct touch t = { .address = address };
    (void)s;
    *ret_moved = false;
    TRY(db_write(cx, touch_run, &t));
    if (t.there)
        return OK;
    char *chunk = malloc(BLOB_CHUNK_BYTES);
    if (!chunk)
        abort();
    enum err e = put_chunks(cx, address, src, chunk);
    free(chunk);
    return e;
}

/* ---- reading ---- */

struct piece {
    struct str address;
    int64_t seq;
    size_t from, len; /* inside the chunk */
    char *out;
    bool found;
};

static enum err piece_row(struct cx *cx, const struct blob_chunk_get_row *row, void *arg)
{
    struct piece *p = arg;
    if (row->bytes.len < p->from + p->len)
        return cx_fault(cx, "a chunk of a blob is shorter than its row says");
    memcpy(p->out, row->bytes.ptr + p->from, p->len);
    p->found = true;
    return OK;
}

static enum err piece_read(struct cx *cx, void *arg)
{
    struct piece *p = arg;
    struct blob_chunk_get_in in = { .address = p->address, .seq = p->seq };
    TRY(blob_chunk_get(cx, &in, piece_row, p));
    return p->found ? OK : cx_fault(cx, "a chunk of a blob is missing");
}

static enum err database_get(struct cx *cx, struct blob_store *s, struct str address,
                             int64_t offset, size_t len, char *out)
{
    (void)s;
    for (size_t done = 0; done < len;) {
        int64_t at = offset + (int64_t)done;
        struct piece p = { .address = address,
                           .seq = at / BLOB_CHUNK_BYTES,
                           .from = (size_t)(at % BLOB_CHUNK_BYTES),
                           .out = out + done };
        p.len = BLOB_CHUNK_BYTES - p.from;
        if (p.len > len - done)
            p.len = len - done;
        TRY(db_read(cx, piece_read, &p));
        done += p.len;
    }
    return OK;
}

/* ---- sweep ---- */

struct orphans {
    struct blob_chunk_orphans_in in;
    struct blob_chunk_orphans_row *rows;
    size_t count;
};

static enum err orphans_read(struct cx *cx, void *arg)
{
    struct orphans *o = arg;
    return blob_chunk_orphans(cx, &o->in, &o->rows, &o->count);
}

struct drop {
    struct str address;
    int64_t before_ms, affected;
};

static enum err drop_first(struct cx *cx, void *arg)
{
    struct drop *d = arg;
    struct blob_chunk_drop_first_in in = { .address = d->address, .before = d->before_ms };
    return blob_chunk_drop_first(cx, &in, &d->affected);
}

static enum err drop_rest(struct cx *cx, void *arg)
{
    struct drop *d = arg;
    struct blob_chunk_drop_rest_in in = { .address = d->address,
                                          .before = d->before_ms,
                                          .limit = DROP_CHUNKS };
    return blob_chunk_drop_rest(cx, &in, &d->affected);
}

static enum err drop_orphan(struct cx *cx, struct str address, int64_t before_ms,
                            int64_t *ret_removed)
{
    struct drop d = { .address = address, .before_ms = before_ms };
    TRY(db_write(cx, drop_first, &d));
    bool any = d.affected > 0;
    do {
        TRY(db_write(cx, drop_rest, &d));
        any |= d.affected > 0;
    } while (d.affected > 0);
    *ret_removed += any;
    return OK;
}

static enum err database_sweep(struct cx *cx, struct blob_store *s, int64_t before_ms,
                               int64_t *ret_removed)
{
    struct orphans o = { .in = { .after = STR(""), .limit = ORPHANS_SLICE } };
    char last[BLOB_ADDRESS_BYTES];
    (void)s;
    do {
        struct arena_mark m = arena_mark(cx->arena);
        TRY(db_read(cx, orphans_read, &o));
        for (size_t i = 0; i < o.count; i++)
            TRY(drop_orphan(cx, o.rows[i].address, before_ms, ret_removed));
        if (o.count > 0 && o.rows[o.count - 1].address.len == sizeof last) {
            memcpy(last, o.rows[o.count - 1].address.ptr, sizeof last);
            o.in.after = (struct str){ last, sizeof last };
        }
        arena_reset(cx->arena, m);
    } while (o.count == ORPHANS_SLICE);
    return OK;
}

static void database_close(struct blob_store *s)
{
    free(s);
}

static const struct blob_store_type database_type = { .name = "database",
                                                      .close = database_close,
                                                      .put = database_put,
                                                      .get = database_get,
                                                      .sweep = database_sweep };

enum err blob_database_open(struct app *app, const struct blob_store_options *o,
                            struct blob_store **ret, char *error, size_t error_size)
{
    (void)app, (void)o, (void)error, (void)error_size;
    struct blob_store *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->type = &database_type;
    *ret = s;
    return OK;
}
