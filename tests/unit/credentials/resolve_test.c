/* The resolver over real rows on both engines: every state of each tier, policy and kind of caller,
 * against an independent reading of the rule; and that a secret leaves only with the endpoint of
 * its own row, whatever is done to the database. */
#include "settings.h"

#include <sched.h>
#include <stdio.h>

#include "credentials/credentials_sql.h"
#include "credentials/store.h"
#include "db/driver.h"
#include "vault/vault.h"

/* ---- rows ---- */

enum seed {
    SEED_ABSENT,
    SEED_INCOMPLETE,
    SEED_SET,
    SEED_VERIFIED,
    SEED_REFUSED,
    SEED_UNREADABLE,
    SEED_COUNT
};

struct trial { /* one way of asking */
    bool forbid, person, by_name;
    /* what came */
    enum err result;
    struct credential *credential;
};
struct seeding {
    enum unit unit;
    enum seed seeds[TIER_COUNT];
    struct trial trials[8];
    struct credential *credential;
};

static struct str key_of(struct arena *a, enum unit u, enum tier t)
{
    return str_fmt(a, "key-%s-%s", unit_name(u), tier_name(t));
}

static struct str endpoint_of(struct arena *a, enum unit u, enum tier t)
{
    return str_fmt(a, "https://%s.%s.example/base", unit_name(u), tier_name(t));
}

static void fill_change(struct arena *a, const struct seeding *s, enum tier t, struct change *c)
{
    struct field_change *f = c->units[s->unit];
    enum unit u = s->unit;
    if (u == UNIT_HERMES || u == UNIT_OPENCLAW || u == UNIT_OPENAI)
        f[FIELD_ENDPOINT] = (struct field_change){ FIELD_GIVEN, endpoint_of(a, u, t) };
    if (u == UNIT_OPENCLAW)
        f[FIELD_AGENT] = (struct field_change){ FIELD_GIVEN, STR("agent") };
    if (s->seeds[t] == SEED_INCOMPLETE && u != UNIT_ANTHROPIC && u != UNIT_GROQ)
        return;
    if (s->seeds[t] != SEED_INCOMPLETE)
        f[FIELD_KEY] = (struct field_change){ FIELD_GIVEN, key_of(a, u, t) };
}

static struct scope scope_for(enum tier t)
{
    return (struct scope){ .tier = t,
                           .organization_id = STR("org"),
                           .owner_id = t == TIER_USER        ? STR("ann")
                                       : t == TIER_WORKSPACE ? STR("one")
                                                             : STR(""),
                           .action = "test" };
}

static enum err seed_tier(struct cx *cx, const struct seeding *s, enum tier t)
{
    struct tiers now;
    struct change c = { 0 };
    struct scope scope = scope_for(t);
    fill_change(cx->arena, s, t, &c);
    TRY(tiers_load(cx, STR("ann"), &now));
    TRY(change_apply(cx, &scope, &now, &c));
    TRY(tiers_load(cx, STR("ann"), &now));
    const struct stored *row = now.units[t][s->unit];
    if (s->seeds[t] == SEED_VERIFIED || s->seeds[t] == SEED_REFUSED)
        return stored_mark(cx, STR_NULL, stored_ref(cx->arena, row), s->seeds[t] == SEED_REFUSED,
                           STR_NULL);
    if (s->seeds[t] == SEED_UNREADABLE) {
        char text[256];
        snprintf(text, sizeof text, "UPDATE credentials SET secret_version = 77 WHERE id = '%.*s'",
                 STR_ARG(row->row.id));
        return db_exec(cx, str_of(text));
    }
    return OK;
}

static enum err forbid(struct cx *cx)
{
    struct tiers now;
    struct change c = { .allow_personal_seen = FIELD_GIVEN };
    struct scope scope = scope_for(TIER_ORGANIZATION);
    TRY(tiers_load(cx, STR("ann"), &now));
    return change_apply(cx, &scope, &now, &c);
}

