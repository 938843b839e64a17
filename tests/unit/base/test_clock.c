/* Text forms, date arithmetic, and zones at their edges and beyond their tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

static int64_t at(const char *iso)
{
    int64_t ms = 0;
    if (!time_parse_iso(str_of(iso), &ms))
        fail_msg("%s was refused", iso);
    return ms;
}

static void iso_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = { "2026-11-24T02:14:26.000Z", "1970-01-01T00:00:00.000Z",
                                         "1969-12-31T23:59:59.999Z", "0000-01-01T00:00:00.000Z",
                                         "9999-12-31T23:59:59.999Z", "2000-02-29T12:00:00.001Z" };
    char out[TIME_ISO_BYTES + 1];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        time_iso(at(texts[i]), out);
        assert_string_equal(out, texts[i]);
    }
    assert_int_equal(at("2026-11-24T02:14:26Z"), 1795486466000);
    assert_int_equal(at("2026-11-24T04:14:26.1+02:00"), 1795486466100);
    assert_int_equal(at("2026-11-23t18:44:26.123456789-07:30"), 1795486466123);
    assert_int_equal(at("1969-12-31T23:59:59.9999z"), -1);
    time_iso(INT64_MAX, out);
    assert_string_equal(out, "9999-12-31T23:59:59.999Z");
    time_iso(INT64_MIN, out);
    assert_string_equal(out, "0000-01-01T00:00:00.000Z");
}

static void iso_refusals(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2026-11-24",
        "2026-11-24T02:14:26",
        "2026-11-24 02:14:26Z",
        "2026-11-24T02:14Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T23:60:00Z",
        "2026-11-24T23:59:60Z",
        "2026-11-24T02:14:26.Z",
        "2026-11-24T02:14:26.1234567890Z",
        "2026-11-24T02:14:26+0100",
        "2026-11-24T02:14:26+01",
        "2026-11-24T02:14:26+24:00",
        "2026-11-24T02:14:26Zx",
        "2026-11-24T02:14:26,5Z",
        "+2026-11-24T02:14:26Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-1-24T02:14:26.00Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ms;
        if (time_parse_iso(str_of(texts[i]), &ms))
            fail_msg("%s was accepted", texts[i]);
    }
}

static void http_dates(void **state)
{
    (void)state;
    char out[TIME_HTTP_BYTES + 1];
    int64_t ms;
    time_http(784111777000, out); /* the example of RFC 9110 */
    assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(time_parse_http(str_of(out), &ms));
    assert_int_equal(ms, 784111777000);
    time_http(-1, out);
    assert_string_equal(out, "Wed, 31 Dec 1969 23:59:59 GMT");
    static const char *const bad[] = { "Mon, 06 Nov 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:37 UTC",
                                       "Sun, 31 Nov 1994 08:49:37 GMT",
                                       "Sun, 06 nov 1994 08:49:37 GMT",
                                       "Sun, 6 Nov 1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994",
                                       "Sun, 06 Nov 1994 08:49:60 GMT",
                                       "" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(time_parse_http(str_of(bad[i]), &ms));
}

/* Walks every day of 0000-9999 with a calendar of its own. */
static void every_day(void **state)
{
    (void)state;
    struct date d = { 0, 1, 1 };
    int64_t days = date_days(d);
    assert_int_equal(days, -719528);
    while (d.year < 10000) {
        struct date same = date_from_days(days);
        if (date_days(d) != days || same.year != d.year || same.month != d.month ||
            same.day != d.day || !date_valid(d))
            fail_msg("%d-%d-%d is not day %lld", d.year, d.month, d.day, (long long)days);
        days++;
        d.day++;
        if (!date_valid(d)) {
            d.day = 1;
            d.month++;
        }
        if (d.month > 12) {
            d.month = 1;
            d.year++;
        }
    }
    assert_int_equal(days, 2932897);
    assert_int_equal(date_days((struct date){ 1970, 1, 1 }), 0);
    assert_int_equal(date_days((struct date){ 2000, 3, 1 }), 11017);
}

