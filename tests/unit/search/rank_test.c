/* Ranking against plain BM25 over every chunk, and postings that read back what was written. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "search/build.h"
#include "search/rank.h"

enum { WORDS = 400, CHUNKS = 15000, SEGMENTS = 3 };

/* Deterministic, and not the program's. */
static uint32_t next_random(uint32_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 17;
    *s ^= *s << 5;
    return *s;
}

/* ---- lengths ---- */

static void lengths_are_quantised_as_lucene_does(void **state)
{
    (void)state;
    /* SmallFloat.byte4ToInt of some bytes. */
    static const struct {
        int byte;
        int64_t length;
    } lucene[] = { { 0, 0 },     { 1, 1 },       { 23, 23 },         { 39, 39 },  { 40, 40 },
                   { 41, 42 },   { 48, 56 },     { 56, 88 },         { 64, 152 }, { 80, 536 },
                   { 96, 2072 }, { 120, 16408 }, { 255, 2013265944 } };
    for (size_t i = 0; i < sizeof lucene / sizeof *lucene; i++)
        assert_int_equal(bm25_byte_length((uint8_t)lucene[i].byte), lucene[i].length);
    for (int i = 0; i < 256; i++)
        assert_int_equal(bm25_length_byte(bm25_byte_length((uint8_t)i)), i);
    for (int64_t n = 0; n < 100000; n++) {
        uint8_t byte = bm25_length_byte(n);
        assert_true(bm25_byte_length(byte) <= n);
        assert_true(byte == 255 || bm25_byte_length((uint8_t)(byte + 1)) > n);
    }
}

/* ---- a collection ---- */

struct collection {
    struct arena *arena;
    uint8_t (*tf)[WORDS]; /* of each chunk */
    int64_t *length;
    bool *dead;
    int64_t tokens;
    struct {
        int64_t first;
        int64_t count;
        struct page *pages;
        size_t pages_count;
        int64_t *dead_slots;
        size_t dead_count;
    } segment[SEGMENTS];
};

/* Word 0 is in nearly every chunk, the last ones in a few. */
static int word_of(uint32_t *seed)
{
    double u = (double)(next_random(seed) % 1000000) / 1e6;
    int w = (int)(pow(WORDS + 1.0, u)) - 1;
    return w < WORDS ? w : WORDS - 1;
}

static void segment_make(struct collection *c, int s, int64_t first, int64_t count, uint32_t *seed)
{
    struct build *b = build_new(c->arena, (size_t)count);
    c->segment[s].first = first;
    c->segment[s].count = count;
    c->segment[s].dead_slots = arena_array(c->arena, (size_t)count, sizeof(int64_t));
    for (int64_t i = first; i < first + count; i++) {
        struct buf text;
        buf_init(&text, c->arena, 1 << 20);
        int words = 1 + (int)(next_random(seed) % 60);
        for (int k = 0; k < words; k++) {
            int w = word_of(seed);
            c->tf[i][w]++;
            buf_printf(&text, "x%d ", w);
        }
        c->length[i] = build_add(b, STR(""), buf_str(&text));
        assert_int_equal(c->length[i], words);
        c->tokens += words;
        c->dead[i] = next_random(seed) % 10 == 0;
        if (c->dead[i])
            c->segment[s].dead_slots[c->segment[s].dead_count++] = i - first;
    }
    build_pages(b, &c->segment[s].pages, &c->segment[s].pages_count);
}

static struct collection *collection_make(struct arena *a)
{
    struct collection *c = arena_new_of(a, struct collection);
    uint32_t seed = 7;
    c->arena = a;
    c->tf = arena_array(a, CHUNKS, sizeof *c->tf);
    c->length = arena_array(a, CHUNKS, sizeof *c->length);
    c->dead = arena_array(a, CHUNKS, sizeof *c->dead);
    segment_make(c, 0, 0, 12000, &seed);
    segment_make(c, 1, 12000, 2990, &seed);
    segment_make(c, 2, 14990, 10, &seed);
    return c;
}

static int64_t page_before(const struct collection *c, int s, struct str term, int64_t window)
{
    int64_t at = -1;
    for (size_t i = 0; i < c->segment[s].pages_count; i++) {
        const struct page *p = &c->segment[s].pages[i];
        int order = str_cmp(p->first_term, term);
        if (order < 0 || (order == 0 && p->first_window <= window))
            at = (int64_t)i;
    }
    return at;
}

static enum err more(struct cx *cx, void *arg, struct rank_more *m)
{
    const struct collection *c = arg;
    int s = (int)m->segment;
    int64_t page = page_before(c, s, m->term, m->window);
    (void)cx;
    page = page > m->page ? page : m->page + 1;
    m->ret_found = (size_t)page < c->segment[s].pages_count &&
                   c->segment[s].pages[page].first_window > 0 &&
                   str_eq(c->segment[s].pages[page].first_term, m->term);
    if (m->ret_found)
        m->ret_blocks = c->segment[s].pages[page].body;
    m->ret_page = page;
    return OK;
}

struct question {
    int words[QUERY_TERMS_MAX];
    size_t count, k;
};

