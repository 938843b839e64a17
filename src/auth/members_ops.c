/* Operation rows of members, of the workspace and of an organisation: the rules are tenancy's
 * (tenancy/members.h), the sessions that end with a removal are ours. */
#include "tenancy/members.h"

#include "audit/audit.h"
#include "auth/auth_sql.h"
#include "auth/factor.h"
#include "auth/state.h"

static const char *const roles[] = { "OWNER", "ADMIN", "MEMBER", "VIEWER", NULL };
static const char *const kinds[] = { "HUMAN", "AGENT", NULL };

/* ---- views ---- */

struct member_view {
    struct str id, kind, email, name, role, organization_role;
    bool second_factor;
    int64_t version, joined_at_ms;
};
#define MEMBER_HEAD                                                                                \
    { .name = "id",                                                                                \
      .type = FIELD_ID,                                                                            \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct member_view, id),                                                  \
      .doc = "Id of the user" },                                                                   \
        { .name = "kind",                                                                          \
          .type = FIELD_ENUM,                                                                      \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct member_view, kind),                                            \
          .values = kinds,                                                                         \
          .doc = "A person, or the user that an agent acts as" },                                  \
        { .name = "email",                                                                         \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct member_view, email),                                           \
          .doc = "Address to sign in with" },                                                      \
    {                                                                                              \
        .name = "name", .type = FIELD_STR, .flags = FIELD_REQUIRED,                                \
        .offset = FIELD_AT(struct member_view, name), .doc = "Name that others see"                \
    }
#define MEMBER_TAIL                                                                                \
    { .name = "secondFactor",                                                                      \
      .type = FIELD_BOOL,                                                                          \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct member_view, second_factor),                                       \
      .doc = "Is their second factor on?" },                                                       \
        { .name = "joinedAt",                                                                      \
          .type = FIELD_TIME,                                                                      \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = FIELD_AT(struct member_view, joined_at_ms),                                    \
          .doc = "When they became a member" },                                                    \
    {                                                                                              \
        .name = "version", .type = FIELD_INT, .flags = FIELD_REQUIRED,                             \
        .offset = FIELD_AT(struct member_view, version),                                           \
        .doc = "Of the membership; counts up with each change; 0: none"                            \
    }
static const struct field member_fields[] = {
    MEMBER_HEAD,
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct member_view, role),
      .values = roles,
      .doc = "Role in the workspace; null: acts by the role in the organisation alone" },
    { .name = "organizationRole",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct member_view, organization_role),
      .values = roles,
      .doc = "Role in the organisation; OWNER and ADMIN act as such in every workspace of it" },
    MEMBER_TAIL,
    FIELD_END,
};
static const struct field org_member_fields[] = {
    MEMBER_HEAD,
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct member_view, role),
      .values = roles,
      .doc = "Role in the organisation" },
    MEMBER_TAIL,
    FIELD_END,
};

static struct str role_text(enum role r)
{
    return r == ROLE_NONE ? STR_NULL : str_of(role_name(r));
}

static struct member_view view_of(const struct tenancy_member *m)
{
    return (struct member_view){ .id = m->user_id,
                                 .kind = m->kind,
                                 .email = m->email,
                                 .name = m->name,
                                 .role = role_text(m->role),
                                 .organization_role = role_text(m->org_role),
                                 .second_factor = m->second_factor,
                                 .version = m->version,
                                 .joined_at_ms = m->created_at_ms };
}

struct member_list_output {
    struct span members;
    struct page_out pagination;
};

typedef enum err members_fn(struct cx *cx, struct str after_id, int64_t limit,
                            struct tenancy_member **ret, size_t *ret_count);

static enum err list_page(struct cx *cx, const char *name, members_fn *read,
                          const struct page_in *page, struct member_list_output *out)
{
    const struct page_list list =
        PAGE_LIST(name, struct tenancy_member, PAGE_KEY(struct tenancy_member, user_id));
    struct tenancy_member *all, from = { .user_id = STR("") };
    size_t count;
    TRY(page_begin(cx, &list, page, &from));
    TRY(read(cx, from.user_id, page->limit + 1, &all, &count));
    size_t n = page_end(cx, &list, page, all, count, &out->pagination);
    struct member_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = view_of(&all[i]);
    out->members = (struct span){ views, n };
    return OK;
}

