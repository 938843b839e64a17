/* Goals: count without locks on the way of a request; sum when somebody asks.
 * Invariants: a slot is written by the threads that hash to it with relaxed atomics; no tenant,
 * user or path stands in a label, only operation names and status classes, so that cardinality is
 * fixed. */
#include "op/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "op/registry.h"

enum { SLOTS = 8, CLASSES = 5, SOURCES_MAX = 16 };

static const int64_t bucket_us[] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000
};
#define BUCKETS (sizeof bucket_us / sizeof *bucket_us)

struct op_counters {
    atomic_llong by_class[CLASSES];
    atomic_llong buckets[BUCKETS + 1];
    atomic_llong sum_us;
};
struct metrics {
    size_t operations;
    struct op_counters *slots[SLOTS];
    pthread_mutex_t lock;
    struct {
        void (*write)(struct buf *out, void *arg);
        void *arg;
    } sources[SOURCES_MAX];
    size_t source_count;
};

struct metrics *metrics_new(size_t operations)
{
    struct metrics *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->operations = operations;
    pthread_mutex_init(&m->lock, NULL);
    for (int i = 0; i < SLOTS; i++) {
        m->slots[i] = calloc(operations + 1, sizeof *m->slots[i]);
        if (!m->slots[i])
            abort();
    }
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int i = 0; i < SLOTS; i++)
        free(m->slots[i]);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static void add(atomic_llong *at, int64_t n)
{
    atomic_fetch_add_explicit(at, n, memory_order_relaxed);
}

void metrics_call(struct metrics *m, size_t op_index, int status, int64_t duration_us)
{
    size_t slot = ((size_t)pthread_self() >> 12) % SLOTS;
    struct op_counters *c = &m->slots[slot][op_index < m->operations ? op_index : m->operations];
    int class = status / 100 - 1;
    size_t b = 0;
    while (b < BUCKETS && duration_us > bucket_us[b])
        b++;
    add(&c->by_class[class < 0 || class >= CLASSES ? CLASSES - 1 : class], 1);
    add(&c->buckets[b], 1);
    add(&c->sum_us, duration_us);
}

void metrics_add_source(struct metrics *m, void (*write)(struct buf *out, void *arg), void *arg)
{
    pthread_mutex_lock(&m->lock);
    if (m->source_count < SOURCES_MAX) {
        m->sources[m->source_count].write = write;
        m->sources[m->source_count++].arg = arg;
    }
    pthread_mutex_unlock(&m->lock);
}

struct op_sums {
    int64_t by_class[CLASSES], buckets[BUCKETS + 1], sum_us, count;
};

static struct op_sums sum_up(const struct metrics *m, size_t op_index)
{
    struct op_sums s = { 0 };
    for (int i = 0; i < SLOTS; i++) {
        struct op_counters *c = &m->slots[i][op_index];
        for (int k = 0; k < CLASSES; k++)
            s.by_class[k] += atomic_load_explicit(&c->by_class[k], memory_order_relaxed);
        for (size_t b = 0; b <= BUCKETS; b++) {
            int64_t n = atomic_load_explicit(&c->buckets[b], memory_order_relaxed);
            s.buckets[b] += n;
            s.count += n;
        }
        s.sum_us += atomic_load_explicit(&c->sum_us, memory_order_relaxed);
    }
    return s;
}

static void write_requests(const struct metrics *m, const struct registry *r, struct buf *out)
{
    buf_put_cstr(out, "# HELP opboxd_requests_total Finished calls by operation and status class.\n"
                      "# TYPE opboxd_requests_total counter\n");
    for (size_t i = 0; i <= m->operations; i++) {
        struct op_sums s = sum_up(m, i);
        const char *name = i < m->operations ? registry_at(r, i)->name : "none";
        for (int k = 0; k < CLASSES; k++)
            if (s.by_class[k])
                buf_printf(out, "opboxd_requests_total{operation=\"%s\",status=\"%dxx\"} %lld\n",
                           name, k + 1, (long long)s.by_class[k]);
    }
}

static void write_durations(const struct metrics *m, const struct registry *r, struct buf *out)
{
    buf_put_cstr(out, "# HELP opboxd_request_duration_seconds Time from the request's head to its "
                      "answer.\n# TYPE opboxd_request_duration_seconds histogram\n");
    for (size_t i = 0; i < m->operations; i++) {
        struct op_sums s = sum_up(m, i);
        const char *name = registry_at(r, i)->name;
        int64_t below = 0;
        if (s.count == 0)
            continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            below += s.buckets[b];
            buf_printf(out,
                       "opboxd_request_duration_seconds_bucket{operation=\"%s\",le=\"%g\"} %lld\n",
                       name, (double)bucket_us[b] / 1e6, (long long)below);
        }
        buf_printf(out,
                   "opboxd_request_duration_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %lld\n"
                   "opboxd_request_duration_seconds_sum{operation=\"%s\"} %g\n"
                   "opboxd_request_duration_seconds_count{operation=\"%s\"} %lld\n",
                   name, (long long)s.count, name, (double)s.sum_us / 1e6, name,
                   (long long)s.count);
    }
}

void metrics_write(struct metrics *m, const struct registry *r, struct buf *out)
{
    write_requests(m, r, out);
    write_durations(m, r, out);
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->source_count; i++)
        m->sources[i].write(out, m->sources[i].arg);
    pthread_mutex_unlock(&m->lock);
}
