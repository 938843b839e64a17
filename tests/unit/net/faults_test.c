/* The fetcher against servers that fail: cut at every byte, reset, stalled, slow, too large, not
 * HTTP. A short answer is never called whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/probe.h"
#include "net/upstream.h"

/* ---- cut at every byte ---- */

struct script {
    struct str answer;
    size_t cut; /* bytes that are sent before it ends */
    bool reset;
};

static void say_script(struct upstream *u, int fd, int nth)
{
    const struct script *s = u->arg;
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    upstream_send(fd, str_sub(s->answer, 0, s->cut));
    if (s->reset)
        upstream_reset(fd);
}

static void ask(struct world *w, struct script *s, struct probe *p)
{
    struct upstream u = { .script = say_script, .arg = s };
    upstream_start(&u);
    probe_init(p, w, "http://127.0.0.1:%d/x", u.port);
    p->rq.method = "POST";
    p->rq.body = STR("{}");
    probe_run(p);
    upstream_stop(&u);
    assert_int_equal(p->dones, 1);
    assert_int_equal(p->result.body_bytes, p->body.len);
}

static const char *const framed[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\nA: b\r\n\r\n",
};

static void check_cut(struct world *w, struct str answer, size_t cut, bool reset)
{
    struct script s = { .answer = answer, .cut = cut, .reset = reset };
    size_t head = str_find(answer, STR("\r\n\r\n")) + 4;
    struct probe p;
    ask(w, &s, &p);
    if (p.result.end != FETCH_CUT)
        fail_msg("cut at %zu of %zu: %d", cut, answer.len, p.result.end);
    assert_true(p.result.sent);
    assert_int_not_equal(strlen(p.result.sentence), 0);
    /* What a reset takes with it is the kernel's choice. */
    if (!reset)
        assert_int_equal(p.result.status, cut >= head ? 200 : 0);
    if (!p.result.status)
        assert_int_equal(p.heads + (int)p.body.len, 0);
    probe_release(&p);
}

/* With chunks curl takes the very last CR for the end: all of the answer is there then. */
static size_t cuts(struct str answer)
{
    return str_find(answer, STR("chunked")) == SIZE_MAX ? answer.len : answer.len - 1;
}

static void a_cut_answer_is_never_whole(void **state)
{
    for (size_t i = 0; i < sizeof framed / sizeof *framed; i++) {
        struct str answer = str_of(framed[i]);
        for (size_t cut = 0; cut < cuts(answer); cut++)
            check_cut(*state, answer, cut, false);
    }
}

static void a_reset_answer_is_never_whole(void **state)
{
    for (size_t i = 0; i < sizeof framed / sizeof *framed; i++) {
        struct str answer = str_of(framed[i]);
        for (size_t cut = 0; cut < cuts(answer); cut++)
            check_cut(*state, answer, cut, true);
    }
}

/* By close only the end of the head can be seen; a reset is no close. */
static void a_reset_is_no_end_of_an_answer_that_ends_by_close(void **state)
{
    struct script s = { .answer = STR("HTTP/1.0 200 OK\r\n\r\nhello"), .reset = true };
    struct probe p;
    s.cut = s.answer.len;
    ask(*state, &s, &p);
    assert_int_equal(p.result.end, FETCH_CUT);
    probe_release(&p);
}

static void broken_framing_is_a_cut(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabcdef\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n folded: 1\r\n\r\nabc",
        "hello\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 3\r\n\r\nabc",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct script s = { .answer = str_of(answers[i]), .cut = strlen(answers[i]) };
        struct probe p;
        ask(*state, &s, &p);
        if (p.result.end != FETCH_CUT)
            fail_msg("answer %zu ended with %d, status %d", i, p.result.end, p.result.status);
        probe_release(&p);
    }
}

/* ---- bounds ---- */

static void an_announced_size_is_refused_before_a_byte(void **state)
{
    struct script s = { .answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world") };
    struct upstream u = { .script = say_script, .arg = &s };
    struct probe p;
    s.cut = s.answer.len;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    p.rq.body_bytes_max = 10;
    probe_run(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_TOO_LARGE);
    assert_int_equal(p.result.status, 200);
    assert_int_equal(p.body.len, 0);
    probe_release(&p);
}

static void an_exact_size_passes_and_one_more_does_not(void **state)
{
    struct script s = { .answer = STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n") };
    for (int max = 9; max <= 10; max++) {
        struct upstream u = { .script = say_script, .arg = &s };
        struct probe p;
        s.cut = s.answer.len;
        upstream_start(&u);
        probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
        p.rq.body_bytes_max = max;
        probe_run(&p);
        upstream_stop(&u);
        assert_int_equal(p.result.end, max == 10 ? FETCH_WHOLE : FETCH_TOO_LARGE);
        assert_true(p.result.body_bytes <= max);
        probe_release(&p);
    }
}

static void say_endless(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    upstream_say(fd, u->arg);
    while (upstream_send(
        fd, STR("X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")))
        ;
}

static void endless(struct world *w, const char *begin, int64_t max)
{
    struct upstream u = { .script = say_endless, .arg = (void *)(uintptr_t)begin };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, w, "http://127.0.0.1:%d/", u.port);
    p.rq.body_bytes_max = max;
    probe_run(&p);
    upstream_stop(&u); /* returns: the connection was closed */
    assert_int_equal(p.result.end, FETCH_TOO_LARGE);
    assert_true(!max || p.result.body_bytes <= max);
    probe_release(&p);
}

static void endless_answers_are_ended(void **state)
{
    endless(*state, "HTTP/1.1 200 OK\r\n\r\n", 1000000);
    endless(*state, "HTTP/1.1 200 OK\r\n", 0);
}

/* ---- time ---- */

static void never_answer(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    upstream_say(fd, u->arg);
    upstream_wait_closed(u, fd);
}

static void stalled(struct world *w, const char *begin, int64_t idle_ms, int64_t total_ms,
                    int status)
{
    struct upstream u = { .script = never_answer, .arg = (void *)(uintptr_t)begin };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, w, "http://127.0.0.1:%d/", u.port);
    p.rq.idle_timeout_ms = idle_ms;
    p.rq.total_timeout_ms = total_ms;
    probe_run(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_TIMEOUT);
    assert_int_equal(p.result.status, status);
    assert_true(p.result.sent);
    assert_true(p.result.duration_ms >= (idle_ms ? idle_ms : total_ms));
    probe_release(&p);
}

