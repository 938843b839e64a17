/* Operation rows of tenancy: organisations, their workspaces, a workspace's settings and addons.
 *
 * Invariant: an organisation is reached only by rows with org_roles, so that the gate has found the
 * caller's role in it before a handler runs. */
#include "base/cuid.h"
#include "tenancy/tenancy.h"
#include "tenancy/tenancy_sql.h"

static const char *const roles[] = { "OWNER", "ADMIN", "MEMBER", "VIEWER", NULL };

static struct str role_text(enum role r)
{
    return r == ROLE_NONE ? STR_NULL : str_of(role_name(r));
}

/* ---- organisations ---- */

struct organization_view {
    struct str id, name, role;
    int64_t version, created_at_ms, updated_at_ms;
};
static const struct field organization_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_view, id),
      .doc = "Id of the organisation" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_view, name),
      .doc = "Its name" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_view, role),
      .values = roles,
      .doc = "The caller's role in it" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_view, version),
      .doc = "Counts up with each change; give it back when changing" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_view, created_at_ms),
      .doc = "When it was made" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_view, updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};

struct page_input {
    struct page_in page;
};
static const struct field page_input_fields[] = { FIELD_PAGE_IN(struct page_input), FIELD_END };

struct organization_list_output {
    struct span organizations;
    struct page_out pagination;
};
static const struct field organization_list_fields[] = {
    { .name = "organizations",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_list_output, organizations),
      .fields = organization_fields,
      .elem_size = sizeof(struct organization_view),
      .doc = "Those that the caller belongs to, oldest first" },
    FIELD_PAGE_OUT(struct organization_list_output),
    FIELD_END,
};

static const struct page_list organizations_list =
    PAGE_LIST("organizations", struct tenancy_organization_list_row,
              PAGE_KEY(struct tenancy_organization_list_row, id));

static enum err organization_list_run(struct cx *cx, const void *input, void *output)
{
    const struct page_input *in = input;
    struct organization_list_output *out = output;
    struct tenancy_organization_list_row *rows = NULL, from = { .id = STR("") };
    size_t count = 0;
    TRY(page_begin(cx, &organizations_list, &in->page, &from));
    struct tenancy_organization_list_in q = { .user_id = cx->principal.user_id,
                                              .after_id = from.id,
                                              .limit = in->page.limit + 1 };
    if (str_given(q.user_id))
        TRY(tenancy_organization_list(cx, &q, &rows, &count));
    size_t n = page_end(cx, &organizations_list, &in->page, rows, count, &out->pagination);
    struct organization_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; rows && i < n; i++)
        views[i] =
            (struct organization_view){ rows[i].id,      rows[i].name,       rows[i].role,
                                        rows[i].version, rows[i].created_at, rows[i].updated_at };
    out->organizations = (struct span){ views, n };
    return OK;
}

struct organization_input {
    struct str organization_id;
};
#define ORGANIZATION_FIELD(in_struct)                                                              \
    {                                                                                              \
        .name = "orgId", .type = FIELD_ID, .from = FROM_PATH, .flags = FIELD_REQUIRED,             \
        .offset = FIELD_AT(in_struct, organization_id), .doc = "Id of the organisation"            \
    }
static const struct field organization_input_fields[] = {
    ORGANIZATION_FIELD(struct organization_input),
    FIELD_END,
};
struct organization_output {
    struct organization_view organization;
};
static const struct field organization_output_fields[] = {
    { .name = "organization",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_output, organization),
      .fields = organization_fields,
      .doc = "The organisation" },
    FIELD_END,
};

