/* The fetcher against servers that answer well: framings, requests as they leave, connections that
 * are kept, waiting for an answer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/cx.h"
#include "net/probe.h"
#include "net/upstream.h"

static void say_answer(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (upstream_skip(u, fd))
        upstream_say(fd, u->arg);
}

/* ---- framings ---- */

static const struct {
    const char *answer, *body;
    int status;
} framings[] = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200 },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
      "hello", 200 },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
      "hello", 200 },
    { "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\nhello", "hello", 200 },
    { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "hello", 200 },
    { "HTTP/1.1 204 No Content\r\n\r\n", "", 204 },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno",
      "no", 500 },
    { "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "", 302 },
    { "HTTP/1.1 401 U\r\nWWW-Authenticate: Basic\r\nContent-Length: 1\r\n\r\nx", "x", 401 },
    { "HTTP/1.1 429 T\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", "", 429 },
};

static void framings_are_read(void **state)
{
    for (size_t i = 0; i < sizeof framings / sizeof *framings; i++) {
        struct upstream u = { .script = say_answer, .arg = (void *)(uintptr_t)framings[i].answer };
        struct probe p;
        upstream_start(&u);
        probe_init(&p, *state, "http://127.0.0.1:%d/x", u.port);
        probe_run(&p);
        upstream_stop(&u);
        assert_int_equal(p.result.end, FETCH_WHOLE);
        assert_int_equal(p.result.status, framings[i].status);
        assert_true(str_is(buf_str(&p.body), framings[i].body));
        assert_int_equal(p.result.body_bytes, strlen(framings[i].body));
        assert_string_equal(p.result.sentence, "");
        assert_true(p.result.sent);
        assert_int_equal(p.heads, 1);
        assert_int_equal(p.dones, 1);
        probe_release(&p);
    }
}

static void the_head_is_given_in_lower_case(void **state)
{
    struct upstream u = { .script = say_answer,
                          .arg = "HTTP/1.1 200 OK\r\nX-Request-ID:  a b \r\nEmpty:\r\nSet-Cookie: "
                                 "a\r\n"
                                 "SET-COOKIE: b\r\nContent-Length: 0\r\n\r\n" };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    probe_run(&p);
    upstream_stop(&u);
    assert_true(str_is(buf_str(&p.head),
                       "x-request-id\na b\nempty\n\nset-cookie\na\nset-cookie\nb\n"
                       "content-length\n0\n"));
    probe_release(&p);
}

/* ---- the request ---- */

struct asked {
    char head[8192];
    size_t body_len;
};

static void keep_request(struct upstream *u, int fd, int nth)
{
    struct asked *a = u->arg;
    (void)nth;
    if (upstream_request(u, fd, a->head, sizeof a->head, &a->body_len))
        upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void ask(struct world *w, const char *method, struct str body,
                const struct fetch_header *headers, size_t count, struct asked *ret)
{
    struct upstream u = { .script = keep_request, .arg = ret };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, w, "http://127.0.0.1:%d/a/../b?c=%%20d#e", u.port);
    p.rq.method = method;
    p.rq.body = body;
    p.rq.headers = headers;
    p.rq.header_count = count;
    probe_run(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_WHOLE);
    probe_release(&p);
}

