/* A list goes on where its page ended, over the whole of it, and nothing but its own cursors is
 * taken for a place in it. */
#include "op/page.h"
#include "testing.h"

struct thing {
    struct str name, id;
    int64_t created_at;
};
static const struct page_list things = PAGE_LIST(
    "things", struct thing, PAGE_KEY(struct thing, created_at), PAGE_KEY(struct thing, id));
static const struct page_list others = PAGE_LIST(
    "others", struct thing, PAGE_KEY(struct thing, created_at), PAGE_KEY(struct thing, id));
static const struct page_list by_id = PAGE_LIST("things", struct thing, PAGE_KEY(struct thing, id));
static const struct page_list by_ids =
    PAGE_LIST("things", struct thing, PAGE_KEY(struct thing, id), PAGE_KEY(struct thing, id));

static struct str cursor_to(struct cx *cx, const struct thing *last)
{
    struct page_out out;
    page_go_on(cx, &things, &(struct page_in){ .limit = 50 }, last, &out);
    return out.next_cursor;
}

static enum err begin(struct cx *cx, const struct page_list *list, struct str cursor,
                      struct thing *from)
{
    return page_begin(cx, list, &(struct page_in){ 50, cursor }, from);
}

static void a_place_goes_round(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct thing last = { .created_at = -7, .id = STR("c\"ü"), .name = STR("kept out") }, from;
    from = (struct thing){ .created_at = INT64_MAX, .id = PAGE_LAST_ID, .name = STR("mine") };
    assert_int_equal(begin(&cx, &things, cursor_to(&cx, &last), &from), OK);
    assert_int_equal(from.created_at, -7);
    assert_true(str_is(from.id, "c\"ü"));
    assert_true(str_is(from.name, "mine"));
    arena_free(cx.arena);
}

static void without_a_cursor_it_is_the_first_page(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct thing from = { .created_at = INT64_MAX, .id = PAGE_LAST_ID };
    assert_int_equal(begin(&cx, &things, STR_NULL, &from), OK);
    assert_int_equal(begin(&cx, &things, STR(""), &from), OK);
    assert_int_equal(from.created_at, INT64_MAX);
    assert_true(str_is(from.id, "~"));
    arena_free(cx.arena);
}

/* Rows behind `from` of a list that is sorted as it stands, one more than asked for. */
static size_t select_behind(const struct thing *all, size_t count, const struct thing *from,
                            size_t most, const struct thing **ret)
{
    size_t at = 0;
    while (at < count &&
           (all[at].created_at > from->created_at ||
            (all[at].created_at == from->created_at && str_cmp(all[at].id, from->id) >= 0)))
        at++;
    *ret = all + at;
    return count - at < most ? count - at : most;
}

/* Whatever the limit: each row once, in order, the last page said to be it. */
static void pages_join_to_the_list(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    static const struct thing all[] = {
        { .created_at = 9, .id = { "b", 1 } }, { .created_at = 9, .id = { "a", 1 } },
        { .created_at = 5, .id = { "z", 1 } }, { .created_at = 5, .id = { "c", 1 } },
        { .created_at = 5, .id = { "b", 1 } }, { .created_at = 1, .id = { "q", 1 } },
    };
    enum { COUNT = sizeof all / sizeof *all };
    for (int64_t limit = 1; limit <= COUNT + 1; limit++) {
        struct page_in in = { .limit = limit };
        size_t seen = 0;
        for (bool more = true; more;) {
            struct thing from = { .created_at = INT64_MAX, .id = PAGE_LAST_ID };
            const struct thing *rows;
            struct page_out out;
            assert_int_equal(page_begin(&cx, &things, &in, &from), OK);
            size_t found = select_behind(all, COUNT, &from, (size_t)limit + 1, &rows);
            size_t shown = page_end(&cx, &things, &in, rows, found, &out);
            assert_ptr_equal(rows, all + seen);
            seen += shown;
            more = out.has_more;
            assert_int_equal(out.limit, limit);
            assert_int_equal(more, seen < COUNT);
            assert_int_equal(str_given(out.next_cursor), more);
            assert_true(!more || shown == (size_t)limit);
            in.cursor = out.next_cursor;
        }
        assert_int_equal(seen, COUNT);
    }
    arena_free(cx.arena);
}

static void an_empty_list_ends(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct page_out out;
    assert_int_equal(page_end(&cx, &things, &(struct page_in){ .limit = 5 }, NULL, 0, &out), 0);
    assert_false(out.has_more);
    assert_false(str_given(out.next_cursor));
    arena_free(cx.arena);
}

static void others_are_refused(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct thing from = { 0 };
    struct str c = cursor_to(&cx, &(struct thing){ .created_at = 5, .id = STR("x") });
    assert_int_equal(begin(&cx, &others, c, &from), ERR_VALIDATION);
    assert_int_equal(begin(&cx, &by_id, c, &from), ERR_VALIDATION);
    assert_int_equal(begin(&cx, &by_ids, c, &from), ERR_VALIDATION);
    for (size_t cut = 1; cut < c.len; cut++)
        assert_int_equal(begin(&cx, &things, str_sub(c, 0, cut), &from), ERR_VALIDATION);
    for (size_t i = 0; i < c.len; i++) {
        char *changed = str_cstr(cx.arena, c);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(begin(&cx, &things, str_of(changed), &from), ERR_VALIDATION);
    }
    assert_string_equal(field_message(&cx, "cursor"), "is not a nextCursor of this list");
    arena_free(cx.arena);
}

static void the_refusal_names_the_list_s_own_field(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct page_list backwards = things;
    struct thing from;
    backwards.field = "before";
    assert_int_equal(begin(&cx, &backwards, STR("nonsense"), &from), ERR_VALIDATION);
    assert_string_equal(field_message(&cx, "before"), "is not a nextCursor of this list");
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_goes_round),
        cmocka_unit_test(without_a_cursor_it_is_the_first_page),
        cmocka_unit_test(pages_join_to_the_list),
        cmocka_unit_test(an_empty_list_ends),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(the_refusal_names_the_list_s_own_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
