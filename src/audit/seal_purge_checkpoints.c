/* Retention of checkpoints: old lines go from the beginning on; what is left is proved from a line
 * that the log's root names as the first (seal_first.h), and an event of the system's chain says
 * so.
 *
 * A line goes when it is old enough and no row stands that it has signed. So each row that stands
 * is under the line that signed it first; those of a broken chain, which retention leaves alone,
 * keep theirs and all that came later. The newest line always stays.
 *
 * The table is looked at in short reads, then cut in one short write: rows below a chain's base do
 * not come back, so what may go may go later as well. Lines that do not follow each other, or are
 * not signed, are evidence: nothing is removed from the first of them on. */
#include "audit/audit_sql.h"
#include "audit/seal_core.h"
#include "audit/seal_first.h"
#include "base/app.h"

enum { SLICE_LINES = 50 };

struct cut {
    struct seal_first from; /* as it stood when the reading began */
    struct seal_checkpoint_list_in in;
    size_t count;
    int64_t before_ms, limit, removed;
    bool begun, done;
    struct checkpoint first; /* the last line that was good: it stays. Without texts and heads */
    uint8_t first_hash[SEAL_HASH_BYTES];
};

/* No row stands that the line has signed. */
static enum err may_go(struct cx *cx, const struct cut *t, const struct checkpoint *c, bool *ret)
{
    *ret = c->at_ms < t->before_ms;
    for (size_t i = 0; *ret && i < c->heads_count; i++) {
        struct seal_chain_get_in in = { c->heads[i].workspace_id };
        struct seal_chain_get_row chain;
        bool found;
        TRY(seal_chain_get(cx, &in, &chain, &found));
        *ret = found && c->heads[i].seq <= chain.base_seq;
    }
    return OK;
}

static bool follows(const struct cut *t, const struct checkpoint *c,
                    const uint8_t hash[SEAL_HASH_BYTES])
{
    if (t->begun)
        return memcmp(c->before, t->first_hash, sizeof t->first_hash) == 0;
    return t->from.number ? seal_first_is(&t->from, c, hash) : c->generation == 1 && c->number == 1;
}

static bool line_good(struct cx *cx, const struct cut *t, const struct seal_checkpoint_list_row *r,
                      struct checkpoint *c, uint8_t hash[SEAL_HASH_BYTES])
{
    const char *why;
    if (!checkpoint_read(cx->arena, r->text, c, &why) || c->generation != r->generation ||
        c->number != r->number || !checkpoint_signed(cx->arena, c))
        return false;
    for (size_t i = 0; i < c->heads_count; i++)
        if (c->heads[i].hidden)
            return false;
    checkpoint_hash(r->text, hash);
    return follows(t, c, hash);
}

static enum err cut_line(struct cx *cx, struct cut *t, const struct seal_checkpoint_list_row *r)
{
    struct checkpoint c;
    uint8_t hash[SEAL_HASH_BYTES];
    bool goes;
    t->done = true;
    if (!line_good(cx, t, r, &c, hash))
        return OK;
    t->removed += t->begun; /* the one before: a good one stands behind it */
    TRY(may_go(cx, t, &c, &goes));
    t->done = !goes || t->removed == t->limit;
    t->begun = true;
    t->first = c;
    memcpy(t->first_hash, hash, sizeof hash);
    return OK;
}

static enum err cut_slice(struct cx *cx, void *arg)
{
    struct cut *t = arg;
    struct seal_checkpoint_list_row *rows;
    if (!t->begun) {
        TRY(seal_first_load(cx, &t->from));
        t->done = t->from.forged;
        /* It outlives the slice. */
        if (str_given(t->from.stored))
            t->from.stored = str_copy(cx->arena, t->from.stored);
    }
    TRY(seal_checkpoint_list(cx, &t->in, &rows, &t->count));
    for (size_t i = 0; i < t->count && !t->done; i++) {
        TRY(cut_line(cx, t, &rows[i]));
        t->in.generation = rows[i].generation;
        t->in.number = rows[i].number;
    }
    return OK;
}

static enum err cut_event(struct cx *cx, const struct cut *t, int64_t removed)
{
    char hex[2 * SEAL_HASH_BYTES];
    struct principal caller = cx->principal;
    hex_encode(t->first_hash, sizeof t->first_hash, hex);
    struct audit_row row = {
        .action = STR("retention"),
        .type = STR("LOG_ANCHORED"),
        .message = STR("Old checkpoints of the log were removed"),
        .metadata = str_fmt(
            cx->arena, "{\"removed\":%lld,\"firstCheckpoint\":\"%lld/%lld\",\"hash\":\"%.*s\"}",
            (long long)removed, (long long)t->first.generation, (long long)t->first.number,
            (int)sizeof hex, hex)
    };
    cx->principal = (struct principal){ .kind = PRINCIPAL_SYSTEM, .workspace_id = STR("") };
    enum err e = audit_append(cx, &row);
    cx->principal = caller;
    return e;
}

static enum err cut_write(struct cx *cx, void *arg)
{
    struct cut *t = arg;
    struct seal_checkpoint_purge_in in = { t->first.generation, t->first.number };
    TRY(seal_first_move(cx, &t->from, in.generation, in.number, t->first_hash));
    TRY(seal_checkpoint_purge(cx, &in, &t->removed));
    return cut_event(cx, t, t->removed);
}

enum err seal_purge_checkpoints(struct cx *cx, int64_t before_ms, int64_t limit,
                                int64_t *ret_removed)
{
    struct cut t = { .in = { .limit = SLICE_LINES }, .before_ms = before_ms, .limit = limit };
    struct arena *slices = arena_new(0);
    struct cx reading = *cx;
    enum err e;
    reading.arena = slices;
    do {
        e = db_read(t.begun ? &reading : cx, cut_slice, &t);
        arena_clear(slices, 1024 * 1024);
    } while (e == OK && !t.done && t.count == SLICE_LINES);
    arena_free(slices);
    *ret_removed = 0;
    if (e != OK || t.removed == 0)
        return e;
    TRY(db_write(cx, cut_write, &t));
    *ret_removed = t.removed;
    return OK;
}
