/* Changes of a tier's settings, from the request to the rows.
 *
 * The order is: who may → is it well formed → does the provider take it (verify) → save all or
 * nothing. Probing is done outside of transactions; what was probed is saved only onto the row that
 * it was probed for. Invariant: the bytes of secrets that a request brought are wiped when it is
 * answered. */
#include "credentials/config.h"

#include "credentials/credentials_sql.h"

#include "audit/audit.h"
#include "base/crypto.h"

/* ---- whose ---- */

static enum err organization_scope(struct cx *cx, struct str id, enum role least, struct scope *ret)
{
    struct credential_organization_role_in in = { id, cx->principal.user_id };
    struct credential_organization_role_row row;
    struct credential_organization_workspace_in place_in = { id, cx->principal.workspace_id };
    struct credential_organization_workspace_row place;
    bool found = false;
    enum role role = ROLE_NONE;
    if (!str_given(place_in.workspace_id))
        place_in.workspace_id = STR("");
    if (cx->principal.kind == PRINCIPAL_OPERATOR) {
        role = ROLE_OWNER;
        found = true;
    } else if (str_given(cx->principal.user_id)) {
        TRY(credential_organization_role(cx, &in, &row, &found));
        if (found && !role_parse(row.role, &role))
            found = false;
    }
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such organisation.");
    if (role < least)
        FAIL(cx, FORBIDDEN, "This needs the role %s in the organisation.", role_name(least));
    TRY(credential_organization_workspace(cx, &place_in, &place, &found));
    cx->principal.workspace_id = found ? place.id : STR("");
    *ret = (struct scope){ .tier = TIER_ORGANIZATION, .organization_id = id, .owner_id = STR("") };
    return OK;
}

