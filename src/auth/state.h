/* The insides of struct auth, for the files of this folder only. Immutable after main has wired it,
 * but for the counter. */
#ifndef AUTH_STATE_H
#define AUTH_STATE_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/cookie.h"
#include "auth/token.h"
#include "base/secret.h"

#define SESSION_SLIDING_MS ((int64_t)30 * 24 * 3600 * 1000)
#define SESSION_ABSOLUTE_MS ((int64_t)90 * 24 * 3600 * 1000)
#define SESSION_SEEN_MS ((int64_t)5 * 60 * 1000)

struct auth {
    const struct secret *secret;      /* config's */
    const struct secret *cron_secret; /* config's; NULL: not given */
    const struct token_key *key;      /* in memory of its own, kept out of dumps */
    struct secret *key_memory;
    struct arena *arena;
    struct str public_url; /* without a slash at its end */
    struct str origin;     /* scheme, host and port of it */
    struct cookie_names cookies;
    bool accept_foreign;
    int64_t sign_in_rate; /* attempts in 5 minutes */
    auth_limiter_fn *limiter, *limiter_kept;
    atomic_llong password_evaluations; /* of argon2, since the start */
};

/* The session of a request: what its cookie says, and what the database says about that. */
struct auth_session {
    struct str sid; /* absent: a foreign token */
    struct str user_id, email, name;
    int64_t session_version;
    int64_t created_at_ms, seen_at_ms, expires_at_ms; /* 0: foreign */
    enum role role, org_role;                         /* in the workspace */
    struct str workspace_id, organization_id;         /* absent: in none */
};
enum auth_session_found { AUTH_SESSION_NONE = 1, AUTH_SESSION_BAD, AUTH_SESSION_LIVE };
/* Inside a read. `workspace_id` absent: the stored preference, else the first; given: the role is
 * ROLE_NONE where it is not theirs. BAD: there is a cookie, and it is worth nothing. */
enum err auth_session_load(struct cx *cx, const struct raw_request *rq, struct str workspace_id,
                           enum auth_session_found *ret_found, struct auth_session *ret);
/* The same for a user without a session. */
/* The session that a row of this id is, whatever the request's cookie says: after its version was
 * raised. */
enum err auth_session_by_id(struct cx *cx, struct str sid, bool *ret_found,
                            struct auth_session *ret);
enum err auth_session_of_user(struct cx *cx, struct str user_id, struct str workspace_id,
                              bool *ret_found, struct auth_session *ret);

/* Inside a write: ends every session of a user at once, by raising the version that each token
 * carries, but for `keep_id` (absent: none), which lives on at the new version: its cookie must be
 * sealed anew. Writes the event SESSION_REVOKED. `why` is constant text for it. */
enum err auth_sessions_end(struct cx *cx, struct str user_id, struct str keep_id, const char *why);

/* Counts one attempt to prove who somebody is: `sign_in_rate` of `class_name` and `key` in five
 * minutes. RATE_LIMITED. */
enum err auth_attempt_take(struct cx *cx, const char *class_name, struct str key);
/* Verifies the caller's password within that limit (VALIDATION on `field` when it is wrong, and an
 * event). A person only: FORBIDDEN for the operator and keys. Outside a transaction, LANE_SLOW. */
struct auth_user_secrets_row;
enum err auth_password_confirm(struct cx *cx, const char *field, struct str password,
                               struct auth_user_secrets_row *ret);
/* FORBIDDEN unless a person acts. */
enum err auth_person_check(struct cx *cx);

#endif
