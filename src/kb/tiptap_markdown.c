/* Tiptap documents from and to Markdown.
 *
 * Goals: a model or a script can read and write a page without knowing its JSON. Non-goals: a
 * lossless way and back (colours, widths and unknown nodes keep their text only); reference-quality
 * CommonMark on the way in: blocks are recognised, marks inside a line are not. Output is bounded
 * by OUT_TIMES the source. */
#include "kb/tiptap.h"

#include <assert.h>

/* "[" "](" ")" and marks around one character, prefixes of nested lists for each line. */
enum { OUT_TIMES = 8, PREFIX_BYTES_MAX = 200 };

/* ---- to Markdown ---- */

struct writer {
    struct buf out;
    char prefix[PREFIX_BYTES_MAX]; /* of each new line: "> ", "  " */
    size_t prefix_len;
    bool fresh; /* nothing but the prefix stands in this line */
};

static void line_end(struct writer *w)
{
    buf_put_byte(&w->out, '\n');
    buf_put(&w->out, w->prefix, w->prefix_len);
    w->fresh = true;
}

static void block_gap(struct writer *w)
{
    if (w->fresh)
        return;
    line_end(w);
    line_end(w);
}

static void put(struct writer *w, struct str s)
{
    buf_put_str(&w->out, s);
    if (s.len)
        w->fresh = false;
}

static size_t prefix_push(struct writer *w, struct str s)
{
    size_t before = w->prefix_len;
    if (before + s.len <= PREFIX_BYTES_MAX) {
        memcpy(w->prefix + before, s.ptr, s.len);
        w->prefix_len += s.len;
    }
    return before;
}

static struct str mark_text(struct str type)
{
    return str_is(type, "bold")     ? STR("**")
           : str_is(type, "italic") ? STR("*")
           : str_is(type, "strike") ? STR("~~")
           : str_is(type, "code")   ? STR("`")
                                    : STR("");
}

static void text_node(struct writer *w, const struct json *node)
{
    const struct json *marks = json_get(node, "marks");
    struct str href = STR_NULL;
    uint32_t count = marks ? marks->count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct json *m = &marks->items[i];
        if (str_is(json_text(m, "type"), "link"))
            href = json_text(json_get(m, "attrs"), "href");
        put(w, mark_text(json_text(m, "type")));
    }
    if (str_given(href))
        put(w, STR("["));
    put(w, json_text(node, "text"));
    if (str_given(href)) {
        put(w, STR("]("));
        put(w, href);
        put(w, STR(")"));
    }
    for (uint32_t i = count; i-- > 0;)
        put(w, mark_text(json_text(&marks->items[i], "type")));
}

static void node_write(struct writer *w, const struct json *node);

static void children(struct writer *w, const struct json *node)
{
    const struct json *content = json_get(node, "content");
    for (uint32_t i = 0; content && i < content->count; i++)
        node_write(w, &content->items[i]);
}

static void list_write(struct writer *w, const struct json *node, bool numbered)
{
    const struct json *content = json_get(node, "content");
    block_gap(w);
    for (uint32_t i = 0; content && i < content->count; i++) {
        if (i > 0 && !w->fresh)
            line_end(w);
        char number[16];
        struct buf b = { .ptr = number, .cap = sizeof number, .max_bytes = sizeof number };
        buf_put_i64(&b, (int64_t)i + 1);
        if (numbered)
            put(w, buf_str(&b));
        put(w, numbered ? STR(". ") : STR("- "));
        w->fresh = true;
        size_t before = prefix_push(w, numbered ? STR("   ") : STR("  "));
        children(w, &content->items[i]);
        w->prefix_len = before;
        w->fresh = false;
    }
}

static void heading_write(struct writer *w, const struct json *node)
{
    int64_t level = 1;
    const struct json *attr = json_get(json_get(node, "attrs"), "level");
    if (attr)
        (void)json_to_i64(attr, &level);
    block_gap(w);
    for (int64_t i = 0; i < level && i < 6; i++)
        put(w, STR("#"));
    put(w, STR(" "));
    children(w, node);
}

static void code_write(struct writer *w, const struct json *node)
{
    block_gap(w);
    put(w, STR("```"));
    put(w, json_text(json_get(node, "attrs"), "language"));
    line_end(w);
    struct str rest = tiptap_plain_text(w->out.arena, node);
    while (str_given(rest)) {
        put(w, str_split(&rest, '\n'));
        line_end(w);
    }
    put(w, STR("```"));
}

static void quote_write(struct writer *w, const struct json *node)
{
    block_gap(w);
    put(w, STR("> "));
    w->fresh = true;
    size_t before = prefix_push(w, STR("> "));
    children(w, node);
    w->prefix_len = before;
    w->fresh = false;
}

static void node_write(struct writer *w, const struct json *node)
{
    struct str type = json_text(node, "type");
    if (str_is(type, "text")) {
        text_node(w, node);
    } else if (str_is(type, "hardBreak")) {
        put(w, STR("  "));
        line_end(w);
    } else if (str_is(type, "mention")) {
        put(w, STR("@"));
        put(w, json_text(json_get(node, "attrs"), "label"));
    } else if (str_is(type, "heading")) {
        heading_write(w, node);
    } else if (str_is(type, "bulletList") || str_is(type, "taskList")) {
        list_write(w, node, false);
    } else if (str_is(type, "orderedList")) {
        list_write(w, node, true);
    } else if (str_is(type, "blockquote")) {
        quote_write(w, node);
    } else if (str_is(type, "codeBlock")) {
        code_write(w, node);
    } else if (str_is(type, "horizontalRule")) {
        block_gap(w);
        put(w, STR("---"));
    } else {
        block_gap(w);
        children(w, node);
    }
}

