/* See vault.h.
 *
 * Invariants: a root key is never stored, logged or compared but by its id; a data key lies
 * unwrapped on the stack of one function, and is wiped there; whoever reads under one root key and
 * writes under another never leaves a column that nobody can open, because columns name the data
 * key, not the root key. */
#include "vault/vault.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/app.h"
#include "vault/vault_sql.h"

struct root {
    char id[VAULT_ROOT_ID_CHARS + 1];
    struct secret *wrapping; /* derived: the root key itself does nothing else */
};

struct vault {
    pthread_rwlock_t lock;
    struct root roots[VAULT_ROOTS_MAX];
    size_t count;
    size_t current;
};

static void derive(const struct secret *root, const char *info, uint8_t out[SHA256_BYTES])
{
    hkdf_sha256(secret_bytes(root), STR("opboxd"), str_of(info), out, SHA256_BYTES);
}

void vault_root_id(const struct secret *root, char ret[VAULT_ROOT_ID_CHARS + 1])
{
    uint8_t id[SHA256_BYTES];
    derive(root, "root key id", id);
    hex_encode(id, VAULT_ROOT_ID_CHARS / 2, ret);
    ret[VAULT_ROOT_ID_CHARS] = '\0';
}

static size_t root_find(const struct vault *v, struct str id)
{
    size_t i = 0;
    while (i < v->count && !str_is(id, v->roots[i].id))
        i++;
    return i;
}

/* With the lock held for writing. The place of the root key, or VAULT_ROOTS_MAX. */
static size_t root_add(struct vault *v, const struct secret *root)
{
    struct root r;
    uint8_t key[SHA256_BYTES];
    vault_root_id(root, r.id);
    size_t at = root_find(v, str_of(r.id));
    if (at < v->count || at == VAULT_ROOTS_MAX)
        return at;
    derive(root, "data key wrapping", key);
    r.wrapping = secret_new((struct str){ (char *)key, sizeof key });
    bytes_wipe(key, sizeof key);
    v->roots[v->count++] = r;
    return at;
}

struct vault *vault_new(const struct secret *root)
{
    struct vault *v = calloc(1, sizeof *v);
    if (!v || pthread_rwlock_init(&v->lock, NULL) != 0)
        abort();
    root_add(v, root);
    return v;
}

void vault_free(struct vault *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->count; i++)
        secret_free(v->roots[i].wrapping);
    pthread_rwlock_destroy(&v->lock);
    free(v);
}

bool vault_accept(struct vault *v, const struct secret *root)
{
    pthread_rwlock_wrlock(&v->lock);
    bool room = root_add(v, root) < VAULT_ROOTS_MAX;
    pthread_rwlock_unlock(&v->lock);
    return room;
}

bool vault_use(struct vault *v, const struct secret *root)
{
    pthread_rwlock_wrlock(&v->lock);
    size_t at = root_add(v, root);
    if (at < VAULT_ROOTS_MAX)
        v->current = at;
    pthread_rwlock_unlock(&v->lock);
    return at < VAULT_ROOTS_MAX;
}

void vault_forget_others(struct vault *v)
{
    pthread_rwlock_wrlock(&v->lock);
    for (size_t i = 0; i < v->count; i++)
        if (i != v->current)
            secret_free(v->roots[i].wrapping);
    v->roots[0] = v->roots[v->current];
    v->count = 1;
    v->current = 0;
    pthread_rwlock_unlock(&v->lock);
}

void vault_current_id(struct vault *v, char ret[VAULT_ROOT_ID_CHARS + 1])
{
    pthread_rwlock_rdlock(&v->lock);
    memcpy(ret, v->roots[v->current].id, VAULT_ROOT_ID_CHARS + 1);
    pthread_rwlock_unlock(&v->lock);
}

/* ---- wrapping ---- */

struct data_key {
    int64_t version;
    uint8_t bytes[ENVELOPE_KEY_BYTES];
};

static struct str wrap_binding(struct cx *cx, struct str scope, int64_t version)
{
    struct str parts[] = { STR("data key"), scope, str_fmt(cx->arena, "%lld", (long long)version) };
    return envelope_binding(cx->arena, parts, 3);
}

static struct str wrap(struct cx *cx, struct str scope, const struct data_key *k,
                       char ret_root_id[VAULT_ROOT_ID_CHARS + 1])
{
    struct vault *v = cx->app->vault;
    struct str text = { (const char *)k->bytes, sizeof k->bytes };
    struct str binding = wrap_binding(cx, scope, k->version);
    pthread_rwlock_rdlock(&v->lock);
    const struct root *r = &v->roots[v->current];
    memcpy(ret_root_id, r->id, sizeof r->id);
    struct str wrapped =
        envelope_seal(cx->arena, (const uint8_t *)secret_bytes(r->wrapping).ptr, 0, binding, text);
    pthread_rwlock_unlock(&v->lock);
    return wrapped;
}

static bool unwrap(struct cx *cx, struct str scope, struct str root_id, struct str wrapped,
                   struct data_key *k)
{
    struct vault *v = cx->app->vault;
    struct str binding = wrap_binding(cx, scope, k->version);
    struct secret *s = NULL;
    pthread_rwlock_rdlock(&v->lock);
    size_t at = root_find(v, root_id);
    if (at < v->count)
        s = envelope_open((const uint8_t *)secret_bytes(v->roots[at].wrapping).ptr, binding,
                          wrapped);
    pthread_rwlock_unlock(&v->lock);
    bool good = s && secret_len(s) == sizeof k->bytes;
    if (good)
        memcpy(k->bytes, secret_bytes(s).ptr, sizeof k->bytes);
    secret_free(s);
    return good;
}

