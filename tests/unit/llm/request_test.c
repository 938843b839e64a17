/* What is sent: bodies compared in canonical form (RFC 8785) with what the providers document,
 * headers, paths for what people write as a base URL, cache markers, bounds of tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/app.h"
#include "base/config.h"
#include "base/json.h"
#include "llm/wire.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PARTS(...) ((const struct llm_part[]){ __VA_ARGS__ })
#define MESSAGE(who, ...)                                                                          \
    {                                                                                              \
        .role = (who), .parts = PARTS(__VA_ARGS__), .count = COUNT(PARTS(__VA_ARGS__))             \
    }

static struct cx test_cx(void)
{
    return (struct cx){ .arena = arena_new(0) };
}

static struct credential credential_of(char *provider, char *base_url)
{
    return (struct credential){ .provider = provider,
                                .model = "the-model",
                                .key_source = "ORG_KEY",
                                .base_url = base_url,
                                .key = secret_new(STR("sk-the-key")) };
}

static void credential_end(struct credential *c)
{
    secret_free(c->key);
    secret_free(c->cf_secret);
}

static const char *canonical(struct arena *a, struct str text)
{
    struct json j;
    struct json_fault fault;
    struct buf out;
    buf_init(&out, a, 1 << 22);
    if (json_parse(a, text, NULL, &j, &fault) != OK)
        fail_msg("%s at %zu of %.*s", fault.message, fault.offset, STR_ARG(text));
    assert_int_equal(json_canonical(a, &j, &out), OK);
    return str_cstr(a, buf_str(&out));
}

static struct llm_wire build(struct cx *cx, const struct llm_request *rq, struct credential *c)
{
    struct llm_wire w;
    assert_int_equal(llm_codec_find(c->provider)->build(cx, rq, c, &w), OK);
    return w;
}

static void body_is(struct cx *cx, const struct llm_request *rq, struct credential *c,
                    const char *want)
{
    struct llm_wire w = build(cx, rq, c);
    assert_string_equal(canonical(cx->arena, w.body), canonical(cx->arena, str_of(want)));
}

static struct str header_of(const struct llm_wire *w, const char *name)
{
    for (size_t i = 0; i < w->header_count; i++)
        if (str_is(w->headers[i].name, name))
            return w->headers[i].value;
    return STR_NULL;
}

static bool header_is(const struct llm_wire *w, const char *name, const char *value)
{
    return str_is(header_of(w, name), value);
}

/* ---- a conversation with everything in it ---- */

static const struct llm_tool tools[] = {
    { STR("search"), STR("Search the workspace"),
      STR("{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"}}}") },
    { STR("list_documents"), STR_NULL, STR_NULL },
};
static const struct llm_part asked[] = {
    { .type = LLM_TEXT, .text = STR("Who is on this passport?") },
    { .type = LLM_IMAGE, .media_type = STR("image/png"), .data = STR("iVBORw0KGgo=") },
    { .type = LLM_TEXT, .text = STR("  ") },
    { .type = LLM_TEXT, .text = STR("Zoë \"says\"\n👋") },
};
static const struct llm_part called[] = {
    { .type = LLM_REASONING, .text = STR("Hm.\n"), .signature = STR("c2ln+/=") },
    { .type = LLM_REASONING, .text = STR("of another provider") },
    { .type = LLM_REDACTED, .data = STR("ZGF0YQ==") },
    { .type = LLM_REASONING, .text = STR_NULL, .signature = STR("b25seQ==") },
    { .type = LLM_TEXT, .text = STR("Let me look.") },
    { .type = LLM_TOOL_CALL,
      .call_id = STR("functions.search:0"),
      .name = STR("search"),
      .text = STR("{\"query\": \"smith\", \"n\": 1e2}") },
    { .type = LLM_TOOL_CALL,
      .call_id = STR("call_2"),
      .name = STR("list_documents"),
      .text = STR("{\"broken") },
};
static const struct llm_part answered[] = {
    { .type = LLM_TEXT, .text = STR("By the way: hurry.") },
    { .type = LLM_TOOL_RESULT,
      .call_id = STR("functions.search:0"),
      .name = STR("search"),
      .text = STR("{\"results\":[]}") },
    { .type = LLM_TOOL_RESULT,
      .call_id = STR("call_2"),
      .name = STR("list_documents"),
      .text = STR("arguments are no JSON"),
      .is_error = true },
};
static const struct llm_part nothing[] = { { .type = LLM_TEXT, .text = STR("") } };
static const struct llm_message conversation[] = {
    { LLM_USER, asked, COUNT(asked) },
    { LLM_ASSISTANT, called, COUNT(called) },
    { LLM_USER, answered, COUNT(answered) },
    { LLM_ASSISTANT, nothing, 1 },
};
static const struct llm_request everything = {
    .system = STR("Be brief."),
    .messages = conversation,
    .message_count = COUNT(conversation),
    .tools = tools,
    .tool_count = COUNT(tools),
    .max_output_tokens = 4096,
    .session_key = STR("thread-1"),
};
static const struct llm_part hi[] = { { .type = LLM_TEXT, .text = STR("Hi") } };
static const struct llm_message one_message[] = { { LLM_USER, hi, 1 } };
static const struct llm_request one_question = { .messages = one_message,
                                                 .message_count = 1,
                                                 .max_output_tokens = 100 };

