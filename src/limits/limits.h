/* Limits: how often an address or a principal may ask.
 *
 * Owns counters in memory, of this process alone; and table rate_slices, for the few that must
 * outlive it and be one for all nodes. The promise: never more than the limit within ANY
 * window of the length, wherever it begins, whatever the number of keys. Memory is fixed at birth;
 * when it is full of live counters, new keys are refused rather than old ones forgotten, so that
 * filling the table buys nothing. Any thread; nothing blocks for longer than a short lock of one
 * shard. */
#ifndef LIMITS_LIMITS_H
#define LIMITS_LIMITS_H

#include "op/gate.h"

struct config;
struct limits;

/* Never fails. `slots` 0: 131,072 counters, 9 MB when all are used. */
struct limits *limits_new(const struct config *c, size_t slots);
void limits_free(struct limits *l); /* NULL is fine */

/* Counts one of `key` in the class at cx->now_ms, or raises RATE_LIMITED with
 * cx->failure.retry_after_s; what is refused is not counted. A class whose name ends in "_address"
 * groups IPv6 addresses by /64. `limit` ≥ 1, window_ms ≥ 1. Uses cx->app->limits. */
enum err limits_take(struct cx *cx, const char *class_name, struct str key, int64_t limit,
                     int64_t window_ms);

/* The same, kept in the database: for attempts of who is known (a stranger would make it grow).
 * Durable when it returns. Not inside a transaction. */
enum err limits_take_kept(struct cx *cx, const char *class_name, struct str key, int64_t limit,
                          int64_t window_ms);

/* Hooks of the gate. */
/* Per address and minute; not for /healthz, /readyz, /metrics. A face without an address is let in.
 */
enum err limits_address_admit(struct cx *cx, const struct raw_request *rq);
/* Per principal (nobody: per address) and class of the row; adds ratelimit-limit, -remaining and
 * -reset to the reply, and on refusal the failure's retry_after_s. */
enum err limits_rate(struct cx *cx, const struct op *op, struct reply *reply);

#endif
