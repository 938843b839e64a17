/* Goals: opaque page positions that cannot be mixed up between lists, cut, or mistyped unnoticed.
 * Non-goal: secrecy or authenticity; a position grants nothing, every page is read with the
 * caller's own rights. Form: base64url of 6 bytes of SHA-256, then the JSON array [list, value, …].
 */
#include "base/crypto.h"
#include "op/field.h"

#include <assert.h>

enum { CHECK_BYTES = 6, CURSOR_BYTES_MAX = 512 };

struct str cursor_make(struct cx *cx, const char *list, const struct cursor_value *values,
                       size_t count)
{
    struct buf json;
    buf_init(&json, cx->arena, CURSOR_BYTES_MAX);
    buf_put(&json, "\0\0\0\0\0\0", CHECK_BYTES);
    struct json_writer w;
    jw_init(&w, &json);
    jw_array(&w);
    jw_str(&w, str_of(list));
    for (size_t i = 0; i < count; i++) {
        if (values[i].type == CURSOR_INT)
            jw_i64(&w, values[i].i);
        else
            jw_str(&w, values[i].s);
    }
    jw_array_end(&w);
    assert(!json.overflow);
    uint8_t hash[SHA256_BYTES];
    sha256((struct str){ json.ptr + CHECK_BYTES, json.len - CHECK_BYTES }, hash);
    memcpy(json.ptr, hash, CHECK_BYTES);
    char *out = arena_alloc_raw(cx->arena, base64_encode_len(json.len) + 1);
    size_t len = base64url_encode((const uint8_t *)json.ptr, json.len, out);
    return (struct str){ out, len };
}

static bool value_read(const struct json *j, struct cursor_value *ret)
{
    if (ret->type == CURSOR_INT)
        return j->type == JSON_NUMBER && json_to_i64(j, &ret->i);
    if (j->type != JSON_STRING)
        return false;
    ret->s = j->text;
    return true;
}

static bool cursor_open(struct cx *cx, const char *list, struct str cursor,
                        struct cursor_value *values, size_t count)
{
    if (cursor.len > CURSOR_BYTES_MAX)
        return false;
    uint8_t *raw = arena_alloc_raw(cx->arena, 3 * cursor.len / 4 + 3);
    size_t len = 0;
    if (!base64url_decode(cursor, raw, &len) || len < CHECK_BYTES)
        return false;
    struct str text = { (const char *)raw + CHECK_BYTES, len - CHECK_BYTES };
    uint8_t hash[SHA256_BYTES];
    sha256(text, hash);
    if (memcmp(hash, raw, CHECK_BYTES) != 0)
        return false;
    struct json j;
    struct json_fault fault;
    if (json_parse(cx->arena, text, NULL, &j, &fault) != OK || j.type != JSON_ARRAY ||
        j.count != count + 1 || j.items[0].type != JSON_STRING || !str_is(j.items[0].text, list))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!value_read(&j.items[i + 1], &values[i]))
            return false;
    return true;
}

enum err cursor_read(struct cx *cx, const char *list, struct str cursor,
                     struct cursor_value *values, size_t count, bool *ret_given)
{
    if (!str_given(cursor) || cursor.len == 0) {
        *ret_given = false;
        return OK;
    }
    if (!cursor_open(cx, list, cursor, values, count)) {
        cx_field_error(cx, STR("cursor"), "is not a nextCursor of this list");
        return cx_invalid(cx);
    }
    *ret_given = true;
    return OK;
}