static void anthropic_bodies(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct credential c = credential_of("anthropic", "https://api.anthropic.com");
    body_is(
        &cx, &everything, &c,
        "{\"model\":\"the-model\",\"max_tokens\":4096,\"stream\":true,"
        "\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\"}],"
        "\"tools\":[{\"name\":\"search\",\"description\":\"Search the workspace\","
        "\"input_schema\":{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"}}}},"
        "{\"name\":\"list_documents\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"
        "\"messages\":["
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Who is on this passport?\"},"
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
        "\"data\":\"iVBORw0KGgo=\"}},{\"type\":\"text\",\"text\":\"Zoë \\\"says\\\"\\n👋\"}]},"
        "{\"role\":\"assistant\",\"content\":["
        "{\"type\":\"thinking\",\"thinking\":\"Hm.\\n\",\"signature\":\"c2ln+/=\"},"
        "{\"type\":\"redacted_thinking\",\"data\":\"ZGF0YQ==\"},"
        "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"b25seQ==\"},"
        "{\"type\":\"text\",\"text\":\"Let me look.\"},"
        "{\"type\":\"tool_use\",\"id\":\"functions_search_0\",\"name\":\"search\","
        "\"input\":{\"query\":\"smith\",\"n\":100}},"
        "{\"type\":\"tool_use\",\"id\":\"call_2\",\"name\":\"list_documents\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":["
        "{\"type\":\"tool_result\",\"tool_use_id\":\"functions_search_0\","
        "\"content\":\"{\\\"results\\\":[]}\"},"
        "{\"type\":\"tool_result\",\"tool_use_id\":\"call_2\","
        "\"content\":\"arguments are no JSON\",\"is_error\":true},"
        "{\"type\":\"text\",\"text\":\"By the way: hurry.\"}]}]}");
    body_is(&cx, &one_question, &c,
            "{\"model\":\"the-model\",\"max_tokens\":100,\"stream\":true,\"messages\":[{\"role\":"
            "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}]}");
    credential_end(&c);
    arena_free(cx.arena);
}

