/* Field tables: one struct with a field of each type, decoded from every source, refused in every
 * way, written back and described. */
#include "op/page.h"
#include "testing.h"

static const char *const colours[] = { "RED", "BLUE", NULL };

struct item {
    struct str title;
    int64_t count;
};
static const struct field item_fields[] = {
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct item, title),
      .min = 1,
      .max = 5 },
    { .name = "count",
      .type = FIELD_INT,
      .offset = FIELD_AT(struct item, count),
      .min = 0,
      .max = 9,
      .def = 3 },
    FIELD_END,
};

struct all {
    struct str id, name, text, email, secret, colour, day, note;
    int64_t number, version, when, price;
    double ratio;
    bool flag;
    struct json any;
    struct item item;
    struct span items, tags;
    uint8_t note_seen;
    struct page_in page;
};
#define AT(m) .offset = FIELD_AT(struct all, m)
static const struct field all_fields[] = {
    { .name = "id", .type = FIELD_ID, .from = FROM_PATH, .flags = FIELD_REQUIRED, AT(id) },
    { .name = "name", .type = FIELD_STR, .flags = FIELD_REQUIRED, AT(name), .min = 1, .max = 4 },
    { .name = "text", .type = FIELD_TEXT, AT(text), .max = 20 },
    { .name = "email", .type = FIELD_EMAIL, AT(email) },
    { .name = "secret", .type = FIELD_SECRET, AT(secret), .max = 8 },
    { .name = "colour", .type = FIELD_ENUM, AT(colour), .values = colours },
    { .name = "day", .type = FIELD_DATE, AT(day) },
    { .name = "note",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      AT(note),
      .seen = FIELD_SEEN(struct all, note_seen) },
    { .name = "number", .type = FIELD_INT, AT(number), .min = -5, .max = 10, .def = 7 },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_VERSION,
      AT(version),
      .min = 1,
      .max = INT64_MAX },
    { .name = "when", .type = FIELD_TIME, AT(when) },
    { .name = "price", .type = FIELD_NANOUSD, AT(price) },
    { .name = "ratio", .type = FIELD_DOUBLE, AT(ratio) },
    { .name = "flag", .type = FIELD_BOOL, AT(flag), .def = 1 },
    { .name = "any", .type = FIELD_JSON, AT(any), .max = 30 },
    { .name = "item", .type = FIELD_OBJECT, AT(item), .fields = item_fields },
    { .name = "items",
      .type = FIELD_ARRAY,
      AT(items),
      .max = 2,
      .fields = item_fields,
      .elem_size = sizeof(struct item) },
    { .name = "tags", .type = FIELD_ARRAY, AT(tags), .max = 3, .elem = FIELD_STR },
    { .name = "limit",
      .type = FIELD_INT,
      .from = FROM_QUERY,
      AT(page.limit),
      .min = 1,
      .max = 100,
      .def = 50 },
    FIELD_END,
};

static enum err decode(struct cx *cx, const char *body, struct all *ret)
{
    static struct pair path[] = { { { "id", 2 }, { "x.1", 3 } } };
    struct json *j = arena_new_of(cx->arena, struct json);
    struct json_fault fault;
    cx_clear_failure(cx);
    assert_int_equal(json_parse(cx->arena, str_of(body), NULL, j, &fault), OK);
    struct field_source src = { .body = j, .path = path, .path_count = 1 };
    memset(ret, 0, sizeof *ret);
    return field_decode(cx, all_fields, &src, ret);
}

static void takes_every_type(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct all v;
    const char *body =
        "{\"name\":\"äöüß\",\"text\":\"a\\nb\",\"email\":\"a@b.c\",\"secret\":\"pw\","
        "\"colour\":\"BLUE\",\"day\":\"2024-02-29\",\"note\":null,\"number\":-5,"
        "\"version\":2,\"when\":\"2026-11-24T02:14:26.000Z\",\"price\":0.000000001,"
        "\"ratio\":0.5,\"flag\":false,\"any\":{\"x\":[1]},\"item\":{\"title\":\"t\"},"
        "\"items\":[{\"title\":\"a\",\"count\":1},{\"title\":\"b\"}],\"tags\":[\"q\"]}";
    assert_int_equal(decode(&cx, body, &v), OK);
    assert_true(str_is(v.id, "x.1"));
    assert_true(str_is(v.name, "äöüß"));
    assert_true(str_is(v.colour, "BLUE"));
    assert_int_equal(v.note_seen, FIELD_NULL);
    assert_int_equal(v.number, -5);
    assert_int_equal(v.price, 1);
    assert_int_equal(v.when, 1795486466000);
    assert_false(v.flag);
    assert_int_equal(v.any.type, JSON_OBJECT);
    assert_int_equal(v.item.count, 3);
    assert_int_equal(v.items.count, 2);
    assert_int_equal(((struct item *)v.items.ptr)[1].count, 3);
    assert_int_equal(v.tags.count, 1);
    assert_int_equal(v.page.limit, 50);
    arena_free(cx.arena);
}

