/* Sealing rows: heads, batches, the SQLite path; and the state's life.
 *
 * Goals: one hash and two small statements a row on SQLite; a batch of a thousand rows in a few
 * statements on PostgreSQL; no way to fork a chain. Non-goals: signing (seal_checkpoint.c), files
 * (seal_publish.c), verification (verify.c).
 *
 * Invariants
 * - A head moves only from the place and hash that it had (seal_chain_move, affected rows).
 * - The cache may be wrong (a rolled back savepoint leaves it ahead): a move that does not fit
 *   loads the head and tries once more.
 * - On SQLite `now` and `cache` belong to the writer's thread. */
#include "audit/audit_sql.h"
#include "audit/seal_core.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define EPOCHS_AHEAD_MAX 4

static struct str bytes_of(const void *p, size_t len)
{
    return (struct str){ p, len };
}

struct str seal_root_key(const struct cx *cx)
{
    return cx->app->seal ? secret_bytes(cx->app->seal->root) : STR_NULL;
}

/* ---- state ---- */

enum err seal_state_load(struct cx *cx, struct seal_state *ret)
{
    struct seal_state_get_row row;
    uint8_t secret[SEAL_SECRET_BYTES];
    bool found;
    TRY(seal_state_get(cx, &row, &found));
    if (!found)
        return ERR_NOT_FOUND;
    if (row.last_hash.len != SEAL_HASH_BYTES || !str_given(seal_root_key(cx)) ||
        !seal_unwrap(seal_root_key(cx), row.generation, row.epoch, row.secret, secret))
        return ERR_CREDENTIAL_UNREADABLE;
    *ret = (struct seal_state){ .generation = row.generation,
                                .number = row.number,
                                .epoch = row.epoch,
                                .after_number = row.after_number,
                                .waiting_rows = row.waiting,
                                .checkpoint_at_ms = row.checkpoint_at,
                                .reason = row.reason };
    memcpy(ret->last_hash, row.last_hash.ptr, SEAL_HASH_BYTES);
    seal_keys_of(secret, &ret->keys);
    bytes_wipe(secret, sizeof secret);
    return OK;
}

/* ---- heads ---- */

bool seal_head_genuine(const struct seal_keys *keys, int64_t epoch, struct str workspace_id,
                       int64_t seq, struct str hash, int64_t mac_epoch, struct str mac)
{
    uint8_t expected[SEAL_MAC_BYTES];
    struct seal_keys k = *keys;
    bool good = hash.len == SEAL_HASH_BYTES && mac.len == SEAL_MAC_BYTES && mac_epoch >= epoch &&
                mac_epoch - epoch <= EPOCHS_AHEAD_MAX;
    for (; good && epoch < mac_epoch; epoch++)
        seal_keys_next(&k, &k);
    if (good) {
        seal_head_mac(&k, workspace_id, seq, (const uint8_t *)hash.ptr, expected);
        good = bytes_equal(expected, mac.ptr, sizeof expected);
    }
    seal_keys_wipe(&k);
    return good;
}

enum err seal_note_broken(struct cx *cx, const struct verify_break *k, enum seal_event how)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, cx->arena, 8192);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "seq");
    jw_i64(&w, k->seq);
    jw_key_lit(&w, "kind");
    jw_str(&w, str_of(k->kind));
    jw_key_lit(&w, "id");
    jw_str(&w, k->id);
    jw_key_lit(&w, "message");
    jw_str(&w, k->message);
    jw_key_lit(&w, "foundAt");
    jw_time(&w, cx->now_ms);
    jw_object_end(&w);
    struct seal_chain_broken_set_in in = { .workspace_id = k->workspace_id, .broken = buf_str(&b) };
    TRY(seal_chain_broken_set(cx, &in, NULL));
    struct cx system = *cx;
    system.principal =
        (struct principal){ .kind = PRINCIPAL_SYSTEM, .workspace_id = k->workspace_id };
    struct audit_row event = { .action = STR("seal"),
                               .type = STR("LOG_CHAIN_BROKEN"),
                               .message = k->message,
                               .metadata = in.broken };
    if (how == SEAL_EVENT_APPENDED)
        TRY(audit_append(&system, &event));
    else
        audit_event(&system, &event);
    log_line(LOG_ERROR, "the log of deeds was changed behind the server",
             log_s("workspace", k->workspace_id), log_i("seq", k->seq),
             log_s("kind", str_of(k->kind)), log_s("message", k->message));
    return OK;
}

