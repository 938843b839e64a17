/* The routes of NextAuth v4: sign-in by e-mail address and password, the session, sign-out.
 *
 * Invariants: a password is verified only after the CSRF token and both limits, and takes the same
 * time for an unknown account; a session is a durable row before its cookie leaves; the answer
 * never says which of address and password was wrong; that a second factor is asked for shows only
 * to who has the password. */
#include "auth/nextauth.h"

#include "audit/audit.h"
#include "auth/auth_sql.h"
#include "auth/factor.h"
#include "auth/password.h"
#include "base/app.h"
#include "base/cuid.h"
#include "base/log.h"
#include "db/db.h"
#include "op/router.h"

enum { DAY_MS = 24 * 3600 * 1000, USER_AGENT_BYTES_MAX = 256 };
/* Times the sign-in rate: codes that may be tried for an account in a day. At 30 the guess of a
 * code by somebody who has the password succeeds once in 30 years: counted for all nodes, and over
 * restarts. */
enum { CODES_PER_DAY_FACTOR = 3 };

static const char wrong_credentials[] = "/error?error=CredentialsSignin&provider=credentials";
/* As next-auth answers an Error that `authorize` throws. */
static const char code_required[] = "/error?error=TotpRequired";
static const char code_wrong[] = "/error?error=TotpInvalid";

/* ---- csrf, providers ---- */

static enum err csrf_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n;
    TRY(nextauth_begin(cx, rq, reply, &n));
    nextauth_no_cache(reply);
    nextauth_json(&n, 200, str_fmt(cx->arena, "{\"csrfToken\":\"%.*s\"}", STR_ARG(n.csrf_token)));
    return OK;
}

static enum err providers_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n;
    struct buf out;
    struct json_writer w;
    TRY(nextauth_begin(cx, rq, reply, &n));
    buf_init(&out, cx->arena, 16 * NEXTAUTH_URL_BYTES_MAX);
    jw_init(&w, &out);
    jw_object(&w);
    jw_key_lit(&w, "credentials");
    jw_object(&w);
    jw_key_lit(&w, "id");
    jw_str(&w, STR("credentials"));
    jw_key_lit(&w, "name");
    jw_str(&w, STR("Credentials"));
    jw_key_lit(&w, "type");
    jw_str(&w, STR("credentials"));
    jw_key_lit(&w, "signinUrl");
    jw_str(&w, nextauth_url(&n, "/signin/credentials"));
    jw_key_lit(&w, "callbackUrl");
    jw_str(&w, nextauth_url(&n, "/callback/credentials"));
    jw_object_end(&w);
    jw_object_end(&w);
    nextauth_json(&n, 200, buf_str(&out));
    return OK;
}

/* ---- session ---- */

struct session_read {
    const struct raw_request *rq;
    enum auth_session_found found;
    struct auth_session session;
};

static enum err session_read(struct cx *cx, void *arg)
{
    struct session_read *r = arg;
    return auth_session_load(cx, r->rq, STR_NULL, &r->found, &r->session);
}

static enum err session_seen(struct cx *cx, void *arg)
{
    const struct auth_session *s = arg;
    struct auth_session_seen_in in = { .id = s->sid,
                                       .now = cx->now_ms,
                                       .before = cx->now_ms - SESSION_SEEN_MS + 1 };
    return auth_session_seen(cx, &in, NULL);
}

/* Best effort: when it does not work the session works all the same. */
static void seen_keep(struct cx *cx, struct auth_session *s)
{
    if (!str_given(s->sid) || cx->now_ms - s->seen_at_ms < SESSION_SEEN_MS)
        return;
    if (db_write(cx, session_seen, s) != OK) {
        log_line(LOG_WARN, "a session's time was not kept", log_s("requestId", cx->request_id),
                 log_s("detail", cx->failure.log_detail));
        cx_clear_failure(cx);
    }
}

