/* See postings.h. Invariant: what the writer makes the reader reads back; the reader never reads
 * beyond what it was given, whatever stands there (tests/fuzz/fuzz_postings.c). */
#include "search/postings.h"

#include <assert.h>

#define LIST_BYTES_MAX (256 * 1024 * 1024)

static void put_varint(struct buf *b, uint64_t v)
{
    char bytes[10];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (char)v;
    buf_put(b, bytes, n);
}

static bool get_varint(struct str *s, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < s->len && i < 9; i++) {
        uint8_t byte = (uint8_t)s->ptr[i];
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *s = str_sub(*s, i + 1, s->len);
            *ret = v;
            return true;
        }
    }
    return false;
}

static bool get_bytes(struct str *s, size_t n, struct str *ret)
{
    if (n > s->len)
        return false;
    *ret = (struct str){ s->ptr, n };
    *s = (struct str){ s->ptr + n, s->len - n };
    return true;
}

/* ---- impacts ---- */

/* Greatest tf first, and then only what is shorter. More than fit: the last stands for the rest. */
static struct impacts impacts_make(const bool has[256], const uint8_t shortest[256])
{
    struct impacts r = { 0 };
    for (int tf = 255; tf > 0; tf--) {
        if (!has[tf] || (r.count && shortest[tf] >= r.at[r.count - 1].length))
            continue;
        if (r.count < IMPACTS_MAX)
            r.at[r.count++] = (struct impact){ (uint8_t)tf, shortest[tf] };
        else
            r.at[IMPACTS_MAX - 1].length = shortest[tf];
    }
    return r;
}

static void put_impacts(struct buf *b, const struct impacts *i)
{
    buf_put_byte(b, (char)i->count);
    for (int k = 0; k < i->count; k++) {
        buf_put_byte(b, (char)i->at[k].tf);
        buf_put_byte(b, (char)i->at[k].length);
    }
}

static bool get_impacts(struct str *s, struct impacts *ret)
{
    struct str n, pairs;
    if (!get_bytes(s, 1, &n))
        return false;
    ret->count = (uint8_t)n.ptr[0];
    if (ret->count == 0 || ret->count > IMPACTS_MAX || !get_bytes(s, 2U * ret->count, &pairs))
        return false;
    for (int k = 0; k < ret->count; k++)
        ret->at[k] = (struct impact){ (uint8_t)pairs.ptr[2 * k], (uint8_t)pairs.ptr[2 * k + 1] };
    return true;
}

/* ---- writing ---- */

void page_writer_init(struct page_writer *w, struct arena *a)
{
    memset(w, 0, sizeof *w);
    w->arena = a;
    w->window = -1;
    buf_init(&w->entries, NULL, 4 * PAGE_BYTES);
    buf_init(&w->blocks, NULL, LIST_BYTES_MAX);
    buf_init(&w->body, NULL, BLOCK_BYTES_MAX);
}

void page_writer_release(struct page_writer *w)
{
    buf_release(&w->entries);
    buf_release(&w->blocks);
    buf_release(&w->body);
}

void page_writer_taken(struct page_writer *w)
{
    assert(!w->entries.len && !w->at_count);
    w->pages = NULL;
    w->at = NULL;
    w->count = w->cap = w->at_cap = w->bytes = 0;
}

static void page_add(struct page_writer *w, struct str first_term, int64_t first_window,
                     struct str body)
{
    if (w->count == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 16;
        struct page *more = arena_array(w->arena, cap, sizeof *more);
        if (w->count)
            memcpy(more, w->pages, w->count * sizeof *more);
        w->pages = more;
        w->cap = cap;
    }
    w->pages[w->count++] = (struct page){ first_term, first_window, body };
    w->bytes += body.len;
}

void pages_end(struct page_writer *w)
{
    if (!w->entries.len)
        return;
    assert(!w->entries.overflow);
    page_add(w, w->entries_first, 0, str_copy(w->arena, buf_str(&w->entries)));
    buf_clear(&w->entries);
}

