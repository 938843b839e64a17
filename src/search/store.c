/* See store.h. */
#include "search/store.h"

#include <assert.h>

#include "search/search_sql.h"

struct str numbers_write(struct arena *a, const int64_t *numbers, size_t count)
{
    struct buf b;
    int64_t before = 0;
    buf_init(&b, a, 10 * count + 1);
    for (size_t i = 0; i < count; i++) {
        assert(numbers[i] >= before);
        uint64_t step = (uint64_t)(numbers[i] - before);
        for (; step >= 0x80; step >>= 7)
            buf_put_byte(&b, (char)(step | 0x80));
        buf_put_byte(&b, (char)step);
        before = numbers[i];
    }
    return buf_str(&b);
}

size_t numbers_read(struct arena *a, struct str blob, int64_t **ret)
{
    int64_t *numbers = arena_array(a, blob.len, sizeof *numbers);
    size_t count = 0;
    uint64_t step = 0, before = 0;
    unsigned shift = 0;
    for (size_t i = 0; i < blob.len && shift < 63; i++) {
        uint8_t byte = (uint8_t)blob.ptr[i];
        step |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80)
            continue;
        before += step;
        numbers[count++] = (int64_t)(before & INT64_MAX);
        step = 0;
        shift = 0;
    }
    *ret = numbers;
    return count;
}

enum err segments_read(struct cx *cx, struct str audience, struct segment **ret, size_t *ret_count)
{
    struct search_segment_list_in in = { .workspace_id = cx->principal.workspace_id,
                                         .audience = audience };
    struct search_segment_list_row *rows;
    size_t count;
    TRY(search_segment_list(cx, &in, &rows, &count));
    struct segment *segments = arena_array(cx->arena, count, sizeof *segments);
    for (size_t i = 0; i < count; i++) {
        struct segment *s = &segments[i];
        *s = (struct segment){ .segment = rows[i].segment,
                               .first_chunk = rows[i].first_chunk,
                               .last_chunk = rows[i].last_chunk,
                               .chunks = rows[i].chunks,
                               .tokens = rows[i].tokens,
                               .dead_tokens = rows[i].dead_tokens };
        s->dead_count = (int64_t)numbers_read(cx->arena, rows[i].dead, &s->dead);
        if (s->dead_count != rows[i].dead_count)
            return cx_fault(cx, "segment %lld counts its dead wrongly", (long long)rows[i].segment);
    }
    *ret = segments;
    *ret_count = count;
    return OK;
}

/* ---- which segments to merge ---- */

static int tier_of(const struct segment *s)
{
    int64_t live = s->chunks - s->dead_count;
    int tier = 0;
    for (int64_t size = 64; live >= size && tier < 5; size *= 8)
        tier++;
    return tier;
}

/* Neighbours of at most that tier, none of which is larger than all others together. */
static bool run_of(const struct segment *s, size_t count, int tier, size_t *ret_from,
                   size_t *ret_count)
{
    size_t from = 0;
    for (size_t i = 0; i <= count; i++) {
        if (i < count && tier_of(&s[i]) <= tier)
            continue;
        size_t n = i - from < MERGE_MOST ? i - from : MERGE_MOST;
        int64_t sum = 0, most = 0;
        for (size_t k = from; k < from + n; k++) {
            int64_t live = s[k].chunks - s[k].dead_count;
            sum += live;
            most = live > most ? live : most;
        }
        if (n >= MERGE_FAN && (tier == 0 || 2 * most <= sum) && sum <= SEGMENT_CHUNKS_MAX) {
            *ret_from = from;
            *ret_count = n;
            return true;
        }
        from = i + 1;
    }
    return false;
}

bool merge_pick(const struct segment *s, size_t count, size_t *ret_from, size_t *ret_count)
{
    for (int tier = 0; tier <= 4; tier++)
        if (run_of(s, count, tier, ret_from, ret_count))
            return true;
    for (size_t i = 0; i < count; i++)
        if (4 * s[i].dead_count > s[i].chunks && (s[i].chunks >= 64 || count >= MERGE_FAN)) {
            *ret_from = i;
            *ret_count = 1;
            return true;
        }
    return false;
}

enum err merge_add(struct cx *cx)
{
    struct job_new j = { .kind = "search_merge",
                         .unique_key = cx->principal.workspace_id,
                         .priority = -1 };
    return job_add(cx, &j, NULL);
}

void failure_keep(struct cx *cx, const struct cx *own)
{
    const struct failure *f = &own->failure;
    cx->failure = (struct failure){ .code = f->code };
    if (str_given(f->message))
        cx->failure.message = str_copy(cx->arena, f->message);
    if (str_given(f->log_detail))
        cx->failure.log_detail = str_copy(cx->arena, f->log_detail);
}

enum err pages_insert(struct cx *cx, int64_t segment, int64_t page_base, const struct page *pages,
                      size_t count, size_t from, size_t *ret_to)
{
    size_t to = from, bytes = 0;
    while (to < count && to - from < SLICE_ROWS && bytes < SLICE_BYTES) {
        const struct page *p = &pages[to];
        struct search_page_insert_in in = { .workspace_id = cx->principal.workspace_id,
                                            .segment = segment,
                                            .page = page_base + (int64_t)to,
                                            .first_term = p->first_term,
                                            .first_window = p->first_window,
                                            .body = p->body };
        TRY(search_page_insert(cx, &in, NULL));
        bytes += p->body.len;
        to++;
    }
    *ret_to = to;
    return OK;
}