/* Slides 30 days, ends 90 days after sign-in. */
static enum err session_seal(struct nextauth *n, const struct auth_session *s,
                             int64_t *ret_expires_ms)
{
    struct cx *cx = n->cx;
    char jti[TOKEN_JTI_BYTES];
    int64_t expires_ms = cx->now_ms + SESSION_SLIDING_MS;
    if (str_given(s->sid) && s->expires_at_ms < expires_ms)
        expires_ms = s->expires_at_ms;
    token_jti_make(jti);
    struct token_claims claims = { .name = s->name,
                                   .email = s->email,
                                   .sub = s->user_id,
                                   .sid = s->sid,
                                   .sv = s->session_version,
                                   .iat_s = cx->now_ms / 1000,
                                   .exp_s = expires_ms / 1000,
                                   .jti = { jti, sizeof jti } };
    struct str token = token_encode(cx->arena, n->auth->key, &claims, NULL);
    if (!str_given(token))
        return cx_fault(cx, "a session token passes %d bytes", TOKEN_BYTES_MAX);
    cookie_session_set(cx->arena, n->rq, n->reply, &n->auth->cookies, token, expires_ms);
    *ret_expires_ms = expires_ms;
    return OK;
}

static struct str session_body(struct cx *cx, const struct auth_session *s, int64_t expires_ms)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, cx->arena, 64 * 1024);
    jw_init(&w, &out);
    jw_object(&w);
    jw_key_lit(&w, "user");
    jw_object(&w);
    jw_key_lit(&w, "name");
    jw_str(&w, s->name);
    jw_key_lit(&w, "email");
    jw_str(&w, s->email);
    jw_key_lit(&w, "id");
    jw_str(&w, s->user_id);
    jw_key_lit(&w, "role");
    jw_str(&w, s->role == ROLE_NONE ? STR_NULL : str_of(role_name(s->role)));
    jw_object_end(&w);
    jw_key_lit(&w, "expires");
    jw_time(&w, expires_ms);
    jw_object_end(&w);
    return buf_str(&out);
}

static enum err session_answer(struct nextauth *n)
{
    struct cx *cx = n->cx;
    struct session_read r = { .rq = n->rq };
    int64_t expires_ms = 0;
    TRY(db_read(cx, session_read, &r));
    if (r.found != AUTH_SESSION_LIVE) {
        if (r.found == AUTH_SESSION_BAD)
            cookie_session_clear(cx->arena, n->rq, n->reply, &n->auth->cookies);
        nextauth_json(n, 200, STR("{}"));
        return OK;
    }
    seen_keep(cx, &r.session);
    TRY(session_seal(n, &r.session, &expires_ms));
    nextauth_json(n, 200, session_body(cx, &r.session, expires_ms));
    return OK;
}

static enum err session_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n;
    TRY(nextauth_begin(cx, rq, reply, &n));
    nextauth_no_cache(reply);
    return session_answer(&n);
}

/* What a client sends as new session data is not taken: names and addresses change elsewhere. */
static enum err session_update_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n;
    TRY(nextauth_begin(cx, rq, reply, &n));
    if (n.csrf_verified)
        return session_answer(&n);
    nextauth_json(&n, 400, STR("{}"));
    return OK;
}

/* ---- sign-in ---- */

struct sign_in {
    struct str email_key, password, code, user_agent;
    struct auth_user_by_email_row user;
    bool found;
    enum factor_verdict verdict; /* of the second factor; 0: it is off */
    struct auth_session session;
};

static enum err sign_in_read(struct cx *cx, void *arg)
{
    struct sign_in *s = arg;
    struct auth_user_by_email_in in = { s->email_key };
    return auth_user_by_email(cx, &in, &s->user, &s->found);
}

static bool factor_is_on(const struct sign_in *s)
{
    return str_is(s->user.totp_state, "ON");
}

