/* From accept to the end: time-outs, clients that break off at any moment, uploads held back by
 * the disk, bounds on connections, the control socket, drain, and start that fails with a sentence.
 *
 * A time-out of 0 s is over at the next sweep, so that no test waits for a second. */
#include "testing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "op/sink.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void break_off(int fd)
{
    struct linger reset = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

static bool nobody_is_connected(void *arg)
{
    return server_stats(arg).connections_open == 0;
}

/* ---- time-outs ---- */

static void slow_clients_are_cut(void **state)
{
    struct http_options o = server_options();
    o.header_timeout_s = o.body_timeout_s = o.idle_timeout_s = 0;
    (void)state;
    struct server *s = server_open(&o);
    int silent = dial(s), head = dial(s), body = dial(s), idle = dial(s);
    send_text(head, "GET /echo HTTP/1.1\r\nHo");
    send_text(body, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    send_text(idle, GET("/echo"));
    assert_int_equal(read_answer(idle).status, 200);
    struct reading r = read_answer(head);
    assert_int_equal(r.status, 408);
    assert_string_equal(head_value(r, "connection"), "close");
    assert_int_equal(read_answer(body).status, 408);
    assert_int_equal(read_answer(silent).status, 0);
    assert_int_equal(read_answer(idle).status, 0);
    close(silent);
    close(head);
    close(body);
    close(idle);
    server_close(s);
}

static bool has_full_sink(void *arg)
{
    static char text[50000];
    (void)arg;
    memset(text, 'x', sizeof text);
    struct sink *sink = rows_control.sink;
    return sink && !sink_event(sink, STR_NULL, STR_NULL, (struct str){ text, sizeof text });
}

/* A client that takes nothing of its answer; one that takes some is not cut (answers_test). */
static void a_client_that_does_not_read_is_cut(void **state)
{
    struct http_options o = server_options();
    o.write_timeout_s = 0;
    (void)state;
    struct server *s = server_open(&o);
    int bytes = dial(s), blob = dial(s), stream = dial(s);
    send_text(bytes, GET("/bytes?bytes=30000000"));
    send_text(blob, GET("/blob?bytes=30000000"));
    send_text(stream, GET("/stream"));
    wait_until(has_full_sink, NULL);
    wait_until(nobody_is_connected, s);
    break_off(bytes);
    break_off(blob);
    break_off(stream);
    server_close(s);
}

/* That it took some of its answer once does not keep the connection for ever. */
static void a_client_that_stops_reading_is_cut(void **state)
{
    static char taken[64 * 1024];
    struct http_options o = server_options();
    o.write_timeout_s = 0;
    (void)state;
    struct server *s = server_open(&o);
    int fd = dial(s), window = sizeof taken;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    send_text(fd, GET("/bytes?bytes=12000000"));
    /* As much as goes stands in the kernel, the rest waits, and no sweep has come yet. */
    ssize_t n = recv(fd, taken, 1, MSG_PEEK);
    usleep(60000);
    for (int64_t sum = 0; sum < 4000000 && n > 0; sum += n)
        n = read(fd, taken, sizeof taken);
    wait_until(nobody_is_connected, s);
    break_off(fd);
    server_close(s);
}

/* ---- clients that break off ---- */

static bool is_held(void *arg)
{
    return rows_control.held >= *(int *)arg;
}

static bool has_spooled(void *arg)
{
    return rows_control.spooled >= *(int *)arg;
}

static bool no_spools(void *arg)
{
    (void)arg;
    return rows_control.spools == 0;
}

static void a_call_outlives_its_client(void **state)
{
    struct server *s = *state;
    int one = 1;
    int fd = dial(s);
    send_text(fd, "POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    wait_until(is_held, &one);
    break_off(fd);
    /* The connection stays on the books until the call is done. */
    rows_control.release = 1;
    wait_until(nobody_is_connected, s);
    assert_int_equal(rows_control.body_calls, 1);
}

static void a_half_closed_client_gets_its_answers(void **state)
{
    struct server *s = *state;
    int one = 1;
    int fd = dial(s);
    send_text(fd, "POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET(
                      "/echo") "GET /ec");
    wait_until(is_held, &one);
    shutdown(fd, SHUT_WR);
    rows_control.release = 1;
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 200);
    assert_true(str_is(r.body, "POST abc"));
    assert_int_equal(read_answer(fd).status, 200);
    assert_int_equal(read_answer(fd).status, 0);
    close(fd);
}

static void clients_break_off_everywhere(void **state)
{
    static const char request[] =
        "POST /worker HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
        "\r\nGET /blob?bytes=500000 HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n"
        "\r\n";
    struct server *s = *state;
    for (size_t cut = 1; cut < sizeof request; cut++) {
        int fd = dial(s);
        send_bytes(fd, (struct str){ request, cut });
        if (cut % 2)
            break_off(fd);
        else
            close(fd);
    }
    wait_until(nobody_is_connected, s);
}

/* ---- uploads ---- */

static const char upload_begin[] = "--XX\r\nContent-Disposition: form-data; name=\"file\"; "
                                   "filename=\"a\"\r\n\r\n";
static const char upload_end[] = "\r\n--XX--\r\n";

static void upload_head(int fd, int64_t bytes, const char *more)
{
    char head[300];
    snprintf(head, sizeof head,
             "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; "
             "boundary=XX\r\nContent-Length: %lld\r\n%s\r\n",
             (long long)(bytes + (int64_t)(strlen(upload_begin) + strlen(upload_end))), more);
    send_text(fd, head);
    send_text(fd, upload_begin);
}

static void upload_filler(int fd, int64_t bytes)
{
    static char filler[100000];
    for (int64_t left = bytes; left > 0; left -= (int64_t)sizeof filler)
        send_bytes(fd, (struct str){ filler,
                                     (size_t)left < sizeof filler ? (size_t)left : sizeof filler });
}

static void uploads_arrive_whole(void **state)
{
    static const int64_t sizes[] = { 0, 1, 65535, 65536, 65537, 1000000, 3000000 };
    int fd = dial(*state);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char want[50];
        upload_head(fd, sizes[i], "");
        upload_filler(fd, sizes[i]);
        send_text(fd, upload_end);
        struct reading r = read_answer(fd);
        snprintf(want, sizeof want, "{\"bytes\":%lld}", (long long)sizes[i]);
        if (r.status != 200 || !str_is(r.body, want))
            fail_msg("%s: %d %.*s", want, r.status, STR_ARG(r.body));
    }
    close(fd);
    assert_int_equal(rows_control.spools, 0);
}

