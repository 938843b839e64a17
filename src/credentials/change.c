/* Changes: what a request makes of a unit, and the rows that come of it.
 *
 * Invariants: a secret never stays with an endpoint that it was not given for; a unit without any
 * field has no row; everything that a request changes is changed in one transaction, each unit with
 * its event. */
#include "credentials/store.h"

#include "credentials/credentials_sql.h"

#include "audit/audit.h"
#include "base/cuid.h"

bool change_touches(const struct change *c, enum unit u)
{
    for (int f = 0; f < UNIT_FIELDS; f++)
        if (c->units[u][f].seen != FIELD_ABSENT)
            return true;
    return false;
}

static void take(struct str *to, const struct field_change *f)
{
    if (f->seen != FIELD_ABSENT)
        *to = f->seen == FIELD_GIVEN ? f->value : STR_NULL;
}

static bool same(struct str a, struct str b)
{
    return str_given(a) == str_given(b) && str_eq(a, b);
}

void change_preview(const struct stored *old, const struct change *c, enum unit u,
                    struct stored *ret, bool *ret_clears)
{
    const struct field_change *f = c->units[u];
    struct stored s = old ? *old : (struct stored){ .unit = u };
    struct stored_row *r = &s.row;
    r->provider = str_of(unit_name(u));
    take(&r->endpoint, &f[FIELD_ENDPOINT]);
    take(&r->agent_id, &f[FIELD_AGENT]);
    bool clears = old && !same(r->endpoint, old->row.endpoint);
    if (clears) {
        r->secret = r->secret_masked = STR_NULL;
        r->cf_secret = r->cf_secret_masked = r->cf_client_id = STR_NULL;
    }
    take(&r->cf_client_id, &f[FIELD_CF_ID]);
    take(&r->secret, &f[FIELD_KEY]);
    take(&r->cf_secret, &f[FIELD_CF_SECRET]);
    *ret = s;
    *ret_clears = clears;
}

/* ---- one unit ---- */

static enum err seal_into(struct cx *cx, struct stored *s, enum slot slot, struct str text)
{
    struct stored_row *r = &s->row;
    if (slot == SLOT_SECRET) {
        r->secret_version++;
        r->secret_masked = secret_masked(cx->arena, text);
        return stored_seal(cx, s, slot, text, &r->secret);
    }
    r->cf_secret_version++;
    r->cf_secret_masked = secret_masked(cx->arena, text);
    return stored_seal(cx, s, slot, text, &r->cf_secret);
}

/* A secret that stays is sealed anew: what it is bound to may be changing, or have been less. One
 * that cannot be opened stays as it is (it heals when its root key is back), but not where that
 * would leave the unit unreadable for good, in spite of what is entered: `must`. */
static enum err keep_secret(struct cx *cx, const struct stored *old, const struct stored *s,
                            enum slot slot, bool must, struct str *sealed)
{
    struct secret *secret = NULL;
    if (!old || !str_given(*sealed))
        return OK;
    TRY(stored_open(cx, old, slot, &secret));
    if (secret) {
        enum err e = stored_seal(cx, s, slot, secret_bytes(secret), sealed);
        secret_free(secret);
        return e;
    }
    if (!must)
        return OK;
    cx_field_error(
        cx, str_of(change_field_name(s->unit, slot == SLOT_SECRET ? FIELD_KEY : FIELD_CF_SECRET)),
        "what is stored cannot be decrypted; enter it again, or clear it with null");
    return cx_invalid(cx);
}

static enum err put_secrets(struct cx *cx, const struct stored *old, const struct field_change *f,
                            struct stored *s)
{
    struct stored_row *r = &s->row;
    bool rebinds = old && (!same(r->agent_id, old->row.agent_id) ||
                           !same(r->cf_client_id, old->row.cf_client_id));
    bool set_key = f[FIELD_KEY].seen == FIELD_GIVEN;
    if (set_key)
        TRY(seal_into(cx, s, SLOT_SECRET, f[FIELD_KEY].value));
    else
        TRY(keep_secret(cx, old, s, SLOT_SECRET, rebinds, &r->secret));
    if (!str_given(r->secret))
        r->secret_masked = STR_NULL;
    if (f[FIELD_CF_SECRET].seen == FIELD_GIVEN)
        TRY(seal_into(cx, s, SLOT_CF_SECRET, f[FIELD_CF_SECRET].value));
    else
        TRY(keep_secret(cx, old, s, SLOT_CF_SECRET, rebinds || set_key, &r->cf_secret));
    if (!str_given(r->cf_secret))
        r->cf_secret_masked = STR_NULL;
    return OK;
}

