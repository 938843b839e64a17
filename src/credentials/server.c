/* The server's own keys: from the configuration, for addresses from the configuration. */
#include "credentials/resolve.h"

#include "base/app.h"
#include "base/config.h"

#define ANTHROPIC_BASE_URL "https://api.anthropic.com"
#define GROQ_BASE_URL "https://api.groq.com/openai"
#define OPENAI_BASE_URL "https://api.openai.com"

static bool is_openai_itself(struct str base_url)
{
    return !base_url.len || str_is(credential_base_url(base_url), OPENAI_BASE_URL);
}

void server_tier(const struct app *app, struct choose_tier *ret)
{
    const struct config *c = app->config;
    *ret = (struct choose_tier){ .pin = unit_find(c->chat_provider), .model = c->chat_model };
    if (c->anthropic_api_key)
        ret->units[UNIT_ANTHROPIC] = UNIT_SET;
    /* A compatible server on the same machine often has no key. */
    if (c->openai_api_key || !is_openai_itself(c->openai_base_url))
        ret->units[UNIT_OPENAI] = UNIT_SET;
    if (c->groq_api_key)
        ret->units[UNIT_GROQ] = UNIT_SET;
}

struct str unit_base_url(const struct app *app, enum unit u)
{
    const struct config *c = app->config;
    switch (u) {
    case UNIT_ANTHROPIC:
        return c->anthropic_base_url.len ? c->anthropic_base_url : STR(ANTHROPIC_BASE_URL);
    case UNIT_OPENAI:
        return c->openai_base_url.len ? c->openai_base_url : STR(OPENAI_BASE_URL);
    case UNIT_GROQ:
        return STR(GROQ_BASE_URL);
    default:
        return STR_NULL;
    }
}

struct credential *server_credential(const struct app *app, const struct choose_out *chosen)
{
    const struct config *c = app->config;
    const struct secret *key = chosen->unit == UNIT_ANTHROPIC ? c->anthropic_api_key
                               : chosen->unit == UNIT_OPENAI  ? c->openai_api_key
                                                              : c->groq_api_key;
    struct credential_parts p = {
        .unit = chosen->unit,
        .tier = TIER_SERVER,
        .model = chosen->model,
        .base_url = unit_base_url(app, chosen->unit),
        .key = key ? secret_share(key) : secret_new(STR("")),
    };
    return credential_new(&p);
}
