/* What owners see and set: pages and sums that agree, CSV, reconcile, budget, prices, and the jobs
 * of the night. */
#include "unit/cost/money.h"

#include <stdio.h>
#include <stdlib.h>

#include "cost/export.h"
#include "cost/money_sql.h"
#include "cost/price.h"
#include "cost/usage.h"
#include "unit/op_call.h"
#include "unit/rooms_sql.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

/* ---- operations ---- */

static const struct op *op_named(const char *name)
{
    const struct {
        const struct op *ops;
        size_t count;
    } tables[] = { { cost_ops, cost_ops_count },
                   { cost_budget_ops, cost_budget_ops_count },
                   { cost_price_ops, cost_price_ops_count } };
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < tables[i].count; k++)
            if (strcmp(tables[i].ops[k].name, name) == 0)
                return &tables[i].ops[k];
    fail_msg("no operation %s", name);
    return NULL;
}

static enum err try_op(struct rooms *r, const char *name, const char *arguments, struct json *ret)
{
    struct op_call c = { .op = op_named(name), .arguments = arguments };
    static const struct field none[] = { FIELD_END };
    struct op copy = *c.op;
    if (!copy.in)
        copy.in = none;
    if (!copy.out)
        copy.out = none;
    c.op = &copy;
    enum err e = copy.tx == TX_NONE ? op_call_run(&r->cx, &c) : op_call(r, &c);
    if (e == OK && ret)
        *ret = c.answer;
    return e;
}

static struct json call(struct rooms *r, const char *name, const char *arguments)
{
    struct json answer = { 0 };
    assert_ok(&r->cx, try_op(r, name, arguments, &answer));
    return answer;
}

static const struct json *at(const struct json *j, const char *path)
{
    char key[64];
    while (*path && j) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        j = j->type == JSON_ARRAY ? &j->items[strtol(key, NULL, 10)] : json_get(j, key);
        path += n + (path[n] == '.');
    }
    if (!j)
        fail_msg("nothing at %s", path);
    return j;
}

static void assert_number(const struct json *j, const char *path, const char *expected)
{
    assert_str(at(j, path)->text, expected);
}

/* ---- a workspace with a history ---- */

static int serial;

static void spend(struct money *m, int64_t at_ms, int64_t input_tokens)
{
    char id[16], ledger_id[16];
    snprintf(id, sizeof id, "r%05d", ++serial);
    snprintf(ledger_id, sizeof ledger_id, "l%05d", serial);
    m->r->cx.now_ms = at_ms;
    struct cost_reservation res = reserve(m, id, 1000);
    struct cost_settlement s = reported(ledger_id, input_tokens, 10);
    if (m->price.unpriced)
        s.price = m->price;
    settle(m, &res, &s);
}

struct series {
    struct money *m;
    int64_t from_ms, step_ms, input_tokens;
    int count;
};

static enum err series_write(struct cx *cx, void *arg)
{
    const struct series *w = arg;
    for (int i = 0; i < w->count; i++) {
        cx->now_ms = w->from_ms + i * w->step_ms;
        struct cost_reservation res = { .id = str_fmt(cx->arena, "r%05d", serial + i),
                                        .cost_nanousd = 1000 };
        struct cost_settlement s = reported("", w->input_tokens, 10);
        s.ledger_id = str_fmt(cx->arena, "l%05d", serial + i);
        TRY(cost_reserve(cx, &w->m->purpose, &w->m->price, &res));
        TRY(cost_settle(cx, &w->m->purpose, &res, &s, NULL));
    }
    return OK;
}

/* So many calls in one write. */
static void spend_many(struct money *m, int64_t from_ms, int64_t step_ms, int count)
{
    struct series w = { m, from_ms, step_ms, 1, count };
    serial++;
    assert_ok(&m->r->cx, db_write(&m->r->cx, series_write, &w));
    serial += count;
}

/* November: ann 3 on the 1st, 2 on the 23rd; nobody 1; one unpriced. October: one. */
static struct money history(struct rooms *r)
{
    struct money m = money_of(r);
    rule(&m, USD(10), 80, false);
    serial = 0;
    m.purpose.user_id = STR("ann");
    spend(&m, DEC_1_MS - 40 * DAY_MS, 100);
    for (int i = 0; i < 3; i++)
        spend(&m, DEC_1_MS - 30 * DAY_MS + i, 1000);
    m.purpose.key_source = STR("USER_KEY");
    spend(&m, ROOMS_NOW_MS - 5000, 2000);
    m.purpose.model = STR("claude-opus-4-5");
    spend(&m, ROOMS_NOW_MS - 4000, 3000);
    m.purpose.operation_type = "agent";
    m.purpose.user_id = STR_NULL;
    m.purpose.agent_task_id = STR("task");
    spend(&m, ROOMS_NOW_MS - 3000, 4000);
    m.purpose.model = STR("=HYPERLINK(\"x\")");
    m.price = (struct cost_price){ .unpriced = true };
    spend(&m, ROOMS_NOW_MS - 2000, 5000);
    r->cx.now_ms = ROOMS_NOW_MS;
    money_judge(&m);
    return m;
}

