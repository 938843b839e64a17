/* Ids: `c` + 8 base-36 digits of milliseconds + 4 of a counter + 12 random, 25 characters.
 * Ordered by time, and within a millisecond by the process's counter. */
#ifndef BASE_CUID_H
#define BASE_CUID_H

#include "base/str.h"

#define CUID_BYTES 25

/* Thread safe. */
void cuid_make(int64_t now_ms, char out[CUID_BYTES]);
struct str cuid_new(struct arena *a, int64_t now_ms);
bool cuid_valid(struct str s); /* shape only */
/* Client-made ids: 1-64 of [A-Za-z0-9._:-]. */
bool client_id_valid(struct str s);

#endif