static void block_at_add(struct page_writer *w, int64_t window, size_t from)
{
    if (w->at_count == w->at_cap) {
        size_t cap = w->at_cap ? 2 * w->at_cap : 16;
        struct block_at *more = arena_array(w->arena, cap, sizeof *more);
        if (w->at_count)
            memcpy(more, w->at, w->at_count * sizeof *more);
        w->at = more;
        w->at_cap = cap;
    }
    w->at[w->at_count++] = (struct block_at){ window, from, w->blocks.len };
}

static void block_end(struct page_writer *w)
{
    if (w->window < 0)
        return;
    bool has[256] = { false };
    uint8_t shortest[256] = { 0 };
    struct buf *body = &w->body;
    buf_clear(body);
    for (size_t i = 0; i < w->n; i++) {
        uint8_t tf = w->tfs[i];
        if (!has[tf] || w->lengths[i] < shortest[tf])
            shortest[tf] = w->lengths[i];
        has[tf] = true;
        if (!w->has[tf] || w->lengths[i] < w->shortest[tf])
            w->shortest[tf] = w->lengths[i];
        w->has[tf] = true;
    }
    if (w->n > 1) {
        struct impacts impacts = impacts_make(has, shortest);
        put_impacts(body, &impacts);
    }
    for (size_t i = 0; i < w->n; i++)
        put_varint(body, i ? w->slots[i] - w->slots[i - 1] - 1U : w->slots[i]);
    buf_put(body, w->tfs, w->n);
    buf_put(body, w->lengths, w->n);
    assert(!body->overflow);
    size_t from = w->blocks.len;
    put_varint(&w->blocks, w->n - 1);
    put_varint(&w->blocks, body->len);
    buf_put_str(&w->blocks, buf_str(body));
    assert(!w->blocks.overflow);
    block_at_add(w, w->window, from);
    w->df += (int64_t)w->n;
    w->window = -1;
    w->n = 0;
}

void list_add(struct page_writer *w, int64_t slot, uint8_t tf, uint8_t length)
{
    assert(slot >= 0 && tf > 0);
    int64_t window = (int64_t)((uint64_t)slot >> WINDOW_BITS);
    assert(window >= w->window);
    if (window != w->window)
        block_end(w);
    w->window = window;
    w->slots[w->n] = (uint16_t)(slot & (WINDOW_SLOTS - 1));
    w->tfs[w->n] = tf;
    w->lengths[w->n] = length;
    w->n++;
}

/* Blocks [*i, …) as they fit into `room` bytes, at least one. */
static void blocks_put(struct page_writer *w, size_t *i, size_t room, struct buf *out)
{
    int64_t window = 0;
    size_t start = out->len;
    while (*i < w->at_count) {
        const struct block_at *at = &w->at[*i];
        size_t bytes = at->to - at->from + 6; /* the step: at most 6 bytes */
        if (out->len > start && out->len - start + bytes > room)
            return;
        put_varint(out, (uint64_t)(at->window - window));
        buf_put(out, w->blocks.ptr + at->from, at->to - at->from);
        window = at->window;
        ++*i;
    }
}

static void entry_put(struct page_writer *w, struct str term, const struct impacts *impacts,
                      bool goes_on, struct str blocks)
{
    if (!w->entries.len)
        w->entries_first = str_copy(w->arena, term);
    buf_put_byte(&w->entries, (char)term.len);
    buf_put_str(&w->entries, term);
    put_varint(&w->entries, (uint64_t)w->df << 1 | goes_on);
    put_impacts(&w->entries, impacts);
    put_varint(&w->entries, blocks.len);
    buf_put_str(&w->entries, blocks);
}

/* A list that fits into no page: its head alone in one, the rest in pages of its own. */
static void long_list_put(struct page_writer *w, struct str term, const struct impacts *impacts)
{
    struct buf part;
    size_t i = 0;
    int64_t first_window = 0;
    struct str key = str_copy(w->arena, term);
    buf_init(&part, NULL, 4 * PAGE_BYTES);
    pages_end(w);
    while (i < w->at_count) {
        bool head = i == 0;
        first_window = w->at[i].window;
        buf_clear(&part);
        blocks_put(w, &i, PAGE_BYTES - 128, &part);
        if (head) {
            entry_put(w, term, impacts, i < w->at_count, buf_str(&part));
            pages_end(w);
        } else {
            page_add(w, key, first_window, str_copy(w->arena, buf_str(&part)));
        }
    }
    assert(!part.overflow);
    buf_release(&part);
}

