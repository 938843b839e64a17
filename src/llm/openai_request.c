/* Requests in the format of OpenAI's chat completions: OpenAI, Groq, OpenClaw, Hermes, and whatever
 * is compatible.
 *
 * Goals: the smallest body that says what is meant, because compatible servers refuse what they
 * don't know: no temperature, no tool_choice, plain strings for content unless there are images,
 * max_tokens under the name that the server takes. Reasoning is not sent back: the format has no
 * place for it, and servers that have one differ.
 *
 * OpenAI itself gets a shape for the answer as response_format, strict where the schema keeps to
 * the part of JSON Schema that strict takes (else the API answers 400); all servers get it in words
 * too, as most compatible ones know no response_format, or only for some models. */
#include "base/app.h"
#include "base/config.h"
#include "llm/codec.h"
#include "llm/request.h"

enum { SESSION_KEY_BYTES_MAX = 128, STRICT_SCHEMA_BYTES_MAX = 64 << 10 };

/* ---- messages ---- */

static void field_put(struct json_writer *w, const char *key, struct str value)
{
    jw_key(w, str_of(key));
    jw_str(w, value);
}

static void message_begin(struct json_writer *w, const char *role)
{
    jw_object(w);
    field_put(w, "role", str_of(role));
}

static bool has_type(const struct llm_message *m, enum llm_part_type type)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->parts[i].type == type && (type != LLM_TEXT || wire_says(m->parts[i].text)))
            return true;
    return false;
}

/* The texts of a message as one: parts of a user's are paragraphs, those of an answer stood one
 * behind the other. */
static struct str texts_join(struct cx *cx, const struct llm_message *m)
{
    struct buf out;
    buf_init(&out, cx->arena, WIRE_BODY_BYTES_MAX);
    for (size_t i = 0; i < m->count; i++) {
        if (m->parts[i].type != LLM_TEXT || !wire_says(m->parts[i].text))
            continue;
        if (out.len && m->role == LLM_USER)
            buf_put_cstr(&out, "\n\n");
        buf_put_str(&out, m->parts[i].text);
    }
    return buf_str(&out);
}

static void results_put(struct cx *cx, struct json_writer *w, const struct llm_message *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct llm_part *p = &m->parts[i];
        if (p->type != LLM_TOOL_RESULT)
            continue;
        struct str text = wire_says(p->text) ? p->text : STR("(empty)");
        message_begin(w, "tool");
        field_put(w, "tool_call_id", p->call_id);
        field_put(w, "content",
                  p->is_error ? str_fmt(cx->arena, "Error: %.*s", STR_ARG(text)) : text);
        jw_object_end(w);
    }
}

static void content_parts_put(struct cx *cx, struct json_writer *w, const struct llm_message *m)
{
    jw_array(w);
    for (size_t i = 0; i < m->count; i++) {
        const struct llm_part *p = &m->parts[i];
        if (p->type == LLM_TEXT && wire_says(p->text)) {
            jw_object(w);
            field_put(w, "type", STR("text"));
            field_put(w, "text", p->text);
            jw_object_end(w);
        } else if (p->type == LLM_IMAGE) {
            jw_object(w);
            field_put(w, "type", STR("image_url"));
            jw_key_lit(w, "image_url");
            jw_object(w);
            field_put(w, "url",
                      str_fmt(cx->arena, "data:%.*s;base64,%.*s", STR_ARG(p->media_type),
                              STR_ARG(p->data)));
            jw_object_end(w);
            jw_object_end(w);
        }
    }
    jw_array_end(w);
}

static void user_put(struct cx *cx, struct json_writer *w, const struct llm_message *m)
{
    bool images = has_type(m, LLM_IMAGE);
    results_put(cx, w, m);
    if (!images && !has_type(m, LLM_TEXT))
        return;
    message_begin(w, "user");
    if (images) {
        jw_key_lit(w, "content");
        content_parts_put(cx, w, m);
    } else {
        field_put(w, "content", texts_join(cx, m));
    }
    jw_object_end(w);
}