static enum err organization_read(struct cx *cx, struct organization_view *ret)
{
    struct tenancy_organization_get_in in = { cx->principal.organization_id };
    struct tenancy_organization_get_row row;
    bool found;
    TRY(tenancy_organization_get(cx, &in, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such organisation.");
    *ret =
        (struct organization_view){ row.id,      row.name,       role_text(cx->principal.org_role),
                                    row.version, row.created_at, row.updated_at };
    return OK;
}

static enum err organization_get_run(struct cx *cx, const void *input, void *output)
{
    struct organization_output *out = output;
    (void)input; /* the gate has entered it */
    return organization_read(cx, &out->organization);
}

struct organization_set_input {
    struct str organization_id, name;
    int64_t version;
};
static const struct field organization_set_input_fields[] = {
    ORGANIZATION_FIELD(struct organization_set_input),
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_set_input, name),
      .min = 1,
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Its new name" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_VERSION,
      .offset = FIELD_AT(struct organization_set_input, version),
      .min = 1,
      .max = INT64_MAX,
      .doc = "The version that the caller has seen; absent: whatever it is at" },
    FIELD_END,
};

static enum err organization_set_run(struct cx *cx, const void *input, void *output)
{
    const struct organization_set_input *in = input;
    struct organization_output *out = output;
    TRY(organization_read(cx, &out->organization));
    if (in->version && in->version != out->organization.version)
        return tenancy_version_conflict(cx, "organisation", out->organization.version);
    struct tenancy_organization_set_in set = { .id = out->organization.id,
                                               .name = in->name,
                                               .version = out->organization.version,
                                               .now = cx->now_ms };
    cx_entity(cx, "organization", set.id);
    TRY(tenancy_organization_set(cx, &set, NULL));
    return organization_read(cx, &out->organization);
}

/* ---- workspaces of an organisation ---- */

struct workspace_view {
    struct str id, name, time_zone, role;
    int64_t version, created_at_ms, updated_at_ms;
};
static const struct field workspace_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_view, id),
      .doc = "Id of the workspace" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_view, name),
      .doc = "Its name" },
    { .name = "timeZone",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_view, time_zone),
      .doc = "IANA time zone" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct workspace_view, role),
      .values = roles,
      .doc = "What the caller acts as there" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_view, version),
      .doc = "Counts up with each change" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_view, created_at_ms),
      .doc = "When it was made" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_view, updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};

struct workspace_list_input {
    struct str organization_id;
    struct page_in page;
};
static const struct field workspace_list_input_fields[] = {
    ORGANIZATION_FIELD(struct workspace_list_input),
    FIELD_PAGE_IN(struct workspace_list_input),
    FIELD_END,
};
struct workspace_list_output {
    struct span workspaces;
    struct page_out pagination;
};
static const struct field workspace_list_fields[] = {
    { .name = "workspaces",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_list_output, workspaces),
      .fields = workspace_fields,
      .elem_size = sizeof(struct workspace_view),
      .doc = "Oldest first" },
    FIELD_PAGE_OUT(struct workspace_list_output),
    FIELD_END,
};

static const struct page_list workspaces_list =
    PAGE_LIST("workspaces", struct tenancy_organization_workspaces_row,
              PAGE_KEY(struct tenancy_organization_workspaces_row, id));

static enum err workspace_list_run(struct cx *cx, const void *input, void *output)
{
    const struct workspace_list_input *in = input;
    struct workspace_list_output *out = output;
    const struct principal *p = &cx->principal;
    struct tenancy_organization_workspaces_row *rows, from = { .id = STR("") };
    size_t count;
    TRY(page_begin(cx, &workspaces_list, &in->page, &from));
    struct tenancy_organization_workspaces_in q = { .organization_id = p->organization_id,
                                                    .user_id = str_given(p->user_id) ? p->user_id
                                                                                     : STR(""),
                                                    .all_of_them = p->org_role >= ROLE_ADMIN,
                                                    .after_id = from.id,
                                                    .limit = in->page.limit + 1 };
    TRY(tenancy_organization_workspaces(cx, &q, &rows, &count));
    size_t n = page_end(cx, &workspaces_list, &in->page, rows, count, &out->pagination);
    struct workspace_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = (struct workspace_view){ .id = rows[i].id,
                                            .name = rows[i].name,
                                            .time_zone = rows[i].time_zone,
                                            .role = role_text(
                                                tenancy_role(rows[i].role, role_text(p->org_role))),
                                            .version = rows[i].version,
                                            .created_at_ms = rows[i].created_at,
                                            .updated_at_ms = rows[i].updated_at };
    out->workspaces = (struct span){ views, n };
    return OK;
}

