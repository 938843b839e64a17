/* Goals: open runs of this process, found by who holds their names; a start that repairs, a stop
 * that leaves nothing open. Non-goals: what a run does (actor.c). Invariants: a run in the table
 * has a reference of the table's; it leaves when it has finished. */
#include "run/run.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/db.h"
#include "run/state.h"

enum { WATCH_S = 2, SILENT_MS = 8000, REPAIR_ROUNDS_MAX = 1000 };

/* ---- the table ---- */

static size_t bucket_of(struct str run_id)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < run_id.len; i++)
        h = (h ^ (unsigned char)run_id.ptr[i]) * 0x100000001b3ULL;
    return (size_t)(h % RUN_BUCKETS);
}

static void runs_add(struct run *r)
{
    struct runs *rs = r->runs;
    struct run **head = &rs->buckets[bucket_of(r->ref.run_id)];
    pthread_mutex_lock(&rs->lock);
    r->bucket_next = *head;
    *head = run_hold(r);
    rs->open++;
    pthread_mutex_unlock(&rs->lock);
    atomic_fetch_add(&rs->begun_total, 1);
}

void runs_remove(struct run *r)
{
    struct runs *rs = r->runs;
    pthread_mutex_lock(&rs->lock);
    for (struct run **at = &rs->buckets[bucket_of(r->ref.run_id)]; *at; at = &(*at)->bucket_next) {
        if (*at == r) {
            *at = r->bucket_next;
            rs->open--;
            break;
        }
    }
    pthread_cond_broadcast(&rs->fewer);
    pthread_mutex_unlock(&rs->lock);
    atomic_fetch_add(&rs->ended_total, 1);
    run_unref(r);
}

struct run *runs_find(struct runs *rs, struct str workspace_id, struct str run_id)
{
    struct run *found = NULL;
    pthread_mutex_lock(&rs->lock);
    for (struct run *r = rs->buckets[bucket_of(run_id)]; r && !found; r = r->bucket_next)
        if (str_eq(r->ref.run_id, run_id) && str_eq(r->ref.workspace_id, workspace_id))
            found = run_hold(r);
    pthread_mutex_unlock(&rs->lock);
    return found;
}

const struct run_kind *runs_kind(const struct runs *rs, struct str name)
{
    for (size_t i = 0; i < rs->kind_count; i++)
        if (str_is(name, rs->kinds[i]->name))
            return rs->kinds[i];
    return NULL;
}

/* ---- a run's life ---- */

static struct str kept(struct arena *a, struct str s)
{
    return str_given(s) ? str_copy(a, s) : STR_NULL;
}

static struct run_ref ref_copy(struct arena *a, const struct run_ref *ref)
{
    return (struct run_ref){ .workspace_id = kept(a, ref->workspace_id),
                             .organization_id = kept(a, ref->organization_id),
                             .run_id = kept(a, ref->run_id),
                             .user_id = kept(a, ref->user_id),
                             .thread_id = kept(a, ref->thread_id),
                             .message_id = kept(a, ref->message_id),
                             .epoch = ref->epoch,
                             .turn = ref->turn };
}

static struct principal principal_copy(struct arena *a, const struct principal *p)
{
    struct principal copy = *p;
    copy.user_id = kept(a, p->user_id);
    copy.email = kept(a, p->email);
    copy.name = kept(a, p->name);
    copy.organization_id = kept(a, p->organization_id);
    copy.workspace_id = kept(a, p->workspace_id);
    copy.session_id = kept(a, p->session_id);
    copy.key_id = kept(a, p->key_id);
    return copy;
}

static struct run *run_make(struct app *app, struct loop *near, struct message *m)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    struct runs *rs = app->runs;
    unsigned turn = (unsigned)atomic_fetch_add(&rs->next_loop, 1);
    atomic_init(&r->refs, 1);
    r->runs = rs;
    r->app = app;
    r->loop = near ? near : loops_at(app->loops, (int)(turn % (unsigned)rs->loop_count));
    r->message = m;
    return r;
}

struct run *run_new(struct app *app, const struct run_spec *s)
{
    struct run *r =
        run_make(app, s->loop, s->message ? s->message : message_new(s->ref.message_id));
    r->kind = s->kind;
    r->data = s->data;
    r->arena = arena_new(1024);
    r->ref = ref_copy(r->arena, &s->ref);
    r->principal = principal_copy(r->arena, &s->principal);
    r->wish.provider = kept(r->arena, s->wish.provider);
    r->wish.model = kept(r->arena, s->wish.model);
    r->model = RUN_MODEL_NEW;
    r->model.turn = s->ref.turn;
    run_bill_read(r->arena, kept(r->arena, s->bill_json), &r->bill);
    r->turn_first_part = (int)message_part_count(r->message);
    runs_add(r);
    return r;
}

bool run_tell_ended(struct app *app, struct sink *sink, const struct run_told *t)
{
    struct message *m = message_new(t->message_id);
    if (!message_load_told(m, t->parts_json)) {
        message_free(m);
        return false;
    }
    if (str_given(t->usage_json) && t->usage_json.len)
        message_data(m, "data-usage", t->usage_json, false);
    if (t->state == RUN_FAILED || t->state == RUN_INTERRUPTED)
        message_error(m, STR("This answer broke off; what was said is kept."));
    else if (t->state == RUN_STOPPED)
        message_abort(m);
    message_finish(m, run_finish_reason(t->state, RUN_NO_REASON), t->usage_json);
    struct run *r = run_make(app, NULL, m);
    r->model.state = RUN_DONE;
    r->telling = r->finished = true;
    run_attach(r, sink, 0);
    run_unref(r);
    return true;
}