static void keeps_defaults_and_absence(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct all v;
    assert_int_equal(decode(&cx, "{\"name\":\"n\"}", &v), OK);
    assert_int_equal(v.number, 7);
    assert_true(v.flag);
    assert_int_equal(v.note_seen, FIELD_ABSENT);
    assert_false(str_given(v.note));
    arena_free(cx.arena);
}

/* Each bad value: the field that must be named, and a word of the message. */
static const struct {
    const char *body, *field, *word;
} bad[] = {
    { "{}", "name", "required" },
    { "{\"name\":\"\"}", "name", "empty" },
    { "{\"name\":\"abcde\"}", "name", "4 characters" },
    { "{\"name\":5}", "name", "text" },
    { "{\"name\":null}", "name", "null" },
    { "{\"name\":\"a\\u0001\"}", "name", "control" },
    { "{\"name\":\"a\\nb\"}", "name", "control" },
    { "{\"name\":\"n\",\"email\":\"a@b@c\"}", "email", "e-mail" },
    { "{\"name\":\"n\",\"email\":\"ab\"}", "email", "e-mail" },
    { "{\"name\":\"n\",\"colour\":\"red\"}", "colour", "RED, BLUE" },
    { "{\"name\":\"n\",\"day\":\"2023-02-29\"}", "day", "day" },
    { "{\"name\":\"n\",\"number\":11}", "number", "-5 to 10" },
    { "{\"name\":\"n\",\"number\":1.5}", "number", "whole" },
    { "{\"name\":\"n\",\"number\":\"1\"}", "number", "number" },
    { "{\"name\":\"n\",\"number\":99999999999999999999}", "number", "whole" },
    { "{\"name\":\"n\",\"version\":0}", "version", "at least 1" },
    { "{\"name\":\"n\",\"when\":\"yesterday\"}", "when", "time" },
    { "{\"name\":\"n\",\"price\":0.0000000001}", "price", "9 places" },
    { "{\"name\":\"n\",\"price\":-1}", "price", "9 places" },
    { "{\"name\":\"n\",\"price\":1e3}", "price", "9 places" },
    { "{\"name\":\"n\",\"flag\":1}", "flag", "true or false" },
    { "{\"name\":\"n\",\"any\":{\"xxxxxxxxxxxxxxx\":\"yyyyyyyyyyyyyyyyyy\"}}", "any", "30 bytes" },
    { "{\"name\":\"n\",\"item\":{}}", "item.title", "required" },
    { "{\"name\":\"n\",\"item\":{\"title\":\"t\",\"zz\":1}}", "item.zz", "not a field" },
    { "{\"name\":\"n\",\"item\":[]}", "item", "object" },
    { "{\"name\":\"n\",\"items\":[{\"title\":\"t\"},{\"title\":\"toolong\"}]}", "items[1].title",
      "5 characters" },
    { "{\"name\":\"n\",\"items\":[{},{},{}]}", "items", "0 to 2" },
    { "{\"name\":\"n\",\"tags\":[1]}", "tags[0]", "text" },
    { "{\"name\":\"n\",\"zz\":1}", "zz", "not a field" },
    { "{\"name\":\"n\",\"id\":\"other\"}", "id", "not a field" },
    { "{\"name\":\"n\",\"secret\":\"hunter2hunter2\"}", "secret", "8 characters" },
};

static void names_each_bad_field_and_its_bound(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct all v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (decode(&cx, bad[i].body, &v) != ERR_VALIDATION ||
            !strstr(field_message(&cx, bad[i].field), bad[i].word))
            fail_msg("%s: %s says \"%s\"", bad[i].body, bad[i].field,
                     field_message(&cx, bad[i].field));
        assert_null(strstr(field_message(&cx, "secret"), "hunter"));
    }
    arena_free(cx.arena);
}

static void reports_all_at_once(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct all v;
    decode(&cx, "{\"number\":99,\"colour\":\"x\",\"zz\":1}", &v);
    assert_string_not_equal(field_message(&cx, "name"), "");
    assert_string_not_equal(field_message(&cx, "number"), "");
    assert_string_not_equal(field_message(&cx, "colour"), "");
    assert_string_not_equal(field_message(&cx, "zz"), "");
    arena_free(cx.arena);
}

