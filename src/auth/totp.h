/* Time-based one-time codes: RFC 6238 over RFC 4226 with what every authenticator takes: SHA-1, 6
 * digits, steps of 30 s; and the key URI that they read from a QR code. Pure. */
#ifndef AUTH_TOTP_H
#define AUTH_TOTP_H

#include "base/str.h"

#define TOTP_SECRET_BYTES 20 /* RFC 4226 R6: 160 bits */
#define TOTP_SECRET_CHARS 32 /* in base32 */
#define TOTP_DIGITS 6
#define TOTP_STEP_MS 30000
#define TOTP_WINDOW 1 /* steps of clock drift on each side */

int64_t totp_step(int64_t now_ms);
void totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS]);
/* Is it the code of a step of the window around now? Says which. Looks at every step, whichever
 * fits. Spaces are passed over, as people type them. */
bool totp_verify(const uint8_t secret[TOTP_SECRET_BYTES], struct str code, int64_t now_ms,
                 int64_t *ret_step);
/* RFC 4648 §6 without padding, upper case: 8 characters for each 5 bytes; len is a multiple of 5.
 */
void base32_encode(const uint8_t *in, size_t len, char *out);
/* "otpauth://totp/opboxd:ann%40example.test?secret=…&issuer=opboxd&algorithm=SHA1&digits=6&period=30"
 */
struct str totp_url(struct arena *a, const uint8_t secret[TOTP_SECRET_BYTES], struct str issuer,
                    struct str account);

#endif
