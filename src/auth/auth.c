/* Goals: one principal from the credential that a row asks for, fail closed. Non-goals: what the
 * principal may do (the gate). Invariants: every path that does not set a principal returns an
 * error; a secret is compared in constant time; the operator is believed on local faces only. */
#include "auth/auth.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/auth_sql.h"
#include "auth/password.h"
#include "auth/state.h"
#include "base/app.h"
#include "base/config.h"
#include "base/cuid.h"

enum { WORKSPACE_ID_BYTES_MAX = 64 };

/* ---- state ---- */

/* "scheme://host[:port]" of the URL; absent when it is none that a browser can use. */
static struct str origin_of(struct str url)
{
    size_t scheme = str_starts(url, STR("https://")) ? 8 : str_starts(url, STR("http://")) ? 7 : 0;
    struct str rest = str_sub(url, scheme, url.len);
    size_t slash = str_find_byte(rest, '/');
    size_t host = slash == SIZE_MAX ? rest.len : slash;
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f ||
            strchr("?#\"<>\\;", url.ptr[i]))
            return STR_NULL;
    return scheme && host ? str_sub(url, 0, scheme + host) : STR_NULL;
}

static bool urls_set(struct auth *a, const struct config *c)
{
    struct str url = str_empty(c->public_url) ? str_fmt(a->arena, "http://%.*s", STR_ARG(c->listen))
                                              : str_copy(a->arena, c->public_url);
    while (str_ends(url, STR("/")))
        url.len--;
    if (str_ends(url, STR("/api/auth"))) /* NextAuth takes its own path, too */
        url.len -= strlen("/api/auth");
    a->public_url = url;
    a->origin = origin_of(url);
    return str_given(a->origin);
}

struct auth *auth_new(const struct config *c, char *error, size_t error_size)
{
    if (secret_len(c->nextauth_secret) == 0) {
        snprintf(error, error_size,
                 "The secret of the session tokens (NEXTAUTH_SECRET) is absent.");
        return NULL;
    }
    struct auth *a = calloc(1, sizeof *a);
    if (!a)
        abort();
    a->arena = arena_new(0);
    if (!urls_set(a, c)) {
        snprintf(error, error_size,
                 "The public URL \"%.*s\" is not http:// or https:// with a host.",
                 STR_ARG(c->public_url));
        auth_free(a);
        return NULL;
    }
    struct token_key key;
    password_init();
    crypto_init();
    a->secret = c->nextauth_secret;
    a->cron_secret = c->cron_secret;
    token_key_derive(secret_bytes(a->secret), &key);
    a->key_memory = secret_new((struct str){ (char *)key.bytes, sizeof key.bytes });
    bytes_wipe(&key, sizeof key);
    a->key = (const struct token_key *)secret_bytes(a->key_memory).ptr;
    a->cookies = cookie_names_of(str_starts(a->public_url, STR("https://")));
    a->accept_foreign = c->accept_foreign;
    a->sign_in_rate = c->sign_in_rate;
    return a;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    secret_free(a->key_memory);
    arena_free(a->arena);
    free(a);
}

void auth_set_limiter(struct auth *a, auth_limiter_fn *take, auth_limiter_fn *take_kept)
{
    a->limiter = take;
    a->limiter_kept = take_kept;
}

void auth_metrics(struct buf *out, void *auth)
{
    struct auth *a = auth;
    buf_printf(out,
               "# TYPE opboxd_password_evaluations_total counter\n"
               "opboxd_password_evaluations_total %lld\n",
               (long long)atomic_load_explicit(&a->password_evaluations, memory_order_relaxed));
}

struct str auth_public_url(const struct auth *a)
{
    return a->public_url;
}

struct str auth_session_cookie_name(const struct auth *a)
{
    return a->cookies.session;
}

/* ---- principals ---- */

static void principal_fill(struct cx *cx, const struct auth_session *s)
{
    bool acts = s->role != ROLE_NONE;
    cx->principal = (struct principal){ .kind = PRINCIPAL_USER,
                                        .role = s->role,
                                        .org_role = s->org_role,
                                        .autonomy_level = 3,
                                        .user_id = s->user_id,
                                        .email = s->email,
                                        .name = s->name,
                                        .session_id = s->sid };
    if (acts) {
        cx->principal.workspace_id = s->workspace_id;
        cx->principal.organization_id = s->organization_id;
    }
}

/* Somebody without any workspace acts in none; one that is not theirs is not there. The principal
 * is filled all the same: the event of it says who asked. */
static enum err session_enter(struct cx *cx, const struct auth_session *s, struct str workspace_id)
{
    principal_fill(cx, s);
    if (str_given(workspace_id) && s->role == ROLE_NONE)
        FAIL(cx, NOT_FOUND, "There is no such workspace.");
    return OK;
}

static enum err workspace_asked(struct cx *cx, const struct raw_request *rq, struct str *ret)
{
    struct str id = request_header(rq, "x-workspace-id");
    if (str_given(id) && (id.len == 0 || id.len > WORKSPACE_ID_BYTES_MAX || !client_id_valid(id)))
        FAIL(cx, NOT_FOUND, "There is no such workspace.");
    *ret = id;
    return OK;
}

