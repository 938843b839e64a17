/* The event stream of Anthropic's Messages API, and its answer in one piece.
 *
 *   message_start → (content_block_start → content_block_delta … → content_block_stop) …
 *   → message_delta (stop_reason, usage) → message_stop
 *
 * with `ping`, `error` and events that are unknown here at any time. Unknown events, blocks and
 * deltas are passed over, as the API's versioning asks of clients; known ones out of their order
 * are a broken stream. The member "type" of the data decides, not the event's name: both always
 * agree where the API speaks, and proxies drop the name.
 *
 * Usage counts are cumulative: message_delta repeats what it knows better, and nothing else. */
#include "llm/codec.h"
#include "llm/reader.h"

struct open_block {
    int64_t index; /* the provider's */
    struct reader_block block;
};

struct anthropic {
    bool started;
    struct llm_usage usage;
    struct open_block *open;
    size_t open_count, open_room;
    int block_starts; /* with those passed over */
};

static bool broken(struct llm_reader *r, const char *what)
{
    return reader_fail(r, "The provider's answer is broken: %s.", what);
}

static void usage_read(struct llm_reader *r, const struct json *u)
{
    static const struct {
        const char *key;
        size_t offset;
    } counts[] = {
        { "input_tokens", offsetof(struct llm_usage, input_tokens) },
        { "output_tokens", offsetof(struct llm_usage, output_tokens) },
        { "cache_read_input_tokens", offsetof(struct llm_usage, cache_read_tokens) },
        { "cache_creation_input_tokens", offsetof(struct llm_usage, cache_write_tokens) },
    };
    struct anthropic *s = r->state;
    bool any = false;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        any |= reader_count(u, counts[i].key,
                            (int64_t *)(void *)((char *)&s->usage + counts[i].offset));
    if (any)
        reader_usage(r, &s->usage);
}

