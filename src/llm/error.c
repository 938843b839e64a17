/* Goals: whoever reads an error of a provider knows what to do about it. The kinds are those that
 * have different remedies. Non-goals: every code of every provider; what is unknown is told in the
 * provider's words.
 *
 * Invariants: nothing that looks like a key gets through (providers quote keys in part when they
 * refuse them); control characters don't either; the text is valid UTF-8 and never empty. */
#include "llm/error.h"

#include <ctype.h>

#include "llm/wire.h"

enum { QUOTE_CHARS_MAX = 300, SENTENCE_BYTES_MAX = 600 * 4 };

enum kind {
    KIND_OTHER = 1,
    KIND_KEY,
    KIND_CREDIT,
    KIND_FORBIDDEN,
    KIND_MODEL,
    KIND_ADDRESS,
    KIND_RATE,
    KIND_OVERLOADED,
    KIND_CONTEXT,
    KIND_SIZE,
    KIND_TIMEOUT,
    KIND_SERVER,
    KIND_REQUEST
};

struct remedy {
    const char *sentence;
    bool quote; /* the provider's words help beside it */
};
static const struct remedy remedies[] = {
    [KIND_OTHER] = { "The provider answered with an error", true },
    [KIND_KEY] = { "The provider refused the key. Check it as the manual's page Provider keys says",
                   false },
    [KIND_CREDIT] = { "The provider account has no credit left. Top it up with the provider, or "
                      "set "
                      "another key as the manual's page Provider keys says",
                      true },
    [KIND_FORBIDDEN] = { "The provider does not allow this with the key that is set", true },
    [KIND_MODEL] = { "The provider does not know this model, or the key may not use it. Choose "
                     "another one as the manual's page Provider keys says",
                     true },
    [KIND_ADDRESS] = { "There is no such API at the provider's address. Check the base URL", true },
    [KIND_RATE] = { "The provider limits how often it may be asked. Try again in a moment", true },
    [KIND_OVERLOADED] = { "The provider is overloaded. Try again in a moment", true },
    [KIND_CONTEXT] = { "The conversation is longer than the model takes. Start a new thread, or "
                       "choose a model with a larger context",
                       true },
    [KIND_SIZE] = { "The request is larger than the provider takes", true },
    [KIND_TIMEOUT] = { "The provider did not answer in time. Try again in a moment", true },
    [KIND_SERVER] = { "The provider failed. Try again in a moment", true },
    [KIND_REQUEST] = { "The provider refused the request", true },
};

/* ---- reading ---- */

/* `type` and `code` of OpenAI's, Anthropic's, Groq's and Google's errors. */
static const struct {
    const char *word;
    int status;
    enum kind kind;
} words[] = {
    { "invalid_request_error", 400, KIND_REQUEST },
    { "INVALID_ARGUMENT", 400, KIND_REQUEST },
    { "authentication_error", 401, KIND_KEY },
    { "invalid_api_key", 401, KIND_KEY },
    { "UNAUTHENTICATED", 401, KIND_KEY },
    { "billing_error", 402, KIND_CREDIT },
    { "insufficient_quota", 429, KIND_CREDIT },
    { "permission_error", 403, KIND_FORBIDDEN },
    { "PERMISSION_DENIED", 403, KIND_FORBIDDEN },
    { "not_found_error", 404, KIND_ADDRESS },
    { "model_not_found", 404, KIND_MODEL },
    { "model_decommissioned", 404, KIND_MODEL },
    { "request_too_large", 413, KIND_SIZE },
    { "context_length_exceeded", 400, KIND_CONTEXT },
    { "rate_limit_error", 429, KIND_RATE },
    { "rate_limit_exceeded", 429, KIND_RATE },
    { "RESOURCE_EXHAUSTED", 429, KIND_RATE },
    { "api_error", 500, KIND_SERVER },
    { "server_error", 500, KIND_SERVER },
    { "internal_server_error", 500, KIND_SERVER },
    { "timeout_error", 504, KIND_TIMEOUT },
    { "service_unavailable", 503, KIND_OVERLOADED },
    { "UNAVAILABLE", 503, KIND_OVERLOADED },
    { "overloaded_error", 529, KIND_OVERLOADED },
};