/* Seeds, asks in every way, and undoes all of it. */
static enum err seed_and_resolve(struct cx *cx, void *arg)
{
    struct seeding *s = arg;
    for (enum tier t = TIER_USER; t < TIER_SERVER; t++)
        if (s->seeds[t] != SEED_ABSENT)
            TRY(seed_tier(cx, s, t));
    for (int k = 0; k < 8; k++) {
        struct trial *trial = &s->trials[k];
        struct credential_wish wish = { 0 };
        credential_free(trial->credential); /* of a try that was repeated */
        *trial = (struct trial){ .forbid = k & 4, .person = k & 2, .by_name = k & 1 };
        if (trial->by_name)
            wish.provider = str_of(unit_name(s->unit));
        if (k == 4)
            TRY(forbid(cx));
        cx->principal.kind = trial->person ? PRINCIPAL_USER : PRINCIPAL_SYSTEM;
        trial->result = credentials_resolve(cx, &wish, &trial->credential);
    }
    return ERR_CONFLICT; /* rolled back */
}

/* ---- the rule, read again ---- */

static enum tier first_seeded(const struct seeding *s, const struct trial *trial, bool server)
{
    for (enum tier t = TIER_USER; t < TIER_SERVER; t++) {
        bool counts = t != TIER_USER || (trial->person && !trial->forbid);
        if (counts && s->seeds[t] != SEED_ABSENT && s->seeds[t] != SEED_INCOMPLETE)
            return t;
    }
    return server ? TIER_SERVER : TIER_NONE;
}

static bool server_has(const struct rooms *r, enum unit u)
{
    return (u == UNIT_ANTHROPIC && r->config.anthropic_api_key) ||
           (u == UNIT_OPENAI && r->config.openai_api_key) ||
           (u == UNIT_GROQ && r->config.groq_api_key);
}

static void check_own(const struct rooms *r, const struct seeding *s, const struct credential *c,
                      enum tier t)
{
    struct str key = t == TIER_SERVER ? STR("key-of-the-server") : key_of(r->arena, s->unit, t);
    assert_str(secret_bytes(c->key), str_cstr(r->arena, key));
    assert_string_equal(c->provider, unit_name(s->unit));
    assert_string_equal(c->key_source, tier_key_source(t));
    assert_int_equal(c->row_id != NULL, t != TIER_SERVER);
    bool own = t != TIER_SERVER &&
               (s->unit == UNIT_OPENAI || s->unit == UNIT_HERMES || s->unit == UNIT_OPENCLAW);
    assert_int_equal(c->guarded, own);
    if (own)
        assert_string_equal(c->base_url, str_cstr(r->arena, endpoint_of(r->arena, s->unit, t)));
}

static void check_trial(struct rooms *r, const struct seeding *s, struct trial *trial)
{
    enum tier t = first_seeded(s, trial, server_has(r, s->unit));
    enum err expected = OK;
    if (t == TIER_NONE)
        expected = trial->by_name ? ERR_PROVIDER_NOT_CONFIGURED : OK;
    else if (t != TIER_SERVER && s->seeds[t] >= SEED_REFUSED)
        expected = ERR_CREDENTIAL_UNREADABLE;
    if (trial->result != expected)
        fail_msg("%s %d%d%d forbid %d person %d by name %d: %s, not %s", unit_name(s->unit),
                 s->seeds[1], s->seeds[2], s->seeds[3], trial->forbid, trial->person,
                 trial->by_name, err_info(trial->result)->code, err_info(expected)->code);
    if (expected == OK && t != TIER_NONE)
        check_own(r, s, trial->credential, t);
    if (expected == OK && t == TIER_NONE)
        assert_string_equal(trial->credential->provider, "offline");
    credential_free(trial->credential);
}

static void check_case(struct rooms *r, struct seeding *s)
{
    struct principal as = r->cx.principal;
    enum err e = db_write(&r->cx, seed_and_resolve, s);
    r->cx.principal = as;
    assert_int_equal(e, ERR_CONFLICT);
    for (int k = 0; k < 8; k++)
        check_trial(r, s, &s->trials[k]);
    cx_clear_failure(&r->cx);
}

static void table_of(struct rooms *r, enum unit u)
{
    struct arena_mark mark = arena_mark(r->arena);
    for (int i = 0; i < SEED_COUNT * SEED_COUNT * SEED_COUNT; i++) {
        struct seeding s = { .unit = u };
        s.seeds[TIER_USER] = (enum seed)(i % SEED_COUNT);
        s.seeds[TIER_WORKSPACE] = (enum seed)(i / SEED_COUNT % SEED_COUNT);
        s.seeds[TIER_ORGANIZATION] = (enum seed)(i / SEED_COUNT / SEED_COUNT);
        check_case(r, &s);
        arena_reset(r->arena, mark);
    }
}

