/* Recorded streams of both formats (streams/): what they mean, in every split, in every framing,
 * cut at every byte and with every byte mangled; and streams that break the rules, each with what
 * people are told. STREAMS=1 in the environment writes streams/NAME.events anew, to be read before
 * they are committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "recorder.h"

enum { LOG_BYTES_MAX = 1 << 20, FILE_BYTES_MAX = 1 << 18 };

static const struct {
    const char *name, *ending;
    bool whole;
} streams[] = {
    { "anthropic-text", "sse", true },        { "anthropic-tools", "sse", true },
    { "anthropic-thinking", "sse", true },    { "anthropic-interleaved", "sse", true },
    { "anthropic-length", "sse", true },      { "anthropic-refusal", "sse", true },
    { "anthropic-overloaded", "sse", false }, { "anthropic-plain", "json", true },
    { "anthropic-halves", "sse", true },      { "openai-halves", "sse", true },
    { "openai-text", "sse", true },           { "openai-tools", "sse", true },
    { "openai-reasoning", "sse", true },      { "openai-router", "sse", true },
    { "openai-groq", "sse", true },           { "openai-azure", "sse", true },
    { "openai-refusal", "sse", true },        { "openai-same-index", "sse", true },
    { "openai-no-index", "sse", true },       { "openai-same-id", "sse", true },
    { "openai-parts", "sse", true },          { "openai-error", "sse", false },
    { "openai-plain", "json", true },
};
enum { STREAM_COUNT = sizeof streams / sizeof *streams };

static struct str file_read(struct arena *a, const char *name, const char *ending)
{
    char *bytes = arena_alloc_raw(a, FILE_BYTES_MAX);
    FILE *f = fopen(str_fmt(a, "%s/%s.%s%c", TEST_STREAMS, name, ending, 0).ptr, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, FILE_BYTES_MAX, f);
    assert_true(len < FILE_BYTES_MAX);
    fclose(f);
    return (struct str){ bytes, len };
}

static const char *provider_of(const char *name)
{
    return strncmp(name, "openai", 6) == 0 ? "openai" : "anthropic";
}

static void log_init(struct buf *log, struct arena *a)
{
    buf_init(log, a, LOG_BYTES_MAX);
}

static void log_is(struct arena *a, const struct buf *log, struct str want)
{
    assert_string_equal(str_cstr(a, buf_str(log)), str_cstr(a, want));
}

static void streams_mean_what_is_written_beside_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct arena *a = arena_new(0);
        struct str bytes = file_read(a, streams[i].name, streams[i].ending);
        struct buf log;
        log_init(&log, a);
        bool whole = record(provider_of(streams[i].name), bytes, 0, bytes.len, &log);
        if (getenv("STREAMS")) {
            FILE *f =
                fopen(str_fmt(a, "%s/%s.events%c", TEST_STREAMS, streams[i].name, 0).ptr, "wb");
            assert_non_null(f);
            fwrite(log.ptr, 1, log.len, f);
            fclose(f);
        }
        log_is(a, &log, file_read(a, streams[i].name, "events"));
        assert_int_equal(whole, streams[i].whole);
        arena_free(a);
    }
}

static void any_split_means_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct arena *a = arena_new(0);
        struct str bytes = file_read(a, streams[i].name, streams[i].ending);
        struct str want = file_read(a, streams[i].name, "events");
        for (size_t at = 0; at <= bytes.len; at++) {
            struct arena_mark mark = arena_mark(a);
            struct buf log;
            log_init(&log, a);
            record(provider_of(streams[i].name), bytes, at, at < 40 ? at + 1 : bytes.len, &log);
            log_is(a, &log, want);
            arena_reset(a, mark);
        }
        arena_free(a);
    }
}

static struct str lines_end_with(struct arena *a, struct str bytes, const char *end)
{
    struct buf out;
    buf_init(&out, a, FILE_BYTES_MAX * 2);
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] == '\n')
            buf_put_cstr(&out, end);
        else
            buf_put_byte(&out, bytes.ptr[i]);
    return buf_str(&out);
}

/* "data:x" for "data: x", and each JSON text cut at a comma over two data lines. */
static struct str lines_fold(struct arena *a, struct str bytes)
{
    struct buf out;
    struct str rest = bytes;
    buf_init(&out, a, FILE_BYTES_MAX * 2);
    while (str_given(rest)) {
        struct str line = str_split(&rest, '\n');
        if (str_starts(line, STR("data: {"))) {
            line = str_sub(line, 6, line.len);
            buf_put_cstr(&out, "data:");
            size_t comma = str_find(line, STR(",\""));
            if (comma != SIZE_MAX) {
                buf_put_str(&out, str_sub(line, 0, comma + 1));
                buf_put_cstr(&out, "\ndata:");
                line = str_sub(line, comma + 1, line.len);
            }
        }
        buf_put_str(&out, line);
        if (str_given(rest))
            buf_put_byte(&out, '\n');
    }
    return buf_str(&out);
}

