/* Retention: takes what the mechanism tables need no longer, a slice at a time.
 *
 * Goals: no closure deletes more than SLICE_ROWS; bytes that no row owns go as well; a run that
 * dies half-way is simply run again. Non-goals: the data of people (its areas have purges of their
 * own). */
#include "audit/audit_sql.h"
#include "audit/seal.h"
#include "base/app.h"
#include "base/log.h"
#include "blob/blob.h"
#include "jobs/jobs.h"
#include "jobs/jobs_sql.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

enum { SLICE_ROWS = 1000 };
enum { DONE_JOBS_DAYS = 7, DEAD_JOBS_DAYS = 90, IDEMPOTENCY_DAYS = 1, SESSION_DAYS = 90 };
enum { RATE_SLICE_DAYS = 2 /* the longest window is a day */, INVITE_DAYS = 90, ORPHAN_DAYS = 1 };
enum { RUN_DAYS = 30 /* of one without a thread */ };
enum { AUDIT_DAYS = 7 * 365 + 2, CHAINS_SLICE = 200 };

struct purge {
    const char *what;
    enum err (*slice)(struct cx *cx, int64_t *ret_affected);
    int64_t affected;
};

static enum err purge_jobs(struct cx *cx, int64_t *ret_affected)
{
    struct job_purge_jobs_in in = { .done_before = cx->now_ms - DONE_JOBS_DAYS * DAY_MS,
                                    .dead_before = cx->now_ms - DEAD_JOBS_DAYS * DAY_MS,
                                    .limit = SLICE_ROWS };
    return job_purge_jobs(cx, &in, ret_affected);
}

static enum err purge_idempotency(struct cx *cx, int64_t *ret_affected)
{
    struct job_purge_idempotency_in in = { .before = cx->now_ms - IDEMPOTENCY_DAYS * DAY_MS,
                                           .limit = SLICE_ROWS };
    return job_purge_idempotency(cx, &in, ret_affected);
}

static enum err purge_sessions(struct cx *cx, int64_t *ret_affected)
{
    struct job_purge_sessions_in in = { .before = cx->now_ms - SESSION_DAYS * DAY_MS,
                                        .limit = SLICE_ROWS };
    return job_purge_sessions(cx, &in, ret_affected);
}

static enum err purge_rate_slices(struct cx *cx, int64_t *ret_affected)
{
    struct job_purge_rate_slices_in in = { .before = cx->now_ms - RATE_SLICE_DAYS * DAY_MS,
                                           .limit = SLICE_ROWS };
    return job_purge_rate_slices(cx, &in, ret_affected);
}

static enum err purge_runs(struct cx *cx, int64_t *ret_affected)
{
    struct job_purge_runs_in in = { .before = cx->now_ms - RUN_DAYS * DAY_MS, .limit = SLICE_ROWS };
    return job_purge_runs(cx, &in, ret_affected);
}

static enum err purge_invites(struct cx *cx, int64_t *ret_affected)
{
    struct job_purge_invites_in in = { .before = cx->now_ms - INVITE_DAYS * DAY_MS,
                                       .limit = SLICE_ROWS };
    return job_purge_invites(cx, &in, ret_affected);
}

static enum err purge_slice(struct cx *cx, void *arg)
{
    struct purge *p = arg;
    return p->slice(cx, &p->affected);
}

static enum err sweep_blobs(struct cx *cx)
{
    int64_t removed = 0;
    if (!cx->app->blobs)
        return OK;
    TRY(blob_sweep(cx, ORPHAN_DAYS * DAY_MS, &removed));
    if (removed)
        log_line(LOG_INFO, "retention", log_s("table", STR("blobs")), log_i("rows", removed));
    return OK;
}

/* ---- the log: from its beginning, chain by chain, so that the rest stays provable ---- */

struct log_purge {
    struct seal_chain_list_in in;
    struct seal_chain_list_row *chains;
    size_t count;
    struct str workspace_id;
    int64_t removed;
};

static enum err chains_read(struct cx *cx, void *arg)
{
    struct log_purge *p = arg;
    return seal_chain_list(cx, &p->in, &p->chains, &p->count);
}

static enum err chain_slice(struct cx *cx, void *arg)
{
    struct log_purge *p = arg;
    return seal_purge(cx, p->workspace_id, cx->now_ms - AUDIT_DAYS * DAY_MS, SLICE_ROWS,
                      &p->removed);
}

static enum err purge_log(struct cx *cx, const struct job *job)
{
    struct log_purge p = { .in = { STR(""), CHAINS_SLICE } };
    int64_t total = 0;
    do {
        TRY(db_read(cx, chains_read, &p));
        for (size_t i = 0; i < p.count; i++) {
            p.workspace_id = p.chains[i].workspace_id;
            do {
                struct arena_mark m = arena_mark(cx->arena);
                TRY(db_write(cx, chain_slice, &p));
                arena_reset(cx->arena, m);
                total += p.removed;
                if (job->lost && atomic_load(job->lost))
                    return OK;
            } while (p.removed == SLICE_ROWS);
            /* The least text behind it: no id has a control character. */
            p.in.from = str_fmt(cx->arena, "%.*s\x01", STR_ARG(p.workspace_id));
        }
    } while (p.count == CHAINS_SLICE);
    if (total)
        log_line(LOG_INFO, "retention", log_s("table", STR("audit")), log_i("rows", total));
    return OK;
}

/* Behind the rows: a checkpoint goes when no row stands that it has signed. */
static enum err purge_checkpoints(struct cx *cx, const struct job *job)
{
    int64_t removed, total = 0;
    do {
        struct arena_mark m = arena_mark(cx->arena);
        TRY(seal_purge_checkpoints(cx, cx->now_ms - AUDIT_DAYS * DAY_MS, SLICE_ROWS, &removed));
        arena_reset(cx->arena, m);
        total += removed;
        if (job->lost && atomic_load(job->lost))
            return OK;
    } while (removed == SLICE_ROWS);
    if (total)
        log_line(LOG_INFO, "retention", log_s("table", STR("audit_checkpoints")),
                 log_i("rows", total));
    return OK;
}

static enum err retention_run(struct cx *cx, const struct job *job)
{
    struct purge purges[] = {
        { "jobs", purge_jobs, 0 },         { "idempotency", purge_idempotency, 0 },
        { "sessions", purge_sessions, 0 }, { "rate_slices", purge_rate_slices, 0 },
        { "invites", purge_invites, 0 },   { "runs", purge_runs, 0 },
    };
    for (size_t i = 0; i < sizeof purges / sizeof *purges; i++) {
        int64_t total = 0;
        do {
            struct arena_mark m = arena_mark(cx->arena);
            TRY(db_write(cx, purge_slice, &purges[i]));
            arena_reset(cx->arena, m);
            total += purges[i].affected;
            if (job->lost && atomic_load(job->lost))
                return OK;
        } while (purges[i].affected == SLICE_ROWS);
        if (total)
            log_line(LOG_INFO, "retention", log_s("table", str_of(purges[i].what)),
                     log_i("rows", total));
    }
    if (cx->app->seal) {
        TRY(purge_log(cx, job));
        TRY(purge_checkpoints(cx, job));
    }
    return sweep_blobs(cx);
}

const struct job_kind job_retention_kind = { .name = "retention",
                                             .run = retention_run,
                                             .lease_s = 120,
                                             .attempts_max = 5,
                                             .slow = true,
                                             .every_s = 24 * 60 * 60 };
