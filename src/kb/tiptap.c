/* Tiptap documents: validity and plain text.
 *
 * Goals: what is stored is a document; its text can be searched. Non-goals: the editor's schema
 * (which node may stand in which). Invariants: recursion goes no deeper than the JSON reader let
 * in; the plain text is never longer than the document's source. */
#include "kb/tiptap.h"

#include <assert.h>

static const char *node_fault(const struct json *node);

static const char *marks_fault(const struct json *marks)
{
    if (!marks)
        return NULL;
    if (marks->type != JSON_ARRAY)
        return "marks must be an array";
    for (uint32_t i = 0; i < marks->count; i++)
        if (!str_given(json_text(&marks->items[i], "type")))
            return "every mark must have a type";
    return NULL;
}

static const char *content_fault(const struct json *content)
{
    if (!content)
        return NULL;
    if (content->type != JSON_ARRAY)
        return "content of a node must be an array";
    for (uint32_t i = 0; i < content->count; i++) {
        const char *fault = node_fault(&content->items[i]);
        if (fault)
            return fault;
    }
    return NULL;
}

static const char *node_fault(const struct json *node)
{
    if (node->type != JSON_OBJECT)
        return "every node must be an object";
    struct str type = json_text(node, "type");
    if (!str_given(type) || type.len == 0 || type.len > 100)
        return "every node must have a type of 1 to 100 bytes";
    if (str_is(type, "text") && !str_given(json_text(node, "text")))
        return "a text node must have a text";
    const char *fault = marks_fault(json_get(node, "marks"));
    return fault ? fault : content_fault(json_get(node, "content"));
}

const char *tiptap_fault(const struct json *doc)
{
    if (!doc || doc->type != JSON_OBJECT || !str_is(json_text(doc, "type"), "doc"))
        return "must be a Tiptap document: an object of type \"doc\"";
    return node_fault(doc);
}

/* ---- plain text ---- */

static bool is_inline(struct str type)
{
    return str_is(type, "text") || str_is(type, "hardBreak") || str_is(type, "mention") ||
           str_is(type, "image") || str_is(type, "emoji");
}

static void text_write(const struct json *node, bool outline, struct buf *out);

static void end_line(struct buf *out)
{
    if (out->len && out->ptr[out->len - 1] != '\n')
        buf_put_byte(out, '\n');
}

static void inline_write(const struct json *node, struct str type, struct buf *out)
{
    if (str_is(type, "text")) {
        buf_put_str(out, json_text(node, "text"));
    } else if (str_is(type, "hardBreak")) {
        buf_put_byte(out, '\n');
    } else if (str_is(type, "mention")) {
        struct str label = json_text(json_get(node, "attrs"), "label");
        if (str_given(label)) {
            buf_put_byte(out, '@');
            buf_put_str(out, label);
        }
    }
}

static void heading_mark(const struct json *node, struct buf *out)
{
    int64_t level = 1;
    const struct json *given = json_get(json_get(node, "attrs"), "level");
    if (given && given->type == JSON_NUMBER && (!json_to_i64(given, &level) || level < 1))
        level = 1;
    buf_put(out, "######", level < 6 ? (size_t)level : 6);
    buf_put_byte(out, ' ');
}

static void text_write(const struct json *node, bool outline, struct buf *out)
{
    struct str type = json_text(node, "type");
    if (is_inline(type)) {
        inline_write(node, type, out);
        return;
    }
    end_line(out);
    const struct json *content = json_get(node, "content");
    if (outline && content && content->count && str_is(type, "heading"))
        heading_mark(node, out);
    for (uint32_t i = 0; content && i < content->count; i++)
        text_write(&content->items[i], outline, out);
    end_line(out);
}

/* Never longer than the source: what a node is written in is longer than what it gives. */
static struct str text_of(struct arena *a, const struct json *doc, bool outline)
{
    struct buf out;
    buf_init(&out, a, doc->source.len + 1);
    text_write(doc, outline, &out);
    assert(!out.overflow);
    struct str s = buf_str(&out);
    while (s.len && s.ptr[s.len - 1] == '\n')
        s.len--;
    return s;
}

struct str tiptap_plain_text(struct arena *a, const struct json *doc)
{
    return text_of(a, doc, false);
}

struct str tiptap_outline_text(struct arena *a, const struct json *doc)
{
    return text_of(a, doc, true);
}
