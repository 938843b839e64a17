/* Postings: which chunks of a segment have a term, how often, and how long those chunks are.
 *
 * A segment is a sorted table of terms, cut into pages of about PAGE_BYTES; a page is one row of
 * search_pages. Its key is (first_term, first_window): the term that begins in it first, window 0;
 * or, for a page that goes on with the list of a term, that term and the first window in the page.
 *
 *   page   := entry… | block…                                (the second: a list goes on)
 *   entry  := u8 length, term, varint (df << 1 | goes on), impacts, varint bytes, block…
 *   block  := varint window step, varint n - 1, varint bytes, [impacts, if n > 1], body
 *   body   := n varints (slot steps within the window, from -1, less one), n bytes tf, n bytes
 * length impacts := u8 n, n × (u8 tf, u8 length)
 *
 * A slot is the number of a chunk less the segment's first; a window is 1,024 slots, and a block
 * what a list has of one window: all lists are cut at the same places, so that the ranking
 * (rank.h) goes window by window. Window steps count from 0 at the beginning of each page and
 * entry. Impacts are the pairs that nothing in the block (in the whole list, for an entry) beats
 * in both tf and shortness: from them comes an upper bound of the score without decoding.
 * tf stops at 255. What is read is checked: a damaged page is a fault, never a wild read. */
#ifndef SEARCH_POSTINGS_H
#define SEARCH_POSTINGS_H

#include "base/buf.h"
#include "search/tokenise.h"

#define WINDOW_BITS 10
#define WINDOW_SLOTS (1 << WINDOW_BITS)
#define PAGE_BYTES 16384
#define IMPACTS_MAX 12
#define SEGMENT_SLOTS_MAX (INT64_C(1) << 40)
#define SEGMENT_CHUNKS_MAX (1 << 20)
/* A page holds at least one block, and never more than the larger of this and PAGE_BYTES. */
#define BLOCK_BYTES_MAX (8 * 1024)

struct impact {
    uint8_t tf, length;
};

/* ---- writing: terms in byte order, slots of each in order ---- */

struct page {
    struct str first_term;
    int64_t first_window;
    struct str body;
};

/* Makes pages in the arena. Zero, then `arena`; pages are taken (and the count set back) at will
 * between two terms. */
struct page_writer {
    struct arena *arena;
    struct page *pages;
    size_t count, cap;
    size_t bytes;       /* of all pages that stand here */
    struct buf entries; /* the page under way */
    struct str entries_first;
    /* the list under way */
    struct buf blocks, body; /* body: of one block */
    struct block_at {
        int64_t window;
        size_t from, to; /* of `blocks`, without the window step */
    } * at;
    size_t at_count, at_cap;
    int64_t df;
    uint8_t shortest[256]; /* by tf, of the whole list, where `has` says so */
    bool has[256];
    int64_t window; /* of the block under way; -1: none */
    size_t n;
    uint16_t slots[WINDOW_SLOTS];
    uint8_t tfs[WINDOW_SLOTS], lengths[WINDOW_SLOTS];
};
void page_writer_init(struct page_writer *w, struct arena *a);
void page_writer_release(struct page_writer *w); /* buffers; not the arena's pages */
void list_add(struct page_writer *w, int64_t slot, uint8_t tf, uint8_t length);
/* Ends the list and files it under `term`; a list without postings is dropped. */
void list_end(struct page_writer *w, struct str term);
/* Ends the page under way. */
void pages_end(struct page_writer *w);
/* Between two terms, after pages_end: the pages have been used, and the arena is to be cleared. */
void page_writer_taken(struct page_writer *w);

/* ---- reading ---- */

struct impacts {
    uint8_t count;
    struct impact at[IMPACTS_MAX];
};

struct list {
    struct str term;
    int64_t df;
    struct impacts impacts;
    bool goes_on;      /* in the pages behind */
    struct str blocks; /* in this page */
};
/* Finds the term in a page of entries. False: it is not there, or the page is damaged
 * (*ret_damaged). */
bool page_find(struct str body, struct str term, struct list *ret, bool *ret_damaged);
/* The next entry at *pos; false at the end or (*ret_damaged). */
bool page_entry(struct str body, size_t *pos, struct list *ret, bool *ret_damaged);

struct block {
    int64_t window;
    size_t n;
    struct impacts impacts;
    struct str body;
};
struct block_reader {
    struct str rest;
    int64_t window;
    bool damaged;
};
/* The next block of a page's part of a list. False at its end, or `damaged`. */
bool block_next(struct block_reader *r, struct block *ret);

struct postings {
    size_t n;
    uint16_t slots[WINDOW_SLOTS]; /* within the window */
    const uint8_t *tfs, *lengths; /* in the block */
};
/* False: damaged. */
bool block_decode(const struct block *b, struct postings *ret);

#endif
