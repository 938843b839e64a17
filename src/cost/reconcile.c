/* Reconcile: the month's snapshot and roll-ups against the ledger and the open reservations.
 *
 * Goals: exact while calls go on, and nobody waits: the long reading is a snapshot, the write is
 * short. It works because a call changes both sides by the same amount in one transaction, so that
 * the difference found in any snapshot is the difference in all of them.
 * Non-goal: changing the ledger, which is the truth.
 *
 * Invariants: a difference is added once. budgets.version counts reconciliations alone; the write
 * says which one it has seen. A month of which retention may have removed rows is never corrected:
 * its sums are all that is left of it. The reading that adds up the ledger says so itself, hence a
 * ledger that is being removed meanwhile is either seen whole or not looked at. */
#include "audit/audit.h"
#include "base/log.h"
#include "cost/book.h"
#include "cost/cost_sql.h"
#include "cost/usage.h"

/* Rows of the roll-ups in one reading, and in one write. */
enum { DIFFS_MAX = 10000, SLICE_ROWS = 1000 };
enum { ROUNDS_MAX = 1000, TRIES_MAX = 5 };

static const char *const dimensions[] = { "model", "user", "operation", "keySource", NULL };

struct diffs {
    size_t dimension;
    struct cost_usage_diff_row *rows;
    size_t count;
};

struct finding {
    int64_t month, values_up_to;
    size_t from; /* dimensions before this one agree */
    struct cost_ledger_sum_row ledger;
    int64_t open_nanousd;
    struct cost_budget_get_row budget;
    struct diffs diffs; /* of the first dimension that differs */
    size_t written;     /* of the diffs: slices before this one */
    bool shifted;
};

static bool totals_agree(const struct cost_ledger_sum_row *l, const struct cost_usage_sum_row *u)
{
    return u->calls == l->calls && u->unpriced == l->unpriced &&
           u->input_tokens == l->input_tokens && u->output_tokens == l->output_tokens &&
           u->cache_read_tokens == l->cache_read_tokens &&
           u->cache_write_tokens == l->cache_write_tokens && u->cost_nanousd == l->cost_nanousd;
}

/* Value by value and day by day: sums that are wrong in opposite ways add up to the right total. */
static enum err dimension_compare(struct cx *cx, struct finding *f, struct str dimension)
{
    struct cost_usage_sum_in sum_in = { cx->principal.workspace_id, f->month, dimension };
    struct cost_usage_sum_row sum;
    bool found;
    if (f->ledger.calls > f->values_up_to) {
        TRY(cost_usage_sum(cx, &sum_in, &sum, &found));
        if (totals_agree(&f->ledger, &sum))
            return OK;
    }
    int64_t first_day = month_first_day(f->month);
    struct cost_usage_diff_in in = { .workspace_id = sum_in.workspace_id,
                                     .month = f->month,
                                     .dimension = dimension,
                                     .first_day = first_day,
                                     .last_day = first_day + month_days(f->month) - 1,
                                     .limit = DIFFS_MAX };
    return cost_usage_diff(cx, &in, &f->diffs.rows, &f->diffs.count);
}

static enum err diffs_find(struct cx *cx, struct finding *f)
{
    f->diffs = (struct diffs){ .dimension = f->from };
    while (dimensions[f->diffs.dimension]) {
        TRY(dimension_compare(cx, f, str_of(dimensions[f->diffs.dimension])));
        if (f->diffs.count)
            return OK;
        f->diffs.dimension++;
    }
    return OK;
}

static enum err expect_whole(struct cx *cx, int64_t month)
{
    int64_t first;
    TRY(ledger_month_whole(cx, &first));
    if (month >= first)
        return OK;
    cx_field_error(cx, STR("month"),
                   "must be %.*s or later: of months before, the ledger's rows are not kept, and "
                   "their sums stay as they are",
                   STR_ARG(month_text(cx->arena, first)));
    return cx_invalid(cx);
}

static enum err find(struct cx *cx, void *arg)
{
    struct finding *f = arg;
    struct cost_ledger_sum_in l_in = { .workspace_id = cx->principal.workspace_id,
                                       .month = f->month };
    struct cost_reserved_sum_in r_in = { .workspace_id = l_in.workspace_id, .month = f->month };
    struct cost_budget_get_in b_in = { .workspace_id = l_in.workspace_id, .month = f->month };
    struct cost_reserved_sum_row open;
    bool found;
    TRY(expect_whole(cx, f->month));
    TRY(cost_ledger_sum(cx, &l_in, &f->ledger, &found));
    TRY(cost_reserved_sum(cx, &r_in, &open, &found));
    TRY(cost_budget_get(cx, &b_in, &f->budget, &found));
    if (!found)
        f->budget = (struct cost_budget_get_row){ .version = 1 };
    f->open_nanousd = open.cost_nanousd;
    return diffs_find(cx, f);
}

static bool snapshot_differs(const struct finding *f)
{
    return f->budget.spent_nanousd != f->ledger.cost_nanousd ||
           f->budget.calls != f->ledger.calls || f->budget.reserved_nanousd != f->open_nanousd;
}

