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

/* What every unit shows, around what is its own. */
#define UNIT_TEXT(json, member, text)                                                              \
    {                                                                                              \
        .name = json, .type = FIELD_STR, .flags = FIELD_NULLABLE,                                  \
        .offset = FIELD_AT(struct unit_view, member), .doc = text                                  \
    }
#define UNIT_TIME(json, member, text)                                                              \
    {                                                                                              \
        .name = json, .type = FIELD_TIME, .flags = FIELD_NULLABLE,                                 \
        .offset = FIELD_AT(struct unit_view, member), .doc = text                                  \
    }
#define UNIT_HEAD(secret)                                                                          \
    { .name = "configured",                                                                        \
      .type = FIELD_BOOL,                                                                          \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct unit_view, configured),                                            \
      .doc = "Whether the unit is complete, so that calls can use it" },                           \
        { .name = "state",                                                                         \
          .type = FIELD_ENUM,                                                                      \
          .flags = FIELD_REQUIRED,                                                                 \
          .values = states,                                                                        \
          .offset = FIELD_AT(struct unit_view, state),                                             \
          .doc = "ABSENT or not complete, SET, VERIFIED by its provider, REFUSED by it (401 or "   \
                 "403), UNREADABLE: cannot be decrypted" },                                        \
        UNIT_TEXT("masked", masked, secret ", masked: beginning and last four characters")
#define UNIT_TAIL                                                                                  \
    UNIT_TIME("keyVerifiedAt", verified_at_ms, "When its provider last accepted it"),              \
        UNIT_TIME("updatedAt", updated_at_ms, "When it was last changed")

static const struct field key_unit_fields[] = { UNIT_HEAD("The key"), UNIT_TAIL, FIELD_END };
static const struct field openai_unit_fields[] = {
    UNIT_HEAD("The key"),
    UNIT_TEXT("baseUrl", endpoint, "Address of a compatible server; null: OpenAI itself"),
    UNIT_TAIL,
    FIELD_END,
};
static const struct field hermes_unit_fields[] = {
    UNIT_HEAD("The key"),
    UNIT_TEXT("endpointUrl", endpoint, "Base URL of the tenant"),
    UNIT_TAIL,
    FIELD_END,
};
static const struct field openclaw_unit_fields[] = {
    UNIT_HEAD("The bearer"),
    UNIT_TEXT("endpointUrl", endpoint, "Base URL of the gateway"),
    UNIT_TEXT("agentId", agent_id, "Agent that answers"),
    UNIT_TEXT("cfAccessClientId", cf_client_id, "Client id of Cloudflare Access"),
    UNIT_TEXT("cfAccessClientSecretMasked", cf_masked, "Its secret, masked"),
    UNIT_TAIL,
    FIELD_END,
};
#define UNIT(json, unit, table, text)                                                              \
    {                                                                                              \
        .name = json, .type = FIELD_OBJECT, .flags = FIELD_REQUIRED, .fields = (table),            \
        .offset = FIELD_AT(struct config_view, units[unit]), .doc = text                           \
    }
