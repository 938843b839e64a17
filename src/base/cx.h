/* Context of one call: it goes into every function that acts.
 *
 * It says who acts, where, when, in which transaction and arena, and it carries what went wrong.
 * There is no HTTP in it. A cx belongs to one thread at a time. */
#ifndef BASE_CX_H
#define BASE_CX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Zero is never a valid value of a security enum, so that a forgotten field refuses. */
enum principal_kind {
    PRINCIPAL_NONE = 0,
    PRINCIPAL_ANONYMOUS, /* a public operation, nobody signed in */
    PRINCIPAL_USER,      /* a session */
    PRINCIPAL_AGENT_KEY, /* cp_live_… */
    PRINCIPAL_CRON,
    PRINCIPAL_OPERATOR, /* the command line on this machine */
    PRINCIPAL_SYSTEM    /* jobs, sealer, scheduler */
};

enum role { ROLE_NONE = 0, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER };

struct principal {
    enum principal_kind kind;
    enum role role;     /* effective in the workspace: the larger of workspace role and an
                           organisation's OWNER / ADMIN */
    enum role org_role; /* in the organisation; ROLE_NONE: not a member of it as such */
    int autonomy_level; /* agent keys: 0-3; else 3 */
    struct str user_id;
    struct str email;
    struct str name;
    struct str organization_id;
    struct str workspace_id;
    struct str session_id;
    struct str key_id;
};

/* What went wrong, for the client and for the log, apart. */
struct failure {
    enum err code;
    struct str message;         /* for people; safe to show */
    struct str log_detail;      /* for the log only; no secret */
    struct str details_json;    /* object for `details`, or absent */
    struct field_error *fields; /* newest first */
    int64_t retry_after_s;      /* 0: none */
};
struct field_error {
    struct field_error *next;
    struct str field;
    struct str message;
};

struct app; /* what main has wired; app.h */
struct db_snapshot;
struct db_tx;
struct loop;

struct cx {
    struct arena *arena;
    struct app *app;
    struct principal principal;
    struct db_tx *tx;             /* NULL outside a transaction */
    struct db_snapshot *snapshot; /* where reads leave theirs open; NULL: nowhere */
    int64_t now_ms;
    int64_t deadline_ms; /* monotonic; 0: none */
    struct loop *loop;   /* where the caller sits; NULL: nowhere. To be near it, not to act on it */
    struct str request_id;
    struct str remote_addr; /* text form, after trusted proxies; absent: local */
    struct failure failure;
    /* What the audit row of this call names; an area sets it with cx_entity. */
    struct str entity_type, entity_id;
};

/* Says what was acted on, for the audit row. `type` is constant text ("document"). */
static inline void cx_entity(struct cx *cx, const char *type, struct str id)
{
    cx->entity_type = str_of(type);
    cx->entity_id = id;
}

/* Raises: keeps the client message, returns `code`. Overwrites an earlier failure. */
enum err cx_fail(struct cx *cx, enum err code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define FAIL(cx, code, ...) return cx_fail((cx), ERR_##code, __VA_ARGS__)
/* An internal fault: the client sees only the request id, the log sees the text. */
enum err cx_fault(struct cx *cx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds to the failure that was just raised. */
void cx_log_detail(struct cx *cx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cx_details(struct cx *cx, struct str json_object);
/* Collects; then `return cx_invalid(cx)` raises VALIDATION with all of them. */
void cx_field_error(struct cx *cx, struct str field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool cx_has_field_errors(const struct cx *cx);
enum err cx_invalid(struct cx *cx);
void cx_clear_failure(struct cx *cx);

const char *role_name(enum role r); /* "OWNER"; "NONE" for 0 */
bool role_parse(struct str s, enum role *ret);
const char *principal_kind_name(enum principal_kind k); /* "USER" … */

#endif