struct workspace_create_input {
    struct str organization_id, name, time_zone;
};
static const struct field workspace_create_input_fields[] = {
    ORGANIZATION_FIELD(struct workspace_create_input),
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_create_input, name),
      .min = 1,
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Its name" },
    { .name = "timeZone",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct workspace_create_input, time_zone),
      .max = 64,
      .doc = "IANA time zone (default: UTC)" },
    FIELD_END,
};
struct workspace_output {
    struct workspace_view workspace;
};
static const struct field workspace_output_fields[] = {
    { .name = "workspace",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct workspace_output, workspace),
      .fields = workspace_fields,
      .doc = "The workspace" },
    FIELD_END,
};

/* The settings of a workspace that cx does not act in yet. */
static enum err zone_set(struct cx *cx, struct str workspace_id, struct str time_zone,
                         struct tenancy_settings *ret)
{
    struct str acting_in = cx->principal.workspace_id;
    cx->principal.workspace_id = workspace_id;
    enum err e = tenancy_settings_get(cx, ret);
    if (e == OK && str_given(time_zone)) {
        ret->time_zone = time_zone;
        e = tenancy_settings_put(cx, ret);
    }
    cx->principal.workspace_id = acting_in;
    return e;
}

static enum err workspace_create_run(struct cx *cx, const void *input, void *output)
{
    const struct workspace_create_input *in = input;
    struct workspace_output *out = output;
    struct tenancy_workspace_count_in have = { cx->principal.organization_id };
    struct tenancy_workspace_count_row row;
    struct tenancy_settings settings;
    struct str id;
    bool found;
    TRY(tenancy_workspace_count(cx, &have, &row, &found));
    if (row.workspaces >= TENANCY_WORKSPACES_MAX)
        FAIL(cx, LIMIT_REACHED, "An organisation has at most %d workspaces.",
             TENANCY_WORKSPACES_MAX);
    TRY(tenancy_workspace_create(cx, cx->principal.organization_id, in->name, &id));
    TRY(zone_set(cx, id, in->time_zone, &settings));
    if (str_given(cx->principal.user_id))
        TRY(tenancy_workspace_join(cx, id, cx->principal.user_id, ROLE_OWNER));
    cx_entity(cx, "workspace", id);
    out->workspace = (struct workspace_view){ .id = id,
                                              .name = settings.name,
                                              .time_zone = settings.time_zone,
                                              .role = STR("OWNER"),
                                              .version = settings.version,
                                              .created_at_ms = cx->now_ms,
                                              .updated_at_ms = cx->now_ms };
    return OK;
}

/* ---- settings of the workspace ---- */

#define SETTING_NUMBER(name_, member_, min_, max_, doc_)                                           \
    {                                                                                              \
        .name = (name_), .type = FIELD_INT, .flags = FIELD_REQUIRED,                               \
        .offset = FIELD_AT(struct settings_output, settings.member_), .min = (min_),               \
        .max = (max_), .doc = (doc_)                                                               \
    }
struct settings_output {
    struct tenancy_settings settings;
};
static const struct field settings_fields[] = {
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct settings_output, settings.name),
      .doc = "Name of the workspace" },
    { .name = "timeZone",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct settings_output, settings.time_zone),
      .doc = "IANA time zone: what \"today\" is" },
    SETTING_NUMBER("scannerDays", scanner_days, 1, 3650,
                   "Days that originals of scanned papers are kept"),
    SETTING_NUMBER("deletedDays", deleted_days, 1, 3650,
                   "Days that deleted rows and files may be restored"),
    SETTING_NUMBER("notificationDays", notification_days, 1, 3650,
                   "Days that notifications are kept"),
    SETTING_NUMBER("writesPerThread", writes_per_thread, 0, 10000,
                   "Most changes that one chat makes for a user"),
    SETTING_NUMBER("writesPerDay", writes_per_day, 0, 100000,
                   "Most changes that chats make for a user in a day"),
    { .name = "identityMatching",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct settings_output, settings.identity_matching),
      .doc = "May other workspaces find people of this one?" },
    SETTING_NUMBER("workerLevel", worker_level, 0, 3, "Autonomy level of the in-process worker"),
    SETTING_NUMBER("workerConcurrency", worker_concurrency, 0, 16,
                   "Tasks that it works on at once; 0 stops it"),
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct settings_output, settings.version),
      .doc = "Counts up with each change; give it back when changing" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct settings_output, settings.updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};
