/* Blobs: rows that own bytes, over whichever store there is.
 *
 * Goals: bytes are durable before the row that names them; equal content of one tenant is stored
 * once, and an address tells nobody else anything. Non-goals: how bytes are kept (store_*.c).
 * Invariant: a row's `store` says where its bytes are; rows of another store than the one in use
 * are refused by name, not searched for.
 *
 * The address is HMAC-SHA-256, under the tenant's key, of the content's SHA-256: as strong as the
 * HMAC of the content, at half the work for a stream that is hashed anyway. */
#include "blob/blob.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/app.h"
#include "base/cuid.h"
#include "base/secret.h"
#include "blob/blob_sql.h"
#include "blob/spool.h"

/* ---- shared with the stores ---- */

enum err blob_io_fail(struct cx *cx, const char *what, int error_number)
{
    bool full = error_number == ENOSPC || error_number == EDQUOT;
    enum err e = full ? cx_fail(cx, ERR_QUOTA_EXCEEDED, "There is no room left to store this.")
                      : cx_fail(cx, ERR_STORAGE, "The file store cannot be used at the moment.");
    cx_log_detail(cx, "%s: %s", what, strerror(error_number));
    return e;
}

bool blob_address_valid(struct str s)
{
    if (s.len != BLOB_ADDRESS_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return true;
}

struct owns {
    struct str address;
    bool owned;
};

static enum err owns_read(struct cx *cx, void *arg)
{
    struct owns *o = arg;
    struct blob_row_owns_in in = { .address = o->address };
    struct blob_row_owns_row row;
    bool found;
    TRY(blob_row_owns(cx, &in, &row, &found));
    o->owned = found && row.owners > 0;
    return OK;
}

enum err blob_address_owned(struct cx *cx, struct str address, bool *ret)
{
    struct owns o = { .address = address };
    TRY(db_read(cx, owns_read, &o));
    *ret = o.owned;
    return OK;
}

/* ---- open ---- */

static bool tmp_make(const struct blob_store_options *o, char **ret, char *error, size_t error_size)
{
    char path[4096];
    snprintf(path, sizeof path, "%.*s", STR_ARG(o->dir));
    bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
    if (ok) {
        snprintf(path, sizeof path, "%.*s/tmp", STR_ARG(o->dir));
        ok = mkdir(path, 0700) == 0 || errno == EEXIST;
    }
    ok = ok && access(path, W_OK | X_OK) == 0;
    if (!ok) {
        snprintf(error, error_size, "The folder %s cannot be made or written: %s.", path,
                 strerror(errno));
        return false;
    }
    *ret = strdup(path);
    return *ret != NULL;
}

enum err blob_store_open(struct app *app, const struct blob_store_options *o,
                         struct blob_store **ret, char *error, size_t error_size)
{
    struct blob_store *s = NULL;
    char *tmp = NULL;
    enum err e = ERR_STORAGE;
    if (o->dir.len == 0 || o->dir.len > 4000 || !o->root_key) {
        snprintf(error, error_size,
                 "The blob store needs a folder (at most 4000 bytes) and a key.");
        return ERR_VALIDATION;
    }
    if (!tmp_make(o, &tmp, error, error_size))
        return ERR_STORAGE;
    switch (o->kind) {
    case BLOB_STORE_DIR:
        e = blob_dir_open(app, o, &s, error, error_size);
        break;
    case BLOB_STORE_DATABASE:
        e = blob_database_open(app, o, &s, error, error_size);
        break;
    case BLOB_STORE_S3:
        e = blob_s3_open(app, o, &s, error, error_size);
        break;
    }
    if (e != OK) {
        free(tmp);
        return e;
    }
    s->app = app;
    s->tmp = tmp;
    s->root_key = o->root_key;
    *ret = s;
    return OK;
}

void blob_store_close(struct blob_store *s)
{
    if (!s)
        return;
    free(s->tmp);
    s->type->close(s);
}

/* ---- writing ---- */

static struct str address_make(struct cx *cx, const uint8_t sha256_bytes[SHA256_BYTES])
{
    uint8_t key[SHA256_BYTES], mac[SHA256_BYTES];
    char *hex = arena_alloc_raw(cx->arena, BLOB_ADDRESS_BYTES);
    assert(str_given(cx->principal.workspace_id));
    hkdf_sha256(secret_bytes(cx->app->blobs->root_key), cx->principal.workspace_id,
                STR("opboxd blob address"), key, sizeof key);
    hmac_sha256((struct str){ (char *)key, sizeof key },
                (struct str){ (const char *)sha256_bytes, SHA256_BYTES }, mac);
    bytes_wipe(key, sizeof key);
    hex_encode(mac, sizeof mac, hex);
    return (struct str){ hex, BLOB_ADDRESS_BYTES };
}

enum err blob_spool_finish(struct cx *cx, struct blob_spool *s, struct blob_ref *ret)
{
    struct blob_store *store = cx->app->blobs;
    struct blob_ref ref = { .bytes = blob_spool_bytes(s) };
    struct str memory;
    assert(!cx->tx);
    blob_spool_sha256(s, ref.sha256);
    ref.id = cuid_new(cx->arena, cx->now_ms);
    ref.address = address_make(cx, ref.sha256);
    if (blob_spool_in_memory(s, &memory)) {
        ref.inline_bytes = str_copy(cx->arena, memory);
    } else {
        struct blob_source src = blob_spool_source(s);
        bool moved = false;
        enum err e = store->type->put(cx, store, ref.address, &src, &moved);
        if (moved)
            blob_spool_moved(s);
        if (e != OK)
            return e;
    }
    *ret = ref;
    return OK;
}

enum err blob_add(struct cx *cx, const struct blob_ref *ref)
{
    bool in_row = str_given(ref->inline_bytes);
    assert(cx->tx && str_given(ref->id));
    struct blob_row_insert_in in = {
        .workspace_id = cx->principal.workspace_id,
        .id = ref->id,
        .address = ref->address,
        .sha256 = { (const char *)ref->sha256, SHA256_BYTES },
        .size_bytes = ref->bytes,
        .store = in_row ? STR("inline") : str_of(cx->app->blobs->type->name),
        .bytes = in_row ? ref->inline_bytes : STR_NULL,
        .created_at = cx->now_ms,
        .created_by = cx->principal.user_id,
    };
    return blob_row_insert(cx, &in, NULL);
}

enum err blob_remove(struct cx *cx, struct str blob_id)
{
    struct blob_row_delete_in in = { .workspace_id = cx->principal.workspace_id, .id = blob_id };
    int64_t affected;
    TRY(blob_row_delete(cx, &in, &affected));
    if (affected == 0)
        FAIL(cx, NOT_FOUND, "There is no such file.");
    return OK;
}

/* ---- reading ---- */

struct blob_reader {
    struct blob_store *store; /* NULL: inline */
    int64_t bytes;
    char address[BLOB_ADDRESS_BYTES];
    char *inline_bytes;
};

struct lookup {
    struct str id;
    struct blob_row_get_row row;
    bool found;
};

static enum err lookup_read(struct cx *cx, void *arg)
{
    struct lookup *l = arg;
    struct blob_row_get_in in = { .workspace_id = cx->principal.workspace_id, .id = l->id };
    return blob_row_get(cx, &in, &l->row, &l->found);
}

static enum err reader_make(struct cx *cx, const struct blob_row_get_row *row,
                            struct blob_reader **ret)
{
    struct blob_store *store = cx->app->blobs;
    bool in_row = str_is(row->store, "inline");
    if (!in_row && !str_is(row->store, store->type->name))
        return cx_fault(cx, "a blob is in store %.*s, which is not the one in use",
                        STR_ARG(row->store));
    if (!blob_address_valid(row->address) || (in_row && (int64_t)row->bytes.len != row->size_bytes))
        return cx_fault(cx, "a blob's row is damaged");
    struct blob_reader *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    memcpy(r->address, row->address.ptr, sizeof r->address);
    r->bytes = row->size_bytes;
    r->store = in_row ? NULL : store;
    if (in_row) {
        r->inline_bytes = malloc(row->bytes.len + 1);
        if (!r->inline_bytes)
            abort();
        if (row->bytes.len)
            memcpy(r->inline_bytes, row->bytes.ptr, row->bytes.len);
    }
    *ret = r;
    return OK;
}

enum err blob_open(struct cx *cx, struct str blob_id, struct blob_reader **ret)
{
    struct lookup l = { .id = blob_id };
    struct arena_mark m = arena_mark(cx->arena);
    TRY(cx->tx ? lookup_read(cx, &l) : db_read(cx, lookup_read, &l));
    if (!l.found)
        FAIL(cx, NOT_FOUND, "There is no such file.");
    enum err e = reader_make(cx, &l.row, ret);
    if (e == OK)
        arena_reset(cx->arena, m);
    return e;
}

int64_t blob_reader_bytes(const struct blob_reader *r)
{
    return r->bytes;
}

enum err blob_read_at(struct cx *cx, struct blob_reader *r, int64_t offset, size_t len, char *out,
                      size_t *ret_len)
{
    assert(offset >= 0);
    if (offset >= r->bytes)
        len = 0;
    else if (len > (uint64_t)(r->bytes - offset))
        len = (size_t)(r->bytes - offset);
    if (len && !r->store)
        memcpy(out, r->inline_bytes + offset, len);
    else if (len)
        TRY(r->store->type->get(cx, r->store, (struct str){ r->address, sizeof r->address }, offset,
                                len, out));
    *ret_len = len;
    return OK;
}

void blob_reader_free(struct blob_reader *r)
{
    if (!r)
        return;
    free(r->inline_bytes);
    free(r);
}

/* ---- sweep ---- */

enum err blob_tmp_sweep(struct blob_store *s, int64_t before_ms, int64_t *ret_removed)
{
    DIR *dir = opendir(s->tmp);
    if (!dir)
        return OK;
    for (struct dirent *f = readdir(dir); f; f = readdir(dir)) {
        struct stat st;
        if (fstatat(dirfd(dir), f->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
            (int64_t)st.st_mtim.tv_sec * 1000 >= before_ms)
            continue;
        if (unlinkat(dirfd(dir), f->d_name, 0) == 0)
            (*ret_removed)++;
    }
    closedir(dir);
    return OK;
}

enum err blob_sweep(struct cx *cx, int64_t grace_ms, int64_t *ret_removed)
{
    struct blob_store *s = cx->app->blobs;
    int64_t removed = 0, before_ms = cx->now_ms - grace_ms;
    assert(!cx->tx);
    TRY(blob_tmp_sweep(s, before_ms, &removed));
    TRY(s->type->sweep(cx, s, before_ms, &removed));
    *ret_removed = removed;
    return OK;
}
