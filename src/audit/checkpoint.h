/* A checkpoint: one line of JSON that says, signed, how far the chains have come.
 *
 *     {"checkpoint":{"v":1,"generation":1,"number":7,"at":1795475474942,"before":"hex","key":"hex",
 *      "next":"hex","heads":"hex"},"signature":"hex",
 *      "chains":[{"workspaceId":"…","seq":12,"hash":"hex"}]}
 *
 * The first of a generation also has "reason", "after" and "anchor" (behind "next"). Signed are the
 * bytes of the object `checkpoint` behind "opboxd checkpoint\n", by `key`, which the line before
 * has announced as its `next`. `heads` stands for the chains:
 *
 *     tag   = SHA-256("opboxd chain\n" ‖ before ‖ workspaceId)
 *     head  = SHA-256("opboxd head\n" ‖ the bytes of an element of `chains`)
 *     heads = SHA-256("opboxd heads\n" ‖ tag ‖ head, of every element in order)
 *
 * In place of an element its tag and head may stand, in hex: the line is signed and chained as
 * before, and no longer says whose chain that is nor how far it goes (what blinds the head is the
 * chain's own hash, which nobody else can guess). That is how lines are given to one tenant. Who
 * knows a workspace's id sees by the tag whether it is meant: nobody can hide a tenant's own chain
 * from it.
 *
 * A line is exactly the one that its content makes: no spaces, this order. Pure. */
#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

#include "audit/keys.h"
#include "base/json.h"

#define CHECKPOINT_HEADS_MAX 500
#define CHECKPOINT_LINE_BYTES_MAX (256 * 1024)
#define CHECKPOINT_ID_BYTES_MAX 64
#define CHECKPOINT_REASON_BYTES_MAX 32

struct checkpoint_head {
    struct str workspace_id; /* "": the system's chain */
    int64_t seq;
    uint8_t hash[SEAL_HASH_BYTES];
    bool broken; /* it was not what this server had left: signed as it was found */
    bool hidden; /* read: these stand in its place, the members above are empty */
    uint8_t tag[SEAL_HASH_BYTES], head[SEAL_HASH_BYTES];
};

struct checkpoint {
    int64_t generation, number, at_ms;
    uint8_t before[SEAL_HASH_BYTES]; /* of the line before; zeros: none */
    uint8_t key[ED25519_PUBLIC_BYTES], next[ED25519_PUBLIC_BYTES];
    struct str reason;              /* number 1 only: "new", "restored", "key lost" */
    int64_t after;                  /* then: last number of the generation before; 0: none */
    uint8_t anchor[SEAL_MAC_BYTES]; /* then: seal_generation_mac */
    struct checkpoint_head *heads;
    size_t heads_count;
    struct str body; /* read: the bytes that are signed */
    uint8_t signature[ED25519_SIGNATURE_BYTES];
};

/* The line, without its end. */
struct str checkpoint_write(struct arena *a, const struct checkpoint *c,
                            const uint8_t seed[ED25519_SEED_BYTES]);
/* False: *ret_why says what is wrong. The signature is not checked. */
bool checkpoint_read(struct arena *a, struct str line, struct checkpoint *ret,
                     const char **ret_why);
/* Is it signed by the key that it names? */
bool checkpoint_signed(struct arena *a, const struct checkpoint *c);
/* What the next line names this one by: SHA-256 of its bytes up to the end of the signature, the
 * same whatever is hidden. Of a line that has been read. */
void checkpoint_hash(struct str line, uint8_t out[SEAL_HASH_BYTES]);
/* Does a hidden element stand for this chain? */
bool checkpoint_hides(const struct checkpoint *c, const struct checkpoint_head *h,
                      struct str workspace_id);
/* The line with all chains hidden but that of `workspace_id`. False as checkpoint_read. */
bool checkpoint_hide(struct arena *a, struct str line, struct str workspace_id, struct str *ret,
                     const char **ret_why);

/* Members of the log's JSON: lower-case hex of exactly `len` bytes (64 at most), and a whole number
 * of at least `least`. */
void member_put_hex(struct json_writer *w, const char *key, const uint8_t *bytes, size_t len);
bool member_get_hex(const struct json *j, const char *key, uint8_t *out, size_t len);
bool member_get_i64(const struct json *j, const char *key, int64_t least, int64_t *ret);

#endif
