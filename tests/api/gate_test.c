/* The gate, through the loopback, on both engines: order of the checks, one transaction for a deed
 * and what belongs to it, each kind of row, and refusals that look alike. */
#include "fixture.h"

#include <stdlib.h>

#include "base/app.h"
#include "base/json.h"
#include "op/sink.h"

#define MEMBER "x-test-role: MEMBER\ncontent-type: application/json"

static void expect(struct answer *a, int status, const char *trace)
{
    if (a->status != status || (trace && !str_is(a->trace, trace)))
        fail_msg("status %d, trace \"%.*s\", body %.*s", a->status, STR_ARG(a->trace),
                 STR_ARG(a->body));
}

static void expect_body(struct answer *a, const char *part)
{
    if (str_find(a->body, str_of(part)) >= a->body.len + 1)
        fail_msg("no %s in %.*s", part, STR_ARG(a->body));
}

static int64_t notes(struct fixture *f)
{
    struct answer *a = fixture_request(f, "GET", "/api/test/count", "x-test-role: OWNER", NULL);
    struct json j;
    struct json_fault fault;
    int64_t n = -1;
    assert_int_equal(a->status, 200);
    assert_int_equal(json_parse(a->call.cx.arena, a->body, NULL, &j, &fault), OK);
    assert_true(json_to_i64(json_get(&j, "notes"), &n));
    fixture_done(a);
    return n;
}

static void checks_come_in_order(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *method, *path, *headers, *body;
        int status;
        const char *trace;
    } cases[] = {
        { "POST", "/api/test/notes", MEMBER, "{\"name\":\"a\",\"value\":\"1\"}", 201,
          "address auth csrf rate audit:a" },
        { "POST", "/api/test/notes", MEMBER "\nx-test-flood: 1", "{}", 429,
          "address refused:RATE_LIMITED" },
        { "PUT", "/api/test/notes", MEMBER, "{}", 405, "address refused:METHOD_NOT_ALLOWED" },
        { "GET", "/api/nothing", MEMBER, NULL, 404, "address refused:NOT_FOUND" },
        { "POST", "/api/test/notes", "content-type: application/json", "{}", 401,
          "address auth refused:UNAUTHORIZED" },
        { "POST", "/api/test/notes", "x-test-role: MEMBER\ncontent-type: text/plain", "{}", 415,
          "address refused:UNSUPPORTED_MEDIA_TYPE" },
        { "POST", "/api/test/notes", MEMBER "\nx-test-foreign: 1", "{}", 403,
          "address auth csrf refused:CSRF_INVALID" },
        { "POST", "/api/test/notes", "x-test-role: VIEWER\ncontent-type: application/json", "{}",
          403, "address auth csrf refused:FORBIDDEN" },
        { "POST", "/api/test/notes", MEMBER, "{}", 400,
          "address auth csrf rate refused:VALIDATION_ERROR" },
        { "POST", "/api/test/notes", MEMBER, "{\"name\":", 400,
          "address auth csrf rate refused:VALIDATION_ERROR" },
        { "GET", "/api/test/count", "x-test-role: OWNER", NULL, 200,
          "address auth addon:test-addon rate" },
        { "GET", "/api/test/count", "x-test-role: ADMIN", NULL, 403,
          "address auth refused:FORBIDDEN" },
        { "GET", "/api/test/notes/zz", "x-test-role: VIEWER", NULL, 404,
          "address auth rate refused:NOT_FOUND" },
        { "GET", "/api/test/notes/a?x=1", "x-test-role: VIEWER", NULL, 400,
          "address auth rate refused:VALIDATION_ERROR" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer *a =
            fixture_request(f, cases[i].method, cases[i].path, cases[i].headers, cases[i].body);
        expect(a, cases[i].status, cases[i].trace);
        fixture_done(a);
    }
}

static void a_deed_and_what_belongs_to_it_are_one(void **state)
{
    struct fixture *f = *state;
    int64_t before = notes(f);
    struct answer *a = fixture_request(f, "POST", "/api/test/notes", MEMBER,
                                       "{\"name\":\"gone\",\"value\":\"crash\"}");
    expect(a, 409, NULL);
    expect_body(a, "It was to fail.");
    fixture_done(a);
    assert_int_equal(notes(f), before);
    a = fixture_request(f, "POST", "/api/test/notes", MEMBER,
                        "{\"name\":\"kept\",\"value\":\"v\"}");
    expect(a, 201, "address auth csrf rate audit:kept");
    assert_string_equal(answer_header(a, "location"), "/api/test/notes/kept");
    assert_string_equal(answer_header(a, "ratelimit-remaining"), "9");
    fixture_done(a);
    assert_int_equal(notes(f), before + 1);
}

