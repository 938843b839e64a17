/* Goals: one byte sequence per JSON value (RFC 8785), for hashes and signatures.
 * Non-goals: speed beyond what audit rows need; big numbers (RFC 8785 rounds them to doubles).
 *
 * Invariants: numbers follow ECMA-262 Number::toString: the fewest digits that read back as the
 * same double and, of those, the nearest. The digits come from printf, whose rounding is exact. */
#include "base/json.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct digits {
    char text[20];
    int count;
    int point; /* the value is 0.text * 10^point */
};

/* Takes "d.ddde±xx" apart, without zeros at the end. */
static struct digits digits_split(const char *text)
{
    struct digits d = { .count = 0 };
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p != '.')
            d.text[d.count++] = *p;
    }
    d.point = (int)strtol(p + 1, NULL, 10) + 1;
    while (d.count > 1 && d.text[d.count - 1] == '0')
        d.count--;
    return d;
}

static bool digits_try(double v, int count, struct digits *ret)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", count - 1, v);
    if (strtod(text, NULL) != v)
        return false;
    *ret = digits_split(text);
    return true;
}

/* Below a power of two doubles are twice as dense as above it: there the nearest decimal can lie
 * below and miss, while its neighbour above still reads back. */
static bool digits_try_above(double v, int count, struct digits *ret)
{
    char text[40];
    int exponent;
    if (frexp(v, &exponent) != 0.5)
        return false;
    snprintf(text, sizeof text, "%.*e", count - 1, v);
    char *at = strchr(text, 'e') - 1;
    while (at >= text && (*at == '9' || *at == '.')) {
        if (*at == '9')
            *at = '0';
        at--;
    }
    if (at < text)
        return false; /* 9.99…: one digit fewer was tried before */
    ++*at;
    if (strtod(text, NULL) != v)
        return false;
    *ret = digits_split(text);
    return true;
}

static struct digits digits_shortest(double v)
{
    struct digits d;
    /* Any decimal of 15 digits survives a normal double, so fewer need not be tried one by one. */
    int count = v >= DBL_MIN ? DBL_DIG : 1;
    while (!digits_try(v, count, &d) && !digits_try_above(v, count, &d)) {
        count++;
        assert(count <= DBL_DECIMAL_DIG);
    }
    return d;
}

static size_t text_put(char *out, size_t at, const char *from, int count)
{
    memcpy(out + at, from, (size_t)count);
    return at + (size_t)count;
}

static size_t zeros_put(char *out, size_t at, int count)
{
    memset(out + at, '0', (size_t)count);
    return at + (size_t)count;
}

size_t json_number_text(double v, char out[32])
{
    assert(isfinite(v));
    if (v == 0) {
        out[0] = '0';
        return 1;
    }
    size_t at = 0;
    if (v < 0) {
        out[at++] = '-';
        v = -v;
    }
    struct digits d = digits_shortest(v);
    if (d.point > 21 || d.point <= -6) {
        out[at++] = d.text[0];
        if (d.count > 1) {
            out[at++] = '.';
            at = text_put(out, at, d.text + 1, d.count - 1);
        }
        return at + (size_t)snprintf(out + at, 32 - at, "e%+d", d.point - 1);
    }
    if (d.point <= 0) {
        at = text_put(out, at, "0.", 2);
        at = zeros_put(out, at, -d.point);
        return text_put(out, at, d.text, d.count);
    }
    if (d.count <= d.point) {
        at = text_put(out, at, d.text, d.count);
        return zeros_put(out, at, d.point - d.count);
    }
    at = text_put(out, at, d.text, d.point);
    out[at++] = '.';
    return text_put(out, at, d.text + d.point, d.count - d.point);
}

/* UTF-8 sorts like UTF-16 but for one thing: in UTF-16, what lies beyond U+FFFF (lead bytes f0-f4)
 * stands before U+E000-U+FFFF (lead bytes ee, ef). */
static int byte_rank(unsigned char c)
{
    return c == 0xee || c == 0xef ? c + 7 : c;
}

static int member_order(const void *a, const void *b)
{
    struct str x = (*(const struct json_member *const *)a)->key;
    struct str y = (*(const struct json_member *const *)b)->key;
    size_t len = x.len < y.len ? x.len : y.len;
    for (size_t i = 0; i < len; i++) {
        if (x.ptr[i] != y.ptr[i])
            return byte_rank((unsigned char)x.ptr[i]) - byte_rank((unsigned char)y.ptr[i]);
    }
    return x.len < y.len ? -1 : x.len > y.len;
}

static enum err value_put(struct arena *scratch, struct json_writer *w, const struct json *j);

static enum err object_put(struct arena *scratch, struct json_writer *w, const struct json *j)
{
    const struct json_member **sorted = arena_array(scratch, j->count, sizeof *sorted);
    for (uint32_t i = 0; i < j->count; i++)
        sorted[i] = &j->members[i];
    if (j->count)
        qsort(sorted, j->count, sizeof *sorted, member_order);
    jw_object(w);
    for (uint32_t i = 0; i < j->count; i++) {
        jw_key(w, sorted[i]->key);
        TRY(value_put(scratch, w, &sorted[i]->value));
    }
    jw_object_end(w);
    return OK;
}

static enum err value_put(struct arena *scratch, struct json_writer *w, const struct json *j)
{
    double number;
    switch (j->type) {
    case JSON_OBJECT:
        return object_put(scratch, w, j);
    case JSON_ARRAY:
        jw_array(w);
        for (uint32_t i = 0; i < j->count; i++)
            TRY(value_put(scratch, w, &j->items[i]));
        jw_array_end(w);
        return OK;
    case JSON_NUMBER:
        if (!json_to_double(j, &number))
            return ERR_VALIDATION;
        jw_double(w, number);
        return OK;
    default:
        jw_value(w, j);
        return OK;
    }
}

enum err json_canonical(struct arena *scratch, const struct json *j, struct buf *out)
{
    struct arena_mark mark = arena_mark(scratch);
    struct json_writer w;
    jw_init(&w, out);
    enum err e = value_put(scratch, &w, j);
    if (out->arena != scratch) /* else the output may lie above the mark */
        arena_reset(scratch, mark);
    return e;
}
