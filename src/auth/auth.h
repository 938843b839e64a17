/* Auth: who sends a request, and in which workspace they act.
 *
 * Owns tables users and sessions, passwords, session tokens and cookies, NextAuth's routes, the
 * routes of the own account. Does not own memberships (tenancy) or limits: sign-in is limited
 * through a function that main gives, since limits stand further right. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/csrf.h"
#include "op/gate.h"

struct config;
struct auth;

/* Shape of limits_take: RATE_LIMITED when `key` has had `limit` in the last window_ms. */
typedef enum err auth_limiter_fn(struct cx *cx, const char *class_name, struct str key,
                                 int64_t limit, int64_t window_ms);

/* The config must outlive it and have nextauth_secret; listen stands for an absent public_url. On
 * a fault writes one sentence to `error` and returns NULL. */
struct auth *auth_new(const struct config *c, char *error, size_t error_size);
void auth_free(struct auth *a); /* NULL is fine */
/* Before serving. Without them sign-in is not limited (tests, commands). `take_kept` is one for all
 * nodes and outlives them. */
void auth_set_limiter(struct auth *a, auth_limiter_fn *take, auth_limiter_fn *take_kept);
/* Where browsers reach this server, without a slash at its end. */
struct str auth_public_url(const struct auth *a);
/* "next-auth.session-token" or its __Secure- form. */
struct str auth_session_cookie_name(const struct auth *a);

/* Prometheus text for op/metrics.h: how often argon2 was evaluated. `auth` is a struct auth. */
void auth_metrics(struct buf *out, void *auth);

/* Hooks of the gate. */
enum err auth_authenticate(struct cx *cx, const struct op *op, const struct raw_request *rq);
/* Seals the caller's session anew into `reply`; nothing for who has none. */
enum err auth_renew(struct cx *cx, const struct raw_request *rq, struct reply *reply);

/* Rows: NextAuth's routes; the own account; its password and second factor; members and invites;
 * the operator's, which have no routes. */
extern const struct op nextauth_ops[];
extern const size_t nextauth_ops_count;
extern const struct op auth_ops[];
extern const size_t auth_ops_count;
extern const struct op security_ops[];
extern const size_t security_ops_count;
extern const struct op member_ops[];
extern const size_t member_ops_count;
extern const struct op invite_ops[];
extern const size_t invite_ops_count;
extern const struct op operator_ops[];
extern const size_t operator_ops_count;

#endif
