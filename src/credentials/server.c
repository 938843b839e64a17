/* The server's own keys: from the configuration, for addresses from the configuration. */
#include "credentials/resolve.h"

#include "base/app.h"
#include "base/config.h"

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

struct credential *server_credential(const struct app *app, const struct choose_out *chosen)
{
    const struct config *c = app->config;
    struct credential_parts p = { .unit = chosen->unit,
                                  .tier = TIER_SERVER,
                                  .model = chosen->model };
    const struct secret *key = NULL;
    if (chosen->unit == UNIT_ANTHROPIC) {
        p.base_url =
            c->anthropic_base_url.len ? c->anthropic_base_url : STR("https://api.anthropic.com");
        key = c->anthropic_api_key;
    } else if (chosen->unit == UNIT_OPENAI) {
        p.base_url = c->openai_base_url.len ? c->openai_base_url : STR(OPENAI_BASE_URL);
        key = c->openai_api_key;
    } else {
        p.base_url = STR(GROQ_BASE_URL);
        key = c->groq_api_key;
    }
    p.key = secret_new(key ? secret_bytes(key) : STR(""));
    return credential_new(&p);
}
