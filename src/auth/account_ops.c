/* The own account: who am I and where, my name, my sessions, my active workspace.
 *
 * Invariants: a name is changed and a session revoked by their own person only; a workspace is
 * switched to only by who may act in it; a stranger's ids answer NOT_FOUND. */
#include "auth/auth.h"

#include <assert.h>

#include "auth/auth_sql.h"
#include "auth/state.h"
#include "base/app.h"
#include "base/clock.h"
#include "base/config.h"
#include "tenancy/tenancy.h"

static const char *const roles[] = { "OWNER", "ADMIN", "MEMBER", "VIEWER", NULL };

/* ---- get_current_context ---- */

struct me_user {
    struct str id, email, name;
};
struct me_workspace {
    struct str id, name, role, organization_id, organization_name, time_zone;
};
struct me_limits {
    int64_t reads_per_minute, writes_per_minute;
};
struct me_output {
    struct me_user user;
    struct me_workspace workspace;
    struct str role, organization_role, today;
    struct span workspaces; /* struct me_workspace */
    struct me_limits limits;
};

static const struct field me_user_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_user, id),
      .doc = "Id of the user" },
    { .name = "email",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_user, email),
      .doc = "E-mail address as entered" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_user, name),
      .doc = "Name that others see" },
    FIELD_END,
};
static const struct field me_workspace_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_workspace, id),
      .doc = "Id of the workspace; null: in none" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_workspace, name),
      .doc = "Its name" },
    { .name = "organizationId",
      .type = FIELD_ID,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_workspace, organization_id),
      .doc = "Its organisation" },
    { .name = "organizationName",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_workspace, organization_name),
      .doc = "Name of the organisation" },
    { .name = "timeZone",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_workspace, time_zone),
      .doc = "IANA time zone" },
    FIELD_END,
};
static const struct field me_choice_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_workspace, id),
      .doc = "Id of the workspace" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_workspace, name),
      .doc = "Its name" },
    { .name = "organizationId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_workspace, organization_id),
      .doc = "Its organisation" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_workspace, role),
      .values = roles,
      .doc = "Effective role of the caller there" },
    FIELD_END,
};
static const struct field me_limit_fields[] = {
    { .name = "readsPerMinute",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_limits, reads_per_minute),
      .doc = "Reading requests a minute" },
    { .name = "writesPerMinute",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_limits, writes_per_minute),
      .doc = "Writing requests a minute" },
    FIELD_END,
};
static const struct field me_output_fields[] = {
    { .name = "user",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_output, user),
      .fields = me_user_fields,
      .doc = "Who acts" },
    { .name = "workspace",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_output, workspace),
      .fields = me_workspace_fields,
      .doc = "Where: the workspace of X-Workspace-Id, else the stored preference" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_output, role),
      .values = roles,
      .doc = "Effective role in the workspace" },
    { .name = "organizationRole",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct me_output, organization_role),
      .values = roles,
      .doc = "Role in its organisation" },
    { .name = "workspaces",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_output, workspaces),
      .fields = me_choice_fields,
      .elem_size = sizeof(struct me_workspace),
      .doc = "Where the caller may switch to, at most 200" },
    { .name = "limits",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_output, limits),
      .fields = me_limit_fields,
      .doc = "Rates that hold for the caller" },
    { .name = "today",
      .type = FIELD_DATE,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct me_output, today),
      .doc = "The calendar day in the workspace's time zone" },
    FIELD_END,
};

static struct str role_text(enum role r)
{
    return r == ROLE_NONE ? STR_NULL : str_of(role_name(r));
}

static enum err choices_read(struct cx *cx, struct str user_id, struct span *ret)
{
    struct tenancy_workspace *all;
    size_t count;
    TRY(tenancy_workspaces_of(cx, user_id, &all, &count));
    struct me_workspace *list = arena_array(cx->arena, count, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct me_workspace){ .id = all[i].id,
                                         .name = all[i].name,
                                         .organization_id = all[i].organization_id,
                                         .role = role_text(all[i].role) };
    *ret = (struct span){ list, count };
    return OK;
}

