/* The audit written behind: events that no transaction carries.
 *
 * Goals: a refusal costs its request a copy and a lock, never a disk; memory is bounded however
 * many refusals come; nothing is lost silently. Non-goals: durability of the last second before a
 * kill -9 (a refusal changed nothing).
 *
 * Invariants
 * - the queue holds at most QUEUE_MAX records, the counters at most COUNTERS_MAX; what does not fit
 *   is in `dropped`, which becomes a row of its own;
 * - events of nobody (before authentication) and exceeded rates are counted per address, actor,
 *   account, type and minute, so that nobody fills the table by asking often;
 * - what may be no event at all takes at most half of the queue;
 * - records leave the queue only after their commit. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "audit/audit_sql.h"
#include "audit/record.h"
#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"

enum { QUEUE_MAX = 1024, COUNTERS_MAX = 1024, SLICE_ROWS = 200, KEY_BYTES_MAX = 64 };

#define MINUTE_MS 60000
#define FLUSH_PAUSE_MS 1000
#define STACK_BYTES (256 * 1024)

struct queued {
    struct queued *next;
    struct audit_record r; /* texts behind it, in the same block */
};

struct key_text {
    char bytes[KEY_BYTES_MAX];
    size_t len;
};

struct counter {
    int64_t minute; /* 0: free */
    int64_t count;
    struct key_text address, workspace_id, actor_id, account;
    enum principal_kind actor_kind;
    struct str type, action, outcome; /* constant texts */
};

struct audit_log {
    struct app *app;
    pthread_t thread;
    bool started;
    pthread_mutex_t flushing; /* one flush at a time; taken before `mutex` */
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    bool stopping;
    struct queued *first, **last;
    size_t queued;
    struct counter counters[COUNTERS_MAX];
    size_t counting;
    int64_t dropped;
};

/* ---- in ---- */

static void put_text(char **at, struct str *s)
{
    if (!str_given(*s))
        return;
    if (s->len)
        memcpy(*at, s->ptr, s->len);
    s->ptr = *at;
    *at += s->len;
}

static struct queued *queued_new(const struct audit_record *r)
{
    struct queued copy = { .r = *r };
    struct audit_record *c = &copy.r;
    struct str *const texts[] = { &c->workspace_id, &c->action,      &c->type,
                                  &c->outcome,      &c->actor_id,    &c->actor_name,
                                  &c->on_behalf_of, &c->entity_type, &c->entity_id,
                                  &c->message,      &c->metadata,    &c->remote_addr,
                                  &c->request_id };
    const size_t count = sizeof texts / sizeof *texts;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += texts[i]->len;
    struct queued *q = malloc(sizeof *q + bytes);
    if (!q)
        abort();
    char *at = (char *)(q + 1);
    for (size_t i = 0; i < count; i++)
        put_text(&at, texts[i]);
    *q = copy;
    return q;
}

static struct key_text key_text(struct str s)
{
    struct key_text k = { .len = s.len < KEY_BYTES_MAX ? s.len : KEY_BYTES_MAX };
    if (k.len)
        memcpy(k.bytes, s.ptr, k.len);
    return k;
}

static struct str key_str(const struct key_text *k)
{
    return (struct str){ k->bytes, k->len };
}

static bool counter_same(const struct counter *a, const struct counter *b)
{
    return a->minute == b->minute && str_eq(a->type, b->type) &&
           str_eq(key_str(&a->address), key_str(&b->address)) &&
           str_eq(key_str(&a->workspace_id), key_str(&b->workspace_id)) &&
           str_eq(key_str(&a->actor_id), key_str(&b->actor_id)) &&
           str_eq(key_str(&a->account), key_str(&b->account));
}

static uint64_t mix(uint64_t h, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return h;
}

/* Under the mutex. */
static void count_add(struct audit_log *l, const struct counter *n)
{
    uint64_t h = mix(1469598103934665603u ^ (uint64_t)n->minute, key_str(&n->address));
    h = mix(mix(mix(h, n->type), key_str(&n->actor_id)), key_str(&n->account));
    size_t at = (size_t)(h ^ h >> 32) % COUNTERS_MAX;
    struct counter *free_one = NULL;
    /* A counter that was taken leaves a gap: look at all eight places before using one. */
    for (size_t i = 0; i < 8; i++, at = (at + 1) % COUNTERS_MAX) {
        struct counter *c = &l->counters[at];
        if (c->minute && counter_same(c, n)) {
            c->count += n->count;
            return;
        }
        if (!c->minute && !free_one)
            free_one = c;
    }
    if (!free_one) {
        l->dropped += n->count;
        return;
    }
    *free_one = *n;
    l->counting++;
}

static bool is_nobody(const struct principal *p)
{
    return (p->kind == PRINCIPAL_NONE || p->kind == PRINCIPAL_ANONYMOUS) && !str_given(p->user_id);
}

