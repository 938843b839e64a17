/* Invites: a link that makes one address a member of one workspace.
 *
 * The link's token has 256 random bits, is shown once and stored as its SHA-256; it holds 7 days,
 * once, and only while who invited could still give that role. At most 100 are open in a workspace;
 * a new one for the same address replaces the old. Whether an address has an account shows in
 * nothing that the inviter is told. Owns table invites. */
#ifndef AUTH_INVITES_H
#define AUTH_INVITES_H

#include "base/cx.h"

#define INVITES_OPEN_MAX 100
#define INVITE_DAYS 7
#define INVITE_TOKEN_CHARS 43 /* 32 bytes in base64url */

struct invite_new {
    struct str email;
    enum role role;
};
struct invite_made {
    struct str id, token;
    int64_t expires_at_ms;
};
/* Inside a write. FORBIDDEN above the caller's role, CONFLICT for who is a member, LIMIT_REACHED.
 */
enum err invite_create(struct cx *cx, const struct invite_new *n, struct invite_made *ret);
/* Inside a write. NOT_FOUND, or GONE when it is open no more. */
enum err invite_revoke(struct cx *cx, struct str id);

struct invite {
    struct str workspace_id, id, email, email_key;
    enum role role;
    struct str workspace_name, organization_id, organization_name, inviter;
    struct str user_id; /* who has the address; absent: nobody */
    int64_t expires_at_ms;
};
/* Inside a transaction. NOT_FOUND for what is no token of ours, GONE for one that holds no more. */
enum err invite_open(struct cx *cx, struct str token, struct invite *ret);
/* Inside a write: the person becomes a member, of the organisation too (a MEMBER, or VIEWER), and
 * the invite is used up. CONFLICT when they are a member. */
enum err invite_use(struct cx *cx, const struct invite *i, struct str user_id);

#endif
