/* Prices: the shipped list, the overrides of an organisation, and the arithmetic.
 *
 * Goals: exact integers throughout; a name that nobody has priced is unpriced, never priced by a
 * likeness. Non-goals: discounts of batches and service tiers, which are not asked for.
 *
 * Invariant: cost_worst_case(p, i, o) is at least cost_of(p, u) for every u whose inputs add up to
 * at most i and whose output is at most o. */
#include "cost/price.h"
#include "cost/cost.h"
#include "cost/cost_sql.h"

#define SATURATED (INT64_MAX / 4)
#define MINUTE_MS 60000

/* Dollars for a million tokens to nano-dollars for one; exact for three places. */
#define NANO(usd) ((int64_t)((usd)*1000.0 + 0.5))
/* Dollars for an hour to nano-dollars for a minute, up. */
#define NANO_MINUTE(usd) ((int64_t)((usd)*1000000000.0 / 60 + 0.999999))

#define PRICE(provider, model, i, o, r, w)                                                         \
    { provider,                                                                                    \
      model,                                                                                       \
      { .input = NANO(i), .output = NANO(o), .cache_read = NANO(r), .cache_write = NANO(w) } },
#define PRICE_TIERED(provider, model, i, o, r, w, above, li, lo, lr, lw)                           \
    { provider,                                                                                    \
      model,                                                                                       \
      { .input = NANO(i),                                                                          \
        .output = NANO(o),                                                                         \
        .cache_read = NANO(r),                                                                     \
        .cache_write = NANO(w),                                                                    \
        .long_above_tokens = above,                                                                \
        .long_input = NANO(li),                                                                    \
        .long_output = NANO(lo),                                                                   \
        .long_cache_read = NANO(lr),                                                               \
        .long_cache_write = NANO(lw) } },
#define PRICE_AUDIO(provider, model, hour) { provider, model, { .per_minute = NANO_MINUTE(hour) } },

const struct listed_price price_list[] = {
#include "cost/prices.def"
};
const size_t price_list_count = sizeof price_list / sizeof *price_list;

struct str price_list_version(void)
{
    return STR(PRICES_VERSION);
}

/* ---- names ---- */

static bool is_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

/* "-20251101", "-2025-08-07" */
static bool is_date(struct str s)
{
    struct date d;
    if (s.len == 9 && s.ptr[0] == '-' && is_digits(str_sub(s, 1, 9)))
        return true;
    return s.len == 11 && s.ptr[0] == '-' && date_parse(str_sub(s, 1, 11), &d);
}

struct str price_base_name(struct str model)
{
    static const size_t lengths[] = { 9, 11 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (model.len > lengths[i] && is_date(str_sub(model, model.len - lengths[i], model.len)))
            return str_sub(model, 0, model.len - lengths[i]);
    if (str_ends(model, STR("-latest")) && model.len > 7)
        return str_sub(model, 0, model.len - 7);
    return model;
}

static const struct listed_price *listed(struct str provider, struct str model)
{
    for (size_t i = 0; i < price_list_count; i++)
        if (str_is(model, price_list[i].model) && str_is(provider, price_list[i].provider))
            return &price_list[i];
    return NULL;
}

bool price_listed(struct str provider, struct str model, struct cost_price *ret)
{
    const struct listed_price *l = listed(provider, model);
    if (!l)
        l = listed(provider, price_base_name(model));
    if (!l)
        return false;
    *ret = l->price;
    ret->version = price_list_version();
    return true;
}

/* ---- overrides ---- */

/* The exact name before the base, the provider's own before anybody's. */
static int rank(const struct cost_price_find_row *row, struct str model)
{
    return (str_eq(row->model, model) ? 2 : 0) + (row->provider.len ? 1 : 0);
}

static enum err override_find(struct cx *cx, struct str provider, struct str model,
                              struct cost_price *ret, bool *ret_found)
{
    struct cost_price_find_in in = { .organization_id = cx->principal.organization_id,
                                     .provider = provider,
                                     .model = model,
                                     .base = price_base_name(model) };
    struct cost_price_find_row *rows;
    size_t count;
    if (!str_given(in.organization_id))
        TRY(cost_organization(cx, cx->principal.workspace_id, &in.organization_id));
    TRY(cost_price_find(cx, &in, &rows, &count));
    const struct cost_price_find_row *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (!best || rank(&rows[i], model) > rank(best, model))
            best = &rows[i];
    if (best)
        *ret = (struct cost_price){ .input = best->input,
                                    .output = best->output,
                                    .cache_read = best->cache_read,
                                    .cache_write = best->cache_write,
                                    .per_minute = best->per_minute,
                                    .version = STR("override") };
    *ret_found = best != NULL;
    return OK;
}

enum err cost_price_of(struct cx *cx, struct str provider, struct str model, struct cost_price *ret)
{
    struct cost_price price = { .version = price_list_version() };
    bool found;
    if (str_is(provider, "offline")) {
        *ret = price;
        return OK;
    }
    TRY(override_find(cx, provider, model, &price, &found));
    if (!found && !price_listed(provider, model, &price))
        price = (struct cost_price){ .version = STR_NULL, .unpriced = true };
    *ret = price;
    return OK;
}

/* ---- arithmetic ---- */

static int64_t sum(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_add_overflow(a, b, &r) || r > SATURATED ? SATURATED : r;
}

static int64_t product(int64_t a, int64_t b)
{
    int64_t r;
    if (a <= 0 || b <= 0)
        return 0;
    return __builtin_mul_overflow(a, b, &r) || r > SATURATED ? SATURATED : r;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t audio_cost(int64_t per_minute, int64_t audio_ms)
{
    if (per_minute <= 0 || audio_ms <= 0)
        return 0;
    int64_t whole = product(per_minute, audio_ms / MINUTE_MS);
    int64_t rest = product(per_minute, audio_ms % MINUTE_MS);
    return sum(whole, (rest + MINUTE_MS / 2) / MINUTE_MS);
}

static int64_t tokens(int64_t n)
{
    return n > 0 ? n : 0;
}

int64_t cost_of(const struct cost_price *p, const struct cost_usage *u)
{
    int64_t prompt = sum(sum(tokens(u->input_tokens), tokens(u->cache_read_tokens)),
                         tokens(u->cache_write_tokens));
    bool is_long = p->long_above_tokens && prompt > p->long_above_tokens;
    int64_t total = product(u->input_tokens, is_long ? p->long_input : p->input);
    total = sum(total, product(u->output_tokens, is_long ? p->long_output : p->output));
    total = sum(total, product(u->cache_read_tokens, is_long ? p->long_cache_read : p->cache_read));
    total =
        sum(total, product(u->cache_write_tokens, is_long ? p->long_cache_write : p->cache_write));
    return sum(total, audio_cost(p->per_minute, u->audio_ms));
}

int64_t cost_worst_case(const struct cost_price *p, int64_t input_tokens_max,
                        int64_t output_tokens_max)
{
    int64_t input = larger(p->input, larger(p->cache_read, p->cache_write));
    int64_t output = p->output;
    if (p->long_above_tokens && input_tokens_max > p->long_above_tokens) {
        input =
            larger(input, larger(p->long_input, larger(p->long_cache_read, p->long_cache_write)));
        output = larger(output, p->long_output);
    }
    return sum(product(input_tokens_max, input), product(output_tokens_max, output));
}
