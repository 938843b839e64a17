/* Goal: the few deeds that make tenants, each whole or not at all (the caller's transaction).
 * Non-goal: rights; the operation's row and auth decide who may. */
#include "tenancy/tenancy.h"

#include "base/cuid.h"
#include "tenancy/tenancy_sql.h"

enum role tenancy_effective_role(struct str workspace_role, struct str organization_role)
{
    enum role here = ROLE_NONE, above = ROLE_NONE;
    role_parse(workspace_role, &here);
    role_parse(organization_role, &above);
    return above >= ROLE_ADMIN && above > here ? above : here;
}

enum err tenancy_organization_create(struct cx *cx, struct str name, struct str owner_id,
                                     struct str *ret_id)
{
    struct str id = cuid_new(cx->arena, cx->now_ms);
    struct organization_insert_in o = {
        .id = id, .name = name, .now = cx->now_ms, .created_by = owner_id
    };
    struct organization_member_insert_in m = { .organization_id = id,
                                               .user_id = owner_id,
                                               .role = STR("OWNER"),
                                               .now = cx->now_ms,
                                               .created_by = owner_id };
    TRY(organization_insert(cx, &o, NULL));
    TRY(organization_member_insert(cx, &m, NULL));
    *ret_id = id;
    return OK;
}

enum err tenancy_workspace_create(struct cx *cx, const struct tenancy_workspace_new *in,
                                  struct str *ret_id)
{
    struct str id = cuid_new(cx->arena, cx->now_ms);
    struct workspace_insert_in w = { .id = id,
                                     .organization_id = in->organization_id,
                                     .name = in->name,
                                     .time_zone = in->time_zone,
                                     .now = cx->now_ms,
                                     .created_by = in->owner_id };
    struct workspace_member_insert_in m = { .workspace_id = id,
                                            .user_id = in->owner_id,
                                            .role = STR("OWNER"),
                                            .now = cx->now_ms,
                                            .created_by = in->owner_id };
    struct addon_insert_in a = {
        .workspace_id = id, .addon = STR("ai-agent"), .now = cx->now_ms, .created_by = in->owner_id
    };
    TRY(workspace_insert(cx, &w, NULL));
    TRY(workspace_member_insert(cx, &m, NULL));
    TRY(addon_insert(cx, &a, NULL));
    *ret_id = id;
    return OK;
}

enum err tenancy_addon_active(struct cx *cx, const char *addon)
{
    struct addon_get_in in = { .workspace_id = cx->principal.workspace_id, .addon = str_of(addon) };
    struct addon_get_row row;
    bool found;
    TRY(addon_get(cx, &in, &row, &found));
    if (found && str_is(row.status, "ACTIVE"))
        return OK;
    if (str_is(in.addon, "ai-agent"))
        FAIL(cx, ADDON_INACTIVE, "AI Agent addon is not active for this workspace");
    FAIL(cx, ADDON_INACTIVE, "The %s addon is not enabled for this workspace", addon);
}