static enum err sign_in_write(struct cx *cx, void *arg)
{
    struct sign_in *s = arg;
    struct auth_session_add_in in = { .id = s->session.sid,
                                      .user_id = s->user.id,
                                      .session_version = s->user.session_version,
                                      .now = cx->now_ms,
                                      .expires_at = s->session.expires_at_ms,
                                      .remote_addr = cx->remote_addr,
                                      .user_agent = s->user_agent };
    if (factor_is_on(s)) {
        TRY(factor_take(cx, s->user.id, s->user.totp_secret, s->code, &s->verdict));
        if (s->verdict == FACTOR_REFUSED)
            return OK; /* nothing was written */
    }
    TRY(auth_session_add(cx, &in, NULL));
    return audit_append(cx, &(struct audit_row){ .action = STR("sign_in"),
                                                 .entity_type = STR("session"),
                                                 .entity_id = in.id,
                                                 .message = s->verdict == FACTOR_RECOVERED
                                                                ? STR("With a recovery code")
                                                                : STR_NULL });
}

/* Both limits count every attempt: account and address cannot be told apart by them. */
static enum err attempt_take(struct cx *cx, const struct sign_in *s)
{
    struct str address = str_given(cx->remote_addr) ? cx->remote_addr : STR("local");
    TRY(auth_attempt_take(cx, "sign_in_address", address));
    return str_given(s->email_key) ? auth_attempt_take(cx, "sign_in_account", s->email_key) : OK;
}

static enum err code_take(struct cx *cx, const struct sign_in *s)
{
    const struct auth *auth = cx->app->auth;
    if (!auth->limiter_kept)
        return OK;
    return auth->limiter_kept(cx, "sign_in_code", s->user.id,
                              CODES_PER_DAY_FACTOR * auth->sign_in_rate, DAY_MS);
}

static enum err attempt_limited(struct nextauth *n)
{
    struct cx *cx = n->cx;
    struct audit_row row = { .action = STR("sign_in"),
                             .type = STR("RATE_LIMITED"),
                             .outcome = STR("RATE_LIMITED") };
    int64_t wait_s = cx->failure.retry_after_s > 0 ? cx->failure.retry_after_s : 60;
    audit_event(cx, &row);
    cx_clear_failure(cx);
    reply_header(n->reply, "retry-after", str_fmt(cx->arena, "%lld", (long long)wait_s));
    /* The client reads `url`; without one it would throw. */
    nextauth_go(n, 429, nextauth_url(n, "/error?error=RateLimited&provider=credentials"));
    return OK;
}

/* Known and unknown accounts go the same way: what is to be looked up of one is looked up later. */
static enum err attempt_failed(struct nextauth *n, const struct sign_in *s, const char *tail)
{
    struct audit_row row = { .action = STR("sign_in"),
                             .type = STR("AUTH_FAILED"),
                             .outcome = STR("UNAUTHORIZED"),
                             .account = s->user.id };
    audit_event(n->cx, &row);
    nextauth_go(n, 401, nextauth_url(n, tail));
    return OK;
}

/* Clients that have no code to send send none, an empty one, or JavaScript's word for none. */
static struct str code_of(const struct nextauth *n)
{
    struct str code = str_trim(nextauth_field(n, "totp"));
    return str_empty(code) || str_is(code, "undefined") || str_is(code, "null") ? STR_NULL : code;
}

static struct str user_agent_of(const struct nextauth *n)
{
    struct str s = str_sub(request_header(n->rq, "user-agent"), 0, USER_AGENT_BYTES_MAX);
    while (s.len && !utf8_valid(s))
        s.len--;
    return s.len ? s : STR_NULL;
}

/* The deed's actor is whoever signs in. */
static void principal_take(struct cx *cx, const struct sign_in *s)
{
    cx->principal = (struct principal){ .kind = PRINCIPAL_USER,
                                        .user_id = s->user.id,
                                        .email = s->user.email,
                                        .name = s->user.name,
                                        .session_id = s->session.sid };
}

