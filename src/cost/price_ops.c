/* Operation rows of prices: the shipped list and what an organisation has set over it. */
#include "cost/book.h"
#include "cost/cost_sql.h"
#include "cost/price.h"

#define OVERRIDES_MAX 500
#define TOKENS_PRICED 1000000 /* prices are dollars for so many tokens */
/* $10,000 for a million tokens, or a minute. */
#define PRICE_MAX ((int64_t)10000 * 1000000000)

static const char *const sources[] = { "list", "override", NULL };

struct price_view { /* prices in nano-dollars for a million tokens */
    struct str provider, model, source, version;
    int64_t input, output, cache_read, cache_write, per_minute;
    int64_t long_above, long_input, long_output, long_cache_read, long_cache_write;
    uint8_t long_seen;
};

#define VIEW(json, type_, member, extra, text)                                                     \
    {                                                                                              \
        .name = json, .type = (type_), .flags = (extra),                                           \
        .offset = FIELD_AT(struct price_view, member), .doc = text                                 \
    }
#define LONG_VIEW(json, type_, member, text)                                                       \
    {                                                                                              \
        .name = json, .type = (type_), .offset = FIELD_AT(struct price_view, member),              \
        .seen = FIELD_SEEN(struct price_view, long_seen), .doc = text                              \
    }

static const struct field price_fields[] = {
    VIEW("provider", FIELD_STR, provider, FIELD_REQUIRED | FIELD_NULLABLE,
         "null: whoever serves it"),
    VIEW("model", FIELD_STR, model, FIELD_REQUIRED, "Model, without its date"),
    { .name = "source",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct price_view, source),
      .values = sources,
      .doc = "Shipped with the program, or set by the organisation" },
    VIEW("version", FIELD_STR, version, FIELD_REQUIRED, "Of the list; counts up for an override"),
    VIEW("inputUsd", FIELD_NANOUSD, input, FIELD_REQUIRED, "Dollars for a million input tokens"),
    VIEW("outputUsd", FIELD_NANOUSD, output, FIELD_REQUIRED, "Dollars for a million output tokens"),
    VIEW("cacheReadUsd", FIELD_NANOUSD, cache_read, FIELD_REQUIRED,
         "Dollars for a million input tokens that a cache gave"),
    VIEW("cacheWriteUsd", FIELD_NANOUSD, cache_write, FIELD_REQUIRED,
         "Dollars for a million input tokens that a cache took"),
    VIEW("minuteUsd", FIELD_NANOUSD, per_minute, FIELD_REQUIRED, "Dollars for a minute of audio"),
    LONG_VIEW("longAboveTokens", FIELD_INT, long_above,
              "A prompt of more tokens costs the prices that follow, throughout"),
    LONG_VIEW("longInputUsd", FIELD_NANOUSD, long_input, "inputUsd of such a call"),
    LONG_VIEW("longOutputUsd", FIELD_NANOUSD, long_output, "outputUsd of such a call"),
    LONG_VIEW("longCacheReadUsd", FIELD_NANOUSD, long_cache_read, "cacheReadUsd of such a call"),
    LONG_VIEW("longCacheWriteUsd", FIELD_NANOUSD, long_cache_write, "cacheWriteUsd of such a call"),
    FIELD_END,
};

static struct price_view view_of(struct str provider, struct str model, const struct cost_price *p)
{
    return (struct price_view){ .provider = provider,
                                .model = model,
                                .source = STR("list"),
                                .version = price_list_version(),
                                .input = p->input * TOKENS_PRICED,
                                .output = p->output * TOKENS_PRICED,
                                .cache_read = p->cache_read * TOKENS_PRICED,
                                .cache_write = p->cache_write * TOKENS_PRICED,
                                .per_minute = p->per_minute,
                                .long_above = p->long_above_tokens,
                                .long_input = p->long_input * TOKENS_PRICED,
                                .long_output = p->long_output * TOKENS_PRICED,
                                .long_cache_read = p->long_cache_read * TOKENS_PRICED,
                                .long_cache_write = p->long_cache_write * TOKENS_PRICED,
                                .long_seen = p->long_above_tokens ? FIELD_GIVEN : FIELD_ABSENT };
}

static struct price_view override_view(struct cx *cx, const struct cost_price_overrides_row *r)
{
    struct cost_price p = { .input = r->input,
                            .output = r->output,
                            .cache_read = r->cache_read,
                            .cache_write = r->cache_write,
                            .per_minute = r->per_minute };
    struct price_view v = view_of(r->provider.len ? r->provider : STR_NULL, r->model, &p);
    v.source = STR("override");
    v.version = str_fmt(cx->arena, "%lld", (long long)r->version);
    return v;
}

/* ---- list_prices ---- */

