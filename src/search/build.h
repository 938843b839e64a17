/* A segment in memory: chunks in, sorted pages of postings out (postings.h). */
#ifndef SEARCH_BUILD_H
#define SEARCH_BUILD_H

#include "search/chunk.h"
#include "search/postings.h"

struct build;
/* Everything lives in the arena. At most `chunks_max` chunks, at most SEGMENT_CHUNKS_MAX. */
struct build *build_new(struct arena *a, size_t chunks_max);
/* The next slot: the words of the title count as words of the chunk. Answers the chunk's length. */
int64_t build_add(struct build *b, struct str title, struct str body);
size_t build_chunks(const struct build *b);
/* Once, at the end. */
void build_pages(struct build *b, struct page **ret, size_t *ret_count);

#endif
