/* Operation rows of the budget: what a workspace may spend, and who says so. */
#include "cost/book.h"
#include "cost/cost_sql.h"
#include "cost/usage.h"

#define USD_MAX ((int64_t)1000000000 * 1000000000) /* a billion dollars */

static const char *const unpriced_rules[] = { "REFUSE", "ALLOW", NULL };

struct budget_view {
    struct cost_budget b;
    struct str month, unpriced;
    int64_t remaining_nanousd, version;
    uint8_t cap_seen;
};
struct budget_out {
    struct budget_view budget;
};

#define VIEW(json, type_, member, extra, text)                                                     \
    {                                                                                              \
        .name = json, .type = (type_), .flags = FIELD_REQUIRED | (extra),                          \
        .offset = FIELD_AT(struct budget_view, member), .doc = text                                \
    }

static const struct field budget_fields[] = {
    { .name = "capUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct budget_view, b.cap_nanousd),
      .seen = FIELD_SEEN(struct budget_view, cap_seen),
      .doc = "Most that a UTC month may cost; null: no cap" },
    VIEW("softWarningPercent", FIELD_INT, b.warn_percent, 0,
         "Owners are told when so much of the cap is spent; 0: never"),
    { .name = "unpricedModels",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct budget_view, unpriced),
      .values = unpriced_rules,
      .doc = "Whether models without a price may be called under a cap" },
    VIEW("month", FIELD_STR, month, 0, "The UTC month that the rest is about"),
    VIEW("spentUsd", FIELD_NANOUSD, b.spent_nanousd, 0, "Spent in it"),
    VIEW("reservedUsd", FIELD_NANOUSD, b.reserved_nanousd, 0, "Worst cases of calls that are open"),
    { .name = "remainingUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct budget_view, remaining_nanousd),
      .seen = FIELD_SEEN(struct budget_view, cap_seen),
      .doc = "What the cap leaves; 0 when it is passed, null without one" },
    VIEW("calls", FIELD_INT, b.calls, 0, "Rows of the ledger in it"),
    VIEW("resetsAt", FIELD_TIME, b.resets_at_ms, FIELD_NULLABLE, "When it ends"),
    VIEW("version", FIELD_INT, version, 0, "Counts up with each change; 0: the defaults"),
    FIELD_END,
};
static const struct field budget_out_fields[] = {
    { .name = "budget",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct budget_out, budget),
      .fields = budget_fields,
      .doc = "Where the workspace stands" },
    FIELD_END,
};

static enum err view_load(struct cx *cx, struct budget_view *v)
{
    struct cost_rule rule;
    TRY(cost_rule_load(cx, &rule));
    TRY(cost_budget_of(cx, &v->b));
    v->version = rule.version;
    v->month = month_text(cx->arena, v->b.month);
    v->unpriced = v->b.refuse_unpriced ? STR("REFUSE") : STR("ALLOW");
    v->cap_seen = v->b.cap_nanousd == INT64_MAX ? FIELD_NULL : FIELD_GIVEN;
    v->remaining_nanousd = v->b.cap_nanousd - v->b.spent_nanousd - v->b.reserved_nanousd;
    if (v->remaining_nanousd < 0)
        v->remaining_nanousd = 0;
    return OK;
}

static enum err get_run(struct cx *cx, const void *input, void *output)
{
    struct budget_out *out = output;
    (void)input;
    return view_load(cx, &out->budget);
}

/* ---- update_ai_budget ---- */

struct update_in {
    int64_t cap_nanousd, warn_percent, version;
    struct str unpriced;
    uint8_t cap_seen, warn_seen, version_seen;
};
static const struct field update_in_fields[] = {
    { .name = "capUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct update_in, cap_nanousd),
      .seen = FIELD_SEEN(struct update_in, cap_seen),
      .max = USD_MAX,
      .doc = "Most that a UTC month may cost; null: no cap" },
    { .name = "softWarningPercent",
      .type = FIELD_INT,
      .offset = FIELD_AT(struct update_in, warn_percent),
      .seen = FIELD_SEEN(struct update_in, warn_seen),
      .max = 100,
      .doc = "Tell owners when so much of the cap is spent; 0: never" },
    { .name = "unpricedModels",
      .type = FIELD_ENUM,
      .offset = FIELD_AT(struct update_in, unpriced),
      .values = unpriced_rules,
      .doc = "Whether models without a price may be called under a cap; an owner says so" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_VERSION,
      .offset = FIELD_AT(struct update_in, version),
      .seen = FIELD_SEEN(struct update_in, version_seen),
      .doc = "The version that was seen; not given: whatever it is" },
    FIELD_END,
};