struct member_output {
    struct member_view member;
};
static const struct field member_output_fields[] = {
    { .name = "member",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct member_output, member),
      .fields = member_fields,
      .doc = "The member" },
    FIELD_END,
};
static const struct field org_member_output_fields[] = {
    { .name = "member",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct member_output, member),
      .fields = org_member_fields,
      .doc = "The member" },
    FIELD_END,
};

static enum err change_event(struct cx *cx, const char *type, struct str user_id,
                             const char *message)
{
    return audit_append(cx, &(struct audit_row){ .action = STR("membership"),
                                                 .type = str_of(type),
                                                 .entity_type = STR("user"),
                                                 .entity_id = user_id,
                                                 .message = str_of(message) });
}

static enum err role_event(struct cx *cx, const struct tenancy_member *m, const char *where)
{
    struct str message = str_fmt(cx->arena, "%s in the %s from now on", role_name(m->role), where);
    return change_event(cx, "ROLE_CHANGED", m->user_id, str_cstr(cx->arena, message));
}

/* ---- of the workspace ---- */

struct member_list_input {
    struct page_in page;
};
static const struct field member_list_input_fields[] = {
    FIELD_PAGE_IN(struct member_list_input),
    FIELD_END,
};
static const struct field member_list_fields[] = {
    { .name = "members",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct member_list_output, members),
      .fields = member_fields,
      .elem_size = sizeof(struct member_view),
      .doc = "By id, which is by the age of the account" },
    FIELD_PAGE_OUT(struct member_list_output),
    FIELD_END,
};

static enum err member_list_run(struct cx *cx, const void *input, void *output)
{
    const struct member_list_input *in = input;
    return list_page(cx, "members", tenancy_members, &in->page, output);
}

struct member_input {
    struct str organization_id, id, role;
    int64_t version;
};
#define MEMBER_ID(name_)                                                                           \
    {                                                                                              \
        .name = (name_), .type = FIELD_ID, .from = FROM_PATH, .flags = FIELD_REQUIRED,             \
        .offset = FIELD_AT(struct member_input, id), .doc = "Id of the user"                       \
    }
#define MEMBER_ORGANIZATION                                                                        \
    {                                                                                              \
        .name = "orgId", .type = FIELD_ID, .from = FROM_PATH, .flags = FIELD_REQUIRED,             \
        .offset = FIELD_AT(struct member_input, organization_id), .doc = "Id of the organisation"  \
    }
#define MEMBER_ROLE                                                                                \
    { .name = "role",                                                                              \
      .type = FIELD_ENUM,                                                                          \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct member_input, role),                                               \
      .values = roles,                                                                             \
      .doc = "The new role, at most the caller's own" },                                           \
    {                                                                                              \
        .name = "version", .type = FIELD_INT, .flags = FIELD_VERSION,                              \
        .offset = FIELD_AT(struct member_input, version), .min = 1, .max = INT64_MAX,              \
        .doc = "The version that the caller has seen; absent: whatever it is at"                   \
    }
static const struct field member_id_fields[] = { MEMBER_ID("id"), FIELD_END };
static const struct field member_change_fields[] = { MEMBER_ID("id"), MEMBER_ROLE, FIELD_END };

static enum err role_of_input(struct cx *cx, struct str text, enum role *ret)
{
    return role_parse(text, ret) ? OK : cx_fault(cx, "an unknown role passed the field table");
}

static enum err member_change_run(struct cx *cx, const void *input, void *output)
{
    const struct member_input *in = input;
    struct member_output *out = output;
    struct tenancy_member m;
    enum role role;
    cx_entity(cx, "user", in->id);
    TRY(role_of_input(cx, in->role, &role));
    TRY(tenancy_member_change(cx, in->id, role, in->version, &m));
    out->member = view_of(&m);
    return role_event(cx, &m, "workspace");
}