static const struct field settings_output_fields[] = {
    { .name = "settings",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = 0,
      .fields = settings_fields,
      .doc = "The workspace's settings" },
    FIELD_END,
};

static enum err settings_get_run(struct cx *cx, const void *input, void *output)
{
    struct settings_output *out = output;
    (void)input;
    return tenancy_settings_get(cx, &out->settings);
}

/* A number that may be absent. */
struct number_in {
    int64_t value;
    uint8_t seen;
};
struct settings_input {
    struct str name, time_zone;
    struct number_in scanner_days, deleted_days, notification_days, writes_per_thread,
        writes_per_day, worker_level, worker_concurrency;
    int64_t version;
    bool identity_matching;
    uint8_t identity_matching_seen;
};
#define SETTING_CHANGE(name_, member_, min_, max_, doc_)                                           \
    {                                                                                              \
        .name = (name_), .type = FIELD_INT,                                                        \
        .offset = FIELD_AT(struct settings_input, member_.value), .min = (min_), .max = (max_),    \
        .seen = FIELD_SEEN(struct settings_input, member_.seen), .doc = (doc_)                     \
    }
static const struct field settings_input_fields[] = {
    { .name = "name",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct settings_input, name),
      .min = 1,
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Name of the workspace" },
    { .name = "timeZone",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct settings_input, time_zone),
      .min = 1,
      .max = 64,
      .doc = "IANA time zone" },
    SETTING_CHANGE("scannerDays", scanner_days, 1, 3650,
                   "Days that originals of scanned papers are kept"),
    SETTING_CHANGE("deletedDays", deleted_days, 1, 3650,
                   "Days that deleted rows and files may be restored"),
    SETTING_CHANGE("notificationDays", notification_days, 1, 3650,
                   "Days that notifications are kept"),
    SETTING_CHANGE("writesPerThread", writes_per_thread, 0, 10000,
                   "Most changes that one chat makes for a user"),
    SETTING_CHANGE("writesPerDay", writes_per_day, 0, 100000,
                   "Most changes that chats make for a user in a day"),
    { .name = "identityMatching",
      .type = FIELD_BOOL,
      .offset = FIELD_AT(struct settings_input, identity_matching),
      .seen = FIELD_SEEN(struct settings_input, identity_matching_seen),
      .doc = "May other workspaces find people of this one?" },
    SETTING_CHANGE("workerLevel", worker_level, 0, 3, "Autonomy level of the in-process worker"),
    SETTING_CHANGE("workerConcurrency", worker_concurrency, 0, 16,
                   "Tasks that it works on at once; 0 stops it"),
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_VERSION,
      .offset = FIELD_AT(struct settings_input, version),
      .min = 1,
      .max = INT64_MAX,
      .doc = "The version that the caller has seen; absent: whatever it is at" },
    FIELD_END,
};

static void number_take(struct number_in given, int64_t *setting)
{
    if (given.seen == FIELD_GIVEN)
        *setting = given.value;
}

static enum err settings_set_run(struct cx *cx, const void *input, void *output)
{
    const struct settings_input *in = input;
    struct settings_output *out = output;
    struct tenancy_settings *s = &out->settings;
    TRY(tenancy_settings_get(cx, s));
    if (in->version && in->version != s->version)
        return tenancy_version_conflict(cx, "workspace", s->version);
    if (str_given(in->name))
        s->name = in->name;
    if (str_given(in->time_zone))
        s->time_zone = in->time_zone;
    number_take(in->scanner_days, &s->scanner_days);
    number_take(in->deleted_days, &s->deleted_days);
    number_take(in->notification_days, &s->notification_days);
    number_take(in->writes_per_thread, &s->writes_per_thread);
    number_take(in->writes_per_day, &s->writes_per_day);
    number_take(in->worker_level, &s->worker_level);
    number_take(in->worker_concurrency, &s->worker_concurrency);
    if (in->identity_matching_seen == FIELD_GIVEN)
        s->identity_matching = in->identity_matching;
    cx_entity(cx, "workspace", cx->principal.workspace_id);
    return tenancy_settings_put(cx, s);
}

