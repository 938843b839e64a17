/* Goals: fill a struct from body, path, query, headers, form and files by its field table, and
 * report every bad field at once, each with its bound. Non-goals: rights, existence of what ids
 * name, anything that needs the database. Invariants: nothing is written for a field that is
 * refused; text that is stored is valid UTF-8 without U+0000 (the JSON reader and the URL decoder
 * see to that, checked again here for headers); a value of a FIELD_SECRET never stands in an error.
 */
#include "op/field.h"

#include <assert.h>
#include <math.h>

#include "base/clock.h"
#include "base/cuid.h"

enum { STR_MAX_DEFAULT = 1000, TEXT_MAX_DEFAULT = 100000, ARRAY_MAX_DEFAULT = 1000 };
#define NANOUSD_PER_USD 1000000000LL

/* Where in the input we stand: for the names in errors. */
struct place {
    const struct place *up;
    struct str name;
    int64_t index; /* ≥ 0: element of an array */
};

static struct str place_name(struct cx *cx, const struct place *p)
{
    if (!p->up)
        return p->name;
    struct str up = place_name(cx, p->up);
    if (p->index >= 0)
        return str_fmt(cx->arena, "%.*s[%lld]", STR_ARG(up), (long long)p->index);
    return str_fmt(cx->arena, "%.*s.%.*s", STR_ARG(up), STR_ARG(p->name));
}

#define BAD(cx, place, ...) cx_field_error((cx), place_name((cx), (place)), __VA_ARGS__)

static void *member(void *base, const struct field *f)
{
    return (char *)base + f->offset;
}

static void mark_seen(const struct field *f, void *base, enum field_seen seen)
{
    if (f->seen)
        *((uint8_t *)base + f->seen - 1) = (uint8_t)seen;
}

static int64_t text_max(const struct field *f)
{
    if (f->max)
        return f->max;
    return f->type == FIELD_TEXT || f->type == FIELD_JSON ? TEXT_MAX_DEFAULT : STR_MAX_DEFAULT;
}

/* ---- text that has arrived, by type ---- */

static bool has_control(struct str s, bool lines_allowed)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == 0x7f || (c < 0x20 && !(lines_allowed && (c == '\n' || c == '\r' || c == '\t'))))
            return true;
    }
    return false;
}

static void take_str(struct cx *cx, const struct field *f, const struct place *at, struct str s,
                     struct str *ret)
{
    bool lines = f->type == FIELD_TEXT;
    int64_t max = text_max(f);
    /* Bytes first: counting characters of a huge text is work too. */
    if (s.len > (size_t)max * 4 || (int64_t)utf8_length(s) > max)
        BAD(cx, at, "is longer than %lld characters", (long long)max);
    else if (f->min > 0 && (int64_t)utf8_length(s) < f->min)
        BAD(cx, at, f->min == 1 ? "must not be empty" : "is shorter than %lld characters",
            (long long)f->min);
    else if (f->type != FIELD_SECRET && has_control(s, lines))
        BAD(cx, at, "has control characters");
    else
        *ret = s;
}

static bool email_valid(struct str s)
{
    size_t at = str_find_byte(s, '@');
    if (s.len > 254 || at == 0 || at >= s.len - 1 || s.len == 0 || has_control(s, false))
        return false;
    struct str domain = str_sub(s, at + 1, s.len);
    return str_find_byte(domain, '@') >= domain.len && str_find_byte(s, ' ') >= s.len;
}

static void take_enum(struct cx *cx, const struct field *f, const struct place *at, struct str s,
                      struct str *ret)
{
    struct buf all;
    buf_init(&all, cx->arena, 2000);
    for (size_t i = 0; f->values[i]; i++) {
        if (str_is(s, f->values[i])) {
            *ret = str_of(f->values[i]);
            return;
        }
        buf_put_cstr(&all, i ? ", " : "");
        buf_put_cstr(&all, f->values[i]);
    }
    BAD(cx, at, "must be one of %.*s", STR_ARG(buf_str(&all)));
}

