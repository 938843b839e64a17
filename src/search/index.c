/* Indexing: the chunks of sources become a segment, in one step for whoever searches.
 *
 *   read      the sources and what is indexed of them, in one snapshot
 *   build     new chunks and their postings, in memory
 *   take      numbers for chunks and segment              ┐ one write when it is little,
 *   write     chunks and pages, in slices                 │ else one for each slice, into a segment
 *   publish   sources, segment LIVE, old chunks dead      ┘ that is not searched yet
 *
 * Invariants
 * - publishing is refused (and all begins anew) when a source, or what is indexed of it, is not
 *   what was read: two jobs at a time, or a lost one that comes back, leave what one leaves;
 * - chunks whose hash is known stay as they are;
 * - what a lost build has written is never searched, and is removed by the next merge job. */
#include <stdlib.h>

#include "base/app.h"
#include "base/json.h"
#include "kb/kb.h"
#include "search/build.h"
#include "search/search_sql.h"
#include "search/store.h"

#define TRIES_MAX 5
#define BATCH_SOURCES 64
/* A write that takes less than that goes in one piece. */
#define ONE_WRITE_CHUNKS 64

/* One source on its way. */
struct item {
    struct str id;
    int64_t version; /* 0: not there any more */
    struct source_text text;
    int64_t revision; /* of what is indexed; 0: nothing is */
    struct str old_audience;
    int64_t *old; /* chunk numbers, in order */
    uint8_t (*old_hashes)[SHA256_BYTES];
    size_t old_count;
    struct chunk *chunks;
    int64_t *numbers; /* of each chunk; 0: new */
    size_t chunks_count, new_count;
    bool *old_stays;
    bool same; /* nothing to do */
};

/* All of one audience, or what is gone. */
struct batch {
    const struct source_type *type;
    struct item *items;
    size_t count;
    struct str audience;
    int64_t tokens;
    size_t new_count;
    struct page *pages;
    size_t pages_count;
    int64_t segment, first_chunk;
    bool stale;
};

/* ---- read ---- */

static enum err hashes_read(struct cx *cx, struct item *it)
{
    it->old_hashes = arena_array(cx->arena, it->old_count, sizeof(*it->old_hashes));
    for (size_t i = 0; i < it->old_count; i++) {
        struct search_chunk_hash_in in = { .workspace_id = cx->principal.workspace_id,
                                           .chunk = it->old[i] };
        struct search_chunk_hash_row row;
        bool found;
        TRY(search_chunk_hash(cx, &in, &row, &found));
        if (found && row.sha256.len == SHA256_BYTES)
            memcpy(it->old_hashes[i], row.sha256.ptr, SHA256_BYTES);
    }
    return OK;
}

static enum err item_read(struct cx *cx, const struct source_type *type, struct item *it)
{
    struct search_source_get_in in = { .workspace_id = cx->principal.workspace_id,
                                       .source_type = str_of(type->type),
                                       .source_id = it->id };
    struct search_source_get_row row;
    bool found;
    TRY(type->read(cx, it->id, &it->text, &found));
    it->version = found ? it->text.version : 0;
    TRY(search_source_get(cx, &in, &row, &found));
    if (!found)
        return OK;
    it->revision = row.revision;
    it->old_audience = row.audience;
    it->old_count = numbers_read(cx->arena, row.chunks, &it->old);
    return hashes_read(cx, it);
}

static enum err batch_read(struct cx *cx, void *arg)
{
    struct batch *b = arg;
    for (size_t i = 0; i < b->count; i++)
        TRY(item_read(cx, b->type, &b->items[i]));
    return OK;
}

/* ---- build ---- */

/* Known chunks keep their numbers. */
static void item_compare(struct arena *a, struct item *it)
{
    bool known = it->revision && it->version && str_eq(it->old_audience, it->text.audience);
    it->old_stays = arena_array(a, it->old_count, sizeof(*it->old_stays));
    if (it->version)
        chunks_make(a, it->text.title, it->text.text, &it->chunks, &it->chunks_count);
    it->numbers = arena_array(a, it->chunks_count, sizeof *it->numbers);
    for (size_t i = 0; i < it->chunks_count; i++) {
        size_t k = known ? 0 : it->old_count;
        while (k < it->old_count &&
               (it->old_stays[k] ||
                memcmp(it->old_hashes[k], it->chunks[i].sha256, SHA256_BYTES) != 0))
            k++;
        if (k < it->old_count) {
            it->numbers[i] = it->old[k];
            it->old_stays[k] = true;
        } else {
            it->new_count++;
        }
    }
    it->same = it->new_count == 0 && it->chunks_count == it->old_count &&
               (it->version != 0) == (it->revision != 0) &&
               (!it->version || str_eq(it->old_audience, it->text.audience));
}

