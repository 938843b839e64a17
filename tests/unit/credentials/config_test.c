/* Settings: what a change does and does not, verification before saving, policy, rights, models,
 * test-fire, the job. Providers are a double that answers what the test says. */
#include "settings.h"

#include <stdio.h>

#define PERSONAL "update_personal_ai_config"
#define WORKSPACE "update_workspace_ai_config"
#define ORGANIZATION "update_organization_ai_config"
#define KEY "sk-ant-api03-0123456789abcdef"

static struct json *answer_of(struct rooms *r, const char *operation, const char *arguments)
{
    struct json *j = arena_new_of(r->arena, struct json);
    r->cx.now_ms++;
    assert_ok(&r->cx, settings_call(r, operation, arguments, j));
    return j;
}

static void refused(struct rooms *r, const char *operation, const char *arguments, enum err code,
                    const char *field)
{
    enum err e = settings_call(r, operation, arguments, NULL);
    if (e != code)
        fail_msg("%s %s: %s %.*s", operation, arguments, e == OK ? "OK" : err_info(e)->code,
                 STR_ARG(r->cx.failure.message));
    bool named = !field;
    for (struct field_error *f = r->cx.failure.fields; f; f = f->next)
        named |= str_is(f->field, field);
    if (!named)
        fail_msg("%s: %.*s does not name %s", arguments, STR_ARG(r->cx.failure.message), field);
    cx_clear_failure(&r->cx);
}

static void ann_owns_the_organisation(struct rooms *r)
{
    settings_sql(r, "INSERT INTO organization_members (organization_id, user_id, role, created_at, "
                    "updated_at) VALUES ('org', 'ann', 'OWNER', 1, 1)");
}

static void absent_keeps_null_clears(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    struct json *j =
        answer_of(r, WORKSPACE, "{\"anthropicApiKey\":\"" KEY "\",\"chatModel\":\"m\"}");
    assert_str(settings_at(j, "config.anthropic.configured"), "true");
    assert_str(settings_at(j, "config.anthropic.masked"), "sk-ant-…cdef");
    assert_str(settings_at(j, "config.anthropic.state"), "SET");
    assert_str(settings_at(j, "config.anthropic.keyVerifiedAt"), "null");
    assert_str(settings_at(j, "effective.provider"), "anthropic");
    assert_str(settings_at(j, "effective.model"), "m");
    assert_str(settings_at(j, "effective.keySource"), "WORKSPACE_KEY");
    j = answer_of(r, WORKSPACE, "{\"groqApiKey\":\"gsk_0123456789ab\"}");
    assert_str(settings_at(j, "config.anthropic.configured"), "true");
    assert_str(settings_at(j, "config.chatModel"), "m");
    j = answer_of(r, WORKSPACE, "{\"anthropicApiKey\":null,\"chatModel\":null}");
    assert_str(settings_at(j, "config.anthropic.state"), "ABSENT");
    assert_str(settings_at(j, "config.chatModel"), "null");
    assert_str(settings_at(j, "effective.provider"), "groq");
    assert_int_equal(the_provider.count, 0);
    answer_of(r, "clear_workspace_ai_config", "{}");
    j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_str(settings_at(j, "effective.status"), "OFFLINE");
    assert_str(settings_at(j, "effective.provider"), "offline");
    assert_str(settings_at(j, "effective.keySource"), "NONE");
    provider_double_remove(r);
}

static void another_endpoint_clears_the_secrets(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    struct json *j = answer_of(r, WORKSPACE,
                               "{\"openclawEndpointUrl\":\"https://a.example/"
                               "\",\"openclawBearer\":\"bearer-of-a-1234567\","
                               "\"openclawAgentId\":\"x\",\"openclawCfAccessClientId\":\"id\","
                               "\"openclawCfAccessClientSecret\":\"cf-secret-of-a-123\"}");
    assert_str(settings_at(j, "config.openclaw.configured"), "true");
    assert_str(settings_at(j, "config.openclaw.endpointUrl"), "https://a.example");
    /* The same one again, written otherwise: nothing goes. */
    j = answer_of(r, WORKSPACE, "{\"openclawEndpointUrl\":\"https://a.example//\"}");
    assert_str(settings_at(j, "config.openclaw.configured"), "true");
    j = answer_of(r, WORKSPACE, "{\"openclawEndpointUrl\":\"https://b.example\"}");
    assert_str(settings_at(j, "config.openclaw.configured"), "false");
    assert_str(settings_at(j, "config.openclaw.masked"), "null");
    assert_str(settings_at(j, "config.openclaw.cfAccessClientSecretMasked"), "null");
    assert_str(settings_at(j, "config.openclaw.cfAccessClientId"), "null");
    assert_str(settings_at(j, "config.openclaw.agentId"), "x");
    j = answer_of(r, WORKSPACE,
                  "{\"openclawEndpointUrl\":\"https://c.example\","
                  "\"openclawBearer\":\"bearer-of-c\"}");
    assert_str(settings_at(j, "config.openclaw.configured"), "true");
    j = answer_of(r, WORKSPACE, "{\"openclawEndpointUrl\":null}");
    assert_str(settings_at(j, "config.openclaw.configured"), "false");
    /* Clearing OpenAI's own address clears its key: it was given for that address. */
    answer_of(r, WORKSPACE, "{\"openaiBaseUrl\":\"https://o.example\",\"openaiApiKey\":\"k\"}");
    j = answer_of(r, WORKSPACE, "{\"openaiBaseUrl\":null}");
    assert_str(settings_at(j, "config.openai.state"), "ABSENT");
    provider_double_remove(r);
}

