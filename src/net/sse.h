/* Server-sent events, the reading side (WHATWG HTML, "Server-sent events", parsing).
 *
 * Incremental: bytes in any split, UTF-8 sequences too; LF, CRLF and CR alone; a BOM at the start;
 * comments; no space after the colon; several data lines, joined by LF. An event without data is
 * not reported, one that the stream's end cuts neither. Bounded: an event longer than
 * `event_bytes_max` is a fault. Pure. */
#ifndef NET_SSE_H
#define NET_SSE_H

#include "base/buf.h"

struct sse_event {
    struct str type; /* "message" when not given */
    struct str data;
    struct str id;    /* last event id; empty: none */
    int64_t retry_ms; /* -1: not given since the last event */
};

struct sse_reader {
    struct buf line, data, type, id;
    size_t event_bytes_max;
    int64_t retry_ms;
    unsigned char bom; /* bytes of the BOM seen */
    bool started, after_cr, has_data, begun, failed;
};

void sse_init(struct sse_reader *r, size_t event_bytes_max);
void sse_release(struct sse_reader *r); /* NULL is fine */
/* Calls on_event for each whole event; its texts live during the call. on_event returns false to
 * stop: the rest of the bytes is dropped. False: the bound was passed (now, or earlier), or
 * on_event stopped. */
bool sse_feed(struct sse_reader *r, struct str bytes,
              bool (*on_event)(void *arg, const struct sse_event *e), void *arg);
/* Bytes of an event that has begun and not ended are waiting: the stream was cut there. */
bool sse_unfinished(const struct sse_reader *r);

#endif