static int word_status(struct str word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_is(word, words[i].word))
            return words[i].status;
    return 0;
}

static enum kind word_kind(struct str word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_is(word, words[i].word))
            return words[i].kind;
    return KIND_OTHER;
}

static struct str text_of(const struct json *j)
{
    return j && j->type == JSON_STRING ? j->text : STR_NULL;
}

void provider_error_read(const struct json *body, struct provider_error *ret)
{
    *ret = (struct provider_error){ .status = 0 };
    if (body && body->type == JSON_ARRAY && body->count) /* Google's compatible server */
        body = &body->items[0];
    const struct json *e = json_get(body, "error");
    if (e && e->type == JSON_STRING)
        ret->message = e->text;
    if (!e || e->type != JSON_OBJECT)
        e = body;
    if (!str_given(ret->message))
        ret->message = json_text(e, "message");
    if (!str_given(ret->message))
        ret->message = json_text(e, "detail");
    ret->type = json_text(e, "type");
    ret->code = text_of(json_get(e, "code"));
    if (!str_given(ret->code))
        ret->code = json_text(e, "status");
    int64_t status = 0;
    const struct json *code = json_get(e, "code");
    if (code && json_to_i64(code, &status) && status >= 400 && status <= 599)
        ret->status = (int)status;
    if (!ret->status)
        ret->status = word_status(ret->code);
    if (!ret->status)
        ret->status = word_status(ret->type);
}

/* ---- judging ---- */

static bool says(struct str text, const char *words_lower)
{
    struct str needle = str_of(words_lower);
    for (size_t i = 0; i + needle.len <= text.len; i++)
        if (str_eq_nocase(str_sub(text, i, i + needle.len), needle))
            return true;
    return false;
}

static enum kind message_kind(int status, struct str m)
{
    bool refused = status == 400 || status == 404 || status == 413 || status == 422 || !status;
    if (refused &&
        (says(m, "prompt is too long") || says(m, "context length") || says(m, "context window") ||
         says(m, "maximum context") || says(m, "too many tokens") || says(m, "context size")))
        return KIND_CONTEXT;
    if (status != 429 && (says(m, "credit balance") || says(m, "insufficient credits")))
        return KIND_CREDIT;
    bool unknown = says(m, "not exist") || says(m, "not found") || says(m, "unknown model") ||
                   says(m, "not supported") || says(m, "decommissioned") || says(m, "model:");
    if (refused && unknown && says(m, "model"))
        return KIND_MODEL;
    return KIND_OTHER;
}

static enum kind status_kind(int status)
{
    switch (status) {
    case 401:
        return KIND_KEY;
    case 402:
        return KIND_CREDIT;
    case 403:
        return KIND_FORBIDDEN;
    case 404:
    case 405:
        return KIND_ADDRESS;
    case 408:
    case 504:
        return KIND_TIMEOUT;
    case 413:
        return KIND_SIZE;
    case 429:
        return KIND_RATE;
    case 503:
    case 529:
        return KIND_OVERLOADED;
    default:
        return status >= 500 ? KIND_SERVER : status >= 400 ? KIND_REQUEST : KIND_OTHER;
    }
}

static enum kind kind_of(int status, const struct provider_error *e)
{
    enum kind k = message_kind(status, e->message);
    /* A status that names its remedy is surer than a type that covers many. */
    if (k == KIND_OTHER && word_kind(e->code) != KIND_OTHER)
        k = word_kind(e->code);
    if (k == KIND_OTHER && status_kind(status) != KIND_REQUEST)
        k = status_kind(status);
    if (k == KIND_OTHER)
        k = word_kind(e->type);
    return k == KIND_OTHER ? status_kind(status) : k;
}

