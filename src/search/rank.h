/* Ranking: the k best chunks of a query over lists of postings (postings.h) by BM25 (bm25.h).
 *
 * Exact: the same as scoring every chunk, in less time. Windows of 1,024 slots are visited in
 * order. Lists are ordered by the most that they can give; as soon as k chunks are known, the lists
 * that together could not lift a chunk over the worst of them are only looked up for chunks that
 * other lists have brought up (MaxScore, Turtle and Flood 1995), and windows whose impacts stay
 * below it are not decoded (block-max, Ding and Suel 2011).
 *
 * Knows no database: lists come as bytes, and `more` brings their further pages. Equal scores stand
 * in order of segments and slots. */
#ifndef SEARCH_RANK_H
#define SEARCH_RANK_H

#include "base/cx.h"
#include "search/bm25.h"
#include "search/postings.h"

#define QUERY_TERMS_MAX 32
#define RANK_HITS_MAX 4096

struct query_term {
    struct str term;
    int64_t times; /* in the query */
    int64_t df;    /* over everything that is searched */
    double weight; /* idf · times */
    bool extra;    /* tokenise.h */
};

struct rank_list {
    uint32_t term;    /* of the query */
    struct list list; /* as page_find found it */
    int64_t page;     /* number of that page */
};
struct rank_segment {
    int64_t segment;     /* for `more` */
    int64_t first_chunk; /* slot 0 */
    struct rank_list *lists;
    size_t lists_count;
    const int64_t *dead; /* slots of deleted chunks, in order */
    size_t dead_count;
};

struct rank_more { /* a further page of a list */
    int64_t segment;
    struct str term;
    int64_t page;   /* the one that was read last */
    int64_t window; /* the last page behind `page` that begins at or before it, else the next one */
    char *into;     /* room for PAGE_BYTES, for those who have no bytes that stay */
    struct str ret_blocks; /* live until the next call with the same `into` */
    int64_t ret_page;
    bool ret_found;
};

struct rank_query {
    const struct query_term *terms;
    size_t terms_count;
    const struct bm25 *bm25;
    size_t k;         /* 1-RANK_HITS_MAX */
    int64_t until_us; /* monotonic: then it ends with what it has; 0: never */
    enum err (*more)(struct cx *cx, void *arg, struct rank_more *m);
    void *arg;
};
struct rank_hit {
    int64_t segment, chunk;
    double score;
};
/* Best first. *ret_complete is false when time ran out. A damaged list is an internal fault. */
enum err rank_top(struct cx *cx, const struct rank_query *q, struct rank_segment *segments,
                  size_t segments_count, struct rank_hit **ret, size_t *ret_count,
                  bool *ret_complete);

#endif
