/* The insides of struct auth, for the files of this folder only. Immutable after main has wired it.
 */
#ifndef AUTH_STATE_H
#define AUTH_STATE_H

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
    auth_limiter_fn *limiter;
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
/* Inside a read. `workspace_id` absent: the stored preference, else the first. BAD: there is a
 * cookie, and it is worth nothing. */
enum err auth_session_load(struct cx *cx, const struct raw_request *rq, struct str workspace_id,
                           enum auth_session_found *ret_found, struct auth_session *ret);
/* The same for a user without a session. */
enum err auth_session_of_user(struct cx *cx, struct str user_id, struct str workspace_id,
                              bool *ret_found, struct auth_session *ret);

#endif
