/* Operations on provider keys: the settings of a person, a workspace, an organisation. */
#include "credentials/config.h"
#include "credentials/credentials.h"

enum { KEY_CHARS_MAX = 500, URL_CHARS_MAX = 500, NAME_CHARS_MAX = 200 };

static const char *const key_providers[] = { "anthropic", "openai", "groq", NULL };
static const char *const transcription_providers[] = { "auto", "whisper", "whisperx", "local",
                                                       NULL };
static const char *const states[] = { "ABSENT", "SET", "VERIFIED", "REFUSED", "UNREADABLE", NULL };
static const char *const statuses[] = { "OK",      "OFFLINE",    "NOT_CONFIGURED",
                                        "REFUSED", "UNREADABLE", NULL };

/* ---- what is shown ---- */

struct config_out {
    struct config_view config;
    struct span providers;
};

static const struct field key_unit_fields[] = {
    { .name = "configured",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct unit_view, configured),
      .doc = "Whether the unit is complete, so that calls can use it" },
    { .name = "state",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = states,
      .offset = FIELD_AT(struct unit_view, state),
      .doc = "ABSENT or not complete, SET, VERIFIED by its provider, REFUSED by it (401 or 403), "
             "UNREADABLE: cannot be decrypted" },
    { .name = "masked",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, masked),
      .doc = "The key, masked: beginning and last four characters" },
    { .name = "keyVerifiedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, verified_at_ms),
      .doc = "When its provider last accepted it" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};
static const struct field openai_unit_fields[] = {
    { .name = "configured",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct unit_view, configured),
      .doc = "Whether the unit is complete, so that calls can use it" },
    { .name = "state",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = states,
      .offset = FIELD_AT(struct unit_view, state),
      .doc = "ABSENT or not complete, SET, VERIFIED by its provider, REFUSED by it (401 or 403), "
             "UNREADABLE: cannot be decrypted" },
    { .name = "masked",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, masked),
      .doc = "The key, masked: beginning and last four characters" },
    { .name = "baseUrl",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, endpoint),
      .doc = "Address of a compatible server; null: OpenAI itself" },
    { .name = "keyVerifiedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, verified_at_ms),
      .doc = "When its provider last accepted it" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};
static const struct field hermes_unit_fields[] = {
    { .name = "configured",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct unit_view, configured),
      .doc = "Whether the unit is complete, so that calls can use it" },
    { .name = "state",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = states,
      .offset = FIELD_AT(struct unit_view, state),
      .doc = "ABSENT or not complete, SET, VERIFIED by its provider, REFUSED by it (401 or 403), "
             "UNREADABLE: cannot be decrypted" },
    { .name = "masked",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, masked),
      .doc = "The key, masked: beginning and last four characters" },
    { .name = "endpointUrl",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, endpoint),
      .doc = "Base URL of the tenant" },
    { .name = "keyVerifiedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, verified_at_ms),
      .doc = "When its provider last accepted it" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};
static const struct field openclaw_unit_fields[] = {
    { .name = "configured",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct unit_view, configured),
      .doc = "Whether the unit is complete, so that calls can use it" },
    { .name = "state",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = states,
      .offset = FIELD_AT(struct unit_view, state),
      .doc = "ABSENT or not complete, SET, VERIFIED by its provider, REFUSED by it (401 or 403), "
             "UNREADABLE: cannot be decrypted" },
    { .name = "masked",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, masked),
      .doc = "The bearer, masked: beginning and last four characters" },
    { .name = "endpointUrl",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, endpoint),
      .doc = "Base URL of the gateway" },
    { .name = "agentId",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, agent_id),
      .doc = "Agent that answers" },
    { .name = "cfAccessClientId",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, cf_client_id),
      .doc = "Client id of Cloudflare Access" },
    { .name = "cfAccessClientSecretMasked",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, cf_masked),
      .doc = "Its secret, masked" },
    { .name = "keyVerifiedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, verified_at_ms),
      .doc = "When its provider last accepted it" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct unit_view, updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};
