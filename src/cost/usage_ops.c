/* Operation rows of usage: pages of the ledger and the sums of a month in one answer each, CSV, and
 * reconcile. */
#include "base/clock.h"
#include "cost/book.h"
#include "cost/export.h"
#include "cost/usage.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static const char *const views[] = { "rows", "summary", NULL };
static const char *const breakdowns[] = { "model", "user", "operation", "keySource", NULL };
static const char *const operation_types[] = { "chat",      "agent", "extraction",
                                               "embedding", "other", NULL };
static const char *const bases[] = { "reported", "estimated", "worst_case", "external", NULL };
static const char *const pricings[] = { "priced", "unpriced", NULL };

/* ---- input ---- */

struct usage_in {
    struct page_in page;
    struct str view, by, month, day, provider, model, user_id, operation_type, key_source, basis,
        agent_task_id, thread_id, pricing;
};

#define TEXT_IN(json, member, most, text)                                                          \
    {                                                                                              \
        .name = json, .type = FIELD_STR, .from = FROM_QUERY,                                       \
        .offset = FIELD_AT(struct usage_in, member), .max = (most), .doc = text                    \
    }
#define ENUM_IN(json, member, list, text)                                                          \
    {                                                                                              \
        .name = json, .type = FIELD_ENUM, .from = FROM_QUERY,                                      \
        .offset = FIELD_AT(struct usage_in, member), .values = (list), .doc = text                 \
    }
#define FILTERS                                                                                    \
    TEXT_IN("month", month, 7, "UTC month as 2026-11, as it is booked"),                           \
        { .name = "day",                                                                           \
          .type = FIELD_DATE,                                                                      \
          .from = FROM_QUERY,                                                                      \
          .offset = FIELD_AT(struct usage_in, day),                                                \
          .doc = "One UTC day, as the summary counts it" },                                        \
        TEXT_IN("provider", provider, 64, "Only calls of this provider"),                          \
        TEXT_IN("model", model, 200, "Only calls of this model"),                                  \
        TEXT_IN("userId", user_id, 64, "Only calls of this user; empty: of nobody"),               \
        ENUM_IN("operationType", operation_type, operation_types, "Only calls of this kind"),      \
        TEXT_IN("keySource", key_source, 32, "Only calls that a key of this tier paid"),           \
        ENUM_IN("basis", basis, bases, "Only costs that are known in this way"),                   \
        TEXT_IN("agentTaskId", agent_task_id, 64, "Only calls of this agent task"),                \
        TEXT_IN("threadId", thread_id, 64, "Only calls of this chat"),                             \
        ENUM_IN("pricing", pricing, pricings, "Only priced, or only unpriced calls")

static const struct field usage_in_fields[] = {
    ENUM_IN("view", view, views, "rows (when not given) or summary"),
    ENUM_IN("by", by, breakdowns, "view=summary: also the days of this breakdown's dearest values"),
    FILTERS,
    FIELD_PAGE_IN(struct usage_in),
    FIELD_END,
};
static const struct field export_in_fields[] = { FILTERS, FIELD_END };

static enum err month_take(struct cx *cx, struct str text, int64_t *ret_month)
{
    if (!str_given(text) || month_parse(text, ret_month))
        return OK;
    cx_field_error(cx, STR("month"), "must be a month as 2026-11");
    return cx_invalid(cx);
}

static enum err filter_take(struct cx *cx, const struct usage_in *in, struct usage_filter *ret)
{
    struct usage_filter f = { .day = -1,
                              .provider = in->provider,
                              .model = in->model,
                              .user_id = in->user_id,
                              .operation_type = in->operation_type,
                              .key_source = in->key_source,
                              .basis = in->basis,
                              .agent_task_id = in->agent_task_id,
                              .thread_id = in->thread_id,
                              .unpriced =
                                  !str_given(in->pricing) ? 2 : str_is(in->pricing, "unpriced") };
    struct date d;
    TRY(month_take(cx, in->month, &f.month));
    if (str_given(in->day) && date_parse(in->day, &d)) {
        int64_t month = (int64_t)d.year * 100 + d.month;
        f.day = date_days(d);
        if (f.day < 0)
            cx_field_error(cx, STR("day"), "must be 1970-01-01 or later");
        else if (f.month && f.month != month)
            cx_field_error(cx, STR("day"), "must be in the month that is asked for");
        if (cx_has_field_errors(cx))
            return cx_invalid(cx);
        f.month = month;
    }
    *ret = f;
    return OK;
}