static void openai_bodies(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct credential c = credential_of("openai", "https://api.openai.com/v1");
    body_is(
        &cx, &everything, &c,
        "{\"model\":\"the-model\",\"max_completion_tokens\":4096,\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true},"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"search\","
        "\"description\":\"Search the workspace\",\"parameters\":{\"type\":\"object\","
        "\"properties\":{\"query\":{\"type\":\"string\"}}}}},"
        "{\"type\":\"function\",\"function\":{\"name\":\"list_documents\","
        "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}],"
        "\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Who is on this passport?\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo=\"}},"
        "{\"type\":\"text\",\"text\":\"Zoë \\\"says\\\"\\n👋\"}]},"
        "{\"role\":\"assistant\",\"content\":\"Let me look.\",\"tool_calls\":["
        "{\"id\":\"functions.search:0\",\"type\":\"function\",\"function\":{\"name\":\"search\","
        "\"arguments\":\"{\\\"query\\\": \\\"smith\\\", \\\"n\\\": 1e2}\"}},"
        "{\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":\"list_documents\","
        "\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"functions.search:0\","
        "\"content\":\"{\\\"results\\\":[]}\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"call_2\","
        "\"content\":\"Error: arguments are no JSON\"},"
        "{\"role\":\"user\",\"content\":\"By the way: hurry.\"}]}");
    credential_end(&c);
    c = credential_of("openai", "http://127.0.0.1:11434");
    struct llm_wire w = build(&cx, &one_question, &c);
    struct str before = str_sub(w.body, 0, w.optional_at);
    struct str behind = str_sub(w.body, w.optional_at + w.optional_len, w.body.len);
    struct str plain = str_fmt(cx.arena, "%.*s%.*s", STR_ARG(before), STR_ARG(behind));
    assert_true(str_find(w.body, STR("stream_options")) != SIZE_MAX);
    assert_string_equal(
        canonical(cx.arena, plain),
        canonical(cx.arena, STR("{\"model\":\"the-model\",\"max_tokens\":100,\"stream\":true,"
                                "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}")));
    credential_end(&c);
    arena_free(cx.arena);
}

/* Paragraphs of a person are joined, calls without text have null content. */
static void openai_joins_texts(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct credential c = credential_of("local", "http://127.0.0.1:8000/v1");
    const struct llm_message messages[] = {
        MESSAGE(LLM_USER, { .type = LLM_TEXT, .text = STR("one") },
                { .type = LLM_TEXT, .text = STR("two") }),
        MESSAGE(LLM_ASSISTANT, { .type = LLM_TEXT, .text = STR("a") },
                { .type = LLM_TEXT, .text = STR("b") }),
        MESSAGE(
            LLM_ASSISTANT,
            { .type = LLM_TOOL_CALL, .call_id = STR("1"), .name = STR("f.é"), .text = STR("") }),
        MESSAGE(LLM_USER, { .type = LLM_TOOL_RESULT, .call_id = STR("1"), .text = STR("") }),
    };
    struct llm_request rq = { .messages = messages,
                              .message_count = COUNT(messages),
                              .max_output_tokens = 1 };
    body_is(
        &cx, &rq, &c,
        "{\"model\":\"the-model\",\"max_tokens\":1,\"stream\":true,\"stream_options\":"
        "{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":\"one\\n\\ntwo\"},"
        "{\"role\":\"assistant\",\"content\":\"ab\"},{\"role\":\"assistant\",\"content\":null,"
        "\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f___\","
        "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":"
        "\"(empty)\"}]}");
    credential_end(&c);
    arena_free(cx.arena);
}

/* ---- the name of the limit, the shape of the answer ---- */

static void the_limit_has_the_name_that_the_server_takes(void **state)
{
    (void)state;
    static const struct {
        char *provider, *base_url;
        bool new_name;
    } rows[] = {
        { "openai", "https://api.openai.com", true },
        { "openai", "https://x.openai.azure.com/openai/v1", true },
        { "groq", "https://api.groq.com/openai", true },
        { "openai", "http://127.0.0.1:11434/v1", false },
        { "hermes", "https://hermes.example.org", false },
        { "openclaw", "https://claw.example.org", false },
    };
    struct cx cx = test_cx();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct credential c = credential_of(rows[i].provider, rows[i].base_url);
        struct llm_wire w = build(&cx, &one_question, &c);
        assert_int_equal(str_find(w.body, STR("\"max_completion_tokens\":100")) != SIZE_MAX,
                         rows[i].new_name);
        assert_int_equal(str_find(w.body, STR("\"max_tokens\":100")) != SIZE_MAX,
                         !rows[i].new_name);
        assert_true(str_find(w.body, STR("temperature")) == SIZE_MAX);
        credential_end(&c);
    }
    arena_free(cx.arena);
}

