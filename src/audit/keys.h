/* Keys of the sealed log. Pure; docs/security/log.md says why they are so.
 *
 * The log has a root of its own: 32 random bytes, sealed by the vault, so that `keys rotate` goes
 * over the log without touching it.
 *
 * One secret of 32 bytes signs one checkpoint, then the next is made of it and it is erased:
 *
 *     seed = HKDF(secret, "opboxd log sign")      Ed25519 key of the next checkpoint
 *     mac  = HKDF(secret, "opboxd log head")      HMAC key of heads that no checkpoint covers yet
 *     next = HKDF(secret, "opboxd log next")      the secret afterwards
 *
 * At rest it is wrapped (AES-256-GCM) under a key made of the log's root, bound to its generation
 * and epoch. Another key made of the root marks where generations begin and where retention has
 * cut rows and checkpoints. */
#ifndef AUDIT_KEYS_H
#define AUDIT_KEYS_H

#include "audit/canonical.h"
#include "base/secret.h"

#define SEAL_SECRET_BYTES 32
#define SEAL_MAC_BYTES SHA256_BYTES
#define SEAL_WRAPPED_BYTES (GCM_IV_BYTES + SEAL_SECRET_BYTES + GCM_TAG_BYTES)

struct seal_keys {
    uint8_t secret[SEAL_SECRET_BYTES];
    uint8_t seed[ED25519_SEED_BYTES];
    uint8_t mac[SEAL_SECRET_BYTES];
    uint8_t public_key[ED25519_PUBLIC_BYTES];
};

void seal_keys_of(const uint8_t secret[SEAL_SECRET_BYTES], struct seal_keys *ret);
void seal_keys_next(const struct seal_keys *k, struct seal_keys *ret);
void seal_keys_wipe(struct seal_keys *k);

void seal_wrap(struct str root_key, int64_t generation, int64_t epoch,
               const uint8_t secret[SEAL_SECRET_BYTES], uint8_t out[SEAL_WRAPPED_BYTES]);
/* False: another root key, another place, or damage. */
bool seal_unwrap(struct str root_key, int64_t generation, int64_t epoch, struct str wrapped,
                 uint8_t out[SEAL_SECRET_BYTES]);

void seal_head_mac(const struct seal_keys *k, struct str workspace_id, int64_t seq,
                   const uint8_t hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES]);
/* Where retention has cut a chain. */
void seal_base_mac(struct str root_key, struct str workspace_id, int64_t seq,
                   const uint8_t hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES]);
/* Where retention has cut the checkpoints: the first line that stays. */
void seal_first_mac(struct str root_key, int64_t generation, int64_t number,
                    const uint8_t hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES]);
/* That a generation begins with this key, after that checkpoint. */
void seal_generation_mac(struct str root_key, int64_t generation,
                         const uint8_t public_key[ED25519_PUBLIC_BYTES],
                         const uint8_t last_hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES]);

#endif