/* ---- output ---- */

#define VIEW(view, json, type_, member, extra, text)                                               \
    {                                                                                              \
        .name = json, .type = (type_), .flags = (extra), .offset = FIELD_AT(struct view, member),  \
        .doc = text                                                                                \
    }

static const struct field row_fields[] = {
    VIEW(usage_row, "id", FIELD_ID, id, FIELD_REQUIRED, "Id of the ledger row"),
    VIEW(usage_row, "createdAt", FIELD_TIME, created_at_ms, FIELD_REQUIRED | FIELD_NULLABLE,
         "When it was written"),
    VIEW(usage_row, "month", FIELD_STR, month, FIELD_REQUIRED, "UTC month it is booked to"),
    { .name = "operationType",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct usage_row, operation_type),
      .values = operation_types,
      .doc = "What the call was for" },
    VIEW(usage_row, "provider", FIELD_STR, provider, FIELD_REQUIRED, "Provider"),
    VIEW(usage_row, "model", FIELD_STR, model, FIELD_REQUIRED, "Model"),
    VIEW(usage_row, "keySource", FIELD_STR, key_source, FIELD_REQUIRED, "Whose key paid"),
    VIEW(usage_row, "userId", FIELD_STR, user_id, FIELD_NULLABLE, "User; null: autonomous"),
    VIEW(usage_row, "userName", FIELD_STR, user_name, FIELD_NULLABLE, "Their name as it is now"),
    VIEW(usage_row, "threadId", FIELD_STR, thread_id, FIELD_NULLABLE, "Chat"),
    VIEW(usage_row, "runId", FIELD_STR, run_id, FIELD_NULLABLE, "Run"),
    VIEW(usage_row, "agentTaskId", FIELD_STR, agent_task_id, FIELD_NULLABLE, "Agent task"),
    VIEW(usage_row, "attempt", FIELD_INT, attempt, FIELD_REQUIRED, "Which try of the call"),
    VIEW(usage_row, "inputTokens", FIELD_INT, input_tokens, FIELD_REQUIRED, "Not cached ones"),
    VIEW(usage_row, "outputTokens", FIELD_INT, output_tokens, FIELD_REQUIRED, "Output tokens"),
    VIEW(usage_row, "cacheReadTokens", FIELD_INT, cache_read_tokens, FIELD_REQUIRED,
         "Input tokens that a cache gave"),
    VIEW(usage_row, "cacheWriteTokens", FIELD_INT, cache_write_tokens, FIELD_REQUIRED,
         "Input tokens that a cache took"),
    VIEW(usage_row, "costUsd", FIELD_NANOUSD, cost_nanousd, FIELD_REQUIRED,
         "What it cost; negative: what an earlier worst case was too much"),
    VIEW(usage_row, "unpriced", FIELD_BOOL, unpriced, FIELD_REQUIRED,
         "Nobody knows what it cost; costUsd is 0 then"),
    { .name = "basis",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct usage_row, basis),
      .values = bases,
      .doc = "reported by the provider, estimated from above, worst_case, or external" },
    VIEW(usage_row, "priceVersion", FIELD_STR, price_version, FIELD_NULLABLE,
         "Version of the price list, or override; null: unpriced"),
    VIEW(usage_row, "durationMs", FIELD_INT, duration_ms, FIELD_REQUIRED, "How long it took"),
    VIEW(usage_row, "error", FIELD_STR, error, FIELD_NULLABLE, "What went wrong, as a code"),
    FIELD_END,
};