static void what_is_malformed_saves_nothing(void **state)
{
    static const struct {
        const char *arguments, *field;
    } bad[] = {
        { "{\"anthropicApiKey\":\"sk-proj-123\"}", "anthropicApiKey" },
        { "{\"anthropicApiKey\":\"gsk_123\"}", "anthropicApiKey" },
        { "{\"anthropicApiKey\":\"two words\"}", "anthropicApiKey" },
        { "{\"anthropicApiKey\":\" sk-ant-1\"}", "anthropicApiKey" },
        { "{\"anthropicApiKey\":\"sk-ant-\\u00e4\"}", "anthropicApiKey" },
        { "{\"anthropicApiKey\":\"\"}", "anthropicApiKey" },
        { "{\"openaiApiKey\":\"sk-ant-123\"}", "openaiApiKey" },
        { "{\"groqApiKey\":\"sk-ant-123\"}", "groqApiKey" },
        { "{\"hermesApiKey\":\"cp_live_123\"}", "hermesApiKey" },
        { "{\"openaiBaseUrl\":\"ftp://x.example\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://user:pass@x.example\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://x.example/?key=1\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://x.example/#a\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://x.example:0\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://x.example:99999\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://x y.example\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"https://x\\\\y.example\"}", "openaiBaseUrl" },
        { "{\"openaiBaseUrl\":\"//x.example\"}", "openaiBaseUrl" },
        { "{\"hermesEndpointUrl\":\"x.example\"}", "hermesEndpointUrl" },
        { "{\"openclawCfAccessClientId\":\"id\"}", "openclawCfAccessClientSecret" },
        { "{\"openclawCfAccessClientSecret\":\"s\"}", "openclawCfAccessClientId" },
        { "{\"openclawAgentId\":\"a b\"}", "openclawAgentId" },
        { "{\"chatProvider\":\"mistral\"}", "chatProvider" },
        { "{\"transcriptionProvider\":\"x\"}", "transcriptionProvider" },
        { "{\"chatModel\":\"a b\"}", "chatModel" },
        { "{\"noSuchField\":1}", "noSuchField" },
    };
    ROOMS(state);
    char text[512];
    provider_double_install(r);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        /* Beside something good: nothing is half saved. */
        bool groq = strstr(bad[i].arguments, "groqApiKey") != NULL;
        snprintf(text, sizeof text, "%.*s,\"%s\":\"%s\"}", (int)strlen(bad[i].arguments) - 1,
                 bad[i].arguments, groq ? "hermesEndpointUrl" : "groqApiKey",
                 groq ? "https://h.example" : "gsk_good");
        refused(r, WORKSPACE, text, ERR_VALIDATION, bad[i].field);
    }
    struct json *j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_str(settings_at(j, "effective.status"), "OFFLINE");
    assert_str(settings_at(j, "config.hermes.endpointUrl"), "null");
    assert_int_equal(settings_events(r, "CREDENTIAL_CHANGED"), 0);
    /* A compatible server may take anybody's form of keys. */
    answer_of(r, WORKSPACE,
              "{\"openaiBaseUrl\":\"http://[fd00::1]:8080/x/v1\",\"openaiApiKey\":\"gsk_1\"}");
    provider_double_remove(r);
}

