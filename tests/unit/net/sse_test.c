/* The SSE reader over every legal framing, each stream split at every byte and every two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/sse.h"

enum { EVENT_BYTES_MAX = 4096 };

/* What was read, as text: "type|data|id|retry;" an event. LF in data is "/". */
struct log {
    struct buf text;
    int stop_after; /* events; 0: never */
};

static bool on_event(void *arg, const struct sse_event *e)
{
    struct log *l = arg;
    buf_printf(&l->text, "%.*s|", STR_ARG(e->type));
    for (size_t i = 0; i < e->data.len; i++)
        buf_put_byte(&l->text, e->data.ptr[i]);
    if (l->text.ptr)
        for (size_t i = l->text.len - e->data.len; i < l->text.len; i++)
            if (l->text.ptr[i] == '\n')
                l->text.ptr[i] = '/';
    buf_printf(&l->text, "|%.*s|%lld;", STR_ARG(e->id), (long long)e->retry_ms);
    return l->stop_after == 0 || --l->stop_after > 0;
}

/* Feeds the parts [0, a), [a, b), [b, end). */
static bool read_split(struct str stream, size_t a, size_t b, size_t max, struct buf *ret,
                       bool *ret_unfinished)
{
    struct sse_reader r;
    struct log l = { .stop_after = 0 };
    buf_init(&l.text, NULL, (size_t)1024 * 1024);
    sse_init(&r, max);
    sse_feed(&r, str_sub(stream, 0, a), on_event, &l);
    sse_feed(&r, str_sub(stream, a, b), on_event, &l);
    bool ok = sse_feed(&r, str_sub(stream, b, stream.len), on_event, &l);
    *ret_unfinished = sse_unfinished(&r);
    sse_release(&r);
    *ret = l.text;
    return ok;
}

static const struct {
    const char *stream, *events;
    bool unfinished;
} cases[] = {
    { "data: a\n\n", "message|a||-1;", false },
    { "data: a\r\n\r\n", "message|a||-1;", false },
    { "data: a\r\r", "message|a||-1;", false },
    { "data: a\r\n\r", "message|a||-1;", false },
    { "data: a\n\r\n", "message|a||-1;", false },
    { "data: a\r\n\n", "message|a||-1;", false },
    { "data: a\r\ndata: b\rdata: c\n\r\n", "message|a/b/c||-1;", false },
    { "data:a\n\ndata:  b \n\n", "message|a||-1;message| b ||-1;", false },
    { "data\n\n", "message|||-1;", false },
    { "data:\n\n", "message|||-1;", false },
    { "data\ndata\n\n", "message|/||-1;", false },
    { "data:\ndata:\ndata: x\n\n", "message|//x||-1;", false },
    { "event: ping\n\n", "", false },
    { "event: ping\n\ndata: x\n\n", "message|x||-1;", false }, /* the type goes with its event */
    { "event: a\nevent: b\ndata: x\n\n", "b|x||-1;", false },
    { "event\ndata: x\n\n", "message|x||-1;", false },
    { "event: content_block_delta\ndata: {\"a\":1}\n\n", "content_block_delta|{\"a\":1}||-1;",
      false },
    { ": hello\n\n: x\ndata: y\n: z\n\n", "message|y||-1;", false },
    { ":\n\n\n\n", "", false },
    { "id: 7\ndata: x\n\ndata: y\n\n", "message|x|7|-1;message|y|7|-1;", false },
    { "id: 7\n\ndata: y\n\n", "message|y|7|-1;", false },
    { "id: 7\ndata: x\n\nid\ndata: y\n\n", "message|x|7|-1;message|y||-1;", false },
    { "retry: 1500\ndata: x\n\ndata: y\n\n", "message|x||1500;message|y||-1;", false },
    { "retry: 15s\nretry: -1\nretry:\nretry: +3\ndata: x\n\n", "message|x||-1;", false },
    { "retry: 99999999999999999999\ndata: x\n\n", "message|x||-1;", false },
    { "retry: 5\n\ndata: x\n\n", "message|x||5;", false },
    { "unknown: a\nData: b\n data: c\ndata : d\ndata: x\n\n", "message|x||-1;", false },
    { "\xef\xbb\xbf"
      "data: x\n\n",
      "message|x||-1;", false },
    { "\xef\xbb\xbf\xef\xbb\xbf"
      "data: x\n\ndata: y\n\n",
      "message|y||-1;", false },
    { "\xef\xbb"
      "data: x\n\ndata: y\n\n",
      "message|y||-1;", false },
    { "\n\xef\xbb\xbf"
      "data: x\n\ndata: y\n\n",
      "message|y||-1;", false },
    { "data: \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n\n",
      "message|\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80||-1;", false },
    { "data: a:b: c\n\n", "message|a:b: c||-1;", false },
    { "\n\n\r\r\n\ndata: x\n\n", "message|x||-1;", false },
    { "data: x\n\ndata: [DONE]\n\n", "message|x||-1;message|[DONE]||-1;", false },
    { "data: x", "", true },
    { "data: x\n", "", true },
    { "data: x\n\nda", "message|x||-1;", true },
    { "event: y\n", "", true },
    { "data: x\n\n: keep", "message|x||-1;", false },
    { "data: x\n\n\xef\xbb\xbf", "message|x||-1;", true },
    { "", "", false },
};