static void batch_build(struct arena *a, struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        b->new_count += b->items[i].new_count;
    if (!b->new_count)
        return;
    struct build *build = build_new(a, b->new_count);
    for (size_t i = 0; i < b->count; i++) {
        const struct item *it = &b->items[i];
        for (size_t k = 0; k < it->chunks_count; k++) {
            if (it->numbers[k])
                continue;
            it->chunks[k].tokens = build_add(build, it->text.title, it->chunks[k].body);
            b->tokens += it->chunks[k].tokens;
        }
    }
    build_pages(build, &b->pages, &b->pages_count);
}

/* ---- take, write ---- */

static enum err take_write(struct cx *cx, void *arg)
{
    struct batch *b = arg;
    struct search_space_take_in take = { .workspace_id = cx->principal.workspace_id,
                                         .chunks = (int64_t)b->new_count };
    struct search_space_take_row row;
    bool found;
    TRY(search_space_take(cx, &take, &row, &found));
    b->segment = row.next_segment - 1;
    b->first_chunk = row.next_chunk - (int64_t)b->new_count;
    struct search_segment_insert_in in = { .workspace_id = take.workspace_id,
                                           .segment = b->segment,
                                           .audience = b->audience,
                                           .state = STR("BUILDING"),
                                           .first_chunk = b->first_chunk,
                                           .last_chunk = row.next_chunk - 1,
                                           .chunks = (int64_t)b->new_count,
                                           .tokens = b->tokens,
                                           .dead = STR(""),
                                           .now = cx->now_ms };
    return search_segment_insert(cx, &in, NULL);
}

static enum err chunk_write(struct cx *cx, const struct batch *b, const struct item *it, size_t k,
                            int64_t number)
{
    const struct chunk *c = &it->chunks[k];
    struct search_chunk_insert_in in = { .workspace_id = cx->principal.workspace_id,
                                         .chunk = number,
                                         .source_type = str_of(b->type->type),
                                         .source_id = it->id,
                                         .part = (int64_t)k + 1,
                                         .tokens = c->tokens,
                                         .sha256 = { (const char *)c->sha256, SHA256_BYTES },
                                         .heading = c->heading,
                                         .body = c->body };
    return search_chunk_insert(cx, &in, NULL);
}

/* New chunks `from` … of the batch, as far as a slice goes. */
static enum err chunks_write(struct cx *cx, const struct batch *b, size_t from, size_t *ret_to)
{
    size_t at = 0, bytes = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct item *it = &b->items[i];
        for (size_t k = 0; k < it->chunks_count; k++) {
            if (it->numbers[k])
                continue;
            if (at - from < SLICE_ROWS && at >= from && bytes < SLICE_BYTES) {
                TRY(chunk_write(cx, b, it, k, b->first_chunk + (int64_t)at));
                bytes += it->chunks[k].body.len;
                *ret_to = at + 1;
            }
            at++;
        }
    }
    return OK;
}

struct slice {
    const struct batch *batch;
    size_t from, to;
};

static enum err chunks_slice(struct cx *cx, void *arg)
{
    struct slice *s = arg;
    return chunks_write(cx, s->batch, s->from, &s->to);
}

static enum err pages_slice(struct cx *cx, void *arg)
{
    struct slice *s = arg;
    const struct batch *b = s->batch;
    return pages_insert(cx, b->segment, 0, b->pages, b->pages_count, s->from, &s->to);
}

