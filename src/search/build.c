/* See build.h: a hash table of terms with growing lists, sorted at the end. */
#include "search/build.h"

#include <assert.h>
#include <stdlib.h>

#include "search/bm25.h"

struct posting {
    uint32_t slot;
    uint8_t tf;
};

struct entry {
    struct str term;
    struct posting *postings;
    uint32_t count, cap;
};

struct build {
    struct arena *arena;
    struct entry **table; /* open addressing; a power of two */
    size_t table_size, terms_count;
    uint8_t *lengths; /* of each slot, quantised */
    size_t chunks, chunks_max;
};

struct build *build_new(struct arena *a, size_t chunks_max)
{
    assert(chunks_max > 0 && chunks_max <= SEGMENT_CHUNKS_MAX);
    struct build *b = arena_new_of(a, struct build);
    b->arena = a;
    b->table_size = 1024;
    b->table = arena_array(a, b->table_size, sizeof(*b->table));
    b->lengths = arena_array(a, chunks_max, 1);
    b->chunks_max = chunks_max;
    return b;
}

/* FNV-1a. Collisions chosen on purpose slow only the indexing of their own document. */
static size_t term_hash(struct str term)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < term.len; i++)
        h = (h ^ (uint8_t)term.ptr[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 29);
}

static struct entry **place_of(struct build *b, struct str term)
{
    size_t i = term_hash(term) & (b->table_size - 1);
    while (b->table[i] && !str_eq(b->table[i]->term, term))
        i = (i + 1) & (b->table_size - 1);
    return &b->table[i];
}

static void table_grow(struct build *b)
{
    struct entry **old = b->table;
    size_t size = b->table_size;
    b->table_size *= 4;
    b->table = arena_array(b->arena, b->table_size, sizeof(*b->table));
    for (size_t i = 0; i < size; i++)
        if (old[i])
            *place_of(b, old[i]->term) = old[i];
}

static struct entry *entry_of(struct build *b, struct str term)
{
    struct entry **at = place_of(b, term), *e = *at;
    if (e)
        return e;
    if (2 * (b->terms_count + 1) > b->table_size) {
        table_grow(b);
        at = place_of(b, term);
    }
    b->terms_count++;
    e = arena_new_of(b->arena, struct entry);
    e->term = str_copy(b->arena, term);
    *at = e;
    return e;
}

static void posting_add(struct build *b, struct str term)
{
    struct entry *e = entry_of(b, term);
    uint32_t slot = (uint32_t)b->chunks;
    if (e->count && e->postings[e->count - 1].slot == slot) {
        struct posting *p = &e->postings[e->count - 1];
        p->tf = p->tf < UINT8_MAX ? p->tf + 1 : p->tf;
        return;
    }
    if (e->count == e->cap) {
        uint32_t cap = e->cap ? 2 * e->cap : 1;
        struct posting *more = arena_array(b->arena, cap, sizeof *more);
        if (e->count)
            memcpy(more, e->postings, e->count * sizeof *more);
        e->postings = more;
        e->cap = cap;
    }
    e->postings[e->count++] = (struct posting){ slot, 1 };
}

static int64_t text_add(struct build *b, struct str text)
{
    struct tokeniser t;
    struct token token;
    int64_t count = 0;
    tokeniser_init(&t, text);
    while (tokeniser_next(&t, &token)) {
        posting_add(b, token.term);
        count += !token.extra;
    }
    return count;
}

int64_t build_add(struct build *b, struct str title, struct str body)
{
    assert(b->chunks < b->chunks_max);
    int64_t length = text_add(b, title) + text_add(b, body);
    b->lengths[b->chunks++] = bm25_length_byte(length);
    return length;
}

size_t build_chunks(const struct build *b)
{
    return b->chunks;
}

static int by_term(const void *a, const void *b)
{
    const struct entry *const *x = a, *const *y = b;
    return str_cmp((*x)->term, (*y)->term);
}

void build_pages(struct build *b, struct page **ret, size_t *ret_count)
{
    struct page_writer *w = arena_new_of(b->arena, struct page_writer);
    struct entry **terms = arena_array(b->arena, b->terms_count, sizeof(*terms));
    size_t count = 0;
    for (size_t i = 0; i < b->table_size; i++)
        if (b->table[i])
            terms[count++] = b->table[i];
    qsort(terms, count, sizeof(*terms), by_term);
    page_writer_init(w, b->arena);
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = terms[i];
        for (uint32_t k = 0; k < e->count; k++)
            list_add(w, e->postings[k].slot, e->postings[k].tf, b->lengths[e->postings[k].slot]);
        list_end(w, e->term);
    }
    pages_end(w);
    page_writer_release(w);
    *ret = w->pages;
    *ret_count = w->count;
}
