/* See rank.h.
 *
 * Invariants
 * - a chunk whose score is above the threshold is never passed over: bounds are sums of upper
 *   bounds, widened by SLACK for the order of additions and the rounding of scores;
 * - a score is rounded to single precision, so that the order in which its parts were added, which
 *   differs from chunk to chunk, never decides;
 * - memory: one page and one decoded window for each list of one segment, and k hits. */
#include "search/rank.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

#define SLACK (1.0 + 1e-6)
#define NO_WINDOW INT64_MAX

/* One list while its segment is ranked. */
struct walk {
    const struct rank_list *from;
    double weight;
    double bound; /* the most that the list gives to one chunk */
    int64_t page;
    struct block_reader reader;
    struct block block; /* the next one, at or behind where the walk stands */
    int64_t window;     /* its window; NO_WINDOW: the list is at its end */
    bool decoded;       /* `postings` are those of `block` */
    size_t at;          /* of postings: where the last look-up ended */
    char *page_bytes;   /* of pages behind the first */
    struct postings postings;
};

struct ranking {
    struct cx *cx;
    const struct rank_query *q;
    const struct rank_segment *s;
    struct walk *walks; /* by bound, smallest first */
    size_t walks_count;
    double prefix[QUERY_TERMS_MAX + 1]; /* sums of bounds of the first n walks */
    size_t optional;                    /* first walks that alone cannot reach the threshold */
    size_t dead_at;
    struct rank_hit *heap; /* the worst on top */
    size_t heap_count;
    uint64_t touched[WINDOW_SLOTS / 64];
    double scores[WINDOW_SLOTS];
};

/* ---- the k best ---- */

/* Is a behind b? */
static bool behind(const struct rank_hit *a, const struct rank_hit *b)
{
    if (a->score != b->score)
        return a->score < b->score;
    return a->chunk > b->chunk;
}

static void sift_down(struct rank_hit *heap, size_t count, size_t i)
{
    for (;;) {
        size_t worst = i, left = 2 * i + 1, right = left + 1;
        if (left < count && behind(&heap[left], &heap[worst]))
            worst = left;
        if (right < count && behind(&heap[right], &heap[worst]))
            worst = right;
        if (worst == i)
            return;
        struct rank_hit t = heap[i];
        heap[i] = heap[worst];
        heap[worst] = t;
        i = worst;
    }
}

static void hit_add(struct ranking *r, struct rank_hit hit)
{
    struct rank_hit *heap = r->heap;
    if (r->heap_count < r->q->k) {
        size_t i = r->heap_count++;
        heap[i] = hit;
        while (i > 0 && behind(&heap[i], &heap[(i - 1) / 2])) {
            struct rank_hit t = heap[i];
            heap[i] = heap[(i - 1) / 2];
            heap[(i - 1) / 2] = t;
            i = (i - 1) / 2;
        }
    } else if (behind(&heap[0], &hit)) {
        heap[0] = hit;
        sift_down(heap, r->heap_count, 0);
    }
}

/* What a chunk must reach to be of use: equal scores may still win by their number. */
static double threshold(const struct ranking *r)
{
    return r->heap_count < r->q->k ? -1.0 : r->heap[0].score;
}

/* ---- walking a list ---- */

static double impacts_bound(const struct bm25 *b, double weight, const struct impacts *impacts)
{
    double most = 0;
    for (int i = 0; i < impacts->count; i++) {
        double s = bm25_score(b, weight, impacts->at[i].tf, impacts->at[i].length);
        most = s > most ? s : most;
    }
    return most * SLACK;
}

static enum err damaged(struct ranking *r, const struct walk *w)
{
    return cx_fault(r->cx, "postings of segment %lld, page %lld are damaged",
                    (long long)r->s->segment, (long long)w->page);
}

