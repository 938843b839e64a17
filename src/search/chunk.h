/* Chunks: a text cut into overlapping pieces of CHUNK_TOKENS words, the unit of search.
 *
 * A text is plain lines; lines that begin with one to six # and a space are headings. */
#ifndef SEARCH_CHUNK_H
#define SEARCH_CHUNK_H

#include "base/crypto.h"
#include "search/tokenise.h"

#define CHUNK_TOKENS 512
#define CHUNK_OVERLAP 64
#define CHUNKS_MAX 1000 /* of one source; what stands behind is not searched */

struct chunk {
    struct str body;              /* of the text */
    struct str heading;           /* above the beginning of body; "" when there is none */
    int64_t tokens;               /* of body */
    uint8_t sha256[SHA256_BYTES]; /* of title, heading and body */
};
/* At least one chunk (of an empty text one without body). */
void chunks_make(struct arena *a, struct str title, struct str text, struct chunk **ret,
                 size_t *ret_count);

/* Is the line a heading? Then what it says. */
bool heading_line(struct str line, struct str *ret);

#endif
