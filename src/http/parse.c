/* From bytes to a request: llhttp's callbacks and the guards around it.
 *
 * Goals: every limit before memory; everything that two parsers could read in two ways is refused.
 * Guards beyond llhttp's strict mode: folded header lines, bare LF in the head, versions other than
 * HTTP/1.0 and 1.1, none or several Hosts, a Transfer-Encoding that is not exactly "chunked"
 * (llhttp takes any word that ends so), more framing than body. Invariants: the parser pauses at
 * the end of a head and of a message, so that nothing behind it is looked at before the request in
 * front of it is answered. */
#include <string.h>

#include "http/conn.h"
#include "http/forward.h"
#include "http/server.h"

/* ---- callbacks ---- */

static struct exchange *of(llhttp_t *p)
{
    return ((struct conn *)p->data)->x;
}

/* llhttp takes a callback's nonzero result as the error to stop with. */
static int refuse(llhttp_t *p, const char *reason)
{
    llhttp_set_error_reason(p, reason);
    return HPE_USER;
}

static int on_url(llhttp_t *p, const char *at, size_t len)
{
    struct exchange *x = of(p);
    if (x->url_len + len > HTTP_URL_BYTES_MAX)
        return refuse(p, "The URL is longer than 8,192 bytes.");
    buf_put(&x->head, at, len);
    x->url_len += len;
    return 0;
}

/* Trailers are counted and dropped: nothing here uses them. */
static int count_trailer(llhttp_t *p, size_t len)
{
    struct exchange *x = of(p);
    x->framing_bytes += (int64_t)len;
    return x->framing_bytes > HTTP_FRAMING_BYTES_MAX ? refuse(p, "The trailers are too long.") : 0;
}

static int on_header_field(llhttp_t *p, const char *at, size_t len)
{
    struct exchange *x = of(p);
    if (x->in_body)
        return count_trailer(p, len);
    if (x->span_count == 0 || x->value_open) {
        if (x->span_count == HTTP_HEADERS_MAX)
            return refuse(p, "There are more than 100 headers.");
        x->spans[x->span_count].name = (uint16_t)x->head.len;
        x->spans[x->span_count].name_len = 0;
        x->spans[x->span_count].value_len = 0;
        x->span_count++;
        x->value_open = false;
        x->named = true;
    }
    buf_put(&x->head, at, len);
    x->spans[x->span_count - 1].name_len += (uint16_t)len;
    return x->head.overflow ? refuse(p, "The request head is longer than 32,768 bytes.") : 0;
}

static int on_header_value(llhttp_t *p, const char *at, size_t len)
{
    struct exchange *x = of(p);
    if (x->in_body)
        return count_trailer(p, len);
    if (!x->named)
        return HPE_INVALID_HEADER_TOKEN; /* ": value" would lengthen the header in front */
    if (!x->value_open) {
        x->spans[x->span_count - 1].value = (uint16_t)x->head.len;
        x->value_open = true;
    }
    buf_put(&x->head, at, len);
    x->spans[x->span_count - 1].value_len += (uint16_t)len;
    return x->head.overflow ? refuse(p, "The request head is longer than 32,768 bytes.") : 0;
}

/* An empty value gives no span: its header is closed here. */
static int on_header_value_complete(llhttp_t *p)
{
    struct exchange *x = of(p);
    if (x->in_body)
        return 0;
    if (!x->named || x->spans[x->span_count - 1].name_len == 0)
        return HPE_INVALID_HEADER_TOKEN;
    if (!x->value_open)
        x->spans[x->span_count - 1].value = (uint16_t)x->head.len;
    x->value_open = true;
    x->named = false;
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    of(p)->in_body = true;
    p->upgrade = 0; /* an offer to speak something else is passed over (RFC 9110 section 7.8) */
    return HPE_PAUSED;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
    struct exchange *x = of(p);
    x->body_bytes += (int64_t)len;
    buf_put(&x->body, at, len);
    return x->body.overflow ? refuse(p, "body") : 0;
}

static int on_message_complete(llhttp_t *p)
{
    of(p)->body_done = true;
    return HPE_PAUSED;
}

