/* Verification of checkpoints: their own chain, and what they say about rows.
 *
 * Of the table: its beginning (1/1, or where retention has cut), numbers without gaps, each naming
 * the one before by its hash, signed by the key that the one before announced; beginnings marked
 * under the root key; the last one as the sealed state says. Of a file: each line is one of the
 * table, or says what the table ought to have. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/audit_sql.h"
#include "audit/seal_first.h"
#include "audit/verify_core.h"
#include "base/app.h"

enum { SLICE_CHECKPOINTS = 50 };

#define SYSTEM STR("")

/* ---- what a checkpoint says about rows ---- */

static enum err head_against_row(struct verify *v, struct cx *cx, const struct checkpoint *c,
                                 const struct checkpoint_head *h)
{
    struct seal_row_hash_in in = { h->workspace_id, h->seq };
    struct seal_row_hash_row row;
    struct seal_chain_get_in get = { h->workspace_id };
    struct seal_chain_get_row chain;
    bool found;
    TRY(seal_row_hash(cx, &in, &row, &found));
    if (h->broken)
        VERIFY_FOUND(v, h->workspace_id, h->seq, "head",
                     "checkpoint %lld/%lld was made over a head that the server had not left",
                     (long long)c->generation, (long long)c->number);
    if (found && row.hash.len == SEAL_HASH_BYTES &&
        memcmp(row.hash.ptr, h->hash, SEAL_HASH_BYTES) == 0)
        return OK;
    if (found) {
        VERIFY_FOUND(v, h->workspace_id, h->seq, "rewrite",
                     "row %lld is not the one that checkpoint %lld/%lld has signed",
                     (long long)h->seq, (long long)c->generation, (long long)c->number);
        return OK;
    }
    TRY(seal_chain_get(cx, &get, &chain, &found));
    if (found && h->seq <= chain.base_seq)
        return OK; /* retention has removed it */
    VERIFY_FOUND(v, h->workspace_id, h->seq, "cut",
                 "row %lld, which checkpoint %lld/%lld has signed, is not there", (long long)h->seq,
                 (long long)c->generation, (long long)c->number);
    return OK;
}

static enum err heads_against_rows(struct verify *v, struct cx *cx, const struct checkpoint *c)
{
    for (size_t i = 0; i < c->heads_count; i++)
        if (!c->heads[i].hidden)
            TRY(head_against_row(v, cx, c, &c->heads[i]));
    return OK;
}

/* ---- the table ---- */

struct table {
    struct verify *v;
    struct seal_checkpoint_list_in in;
    size_t count;
    struct seal_first first; /* where the table begins; of the slice */
    bool first_judged;
    bool any;
    int64_t unproved;       /* a generation whose beginning the root key does not prove */
    struct checkpoint last; /* without its texts and heads */
    uint8_t last_hash[SEAL_HASH_BYTES];
};

#define CHECKPOINT_FOUND(v, c, text)                                                               \
    VERIFY_FOUND((v), SYSTEM, 0, "checkpoint", "checkpoint %lld/%lld %s",                          \
                 (long long)(c)->generation, (long long)(c)->number, (text))

/* The first of a generation: where it comes from. */
static const char *beginning_wrong(struct table *t, struct cx *cx, const struct checkpoint *c)
{
    uint8_t anchor[SEAL_MAC_BYTES];
    struct str root = seal_root_key(cx);
    if (c->number != 1)
        return "is the first of its generation that is there";
    if (t->any ? c->generation != t->last.generation + 1 || c->after != t->last.number
               : c->generation != 1 || c->after != 0)
        return "does not begin its generation behind the one before";
    if (!str_given(root))
        return NULL;
    seal_generation_mac(root, c->generation, c->key, c->before, anchor);
    if (!bytes_equal(anchor, c->anchor, sizeof anchor))
        t->unproved = c->generation;
    else if (str_is(c->reason, "key lost"))
        t->unproved = 0; /* those before stand under the key that was lost */
    return NULL;
}

static const char *place_wrong(struct table *t, struct cx *cx, const struct checkpoint *c)
{
    if (memcmp(c->before, t->last_hash, SEAL_HASH_BYTES) != 0)
        return "does not follow the one before: one is missing, altered, or an old one was put "
               "back";
    if (!t->any || c->generation != t->last.generation)
        return beginning_wrong(t, cx, c);
    if (c->number != t->last.number + 1)
        return "does not follow the one before: numbers are missing";
    return memcmp(c->key, t->last.next, sizeof c->key) == 0
               ? NULL
               : "is not signed by the key that the one before has announced";
}