static struct str today_in(struct cx *cx, struct str time_zone)
{
    const struct zone *z = str_given(time_zone) ? zone_find(time_zone) : NULL;
    int64_t now_ms = cx->now_ms;
    struct date d = z ? zone_date(z, now_ms) : date_from_days(now_ms / (24 * 3600 * 1000));
    return str_fmt(cx->arena, "%04d-%02d-%02d", d.year, d.month, d.day);
}

static enum err me_run(struct cx *cx, const void *input, void *output)
{
    (void)input;
    struct me_output *out = output;
    const struct principal *p = &cx->principal;
    struct tenancy_workspace w = { 0 };
    struct str organization_name = STR_NULL;
    if (str_given(p->workspace_id))
        TRY(tenancy_workspace_get(cx, p->workspace_id, &w, &organization_name));
    out->user = (struct me_user){ p->user_id, p->email, p->name };
    out->workspace = (struct me_workspace){ .id = w.id,
                                            .name = w.name,
                                            .organization_id = w.organization_id,
                                            .organization_name = organization_name,
                                            .time_zone = w.time_zone };
    out->role = role_text(p->role);
    out->organization_role = role_text(p->org_role);
    out->limits = (struct me_limits){ cx->app->config->read_rate, cx->app->config->write_rate };
    out->today = today_in(cx, w.time_zone);
    return str_given(p->user_id) ? choices_read(cx, p->user_id, &out->workspaces) : OK;
}

/* ---- update_profile ---- */

struct profile_input {
    struct str name;
};
struct profile_output {
    struct me_user user;
};

static const struct field profile_input_fields[] = {
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct profile_input, name),
      .min = 1,
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Name that others see" },
    FIELD_END,
};
static const struct field profile_output_fields[] = {
    { .name = "user",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct profile_output, user),
      .fields = me_user_fields,
      .doc = "The caller, by the new name" },
    FIELD_END,
};

static enum err profile_run(struct cx *cx, const void *input, void *output)
{
    const struct profile_input *in = input;
    struct profile_output *out = output;
    TRY(auth_person_check(cx));
    struct auth_user_name_set_in set = { .id = cx->principal.user_id,
                                         .name = in->name,
                                         .now = cx->now_ms };
    cx_entity(cx, "user", set.id);
    out->user = (struct me_user){ set.id, cx->principal.email, in->name };
    return auth_user_name_set(cx, &set, NULL);
}

/* ---- list_sessions ---- */

struct session_view {
    struct str id, remote_addr, user_agent;
    int64_t created_at_ms, seen_at_ms, expires_at_ms;
    bool current;
};
struct session_list_input {
    struct page_in page;
};
struct session_list_output {
    struct span sessions;
    struct page_out pagination;
};

static const struct field session_view_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_view, id),
      .doc = "Id of the session" },
    { .name = "current",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_view, current),
      .doc = "Is it the one that asks?" },
    { .name = "remoteAddr",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct session_view, remote_addr),
      .doc = "Address that signed in" },
    { .name = "userAgent",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct session_view, user_agent),
      .doc = "Program that signed in" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_view, created_at_ms),
      .doc = "When it began" },
    { .name = "seenAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_view, seen_at_ms),
      .doc = "When it was last used, to about 5 minutes" },
    { .name = "expiresAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_view, expires_at_ms),
      .doc = "When it ends at the latest" },
    FIELD_END,
};
static const struct field session_list_input_fields[] = {
    FIELD_PAGE_IN(struct session_list_input),
    FIELD_END,
};
static const struct field session_list_output_fields[] = {
    { .name = "sessions",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_list_output, sessions),
      .fields = session_view_fields,
      .elem_size = sizeof(struct session_view),
      .doc = "Newest first" },
    FIELD_PAGE_OUT(struct session_list_output),
    FIELD_END,
};