static void every_state_of_every_tier(void **state)
{
    ROOMS(state);
    for (enum unit u = UNIT_ANTHROPIC; u < UNIT_COUNT; u++)
        table_of(r, u);
}

static void every_state_with_keys_of_the_server(void **state)
{
    ROOMS(state);
    struct secret *key = secret_new(STR("key-of-the-server"));
    struct secret **const places[] = { [UNIT_ANTHROPIC] = &r->config.anthropic_api_key,
                                       [UNIT_OPENAI] = &r->config.openai_api_key,
                                       [UNIT_GROQ] = &r->config.groq_api_key };
    for (enum unit u = UNIT_ANTHROPIC; u <= UNIT_GROQ; u++) {
        *places[u] = key;
        table_of(r, u);
        *places[u] = NULL;
    }
    secret_free(key);
}

/* ---- what is done to the database ---- */

static enum err resolve_in_tx(struct cx *cx, void *arg)
{
    struct seeding *s = arg;
    return credentials_resolve(
        cx, &(struct credential_wish){ str_of(unit_name(s->unit)), STR_NULL }, &s->credential);
}

static enum err resolve(struct rooms *r, enum unit u)
{
    struct seeding s = { .unit = u };
    enum err e = db_read(&r->cx, resolve_in_tx, &s);
    credential_free(s.credential);
    return e;
}

static void patch(struct rooms *r, const char *operation, const char *arguments)
{
    r->cx.now_ms++;
    assert_ok(&r->cx, settings_call(r, operation, arguments, NULL));
}

/* What stored_note has queued is written by another thread, soon. */
static void await_events(struct rooms *r, const char *type, size_t count)
{
    struct arena_mark mark = arena_mark(r->arena);
    size_t got = 0;
    for (int i = 0; i < 20000 && got < count; i++) {
        arena_reset(r->arena, mark);
        got = settings_events(r, type);
        sched_yield();
    }
    assert_int_equal(got, count);
}

static void what_is_altered_or_moved_is_unreadable(void **state)
{
    static const char *const deeds[] = {
        "UPDATE credentials SET endpoint = 'https://evil.example' WHERE provider = 'hermes'",
        "UPDATE credentials SET endpoint = NULL WHERE provider = 'openai'",
        "UPDATE credentials SET endpoint = 'https://evil.example' WHERE provider = 'groq'",
        ("UPDATE credentials SET secret = (SELECT secret FROM credentials WHERE provider = "
         "'openai') "
         "WHERE provider = 'hermes'"),
        "UPDATE credentials SET secret_version = secret_version + 1",
        "UPDATE credentials SET id = 'other' WHERE provider = 'groq'",
        "UPDATE credentials SET tier = 'USER', owner_id = 'ann' WHERE provider = 'groq'",
        ("UPDATE credentials SET secret = cf_secret, secret_version = cf_secret_version "
         "WHERE provider = 'openclaw'"),
        "UPDATE credentials SET agent_id = 'another' WHERE provider = 'openclaw'",
        "UPDATE credentials SET cf_client_id = 'another' WHERE provider = 'openclaw'",
        "UPDATE credentials SET agent_id = 'another' WHERE provider = 'groq'",
        "UPDATE data_keys SET wrapped = (SELECT secret FROM credentials WHERE provider = 'hermes')",
        "DELETE FROM data_keys WHERE scope = 'org'",
        "UPDATE data_keys SET root_id = 'ffffffffffffffff' WHERE scope = 'org'",
    };
    static const enum unit hit[] = { UNIT_HERMES,   UNIT_OPENAI,   UNIT_GROQ, UNIT_HERMES,
                                     UNIT_GROQ,     UNIT_GROQ,     UNIT_GROQ, UNIT_OPENCLAW,
                                     UNIT_OPENCLAW, UNIT_OPENCLAW, UNIT_GROQ, UNIT_GROQ,
                                     UNIT_GROQ,     UNIT_OPENCLAW };
    ROOMS(state);
    provider_double_install(r);
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        settings_sql(r, "DELETE FROM credentials; DELETE FROM data_keys; DELETE FROM audit");
        patch(r, "update_workspace_ai_config",
              "{\"groqApiKey\":\"gsk_abcdefgh\",\"hermesEndpointUrl\":\"https://h.example/t\","
              "\"hermesApiKey\":\"hermes-key\",\"openaiBaseUrl\":\"https://o.example\","
              "\"openaiApiKey\":\"o-key\",\"openclawEndpointUrl\":\"https://c.example\","
              "\"openclawBearer\":\"bearer\",\"openclawAgentId\":\"agent\","
              "\"openclawCfAccessClientId\":\"id\",\"openclawCfAccessClientSecret\":\"cf\"}");
        assert_ok(&r->cx, resolve(r, hit[i]));
        settings_sql(r, deeds[i]);
        if (resolve(r, hit[i]) != ERR_CREDENTIAL_UNREADABLE)
            fail_msg("%s: it can be opened", deeds[i]);
        resolve(r, hit[i]);
        await_events(r, "CREDENTIAL_UNDECRYPTABLE", 1);
    }
    provider_double_remove(r);
}

