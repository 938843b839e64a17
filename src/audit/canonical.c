/* See canonical.h. One reservation a row: this runs half a million times a second when a log is
 * verified. */
#include "audit/canonical.h"

#include <endian.h>

#define MAGIC "OPBXLOG1"
#define MAGIC_BYTES 8
#define HEAD_BYTES (MAGIC_BYTES + SEAL_HASH_BYTES + 4 * 8)

static char *put_i64(char *at, int64_t v)
{
    uint64_t big = htobe64((uint64_t)v);
    memcpy(at, &big, sizeof big);
    return at + sizeof big;
}

static char *put_text(char *at, struct str s)
{
    uint32_t big = htobe32(str_given(s) ? (uint32_t)s.len + 1 : 0);
    memcpy(at, &big, sizeof big);
    at += sizeof big;
    if (s.len)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

void seal_canonical(const struct seal_entry *e, const uint8_t before[SEAL_HASH_BYTES],
                    struct buf *out)
{
    size_t bytes = HEAD_BYTES + SEAL_TEXTS * sizeof(uint32_t);
    for (size_t i = 0; i < SEAL_TEXTS; i++) {
        if (e->texts[i].len >= SEAL_ROW_BYTES_MAX) {
            out->overflow = true;
            return;
        }
        bytes += e->texts[i].len;
    }
    char *at = buf_reserve(out, bytes);
    if (!at)
        return;
    memcpy(at, MAGIC, MAGIC_BYTES);
    memcpy(at + MAGIC_BYTES, before, SEAL_HASH_BYTES);
    at = put_i64(at + MAGIC_BYTES + SEAL_HASH_BYTES, e->seq);
    at = put_i64(at, e->epoch);
    at = put_i64(at, e->created_at);
    at = put_i64(at, e->count);
    for (size_t i = 0; i < SEAL_TEXTS; i++)
        at = put_text(at, e->texts[i]);
    out->len += bytes;
}

bool seal_hash(const struct seal_entry *e, const uint8_t before[SEAL_HASH_BYTES],
               struct buf *scratch, uint8_t out[SEAL_HASH_BYTES])
{
    buf_clear(scratch);
    seal_canonical(e, before, scratch);
    if (scratch->overflow)
        return false;
    sha256(buf_str(scratch), out);
    return true;
}

void seal_genesis(struct str workspace_id, uint8_t out[SEAL_HASH_BYTES])
{
    struct sha256_ctx *c = sha256_new();
    sha256_add(c, STR("OPBXLOG1 genesis\n"));
    sha256_add(c, workspace_id);
    sha256_final(c, out);
    sha256_free(c);
}
