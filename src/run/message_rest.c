/* Goal: the message at rest: the parts of a UIMessage, what providers need back, plain text; and
 * back from there, or from the journal of stream parts. Invariant: what was written is read again;
 * what is damaged is refused, never half loaded into a run that goes on (the caller drops the
 * message). */
#include "run/message_log.h"

#include <stdlib.h>

/* ---- writing ---- */

static const char *tool_state_name(enum tool_state s)
{
    static const char *const names[] = { [TOOL_INPUT_STREAMING] = "input-streaming",
                                         [TOOL_INPUT_AVAILABLE] = "input-available",
                                         [TOOL_OUTPUT_AVAILABLE] = "output-available",
                                         [TOOL_OUTPUT_ERROR] = "output-error" };
    return names[s];
}

static void write_tool(struct json_writer *w, const struct part *p)
{
    char type[160];
    size_t n = strlen(p->name);
    memcpy(type, "tool-", 5);
    memcpy(type + 5, p->name, n < 128 ? n : 128);
    jw_str(w, (struct str){ type, 5 + (n < 128 ? n : 128) });
    jw_key_lit(w, "toolCallId");
    jw_str(w, str_of(p->id));
    jw_key_lit(w, "state");
    jw_str(w, str_of(tool_state_name(p->tool)));
    jw_key_lit(w, "input");
    jw_raw(w, p->tool == TOOL_INPUT_STREAMING ? STR("{}") : buf_str(&p->text));
    if (p->tool == TOOL_OUTPUT_AVAILABLE) {
        jw_key_lit(w, "output");
        jw_raw(w, str_of(p->output));
    } else if (p->tool == TOOL_OUTPUT_ERROR) {
        jw_key_lit(w, "errorText");
        jw_str(w, str_of(p->output));
    }
}

static void write_part(struct json_writer *w, const struct part *p)
{
    jw_object(w);
    jw_key_lit(w, "type");
    switch (p->type) {
    case PART_STEP:
        jw_str(w, STR("step-start"));
        break;
    case PART_TEXT:
    case PART_REASONING:
        jw_str(w, p->type == PART_TEXT ? STR("text") : STR("reasoning"));
        jw_key_lit(w, "text");
        jw_str(w, buf_str(&p->text));
        jw_key_lit(w, "state");
        jw_str(w, STR("done"));
        break;
    case PART_TOOL:
        write_tool(w, p);
        break;
    case PART_DATA:
        jw_str(w, str_of(p->name));
        jw_key_lit(w, "data");
        jw_raw(w, buf_str(&p->text));
        break;
    }
    jw_object_end(w);
}

void message_parts_json(const struct message *m, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_array(&w);
    for (size_t i = 0; i < m->part_count; i++)
        write_part(&w, &m->parts[i]);
    jw_array_end(&w);
}

void message_plain_text(const struct message *m, struct buf *out)
{
    for (size_t i = 0; i < m->part_count; i++) {
        const struct part *p = &m->parts[i];
        if (p->type != PART_TEXT || p->text.len == 0)
            continue;
        if (out->len)
            buf_put_cstr(out, "\n\n");
        buf_put_str(out, buf_str(&p->text));
    }
}

void message_provider_json(const struct message *m, struct buf *out)
{
    struct json_writer w;
    bool any = false;
    for (size_t i = 0; i < m->part_count; i++)
        any |= m->parts[i].signature != NULL;
    if (!any)
        return;
    jw_init(&w, out);
    jw_object(&w);
    for (size_t i = 0; i < m->part_count; i++) {
        const struct part *p = &m->parts[i];
        struct buf key;
        if (!p->signature)
            continue;
        buf_init(&key, NULL, 32);
        buf_put_i64(&key, (int64_t)i);
        jw_key(&w, buf_str(&key));
        buf_release(&key);
        jw_object(&w);
        jw_key(&w, p->redacted ? STR("redacted") : STR("signature"));
        jw_str(&w, str_of(p->signature));
        jw_object_end(&w);
    }
    jw_object_end(&w);
}