static void chunked_uploads_arrive_whole(void **state)
{
    struct buf b;
    int fd = dial(*state);
    buf_init(&b, NULL, 1 << 22);
    buf_printf(&b, "%s", upload_begin);
    for (int i = 0; i < 300000; i++)
        buf_put_byte(&b, 'x');
    buf_put_cstr(&b, upload_end);
    send_text(fd, "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                  "Content-Type: multipart/form-data; boundary=XX\r\n\r\n");
    struct str rest = buf_str(&b);
    for (size_t n = 1; rest.len; n = n * 3 + 1) {
        char size[20];
        struct str piece = str_sub(rest, 0, n);
        snprintf(size, sizeof size, "%zx\r\n", piece.len);
        send_text(fd, size);
        send_bytes(fd, piece);
        send_text(fd, "\r\n");
        rest = str_sub(rest, piece.len, rest.len);
    }
    send_text(fd, "0\r\n\r\n" GET("/echo"));
    struct reading r = read_answer(fd);
    assert_true(str_is(r.body, "{\"bytes\":300000}"));
    assert_int_equal(read_answer(fd).status, 200);
    close(fd);
    buf_release(&b);
}

static void an_upload_is_refused_on_the_way(void **state)
{
    int fd = dial(*state);
    upload_head(fd, 3500000, ""); /* more than the field takes, less than the row */
    upload_filler(fd, 3500000);
    send_text(fd, upload_end);
    struct str all = read_all(fd, NULL);
    assert_true(str_starts(all, STR("HTTP/1.1 413 ")));
    fd = dial(*state);
    upload_head(fd, 10, "x-test-refuse: 1\r\n");
    all = read_all(fd, NULL);
    assert_true(str_starts(all, STR("HTTP/1.1 429 ")));
    assert_int_equal(rows_control.spools, 0);
}

static void a_broken_upload_leaves_nothing(void **state)
{
    for (int round = 0; round < 20; round++) {
        int spooled = 100, fd = dial(*state);
        rows_control.spooled = 0;
        upload_head(fd, 2000000, "");
        upload_filler(fd, 70000 * (round + 1));
        wait_until(has_spooled, &spooled);
        if (round % 2)
            break_off(fd);
        else
            close(fd);
        wait_until(no_spools, NULL);
    }
    wait_until(nobody_is_connected, *state);
}

/* ---- bounds ---- */

static void connections_have_a_bound(void **state)
{
    struct http_options o = server_options();
    o.connections_max = 5;
    (void)state;
    struct server *s = server_open(&o);
    int fds[5];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++) {
            fds[i] = dial(s);
            send_text(fds[i], GET("/echo"));
            assert_int_equal(read_answer(fds[i]).status, 200);
        }
        int sixth = dial(s);
        send_text(sixth, GET("/echo"));
        assert_int_equal(read_answer(sixth).status, 0);
        close(sixth);
        for (int i = 0; i < 5; i++)
            close(fds[i]);
        wait_until(nobody_is_connected, s);
    }
    server_close(s);
}

/* ---- start, control socket, drain ---- */