struct list_in {
    struct str provider, q;
};
struct list_out {
    struct str version;
    struct span prices;
};
static const struct field list_in_fields[] = {
    { .name = "provider",
      .type = FIELD_STR,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, provider),
      .max = 64,
      .doc = "Only prices of this provider" },
    { .name = "q",
      .type = FIELD_STR,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, q),
      .max = 200,
      .doc = "Part of the model's name" },
    FIELD_END,
};
static const struct field list_out_fields[] = {
    { .name = "version",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct list_out, version),
      .doc = "Date of the list that the program ships" },
    { .name = "prices",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct list_out, prices),
      .fields = price_fields,
      .elem_size = sizeof(struct price_view),
      .doc = "Overrides first; they stand before the list" },
    FIELD_END,
};

static bool wanted(const struct list_in *in, struct str provider, struct str model)
{
    if (str_given(in->provider) && str_given(provider) && !str_eq(in->provider, provider))
        return false;
    return !str_given(in->q) || str_find(model, in->q) != SIZE_MAX;
}

static enum err list_run(struct cx *cx, const void *input, void *output)
{
    const struct list_in *in = input;
    struct list_out *out = output;
    struct cost_price_overrides_in q = { .organization_id = cx->principal.organization_id,
                                         .limit = OVERRIDES_MAX };
    struct cost_price_overrides_row *rows;
    size_t count, n = 0;
    TRY(cost_price_overrides(cx, &q, &rows, &count));
    struct price_view *views = arena_array(cx->arena, count + price_list_count, sizeof *views);
    for (size_t i = 0; i < count; i++) {
        struct price_view v = override_view(cx, &rows[i]);
        if (wanted(in, v.provider, v.model))
            views[n++] = v;
    }
    for (size_t i = 0; i < price_list_count; i++) {
        const struct listed_price *l = &price_list[i];
        if (wanted(in, str_of(l->provider), str_of(l->model)))
            views[n++] = view_of(str_of(l->provider), str_of(l->model), &l->price);
    }
    out->version = price_list_version();
    out->prices = (struct span){ views, n };
    return OK;
}

/* ---- set_price, delete_price ---- */

/* A price holds for all workspaces of the organisation: who owns one of them only may not set it.
 */
static enum err organization_only(struct cx *cx)
{
    if (cx->principal.org_role < ROLE_ADMIN)
        FAIL(cx, FORBIDDEN,
             "Prices hold for the whole organisation; its owners and admins set them.");
    return OK;
}

struct set_in {
    struct str model, provider;
    int64_t input, output, cache_read, cache_write, per_minute;
    uint8_t cache_read_seen, cache_write_seen;
};
struct price_out {
    struct price_view price;
};

#define MODEL_IN(in_struct)                                                                        \
    {                                                                                              \
        .name = "model", .type = FIELD_STR, .from = FROM_PATH, .flags = FIELD_REQUIRED,            \
        .offset = FIELD_AT(struct in_struct, model), .min = 1, .max = 200,                         \
        .doc = "Model; without a date it holds for dated names too (%2F for a slash)"              \
    }
#define PROVIDER_IN(in_struct)                                                                     \
    {                                                                                              \
        .name = "provider", .type = FIELD_STR, .from = FROM_QUERY,                                 \
        .offset = FIELD_AT(struct in_struct, provider), .min = 1, .max = 64,                       \
        .doc = "Only when this provider serves it; not given: whoever does"                        \
    }
#define PRICE_IN(json, member, extra, seen_, text)                                                 \
    {                                                                                              \
        .name = json, .type = FIELD_NANOUSD, .flags = (extra),                                     \
        .offset = FIELD_AT(struct set_in, member), .max = PRICE_MAX, .seen = (seen_), .doc = text  \
    }

static const struct field set_in_fields[] = {
    MODEL_IN(set_in),
    PROVIDER_IN(set_in),
    PRICE_IN("inputUsd", input, FIELD_REQUIRED, 0,
             "Dollars for a million input tokens, at most three places"),
    PRICE_IN("outputUsd", output, FIELD_REQUIRED, 0, "Dollars for a million output tokens"),
    PRICE_IN("cacheReadUsd", cache_read, 0, FIELD_SEEN(struct set_in, cache_read_seen),
             "For cached input that was read; not given: as inputUsd"),
    PRICE_IN("cacheWriteUsd", cache_write, 0, FIELD_SEEN(struct set_in, cache_write_seen),
             "For input that was written to a cache; not given: as inputUsd"),
    PRICE_IN("minuteUsd", per_minute, 0, 0, "For a minute of audio"),
    FIELD_END,
};
static const struct field price_out_fields[] = {
    { .name = "price",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct price_out, price),
      .fields = price_fields,
      .doc = "The price as it is now" },
    FIELD_END,
};

/* Nano-dollars for a million tokens to nano-dollars for one. */
static int64_t for_one(struct cx *cx, const char *name, int64_t for_million)
{
    if (for_million % TOKENS_PRICED)
        cx_field_error(cx, str_of(name),
                       "must have at most three places: a thousandth of a dollar "
                       "for a million tokens is the least");
    return for_million / TOKENS_PRICED;
}

