/* Goals: the offset of any zone at any instant, also beyond the table of its file, from many
 * threads without a lock on the way of a hit.
 *
 * Non-goals: abbreviations, leap seconds (zones under right/ are refused), local time to instants.
 *
 * Invariants: a zone never changes once it is in the cache and is never freed. Only zones that
 * exist are cached, and a name has one spelling, so the cache is bounded by the folder. Every count
 * and index of a file is checked before it is used. Sources: RFC 8536 (TZif versions 1-3),
 * POSIX.1-2017 section 8.3 (TZ) with its extended hours. */
#include "base/clock.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ZONEINFO "/usr/share/zoneinfo"
#define ZONE_NAME_BYTES_MAX 64u
#define ZONE_FILE_BYTES_MAX ((size_t)256 * 1024)
#define ZONE_BUCKETS 128u
#define DAY_S ((int64_t)86400)

enum rule_kind { RULE_NONE = 0, RULE_JULIAN, RULE_DAY, RULE_MONTH };

/* A day of the year and a time on it, when the clocks change. */
struct rule {
    enum rule_kind kind;
    int month, week, day;
    int32_t time_s;
};

/* The footer: standard time, and daylight saving time when start.kind is not RULE_NONE. */
struct footer {
    bool given;
    int32_t std_offset_s, dst_offset_s;
    struct rule start, end;
};

struct zone {
    struct zone *next;
    char name[ZONE_NAME_BYTES_MAX + 1];
    uint32_t count;
    int64_t *at_s;          /* ascending; from this instant on … */
    int32_t *offset_s;      /* … this offset holds */
    int32_t first_offset_s; /* before the first one */
    struct footer footer;
};

/* Cache: buckets are lists that only grow at the front. */
static _Atomic(struct zone *) zone_buckets[ZONE_BUCKETS];
static pthread_mutex_t zone_mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- the file ---- */

struct tzif_header {
    unsigned version;
    uint32_t isutc, isstd, leap, time, type, chars;
};