const llhttp_settings_t http_parser_settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- guards ---- */

/* A head's lines end in CRLF and none is folded. Bytes come in pieces: the last one is remembered.
 */
static bool lines_clean(struct conn *c, const char *bytes, size_t len)
{
    const char *at = bytes, *end = bytes + len;
    if (len && c->last_byte == '\n' && (bytes[0] == ' ' || bytes[0] == '\t'))
        return false;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        char before = at > bytes ? at[-1] : c->last_byte;
        if (before != '\r' || (at + 1 < end && (at[1] == ' ' || at[1] == '\t')))
            return false;
        at++;
    }
    if (len)
        c->last_byte = bytes[len - 1];
    return true;
}

static void refuse_parse(struct conn *c, enum llhttp_errno e)
{
    const char *reason = llhttp_get_error_reason(&c->parser);
    if (c->x->body.overflow)
        conn_refuse(c, ERR_PAYLOAD_TOO_LARGE, "The body is larger than this operation takes.");
    else if (e == HPE_USER)
        conn_refuse(c, ERR_HEADERS_TOO_LARGE, reason);
    else
        conn_refuse(c, ERR_VALIDATION, "This is not a well-formed HTTP/1.1 request.");
}

bool conn_parse(struct conn *c, const char *bytes, size_t len, size_t *ret_used)
{
    bool was_head = !c->x->in_body;
    int64_t body_before = c->x->body_bytes;
    enum llhttp_errno e = llhttp_execute(&c->parser, bytes, len);
    size_t used = len;
    if (e != HPE_OK)
        used = (size_t)(llhttp_get_error_pos(&c->parser) - bytes);
    c->x->head_bytes += was_head ? used : 0;
    if (c->x->head_bytes > HTTP_HEAD_BYTES_MAX) {
        conn_refuse(c, ERR_HEADERS_TOO_LARGE, "The request head is longer than 32,768 bytes.");
        return false;
    }
    if (was_head && !lines_clean(c, bytes, used)) {
        conn_refuse(c, ERR_VALIDATION, "The request head has a folded line or a bare line feed.");
        return false;
    }
    if (!was_head) {
        c->x->framing_bytes += (int64_t)used - (c->x->body_bytes - body_before);
        if (c->x->framing_bytes > HTTP_FRAMING_BYTES_MAX + 8 * c->x->body_bytes) {
            conn_refuse(c, ERR_VALIDATION, "The body has more framing than content.");
            return false;
        }
    }
    if (e == HPE_PAUSED)
        llhttp_resume(&c->parser);
    else if (e != HPE_OK) {
        refuse_parse(c, e);
        return false;
    }
    *ret_used = used;
    return true;
}

/* ---- the request ---- */

static void lower(char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] >= 'A' && s[i] <= 'Z')
            s[i] |= 0x20;
}

static void build_headers(struct exchange *x)
{
    char *base = x->head.ptr;
    x->headers = arena_array(x->arena, x->span_count + 1, sizeof *x->headers);
    for (size_t i = 0; i < x->span_count; i++) {
        lower(base + x->spans[i].name, x->spans[i].name_len);
        x->headers[i].name = (struct str){ base + x->spans[i].name, x->spans[i].name_len };
        x->headers[i].value =
            str_trim((struct str){ base + x->spans[i].value, x->spans[i].value_len });
    }
}

static size_t count_header(const struct raw_request *rq, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < rq->header_count; i++)
        n += str_is(rq->headers[i].name, name);
    return n;
}

/* Path and query of origin-form, or of absolute-form without its authority (RFC 9112 section 3.2).
 */
static bool split_target(struct str url, struct raw_request *rq)
{
    if (str_starts(url, STR("http://")) || str_starts(url, STR("https://"))) {
        url = str_sub(url, str_find(url, STR("//")) + 2, url.len);
        size_t slash = str_find_byte(url, '/');
        url = slash < url.len ? str_sub(url, slash, url.len) : STR("/");
    }
    if (str_find_byte(url, '#') < url.len)
        return false;
    rq->query = url;
    rq->path = str_split(&rq->query, '?');
    return rq->path.len && (rq->path.ptr[0] == '/' || str_is(rq->path, "*"));
}

