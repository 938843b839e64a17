/* One connection and what it does at the moment. Private to http/.
 *
 *   HEAD → ADMITTING → BODY → RUNNING → REPLYING → HEAD (keep-alive) | LINGER | closed
 *
 * An idle connection is this struct and nothing else; an exchange (arena, call, buffers) is
 * borrowed from the loop while a request is under way. Everything here belongs to the loop's
 * thread. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <llhttp.h>
#include <uv.h>

#include "base/buf.h"
#include "db/db.h"
#include "net/loop.h"
#include "net/pool.h"
#include "op/call.h"

#if !LLHTTP_STRICT_MODE
#error "llhttp must be strict: build with -DLLHTTP_STRICT_MODE=1"
#endif

enum {
    HTTP_HEAD_BYTES_MAX = 32 * 1024,
    HTTP_URL_BYTES_MAX = 8 * 1024,
    HTTP_HEADERS_MAX = 100,
    HTTP_READ_BYTES = 64 * 1024,
    HTTP_OUT_BYTES = 64 * 1024,
    HTTP_PENDING_BYTES_MAX = 2 * HTTP_READ_BYTES,
    HTTP_FRAMING_BYTES_MAX =
        16 * 1024, /* chunk heads, extensions and trailers, above 8 per body byte */
    HTTP_UNSENT_BYTES_MAX = 256 * 1024,       /* of answers that the client does not take */
    HTTP_LINGER_BYTES_MAX = 16 * 1024 * 1024, /* thrown away; the time is bounded too */
    HTTP_SSE_COMMENT_S = 15
};

enum conn_state {
    CONN_HEAD = 1,  /* waiting for, or reading, a request head */
    CONN_ADMITTING, /* the gate's head half is at work */
    CONN_BODY,      /* reading the body */
    CONN_RUNNING,   /* the gate's body half is at work */
    CONN_REPLYING,  /* an answer is being written */
    CONN_LINGER,    /* the answer is out; what the client still sends is thrown away */
    CONN_CLOSED
};

/* One list of each kind, in order of deadline, since each kind has one time-out. */
enum conn_timer {
    TIMER_NONE = 0,
    TIMER_IDLE,
    TIMER_HEAD,
    TIMER_BODY,
    TIMER_WRITE,
    TIMER_LINGER,
    TIMER_COMMENT,
    TIMER_COUNT
};

struct http_server;
struct http_loop;

struct exchange {
    struct exchange *next; /* free list */
    struct conn *conn;
    struct arena *arena;
    struct call call;
    struct buf head; /* URL and headers as they come */
    struct buf body;
    size_t url_len, head_bytes;
    struct {
        uint16_t name, name_len, value, value_len; /* HTTP_HEAD_BYTES_MAX fits */
    } spans[HTTP_HEADERS_MAX];
    size_t span_count;
    bool value_open; /* the last callback was a value: the next name begins a new header */
    bool named;      /* the value that comes has a name */
    bool in_body, body_done, expects_continue, head_only;
    int64_t body_bytes, framing_bytes;
    struct header *headers;

    /* an answer that takes its time */
    struct sink *sink;
    bool chunked;
    struct loop_msg sink_msg;
    _Atomic bool sink_posted;
    struct blob_reader *blob;
    int64_t blob_at, blob_end;
    char *piece;
    size_t piece_len;
    enum err piece_result;
    struct pool_job piece_job;
    struct loop_msg piece_msg;
    bool piece_busy;
};

struct conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct http_loop *hl;
    struct conn *timer_next, *timer_prev;
    struct conn *all_next, *all_prev;
    int64_t deadline_ms;
    enum conn_timer timer;
    enum conn_state state;
    llhttp_t parser;
    struct exchange *x; /* NULL while idle */
    struct str input;   /* what was just read, while conn_process runs */
    struct buf pending; /* bytes that arrived too early, from pending_at on */
    size_t pending_at;
    size_t unsent; /* when TIMER_WRITE was armed */
    int64_t lingered;
    char last_byte; /* of the head so far, for the guards */
    bool reading, keep_alive, unread_body, processing, eof, closed, control, metrics_only;
    uv_shutdown_t shutdown;
    char remote[48];
};

/* Per loop: what connections share. */
struct http_loop {
    struct http_server *server;
    struct loop *loop;
    uv_tcp_t listener, metrics_listener;
    uv_pipe_t control;
    bool has_listener, has_metrics, has_control;
    uv_timer_t timer;
    struct db_snapshot snapshot; /* of the reads of this turn */
    struct conn *timers[TIMER_COUNT], *timers_last[TIMER_COUNT];
    struct conn *all;
    struct exchange *free;
    size_t free_count;
    char *read_buf;
    struct buf out; /* small answers of one connection, flushed before another is looked at */
    int64_t open;
    int64_t date_second;
    char date[32];
    bool draining;
    int64_t drain_deadline_ms, accept_logged_ms;
    _Atomic int64_t connections_total, requests_total, refused_head, bytes_in, bytes_out,
        open_shared;
    struct loop_msg msg;
};

/* ---- conn.c ---- */
void conn_open(struct http_loop *hl, uv_stream_t *listener, bool control, bool metrics_only);
/* Takes what has arrived as far as the state allows, and flushes. */
void conn_process(struct conn *c);
/* The answer is handed over: next request, or the end. */
void conn_answered(struct conn *c);
/* Can another request follow on this connection? */
bool conn_stays_open(const struct conn *c);
void conn_close(struct conn *c);
/* After conn_close: frees the connection when nobody holds it any more. */
void conn_reap(struct conn *c);
void conn_arm(struct conn *c, enum conn_timer kind);
void conn_sweep(struct http_loop *hl);
void exchange_begin(struct conn *c);
/* The reply is on its way and the request is not looked at again; a stream may stay open for hours.
 */
void exchange_forget(struct exchange *x);

/* ---- parse.c ---- */
extern const llhttp_settings_t http_parser_settings;
/* Feeds bytes; *ret_used says how many were taken. False: refused, the answer is under way. */
bool conn_parse(struct conn *c, const char *bytes, size_t len, size_t *ret_used);
/* After the head: fills the call's request. OK or why it is refused (message in call.cx). */
enum err conn_request(struct conn *c);

/* ---- respond.c ---- */
void conn_reply(struct conn *c);
/* An answer of the face itself, then the connection ends. */
void conn_refuse(struct conn *c, enum err e, const char *message);

/* ---- write.c ---- */
/* Puts small answers together, to be sent with one call. */
struct buf *conn_out(struct conn *c);
void conn_flush(struct conn *c);
/* Bytes are copied when the socket does not take them at once. */
void conn_write(struct conn *c, struct str bytes);
/* More than that many bytes wait for the client. */
bool conn_write_waits(const struct conn *c, size_t bytes);
/* The client has taken some since TIMER_WRITE was armed. */
bool conn_write_moves(const struct conn *c);

/* ---- stream.c: answers that take their time ---- */
void stream_begin(struct conn *c, struct sink *sink);
void stream_pump(struct conn *c);
void stream_comment(struct conn *c);
void download_begin(struct conn *c, struct blob_reader *blob, int64_t from, int64_t end);
/* The socket has taken all that was written. */
void conn_drained(struct conn *c);

/* ---- cors.c ---- */
/* True: it was a preflight, and is answered. */
bool cors_preflight(struct conn *c);
void cors_put_headers(struct conn *c, struct buf *out);

/* ---- control.c ---- */
/* POST /control/call/NAME on the control socket names an operation. */
enum err control_name(struct conn *c);
enum err control_arguments(struct conn *c);

#endif
