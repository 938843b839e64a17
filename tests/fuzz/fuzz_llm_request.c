/* Properties of whatever takes a conversation, on any conversation:
 *
 *   both codecs build a body that our strict reader takes, and whose size their bound of tokens is
 *   not below, images apart;
 *   the offline assistant calls only what is offered, with JSON arguments, speaks UTF-8, and ends
 *   within a few steps, whatever the tools answer;
 *   an error's sentence is valid UTF-8 and not empty.
 *
 * The input is lines; the first letter of each says what it is: U person, A assistant, T text,
 * R reasoning, D redacted, I image, C call, X result, E result that is an error, S system, J shape.
 * U and A begin a message, the others are its parts. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "llm/offline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 16, LINES_MAX = 200, STEPS_MAX = 5 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static const struct llm_tool tools[] = {
    { STR("search"), STR("Search"), STR("{\"properties\":{\"query\":{},\"limit\":{}}}") },
    { STR("list_documents"), STR(""), STR("{}") },
    { STR("get_document_content"), STR(""), STR_NULL },
    { STR("search_system_docs"), STR(""), STR("{\"properties\":{\"q\":{}}}") },
    { STR("ask_question"), STR(""), STR("{}") },
    { STR("create_document"), STR(""), STR("{}") },
};

static bool json_is_valid(struct arena *a, struct str text)
{
    struct json j;
    struct json_fault fault;
    return json_parse(a, text, NULL, &j, &fault) == OK;
}

static void part_take(char letter, struct str text, struct llm_part *p)
{
    static const struct {
        char letter;
        enum llm_part_type type;
    } types[] = { { 'T', LLM_TEXT },       { 'R', LLM_REASONING }, { 'D', LLM_REDACTED },
                  { 'I', LLM_IMAGE },      { 'C', LLM_TOOL_CALL }, { 'X', LLM_TOOL_RESULT },
                  { 'E', LLM_TOOL_RESULT } };
    size_t t = 0;
    while (t + 1 < sizeof types / sizeof *types && types[t].letter != letter)
        t++;
    *p = (struct llm_part){ .type = types[t].type, .text = text, .is_error = letter == 'E' };
    p->data = p->signature = p->media_type = text;
    p->call_id = str_sub(text, 0, 4);
    p->name = tools[text.len % (sizeof tools / sizeof *tools)].name;
}

static void request_read(struct arena *a, struct str text, struct llm_request *rq)
{
    struct llm_message *messages = arena_array(a, LINES_MAX, sizeof *messages);
    struct llm_part *parts = arena_array(a, LINES_MAX, sizeof *parts);
    size_t part_count = 0;
    *rq = (struct llm_request){ .messages = messages,
                                .tools = tools,
                                .tool_count = sizeof tools / sizeof *tools,
                                .max_output_tokens = 10 };
    for (int lines = 0; str_given(text) && lines < LINES_MAX; lines++) {
        struct str line = str_split(&text, '\n');
        char letter = line.len ? line.ptr[0] : 'T';
        line = str_sub(line, line.len ? 1 : 0, line.len);
        if (letter == 'S') {
            rq->system = line;
        } else if (letter == 'J') {
            rq->output_schema = json_is_valid(a, line) ? line : STR_NULL;
        } else if (letter == 'U' || letter == 'A' || !rq->message_count) {
            messages[rq->message_count++] =
                (struct llm_message){ .role = letter == 'A' ? LLM_ASSISTANT : LLM_USER,
                                      .parts = &parts[part_count] };
        }
        if (letter != 'S' && letter != 'J') {
            part_take(letter, line, &parts[part_count++]);
            messages[rq->message_count - 1].count++;
        }
    }
}

static void codecs_check(struct arena *a, const struct llm_request *rq)
{
    static const char *const providers[] = { "anthropic", "openai", "groq" };
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        struct cx cx = { .arena = a };
        struct credential c = { .provider = (char *)(uintptr_t)providers[i],
                                .model = "m",
                                .base_url = "http://127.0.0.1" };
        const struct llm_codec *codec = llm_codec_find(providers[i]);
        struct llm_wire w;
        MUST(codec->build(&cx, rq, &c, &w) == OK);
        MUST(json_is_valid(a, w.body));
        MUST(codec->input_tokens_max(rq) > 0);
    }
}

static void step_check(struct arena *a, const struct llm_request *rq, const struct offline_step *s)
{
    MUST(utf8_valid(s->text) && (s->text.len || s->call_count));
    for (size_t i = 0; i < s->call_count; i++) {
        bool offered = false;
        for (size_t k = 0; k < rq->tool_count; k++)
            offered |= str_eq(rq->tools[k].name, s->calls[i].name);
        MUST(offered && json_is_valid(a, s->calls[i].text));
    }
}

/* As a loop would: each call is answered with a part of the input. */
static void offline_check(struct arena *a, struct llm_request rq, struct str answers)
{
    struct llm_message *all = arena_array(a, rq.message_count + 2 * STEPS_MAX, sizeof *all);
    for (size_t i = 0; i < rq.message_count; i++)
        all[i] = rq.messages[i];
    rq.messages = all;
    for (int steps = 0;; steps++) {
        struct offline_step s;
        offline_decide(a, &rq, &s);
        step_check(a, &rq, &s);
        if (!s.call_count)
            return;
        MUST(steps < STEPS_MAX);
        struct llm_part *results = arena_array(a, s.call_count, sizeof *results);
        for (size_t i = 0; i < s.call_count; i++) {
            results[i] = s.calls[i];
            results[i].type = LLM_TOOL_RESULT;
            results[i].text = str_given(answers) ? str_split(&answers, '\n') : STR("");
        }
        all[rq.message_count++] = (struct llm_message){ LLM_ASSISTANT, s.calls, s.call_count };
        all[rq.message_count++] = (struct llm_message){ LLM_USER, results, s.call_count };
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_BYTES_MAX || (size && memchr(data, 0, size)))
        return 0; /* no text has U+0000: what comes in as JSON is refused for it */
    struct arena *a = arena_new(0);
    struct str text = { (const char *)data, size };
    struct llm_request rq;
    request_read(a, text, &rq);
    codecs_check(a, &rq);
    offline_check(a, rq, text);
    struct str sentence = llm_error_sentence(a, (int)(size % 600), text);
    MUST(sentence.len && utf8_valid(sentence));
    arena_free(a);
    return 0;
}
