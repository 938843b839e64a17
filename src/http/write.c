/* Bytes to the socket: small answers put together, the rest copied when the socket is full.
 *
 * Invariants: bytes of one connection leave in the order they were given; the loop's buffer belongs
 * to one connection at a time, since conn_flush is called before another is looked at. */
#include <stdlib.h>

#include "http/conn.h"

struct write {
    uv_write_t req;
    struct conn *conn;
    size_t len;
    char bytes[];
};

struct buf *conn_out(struct conn *c)
{
    return &c->hl->out;
}

bool conn_write_waits(const struct conn *c, size_t bytes)
{
    return uv_stream_get_write_queue_size(&c->stream) > bytes;
}

bool conn_write_moves(const struct conn *c)
{
    return uv_stream_get_write_queue_size(&c->stream) < c->unsent;
}

static void on_written(uv_write_t *req, int status)
{
    struct write *w = (struct write *)req;
    struct conn *c = w->conn;
    free(w);
    if (c->state == CONN_CLOSED)
        return;
    if (status < 0)
        conn_close(c);
    else if (uv_stream_get_write_queue_size(&c->stream) == 0)
        conn_drained(c);
    else if (c->timer == TIMER_WRITE)
        conn_arm(c, TIMER_WRITE); /* it moves */
}

static void write_later(struct conn *c, const char *bytes, size_t len)
{
    struct write *w = malloc(sizeof *w + len);
    if (!w)
        abort();
    w->conn = c;
    w->len = len;
    memcpy(w->bytes, bytes, len);
    uv_buf_t b = uv_buf_init(w->bytes, (unsigned)len);
    if (uv_write(&w->req, &c->stream, &b, 1, on_written) != 0) {
        free(w);
        conn_close(c);
        return;
    }
    conn_arm(c, TIMER_WRITE);
}

static void write_now(struct conn *c, const char *bytes, size_t len)
{
    uv_buf_t b = uv_buf_init((char *)bytes, (unsigned)len);
    int n = uv_try_write(&c->stream, &b, 1);
    c->hl->bytes_out += (int64_t)len;
    if (n < 0 && n != UV_EAGAIN) {
        conn_close(c);
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent < len)
        write_later(c, bytes + sent, len - sent);
}

void conn_flush(struct conn *c)
{
    struct buf *out = &c->hl->out;
    if (out->len == 0 || c->state == CONN_CLOSED) {
        buf_clear(out);
        return;
    }
    write_now(c, out->ptr, out->len);
    buf_clear(out);
}

void conn_write(struct conn *c, struct str bytes)
{
    conn_flush(c);
    if (bytes.len && c->state != CONN_CLOSED)
        write_now(c, bytes.ptr, bytes.len);
}
