/* Rows of credentials: loading, opening, what was found.
 *
 * Goal: a sealed secret is worth something only in its own row. It is bound to the organisation,
 * tier, owner, provider, row id, slot, count of settings, and to what it is sent with: endpoint,
 * agent id, id at Cloudflare. A row that was moved to another tenant, or of which one of these was
 * altered in the database, cannot be opened.
 *
 * The form of the binding has a version. What was sealed under the first one, which lacked agent
 * and Cloudflare id, is opened still, and sealed anew when its unit is changed or verified (every
 * night); what was sealed under a later one never opens under an earlier.
 *
 * Invariants: lists open nothing; what was found on opening is written down once, by a write of its
 * own, since a reader cannot write. */
#include "credentials/store.h"

#include "credentials/credentials_sql.h"

#include <stdlib.h>

#include "audit/audit.h"
#include "base/app.h"
#include "base/log.h"
#include "tenancy/tenancy.h"
#include "vault/vault.h"

static const char *const state_names[] = { "", "SET", "VERIFIED", "REFUSED", "UNREADABLE" };

enum tier tier_find(struct str name)
{
    for (enum tier t = TIER_USER; t < TIER_SERVER; t++)
        if (str_is(name, tier_name(t)))
            return t;
    return TIER_NONE;
}

/* ---- loading ---- */

static enum err keep_rows(struct cx *cx, const struct stored_row *rows, size_t count,
                          struct tiers *t)
{
    struct stored *all = arena_array(cx->arena, count, sizeof *all);
    for (size_t i = 0; i < count; i++) {
        all[i] = (struct stored){ rows[i], tier_find(rows[i].tier), unit_find(rows[i].provider) };
        if (!all[i].tier || !all[i].unit)
            return cx_fault(cx, "a credential of an unknown tier or provider");
        t->units[all[i].tier][all[i].unit] = &all[i];
    }
    return OK;
}

static void keep_settings(const struct credential_settings_of_call_row *rows, size_t count,
                          struct tiers *t)
{
    t->allow_personal = true;
    for (size_t i = 0; i < count; i++) {
        enum tier tier = tier_find(rows[i].tier);
        t->settings[tier] = (struct tier_settings){
            .chat_provider = unit_find(rows[i].chat_provider),
            .chat_model = rows[i].chat_model,
            .transcription_provider = rows[i].transcription_provider,
        };
        if (tier == TIER_ORGANIZATION)
            t->allow_personal = rows[i].allow_personal_keys;
    }
}

enum err tiers_load(struct cx *cx, struct str user_id, struct tiers *ret)
{
    struct credential_of_call_in in = { .workspace_id = cx->principal.workspace_id,
                                        .user_id = user_id };
    struct credential_settings_of_call_in settings_in = { in.workspace_id, user_id };
    struct credential_of_call_row *rows;
    struct credential_settings_of_call_row *settings;
    size_t count, settings_count;
    *ret = (struct tiers){ 0 };
    TRY(credential_of_call(cx, &in, &rows, &count));
    TRY(credential_settings_of_call(cx, &settings_in, &settings, &settings_count));
    keep_settings(settings, settings_count, ret);
    return keep_rows(cx, (const struct stored_row *)rows, count, ret);
}

/* The two statements have the same columns. */
_Static_assert(sizeof(struct credential_of_organization_row) == sizeof(struct stored_row) &&
                   sizeof(struct credential_of_call_row) == sizeof(struct stored_row) &&
                   offsetof(struct credential_of_call_row, updated_at) ==
                       offsetof(struct stored_row, updated_at) &&
                   offsetof(struct credential_of_call_row, cf_secret) ==
                       offsetof(struct stored_row, cf_secret),
               "one form of rows");
_Static_assert(sizeof(struct credential_settings_of_organization_row) ==
                   sizeof(struct credential_settings_of_call_row),
               "one form of settings");

