/* The reader against texts that RFC 8259 allows and forbids, limits, values and large objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/json.h"

static enum err parse(struct arena *a, struct str text, struct json *ret, struct json_fault *fault)
{
    /* An exact copy on the heap, so that a read past the end is seen. */
    char *copy = malloc(text.len ? text.len : 1);
    memcpy(copy, text.ptr, text.len);
    arena_defer(a, free, copy);
    return json_parse(a, (struct str){ copy, text.len }, NULL, ret, fault);
}

static const struct str accepted[] = {
    STR("[]"),
    STR("{}"),
    STR("null"),
    STR("true"),
    STR("false"),
    STR("\"\""),
    STR("0"),
    STR("-0"),
    STR("-1"),
    STR("1.5"),
    STR("1e2"),
    STR("1E+2"),
    STR("1e-2"),
    STR("0e1"),
    STR("0.0e+00"),
    STR("123456789012345678901234567890"),
    STR("1e999"),
    STR(" [ ] "),
    STR("\t\n\r {}\n"),
    STR("[1,2]"),
    STR("[[],{}]"),
    STR("{\"\":0}"),
    STR("{\"a\":{\"a\":1}}"),
    STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    STR("\"\\u00e9\\uD83D\\uDE00\""),
    STR("\"\x7f\""),
    STR("\"\xc2\x80\""),
    STR("\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
    STR("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    STR("\"\\uFFFF\\u0001\""),
    STR("{\"a\":1,\"b\":1}"),
    STR("\"\xe2\x80\xa8\""),
    STR("\"0123456789abcdef0123456789abcdef\""),
};

static const struct str refused[] = {
    STR(""),
    STR(" "),
    STR("[1,]"),
    STR("[,1]"),
    STR("[1 2]"),
    STR("[1"),
    STR("["),
    STR("]"),
    STR("{"),
    STR("}"),
    STR("{\"a\"}"),
    STR("{\"a\":}"),
    STR("{\"a\":1,}"),
    STR("{a:1}"),
    STR("{'a':1}"),
    STR("{1:1}"),
    STR("{\"a\" 1}"),
    STR("{\"a\":1 \"b\":2}"),
    STR("[1]]"),
    STR("[1}"),
    STR("1 2"),
    STR("nul"),
    STR("nulll"),
    STR("True"),
    STR("NaN"),
    STR("Infinity"),
    STR("-Infinity"),
    STR("-"),
    STR("+1"),
    STR("01"),
    STR("-01"),
    STR("00"),
    STR("1."),
    STR(".5"),
    STR("1.e1"),
    STR("1e"),
    STR("1e+"),
    STR("1E-"),
    STR("0x10"),
    STR("1_0"),
    STR("--1"),
    STR("\""),
    STR("\"abc"),
    STR("\"\\"),
    STR("\"\\\""),
    STR("\"\\x\""),
    STR("\"\\u12\""),
    STR("\"\\u12g4\""),
    STR("\"\\U0041\""),
    STR("\"\\u0000\""),
    STR("{\"\\u0000\":1}"),
    STR("\"\\ud800\""),
    STR("\"\\ud800x\""),
    STR("\"\\ud800\\u0041\""),
    STR("\"\\udc00\""),
    STR("\"\\ud800\\ud800\""),
    STR("\"\\ud800\\"),
    STR("\"\x01\""),
    STR("\"\n\""),
    STR("\"\t\""),
    STR("\"\0\""),
    STR("\"0123456789abcde\n\""),
    STR("\"\x80\""),
    STR("\"\xc0\xaf\""),
    STR("\"\xc1\xbf\""),
    STR("\"\xe0\x9f\xbf\""),
    STR("\"\xed\xa0\x80\""),
    STR("\"\xf0\x8f\xbf\xbf\""),
    STR("\"\xf4\x90\x80\x80\""),
    STR("\"\xf5\x80\x80\x80\""),
    STR("\"\xff\""),
    STR("\"\xc2\""),
    STR("\"\xe2\x82\""),
    STR("\"\xf0\x9f\x98\""),
    STR("\"\xc2"),
    STR("\xef\xbb\xbf{}"),
    STR("\x0c[]"),
    STR("\xc2\xa0[]"),
    STR("// c\n1"),
    STR("/**/1"),
    STR("[1]//"),
    STR("{\"a\":1,\"a\":2}"),
    STR("{\"a\":1,\"\\u0061\":2}"),
    STR("1\0"),
    STR("\0"),
    STR("null\0"),
    STR("\"\\\xc3\xa9\""),
    STR("*"),
    STR("[\"a\",\n4\n,1,"),
};

static void texts_are_judged(void **state)
{
    (void)state;
    struct json j;
    struct json_fault fault;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        struct arena *a = arena_new(0);
        if (parse(a, accepted[i], &j, &fault) != OK)
            fail_msg("refused: %.*s (%s at %zu)", STR_ARG(accepted[i]), fault.message,
                     fault.offset);
        arena_free(a);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct arena *a = arena_new(0);
        fault = (struct json_fault){ SIZE_MAX, NULL };
        if (parse(a, refused[i], &j, &fault) != ERR_VALIDATION)
            fail_msg("accepted: %.*s", STR_ARG(refused[i]));
        assert_true(fault.offset <= refused[i].len);
        assert_non_null(fault.message);
        arena_free(a);
    }
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    struct str text =
        STR("{\"key\":[1.5e3,\"\\u00e9\\ud83d\\ude00 \xf0\x9f\x98\x80\",true,null,{}]}");
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault;
    assert_int_equal(parse(a, text, &j, &fault), OK);
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(parse(a, str_sub(text, 0, len), &j, &fault), ERR_VALIDATION);
    arena_free(a);
}

