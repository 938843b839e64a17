/* Goals: rows of tenancy, made whole: a workspace never stands without its addons. Non-goals: who
 * may change whose role (members.c). Invariants: ids are made here; created_by is cx's principal,
 * absent before there are people. */
#include "tenancy/tenancy.h"

#include <assert.h>

#include "audit/audit.h"
#include "base/cuid.h"
#include "tenancy/tenancy_sql.h"

/* The database says only CONFLICT. */
static enum err already_member(struct cx *cx, enum err e)
{
    if (e == ERR_CONFLICT)
        FAIL(cx, CONFLICT, "They are a member already.");
    return e;
}

enum err tenancy_is_set_up(struct cx *cx, bool *ret)
{
    struct tenancy_organization_any_row row;
    return tenancy_organization_any(cx, &row, ret);
}

enum err tenancy_organization_create(struct cx *cx, struct str name, struct str *ret_id)
{
    struct tenancy_organization_insert_in in = { .id = cuid_new(cx->arena, cx->now_ms),
                                                 .name = name,
                                                 .now = cx->now_ms,
                                                 .created_by = cx->principal.user_id };
    TRY(tenancy_organization_insert(cx, &in, NULL));
    *ret_id = in.id;
    return OK;
}

enum err tenancy_workspace_create(struct cx *cx, struct str organization_id, struct str name,
                                  struct str *ret_id)
{
    struct tenancy_workspace_insert_in in = { .id = cuid_new(cx->arena, cx->now_ms),
                                              .organization_id = organization_id,
                                              .name = name,
                                              .time_zone = STR("UTC"),
                                              .now = cx->now_ms,
                                              .created_by = cx->principal.user_id };
    struct tenancy_addon_insert_in addon = { .workspace_id = in.id,
                                             .addon = STR("ai-agent"),
                                             .status = STR("ACTIVE"),
                                             .now = cx->now_ms,
                                             .created_by = cx->principal.user_id };
    TRY(tenancy_workspace_insert(cx, &in, NULL));
    TRY(tenancy_addon_insert(cx, &addon, NULL));
    *ret_id = in.id;
    return OK;
}

enum err tenancy_workspace_join(struct cx *cx, struct str workspace_id, struct str user_id,
                                enum role role)
{
    assert(role != ROLE_NONE);
    struct tenancy_workspace_member_insert_in in = { .workspace_id = workspace_id,
                                                     .user_id = user_id,
                                                     .role = str_of(role_name(role)),
                                                     .now = cx->now_ms,
                                                     .created_by = cx->principal.user_id };
    return already_member(cx, tenancy_workspace_member_insert(cx, &in, NULL));
}

enum err tenancy_organization_join(struct cx *cx, struct str organization_id, struct str user_id,
                                   enum role role)
{
    assert(role != ROLE_NONE);
    struct tenancy_organization_member_insert_in in = { .organization_id = organization_id,
                                                        .user_id = user_id,
                                                        .role = str_of(role_name(role)),
                                                        .now = cx->now_ms,
                                                        .created_by = cx->principal.user_id };
    return already_member(cx, tenancy_organization_member_insert(cx, &in, NULL));
}

enum role tenancy_role(struct str role, struct str org_role)
{
    enum role own = ROLE_NONE, above = ROLE_NONE;
    if (str_given(role) && !role_parse(role, &own))
        own = ROLE_NONE;
    if (str_given(org_role) && !role_parse(org_role, &above))
        above = ROLE_NONE;
    return above >= ROLE_ADMIN && above > own ? above : own;
}

enum err tenancy_workspaces_of(struct cx *cx, struct str user_id, struct tenancy_workspace **ret,
                               size_t *ret_count)
{
    struct tenancy_workspace_of_user_in in = { user_id };
    struct tenancy_workspace_of_user_row *rows;
    size_t count;
    TRY(tenancy_workspace_of_user(cx, &in, &rows, &count));
    struct tenancy_workspace *all = arena_array(cx->arena, count, sizeof *all);
    for (size_t i = 0; i < count; i++)
        all[i] = (struct tenancy_workspace){ .id = rows[i].id,
                                             .name = rows[i].name,
                                             .organization_id = rows[i].organization_id,
                                             .role = tenancy_role(rows[i].role, rows[i].org_role) };
    *ret = all;
    *ret_count = count;
    return OK;
}

enum err tenancy_workspace_get(struct cx *cx, struct str workspace_id,
                               struct tenancy_workspace *ret, struct str *ret_organization_name)
{
    struct tenancy_workspace_find_in in = { workspace_id };
    struct tenancy_workspace_find_row row;
    bool found;
    TRY(tenancy_workspace_find(cx, &in, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such workspace.");
    *ret = (struct tenancy_workspace){ .id = row.id,
                                       .name = row.name,
                                       .organization_id = row.organization_id,
                                       .time_zone = row.time_zone };
    *ret_organization_name = row.organization_name;
    return OK;
}

enum err tenancy_organization_enter(struct cx *cx, struct str organization_id)
{
    struct principal *p = &cx->principal;
    struct tenancy_organization_context_in in = {
        .organization_id = organization_id,
        .user_id = str_given(p->user_id) ? p->user_id : STR(""),
        .workspace_id = str_given(p->workspace_id) ? p->workspace_id : STR("")
    };
    struct tenancy_organization_context_row row;
    bool found;
    enum role role = ROLE_NONE;
    TRY(tenancy_organization_context(cx, &in, &row, &found));
    if (found && p->kind == PRINCIPAL_OPERATOR)
        role = ROLE_OWNER;
    else if (found && str_given(row.role) && !role_parse(row.role, &role))
        role = ROLE_NONE;
    if (role == ROLE_NONE) {
        audit_event(cx, &(struct audit_row){ .action = STR("enter_organization"),
                                             .type = STR("CROSS_WORKSPACE_DENIED"),
                                             .outcome = STR("NOT_FOUND") });
        FAIL(cx, NOT_FOUND, "There is no such organisation.");
    }
    if (p->kind != PRINCIPAL_OPERATOR)
        p->role = tenancy_role(row.own_role, row.role);
    p->org_role = role;
    p->organization_id = row.id;
    p->workspace_id = row.workspace_id;
    return OK;
}

enum err tenancy_version_conflict(struct cx *cx, const char *what, int64_t version)
{
    cx_fail(cx, ERR_VERSION_CONFLICT, "The %s was changed meanwhile; it is at version %lld.", what,
            (long long)version);
    cx_details(cx, str_fmt(cx->arena, "{\"version\":%lld}", (long long)version));
    return ERR_VERSION_CONFLICT;
}

enum err tenancy_addon_active(struct cx *cx, const char *addon)
{
    struct tenancy_addon_find_in in = { cx->principal.workspace_id, str_of(addon) };
    struct tenancy_addon_find_row row;
    bool found = false;
    if (str_given(in.workspace_id))
        TRY(tenancy_addon_find(cx, &in, &row, &found));
    if (found && str_is(row.status, "ACTIVE"))
        return OK;
    if (str_is(in.addon, "ai-agent"))
        FAIL(cx, ADDON_INACTIVE, "AI Agent addon is not active for this workspace");
    FAIL(cx, ADDON_INACTIVE, "The %s addon is not enabled for this workspace.", addon);
}