struct str tiptap_markdown(struct arena *a, const struct json *doc)
{
    struct writer w = { .fresh = true };
    /* Deep nesting makes long prefixes: past the bound the text is left away, not the memory. */
    buf_init(&w.out, a, OUT_TIMES * (doc->source.len + 1));
    children(&w, doc);
    return str_trim(buf_str(&w.out));
}

/* ---- from Markdown ---- */

enum block { BLOCK_NONE = 0, BLOCK_PARAGRAPH, BLOCK_BULLET, BLOCK_ORDERED, BLOCK_CODE };

struct reader {
    struct json_writer w;
    enum block open;
    bool first_line;
};

static void node_begin(struct json_writer *w, struct str type)
{
    jw_object(w);
    jw_key_lit(w, "type");
    jw_str(w, type);
}

static void content_begin(struct json_writer *w)
{
    jw_key_lit(w, "content");
    jw_array(w);
}

static void node_end(struct json_writer *w)
{
    jw_array_end(w);
    jw_object_end(w);
}

static void text_put(struct json_writer *w, struct str s)
{
    if (s.len == 0)
        return; /* the editor knows no empty text nodes */
    node_begin(w, STR("text"));
    jw_key_lit(w, "text");
    jw_str(w, s);
    jw_object_end(w);
}

static void block_close(struct reader *r)
{
    if (r->open != BLOCK_NONE)
        node_end(&r->w);
    r->open = BLOCK_NONE;
}

static void block_open(struct reader *r, enum block b, struct str type)
{
    if (r->open == b)
        return;
    block_close(r);
    node_begin(&r->w, type);
    content_begin(&r->w);
    r->open = b;
    r->first_line = true;
}

static void heading_put(struct reader *r, size_t level, struct str text)
{
    block_close(r);
    node_begin(&r->w, STR("heading"));
    jw_key_lit(&r->w, "attrs");
    jw_object(&r->w);
    jw_key_lit(&r->w, "level");
    jw_i64(&r->w, (int64_t)level);
    jw_object_end(&r->w);
    content_begin(&r->w);
    text_put(&r->w, text);
    node_end(&r->w);
}

static void item_put(struct reader *r, enum block b, struct str text)
{
    block_open(r, b, b == BLOCK_BULLET ? STR("bulletList") : STR("orderedList"));
    node_begin(&r->w, STR("listItem"));
    content_begin(&r->w);
    node_begin(&r->w, STR("paragraph"));
    content_begin(&r->w);
    text_put(&r->w, text);
    node_end(&r->w);
    node_end(&r->w);
}

static size_t heading_level(struct str line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] == '#')
        n++;
    return n >= 1 && n <= 6 && n < line.len && line.ptr[n] == ' ' ? n : 0;
}

static size_t ordered_mark(struct str line)
{
    size_t n = 0;
    while (n < line.len && n < 9 && line.ptr[n] >= '0' && line.ptr[n] <= '9')
        n++;
    return n >= 1 && n + 1 < line.len && line.ptr[n] == '.' && line.ptr[n + 1] == ' ' ? n + 2 : 0;
}

static void code_line(struct reader *r, struct str line)
{
    if (str_starts(line, STR("```"))) {
        block_close(r);
        return;
    }
    if (!r->first_line)
        text_put(&r->w, STR("\n"));
    r->first_line = false;
    text_put(&r->w, line);
}

static void paragraph_line(struct reader *r, struct str line)
{
    block_open(r, BLOCK_PARAGRAPH, STR("paragraph"));
    if (!r->first_line)
        text_put(&r->w, STR(" "));
    r->first_line = false;
    text_put(&r->w, line);
}

static void line_read(struct reader *r, struct str line)
{
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (r->open == BLOCK_CODE) {
        code_line(r, line);
        return;
    }
    line = str_trim(line);
    size_t level = heading_level(line), mark = ordered_mark(line);
    if (line.len == 0)
        block_close(r);
    else if (str_starts(line, STR("```")))
        block_open(r, BLOCK_CODE, STR("codeBlock"));
    else if (level)
        heading_put(r, level, str_trim(str_sub(line, level, line.len)));
    else if (str_starts(line, STR("- ")) || str_starts(line, STR("* ")))
        item_put(r, BLOCK_BULLET, str_trim(str_sub(line, 2, line.len)));
    else if (mark)
        item_put(r, BLOCK_ORDERED, str_trim(str_sub(line, mark, line.len)));
    else
        paragraph_line(r, line);
}

struct str tiptap_from_markdown(struct arena *a, struct str text)
{
    struct buf out;
    struct reader r = { .open = BLOCK_NONE };
    /* A line of two bytes ("a\n") becomes about a hundred; escapes make six of one. */
    buf_init(&out, a, 200 * (text.len + 2));
    jw_init(&r.w, &out);
    node_begin(&r.w, STR("doc"));
    content_begin(&r.w);
    struct str rest = text;
    while (str_given(rest))
        line_read(&r, str_split(&rest, '\n'));
    block_close(&r);
    node_end(&r.w);
    assert(!out.overflow);
    return buf_str(&out);
}
