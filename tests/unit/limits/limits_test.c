/* Limits: never more than the limit in any window, whatever the times and however many keys; what
 * is refused has a time to come back that is true. The clock is cx->now_ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/app.h"
#include "base/config.h"
#include "limits/limits.h"
#include "rooms.h"

struct room {
    struct arena *arena;
    struct config config;
    struct app app;
    struct cx cx;
};

static void room_init(struct room *r, size_t slots)
{
    memset(r, 0, sizeof *r);
    r->arena = arena_new(0);
    r->config.address_rate = 5;
    r->config.read_rate = 3;
    r->config.write_rate = 2;
    r->app.config = &r->config;
    r->app.limits = limits_new(&r->config, slots);
    r->cx = (struct cx){ .arena = r->arena, .app = &r->app, .now_ms = 1795475474942 };
}

static void room_release(struct room *r)
{
    limits_free(r->app.limits);
    arena_free(r->arena);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Counts admissions of the last window by brute force, at bursts and pauses of all lengths. */
static void never_more_in_any_window(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    static const int64_t windows_ms[] = { 1, 7, 1000, 60000 };
    static int64_t admitted_at[STEPS];
    struct room r;
    room_init(&r, 0);
    for (size_t w = 0; w < sizeof windows_ms / sizeof *windows_ms; w++) {
        int64_t window_ms = windows_ms[w], limit = 10;
        uint64_t seed = 88172645463325252ull + w;
        size_t admitted = 0, first = 0, refused = 0;
        for (size_t i = 0; i < STEPS; i++) {
            struct arena_mark m = arena_mark(r.arena);
            uint64_t x = next_random(&seed);
            r.cx.now_ms += x % 16 ? (int64_t)(x >> 8) % (window_ms / 50 + 1)
                                  : (int64_t)(x >> 8) % (2 * window_ms);
            if (limits_take(&r.cx, "test", STR("key"), limit, window_ms) != OK) {
                refused++;
            } else {
                admitted_at[admitted++] = r.cx.now_ms;
                while (admitted_at[first] <= r.cx.now_ms - window_ms)
                    first++;
                assert_true(admitted - first <= (size_t)limit);
            }
            cx_clear_failure(&r.cx);
            arena_reset(r.arena, m);
        }
        assert_true(admitted > 300);
        assert_true(window_ms < 50 || refused > 1000);
    }
    room_release(&r);
}

static void the_time_to_come_back_is_true(void **state)
{
    (void)state;
    struct room r;
    room_init(&r, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(limits_take(&r.cx, "test", STR("key"), 4, 60000), OK);
    assert_int_equal(limits_take(&r.cx, "test", STR("key"), 4, 60000), ERR_RATE_LIMITED);
    int64_t wait_s = r.cx.failure.retry_after_s;
    assert_in_range(wait_s, 60, 69);
    r.cx.now_ms += (wait_s - 9) * 1000;
    assert_int_equal(limits_take(&r.cx, "test", STR("key"), 4, 60000), ERR_RATE_LIMITED);
    r.cx.now_ms += 9000;
    assert_int_equal(limits_take(&r.cx, "test", STR("key"), 4, 60000), OK);
    room_release(&r);
}

static void keys_and_classes_are_apart(void **state)
{
    (void)state;
    struct room r;
    room_init(&r, 0);
    assert_int_equal(limits_take(&r.cx, "a", STR("bc"), 1, 1000), OK);
    assert_int_equal(limits_take(&r.cx, "ab", STR("c"), 1, 1000), OK);
    assert_int_equal(limits_take(&r.cx, "a", STR("c"), 1, 1000), OK);
    assert_int_equal(limits_take(&r.cx, "a", STR("bc"), 1, 1000), ERR_RATE_LIMITED);
    room_release(&r);
}

/* Thousands of keys through a table of a few hundred places: none gets a second go. */
static void a_full_table_admits_nobody_twice(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    static bool had[KEYS];
    struct room r;
    size_t admitted = 0, refused = 0;
    room_init(&r, 1024);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            struct arena_mark m = arena_mark(r.arena);
            struct str key = str_fmt(r.arena, "k%d", i);
            if (limits_take(&r.cx, "test", key, 1, 60000) == OK) {
                assert_false(had[i]);
                had[i] = true;
                admitted++;
            } else {
                refused++;
            }
            cx_clear_failure(&r.cx);
            arena_reset(r.arena, m);
            r.cx.now_ms += 1;
        }
    }
    assert_in_range(admitted, 100, 1024);
    assert_true(refused > KEYS);
    /* When their windows are over there is room again. */
    r.cx.now_ms += 120000;
    assert_int_equal(limits_take(&r.cx, "test", STR("late"), 1, 60000), OK);
    room_release(&r);
}

static enum err admit(struct room *r, const char *address, const char *path)
{
    struct raw_request rq = { .face = FACE_HTTP,
                              .path = str_of(path),
                              .remote_addr = str_of(address) };
    cx_clear_failure(&r->cx);
    return limits_address_admit(&r->cx, &rq);
}

