/* The message so far: readers that come at any counter see the same, the journal rebuilds it, what
 * is kept is read again, bounds refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "run/message.h"

static uint64_t seed;
static unsigned rnd(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}

/* ---- reading ---- */

struct heard {
    struct buf json; /* stream parts, as an array's elements */
    int64_t at;
    int left; /* events that it still takes; -1: any */
};

static bool hear(void *arg, const char *name, int64_t counter, struct str data)
{
    struct heard *h = arg;
    assert_non_null(name);
    if (h->left == 0)
        return false;
    h->left -= h->left > 0;
    assert_true(counter > h->at);
    h->at = counter;
    if (h->json.len)
        buf_put_byte(&h->json, ',');
    buf_put_str(&h->json, data);
    return true;
}

static void heard_init(struct heard *h)
{
    *h = (struct heard){ .left = -1 };
    buf_init(&h->json, NULL, 64 * 1024 * 1024);
}

/* The message that the heard parts make. */
static struct message *made_of(const struct heard *h)
{
    struct message *m = message_new(STR("copy"));
    struct buf all;
    buf_init(&all, NULL, 64 * 1024 * 1024);
    buf_put_byte(&all, '[');
    buf_put_str(&all, buf_str(&h->json));
    buf_put_byte(&all, ']');
    assert_true(message_apply(m, buf_str(&all)));
    buf_release(&all);
    return m;
}

static void assert_same(const struct message *a, const struct message *b)
{
    struct buf x, y;
    buf_init(&x, NULL, 64 * 1024 * 1024);
    buf_init(&y, NULL, 64 * 1024 * 1024);
    message_parts_json(a, &x);
    message_parts_json(b, &y);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.ptr, y.ptr, x.len);
    buf_release(&x);
    buf_release(&y);
}

/* ---- a message that grows at random ---- */

static const char *const pieces[] = { "a",      "Hello", " wörld ", "👋", "\n\"quoted\\\"",
                                      "日本語", "x y z" };

static void grow(struct message *m, int *open, int *open_count)
{
    char id[16];
    int part;
    switch (rnd(10)) {
    case 0:
        assert_true(message_step_start(m));
        break;
    case 1:
    case 2:
        part = message_part_start(m, rnd(2) ? PART_TEXT : PART_REASONING, STR_NULL, STR_NULL);
        if (part >= 0)
            open[(*open_count)++] = part;
        break;
    case 3:
        snprintf(id, sizeof id, "call%u", rnd(1000000));
        part = message_part_start(m, PART_TOOL, str_of(id), STR("search"));
        if (part < 0)
            break;
        if (rnd(2))
            assert_true(message_delta(m, part, STR("{\"q\":")));
        assert_true(message_tool_input(m, part, STR("{\"q\":\"é\"}")));
        if (rnd(3) == 0)
            assert_true(message_tool_error(m, part, STR("no such thing")));
        else if (rnd(3))
            assert_true(message_tool_output(m, part, STR("{\"results\":[1,2]}")));
        break;
    case 4:
        assert_true(message_data(m, "data-usage", STR("{\"n\":1}"), rnd(2) == 0));
        break;
    case 5:
        if (*open_count)
            message_part_end(m, open[--*open_count]);
        break;
    default:
        if (*open_count)
            assert_true(message_delta(m, open[rnd((unsigned)*open_count)],
                                      str_of(pieces[rnd(sizeof pieces / sizeof *pieces)])));
    }
}

static void test_readers_at_any_pace(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 300; round++) {
        struct message *m = message_new(STR("m1"));
        struct heard live, slow;
        int open[128], open_count = 0;
        seed = round * 0x9e3779b97f4a7c15ULL;
        heard_init(&live);
        heard_init(&slow);
        for (int i = 0; i < 60; i++) {
            grow(m, open, &open_count);
            live.at = message_replay(m, live.at, hear, &live);
            if (rnd(5) == 0) { /* takes a few events, then has had enough */
                slow.left = (int)rnd(4);
                slow.at = message_replay(m, slow.at, hear, &slow);
            }
        }
        message_close_open(m, STR("stopped"));
        message_finish(m, "stop", STR_NULL);
        slow.left = live.left = -1;
        live.at = message_replay(m, live.at, hear, &live);
        slow.at = message_replay(m, slow.at, hear, &slow);
        assert_int_equal(live.at, message_counter(m));
        assert_int_equal(slow.at, message_counter(m));
        struct heard late;
        heard_init(&late);
        late.at = message_replay(m, 0, hear, &late);
        struct message *a = made_of(&live), *b = made_of(&slow), *c = made_of(&late);
        assert_same(a, m);
        assert_same(b, m);
        assert_same(c, m);
        message_free(a);
        message_free(b);
        message_free(c);
        message_free(m);
        buf_release(&live.json);
        buf_release(&slow.json);
        buf_release(&late.json);
    }
}

