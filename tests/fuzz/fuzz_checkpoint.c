/* Lines of checkpoints and of exported logs: read only when writing gives the same bytes, and
 * never more heads or bytes than the limits say. */
#include <stdint.h>
#include <stdlib.h>

#include "audit/export.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(0);
    struct str line = { (const char *)data, size };
    struct checkpoint c;
    struct export_line l;
    const char *why = NULL;
    crypto_init();
    if (checkpoint_read(a, line, &c, &why)) {
        if (c.heads_count > CHECKPOINT_HEADS_MAX || c.number < 1 || !str_given(c.body) ||
            str_find(line, c.body) == SIZE_MAX)
            abort();
        checkpoint_signed(a, &c);
        uint8_t shown_hash[SEAL_HASH_BYTES], hidden_hash[SEAL_HASH_BYTES];
        struct str hidden;
        checkpoint_hash(line, shown_hash);
        if (!checkpoint_hide(a, line, STR("one"), &hidden, &why))
            abort();
        checkpoint_hash(hidden, hidden_hash);
        if (memcmp(shown_hash, hidden_hash, sizeof shown_hash) != 0)
            abort();
    } else if (!why) {
        abort();
    }
    if (export_read(a, line, &l, &why) && l.kind == EXPORT_ROW) {
        uint8_t before[SEAL_HASH_BYTES] = { 0 }, hash[SEAL_HASH_BYTES];
        struct buf scratch;
        buf_init(&scratch, a, SEAL_ROW_BYTES_MAX);
        if (!seal_hash(&l.entry, before, &scratch, hash))
            abort();
    }
    arena_free(a);
    return 0;
}
