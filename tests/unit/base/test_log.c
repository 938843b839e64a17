/* Lines are whole, escaped, cut at 8 KiB and still JSON; a full pipe does not stop the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

static char caught[16384];
static size_t caught_len;
static int caught_count;

static void line_catch(struct str text, void *arg)
{
    assert_ptr_equal(arg, caught);
    assert_true(text.len <= sizeof caught);
    memcpy(caught, text.ptr, text.len);
    caught_len = text.len;
    caught_count++;
}

static struct str line(void)
{
    return (struct str){ caught, caught_len };
}

static int sink_set(void **state)
{
    (void)state;
    caught_count = 0;
    log_init(LOG_JSON, LOG_INFO);
    log_set_sink(line_catch, caught);
    return 0;
}

static int sink_unset(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    return 0;
}

static struct json parsed(struct arena *a)
{
    struct json j;
    struct json_fault fault;
    if (json_parse(a, line(), NULL, &j, &fault) != OK)
        fail_msg("%s at %zu of %.*s", fault.message, fault.offset, STR_ARG(line()));
    return j;
}

static void lines_are_json(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    log_line(LOG_INFO, "it \"is\"\n", log_s("text", STR("a\"\\\n\x01\x7f\xff\xc2\x9b \xc3\xbc")),
             log_i("number", INT64_MIN), log_s("absent", STR_NULL), log_s("empty", STR("")));
    struct json j = parsed(a);
    assert_int_equal(j.count, 7);
    int64_t v;
    assert_true(time_parse_iso(json_text(&j, "time"), &v));
    assert_true(str_is(json_text(&j, "level"), "info"));
    assert_true(str_is(json_text(&j, "message"), "it \"is\"\n"));
    assert_true(str_is(json_text(&j, "text"), "a\"\\\n\x01\x7f\xef\xbf\xbd\xc2\x9b \xc3\xbc"));
    assert_true(json_to_i64(json_get(&j, "number"), &v) && v == INT64_MIN);
    assert_int_equal(json_get(&j, "absent")->type, JSON_NULL);
    assert_true(str_is(json_text(&j, "empty"), ""));
    /* Nothing that steers a terminal is left as it was. */
    for (size_t i = 0; i < caught_len; i++)
        assert_true((unsigned char)caught[i] >= ' ' && caught[i] != 0x7f);
    assert_int_equal(str_find(line(), STR("\xc2\x9b")), SIZE_MAX);
    arena_free(a);
}

static void lines_are_text(void **state)
{
    (void)state;
    log_init(LOG_TEXT, LOG_INFO);
    log_line(LOG_WARN, "server ready", log_s("listen", STR("127.0.0.1:1")), log_i("ms", 12),
             log_s("odd", STR("a b\n\x1b[2J")), log_s("none", STR_NULL));
    assert_true(str_is(str_sub(line(), 24, caught_len),
                       " warn server ready listen=127.0.0.1:1 ms=12 odd=\"a b\\n\\u001b[2J\" "
                       "none=\"\""));
}

static void lines_are_cut(void **state)
{
    (void)state;
    static char text[9000];
    memset(text, 'x', sizeof text);
    for (int format = LOG_JSON; format <= LOG_TEXT; format++) {
        log_init((enum log_format)format, LOG_INFO);
        for (size_t len = 7900; len < 8300; len++) {
            /* Ends of every kind around the bound. */
            text[len - 1] = '"';
            struct arena *a = arena_new(0);
            log_line(LOG_INFO, "m", log_s("long", (struct str){ text, len }), log_i("after", 12345),
                     log_s("last", STR("tail")));
            text[len - 1] = 'x';
            assert_true(caught_len < 8192);
            if (format == LOG_JSON) {
                struct json j = parsed(a);
                const struct json *cut = json_get(&j, "cut");
                assert_true(cut ? cut->boolean : str_is(json_text(&j, "last"), "tail"));
                if (len >= 8192)
                    assert_non_null(cut);
            } else if (len >= 8192) {
                assert_true(str_ends(line(), STR(" (cut)")));
            }
            arena_free(a);
        }
    }
}

static void levels(void **state)
{
    (void)state;
    enum log_level level;
    assert_true(log_level_parse(STR("warn"), &level) && level == LOG_WARN);
    assert_false(log_level_parse(STR("WARN"), &level) || log_level_parse(STR(""), &level));
    log_set_level(LOG_WARN);
    log_line(LOG_INFO, "not this");
    assert_int_equal(caught_count, 0);
    log_write(LOG_INFO, "nor this", NULL, 0);
    assert_int_equal(caught_count, 0);
    log_line(LOG_ERROR, "this");
    assert_int_equal(caught_count, 1);
}

/* stderr is a pipe that nobody reads: lines are lost, counted, and said so when there is room. */
static void a_full_pipe(void **state)
{
    (void)state;
    log_init(LOG_JSON, LOG_INFO);
    int ends[2], saved = dup(STDERR_FILENO);
    static char text[8000], read_back[1 << 20];
    memset(text, 'y', sizeof text);
    assert_int_equal(pipe(ends), 0);
    fflush(stderr);
    dup2(ends[1], STDERR_FILENO);
    int64_t start = clock_monotonic_ms();
    for (int i = 0; i < 500; i++)
        log_line(LOG_INFO, "flood", log_s("text", (struct str){ text, sizeof text }));
    int64_t took_ms = clock_monotonic_ms() - start;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], read_back + len, sizeof read_back - len)) > 0;)
        len += (size_t)n;
    log_line(LOG_INFO, "after");
    for (ssize_t n; (n = read(ends[0], read_back + len, sizeof read_back - len)) > 0;)
        len += (size_t)n;
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    assert_true(took_ms < 3000);
    struct str all = { read_back, len };
    assert_true(str_find(all, STR("\"message\":\"after\"")) != SIZE_MAX);
    assert_true(str_find(all, STR("\"message\":\"log lines lost\",\"count\":4")) != SIZE_MAX);
    assert_true(str_ends(all, STR("\"after\"}\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_json, sink_set, sink_unset),
        cmocka_unit_test_setup_teardown(lines_are_text, sink_set, sink_unset),
        cmocka_unit_test_setup_teardown(lines_are_cut, sink_set, sink_unset),
        cmocka_unit_test_setup_teardown(levels, sink_set, sink_unset),
        cmocka_unit_test_setup(a_full_pipe, sink_unset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