static enum err head_from_rows(struct cx *cx, struct str workspace_id, struct seal_head *h)
{
    struct seal_row_last_in in = { .workspace_id = workspace_id };
    struct seal_row_last_row row;
    bool found;
    TRY(seal_row_last(cx, &in, &row, &found));
    if (found && row.seq >= h->seq && row.hash.len == SEAL_HASH_BYTES) {
        h->seq = row.seq;
        memcpy(h->hash, row.hash.ptr, SEAL_HASH_BYTES);
    }
    return OK;
}

enum err seal_head_load(struct cx *cx, struct str workspace_id, const struct seal_keys *keys,
                        int64_t epoch, struct seal_head *ret)
{
    struct seal_chain_get_in in = { .workspace_id = workspace_id };
    struct seal_chain_get_row row;
    bool found;
    *ret = (struct seal_head){ 0 };
    TRY(seal_chain_get(cx, &in, &row, &found));
    if (!found) {
        seal_genesis(workspace_id, ret->hash);
        return OK;
    }
    ret->seq = row.seq;
    if (row.hash.len == SEAL_HASH_BYTES)
        memcpy(ret->hash, row.hash.ptr, SEAL_HASH_BYTES);
    if (row.seq == row.signed_seq ||
        seal_head_genuine(keys, epoch, workspace_id, row.seq, row.hash, row.epoch, row.mac))
        return OK;
    struct seal_head found_at = *ret;
    bool moved;
    TRY(head_from_rows(cx, workspace_id, ret));
    struct verify_break b = { .workspace_id = workspace_id,
                              .seq = row.seq,
                              .kind = "head",
                              .message = STR("the head of the chain is not what the server left") };
    if (!str_given(row.broken))
        TRY(seal_note_broken(cx, &b, SEAL_EVENT_BEHIND));
    return seal_head_move(cx, workspace_id, &found_at, ret, keys, epoch, &moved);
}

static enum err head_add(struct cx *cx, const struct seal_chain_move_in *m, bool *ret_moved)
{
    struct seal_chain_add_in in = { .workspace_id = m->workspace_id,
                                    .seq = m->seq,
                                    .hash = m->hash,
                                    .epoch = m->epoch,
                                    .mac = m->mac };
    int64_t affected = 0;
    TRY(seal_chain_add(cx, &in, &affected));
    *ret_moved = affected == 1;
    return OK;
}

enum err seal_head_move(struct cx *cx, struct str workspace_id, const struct seal_head *from,
                        const struct seal_head *to, const struct seal_keys *keys, int64_t epoch,
                        bool *ret_moved)
{
    uint8_t mac[SEAL_MAC_BYTES];
    int64_t affected = 0;
    seal_head_mac(keys, workspace_id, to->seq, to->hash, mac);
    struct seal_chain_move_in in = { .workspace_id = workspace_id,
                                     .seq = to->seq,
                                     .hash = bytes_of(to->hash, SEAL_HASH_BYTES),
                                     .epoch = epoch,
                                     .mac = bytes_of(mac, sizeof mac),
                                     .old_seq = from->seq,
                                     .old_hash = bytes_of(from->hash, SEAL_HASH_BYTES) };
    if (from->seq == 0)
        return head_add(cx, &in, ret_moved);
    TRY(seal_chain_move(cx, &in, &affected));
    *ret_moved = affected == 1;
    return OK;
}

