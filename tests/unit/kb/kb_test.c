/* Knowledge base: who sees what, what a page may be, and that nobody overwrites what they have not
 * seen. */
#include "unit/op_call.h"

#include "base/fold.h"
#include "kb/kb.h"
#include "kb/tiptap.h"

static struct op_call call_of(const char *name, const char *arguments)
{
    return (struct op_call){ .op = op_find(kb_ops, kb_ops_count, name), .arguments = arguments };
}

/* Answers the id of what was made. */
static struct str create(struct rooms *r, const char *arguments)
{
    struct op_call c = call_of("create_document", arguments);
    r->cx.now_ms++;
    assert_ok(&r->cx, op_call(r, &c));
    return json_text(json_get(&c.answer, "document"), "id");
}

static const char *with_id(struct rooms *r, struct str id, const char *rest)
{
    return str_cstr(r->arena, str_fmt(r->arena, "{\"id\":\"%.*s\"%s}", STR_ARG(id), rest));
}

static enum err get(struct rooms *r, struct str id, const struct json **ret)
{
    struct op_call *c = arena_new_of(r->arena, struct op_call);
    *c = call_of("get_document", with_id(r, id, ""));
    TRY(op_call(r, c));
    *ret = json_get(&c->answer, "document");
    return OK;
}

static uint32_t listed(struct rooms *r, const char *arguments)
{
    struct op_call c = call_of("list_documents", arguments);
    assert_ok(&r->cx, op_call(r, &c));
    return json_get(&c.answer, "documents")->count;
}

#define PAGE(text)                                                                                 \
    "{\"type\":\"doc\",\"content\":[{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\","      \
    "\"text\":\"" text "\"}]}]}"

static void a_page_is_made_and_read(void **state)
{
    ROOMS(state);
    const struct json *d = NULL;
    struct str id = create(r, "{\"title\":\"Überblick\",\"content\":" PAGE("Grüße") "}");
    assert_str(r->cx.entity_id, str_cstr(r->arena, id));
    assert_ok(&r->cx, get(r, id, &d));
    assert_str(json_text(d, "title"), "Überblick");
    assert_str(json_text(d, "kind"), "PAGE");
    assert_str(json_text(d, "visibility"), "WORKSPACE");
    assert_str(json_text(d, "ownerId"), "ann");
    assert_str(json_text(d, "markdown"), "Grüße");
    assert_true(str_eq(json_get(d, "content")->source, STR(PAGE("Grüße"))));
}

static void what_is_not_yours_is_not_there(void **state)
{
    ROOMS(state);
    const struct json *d = NULL;
    struct str mine = create(r, "{\"title\":\"secret\",\"visibility\":\"PRIVATE\"}");
    struct str ours = create(r, "{\"title\":\"open\"}");
    assert_int_equal(listed(r, "{}"), 2);
    rooms_as(r, "bob", "one");
    assert_int_equal(listed(r, "{}"), 1);
    assert_ok(&r->cx, get(r, ours, &d));
    assert_int_equal(get(r, mine, &d), ERR_NOT_FOUND);
    struct op_call c =
        call_of("update_document", with_id(r, mine, ",\"version\":1,\"title\":\"x\""));
    assert_int_equal(op_call(r, &c), ERR_NOT_FOUND);
    c = call_of("create_document",
                str_cstr(r->arena, str_fmt(r->arena, "{\"title\":\"x\",\"parentId\":\"%.*s\"}",
                                           STR_ARG(mine))));
    assert_int_equal(op_call(r, &c), ERR_VALIDATION);
    rooms_as(r, "eve", "two");
    assert_int_equal(listed(r, "{}"), 0);
    assert_int_equal(get(r, ours, &d), ERR_NOT_FOUND);
    /* The owner in another workspace does not see it either. */
    rooms_as(r, "ann", "two");
    assert_int_equal(get(r, mine, &d), ERR_NOT_FOUND);
}

