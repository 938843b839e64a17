/* What counts as one request: the battery of ambiguous framings, limits, chunks in any cut,
 * pipelines. Each case is bytes in and a status out (0: closed without an answer). */
#include "testing.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"

#define H "Host: a\r\n"

struct framing_case {
    const char *what;
    const char *bytes;
    int status;
    int answers;
};

static void run_cases(struct server *s, const struct framing_case *cases, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        int answers;
        int status = status_of(s, str_of(cases[i].bytes), &answers);
        if (status == cases[i].status && answers == cases[i].answers)
            continue;
        print_error("%s: status %d, answers %d\n", cases[i].what, status, answers);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void ambiguous_requests_are_refused(void **state)
{
    static const struct framing_case cases[] = {
        { "plain", "GET /echo HTTP/1.1\r\n" H "\r\n", 200, 1 },
        { "length and chunked",
          "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n",
          400, 1 },
        { "chunked and length",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
          "0\r\n\r\n",
          400, 1 },
        { "two lengths",
          "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400,
          1 },
        { "two equal lengths",
          "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, 1 },
        { "list of lengths", "POST /echo HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", 400,
          1 },
        { "space before colon", "POST /echo HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\nabc", 400,
          1 },
        { "plus sign", "POST /echo HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", 400, 1 },
        { "negative", "POST /echo HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\nabc", 400, 1 },
        { "hex length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc", 400, 1 },
        { "huge length",
          "POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\nabc", 400, 1 },
        { "CR alone as separator (CVE-2023-30589)",
          "POST /echo HTTP/1.1\r\n" H "A: b\rContent-Length: 3\r\n\r\nabc", 400, 1 },
        { "CR LF CR X (CVE-2025-23167)", "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\rXabc",
          400, 1 },
        { "chunked, gzip",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, 1 },
        { "gzip alone",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\nGET /echo HTTP/1.1\r\n" H
          "\r\n",
          400, 1 },
        { "gzip and a length",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
          400, 1 },
        { "chunked twice",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
          "identity\r\n\r\n0\r\n\r\n",
          400, 1 },
        { "xchunked", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
          400, 1 },
        { "chunk size 0x1",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
          400, 1 },
        { "chunk size with sign",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", 400,
          1 },
        { "chunk size overflows",
          "POST /echo HTTP/1.1\r\n" H
          "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n",
          400, 1 },
        { "chunk lines ended by LF",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n", 400, 1 },
        { "chunk longer than it says",
          "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
          400, 1 },
        { "chunked of HTTP/1.0",
          "POST /echo HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 1 },
        { "folded header", "POST /echo HTTP/1.1\r\n" H "A: b\r\n Content-Length: 3\r\n\r\n", 400,
          1 },
        { "folded by tab", "POST /echo HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", 400, 1 },
        { "folded first header", "GET /echo HTTP/1.1\r\n Host: a\r\n" H "\r\n", 400, 1 },
        { "no version", "GET /echo\n", 400, 1 },
        { "no version, CR LF", "GET /echo\r\n\r\n", 400, 1 },
        { "LF after the request line", "GET /echo HTTP/1.1\n" H "\r\n", 400, 1 },
        { "LF after a header", "GET /echo HTTP/1.1\r\nHost: a\n\r\n", 400, 1 },
        { "LF as the empty line", "GET /echo HTTP/1.1\r\n" H "\n", 400, 1 },
        { "HTTP/2.0", "GET /echo HTTP/2.0\r\n" H "\r\n", 400, 1 },
        { "HTTP/1.2", "GET /echo HTTP/1.2\r\n" H "\r\n", 400, 1 },
        { "HTTP/0.9", "GET /echo HTTP/0.9\r\n" H "\r\n", 400, 1 },
        { "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 1 },
        { "no Host", "GET /echo HTTP/1.1\r\nA: b\r\n\r\n", 400, 1 },
        { "no Host in 1.0", "GET /echo HTTP/1.0\r\n\r\n", 200, 1 },
        { "two Hosts", "GET /echo HTTP/1.1\r\n" H "Host: b\r\n\r\n", 400, 1 },
        { "two equal Hosts", "GET /echo HTTP/1.1\r\n" H H "\r\n", 400, 1 },
        { "Host with a slash", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 1 },
        { "Host with an at", "GET /echo HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, 1 },
        { "Host with a space", "GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 1 },
        { "Host with a bad port", "GET /echo HTTP/1.1\r\nHost: a:8x\r\n\r\n", 400, 1 },
        { "Host of IPv6", "GET /echo HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, 1 },
        { "Host of IPv6 unclosed", "GET /echo HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, 1 },
        { "space in the target", "GET /ec ho HTTP/1.1\r\n" H "\r\n", 400, 1 },
        { "fragment", "GET /echo#x HTTP/1.1\r\n" H "\r\n", 400, 1 },
        { "bytes above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 400, 1 },
        { "control character in a header", "GET /echo HTTP/1.1\r\n" H "A: b\x01\r\n\r\n", 400, 1 },
        { "header without a name", "GET /echo HTTP/1.1\r\n" H ": b\r\n\r\n", 400, 1 },
        { "header without a colon", "GET /echo HTTP/1.1\r\n" H "A\r\n\r\n", 400, 1 },
        { "absolute form", "GET http://a/echo HTTP/1.1\r\n" H "\r\n", 200, 1 },
        { "authority form", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", 400, 1 },
        { "asterisk form", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 400, 1 },
        { "unknown method", "FROB /echo HTTP/1.1\r\n" H "\r\n", 400, 1 },
        { "known method without a row", "PURGE /echo HTTP/1.1\r\n" H "\r\n", 405, 1 },
        { "offer to upgrade",
          "GET /echo HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
          "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n",
          200, 2 },
        { "body of a GET", "GET /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 400, 1 },
        { "cut head", "GET /echo HTTP/1.1\r\nHo", 0, 0 },
        { "cut body", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc", 0, 0 },
        { "TLS", "\x16\x03\x01\x02\x01\x01", 400, 1 },
        { "empty lines in front", "\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n", 200, 1 },
    };
    run_cases(*state, cases, sizeof cases / sizeof *cases);
    assert_int_equal(rows_control.body_calls, 7);
}

/* head: "GET /echo HTTP/1.1", then `count` headers with values of `bytes`. */
static struct str big_head(struct arena *a, size_t count, size_t bytes, const char *fill)
{
    struct buf b;
    buf_init(&b, a, 1 << 20);
    buf_put_cstr(&b, "GET /echo HTTP/1.1\r\n" H);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&b, "x-%zu:", i);
        for (size_t k = 0; k < bytes; k++)
            buf_put_cstr(&b, fill);
        buf_put_cstr(&b, "z\r\n");
    }
    buf_put_cstr(&b, "\r\n");
    return buf_str(&b);
}

static struct str long_url(struct arena *a, size_t bytes)
{
    struct buf b;
    buf_init(&b, a, 1 << 20);
    buf_put_cstr(&b, "GET /echo?");
    for (size_t i = 6; i < bytes; i++)
        buf_put_byte(&b, 'x');
    buf_put_cstr(&b, " HTTP/1.1\r\n" H "\r\n");
    return buf_str(&b);
}

static void heads_have_bounds(void **state)
{
    struct server *s = *state;
    struct arena *a = arena_new(0);
    assert_int_equal(status_of(s, big_head(a, 99, 10, "v"), NULL), 200);
    assert_int_equal(status_of(s, big_head(a, 100, 10, "v"), NULL), 431);
    assert_int_equal(status_of(s, big_head(a, 30, 1000, "v"), NULL), 200);
    assert_int_equal(status_of(s, big_head(a, 33, 1000, "v"), NULL), 431);
    assert_int_equal(status_of(s, big_head(a, 1, 33000, "v"), NULL), 431);
    assert_int_equal(status_of(s, big_head(a, 1, 33000, " "), NULL), 431);
    assert_int_equal(status_of(s, big_head(a, 1, 400000, " "), NULL), 431);
    assert_int_equal(status_of(s, long_url(a, 8192), NULL), 200);
    assert_int_equal(status_of(s, long_url(a, 8193), NULL), 431);
    assert_int_equal(status_of(s, long_url(a, 100000), NULL), 431);
    arena_free(a);
}

static struct str post(struct arena *a, const char *headers, size_t body)
{
    struct buf b;
    buf_init(&b, a, 1 << 20);
    buf_printf(&b, "POST /echo HTTP/1.1\r\n" H "%s\r\n", headers);
    for (size_t i = 0; i < body; i++)
        buf_put_byte(&b, blob_byte((int64_t)i));
    return buf_str(&b);
}

static void bodies_have_bounds(void **state)
{
    struct server *s = *state;
    struct arena *a = arena_new(0);
    assert_int_equal(status_of(s, post(a, "Content-Length: 100000\r\n", 100000), NULL), 200);
    assert_int_equal(status_of(s, post(a, "Content-Length: 100001\r\n", 100001), NULL), 413);
    /* Refused by its head: the client need not send anything, and gets the answer. */
    assert_int_equal(status_of(s, post(a, "Content-Length: 100001\r\n", 0), NULL), 413);
    struct buf b;
    buf_init(&b, a, 1 << 20);
    buf_put_cstr(&b, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n186A1\r\n");
    for (int i = 0; i < 100001; i++)
        buf_put_byte(&b, 'x');
    buf_put_cstr(&b, "\r\n0\r\n\r\n");
    assert_int_equal(status_of(s, buf_str(&b), NULL), 413);
    arena_free(a);
}

static struct str framing_flood(struct arena *a, const char *unit, int count, const char *end)
{
    struct buf b;
    buf_init(&b, a, 1 << 20);
    buf_put_cstr(&b, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < count; i++)
        buf_put_cstr(&b, unit);
    buf_put_cstr(&b, end);
    return buf_str(&b);
}

static void chunk_framing_has_bounds(void **state)
{
    struct server *s = *state;
    struct arena *a = arena_new(0);
    assert_int_equal(status_of(s, framing_flood(a, "1\r\nx\r\n", 9000, "0\r\n\r\n"), NULL), 200);
    assert_int_equal(status_of(s, framing_flood(a, "1;a;b=\"c\"\r\nx\r\n", 10, "0\r\n\r\n"), NULL),
                     200);
    assert_int_equal(
        status_of(s, framing_flood(a, "1;extension-much-longer\r\nx\r\n", 9000, "0\r\n\r\n"), NULL),
        400);
    assert_int_equal(status_of(s, framing_flood(a, "", 0, "0\r\nA: b\r\nC: d\r\n\r\n"), NULL), 200);
    struct buf trailers;
    buf_init(&trailers, a, 1 << 20);
    buf_put_cstr(&trailers, "0\r\n");
    for (int i = 0; i < 4000; i++)
        buf_put_cstr(&trailers, "trailer: x\r\n");
    buf_put_cstr(&trailers, "\r\n");
    int status = status_of(s, framing_flood(a, "", 0, str_cstr(a, buf_str(&trailers))), NULL);
    assert_true(status == 400 || status == 431);
    arena_free(a);
}

/* A trailer must not become a header of the request, nor of the next one. */
static void trailers_are_dropped(void **state)
{
    int fd = dial(*state);
    send_text(fd, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n0\r\nHost: evil\r\nContent-Length: 9\r\n\r\n"
                  "GET /echo HTTP/1.1\r\n" H "\r\n");
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 200);
    assert_true(str_is(r.body, "POST abc"));
    assert_int_equal(read_answer(fd).status, 200);
    close(fd);
}

static const char torture[] =
    "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
    "5;x=y\r\nhello\r\n1\r\n \r\n00000005\r\nworld\r\n0\r\nT: u\r\n\r\n"
    "POST /worker HTTP/1.1\r\nhost:\ta\r\ncontent-length:4\r\nX-Empty:\r\n\r\n\r\n\r\n"
    "GET /echo?a=b HTTP/1.1\r\nHOST: a \r\n\r\n";

static void expect_torture(int fd)
{
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 200);
    assert_true(str_is(r.body, "POST hello world"));
    r = read_answer(fd);
    assert_int_equal(r.status, 200);
    assert_true(str_is(r.body, "POST \r\n\r\n"));
    r = read_answer(fd);
    assert_int_equal(r.status, 200);
    assert_true(str_is(r.body, "GET "));
}

/* Two segments with every cut, and each byte alone: the answers are the same. */
static void any_cut_reads_the_same(void **state)
{
    struct str all = { torture, sizeof torture - 1 };
    int fd = dial(*state), one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (size_t cut = 1; cut < all.len; cut++) {
        send_bytes(fd, str_sub(all, 0, cut));
        send_bytes(fd, str_sub(all, cut, all.len));
        expect_torture(fd);
    }
    for (size_t i = 0; i < all.len; i++)
        send_bytes(fd, str_sub(all, i, i + 1));
    expect_torture(fd);
    close(fd);
}

static void pipelines_are_answered_in_order(void **state)
{
    int fd = dial(*state);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    for (int i = 0; i < 2000; i++)
        buf_printf(&b, "POST /%s HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n%04d",
                   i % 7 == 3 ? "worker" : "echo", i);
    send_bytes(fd, buf_str(&b));
    for (int i = 0; i < 2000; i++) {
        struct reading r = read_answer(fd);
        char want[20];
        snprintf(want, sizeof want, "POST %04d", i);
        if (r.status != 200 || !str_is(r.body, want))
            fail_msg("%d: %d %.*s", i, r.status, STR_ARG(r.body));
    }
    close(fd);
    /* The same with a client that says at once that nothing more comes. */
    int answers;
    assert_int_equal(status_of(*state, buf_str(&b), &answers), 200);
    assert_int_equal(answers, 2000);
    buf_release(&b);
}

static void nothing_behind_a_refusal_is_looked_at(void **state)
{
    int answers, before = rows_control.body_calls;
    assert_int_equal(status_of(*state,
                               STR("POST /echo HTTP/1.1\r\n" H "x-test-refuse: 1\r\n"
                                   "Content-Length: 40\r\n\r\n"
                                   "GET /echo HTTP/1.1\r\n" H "\r\n"
                                   "GET /echo HTTP/1.1\r\n" H "\r\n"),
                               &answers),
                     429);
    assert_int_equal(answers, 1);
    assert_int_equal(rows_control.body_calls, before);
}

static void a_body_is_asked_for_after_admission(void **state)
{
    int fd = dial(*state);
    send_text(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(read_answer(fd).status, 100);
    send_text(fd, "abc");
    assert_int_equal(read_answer(fd).status, 200);
    send_text(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n"
                  "x-test-refuse: 1\r\n\r\n");
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 429);
    assert_string_equal(head_value(r, "connection"), "close");
    assert_int_equal(read_answer(fd).status, 0);
    close(fd);
}

/* The answer must get through although the client is still sending: no reset in front of it. */
static void a_refusal_reaches_a_client_that_sends(void **state)
{
    static char filler[300000];
    for (int round = 0; round < 20; round++) {
        bool reset;
        int fd = dial(*state);
        send_text(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 300000\r\n\r\n");
        send_bytes(fd, (struct str){ filler, sizeof filler });
        shutdown(fd, SHUT_WR);
        struct str all = read_all(fd, &reset);
        assert_true(str_starts(all, STR("HTTP/1.1 413 ")));
        assert_false(reset);
    }
}

static void refusals_are_json(void **state)
{
    int fd = dial(*state);
    send_text(fd, "GET /echo\r\n\r\n");
    struct reading r = read_answer(fd);
    struct json j;
    struct json_fault fault;
    struct arena *a = arena_new(0);
    assert_int_equal(r.status, 400);
    assert_string_equal(head_value(r, "content-type"), "application/json; charset=utf-8");
    assert_int_equal(strlen(head_value(r, "x-request-id")), 25);
    assert_int_equal(json_parse(a, r.body, NULL, &j, &fault), OK);
    assert_non_null(json_get(&j, "error"));
    arena_free(a);
    close(fd);
}

static void json_bodies_go_through_the_gate(void **state)
{
#define JSON_POST "POST /text HTTP/1.1\r\n" H "Content-Type: application/json\r\n"
    EXPECT_STATUS(*state, JSON_POST "Content-Length: 12\r\n\r\n{\"text\":\"a\"}", 200);
    EXPECT_STATUS(*state,
                  JSON_POST "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"tex\r\n7\r\nt\":\"a\"}\r\n"
                            "0\r\n\r\n",
                  200);
    EXPECT_STATUS(*state, JSON_POST "Content-Length: 11\r\n\r\n{\"text\":\"a\"", 400);
    EXPECT_STATUS(*state, JSON_POST "\r\n", 400);
}

static int open_plain(void **state)
{
    struct http_options o = server_options();
    *state = server_open(&o);
    return 0;
}

static int close_plain(void **state)
{
    server_close(*state);
    return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_plain, close_plain)
    const struct CMUnitTest tests[] = {
        T(ambiguous_requests_are_refused),
        T(heads_have_bounds),
        T(bodies_have_bounds),
        T(chunk_framing_has_bounds),
        T(trailers_are_dropped),
        T(any_cut_reads_the_same),
        T(pipelines_are_answered_in_order),
        T(nothing_behind_a_refusal_is_looked_at),
        T(a_body_is_asked_for_after_admission),
        T(a_refusal_reaches_a_client_that_sends),
        T(refusals_are_json),
        T(json_bodies_go_through_the_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