static enum err audit_drift(struct cx *cx, const struct finding *f)
{
    struct str drift = usd_text(cx->arena, f->ledger.cost_nanousd - f->budget.spent_nanousd);
    struct audit_row row = {
        .action = STR("reconcile_ai_usage"),
        .entity_type = STR("budget"),
        .entity_id = month_text(cx->arena, f->month),
        .message = str_fmt(cx->arena,
                           "The month's snapshot differed from the ledger by %.*s USD, its roll-up "
                           "in %d rows.",
                           STR_ARG(drift), (int)f->diffs.count),
    };
    return audit_append(cx, &row);
}

static enum err diff_write(struct cx *cx, const struct finding *f,
                           const struct cost_usage_diff_row *d)
{
    struct cost_usage_shift_in shift = { .workspace_id = cx->principal.workspace_id,
                                         .month = f->month,
                                         .dimension = str_of(dimensions[f->diffs.dimension]),
                                         .value = d->value,
                                         .day = d->day,
                                         .calls = d->calls,
                                         .unpriced = d->unpriced,
                                         .input_tokens = d->input_tokens,
                                         .output_tokens = d->output_tokens,
                                         .cache_read_tokens = d->cache_read_tokens,
                                         .cache_write_tokens = d->cache_write_tokens,
                                         .cost_nanousd = d->cost_nanousd };
    return cost_usage_shift(cx, &shift, NULL);
}

/* A slice of the diffs; the first one carries the snapshot's. */
static enum err correct(struct cx *cx, void *arg)
{
    struct finding *f = arg;
    bool first = f->written == 0;
    struct cost_budget_shift_in in = {
        .workspace_id = cx->principal.workspace_id,
        .month = f->month,
        .seen = f->budget.version,
        .spent = first ? f->ledger.cost_nanousd - f->budget.spent_nanousd : 0,
        .reserved = first ? f->open_nanousd - f->budget.reserved_nanousd : 0,
        .calls = first ? f->ledger.calls - f->budget.calls : 0,
        .now = cx->now_ms,
    };
    size_t end =
        f->diffs.count - f->written > SLICE_ROWS ? f->written + SLICE_ROWS : f->diffs.count;
    int64_t affected;
    TRY(cost_budget_shift(cx, &in, &affected));
    f->shifted = affected == 1;
    if (!f->shifted)
        return OK;
    for (size_t i = f->written; i < end; i++)
        TRY(diff_write(cx, f, &f->diffs.rows[i]));
    return first ? audit_drift(cx, f) : OK;
}

/* All slices of one finding. *ret_lost: others have reconciled meanwhile; look again. */
static enum err correct_all(struct cx *cx, struct finding *f, bool *ret_lost)
{
    f->written = 0;
    *ret_lost = false;
    do {
        TRY(db_write(cx, correct, f));
        if (!f->shifted) {
            *ret_lost = true;
            return OK;
        }
        f->budget.version++;
        f->written += SLICE_ROWS;
    } while (f->written < f->diffs.count);
    log_line(LOG_WARN, "usage differed from the ledger and was corrected",
             log_s("workspace", cx->principal.workspace_id), log_i("month", f->month),
             log_i("nanousd", f->ledger.cost_nanousd - f->budget.spent_nanousd),
             log_i("rollup_rows", (int64_t)f->diffs.count));
    return OK;
}

/* One dimension after the other, until nothing differs. */
enum err cost_reconcile(struct cx *cx, int64_t month, int64_t values_up_to, struct reconciled *ret)
{
    struct finding f = { .month = month, .values_up_to = values_up_to };
    struct reconciled r = { .month = month };
    bool first = true;
    int lost = 0;
    for (int round = 0; round < ROUNDS_MAX && lost < TRIES_MAX; round++) {
        struct arena_mark mark = arena_mark(cx->arena);
        TRY(db_read(cx, find, &f));
        f.from = f.diffs.dimension;
        if (first) {
            r.before_nanousd = f.budget.spent_nanousd;
            r.reserved_before_nanousd = f.budget.reserved_nanousd;
            r.calls_before = f.budget.calls;
        }
        /* Others may have booked between two rounds: what was found first is what is told. */
        if (first || snapshot_differs(&f)) {
            r.after_nanousd = f.ledger.cost_nanousd;
            r.reserved_after_nanousd = f.open_nanousd;
            r.calls_after = f.ledger.calls;
        }
        first = false;
        if (!snapshot_differs(&f) && f.diffs.count == 0) {
            r.drift_nanousd = r.after_nanousd - r.before_nanousd;
            *ret = r;
            return OK;
        }
        bool away;
        TRY(correct_all(cx, &f, &away));
        lost += away;
        r.rollups_corrected += away ? 0 : (int64_t)f.diffs.count;
        arena_reset(cx->arena, mark);
    }
    return cx_fail(cx, ERR_OVERLOADED, "Others are reconciling this month; try again shortly.");
}
