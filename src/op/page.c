/* Goals: opaque page positions that cannot be mixed up between lists, cut, or mistyped unnoticed.
 * Non-goal: secrecy or authenticity; a position grants nothing, every page is read with the
 * caller's own rights. Form: base64url of 6 bytes of SHA-256, then the JSON array [list, key, …].
 */
#include "op/page.h"

#include "base/crypto.h"

#include <assert.h>

enum { CHECK_BYTES = 6, CURSOR_BYTES_MAX = 512 };

const struct field page_out_fields[] = {
    { .name = "limit",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct page_out, limit),
      .doc = "Most rows that this page could have" },
    { .name = "hasMore",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct page_out, has_more),
      .doc = "Whether there are further rows" },
    { .name = "nextCursor",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct page_out, next_cursor),
      .max = 512,
      .doc = "Give it as `cursor` for the next page; null on the last" },
    FIELD_END,
};

static size_t keys_count(const struct page_list *list)
{
    size_t n = 0;
    while (n < PAGE_KEYS_MAX && list->keys[n].type)
        n++;
    return n;
}

static struct str cursor_make(struct cx *cx, const struct page_list *list, const char *last)
{
    struct buf json;
    buf_init(&json, cx->arena, CURSOR_BYTES_MAX);
    buf_put(&json, "\0\0\0\0\0\0", CHECK_BYTES);
    struct json_writer w;
    jw_init(&w, &json);
    jw_array(&w);
    jw_str(&w, str_of(list->name));
    for (size_t i = 0; i < keys_count(list); i++) {
        const void *at = last + list->keys[i].offset;
        if (list->keys[i].type == PAGE_KEY_INT)
            jw_i64(&w, *(const int64_t *)at);
        else
            jw_str(&w, *(const struct str *)at);
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

static bool key_read(const struct page_key *key, const struct json *j, char *from)
{
    void *at = from + key->offset;
    if (key->type == PAGE_KEY_INT)
        return j->type == JSON_NUMBER && json_to_i64(j, at);
    if (j->type != JSON_STRING)
        return false;
    *(struct str *)at = j->text;
    return true;
}

static bool cursor_open(struct cx *cx, const struct page_list *list, struct str cursor, char *from)
{
    if (cursor.len > CURSOR_BYTES_MAX)
        return false;
    uint8_t *raw = arena_alloc_raw(cx->arena, 3 * cursor.len / 4 + 3);
    size_t len = 0, keys = keys_count(list);
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
        j.count != keys + 1 || j.items[0].type != JSON_STRING ||
        !str_is(j.items[0].text, list->name))
        return false;
    for (size_t i = 0; i < keys; i++)
        if (!key_read(&list->keys[i], &j.items[i + 1], from))
            return false;
    return true;
}

enum err page_begin(struct cx *cx, const struct page_list *list, const struct page_in *page,
                    void *from)
{
    if (!str_given(page->cursor) || page->cursor.len == 0 ||
        cursor_open(cx, list, page->cursor, from))
        return OK;
    cx_field_error(cx, str_of(list->field ? list->field : "cursor"),
                   "is not a nextCursor of this list");
    return cx_invalid(cx);
}

void page_go_on(struct cx *cx, const struct page_list *list, const struct page_in *page,
                const void *last, struct page_out *ret)
{
    *ret = (struct page_out){ .limit = page->limit, .has_more = last != NULL };
    if (last)
        ret->next_cursor = cursor_make(cx, list, last);
}

size_t page_end(struct cx *cx, const struct page_list *list, const struct page_in *page,
                const void *rows, size_t found, struct page_out *ret)
{
    size_t shown = (size_t)page->limit;
    bool more = found > shown;
    page_go_on(cx, list, page, more ? (const char *)rows + (shown - 1) * list->row_size : NULL,
               ret);
    return more ? shown : found;
}