/* After the password: whatever is asked besides, then the session. */
static enum err sign_in_finish(struct nextauth *n, struct sign_in *s)
{
    struct cx *cx = n->cx;
    int64_t expires_ms;
    if (factor_is_on(s) && !str_given(s->code)) {
        nextauth_go(n, 401, nextauth_url(n, code_required));
        return OK;
    }
    enum err limited = factor_is_on(s) ? code_take(cx, s) : OK;
    if (limited == ERR_RATE_LIMITED)
        return attempt_limited(n);
    TRY(limited);
    s->session = (struct auth_session){ .sid = cuid_new(cx->arena, cx->now_ms),
                                        .user_id = s->user.id,
                                        .email = s->user.email,
                                        .name = s->user.name,
                                        .session_version = s->user.session_version,
                                        .expires_at_ms = cx->now_ms + SESSION_ABSOLUTE_MS };
    struct principal nobody = cx->principal;
    principal_take(cx, s);
    TRY(db_write(cx, sign_in_write, s));
    if (s->verdict == FACTOR_REFUSED) {
        cx->principal = nobody;
        return attempt_failed(n, s, code_wrong);
    }
    TRY(session_seal(n, &s->session, &expires_ms));
    nextauth_go(n, 200, n->callback_url);
    return OK;
}

static enum err sign_in_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n;
    struct sign_in s = { 0 };
    TRY(nextauth_begin(cx, rq, reply, &n));
    if (!n.csrf_verified) {
        nextauth_go(&n, 200, nextauth_url(&n, "/signin?csrf=true"));
        return OK;
    }
    s.email_key = email_key(cx->arena, nextauth_field(&n, "email"));
    s.password = nextauth_field(&n, "password");
    s.code = code_of(&n);
    s.user_agent = user_agent_of(&n);
    enum err limited = attempt_take(cx, &s);
    if (limited == ERR_RATE_LIMITED)
        return attempt_limited(&n);
    TRY(limited);
    if (str_given(s.email_key))
        TRY(db_read(cx, sign_in_read, &s));
    if (!password_verify(cx, s.found ? s.user.password_hash : STR_NULL, s.password))
        return attempt_failed(&n, &s, wrong_credentials);
    return sign_in_finish(&n, &s);
}

/* ---- the gate's hook ---- */

struct own_read {
    bool found;
    struct auth_session session;
};

static enum err own_read(struct cx *cx, void *arg)
{
    struct own_read *r = arg;
    return auth_session_by_id(cx, cx->principal.session_id, &r->found, &r->session);
}

enum err auth_renew(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n = { .cx = cx, .auth = cx->app->auth, .rq = rq, .reply = reply };
    struct own_read r = { 0 };
    int64_t expires_ms;
    if (!str_given(cx->principal.session_id))
        return OK;
    TRY(cx->tx ? own_read(cx, &r) : db_read(cx, own_read, &r));
    return r.found ? session_seal(&n, &r.session, &expires_ms) : OK;
}

/* ---- sign-out ---- */

static enum err sign_out_write(struct cx *cx, void *arg)
{
    const struct auth_session *s = arg;
    struct auth_session_revoke_in in = { .id = s->sid, .user_id = s->user_id, .now = cx->now_ms };
    TRY(auth_session_revoke(cx, &in, NULL));
    return audit_append(cx, &(struct audit_row){ .action = STR("sign_out"),
                                                 .entity_type = STR("session"),
                                                 .entity_id = s->sid });
}

static enum err sign_out_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n;
    struct session_read r = { .rq = rq };
    TRY(nextauth_begin(cx, rq, reply, &n));
    if (!n.csrf_verified) {
        nextauth_go(&n, 200, nextauth_url(&n, "/signout?csrf=true"));
        return OK;
    }
    TRY(db_read(cx, session_read, &r));
    if (r.found == AUTH_SESSION_LIVE && str_given(r.session.sid)) {
        cx->principal = (struct principal){ .kind = PRINCIPAL_USER,
                                            .user_id = r.session.user_id,
                                            .name = r.session.name };
        TRY(db_write(cx, sign_out_write, &r.session));
    }
    cookie_session_clear(cx->arena, rq, reply, &n.auth->cookies);
    nextauth_go(&n, 200, n.callback_url);
    return OK;
}

