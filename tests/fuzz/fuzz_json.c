/* Properties of the JSON reader, writer and canonical form on any bytes:
 *
 *   read -> write -> read gives the same tree;
 *   the canonical form reads back and is its own canonical form;
 *   jansson (strict: duplicates refused) accepts the same texts and finds the same values.
 *
 * Known differences, which are not findings:
 *   jansson refuses integers beyond int64 and reals beyond double (1e999), ours keeps the text;
 *   ours stops at depth 64, jansson at 2,048; a raw NUL byte behind a word or number is skipped by
 *   jansson 2.14 and refused by ours. The escape of U+0000 is refused by both. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Both have enumerators of these names. */
#define JSON_NULL JANSSON_NULL
#define JSON_STRING JANSSON_STRING
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef JSON_NULL
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX ((size_t)1 << 20)

#define MUST(condition, what)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz_json: %s (%s)\n", (what), #condition);                           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static bool trees_equal(const struct json *a, const struct json *b)
{
    if (a->type != b->type || a->count != b->count || a->boolean != b->boolean ||
        !str_eq(a->text, b->text))
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->type == JSON_ARRAY && !trees_equal(&a->items[i], &b->items[i]))
            return false;
        if (a->type == JSON_OBJECT && (!str_eq(a->members[i].key, b->members[i].key) ||
                                       !trees_equal(&a->members[i].value, &b->members[i].value)))
            return false;
    }
    return true;
}

static void number_compare(const struct json *ours, const json_t *theirs)
{
    if (json_is_integer(theirs)) {
        int64_t v;
        MUST(json_to_i64(ours, &v), "an integer of jansson's is one of ours");
        MUST(v == json_integer_value(theirs), "integers are equal");
        return;
    }
    double v;
    MUST(json_is_real(theirs), "a number is a number");
    MUST(json_to_double(ours, &v), "a real of jansson's is one of ours");
    MUST(v == json_real_value(theirs), "reals are equal");
}

static void trees_compare(const struct json *ours, json_t *theirs)
{
    switch (ours->type) {
    case JSON_NULL:
        MUST(json_typeof(theirs) == JANSSON_NULL, "null");
        break;
    case JSON_BOOL:
        MUST(json_is_boolean(theirs) && json_is_true(theirs) == ours->boolean, "boolean");
        break;
    case JSON_NUMBER:
        number_compare(ours, theirs);
        break;
    case JSON_STRING: {
        struct str s = { json_string_value(theirs), json_string_length(theirs) };
        MUST(json_typeof(theirs) == JANSSON_STRING && str_eq(ours->text, s), "string");
        break;
    }
    case JSON_ARRAY:
        MUST(json_typeof(theirs) == JANSSON_ARRAY && json_array_size(theirs) == ours->count,
             "array");
        for (uint32_t i = 0; i < ours->count; i++)
            trees_compare(&ours->items[i], json_array_get(theirs, i));
        break;
    case JSON_OBJECT:
        MUST(json_typeof(theirs) == JANSSON_OBJECT && json_object_size(theirs) == ours->count,
             "object");
        for (uint32_t i = 0; i < ours->count; i++) {
            struct str key = ours->members[i].key;
            char *name = strndup(key.len ? key.ptr : "", key.len);
            json_t *value = json_object_get(theirs, name);
            free(name);
            MUST(value, "member");
            trees_compare(&ours->members[i].value, value);
        }
        break;
    }
}

static void jansson_compare(struct str text, enum err e, const struct json *j,
                            const struct json_fault *fault)
{
    json_error_t error;
    json_t *theirs =
        json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (e == OK && theirs)
        trees_compare(j, theirs);
    else if (e == OK)
        MUST(json_error_code(&error) == json_error_numeric_overflow, "jansson refused, we did not");
    else if (theirs)
        MUST(strcmp(fault->message, "nested too deeply") == 0 ||
                 str_find_byte(text, '\0') != SIZE_MAX,
             fault->message);
    json_decref(theirs);
}

static void round_trip_check(struct arena *a, const struct json *j)
{
    struct buf out;
    struct json_writer w;
    struct json again;
    struct json_fault fault;
    buf_init(&out, NULL, INPUT_BYTES_MAX * 8);
    jw_init(&w, &out);
    jw_value(&w, j);
    MUST(!out.overflow && w.depth == 0, "written whole");
    MUST(json_parse(a, buf_str(&out), NULL, &again, &fault) == OK, "what we write reads back");
    MUST(trees_equal(j, &again), "the tree survives");
    buf_release(&out);
}

static void canonical_check(struct arena *a, const struct json *j)
{
    struct buf once, twice;
    struct json again;
    struct json_fault fault;
    buf_init(&once, NULL, INPUT_BYTES_MAX * 32);
    buf_init(&twice, NULL, INPUT_BYTES_MAX * 32);
    if (json_canonical(a, j, &once) == OK) {
        MUST(json_parse(a, buf_str(&once), NULL, &again, &fault) == OK, "canonical reads back");
        MUST(json_canonical(a, &again, &twice) == OK, "canonical has a canonical form");
        MUST(str_eq(buf_str(&once), buf_str(&twice)), "canonical is idempotent");
    }
    buf_release(&once);
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_BYTES_MAX)
        return 0;
    /* An exact copy, so that AddressSanitizer sees one byte too many. */
    char *copy = malloc(size ? size : 1);
    assert(copy);
    if (size)
        memcpy(copy, data, size);
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault = { 0, NULL };
    struct str text = { copy, size };
    enum err e = json_parse(a, text, NULL, &j, &fault);
    if (e == OK) {
        round_trip_check(a, &j);
        canonical_check(a, &j);
    } else {
        MUST(fault.message && fault.offset <= size, "a fault says where and what");
    }
    jansson_compare(text, e, &j, &fault);
    arena_free(a);
    free(copy);
    return 0;
}
