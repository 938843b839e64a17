/* Forms in every cut, and forms that are refused. */
#include "base/buf.h"
#include "op/multipart.h"
#include "testing.h"

static enum err on_text(void *arg, struct str name, struct str value)
{
    buf_printf(arg, "text %.*s=%.*s;", STR_ARG(name), STR_ARG(value));
    return OK;
}
static enum err on_begin(void *arg, struct str name, struct str filename, struct str type)
{
    buf_printf(arg, "file %.*s %.*s %.*s:", STR_ARG(name), STR_ARG(filename), STR_ARG(type));
    return OK;
}
static enum err on_bytes(void *arg, struct str bytes)
{
    buf_put_str(arg, bytes);
    return OK;
}
static enum err on_end(void *arg)
{
    buf_put_cstr(arg, ";");
    return OK;
}

static enum err run(struct cx *cx, struct str body, size_t piece, struct buf *log)
{
    struct multipart_events ev = { on_text, on_begin, on_bytes, on_end, log };
    struct multipart *m = multipart_new(cx, STR("XX"), &ev);
    for (size_t i = 0; i < body.len; i += piece)
        TRY(multipart_feed(m, str_sub(body, i, i + piece)));
    return multipart_end(m);
}

#define FORM                                                                                       \
    "preamble\r\n--XX\r\nContent-Disposition: form-data; "                                         \
    "name=\"a\"\r\n\r\none\r\n--X\r\n\r\r\n--XX\r\n"                                               \
    "content-disposition: form-data; name=\"f\"; "                                                 \
    "filename=\"C:\\\\x\\\\q\\\"t.txt\"\r\nContent-Type: "                                         \
    "text/plain\r\n\r\nbytes\r\n-\r\n--XY\r\r\n--XX--\r\nepilogue"

static void any_cut_gives_the_same(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    for (size_t piece = 1; piece < sizeof FORM; piece++) {
        struct buf log;
        buf_init(&log, cx.arena, 1000);
        assert_int_equal(run(&cx, STR(FORM), piece, &log), OK);
        assert_string_equal(
            str_cstr(cx.arena, buf_str(&log)),
            "text a=one\r\n--X\r\n\r;file f q\"t.txt text/plain:bytes\r\n-\r\n--XY\r;");
    }
    arena_free(cx.arena);
}

static const struct {
    const char *body, *word;
} bad[] = {
    { "", "before the closing" },
    { "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", "before the closing" },
    { "--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--", "without a name" },
    { "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--XX--", "without a name" },
    { "--XX\r\nContent-Disposition form-data\r\n\r\nx\r\n--XX--", "colon" },
    { "--XX\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\nx\r\n--XX--", "folded" },
    { "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: "
      "base64\r\n\r\nx\r\n--XX--",
      "encoding" },
    { "--XXjunk\r\n", "behind a boundary" },
    { "--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a\x01\"\r\n\r\nx\r\n--XX--",
      "file name" },
};

static void refuses_what_is_malformed(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf log;
        buf_init(&log, cx.arena, 1000);
        cx_clear_failure(&cx);
        if (run(&cx, str_of(bad[i].body), 7, &log) != ERR_VALIDATION ||
            !strstr(field_message(&cx, "body"), bad[i].word))
            fail_msg("case %zu says \"%s\"", i, field_message(&cx, "body"));
    }
    arena_free(cx.arena);
}

static void holds_to_its_limits(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct buf body, log;
    buf_init(&body, cx.arena, 1 << 20);
    buf_init(&log, cx.arena, 1 << 20);
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++)
        buf_printf(&body, "\r\n--XX\r\nContent-Disposition: form-data; name=\"p%d\"\r\n\r\nx", i);
    buf_put_cstr(&body, "\r\n--XX--");
    assert_int_equal(run(&cx, buf_str(&body), 100, &log), ERR_VALIDATION);
    buf_clear(&body);
    cx_clear_failure(&cx);
    buf_put_cstr(&body, "--XX\r\nContent-Disposition: form-data; name=\"big\"\r\n\r\n");
    for (int i = 0; i < MULTIPART_TEXT_BYTES_MAX + 1; i++)
        buf_put_byte(&body, 'x');
    buf_put_cstr(&body, "\r\n--XX--");
    assert_int_equal(run(&cx, buf_str(&body), 1000, &log), ERR_VALIDATION);
    assert_true(strstr(field_message(&cx, "big"), "262144") != NULL);
    arena_free(cx.arena);
}

static void reads_the_boundary(void **state)
{
    (void)state;
    assert_true(str_is(multipart_boundary(STR("multipart/form-data; boundary=abc")), "abc"));
    assert_true(
        str_is(multipart_boundary(STR("Multipart/Form-Data; charset=x; Boundary=\"a b\"")), "a b"));
    assert_false(str_given(multipart_boundary(STR("multipart/mixed; boundary=abc"))));
    assert_false(str_given(multipart_boundary(STR("multipart/form-data"))));
    assert_false(str_given(multipart_boundary(STR("multipart/form-data; boundary="))));
    assert_false(str_given(multipart_boundary(
        STR("multipart/form-data; "
            "boundary=12345678901234567890123456789012345678901234567890123456789012345678901"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(holds_to_its_limits),
        cmocka_unit_test(reads_the_boundary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
