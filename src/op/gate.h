/* Hooks: what the gate asks of areas to its right (auth, limits, audit, tenancy). main fills the
 * table; the gate is mechanism, not product. */
#ifndef OP_GATE_H
#define OP_GATE_H

#include "op/call.h"

struct gate_hooks {
    /* Per address, before anything is looked up: OK or RATE_LIMITED. Memory only. */
    enum err (*address_admit)(struct cx *cx, const struct raw_request *rq);
    /* Finds the principal of the credential that op->auth asks for, and its workspace
     * (X-Workspace-Id, else the stored preference); fills cx->principal. UNAUTHORIZED, NOT_FOUND
     * (foreign workspace), MCP_CLIENT_REQUIRED. Runs inside db_read. */
    enum err (*authenticate)(struct cx *cx, const struct op *op, const struct raw_request *rq);
    /* x-csrf-token against the cookie; Origin and Sec-Fetch-Site. Session requests that are not
     * GET. */
    enum err (*csrf)(struct cx *cx, const struct raw_request *rq);
    /* For a row with org_roles: cx acts in that organisation from now on, with the role there.
     * NOT_FOUND when the caller does not belong to it. Runs inside the same db_read. */
    enum err (*organization)(struct cx *cx, struct str organization_id);
    /* Is the addon active in cx's workspace? Runs inside the same db_read. */
    enum err (*addon)(struct cx *cx, const char *addon);
    /* Counts one request of the principal in the row's class. Adds RateLimit headers to `reply`. */
    enum err (*rate)(struct cx *cx, const struct op *op, struct reply *reply);
    /* For a row with OP_RENEWS, after its function: the session cookie of what the session is now.
     * Inside the deed's transaction where it has one. */
    enum err (*renew)(struct cx *cx, const struct raw_request *rq, struct reply *reply);
    /* Inside the deed's transaction: the audit row of a success; cx->entity_type and cx->entity_id
     * say what it was about. */
    enum err (*audit)(struct cx *cx, const struct op *op);
    /* A refusal or failure that the log of events must have; never blocks, never fails the call. */
    void (*refused)(struct cx *cx, const struct op *op, const struct raw_request *rq, enum err why);
};

#endif
