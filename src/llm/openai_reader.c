/* The chunks of OpenAI's chat completions, and its answer in one piece.
 *
 *   chunks with choices[0].delta … → one with finish_reason → perhaps one with usage and no choice
 *   → `[DONE]`
 *
 * Compatible servers differ: reasoning comes as `reasoning_content` or `reasoning`; calls come
 * without index, all with index 0, without id, or with arguments as an object; usage stands in
 * `x_groq`, or in every chunk. All that is taken. What is not taken: an answer without
 * finish_reason or [DONE], and content behind its finish_reason.
 *
 * The format has no blocks; they are made here. Text and reasoning end when the other, or a call,
 * begins; calls stay open until finish_reason, as their pieces may interleave. */
#include "llm/codec.h"
#include "llm/reader.h"

#include <assert.h>

struct call {
    int64_t index; /* the provider's; below 0: it gave none */
    struct str id;
    struct reader_block block;
};

struct openai {
    struct reader_block said; /* text or reasoning that is open */
    struct call *calls;
    size_t call_room;
    int call_count;
    uint64_t answer_hash; /* of the answer's id */
};

static bool broken(struct llm_reader *r, const char *what)
{
    return reader_fail(r, "The provider's answer is broken: %s.", what);
}

/* ---- usage ---- */

static void usage_read(struct llm_reader *r, const struct json *u)
{
    int64_t prompt, completion, total, cached = 0;
    if (!reader_count(u, "prompt_tokens", &prompt) ||
        !reader_count(u, "completion_tokens", &completion))
        return;
    /* Some servers leave reasoning out of completion_tokens; the total has it. */
    if (reader_count(u, "total_tokens", &total) && total - prompt > completion)
        completion = total - prompt;
    if (!reader_count(json_get(u, "prompt_tokens_details"), "cached_tokens", &cached))
        reader_count(u, "prompt_cache_hit_tokens", &cached);
    if (cached > prompt)
        cached = prompt;
    struct llm_usage usage = { .input_tokens = prompt - cached,
                               .output_tokens = completion,
                               .cache_read_tokens = cached };
    reader_usage(r, &usage);
}

/* ---- text and reasoning ---- */

static bool say(struct llm_reader *r, enum reader_block_kind kind, struct str text)
{
    struct openai *s = r->state;
    if (!text.len)
        return true;
    if (r->finish)
        return broken(r, "it goes on after its end");
    if (s->said.kind != kind && !reader_block_end(r, &s->said))
        return false;
    s->said.kind = kind;
    return reader_text(r, &s->said, kind == BLOCK_TEXT ? LLM_EVENT_TEXT : LLM_EVENT_REASONING,
                       text);
}

/* A string, or (some servers) a list of parts. */
static bool content_read(struct llm_reader *r, const struct json *content)
{
    if (content && content->type == JSON_STRING)
        return say(r, BLOCK_TEXT, content->text);
    for (uint32_t i = 0; content && content->type == JSON_ARRAY && i < content->count; i++)
        if (!say(r, BLOCK_TEXT, json_text(&content->items[i], "text")))
            return false;
    return true;
}

/* ---- calls ---- */

/* An id for a call whose server gives none: the same for the same bytes, another in the next
 * answer. */
static struct str id_make(struct llm_reader *r, int number)
{
    const struct openai *s = r->state;
    return str_fmt(r->arena, "call_%016llx_%d", (unsigned long long)s->answer_hash, number);
}

/* Two calls with one id could not be told apart by whoever answers them. */
static bool id_taken(const struct openai *s, const struct call *c)
{
    for (int i = 0; i < s->call_count; i++)
        if (&s->calls[i] != c && s->calls[i].block.begun && str_eq(s->calls[i].id, c->id))
            return true;
    return false;
}

static struct call *call_new(struct llm_reader *r, int64_t index, struct str id)
{
    struct openai *s = r->state;
    if (s->call_count >= READER_CALLS_MAX) {
        reader_fail(r, "The provider's answer calls more than %d tools.", READER_CALLS_MAX);
        return NULL;
    }
    if (id.len > READER_ID_BYTES_MAX) {
        broken(r, "a tool call's id is too long");
        return NULL;
    }
    s->calls = reader_room(r, s->calls, (size_t)s->call_count, &s->call_room, sizeof *s->calls);
    struct call *c = &s->calls[s->call_count++];
    *c = (struct call){ .index = index,
                        .id = id.len ? str_copy(r->arena, id) : STR_NULL,
                        .block = { .kind = BLOCK_TOOL } };
    return c;
}

/* The call that a piece belongs to; NULL after a failure. */
static struct call *call_of(struct llm_reader *r, const struct json *piece, bool named)
{
    struct openai *s = r->state;
    struct str id = json_text(piece, "id");
    int64_t index;
    bool indexed = reader_count(piece, "index", &index);
    struct call *found = NULL;
    for (int i = s->call_count; !found && i-- > 0;) /* newest first, for those with one index */
        if (indexed ? s->calls[i].index == index : !id.len || str_eq(s->calls[i].id, id))
            found = &s->calls[i];
    /* Another id beside a name under a known index is another call. */
    bool other = found && named && found->block.begun && id.len && !str_eq(found->id, id);
    if (!indexed && found && named && !id.len && found->block.begun)
        other = true;
    if (found && !other)
        return found;
    return call_new(r, indexed ? index : -1, id);
}