enum err tiers_load_organization(struct cx *cx, struct str organization_id, struct tiers *ret)
{
    struct credential_of_organization_in in = { organization_id };
    struct credential_settings_of_organization_in settings_in = { organization_id };
    struct credential_of_organization_row *rows;
    struct credential_settings_of_organization_row *settings;
    size_t count, settings_count;
    *ret = (struct tiers){ 0 };
    TRY(credential_of_organization(cx, &in, &rows, &count));
    TRY(credential_settings_of_organization(cx, &settings_in, &settings, &settings_count));
    keep_settings((const struct credential_settings_of_call_row *)settings, settings_count, ret);
    return keep_rows(cx, (const struct stored_row *)rows, count, ret);
}

struct str tiers_person(const struct cx *cx)
{
    bool person = cx->principal.kind == PRINCIPAL_USER && str_given(cx->principal.user_id);
    return person ? cx->principal.user_id : STR("");
}

/* ---- what a row is ---- */

bool stored_complete(const struct stored *s)
{
    if (!s || !str_given(s->row.secret))
        return false;
    switch (s->unit) {
    case UNIT_HERMES:
        return str_given(s->row.endpoint);
    case UNIT_OPENCLAW:
        return str_given(s->row.endpoint) && str_given(s->row.agent_id);
    default:
        return true;
    }
}

enum unit_state stored_state(const struct stored *s, bool trusting)
{
    if (!stored_complete(s))
        return UNIT_ABSENT;
    for (enum unit_state state = UNIT_SET; state <= UNIT_UNREADABLE; state++)
        if (str_is(s->row.state, state_names[state]))
            return state == UNIT_UNREADABLE && trusting ? UNIT_SET : state;
    return UNIT_UNREADABLE;
}

void tiers_choose_in(const struct app *app, const struct tiers *t, bool person, bool trusting,
                     struct choose_in *ret)
{
    ret->personal = person && t->allow_personal;
    for (enum tier tier = TIER_USER; tier < TIER_SERVER; tier++) {
        struct choose_tier *at = &ret->tiers[tier];
        at->pin = t->settings[tier].chat_provider;
        at->model = t->settings[tier].chat_model;
        for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
            at->units[u] = stored_state(t->units[tier][u], trusting);
    }
    server_tier(app, &ret->tiers[TIER_SERVER]);
}

struct str stored_ref(struct arena *a, const struct stored *s)
{
    return str_fmt(a, "%.*s.%lld", STR_ARG(s->row.id), (long long)s->row.secret_version);
}

/* ---- opening ---- */

enum binding { BINDING_ENDPOINT = 1, BINDING_WHOLE };

static struct str slot_name(enum slot slot)
{
    return slot == SLOT_SECRET ? STR("secret") : STR("cf_secret");
}

static struct str slot_sealed(const struct stored *s, enum slot slot)
{
    return slot == SLOT_SECRET ? s->row.secret : s->row.cf_secret;
}

static struct str binding(struct arena *a, const struct stored *s, enum slot slot,
                          enum binding form)
{
    const struct stored_row *r = &s->row;
    int64_t set = slot == SLOT_SECRET ? r->secret_version : r->cf_secret_version;
    struct str count = str_fmt(a, "%lld", (long long)set);
    if (form == BINDING_ENDPOINT) {
        struct str parts[] = { STR("credentials"), r->organization_id, r->tier,
                               r->owner_id,        r->provider,        r->id,
                               r->endpoint,        slot_name(slot),    count };
        return envelope_binding(a, parts, sizeof parts / sizeof *parts);
    }
    struct str parts[] = { STR("credentials 2"),
                           r->organization_id,
                           r->tier,
                           r->owner_id,
                           r->provider,
                           r->id,
                           r->endpoint,
                           r->agent_id,
                           r->cf_client_id,
                           slot_name(slot),
                           count };
    return envelope_binding(a, parts, sizeof parts / sizeof *parts);
}

static enum err open_as(struct cx *cx, const struct stored *s, enum slot slot, enum binding form,
                        struct secret **ret)
{
    return vault_open(cx, s->row.organization_id, binding(cx->arena, s, slot, form),
                      slot_sealed(s, slot), ret);
}