static void take_int(struct cx *cx, const struct field *f, const struct place *at, int64_t v,
                     int64_t *ret)
{
    int64_t max = f->max || f->min ? f->max : INT64_MAX;
    if (v < f->min || v > max) {
        if (max == INT64_MAX)
            BAD(cx, at, "must be at least %lld", (long long)f->min);
        else
            BAD(cx, at, "must be %lld to %lld", (long long)f->min, (long long)max);
        return;
    }
    *ret = v;
}

/* Dollars with at most 9 places, from their decimal text, without going through a double. */
static bool nanousd_parse(struct str s, int64_t *ret)
{
    size_t dot = str_find_byte(s, '.');
    struct str whole = str_sub(s, 0, dot < s.len ? dot : s.len);
    struct str places = dot < s.len ? str_sub(s, dot + 1, s.len) : STR("");
    int64_t usd, nano = 0;
    if (!str_to_i64(whole, &usd) || usd < 0 || usd > 1000000000 || places.len > 9 ||
        (dot < s.len && places.len == 0))
        return false;
    for (size_t i = 0; i < 9; i++) {
        char c = i < places.len ? places.ptr[i] : '0';
        if (c < '0' || c > '9')
            return false;
        nano = nano * 10 + (c - '0');
    }
    *ret = usd * NANOUSD_PER_USD + nano;
    return true;
}

static void take_nanousd(struct cx *cx, const struct field *f, const struct place *at,
                         struct str text, int64_t *ret)
{
    int64_t v;
    if (!nanousd_parse(text, &v))
        BAD(cx, at, "must be an amount of dollars from 0 with at most 9 places");
    else
        take_int(cx, f, at, v, ret);
}

static void take_time(struct cx *cx, const struct place *at, struct str s, int64_t *ret)
{
    if (!time_parse_iso(s, ret))
        BAD(cx, at, "must be a time as 2026-11-24T02:14:26.000Z");
}

static void take_date(struct cx *cx, const struct place *at, struct str s, struct str *ret)
{
    struct date d;
    if (!date_parse(s, &d))
        BAD(cx, at, "must be a day as 2026-11-24");
    else
        *ret = s;
}

/* Text types, the same from JSON strings and from query, path, header and form texts. */
static bool take_text_type(struct cx *cx, const struct field *f, enum field_type type,
                           const struct place *at, struct str s, void *dst)
{
    struct field as = *f;
    as.type = type;
    switch (type) {
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
        take_str(cx, &as, at, s, dst);
        return true;
    case FIELD_ID:
        if (!client_id_valid(s))
            BAD(cx, at, "must be 1 to 64 of letters, digits and . _ : -");
        else
            *(struct str *)dst = s;
        return true;
    case FIELD_EMAIL:
        if (!email_valid(s))
            BAD(cx, at, "must be an e-mail address of at most 254 bytes");
        else
            *(struct str *)dst = s;
        return true;
    case FIELD_ENUM:
        take_enum(cx, f, at, s, dst);
        return true;
    case FIELD_TIME:
        take_time(cx, at, s, dst);
        return true;
    case FIELD_DATE:
        take_date(cx, at, s, dst);
        return true;
    default:
        return false;
    }
}

/* ---- from JSON ---- */

static void decode_object(struct cx *cx, const struct field *table, const struct json *j,
                          const struct place *at, void *base);
static void decode_value(struct cx *cx, const struct field *f, enum field_type type,
                         const struct json *j, const struct place *at, void *dst);

static size_t elem_bytes(const struct field *f)
{
    if (f->elem_size)
        return f->elem_size;
    switch (f->elem) {
    case FIELD_INT:
    case FIELD_TIME:
    case FIELD_NANOUSD:
        return sizeof(int64_t);
    case FIELD_DOUBLE:
        return sizeof(double);
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_JSON:
        return sizeof(struct json);
    default:
        return sizeof(struct str);
    }
}

