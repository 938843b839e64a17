/* Cursors go round unchanged, and nothing else is taken for one. */
#include "op/field.h"
#include "testing.h"

static void goes_round(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct cursor_value in[] = { { .type = CURSOR_INT, .i = -7 },
                                 { .type = CURSOR_STR, .s = STR("c\"ü") } };
    struct str c = cursor_make(&cx, "documents", in, 2);
    struct cursor_value out[] = { { .type = CURSOR_INT }, { .type = CURSOR_STR } };
    bool given;
    assert_int_equal(cursor_read(&cx, "documents", c, out, 2, &given), OK);
    assert_true(given);
    assert_int_equal(out[0].i, -7);
    assert_true(str_is(out[1].s, "c\"ü"));
    arena_free(cx.arena);
}

static void absent_is_the_first_page(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    bool given = true;
    assert_int_equal(cursor_read(&cx, "documents", STR_NULL, NULL, 0, &given), OK);
    assert_false(given);
    arena_free(cx.arena);
}

static void others_are_refused(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct cursor_value in[] = { { .type = CURSOR_INT, .i = 5 } };
    struct str c = cursor_make(&cx, "documents", in, 1);
    struct cursor_value as_text[] = { { .type = CURSOR_STR } };
    bool given;
    assert_int_equal(cursor_read(&cx, "threads", c, in, 1, &given), ERR_VALIDATION);
    assert_int_equal(cursor_read(&cx, "documents", c, as_text, 1, &given), ERR_VALIDATION);
    assert_int_equal(cursor_read(&cx, "documents", c, in, 0, &given), ERR_VALIDATION);
    for (size_t cut = 1; cut < c.len; cut++)
        assert_int_equal(cursor_read(&cx, "documents", str_sub(c, 0, cut), in, 1, &given),
                         ERR_VALIDATION);
    for (size_t i = 0; i < c.len; i++) {
        char *changed = str_cstr(cx.arena, c);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(cursor_read(&cx, "documents", str_of(changed), in, 1, &given),
                         ERR_VALIDATION);
    }
    assert_string_equal(field_message(&cx, "cursor"), "is not a nextCursor of this list");
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(goes_round),
                                        cmocka_unit_test(absent_is_the_first_page),
                                        cmocka_unit_test(others_are_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