/* What retention has left stands in for the line before. */
static const char *first_wrong(const struct table *t, const struct checkpoint *c,
                               const uint8_t hash[SEAL_HASH_BYTES])
{
    return seal_first_is(&t->first, c, hash)
               ? NULL
               : "is not the first that retention has left: others are missing, or it was altered";
}

static enum err table_row(struct table *t, struct cx *cx, const struct seal_checkpoint_list_row *r)
{
    struct verify *v = t->v;
    struct checkpoint c;
    const char *why;
    if (!checkpoint_read(cx->arena, r->text, &c, &why) || c.generation != r->generation ||
        c.number != r->number) {
        VERIFY_FOUND(v, SYSTEM, 0, "checkpoint", "checkpoint %lld/%lld cannot be read: %s",
                     (long long)r->generation, (long long)r->number, why);
        return OK;
    }
    uint8_t hash[SEAL_HASH_BYTES];
    checkpoint_hash(r->text, hash);
    const char *wrong =
        !t->any && t->first.number ? first_wrong(t, &c, hash) : place_wrong(t, cx, &c);
    for (size_t i = 0; i < c.heads_count; i++)
        if (c.heads[i].hidden) /* only copies are, that are given to others */
            wrong = "has a chain hidden";
    if (!checkpoint_signed(cx->arena, &c))
        wrong = "has a signature that does not fit";
    if (wrong)
        CHECKPOINT_FOUND(v, &c, wrong);
    else
        TRY(heads_against_rows(v, cx, &c));
    v->report->checkpoints++;
    v->report->generations += c.generation != t->last.generation;
    t->any = true;
    t->last = c;
    memcpy(t->last_hash, hash, sizeof hash);
    return OK;
}

/* Retention goes on meanwhile: lines that were about to be read may be gone, and the table begins
 * behind them now. */
static enum err table_first(struct table *t, struct cx *cx)
{
    TRY(seal_first_load(cx, &t->first));
    t->first.stored = STR_NULL; /* the slice's */
    if (t->first.forged && !t->first_judged)
        VERIFY_FOUND(t->v, SYSTEM, 0, "base",
                     "the beginning of the checkpoints (%lld/%lld) was not moved by retention",
                     (long long)t->first.generation, (long long)t->first.number);
    t->first_judged = true;
    if (t->any && seal_first_passed(&t->first, t->last.generation, t->last.number))
        t->any = false;
    return OK;
}

static enum err table_slice(struct cx *cx, void *arg)
{
    struct table *t = arg;
    struct seal_checkpoint_list_row *rows;
    TRY(table_first(t, cx));
    TRY(seal_checkpoint_list(cx, &t->in, &rows, &t->count));
    for (size_t i = 0; i < t->count; i++) {
        TRY(table_row(t, cx, &rows[i]));
        t->in.generation = rows[i].generation;
        t->in.number = rows[i].number;
    }
    return OK;
}

/* The state is wrapped under the root key: nobody else can make it fit a cut table. */
static enum err table_end(struct cx *cx, void *arg)
{
    struct table *t = arg;
    struct seal_state state;
    struct seal_checkpoint_last_row last;
    bool found;
    if (t->unproved)
        VERIFY_FOUND(t->v, SYSTEM, 0, "checkpoint",
                     "generation %lld was not begun by a server with this root key",
                     (long long)t->unproved);
    enum err e = seal_state_load(cx, &state);
    if (e != OK) {
        cx_clear_failure(cx);
        return e == ERR_NOT_FOUND || e == ERR_CREDENTIAL_UNREADABLE ? OK : e;
    }
    TRY(seal_checkpoint_last(cx, &last, &found));
    bool fits = state.number == 1 ||
                (found && last.generation == state.generation && last.number == state.number - 1);
    /* The last announced key is the one that the state holds. */
    if (fits && found && last.generation == t->last.generation && last.number == t->last.number &&
        last.generation == state.generation)
        fits = memcmp(t->last.next, state.keys.public_key, sizeof t->last.next) == 0;
    if (!fits)
        VERIFY_FOUND(t->v, SYSTEM, 0, "checkpoint",
                     "the server has made %lld checkpoints in generation %lld; the table ends "
                     "elsewhere",
                     (long long)state.number - 1, (long long)state.generation);
    seal_keys_wipe(&state.keys);
    return OK;
}

static enum err table_verify(struct verify *v)
{
    struct table t = { .v = v, .in = { .limit = SLICE_CHECKPOINTS } };
    struct cx cx = { .arena = arena_new(0), .app = v->cx->app, .now_ms = v->cx->now_ms };
    enum err e;
    do {
        e = verify_goes_on(v);
        if (e == OK)
            e = db_read(&cx, table_slice, &t);
        arena_clear(cx.arena, 1024 * 1024);
    } while (e == OK && t.count == SLICE_CHECKPOINTS);
    if (e == OK)
        e = db_read(&cx, table_end, &t);
    arena_free(cx.arena);
    return e;
}