static bool piece_read(struct llm_reader *r, const struct json *piece)
{
    struct openai *s = r->state;
    const struct json *function = json_get(piece, "function");
    const struct json *arguments = json_get(function, "arguments");
    struct str name = json_text(function, "name");
    struct call *c = call_of(r, piece, name.len > 0);
    if (!c)
        return false;
    if (!c->block.begun && name.len) {
        if (!str_given(c->id) || id_taken(s, c))
            c->id = id_make(r, (int)(c - s->calls));
        if (!reader_call_begin(r, &c->block, c->id, name))
            return false;
    }
    if (arguments && arguments->type == JSON_STRING)
        return reader_arguments(r, &c->block, arguments->text);
    if (arguments && arguments->type == JSON_OBJECT)
        return reader_arguments_object(r, &c->block, arguments);
    return true;
}

static bool calls_read(struct llm_reader *r, const struct json *pieces)
{
    struct openai *s = r->state;
    if (!pieces || pieces->type != JSON_ARRAY || !pieces->count)
        return true;
    if (r->finish)
        return broken(r, "it goes on after its end");
    if (!reader_block_end(r, &s->said))
        return false;
    for (uint32_t i = 0; i < pieces->count; i++)
        if (!piece_read(r, &pieces->items[i]))
            return false;
    return true;
}

static bool blocks_end(struct llm_reader *r)
{
    struct openai *s = r->state;
    if (!reader_block_end(r, &s->said))
        return false;
    for (int i = 0; i < s->call_count; i++) {
        if (!s->calls[i].block.begun)
            return broken(r, "a tool call has no name");
        if (!reader_block_end(r, &s->calls[i].block))
            return false;
    }
    return true;
}

/* ---- chunks ---- */

static enum llm_finish finish_of(struct str reason)
{
    static const struct {
        const char *reason;
        enum llm_finish finish;
    } map[] = {
        { "stop", LLM_FINISH_STOP },
        { "length", LLM_FINISH_LENGTH },
        { "tool_calls", LLM_FINISH_TOOLS },
        { "content_filter", LLM_FINISH_FILTER },
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (str_is(reason, map[i].reason))
            return map[i].finish;
    return LLM_FINISH_OTHER;
}

/* `said`: a delta, or the message of a whole answer. */
static bool choice_read(struct llm_reader *r, const struct json *choice, const struct json *said)
{
    struct str reasoning = json_text(said, "reasoning_content");
    struct str refusal = json_text(said, "refusal");
    if (!reasoning.len)
        reasoning = json_text(said, "reasoning");
    if (!say(r, BLOCK_REASONING, reasoning) || !content_read(r, json_get(said, "content")) ||
        !say(r, BLOCK_TEXT, refusal) || !calls_read(r, json_get(said, "tool_calls")))
        return false;
    struct str reason = json_text(choice, "finish_reason");
    if (!reason.len || r->finish) /* some servers repeat it beside the usage */
        return true;
    if (!blocks_end(r))
        return false;
    r->finish = finish_of(reason);
    return true;
}

static bool answer_read(struct llm_reader *r, const struct json *answer, const char *said)
{
    struct openai *s = r->state;
    const struct json *error = json_get(answer, "error"), *choices = json_get(answer, "choices");
    if ((error && error->type != JSON_NULL) || str_is(json_text(answer, "object"), "error") ||
        str_is(json_text(answer, "type"), "error"))
        return reader_fail_with(r, answer);
    struct str id = json_text(answer, "id");
    if (id.len && !s->answer_hash) { /* FNV-1a */
        s->answer_hash = 0xcbf29ce484222325u;
        for (size_t i = 0; i < id.len; i++)
            s->answer_hash = (s->answer_hash ^ (unsigned char)id.ptr[i]) * 0x100000001b3u;
    }
    for (uint32_t i = 0; choices && choices->type == JSON_ARRAY && i < choices->count; i++) {
        const struct json *choice = &choices->items[i];
        int64_t index = 0; /* one answer is asked for; another is nobody's */
        if (reader_count(choice, "index", &index) && index != 0)
            continue;
        if (!choice_read(r, choice, json_get(choice, said)))
            return false;
    }
    usage_read(r, json_get(answer, "usage"));
    usage_read(r, json_get(json_get(answer, "x_groq"), "usage"));
    return true;
}

static bool on_data(struct llm_reader *r, struct str data)
{
    struct json chunk;
    if (str_is(str_trim(data), "[DONE]"))
        return reader_finish(r);
    return reader_json(r, data, &chunk) && answer_read(r, &chunk, "delta");
}

static bool on_body(struct llm_reader *r, const struct json *body)
{
    return answer_read(r, body, "message") && reader_finish(r);
}

static const struct reader_format format = { .state_size = sizeof(struct openai),
                                             .on_data = on_data,
                                             .on_body = on_body };

struct llm_reader *openai_reader_new(void (*on_event)(void *arg, const struct llm_event *e),
                                     void *arg)
{
    return reader_new(&format, on_event, arg);
}
