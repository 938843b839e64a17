/* Jobs of money: what owners are told, what dead processes left behind, what the night puts right.
 *
 * Goals: each is harmless when repeated; no closure takes more than SLICE_ROWS. Owners are told by
 * a security event, which is where they look for what needs them; the operator by a line of the
 * log.
 */
#include "audit/audit.h"
#include "base/app.h"
#include "base/json.h"
#include "base/log.h"
#include "cost/book.h"
#include "cost/cost_sql.h"
#include "cost/usage.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
/* A process beats every two seconds (cli/node.c). */
#define SILENT_MS 30000
/* Of a month with more, the night compares totals: value by value is one sorting of the month's
 * rows for each dimension. */
#define NIGHT_CALLS_MAX 1000000
enum { SWEEP_ROWS = 100, SLICE_ROWS = 500, SWEEP_S = 5 * 60, DAY_S = 24 * 60 * 60 };
enum { SETTLED_DAYS = 1, SWEPT_DAYS = 62 };

/* ---- notices ---- */

static enum err notice_write(struct cx *cx, void *arg)
{
    const struct job *job = arg;
    struct json p;
    struct json_fault fault;
    if (json_parse(cx->arena, job->payload, NULL, &p, &fault) != OK)
        return cx_fault(cx, "job %.*s: %s", STR_ARG(job->id), fault.message);
    const struct json *month = json_get(&p, "month"), *spent = json_get(&p, "spentUsd"),
                      *cap = json_get(&p, "capUsd");
    int64_t yyyymm = 0;
    if (!month || !spent || !cap || !json_to_i64(month, &yyyymm))
        return cx_fault(cx, "job %.*s: no month, spentUsd or capUsd", STR_ARG(job->id));
    struct str month_name = month_text(cx->arena, yyyymm);
    bool warning = str_is(job->kind, "cost_warning");
    struct audit_row row = {
        .action = job->kind,
        .type = warning ? STR("BUDGET_WARNING") : STR("BUDGET_CAP_REACHED"),
        .entity_type = STR("budget"),
        .entity_id = month_name,
        .message =
            str_fmt(cx->arena, "%s: %.*s of %.*s USD are spent in %.*s.",
                    warning ? "The AI budget comes to its end" : "The AI budget's cap is reached",
                    STR_ARG(spent->text), STR_ARG(cap->text), STR_ARG(month_name)),
        .metadata = job->payload,
    };
    TRY(audit_append(cx, &row));
    return job_finish(cx, job);
}

/* Ends in its own transaction: the row is written once. */
static enum err notice_run(struct cx *cx, const struct job *job)
{
    TRY(db_write(cx, notice_write, (void *)(uintptr_t)job));
    log_line(LOG_WARN, "AI budget", log_s("kind", job->kind), log_s("workspace", job->workspace_id),
             log_s("state", job->payload));
    return OK;
}

/* ---- sweep ---- */

static bool is_lost(const struct job *job)
{
    return job->lost && atomic_load(job->lost);
}

static enum err sweep_write(struct cx *cx, void *ret_count)
{
    return cost_sweep(cx, SILENT_MS, SWEEP_ROWS, ret_count);
}

static enum err sweep_run(struct cx *cx, const struct job *job)
{
    int64_t count, total = 0;
    do {
        struct arena_mark mark = arena_mark(cx->arena);
        TRY(db_write(cx, sweep_write, &count));
        arena_reset(cx->arena, mark);
        total += count;
    } while (count == SWEEP_ROWS && !is_lost(job));
    if (total)
        log_line(LOG_WARN, "calls of lost processes were settled at their worst case",
                 log_i("calls", total));
    return OK;
}

/* ---- the night ---- */

struct night {
    int64_t from_month, month, affected, limit;
    struct str workspace_id;
    struct cost_budget_list_row *budgets;
    struct cost_ledger_months_row *workspaces;
    size_t count;
};

static enum err budgets_read(struct cx *cx, void *arg)
{
    struct night *n = arg;
    struct cost_budget_list_in in = { .from_month = n->from_month,
                                      .after_workspace = n->workspace_id,
                                      .after_month = n->month,
                                      .limit = n->limit };
    return cost_budget_list(cx, &in, &n->budgets, &n->count);
}

static enum err months_read(struct cx *cx, void *arg)
{
    struct night *n = arg;
    int64_t whole;
    TRY(ledger_month_whole(cx, &whole));
    n->from_month = month_before(month_of(cx->now_ms));
    if (n->from_month < whole)
        n->from_month = whole;
    return OK;
}