/* ---- pages, log, and everything else ---- */

/* NextAuth's own pages are the console's. */
static enum err page_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct pair *query;
    size_t count;
    struct str base = auth_public_url(cx->app->auth), error = STR_NULL;
    TRY(url_pairs(cx, rq->query, &query, &count));
    for (size_t i = 0; i < count; i++)
        if (str_is(query[i].name, "error"))
            error = query[i].value;
    for (size_t i = 0; i < error.len; i++)
        if (error.len > 40 || (error.ptr[i] | 32) < 'a' || (error.ptr[i] | 32) > 'z')
            error = STR_NULL;
    reply->status = 302;
    reply->body = STR("");
    reply_header(reply, "location",
                 str_fmt(cx->arena, "%.*s/sign-in%s%.*s", STR_ARG(base),
                         str_given(error) ? "?error=" : "", STR_ARG(error)));
    return OK;
}

static enum err log_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    (void)cx, (void)rq;
    reply->status = 200;
    reply->body = STR("");
    return OK;
}

static enum err callback_get_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    struct nextauth n;
    TRY(nextauth_begin(cx, rq, reply, &n));
    reply->status = 500;
    reply->content_type = STR("text/plain; charset=utf-8");
    reply->body = STR("Error: Callback for provider type credentials not supported");
    return OK;
}

static enum err other_raw(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    reply->status = 400;
    reply->content_type = STR("text/plain; charset=utf-8");
    reply->body =
        str_fmt(cx->arena, "Error: This action with HTTP %s is not supported by NextAuth.js",
                method_name(rq->method));
    return OK;
}

/* What all rows share. */
#define NEXTAUTH_ROW(name_, http_, lane_, effect_, raw_)                                           \
    .name = (name_), .kind = OP_RAW, .http = (http_), .category = "auth", .auth = AUTH_NONE,       \
    .roles = ROLES_ANY, .tx = TX_NONE, .lane = (lane_), .effect = (effect_),                       \
    .body_bytes_max = NEXTAUTH_BODY_BYTES_MAX, .raw = (raw_)
#define NEXTAUTH_PAGE(name_, http_)                                                                \
    {                                                                                              \
        NEXTAUTH_ROW(name_, http_, LANE_LOOP, EFFECT_READ, page_raw),                              \
            .rate = RATE_NONE, .flags = OP_INTERNAL, .summary = "Leads to the sign-in page"        \
    }
#define NEXTAUTH_OTHER(name_, http_)                                                               \
    {                                                                                              \
        NEXTAUTH_ROW(name_, http_, LANE_LOOP, EFFECT_READ, other_raw),                             \
            .rate = RATE_NONE, .flags = OP_INTERNAL,                                               \
            .summary = "Refuses what NextAuth does not have"                                       \
    }