static const struct page_list sessions_list = PAGE_LIST(
    "sessions", struct auth_session_list_row, PAGE_KEY(struct auth_session_list_row, created_at),
    PAGE_KEY(struct auth_session_list_row, id));

static enum err sessions_read(struct cx *cx, const struct page_in *page,
                              struct auth_session_list_row **ret, size_t *ret_count)
{
    struct auth_session_list_row from = { .created_at = INT64_MAX, .id = PAGE_LAST_ID };
    struct auth_user_context_in who = { .user_id = cx->principal.user_id };
    struct auth_user_context_row user;
    bool found;
    TRY(page_begin(cx, &sessions_list, page, &from));
    TRY(auth_user_context(cx, &who, &user, &found));
    struct auth_session_list_in in = { .user_id = who.user_id,
                                       .session_version = found ? user.session_version : 0,
                                       .now = cx->now_ms,
                                       .before_at = from.created_at,
                                       .before_id = from.id,
                                       .limit = page->limit + 1 };
    return auth_session_list(cx, &in, ret, ret_count);
}

static enum err session_list_run(struct cx *cx, const void *input, void *output)
{
    const struct session_list_input *in = input;
    struct session_list_output *out = output;
    struct auth_session_list_row *rows = NULL;
    size_t count = 0;
    if (str_given(cx->principal.user_id))
        TRY(sessions_read(cx, &in->page, &rows, &count));
    size_t n = page_end(cx, &sessions_list, &in->page, rows, count, &out->pagination);
    assert(rows || n == 0);
    struct session_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = (struct session_view){ .id = rows[i].id,
                                          .remote_addr = rows[i].remote_addr,
                                          .user_agent = rows[i].user_agent,
                                          .created_at_ms = rows[i].created_at,
                                          .seen_at_ms = rows[i].seen_at,
                                          .expires_at_ms = rows[i].expires_at,
                                          .current = str_given(cx->principal.session_id) &&
                                                     str_eq(rows[i].id, cx->principal.session_id) };
    out->sessions = (struct span){ views, n };
    return OK;
}

/* ---- revoke_session ---- */

struct session_revoke_input {
    struct str id;
};
struct session_revoke_output {
    int64_t revoked;
};

static const struct field session_revoke_input_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_revoke_input, id),
      .doc = "Id of the session, or `others`: all but the one that asks" },
    FIELD_END,
};
static const struct field session_revoke_output_fields[] = {
    { .name = "revoked",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct session_revoke_output, revoked),
      .doc = "How many sessions were ended" },
    FIELD_END,
};

static enum err session_revoke_run(struct cx *cx, const void *input, void *output)
{
    const struct session_revoke_input *in = input;
    struct session_revoke_output *out = output;
    struct str me = cx->principal.user_id, own = cx->principal.session_id;
    if (!str_given(me))
        FAIL(cx, NOT_FOUND, "There is no such session.");
    cx_entity(cx, "session", in->id);
    if (str_is(in->id, "others")) {
        struct auth_session_revoke_others_in others = { .user_id = me,
                                                        .keep_id = str_given(own) ? own : STR(""),
                                                        .now = cx->now_ms };
        return auth_session_revoke_others(cx, &others, &out->revoked);
    }
    struct auth_session_revoke_in one = { .id = in->id, .user_id = me, .now = cx->now_ms };
    TRY(auth_session_revoke(cx, &one, &out->revoked));
    if (out->revoked == 0)
        FAIL(cx, NOT_FOUND, "There is no such session.");
    return OK;
}

/* ---- switch_workspace ---- */

struct switch_input {
    struct str workspace_id;
};
struct switch_output {
    struct me_workspace workspace;
};