static const struct field config_fields[] = {
    { .name = "anthropic",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = key_unit_fields,
      .offset = FIELD_AT(struct config_view, units[UNIT_ANTHROPIC]),
      .doc = "Anthropic" },
    { .name = "openai",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = openai_unit_fields,
      .offset = FIELD_AT(struct config_view, units[UNIT_OPENAI]),
      .doc = "OpenAI, or a compatible server" },
    { .name = "groq",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = key_unit_fields,
      .offset = FIELD_AT(struct config_view, units[UNIT_GROQ]),
      .doc = "Groq" },
    { .name = "openclaw",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = openclaw_unit_fields,
      .offset = FIELD_AT(struct config_view, units[UNIT_OPENCLAW]),
      .doc = "An OpenClaw gateway" },
    { .name = "hermes",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = hermes_unit_fields,
      .offset = FIELD_AT(struct config_view, units[UNIT_HERMES]),
      .doc = "A Hermes gateway" },
    { .name = "chatProvider",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .values = unit_words,
      .offset = FIELD_AT(struct config_view, chat_provider),
      .doc = "Provider that this tier pins for chats" },
    { .name = "chatModel",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct config_view, chat_model),
      .doc = "Model that this tier chooses" },
    { .name = "transcriptionProvider",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .values = transcription_providers,
      .offset = FIELD_AT(struct config_view, transcription_provider),
      .doc = "What transcribes, as this tier prefers" },
    FIELD_END,
};
static const struct field policy_fields[] = {
    { .name = "allowPersonalKeys",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct config_view, allow_personal),
      .doc = "Whether personal keys count; where not, they are ignored" },
    FIELD_END,
};
static const struct field provider_fields[] = {
    { .name = "provider",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = unit_words,
      .offset = FIELD_AT(struct provider_view, provider),
      .doc = "Provider" },
    { .name = "keySource",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = key_source_words,
      .offset = FIELD_AT(struct provider_view, key_source),
      .doc = "Whose credential supplies it" },
    { .name = "state",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = states,
      .offset = FIELD_AT(struct provider_view, state),
      .doc = "State of that credential" },
    FIELD_END,
};
static const struct field effective_fields[] = {
    { .name = "provider",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = unit_words_offline,
      .offset = FIELD_AT(struct config_out, config.provider),
      .doc = "Provider that answers now" },
    { .name = "model",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct config_out, config.model),
      .doc = "Model" },
    { .name = "keySource",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = key_source_words,
      .offset = FIELD_AT(struct config_out, config.key_source),
      .doc = "Whose credential pays; NONE: nobody does" },
    { .name = "status",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = statuses,
      .offset = FIELD_AT(struct config_out, config.status),
      .doc = "OK, OFFLINE (the offline assistant answers), or why calls are refused" },
    { .name = "reason",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct config_out, config.reason),
      .doc = "Why, in a sentence" },
    { .name = "providers",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .fields = provider_fields,
      .elem_size = sizeof(struct provider_view),
      .offset = FIELD_AT(struct config_out, providers),
      .doc = "For each provider whose credential a call by name would use" },
    FIELD_END,
};
static const struct field config_out_fields[] = {
    { .name = "config",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = config_fields,
      .offset = FIELD_AT(struct config_out, config),
      .doc = "What this tier has, masked" },
    { .name = "orgPolicy",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = policy_fields,
      .offset = FIELD_AT(struct config_out, config),
      .doc = "What the organisation allows" },
    { .name = "effective",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = effective_fields,
      .offset = 0,
      .doc = "What a call with this tier and those behind it would use now" },
    FIELD_END,
};

static void out_finish(struct config_out *out)
{
    out->providers = (struct span){ out->config.providers, UNIT_COUNT - 1 };
}

/* ---- what is changed ---- */

struct change_in {
    struct str organization_id;
    struct change change;
};
#define UNIT_AT(u, f) FIELD_AT(struct change_in, change.units[u][f].value)
#define UNIT_SEEN(u, f) FIELD_SEEN(struct change_in, change.units[u][f].seen)

