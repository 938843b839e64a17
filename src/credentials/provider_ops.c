/* Operations that ask providers: their models, test-fire at gateways, the job that verifies. */
#include "credentials/config.h"
#include "credentials/credentials.h"
#include "credentials/models.h"

/* ---- models ---- */

struct models_in {
    struct str provider;
};
struct models_out {
    struct span models;
    struct str provider, key_source;
    int64_t since_ms;
};
static const struct field models_in_fields[] = {
    { .name = "provider",
      .type = FIELD_ENUM,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct models_in, provider),
      .values = unit_words_offline,
      .doc = "Whose models; not given: the provider that answers now" },
    FIELD_END,
};
static const struct field price_fields[] = {
    { .name = "inputPerMillionUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct model_price, input),
      .doc = "Dollars for a million input tokens" },
    { .name = "outputPerMillionUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct model_price, output),
      .doc = "Dollars for a million output tokens" },
    { .name = "cacheReadPerMillionUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct model_price, cache_read),
      .doc = "Dollars for a million tokens read from a cache" },
    { .name = "cacheWritePerMillionUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct model_price, cache_write),
      .doc = "Dollars for a million tokens written to a cache" },
    { .name = "version",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct model_price, version),
      .doc = "Version of the price list, or override" },
    { .name = "unpriced",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct model_price, unpriced),
      .doc = "Nobody knows its price" },
    FIELD_END,
};
static const struct field model_fields[] = {
    { .name = "id",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct model, id),
      .doc = "Id of the model" },
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct model, name),
      .doc = "Its name for people" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct model, created_at_ms),
      .doc = "When the provider made it" },
    { .name = "price",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .fields = price_fields,
      .offset = FIELD_AT(struct model, price),
      .doc = "What it costs here" },
    FIELD_END,
};
static const struct field models_out_fields[] = {
    { .name = "models",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .fields = model_fields,
      .elem_size = sizeof(struct model),
      .offset = FIELD_AT(struct models_out, models),
      .doc = "Models, in the order of the provider, at most 500" },
    { .name = "provider",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = unit_words_offline,
      .offset = FIELD_AT(struct models_out, provider),
      .doc = "Provider" },
    { .name = "keySource",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .values = key_source_words,
      .offset = FIELD_AT(struct models_out, key_source),
      .doc = "Whose credential was used" },
    { .name = "cachedAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct models_out, since_ms),
      .doc = "When the provider was asked" },
    FIELD_END,
};

static enum err models_run(struct cx *cx, const void *input, void *output)
{
    const struct models_in *in = input;
    struct models_out *out = output;
    struct models m;
    TRY(models_list(cx, in->provider, &m));
    *out = (struct models_out){ { m.items, m.count }, m.provider, m.key_source, m.since_ms };
    return OK;
}

/* ---- test-fire ---- */

struct fire_out {
    bool ok;
    struct str summary;
    struct span probes;
    struct gateway_report report;
};
static const struct field probe_fields[] = {
    { .name = "name",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct gateway_probe, name),
      .doc = "What was tried" },
    { .name = "method",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct gateway_probe, method),
      .doc = "Method" },
    { .name = "url",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct gateway_probe, url),
      .doc = "Address" },
    { .name = "status",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct gateway_probe, status),
      .doc = "Status of the answer; 0: none came" },
    { .name = "durationMs",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct gateway_probe, duration_ms),
      .doc = "How long it took" },
    { .name = "body",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct gateway_probe, body),
      .doc = "Beginning of the answer, without secrets" },
    { .name = "error",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct gateway_probe, error),
      .doc = "What is wrong, in words; null: nothing" },
    FIELD_END,
};
static const struct field fire_out_fields[] = {
    { .name = "ok",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct fire_out, ok),
      .doc = "Both requests succeeded" },
    { .name = "summary",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct fire_out, summary),
      .doc = "The result in a sentence" },
    { .name = "probes",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .fields = probe_fields,
      .elem_size = sizeof(struct gateway_probe),
      .offset = FIELD_AT(struct fire_out, probes),
      .doc = "The two requests" },
    FIELD_END,
};

static enum err fire(struct cx *cx, enum unit u, const char *action, struct fire_out *out)
{
    TRY(config_test_fire(cx, u, action, &out->report));
    out->ok = out->report.ok;
    out->summary = out->report.summary;
    out->probes = (struct span){ out->report.probes, 2 };
    return OK;
}

