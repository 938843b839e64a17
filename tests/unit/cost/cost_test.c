/* Reserve, settle, release and sweep, on both engines: a cap holds, a call is booked once, and the
 * ledger, the month's snapshot, the open reservations and the roll-ups say the same throughout. */
#include "unit/cost/money.h"

#include <stdio.h>

#include "base/json.h"
#include "cost/money_sql.h"

#define SILENT_MS 10000

/* ---- the way of a call ---- */

static void a_call_is_reserved_and_settled(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", USD(2));
    assert_int_equal(res.month, NOV);
    assert_int_equal(res.created_at_ms, ROOMS_NOW_MS);
    assert_int_equal(budget(&m).reserved_nanousd, USD(2));
    money_judge(&m);
    struct cost_settlement s = reported("l1", 100000, 10000);
    assert_int_equal(settle(&m, &res, &s), 100000 * 3000 + 10000 * 15000);
    struct cost_budget b = budget(&m);
    assert_int_equal(b.reserved_nanousd, 0);
    assert_int_equal(b.spent_nanousd, 450000000);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.cap_nanousd, USD(100));
    assert_int_equal(b.resets_at_ms, DEC_1_MS);
    money_judge(&m);
}

static void the_basis_decides(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", 1000);
    struct cost_settlement s = reported("l1", 1, 0);
    assert_int_equal(settle(&m, &res, &s), 3000); /* above what was reserved: the truth */
    res = reserve(&m, "r2", 1000);
    s = reported("l2", 1, 0);
    s.basis = COST_ESTIMATED;
    assert_int_equal(settle(&m, &res, &s), 1000);
    res = reserve(&m, "r3", 7000);
    s.ledger_id = STR("l3");
    assert_int_equal(settle(&m, &res, &s), 3000);
    res = reserve(&m, "r4", 7000);
    s = reported("l4", 0, 0);
    s.basis = COST_WORST_CASE;
    assert_int_equal(settle(&m, &res, &s), 7000);
    assert_int_equal(budget(&m).spent_nanousd, 14000);
    money_judge(&m);
}

static void nonsense_of_a_provider_is_bounded(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    for (int i = 0; i < 20; i++) {
        char id[8], ledger_id[8];
        snprintf(id, sizeof id, "r%d", i);
        snprintf(ledger_id, sizeof ledger_id, "l%d", i);
        struct cost_reservation res = reserve(&m, id, i ? 0 : 5);
        struct cost_settlement s = reported(ledger_id, INT64_MAX, INT64_MIN);
        assert_int_equal(settle(&m, &res, &s), COST_TOKENS_MAX * 3000);
    }
    money_judge(&m);
}

/* ---- the cap ---- */

static void a_cap_refuses_and_writes_nothing(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    rule(&m, USD(10), 80, true);
    reserve(&m, "r1", USD(6));
    struct cost_reservation res = { .id = STR("r2"), .cost_nanousd = USD(4) + 1 };
    assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED);
    struct json d;
    struct json_fault fault;
    assert_int_equal(json_parse(r->arena, r->cx.failure.details_json, NULL, &d, &fault), OK);
    assert_str(json_text(&d, "scope"), "workspace");
    assert_str(json_text(&d, "reason"), "CAP");
    assert_str(json_get(&d, "limitUsd")->text, "10");
    assert_str(json_get(&d, "usedUsd")->text, "0");
    assert_str(json_get(&d, "reservedUsd")->text, "6");
    assert_str(json_get(&d, "neededUsd")->text, "4.000000001");
    assert_str(json_text(&d, "resetsAt"), "2026-12-01T00:00:00.000Z");
    money_judge(&m);
    assert_int_equal(budget(&m).reserved_nanousd, USD(6));
    reserve(&m, "r2", USD(4)); /* to the nano-dollar */
    res = (struct cost_reservation){ .id = STR("r3"), .cost_nanousd = 1 };
    assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED);
    reserve(&m, "r4", 0); /* what costs nothing is not refused */
    money_judge(&m);
}

