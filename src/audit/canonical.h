/* The bytes of an audit row that its hash is taken over. Fixed by vectors in tests and by
 * docs/security/log.md: they must never change, or every log that exists breaks.
 *
 *     "OPBXLOG1" · hash of the row before (32) · seq · epoch · created_at · count · 16 texts
 *
 * Numbers are 8 bytes, big-endian, two's complement. A text is its length + 1 in 4 bytes and its
 * bytes; NULL is the length 0. So no two rows have the same bytes. Pure. */
#ifndef AUDIT_CANONICAL_H
#define AUDIT_CANONICAL_H

#include "base/buf.h"
#include "base/crypto.h"

#define SEAL_HASH_BYTES SHA256_BYTES
#define SEAL_ROW_BYTES_MAX (64 * 1024 * 1024)

enum seal_text {
    SEAL_ID,
    SEAL_WORKSPACE_ID,
    SEAL_ACTION,
    SEAL_TYPE,
    SEAL_SEVERITY,
    SEAL_OUTCOME,
    SEAL_ACTOR_KIND,
    SEAL_ACTOR_ID,
    SEAL_ACTOR_NAME,
    SEAL_ON_BEHALF_OF,
    SEAL_ENTITY_TYPE,
    SEAL_ENTITY_ID,
    SEAL_MESSAGE,
    SEAL_METADATA,
    SEAL_REMOTE_ADDR,
    SEAL_REQUEST_ID,
    SEAL_TEXTS
};

struct seal_entry {
    int64_t seq, epoch, created_at, count;
    struct str texts[SEAL_TEXTS];
};

/* Of a row that a statement gives or takes (they name their columns alike), without seq and epoch.
 */
#define SEAL_ENTRY_OF(row)                                                                         \
    ((struct seal_entry){ .created_at = (row)->created_at,                                         \
                          .count = (row)->count,                                                   \
                          .texts = { (row)->id, (row)->workspace_id, (row)->action, (row)->type,   \
                                     (row)->severity, (row)->outcome, (row)->actor_kind,           \
                                     (row)->actor_id, (row)->actor_name, (row)->on_behalf_of,      \
                                     (row)->entity_type, (row)->entity_id, (row)->message,         \
                                     (row)->metadata, (row)->remote_addr, (row)->request_id } })

/* Hash of what stands before a chain's first row. */
void seal_genesis(struct str workspace_id, uint8_t out[SEAL_HASH_BYTES]);
/* Appends the bytes; sets out->overflow when they do not fit. */
void seal_canonical(const struct seal_entry *e, const uint8_t before[SEAL_HASH_BYTES],
                    struct buf *out);
/* `scratch` is cleared and used. False: the row is larger than `scratch` may be. */
bool seal_hash(const struct seal_entry *e, const uint8_t before[SEAL_HASH_BYTES],
               struct buf *scratch, uint8_t out[SEAL_HASH_BYTES]);

#endif