/* ---- publish ---- */

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum err source_write(struct cx *cx, struct batch *b, struct item *it, size_t *new_before)
{
    int64_t affected = 0, *numbers = arena_array(cx->arena, it->chunks_count, sizeof *numbers);
    struct search_source_set_in set = { .workspace_id = cx->principal.workspace_id,
                                        .source_type = str_of(b->type->type),
                                        .source_id = it->id,
                                        .revision = it->revision,
                                        .version = it->version,
                                        .audience = b->audience,
                                        .chunk_count = (int64_t)it->chunks_count,
                                        .now = cx->now_ms };
    struct search_source_delete_in gone = { set.workspace_id, set.source_type, set.source_id,
                                            set.revision };
    int64_t version;
    TRY(b->type->version(cx, it->id, &version));
    b->stale |= version != it->version;
    if (b->stale)
        return OK;
    for (size_t k = 0; k < it->chunks_count; k++)
        numbers[k] = it->numbers[k] ? it->numbers[k] : b->first_chunk + (int64_t)(*new_before)++;
    qsort(numbers, it->chunks_count, sizeof *numbers, by_number);
    set.chunks = numbers_write(cx->arena, numbers, it->chunks_count);
    if (!it->version) {
        TRY(search_source_delete(cx, &gone, &affected));
    } else if (it->revision) {
        TRY(search_source_set(cx, &set, &affected));
    } else {
        struct search_source_insert_in in = { set.workspace_id, set.source_type, set.source_id,
                                              set.version,      set.audience,    set.chunks,
                                              set.chunk_count,  set.now };
        TRY(search_source_insert(cx, &in, &affected));
    }
    b->stale |= affected != 1;
    return OK;
}

/* What is left of a segment that has lost its last chunk; the rest is the merge job's. */
static enum err segment_empty(struct cx *cx, int64_t segment)
{
    struct search_segment_dead_in dead = { cx->principal.workspace_id, segment, STR("LIVE") };
    struct search_pages_purge_in pages = { dead.workspace_id, segment, SLICE_ROWS };
    struct search_segment_delete_in row = { dead.workspace_id, segment };
    int64_t affected;
    TRY(search_segment_dead(cx, &dead, NULL));
    TRY(search_pages_purge(cx, &pages, &affected));
    if (affected == SLICE_ROWS)
        return merge_add(cx);
    return search_segment_delete(cx, &row, NULL);
}

struct gone {
    int64_t chunk, tokens;
};

static int by_chunk(const void *a, const void *b)
{
    const struct gone *x = a, *y = b;
    return (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

/* Marks the chunks (in order) that lie in the segment; *io_at goes on behind them. */
static enum err segment_lose(struct cx *cx, const struct segment *s, const struct gone *gone,
                             size_t count, size_t *io_at)
{
    size_t from = *io_at, to;
    int64_t tokens = s->dead_tokens;
    while (from < count && gone[from].chunk < s->first_chunk)
        from++;
    for (to = from; to < count && gone[to].chunk <= s->last_chunk; to++)
        tokens += gone[to].tokens;
    *io_at = to;
    if (to == from)
        return OK;
    size_t all = (size_t)s->dead_count + to - from;
    if ((int64_t)all >= s->chunks)
        return segment_empty(cx, s->segment);
    int64_t *dead = arena_array(cx->arena, all, sizeof *dead);
    if (s->dead_count)
        memcpy(dead, s->dead, (size_t)s->dead_count * sizeof *dead);
    for (size_t i = from; i < to; i++)
        dead[(size_t)s->dead_count + i - from] = gone[i].chunk - s->first_chunk;
    qsort(dead, all, sizeof *dead, by_number);
    struct search_segment_set_dead_in in = { .workspace_id = cx->principal.workspace_id,
                                             .segment = s->segment,
                                             .dead_count = (int64_t)all,
                                             .dead_tokens = tokens,
                                             .dead = numbers_write(cx->arena, dead, all) };
    return search_segment_set_dead(cx, &in, NULL);
}

/* Deletes the items' chunks, of those that were of that audience, that do not stay. */
static enum err chunks_delete(struct cx *cx, const struct batch *b, struct str audience,
                              struct gone **ret, size_t *ret_count)
{
    struct search_chunk_delete_in in = { .workspace_id = cx->principal.workspace_id };
    struct search_chunk_delete_row row;
    size_t most = 0, count = 0;
    bool found;
    for (size_t i = 0; i < b->count; i++)
        most += b->items[i].old_count;
    struct gone *gone = arena_array(cx->arena, most, sizeof *gone);
    for (size_t i = 0; i < b->count; i++) {
        const struct item *it = &b->items[i];
        if (!it->revision || !str_eq(it->old_audience, audience))
            continue;
        for (size_t k = 0; k < it->old_count; k++) {
            if (it->old_stays[k])
                continue;
            in.chunk = it->old[k];
            TRY(search_chunk_delete(cx, &in, &row, &found));
            if (found)
                gone[count++] = (struct gone){ it->old[k], row.tokens };
        }
    }
    qsort(gone, count, sizeof *gone, by_chunk);
    *ret = gone;
    *ret_count = count;
    return OK;
}

static enum err old_remove(struct cx *cx, const struct batch *b, struct str audience)
{
    size_t count, segments_count, at = 0;
    struct gone *gone;
    struct segment *segments;
    TRY(chunks_delete(cx, b, audience, &gone, &count));
    if (!count)
        return OK;
    TRY(segments_read(cx, audience, &segments, &segments_count));
    for (size_t i = 0; i < segments_count; i++)
        TRY(segment_lose(cx, &segments[i], gone, count, &at));
    return OK;
}

static enum err all_old_remove(struct cx *cx, const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        bool done = !b->items[i].revision;
        for (size_t k = 0; k < i && !done; k++)
            done =
                b->items[k].revision && str_eq(b->items[k].old_audience, b->items[i].old_audience);
        if (!done)
            TRY(old_remove(cx, b, b->items[i].old_audience));
    }
    return OK;
}

static enum err publish(struct cx *cx, void *arg)
{
    struct batch *b = arg;
    size_t new_before = 0, count, from, picked;
    struct segment *segments;
    b->stale = false;
    for (size_t i = 0; i < b->count && !b->stale; i++)
        TRY(source_write(cx, b, &b->items[i], &new_before));
    if (b->new_count && !b->stale) {
        struct search_segment_live_in live = { .workspace_id = cx->principal.workspace_id,
                                               .segment = b->segment,
                                               .chunks = (int64_t)b->new_count,
                                               .tokens = b->tokens,
                                               .dead = STR("") };
        int64_t affected;
        TRY(search_segment_live(cx, &live, &affected));
        b->stale = affected != 1;
    }
    if (b->stale)
        FAIL(cx, CONFLICT, "What is to be indexed was changed meanwhile.");
    TRY(all_old_remove(cx, b));
    TRY(segments_read(cx, b->audience, &segments, &count));
    return merge_pick(segments, count, &from, &picked) ? merge_add(cx) : OK;
}

/* ---- one batch ---- */

static enum err in_one_write(struct cx *cx, void *arg)
{
    struct batch *b = arg;
    size_t to = 0;
    if (b->new_count) {
        TRY(take_write(cx, b));
        TRY(chunks_write(cx, b, 0, &to));
        TRY(pages_insert(cx, b->segment, 0, b->pages, b->pages_count, 0, &to));
    }
    return publish(cx, b);
}

static bool fits_one_write(const struct batch *b)
{
    size_t bytes = 0;
    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < b->items[i].chunks_count; k++)
            bytes += b->items[i].chunks[k].body.len;
    for (size_t i = 0; i < b->pages_count; i++)
        bytes += b->pages[i].body.len;
    return b->new_count <= ONE_WRITE_CHUNKS && b->pages_count <= SLICE_ROWS &&
           bytes < SLICE_BYTES / 2;
}