static void a_fault_shows_only_the_request_id(void **state)
{
    struct answer *a = fixture_request(*state, "POST", "/api/test/notes", MEMBER,
                                       "{\"name\":\"f\",\"value\":\"fault\"}");
    expect(a, 500, NULL);
    expect_body(a, "\"requestId\":\"c");
    assert_true(str_find(a->body, STR("secret")) > a->body.len);
    fixture_done(a);
}

static void a_read_cannot_write(void **state)
{
    struct fixture *f = *state;
    int64_t before = notes(f);
    struct answer *a =
        fixture_request(f, "GET", "/api/test/sneak/note:x", "x-test-role: VIEWER", NULL);
    assert_true(a->status >= 500);
    fixture_done(a);
    assert_int_equal(notes(f), before);
}

static void a_dry_run_answers_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t before = notes(f);
    struct answer *a =
        fixture_named(f, "note_add", "MEMBER", "{\"name\":\"dry\",\"value\":\"v\"}", false, true);
    expect(a, 201, NULL);
    expect_body(a, "\"value\":\"v\"");
    fixture_done(a);
    assert_int_equal(notes(f), before);
}

static void the_same_key_gets_the_same_answer(void **state)
{
    struct fixture *f = *state;
    const char *headers = MEMBER "\nidempotency-key: k-1";
    int runs = fixture_runs;
    int64_t before = notes(f);
    struct answer *first =
        fixture_request(f, "POST", "/api/test/notes", headers, "{\"name\":\"i\",\"value\":\"v\"}");
    struct answer *again =
        fixture_request(f, "POST", "/api/test/notes", headers, "{\"name\":\"i\",\"value\":\"v\"}");
    struct answer *other =
        fixture_request(f, "POST", "/api/test/notes", headers, "{\"name\":\"j\",\"value\":\"v\"}");
    expect(first, 201, NULL);
    expect(again, 201, NULL);
    assert_true(str_eq(first->body, again->body));
    assert_string_equal(answer_header(again, "location"), "/api/test/notes/i");
    assert_string_equal(answer_header(again, "idempotency-replayed"), "true");
    expect(other, 422, NULL);
    assert_int_equal(fixture_runs, runs + 1);
    assert_int_equal(notes(f), before + 1);
    fixture_done(first);
    fixture_done(again);
    fixture_done(other);
    struct answer *bad =
        fixture_request(f, "POST", "/api/test/notes", MEMBER "\nidempotency-key: a b",
                        "{\"name\":\"i2\",\"value\":\"v\"}");
    expect(bad, 400, NULL);
    expect_body(bad, "Idempotency-Key");
    fixture_done(bad);
}

static void a_refusal_may_be_tried_again_under_its_key(void **state)
{
    struct fixture *f = *state;
    const char *headers = MEMBER "\nidempotency-key: k-2";
    struct answer *a = fixture_request(f, "POST", "/api/test/notes", headers,
                                       "{\"name\":\"r\",\"value\":\"crash\"}");
    expect(a, 409, NULL);
    fixture_done(a);
    a = fixture_request(f, "POST", "/api/test/notes", headers, "{\"name\":\"r\",\"value\":\"v\"}");
    expect(a, 201, NULL);
    fixture_done(a);
}

static void a_tool_needs_its_level_and_answers_briefly(void **state)
{
    struct fixture *f = *state;
    struct answer *a =
        fixture_named(f, "note_add", "key:0", "{\"name\":\"t\",\"value\":\"v\"}", true, false);
    expect(a, 403, NULL);
    expect_body(a, "AUTONOMY_LEVEL_REQUIRED");
    fixture_done(a);
    a = fixture_named(f, "note_add", "key:1", "{\"name\":\"t\",\"value\":\"v\"}", true, false);
    expect(a, 201, NULL);
    assert_true(str_is(a->body, "{\"note\":{\"name\":\"t\"}}"));
    fixture_done(a);
    a = fixture_named(f, "note_get", "key:3", "{\"name\":\"t\"}", true, false);
    expect(a, 404, NULL);
    fixture_done(a);
    a = fixture_named(f, "note_add", "MEMBER", "{\"name\":\"t\",\"valeu\":\"v\"}", false, false);
    expect(a, 400, NULL);
    expect_body(a, "valeu");
    fixture_done(a);
}