/* ---- addons ---- */

static const struct {
    const char *key, *name, *doc;
} addons[] = {
    { "ai-agent", "AI agent", "Agent tasks, the worker, agent keys and MCP" },
};
enum { ADDONS_COUNT = sizeof addons / sizeof *addons };
static const char *const addon_statuses[] = { "ACTIVE", "DISABLED", "NOT_INSTALLED", NULL };
static const char *const addon_statuses_to_set[] = { "ACTIVE", "DISABLED", NULL };

struct addon_view {
    struct str key, name, description, status;
    int64_t installed_at_ms;
};
static const struct field addon_fields[] = {
    { .name = "key",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_view, key),
      .doc = "Key of the addon" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_view, name),
      .doc = "Its name" },
    { .name = "description",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_view, description),
      .doc = "What it brings" },
    { .name = "status",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_view, status),
      .values = addon_statuses,
      .doc = "Its state in this workspace" },
    { .name = "installedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct addon_view, installed_at_ms),
      .doc = "When it was installed" },
    FIELD_END,
};
struct addon_list_output {
    struct span addons;
};
static const struct field addon_list_fields[] = {
    { .name = "addons",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_list_output, addons),
      .fields = addon_fields,
      .elem_size = sizeof(struct addon_view),
      .doc = "All that there are" },
    FIELD_END,
};

static enum err addons_read(struct cx *cx, struct addon_view **ret)
{
    struct tenancy_addon_list_in in = { cx->principal.workspace_id };
    struct tenancy_addon_list_row *rows;
    size_t count;
    TRY(tenancy_addon_list(cx, &in, &rows, &count));
    struct addon_view *views = arena_array(cx->arena, ADDONS_COUNT, sizeof *views);
    for (size_t i = 0; i < ADDONS_COUNT; i++) {
        views[i] = (struct addon_view){ .key = str_of(addons[i].key),
                                        .name = str_of(addons[i].name),
                                        .description = str_of(addons[i].doc),
                                        .status = STR("NOT_INSTALLED") };
        for (size_t k = 0; k < count; k++) {
            if (!str_eq(rows[k].addon, views[i].key))
                continue;
            views[i].status = rows[k].status;
            views[i].installed_at_ms = rows[k].created_at;
        }
    }
    *ret = views;
    return OK;
}

static enum err addon_list_run(struct cx *cx, const void *input, void *output)
{
    struct addon_list_output *out = output;
    struct addon_view *views;
    (void)input;
    TRY(addons_read(cx, &views));
    out->addons = (struct span){ views, ADDONS_COUNT };
    return OK;
}

struct addon_input {
    struct str key, status;
};
struct addon_output {
    struct addon_view addon;
};
static const struct field addon_output_fields[] = {
    { .name = "addon",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_output, addon),
      .fields = addon_fields,
      .doc = "The addon" },
    FIELD_END,
};
static const struct field addon_install_fields[] = {
    { .name = "addonKey",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_input, key),
      .doc = "Key of the addon" },
    FIELD_END,
};
static const struct field addon_update_fields[] = {
    { .name = "key",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_input, key),
      .doc = "Key of the addon" },
    { .name = "status",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_input, status),
      .values = addon_statuses_to_set,
      .doc = "ACTIVE enables it, DISABLED disables it" },
    FIELD_END,
};
static const struct field addon_uninstall_fields[] = {
    { .name = "key",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct addon_input, key),
      .doc = "Key of the addon" },
    FIELD_END,
};

