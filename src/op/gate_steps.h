/* The gate's two halves as plain functions, without lanes or threads; call.c moves a call between
 * lanes and runs them. Private to op/. */
#ifndef OP_GATE_STEPS_H
#define OP_GATE_STEPS_H

#include "op/gate.h"

/* ---- head ---- */

/* Address limit, match, declared size, content type: memory only. */
enum err gate_match(struct call *c);
/* Does the rest of the head need the database? */
bool gate_head_reads(const struct call *c);
/* authenticate → client rules → CSRF → role → addon → rate. Opens its own read transaction where
 * gate_head_reads. */
enum err gate_admit(struct call *c);

/* ---- body ---- */

/* Decode, autonomy, idempotency key: no database. */
enum err gate_decode(struct call *c);
/* The row's function with all that belongs into its transaction, and the encoded answer. cx->tx is
 * set as the row's `tx` says. May run again from its start. */
enum err gate_run(struct cx *cx, void *call);

/* Makes the reply of a failure, logs it once, tells the hooks. */
void gate_fail(struct call *c, enum err e);

#endif
