/* The life of a connection: reading, states, time-outs, end.
 *
 * Goals: one small struct while idle; pipelined requests answered in order; nothing read that
 * cannot be used yet; no connection outlives its time-outs. Invariants:
 *   - conn_process is never entered twice (`processing`): what happens inside it is taken up by its
 * loop;
 *   - bytes behind the request in front wait in `pending`, and reading stops meanwhile;
 *   - an exchange is given back only when neither the gate, a lane nor a write holds it. */
#include "http/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/app.h"
#include "http/server.h"
#include "op/sink.h"

enum { EXCHANGES_KEPT = 64, ARENA_BYTES_KEPT = 64 * 1024 };

/* ---- time-outs ---- */

static int64_t timer_ms(const struct http_options *o, enum conn_timer kind)
{
    switch (kind) {
    case TIMER_IDLE:
        return o->idle_timeout_s * 1000;
    case TIMER_HEAD:
        return o->header_timeout_s * 1000;
    case TIMER_BODY:
        return o->body_timeout_s * 1000;
    case TIMER_WRITE:
        return o->write_timeout_s * 1000;
    case TIMER_COMMENT:
        return HTTP_SSE_COMMENT_S * 1000;
    default:
        return 2000;
    }
}

static void disarm(struct conn *c)
{
    struct http_loop *hl = c->hl;
    if (c->timer == TIMER_NONE)
        return;
    if (c->timer_prev)
        c->timer_prev->timer_next = c->timer_next;
    else
        hl->timers[c->timer] = c->timer_next;
    if (c->timer_next)
        c->timer_next->timer_prev = c->timer_prev;
    else
        hl->timers_last[c->timer] = c->timer_prev;
    c->timer_next = c->timer_prev = NULL;
    c->timer = TIMER_NONE;
}

void conn_arm(struct conn *c, enum conn_timer kind)
{
    struct http_loop *hl = c->hl;
    disarm(c);
    if (kind == TIMER_NONE)
        return;
    c->timer = kind;
    c->unsent = kind == TIMER_WRITE ? uv_stream_get_write_queue_size(&c->stream) : 0;
    c->deadline_ms = loop_monotonic_ms(hl->loop) + timer_ms(http_opts(hl->server), kind);
    c->timer_prev = hl->timers_last[kind];
    if (c->timer_prev)
        c->timer_prev->timer_next = c;
    else
        hl->timers[kind] = c;
    hl->timers_last[kind] = c;
}

static void timed_out(struct conn *c)
{
    enum conn_timer kind = c->timer;
    disarm(c);
    switch (kind) {
    case TIMER_HEAD:
        conn_refuse(c, ERR_REQUEST_TIMEOUT, "The request head did not arrive in time.");
        break;
    case TIMER_BODY:
        conn_refuse(c, ERR_REQUEST_TIMEOUT, "The request body did not arrive in time.");
        break;
    case TIMER_COMMENT:
        stream_comment(c);
        break;
    case TIMER_WRITE:
        if (conn_write_moves(c))
            conn_arm(c, TIMER_WRITE);
        else
            conn_close(c);
        break;
    default:
        conn_close(c);
    }
}

void conn_sweep(struct http_loop *hl)
{
    int64_t now_ms = loop_monotonic_ms(hl->loop);
    for (int kind = TIMER_IDLE; kind < TIMER_COUNT; kind++) {
        /* Who is armed again on the way waits for the next sweep, however short its time. */
        const struct conn *last = hl->timers_last[kind];
        while (hl->timers[kind] && hl->timers[kind]->deadline_ms <= now_ms) {
            struct conn *c = hl->timers[kind];
            timed_out(c);
            if (c == last)
                break;
        }
    }
}

/* ---- exchanges ---- */

void exchange_begin(struct conn *c)
{
    struct http_loop *hl = c->hl;
    struct exchange *x = hl->free;
    if (x) {
        hl->free = x->next;
        hl->free_count--;
    } else {
        x = calloc(1, sizeof *x);
        if (!x)
            abort();
        x->arena = arena_new(8192);
    }
    struct arena *a = x->arena;
    /* Spans are written before they are read: clearing them would cost more than all the rest. */
    memset(x, 0, offsetof(struct exchange, spans));
    memset(&x->span_count, 0, sizeof *x - offsetof(struct exchange, span_count));
    x->arena = a;
    x->conn = c;
    buf_init(&x->head, a, HTTP_HEAD_BYTES_MAX);
    buf_init(&x->body, NULL, HTTP_READ_BYTES);
    call_init(&x->call, http_app(hl->server), a);
    x->call.loop = hl->loop;
    x->call.snapshot = &hl->snapshot;
    x->call.face_data = c;
    c->x = x;
    c->last_byte = '\0';
    llhttp_init(&c->parser, HTTP_REQUEST, &http_parser_settings);
    c->parser.data = c;
    conn_arm(c, TIMER_HEAD);
}

