/* Tenancy: organisations own workspaces, workspaces are the tenants, people have a role at each
 * level.
 *
 * Owns those rows and the addons of a workspace. Who somebody is belongs to auth. */
#ifndef TENANCY_TENANCY_H
#define TENANCY_TENANCY_H

#include "base/cx.h"

/* The larger of a workspace role and an organisation's OWNER or ADMIN; absent texts count as none.
 */
enum role tenancy_effective_role(struct str workspace_role, struct str organization_role);

/* Inside TX_WRITE: a workspace with its first OWNER and the addons that every new one has. The user
 * must exist. *ret_id lives in cx's arena. */
struct tenancy_workspace_new {
    struct str organization_id, name, time_zone, owner_id;
};
enum err tenancy_workspace_create(struct cx *cx, const struct tenancy_workspace_new *in,
                                  struct str *ret_id);
/* Inside TX_WRITE: an organisation with its first OWNER. */
enum err tenancy_organization_create(struct cx *cx, struct str name, struct str owner_id,
                                     struct str *ret_id);

/* Hook of the gate: ADDON_INACTIVE unless the addon is active in cx's workspace. Inside a read. */
enum err tenancy_addon_active(struct cx *cx, const char *addon);

#endif