/* One workspace that fails does not keep the others from being reconciled; the job says so. */
static enum err reconcile_all(struct cx *cx, const struct job *job)
{
    char workspace_id[128] = "";
    struct night n = { .limit = 1, .workspace_id = STR("") };
    enum err worst = OK;
    TRY(db_read(cx, months_read, &n));
    while (!is_lost(job)) {
        struct arena_mark mark = arena_mark(cx->arena);
        struct reconciled r;
        TRY(db_read(cx, budgets_read, &n));
        if (n.count == 0)
            break;
        struct str id = n.budgets[0].workspace_id;
        if (id.len >= sizeof workspace_id)
            return cx_fault(cx, "workspace id of %zu bytes", id.len);
        memcpy(workspace_id, id.ptr, id.len);
        n.workspace_id = (struct str){ workspace_id, id.len };
        n.month = n.budgets[0].month;
        cx->principal.workspace_id = n.workspace_id;
        enum err e = cost_reconcile(cx, n.month, NIGHT_CALLS_MAX, &r);
        cx->principal.workspace_id = job->workspace_id;
        if (e != OK) {
            worst = e;
            log_line(LOG_ERROR, "usage was not reconciled", log_s("workspace", n.workspace_id),
                     log_i("month", n.month), log_s("code", str_of(err_info(e)->code)));
        }
        arena_reset(cx->arena, mark);
    }
    return worst == OK ? OK : cx_fail(cx, worst, "Some workspaces were not reconciled.");
}

static enum err reservations_purge(struct cx *cx, void *arg)
{
    struct night *n = arg;
    struct cost_reservation_purge_in in = { .settled_before = cx->now_ms - SETTLED_DAYS * DAY_MS,
                                            .swept_before = cx->now_ms - SWEPT_DAYS * DAY_MS,
                                            .limit = SLICE_ROWS };
    return cost_reservation_purge(cx, &in, &n->affected);
}

static enum err workspaces_read(struct cx *cx, void *arg)
{
    struct night *n = arg;
    struct cost_ledger_months_in in = { .before_month = n->from_month,
                                        .after_workspace = n->workspace_id,
                                        .limit = n->limit };
    return cost_ledger_months(cx, &in, &n->workspaces, &n->count);
}

/* That rows may be gone is written before the first one is, so that nobody takes what is left for
 * the whole. */
static enum err ledger_purge(struct cx *cx, void *arg)
{
    struct night *n = arg;
    TRY(ledger_month_note(cx, n->from_month));
    struct cost_ledger_purge_in in = { .workspace_id = n->workspace_id,
                                       .before_month = n->from_month,
                                       .limit = SLICE_ROWS };
    return cost_ledger_purge(cx, &in, &n->affected);
}

static enum err purge_slices(struct cx *cx, const struct job *job, db_fn slice, struct night *n)
{
    do {
        struct arena_mark mark = arena_mark(cx->arena);
        TRY(db_write(cx, slice, n));
        arena_reset(cx->arena, mark);
    } while (n->affected == SLICE_ROWS && !is_lost(job));
    return OK;
}

/* Roll-ups and snapshots of those months stay. */
static enum err ledgers_purge(struct cx *cx, const struct job *job)
{
    struct night n = { .from_month = ledger_month_first(cx->now_ms),
                       .limit = 1,
                       .workspace_id = STR("") };
    while (!is_lost(job)) {
        TRY(db_read(cx, workspaces_read, &n));
        if (n.count == 0)
            break;
        n.workspace_id = n.workspaces[0].workspace_id;
        TRY(purge_slices(cx, job, ledger_purge, &n));
    }
    return OK;
}

static enum err nightly_run(struct cx *cx, const struct job *job)
{
    struct night n = { 0 };
    TRY(purge_slices(cx, job, reservations_purge, &n));
    TRY(ledgers_purge(cx, job));
    return reconcile_all(cx, job);
}

const struct job_kind cost_job_kinds[] = {
    { .name = "cost_warning", .run = notice_run },
    { .name = "cost_cap_reached", .run = notice_run },
    { .name = "cost_sweep", .run = sweep_run, .every_s = SWEEP_S },
    { .name = "cost_nightly", .run = nightly_run, .lease_s = 120, .slow = true, .every_s = DAY_S },
};
const size_t cost_job_kinds_count = sizeof cost_job_kinds / sizeof *cost_job_kinds;
