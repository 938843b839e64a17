/* From a reply to bytes: status line, headers, and which way the body goes.
 *
 * Invariants: every answer has X-Request-Id, Date, a length or chunks, and says what the connection
 * does next; the head is written once; HEAD and 304 have no body. */
#include <inttypes.h>
#include <stdio.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "blob/blob.h"
#include "http/range.h"
#include "http/server.h"
#include "op/metrics.h"
#include "op/sink.h"

enum { COPY_BYTES_MAX = 16 * 1024 };

static const char *reason(int status)
{
    switch (status) {
#define REASON(n, text)                                                                            \
    case n:                                                                                        \
        return text
        REASON(200, "OK");
        REASON(201, "Created");
        REASON(202, "Accepted");
        REASON(204, "No Content");
        REASON(206, "Partial Content");
        REASON(302, "Found");
        REASON(304, "Not Modified");
        REASON(400, "Bad Request");
        REASON(401, "Unauthorized");
        REASON(402, "Payment Required");
        REASON(403, "Forbidden");
        REASON(404, "Not Found");
        REASON(405, "Method Not Allowed");
        REASON(408, "Request Timeout");
        REASON(409, "Conflict");
        REASON(410, "Gone");
        REASON(413, "Content Too Large");
        REASON(415, "Unsupported Media Type");
        REASON(416, "Range Not Satisfiable");
        REASON(422, "Unprocessable Content");
        REASON(429, "Too Many Requests");
        REASON(431, "Request Header Fields Too Large");
        REASON(500, "Internal Server Error");
        REASON(502, "Bad Gateway");
        REASON(503, "Service Unavailable");
        REASON(504, "Gateway Timeout");
        REASON(507, "Insufficient Storage");
#undef REASON
    }
    return "Status";
}

static void put(struct buf *out, const char *name, struct str value)
{
    buf_put_cstr(out, name);
    buf_put(out, ": ", 2);
    buf_put_str(out, value);
    buf_put(out, "\r\n", 2);
}

static const char *date(struct http_loop *hl)
{
    int64_t now_ms = loop_wall_ms(hl->loop);
    if (now_ms / 1000 != hl->date_second) {
        hl->date_second = now_ms / 1000;
        time_http(now_ms, hl->date);
    }
    return hl->date;
}

static bool reply_has(const struct reply *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (str_is(r->headers[i].name, name))
            return true;
    return false;
}

static void put_connection(struct conn *c, struct buf *out)
{
    if (!conn_stays_open(c)) {
        buf_put_cstr(out, "connection: close\r\n");
        return;
    }
    buf_printf(out, "connection: keep-alive\r\nkeep-alive: timeout=%" PRId64 "\r\n",
               http_opts(c->hl->server)->idle_timeout_s);
}

/* `length` -1: chunked, or until the end of the connection. */
static void put_head(struct conn *c, const struct reply *r, int status, int64_t length)
{
    struct buf *out = conn_out(c);
    struct exchange *x = c->x;
    if (out->len > HTTP_OUT_BYTES / 2)
        conn_flush(c);
    buf_put_cstr(out, "HTTP/1.1 ");
    buf_put_i64(out, status);
    buf_put_byte(out, ' ');
    buf_put_cstr(out, reason(status));
    buf_put_cstr(out, "\r\ndate: ");
    buf_put_cstr(out, date(c->hl));
    buf_put_cstr(out, "\r\nx-request-id: ");
    buf_put_str(out, x->call.cx.request_id);
    buf_put_cstr(out, "\r\nx-content-type-options: nosniff\r\nreferrer-policy: same-origin\r\n");
    if (http_secure(c->hl->server))
        buf_put_cstr(out, "strict-transport-security: max-age=31536000\r\n");
    if (length >= 0 && status != 304 && status != 204) {
        buf_put_cstr(out, "content-length: ");
        buf_put_i64(out, length);
        buf_put_cstr(out, "\r\n");
    } else if (length < 0 && x->chunked) {
        buf_put_cstr(out, "transfer-encoding: chunked\r\n");
    }
    for (size_t i = 0; i < r->header_count; i++)
        put(out, r->headers[i].name.ptr, r->headers[i].value);
    if (!reply_has(r, "cache-control"))
        buf_put_cstr(out, "cache-control: no-store\r\n");
    cors_put_headers(c, out);
    put_connection(c, out);
}

static void put_head_end(struct conn *c)
{
    buf_put(conn_out(c), "\r\n", 2);
}

/* ---- bytes ---- */

