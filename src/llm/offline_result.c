/* Goals: hits out of whatever shape a tool answers in, so that a tool may change its answer without
 * this file; quotes that carry no markup: what a page says is shown, it does not act. A link in it
 * isn't one, an image in it isn't loaded. Nothing that stands in a result is read as a wish.
 *
 * Non-goals: ranking (the tools have ranked), summaries. */
#include "llm/offline_parts.h"

#include "base/fold.h"

enum { PARAGRAPHS_MAX = 4000, RESULT_BYTES_MAX = 8 << 20 };

/* ---- lines ---- */

static bool markup_skip(struct str text, size_t *at)
{
    static const char *const tags[] = { "<mark>", "</mark>", "<b>", "</b>", "<em>", "</em>" };
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (str_starts(str_sub(text, *at, text.len), str_of(tags[i]))) {
            *at += strlen(tags[i]);
            return true;
        }
    return false;
}

struct str offline_line(struct arena *a, struct str text, size_t chars)
{
    struct buf out;
    size_t count = 0, at = 0;
    bool gap = false;
    buf_init(&out, a, chars * 8 + 16);
    if (!utf8_valid(text))
        return STR("");
    while (at < text.len && count < chars) {
        char bytes[4];
        if (markup_skip(text, &at))
            continue;
        uint32_t cp = utf8_next(text, &at);
        if (cp <= ' ' || (cp >= 0x7f && cp <= 0xa0) || cp == 0x2028 || cp == 0x2029) {
            gap = out.len > 0;
            continue;
        }
        if (gap)
            buf_put_byte(&out, ' ');
        gap = false;
        if (cp < 0x80 && strchr("\\*[]<>`", (int)cp))
            buf_put_byte(&out, '\\');
        buf_put(&out, bytes, utf8_put(bytes, cp));
        count++;
    }
    if (at < text.len)
        buf_put_cstr(&out, "…");
    return buf_str(&out);
}

/* ---- records ---- */

static struct str first_text(const struct json *j, const char *keys)
{
    struct str rest = str_of(keys);
    while (str_given(rest)) {
        const struct json *m = json_get_str(j, str_split(&rest, ' '));
        if (m && (m->type == JSON_STRING || m->type == JSON_NUMBER) && m->text.len)
            return m->text;
    }
    return STR_NULL;
}

/* A path of this server that is safe to make a link of. */
static struct str url_of(const struct json *j)
{
    struct str url = first_text(j, "url href path link");
    if (url.len < 2 || url.len > 512 || url.ptr[0] != '/' || url.ptr[1] == '/')
        return STR_NULL;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c && strchr("/-_.~?=&%#", c))))
            return STR_NULL;
    }
    return url;
}

static void hit_read(struct arena *a, const struct json *j, struct hit *ret)
{
    struct str title = first_text(j, "title name filename label subject displayName");
    struct str number = first_text(j, "number"), heading = first_text(j, "heading section");
    if (number.len && title.len)
        title = str_fmt(a, "%.*s %.*s", STR_ARG(number), STR_ARG(title));
    else if (!title.len)
        title = number;
    if (heading.len && title.len && !str_eq(heading, title))
        title = str_fmt(a, "%.*s: %.*s", STR_ARG(title), STR_ARG(heading));
    *ret = (struct hit){
        .kind = offline_line(a, first_text(j, "kind type sourceType entityType"), 40),
        .id = first_text(j, "id documentId entityId sourceId"),
        .title = offline_line(a, title, 120),
        .url = url_of(j),
        .text =
            offline_line(a, first_text(j, "snippet text excerpt summary description message body"),
                         PASSAGE_CHARS_MAX),
    };
}

static bool is_list(const struct json *j)
{
    return j && j->type == JSON_ARRAY;
}

/* The list that an answer is about: under a known name, else the first one of records. */
static const struct json *list_of(const struct json *j)
{
    static const char *const names[] = { "results", "hits", "items", "documents", "matters" };
    if (is_list(j))
        return j;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_list(json_get(j, names[i])))
            return json_get(j, names[i]);
    for (uint32_t i = 0; j->type == JSON_OBJECT && i < j->count; i++) {
        const struct json *v = &j->members[i].value;
        if (is_list(v) && v->count && v->items[0].type == JSON_OBJECT)
            return v;
    }
    return NULL;
}

