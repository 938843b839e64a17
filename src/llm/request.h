/* Inside llm/: what the requests of both formats are made of. */
#ifndef LLM_REQUEST_H
#define LLM_REQUEST_H

#include "base/json.h"
#include "llm/wire.h"

enum { WIRE_HEADERS_MAX = 8, WIRE_BODY_BYTES_MAX = 32 << 20, WIRE_NAME_BYTES_MAX = 64 };

/* `rest` behind "/v1", unless base_url names a version itself ("…/v1", "…/openai/v1", "…/api/v4",
 * "…/v1beta/openai"): then `rest` alone. A base_url that ends in `rest` is the endpoint: "". */
struct str wire_path(struct arena *a, const char *base_url, const char *rest);

/* CREDENTIAL_UNREADABLE when the value can't stand in a header. The name is constant text. */
enum err wire_header(struct cx *cx, struct llm_wire *w, const char *name, struct str value);
/* The same with a secret behind `prefix`; the copy is wiped with the arena. NULL: no header. */
enum err wire_secret(struct cx *cx, struct llm_wire *w, const char *name, const char *prefix,
                     const struct secret *s);
/* A copy of a header's value that is wiped with the arena. */
struct str wire_kept(struct arena *a, struct str value);

/* Arguments of a call as an object: those that a model got wrong are "{}" (the call's result says
 * what was wrong with them). */
struct str wire_arguments(struct arena *a, struct str text);
/* A tool's schema, or that of a tool without arguments. */
struct str wire_schema(struct str schema);
/* Asks for JSON in words, where a format has no other way, in front of the schema. */
#define WIRE_SCHEMA_WORDS                                                                          \
    "Answer with one JSON value that fits the following JSON Schema, and with nothing else: no "   \
    "words before or after it, no code fence.\n"

/* Ids and names of calls that other providers, or models that made one up, have put into a thread:
 * both formats take [A-Za-z0-9_-] only, 64 characters of a name. */
void wire_name_put(struct cx *cx, struct json_writer *w, struct str name, size_t bytes_max);

/* PAYLOAD_TOO_LARGE when the body has grown too long. */
enum err wire_end(struct cx *cx, const struct buf *body, struct llm_wire *w);

/* Whether a text says anything: providers refuse blocks that don't. */
bool wire_says(struct str text);

#endif
