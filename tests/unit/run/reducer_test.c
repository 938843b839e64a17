/* The reducer in a world of its own: lanes that answer in any order, late, twice, with any outcome,
 * and stops at any moment. Whatever happens, a run ends, once, with every call settled once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/reducer.h"

enum { ROUNDS = 200000, STEPS_MAX = 400 };

struct world {
    struct run_model m;
    uint64_t random;
    enum run_write write; /* under way in the database */
    bool call;            /* under way at the provider */
    bool admitted;        /* RUN_ADMITTED was said for the write under way */
    bool durable;         /* the admission of the present call */
    bool cancelled;
    int tools; /* at work */
    int calls; /* begun */
    int settled;
    int unsettled; /* over, and not in a durable write yet */
    int finished, turns;
    bool tick, lost;
};

static uint64_t next(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static bool one_in(struct world *w, unsigned n)
{
    return next(w) % n == 0;
}

static void carry_out(struct world *w, unsigned fx)
{
    if (fx & RUN_FX_CALL) {
        assert_false(w->call);
        assert_int_equal(w->unsettled, 0);
        w->call = true;
        w->cancelled = false;
        w->calls++;
    }
    if (fx & RUN_FX_CANCEL) {
        assert_true(w->call && !w->cancelled);
        w->cancelled = true;
    }
    if (fx & RUN_FX_TELL)
        assert_true(w->durable);
    if (fx & RUN_FX_TOOLS) {
        assert_true(w->durable && w->tools == 0);
        w->tools = w->m.tools_open;
        assert_true(w->tools > 0);
    }
    if (fx & RUN_FX_WRITE) {
        assert_int_equal(w->write, RUN_WRITE_NONE);
        assert_int_not_equal(w->m.write, RUN_WRITE_NONE);
        /* A write that keeps what was said waits until everything has been said. */
        if (w->m.write != RUN_WRITE_ADMIT)
            assert_false(w->call);
        w->write = w->m.write;
        w->admitted = false;
        if (w->write == RUN_WRITE_ADMIT)
            w->durable = false;
    }
    if (fx & RUN_FX_TRY_LATER) {
        assert_false(w->tick);
        w->tick = true;
    }
    if (fx & RUN_FX_FINISH) {
        assert_int_equal(w->write, RUN_WRITE_NONE);
        assert_false(w->call);
        w->finished++;
        assert_int_equal(w->finished, 1);
    }
}

static void tell(struct world *w, struct run_event e)
{
    struct run_model before = w->m, again;
    unsigned fx, fx_again;
    run_next(&before, &e, &w->m, &fx);
    run_next(&before, &e, &again, &fx_again); /* pure */
    assert_int_equal(fx, fx_again);
    assert_memory_equal(&again, &w->m, sizeof again);
    carry_out(w, fx);
}

static void write_ends(struct world *w)
{
    enum run_write write = w->write;
    if (write == RUN_WRITE_ADMIT && !w->admitted && !one_in(w, 8)) {
        w->admitted = true;
        tell(w, (struct run_event){ .type = RUN_ADMITTED });
        if (one_in(w, 4)) /* a repeated write says it again */
            tell(w, (struct run_event){ .type = RUN_ADMITTED });
        return;
    }
    w->write = RUN_WRITE_NONE;
    switch (next(w) % 12) {
    case 0:
        w->tick = false;
        tell(w, (struct run_event){ .type = RUN_WRITE_FAILED });
        return;
    case 1:
        if (write != RUN_WRITE_ADMIT)
            w->lost = true;
        tell(w, (struct run_event){ .type = RUN_WRITE_REFUSED, .reason = RUN_BY_BUDGET });
        return;
    default:
        break;
    }
    if (write == RUN_WRITE_ADMIT && !w->admitted) {
        tell(w, (struct run_event){ .type = RUN_WRITE_REFUSED, .reason = RUN_BY_BUDGET });
        return;
    }
    if (write == RUN_WRITE_ADMIT) {
        w->durable = true;
    } else {
        w->settled += w->unsettled;
        w->unsettled = 0;
    }
    tell(w, (struct run_event){ .type = RUN_WRITTEN });
}

static void call_ends(struct world *w)
{
    struct run_event e = { .type = RUN_ANSWERED };
    if (one_in(w, 3))
        tell(w, (struct run_event){ .type = RUN_FIRST_BYTE });
    if (w->cancelled || one_in(w, 6)) {
        e.type = RUN_CALL_ENDED;
        e.reason = w->cancelled ? RUN_BY_USER : RUN_BY_PROVIDER;
    } else if (!one_in(w, 3)) {
        e.tools = (int)(next(w) % 3);
        e.asked = one_in(w, 6) ? 1 : 0;
    }
    w->call = false;
    w->unsettled++;
    tell(w, e);
}

static void step(struct world *w, bool stops)
{
    switch (next(w) % 6) {
    case 0:
    case 1:
        if (w->write != RUN_WRITE_NONE)
            write_ends(w);
        break;
    case 2:
        if (w->call)
            call_ends(w);
        break;
    case 3:
        if (w->tools) {
            w->tools--;
            tell(w, (struct run_event){ .type = RUN_TOOL_DONE });
        }
        break;
    case 4:
        if (w->tick) {
            w->tick = false;
            tell(w, (struct run_event){ .type = RUN_TICK });
        }
        break;
    default:
        if (stops && one_in(w, 10))
            tell(w, (struct run_event){ .type = RUN_STOP,
                                        .reason = one_in(w, 2) ? RUN_BY_USER : RUN_BY_SHUTDOWN });
        break;
    }
}

static void world_runs(uint64_t seed, bool stops)
{
    struct world w = { .m = RUN_MODEL_NEW, .random = seed, .write = RUN_WRITE_ADMIT };
    int steps = 0;
    while (!w.finished && steps++ < STEPS_MAX * 100)
        step(&w, stops);
    assert_int_equal(w.finished, 1);
    assert_true(run_state_ended(w.m.state) || w.m.state == RUN_AWAITING);
    assert_true(w.m.turn <= RUN_TURNS_MAX);
    if (!w.lost) {
        assert_int_equal(w.unsettled, 0);
        assert_int_equal(w.settled, w.calls);
    }
    /* What comes late is swallowed. */
    for (int i = 0; i < 20; i++) {
        struct run_event e = { .type = (enum run_event_type)(1 + next(&w) % RUN_TICK) };
        tell(&w, e);
    }
}

static void test_any_order(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= ROUNDS; i++)
        world_runs(i * 0x9e3779b97f4a7c15ULL, i % 2);
}