static void lists_filter_and_page(void **state)
{
    ROOMS(state);
    struct str folder = create(r, "{\"title\":\"Ordner\",\"kind\":\"FOLDER\"}");
    for (int i = 0; i < 5; i++)
        create(r, str_cstr(r->arena,
                           str_fmt(r->arena, "{\"title\":\"ÄPFEL  %d\",\"parentId\":\"%.*s\"}", i,
                                   STR_ARG(folder))));
    assert_int_equal(listed(r, "{\"kind\":\"FOLDER\"}"), 1);
    assert_int_equal(listed(r, "{\"q\":\"äpfel 3\"}"), 1);
    assert_int_equal(listed(r, "{\"q\":\"pfel\"}"), 5);
    assert_int_equal(listed(r, "{\"q\":\"%\"}"), 0);
    assert_int_equal(listed(r, "{\"ownerId\":\"bob\"}"), 0);
    assert_int_equal(listed(r, str_cstr(r->arena, str_fmt(r->arena, "{\"parentId\":\"%.*s\"}",
                                                          STR_ARG(folder)))),
                     5);
    int seen = 0;
    const char *arguments = "{\"limit\":4}";
    struct str last = STR("~");
    for (int page = 0; page < 3 && arguments; page++) {
        struct op_call c = call_of("list_documents", arguments);
        assert_ok(&r->cx, op_call(r, &c));
        const struct json *docs = json_get(&c.answer, "documents");
        for (uint32_t i = 0; i < docs->count; i++, seen++) {
            struct str id = json_text(&docs->items[i], "id");
            assert_true(str_cmp(id, last) < 0);
            last = id;
        }
        struct str next = json_text(json_get(&c.answer, "pagination"), "nextCursor");
        arguments = str_given(next)
                        ? str_cstr(r->arena, str_fmt(r->arena, "{\"limit\":4,\"cursor\":\"%.*s\"}",
                                                     STR_ARG(next)))
                        : NULL;
    }
    assert_int_equal(seen, 6);
    assert_null(arguments);
}

/* A filter that fits nothing costs a page of looking, and the list goes on behind it. */
static void a_rare_filter_is_bounded(void **state)
{
    ROOMS(state);
    create(r, "{\"title\":\"needle\"}");
    for (int i = 0; i < KB_SCAN_ROWS; i++)
        create(r, "{\"title\":\"hay\"}");
    struct op_call c = call_of("list_documents", "{\"q\":\"needle\"}");
    assert_ok(&r->cx, op_call(r, &c));
    const struct json *p = json_get(&c.answer, "pagination");
    assert_int_equal(json_get(&c.answer, "documents")->count, 0);
    assert_true(json_get(p, "hasMore")->boolean);
    c.arguments = str_cstr(r->arena, str_fmt(r->arena, "{\"q\":\"needle\",\"cursor\":\"%.*s\"}",
                                             STR_ARG(json_text(p, "nextCursor"))));
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(&c.answer, "documents")->count, 1);
    assert_false(json_get(json_get(&c.answer, "pagination"), "hasMore")->boolean);
}

static void a_tree_has_levels(void **state)
{
    ROOMS(state);
    struct str folder = create(r, "{\"title\":\"Ordner\",\"kind\":\"FOLDER\"}");
    create(r, str_cstr(r->arena, str_fmt(r->arena, "{\"title\":\"in it\",\"parentId\":\"%.*s\"}",
                                         STR_ARG(folder))));
    struct op_call c = call_of("get_document_tree", "{}");
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(&c.answer, "nodes")->count, 1);
    assert_true(json_get(&json_get(&c.answer, "nodes")->items[0], "hasChildren")->boolean);
    c.arguments = str_cstr(r->arena, str_fmt(r->arena, "{\"parentId\":\"%.*s\"}", STR_ARG(folder)));
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(&c.answer, "nodes")->count, 1);
    assert_false(json_get(&json_get(&c.answer, "nodes")->items[0], "hasChildren")->boolean);
}

static void a_change_needs_the_version_it_is_based_on(void **state)
{
    ROOMS(state);
    const struct json *d = NULL;
    struct str id = create(r, "{\"title\":\"a\",\"markdown\":\"first\"}");
    struct op_call c = call_of("update_document", with_id(r, id, ",\"version\":1,\"title\":\"b\""));
    r->cx.now_ms++;
    assert_ok(&r->cx, op_call(r, &c));
    assert_ok(&r->cx, get(r, id, &d));
    assert_str(json_text(d, "title"), "b");
    assert_str(json_text(d, "markdown"), "first");
    assert_int_equal(op_call(r, &c), ERR_VERSION_CONFLICT);
    assert_str(r->cx.failure.details_json, "{\"version\":2}");
    c.arguments = with_id(r, id, ",\"version\":2,\"markdown\":\"second\"");
    assert_ok(&r->cx, op_call(r, &c));
    assert_ok(&r->cx, get(r, id, &d));
    assert_str(json_text(d, "markdown"), "second");
    c.arguments = with_id(r, id, ",\"title\":\"no version\"");
    assert_int_equal(op_call(r, &c), ERR_VALIDATION);
}

