/* What the operator does on the command line: the first organisation and its owner, people and
 * their passwords.
 *
 * Invariants: passwords are hashed before the write begins (a write takes 5 ms, a hash 40); a set
 * password ends every session of its user; each deed has its audit row. */
#include "audit/audit.h"
#include "auth/auth.h"
#include "auth/auth_sql.h"
#include "auth/factor.h"
#include "auth/password.h"
#include "auth/state.h"
#include "base/app.h"
#include "base/cuid.h"
#include "db/db.h"
#include "tenancy/tenancy.h"

static const char *const roles[] = { "OWNER", "ADMIN", "MEMBER", "VIEWER", NULL };

/* ---- what initialize and add_user share ---- */

struct person {
    struct str email, key, name, phc, user_id;
    enum role role;
    struct str organization, workspace; /* names, for initialize */
    struct str organization_id, workspace_id;
};

struct person_output {
    struct str user_id, email, organization_id, workspace_id;
};
static const struct field person_output_fields[] = {
    { .name = "userId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct person_output, user_id),
      .doc = "Id of the user" },
    { .name = "email",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct person_output, email),
      .doc = "Address to sign in with" },
    { .name = "organizationId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct person_output, organization_id),
      .doc = "Organisation that they belong to" },
    { .name = "workspaceId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct person_output, workspace_id),
      .doc = "Workspace that they belong to" },
    FIELD_END,
};

static enum err person_prepare(struct cx *cx, struct person *p, struct str password)
{
    p->key = email_key(cx->arena, p->email);
    if (!str_given(p->key)) {
        cx_field_error(cx, STR("email"), "must be an e-mail address of at most %d bytes",
                       EMAIL_BYTES_MAX);
        return cx_invalid(cx);
    }
    TRY(password_check(cx, "password", password, p->email));
    TRY(password_hash(cx, password, &p->phc));
    if (str_empty(p->name)) {
        struct str rest = p->email;
        p->name = str_split(&rest, '@');
    }
    p->user_id = cuid_new(cx->arena, cx->now_ms);
    return OK;
}

static enum err person_add(struct cx *cx, const struct person *p)
{
    struct auth_user_add_in in = { .id = p->user_id,
                                   .email = p->email,
                                   .email_key = p->key,
                                   .name = p->name,
                                   .password_hash = p->phc,
                                   .workspace_id = p->workspace_id,
                                   .now = cx->now_ms,
                                   .created_by = cx->principal.user_id };
    enum err e = auth_user_add(cx, &in, NULL);
    if (e == ERR_CONFLICT)
        FAIL(cx, CONFLICT, "There is a user with that e-mail address already.");
    TRY(e);
    TRY(tenancy_organization_join(cx, p->organization_id, p->user_id, p->role));
    return tenancy_workspace_join(cx, p->workspace_id, p->user_id, p->role);
}

static enum err deed_audit(struct cx *cx, struct str action, struct str user_id)
{
    struct audit_row row = { .action = action, .entity_type = STR("user"), .entity_id = user_id };
    return audit_append(cx, &row);
}

static void person_answer(const struct person *p, struct person_output *out)
{
    *out = (struct person_output){ p->user_id, p->email, p->organization_id, p->workspace_id };
}

/* ---- initialize ---- */

struct initialize_input {
    struct str email, password, name, organization, workspace;
};
static const struct field initialize_input_fields[] = {
    { .name = "email",
      .type = FIELD_EMAIL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct initialize_input, email),
      .doc = "Address of the first OWNER" },
    { .name = "password",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct initialize_input, password),
      .min = PASSWORD_CHARS_MIN,
      .max = PASSWORD_CHARS_MAX,
      .doc = "Their password" },
    { .name = "name",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct initialize_input, name),
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Their name (default: the address up to the @)" },
    { .name = "organization",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct initialize_input, organization),
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Name of the organisation (default: Organization)" },
    { .name = "workspace",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct initialize_input, workspace),
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Name of its first workspace (default: Workspace)" },
    FIELD_END,
};

static enum err initialize_write(struct cx *cx, void *arg)
{
    struct person *p = arg;
    bool set_up;
    TRY(tenancy_is_set_up(cx, &set_up));
    if (set_up)
        FAIL(cx, CONFLICT, "This installation has an organisation already.");
    TRY(tenancy_organization_create(cx, p->organization, &p->organization_id));
    TRY(tenancy_workspace_create(cx, p->organization_id, p->workspace, &p->workspace_id));
    TRY(person_add(cx, p));
    return deed_audit(cx, STR("initialize"), p->user_id);
}

