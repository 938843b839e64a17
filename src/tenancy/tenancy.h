/* Tenancy: organisations, workspaces, who belongs to them, which addons are on.
 *
 * Owns tables organizations, workspaces, organization_members, workspace_members, addons. Does not
 * own people or sessions (auth). Functions that write run inside a write; texts of results live in
 * cx->arena. */
#ifndef TENANCY_TENANCY_H
#define TENANCY_TENANCY_H

#include "base/cx.h"

#define TENANCY_NAME_CHARS_MAX 120

struct tenancy_workspace {
    struct str id, name, organization_id, time_zone; /* time_zone: of tenancy_workspace_get only */
    enum role role; /* effective: of the workspace, or as OWNER or ADMIN of its organisation */
};

/* Is there an organisation at all? */
enum err tenancy_is_set_up(struct cx *cx, bool *ret);
enum err tenancy_organization_create(struct cx *cx, struct str name, struct str *ret_id);
/* With the addon ai-agent ACTIVE, and nobody in it. */
enum err tenancy_workspace_create(struct cx *cx, struct str organization_id, struct str name,
                                  struct str *ret_id);
/* CONFLICT when they already belong to it. */
enum err tenancy_workspace_join(struct cx *cx, struct str workspace_id, struct str user_id,
                                enum role role);
enum err tenancy_organization_join(struct cx *cx, struct str organization_id, struct str user_id,
                                   enum role role);

/* The workspaces that a user may act in, at most 200, by id. */
enum err tenancy_workspaces_of(struct cx *cx, struct str user_id, struct tenancy_workspace **ret,
                               size_t *ret_count);
/* NOT_FOUND when there is none. `ret->role` stays ROLE_NONE. */
enum err tenancy_workspace_get(struct cx *cx, struct str workspace_id,
                               struct tenancy_workspace *ret, struct str *ret_organization_name);
/* The larger of a workspace role and an organisation's OWNER or ADMIN; either may be absent. */
enum role tenancy_role(struct str role, struct str org_role);

/* Hook of the gate: ADDON_INACTIVE unless it is ACTIVE in cx's workspace. */
enum err tenancy_addon_active(struct cx *cx, const char *addon);

#endif