static void streams_downloads_and_raw_rows_answer(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    buf_init(&out, NULL, 1000);
    struct answer *a =
        fixture_request(f, "GET", "/api/test/streams/s", "x-test-role: VIEWER", NULL);
    assert_int_equal(a->call.reply.kind, REPLY_STREAM);
    assert_int_equal(sink_take(a->call.reply.sink, &out, 1000), SINK_CLOSED);
    assert_true(str_starts(buf_str(&out), STR("event: token\ndata: {\"n\":0}\n\n")));
    buf_release(&out);
    fixture_done(a);
    a = fixture_request(f, "GET", "/api/test/streams/none", "x-test-role: VIEWER", NULL);
    expect(a, 404, NULL);
    assert_int_equal(a->call.reply.kind, REPLY_BYTES);
    fixture_done(a);
    a = fixture_request(f, "GET", "/api/test/files/d", "x-test-role: VIEWER", NULL);
    assert_int_equal(a->call.reply.kind, REPLY_DOWNLOAD);
    assert_true(str_is(a->call.reply.download->bytes, "0123456789"));
    fixture_done(a);
    a = fixture_request(f, "POST", "/api/test/raw", "content-type: text/x", "hello");
    expect(a, 202, "address");
    assert_true(str_is(a->body, "POST hello"));
    fixture_done(a);
}

static void uploads_are_typed_and_bounded(void **state)
{
    struct fixture *f = *state;
    const char *headers = "x-test-role: MEMBER\ncontent-type: multipart/form-data; boundary=B";
#define PART(name) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(name)                                                                            \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"a.txt\"\r\n\r\n"
    struct answer *a =
        fixture_request(f, "POST", "/api/test/files", headers,
                        PART("title") "t\r\n" FILE_PART("file") "12345\r\n--B--\r\n");
    expect(a, 200, NULL);
    assert_true(str_is(a->body, "{\"title\":\"t\",\"filename\":\"a.txt\",\"bytes\":5}"));
    fixture_done(a);
    a = fixture_request(f, "POST", "/api/test/files", headers,
                        PART("title") "t\r\n" FILE_PART("other") "12345\r\n--B--\r\n");
    expect(a, 400, NULL);
    expect_body(a, "other");
    fixture_done(a);
    a = fixture_request(f, "POST", "/api/test/files", headers,
                        PART("title") "much too long\r\n--B--\r\n");
    expect(a, 400, NULL);
    expect_body(a, "10 characters");
    expect_body(a, "multipart form");
    fixture_done(a);
    a = fixture_request(f, "POST", "/api/test/files", MEMBER, "{}");
    expect(a, 415, NULL);
    fixture_done(a);
}

static void a_stopping_server_says_so(void **state)
{
    struct fixture *f = *state;
    *fixture_app(f)->stopping = true;
    struct answer *a = fixture_request(f, "GET", "/api/test/notes/a", "x-test-role: VIEWER", NULL);
    *fixture_app(f)->stopping = false;
    expect(a, 503, NULL);
    expect_body(a, "SHUTTING_DOWN");
    fixture_done(a);
}

static int open_sqlite(void **state)
{
    return (*state = fixture_open(DB_SQLITE)) ? 0 : -1;
}
static int open_pgsql(void **state)
{
    return (*state = fixture_open(DB_PGSQL)) ? 0 : -1;
}
static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_come_in_order),
        cmocka_unit_test(a_deed_and_what_belongs_to_it_are_one),
        cmocka_unit_test(a_fault_shows_only_the_request_id),
        cmocka_unit_test(a_read_cannot_write),
        cmocka_unit_test(a_dry_run_answers_and_leaves_nothing),
        cmocka_unit_test(the_same_key_gets_the_same_answer),
        cmocka_unit_test(a_refusal_may_be_tried_again_under_its_key),
        cmocka_unit_test(a_tool_needs_its_level_and_answers_briefly),
        cmocka_unit_test(streams_downloads_and_raw_rows_answer),
        cmocka_unit_test(uploads_are_typed_and_bounded),
        cmocka_unit_test(a_stopping_server_says_so),
    };
    int failed = cmocka_run_group_tests_name("sqlite", tests, open_sqlite, close_fixture);
    if (getenv("TEST_PG_URL"))
        failed += cmocka_run_group_tests_name("pgsql", tests, open_pgsql, close_fixture);
    return failed;
}
