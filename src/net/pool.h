/* Worker pools: a bounded queue and a fixed number of threads (stack 256 KiB, or as said).
 *
 * LANE_WORKER, LANE_SLOW and LANE_PASSWORD of the operation table are these. */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;

struct pool_job {
    struct pool_job *next; /* intrusive, the pool's until fn is called */
    void (*fn)(struct pool_job *j);
};

struct pool *pool_start(const char *name, int threads, size_t queue_max, size_t stack_bytes);
/* Finishes what is queued, joins. NULL is fine. */
void pool_stop(struct pool *p);
/* False: the queue is full (the caller answers OVERLOADED) or the pool is stopping. */
bool pool_submit(struct pool *p, struct pool_job *j);
size_t pool_depth(struct pool *p);

#endif
