/* Making a checkpoint: the heads that wait are signed, the key moves on, the line is kept, all in
 * one transaction.
 *
 * Invariants
 * - Checkpoint n exists once (seal_state_evolve is judged by affected rows, and the table's key).
 * - The secret that signed is overwritten in the transaction that keeps the line, unless more heads
 *   wait than one line holds: theirs are under the MAC of this epoch, so the key stays for one
 * more.
 * - A head is signed as it is found. One that the server did not leave so is marked in the line and
 *   in the chain's row: a forged tail does not become good by being signed. */
#include "audit/audit_sql.h"
#include "audit/seal_core.h"

#include "base/app.h"
#include "base/log.h"

static struct str bytes_of(const void *p, size_t len)
{
    return (struct str){ p, len };
}

static enum err heads_of(struct cx *cx, const struct seal_state *state,
                         const struct seal_chain_unsigned_row *rows, struct checkpoint *c)
{
    c->heads = arena_array(cx->arena, c->heads_count, sizeof *c->heads);
    for (size_t i = 0; i < c->heads_count; i++) {
        const struct seal_chain_unsigned_row *r = &rows[i];
        struct checkpoint_head *h = &c->heads[i];
        h->workspace_id = r->workspace_id;
        h->seq = r->seq;
        if (r->hash.len == SEAL_HASH_BYTES)
            memcpy(h->hash, r->hash.ptr, SEAL_HASH_BYTES);
        /* The heads of a generation's beginning stand under keys that are gone. */
        h->broken =
            state->number > 1 && !seal_head_genuine(&state->keys, state->epoch, r->workspace_id,
                                                    r->seq, r->hash, r->epoch, r->mac);
        struct verify_break b = { .workspace_id = r->workspace_id,
                                  .seq = r->seq,
                                  .kind = "head",
                                  .message =
                                      STR("the head of the chain is not what the server left") };
        if (h->broken && !str_given(r->broken))
            TRY(seal_note_broken(cx, &b, SEAL_EVENT_BEHIND));
    }
    return OK;
}

static enum err heads_sign(struct cx *cx, const struct checkpoint *c)
{
    for (size_t i = 0; i < c->heads_count; i++) {
        struct seal_chain_sign_in in = { .workspace_id = c->heads[i].workspace_id,
                                         .seq = c->heads[i].seq,
                                         .generation = c->generation,
                                         .number = c->number,
                                         .now = c->at_ms };
        int64_t affected = 0;
        TRY(seal_chain_sign(cx, &in, &affected));
        if (affected != 1)
            FAIL(cx, CONFLICT, "A chain moved while it was signed.");
    }
    return OK;
}

static enum err checkpoint_keep(struct cx *cx, const struct checkpoint *c, struct str line,
                                struct seal_state *next)
{
    uint8_t wrapped[SEAL_WRAPPED_BYTES];
    int64_t affected = 0;
    checkpoint_hash(line, next->last_hash);
    struct seal_checkpoint_add_in add = { .generation = c->generation,
                                          .number = c->number,
                                          .now = c->at_ms,
                                          .hash = bytes_of(next->last_hash, SEAL_HASH_BYTES),
                                          .text = line };
    TRY(seal_checkpoint_add(cx, &add, NULL));
    TRY(heads_sign(cx, c));
    seal_wrap(seal_root_key(cx), next->generation, next->epoch, next->keys.secret, wrapped);
    struct seal_state_evolve_in evolve = { .number = c->number,
                                           .epoch = next->epoch,
                                           .secret = bytes_of(wrapped, sizeof wrapped),
                                           .last_hash = add.hash,
                                           .now = c->at_ms };
    TRY(seal_state_evolve(cx, &evolve, &affected));
    if (affected != 1)
        FAIL(cx, CONFLICT, "The checkpoint was made by somebody else.");
    return OK;
}