static uint32_t rows_with(struct rooms *r, const char *arguments)
{
    struct json a = call(r, "get_ai_usage", arguments);
    return at(&a, "usage")->count;
}

static void rows_are_filtered(void **state)
{
    ROOMS(state);
    history(r);
    assert_int_equal(rows_with(r, "{}"), 8);
    assert_int_equal(rows_with(r, "{\"month\":\"2026-11\"}"), 7);
    assert_int_equal(rows_with(r, "{\"month\":\"2026-10\"}"), 1);
    assert_int_equal(rows_with(r, "{\"month\":\"2026-09\"}"), 0);
    assert_int_equal(rows_with(r, "{\"day\":\"2026-11-01\"}"), 3);
    assert_int_equal(rows_with(r, "{\"day\":\"2026-11-23\"}"), 4);
    assert_int_equal(rows_with(r, "{\"day\":\"2026-11-22\"}"), 0);
    assert_int_equal(rows_with(r, "{\"userId\":\"ann\",\"month\":\"2026-11\"}"), 5);
    assert_int_equal(rows_with(r, "{\"userId\":\"\"}"), 2);
    assert_int_equal(rows_with(r, "{\"model\":\"claude-opus-4-5\"}"), 2);
    assert_int_equal(rows_with(r, "{\"keySource\":\"USER_KEY\",\"operationType\":\"chat\"}"), 2);
    assert_int_equal(rows_with(r, "{\"pricing\":\"unpriced\"}"), 1);
    assert_int_equal(rows_with(r, "{\"pricing\":\"priced\"}"), 7);
    assert_int_equal(rows_with(r, "{\"agentTaskId\":\"task\"}"), 2);
    assert_int_equal(rows_with(r, "{\"basis\":\"estimated\"}"), 0);
    struct json a = call(r, "get_ai_usage", "{\"limit\":1}");
    assert_number(&a, "usage.0.costUsd", "0");
    assert_true(at(&a, "usage.0.unpriced")->boolean);
    assert_int_equal(at(&a, "usage.0.priceVersion")->type, JSON_NULL);
    rooms_as(r, "eve", "two");
    assert_int_equal(rows_with(r, "{}"), 0);
}

static void bad_filters_are_named(void **state)
{
    ROOMS(state);
    static const char *const bad[] = {
        "{\"month\":\"2026-13\"}",
        "{\"month\":\"2026\"}",
        "{\"month\":\"0000-01\"}",
        "{\"day\":\"2026-02-30\"}",
        "{\"day\":\"1969-12-31\"}",
        "{\"day\":\"2026-11-01\",\"month\":\"2026-10\"}",
        "{\"view\":\"summary\",\"userId\":\"ann\"}",
        "{\"view\":\"chart\"}",
        "{\"by\":\"model\"}",
        "{\"view\":\"summary\",\"by\":\"day\"}",
        "{\"cursor\":\"nonsense\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (try_op(r, "get_ai_usage", bad[i], NULL) != ERR_VALIDATION)
            fail_msg("%s is not refused", bad[i]);
}

/* Each row once, newest month and time first, whatever comes in between. */
static void pages_follow_on(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    serial = 0;
    for (int i = 0; i < 5; i++)
        spend_many(&m, ROOMS_NOW_MS - i, -DAY_MS, 50);
    char arguments[700] = "{\"limit\":100}";
    uint32_t seen = 0;
    struct str last = STR("9999");
    for (int page = 0; page < 3; page++) {
        struct json a = call(r, "get_ai_usage", arguments);
        for (uint32_t i = 0; i < at(&a, "usage")->count; i++, seen++) {
            struct str t = json_text(&at(&a, "usage")->items[i], "createdAt");
            assert_true(str_cmp(t, last) <= 0);
            last = t;
        }
        struct str next = json_text(at(&a, "pagination"), "nextCursor");
        assert_int_equal(str_given(next), page < 2);
        snprintf(arguments, sizeof arguments, "{\"limit\":100,\"cursor\":\"%.*s\"}", STR_ARG(next));
        spend(&m, ROOMS_NOW_MS + 1000 + page, 1); /* does not shift what follows */
    }
    assert_int_equal(seen, 250);
}

static void a_rare_filter_is_bounded(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    serial = 0;
    m.purpose.model = STR("needle");
    spend(&m, ROOMS_NOW_MS - DAY_MS, 1);
    m.purpose.model = STR("hay");
    spend_many(&m, ROOMS_NOW_MS, 1, USAGE_SCAN_ROWS);
    struct json a = call(r, "get_ai_usage", "{\"model\":\"needle\"}");
    assert_int_equal(at(&a, "usage")->count, 0);
    assert_true(at(&a, "pagination.hasMore")->boolean);
    char arguments[700];
    snprintf(arguments, sizeof arguments, "{\"model\":\"needle\",\"cursor\":\"%.*s\"}",
             STR_ARG(json_text(at(&a, "pagination"), "nextCursor")));
    a = call(r, "get_ai_usage", arguments);
    assert_int_equal(at(&a, "usage")->count, 1);
    assert_false(at(&a, "pagination.hasMore")->boolean);
}

/* ---- sums ---- */

static int64_t sum_of(const struct json *rows, const char *key)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        double v;
        assert_true(json_to_double(json_get(&rows->items[i], key), &v));
        total += (int64_t)(v * 1e9 + 0.5);
    }
    return total;
}

