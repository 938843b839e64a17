/* How many input tokens a request can have at most, so that what is reserved for it is never less
 * than what it costs. No tokenizer is asked: they are secret (Anthropic), many, or change.
 *
 * Text. All tokenizers in use encode bytes, or fall back to bytes: each token stands for at least
 * one byte of the text they see, so their count is at most its bytes. English has about 4 bytes a
 * token and other scripts 2 to 3, so this is a few times too much; a smaller factor would be wrong
 * for random letters, which members can paste. Two things make the text that a tokenizer sees
 * longer than what was sent. Some normalise it first (NFKC): `growing` has the characters that
 * become longer by it. And invalid UTF-8 is sent as U+FFFD, 3 bytes a byte at most.
 *
 * JSON (schemas, arguments of calls) is parsed by the server and written again into the prompt:
 * OpenAI as shorter TypeScript, Anthropic as JSON, local servers with a template's `tojson`, which
 * may indent (blanks behind each bracket, comma and colon; a run of them is a token, or few), write
 * characters beyond ASCII as \uXXXX (3 bytes for one at most) and <, >, &, ' as six bytes.
 *
 * Around the text: roles, separators, names of parts. Measured and documented overheads are 3 to 15
 * tokens a message and up to 20 a tool; 313 to 700 once for Anthropic's prompt about tools. The
 * constants below are above these.
 *
 * Images have documented bounds whatever their size, since they are scaled down. Anthropic: 1,600
 * tokens, 4,784 on models with high resolution. OpenAI: patches up to 10,000 x 1.62, or tiles, of
 * which at most 8: 85 + 8 x 170, on gpt-4o-mini 2,833 + 8 x 5,667 = 48,169. The codec doesn't know
 * the model's family, so the largest counts: on cheap models it is true, on dear ones it reserves
 * some cents too much until the call is settled. */
#include "llm/codec.h"

enum {
    REQUEST_TOKENS = 64,
    TOOLS_TOKENS = 1024, /* the provider's own words about tools */
    TOOL_TOKENS = 48,
    MESSAGE_TOKENS = 16,
    PART_TOKENS = 32,
    SCHEMA_WORDS_TOKENS = 256, /* how the request asks for JSON, in words */
    ANTHROPIC_IMAGE_TOKENS = 8192,
    OPENAI_IMAGE_TOKENS = 48169 + 11
};

/* Ranges with all characters whose NFC or NFKC form has more bytes in UTF-8 than they have, and the
 * largest such form in it. */
static const struct {
    uint32_t first, last;
    int bytes;
} growing[] = {
    { 0xa8, 0xbe, 5 },       { 0x13f, 0x149, 3 },    { 0x1c4, 0x1c6, 3 },
    { 0x2d8, 0x2dd, 3 },     { 0x344, 0x344, 4 },    { 0x37a, 0x385, 5 },
    { 0x587, 0x587, 4 },     { 0x675, 0x678, 4 },    { 0x958, 0x95f, 6 },
    { 0x9dc, 0x9df, 6 },     { 0xa33, 0xa36, 6 },    { 0xa59, 0xa5e, 6 },
    { 0xb5c, 0xb5d, 6 },     { 0xe33, 0xe33, 6 },    { 0xeb3, 0xeb3, 6 },
    { 0xedc, 0xedd, 6 },     { 0xf43, 0xfb9, 9 },    { 0x1fc1, 0x1fee, 5 },
    { 0x2033, 0x2037, 9 },   { 0x2057, 0x2057, 12 }, { 0x2150, 0x2189, 6 },
    { 0x222c, 0x2230, 9 },   { 0x247d, 0x2487, 4 },  { 0x2a0c, 0x2a0c, 12 },
    { 0x2adc, 0x2adc, 5 },   { 0x309b, 0x309f, 6 },  { 0x30ff, 0x30ff, 6 },
    { 0x3200, 0x32fe, 8 },   { 0x32ff, 0x33ff, 18 }, { 0xfa6c, 0xfad7, 4 },
    { 0xfb13, 0xfb4f, 6 },   { 0xfbdd, 0xfdf9, 8 },  { 0xfdfa, 0xfdfa, 33 },
    { 0xfdfb, 0xfdfc, 15 },  { 0xfe71, 0xfefc, 4 },  { 0x1d15e, 0x1d1c0, 12 },
    { 0x1f12a, 0x1f248, 9 },
};

static int64_t character_tokens(uint32_t cp, int64_t bytes)
{
    for (size_t i = 0; i < sizeof growing / sizeof *growing && cp >= growing[i].first; i++)
        if (cp <= growing[i].last)
            return growing[i].bytes;
    return bytes;
}

static int64_t text_tokens(struct str text)
{
    int64_t n = 0;
    if (!utf8_valid(text))
        return (int64_t)text.len * 3;
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        if (!(text.ptr[at] & 0x80)) {
            at++;
            n++;
            continue;
        }
        uint32_t cp = utf8_next(text, &at);
        n += character_tokens(cp, (int64_t)(at - from));
    }
    return n;
}

/* Tokens beyond one that a byte of JSON may become when it is written again: see above. */
static const uint8_t json_extra[0x80] = {
    [0] = 5,   ['<'] = 5, ['>'] = 5, ['&'] = 5, ['\''] = 5, ['{'] = 2,
    ['}'] = 2, ['['] = 2, [']'] = 2, [','] = 2, [':'] = 2,
};

static int64_t json_tokens(struct str text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        n += c >= 0x80 ? 3 : 1 + json_extra[c];
    }
    return n;
}

static int64_t part_tokens(const struct llm_part *p, int64_t image_tokens)
{
    int64_t n = PART_TOKENS + (int64_t)p->call_id.len + (int64_t)p->name.len;
    switch (p->type) {
    case LLM_IMAGE:
        return n + image_tokens;
    case LLM_TOOL_CALL:
        return n + json_tokens(p->text);
    case LLM_REASONING:
        /* The signature may hold the whole reasoning where the text is a summary or absent. */
        return n + text_tokens(p->text) + (int64_t)p->signature.len;
    case LLM_REDACTED:
        return n + (int64_t)p->data.len;
    default:
        return n + text_tokens(p->text);
    }
}

static int64_t request_tokens(const struct llm_request *rq, int64_t image_tokens)
{
    int64_t n = REQUEST_TOKENS + text_tokens(rq->system);
    if (rq->output_schema.len) /* in words, and once more as response_format */
        n += SCHEMA_WORDS_TOKENS + 2 * json_tokens(rq->output_schema);
    if (rq->tool_count)
        n += TOOLS_TOKENS;
    for (size_t i = 0; i < rq->tool_count; i++)
        n += TOOL_TOKENS + text_tokens(rq->tools[i].name) + text_tokens(rq->tools[i].description) +
             json_tokens(rq->tools[i].schema);
    for (size_t i = 0; i < rq->message_count; i++) {
        n += MESSAGE_TOKENS;
        for (size_t k = 0; k < rq->messages[i].count; k++)
            n += part_tokens(&rq->messages[i].parts[k], image_tokens);
    }
    return n;
}

int64_t anthropic_input_tokens_max(const struct llm_request *rq)
{
    return request_tokens(rq, ANTHROPIC_IMAGE_TOKENS);
}

int64_t openai_input_tokens_max(const struct llm_request *rq)
{
    return request_tokens(rq, OPENAI_IMAGE_TOKENS);
}
