/* Goals: the rules of members.h, decided on what the transaction sees. On SQLite writes follow one
 * another; on PostgreSQL they are SERIALIZABLE, so that of two OWNERs who lower each other at once
 * one is told CONFLICT after its repetition: reading the other's row is what makes them collide.
 * Non-goals: sessions, routes. Invariant: no statement changes a membership before every rule was
 * asked. */
#include "tenancy/members.h"

#include <assert.h>

#include "tenancy/tenancy.h"
#include "tenancy/tenancy_sql.h"

static enum role role_of(struct str text)
{
    enum role role;
    return str_given(text) && role_parse(text, &role) ? role : ROLE_NONE;
}

static enum err not_found(struct cx *cx)
{
    FAIL(cx, NOT_FOUND, "There is no such member.");
}

/* Between the head and this transaction they were removed. */
static enum err no_member(struct cx *cx)
{
    FAIL(cx, FORBIDDEN, "You are no member any more.");
}

static enum role lesser(enum role a, enum role b)
{
    return a < b ? a : b;
}

/* What both levels refuse before anything is changed; `standing` is the target's present role. */
static enum err check_standing(struct cx *cx, enum role authority, enum role standing)
{
    if (authority < ROLE_ADMIN)
        FAIL(cx, FORBIDDEN, "This needs the role ADMIN.");
    if (standing > authority)
        FAIL(cx, FORBIDDEN, "An %s cannot change an %s.", role_name(authority),
             role_name(standing));
    return OK;
}

static enum err check_grant(struct cx *cx, enum role authority, enum role role, struct str kind)
{
    assert(role != ROLE_NONE);
    if (role > authority)
        FAIL(cx, FORBIDDEN, "An %s cannot make anybody %s.", role_name(authority), role_name(role));
    if (role == ROLE_OWNER && !str_is(kind, "HUMAN"))
        FAIL(cx, CONFLICT, "An agent cannot be an OWNER.");
    return OK;
}

/* ---- of a workspace ---- */

static struct str organization_of(const struct cx *cx)
{
    return str_given(cx->principal.organization_id) ? cx->principal.organization_id : STR("");
}

enum err tenancy_members(struct cx *cx, struct str after_id, int64_t limit,
                         struct tenancy_member **ret, size_t *ret_count)
{
    struct tenancy_member_list_in in = { .workspace_id = cx->principal.workspace_id,
                                         .organization_id = organization_of(cx),
                                         .after_id = after_id,
                                         .limit = limit };
    struct tenancy_member_list_row *rows;
    TRY(tenancy_member_list(cx, &in, &rows, ret_count));
    struct tenancy_member *all = arena_array(cx->arena, *ret_count, sizeof *all);
    for (size_t i = 0; i < *ret_count; i++)
        all[i] =
            (struct tenancy_member){ .user_id = rows[i].user_id,
                                     .kind = rows[i].kind,
                                     .email = rows[i].email,
                                     .name = rows[i].name,
                                     .role = role_of(rows[i].role),
                                     .org_role = role_of(rows[i].org_role),
                                     .second_factor = str_is(rows[i].totp_state, "ON"),
                                     .version = rows[i].version.given ? rows[i].version.value : 0,
                                     .created_at_ms =
                                         rows[i].created_at.given ? rows[i].created_at.value : 0 };
    *ret = all;
    return OK;
}

enum err tenancy_member_get(struct cx *cx, struct str user_id, struct tenancy_member *ret)
{
    struct tenancy_member_find_in in = { .workspace_id = cx->principal.workspace_id,
                                         .organization_id = organization_of(cx),
                                         .user_id = user_id };
    struct tenancy_member_find_row row;
    bool found;
    TRY(tenancy_member_find(cx, &in, &row, &found));
    if (!found)
        return not_found(cx);
    *ret =
        (struct tenancy_member){ .user_id = row.user_id,
                                 .kind = row.kind,
                                 .email = row.email,
                                 .name = row.name,
                                 .role = role_of(row.role),
                                 .org_role = role_of(row.org_role),
                                 .second_factor = str_is(row.totp_state, "ON"),
                                 .version = row.version.given ? row.version.value : 0,
                                 .created_at_ms = row.created_at.given ? row.created_at.value : 0 };
    return OK;
}

static enum role acts_as(const struct tenancy_member *m)
{
    return m->org_role >= ROLE_ADMIN && m->org_role > m->role ? m->org_role : m->role;
}

enum err tenancy_member_authority(struct cx *cx, enum role *ret)
{
    struct tenancy_member me = { 0 };
    if (cx->principal.kind == PRINCIPAL_OPERATOR) {
        *ret = ROLE_OWNER;
        return OK;
    }
    if (!str_given(cx->principal.user_id))
        return no_member(cx);
    enum err e = tenancy_member_get(cx, cx->principal.user_id, &me);
    if (e != OK)
        return e == ERR_NOT_FOUND ? no_member(cx) : e;
    *ret = lesser(cx->principal.role, acts_as(&me)); /* a key may hold less than its user */
    return OK;
}

