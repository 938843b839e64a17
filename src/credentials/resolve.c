/* Resolution: reads the tiers, lets choose() decide, opens what was chosen and nothing else. */
#include "credentials/resolve.h"

#include "base/app.h"

static enum err refuse(struct cx *cx, const struct choose_out *out)
{
    const char *title = unit_title(out->unit);
    if (out->verdict == CHOOSE_NOT_CONFIGURED && out->because == BECAUSE_PINNED)
        FAIL(cx, PROVIDER_NOT_CONFIGURED,
             "%s is chosen as the chat provider, and has no credential here.", title);
    FAIL(cx, PROVIDER_NOT_CONFIGURED, "%s has no credential here.", title);
}

static struct credential *offline_credential(void)
{
    return credential_new(
        &(struct credential_parts){ .model = str_of(unit_default_model(UNIT_NONE)) });
}

enum err credentials_resolve(struct cx *cx, const struct credential_wish *w,
                             struct credential **ret)
{
    struct choose_in in = { .model = w->model };
    struct choose_out out;
    if (str_is(w->provider, "offline")) {
        *ret = offline_credential();
        return OK;
    }
    if (w->provider.len && (in.wanted = unit_find(w->provider)) == UNIT_NONE)
        FAIL(cx, PROVIDER_NOT_CONFIGURED, "There is no such provider.");
    server_tier(cx->app, &in.tiers[TIER_SERVER]);
    choose(&in, &out);
    if (out.verdict == CHOOSE_OFFLINE) {
        *ret = offline_credential();
        return OK;
    }
    if (out.verdict != CHOOSE_UNIT)
        return refuse(cx, &out);
    *ret = server_credential(cx->app, &out);
    return OK;
}

enum err credentials_mark(struct cx *cx, struct str row_id, bool refused)
{
    (void)cx, (void)row_id, (void)refused;
    return OK;
}

/* Replaced by the rows of the settings. */
const struct op credential_ops[1];
const size_t credential_ops_count = 0;