static void decode_array(struct cx *cx, const struct field *f, const struct json *j,
                         const struct place *at, struct span *dst)
{
    int64_t max = f->max ? f->max : ARRAY_MAX_DEFAULT;
    if (j->type != JSON_ARRAY) {
        BAD(cx, at, "must be an array");
        return;
    }
    if ((int64_t)j->count > max || (int64_t)j->count < f->min) {
        BAD(cx, at, "must have %lld to %lld elements", (long long)f->min, (long long)max);
        return;
    }
    size_t size = elem_bytes(f);
    char *items = arena_array(cx->arena, j->count, size);
    /* The bounds of the field are the array's; elements have their type's own. */
    struct field elem = { .name = f->name, .type = f->elem, .values = f->values };
    for (uint32_t i = 0; i < j->count; i++) {
        struct place here = { .up = at, .index = i };
        if (f->fields)
            decode_object(cx, f->fields, &j->items[i], &here, items + i * size);
        else
            decode_value(cx, &elem, f->elem, &j->items[i], &here, items + i * size);
    }
    *dst = (struct span){ items, j->count };
}

static void decode_json_text(struct cx *cx, const struct field *f, enum field_type type,
                             const struct json *j, const struct place *at, void *dst)
{
    if (j->type != JSON_STRING)
        BAD(cx, at, "must be text");
    else
        take_text_type(cx, f, type, at, j->text, dst);
}

static void decode_json_number(struct cx *cx, const struct field *f, enum field_type type,
                               const struct json *j, const struct place *at, void *dst)
{
    int64_t v;
    if (j->type != JSON_NUMBER)
        BAD(cx, at, "must be a number");
    else if (type == FIELD_NANOUSD)
        take_nanousd(cx, f, at, j->text, dst);
    else if (type == FIELD_DOUBLE) {
        if (!json_to_double(j, dst))
            BAD(cx, at, "is out of range");
    } else if (!json_to_i64(j, &v))
        BAD(cx, at, "must be a whole number");
    else
        take_int(cx, f, at, v, dst);
}

static void decode_value(struct cx *cx, const struct field *f, enum field_type type,
                         const struct json *j, const struct place *at, void *dst)
{
    switch (type) {
    case FIELD_INT:
    case FIELD_DOUBLE:
    case FIELD_NANOUSD:
        decode_json_number(cx, f, type, j, at, dst);
        break;
    case FIELD_BOOL:
        if (j->type != JSON_BOOL)
            BAD(cx, at, "must be true or false");
        else
            *(bool *)dst = j->boolean;
        break;
    case FIELD_JSON:
        if ((j->type == JSON_OBJECT || j->type == JSON_ARRAY) &&
            (int64_t)j->source.len > text_max(f))
            BAD(cx, at, "is larger than %lld bytes", (long long)text_max(f));
        else
            *(struct json *)dst = *j;
        break;
    case FIELD_OBJECT:
        decode_object(cx, f->fields, j, at, dst);
        break;
    case FIELD_ARRAY:
        decode_array(cx, f, j, at, dst);
        break;
    case FIELD_FILE:
        BAD(cx, at, "must be sent as a file of a multipart form");
        break;
    default:
        decode_json_text(cx, f, type, j, at, dst);
    }
}

static void decode_json_field(struct cx *cx, const struct field *f, const struct json *j,
                              const struct place *at, void *base)
{
    if (j->type == JSON_NULL && f->type != FIELD_JSON) {
        if (f->flags & FIELD_NULLABLE)
            mark_seen(f, base, FIELD_NULL);
        else
            BAD(cx, at, "must not be null");
        return;
    }
    mark_seen(f, base, FIELD_GIVEN);
    decode_value(cx, f, f->type, j, at, member(base, f));
}

