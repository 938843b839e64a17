/* Retention of the log: old rows go, what is left stays provable.
 *
 * A chain is cut only at its beginning, only as far as a checkpoint has signed, and never over a
 * row that is too young or missing. The base (place and hash of the last row that went) is kept
 * under the root key's MAC, and the chain itself has an event that names it. */
#include "audit/audit_sql.h"
#include "audit/record.h"
#include "audit/seal_core.h"
#include "base/app.h"
#include "base/log.h"

static struct str bytes_of(const void *p, size_t len)
{
    return (struct str){ p, len };
}

/* The last row of the slice that may go; NULL: none. */
static const struct seal_purge_slice_row *purge_end(const struct seal_purge_slice_row *rows,
                                                    size_t count, int64_t base_seq,
                                                    int64_t before_ms)
{
    const struct seal_purge_slice_row *end = NULL;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].created_at >= before_ms || rows[i].seq != base_seq + 1 + (int64_t)i ||
            rows[i].hash.len != SEAL_HASH_BYTES)
            break;
        end = &rows[i];
    }
    return end;
}

static enum err anchored(struct cx *cx, struct str workspace_id, int64_t from_seq, int64_t to_seq,
                         const uint8_t hash[SEAL_HASH_BYTES])
{
    char hex[2 * SEAL_HASH_BYTES];
    struct principal caller = cx->principal;
    hex_encode(hash, SEAL_HASH_BYTES, hex);
    struct audit_row row = { .action = STR("retention"),
                             .type = STR("LOG_ANCHORED"),
                             .message = STR("Old entries of the log were removed"),
                             .metadata = str_fmt(
                                 cx->arena, "{\"fromSeq\":%lld,\"toSeq\":%lld,\"hash\":\"%.*s\"}",
                                 (long long)from_seq, (long long)to_seq, (int)sizeof hex, hex) };
    cx->principal = (struct principal){ .kind = PRINCIPAL_SYSTEM, .workspace_id = workspace_id };
    enum err e = audit_append(cx, &row);
    cx->principal = caller;
    return e;
}

enum err seal_purge(struct cx *cx, struct str workspace_id, int64_t before_ms, int64_t limit,
                    int64_t *ret_removed)
{
    struct seal_chain_get_in get = { workspace_id };
    struct seal_chain_get_row chain;
    struct seal_purge_slice_row *rows;
    size_t count;
    bool found;
    *ret_removed = 0;
    TRY(seal_chain_get(cx, &get, &chain, &found));
    if (!found || chain.signed_seq <= chain.base_seq || str_given(chain.broken))
        return OK; /* a broken chain is evidence: it stays */
    struct seal_purge_slice_in slice = { workspace_id, chain.base_seq, chain.signed_seq, limit };
    TRY(seal_purge_slice(cx, &slice, &rows, &count));
    const struct seal_purge_slice_row *end = purge_end(rows, count, chain.base_seq, before_ms);
    if (!end)
        return OK;
    uint8_t mac[SEAL_MAC_BYTES];
    int64_t affected = 0;
    const uint8_t *hash = (const uint8_t *)end->hash.ptr;
    seal_base_mac(seal_root_key(cx), workspace_id, end->seq, hash, mac);
    struct seal_chain_rebase_in rebase = { .workspace_id = workspace_id,
                                           .old_base = chain.base_seq,
                                           .base_seq = end->seq,
                                           .base_hash = end->hash,
                                           .base_at = cx->now_ms,
                                           .base_mac = bytes_of(mac, sizeof mac) };
    TRY(seal_chain_rebase(cx, &rebase, &affected));
    if (affected != 1)
        FAIL(cx, CONFLICT, "The beginning of the chain was moved by somebody else.");
    TRY(seal_purge_rows(cx, &(struct seal_purge_rows_in){ workspace_id, end->seq }, ret_removed));
    return anchored(cx, workspace_id, chain.base_seq + 1, end->seq, hash);
}