enum err config_scope(struct cx *cx, enum tier tier, struct str organization_id, enum role least,
                      struct scope *ret)
{
    struct credential_policy_in in = { cx->principal.workspace_id };
    struct credential_policy_row row;
    bool found;
    if (tier == TIER_ORGANIZATION)
        return organization_scope(cx, organization_id, least, ret);
    TRY(credential_policy(cx, &in, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such workspace.");
    *ret = (struct scope){ .tier = tier,
                           .organization_id = row.organization_id,
                           .owner_id = tier == TIER_USER ? cx->principal.user_id
                                                         : cx->principal.workspace_id };
    return OK;
}

/* ---- the request, in its two transactions ---- */

struct work {
    const struct config_request *rq;
    struct scope scope;
    struct tiers before; /* as it was checked and probed */
    bool planned;
    struct config_view *view;
};

static enum err load(struct cx *cx, const struct work *w, struct tiers *ret)
{
    if (w->scope.tier == TIER_ORGANIZATION)
        return tiers_load_organization(cx, w->scope.organization_id, ret);
    return tiers_load(cx, w->scope.tier == TIER_USER ? w->scope.owner_id : STR(""), ret);
}

static enum err scope_of(struct cx *cx, struct work *w)
{
    TRY(config_scope(cx, w->rq->tier, w->rq->organization_id, w->rq->least, &w->scope));
    w->scope.action = w->rq->action;
    return OK;
}

static enum err admit_personal(struct cx *cx, const struct work *w, const struct tiers *t)
{
    if (w->scope.tier == TIER_USER && !t->allow_personal)
        FAIL(cx, PERSONAL_KEYS_DISABLED,
             "The organisation does not allow personal provider keys; nothing was changed.");
    return OK;
}

static enum err plan_in_tx(struct cx *cx, void *arg)
{
    struct work *w = arg;
    TRY(scope_of(cx, w));
    TRY(load(cx, w, &w->before));
    TRY(admit_personal(cx, w, &w->before));
    change_check(cx, &w->scope, &w->before, w->rq->change);
    return cx_has_field_errors(cx) ? cx_invalid(cx) : OK;
}

/* Is what the request is about still what was looked at? A secret that was probed belongs to that
 * very row; one that was not must at least not go to an endpoint that its sender did not see. */
static bool still_the_same(const struct stored *before, const struct stored *now, bool probed)
{
    if (probed)
        return (before ? before->row.version : 0) == (now ? now->row.version : 0);
    struct str was = before ? before->row.endpoint : STR_NULL;
    struct str is = now ? now->row.endpoint : STR_NULL;
    return str_given(was) == str_given(is) && str_eq(was, is);
}

static enum err save_in_tx(struct cx *cx, void *arg)
{
    struct work *w = arg;
    struct tiers now;
    struct change *c = w->rq->change;
    TRY(scope_of(cx, w));
    TRY(load(cx, w, &now));
    TRY(admit_personal(cx, w, &now));
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (change_touches(c, u) &&
            !still_the_same(w->before.units[w->scope.tier][u], now.units[w->scope.tier][u],
                            c->unit_verified[u]))
            FAIL(cx, CONFLICT,
                 "The %s credential was changed by somebody else meanwhile; nothing was saved.",
                 unit_title(u));
    change_check(cx, &w->scope, &now, c);
    if (cx_has_field_errors(cx))
        return cx_invalid(cx);
    TRY(change_apply(cx, &w->scope, &now, c));
    return w->view ? config_get(cx, &w->scope, w->view) : OK;
}

/* ---- verification ---- */

struct open_request {
    const struct stored *stored;
    struct str key, cf_secret; /* given in the request; absent: what is stored */
    struct credential_parts parts;
};

static enum err take_secret(struct cx *cx, const struct stored *s, enum slot slot, struct str given,
                            struct secret **ret)
{
    if (str_given(given)) {
        *ret = secret_new(given);
        return OK;
    }
    return s ? stored_open(cx, s, slot, ret) : OK;
}

static enum err open_in_tx(struct cx *cx, void *arg)
{
    struct open_request *o = arg;
    TRY(take_secret(cx, o->stored, SLOT_SECRET, o->key, &o->parts.key));
    return take_secret(cx, o->stored, SLOT_CF_SECRET, o->cf_secret, &o->parts.cf_secret);
}

/* The unit as it would be saved, with its secrets; NULL when they cannot be opened. */
static enum err would_be(struct cx *cx, const struct work *w, enum unit u, struct credential **ret)
{
    const struct field_change *f = w->rq->change->units[u];
    const struct stored *old = w->before.units[w->scope.tier][u];
    struct stored s;
    bool clears;
    change_preview(old, w->rq->change, u, &s, &clears);
    struct open_request o = {
        .stored = clears ? NULL : old,
        .key = f[FIELD_KEY].seen == FIELD_GIVEN ? f[FIELD_KEY].value : STR_NULL,
        .cf_secret = f[FIELD_CF_SECRET].seen == FIELD_GIVEN ? f[FIELD_CF_SECRET].value : STR_NULL,
        .parts = { .unit = u,
                   .tier = w->scope.tier,
                   .model = str_of(unit_default_model(u)),
                   .base_url =
                       str_given(s.row.endpoint) ? s.row.endpoint : unit_base_url(cx->app, u),
                   .guarded = str_given(s.row.endpoint),
                   .agent_id = s.row.agent_id,
                   .cf_client_id = s.row.cf_client_id },
    };
    if (o.stored && !str_given(o.key)) /* a key that is being entered has no name yet */
        o.parts.row_id = stored_ref(cx->arena, o.stored);
    enum err e = db_read(cx, open_in_tx, &o);
    *ret = NULL;
    if (e == OK && o.parts.key) {
        *ret = credential_new(&o.parts);
        return OK;
    }
    secret_free(o.parts.key);
    secret_free(o.parts.cf_secret);
    return e;
}

static bool would_be_complete(const struct work *w, enum unit u)
{
    struct stored s;
    bool clears;
    change_preview(w->before.units[w->scope.tier][u], w->rq->change, u, &s, &clears);
    return stored_complete(&s);
}

struct verdict_in {
    struct work *w;
    struct stored *stored;
    struct str said;
};

static enum err mark_refused_in_tx(struct cx *cx, void *arg)
{
    struct verdict_in *v = arg;
    return stored_mark(cx, v->stored->row.organization_id, stored_ref(cx->arena, v->stored), true,
                       v->said);
}

static void refused_event(struct cx *cx, const struct work *w, enum unit u, struct str said)
{
    const struct stored *old = w->before.units[w->scope.tier][u];
    struct audit_row row = {
        .action = str_of(w->rq->action),
        .type = STR("CREDENTIAL_REFUSED"),
        .outcome = STR("VALIDATION_ERROR"),
        .entity_type = STR("credential"),
        .entity_id = old ? old->row.id : STR_NULL,
        .message = str_fmt(cx->arena, "%s of tier %s: not saved; %.*s", unit_title(u),
                           tier_name(w->scope.tier), STR_ARG(said)),
    };
    audit_event(cx, &row);
}

/* A new secret that is refused is not saved; a stored one is marked. */
static enum err judge_refusal(struct cx *cx, struct work *w, enum unit u, struct str said)
{
    struct verdict_in v = { w, w->before.units[w->scope.tier][u], said };
    if (!change_touches(w->rq->change, u) && v.stored)
        return db_write(cx, mark_refused_in_tx, &v);
    refused_event(cx, w, u, said);
    cx_field_error(cx, str_of(change_field_name(u, FIELD_KEY)), "%.*s; nothing was saved",
                   STR_ARG(said));
    return cx_invalid(cx);
}

static enum err verify_unit(struct cx *cx, struct work *w, enum unit u)
{
    struct credential *c;
    struct probe_result r;
    TRY(would_be(cx, w, u, &c));
    if (!c)
        FAIL(cx, CREDENTIAL_UNREADABLE,
             "The stored %s secret cannot be decrypted; enter it again. Nothing was saved.",
             unit_title(u));
    enum err e = probe_key(cx, c, PROBE_TIMEOUT_MS, &r);
    credential_free(c);
    TRY(e);
    if (r.verdict == PROBE_ACCEPTED) {
        w->rq->change->unit_verified[u] = true;
        return OK;
    }
    if (r.verdict == PROBE_REFUSED)
        return judge_refusal(cx, w, u, r.sentence);
    if (r.address_refused && change_field_name(u, FIELD_ENDPOINT)) {
        cx_field_error(cx, str_of(change_field_name(u, FIELD_ENDPOINT)), "%.*s; nothing was saved",
                       STR_ARG(r.sentence));
        return cx_invalid(cx);
    }
    if (r.timed_out)
        FAIL(cx, UPSTREAM_TIMEOUT, "%.*s; nothing was saved.", STR_ARG(r.sentence));
    FAIL(cx, UPSTREAM, "%.*s; the key could not be verified, and nothing was saved.",
         STR_ARG(r.sentence));
}

/* What the request changes; all that is stored when it changes none. */
static enum err verify(struct cx *cx, struct work *w)
{
    bool any = false;
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        any |= change_touches(w->rq->change, u);
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if ((!any || change_touches(w->rq->change, u)) && would_be_complete(w, u))
            TRY(verify_unit(cx, w, u));
    return OK;
}

/* ---- the faces of it ---- */

static void wipe(struct change *c)
{
    static const int secret_fields[] = { FIELD_KEY, FIELD_CF_SECRET };
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        for (size_t i = 0; i < 2; i++) {
            struct str v = c->units[u][secret_fields[i]].value;
            if (v.len)
                bytes_wipe((char *)(uintptr_t)v.ptr, v.len);
        }
}

/* A stored key that verification has marked refused changes its row's version. */
static enum err change(struct cx *cx, struct work *w)
{
    TRY(db_read(cx, plan_in_tx, w));
    if (w->rq->change->verify)
        TRY(verify(cx, w));
    return db_write(cx, save_in_tx, w);
}

enum err config_change(struct cx *cx, const struct config_request *rq, struct config_view *ret)
{
    struct work w = { .rq = rq, .view = ret };
    enum err e = change(cx, &w);
    wipe(rq->change);
    return e;
}

static enum err clear_in_tx(struct cx *cx, void *arg)
{
    struct work *w = arg;
    struct tiers t;
    TRY(scope_of(cx, w));
    TRY(load(cx, w, &t));
    return scope_clear(cx, &w->scope, &t);
}

enum err config_clear(struct cx *cx, const struct config_request *rq)
{
    struct work w = { .rq = rq };
    return db_write(cx, clear_in_tx, &w);
}

/* ---- test-fire ---- */

struct fire {
    enum unit unit;
    const char *action;
    struct stored *stored;
    struct credential *credential;
    const struct gateway_report *report;
};

static enum err gateway_in_tx(struct cx *cx, void *arg)
{
    struct fire *f = arg;
    struct tiers t;
    struct choose_in in = { 0 };
    TRY(tiers_load(cx, STR(""), &t));
    tiers_choose_in(cx->app, &t, false, true, &in);
    enum tier tier = choose_supplier(&in, f->unit);
    if (tier == TIER_NONE || tier == TIER_SERVER)
        FAIL(cx, PROVIDER_NOT_CONFIGURED, "%s is not configured in this workspace.",
             unit_title(f->unit));
    f->stored = t.units[tier][f->unit];
    TRY(stored_credential(cx, f->stored, str_of(unit_default_model(f->unit)), &f->credential));
    stored_note(cx, f->stored, f->credential != NULL);
    if (!f->credential)
        FAIL(cx, CREDENTIAL_UNREADABLE, "The stored %s secret cannot be decrypted; enter it again.",
             unit_title(f->unit));
    return OK;
}

static enum err fired_in_tx(struct cx *cx, void *arg)
{
    const struct fire *f = arg;
    int64_t status = f->report->probes[1].status;
    struct str ref = stored_ref(cx->arena, f->stored);
    struct audit_row row = { .action = str_of(f->action),
                             .outcome = f->report->ok ? STR_NULL : STR("UPSTREAM_ERROR"),
                             .entity_type = STR("credential"),
                             .entity_id = f->stored->row.id,
                             .message = f->report->summary };
    TRY(audit_append(cx, &row));
    if (f->report->ok || status == 401 || status == 403)
        return stored_mark(cx, STR_NULL, ref, !f->report->ok, f->report->summary);
    return OK;
}

enum err config_test_fire(struct cx *cx, enum unit u, const char *action,
                          struct gateway_report *ret)
{
    struct fire f = { .unit = u, .action = action, .report = ret };
    TRY(db_read(cx, gateway_in_tx, &f));
    enum err e = gateway_test(cx, f.credential, ret);
    credential_free(f.credential);
    TRY(e);
    return db_write(cx, fired_in_tx, &f);
}
