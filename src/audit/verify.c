/* See verify.h: chains, ranges, heads.
 *
 * Goals: half a million rows a second, memory that does not grow with the log, short snapshots, so
 * that a serving database is not held up. Invariants: a chain is verified up to the head that it
 * had at the beginning; retention may cut its beginning meanwhile (then it is looked at again). */
#include "audit/audit_sql.h"
#include "audit/verify_core.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/app.h"
#include "base/clock.h"

enum { RANGE_ROWS = 25000, SLICE_ROWS = 2500, CHAINS_SLICE = 200, THREADS_MAX = 4 };

struct seal_entry verify_entry(const struct seal_row_slice_row *r)
{
    struct seal_entry e = SEAL_ENTRY_OF(r);
    e.seq = r->seq;
    e.epoch = r->epoch.value;
    return e;
}

static void break_copy(struct verify *v, const struct verify_break *b, struct verify_break *to)
{
    *to = *b;
    to->workspace_id = str_copy(v->cx->arena, b->workspace_id);
}

enum err verify_goes_on(const struct verify *v)
{
    const atomic_bool *own = v->options->stop, *server = v->cx->app->stopping;
    return (own && atomic_load(own)) || (server && atomic_load(server)) ? ERR_SHUTTING_DOWN : OK;
}

void verify_found(struct verify *v, const struct verify_break *b)
{
    struct verify_report *r = v->report;
    for (size_t i = 0; b->seq && i < r->breaks_count; i++) {
        struct verify_break *known = &r->breaks[i];
        if (!known->seq || !str_eq(known->workspace_id, b->workspace_id))
            continue;
        if (b->seq < known->seq)
            break_copy(v, b, known);
        return;
    }
    if (r->breaks_count < VERIFY_BREAKS_MAX)
        break_copy(v, b, &r->breaks[r->breaks_count++]);
}

/* ---- ranges ---- */

struct range {
    struct str workspace_id;
    int64_t from, to;                /* rows */
    uint8_t before[SEAL_HASH_BYTES]; /* hash of row from - 1, when it is known */
    bool before_known;
    int64_t broken_at; /* 0: it holds */
    bool unreadable;
    int64_t rows;
    uint8_t last[SEAL_HASH_BYTES]; /* stored hash of `to` */
};

struct ranges {
    struct verify *v;
    struct range *items;
    size_t count, next;
    pthread_mutex_t mutex;
    enum err result;
};

struct walk {
    struct range *range;
    int64_t at; /* last row seen */
    uint8_t before[SEAL_HASH_BYTES];
    bool before_known, stop;
    struct buf *scratch;
    int64_t seen;
};

static void walk_break(struct walk *w, int64_t seq)
{
    w->range->broken_at = seq;
    w->stop = true;
}

static enum err walk_row(struct cx *cx, const struct seal_row_slice_row *row, void *arg)
{
    struct walk *w = arg;
    uint8_t hash[SEAL_HASH_BYTES];
    (void)cx;
    w->seen++;
    if (w->stop)
        return OK;
    if (row->seq != w->at + 1) {
        walk_break(w, w->at + 1);
        return OK;
    }
    w->at = row->seq;
    if (row->hash.len != SEAL_HASH_BYTES || !row->epoch.given) {
        w->range->unreadable = true;
        walk_break(w, row->seq);
        return OK;
    }
    if (w->before_known) {
        struct seal_entry e = verify_entry(row);
        w->range->rows++;
        if (!seal_hash(&e, w->before, w->scratch, hash) ||
            memcmp(hash, row->hash.ptr, SEAL_HASH_BYTES) != 0) {
            walk_break(w, row->seq);
            return OK;
        }
    }
    memcpy(w->before, row->hash.ptr, SEAL_HASH_BYTES);
    w->before_known = true;
    return OK;
}

