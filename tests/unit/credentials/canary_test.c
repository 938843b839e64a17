/* Canaries: a recognisable secret in every slot of every tier, providers that echo all that they
 * are sent, and everything tried that can go wrong. No canary may stand in an answer, an error, a
 * log line, an audit row or a backup. */
#include "settings.h"

#include <stdio.h>

#include "credentials/store.h"

static const char *const canaries[] = {
    "sk-ant-canary1xxxxxxxxxxxxEND1", "canary2-openai-xxxxxxxxxxxEND2",
    "gsk_canary3xxxxxxxxxxxxxxxEND3", "canary4-bearer-xxxxxxxxxxxEND4",
    "canary5-cfsecret-xxxxxxxxxEND5", "canary6-hermes-xxxxxxxxxxxEND6",
};
static const char all_slots[] =
    "{\"anthropicApiKey\":\"sk-ant-canary1xxxxxxxxxxxxEND1\","
    "\"openaiBaseUrl\":\"https://o.example\",\"openaiApiKey\":\"canary2-openai-xxxxxxxxxxxEND2\","
    "\"groqApiKey\":\"gsk_canary3xxxxxxxxxxxxxxxEND3\","
    "\"openclawEndpointUrl\":\"https://c.example\",\"openclawAgentId\":\"agent\","
    "\"openclawBearer\":\"canary4-bearer-xxxxxxxxxxxEND4\",\"openclawCfAccessClientId\":\"id\","
    "\"openclawCfAccessClientSecret\":\"canary5-cfsecret-xxxxxxxxxEND5\","
    "\"hermesEndpointUrl\":\"https://"
    "h.example\",\"hermesApiKey\":\"canary6-hermes-xxxxxxxxxxxEND6\"";

static void clean(const char *where, struct str text)
{
    for (size_t i = 0; i < sizeof canaries / sizeof *canaries; i++) {
        /* The whole, and its hidden middle. */
        struct str whole = str_of(canaries[i]);
        struct str middle = str_sub(whole, 8, whole.len - 6);
        if (str_find(text, whole) != SIZE_MAX || str_find(text, middle) != SIZE_MAX)
            fail_msg("%s holds %s: %.*s", where, canaries[i],
                     (int)(text.len < 2000 ? text.len : 2000), text.ptr);
    }
}

static void on_log(struct str line, void *arg)
{
    struct buf *b = arg;
    buf_put_str(b, line);
    buf_put_byte(b, '\n');
}

/* Whatever comes of it must be clean. */
static void attempt(struct rooms *r, const char *operation, const char *arguments)
{
    cx_clear_failure(&r->cx);
    r->cx.now_ms++;
    if (settings_call(r, operation, arguments, NULL) == OK) {
        clean(operation, settings_answer());
        return;
    }
    clean("an error's message", r->cx.failure.message);
    clean("an error's detail", r->cx.failure.log_detail);
    clean("an error's details", r->cx.failure.details_json);
    for (struct field_error *f = r->cx.failure.fields; f; f = f->next)
        clean("a field's error", f->message);
}

static const char *with(struct rooms *r, const char *more)
{
    return str_cstr(r->arena, str_fmt(r->arena, "%s%s}", all_slots, more));
}

static void attempt_all(struct rooms *r)
{
    static const char *const more[] = { "", ",\"verify\":true", ",\"noSuch\":1",
                                        ",\"chatModel\":\"a b\"" };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        attempt(r, "update_personal_ai_config", with(r, more[i]));
        attempt(r, "update_workspace_ai_config", with(r, more[i]));
        attempt(r, "update_organization_ai_config",
                with(r, str_cstr(r->arena, str_fmt(r->arena, ",\"orgId\":\"org\"%s", more[i]))));
    }
    attempt(r, "set_ai_key",
            "{\"provider\":\"anthropic\",\"apiKey\":"
            "\"sk-ant-canary1xxxxxxxxxxxxEND1\",\"verifyApiKey\":true}");
    attempt(r, "set_ai_key",
            "{\"provider\":\"openai\",\"apiKey\":\"sk-ant-canary1xxxxxxxxxxxxEND1\"}");
    attempt(r, "get_personal_ai_config", "{}");
    attempt(r, "get_workspace_ai_config", "{}");
    attempt(r, "get_organization_ai_config", "{\"orgId\":\"org\"}");
    for (int i = 0; unit_words[i]; i++) {
        struct str arguments = str_fmt(r->arena, "{\"provider\":\"%s\"}", unit_words[i]);
        attempt(r, "list_ai_models", str_cstr(r->arena, arguments));
    }
    attempt(r, "test_openclaw", "{}");
    attempt(r, "test_hermes", "{}");
    attempt(r, "verify_ai_keys", "{}");
}

static void no_secret_leaves(void **state)
{
    static const struct {
        enum fetch_end end;
        int status;
        bool echoes, echoes_json;
    } providers[] = {
        { FETCH_WHOLE, 200, true, false },  { FETCH_WHOLE, 401, true, false },
        { FETCH_WHOLE, 500, true, false },  { FETCH_CUT, 200, true, false },
        { FETCH_TIMEOUT, 0, false, false }, { FETCH_WHOLE, 200, false, true },
        { FETCH_WHOLE, 403, false, true },  { FETCH_WHOLE, 404, false, true },
    };
    ROOMS(state);
    atomic_bool stopping = false;
    struct buf log;
    buf_init(&log, NULL, 16 * 1024 * 1024);
    log_init(LOG_JSON, LOG_DEBUG);
    log_set_sink(on_log, &log);
    r->app.stopping = &stopping;
    settings_sql(r, "INSERT INTO organization_members (organization_id, user_id, role, created_at, "
                    "updated_at) VALUES ('org', 'ann', 'OWNER', 1, 1)");
    provider_double_install(r);
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        the_provider.end = providers[i].end;
        the_provider.status = providers[i].status;
        the_provider.echoes = providers[i].echoes;
        the_provider.echoes_json = providers[i].echoes_json;
        attempt_all(r);
        the_provider.count = 0;
    }
    clean("the audit", settings_audit(r));
    clean("a backup", settings_backup(r));
    log_set_sink(NULL, NULL);
    clean("the log", buf_str(&log));
    buf_release(&log);
    provider_double_remove(r);
}

static void masks_hide_enough(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *masked;
    } cases[] = {
        { "", "…" },
        { "k", "…" },
        { "elevenchars", "…" },
        { "twelve-chars", "…hars" },
        { "sk-ant-api03-0123456789abcdef", "sk-ant-…cdef" },
        { "gsk_0123456789abcdefgh", "gsk_…efgh" },
        { "0123456789abcdef", "…cdef" },
        { "sk-test-12345", "…2345" },
    };
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(secret_masked(a, str_of(cases[i].secret)), cases[i].masked);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(no_secret_leaves),
        cmocka_unit_test(masks_hide_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