static void state_of(struct cx *cx, const struct stored *old, const struct change *c,
                     bool secrets_change, struct stored *s)
{
    struct stored_row *r = &s->row;
    if (secrets_change || !old) {
        r->state = STR("SET");
        r->verified_at = (struct db_opt_int){ 0 };
    }
    if (c->unit_verified[s->unit] && str_given(r->secret)) {
        r->state = STR("VERIFIED");
        r->verified_at = db_some_int(cx->now_ms);
    }
}

static bool row_empty(const struct stored_row *r)
{
    return !str_given(r->secret) && !str_given(r->endpoint) && !str_given(r->agent_id) &&
           !str_given(r->cf_client_id) && !str_given(r->cf_secret);
}

static enum err row_put(struct cx *cx, const struct stored *s)
{
    const struct stored_row *r = &s->row;
    if (row_empty(r)) {
        struct credential_delete_in in = { r->organization_id, r->tier, r->owner_id, r->provider };
        return credential_delete(cx, &in, NULL);
    }
    struct credential_put_in in = {
        .organization_id = r->organization_id,
        .tier = r->tier,
        .owner_id = r->owner_id,
        .provider = r->provider,
        .id = r->id,
        .workspace_id =
            str_given(cx->principal.workspace_id) ? cx->principal.workspace_id : STR(""),
        .state = r->state,
        .endpoint = r->endpoint,
        .agent_id = r->agent_id,
        .cf_client_id = r->cf_client_id,
        .secret = r->secret,
        .secret_version = r->secret_version,
        .secret_masked = r->secret_masked,
        .cf_secret = r->cf_secret,
        .cf_secret_version = r->cf_secret_version,
        .cf_secret_masked = r->cf_secret_masked,
        .verified_at = r->verified_at,
        .now = cx->now_ms,
        .created_by = cx->principal.user_id,
    };
    return credential_put(cx, &in, NULL);
}

/* ---- events ---- */

static const char *const field_words[UNIT_FIELDS] = { "key", "endpoint", "agentId",
                                                      "cfAccessClientId", "cfAccessClientSecret" };

static enum err change_event(struct cx *cx, const struct scope *scope, struct str id,
                             struct str message)
{
    struct audit_row row = {
        .action = str_of(scope->action),
        .type = STR("CREDENTIAL_CHANGED"),
        .entity_type = STR("credential"),
        .entity_id = id,
        .message = message,
    };
    return audit_append(cx, &row);
}

static enum err unit_event(struct cx *cx, const struct scope *scope, const struct stored *s,
                           const struct change *c, bool clears)
{
    struct buf b;
    buf_init(&b, cx->arena, 400);
    buf_printf(&b, "%s of tier %s:", unit_title(s->unit), tier_name(scope->tier));
    for (int f = 0; f < UNIT_FIELDS; f++)
        if (c->units[s->unit][f].seen != FIELD_ABSENT)
            buf_printf(&b, " %s %s;", field_words[f],
                       c->units[s->unit][f].seen == FIELD_NULL ? "cleared" : "set");
    if (clears)
        buf_put_cstr(&b, " the endpoint is another one, secrets of the former are gone;");
    buf_printf(&b, " now %.*s",
               STR_ARG(row_empty(&s->row)    ? STR("ABSENT")
                       : !stored_complete(s) ? STR("INCOMPLETE")
                                             : s->row.state));
    return change_event(cx, scope, s->row.id, buf_str(&b));
}

static enum err unit_apply(struct cx *cx, const struct scope *scope, const struct stored *old,
                           const struct change *c, enum unit u)
{
    const struct field_change *f = c->units[u];
    struct stored s;
    bool clears;
    change_preview(old, c, u, &s, &clears);
    struct stored_row *r = &s.row;
    s.tier = scope->tier;
    r->organization_id = scope->organization_id;
    r->tier = str_of(tier_name(scope->tier));
    r->owner_id = scope->owner_id;
    if (!old)
        r->id = cuid_new(cx->arena, cx->now_ms);
    TRY(put_secrets(cx, old, f, &s));
    bool secrets_change =
        clears || f[FIELD_KEY].seen || f[FIELD_CF_ID].seen || f[FIELD_CF_SECRET].seen;
    state_of(cx, old, c, secrets_change, &s);
    TRY(row_put(cx, &s));
    return unit_event(cx, scope, &s, c, clears);
}

