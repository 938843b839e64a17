/* Goals: exact enough to promise, small enough to be there for every request. Non-goals: limits
 * over several nodes, but of what is kept; fairness among those who share a key.
 *
 * A counter is a window cut into SLICES, with one more slice than the window has: the sum over the
 * SLICES + 1 newest slices covers every window that ends now, so it never counts too few. It counts
 * up to one slice (1/8 of the window) too many, which makes it strict, never lax.
 *
 * Invariants:
 *   - a key's counter stands in one of WAYS places of one shard, both by a keyed hash of class and
 * key (128 bits are compared, the key itself is not kept): a stranger cannot aim at a shard;
 *   - a place is taken over only when all its slices are older than its window: forgetting it then
 *     changes no answer;
 *   - time never runs backwards in a counter: a late now_ms counts in the newest slice. */
#include "limits/limits.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/config.h"
#include "base/crypto.h"
#include "db/db.h"
#include "limits/limits_sql.h"

enum { SLICES = 8, WAYS = 16, SHARDS = 64, SLOTS_DEFAULT = 131072 };
enum { MINUTE_MS = 60 * 1000 };

struct counter {
    uint64_t key[2];
    int64_t window_ms;           /* 0: free */
    int64_t newest;              /* number of the newest slice since 1970 */
    uint32_t counts[SLICES + 1]; /* slice n stands at n % (SLICES + 1) */
};

struct shard {
    pthread_mutex_t mutex;
    struct counter *counters; /* sets of WAYS */
};

struct limits {
    const struct config *config;
    uint8_t hash_key[SHA256_BYTES];
    size_t sets; /* of a shard */
    struct shard shards[SHARDS];
};

struct limits *limits_new(const struct config *c, size_t slots)
{
    struct limits *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    crypto_init();
    random_bytes(l->hash_key, sizeof l->hash_key);
    l->config = c;
    l->sets = (slots ? slots : SLOTS_DEFAULT) / SHARDS / WAYS;
    if (l->sets == 0)
        l->sets = 1;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&l->shards[i].mutex, NULL);
        l->shards[i].counters = calloc(l->sets * WAYS, sizeof(struct counter));
        if (!l->shards[i].counters)
            abort();
    }
    return l;
}

void limits_free(struct limits *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&l->shards[i].mutex);
        free(l->shards[i].counters);
    }
    free(l);
}

/* ---- one counter ---- */

struct request {
    uint64_t key[2];
    int64_t now_ms, limit, window_ms;
    bool principal; /* has signed in */
};
struct verdict {
    bool admitted;
    int64_t remaining, reset_ms; /* until the window is empty, or until the next may come */
};

/* Rounded up, so that SLICES of them are never shorter than the window. */
static int64_t slice_ms(int64_t window_ms)
{
    return (window_ms + SLICES - 1) / SLICES;
}

static bool counter_is_over(const struct counter *c, int64_t now_ms)
{
    return c->window_ms == 0 || now_ms / slice_ms(c->window_ms) - c->newest > SLICES;
}

static void counter_turn(struct counter *c, int64_t now_ms)
{
    int64_t now = now_ms / slice_ms(c->window_ms);
    if (now - c->newest > SLICES) {
        memset(c->counts, 0, sizeof c->counts);
        c->newest = now;
    }
    while (c->newest < now) {
        c->newest++;
        c->counts[c->newest % (SLICES + 1)] = 0;
    }
}

static int64_t counter_sum(const struct counter *c)
{
    int64_t sum = 0;
    for (size_t i = 0; i <= SLICES; i++)
        sum += c->counts[i];
    return sum;
}

/* When the oldest slice that counts falls out; the newest slice number may lie ahead of now. */
static int64_t counter_wait_ms(const struct counter *c, int64_t now_ms)
{
    for (int64_t n = c->newest - SLICES; n <= c->newest; n++)
        if (n >= 0 && c->counts[n % (SLICES + 1)])
            return (n + SLICES + 1) * slice_ms(c->window_ms) - now_ms;
    return 0;
}

static struct verdict counter_take(struct counter *c, const struct request *q)
{
    counter_turn(c, q->now_ms);
    int64_t sum = counter_sum(c);
    if (sum >= q->limit)
        return (struct verdict){ false, 0, counter_wait_ms(c, q->now_ms) };
    c->counts[c->newest % (SLICES + 1)]++;
    return (struct verdict){ true, q->limit - sum - 1, counter_wait_ms(c, q->now_ms) };
}

