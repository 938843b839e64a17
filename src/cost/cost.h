/* Cost: what calls of providers cost, before and after, exactly.
 *
 * Owns tables ledger, reservations, budgets, prices and their roll-ups; the workspace's cap. Money
 * is integer nano-dollars. Before a call its worst case is reserved against the month's cap by one
 * conditional UPDATE, so that concurrency cannot leak through; after it the reservation is settled:
 * one ledger row for the attempt, the snapshot of the reservation's month, and the reservation's
 * end, in the caller's transaction. Does not own what tokens are counted (llm). */
#ifndef COST_COST_H
#define COST_COST_H

#include "db/db.h"
#include "jobs/jobs.h"
#include "op/op.h"

/* ---- prices ---- */

struct cost_price { /* nano-dollars a token */
    int64_t input, output, cache_read, cache_write;
    int64_t per_minute; /* transcription: nano-dollars a minute; 0: none */
    struct str version; /* of the price list, or "override" */
    bool unpriced;      /* nobody knows: all zero */
    /* A call whose prompt, cached tokens included, is longer costs these throughout; 0: no tier. */
    int64_t long_above_tokens;
    int64_t long_input, long_output, long_cache_read, long_cache_write;
};
/* Inside a transaction, read_committed too. Override of cx's organisation, else the list that the
 * program ships; each by the exact name, else by the name without the date (-20251101, -2025-08-07)
 * or the -latest at its end. Nothing else is guessed: gpt-5-pro is not gpt-5. Provider "offline":
 * all zero, priced. */
enum err cost_price_of(struct cx *cx, struct str provider, struct str model,
                       struct cost_price *ret);

struct cost_usage {
    int64_t input_tokens; /* that were not read from or written to a cache */
    int64_t output_tokens;
    int64_t cache_read_tokens, cache_write_tokens;
    int64_t audio_ms;
};
/* What a provider reports is taken up to here; more is nonsense and would break the sums. */
#define COST_TOKENS_MAX ((int64_t)1000000000)
/* Rounded once, half up; saturates at INT64_MAX / 4. Pure. */
int64_t cost_of(const struct cost_price *p, const struct cost_usage *u);
/* The dearest that a call can be whose input is at most so many tokens, cached or not. Pure. */
int64_t cost_worst_case(const struct cost_price *p, int64_t input_tokens_max,
                        int64_t output_tokens_max);

/* ---- reserve, settle ---- */

struct cost_purpose {
    const char *operation_type; /* "chat" "agent" "extraction" "embedding" "other" */
    struct str provider, model, key_source;
    struct str user_id;                          /* absent: autonomous */
    struct str thread_id, run_id, agent_task_id; /* absent: none */
};
struct cost_reservation {
    struct str id; /* CUID; made by the caller before the write, so that a repeat is the same */
    int64_t month; /* yyyymm UTC of the reservation */
    int64_t cost_nanousd;
    int64_t created_at_ms;
};
/* Inside a write that may be read_committed: hot statements only. Fills month and created_at_ms; a
 * repeat with the same id finds its reservation and takes nothing more. What costs nothing
 * (offline) is never refused. BUDGET_EXCEEDED with details
 * {"scope":"workspace","limitUsd","usedUsd","reservedUsd","neededUsd", "resetsAt"} and nothing
 * written; the same for an unpriced model under a cap whose rule refuses it. Raises the event
 * BUDGET_BLOCKED. */
enum err cost_reserve(struct cx *cx, const struct cost_purpose *p, const struct cost_price *price,
                      struct cost_reservation *r);

enum cost_basis { COST_REPORTED = 1, COST_ESTIMATED, COST_WORST_CASE, COST_EXTERNAL };
struct cost_settlement {
    struct str ledger_id; /* CUID, made by the caller before the write */
    enum cost_basis basis;
    struct cost_usage usage;
    struct cost_price price;
    int64_t attempt; /* 1 … */
    int64_t duration_ms;
    struct str error;         /* absent: none; a short code ("timeout", "http_500") */
    int64_t external_nanousd; /* COST_EXTERNAL only: what the bridge says it cost */
};
/* Inside a write, read_committed too. Writes the ledger row, books it to r->month, ends the
 * reservation; *ret_nanousd (may be NULL) is what it came to. A reported cost may be above the
 * reservation, an estimated one is cut to it, a worst case is what is left of it. A second
 * settlement of the same reservation (a repeat after a lost commit) changes nothing and gives the
 * first one's cost. One that comes after the sweep has closed the reservation as worst_case writes
 * a row with its tokens and the difference to the worst case as its cost, so that both together are
 * the truth. Without a reservation (r->id absent: external; or lost) the cost is booked all the
 * same, once for each ledger_id. The soft warning and the cap's notice go out as jobs. */
enum err cost_settle(struct cx *cx, const struct cost_purpose *p, const struct cost_reservation *r,
                     const struct cost_settlement *s, int64_t *ret_nanousd);
/* Inside a write: another attempt of the same call. A ledger row under the same reservation, which
 * stays open (what is left of it shrinks by the cost). */
enum err cost_settle_attempt(struct cx *cx, const struct cost_purpose *p,
                             struct cost_reservation *r, const struct cost_settlement *s,
                             int64_t *ret_nanousd);
/* Inside a write: the call never left; no ledger row. */
enum err cost_release(struct cx *cx, const struct cost_reservation *r);
/* Inside a write of the caller's own, or the refused one when it is committed all the same: after a
 * BUDGET_EXCEEDED of cost_reserve, which wrote nothing. Owners get the cap's notice once. */
enum err cost_refused(struct cx *cx);

/* Inside a write of cx's workspace: what a run has open is settled as worst_case, because its owner
 * is gone and nobody knows. */
enum err cost_lose_run(struct cx *cx, struct str run_id);
/* Inside a write: reservations of processes that have gone (node silent for `silent_ms`, or not in
 * table nodes, or expired) are settled as worst_case, at most `limit` of them. */
enum err cost_sweep(struct cx *cx, int64_t silent_ms, int64_t limit, int64_t *ret_count);

/* ---- where a workspace stands ---- */

struct cost_budget {
    int64_t month;
    int64_t cap_nanousd; /* INT64_MAX: no cap */
    int64_t spent_nanousd, reserved_nanousd, calls;
    int64_t resets_at_ms;
    int64_t warn_percent; /* of the cap; 0: no soft warning */
    bool refuse_unpriced; /* under a cap */
};
/* Inside a transaction: of cx's workspace and month. */
enum err cost_budget_of(struct cx *cx, struct cost_budget *ret);

/* Job kinds: cost_warning and cost_cap_reached (owners' notices), cost_sweep every five minutes,
 * cost_nightly (reconcile, purge). For the runner's table. */
extern const struct job_kind cost_job_kinds[];
extern const size_t cost_job_kinds_count;

/* Operation rows: usage, budget, prices. */
extern const struct op cost_ops[];
extern const size_t cost_ops_count;
extern const struct op cost_budget_ops[];
extern const size_t cost_budget_ops_count;
extern const struct op cost_price_ops[];
extern const size_t cost_price_ops_count;

#endif
