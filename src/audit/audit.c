/* Audit rows in the deed's transaction, and what counts as a security event.
 *
 * Goals: one INSERT for each deed; who acted is read from cx, never from input. Non-goals: rows
 * that no transaction carries (audit_log.c), sealing. */
#include "audit/audit.h"

#include <assert.h>

#include "audit/audit_sql.h"
#include "audit/record.h"
#include "audit/seal.h"
#include "base/app.h"
#include "base/cuid.h"

static const struct {
    const char *type;
    enum audit_severity severity;
} types[] = {
    { "AI_INJECTION_ATTEMPT", AUDIT_WARNING },
    { "AUTH_FAILED", AUDIT_WARNING },
    { "AUTONOMY_LEVEL_REQUIRED", AUDIT_WARNING },
    { "BUDGET_BLOCKED", AUDIT_WARNING },
    { "BUDGET_CAP_REACHED", AUDIT_WARNING },
    { "BUDGET_WARNING", AUDIT_WARNING },
    { "CREDENTIAL_CHANGED", AUDIT_INFO },
    { "CREDENTIAL_UNDECRYPTABLE", AUDIT_CRITICAL },
    { "CROSS_WORKSPACE_DENIED", AUDIT_WARNING },
    { "CSRF_REJECTED", AUDIT_WARNING },
    { "EVENTS_DROPPED", AUDIT_CRITICAL },
    { "GRANT_CREATED", AUDIT_INFO },
    { "GRANT_REVOKED", AUDIT_INFO },
    { "KEY_CHANGED", AUDIT_INFO },
    { "KEY_MINTED", AUDIT_INFO },
    { "KEY_REVOKED", AUDIT_INFO },
    { "LOG_ANCHORED", AUDIT_INFO },
    { "LOG_CHAIN_BROKEN", AUDIT_CRITICAL },
    { "MEMBER_ADDED", AUDIT_INFO },
    { "MEMBER_REMOVED", AUDIT_INFO },
    { "LOG_REANCHORED", AUDIT_WARNING },
    { "PASSWORD_CHANGED", AUDIT_INFO },
    { "PERSONAL_KEY_DENIED", AUDIT_WARNING },
    { "RATE_LIMITED", AUDIT_WARNING },
    { "ROLE_CHANGED", AUDIT_INFO },
    { "ROLE_DENIED", AUDIT_WARNING },
    { "SECOND_FACTOR_CHANGED", AUDIT_INFO },
    { "SESSION_REVOKED", AUDIT_INFO },
    { "SSRF_BLOCKED", AUDIT_WARNING },
    { "STALE_CLAIM", AUDIT_INFO },
    { "WRITE_BUDGET_EXCEEDED", AUDIT_WARNING },
};

enum audit_severity audit_type_severity(struct str type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_is(type, types[i].type))
            return types[i].severity;
    return AUDIT_WARNING;
}

static struct str severity_text(enum audit_severity s)
{
    switch (s) {
    case AUDIT_INFO:
        return STR("INFO");
    case AUDIT_WARNING:
        return STR("WARNING");
    case AUDIT_CRITICAL:
        return STR("CRITICAL");
    case AUDIT_NONE:
        break;
    }
    return STR_NULL;
}

