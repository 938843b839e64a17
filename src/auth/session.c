/* Goals: from the cookie of a request to the live session behind it, in one statement. Non-goals:
 * writing sessions (nextauth). Invariants: a token with a sid lives and dies with its row; a
 * foreign token is admitted only where the configuration says so, and never one that names a row;
 * nothing of a token's claims is believed that the database knows. */
#include "auth/state.h"

#include "auth/auth_sql.h"
#include "base/app.h"
#include "tenancy/tenancy.h"

static void roles_fill(struct auth_session *s, struct str role, struct str org_role)
{
    if (!str_given(org_role) || !role_parse(org_role, &s->org_role))
        s->org_role = ROLE_NONE;
    s->role = tenancy_role(role, org_role);
}

static void fill_own(struct auth_session *s, const struct auth_session_context_row *row)
{
    *s = (struct auth_session){ .sid = row->sid,
                                .user_id = row->user_id,
                                .email = row->email,
                                .name = row->name,
                                .session_version = row->session_version,
                                .created_at_ms = row->created_at,
                                .seen_at_ms = row->seen_at,
                                .expires_at_ms = row->expires_at,
                                .workspace_id = row->workspace_id,
                                .organization_id = row->organization_id };
    roles_fill(s, row->role, row->org_role);
}

static enum err load_own(struct cx *cx, const struct token_claims *claims, struct str workspace_id,
                         bool *ret_live, struct auth_session *ret)
{
    struct auth_session_context_in in = { claims->sid, workspace_id };
    struct auth_session_context_row row;
    bool found;
    TRY(auth_session_context(cx, &in, &row, &found));
    *ret_live = found && !row.revoked_at.given && row.expires_at > cx->now_ms &&
                row.token_version == row.session_version && claims->sv == row.session_version &&
                str_eq(claims->sub, row.user_id);
    if (*ret_live)
        fill_own(ret, &row);
    return OK;
}

enum err auth_session_of_user(struct cx *cx, struct str user_id, struct str workspace_id,
                              bool *ret_found, struct auth_session *ret)
{
    struct auth_user_context_in in = { user_id, workspace_id };
    struct auth_user_context_row row;
    TRY(auth_user_context(cx, &in, &row, ret_found));
    if (!*ret_found)
        return OK;
    *ret = (struct auth_session){ .user_id = row.user_id,
                                  .email = row.email,
                                  .name = row.name,
                                  .session_version = row.session_version,
                                  .workspace_id = row.workspace_id,
                                  .organization_id = row.organization_id };
    roles_fill(ret, row.role, row.org_role);
    return OK;
}

enum err auth_session_by_id(struct cx *cx, struct str sid, bool *ret_found,
                            struct auth_session *ret)
{
    struct auth_session_context_in in = { .sid = sid };
    struct auth_session_context_row row;
    bool found;
    TRY(auth_session_context(cx, &in, &row, &found));
    *ret_found = found && !row.revoked_at.given && row.expires_at > cx->now_ms &&
                 row.token_version == row.session_version;
    if (*ret_found)
        fill_own(ret, &row);
    return OK;
}

enum err auth_session_load(struct cx *cx, const struct raw_request *rq, struct str workspace_id,
                           enum auth_session_found *ret_found, struct auth_session *ret)
{
    const struct auth *auth = cx->app->auth;
    struct str token;
    struct token_claims claims;
    bool live = false;
    enum cookie_found cookie = cookie_session_get(cx->arena, rq, auth->cookies.session, &token);
    *ret_found = cookie == COOKIE_NONE ? AUTH_SESSION_NONE : AUTH_SESSION_BAD;
    if (cookie != COOKIE_ONE ||
        !token_decode(cx->arena, auth->key, token, cx->now_ms / 1000, &claims))
        return OK;
    if (str_given(claims.sid)) {
        TRY(load_own(cx, &claims, workspace_id, &live, ret));
    } else if (auth->accept_foreign) {
        TRY(auth_session_of_user(cx, claims.sub, workspace_id, &live, ret));
        live = live && (claims.sv == 0 || claims.sv == ret->session_version);
    }
    if (live)
        *ret_found = AUTH_SESSION_LIVE;
    return OK;
}