static enum err page_more(struct ranking *r, struct walk *w, int64_t window, bool *ret_found)
{
    *ret_found = false;
    if (!w->from->list.goes_on)
        return OK;
    if (!w->page_bytes)
        w->page_bytes = arena_alloc_raw(r->cx->arena, PAGE_BYTES);
    struct rank_more m = { .segment = r->s->segment,
                           .term = w->from->list.term,
                           .page = w->page,
                           .window = window,
                           .into = w->page_bytes };
    TRY(r->q->more(r->cx, r->q->arg, &m));
    if (!m.ret_found)
        return OK;
    w->reader = (struct block_reader){ .rest = m.ret_blocks };
    w->page = m.ret_page;
    *ret_found = true;
    return OK;
}

/* Moves to the first block at or behind `window`. */
static enum err walk_to(struct ranking *r, struct walk *w, int64_t window)
{
    while (w->window < window) {
        bool found = block_next(&w->reader, &w->block);
        w->decoded = false;
        if (w->reader.damaged)
            return damaged(r, w);
        if (found) {
            w->window = w->block.window;
            continue;
        }
        TRY(page_more(r, w, window, &found));
        if (!found)
            w->window = NO_WINDOW;
    }
    return OK;
}

static enum err walk_decode(struct ranking *r, struct walk *w)
{
    if (w->decoded)
        return OK;
    if (!block_decode(&w->block, &w->postings))
        return damaged(r, w);
    w->decoded = true;
    w->at = 0;
    return OK;
}

/* ---- one window ---- */

static enum err window_gather(struct ranking *r, int64_t window)
{
    for (size_t i = r->optional; i < r->walks_count; i++) {
        struct walk *w = &r->walks[i];
        if (w->window != window)
            continue;
        TRY(walk_decode(r, w));
        const struct postings *p = &w->postings;
        for (size_t k = 0; k < p->n; k++) {
            unsigned slot = p->slots[k];
            double s = bm25_score(r->q->bm25, w->weight, p->tfs[k], p->lengths[k]);
            uint64_t bit = UINT64_C(1) << (slot & 63);
            bool again = r->touched[slot / 64] & bit;
            r->scores[slot] = again ? r->scores[slot] + s : s;
            r->touched[slot / 64] |= bit;
        }
    }
    return OK;
}

static void dead_remove(struct ranking *r, int64_t window)
{
    const struct rank_segment *s = r->s;
    while (r->dead_at < s->dead_count && s->dead[r->dead_at] >> WINDOW_BITS < window)
        r->dead_at++;
    for (size_t i = r->dead_at; i < s->dead_count && s->dead[i] >> WINDOW_BITS == window; i++) {
        unsigned slot = (unsigned)(s->dead[i] & (WINDOW_SLOTS - 1));
        r->touched[slot / 64] &= ~(UINT64_C(1) << (slot & 63));
    }
}

/* Adds what the optional lists give to the chunk; ends early when it cannot reach `least`. */
static enum err slot_complete(struct ranking *r, int64_t window, unsigned slot, double least,
                              double *score)
{
    for (size_t i = r->optional; i-- > 0;) {
        struct walk *w = &r->walks[i];
        if ((*score + r->prefix[i + 1]) * SLACK < least)
            return OK;
        TRY(walk_to(r, w, window));
        if (w->window != window)
            continue;
        if ((*score + r->prefix[i] + impacts_bound(r->q->bm25, w->weight, &w->block.impacts)) *
                SLACK <
            least) {
            *score = -1.0;
            return OK;
        }
        TRY(walk_decode(r, w));
        const struct postings *p = &w->postings;
        while (w->at < p->n && p->slots[w->at] < slot)
            w->at++;
        if (w->at < p->n && p->slots[w->at] == slot)
            *score += bm25_score(r->q->bm25, w->weight, p->tfs[w->at], p->lengths[w->at]);
    }
    return OK;
}

static enum err window_judge(struct ranking *r, int64_t window)
{
    for (unsigned word = 0; word < WINDOW_SLOTS / 64; word++) {
        for (uint64_t bits = r->touched[word]; bits; bits &= bits - 1) {
            unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);
            double score = r->scores[slot], least = threshold(r);
            TRY(slot_complete(r, window, slot, least, &score));
            score = (double)(float)score;
            if (score < least)
                continue;
            hit_add(r,
                    (struct rank_hit){ r->s->segment,
                                       r->s->first_chunk + window * WINDOW_SLOTS + slot, score });
        }
        r->touched[word] = 0;
    }
    return OK;
}