static bool exchange_held(const struct exchange *x)
{
    return call_busy(&x->call) || x->piece_busy || x->sink_posted;
}

static void exchange_end(struct exchange *x)
{
    struct http_loop *hl = x->conn->hl;
    assert(!exchange_held(x));
    x->conn->x = NULL;
    if (x->sink) {
        sink_leave(x->sink);
        sink_unref(x->sink);
    }
    call_release(&x->call);
    buf_release(&x->body);
    free(x->piece);
    arena_clear(x->arena, ARENA_BYTES_KEPT);
    if (hl->free_count >= EXCHANGES_KEPT) {
        arena_free(x->arena);
        free(x);
        return;
    }
    x->next = hl->free;
    hl->free = x;
    hl->free_count++;
}

void exchange_forget(struct exchange *x)
{
    struct cx *cx = &x->call.cx;
    buf_release(&x->body);
    arena_clear(x->arena, 0);
    buf_init(&x->head, x->arena, HTTP_HEAD_BYTES_MAX);
    x->headers = NULL;
    x->span_count = 0;
    x->call.rq = (struct raw_request){ 0 };
    *cx = (struct cx){ .arena = x->arena, .app = cx->app };
}

/* ---- end ---- */

void conn_reap(struct conn *c)
{
    struct http_loop *hl = c->hl;
    if (!c->closed || (c->x && exchange_held(c->x)))
        return;
    if (c->x)
        exchange_end(c->x);
    if (c->all_prev)
        c->all_prev->all_next = c->all_next;
    else
        hl->all = c->all_next;
    if (c->all_next)
        c->all_next->all_prev = c->all_prev;
    buf_release(&c->pending);
    free(c);
    http_conn_closed(hl);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = (struct conn *)h;
    c->closed = true;
    conn_reap(c);
}

