/* Audit: who did what, and what was refused. Rows are appended, never changed but by the sealer.
 *
 * Two ways in:
 *   audit_append    inside a write: the row lives and dies with the deed;
 *   audit_event     from anywhere, never blocks: a bounded queue that a thread of its own writes
 *                   behind. What does not fit is counted, and the count is written.
 * Refusals before authentication, and exceeded rates, are counted per address, actor, type and
 * minute: one row with a count.
 *
 * Owns table audit. Sealing (seq, hash, epoch) is seal.h's. */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "op/gate.h"

enum audit_severity { AUDIT_NONE = 0, AUDIT_INFO, AUDIT_WARNING, AUDIT_CRITICAL };

/* Absent texts are left NULL. Texts are cut to their bounds (message 500 bytes, metadata dropped
 * above 8 KiB); none may hold a secret. */
struct audit_row {
    struct str action;            /* operation or event */
    struct str type;              /* of a security event; absent: an ordinary deed */
    enum audit_severity severity; /* of a security event; with AUDIT_NONE the type's own */
    struct str outcome;           /* absent: "OK"; else the error's code */
    struct str entity_type, entity_id;
    struct str message;
    struct str metadata; /* JSON object */
    int64_t count;       /* 0: 1 */
    /* With audit_event, before authentication: the user whose account was tried. The event is of
     * the workspace that is active for them, which is looked up as it is written. */
    struct str account;
};
/* Inside a write. Actor, workspace, address, request id and time come from cx. */
enum err audit_append(struct cx *cx, const struct audit_row *row);

/* Severity of an event type; AUDIT_WARNING for one that the table does not have. */
enum audit_severity audit_type_severity(struct str type);

/* ---- written behind ---- */

struct audit_log;
struct audit_log *audit_log_new(struct app *app);
void audit_log_start(struct audit_log *l); /* its thread */
/* Writes what is left, ends the thread. NULL is fine. */
void audit_log_free(struct audit_log *l);
/* Writes what is due at now_ms, on the calling thread; counted rows when their minute is over, or
 * all with `all`. Tests call it without a thread. ERR_…: kept for the next time. */
enum err audit_log_flush(struct audit_log *l, int64_t now_ms, bool all);

/* Never blocks; any thread. `row` and cx are copied, but for action, type and outcome, which are
 * constant texts. Dropped when app->audit is NULL. */
void audit_event(struct cx *cx, const struct audit_row *row);
/* The same of something that is not there for the caller: an event when row->entity_id is of
 * another workspace. That is looked up as it is written: the answer takes as long for what is
 * nowhere. */
void audit_strayed(struct cx *cx, const struct audit_row *row);

/* ---- hooks of the gate ---- */

enum err audit_success(struct cx *cx, const struct op *op);
void audit_refused(struct cx *cx, const struct op *op, const struct raw_request *rq, enum err why);

/* Operation rows: list_audit_logs, list_security_events. */
extern const struct op audit_ops[];
extern const size_t audit_ops_count;
/* Of the operator: verify_log, export_log. */
extern const struct op log_ops[];
extern const size_t log_ops_count;

#endif