/* {"document":{…}}, {"result":{…}}: what is inside. */
static const struct json *record_of(const struct json *j)
{
    static const char *const names[] = {
        "structuredContent", "result", "data", "document", "page", "matter", "file"
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json *inner = json_get(j, names[i]);
        if (inner && inner->type == JSON_OBJECT)
            return record_of(inner); /* as deep as the reader allows */
    }
    return j;
}

static bool result_parse(struct arena *a, struct str result, struct json *ret)
{
    static const struct json_limits limits = { .bytes_max = RESULT_BYTES_MAX };
    struct json_fault fault;
    return result.len && json_parse(a, result, &limits, ret, &fault) == OK &&
           (ret->type == JSON_OBJECT || ret->type == JSON_ARRAY);
}

size_t offline_hits_read(struct arena *a, struct str result, struct hit *ret, size_t max)
{
    struct json j;
    size_t count = 0;
    if (!result_parse(a, result, &j))
        return 0;
    const struct json *record = record_of(&j), *list = list_of(&j);
    if (!list)
        list = list_of(record);
    if (!list && record->type == JSON_OBJECT) { /* one record */
        hit_read(a, record, &ret[0]);
        return ret[0].title.len ? 1 : 0;
    }
    for (uint32_t i = 0; list && i < list->count && count < max; i++) {
        hit_read(a, &list->items[i], &ret[count]);
        count += ret[count].title.len || ret[count].text.len;
    }
    return count;
}

/* ---- passages of one document ---- */

static size_t words_in(struct arena *a, struct str paragraph, const struct question *q)
{
    struct str folded = fold_key(a, paragraph);
    size_t count = 0;
    for (size_t i = 0; i < q->word_count; i++)
        count += str_find(folded, q->words[i]) != SIZE_MAX;
    return count;
}

struct scored {
    struct str text;
    size_t score;
};

static size_t paragraphs_score(struct arena *a, struct str text, const struct question *q,
                               struct scored *ret)
{
    size_t count = 0;
    while (str_given(text) && count < PARAGRAPHS_MAX) {
        struct str paragraph = str_trim(str_split(&text, '\n'));
        while (paragraph.len && (paragraph.ptr[0] == '#' || paragraph.ptr[0] == '>'))
            paragraph = str_trim(str_sub(paragraph, 1, paragraph.len));
        if (!paragraph.len)
            continue;
        struct arena_mark mark = arena_mark(a);
        ret[count].text = paragraph;
        ret[count++].score = words_in(a, paragraph, q);
        arena_reset(a, mark);
    }
    return count;
}

/* Where a long paragraph is cut so that the first word that was asked for is in what is shown. */
static struct str around(struct arena *a, struct str paragraph, const struct question *q)
{
    size_t first = paragraph.len, back = PASSAGE_CHARS_MAX / 4;
    if (paragraph.len <= PASSAGE_CHARS_MAX)
        return paragraph;
    struct str folded = str_lower(a, paragraph); /* as long as the paragraph */
    for (size_t i = 0; i < q->word_count; i++) {
        size_t at = str_find(folded, q->words[i]);
        first = at < first ? at : first;
    }
    if (first == paragraph.len || first <= back)
        return paragraph;
    size_t from = first - back;
    while (from < first && paragraph.ptr[from] != ' ')
        from++;
    return str_fmt(a, "…%.*s", STR_ARG(str_sub(paragraph, from, paragraph.len)));
}

size_t offline_passages_read(struct arena *a, struct str result, const struct question *q,
                             struct hit *ret, size_t max)
{
    struct json j;
    struct hit head;
    size_t count = 0;
    if (!max || !result_parse(a, result, &j))
        return 0;
    const struct json *record = record_of(&j);
    struct str text = first_text(record, "markdown text content body");
    hit_read(a, record, &head);
    if (!text.len)
        return 0;
    struct scored *all = arena_array(a, PARAGRAPHS_MAX, sizeof *all);
    size_t paragraphs = paragraphs_score(a, text, q, all), least = 0;
    /* The score that at most `max` paragraphs reach, or the best one. */
    for (size_t want = q->word_count; want > 0 && !least; want--)
        for (size_t i = 0; i < paragraphs; i++)
            least = all[i].score >= want ? want : least;
    for (size_t i = 0; i < paragraphs && count < max; i++) {
        if (all[i].score < least || (!least && count))
            continue;
        ret[count] = head;
        ret[count++].text = offline_line(a, around(a, all[i].text, q), PASSAGE_CHARS_MAX);
    }
    return count;
}
