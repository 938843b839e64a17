/* Verification of the sealed log: reads all of it, and says what does not hold, and where.
 *
 * Rows are read in slices of the chains' own order, ranges in parallel: a row's hash is checked
 * against the stored hash of the row before, so every range proves itself, and all of them the
 * chain. Then the heads, the checkpoints of the table (signatures, their own chain, what they say
 * about rows) and of files kept elsewhere.
 *
 * Breaks have a kind:
 *     edit        a row is not what was sealed
 *     gap         rows are missing inside of a chain
 *     insert      a row that was never sealed stands in the chain, or behind its head
 *     reorder     rows of a chain have changed places
 *     swap        a row of another chain
 *     cut         the end is missing: the head, or a checkpoint, knows rows that are not there
 *     rewrite     rows agree among themselves, but not with a checkpoint
 *     head        the head is not what this server left (what no checkpoint covers was rewritten)
 *     base        a beginning (of a chain, or of the checkpoints) was moved by somebody else than
 * retention checkpoint  a checkpoint is missing, altered, forged, or an old one in a new place
 *     unreadable  a row has no hash, or is too large */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include <stdatomic.h>

#include "base/cx.h"

#define VERIFY_BREAKS_MAX 100

struct verify_break {
    struct str workspace_id; /* "": the system's chain */
    int64_t seq;             /* 0: none (checkpoints) */
    const char *kind;
    struct str id; /* of the row, when there is one */
    struct str message;
};

struct verify_options {
    struct str files[2];     /* of checkpoints; absent: none */
    int threads;             /* 0: as many as processors, at most 4 */
    const atomic_bool *stop; /* NULL, or set when it has to end; the server's end ends it too */
};

struct verify_report {
    int64_t events, chains, checkpoints, file_lines;
    int64_t unsealed;   /* rows that wait for the sealer */
    int64_t unsigned_;  /* rows that wait for a checkpoint */
    int64_t superseded; /* lines of files about rows that a restore did not bring back */
    int64_t retired;    /* lines of files that retention has removed from the table */
    int64_t generations;
    int64_t duration_us;
    struct verify_break *breaks; /* one a chain, and those of checkpoints; in their order */
    size_t breaks_count;
};

/* Outside any transaction; many short reads. Needs no seal that is open; with the root key it also
 * proves heads, bases and beginnings. The result is in *ret; an error means that it could not be
 * found out (SHUTTING_DOWN: it was stopped). */
enum err seal_verify(struct cx *cx, const struct verify_options *o, struct verify_report *ret);
/* The same, with DIR/checkpoints.log as files[1]; then each chain's row says what was found: its
 * first break, or since when all of it is known to hold. */
enum err seal_verify_keep(struct cx *cx, const struct verify_options *o, struct verify_report *ret);

#endif
