/* Sinks: framing, bounds, both ends leaving, and many writers. */
#include <pthread.h>

#include "base/buf.h"
#include "op/field.h"
#include "op/sink.h"
#include "testing.h"

static int woken, drained, gone;
static void on_wake(void *arg)
{
    (void)arg;
    woken++;
}
static void on_drain(void *arg)
{
    (void)arg;
    drained++;
}
static void on_gone(void *arg)
{
    (void)arg;
    gone++;
}

static void frames_events(void **state)
{
    (void)state;
    struct sink *s = sink_new(1000);
    struct buf out;
    buf_init(&out, NULL, 2000);
    woken = 0;
    sink_attach(s, on_wake, NULL);
    assert_true(sink_event(s, STR("token"), STR("7"), STR("a\nb\r\nc\rd")));
    assert_true(sink_event(s, STR_NULL, STR_NULL, STR("")));
    assert_int_equal(woken, 1); /* one wake-up for what queues meanwhile */
    sink_comment(s, STR("hi"));
    assert_int_equal(sink_take(s, &out, 2000), SINK_OPEN);
    sink_close(s);
    assert_int_equal(woken, 2);
    assert_int_equal(sink_take(s, &out, 2000), SINK_CLOSED);
    buf_put_byte(&out, 0);
    assert_string_equal(
        out.ptr, "event: token\nid: 7\ndata: a\ndata: b\ndata: c\ndata: d\n\ndata: \n\n: hi\n\n");
    assert_false(sink_event(s, STR_NULL, STR_NULL, STR("late")));
    buf_release(&out);
    sink_unref(s);
}

static void is_bounded_and_says_when_it_drains(void **state)
{
    (void)state;
    struct sink *s = sink_new(100);
    struct buf out;
    buf_init(&out, NULL, 2000);
    drained = 0;
    sink_watch(s, on_gone, on_drain, NULL);
    int taken = 0;
    while (sink_event(s, STR_NULL, STR_NULL, STR("1234567890")))
        taken++;
    assert_int_equal(taken, 5); /* 18 bytes each */
    assert_int_equal(sink_backlog_bytes(s), 90);
    sink_take(s, &out, 50);
    assert_int_equal(drained, 0);
    sink_take(s, &out, 50);
    assert_int_equal(drained, 1);
    assert_int_equal(out.len, 90);
    buf_release(&out);
    sink_unref(s);
}

static void tells_that_the_reader_left(void **state)
{
    (void)state;
    struct sink *s = sink_new(100);
    gone = 0;
    sink_watch(s, on_gone, on_drain, NULL);
    sink_leave(s);
    sink_leave(s);
    assert_int_equal(gone, 1);
    assert_true(sink_gone(s));
    assert_false(sink_event(s, STR_NULL, STR_NULL, STR("x")));
    sink_unref(s);
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 1000; i++)
        while (!sink_event(arg, STR_NULL, STR_NULL, STR("x")))
            sched_yield();
    sink_unref(arg);
    return NULL;
}

static void takes_from_many_threads(void **state)
{
    (void)state;
    struct sink *s = sink_new(4096);
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, write_many, sink_ref(s)), 0);
    size_t bytes = 0;
    while (bytes < (size_t)4 * 1000 * 9) {
        struct buf out;
        buf_init(&out, NULL, 4096);
        sink_take(s, &out, 4096);
        bytes += out.len;
        buf_release(&out);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(sink_backlog_bytes(s), 0);
    sink_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_events),
        cmocka_unit_test(is_bounded_and_says_when_it_drains),
        cmocka_unit_test(tells_that_the_reader_left),
        cmocka_unit_test(takes_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