static enum err build_forget(struct cx *cx, void *arg)
{
    const struct batch *b = arg;
    struct search_segment_dead_in in = { cx->principal.workspace_id, b->segment, STR("BUILDING") };
    TRY(search_segment_dead(cx, &in, NULL));
    return merge_add(cx);
}

static enum err in_slices(struct cx *cx, struct batch *b)
{
    struct slice s = { .batch = b };
    TRY(db_write(cx, take_write, b));
    for (s.from = s.to = 0; s.to < b->new_count; s.from = s.to)
        TRY(db_write(cx, chunks_slice, &s));
    for (s.from = s.to = 0; s.to < b->pages_count; s.from = s.to)
        TRY(db_write(cx, pages_slice, &s));
    enum err e = db_write(cx, publish, b);
    if (e != OK && b->stale)
        (void)db_write(cx, build_forget, b); /* else the merge job finds it by its age */
    return e;
}

/* OK with b->stale: somebody was faster, nothing is written. */
static enum err batch_write(struct cx *cx, struct batch *b)
{
    batch_build(cx->arena, b);
    enum err e = fits_one_write(b) ? db_write(cx, in_one_write, b) : in_slices(cx, b);
    if (e == ERR_CONFLICT && b->stale) {
        cx_clear_failure(cx);
        return OK;
    }
    return e;
}

/* ---- all sources ---- */

/* The next batch: items of one audience (and such as are gone), no more than a write may change.
 * Those taken are left out of what remains. */