/* ---- one row, SQLite ---- */

static struct seal_cached *cache_slot(struct seal *s, struct str workspace_id)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < workspace_id.len; i++)
        h = (h ^ (unsigned char)workspace_id.ptr[i]) * 16777619u;
    return &s->cache[(h ^ h >> 16) % SEAL_CACHE_SLOTS];
}

static bool cache_get(const struct seal_cached *c, struct str workspace_id, struct seal_head *ret)
{
    if (c->head.seq == 0 || !str_eq(bytes_of(c->workspace_id, c->workspace_id_len), workspace_id))
        return false;
    *ret = c->head;
    return true;
}

static void cache_put(struct seal_cached *c, struct str workspace_id, const struct seal_head *h)
{
    if (workspace_id.len > sizeof c->workspace_id)
        return;
    if (workspace_id.len)
        memcpy(c->workspace_id, workspace_id.ptr, workspace_id.len);
    c->workspace_id_len = workspace_id.len;
    c->head = *h;
}

enum err seal_row(struct cx *cx, struct audit_insert_in *row)
{
    struct seal *s = cx->app->seal;
    if (!s || db_engine(cx->app->db) != DB_SQLITE)
        return OK;
    struct seal_entry e = SEAL_ENTRY_OF(row);
    struct seal_cached *slot = cache_slot(s, row->workspace_id);
    struct seal_head from, to;
    bool cached = cache_get(slot, row->workspace_id, &from), moved = false;
    for (int try = 0; try < 2 && !moved; try++) {
        if (!cached)
            TRY(seal_head_load(cx, row->workspace_id, &s->now.keys, s->now.epoch, &from));
        cached = false;
        to.seq = e.seq = from.seq + 1;
        e.epoch = s->now.epoch;
        if (!seal_hash(&e, from.hash, &s->scratch, to.hash))
            return cx_fault(cx, "an audit row is too large to be sealed");
        TRY(seal_head_move(cx, row->workspace_id, &from, &to, &s->now.keys, s->now.epoch, &moved));
    }
    if (!moved)
        return cx_fault(cx, "the head of chain %.*s moves under its sealer",
                        STR_ARG(row->workspace_id));
    cache_put(slot, row->workspace_id, &to);
    char *hash = arena_alloc_raw(cx->arena, SEAL_HASH_BYTES);
    memcpy(hash, to.hash, SEAL_HASH_BYTES);
    row->seq = (struct db_opt_int){ .given = true, .value = e.seq };
    row->hash = bytes_of(hash, SEAL_HASH_BYTES);
    row->epoch = (struct db_opt_int){ .given = true, .value = e.epoch };
    atomic_fetch_add(&s->events, 1);
    return OK;
}

/* ---- batches ---- */

struct group {
    struct seal_unsealed_list_row *rows;
    size_t count;
};

static enum err group_set(struct cx *cx, const struct group *g, int64_t first, struct str hashes,
                          int64_t epoch)
{
    struct buf ids;
    struct json_writer w;
    int64_t affected = 0;
    buf_init(&ids, cx->arena, SEAL_BATCH_ROWS * 128);
    jw_init(&w, &ids);
    jw_array(&w);
    for (size_t i = 0; i < g->count; i++)
        jw_str(&w, g->rows[i].id);
    jw_array_end(&w);
    if (ids.overflow)
        return cx_fault(cx, "the ids of an audit batch are too long");
    struct seal_rows_set_in in = { .workspace_id = g->rows[0].workspace_id,
                                   .first = first,
                                   .ids = buf_str(&ids),
                                   .hashes = hashes,
                                   .epoch = epoch };
    TRY(seal_rows_set(cx, &in, &affected));
    if (affected != (int64_t)g->count)
        FAIL(cx, CONFLICT, "Rows of the log were sealed by somebody else.");
    return OK;
}