static int64_t declared_length(const llhttp_t *p)
{
    if (p->flags & F_CHUNKED)
        return -1;
    return p->flags & F_CONTENT_LENGTH ? (int64_t)p->content_length : 0;
}

static bool all_of(struct str s, const char *marks, bool letters)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        bool digit = ch >= '0' && ch <= '9', letter = (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z';
        if (!digit && !(letters && letter) && (ch == '\0' || !strchr(marks, ch)))
            return false;
    }
    return true;
}

/* uri-host [":" port] (RFC 9110 section 7.2); only names, IPv4 and [IPv6]. Absent is fine here. */
static bool host_valid(struct str host)
{
    size_t end = host.len;
    bool v6 = host.len && host.ptr[0] == '[';
    if (v6)
        end = str_find_byte(host, ']') < host.len ? str_find_byte(host, ']') + 1 : 0;
    else if (str_find_byte(host, ':') < host.len)
        end = str_find_byte(host, ':');
    struct str port = str_sub(host, end, host.len);
    if (port.len && (port.ptr[0] != ':' || !all_of(str_sub(port, 1, port.len), "", false)))
        return false;
    return v6 ? end > 2 && all_of(str_sub(host, 1, end - 1), ":.", true)
              : all_of(str_sub(host, 0, end), "-._~%", true);
}

static enum err check_request(struct conn *c)
{
    struct raw_request *rq = &c->x->call.rq;
    struct cx *cx = &c->x->call.cx;
    if (c->parser.http_major != 1)
        FAIL(cx, VALIDATION, "This server speaks HTTP/1.0 and HTTP/1.1.");
    size_t hosts = count_header(rq, "host");
    if (hosts > 1 || (hosts == 0 && c->parser.http_minor == 1))
        FAIL(cx, VALIDATION, "A request has exactly one Host header.");
    if (count_header(rq, "content-length") > 1)
        FAIL(cx, VALIDATION, "A request has at most one Content-Length header.");
    struct str coding = request_header(rq, "transfer-encoding");
    if (count_header(rq, "transfer-encoding") > 1 ||
        (str_given(coding) && !str_eq_nocase(coding, STR("chunked"))))
        FAIL(cx, VALIDATION, "The only Transfer-Encoding is chunked, once.");
    if ((c->parser.flags & F_TRANSFER_ENCODING) && rq->content_length >= 0)
        FAIL(cx, VALIDATION, "The only transfer encoding that this server takes is chunked.");
    if (!host_valid(request_header(rq, "host")))
        FAIL(cx, VALIDATION, "The Host header is not a host and a port.");
    if (rq->content_length < 0 && c->parser.http_minor == 0)
        FAIL(cx, VALIDATION, "HTTP/1.0 has no chunked bodies.");
    return OK;
}

enum err conn_request(struct conn *c)
{
    struct exchange *x = c->x;
    struct raw_request *rq = &x->call.rq;
    struct http_server *s = c->hl->server;
    build_headers(x);
    rq->face = c->control ? FACE_CONTROL : FACE_HTTP;
    rq->headers = x->headers;
    rq->header_count = x->span_count;
    rq->method = method_parse(str_of(llhttp_method_name((llhttp_method_t)c->parser.method)));
    rq->content_length = declared_length(&c->parser);
    x->head_only = rq->method == METHOD_HEAD;
    x->call.cx.remote_addr = rq->remote_addr =
        c->control ? STR_NULL
                   : http_client_address(s, x->arena, str_of(c->remote), x->headers, x->span_count);
    c->keep_alive = llhttp_should_keep_alive(&c->parser) && !c->hl->draining;
    x->expects_continue = c->parser.http_minor == 1 && rq->content_length != 0 &&
                          str_eq_nocase(request_header(rq, "expect"), STR("100-continue"));
    if (!split_target((struct str){ x->head.ptr, x->url_len }, rq))
        return cx_fail(&x->call.cx, ERR_VALIDATION, "The request target is not a path.");
    return check_request(c);
}