/* Numbers and booleans that are not given keep their declared default. */
static void set_default(const struct field *f, void *base)
{
    switch (f->type) {
    case FIELD_INT:
    case FIELD_NANOUSD:
        *(int64_t *)member(base, f) = f->def;
        break;
    case FIELD_DOUBLE:
        *(double *)member(base, f) = (double)f->def;
        break;
    case FIELD_BOOL:
        *(bool *)member(base, f) = f->def != 0;
        break;
    default:
        break;
    }
}

static bool takes_any_members(const struct field *table)
{
    for (const struct field *f = table; f->name; f++)
        if (f->flags & FIELD_ANY_MEMBERS)
            return true;
    return false;
}

static const struct field *table_find(const struct field *table, struct str name)
{
    for (const struct field *f = table; f->name; f++)
        if (str_is(name, f->name))
            return f;
    return NULL;
}

static void decode_object(struct cx *cx, const struct field *table, const struct json *j,
                          const struct place *at, void *base)
{
    if (j->type != JSON_OBJECT) {
        BAD(cx, at, "must be an object");
        return;
    }
    for (const struct field *f = table; f->name; f++) {
        struct place here = { .up = at, .name = str_of(f->name), .index = -1 };
        const struct json *v = json_get(j, f->name);
        set_default(f, base);
        if (v)
            decode_json_field(cx, f, v, &here, base);
        else if (f->flags & FIELD_REQUIRED)
            BAD(cx, &here, "is required");
    }
    if (takes_any_members(table))
        return;
    for (uint32_t i = 0; i < j->count; i++) {
        struct place here = { .up = at, .name = j->members[i].key, .index = -1 };
        if (!table_find(table, j->members[i].key))
            BAD(cx, &here, "is not a field of this object");
    }
}

/* ---- from texts: path, query, header, form ---- */

static void decode_text(struct cx *cx, const struct field *f, struct str s, void *base)
{
    struct place at = { .name = str_of(f->name), .index = -1 };
    void *dst = member(base, f);
    int64_t v;
    double d;
    struct json number = { .type = JSON_NUMBER, .text = s };
    if (!utf8_valid(s)) {
        BAD(cx, &at, "is not UTF-8");
        return;
    }
    mark_seen(f, base, FIELD_GIVEN);
    switch (f->type) {
    case FIELD_INT:
        if (!str_to_i64(s, &v))
            BAD(cx, &at, "must be a whole number");
        else
            take_int(cx, f, &at, v, dst);
        break;
    case FIELD_DOUBLE:
        if (!json_to_double(&number, &d))
            BAD(cx, &at, "must be a number");
        else
            *(double *)dst = d;
        break;
    case FIELD_NANOUSD:
        take_nanousd(cx, f, &at, s, dst);
        break;
    case FIELD_BOOL:
        if (!str_is(s, "true") && !str_is(s, "false") && !str_is(s, "1") && !str_is(s, "0"))
            BAD(cx, &at, "must be true or false");
        else
            *(bool *)dst = str_is(s, "true") || str_is(s, "1");
        break;
    default:
        if (!take_text_type(cx, f, f->type, &at, s, dst))
            BAD(cx, &at, "cannot be given here");
    }
}

static const struct str *pair_find(struct cx *cx, const struct pair *pairs, size_t count,
                                   const char *name)
{
    const struct str *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!str_is(pairs[i].name, name))
            continue;
        if (found)
            cx_field_error(cx, str_of(name), "is given more than once");
        found = &pairs[i].value;
    }
    return found;
}

static const struct str *header_find(const struct field_source *src, const char *name)
{
    for (size_t i = 0; name && i < src->header_count; i++)
        if (str_is(src->headers[i].name, name))
            return &src->headers[i].value;
    return NULL;
}

