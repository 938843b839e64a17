/* The pages of docs/ and the README, embedded by tools/embed_docs.py. Private to src/search. */
#ifndef SEARCH_DOCS_PAGES_H
#define SEARCH_DOCS_PAGES_H

#include <stddef.h>

struct docs_page {
    const char *name; /* in the manual, below /docs/: "operations", "security/log" */
    const char *text; /* Markdown */
};
extern const struct docs_page docs_pages[];
extern const size_t docs_pages_count;

#endif