static void send_bytes(struct conn *c, struct str body)
{
    struct buf *out = conn_out(c);
    if (c->x->head_only)
        body = STR("");
    if (body.len <= COPY_BYTES_MAX && out->len + body.len <= HTTP_OUT_BYTES)
        buf_put_str(out, body);
    else
        conn_write(c, body);
}

static void reply_bytes(struct conn *c, struct reply *r)
{
    put_head(c, r, r->status, (int64_t)r->body.len);
    if (r->body.len || str_given(r->content_type))
        put(conn_out(c), "content-type",
            str_given(r->content_type) ? r->content_type : STR("application/json; charset=utf-8"));
    put_head_end(c);
    send_bytes(c, r->body);
    conn_answered(c);
}

/* ---- event streams ---- */

static void reply_stream(struct conn *c, struct reply *r)
{
    struct sink *sink = r->sink;
    size_t count;
    r->sink = NULL;
    c->x->chunked = c->parser.http_minor == 1;
    if (!c->x->chunked)
        c->keep_alive = false;
    const struct header *more = sink_headers(sink, &count);
    reply_header(r, "cache-control", STR("no-cache"));
    reply_header(r, "x-accel-buffering", STR("no"));
    for (size_t i = 0; i < count; i++)
        reply_header(r, more[i].name.ptr, more[i].value);
    put_head(c, r, r->status, -1);
    buf_put_cstr(conn_out(c), "content-type: text/event-stream; charset=utf-8\r\n");
    put_head_end(c);
    exchange_forget(c->x);
    if (c->state == CONN_REPLYING)
        stream_begin(c, sink);
    else
        c->x->sink = sink; /* closed meanwhile: the exchange lets go of it */
}

/* ---- downloads ---- */

static bool etag_listed(struct str list, struct str etag)
{
    while (str_given(list)) {
        struct str item = str_trim(str_split(&list, ','));
        if (str_is(item, "*"))
            return true;
        if (str_starts(item, STR("W/")))
            item = str_sub(item, 2, item.len);
        if (item.len == etag.len + 2 && str_eq(str_sub(item, 1, item.len - 1), etag))
            return true;
    }
    return false;
}

static bool not_modified(const struct raw_request *rq, const struct download *d)
{
    struct str none = request_header(rq, "if-none-match");
    int64_t since_ms;
    if (str_given(none))
        return str_given(d->etag) && etag_listed(none, d->etag);
    struct str since = request_header(rq, "if-modified-since");
    return d->modified_ms && str_given(since) && time_parse_http(since, &since_ms) &&
           d->modified_ms / 1000 <= since_ms / 1000;
}

/* If-Range holds the range back when the content is another one than the client has begun with. */
static bool range_counts(const struct raw_request *rq, const struct download *d)
{
    struct str if_range = request_header(rq, "if-range");
    int64_t at_ms;
    if (!str_given(if_range))
        return true;
    if (if_range.len && if_range.ptr[0] == '"')
        return str_given(d->etag) && etag_listed(if_range, d->etag);
    return d->modified_ms && time_parse_http(if_range, &at_ms) &&
           at_ms / 1000 == d->modified_ms / 1000;
}

/* RFC 6266: an ASCII form for old clients, and the exact name in UTF-8. */
static void put_disposition(struct buf *out, struct str filename)
{
    static const char hex[] = "0123456789ABCDEF";
    buf_put_cstr(out, "content-disposition: attachment; filename=\"");
    for (size_t i = 0; i < filename.len; i++) {
        unsigned char ch = (unsigned char)filename.ptr[i];
        bool plain = ch >= 0x20 && ch < 0x7f && ch != '"' && ch != '\\';
        buf_put_byte(out, plain ? (char)ch : '_');
    }
    buf_put_cstr(out, "\"; filename*=UTF-8''");
    for (size_t i = 0; i < filename.len; i++) {
        unsigned char ch = (unsigned char)filename.ptr[i];
        bool plain = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
                     (ch >= 'A' && ch <= 'Z') || ch == '-' || ch == '.' || ch == '_';
        if (plain) {
            buf_put_byte(out, (char)ch);
        } else {
            char esc[3] = { '%', hex[ch >> 4], hex[ch & 15] };
            buf_put(out, esc, 3);
        }
    }
    buf_put_cstr(out, "\r\n");
}