/* ---- files ---- */

struct file_line {
    struct verify *v;
    struct str line;
    int64_t number; /* of the line */
};

/* A line that the table lacks: was it given up by a restore? */
static enum err line_superseded(struct cx *cx, const struct checkpoint *c, bool *ret)
{
    struct seal_checkpoint_get_in in = { c->generation + 1, 1 };
    struct seal_checkpoint_get_row row;
    struct seal_state_get_row state;
    struct checkpoint next;
    const char *why;
    bool found;
    *ret = false;
    TRY(seal_checkpoint_get(cx, &in, &row, &found));
    if (found) {
        *ret = checkpoint_read(cx->arena, row.text, &next, &why) && c->number > next.after;
        return OK;
    }
    TRY(seal_state_get(cx, &state, &found));
    *ret = found && state.generation == c->generation + 1 && c->number > state.after_number;
    return OK;
}

/* The file's may have hidden what is not its keeper's. */
static bool same_checkpoint(struct cx *cx, struct str ours, struct str read)
{
    uint8_t a[SEAL_HASH_BYTES], b[SEAL_HASH_BYTES];
    struct checkpoint c;
    const char *why;
    if (!checkpoint_read(cx->arena, ours, &c, &why))
        return false;
    checkpoint_hash(ours, a);
    checkpoint_hash(read, b);
    return memcmp(a, b, sizeof a) == 0;
}

/* A line that the table lacks: did retention remove it? No row stands that it has signed. */
static enum err line_retired(struct cx *cx, const struct checkpoint *c, bool *ret)
{
    struct seal_first first;
    TRY(seal_first_load(cx, &first));
    *ret = !first.forged && seal_first_passed(&first, c->generation, c->number);
    return OK;
}

static enum err line_check(struct cx *cx, void *arg)
{
    struct file_line *l = arg;
    struct verify *v = l->v;
    struct checkpoint c;
    const char *why;
    struct seal_checkpoint_get_row row;
    bool found, superseded, retired;
    if (!checkpoint_read(cx->arena, l->line, &c, &why) || !checkpoint_signed(cx->arena, &c)) {
        VERIFY_FOUND(v, SYSTEM, 0, "checkpoint", "line %lld of the file is no signed checkpoint",
                     (long long)l->number);
        return OK;
    }
    TRY(seal_checkpoint_get(cx, &(struct seal_checkpoint_get_in){ c.generation, c.number }, &row,
                            &found));
    if (found && same_checkpoint(cx, row.text, l->line))
        return OK;
    if (found) {
        CHECKPOINT_FOUND(v, &c, "of the file is another one than that of the table");
        return heads_against_rows(v, cx, &c);
    }
    TRY(line_retired(cx, &c, &retired));
    if (retired) {
        v->report->retired++;
        return OK;
    }
    TRY(line_superseded(cx, &c, &superseded));
    if (superseded) {
        v->report->superseded++;
        return OK;
    }
    CHECKPOINT_FOUND(v, &c, "of the file is not in the table");
    return heads_against_rows(v, cx, &c);
}

static enum err file_verify(struct verify *v, struct str path)
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(str_cstr(v->cx->arena, path), "re");
    if (!f)
        FAIL(v->cx, NOT_FOUND, "The file of checkpoints %.*s cannot be opened: %s.", STR_ARG(path),
             strerror(errno));
    struct cx cx = { .arena = arena_new(0), .app = v->cx->app, .now_ms = v->cx->now_ms };
    struct file_line l = { .v = v };
    enum err e = OK;
    for (ssize_t n; e == OK && (n = getline(&line, &room, f)) > 0;) {
        l.number++;
        if (line[n - 1] != '\n')
            break; /* it is being written, or was when the power went */
        l.line = (struct str){ line, (size_t)n - 1 };
        if (l.line.len == 0)
            continue;
        e = verify_goes_on(v);
        if (e == OK)
            e = db_read(&cx, line_check, &l);
        v->report->file_lines++;
        arena_clear(cx.arena, 1024 * 1024);
    }
    free(line);
    fclose(f);
    arena_free(cx.arena);
    return e;
}

enum err verify_checkpoints(struct verify *v)
{
    TRY(table_verify(v));
    for (size_t i = 0; i < sizeof v->options->files / sizeof *v->options->files; i++)
        if (str_given(v->options->files[i]))
            TRY(file_verify(v, v->options->files[i]));
    return OK;
}
