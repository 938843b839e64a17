/* Merging: neighbours become one segment without their dead chunks, and what nobody searches is
 * removed. The job runs until there is nothing to do.
 *
 * Invariants
 * - the old segments are searched until the new one is whole; both change places in one write;
 * - that write is refused when one of the old is not live any more, so that two mergers, or a lost
 *   one that comes back, change nothing twice;
 * - chunks that died while it was merged are dead in the new segment;
 * - memory: a page of each old segment, SLICE_BYTES of new ones, and the longest list. */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "search/search_sql.h"
#include "search/store.h"

/* An old segment, read term by term. */
struct stream {
    const struct segment *segment;
    int64_t shift; /* of its slots in the new segment */
    struct arena *arena;
    int64_t page; /* the one that is read */
    struct str body;
    size_t pos;
    struct list list; /* the entry that is next */
    bool ended;
    size_t dead_at;
};

struct merge {
    struct str audience;
    struct segment *old;
    size_t old_count;
    int64_t first_chunk, last_chunk, segment;
    struct stream *streams;
    struct page_writer writer;
    struct arena *pages_arena;
    int64_t pages_written;
    struct postings postings;
    int64_t chunks, tokens;
};

/* ---- reading ---- */

struct page_wanted {
    int64_t segment, page;
    struct search_page_at_row row;
    bool found;
};

static enum err page_read(struct cx *cx, void *arg)
{
    struct page_wanted *w = arg;
    struct search_page_at_in in = { cx->principal.workspace_id, w->segment, w->page };
    return search_page_at(cx, &in, &w->row, &w->found);
}

/* The next page into the stream's arena; `ended` when there is none. */
static enum err stream_page(struct cx *cx, struct stream *s, int64_t *ret_first_window)
{
    struct page_wanted w = { .segment = s->segment->segment, .page = s->page + 1 };
    struct cx own = *cx;
    arena_clear(s->arena, 64 * 1024);
    own.arena = s->arena;
    enum err e = db_read(&own, page_read, &w);
    if (e != OK) {
        failure_keep(cx, &own);
        return e;
    }
    s->ended = !w.found;
    if (w.found) {
        s->page++;
        s->body = w.row.body;
        s->pos = 0;
        *ret_first_window = w.row.first_window;
    }
    return OK;
}

static enum err stream_damaged(struct cx *cx, const struct stream *s)
{
    return cx_fault(cx, "segment %lld, page %lld is damaged", (long long)s->segment->segment,
                    (long long)s->page);
}

/* Moves to the next entry. */
static enum err stream_next(struct cx *cx, struct stream *s)
{
    bool damaged;
    int64_t first_window;
    while (!s->ended && !page_entry(s->body, &s->pos, &s->list, &damaged)) {
        if (damaged)
            return stream_damaged(cx, s);
        TRY(stream_page(cx, s, &first_window));
    }
    return OK;
}

static bool is_dead(struct stream *s, int64_t slot)
{
    const struct segment *g = s->segment;
    while (s->dead_at < (size_t)g->dead_count && g->dead[s->dead_at] < slot)
        s->dead_at++;
    return s->dead_at < (size_t)g->dead_count && g->dead[s->dead_at] == slot;
}

/* ---- one term ---- */

static enum err blocks_copy(struct cx *cx, struct merge *m, struct stream *s, struct str blocks)
{
    struct block_reader r = { .rest = blocks };
    struct block b;
    struct postings *p = &m->postings;
    while (block_next(&r, &b)) {
        if (!block_decode(&b, p))
            return stream_damaged(cx, s);
        for (size_t i = 0; i < p->n; i++) {
            int64_t slot = b.window * WINDOW_SLOTS + p->slots[i];
            if (p->tfs[i] && !is_dead(s, slot))
                list_add(&m->writer, slot + s->shift, p->tfs[i], p->lengths[i]);
        }
    }
    return r.damaged ? stream_damaged(cx, s) : OK;
}