static void a_row_of_another_tenant_is_unreadable(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    settings_sql(r, "INSERT INTO organizations (id, name, created_at, updated_at) VALUES "
                    "('org2', 'x', 1, 1)");
    settings_sql(r, "UPDATE workspaces SET organization_id = 'org2' WHERE id = 'two'");
    patch(r, "update_workspace_ai_config", "{\"groqApiKey\":\"gsk_of_one\"}");
    rooms_as(r, "eve", "two");
    assert_int_equal(resolve(r, UNIT_GROQ), ERR_PROVIDER_NOT_CONFIGURED);
    patch(r, "update_workspace_ai_config", "{\"groqApiKey\":\"gsk_of_two\"}");
    assert_ok(&r->cx, resolve(r, UNIT_GROQ));
    settings_sql(r, "UPDATE credentials SET secret = (SELECT secret FROM credentials WHERE "
                    "owner_id = 'one'), id = 'x' || id WHERE owner_id = 'two'");
    assert_int_equal(resolve(r, UNIT_GROQ), ERR_CREDENTIAL_UNREADABLE);
    settings_sql(r, "DELETE FROM credentials WHERE owner_id = 'two'");
    settings_sql(r, "UPDATE credentials SET organization_id = 'org2', owner_id = 'two'");
    assert_int_equal(resolve(r, UNIT_GROQ), ERR_CREDENTIAL_UNREADABLE);
    provider_double_remove(r);
}

/* ---- seals of before ---- */

#define CLAW                                                                                       \
    "{\"openclawEndpointUrl\":\"https://c.example\",\"openclawBearer\":\"bearer-0123456789\","     \
    "\"openclawAgentId\":\"agent\",\"openclawCfAccessClientId\":\"id\","                           \
    "\"openclawCfAccessClientSecret\":\"cf-0123456789\"}"

/* As it was done before agent and Cloudflare id were bound; the former program is the judge of the
 * form, hence it stands here once more. */
static enum err seal_as_before(struct cx *cx, const struct stored *s, bool cf, const char *text,
                               struct str *ret)
{
    const struct stored_row *row = &s->row;
    int64_t set = cf ? row->cf_secret_version : row->secret_version;
    struct str parts[] = { STR("credentials"),
                           row->organization_id,
                           row->tier,
                           row->owner_id,
                           row->provider,
                           row->id,
                           row->endpoint,
                           cf ? STR("cf_secret") : STR("secret"),
                           str_fmt(cx->arena, "%lld", (long long)set) };
    return vault_seal(cx, row->organization_id, envelope_binding(cx->arena, parts, 9), str_of(text),
                      ret);
}

static enum err put_back_in_tx(struct cx *cx, void *arg)
{
    struct tiers t;
    (void)arg;
    TRY(tiers_load(cx, STR(""), &t));
    const struct stored *s = t.units[TIER_WORKSPACE][UNIT_OPENCLAW];
    struct credential_renew_in in = { .organization_id = s->row.organization_id,
                                      .id = s->row.id,
                                      .version = s->row.version };
    TRY(seal_as_before(cx, s, false, "bearer-0123456789", &in.secret));
    TRY(seal_as_before(cx, s, true, "cf-0123456789", &in.cf_secret));
    return credential_renew(cx, &in, NULL);
}

