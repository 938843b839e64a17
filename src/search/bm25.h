/* BM25 as Lucene 8 and later compute it (k1 = 1.2, b = 0.75), lengths quantised to a byte likewise.
 *
 *   idf    = ln(1 + (N - df + 0.5) / (df + 0.5))
 *   score  = idf · (1 - 1 / (1 + tf / (k1 · (1 - b + b · length / average))))
 *
 * The constant factor k1 + 1 of the textbook is left out, as there: it orders nothing. */
#ifndef SEARCH_BM25_H
#define SEARCH_BM25_H

#include <stdint.h>

/* Lucene's SmallFloat.intToByte4: exact up to 39, then with four significant bits. */
uint8_t bm25_length_byte(int64_t length);
int64_t bm25_byte_length(uint8_t byte);

double bm25_idf(int64_t chunks, int64_t df);

/* For one collection: 1 / (k1 · …) of every length. */
struct bm25 {
    double inverse[256];
};
void bm25_init(struct bm25 *b, int64_t chunks, int64_t tokens);
static inline double bm25_score(const struct bm25 *b, double weight, uint8_t tf, uint8_t length)
{
    return weight - weight / (1.0 + (double)tf * b->inverse[length]);
}

#endif
