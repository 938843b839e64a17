/* Tenancy: organisations, workspaces, who belongs to them, which addons are on.
 *
 * Owns tables organizations, workspaces, organization_members, workspace_members, addons, and the
 * settings of a workspace. Does not own people or sessions (auth); who may do what to whom is in
 * members.h. Functions that write run inside a write; texts of results live in cx->arena. */
#ifndef TENANCY_TENANCY_H
#define TENANCY_TENANCY_H

#include "op/op.h"

#define TENANCY_NAME_CHARS_MAX 120
#define TENANCY_WORKSPACES_MAX 100 /* of one organisation */

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

/* ---- settings of a workspace ---- */

struct tenancy_settings {
    struct str name, time_zone; /* IANA */
    int64_t version, updated_at_ms;
    int64_t scanner_days;                      /* originals of scanned papers are kept so long */
    int64_t deleted_days;                      /* deleted rows and files may be restored so long */
    int64_t notification_days;                 /* notifications are kept so long */
    int64_t writes_per_thread, writes_per_day; /* most changes that a chat makes for a user */
    bool identity_matching; /* may other workspaces find people of this one (opt-in) */
    int64_t worker_level;   /* autonomy 0-3 of the in-process worker */
    int64_t worker_concurrency;
};
/* Those of cx's workspace, defaults filled in. Inside a transaction. */
enum err tenancy_settings_get(struct cx *cx, struct tenancy_settings *ret);
/* Stores all of `s`, which tenancy_settings_get has filled and the caller changed. VALIDATION names
 * timeZone; VERSION_CONFLICT when it is not at s->version any more. */
enum err tenancy_settings_put(struct cx *cx, struct tenancy_settings *s);

/* ---- hooks of the gate ---- */

/* cx acts in that organisation from now on, with the caller's role there; its deeds are recorded in
 * the active workspace if that is one of the organisation's, else in its first. NOT_FOUND when the
 * caller does not belong to it. */
enum err tenancy_organization_enter(struct cx *cx, struct str organization_id);
/* ADDON_INACTIVE unless it is ACTIVE in cx's workspace. */
enum err tenancy_addon_active(struct cx *cx, const char *addon);

/* VERSION_CONFLICT with details.version, for the rows of this area. */
enum err tenancy_version_conflict(struct cx *cx, const char *what, int64_t version);

/* Operation rows: organisations, their workspaces, settings, addons. */
extern const struct op tenancy_ops[];
extern const size_t tenancy_ops_count;

#endif
