/* Cookies of NextAuth v4: their names, the session token in one or several, Set-Cookie lines.
 *
 * Owns the chunking of long tokens. Reads strictly: a name that comes twice, a hole in the chunks,
 * or chunks beside the whole cookie are refused, because it is not clear what they mean. Pure. */
#ifndef AUTH_COOKIE_H
#define AUTH_COOKIE_H

#include "op/call.h"

#define COOKIE_CHUNK_CHARS 3933
#define COOKIE_CHUNKS_MAX 5 /* TOKEN_BYTES_MAX over COOKIE_CHUNK_CHARS */

struct cookie_names {
    struct str session, csrf, callback;
    bool secure; /* https: __Secure- and __Host- names, and the attribute */
};
struct cookie_names cookie_names_of(bool secure);

enum cookie_found { COOKIE_NONE = 1, COOKIE_ONE, COOKIE_CONFUSED };
/* A plain cookie; COOKIE_CONFUSED when it came twice. */
enum cookie_found cookie_get(const struct raw_request *rq, struct str name, struct str *ret);
/* The session token, joined in the arena. */
enum cookie_found cookie_session_get(struct arena *a, const struct raw_request *rq, struct str name,
                                     struct str *ret);

/* `expires_ms` 0: for the browser's session. `value` holds no control characters and no ';'. */
void cookie_set(struct arena *a, struct reply *r, const struct cookie_names *n, struct str name,
                struct str value, int64_t expires_ms);
void cookie_clear(struct arena *a, struct reply *r, const struct cookie_names *n, struct str name);
/* Sets the session in as many cookies as it needs, and clears those of the request that are then
 * left over. */
void cookie_session_set(struct arena *a, const struct raw_request *rq, struct reply *r,
                        const struct cookie_names *n, struct str token, int64_t expires_ms);
/* Clears every session cookie that the request has, whole or in parts. */
void cookie_session_clear(struct arena *a, const struct raw_request *rq, struct reply *r,
                          const struct cookie_names *n);

#endif
