/* A fetcher on two loops, and a fetch as a test sees it: started from the test's thread, what came
 * kept, waited for. */
#ifndef TESTS_NET_PROBE_H
#define TESTS_NET_PROBE_H

#include <pthread.h>

#include "base/buf.h"
#include "net/fetch.h"
#include "net/loop.h"

struct world {
    struct loops *loops;
    struct fetcher *fetcher;
};
/* cmocka's setup and teardown. */
int world_open(void **state);
int world_close(void **state);

struct probe {
    struct fetcher *fetcher;
    struct loop *loop;
    struct fetch_request rq;
    char url[256];
    /* Called on the loop, in the callback; may be NULL. */
    bool (*in_body)(struct probe *p, struct str bytes);
    void (*in_head)(struct probe *p);
    void (*in_done)(struct probe *p);
    void *arg;
    struct fetch *fetch; /* of the loop */
    struct loop_msg start, act;
    void (*action)(struct probe *p); /* what probe_act runs */

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    int status, heads, dones;
    struct buf head; /* name LF value LF … */
    struct buf body;
    struct fetch_result result;
    bool acted, done;
};

/* rq.method "GET", no body; on the first loop. */
void probe_init(struct probe *p, struct world *w, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));
void probe_start(struct probe *p);
/* From a callback on the loop. */
void probe_start_here(struct probe *p);
/* Runs `action` on the loop and waits for it. */
void probe_act(struct probe *p, void (*action)(struct probe *p));
void probe_cancel(struct probe *p);
/* Until that many bytes of body are there. */
void probe_wait_body(struct probe *p, size_t len);
void probe_wait(struct probe *p);
void probe_run(struct probe *p); /* start and wait */
void probe_release(struct probe *p);

#endif
