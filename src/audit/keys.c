/* See keys.h. Each MAC begins with a word of its own, so that none can stand for another. */
#include "audit/keys.h"

#include <endian.h>

static struct str bytes_of(const void *p, size_t len)
{
    return (struct str){ p, len };
}

static void derive(struct str key, struct str info, uint8_t out[32])
{
    hkdf_sha256(key, STR_NULL, info, out, 32);
}

void seal_keys_of(const uint8_t secret[SEAL_SECRET_BYTES], struct seal_keys *ret)
{
    struct str s = bytes_of(secret, SEAL_SECRET_BYTES);
    derive(s, STR("opboxd log sign"), ret->seed);
    derive(s, STR("opboxd log head"), ret->mac);
    ed25519_public(ret->seed, ret->public_key);
    memmove(ret->secret, secret, SEAL_SECRET_BYTES);
}

void seal_keys_next(const struct seal_keys *k, struct seal_keys *ret)
{
    uint8_t next[SEAL_SECRET_BYTES];
    derive(bytes_of(k->secret, sizeof k->secret), STR("opboxd log next"), next);
    seal_keys_of(next, ret);
    bytes_wipe(next, sizeof next);
}

void seal_keys_wipe(struct seal_keys *k)
{
    bytes_wipe(k, sizeof *k);
}

/* ---- at rest ---- */

struct place {
    uint64_t generation, epoch; /* big-endian */
};

static struct place place_of(int64_t generation, int64_t epoch)
{
    return (struct place){ htobe64((uint64_t)generation), htobe64((uint64_t)epoch) };
}

void seal_wrap(struct str root_key, int64_t generation, int64_t epoch,
               const uint8_t secret[SEAL_SECRET_BYTES], uint8_t out[SEAL_WRAPPED_BYTES])
{
    uint8_t key[GCM_KEY_BYTES];
    struct place aad = place_of(generation, epoch);
    derive(root_key, STR("opboxd log wrap"), key);
    random_bytes(out, GCM_IV_BYTES);
    gcm_seal(key, out, bytes_of(&aad, sizeof aad), bytes_of(secret, SEAL_SECRET_BYTES),
             out + GCM_IV_BYTES, out + GCM_IV_BYTES + SEAL_SECRET_BYTES);
    bytes_wipe(key, sizeof key);
}

bool seal_unwrap(struct str root_key, int64_t generation, int64_t epoch, struct str wrapped,
                 uint8_t out[SEAL_SECRET_BYTES])
{
    uint8_t key[GCM_KEY_BYTES];
    struct place aad = place_of(generation, epoch);
    const uint8_t *w = (const uint8_t *)wrapped.ptr;
    if (wrapped.len != SEAL_WRAPPED_BYTES)
        return false;
    derive(root_key, STR("opboxd log wrap"), key);
    bool good =
        gcm_open(key, w, bytes_of(&aad, sizeof aad), bytes_of(w + GCM_IV_BYTES, SEAL_SECRET_BYTES),
                 w + GCM_IV_BYTES + SEAL_SECRET_BYTES, out);
    bytes_wipe(key, sizeof key);
    return good;
}

/* ---- MACs: word · number · 32 bytes · the rest ---- */

static void mac_of(const uint8_t key[32], const char word[8], int64_t number,
                   const uint8_t bytes[32], struct str rest, uint8_t out[SEAL_MAC_BYTES])
{
    char text[8 + 8 + 32 + 512];
    uint64_t big = htobe64((uint64_t)number);
    size_t tail = rest.len <= 512 ? rest.len : 512; /* ids are shorter */
    memcpy(text, word, 8);
    memcpy(text + 8, &big, 8);
    memcpy(text + 16, bytes, 32);
    if (tail)
        memcpy(text + 48, rest.ptr, tail);
    hmac_sha256(bytes_of(key, 32), bytes_of(text, 48 + tail), out);
}

void seal_head_mac(const struct seal_keys *k, struct str workspace_id, int64_t seq,
                   const uint8_t hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES])
{
    mac_of(k->mac, "OPBXHEAD", seq, hash, workspace_id, out);
}

static void root_mac(struct str root_key, const char word[8], int64_t number,
                     const uint8_t bytes[32], struct str rest, uint8_t out[SEAL_MAC_BYTES])
{
    uint8_t key[32];
    derive(root_key, STR("opboxd log anchor"), key);
    mac_of(key, word, number, bytes, rest, out);
    bytes_wipe(key, sizeof key);
}

void seal_base_mac(struct str root_key, struct str workspace_id, int64_t seq,
                   const uint8_t hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES])
{
    root_mac(root_key, "OPBXBASE", seq, hash, workspace_id, out);
}

void seal_first_mac(struct str root_key, int64_t generation, int64_t number,
                    const uint8_t hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES])
{
    uint64_t big = htobe64((uint64_t)number);
    root_mac(root_key, "OPBXLINE", generation, hash, bytes_of(&big, sizeof big), out);
}

void seal_generation_mac(struct str root_key, int64_t generation,
                         const uint8_t public_key[ED25519_PUBLIC_BYTES],
                         const uint8_t last_hash[SEAL_HASH_BYTES], uint8_t out[SEAL_MAC_BYTES])
{
    root_mac(root_key, "OPBXBORN", generation, public_key, bytes_of(last_hash, SEAL_HASH_BYTES),
             out);
}
