/* Goal: a server is asked once only. Bounded: the oldest is forgotten, and asked again. */
#include "llm/memory.h"

#include <pthread.h>
#include <stdlib.h>

enum { SERVERS_MAX = 64 };

struct llm {
    pthread_mutex_t lock;
    uint64_t servers[SERVERS_MAX]; /* hashes of base URLs: nothing of a tenant is kept */
    size_t next;
};

struct llm *llm_new(void)
{
    struct llm *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void llm_free(struct llm *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* FNV-1a, 64 bits; never 0. */
static uint64_t hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
    return h | 1;
}

bool llm_memory_refuses(struct llm *l, const char *base_url)
{
    uint64_t h = hash(base_url);
    bool found = false;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < SERVERS_MAX; i++)
        found |= l->servers[i] == h;
    pthread_mutex_unlock(&l->lock);
    return found;
}

void llm_memory_note(struct llm *l, const char *base_url)
{
    if (llm_memory_refuses(l, base_url))
        return;
    pthread_mutex_lock(&l->lock);
    l->servers[l->next++ % SERVERS_MAX] = hash(base_url);
    pthread_mutex_unlock(&l->lock);
}