#define CHANGE_FIELDS                                                                              \
    { .name = "anthropicApiKey",                                                                   \
      .type = FIELD_SECRET,                                                                        \
      .flags = FIELD_NULLABLE,                                                                     \
      .offset = UNIT_AT(UNIT_ANTHROPIC, FIELD_KEY),                                                \
      .seen = UNIT_SEEN(UNIT_ANTHROPIC, FIELD_KEY),                                                \
      .min = 1,                                                                                    \
      .max = KEY_CHARS_MAX,                                                                        \
      .doc = "Anthropic API key; null clears it" },                                                \
        { .name = "openaiApiKey",                                                                  \
          .type = FIELD_SECRET,                                                                    \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_OPENAI, FIELD_KEY),                                               \
          .seen = UNIT_SEEN(UNIT_OPENAI, FIELD_KEY),                                               \
          .min = 1,                                                                                \
          .max = KEY_CHARS_MAX,                                                                    \
          .doc = "OpenAI API key, or that of a compatible server; null clears it" },               \
        { .name = "openaiBaseUrl",                                                                 \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_OPENAI, FIELD_ENDPOINT),                                          \
          .seen = UNIT_SEEN(UNIT_OPENAI, FIELD_ENDPOINT),                                          \
          .min = 1,                                                                                \
          .max = URL_CHARS_MAX,                                                                    \
          .doc = "Address of a compatible server; another one clears the key unless that is "      \
                 "given too" },                                                                    \
        { .name = "groqApiKey",                                                                    \
          .type = FIELD_SECRET,                                                                    \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_GROQ, FIELD_KEY),                                                 \
          .seen = UNIT_SEEN(UNIT_GROQ, FIELD_KEY),                                                 \
          .min = 1,                                                                                \
          .max = KEY_CHARS_MAX,                                                                    \
          .doc = "Groq API key; null clears it" },                                                 \
        { .name = "openclawEndpointUrl",                                                           \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_OPENCLAW, FIELD_ENDPOINT),                                        \
          .seen = UNIT_SEEN(UNIT_OPENCLAW, FIELD_ENDPOINT),                                        \
          .min = 1,                                                                                \
          .max = URL_CHARS_MAX,                                                                    \
          .doc = "Base URL of the gateway; another one clears its secrets unless they are given "  \
                 "too" },                                                                          \
        { .name = "openclawBearer",                                                                \
          .type = FIELD_SECRET,                                                                    \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_OPENCLAW, FIELD_KEY),                                             \
          .seen = UNIT_SEEN(UNIT_OPENCLAW, FIELD_KEY),                                             \
          .min = 1,                                                                                \
          .max = KEY_CHARS_MAX,                                                                    \
          .doc = "Bearer of the gateway; null clears it" },                                        \
        { .name = "openclawAgentId",                                                               \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_OPENCLAW, FIELD_AGENT),                                           \
          .seen = UNIT_SEEN(UNIT_OPENCLAW, FIELD_AGENT),                                           \
          .min = 1,                                                                                \
          .max = NAME_CHARS_MAX,                                                                   \
          .doc = "Agent that answers; null clears it" },                                           \
        { .name = "openclawCfAccessClientId",                                                      \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_OPENCLAW, FIELD_CF_ID),                                           \
          .seen = UNIT_SEEN(UNIT_OPENCLAW, FIELD_CF_ID),                                           \
          .min = 1,                                                                                \
          .max = NAME_CHARS_MAX,                                                                   \
          .doc = "Client id of Cloudflare Access; goes with its secret" },                         \
        { .name = "openclawCfAccessClientSecret",                                                  \
          .type = FIELD_SECRET,                                                                    \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_OPENCLAW, FIELD_CF_SECRET),                                       \
          .seen = UNIT_SEEN(UNIT_OPENCLAW, FIELD_CF_SECRET),                                       \
          .min = 1,                                                                                \
          .max = KEY_CHARS_MAX,                                                                    \
          .doc = "Client secret of Cloudflare Access; goes with its id" },                         \
        { .name = "hermesEndpointUrl",                                                             \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_HERMES, FIELD_ENDPOINT),                                          \
          .seen = UNIT_SEEN(UNIT_HERMES, FIELD_ENDPOINT),                                          \
          .min = 1,                                                                                \
          .max = URL_CHARS_MAX,                                                                    \
          .doc = "Base URL of the tenant; another one clears the key unless that is given too" },  \
        { .name = "hermesApiKey",                                                                  \
          .type = FIELD_SECRET,                                                                    \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = UNIT_AT(UNIT_HERMES, FIELD_KEY),                                               \
          .seen = UNIT_SEEN(UNIT_HERMES, FIELD_KEY),                                               \
          .min = 1,                                                                                \
          .max = KEY_CHARS_MAX,                                                                    \
          .doc = "Key of the Hermes gateway; null clears it" },                                    \
        { .name = "chatProvider",                                                                  \
          .type = FIELD_ENUM,                                                                      \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = FIELD_AT(struct change_in, change.chat_provider.value),                        \
          .seen = FIELD_SEEN(struct change_in, change.chat_provider.seen),                         \
          .values = unit_words,                                                                    \
          .doc = "Provider to pin for chats; null unpins" },                                       \
        { .name = "chatModel",                                                                     \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = FIELD_AT(struct change_in, change.chat_model.value),                           \
          .seen = FIELD_SEEN(struct change_in, change.chat_model.seen),                            \
          .min = 1,                                                                                \
          .max = NAME_CHARS_MAX,                                                                   \
          .doc = "Model for chats; null leaves it to the next tier" },                             \
        { .name = "transcriptionProvider",                                                         \
          .type = FIELD_ENUM,                                                                      \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = FIELD_AT(struct change_in, change.transcription_provider.value),               \
          .seen = FIELD_SEEN(struct change_in, change.transcription_provider.seen),                \
          .values = transcription_providers,                                                       \
          .doc = "What transcribes; null leaves it to the next tier" },                            \
    {                                                                                              \
        .name = "verify", .type = FIELD_BOOL, .offset = FIELD_AT(struct change_in, change.verify), \
        .doc = "Ask the provider first; nothing is saved when it refuses"                          \
    }

