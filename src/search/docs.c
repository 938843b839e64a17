/* The program's own documentation: pages by headings, and its operations, in an index in memory.
 *
 * Goals: the same words and the same ranking as for documents, without a database; made once, by
 * whoever asks first, and then only read. Non-goals: Markdown beyond what a snippet must not show.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/app.h"
#include "op/registry.h"
#include "search/build.h"
#include "search/docs_pages.h"
#include "search/search.h"

enum { SECTIONS_MAX = 4096 };

struct section {
    struct str title, heading, url, text;
};

struct search_docs {
    pthread_mutex_t mutex; /* while it is made */
    bool ready;
    struct arena *arena;
    struct section *sections;
    size_t count;
    struct page *pages;
    size_t pages_count;
    int64_t tokens;
};

struct search_docs *search_docs_new(void)
{
    struct search_docs *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    pthread_mutex_init(&d->mutex, NULL);
    return d;
}

void search_docs_free(struct search_docs *d)
{
    if (!d)
        return;
    arena_free(d->arena);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

/* ---- making ---- */

static void section_add(struct search_docs *d, struct section s)
{
    if (d->count < SECTIONS_MAX && (s.text.len || s.heading.len))
        d->sections[d->count++] = s;
}

/* As the usual renderers of Markdown make it, and web/scripts/docs.mjs: lower case, spaces as -,
 * other marks left out. */
static struct str anchor_of(struct arena *a, struct str heading)
{
    char *out = arena_alloc(a, heading.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < heading.len; i++) {
        char c = heading.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c & 0x80)
            out[len++] = c;
        else if (c == ' ')
            out[len++] = '-';
    }
    return (struct str){ out, len };
}

/* A line without marks of emphasis, code, tables and links' targets. */
static void plain_put(struct buf *out, struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c == '*' || c == '`' || c == '[')
            continue;
        if (c == ']') {
            if (i + 1 < line.len && line.ptr[i + 1] == '(') {
                size_t end = str_find_byte(str_sub(line, i, line.len), ')');
                i = end == SIZE_MAX ? i : i + end;
            }
            continue;
        }
        buf_put_byte(out, c == '|' ? ' ' : c);
    }
    buf_put_byte(out, '\n');
}

static struct str page_url(struct search_docs *d, const char *name, struct str heading)
{
    struct str anchor = anchor_of(d->arena, heading);
    return str_fmt(d->arena, "/docs/%s%s%.*s", name, anchor.len ? "#" : "", STR_ARG(anchor));
}

/* A page's sections: from one heading to the next. Lines within ``` are no headings. */
static void page_add_sections(struct search_docs *d, const struct docs_page *page)
{
    struct str rest = str_of(page->text), title = str_of(page->name), heading = STR("");
    struct buf text;
    bool code = false, first = true;
    buf_init(&text, d->arena, rest.len + 16);
    size_t from = 0;
    while (str_given(rest)) {
        struct str line = str_split(&rest, '\n'), says;
        if (str_starts(line, STR("```"))) {
            code = !code;
            continue;
        }
        if (code || !heading_line(line, &says)) {
            plain_put(&text, line);
            continue;
        }
        section_add(d, (struct section){ title, heading, page_url(d, page->name, heading),
                                         str_trim(str_sub(buf_str(&text), from, text.len)) });
        /* The buffer holds the whole page from its birth: what points into it stays. */
        from = text.len;
        if (first)
            title = str_copy(d->arena, says);
        heading = first ? STR("") : str_copy(d->arena, says);
        first = false;
    }
    section_add(d, (struct section){ title, heading, page_url(d, page->name, heading),
                                     str_trim(str_sub(buf_str(&text), from, text.len)) });
}

static void operations_add(struct search_docs *d, const struct registry *ops)
{
    for (size_t i = 0; ops && i < registry_count(ops); i++) {
        const struct op *op = registry_at(ops, i);
        if (op->flags & OP_INTERNAL)
            continue;
        struct str text =
            str_fmt(d->arena, "%s\n%s%s%s", op->http ? op->http : "", op->doc ? op->doc : "",
                    op->tool ? "\n" : "", op->tool && op->tool->doc ? op->tool->doc : "");
        /* The reference has those with a route; the matrix has all. */
        struct str url =
            op->http ? str_fmt(d->arena, "/docs/api#%s", op->name) : STR("/docs/access-matrix");
        section_add(d,
                    (struct section){ str_of(op->name), str_of(op->summary), url, str_trim(text) });
    }
}

