/* Writing the log to a file. Invariants: short reads, a slice at a time, in the chains' order; the
 * file appears under its name only when it is whole and durable; each chain goes as far as the head
 * that it has when it is begun. */
#include "audit/export.h"
#include "audit/audit_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/seal_first.h"
#include "audit/verify_core.h"
#include "base/json.h"

enum { SLICE_ROWS = 1000, SLICE_LINES = 100 };

struct out {
    FILE *f;
    struct str workspace_id; /* absent: all */
    struct export_counts counts;
    struct buf line;
    struct seal_checkpoint_list_in checkpoints;
    struct seal_row_slice_in rows;
    struct seal_chain_list_in chains;
    struct seal_chain_list_row *chain_rows;
    size_t chain_count;
    size_t seen;
};

static enum err line_put(struct cx *cx, struct out *o, struct str line)
{
    if (fwrite(line.ptr, 1, line.len, o->f) != line.len || fputc('\n', o->f) == EOF)
        FAIL(cx, QUOTA_EXCEEDED, "The export cannot be written: %s.", strerror(errno));
    o->counts.bytes += (int64_t)line.len + 1;
    return OK;
}

static void put_hash(struct json_writer *w, struct str hash)
{
    char hex[2 * SEAL_HASH_BYTES];
    if (hash.len == SEAL_HASH_BYTES)
        hex_encode((const uint8_t *)hash.ptr, hash.len, hex);
    jw_str(w, hash.len == SEAL_HASH_BYTES ? (struct str){ hex, sizeof hex } : STR(""));
}

static void put_i64(struct json_writer *w, struct str key, int64_t v)
{
    jw_key(w, key);
    jw_i64(w, v);
}

static enum err row_put(struct cx *cx, const struct seal_row_slice_row *row, void *arg)
{
    struct out *o = arg;
    struct seal_entry e = verify_entry(row);
    struct json_writer w;
    buf_clear(&o->line);
    jw_init(&w, &o->line);
    jw_object(&w);
    jw_key_lit(&w, "row");
    jw_object(&w);
    put_i64(&w, STR("seq"), e.seq);
    put_i64(&w, STR("epoch"), e.epoch);
    put_i64(&w, STR("createdAt"), e.created_at);
    put_i64(&w, STR("count"), e.count);
    for (size_t i = 0; i < SEAL_TEXTS; i++) {
        if (!str_given(e.texts[i]))
            continue;
        jw_key(&w, str_of(export_names[i]));
        jw_str(&w, e.texts[i]);
    }
    jw_key_lit(&w, "hash");
    put_hash(&w, row->hash);
    jw_object_end(&w);
    jw_object_end(&w);
    o->seen++;
    o->counts.rows++;
    o->rows.after = row->seq;
    if (o->line.overflow)
        FAIL(cx, PAYLOAD_TOO_LARGE, "Row %lld of the log is larger than a line may be.",
             (long long)row->seq);
    return line_put(cx, o, buf_str(&o->line));
}

static enum err rows_slice(struct cx *cx, void *arg)
{
    struct out *o = arg;
    o->seen = 0;
    return seal_row_slice(cx, &o->rows, row_put, o);
}

static enum err chain_put(struct cx *cx, struct out *o, const struct seal_chain_list_row *c)
{
    struct json_writer w;
    uint8_t genesis[SEAL_HASH_BYTES];
    seal_genesis(c->workspace_id, genesis);
    buf_clear(&o->line);
    jw_init(&w, &o->line);
    jw_object(&w);
    jw_key_lit(&w, "chain");
    jw_object(&w);
    jw_key_lit(&w, "workspaceId");
    jw_str(&w, c->workspace_id);
    put_i64(&w, STR("baseSeq"), c->base_seq);
    jw_key_lit(&w, "baseHash");
    put_hash(&w, c->base_seq ? c->base_hash : (struct str){ (char *)genesis, sizeof genesis });
    jw_object_end(&w);
    jw_object_end(&w);
    TRY(line_put(cx, o, buf_str(&o->line)));
    o->rows = (struct seal_row_slice_in){ c->workspace_id, c->base_seq, c->seq, SLICE_ROWS };
    do
        TRY(db_read(cx, rows_slice, o));
    while (o->seen == SLICE_ROWS);
    return OK;
}