static const struct field config_fields[] = {
    UNIT("anthropic", UNIT_ANTHROPIC, key_unit_fields, "Anthropic"),
    UNIT("openai", UNIT_OPENAI, openai_unit_fields, "OpenAI, or a compatible server"),
    UNIT("groq", UNIT_GROQ, key_unit_fields, "Groq"),
    UNIT("openclaw", UNIT_OPENCLAW, openclaw_unit_fields, "An OpenClaw gateway"),
    UNIT("hermes", UNIT_HERMES, hermes_unit_fields, "A Hermes gateway"),
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
#define ORGANIZATION(in_struct)                                                                    \
    {                                                                                              \
        .name = "orgId", .type = FIELD_ID, .from = FROM_PATH, .flags = FIELD_REQUIRED,             \
        .offset = FIELD_AT(in_struct, organization_id), .doc = "Id of the organisation"            \
    }
/* A part of a unit; null clears it. */
#define PART(json, type_, unit, part, most, text)                                                  \
    {                                                                                              \
        .name = json, .type = (type_), .flags = FIELD_NULLABLE,                                    \
        .offset = FIELD_AT(struct change_in, change.units[unit][part].value),                      \
        .seen = FIELD_SEEN(struct change_in, change.units[unit][part].seen), .min = 1,             \
        .max = (most), .doc = text                                                                 \
    }
#define SECRET(json, unit, part, text) PART(json, FIELD_SECRET, unit, part, KEY_CHARS_MAX, text)
#define URL(json, unit, text) PART(json, FIELD_STR, unit, FIELD_ENDPOINT, URL_CHARS_MAX, text)
#define NAME(json, unit, part, text) PART(json, FIELD_STR, unit, part, NAME_CHARS_MAX, text)
/* A choice of the tier; null leaves it to the next one. */
#define CHOICE(json, member, ...)                                                                  \
    {                                                                                              \
        .name = json, .flags = FIELD_NULLABLE,                                                     \
        .offset = FIELD_AT(struct change_in, change.member.value),                                 \
        .seen = FIELD_SEEN(struct change_in, change.member.seen), __VA_ARGS__                      \
    }

#define CHANGE_FIELDS                                                                              \
    SECRET("anthropicApiKey", UNIT_ANTHROPIC, FIELD_KEY, "Anthropic API key; null clears it"),     \
        SECRET("openaiApiKey", UNIT_OPENAI, FIELD_KEY,                                             \
               "OpenAI API key, or that of a compatible server; null clears it"),                  \
        URL("openaiBaseUrl", UNIT_OPENAI,                                                          \
            "Address of a compatible server; another one clears the key unless that is given "     \
            "too"),                                                                                \
        SECRET("groqApiKey", UNIT_GROQ, FIELD_KEY, "Groq API key; null clears it"),                \
        URL("openclawEndpointUrl", UNIT_OPENCLAW,                                                  \
            "Base URL of the gateway; another one clears its secrets unless they are given too"),  \
        SECRET("openclawBearer", UNIT_OPENCLAW, FIELD_KEY,                                         \
               "Bearer of the gateway; null clears it"),                                           \
        NAME("openclawAgentId", UNIT_OPENCLAW, FIELD_AGENT, "Agent that answers; null clears it"), \
        NAME("openclawCfAccessClientId", UNIT_OPENCLAW, FIELD_CF_ID,                               \
             "Client id of Cloudflare Access; goes with its secret"),                              \
        SECRET("openclawCfAccessClientSecret", UNIT_OPENCLAW, FIELD_CF_SECRET,                     \
               "Client secret of Cloudflare Access; goes with its id"),                            \
        URL("hermesEndpointUrl", UNIT_HERMES,                                                      \
            "Base URL of the tenant; another one clears the key unless that is given too"),        \
        SECRET("hermesApiKey", UNIT_HERMES, FIELD_KEY,                                             \
               "Key of the Hermes gateway; null clears it"),                                       \
        CHOICE("chatProvider", chat_provider, .type = FIELD_ENUM, .values = unit_words,            \
               .doc = "Provider to pin for chats; null unpins"),                                   \
        CHOICE("chatModel", chat_model, .type = FIELD_STR, .min = 1, .max = NAME_CHARS_MAX,        \
               .doc = "Model for chats; null leaves it to the next tier"),                         \
        CHOICE("transcriptionProvider", transcription_provider, .type = FIELD_ENUM,                \
               .values = transcription_providers,                                                  \
               .doc = "What transcribes; null leaves it to the next tier"),                        \
    {                                                                                              \
        .name = "verify", .type = FIELD_BOOL, .offset = FIELD_AT(struct change_in, change.verify), \
        .doc = "Ask the provider first; nothing is saved when it refuses"                          \
    }

static const struct field change_in_fields[] = { CHANGE_FIELDS, FIELD_END };
static const struct field organization_change_in_fields[] = {
    ORGANIZATION(struct change_in),
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
    ORGANIZATION(struct organization_in),
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

/* ---- rows: what is alike for all tiers, once ---- */

#define CONFIG_ROW(name_, http_, run_)                                                             \
    .name = (name_), .kind = OP_JSON, .http = (http_), .category = "credentials",                  \
    .auth = AUTH_SESSION, .run = (run_)
#define GIVES_CONFIG .out = config_out_fields, .out_size = sizeof(struct config_out)
#define SHOWS                                                                                      \
    .tx = TX_READ, .lane = LANE_WORKER, .rate = RATE_READ, .effect = EFFECT_READ, GIVES_CONFIG
/* With verify a provider is asked: no transaction may be open meanwhile. */
#define CHANGES .lane = LANE_SLOW, .rate = RATE_WRITE, .effect = EFFECT_EXTERNAL
#define CLEARS .lane = LANE_WORKER, .rate = RATE_WRITE, .effect = EFFECT_WRITE
#define TAKES(fields_, struct_) .in = (fields_), .in_size = sizeof(struct_)

#define SHOWS_DOC                                                                                  \
    "What is stored, masked, never the secrets; orgPolicy; and effective: which provider, model "  \
    "and key would be used now, and why."
#define CHANGES_DOC                                                                                \
    "Fields that are absent stay, null clears. Changing an endpoint clears the secrets of its "    \
    "unit unless they are given in the same request. With verify the provider is asked first: a "  \
    "key that it refuses is 400, one that could not be checked 502 or 504, and nothing is saved."

const struct op credential_ops[] = {
    { CONFIG_ROW("get_personal_ai_config", "GET /api/settings/ai-config/personal",
                 get_personal_run),
      SHOWS, .roles = ROLES_MEMBER_UP, .summary = "Show your provider keys", .doc = SHOWS_DOC },
    { CONFIG_ROW("update_personal_ai_config", "PATCH /api/settings/ai-config/personal",
                 update_personal_run),
      .tx = TX_NONE, CHANGES, .roles = ROLES_MEMBER_UP, TAKES(change_in_fields, struct change_in),
      GIVES_CONFIG, .summary = "Change your provider keys",
      .doc = CHANGES_DOC " 403 PERSONAL_KEYS_DISABLED where the organisation forbids personal "
                         "keys." },
    { CONFIG_ROW("clear_personal_ai_config", "DELETE /api/settings/ai-config/personal",
                 clear_personal_run),
      .tx = TX_NONE, CLEARS, .roles = ROLES_MEMBER_UP, .summary = "Clear your provider keys",
      .doc = "Removes your keys, addresses and choices, in every workspace of the organisation." },
    { CONFIG_ROW("get_workspace_ai_config", "GET /api/settings/ai-config", get_workspace_run),
      SHOWS, .roles = ROLES_ADMIN_UP, .summary = "Show the provider keys of the workspace",
      .doc = SHOWS_DOC },
    { CONFIG_ROW("set_ai_key", "POST /api/settings/ai-config", set_key_run), .tx = TX_NONE, CHANGES,
      .roles = ROLES_OWNER, TAKES(set_key_in_fields, struct set_key_in), .out = set_key_out_fields,
      .out_size = sizeof(struct set_key_out),
      .summary = "Set one key of the workspace (former endpoint)",
      .doc = "As PATCH with one key. With verifyApiKey a key that its provider refuses, or that "
             "cannot be checked, is answered with valid false and is not saved." },
    { CONFIG_ROW("update_workspace_ai_config", "PATCH /api/settings/ai-config",
                 update_workspace_run),
      .tx = TX_NONE, CHANGES, .roles = ROLES_ADMIN_UP, TAKES(change_in_fields, struct change_in),
      GIVES_CONFIG, .summary = "Change the provider keys of the workspace", .doc = CHANGES_DOC },
    { CONFIG_ROW("clear_workspace_ai_config", "DELETE /api/settings/ai-config",
                 clear_workspace_run),
      .tx = TX_NONE, CLEARS, .roles = ROLES_ADMIN_UP,
      .summary = "Clear the provider keys of the workspace",
      .doc = "Removes its keys, addresses and choices; those of the organisation count then." },
    { CONFIG_ROW("get_organization_ai_config", "GET /api/organizations/{orgId}/ai-config",
                 get_organization_run),
      SHOWS, .roles = ROLES_ANY, .org_roles = ROLES_ADMIN_UP,
      TAKES(organization_in_fields, struct organization_in),
      .summary = "Show the provider keys of the organisation",
      .doc = SHOWS_DOC " Needs the role ADMIN in the organisation." },
    { CONFIG_ROW("update_organization_ai_config", "PUT /api/organizations/{orgId}/ai-config",
                 update_organization_run),
      .tx = TX_NONE, CHANGES, .roles = ROLES_ANY, .org_roles = ROLES_ADMIN_UP,
      TAKES(organization_change_in_fields, struct change_in), GIVES_CONFIG,
      .summary = "Change the provider keys of the organisation",
      .doc = CHANGES_DOC " Needs the role ADMIN in the organisation. allowPersonalKeys false makes "
                         "personal keys be ignored at once; they are kept." },
    { CONFIG_ROW("clear_organization_ai_config", "DELETE /api/organizations/{orgId}/ai-config",
                 clear_organization_run),
      .tx = TX_NONE, CLEARS, .roles = ROLES_ANY, .org_roles = ROLES_OWNER,
      TAKES(organization_in_fields, struct organization_in),
      .summary = "Clear the provider keys of the organisation",
      .doc = "Needs the role OWNER in the organisation. Its policy on personal keys stays." },
};
const size_t credential_ops_count = sizeof credential_ops / sizeof *credential_ops;