static void any_legal_framing_means_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct arena *a = arena_new(0);
        struct str bytes = file_read(a, streams[i].name, streams[i].ending);
        struct str want = file_read(a, streams[i].name, "events");
        bool sse = strcmp(streams[i].ending, "sse") == 0;
        struct str forms[] = {
            str_fmt(a, "\xef\xbb\xbf%.*s", STR_ARG(bytes)),
            str_fmt(a, "\n\r\n%.*s", STR_ARG(bytes)),
            lines_end_with(a, bytes, "\r\n"),
            lines_end_with(a, bytes, "\r"),
            sse ? lines_fold(a, bytes) : bytes,
            sse ? str_fmt(a, ": ping\n\n%.*s: behind the end\n\n", STR_ARG(bytes)) : bytes,
        };
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
            for (size_t piece = 1; piece < 20; piece += 6) {
                struct buf log;
                log_init(&log, a);
                record(provider_of(streams[i].name), forms[k], 0, piece, &log);
                log_is(a, &log, want);
            }
        arena_free(a);
    }
}

static void a_cut_answer_is_never_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct arena *a = arena_new(0);
        const char *provider = provider_of(streams[i].name);
        struct str bytes = file_read(a, streams[i].name, streams[i].ending);
        struct buf all;
        log_init(&all, a);
        record_events(provider, bytes, 0, bytes.len, &all);
        for (size_t len = 0; len < bytes.len; len++) {
            struct arena_mark mark = arena_mark(a);
            struct buf log;
            log_init(&log, a);
            assert_false(record_events(provider, str_sub(bytes, 0, len), 0, bytes.len, &log));
            assert_true(str_starts(buf_str(&all), buf_str(&log)));
            arena_reset(a, mark);
        }
        arena_free(a);
    }
}

/* A byte that is no UTF-8 any more, a quotation mark, a brace, a bit: nothing crashes, any split
 * says the same, and what is no JSON any more is never a whole answer. */
static void a_mangled_answer_is_told_in_any_split(void **state)
{
    (void)state;
    static const char mangled[] = { '\xff', '"', '}', '\n', 0 };
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct arena *a = arena_new(0);
        const char *provider = provider_of(streams[i].name);
        struct str bytes = file_read(a, streams[i].name, streams[i].ending);
        size_t data = SIZE_MAX; /* where the data of the line begins */
        char *copy = arena_alloc_raw(a, bytes.len);
        for (size_t at = 0; at < bytes.len; at++) {
            struct arena_mark mark = arena_mark(a);
            if (str_starts(str_sub(bytes, at, bytes.len), STR("data: {")))
                data = at + 6;
            if (bytes.ptr[at] == '\n')
                data = SIZE_MAX;
            for (size_t m = 0; m < sizeof mangled; m++) {
                if (m && m != 1 + at % (sizeof mangled - 1)) /* the others in turn */
                    continue;
                struct buf log, split;
                log_init(&log, a);
                log_init(&split, a);
                memcpy(copy, bytes.ptr, bytes.len);
                copy[at] = mangled[m];
                struct str text = { copy, bytes.len };
                bool whole = record(provider, text, 0, text.len, &log);
                assert_int_equal(record(provider, text, at, 97, &split), whole);
                log_is(a, &split, buf_str(&log));
                if (at >= data && mangled[m] == '\xff')
                    assert_false(whole);
            }
            arena_reset(a, mark);
        }
        arena_free(a);
    }
}

/* ---- what is wrong, and what people are told ---- */

#define START "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}\n\n"
#define TEXT_START                                                                                 \
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","    \
    "\"text\":\"\"}}\n\n"
#define REASON                                                                                     \
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{}}\n\n"
#define STOP "data: {\"type\":\"message_stop\"}\n\n"
#define DELTA(d) "data: {\"choices\":[{\"index\":0,\"delta\":" d "}]}\n\n"
#define FINISH(f) "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" f "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