static void test_any_counter_goes_on_exactly(void **state)
{
    (void)state;
    struct message *m = message_new(STR("m1"));
    int part = message_part_start(m, PART_TEXT, STR_NULL, STR_NULL);
    message_delta(m, part, STR("Hello wörld 👋 "));
    message_delta(m, part, STR("日本語"));
    message_part_end(m, part);
    /* From the inside of a character the whole character is told again: never half of one. */
    for (int64_t from = 2; from <= message_counter(m); from++) {
        struct heard h;
        heard_init(&h);
        h.at = from;
        int64_t end = message_replay(m, from, hear, &h);
        assert_int_equal(end, message_counter(m));
        assert_true(utf8_valid(buf_str(&h.json)));
        buf_release(&h.json);
    }
    message_free(m);
}

static void test_long_texts_come_in_pieces(void **state)
{
    (void)state;
    struct message *m = message_new(STR("m1"));
    int part = message_part_start(m, PART_TEXT, STR_NULL, STR_NULL);
    for (int i = 0; i < 20000; i++)
        assert_true(message_delta(m, part, STR("日本語")));
    message_part_end(m, part);
    struct heard h;
    heard_init(&h);
    h.at = message_replay(m, 0, hear, &h);
    struct message *copy = made_of(&h);
    assert_same(copy, m);
    message_free(copy);
    message_free(m);
    buf_release(&h.json);
}

/* ---- at rest ---- */

static void test_rest(void **state)
{
    (void)state;
    struct message *m = message_new(STR("m1")), *again = message_new(STR("m1"));
    struct buf parts, provider;
    buf_init(&parts, NULL, 1 << 20);
    buf_init(&provider, NULL, 1 << 20);
    message_step_start(m);
    int thought = message_part_start(m, PART_REASONING, STR_NULL, STR_NULL);
    message_delta(m, thought, STR("hm"));
    message_signature(m, thought, STR("sig+"), false);
    message_signature(m, thought, STR("more="), false);
    message_part_end(m, thought);
    int hidden = message_part_start(m, PART_REASONING, STR_NULL, STR_NULL);
    message_signature(m, hidden, STR("opaque"), true);
    message_part_end(m, hidden);
    int tool = message_part_start(m, PART_TOOL, STR("c1"), STR("search"));
    message_tool_input(m, tool, STR("{\"q\":\"x\"}"));
    int text = message_part_start(m, PART_TEXT, STR_NULL, STR_NULL);
    message_delta(m, text, STR("so"));
    message_part_end(m, text);
    message_parts_json(m, &parts);
    message_provider_json(m, &provider);
    assert_null(memmem(parts.ptr, parts.len, "sig+", 4)); /* not for clients */
    assert_true(message_load(again, buf_str(&parts), buf_str(&provider)));
    assert_same(again, m);
    assert_string_equal(message_part(again, 1)->signature, "sig+more=");
    assert_true(message_part(again, 2)->redacted);
    assert_int_equal(message_part(again, 3)->tool, TOOL_INPUT_AVAILABLE);
    /* What was there is not told again; what comes is. */
    struct heard h;
    heard_init(&h);
    message_tool_output(again, message_tool_find(again, STR("c1")), STR("1"));
    message_replay(again, 0, hear, &h);
    assert_null(memmem(h.json.ptr, h.json.len, "\"so\"", 4));
    assert_non_null(memmem(h.json.ptr, h.json.len, "tool-output-available", 21));
    buf_release(&h.json);
    message_free(again);
    message_free(m);
    buf_release(&parts);
    buf_release(&provider);
}

