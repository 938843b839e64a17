/* Outbound HTTP on the loops: libcurl's multi interface, for providers and other foreign servers.
 *
 * A fetch belongs to one loop: it is started there, its callbacks come there, and it is cancelled
 * there. Hosts that have answered in HTTP/2 go to a multi handle with a connection limit, all
 * others to one without. Redirects are never followed: a 3xx is an answer like any other. Nothing
 * of a request or an answer is logged.
 *
 * Owns sockets, TLS, time-outs, byte caps and the guard of tenant-supplied addresses (guard.h).
 * Does not own what bodies mean (sse.h, llm/). */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/cx.h"
#include "net/loop.h"

struct fetcher; /* one a process; app->fetcher */
struct fetch;

struct fetcher_options {
    /* Private networks that guarded requests may reach: comma separated CIDR; RELOAD. */
    struct str outbound_allow;
    int64_t http2_connections_max; /* a host and loop; 0: 8 */
    /* PEM file of the certificates that are trusted instead of the system's; absent: those. */
    struct str ca_file;
};
/* After the loops have started, before anything is fetched. */
struct fetcher *fetcher_new(struct loops *loops, const struct fetcher_options *o);
/* False: *ret_bad is what was no network, and the old list stays. */
bool fetcher_reload(struct fetcher *f, struct str outbound_allow, struct str *ret_bad);
/* Cancels what is under way (their on_done comes with FETCH_CANCELLED) and waits for it; whatever
 * is started later ends so too. Before loops_stop, from no loop. NULL is fine. */
void fetcher_stop(struct fetcher *f);
/* Stops, if that was not done. After the last thread that could fetch_wait. NULL is fine. */
void fetcher_free(struct fetcher *f);

struct fetch_header {
    struct str name; /* lower case */
    struct str value;
};

struct fetch_request {
    const char *method; /* "POST"; constant text */
    struct str url;     /* http:// or https://; else the fetch ends with FETCH_BAD_URL */
    const struct fetch_header *headers;
    size_t header_count;
    struct str body; /* absent: none */
    /* The address comes from a tenant: what the name resolves to is checked at connect, each time;
     * addresses that are not public, and not in outbound_allow, are refused. */
    bool guarded;
    int64_t connect_timeout_ms; /* 0: 10,000 */
    int64_t idle_timeout_ms;    /* without a byte; 0: 60,000 */
    int64_t total_timeout_ms;   /* 0: none */
    int64_t body_bytes_max;     /* of the answer; 0: 64 MiB. More ends it with FETCH_TOO_LARGE */
};
/* Everything is copied; copies of headers and body are wiped when they are no longer needed.
 * A request is sent once: when a kept connection turns out to be dead, only GET and HEAD, and what
 * had not left yet, go over another one. */

enum fetch_end {
    FETCH_WHOLE = 1,  /* the answer ended where its framing said (or, HTTP/1.0, by close) */
    FETCH_CUT,        /* connection lost or framing broken, once the request was sent; status 0:
                         before the head was whole */
    FETCH_NO_CONNECT, /* name, route, refused, TLS */
    FETCH_REFUSED,    /* the guard: an address that may not be reached */
    FETCH_TIMEOUT,    /* connect, idle or total */
    FETCH_TOO_LARGE,  /* body or head */
    FETCH_BAD_URL,    /* or a header that HTTP does not allow, or that the connection sets itself */
    FETCH_CANCELLED,
    FETCH_STOPPED /* on_body said so */
};
struct fetch_result {
    enum fetch_end end;
    int status; /* 0: no head came */
    int64_t duration_ms;
    int64_t body_bytes;
    const char *sentence; /* what went wrong, for people; no secret, no address; static or the
                             fetch's; "" when nothing */
    bool sent;            /* a byte of the request may have reached the server */
};
struct fetch_events {
    /* Status and headers (lower-case names) of the final head. May be NULL. */
    void (*on_head)(void *arg, int status, const struct fetch_header *headers, size_t count);
    /* False: that is enough; the fetch ends with FETCH_STOPPED. NULL: the body is dropped. */
    bool (*on_body)(void *arg, struct str bytes);
    /* Exactly once, last; the fetch is gone when it returns. */
    void (*on_done)(void *arg, const struct fetch_result *r);
};

/* On the thread of `l`. Never fails at once: what is wrong comes through on_done, later, from the
 * loop. */
struct fetch *fetch_start(struct fetcher *f, struct loop *l, const struct fetch_request *rq,
                          const struct fetch_events *events, void *arg);
/* On the same thread. The connection is closed within 100 ms; on_done comes, with FETCH_CANCELLED.
 */
void fetch_cancel(struct fetch *f);
/* Stops and resumes taking bytes (a slow reader without a thread). While paused the idle time-out
 * does not run. On HTTP/2 it does nothing: the streams of a connection share a window, which the
 * bytes that libcurl holds for a paused one can fill until the others starve. What is taken must
 * have a bound of its own in any case. */
void fetch_pause(struct fetch *f, bool paused);

/* ---- the same, waiting: on LANE_SLOW or a job, never on a loop ---- */

struct fetch_answer {
    struct fetch_result result;
    struct fetch_header *headers; /* in the arena */
    size_t header_count;
    struct str body; /* in the arena; at most body_bytes_max */
};
/* Runs it on one of the loops; without loops (commands) on a curl handle of its own. Ends early
 * when cx->deadline_ms passes. */
void fetch_wait(struct cx *cx, const struct fetch_request *rq, struct fetch_answer *ret);
/* Header of that (lower-case) name, or absent. */
struct str fetch_answer_header(const struct fetch_answer *a, const char *name);

/* ---- counters for /metrics ---- */
struct buf;
void fetcher_metrics(struct buf *out, void *fetcher);

#endif
