/* Months in UTC, the rules of a workspace, and when its owners hear about them. */
#include "cost/book.h"

#include "base/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "cost/cost_sql.h"
#include "cost/price.h"
#include "cost/usage.h"
#include "jobs/jobs.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define NOTICE_BYTES_MAX 512
#define LEDGER_YEARS 7

/* ---- months ---- */

static int64_t day_of(int64_t ms)
{
    return ms >= 0 ? ms / DAY_MS : -((DAY_MS - 1 - ms) / DAY_MS);
}

int64_t month_of(int64_t ms)
{
    struct date d = date_from_days(day_of(ms));
    return (int64_t)d.year * 100 + d.month;
}

int64_t month_before(int64_t month)
{
    return month % 100 > 1 ? month - 1 : month - 100 + 11;
}

static int64_t month_after(int64_t month)
{
    return month % 100 < 12 ? month + 1 : month + 100 - 11;
}

bool month_valid(int64_t month)
{
    return month >= 197001 && month <= 999912 && month % 100 >= 1 && month % 100 <= 12;
}

int64_t month_first_day(int64_t month)
{
    return date_days((struct date){ (int)(month / 100), (int)(month % 100), 1 });
}

int64_t month_days(int64_t month)
{
    return month_first_day(month_after(month)) - month_first_day(month);
}

int64_t month_end_ms(int64_t month)
{
    return month_first_day(month_after(month)) * DAY_MS;
}

struct str usd_text(struct arena *a, int64_t nanousd)
{
    const int64_t one = 1000000000;
    const char *sign = nanousd < 0 ? "-" : "";
    int64_t usd = nanousd / one, nano = nanousd % one;
    struct str s = str_fmt(a, "%s%lld.%09lld", sign, (long long)(usd < 0 ? -usd : usd),
                           (long long)(nano < 0 ? -nano : nano));
    while (s.ptr[s.len - 1] == '0')
        s.len--;
    if (s.ptr[s.len - 1] == '.')
        s.len--;
    return s;
}

/* ---- retention of the ledger ---- */

int64_t ledger_month_first(int64_t now_ms)
{
    return month_of(now_ms) - (int64_t)LEDGER_YEARS * 100;
}

enum err ledger_month_whole(struct cx *cx, int64_t *ret)
{
    struct cost_ledger_first_get_row row;
    int64_t first = ledger_month_first(cx->now_ms), noted = 0;
    bool found;
    TRY(cost_ledger_first_get(cx, &row, &found));
    if (found && !month_parse(row.month, &noted))
        return cx_fault(cx, "ledger.first is no month");
    *ret = noted > first ? noted : first;
    return OK;
}

enum err ledger_month_note(struct cx *cx, int64_t month)
{
    struct cost_ledger_first_set_in in = { month_text(cx->arena, month), cx->now_ms };
    return cost_ledger_first_set(cx, &in, NULL);
}

/* ---- rules ---- */

enum err cost_rule_load(struct cx *cx, struct cost_rule *ret)
{
    struct cost_rule_get_in in = { .workspace_id = cx->principal.workspace_id };
    struct cost_rule_get_row row;
    bool found;
    TRY(cost_rule_get(cx, &in, &row, &found));
    if (!found) {
        *ret = (struct cost_rule){ .cap_nanousd = COST_CAP_DEFAULT_NANOUSD,
                                   .warn_percent = COST_WARN_PERCENT_DEFAULT,
                                   .refuse_unpriced = true };
        return OK;
    }
    *ret = (struct cost_rule){ .cap_nanousd =
                                   row.cap_nanousd.given ? row.cap_nanousd.value : COST_CAP_NONE,
                               .warn_percent = row.warn_percent,
                               .refuse_unpriced = str_is(row.unpriced, "REFUSE"),
                               .version = row.version };
    return OK;
}

int64_t cost_warn_at(const struct cost_rule *rule)
{
    if (rule->cap_nanousd == COST_CAP_NONE || rule->warn_percent == 0)
        return INT64_MAX;
    return rule->cap_nanousd / 100 * rule->warn_percent +
           rule->cap_nanousd % 100 * rule->warn_percent / 100;
}

