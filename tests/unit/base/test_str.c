/* Strings, UTF-8, the table of errors, and failures in a cx. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/cx.h"
#include "base/err.h"
#include "base/str.h"

static void comparing_and_finding(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NULL, STR("")));
    assert_true(str_eq_nocase(STR("aZ@["), STR("Az@[")));
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_true(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0 && str_cmp(STR_NULL, STR("")) == 0);
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
    assert_int_equal(str_find(STR("aaab"), STR("ab")), 2);
    assert_int_equal(str_find(STR("aaa"), STR("b")), SIZE_MAX);
    assert_int_equal(str_find_byte(STR("a\0b"), 'b'), 2);
    assert_int_equal(str_find_byte(STR_NULL, 'b'), SIZE_MAX);
    assert_true(str_is(str_sub(STR("abc"), 1, 99), "bc"));
    assert_true(str_is(str_sub(STR("abc"), 7, 2), ""));
    assert_true(str_is(str_trim(STR(" \ta b\t ")), "a b"));
    struct str rest = STR("a,,b"), part = str_split(&rest, ',');
    assert_true(str_is(part, "a"));
    part = str_split(&rest, ',');
    assert_true(str_given(part) && str_empty(part) && str_is(rest, "b"));
    part = str_split(&rest, ',');
    assert_true(str_is(part, "b") && !str_given(rest));
}

static void copies(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    assert_false(str_given(str_copy(a, STR_NULL)));
    assert_string_equal(str_cstr(a, str_sub(STR("abc"), 0, 2)), "ab");
    assert_true(str_is(str_lower(a, STR("A\xc3\x9cz")), "a\xc3\x9cz"));
    struct str long_text = str_fmt(a, "%0500d", 7);
    assert_int_equal(long_text.len, 500);
    assert_int_equal(long_text.ptr[499], '7');
    assert_true(str_is(str_fmt(a, "%s-%d", "x", 5), "x-5"));
    arena_free(a);
}

static void whole_numbers(void **state)
{
    (void)state;
    int64_t v;
    assert_true(str_to_i64(STR("0"), &v) && v == 0);
    assert_true(str_to_i64(STR("9223372036854775807"), &v) && v == INT64_MAX);
    assert_true(str_to_i64(STR("-9223372036854775808"), &v) && v == INT64_MIN);
    static const char *const bad[] = { "",
                                       "-",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "01",
                                       "-0",
                                       "-01",
                                       "1a",
                                       "0x1",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "99999999999999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (str_to_i64(str_of(bad[i]), &v))
            fail_msg("accepted %s", bad[i]);
    }
}

/* Every code point there and back; every one- and two-byte text, and all three-byte ones of a lead,
 * against an independent statement of the rule. */
static void utf8_is_strict(void **state)
{
    (void)state;
    char text[8];
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        if (cp == 0xd800)
            cp = 0xe000;
        struct str s = { text, utf8_put(text, cp) };
        size_t pos = 0;
        if (!utf8_valid(s) || utf8_next(s, &pos) != cp || pos != s.len || utf8_length(s) != 1)
            fail_msg("U+%04X", cp);
        if (s.len > 1 && utf8_valid(str_sub(s, 0, s.len - 1)))
            fail_msg("U+%04X cut", cp);
    }
    for (unsigned n = 0; n < 0x10000; n++) {
        text[0] = (char)(n >> 8);
        text[1] = (char)n;
        unsigned lead = n >> 8, next = n & 255;
        bool valid = (lead < 128 && next < 128) ||
                     (lead >= 0xc2 && lead <= 0xdf && next >= 0x80 && next <= 0xbf);
        assert_int_equal(utf8_valid((struct str){ text, 2 }), valid);
        text[0] = (char)0xe0;
        text[1] = (char)(n >> 8);
        text[2] = (char)n;
        valid = lead >= 0xa0 && lead <= 0xbf && next >= 0x80 && next <= 0xbf;
        assert_int_equal(utf8_valid((struct str){ text, 3 }), valid);
        text[0] = (char)0xed;
        valid = lead >= 0x80 && lead <= 0x9f && next >= 0x80 && next <= 0xbf;
        assert_int_equal(utf8_valid((struct str){ text, 3 }), valid);
    }
    assert_true(utf8_valid(STR("0123456789abcdef\xf4\x8f\xbf\xbf")));
    assert_false(utf8_valid(STR("\xf4\x90\x80\x80")) || utf8_valid(STR("\xf0\x8f\xbf\xbf")) ||
                 utf8_valid(STR("\xf8\x88\x80\x80\x80")) || utf8_valid(STR("01234567\xff")));
}

