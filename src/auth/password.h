/* Passwords: argon2id PHC strings (RFC 9106), and the key under which an account is found.
 *
 * Owns the cost of a hash. Verifying takes its cost from the stored string, within bounds, so that
 * a string from elsewhere cannot make the server work for minutes. About 40 ms each: LANE_SLOW. */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/cx.h"

#define PASSWORD_CHARS_MIN 8
#define PASSWORD_BYTES_MAX 1024
#define EMAIL_BYTES_MAX 254

void password_init(void); /* idempotent; by auth_new */
/* The PHC string, in the arena. ERR_OVERLOADED when there is no memory for it. */
enum err password_hash(struct cx *cx, struct str password, struct str *ret_phc);
/* An absent `phc` (no such account, or one without password) takes the same time and is false. */
bool password_verify(struct cx *cx, struct str phc, struct str password);
/* Length and UTF-8; raises VALIDATION on the field `field`. */
enum err password_check(struct cx *cx, const char *field, struct str password);

/* Two spellings of an address that one person may type give one key: Unicode case folded, spaces at
 * the ends cut. Absent when it is no address: one @ with something on each side, at most 254 bytes,
 * no white space or control characters. */
struct str email_key(struct arena *a, struct str email);

#endif
