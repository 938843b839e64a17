/* Prices and arithmetic: pure functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "cost/cost.h"
#include "cost/price.h"

static struct cost_price listed(const char *provider, const char *model)
{
    struct cost_price p;
    if (!price_listed(str_of(provider), str_of(model), &p))
        fail_msg("%s/%s has no price", provider, model);
    return p;
}

static void names_find_their_price(void **state)
{
    (void)state;
    struct cost_price p = listed("anthropic", "claude-sonnet-4-5-20250929");
    assert_int_equal(p.input, 3000);
    assert_int_equal(p.output, 15000);
    assert_int_equal(p.cache_read, 300);
    assert_int_equal(p.cache_write, 3750);
    assert_true(str_eq(p.version, price_list_version()));
    assert_int_equal(listed("openai", "gpt-5-2025-08-07").cache_read, 125);
    assert_int_equal(listed("openai", "gpt-5-nano").cache_read, 5);
    assert_int_equal(listed("anthropic", "claude-3-5-haiku-latest").input, 800);
    assert_int_equal(listed("groq", "openai/gpt-oss-20b").cache_read, 38);
    assert_int_equal(listed("groq", "whisper-large-v3-turbo").per_minute, 666667);
    assert_int_equal(listed("openai", "whisper-1").per_minute, 6000000);
}

/* A likeness is no price: each of these would be taken for a cheaper or dearer relative. */
static void likeness_is_no_price(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        { "openai", "gpt-5-turbo" },
        { "openai", "gpt-5-2025-13-41" },
        { "openai", "gpt-5-" },
        { "openai", "gpt" },
        { "openai", "" },
        { "openai", "-latest" },
        { "openai", "-20251101" },
        { "anthropic", "gpt-5" },
        { "groq", "gpt-5" },
        { "openai", "ft:gpt-4o:acme::x" },
        { "anthropic", "claude-opus-4-9" },
        { "openai", "GPT-5" },
        { "anthropic", "claude-sonnet-4-5-2025092" },
    };
    struct cost_price p;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (price_listed(str_of(names[i][0]), str_of(names[i][1]), &p))
            fail_msg("%s/%s has a price", names[i][0], names[i][1]);
}

static void the_list_is_sound(void **state)
{
    (void)state;
    struct date d;
    assert_true(date_parse(price_list_version(), &d));
    for (size_t i = 0; i < price_list_count; i++) {
        const struct listed_price *l = &price_list[i];
        const struct cost_price *p = &l->price;
        for (size_t k = 0; k < i; k++)
            if (strcmp(l->model, price_list[k].model) == 0 &&
                strcmp(l->provider, price_list[k].provider) == 0)
                fail_msg("%s stands twice", l->model);
        if (!str_eq(price_base_name(str_of(l->model)), str_of(l->model)))
            fail_msg("%s stands with its date", l->model);
        assert_true(p->per_minute > 0 || p->input > 0);
        assert_true(p->cache_read <= p->input && p->cache_write >= p->input);
        assert_true(p->long_above_tokens == 0 ||
                    (p->long_input > p->input && p->long_output > p->output));
    }
}

static void costs_are_exact(void **state)
{
    (void)state;
    struct cost_price p = listed("anthropic", "claude-sonnet-4-5");
    struct cost_usage u = {
        .input_tokens = 1, .output_tokens = 1, .cache_read_tokens = 1, .cache_write_tokens = 1
    };
    assert_int_equal(cost_of(&p, &u), 3000 + 15000 + 300 + 3750);
    u = (struct cost_usage){ .input_tokens = 1000000, .output_tokens = 1000000 };
    assert_int_equal(cost_of(&p, &u), INT64_C(18000000000));
    u = (struct cost_usage){ .input_tokens = -5, .output_tokens = -1 };
    assert_int_equal(cost_of(&p, &u), 0);
}

