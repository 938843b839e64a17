/* Pages of the ledger and sums of a month; see usage.h.
 *
 * Goals: a page costs the same whatever the ledger's size; sums are read from the roll-ups, never
 * from the ledger. Non-goal: correcting what differs (reconcile.c). */
#include "cost/usage.h"

#include "base/clock.h"
#include "cost/book.h"
#include "cost/cost_sql.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define LAST_ID STR("~") /* behind every id */

struct str month_text(struct arena *a, int64_t month)
{
    return str_fmt(a, "%04lld-%02lld", (long long)(month / 100), (long long)(month % 100));
}

bool month_parse(struct str s, int64_t *ret)
{
    struct date d;
    char text[11] = "0000-00-01";
    if (s.len != 7)
        return false;
    memcpy(text, s.ptr, 7);
    if (!date_parse((struct str){ text, 10 }, &d))
        return false;
    *ret = (int64_t)d.year * 100 + d.month;
    return month_valid(*ret);
}

static struct str day_text(struct arena *a, int64_t day)
{
    struct date d = date_from_days(day);
    return str_fmt(a, "%04d-%02d-%02d", d.year, d.month, d.day);
}

/* ---- pages ---- */

static struct usage_row row_of(struct cx *cx, const struct cost_ledger_page_row *r)
{
    return (struct usage_row){ .id = r->id,
                               .month = month_text(cx->arena, r->month),
                               .operation_type = r->operation_type,
                               .provider = r->provider,
                               .model = r->model,
                               .key_source = r->key_source,
                               .user_id = r->user_id,
                               .user_name = r->user_name,
                               .thread_id = r->thread_id,
                               .run_id = r->run_id,
                               .agent_task_id = r->agent_task_id,
                               .basis = r->basis,
                               .price_version = r->price_version,
                               .error = r->error,
                               .created_at_ms = r->created_at,
                               .month_number = r->month,
                               .attempt = r->attempt,
                               .input_tokens = r->input_tokens,
                               .output_tokens = r->output_tokens,
                               .cache_read_tokens = r->cache_read_tokens,
                               .cache_write_tokens = r->cache_write_tokens,
                               .cost_nanousd = r->cost_nanousd,
                               .duration_ms = r->duration_ms.given ? r->duration_ms.value : 0,
                               .unpriced = !str_given(r->price_version) };
}

/* The part of the index that the filter's month and day leave, from *place on. */
static void range_fill(const struct usage_filter *f, const struct usage_place *place,
                       struct cost_ledger_page_in *in)
{
    int64_t last_day = f->month ? month_first_day(f->month) + month_days(f->month) - 1 : 0;
    bool first = f->day == (f->month ? month_first_day(f->month) : -2);
    in->from_month = f->month;
    in->from_at = f->day >= 0 && !first ? f->day * DAY_MS : INT64_MIN;
    in->before_month = f->month ? f->month : INT64_MAX;
    in->before_at = f->day >= 0 && f->day != last_day ? (f->day + 1) * DAY_MS : INT64_MAX;
    in->before_id = f->day >= 0 && f->day != last_day ? STR("") : LAST_ID;
    if (place->month) {
        in->before_month = place->month;
        in->before_at = place->created_at_ms;
        in->before_id = place->id;
    }
}

static bool is_filtered(const struct usage_filter *f)
{
    return str_given(f->provider) || str_given(f->model) || str_given(f->user_id) ||
           str_given(f->operation_type) || str_given(f->key_source) || str_given(f->basis) ||
           str_given(f->agent_task_id) || str_given(f->thread_id) || f->unpriced != 2;
}

/* More rows than fit: the place is the last one shown. Else perhaps the last one looked at. */
static enum err place_next(struct cx *cx, const struct cost_ledger_page_in *in,
                           const struct usage_row *rows, size_t count, bool full,
                           struct usage_place *place, bool *ret_more)
{
    struct cost_ledger_edge_in edge = { .workspace_id = in->workspace_id,
                                        .from_month = in->from_month,
                                        .from_at = in->from_at,
                                        .before_month = in->before_month,
                                        .before_at = in->before_at,
                                        .before_id = in->before_id,
                                        .skip = in->scan - 1 };
    struct cost_ledger_edge_row row;
    bool more = full;
    if (full)
        *place = (struct usage_place){ rows[count - 1].month_number, rows[count - 1].created_at_ms,
                                       rows[count - 1].id };
    else
        TRY(cost_ledger_edge(cx, &edge, &row, &more));
    if (!full && more)
        *place = (struct usage_place){ row.month, row.created_at, row.id };
    *ret_more = more;
    return OK;
}