static const struct {
    const char *provider, *bytes, *words;
    int status;
} faults[] = {
    { "openai", "", "without an answer", 0 },
    { "openai", "\n\n", "without an answer", 0 },
    { "openai", ": OPENROUTER PROCESSING\n\n", "without an answer", 0 },
    { "openai", DONE, "without saying why", 0 },
    { "openai", DELTA("{\"content\":\"x\"}"), "broke off", 0 },
    { "openai", DELTA("{\"content\":\"x\"}") DONE, "without saying why", 0 },
    { "openai", DELTA("{\"content\":\"x\"}") FINISH("stop"), "broke off", 0 },
    { "openai", FINISH("stop") DELTA("{\"content\":\"x\"}") DONE, "goes on after its end", 0 },
    { "openai", FINISH("tool_calls") DONE, "calls none", 0 },
    { "openai", "data: {\"choices\":\n\n" DONE, "invalid JSON", 0 },
    { "openai", "data: [1]\n\n" DONE, "no JSON object", 0 },
    { "openai", DELTA("{\"content\":\"\xc3\"}") FINISH("stop") DONE, "invalid JSON", 0 },
    { "openai", DELTA("{\"content\":\"a\",\"content\":\"b\"}") FINISH("stop") DONE, "duplicate",
      0 },
    { "openai",
      DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"{}\"}}]}"),
      "no name", 0 },
    { "openai", DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\"}]}") FINISH("tool_calls") DONE,
      "no name", 0 },
    { "openai", DELTA("{\"content\":\"x\\ud83d\"}") FINISH("stop") DONE, "cut in half", 0 },
    { "openai", DELTA("{\"content\":\"\\ud83d\"}") DELTA("{\"content\":\"x\"}"), "cut in half", 0 },
    { "openai", DELTA("{\"content\":\"\\ud83d\"}") DELTA("{\"content\":\"\\ud83d\"}"),
      "cut in half", 0 },
    { "openai", DELTA("{\"content\":\"\\udc4b\"}"), "cut in half", 0 },
    { "openai", DELTA("{\"content\":\"\\ud83dx\"}"), "cut in half", 0 },
    { "openai", DELTA("{\"content\":\"\\ud83d\"}") DELTA("{\"reasoning\":\"\\udc4b\"}"),
      "cut in half", 0 },
    { "openai", DELTA("{\"content\":\"\xf4\x8f\xbf\xbe\\ud83d\"}"), "cut in half", 0 },
    { "openai", "<!DOCTYPE html><title>Sign in</title>", "web page", 0 },
    { "openai",
      "data: {\"error\":{\"message\":\"Rate limit reached\",\"type\":\"rate_limit_error\"}}\n\n",
      "limits how often", 429 },
    { "openai", "{\"error\":{\"message\":\"model `x` not found\",\"code\":\"model_not_found\"}}",
      "does not know this model", 404 },
    { "openai", "{\"error\":\"model \\\"x\\\" not found, try pulling it first\"}",
      "does not know this model", 0 },
    { "openai", "{\"object\":\"error\",\"message\":\"boom\",\"code\":500}", "boom", 500 },
    { "openai", "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}", "without saying why", 0 },
    { "openai", "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]} x",
      "invalid JSON", 0 },
    { "anthropic", "", "without an answer", 0 },
    { "anthropic", START, "without an answer", 0 },
    { "anthropic", START TEXT_START, "without an answer", 0 },
    { "anthropic", START REASON, "broke off", 0 },
    { "anthropic", START STOP, "without saying why", 0 },
    { "anthropic", START TEXT_START REASON STOP, "ends inside a block", 0 },
    { "anthropic", TEXT_START, "no start", 0 },
    { "anthropic", START START, "starts twice", 0 },
    { "anthropic", START TEXT_START TEXT_START, "starts twice", 0 },
    { "anthropic", START REASON TEXT_START, "goes on after its end", 0 },
    { "anthropic", START "data: {\"type\":\"content_block_stop\",\"index\":3}\n\n", "not open", 0 },
    { "anthropic", START "data: {\"type\":\"content_block_stop\"}\n\n", "no index", 0 },
    { "anthropic",
      START TEXT_START "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                       "\"input_json_delta\",\"partial_json\":\"{\"}}\n\n",
      "does not fit", 0 },
    { "anthropic",
      START "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
            "\"tool_use\",\"id\":\"a\",\"input\":{}}}\n\n",
      "absent", 0 },
    { "anthropic",
      START "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\n" STOP,
      "calls none", 0 },
    { "anthropic",
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"authentication_error\","
      "\"message\":\"invalid x-api-key sk-ant-12345\"}}\n\n",
      "refused the key", 401 },
    { "anthropic", "{\"type\":\"message\"}", "no message", 0 },
    { "anthropic",
      "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}", "slow",
      429 },
};

