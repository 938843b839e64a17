/* Tiptap documents: whatever JSON comes, it is refused or its text and its Markdown can be made;
 * and whatever text comes, the document made of it is valid and its Markdown makes a valid one
 * again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/fold.h"
#include "kb/tiptap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void from_text(struct arena *a, struct str text)
{
    struct json doc;
    struct json_fault fault;
    struct str made = tiptap_from_markdown(a, text);
    must(json_parse(a, made, NULL, &doc, &fault) == OK);
    must(tiptap_fault(&doc) == NULL);
    must(utf8_valid(tiptap_plain_text(a, &doc)));
    must(utf8_valid(tiptap_markdown(a, &doc)));
    struct str key = fold_key(a, text);
    must(utf8_valid(key) && key.len <= 2 * text.len);
    must(str_eq(key, fold_key(a, key)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct arena *a = arena_new(0);
    struct json doc;
    struct json_fault fault;
    if (size <= 65536 && utf8_valid(text) && !memchr(data, 0, size))
        from_text(a, text);
    if (json_parse(a, text, NULL, &doc, &fault) == OK && !tiptap_fault(&doc)) {
        must(tiptap_plain_text(a, &doc).len <= size);
        must(utf8_valid(tiptap_plain_text(a, &doc)));
        must(utf8_valid(tiptap_markdown(a, &doc)));
    }
    arena_free(a);
    return 0;
}