static void queue_add(struct audit_log *l, const struct audit_record *r, size_t most)
{
    struct queued *q = queued_new(r);
    pthread_mutex_lock(&l->mutex);
    if (l->queued < most) {
        q->next = NULL;
        *l->last = q;
        l->last = &q->next;
        l->queued++;
        q = NULL;
    } else {
        l->dropped++;
    }
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->mutex);
    free(q);
}

void audit_strayed(struct cx *cx, const struct audit_row *row)
{
    struct audit_record r = audit_record_make(cx, row);
    r.strayed = true;
    if (cx->app->audit)
        queue_add(cx->app->audit, &r, QUEUE_MAX / 2);
}

void audit_event(struct cx *cx, const struct audit_row *row)
{
    struct audit_log *l = cx->app->audit;
    if (!l)
        return;
    struct audit_record r = audit_record_make(cx, row);
    if (is_nobody(&cx->principal) || str_is(row->type, "RATE_LIMITED")) {
        struct counter c = { .minute = r.created_at_ms / MINUTE_MS,
                             .count = 1,
                             .address = key_text(r.remote_addr),
                             .workspace_id = key_text(r.workspace_id),
                             .actor_id = key_text(r.actor_id),
                             .account = key_text(row->account),
                             .actor_kind = cx->principal.kind,
                             .type = r.type,
                             .action = r.action,
                             .outcome = r.outcome };
        pthread_mutex_lock(&l->mutex);
        count_add(l, &c);
        pthread_cond_signal(&l->filled);
        pthread_mutex_unlock(&l->mutex);
        return;
    }
    queue_add(l, &r, QUEUE_MAX);
}

/* ---- out ---- */

/* One slice: what is copied here leaves the queue when its commit is done. */
struct slice {
    struct audit_record records[SLICE_ROWS];
    struct counter counters[SLICE_ROWS]; /* texts of `records` point into them */
    size_t records_count, queued, counted;
    int64_t dropped, now_ms;
    bool nothing; /* none of it turned out to be an event */
};

static struct audit_record counter_record(const struct counter *c)
{
    return (struct audit_record){ .created_at_ms = c->minute * MINUTE_MS,
                                  .count = c->count,
                                  .actor_kind = c->actor_kind ? c->actor_kind : PRINCIPAL_ANONYMOUS,
                                  .severity = audit_type_severity(c->type),
                                  .workspace_id = key_str(&c->workspace_id),
                                  .actor_id = c->actor_id.len ? key_str(&c->actor_id) : STR_NULL,
                                  .account = key_str(&c->account),
                                  .action = c->action,
                                  .type = c->type,
                                  .outcome = c->outcome,
                                  .message = STR("So many in one minute from this address"),
                                  .remote_addr = c->address.len ? key_str(&c->address) : STR_NULL };
}

/* Moves due counters into the slice. */
static void take_counters(struct audit_log *l, struct slice *s, bool all)
{
    int64_t minute = s->now_ms / MINUTE_MS;
    for (size_t i = 0; i < COUNTERS_MAX && l->counting > 0; i++) {
        struct counter *c = &l->counters[i];
        if (!c->minute || (!all && c->minute >= minute) || s->records_count == SLICE_ROWS)
            continue;
        s->counters[s->counted] = *c;
        s->records[s->records_count++] = counter_record(&s->counters[s->counted++]);
        c->minute = 0;
        l->counting--;
    }
}

static void take(struct audit_log *l, struct slice *s, bool all)
{
    pthread_mutex_lock(&l->mutex);
    for (struct queued *q = l->first; q && s->records_count < SLICE_ROWS - 1; q = q->next) {
        s->records[s->records_count++] = q->r;
        s->queued++;
    }
    if (l->dropped) {
        s->dropped = l->dropped;
        s->records[s->records_count++] =
            (struct audit_record){ .created_at_ms = s->now_ms,
                                   .count = l->dropped,
                                   .actor_kind = PRINCIPAL_SYSTEM,
                                   .severity = AUDIT_CRITICAL,
                                   .workspace_id = STR(""),
                                   .action = STR("audit"),
                                   .type = STR("EVENTS_DROPPED"),
                                   .outcome = STR("OVERLOADED"),
                                   .message = STR("More events came than could be kept") };
        l->dropped = 0;
    }
    take_counters(l, s, all);
    pthread_mutex_unlock(&l->mutex);
}

/* After the commit, or after its failure: then all is put back. */
static void settle(struct audit_log *l, const struct slice *s, enum err e)
{
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; e == OK && i < s->queued; i++) {
        struct queued *q = l->first;
        assert(q);
        l->first = q->next;
        if (!l->first)
            l->last = &l->first;
        l->queued--;
        free(q);
    }
    for (size_t i = 0; e != OK && i < s->counted; i++)
        count_add(l, &s->counters[i]);
    if (e != OK)
        l->dropped += s->dropped;
    pthread_mutex_unlock(&l->mutex);
}