static enum err addon_answer(struct cx *cx, struct str key, struct addon_view *ret)
{
    struct addon_view *views;
    TRY(addons_read(cx, &views));
    cx_entity(cx, "addon", key);
    for (size_t i = 0; i < ADDONS_COUNT; i++) {
        if (!str_eq(views[i].key, key))
            continue;
        *ret = views[i];
        return OK;
    }
    FAIL(cx, NOT_FOUND, "There is no such addon.");
}

static enum err addon_install_run(struct cx *cx, const void *input, void *output)
{
    const struct addon_input *in = input;
    struct addon_output *out = output;
    TRY(addon_answer(cx, in->key, &out->addon));
    if (!str_is(out->addon.status, "NOT_INSTALLED"))
        FAIL(cx, CONFLICT, "The addon is installed already.");
    struct tenancy_addon_insert_in add = { .workspace_id = cx->principal.workspace_id,
                                           .addon = in->key,
                                           .status = STR("ACTIVE"),
                                           .now = cx->now_ms,
                                           .created_by = cx->principal.user_id };
    TRY(tenancy_addon_insert(cx, &add, NULL));
    return addon_answer(cx, in->key, &out->addon);
}

static enum err addon_update_run(struct cx *cx, const void *input, void *output)
{
    const struct addon_input *in = input;
    struct addon_output *out = output;
    int64_t changed;
    struct tenancy_addon_set_in set = { .workspace_id = cx->principal.workspace_id,
                                        .addon = in->key,
                                        .status = in->status,
                                        .now = cx->now_ms };
    TRY(tenancy_addon_set(cx, &set, &changed));
    if (changed == 0)
        FAIL(cx, NOT_FOUND, "The addon is not installed.");
    return addon_answer(cx, in->key, &out->addon);
}

static enum err addon_uninstall_run(struct cx *cx, const void *input, void *output)
{
    const struct addon_input *in = input;
    int64_t changed;
    struct tenancy_addon_delete_in gone = { cx->principal.workspace_id, in->key };
    (void)output;
    cx_entity(cx, "addon", in->key);
    TRY(tenancy_addon_delete(cx, &gone, &changed));
    if (changed == 0)
        FAIL(cx, NOT_FOUND, "The addon is not installed.");
    return OK;
}

/* ---- rows ---- */

static const struct op_tool settings_tool = { .doc = "Reads the workspace's settings: time zone, "
                                                     "retention, limits of "
                                                     "changes by chats, the worker's level." };
static const struct op_tool addons_tool = { .doc = "Lists the addons and whether each is active in "
                                                   "this workspace." };

#define READ_ROW(name_, http_, category_, run_)                                                    \
    .name = (name_), .kind = OP_JSON, .http = (http_), .category = (category_),                    \
    .auth = AUTH_SESSION, .tx = TX_READ, .lane = LANE_LOOP, .rate = RATE_READ,                     \
    .effect = EFFECT_READ, .run = (run_)
#define WRITE_ROW(name_, http_, category_, run_)                                                   \
    .name = (name_), .kind = OP_JSON, .http = (http_), .category = (category_),                    \
    .auth = AUTH_SESSION, .tx = TX_WRITE, .lane = LANE_WORKER, .rate = RATE_WRITE,                 \
    .effect = EFFECT_WRITE, .run = (run_)
#define TAKES(fields_, struct_) .in = (fields_), .in_size = sizeof(struct_)
#define GIVES(fields_, struct_) .out = (fields_), .out_size = sizeof(struct_)