static enum err version_conflict(struct cx *cx, int64_t version)
{
    cx_fail(cx, ERR_VERSION_CONFLICT, "The budget was changed meanwhile.");
    cx_details(cx, str_fmt(cx->arena, "{\"version\":%lld}", (long long)version));
    return ERR_VERSION_CONFLICT;
}

static enum err rule_put(struct cx *cx, const struct cost_rule *rule)
{
    struct cost_rule_put_in in = { .workspace_id = cx->principal.workspace_id,
                                   .cap_nanousd = { .given = rule->cap_nanousd != COST_CAP_NONE,
                                                    .value = rule->cap_nanousd },
                                   .warn_percent = rule->warn_percent,
                                   .unpriced = rule->refuse_unpriced ? STR("REFUSE") : STR("ALLOW"),
                                   .seen = rule->version,
                                   .now = cx->now_ms,
                                   .user_id = cx->principal.user_id };
    struct cost_notices_reset_in reset = { .workspace_id = in.workspace_id,
                                           .month = month_of(cx->now_ms),
                                           .warn_at = cost_warn_at(rule),
                                           .cap = rule->cap_nanousd };
    int64_t affected;
    TRY(cost_rule_put(cx, &in, &affected));
    if (affected != 1)
        return version_conflict(cx, rule->version);
    return cost_notices_reset(cx, &reset, NULL);
}

/* 0 says that nothing may be spent, whatever was; any other cap below what is spent is a mistake.
 */
static enum err check_cap(struct cx *cx, int64_t cap_nanousd)
{
    struct cost_budget b;
    TRY(cost_budget_of(cx, &b));
    if (cap_nanousd == 0 || cap_nanousd >= b.spent_nanousd)
        return OK;
    cx_field_error(cx, STR("capUsd"),
                   "is below the %.*s USD that are spent this month: at least that much, or 0 to "
                   "stop all calls that cost",
                   STR_ARG(usd_text(cx->arena, b.spent_nanousd)));
    return cx_invalid(cx);
}

static enum err update_run(struct cx *cx, const void *input, void *output)
{
    const struct update_in *in = input;
    struct budget_out *out = output;
    struct cost_rule rule;
    TRY(cost_rule_load(cx, &rule));
    if (in->version_seen == FIELD_GIVEN && in->version != rule.version)
        return version_conflict(cx, rule.version);
    if (str_given(in->unpriced) && str_is(in->unpriced, "ALLOW") == rule.refuse_unpriced) {
        if (cx->principal.role != ROLE_OWNER)
            FAIL(cx, FORBIDDEN, "Only an owner may change unpricedModels.");
        rule.refuse_unpriced = !rule.refuse_unpriced;
    }
    if (in->cap_seen == FIELD_GIVEN)
        TRY(check_cap(cx, in->cap_nanousd));
    if (in->cap_seen != FIELD_ABSENT)
        rule.cap_nanousd = in->cap_seen == FIELD_NULL ? COST_CAP_NONE : in->cap_nanousd;
    if (in->warn_seen == FIELD_GIVEN)
        rule.warn_percent = in->warn_percent;
    TRY(rule_put(cx, &rule));
    cx_entity(cx, "budget", cx->principal.workspace_id);
    return view_load(cx, &out->budget);
}

static const struct op_tool get_tool = {
    .level = 0,
    .doc =
        "Shows the workspace's monthly AI budget: cap, spent, reserved, what is left and when it "
        "begins anew.",
};

const struct op cost_budget_ops[] = {
    { .name = "get_ai_budget",
      .kind = OP_JSON,
      .http = "GET /api/settings/ai-budget",
      .category = "settings",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_LOOP,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &get_tool,
      .out = budget_out_fields,
      .out_size = sizeof(struct budget_out),
      .run = get_run,
      .summary = "See the AI budget",
      .doc = "Cap of a UTC month, soft warning, rule for models without a price, and what this "
             "month has spent and reserved. All key sources count." },
    { .name = "update_ai_budget",
      .kind = OP_JSON,
      .http = "PATCH /api/settings/ai-budget",
      .category = "settings",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = update_in_fields,
      .in_size = sizeof(struct update_in),
      .out = budget_out_fields,
      .out_size = sizeof(struct budget_out),
      .run = update_run,
      .summary = "Change the AI budget",
      .doc =
          "Changes what is given. A cap below what is spent this month is refused (400); what is "
          "spent, or 0, stops new calls at once, open ones end as they were admitted. "
          "unpricedModels is for owners (403 FORBIDDEN). 409 VERSION_CONFLICT when version is "
          "given and not the current one; "
          "details.version is." },
};
const size_t cost_budget_ops_count = sizeof cost_budget_ops / sizeof *cost_budget_ops;