static void what_is_no_page_is_refused(void **state)
{
    ROOMS(state);
    static const char *const bad[] = {
        "{\"title\":\"\"}",
        "{}",
        "{\"title\":\"x\",\"content\":[]}",
        "{\"title\":\"x\",\"content\":{\"type\":\"paragraph\"}}",
        "{\"title\":\"x\",\"content\":{\"type\":\"doc\",\"content\":{}}}",
        "{\"title\":\"x\",\"content\":{\"type\":\"doc\",\"content\":[1]}}",
        "{\"title\":\"x\",\"content\":{\"type\":\"doc\",\"content\":[{\"type\":\"text\"}]}}",
        "{\"title\":\"x\",\"content\":{\"type\":\"doc\",\"content\":[{\"type\":\"a\",\"marks\":[1]}"
        "]}}",
        "{\"title\":\"x\",\"markdown\":\"a\",\"content\":" PAGE("a") "}",
        "{\"title\":\"x\",\"kind\":\"FOLDER\",\"markdown\":\"a\"}",
        "{\"title\":\"x\",\"kind\":\"DOCX\"}",
        "{\"title\":\"x\",\"visibility\":\"NAMED\"}",
        "{\"title\":\"x\",\"parentId\":\"nowhere\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct op_call c = call_of("create_document", bad[i]);
        if (op_call(r, &c) != ERR_VALIDATION)
            fail_msg("taken: %s", bad[i]);
    }
    struct buf big;
    buf_init(&big, r->arena, 4 * 1024 * 1024);
    buf_put_cstr(&big, "{\"title\":\"x\",\"content\":{\"type\":\"doc\",\"content\":[{\"type\":"
                       "\"text\",\"text\":\"");
    for (int i = 0; i < 1024 * 1024; i++)
        buf_put_byte(&big, 'a');
    buf_put_cstr(&big, "\"}]}}");
    struct op_call c = call_of("create_document", str_cstr(r->arena, buf_str(&big)));
    assert_int_equal(op_call(r, &c), ERR_VALIDATION);
    assert_int_equal(listed(r, "{}"), 0);
}

/* ---- text ---- */

static struct json parse(struct arena *a, struct str text)
{
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(a, text, NULL, &j, &fault), OK);
    assert_null(tiptap_fault(&j));
    return j;
}

static void text_of_a_page(void **state)
{
    struct arena *a = arena_new(0);
    (void)state;
    struct json j = parse(
        a,
        STR("{\"type\":\"doc\",\"content\":["
            "{\"type\":\"heading\",\"attrs\":{\"level\":2},\"content\":[{\"type\":\"text\","
            "\"text\":"
            "\"Head\"}]},"
            "{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"bold\",\"marks\":[{"
            "\"type\":\"bold\"}]},{\"type\":\"hardBreak\"},{\"type\":\"mention\",\"attrs\":{"
            "\"label\":"
            "\"Ann\"}}]},"
            "{\"type\":\"bulletList\",\"content\":[{\"type\":\"listItem\",\"content\":[{\"type\":"
            "\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}]},{\"type\":"
            "\"listItem\",\"content\":[{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\","
            "\"text\":\"two\"}]}]}]},"
            "{\"type\":\"unknownThing\",\"content\":[{\"type\":\"text\",\"text\":\"kept\"}]}]}"));
    assert_str(tiptap_plain_text(a, &j), "Head\nbold\n@Ann\none\ntwo\nkept");
    assert_str(tiptap_markdown(a, &j), "## Head\n\n**bold**  \n@Ann\n\n- one\n- two\n\nkept");
    arena_free(a);
}

static void markdown_comes_back(void **state)
{
    static const char *const texts[] = {
        "",
        "one line",
        "# Head\n\npara\n\n- a\n- b\n\n1. c\n2. d",
        "```\ncode  here\n\n- no list\n```",
        "###### six",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena *a = arena_new(0);
        struct json j = parse(a, tiptap_from_markdown(a, str_of(texts[i])));
        assert_str(tiptap_markdown(a, &j), texts[i]);
        arena_free(a);
    }
}

static void titles_fold(void **state)
{
    struct arena *a = arena_new(0);
    (void)state;
    assert_str(fold_key(a, STR("  Straße\tÀÉ ΣΑΣ ЖЩ ǅ\xc2\xa0X ")), "straße àé σασ жщ ǆ x");
    assert_str(fold_key(a, STR("ıIİ")), "ıiİ");
    assert_int_equal(fold_code_point(0x3c2), 0x3c3); /* final sigma */
    assert_int_equal(fold_code_point(0x212a), 'k');  /* Kelvin sign */
    assert_int_equal(fold_code_point(0x10400), 0x10428);
    assert_int_equal(fold_code_point(0x101), 0x101);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_page_is_made_and_read),
        ROOMS_TEST(what_is_not_yours_is_not_there),
        ROOMS_TEST(lists_filter_and_page),
        ROOMS_TEST(a_rare_filter_is_bounded),
        ROOMS_TEST(a_tree_has_levels),
        ROOMS_TEST(a_change_needs_the_version_it_is_based_on),
        ROOMS_TEST(what_is_no_page_is_refused),
        cmocka_unit_test(text_of_a_page),
        cmocka_unit_test(markdown_comes_back),
        cmocka_unit_test(titles_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