static const struct field switch_input_fields[] = {
    { .name = "workspaceId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct switch_input, workspace_id),
      .doc = "Workspace to act in from now on" },
    FIELD_END,
};
static const struct field switch_output_fields[] = {
    { .name = "workspace",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct switch_output, workspace),
      .fields = me_choice_fields,
      .doc = "The workspace that is active now" },
    FIELD_END,
};

static enum err switch_run(struct cx *cx, const void *input, void *output)
{
    const struct switch_input *in = input;
    struct switch_output *out = output;
    struct span mine = { 0 };
    struct auth_user_workspace_set_in set = { .id = cx->principal.user_id,
                                              .workspace_id = in->workspace_id,
                                              .now = cx->now_ms };
    cx_entity(cx, "workspace", in->workspace_id);
    if (str_given(cx->principal.user_id))
        TRY(choices_read(cx, cx->principal.user_id, &mine));
    const struct me_workspace *list = mine.ptr;
    for (size_t i = 0; i < mine.count; i++) {
        if (!str_eq(list[i].id, in->workspace_id))
            continue;
        out->workspace = list[i];
        return auth_user_workspace_set(cx, &set, NULL);
    }
    FAIL(cx, NOT_FOUND, "There is no such workspace.");
}

/* ---- rows ---- */

static const struct op_tool me_tool = { .doc = "Tells who the user is, which workspace is active, "
                                               "the role there, and today's date." };

const struct op auth_ops[] = {
    { .name = "get_current_context",
      .kind = OP_JSON,
      .http = "GET /api/me",
      .category = "core",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .tx = TX_READ,
      .lane = LANE_LOOP,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .flags = OP_CORE_TOOL,
      .tool = &me_tool,
      .out = me_output_fields,
      .out_size = sizeof(struct me_output),
      .run = me_run,
      .summary = "Who am I, and where",
      .doc =
          "The caller, the active workspace (X-Workspace-Id, else the stored preference, else the "
          "first), the roles, the workspaces to choose from, the rates, and today's date there." },
    { .name = "update_profile",
      .kind = OP_JSON,
      .http = "PATCH /api/me",
      .category = "account",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = profile_input_fields,
      .in_size = sizeof(struct profile_input),
      .out = profile_output_fields,
      .out_size = sizeof(struct profile_output),
      .run = profile_run,
      .summary = "Change the own name",
      .doc = "The name that others see, in every workspace, from the next request on. FORBIDDEN "
             "unless a person asks." },
    { .name = "list_sessions",
      .kind = OP_JSON,
      .http = "GET /api/me/sessions",
      .category = "account",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .tx = TX_READ,
      .lane = LANE_LOOP,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = session_list_input_fields,
      .in_size = sizeof(struct session_list_input),
      .out = session_list_output_fields,
      .out_size = sizeof(struct session_list_output),
      .run = session_list_run,
      .summary = "Own sessions",
      .doc = "The caller's live sessions, newest first." },
    { .name = "revoke_session",
      .kind = OP_JSON,
      .http = "DELETE /api/me/sessions/{id}",
      .category = "account",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = session_revoke_input_fields,
      .in_size = sizeof(struct session_revoke_input),
      .out = session_revoke_output_fields,
      .out_size = sizeof(struct session_revoke_output),
      .run = session_revoke_run,
      .summary = "End own sessions",
      .doc =
          "Ends one of the caller's sessions, or with the id `others` all but the one that asks. "
          "NOT_FOUND when it is not live or not the caller's." },
    { .name = "switch_workspace",
      .kind = OP_JSON,
      .http = "POST /api/workspaces/switch",
      .category = "members",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = switch_input_fields,
      .in_size = sizeof(struct switch_input),
      .out = switch_output_fields,
      .out_size = sizeof(struct switch_output),
      .run = switch_run,
      .summary = "Switch the active workspace",
      .doc = "Stores the caller's preference, which holds where a request has no X-Workspace-Id. "
             "NOT_FOUND for a workspace that the caller may not act in." },
};
const size_t auth_ops_count = sizeof auth_ops / sizeof *auth_ops;