static void openclaw_of_before(struct rooms *r)
{
    settings_sql(r, "DELETE FROM credentials; DELETE FROM audit");
    patch(r, "update_workspace_ai_config", CLAW);
    assert_ok(&r->cx, db_write(&r->cx, put_back_in_tx, NULL));
}

static void assert_opens_whole(struct rooms *r, const char *agent)
{
    struct seeding s = { .unit = UNIT_OPENCLAW };
    assert_ok(&r->cx, db_read(&r->cx, resolve_in_tx, &s));
    assert_str(secret_bytes(s.credential->key), "bearer-0123456789");
    assert_str(secret_bytes(s.credential->cf_secret), "cf-0123456789");
    assert_string_equal(s.credential->agent_id, agent);
    credential_free(s.credential);
}

static void what_was_sealed_before_opens_and_is_sealed_anew(void **state)
{
    static const char *const deeds[] = { "UPDATE credentials SET agent_id = 'another'",
                                         "UPDATE credentials SET cf_client_id = 'another'" };
    ROOMS(state);
    atomic_bool stopping = false;
    r->app.stopping = &stopping;
    provider_double_install(r);
    openclaw_of_before(r);
    assert_opens_whole(r, "agent");
    /* What it was bound to then, it is bound to now. */
    settings_sql(r, "UPDATE credentials SET endpoint = 'https://evil.example'");
    assert_int_equal(resolve(r, UNIT_OPENCLAW), ERR_CREDENTIAL_UNREADABLE);
    for (size_t i = 0; i < 4; i++) {
        const char *agent = i % 2 ? "agent" : "renamed";
        openclaw_of_before(r);
        if (i % 2) { /* the night */
            struct principal as = r->cx.principal;
            r->cx.principal = (struct principal){ .kind = PRINCIPAL_CRON };
            patch(r, "verify_ai_keys", "{}");
            r->cx.principal = as;
        } else {
            patch(r, "update_workspace_ai_config", "{\"openclawAgentId\":\"renamed\"}");
        }
        assert_opens_whole(r, agent);
        settings_sql(r, deeds[i / 2]);
        assert_int_equal(resolve(r, UNIT_OPENCLAW), ERR_CREDENTIAL_UNREADABLE);
    }
    provider_double_remove(r);
}

/* Another agent id is another binding: the secrets go along, or the request is refused. */
static void a_secret_that_stays_is_sealed_anew(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    patch(r, "update_workspace_ai_config", CLAW);
    patch(r, "update_workspace_ai_config", "{\"openclawAgentId\":\"agent-2\"}");
    assert_opens_whole(r, "agent-2");
    patch(r, "update_workspace_ai_config",
          "{\"openclawCfAccessClientId\":\"id-2\",\"openclawAgentId\":\"agent-3\"}");
    assert_opens_whole(r, "agent-3");
    patch(r, "update_workspace_ai_config", "{\"openclawBearer\":\"bearer-0123456789\"}");
    assert_opens_whole(r, "agent-3");
    settings_sql(r, "UPDATE data_keys SET root_id = 'x' || root_id");
    assert_int_equal(
        settings_call(r, "update_workspace_ai_config", "{\"openclawAgentId\":\"agent-4\"}", NULL),
        ERR_VALIDATION);
    assert_true(str_is(r->cx.failure.fields->field, "openclawBearer"));
    assert_int_equal(settings_call(r, "update_workspace_ai_config",
                                   "{\"openclawBearer\":\"bearer-0123456789\"}", NULL),
                     ERR_VALIDATION);
    assert_true(str_is(r->cx.failure.fields->field, "openclawCfAccessClientSecret"));
    /* Nothing was saved: it heals. */
    settings_sql(r, "UPDATE data_keys SET root_id = substr(root_id, 2)");
    assert_opens_whole(r, "agent-3");
    provider_double_remove(r);
}

