/* What goes out: heads, bodies, HEAD, downloads and ranges, event streams, cross-origin headers,
 * addresses behind proxies. */
#include "testing.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "op/sink.h"

#define GET(path, headers) "GET " path " HTTP/1.1\r\nHost: a\r\n" headers "\r\n"

static struct reading ask(struct server *s, const char *request)
{
    int fd = dial(s);
    send_text(fd, request);
    struct reading r = strncmp(request, "HEAD", 4) == 0 ? read_head_answer(fd) : read_answer(fd);
    close(fd);
    return r;
}

static void expect_head(struct reading r, const char *name, const char *value)
{
    const char *got = head_value(r, name);
    if (strcmp(got, value) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", name, got, value);
}

static void every_answer_says_who_and_when(void **state)
{
    int64_t when_ms;
    struct reading r = ask(*state, GET("/echo", ""));
    assert_int_equal(r.status, 200);
    assert_true(str_is(r.body, "GET "));
    assert_true(str_starts(r.head, STR("HTTP/1.1 200 OK\r\n")));
    assert_true(time_parse_http(str_of(head_value(r, "date")), &when_ms));
    assert_true(clock_wall_ms() - when_ms < 60000);
    assert_int_equal(strlen(head_value(r, "x-request-id")), 25);
    expect_head(r, "content-length", "4");
    expect_head(r, "x-content-type-options", "nosniff");
    expect_head(r, "referrer-policy", "same-origin");
    expect_head(r, "cache-control", "no-store");
    expect_head(r, "connection", "keep-alive");
    expect_head(r, "keep-alive", "timeout=60");
    expect_head(r, "strict-transport-security", "");
    expect_head(r, "vary", "");
    expect_head(ask(*state, "BAD\r\n\r\n"), "x-content-type-options", "nosniff");
    r = ask(*state, GET("/none", ""));
    assert_int_equal(r.status, 404);
    assert_int_equal(strlen(head_value(r, "x-request-id")), 25);
}

static void https_is_said_to_stay(void **state)
{
    struct http_options o = server_options();
    o.public_url = STR("https://example.org");
    (void)state;
    struct server *s = server_open(&o);
    expect_head(ask(s, GET("/echo", "")), "strict-transport-security", "max-age=31536000");
    server_close(s);
}

static void connections_end_as_asked(void **state)
{
    int fd = dial(*state);
    send_text(fd, GET("/echo", "Connection: close\r\n") GET("/echo", ""));
    struct reading r = read_answer(fd);
    expect_head(r, "connection", "close");
    expect_head(r, "keep-alive", "");
    assert_int_equal(read_answer(fd).status, 0);
    close(fd);
    fd = dial(*state);
    send_text(fd, "GET /echo HTTP/1.0\r\n\r\n");
    expect_head(read_answer(fd), "connection", "close");
    assert_int_equal(read_answer(fd).status, 0);
    close(fd);
    fd = dial(*state);
    send_text(fd, "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_head(read_answer(fd), "connection", "keep-alive");
    send_text(fd, "GET /echo HTTP/1.0\r\n\r\n");
    assert_int_equal(read_answer(fd).status, 200);
    close(fd);
}

static void head_has_no_body(void **state)
{
    int fd = dial(*state);
    send_text(fd, "HEAD /bytes?bytes=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    struct reading r = read_head_answer(fd);
    assert_int_equal(r.status, 200);
    expect_head(r, "content-length", "1000");
    send_text(fd, "HEAD /blob?bytes=1000 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-4\r\n\r\n");
    r = read_head_answer(fd);
    assert_int_equal(r.status, 200); /* Range is for GET alone */
    expect_head(r, "content-length", "1000");
    send_text(fd, "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(read_head_answer(fd).status, 404);
    send_text(fd, GET("/echo", "")); /* nothing was left on the line */
    r = read_answer(fd);
    assert_true(str_is(r.body, "GET "));
    close(fd);
}

static void expect_blob(struct reading r, int64_t from, int64_t end)
{
    assert_int_equal(r.body.len, end - from);
    for (size_t i = 0; i < r.body.len; i++)
        if (r.body.ptr[i] != blob_byte(from + (int64_t)i))
            fail_msg("byte %zu differs", i);
}

static void ranges_are_cut_from_blobs_and_bytes(void **state)
{
    static const struct {
        const char *path, *range;
        int status;
        int64_t from, end;
        const char *content_range;
    } cases[] = {
        { "/blob?bytes=1000", "", 200, 0, 1000, "" },
        { "/blob?bytes=1000", "Range: bytes=10-19\r\n", 206, 10, 20, "bytes 10-19/1000" },
        { "/blob?bytes=1000", "Range: bytes=-1\r\n", 206, 999, 1000, "bytes 999-999/1000" },
        { "/blob?bytes=1000", "Range: bytes=0-1,4-5\r\n", 200, 0, 1000, "" },
        { "/blob?bytes=1000000", "Range: bytes=65530-200000\r\n", 206, 65530, 200001,
          "bytes 65530-200000/1000000" },
        { "/blob?bytes=1000000", "", 200, 0, 1000000, "" },
        { "/blob?bytes=0", "", 200, 0, 0, "" },
        { "/blob?bytes=9", "If-Range: \"v1\"\r\nRange: bytes=1-2\r\n", 206, 1, 3, "bytes 1-2/9" },
        { "/blob?bytes=9", "If-Range: \"v2\"\r\nRange: bytes=1-2\r\n", 200, 0, 9, "" },
        { "/blob?bytes=9", "If-Range: W/\"v1\"\r\nRange: bytes=1-2\r\n", 200, 0, 9, "" },
        { "/blob?bytes=9", "If-Range: Mon, 24 Nov 2025 00:00:00 GMT\r\nRange: bytes=1-2\r\n", 200,
          0, 9, "" },
        { "/bytes?bytes=100", "Range: bytes=5-\r\n", 206, 5, 100, "bytes 5-99/100" },
        { "/bytes?bytes=300000", "Range: bytes=5-\r\n", 206, 5, 300000, "bytes 5-299999/300000" },
    };
    int fd = dial(*state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[400];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].path,
                 cases[i].range);
        send_text(fd, request);
        struct reading r = read_answer(fd);
        if (r.status != cases[i].status)
            fail_msg("%s %s: %d", cases[i].path, cases[i].range, r.status);
        expect_head(r, "content-range", cases[i].content_range);
        expect_head(r, "accept-ranges", "bytes");
        expect_blob(r, cases[i].from, cases[i].end);
    }
    send_text(fd, GET("/blob?bytes=10", "Range: bytes=10-\r\n"));
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 416);
    expect_head(r, "content-range", "bytes */10");
    assert_true(str_find(r.body, STR("RANGE_NOT_SATISFIABLE")) < r.body.len);
    send_text(fd, GET("/echo", ""));
    assert_int_equal(read_answer(fd).status, 200); /* the connection lives on */
    close(fd);
}

static void unchanged_content_is_not_sent(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        { "If-None-Match: \"v1\"\r\n", 304 },
        { "If-None-Match: W/\"v1\"\r\n", 304 },
        { "If-None-Match: \"v0\", \"v1\"\r\n", 304 },
        { "If-None-Match: *\r\n", 304 },
        { "If-None-Match: \"v2\"\r\n", 200 },
        { "If-None-Match: v1\r\n", 200 },
        { "If-Modified-Since: Tue, 24 Nov 2026 12:00:00 GMT\r\n", 304 },
        { "If-Modified-Since: Mon, 24 Nov 2025 12:00:00 GMT\r\n", 200 },
        { "If-Modified-Since: soon\r\n", 200 },
        { "If-None-Match: \"v2\"\r\nIf-Modified-Since: Tue, 24 Nov 2026 12:00:00 GMT\r\n", 200 },
        { "If-None-Match: \"v1\"\r\nRange: bytes=1-2\r\n", 304 },
    };
    int fd = dial(*state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[400];
        snprintf(request, sizeof request, "GET /blob HTTP/1.1\r\nHost: a\r\n%s\r\n",
                 cases[i].headers);
        send_text(fd, request);
        struct reading r = read_answer(fd);
        if (r.status != cases[i].status)
            fail_msg("%s: %d", cases[i].headers, r.status);
        expect_head(r, "etag", "\"v1\"");
    }
    close(fd);
}

