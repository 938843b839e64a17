/* A reader that takes nothing: the server cannot send on, nothing is lost, nothing times out. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/probe.h"
#include "net/upstream.h"

enum { BODY_BYTES = 32 * 1024 * 1024, PART_BYTES = 65536, STUCK_MS = 300 };

struct sender {
    atomic_llong sent;
    atomic_int stuck; /* it could not send for STUCK_MS */
};

/* Sends a body whose bytes say where they stand. */
static void flood(struct upstream *u, int fd, int nth)
{
    struct sender *s = u->arg;
    static char part[PART_BYTES];
    int small = PART_BYTES;
    char head[128];
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);
    upstream_say(fd, head);
    for (size_t i = 0; i < sizeof part; i++)
        part[i] = (char)(i * 31 >> 3);
    for (int64_t sent = 0; sent < BODY_BYTES;) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (poll(&p, 1, STUCK_MS) == 0) {
            atomic_store(&s->stuck, 1);
            (void)!poll(&p, 1, -1);
        }
        size_t from = (size_t)(sent % PART_BYTES);
        ssize_t n = send(fd, part + from, sizeof part - from, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            break;
        sent += n;
        atomic_store(&s->sent, sent);
    }
}

static bool pause_at_first(struct probe *p, struct str bytes)
{
    (void)bytes;
    if (!p->arg)
        fetch_pause(p->fetch, true);
    p->arg = p;
    return true;
}

static void resume(struct probe *p)
{
    fetch_pause(p->fetch, false);
}

static void resume_twice(struct probe *p)
{
    fetch_pause(p->fetch, false);
    fetch_pause(p->fetch, true);
    fetch_pause(p->fetch, false);
    fetch_pause(p->fetch, false);
}

static void check_bytes(const struct buf *b)
{
    assert_int_equal(b->len, BODY_BYTES);
    for (size_t i = 0; i < b->len; i++)
        if (b->ptr[i] != (char)((i % PART_BYTES) * 31 >> 3))
            fail_msg("byte %zu is another", i);
}

static void wait_stuck(struct sender *s)
{
    while (!atomic_load(&s->stuck))
        ;
}

static void a_paused_fetch_holds_the_server_back(void **state)
{
    struct sender s = { 0 };
    struct upstream u = { .script = flood, .arg = &s };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    p.in_body = pause_at_first;
    p.rq.idle_timeout_ms = STUCK_MS / 2; /* does not run while it is paused */
    probe_start(&p);
    wait_stuck(&s);
    pthread_mutex_lock(&p.lock);
    assert_false(p.done);
    assert_true(p.body.len <= PART_BYTES);
    pthread_mutex_unlock(&p.lock);
    assert_true(atomic_load(&s.sent) < BODY_BYTES);
    probe_act(&p, resume);
    probe_wait(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_WHOLE);
    check_bytes(&p.body);
    probe_release(&p);
}

/* Pauses again and again from within the callback, and is resumed from outside. */
static bool pause_always(struct probe *p, struct str bytes)
{
    (void)bytes;
    fetch_pause(p->fetch, true);
    return true;
}

static void step(struct probe *p)
{
    if (p->fetch)
        resume_twice(p);
}

static void say_parts(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    upstream_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 500; i++)
        upstream_say(fd, "6\r\nabcdef\r\n");
    upstream_say(fd, "0\r\n\r\n");
}

static void pausing_in_each_callback_loses_nothing(void **state)
{
    struct upstream u = { .script = say_parts };
    struct probe p;
    bool done = false;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    p.in_body = pause_always;
    probe_start(&p);
    while (!done) {
        probe_act(&p, step);
        pthread_mutex_lock(&p.lock);
        done = p.done;
        pthread_mutex_unlock(&p.lock);
    }
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_WHOLE);
    assert_int_equal(p.body.len, 500 * 6);
    for (size_t i = 0; i < p.body.len; i++)
        assert_int_equal(p.body.ptr[i], "abcdef"[i % 6]);
    probe_release(&p);
}

static void a_paused_fetch_can_be_cancelled(void **state)
{
    struct sender s = { 0 };
    struct upstream u = { .script = flood, .arg = &s };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    p.in_body = pause_at_first;
    probe_start(&p);
    wait_stuck(&s);
    probe_cancel(&p);
    probe_wait(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_CANCELLED);
    probe_release(&p);
}

static void a_total_limit_runs_while_paused(void **state)
{
    struct sender s = { 0 };
    struct upstream u = { .script = flood, .arg = &s };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    p.in_body = pause_at_first;
    p.rq.total_timeout_ms = 50;
    probe_run(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_TIMEOUT);
    probe_release(&p);
}

static void pause_in_head(struct probe *p)
{
    fetch_pause(p->fetch, true);
}

static void paused_before_the_first_byte(void **state)
{
    struct upstream u = { .script = say_parts };
    struct probe p;
    upstream_start(&u);
    probe_init(&p, *state, "http://127.0.0.1:%d/", u.port);
    p.in_head = pause_in_head;
    probe_start(&p);
    while (atomic_load(&u.requests) == 0)
        ;
    pthread_mutex_lock(&p.lock);
    while (!p.heads)
        pthread_cond_wait(&p.changed, &p.lock);
    pthread_mutex_unlock(&p.lock);
    probe_act(&p, resume); /* behind whatever the loop had to read */
    probe_wait(&p);
    upstream_stop(&u);
    assert_int_equal(p.result.end, FETCH_WHOLE);
    assert_int_equal(p.body.len, 500 * 6);
    probe_release(&p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(a_paused_fetch_holds_the_server_back), TEST(pausing_in_each_callback_loses_nothing),
        TEST(a_paused_fetch_can_be_cancelled),      TEST(a_total_limit_runs_while_paused),
        TEST(paused_before_the_first_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
