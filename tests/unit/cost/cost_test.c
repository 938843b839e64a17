/* Reserve, settle, release and sweep, on both engines: a cap holds, a call is booked once, and the
 * ledger, the month's snapshot, the open reservations and the roll-ups say the same throughout. */
#include "unit/cost/money.h"

static void a_call_is_reserved_and_settled(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct cost_reservation res = reserve(&m, "r1", USD(2));
    assert_int_equal(res.month, 202611);
    assert_int_equal(res.created_at_ms, ROOMS_NOW_MS);
    assert_int_equal(budget(&m).reserved_nanousd, USD(2));
    struct cost_settlement s = reported("l1", 100000, 10000);
    assert_int_equal(settle(&m, &res, &s), 100000 * 3000 + 10000 * 15000);
    struct cost_budget b = budget(&m);
    assert_int_equal(b.reserved_nanousd, 0);
    assert_int_equal(b.spent_nanousd, 450000000);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.cap_nanousd, USD(100));
    money_judge(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_call_is_reserved_and_settled),
    };
    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
