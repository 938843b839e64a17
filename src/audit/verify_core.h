/* What the parts of the verification share. Private to src/audit. */
#ifndef AUDIT_VERIFY_CORE_H
#define AUDIT_VERIFY_CORE_H

#include "audit/seal_core.h"
#include "audit/verify.h"

struct verify {
    struct cx *cx;
    const struct verify_options *options;
    struct verify_report *report;
    struct seal_state state;
    bool state_known; /* the root key opened it */
};

/* OK, or SHUTTING_DOWN when the verification has to end. */
enum err verify_goes_on(const struct verify *v);
/* Keeps it (a copy), unless there are VERIFY_BREAKS_MAX, or the same chain has an earlier one. */
void verify_found(struct verify *v, const struct verify_break *b);
#define VERIFY_FOUND(v, workspace, at, what, ...)                                                  \
    verify_found((v), &(struct verify_break){ .workspace_id = (workspace),                         \
                                              .seq = (at),                                         \
                                              .kind = (what),                                      \
                                              .message = str_fmt((v)->cx->arena, __VA_ARGS__) })

/* verify_checkpoints.c: the table's, then each file's. */
enum err verify_checkpoints(struct verify *v);
/* verify_diagnose.c: what happened to the row at b->seq of a chain that ends at `end`; fills kind,
 * id and message. */
enum err verify_diagnose(struct verify *v, struct verify_break *b, int64_t end);

struct seal_row_slice_row; /* audit_sql.h */
struct seal_entry verify_entry(const struct seal_row_slice_row *r);

#endif
