/* Words of a text, as the full-text index knows them. Pure; the same for indexing, for queries and
 * for snippets, and the same on both database engines.
 *
 *   "Dr. Müller's file MAT-0042"  →  dr  müller  file  mat  0042  mat-0042*
 *
 * - A word is a run of letters, marks and digits (Unicode), folded as base/fold.h folds; full-width
 *   forms as their ASCII twins. An apostrophe between letters belongs to the word, a final 's does
 *   not.
 * - Words joined by one of - _ / . , : @ + without a space, of which one has a digit (ids, dates,
 *   amounts, versions), are followed by the whole as an extra token*. Extra tokens are searched but
 *   not counted in lengths.
 * - Scripts without spaces between words (Han, kana, Thai …) and Hangul give overlapping pairs; a
 *   single character alone gives itself.
 * - Words of letters a-z are stemmed as English (stem.h); the terms above are what they were
 * before.
 * - A term has at most TERM_BYTES_MAX bytes; of a longer word the beginning counts. */
#ifndef SEARCH_TOKENISE_H
#define SEARCH_TOKENISE_H

#include "base/str.h"

#define TERM_BYTES_MAX 64

struct token {
    struct str term; /* in the tokeniser, until the next call */
    size_t from, to; /* bytes of the text */
    bool extra;
    bool stop; /* says nothing in a query (stem.h); indexed as any other */
};

struct tokeniser {
    struct str text;
    size_t pos;
    size_t join_from, join_to; /* the words joined so far; join_parts 0: none */
    int join_parts;
    bool join_digit;
    bool pairs; /* the character before pos was in a pair already */
    char term[TERM_BYTES_MAX + 4];
};

/* `text` must be valid UTF-8 and live as long. */
void tokeniser_init(struct tokeniser *t, struct str text);
bool tokeniser_next(struct tokeniser *t, struct token *ret);

#endif