static void unreadable_is_shown_and_heals(void **state)
{
    ROOMS(state);
    struct json answer;
    provider_double_install(r);
    patch(r, "update_workspace_ai_config", "{\"anthropicApiKey\":\"sk-ant-0123456789abcdef\"}");
    settings_sql(r, "UPDATE data_keys SET root_id = 'x' || root_id");
    assert_int_equal(resolve(r, UNIT_ANTHROPIC), ERR_CREDENTIAL_UNREADABLE);
    await_events(r, "CREDENTIAL_UNDECRYPTABLE", 1);
    assert_ok(&r->cx, settings_call(r, "get_workspace_ai_config", "{}", &answer));
    assert_str(settings_at(&answer, "config.anthropic.state"), "UNREADABLE");
    assert_str(settings_at(&answer, "config.anthropic.masked"), "sk-ant-…cdef");
    assert_str(settings_at(&answer, "effective.status"), "UNREADABLE");
    assert_str(settings_at(&answer, "effective.keySource"), "WORKSPACE_KEY");
    /* The right root key is back. */
    settings_sql(r, "UPDATE data_keys SET root_id = substr(root_id, 2)");
    assert_ok(&r->cx, resolve(r, UNIT_ANTHROPIC));
    await_events(r, "CREDENTIAL_CHANGED", 2);
    assert_ok(&r->cx, settings_call(r, "get_workspace_ai_config", "{}", &answer));
    assert_str(settings_at(&answer, "config.anthropic.state"), "SET");
    /* Or it is entered again. */
    settings_sql(r, "DELETE FROM data_keys");
    assert_int_equal(resolve(r, UNIT_ANTHROPIC), ERR_CREDENTIAL_UNREADABLE);
    await_events(r, "CREDENTIAL_UNDECRYPTABLE", 2);
    patch(r, "update_workspace_ai_config", "{\"anthropicApiKey\":\"sk-ant-again0123456789\"}");
    assert_ok(&r->cx, resolve(r, UNIT_ANTHROPIC));
    provider_double_remove(r);
}

/* ---- what providers say ---- */

static enum err mark_in_tx(struct cx *cx, void *arg)
{
    return credentials_mark(cx, str_of(arg), true);
}

static void a_mark_is_of_the_secret_that_was_used(void **state)
{
    ROOMS(state);
    struct seeding s = { .unit = UNIT_GROQ };
    provider_double_install(r);
    patch(r, "update_workspace_ai_config", "{\"groqApiKey\":\"gsk_first\"}");
    assert_ok(&r->cx, db_read(&r->cx, resolve_in_tx, &s));
    patch(r, "update_workspace_ai_config", "{\"groqApiKey\":\"gsk_second\"}");
    assert_ok(&r->cx, db_write(&r->cx, mark_in_tx, s.credential->row_id));
    credential_free(s.credential);
    assert_ok(&r->cx, resolve(r, UNIT_GROQ));
    assert_ok(&r->cx, db_read(&r->cx, resolve_in_tx, &s));
    /* Another tenant cannot mark it. */
    struct principal as = r->cx.principal;
    settings_sql(r, "INSERT INTO organizations (id, name, created_at, updated_at) VALUES "
                    "('org2', 'x', 1, 1)");
    settings_sql(r, "UPDATE workspaces SET organization_id = 'org2' WHERE id = 'two'");
    rooms_as(r, "eve", "two");
    assert_ok(&r->cx, db_write(&r->cx, mark_in_tx, s.credential->row_id));
    r->cx.principal = as;
    assert_ok(&r->cx, resolve(r, UNIT_GROQ));
    assert_ok(&r->cx, db_write(&r->cx, mark_in_tx, s.credential->row_id));
    credential_free(s.credential);
    assert_int_equal(resolve(r, UNIT_GROQ), ERR_CREDENTIAL_UNREADABLE);
    assert_int_equal(settings_events(r, "CREDENTIAL_REFUSED"), 1);
    provider_double_remove(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(every_state_of_every_tier),
        ROOMS_TEST(every_state_with_keys_of_the_server),
        ROOMS_TEST(what_is_altered_or_moved_is_unreadable),
        ROOMS_TEST(a_row_of_another_tenant_is_unreadable),
        ROOMS_TEST(what_was_sealed_before_opens_and_is_sealed_anew),
        ROOMS_TEST(a_secret_that_stays_is_sealed_anew),
        ROOMS_TEST(unreadable_is_shown_and_heals),
        ROOMS_TEST(a_mark_is_of_the_secret_that_was_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