static void requests_leave_as_they_were_given(void **state)
{
    static const struct fetch_header headers[] = { { STR("Authorization"), STR("Bearer x") },
                                                   { STR("Content-Type"), STR("application/json") },
                                                   { STR("X-Empty"), STR("") } };
    struct asked a;
    ask(*state, "POST", STR("{}"), headers, 3, &a);
    assert_non_null(strstr(a.head, "POST /a/../b?c=%20d HTTP/1.1\r\n"));
    assert_non_null(strstr(a.head, "\r\nAuthorization: Bearer x\r\n"));
    assert_non_null(strstr(a.head, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(a.head, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(a.head, "\r\nContent-Length: 2\r\n"));
    assert_null(strcasestr(a.head, "expect:"));
    assert_null(strcasestr(a.head, "accept-encoding:"));
    assert_int_equal(a.body_len, 2);
}

static void methods_are_sent(void **state)
{
    static const struct {
        const char *method, *body, *line, *length;
    } cases[] = {
        { "GET", NULL, "GET /", NULL },
        { "HEAD", NULL, "HEAD /", NULL },
        { "DELETE", NULL, "DELETE /", NULL },
        { "POST", NULL, "POST /", "\r\nContent-Length: 0\r\n" },
        { "PUT", "x", "PUT /", "\r\nContent-Length: 1\r\n" },
        { "PATCH", "", "PATCH /", "\r\nContent-Length: 0\r\n" },
        { "DELETE", "xy", "DELETE /", "\r\nContent-Length: 2\r\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asked a;
        ask(*state, cases[i].method, cases[i].body ? str_of(cases[i].body) : STR_NULL, NULL, 0, &a);
        assert_true(str_starts(str_of(a.head), str_of(cases[i].line)));
        assert_null(strcasestr(a.head, "content-type:"));
        if (cases[i].length)
            assert_non_null(strstr(a.head, cases[i].length));
        else
            assert_null(strcasestr(a.head, "content-length:"));
    }
}

static void a_large_body_leaves_whole_and_without_a_question(void **state)
{
    struct asked a;
    size_t len = (size_t)3 * 1024 * 1024;
    char *bytes = malloc(len);
    memset(bytes, 'x', len);
    ask(*state, "POST", (struct str){ bytes, len }, NULL, 0, &a);
    assert_int_equal(a.body_len, len);
    assert_null(strcasestr(a.head, "expect:"));
    free(bytes);
}

static void the_environment_has_no_say(void **state)
{
    struct asked a;
    char proxy[] = "http_proxy=http://127.0.0.1:1", all[] = "ALL_PROXY=http://127.0.0.1:1";
    putenv(proxy);
    putenv(all);
    ask(*state, "GET", STR_NULL, NULL, 0, &a);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_true(str_starts(str_of(a.head), STR("GET /a")));
}

/* ---- what cannot be asked ---- */

static void expect_bad(struct world *w, const char *url, const struct fetch_header *header)
{
    struct probe p;
    probe_init(&p, w, "%s", url);
    p.rq.headers = header;
    p.rq.header_count = header ? 1 : 0;
    probe_run(&p);
    if (p.result.end != FETCH_BAD_URL)
        fail_msg("%s ended with %d", url, p.result.end);
    assert_false(p.result.sent);
    assert_int_not_equal(strlen(p.result.sentence), 0);
    probe_release(&p);
}

static void bad_urls_are_refused(void **state)
{
    static const char *const urls[] = { "",
                                        "x",
                                        "ftp://127.0.0.1/",
                                        "file:///etc/passwd",
                                        "gopher://127.0.0.1/",
                                        "//127.0.0.1/",
                                        "http://",
                                        "http://user:secret@127.0.0.1/",
                                        "http://user@127.0.0.1/",
                                        "http://127.0.0.1:99999/",
                                        "http://127.0.0.1/a b",
                                        "http://127.0.0.1/\r\nX: y",
                                        "http://127.0.0.1/\xc3\xa4",
                                        "http://[::1/",
                                        "http://127.0.0.1:x/" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        expect_bad(*state, urls[i], NULL);
}

static void bad_headers_are_refused(void **state)
{
    static const struct fetch_header headers[] = { { STR("X"), STR("a\r\nY: b") },
                                                   { STR("X"), STR("a\nb") },
                                                   { STR("X"), { "a\0b", 3 } },
                                                   { STR("X Y"), STR("a") },
                                                   { STR("X:"), STR("a") },
                                                   { STR(""), STR("a") },
                                                   { STR("Host"), STR("a") },
                                                   { STR("content-length"), STR("1") },
                                                   { STR("Transfer-Encoding"), STR("chunked") } };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        expect_bad(*state, "http://127.0.0.1:1/", &headers[i]);
}

/* ---- connections that are kept ---- */

static void answer_all(struct upstream *u, int fd, int nth)
{
    (void)nth;
    while (upstream_skip(u, fd))
        upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void connections_are_used_again(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = answer_all };
    upstream_start(&u);
    for (int i = 0; i < 5; i++) {
        struct probe p;
        probe_init(&p, w, "http://127.0.0.1:%d/", u.port);
        p.rq.method = "POST";
        p.rq.body = STR("x");
        probe_run(&p);
        assert_int_equal(p.result.end, FETCH_WHOLE);
        probe_release(&p);
    }
    assert_int_equal(atomic_load(&u.connections), 1);
    assert_int_equal(atomic_load(&u.requests), 5);
    fetcher_stop(w->fetcher); /* closes what is kept */
    upstream_stop(&u);
}

/* The first request on a connection is answered; the second is read, then the connection is lost.
 */
static void lose_second(struct upstream *u, int fd, int nth)
{
    if (upstream_skip(u, fd))
        upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    if (nth > 0)
        while (upstream_skip(u, fd))
            upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    else
        (void)upstream_skip(u, fd);
}

static void lost_on_a_kept_connection(struct world *w, const char *method, struct probe *p,
                                      int *ret_requests)
{
    struct upstream u = { .script = lose_second };
    struct probe first;
    upstream_start(&u);
    probe_init(&first, w, "http://127.0.0.1:%d/", u.port);
    probe_run(&first);
    assert_int_equal(first.result.end, FETCH_WHOLE);
    probe_release(&first);
    probe_init(p, w, "http://127.0.0.1:%d/", u.port);
    p->rq.method = method;
    probe_run(p);
    *ret_requests = atomic_load(&u.requests);
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

/* It was read by the server and could be paid: a second one would be paid twice. */
static void a_post_is_never_sent_twice(void **state)
{
    struct probe p;
    int requests;
    lost_on_a_kept_connection(*state, "POST", &p, &requests);
    assert_int_equal(p.result.end, FETCH_CUT);
    assert_int_equal(p.result.status, 0);
    assert_true(p.result.sent);
    assert_int_equal(requests, 2);
    probe_release(&p);
}

static void a_get_is_repeated(void **state)
{
    struct probe p;
    int requests;
    lost_on_a_kept_connection(*state, "GET", &p, &requests);
    assert_int_equal(p.result.end, FETCH_WHOLE);
    assert_int_equal(requests, 3);
    probe_release(&p);
}

/* ---- waiting ---- */

static struct cx *make_cx(struct app *app)
{
    struct cx *cx = calloc(1, sizeof *cx);
    cx->arena = arena_new(0);
    cx->app = app;
    return cx;
}

static void free_cx(struct cx *cx)
{
    arena_free(cx->arena);
    free(cx);
}

static void check_wait(struct app *app)
{
    struct cx *cx = make_cx(app);
    struct upstream u = { .script = say_answer,
                          .arg = "HTTP/1.1 201 C\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello" };
    struct fetch_answer a;
    upstream_start(&u);
    struct fetch_request rq = { .method = "POST",
                                .url = str_fmt(cx->arena, "http://127.0.0.1:%d/", u.port),
                                .body = STR("x") };
    fetch_wait(cx, &rq, &a);
    upstream_stop(&u);
    assert_int_equal(a.result.end, FETCH_WHOLE);
    assert_int_equal(a.result.status, 201);
    assert_true(str_is(a.body, "hello"));
    assert_true(str_is(fetch_answer_header(&a, "x-a"), "b"));
    assert_false(str_given(fetch_answer_header(&a, "x-b")));
    rq.url = STR("nothing");
    fetch_wait(cx, &rq, &a);
    assert_int_equal(a.result.end, FETCH_BAD_URL);
    rq.url = STR("http://127.0.0.1:1/");
    fetch_wait(cx, &rq, &a);
    assert_int_equal(a.result.end, FETCH_NO_CONNECT);
    assert_false(a.result.sent);
    rq.guarded = true;
    fetch_wait(cx, &rq, &a);
    assert_int_equal(a.result.end, FETCH_REFUSED);
    free_cx(cx);
}

static void waiting_on_a_loop(void **state)
{
    struct world *w = *state;
    struct app app = { .loops = w->loops, .fetcher = w->fetcher };
    for (int i = 0; i < 4; i++)
        check_wait(&app);
}

static void waiting_alone(void **state)
{
    struct app app = { 0 };
    (void)state;
    check_wait(&app);
}

static void never_answer(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (upstream_skip(u, fd))
        upstream_wait_closed(u, fd);
}

static void check_deadline(struct app *app)
{
    struct cx *cx = make_cx(app);
    struct upstream u = { .script = never_answer };
    struct fetch_answer a;
    upstream_start(&u);
    struct fetch_request rq = { .method = "GET",
                                .url = str_fmt(cx->arena, "http://127.0.0.1:%d/", u.port) };
    cx->deadline_ms = clock_monotonic_ms() + 30;
    fetch_wait(cx, &rq, &a);
    assert_int_equal(a.result.end, FETCH_TIMEOUT);
    assert_true(a.result.sent);
    cx->deadline_ms = clock_monotonic_ms() - 1; /* passed already */
    fetch_wait(cx, &rq, &a);
    assert_int_equal(a.result.end, FETCH_TIMEOUT);
    upstream_stop(&u);
    free_cx(cx);
}

static void a_deadline_ends_it(void **state)
{
    struct world *w = *state;
    struct app with = { .loops = w->loops, .fetcher = w->fetcher }, without = { 0 };
    check_deadline(&with);
    check_deadline(&without);
}

static void *wait_for_it(void *arg)
{
    struct app *app = arg;
    check_wait(app);
    return NULL;
}

static void many_wait_at_once(void **state)
{
    struct world *w = *state;
    struct app app = { .loops = w->loops, .fetcher = w->fetcher };
    pthread_t threads[16];
    for (int i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, wait_for_it, &app);
    for (int i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
}

static void after_the_stop_nothing_starts(void **state)
{
    struct world *w = *state;
    struct app app = { .loops = w->loops, .fetcher = w->fetcher };
    struct cx *cx = make_cx(&app);
    struct fetch_answer a;
    struct probe p;
    fetcher_stop(w->fetcher);
    fetch_wait(cx, &(struct fetch_request){ .method = "GET", .url = STR("http://127.0.0.1:1/") },
               &a);
    assert_int_equal(a.result.end, FETCH_CANCELLED);
    probe_init(&p, w, "http://127.0.0.1:1/");
    probe_run(&p);
    assert_int_equal(p.result.end, FETCH_CANCELLED);
    assert_int_equal(p.dones, 1);
    probe_release(&p);
    free_cx(cx);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(framings_are_read),
        TEST(the_head_is_given_in_lower_case),
        TEST(requests_leave_as_they_were_given),
        TEST(methods_are_sent),
        TEST(a_large_body_leaves_whole_and_without_a_question),
        TEST(the_environment_has_no_say),
        TEST(bad_urls_are_refused),
        TEST(bad_headers_are_refused),
        TEST(connections_are_used_again),
        TEST(a_post_is_never_sent_twice),
        TEST(a_get_is_repeated),
        TEST(waiting_on_a_loop),
        TEST(waiting_alone),
        TEST(a_deadline_ends_it),
        TEST(many_wait_at_once),
        TEST(after_the_stop_nothing_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
