/* The message so far: what a run has said, as parts, and the order in which it came.
 *
 * A message is an append-only log of entries over its parts. Each entry moves a counter on: a delta
 * by its bytes, anything else by one. Deltas of one part that follow each other are one entry. So
 * the log is as short as the message has parts, and yet tells from any counter on what a reader has
 * not had: a new reader, a slow one that caught up, one that comes back with Last-Event-ID, and the
 * journal of unfinished text all use message_replay. Counters that were handed out stay valid for
 * the life of the message.
 *
 * Formats: the AI SDK's UI message stream (parts on the wire) and UIMessage (parts at rest). Pure;
 * heap memory; one thread at a time. */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include "base/json.h"

enum {
    MESSAGE_PARTS_MAX = 1024,
    MESSAGE_ENTRIES_MAX = 16384,
    MESSAGE_BYTES_MAX = 4 * 1024 * 1024, /* of all texts, as JSON has them: \u0001 counts six */
    MESSAGE_DELTA_BYTES_MAX = 16 * 1024  /* of one event: a long entry is told in pieces */
};

enum part_type { PART_STEP = 1, PART_TEXT, PART_REASONING, PART_TOOL, PART_DATA };
enum tool_state {
    TOOL_INPUT_STREAMING = 1,
    TOOL_INPUT_AVAILABLE,
    TOOL_OUTPUT_AVAILABLE,
    TOOL_OUTPUT_ERROR
};
struct part {
    enum part_type type;
    enum tool_state tool;
    bool closed;
    char *id;        /* on the wire: "p3", or the tool call's id */
    char *name;      /* PART_TOOL: the tool; PART_DATA: "data-usage" */
    struct buf text; /* text, reasoning, arguments of a tool (JSON), data (JSON) */
    char *output;    /* PART_TOOL: JSON, or the error's text */
    char *signature; /* PART_REASONING: the provider's, echoed to it only */
    bool redacted;   /* PART_REASONING: `signature` is opaque data, there is no text */
};

struct message;
/* `id` is what clients know it by. */
struct message *message_new(struct str id);
void message_free(struct message *m); /* NULL is fine */
struct str message_id(const struct message *m);

/* ---- appending. False: a bound was passed, nothing was added. ---- */
bool message_step_start(struct message *m);
bool message_step_end(struct message *m);
/* Index of the new part, or -1. Ids of tools are the call's. */
int message_part_start(struct message *m, enum part_type type, struct str id, struct str name);
bool message_delta(struct message *m, int part, struct str text);
bool message_part_end(struct message *m, int part);
/* The provider's proof of a reasoning part; or a redacted one. Not told to clients. */
bool message_signature(struct message *m, int part, struct str signature, bool redacted);
/* Arguments are whole: `input` is a JSON object. */
bool message_tool_input(struct message *m, int part, struct str input);
bool message_tool_output(struct message *m, int part, struct str output_json);
bool message_tool_error(struct message *m, int part, struct str text);
/* A data part: `name` "data-usage", JSON. A transient one is told to who reads now, not kept. */
bool message_data(struct message *m, const char *name, struct str json, bool transient);
/* The ends of a stream: finish with its reason ("stop", "tool-calls", …), error, abort. */
bool message_finish(struct message *m, const char *reason, struct str metadata_json);
bool message_error(struct message *m, struct str text);
bool message_abort(struct message *m);
/* Closes what is open (a cut, a stop): text as it is, tools as failed with `why`. */
void message_close_open(struct message *m, struct str why);

/* ---- reading ---- */
size_t message_part_count(const struct message *m);
const struct part *message_part(const struct message *m, size_t i);
int message_tool_find(const struct message *m, struct str call_id); /* -1: none */
int64_t message_counter(const struct message *m);
size_t message_bytes(const struct message *m); /* of all texts, as JSON has them */

/* One event of the stream: `name` for plain SSE clients, `data` the part as JSON. Texts live during
 * the call. False: no more now. */
typedef bool message_event_fn(void *arg, const char *name, int64_t counter, struct str data);
/* Tells, in order, all that came after `from` (0: all, from `start`). Gives the counter that was
 * reached: that of the last event for which fn returned true. */
int64_t message_replay(const struct message *m, int64_t from, message_event_fn *fn, void *arg);

/* ---- at rest ---- */
/* The parts as a UIMessage has them: a JSON array. */
void message_parts_json(const struct message *m, struct buf *out);
/* Plain text of the text parts, joined by blank lines. */
void message_plain_text(const struct message *m, struct buf *out);
/* What only the provider needs back: {"0":{"signature":…},…} by part; nothing: empty. */
void message_provider_json(const struct message *m, struct buf *out);
/* A message from its parts at rest (and provider data; either may be damaged: false). The log is
 * empty: what was there before is not told again. */
bool message_load(struct message *m, struct str parts_json, struct str provider_json);
/* The same, to be told from the start: for a client that asks again for what has ended. */
bool message_load_told(struct message *m, struct str parts_json);
/* Adds what message_replay told, as one JSON array of stream parts: rebuilding from the journal.
 * What it has already is passed over. False: something was damaged, and was left out. */
bool message_apply(struct message *m, struct str stream_parts_json);

#endif