static void every_breakdown_adds_up(void **state)
{
    ROOMS(state);
    history(r);
    struct json a = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    const struct json *s = at(&a, "summary");
    double total;
    assert_true(json_to_double(at(s, "total.costUsd"), &total));
    int64_t nanousd = 3 * 1000 * 3000 + (2000 + 3000 + 4000) * 3000 + 6 * 10 * 15000;
    assert_int_equal((int64_t)(total * 1e9 + 0.5), nanousd);
    assert_number(s, "total.calls", "7");
    assert_number(s, "total.unpricedCalls", "1");
    assert_number(s, "driftUsd", "0");
    assert_number(s, "capUsd", "10");
    assert_number(s, "byUser.others.calls", "0");
    static const char *const lists[] = { "byDay", "byModel.values", "byUser.values",
                                         "byOperation.values", "byKeySource.values" };
    static const uint32_t counts[] = { 2, 3, 2, 2, 2 };
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(at(s, lists[i])->count, counts[i]);
        assert_int_equal(sum_of(at(s, lists[i]), "costUsd"), nanousd);
        assert_int_equal(sum_of(at(s, lists[i]), "calls"), INT64_C(7000000000));
        assert_int_equal(sum_of(at(s, lists[i]), "unpricedCalls"), INT64_C(1000000000));
    }
    assert_str(at(s, "byUser.values.0.key")->text, "ann");
    assert_str(at(s, "byUser.values.0.name")->text, "ann");
    assert_str(at(s, "byDay.0.day")->text, "2026-11-01");
    /* 22.97 of 30 days are over. */
    double forecast;
    assert_true(json_to_double(at(s, "forecastUsd"), &forecast));
    assert_true(forecast > total * 1.30 && forecast < total * 1.31);
    a = call(r, "get_ai_usage", "{\"view\":\"summary\",\"month\":\"2026-10\"}");
    assert_number(&a, "summary.total.calls", "1");
    assert_str(at(&a, "summary.forecastUsd")->text, "0.00045");
    rooms_as(r, "eve", "two");
    a = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    assert_number(&a, "summary.total.calls", "0");
    assert_number(&a, "summary.capUsd", "100");
}

static void series_are_the_dearest_values_by_day(void **state)
{
    ROOMS(state);
    static const char *const by[] = { "model", "user", "operation", "keySource" };
    static const uint32_t counts[] = { 3, 2, 2, 2 };
    history(r);
    for (size_t i = 0; i < 4; i++) {
        struct json a = call(
            r, "get_ai_usage",
            str_cstr(r->arena, str_fmt(r->arena, "{\"view\":\"summary\",\"by\":\"%s\"}", by[i])));
        const struct json *series = at(&a, "summary.series"), *days = at(&a, "summary.byDay");
        int64_t sum = 0;
        assert_int_equal(series->count, counts[i]);
        for (uint32_t k = 0; k < series->count; k++)
            sum += sum_of(json_get(&series->items[k], "days"), "costUsd");
        assert_int_equal(sum, sum_of(days, "costUsd"));
    }
    struct json a = call(r, "get_ai_usage", "{\"view\":\"summary\",\"by\":\"user\"}");
    assert_str(at(&a, "summary.series.0.key")->text, "ann");
    assert_str(at(&a, "summary.series.0.days.0.day")->text, "2026-11-01");
    a = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    assert_null(json_get(at(&a, "summary"), "series"));
}

static void what_the_list_leaves_is_named(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    serial = 0;
    for (int i = 0; i < USAGE_VALUES_MAX + 5; i++) {
        m.purpose.model = str_fmt(r->arena, "model-%d", i);
        spend(&m, ROOMS_NOW_MS, 100 + i);
    }
    struct json a = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    assert_int_equal(at(&a, "summary.byModel.values")->count, USAGE_VALUES_MAX);
    assert_number(&a, "summary.byModel.others.calls", "5");
    assert_number(&a, "summary.byModel.others.inputTokens", "510"); /* the cheapest */
    a = call(r, "get_ai_usage", "{\"view\":\"summary\",\"by\":\"model\"}");
    assert_int_equal(at(&a, "summary.series")->count, USAGE_SERIES_MAX);
}

