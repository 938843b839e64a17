/* A call: one operation, from a face through the gate to a reply.
 *
 * Faces (HTTP, MCP, control socket, tests' loopback) make a call, give it what the wire brought,
 * and get `done` once. The gate has two halves:
 *
 *   call_head   headers are in, no body byte is read: address limit → match → size → authenticate →
 *               client rules → CSRF → role → addon → rate. Refused: the reply is ready.
 *   call_body   decode → autonomy, effect → run in the row's transaction → encode.
 *
 * Both may answer later, on the call's loop (or, without a loop, on another thread). */
#ifndef OP_CALL_H
#define OP_CALL_H

#include "base/cx.h"
#include "db/db.h"
#include "net/loop.h"
#include "net/pool.h"
#include "op/op.h"
#include "op/reply.h"

enum method {
    METHOD_GET = 1,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER
};
enum method method_parse(struct str s);
const char *method_name(enum method m);

enum face { FACE_HTTP = 1, FACE_CONTROL, FACE_MCP, FACE_CHAT, FACE_LOOPBACK };

struct raw_request { /* what a face brings; all texts live as long as the call */
    enum face face;
    enum method method;
    struct str path;  /* as sent, percent-encoded, without query */
    struct str query; /* as sent, without '?'; absent: none */
    const struct header *headers;
    size_t header_count;
    struct str remote_addr; /* peer, or what a trusted proxy said */
    int64_t content_length; /* -1: chunked, unknown; 0: no body */
    struct str body;        /* OP_RAW and OP_JSON: whole, in call_body */
};
/* First header of that (lower-case) name, or absent. */
struct str request_header(const struct raw_request *rq, const char *name);
/* Cookie of that name, or absent. */
struct str request_cookie(const struct raw_request *rq, struct str name);

enum call_verdict { CALL_REFUSED = 1, CALL_ADMITTED };

struct call {
    struct cx cx;
    struct raw_request rq;
    struct reply reply;
    const struct op *op;       /* set by the head */
    const struct op *op_named; /* MCP, `call`: the operation is named, not matched by path */
    struct json *arguments;    /* with op_named: everything the operation takes */
    bool dry_run;      /* TX_WRITE only: run, encode, roll back; for approvals' before → after */
    bool as_tool;      /* encode with the tool's view; autonomy is checked */
    struct loop *loop; /* where callbacks come; NULL: on the thread that finishes */
    struct db_snapshot
        *snapshot; /* of the loop, for what is read there; NULL: each read has its own */
    void (*on_head)(struct call *c, enum call_verdict v);
    void (*on_done)(
        struct call *c);   /* exactly once; the reply is whole (or REPLY_STREAM has begun) */
    void *face_data;       /* call_run uses it and puts it back */
    size_t body_bytes_max; /* after the head: what the face lets in */

    /* the gate's own from here on */
    struct pair params[8];
    size_t param_count;
    void *in, *out;
    struct db_write *write;
    struct upload *upload;
    struct buf upload_chunk;
    void (*on_resume)(struct call *c);
    struct str idempotency_key;
    uint8_t idempotency_hash[32];
    enum err result;
    int64_t started_us;
    struct loop_msg loop_msg;
    struct pool_job pool_job;
    void (*step)(struct call *c); /* runs in a lane */
    void (*then)(struct call *c); /* runs after it, on the loop */
    bool busy, aborted;
};

/* Zeroes and fills: arena and app are the caller's. The request id is made here unless given. */
void call_init(struct call *c, struct app *app, struct arena *arena);
/* Frees what the call holds (spools, readers, sinks), not the arena. */
void call_release(struct call *c);

void call_head(struct call *c);
/* After CALL_ADMITTED. For OP_UPLOAD the body comes in pieces: */
void call_body(struct call *c); /* rq.body is whole (or absent) */
enum call_feed { CALL_FEED_MORE = 1, CALL_FEED_PAUSE };
/* `bytes` are copied. On PAUSE the face stops reading until on_resume comes (on the loop). When the
 * upload is refused, on_done comes instead of anything more. */
enum call_feed call_upload_feed(struct call *c, struct str bytes,
                                void (*on_resume)(struct call *c));
void call_upload_end(struct call *c);
void call_upload_abort(struct call *c); /* the client broke off; on_done is not called after it
                                           returns false from call_busy */
/* True while the gate (a lane, the writer) holds the call: it must not be released before on_done.
 */
bool call_busy(const struct call *c);

/* Runs a call to its end on the calling thread (not a loop): tests, commands, MCP's and the chat's
 * tools. */
void call_run(struct call *c);

#endif