static void verification_comes_before_saving(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    struct json *j = answer_of(r, WORKSPACE, "{\"anthropicApiKey\":\"" KEY "\",\"verify\":true}");
    assert_str(settings_at(j, "config.anthropic.state"), "VERIFIED");
    assert_true(settings_at(j, "config.anthropic.keyVerifiedAt").len > 10);
    assert_int_equal(the_provider.count, 1);
    assert_true(provider_double_saw("GET https://api.anthropic.com/v1/models?limit=1\n"));
    assert_true(provider_double_saw("x-api-key: " KEY "\n"));
    /* Refused: the former key stays. */
    the_provider.status = 401;
    the_provider.body = "{\"error\":{\"message\":\"invalid x-api-key sk-ant-bad-one-12345678\"}}";
    refused(r, WORKSPACE, "{\"anthropicApiKey\":\"sk-ant-bad-one-12345678\",\"verify\":true}",
            ERR_VALIDATION, "anthropicApiKey");
    the_provider.status = 503;
    refused(r, WORKSPACE, "{\"anthropicApiKey\":\"sk-ant-other\",\"verify\":true}", ERR_UPSTREAM,
            NULL);
    the_provider.status = 429;
    refused(r, WORKSPACE, "{\"anthropicApiKey\":\"sk-ant-other\",\"verify\":true}", ERR_UPSTREAM,
            NULL);
    the_provider.end = FETCH_TIMEOUT;
    refused(r, WORKSPACE, "{\"anthropicApiKey\":\"sk-ant-other\",\"verify\":true}",
            ERR_UPSTREAM_TIMEOUT, NULL);
    the_provider.end = FETCH_REFUSED;
    refused(r, WORKSPACE,
            "{\"openaiBaseUrl\":\"http://10.0.0.1\",\"openaiApiKey\":\"k\",\"verify\":true}",
            ERR_VALIDATION, "openaiBaseUrl");
    j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_str(settings_at(j, "config.anthropic.state"), "VERIFIED");
    assert_str(settings_at(j, "config.anthropic.masked"), "sk-ant-…cdef");
    assert_str(settings_at(j, "config.openai.state"), "ABSENT");
    /* Nothing given: what is stored is asked for, and marked. */
    the_provider.end = FETCH_WHOLE;
    the_provider.status = 403;
    j = answer_of(r, WORKSPACE, "{\"verify\":true}");
    assert_str(settings_at(j, "config.anthropic.state"), "REFUSED");
    assert_str(settings_at(j, "config.anthropic.keyVerifiedAt"), "null");
    assert_str(settings_at(j, "effective.status"), "REFUSED");
    the_provider.status = 200;
    j = answer_of(r, WORKSPACE, "{\"verify\":true}");
    assert_str(settings_at(j, "config.anthropic.state"), "VERIFIED");
    provider_double_remove(r);
}

/* ---- each use, and each verification ---- */

static size_t uses(struct rooms *r)
{
    struct str rest = settings_audit(r);
    size_t n = 0;
    while (str_given(rest) && rest.len)
        n += str_starts(str_split(&rest, '\n'), STR("use_credential|"));
    return n;
}

/* As often as a provider was asked, and before it was: it looks itself. */
static void assert_row_stands(void *arg)
{
    struct rooms *r = arg;
    struct cx cx = r->cx; /* the deed's own stays as it is */
    cx.arena = arena_new(0);
    struct rooms look = *r;
    look.cx = cx;
    look.arena = cx.arena;
    assert_int_equal(uses(&look), the_provider.count);
    arena_free(cx.arena);
}

static void every_use_stands_in_the_trail_before_the_key_leaves(void **state)
{
    static const struct {
        const char *operation, *arguments;
        size_t asked;
    } deeds[] = {
        { WORKSPACE, "{\"anthropicApiKey\":\"" KEY "\",\"verify\":true}", 1 },
        { WORKSPACE, "{\"verify\":true}", 3 },
        { "set_ai_key", "{\"provider\":\"anthropic\",\"apiKey\":\"" KEY "\",\"verifyApiKey\":true}",
          1 },
        { "list_ai_models", "{\"provider\":\"anthropic\"}", 1 },
        { "list_ai_models", "{\"provider\":\"anthropic\"}", 0 },
        { "test_openclaw", "{}", 2 },
        { "test_hermes", "{}", 2 },
        { "verify_ai_keys", "{}", 3 },
        { "get_workspace_ai_config", "{}", 0 },
    };
    static const int statuses[] = { 200, 404, 401 };
    ROOMS(state);
    atomic_bool stopping = false;
    r->app.stopping = &stopping;
    provider_double_install(r);
    the_provider.arg = r;
    for (size_t k = 0; k < 3; k++) {
        settings_sql(r, "DELETE FROM credentials; DELETE FROM audit");
        the_provider.count = 0;
        the_provider.status = 200;
        answer_of(r, WORKSPACE,
                  "{\"openclawEndpointUrl\":\"https://c.example\",\"openclawBearer\":\"bearer\","
                  "\"openclawAgentId\":\"a\",\"hermesEndpointUrl\":\"https://h.example\","
                  "\"hermesApiKey\":\"h\"}");
        the_provider.meanwhile = assert_row_stands;
        for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
            size_t before = the_provider.count;
            the_provider.status = statuses[k];
            r->cx.now_ms += 1000;
            settings_call(r, deeds[i].operation, deeds[i].arguments, NULL);
            cx_clear_failure(&r->cx);
            if (k == 0)
                assert_int_equal(the_provider.count - before, deeds[i].asked);
            assert_int_equal(uses(r), the_provider.count);
        }
        the_provider.meanwhile = NULL;
    }
    provider_double_remove(r);
}