static uint64_t big_endian(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

#define TZIF_HEADER_BYTES 44u

static bool header_read(struct str s, struct tzif_header *ret)
{
    if (s.len < TZIF_HEADER_BYTES || memcmp(s.ptr, "TZif", 4) != 0)
        return false;
    uint32_t counts[6];
    for (int i = 0; i < 6; i++) {
        counts[i] = (uint32_t)big_endian(s.ptr + 20 + i * 4, 4);
        if (counts[i] > ZONE_FILE_BYTES_MAX)
            return false;
    }
    *ret = (struct tzif_header){
        .version = (unsigned char)s.ptr[4],
        .isutc = counts[0],
        .isstd = counts[1],
        .leap = counts[2],
        .time = counts[3],
        .type = counts[4],
        .chars = counts[5],
    };
    return ret->type >= 1 && ret->type <= 256;
}

static size_t body_bytes(const struct tzif_header *h, size_t time_bytes)
{
    return (size_t)h->time * (time_bytes + 1) + (size_t)h->type * 6 + h->chars +
           (size_t)h->leap * (time_bytes + 4) + h->isstd + h->isutc;
}

static bool type_offset(const char *types, uint32_t type, int32_t *ret)
{
    int32_t offset = (int32_t)(uint32_t)big_endian(types + (size_t)type * 6, 4);
    if (offset < -DAY_S * 2 || offset > DAY_S * 2)
        return false;
    *ret = offset;
    return true;
}

static bool body_read(struct zone *z, const struct tzif_header *h, const char *p, int time_bytes)
{
    const char *indexes = p + (size_t)h->time * (size_t)time_bytes;
    const char *types = indexes + h->time;
    if (h->leap || !type_offset(types, 0, &z->first_offset_s))
        return false;
    z->count = h->time;
    z->at_s = calloc((size_t)h->time + 1, sizeof *z->at_s);
    z->offset_s = calloc((size_t)h->time + 1, sizeof *z->offset_s);
    if (!z->at_s || !z->offset_s)
        abort();
    for (uint32_t i = 0; i < h->time; i++) {
        uint64_t raw = big_endian(p + (size_t)i * (size_t)time_bytes, time_bytes);
        z->at_s[i] = time_bytes == 4 ? (int32_t)(uint32_t)raw : (int64_t)raw;
        uint32_t type = (unsigned char)indexes[i];
        if (type >= h->type || !type_offset(types, type, &z->offset_s[i]))
            return false;
        if (i && z->at_s[i] <= z->at_s[i - 1])
            return false;
    }
    return true;
}

/* ---- the footer ---- */

static bool take(struct str *s, char c)
{
    if (!s->len || *s->ptr != c)
        return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

/* A whole number of at most three digits. */
static bool take_number(struct str *s, int min, int max, int *ret)
{
    size_t len = 0;
    int v = 0;
    while (len < s->len && s->ptr[len] >= '0' && s->ptr[len] <= '9') {
        if (len == 3)
            return false;
        v = v * 10 + (s->ptr[len++] - '0');
    }
    if (!len || v < min || v > max)
        return false;
    *s = str_sub(*s, len, s->len);
    *ret = v;
    return true;
}

/* "CET" or "<+03>" */
static bool take_name(struct str *s)
{
    size_t len = 0;
    if (take(s, '<')) {
        len = str_find_byte(*s, '>');
        if (len == SIZE_MAX || len < 1)
            return false;
        *s = str_sub(*s, len + 1, s->len);
        return true;
    }
    while (len < s->len && ((s->ptr[len] | 32) >= 'a' && (s->ptr[len] | 32) <= 'z'))
        len++;
    *s = str_sub(*s, len, s->len);
    return len >= 3;
}

/* [+-]h[:m[:s]] in seconds */
static bool take_time(struct str *s, int hour_max, int32_t *ret)
{
    int hour, minute = 0, second = 0;
    bool negative = take(s, '-');
    if (!negative)
        take(s, '+');
    if (!take_number(s, 0, hour_max, &hour))
        return false;
    if (take(s, ':') && !take_number(s, 0, 59, &minute))
        return false;
    if (take(s, ':') && !take_number(s, 0, 59, &second))
        return false;
    int32_t v = hour * 3600 + minute * 60 + second;
    *ret = negative ? -v : v;
    return true;
}

/* ",Mm.w.d", ",Jn" or ",n", each with "/time" behind */
static bool take_rule(struct str *s, struct rule *ret)
{
    struct rule r = { .time_s = 7200 };
    if (!take(s, ','))
        return false;
    if (take(s, 'M')) {
        r.kind = RULE_MONTH;
        if (!take_number(s, 1, 12, &r.month) || !take(s, '.') || !take_number(s, 1, 5, &r.week) ||
            !take(s, '.') || !take_number(s, 0, 6, &r.day))
            return false;
    } else {
        r.kind = take(s, 'J') ? RULE_JULIAN : RULE_DAY;
        bool julian = r.kind == RULE_JULIAN;
        if (!take_number(s, julian ? 1 : 0, 365, &r.day))
            return false;
    }
    if (take(s, '/') && !take_time(s, 167, &r.time_s))
        return false;
    *ret = r;
    return true;
}

static bool footer_read(struct str s, struct footer *ret)
{
    struct footer f = { .given = true };
    int32_t west_s;
    if (!take_name(&s) || !take_time(&s, 24, &west_s))
        return false;
    f.std_offset_s = -west_s;
    if (s.len) {
        if (!take_name(&s))
            return false;
        f.dst_offset_s = f.std_offset_s + 3600;
        if (s.len && *s.ptr != ',') {
            if (!take_time(&s, 24, &west_s))
                return false;
            f.dst_offset_s = -west_s;
        }
        if (!take_rule(&s, &f.start) || !take_rule(&s, &f.end) || s.len)
            return false;
    }
    *ret = f;
    return true;
}

/* Seconds from the epoch to the rule's moment in that year, on a clock that shows `offset_s`. */
static int64_t rule_instant_s(const struct rule *r, int year, int32_t offset_s)
{
    int64_t first = date_days((struct date){ year, 1, 1 });
    int64_t days;
    if (r->kind == RULE_MONTH) {
        int64_t month = date_days((struct date){ year, r->month, 1 });
        int64_t month_end = r->month == 12 ? date_days((struct date){ year + 1, 1, 1 })
                                           : date_days((struct date){ year, r->month + 1, 1 });
        int64_t week_day = ((month + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        days = month + (r->day - week_day + 7) % 7 + (r->week - 1) * 7;
        while (days >= month_end)
            days -= 7;
    } else if (r->kind == RULE_JULIAN) {
        /* 1-365 without the leap day: 60 is always the first of March. */
        bool leap = date_valid((struct date){ (year % 400 + 400) % 400, 2, 29 });
        days = first + r->day - 1 + (leap && r->day >= 60);
    } else {
        days = first + r->day;
    }
    return days * DAY_S + r->time_s - offset_s;
}

static int32_t footer_offset_s(const struct footer *f, int64_t t)
{
    if (f->start.kind == RULE_NONE)
        return f->std_offset_s;
    int64_t local = t + f->std_offset_s;
    int year = date_from_days(local / DAY_S - (local % DAY_S < 0)).year;
    int64_t start = rule_instant_s(&f->start, year, f->std_offset_s);
    int64_t end = rule_instant_s(&f->end, year, f->dst_offset_s);
    bool dst = start < end ? t >= start && t < end : !(t >= end && t < start);
    return dst ? f->dst_offset_s : f->std_offset_s;
}

/* ---- zones ---- */

static bool zone_read(struct zone *z, struct str file)
{
    struct tzif_header h;
    if (!header_read(file, &h))
        return false;
    int time_bytes = 4;
    if (h.version >= '2') { /* a second block follows, with 64-bit times */
        file = str_sub(file, TZIF_HEADER_BYTES + body_bytes(&h, 4), file.len);
        time_bytes = 8;
        if (!header_read(file, &h))
            return false;
    }
    size_t bytes = body_bytes(&h, (size_t)time_bytes);
    if (file.len - TZIF_HEADER_BYTES < bytes)
        return false;
    if (!body_read(z, &h, file.ptr + TZIF_HEADER_BYTES, time_bytes))
        return false;
    if (time_bytes == 4)
        return true;
    struct str rest = str_sub(file, TZIF_HEADER_BYTES + bytes, file.len);
    if (!take(&rest, '\n'))
        return false;
    size_t len = str_find_byte(rest, '\n');
    if (len == SIZE_MAX)
        return false;
    return len == 0 || footer_read(str_sub(rest, 0, len), &z->footer);
}

/* The file's contents in memory of their own, or absent. Links may not lead out of the folder. */
static struct str file_read(const char *name)
{
    char path[sizeof ZONEINFO + ZONE_NAME_BYTES_MAX + 2], real[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", ZONEINFO, name);
    if (!realpath(path, real) || strncmp(real, ZONEINFO "/", sizeof ZONEINFO) != 0)
        return STR_NULL;
    FILE *f = fopen(real, "rbe");
    if (!f)
        return STR_NULL;
    char *bytes = malloc(ZONE_FILE_BYTES_MAX);
    if (!bytes)
        abort();
    size_t len = fread(bytes, 1, ZONE_FILE_BYTES_MAX, f);
    bool whole = !ferror(f) && feof(f);
    fclose(f);
    if (whole)
        return (struct str){ bytes, len };
    free(bytes);
    return STR_NULL;
}

static struct zone *zone_load(struct str name)
{
    struct zone *z = calloc(1, sizeof *z);
    if (!z)
        abort();
    memcpy(z->name, name.ptr, name.len);
    if (str_is(name, "UTC"))
        return z; /* also on a machine without zoneinfo */
    struct str file = file_read(z->name);
    bool good = str_given(file) && zone_read(z, file);
    free((void *)(uintptr_t)file.ptr);
    if (good)
        return z;
    free(z->at_s);
    free(z->offset_s);
    free(z);
    return NULL;
}

/* One spelling per zone: no empty segments, and no dots, so it cannot climb either. IANA's names
 * begin with a capital; right/, posix/, localtime and posixrules, which stand beside them, do not.
 */
static bool name_valid(struct str name)
{
    if (name.len < 1 || name.len > ZONE_NAME_BYTES_MAX || name.ptr[0] < 'A' || name.ptr[0] > 'Z' ||
        name.ptr[name.len - 1] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '/' && name.ptr[i + 1] == '/')
            return false;
        if (!((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' ||
              c == '+' || c == '-' || c == '/'))
            return false;
    }
    return true;
}

static const struct zone *bucket_find(unsigned bucket, struct str name)
{
    const struct zone *z = atomic_load_explicit(&zone_buckets[bucket], memory_order_acquire);
    while (z && !str_is(name, z->name))
        z = z->next;
    return z;
}

const struct zone *zone_find(struct str name)
{
    if (!name_valid(name))
        return NULL;
    unsigned bucket = 5381;
    for (size_t i = 0; i < name.len; i++)
        bucket = bucket * 33 + (unsigned char)name.ptr[i];
    bucket %= ZONE_BUCKETS;
    const struct zone *found = bucket_find(bucket, name);
    if (found)
        return found;
    pthread_mutex_lock(&zone_mutex);
    found = bucket_find(bucket, name);
    if (!found) {
        struct zone *z = zone_load(name);
        if (z) {
            z->next = atomic_load_explicit(&zone_buckets[bucket], memory_order_relaxed);
            atomic_store_explicit(&zone_buckets[bucket], z, memory_order_release);
        }
        found = z;
    }
    pthread_mutex_unlock(&zone_mutex);
    return found;
}

int32_t zone_offset_s(const struct zone *z, int64_t ms)
{
    int64_t t = ms / 1000 - (ms % 1000 < 0);
    if (z->footer.given && (z->count == 0 || t >= z->at_s[z->count - 1]))
        return footer_offset_s(&z->footer, t);
    if (z->count == 0 || t < z->at_s[0])
        return z->first_offset_s;
    uint32_t low = 0, high = z->count; /* at_s[low] <= t < at_s[high] */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (z->at_s[middle] <= t)
            low = middle;
        else
            high = middle;
    }
    return z->offset_s[low];
}

struct date zone_date(const struct zone *z, int64_t ms)
{
    int64_t t = ms / 1000 - (ms % 1000 < 0) + zone_offset_s(z, ms);
    return date_from_days(t / DAY_S - (t % DAY_S < 0));
}
