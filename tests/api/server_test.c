/* The HTTP server against raw sockets: framing that must be refused, limits, order, half-closed and
 * slow clients, streams, ranges, uploads, cross-origin rules, proxies, and the drain. */
#include "fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/app.h"
#include "base/buf.h"
#include "http/http.h"
#include "net/loop.h"

struct served {
    struct fixture *fixture;
    struct http_server *server;
    int port;
    char control[96];
};

static int serve(void **state)
{
    char error[300] = "";
    struct served *s = calloc(1, sizeof *s);
    s->fixture = fixture_open(DB_SQLITE);
    struct app *app = fixture_app(s->fixture);
    app->loops = loops_start(2);
    snprintf(s->control, sizeof s->control, "/tmp/opboxd-test-%ld.sock", (long)getpid());
    struct http_options o = { .listen = STR("127.0.0.1:0"),
                              .control_path = str_of(s->control),
                              .public_url = STR("http://localhost"),
                              .connections_max = 1000,
                              .header_timeout_s = 1,
                              .body_timeout_s = 1,
                              .idle_timeout_s = 5,
                              .write_timeout_s = 1,
                              .trusted_proxies = STR("127.0.0.0/8"),
                              .cors_origins = STR("https://app.example, https://two.example") };
    if (http_server_start(app, &o, &s->server, error, sizeof error) != OK)
        fail_msg("%s", error);
    s->port = http_server_port(s->server);
    *state = s;
    return 0;
}

static int unserve(void **state)
{
    struct served *s = *state;
    http_server_drain(s->server, 500);
    loops_stop(fixture_app(s->fixture)->loops);
    http_server_free(s->server);
    fixture_close(s->fixture);
    unlink(s->control);
    free(s);
    return 0;
}

static int dial(const struct served *s)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval t = { .tv_sec = 5 };
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void put(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* refused on the way: the answer says why */
        bytes += n;
        len -= (size_t)n;
    }
}

/* All that comes until the server closes. */
static struct str take_all(int fd, struct buf *b)
{
    char piece[4096];
    ssize_t n;
    while ((n = recv(fd, piece, sizeof piece, 0)) > 0)
        buf_put(b, piece, (size_t)n);
    buf_put_byte(b, '\0');
    b->len--;
    return buf_str(b);
}

/* One exchange on a connection of its own; the text lives in *b. */
static const char *ask(const struct served *s, const char *bytes, size_t len, struct buf *b)
{
    int fd = dial(s);
    buf_init(b, NULL, 1 << 24);
    put(fd, bytes, len);
    shutdown(fd, SHUT_WR);
    take_all(fd, b);
    close(fd);
    return b->ptr ? b->ptr : "";
}