void list_end(struct page_writer *w, struct str term)
{
    assert(term.len > 0 && term.len <= TERM_BYTES_MAX);
    block_end(w);
    size_t whole = w->blocks.len + 6 * w->at_count, head = 128;
    struct impacts impacts = impacts_make(w->has, w->shortest);
    if (w->at_count && whole + head > PAGE_BYTES) {
        long_list_put(w, term, &impacts);
    } else if (w->at_count) {
        struct buf part;
        size_t i = 0;
        buf_init(&part, NULL, PAGE_BYTES);
        blocks_put(w, &i, PAGE_BYTES, &part);
        assert(i == w->at_count && !part.overflow);
        if (w->entries.len + part.len + head > PAGE_BYTES)
            pages_end(w);
        entry_put(w, term, &impacts, false, buf_str(&part));
        buf_release(&part);
    }
    buf_clear(&w->blocks);
    w->at_count = 0;
    w->df = 0;
    memset(w->has, 0, sizeof w->has);
}

/* ---- reading ---- */

bool page_entry(struct str body, size_t *pos, struct list *ret, bool *ret_damaged)
{
    struct str s = str_sub(body, *pos, body.len), length;
    uint64_t df, bytes;
    *ret_damaged = false;
    if (!s.len)
        return false;
    *ret_damaged = true;
    if (!get_bytes(&s, 1, &length) || !get_bytes(&s, (uint8_t)length.ptr[0], &ret->term) ||
        !get_varint(&s, &df) || !get_impacts(&s, &ret->impacts) || !get_varint(&s, &bytes) ||
        bytes > s.len || !get_bytes(&s, (size_t)bytes, &ret->blocks) || df >> 1 == 0 ||
        df >> 1 > SEGMENT_CHUNKS_MAX)
        return false;
    ret->df = (int64_t)(df >> 1);
    ret->goes_on = df & 1;
    *pos = body.len - s.len;
    *ret_damaged = false;
    return true;
}

bool page_find(struct str body, struct str term, struct list *ret, bool *ret_damaged)
{
    size_t pos = 0;
    while (page_entry(body, &pos, ret, ret_damaged)) {
        int order = str_cmp(ret->term, term);
        if (order >= 0)
            return order == 0;
    }
    return false;
}

bool block_next(struct block_reader *r, struct block *ret)
{
    struct str s = r->rest;
    uint64_t step, less, bytes;
    if (!s.len)
        return false;
    r->damaged = true;
    if (!get_varint(&s, &step) || !get_varint(&s, &less) || !get_varint(&s, &bytes) ||
        less >= WINDOW_SLOTS || bytes > s.len || !get_bytes(&s, (size_t)bytes, &ret->body) ||
        step > SEGMENT_SLOTS_MAX || r->window + (int64_t)step > SEGMENT_SLOTS_MAX)
        return false;
    ret->n = (size_t)less + 1;
    if (ret->n > 1) {
        if (!get_impacts(&ret->body, &ret->impacts))
            return false;
    } else {
        if (ret->body.len < 3)
            return false;
        const char *end = ret->body.ptr + ret->body.len;
        ret->impacts.count = 1;
        ret->impacts.at[0] = (struct impact){ (uint8_t)end[-2], (uint8_t)end[-1] };
    }
    r->window += (int64_t)step;
    ret->window = r->window;
    r->rest = s;
    r->damaged = false;
    return true;
}

bool block_decode(const struct block *b, struct postings *ret)
{
    struct str s = b->body;
    size_t n = b->n;
    if (s.len < 3 * n)
        return false;
    const uint8_t *p = (const uint8_t *)s.ptr, *end = p + s.len - 2 * n;
    uint32_t slot = 0;
    for (size_t i = 0; i < n; i++) {
        if (p == end)
            return false;
        uint32_t v = *p++;
        if (v & 0x80) {
            if (p == end)
                return false;
            v = (v & 0x7f) | (uint32_t)*p++ << 7;
        }
        slot += v + (i > 0);
        if (slot >= WINDOW_SLOTS)
            return false;
        ret->slots[i] = (uint16_t)slot;
    }
    if (p != end)
        return false;
    ret->n = n;
    ret->tfs = end;
    ret->lengths = end + n;
    return true;
}