enum err stored_open(struct cx *cx, const struct stored *s, enum slot slot, struct secret **ret)
{
    *ret = NULL;
    if (!str_given(slot_sealed(s, slot)))
        return OK;
    TRY(open_as(cx, s, slot, BINDING_WHOLE, ret));
    return *ret ? OK : open_as(cx, s, slot, BINDING_ENDPOINT, ret);
}

enum err stored_seal(struct cx *cx, const struct stored *s, enum slot slot, struct str text,
                     struct str *ret_sealed)
{
    return vault_seal(cx, s->row.organization_id, binding(cx->arena, s, slot, BINDING_WHOLE), text,
                      ret_sealed);
}

/* *sealed: in, the row's; out, under the binding of today. */
static enum err renew_slot(struct cx *cx, const struct stored *s, enum slot slot,
                           struct str *sealed, bool *changed)
{
    struct secret *secret = NULL;
    if (!str_given(*sealed))
        return OK;
    TRY(open_as(cx, s, slot, BINDING_WHOLE, &secret));
    if (!secret) {
        TRY(open_as(cx, s, slot, BINDING_ENDPOINT, &secret));
        if (!secret)
            return OK;
        enum err e = stored_seal(cx, s, slot, secret_bytes(secret), sealed);
        secret_free(secret);
        *changed = true;
        return e;
    }
    secret_free(secret);
    return OK;
}

enum err stored_renew(struct cx *cx, const struct stored *s)
{
    struct credential_renew_in in = { .organization_id = s->row.organization_id,
                                      .id = s->row.id,
                                      .version = s->row.version,
                                      .secret = s->row.secret,
                                      .cf_secret = s->row.cf_secret };
    bool changed = false;
    TRY(renew_slot(cx, s, SLOT_SECRET, &in.secret, &changed));
    TRY(renew_slot(cx, s, SLOT_CF_SECRET, &in.cf_secret, &changed));
    return changed ? credential_renew(cx, &in, NULL) : OK;
}

enum err stored_credential(struct cx *cx, const struct stored *s, struct str model,
                           struct credential **ret)
{
    struct credential_parts p = {
        .unit = s->unit,
        .tier = s->tier,
        .model = model,
        .base_url = str_given(s->row.endpoint) ? s->row.endpoint : unit_base_url(cx->app, s->unit),
        .guarded = str_given(s->row.endpoint),
        .agent_id = s->row.agent_id,
        .cf_client_id = s->row.cf_client_id,
        .row_id = stored_ref(cx->arena, s),
    };
    *ret = NULL;
    TRY(stored_open(cx, s, SLOT_SECRET, &p.key));
    enum err e = stored_open(cx, s, SLOT_CF_SECRET, &p.cf_secret);
    if (e == OK && p.key && (p.cf_secret || !str_given(s->row.cf_secret))) {
        *ret = credential_new(&p);
        return OK;
    }
    secret_free(p.key);
    secret_free(p.cf_secret);
    return e;
}

/* ---- what was found ---- */

static struct str text_or_empty(struct str s)
{
    return str_given(s) ? s : STR("");
}

static enum err event(struct cx *cx, const struct stored *s, struct str type,
                      enum audit_severity severity, const char *what)
{
    struct audit_row row = {
        .action = STR("resolve_credential"),
        .type = type,
        .severity = severity,
        .entity_type = STR("credential"),
        .entity_id = s->row.id,
        .message =
            str_fmt(cx->arena, "%s of tier %s: %s", unit_title(s->unit), tier_name(s->tier), what),
    };
    return audit_append(cx, &row);
}

struct note {
    struct db_write write;
    struct cx cx;
    struct stored stored;
    bool readable;
};