static void days_hold_what_is_booked_to_the_month(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    r->cx.now_ms = DEC_1_MS - 10;
    struct cost_reservation res = reserve(&m, "r1", USD(1));
    r->cx.now_ms = DEC_1_MS + 90000;
    struct cost_settlement s = reported("l1", 100, 0);
    settle(&m, &res, &s);
    struct json a = call(r, "get_ai_usage", "{\"view\":\"summary\",\"month\":\"2026-11\"}");
    assert_str(at(&a, "summary.byDay.0.day")->text, "2026-11-30");
    assert_int_equal(rows_with(r, "{\"day\":\"2026-11-30\"}"), 1);
    assert_int_equal(rows_with(r, "{\"day\":\"2026-12-01\"}"), 0);
    assert_int_equal(rows_with(r, "{\"month\":\"2026-12\"}"), 0);
}

/* ---- CSV ---- */

struct csv {
    struct usage_filter f;
    struct str text;
};

static enum err csv_read(struct cx *cx, void *arg)
{
    struct csv *c = arg;
    return usage_csv(cx, &c->f, &c->text);
}

static void csv_is_whole_and_harmless(void **state)
{
    ROOMS(state);
    struct money m = history(r);
    struct csv c = { .f = { .day = -1, .month = NOV, .unpriced = 2 } };
    assert_ok(&r->cx, db_read(&r->cx, csv_read, &c));
    size_t lines = 0;
    for (struct str rest = c.text; rest.len; lines++)
        str_split(&rest, '\n');
    assert_int_equal(lines, 8);
    assert_true(str_starts(c.text, STR("id,createdAt,month,operationType,")));
    assert_true(str_ends(c.text, STR("\r\n")));
    assert_true(str_find(c.text, STR("\"'=HYPERLINK(\"\"x\"\")\"")) != SIZE_MAX);
    assert_true(str_find(c.text, STR(",,\"reported\",\"unpriced\",5,\r\n")) != SIZE_MAX);
    assert_true(str_find(c.text, STR(",0.01215,\"reported\",\"test\",5,\r\n")) != SIZE_MAX);
    spend_many(&m, ROOMS_NOW_MS, 1, 2100);
    assert_ok(&r->cx, db_read(&r->cx, csv_read, &c));
    lines = 0;
    for (struct str rest = c.text; rest.len; lines++)
        str_split(&rest, '\n');
    assert_int_equal(lines, 2108);
}

/* ---- reconcile ---- */

static enum err shift_budget(struct cx *cx, void *arg)
{
    return money_budget_shift(cx, arg, NULL);
}

static enum err shift_usage(struct cx *cx, void *arg)
{
    return money_usage_shift(cx, arg, NULL);
}

static enum err drop_usage(struct cx *cx, void *arg)
{
    return money_usage_drop(cx, arg, NULL);
}

static void run_jobs(struct rooms *r, int64_t now_ms)
{
    struct job_runner_options o = { .kinds = cost_job_kinds,
                                    .kinds_count = cost_job_kinds_count,
                                    .parallel_max = 4 };
    r->app.jobs = job_runner_new(&r->app, &o);
    for (int i = 0; i < 10 && job_runner_tick(r->app.jobs, now_ms + i); i++)
        continue;
    job_runner_free(r->app.jobs);
    r->app.jobs = NULL;
}

static void planted_drift_is_found(void **state)
{
    ROOMS(state);
    struct money m = history(r);
    struct json a = call(r, "reconcile_ai_usage", "{}");
    assert_number(&a, "drift", "0");
    assert_number(&a, "rollupsCorrected", "0");
    assert_number(&a, "before", "0.0369");
    reserve(&m, "open", USD(2));
    struct money_budget_shift_in shift = {
        .workspace_id = STR("one"), .month = NOV, .spent = USD(5), .reserved = -USD(1), .calls = 3
    };
    struct money_usage_shift_in usage = {
        .workspace_id = STR("one"), .month = NOV, .dimension = STR("user"), .cost = 7, .calls = -1
    };
    assert_ok(&r->cx, db_write(&r->cx, shift_budget, &shift));
    assert_ok(&r->cx, db_write(&r->cx, shift_usage, &usage));
    a = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    assert_number(&a, "summary.driftUsd", "5");
    a = call(r, "reconcile_ai_usage", "{\"month\":\"2026-11\"}");
    assert_number(&a, "before", "5.0369");
    assert_number(&a, "after", "0.0369");
    assert_number(&a, "drift", "-5");
    assert_number(&a, "reservedBefore", "1");
    assert_number(&a, "reservedAfter", "2");
    assert_number(&a, "callsBefore", "10");
    assert_number(&a, "callsAfter", "7");
    assert_true(strtol(str_cstr(r->arena, at(&a, "rollupsCorrected")->text), NULL, 10) > 0);
    money_judge(&m);
    a = call(r, "reconcile_ai_usage", "{}");
    assert_number(&a, "drift", "0");
    assert_number(&a, "rollupsCorrected", "0");
}

