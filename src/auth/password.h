/* Passwords: argon2id PHC strings (RFC 9106), and the key under which an account is found.
 *
 * Owns the cost of a hash. Verifying takes its cost from the stored string, within bounds, so that
 * a string from elsewhere cannot make the server work for minutes. About 40 ms each: LANE_PASSWORD.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/cx.h"

#define PASSWORD_CHARS_MIN 12
#define PASSWORD_CHARS_MAX 128
#define PASSWORD_BYTES_MAX 1024 /* of one that is tried; longer ones are wrong unseen */
#define EMAIL_BYTES_MAX 254

void password_init(void); /* idempotent; by auth_new */
/* Each hash and each verification counts as one evaluation of cx->app->auth, where there is one. */
/* The PHC string, in the arena. ERR_OVERLOADED when there is no memory for it. */
enum err password_hash(struct cx *cx, struct str password, struct str *ret_phc);
/* An absent `phc` (no such account, or one without password) takes the same time and is false. */
bool password_verify(struct cx *cx, struct str phc, struct str password);
/* 12 to 128 characters of UTF-8 that are neither the address nor what stands before its @; raises
 * VALIDATION on the field `field`. `email` may be absent. */
enum err password_check(struct cx *cx, const char *field, struct str password, struct str email);

/* Two spellings of an address that one person may type give one key: Unicode case folded, spaces at
 * the ends cut. Absent when it is no address: one @ with something on each side, at most 254 bytes,
 * no white space or control characters. */
struct str email_key(struct arena *a, struct str email);

#endif
