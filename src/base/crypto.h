/* Cryptography by OpenSSL EVP, with algorithms fetched once. No other folder includes OpenSSL.
 *
 * Everything here is thread safe after crypto_init. Failures of the library are our bug or a broken
 * machine, and abort; refusals (a bad tag) are results. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/str.h"

void crypto_init(void); /* idempotent; called by main and by tests */

#define SHA256_BYTES 32
void sha256(struct str in, uint8_t out[SHA256_BYTES]);
struct sha256_ctx; /* incremental */
struct sha256_ctx *sha256_new(void);
void sha256_add(struct sha256_ctx *c, struct str in);
void sha256_final(struct sha256_ctx *c, uint8_t out[SHA256_BYTES]);
void sha256_free(struct sha256_ctx *c);

void hmac_sha256(struct str key, struct str in, uint8_t out[SHA256_BYTES]);
#define SHA1_BYTES 20
/* For one-time codes alone (RFC 6238): authenticators know no other. */
void hmac_sha1(struct str key, struct str in, uint8_t out[SHA1_BYTES]);
/* RFC 5869 with SHA-256; out_len ≤ 255 * 32. */
void hkdf_sha256(struct str key, struct str salt, struct str info, uint8_t *out, size_t out_len);

#define GCM_KEY_BYTES 32
#define GCM_IV_BYTES 12
#define GCM_TAG_BYTES 16
/* AES-256-GCM. `out` has in.len bytes of room. */
void gcm_seal(const uint8_t key[GCM_KEY_BYTES], const uint8_t iv[GCM_IV_BYTES], struct str aad,
              struct str in, uint8_t *out, uint8_t tag[GCM_TAG_BYTES]);
/* False: the tag does not fit; `out` is wiped. */
bool gcm_open(const uint8_t key[GCM_KEY_BYTES], const uint8_t iv[GCM_IV_BYTES], struct str aad,
              struct str in, const uint8_t tag[GCM_TAG_BYTES], uint8_t *out);

/* Ed25519 (RFC 8032). */
#define ED25519_SEED_BYTES 32
#define ED25519_PUBLIC_BYTES 32
#define ED25519_SIGNATURE_BYTES 64
void ed25519_public(const uint8_t seed[ED25519_SEED_BYTES], uint8_t out[ED25519_PUBLIC_BYTES]);
void ed25519_sign(const uint8_t seed[ED25519_SEED_BYTES], struct str in,
                  uint8_t out[ED25519_SIGNATURE_BYTES]);
bool ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_BYTES], struct str in,
                    const uint8_t signature[ED25519_SIGNATURE_BYTES]);

bool bytes_equal(const void *a, const void *b, size_t len); /* constant time */
void random_bytes(void *out, size_t len);
/* As good, from a stock of this thread: for ids, one of which every request takes. */
uint64_t random_u64(void);
/* Tests fix the randomness of this thread: the next bytes are a stream made from `seed`; 0 ends it.
 */
void random_seed_for_tests(uint64_t seed);
void bytes_wipe(void *p, size_t len);

/* Encodings. Each writes exactly the said length and no NUL. */
void hex_encode(const uint8_t *in, size_t len, char *out); /* lower case, 2 * len */
bool hex_decode(struct str in, uint8_t *out); /* in.len / 2 bytes; false: bad digit or odd */
size_t base64_encode_len(size_t len);
size_t base64_encode(const uint8_t *in, size_t len, char *out);    /* standard, padded */
size_t base64url_encode(const uint8_t *in, size_t len, char *out); /* RFC 4648 §5, no padding */
/* Strict: only the alphabet, no white space, zero trailing bits. out has 3 * len / 4 + 3 room. */
bool base64_decode(struct str in, uint8_t *out, size_t *ret_len);
bool base64url_decode(struct str in, uint8_t *out, size_t *ret_len);

#endif
