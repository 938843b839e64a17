/* Time: milliseconds since 1970-01-01T00:00:00Z in int64_t, everywhere.
 *
 * `now` comes from `struct cx`, so that tests set it. Zones are read from the system's zoneinfo
 * (TZif, RFC 8536) without touching TZ. Plain dates are "YYYY-MM-DD" and never become instants. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"
#include "base/str.h"

int64_t clock_wall_ms(void);      /* real time; may jump */
int64_t clock_monotonic_ms(void); /* for time-outs and leases within a process */
int64_t clock_monotonic_us(void); /* for durations */

#define TIME_ISO_BYTES 24 /* "2026-11-24T02:14:26.000Z" without NUL; years 0000-9999 */
void time_iso(int64_t ms, char out[TIME_ISO_BYTES + 1]);
/* ISO 8601 / RFC 3339 with zone, fraction of 0-9 digits (cut to ms). */
bool time_parse_iso(struct str s, int64_t *ret_ms);
/* RFC 9110 IMF-fixdate: "Tue, 24 Nov 2026 02:14:26 GMT" */
#define TIME_HTTP_BYTES 29
void time_http(int64_t ms, char out[TIME_HTTP_BYTES + 1]);
bool time_parse_http(struct str s, int64_t *ret_ms);

struct date {
    int year, month, day; /* 1-12, 1-31 */
};
bool date_valid(struct date d);
bool date_parse(struct str s, struct date *ret); /* YYYY-MM-DD */
int64_t date_days(struct date d);                /* days since 1970-01-01, proleptic Gregorian */
struct date date_from_days(int64_t days);

/* IANA zone, cached for the life of the process. NULL: there is no such zone (or its name is
 * not [A-Za-z0-9_+/-], or leaves the zoneinfo folder). */
struct zone;
const struct zone *zone_find(struct str name);
/* Offset from UTC in seconds at that instant; rules beyond the table by its footer (POSIX TZ). */
int32_t zone_offset_s(const struct zone *z, int64_t ms);
struct date zone_date(const struct zone *z, int64_t ms); /* the calendar day there */

#endif