/* ---- reading parts at rest ---- */

static bool load_tool(struct message *m, const struct json *j, struct str type)
{
    struct str state = json_text(j, "state"), id = json_text(j, "toolCallId");
    const struct json *input = json_get(j, "input"), *output = json_get(j, "output");
    struct str name = str_sub(type, 5, type.len), error = json_text(j, "errorText");
    if (!str_given(id) || !name.len)
        return false;
    int part = message_part_start(m, PART_TOOL, id, name);
    if (part < 0)
        return false;
    struct str in = input && input->type == JSON_OBJECT ? input->source : STR("{}");
    if (!message_tool_input(m, part, in))
        return false;
    if (str_is(state, "output-error"))
        return message_tool_error(m, part, str_given(error) ? error : STR("failed"));
    if (!str_is(state, "output-available"))
        return true;
    struct buf value;
    struct json_writer w;
    buf_init(&value, NULL, MESSAGE_BYTES_MAX);
    jw_init(&w, &value);
    if (output)
        jw_value(&w, output);
    else
        jw_null(&w);
    bool ok = !value.overflow && message_tool_output(m, part, buf_str(&value));
    buf_release(&value);
    return ok;
}

static bool load_data(struct message *m, const struct json *j, struct str type)
{
    const struct json *data = json_get(j, "data");
    struct buf value;
    struct json_writer w;
    char name[64];
    if (!data || type.len >= sizeof name)
        return data == NULL;
    memcpy(name, type.ptr, type.len);
    name[type.len] = '\0';
    buf_init(&value, NULL, MESSAGE_BYTES_MAX);
    jw_init(&w, &value);
    jw_value(&w, data);
    bool ok = !value.overflow && message_data(m, name, buf_str(&value), false);
    buf_release(&value);
    return ok;
}

/* A step ends where the next one begins. */
static void step_end_before(struct message *m)
{
    for (size_t i = 0; i < m->part_count; i++)
        if (m->parts[i].type == PART_STEP) {
            message_step_end(m);
            return;
        }
}

static bool load_part(struct message *m, const struct json *j)
{
    struct str type = json_text(j, "type"), text = json_text(j, "text");
    if (str_is(type, "step-start")) {
        step_end_before(m);
        return message_step_start(m);
    }
    if (str_is(type, "text") || str_is(type, "reasoning")) {
        enum part_type t = str_is(type, "text") ? PART_TEXT : PART_REASONING;
        int part = message_part_start(m, t, STR_NULL, STR_NULL);
        return part >= 0 && message_delta(m, part, text) && message_part_end(m, part);
    }
    if (str_starts(type, STR("tool-")))
        return load_tool(m, j, type);
    if (str_starts(type, STR("data-")))
        return load_data(m, j, type);
    return str_given(type); /* of a later version: left out */
}

static bool load_parts(struct message *m, struct arena *a, struct str parts_json)
{
    struct json all;
    struct json_fault fault;
    if (json_parse(a, parts_json, NULL, &all, &fault) != OK || all.type != JSON_ARRAY)
        return false;
    for (uint32_t i = 0; i < all.count; i++)
        if (!load_part(m, &all.items[i]))
            return false;
    return true;
}

static bool load_provider(struct message *m, struct arena *a, struct str provider_json)
{
    struct json all;
    struct json_fault fault;
    if (!str_given(provider_json) || provider_json.len == 0)
        return true;
    if (json_parse(a, provider_json, NULL, &all, &fault) != OK || all.type != JSON_OBJECT)
        return false;
    for (uint32_t i = 0; i < all.count; i++) {
        int64_t part;
        struct str signature = json_text(&all.members[i].value, "signature");
        struct str redacted = json_text(&all.members[i].value, "redacted");
        if (!str_to_i64(all.members[i].key, &part) || part < 0 || (size_t)part >= m->part_count ||
            m->parts[part].type != PART_REASONING)
            return false;
        if (str_given(signature))
            message_signature(m, (int)part, signature, false);
        else if (str_given(redacted))
            message_signature(m, (int)part, redacted, true);
    }
    return true;
}

