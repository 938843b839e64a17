/* The fetcher against servers that answer well: framings, requests, connections that are kept. */
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

enum { LOOPS = 2 };
struct world {
    struct loops *loops;
    struct fetcher *fetcher;
};

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->loops = loops_start(LOOPS);
    w->fetcher = fetcher_new(w->loops, &(struct fetcher_options){ 0 });
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    fetcher_free(w->fetcher);
    loops_stop(w->loops);
    free(w);
    return 0;
}

/* ---- one answer, said whole or cut ---- */

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

static struct fetch_result ask(struct world *w, struct script *s, struct buf *ret_body)
{
    struct upstream u = { .script = say_script, .arg = s };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, w->fetcher, loops_at(w->loops, 0), "http://127.0.0.1:%d/x", u.port);
    probe_run(&p);
    upstream_stop(&u);
    assert_int_equal(p.dones, 1);
    if (ret_body) {
        buf_init(ret_body, NULL, (size_t)1024 * 1024);
        buf_put_str(ret_body, buf_str(&p.body));
    }
    struct fetch_result r = p.result;
    probe_release(&p);
    return r;
}

static void framings_are_read(void **state)
{
    static const struct {
        const char *answer, *body;
        int status;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
          "chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
          "hello", 200 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
          "hello", 200 },
        { "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\nhello", "hello", 200 },
        { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "hello", 200 },
        { "HTTP/1.1 204 No Content\r\n\r\n", "", 204 },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 "
          "No\r\nContent-Length: 2\r\n\r\nno",
          "no", 500 },
        { "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "",
          302 },
        { "HTTP/1.1 401 U\r\nWWW-Authenticate: Basic\r\nContent-Length: 1\r\n\r\nx", "x", 401 },
        { "HTTP/1.1 429 T\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", "", 429 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script s = { .answer = str_of(cases[i].answer), .cut = strlen(cases[i].answer) };
        struct buf body;
        struct fetch_result r = ask(*state, &s, &body);
        assert_int_equal(r.end, FETCH_WHOLE);
        assert_int_equal(r.status, cases[i].status);
        assert_true(str_is(buf_str(&body), cases[i].body));
        assert_int_equal(r.body_bytes, strlen(cases[i].body));
        assert_string_equal(r.sentence, "");
        assert_true(r.sent);
        buf_release(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(framings_are_read, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
