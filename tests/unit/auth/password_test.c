/* Passwords: verified only against what was hashed, at bounded cost, at the same cost for nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/password.h"
#include "base/buf.h"
#include "base/clock.h"

static struct cx cx_new(void)
{
    password_init();
    return (struct cx){ .arena = arena_new(0) };
}

static void hash_and_verify(void **state)
{
    (void)state;
    struct cx cx = cx_new();
    struct str phc, again;
    assert_int_equal(password_hash(&cx, STR("correct horse"), &phc), OK);
    assert_int_equal(password_hash(&cx, STR("correct horse"), &again), OK);
    assert_true(str_starts(phc, STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_false(str_eq(phc, again));
    assert_true(password_verify(&cx, phc, STR("correct horse")));
    assert_false(password_verify(&cx, phc, STR("correct horsE")));
    assert_false(password_verify(&cx, phc, STR("")));
    assert_false(password_verify(&cx, phc, STR_NULL));
    arena_free(cx.arena);
}

/* An hour of work, a gibibyte, another algorithm, nonsense: false, and at once. */
static void costs_are_bounded(void **state)
{
    (void)state;
    static const char *const table[] = {
        "$argon2id$v=19$m=19456,t=100000,p=1$c29tZXNhbHQ$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=9$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$2b$12$abcdefghijklmnopqrstuv",
        "",
        "nobody",
        "$argon2id$v=19$m=19456,t=2,p=1",
        "$argon2id$v=19$m=19456",
    };
    struct cx cx = cx_new();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_false(password_verify(&cx, str_of(table[i]), STR("nobody")));
    arena_free(cx.arena);
}

/* Without an account the work is done all the same: between a third and three times as long. */
static void nobody_takes_as_long(void **state)
{
    (void)state;
    struct cx cx = cx_new();
    struct str phc;
    int64_t known_us = INT64_MAX, unknown_us = INT64_MAX;
    assert_int_equal(password_hash(&cx, STR("correct horse"), &phc), OK);
    for (int i = 0; i < 5; i++) {
        int64_t begin_us = clock_monotonic_us();
        assert_false(password_verify(&cx, phc, STR("wrong horse")));
        int64_t middle_us = clock_monotonic_us();
        assert_false(password_verify(&cx, STR_NULL, STR("wrong horse")));
        int64_t end_us = clock_monotonic_us();
        known_us = middle_us - begin_us < known_us ? middle_us - begin_us : known_us;
        unknown_us = end_us - middle_us < unknown_us ? end_us - middle_us : unknown_us;
    }
    assert_true(unknown_us > known_us / 3 && unknown_us < known_us * 3);
    arena_free(cx.arena);
}

static void refused_password(struct cx *cx, struct str password, struct str email)
{
    assert_int_equal(password_check(cx, "password", password, email), ERR_VALIDATION);
    assert_true(str_is(cx->failure.fields->field, "password"));
    cx_clear_failure(cx);
}

static void passwords_have_bounds(void **state)
{
    (void)state;
    struct cx cx = cx_new();
    char *letters = arena_alloc(cx.arena, PASSWORD_BYTES_MAX + 1);
    memset(letters, 'a', PASSWORD_BYTES_MAX + 1);
    struct str none = STR_NULL, four = STR("\xf0\x9f\x94\x91"); /* one character of four bytes */
    struct buf keys;
    buf_init(&keys, cx.arena, 4 * PASSWORD_CHARS_MAX);
    for (int i = 0; i < PASSWORD_CHARS_MAX; i++)
        buf_put_str(&keys, four);
    assert_int_equal(password_check(&cx, "password", STR("123456789012"), none), OK);
    assert_int_equal(password_check(&cx, "password", buf_str(&keys), none), OK);
    refused_password(&cx, STR("12345678901"), none);
    refused_password(&cx, (struct str){ letters, PASSWORD_CHARS_MAX + 1 }, none);
    refused_password(&cx, STR("12345678901\xff"), none);
    refused_password(&cx, STR("Ann.Elise.Lee@example.test"), STR("ann.elise.lee@EXAMPLE.test"));
    refused_password(&cx, STR("ann.elise.LEE"), STR("ann.elise.lee@example.test"));
    assert_int_equal(
        password_check(&cx, "password", STR("ann.elise.lee"), STR("ann.lee@example.test")), OK);
    arena_free(cx.arena);
}

static void addresses_have_keys(void **state)
{
    (void)state;
    static const char *const bad[] = { "",      "ann",   "@b",     "a@",       "a@b@c",
                                       "a b@c", "a\t@c", "a@\xff", "a@b\x01c", "\x7f@b.c" };
    struct cx cx = cx_new();
    assert_true(str_is(email_key(cx.arena, STR(" Ann@Example.TEST ")), "ann@example.test"));
    assert_true(str_eq(email_key(cx.arena, STR("ZO\xc3\x8b@x.y")),
                       email_key(cx.arena, STR("zo\xc3\xab@x.y"))));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (str_given(email_key(cx.arena, str_of(bad[i]))))
            fail_msg("taken: %s", bad[i]);
    assert_false(str_given(email_key(cx.arena, STR_NULL)));
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_and_verify),      cmocka_unit_test(costs_are_bounded),
        cmocka_unit_test(nobody_takes_as_long), cmocka_unit_test(passwords_have_bounds),
        cmocka_unit_test(addresses_have_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