/* What cannot be entered is not done. */
static void without_a_row_nothing_is_sent(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    answer_of(r, WORKSPACE,
              "{\"anthropicApiKey\":\"" KEY "\",\"hermesEndpointUrl\":\"https://h.example\","
              "\"hermesApiKey\":\"h\"}");
    settings_sql(r, "ALTER TABLE audit RENAME TO away");
    assert_int_not_equal(settings_call(r, WORKSPACE, "{\"verify\":true}", NULL), OK);
    assert_int_not_equal(settings_call(r, "list_ai_models", "{}", NULL), OK);
    assert_int_not_equal(settings_call(r, "test_hermes", "{}", NULL), OK);
    settings_sql(r, "ALTER TABLE away RENAME TO audit");
    assert_int_equal(the_provider.count, 0);
    provider_double_remove(r);
}

static void each_verification_is_the_last_one(void **state)
{
    static const struct {
        const char *operation, *arguments;
    } deeds[] = { { WORKSPACE, "{\"verify\":true}" },
                  { "test_openclaw", "{}" },
                  { WORKSPACE, "{\"verify\":true}" },
                  { "verify_ai_keys", "{}" } };
    ROOMS(state);
    atomic_bool stopping = false;
    r->app.stopping = &stopping;
    provider_double_install(r);
    the_provider.body = "{\"choices\":[],\"data\":[]}";
    answer_of(r, WORKSPACE,
              "{\"openclawEndpointUrl\":\"https://c.example\",\"openclawBearer\":\"the-bearer\","
              "\"openclawAgentId\":\"a\",\"verify\":true}");
    struct json *j = answer_of(r, "get_workspace_ai_config", "{}");
    struct str last = settings_at(j, "config.openclaw.keyVerifiedAt");
    assert_true(last.len > 10);
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        r->cx.now_ms += 60000;
        answer_of(r, deeds[i].operation, deeds[i].arguments);
        j = answer_of(r, "get_workspace_ai_config", "{}");
        struct str now = settings_at(j, "config.openclaw.keyVerifiedAt");
        assert_str(settings_at(j, "config.openclaw.state"), "VERIFIED");
        assert_false(str_eq(now, last));
        last = now;
    }
    /* An answer that says nothing of the key leaves it. */
    the_provider.status = 500;
    r->cx.now_ms += 60000;
    answer_of(r, "test_openclaw", "{}");
    j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_true(str_eq(settings_at(j, "config.openclaw.keyVerifiedAt"), last));
    /* It was VERIFIED all the time: no event. */
    assert_int_equal(settings_events(r, "CREDENTIAL_VERIFIED"), 0);
    provider_double_remove(r);
}

static void change_endpoint_meanwhile(void *arg)
{
    struct rooms *r = arg;
    settings_sql(r,
                 "UPDATE credentials SET endpoint = 'https://evil.example', version = version + 1 "
                 "WHERE provider = 'hermes'");
}

static void what_was_verified_for_one_endpoint_is_not_saved_for_another(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    answer_of(r, WORKSPACE, "{\"hermesEndpointUrl\":\"https://h.example\"}");
    the_provider.meanwhile = change_endpoint_meanwhile;
    the_provider.arg = r;
    refused(r, WORKSPACE, "{\"hermesApiKey\":\"key\",\"verify\":true}", ERR_CONFLICT, NULL);
    provider_double_remove(r);
}

static void a_secret_goes_to_its_own_endpoint_only(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    ann_owns_the_organisation(r);
    answer_of(r, ORGANIZATION, "{\"orgId\":\"org\",\"openaiApiKey\":\"key-of-the-organisation\"}");
    answer_of(
        r, WORKSPACE,
        "{\"openaiBaseUrl\":\"https://w.example/v1\",\"openaiApiKey\":\"key-of-the-workspace\"}");
    /* An address of one's own without a key supplies nothing. */
    answer_of(r, PERSONAL, "{\"openaiBaseUrl\":\"https://mine.example\"}");
    answer_of(r, "list_ai_models", "{\"provider\":\"openai\"}");
    assert_int_equal(the_provider.count, 1);
    assert_true(provider_double_saw("GET https://w.example/v1/models\n"));
    assert_true(provider_double_saw("authorization: Bearer key-of-the-workspace\n"));
    assert_true(the_provider.guarded[0]);
    assert_false(provider_double_saw("mine.example"));
    answer_of(r, WORKSPACE, "{\"openaiBaseUrl\":\"https://v.example\"}");
    answer_of(r, "list_ai_models", "{\"provider\":\"openai\"}");
    assert_int_equal(the_provider.count, 2);
    assert_non_null(strstr(the_provider.requests[1], "GET https://api.openai.com/v1/models\n"));
    assert_non_null(strstr(the_provider.requests[1], "key-of-the-organisation"));
    assert_false(the_provider.guarded[1]);
    provider_double_remove(r);
}

