/* Search keys: text in a form that compares equal whatever its case and spacing.
 *
 * Unicode simple case folding (CaseFolding.txt, status C and S), runs of white space as one space,
 * none at the ends. Keys are made here and not by a database, so that both engines agree. */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include "base/str.h"

/* One code point; those without another case stay. */
uint32_t fold_code_point(uint32_t cp);
/* `s` must be valid UTF-8. The key has at most 2 * s.len bytes. */
struct str fold_key(struct arena *a, struct str s);

#endif