static enum err note_in_tx(struct cx *cx, void *arg)
{
    struct note *n = arg;
    const struct stored_row *row = &n->stored.row;
    int64_t changed;
    struct credential_state_set_in in = { .workspace_id = cx->principal.workspace_id,
                                          .organization_id = row->organization_id,
                                          .id = row->id,
                                          .secret_version = row->secret_version,
                                          .state = n->readable ? STR("SET") : STR("UNREADABLE"),
                                          .now = cx->now_ms };
    TRY(credential_state_set(cx, &in, &changed));
    if (changed == 0)
        return OK;
    if (n->readable)
        return event(cx, &n->stored, STR("CREDENTIAL_CHANGED"), AUDIT_INFO, "readable again");
    return event(cx, &n->stored, STR("CREDENTIAL_UNDECRYPTABLE"), AUDIT_CRITICAL,
                 "what is stored cannot be decrypted; it must be entered again");
}

static void note_done(struct db_write *w, enum err result)
{
    struct note *n = w->arg;
    if (result != OK)
        log_line(LOG_WARN, "the state of a credential could not be written",
                 log_s("credential", n->stored.row.id), log_s("detail", n->cx.failure.log_detail));
    arena_free(n->cx.arena);
    free(n);
}

void stored_note(struct cx *cx, const struct stored *s, bool readable)
{
    if (str_is(s->row.state, "UNREADABLE") != readable)
        return;
    struct note *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    struct arena *a = arena_new(0);
    n->readable = readable;
    n->stored = (struct stored){ .tier = s->tier, .unit = s->unit };
    n->stored.row.id = str_copy(a, s->row.id);
    n->stored.row.organization_id = str_copy(a, s->row.organization_id);
    n->stored.row.secret_version = s->row.secret_version;
    n->cx = (struct cx){ .arena = a, .app = cx->app, .now_ms = cx->now_ms };
    n->cx.request_id = str_copy(a, cx->request_id);
    n->cx.principal.kind = PRINCIPAL_SYSTEM;
    n->cx.principal.name = STR("credentials");
    n->cx.principal.workspace_id = str_copy(a, text_or_empty(cx->principal.workspace_id));
    n->write = (struct db_write){ .cx = &n->cx, .fn = note_in_tx, .arg = n, .done = note_done };
    db_write_submit(cx->app->db, &n->write);
}

/* ---- what a provider said ---- */

static bool ref_parse(struct str ref, struct str *ret_id, int64_t *ret_version)
{
    struct str rest = ref;
    *ret_id = str_split(&rest, '.');
    return str_given(rest) && str_to_i64(rest, ret_version);
}

/* No change of state, hence no event; that it was asked is in the trail. */
static enum err verified_again(struct cx *cx, const struct credential_state_set_in *set)
{
    struct credential_verified_again_in in = { .workspace_id = set->workspace_id,
                                               .organization_id = set->organization_id,
                                               .id = set->id,
                                               .secret_version = set->secret_version,
                                               .now = set->now };
    return credential_verified_again(cx, &in, NULL);
}

enum err stored_mark(struct cx *cx, struct str organization_id, struct str ref, bool refused,
                     struct str said)
{
    struct credential_state_set_in in = { .workspace_id = text_or_empty(cx->principal.workspace_id),
                                          .organization_id = text_or_empty(organization_id),
                                          .state = refused ? STR("REFUSED") : STR("VERIFIED"),
                                          .verified_at = db_some_int(cx->now_ms),
                                          .now = cx->now_ms };
    int64_t changed;
    if (!ref_parse(ref, &in.id, &in.secret_version))
        return cx_fault(cx, "a credential's reference is malformed");
    if (refused)
        in.verified_at = (struct db_opt_int){ 0 };
    TRY(credential_state_set(cx, &in, &changed));
    if (changed == 0)
        return refused ? OK : verified_again(cx, &in);
    struct audit_row row = {
        .action = STR("verify_credential"),
        .type = refused ? STR("CREDENTIAL_REFUSED") : STR("CREDENTIAL_VERIFIED"),
        .severity = refused ? AUDIT_WARNING : AUDIT_INFO,
        .entity_type = STR("credential"),
        .entity_id = in.id,
        .message = str_given(said) ? said
                   : refused       ? STR("the provider refused the stored key")
                                   : STR("the provider accepted the stored key"),
    };
    return audit_append(cx, &row);
}