static void start_says_what_is_wrong(void **state)
{
    struct server *s = *state;
    static char taken[50], path[200];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", http_server_port(server_http(s)));
    memset(path, 'p', sizeof path - 1);
    const struct {
        const char *listen, *control, *proxies, *sentence;
    } cases[] = {
        { taken, "", "", "is taken by another program" },
        { "127.0.0.1", "", "", "is not an address and port" },
        { "127.0.0.1:99999", "", "", "is not an address and port" },
        { "example.org:80", "", "", "is not an address and port" },
        { "192.0.2.1:0", "", "", "cannot be listened on" },
        { "127.0.0.1:0", "", "10.0.0.0/99", "10.0.0.0/99" },
        { "127.0.0.1:0", path, "", "too long" },
        { "127.0.0.1:0", "/nonexistent/control.sock", "", "/nonexistent/control.sock" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_options o = server_options();
        struct http_server *second;
        char error[400] = "";
        o.listen = str_of(cases[i].listen);
        o.control_path = str_of(cases[i].control);
        o.trusted_proxies = str_of(cases[i].proxies);
        assert_int_not_equal(http_server_start(server_app(s), &o, &second, error, sizeof error),
                             OK);
        if (!strstr(error, cases[i].sentence))
            fail_msg("%s: %s", cases[i].listen, error);
    }
    EXPECT_STATUS(s, GET("/echo"), 200); /* the first is as it was */
}

static void the_control_socket_names_operations(void **state)
{
    struct http_options o = server_options();
    char folder[] = "/tmp/http-life-XXXXXX", path[50];
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/control.sock", folder);
    o.control_path = str_of(path);
    struct server *s = server_open(&o);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = dial_control(path);
    send_text(fd, "POST /control/call/text HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"
                  "{\"text\":\"a\"}");
    struct reading r = read_answer(fd);
    assert_int_equal(r.status, 200);
    assert_true(str_is(r.body, "{\"text\":\"a\"}"));
    send_text(fd, "POST /control/call/none HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(read_answer(fd).status, 404);
    send_text(fd, "POST /control/call/text HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{");
    assert_int_equal(read_answer(fd).status, 400);
    send_text(fd, GET("/metrics"));
    assert_int_equal(read_answer(fd).status, 200);
    close(fd);
    EXPECT_STATUS(s, "POST /control/call/text HTTP/1.1\r\nHost: a\r\n\r\n", 404);
    server_close(s);
    unlink(path);
    rmdir(folder);
}

static void the_metrics_port_has_nothing_else(void **state)
{
    struct http_options o = server_options();
    (void)state;
    /* Its port cannot be asked for: a free one is found first. */
    struct server *s = server_open(&o);
    char address[50];
    int port = http_server_port(server_http(s));
    server_close(s);
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    o.metrics_listen = str_of(address);
    s = server_open(&o);
    int fd = dial_port(port);
    send_text(fd, GET("/metrics") GET("/healthz") GET("/echo"));
    assert_int_equal(read_answer(fd).status, 200);
    assert_int_equal(read_answer(fd).status, 200);
    assert_int_equal(read_answer(fd).status, 404);
    close(fd);
    server_close(s);
}

struct draining {
    struct server *s;
    int64_t timeout_ms;
};

static void *drain(void *arg)
{
    struct draining *d = arg;
    http_server_drain(server_http(d->s), d->timeout_ms);
    return NULL;
}

static bool one_is_connected(void *arg)
{
    return server_stats(arg).connections_open == 1;
}

static void a_drain_finishes_what_has_begun(void **state)
{
    struct server *s = *state;
    struct draining d = { s, 10000 };
    pthread_t thread;
    int one = 1, held = dial(s), idle = dial(s);
    send_text(idle, GET("/echo"));
    assert_int_equal(read_answer(idle).status, 200);
    send_text(held, "POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    wait_until(is_held, &one);
    assert_int_equal(pthread_create(&thread, NULL, drain, &d), 0);
    assert_int_equal(read_answer(idle).status, 0); /* ended at once */
    wait_until(one_is_connected, s);
    rows_control.release = 1;
    struct reading r = read_answer(held);
    assert_int_equal(r.status, 200);
    assert_string_equal(head_value(r, "connection"), "close");
    assert_int_equal(read_answer(held).status, 0);
    pthread_join(thread, NULL);
    close(held);
    close(idle);
}

static void a_drain_cuts_streams_when_its_time_is_over(void **state)
{
    struct server *s = *state;
    int fd = dial(s);
    send_text(fd, GET("/stream"));
    struct draining d = { s, 50 };
    int one = 1;
    while (!rows_control.sink)
        EXPECT_STATUS(s, GET("/echo"), 200);
    drain(&d);
    assert_int_equal(read_answer(fd).status, 0);
    assert_int_equal(rows_control.gone, one);
    close(fd);
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
        cmocka_unit_test(slow_clients_are_cut),
        cmocka_unit_test(a_client_that_does_not_read_is_cut),
        cmocka_unit_test(a_client_that_stops_reading_is_cut),
        T(a_call_outlives_its_client),
        T(a_half_closed_client_gets_its_answers),
        T(clients_break_off_everywhere),
        T(uploads_arrive_whole),
        T(chunked_uploads_arrive_whole),
        T(an_upload_is_refused_on_the_way),
        T(a_broken_upload_leaves_nothing),
        cmocka_unit_test(connections_have_a_bound),
        T(start_says_what_is_wrong),
        cmocka_unit_test(the_control_socket_names_operations),
        cmocka_unit_test(the_metrics_port_has_nothing_else),
        T(a_drain_finishes_what_has_begun),
        T(a_drain_cuts_streams_when_its_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
