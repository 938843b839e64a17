/* Session tokens: NextAuth v4's compact JWE (RFC 7516), `dir` with A256GCM.
 *
 * Owns sealing and opening, the claims, and nothing about cookies or sessions. Sealed with the same
 * IV, iat and jti as another NextAuth v4 server, a token is the same byte for byte. Everything else
 * than that one form is refused: other headers, padding, foreign characters, wrong lengths. Pure.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "base/crypto.h"
#include "base/json.h"

#define TOKEN_BYTES_MAX 16384
#define TOKEN_TOLERANCE_S 15
#define TOKEN_JTI_BYTES 36

struct token_key {
    uint8_t bytes[GCM_KEY_BYTES];
};
/* HKDF-SHA-256 of the secret, salt empty, info "NextAuth.js Generated Encryption Key". */
void token_key_derive(struct str secret, struct token_key *ret);

struct token_claims {
    struct str name, email, sub;
    struct str role; /* another server may add it; ours leaves it absent */
    struct str sid;  /* our session row; absent in a foreign token */
    int64_t sv;      /* the user's session version at sign-in; 0: absent */
    int64_t iat_s, exp_s;
    struct str jti;
};

/* A random UUID version 4. */
void token_jti_make(char out[TOKEN_JTI_BYTES]);
/* Claims in the order name, email, sub, role, sid, sv, iat, exp, jti; absent ones are left out.
 * `iv` NULL: random. Absent (ptr NULL) when the token would pass TOKEN_BYTES_MAX. */
struct str token_encode(struct arena *a, const struct token_key *key, const struct token_claims *c,
                        const uint8_t *iv);
/* False: not a token of ours, or not of this time. A token without sub, exp or iat is refused. */
bool token_decode(struct arena *a, const struct token_key *key, struct str token, int64_t now_s,
                  struct token_claims *ret);

#endif
