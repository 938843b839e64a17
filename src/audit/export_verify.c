/* Verification of an exported log, without the database and without any key: the chains by their
 * hashes, the checkpoints by their signatures and their own chain, and each against the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/export.h"

/* What a checkpoint has said about a chain. */
struct pin {
    struct pin *next;
    int64_t seq;
    uint8_t hash[SEAL_HASH_BYTES];
    size_t workspace_id_len;
    char workspace_id[CHECKPOINT_ID_BYTES_MAX];
};

/* A head that a checkpoint does not show: not of a chain of this file. */
struct veiled {
    struct veiled *next;
    uint8_t before[SEAL_HASH_BYTES]; /* of its checkpoint */
    struct checkpoint_head head;
};

enum { BUCKETS = 65536 };

struct reading {
    struct export_report *r;
    struct pin **buckets;
    struct veiled *veiled;
    struct arena *pins; /* and what is veiled */
    struct checkpoint last;
    uint8_t last_hash[SEAL_HASH_BYTES];
    bool any_checkpoint, in_chain;
    char workspace_id[CHECKPOINT_ID_BYTES_MAX];
    size_t workspace_id_len;
    int64_t seq, pinned; /* of the chain: last row, and last row that a checkpoint names */
    uint8_t hash[SEAL_HASH_BYTES];
    struct buf scratch;
};

