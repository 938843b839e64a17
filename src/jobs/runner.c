/* The runner: one scheduler for each process, which takes due jobs and hands them to the pools.
 *
 * Goals: a job added in this process starts at once; an idle process costs one indexed read now and
 * then; leases of long jobs are renewed; a stop loses nothing. Non-goals: what a lease means
 * (jobs.c).
 *
 * Invariants
 * - a job is taken only when a slot is free for it, so nothing waits here under a lease;
 * - a slot belongs to the scheduler while it is idle and to the job's thread from the hand-over
 *   until `busy` is false again; `mutex` guards that flag and the lease's end;
 * - job_wake comes before the commit of the job it announces: after a wake the scheduler looks
 * again a few times with growing pauses. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "jobs/jobs.h"
#include "jobs/jobs_sql.h"
#include "net/pool.h"

enum { SLOTS_DEFAULT = 8, SLOTS_MAX = 64, KINDS_BYTES_MAX = 8192 };
enum { SWEEP_ROWS = 100 };

#define POLL_MS_DEFAULT 1000
/* SQLite has no other process that could add a job. */
#define IDLE_MS_ALONE 30000
#define STACK_BYTES (256 * 1024)
#define POOL_FULL_MS 1000
/* Least pause between looks that nobody asked for: a database that fails must not be hammered. */
#define LOOK_MS_MIN 20

struct slot {
    struct pool_job pool_job;
    struct job_runner *runner;
    const struct job_kind *kind;
    struct arena *arena;
    struct job job;
    atomic_bool lost;
    bool busy;
};

struct job_runner {
    struct app *app;
    struct job_kind *kinds;
    size_t kinds_count;
    char *kinds_text; /* ",a,b," */
    struct slot *slots;
    size_t slots_count;
    int64_t poll_ms;
    struct arena *arena;         /* the scheduler's */
    int64_t *periods;            /* of each kind with every_s: the last one added; -1: none */
    int64_t next_at_ms;          /* when the last tick saw the next thing due; 0: nothing */
    atomic_int_least64_t now_ms; /* without a thread: of the last tick */

    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t busy;
    bool wake, stopping;
    atomic_int_least64_t done, failed, late;
};

static int64_t runner_now(struct job_runner *r)
{
    return r->started ? clock_wall_ms() : atomic_load(&r->now_ms);
}

/* ---- writes at READ COMMITTED, waited for ---- */

struct hot_write {
    struct db_write w;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool over;
    enum err result;
};

static void hot_done(struct db_write *w, enum err result)
{
    struct hot_write *h = (struct hot_write *)w;
    pthread_mutex_lock(&h->mutex);
    h->over = true;
    h->result = result;
    pthread_cond_signal(&h->cond);
    pthread_mutex_unlock(&h->mutex);
}

static enum err hot_write(struct cx *cx, db_fn fn, void *arg)
{
    struct hot_write h = {
        .w = { .cx = cx, .fn = fn, .arg = arg, .read_committed = true, .done = hot_done },
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .cond = PTHREAD_COND_INITIALIZER,
    };
    db_write_submit(cx->app->db, &h.w);
    pthread_mutex_lock(&h.mutex);
    while (!h.over)
        pthread_cond_wait(&h.cond, &h.mutex);
    pthread_mutex_unlock(&h.mutex);
    pthread_cond_destroy(&h.cond);
    pthread_mutex_destroy(&h.mutex);
    return h.result;
}

/* ---- a job's thread ---- */

struct ending {
    const struct job *job;
    enum err result;
    struct str error;
    int64_t back_off_ms;
};

static enum err ending_write(struct cx *cx, void *arg)
{
    struct ending *e = arg;
    if (e->result == OK)
        return job_finish(cx, e->job);
    return job_fail(cx, e->job, e->error, e->back_off_ms);
}

static struct str failure_text(struct cx *cx, enum err e)
{
    const struct failure *f = &cx->failure;
    struct str text = str_given(f->log_detail) ? f->log_detail : f->message;
    if (!str_given(text) || !utf8_valid(text))
        text = str_of(err_info(e)->code);
    size_t len = text.len < JOB_ERROR_BYTES_MAX ? text.len : JOB_ERROR_BYTES_MAX;
    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_copy(cx->arena, str_sub(text, 0, len));
}

