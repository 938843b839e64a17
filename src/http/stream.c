/* Answers that take their time: event streams from a sink, downloads from a blob.
 *
 * Goals: no more is taken from the source than the socket has room for; a reader that leaves lets
 * go of the source at once; a cut stream never looks like a whole one (no last chunk). Invariants:
 * `sink_posted` is true from a wake-up until its message was handled, so that the exchange stays;
 * at most one piece of a download is being read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/app.h"
#include "blob/blob.h"
#include "http/server.h"
#include "op/sink.h"

enum { PIECE_BYTES = 64 * 1024 };

static bool waits(const struct conn *c)
{
    return uv_stream_get_write_queue_size(&c->stream) > 0;
}

/* ---- event streams ---- */

static void stream_end(struct conn *c, enum sink_state state)
{
    if (state == SINK_ABORTED) {
        conn_close(c);
        return;
    }
    if (!c->x->chunked)
        c->keep_alive = false;
    conn_answered(c);
    if (c->state != CONN_CLOSED)
        conn_process(c);
}

/* Size and bytes of a chunk go straight into the loop's buffer; the size has six digits, so that it
 * can be written last. */
static enum sink_state take_chunk(struct conn *c, size_t *ret_len)
{
    struct buf *out = conn_out(c);
    bool chunked = c->x->chunked;
    if (out->len > HTTP_OUT_BYTES)
        conn_flush(c);
    size_t head = out->len;
    if (chunked)
        buf_put_cstr(out, "000000\r\n");
    size_t from = out->len;
    enum sink_state state = sink_take(c->x->sink, out, PIECE_BYTES / 2);
    *ret_len = out->len - from;
    if (*ret_len == 0) {
        out->len = head;
        return state;
    }
    if (chunked) {
        for (size_t i = 0, n = *ret_len; i < 6; i++, n >>= 4)
            out->ptr[head + 5 - i] = "0123456789abcdef"[n & 15];
        buf_put_cstr(out, "\r\n");
    }
    return state;
}

void stream_pump(struct conn *c)
{
    struct exchange *x = c->x;
    while (c->state == CONN_REPLYING && !waits(c)) {
        size_t len;
        enum sink_state state = take_chunk(c, &len);
        bool ended =
            state != SINK_OPEN && !x->sink_posted; /* else its message comes, and ends it */
        if (ended && state == SINK_CLOSED && x->chunked)
            buf_put_cstr(conn_out(c), "0\r\n\r\n");
        conn_flush(c);
        if (c->state != CONN_REPLYING)
            return;
        if (ended) {
            stream_end(c, state);
            return;
        }
        if (len && !waits(c))
            conn_arm(c, TIMER_COMMENT);
        if (len < PIECE_BYTES / 2)
            return; /* the sink wakes us */
    }
}

static void on_sink_msg(struct loop_msg *m)
{
    struct exchange *x = (struct exchange *)((char *)m - offsetof(struct exchange, sink_msg));
    x->sink_posted = false;
    if (x->conn->state == CONN_CLOSED)
        conn_reap(x->conn);
    else if (x->conn->state == CONN_REPLYING)
        stream_pump(x->conn);
}

/* From any thread, under the sink's lock. */
static void on_sink_wake(void *arg)
{
    struct exchange *x = arg;
    if (x->sink_posted)
        return;
    x->sink_posted = true;
    loop_post(x->conn->hl->loop, &x->sink_msg);
}

void stream_begin(struct conn *c, struct sink *sink)
{
    c->x->sink = sink;
    c->x->sink_msg.fn = on_sink_msg;
    conn_arm(c, TIMER_COMMENT);
    sink_attach(sink, on_sink_wake, c->x);
    stream_pump(c); /* the head leaves together with what has happened already */
}

void stream_comment(struct conn *c)
{
    conn_write(c, c->x->chunked ? STR("4\r\n: \n\n\r\n") : STR(": \n\n"));
    if (c->state == CONN_REPLYING && !waits(c))
        conn_arm(c, TIMER_COMMENT);
}

/* ---- downloads ---- */

static void next_piece(struct conn *c);

static void on_piece_msg(struct loop_msg *m)
{
    struct exchange *x = (struct exchange *)((char *)m - offsetof(struct exchange, piece_msg));
    struct conn *c = x->conn;
    x->piece_busy = false;
    if (c->state == CONN_CLOSED) {
        conn_reap(c);
        return;
    }
    if (x->piece_result != OK || x->piece_len == 0) {
        conn_close(c); /* the length was promised: a cut is the only honest end */
        return;
    }
    x->blob_at += (int64_t)x->piece_len;
    conn_write(c, (struct str){ x->piece, x->piece_len });
    if (c->state == CONN_REPLYING && !waits(c))
        next_piece(c);
}

static void on_piece_job(struct pool_job *j)
{
    struct exchange *x = (struct exchange *)((char *)j - offsetof(struct exchange, piece_job));
    int64_t left = x->blob_end - x->blob_at;
    size_t want = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    struct arena_mark mark = arena_mark(x->arena);
    x->piece_result = blob_read_at(&x->call.cx, x->blob, x->blob_at, want, x->piece, &x->piece_len);
    arena_reset(x->arena, mark);
    x->piece_msg.fn = on_piece_msg;
    loop_post(x->conn->hl->loop, &x->piece_msg);
}

static void next_piece(struct conn *c)
{
    struct exchange *x = c->x;
    if (x->blob_at >= x->blob_end) {
        conn_answered(c);
        if (c->state != CONN_CLOSED)
            conn_process(c);
        return;
    }
    x->piece_busy = true;
    x->piece_job.fn = on_piece_job;
    if (!pool_submit(http_app(c->hl->server)->workers, &x->piece_job)) {
        x->piece_busy = false;
        conn_close(c);
    }
}

void download_begin(struct conn *c, struct blob_reader *blob, int64_t from, int64_t end)
{
    struct exchange *x = c->x;
    x->blob = blob;
    x->blob_at = from;
    x->blob_end = end;
    x->piece = malloc(PIECE_BYTES);
    if (!x->piece)
        abort();
    if (!waits(c))
        next_piece(c);
}

/* ---- both ---- */

void conn_drained(struct conn *c)
{
    struct exchange *x = c->x;
    if (c->state == CONN_LINGER)
        return; /* the shutdown's callback comes next */
    conn_arm(c, TIMER_NONE);
    if (c->state == CONN_REPLYING && x->sink) {
        conn_arm(c, TIMER_COMMENT);
        stream_pump(c);
    } else if (c->state == CONN_REPLYING && x->blob) {
        if (!x->piece_busy)
            next_piece(c);
    } else {
        if (c->state == CONN_HEAD)
            conn_arm(c, x ? TIMER_HEAD : TIMER_IDLE);
        else if (c->state == CONN_BODY && !x->body_done)
            conn_arm(c, TIMER_BODY);
        conn_process(c);
    }
}