static void calls_put(struct cx *cx, struct json_writer *w, const struct llm_message *m)
{
    jw_key_lit(w, "tool_calls");
    jw_array(w);
    for (size_t i = 0; i < m->count; i++) {
        const struct llm_part *p = &m->parts[i];
        if (p->type != LLM_TOOL_CALL)
            continue;
        jw_object(w);
        field_put(w, "id", p->call_id);
        field_put(w, "type", STR("function"));
        jw_key_lit(w, "function");
        jw_object(w);
        jw_key_lit(w, "name");
        wire_name_put(cx, w, p->name, WIRE_NAME_BYTES_MAX);
        field_put(w, "arguments", wire_arguments(cx->arena, p->text));
        jw_object_end(w);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void assistant_put(struct cx *cx, struct json_writer *w, const struct llm_message *m)
{
    bool texts = has_type(m, LLM_TEXT), calls = has_type(m, LLM_TOOL_CALL);
    if (!texts && !calls)
        return;
    message_begin(w, "assistant");
    field_put(w, "content", texts ? texts_join(cx, m) : STR_NULL);
    if (calls)
        calls_put(cx, w, m);
    jw_object_end(w);
}

static void system_put(struct cx *cx, struct json_writer *w, const struct llm_request *rq)
{
    struct str text = rq->system;
    if (rq->output_schema.len)
        text = str_fmt(cx->arena, "%.*s%s%s%.*s", STR_ARG(text), text.len ? "\n\n" : "",
                       WIRE_SCHEMA_WORDS, STR_ARG(rq->output_schema));
    if (!wire_says(text))
        return;
    message_begin(w, "system");
    field_put(w, "content", text);
    jw_object_end(w);
}

/* ---- a shape for the answer ---- */

static bool strict_fits(const struct json *schema);

static bool strict_object_fits(const struct json *schema)
{
    const struct json *properties = json_get(schema, "properties");
    const struct json *required = json_get(schema, "required");
    const struct json *more = json_get(schema, "additionalProperties");
    uint32_t count = properties && properties->type == JSON_OBJECT ? properties->count : 0;
    if (!more || more->type != JSON_BOOL || more->boolean || !required ||
        required->type != JSON_ARRAY || required->count != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!strict_fits(&properties->members[i].value))
            return false;
    return true;
}

/* Keeps to keywords that every strict model takes. */
static bool strict_fits(const struct json *schema)
{
    static const char *const known[] = { "type",  "properties", "required", "additionalProperties",
                                         "items", "enum",       "const",    "description",
                                         "title", "$schema" };
    if (schema->type != JSON_OBJECT || !json_text(schema, "type").len)
        return false;
    for (uint32_t i = 0; i < schema->count; i++) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && !str_is(schema->members[i].key, known[k]))
            k++;
        if (k == sizeof known / sizeof *known)
            return false;
    }
    const struct json *items = json_get(schema, "items");
    if (str_is(json_text(schema, "type"), "array") && !items)
        return false;
    if (items && !strict_fits(items))
        return false;
    return !str_is(json_text(schema, "type"), "object") || strict_object_fits(schema);
}

static bool schema_is_strict(struct cx *cx, struct str schema)
{
    static const struct json_limits limits = { .bytes_max = STRICT_SCHEMA_BYTES_MAX,
                                               .depth_max = 12 };
    struct json j;
    struct json_fault fault;
    return json_parse(cx->arena, schema, &limits, &j, &fault) == OK && strict_fits(&j) &&
           str_is(json_text(&j, "type"), "object");
}

static void response_format_put(struct cx *cx, struct json_writer *w, struct str schema)
{
    jw_key_lit(w, "response_format");
    jw_object(w);
    field_put(w, "type", STR("json_schema"));
    jw_key_lit(w, "json_schema");
    jw_object(w);
    field_put(w, "name", STR("answer"));
    jw_key_lit(w, "schema");
    jw_raw(w, schema);
    jw_key_lit(w, "strict");
    jw_bool(w, schema_is_strict(cx, schema));
    jw_object_end(w);
    jw_object_end(w);
}

/* ---- the rest of the body ---- */