enum err cost_organization(struct cx *cx, struct str workspace_id, struct str *ret)
{
    struct cost_organization_of_in in = { .workspace_id = workspace_id };
    struct cost_organization_of_row row;
    bool found;
    TRY(cost_organization_of(cx, &in, &row, &found));
    if (!found)
        return cx_fault(cx, "workspace %.*s is not there", STR_ARG(workspace_id));
    *ret = row.organization_id;
    return OK;
}

enum err cost_budget_of(struct cx *cx, struct cost_budget *ret)
{
    struct cost_budget_get_in in = { .workspace_id = cx->principal.workspace_id,
                                     .month = month_of(cx->now_ms) };
    struct cost_budget_get_row row = { 0 };
    struct cost_rule rule;
    bool found;
    TRY(cost_rule_load(cx, &rule));
    TRY(cost_budget_get(cx, &in, &row, &found));
    if (!found)
        row = (struct cost_budget_get_row){ 0 };
    *ret =
        (struct cost_budget){ .month = in.month,
                              .cap_nanousd =
                                  rule.cap_nanousd == COST_CAP_NONE ? INT64_MAX : rule.cap_nanousd,
                              .spent_nanousd = row.spent_nanousd,
                              .reserved_nanousd = row.reserved_nanousd,
                              .calls = row.calls,
                              .resets_at_ms = month_end_ms(in.month),
                              .warn_percent = rule.warn_percent,
                              .refuse_unpriced = rule.refuse_unpriced };
    return OK;
}

/* ---- notices ---- */

/* {"month":202611,"spentUsd":80.5,"capUsd":100} */
static enum err notice_add(struct cx *cx, const char *kind, int64_t month, int64_t spent,
                           int64_t cap)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, cx->arena, NOTICE_BYTES_MAX);
    jw_init(&w, &text);
    jw_object(&w);
    jw_key_lit(&w, "month");
    jw_i64(&w, month);
    jw_key_lit(&w, "spentUsd");
    jw_raw(&w, usd_text(cx->arena, spent));
    jw_key_lit(&w, "capUsd");
    jw_raw(&w, usd_text(cx->arena, cap));
    jw_object_end(&w);
    struct job_new j = { .kind = kind, .payload = buf_str(&text) };
    return job_add(cx, &j, NULL);
}

enum err cost_notices(struct cx *cx, int64_t month, int64_t spent_nanousd, bool warned, bool capped)
{
    struct cost_rule rule;
    int64_t affected = 0;
    if (warned && capped)
        return OK;
    TRY(cost_rule_load(cx, &rule));
    if (!warned && spent_nanousd >= cost_warn_at(&rule)) {
        struct cost_warned_set_in in = { .workspace_id = cx->principal.workspace_id,
                                         .month = month,
                                         .now = cx->now_ms };
        TRY(cost_warned_set(cx, &in, &affected));
        if (affected)
            TRY(notice_add(cx, "cost_warning", month, spent_nanousd, rule.cap_nanousd));
    }
    if (!capped && rule.cap_nanousd != COST_CAP_NONE && spent_nanousd >= rule.cap_nanousd) {
        struct cost_capped_set_in in = { .workspace_id = cx->principal.workspace_id,
                                         .month = month,
                                         .now = cx->now_ms };
        TRY(cost_capped_set(cx, &in, &affected));
        if (affected)
            TRY(notice_add(cx, "cost_cap_reached", month, spent_nanousd, rule.cap_nanousd));
    }
    return OK;
}

enum err cost_refused(struct cx *cx)
{
    struct cost_budget b;
    TRY(cost_budget_of(cx, &b));
    if (b.cap_nanousd == INT64_MAX)
        return OK;
    struct cost_capped_set_in in = { .workspace_id = cx->principal.workspace_id,
                                     .month = b.month,
                                     .now = cx->now_ms };
    int64_t affected;
    TRY(cost_capped_set(cx, &in, &affected));
    return affected ? notice_add(cx, "cost_cap_reached", b.month, b.spent_nanousd, b.cap_nanousd)
                    : OK;
}
