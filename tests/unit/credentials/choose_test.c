/* The truth table of the choice: every combination of what tiers have, pin and allow, against a
 * model that is written another way: as a list of rules over sets.
 *
 * By name, each provider alone over all tiers and states (exhaustive). Unpinned, all 243 sets of
 * personal units times all 243 of the workspace's, times the organisation's and the server's
 * telling ones, times pins, policy and kind of caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "credentials/choose.h"

/* ---- the model ---- */

struct expected {
    enum choose_verdict verdict;
    enum unit unit;
    enum tier tier;
};

/* Tiers that count for the caller, first first; 0 ends. */
static void counting(const struct choose_in *in, enum tier ret[TIER_COUNT])
{
    size_t n = 0;
    if (in->personal)
        ret[n++] = TIER_USER;
    ret[n++] = TIER_WORKSPACE;
    ret[n++] = TIER_ORGANIZATION;
    ret[n++] = TIER_SERVER;
    ret[n] = TIER_NONE;
}

static struct expected of_unit(const struct choose_in *in, enum unit u)
{
    enum tier tiers[TIER_COUNT + 1];
    counting(in, tiers);
    for (size_t i = 0; tiers[i]; i++) {
        switch (in->tiers[tiers[i]].units[u]) {
        case UNIT_ABSENT:
            continue;
        case UNIT_SET:
        case UNIT_VERIFIED:
            return (struct expected){ CHOOSE_UNIT, u, tiers[i] };
        case UNIT_REFUSED:
            return (struct expected){ CHOOSE_REFUSED, u, tiers[i] };
        case UNIT_UNREADABLE:
            return (struct expected){ CHOOSE_UNREADABLE, u, tiers[i] };
        }
    }
    return (struct expected){ CHOOSE_NOT_CONFIGURED, u, TIER_NONE };
}

static struct expected model(const struct choose_in *in)
{
    static const enum unit order[] = { UNIT_ANTHROPIC, UNIT_OPENAI, UNIT_GROQ, UNIT_HERMES };
    enum tier tiers[TIER_COUNT + 1];
    enum unit pin = UNIT_NONE;
    counting(in, tiers);
    if (in->wanted)
        return of_unit(in, in->wanted);
    for (size_t i = 0; tiers[i] && !pin; i++)
        pin = in->tiers[tiers[i]].pin;
    if (pin == UNIT_ANTHROPIC || pin == UNIT_OPENAI)
        return of_unit(in, pin);
    struct expected claw = of_unit(in, UNIT_OPENCLAW);
    if (claw.verdict != CHOOSE_NOT_CONFIGURED)
        return claw;
    if (pin)
        return of_unit(in, pin);
    for (size_t i = 0; tiers[i]; i++)
        for (size_t k = 0; k < sizeof order / sizeof *order; k++)
            if (in->tiers[tiers[i]].units[order[k]])
                return of_unit(in, order[k]);
    return (struct expected){ CHOOSE_OFFLINE, UNIT_NONE, TIER_NONE };
}

static void compare(const struct choose_in *in)
{
    struct choose_out out;
    choose(in, &out);
    struct expected e = model(in);
    if (out.verdict == e.verdict && out.unit == e.unit && out.tier == e.tier && out.model.len)
        return;
    for (enum tier t = TIER_USER; t < TIER_COUNT; t++)
        print_error("%s: %d %d %d %d %d pin %d\n", tier_name(t), in->tiers[t].units[1],
                    in->tiers[t].units[2], in->tiers[t].units[3], in->tiers[t].units[4],
                    in->tiers[t].units[5], in->tiers[t].pin);
    fail_msg("personal %d wanted %d: verdict %d unit %d tier %d, not %d %d %d", in->personal,
             in->wanted, out.verdict, out.unit, out.tier, e.verdict, e.unit, e.tier);
}

/* ---- the table ---- */

static void each_provider_by_name_and_alone(void **state)
{
    (void)state;
    size_t count = 0;
    for (enum unit u = UNIT_ANTHROPIC; u < UNIT_COUNT; u++)
        for (int a = 0; a <= UNIT_UNREADABLE; a++)
            for (int b = 0; b <= UNIT_UNREADABLE; b++)
                for (int c = 0; c <= UNIT_UNREADABLE; c++)
                    for (int rest = 0; rest < 2 * 2 * 2 * UNIT_COUNT; rest++) {
                        struct choose_in in = { .personal = rest & 1 };
                        in.tiers[TIER_USER].units[u] = (enum unit_state)a;
                        in.tiers[TIER_WORKSPACE].units[u] = (enum unit_state)b;
                        in.tiers[TIER_ORGANIZATION].units[u] = (enum unit_state)c;
                        in.tiers[TIER_SERVER].units[u] = rest & 2 ? UNIT_SET : UNIT_ABSENT;
                        in.wanted = rest & 4 ? u : UNIT_NONE;
                        in.tiers[TIER_WORKSPACE].pin = (enum unit)(rest / 8);
                        compare(&in);
                        count++;
                    }
    assert_int_equal(count, 5 * 125 * 48);
}

/* A number in base 3 as the states of five units: absent, usable, refused or unreadable by turns.
 */
static void fill(struct choose_tier *t, unsigned number)
{
    for (enum unit u = UNIT_ANTHROPIC; u < UNIT_COUNT; u++, number /= 3)
        t->units[u] = number % 3 == 0   ? UNIT_ABSENT
                      : number % 3 == 1 ? UNIT_SET
                      : u % 2           ? UNIT_REFUSED
                                        : UNIT_UNREADABLE;
}