/* Rows of one chain, in their order. */
static enum err group_seal(struct cx *cx, struct seal *s, const struct group *g,
                           const struct seal_keys *keys, int64_t epoch)
{
    struct str workspace_id = g->rows[0].workspace_id;
    struct seal_head from, to;
    uint8_t *hashes = arena_alloc_raw(cx->arena, g->count * SEAL_HASH_BYTES);
    bool moved;
    (void)s;
    TRY(seal_head_load(cx, workspace_id, keys, epoch, &from));
    to = from;
    struct buf scratch;
    buf_init(&scratch, cx->arena, SEAL_ROW_BYTES_MAX);
    for (size_t i = 0; i < g->count; i++) {
        struct seal_entry e = SEAL_ENTRY_OF(&g->rows[i]);
        e.seq = ++to.seq;
        e.epoch = epoch;
        if (!seal_hash(&e, to.hash, &scratch, to.hash))
            return cx_fault(cx, "an audit row is too large to be sealed");
        memcpy(hashes + i * SEAL_HASH_BYTES, to.hash, SEAL_HASH_BYTES);
    }
    TRY(group_set(cx, g, from.seq + 1, bytes_of(hashes, g->count * SEAL_HASH_BYTES), epoch));
    TRY(seal_head_move(cx, workspace_id, &from, &to, keys, epoch, &moved));
    if (!moved)
        FAIL(cx, CONFLICT, "The head of a chain was moved by somebody else.");
    return OK;
}

static enum err batch_seal(struct cx *cx, void *arg)
{
    struct seal_deed *d = arg;
    struct seal_lock_row lock;
    struct seal_state state;
    struct seal_unsealed_list_row *rows;
    size_t count;
    bool found;
    d->rows = 0;
    d->skipped = d->more = false;
    TRY(seal_lock(cx, &lock, &found));
    if (!found || !lock.locked) {
        d->skipped = true;
        return OK;
    }
    TRY(seal_unsealed_list(cx, &(struct seal_unsealed_list_in){ SEAL_BATCH_ROWS }, &rows, &count));
    if (count == 0)
        return OK;
    TRY(seal_state_load(cx, &state));
    enum err e = OK;
    for (size_t i = 0, n; i < count && e == OK; i += n) {
        for (n = 1; i + n < count && str_eq(rows[i + n].workspace_id, rows[i].workspace_id);)
            n++;
        e = group_seal(cx, d->seal, &(struct group){ rows + i, n }, &state.keys, state.epoch);
    }
    seal_keys_wipe(&state.keys);
    TRY(e);
    d->rows = (int64_t)count;
    d->more = count == SEAL_BATCH_ROWS;
    return seal_state_count(cx, &(struct seal_state_count_in){ (int64_t)count }, NULL);
}

/* ---- deeds ---- */

static void deed_done(struct db_write *w, enum err result)
{
    struct seal_deed *d = (struct seal_deed *)w;
    /* Still the writer's thread: nobody seals between the failure and this. */
    if (result != OK && d->moved)
        d->seal->now = d->before;
    seal_keys_wipe(&d->before.keys);
    d->result = result;
    sem_post(&d->done);
}

enum err seal_deed_run(struct seal *s, struct seal_deed *d, db_fn fn, int64_t now_ms)
{
    struct cx *cx = &d->cx;
    *cx = (struct cx){ .arena = arena_new(0),
                       .app = s->app,
                       .principal = { .kind = PRINCIPAL_SYSTEM },
                       .now_ms = now_ms };
    d->seal = s;
    d->moved = false;
    d->result = OK;
    d->write = (struct db_write){
        .cx = cx, .fn = fn, .arg = d, .read_committed = true, .done = deed_done
    };
    sem_init(&d->done, 0, 0);
    db_write_submit(s->app->db, &d->write);
    while (sem_wait(&d->done) != 0)
        assert(errno == EINTR);
    sem_destroy(&d->done);
    if (d->result != OK)
        log_line(LOG_WARN, "the log was not sealed; the next round tries again",
                 log_s("code", str_of(err_info(d->result)->code)),
                 log_s("message", cx->failure.message), log_s("detail", cx->failure.log_detail));
    arena_free(cx->arena);
    return d->result;
}