struct planting {
    struct money_usage_plant_in in;
    int64_t values_up_to;
    struct reconciled found;
};

static enum err plant(struct cx *cx, void *arg)
{
    struct planting *p = arg;
    int64_t changed;
    p->in.workspace_id = STR("one");
    p->in.month = NOV;
    p->in.day = ROOMS_NOW_MS / DAY_MS;
    TRY(money_usage_plant(cx, &p->in, &changed));
    assert_int_equal(changed, 1);
    return OK;
}

/* Sums that are wrong in ways which the totals of a breakdown do not show, or not all of them. */
static void drift_that_balances_out_is_found(void **state)
{
    static const struct {
        struct money_usage_plant_in wrong[2];
        bool seen_in_totals;
    } cases[] = {
        { { { .dimension = STR("user"), .value = STR("ann"), .cost = 5 },
            { .dimension = STR("user"), .value = STR(""), .cost = -5 } },
          false },
        { { { .dimension = STR("keySource"), .value = STR("USER_KEY"), .calls = 1 },
            { .dimension = STR("operation"), .value = STR("chat"), .calls = -1 } },
          true },
        { { { .dimension = STR("operation"), .value = STR("chat"), .calls = 2 },
            { .dimension = STR("operation"), .value = STR("agent"), .calls = -2 } },
          false },
        { { { .dimension = STR("model"),
              .value = STR("anthropic/claude-opus-4-5"),
              .tokens = 1000000 } },
          true },
        { { { .dimension = STR("user"), .value = STR("ann"), .unpriced = 1 } }, true },
    };
    ROOMS(state);
    struct money m = history(r);
    struct json before = call(r, "get_ai_usage", "{\"view\":\"summary\"}"), a;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planting p = { .values_up_to = 1 };
        int64_t rows = 0;
        for (size_t k = 0; k < 2 && str_given(cases[i].wrong[k].dimension); k++, rows++) {
            p.in = cases[i].wrong[k];
            assert_ok(&r->cx, db_write(&r->cx, plant, &p));
        }
        /* As a night of a large month looks: at totals first. */
        assert_ok(&r->cx, cost_reconcile(&r->cx, NOV, p.values_up_to, &p.found));
        assert_int_equal(p.found.rollups_corrected, cases[i].seen_in_totals ? rows : 0);
        a = call(r, "reconcile_ai_usage", "{}");
        assert_number(&a, "drift", "0");
        assert_number(&a, "rollupsCorrected", cases[i].seen_in_totals ? "0" : "2");
        a = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
        assert_true(str_eq(before.source, a.source));
    }
    /* A night of a month of usual size finds it as well. */
    struct planting p = { .in = { .dimension = STR("user"), .value = STR("ann"), .tokens = 7 } };
    assert_ok(&r->cx, db_write(&r->cx, plant, &p));
    p.in =
        (struct money_usage_plant_in){ .dimension = STR("user"), .value = STR(""), .tokens = -7 };
    assert_ok(&r->cx, db_write(&r->cx, plant, &p));
    run_jobs(r, ROOMS_NOW_MS);
    a = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    assert_true(str_eq(before.source, a.source));
    money_judge(&m);
}

/* Roll-ups that are gone altogether come back as they were: the days in the month, the names. */
static void lost_rollups_are_rebuilt(void **state)
{
    ROOMS(state);
    struct money m = history(r);
    struct json before = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    struct money_usage_drop_in drop = { .workspace_id = STR("one"), .month = NOV };
    assert_ok(&r->cx, db_write(&r->cx, drop_usage, &drop));
    struct json a = call(r, "reconcile_ai_usage", "{}");
    assert_number(&a, "rollupsCorrected", "12");
    money_judge(&m);
    struct json after = call(r, "get_ai_usage", "{\"view\":\"summary\"}");
    assert_true(str_eq(before.source, after.source));
    a = call(r, "reconcile_ai_usage", "{\"month\":\"2026-09\"}");
    assert_number(&a, "after", "0");
}

static void the_night_puts_right(void **state)
{
    ROOMS(state);
    struct money m = history(r);
    struct money_budget_shift_in shift = {
        .workspace_id = STR("one"), .month = 202610, .spent = USD(5), .calls = 3
    };
    assert_ok(&r->cx, db_write(&r->cx, shift_budget, &shift));
    run_jobs(r, ROOMS_NOW_MS);
    assert_int_equal(jobs_of(&m, "cost_nightly"), 1);
    assert_int_equal(jobs_of(&m, "cost_sweep"), 1);
    money_judge(&m);
}

/* ---- retention ---- */

#define NOV_2019_MS INT64_C(1573000000000)

