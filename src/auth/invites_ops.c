/* Operation rows of invites: made, listed and revoked by ADMINs, looked at and accepted by whoever
 * has the link.
 *
 * Invariants: an account is made only by a link, for its address; an account that exists joins only
 * by its own session, with no password asked or set; the token is in no row, log or event. */
#include "audit/audit.h"
#include "auth/auth_sql.h"
#include "auth/invites.h"
#include "auth/password.h"
#include "auth/state.h"
#include "base/app.h"
#include "base/cuid.h"
#include "db/db.h"
#include "tenancy/tenancy.h"

static const char *const roles[] = { "OWNER", "ADMIN", "MEMBER", "VIEWER", NULL };

static enum err role_of_input(struct cx *cx, struct str text, enum role *ret)
{
    return role_parse(text, ret) ? OK : cx_fault(cx, "an unknown role passed the field table");
}

/* ---- create_invite, list_invites ---- */

struct invite_view {
    struct str id, email, role, created_by, inviter, link;
    int64_t created_at_ms, expires_at_ms;
};
#define INVITE_HEAD                                                                                \
    { .name = "id",                                                                                \
      .type = FIELD_ID,                                                                            \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct invite_view, id),                                                  \
      .doc = "Id of the invite" },                                                                 \
        { .name = "email",                                                                         \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct invite_view, email),                                           \
          .doc = "Who is invited" },                                                               \
        { .name = "role",                                                                          \
          .type = FIELD_ENUM,                                                                      \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct invite_view, role),                                            \
          .values = roles,                                                                         \
          .doc = "Role that they will have in the workspace" },                                    \
        { .name = "createdAt",                                                                     \
          .type = FIELD_TIME,                                                                      \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct invite_view, created_at_ms),                                   \
          .doc = "When it was made" },                                                             \
        { .name = "expiresAt",                                                                     \
          .type = FIELD_TIME,                                                                      \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct invite_view, expires_at_ms),                                   \
          .doc = "Until when it holds" },                                                          \
    {                                                                                              \
        .name = "createdBy", .type = FIELD_ID, .flags = FIELD_REQUIRED,                            \
        .offset = FIELD_AT(struct invite_view, created_by), .doc = "User who invited"              \
    }
static const struct field invite_fields[] = {
    INVITE_HEAD,
    { .name = "inviter",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invite_view, inviter),
      .doc = "Name of the user who invited" },
    FIELD_END,
};
static const struct field invite_made_fields[] = {
    INVITE_HEAD,
    { .name = "link",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invite_view, link),
      .doc = "Hand it to who is invited; shown only now" },
    FIELD_END,
};

struct invite_create_input {
    struct str email, role;
};
static const struct field invite_create_fields[] = {
    { .name = "email",
      .type = FIELD_EMAIL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invite_create_input, email),
      .doc = "Who is invited" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invite_create_input, role),
      .values = roles,
      .doc = "Role in the workspace, at most the caller's own" },
    FIELD_END,
};
struct invite_output {
    struct invite_view invite;
};
static const struct field invite_made_output_fields[] = {
    { .name = "invite",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invite_output, invite),
      .fields = invite_made_fields,
      .doc = "The invite" },
    FIELD_END,
};

static enum err invite_create_run(struct cx *cx, const void *input, void *output)
{
    const struct invite_create_input *in = input;
    struct invite_output *out = output;
    struct invite_new n = { .email = in->email };
    struct invite_made made;
    TRY(role_of_input(cx, in->role, &n.role));
    TRY(invite_create(cx, &n, &made));
    cx_entity(cx, "invite", made.id);
    struct str base = auth_public_url(cx->app->auth);
    out->invite = (struct invite_view){ .id = made.id,
                                        .email = n.email,
                                        .role = in->role,
                                        .created_by = cx->principal.user_id,
                                        .link = str_fmt(cx->arena, "%.*s/invite/%.*s",
                                                        STR_ARG(base), STR_ARG(made.token)),
                                        .created_at_ms = cx->now_ms,
                                        .expires_at_ms = made.expires_at_ms };
    return OK;
}

struct invite_list_input {
    struct page_in page;
};
static const struct field invite_list_input_fields[] = {
    FIELD_PAGE_IN(struct invite_list_input),
    FIELD_END,
};
struct invite_list_output {
    struct span invites;
    struct page_out pagination;
};
static const struct field invite_list_fields[] = {
    { .name = "invites",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invite_list_output, invites),
      .fields = invite_fields,
      .elem_size = sizeof(struct invite_view),
      .doc = "Open ones, newest first" },
    FIELD_PAGE_OUT(struct invite_list_output),
    FIELD_END,
};