static void reads_texts_headers_and_queries(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct all v = { 0 };
    struct pair path[] = { { STR("id"), STR("p") } };
    struct pair form[] = { { STR("name"), STR("n") },
                           { STR("number"), STR("4") },
                           { STR("flag"), STR("false") } };
    struct pair query[] = { { STR("limit"), STR("3") } };
    struct header headers[] = { { STR("if-match"), STR("\"12\"") } };
    struct field_source src = { .path = path,
                                .path_count = 1,
                                .form = form,
                                .form_count = 3,
                                .query = query,
                                .query_count = 1,
                                .headers = headers,
                                .header_count = 1 };
    assert_int_equal(field_decode(&cx, all_fields, &src, &v), OK);
    assert_int_equal(v.number, 4);
    assert_int_equal(v.page.limit, 3);
    assert_int_equal(v.version, 12);
    assert_false(v.flag);
    struct pair twice[] = { { STR("limit"), STR("3") }, { STR("limit"), STR("4") } };
    struct pair unknown[] = { { STR("page"), STR("3") } };
    src.query = twice;
    src.query_count = 2;
    assert_int_equal(field_decode(&cx, all_fields, &src, &v), ERR_VALIDATION);
    assert_string_equal(field_message(&cx, "limit"), "is given more than once");
    cx_clear_failure(&cx);
    src.query = unknown;
    src.query_count = 1;
    assert_int_equal(field_decode(&cx, all_fields, &src, &v), ERR_VALIDATION);
    assert_string_not_equal(field_message(&cx, "page"), "");
    arena_free(cx.arena);
}

/* ---- answers ---- */

struct answer {
    struct str id, maybe, raw;
    int64_t at, cost;
    struct span tags;
    struct page_out pagination;
};
#define OUT(m) .offset = FIELD_AT(struct answer, m)
static const struct field answer_fields[] = {
    { .name = "id", .type = FIELD_ID, .flags = FIELD_REQUIRED, OUT(id) },
    { .name = "maybe", .type = FIELD_STR, .flags = FIELD_NULLABLE | FIELD_REQUIRED, OUT(maybe) },
    { .name = "raw", .type = FIELD_JSON, OUT(raw) },
    { .name = "at", .type = FIELD_TIME, .flags = FIELD_NULLABLE, OUT(at) },
    { .name = "costUsd", .type = FIELD_NANOUSD, OUT(cost) },
    { .name = "tags", .type = FIELD_ARRAY, OUT(tags), .elem = FIELD_STR },
    FIELD_PAGE_OUT(struct answer),
    FIELD_END,
};

static struct str encode(struct cx *cx, const struct answer *v)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, cx->arena, 10000);
    jw_init(&w, &b);
    field_encode(&w, answer_fields, v);
    return buf_str(&b);
}

static void writes_answers_that_fit(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct str tags[] = { STR("a"), STR("b") };
    struct answer v = { .id = STR("c1"),
                        .raw = STR("{\"x\":1}"),
                        .cost = 1500000001,
                        .tags = { tags, 2 },
                        .pagination = { .limit = 50 } };
    struct str text = encode(&cx, &v), difference = STR_NULL;
    assert_string_equal(
        str_cstr(cx.arena, text),
        "{\"id\":\"c1\",\"maybe\":null,\"raw\":{\"x\":1},\"at\":null,\"costUsd\":1.500000001,"
        "\"tags\":[\"a\",\"b\"],\"pagination\":{\"limit\":50,\"hasMore\":false,\"nextCursor\":null}"
        "}");
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(cx.arena, text, NULL, &j, &fault), OK);
    assert_true(field_answer_fits(answer_fields, &j, cx.arena, &difference));
    assert_int_equal(json_parse(cx.arena, STR("{\"id\":5}"), NULL, &j, &fault), OK);
    assert_false(field_answer_fits(answer_fields, &j, cx.arena, &difference));
    assert_string_equal(str_cstr(cx.arena, difference), "id has the wrong type");
    arena_free(cx.arena);
}

static void describes_itself_the_same_way_each_time(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct buf a, b;
    struct json_writer w;
    buf_init(&a, cx.arena, 100000);
    buf_init(&b, cx.arena, 100000);
    jw_init(&w, &a);
    field_schema(&w, all_fields, SCHEMA_TOOL);
    jw_init(&w, &b);
    field_schema(&w, all_fields, SCHEMA_TOOL);
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(cx.arena, buf_str(&a), NULL, &j, &fault), OK);
    assert_int_equal(json_get(&j, "required")->count, 2);
    assert_true(
        str_is(json_get(json_get(json_get(&j, "properties"), "name"), "maxLength")->text, "4"));
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_type),
        cmocka_unit_test(keeps_defaults_and_absence),
        cmocka_unit_test(names_each_bad_field_and_its_bound),
        cmocka_unit_test(reports_all_at_once),
        cmocka_unit_test(reads_texts_headers_and_queries),
        cmocka_unit_test(writes_answers_that_fit),
        cmocka_unit_test(describes_itself_the_same_way_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