static void attachments_are_harmless(void **state)
{
    struct reading r = ask(*state, GET("/blob?bytes=3&name=a%20%22b%22%C3%A4.txt", ""));
    assert_int_equal(r.status, 200);
    expect_head(r, "content-disposition",
                "attachment; filename=\"a _b___.txt\"; "
                "filename*=UTF-8''a%20%22b%22%C3%A4.txt");
    expect_head(r, "content-security-policy", "default-src 'none'; sandbox");
    expect_head(r, "x-content-type-options", "nosniff");
    expect_head(r, "last-modified", "Mon, 23 Nov 2026 23:11:14 GMT");
}

/* A length was promised: the end must not look like the end. */
static void a_failing_disk_cuts_the_answer(void **state)
{
    rows_control.blob_fails_at = 100000;
    struct reading r = ask(*state, GET("/blob?bytes=200000", ""));
    assert_int_equal(r.status, 0);
    assert_true(str_starts(r.head, STR("HTTP/1.1 200 ")));
}

static void long_answers_wait_for_slow_readers(void **state)
{
    int fd = dial(*state); /* more than the kernel's buffers take */
    for (int i = 0; i < 3; i++)
        send_text(fd, GET("/bytes?bytes=3000000", "") GET("/blob?bytes=3000000", ""));
    for (int i = 0; i < 6; i++) {
        struct reading r = read_answer(fd);
        assert_int_equal(r.status, 200);
        expect_blob(r, 0, 3000000);
    }
    close(fd);
}