static void assert_kept_as_sums(struct rooms *r, const char *month, const char *spent,
                                const char *first)
{
    char arguments[64];
    snprintf(arguments, sizeof arguments, "{\"month\":\"%s\"}", month);
    assert_int_equal(try_op(r, "reconcile_ai_usage", arguments, NULL), ERR_VALIDATION);
    assert_true(str_is(r->cx.failure.fields->field, "month"));
    assert_true(
        str_starts(r->cx.failure.fields->message, str_fmt(r->arena, "must be %s or later", first)));
    cx_clear_failure(&r->cx);
    snprintf(arguments, sizeof arguments, "{\"view\":\"summary\",\"month\":\"%s\"}", month);
    struct json a = call(r, "get_ai_usage", arguments);
    assert_number(&a, "summary.spentUsd", spent);
    assert_number(&a, "summary.total.costUsd", spent);
    assert_number(&a, "summary.driftUsd", "0");
}

/* What retention has removed from the ledger stands in the sums alone: nothing may "correct" them
 * to the empty ledger, whatever the clock says later. */
static void sums_outlive_their_rows(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    size_t count;
    serial = 0;
    spend(&m, NOV_2019_MS - 35 * DAY_MS, 1000); /* October */
    spend(&m, NOV_2019_MS, 2000);
    spend(&m, ROOMS_NOW_MS, 3000);
    run_jobs(r, ROOMS_NOW_MS);
    ledger_rows(&m, &count);
    assert_int_equal(count, 2);
    r->cx.now_ms = ROOMS_NOW_MS;
    assert_kept_as_sums(r, "2019-10", "0.00315", "2019-11");
    struct json a = call(r, "reconcile_ai_usage", "{\"month\":\"2019-11\"}");
    assert_number(&a, "before", "0.00615");
    assert_number(&a, "drift", "0");
    /* A clock that was a year ahead for a night has removed more than today's date tells. */
    run_jobs(r, ROOMS_NOW_MS + 366 * DAY_MS);
    r->cx.now_ms = ROOMS_NOW_MS;
    ledger_rows(&m, &count);
    assert_int_equal(count, 1);
    assert_kept_as_sums(r, "2019-11", "0.00615", "2020-11");
    a = call(r, "reconcile_ai_usage", "{}");
    assert_number(&a, "drift", "0");
    /* Seven years ahead, and back: the nights after it leave this month's sums alone. */
    run_jobs(r, ROOMS_NOW_MS + 8 * 366 * DAY_MS);
    ledger_rows(&m, &count);
    assert_int_equal(count, 0);
    run_jobs(r, ROOMS_NOW_MS + 2 * DAY_MS);
    assert_int_equal(jobs_of(&m, "cost_nightly"), 2); /* of before, they have gone themselves */
    r->cx.now_ms = ROOMS_NOW_MS;
    assert_kept_as_sums(r, "2026-11", "0.00915", "2027-11");
}

struct events {
    struct rooms_audit_all_row *rows;
    size_t count;
};

static enum err events_read(struct cx *cx, void *arg)
{
    struct events *e = arg;
    return rooms_audit_all(cx, &e->rows, &e->count);
}

static enum err refused_write(struct cx *cx, void *arg)
{
    (void)arg;
    return cost_refused(cx);
}

static void owners_are_told_by_events(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    serial = 0;
    rule(&m, USD(1), 50, true);
    spend(&m, ROOMS_NOW_MS, 200000);
    run_jobs(r, ROOMS_NOW_MS);
    struct events e;
    assert_ok(&r->cx, db_read(&r->cx, events_read, &e));
    assert_int_equal(e.count, 1);
    assert_str(e.rows[0].action, "cost_warning");
    assert_str(e.rows[0].type, "BUDGET_WARNING");
    assert_str(e.rows[0].severity, "WARNING");
    assert_str(e.rows[0].workspace_id, "one");
    assert_str(e.rows[0].entity_id, "2026-11");
    assert_str(e.rows[0].message,
               "The AI budget comes to its end: 0.60015 of 1 USD are spent in 2026-11.");
    /* Once for each threshold, however much is spent behind it. */
    spend(&m, ROOMS_NOW_MS, 200000);
    run_jobs(r, ROOMS_NOW_MS + 1000);
    struct cost_reservation none_left = { .id = STR("x"), .cost_nanousd = 1 };
    assert_int_equal(money_reserve(&m, &none_left), ERR_BUDGET_EXCEEDED);
    assert_ok(&r->cx, db_write(&r->cx, refused_write, NULL));
    run_jobs(r, ROOMS_NOW_MS + 2000);
    assert_ok(&r->cx, db_read(&r->cx, events_read, &e));
    assert_int_equal(e.count, 2);
    assert_str(e.rows[1].action, "cost_cap_reached");
    assert_str(e.rows[1].type, "BUDGET_CAP_REACHED");
}

/* ---- budget ---- */

