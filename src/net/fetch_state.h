/* What the parts of the fetcher share. Private to net/fetch*.c.
 *
 * fetch.c       one exchange: the curl handle, its callbacks, its time limits, its result
 * fetch_loop.c  exchanges on a loop: multis on libuv, start, cancel, pause, the end of it all
 * fetch_wait.c  one exchange, waited for */
#ifndef NET_FETCH_STATE_H
#define NET_FETCH_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <curl/curl.h>
#include <uv.h>

#include "base/buf.h"
#include "net/fetch.h"
#include "net/guard.h"
#include "net/loop.h"

enum {
    FETCH_URL_BYTES_MAX = 8192,
    FETCH_HEADERS_MAX = 128, /* of a request, and of an answer */
    FETCH_HEAD_BYTES_MAX = 64 * 1024,
    FETCH_BODY_BYTES_MAX = 64 * 1024 * 1024, /* where a request does not say */
    FETCH_HOST_BYTES_MAX = 300,              /* scheme, name and port */
    FETCH_ENDS = FETCH_STOPPED + 1
};

/* Atomic: written by the loops, read by whoever scrapes. */
struct fetch_counters {
    atomic_llong ends[FETCH_ENDS];
    atomic_llong open, connections, bytes_in, http2;
};

struct fetch_loop;
struct fetcher {
    struct loops *loops;
    struct fetch_loop *at; /* one a loop */
    int count;
    atomic_uint next; /* whose turn it is */
    int64_t http2_connections_max;
    char *ca_file; /* or NULL */
    struct fetch_counters counters;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    struct guard_list allowed;
    bool stopping;
    int running; /* loops that have not closed yet */
};

/* Which multi handle: with a limit of connections to a host, or without. */
enum fetch_way { FETCH_HTTP1 = 0, FETCH_HTTP2, FETCH_WAYS };

/* The answer's head while it comes in. */
struct fetch_head {
    struct buf text; /* names and values, one behind the other */
    struct {
        uint32_t name_len, value_len;
    } fields[FETCH_HEADERS_MAX];
    size_t count;
};

struct fetch {
    struct fetcher *fetcher; /* NULL: none, a command waits */
    struct fetch_loop *at;   /* NULL: not on a loop */
    struct fetch *prev, *next, *next_queued;
    struct fetch_events events;
    void *arg;

    CURL *curl;
    CURLM *multi; /* while it is in one */
    enum fetch_way way;
    char host[FETCH_HOST_BYTES_MAX];
    struct curl_slist *header_list; /* into header_block */
    char *header_block, *body;
    size_t header_block_bytes, body_len;
    bool guarded, repeatable;
    int64_t connect_timeout_ms, idle_timeout_ms, total_timeout_ms, body_bytes_max;

    struct fetch_head *head; /* being read; NULL before and after */
    int status;
    bool head_whole, http2;

    bool paused, curl_paused, resume; /* as asked; as curl knows; to be resumed in the next turn */

    int64_t start_ms, active_ms, body_bytes;
    long progress;             /* bytes of the request that had left at active_ms */
    bool ready;                /* connected: the request is being written */
    bool refused;              /* the guard refused an address */
    bool queued, over, closed; /* in the loop's queue; reported; its timer is gone */
    struct loop_msg late;      /* started after the end of the fetcher */
    enum fetch_end end;        /* set as soon as it is decided, then nothing more is reported */
    const char *sentence;
    uv_timer_t timer;
};

/* ---- fetch.c ---- */

/* Never NULL; ends at once (f->end) when the request cannot be made. */
struct fetch *fetch_make(struct fetcher *fetcher, const struct fetch_request *rq,
                         const struct fetch_events *events, void *arg);
/* Decides how it ended, once. */
void fetch_decide(struct fetch *f, enum fetch_end end, const char *sentence);
/* The same, from what curl said. */
void fetch_decide_code(struct fetch *f, CURLcode code);
/* Ends it when a limit has passed; returns when to look again, monotonic. */
int64_t fetch_check_time(struct fetch *f, int64_t now_ms);
/* Lets curl go on. Not from within curl. */
void fetch_resume(struct fetch *f);
/* Last: wipes, counts, calls on_done. Memory stays until fetch_drop. */
void fetch_report(struct fetch *f);
void fetch_drop(struct fetch *f);

/* ---- fetch_loop.c ---- */

/* An answer came over that version: says where the next one to this host belongs. */
void fetch_loop_learn(struct fetch *f, bool http2);
/* Another limit counts now: sets the clock anew. Also from within curl. */
void fetch_loop_watch(struct fetch *f);

#endif