/* ---- event streams ---- */

static bool has_sink(void *arg)
{
    (void)arg;
    return rows_control.sink != NULL;
}

static bool has_gone(void *arg)
{
    return rows_control.gone >= *(int *)arg;
}

static struct sink *begin_stream(int fd, const char *version)
{
    char request[100];
    snprintf(request, sizeof request, "GET /stream HTTP/%s\r\nHost: a\r\n\r\n", version);
    send_text(fd, request);
    wait_until(has_sink, NULL);
    struct sink *s = rows_control.sink;
    rows_control.sink = NULL;
    return s;
}

static void events_come_in_chunks(void **state)
{
    int fd = dial(*state);
    for (int round = 0; round < 3; round++) {
        struct sink *s = begin_stream(fd, "1.1");
        sink_event(s, STR("token"), STR("1"), STR("a\nb"));
        sink_event(s, STR_NULL, STR_NULL, STR("c"));
        sink_close(s);
        sink_unref(s);
        struct reading r = read_answer(fd);
        assert_int_equal(r.status, 200);
        expect_head(r, "content-type", "text/event-stream; charset=utf-8");
        expect_head(r, "cache-control", "no-cache");
        expect_head(r, "x-accel-buffering", "no");
        expect_head(r, "x-stream", "yes");
        expect_head(r, "content-length", "");
        assert_true(str_is(r.body, "event: token\nid: 1\ndata: a\ndata: b\n\ndata: c\n\n"));
    }
    send_text(fd, GET("/echo", ""));
    assert_int_equal(read_answer(fd).status, 200);
    close(fd);
}

static void events_of_http_1_0_end_with_the_connection(void **state)
{
    int fd = dial(*state);
    struct sink *s = begin_stream(fd, "1.0");
    sink_event(s, STR_NULL, STR_NULL, STR("c"));
    sink_close(s);
    sink_unref(s);
    struct str all = read_all(fd, NULL);
    assert_true(str_ends(all, STR("\r\n\r\ndata: c\n\n")));
    assert_true(str_find(all, STR("connection: close\r\n")) < all.len);
    assert_true(str_find(all, STR("transfer-encoding")) >= all.len);
}

static void an_aborted_stream_looks_cut(void **state)
{
    int fd = dial(*state);
    struct sink *s = begin_stream(fd, "1.1");
    sink_event(s, STR_NULL, STR_NULL, STR("c"));
    sink_abort(s);
    sink_unref(s);
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 0); /* no last chunk */
    close(fd);
}

static void a_reader_that_leaves_is_noticed(void **state)
{
    for (int round = 1; round <= 2; round++) {
        int fd = dial(*state);
        struct sink *s = begin_stream(fd, "1.1");
        if (round == 2) {
            struct linger reset = { 1, 0 };
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        close(fd);
        wait_until(has_gone, &round);
        assert_true(sink_gone(s));
        assert_false(sink_event(s, STR_NULL, STR_NULL, STR("c")));
        sink_unref(s);
    }
}

static bool full(void *arg)
{
    static char text[10000];
    memset(text, 'x', sizeof text);
    return !sink_event(arg, STR_NULL, STR_NULL, (struct str){ text, sizeof text });
}

/* What a reader does not take stays bounded, and comes whole when it reads. */
static void a_slow_reader_holds_the_sink_back(void **state)
{
    int fd = dial(*state);
    struct sink *s = begin_stream(fd, "1.1");
    int64_t sent = 0;
    while (!full(s))
        sent++;
    sink_close(s);
    sink_unref(s);
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 200);
    assert_true(sent > 0);
    assert_int_equal(r.body.len, sent * (int64_t)(10000 + strlen("data: \n\n")));
    close(fd);
}