/* ---- the table ---- */

static struct counter *place_find(struct counter *set, const struct request *q)
{
    struct counter *free_place = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        struct counter *c = &set[i];
        if (c->window_ms == q->window_ms && c->key[0] == q->key[0] && c->key[1] == q->key[1])
            return c;
        if (!free_place && counter_is_over(c, q->now_ms))
            free_place = c;
    }
    if (free_place)
        *free_place = (struct counter){ .key = { q->key[0], q->key[1] },
                                        .window_ms = q->window_ms,
                                        .newest = q->now_ms / slice_ms(q->window_ms) };
    return free_place;
}

static struct verdict table_take(struct limits *l, const struct request *q)
{
    struct verdict v = { false, 0, slice_ms(q->window_ms) };
    /* Who has signed in has the second half: strangers cannot fill it. */
    size_t half = q->principal ? SHARDS / 2 : 0;
    struct shard *shard = &l->shards[half + q->key[0] % (SHARDS / 2)];
    size_t set = (size_t)(q->key[0] / SHARDS % l->sets);
    pthread_mutex_lock(&shard->mutex);
    struct counter *c = place_find(&shard->counters[set * WAYS], q);
    if (c)
        v = counter_take(c, q);
    pthread_mutex_unlock(&shard->mutex);
    return v;
}

static void key_hash(const struct limits *l, struct str class_name, struct str key, uint64_t ret[2])
{
    uint8_t hash[SHA256_BYTES];
    struct sha256_ctx *ctx = sha256_new();
    sha256_add(ctx, (struct str){ (const char *)l->hash_key, sizeof l->hash_key });
    sha256_add(ctx, class_name);
    sha256_add(ctx, (struct str){ "", 1 }); /* no name holds a NUL */
    sha256_add(ctx, key);
    sha256_final(ctx, hash);
    sha256_free(ctx);
    memcpy(ret, hash, 2 * sizeof *ret);
}

/* IPv6 as its first 64 bits, IPv4 (also inside IPv6) as it is, anything else as text. */
static struct str address_group(struct str address, char out[INET6_ADDRSTRLEN + 8])
{
    struct in6_addr a6;
    char text[INET6_ADDRSTRLEN] = "";
    size_t zone = str_find_byte(address, '%');
    size_t len = zone == SIZE_MAX ? address.len : zone;
    if (len >= sizeof text)
        return address;
    memcpy(text, address.ptr, len);
    if (inet_pton(AF_INET6, text, &a6) != 1)
        return address;
    if (IN6_IS_ADDR_V4MAPPED(&a6)) {
        inet_ntop(AF_INET, a6.s6_addr + 12, out, INET6_ADDRSTRLEN);
        return str_of(out);
    }
    memset(a6.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &a6, out, INET6_ADDRSTRLEN);
    return str_of(out);
}

static struct verdict take(struct limits *l, int64_t now_ms, struct str class_name, struct str key,
                           const struct request *rate)
{
    char address[INET6_ADDRSTRLEN + 8];
    struct request q = *rate;
    q.now_ms = now_ms;
    assert(q.limit >= 1 && q.limit <= INT32_MAX && q.window_ms >= 1 && now_ms >= 0);
    if (str_ends(class_name, STR("_address")))
        key = address_group(key, address);
    key_hash(l, class_name, key, q.key);
    return table_take(l, &q);
}

/* ---- what others call ---- */

static int64_t seconds_up(int64_t ms)
{
    return ms > 0 ? (ms + 999) / 1000 : 1;
}

static enum err refuse(struct cx *cx, const struct verdict *v)
{
    int64_t wait_s = seconds_up(v->reset_ms);
    cx_fail(cx, ERR_RATE_LIMITED, "Too many requests; try again in %lld s.", (long long)wait_s);
    cx->failure.retry_after_s = wait_s;
    return ERR_RATE_LIMITED;
}

enum err limits_take(struct cx *cx, const char *class_name, struct str key, int64_t limit,
                     int64_t window_ms)
{
    struct request rate = { .limit = limit, .window_ms = window_ms };
    struct verdict v = take(cx->app->limits, cx->now_ms, str_of(class_name), key, &rate);
    return v.admitted ? OK : refuse(cx, &v);
}

/* ---- what is kept ---- */

struct kept {
    struct str scope;
    int64_t limit, window_ms;
    struct verdict verdict;
};