/* The list of the entry that is next, with what stands of it in the pages behind; moves on. */
static enum err list_copy(struct cx *cx, struct merge *m, struct stream *s)
{
    bool goes_on = s->list.goes_on;
    int64_t first_window = 0;
    s->dead_at = 0;
    TRY(blocks_copy(cx, m, s, s->list.blocks));
    while (goes_on) {
        TRY(stream_page(cx, s, &first_window));
        if (s->ended)
            return OK;
        goes_on = first_window > 0;
        if (goes_on)
            TRY(blocks_copy(cx, m, s, s->body));
    }
    return stream_next(cx, s);
}

/* Smallest term that is next; absent: all streams are at their end. */
static struct str term_next(const struct merge *m, char term[TERM_BYTES_MAX])
{
    struct str least = STR_NULL;
    for (size_t i = 0; i < m->old_count; i++) {
        const struct stream *s = &m->streams[i];
        if (!s->ended && (!str_given(least) || str_cmp(s->list.term, least) < 0))
            least = s->list.term;
    }
    if (!str_given(least) || least.len > TERM_BYTES_MAX)
        return STR_NULL;
    memcpy(term, least.ptr, least.len);
    return (struct str){ term, least.len };
}

struct flush {
    struct merge *merge;
    size_t from, to;
};

static enum err flush_write(struct cx *cx, void *arg)
{
    struct flush *f = arg;
    struct merge *m = f->merge;
    return pages_insert(cx, m->segment, m->pages_written, m->writer.pages, m->writer.count, f->from,
                        &f->to);
}

/* Ends the page under way and writes what is ready; then the arena is free. */
static enum err pages_flush(struct cx *cx, struct merge *m)
{
    struct flush f = { .merge = m };
    pages_end(&m->writer);
    for (f.from = f.to = 0; f.to < m->writer.count; f.from = f.to)
        TRY(db_write(cx, flush_write, &f));
    m->pages_written += (int64_t)m->writer.count;
    page_writer_taken(&m->writer);
    arena_clear(m->pages_arena, SLICE_BYTES);
    return OK;
}

static enum err terms_merge(struct cx *cx, struct merge *m)
{
    char bytes[TERM_BYTES_MAX];
    struct str term;
    for (size_t i = 0; i < m->old_count; i++)
        TRY(stream_next(cx, &m->streams[i]));
    while (str_given(term = term_next(m, bytes))) {
        for (size_t i = 0; i < m->old_count; i++)
            if (!m->streams[i].ended && str_eq(m->streams[i].list.term, term))
                TRY(list_copy(cx, m, &m->streams[i]));
        list_end(&m->writer, term);
        if (m->writer.bytes >= SLICE_BYTES)
            TRY(pages_flush(cx, m));
    }
    return pages_flush(cx, m);
}

/* ---- before and after ---- */

static enum err merge_begin(struct cx *cx, void *arg)
{
    struct merge *m = arg;
    struct search_space_take_in take = { .workspace_id = cx->principal.workspace_id };
    struct search_space_take_row row;
    bool found;
    TRY(search_space_take(cx, &take, &row, &found));
    m->segment = row.next_segment - 1;
    struct search_segment_insert_in in = { .workspace_id = take.workspace_id,
                                           .segment = m->segment,
                                           .audience = m->audience,
                                           .state = STR("BUILDING"),
                                           .merged = true,
                                           .first_chunk = m->first_chunk,
                                           .last_chunk = m->last_chunk,
                                           .dead = STR(""),
                                           .now = cx->now_ms };
    return search_segment_insert(cx, &in, NULL);
}

static const struct segment *segment_find(const struct segment *s, size_t count, int64_t segment)
{
    for (size_t i = 0; i < count; i++)
        if (s[i].segment == segment)
            return &s[i];
    return NULL;
}

/* Slots, in the new segment, of what died since the old ones were read. */
static size_t died_since(const struct merge *m, const struct segment *old,
                         const struct segment *now, int64_t *dead)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < (size_t)now->dead_count; i++) {
        while (at < (size_t)old->dead_count && old->dead[at] < now->dead[i])
            at++;
        if (at == (size_t)old->dead_count || old->dead[at] != now->dead[i])
            dead[count++] = now->dead[i] + old->first_chunk - m->first_chunk;
    }
    return count;
}