bool message_load(struct message *m, struct str parts_json, struct str provider_json)
{
    struct arena *a = arena_new(0);
    bool ok = load_parts(m, a, parts_json) && load_provider(m, a, provider_json);
    arena_free(a);
    for (size_t i = 1; i < m->entry_count; i++)
        free(m->entries[i].text);
    m->entry_count = 1; /* `start` alone: the rest is known */
    m->counter = 1;
    return ok;
}

bool message_load_told(struct message *m, struct str parts_json)
{
    struct arena *a = arena_new(0);
    bool ok = load_parts(m, a, parts_json);
    arena_free(a);
    step_end_before(m);
    return ok;
}

/* ---- reading the journal ---- */

static int part_by_id(const struct message *m, enum part_type type, struct str id)
{
    for (size_t i = m->part_count; i > 0; i--)
        if (m->parts[i - 1].type == type && m->parts[i - 1].id && str_is(id, m->parts[i - 1].id))
            return (int)i - 1;
    return -1;
}

static bool apply_tool(struct message *m, const struct json *j, struct str type)
{
    struct str id = json_text(j, "toolCallId");
    int part = message_tool_find(m, id);
    if (str_is(type, "tool-input-start"))
        return part < 0 && message_part_start(m, PART_TOOL, id, json_text(j, "toolName")) >= 0;
    if (part < 0)
        return false;
    const struct part *p = &m->parts[part];
    if (str_is(type, "tool-input-delta"))
        return !p->closed && message_delta(m, part, json_text(j, "inputTextDelta"));
    const struct json *input = json_get(j, "input"), *output = json_get(j, "output");
    if (str_is(type, "tool-input-available"))
        return !p->closed && input && message_tool_input(m, part, input->source);
    if (p->tool > TOOL_INPUT_AVAILABLE)
        return true; /* a person's answer, which its row has */
    if (str_is(type, "tool-output-error"))
        return message_tool_error(m, part, json_text(j, "errorText"));
    struct buf value;
    struct json_writer w;
    buf_init(&value, NULL, MESSAGE_BYTES_MAX);
    jw_init(&w, &value);
    if (output)
        jw_value(&w, output);
    else
        jw_null(&w);
    bool ok = !value.overflow && message_tool_output(m, part, buf_str(&value));
    buf_release(&value);
    return ok;
}

static bool apply_text(struct message *m, const struct json *j, struct str type)
{
    enum part_type t = str_starts(type, STR("text-")) ? PART_TEXT : PART_REASONING;
    struct str id = json_text(j, "id");
    int part = part_by_id(m, t, id);
    if (str_ends(type, STR("-start")))
        return message_part_start(m, t, id, STR_NULL) >= 0;
    if (part < 0 || m->parts[part].closed)
        return false;
    if (str_ends(type, STR("-end")))
        return message_part_end(m, part);
    return message_delta(m, part, json_text(j, "delta"));
}

static bool apply_one(struct message *m, const struct json *j)
{
    struct str type = json_text(j, "type");
    if (str_is(type, "start-step"))
        return message_step_start(m);
    if (str_is(type, "finish-step"))
        return message_step_end(m);
    if (str_starts(type, STR("text-")) || str_starts(type, STR("reasoning-")))
        return apply_text(m, j, type);
    if (str_starts(type, STR("tool-")))
        return apply_tool(m, j, type);
    if (str_starts(type, STR("data-")))
        return json_get(j, "transient") ? true : load_data(m, j, type);
    return str_given(type); /* start, finish: not of the parts */
}

bool message_apply(struct message *m, struct str stream_parts_json)
{
    struct arena *a = arena_new(0);
    struct json all;
    struct json_fault fault;
    bool ok = json_parse(a, stream_parts_json, NULL, &all, &fault) == OK && all.type == JSON_ARRAY;
    uint32_t count = ok ? all.count : 0;
    for (uint32_t i = 0; i < count; i++)
        ok &= apply_one(m, &all.items[i]);
    arena_free(a);
    return ok;
}