static void faults_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct arena *a = arena_new(0);
        struct str bytes = str_of(faults[i].bytes);
        for (size_t piece = 1; piece <= bytes.len + 1; piece += bytes.len ? bytes.len : 1) {
            struct buf log;
            log_init(&log, a);
            assert_false(record(faults[i].provider, bytes, 0, piece, &log));
            const char *text = str_cstr(a, buf_str(&log));
            const char *error = strstr(text, "error ");
            assert_non_null(error);
            if (!strstr(error, faults[i].words) || atol(error + 6) != faults[i].status)
                fail_msg("fault %zu: \"%s\" should say \"%s\" with status %d", i, error,
                         faults[i].words, faults[i].status);
            assert_null(strstr(error, "sk-ant-12345"));
        }
        arena_free(a);
    }
}

/* ---- bounds ---- */

static bool flood(const char *provider, const char *head, const char *repeated, int times,
                  const char *words)
{
    struct arena *a = arena_new(0);
    struct buf bytes, log;
    buf_init(&bytes, a, 64 << 20);
    buf_init(&log, a, 64 << 20);
    buf_put_cstr(&bytes, head);
    for (int i = 0; i < times; i++) {
        struct str rest = str_of(repeated);
        while (str_given(rest)) { /* '#' counts up */
            buf_put_str(&bytes, str_split(&rest, '#'));
            if (str_given(rest))
                buf_put_i64(&bytes, i);
        }
    }
    record(provider, buf_str(&bytes), 0, 65536, &log);
    bool told = str_find(buf_str(&log), str_of(words)) != SIZE_MAX;
    arena_free(a);
    return told;
}

static char *long_text(struct arena *a, const char *before, size_t len, const char *after)
{
    struct buf b;
    buf_init(&b, a, len + 1024);
    buf_put_cstr(&b, before);
    while (b.len < len)
        buf_put_byte(&b, 'x');
    buf_put_cstr(&b, after);
    return str_cstr(a, buf_str(&b));
}

static void floods_end(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    assert_true(
        flood("openai", "",
              DELTA("{\"tool_calls\":[{\"index\":#,\"id\":\"c#\",\"function\":{\"name\":\"f\"}}]}"),
              129, "more than 128 tools"));
    assert_true(flood("openai", "", DELTA("{\"reasoning\":\"a\"}") DELTA("{\"content\":\"a\"}"),
                      129, "more than 256 blocks"));
    assert_true(
        flood("anthropic", START,
              "data: {\"type\":\"content_block_start\",\"index\":#,\"content_block\":{\"type\":"
              "\"new_kind\"}}\n\n",
              257, "more than 256 blocks"));
    assert_true(
        flood("anthropic", START,
              "data: {\"type\":\"content_block_start\",\"index\":#,\"content_block\":{\"type\":"
              "\"tool_use\",\"id\":\"c#\",\"name\":\"f\"}}\n\n",
              129, "more than 128 tools"));
    char *text =
        long_text(a, "data: {\"choices\":[{\"delta\":{\"content\":\"", 500000, "\"}}]}\n\n");
    assert_true(flood("openai", "", text, 20, "longer than 8 MiB"));
    text = long_text(a,
                     "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\","
                     "\"function\":{\"name\":\"f\",\"arguments\":\"",
                     100000, "\"}}]}}]}\n\n");
    assert_true(flood("openai", "", text, 3, "longer than 256 KiB"));
    assert_true(flood("openai", long_text(a, "data: \"", 1100000, "\"\n\n"), "", 0,
                      "event of more than 1024 KiB"));
    assert_true(flood("anthropic", long_text(a, "data: ", 1100000, ""), "", 0,
                      "event of more than 1024 KiB"));
    assert_true(
        flood("openai", long_text(a, "{\"x\":\"", 17 << 20, "\"}"), "", 0, "longer than 16 MiB"));
    arena_free(a);
}

static void providers_have_a_codec(void **state)
{
    (void)state;
    static const char *const of_openai[] = { "openai", "groq", "openclaw", "hermes", "local" };
    assert_string_equal(llm_codec_find("anthropic")->name, "anthropic");
    for (size_t i = 0; i < sizeof of_openai / sizeof *of_openai; i++)
        assert_string_equal(llm_codec_find(of_openai[i])->name, "openai");
    assert_null(llm_codec_find("offline"));
    assert_null(llm_codec_find(NULL));
    llm_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_mean_what_is_written_beside_them),
        cmocka_unit_test(any_split_means_the_same),
        cmocka_unit_test(any_legal_framing_means_the_same),
        cmocka_unit_test(a_cut_answer_is_never_whole),
        cmocka_unit_test(a_mangled_answer_is_told_in_any_split),
        cmocka_unit_test(faults_are_told),
        cmocka_unit_test(floods_end),
        cmocka_unit_test(providers_have_a_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
