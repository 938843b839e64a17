/* Cancelling in every state of a fetch and from within every callback; what callbacks may start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/names.h"
#include "net/probe.h"
#include "net/upstream.h"

enum { CLOSE_MS_MAX = 100, TRIES = 5 };

static void stream(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    upstream_say(fd, u->arg);
    upstream_wait_closed(u, fd);
}

/* Cancels when that much of a body is there; returns how long the server's end stayed open. */
static int64_t cancel_after(struct world *w, const char *answer, size_t body)
{
    struct upstream u = { .script = stream, .arg = (void *)(uintptr_t)answer };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, w, "http://127.0.0.1:%d/", u.port);
    probe_start(&p);
    probe_wait_body(&p, body);
    while (atomic_load(&u.requests) == 0)
        ;
    int64_t begin_ms = clock_monotonic_ms();
    probe_cancel(&p);
    probe_wait(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_CANCELLED);
    assert_int_equal(p.dones, 1);
    assert_true(p.result.sent);
    probe_release(&p);
    return atomic_load(&u.closed_ms) - begin_ms;
}

/* The bound is of the product; of several tries on a busy machine one must keep it. */
static void expect_closed_soon(struct world *w, const char *answer, size_t body)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < TRIES && best > CLOSE_MS_MAX; i++) {
        int64_t ms = cancel_after(w, answer, body);
        best = ms < best ? ms : best;
    }
    assert_true(best <= CLOSE_MS_MAX);
}

static void the_server_sees_a_cancel_at_once(void **state)
{
    expect_closed_soon(*state, "", 0);
    expect_closed_soon(*state, "HTTP/1.1 200 OK\r\nContent-", 0);
    expect_closed_soon(*state,
                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 5);
    expect_closed_soon(*state, "HTTP/1.0 200 OK\r\n\r\nhello", 5);
}

/* ---- before it is connected ---- */

static void silence(struct upstream *u, int fd, int nth)
{
    (void)nth;
    upstream_wait_closed(u, fd);
}

static void in_the_handshake(void **state)
{
    struct upstream u = { .script = silence };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "https://127.0.0.1:%d/", u.port);
    probe_start(&p);
    while (atomic_load(&u.connections) == 0)
        ;
    probe_cancel(&p);
    probe_wait(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_CANCELLED);
    assert_false(p.result.sent);
    probe_release(&p);
}

static void nothing(struct probe *p)
{
    (void)p;
}

/* The name server does not answer: neither the cancel nor the loop waits for it. */
static void while_the_name_is_looked_up(void **state)
{
    struct probe p;
    names_hold_slow();
    probe_init(&p, *state, "http://slow.test/");
    probe_start(&p);
    probe_act(&p, nothing); /* it has been started */
    probe_act(&p, nothing); /* and had a turn */
    probe_cancel(&p);
    probe_wait(&p);
    assert_int_equal(p.result.end, FETCH_CANCELLED);
    assert_false(p.result.sent);
    probe_release(&p);
    names_release_slow();
}

static void a_name_has_the_time_of_a_connect(void **state)
{
    struct probe p;
    names_hold_slow();
    probe_init(&p, *state, "http://slow.test/");
    p.rq.connect_timeout_ms = 20;
    probe_run(&p);
    assert_int_equal(p.result.end, FETCH_TIMEOUT);
    assert_false(p.result.sent);
    probe_release(&p);
    names_release_slow();
}

static void start_and_cancel(struct probe *p)
{
    probe_start_here(p);
    fetch_cancel(p->fetch);
    fetch_cancel(p->fetch);
}

static void before_it_began(void **state)
{
    struct probe p;
    probe_init(&p, *state, "http://127.0.0.1:1/");
    probe_act(&p, start_and_cancel);
    probe_wait(&p);
    assert_int_equal(p.result.end, FETCH_CANCELLED);
    assert_int_equal(p.dones, 1);
    assert_false(p.result.sent);
    probe_release(&p);
}

/* ---- from within callbacks ---- */

static const char answer[] =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n";

static void say_answers(struct upstream *u, int fd, int nth)
{
    (void)nth;
    while (upstream_skip(u, fd))
        upstream_say(fd, answer);
}

static void cancel_self(struct probe *p)
{
    fetch_cancel(p->fetch);
}

static bool cancel_in_body(struct probe *p, struct str bytes)
{
    (void)bytes;
    fetch_cancel(p->fetch);
    return true;
}

static bool stop_in_body(struct probe *p, struct str bytes)
{
    (void)p, (void)bytes;
    return false;
}

static bool cancel_and_stop(struct probe *p, struct str bytes)
{
    fetch_cancel(p->fetch);
    return stop_in_body(p, bytes);
}

static void run_with(struct world *w, void (*in_head)(struct probe *),
                     bool (*in_body)(struct probe *, struct str), void (*in_done)(struct probe *),
                     enum fetch_end end, size_t body_max)
{
    struct upstream u = { .script = say_answers };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, w, "http://127.0.0.1:%d/", u.port);
    p.in_head = in_head;
    p.in_body = in_body;
    p.in_done = in_done;
    probe_run(&p);
    assert_int_equal(p.result.end, end);
    assert_int_equal(p.result.status, 200);
    assert_int_equal(p.dones, 1);
    assert_int_equal(p.heads, 1);
    assert_true(p.body.len <= body_max);
    probe_release(&p);
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

static void in_on_head(void **state)
{
    run_with(*state, cancel_self, NULL, NULL, FETCH_CANCELLED, 0);
}

static void in_on_body(void **state)
{
    run_with(*state, NULL, cancel_in_body, NULL, FETCH_CANCELLED, 5);
}