#define SUM_TAIL                                                                                   \
    VIEW(usage_sum, "calls", FIELD_INT, calls, FIELD_REQUIRED, "Ledger rows"),                     \
        VIEW(usage_sum, "unpricedCalls", FIELD_INT, unpriced, FIELD_REQUIRED,                      \
             "Of these: rows whose cost nobody knows; not in costUsd"),                            \
        VIEW(usage_sum, "inputTokens", FIELD_INT, input_tokens, FIELD_REQUIRED,                    \
             "Not cached ones"),                                                                   \
        VIEW(usage_sum, "outputTokens", FIELD_INT, output_tokens, FIELD_REQUIRED,                  \
             "Output tokens"),                                                                     \
        VIEW(usage_sum, "cacheReadTokens", FIELD_INT, cache_read_tokens, FIELD_REQUIRED,           \
             "Input tokens that a cache gave"),                                                    \
        VIEW(usage_sum, "cacheWriteTokens", FIELD_INT, cache_write_tokens, FIELD_REQUIRED,         \
             "Input tokens that a cache took"),                                                    \
        VIEW(usage_sum, "costUsd", FIELD_NANOUSD, cost_nanousd, FIELD_REQUIRED, "What they cost")

static const struct field total_fields[] = { SUM_TAIL, FIELD_END };
static const struct field day_fields[] = {
    VIEW(usage_sum, "day", FIELD_DATE, day, FIELD_REQUIRED, "UTC day"),
    SUM_TAIL,
    FIELD_END,
};
static const struct field value_fields[] = {
    VIEW(usage_sum, "key", FIELD_STR, value, FIELD_REQUIRED,
         "provider/model, user (empty: nobody), operation or key source"),
    VIEW(usage_sum, "name", FIELD_STR, name, FIELD_NULLABLE, "Of a user"),
    SUM_TAIL,
    FIELD_END,
};
static const struct field breakdown_fields[] = {
    { .name = "values",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct usage_breakdown, values),
      .fields = value_fields,
      .elem_size = sizeof(struct usage_sum),
      .doc = "The dearest first, at most 100" },
    { .name = "others",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct usage_breakdown, others),
      .fields = total_fields,
      .doc = "What the values leave of the total" },
    FIELD_END,
};

static const struct field series_fields[] = {
    VIEW(usage_series, "key", FIELD_STR, value, FIELD_REQUIRED, "As in the breakdown"),
    VIEW(usage_series, "name", FIELD_STR, name, FIELD_NULLABLE, "Of a user"),
    { .name = "days",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct usage_series, days),
      .fields = day_fields,
      .elem_size = sizeof(struct usage_sum),
      .doc = "UTC days with calls, in order" },
    FIELD_END,
};

struct summary_view {
    struct str month;
    struct usage_summary s;
    struct span series;
    int64_t remaining_nanousd;
    uint8_t cap_seen, series_seen;
};
#define BREAKDOWN(json, member, text)                                                              \
    {                                                                                              \
        .name = json, .type = FIELD_OBJECT, .flags = FIELD_REQUIRED,                               \
        .offset = FIELD_AT(struct summary_view, s.member), .fields = breakdown_fields, .doc = text \
    }

