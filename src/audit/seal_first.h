/* Where the checkpoints begin: retention removes old ones from the beginning on, and leaves behind
 * which line is the first that stays, by its hash, under a MAC of the log's root. So nobody who has
 * the database alone moves that beginning. Private to src/audit. */
#ifndef AUDIT_SEAL_FIRST_H
#define AUDIT_SEAL_FIRST_H

#include "audit/checkpoint.h"
#include "base/cx.h"

struct seal_first {
    int64_t generation, number; /* 0: nothing was removed, the first line is 1/1 */
    uint8_t hash[SEAL_HASH_BYTES];
    bool forged;       /* there is something that this server has not left */
    struct str stored; /* as it stands, to be replaced only if it is still so; absent: nothing */
};

/* Inside a transaction. Without a root key the MAC is not looked at. */
enum err seal_first_load(struct cx *cx, struct seal_first *ret);
/* Inside a write. CONFLICT when somebody else has moved it since `from` was loaded. */
enum err seal_first_move(struct cx *cx, const struct seal_first *from, int64_t generation,
                         int64_t number, const uint8_t hash[SEAL_HASH_BYTES]);
/* Inside a write, when the log's root was made anew: what stood under the one that is gone is taken
 * over as it is, like the heads by the first checkpoint of the new generation. */
enum err seal_first_adopt(struct cx *cx);

/* Does a line stand before the beginning? */
bool seal_first_passed(const struct seal_first *f, int64_t generation, int64_t number);
/* Is this line, with that hash, the one that the beginning names? */
bool seal_first_is(const struct seal_first *f, const struct checkpoint *c,
                   const uint8_t hash[SEAL_HASH_BYTES]);

#endif
