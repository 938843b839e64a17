/* The writer, RFC 8785 (its own samples: section 3.2.2, 3.2.3, appendix B) and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

static void assert_written(const struct buf *b, const char *expected)
{
    if (!str_is(buf_str(b), expected))
        fail_msg("wrote %.*s, expected %s", STR_ARG(buf_str(b)), expected);
}

static void values_and_commas(void **state)
{
    (void)state;
    struct buf b;
    struct json_writer w;
    buf_init(&b, NULL, 4096);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "a");
    jw_array(&w);
    jw_i64(&w, INT64_MIN);
    jw_i64(&w, 0);
    jw_bool(&w, true);
    jw_null(&w);
    jw_str(&w, STR_NULL);
    jw_str(&w, STR(""));
    jw_array(&w);
    jw_array_end(&w);
    jw_object(&w);
    jw_object_end(&w);
    jw_array_end(&w);
    jw_key_lit(&w, "b\"");
    jw_double(&w, 1.5);
    jw_key_lit(&w, "c");
    jw_double(&w, INFINITY);
    jw_key_lit(&w, "d");
    jw_time(&w, 0);
    jw_key_lit(&w, "e");
    jw_raw(&w, STR("{\"x\":1}"));
    jw_object_end(&w);
    assert_written(&b, "{\"a\":[-9223372036854775808,0,true,null,null,\"\",[],{}],\"b\\\"\":1.5,"
                       "\"c\":null,\"d\":\"1970-01-01T00:00:00.000Z\",\"e\":{\"x\":1}}");
    buf_release(&b);
}

static void nesting_of_64(void **state)
{
    (void)state;
    struct buf b;
    struct json_writer w;
    buf_init(&b, NULL, 4096);
    jw_init(&w, &b);
    for (int i = 0; i < 64; i++) {
        jw_array(&w);
        jw_i64(&w, 1);
    }
    for (int i = 0; i < 64; i++) {
        jw_i64(&w, 2);
        jw_array_end(&w);
    }
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(a, buf_str(&b), NULL, &j, &fault), OK);
    assert_int_equal(j.count, 3);
    arena_free(a);
    buf_release(&b);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    static const struct {
        struct str in;
        const char *out;
    } cases[] = {
        { STR("\"\\/"), "\"\\\"\\\\/\"" },
        { STR("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\"" },
        { STR("\x01\x0b\x1f\x7f"), "\"\\u0001\\u000b\\u001f\x7f\"" },
        { STR("a\0b"), "\"a\\u0000b\"" },
        { STR("0123456789abcdef\n0123456789abcdef\""),
          "\"0123456789abcdef\\n0123456789abcdef\\\"\"" },
        { STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"" },
        { STR("a\xff"
              "b"),
          "\"a\xef\xbf\xbd"
          "b\"" },
        { STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { STR("\xc3\xbc\xc3"), "\"\xc3\xbc\xef\xbf\xbd\"" },
        { STR("\xc3\xbc\x80"), "\"\xc3\xbc\xef\xbf\xbd\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        struct json_writer w;
        buf_init(&b, NULL, 4096);
        jw_init(&w, &b);
        jw_str(&w, cases[i].in);
        assert_written(&b, cases[i].out);
        assert_true(utf8_valid(buf_str(&b)));
        assert_true(jw_str_len(cases[i].in) + 2 >= b.len);
        if (utf8_valid(cases[i].in))
            assert_int_equal(jw_str_len(cases[i].in) + 2, b.len);
        buf_release(&b);
    }
}

static void assert_canonical(const char *in, const char *expected)
{
    struct arena *a = arena_new(0);
    struct buf b;
    struct json j;
    struct json_fault fault;
    buf_init(&b, NULL, 1 << 16);
    assert_int_equal(json_parse(a, str_of(in), NULL, &j, &fault), OK);
    assert_int_equal(json_canonical(a, &j, &b), OK);
    assert_written(&b, expected);
    buf_release(&b);
    arena_free(a);
}

static void rfc8785_samples(void **state)
{
    (void)state;
    assert_canonical("{\n  \"numbers\": [333333333.33333329, 1E30, 4.50,\n 2e-3, "
                     "0.000000000000000000000000001],\n  \"string\": "
                     "\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
                     "  \"literals\": [null, true, false]\n}",
                     "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,"
                     "0.002,1e-27],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    assert_canonical(
        "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew "
        "Letter Dalet With Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning "
        "Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With "
        "Diaeresis\"}",
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
        "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro "
        "Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew "
        "Letter Dalet With Dagesh\"}");
    assert_canonical("{\"b\":{\"y\":1,\"x\":[ ]},\"\":2,\"a\":0,\"aa\":-0}",
                     "{\"\":2,\"a\":0,\"aa\":0,\"b\":{\"x\":[],\"y\":1}}");
}

static void canonical_refuses_and_shares(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct buf b;
    struct json j;
    struct json_fault fault;
    buf_init(&b, a, 1 << 20); /* output in the arena that is scratch as well */
    assert_int_equal(json_parse(a, STR("[1e999]"), NULL, &j, &fault), OK);
    assert_int_equal(json_canonical(a, &j, &b), ERR_VALIDATION);
    buf_clear(&b);
    assert_int_equal(json_parse(a, STR("{\"b\":\"0123456789\",\"a\":1}"), NULL, &j, &fault), OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(json_canonical(a, &j, &b), OK);
    memset(arena_alloc_raw(a, 4096), 'x', 4096);
    assert_int_equal(b.len, 100 * 24);
    assert_memory_equal(b.ptr + 99 * 24, "{\"a\":1,\"b\":\"0123456789\"}", 24);
    arena_free(a);
}

