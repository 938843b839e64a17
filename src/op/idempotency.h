/* Idempotency-Key: (principal, key) → hash of the request, status, answer; in the deed's
 * transaction, kept 24 hours. Private to op/. */
#ifndef OP_IDEMPOTENCY_H
#define OP_IDEMPOTENCY_H

#include "op/call.h"

/* Reads and checks the header (1-64 visible characters); nothing on GET and HEAD. Hashes operation,
 * workspace, path, query and body. */
enum err idempotency_prepare(struct call *c);
/* Inside the write: has this key been answered? Then the reply is filled from it. */
enum err idempotency_replay(struct call *c, bool *ret_found);
/* Inside the write: keeps the reply. */
enum err idempotency_keep(struct call *c);

#endif