static void docs_make(struct search_docs *d, const struct registry *ops)
{
    d->arena = arena_new(64 * 1024);
    d->sections = arena_array(d->arena, SECTIONS_MAX, sizeof *d->sections);
    for (size_t i = 0; i < docs_pages_count; i++)
        page_add_sections(d, &docs_pages[i]);
    operations_add(d, ops);
    struct build *b = build_new(d->arena, d->count ? d->count : 1);
    for (size_t i = 0; i < d->count; i++) {
        const struct section *s = &d->sections[i];
        struct str head = str_fmt(d->arena, "%.*s\n%.*s", STR_ARG(s->title), STR_ARG(s->heading));
        d->tokens += build_add(b, head, s->text);
    }
    build_pages(b, &d->pages, &d->pages_count);
    d->ready = true;
}

/* ---- searching ---- */

/* The last page whose key is at or before (term, window); -1: none. */
static int64_t page_before(const struct search_docs *d, struct str term, int64_t window)
{
    size_t low = 0, high = d->pages_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct page *p = &d->pages[mid];
        int order = str_cmp(p->first_term, term);
        if (order < 0 || (order == 0 && p->first_window <= window))
            low = mid + 1;
        else
            high = mid;
    }
    return (int64_t)low - 1;
}

static enum err docs_more(struct cx *cx, void *arg, struct rank_more *m)
{
    const struct search_docs *d = arg;
    int64_t page = page_before(d, m->term, m->window);
    (void)cx;
    page = page > m->page ? page : m->page + 1;
    const struct page *p = (size_t)page < d->pages_count ? &d->pages[page] : NULL;
    m->ret_found = p && p->first_window > 0 && str_eq(p->first_term, m->term);
    m->ret_page = page;
    m->ret_blocks = p ? p->body : STR("");
    return OK;
}

static void docs_lists(const struct search_docs *d, struct query_term *terms, size_t count,
                       struct rank_segment *s)
{
    for (size_t i = 0; i < count; i++) {
        struct query_term *t = &terms[i];
        int64_t page = page_before(d, t->term, 0);
        struct list list;
        bool damaged;
        if (page < 0 || d->pages[page].first_window > 0 ||
            !page_find(d->pages[page].body, t->term, &list, &damaged))
            continue;
        list.term = t->term;
        t->df = list.df;
        t->weight = (double)t->times * bm25_idf((int64_t)d->count, t->df);
        s->lists[s->lists_count++] =
            (struct rank_list){ .term = (uint32_t)i, .list = list, .page = page };
    }
}

static void docs_ready(struct cx *cx, struct search_docs *d)
{
    pthread_mutex_lock(&d->mutex);
    if (!d->ready)
        docs_make(d, cx->app->ops);
    pthread_mutex_unlock(&d->mutex);
}

enum err search_docs_run(struct cx *cx, struct str query, int64_t limit,
                         struct search_doc_result **ret, size_t *ret_count)
{
    struct search_docs *d = cx->app->search_docs;
    struct rank_segment s = { .lists = arena_array(cx->arena, QUERY_TERMS_MAX, sizeof *s.lists) };
    struct query_term *terms;
    struct rank_hit *hits;
    struct bm25 bm25;
    size_t terms_count, count;
    bool complete;
    docs_ready(cx, d);
    query_terms(cx->arena, query, &terms, &terms_count);
    docs_lists(d, terms, terms_count, &s);
    bm25_init(&bm25, (int64_t)d->count, d->tokens);
    struct rank_query rq = { .terms = terms,
                             .terms_count = terms_count,
                             .bm25 = &bm25,
                             .k = (size_t)limit,
                             .more = docs_more,
                             .arg = d };
    TRY(rank_top(cx, &rq, &s, 1, &hits, &count, &complete));
    struct search_doc_result *results = arena_array(cx->arena, count, sizeof *results);
    for (size_t i = 0; i < count; i++) {
        const struct section *x = &d->sections[hits[i].chunk];
        struct str heading = x->heading;
        results[i] = (struct search_doc_result){ .title = x->title,
                                                 .url = x->url,
                                                 .snippet = snippet_make(cx->arena, x->text, terms,
                                                                         terms_count, &heading),
                                                 .score = hits[i].score,
                                                 .rank = (int64_t)i + 1 };
        results[i].heading = heading;
    }
    *ret = results;
    *ret_count = count;
    return OK;
}