/* ---- saying ---- */

static bool key_byte(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*' || c == '.';
}

/* What providers' keys begin with, and what is too long and mixed to be a word. */
static bool looks_like_key(struct str word)
{
    static const char *const heads[] = { "sk-",  "gsk_",     "xai-",   "pk-", "hf_",
                                         "AIza", "cp_live_", "Bearer", "eyJ" };
    bool digit = false, star = false;
    for (size_t i = 0; i < word.len; i++) {
        digit |= isdigit((unsigned char)word.ptr[i]) != 0;
        star |= word.ptr[i] == '*';
    }
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (str_starts(word, str_of(heads[i])) && word.len > strlen(heads[i]))
            return true;
    return word.len >= 40 ? digit || star : star && word.len >= 8;
}

/* The provider's words in one line: no control character, no key, QUOTE_CHARS_MAX characters. */
static struct str quote_make(struct arena *a, struct str m)
{
    struct buf out;
    size_t chars = 0, at = 0;
    buf_init(&out, a, SENTENCE_BYTES_MAX);
    while (at < m.len && chars < QUOTE_CHARS_MAX) {
        size_t end = at;
        while (end < m.len && key_byte(m.ptr[end]))
            end++;
        struct str word = str_sub(m, at, end);
        if (word.len && looks_like_key(word)) {
            buf_put_cstr(&out, "[key]");
            chars += 5;
            at = end;
            continue;
        }
        end = word.len ? end : at;
        do { /* the word, or one character that is none */
            uint32_t cp = utf8_next(m, &at);
            bool blank = cp <= ' ' || cp == 0x7f || (cp >= 0x80 && cp < 0xa0) || cp == 0x2028 ||
                         cp == 0x2029;
            char bytes[4];
            buf_put(&out, bytes, utf8_put(bytes, blank ? ' ' : cp));
            chars++;
        } while (at < end && chars < QUOTE_CHARS_MAX);
    }
    struct str s = str_trim(buf_str(&out));
    return at < m.len ? str_fmt(a, "%.*s…", STR_ARG(s)) : s;
}

struct str provider_error_sentence(struct arena *a, int status, const struct provider_error *e)
{
    const struct remedy *r = &remedies[kind_of(status ? status : e->status, e)];
    struct buf out;
    buf_init(&out, a, SENTENCE_BYTES_MAX);
    buf_put_cstr(&out, r->sentence);
    if (status)
        buf_printf(&out, " (HTTP %d)", status);
    struct str quote = r->quote && utf8_valid(e->message) ? quote_make(a, e->message) : STR_NULL;
    if (quote.len)
        buf_printf(&out, ": “%.*s”", STR_ARG(quote));
    else
        buf_put_byte(&out, '.');
    return buf_str(&out);
}

struct str llm_error_sentence(struct arena *a, int status, struct str body)
{
    struct provider_error e = { .status = 0 };
    struct json j;
    struct json_fault fault;
    struct str text = body;
    while (text.len && isspace((unsigned char)text.ptr[0]))
        text = str_sub(text, 1, text.len);
    if (text.len && text.ptr[0] == '<')
        return str_fmt(a,
                       "The address answered with a web page, not as an API (HTTP %d): check the "
                       "base URL, or what stands before the provider.",
                       status);
    if (status >= 300 && status < 400)
        return str_fmt(a,
                       "The address answers with a redirect (HTTP %d), which is not followed: "
                       "set the base URL to where it leads.",
                       status);
    static const struct json_limits limits = { .bytes_max = 1 << 20 };
    if (text.len && json_parse(a, text, &limits, &j, &fault) == OK)
        provider_error_read(&j, &e);
    else if (utf8_valid(text))
        e.message = text;
    return provider_error_sentence(a, status, &e);
}