static const struct field change_in_fields[] = { CHANGE_FIELDS, FIELD_END };
static const struct field organization_change_in_fields[] = {
    { .name = "orgId",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct change_in, organization_id),
      .doc = "Id of the organisation" },
    CHANGE_FIELDS,
    { .name = "allowPersonalKeys",
      .type = FIELD_BOOL,
      .offset = FIELD_AT(struct change_in, change.allow_personal),
      .seen = FIELD_SEEN(struct change_in, change.allow_personal_seen),
      .doc = "Whether members may use keys of their own" },
    FIELD_END,
};

struct organization_in {
    struct str organization_id;
};
static const struct field organization_in_fields[] = {
    { .name = "orgId",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct organization_in, organization_id),
      .doc = "Id of the organisation" },
    FIELD_END,
};

static enum err get(struct cx *cx, enum tier tier, struct str organization_id, void *output)
{
    struct config_out *out = output;
    struct scope scope;
    TRY(config_scope(cx, tier, organization_id, ROLE_ADMIN, &scope));
    TRY(config_get(cx, &scope, &out->config));
    out_finish(out);
    return OK;
}

/* What `in` holds is the call's own, which is wiped of secrets. */
static enum err change(struct cx *cx, enum tier tier, const char *action, const void *input,
                       void *output)
{
    struct change_in *in = (struct change_in *)(uintptr_t)input;
    struct config_out *out = output;
    struct config_request rq = { .tier = tier,
                                 .organization_id = in->organization_id,
                                 .least = ROLE_ADMIN,
                                 .action = action,
                                 .change = &in->change };
    TRY(config_change(cx, &rq, &out->config));
    out_finish(out);
    return OK;
}

static enum err get_personal_run(struct cx *cx, const void *in, void *out)
{
    (void)in;
    return get(cx, TIER_USER, STR_NULL, out);
}

static enum err get_workspace_run(struct cx *cx, const void *in, void *out)
{
    (void)in;
    return get(cx, TIER_WORKSPACE, STR_NULL, out);
}

static enum err get_organization_run(struct cx *cx, const void *input, void *out)
{
    const struct organization_in *in = input;
    return get(cx, TIER_ORGANIZATION, in->organization_id, out);
}

static enum err update_personal_run(struct cx *cx, const void *in, void *out)
{
    return change(cx, TIER_USER, "update_personal_ai_config", in, out);
}