static void a_budget_is_read_and_changed(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct json a = call(r, "get_ai_budget", "{}");
    assert_number(&a, "budget.capUsd", "100");
    assert_number(&a, "budget.softWarningPercent", "80");
    assert_str(at(&a, "budget.unpricedModels")->text, "REFUSE");
    assert_number(&a, "budget.version", "0");
    a = call(r, "update_ai_budget", "{\"capUsd\":12.5,\"version\":0}");
    assert_number(&a, "budget.capUsd", "12.5");
    assert_number(&a, "budget.version", "1");
    assert_int_equal(try_op(r, "update_ai_budget", "{\"capUsd\":1,\"version\":0}", NULL),
                     ERR_VERSION_CONFLICT);
    assert_str(r->cx.failure.details_json, "{\"version\":1}");
    a = call(r, "update_ai_budget", "{\"softWarningPercent\":0}");
    assert_number(&a, "budget.capUsd", "12.5");
    assert_number(&a, "budget.version", "2");
    a = call(r, "update_ai_budget", "{\"capUsd\":null}");
    assert_int_equal(at(&a, "budget.capUsd")->type, JSON_NULL);
    assert_int_equal(at(&a, "budget.remainingUsd")->type, JSON_NULL);
    /* Below what is spent: refused, with the amount; that amount, or 0, stops new calls. */
    serial = 0;
    spend(&m, ROOMS_NOW_MS, 1000000);
    assert_int_equal(try_op(r, "update_ai_budget", "{\"capUsd\":3.000149999}", NULL),
                     ERR_VALIDATION);
    assert_true(str_is(r->cx.failure.fields->field, "capUsd"));
    assert_true(str_starts(r->cx.failure.fields->message, STR("is below the 3.00015 USD")));
    a = call(r, "get_ai_budget", "{}");
    assert_int_equal(at(&a, "budget.capUsd")->type, JSON_NULL);
    static const char *const stops[] = { "{\"capUsd\":3.00015}", "{\"capUsd\":0}" };
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        a = call(r, "update_ai_budget", stops[i]);
        assert_number(&a, "budget.remainingUsd", "0");
        struct cost_reservation res = { .id = STR("x"), .cost_nanousd = 1 };
        assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED);
    }
    static const char *const bad[] = { "{\"capUsd\":-1}",
                                       "{\"capUsd\":1.0000000001}",
                                       "{\"capUsd\":2000000000}",
                                       "{\"softWarningPercent\":101}",
                                       "{\"unpricedModels\":\"MAYBE\"}",
                                       "{\"cap\":1}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(try_op(r, "update_ai_budget", bad[i], NULL), ERR_VALIDATION);
}

static void a_new_cap_is_announced_anew(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    serial = 0;
    rule(&m, USD(1), 80, true);
    spend(&m, ROOMS_NOW_MS, 300000);
    assert_int_equal(jobs_of(&m, "cost_warning"), 1);
    call(r, "update_ai_budget", "{\"capUsd\":2}");
    spend(&m, ROOMS_NOW_MS, 100000); /* 1.2 of 2 */
    assert_int_equal(jobs_of(&m, "cost_warning"), 1);
    spend(&m, ROOMS_NOW_MS, 150000);
    assert_int_equal(jobs_of(&m, "cost_warning"), 2);
}

static void an_owner_allows_unpriced_models(void **state)
{
    ROOMS(state);
    r->cx.principal.role = ROLE_ADMIN;
    call(r, "update_ai_budget", "{\"capUsd\":5,\"unpricedModels\":\"REFUSE\"}"); /* as it is */
    assert_int_equal(try_op(r, "update_ai_budget", "{\"unpricedModels\":\"ALLOW\"}", NULL),
                     ERR_FORBIDDEN);
    r->cx.principal.role = ROLE_OWNER;
    struct json a = call(r, "update_ai_budget", "{\"unpricedModels\":\"ALLOW\"}");
    assert_str(at(&a, "budget.unpricedModels")->text, "ALLOW");
}

/* ---- prices ---- */

struct asked {
    const char *provider, *model;
    struct cost_price price;
};

static enum err ask(struct cx *cx, void *arg)
{
    struct asked *a = arg;
    return cost_price_of(cx, str_of(a->provider), str_of(a->model), &a->price);
}

static struct cost_price price_of(struct rooms *r, const char *provider, const char *model)
{
    struct asked a = { .provider = provider, .model = model };
    assert_ok(&r->cx, db_read(&r->cx, ask, &a));
    return a.price;
}