/* ---- settings ---- */

static bool changes_settings(const struct change *c)
{
    return c->chat_provider.seen || c->chat_model.seen || c->transcription_provider.seen ||
           c->allow_personal_seen == FIELD_GIVEN;
}

static struct str pin_text(enum unit u)
{
    return u == UNIT_NONE ? STR_NULL : str_of(unit_name(u));
}

static enum err settings_event(struct cx *cx, const struct scope *scope, const struct change *c)
{
    struct buf b;
    buf_init(&b, cx->arena, 480);
    buf_printf(&b, "settings of tier %s:", tier_name(scope->tier));
    if (c->chat_provider.seen)
        buf_printf(&b, " chatProvider %.*s;", STR_ARG(c->chat_provider.value));
    if (c->chat_model.seen)
        buf_printf(&b, " chatModel %.*s;", STR_ARG(c->chat_model.value));
    if (c->transcription_provider.seen)
        buf_printf(&b, " transcriptionProvider %.*s;", STR_ARG(c->transcription_provider.value));
    if (c->allow_personal_seen == FIELD_GIVEN)
        buf_printf(&b, " allowPersonalKeys %s", c->allow_personal ? "on" : "off");
    return change_event(cx, scope, scope->organization_id, buf_str(&b));
}

static enum err settings_put(struct cx *cx, const struct scope *scope,
                             const struct tier_settings *s, bool allow_personal)
{
    struct credential_settings_put_in in = {
        .organization_id = scope->organization_id,
        .tier = str_of(tier_name(scope->tier)),
        .owner_id = scope->owner_id,
        .chat_provider = pin_text(s->chat_provider),
        .chat_model = s->chat_model,
        .transcription_provider = s->transcription_provider,
        .allow_personal_keys = scope->tier != TIER_ORGANIZATION || allow_personal,
        .now = cx->now_ms,
        .created_by = cx->principal.user_id,
    };
    return credential_settings_put(cx, &in, NULL);
}

static enum err settings_apply(struct cx *cx, const struct scope *scope, const struct tiers *t,
                               const struct change *c)
{
    struct tier_settings s = t->settings[scope->tier];
    struct str provider = pin_text(s.chat_provider);
    bool allow = c->allow_personal_seen == FIELD_GIVEN ? c->allow_personal : t->allow_personal;
    take(&provider, &c->chat_provider);
    take(&s.chat_model, &c->chat_model);
    take(&s.transcription_provider, &c->transcription_provider);
    s.chat_provider = unit_find(provider);
    TRY(settings_put(cx, scope, &s, allow));
    return settings_event(cx, scope, c);
}

/* ---- all of a request ---- */

enum err change_apply(struct cx *cx, const struct scope *scope, const struct tiers *t,
                      const struct change *c)
{
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (change_touches(c, u))
            TRY(unit_apply(cx, scope, t->units[scope->tier][u], c, u));
        else if (c->unit_verified[u] && t->units[scope->tier][u])
            TRY(stored_mark(cx, scope->organization_id,
                            stored_ref(cx->arena, t->units[scope->tier][u]), false, STR_NULL));
    return changes_settings(c) ? settings_apply(cx, scope, t, c) : OK;
}

enum err scope_clear(struct cx *cx, const struct scope *scope, const struct tiers *t)
{
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++) {
        const struct stored *s = t->units[scope->tier][u];
        if (!s)
            continue;
        struct credential_delete_in in = { s->row.organization_id, s->row.tier, s->row.owner_id,
                                           s->row.provider };
        TRY(credential_delete(cx, &in, NULL));
        TRY(change_event(
            cx, scope, s->row.id,
            str_fmt(cx->arena, "%s of tier %s: cleared", unit_title(u), tier_name(scope->tier))));
    }
    const struct tier_settings *old = &t->settings[scope->tier];
    if (old->chat_provider == UNIT_NONE && !str_given(old->chat_model) &&
        !str_given(old->transcription_provider))
        return OK;
    TRY(settings_put(cx, scope, &(struct tier_settings){ 0 }, t->allow_personal));
    return change_event(cx, scope, scope->organization_id,
                        str_fmt(cx->arena, "settings of tier %s: cleared", tier_name(scope->tier)));
}