struct run *run_hold(struct run *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void run_unref(struct run *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    assert(!r->readers && !r->retry && !r->lonely && !r->journal_listed && !r->writing.busy);
    if (r->kind && r->kind->release)
        r->kind->release(r->data);
    llm_call_free(r->call);
    message_free(r->message);
    if (r->arena)
        arena_free(r->arena);
    free(r);
}

struct app *run_app(const struct run *r)
{
    return r->app;
}

struct loop *run_loop(const struct run *r)
{
    return r->loop;
}

void *run_data(const struct run *r)
{
    return r->data;
}

const struct principal *run_principal(const struct run *r)
{
    return &r->principal;
}

const struct run_ref *run_refs(const struct run *r)
{
    return &r->ref;
}

struct message *run_message(struct run *r)
{
    return r->message;
}

/* ---- the process ---- */

struct runs *runs_new(struct app *app, const struct run_kind *const *kinds, size_t count)
{
    struct runs *rs = calloc(1, sizeof *rs);
    if (!rs)
        abort();
    rs->app = app;
    rs->kinds = kinds;
    rs->kind_count = count;
    pthread_mutex_init(&rs->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&rs->fewer, &attr);
    pthread_cond_init(&rs->watch, &attr);
    pthread_condattr_destroy(&attr);
    return rs;
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static enum err repair_all(struct runs *rs, int64_t silent_before)
{
    int64_t count = 1;
    for (int i = 0; i < REPAIR_ROUNDS_MAX && count > 0; i++) {
        enum err e = repair_lost(rs, silent_before, &count);
        if (e != OK)
            return e;
        atomic_fetch_add(&rs->interrupted_total, count);
    }
    return OK;
}

static void *watch_main(void *arg)
{
    struct runs *rs = arg;
    pthread_mutex_lock(&rs->lock);
    while (!rs->stopping) {
        struct timespec until = in_ms(WATCH_S * 1000);
        pthread_cond_timedwait(&rs->watch, &rs->lock, &until);
        if (rs->stopping)
            break;
        pthread_mutex_unlock(&rs->lock);
        repair_all(rs, clock_wall_ms() - SILENT_MS);
        pthread_mutex_lock(&rs->lock);
    }
    pthread_mutex_unlock(&rs->lock);
    return NULL;
}

enum err runs_start(struct runs *rs)
{
    bool alone = db_engine(rs->app->db) == DB_SQLITE;
    rs->loop_count = loops_count(rs->app->loops);
    rs->journals = calloc((size_t)rs->loop_count, sizeof(void *));
    if (!rs->journals)
        abort();
    for (int i = 0; i < rs->loop_count; i++)
        rs->journals[i] = journal_new(rs, loops_at(rs->app->loops, i));
    TRY(repair_all(rs, alone ? INT64_MAX : clock_wall_ms() - SILENT_MS));
    if (!alone)
        rs->watching = pthread_create(&rs->watcher, NULL, watch_main, rs) == 0;
    return OK;
}

static void stop_all(struct runs *rs)
{
    for (size_t b = 0; b < RUN_BUCKETS; b++)
        for (struct run *r = rs->buckets[b]; r; r = r->bucket_next)
            run_stop(r, RUN_BY_SHUTDOWN);
}

void runs_stop(struct runs *rs, int64_t timeout_ms)
{
    struct timespec until = in_ms(timeout_ms);
    int rc = 0;
    if (!rs)
        return;
    pthread_mutex_lock(&rs->lock);
    rs->stopping = true;
    pthread_cond_broadcast(&rs->watch);
    stop_all(rs);
    while (rs->open > 0 && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&rs->fewer, &rs->lock, &until);
    int left = rs->open;
    pthread_mutex_unlock(&rs->lock);
    if (rs->watching)
        pthread_join(rs->watcher, NULL);
    rs->watching = false;
    if (left)
        log_line(LOG_WARN, "runs are left open; the next start marks them", log_i("runs", left));
}

void runs_free(struct runs *rs)
{
    if (!rs)
        return;
    for (int i = 0; i < rs->loop_count; i++)
        journal_free(rs->journals[i]);
    free(rs->journals);
    pthread_mutex_destroy(&rs->lock);
    pthread_cond_destroy(&rs->fewer);
    pthread_cond_destroy(&rs->watch);
    free(rs);
}

void runs_metrics(struct buf *out, void *runs)
{
    struct runs *rs = runs;
    pthread_mutex_lock(&rs->lock);
    int open = rs->open;
    pthread_mutex_unlock(&rs->lock);
    buf_printf(out,
               "# TYPE opboxd_runs_open gauge\nopboxd_runs_open %d\n"
               "# TYPE opboxd_runs_total counter\nopboxd_runs_total %lld\n"
               "# TYPE opboxd_runs_interrupted_total counter\nopboxd_runs_interrupted_total %lld\n",
               open, (long long)atomic_load(&rs->begun_total),
               (long long)atomic_load(&rs->interrupted_total));
}