static enum err initialize_run(struct cx *cx, const void *input, void *output)
{
    const struct initialize_input *in = input;
    struct person p = { .email = in->email,
                        .name = in->name,
                        .role = ROLE_OWNER,
                        .organization =
                            str_empty(in->organization) ? STR("Organization") : in->organization,
                        .workspace = str_empty(in->workspace) ? STR("Workspace") : in->workspace };
    TRY(person_prepare(cx, &p, in->password));
    TRY(db_write(cx, initialize_write, &p));
    person_answer(&p, output);
    return OK;
}

/* ---- add_user ---- */

struct user_add_input {
    struct str email, password, name, role;
};
static const struct field user_add_input_fields[] = {
    { .name = "email",
      .type = FIELD_EMAIL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_add_input, email),
      .doc = "Address to sign in with" },
    { .name = "password",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_add_input, password),
      .min = PASSWORD_CHARS_MIN,
      .max = PASSWORD_CHARS_MAX,
      .doc = "Their password" },
    { .name = "name",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct user_add_input, name),
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Their name (default: the address up to the @)" },
    { .name = "role",
      .type = FIELD_ENUM,
      .offset = FIELD_AT(struct user_add_input, role),
      .values = roles,
      .doc = "Role in the organisation and the workspace (default: MEMBER)" },
    FIELD_END,
};

static enum err user_add_write(struct cx *cx, void *arg)
{
    struct person *p = arg;
    TRY(person_add(cx, p));
    return deed_audit(cx, STR("add_user"), p->user_id);
}

static enum err user_add_run(struct cx *cx, const void *input, void *output)
{
    const struct user_add_input *in = input;
    struct person p = { .email = in->email,
                        .name = in->name,
                        .role = ROLE_MEMBER,
                        .organization_id = cx->principal.organization_id,
                        .workspace_id = cx->principal.workspace_id };
    if (!str_given(p.workspace_id))
        FAIL(cx, CONFLICT, "There is no organisation yet; run `opboxd init` first.");
    if (str_given(in->role) && !role_parse(in->role, &p.role))
        return cx_fault(cx, "an unknown role passed the field table");
    TRY(person_prepare(cx, &p, in->password));
    TRY(db_write(cx, user_add_write, &p));
    person_answer(&p, output);
    return OK;
}

/* ---- set_user_password ---- */

struct password_set_input {
    struct str email, password;
};
static const struct field password_set_input_fields[] = {
    { .name = "email",
      .type = FIELD_EMAIL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct password_set_input, email),
      .doc = "Address of the user" },
    { .name = "password",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct password_set_input, password),
      .min = PASSWORD_CHARS_MIN,
      .max = PASSWORD_CHARS_MAX,
      .doc = "The new password" },
    FIELD_END,
};

static enum err password_set_write(struct cx *cx, void *arg)
{
    const struct person *p = arg;
    struct auth_user_by_email_in find = { p->key };
    struct auth_user_by_email_row user;
    bool found;
    TRY(auth_user_by_email(cx, &find, &user, &found));
    if (!found || !str_is(user.kind, "HUMAN"))
        FAIL(cx, NOT_FOUND, "There is no user with that e-mail address.");
    struct auth_user_password_set_in set = { .id = user.id,
                                             .password_hash = p->phc,
                                             .now = cx->now_ms };
    TRY(auth_user_password_set(cx, &set, NULL));
    TRY(auth_sessions_end(cx, user.id, STR_NULL, "a new password, by the operator"));
    return deed_audit(cx, STR("set_user_password"), user.id);
}

static enum err password_set_run(struct cx *cx, const void *input, void *output)
{
    const struct password_set_input *in = input;
    struct person p = { .email = in->email };
    (void)output;
    TRY(person_prepare(cx, &p, in->password));
    return db_write(cx, password_set_write, &p);
}

/* ---- reset_user_totp ---- */

struct totp_reset_input {
    struct str email;
};
static const struct field totp_reset_input_fields[] = {
    { .name = "email",
      .type = FIELD_EMAIL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct totp_reset_input, email),
      .doc = "Address of the user" },
    FIELD_END,
};