static enum err checkpoints_slice(struct cx *cx, void *arg)
{
    struct out *o = arg;
    struct seal_checkpoint_list_row *rows;
    struct seal_first first;
    TRY(seal_first_load(cx, &first));
    if (o->counts.checkpoints &&
        seal_first_passed(&first, o->checkpoints.generation, o->checkpoints.number))
        FAIL(cx, CONFLICT,
             "Retention has removed checkpoints while they were exported. Try again.");
    TRY(seal_checkpoint_list(cx, &o->checkpoints, &rows, &o->seen));
    for (size_t i = 0; i < o->seen; i++) {
        struct str line = rows[i].text;
        const char *why;
        if (str_given(o->workspace_id) &&
            !checkpoint_hide(cx->arena, rows[i].text, o->workspace_id, &line, &why))
            FAIL(cx, CONFLICT, "Checkpoint %lld/%lld cannot be read: %s.",
                 (long long)rows[i].generation, (long long)rows[i].number, why);
        TRY(line_put(cx, o, line));
        o->counts.checkpoints++;
        o->checkpoints.generation = rows[i].generation;
        o->checkpoints.number = rows[i].number;
    }
    return OK;
}

static enum err chains_slice(struct cx *cx, void *arg)
{
    struct out *o = arg;
    return seal_chain_list(cx, &o->chains, &o->chain_rows, &o->chain_count);
}

static enum err everything(struct cx *cx, struct out *o)
{
    do {
        struct arena_mark m = arena_mark(cx->arena);
        TRY(db_read(cx, checkpoints_slice, o));
        arena_reset(cx->arena, m);
    } while (o->seen == SLICE_LINES);
    struct str workspace_id = o->workspace_id;
    o->chains = (struct seal_chain_list_in){ str_given(workspace_id) ? workspace_id : STR(""),
                                             str_given(workspace_id) ? 1 : SLICE_LINES };
    do {
        TRY(db_read(cx, chains_slice, o));
        for (size_t i = 0; i < o->chain_count; i++) {
            struct str found = o->chain_rows[i].workspace_id;
            if (str_given(workspace_id) && !str_eq(found, workspace_id))
                FAIL(cx, NOT_FOUND, "This workspace has no log.");
            TRY(chain_put(cx, o, &o->chain_rows[i]));
            o->chains.from = str_fmt(cx->arena, "%.*s\x01", STR_ARG(found));
        }
    } while (!str_given(workspace_id) && o->chain_count == SLICE_LINES);
    return OK;
}

static enum err file_finish(struct cx *cx, FILE *f, const char *tmp, const char *path, enum err e)
{
    if (e == OK && (fflush(f) != 0 || fsync(fileno(f)) != 0))
        e = cx_fail(cx, ERR_QUOTA_EXCEEDED, "%s cannot be made durable: %s.", tmp, strerror(errno));
    fclose(f);
    /* link, not rename: a file that has appeared meanwhile stays. */
    if (e == OK && link(tmp, path) != 0)
        e = cx_fail(cx, ERR_CONFLICT, "%s cannot be made: %s.", path, strerror(errno));
    unlink(tmp);
    return e;
}

enum err export_write(struct cx *cx, struct str path, struct str workspace_id,
                      struct export_counts *ret)
{
    char *to = str_cstr(cx->arena, path);
    char *tmp = str_cstr(cx->arena, str_fmt(cx->arena, "%s.part", to));
    struct out o = { .workspace_id = workspace_id, .checkpoints = { .limit = SLICE_LINES } };
    if (access(to, F_OK) == 0)
        FAIL(cx, CONFLICT, "%s is already there; an export never replaces a file.", to);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    o.f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!o.f)
        FAIL(cx, CONFLICT, "%s cannot be made: %s.", tmp, strerror(errno));
    buf_init(&o.line, NULL, EXPORT_LINE_BYTES_MAX);
    enum err e = everything(cx, &o);
    buf_release(&o.line);
    e = file_finish(cx, o.f, tmp, to, e);
    if (e == OK)
        *ret = o.counts;
    return e;
}
