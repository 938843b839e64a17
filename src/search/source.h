/* Sources: what can be searched, and the rooms that it comes from. Private to src/search.
 *
 * A row for each type; the rooms stand to the left, so that they are asked here and know nothing of
 * the index. */
#ifndef SEARCH_SOURCE_H
#define SEARCH_SOURCE_H

#include "base/cx.h"

struct source_text {
    int64_t version;        /* ≥ 1 */
    struct str audience;    /* "": the workspace; else a user's id */
    struct str title, text; /* text: lines, headings marked (chunk.h) */
};
struct source_brief {
    struct str kind, title, url;
};

struct source_type {
    const char *type; /* "DOCUMENT" */
    /* For the indexer: rights are not asked. Not found: there is nothing to index (any more). */
    enum err (*read)(struct cx *cx, struct str id, struct source_text *ret, bool *ret_found);
    /* Of what `read` would read now; 0: not found. */
    enum err (*version)(struct cx *cx, struct str id, int64_t *ret);
    /* As the caller of cx may see it now. */
    enum err (*brief)(struct cx *cx, struct str id, struct source_brief *ret, bool *ret_found);
    /* Ids behind `after`, in order, at most `limit`. */
    enum err (*ids)(struct cx *cx, struct str after, int64_t limit, struct str **ret,
                    size_t *ret_count);
};
extern const struct source_type source_types[];
extern const size_t source_types_count;
/* NULL: there is no such type. */
const struct source_type *source_type_find(struct str type);

#endif