/* ---- origins, proxies ---- */

static void only_listed_origins_are_let_in(void **state)
{
    struct http_options o = server_options();
    o.cors_origins = STR("https://a.example, https://b.example");
    (void)state;
    struct server *s = server_open(&o);
    struct reading r = ask(s, GET("/echo", "Origin: https://b.example\r\n"));
    expect_head(r, "access-control-allow-origin", "https://b.example");
    expect_head(r, "access-control-allow-credentials", "true");
    expect_head(r, "vary", "origin");
    static const char *const strangers[] = { "https://c.example",
                                             "https://b.example.evil",
                                             "https://B.example",
                                             "http://b.example",
                                             "null",
                                             "*" };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        char request[200];
        snprintf(request, sizeof request, "GET /echo HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n\r\n",
                 strangers[i]);
        r = ask(s, request);
        assert_int_equal(r.status, 200);
        expect_head(r, "access-control-allow-origin", "");
        expect_head(r, "vary", "origin");
    }
#define PREFLIGHT(origin)                                                                          \
    "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: " origin "\r\n"                                  \
    "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-csrf-token\r\n\r\n"
    r = ask(s, PREFLIGHT("https://a.example"));
    assert_int_equal(r.status, 204);
    expect_head(r, "access-control-allow-origin", "https://a.example");
    expect_head(r, "access-control-allow-headers", "x-csrf-token");
    expect_head(r, "access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE");
    r = ask(s, PREFLIGHT("https://c.example"));
    assert_int_equal(r.status, 403);
    expect_head(r, "access-control-allow-origin", "");
    http_server_reload(server_http(s), STR(""), STR("https://c.example"));
    expect_head(ask(s, GET("/echo", "Origin: https://c.example\r\n")),
                "access-control-allow-origin", "https://c.example");
    expect_head(ask(s, GET("/echo", "Origin: https://a.example\r\n")),
                "access-control-allow-origin", "");
    server_close(s);
}

static void addresses_are_believed_from_proxies_alone(void **state)
{
    struct http_options o = server_options();
    (void)state;
    struct server *s = server_open(&o);
    struct reading r = ask(s, GET("/address", "X-Forwarded-For: 1.2.3.4\r\n"));
    assert_true(str_is(r.body, "127.0.0.1"));
    http_server_reload(server_http(s), STR("127.0.0.0/8"), STR(""));
    r = ask(s, GET("/address", "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n"));
    assert_true(str_is(r.body, "1.2.3.4"));
    r = ask(s, GET("/address", "Forwarded: for=\"[2001:db8::1]:99\"\r\n"));
    assert_true(str_is(r.body, "2001:db8::1"));
    server_close(s);
}

static void metrics_are_for_this_machine(void **state)
{
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        { GET("/metrics", ""), 200 },
        { GET("/metrics", "X-Forwarded-For: 1.2.3.4\r\n"), 404 },
        { GET("/%6detrics", "X-Forwarded-For: 1.2.3.4\r\n"), 404 },
        { GET("/metrics", "Forwarded: for=127.0.0.1\r\n"), 404 },
        { GET("/healthz", "X-Forwarded-For: 1.2.3.4\r\n"), 200 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ask(*state, cases[i].request).status, cases[i].status);
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
        T(every_answer_says_who_and_when),
        cmocka_unit_test(https_is_said_to_stay),
        T(connections_end_as_asked),
        T(head_has_no_body),
        T(ranges_are_cut_from_blobs_and_bytes),
        T(unchanged_content_is_not_sent),
        T(attachments_are_harmless),
        T(a_failing_disk_cuts_the_answer),
        T(long_answers_wait_for_slow_readers),
        T(events_come_in_chunks),
        T(events_of_http_1_0_end_with_the_connection),
        T(an_aborted_stream_looks_cut),
        T(a_reader_that_leaves_is_noticed),
        T(a_slow_reader_holds_the_sink_back),
        cmocka_unit_test(only_listed_origins_are_let_in),
        cmocka_unit_test(addresses_are_believed_from_proxies_alone),
        T(metrics_are_for_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
