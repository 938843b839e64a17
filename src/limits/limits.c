/* Goals: a check costs a hash and a few additions; nothing outside can make the table grow.
 * Non-goals: fairness between processes (each counts what it sees; rate_slices is for that).
 * Invariants: the sum over the slots of a window never exceeds the limit; an entry is replaced only
 * when all its slots lie behind its window; each shard is guarded by its own lock. */
#include "limits/limits.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/config.h"
#include "base/crypto.h"

enum { SHARDS = 16, ENTRIES = 1024, SLOTS = 16, PROBES = 8 };

struct entry {
    uint64_t hash; /* 0: free */
    int64_t window_ms;
    int64_t newest; /* number of the newest slot that has counted */
    uint32_t slots[SLOTS];
};
struct shard {
    pthread_mutex_t lock;
    struct entry entries[ENTRIES];
    struct entry shared; /* for newcomers when no entry can give way */
};
struct limits {
    uint64_t seed; /* nobody outside can aim at one entry */
    struct shard shards[SHARDS];
};

struct limits *limits_new(void)
{
    struct limits *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    random_bytes(&l->seed, sizeof l->seed);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&l->shards[i].lock, NULL);
    return l;
}

void limits_free(struct limits *l)
{
    if (!l)
        return;
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&l->shards[i].lock);
    free(l);
}

static uint64_t mix(uint64_t h, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3ULL;
    h ^= h >> 32;
    return h * 0x9e3779b97f4a7c15ULL;
}

static int64_t slot_ms(int64_t window_ms)
{
    return window_ms / (SLOTS - 1) + 1;
}

/* Slots behind the window are empty from now on. */
static void entry_advance(struct entry *e, int64_t slot)
{
    if (slot - e->newest >= SLOTS)
        memset(e->slots, 0, sizeof e->slots);
    else
        for (int64_t s = e->newest + 1; s <= slot; s++)
            e->slots[s % SLOTS] = 0;
    if (slot > e->newest)
        e->newest = slot;
}

static bool entry_idle(const struct entry *e, int64_t now_ms)
{
    return e->hash == 0 || now_ms / slot_ms(e->window_ms) - e->newest >= SLOTS;
}

static struct entry *entry_find(struct shard *sh, uint64_t hash, int64_t window_ms, int64_t now_ms)
{
    struct entry *free_one = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct entry *e = &sh->entries[(hash / SHARDS + i) % ENTRIES];
        if (e->hash == hash)
            return e;
        if (!free_one && entry_idle(e, now_ms))
            free_one = e;
    }
    struct entry *e = free_one ? free_one : &sh->shared;
    if (free_one || entry_idle(e, now_ms))
        *e = (struct entry){ .hash = hash, .window_ms = window_ms };
    return e;
}

static uint64_t entry_count(const struct entry *e)
{
    uint64_t n = 0;
    for (int i = 0; i < SLOTS; i++)
        n += e->slots[i];
    return n;
}

/* Milliseconds until the oldest slot that counts falls out of the window. */
static int64_t entry_wait_ms(const struct entry *e, int64_t now_ms)
{
    int64_t width = slot_ms(e->window_ms);
    for (int64_t s = e->newest - SLOTS + 1; s <= e->newest; s++)
        if (s >= 0 && e->slots[s % SLOTS])
            return (s + SLOTS) * width - now_ms;
    return width;
}

enum err limits_take(struct cx *cx, const struct limit *limit, struct str key, int64_t *ret_left,
                     int64_t *ret_reset_s)
{
    struct limits *l = cx->app->limits;
    uint64_t hash = mix(mix(l->seed, str_of(limit->class)), key) | 1;
    struct shard *sh = &l->shards[(hash >> 60) % SHARDS];
    pthread_mutex_lock(&sh->lock);
    struct entry *e = entry_find(sh, hash, limit->window_ms, cx->now_ms);
    /* A clock that jumps back must not open the window again. */
    int64_t slot = cx->now_ms / slot_ms(e->window_ms);
    if (slot < e->newest)
        slot = e->newest;
    entry_advance(e, slot);
    int64_t left = limit->count - (int64_t)entry_count(e);
    int64_t wait_ms = entry_wait_ms(e, cx->now_ms);
    if (left > 0)
        e->slots[slot % SLOTS]++;
    pthread_mutex_unlock(&sh->lock);
    int64_t reset_s = wait_ms > 0 ? (wait_ms + 999) / 1000 : 1;
    if (ret_left)
        *ret_left = left > 0 ? left - 1 : 0;
    if (ret_reset_s)
        *ret_reset_s = reset_s;
    if (left > 0)
        return OK;
    cx_fail(cx, ERR_RATE_LIMITED, "More than %lld in %lld seconds; try again in %lld s.",
            (long long)limit->count, (long long)(limit->window_ms / 1000), (long long)reset_s);
    cx->failure.retry_after_s = reset_s;
    return ERR_RATE_LIMITED;
}

/* ---- hooks ---- */

struct str limits_address_key(struct arena *a, struct str address)
{
    struct in6_addr v6;
    char *z = str_cstr(a, address), text[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, z, &v6) != 1)
        return address;
    memset(v6.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &v6, text, sizeof text);
    return str_copy(a, str_of(text));
}

enum err limits_address_admit(struct cx *cx, const struct raw_request *rq)
{
    if (str_is(rq->path, "/healthz") || str_is(rq->path, "/readyz") || str_is(rq->path, "/metrics"))
        return OK;
    struct limit limit = { "address", cx->app->config->address_rate, 60000 };
    return limits_take(cx, &limit, limits_address_key(cx->arena, rq->remote_addr), NULL, NULL);
}

static struct limit class_limit(const struct config *c, enum op_rate rate)
{
    switch (rate) {
    case RATE_READ:
        return (struct limit){ "read", c->read_rate, 60000 };
    case RATE_UPLOAD:
        return (struct limit){ "upload", 60, 60000 };
    case RATE_CHAT:
        return (struct limit){ "chat", 60, 60000 };
    case RATE_MCP:
        return (struct limit){ "mcp", 300, 60000 };
    case RATE_CLAIM:
        return (struct limit){ "claim", 60, 60000 };
    case RATE_PROGRESS:
        return (struct limit){ "progress", 120, 60000 };
    case RATE_SIGN_IN:
        return (struct limit){ "sign-in", c->sign_in_rate, 300000 };
    default:
        return (struct limit){ "write", c->write_rate, 60000 };
    }
}

enum err limits_rate(struct cx *cx, const struct op *op, struct reply *reply)
{
    const struct principal *p = &cx->principal;
    struct limit limit = class_limit(cx->app->config, op->rate);
    struct str who = str_given(p->key_id)    ? p->key_id
                     : str_given(p->user_id) ? p->user_id
                                             : limits_address_key(cx->arena, cx->remote_addr);
    int64_t left, reset_s;
    enum err e = limits_take(cx, &limit, who, &left, &reset_s);
    reply_header(reply, "ratelimit-limit", str_fmt(cx->arena, "%lld", (long long)limit.count));
    reply_header(reply, "ratelimit-remaining", str_fmt(cx->arena, "%lld", (long long)left));
    reply_header(reply, "ratelimit-reset", str_fmt(cx->arena, "%lld", (long long)reset_s));
    return e;
}