static enum err update_workspace_run(struct cx *cx, const void *in, void *out)
{
    return change(cx, TIER_WORKSPACE, "update_workspace_ai_config", in, out);
}

static enum err update_organization_run(struct cx *cx, const void *in, void *out)
{
    return change(cx, TIER_ORGANIZATION, "update_organization_ai_config", in, out);
}

static enum err clear_personal_run(struct cx *cx, const void *in, void *out)
{
    (void)in, (void)out;
    return config_clear(
        cx, &(struct config_request){ .tier = TIER_USER, .action = "clear_personal_ai_config" });
}

static enum err clear_workspace_run(struct cx *cx, const void *in, void *out)
{
    (void)in, (void)out;
    return config_clear(cx, &(struct config_request){ .tier = TIER_WORKSPACE,
                                                      .action = "clear_workspace_ai_config" });
}

static enum err clear_organization_run(struct cx *cx, const void *input, void *out)
{
    const struct organization_in *in = input;
    (void)out;
    return config_clear(cx, &(struct config_request){ .tier = TIER_ORGANIZATION,
                                                      .organization_id = in->organization_id,
                                                      .least = ROLE_OWNER,
                                                      .action = "clear_organization_ai_config" });
}

/* ---- the former endpoint ---- */

struct set_key_in {
    struct str provider, key;
    bool verify;
};
struct set_key_out {
    bool valid;
    struct str error;
};
static const struct field set_key_in_fields[] = {
    { .name = "provider",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct set_key_in, provider),
      .values = key_providers,
      .doc = "Whose key it is" },
    { .name = "apiKey",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct set_key_in, key),
      .min = 1,
      .max = KEY_CHARS_MAX,
      .doc = "The key" },
    { .name = "verifyApiKey",
      .type = FIELD_BOOL,
      .offset = FIELD_AT(struct set_key_in, verify),
      .doc = "Ask the provider first; a key that it refuses is not saved" },
    FIELD_END,
};
static const struct field set_key_out_fields[] = {
    { .name = "valid",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct set_key_out, valid),
      .doc = "False: nothing was saved" },
    { .name = "error",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct set_key_out, error),
      .doc = "Why not" },
    FIELD_END,
};

static enum err set_key_run(struct cx *cx, const void *input, void *output)
{
    const struct set_key_in *in = input;
    struct set_key_out *out = output;
    struct change c = { .verify = in->verify };
    struct config_request rq = { .tier = TIER_WORKSPACE, .action = "set_ai_key", .change = &c };
    c.units[unit_find(in->provider)][FIELD_KEY] = (struct field_change){ FIELD_GIVEN, in->key };
    enum err e = config_change(cx, &rq, NULL);
    out->valid = e == OK;
    if (e != ERR_VALIDATION && e != ERR_UPSTREAM && e != ERR_UPSTREAM_TIMEOUT)
        return e;
    out->error = cx->failure.message;
    cx_clear_failure(cx);
    return OK;
}

/* ---- rows ---- */