static void audio_is_rounded_once_half_up(void **state)
{
    (void)state;
    struct cost_price p = { .per_minute = 1 };
    struct cost_usage u = { .audio_ms = 29999 };
    assert_int_equal(cost_of(&p, &u), 0);
    u.audio_ms = 30000;
    assert_int_equal(cost_of(&p, &u), 1);
    u.audio_ms = 60000 + 29999;
    assert_int_equal(cost_of(&p, &u), 1);
    p.per_minute = 6000000;
    u.audio_ms = 90000;
    assert_int_equal(cost_of(&p, &u), 9000000);
}

static void long_prompts_cost_their_tier(void **state)
{
    (void)state;
    struct cost_price p = listed("anthropic", "claude-haiku-5-5");
    struct cost_usage u = { .input_tokens = 50000,
                            .cache_read_tokens = 50000,
                            .output_tokens = 10 };
    assert_int_equal(cost_of(&p, &u), 50000 * 100 + 50000 * 10 + 10 * 500);
    u.cache_write_tokens = 1;
    assert_int_equal(cost_of(&p, &u), 50000 * 500 + 50000 * 50 + 625 + 10 * 2500);
}

static void sums_saturate(void **state)
{
    (void)state;
    struct cost_price p = { .input = INT64_MAX, .output = INT64_MAX, .per_minute = INT64_MAX };
    struct cost_usage u = { .input_tokens = INT64_MAX,
                            .output_tokens = INT64_MAX,
                            .cache_read_tokens = INT64_MAX,
                            .audio_ms = INT64_MAX };
    assert_int_equal(cost_of(&p, &u), INT64_MAX / 4);
    assert_int_equal(cost_worst_case(&p, INT64_MAX, INT64_MAX), INT64_MAX / 4);
    assert_int_equal(cost_worst_case(&p, -1, INT64_MIN), 0);
}

static uint64_t random_next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static int64_t below(uint64_t *x, int64_t n)
{
    return (int64_t)(random_next(x) % (uint64_t)n);
}

/* For every usage within the bounds, whatever part of it was cached. */
static void worst_case_covers_every_actual(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252ULL;
    for (int i = 0; i < 200000; i++) {
        struct cost_price p = price_list[(size_t)below(&x, (int64_t)price_list_count)].price;
        if (i % 3 == 0)
            p = (struct cost_price){ .input = below(&x, 100),
                                     .output = below(&x, 100),
                                     .cache_read = below(&x, 100),
                                     .cache_write = below(&x, 100),
                                     .long_above_tokens = below(&x, 1000),
                                     .long_input = below(&x, 100),
                                     .long_output = below(&x, 100),
                                     .long_cache_read = below(&x, 100),
                                     .long_cache_write = below(&x, 100) };
        p.per_minute = 0;
        int64_t in_max = below(&x, 400000), out_max = below(&x, 10000);
        struct cost_usage u = { .input_tokens = below(&x, in_max + 1),
                                .output_tokens = below(&x, out_max + 1) };
        u.cache_read_tokens = below(&x, in_max - u.input_tokens + 1);
        u.cache_write_tokens = below(&x, in_max - u.input_tokens - u.cache_read_tokens + 1);
        if (cost_of(&p, &u) > cost_worst_case(&p, in_max, out_max))
            fail_msg("round %d: %lld tokens in, %lld out cost more than the worst case", i,
                     (long long)in_max, (long long)out_max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_find_their_price),
        cmocka_unit_test(likeness_is_no_price),
        cmocka_unit_test(the_list_is_sound),
        cmocka_unit_test(costs_are_exact),
        cmocka_unit_test(audio_is_rounded_once_half_up),
        cmocka_unit_test(long_prompts_cost_their_tier),
        cmocka_unit_test(sums_saturate),
        cmocka_unit_test(worst_case_covers_every_actual),
    };
    return cmocka_run_group_tests_name("prices", tests, NULL, NULL);
}