static enum err walk_slice(struct cx *cx, void *arg)
{
    struct walk *w = arg;
    struct seal_row_slice_in in = { .workspace_id = w->range->workspace_id,
                                    .after = w->at,
                                    .to = w->range->to,
                                    .limit = SLICE_ROWS };
    w->seen = 0;
    return seal_row_slice(cx, &in, walk_row, w);
}

static enum err range_verify(const struct verify *v, struct cx *cx, struct range *r,
                             struct buf *scratch)
{
    /* Without the hash before, the walk begins one row earlier and takes it from there. */
    struct walk w = { .range = r,
                      .at = r->before_known ? r->from - 1 : r->from - 2,
                      .before_known = r->before_known,
                      .scratch = scratch };
    memcpy(w.before, r->before, SEAL_HASH_BYTES);
    do {
        TRY(verify_goes_on(v));
        TRY(db_read(cx, walk_slice, &w));
        arena_clear(cx->arena, 256 * 1024);
    } while (!w.stop && w.seen == SLICE_ROWS);
    if (!w.stop && w.at != r->to)
        r->broken_at = w.at + 1;
    memcpy(r->last, w.before, SEAL_HASH_BYTES);
    return OK;
}

static struct range *range_next(struct ranges *all)
{
    pthread_mutex_lock(&all->mutex);
    struct range *r = all->result == OK && all->next < all->count ? &all->items[all->next++] : NULL;
    pthread_mutex_unlock(&all->mutex);
    return r;
}

static void *range_worker(void *arg)
{
    struct ranges *all = arg;
    struct cx cx = { .arena = arena_new(0),
                     .app = all->v->cx->app,
                     .principal = { .kind = PRINCIPAL_SYSTEM },
                     .now_ms = all->v->cx->now_ms };
    struct buf scratch;
    buf_init(&scratch, NULL, SEAL_ROW_BYTES_MAX);
    for (struct range *r; (r = range_next(all));) {
        enum err e = range_verify(all->v, &cx, r, &scratch);
        if (e == OK)
            continue;
        pthread_mutex_lock(&all->mutex);
        all->result = e;
        pthread_mutex_unlock(&all->mutex);
    }
    buf_release(&scratch);
    arena_free(cx.arena);
    return NULL;
}

static int threads_of(const struct verify *v, size_t ranges)
{
    long cores = v->options->threads ? v->options->threads : sysconf(_SC_NPROCESSORS_ONLN);
    if (cores > THREADS_MAX)
        cores = THREADS_MAX;
    if ((size_t)cores > ranges)
        cores = (long)ranges;
    return cores < 1 ? 1 : (int)cores;
}

static enum err ranges_run(struct verify *v, struct ranges *all)
{
    pthread_t threads[THREADS_MAX];
    int wanted = threads_of(v, all->count), started = 0;
    pthread_attr_t attr;
    all->v = v;
    pthread_mutex_init(&all->mutex, NULL);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1024 * 1024);
    while (started < wanted - 1 && pthread_create(&threads[started], &attr, range_worker, all) == 0)
        started++;
    range_worker(all);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attr);
    pthread_mutex_destroy(&all->mutex);
    return all->result;
}

/* ---- chains ---- */

struct chains {
    struct verify *v;
    struct seal_chain_list_in in;
    struct seal_chain_list_row *rows;
    size_t count;
};

static enum err chains_read(struct cx *cx, void *arg)
{
    struct chains *c = arg;
    enum err e = seal_state_load(cx, &c->v->state);
    c->v->state_known = e == OK;
    if (e != OK && e != ERR_NOT_FOUND && e != ERR_CREDENTIAL_UNREADABLE)
        return e;
    cx_clear_failure(cx);
    return seal_chain_list(cx, &c->in, &c->rows, &c->count);
}