static enum err merge_publish(struct cx *cx, void *arg)
{
    struct merge *m = arg;
    struct segment *now;
    size_t now_count, dead_count = 0;
    int64_t affected, dead_most = 0, dead_tokens = 0;
    TRY(segments_read(cx, m->audience, &now, &now_count));
    for (size_t i = 0; i < now_count; i++)
        dead_most += now[i].dead_count;
    int64_t *dead = arena_array(cx->arena, (size_t)dead_most, sizeof *dead);
    for (size_t i = 0; i < m->old_count; i++) {
        const struct segment *s = segment_find(now, now_count, m->old[i].segment);
        struct search_segment_dead_in in = { cx->principal.workspace_id, m->old[i].segment,
                                             STR("LIVE") };
        if (!s)
            FAIL(cx, CONFLICT, "The segments were changed meanwhile.");
        dead_count += died_since(m, &m->old[i], s, dead + dead_count);
        dead_tokens += s->dead_tokens - m->old[i].dead_tokens;
        TRY(search_segment_dead(cx, &in, NULL));
    }
    struct search_segment_live_in live = { .workspace_id = cx->principal.workspace_id,
                                           .segment = m->segment,
                                           .chunks = m->chunks,
                                           .tokens = m->tokens,
                                           .dead_count = (int64_t)dead_count,
                                           .dead_tokens = dead_tokens,
                                           .dead = numbers_write(cx->arena, dead, dead_count) };
    TRY(search_segment_live(cx, &live, &affected));
    if (affected != 1)
        FAIL(cx, CONFLICT, "The segment was given up meanwhile.");
    return OK;
}

static enum err merge_forget(struct cx *cx, void *arg)
{
    const struct merge *m = arg;
    struct search_segment_dead_in in = { cx->principal.workspace_id, m->segment, STR("BUILDING") };
    return search_segment_dead(cx, &in, NULL);
}

static void streams_init(struct cx *cx, struct merge *m)
{
    m->streams = arena_array(cx->arena, m->old_count, sizeof *m->streams);
    m->pages_arena = arena_new(64 * 1024);
    page_writer_init(&m->writer, m->pages_arena);
    for (size_t i = 0; i < m->old_count; i++) {
        const struct segment *s = &m->old[i];
        m->streams[i] = (struct stream){ .segment = s,
                                         .shift = s->first_chunk - m->first_chunk,
                                         .arena = arena_new(0),
                                         .page = -1,
                                         .body = STR("") };
        m->chunks += s->chunks - s->dead_count;
        m->tokens += s->tokens - s->dead_tokens;
    }
}

static void merge_release(struct merge *m)
{
    for (size_t i = 0; i < m->old_count; i++)
        arena_free(m->streams[i].arena);
    page_writer_release(&m->writer);
    arena_free(m->pages_arena);
}

static enum err merge_run(struct cx *cx, struct merge *m)
{
    m->first_chunk = m->old[0].first_chunk;
    m->last_chunk = m->old[m->old_count - 1].last_chunk;
    TRY(db_write(cx, merge_begin, m));
    streams_init(cx, m);
    enum err e = terms_merge(cx, m);
    merge_release(m);
    if (e == OK)
        e = db_write(cx, merge_publish, m);
    if (e == ERR_CONFLICT)
        (void)db_write(cx, merge_forget, m);
    return e;
}

/* ---- garbage ---- */

struct garbage {
    struct search_garbage_row row;
    bool found;
    bool more; /* rows are left */
};

static enum err garbage_find(struct cx *cx, void *arg)
{
    struct garbage *g = arg;
    struct search_garbage_in in = { cx->principal.workspace_id, cx->now_ms - BUILD_MS_MAX };
    return search_garbage(cx, &in, &g->row, &g->found);
}

