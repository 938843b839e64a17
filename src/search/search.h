/* Full text: finding documents by their words, the same on both engines.
 *
 * Owns the tables search_*: chunks of texts (chunk.h) and, for each workspace and audience, an
 * inverted index in segments (postings.h). An audience is who may see a text: the workspace, or one
 * user alone. A search reads the segments of the workspace and of the caller, and of nobody else:
 * what a caller may not see takes no part in the ranking, not even in how rare a word is. What was
 * found is looked up once more in its own table before it is answered, so that a change of rights
 * holds at once, before the index has followed.
 *
 * The index follows by jobs: whoever changes a source adds a job of kind "search_index"
 * (payload {"sourceType":"DOCUMENT","sourceId":"…"}) in the transaction of the change. Also owns
 * the index of the program's own documentation, which is in memory. */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include "jobs/jobs.h"
#include "op/op.h"
#include "search/snippet.h"

#define SEARCH_LIMIT_MAX 50
#define SEARCH_LIMIT_DEFAULT 10

struct search_result {
    struct str kind;           /* "document" */
    struct str source_type;    /* "DOCUMENT" */
    struct str id, title, url; /* url: path of the console */
    struct str heading;        /* absent: none */
    struct str snippet;        /* of the best chunk */
    struct str text;           /* of passages: the whole chunk */
    int64_t part;              /* of passages: which chunk of its source */
    double score;
};

struct search_in {
    struct str query; /* at most QUERY_CHARS_MAX characters; QUERY_TERMS_MAX terms count */
    int64_t limit;    /* 1-SEARCH_LIMIT_MAX */
    bool passages;    /* chunks, several of one source; else sources, each by its best chunk */
};
struct search_out {
    struct search_result *results; /* best first */
    size_t count;
    bool complete; /* false: time ran out, the best may be missing */
};
/* What the caller of cx may see in cx's workspace. Inside a read. A query without words finds
 * nothing. */
enum err search_run(struct cx *cx, const struct search_in *in, struct search_out *ret);

/* ---- the program's documentation ---- */

struct search_docs;
struct search_docs *search_docs_new(void);
void search_docs_free(struct search_docs *d);

struct search_doc_result {
    struct str title, heading, url, snippet;
    double score;
    int64_t rank; /* 1 … */
};
/* Indexes at the first call (pages of docs/, operations of the program), then only reads. */
enum err search_docs_run(struct cx *cx, struct str query, int64_t limit,
                         struct search_doc_result **ret, size_t *ret_count);

/* ---- jobs ---- */

/* "search_index", "search_backfill", "search_merge". */
extern const struct job_kind search_job_kinds[];
extern const size_t search_job_kinds_count;

/* Operation rows: search, knowledge_search, search_system_docs. */
extern const struct op search_ops[];
extern const size_t search_ops_count;

#endif