static void a_first_call_above_the_cap_is_refused(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = { .id = STR("r1"), .cost_nanousd = USD(100) + 1 };
    assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED);
    assert_int_equal(budget(&m).reserved_nanousd, 0);
    rule(&m, 0, 80, true);
    res.cost_nanousd = 1;
    assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED);
    reserve(&m, "r2", 0);
    rule(&m, INT64_MAX, 80, true);
    reserve(&m, "r3", USD(1000000));
    assert_int_equal(budget(&m).cap_nanousd, INT64_MAX);
    money_judge(&m);
}

static void a_cap_below_what_is_spent_stops_at_once(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", USD(1));
    struct cost_settlement s = reported("l1", 1000000, 0);
    settle(&m, &res, &s);
    rule(&m, USD(2), 80, true);
    res = (struct cost_reservation){ .id = STR("r2"), .cost_nanousd = 1 };
    assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED);
    r->cx.now_ms = DEC_1_MS; /* a new month, a new budget */
    reserve(&m, "r3", USD(2));
    money_judge(&m);
}

static void unpriced_is_refused_under_a_cap(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    m.purpose.model = STR("mystery-1");
    m.price = (struct cost_price){ .unpriced = true };
    struct cost_reservation res = { .id = STR("r1") };
    assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED);
    assert_true(str_find(r->cx.failure.message, STR("mystery-1")) != SIZE_MAX);
    assert_true(str_find(r->cx.failure.details_json, STR("\"UNPRICED\"")) != SIZE_MAX);
    rule(&m, USD(1), 80, false);
    reserve(&m, "r1", 0);
    struct cost_settlement s = reported("l1", 10, 10);
    s.price = m.price;
    assert_int_equal(settle(&m, &res, &s), 0);
    money_judge(&m); /* which counts it as unpriced */
    size_t count;
    assert_false(ledger_rows(&m, &count)[0].priced);
    reserve(&m, "r2", USD(1));
    res = (struct cost_reservation){ .id = STR("r3") };
    assert_int_equal(money_reserve(&m, &res), ERR_BUDGET_EXCEEDED); /* nothing is left */
    rule(&m, INT64_MAX, 80, true);
    reserve(&m, "r3", 0); /* the rule is for workspaces with a cap */
}

/* ---- what is repeated, and what comes late ---- */

static void a_repeat_changes_nothing(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", USD(60));
    r->cx.now_ms = DEC_1_MS + 5; /* also in another month */
    struct cost_reservation again = reserve(&m, "r1", USD(60));
    assert_int_equal(again.month, NOV);
    assert_int_equal(again.created_at_ms, res.created_at_ms);
    assert_int_equal(budget(&m).reserved_nanousd, 0);
    r->cx.now_ms = ROOMS_NOW_MS + 9;
    assert_int_equal(budget(&m).reserved_nanousd, USD(60));
    struct cost_settlement s = reported("l1", 1000, 1);
    assert_int_equal(settle(&m, &res, &s), 3015000);
    assert_int_equal(settle(&m, &res, &s), 3015000);
    s = reported("l2", 5000, 1); /* a second owner that does not know of the first */
    assert_int_equal(settle(&m, &res, &s), 3015000);
    release(&m, &res);
    assert_int_equal(budget(&m).calls, 1);
    money_judge(&m);
    assert_int_equal(money_reserve(&m, &res), ERR_INTERNAL); /* it is used up */
}

static void what_never_left_is_released(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", USD(60));
    release(&m, &res);
    release(&m, &res);
    assert_int_equal(budget(&m).reserved_nanousd, 0);
    assert_int_equal(budget(&m).calls, 0);
    money_judge(&m);
    /* It did leave after all: the truth goes into the ledger. */
    struct cost_settlement s = reported("l1", 1000, 0);
    assert_int_equal(settle(&m, &res, &s), 3000000);
    assert_int_equal(settle(&m, &res, &s), 3000000);
    money_judge(&m);
    assert_int_equal(budget(&m).spent_nanousd, 3000000);
}

