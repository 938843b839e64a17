/* The index in its tables: what indexing, merging and searching share. Private to src/search. */
#ifndef SEARCH_STORE_H
#define SEARCH_STORE_H

#include "search/postings.h"
#include "search/search.h"
#include "search/source.h"

/* Rows that one slice of a write puts or removes, and their bytes, at most. */
#define SLICE_ROWS 64
#define SLICE_BYTES (256 * 1024)
/* Segments are merged when so many of a size lie side by side, and so many at a time. */
#define MERGE_FAN 8
#define MERGE_MOST 32
/* What is being built for so long is not built any more. */
#define BUILD_MS_MAX (60 * 60 * 1000)

/* Numbers as a blob: steps as varints. For `numbers_read` any bytes are fine: what is no number
 * ends it (*ret_count tells). */
struct str numbers_write(struct arena *a, const int64_t *numbers, size_t count);
size_t numbers_read(struct arena *a, struct str blob, int64_t **ret);

struct segment {
    int64_t segment, first_chunk, last_chunk;
    int64_t chunks, tokens; /* with the dead ones: so counts BM25 until they are merged out */
    int64_t dead_count, dead_tokens; /* of these */
    int64_t *dead;                   /* slots, in order */
};
/* The live segments of an audience of cx's workspace, oldest chunks first. */
enum err segments_read(struct cx *cx, struct str audience, struct segment **ret, size_t *ret_count);

/* Which neighbours should become one: *ret_from, *ret_count; false: none. */
bool merge_pick(const struct segment *s, size_t count, size_t *ret_from, size_t *ret_count);
/* Inside a write: adds the job that merges and cleans up. */
enum err merge_add(struct cx *cx);

/* Keeps a failure that a shorter-lived arena holds. */
void failure_keep(struct cx *cx, const struct cx *own);

/* Writes pages [*io_from, …) of a segment as far as a slice goes; numbers them from `page_base`.
 * Inside a write. */
enum err pages_insert(struct cx *cx, int64_t segment, int64_t page_base, const struct page *pages,
                      size_t count, size_t from, size_t *ret_to);

/* ---- indexing ---- */

/* Brings the index to what the sources are now; the job kinds and tests call it. Outside of any
 * transaction, in cx's workspace. */
enum err index_sources(struct cx *cx, const struct source_type *type, const struct str *ids,
                       size_t count);
enum err search_merge_run(struct cx *cx, const struct job *job);

#endif