static void the_organisation_decides_on_personal_keys(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    ann_owns_the_organisation(r);
    struct json *j = answer_of(r, PERSONAL, "{\"groqApiKey\":\"gsk_mine\"}");
    assert_str(settings_at(j, "effective.keySource"), "USER_KEY");
    j = answer_of(r, ORGANIZATION, "{\"orgId\":\"org\",\"allowPersonalKeys\":false}");
    assert_str(settings_at(j, "orgPolicy.allowPersonalKeys"), "false");
    refused(r, PERSONAL, "{\"groqApiKey\":\"gsk_other\"}", ERR_PERSONAL_KEYS_DISABLED, NULL);
    refused(r, PERSONAL, "{}", ERR_PERSONAL_KEYS_DISABLED, NULL);
    j = answer_of(r, "get_personal_ai_config", "{}");
    assert_str(settings_at(j, "orgPolicy.allowPersonalKeys"), "false");
    assert_str(settings_at(j, "config.groq.configured"), "true");
    assert_str(settings_at(j, "effective.status"), "OFFLINE");
    /* Clearing the organisation's keys does not lift its policy. */
    answer_of(r, ORGANIZATION,
              "{\"orgId\":\"org\",\"groqApiKey\":\"gsk_org\",\"chatProvider\":\"groq\"}");
    answer_of(r, "clear_organization_ai_config", "{\"orgId\":\"org\"}");
    j = answer_of(r, "get_organization_ai_config", "{\"orgId\":\"org\"}");
    assert_str(settings_at(j, "orgPolicy.allowPersonalKeys"), "false");
    assert_str(settings_at(j, "config.groq.state"), "ABSENT");
    assert_str(settings_at(j, "config.chatProvider"), "null");
    answer_of(r, "clear_personal_ai_config", "{}");
    answer_of(r, ORGANIZATION, "{\"orgId\":\"org\",\"allowPersonalKeys\":true}");
    answer_of(r, PERSONAL, "{\"groqApiKey\":\"gsk_other\"}");
    provider_double_remove(r);
}

static void rights_in_the_organisation_count(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    settings_sql(r, "INSERT INTO organization_members (organization_id, user_id, role, created_at, "
                    "updated_at) VALUES ('org', 'bob', 'MEMBER', 1, 1)");
    rooms_as(r, "bob", "one");
    refused(r, "get_organization_ai_config", "{\"orgId\":\"org\"}", ERR_FORBIDDEN, NULL);
    refused(r, ORGANIZATION, "{\"orgId\":\"org\"}", ERR_FORBIDDEN, NULL);
    rooms_as(r, "eve", "two");
    refused(r, "get_organization_ai_config", "{\"orgId\":\"org\"}", ERR_NOT_FOUND, NULL);
    refused(r, "get_organization_ai_config", "{\"orgId\":\"nowhere\"}", ERR_NOT_FOUND, NULL);
    settings_sql(r, "UPDATE organization_members SET role = 'ADMIN' WHERE user_id = 'bob'");
    rooms_as(r, "bob", "one");
    answer_of(r, ORGANIZATION, "{\"orgId\":\"org\",\"groqApiKey\":\"gsk_1\"}");
    refused(r, "clear_organization_ai_config", "{\"orgId\":\"org\"}", ERR_FORBIDDEN, NULL);
    /* Another person's keys are nobody else's. */
    answer_of(r, PERSONAL, "{\"openaiApiKey\":\"key-of-bob\"}");
    rooms_as(r, "ann", "one");
    struct json *j = answer_of(r, "get_personal_ai_config", "{}");
    assert_str(settings_at(j, "config.openai.configured"), "false");
    provider_double_remove(r);
}

static void the_former_endpoint_says_valid_or_why_not(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    the_provider.status = 401;
    struct json *j =
        answer_of(r, "set_ai_key",
                  "{\"provider\":\"anthropic\",\"apiKey\":\"" KEY "\",\"verifyApiKey\":true}");
    assert_str(settings_at(j, "valid"), "false");
    assert_true(str_find(settings_at(j, "error"), STR("401")) != SIZE_MAX);
    j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_str(settings_at(j, "config.anthropic.configured"), "false");
    j = answer_of(r, "set_ai_key", "{\"provider\":\"anthropic\",\"apiKey\":\"" KEY "\"}");
    assert_str(settings_at(j, "valid"), "true");
    assert_str(settings_at(j, "error"), "absent");
    j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_str(settings_at(j, "config.anthropic.state"), "SET");
    provider_double_remove(r);
}