static enum err totp_reset_run(struct cx *cx, const void *input, void *output)
{
    const struct totp_reset_input *in = input;
    struct auth_user_by_email_in find = { email_key(cx->arena, in->email) };
    struct auth_user_by_email_row user;
    bool found = false;
    (void)output;
    if (str_given(find.email_key))
        TRY(auth_user_by_email(cx, &find, &user, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no user with that e-mail address.");
    cx_entity(cx, "user", user.id);
    return factor_reset(cx, user.id, "its second factor was reset by the operator");
}

/* ---- list_users ---- */

struct user_view {
    struct str id, email, name, kind, role;
    bool has_password;
    int64_t created_at_ms;
};
struct user_list_input {
    struct page_in page;
};
struct user_list_output {
    struct span users;
    struct page_out pagination;
};
static const struct field user_view_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_view, id),
      .doc = "Id of the user" },
    { .name = "email",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_view, email),
      .doc = "Address to sign in with" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_view, name),
      .doc = "Name that others see" },
    { .name = "kind",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_view, kind),
      .doc = "HUMAN or AGENT" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct user_view, role),
      .values = roles,
      .doc = "Role in their first organisation" },
    { .name = "hasPassword",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_view, has_password),
      .doc = "Can they sign in with one?" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_view, created_at_ms),
      .doc = "When they were added" },
    FIELD_END,
};
static const struct field user_list_input_fields[] = {
    FIELD_PAGE_IN(struct user_list_input),
    FIELD_END,
};
static const struct field user_list_output_fields[] = {
    { .name = "users",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct user_list_output, users),
      .fields = user_view_fields,
      .elem_size = sizeof(struct user_view),
      .doc = "Oldest first" },
    FIELD_PAGE_OUT(struct user_list_output),
    FIELD_END,
};

static const struct page_list users_list =
    PAGE_LIST("users", struct auth_user_list_row, PAGE_KEY(struct auth_user_list_row, id));

static enum err user_list_run(struct cx *cx, const void *input, void *output)
{
    const struct user_list_input *in = input;
    struct user_list_output *out = output;
    struct auth_user_list_row *rows, from = { .id = STR("") };
    size_t count;
    TRY(page_begin(cx, &users_list, &in->page, &from));
    struct auth_user_list_in q = { .after_id = from.id, .limit = in->page.limit + 1 };
    TRY(auth_user_list(cx, &q, &rows, &count));
    size_t n = page_end(cx, &users_list, &in->page, rows, count, &out->pagination);
    struct user_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] =
            (struct user_view){ rows[i].id,   rows[i].email,        rows[i].name,      rows[i].kind,
                                rows[i].role, rows[i].has_password, rows[i].created_at };
    out->users = (struct span){ views, n };
    return OK;
}

/* ---- rows ---- */

#define OPERATOR_ROW(name_, run_)                                                                  \
    .name = (name_), .kind = OP_JSON, .category = "operator", .auth = AUTH_OPERATOR,               \
    .roles = ROLES_ANY, .rate = RATE_NONE, .run = (run_)

const struct op operator_ops[] = {
    { OPERATOR_ROW("initialize", initialize_run), .tx = TX_NONE, .lane = LANE_PASSWORD,
      .effect = EFFECT_WRITE, .in = initialize_input_fields,
      .in_size = sizeof(struct initialize_input), .out = person_output_fields,
      .out_size = sizeof(struct person_output), .summary = "Set up an installation",
      .doc =
          "Makes the first organisation, its workspace and their OWNER. CONFLICT when there is an "
          "organisation already." },
    { OPERATOR_ROW("add_user", user_add_run), .tx = TX_NONE, .lane = LANE_PASSWORD,
      .effect = EFFECT_WRITE, .in = user_add_input_fields, .in_size = sizeof(struct user_add_input),
      .out = person_output_fields, .out_size = sizeof(struct person_output),
      .summary = "Add a person",
      .doc = "Adds a person to the workspace of X-Workspace-Id, or the first one, and to its "
             "organisation. CONFLICT when the address is taken." },
    { OPERATOR_ROW("set_user_password", password_set_run), .tx = TX_NONE, .lane = LANE_PASSWORD,
      .effect = EFFECT_WRITE, .in = password_set_input_fields,
      .in_size = sizeof(struct password_set_input), .summary = "Set a person's password",
      .doc = "Sets the password and ends every session of the person." },
    { OPERATOR_ROW("reset_user_totp", totp_reset_run), .tx = TX_WRITE, .lane = LANE_WORKER,
      .effect = EFFECT_WRITE, .in = totp_reset_input_fields,
      .in_size = sizeof(struct totp_reset_input), .summary = "Take a person's second factor away",
      .doc = "For who lost the device and the recovery codes: they sign in with the password "
             "alone. Ends every session "
             "of the person. CONFLICT when there is no second factor." },
    { OPERATOR_ROW("list_users", user_list_run), .tx = TX_READ, .lane = LANE_WORKER,
      .effect = EFFECT_READ, .in = user_list_input_fields,
      .in_size = sizeof(struct user_list_input), .out = user_list_output_fields,
      .out_size = sizeof(struct user_list_output), .summary = "List the people",
      .doc = "Everybody of the installation, oldest first." },
};
const size_t operator_ops_count = sizeof operator_ops / sizeof *operator_ops;