static void the_tree_is_right(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault;
    struct str text =
        STR(" {\"s\":\"a\\u00df\\ud83d\\ude00\\n\",\"n\":-1.50,\"l\":[ 1, [2] ],\"t\":true,"
            "\"z\":null} ");
    assert_int_equal(json_parse(a, text, NULL, &j, &fault), OK);
    assert_int_equal(j.type, JSON_OBJECT);
    assert_int_equal(j.count, 5);
    assert_true(str_eq(j.source, str_sub(text, 1, text.len - 1)));
    assert_true(str_is(json_text(&j, "s"), "a\xc3\x9f\xf0\x9f\x98\x80\n"));
    assert_true(str_is(json_get(&j, "n")->text, "-1.50"));
    const struct json *l = json_get(&j, "l");
    assert_true(str_is(l->source, "[ 1, [2] ]"));
    assert_int_equal(l->count, 2);
    assert_true(str_is(l->items[1].source, "[2]"));
    assert_true(json_get(&j, "t")->boolean);
    assert_int_equal(json_get(&j, "z")->type, JSON_NULL);
    assert_null(json_get(&j, "q"));
    assert_null(json_get(NULL, "q"));
    assert_null(json_get(l, "q"));
    assert_false(str_given(json_text(&j, "n")));
    assert_true(str_is(j.members[4].key, "z"));
    arena_free(a);
}

static void limits_hold(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault;
    char deep[131];
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    struct str d64 = { deep + 1, 128 }, d65 = { deep, 130 };
    assert_int_equal(json_parse(a, d64, NULL, &j, &fault), OK);
    assert_int_equal(json_parse(a, d65, NULL, &j, &fault), ERR_VALIDATION);
    assert_string_equal(fault.message, "nested too deeply");
    assert_int_equal(fault.offset, 64);
    struct json_limits l = { .depth_max = 2, .nodes_max = 4, .bytes_max = 12 };
    assert_int_equal(json_parse(a, STR("[[1,2]]"), &l, &j, &fault), OK);
    assert_int_equal(json_parse(a, STR("[[[]]]"), &l, &j, &fault), ERR_VALIDATION);
    assert_int_equal(json_parse(a, STR("[1,2,3,4]"), &l, &j, &fault), ERR_VALIDATION);
    assert_string_equal(fault.message, "too many values");
    assert_int_equal(json_parse(a, STR("\"0123456789\""), &l, &j, &fault), OK);
    assert_int_equal(json_parse(a, STR("\"01234567890\""), &l, &j, &fault), ERR_VALIDATION);
    assert_string_equal(fault.message, "the text is too long");
    arena_free(a);
}

/* Objects around the step from comparing to hashing, and far beyond it. */
static void duplicates_are_found(void **state)
{
    (void)state;
    static const unsigned counts[] = { 1, 2, 7, 8, 9, 16, 17, 32, 33, 1000, 50000 };
    struct json j;
    struct json_fault fault;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct arena *a = arena_new(0);
        struct buf b;
        buf_init(&b, NULL, 1 << 24);
        buf_put_cstr(&b, "{");
        for (unsigned k = 0; k < counts[i]; k++)
            buf_printf(&b, "%s\"member %u\":%u", k ? "," : "", k, k);
        buf_put_cstr(&b, "}");
        assert_int_equal(json_parse(a, buf_str(&b), NULL, &j, &fault), OK);
        assert_int_equal(j.count, counts[i]);
        b.len--;
        size_t at = b.len + 1;
        buf_printf(&b, ",\"member %u\":0}", counts[i] / 2);
        assert_int_equal(json_parse(a, buf_str(&b), NULL, &j, &fault), ERR_VALIDATION);
        assert_string_equal(fault.message, "duplicate key");
        assert_int_equal(fault.offset, at);
        buf_release(&b);
        arena_free(a);
    }
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool whole;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "-0.0e99999999999999999999", true, 0 },
        { "1e2", true, 100 },
        { "1.0", true, 1 },
        { "1.50e1", true, 15 },
        { "100e-2", true, 1 },
        { "1050.00", true, 1050 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9.223372036854775807e18", true, INT64_MAX },
        { "-922337203685477580800e-2", true, INT64_MIN },
        { "0.00000000000000000000000001e26", true, 1 },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 },
        { "9.223372036854775808e18", false, 0 },
        { "1.5", false, 0 },
        { "1e19", false, 0 },
        { "1e99", false, 0 },
        { "1e-1", false, 0 },
        { "1e99999999999999999999", false, 0 },
        { "1e-99999999999999999999", false, 0 },
        { "18446744073709551617", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json j = { .type = JSON_NUMBER, .text = str_of(cases[i].text) };
        int64_t v = 77;
        if (json_to_i64(&j, &v) != cases[i].whole || v != (cases[i].whole ? cases[i].value : 77))
            fail_msg("%s gave %lld", cases[i].text, (long long)v);
    }
    struct json text = { .type = JSON_STRING, .text = STR("1") };
    int64_t v;
    double d;
    assert_false(json_to_i64(&text, &v) || json_to_i64(NULL, &v) || json_to_double(&text, &d));
    struct json big = { .type = JSON_NUMBER, .text = STR("1e999") };
    assert_false(json_to_double(&big, &d));
    struct json half = { .type = JSON_NUMBER, .text = STR("-25e-1") };
    assert_true(json_to_double(&half, &d) && d == -2.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_judged),     cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(the_tree_is_right),    cmocka_unit_test(limits_hold),
        cmocka_unit_test(duplicates_are_found), cmocka_unit_test(whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