static const struct page_list invites_list =
    PAGE_LIST("invites", struct auth_invite_list_row, PAGE_KEY(struct auth_invite_list_row, id));

static enum err invite_list_run(struct cx *cx, const void *input, void *output)
{
    const struct invite_list_input *in = input;
    struct invite_list_output *out = output;
    struct auth_invite_list_row *rows, from = { .id = PAGE_LAST_ID };
    size_t count;
    TRY(page_begin(cx, &invites_list, &in->page, &from));
    struct auth_invite_list_in q = { .workspace_id = cx->principal.workspace_id,
                                     .now = cx->now_ms,
                                     .before_id = from.id,
                                     .limit = in->page.limit + 1 };
    TRY(auth_invite_list(cx, &q, &rows, &count));
    size_t n = page_end(cx, &invites_list, &in->page, rows, count, &out->pagination);
    struct invite_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = (struct invite_view){ .id = rows[i].id,
                                         .email = rows[i].email,
                                         .role = rows[i].role,
                                         .created_by = rows[i].created_by,
                                         .inviter = rows[i].inviter,
                                         .created_at_ms = rows[i].created_at,
                                         .expires_at_ms = rows[i].expires_at };
    out->invites = (struct span){ views, n };
    return OK;
}

/* ---- revoke_invite ---- */

struct invite_revoke_input {
    struct str id;
};
static const struct field invite_revoke_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invite_revoke_input, id),
      .doc = "Id of the invite" },
    FIELD_END,
};

static enum err invite_revoke_run(struct cx *cx, const void *input, void *output)
{
    const struct invite_revoke_input *in = input;
    (void)output;
    cx_entity(cx, "invite", in->id);
    return invite_revoke(cx, in->id);
}

/* ---- get_invite ---- */

/* Its type is that of a secret: a path's ids are kept in the audit, this one is not. */
#define TOKEN_FIELD(in_struct)                                                                     \
    {                                                                                              \
        .name = "token", .type = FIELD_SECRET, .from = FROM_PATH, .flags = FIELD_REQUIRED,         \
        .offset = FIELD_AT(in_struct, token), .min = 1, .max = 64,                                 \
        .doc = "What stands last in the link"                                                      \
    }

struct invite_get_input {
    struct str token;
};
static const struct field invite_get_fields[] = { TOKEN_FIELD(struct invite_get_input), FIELD_END };
struct invitation_view {
    struct str email, role, workspace, organization, inviter;
    bool has_account;
    int64_t expires_at_ms;
};
struct invitation_output {
    struct invitation_view invite;
};
static const struct field invitation_fields[] = {
    { .name = "email",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_view, email),
      .doc = "Who is invited" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_view, role),
      .values = roles,
      .doc = "Role in the workspace" },
    { .name = "workspaceName",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_view, workspace),
      .doc = "Where to" },
    { .name = "organizationName",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_view, organization),
      .doc = "Whose that is" },
    { .name = "inviter",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_view, inviter),
      .doc = "Who invites" },
    { .name = "hasAccount",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_view, has_account),
      .doc = "True: sign in with that address to accept; false: choose name and password" },
    { .name = "expiresAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_view, expires_at_ms),
      .doc = "Until when it holds" },
    FIELD_END,
};
static const struct field invitation_output_fields[] = {
    { .name = "invite",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct invitation_output, invite),
      .fields = invitation_fields,
      .doc = "What the link offers" },
    FIELD_END,
};

struct token_read {
    struct str token;
    struct invite invite;
};

static enum err token_read(struct cx *cx, void *arg)
{
    struct token_read *r = arg;
    return invite_open(cx, r->token, &r->invite);
}

static enum err invite_get_run(struct cx *cx, const void *input, void *output)
{
    const struct invite_get_input *in = input;
    struct invitation_output *out = output;
    struct invite i;
    TRY(invite_open(cx, in->token, &i));
    out->invite = (struct invitation_view){ .email = i.email,
                                            .role = str_of(role_name(i.role)),
                                            .workspace = i.workspace_name,
                                            .organization = i.organization_name,
                                            .inviter = i.inviter,
                                            .has_account = str_given(i.user_id),
                                            .expires_at_ms = i.expires_at_ms };
    return OK;
}

/* ---- accept_invite ---- */

