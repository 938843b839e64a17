/* What was done to a chain where it does not hold.
 *
 * The rows around the place are read, and each explanation is tried: does the row fit at another
 * place of the chain, in another chain, or does the next one fit without it? Whatever is not
 * explained is an edit. A forger who also recomputes hashes is found by head and checkpoints, not
 * here. */
#include "audit/audit_sql.h"
#include "audit/verify_core.h"
#include "base/app.h"

enum { WINDOW = 64, OTHERS_MAX = 1000 };

struct place {
    struct seal_entry e;
    struct str hash; /* stored */
};

struct around {
    struct str workspace_id;
    int64_t from, to, broken;
    struct place rows[2 * WINDOW + 1];
    size_t count;
    struct buf scratch;
    struct verify_break *b;
    int64_t end;
};

static enum err around_row(struct cx *cx, const struct seal_row_slice_row *row, void *arg)
{
    struct around *a = arg;
    if (a->count == sizeof a->rows / sizeof *a->rows)
        return OK;
    struct place *p = &a->rows[a->count++];
    p->e = verify_entry(row);
    for (size_t i = 0; i < SEAL_TEXTS; i++)
        if (str_given(p->e.texts[i]))
            p->e.texts[i] = str_copy(cx->arena, p->e.texts[i]);
    p->hash = str_given(row->hash) ? str_copy(cx->arena, row->hash) : STR_NULL;
    return OK;
}

static const struct place *row_at(const struct around *a, int64_t seq)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->rows[i].e.seq == seq)
            return &a->rows[i];
    return NULL;
}

/* Would the row have its stored hash at `seq` of that chain, behind `before`? */
static bool fits(struct around *a, const struct place *p, int64_t seq, struct str workspace_id,
                 struct str before)
{
    uint8_t hash[SEAL_HASH_BYTES];
    struct seal_entry e = p->e;
    if (before.len != SEAL_HASH_BYTES || p->hash.len != SEAL_HASH_BYTES)
        return false;
    e.seq = seq;
    e.texts[SEAL_WORKSPACE_ID] = workspace_id;
    return seal_hash(&e, (const uint8_t *)before.ptr, &a->scratch, hash) &&
           memcmp(hash, p->hash.ptr, SEAL_HASH_BYTES) == 0;
}

/* Stored hash of the row before `seq`, or of the chain's beginning. */
static struct str before_of(const struct around *a, int64_t seq, struct arena *arena)
{
    const struct place *p = row_at(a, seq - 1);
    if (p || seq != 1)
        return p ? p->hash : STR_NULL;
    uint8_t *genesis = arena_alloc(arena, SEAL_HASH_BYTES);
    seal_genesis(a->workspace_id, genesis);
    return (struct str){ (char *)genesis, SEAL_HASH_BYTES };
}

/* The row stood elsewhere in the window. */
static int64_t moved_from(struct around *a, const struct place *p, struct arena *arena)
{
    for (size_t i = 0; i < a->count; i++) {
        int64_t seq = a->rows[i].e.seq;
        if (seq != a->broken && (fits(a, p, seq, a->workspace_id, before_of(a, seq, arena)) ||
                                 fits(a, p, seq, a->workspace_id, a->rows[i].hash)))
            return seq;
    }
    return 0;
}

/* The rows behind have moved up or down: how far? 0: not. */
static int64_t shift_of(struct around *a, struct arena *arena)
{
    const struct place *here = row_at(a, a->broken), *next = row_at(a, a->broken + 1);
    for (int64_t by = -4; here && next && by <= 4; by++)
        if (by && fits(a, next, a->broken + 1 + by, a->workspace_id,
                       by == -1 ? before_of(a, a->broken, arena) : here->hash))
            return by;
    return 0;
}