/* RFC 8785 appendix B, as bit patterns. */
static void number_vectors(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        { 0x0000000000000000, "0" },
        { 0x8000000000000000, "0" },
        { 0x0000000000000001, "5e-324" },
        { 0x8000000000000001, "-5e-324" },
        { 0x7fefffffffffffff, "1.7976931348623157e+308" },
        { 0xffefffffffffffff, "-1.7976931348623157e+308" },
        { 0x4340000000000000, "9007199254740992" },
        { 0xc340000000000000, "-9007199254740992" },
        { 0x4430000000000000, "295147905179352830000" },
        { 0x44b52d02c7e14af5, "9.999999999999997e+22" },
        { 0x44b52d02c7e14af6, "1e+23" },
        { 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
        { 0x444b1ae4d6e2ef4e, "999999999999999700000" },
        { 0x444b1ae4d6e2ef4f, "999999999999999900000" },
        { 0x444b1ae4d6e2ef50, "1e+21" },
        { 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
        { 0x3eb0c6f7a0b5ed8d, "0.000001" },
        { 0x41b3de4355555553, "333333333.3333332" },
        { 0x41b3de4355555554, "333333333.33333325" },
        { 0x41b3de4355555555, "333333333.3333333" },
        { 0x41b3de4355555556, "333333333.3333334" },
        { 0x41b3de4355555557, "333333333.33333343" },
        { 0xbecbf647612f3696, "-0.0000033333333333333333" },
        { 0x43143ff3c1cb0959, "1424953923781206.2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double v;
        char text[33];
        memcpy(&v, &cases[i].bits, sizeof v);
        text[json_number_text(v, text)] = '\0';
        assert_string_equal(text, cases[i].text);
    }
}

/* Every power of two (where the neighbours differ in distance) and random doubles read back. */
static void numbers_read_back(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 30000; i++) {
        double v;
        char text[33];
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        memcpy(&v, &random, sizeof v);
        if (i < 2098)
            v = ldexp(1, i - 1074);
        if (!isfinite(v))
            continue;
        size_t len = json_number_text(v, text);
        assert_true(len <= 25);
        text[len] = '\0';
        assert_true(strtod(text, NULL) == v);
        /* No text of fewer digits than printf's shortest exists. */
        char other[40];
        int digits = 1;
        do
            snprintf(other, sizeof other, "%.*e", digits - 1, v);
        while (strtod(other, NULL) != v && digits++ < 17);
        int ours = 0;
        bool leading = true;
        size_t last = 0, seen = 0;
        for (size_t k = 0; k < len && text[k] != 'e'; k++) {
            if (text[k] < '0' || text[k] > '9' || (leading && text[k] == '0'))
                continue;
            leading = false;
            seen++;
            last = text[k] != '0' ? seen : last;
        }
        ours = (int)last;
        assert_true(ours <= digits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_commas),
        cmocka_unit_test(nesting_of_64),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(rfc8785_samples),
        cmocka_unit_test(canonical_refuses_and_shares),
        cmocka_unit_test(number_vectors),
        cmocka_unit_test(numbers_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
