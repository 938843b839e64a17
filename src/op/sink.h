/* Sink: where an OP_STREAM operation writes server-sent events to, from any thread.
 *
 * The face (an HTTP connection, a test) reads it on its own loop. Bounded: past `bytes_max` nothing
 * is taken and the producer decides (drop, wait for `on_drain`, catch up from state). A sink has
 * two ends; each lets go with sink_unref. */
#ifndef OP_SINK_H
#define OP_SINK_H

#include "base/str.h"

struct sink;

/* ---- the producer's end ---- */
/* Takes one event: `event` and `id` may be absent; `data` is split at line breaks. False: full or
 * gone. */
bool sink_event(struct sink *s, struct str event, struct str id, struct str data);
void sink_comment(struct sink *s, struct str text);
/* Extra response headers; only before the first event. */
void sink_header(struct sink *s, const char *name, struct str value);
/* There is nothing to stream: the answer is 204. Instead of any event, before the operation's
 * function returns. */
void sink_nothing(struct sink *s);
void sink_close(struct sink *s); /* the stream is whole */
void sink_abort(
    struct sink *s); /* the connection is cut: the client must see that it is not whole */
bool sink_gone(const struct sink *s); /* the reader left */
size_t sink_backlog_bytes(const struct sink *s);
/* Called once, on the reader's thread, when the reader leaves; and whenever the backlog falls under
 * a quarter of the bound after being full. Set before the operation's function returns. */
void sink_watch(struct sink *s, void (*on_gone)(void *arg), void (*on_drain)(void *arg), void *arg);
struct sink *sink_ref(struct sink *s);
void sink_unref(struct sink *s);

/* ---- the face's end ---- */
struct sink *sink_new(size_t bytes_max);
/* `wake` is called from any thread when there is something to take and the last take found nothing.
 */
void sink_attach(struct sink *s, void (*wake)(void *arg), void *arg);
enum sink_state { SINK_OPEN = 1, SINK_CLOSED, SINK_ABORTED };
struct buf;
/* Moves what is there, as SSE text, to `out`, at most `bytes_max`; says whether more can come. */
enum sink_state sink_take(struct sink *s, struct buf *out, size_t bytes_max);
void sink_leave(struct sink *s); /* the reader is gone */
bool sink_is_nothing(const struct sink *s);
/* Headers that the producer added, for the response head. */
const struct header *sink_headers(const struct sink *s, size_t *ret_count);

#endif
