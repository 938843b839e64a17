/* Goal: write a struct as one JSON object by its field table, and say whether some JSON fits a
 * table. Invariant: what field_encode writes, field_answer_fits accepts. */
#include "op/field.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static void encode_nanousd(struct json_writer *w, int64_t v)
{
    char text[32];
    int64_t usd = v / 1000000000, nano = v % 1000000000;
    const char *sign = v < 0 ? "-" : "";
    int len = snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRId64, sign, usd < 0 ? -usd : usd,
                       nano < 0 ? -nano : nano);
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len--;
    jw_raw(w, (struct str){ text, (size_t)len });
}

static void encode_value(struct json_writer *w, const struct field *f, enum field_type type,
                         const void *v);

static void encode_array(struct json_writer *w, const struct field *f, const struct span *s)
{
    size_t size = f->elem_size              ? f->elem_size
                  : f->elem == FIELD_BOOL   ? sizeof(bool)
                  : f->elem == FIELD_DOUBLE ? sizeof(double)
                  : f->elem == FIELD_INT || f->elem == FIELD_TIME || f->elem == FIELD_NANOUSD
                      ? sizeof(int64_t)
                      : sizeof(struct str);
    const char *items = s->ptr;
    jw_array(w);
    for (size_t i = 0; i < s->count; i++) {
        if (f->fields)
            field_encode(w, f->fields, items + i * size);
        else
            encode_value(w, f, f->elem, items + i * size);
    }
    jw_array_end(w);
}

static void encode_value(struct json_writer *w, const struct field *f, enum field_type type,
                         const void *v)
{
    switch (type) {
    case FIELD_INT:
        jw_i64(w, *(const int64_t *)v);
        break;
    case FIELD_DOUBLE:
        jw_double(w, *(const double *)v);
        break;
    case FIELD_BOOL:
        jw_bool(w, *(const bool *)v);
        break;
    case FIELD_TIME:
        if (*(const int64_t *)v)
            jw_time(w, *(const int64_t *)v);
        else
            jw_null(w);
        break;
    case FIELD_NANOUSD:
        encode_nanousd(w, *(const int64_t *)v);
        break;
    case FIELD_JSON:
        if (str_given(*(const struct str *)v))
            jw_raw(w, *(const struct str *)v);
        else
            jw_null(w);
        break;
    case FIELD_OBJECT:
        field_encode(w, f->fields, v);
        break;
    case FIELD_ARRAY:
        encode_array(w, f, v);
        break;
    case FIELD_FILE:
        assert(!"files are not answers");
        break;
    default:
        jw_str(w, *(const struct str *)v);
    }
}

static bool is_text(enum field_type t)
{
    return t != FIELD_INT && t != FIELD_DOUBLE && t != FIELD_BOOL && t != FIELD_TIME &&
           t != FIELD_NANOUSD && t != FIELD_OBJECT && t != FIELD_ARRAY;
}

static enum field_seen answer_seen(const struct field *f, const void *base)
{
    if (f->seen)
        return (enum field_seen) * ((const uint8_t *)base + f->seen - 1);
    const void *v = (const char *)base + f->offset;
    bool absent = (is_text(f->type) && !str_given(*(const struct str *)v)) ||
                  (f->type == FIELD_TIME && *(const int64_t *)v == 0);
    return !absent ? FIELD_GIVEN : f->flags & FIELD_NULLABLE ? FIELD_NULL : FIELD_ABSENT;
}

void field_encode(struct json_writer *w, const struct field *table, const void *value)
{
    assert(table);
    jw_object(w);
    for (const struct field *f = table; f->name; f++) {
        enum field_seen seen = answer_seen(f, value);
        if (seen == FIELD_ABSENT)
            continue;
        jw_key(w, str_of(f->name));
        if (seen == FIELD_NULL)
            jw_null(w);
        else
            encode_value(w, f, f->type, (const char *)value + f->offset);
    }
    jw_object_end(w);
}

/* ---- reply validation ---- */

static bool value_fits(const struct field *f, enum field_type type, const struct json *j,
                       struct arena *a, struct str *ret_difference)
{
    enum json_type want = JSON_STRING;
    switch (type) {
    case FIELD_JSON:
        return true;
    case FIELD_INT:
    case FIELD_DOUBLE:
    case FIELD_NANOUSD:
        want = JSON_NUMBER;
        break;
    case FIELD_BOOL:
        want = JSON_BOOL;
        break;
    case FIELD_OBJECT:
        return field_answer_fits(f->fields, j, a, ret_difference);
    case FIELD_ARRAY:
        want = JSON_ARRAY;
        break;
    default:
        break;
    }
    if (j->type != want) {
        *ret_difference = str_fmt(a, "%s has the wrong type", f->name);
        return false;
    }
    if (type == FIELD_ENUM) {
        for (size_t i = 0; f->values[i]; i++)
            if (str_is(j->text, f->values[i]))
                return true;
        *ret_difference = str_fmt(a, "%s is not a declared value", f->name);
        return false;
    }
    for (uint32_t i = 0; type == FIELD_ARRAY && i < j->count; i++) {
        bool fits = f->fields ? field_answer_fits(f->fields, &j->items[i], a, ret_difference)
                              : value_fits(f, f->elem, &j->items[i], a, ret_difference);
        if (!fits)
            return false;
    }
    return true;
}

bool field_answer_fits(const struct field *table, const struct json *answer, struct arena *a,
                       struct str *ret_difference)
{
    assert(table);
    if (answer->type != JSON_OBJECT) {
        *ret_difference = STR("not an object");
        return false;
    }
    uint32_t known = 0;
    for (const struct field *f = table; f->name; f++) {
        const struct json *j = json_get(answer, f->name);
        if (!j) {
            if (!(f->flags & FIELD_REQUIRED))
                continue;
            *ret_difference = str_fmt(a, "%s is missing", f->name);
            return false;
        }
        known++;
        if (j->type == JSON_NULL && f->flags & FIELD_NULLABLE)
            continue;
        if (!value_fits(f, f->type, j, a, ret_difference))
            return false;
    }
    if (known != answer->count) {
        *ret_difference = STR("a member is not declared");
        return false;
    }
    return true;
}
