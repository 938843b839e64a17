/* Goal: JSON Schema 2020-12 of a field table: for tools, request bodies and answers.
 * Invariant: the same table always gives the same bytes (catalogue fingerprints depend on it). */
#include "op/field.h"

#include <assert.h>

static void schema_text(struct json_writer *w, const struct field *f, const char *format)
{
    jw_key_lit(w, "type");
    jw_str(w, STR("string"));
    if (format) {
        jw_key_lit(w, "format");
        jw_str(w, str_of(format));
    }
    if (f->min > 0) {
        jw_key_lit(w, "minLength");
        jw_i64(w, f->min);
    }
    if (f->max > 0) {
        jw_key_lit(w, "maxLength");
        jw_i64(w, f->max);
    }
}

static void schema_enum(struct json_writer *w, const struct field *f)
{
    jw_key_lit(w, "type");
    jw_str(w, STR("string"));
    jw_key_lit(w, "enum");
    jw_array(w);
    for (size_t i = 0; f->values[i]; i++)
        jw_str(w, str_of(f->values[i]));
    jw_array_end(w);
}

static void schema_number(struct json_writer *w, const struct field *f, const char *type)
{
    jw_key_lit(w, "type");
    jw_str(w, str_of(type));
    if ((f->min || f->max) && f->type == FIELD_INT) {
        jw_key_lit(w, "minimum");
        jw_i64(w, f->min);
        if (f->max != INT64_MAX) {
            jw_key_lit(w, "maximum");
            jw_i64(w, f->max);
        }
    }
}

static void schema_array(struct json_writer *w, const struct field *f, enum field_schema_use use);

static void schema_type(struct json_writer *w, const struct field *f, enum field_type type,
                        enum field_schema_use use)
{
    switch (type) {
    case FIELD_INT:
        schema_number(w, f, "integer");
        break;
    case FIELD_DOUBLE:
    case FIELD_NANOUSD:
        schema_number(w, f, "number");
        break;
    case FIELD_BOOL:
        jw_key_lit(w, "type");
        jw_str(w, STR("boolean"));
        break;
    case FIELD_ENUM:
        schema_enum(w, f);
        break;
    case FIELD_TIME:
        schema_text(w, &(struct field){ 0 }, "date-time");
        break;
    case FIELD_DATE:
        schema_text(w, &(struct field){ 0 }, "date");
        break;
    case FIELD_EMAIL:
        schema_text(w, &(struct field){ .max = 254 }, "email");
        break;
    case FIELD_ID:
        schema_text(w, &(struct field){ .min = 1, .max = 64 }, NULL);
        break;
    case FIELD_SECRET:
        schema_text(w, f, "password");
        break;
    case FIELD_FILE:
        schema_text(w, &(struct field){ 0 }, "binary");
        break;
    case FIELD_JSON:
        break; /* any JSON */
    case FIELD_OBJECT:
        assert(!"objects are written by schema_field");
        break;
    case FIELD_ARRAY:
        schema_array(w, f, use);
        break;
    default:
        schema_text(w, f, NULL);
    }
}

static void schema_members(struct json_writer *w, const struct field *table,
                           enum field_schema_use use);

static void schema_array(struct json_writer *w, const struct field *f, enum field_schema_use use)
{
    jw_key_lit(w, "type");
    jw_str(w, STR("array"));
    if (f->min > 0 && use != SCHEMA_ANSWER) {
        jw_key_lit(w, "minItems");
        jw_i64(w, f->min);
    }
    if (use != SCHEMA_ANSWER) {
        jw_key_lit(w, "maxItems");
        jw_i64(w, f->max ? f->max : 1000);
    }
    jw_key_lit(w, "items");
    jw_object(w);
    if (f->fields)
        schema_members(w, f->fields, use);
    else
        schema_type(w, &(struct field){ .values = f->values }, f->elem, use);
    jw_object_end(w);
}

static void schema_default(struct json_writer *w, const struct field *f, enum field_schema_use use)
{
    if (use == SCHEMA_ANSWER || f->flags & FIELD_REQUIRED)
        return;
    if (f->type == FIELD_INT && f->def) {
        jw_key_lit(w, "default");
        jw_i64(w, f->def);
    } else if (f->type == FIELD_BOOL && !f->seen) {
        jw_key_lit(w, "default");
        jw_bool(w, f->def != 0);
    }
}

static void schema_field(struct json_writer *w, const struct field *f, enum field_schema_use use)
{
    bool nullable = (f->flags & FIELD_NULLABLE) && f->type != FIELD_JSON;
    jw_object(w);
    if (nullable) {
        jw_key_lit(w, "anyOf");
        jw_array(w);
        jw_object(w);
    }
    if (f->type == FIELD_OBJECT)
        schema_members(w, f->fields, use);
    else
        schema_type(w, f, f->type, use);
    if (nullable) {
        jw_object_end(w);
        jw_object(w);
        jw_key_lit(w, "type");
        jw_str(w, STR("null"));
        jw_object_end(w);
        jw_array_end(w);
    }
    schema_default(w, f, use);
    if (f->doc) {
        jw_key_lit(w, "description");
        jw_str(w, str_of(f->doc));
    }
    jw_object_end(w);
}

static bool in_use(const struct field *f, enum field_schema_use use)
{
    if (f->flags & FIELD_HIDDEN)
        return false;
    return use != SCHEMA_BODY || f->from == FROM_BODY;
}

static void schema_members(struct json_writer *w, const struct field *table,
                           enum field_schema_use use)
{
    bool any_required = false, open = use == SCHEMA_ANSWER;
    jw_key_lit(w, "type");
    jw_str(w, STR("object"));
    jw_key_lit(w, "properties");
    jw_object(w);
    for (const struct field *f = table; f && f->name; f++) {
        open |= (f->flags & FIELD_ANY_MEMBERS) != 0;
        if (!in_use(f, use))
            continue;
        any_required |= (f->flags & FIELD_REQUIRED) != 0;
        jw_key(w, str_of(f->name));
        schema_field(w, f, use);
    }
    jw_object_end(w);
    if (any_required) {
        jw_key_lit(w, "required");
        jw_array(w);
        for (const struct field *f = table; f && f->name; f++)
            if (in_use(f, use) && f->flags & FIELD_REQUIRED)
                jw_str(w, str_of(f->name));
        jw_array_end(w);
    }
    if (!open) {
        jw_key_lit(w, "additionalProperties");
        jw_bool(w, false);
    }
}

void field_schema(struct json_writer *w, const struct field *table, enum field_schema_use use)
{
    jw_object(w);
    schema_members(w, table, use);
    jw_object_end(w);
}

void field_schema_one(struct json_writer *w, const struct field *field)
{
    struct field bare = *field;
    bare.doc = NULL;
    bare.flags &= ~(unsigned)FIELD_NULLABLE;
    schema_field(w, &bare, SCHEMA_BODY);
}