/* If-Match: "7" names the version that the caller has seen (RFC 9110 section 13.1.1). */
static const struct str *version_find(struct cx *cx, const struct field_source *src,
                                      struct str *scratch)
{
    const struct str *h = header_find(src, "if-match");
    if (!h)
        return NULL;
    if (h->len < 3 || h->ptr[0] != '"' || h->ptr[h->len - 1] != '"') {
        cx_field_error(cx, STR("If-Match"), "must be a version in quotes, as \"7\"");
        return NULL;
    }
    *scratch = str_sub(*h, 1, h->len - 1);
    return scratch;
}

static void decode_file(struct cx *cx, const struct field *f, const struct field_source *src,
                        void *base)
{
    for (size_t i = 0; i < src->file_count; i++) {
        if (!str_is(src->files[i].field, f->name))
            continue;
        *(struct upload_file *)member(base, f) = src->files[i];
        mark_seen(f, base, FIELD_GIVEN);
        return;
    }
    if (f->flags & FIELD_REQUIRED)
        cx_field_error(cx, str_of(f->name), "is required: send it as a file of a multipart form");
}

static void decode_field(struct cx *cx, const struct field *f, const struct field_source *src,
                         void *base)
{
    struct place at = { .name = str_of(f->name), .index = -1 };
    const struct str *text = NULL;
    struct str scratch;
    set_default(f, base);
    if (f->type == FIELD_FILE) {
        decode_file(cx, f, src, base);
        return;
    }
    bool from_body = f->from == FROM_BODY || src->body_is_everything;
    const struct json *j = from_body && src->body ? json_get(src->body, f->name) : NULL;
    if (j) {
        decode_json_field(cx, f, j, &at, base);
        return;
    }
    if (f->from == FROM_PATH)
        text = pair_find(cx, src->path, src->path_count, f->name);
    else if (f->from == FROM_QUERY)
        text = pair_find(cx, src->query, src->query_count, f->name);
    else if (f->from == FROM_HEADER)
        text = header_find(src, f->header);
    else if (src->form_count)
        text = pair_find(cx, src->form, src->form_count, f->name);
    if (!text && f->flags & FIELD_VERSION)
        text = version_find(cx, src, &scratch);
    if (text)
        decode_text(cx, f, *text, base);
    else if (f->flags & FIELD_REQUIRED)
        BAD(cx, &at, "is required");
}

/* ---- unknown names ---- */

static void refuse_unknown(struct cx *cx, const struct field *table, struct str name,
                           bool any_source, enum field_from from)
{
    const struct field *f = table ? table_find(table, name) : NULL;
    if (!f || (!any_source && f->from != from))
        cx_field_error(cx, name.len > 64 ? STR("(name longer than 64 bytes)") : name,
                       from == FROM_QUERY ? "is not a query parameter of this operation"
                                          : "is not a field of this operation");
}

static void refuse_unknown_names(struct cx *cx, const struct field *table,
                                 const struct field_source *src)
{
    if (table && takes_any_members(table))
        return;
    for (uint32_t i = 0; src->body && i < src->body->count; i++)
        refuse_unknown(cx, table, src->body->members[i].key, src->body_is_everything, FROM_BODY);
    for (size_t i = 0; i < src->query_count; i++)
        refuse_unknown(cx, table, src->query[i].name, false, FROM_QUERY);
    for (size_t i = 0; i < src->form_count; i++)
        refuse_unknown(cx, table, src->form[i].name, false, FROM_BODY);
    for (size_t i = 0; i < src->file_count; i++)
        refuse_unknown(cx, table, src->files[i].field, false, FROM_BODY);
}

enum err field_decode(struct cx *cx, const struct field *table, const struct field_source *src,
                      void *ret)
{
    assert(!cx_has_field_errors(cx));
    if (src->body && src->body->type != JSON_OBJECT) {
        cx_field_error(cx, STR("body"), "must be a JSON object");
        return cx_invalid(cx);
    }
    for (const struct field *f = table; f && f->name; f++)
        decode_field(cx, f, src, ret);
    refuse_unknown_names(cx, table, src);
    return cx_has_field_errors(cx) ? cx_invalid(cx) : OK;
}
