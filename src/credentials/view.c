/* Settings as they are shown: masked, with which tier wins now, and why. Opens nothing. */
#include "credentials/config.h"

#include "base/app.h"

static const char *const state_words[] = { "ABSENT", "SET", "VERIFIED", "REFUSED", "UNREADABLE" };

static const char *const whose[TIER_COUNT] = {
    [TIER_NONE] = "nobody's",
    [TIER_USER] = "your own",
    [TIER_WORKSPACE] = "the workspace's",
    [TIER_ORGANIZATION] = "the organisation's",
    [TIER_SERVER] = "the server's",
};

static void view_unit(const struct stored *s, struct unit_view *ret)
{
    if (!s) {
        *ret = (struct unit_view){ .state = STR("ABSENT") };
        return;
    }
    *ret = (struct unit_view){
        .configured = stored_complete(s),
        .state = str_of(state_words[stored_state(s, false)]),
        .masked = s->row.secret_masked,
        .endpoint = s->row.endpoint,
        .agent_id = s->row.agent_id,
        .cf_client_id = s->row.cf_client_id,
        .cf_masked = s->row.cf_secret_masked,
        .verified_at_ms = s->row.verified_at.given ? s->row.verified_at.value : 0,
        .updated_at_ms = s->row.updated_at,
    };
}

static struct str why(struct cx *cx, const struct choose_out *o)
{
    const char *title = unit_title(o->unit);
    switch (o->because) {
    case BECAUSE_PINNED:
        return str_fmt(cx->arena, "%s is chosen by %s settings", title, whose[o->pinned_by]);
    case BECAUSE_OPENCLAW:
        return STR("OpenClaw is complete, and nobody pins anthropic or openai");
    default:
        return str_fmt(cx->arena, "%s credentials come first, and %s is the first of them",
                       whose[o->tier], title);
    }
}

static struct str reason(struct cx *cx, const struct choose_out *o)
{
    const char *title = unit_title(o->unit);
    struct str because = why(cx, o);
    switch (o->verdict) {
    case CHOOSE_UNIT:
        return str_fmt(cx->arena, "%.*s; the credential is %s.", STR_ARG(because), whose[o->tier]);
    case CHOOSE_OFFLINE:
        return STR("Nobody has a credential: the offline assistant answers.");
    case CHOOSE_NOT_CONFIGURED:
        return str_fmt(cx->arena, "%.*s, and has no credential: calls are refused.",
                       STR_ARG(because));
    case CHOOSE_REFUSED:
        return str_fmt(cx->arena,
                       "%s refused %s key: calls are refused until another one is entered; no "
                       "other key is used instead.",
                       title, whose[o->tier]);
    case CHOOSE_UNREADABLE:
        break;
    }
    return str_fmt(cx->arena,
                   "%s %s credential cannot be decrypted: calls are refused until it is entered "
                   "again; no other key is used instead.",
                   whose[o->tier], title);
}

static void view_effective(struct cx *cx, const struct choose_in *in, struct config_view *ret)
{
    static const char *const statuses[] = {
        [CHOOSE_UNIT] = "OK",
        [CHOOSE_OFFLINE] = "OFFLINE",
        [CHOOSE_NOT_CONFIGURED] = "NOT_CONFIGURED",
        [CHOOSE_REFUSED] = "REFUSED",
        [CHOOSE_UNREADABLE] = "UNREADABLE",
    };
    struct choose_out out;
    choose(in, &out);
    ret->provider = str_of(unit_name(out.unit));
    ret->model = out.model;
    ret->key_source = str_of(tier_key_source(out.tier));
    ret->status = str_of(statuses[out.verdict]);
    ret->reason = reason(cx, &out);
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++) {
        enum tier t = choose_supplier(in, u);
        ret->providers[u - 1] = (struct provider_view){
            .provider = str_of(unit_name(u)),
            .key_source = str_of(tier_key_source(t)),
            .state = str_of(state_words[in->tiers[t].units[u]]),
        };
    }
}

static enum err load(struct cx *cx, const struct scope *scope, struct tiers *ret)
{
    if (scope->tier == TIER_ORGANIZATION)
        return tiers_load_organization(cx, scope->organization_id, ret);
    return tiers_load(cx, scope->tier == TIER_USER ? scope->owner_id : STR(""), ret);
}

enum err config_get(struct cx *cx, const struct scope *scope, struct config_view *ret)
{
    struct tiers t;
    struct choose_in in = { 0 };
    TRY(load(cx, scope, &t));
    *ret = (struct config_view){ .allow_personal = t.allow_personal };
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        view_unit(t.units[scope->tier][u], &ret->units[u]);
    const struct tier_settings *s = &t.settings[scope->tier];
    ret->chat_provider = s->chat_provider ? str_of(unit_name(s->chat_provider)) : STR_NULL;
    ret->chat_model = s->chat_model;
    ret->transcription_provider = s->transcription_provider;
    tiers_choose_in(cx->app, &t, scope->tier == TIER_USER, false, &in);
    view_effective(cx, &in, ret);
    return OK;
}