static void the_table_of_errors(void **state)
{
    (void)state;
    assert_string_equal(err_info(ERR_VERSION_CONFLICT)->code, "VERSION_CONFLICT");
    assert_int_equal(err_info(ERR_VERSION_CONFLICT)->http_status, 409);
    assert_string_equal(err_info(OK)->name, "INTERNAL");
    assert_string_equal(err_info((enum err)9999)->name, "INTERNAL");
    for (int e = 1; e < ERR_COUNT; e++) {
        const struct err_info *info = err_info((enum err)e);
        assert_true(info->http_status >= 400 && info->http_status < 600 && info->meaning[0]);
        for (int k = 1; k < e; k++)
            assert_string_not_equal(info->code, err_info((enum err)k)->code);
    }
}

static enum err conflict_raise(struct cx *cx)
{
    FAIL(cx, CONFLICT, "no %d", 5);
}

static enum err try_pass(struct cx *cx)
{
    TRY(OK);
    TRY(conflict_raise(cx));
    return OK;
}

static void failures(void **state)
{
    (void)state;
    struct cx cx = { .arena = arena_new(0), .request_id = STR("r1") };
    assert_int_equal(try_pass(&cx), ERR_CONFLICT);
    assert_true(str_is(cx.failure.message, "no 5"));
    cx_log_detail(&cx, "a%d", 1);
    cx_log_detail(&cx, "b");
    cx_details(&cx, STR("{\"x\":1}"));
    assert_true(str_is(cx.failure.log_detail, "a1; b"));
    assert_true(str_is(cx.failure.details_json, "{\"x\":1}"));
    assert_int_equal(cx_fault(&cx, "disk %s", "sda"), ERR_INTERNAL);
    assert_int_equal(str_find(cx.failure.message, STR("sda")), SIZE_MAX);
    assert_true(str_find(cx.failure.message, STR("r1")) != SIZE_MAX);
    assert_true(str_is(cx.failure.log_detail, "disk sda"));
    assert_false(str_given(cx.failure.details_json)); /* the earlier failure is gone whole */
    cx_clear_failure(&cx);
    assert_int_equal(cx.failure.code, OK);
    assert_false(cx_has_field_errors(&cx));
    cx_field_error(&cx, STR("title"), "at most %d characters", 200);
    cx_field_error(&cx, STR("body"), "is missing");
    assert_true(cx_has_field_errors(&cx));
    assert_int_equal(cx_invalid(&cx), ERR_VALIDATION);
    assert_true(str_is(cx.failure.message, "title: at most 200 characters (and 1 more)"));
    assert_true(str_is(cx.failure.fields->field, "body"));
    assert_true(str_is(cx.failure.fields->next->message, "at most 200 characters"));
    enum role role;
    assert_true(role_parse(STR("OWNER"), &role) && role == ROLE_OWNER);
    assert_false(role_parse(STR("NONE"), &role) || role_parse(STR("owner"), &role));
    assert_string_equal(role_name(ROLE_VIEWER), "VIEWER");
    assert_string_equal(role_name((enum role)77), "NONE");
    assert_string_equal(principal_kind_name(PRINCIPAL_AGENT_KEY), "AGENT_KEY");
    assert_string_equal(principal_kind_name(PRINCIPAL_SYSTEM), "SYSTEM");
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing_and_finding), cmocka_unit_test(copies),
        cmocka_unit_test(whole_numbers),         cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(the_table_of_errors),   cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