static enum err member_remove_run(struct cx *cx, const void *input, void *output)
{
    const struct member_input *in = input;
    struct auth_user_workspace_forget_in forget = { .id = in->id,
                                                    .workspace_id = cx->principal.workspace_id,
                                                    .now = cx->now_ms };
    (void)output;
    cx_entity(cx, "user", in->id);
    TRY(tenancy_member_remove(cx, in->id));
    TRY(auth_user_workspace_forget(cx, &forget, NULL));
    TRY(auth_sessions_end(cx, in->id, STR_NULL, "removed from the workspace"));
    return change_event(cx, "MEMBER_REMOVED", in->id, "Removed from the workspace");
}

/* ---- of an organisation ---- */

struct org_member_list_input {
    struct str organization_id;
    struct page_in page;
};
static const struct field org_member_list_input_fields[] = {
    { .name = "orgId",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct org_member_list_input, organization_id),
      .doc = "Id of the organisation" },
    FIELD_PAGE_IN(struct org_member_list_input),
    FIELD_END,
};
static const struct field org_member_list_fields[] = {
    { .name = "members",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct member_list_output, members),
      .fields = org_member_fields,
      .elem_size = sizeof(struct member_view),
      .doc = "By id, which is by the age of the account" },
    FIELD_PAGE_OUT(struct member_list_output),
    FIELD_END,
};
static const struct field org_member_id_fields[] = { MEMBER_ORGANIZATION, MEMBER_ID("memberId"),
                                                     FIELD_END };
static const struct field org_member_change_fields[] = { MEMBER_ORGANIZATION, MEMBER_ID("memberId"),
                                                         MEMBER_ROLE, FIELD_END };

static enum err org_member_list_run(struct cx *cx, const void *input, void *output)
{
    const struct org_member_list_input *in = input;
    return list_page(cx, "organization_members", tenancy_org_members, &in->page, output);
}

static enum err org_member_get_run(struct cx *cx, const void *input, void *output)
{
    const struct member_input *in = input;
    struct member_output *out = output;
    struct tenancy_member m;
    TRY(tenancy_org_member_get(cx, in->id, &m));
    out->member = view_of(&m);
    return OK;
}

static enum err org_member_change_run(struct cx *cx, const void *input, void *output)
{
    const struct member_input *in = input;
    struct member_output *out = output;
    struct tenancy_member m;
    enum role role;
    cx_entity(cx, "user", in->id);
    TRY(role_of_input(cx, in->role, &role));
    TRY(tenancy_org_member_change(cx, in->id, role, in->version, &m));
    out->member = view_of(&m);
    return role_event(cx, &m, "organisation");
}

static enum err org_member_remove_run(struct cx *cx, const void *input, void *output)
{
    const struct member_input *in = input;
    (void)output;
    cx_entity(cx, "user", in->id);
    TRY(tenancy_org_member_remove(cx, in->id));
    TRY(auth_sessions_end(cx, in->id, STR_NULL, "removed from the organisation"));
    return change_event(cx, "MEMBER_REMOVED", in->id, "Removed from the organisation");
}

static enum err totp_reset_run(struct cx *cx, const void *input, void *output)
{
    const struct member_input *in = input;
    struct member_output *out = output;
    struct tenancy_member m;
    cx_entity(cx, "user", in->id);
    TRY(tenancy_org_member_reset_allowed(cx, in->id));
    TRY(factor_reset(cx, in->id, "the second factor was reset"));
    TRY(tenancy_org_member_get(cx, in->id, &m));
    out->member = view_of(&m);
    return OK;
}

/* ---- rows ---- */

static const struct op_tool list_tool = { .doc = "Lists the members of the workspace with their "
                                                 "roles, people and agents." };

#define MEMBER_ROW(name_, http_, run_)                                                             \
    .name = (name_), .kind = OP_JSON, .http = (http_), .category = "members",                      \
    .auth = AUTH_SESSION, .run = (run_)
#define MEMBER_READS .tx = TX_READ, .lane = LANE_LOOP, .rate = RATE_READ, .effect = EFFECT_READ
#define MEMBER_WRITES                                                                              \
    .tx = TX_WRITE, .lane = LANE_WORKER, .rate = RATE_WRITE, .effect = EFFECT_WRITE
#define MEMBER_GIVES(fields_) .out = (fields_), .out_size = sizeof(struct member_output)
#define ORG_ADMIN .roles = ROLES_ANY, .org_roles = ROLES_ADMIN_UP