static size_t bucket_of(struct str workspace_id, int64_t seq)
{
    uint64_t h = 1469598103934665603u ^ (uint64_t)seq;
    for (size_t i = 0; i < workspace_id.len; i++)
        h = (h ^ (unsigned char)workspace_id.ptr[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 29) % BUCKETS;
}

static struct str id_of(const char *bytes, size_t len)
{
    return (struct str){ bytes, len };
}

static void pin_add(struct reading *g, const struct checkpoint_head *h)
{
    struct pin *p = arena_new_of(g->pins, struct pin);
    struct pin **bucket = &g->buckets[bucket_of(h->workspace_id, h->seq)];
    p->seq = h->seq;
    p->workspace_id_len = h->workspace_id.len;
    memcpy(p->hash, h->hash, sizeof p->hash);
    if (h->workspace_id.len)
        memcpy(p->workspace_id, h->workspace_id.ptr, h->workspace_id.len);
    p->next = *bucket;
    *bucket = p;
}

static void veiled_add(struct reading *g, const struct checkpoint *c,
                       const struct checkpoint_head *h)
{
    struct veiled *v = arena_new_of(g->pins, struct veiled);
    *v = (struct veiled){ .next = g->veiled, .head = *h };
    memcpy(v->before, c->before, sizeof v->before);
    g->veiled = v;
}

static bool is_veiled(const struct reading *g, struct str workspace_id)
{
    struct checkpoint c = { 0 };
    for (const struct veiled *v = g->veiled; v; v = v->next) {
        memcpy(c.before, v->before, sizeof c.before);
        if (checkpoint_hides(&c, &v->head, workspace_id))
            return true;
    }
    return false;
}

static const char *checkpoint_check(struct reading *g, struct arena *a, struct str line,
                                    const struct checkpoint *c)
{
    if (g->in_chain)
        return "a checkpoint stands behind a chain";
    if (!checkpoint_signed(a, c))
        return "the signature of a checkpoint does not fit";
    /* Without a key the first line has to be taken as it is: it is named in the report. The log's
     * very first follows nothing, and last_hash is still zeros. */
    bool first = !g->any_checkpoint && (c->generation > 1 || c->number > 1);
    if (!first && memcmp(c->before, g->last_hash, SEAL_HASH_BYTES) != 0)
        return "a checkpoint does not follow the one before";
    if (!g->any_checkpoint) {
        memcpy(g->r->first_key, c->key, sizeof c->key);
        g->r->first_generation = c->generation;
        g->r->first_number = c->number;
    } else if (c->generation == g->last.generation) {
        if (c->number != g->last.number + 1 || memcmp(c->key, g->last.next, sizeof c->key) != 0)
            return "a checkpoint is not signed by the key that the one before has announced";
    } else if (c->generation != g->last.generation + 1 || c->number != 1) {
        return "a generation does not follow the one before";
    }
    for (size_t i = 0; i < c->heads_count; i++)
        if (c->heads[i].hidden)
            veiled_add(g, c, &c->heads[i]);
        else
            pin_add(g, &c->heads[i]);
    g->any_checkpoint = true;
    g->last = *c;
    checkpoint_hash(line, g->last_hash);
    g->r->checkpoints++;
    return NULL;
}

/* All that checkpoints have said about the chain that ends here lies in it. */
static const char *chain_end(const struct reading *g)
{
    struct str id = id_of(g->workspace_id, g->workspace_id_len);
    for (size_t i = 0; g->in_chain && i < BUCKETS; i++)
        for (const struct pin *p = g->buckets[i]; p; p = p->next)
            if (p->seq > g->seq && str_eq(id_of(p->workspace_id, p->workspace_id_len), id))
                return "the chain ends before a row that a checkpoint has signed";
    return NULL;
}

static const char *chain_check(struct reading *g, const struct export_line *l)
{
    const char *wrong = chain_end(g);
    uint8_t genesis[SEAL_HASH_BYTES];
    if (wrong)
        return wrong;
    if (l->workspace_id.len > sizeof g->workspace_id)
        return "the name of a chain is too long";
    if (is_veiled(g, l->workspace_id))
        return "a checkpoint hides what it says about the chain";
    seal_genesis(l->workspace_id, genesis);
    if (l->base_seq == 0 && memcmp(genesis, l->base_hash, sizeof genesis) != 0)
        return "the chain does not begin as one";
    g->in_chain = true;
    g->workspace_id_len = l->workspace_id.len;
    if (l->workspace_id.len)
        memcpy(g->workspace_id, l->workspace_id.ptr, l->workspace_id.len);
    g->seq = l->base_seq;
    memcpy(g->hash, l->base_hash, SEAL_HASH_BYTES);
    g->r->chains++;
    return NULL;
}

static const char *row_check(struct reading *g, const struct export_line *l)
{
    uint8_t hash[SEAL_HASH_BYTES];
    struct str id = id_of(g->workspace_id, g->workspace_id_len);
    if (!g->in_chain || !str_eq(l->entry.texts[SEAL_WORKSPACE_ID], id))
        return "a row stands outside of its chain";
    if (l->entry.seq != g->seq + 1)
        return "rows are missing, or stand in another order";
    if (!seal_hash(&l->entry, g->hash, &g->scratch, hash) ||
        memcmp(hash, l->hash, SEAL_HASH_BYTES) != 0)
        return "a row is not what was sealed";
    for (const struct pin *p = g->buckets[bucket_of(id, l->entry.seq)]; p; p = p->next)
        if (p->seq == l->entry.seq && str_eq(id_of(p->workspace_id, p->workspace_id_len), id) &&
            memcmp(p->hash, hash, SEAL_HASH_BYTES) != 0)
            return "a row is not the one that a checkpoint has signed";
    g->seq = l->entry.seq;
    memcpy(g->hash, hash, SEAL_HASH_BYTES);
    g->r->rows++;
    return NULL;
}

static const char *line_check(struct reading *g, struct arena *a, struct str line)
{
    struct export_line l;
    const char *why;
    if (!export_read(a, line, &l, &why))
        return why;
    switch (l.kind) {
    case EXPORT_CHECKPOINT:
        return checkpoint_check(g, a, line, &l.checkpoint);
    case EXPORT_CHAIN:
        return chain_check(g, &l);
    case EXPORT_ROW:
        break;
    }
    return row_check(g, &l);
}

static void lines_verify(struct reading *g, FILE *f)
{
    struct arena *a = arena_new(0);
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; !g->r->broken && (n = getline(&line, &room, f)) > 0;) {
        g->r->line++;
        g->r->broken = line[n - 1] != '\n' ? "the file ends in the middle of a line"
                                           : line_check(g, a, (struct str){ line, (size_t)n - 1 });
        arena_clear(a, 256 * 1024);
    }
    if (!g->r->broken)
        g->r->broken = chain_end(g);
    free(line);
    arena_free(a);
}

enum err export_verify(struct cx *cx, struct str path, struct export_report *ret)
{
    FILE *f = fopen(str_cstr(cx->arena, path), "re");
    if (!f)
        FAIL(cx, NOT_FOUND, "%.*s cannot be opened: %s.", STR_ARG(path), strerror(errno));
    struct reading *g = calloc(1, sizeof *g);
    *ret = (struct export_report){ 0 };
    if (!g || !(g->buckets = calloc(BUCKETS, sizeof(struct pin *))))
        abort();
    g->r = ret;
    g->pins = arena_new(0);
    buf_init(&g->scratch, NULL, SEAL_ROW_BYTES_MAX);
    lines_verify(g, f);
    buf_release(&g->scratch);
    arena_free(g->pins);
    free(g->buckets);
    free(g);
    fclose(f);
    return OK;
}