const struct op credential_ops[] = {
    { .name = "get_personal_ai_config",
      .kind = OP_JSON,
      .http = "GET /api/settings/ai-config/personal",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .out = config_out_fields,
      .out_size = sizeof(struct config_out),
      .run = get_personal_run,
      .summary = "Show your provider keys",
      .doc = "What is stored, masked, never the secrets; orgPolicy; and effective: which provider, "
             "model and key would be used now, and why." },
    { .name = "update_personal_ai_config",
      .kind = OP_JSON,
      .http = "PATCH /api/settings/ai-config/personal",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_EXTERNAL,
      .in = change_in_fields,
      .in_size = sizeof(struct change_in),
      .out = config_out_fields,
      .out_size = sizeof(struct config_out),
      .run = update_personal_run,
      .summary = "Change your provider keys",
      .doc = "Fields that are absent stay, null clears. Changing an endpoint clears the secrets of "
             "its unit unless they are given in the same request. With verify the provider is "
             "asked first: a key that it refuses is 400, one that could not be checked 502 or 504, "
             "and nothing is saved. 403 PERSONAL_KEYS_DISABLED where the organisation forbids "
             "personal keys." },
    { .name = "clear_personal_ai_config",
      .kind = OP_JSON,
      .http = "DELETE /api/settings/ai-config/personal",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .run = clear_personal_run,
      .summary = "Clear your provider keys",
      .doc = "Removes your keys, addresses and choices, in every workspace of the organisation." },
    { .name = "get_workspace_ai_config",
      .kind = OP_JSON,
      .http = "GET /api/settings/ai-config",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .out = config_out_fields,
      .out_size = sizeof(struct config_out),
      .run = get_workspace_run,
      .summary = "Show the provider keys of the workspace",
      .doc = "What is stored, masked, never the secrets; orgPolicy; and effective: which provider, "
             "model and key would be used now, and why." },
    { .name = "set_ai_key",
      .kind = OP_JSON,
      .http = "POST /api/settings/ai-config",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_OWNER,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_EXTERNAL,
      .in = set_key_in_fields,
      .in_size = sizeof(struct set_key_in),
      .out = set_key_out_fields,
      .out_size = sizeof(struct set_key_out),
      .run = set_key_run,
      .summary = "Set one key of the workspace (former endpoint)",
      .doc = "As PATCH with one key. With verifyApiKey a key that its provider refuses, or that "
             "cannot be checked, is answered with valid false and is not saved." },
    { .name = "update_workspace_ai_config",
      .kind = OP_JSON,
      .http = "PATCH /api/settings/ai-config",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_EXTERNAL,
      .in = change_in_fields,
      .in_size = sizeof(struct change_in),
      .out = config_out_fields,
      .out_size = sizeof(struct config_out),
      .run = update_workspace_run,
      .summary = "Change the provider keys of the workspace",
      .doc = "Fields that are absent stay, null clears. Changing an endpoint clears the secrets of "
             "its unit unless they are given in the same request. With verify the provider is "
             "asked first: a key that it refuses is 400, one that could not be checked 502 or 504, "
             "and nothing is saved." },
    { .name = "clear_workspace_ai_config",
      .kind = OP_JSON,
      .http = "DELETE /api/settings/ai-config",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .run = clear_workspace_run,
      .summary = "Clear the provider keys of the workspace",
      .doc = "Removes its keys, addresses and choices; those of the organisation count then." },
    { .name = "get_organization_ai_config",
      .kind = OP_JSON,
      .http = "GET /api/organizations/{orgId}/ai-config",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .org_roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = organization_in_fields,
      .in_size = sizeof(struct organization_in),
      .out = config_out_fields,
      .out_size = sizeof(struct config_out),
      .run = get_organization_run,
      .summary = "Show the provider keys of the organisation",
      .doc =
          "What is stored, masked, never the secrets; orgPolicy; and effective: which provider, "
          "model and key would be used now, and why. Needs the role ADMIN in the organisation." },
    { .name = "update_organization_ai_config",
      .kind = OP_JSON,
      .http = "PUT /api/organizations/{orgId}/ai-config",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .org_roles = ROLES_ADMIN_UP,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_EXTERNAL,
      .in = organization_change_in_fields,
      .in_size = sizeof(struct change_in),
      .out = config_out_fields,
      .out_size = sizeof(struct config_out),
      .run = update_organization_run,
      .summary = "Change the provider keys of the organisation",
      .doc = "Fields that are absent stay, null clears. Changing an endpoint clears the secrets of "
             "its unit unless they are given in the same request. With verify the provider is "
             "asked first: a key that it refuses is 400, one that could not be checked 502 or 504, "
             "and nothing is saved. Needs the role ADMIN in the organisation. allowPersonalKeys "
             "false makes personal keys be ignored at once; they are kept." },
    { .name = "clear_organization_ai_config",
      .kind = OP_JSON,
      .http = "DELETE /api/organizations/{orgId}/ai-config",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ANY,
      .org_roles = ROLES_OWNER,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = organization_in_fields,
      .in_size = sizeof(struct organization_in),
      .run = clear_organization_run,
      .summary = "Clear the provider keys of the organisation",
      .doc = "Needs the role OWNER in the organisation. Its policy on personal keys stays." },
};
const size_t credential_ops_count = sizeof credential_ops / sizeof *credential_ops;