static struct cx slot_cx(struct slot *s)
{
    return (struct cx){ .arena = s->arena,
                        .app = s->runner->app,
                        .principal = { .kind = PRINCIPAL_SYSTEM,
                                       .role = ROLE_OWNER,
                                       .autonomy_level = 3,
                                       .workspace_id = s->job.workspace_id },
                        .now_ms = runner_now(s->runner),
                        .request_id = s->job.id };
}

static void slot_end(struct slot *s, enum err result, struct str error)
{
    struct job_runner *r = s->runner;
    struct cx cx = slot_cx(s);
    uint32_t random;
    random_bytes(&random, sizeof random);
    struct ending e = { &s->job, result, error, job_back_off_ms(s->job.attempt, random) };
    enum err w = hot_write(&cx, ending_write, &e);
    if (w == ERR_STALE_CLAIM) {
        atomic_fetch_add(&r->late, 1);
        log_line(LOG_WARN, "job ended after its lease was lost", log_s("job", s->job.id),
                 log_s("kind", s->job.kind));
    } else if (w != OK) {
        /* The lease runs out and the job is repeated. */
        log_line(LOG_ERROR, "the end of a job was not written", log_s("job", s->job.id),
                 log_s("code", str_of(err_info(w)->code)), log_s("detail", cx.failure.log_detail));
    } else {
        atomic_fetch_add(result == OK ? &r->done : &r->failed, 1);
    }
    if (result != OK)
        log_line(s->job.attempt >= s->job.attempts_max ? LOG_ERROR : LOG_WARN, "job failed",
                 log_s("job", s->job.id), log_s("kind", s->job.kind), log_s("error", error),
                 log_i("attempt", s->job.attempt));
}

struct release {
    const struct job *job;
    int64_t delay_ms;
};

static enum err release_write(struct cx *cx, void *arg)
{
    struct release *l = arg;
    return job_release(cx, l->job, l->delay_ms);
}

static void slot_give_back(struct slot *s, int64_t delay_ms)
{
    struct cx cx = slot_cx(s);
    struct release l = { &s->job, delay_ms };
    (void)hot_write(&cx, release_write, &l);
}

