/* What providers are asked and what they answer, without their formats.
 *
 * A request is built by a codec into the bytes of one HTTP request; a reader turns the bytes of its
 * answer into events. Both are pure: no I/O, no clock. Codecs: Anthropic Messages, OpenAI chat
 * completions and what is compatible with it (groq, openclaw, hermes, local servers). */
#ifndef LLM_WIRE_H
#define LLM_WIRE_H

#include "base/buf.h"
#include "base/cx.h"
#include "credentials/credentials.h"
#include "net/fetch.h"

/* ---- a request ---- */

enum llm_part_type {
    LLM_TEXT = 1,   /* text */
    LLM_IMAGE,      /* media_type, data: base64 */
    LLM_REASONING,  /* text (may be empty), signature; echoed to the provider that made it only */
    LLM_REDACTED,   /* data: opaque; likewise */
    LLM_TOOL_CALL,  /* call_id, name, text: arguments as JSON object */
    LLM_TOOL_RESULT /* call_id, name, text: what the tool answered, is_error */
};
struct llm_part {
    enum llm_part_type type;
    struct str text;
    struct str call_id, name;
    struct str media_type, data, signature;
    bool is_error;
};
enum llm_role { LLM_USER = 1, LLM_ASSISTANT }; /* tool results stand in a user message */
struct llm_message {
    enum llm_role role;
    const struct llm_part *parts;
    size_t count;
};
struct llm_tool {
    struct str name, description;
    struct str schema; /* JSON Schema of its arguments */
};
struct llm_request {
    struct str system;
    const struct llm_message *messages;
    size_t message_count;
    const struct llm_tool *tools;
    size_t tool_count;
    int64_t max_output_tokens;
    struct str output_schema; /* JSON Schema the answer must fit; absent: free text */
    struct str session_key;   /* stable per thread or task: openclaw */
};

/* ---- codec ---- */

struct llm_wire { /* in the arena */
    /* Behind base_url: "/v1/messages", or "/messages" when base_url names a version, or "" when it
     * is the endpoint itself. */
    struct str path;
    struct fetch_header *headers; /* with the key: never logged */
    size_t header_count;
    struct str body;
    /* Bytes of the body that say what a server may refuse to know; without them it is a body too.
     */
    size_t optional_at, optional_len;
};

enum llm_event_type {
    LLM_EVENT_TEXT = 1,       /* block, text */
    LLM_EVENT_REASONING,      /* block, text */
    LLM_EVENT_SIGNATURE,      /* block, text: of the reasoning block */
    LLM_EVENT_REDACTED,       /* block, text: opaque data */
    LLM_EVENT_TOOL_START,     /* block, call_id, name */
    LLM_EVENT_TOOL_ARGUMENTS, /* block, text: a piece of JSON */
    LLM_EVENT_BLOCK_END,      /* block */
    LLM_EVENT_USAGE,          /* usage so far; the last one counts */
    LLM_EVENT_FINISH          /* finish; the answer is whole when the stream ends after it */
};
enum llm_finish {
    LLM_FINISH_STOP = 1,
    LLM_FINISH_LENGTH,
    LLM_FINISH_TOOLS,
    LLM_FINISH_FILTER,
    LLM_FINISH_OTHER
};
struct llm_usage {
    int64_t input_tokens; /* without cached ones */
    int64_t output_tokens;
    int64_t cache_read_tokens, cache_write_tokens;
};
struct llm_event {
    enum llm_event_type type;
    /* Blocks begin with their first event, in order of their number, and may be open side by side.
     * A block of reasoning begins with LLM_EVENT_REASONING, whose text may be empty. */
    int block;
    struct str text, call_id, name;
    struct llm_usage usage;
    enum llm_finish finish;
};

struct llm_reader;
struct llm_codec {
    const char *name; /* "anthropic" "openai" */
    /* Everything in cx->arena. */
    enum err (*build)(struct cx *cx, const struct llm_request *rq, const struct credential *c,
                      struct llm_wire *ret);
    /* Upper bound of the input tokens of what was built, for the reservation: never below what the
     * provider will count (bytes of text / 1 at worst for odd text; images by their bound). */
    int64_t (*input_tokens_max)(const struct llm_request *rq);
    struct llm_reader *(*reader_new)(void (*on_event)(void *arg, const struct llm_event *e),
                                     void *arg);
};
/* NULL: not a provider of ours ("offline" has none). */
const struct llm_codec *llm_codec_find(const char *provider);

/* Readers take any split of bytes. False: the stream is broken or says an error; the sentence says
 * what, for people (provider's own message cut to 300 characters; no secret). Events that were
 * reported stay reported. */
bool llm_reader_feed(struct llm_reader *r, struct str bytes);
/* The connection has ended. False: not whole (no finish, no terminator, an open block). Of a server
 * that does not stream, all events come from here: its answer is one JSON document. What stands
 * behind a terminator is not read, so that bytes that follow do not make an answer less whole. */
bool llm_reader_end(struct llm_reader *r);
const char *llm_reader_sentence(const struct llm_reader *r);
/* Of an error that a provider reports inside a stream: what HTTP status it would have been (529
 * overloaded …), 0: none. */
int llm_reader_error_status(const struct llm_reader *r);
void llm_reader_free(struct llm_reader *r); /* NULL is fine */

/* An answer that is not 2xx: what its body says, for people, in the arena; never empty. */
struct str llm_error_sentence(struct arena *a, int status, struct str body);

#endif