static enum llm_finish finish_of(struct str reason)
{
    static const struct {
        const char *reason;
        enum llm_finish finish;
    } map[] = {
        { "end_turn", LLM_FINISH_STOP },     { "stop_sequence", LLM_FINISH_STOP },
        { "max_tokens", LLM_FINISH_LENGTH }, { "model_context_window_exceeded", LLM_FINISH_LENGTH },
        { "tool_use", LLM_FINISH_TOOLS },    { "refusal", LLM_FINISH_FILTER },
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (str_is(reason, map[i].reason))
            return map[i].finish;
    return LLM_FINISH_OTHER; /* pause_turn among them: server tools are never asked for */
}

static void reason_read(struct llm_reader *r, const struct json *holder)
{
    struct str reason = json_text(holder, "stop_reason");
    if (str_given(reason))
        r->finish = finish_of(reason);
}

/* ---- blocks ---- */

static enum reader_block_kind kind_of(struct str type)
{
    if (str_is(type, "text"))
        return BLOCK_TEXT;
    if (str_is(type, "thinking"))
        return BLOCK_REASONING;
    if (str_is(type, "redacted_thinking"))
        return BLOCK_REDACTED;
    return str_is(type, "tool_use") ? BLOCK_TOOL : BLOCK_PASSED_OVER;
}

/* A signature needs its block's first event before it, also when there is no text to show. */
static bool signature_take(struct llm_reader *r, struct reader_block *b, struct str signature)
{
    if (!signature.len)
        return true;
    if (!b->begun && !reader_text(r, b, LLM_EVENT_REASONING, STR("")))
        return false;
    return reader_text(r, b, LLM_EVENT_SIGNATURE, signature);
}

/* What a content block holds when it starts; in a whole answer that is all. */
static bool block_start(struct llm_reader *r, struct reader_block *b, const struct json *block)
{
    struct str text;
    const struct json *input;
    switch (b->kind) {
    case BLOCK_TEXT:
        text = json_text(block, "text");
        return !text.len || reader_text(r, b, LLM_EVENT_TEXT, text);
    case BLOCK_REASONING:
        text = json_text(block, "thinking");
        if (text.len && !reader_text(r, b, LLM_EVENT_REASONING, text))
            return false;
        return signature_take(r, b, json_text(block, "signature"));
    case BLOCK_REDACTED:
        text = json_text(block, "data");
        return text.len ? reader_text(r, b, LLM_EVENT_REDACTED, text)
                        : broken(r, "a redacted block holds no data");
    case BLOCK_TOOL:
        input = json_get(block, "input"); /* in a stream it is empty and comes in deltas */
        if (!reader_call_begin(r, b, json_text(block, "id"), json_text(block, "name")))
            return false;
        return !input || input->type != JSON_OBJECT || !input->count ||
               reader_arguments_object(r, b, input);
    default:
        return true;
    }
}

static bool block_find(struct llm_reader *r, const struct json *event, size_t *ret)
{
    struct anthropic *s = r->state;
    int64_t index;
    if (!reader_count(event, "index", &index))
        return broken(r, "an event of a block has no index");
    for (size_t i = 0; i < s->open_count; i++)
        if (s->open[i].index == index) {
            *ret = i;
            return true;
        }
    return broken(r, "an event belongs to a block that is not open");
}

/* ---- events ---- */

static bool on_block_start(struct llm_reader *r, const struct json *event)
{
    struct anthropic *s = r->state;
    const struct json *block = json_get(event, "content_block");
    int64_t index;
    if (!reader_count(event, "index", &index) || !block || block->type != JSON_OBJECT)
        return broken(r, "a block starts without an index or content");
    for (size_t i = 0; i < s->open_count; i++)
        if (s->open[i].index == index)
            return broken(r, "a block starts twice");
    if (s->block_starts++ >= READER_BLOCKS_MAX)
        return reader_fail(r, "The provider's answer has more than %d blocks.", READER_BLOCKS_MAX);
    s->open = reader_room(r, s->open, s->open_count, &s->open_room, sizeof *s->open);
    struct open_block *b = &s->open[s->open_count++];
    *b = (struct open_block){ index, { .kind = kind_of(json_text(block, "type")) } };
    return block_start(r, &b->block, block);
}

static bool on_block_delta(struct llm_reader *r, const struct json *event)
{
    struct anthropic *s = r->state;
    const struct json *delta = json_get(event, "delta");
    struct str type = json_text(delta, "type");
    size_t at = 0;
    if (!block_find(r, event, &at))
        return false;
    struct reader_block *b = &s->open[at].block;
    static const struct {
        const char *type, *member;
        enum reader_block_kind kind;
    } known[] = {
        { "text_delta", "text", BLOCK_TEXT },
        { "thinking_delta", "thinking", BLOCK_REASONING },
        { "signature_delta", "signature", BLOCK_REASONING },
        { "input_json_delta", "partial_json", BLOCK_TOOL },
    };
    size_t k = 0;
    while (k < sizeof known / sizeof *known && !str_is(type, known[k].type))
        k++;
    if (b->kind == BLOCK_PASSED_OVER || k == sizeof known / sizeof *known)
        return true;
    struct str text = json_text(delta, known[k].member);
    if (b->kind != known[k].kind || !str_given(text))
        return broken(r, "a delta does not fit its block");
    if (b->kind == BLOCK_TOOL)
        return reader_arguments(r, b, text);
    if (k == 2)
        return signature_take(r, b, text);
    return !text.len ||
           reader_text(r, b, b->kind == BLOCK_TEXT ? LLM_EVENT_TEXT : LLM_EVENT_REASONING, text);
}

static bool on_block_stop(struct llm_reader *r, const struct json *event)
{
    struct anthropic *s = r->state;
    size_t at = 0;
    if (!block_find(r, event, &at))
        return false;
    if (!reader_block_end(r, &s->open[at].block))
        return false;
    s->open[at] = s->open[--s->open_count];
    return true;
}

static bool on_message_start(struct llm_reader *r, const struct json *event)
{
    struct anthropic *s = r->state;
    if (s->started)
        return broken(r, "it starts twice");
    s->started = true;
    usage_read(r, json_get(json_get(event, "message"), "usage"));
    return true;
}

static bool on_message_delta(struct llm_reader *r, const struct json *event)
{
    reason_read(r, json_get(event, "delta"));
    usage_read(r, json_get(event, "usage"));
    return true;
}

static bool on_message_stop(struct llm_reader *r)
{
    struct anthropic *s = r->state;
    if (s->open_count)
        return broken(r, "it ends inside a block");
    return reader_finish(r);
}

static bool on_data(struct llm_reader *r, struct str data)
{
    struct anthropic *s = r->state;
    struct json event;
    if (!reader_json(r, data, &event))
        return false;
    struct str type = json_text(&event, "type");
    if (str_is(type, "error") || json_get(&event, "error"))
        return reader_fail_with(r, &event);
    if (str_is(type, "message_start"))
        return on_message_start(r, &event);
    static const char *const ordered[] = { "content_block_start", "content_block_delta",
                                           "content_block_stop", "message_delta", "message_stop" };
    size_t k = 0;
    while (k < sizeof ordered / sizeof *ordered && !str_is(type, ordered[k]))
        k++;
    if (k == sizeof ordered / sizeof *ordered)
        return true; /* ping, and what is not known yet */
    if (!s->started)
        return broken(r, "it has no start");
    if (k < 3 && r->finish)
        return broken(r, "it goes on after its end");
    switch (k) {
    case 0:
        return on_block_start(r, &event);
    case 1:
        return on_block_delta(r, &event);
    case 2:
        return on_block_stop(r, &event);
    case 3:
        return on_message_delta(r, &event);
    default:
        return on_message_stop(r);
    }
}

static bool on_body(struct llm_reader *r, const struct json *body)
{
    const struct json *content = json_get(body, "content");
    if (str_is(json_text(body, "type"), "error") || json_get(body, "error"))
        return reader_fail_with(r, body);
    if (!str_is(json_text(body, "type"), "message") || !content || content->type != JSON_ARRAY)
        return broken(r, "it is no message");
    for (uint32_t i = 0; i < content->count; i++) {
        struct reader_block b = { .kind = kind_of(json_text(&content->items[i], "type")) };
        if (!block_start(r, &b, &content->items[i]) || !reader_block_end(r, &b))
            return false;
    }
    reason_read(r, body);
    usage_read(r, json_get(body, "usage"));
    return reader_finish(r);
}

static const struct reader_format format = { .state_size = sizeof(struct anthropic),
                                             .on_data = on_data,
                                             .on_body = on_body };

struct llm_reader *anthropic_reader_new(void (*on_event)(void *arg, const struct llm_event *e),
                                        void *arg)
{
    return reader_new(&format, on_event, arg);
}
