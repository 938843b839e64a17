/* Ranges, networks, and who is believed about an address: tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/forward.h"
#include "http/range.h"

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int64_t size;
        enum range_result result;
        int64_t from, end;
    } cases[] = {
        { "bytes=0-0", 10, RANGE_PART, 0, 1 },
        { "bytes=2-5", 10, RANGE_PART, 2, 6 },
        { "Bytes=2-5", 10, RANGE_PART, 2, 6 },
        { "bytes=9-9", 10, RANGE_PART, 9, 10 },
        { "bytes=2-", 10, RANGE_PART, 2, 10 },
        { "bytes=0-100", 10, RANGE_PART, 0, 10 },
        { "bytes=0-9223372036854775807", 10, RANGE_PART, 0, 10 },
        { "bytes=-3", 10, RANGE_PART, 7, 10 },
        { "bytes=-100", 10, RANGE_PART, 0, 10 },
        { "bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=10-12", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=9223372036854775807-", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-1", 0, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=5-2", 10, RANGE_NONE, 0, 0 },
        { "bytes=15-12", 10, RANGE_NONE, 0, 0 },
        { "bytes=0-1,3-4", 10, RANGE_NONE, 0, 0 },
        { "bytes=--5", 10, RANGE_NONE, 0, 0 },
        { "bytes=1--5", 10, RANGE_NONE, 0, 0 },
        { "bytes=+1-2", 10, RANGE_NONE, 0, 0 },
        { "bytes=a-b", 10, RANGE_NONE, 0, 0 },
        { "bytes=-", 10, RANGE_NONE, 0, 0 },
        { "bytes=", 10, RANGE_NONE, 0, 0 },
        { "bytes=1", 10, RANGE_NONE, 0, 0 },
        { "bytes=99999999999999999999-", 10, RANGE_NONE, 0, 0 },
        { "pages=0-1", 10, RANGE_NONE, 0, 0 },
        { "", 10, RANGE_NONE, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t from = 0, end = 0;
        enum range_result r = range_parse(str_of(cases[i].header), cases[i].size, &from, &end);
        if (r != cases[i].result || from != cases[i].from || end != cases[i].end)
            fail_msg("%s: %d %lld %lld", cases[i].header, (int)r, (long long)from, (long long)end);
    }
    int64_t from, end;
    assert_int_equal(range_parse(STR_NULL, 10, &from, &end), RANGE_NONE);
}

static void networks_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *list, *bad;
    } cases[] = {
        { "", NULL },
        { "10.0.0.0/8", NULL },
        { " 10.0.0.0/8 , ::1,fe80::/10,", NULL },
        { "10.0.0.0/33", "10.0.0.0/33" },
        { "10.0.0.0/-1", "10.0.0.0/-1" },
        { "::1/129", "::1/129" },
        { "10.0.0", "10.0.0" },
        { "127.0.0.1,proxy", "proxy" },
        { "127.0.0.1/", "127.0.0.1/" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct networks n;
        struct str bad = STR_NULL;
        bool good = networks_parse(str_of(cases[i].list), &n, &bad);
        if (good != !cases[i].bad || (!good && !str_is(bad, cases[i].bad)))
            fail_msg("%s: %.*s", cases[i].list, STR_ARG(bad));
    }
}

static void networks_have_addresses(void **state)
{
    (void)state;
    struct networks n;
    struct str bad;
    assert_true(networks_parse(STR("10.1.0.0/16,192.168.1.7,2001:db8::/33,0.0.0.0/32"), &n, &bad));
    static const char *const in[] = { "10.1.0.0",    "10.1.255.255",    "192.168.1.7",
                                      "2001:db8::1", "::ffff:10.1.2.3", "2001:db8:7fff::1" };
    static const char *const out[] = { "10.2.0.0",  "192.168.1.6", "2001:db8:8000::1",
                                       "::1",       "unknown",     "",
                                       "10.1.0.0.1" };
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        if (!networks_has(&n, str_of(in[i])))
            fail_msg("%s is not in it", in[i]);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        if (networks_has(&n, str_of(out[i])))
            fail_msg("%s is in it", out[i]);
}

#define F(value)                                                                                   \
    {                                                                                              \
        "forwarded", value                                                                         \
    }
#define X(value)                                                                                   \
    {                                                                                              \
        "x-forwarded-for", value                                                                   \
    }

static void the_first_untrusted_hop_is_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *peer;
        struct {
            const char *name, *value;
        } headers[2];
        const char *client;
    } cases[] = {
        { "10.0.0.1", { { 0 } }, "10.0.0.1" },
        { "9.9.9.9", { X("1.2.3.4") }, "9.9.9.9" }, /* not a proxy of ours: not believed */
        { "10.0.0.1", { X("1.2.3.4") }, "1.2.3.4" },
        { "10.0.0.1",
          { X("6.6.6.6, 1.2.3.4") },
          "1.2.3.4" }, /* the client may write what it likes */
        { "10.0.0.1", { X("1.2.3.4, 10.0.0.2") }, "1.2.3.4" },
        { "10.0.0.1", { X("1.2.3.4,10.0.0.2,10.0.0.3") }, "1.2.3.4" },
        { "10.0.0.1", { X("6.6.6.6"), X("1.2.3.4") }, "1.2.3.4" },
        { "10.0.0.1", { X("10.0.0.5") }, "10.0.0.5" },
        { "10.0.0.1", { X("unknown") }, "10.0.0.1" },
        { "10.0.0.1", { X("1.2.3.4, unknown") }, "10.0.0.1" },
        { "10.0.0.1", { X("1.2.3.4, junk, 10.0.0.2") }, "10.0.0.2" },
        { "10.0.0.1", { X("") }, "10.0.0.1" },
        { "10.0.0.1", { X(",") }, "10.0.0.1" },
        { "10.0.0.1", { X("1.2.3.4:5678") }, "1.2.3.4" },
        { "10.0.0.1", { X("2001:db8::7") }, "2001:db8::7" },
        { "10.0.0.1", { X("[2001:db8::7]:80") }, "2001:db8::7" },
        { "10.0.0.1", { F("for=1.2.3.4") }, "1.2.3.4" },
        { "10.0.0.1", { F("For=1.2.3.4;proto=https;by=10.0.0.1") }, "1.2.3.4" },
        { "10.0.0.1", { F("for=\"[2001:db8::7]:80\"") }, "2001:db8::7" },
        { "10.0.0.1", { F("for=6.6.6.6, for=1.2.3.4") }, "1.2.3.4" },
        { "10.0.0.1", { F("for=_hidden") }, "10.0.0.1" },
        { "10.0.0.1", { F("proto=https") }, "10.0.0.1" },
        { "10.0.0.1", { F("for=1.2.3.4, proto=https") }, "10.0.0.1" },
        { "10.0.0.1", { F("for=1.2.3.4"), X("6.6.6.6") }, "1.2.3.4" },
        { "10.0.0.1", { F("for=\"1.2.3.4") }, "10.0.0.1" },
        { "10.0.0.1", { F("for=\"\\\"1.2.3.4\"") }, "10.0.0.1" },
        { "10.0.0.1", { F("for=\"a, for=6.6.6.6\"") }, "10.0.0.1" },
        { "::1", { X("1.2.3.4") }, "1.2.3.4" },
    };
    struct networks n;
    struct str bad;
    size_t wrong = 0;
    assert_true(networks_parse(STR("10.0.0.0/8,::1"), &n, &bad));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new(0);
        struct header headers[2];
        size_t count = 0;
        for (; count < 2 && cases[i].headers[count].name; count++)
            headers[count] = (struct header){ str_of(cases[i].headers[count].name),
                                              str_of(cases[i].headers[count].value) };
        struct str got = forwarded_for(a, &n, str_of(cases[i].peer), headers, count);
        if (!str_is(got, cases[i].client)) {
            print_error("%s: got %.*s, not %s\n", count ? cases[i].headers[0].value : "nothing",
                        STR_ARG(got), cases[i].client);
            wrong++;
        }
        arena_free(a);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(networks_are_read),
        cmocka_unit_test(networks_have_addresses),
        cmocka_unit_test(the_first_untrusted_hop_is_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