static void models_are_kept_five_minutes_for_each_credential(void **state)
{
    ROOMS(state);
    provider_double_install(r);
    the_provider.body =
        "{\"data\":[{\"id\":\"claude-sonnet-4-5\",\"display_name\":\"Sonnet\","
        "\"created_at\":\"2025-09-29T00:00:00Z\"},{\"id\":\"no-such\\tmodel\"},{\"x\":1}]}";
    answer_of(r, WORKSPACE, "{\"anthropicApiKey\":\"" KEY "\"}");
    struct json *j = answer_of(r, "list_ai_models", "{\"provider\":\"anthropic\"}");
    assert_str(settings_at(j, "models.0.id"), "claude-sonnet-4-5");
    assert_str(settings_at(j, "models.0.name"), "Sonnet");
    assert_str(settings_at(j, "models.0.price.inputPerMillionUsd"), "3");
    assert_str(settings_at(j, "models.0.price.unpriced"), "false");
    assert_str(settings_at(j, "models.1.id"), "no-such model");
    assert_str(settings_at(j, "models.1.price.unpriced"), "true");
    assert_str(settings_at(j, "models.2.id"), "absent");
    answer_of(r, "list_ai_models", "{}");
    assert_int_equal(the_provider.count, 1);
    r->cx.now_ms += 5 * 60 * 1000;
    answer_of(r, "list_ai_models", "{}");
    assert_int_equal(the_provider.count, 2);
    /* Another key is another list. */
    answer_of(r, WORKSPACE, "{\"anthropicApiKey\":\"sk-ant-second\"}");
    answer_of(r, "list_ai_models", "{}");
    assert_int_equal(the_provider.count, 3);
    r->cx.now_ms += 5 * 60 * 1000;
    the_provider.body = "<html>";
    refused(r, "list_ai_models", "{}", ERR_UPSTREAM, NULL);
    the_provider.status = 500;
    refused(r, "list_ai_models", "{}", ERR_UPSTREAM, NULL);
    refused(r, "list_ai_models", "{\"provider\":\"groq\"}", ERR_PROVIDER_NOT_CONFIGURED, NULL);
    the_provider.status = 401;
    refused(r, "list_ai_models", "{}", ERR_CREDENTIAL_UNREADABLE, NULL);
    refused(r, "list_ai_models", "{}", ERR_CREDENTIAL_UNREADABLE, NULL);
    assert_int_equal(settings_events(r, "CREDENTIAL_REFUSED"), 1);
    answer_of(r, "clear_workspace_ai_config", "{}");
    j = answer_of(r, "list_ai_models", "{}");
    assert_str(settings_at(j, "models.0.id"), "offline-assistant");
    provider_double_remove(r);
}

/* ---- test-fire ---- */

static void diagnosed(struct rooms *r, const char *operation, const char *words)
{
    struct json *j = answer_of(r, operation, "{}");
    struct str error = settings_at(j, "probes.1.error");
    assert_str(settings_at(j, "ok"), "false");
    if (str_find(error, str_of(words)) == SIZE_MAX)
        fail_msg("\"%.*s\" does not say \"%s\"", STR_ARG(error), words);
}