enum err usage_page(struct cx *cx, const struct usage_filter *f, struct usage_place *place,
                    int64_t limit, struct usage_row **ret, size_t *ret_count, bool *ret_more)
{
    struct cost_ledger_page_in in = { .workspace_id = cx->principal.workspace_id,
                                      .provider = f->provider,
                                      .model = f->model,
                                      .user_id = f->user_id,
                                      .operation_type = f->operation_type,
                                      .key_source = f->key_source,
                                      .basis = f->basis,
                                      .agent_task_id = f->agent_task_id,
                                      .thread_id = f->thread_id,
                                      .unpriced = f->unpriced,
                                      .scan = is_filtered(f) && USAGE_SCAN_ROWS > limit
                                                  ? USAGE_SCAN_ROWS
                                                  : limit + 1,
                                      .limit = limit + 1 };
    struct cost_ledger_page_row *found;
    size_t count;
    range_fill(f, place, &in);
    TRY(cost_ledger_page(cx, &in, &found, &count));
    bool full = count > (size_t)limit;
    if (full)
        count = (size_t)limit;
    struct usage_row *rows = arena_array(cx->arena, count, sizeof *rows);
    for (size_t i = 0; i < count; i++)
        rows[i] = row_of(cx, &found[i]);
    TRY(place_next(cx, &in, rows, count, full, place, ret_more));
    *ret = rows;
    *ret_count = count;
    return OK;
}

/* ---- sums ---- */

static void sum_add(struct usage_sum *to, const struct usage_sum *s, int64_t sign)
{
    to->calls += sign * s->calls;
    to->unpriced += sign * s->unpriced;
    to->input_tokens += sign * s->input_tokens;
    to->output_tokens += sign * s->output_tokens;
    to->cache_read_tokens += sign * s->cache_read_tokens;
    to->cache_write_tokens += sign * s->cache_write_tokens;
    to->cost_nanousd += sign * s->cost_nanousd;
}

static enum err days_load(struct cx *cx, int64_t month, struct usage_summary *ret)
{
    struct cost_usage_by_day_in in = { .workspace_id = cx->principal.workspace_id, .month = month };
    struct cost_usage_by_day_row *rows;
    size_t count;
    TRY(cost_usage_by_day(cx, &in, &rows, &count));
    struct usage_sum *days = arena_array(cx->arena, count, sizeof *days);
    for (size_t i = 0; i < count; i++) {
        days[i] = (struct usage_sum){ .day = day_text(cx->arena, rows[i].day),
                                      .calls = rows[i].calls,
                                      .unpriced = rows[i].unpriced,
                                      .input_tokens = rows[i].input_tokens,
                                      .output_tokens = rows[i].output_tokens,
                                      .cache_read_tokens = rows[i].cache_read_tokens,
                                      .cache_write_tokens = rows[i].cache_write_tokens,
                                      .cost_nanousd = rows[i].cost_nanousd };
        sum_add(&ret->total, &days[i], 1);
    }
    ret->days = (struct span){ days, count };
    return OK;
}

static enum err breakdown_load(struct cx *cx, int64_t month, const char *dimension,
                               const struct usage_sum *total, struct usage_breakdown *ret)
{
    struct cost_usage_values_in in = { .workspace_id = cx->principal.workspace_id,
                                       .month = month,
                                       .dimension = str_of(dimension),
                                       .limit = USAGE_VALUES_MAX };
    struct cost_usage_values_row *rows;
    size_t count;
    TRY(cost_usage_values(cx, &in, &rows, &count));
    struct usage_sum *values = arena_array(cx->arena, count, sizeof *values);
    ret->others = *total;
    for (size_t i = 0; i < count; i++) {
        values[i] = (struct usage_sum){ .value = rows[i].value,
                                        .name = rows[i].name,
                                        .calls = rows[i].calls,
                                        .unpriced = rows[i].unpriced,
                                        .input_tokens = rows[i].input_tokens,
                                        .output_tokens = rows[i].output_tokens,
                                        .cache_read_tokens = rows[i].cache_read_tokens,
                                        .cache_write_tokens = rows[i].cache_write_tokens,
                                        .cost_nanousd = rows[i].cost_nanousd };
        sum_add(&ret->others, &values[i], -1);
    }
    ret->values = (struct span){ values, count };
    return OK;
}

