/* Jobs as rows: adding, and the steps of a lease.
 *
 * Goals: a job is taken by one runner at a time; a lost runner costs a repetition, never the job; a
 * runner that comes back late changes nothing. Non-goals: threads and timers (runner.c).
 *
 * Invariants
 * - each step is one conditional UPDATE on (id, epoch), judged by affected rows, so that it needs
 * no stronger isolation than READ COMMITTED;
 * - `attempt` counts leases, also those that ended without a word: a job that kills its process
 *   every time still reaches its dead end. */
#include "jobs/jobs.h"

#include <assert.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/cuid.h"
#include "jobs/jobs_sql.h"

#define BACK_OFF_FIRST_MS 5000
#define BACK_OFF_MOST_MS (60 * 60 * 1000)
#define DAY_S (24 * 60 * 60)

enum err job_add(struct cx *cx, const struct job_new *j, bool *ret_added)
{
    assert(cx->tx && j->kind);
    assert(j->payload.len <= JOB_PAYLOAD_BYTES_MAX);
    const struct principal *p = &cx->principal;
    int attempts = j->attempts_max ? j->attempts_max : job_kind_attempts(cx->app->jobs, j->kind);
    struct job_insert_in in = {
        .id = str_given(j->id) ? j->id : cuid_new(cx->arena, cx->now_ms),
        .workspace_id = str_given(p->workspace_id) ? p->workspace_id : STR(""),
        .kind = str_of(j->kind),
        .payload = str_given(j->payload) ? j->payload : STR("{}"),
        .unique_key = j->unique_key,
        .priority = j->priority,
        .run_at = j->run_at_ms ? j->run_at_ms : cx->now_ms,
        .attempts_max = attempts,
        .now = cx->now_ms,
        .created_by = p->user_id,
    };
    int64_t affected;
    TRY(job_insert(cx, &in, &affected));
    /* Before the commit: the runner looks again a little later (runner.c). */
    job_wake(cx->app->jobs);
    if (ret_added)
        *ret_added = affected == 1;
    return OK;
}

enum err job_period_add(struct cx *cx, const struct job_kind *k)
{
    assert(k->every_s > 0);
    int64_t period = cx->now_ms / (k->every_s * 1000);
    struct date d = date_from_days(period);
    struct job_new j = { .kind = k->name, .attempts_max = k->attempts_max };
    j.id = k->every_s == DAY_S
               ? str_fmt(cx->arena, "%s-%04d-%02d-%02d", k->name, d.year, d.month, d.day)
               : str_fmt(cx->arena, "%s-%lld", k->name, (long long)period);
    struct str workspace_id = cx->principal.workspace_id;
    cx->principal.workspace_id = STR_NULL;
    enum err e = job_add(cx, &j, NULL);
    cx->principal.workspace_id = workspace_id;
    return e;
}

enum err job_claim(struct cx *cx, const struct job_claim *c, struct job **ret, size_t *ret_count)
{
    struct job_take_in in = { .now = cx->now_ms,
                              .node_id = c->node_id,
                              .kinds = c->kinds,
                              .lease_until = cx->now_ms + c->lease_ms,
                              .limit = c->limit };
    struct job_take_row *rows;
    size_t count;
    TRY(job_take(cx, &in, &rows, &count));
    struct job *jobs = arena_array(cx->arena, count, sizeof *jobs);
    for (size_t i = 0; i < count; i++)
        jobs[i] = (struct job){ .id = rows[i].id,
                                .workspace_id = rows[i].workspace_id,
                                .kind = rows[i].kind,
                                .payload = rows[i].payload,
                                .created_by = rows[i].created_by,
                                .attempt = rows[i].attempt,
                                .attempts_max = rows[i].attempts_max,
                                .epoch = rows[i].epoch,
                                .lease_until_ms = in.lease_until };
    *ret = jobs;
    *ret_count = count;
    return OK;
}

static enum err stale_unless(struct cx *cx, const struct job *j, int64_t affected)
{
    if (affected == 1)
        return OK;
    cx_fail(cx, ERR_STALE_CLAIM, "The lease on job %.*s was lost.", STR_ARG(j->id));
    return ERR_STALE_CLAIM;
}

enum err job_finish(struct cx *cx, const struct job *j)
{
    struct job_set_done_in in = { .id = j->id, .epoch = j->epoch, .now = cx->now_ms };
    int64_t affected;
    TRY(job_set_done(cx, &in, &affected));
    return stale_unless(cx, j, affected);
}

enum err job_fail(struct cx *cx, const struct job *j, struct str error, int64_t back_off_ms)
{
    struct job_set_failed_in in = { .id = j->id,
                                    .epoch = j->epoch,
                                    .now = cx->now_ms,
                                    .run_at = cx->now_ms + back_off_ms,
                                    .error = error };
    int64_t affected;
    TRY(job_set_failed(cx, &in, &affected));
    return stale_unless(cx, j, affected);
}

enum err job_release(struct cx *cx, const struct job *j, int64_t delay_ms)
{
    struct job_set_ready_in in = {
        .id = j->id, .epoch = j->epoch, .now = cx->now_ms, .run_at = cx->now_ms + delay_ms
    };
    int64_t affected;
    TRY(job_set_ready(cx, &in, &affected));
    return stale_unless(cx, j, affected);
}

enum err job_renew(struct cx *cx, const struct job *j, int64_t lease_until_ms)
{
    struct job_set_lease_in in = {
        .id = j->id, .epoch = j->epoch, .now = cx->now_ms, .lease_until = lease_until_ms
    };
    int64_t affected;
    TRY(job_set_lease(cx, &in, &affected));
    return stale_unless(cx, j, affected);
}

enum err job_progress(struct cx *cx, const struct job *j, struct str progress)
{
    struct job_set_progress_in in = {
        .id = j->id, .epoch = j->epoch, .now = cx->now_ms, .progress = progress
    };
    int64_t affected;
    TRY(job_set_progress(cx, &in, &affected));
    return stale_unless(cx, j, affected);
}

enum err job_sweep(struct cx *cx, int64_t limit, int64_t *ret_swept)
{
    struct job_set_expired_in in = { .now = cx->now_ms, .limit = limit };
    return job_set_expired(cx, &in, ret_swept);
}

int64_t job_back_off_ms(int64_t attempt, uint32_t random)
{
    int64_t ms = BACK_OFF_FIRST_MS;
    for (int64_t i = 1; i < attempt && ms < BACK_OFF_MOST_MS; i++)
        ms *= 2;
    if (ms > BACK_OFF_MOST_MS)
        ms = BACK_OFF_MOST_MS;
    return ms - ms / 4 + (int64_t)(random % (uint32_t)(ms / 4 + 1));
}