static const struct field summary_fields[] = {
    VIEW(summary_view, "month", FIELD_STR, month, FIELD_REQUIRED, "UTC month as 2026-11"),
    { .name = "capUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct summary_view, s.budget.cap_nanousd),
      .seen = FIELD_SEEN(struct summary_view, cap_seen),
      .doc = "Cap of a month, as it is now; null: none" },
    VIEW(summary_view, "spentUsd", FIELD_NANOUSD, s.budget.spent_nanousd, FIELD_REQUIRED,
         "Booked to the month"),
    VIEW(summary_view, "reservedUsd", FIELD_NANOUSD, s.budget.reserved_nanousd, FIELD_REQUIRED,
         "Worst cases of calls that are open"),
    { .name = "remainingUsd",
      .type = FIELD_NANOUSD,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct summary_view, remaining_nanousd),
      .seen = FIELD_SEEN(struct summary_view, cap_seen),
      .doc = "What the cap leaves; 0 when it is passed, null without one" },
    VIEW(summary_view, "forecastUsd", FIELD_NANOUSD, s.forecast_nanousd, FIELD_REQUIRED,
         "At the month's end, if it goes on as it has so far"),
    VIEW(summary_view, "resetsAt", FIELD_TIME, s.budget.resets_at_ms,
         FIELD_REQUIRED | FIELD_NULLABLE, "When the month ends"),
    { .name = "total",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct summary_view, s.total),
      .fields = total_fields,
      .doc = "What each of the breakdowns adds up to" },
    VIEW(summary_view, "driftUsd", FIELD_NANOUSD, s.drift_nanousd, FIELD_REQUIRED,
         "spentUsd less the total: 0, or something to reconcile"),
    { .name = "byDay",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct summary_view, s.days),
      .fields = day_fields,
      .elem_size = sizeof(struct usage_sum),
      .doc = "UTC days with calls, in order" },
    BREAKDOWN("byModel", models, "By provider and model"),
    BREAKDOWN("byUser", users, "By user"),
    BREAKDOWN("byOperation", operations, "By what the calls were for"),
    BREAKDOWN("byKeySource", key_sources, "By whose key paid"),
    { .name = "series",
      .type = FIELD_ARRAY,
      .offset = FIELD_AT(struct summary_view, series),
      .fields = series_fields,
      .elem_size = sizeof(struct usage_series),
      .seen = FIELD_SEEN(struct summary_view, series_seen),
      .doc = "With by: its six dearest values day by day; what byDay has more are the others" },
    FIELD_END,
};

struct usage_out {
    struct span usage;
    struct page_out pagination;
    struct summary_view summary;
    uint8_t rows_seen, summary_seen;
};
static const struct field usage_out_fields[] = {
    { .name = "usage",
      .type = FIELD_ARRAY,
      .offset = FIELD_AT(struct usage_out, usage),
      .fields = row_fields,
      .elem_size = sizeof(struct usage_row),
      .seen = FIELD_SEEN(struct usage_out, rows_seen),
      .doc = "view=rows: ledger rows, newest first" },
    { .name = "pagination",
      .type = FIELD_OBJECT,
      .offset = FIELD_AT(struct usage_out, pagination),
      .fields = page_out_fields,
      .seen = FIELD_SEEN(struct usage_out, rows_seen),
      .doc = "view=rows: where the list goes on; with filters a page may be short, or empty" },
    { .name = "summary",
      .type = FIELD_OBJECT,
      .offset = FIELD_AT(struct usage_out, summary),
      .fields = summary_fields,
      .seen = FIELD_SEEN(struct usage_out, summary_seen),
      .doc = "view=summary" },
    FIELD_END,
};

/* ---- get_ai_usage ---- */

static const struct page_list usage_list =
    PAGE_LIST("usage", struct usage_place, PAGE_KEY(struct usage_place, month),
              PAGE_KEY(struct usage_place, created_at_ms), PAGE_KEY(struct usage_place, id));

static enum err rows_run(struct cx *cx, const struct usage_in *in, struct usage_out *out)
{
    struct usage_filter f;
    struct usage_place place = { 0 };
    struct usage_row *rows;
    size_t count;
    bool more;
    if (str_given(in->by)) {
        cx_field_error(cx, STR("by"), "belongs to view=summary");
        return cx_invalid(cx);
    }
    TRY(filter_take(cx, in, &f));
    TRY(page_begin(cx, &usage_list, &in->page, &place));
    TRY(usage_page(cx, &f, &place, in->page.limit, &rows, &count, &more));
    out->rows_seen = FIELD_GIVEN;
    out->usage = (struct span){ rows, count };
    page_go_on(cx, &usage_list, &in->page, more ? &place : NULL, &out->pagination);
    return OK;
}

