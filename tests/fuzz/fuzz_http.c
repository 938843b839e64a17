/* Request heads, chunked bodies and pipelines, in any cut.
 *
 * The parser is fed whole, byte by byte and in pieces of random length: the requests that it
 * accepts are the same each time. An accepted head holds nothing that another parser reads
 * differently: no folded line, no bare line feed, one length, "chunked" and nothing else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "http/conn.h"
#include "http/server.h"

enum { INPUT_BYTES_MAX = 8192, REQUESTS_MAX = 8, BODY_BYTES_MAX = 4096 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fputs("broken: " #condition "\n", stderr);                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What stands around the parser in the server. */
void conn_refuse(struct conn *c, enum err e, const char *message)
{
    MUST(e != OK && message);
    c->state = CONN_CLOSED;
}

struct str http_client_address(struct http_server *s, struct arena *a, struct str peer,
                               const struct header *headers, size_t count)
{
    return peer;
}

/* What came out: each request as one text, its head and its body, and whether the last was refused.
 */
struct outcome {
    struct buf text;
    size_t requests, used;
    bool refused;
};

struct feeder {
    struct conn conn;
    struct exchange x;
    struct http_loop loop;
    struct arena *arena;
    uint64_t random;
    size_t piece_max; /* 0: all there is */
};

static void request_begin(struct feeder *f)
{
    struct exchange *x = &f->x;
    memset(x, 0, sizeof *x);
    x->arena = f->arena;
    x->conn = &f->conn;
    x->call.cx.arena = f->arena;
    buf_init(&x->head, f->arena, HTTP_HEAD_BYTES_MAX);
    buf_init(&x->body, f->arena, BODY_BYTES_MAX);
    f->conn.x = x;
    f->conn.last_byte = '\0';
    f->conn.state = CONN_HEAD;
    llhttp_init(&f->conn.parser, HTTP_REQUEST, &http_parser_settings);
    f->conn.parser.data = &f->conn;
}

static size_t piece_len(struct feeder *f, size_t rest)
{
    if (f->piece_max == 0)
        return rest;
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    size_t n = 1 + f->random % f->piece_max;
    return n < rest ? n : rest;
}

static bool token_byte(unsigned char ch)
{
    return ch > ' ' && ch < 127 && !strchr("(),/:;<=>?@[\\]{}\"", ch);
}

static size_t headers_named(const struct raw_request *rq, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < rq->header_count; i++)
        n += str_is(rq->headers[i].name, name);
    return n;
}

static void head_check(const struct exchange *x, struct str bytes)
{
    const struct raw_request *rq = &x->call.rq;
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != '\n')
            continue;
        MUST(i > 0 && bytes.ptr[i - 1] == '\r');
        MUST(i + 1 == bytes.len || (bytes.ptr[i + 1] != ' ' && bytes.ptr[i + 1] != '\t'));
    }
    MUST(bytes.len <= HTTP_HEAD_BYTES_MAX && x->span_count <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < rq->header_count; i++) {
        struct str name = rq->headers[i].name, value = rq->headers[i].value;
        MUST(name.len > 0);
        for (size_t k = 0; k < name.len; k++)
            MUST(token_byte((unsigned char)name.ptr[k]));
        for (size_t k = 0; k < value.len; k++)
            MUST(value.ptr[k] != '\r' && value.ptr[k] != '\n' && value.ptr[k] != '\0');
    }
    size_t lengths = headers_named(rq, "content-length");
    size_t codings = headers_named(rq, "transfer-encoding");
    MUST(lengths <= 1 && codings <= 1 && lengths + codings <= 1);
    MUST((rq->content_length < 0) == (codings == 1));
    MUST(headers_named(rq, "host") <= 1);
    MUST(rq->path.len > 0 && str_find_byte(rq->path, '?') >= rq->path.len);
}

static void note_head(struct outcome *o, const struct exchange *x)
{
    const struct raw_request *rq = &x->call.rq;
    buf_printf(&o->text, "%d %.*s?%.*s %lld %d\n", (int)rq->method, STR_ARG(rq->path),
               STR_ARG(rq->query), (long long)rq->content_length, x->conn->keep_alive);
    for (size_t i = 0; i < rq->header_count; i++)
        buf_printf(&o->text, "%.*s: %.*s\n", STR_ARG(rq->headers[i].name),
                   STR_ARG(rq->headers[i].value));
}

/* One request from the front of `in`. False: refused, or it needs more than there is. */
static bool request_read(struct feeder *f, struct str in, struct outcome *o)
{
    struct exchange *x = &f->x;
    size_t at = 0, used;
    bool admitted = false;
    request_begin(f);
    while (!x->body_done && at < in.len) {
        if (!conn_parse(&f->conn, in.ptr + at, piece_len(f, in.len - at), &used)) {
            o->refused = true;
            return false;
        }
        at += used;
        if (!x->in_body || admitted)
            continue;
        if (conn_request(&f->conn) != OK) {
            o->refused = true;
            return false;
        }
        head_check(x, str_sub(in, 0, at));
        note_head(o, x);
        admitted = true;
    }
    if (admitted && !x->body_done) {
        /* A message without a body ends with the next bytes that are read, or with none. */
        used = 0;
        if (conn_parse(&f->conn, "", 0, &used) && x->body_done)
            at += used;
    }
    o->used += at;
    if (!x->body_done)
        return false;
    int64_t declared = x->call.rq.content_length;
    MUST(x->body_bytes == (int64_t)x->body.len && (declared < 0 || declared == x->body_bytes));
    buf_printf(&o->text, "[%.*s]\n", STR_ARG(buf_str(&x->body)));
    return f->conn.keep_alive;
}

static struct outcome read_all(struct arena *a, struct str in, size_t piece_max)
{
    struct feeder f = { .arena = a, .random = 88172645463325252u + in.len, .piece_max = piece_max };
    struct outcome o = { .used = 0 };
    buf_init(&o.text, a, 64 * INPUT_BYTES_MAX);
    f.conn.hl = &f.loop;
    while (o.requests < REQUESTS_MAX && o.used < in.len &&
           request_read(&f, str_sub(in, o.used, in.len), &o))
        o.requests++;
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > INPUT_BYTES_MAX)
        return 0;
    struct arena *a = arena_new(0);
    struct str in = { (const char *)data, size };
    struct outcome whole = read_all(a, in, 0);
    static const size_t pieces[] = { 1, 7, 200 };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct outcome cut = read_all(a, in, pieces[i]);
        MUST(cut.requests == whole.requests && cut.refused == whole.refused);
        MUST(str_eq(buf_str(&cut.text), buf_str(&whole.text)));
    }
    arena_free(a);
    return 0;
}