static void gateways_are_diagnosed_in_words(void **state)
{
    ROOMS(state);
    atomic_bool stopping = false;
    r->app.stopping = &stopping;
    provider_double_install(r);
    refused(r, "test_openclaw", "{}", ERR_PROVIDER_NOT_CONFIGURED, NULL);
    answer_of(
        r, WORKSPACE,
        "{\"openclawEndpointUrl\":\"https://c.example\",\"openclawBearer\":\"the-bearer-123456\","
        "\"openclawAgentId\":\"agent-7\",\"openclawCfAccessClientId\":\"cf-id\","
        "\"openclawCfAccessClientSecret\":\"cf-secret-123456\","
        "\"hermesEndpointUrl\":\"https://h.example\",\"hermesApiKey\":\"hermes-key-123456\"}");
    the_provider.body = "{\"choices\":[],\"data\":[]}";
    struct json *j = answer_of(r, "test_openclaw", "{}");
    assert_str(settings_at(j, "ok"), "true");
    assert_str(settings_at(j, "probes.0.method"), "GET");
    assert_str(settings_at(j, "probes.0.url"), "https://c.example/health");
    assert_str(settings_at(j, "probes.1.method"), "POST");
    assert_str(settings_at(j, "probes.1.url"), "https://c.example/v1/chat/completions");
    assert_str(settings_at(j, "probes.1.error"), "null");
    assert_true(provider_double_saw("authorization: Bearer the-bearer-123456\n"));
    assert_true(provider_double_saw("x-openclaw-agent: agent-7\n"));
    assert_true(provider_double_saw("x-openclaw-session: probe\n"));
    assert_true(provider_double_saw("cf-access-client-id: cf-id\n"));
    assert_true(provider_double_saw("cf-access-client-secret: cf-secret-123456\n"));
    j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_str(settings_at(j, "config.openclaw.state"), "VERIFIED");
    /* The header is the one that calls send. */
    r->config.openclaw_session_header = STR("X-Claw-Thread");
    the_provider.status = 404;
    diagnosed(r, "test_openclaw", "404: endpoint not implemented");
    assert_true(provider_double_saw("x-claw-thread: probe\n"));
    assert_null(strstr(the_provider.requests[the_provider.count - 1], "x-openclaw-session"));
    diagnosed(r, "test_hermes", "root of a host");
    the_provider.status = 302;
    diagnosed(r, "test_openclaw", "redirect");
    the_provider.status = 200;
    the_provider.body = "<!DOCTYPE html><html></html>";
    diagnosed(r, "test_hermes", "HTML");
    diagnosed(r, "test_hermes", "root of a host");
    the_provider.body = "hello";
    diagnosed(r, "test_openclaw", "not JSON");
    the_provider.body = "{}";
    diagnosed(r, "test_openclaw", "no chat completion");
    the_provider.status = 500;
    diagnosed(r, "test_openclaw", "500");
    the_provider.end = FETCH_TIMEOUT;
    diagnosed(r, "test_openclaw", "no answer within");
    the_provider.end = FETCH_REFUSED;
    diagnosed(r, "test_openclaw", "private or reserved");
    the_provider.end = FETCH_NO_CONNECT;
    diagnosed(r, "test_openclaw", "no connection");
    the_provider.end = FETCH_WHOLE;
    the_provider.status = 401;
    diagnosed(r, "test_openclaw", "refuses the bearer");
    j = answer_of(r, "get_workspace_ai_config", "{}");
    assert_str(settings_at(j, "config.openclaw.state"), "REFUSED");
    provider_double_remove(r);
}

/* ---- the job ---- */

static void as_cron(struct rooms *r)
{
    r->cx.principal = (struct principal){ .kind = PRINCIPAL_CRON };
    r->cx.now_ms += 1000;
}

static void the_job_clears_on_401_and_403_only(void **state)
{
    static const struct {
        enum fetch_end end;
        int status;
        const char *state, *count;
    } cases[] = {
        { FETCH_WHOLE, 200, "VERIFIED", "verified" },   { FETCH_WHOLE, 429, "VERIFIED", "unknown" },
        { FETCH_WHOLE, 500, "VERIFIED", "unknown" },    { FETCH_TIMEOUT, 0, "VERIFIED", "unknown" },
        { FETCH_NO_CONNECT, 0, "VERIFIED", "unknown" }, { FETCH_CUT, 200, "VERIFIED", "unknown" },
        { FETCH_WHOLE, 401, "REFUSED", "refused" },     { FETCH_WHOLE, 500, "REFUSED", "unknown" },
        { FETCH_WHOLE, 200, "VERIFIED", "verified" },   { FETCH_WHOLE, 403, "REFUSED", "refused" },
    };
    ROOMS(state);
    atomic_bool stopping = false;
    char path[32];
    r->app.stopping = &stopping;
    provider_double_install(r);
    answer_of(r, WORKSPACE, "{\"anthropicApiKey\":\"" KEY "\"}");
    answer_of(r, PERSONAL, "{\"hermesApiKey\":\"incomplete\"}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        the_provider.end = cases[i].end;
        the_provider.status = cases[i].status;
        as_cron(r);
        r->cx.now_ms = INT64_C(4000000000000) + (int64_t)i * 100000;
        struct json *j = answer_of(r, "verify_ai_keys", "{}");
        snprintf(path, sizeof path, "%s", cases[i].count);
        assert_str(settings_at(j, path), "1");
        assert_str(settings_at(j, "checked"), "1");
        rooms_as(r, "ann", "one");
        j = answer_of(r, "get_workspace_ai_config", "{}");
        assert_str(settings_at(j, "config.anthropic.state"), cases[i].state);
        bool cleared = str_is(settings_at(j, "config.anthropic.keyVerifiedAt"), "null");
        assert_int_equal(cleared, strcmp(cases[i].state, "REFUSED") == 0);
        settings_sql(r, "UPDATE credentials SET checked_at = 0");
    }
    /* While one runs, another does not. */
    settings_sql(r, "INSERT INTO installation (name, value, updated_at) VALUES "
                    "('lease:verify-ai-keys', 'another', 4999999999999)");
    as_cron(r);
    refused(r, "verify_ai_keys", "{}", ERR_CONFLICT, NULL);
    provider_double_remove(r);
}