static enum err swapped_from(struct cx *cx, struct around *a, const struct place *p,
                             struct str *ret)
{
    struct seal_chain_list_in in = { STR(""), OTHERS_MAX };
    struct seal_chain_list_row *chains;
    size_t count;
    *ret = STR_NULL;
    TRY(seal_chain_list(cx, &in, &chains, &count));
    for (size_t i = 0; i < count; i++) {
        struct seal_row_hash_in before_in = { chains[i].workspace_id, p->e.seq - 1 };
        struct seal_row_hash_row before;
        bool found = false;
        uint8_t genesis[SEAL_HASH_BYTES];
        if (str_eq(chains[i].workspace_id, a->workspace_id))
            continue;
        if (p->e.seq > 1)
            TRY(seal_row_hash(cx, &before_in, &before, &found));
        seal_genesis(chains[i].workspace_id, genesis);
        if (!found)
            before.hash = (struct str){ (char *)genesis, sizeof genesis };
        if (fits(a, p, p->e.seq, chains[i].workspace_id, before.hash)) {
            *ret = chains[i].workspace_id;
            return OK;
        }
    }
    return OK;
}

static void say(struct around *a, const char *kind, struct str message)
{
    a->b->kind = kind;
    a->b->message = message;
}

static enum err present_row(struct cx *cx, struct around *a, const struct place *p)
{
    struct str other;
    struct arena *m = cx->arena;
    long long at = a->broken;
    a->b->id = p->e.texts[SEAL_ID];
    if (p->hash.len != SEAL_HASH_BYTES) {
        say(a, "unreadable", str_fmt(m, "row %lld has no hash", at));
        return OK;
    }
    int64_t from = moved_from(a, p, m);
    int64_t shift = from ? 0 : shift_of(a, m);
    TRY(swapped_from(cx, a, p, &other));
    if (str_given(other))
        say(a, "swap", str_fmt(m, "row %lld is one of the chain %.*s", at, STR_ARG(other)));
    else if (shift < 0)
        say(a, "insert", str_fmt(m, "row %lld was put in; the rows behind it have moved", at));
    else if (shift > 0)
        say(a, "gap", str_fmt(m, "before row %lld one is missing; the rows behind have moved", at));
    else if (from)
        say(a, "reorder", str_fmt(m, "row %lld stood at place %lld", at, (long long)from));
    else
        say(a, "edit", str_fmt(m, "row %lld, or the one before it, is not what was sealed", at));
    return OK;
}

static enum err diagnose(struct cx *cx, void *arg)
{
    struct around *a = arg;
    struct seal_row_slice_in in = { a->workspace_id, a->from - 1, a->to, 2 * WINDOW + 1 };
    a->count = 0;
    TRY(seal_row_slice(cx, &in, around_row, a));
    const struct place *p = row_at(a, a->broken);
    if (p)
        return present_row(cx, a, p);
    bool behind = false;
    for (size_t i = 0; i < a->count; i++)
        behind |= a->rows[i].e.seq > a->broken;
    struct seal_row_last_in last_in = { a->workspace_id };
    struct seal_row_last_row last;
    bool found;
    TRY(seal_row_last(cx, &last_in, &last, &found));
    behind |= found && last.seq > a->broken;
    if (behind)
        say(a, "gap", str_fmt(cx->arena, "row %lld is missing", (long long)a->broken));
    else
        say(a, "cut",
            str_fmt(cx->arena, "the chain ends before row %lld; its head knows row %lld",
                    (long long)a->broken, (long long)a->end));
    return OK;
}

enum err verify_diagnose(struct verify *v, struct verify_break *b, int64_t end)
{
    struct around *a = arena_alloc(v->cx->arena, sizeof *a);
    a->workspace_id = b->workspace_id;
    a->broken = b->seq;
    a->from = b->seq > WINDOW ? b->seq - WINDOW : 1;
    a->to = b->seq + WINDOW;
    a->b = b;
    a->end = end;
    buf_init(&a->scratch, NULL, SEAL_ROW_BYTES_MAX);
    enum err e = db_read(v->cx, diagnose, a);
    buf_release(&a->scratch);
    return e;
}