static void tools_put(struct json_writer *w, const struct llm_request *rq)
{
    if (!rq->tool_count)
        return;
    jw_key_lit(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < rq->tool_count; i++) {
        jw_object(w);
        field_put(w, "type", STR("function"));
        jw_key_lit(w, "function");
        jw_object(w);
        field_put(w, "name", rq->tools[i].name);
        if (rq->tools[i].description.len)
            field_put(w, "description", rq->tools[i].description);
        jw_key_lit(w, "parameters");
        jw_raw(w, wire_schema(rq->tools[i].schema));
        jw_object_end(w);
        jw_object_end(w);
    }
    jw_array_end(w);
}

/* OpenAI's newer models refuse max_tokens, Groq calls it deprecated; servers that are only
 * compatible may know nothing else. */
static bool new_limit_name(const struct credential *c)
{
    return strcmp(c->provider, "groq") == 0 ||
           (c->base_url &&
            (strstr(c->base_url, "://api.openai.com") || strstr(c->base_url, ".openai.azure.com")));
}

static void body_put(struct cx *cx, const struct llm_request *rq, const struct credential *c,
                     struct buf *out, struct llm_wire *ret)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w);
    field_put(&w, "model", str_of(c->model));
    jw_key_lit(&w, "messages");
    jw_array(&w);
    system_put(cx, &w, rq);
    for (size_t i = 0; i < rq->message_count; i++)
        (rq->messages[i].role == LLM_USER ? user_put : assistant_put)(cx, &w, &rq->messages[i]);
    jw_array_end(&w);
    tools_put(&w, rq);
    if (rq->output_schema.len && strcmp(c->provider, "openai") == 0)
        response_format_put(cx, &w, rq->output_schema);
    jw_key(&w, new_limit_name(c) ? STR("max_completion_tokens") : STR("max_tokens"));
    jw_i64(&w, rq->max_output_tokens);
    jw_key_lit(&w, "stream");
    jw_bool(&w, true);
    ret->optional_at = out->len;
    jw_key_lit(&w, "stream_options");
    jw_raw(&w, STR("{\"include_usage\":true}"));
    ret->optional_len = out->len - ret->optional_at;
    jw_object_end(&w);
}

static enum err openclaw_headers_put(struct cx *cx, const struct llm_request *rq,
                                     const struct credential *c, struct llm_wire *w)
{
    struct str name = STR("x-openclaw-session");
    if (cx->app && cx->app->config && cx->app->config->openclaw_session_header.len)
        name = str_lower(cx->arena, cx->app->config->openclaw_session_header);
    if (c->agent_id && *c->agent_id)
        TRY(wire_header(cx, w, "x-openclaw-agent", str_of(c->agent_id)));
    if (rq->session_key.len)
        TRY(wire_header(cx, w, str_cstr(cx->arena, name),
                        str_sub(rq->session_key, 0, SESSION_KEY_BYTES_MAX)));
    if (c->cf_client_id && *c->cf_client_id && secret_len(c->cf_secret)) {
        TRY(wire_header(cx, w, "cf-access-client-id", str_of(c->cf_client_id)));
        TRY(wire_secret(cx, w, "cf-access-client-secret", "", c->cf_secret));
    }
    return OK;
}

static enum err openai_build(struct cx *cx, const struct llm_request *rq,
                             const struct credential *c, struct llm_wire *ret)
{
    struct llm_wire w = { .path = wire_path(cx->arena, c->base_url, "/chat/completions") };
    struct buf body;
    if (rq->max_output_tokens < 1)
        return cx_fault(cx, "a request to a provider without max_output_tokens");
    TRY(wire_header(cx, &w, "content-type", STR("application/json")));
    TRY(wire_header(cx, &w, "accept", STR("text/event-stream")));
    TRY(wire_secret(cx, &w, "authorization", "Bearer ", c->key));
    if (strcmp(c->provider, "openclaw") == 0)
        TRY(openclaw_headers_put(cx, rq, c, &w));
    buf_init(&body, cx->arena, WIRE_BODY_BYTES_MAX);
    body_put(cx, rq, c, &body, &w);
    TRY(wire_end(cx, &body, &w));
    *ret = w;
    return OK;
}

const struct llm_codec openai_codec = {
    .name = "openai",
    .build = openai_build,
    .input_tokens_max = openai_input_tokens_max,
    .reader_new = openai_reader_new,
};