static void a_shape_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        bool strict;
    } rows[] = {
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
          "\"additionalProperties\":false}",
          true },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":"
          "\"number\"}}},\"required\":[\"a\"],\"additionalProperties\":false}",
          true },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", false },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"x\"}},"
          "\"required\":[\"a\"],\"additionalProperties\":false}",
          false },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\"}},\"required\":[\"a\"],"
          "\"additionalProperties\":false}",
          false },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\"}},\"required\":[\"a\"],"
          "\"additionalProperties\":false}",
          false },
        { "{\"type\":[\"object\",\"null\"]}", false },
        { "{\"type\":\"string\"}", false },
        { "{}", false },
    };
    struct cx cx = test_cx();
    struct credential openai = credential_of("openai", "https://api.openai.com");
    struct credential others[] = { credential_of("groq", "https://api.groq.com/openai"),
                                   credential_of("anthropic", "https://api.anthropic.com") };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct llm_request rq = one_question;
        rq.output_schema = str_of(rows[i].schema);
        struct llm_wire w = build(&cx, &rq, &openai);
        struct json j;
        struct json_fault fault;
        assert_int_equal(json_parse(cx.arena, w.body, NULL, &j, &fault), OK);
        const struct json *format = json_get(json_get(&j, "response_format"), "json_schema");
        assert_true(str_is(json_get(format, "schema")->source, rows[i].schema));
        assert_int_equal(json_get(format, "strict")->boolean, rows[i].strict);
        for (size_t k = 0; k < COUNT(others); k++) {
            w = build(&cx, &rq, &others[k]);
            assert_true(str_find(w.body, STR("response_format")) == SIZE_MAX);
            assert_true(str_find(w.body, STR("fits the following JSON Schema")) != SIZE_MAX);
        }
    }
    credential_end(&openai);
    credential_end(&others[0]);
    credential_end(&others[1]);
    arena_free(cx.arena);
}

/* ---- paths and headers ---- */

static void paths_fit_what_people_write(void **state)
{
    (void)state;
    static const struct {
        char *provider, *base_url, *path;
    } rows[] = {
        { "openai", "https://api.openai.com", "/v1/chat/completions" },
        { "openai", "https://api.openai.com/v1", "/chat/completions" },
        { "groq", "https://api.groq.com/openai", "/v1/chat/completions" },
        { "groq", "https://api.groq.com/openai/v1", "/chat/completions" },
        { "openai", "https://generativelanguage.googleapis.com/v1beta/openai",
          "/chat/completions" },
        { "openai", "https://open.example.org/api/paas/v4", "/chat/completions" },
        { "openai", "https://v1.example.org", "/v1/chat/completions" },
        { "openai", "https://example.org/vault", "/v1/chat/completions" },
        { "openai", "https://example.org/v1/chat/completions", "" },
        { "hermes", "http://10.0.0.5:8080", "/v1/chat/completions" },
        { "anthropic", "https://api.anthropic.com", "/v1/messages" },
        { "anthropic", "https://proxy.example.org/anthropic/v1", "/messages" },
    };
    struct cx cx = test_cx();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct credential c = credential_of(rows[i].provider, rows[i].base_url);
        assert_string_equal(str_cstr(cx.arena, build(&cx, &one_question, &c).path), rows[i].path);
        credential_end(&c);
    }
    arena_free(cx.arena);
}