static void base_check(struct verify *v, const struct seal_chain_list_row *c)
{
    uint8_t mac[SEAL_MAC_BYTES];
    struct str root = seal_root_key(v->cx);
    if (c->base_seq == 0 || !str_given(root))
        return;
    if (c->base_hash.len == SEAL_HASH_BYTES && c->base_mac.len == SEAL_MAC_BYTES) {
        seal_base_mac(root, c->workspace_id, c->base_seq, (const uint8_t *)c->base_hash.ptr, mac);
        if (bytes_equal(mac, c->base_mac.ptr, sizeof mac))
            return;
    }
    VERIFY_FOUND(v, c->workspace_id, c->base_seq, "base",
                 "the beginning of the chain (row %lld) was not moved by retention",
                 (long long)c->base_seq);
}

static size_t ranges_of(const struct seal_chain_list_row *c, struct range *out)
{
    size_t n = 0;
    for (int64_t from = c->base_seq + 1; from <= c->seq; from += RANGE_ROWS) {
        struct range r = { .workspace_id = c->workspace_id,
                           .from = from,
                           .to = c->seq - from >= RANGE_ROWS ? from + RANGE_ROWS - 1 : c->seq };
        if (from == c->base_seq + 1) {
            r.before_known = true;
            if (c->base_seq == 0)
                seal_genesis(c->workspace_id, r.before);
            else if (c->base_hash.len == SEAL_HASH_BYTES)
                memcpy(r.before, c->base_hash.ptr, SEAL_HASH_BYTES);
        }
        if (out)
            out[n] = r;
        n++;
    }
    return n;
}

/* The chain as it is now, and the first row behind its head, in one snapshot: a sealer and
 * retention go on meanwhile. */
struct behind {
    struct str workspace_id;
    int64_t seq; /* 0: nothing stands there */
    int64_t base_seq;
};

static enum err behind_row(struct cx *cx, const struct seal_row_slice_row *row, void *arg)
{
    struct behind *b = arg;
    (void)cx;
    b->seq = row->seq;
    return OK;
}

static enum err behind_read(struct cx *cx, void *arg)
{
    struct behind *b = arg;
    struct seal_chain_get_in get = { b->workspace_id };
    struct seal_chain_get_row chain;
    bool found;
    TRY(seal_chain_get(cx, &get, &chain, &found));
    b->base_seq = found ? chain.base_seq : 0;
    struct seal_row_slice_in in = { b->workspace_id, found ? chain.seq : 0, INT64_MAX, 1 };
    return seal_row_slice(cx, &in, behind_row, b);
}

static void head_check(struct verify *v, const struct seal_chain_list_row *c,
                       const struct range *last)
{
    bool same = c->hash.len == SEAL_HASH_BYTES &&
                (!last || memcmp(last->last, c->hash.ptr, SEAL_HASH_BYTES) == 0);
    /* Until a generation has its first checkpoint, heads stand under the keys of the one before. */
    bool genuine = c->seq == c->signed_seq || !v->state_known || v->state.number == 1 ||
                   seal_head_genuine(&v->state.keys, v->state.epoch, c->workspace_id, c->seq,
                                     c->hash, c->epoch, c->mac);
    if (!same || !genuine)
        VERIFY_FOUND(v, c->workspace_id, c->seq, "head",
                     "the rows behind the last checkpoint are not what the server left");
}

static enum err chain_judge(struct verify *v, const struct seal_chain_list_row *c,
                            const struct range *ranges, size_t count)
{
    const struct range *broken = NULL;
    struct behind now = { .workspace_id = c->workspace_id };
    TRY(db_read(v->cx, behind_read, &now));
    if (now.seq)
        VERIFY_FOUND(v, c->workspace_id, now.seq, "insert",
                     "row %lld stands behind the head of the chain", (long long)now.seq);
    for (size_t i = 0; i < count; i++) {
        v->report->events += ranges[i].rows;
        if (!broken && ranges[i].broken_at > now.base_seq)
            broken = &ranges[i];
    }
    if (!broken) {
        head_check(v, c, count ? &ranges[count - 1] : NULL);
        return OK;
    }
    struct verify_break b = { .workspace_id = c->workspace_id,
                              .seq = broken->broken_at,
                              .kind = broken->unreadable ? "unreadable" : "edit" };
    TRY(verify_diagnose(v, &b, c->seq));
    verify_found(v, &b);
    return OK;
}