static enum err series_load(struct cx *cx, int64_t month, struct str dimension,
                            struct usage_series *series)
{
    struct cost_usage_days_of_in in = { .workspace_id = cx->principal.workspace_id,
                                        .month = month,
                                        .dimension = dimension,
                                        .value = series->value };
    struct cost_usage_days_of_row *rows;
    size_t count;
    TRY(cost_usage_days_of(cx, &in, &rows, &count));
    struct usage_sum *days = arena_array(cx->arena, count, sizeof *days);
    for (size_t i = 0; i < count; i++)
        days[i] = (struct usage_sum){ .day = day_text(cx->arena, rows[i].day),
                                      .calls = rows[i].calls,
                                      .unpriced = rows[i].unpriced,
                                      .input_tokens = rows[i].input_tokens,
                                      .output_tokens = rows[i].output_tokens,
                                      .cache_read_tokens = rows[i].cache_read_tokens,
                                      .cache_write_tokens = rows[i].cache_write_tokens,
                                      .cost_nanousd = rows[i].cost_nanousd };
    series->days = (struct span){ days, count };
    return OK;
}

enum err usage_series_load(struct cx *cx, int64_t month, struct str by,
                           const struct usage_summary *s, struct span *ret)
{
    const struct usage_breakdown *b = str_is(by, "model")       ? &s->models
                                      : str_is(by, "user")      ? &s->users
                                      : str_is(by, "operation") ? &s->operations
                                                                : &s->key_sources;
    const struct usage_sum *values = b->values.ptr;
    size_t n = b->values.count < USAGE_SERIES_MAX ? b->values.count : USAGE_SERIES_MAX;
    struct usage_series *series = arena_array(cx->arena, n, sizeof *series);
    for (size_t i = 0; i < n; i++) {
        series[i] = (struct usage_series){ .value = values[i].value, .name = values[i].name };
        TRY(series_load(cx, month, by, &series[i]));
    }
    *ret = (struct span){ series, n };
    return OK;
}

/* What is spent, stretched from the part of the month that is over (a day at least) to all of it.
 */
static int64_t forecast(int64_t spent, int64_t month, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - month_first_day(month) * DAY_MS;
    int64_t whole_ms = month_days(month) * DAY_MS;
    if (elapsed_ms < 0 || elapsed_ms >= whole_ms)
        return spent;
    if (elapsed_ms < DAY_MS)
        elapsed_ms = DAY_MS;
    return (int64_t)((__int128)spent * whole_ms / elapsed_ms);
}

static enum err month_budget(struct cx *cx, int64_t month, struct cost_budget *ret)
{
    int64_t now_ms = cx->now_ms;
    cx->now_ms = month_first_day(month) * DAY_MS;
    enum err e = cost_budget_of(cx, ret);
    cx->now_ms = now_ms;
    return e;
}

enum err usage_summarize(struct cx *cx, int64_t month, struct usage_summary *ret)
{
    struct usage_summary s = { 0 };
    TRY(month_budget(cx, month, &s.budget));
    TRY(days_load(cx, month, &s));
    TRY(breakdown_load(cx, month, "model", &s.total, &s.models));
    TRY(breakdown_load(cx, month, "user", &s.total, &s.users));
    TRY(breakdown_load(cx, month, "operation", &s.total, &s.operations));
    TRY(breakdown_load(cx, month, "keySource", &s.total, &s.key_sources));
    s.drift_nanousd = s.budget.spent_nanousd - s.total.cost_nanousd;
    s.forecast_nanousd = forecast(s.budget.spent_nanousd, month, cx->now_ms);
    *ret = s;
    return OK;
}