const struct op tenancy_ops[] = {
    { READ_ROW("list_organizations", "GET /api/organizations", "members", organization_list_run),
      .roles = ROLES_ANY, TAKES(page_input_fields, struct page_input),
      GIVES(organization_list_fields, struct organization_list_output),
      .summary = "Own organisations",
      .doc = "The organisations that the caller belongs to, with the role in each." },
    { READ_ROW("get_organization", "GET /api/organizations/{orgId}", "members",
               organization_get_run),
      .roles = ROLES_ANY, .org_roles = ROLES_VIEWER_UP,
      TAKES(organization_input_fields, struct organization_input),
      GIVES(organization_output_fields, struct organization_output), .summary = "An organisation",
      .doc =
          "Name and version. NOT_FOUND for an organisation that the caller does not belong to." },
    { WRITE_ROW("update_organization", "PATCH /api/organizations/{orgId}", "members",
                organization_set_run),
      .roles = ROLES_ANY, .org_roles = ROLES_ADMIN_UP,
      TAKES(organization_set_input_fields, struct organization_set_input),
      GIVES(organization_output_fields, struct organization_output),
      .summary = "Rename an organisation",
      .doc = "Sets the name. With a version that is not the present one: 409 VERSION_CONFLICT with "
             "details.version." },
    { READ_ROW("list_organization_workspaces", "GET /api/organizations/{orgId}/workspaces",
               "members", workspace_list_run),
      .roles = ROLES_ANY, .org_roles = ROLES_VIEWER_UP,
      TAKES(workspace_list_input_fields, struct workspace_list_input),
      GIVES(workspace_list_fields, struct workspace_list_output),
      .summary = "Workspaces of an organisation",
      .doc = "All of them for its OWNERs and ADMINs, for others those that they are a member of." },
    { WRITE_ROW("create_workspace", "POST /api/organizations/{orgId}/workspaces", "members",
                workspace_create_run),
      .roles = ROLES_ANY, .org_roles = ROLES_ADMIN_UP,
      TAKES(workspace_create_input_fields, struct workspace_create_input), .status = 201,
      GIVES(workspace_output_fields, struct workspace_output), .summary = "Make a workspace",
      .doc = "Makes a workspace whose OWNER the caller is, with the AI agent addon active. "
             "LIMIT_REACHED at 100 in one "
             "organisation. The active workspace stays what it was: see switch_workspace." },
    { READ_ROW("get_workspace_settings", "GET /api/settings/workspace", "settings",
               settings_get_run),
      .roles = ROLES_VIEWER_UP, .tool = &settings_tool,
      GIVES(settings_output_fields, struct settings_output), .summary = "Settings of the workspace",
      .doc = "Name, time zone, retention, how much chats may change, opt-in to identity matching, "
             "the worker's level and "
             "concurrency." },
    { WRITE_ROW("update_workspace_settings", "PATCH /api/settings/workspace", "settings",
                settings_set_run),
      .roles = ROLES_ADMIN_UP, TAKES(settings_input_fields, struct settings_input),
      GIVES(settings_output_fields, struct settings_output),
      .summary = "Change settings of the workspace",
      .doc = "Changes what is given. With a version that is not the present one: 409 "
             "VERSION_CONFLICT with details.version." },
    { READ_ROW("list_addons", "GET /api/addons", "system", addon_list_run),
      .roles = ROLES_VIEWER_UP, .tool = &addons_tool,
      GIVES(addon_list_fields, struct addon_list_output), .summary = "Addons",
      .doc = "Every addon that there is, and its state in the workspace." },
    { WRITE_ROW("install_addon", "POST /api/addons", "system", addon_install_run),
      .roles = ROLES_ADMIN_UP, .status = 201, TAKES(addon_install_fields, struct addon_input),
      GIVES(addon_output_fields, struct addon_output), .summary = "Install an addon",
      .doc = "Installs it, ACTIVE. CONFLICT when it is installed, NOT_FOUND when there is none of "
             "that key." },
    { WRITE_ROW("update_addon", "PATCH /api/addons/{key}", "system", addon_update_run),
      .roles = ROLES_ADMIN_UP, TAKES(addon_update_fields, struct addon_input),
      GIVES(addon_output_fields, struct addon_output), .summary = "Enable or disable an addon",
      .doc = "What it brings answers 503 ADDON_INACTIVE while it is DISABLED; its data stays." },
    { WRITE_ROW("uninstall_addon", "DELETE /api/addons/{key}", "system", addon_uninstall_run),
      .roles = ROLES_ADMIN_UP, TAKES(addon_uninstall_fields, struct addon_input),
      .summary = "Uninstall an addon",
      .doc = "What it brings answers 503 ADDON_INACTIVE from then on; its data stays until it is "
             "deleted by hand." },
};
const size_t tenancy_ops_count = sizeof tenancy_ops / sizeof *tenancy_ops;
