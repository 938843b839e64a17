/* Jobs: work that outlives the request that asked for it.
 *
 * A job is a row: READY → LEASED → DONE | READY (back-off) | DEAD. job_add writes it in the deed's
 * transaction, so that the deed and its consequence exist together or not at all. The runner of any
 * process over the same database takes it under a lease; a runner that dies loses the lease, and
 * the job starts again elsewhere. A job therefore runs at least once: handlers are written so that
 * a repetition does no harm, or finish inside their own transaction (job_finish).
 *
 * Owns table jobs, the runner, the purge of mechanism tables (retention), and the nightly
 * verification of the log. */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include <stdatomic.h>

#include "db/db.h"
#include "op/op.h"

#define JOB_ATTEMPTS_DEFAULT 5
#define JOB_LEASE_S_DEFAULT 60
#define JOB_PAYLOAD_BYTES_MAX (256 * 1024)
#define JOB_ERROR_BYTES_MAX 500

struct job_runner;

/* What a handler gets. Texts live in the handler's arena. */
struct job {
    struct str id;
    struct str workspace_id; /* "": none */
    struct str kind;
    struct str payload; /* JSON object */
    struct str created_by;
    int64_t attempt; /* 1 … */
    int64_t attempts_max;
    int64_t epoch; /* of this lease */
    int64_t lease_until_ms;
    const atomic_bool *lost; /* NULL, or set when the lease could not be renewed */
};

struct job_kind {
    const char *name; /* "retention" */
    /* Outside any transaction, in LANE_WORKER or LANE_SLOW, as PRINCIPAL_SYSTEM of the job's
     * workspace. An error means: again later, until attempts_max. */
    enum err (*run)(struct cx *cx, const struct job *job);
    int64_t lease_s;  /* 0: JOB_LEASE_S_DEFAULT; renewed while run goes on */
    int attempts_max; /* 0: JOB_ATTEMPTS_DEFAULT */
    bool slow;        /* LANE_SLOW */
    int64_t every_s;  /* the runner adds one each so many seconds of UTC; 0: only job_add does */
};

/* ---- adding ---- */

struct job_new {
    const char *kind;
    struct str payload;    /* JSON object; absent: {} */
    struct str id;         /* absent: a new CUID; given: at most one row ever has it ("kind:day") */
    struct str unique_key; /* absent, or at most one open job of the kind has it */
    int64_t run_at_ms;     /* 0: now */
    int64_t priority;      /* higher first */
    int attempts_max;      /* 0: the kind's */
};
/* Inside TX_WRITE. Belongs to cx's workspace. *ret_added (may be NULL) is false when id or
 * unique_key had one already: that is no error. Wakes the runner of this process. */
enum err job_add(struct cx *cx, const struct job_new *j, bool *ret_added);

/* ---- steps of a lease; each inside a write ---- */

struct job_claim {
    struct str node_id;
    struct str kinds; /* ",a,b,c,": what the caller can run */
    int64_t limit;
    int64_t lease_ms; /* of the first lease; the runner renews by kind */
};
/* Takes due jobs, highest priority first, at most `limit`; each gets attempt + 1 and epoch + 1. */
enum err job_claim(struct cx *cx, const struct job_claim *c, struct job **ret, size_t *ret_count);
/* STALE_CLAIM when the lease was lost meanwhile. Twice in the same epoch is fine. */
enum err job_finish(struct cx *cx, const struct job *j);
/* READY again after the back-off, or DEAD after the last attempt. STALE_CLAIM as above. */
enum err job_fail(struct cx *cx, const struct job *j, struct str error, int64_t back_off_ms);
/* Gives it back as if it had not been taken, to be taken again after `delay_ms`. */
enum err job_release(struct cx *cx, const struct job *j, int64_t delay_ms);
enum err job_renew(struct cx *cx, const struct job *j, int64_t lease_until_ms);
/* What runs long says how far it is; JSON object. */
enum err job_progress(struct cx *cx, const struct job *j, struct str progress);
/* Expired leases, at most `limit`: READY again, or DEAD. */
enum err job_sweep(struct cx *cx, int64_t limit, int64_t *ret_swept);
/* 5 s doubled with each attempt, at most 1 h, with up to 25 % jitter from `random`. */
int64_t job_back_off_ms(int64_t attempt, uint32_t random);

/* ---- the runner ---- */

struct job_runner_options {
    const struct job_kind *kinds; /* copied, the built-in ones added; their texts live on */
    size_t kinds_count;
    int parallel_max; /* jobs at a time, 1-64; 0: 8 */
    int64_t poll_ms;  /* how often other processes' jobs are looked for; 0: 1,000 */
};
/* Uses app->db, app->workers, app->slow (without pools, jobs run on the thread that ticks). */
struct job_runner *job_runner_new(struct app *app, const struct job_runner_options *o);
/* Starts the scheduler's thread. */
void job_runner_start(struct job_runner *r);
/* One round of the scheduler on the calling thread: sweep, renew, claim, hand out. Tests call it
 * without a thread. Returns how many jobs were taken. */
size_t job_runner_tick(struct job_runner *r, int64_t now_ms);
/* Takes no more, waits for what runs, gives back what has not begun (as it is from the moment that
 * *app->stopping is set). */
void job_runner_stop(struct job_runner *r);
void job_runner_free(struct job_runner *r); /* stops first; NULL is fine */
/* From any thread: there may be something to do. NULL is fine. */
void job_wake(struct job_runner *r);
/* Prometheus text, for metrics_add_source. */
struct buf;
void job_metrics(struct buf *out, void *runner);

/* attempts_max of the kind, for job_add. */
int job_kind_attempts(const struct job_runner *r, const char *kind);

/* Adds this period's run of a kind with `every_s`, of no workspace, unless it is there: one over
 * all processes, because the period stands in its id. Inside a write. */
enum err job_period_add(struct cx *cx, const struct job_kind *k);

/* ---- built in, daily ---- */

extern const struct job_kind job_retention_kind;
extern const struct job_kind job_verify_log_kind;

/* Operation rows: list_jobs, retry_job. */
extern const struct op job_ops[];
extern const size_t job_ops_count;

#endif