const struct op member_ops[] = {
    { MEMBER_ROW("list_members", "GET /api/members", member_list_run), MEMBER_READS,
      .roles = ROLES_VIEWER_UP, .tool = &list_tool, .in = member_list_input_fields,
      .in_size = sizeof(struct member_list_input), .out = member_list_fields,
      .out_size = sizeof(struct member_list_output), .summary = "Members of the workspace",
      .doc = "Everybody who acts in the workspace: its members, agents too, and the OWNERs and "
             "ADMINs of its organisation." },
    { MEMBER_ROW("update_member", "PATCH /api/members/{id}", member_change_run), MEMBER_WRITES,
      .roles = ROLES_ADMIN_UP, .in = member_change_fields, .in_size = sizeof(struct member_input),
      MEMBER_GIVES(member_output_fields), .summary = "Change a member's role",
      .doc = "Holds from the member's next request on. FORBIDDEN for a role above the caller's "
             "own, or a member who stands "
             "above the caller; CONFLICT when no OWNER would remain, or for who acts by a role in "
             "the organisation." },
    { MEMBER_ROW("remove_member", "DELETE /api/members/{id}", member_remove_run), MEMBER_WRITES,
      .roles = ROLES_ADMIN_UP, .in = member_id_fields, .in_size = sizeof(struct member_input),
      .summary = "Remove a member from the workspace",
      .doc = "Their sessions end at once; what they made stays. Whose last workspace of the "
             "organisation it was leaves that "
             "too. CONFLICT when no OWNER would remain." },
    { MEMBER_ROW("list_organization_members", "GET /api/organizations/{orgId}/members",
                 org_member_list_run),
      MEMBER_READS, ORG_ADMIN, .in = org_member_list_input_fields,
      .in_size = sizeof(struct org_member_list_input), .out = org_member_list_fields,
      .out_size = sizeof(struct member_list_output), .summary = "Members of an organisation",
      .doc = "Everybody who belongs to it, in whichever of its workspaces." },
    { MEMBER_ROW("get_organization_member", "GET /api/organizations/{orgId}/members/{memberId}",
                 org_member_get_run),
      MEMBER_READS, ORG_ADMIN, .in = org_member_id_fields, .in_size = sizeof(struct member_input),
      MEMBER_GIVES(org_member_output_fields), .summary = "A member of an organisation",
      .doc = "Role, second factor, since when." },
    { MEMBER_ROW("update_organization_member",
                 "PATCH /api/organizations/{orgId}/members/{memberId}", org_member_change_run),
      MEMBER_WRITES, ORG_ADMIN, .in = org_member_change_fields,
      .in_size = sizeof(struct member_input), MEMBER_GIVES(org_member_output_fields),
      .summary = "Change a role in the organisation",
      .doc = "OWNER and ADMIN act as such in every workspace of it, from the next request on. "
             "FORBIDDEN for a role above the "
             "caller's own, or a member who stands above the caller; CONFLICT when no OWNER would "
             "remain." },
    { MEMBER_ROW("remove_organization_member",
                 "DELETE /api/organizations/{orgId}/members/{memberId}", org_member_remove_run),
      MEMBER_WRITES, ORG_ADMIN, .in = org_member_id_fields, .in_size = sizeof(struct member_input),
      .summary = "Remove a member from the organisation",
      .doc = "And from all its workspaces; their sessions end at once. CONFLICT when the "
             "organisation, or one of its "
             "workspaces, would be without an OWNER." },
    { MEMBER_ROW("reset_member_totp",
                 "POST /api/organizations/{orgId}/members/{memberId}/reset-2fa", totp_reset_run),
      MEMBER_WRITES, ORG_ADMIN, .flags = OP_NO_BODY, .in = org_member_id_fields,
      .in_size = sizeof(struct member_input), MEMBER_GIVES(org_member_output_fields),
      .summary = "Take a member's second factor away",
      .doc = "For who lost device and recovery codes: they sign in with the password alone, and "
             "may enrol anew. Their "
             "sessions end at once. FORBIDDEN for who stands above the caller, here or in another "
             "organisation; CONFLICT "
             "when there is no second factor." },
};
const size_t member_ops_count = sizeof member_ops / sizeof *member_ops;