/* As counter_take, over the rows of the newest slices; what is refused is rolled back. */
static enum err keep_in_tx(struct cx *cx, void *arg)
{
    struct kept *k = arg;
    int64_t slice = slice_ms(k->window_ms), now = cx->now_ms / slice;
    struct limits_slice_add_in add = { k->scope, now * slice };
    struct limits_slice_sum_in in = { k->scope, (now - SLICES) * slice };
    struct limits_slice_sum_row sum;
    bool found;
    TRY(limits_slice_add(cx, &add, NULL));
    TRY(limits_slice_sum(cx, &in, &sum, &found));
    k->verdict = (struct verdict){ sum.taken <= k->limit, k->limit - sum.taken,
                                   sum.first + (SLICES + 1) * slice - cx->now_ms };
    return k->verdict.admitted ? OK : refuse(cx, &k->verdict);
}

enum err limits_take_kept(struct cx *cx, const char *class_name, struct str key, int64_t limit,
                          int64_t window_ms)
{
    struct kept k = { .scope = str_fmt(cx->arena, "%s:%.*s", class_name, STR_ARG(key)),
                      .limit = limit,
                      .window_ms = window_ms };
    TRY(limits_take(cx, class_name, key, limit, window_ms)); /* refused here, nothing is written */
    return db_write(cx, keep_in_tx, &k);
}

enum err limits_address_admit(struct cx *cx, const struct raw_request *rq)
{
    struct str path = rq->path;
    if (str_is(path, "/healthz") || str_is(path, "/readyz") || str_is(path, "/metrics") ||
        str_empty(rq->remote_addr))
        return OK;
    return limits_take(cx, "any_address", rq->remote_addr, cx->app->limits->config->address_rate,
                       MINUTE_MS);
}

struct class
{
    const char *name, *by_address;
    int64_t per_minute; /* what is not configured */
};
static const struct class classes[RATE_COUNT] = {
    [RATE_READ] = { "read", "read_address", 0 },
    [RATE_WRITE] = { "write", "write_address", 0 },
    [RATE_SIGN_IN] = { "sign_in", "sign_in_any_address", 60 },
    [RATE_UPLOAD] = { "upload", "upload_address", 60 },
    [RATE_CHAT] = { "chat", "chat_address", 60 },
    [RATE_MCP] = { "mcp", "mcp_address", 300 },
    [RATE_CLAIM] = { "claim", "claim_address", 60 },
    [RATE_PROGRESS] = { "progress", "progress_address", 120 },
};

static int64_t class_rate(const struct limits *l, enum op_rate rate)
{
    int64_t configured = rate == RATE_READ    ? l->config->read_rate
                         : rate == RATE_WRITE ? l->config->write_rate
                         : rate == RATE_CHAT  ? l->config->chat_rate
                                              : 0;
    return configured ? configured : classes[rate].per_minute;
}

/* Whom a request counts for: the key, the person, or where it comes from. */
static struct str who(const struct cx *cx, bool *ret_address)
{
    const struct principal *p = &cx->principal;
    *ret_address = !str_given(p->key_id) && !str_given(p->user_id);
    if (str_given(p->key_id))
        return p->key_id;
    if (str_given(p->user_id))
        return p->user_id;
    return str_given(cx->remote_addr) ? cx->remote_addr : STR("local");
}

static struct str number_text(struct cx *cx, int64_t n)
{
    return str_fmt(cx->arena, "%lld", (long long)n);
}

enum err limits_rate(struct cx *cx, const struct op *op, struct reply *reply)
{
    struct limits *l = cx->app->limits;
    bool by_address;
    struct str key = who(cx, &by_address);
    if (op->rate <= RATE_NONE || op->rate >= RATE_COUNT)
        return OK;
    const struct class *c = &classes[op->rate];
    struct request rate = { .limit = class_rate(l, op->rate),
                            .window_ms = MINUTE_MS,
                            .principal = !by_address };
    struct verdict v =
        take(l, cx->now_ms, str_of(by_address ? c->by_address : c->name), key, &rate);
    reply_header(reply, "ratelimit-limit", number_text(cx, rate.limit));
    reply_header(reply, "ratelimit-remaining", number_text(cx, v.remaining));
    reply_header(reply, "ratelimit-reset", number_text(cx, seconds_up(v.reset_ms)));
    return v.admitted ? OK : refuse(cx, &v);
}