/* An account's event stands where its person works; OWNERs of other workspaces do not see it. */
static enum err look_account(struct cx *cx, struct audit_record *r)
{
    struct audit_account_in in = { r->account };
    struct audit_account_row row;
    bool found;
    TRY(audit_account(cx, &in, &row, &found));
    if (!found)
        return OK;
    r->workspace_id = str_given(row.workspace_id) ? row.workspace_id : STR("");
    r->entity_type = STR("user");
    r->entity_id = r->account;
    r->message = str_fmt(cx->arena, "To the account %.*s, so many in one minute from this address",
                         STR_ARG(row.email));
    return OK;
}

/* A count of 0 is what is no event. */
static enum err look_strayed(struct cx *cx, struct audit_record *r)
{
    struct audit_elsewhere_in in = { r->workspace_id, r->entity_id };
    struct audit_elsewhere_row row;
    bool found;
    TRY(audit_elsewhere(cx, &in, &row, &found));
    if (!row.elsewhere)
        r->count = 0;
    return OK;
}

static enum err slice_look(struct cx *cx, void *arg)
{
    struct slice *s = arg;
    s->nothing = true;
    for (size_t i = 0; i < s->records_count; i++) {
        struct audit_record *r = &s->records[i];
        if (r->account.len)
            TRY(look_account(cx, r));
        if (r->strayed)
            TRY(look_strayed(cx, r));
        s->nothing = s->nothing && r->count == 0;
    }
    return OK;
}

static bool slice_asks(const struct slice *s)
{
    for (size_t i = 0; i < s->records_count; i++)
        if (s->records[i].account.len || s->records[i].strayed)
            return true;
    return false;
}

static enum err slice_insert(struct cx *cx, void *arg)
{
    const struct slice *s = arg;
    for (size_t i = 0; i < s->records_count; i++)
        if (s->records[i].count)
            TRY(audit_record_insert(cx, &s->records[i]));
    return OK;
}

static enum err slice_write(struct cx *cx, struct slice *s)
{
    if (slice_asks(s))
        TRY(db_read(cx, slice_look, s));
    return s->nothing ? OK : db_write(cx, slice_insert, s);
}

enum err audit_log_flush(struct audit_log *l, int64_t now_ms, bool all)
{
    enum err e = OK;
    struct arena *a = arena_new(0);
    struct slice *s = malloc(sizeof *s);
    if (!s)
        abort();
    pthread_mutex_lock(&l->flushing);
    do {
        memset(s, 0, sizeof *s);
        s->now_ms = now_ms;
        take(l, s, all);
        if (s->records_count == 0)
            break;
        struct cx cx = {
            .arena = a, .app = l->app, .principal = { .kind = PRINCIPAL_SYSTEM }, .now_ms = now_ms
        };
        e = slice_write(&cx, s);
        settle(l, s, e);
        arena_clear(a, 64 * 1024);
    } while (e == OK);
    pthread_mutex_unlock(&l->flushing);
    free(s);
    arena_free(a);
    return e;
}

static void wait_until(struct audit_log *l, int64_t ms)
{
    int64_t until_ms = clock_monotonic_ms() + ms;
    struct timespec t = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
    while (!l->stopping && pthread_cond_timedwait(&l->filled, &l->mutex, &t) == 0)
        ;
}

/* A pause between flushes gathers a burst into one commit. */
static void *flusher(void *arg)
{
    struct audit_log *l = arg;
    bool failed = false;
    pthread_mutex_lock(&l->mutex);
    while (!l->stopping) {
        while (!l->stopping && !l->queued && !l->counting && !l->dropped)
            pthread_cond_wait(&l->filled, &l->mutex);
        wait_until(l, FLUSH_PAUSE_MS);
        if (l->stopping)
            break;
        pthread_mutex_unlock(&l->mutex);
        enum err e = audit_log_flush(l, clock_wall_ms(), false);
        if (e != OK && !failed)
            log_line(LOG_ERROR, "security events cannot be written; they are kept for a while",
                     log_s("code", str_of(err_info(e)->code)));
        failed = e != OK;
        pthread_mutex_lock(&l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* ---- life ---- */

struct audit_log *audit_log_new(struct app *app)
{
    struct audit_log *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->filled, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_mutex_init(&l->flushing, NULL);
    l->app = app;
    l->last = &l->first;
    return l;
}

void audit_log_start(struct audit_log *l)
{
    pthread_attr_t attr;
    assert(!l->started);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    l->started = true;
    if (pthread_create(&l->thread, &attr, flusher, l) != 0)
        abort();
    pthread_attr_destroy(&attr);
}

void audit_log_free(struct audit_log *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stopping = true;
    pthread_cond_broadcast(&l->filled);
    pthread_mutex_unlock(&l->mutex);
    if (l->started)
        pthread_join(l->thread, NULL);
    if (audit_log_flush(l, clock_wall_ms(), true) != OK)
        log_line(LOG_ERROR, "the last security events were not written",
                 log_i("events", (int64_t)(l->queued + l->counting)));
    while (l->first) {
        struct queued *q = l->first;
        l->first = q->next;
        free(q);
    }
    pthread_cond_destroy(&l->filled);
    pthread_mutex_destroy(&l->mutex);
    pthread_mutex_destroy(&l->flushing);
    free(l);
}