static void every_split_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str stream = str_of(cases[i].stream);
        for (size_t a = 0; a <= stream.len; a++)
            for (size_t b = a; b <= stream.len; b++) {
                struct buf got;
                bool unfinished;
                assert_true(read_split(stream, a, b, EVENT_BYTES_MAX, &got, &unfinished));
                if (!str_is(buf_str(&got), cases[i].events) || unfinished != cases[i].unfinished)
                    fail_msg("case %zu split at %zu and %zu: %.*s (unfinished %d)", i, a, b,
                             STR_ARG(buf_str(&got)), unfinished);
                buf_release(&got);
            }
    }
}

static void a_byte_at_a_time_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str stream = str_of(cases[i].stream);
        struct sse_reader r;
        struct log l = { .stop_after = 0 };
        buf_init(&l.text, NULL, 65536);
        sse_init(&r, EVENT_BYTES_MAX);
        for (size_t k = 0; k < stream.len; k++)
            assert_true(sse_feed(&r, str_sub(stream, k, k + 1), on_event, &l));
        assert_true(str_is(buf_str(&l.text), cases[i].events));
        assert_int_equal(sse_unfinished(&r), cases[i].unfinished);
        sse_release(&r);
        buf_release(&l.text);
    }
}

static void an_id_with_nul_is_ignored(void **state)
{
    static const char stream[] = "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n";
    struct buf got;
    bool unfinished;
    (void)state;
    assert_true(read_split((struct str){ stream, sizeof stream - 1 }, 3, 9, EVENT_BYTES_MAX, &got,
                           &unfinished));
    assert_true(str_is(buf_str(&got), "message|a|1|-1;message|b|1|-1;"));
    buf_release(&got);
}

/* The bound is the same whatever the split, at the byte. */
static void the_bound_holds_at_every_split(void **state)
{
    static const char *const streams[] = { "data: 0123456789\n\n", "data: 01\ndata: 2345\n\n",
                                           "event: abc\ndata: 1\n\n",
                                           "event: 0123456789abcdef\n\n" };
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct str stream = str_of(streams[i]);
        for (size_t max = 3; max < 24; max++) {
            struct buf whole;
            bool unfinished, ok = read_split(stream, 0, 0, max, &whole, &unfinished);
            for (size_t a = 0; a <= stream.len; a++) {
                struct buf got;
                bool now = read_split(stream, a, a, max, &got, &unfinished);
                if (now != ok || !str_eq(buf_str(&got), buf_str(&whole)))
                    fail_msg("stream %zu, bound %zu, split at %zu", i, max, a);
                buf_release(&got);
            }
            buf_release(&whole);
        }
    }
}

static void an_event_as_long_as_the_bound_passes(void **state)
{
    struct buf got;
    bool unfinished;
    (void)state;
    assert_true(read_split(STR("data: 0123\n\n"), 0, 0, 10, &got, &unfinished));
    buf_release(&got);
    assert_false(read_split(STR("data: 01234\n\n"), 0, 0, 10, &got, &unfinished));
    assert_int_equal(got.len, 0);
    buf_release(&got);
}

static void a_long_comment_is_no_event(void **state)
{
    struct buf stream, got;
    bool unfinished;
    (void)state;
    buf_init(&stream, NULL, 65536);
    buf_put_byte(&stream, ':');
    for (int i = 0; i < 10000; i++)
        buf_put_byte(&stream, '.');
    buf_put_cstr(&stream, "\ndata: x\n\n");
    for (size_t a = 0; a <= stream.len; a += 997) {
        assert_true(read_split(buf_str(&stream), a, a, 64, &got, &unfinished));
        assert_true(str_is(buf_str(&got), "message|x||-1;"));
        buf_release(&got);
    }
    buf_release(&stream);
}

static void many_events_are_no_long_one(void **state)
{
    struct sse_reader r;
    struct log l = { .stop_after = 0 };
    (void)state;
    buf_init(&l.text, NULL, (size_t)1024 * 1024);
    sse_init(&r, 16);
    for (int i = 0; i < 1000; i++)
        assert_true(sse_feed(&r, STR("data: 0123456789\n\n: ping\n\n"), on_event, &l));
    assert_int_equal(l.text.len, 1000 * strlen("message|0123456789||-1;"));
    sse_release(&r);
    buf_release(&l.text);
}

static void who_stops_gets_no_more(void **state)
{
    struct sse_reader r;
    struct log l = { .stop_after = 2 };
    (void)state;
    buf_init(&l.text, NULL, 65536);
    sse_init(&r, EVENT_BYTES_MAX);
    assert_false(sse_feed(&r, STR("data: a\n\ndata: b\n\ndata: c\n\n"), on_event, &l));
    assert_true(str_is(buf_str(&l.text), "message|a||-1;message|b||-1;"));
    assert_false(sse_feed(&r, STR("data: d\n\n"), on_event, &l));
    assert_true(str_is(buf_str(&l.text), "message|a||-1;message|b||-1;"));
    sse_release(&r);
    buf_release(&l.text);
    sse_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_gives_the_same),
        cmocka_unit_test(a_byte_at_a_time_is_the_same),
        cmocka_unit_test(an_id_with_nul_is_ignored),
        cmocka_unit_test(the_bound_holds_at_every_split),
        cmocka_unit_test(an_event_as_long_as_the_bound_passes),
        cmocka_unit_test(a_long_comment_is_no_event),
        cmocka_unit_test(many_events_are_no_long_one),
        cmocka_unit_test(who_stops_gets_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