static void headers_carry_the_key(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct credential c = credential_of("anthropic", "https://api.anthropic.com");
    struct llm_wire w = build(&cx, &one_question, &c);
    assert_true(header_is(&w, "x-api-key", "sk-the-key"));
    assert_true(header_is(&w, "anthropic-version", "2023-06-01"));
    assert_true(header_is(&w, "content-type", "application/json"));
    assert_true(header_is(&w, "accept", "text/event-stream"));
    assert_false(str_given(header_of(&w, "authorization")));
    struct config config = { .anthropic_version = STR("2026-10-21"),
                             .openclaw_session_header = STR("X-Claw-Thread") };
    struct app app = { .config = &config };
    cx.app = &app;
    w = build(&cx, &one_question, &c);
    assert_true(header_is(&w, "authorization", "Bearer sk-the-key"));
    assert_true(header_is(&w, "anthropic-version", "2026-10-21"));
    assert_false(str_given(header_of(&w, "x-api-key")));
    credential_end(&c);

    c = credential_of("openclaw", "https://claw.example.org");
    c.agent_id = "visa-agent";
    c.cf_client_id = "id.access";
    c.cf_secret = secret_new(STR("cf-secret"));
    w = build(&cx, &everything, &c);
    assert_true(header_is(&w, "x-claw-thread", "thread-1"));
    cx.app = NULL;
    w = build(&cx, &everything, &c);
    assert_true(header_is(&w, "authorization", "Bearer sk-the-key"));
    assert_true(header_is(&w, "x-openclaw-agent", "visa-agent"));
    assert_true(header_is(&w, "x-openclaw-session", "thread-1"));
    assert_true(header_is(&w, "cf-access-client-id", "id.access"));
    assert_true(header_is(&w, "cf-access-client-secret", "cf-secret"));
    credential_end(&c);

    c = credential_of("openai", "http://127.0.0.1:8080");
    secret_free(c.key);
    c.key = NULL; /* a server on this machine needs none */
    w = build(&cx, &everything, &c);
    assert_false(str_given(header_of(&w, "authorization")));
    assert_false(str_given(header_of(&w, "x-openclaw-session")));
    arena_free(cx.arena);
}

static void a_header_cannot_be_split(void **state)
{
    (void)state;
    static const struct str keys[] = { STR("sk-x\r\nx-evil: 1"), STR("sk-\xc3\xa9"), STR("a\0b") };
    struct cx cx = test_cx();
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct credential c = credential_of("openai", "https://api.openai.com");
        struct llm_wire w;
        secret_free(c.key);
        c.key = secret_new(keys[i]);
        assert_int_equal(llm_codec_find("openai")->build(&cx, &one_question, &c, &w),
                         ERR_CREDENTIAL_UNREADABLE);
        assert_true(str_find(cx.failure.message, STR("authorization")) != SIZE_MAX);
        assert_true(str_find(cx.failure.message, STR("sk-")) == SIZE_MAX);
        credential_end(&c);
    }
    arena_free(cx.arena);
}

static void a_body_has_a_bound(void **state)
{
    (void)state;
    struct cx cx = test_cx();
    struct credential c = credential_of("anthropic", "https://api.anthropic.com");
    size_t len = 33 << 20;
    char *image = arena_alloc_raw(cx.arena, len);
    memset(image, 'A', len);
    const struct llm_message m = MESSAGE(
        LLM_USER, { .type = LLM_IMAGE, .media_type = STR("image/png"), .data = { image, len } });
    struct llm_request rq = { .messages = &m, .message_count = 1, .max_output_tokens = 1 };
    struct llm_wire w;
    assert_int_equal(llm_codec_find("anthropic")->build(&cx, &rq, &c, &w), ERR_PAYLOAD_TOO_LARGE);
    credential_end(&c);
    arena_free(cx.arena);
}

/* ---- cache markers ---- */

