/* English stemming: Porter's algorithm (1980) with its author's two later changes, as Lucene's
 * EnglishAnalyzer applies it.
 *
 *   renewals, renewal → renew    restored, restore, restores → restor
 *
 * Words of other languages and names go through it as well: what counts is that both sides of a
 * search become the same. */
#ifndef SEARCH_STEM_H
#define SEARCH_STEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Of a folded word, in place; returns its new length, which is never larger. Words with anything
 * but a-z, those of one or two letters, and what would be left with one (AED), stay. */
size_t stem_english(char *word, size_t len);
/* Is the (folded, unstemmed) word one that says nothing in a query: the, of, how …? */
bool is_stop_word(struct str word);

#endif