/* A filter that the summary would pass over in silence is refused. */
static enum err summary_check(struct cx *cx, const struct usage_in *in)
{
    const struct {
        const char *name;
        struct str value;
    } rows_only[] = {
        { "day", in->day },
        { "provider", in->provider },
        { "model", in->model },
        { "userId", in->user_id },
        { "basis", in->basis },
        { "operationType", in->operation_type },
        { "pricing", in->pricing },
        { "keySource", in->key_source },
        { "threadId", in->thread_id },
        { "agentTaskId", in->agent_task_id },
        { "cursor", in->page.cursor },
    };
    for (size_t i = 0; i < sizeof rows_only / sizeof *rows_only; i++)
        if (str_given(rows_only[i].value))
            cx_field_error(cx, str_of(rows_only[i].name), "belongs to view=rows");
    return cx_has_field_errors(cx) ? cx_invalid(cx) : OK;
}

static enum err summary_run(struct cx *cx, const struct usage_in *in, struct usage_out *out)
{
    struct summary_view *v = &out->summary;
    int64_t month = month_of(cx->now_ms);
    TRY(summary_check(cx, in));
    TRY(month_take(cx, in->month, &month));
    TRY(usage_summarize(cx, month, &v->s));
    if (str_given(in->by)) {
        v->series_seen = FIELD_GIVEN;
        TRY(usage_series_load(cx, month, in->by, &v->s, &v->series));
    }
    const struct cost_budget *b = &v->s.budget;
    out->summary_seen = FIELD_GIVEN;
    v->month = month_text(cx->arena, month);
    v->cap_seen = b->cap_nanousd == INT64_MAX ? FIELD_NULL : FIELD_GIVEN;
    v->remaining_nanousd = b->cap_nanousd - b->spent_nanousd - b->reserved_nanousd;
    if (v->remaining_nanousd < 0)
        v->remaining_nanousd = 0;
    return OK;
}

static enum err usage_run(struct cx *cx, const void *input, void *output)
{
    const struct usage_in *in = input;
    return str_is(in->view, "summary") ? summary_run(cx, in, output) : rows_run(cx, in, output);
}

/* ---- export_ai_usage ---- */

static enum err export_run(struct cx *cx, const void *input, struct download *ret)
{
    const struct usage_in *in = input;
    struct usage_filter f = { .month = 0 };
    TRY(filter_take(cx, in, &f));
    TRY(usage_csv(cx, &f, &ret->bytes));
    ret->content_type = STR("text/csv; charset=utf-8; header=present");
    ret->filename =
        f.month ? str_fmt(cx->arena, "ai-usage-%.*s.csv", STR_ARG(month_text(cx->arena, f.month)))
                : STR("ai-usage.csv");
    return OK;
}

/* ---- reconcile ---- */