static size_t marks_of(struct cx *cx, const struct llm_request *rq, char *ret, size_t size)
{
    struct credential c = credential_of("anthropic", "https://api.anthropic.com");
    struct str body = build(cx, rq, &c).body;
    struct json j;
    struct json_fault fault;
    size_t count = 0, len = 0;
    assert_int_equal(json_parse(cx->arena, body, NULL, &j, &fault), OK);
    const struct json *list = json_get(&j, "tools");
    for (uint32_t i = 0; list && i < list->count; i++)
        if (json_get(&list->items[i], "cache_control") && ++count)
            len += (size_t)snprintf(ret + len, size - len, "t%u ", i);
    list = json_get(&j, "system");
    for (uint32_t i = 0; list && i < list->count; i++)
        if (json_get(&list->items[i], "cache_control") && ++count)
            len += (size_t)snprintf(ret + len, size - len, "s%u ", i);
    list = json_get(&j, "messages");
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *content = json_get(&list->items[i], "content");
        for (uint32_t k = 0; k < content->count; k++)
            if (json_get(&content->items[k], "cache_control") && ++count)
                len += (size_t)snprintf(ret + len, size - len, "m%u.%u ", i, k);
    }
    ret[len] = 0;
    credential_end(&c);
    return count;
}

static void cache_markers_stand_where_they_pay(void **state)
{
    (void)state;
    static char long_bytes[4000];
    memset(long_bytes, 'x', sizeof long_bytes);
    struct str text = { long_bytes, sizeof long_bytes };
    struct cx cx = test_cx();
    char marks[100];
    const struct llm_message messages[] = {
        MESSAGE(LLM_USER, { .type = LLM_TEXT, .text = text }),
        MESSAGE(LLM_ASSISTANT, { .type = LLM_TEXT, .text = STR("yes") }),
        MESSAGE(LLM_USER, { .type = LLM_TEXT, .text = STR("go on") },
                { .type = LLM_TOOL_RESULT, .call_id = STR("1"), .text = STR("x") }),
        MESSAGE(LLM_ASSISTANT, { .type = LLM_TEXT, .text = STR("yes") }),
        MESSAGE(LLM_USER, { .type = LLM_TEXT, .text = STR("and") }),
    };
    struct llm_tool long_tool = { STR("a"), text, STR_NULL };
    struct llm_request rq = { .messages = messages, .message_count = 5, .max_output_tokens = 1 };
    assert_int_equal(marks_of(&cx, &rq, marks, sizeof marks), 2);
    assert_string_equal(marks, "m2.1 m4.0 ");
    rq.message_count = 1; /* a single question is not asked again */
    assert_int_equal(marks_of(&cx, &rq, marks, sizeof marks), 0);
    rq.tools = tools; /* but with tools there is a next turn */
    rq.tool_count = 1;
    rq.system = STR("short");
    assert_int_equal(marks_of(&cx, &rq, marks, sizeof marks), 1);
    assert_string_equal(marks, "m0.0 ");
    rq.system = text;
    assert_int_equal(marks_of(&cx, &rq, marks, sizeof marks), 2);
    assert_string_equal(marks, "s0 m0.0 ");
    rq.tools = &long_tool;
    rq.message_count = 5;
    assert_int_equal(marks_of(&cx, &rq, marks, sizeof marks), 4);
    assert_string_equal(marks, "t0 s0 m2.1 m4.0 ");
    rq.message_count = 0;
    rq.tool_count = 0;
    rq.system = STR("short");
    assert_int_equal(marks_of(&cx, &rq, marks, sizeof marks), 0);
    arena_free(cx.arena);
}

/* ---- tokens ---- */

static int64_t tokens_of(const char *provider, const struct llm_part *part)
{
    const struct llm_message m = { LLM_USER, part, 1 };
    struct llm_request rq = { .messages = &m, .message_count = 1, .max_output_tokens = 1 };
    struct llm_request none = { .max_output_tokens = 1 };
    const struct llm_codec *codec = llm_codec_find(provider);
    return codec->input_tokens_max(&rq) - codec->input_tokens_max(&none);
}