static void slot_idle(struct slot *s)
{
    struct job_runner *r = s->runner;
    pthread_mutex_lock(&r->mutex);
    arena_clear(s->arena, 64 * 1024);
    s->busy = false;
    r->busy--;
    r->wake = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

static void slot_run(struct pool_job *pj)
{
    struct slot *s = (struct slot *)pj;
    struct job_runner *r = s->runner;
    pthread_mutex_lock(&r->mutex);
    bool stopping = r->stopping || (r->app->stopping && *r->app->stopping);
    pthread_mutex_unlock(&r->mutex);
    if (stopping) {
        slot_give_back(s, 0);
    } else {
        struct cx cx = slot_cx(s);
        enum err e = s->kind->run(&cx, &s->job);
        slot_end(s, e, e == OK ? STR_NULL : failure_text(&cx, e));
    }
    slot_idle(s);
}

/* ---- the scheduler ---- */

static const struct job_kind *kind_find(const struct job_runner *r, struct str name)
{
    for (size_t i = 0; i < r->kinds_count; i++)
        if (str_is(name, r->kinds[i].name))
            return &r->kinds[i];
    return NULL;
}

static int64_t lease_ms(const struct job_kind *k)
{
    return (k->lease_s ? k->lease_s : JOB_LEASE_S_DEFAULT) * 1000;
}

struct due {
    int64_t ready_at_ms, lease_at_ms; /* 0: none */
    struct str kinds;
};

static enum err due_read(struct cx *cx, void *arg)
{
    struct due *d = arg;
    struct job_next_lease_row lease;
    struct job_next_ready_row ready;
    struct job_next_ready_in in = { .kinds = d->kinds };
    bool found;
    TRY(job_next_lease(cx, &lease, &found));
    d->lease_at_ms = found && lease.at.given ? lease.at.value : 0;
    TRY(job_next_ready(cx, &in, &ready, &found));
    d->ready_at_ms = found && ready.at.given ? ready.at.value : 0;
    return OK;
}

static enum err sweep_write(struct cx *cx, void *ret_swept)
{
    return job_sweep(cx, SWEEP_ROWS, ret_swept);
}

struct taking {
    struct job_claim claim;
    struct job *jobs;
    size_t count;
};

static enum err claim_write(struct cx *cx, void *arg)
{
    struct taking *t = arg;
    return job_claim(cx, &t->claim, &t->jobs, &t->count);
}

static enum err period_write(struct cx *cx, void *arg)
{
    return job_period_add(cx, arg);
}

/* What is tried again at the next tick when it fails. */
static void add_periodic(struct job_runner *r, struct cx *cx)
{
    for (size_t i = 0; i < r->kinds_count; i++) {
        struct job_kind *k = &r->kinds[i];
        int64_t period = k->every_s ? cx->now_ms / (k->every_s * 1000) : -1;
        if (period != r->periods[i] && db_write(cx, period_write, k) == OK)
            r->periods[i] = period;
    }
}

static void slot_take(struct slot *s, const struct job *j)
{
    struct arena *a = s->arena;
    s->kind = kind_find(s->runner, j->kind);
    assert(s->kind);
    atomic_store(&s->lost, false);
    s->job = *j;
    s->job.id = str_copy(a, j->id);
    s->job.workspace_id = str_copy(a, j->workspace_id);
    s->job.kind = str_copy(a, j->kind);
    s->job.payload = str_copy(a, j->payload);
    s->job.created_by = str_given(j->created_by) ? str_copy(a, j->created_by) : STR_NULL;
    s->job.lost = &s->lost;
}

static void hand_out(struct job_runner *r, const struct job *jobs, size_t count)
{
    size_t next = 0;
    for (size_t i = 0; i < r->slots_count && next < count; i++) {
        struct slot *s = &r->slots[i];
        pthread_mutex_lock(&r->mutex);
        bool free_slot = !s->busy;
        if (free_slot) {
            s->busy = true;
            r->busy++;
        }
        pthread_mutex_unlock(&r->mutex);
        if (!free_slot)
            continue;
        slot_take(s, &jobs[next++]);
        struct pool *pool = s->kind->slow ? r->app->slow : r->app->workers;
        if (!pool) {
            slot_run(&s->pool_job);
        } else if (!pool_submit(pool, &s->pool_job)) {
            slot_give_back(s, POOL_FULL_MS);
            slot_idle(s);
        }
    }
    assert(next == count);
}

struct renewal {
    struct job job;
    int64_t until_ms;
};

static enum err renew_write(struct cx *cx, void *arg)
{
    struct renewal *n = arg;
    return job_renew(cx, &n->job, n->until_ms);
}

/* Half of the lease is left for a renewal that fails to be tried again. */
static void renew_leases(struct job_runner *r, struct cx *cx)
{
    for (size_t i = 0; i < r->slots_count; i++) {
        struct slot *s = &r->slots[i];
        struct renewal n = { .until_ms = 0 };
        pthread_mutex_lock(&r->mutex);
        if (s->busy && !atomic_load(&s->lost)) {
            int64_t lease = lease_ms(s->kind);
            if (s->job.lease_until_ms - cx->now_ms < lease / 2) {
                n.job = s->job;
                n.job.id = str_copy(cx->arena, s->job.id);
                n.until_ms = cx->now_ms + lease;
            }
        }
        pthread_mutex_unlock(&r->mutex);
        if (!n.until_ms)
            continue;
        enum err e = hot_write(cx, renew_write, &n);
        pthread_mutex_lock(&r->mutex);
        if (s->busy && s->job.epoch == n.job.epoch && str_eq(s->job.id, n.job.id)) {
            if (e == OK)
                s->job.lease_until_ms = n.until_ms;
            else if (e == ERR_STALE_CLAIM)
                atomic_store(&s->lost, true);
        }
        pthread_mutex_unlock(&r->mutex);
    }
}

/* When the scheduler has to look again by itself. */
static int64_t next_at(struct job_runner *r, const struct due *d, bool full)
{
    int64_t at = d->lease_at_ms;
    if (!full && d->ready_at_ms && (!at || d->ready_at_ms < at))
        at = d->ready_at_ms;
    pthread_mutex_lock(&r->mutex);
    for (size_t i = 0; i < r->slots_count; i++) {
        const struct slot *s = &r->slots[i];
        if (!s->busy)
            continue;
        int64_t renew_at = s->job.lease_until_ms - lease_ms(s->kind) / 2;
        if (!at || renew_at < at)
            at = renew_at;
    }
    pthread_mutex_unlock(&r->mutex);
    return at;
}

static size_t claim_due(struct job_runner *r, struct cx *cx, struct due *d)
{
    pthread_mutex_lock(&r->mutex);
    size_t free_slots = r->slots_count - r->busy;
    pthread_mutex_unlock(&r->mutex);
    struct taking t = { .claim = { .node_id = { r->app->node_id, strlen(r->app->node_id) },
                                   .kinds = d->kinds,
                                   .limit = (int64_t)free_slots,
                                   .lease_ms = JOB_LEASE_S_DEFAULT * 1000 } };
    if (free_slots && d->ready_at_ms && d->ready_at_ms <= cx->now_ms) {
        if (hot_write(cx, claim_write, &t) != OK)
            return 0;
        hand_out(r, t.jobs, t.count);
    }
    r->next_at_ms = next_at(r, d, t.count == free_slots);
    return t.count;
}

size_t job_runner_tick(struct job_runner *r, int64_t now_ms)
{
    atomic_store(&r->now_ms, now_ms);
    arena_clear(r->arena, 64 * 1024);
    struct cx cx = { .arena = r->arena,
                     .app = r->app,
                     .principal = { .kind = PRINCIPAL_SYSTEM },
                     .now_ms = now_ms,
                     .request_id = STR("jobs") };
    struct due d = { .kinds = str_of(r->kinds_text) };
    add_periodic(r, &cx);
    renew_leases(r, &cx);
    if (db_read(&cx, due_read, &d) != OK)
        return 0;
    int64_t swept = 0;
    if (d.lease_at_ms && d.lease_at_ms < now_ms && hot_write(&cx, sweep_write, &swept) == OK &&
        swept > 0) {
        log_line(LOG_WARN, "leases of lost jobs ran out", log_i("jobs", swept));
        if (db_read(&cx, due_read, &d) != OK)
            return 0;
    }
    return claim_due(r, &cx, &d);
}

/* Milliseconds to wait after a tick: short looks after a wake, for the commit that it preceded. */
static int64_t wait_ms(const struct job_runner *r, int looks, int64_t now_ms)
{
    static const int64_t after_wake_ms[] = { 500, 100, 20 };
    int64_t ms = db_engine(r->app->db) == DB_SQLITE ? IDLE_MS_ALONE : r->poll_ms;
    if (looks > 0 && after_wake_ms[looks - 1] < ms)
        ms = after_wake_ms[looks - 1];
    if (r->next_at_ms && r->next_at_ms - now_ms < ms)
        ms = r->next_at_ms - now_ms;
    return ms < LOOK_MS_MIN ? LOOK_MS_MIN : ms;
}

static void wait_for_work(struct job_runner *r, int64_t ms)
{
    struct timespec t;
    int64_t until_ms = clock_monotonic_ms() + ms;
    t.tv_sec = until_ms / 1000;
    t.tv_nsec = until_ms % 1000 * 1000000;
    while (!r->wake && !r->stopping)
        if (pthread_cond_timedwait(&r->changed, &r->mutex, &t) != 0)
            break;
}

static void *scheduler(void *arg)
{
    struct job_runner *r = arg;
    int looks = 0;
    pthread_mutex_lock(&r->mutex);
    while (!r->stopping) {
        if (r->wake)
            looks = 3;
        r->wake = false;
        pthread_mutex_unlock(&r->mutex);
        size_t taken = job_runner_tick(r, clock_wall_ms());
        int64_t ms = wait_ms(r, looks, clock_wall_ms());
        if (!taken && looks > 0)
            looks--;
        pthread_mutex_lock(&r->mutex);
        wait_for_work(r, ms);
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

/* ---- life ---- */

static void kinds_fill(struct job_runner *r, const struct job_runner_options *o)
{
    struct buf text;
    buf_init(&text, NULL, KINDS_BYTES_MAX);
    buf_put_byte(&text, ',');
    const struct job_kind own[] = { job_retention_kind, job_verify_log_kind };
    r->kinds_count = o->kinds_count + sizeof own / sizeof *own;
    r->kinds = calloc(r->kinds_count, sizeof *r->kinds);
    r->periods = calloc(r->kinds_count, sizeof *r->periods);
    if (!r->kinds || !r->periods)
        abort();
    for (size_t i = 0; i < r->kinds_count; i++) {
        r->periods[i] = -1;
        r->kinds[i] = i < o->kinds_count ? o->kinds[i] : own[i - o->kinds_count];
        buf_put_cstr(&text, r->kinds[i].name);
        buf_put_byte(&text, ',');
    }
    buf_put_byte(&text, 0);
    assert(!text.overflow);
    r->kinds_text = text.ptr; /* the runner frees it */
}

struct job_runner *job_runner_new(struct app *app, const struct job_runner_options *o)
{
    assert(o->parallel_max >= 0 && o->parallel_max <= SLOTS_MAX);
    struct job_runner *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&r->mutex, NULL);
    r->app = app;
    r->poll_ms = o->poll_ms ? o->poll_ms : POLL_MS_DEFAULT;
    r->arena = arena_new(0);
    kinds_fill(r, o);
    r->slots_count = o->parallel_max ? (size_t)o->parallel_max : SLOTS_DEFAULT;
    r->slots = calloc(r->slots_count, sizeof *r->slots);
    for (size_t i = 0; i < r->slots_count; i++) {
        r->slots[i].pool_job.fn = slot_run;
        r->slots[i].runner = r;
        r->slots[i].arena = arena_new(0);
    }
    return r;
}

void job_runner_start(struct job_runner *r)
{
    assert(!r->started);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    r->started = true;
    if (pthread_create(&r->thread, &attr, scheduler, r) != 0)
        abort();
    pthread_attr_destroy(&attr);
}

void job_runner_stop(struct job_runner *r)
{
    pthread_mutex_lock(&r->mutex);
    bool first = !r->stopping;
    r->stopping = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    if (first && r->started)
        pthread_join(r->thread, NULL);
    pthread_mutex_lock(&r->mutex);
    while (r->busy > 0)
        pthread_cond_wait(&r->changed, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
}

void job_runner_free(struct job_runner *r)
{
    if (!r)
        return;
    job_runner_stop(r);
    for (size_t i = 0; i < r->slots_count; i++)
        arena_free(r->slots[i].arena);
    arena_free(r->arena);
    free(r->slots);
    free(r->kinds);
    free(r->periods);
    free(r->kinds_text);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

void job_wake(struct job_runner *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->mutex);
    r->wake = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

int job_kind_attempts(const struct job_runner *r, const char *kind)
{
    const struct job_kind *k = r ? kind_find(r, str_of(kind)) : NULL;
    return k && k->attempts_max ? k->attempts_max : JOB_ATTEMPTS_DEFAULT;
}

void job_metrics(struct buf *out, void *runner)
{
    struct job_runner *r = runner;
    pthread_mutex_lock(&r->mutex);
    size_t busy = r->busy;
    pthread_mutex_unlock(&r->mutex);
    buf_printf(out, "# TYPE opboxd_jobs_running gauge\nopboxd_jobs_running %zu\n", busy);
    buf_printf(out,
               "# TYPE opboxd_jobs_ended_total counter\n"
               "opboxd_jobs_ended_total{result=\"done\"} %lld\n"
               "opboxd_jobs_ended_total{result=\"failed\"} %lld\n"
               "opboxd_jobs_ended_total{result=\"late\"} %lld\n",
               (long long)atomic_load(&r->done), (long long)atomic_load(&r->failed),
               (long long)atomic_load(&r->late));
}