static void ask(struct cx *cx, struct collection *c, const struct question *q,
                struct rank_hit **ret, size_t *ret_count)
{
    struct query_term *terms = arena_array(c->arena, q->count, sizeof *terms);
    struct rank_segment s[SEGMENTS];
    struct bm25 bm25;
    bool complete;
    bm25_init(&bm25, CHUNKS, c->tokens);
    for (int i = 0; i < SEGMENTS; i++)
        s[i] = (struct rank_segment){ .segment = i,
                                      .first_chunk = c->segment[i].first,
                                      .lists =
                                          arena_array(c->arena, q->count, sizeof(struct rank_list)),
                                      .dead = c->segment[i].dead_slots,
                                      .dead_count = c->segment[i].dead_count };
    for (size_t i = 0; i < q->count; i++) {
        terms[i].term = str_fmt(c->arena, "x%d", q->words[i]);
        for (int k = 0; k < SEGMENTS; k++) {
            int64_t page = page_before(c, k, terms[i].term, 0);
            struct list l;
            bool damaged = false;
            if (page < 0 || c->segment[k].pages[page].first_window > 0 ||
                !page_find(c->segment[k].pages[page].body, terms[i].term, &l, &damaged)) {
                assert_false(damaged);
                continue;
            }
            terms[i].df += l.df;
            s[k].lists[s[k].lists_count++] = (struct rank_list){ (uint32_t)i, l, page };
        }
        terms[i].weight = bm25_idf(CHUNKS, terms[i].df);
    }
    struct rank_query rq = {
        .terms = terms, .terms_count = q->count, .bm25 = &bm25, .k = q->k, .more = more, .arg = c
    };
    assert_int_equal(rank_top(cx, &rq, s, SEGMENTS, ret, ret_count, &complete), OK);
    assert_true(complete);
}

/* ---- the judge: every chunk, from the formula ---- */

static double plain_score(const struct collection *c, const struct question *q, const int *df,
                          int64_t i)
{
    double score = 0, average = (double)c->tokens / CHUNKS;
    int64_t length = c->length[i];
    /* Lengths here are below 100: exact to 39, then steps of 2, then of 4. */
    if (length >= 56)
        length = 56 + (length - 56) / 4 * 4;
    else if (length >= 40)
        length = length / 2 * 2;
    for (size_t k = 0; k < q->count; k++) {
        double tf = c->tf[i][q->words[k]], n = df[k];
        double idf = log(1 + (CHUNKS - n + 0.5) / (n + 0.5));
        score += idf * tf / (tf + 1.2 * (1 - 0.75 + 0.75 * (double)length / average));
    }
    return score;
}

static void judge(struct cx *cx, struct collection *c, const struct question *q)
{
    struct rank_hit *hits;
    size_t count, fit = 0, better = 0;
    int df[QUERY_TERMS_MAX] = { 0 };
    ask(cx, c, q, &hits, &count);
    for (size_t k = 0; k < q->count; k++)
        for (int64_t i = 0; i < CHUNKS; i++)
            df[k] += c->tf[i][q->words[k]] > 0;
    bool *hit = arena_array(c->arena, CHUNKS, sizeof *hit);
    for (size_t i = 0; i < count; i++) {
        assert_false(c->dead[hits[i].chunk]);
        assert_false(hit[hits[i].chunk]);
        hit[hits[i].chunk] = true;
        assert_float_equal(hits[i].score, plain_score(c, q, df, hits[i].chunk), 1e-5);
        assert_true(i == 0 || hits[i - 1].score > hits[i].score ||
                    (hits[i - 1].score == hits[i].score && hits[i - 1].chunk < hits[i].chunk));
    }
    for (int64_t i = 0; i < CHUNKS; i++) {
        double score = c->dead[i] ? 0 : plain_score(c, q, df, i);
        fit += score > 0;
        better += count && !hit[i] && score > hits[count - 1].score + 1e-5;
    }
    assert_int_equal(better, 0);
    assert_int_equal(count, fit < q->k ? fit : q->k);
}

static void the_best_are_those_of_plain_bm25(void **state)
{
    struct arena *a = *state;
    struct cx cx = { .arena = a };
    struct collection *c = collection_make(a);
    uint32_t seed = 99;
    static const size_t ks[] = { 1, 10, 100, 3000 };
    assert_true(c->segment[0].pages_count > 10);
    for (int n = 0; n < 200; n++) {
        struct question q = { .count = 1 + next_random(&seed) % 7, .k = ks[n % 4] };
        for (size_t i = 0; i < q.count; i++) {
            /* Distinct, common ones as often as rare ones. */
            bool again = true;
            while (again) {
                q.words[i] =
                    next_random(&seed) % 2 ? (int)(next_random(&seed) % WORDS) : word_of(&seed);
                again = false;
                for (size_t k = 0; k < i; k++)
                    again |= q.words[k] == q.words[i];
            }
        }
        judge(&cx, c, &q);
    }
}

/* ---- bytes ---- */

static void what_is_damaged_is_told(void **state)
{
    struct arena *a = *state;
    struct build *b = build_new(a, 3000);
    struct page *pages;
    size_t count;
    uint32_t seed = 3;
    for (int i = 0; i < 3000; i++)
        build_add(b, STR("title"), STR("some words of a text"));
    build_pages(b, &pages, &count);
    struct str body = str_copy(a, pages[0].body);
    char *bytes = (char *)(uintptr_t)body.ptr;
    int told = 0;
    for (int n = 0; n < 20000; n++) {
        size_t at = next_random(&seed) % body.len;
        char was = bytes[at];
        bytes[at] = (char)next_random(&seed);
        size_t pos = 0;
        struct list l;
        bool damaged;
        while (page_entry(body, &pos, &l, &damaged)) {
            struct block_reader r = { .rest = l.blocks };
            struct block block;
            struct postings p;
            while (block_next(&r, &block))
                told += !block_decode(&block, &p);
            told += r.damaged;
        }
        told += damaged;
        bytes[at] = was;
    }
    assert_true(told > 0);
}

static int with_arena(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int without_arena(void **state)
{
    arena_free(*state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, with_arena, without_arena)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_quantised_as_lucene_does),
        TEST(the_best_are_those_of_plain_bm25),
        TEST(what_is_damaged_is_told),
    };
    return cmocka_run_group_tests_name("rank", tests, NULL, NULL);
}