/* The most that a chunk of the window can have. */
static double window_bound(const struct ranking *r, int64_t window)
{
    double most = r->prefix[r->optional];
    for (size_t i = r->optional; i < r->walks_count; i++)
        if (r->walks[i].window == window)
            most += impacts_bound(r->q->bm25, r->walks[i].weight, &r->walks[i].block.impacts);
    return most * SLACK;
}

/* ---- one segment ---- */

static int by_bound(const void *a, const void *b)
{
    const struct walk *x = a, *y = b;
    return (x->bound > y->bound) - (x->bound < y->bound);
}

static void walks_start(struct ranking *r)
{
    const struct rank_segment *s = r->s;
    assert(s->lists_count <= QUERY_TERMS_MAX);
    r->walks_count = s->lists_count;
    r->optional = 0;
    r->dead_at = 0;
    for (size_t i = 0; i < s->lists_count; i++) {
        struct walk *w = &r->walks[i];
        const struct rank_list *l = &s->lists[i];
        w->from = l;
        w->weight = r->q->terms[l->term].weight;
        w->bound = impacts_bound(r->q->bm25, w->weight, &l->list.impacts);
        w->page = l->page;
        w->reader = (struct block_reader){ .rest = l->list.blocks };
        w->window = -1;
        w->decoded = false;
    }
    /* Moves whole walks, postings and all; they are empty yet. */
    qsort(r->walks, r->walks_count, sizeof *r->walks, by_bound);
    r->prefix[0] = 0;
    for (size_t i = 0; i < r->walks_count; i++)
        r->prefix[i + 1] = r->prefix[i] + r->walks[i].bound;
}

static enum err next_window(struct ranking *r, int64_t after, int64_t *ret)
{
    int64_t next = NO_WINDOW;
    while (r->optional < r->walks_count && r->prefix[r->optional + 1] * SLACK < threshold(r))
        r->optional++;
    for (size_t i = r->optional; i < r->walks_count; i++) {
        TRY(walk_to(r, &r->walks[i], after + 1));
        if (r->walks[i].window < next)
            next = r->walks[i].window;
    }
    *ret = next;
    return OK;
}

static enum err segment_rank(struct ranking *r, bool *ret_complete)
{
    int64_t window = -1;
    walks_start(r);
    for (;;) {
        TRY(next_window(r, window, &window));
        if (window == NO_WINDOW)
            return OK;
        if (window_bound(r, window) < threshold(r))
            continue;
        if (r->q->until_us && clock_monotonic_us() > r->q->until_us) {
            *ret_complete = false;
            return OK;
        }
        TRY(window_gather(r, window));
        dead_remove(r, window);
        TRY(window_judge(r, window));
    }
}

static int best_first(const void *a, const void *b)
{
    const struct rank_hit *x = a, *y = b;
    return behind(x, y) ? 1 : behind(y, x) ? -1 : 0;
}

enum err rank_top(struct cx *cx, const struct rank_query *q, struct rank_segment *segments,
                  size_t segments_count, struct rank_hit **ret, size_t *ret_count,
                  bool *ret_complete)
{
    assert(q->k > 0 && q->k <= RANK_HITS_MAX && q->terms_count <= QUERY_TERMS_MAX);
    struct ranking *r = arena_new_of(cx->arena, struct ranking);
    r->cx = cx;
    r->q = q;
    r->walks = arena_array(cx->arena, q->terms_count, sizeof *r->walks);
    r->heap = arena_array(cx->arena, q->k, sizeof *r->heap);
    *ret_complete = true;
    for (size_t i = 0; i < segments_count && *ret_complete; i++) {
        r->s = &segments[i];
        TRY(segment_rank(r, ret_complete));
    }
    qsort(r->heap, r->heap_count, sizeof *r->heap, best_first);
    *ret = r->heap;
    *ret_count = r->heap_count;
    return OK;
}
