/* The second factor of a person: a secret shared with an authenticator, and recovery codes.
 *
 *   OFF → PENDING (enrolled, not asked for yet) → ON (a code was given back) → OFF
 *
 * The secret is stored sealed and leaves the server once, at enrolment. A code is taken once: none
 * of its time step or an older one is taken again. Ten recovery codes of 80 bits, each good once,
 * are stored as hashes and shown once. Owns users.totp_* and table recovery_codes. Everything runs
 * inside a transaction; what changes, inside a write. */
#ifndef AUTH_FACTOR_H
#define AUTH_FACTOR_H

#include "base/cx.h"

#define FACTOR_CODES 10
#define FACTOR_CODE_CHARS 19 /* "abcd-efgh-jkmn-pqrs" */

struct factor_enrolment {
    struct str secret; /* base32 */
    struct str url;    /* otpauth://… */
    struct str qr_svg;
};
/* A new secret, PENDING; replaces one that was pending. CONFLICT when it is ON. */
enum err factor_enrol(struct cx *cx, struct str user_id, struct str email,
                      struct factor_enrolment *ret);
/* PENDING → ON by a code: VALIDATION on `code` when it is wrong, CONFLICT when nothing is pending.
 * `ret_codes` has FACTOR_CODES texts. */
enum err factor_confirm(struct cx *cx, struct str user_id, struct str code, struct str *ret_codes);
/* Takes a code of the authenticator, or a recovery code, of a person whose factor is ON. A secret
 * that cannot be opened any more (another root key) leaves the recovery codes. */
enum factor_verdict { FACTOR_REFUSED = 1, FACTOR_TAKEN, FACTOR_RECOVERED };
enum err factor_take(struct cx *cx, struct str user_id, struct str sealed, struct str code,
                     enum factor_verdict *ret);
/* ON or PENDING → OFF; CONFLICT when it was OFF. Sessions stay. */
enum err factor_drop(struct cx *cx, struct str user_id);
/* The same by somebody else: ends every session of the person, `why` being said in the event. */
enum err factor_reset(struct cx *cx, struct str user_id, const char *why);
enum err factor_codes_left(struct cx *cx, struct str user_id, int64_t *ret);

#endif
