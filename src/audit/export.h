/* The log as a file, for whoever shall check it without the database: lines of JSON.
 *
 *     {"chain":{"workspaceId":"…","baseSeq":0,"baseHash":"hex"}}      a chain begins; its rows
 * follow
 *     {"row":{"seq":1,"epoch":1,"createdAt":…,"count":1,"id":"…",…,"hash":"hex"}}
 *     {"checkpoint":{…},"signature":"hex"}                           as they stand elsewhere
 *
 * Reading it proves the chains and the checkpoints by themselves, as far as no key is needed. */
#ifndef AUDIT_EXPORT_H
#define AUDIT_EXPORT_H

#include "audit/checkpoint.h"
#include "base/cx.h"

struct export_counts {
    int64_t rows, checkpoints, bytes;
};

/* workspace_id absent: every chain. The file must not exist. */
enum err export_write(struct cx *cx, struct str path, struct str workspace_id,
                      struct export_counts *ret);

/* Of the texts of a row, in the order of enum seal_text. */
extern const char *const export_names[SEAL_TEXTS];

/* ---- reading, line by line; pure ---- */

enum export_kind { EXPORT_CHAIN = 1, EXPORT_ROW, EXPORT_CHECKPOINT };

struct export_line {
    enum export_kind kind;
    struct str workspace_id; /* EXPORT_CHAIN */
    int64_t base_seq;
    uint8_t base_hash[SEAL_HASH_BYTES]; /* what stands before the first row */
    struct seal_entry entry;            /* EXPORT_ROW */
    uint8_t hash[SEAL_HASH_BYTES];
    struct checkpoint checkpoint; /* EXPORT_CHECKPOINT */
};
#define EXPORT_LINE_BYTES_MAX (1024 * 1024)
/* False: *ret_why says what is wrong. */
bool export_read(struct arena *a, struct str line, struct export_line *ret, const char **ret_why);

/* Verifies a file: chains, checkpoints among themselves, and one against the other. *ret_break is
 * absent when all holds. */
struct export_report {
    int64_t rows, chains, checkpoints, line; /* `line`: of the break */
    const char *broken;                      /* NULL: it holds */
    int64_t first_generation, first_number;  /* of the first checkpoint; 1/1 unless retention cut */
    uint8_t first_key[ED25519_PUBLIC_BYTES]; /* that signed it: to be compared */
};
enum err export_verify(struct cx *cx, struct str path, struct export_report *ret);

#endif