static void dates_parse(void **state)
{
    (void)state;
    struct date d;
    assert_true(date_parse(STR("2024-02-29"), &d));
    assert_true(d.year == 2024 && d.month == 2 && d.day == 29);
    static const char *const bad[] = { "2023-02-29", "1900-02-29", "2024-2-29",  "2024-02-30",
                                       "2024-00-01", "2024-01-00", "2024/01/01", "2024-01-01 ",
                                       "",           "-024-01-01" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(date_parse(str_of(bad[i]), &d));
}

static void zone_edges(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *iso;
        int offset_s;
    } cases[] = {
        { "Europe/Berlin", "2026-03-29T00:59:59.999Z", 3600 },
        { "Europe/Berlin", "2026-03-29T01:00:00Z", 7200 },
        { "Europe/Berlin", "2026-10-25T00:59:59.999Z", 7200 },
        { "Europe/Berlin", "2026-10-25T01:00:00Z", 3600 },
        { "Europe/Berlin", "1850-01-01T00:00:00Z", 3208 },
        { "Europe/Berlin", "1945-06-01T12:00:00Z", 10800 },
        { "Europe/Berlin", "2500-07-01T00:00:00Z", 7200 },
        { "Europe/Berlin", "2500-01-01T00:00:00Z", 3600 },
        { "Europe/Berlin", "9999-12-31T23:59:59Z", 3600 },
        { "Asia/Dubai", "2026-07-01T00:00:00Z", 14400 },
        { "Asia/Dubai", "2300-01-01T00:00:00Z", 14400 },
        { "Asia/Dubai", "1919-12-31T00:00:00Z", 13272 },
        { "America/New_York", "2026-03-08T06:59:59Z", -18000 },
        { "America/New_York", "2026-03-08T07:00:00Z", -14400 },
        { "America/New_York", "2026-11-01T05:59:59Z", -14400 },
        { "America/New_York", "2026-11-01T06:00:00Z", -18000 },
        { "America/New_York", "2100-03-14T06:59:59Z", -18000 },
        { "America/New_York", "2100-03-14T07:00:00Z", -14400 },
        { "America/New_York", "2100-11-07T05:59:59Z", -14400 },
        { "America/New_York", "2100-11-07T06:00:00Z", -18000 },
        { "Pacific/Apia", "2011-12-30T09:59:59Z", -36000 },
        { "Pacific/Apia", "2011-12-30T10:00:00Z", 50400 },
        { "Pacific/Apia", "2026-01-01T00:00:00Z", 46800 },
        { "Australia/Lord_Howe", "2100-01-01T00:00:00Z", 39600 },
        { "Australia/Lord_Howe", "2100-07-01T00:00:00Z", 37800 },
        { "Australia/Sydney", "2099-12-31T23:30:00Z", 39600 },
        { "Europe/Dublin", "2100-01-01T00:00:00Z", 0 },
        { "Europe/Dublin", "2100-07-01T00:00:00Z", 3600 },
        { "America/Nuuk", "2100-03-28T00:59:59Z", -7200 },
        { "America/Nuuk", "2100-03-28T01:00:00Z", -3600 },
        { "Asia/Kolkata", "2026-01-01T00:00:00Z", 19800 },
        { "Africa/Monrovia", "1950-01-01T00:00:00Z", -2670 },
        { "Etc/GMT+12", "2026-01-01T00:00:00Z", -43200 },
        { "UTC", "2026-01-01T00:00:00Z", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct zone *z = zone_find(str_of(cases[i].zone));
        assert_non_null(z);
        int offset_s = zone_offset_s(z, at(cases[i].iso));
        if (offset_s != cases[i].offset_s)
            fail_msg("%s at %s: %d, not %d", cases[i].zone, cases[i].iso, offset_s,
                     cases[i].offset_s);
    }
}

/* The Gregorian calendar repeats after 400 years, and so do the rules of a footer. */
static void footers_repeat(void **state)
{
    (void)state;
    const struct zone *z = zone_find(STR("Europe/Berlin"));
    for (int64_t hour = 0; hour < 400 * 24; hour++) {
        int64_t ms = at("2026-01-01T00:00:00Z") + hour * 3600000;
        assert_int_equal(zone_offset_s(z, ms), zone_offset_s(z, ms + 146097 * INT64_C(86400000)));
    }
}

static void zone_days(void **state)
{
    (void)state;
    struct date d = zone_date(zone_find(STR("Pacific/Apia")), at("2011-12-30T09:59:59Z"));
    assert_true(d.month == 12 && d.day == 29);
    d = zone_date(zone_find(STR("Pacific/Apia")), at("2011-12-30T10:00:00Z"));
    assert_true(d.month == 12 && d.day == 31); /* the 30th was left out */
    d = zone_date(zone_find(STR("America/New_York")), at("1970-01-01T04:59:59.999Z"));
    assert_true(d.year == 1969 && d.month == 12 && d.day == 31);
}

static void zone_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "Europe",
        "Europe/Nowhere",
        "../etc/passwd",
        "/etc/passwd",
        "Europe//Berlin",
        "Europe/Berlin/",
        "/Europe/Berlin",
        "Europe/./Berlin",
        "Europe/../Europe/Berlin",
        "europe/berlin",
        "Europe/Berlin\n",
        "zone.tab",
        "right/Europe/Berlin",
        "localtime",
        "tzdata.zi",
        "leapseconds",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (zone_find(str_of(bad[i])))
            fail_msg("%s was found", bad[i]);
    }
    assert_null(zone_find((struct str){ "UTC\0x", 5 }));
    assert_null(zone_find(STR_NULL));
    assert_ptr_equal(zone_find(STR("Asia/Dubai")), zone_find(STR("Asia/Dubai")));
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t us = clock_monotonic_us();
    assert_true(clock_monotonic_us() >= us);
    assert_true(clock_monotonic_ms() >= us / 1000);
    assert_true(clock_wall_ms() > at("2024-01-01T00:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iso_round_trip), cmocka_unit_test(iso_refusals),
        cmocka_unit_test(http_dates),     cmocka_unit_test(every_day),
        cmocka_unit_test(dates_parse),    cmocka_unit_test(zone_edges),
        cmocka_unit_test(footers_repeat), cmocka_unit_test(zone_days),
        cmocka_unit_test(zone_names),     cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
