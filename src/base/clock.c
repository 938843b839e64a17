/* Goals: text forms of instants and dates by plain arithmetic, without libc's time zone state.
 * Non-goals: zones (zone.c), leap seconds (POSIX time has none; ":60" is refused), durations.
 *
 * Invariants: years 0000-9999, proleptic Gregorian. What a parser accepts can be written again.
 * Sources: RFC 3339 section 5.6, RFC 9110 section 5.6.7; days by H. Hinnant's civil algorithms. */
#include "base/clock.h"

#include <time.h>

#define DAY_MS ((int64_t)86400000)
#define YEAR_0_MS ((int64_t)-62167219200000)    /* 0000-01-01T00:00:00Z */
#define YEAR_9999_MS ((int64_t)253402300799999) /* its last millisecond */

static int64_t clock_read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

static bool year_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool date_valid(struct date d)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (d.year < 0 || d.year > 9999 || d.month < 1 || d.month > 12)
        return false;
    return d.day >= 1 && d.day <= days[d.month - 1] + (d.month == 2 && year_leap(d.year));
}

/* Years begin in March, so that the leap day is the last of its year. */
int64_t date_days(struct date d)
{
    int64_t year = d.year - (d.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

struct date date_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    return (struct date){
        .year = (int)(year_of_era + era * 400 + (month >= 10)),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
    };
}

/* `count` digits at `at`, or -1. */
static int digits_read(struct str s, size_t at, size_t count)
{
    if (at + count > s.len)
        return -1;
    int v = 0;
    for (size_t i = at; i < at + count; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -1;
        v = v * 10 + (s.ptr[i] - '0');
    }
    return v;
}

static void digits_write(char *out, size_t count, int64_t v)
{
    while (count) {
        out[--count] = (char)('0' + v % 10);
        v /= 10;
    }
}

bool date_parse(struct str s, struct date *ret)
{
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-')
        return false;
    struct date d = { digits_read(s, 0, 4), digits_read(s, 5, 2), digits_read(s, 8, 2) };
    if (!date_valid(d))
        return false;
    *ret = d;
    return true;
}

static int64_t ms_clamp(int64_t ms)
{
    return ms < YEAR_0_MS ? YEAR_0_MS : ms > YEAR_9999_MS ? YEAR_9999_MS : ms;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* "HH:MM:SS" */
static void time_of_day_write(char *out, int64_t second)
{
    digits_write(out, 2, second / 3600);
    out[2] = ':';
    digits_write(out + 3, 2, second / 60 % 60);
    out[5] = ':';
    digits_write(out + 6, 2, second % 60);
}

/* Seconds of the day of "HH:MM:SS" at `at`, or -1. */
static int time_of_day_read(struct str s, size_t at)
{
    int hour = digits_read(s, at, 2), minute = digits_read(s, at + 3, 2);
    int second = digits_read(s, at + 6, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    if (s.ptr[at + 2] != ':' || s.ptr[at + 5] != ':')
        return -1;
    return hour * 3600 + minute * 60 + second;
}

void time_iso(int64_t ms, char out[TIME_ISO_BYTES + 1])
{
    ms = ms_clamp(ms);
    int64_t days = floor_div(ms, DAY_MS);
    int64_t rest = ms - days * DAY_MS;
    struct date d = date_from_days(days);
    digits_write(out, 4, d.year);
    out[4] = '-';
    digits_write(out + 5, 2, d.month);
    out[7] = '-';
    digits_write(out + 8, 2, d.day);
    out[10] = 'T';
    time_of_day_write(out + 11, rest / 1000);
    out[19] = '.';
    digits_write(out + 20, 3, rest % 1000);
    out[23] = 'Z';
    out[24] = '\0';
}

/* Milliseconds of ".digits" at *at, which is moved on; 0 when there is no fraction, -1: malformed.
 */
static int fraction_read(struct str s, size_t *at)
{
    if (*at >= s.len || s.ptr[*at] != '.')
        return 0;
    size_t from = ++*at;
    int ms = 0;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        if (*at - from < 3)
            ms = ms * 10 + (s.ptr[*at] - '0');
        ++*at;
    }
    size_t count = *at - from;
    if (count < 1 || count > 9)
        return -1;
    for (; count < 3; count++)
        ms *= 10;
    return ms;
}

/* "Z" or "±HH:MM" to the end. */
static bool offset_read(struct str s, size_t at, int *ret_offset_s)
{
    if (at + 1 == s.len && (s.ptr[at] == 'Z' || s.ptr[at] == 'z')) {
        *ret_offset_s = 0;
        return true;
    }
    if (at + 6 != s.len || (s.ptr[at] != '+' && s.ptr[at] != '-') || s.ptr[at + 3] != ':')
        return false;
    int hour = digits_read(s, at + 1, 2), minute = digits_read(s, at + 4, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    int offset_s = hour * 3600 + minute * 60;
    *ret_offset_s = s.ptr[at] == '-' ? -offset_s : offset_s;
    return true;
}

bool time_parse_iso(struct str s, int64_t *ret_ms)
{
    struct date d;
    if (s.len < 20 || !date_parse(str_sub(s, 0, 10), &d) || (s.ptr[10] != 'T' && s.ptr[10] != 't'))
        return false;
    int second = time_of_day_read(s, 11);
    if (second < 0)
        return false;
    size_t at = 19;
    int fraction_ms = fraction_read(s, &at), offset_s = 0;
    if (fraction_ms < 0 || !offset_read(s, at, &offset_s))
        return false;
    int64_t ms = date_days(d) * DAY_MS + ((int64_t)second - offset_s) * 1000 + fraction_ms;
    if (ms != ms_clamp(ms))
        return false;
    *ret_ms = ms;
    return true;
}

static const char week_days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static const char *week_day(int64_t days)
{
    return week_days[(days % 7 + 7) % 7]; /* 1970-01-01 was a Thursday */
}

void time_http(int64_t ms, char out[TIME_HTTP_BYTES + 1])
{
    ms = ms_clamp(ms);
    int64_t days = floor_div(ms, DAY_MS);
    struct date d = date_from_days(days);
    memcpy(out, week_day(days), 3);
    memcpy(out + 3, ", ", 2);
    digits_write(out + 5, 2, d.day);
    out[7] = ' ';
    memcpy(out + 8, months[d.month - 1], 3);
    out[11] = ' ';
    digits_write(out + 12, 4, d.year);
    out[16] = ' ';
    time_of_day_write(out + 17, (ms - days * DAY_MS) / 1000);
    memcpy(out + 25, " GMT", 5);
}

bool time_parse_http(struct str s, int64_t *ret_ms)
{
    if (s.len != TIME_HTTP_BYTES || memcmp(s.ptr + 3, ", ", 2) != 0 || s.ptr[7] != ' ' ||
        s.ptr[11] != ' ' || s.ptr[16] != ' ' || memcmp(s.ptr + 25, " GMT", 4) != 0)
        return false;
    struct date d = { .year = digits_read(s, 12, 4), .day = digits_read(s, 5, 2) };
    for (int i = 0; i < 12; i++) {
        if (memcmp(s.ptr + 8, months[i], 3) == 0)
            d.month = i + 1;
    }
    int second = time_of_day_read(s, 17);
    if (!date_valid(d) || second < 0 || memcmp(week_day(date_days(d)), s.ptr, 3) != 0)
        return false;
    *ret_ms = date_days(d) * DAY_MS + (int64_t)second * 1000;
    return true;
}