static enum err override_put(struct cx *cx, const struct cost_price_put_in *put)
{
    struct cost_price_override_count_in count_in = { .organization_id = put->organization_id };
    struct cost_price_override_count_row count;
    bool found;
    TRY(cost_price_put(cx, put, NULL));
    TRY(cost_price_override_count(cx, &count_in, &count, &found));
    if (count.overrides > OVERRIDES_MAX)
        FAIL(cx, LIMIT_REACHED, "An organisation has at most %d prices of its own.", OVERRIDES_MAX);
    return OK;
}

static enum err override_load(struct cx *cx, const struct cost_price_put_in *put,
                              struct price_view *ret)
{
    struct cost_price_overrides_in in = { .organization_id = put->organization_id,
                                          .limit = OVERRIDES_MAX };
    struct cost_price_overrides_row *rows;
    size_t count;
    TRY(cost_price_overrides(cx, &in, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (str_eq(rows[i].model, put->model) && str_eq(rows[i].provider, put->provider)) {
            *ret = override_view(cx, &rows[i]);
            return OK;
        }
    return cx_fault(cx, "the price of %.*s is not there", STR_ARG(put->model));
}

static enum err set_run(struct cx *cx, const void *input, void *output)
{
    const struct set_in *in = input;
    struct price_out *out = output;
    TRY(organization_only(cx));
    struct cost_price_put_in put = { .organization_id = cx->principal.organization_id,
                                     .model = in->model,
                                     .provider = str_given(in->provider) ? in->provider : STR(""),
                                     .per_minute = in->per_minute,
                                     .now = cx->now_ms,
                                     .user_id = cx->principal.user_id };
    put.input = for_one(cx, "inputUsd", in->input);
    put.output = for_one(cx, "outputUsd", in->output);
    put.cache_read = in->cache_read_seen == FIELD_GIVEN
                         ? for_one(cx, "cacheReadUsd", in->cache_read)
                         : put.input;
    put.cache_write = in->cache_write_seen == FIELD_GIVEN
                          ? for_one(cx, "cacheWriteUsd", in->cache_write)
                          : put.input;
    if (cx_has_field_errors(cx))
        return cx_invalid(cx);
    TRY(override_put(cx, &put));
    cx_entity(cx, "price", in->model);
    return override_load(cx, &put, &out->price);
}

struct delete_in {
    struct str model, provider;
};
static const struct field delete_in_fields[] = {
    MODEL_IN(delete_in),
    PROVIDER_IN(delete_in),
    FIELD_END,
};

static enum err delete_run(struct cx *cx, const void *input, void *output)
{
    const struct delete_in *in = input;
    (void)output;
    TRY(organization_only(cx));
    struct cost_price_delete_in key = { .organization_id = cx->principal.organization_id,
                                        .model = in->model,
                                        .provider =
                                            str_given(in->provider) ? in->provider : STR("") };
    int64_t affected;
    TRY(cost_price_delete(cx, &key, &affected));
    if (affected == 0)
        FAIL(cx, NOT_FOUND, "The organisation has no such price of its own.");
    cx_entity(cx, "price", in->model);
    return OK;
}

static const struct op_tool list_tool = {
    .level = 0,
    .doc = "Lists what models cost: dollars for a million tokens, the organisation's own prices "
           "before those that the program ships. Narrow it by provider or part of the name.",
};

const struct op cost_price_ops[] = {
    { .name = "list_prices",
      .kind = OP_JSON,
      .http = "GET /api/settings/ai-prices",
      .category = "settings",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &list_tool,
      .in = list_in_fields,
      .in_size = sizeof(struct list_in),
      .out = list_out_fields,
      .out_size = sizeof(struct list_out),
      .run = list_run,
      .summary = "List prices of models",
      .doc = "The organisation's own prices, then the list that the program ships, with its date. "
             "Each ledger row says which version priced it." },
    { .name = "set_price",
      .kind = OP_JSON,
      .http = "PUT /api/settings/ai-prices/{model}",
      .category = "settings",
      .auth = AUTH_SESSION,
      .roles = ROLES_OWNER,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = set_in_fields,
      .in_size = sizeof(struct set_in),
      .out = price_out_fields,
      .out_size = sizeof(struct price_out),
      .run = set_run,
      .summary = "Set the price of a model",
      .doc = "Sets what the model costs in all workspaces of the organisation, from the next call "
             "on; rows that are written stay as they are. 0 is a price: a model on a machine of "
             "one's own. 403 FORBIDDEN for who owns a workspace only; 409 LIMIT_REACHED at 500." },
    { .name = "delete_price",
      .kind = OP_JSON,
      .http = "DELETE /api/settings/ai-prices/{model}",
      .category = "settings",
      .auth = AUTH_SESSION,
      .roles = ROLES_OWNER,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = delete_in_fields,
      .in_size = sizeof(struct delete_in),
      .run = delete_run,
      .summary = "Go back to the shipped price",
      .doc = "Removes the organisation's own price of the model. 404 NOT_FOUND when it has none." },
};
const size_t cost_price_ops_count = sizeof cost_price_ops / sizeof *cost_price_ops;
