/* Requests to Anthropic's Messages API.
 *
 * Goals: bodies that the API never refuses for their form, whatever providers a thread has seen
 * before; reasoning echoed byte for byte (its signature covers it); a prefix that the next turn
 * finds in the cache.
 *
 * What the API asks for: max_tokens always; no block of text that is empty or blank; results of
 * tools before anything else in their message; ids of calls of [A-Za-z0-9_-]; at most four
 * cache_control markers, of which none on a thinking block. Reasoning without a signature comes
 * from elsewhere and is left out.
 *
 * A shape for the answer is asked for in words: the API's own way takes a part of JSON Schema only,
 * and a forced tool excludes the tools of the loop; whoever asked checks the answer anyway. */
#include "base/app.h"
#include "base/config.h"
#include "llm/codec.h"
#include "llm/request.h"

#define VERSION STR("2023-06-01")
/* From this version on the key is a bearer. */
#define VERSION_BEARER STR("2026-10-21")

/* Prompt caching starts at about 1,024 tokens; a token of a dense script or of JSON is 3 bytes. A
 * marker on less is only ignored. */
enum { CACHE_BYTES_MIN = 3072, CALL_ID_BYTES_MAX = 256 };

struct marks {
    bool tools, system;
    size_t message[2]; /* index of user messages; SIZE_MAX: none */
};

/* ---- where the cache markers stand ---- */

static size_t message_bytes(const struct llm_message *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++)
        n += m->parts[i].text.len + m->parts[i].name.len + m->parts[i].data.len;
    return n;
}

/* The prefix order is tools, system, messages. Writing to the cache costs a quarter more, so
 * messages are marked only where another turn is likely: in a conversation, or beside tools. Two of
 * them, because a look-up goes back over 20 blocks only, and one turn may add more. */
static struct marks marks_place(const struct llm_request *rq)
{
    struct marks marks = { .message = { SIZE_MAX, SIZE_MAX } };
    size_t bytes = 0;
    for (size_t i = 0; i < rq->tool_count; i++)
        bytes += rq->tools[i].name.len + rq->tools[i].description.len + rq->tools[i].schema.len;
    marks.tools = rq->tool_count && bytes >= CACHE_BYTES_MIN;
    bytes += rq->system.len;
    marks.system = wire_says(rq->system) && bytes >= CACHE_BYTES_MIN;
    if (!rq->tool_count && rq->message_count < 2)
        return marks;
    for (size_t i = 0; i < rq->message_count; i++) {
        bytes += message_bytes(&rq->messages[i]);
        if (rq->messages[i].role != LLM_USER || bytes < CACHE_BYTES_MIN)
            continue;
        marks.message[0] = marks.message[1];
        marks.message[1] = i;
    }
    return marks;
}

static void mark_put(struct json_writer *w, bool marked)
{
    if (!marked)
        return;
    jw_key_lit(w, "cache_control");
    jw_raw(w, STR("{\"type\":\"ephemeral\"}"));
}

/* ---- messages ---- */

static bool part_sent(enum llm_role role, const struct llm_part *p)
{
    switch (p->type) {
    case LLM_TEXT:
        return wire_says(p->text);
    case LLM_REASONING:
        return role == LLM_ASSISTANT && p->signature.len;
    case LLM_REDACTED:
        return role == LLM_ASSISTANT && p->data.len;
    case LLM_TOOL_CALL:
        return role == LLM_ASSISTANT;
    case LLM_IMAGE:
    case LLM_TOOL_RESULT:
        return role == LLM_USER;
    }
    return false;
}

static void text_put(struct json_writer *w, const char *type, struct str text)
{
    jw_key_lit(w, "type");
    jw_str(w, str_of(type));
    jw_key_lit(w, "text");
    jw_str(w, text);
}

static void image_put(struct json_writer *w, const struct llm_part *p)
{
    jw_key_lit(w, "type");
    jw_str(w, STR("image"));
    jw_key_lit(w, "source");
    jw_object(w);
    jw_key_lit(w, "type");
    jw_str(w, STR("base64"));
    jw_key_lit(w, "media_type");
    jw_str(w, p->media_type);
    jw_key_lit(w, "data");
    jw_str(w, p->data);
    jw_object_end(w);
}

static void reasoning_put(struct json_writer *w, const struct llm_part *p)
{
    jw_key_lit(w, "type");
    if (p->type == LLM_REDACTED) {
        jw_str(w, STR("redacted_thinking"));
        jw_key_lit(w, "data");
        jw_str(w, p->data);
        return;
    }
    jw_str(w, STR("thinking"));
    jw_key_lit(w, "thinking");
    jw_str(w, str_given(p->text) ? p->text : STR(""));
    jw_key_lit(w, "signature");
    jw_str(w, p->signature);
}

static void call_put(struct cx *cx, struct json_writer *w, const struct llm_part *p)
{
    jw_key_lit(w, "type");
    jw_str(w, STR("tool_use"));
    jw_key_lit(w, "id");
    wire_name_put(cx, w, p->call_id, CALL_ID_BYTES_MAX);
    jw_key_lit(w, "name");
    wire_name_put(cx, w, p->name, WIRE_NAME_BYTES_MAX);
    jw_key_lit(w, "input");
    jw_raw(w, wire_arguments(cx->arena, p->text));
}