static enum err fire_openclaw_run(struct cx *cx, const void *in, void *out)
{
    (void)in;
    return fire(cx, UNIT_OPENCLAW, "test_openclaw", out);
}

static enum err fire_hermes_run(struct cx *cx, const void *in, void *out)
{
    (void)in;
    return fire(cx, UNIT_HERMES, "test_hermes", out);
}

/* ---- the job ---- */

struct verify_out {
    bool ok;
    struct str job;
    struct verify_counts counts;
};
static const struct field verify_out_fields[] = {
    { .name = "ok",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, ok),
      .doc = "It ran" },
    { .name = "job",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, job),
      .doc = "verify-ai-keys" },
    { .name = "startedAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.started_at_ms),
      .doc = "When it began" },
    { .name = "durationMs",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.duration_ms),
      .doc = "How long it took" },
    { .name = "checked",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.checked),
      .doc = "Credentials whose provider was asked" },
    { .name = "verified",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.verified),
      .doc = "Accepted" },
    { .name = "refused",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.refused),
      .doc = "Refused with 401 or 403: keyVerifiedAt is cleared" },
    { .name = "unknown",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.unknown),
      .doc = "Of which the answer says nothing: 429, 5xx, time-outs" },
    { .name = "unreadable",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.unreadable),
      .doc = "That cannot be decrypted" },
    { .name = "remaining",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, counts.remaining),
      .doc = "Left for the next run" },
    FIELD_END,
};

static enum err verify_run(struct cx *cx, const void *in, void *output)
{
    struct verify_out *out = output;
    (void)in;
    TRY(verify_all(cx, &out->counts));
    out->ok = true;
    out->job = STR("verify-ai-keys");
    return OK;
}

/* ---- rows ---- */

const struct op provider_ops[] = {
    { .name = "list_ai_models",
      .kind = OP_JSON,
      .http = "GET /api/ai/models",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_READ,
      .effect = EFFECT_EXTERNAL,
      .in = models_in_fields,
      .in_size = sizeof(struct models_in),
      .out = models_out_fields,
      .out_size = sizeof(struct models_out),
      .run = models_run,
      .summary = "List models of a provider",
      .doc = "Asks /v1/models of the provider with the credential that a call would use, at most "
             "every five minutes, with our price beside each. 409 PROVIDER_NOT_CONFIGURED, "
             "CREDENTIAL_UNREADABLE; 502 or 504 when the provider gives no list." },
    { .name = "test_openclaw",
      .kind = OP_JSON,
      .http = "POST /api/settings/ai-config/openclaw/test-fire",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_EXTERNAL,
      .flags = OP_NO_BODY,
      .out = fire_out_fields,
      .out_size = sizeof(struct fire_out),
      .run = fire_openclaw_run,
      .summary = "Test the OpenClaw gateway",
      .doc = "GET /health and POST /v1/chat/completions at the saved gateway, with what is wrong "
             "in words. 409 PROVIDER_NOT_CONFIGURED without one." },
    { .name = "test_hermes",
      .kind = OP_JSON,
      .http = "POST /api/settings/ai-config/hermes/test-fire",
      .category = "credentials",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_EXTERNAL,
      .flags = OP_NO_BODY,
      .out = fire_out_fields,
      .out_size = sizeof(struct fire_out),
      .run = fire_hermes_run,
      .summary = "Test the Hermes gateway",
      .doc = "GET /v1/models and POST /v1/chat/completions at the saved base URL, with what is "
             "wrong in words. 409 PROVIDER_NOT_CONFIGURED without one." },
    { .name = "verify_ai_keys",
      .kind = OP_JSON,
      .http = "POST /api/cron/verify-ai-keys",
      .category = "credentials",
      .auth = AUTH_CRON,
      .roles = ROLES_ANY,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_EXTERNAL,
      .flags = OP_NO_BODY,
      .out = verify_out_fields,
      .out_size = sizeof(struct verify_out),
      .run = verify_run,
      .summary = "Verify the stored provider keys",
      .doc = "Asks the provider of each stored credential. 401 and 403 clear keyVerifiedAt and "
             "mark it refused; 429, 5xx and time-outs change nothing. Once at a time over all "
             "processes: 409 CONFLICT while it runs. The server does it every night by itself." },
};
const size_t provider_ops_count = sizeof provider_ops / sizeof *provider_ops;
