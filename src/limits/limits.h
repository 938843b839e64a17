/* Limits: never more than so many in any window, per address, principal or whatever a key names.
 *
 * In memory, of a fixed size, exact for one process: a sliding log of the last `limit` moments
 * would cost memory by the limit, so a window is cut into slots and a slot counts for the whole
 * window after its end; that refuses at most one slot's worth too early and never admits one too
 * many. When the table is full the key that was idle longest gives way; a key that still counts is
 * never forgotten: then newcomers share one counter. */
#ifndef LIMITS_LIMITS_H
#define LIMITS_LIMITS_H

#include "op/gate.h"

struct limits;

struct limit {
    const char *class; /* part of the key */
    int64_t count;     /* in any window */
    int64_t window_ms;
};

struct limits *limits_new(void);
void limits_free(struct limits *l);

/* Counts one of `key` at cx->now_ms. RATE_LIMITED with retry_after_s when the window is full; then
 * it is not counted. ret_left, ret_reset_s may be NULL. */
enum err limits_take(struct cx *cx, const struct limit *limit, struct str key, int64_t *ret_left,
                     int64_t *ret_reset_s);

/* ---- hooks of the gate ---- */
enum err limits_address_admit(struct cx *cx, const struct raw_request *rq);
enum err limits_rate(struct cx *cx, const struct op *op, struct reply *reply);
/* The form of an address that counts: IPv4 whole, IPv6 by /64. In the arena. */
struct str limits_address_key(struct arena *a, struct str address);

#endif