static int status_of(const char *answer)
{
    int status = 0;
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    while ((text = strstr(text, word))) {
        n++;
        text += strlen(word);
    }
    return n;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nx-test-role: VIEWER\r\n\r\n"
#define RAW(headers, body) "POST /api/test/raw HTTP/1.1\r\nHost: x\r\n" headers "\r\n" body

/* ---- framing ---- */

static const struct {
    const char *bytes;
    int status; /* of the first answer */
    int answers;
} framing[] = {
    { RAW("Content-Length: 2\r\n", "ab"), 202, 1 },
    { RAW("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"), 202, 1 },
    { RAW("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"), 400, 1 },
    { RAW("Content-Length: 2\r\nContent-Length: 3\r\n", "abc"), 400, 1 },
    { RAW("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"), 400, 1 },
    { RAW("Content-Length : 2\r\n", "ab"), 400, 1 },
    { RAW("Content-Length: +2\r\n", "ab"), 400, 1 },
    { RAW("Content-Length: 2, 2\r\n", "ab"), 400, 1 },
    { RAW("Content-Length: -1\r\n", ""), 400, 1 },
    { RAW("Content-Length: 99999999999999999999999\r\n", ""), 400, 1 },
    { RAW("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 400, 1 },
    { RAW("Transfer-Encoding: gzip\r\nContent-Length: 2\r\n", "ab"), 400, 1 },
    { RAW("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400, 1 },
    { RAW("Transfer-Encoding: chunked\r\n", "0x2\r\nab\r\n0\r\n\r\n"), 400, 1 },
    { RAW("Transfer-Encoding: chunked\r\n", "2\nab\n0\n\n"), 400, 1 },
    { RAW("Transfer-Encoding: chunked\r\n", "2\r\nabX\r\n0\r\n\r\n"), 400, 1 },
    { RAW("Transfer-Encoding: chunked\r\n", "-2\r\nab\r\n0\r\n\r\n"), 400, 1 },
    { RAW("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\nab\r\n0\r\n\r\n"), 400, 1 },
    { RAW("X: a\r\n Content-Length: 2\r\n", ""), 400, 1 },
    { "POST /api/test/raw HTTP/1.1\r\nHost: x\rContent-Length: 2\r\n\r\nab", 400, 1 },
    { "POST /api/test/raw HTTP/1.1\r\nHost: x\r\n\rX", 400, 1 },
    { "GET /healthz\n\n", 400, 1 },
    { "GET /healthz HTTP/1.1\nHost: x\n\n", 400, 1 },
    { "GET /healthz HTTP/1.1\r\n\r\n", 400, 1 },
    { "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, 1 },
    { "GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 400, 1 },
    { "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 1 },
    { "GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400, 1 },
    { "GET /a HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n", 400, 1 },
    { "GET /a HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n", 400, 1 },
    { "G\x01T / HTTP/1.1\r\n\r\n", 400, 1 },
    { "\x16\x03\x01\x02", 400, 1 },
    { "GET http://x/api/test/notes/zz HTTP/1.1\r\nHost: x\r\nx-test-role: VIEWER\r\n\r\n", 404, 1 },
    { "POST /api/test/raw HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", 202, 1 },
    { "POST /api/test/raw HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 1 },
    { "GET /api/test/notes/zz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", 400, 1 },
    { GET("/api/test/notes/a") GET("/api/test/notes/b") GET("/nothing"), 404, 3 },
    { RAW("Content-Length: 2\r\n", "ab") RAW("Content-Length: 2\r\n", "cd"), 202, 2 },
};

static void ambiguous_requests_are_refused_once(void **state)
{
    for (size_t i = 0; i < sizeof framing / sizeof *framing; i++) {
        struct buf b;
        const char *a = ask(*state, framing[i].bytes, strlen(framing[i].bytes), &b);
        int answers = count_of(a, "\r\nx-request-id: ");
        if (status_of(a) != framing[i].status || answers != framing[i].answers)
            fail_msg("case %zu: %d answers, the first %d\n%s\n---\n%s", i, answers, status_of(a),
                     framing[i].bytes, a);
        buf_release(&b);
    }
}

static void any_cut_of_the_bytes_gives_the_same(void **state)
{
    static const char bytes[] =
        RAW("Transfer-Encoding: chunked\r\nX:\r\n", "5;e=1\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n")
            RAW("Content-Length: 3\r\nConnection: close\r\n", "end");
    for (size_t cut = 1; cut < sizeof bytes - 1; cut++) {
        struct buf b;
        int fd = dial(*state);
        buf_init(&b, NULL, 1 << 20);
        put(fd, bytes, cut);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        poll(&p, 1, 1); /* let the pieces arrive apart */
        put(fd, bytes + cut, sizeof bytes - 1 - cut);
        take_all(fd, &b);
        if (count_of(b.ptr, "POST hello!") != 1 || count_of(b.ptr, "POST end") != 1)
            fail_msg("cut at %zu:\n%s", cut, b.ptr);
        close(fd);
        buf_release(&b);
    }
}

/* ---- limits ---- */

static void heads_are_bounded(void **state)
{
    struct buf b, rq;
    buf_init(&rq, NULL, 1 << 20);
    buf_put_cstr(&rq, "GET /");
    for (int i = 0; i < 9000; i++)
        buf_put_byte(&rq, 'a');
    buf_put_cstr(&rq, " HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(ask(*state, rq.ptr, rq.len, &b)), 431);
    buf_release(&b);
    buf_clear(&rq);
    buf_put_cstr(&rq, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 100; i++)
        buf_printf(&rq, "h%d: 1\r\n", i);
    buf_put_cstr(&rq, "\r\n");
    assert_int_equal(status_of(ask(*state, rq.ptr, rq.len, &b)), 431);
    buf_release(&b);
    buf_clear(&rq);
    buf_put_cstr(&rq, "GET / HTTP/1.1\r\nHost: x\r\nbig: ");
    for (int i = 0; i < 33000; i++)
        buf_put_byte(&rq, 'a');
    buf_put_cstr(&rq, "\r\n\r\n");
    assert_int_equal(status_of(ask(*state, rq.ptr, rq.len, &b)), 431);
    buf_release(&b);
    buf_release(&rq);
}

static void bodies_are_bounded_with_and_without_a_length(void **state)
{
    struct buf b, rq;
    buf_init(&rq, NULL, 4 << 20);
    buf_put_cstr(&rq, RAW("Content-Length: 1048577\r\nExpect: 100-continue\r\n", ""));
    const char *a = ask(*state, rq.ptr, rq.len, &b);
    assert_int_equal(status_of(a), 413);
    assert_int_equal(count_of(a, "100 Continue"), 0);
    buf_release(&b);
    buf_clear(&rq);
    buf_put_cstr(&rq, RAW("Transfer-Encoding: chunked\r\n", "110000\r\n"));
    for (int i = 0; i < 0x110000; i++)
        buf_put_byte(&rq, 'a');
    buf_put_cstr(&rq, "\r\n0\r\n\r\n");
    assert_int_equal(status_of(ask(*state, rq.ptr, rq.len, &b)), 413);
    buf_release(&b);
    /* All framing, no content. */
    buf_clear(&rq);
    buf_put_cstr(&rq, RAW("Transfer-Encoding: chunked\r\n", ""));
    buf_put_cstr(&rq, "1;");
    for (int i = 0; i < 40000; i++)
        buf_put_byte(&rq, 'e');
    buf_put_cstr(&rq, "\r\na\r\n0\r\n\r\n");
    assert_int_equal(status_of(ask(*state, rq.ptr, rq.len, &b)), 400);
    buf_release(&b);
    buf_release(&rq);
}

static void a_body_byte_is_asked_for_only_when_admitted(void **state)
{
    struct buf b;
    const char *open =
        "POST /api/test/notes HTTP/1.1\r\nHost: x\r\nx-test-role: MEMBER\r\nContent-Type: "
        "application/json\r\nContent-Length: 30\r\nExpect: 100-continue\r\n\r\n";
    const char *shut = "POST /api/test/notes HTTP/1.1\r\nHost: x\r\nContent-Type: "
                       "application/json\r\nContent-Length: 30\r\nExpect: 100-continue\r\n\r\n";
    const char *a = ask(*state, open, strlen(open), &b);
    assert_int_equal(count_of(a, "HTTP/1.1 100 Continue\r\n\r\n"), 1);
    buf_release(&b);
    a = ask(*state, shut, strlen(shut), &b);
    assert_int_equal(status_of(a), 401);
    assert_int_equal(count_of(a, "100 Continue"), 0);
    assert_int_equal(count_of(a, "connection: close"), 1);
    buf_release(&b);
}

static void slow_heads_and_bodies_are_ended(void **state)
{
    struct buf b;
    int head = dial(*state), body = dial(*state);
    put(head, "GET / HT", 8);
    put(body, RAW("Content-Length: 10\r\n", "ab"), sizeof RAW("Content-Length: 10\r\n", "ab") - 1);
    buf_init(&b, NULL, 1 << 16);
    take_all(head, &b);
    assert_int_equal(status_of(b.ptr), 408);
    buf_clear(&b);
    take_all(body, &b);
    assert_int_equal(status_of(b.ptr), 408);
    buf_release(&b);
    close(head);
    close(body);
}

/* ---- answers ---- */

static void heads_of_answers_say_what_they_must(void **state)
{
    struct buf b;
    const char *a =
        ask(*state, GET("/api/test/notes/none"), sizeof GET("/api/test/notes/none") - 1, &b);
    assert_int_equal(count_of(a, "\r\nx-request-id: c"), 1);
    assert_int_equal(count_of(a, "\r\ndate: "), 1);
    assert_int_equal(count_of(a, "\r\ncache-control: no-store\r\n"), 1);
    assert_int_equal(count_of(a, "\r\nx-content-type-options: nosniff\r\n"), 1);
    assert_int_equal(count_of(a, "\r\nkeep-alive: timeout=5\r\n"), 1);
    assert_int_equal(count_of(a, "\"code\":\"NOT_FOUND\""), 1);
    buf_release(&b);
    static const char head[] =
        "HEAD /api/test/files/d HTTP/1.1\r\nHost: x\r\nx-test-role: VIEWER\r\n\r\n";
    a = ask(*state, head, sizeof head - 1, &b);
    assert_int_equal(count_of(a, "content-length: 10\r\n"), 1);
    assert_null(strstr(a, "0123"));
    buf_release(&b);
}

static const struct {
    const char *headers;
    int status;
    const char *range, *body;
} ranges[] = {
    { "", 200, NULL, "\r\n\r\n0123456789" },
    { "Range: bytes=2-4\r\n", 206, "bytes 2-4/10", "\r\n\r\n234" },
    { "Range: bytes=7-\r\n", 206, "bytes 7-9/10", "\r\n\r\n789" },
    { "Range: bytes=-3\r\n", 206, "bytes 7-9/10", "\r\n\r\n789" },
    { "Range: bytes=-30\r\n", 206, "bytes 0-9/10", "\r\n\r\n0123456789" },
    { "Range: bytes=5-99\r\n", 206, "bytes 5-9/10", "\r\n\r\n56789" },
    { "Range: bytes=10-\r\n", 416, "bytes */10", "RANGE_NOT_SATISFIABLE" },
    { "Range: bytes=-0\r\n", 416, "bytes */10", "RANGE_NOT_SATISFIABLE" },
    { "Range: bytes=4-2\r\n", 200, NULL, "\r\n\r\n0123456789" },
    { "Range: bytes=0-1,3-4\r\n", 200, NULL, "\r\n\r\n0123456789" },
    { "Range: lines=0-1\r\n", 200, NULL, "\r\n\r\n0123456789" },
    { "Range: bytes=0-1\r\nIf-Range: \"v1\"\r\n", 206, "bytes 0-1/10", "\r\n\r\n01" },
    { "Range: bytes=0-1\r\nIf-Range: \"v0\"\r\n", 200, NULL, "\r\n\r\n0123456789" },
    { "If-None-Match: \"v0\", W/\"v1\"\r\n", 304, NULL, "" },
    { "If-None-Match: *\r\n", 304, NULL, "" },
    { "If-None-Match: \"v2\"\r\n", 200, NULL, "\r\n\r\n0123456789" },
};

static void downloads_take_ranges_and_conditions(void **state)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct buf b;
        char rq[300];
        int n =
            snprintf(rq, sizeof rq,
                     "GET /api/test/files/d HTTP/1.1\r\nHost: x\r\nx-test-role: VIEWER\r\n%s\r\n",
                     ranges[i].headers);
        const char *a = ask(*state, rq, (size_t)n, &b);
        bool range_right = !ranges[i].range || strstr(a, ranges[i].range);
        if (status_of(a) != ranges[i].status || !range_right || !strstr(a, ranges[i].body))
            fail_msg("%s gives\n%s", ranges[i].headers, a);
        buf_release(&b);
    }
    struct buf b;
    const char *a = ask(*state, GET("/api/test/files/d"), sizeof GET("/api/test/files/d") - 1, &b);
    assert_non_null(strstr(
        a, "content-disposition: attachment; filename=\"ten.txt\"; filename*=UTF-8''ten.txt"));
    assert_non_null(strstr(a, "etag: \"v1\""));
    assert_non_null(strstr(a, "sandbox"));
    buf_release(&b);
}

static void streams_end_whole_and_in_chunks(void **state)
{
    struct buf b;
    const char *a =
        ask(*state, GET("/api/test/streams/s"), sizeof GET("/api/test/streams/s") - 1, &b);
    assert_int_equal(status_of(a), 200);
    assert_non_null(strstr(a, "content-type: text/event-stream"));
    assert_non_null(strstr(a, "x-test-stream: 1"));
    assert_non_null(strstr(a, "event: token\ndata: {\"n\":2}\n\n"));
    assert_non_null(strstr(a, "\r\n0\r\n\r\n"));
    buf_release(&b);
    static const char old[] = "GET /api/test/streams/s HTTP/1.0\r\nx-test-role: VIEWER\r\n\r\n";
    a = ask(*state, old, sizeof old - 1, &b);
    assert_null(strstr(a, "chunked"));
    assert_non_null(strstr(a, "{\"n\":2}\n\n"));
    buf_release(&b);
}

/* ---- uploads ---- */

static void big_uploads_stream_and_bad_ones_are_told(void **state)
{
    struct buf b, rq, form;
    buf_init(&form, NULL, 4 << 20);
    buf_init(&rq, NULL, 4 << 20);
    buf_put_cstr(&form, "--B\r\nContent-Disposition: form-data; "
                        "name=\"title\"\r\n\r\nt\r\n--B\r\nContent-Disposition: form-data; "
                        "name=\"file\"; filename=\"big\"\r\n\r\n");
    for (int i = 0; i < 900000; i++)
        buf_put_byte(&form, (char)('a' + i % 26));
    buf_put_cstr(&form, "\r\n--B--\r\n");
    buf_printf(&rq,
               "POST /api/test/files HTTP/1.1\r\nHost: x\r\nx-test-role: MEMBER\r\nContent-Type: "
               "multipart/form-data; boundary=B\r\nContent-Length: %zu\r\n\r\n",
               form.len);
    buf_put_str(&rq, buf_str(&form));
    const char *a = ask(*state, rq.ptr, rq.len, &b);
    if (!strstr(a, "\"bytes\":900000"))
        fail_msg("%s", a);
    buf_release(&b);
    /* Larger than the field takes: told, although bytes are still on the way. */
    buf_clear(&rq);
    buf_put_cstr(&rq, "POST /api/test/files HTTP/1.1\r\nHost: x\r\nx-test-role: "
                      "MEMBER\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: "
                      "1999999\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; "
                      "filename=\"big\"\r\n\r\n");
    for (int i = 0; i < 1500000; i++)
        buf_put_byte(&rq, 'x');
    a = ask(*state, rq.ptr, rq.len, &b);
    assert_int_equal(status_of(a), 413);
    buf_release(&b);
    /* Cut in the middle: nothing to answer, nothing leaks (the sanitizer looks). */
    buf_clear(&rq);
    buf_put_cstr(&rq, "POST /api/test/files HTTP/1.1\r\nHost: x\r\nx-test-role: "
                      "MEMBER\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: "
                      "1999999\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; "
                      "filename=\"big\"\r\n\r\nxx");
    a = ask(*state, rq.ptr, rq.len, &b);
    assert_string_equal(a, "");
    buf_release(&b);
    buf_release(&rq);
    buf_release(&form);
}

/* ---- origins and the control socket ---- */

static void only_listed_origins_may_cross(void **state)
{
    struct buf b;
    static const char good[] = "OPTIONS /api/test/notes HTTP/1.1\r\nHost: x\r\nOrigin: "
                               "https://two.example\r\nAccess-Control-Request-Method: "
                               "POST\r\nAccess-Control-Request-Headers: x-csrf-token\r\n\r\n";
    static const char bad[] = "OPTIONS /api/test/notes HTTP/1.1\r\nHost: x\r\nOrigin: "
                              "https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n";
    const char *a = ask(*state, good, sizeof good - 1, &b);
    assert_int_equal(status_of(a), 204);
    assert_non_null(strstr(a, "access-control-allow-origin: https://two.example"));
    assert_non_null(strstr(a, "access-control-allow-headers: x-csrf-token"));
    assert_non_null(strstr(a, "vary: origin"));
    buf_release(&b);
    a = ask(*state, bad, sizeof bad - 1, &b);
    assert_int_equal(status_of(a), 403);
    assert_null(strstr(a, "access-control-allow-origin"));
    buf_release(&b);
}

static void the_control_socket_runs_operations_by_name(void **state)
{
    const struct served *s = *state;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct buf b;
    static const char rq[] =
        "POST /control/call/note_add HTTP/1.1\r\nHost: x\r\nx-test-role: MEMBER\r\nContent-Length: "
        "28\r\n\r\n{\"name\":\"ctl\",\"value\":\"one\"}";
    snprintf(a.sun_path, sizeof a.sun_path, "%s", s->control);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    put(fd, rq, sizeof rq - 1);
    shutdown(fd, SHUT_WR);
    buf_init(&b, NULL, 1 << 16);
    take_all(fd, &b);
    if (status_of(b.ptr) != 201)
        fail_msg("%s", b.ptr);
    close(fd);
    buf_release(&b);
    /* The same path on the network is nothing. */
    const char *n = ask(s, rq, sizeof rq - 1, &b);
    assert_int_equal(status_of(n), 404);
    buf_release(&b);
}

/* ---- many at once, and the end ---- */

static void a_slow_reader_does_not_hold_others_up(void **state)
{
    struct buf b;
    int slow = dial(*state);
    for (int i = 0; i < 2000; i++)
        put(slow, GET("/api/test/notes/none"), sizeof GET("/api/test/notes/none") - 1);
    assert_int_equal(status_of(ask(*state, GET("/nothing"), sizeof GET("/nothing") - 1, &b)), 404);
    buf_release(&b);
    close(slow);
}

static void a_drain_answers_what_has_begun(void **state)
{
    struct served *s = *state;
    struct buf b;
    int idle = dial(s), begun = dial(s);
    put(begun, RAW("Content-Length: 4\r\n", "ab"), sizeof RAW("Content-Length: 4\r\n", "ab") - 1);
    struct pollfd p = { .fd = begun, .events = POLLIN };
    poll(&p, 1, 50);
    put(begun, "cd", 2);
    http_server_drain(s->server, 2000);
    buf_init(&b, NULL, 1 << 16);
    take_all(begun, &b);
    assert_non_null(strstr(b.ptr, "POST abcd"));
    char c;
    assert_true(recv(idle, &c, 1, 0) <= 0);
    close(idle);
    close(begun);
    buf_release(&b);
}

static void a_second_server_on_the_port_is_told(void **state)
{
    struct served *s = *state;
    char error[300] = "", listen[40];
    struct http_server *second;
    snprintf(listen, sizeof listen, "127.0.0.1:%d", s->port);
    struct http_options o = { .listen = str_of(listen) };
    assert_int_not_equal(
        http_server_start(fixture_app(s->fixture), &o, &second, error, sizeof error), OK);
    assert_non_null(strstr(error, "is taken by another program"));
    o.listen = STR("nonsense");
    assert_int_not_equal(
        http_server_start(fixture_app(s->fixture), &o, &second, error, sizeof error), OK);
    assert_non_null(strstr(error, "is not an address and port"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ambiguous_requests_are_refused_once),
        cmocka_unit_test(any_cut_of_the_bytes_gives_the_same),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(bodies_are_bounded_with_and_without_a_length),
        cmocka_unit_test(a_body_byte_is_asked_for_only_when_admitted),
        cmocka_unit_test(slow_heads_and_bodies_are_ended),
        cmocka_unit_test(heads_of_answers_say_what_they_must),
        cmocka_unit_test(downloads_take_ranges_and_conditions),
        cmocka_unit_test(streams_end_whole_and_in_chunks),
        cmocka_unit_test(big_uploads_stream_and_bad_ones_are_told),
        cmocka_unit_test(only_listed_origins_may_cross),
        cmocka_unit_test(the_control_socket_runs_operations_by_name),
        cmocka_unit_test(a_slow_reader_does_not_hold_others_up),
        cmocka_unit_test(a_second_server_on_the_port_is_told),
        cmocka_unit_test(a_drain_answers_what_has_begun),
    };
    return cmocka_run_group_tests(tests, serve, unserve);
}