/* A slice of what belongs to the segment, at last the segment itself. */
static enum err garbage_remove(struct cx *cx, void *arg)
{
    struct garbage *g = arg;
    struct search_segment_dead_in dead = { cx->principal.workspace_id, g->row.segment,
                                           STR("BUILDING") };
    struct search_pages_purge_in pages = { dead.workspace_id, g->row.segment, SLICE_ROWS };
    struct search_chunks_purge_in chunks = { dead.workspace_id, g->row.first_chunk,
                                             g->row.last_chunk, SLICE_ROWS };
    struct search_segment_delete_in row = { dead.workspace_id, g->row.segment };
    int64_t affected;
    g->more = true;
    if (str_is(g->row.state, "BUILDING"))
        TRY(search_segment_dead(cx, &dead, NULL));
    TRY(search_pages_purge(cx, &pages, &affected));
    if (affected == SLICE_ROWS)
        return OK;
    /* The chunks of a build that never went live. What was live has handed them on. */
    if (!g->row.merged && !g->row.was_live) {
        TRY(search_chunks_purge(cx, &chunks, &affected));
        if (affected == SLICE_ROWS)
            return OK;
    }
    g->more = false;
    return search_segment_delete(cx, &row, NULL);
}

static enum err garbage_collect(struct cx *cx)
{
    struct garbage g = { .found = true };
    for (;;) {
        TRY(db_read(cx, garbage_find, &g));
        if (!g.found)
            return OK;
        do {
            TRY(db_write(cx, garbage_remove, &g));
        } while (g.more);
    }
}

/* ---- the job ---- */

struct look {
    bool any;
    struct merge *merge;
};

/* Neighbours of the audience that should become one. What is being built lies apart from them: a
 * segment never reaches over chunks that are not live yet. */
static enum err audience_pick(struct cx *cx, struct str audience, struct segment **ret,
                              size_t *ret_count)
{
    struct search_segment_building_in in = { cx->principal.workspace_id, audience };
    struct search_segment_building_row *building;
    struct segment *s;
    size_t count, building_count, to, from, picked;
    *ret_count = 0;
    TRY(segments_read(cx, audience, &s, &count));
    TRY(search_segment_building(cx, &in, &building, &building_count));
    for (size_t start = 0, b = 0; start < count && !*ret_count; start = to) {
        while (b < building_count && building[b].first_chunk < s[start].first_chunk)
            b++;
        for (to = start + 1; to < count; to++)
            if (b < building_count && building[b].first_chunk < s[to].first_chunk)
                break;
        if (merge_pick(s + start, to - start, &from, &picked)) {
            *ret = s + start + from;
            *ret_count = picked;
        }
    }
    return OK;
}

/* The first audience that has something to merge. */
static enum err look_read(struct cx *cx, void *arg)
{
    struct look *l = arg;
    struct search_audience_next_in in = { cx->principal.workspace_id, STR("") };
    struct search_audience_next_row row = { .audience = STR("") };
    bool found = true;
    l->any = false;
    while (found && !l->any) {
        struct segment *s;
        size_t count;
        TRY(audience_pick(cx, row.audience, &s, &count));
        if (count) {
            l->any = true;
            l->merge = arena_new_of(cx->arena, struct merge);
            l->merge->audience = row.audience;
            l->merge->old = s;
            l->merge->old_count = count;
        }
        in.after = row.audience;
        TRY(search_audience_next(cx, &in, &row, &found));
    }
    return OK;
}

enum err search_merge_run(struct cx *cx, const struct job *job)
{
    for (;;) {
        struct cx own = *cx;
        struct look l = { 0 };
        own.arena = arena_new(64 * 1024);
        enum err e = garbage_collect(&own);
        if (e == OK)
            e = db_read(&own, look_read, &l);
        if (e == OK && l.any)
            e = merge_run(&own, l.merge);
        if (e != OK)
            failure_keep(cx, &own);
        arena_free(own.arena);
        if (e != OK || !l.any || (job->lost && atomic_load(job->lost)))
            return e;
    }
}