struct accept_input {
    struct str token, name, password;
};
static const struct field accept_input_fields[] = {
    TOKEN_FIELD(struct accept_input),
    { .name = "name",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct accept_input, name),
      .min = 1,
      .max = TENANCY_NAME_CHARS_MAX,
      .doc = "Name that others see; for an address without account, which needs it" },
    { .name = "password",
      .type = FIELD_SECRET,
      .offset = FIELD_AT(struct accept_input, password),
      .min = PASSWORD_CHARS_MIN,
      .max = PASSWORD_CHARS_MAX,
      .doc = "Password to be; for an address without account, which needs it" },
    FIELD_END,
};
struct accepted_view {
    struct str id, email, name, role, workspace_id, organization_id;
};
struct accept_output {
    struct accepted_view member;
};
static const struct field accepted_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct accepted_view, id),
      .doc = "Id of the user" },
    { .name = "email",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct accepted_view, email),
      .doc = "Address to sign in with" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct accepted_view, name),
      .doc = "Name that others see" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct accepted_view, role),
      .values = roles,
      .doc = "Role in the workspace" },
    { .name = "workspaceId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct accepted_view, workspace_id),
      .doc = "Workspace that they belong to now" },
    { .name = "organizationId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct accepted_view, organization_id),
      .doc = "Its organisation" },
    FIELD_END,
};
static const struct field accept_output_fields[] = {
    { .name = "member",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct accept_output, member),
      .fields = accepted_fields,
      .doc = "Who has joined" },
    FIELD_END,
};

struct accept {
    const struct accept_input *in;
    struct invite invite;
    struct str phc; /* of a new account */
    struct accepted_view member;
};

static bool signed_in(const struct cx *cx)
{
    return cx->principal.kind == PRINCIPAL_USER && str_given(cx->principal.user_id);
}

/* An account that exists: its own session, and nothing else. */
static enum err accept_known(struct cx *cx, struct accept *a)
{
    if (!signed_in(cx))
        FAIL(cx, UNAUTHORIZED, "There is an account with this address; sign in with it to accept.");
    if (!str_eq(cx->principal.user_id, a->invite.user_id))
        FAIL(cx, FORBIDDEN, "The invite is for another address than the one signed in with.");
    if (str_given(a->in->name))
        cx_field_error(cx, STR("name"), "is kept as it is; leave it out");
    if (str_given(a->in->password))
        cx_field_error(cx, STR("password"), "is kept as it is; leave it out");
    if (cx_has_field_errors(cx))
        return cx_invalid(cx);
    a->member.id = cx->principal.user_id;
    a->member.email = cx->principal.email;
    a->member.name = cx->principal.name;
    return OK;
}

static enum err accept_new(struct cx *cx, struct accept *a)
{
    if (signed_in(cx))
        FAIL(cx, FORBIDDEN, "The invite is for another address than the one signed in with.");
    if (!str_given(a->in->name))
        cx_field_error(cx, STR("name"), "is required");
    if (!str_given(a->in->password))
        cx_field_error(cx, STR("password"), "is required");
    if (cx_has_field_errors(cx))
        return cx_invalid(cx);
    TRY(password_check(cx, "password", a->in->password, a->invite.email));
    TRY(password_hash(cx, a->in->password, &a->phc));
    a->member.id = cuid_new(cx->arena, cx->now_ms);
    a->member.email = a->invite.email;
    a->member.name = a->in->name;
    return OK;
}

static enum err account_add(struct cx *cx, const struct accept *a)
{
    struct auth_user_add_in in = { .id = a->member.id,
                                   .email = a->invite.email,
                                   .email_key = a->invite.email_key,
                                   .name = a->member.name,
                                   .password_hash = a->phc,
                                   .workspace_id = a->invite.workspace_id,
                                   .now = cx->now_ms };
    enum err e = auth_user_add(cx, &in, NULL);
    if (e == ERR_CONFLICT)
        FAIL(cx, CONFLICT, "There is an account with this address by now; sign in with it.");
    return e;
}

/* The deed's actor is who accepts, in the workspace that they join. */
static void principal_take(struct cx *cx, const struct accept *a)
{
    cx->principal.kind = PRINCIPAL_USER;
    cx->principal.user_id = a->member.id;
    cx->principal.email = a->member.email;
    cx->principal.name = a->member.name;
    cx->principal.workspace_id = a->invite.workspace_id;
    cx->principal.organization_id = a->invite.organization_id;
}

static enum err accept_write(struct cx *cx, void *arg)
{
    const struct accept *a = arg;
    struct invite again;
    TRY(invite_open(cx, a->in->token, &again));
    if (str_given(a->phc))
        TRY(account_add(cx, a));
    TRY(invite_use(cx, &again, a->member.id));
    return audit_append(cx, &(struct audit_row){ .action = STR("accept_invite"),
                                                 .type = STR("MEMBER_ADDED"),
                                                 .entity_type = STR("invite"),
                                                 .entity_id = again.id,
                                                 .message = str_fmt(cx->arena, "Joined as %s",
                                                                    role_name(again.role)) });
}

