/* The envelope: one key, one sealed text (AES-256-GCM, NIST SP 800-38D), as bytes for a column.
 *
 *     u8 format (1), u32 version of the key (big-endian), 12 bytes IV, 16 bytes tag, cipher text
 *
 * What a text is bound to (its row, its owner) goes in as additional data, of which every part has
 * its length, so that no two lists of parts look alike. Pure; which key it is, is vault.h's. */
#ifndef VAULT_ENVELOPE_H
#define VAULT_ENVELOPE_H

#include "base/crypto.h"
#include "base/secret.h"

#define ENVELOPE_KEY_BYTES GCM_KEY_BYTES
#define ENVELOPE_EXTRA_BYTES (1 + 4 + GCM_IV_BYTES + GCM_TAG_BYTES)
#define ENVELOPE_TEXT_BYTES_MAX ((size_t)64 * 1024)

/* Bytes in the arena (they are no secret). `text` is at most ENVELOPE_TEXT_BYTES_MAX. */
struct str envelope_seal(struct arena *a, const uint8_t key[ENVELOPE_KEY_BYTES], uint32_t version,
                         struct str bound_to, struct str text);
/* NULL: not sealed with this key, for this, unaltered. */
struct secret *envelope_open(const uint8_t key[ENVELOPE_KEY_BYTES], struct str bound_to,
                             struct str sealed);
/* The version of the key that it names; false: it is no envelope. */
bool envelope_version(struct str sealed, uint32_t *ret);

/* Additional data of parts, each with its length. Absent and empty parts are different. */
struct str envelope_binding(struct arena *a, const struct str *parts, size_t count);

#endif