static void overrides_stand_before_the_list(void **state)
{
    ROOMS(state);
    r->cx.principal.org_role = ROLE_ADMIN;
    assert_true(price_of(r, "openai", "llama-local").unpriced);
    assert_false(price_of(r, "offline", "offline-assistant").unpriced);
    struct json a =
        call(r, "set_price", "{\"model\":\"llama-local\",\"inputUsd\":0.5,\"outputUsd\":1.125}");
    assert_number(&a, "price.inputUsd", "0.5");
    assert_number(&a, "price.cacheReadUsd", "0.5");
    assert_str(at(&a, "price.source")->text, "override");
    struct cost_price p = price_of(r, "openai", "llama-local");
    assert_int_equal(p.input, 500);
    assert_int_equal(p.output, 1125);
    assert_str(p.version, "override");
    assert_int_equal(price_of(r, "hermes", "llama-local-2026-01-02").input, 500);
    call(r, "set_price",
         "{\"model\":\"llama-local\",\"provider\":\"hermes\",\"inputUsd\":0,\"outputUsd\":0}");
    assert_int_equal(price_of(r, "hermes", "llama-local").output, 0);
    assert_false(price_of(r, "hermes", "llama-local").unpriced);
    assert_int_equal(price_of(r, "openai", "llama-local").output, 1125);
    call(r, "set_price",
         "{\"model\":\"gpt-5-2025-08-07\",\"inputUsd\":9,\"outputUsd\":9,"
         "\"cacheReadUsd\":0.001,\"cacheWriteUsd\":10,\"minuteUsd\":0.006}");
    assert_int_equal(price_of(r, "openai", "gpt-5-2025-08-07").cache_read, 1);
    assert_int_equal(price_of(r, "openai", "gpt-5-2025-08-07").per_minute, 6000000);
    assert_int_equal(price_of(r, "openai", "gpt-5").input, 1250);
    /* All workspaces of the organisation; jobs, which carry only the workspace, too. */
    rooms_as(r, "eve", "two");
    r->cx.principal.org_role = ROLE_OWNER;
    assert_int_equal(price_of(r, "openai", "llama-local").input, 500);
    r->cx.principal.organization_id = STR_NULL;
    assert_int_equal(price_of(r, "openai", "llama-local").input, 500);
    r->cx.principal.organization_id = STR("org");
    a = call(r, "list_prices", "{\"q\":\"llama-local\"}");
    assert_int_equal(at(&a, "prices")->count, 2);
    a = call(r, "list_prices", "{}");
    assert_int_equal(at(&a, "prices")->count, price_list_count + 3);
    call(r, "delete_price", "{\"model\":\"llama-local\"}");
    assert_int_equal(try_op(r, "delete_price", "{\"model\":\"llama-local\"}", NULL), ERR_NOT_FOUND);
    assert_true(price_of(r, "openai", "llama-local").unpriced);
    a = call(r, "set_price", "{\"model\":\"gpt-5-2025-08-07\",\"inputUsd\":8,\"outputUsd\":9}");
    assert_str(at(&a, "price.version")->text, "2");
}

static void bad_prices_are_refused(void **state)
{
    ROOMS(state);
    r->cx.principal.org_role = ROLE_OWNER;
    static const char *const bad[] = {
        "{\"model\":\"m\",\"inputUsd\":0.0001,\"outputUsd\":1}",
        "{\"model\":\"m\",\"inputUsd\":1}",
        "{\"model\":\"m\",\"inputUsd\":-1,\"outputUsd\":1}",
        "{\"model\":\"m\",\"inputUsd\":10001,\"outputUsd\":1}",
        "{\"model\":\"\",\"inputUsd\":1,\"outputUsd\":1}",
        "{\"model\":\"m\",\"inputUsd\":\"1\",\"outputUsd\":1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (try_op(r, "set_price", bad[i], NULL) != ERR_VALIDATION)
            fail_msg("%s is not refused", bad[i]);
    r->cx.principal.org_role = ROLE_NONE; /* owner of a workspace alone */
    assert_int_equal(
        try_op(r, "set_price", "{\"model\":\"m\",\"inputUsd\":1,\"outputUsd\":1}", NULL),
        ERR_FORBIDDEN);
    assert_int_equal(try_op(r, "delete_price", "{\"model\":\"m\"}", NULL), ERR_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(rows_are_filtered),
        ROOMS_TEST(bad_filters_are_named),
        ROOMS_TEST(pages_follow_on),
        ROOMS_TEST(a_rare_filter_is_bounded),
        ROOMS_TEST(every_breakdown_adds_up),
        ROOMS_TEST(series_are_the_dearest_values_by_day),
        ROOMS_TEST(what_the_list_leaves_is_named),
        ROOMS_TEST(days_hold_what_is_booked_to_the_month),
        ROOMS_TEST(csv_is_whole_and_harmless),
        ROOMS_TEST(planted_drift_is_found),
        ROOMS_TEST(drift_that_balances_out_is_found),
        ROOMS_TEST(lost_rollups_are_rebuilt),
        ROOMS_TEST(the_night_puts_right),
        ROOMS_TEST(sums_outlive_their_rows),
        ROOMS_TEST(owners_are_told_by_events),
        ROOMS_TEST(a_budget_is_read_and_changed),
        ROOMS_TEST(a_new_cap_is_announced_anew),
        ROOMS_TEST(an_owner_allows_unpriced_models),
        ROOMS_TEST(overrides_stand_before_the_list),
        ROOMS_TEST(bad_prices_are_refused),
    };
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
