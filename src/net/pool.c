/* Goals: run blocking work off the loops, with a bound on what waits.
 * Invariants: `depth` counts what is queued, not what runs; a job's memory is not touched after its
 * function was called. */
#include "net/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/thread.h"

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct pool_job *first, *last;
    size_t depth, queue_max;
    int threads, idle;
    bool stopping;
    pthread_t *ids;
};

static struct pool_job *pool_take(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->stopping) {
        p->idle++;
        pthread_cond_wait(&p->filled, &p->lock);
        p->idle--;
    }
    struct pool_job *j = p->first;
    if (j) {
        p->first = j->next;
        if (!p->first)
            p->last = NULL;
        p->depth--;
    }
    pthread_mutex_unlock(&p->lock);
    return j;
}

static void *pool_main(void *arg)
{
    struct pool_job *j;
    while ((j = pool_take(arg)))
        j->fn(j);
    return NULL;
}

struct pool *pool_start(const char *name, int threads, size_t queue_max, size_t stack_bytes)
{
    struct pool *p = calloc(1, sizeof *p);
    assert(threads > 0);
    if (!p || !(p->ids = calloc((size_t)threads, sizeof *p->ids)))
        abort();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->filled, NULL);
    p->queue_max = queue_max;
    p->threads = threads;
    for (int i = 0; i < threads; i++) {
        char title[32];
        snprintf(title, sizeof title, "%.8s-%d", name, i % 1000);
        thread_start(&p->ids[i], title, stack_bytes ? stack_bytes : THREAD_STACK_BYTES, pool_main,
                     p);
    }
    return p;
}

void pool_stop(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->filled);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads; i++)
        pthread_join(p->ids[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->filled);
    free(p->ids);
    free(p);
}

bool pool_submit(struct pool *p, struct pool_job *j)
{
    j->next = NULL;
    pthread_mutex_lock(&p->lock);
    bool taken = !p->stopping && p->depth < p->queue_max;
    if (taken) {
        if (p->last)
            p->last->next = j;
        else
            p->first = j;
        p->last = j;
        p->depth++;
        if (p->idle)
            pthread_cond_signal(&p->filled);
    }
    pthread_mutex_unlock(&p->lock);
    return taken;
}

size_t pool_depth(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = p->depth;
    pthread_mutex_unlock(&p->lock);
    return n;
}