static void all_sets_of_units_unpinned_and_pinned(void **state)
{
    (void)state;
    static const unsigned organization[] = { 0, 1, 3, 9, 27, 81, 2, 6, 18, 54, 162, 121, 242, 40 };
    static const unsigned server[] = { 0, 1, 3, 9, 13 };
    size_t count = 0;
    for (unsigned w = 0; w < 243; w++)
        for (unsigned u = 0; u < 243; u++)
            for (size_t o = 0; o < sizeof organization / sizeof *organization; o++)
                for (size_t s = 0; s < sizeof server / sizeof *server; s++) {
                    struct choose_in in = { .personal = true };
                    fill(&in.tiers[TIER_USER], u);
                    fill(&in.tiers[TIER_WORKSPACE], w);
                    fill(&in.tiers[TIER_ORGANIZATION], organization[o]);
                    fill(&in.tiers[TIER_SERVER], server[s]);
                    compare(&in);
                    in.personal = false;
                    compare(&in);
                    /* Which tier pins and what, spread over the combinations by a stride that
                     * shares no factor with them. */
                    size_t spread = count++ * 7919;
                    in.tiers[TIER_USER + spread % 4].pin = (enum unit)(spread / 4 % UNIT_COUNT);
                    in.personal = spread / 31 % 2;
                    compare(&in);
                }
    assert_int_equal(count, (size_t)243 * 243 * 14 * 5);
}

static void every_pin_of_every_tier(void **state)
{
    (void)state;
    for (unsigned have = 0; have < 243; have++)
        for (unsigned pins = 0; pins < 6 * 6 * 6 * 6; pins++)
            for (int where = TIER_USER; where < TIER_COUNT; where++)
                for (int personal = 0; personal < 2; personal++) {
                    struct choose_in in = { .personal = personal };
                    unsigned rest = pins;
                    for (enum tier t = TIER_USER; t < TIER_COUNT; t++, rest /= 6)
                        in.tiers[t].pin = (enum unit)(rest % 6);
                    fill(&in.tiers[where], have);
                    compare(&in);
                }
}

/* ---- models ---- */

static const char *model_of(const struct choose_in *in)
{
    static char text[64];
    struct choose_out out;
    choose(in, &out);
    snprintf(text, sizeof text, "%.*s", (int)out.model.len, out.model.ptr);
    return text;
}

static void a_model_belongs_to_the_provider_it_was_chosen_for(void **state)
{
    (void)state;
    struct choose_in in = { .personal = true };
    struct choose_tier *user = &in.tiers[TIER_USER], *workspace = &in.tiers[TIER_WORKSPACE],
                       *organization = &in.tiers[TIER_ORGANIZATION];
    workspace->units[UNIT_ANTHROPIC] = workspace->units[UNIT_OPENAI] = UNIT_SET;
    assert_string_equal(model_of(&in), unit_default_model(UNIT_ANTHROPIC));
    organization->model = STR("of-the-organisation");
    assert_string_equal(model_of(&in), "of-the-organisation");
    workspace->pin = UNIT_ANTHROPIC;
    workspace->model = STR("claude-of-the-workspace");
    assert_string_equal(model_of(&in), "claude-of-the-workspace");
    /* The person's provider does not get the workspace's model of another provider. */
    user->pin = UNIT_OPENAI;
    assert_string_equal(model_of(&in), unit_default_model(UNIT_OPENAI));
    user->model = STR("gpt-of-mine");
    assert_string_equal(model_of(&in), "gpt-of-mine");
    in.personal = false;
    assert_string_equal(model_of(&in), "claude-of-the-workspace");
    in.wanted = UNIT_OPENAI;
    assert_string_equal(model_of(&in), unit_default_model(UNIT_OPENAI));
    in.model = STR("asked-for");
    assert_string_equal(model_of(&in), "asked-for");
    /* OpenClaw wins over a pin of groq, and does not get groq's model. */
    in = (struct choose_in){ 0 };
    in.tiers[TIER_WORKSPACE].units[UNIT_OPENCLAW] = UNIT_SET;
    in.tiers[TIER_WORKSPACE].units[UNIT_GROQ] = UNIT_SET;
    in.tiers[TIER_WORKSPACE].pin = UNIT_GROQ;
    in.tiers[TIER_WORKSPACE].model = STR("llama");
    assert_string_equal(model_of(&in), unit_default_model(UNIT_OPENCLAW));
}

static void words_name_what_they_mean(void **state)
{
    (void)state;
    for (enum unit u = UNIT_ANTHROPIC; u < UNIT_COUNT; u++)
        assert_int_equal(unit_find(str_of(unit_name(u))), u);
    assert_int_equal(unit_find(STR("offline")), UNIT_NONE);
    assert_int_equal(unit_find(STR_NULL), UNIT_NONE);
    size_t n = 0;
    for (; unit_words[n]; n++)
        assert_int_not_equal(unit_find(str_of(unit_words[n])), UNIT_NONE);
    assert_int_equal(n, UNIT_COUNT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_provider_by_name_and_alone),
        cmocka_unit_test(all_sets_of_units_unpinned_and_pinned),
        cmocka_unit_test(every_pin_of_every_tier),
        cmocka_unit_test(a_model_belongs_to_the_provider_it_was_chosen_for),
        cmocka_unit_test(words_name_what_they_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