/* *ret_more: the batch was full, there are likely more. */
static enum err batch_run(struct seal *s, int64_t now_ms, bool *ret_more)
{
    struct seal_deed d = { 0 };
    bool sqlite = db_engine(s->app->db) == DB_SQLITE;
    *ret_more = false;
    if (sqlite && !atomic_load(&s->leftovers))
        return OK;
    TRY(seal_deed_run(s, &d, batch_seal, now_ms));
    if (sqlite) {
        atomic_fetch_add(&s->events, d.rows);
        atomic_store(&s->leftovers, d.more);
    }
    *ret_more = d.more;
    return OK;
}

/* A batch, the checkpoint that may be due by it, and both made public: whoever writes faster than
 * this seals does not hold up the checkpoints. `now`: one even when none is due, if no more rows
 * wait or this is the last round. */
static enum err round_run(struct seal *s, int64_t now_ms, bool now, bool last, bool *ret_more)
{
    bool more_heads = true;
    pthread_mutex_lock(&s->ticking);
    enum err e = batch_run(s, now_ms, ret_more);
    while (e == OK && more_heads)
        e = seal_checkpoint(s, now_ms, now && (last || !*ret_more), &more_heads);
    enum err published = seal_publish(s, now_ms);
    pthread_mutex_unlock(&s->ticking);
    return e != OK ? e : published;
}

enum err seal_tick(struct seal *s, int64_t now_ms, bool now)
{
    int64_t begun_ms = clock_monotonic_ms(), at_ms = now_ms;
    bool more = true;
    while (more) {
        TRY(round_run(s, at_ms, now, false, &more));
        at_ms = now_ms + clock_monotonic_ms() - begun_ms;
    }
    return OK;
}

/* ---- life ---- */

/* Rounds without a pause while rows wait. */
static void *ticker(void *arg)
{
    struct seal *s = arg;
    bool more = false;
    pthread_mutex_lock(&s->mutex);
    while (!s->stopping) {
        int64_t until_ms = clock_monotonic_ms() + SEAL_TICK_MS;
        struct timespec t = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
        if (!more)
            pthread_cond_timedwait(&s->wake, &s->mutex, &t);
        if (s->stopping)
            break;
        pthread_mutex_unlock(&s->mutex);
        if (round_run(s, clock_wall_ms(), false, false, &more) != OK)
            more = false;
        pthread_mutex_lock(&s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

void seal_start(struct seal *s)
{
    pthread_attr_t attr;
    assert(!s->started);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 512 * 1024);
    s->started = true;
    if (pthread_create(&s->thread, &attr, ticker, s) != 0)
        abort();
    pthread_setname_np(s->thread, "seal");
    pthread_attr_destroy(&attr);
}

/* The orderly end: some more rounds, the last of which signs. */
static void last_rounds(struct seal *s)
{
    bool more = true;
    for (int i = 1; i <= SEAL_LAST_ROUNDS && more; i++)
        if (round_run(s, clock_wall_ms(), true, i == SEAL_LAST_ROUNDS, &more) != OK)
            return;
}

void seal_close(struct seal *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->mutex);
    s->stopping = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->mutex);
    if (s->started)
        pthread_join(s->thread, NULL);
    last_rounds(s);
    if (s->app->seal == s)
        s->app->seal = NULL;
    seal_keys_wipe(&s->now.keys);
    secret_free(s->root);
    buf_release(&s->scratch);
    pthread_mutex_destroy(&s->mutex);
    pthread_mutex_destroy(&s->ticking);
    pthread_cond_destroy(&s->wake);
    free(s);
}