/* The handle closes at once; who still holds the exchange comes back and reaps. */
void conn_close(struct conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    conn_arm(c, TIMER_NONE);
    if (c->x && c->x->sink)
        sink_leave(c->x->sink);
    if (c->x && c->x->call.upload)
        call_upload_abort(&c->x->call);
    uv_close(&c->handle, on_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct conn *c = req->data;
    if (c->state == CONN_CLOSED)
        return;
    if (status < 0 || !c->unread_body)
        conn_close(c);
    else
        conn_arm(c, TIMER_LINGER);
}

static void drop_pending(struct conn *c)
{
    buf_release(&c->pending);
    c->pending_at = 0;
}

/* Writes what is left, then ends our side. With unread bytes of the client a plain close would be a
 * reset that may overtake the answer: they are read and dropped for a while. */
static void conn_end(struct conn *c)
{
    c->unread_body |= c->pending.len || c->input.len;
    drop_pending(c);
    c->state = CONN_LINGER;
    conn_flush(c);
    if (c->state == CONN_CLOSED)
        return;
    conn_arm(c, TIMER_WRITE);
    c->shutdown.data = c;
    if (uv_shutdown(&c->shutdown, &c->stream, on_shutdown) != 0)
        conn_close(c);
}

bool conn_stays_open(const struct conn *c)
{
    bool more = !c->eof || c->pending.len || c->input.len;
    return c->keep_alive && !c->unread_body && more && !c->hl->draining;
}

void conn_answered(struct conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    if (c->x)
        exchange_end(c->x);
    if (!conn_stays_open(c)) {
        conn_end(c);
        return;
    }
    c->state = CONN_HEAD;
    conn_arm(c, conn_write_waits(c, 0) ? TIMER_WRITE : TIMER_IDLE);
}

/* ---- the gate's answers ---- */

static void on_done(struct call *call)
{
    struct conn *c = call->face_data;
    if (c->state == CONN_CLOSED) {
        conn_reap(c);
        return;
    }
    /* An upload that was refused on the way leaves bytes behind. */
    c->unread_body |= c->state == CONN_BODY && !c->x->body_done;
    c->state = CONN_REPLYING;
    conn_reply(c);
    conn_process(c);
}

static void on_resume(struct call *call)
{
    struct conn *c = call->face_data;
    if (c->state == CONN_CLOSED) {
        conn_reap(c);
        return;
    }
    conn_arm(c, c->x->body_done ? TIMER_NONE : TIMER_BODY);
    conn_process(c);
}

static bool is_loopback(struct str address)
{
    return str_starts(address, STR("127.")) || str_is(address, "::1");
}

/* What only this port or socket may answer. It asks for the row that was matched: a path can be
 * spelled in many ways. A request that a proxy has passed on is nobody's of this machine. */
static bool row_open(const struct conn *c)
{
    const struct raw_request *rq = &c->x->call.rq;
    const char *name = c->x->call.op->name;
    if (strcmp(name, "get_metrics") != 0)
        return !c->metrics_only || strcmp(name, "get_health") == 0 ||
               strcmp(name, "get_readiness") == 0;
    return c->metrics_only || c->control ||
           (is_loopback(str_of(c->remote)) && !str_given(request_header(rq, "forwarded")) &&
            !str_given(request_header(rq, "x-forwarded-for")));
}

static void on_head(struct call *call, enum call_verdict v)
{
    struct conn *c = call->face_data;
    struct exchange *x = c->x;
    if (c->state == CONN_CLOSED) {
        conn_reap(c);
        return;
    }
    if (v == CALL_REFUSED) {
        c->unread_body = call->rq.content_length != 0;
        c->hl->refused_head++;
        c->state = CONN_REPLYING;
        conn_reply(c);
    } else if (!row_open(c)) {
        c->unread_body = call->rq.content_length != 0;
        conn_refuse(c, ERR_NOT_FOUND, "There is no such path.");
    } else {
        c->state = CONN_BODY;
        x->body_done = call->rq.content_length == 0;
        x->body.max_bytes = call->upload ? HTTP_READ_BYTES : call->body_bytes_max;
        if (x->expects_continue && !x->body_done)
            conn_write(c, STR("HTTP/1.1 100 Continue\r\n\r\n"));
        conn_arm(c, x->body_done ? TIMER_NONE : TIMER_BODY);
    }
    conn_process(c);
}

/* ---- reading ---- */

static void head_done(struct conn *c)
{
    struct exchange *x = c->x;
    conn_arm(c, TIMER_NONE);
    c->hl->requests_total++;
    enum err e = conn_request(c);
    if (e == OK)
        c->state = CONN_ADMITTING; /* well-formed: it is known where the next one begins */
    if (e == OK && c->control)
        e = control_name(c);
    c->unread_body = e != OK && x->call.rq.content_length != 0;
    if (e != OK) {
        conn_refuse(c, e, str_cstr(x->arena, x->call.cx.failure.message));
        return;
    }
    if (cors_preflight(c))
        return;
    x->call.on_head = on_head;
    x->call.on_done = on_done;
    call_head(&x->call);
}

static void body_done(struct conn *c)
{
    struct exchange *x = c->x;
    enum err e = OK;
    conn_arm(c, TIMER_NONE);
    c->state = CONN_RUNNING;
    if (x->call.upload) {
        call_upload_end(&x->call);
        return;
    }
    x->call.rq.body = buf_str(&x->body);
    if (c->control)
        e = control_arguments(c);
    if (e != OK)
        conn_refuse(c, e, str_cstr(x->arena, x->call.cx.failure.message));
    else
        call_body(&x->call);
}

static void feed_upload(struct conn *c)
{
    struct exchange *x = c->x;
    if (x->body_bytes > (int64_t)x->call.body_bytes_max) {
        c->unread_body = !x->body_done;
        conn_refuse(c, ERR_PAYLOAD_TOO_LARGE, "The body is larger than this operation takes.");
        return;
    }
    if (x->body.len == 0)
        return;
    conn_arm(c, TIMER_NONE); /* the time that our disk takes is not the client's */
    call_upload_feed(&x->call, buf_str(&x->body), on_resume);
    if (c->x == x) /* else it was refused at once, and the exchange is over */
        buf_clear(&x->body);
}

/* At most what an upload hands over at once. */
static struct str next_input(const struct conn *c)
{
    struct str all =
        c->pending.len ? str_sub(buf_str(&c->pending), c->pending_at, c->pending.len) : c->input;
    return str_sub(all, 0, HTTP_READ_BYTES);
}

static void keep_for_later(struct conn *c)
{
    buf_consume(&c->pending, c->pending_at);
    c->pending_at = 0;
    buf_put_str(&c->pending, c->input);
    assert(!c->pending.overflow);
    c->input = STR_NULL;
}

static void consume(struct conn *c, size_t n)
{
    if (!c->pending.len) {
        c->input = str_sub(c->input, n, c->input.len);
        return;
    }
    c->pending_at += n;
    if (c->pending_at == c->pending.len)
        drop_pending(c); /* an idle connection holds no buffer */
}

/* Parses what is there; false: nothing is. */
static bool take_input(struct conn *c)
{
    struct str in = next_input(c);
    size_t used;
    if (in.len == 0)
        return false;
    if (!c->x)
        exchange_begin(c);
    if (!conn_parse(c, in.ptr, in.len, &used))
        return true;
    consume(c, used);
    if (c->state == CONN_BODY) {
        conn_arm(c, TIMER_BODY);
        if (c->x->call.upload)
            feed_upload(c);
    } else if (c->x->in_body) {
        head_done(c);
    }
    return true;
}

static bool step(struct conn *c)
{
    assert(c->x || c->state != CONN_BODY);
    switch (c->state) {
    case CONN_HEAD:
        return !conn_write_waits(c, HTTP_UNSENT_BYTES_MAX) && take_input(c);
    case CONN_BODY:
        if (call_busy(&c->x->call))
            return false;
        if (!c->x->body_done)
            return take_input(c);
        body_done(c);
        return true;
    default:
        return false;
    }
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct conn *c = (struct conn *)h;
    *buf = uv_buf_init(c->hl->read_buf, HTTP_READ_BYTES);
}

/* Reading goes on while an answer is made, so that a client that leaves is noticed, up to a bound.
 */
static void adjust_reading(struct conn *c)
{
    bool want = !c->eof && c->pending.len - c->pending_at < HTTP_READ_BYTES;
    if (want == c->reading)
        return;
    c->reading = want;
    if (!want)
        uv_read_stop(&c->stream);
    else if (uv_read_start(&c->stream, on_alloc, on_read) != 0)
        conn_close(c);
}

void conn_process(struct conn *c)
{
    if (c->processing)
        return;
    c->processing = true;
    while (step(c))
        ;
    c->processing = false;
    if (c->state == CONN_CLOSED) {
        conn_flush(c); /* drops what was put together for it */
        return;
    }
    if (c->input.len && c->state != CONN_LINGER)
        keep_for_later(c);
    c->input = STR_NULL;
    if (c->eof && (c->state == CONN_HEAD || c->state == CONN_BODY) && !c->pending.len &&
        !(c->x && call_busy(&c->x->call))) {
        conn_end(c); /* answers to what was whole may still wait to be sent */
        return;
    }
    conn_flush(c);
    if (c->state != CONN_CLOSED)
        adjust_reading(c);
}

static void linger_read(struct conn *c, ssize_t n)
{
    c->lingered += n;
    if (c->lingered > HTTP_LINGER_BYTES_MAX)
        conn_close(c);
}

static void on_end(struct conn *c, ssize_t n)
{
    c->eof = true;
    c->reading = false;
    uv_read_stop(&c->stream);
    if (n != UV_EOF || c->state == CONN_LINGER || (c->x && c->x->sink))
        conn_close(c);
    else
        conn_process(c); /* half-closed: what has begun is still answered */
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = (struct conn *)s;
    if (n == 0 || c->state == CONN_CLOSED)
        return;
    if (n < 0) {
        on_end(c, n);
        return;
    }
    c->hl->bytes_in += n;
    if (c->state == CONN_LINGER) {
        linger_read(c, n);
        return;
    }
    c->input = (struct str){ buf->base, (size_t)n };
    if (c->pending.len)
        keep_for_later(c);
    conn_process(c);
}

/* ---- begin ---- */

static void remote_name(struct conn *c)
{
    struct sockaddr_storage a;
    int len = sizeof a;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &len) != 0 ||
        uv_ip_name((const struct sockaddr *)&a, c->remote, sizeof c->remote) != 0)
        memcpy(c->remote, "unknown", 8);
    /* An IPv4 client of a listener on :: is the same client as on 0.0.0.0. */
    if (strncmp(c->remote, "::ffff:", 7) == 0 && strchr(c->remote, '.'))
        memmove(c->remote, c->remote + 7, strlen(c->remote + 7) + 1);
}

