/* The operator's hand on the sealed log: verify it, export it. */
#include "audit/export.h"
#include "audit/seal.h"
#include "audit/verify.h"
#include "base/app.h"

/* ---- verify_log ---- */

struct break_view {
    struct str workspace_id, kind, id, message;
    int64_t seq;
    uint8_t seq_seen;
};
struct verify_in {
    struct str checkpoints;
};
struct verify_out {
    bool ok;
    int64_t events, chains, checkpoints, file_lines, unsealed, unsigned_, superseded, generations,
        retired, duration_ms, events_per_second;
    struct span breaks;
};

#define COUNT_VIEW(json, member, text)                                                             \
    {                                                                                              \
        .name = json, .type = FIELD_INT, .flags = FIELD_REQUIRED,                                  \
        .offset = FIELD_AT(struct verify_out, member), .doc = text                                 \
    }
#define BREAK_TEXT(json, member, text)                                                             \
    {                                                                                              \
        .name = json, .type = FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NULLABLE,                 \
        .offset = FIELD_AT(struct break_view, member), .doc = text                                 \
    }

static const struct field break_fields[] = {
    BREAK_TEXT("workspaceId", workspace_id, "Its chain; empty: the system's"),
    { .name = "seq",
      .type = FIELD_INT,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct break_view, seq),
      .seen = FIELD_SEEN(struct break_view, seq_seen),
      .doc = "First row that does not hold; null for checkpoints" },
    BREAK_TEXT("kind", kind,
               "edit, gap, insert, reorder, swap, cut, rewrite, head, base, "
               "checkpoint or unreadable"),
    BREAK_TEXT("id", id, "Id of the row, when there is one"),
    BREAK_TEXT("message", message, "In words"),
    FIELD_END,
};
static const struct field verify_in_fields[] = {
    { .name = "checkpoints",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct verify_in, checkpoints),
      .min = 2,
      .doc = "Absolute path of a file of checkpoints that was kept elsewhere" },
    FIELD_END,
};
static const struct field verify_out_fields[] = {
    { .name = "ok",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, ok),
      .doc = "Nothing is broken" },
    COUNT_VIEW("events", events, "Sealed rows that were read"),
    COUNT_VIEW("chains", chains, "Chains"),
    COUNT_VIEW("checkpoints", checkpoints, "Checkpoints of the table"),
    COUNT_VIEW("fileLines", file_lines, "Checkpoints of files"),
    COUNT_VIEW("generations", generations, "How often the log began"),
    COUNT_VIEW("superseded", superseded,
               "Checkpoints of files that a restored backup did not bring back"),
    COUNT_VIEW("retired", retired,
               "Checkpoints of files that retention has removed from the table"),
    COUNT_VIEW("unsealed", unsealed, "Rows that wait for their seal: not proved"),
    COUNT_VIEW("unsigned", unsigned_, "Sealed rows that wait for a checkpoint"),
    COUNT_VIEW("durationMs", duration_ms, "Time it took"),
    COUNT_VIEW("eventsPerSecond", events_per_second, "Rows in a second"),
    { .name = "breaks",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct verify_out, breaks),
      .fields = break_fields,
      .elem_size = sizeof(struct break_view),
      .doc = "The first break of each chain, at most 100" },
    FIELD_END,
};

static enum err verify_run(struct cx *cx, const void *in, void *out)
{
    const struct verify_in *v = in;
    struct verify_out *o = out;
    struct verify_report r;
    struct verify_options options = { .files = { v->checkpoints } };
    if (str_given(v->checkpoints) && v->checkpoints.ptr[0] != '/') {
        cx_field_error(cx, STR("checkpoints"), "must be an absolute path");
        return cx_invalid(cx);
    }
    TRY(seal_verify_keep(cx, &options, &r));
    struct break_view *views = arena_array(cx->arena, r.breaks_count, sizeof *views);
    for (size_t i = 0; i < r.breaks_count; i++)
        views[i] = (struct break_view){ .workspace_id = r.breaks[i].workspace_id,
                                        .kind = str_of(r.breaks[i].kind),
                                        .id = r.breaks[i].id,
                                        .message = r.breaks[i].message,
                                        .seq = r.breaks[i].seq,
                                        .seq_seen = r.breaks[i].seq ? FIELD_GIVEN : FIELD_NULL };
    int64_t us = r.duration_us > 0 ? r.duration_us : 1;
    *o = (struct verify_out){ .ok = r.breaks_count == 0,
                              .events = r.events,
                              .chains = r.chains,
                              .checkpoints = r.checkpoints,
                              .file_lines = r.file_lines,
                              .unsealed = r.unsealed,
                              .unsigned_ = r.unsigned_,
                              .superseded = r.superseded,
                              .retired = r.retired,
                              .generations = r.generations,
                              .duration_ms = us / 1000,
                              .events_per_second = r.events * 1000000 / us,
                              .breaks = { views, r.breaks_count } };
    return OK;
}

/* ---- export_log ---- */

struct export_in {
    struct str file, workspace_id;
};
struct export_out {
    int64_t rows, checkpoints, bytes;
};
static const struct field export_in_fields[] = {
    { .name = "file",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct export_in, file),
      .min = 2,
      .doc = "Absolute path of the file to write; it must not exist" },
    { .name = "workspaceId",
      .type = FIELD_ID,
      .offset = FIELD_AT(struct export_in, workspace_id),
      .doc = "Only this workspace's chain" },
    FIELD_END,
};
static const struct field export_out_fields[] = {
    { .name = "rows",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct export_out, rows),
      .doc = "Rows in it" },
    { .name = "checkpoints",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct export_out, checkpoints),
      .doc = "Checkpoints in it" },
    { .name = "bytes",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct export_out, bytes),
      .doc = "Size of the file" },
    FIELD_END,
};

static enum err export_run(struct cx *cx, const void *in, void *out)
{
    const struct export_in *e = in;
    struct export_out *o = out;
    struct export_counts counts;
    if (e->file.ptr[0] != '/') {
        cx_field_error(cx, STR("file"), "must be an absolute path");
        return cx_invalid(cx);
    }
    TRY(export_write(cx, e->file, e->workspace_id, &counts));
    *o = (struct export_out){ counts.rows, counts.checkpoints, counts.bytes };
    return OK;
}

const struct op log_ops[] = {
    { .name = "verify_log",
      .kind = OP_JSON,
      .category = "operator",
      .auth = AUTH_OPERATOR,
      .roles = ROLES_ANY,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_NONE,
      .effect = EFFECT_READ,
      .in = verify_in_fields,
      .in_size = sizeof(struct verify_in),
      .out = verify_out_fields,
      .out_size = sizeof(struct verify_out),
      .run = verify_run,
      .summary = "Verify the sealed log",
      .doc = "Reads every sealed row, head and checkpoint, DIR/checkpoints.log, and a file of "
             "checkpoints kept elsewhere, and names the first break of each chain." },
    { .name = "export_log",
      .kind = OP_JSON,
      .category = "operator",
      .auth = AUTH_OPERATOR,
      .roles = ROLES_ANY,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_NONE,
      .effect = EFFECT_EXTERNAL,
      .in = export_in_fields,
      .in_size = sizeof(struct export_in),
      .out = export_out_fields,
      .out_size = sizeof(struct export_out),
      .run = export_run,
      .summary = "Export the sealed log",
      .doc = "One line of JSON for each row and checkpoint, in the chains' order, with all that a "
             "verifier needs. The file appears under its name only when it is whole." },
};
const size_t log_ops_count = sizeof log_ops / sizeof *log_ops;