static void stop_the_server(void *stopping)
{
    *(atomic_bool *)stopping = true;
}

/* A run that is broken off says how many it has left, not how many of the slice in hand. */
static void what_remains_is_counted_whole(void **state)
{
    ROOMS(state);
    atomic_bool stopping = false;
    r->app.stopping = &stopping;
    provider_double_install(r);
    answer_of(r, WORKSPACE, "{\"anthropicApiKey\":\"" KEY "\"}");
    for (int i = 0; i < 47; i++)
        settings_sql(
            r,
            str_cstr(r->arena, str_fmt(r->arena,
                                       "INSERT INTO credentials (organization_id, tier, owner_id, "
                                       "provider, id, workspace_id, state, secret, "
                                       "secret_version, created_at, updated_at, checked_at) "
                                       "SELECT organization_id, 'USER', 'u%d', provider, 'x%d', "
                                       "workspace_id, state, secret, secret_version, 1, 1, 1 "
                                       "FROM credentials WHERE tier = 'WORKSPACE'",
                                       i, i)));
    the_provider.meanwhile = stop_the_server;
    the_provider.arg = &stopping;
    as_cron(r);
    struct json *j = answer_of(r, "verify_ai_keys", "{}");
    assert_str(settings_at(j, "checked"), "1");
    assert_str(settings_at(j, "remaining"), "47");
    stopping = false;
    the_provider.meanwhile = NULL;
    j = answer_of(r, "verify_ai_keys", "{}");
    assert_str(settings_at(j, "remaining"), "0");
    provider_double_remove(r);
}

/* The server's own scheduler asks once a day; when somebody is at it already, that will do. */
static void the_job_runs_every_night(void **state)
{
    ROOMS(state);
    atomic_bool stopping = false;
    int64_t day_ms = INT64_C(4000000000000) / 86400000 * 86400000;
    struct job_runner_options o = { .kinds = credential_job_kinds,
                                    .kinds_count = credential_job_kinds_count };
    r->app.stopping = &stopping;
    provider_double_install(r);
    struct job_runner *runner = job_runner_new(&r->app, &o);
    answer_of(r, WORKSPACE, "{\"anthropicApiKey\":\"" KEY "\"}");
    assert_int_equal(settings_events(r, "CREDENTIAL_VERIFIED"), 0);
    for (int i = 0; i < 3; i++)
        job_runner_tick(runner, day_ms + i * 1000);
    assert_int_equal(settings_events(r, "CREDENTIAL_VERIFIED"), 1);
    the_provider.status = 401;
    job_runner_tick(runner, day_ms + 86399000);
    assert_int_equal(settings_events(r, "CREDENTIAL_REFUSED"), 0);
    settings_sql(r, "INSERT INTO installation (name, value, updated_at) VALUES "
                    "('lease:verify-ai-keys', 'another', 4999999999999)");
    for (int i = 0; i < 3; i++)
        job_runner_tick(runner, day_ms + 86400000 + i * 1000);
    assert_int_equal(settings_events(r, "CREDENTIAL_REFUSED"), 0);
    settings_sql(r, "DELETE FROM installation WHERE name = 'lease:verify-ai-keys'");
    for (int i = 0; i < 3; i++)
        job_runner_tick(runner, day_ms + 2 * INT64_C(86400000) + i * 1000);
    assert_int_equal(settings_events(r, "CREDENTIAL_REFUSED"), 1);
    job_runner_free(runner);
    provider_double_remove(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(absent_keeps_null_clears),
        ROOMS_TEST(another_endpoint_clears_the_secrets),
        ROOMS_TEST(what_is_malformed_saves_nothing),
        ROOMS_TEST(verification_comes_before_saving),
        ROOMS_TEST(every_use_stands_in_the_trail_before_the_key_leaves),
        ROOMS_TEST(without_a_row_nothing_is_sent),
        ROOMS_TEST(each_verification_is_the_last_one),
        ROOMS_TEST(what_was_verified_for_one_endpoint_is_not_saved_for_another),
        ROOMS_TEST(a_secret_goes_to_its_own_endpoint_only),
        ROOMS_TEST(the_organisation_decides_on_personal_keys),
        ROOMS_TEST(rights_in_the_organisation_count),
        ROOMS_TEST(the_former_endpoint_says_valid_or_why_not),
        ROOMS_TEST(models_are_kept_five_minutes_for_each_credential),
        ROOMS_TEST(gateways_are_diagnosed_in_words),
        ROOMS_TEST(the_job_clears_on_401_and_403_only),
        ROOMS_TEST(what_remains_is_counted_whole),
        ROOMS_TEST(the_job_runs_every_night),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