static enum err check_owner_remains(struct cx *cx, const struct tenancy_member *m)
{
    struct tenancy_member_owner_beside_in in = { cx->principal.workspace_id, m->user_id };
    struct tenancy_member_owner_beside_row row;
    bool found = true;
    if (m->role == ROLE_OWNER)
        TRY(tenancy_member_owner_beside(cx, &in, &row, &found));
    if (!found)
        FAIL(cx, CONFLICT, "A workspace keeps at least one OWNER; make somebody else one first.");
    return OK;
}

/* The member, when the caller may change or remove them here. */
static enum err member_to_change(struct cx *cx, struct str user_id, enum role *ret_authority,
                                 struct tenancy_member *ret)
{
    TRY(tenancy_member_get(cx, user_id, ret));
    TRY(tenancy_member_authority(cx, ret_authority));
    TRY(check_standing(cx, *ret_authority, acts_as(ret)));
    if (ret->version == 0)
        FAIL(cx, CONFLICT, "They act here as %s of the organisation; change that role.",
             role_name(ret->org_role));
    return OK;
}

enum err tenancy_member_change(struct cx *cx, struct str user_id, enum role role, int64_t version,
                               struct tenancy_member *ret)
{
    enum role authority = ROLE_NONE;
    int64_t changed;
    TRY(member_to_change(cx, user_id, &authority, ret));
    TRY(check_grant(cx, authority, role, ret->kind));
    if (version && version != ret->version)
        return tenancy_version_conflict(cx, "membership", ret->version);
    if (role != ROLE_OWNER)
        TRY(check_owner_remains(cx, ret));
    struct tenancy_member_role_set_in in = { .workspace_id = cx->principal.workspace_id,
                                             .user_id = user_id,
                                             .role = str_of(role_name(role)),
                                             .version = ret->version,
                                             .now = cx->now_ms };
    TRY(tenancy_member_role_set(cx, &in, &changed));
    ret->role = role;
    ret->version++;
    return changed == 1 ? OK : not_found(cx);
}

enum err tenancy_member_remove(struct cx *cx, struct str user_id)
{
    enum role authority = ROLE_NONE;
    struct tenancy_member m = { 0 };
    struct tenancy_member_delete_in in = { cx->principal.workspace_id, user_id };
    struct tenancy_member_of_another_in elsewhere = { organization_of(cx), user_id };
    struct tenancy_member_of_another_row row;
    struct tenancy_org_member_delete_in leave = { elsewhere.organization_id, user_id };
    bool found;
    TRY(member_to_change(cx, user_id, &authority, &m));
    if (!str_is(m.kind, "HUMAN"))
        FAIL(cx, CONFLICT, "An agent goes with its key; revoke that.");
    if (m.org_role >= ROLE_ADMIN)
        FAIL(cx, CONFLICT,
             "They would go on acting here as %s of the organisation; change that role first.",
             role_name(m.org_role));
    TRY(check_owner_remains(cx, &m));
    TRY(tenancy_member_delete(cx, &in, NULL));
    TRY(tenancy_member_of_another(cx, &elsewhere, &row, &found));
    return found ? OK : tenancy_org_member_delete(cx, &leave, NULL);
}

/* ---- of an organisation ---- */

enum err tenancy_org_members(struct cx *cx, struct str after_id, int64_t limit,
                             struct tenancy_member **ret, size_t *ret_count)
{
    struct tenancy_org_member_list_in in = { .organization_id = organization_of(cx),
                                             .after_id = after_id,
                                             .limit = limit };
    struct tenancy_org_member_list_row *rows;
    TRY(tenancy_org_member_list(cx, &in, &rows, ret_count));
    struct tenancy_member *all = arena_array(cx->arena, *ret_count, sizeof *all);
    for (size_t i = 0; i < *ret_count; i++)
        all[i] = (struct tenancy_member){ .user_id = rows[i].user_id,
                                          .kind = rows[i].kind,
                                          .email = rows[i].email,
                                          .name = rows[i].name,
                                          .role = role_of(rows[i].role),
                                          .org_role = role_of(rows[i].role),
                                          .second_factor = str_is(rows[i].totp_state, "ON"),
                                          .version = rows[i].version,
                                          .created_at_ms = rows[i].created_at };
    *ret = all;
    return OK;
}

