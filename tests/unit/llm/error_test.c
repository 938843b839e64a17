/* What people are told of a provider's refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "llm/wire.h"

static const struct {
    int status;
    const char *body;
    const char *words; /* must be said */
    const char *never; /* must not */
} rows[] = {
    { 401,
      "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"invalid "
      "x-api-key\"}}",
      "refused the key. Check it as the manual's page Provider keys says (HTTP 401).",
      "x-api-key" },
    { 401,
      "{\"error\":{\"message\":\"Incorrect API key provided: sk-proj-abc*****xyz9. You can find "
      "your API key at https://platform.openai.com/account/api-keys.\",\"type\":"
      "\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}",
      "refused the key", "xyz9" },
    { 400, "{\"error\":{\"message\":\"bad key gsk_abcdef0123456789 given\",\"type\":\"x\"}}",
      "bad key [key] given", "gsk_" },
    { 403, "{\"error\":{\"type\":\"permission_error\",\"message\":\"Your key may not\"}}",
      "does not allow this", NULL },
    { 404,
      "{\"error\":{\"message\":\"The model `gpt-9` does not exist or you do not have access to "
      "it.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}",
      "does not know this model", NULL },
    { 404,
      "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"model: "
      "claude-9\"}}",
      "does not know this model", NULL },
    { 404, "{\"error\":\"model \\\"llama9\\\" not found, try pulling it first\"}",
      "does not know this model", NULL },
    { 404, "404 page not found", "no such API at the provider's address", NULL },
    { 404, "{\"detail\":\"Not Found\"}", "Check the base URL (HTTP 404): “Not Found”", NULL },
    { 405, "{\"detail\":\"Method Not Allowed\"}", "Check the base URL", NULL },
    { 429,
      "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"This request "
      "would exceed your organization's rate limit\"}}",
      "limits how often it may be asked", NULL },
    { 429,
      "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan\","
      "\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
      "no credit left", NULL },
    { 429, "", "limits how often", NULL },
    { 400,
      "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit "
      "balance is too low to access the Anthropic API.\"}}",
      "no credit left", NULL },
    { 402, "{\"error\":{\"message\":\"Insufficient credits\",\"code\":402}}", "no credit left",
      NULL },
    { 529,
      "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
      "is overloaded", NULL },
    { 503, "upstream connect error", "is overloaded", NULL },
    { 500, "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Internal\"}}",
      "failed. Try again in a moment (HTTP 500): “Internal”", NULL },
    { 502, "", "failed. Try again in a moment (HTTP 502).", NULL },
    { 504, "", "did not answer in time", NULL },
    { 400,
      "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is "
      "too long: 210000 tokens > 200000 maximum\"}}",
      "longer than the model takes", NULL },
    { 400,
      "{\"error\":{\"message\":\"This model's maximum context length is 128000 tokens.\","
      "\"code\":\"context_length_exceeded\"}}",
      "longer than the model takes", NULL },
    { 400, "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096\"}",
      "longer than the model takes", NULL },
    { 413,
      "{\"error\":{\"type\":\"request_too_large\",\"message\":\"Request exceeds the maximum "
      "size\"}}",
      "larger than the provider takes", NULL },
    { 400, "{\"error\":{\"message\":\"Unsupported parameter: 'stream_options'\"}}",
      "refused the request (HTTP 400): “Unsupported parameter: 'stream_options'”", NULL },
    { 400,
      "[{\"error\":{\"code\":400,\"message\":\"API key not valid\",\"status\":"
      "\"INVALID_ARGUMENT\"}}]",
      "API key not valid", NULL },
    { 403, "<!DOCTYPE html><html><title>Cloudflare Access</title>", "web page", "Cloudflare" },
    { 200, "  \n<html>", "web page", NULL },
    { 302, "", "redirect", NULL },
    { 307, "{}", "redirect", NULL },
    { 418, "", "refused the request (HTTP 418).", NULL },
    { 400, "{\"error\":{\"message\":\"a\\nb\\tc\\u0007d\\u2028e\"}}", "“a b c d e”", NULL },
    { 400, "not \xff utf-8", "refused the request (HTTP 400).", NULL },
    { 400, "{\"error\":null}", "refused the request", NULL },
    { 400, "{\"error\":{\"message\":12}}", "refused the request (HTTP 400).", NULL },
    { 0, "", "answered with an error.", NULL },
};

static void errors_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *a = arena_new(0);
        struct str s = llm_error_sentence(a, rows[i].status, str_of(rows[i].body));
        if (str_find(s, str_of(rows[i].words)) == SIZE_MAX)
            fail_msg("row %zu: \"%.*s\" should say \"%s\"", i, STR_ARG(s), rows[i].words);
        if (rows[i].never && str_find(s, str_of(rows[i].never)) != SIZE_MAX)
            fail_msg("row %zu: \"%.*s\" should not say \"%s\"", i, STR_ARG(s), rows[i].never);
        assert_true(utf8_valid(s));
        arena_free(a);
    }
}

static void quotes_are_cut(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct buf b;
    buf_init(&b, a, 1 << 16);
    buf_put_cstr(&b, "{\"error\":{\"message\":\"");
    for (int i = 0; i < 2000; i++)
        buf_put_cstr(&b, "ö ");
    buf_put_cstr(&b, "\"}}");
    struct str s = llm_error_sentence(a, 500, buf_str(&b));
    assert_true(utf8_valid(s));
    assert_true(utf8_length(s) < 400);
    assert_true(str_ends(s, STR("…”")));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_told),
        cmocka_unit_test(quotes_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