static void addresses_are_grouped(void **state)
{
    (void)state;
    struct room r;
    room_init(&r, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(admit(&r, "10.0.0.1", "/api/me"), OK);
    assert_int_equal(admit(&r, "10.0.0.1", "/api/me"), ERR_RATE_LIMITED);
    assert_int_equal(admit(&r, "::ffff:10.0.0.1", "/api/me"), ERR_RATE_LIMITED);
    assert_int_equal(admit(&r, "10.0.0.1", "/healthz"), OK);
    assert_int_equal(admit(&r, "10.0.0.1", "/readyz"), OK);
    assert_int_equal(admit(&r, "10.0.0.1", "/metrics"), OK);
    assert_int_equal(admit(&r, NULL, "/api/me"), OK);
    assert_int_equal(admit(&r, "10.0.0.2", "/api/me"), OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            admit(&r, i % 2 ? "2001:db8:0:1::7" : "2001:DB8:0:1:ffff::%eth0", "/api/me"), OK);
    assert_int_equal(admit(&r, "2001:db8:0:1:1:2:3:4", "/api/me"), ERR_RATE_LIMITED);
    assert_int_equal(admit(&r, "2001:db8:0:2::7", "/api/me"), OK);
    room_release(&r);
}

static struct str header_of(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (str_is(reply->headers[i].name, name))
            return reply->headers[i].value;
    return STR_NULL;
}

static enum err rate(struct room *r, enum op_rate class, struct reply *reply)
{
    struct op op = { .rate = class };
    *reply = (struct reply){ 0 };
    cx_clear_failure(&r->cx);
    return limits_rate(&r->cx, &op, reply);
}

static void principals_have_rates(void **state)
{
    (void)state;
    struct room r;
    struct reply reply;
    room_init(&r, 0);
    r.cx.principal = (struct principal){ .kind = PRINCIPAL_USER, .user_id = STR("ann") };
    assert_int_equal(rate(&r, RATE_READ, &reply), OK);
    assert_true(str_is(header_of(&reply, "ratelimit-limit"), "3"));
    assert_true(str_is(header_of(&reply, "ratelimit-remaining"), "2"));
    assert_int_equal(rate(&r, RATE_READ, &reply), OK);
    assert_int_equal(rate(&r, RATE_READ, &reply), OK);
    assert_int_equal(rate(&r, RATE_READ, &reply), ERR_RATE_LIMITED);
    assert_true(str_is(header_of(&reply, "ratelimit-remaining"), "0"));
    int64_t reset_s;
    assert_true(str_to_i64(header_of(&reply, "ratelimit-reset"), &reset_s));
    assert_int_equal(reset_s, r.cx.failure.retry_after_s);
    /* Another class, another person, a key of the same person. */
    assert_int_equal(rate(&r, RATE_WRITE, &reply), OK);
    r.cx.principal.key_id = STR("key");
    assert_int_equal(rate(&r, RATE_READ, &reply), OK);
    r.cx.principal = (struct principal){ .kind = PRINCIPAL_USER, .user_id = STR("bob") };
    assert_int_equal(rate(&r, RATE_READ, &reply), OK);
    for (int class = RATE_NONE; class < RATE_COUNT; class ++)
        assert_int_equal(rate(&r, (enum op_rate) class, &reply), OK);
    room_release(&r);
}

/* What is kept outlives the process, and is one for two of them. */
static void kept_counters_are_shared(void **state)
{
    ROOMS(state);
    enum { DAY_MS = 24 * 3600 * 1000 };
    struct limits *first = limits_new(&r->config, 0), *second = limits_new(&r->config, 0);
    for (int i = 0; i < 10; i++) {
        r->app.limits = i % 2 ? first : second;
        assert_ok(&r->cx, limits_take_kept(&r->cx, "code", STR("ann"), 10, DAY_MS));
        r->cx.now_ms += 60 * 1000;
    }
    for (int i = 0; i < 2; i++) {
        r->app.limits = i ? first : second;
        assert_int_equal(limits_take_kept(&r->cx, "code", STR("ann"), 10, DAY_MS),
                         ERR_RATE_LIMITED);
        assert_true(r->cx.failure.retry_after_s > 23 * 3600);
        cx_clear_failure(&r->cx);
    }
    assert_ok(&r->cx, limits_take_kept(&r->cx, "code", STR("bob"), 10, DAY_MS));
    limits_free(first);
    r->app.limits = second;
    r->cx.now_ms += DAY_MS + DAY_MS / 8;
    assert_ok(&r->cx, limits_take_kept(&r->cx, "code", STR("ann"), 10, DAY_MS));
    limits_free(second);
    r->app.limits = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_in_any_window),
        cmocka_unit_test(the_time_to_come_back_is_true),
        cmocka_unit_test(keys_and_classes_are_apart),
        cmocka_unit_test(a_full_table_admits_nobody_twice),
        cmocka_unit_test(addresses_are_grouped),
        cmocka_unit_test(principals_have_rates),
        ROOMS_TEST(kept_counters_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