/* ---- sealing ---- */

static enum err data_key_make(struct cx *cx, struct str scope, struct data_key *k)
{
    char root_id[VAULT_ROOT_ID_CHARS + 1];
    int64_t made;
    random_bytes(k->bytes, sizeof k->bytes);
    struct vault_key_insert_in in = { .scope = scope, .version = k->version, .now = cx->now_ms };
    in.wrapped = wrap(cx, scope, k, root_id);
    in.root_id = str_of(root_id);
    TRY(vault_key_insert(cx, &in, &made));
    struct vault_check_set_first_in check = { .value = in.root_id, .now = cx->now_ms };
    TRY(vault_check_set_first(cx, &check, NULL));
    return made == 1 ? OK : cx_fault(cx, "another data key was made at the same time");
}

static enum err data_key_to_seal(struct cx *cx, struct str scope, struct data_key *k)
{
    struct vault_key_newest_in in = { .scope = scope };
    struct vault_key_newest_row row;
    bool found;
    TRY(vault_key_newest(cx, &in, &row, &found));
    k->version = found ? row.version : 0;
    if (found && unwrap(cx, scope, row.root_id, row.wrapped, k))
        return OK;
    k->version++;
    return data_key_make(cx, scope, k);
}

static struct str text_binding(struct cx *cx, struct str scope, struct str bound_to)
{
    struct str parts[] = { STR("sealed"), scope, bound_to };
    return envelope_binding(cx->arena, parts, 3);
}

enum err vault_seal(struct cx *cx, struct str scope, struct str bound_to, struct str text,
                    struct str *ret_sealed)
{
    struct data_key k;
    enum err e = data_key_to_seal(cx, scope, &k);
    if (e == OK)
        *ret_sealed = envelope_seal(cx->arena, k.bytes, (uint32_t)k.version,
                                    text_binding(cx, scope, bound_to), text);
    bytes_wipe(&k, sizeof k);
    return e;
}

enum err vault_open(struct cx *cx, struct str scope, struct str bound_to, struct str sealed,
                    struct secret **ret)
{
    struct vault_key_get_row row;
    struct data_key k;
    uint32_t version;
    bool found = false;
    *ret = NULL;
    if (!envelope_version(sealed, &version))
        return OK;
    k.version = version;
    struct vault_key_get_in in = { .scope = scope, .version = version };
    TRY(vault_key_get(cx, &in, &row, &found));
    if (found && unwrap(cx, scope, row.root_id, row.wrapped, &k))
        *ret = envelope_open(k.bytes, text_binding(cx, scope, bound_to), sealed);
    bytes_wipe(&k, sizeof k);
    return OK;
}

/* ---- another root key ---- */

static enum err rewrap_one(struct cx *cx, const struct vault_key_slice_row *row,
                           struct vault_progress *p)
{
    char root_id[VAULT_ROOT_ID_CHARS + 1];
    struct data_key k = { .version = row->version };
    if (!unwrap(cx, row->scope, row->root_id, row->wrapped, &k)) {
        p->lost++;
        return OK;
    }
    struct vault_key_rewrap_in in = {
        .scope = row->scope, .version = row->version, .old_root_id = row->root_id, .now = cx->now_ms
    };
    in.wrapped = wrap(cx, row->scope, &k, root_id);
    in.root_id = str_of(root_id);
    bytes_wipe(&k, sizeof k);
    int64_t changed;
    TRY(vault_key_rewrap(cx, &in, &changed));
    p->rewrapped += changed;
    return OK;
}

enum err vault_rewrap(struct cx *cx, int64_t limit, struct vault_progress *progress)
{
    struct vault_key_slice_in in = { .after_scope = progress->after_scope,
                                     .after_version = progress->after_version,
                                     .limit = limit };
    struct vault_key_slice_row *rows;
    struct vault_progress p = { .after_scope = in.after_scope, .after_version = in.after_version };
    char current[VAULT_ROOT_ID_CHARS + 1];
    size_t count;
    vault_current_id(cx->app->vault, current);
    TRY(vault_key_slice(cx, &in, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        if (!str_is(rows[i].root_id, current))
            TRY(rewrap_one(cx, &rows[i], &p));
        p.after_scope = rows[i].scope;
        p.after_version = rows[i].version;
        p.looked++;
    }
    *progress = p;
    return OK;
}

enum err vault_adopt(struct cx *cx)
{
    char current[VAULT_ROOT_ID_CHARS + 1];
    vault_current_id(cx->app->vault, current);
    struct vault_check_set_in in = { .value = str_of(current), .now = cx->now_ms };
    return vault_check_set(cx, &in, NULL);
}

enum err vault_check(struct cx *cx, bool *ret_known)
{
    struct vault *v = cx->app->vault;
    struct vault_check_get_row row;
    bool found;
    TRY(vault_check_get(cx, &row, &found));
    pthread_rwlock_rdlock(&v->lock);
    *ret_known = !found || root_find(v, row.value) < v->count;
    pthread_rwlock_unlock(&v->lock);
    return OK;
}