static enum err chains_verify(struct verify *v, const struct chains *c)
{
    struct ranges all = { 0 };
    for (size_t i = 0; i < c->count; i++)
        all.count += ranges_of(&c->rows[i], NULL);
    all.items = calloc(all.count + 1, sizeof *all.items);
    if (!all.items)
        abort();
    for (size_t i = 0, at = 0; i < c->count; i++)
        at += ranges_of(&c->rows[i], all.items + at);
    enum err e = ranges_run(v, &all);
    for (size_t i = 0, at = 0; i < c->count && e == OK; i++) {
        size_t n = ranges_of(&c->rows[i], NULL);
        base_check(v, &c->rows[i]);
        e = chain_judge(v, &c->rows[i], all.items + at, n);
        v->report->unsigned_ += c->rows[i].seq - c->rows[i].signed_seq;
        at += n;
    }
    v->report->chains += (int64_t)c->count;
    free(all.items);
    return e;
}

/* The least text behind it: no id has a control character. */
static struct str next_name(struct cx *cx, struct str name)
{
    return str_fmt(cx->arena, "%.*s\x01", STR_ARG(name));
}

static enum err all_chains(struct verify *v)
{
    struct chains c = { .v = v, .in = { .from = STR(""), .limit = CHAINS_SLICE } };
    for (bool more = true; more;) {
        TRY(db_read(v->cx, chains_read, &c));
        TRY(chains_verify(v, &c));
        more = c.count == CHAINS_SLICE;
        if (c.count)
            c.in.from = next_name(v->cx, c.rows[c.count - 1].workspace_id);
    }
    return OK;
}

/* ---- rows of chains that have no head ---- */

struct stranger {
    struct str from;
    struct str found; /* absent: none left */
    bool has_head;
};

static enum err stranger_read(struct cx *cx, void *arg)
{
    struct stranger *s = arg;
    struct seal_chain_next_in in = { s->from };
    struct seal_chain_next_row row;
    struct seal_chain_get_row chain;
    bool found;
    s->found = STR_NULL;
    TRY(seal_chain_next(cx, &in, &row, &found));
    if (!found)
        return OK;
    s->found = row.workspace_id;
    struct seal_chain_get_in get = { row.workspace_id };
    return seal_chain_get(cx, &get, &chain, &s->has_head);
}

static enum err strangers(struct verify *v)
{
    struct stranger s = { .from = STR("") };
    do {
        TRY(db_read(v->cx, stranger_read, &s));
        if (str_given(s.found) && !s.has_head)
            VERIFY_FOUND(v, s.found, 1, "insert",
                         "there are sealed rows, but the chain has no head");
        s.from = next_name(v->cx, s.found);
    } while (str_given(s.found));
    return OK;
}

/* ---- all ---- */

static enum err unsealed_read(struct cx *cx, void *arg)
{
    struct verify *v = arg;
    struct seal_unsealed_count_row row;
    bool found;
    TRY(seal_unsealed_count(cx, &row, &found));
    v->report->unsealed = row.rows;
    return OK;
}

enum err seal_verify(struct cx *cx, const struct verify_options *o, struct verify_report *ret)
{
    struct verify v = { .cx = cx, .options = o, .report = ret };
    int64_t begin_us = clock_monotonic_us();
    *ret = (struct verify_report){ 0 };
    ret->breaks = arena_array(cx->arena, VERIFY_BREAKS_MAX, sizeof *ret->breaks);
    enum err e = db_read(cx, unsealed_read, &v);
    if (e == OK)
        e = all_chains(&v);
    if (e == OK)
        e = strangers(&v);
    if (e == OK)
        e = verify_checkpoints(&v);
    seal_keys_wipe(&v.state.keys);
    ret->duration_us = clock_monotonic_us() - begin_us;
    return e;
}
