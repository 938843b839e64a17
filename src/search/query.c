/* Searching the tables: the segments of the workspace and of the caller, ranked together.
 *
 * Goals: exact BM25 over what the caller may see, and over nothing else; each result looked up in
 * its own table before it is answered. Bounds: QUERY_TERMS_MAX terms, QUERY_MS_MAX, a page and a
 * window of postings for each term and segment. */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "search/search_sql.h"
#include "search/store.h"

#define QUERY_MS_MAX 1000
/* A source whose title has all words of the query: it is what was meant. */
#define TITLE_BOOST 2.0

struct found {
    struct segment *segments;
    struct rank_segment *ranked; /* beside each */
    size_t count, cap;
    int64_t chunks, tokens;
};

struct query {
    const struct search_in *in;
    struct query_term *terms;
    size_t terms_count;
    struct found found;
    size_t term;       /* whose pages are read */
    size_t segment_at; /* where the last page stood */
    bool damaged;
};

/* ---- segments ---- */

static enum err audience_add(struct cx *cx, struct query *q, struct str audience)
{
    struct found *f = &q->found;
    struct segment *s;
    size_t count;
    TRY(segments_read(cx, audience, &s, &count));
    struct segment *all = arena_array(cx->arena, f->count + count, sizeof *all);
    if (f->count)
        memcpy(all, f->segments, f->count * sizeof *all);
    if (count)
        memcpy(all + f->count, s, count * sizeof *all);
    f->segments = all;
    f->count += count;
    for (size_t i = 0; i < count; i++) {
        f->chunks += s[i].chunks;
        f->tokens += s[i].tokens;
    }
    return OK;
}

/* Large ones first: they raise the threshold. */
static int by_size(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    if (x->chunks != y->chunks)
        return x->chunks < y->chunks ? 1 : -1;
    return x->segment < y->segment ? -1 : 1;
}

static void segments_ready(struct cx *cx, struct query *q)
{
    struct found *f = &q->found;
    if (f->count)
        qsort(f->segments, f->count, sizeof *f->segments, by_size);
    f->ranked = arena_array(cx->arena, f->count, sizeof *f->ranked);
    for (size_t i = 0; i < f->count; i++) {
        const struct segment *s = &f->segments[i];
        f->ranked[i] = (struct rank_segment){ .segment = s->segment,
                                              .first_chunk = s->first_chunk,
                                              .lists = arena_array(cx->arena, q->terms_count,
                                                                   sizeof(struct rank_list)),
                                              .dead = s->dead,
                                              .dead_count = (size_t)s->dead_count };
    }
}

/* ---- lists ---- */

static struct rank_segment *ranked_find(struct found *f, int64_t segment)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->ranked[i].segment == segment)
            return &f->ranked[i];
    return NULL;
}

static enum err term_page(struct cx *cx, const struct search_pages_of_term_row *row, void *arg)
{
    struct query *q = arg;
    struct query_term *t = &q->terms[q->term];
    struct rank_segment *s = ranked_find(&q->found, row->segment);
    struct list list;
    bool damaged = false;
    if (!s || row->first_window > 0)
        return OK; /* a page that goes on with a smaller term: the term is not there */
    if (!page_find(row->body, t->term, &list, &damaged)) {
        if (damaged)
            return cx_fault(cx, "segment %lld, page %lld is damaged", (long long)row->segment,
                            (long long)row->page);
        return OK;
    }
    list.term = t->term;
    list.blocks = str_copy(cx->arena, list.blocks);
    t->df += list.df;
    s->lists[s->lists_count++] =
        (struct rank_list){ .term = (uint32_t)q->term, .list = list, .page = row->page };
    return OK;
}

static enum err lists_read(struct cx *cx, struct query *q, struct str audience)
{
    struct search_pages_of_term_in in = { .workspace_id = cx->principal.workspace_id,
                                          .audience = audience };
    for (q->term = 0; q->term < q->terms_count; q->term++) {
        in.term = q->terms[q->term].term;
        TRY(search_pages_of_term(cx, &in, term_page, q));
    }
    return OK;
}

static enum err more_take(struct cx *cx, struct rank_more *m, int64_t page, struct str body)
{
    if (page <= m->page)
        return OK;
    if (body.len > PAGE_BYTES)
        return cx_fault(cx, "segment %lld, page %lld is too long", (long long)m->segment,
                        (long long)page);
    memcpy(m->into, body.ptr, body.len);
    m->ret_blocks = (struct str){ m->into, body.len };
    m->ret_page = page;
    m->ret_found = true;
    return OK;
}

static enum err seek_row(struct cx *cx, const struct search_page_seek_row *row, void *m)
{
    return more_take(cx, m, row->page, row->body);
}

static enum err next_row(struct cx *cx, const struct search_page_next_row *row, void *m)
{
    return more_take(cx, m, row->page, row->body);
}

static enum err page_more(struct cx *cx, void *arg, struct rank_more *m)
{
    struct search_page_seek_in seek = { cx->principal.workspace_id, m->segment, m->term,
                                        m->window };
    struct search_page_next_in next = { seek.workspace_id, m->segment, m->term, m->window };
    (void)arg;
    TRY(search_page_seek(cx, &seek, seek_row, m));
    return m->ret_found ? OK : search_page_next(cx, &next, next_row, m);
}

