/* What was spent on what: pages of the ledger, sums of a month. Private to src/cost.
 *
 * A page goes through the months as they are booked, newest first. A day is the UTC day on which a
 * row was written, held within its month: a call that began in November and ended in December is
 * booked to November and stands on its last day. So the rows of a day, of a month and the sums show
 * the same. */
#ifndef COST_USAGE_H
#define COST_USAGE_H

#include "cost/cost.h"

/* A page looks at no more rows than this: it may be short, or empty, and have more behind it. */
#define USAGE_SCAN_ROWS 1000
#define USAGE_VALUES_MAX 100
#define USAGE_SERIES_MAX 6 /* what a picture can tell apart */

struct usage_filter {
    int64_t month; /* yyyymm; 0: all */
    int64_t day;   /* since 1970-01-01, of that month; -1: all */
    struct str provider, model, user_id, operation_type, key_source, basis, agent_task_id,
        thread_id;    /* absent: any; user_id "": nobody */
    int64_t unpriced; /* 0 priced only, 1 unpriced only, 2 all */
};
struct usage_place { /* behind this row; month 0: at the newest */
    int64_t month, created_at_ms;
    struct str id;
};
struct usage_row {
    struct str id, month, operation_type, provider, model, key_source, user_id, user_name,
        thread_id, run_id, agent_task_id, basis, price_version, error;
    int64_t created_at_ms, month_number, attempt, input_tokens, output_tokens, cache_read_tokens,
        cache_write_tokens, cost_nanousd, duration_ms;
    bool unpriced;
};
/* Inside a transaction. *ret_more: *place is where it goes on. */
enum err usage_page(struct cx *cx, const struct usage_filter *f, struct usage_place *place,
                    int64_t limit, struct usage_row **ret, size_t *ret_count, bool *ret_more);

struct usage_sum {
    struct str value, name, day; /* day "2026-11-23" in byDay only */
    int64_t calls, unpriced, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
        cost_nanousd;
};
struct usage_breakdown {
    struct span values;      /* struct usage_sum, the dearest first, at most USAGE_VALUES_MAX */
    struct usage_sum others; /* what the values leave of the total; calls 0: nothing */
};
struct usage_summary {
    struct cost_budget budget; /* of the month asked for; the cap is today's */
    struct usage_sum total;    /* of the roll-ups */
    int64_t drift_nanousd;     /* snapshot less roll-ups: 0 unless something is wrong */
    int64_t forecast_nanousd;  /* at the month's end, if it goes on as it has so far */
    struct span days;          /* struct usage_sum */
    struct usage_breakdown models, users, operations, key_sources;
};
/* Inside a transaction. */
enum err usage_summarize(struct cx *cx, int64_t month, struct usage_summary *ret);

struct usage_series {
    struct str value, name;
    struct span days; /* struct usage_sum, in order */
};
/* The dearest values of one breakdown of *s day by day, at most USAGE_SERIES_MAX; `by` as the API
 * names it. Inside the transaction of *s. */
enum err usage_series_load(struct cx *cx, int64_t month, struct str by,
                           const struct usage_summary *s, struct span *ret);

/* "2026-11" */
struct str month_text(struct arena *a, int64_t month);
bool month_parse(struct str s, int64_t *ret);

struct reconciled {
    int64_t month;
    int64_t before_nanousd, after_nanousd, drift_nanousd; /* drift: after - before */
    int64_t reserved_before_nanousd, reserved_after_nanousd;
    int64_t calls_before, calls_after;
    int64_t rollups_corrected; /* rows */
};
/* Outside a transaction, on a worker: what the month's snapshot and roll-ups differ from the ledger
 * and the open reservations, read in one snapshot, is added to them in a write of its own. Roll-ups
 * are compared value by value and day by day; in a month of more than `values_up_to` calls, each
 * dimension's totals alone, and its values when those differ. Calls go
 * on meanwhile, because they change both sides alike. OVERLOADED when others reconcile all the
 * time; VALIDATION, which names the first month that can be, for one of which retention may have
 * removed rows. */
enum err cost_reconcile(struct cx *cx, int64_t month, int64_t values_up_to, struct reconciled *ret);

#endif
