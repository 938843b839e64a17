/* CSRF: NextAuth v4's double-submit token, and where a browser's request comes from.
 *
 * The cookie's value is TOKEN%7CSHA256HEX(TOKEN + secret), TOKEN being 64 hex digits. Owns making
 * and checking both halves; the hook for session requests. */
#ifndef AUTH_CSRF_H
#define AUTH_CSRF_H

#include "op/call.h"

#define CSRF_TOKEN_CHARS 64
#define CSRF_COOKIE_CHARS (2 * CSRF_TOKEN_CHARS + 3)

/* A fresh token, and the value of its cookie. */
void csrf_make(struct str secret, char ret_token[CSRF_TOKEN_CHARS],
               char ret_cookie[CSRF_COOKIE_CHARS]);
/* The token of a cookie that this secret made; false for all others. *ret points into `cookie`. */
bool csrf_cookie_verify(struct str secret, struct str cookie, struct str *ret_token);
/* Constant time. */
bool csrf_token_equal(struct str token, struct str given);

/* Hook of the gate: x-csrf-token must be the verified cookie's token (CSRF_INVALID); Origin must be
 * the public URL's or the Host's, Sec-Fetch-Site not cross-site (ORIGIN_REFUSED). */
enum err auth_csrf(struct cx *cx, const struct raw_request *rq);
/* The second half alone. */
enum err auth_origin_check(struct cx *cx, const struct raw_request *rq);

#endif
