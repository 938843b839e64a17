/* What several deeds of the own account share: that a person acts, that they know their password,
 * that their sessions end.
 *
 * Invariants: a password is verified only within the limit of its account; all sessions end by one
 * number, so that none can be forgotten. */
#include "audit/audit.h"
#include "auth/auth_sql.h"
#include "auth/password.h"
#include "auth/state.h"
#include "base/app.h"
#include "db/db.h"

enum { ATTEMPT_WINDOW_MS = 5 * 60 * 1000 };

enum err auth_person_check(struct cx *cx)
{
    if (cx->principal.kind != PRINCIPAL_USER || !str_given(cx->principal.user_id))
        FAIL(cx, FORBIDDEN, "Only the person themself can do that; name them with --as.");
    return OK;
}

enum err auth_attempt_take(struct cx *cx, const char *class_name, struct str key)
{
    const struct auth *auth = cx->app->auth;
    return auth->limiter ? auth->limiter(cx, class_name, key, auth->sign_in_rate, ATTEMPT_WINDOW_MS)
                         : OK;
}

static enum err secrets_read(struct cx *cx, void *arg)
{
    struct auth_user_secrets_in in = { cx->principal.user_id };
    bool found;
    TRY(auth_user_secrets(cx, &in, arg, &found));
    if (!found)
        FAIL(cx, UNAUTHORIZED, "Sign in first.");
    return OK;
}

enum err auth_password_confirm(struct cx *cx, const char *field, struct str password,
                               struct auth_user_secrets_row *ret)
{
    TRY(auth_person_check(cx));
    TRY(auth_attempt_take(cx, "password", cx->principal.user_id));
    TRY(db_read(cx, secrets_read, ret));
    if (password_verify(cx, ret->password_hash, password))
        return OK;
    audit_event(cx, &(struct audit_row){ .action = STR("confirm_password"),
                                         .type = STR("AUTH_FAILED"),
                                         .outcome = STR("VALIDATION_ERROR") });
    cx_field_error(cx, str_of(field), "is not the present password");
    return cx_invalid(cx);
}

enum err auth_sessions_end(struct cx *cx, struct str user_id, struct str keep_id, const char *why)
{
    struct auth_user_sessions_raise_in raise = { user_id, cx->now_ms };
    struct auth_session_revoke_others_in others = {
        .user_id = user_id, .keep_id = str_given(keep_id) ? keep_id : STR(""), .now = cx->now_ms
    };
    struct auth_session_carry_in carry = { others.keep_id, user_id };
    int64_t ended;
    TRY(auth_user_sessions_raise(cx, &raise, NULL));
    TRY(auth_session_revoke_others(cx, &others, &ended));
    TRY(auth_session_carry(cx, &carry, NULL));
    return audit_append(
        cx, &(struct audit_row){
                .action = STR("end_sessions"),
                .type = STR("SESSION_REVOKED"),
                .entity_type = STR("user"),
                .entity_id = user_id,
                .message = str_fmt(cx->arena, "%lld sessions ended: %s", (long long)ended, why) });
}