/* `next` is the state afterwards. */
static enum err checkpoint_make(struct cx *cx, const struct seal_state *state, size_t heads,
                                const struct seal_chain_unsigned_row *rows, bool more,
                                struct seal_state *next)
{
    struct checkpoint c = { .generation = state->generation,
                            .number = state->number,
                            .at_ms = cx->now_ms,
                            .reason = state->reason,
                            .after = state->after_number,
                            .heads_count = heads };
    *next = *state;
    next->number++;
    next->checkpoint_at_ms = cx->now_ms;
    next->waiting_rows = 0;
    if (!more) {
        next->epoch++;
        seal_keys_next(&state->keys, &next->keys);
    }
    memcpy(c.before, state->last_hash, sizeof c.before);
    memcpy(c.key, state->keys.public_key, sizeof c.key);
    memcpy(c.next, next->keys.public_key, sizeof c.next);
    if (c.number == 1)
        seal_generation_mac(seal_root_key(cx), c.generation, c.key, c.before, c.anchor);
    TRY(heads_of(cx, state, rows, &c));
    return checkpoint_keep(cx, &c, checkpoint_write(cx->arena, &c, state->keys.seed), next);
}

static bool due(const struct seal *s, const struct seal_state *state, int64_t now_ms)
{
    int64_t rows = state->waiting_rows + atomic_load(&s->events);
    int64_t waited_ms = now_ms - state->checkpoint_at_ms;
    return rows >= s->options.events_max ||
           (rows > 0 && (waited_ms >= s->options.checkpoint_ms || waited_ms < 0));
}

static enum err checkpoint_run(struct cx *cx, void *arg)
{
    struct seal_deed *d = arg;
    struct seal *s = d->seal;
    struct seal_lock_row lock;
    struct seal_state state, next;
    struct seal_chain_unsigned_row *rows;
    size_t count;
    bool found;
    d->skipped = true;
    d->more = false;
    TRY(seal_lock(cx, &lock, &found));
    if (!found || !lock.locked)
        return OK;
    TRY(seal_state_load(cx, &state));
    if (state.number > 1 && !d->now && !due(s, &state, cx->now_ms))
        return OK;
    struct seal_chain_unsigned_in most = { CHECKPOINT_HEADS_MAX + 1 };
    TRY(seal_chain_unsigned(cx, &most, &rows, &count));
    if (count == 0 && state.number > 1)
        return OK;
    d->more = count > CHECKPOINT_HEADS_MAX;
    enum err e =
        checkpoint_make(cx, &state, d->more ? CHECKPOINT_HEADS_MAX : count, rows, d->more, &next);
    seal_keys_wipe(&state.keys);
    if (e == OK && s->options.on_checkpoint)
        e = s->options.on_checkpoint(cx, next.generation, next.number - 1);
    if (e == OK && db_engine(s->app->db) == DB_SQLITE) {
        /* What this batch seals behind us stands under the new key; deed_done takes it back. */
        if (!d->moved)
            d->before = s->now;
        d->moved = true;
        s->now = next;
        s->now.reason = STR_NULL;
    }
    seal_keys_wipe(&next.keys);
    d->skipped = e != OK;
    return e;
}

enum err seal_checkpoint(struct seal *s, int64_t now_ms, bool now, bool *ret_more)
{
    struct seal_deed d = { .now = now };
    int64_t events = atomic_load(&s->events);
    struct seal_state seen = { .checkpoint_at_ms = atomic_load(&s->checkpoint_at_ms) };
    *ret_more = false;
    /* On SQLite this process knows without asking; a first checkpoint is made at once. */
    if (db_engine(s->app->db) == DB_SQLITE && !now && atomic_load(&s->begun) &&
        !due(s, &seen, now_ms))
        return OK;
    TRY(seal_deed_run(s, &d, checkpoint_run, now_ms));
    atomic_store(&s->begun, true);
    if (d.skipped)
        return OK;
    atomic_fetch_sub(&s->events, d.more ? 0 : events);
    atomic_store(&s->checkpoint_at_ms, now_ms);
    atomic_store(&s->news, true);
    *ret_more = d.more;
    return OK;
}