/* The control socket acts as the operator: its file mode says who, and the kernel says it again. */
static bool peer_is_owner(const struct conn *c)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;
    return uv_fileno(&c->handle, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

void conn_open(struct http_loop *hl, uv_stream_t *listener, bool control, bool metrics_only)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->hl = hl;
    c->control = control;
    c->metrics_only = metrics_only;
    c->state = CONN_HEAD;
    buf_init(&c->pending, NULL, HTTP_PENDING_BYTES_MAX);
    if (control)
        uv_pipe_init(loop_uv(hl->loop), &c->pipe, 0);
    else
        uv_tcp_init(loop_uv(hl->loop), &c->tcp);
    bool may_open = http_may_open(hl->server); /* counts it, so it is asked first */
    c->all_next = hl->all;
    if (hl->all)
        hl->all->all_prev = c;
    hl->all = c;
    hl->open++;
    hl->open_shared++;
    hl->connections_total++;
    if (uv_accept(listener, &c->stream) != 0 || hl->draining || !may_open ||
        (control && !peer_is_owner(c))) {
        conn_close(c);
        return;
    }
    if (!control) {
        uv_tcp_nodelay(&c->tcp, 1);
        remote_name(c);
    }
    conn_arm(c, TIMER_HEAD);
    adjust_reading(c);
}
