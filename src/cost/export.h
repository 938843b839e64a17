/* Ledger rows as CSV (RFC 4180, UTF-8, CRLF). Private to src/cost. */
#ifndef COST_EXPORT_H
#define COST_EXPORT_H

#include "cost/usage.h"

#define USAGE_CSV_ROWS_MAX 50000

/* Inside a transaction; in the arena. VALIDATION on field month when there are more rows. */
enum err usage_csv(struct cx *cx, const struct usage_filter *f, struct str *ret);

#endif
