/* Months, rules and text of money: what the files of this folder share. Private to src/cost. */
#ifndef COST_BOOK_H
#define COST_BOOK_H

#include "cost/cost.h"

#define COST_CAP_DEFAULT_NANOUSD (100 * INT64_C(1000000000))
/* What "no cap" means in sums: they must not overflow. */
#define COST_CAP_NONE (INT64_MAX / 2)
#define COST_WARN_PERCENT_DEFAULT 80

struct cost_rule {
    int64_t cap_nanousd; /* COST_CAP_NONE: no cap */
    int64_t warn_percent;
    bool refuse_unpriced;
    int64_t version; /* 0: no row, the defaults */
};
/* Of cx's workspace; hot. */
enum err cost_rule_load(struct cx *cx, struct cost_rule *ret);
/* Warning and notice that are due at `spent`, each at most once a month and cap; hot. */
enum err cost_notices(struct cx *cx, int64_t month, int64_t spent_nanousd, bool warned,
                      bool capped);
int64_t cost_warn_at(const struct cost_rule *rule);

/* yyyymm, UTC. */
int64_t month_of(int64_t ms);
int64_t month_before(int64_t month);
bool month_valid(int64_t month);        /* 197001 … 999912 */
int64_t month_first_day(int64_t month); /* days since 1970-01-01 */
int64_t month_days(int64_t month);
int64_t month_end_ms(int64_t month); /* first instant of the next one */

/* Retention keeps the ledger from this month on; snapshots and roll-ups of those before stay. */
int64_t ledger_month_first(int64_t now_ms);
/* Inside a transaction: the first month whose ledger is whole for certain: by the clock, and by
 * what retention says that it has removed. */
enum err ledger_month_whole(struct cx *cx, int64_t *ret);
/* Inside a write, before rows of months before `month` are removed. */
enum err ledger_month_note(struct cx *cx, int64_t month);

/* "12.3456", at most nine places. */
struct str usd_text(struct arena *a, int64_t nanousd);

#endif
