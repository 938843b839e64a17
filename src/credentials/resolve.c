/* Resolution: reads the tiers, lets choose() decide, opens what was chosen and nothing else. */
#include "credentials/store.h"

static enum err refuse(struct cx *cx, const struct choose_out *out)
{
    const char *title = unit_title(out->unit);
    switch (out->verdict) {
    case CHOOSE_REFUSED:
        FAIL(cx, CREDENTIAL_UNREADABLE,
             "%s refused the key of tier %s (%s); enter another one. No other key is used instead.",
             title, tier_name(out->tier), tier_key_source(out->tier));
    case CHOOSE_UNREADABLE:
        FAIL(cx, CREDENTIAL_UNREADABLE,
             "The %s credential of tier %s (%s) cannot be decrypted; enter it again. No other key "
             "is used instead.",
             title, tier_name(out->tier), tier_key_source(out->tier));
    default:
        break;
    }
    if (out->because == BECAUSE_PINNED)
        FAIL(cx, PROVIDER_NOT_CONFIGURED,
             "%s is chosen as the chat provider of tier %s, and has no credential.", title,
             tier_name(out->pinned_by));
    FAIL(cx, PROVIDER_NOT_CONFIGURED, "%s has no credential here.", title);
}

static struct credential *offline_credential(void)
{
    return credential_new(
        &(struct credential_parts){ .model = str_of(unit_default_model(UNIT_NONE)) });
}

static enum err open_chosen(struct cx *cx, const struct stored *s, struct choose_out *out,
                            struct credential **ret)
{
    TRY(stored_credential(cx, s, out->model, ret));
    stored_note(cx, s, *ret != NULL);
    if (*ret)
        return OK;
    out->verdict = CHOOSE_UNREADABLE;
    return refuse(cx, out);
}

enum err resolve_among(struct cx *cx, const struct tiers *t, struct choose_in *in,
                       struct credential **ret)
{
    struct choose_out out;
    tiers_choose_in(cx->app, t, in->personal, true, in);
    choose(in, &out);
    if (out.verdict == CHOOSE_OFFLINE) {
        *ret = offline_credential();
        return OK;
    }
    if (out.verdict != CHOOSE_UNIT)
        return refuse(cx, &out);
    if (out.tier != TIER_SERVER)
        return open_chosen(cx, t->units[out.tier][out.unit], &out, ret);
    *ret = server_credential(cx->app, &out);
    return OK;
}

enum err credentials_resolve(struct cx *cx, const struct credential_wish *w,
                             struct credential **ret)
{
    struct choose_in in = { .model = w->model };
    struct tiers t;
    struct str person = tiers_person(cx);
    if (str_is(w->provider, "offline")) {
        *ret = offline_credential();
        return OK;
    }
    if (w->provider.len && (in.wanted = unit_find(w->provider)) == UNIT_NONE)
        FAIL(cx, PROVIDER_NOT_CONFIGURED, "There is no such provider.");
    TRY(tiers_load(cx, person, &t));
    in.personal = person.len > 0;
    return resolve_among(cx, &t, &in, ret);
}

enum err credentials_mark(struct cx *cx, struct str row_id, bool refused)
{
    return stored_mark(cx, STR_NULL, row_id, refused, STR_NULL);
}