static void result_put(struct cx *cx, struct json_writer *w, const struct llm_part *p)
{
    jw_key_lit(w, "type");
    jw_str(w, STR("tool_result"));
    jw_key_lit(w, "tool_use_id");
    wire_name_put(cx, w, p->call_id, CALL_ID_BYTES_MAX);
    jw_key_lit(w, "content");
    jw_str(w, wire_says(p->text) ? p->text : STR("(empty)"));
    if (p->is_error) {
        jw_key_lit(w, "is_error");
        jw_bool(w, true);
    }
}

static void part_put(struct cx *cx, struct json_writer *w, const struct llm_part *p, bool marked)
{
    jw_object(w);
    switch (p->type) {
    case LLM_TEXT:
        text_put(w, "text", p->text);
        break;
    case LLM_IMAGE:
        image_put(w, p);
        break;
    case LLM_REASONING:
    case LLM_REDACTED:
        reasoning_put(w, p);
        break;
    case LLM_TOOL_CALL:
        call_put(cx, w, p);
        break;
    case LLM_TOOL_RESULT:
        result_put(cx, w, p);
        break;
    }
    mark_put(w, marked);
    jw_object_end(w);
}

/* Results of tools first, the rest in its order. */
static void message_put(struct cx *cx, struct json_writer *w, const struct llm_message *m,
                        bool marked)
{
    size_t left = 0;
    for (size_t i = 0; i < m->count; i++)
        left += part_sent(m->role, &m->parts[i]);
    if (!left)
        return;
    jw_object(w);
    jw_key_lit(w, "role");
    jw_str(w, m->role == LLM_USER ? STR("user") : STR("assistant"));
    jw_key_lit(w, "content");
    jw_array(w);
    for (int results = 1; results >= 0; results--)
        for (size_t i = 0; i < m->count; i++) {
            const struct llm_part *p = &m->parts[i];
            if (part_sent(m->role, p) && (p->type == LLM_TOOL_RESULT) == results)
                part_put(cx, w, p, marked && --left == 0);
        }
    jw_array_end(w);
    jw_object_end(w);
}

/* ---- the rest of the body ---- */

static void system_put(struct cx *cx, struct json_writer *w, const struct llm_request *rq,
                       bool marked)
{
    if (!wire_says(rq->system) && !rq->output_schema.len)
        return;
    jw_key_lit(w, "system");
    jw_array(w);
    if (wire_says(rq->system)) {
        jw_object(w);
        text_put(w, "text", rq->system);
        mark_put(w, marked);
        jw_object_end(w);
    }
    if (rq->output_schema.len) {
        jw_object(w);
        text_put(w, "text",
                 str_fmt(cx->arena, "%s%.*s", WIRE_SCHEMA_WORDS, STR_ARG(rq->output_schema)));
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void tools_put(struct json_writer *w, const struct llm_request *rq, bool marked)
{
    if (!rq->tool_count)
        return;
    jw_key_lit(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < rq->tool_count; i++) {
        jw_object(w);
        jw_key_lit(w, "name");
        jw_str(w, rq->tools[i].name);
        if (rq->tools[i].description.len) {
            jw_key_lit(w, "description");
            jw_str(w, rq->tools[i].description);
        }
        jw_key_lit(w, "input_schema");
        jw_raw(w, wire_schema(rq->tools[i].schema));
        mark_put(w, marked && i + 1 == rq->tool_count);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void body_put(struct cx *cx, const struct llm_request *rq, const struct credential *c,
                     struct buf *out)
{
    struct marks marks = marks_place(rq);
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w);
    jw_key_lit(&w, "model");
    jw_str(&w, str_of(c->model));
    jw_key_lit(&w, "max_tokens");
    jw_i64(&w, rq->max_output_tokens);
    jw_key_lit(&w, "stream");
    jw_bool(&w, true);
    tools_put(&w, rq, marks.tools);
    system_put(cx, &w, rq, marks.system);
    jw_key_lit(&w, "messages");
    jw_array(&w);
    for (size_t i = 0; i < rq->message_count; i++)
        message_put(cx, &w, &rq->messages[i], i == marks.message[0] || i == marks.message[1]);
    jw_array_end(&w);
    jw_object_end(&w);
}

static enum err headers_put(struct cx *cx, const struct credential *c, struct llm_wire *w)
{
    struct str version = VERSION;
    if (cx->app && cx->app->config && cx->app->config->anthropic_version.len)
        version = cx->app->config->anthropic_version;
    bool bearer = str_cmp(version, VERSION_BEARER) >= 0;
    TRY(wire_header(cx, w, "content-type", STR("application/json")));
    TRY(wire_header(cx, w, "accept", STR("text/event-stream")));
    TRY(wire_header(cx, w, "anthropic-version", version));
    return wire_secret(cx, w, bearer ? "authorization" : "x-api-key", bearer ? "Bearer " : "",
                       c->key);
}

static enum err anthropic_build(struct cx *cx, const struct llm_request *rq,
                                const struct credential *c, struct llm_wire *ret)
{
    struct llm_wire w = { .path = wire_path(cx->arena, c->base_url, "/messages") };
    struct buf body;
    if (rq->max_output_tokens < 1)
        return cx_fault(cx, "a request to a provider without max_output_tokens");
    TRY(headers_put(cx, c, &w));
    buf_init(&body, cx->arena, WIRE_BODY_BYTES_MAX);
    body_put(cx, rq, c, &body);
    TRY(wire_end(cx, &body, &w));
    *ret = w;
    return OK;
}

const struct llm_codec anthropic_codec = {
    .name = "anthropic",
    .build = anthropic_build,
    .input_tokens_max = anthropic_input_tokens_max,
    .reader_new = anthropic_reader_new,
};