static enum err accept_run(struct cx *cx, const void *input, void *output)
{
    struct accept a = { .in = input };
    struct accept_output *out = output;
    struct token_read r = { .token = a.in->token };
    struct str address = str_given(cx->remote_addr) ? cx->remote_addr : STR("local");
    TRY(auth_attempt_take(cx, "invite_address", address));
    TRY(db_read(cx, token_read, &r));
    a.invite = r.invite;
    TRY(str_given(a.invite.user_id) ? accept_known(cx, &a) : accept_new(cx, &a));
    principal_take(cx, &a);
    TRY(db_write(cx, accept_write, &a));
    out->member = a.member;
    out->member.role = str_of(role_name(a.invite.role));
    out->member.workspace_id = a.invite.workspace_id;
    out->member.organization_id = a.invite.organization_id;
    return OK;
}

/* ---- rows ---- */

static const struct op_tool create_tool = { .level = 1,
                                            .doc = "Invites an e-mail address into the workspace "
                                                   "and answers the link to hand over. "
                                                   "No e-mail is sent." };
static const struct op_tool list_tool = { .doc = "Lists the open invites into the workspace." };

#define INVITE_ROW(name_, http_, run_)                                                             \
    .name = (name_), .kind = OP_JSON, .http = (http_), .category = "members", .run = (run_)

const struct op invite_ops[] = {
    { INVITE_ROW("create_invite", "POST /api/invites", invite_create_run), .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP, .tx = TX_WRITE, .lane = LANE_WORKER, .rate = RATE_WRITE,
      .effect = EFFECT_WRITE, .flags = OP_ANSWER_ONCE, .status = 201, .tool = &create_tool,
      .in = invite_create_fields, .in_size = sizeof(struct invite_create_input),
      .out = invite_made_output_fields, .out_size = sizeof(struct invite_output),
      .summary = "Invite into the workspace",
      .doc = "Answers a link that holds 7 days and once; no e-mail is sent. A new one for the same "
             "address replaces the old. "
             "FORBIDDEN for a role above the caller's own, CONFLICT for who is a member, "
             "LIMIT_REACHED at 100 open ones." },
    { INVITE_ROW("list_invites", "GET /api/invites", invite_list_run), .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP, .tx = TX_READ, .lane = LANE_LOOP, .rate = RATE_READ,
      .effect = EFFECT_READ, .tool = &list_tool, .in = invite_list_input_fields,
      .in_size = sizeof(struct invite_list_input), .out = invite_list_fields,
      .out_size = sizeof(struct invite_list_output), .summary = "Open invites",
      .doc = "Newest first, without their links." },
    { INVITE_ROW("revoke_invite", "DELETE /api/invites/{id}", invite_revoke_run),
      .auth = AUTH_SESSION, .roles = ROLES_ADMIN_UP, .tx = TX_WRITE, .lane = LANE_WORKER,
      .rate = RATE_WRITE, .effect = EFFECT_WRITE, .in = invite_revoke_fields,
      .in_size = sizeof(struct invite_revoke_input), .summary = "Revoke an invite",
      .doc = "Its link is GONE at once. GONE also for one that was accepted or has expired." },
    { INVITE_ROW("get_invite", "GET /api/invites/{token}/accept", invite_get_run),
      .auth = AUTH_NONE, .roles = ROLES_ANY, .tx = TX_READ, .lane = LANE_WORKER, .rate = RATE_READ,
      .effect = EFFECT_READ, .in = invite_get_fields, .in_size = sizeof(struct invite_get_input),
      .out = invitation_output_fields, .out_size = sizeof(struct invitation_output),
      .summary = "What an invite's link offers",
      .doc = "For whoever has the link. NOT_FOUND for no link of ours; GONE for one that was used, "
             "revoked or has expired." },
    { INVITE_ROW("accept_invite", "POST /api/invites/{token}/accept", accept_run),
      .auth = AUTH_SESSION_OR_NONE, .roles = ROLES_ANY, .tx = TX_NONE, .lane = LANE_PASSWORD,
      .rate = RATE_WRITE, .effect = EFFECT_WRITE, .in = accept_input_fields,
      .in_size = sizeof(struct accept_input), .out = accept_output_fields,
      .out_size = sizeof(struct accept_output), .summary = "Accept an invite",
      .doc = "An address without account gets one: name and password are needed, then sign in with "
             "them. An address with an "
             "account must be signed in (401 otherwise, 403 as somebody else) and keeps its name "
             "and password. NOT_FOUND for "
             "no link of ours; GONE for one that was used, revoked or has expired." },
};
const size_t invite_ops_count = sizeof invite_ops / sizeof *invite_ops;
