/* What a result shows: query terms, and the part of a text around them. */
#ifndef SEARCH_SNIPPET_H
#define SEARCH_SNIPPET_H

#include "search/rank.h"

#define QUERY_CHARS_MAX 200
#define SNIPPET_BYTES 240

/* Distinct terms of a query in the order of their first place, at most QUERY_TERMS_MAX; what comes
 * behind is left out. So are stop words, unless there is nothing else. */
void query_terms(struct arena *a, struct str query, struct query_term **ret, size_t *ret_count);
/* About SNIPPET_BYTES of the body where the heaviest terms stand together, on one line, without
 * marks of headings; with … where something is left out. *io_heading becomes the heading that
 * stands before it in the body, if any. */
struct str snippet_make(struct arena *a, struct str body, const struct query_term *terms,
                        size_t terms_count, struct str *io_heading);
/* Are all words of the query (not the extra ones) in the title? */
bool title_has_all(struct str title, const struct query_term *terms, size_t terms_count);

#endif