static void test_plain_answer(void **state)
{
    (void)state;
    struct world w = { .m = RUN_MODEL_NEW, .write = RUN_WRITE_ADMIT };
    tell(&w, (struct run_event){ .type = RUN_ADMITTED });
    assert_int_equal(w.m.state, RUN_CALLING);
    assert_true(w.call);
    tell(&w, (struct run_event){ .type = RUN_FIRST_BYTE });
    assert_int_equal(w.m.state, RUN_STREAMING);
    w.call = false; /* whole before the admission is durable: it waits for it */
    tell(&w, (struct run_event){ .type = RUN_ANSWERED });
    assert_int_equal(w.write, RUN_WRITE_ADMIT);
    w.write = RUN_WRITE_NONE;
    w.durable = true;
    tell(&w, (struct run_event){ .type = RUN_WRITTEN });
    assert_int_equal(w.write, RUN_WRITE_END);
    w.write = RUN_WRITE_NONE;
    tell(&w, (struct run_event){ .type = RUN_WRITTEN });
    assert_int_equal(w.m.state, RUN_DONE);
    assert_int_equal(w.finished, 1);
}

static void test_turns_are_bounded(void **state)
{
    (void)state;
    struct world w = { .m = RUN_MODEL_NEW, .write = RUN_WRITE_ADMIT };
    while (!w.finished) {
        bool end = w.write == RUN_WRITE_END;
        if (w.write == RUN_WRITE_ADMIT) {
            tell(&w, (struct run_event){ .type = RUN_ADMITTED });
            w.durable = true;
        }
        w.write = RUN_WRITE_NONE;
        tell(&w, (struct run_event){ .type = RUN_WRITTEN });
        if (end)
            break;
        if (w.call) {
            w.call = false;
            tell(&w, (struct run_event){ .type = RUN_ANSWERED, .tools = 1 });
        }
        if (w.write == RUN_WRITE_TURN) {
            w.write = RUN_WRITE_NONE;
            tell(&w, (struct run_event){ .type = RUN_WRITTEN });
            w.tools = 0;
            tell(&w, (struct run_event){ .type = RUN_TOOL_DONE });
        }
    }
    assert_int_equal(w.calls, RUN_TURNS_MAX);
    assert_int_equal(w.m.state, RUN_STOPPED);
    assert_int_equal(w.m.reason, RUN_BY_LIMIT);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(run_state_name(RUN_AWAITING), "AWAITING");
    assert_string_equal(run_reason_name(RUN_BY_BUDGET), "budget");
    assert_null(run_reason_name(RUN_NO_REASON));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_answer),
        cmocka_unit_test(test_turns_are_bounded),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("reducer", tests, NULL, NULL);
}
