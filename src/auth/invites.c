/* Goals: what invites.h says. Non-goals: e-mail (whoever invites hands the link over), accounts
 * (invites_ops.c). Invariant: a token is looked up by its hash alone, so that the time of a look-up
 * says nothing about a token. */
#include "auth/invites.h"

#include "auth/auth_sql.h"
#include "auth/password.h"
#include "base/crypto.h"
#include "base/cuid.h"
#include "tenancy/members.h"
#include "tenancy/tenancy.h"

enum { TOKEN_BYTES = 32 };

static struct str token_hash(struct str token, uint8_t out[SHA256_BYTES])
{
    sha256(token, out);
    return (struct str){ (const char *)out, SHA256_BYTES };
}

static enum err check_wish(struct cx *cx, const struct invite_new *n, struct str key)
{
    enum role authority;
    struct auth_member_by_email_in who = { cx->principal.workspace_id, key };
    struct auth_member_by_email_row member;
    struct auth_invite_open_count_in open = { cx->principal.workspace_id, cx->now_ms };
    struct auth_invite_open_count_row count;
    bool found;
    TRY(tenancy_member_authority(cx, &authority));
    if (authority < ROLE_ADMIN || n->role > authority)
        FAIL(cx, FORBIDDEN, "An %s cannot invite an %s.", role_name(authority), role_name(n->role));
    TRY(auth_member_by_email(cx, &who, &member, &found));
    if (found)
        FAIL(cx, CONFLICT, "They are a member already.");
    TRY(auth_invite_open_count(cx, &open, &count, &found));
    if (count.invites >= INVITES_OPEN_MAX)
        FAIL(cx, LIMIT_REACHED, "At most %d invites are open at once; revoke some.",
             INVITES_OPEN_MAX);
    return OK;
}

enum err invite_create(struct cx *cx, const struct invite_new *n, struct invite_made *ret)
{
    uint8_t raw[TOKEN_BYTES], hash[SHA256_BYTES];
    char *token = arena_alloc(cx->arena, INVITE_TOKEN_CHARS + 1);
    struct str key = email_key(cx->arena, n->email);
    if (!str_given(key)) {
        cx_field_error(cx, STR("email"), "must be an e-mail address of at most %d bytes",
                       EMAIL_BYTES_MAX);
        return cx_invalid(cx);
    }
    if (!str_given(cx->principal.user_id))
        FAIL(cx, CONFLICT, "The workspace has no OWNER in whose name to invite.");
    struct auth_invite_replace_in replace = { cx->principal.workspace_id, key, cx->now_ms };
    TRY(auth_invite_replace(cx, &replace, NULL));
    TRY(check_wish(cx, n, key));
    random_bytes(raw, sizeof raw);
    base64url_encode(raw, sizeof raw, token);
    ret->id = cuid_new(cx->arena, cx->now_ms);
    ret->token = (struct str){ token, INVITE_TOKEN_CHARS };
    ret->expires_at_ms = cx->now_ms + (int64_t)INVITE_DAYS * 24 * 3600 * 1000;
    struct auth_invite_add_in in = { .workspace_id = cx->principal.workspace_id,
                                     .id = ret->id,
                                     .email = n->email,
                                     .email_key = key,
                                     .role = str_of(role_name(n->role)),
                                     .token_hash = token_hash(ret->token, hash),
                                     .expires_at = ret->expires_at_ms,
                                     .now = cx->now_ms,
                                     .created_by = cx->principal.user_id };
    return auth_invite_add(cx, &in, NULL);
}

enum err invite_revoke(struct cx *cx, struct str id)
{
    struct auth_invite_find_in find = { cx->principal.workspace_id, id };
    struct auth_invite_find_row row;
    bool found;
    struct auth_invite_close_in close = {
        .workspace_id = find.workspace_id, .id = id, .closed_as = STR("REVOKED"), .now = cx->now_ms
    };
    TRY(auth_invite_find(cx, &find, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such invite.");
    if (row.closed_at.given || row.expires_at <= cx->now_ms)
        FAIL(cx, GONE, "The invite is open no more.");
    return auth_invite_close(cx, &close, NULL);
}

enum err invite_open(struct cx *cx, struct str token, struct invite *ret)
{
    uint8_t hash[SHA256_BYTES];
    struct auth_invite_by_token_in in = { token_hash(token, hash) };
    struct auth_invite_by_token_row row;
    enum role role;
    bool found;
    TRY(auth_invite_by_token(cx, &in, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such invite.");
    if (!role_parse(row.role, &role))
        return cx_fault(cx, "an invite has an unknown role");
    enum role behind = tenancy_role(row.inviter_role, row.inviter_org_role);
    if (row.closed_at.given || row.expires_at <= cx->now_ms || behind < ROLE_ADMIN || behind < role)
        FAIL(cx, GONE, "The invite holds no more; ask for another one.");
    *ret = (struct invite){ .workspace_id = row.workspace_id,
                            .id = row.id,
                            .email = row.email,
                            .email_key = row.email_key,
                            .role = role,
                            .workspace_name = row.workspace_name,
                            .organization_id = row.organization_id,
                            .organization_name = row.organization_name,
                            .inviter = row.inviter,
                            .user_id = row.user_id,
                            .expires_at_ms = row.expires_at };
    return OK;
}

enum err invite_use(struct cx *cx, const struct invite *i, struct str user_id)
{
    struct auth_org_member_find_in belongs = { i->organization_id, user_id };
    struct auth_org_member_find_row row;
    struct auth_user_workspace_first_in first = { user_id, i->workspace_id, cx->now_ms };
    struct auth_invite_close_in close = { .workspace_id = i->workspace_id,
                                          .id = i->id,
                                          .closed_as = STR("ACCEPTED"),
                                          .user_id = user_id,
                                          .now = cx->now_ms };
    bool found;
    int64_t used;
    TRY(auth_invite_close(cx, &close, &used));
    if (used == 0)
        FAIL(cx, GONE, "The invite holds no more; ask for another one.");
    TRY(tenancy_workspace_join(cx, i->workspace_id, user_id, i->role));
    TRY(auth_org_member_find(cx, &belongs, &row, &found));
    if (!found)
        TRY(tenancy_organization_join(cx, i->organization_id, user_id,
                                      i->role == ROLE_VIEWER ? ROLE_VIEWER : ROLE_MEMBER));
    return auth_user_workspace_first(cx, &first, NULL);
}