static void attempts_take_from_the_reservation(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", 10000);
    struct cost_settlement s = reported("l1", 2, 0);
    int64_t nanousd;
    assert_ok(&r->cx, money_attempt(&m, &res, &s, &nanousd));
    assert_int_equal(nanousd, 6000);
    assert_int_equal(res.cost_nanousd, 4000);
    money_judge(&m);
    assert_ok(&r->cx, money_attempt(&m, &res, &s, &nanousd));
    assert_int_equal(nanousd, 6000);
    assert_int_equal(res.cost_nanousd, 4000);
    assert_int_equal(budget(&m).calls, 1);
    s = reported("l2", 3, 0);
    s.attempt = 2;
    assert_ok(&r->cx, money_attempt(&m, &res, &s, &nanousd)); /* dearer than what is left */
    assert_int_equal(nanousd, 9000);
    assert_int_equal(res.cost_nanousd, 0);
    money_judge(&m);
    s = reported("l3", 1, 0);
    s.attempt = 3;
    assert_int_equal(settle(&m, &res, &s), 3000);
    assert_int_equal(budget(&m).spent_nanousd, 18000);
    money_judge(&m);
}

static void without_a_reservation_it_is_booked_once(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation none = { 0 };
    struct cost_settlement s = { .ledger_id = STR("x1"),
                                 .basis = COST_EXTERNAL,
                                 .price = { .version = STR("external") },
                                 .external_nanousd = USD(1.5) };
    m.purpose.operation_type = "agent";
    m.purpose.user_id = STR_NULL;
    assert_int_equal(settle(&m, &none, &s), USD(1.5));
    s.external_nanousd = USD(2);
    assert_int_equal(settle(&m, &none, &s), USD(1.5));
    assert_int_equal(budget(&m).spent_nanousd, USD(1.5));
    s.ledger_id = STR("x2");
    s.external_nanousd = -5;
    assert_int_equal(settle(&m, &none, &s), 0);
    money_judge(&m);
}

/* ---- the sweep ---- */

static enum err node_put(struct cx *cx, void *arg)
{
    return money_node_put(cx, arg, NULL);
}

static void node(struct money *m, const char *id, int64_t heartbeat_at_ms)
{
    struct money_node_put_in n = { .id = str_of(id), .heartbeat_at = heartbeat_at_ms };
    assert_ok(&m->r->cx, db_write(&m->r->cx, node_put, &n));
}

static struct cost_reservation reserve_as(struct money *m, const char *node_id, const char *id)
{
    char mine[sizeof m->r->app.node_id];
    memcpy(mine, m->r->app.node_id, sizeof mine);
    snprintf(m->r->app.node_id, sizeof mine, "%s", node_id);
    struct cost_reservation res = reserve(m, id, USD(1));
    memcpy(m->r->app.node_id, mine, sizeof mine);
    return res;
}

static void the_dead_are_swept_the_living_are_not(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    node(&m, "alive", ROOMS_NOW_MS + 60000);
    node(&m, "silent", ROOMS_NOW_MS);
    reserve_as(&m, "alive", "r1");
    reserve_as(&m, "silent", "r2");
    reserve_as(&m, "unknown", "r3");
    reserve(&m, "r4", USD(1)); /* ours */
    assert_int_equal(sweep(&m, SILENT_MS), 0);
    r->cx.now_ms += 60000;
    reserve_as(&m, "just-started", "r5"); /* whose row may not be there yet */
    rooms_as(r, "eve", "two");
    assert_int_equal(sweep(&m, SILENT_MS), 2);
    assert_str(r->cx.principal.workspace_id, "two");
    assert_int_equal(sweep(&m, SILENT_MS), 0);
    rooms_as(r, "ann", "one");
    money_judge(&m);
    struct cost_budget b = budget(&m);
    assert_int_equal(b.spent_nanousd, USD(2));
    assert_int_equal(b.reserved_nanousd, USD(3));
    size_t count;
    struct money_row *rows = ledger_rows(&m, &count);
    assert_int_equal(count, 2);
    assert_str(rows[0].id, "r2");
    assert_str(rows[0].basis, "worst_case");
    assert_str(rows[0].model, "claude-sonnet-4-5");
    assert_str(rows[0].error, "process_lost");
    assert_true(rows[0].priced && rows[0].has_user);
    r->cx.now_ms += (int64_t)3 * 60 * 60 * 1000; /* nobody's call lasts that long */
    node(&m, "alive", r->cx.now_ms);
    assert_int_equal(sweep(&m, SILENT_MS), 3);
    money_judge(&m);
}