struct reconcile_in {
    struct str month;
};
static const struct field reconcile_in_fields[] = {
    { .name = "month",
      .type = FIELD_STR,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct reconcile_in, month),
      .max = 7,
      .doc = "UTC month as 2026-11, of which the ledger is kept (seven years); not given: this "
             "one" },
    FIELD_END,
};
struct reconcile_out {
    struct reconciled r;
    struct str month;
};
static const struct field reconcile_out_fields[] = {
    VIEW(reconcile_out, "month", FIELD_STR, month, FIELD_REQUIRED, "UTC month"),
    VIEW(reconcile_out, "before", FIELD_NANOUSD, r.before_nanousd, FIELD_REQUIRED,
         "Dollars spent, as the snapshot had it"),
    VIEW(reconcile_out, "after", FIELD_NANOUSD, r.after_nanousd, FIELD_REQUIRED,
         "Dollars spent, as the ledger adds up"),
    VIEW(reconcile_out, "drift", FIELD_NANOUSD, r.drift_nanousd, FIELD_REQUIRED,
         "after less before; 0 when all was well"),
    VIEW(reconcile_out, "reservedBefore", FIELD_NANOUSD, r.reserved_before_nanousd, FIELD_REQUIRED,
         "Dollars reserved, as the snapshot had it"),
    VIEW(reconcile_out, "reservedAfter", FIELD_NANOUSD, r.reserved_after_nanousd, FIELD_REQUIRED,
         "Dollars that open calls reserve"),
    VIEW(reconcile_out, "callsBefore", FIELD_INT, r.calls_before, FIELD_REQUIRED,
         "Calls, as the snapshot had it"),
    VIEW(reconcile_out, "callsAfter", FIELD_INT, r.calls_after, FIELD_REQUIRED,
         "Rows of the ledger"),
    VIEW(reconcile_out, "rollupsCorrected", FIELD_INT, r.rollups_corrected, FIELD_REQUIRED,
         "Sums of the summary that were wrong"),
    FIELD_END,
};

static enum err reconcile_run(struct cx *cx, const void *input, void *output)
{
    const struct reconcile_in *in = input;
    struct reconcile_out *out = output;
    int64_t month = month_of(cx->now_ms);
    TRY(month_take(cx, in->month, &month));
    TRY(cost_reconcile(cx, month, INT64_MAX, &out->r));
    out->month = month_text(cx->arena, month);
    return OK;
}

/* ---- rows ---- */

static const struct op_tool usage_tool = {
    .level = 0,
    .doc = "Shows what AI calls of the workspace cost. With view=summary the month's cap, spend, "
           "forecast and sums by day, model, user, operation and key source; else single calls, "
           "newest first.",
};

const struct op cost_ops[] = {
    { .name = "get_ai_usage",
      .kind = OP_JSON,
      .http = "GET /api/settings/ai-usage",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &usage_tool,
      .in = usage_in_fields,
      .in_size = sizeof(struct usage_in),
      .out = usage_out_fields,
      .out_size = sizeof(struct usage_out),
      .run = usage_run,
      .summary = "See what AI calls cost",
      .doc = "Rows of the ledger, newest first, one for each call of a provider and attempt; or "
             "with view=summary the sums of a month (when none is given, this one) with cap, "
             "reserved, forecast and breakdowns that all add up to the same. Months and days are "
             "UTC. Calls whose price nobody knows are counted as unpriced, never as 0 dollars." },
    { .name = "export_ai_usage",
      .kind = OP_DOWNLOAD,
      .http = "GET /api/settings/ai-usage/export",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_SLOW,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = export_in_fields,
      .in_size = sizeof(struct usage_in),
      .download = export_run,
      .summary = "Download ledger rows as CSV",
      .doc = "The rows of get_ai_usage as CSV (RFC 4180), newest first, with the same filters. At "
             "most 50,000 rows; when more fit, 400 VALIDATION_ERROR says so, and a month or a day "
             "makes it fewer." },
    { .name = "reconcile_ai_usage",
      .kind = OP_JSON,
      .http = "POST /api/settings/ai-usage/reconcile",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_OWNER,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .flags = OP_NO_BODY,
      .in = reconcile_in_fields,
      .in_size = sizeof(struct reconcile_in),
      .out = reconcile_out_fields,
      .out_size = sizeof(struct reconcile_out),
      .run = reconcile_run,
      .summary = "Rebuild a month's sums from the ledger",
      .doc =
          "Adds up the ledger and the open reservations of a month and corrects the snapshot "
          "that the cap works with, and the sums of the summary, value by value: cost, calls, "
          "tokens, unpriced. It runs every night by itself; calls go on meanwhile. A month whose "
          "rows retention may have removed is refused. The answer says what the snapshot had "
          "before, what it has after, and the drift between them." },
};
const size_t cost_ops_count = sizeof cost_ops / sizeof *cost_ops;