struct str audit_text_cut(struct str s, size_t bytes_max)
{
    if (!str_given(s))
        return s;
    size_t len = s.len < bytes_max ? s.len : bytes_max;
    while (len < s.len && len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_sub(s, 0, len);
}

struct audit_record audit_record_make(const struct cx *cx, const struct audit_row *row)
{
    const struct principal *p = &cx->principal;
    bool by_key = str_given(p->key_id);
    enum audit_severity severity = row->severity;
    if (str_given(row->type) && severity == AUDIT_NONE)
        severity = audit_type_severity(row->type);
    return (struct audit_record){
        .created_at_ms = cx->now_ms,
        .count = row->count ? row->count : 1,
        .actor_kind = p->kind,
        .severity = severity,
        .workspace_id = str_given(p->workspace_id) ? p->workspace_id : STR(""),
        .action = audit_text_cut(row->action, 200),
        .type = row->type,
        .outcome = str_given(row->outcome) ? row->outcome : STR("OK"),
        .actor_id = by_key ? p->key_id : p->user_id,
        .actor_name = audit_text_cut(str_given(p->name) ? p->name : p->email, 200),
        .on_behalf_of = by_key ? p->user_id : STR_NULL,
        .entity_type = row->entity_type,
        .entity_id = row->entity_id,
        .message = audit_text_cut(row->message, AUDIT_MESSAGE_BYTES_MAX),
        .metadata = row->metadata.len <= AUDIT_METADATA_BYTES_MAX ? row->metadata : STR_NULL,
        .remote_addr = cx->remote_addr,
        .request_id = cx->request_id,
    };
}

enum err audit_record_insert(struct cx *cx, const struct audit_record *r)
{
    assert(str_given(r->action));
    struct audit_insert_in in = {
        .id = cuid_new(cx->arena, r->created_at_ms),
        .workspace_id = r->workspace_id,
        .created_at = r->created_at_ms,
        .action = r->action,
        .type = r->type,
        .severity = severity_text(r->severity),
        .outcome = r->outcome,
        .actor_kind = str_of(principal_kind_name(r->actor_kind)),
        .actor_id = r->actor_id,
        .actor_name = r->actor_name,
        .on_behalf_of = r->on_behalf_of,
        .entity_type = r->entity_type,
        .entity_id = r->entity_id,
        .message = r->message,
        .metadata = r->metadata,
        .remote_addr = r->remote_addr,
        .request_id = r->request_id,
        .count = r->count,
    };
    TRY(seal_row(cx, &in));
    return audit_insert(cx, &in, NULL);
}

enum err audit_append(struct cx *cx, const struct audit_row *row)
{
    struct audit_record r = audit_record_make(cx, row);
    return audit_record_insert(cx, &r);
}

/* ---- hooks ---- */

enum err audit_success(struct cx *cx, const struct op *op)
{
    struct audit_row row = { .action = str_of(op->name),
                             .entity_type = cx->entity_type,
                             .entity_id = cx->entity_id };
    return audit_append(cx, &row);
}

/* A membership that is not there: the caller is known, the workspace it named, to act in or to
 * switch to, is not its own. */
static bool is_foreign_workspace(const struct cx *cx, const struct op *op,
                                 const struct raw_request *rq)
{
    if (!op || op->auth == AUTH_NONE)
        return false;
    return (str_is(cx->entity_type, "workspace") &&
            !str_eq(cx->entity_id, cx->principal.workspace_id)) ||
           (!str_given(cx->principal.workspace_id) && rq &&
            str_given(request_header(rq, "x-workspace-id")));
}

/* A thing that is not there, for somebody who acts in a workspace. Who reaches for another
 * organisation is seen where it is entered. */
static bool is_strayed(const struct cx *cx, const struct op *op, enum err why)
{
    return why == ERR_NOT_FOUND && op && op->auth != AUTH_NONE && !op->org_roles &&
           cx->principal.workspace_id.len && cx->entity_id.len;
}

/* BUDGET_EXCEEDED is not here: who reserves raises the event, with what was needed and left, on
 * ways that the gate does not see as well. */
static struct str refusal_type(const struct cx *cx, const struct op *op,
                               const struct raw_request *rq, enum err why)
{
    switch (why) {
    case ERR_UNAUTHORIZED:
        return STR("AUTH_FAILED");
    case ERR_CSRF_INVALID:
    case ERR_ORIGIN_REFUSED:
        return STR("CSRF_REJECTED");
    case ERR_FORBIDDEN:
        return STR("ROLE_DENIED");
    case ERR_PERSONAL_KEYS_DISABLED:
        return STR("PERSONAL_KEY_DENIED");
    case ERR_RATE_LIMITED:
        return STR("RATE_LIMITED");
    case ERR_AUTONOMY_LEVEL_REQUIRED:
        return STR("AUTONOMY_LEVEL_REQUIRED");
    case ERR_STALE_CLAIM:
        return STR("STALE_CLAIM");
    case ERR_NOT_FOUND:
        return is_foreign_workspace(cx, op, rq) ? STR("CROSS_WORKSPACE_DENIED") : STR_NULL;
    default:
        return STR_NULL;
    }
}

void audit_refused(struct cx *cx, const struct op *op, const struct raw_request *rq, enum err why)
{
    struct audit_row row = { .action = op ? str_of(op->name) : STR("request"),
                             .type = refusal_type(cx, op, rq, why),
                             .outcome = str_of(err_info(why)->code),
                             .entity_type = cx->entity_type,
                             .entity_id = cx->entity_id,
                             .message = cx->failure.message };
    if (str_given(row.type)) {
        audit_event(cx, &row);
    } else if (is_strayed(cx, op, why)) {
        row.type = STR("CROSS_WORKSPACE_DENIED");
        audit_strayed(cx, &row);
    }
}