static enum err lose(struct cx *cx, void *run_id)
{
    return cost_lose_run(cx, str_of(run_id));
}

/* What a lost run has open costs its worst case; nothing else does, and nothing twice. */
static void a_lost_run_costs_what_it_had_open(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    m.purpose.run_id = STR("lost");
    struct cost_reservation first = reserve(&m, "r1", USD(1)), ended = reserve(&m, "r2", USD(2));
    reserve(&m, "r3", USD(4));
    struct cost_settlement s = reported("l2", 1000, 0);
    settle(&m, &ended, &s);
    m.purpose.run_id = STR("lives");
    struct cost_reservation other = reserve(&m, "r4", USD(8));
    m.purpose.run_id = STR_NULL;
    reserve(&m, "r5", USD(16));
    /* A run of that name in another workspace is another run. */
    rooms_as(r, "eve", "two");
    assert_ok(&r->cx, money_write(&r->cx, lose, "lost"));
    rooms_as(r, "ann", "one");
    assert_int_equal(budget(&m).spent_nanousd, 3000000);
    assert_ok(&r->cx, money_write(&r->cx, lose, "no such run"));
    assert_ok(&r->cx, money_write(&r->cx, lose, "lost"));
    assert_int_equal(budget(&m).spent_nanousd, USD(5) + 3000000);
    assert_int_equal(budget(&m).reserved_nanousd, USD(24));
    money_judge(&m);
    assert_ok(&r->cx, money_write(&r->cx, lose, "lost"));
    assert_int_equal(budget(&m).spent_nanousd, USD(5) + 3000000);
    size_t count;
    struct money_row *rows = ledger_rows(&m, &count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        if (!str_is(rows[i].id, "l2")) {
            assert_str(rows[i].basis, "worst_case");
            assert_str(rows[i].error, "process_lost");
        }
    /* Whoever comes back late says what it was: both rows together are the truth. */
    s = reported("l1", 1000, 0);
    settle(&m, &first, &s);
    assert_int_equal(budget(&m).spent_nanousd, USD(4) + 6000000);
    settle(&m, &other,
           &(struct cost_settlement){
               .ledger_id = STR("l4"), .basis = COST_WORST_CASE, .price = m.price, .attempt = 1 });
    money_judge(&m);
}

static struct cost_reservation swept(struct money *m, const char *id)
{
    struct cost_reservation res = reserve_as(m, "gone", id);
    m->r->cx.now_ms += 60000;
    assert_int_equal(sweep(m, SILENT_MS), 1);
    return res;
}

static void late_truth_is_not_counted_twice(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = swept(&m, "r1");
    assert_int_equal(budget(&m).spent_nanousd, USD(1));
    struct cost_settlement s = reported("l1", 1000, 0);
    assert_int_equal(settle(&m, &res, &s), 3000000);
    assert_int_equal(budget(&m).spent_nanousd, 3000000);
    money_judge(&m);
    assert_int_equal(settle(&m, &res, &s), 3000000);
    s = reported("l2", 9000, 0);
    assert_int_equal(settle(&m, &res, &s), 3000000);
    assert_int_equal(sweep(&m, SILENT_MS), 0);
    money_judge(&m);
    size_t count;
    struct money_row *rows = ledger_rows(&m, &count);
    assert_int_equal(count, 2);
    const struct money_row *correction = &rows[str_is(rows[0].id, "l1") ? 0 : 1];
    assert_int_equal(correction->cost_nanousd, 3000000 - USD(1));
    assert_int_equal(correction->input_tokens, 1000);
}

static void late_guesses_are_cut_as_well(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = swept(&m, "r1");
    struct cost_settlement s = reported("l1", 1000000000, 0);
    s.basis = COST_ESTIMATED;
    assert_int_equal(settle(&m, &res, &s), USD(1));
    assert_int_equal(budget(&m).spent_nanousd, USD(1));
    res = swept(&m, "r2");
    s = reported("l2", 1, 0);
    s.basis = COST_WORST_CASE;
    assert_int_equal(settle(&m, &res, &s), USD(1));
    assert_int_equal(budget(&m).spent_nanousd, USD(2));
    money_judge(&m);
}

static void late_attempts_come_out_of_the_worst_case(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = swept(&m, "r1");
    struct cost_settlement s = reported("l1", 100000, 0);
    int64_t nanousd;
    assert_ok(&r->cx, money_attempt(&m, &res, &s, &nanousd));
    assert_int_equal(nanousd, USD(0.3));
    assert_int_equal(budget(&m).spent_nanousd, USD(1));
    assert_ok(&r->cx, money_attempt(&m, &res, &s, &nanousd));
    s = reported("l2", 50000, 0);
    assert_int_equal(settle(&m, &res, &s), USD(0.15));
    assert_int_equal(budget(&m).spent_nanousd, USD(0.45));
    money_judge(&m);
}

/* ---- clocks ---- */

static void a_month_that_turns_keeps_its_call(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    r->cx.now_ms = DEC_1_MS - 1;
    struct cost_reservation res = reserve(&m, "r1", USD(3));
    r->cx.now_ms = DEC_1_MS + 2000;
    struct cost_settlement s = reported("l1", 1000000, 0);
    assert_int_equal(settle(&m, &res, &s), USD(3));
    assert_int_equal(budget(&m).month, DEC);
    assert_int_equal(budget(&m).spent_nanousd, 0);
    money_judge(&m);
    size_t count;
    struct money_row *rows = ledger_rows(&m, &count);
    assert_int_equal(rows[0].month, NOV);
    assert_int_equal(rows[0].created_at_ms, DEC_1_MS + 2000);
    r->cx.now_ms = DEC_1_MS - 1;
    assert_int_equal(budget(&m).spent_nanousd, USD(3));
}

static void a_clock_may_jump(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    rule(&m, USD(10), 80, true);
    r->cx.now_ms = DEC_1_MS + 1000;
    struct cost_reservation res = reserve(&m, "r1", USD(9));
    r->cx.now_ms = DEC_1_MS - 5000; /* back, over the month's end */
    struct cost_settlement s = reported("l1", 2000000, 0);
    assert_int_equal(settle(&m, &res, &s), USD(6));
    money_judge(&m);
    size_t count;
    struct money_row *rows = ledger_rows(&m, &count);
    assert_int_equal(rows[0].month, DEC);
    assert_int_equal(rows[0].created_at_ms, DEC_1_MS + 1000);
    reserve(&m, "r2", USD(10)); /* November's own budget */
    r->cx.now_ms = DEC_1_MS + 2000;
    struct cost_reservation more = { .id = STR("r3"), .cost_nanousd = USD(4) + 1 };
    assert_int_equal(money_reserve(&m, &more), ERR_BUDGET_EXCEEDED); /* December's is as it was */
    /* Forward by a day: all look expired, are swept, and settled as they come. */
    r->cx.now_ms += (int64_t)24 * 60 * 60 * 1000;
    assert_int_equal(sweep(&m, SILENT_MS), 1);
    money_judge(&m);
    r->cx.now_ms = DEC_1_MS + 3000;
    struct cost_reservation r2 = { .id = STR("r2"), .month = NOV };
    s = reported("l2", 10, 0);
    assert_int_equal(settle(&m, &r2, &s), 30000);
    money_judge(&m);
}

/* ---- notices ---- */

static enum err refused(struct cx *cx, void *arg)
{
    (void)arg;
    return cost_refused(cx);
}

static void owners_hear_once(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    rule(&m, USD(10), 80, true);
    for (int i = 0; i < 12; i++) {
        char id[8], ledger_id[8];
        snprintf(id, sizeof id, "r%d", i);
        snprintf(ledger_id, sizeof ledger_id, "l%d", i);
        struct cost_reservation res = { .id = str_of(id), .cost_nanousd = USD(1) };
        enum err e = money_reserve(&m, &res);
        assert_int_equal(e, i < 10 ? OK : ERR_BUDGET_EXCEEDED);
        if (e == OK) {
            struct cost_settlement s = reported(ledger_id, 0, 66667); /* a bit above a dollar */
            s.usage.output_tokens = i == 9 ? 66667 : 66666;
            settle(&m, &res, &s);
        } else {
            assert_ok(&r->cx, money_write(&r->cx, refused, NULL));
        }
        assert_int_equal(jobs_of(&m, "cost_warning"), i >= 8 ? 1 : 0);
        assert_int_equal(jobs_of(&m, "cost_cap_reached"), i >= 10 ? 1 : 0);
    }
    r->cx.now_ms = DEC_1_MS;
    struct cost_reservation res = reserve(&m, "r20", USD(10));
    struct cost_settlement s = reported("l20", 10000000, 0);
    settle(&m, &res, &s);
    assert_int_equal(jobs_of(&m, "cost_warning"), 2);
    assert_int_equal(jobs_of(&m, "cost_cap_reached"), 2);
    money_judge(&m);
}

static void no_cap_no_notice(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    rule(&m, INT64_MAX, 80, true);
    struct cost_reservation res = reserve(&m, "r1", USD(500));
    struct cost_settlement s = reported("l1", 100000000, 0);
    settle(&m, &res, &s);
    assert_ok(&r->cx, money_write(&r->cx, refused, NULL));
    assert_int_equal(jobs_of(&m, "cost_warning"), 0);
    assert_int_equal(jobs_of(&m, "cost_cap_reached"), 0);
}

/* ---- tenants ---- */

static void a_foreign_reservation_is_not_there(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", USD(60));
    rooms_as(r, "eve", "two");
    reserve(&m, "r1", USD(70)); /* the same id, another tenant's */
    release(&m, &res);
    assert_int_equal(budget(&m).reserved_nanousd, 0);
    rooms_as(r, "ann", "one");
    assert_int_equal(budget(&m).reserved_nanousd, USD(60));
    money_judge(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_call_is_reserved_and_settled),
        ROOMS_TEST(the_basis_decides),
        ROOMS_TEST(nonsense_of_a_provider_is_bounded),
        ROOMS_TEST(a_cap_refuses_and_writes_nothing),
        ROOMS_TEST(a_first_call_above_the_cap_is_refused),
        ROOMS_TEST(a_cap_below_what_is_spent_stops_at_once),
        ROOMS_TEST(unpriced_is_refused_under_a_cap),
        ROOMS_TEST(a_repeat_changes_nothing),
        ROOMS_TEST(what_never_left_is_released),
        ROOMS_TEST(attempts_take_from_the_reservation),
        ROOMS_TEST(without_a_reservation_it_is_booked_once),
        ROOMS_TEST(the_dead_are_swept_the_living_are_not),
        ROOMS_TEST(a_lost_run_costs_what_it_had_open),
        ROOMS_TEST(late_truth_is_not_counted_twice),
        ROOMS_TEST(late_guesses_are_cut_as_well),
        ROOMS_TEST(late_attempts_come_out_of_the_worst_case),
        ROOMS_TEST(a_month_that_turns_keeps_its_call),
        ROOMS_TEST(a_clock_may_jump),
        ROOMS_TEST(owners_hear_once),
        ROOMS_TEST(no_cap_no_notice),
        ROOMS_TEST(a_foreign_reservation_is_not_there),
    };
    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
