/* What the tests of money share: calls that are reserved and settled as the run does it, at READ
 * COMMITTED, and the judge, who adds up the ledger and compares. */
#ifndef TESTS_UNIT_COST_MONEY_H
#define TESTS_UNIT_COST_MONEY_H

#include "cost/cost.h"
#include "unit/rooms.h"

#define USD(n) ((int64_t)((n)*1000000000.0))
#define NOV 202611
#define DEC 202612
#define DEC_1_MS 1796083200000

struct money {
    struct rooms *r;
    struct cost_purpose purpose; /* chat, anthropic/claude-sonnet-4-5, WORKSPACE_KEY, ann */
    struct cost_price price;     /* of that model */
};

struct money money_of(struct rooms *r);
/* fn as a write at READ COMMITTED, waited for. */
enum err money_write(struct cx *cx, db_fn fn, void *arg);

enum err money_reserve(struct money *m, struct cost_reservation *res);
enum err money_settle(struct money *m, struct cost_reservation *res,
                      const struct cost_settlement *s, int64_t *ret_nanousd);
enum err money_attempt(struct money *m, struct cost_reservation *res,
                       const struct cost_settlement *s, int64_t *ret_nanousd);

/* The same, which must succeed. */
struct cost_reservation reserve(struct money *m, const char *id, int64_t nanousd);
int64_t settle(struct money *m, struct cost_reservation *res, const struct cost_settlement *s);
void release(struct money *m, struct cost_reservation *res);
int64_t sweep(struct money *m, int64_t silent_ms);
struct cost_budget budget(struct money *m);
void rule(struct money *m, int64_t cap_nanousd, int64_t warn_percent, bool refuse_unpriced);

struct cost_settlement reported(const char *ledger_id, int64_t input, int64_t output);

/* Ledger, snapshot, open reservations and roll-ups of the workspaces agree, in every month that the
 * tests use. */
void money_judge(struct money *m);

struct money_row {
    struct str id, basis, model, error;
    int64_t month, created_at_ms, cost_nanousd, input_tokens, attempt;
    bool priced, has_user;
};
/* The ledger of cx's workspace, oldest first. */
struct money_row *ledger_rows(struct money *m, size_t *ret_count);
/* Jobs of that kind. */
size_t jobs_of(struct money *m, const char *kind);

#endif
