/* Goals: ids that sort by time, that no two processes make twice, and that nobody can guess.
 * Non-goals: RFC 9562 UUIDs.
 *
 * Invariants: the four counter digits grow by one per id of the process, across threads. They go
 * back to zero only when a new millisecond begins and half their range is used, so that they never
 * wrap within one. 62 random bits make ids of several processes differ. */
#include "base/cuid.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/crypto.h"

#define CUID_COUNTER_MAX ((uint64_t)36 * 36 * 36 * 36)
#define CUID_RANDOM_MAX ((uint64_t)4738381338321616896) /* 36^12 */
#define CUID_MS_MAX ((uint64_t)2821109907456)           /* 36^8: the year 2059 */

/* Upper 43 bits: the newest millisecond; lower 21: the counter. */
static _Atomic uint64_t cuid_state;

static uint64_t counter_next(uint64_t ms)
{
    uint64_t old = atomic_load_explicit(&cuid_state, memory_order_relaxed);
    uint64_t new, counter;
    do {
        uint64_t last_ms = old >> 21;
        counter = (old & ((1u << 21) - 1)) + 1;
        if ((ms > last_ms && counter > CUID_COUNTER_MAX / 2) || counter >= CUID_COUNTER_MAX)
            counter = 0;
        new = (ms > last_ms ? ms : last_ms) << 21 | counter;
    } while (!atomic_compare_exchange_weak_explicit(&cuid_state, &old, new, memory_order_relaxed,
                                                    memory_order_relaxed));
    return counter;
}

static void digits_put(char *out, size_t count, uint64_t v)
{
    while (count) {
        out[--count] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
        v /= 36;
    }
}

void cuid_make(int64_t now_ms, char out[CUID_BYTES])
{
    assert(now_ms >= 0);
    uint64_t ms = (uint64_t)now_ms % CUID_MS_MAX;
    uint64_t random;
    do
        random = random_u64();
    while (random >= CUID_RANDOM_MAX * 3); /* else the first third would come up more often */
    out[0] = 'c';
    digits_put(out + 1, 8, ms);
    digits_put(out + 9, 4, counter_next(ms));
    digits_put(out + 13, 12, random % CUID_RANDOM_MAX);
}

struct str cuid_new(struct arena *a, int64_t now_ms)
{
    char *p = arena_alloc_raw(a, CUID_BYTES);
    cuid_make(now_ms, p);
    return (struct str){ p, CUID_BYTES };
}

bool cuid_valid(struct str s)
{
    if (s.len != CUID_BYTES || s.ptr[0] != 'c')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

bool client_id_valid(struct str s)
{
    if (s.len < 1 || s.len > 64)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '.' || c == '_' || c == ':' || c == '-'))
            return false;
    }
    return true;
}
