/* Inside llm/: what the readers of both formats stand on.
 *
 * The base (reader.c) owns the framing, the bounds, the numbering of blocks and the question
 * whether an answer is whole; a format (openai_reader.c, anthropic_reader.c) owns what an event's
 * JSON means. Not for other areas: they have wire.h. */
#ifndef LLM_READER_H
#define LLM_READER_H

#include "base/json.h"
#include "llm/wire.h"
#include "net/sse.h"

enum {
    READER_EVENT_BYTES_MAX = 1 << 20,
    READER_BODY_BYTES_MAX = 16 << 20, /* of an answer that is one JSON document */
    READER_TEXT_BYTES_MAX = 8 << 20,  /* of all that blocks hold, arguments too */
    READER_ARGUMENT_BYTES_MAX = 256 << 10,
    READER_BLOCKS_MAX = 256,
    READER_CALLS_MAX = 128,
    READER_ID_BYTES_MAX = 256, /* of a call's id, of a tool's name */
    READER_SENTENCE_BYTES = 640
};

enum reader_block_kind {
    BLOCK_NONE = 0,
    BLOCK_TEXT,
    BLOCK_REASONING,
    BLOCK_REDACTED,
    BLOCK_TOOL,
    BLOCK_PASSED_OVER /* of a type that is unknown here: nothing of it is reported */
};
struct reader_block {
    enum reader_block_kind kind;
    int number; /* of the events; counts only when `begun` */
    bool begun; /* an event was reported */
    size_t argument_bytes;
    uint32_t half; /* of a character, at the end of what came (halves.h) */
};

struct llm_reader;
struct reader_format {
    size_t state_size;
    /* Data of one server-sent event. */
    bool (*on_data)(struct llm_reader *r, struct str data);
    /* The whole answer of a server that doesn't stream. */
    bool (*on_body)(struct llm_reader *r, const struct json *body);
};

enum reader_framing { FRAMING_UNKNOWN = 1, FRAMING_EVENTS, FRAMING_JSON };

struct llm_reader {
    const struct reader_format *format;
    void *state; /* of the format, zeroed at birth */
    void (*on_event)(void *arg, const struct llm_event *e);
    void *arg;
    enum reader_framing framing;
    struct sse_reader sse;
    struct buf body;
    struct arena *arena;   /* lives as long as the reader: ids */
    struct arena *scratch; /* for one event */
    bool failed;
    bool halves;            /* this event's texts have marks of halves */
    bool whole;             /* the terminator was there */
    enum llm_finish finish; /* 0: not said yet */
    int error_status;
    int block_count, call_count;
    size_t text_bytes;
    char sentence[READER_SENTENCE_BYTES];
};

struct llm_reader *reader_new(const struct reader_format *format,
                              void (*on_event)(void *arg, const struct llm_event *e), void *arg);

/* `items` with room for one more than `count`, as long as the reader: what stands in a format's
 * state grows with the answer. */
void *reader_room(struct llm_reader *r, void *items, size_t count, size_t *room, size_t size);

/* All return false after they have said why. */
bool reader_fail(struct llm_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* With the provider's own words: `body` has a member "error", or is the error. */
bool reader_fail_with(struct llm_reader *r, const struct json *body);
bool reader_json(struct llm_reader *r, struct str data, struct json *ret);

/* Text, reasoning, signature or opaque data: the block begins with it, if it hasn't. */
bool reader_text(struct llm_reader *r, struct reader_block *b, enum llm_event_type type,
                 struct str text);
bool reader_call_begin(struct llm_reader *r, struct reader_block *b, struct str call_id,
                       struct str name);
bool reader_arguments(struct llm_reader *r, struct reader_block *b, struct str piece);
/* The same for a server that sends them as an object, at once. */
bool reader_arguments_object(struct llm_reader *r, struct reader_block *b,
                             const struct json *object);
/* Reports the end when the block was begun; a call without arguments gets "{}". */
bool reader_block_end(struct llm_reader *r, struct reader_block *b);
void reader_usage(struct llm_reader *r, const struct llm_usage *u);
/* The terminator: reports the finish, or fails when none was said. */
bool reader_finish(struct llm_reader *r);

/* A count of tokens that can be believed: whole, not negative, below 2^40. */
bool reader_count(const struct json *object, const char *key, int64_t *ret);

#endif