static void a_stalled_server_is_left(void **state)
{
    static const char *const begins[] = { "", "HTTP/1.1 200 OK\r\n",
                                          "HTTP/1.1 100 Continue\r\n\r\n" };
    for (int i = 0; i < 3; i++) {
        stalled(*state, begins[i], 30, 0, 0);
        stalled(*state, begins[i], 0, 30, 0);
    }
    stalled(*state, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", 30, 0, 200);
    stalled(*state, "HTTP/1.1 200 OK\r\n\r\nhello", 0, 30, 200);
}

enum { DRIPS = 40, DRIP_MS = 10 };

static void drip(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    upstream_say(fd, "HTTP/1.0 200 OK\r\n\r\n");
    for (int i = 0; i < DRIPS; i++) {
        usleep(DRIP_MS * 1000); /* the slow server is what is tested */
        if (!upstream_send(fd, STR(".")))
            return;
    }
}

/* Each byte is a sign of life; only a total limit ends what drips. */
static void a_slow_server_is_waited_for(void **state)
{
    for (int total = 0; total < 2; total++) {
        struct upstream u = { .script = drip };
        struct probe p;
        upstream_start(&u);
        probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
        p.rq.idle_timeout_ms = DRIPS * DRIP_MS / 2;
        p.rq.total_timeout_ms = total ? DRIPS * DRIP_MS / 2 : 0;
        probe_run(&p);
        upstream_stop(&u);
        assert_int_equal(p.result.end, total ? FETCH_TIMEOUT : FETCH_WHOLE);
        assert_true(total ? p.body.len < DRIPS : p.body.len == DRIPS);
        probe_release(&p);
    }
}

/* ---- no connection ---- */

static void nobody_there(void **state)
{
    static const char *const urls[] = { "http://127.0.0.1:1/", "http://[::1]:1/",
                                        "http://name.invalid/", "https://127.0.0.1:1/" };
    for (int i = 0; i < 4; i++) {
        struct probe p;
        probe_init(&p, *state, "%s", urls[i]);
        probe_run(&p);
        assert_int_equal(p.result.end, FETCH_NO_CONNECT);
        assert_int_equal(p.result.status, 0);
        assert_false(p.result.sent);
        assert_int_not_equal(strlen(p.result.sentence), 0);
        probe_release(&p);
    }
}

static void say_plain(struct upstream *u, int fd, int nth)
{
    char byte[512];
    (void)u, (void)nth;
    if (read(fd, byte, sizeof byte) > 0)
        upstream_say(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
}

static void no_tls_there(void **state)
{
    struct upstream u = { .script = say_plain };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "https://127.0.0.1:%d/", u.port);
    probe_run(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_NO_CONNECT);
    assert_false(p.result.sent);
    probe_release(&p);
}

static void silence(struct upstream *u, int fd, int nth)
{
    (void)nth;
    upstream_wait_closed(u, fd);
}

static void a_handshake_has_the_time_of_a_connect(void **state)
{
    struct upstream u = { .script = silence };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "https://127.0.0.1:%d/", u.port);
    p.rq.connect_timeout_ms = 30;
    probe_run(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_TIMEOUT);
    assert_false(p.result.sent);
    probe_release(&p);
}

/* ---- an answer before the request is whole ---- */

static void answer_early(struct upstream *u, int fd, int nth)
{
    char byte[1024];
    (void)u, (void)nth;
    if (read(fd, byte, sizeof byte) > 0)
        upstream_say(fd,
                     "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
}

static void an_early_answer_is_read(void **state)
{
    struct upstream u = { .script = answer_early };
    size_t len = (size_t)8 * 1024 * 1024;
    char *bytes = calloc(1, len);
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    p.rq.method = "POST";
    p.rq.body = (struct str){ bytes, len };
    probe_run(&p);
    upstream_stop(&u);
    /* The reset that the unread rest causes may overtake the answer; whole it must be right. */
    if (p.result.end == FETCH_WHOLE)
        assert_int_equal(p.result.status, 413);
    else
        assert_int_equal(p.result.end, FETCH_CUT);
    assert_true(p.result.sent);
    probe_release(&p);
    free(bytes);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(a_cut_answer_is_never_whole),
        TEST(a_reset_answer_is_never_whole),
        TEST(a_reset_is_no_end_of_an_answer_that_ends_by_close),
        TEST(broken_framing_is_a_cut),
        TEST(an_announced_size_is_refused_before_a_byte),
        TEST(an_exact_size_passes_and_one_more_does_not),
        TEST(endless_answers_are_ended),
        TEST(a_stalled_server_is_left),
        TEST(a_slow_server_is_waited_for),
        TEST(nobody_there),
        TEST(no_tls_there),
        TEST(a_handshake_has_the_time_of_a_connect),
        TEST(an_early_answer_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