static enum err by_session(struct cx *cx, const struct raw_request *rq)
{
    struct auth_session session;
    enum auth_session_found found;
    struct str workspace_id = STR_NULL;
    TRY(workspace_asked(cx, rq, &workspace_id));
    TRY(auth_session_load(cx, rq, workspace_id, &found, &session));
    if (found != AUTH_SESSION_LIVE)
        FAIL(cx, UNAUTHORIZED, "Sign in first.");
    return session_enter(cx, &session, workspace_id);
}

/* A cookie that is worth nothing makes nobody of who has it: they may be new here. */
static enum err by_session_or_none(struct cx *cx, const struct raw_request *rq)
{
    struct auth_session session;
    enum auth_session_found found;
    TRY(auth_session_load(cx, rq, STR_NULL, &found, &session));
    if (found == AUTH_SESSION_LIVE)
        principal_fill(cx, &session);
    else
        cx->principal.kind = PRINCIPAL_ANONYMOUS;
    return OK;
}

static enum err by_cron_secret(struct cx *cx, const struct raw_request *rq)
{
    uint8_t given[SHA256_BYTES], expected[SHA256_BYTES];
    const struct auth *auth = cx->app->auth;
    struct str bearer = request_header(rq, "authorization");
    bool fits = str_given(bearer) && str_eq_nocase(str_sub(bearer, 0, 7), STR("Bearer "));
    /* Hashes have one length: neither length nor content shows in the time. */
    sha256(fits ? str_sub(bearer, 7, bearer.len) : STR(""), given);
    if (secret_len(auth->cron_secret) > 0) {
        sha256(secret_bytes(auth->cron_secret), expected);
        fits = bytes_equal(given, expected, sizeof given) && fits;
        bytes_wipe(expected, sizeof expected);
    } else {
        fits = false;
    }
    if (!fits)
        FAIL(cx, UNAUTHORIZED, "Send the cron secret as Authorization: Bearer.");
    cx->principal = (struct principal){ .kind = PRINCIPAL_CRON, .name = STR("cron") };
    return OK;
}

static enum err by_agent_key(struct cx *cx, const struct raw_request *rq)
{
    if (str_empty(request_header(rq, "x-mcp-client")))
        FAIL(cx, MCP_CLIENT_REQUIRED, "Name the client in the header X-MCP-Client.");
    FAIL(cx, UNAUTHORIZED, "Send an agent key as Authorization: Bearer cp_live_….");
}

/* ---- the command line ---- */

static enum err as_user(struct cx *cx, struct str email, struct str workspace_id)
{
    struct auth_user_by_email_in in = { email_key(cx->arena, email) };
    struct auth_user_by_email_row user = { 0 };
    struct auth_session session = { 0 };
    bool found = false;
    if (str_given(in.email_key))
        TRY(auth_user_by_email(cx, &in, &user, &found));
    if (found)
        TRY(auth_session_of_user(cx, user.id, workspace_id, &found, &session));
    if (!found)
        FAIL(cx, UNAUTHORIZED, "There is no user with that e-mail address.");
    return session_enter(cx, &session, workspace_id);
}

/* Rows made by the operator need a person for their foreign keys: the workspace's first OWNER. */
static enum err as_operator(struct cx *cx, const struct op *op, struct str workspace_id)
{
    struct auth_operator_context_in in = { workspace_id };
    struct auth_operator_context_row row = { 0 };
    bool found = false;
    TRY(auth_operator_context(cx, &in, &row, &found));
    if (!found && str_given(workspace_id))
        FAIL(cx, NOT_FOUND, "There is no such workspace.");
    if (!found && op->auth != AUTH_OPERATOR)
        FAIL(cx, NOT_FOUND, "There is no workspace yet.");
    cx->principal = (struct principal){ .kind = PRINCIPAL_OPERATOR,
                                        .role = ROLE_OWNER,
                                        .org_role = ROLE_OWNER,
                                        .autonomy_level = 3,
                                        .name = STR("operator") };
    if (found) {
        cx->principal.user_id = row.user_id;
        cx->principal.workspace_id = row.workspace_id;
        cx->principal.organization_id = row.organization_id;
    }
    return OK;
}

static enum err locally(struct cx *cx, const struct op *op, const struct raw_request *rq)
{
    struct str email = request_header(rq, "x-opboxd-as"), workspace_id = STR_NULL;
    TRY(workspace_asked(cx, rq, &workspace_id));
    if (op->auth == AUTH_CRON) {
        cx->principal = (struct principal){ .kind = PRINCIPAL_CRON, .name = STR("operator") };
        return OK;
    }
    if (str_given(email) && (op->auth == AUTH_SESSION || op->auth == AUTH_SESSION_OR_NONE))
        return as_user(cx, email, workspace_id);
    return as_operator(cx, op, workspace_id);
}

enum err auth_authenticate(struct cx *cx, const struct op *op, const struct raw_request *rq)
{
    if (rq->face == FACE_CONTROL || rq->face == FACE_LOOPBACK)
        return locally(cx, op, rq);
    switch (op->auth) {
    case AUTH_SESSION:
        return by_session(cx, rq);
    case AUTH_SESSION_OR_NONE:
        return by_session_or_none(cx, rq);
    case AUTH_CRON:
        return by_cron_secret(cx, rq);
    case AUTH_MCP:
    case AUTH_MCP_OR_OPENCLAW:
        return by_agent_key(cx, rq);
    case AUTH_NONE:
    case AUTH_OPERATOR:
        break;
    }
    FAIL(cx, UNAUTHORIZED, "This operation is for the command line on the server.");
}
