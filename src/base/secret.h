/* Secrets: bytes that are wiped on release, lie outside core dumps and have no printable form.
 *
 * Memory is its own locked page with MADV_DONTDUMP. A secret is never put into an arena, a log
 * or an error; code that needs the bytes takes them for the shortest time. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/str.h"

struct secret;

struct secret *secret_new(struct str bytes); /* copies; the caller wipes its own copy */
struct secret *secret_random(size_t len);
/* The same secret for one more owner, who frees it too; from any thread. */
struct secret *secret_share(const struct secret *s);
void secret_free(struct secret *s);              /* NULL is fine; the last owner's wipes it */
struct str secret_bytes(const struct secret *s); /* valid until secret_free; absent for NULL */
size_t secret_len(const struct secret *s);
/* Switches core dumps of the process off (RLIMIT_CORE, PR_SET_DUMPABLE). */
void secret_forbid_dumps(void);

#endif
