/* Light English stemming: plurals only (Harman's "S" stemmer, 1991; Lucene's
 * EnglishMinimalStemmer).
 *
 *   companies → company   visas → visa   passes → passe (as does "passe": what counts is that both
 *   sides of a search become the same)
 *
 * No more than that: names, ids and other languages go through the same words, and heavier rules
 * (Porter's) turn different words into one. docs/search.md has the measurement. */
#ifndef SEARCH_STEM_H
#define SEARCH_STEM_H

#include <stddef.h>

/* Of a folded word, in place; returns its new length. Words with anything but a-z stay. */
size_t stem_english(char *word, size_t len);

#endif