static void token_bounds_are_above_what_is_counted(void **state)
{
    (void)state;
    /* Counted by cl100k, o200k and others; one token a byte is the worst that any of them does. */
    static const struct {
        struct str text;
        int64_t least, most;
    } texts[] = {
        { STR(""), 0, 0 },
        { STR("The quick brown fox jumps over the lazy dog."), 44, 44 },
        { STR("zq!xj#kw%"), 9, 9 },
        { STR("Привет"), 12, 12 },
        { STR("\xef\xb7\xba"), 33, 33 }, /* U+FDFA is 33 bytes in NFKC */
        { STR("\xe3\x8c\x96"), 18, 18 }, /* U+3316 */
        { STR("\xff\xfe"), 6, 6 },       /* sent as two U+FFFD */
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct llm_part p = { .type = LLM_TEXT, .text = texts[i].text };
        struct llm_part empty = { .type = LLM_TEXT, .text = STR("") };
        int64_t around = tokens_of("openai", &empty), n = tokens_of("openai", &p) - around;
        assert_in_range(n, texts[i].least, texts[i].most);
        assert_in_range(around, 15, 60);
        assert_int_equal(n + around, tokens_of("anthropic", &p));
    }
    struct llm_part image = { .type = LLM_IMAGE, .data = STR("aaaa") };
    assert_in_range(tokens_of("anthropic", &image), 4784, 10000);
    assert_in_range(tokens_of("openai", &image), 48169, 50000);
    /* An object of three members, written with an indent of four: 60 bytes. */
    struct llm_part call = { .type = LLM_TOOL_CALL,
                             .text = STR("{\"a\":{\"b\":\"<\"},\"c\":[1]}") };
    assert_in_range(tokens_of("openai", &call), 60, 150);
}

/* Anthropic documents 403 tokens for this request (tools prompt included), OpenAI about 80. */
static void token_bounds_of_a_documented_request(void **state)
{
    (void)state;
    const struct llm_tool weather = {
        STR("get_weather"), STR("Get the current weather in a given location"),
        STR("{\"type\":\"object\",\"properties\":{\"location\":{\"type\":\"string\","
            "\"description\":"
            "\"The city and state, e.g. San Francisco, CA\"}},\"required\":[\"location\"]}")
    };
    const struct llm_message m = MESSAGE(
        LLM_USER, { .type = LLM_TEXT, .text = STR("What's the weather like in San Francisco?") });
    struct llm_request rq = { .messages = &m,
                              .message_count = 1,
                              .tools = &weather,
                              .tool_count = 1,
                              .max_output_tokens = 1 };
    assert_in_range(llm_codec_find("anthropic")->input_tokens_max(&rq), 403, 2000);
    rq.tool_count = 0;
    assert_in_range(llm_codec_find("anthropic")->input_tokens_max(&rq), 16, 200);
    int64_t before = llm_codec_find("openai")->input_tokens_max(&rq);
    rq.output_schema = STR("{\"type\":\"object\"}");
    assert_true(llm_codec_find("openai")->input_tokens_max(&rq) > before + 2 * 17);
    /* What is really sent of the conversation with everything in it is shorter than its bound. */
    struct cx cx = test_cx();
    struct credential c = credential_of("openai", "https://api.openai.com");
    assert_true((int64_t)build(&cx, &everything, &c).body.len <
                llm_codec_find("openai")->input_tokens_max(&everything));
    credential_end(&c);
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anthropic_bodies),
        cmocka_unit_test(openai_bodies),
        cmocka_unit_test(openai_joins_texts),
        cmocka_unit_test(the_limit_has_the_name_that_the_server_takes),
        cmocka_unit_test(a_shape_is_asked_for),
        cmocka_unit_test(paths_fit_what_people_write),
        cmocka_unit_test(headers_carry_the_key),
        cmocka_unit_test(a_header_cannot_be_split),
        cmocka_unit_test(a_body_has_a_bound),
        cmocka_unit_test(cache_markers_stand_where_they_pay),
        cmocka_unit_test(token_bounds_are_above_what_is_counted),
        cmocka_unit_test(token_bounds_of_a_documented_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