const struct op nextauth_ops[] = {
    { NEXTAUTH_ROW("get_csrf_token", "GET /api/auth/csrf", LANE_LOOP, EFFECT_READ, csrf_raw),
      .rate = RATE_NONE, .summary = "CSRF token",
      .doc =
          "Answers {csrfToken} and sets the cookie that belongs to it. Requests of a session that "
          "are not GET send it as x-csrf-token; NextAuth's own POSTs send it in the body." },
    { NEXTAUTH_ROW("list_auth_providers", "GET /api/auth/providers", LANE_LOOP, EFFECT_READ,
                   providers_raw),
      .rate = RATE_NONE, .summary = "Ways to sign in",
      .doc = "Answers the one provider `credentials` with its URLs, as NextAuth v4 does." },
    { NEXTAUTH_ROW("get_session", "GET /api/auth/session", LANE_WORKER, EFFECT_READ, session_raw),
      .rate = RATE_NONE, .summary = "The session",
      .doc =
          "Answers {user, expires} and a cookie that is good for another 30 days, at most 90 days "
          "after sign-in; {} without a session, and a cookie that is worth nothing is cleared." },
    { NEXTAUTH_ROW("update_session", "POST /api/auth/session", LANE_WORKER, EFFECT_WRITE,
                   session_update_raw),
      .rate = RATE_NONE, .summary = "The session, read again",
      .doc =
          "As GET, after the csrfToken of the body is checked (400 {} when it is wrong). Data sent "
          "with it is not taken." },
    { NEXTAUTH_ROW("sign_in", "POST /api/auth/callback/credentials", LANE_PASSWORD, EFFECT_WRITE,
                   sign_in_raw),
      .rate = RATE_SIGN_IN, .summary = "Signs in",
      .doc =
          "Takes email, password, csrfToken, callbackUrl and json=true, as a form or JSON. Answers "
          "{url} and the session cookie; 401 with error=CredentialsSignin in the URL when address "
          "or password are wrong; 429 with error=RateLimited after too many attempts for the "
          "account or from the address. With a second factor the field totp takes the code, or a "
          "recovery code: 401 with error=TotpRequired when the password is right and the code "
          "absent, error=TotpInvalid when the code is wrong or was used before. Without json=true "
          "it "
          "redirects instead." },
    { NEXTAUTH_ROW("sign_out", "POST /api/auth/signout", LANE_WORKER, EFFECT_WRITE, sign_out_raw),
      .rate = RATE_NONE, .summary = "Signs out",
      .doc = "Revokes the session and clears its cookie. Takes csrfToken, callbackUrl and "
             "json=true." },
    { NEXTAUTH_ROW("nextauth_log", "POST /api/auth/_log", LANE_LOOP, EFFECT_READ, log_raw),
      .rate = RATE_NONE, .flags = OP_INTERNAL,
      .summary = "Takes a browser's NextAuth log and drops it" },
    { NEXTAUTH_ROW("nextauth_callback_get", "GET /api/auth/callback/credentials", LANE_LOOP,
                   EFFECT_READ, callback_get_raw),
      .rate = RATE_NONE, .flags = OP_INTERNAL, .summary = "Refuses a sign-in by GET" },
    NEXTAUTH_PAGE("nextauth_signin_page", "GET /api/auth/signin"),
    NEXTAUTH_PAGE("nextauth_error_page", "GET /api/auth/error"),
    NEXTAUTH_PAGE("nextauth_signout_page", "GET /api/auth/signout"),
    NEXTAUTH_OTHER("nextauth_other_get", "GET /api/auth/{action}"),
    NEXTAUTH_OTHER("nextauth_other_post", "POST /api/auth/{action}"),
    NEXTAUTH_OTHER("nextauth_other_put", "PUT /api/auth/{action}"),
    NEXTAUTH_OTHER("nextauth_other_patch", "PATCH /api/auth/{action}"),
    NEXTAUTH_OTHER("nextauth_other_delete", "DELETE /api/auth/{action}"),
    NEXTAUTH_OTHER("nextauth_provider_get", "GET /api/auth/{action}/{provider}"),
    NEXTAUTH_OTHER("nextauth_provider_post", "POST /api/auth/{action}/{provider}"),
    NEXTAUTH_OTHER("nextauth_provider_put", "PUT /api/auth/{action}/{provider}"),
    NEXTAUTH_OTHER("nextauth_provider_patch", "PATCH /api/auth/{action}/{provider}"),
    NEXTAUTH_OTHER("nextauth_provider_delete", "DELETE /api/auth/{action}/{provider}"),
};
const size_t nextauth_ops_count = sizeof nextauth_ops / sizeof *nextauth_ops;