static void test_damaged_rest_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "{}",
                                       "[1]",
                                       "[{}]",
                                       "[{\"type\":\"tool-x\"}]",
                                       "[{\"type\":\"tool-\",\"toolCallId\":\"a\"}]",
                                       "[{\"type\":\"text\"" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct message *m = message_new(STR("m"));
        assert_false(message_load(m, str_of(bad[i]), STR_NULL));
        message_free(m);
    }
    struct message *m = message_new(STR("m"));
    assert_false(message_load(m, STR("[]"), STR("{\"0\":{\"signature\":\"x\"}}")));
    assert_false(
        message_apply(m, STR("[{\"type\":\"text-delta\",\"id\":\"p9\",\"delta\":\"x\"}]")));
    message_free(m);
}

static void test_bounds(void **state)
{
    (void)state;
    struct message *m = message_new(STR("m"));
    char *big = malloc(1024 * 1024);
    memset(big, 'x', 1024 * 1024);
    int part = message_part_start(m, PART_TEXT, STR_NULL, STR_NULL);
    int taken = 0;
    while (message_delta(m, part, (struct str){ big, 1024 * 1024 }))
        taken++;
    assert_int_equal(taken, MESSAGE_BYTES_MAX / (1024 * 1024));
    assert_true(message_bytes(m) <= MESSAGE_BYTES_MAX);
    message_part_end(m, part);
    message_free(m);
    m = message_new(STR("m"));
    for (taken = 0; (part = message_part_start(m, PART_TEXT, STR_NULL, STR_NULL)) >= 0; taken++)
        message_part_end(m, part);
    assert_int_equal(taken, MESSAGE_PARTS_MAX);
    assert_int_equal(message_part_start(m, PART_TOOL, STR("c"), STR("t")), -1);
    message_finish(m, "stop", STR_NULL);
    message_free(m);
    free(big);
}

/* What takes six bytes in JSON counts as six: what was taken can be kept. */
static void test_bounds_are_those_of_json(void **state)
{
    (void)state;
    struct message *m = message_new(STR("m"));
    struct buf parts, provider;
    char control[4096];
    memset(control, 1, sizeof control);
    int text = message_part_start(m, PART_TEXT, STR_NULL, STR_NULL);
    for (int i = 0; i < 100; i++)
        assert_true(message_delta(m, text, (struct str){ control, sizeof control }));
    message_part_end(m, text);
    int thought = message_part_start(m, PART_REASONING, STR_NULL, STR_NULL);
    while (message_signature(m, thought, (struct str){ control, sizeof control }, false))
        continue;
    message_part_end(m, thought);
    assert_true(message_bytes(m) > MESSAGE_BYTES_MAX - 6 * (int)sizeof control);
    buf_init(&parts, NULL, MESSAGE_BYTES_MAX);
    buf_init(&provider, NULL, MESSAGE_BYTES_MAX);
    message_parts_json(m, &parts);
    message_provider_json(m, &provider);
    assert_false(parts.overflow);
    assert_false(provider.overflow);
    buf_release(&parts);
    buf_release(&provider);
    message_free(m);
}

/* One piece that means nothing does not take the rest with it. */
static void test_journal_over_what_is_there(void **state)
{
    (void)state;
    struct message *m = message_new(STR("m"));
    struct buf text;
    assert_true(message_load(m,
                             STR("[{\"type\":\"text\",\"text\":\"first\"},"
                                 "{\"type\":\"tool-ask\",\"toolCallId\":\"c\",\"state\":"
                                 "\"output-available\",\"input\":{},\"output\":1}]"),
                             STR_NULL));
    assert_true(message_apply(m, STR("[{\"type\":\"start\",\"messageId\":\"m\"},"
                                     "{\"type\":\"tool-output-available\",\"toolCallId\":\"c\","
                                     "\"output\":1},{\"type\":\"text-start\",\"id\":\"p2\"}]")));
    assert_false(message_apply(m, STR("[{\"type\":\"text-delta\",\"id\":\"p9\",\"delta\":\"x\"},"
                                      "{\"type\":\"text-delta\",\"id\":\"p2\",\"delta\":"
                                      "\"second\"}]")));
    buf_init(&text, NULL, 4096);
    message_plain_text(m, &text);
    assert_true(str_is(buf_str(&text), "first\n\nsecond"));
    buf_release(&text);
    message_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_at_any_pace),
        cmocka_unit_test(test_any_counter_goes_on_exactly),
        cmocka_unit_test(test_long_texts_come_in_pieces),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_damaged_rest_is_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_bounds_are_those_of_json),
        cmocka_unit_test(test_journal_over_what_is_there),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