static void put_download_headers(struct conn *c, const struct download *d)
{
    struct buf *out = conn_out(c);
    char when[TIME_HTTP_BYTES + 1];
    put(out, "content-type",
        str_given(d->content_type) ? d->content_type : STR("application/octet-stream"));
    buf_put_cstr(out, "accept-ranges: bytes\r\n");
    if (str_given(d->etag))
        buf_printf(out, "etag: \"%.*s\"\r\n", STR_ARG(d->etag));
    if (str_given(d->content_encoding))
        put(out, "content-encoding", d->content_encoding);
    if (d->modified_ms) {
        time_http(d->modified_ms, when);
        put(out, "last-modified", str_of(when));
    }
    if (str_given(d->filename))
        put_disposition(out, d->filename);
    /* What a user has uploaded must never act as a page of this origin. */
    put(out, "content-security-policy",
        str_given(d->policy)     ? d->policy
        : str_given(d->filename) ? STR("default-src 'none'; sandbox")
                                 : STR("default-src 'self'; object-src 'none'; base-uri 'none'; "
                                       "form-action 'self'; frame-ancestors 'none'"));
}

static void reply_download(struct conn *c, struct reply *r)
{
    struct exchange *x = c->x;
    struct download *d = r->download;
    struct raw_request *rq = &x->call.rq;
    int64_t size = d->blob ? blob_reader_bytes(d->blob) : (int64_t)d->bytes.len;
    int64_t from = 0, end = size;
    int status = 200;
    enum range_result range = RANGE_NONE;
    if (str_given(d->cache_control))
        reply_header(r, "cache-control", d->cache_control);
    if (not_modified(rq, d))
        status = 304;
    else if (!x->head_only && range_counts(rq, d))
        range = range_parse(request_header(rq, "range"), size, &from, &end);
    if (range == RANGE_UNSATISFIABLE) {
        reply_header(r, "content-range", str_fmt(x->arena, "bytes */%" PRId64, size));
        conn_refuse(c, ERR_RANGE_NOT_SATISFIABLE, "The range lies outside the content.");
        return;
    }
    if (range == RANGE_PART) {
        status = 206;
        reply_header(
            r, "content-range",
            str_fmt(x->arena, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, from, end - 1, size));
    }
    put_head(c, r, status, end - from);
    put_download_headers(c, d);
    put_head_end(c);
    if (status == 304 || x->head_only || end == from) {
        conn_answered(c);
    } else if (!d->blob) {
        send_bytes(c, str_sub(d->bytes, (size_t)from, (size_t)end));
        conn_answered(c);
    } else {
        conn_flush(c);
        if (c->state == CONN_REPLYING)
            download_begin(c, d->blob, from, end);
    }
}

/* ---- all ---- */

void conn_reply(struct conn *c)
{
    struct reply *r = &c->x->call.reply;
    if (r->close)
        c->keep_alive = false;
    conn_arm(c, TIMER_NONE);
    switch (r->kind) {
    case REPLY_STREAM:
        if (!c->x->head_only) {
            reply_stream(c, r);
            break;
        }
        /* fall through */
    case REPLY_BYTES:
        reply_bytes(c, r);
        break;
    case REPLY_DOWNLOAD:
        reply_download(c, r);
        break;
    }
}

void conn_refuse(struct conn *c, enum err e, const char *message)
{
    struct exchange *x = c->x;
    if (!x) {
        /* Nothing has arrived but the connection itself. */
        conn_close(c);
        return;
    }
    struct reply *r = &x->call.reply;
    struct buf body;
    struct json_writer w;
    buf_init(&body, x->arena, 4096);
    jw_init(&w, &body);
    jw_object(&w);
    jw_key_lit(&w, "success");
    jw_bool(&w, false);
    jw_key_lit(&w, "error");
    jw_str(&w, str_of(message));
    jw_key_lit(&w, "code");
    jw_str(&w, str_of(err_info(e)->code));
    jw_key_lit(&w, "details");
    jw_raw(&w, STR("{}"));
    jw_object_end(&w);
    log_line(LOG_DEBUG, "request refused", log_s("requestId", x->call.cx.request_id),
             log_s("code", str_of(err_info(e)->code)), log_s("message", str_of(message)));
    r->kind = REPLY_BYTES;
    r->status = err_info(e)->http_status;
    r->content_type = STR_NULL;
    r->body = buf_str(&body);
    /* Without a well-formed request in front nobody knows where the next one begins. */
    c->unread_body |= c->state == CONN_HEAD || c->state == CONN_BODY;
    c->hl->refused_head++;
    c->state = CONN_REPLYING;
    conn_reply(c);
    conn_process(c);
}