/* ---- results ---- */

struct candidate {
    struct search_result r;
    struct str body;
};
struct candidates {
    struct candidate *items;
    size_t count;
};

static bool has_source(const struct candidates *c, struct str type, struct str id)
{
    for (size_t i = 0; i < c->count; i++)
        if (str_eq(c->items[i].r.id, id) && str_eq(c->items[i].r.source_type, type))
            return true;
    return false;
}

/* Takes a hit into the candidates, unless its source is there already or is not to be seen. */
static enum err hit_take(struct cx *cx, const struct query *q, const struct rank_hit *hit,
                         struct candidates *c)
{
    struct search_chunk_get_in in = { cx->principal.workspace_id, hit->chunk };
    struct search_chunk_source_in whose = { in.workspace_id, in.chunk };
    struct search_chunk_source_row source;
    struct search_chunk_get_row row;
    struct source_brief brief;
    bool found;
    TRY(search_chunk_source(cx, &whose, &source, &found));
    const struct source_type *type = found ? source_type_find(source.source_type) : NULL;
    if (!type || (!q->in->passages && has_source(c, source.source_type, source.source_id)))
        return OK;
    TRY(type->brief(cx, source.source_id, &brief, &found));
    if (found)
        TRY(search_chunk_get(cx, &in, &row, &found));
    if (!found)
        return OK;
    bool boost = title_has_all(brief.title, q->terms, q->terms_count);
    c->items[c->count++] = (struct candidate){
        .r = { .kind = brief.kind,
               .source_type = str_of(type->type),
               .id = row.source_id,
               .title = brief.title,
               .url = brief.url,
               .heading = row.heading.len ? row.heading : STR_NULL,
               .part = row.part,
               .score = hit->score * (boost && !q->in->passages ? TITLE_BOOST : 1.0) },
        .body = row.body
    };
    return OK;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->r.score != y->r.score)
        return x->r.score < y->r.score ? 1 : -1;
    return str_cmp(x->r.id, y->r.id);
}

static void results_make(struct cx *cx, const struct query *q, struct candidates *c,
                         struct search_out *ret)
{
    if (c->count && !q->in->passages)
        qsort(c->items, c->count, sizeof *c->items, by_score);
    ret->count = c->count < (size_t)q->in->limit ? c->count : (size_t)q->in->limit;
    ret->results = arena_array(cx->arena, ret->count, sizeof *ret->results);
    for (size_t i = 0; i < ret->count; i++) {
        struct search_result *r = &ret->results[i];
        *r = c->items[i].r;
        r->text = c->items[i].body;
        r->snippet =
            snippet_make(cx->arena, c->items[i].body, q->terms, q->terms_count, &r->heading);
    }
}

/* Ranks k chunks and takes what they are of; more chunks while sources are missing. */
static enum err rank_and_take(struct cx *cx, struct query *q, struct rank_query *rq,
                              struct candidates *c, bool *ret_complete)
{
    size_t wanted = (size_t)q->in->limit + (q->in->passages ? 0 : (size_t)q->in->limit / 2 + 3);
    rq->k = q->in->passages ? wanted + 10 : 4 * wanted;
    for (;;) {
        struct rank_hit *hits;
        size_t count;
        TRY(rank_top(cx, rq, q->found.ranked, q->found.count, &hits, &count, ret_complete));
        c->items = arena_array(cx->arena, wanted, sizeof *c->items);
        c->count = 0;
        for (size_t i = 0; i < count && c->count < wanted; i++)
            TRY(hit_take(cx, q, &hits[i], c));
        if (c->count >= (size_t)q->in->limit || count < rq->k || rq->k >= RANK_HITS_MAX ||
            !*ret_complete)
            return OK;
        rq->k = rq->k * 8 < RANK_HITS_MAX ? rq->k * 8 : RANK_HITS_MAX;
    }
}

enum err search_run(struct cx *cx, const struct search_in *in, struct search_out *ret)
{
    struct query q = { .in = in };
    struct bm25 bm25;
    struct str user = cx->principal.user_id;
    struct candidates c = { 0 };
    assert(in->limit > 0 && in->limit <= SEARCH_LIMIT_MAX);
    *ret = (struct search_out){ .complete = true };
    query_terms(cx->arena, in->query, &q.terms, &q.terms_count);
    if (!q.terms_count)
        return OK;
    TRY(audience_add(cx, &q, STR("")));
    if (user.len)
        TRY(audience_add(cx, &q, user));
    segments_ready(cx, &q);
    TRY(lists_read(cx, &q, STR("")));
    if (user.len)
        TRY(lists_read(cx, &q, user));
    bm25_init(&bm25, q.found.chunks, q.found.tokens);
    for (size_t i = 0; i < q.terms_count; i++)
        q.terms[i].weight = (double)q.terms[i].times * bm25_idf(q.found.chunks, q.terms[i].df);
    struct rank_query rq = { .terms = q.terms,
                             .terms_count = q.terms_count,
                             .bm25 = &bm25,
                             .until_us = clock_monotonic_us() + QUERY_MS_MAX * INT64_C(1000),
                             .more = page_more };
    TRY(rank_and_take(cx, &q, &rq, &c, &ret->complete));
    results_make(cx, &q, &c, ret);
    return OK;
}