static void batch_take(struct arena *a, struct batch *b, struct item *items, bool *open,
                       size_t count)
{
    size_t rows = 0;
    bool first = true;
    b->items = arena_array(a, count, sizeof *b->items);
    b->audience = STR("");
    for (size_t i = 0; i < count; i++) {
        const struct item *it = &items[i];
        size_t more = it->new_count + it->old_count;
        if (!open[i] || (rows && rows + more > CHUNKS_MAX))
            continue;
        if (it->version && !first && !str_eq(it->text.audience, b->audience))
            continue;
        if (it->version && first) {
            b->audience = it->text.audience;
            first = false;
        }
        rows += more;
        open[i] = false;
        b->items[b->count++] = *it;
    }
}

/* One round over ids; *ret_left of them, moved to the front, were changed meanwhile. */
static enum err round_run(struct cx *cx, const struct source_type *type, struct str *ids,
                          size_t count, size_t *ret_left)
{
    struct batch all = { .type = type,
                         .items = arena_array(cx->arena, count, sizeof(struct item)),
                         .count = count };
    bool *open = arena_array(cx->arena, count, sizeof *open);
    size_t left = 0, todo = 0;
    for (size_t i = 0; i < count; i++)
        all.items[i].id = ids[i];
    TRY(db_read(cx, batch_read, &all));
    for (size_t i = 0; i < count; i++) {
        item_compare(cx->arena, &all.items[i]);
        open[i] = !all.items[i].same;
        todo += open[i];
    }
    while (todo > 0) {
        struct batch b = { .type = type };
        batch_take(cx->arena, &b, all.items, open, count);
        TRY(batch_write(cx, &b));
        for (size_t i = 0; b.stale && i < b.count; i++)
            ids[left++] = b.items[i].id;
        todo -= b.count;
    }
    *ret_left = left;
    return OK;
}

enum err index_sources(struct cx *cx, const struct source_type *type, const struct str *ids,
                       size_t count)
{
    struct str *left = arena_array(cx->arena, count, sizeof *left);
    enum err e = OK;
    memcpy(left, ids, count * sizeof *left);
    for (int tries = 0; e == OK && count > 0; tries++) {
        struct cx own = *cx;
        own.arena = arena_new(64 * 1024);
        if (tries < TRIES_MAX)
            e = round_run(&own, type, left, count, &count);
        else
            e = cx_fail(&own, ERR_CONFLICT, "The sources change faster than they are indexed.");
        /* Ids that are left are the caller's own. */
        if (e != OK)
            failure_keep(cx, &own);
        arena_free(own.arena);
    }
    return e;
}

/* ---- jobs ---- */

static enum err index_run(struct cx *cx, const struct job *job)
{
    struct json payload;
    struct json_fault fault;
    if (json_parse(cx->arena, job->payload, NULL, &payload, &fault) != OK)
        return cx_fault(cx, "the payload is no JSON: %s", fault.message);
    const struct source_type *type = source_type_find(json_text(&payload, "sourceType"));
    struct str id = json_text(&payload, "sourceId");
    if (!type || !str_given(id))
        return cx_fault(cx, "the payload names no source");
    return index_sources(cx, type, &id, 1);
}

struct ids {
    const struct source_type *type;
    struct str after;
    struct str *ids;
    size_t count;
};

static enum err ids_read(struct cx *cx, void *arg)
{
    struct ids *s = arg;
    return s->type->ids(cx, s->after, BATCH_SOURCES, &s->ids, &s->count);
}

struct progress {
    const struct job *job;
    int64_t done;
};

static enum err progress_write(struct cx *cx, void *arg)
{
    const struct progress *p = arg;
    return job_progress(cx, p->job, str_fmt(cx->arena, "{\"sources\":%lld}", (long long)p->done));
}

/* Every source of the workspace. Begun again, it passes over what is indexed already. */
static enum err backfill_run(struct cx *cx, const struct job *job)
{
    struct progress p = { .job = job };
    for (size_t i = 0; i < source_types_count; i++) {
        struct ids s = { .type = &source_types[i], .after = STR("") };
        do {
            TRY(db_read(cx, ids_read, &s));
            TRY(index_sources(cx, s.type, s.ids, s.count));
            if (s.count)
                s.after = s.ids[s.count - 1];
            p.done += (int64_t)s.count;
            TRY(db_write(cx, progress_write, &p));
        } while (s.count == BATCH_SOURCES);
    }
    return OK;
}

const struct job_kind search_job_kinds[] = {
    { .name = KB_INDEX_JOB, .run = index_run },
    { .name = "search_backfill", .run = backfill_run },
    { .name = "search_merge", .run = search_merge_run },
};
const size_t search_job_kinds_count = sizeof search_job_kinds / sizeof *search_job_kinds;
