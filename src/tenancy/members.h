/* Members: who belongs to a workspace or an organisation, in which role, and who may change that.
 *
 * The rules, the same at both levels, read anew in the transaction of each change:
 *   - nobody gives a role above their own, nor touches somebody who stands above them (FORBIDDEN);
 *   - a workspace keeps an OWNER of its own, an organisation too, whatever happens at the same time
 *     (CONFLICT);
 *   - OWNERs and ADMINs of an organisation act as such in each of its workspaces, so that there
 *     they can be neither lowered nor removed (CONFLICT says where they can);
 *   - an agent is never an OWNER, and comes and goes with its key.
 *
 * Workspace and organisation are cx's. Does not end sessions: auth does, with each removal. */
#ifndef TENANCY_MEMBERS_H
#define TENANCY_MEMBERS_H

#include "base/cx.h"

struct tenancy_member {
    struct str user_id, kind, email, name; /* kind: "HUMAN" or "AGENT" */
    enum role role;     /* at this level; NONE: acts by the role in the organisation */
    enum role org_role; /* NONE: none */
    bool second_factor;
    int64_t version;       /* of the membership; 0: there is none at this level */
    int64_t created_at_ms; /* 0: there is none */
};

/* By user id, behind `after_id`: members, and those who act by their role in the organisation. */
enum err tenancy_members(struct cx *cx, struct str after_id, int64_t limit,
                         struct tenancy_member **ret, size_t *ret_count);
/* NOT_FOUND unless they act in cx's workspace. */
enum err tenancy_member_get(struct cx *cx, struct str user_id, struct tenancy_member *ret);
/* `version` 0: whatever it is at. */
enum err tenancy_member_change(struct cx *cx, struct str user_id, enum role role, int64_t version,
                               struct tenancy_member *ret);
/* Whose last workspace of the organisation it was leaves that, too. */
enum err tenancy_member_remove(struct cx *cx, struct str user_id);
/* What the caller may give here at most, now. Inside a transaction. */
enum err tenancy_member_authority(struct cx *cx, enum role *ret);

/* ---- the same in cx's organisation; `role` is the role there ---- */

enum err tenancy_org_members(struct cx *cx, struct str after_id, int64_t limit,
                             struct tenancy_member **ret, size_t *ret_count);
enum err tenancy_org_member_get(struct cx *cx, struct str user_id, struct tenancy_member *ret);
enum err tenancy_org_member_change(struct cx *cx, struct str user_id, enum role role,
                                   int64_t version, struct tenancy_member *ret);
/* Out of all its workspaces, too. */
enum err tenancy_org_member_remove(struct cx *cx, struct str user_id);
/* May the caller take away what protects this person's account? FORBIDDEN when they stand above
 * the caller here, or belong to another organisation where the caller does not stand above them. */
enum err tenancy_org_member_reset_allowed(struct cx *cx, struct str user_id);

#endif