static void in_on_body_by_false(void **state)
{
    run_with(*state, NULL, stop_in_body, NULL, FETCH_STOPPED, 5);
}

static void in_on_body_both_ways(void **state)
{
    run_with(*state, NULL, cancel_and_stop, NULL, FETCH_CANCELLED, 5);
}

static void in_its_own_on_done(void **state)
{
    run_with(*state, NULL, NULL, cancel_self, FETCH_WHOLE, 10);
}

/* ---- one fetch's callbacks act on others ---- */

struct pair {
    struct probe first, second;
};

static struct probe *other_of(struct probe *p)
{
    return p->arg;
}

static bool cancel_other(struct probe *p, struct str bytes)
{
    (void)bytes;
    if (other_of(p)->fetch)
        fetch_cancel(other_of(p)->fetch);
    return true;
}

static bool start_other(struct probe *p, struct str bytes)
{
    (void)bytes;
    if (!other_of(p)->fetch && !other_of(p)->done)
        probe_start_here(other_of(p));
    return true;
}

static void start_other_at_end(struct probe *p)
{
    probe_start_here(other_of(p));
}

static void cancel_other_at_end(struct probe *p)
{
    (void)cancel_other(p, STR(""));
}

static void pair_init(struct pair *pair, struct world *w, int first, int second)
{
    probe_init(&pair->first, w, "http://127.0.0.1:%d/", first);
    probe_init(&pair->second, w, "http://127.0.0.1:%d/", second);
    pair->first.arg = &pair->second;
    pair->second.arg = &pair->first;
}

static void pair_release(struct pair *pair)
{
    probe_release(&pair->first);
    probe_release(&pair->second);
}

static void cancels_other(struct world *w, int answers, bool at_end)
{
    struct upstream hangs = { .script = stream, .arg = "HTTP/1.0 200 OK\r\n\r\nhello" };
    struct pair pair;
    upstream_start(&hangs);
    pair_init(&pair, w, answers, hangs.port);
    pair.first.in_body = at_end ? NULL : cancel_other;
    pair.first.in_done = at_end ? cancel_other_at_end : NULL;
    probe_start(&pair.second);
    probe_wait_body(&pair.second, 5);
    probe_run(&pair.first);
    probe_wait(&pair.second);
    assert_int_equal(pair.first.result.end, FETCH_WHOLE);
    assert_int_equal(pair.second.result.end, FETCH_CANCELLED);
    pair_release(&pair);
    upstream_stop(&hangs);
}

static void callbacks_cancel_others(void **state)
{
    struct world *w = *state;
    struct upstream answers = { .script = say_answers };
    upstream_start(&answers);
    cancels_other(w, answers.port, false);
    cancels_other(w, answers.port, true);
    fetcher_stop(w->fetcher);
    upstream_stop(&answers);
}

static void callbacks_start_others(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = say_answers };
    upstream_start(&u);
    for (int at_end = 0; at_end < 2; at_end++) {
        struct pair pair;
        pair_init(&pair, w, u.port, u.port);
        pair.first.in_body = at_end ? NULL : start_other;
        pair.first.in_done = at_end ? start_other_at_end : NULL;
        probe_run(&pair.first);
        probe_wait(&pair.second);
        assert_int_equal(pair.first.result.end, FETCH_WHOLE);
        assert_int_equal(pair.second.result.end, FETCH_WHOLE);
        pair_release(&pair);
    }
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

/* ---- many at once, and the end of the fetcher ---- */

enum { MANY = 200 };

static void many_are_cancelled_by_the_end(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = stream, .arg = "HTTP/1.0 200 OK\r\n\r\nhello" };
    struct probe *p = calloc(MANY, sizeof *p);
    upstream_start(&u);
    for (int i = 0; i < MANY; i++) {
        probe_init(&p[i], w, "http://127.0.0.1:%d/", u.port);
        p[i].loop = loops_at(w->loops, i % 2);
        probe_start(&p[i]);
    }
    for (int i = 0; i < MANY / 2; i++)
        probe_wait_body(&p[i], 5);
    fetcher_stop(w->fetcher);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(p[i].dones, 1);
        assert_int_equal(p[i].result.end, FETCH_CANCELLED);
        probe_release(&p[i]);
    }
    upstream_stop(&u);
    free(p);
}

/* A callback that starts again and again is ended too. */
static void restart(struct probe *p)
{
    struct probe *next = p->arg;
    if (next)
        probe_start_here(next);
}

static void what_is_started_during_the_end_ends(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = stream, .arg = "HTTP/1.0 200 OK\r\n\r\nhello" };
    struct probe p[3];
    upstream_start(&u);
    for (int i = 0; i < 3; i++) {
        probe_init(&p[i], w, "http://127.0.0.1:%d/", u.port);
        p[i].in_done = restart;
        p[i].arg = i < 2 ? &p[i + 1] : NULL;
    }
    probe_start(&p[0]);
    probe_wait_body(&p[0], 5);
    fetcher_stop(w->fetcher);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(p[i].dones, 1);
        assert_int_equal(p[i].result.end, FETCH_CANCELLED);
        probe_release(&p[i]);
    }
    upstream_stop(&u);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(the_server_sees_a_cancel_at_once),
        TEST(in_the_handshake),
        TEST(while_the_name_is_looked_up),
        TEST(a_name_has_the_time_of_a_connect),
        TEST(before_it_began),
        TEST(in_on_head),
        TEST(in_on_body),
        TEST(in_on_body_by_false),
        TEST(in_on_body_both_ways),
        TEST(in_its_own_on_done),
        TEST(callbacks_cancel_others),
        TEST(callbacks_start_others),
        TEST(many_are_cancelled_by_the_end),
        TEST(what_is_started_during_the_end_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