enum err tenancy_org_member_get(struct cx *cx, struct str user_id, struct tenancy_member *ret)
{
    struct tenancy_org_member_find_in in = { organization_of(cx), user_id };
    struct tenancy_org_member_find_row row;
    bool found;
    TRY(tenancy_org_member_find(cx, &in, &row, &found));
    if (!found)
        return not_found(cx);
    *ret = (struct tenancy_member){ .user_id = row.user_id,
                                    .kind = row.kind,
                                    .email = row.email,
                                    .name = row.name,
                                    .role = role_of(row.role),
                                    .org_role = role_of(row.role),
                                    .second_factor = str_is(row.totp_state, "ON"),
                                    .version = row.version,
                                    .created_at_ms = row.created_at };
    return OK;
}

static enum err org_authority(struct cx *cx, enum role *ret)
{
    struct tenancy_member me = { 0 };
    if (cx->principal.kind == PRINCIPAL_OPERATOR) {
        *ret = ROLE_OWNER;
        return OK;
    }
    if (!str_given(cx->principal.user_id))
        return no_member(cx);
    enum err e = tenancy_org_member_get(cx, cx->principal.user_id, &me);
    if (e != OK)
        return e == ERR_NOT_FOUND ? no_member(cx) : e;
    *ret = lesser(cx->principal.org_role, me.role);
    return OK;
}

static enum err check_org_owner_remains(struct cx *cx, const struct tenancy_member *m)
{
    struct tenancy_org_member_owner_beside_in in = { organization_of(cx), m->user_id };
    struct tenancy_org_member_owner_beside_row row;
    bool found = true;
    if (m->role == ROLE_OWNER)
        TRY(tenancy_org_member_owner_beside(cx, &in, &row, &found));
    if (!found)
        FAIL(cx, CONFLICT,
             "An organisation keeps at least one OWNER; make somebody else one first.");
    return OK;
}

static enum err org_member_to_change(struct cx *cx, struct str user_id, enum role *ret_authority,
                                     struct tenancy_member *ret)
{
    TRY(tenancy_org_member_get(cx, user_id, ret));
    TRY(org_authority(cx, ret_authority));
    return check_standing(cx, *ret_authority, ret->role);
}

enum err tenancy_org_member_change(struct cx *cx, struct str user_id, enum role role,
                                   int64_t version, struct tenancy_member *ret)
{
    enum role authority = ROLE_NONE;
    int64_t changed;
    TRY(org_member_to_change(cx, user_id, &authority, ret));
    TRY(check_grant(cx, authority, role, ret->kind));
    if (version && version != ret->version)
        return tenancy_version_conflict(cx, "membership", ret->version);
    if (role != ROLE_OWNER)
        TRY(check_org_owner_remains(cx, ret));
    struct tenancy_org_member_role_set_in in = { .organization_id = organization_of(cx),
                                                 .user_id = user_id,
                                                 .role = str_of(role_name(role)),
                                                 .version = ret->version,
                                                 .now = cx->now_ms };
    TRY(tenancy_org_member_role_set(cx, &in, &changed));
    ret->role = ret->org_role = role;
    ret->version++;
    return changed == 1 ? OK : not_found(cx);
}

enum err tenancy_org_member_remove(struct cx *cx, struct str user_id)
{
    enum role authority = ROLE_NONE;
    struct tenancy_member m = { 0 };
    struct tenancy_org_member_owns_alone_in alone = { organization_of(cx), user_id };
    struct tenancy_org_member_owns_alone_row row;
    struct tenancy_org_member_workspaces_leave_in workspaces = { organization_of(cx), user_id };
    struct tenancy_org_member_delete_in in = { organization_of(cx), user_id };
    bool found;
    TRY(org_member_to_change(cx, user_id, &authority, &m));
    TRY(check_org_owner_remains(cx, &m));
    TRY(tenancy_org_member_owns_alone(cx, &alone, &row, &found));
    if (found)
        FAIL(cx, CONFLICT,
             "They are the only OWNER of the workspace %.*s; make somebody else one first.",
             STR_ARG(row.name));
    TRY(tenancy_org_member_workspaces_leave(cx, &workspaces, NULL));
    return tenancy_org_member_delete(cx, &in, NULL);
}

enum err tenancy_org_member_reset_allowed(struct cx *cx, struct str user_id)
{
    enum role authority = ROLE_NONE;
    struct tenancy_member m = { 0 };
    struct tenancy_org_member_stands_above_in in = { .organization_id = organization_of(cx),
                                                     .user_id = user_id,
                                                     .caller_id = str_given(cx->principal.user_id)
                                                                      ? cx->principal.user_id
                                                                      : STR("") };
    struct tenancy_org_member_stands_above_row row;
    bool above = false;
    TRY(org_member_to_change(cx, user_id, &authority, &m));
    if (cx->principal.kind != PRINCIPAL_OPERATOR)
        TRY(tenancy_org_member_stands_above(cx, &in, &row, &above));
    if (above)
        FAIL(cx, FORBIDDEN, "Only the operator of the server can do that for this person.");
    return OK;
}
