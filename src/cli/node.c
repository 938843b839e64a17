/* Goal: others can see within seconds that this process has gone. Every 2 s a beat; rows that have
 * been silent for an hour are swept at the start of the next process. */
#include "cli/node.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli_sql.h"
#include "db/db.h"

enum { BEAT_S = 2, SILENT_MS = 3600 * 1000 };

struct node {
    struct app *app;
    struct str address;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t leave;
    bool leaving;
};

static enum err join_in_tx(struct cx *cx, void *arg)
{
    struct node *n = arg;
    struct node_delete_dead_in dead = { .before = cx->now_ms - SILENT_MS };
    struct node_insert_in row = { .id = str_of(n->app->node_id),
                                  .address = n->address,
                                  .program = STR(OPBOXD_VERSION),
                                  .now = cx->now_ms };
    TRY(node_delete_dead(cx, &dead, NULL));
    return node_insert(cx, &row, NULL);
}

static enum err beat_in_tx(struct cx *cx, void *arg)
{
    struct node *n = arg;
    struct node_beat_in row = { .id = str_of(n->app->node_id), .now = cx->now_ms };
    return node_beat(cx, &row, NULL);
}

static enum err leave_in_tx(struct cx *cx, void *arg)
{
    struct node *n = arg;
    struct node_delete_in row = { .id = str_of(n->app->node_id) };
    return node_delete(cx, &row, NULL);
}

static enum err write_now(struct node *n, db_fn fn)
{
    struct cx cx = { .arena = arena_new(0), .app = n->app, .now_ms = clock_wall_ms() };
    cx.principal.kind = PRINCIPAL_SYSTEM;
    enum err e = db_write(&cx, fn, n);
    if (e != OK)
        log_line(LOG_WARN, "the node's row could not be written",
                 log_s("detail", cx.failure.log_detail));
    arena_free(cx.arena);
    return e;
}

/* True: it is time to leave. */
static bool sleep_until_beat(struct node *n)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += BEAT_S;
    pthread_mutex_lock(&n->lock);
    while (!n->leaving && pthread_cond_timedwait(&n->leave, &n->lock, &t) != ETIMEDOUT)
        ;
    bool leaving = n->leaving;
    pthread_mutex_unlock(&n->lock);
    return leaving;
}

static void *node_main(void *arg)
{
    struct node *n = arg;
    while (!sleep_until_beat(n))
        write_now(n, beat_in_tx);
    return NULL;
}

struct node *node_join(struct app *app, struct str address)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    n->app = app;
    n->address = address;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->leave, NULL);
    if (write_now(n, join_in_tx) != OK || pthread_create(&n->thread, NULL, node_main, n) != 0) {
        free(n);
        return NULL;
    }
    return n;
}

void node_leave(struct node *n)
{
    if (!n)
        return;
    pthread_mutex_lock(&n->lock);
    n->leaving = true;
    pthread_cond_signal(&n->leave);
    pthread_mutex_unlock(&n->lock);
    pthread_join(n->thread, NULL);
    write_now(n, leave_in_tx);
    pthread_mutex_destroy(&n->lock);
    pthread_cond_destroy(&n->leave);
    free(n);
}
