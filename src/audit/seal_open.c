/* How the seal begins: with the stored state, or with a new generation.
 *
 * A generation begins on a new database, after a restore (backups do not carry the secret), and
 * when the root key does not open what is stored. The last two leave the event LOG_REANCHORED: what
 * was sealed before stands under the old keys and is proved by them; the first checkpoint of the
 * new generation takes the heads over as they are. */
#include <stdio.h>
#include <stdlib.h>

#include "audit/audit_sql.h"
#include "audit/record.h"
#include "audit/seal_core.h"
#include "audit/seal_first.h"
#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/vault.h"

struct begin {
    struct seal *seal;
};

/* ---- the log's root ---- */

static struct str root_binding(struct cx *cx)
{
    struct str parts[] = { STR("installation"), STR("log.root") };
    return envelope_binding(cx->arena, parts, 2);
}

/* *ret is NULL when there is none, or the vault does not open it. */
static enum err root_load(struct cx *cx, struct secret **ret)
{
    struct seal_root_get_row row;
    bool found;
    *ret = NULL;
    TRY(seal_root_get(cx, &row, &found));
    if (!found || row.value.len % 2)
        return OK;
    uint8_t *sealed = arena_alloc_raw(cx->arena, row.value.len / 2 + 1);
    if (!hex_decode(row.value, sealed))
        return OK;
    return vault_open(cx, VAULT_INSTALLATION, root_binding(cx),
                      (struct str){ (char *)sealed, row.value.len / 2 }, ret);
}

/* Inside a write: what cannot be opened is replaced. */
static enum err root_make(struct cx *cx)
{
    struct secret *root = secret_random(SEAL_SECRET_BYTES);
    struct str sealed = STR_NULL;
    enum err e = vault_seal(cx, VAULT_INSTALLATION, root_binding(cx), secret_bytes(root), &sealed);
    secret_free(root);
    TRY(e);
    char *hex = arena_alloc_raw(cx->arena, 2 * sealed.len + 1);
    hex_encode((const uint8_t *)sealed.ptr, sealed.len, hex);
    struct seal_root_add_in in = { { hex, 2 * sealed.len }, cx->now_ms };
    TRY(seal_root_forget(cx, NULL));
    return seal_root_add(cx, &in, NULL);
}

static enum err root_open(struct cx *cx, struct seal *s, bool make, bool *ret_made)
{
    struct secret *root;
    *ret_made = false;
    TRY(root_load(cx, &root));
    if (!root && !make)
        return ERR_CREDENTIAL_UNREADABLE;
    if (!root) {
        TRY(root_make(cx));
        /* In a folder of its own the root key may have been changed without `keys rotate`: the
         * database is this key's from now on. On PostgreSQL the start has refused that before. */
        TRY(vault_adopt(cx));
        TRY(root_load(cx, &root));
        *ret_made = true;
    }
    if (!root)
        return cx_fault(cx, "what the vault has just sealed cannot be opened");
    secret_free(s->root); /* of a try before */
    s->root = root;
    return OK;
}

/* Under a root that was made anew: what retention has cut is taken over as it is, like the heads.
 * Nothing but this follows from a lost root, so that nobody can pretend one for a beginning. */
static enum err anchors_adopt(struct cx *cx)
{
    struct seal_chain_list_in in = { .from = STR(""), .limit = 500 };
    struct seal_chain_list_row *rows;
    size_t count;
    do {
        TRY(seal_chain_list(cx, &in, &rows, &count));
        for (size_t i = 0; i < count; i++) {
            uint8_t mac[SEAL_MAC_BYTES];
            struct seal_chain_base_set_in set = { .workspace_id = rows[i].workspace_id,
                                                  .base_mac = { (char *)mac, sizeof mac } };
            /* The least text behind it: no id has a control character. */
            in.from = str_fmt(cx->arena, "%.*s\x01", STR_ARG(rows[i].workspace_id));
            if (rows[i].base_seq == 0 || rows[i].base_hash.len != SEAL_HASH_BYTES)
                continue;
            seal_base_mac(seal_root_key(cx), rows[i].workspace_id, rows[i].base_seq,
                          (const uint8_t *)rows[i].base_hash.ptr, mac);
            TRY(seal_chain_base_set(cx, &set, NULL));
        }
    } while (count == (size_t)in.limit);
    return seal_first_adopt(cx);
}

/* ---- generations ---- */

static enum err reanchored(struct cx *cx, int64_t generation, struct str reason, int64_t after)
{
    struct audit_row row = {
        .action = STR("seal"),
        .type = STR("LOG_REANCHORED"),
        .severity = str_is(reason, "restored") ? AUDIT_WARNING : AUDIT_CRITICAL,
        .message =
            str_is(reason, "restored")
                ? STR("A backup was restored: the log goes on with new keys from here")
                : STR("The root key does not open the log's own: the log goes on with new keys "
                      "from here"),
        .metadata = str_fmt(cx->arena, "{\"generation\":%lld,\"afterCheckpoint\":%lld}",
                            (long long)generation, (long long)after)
    };
    log_line(LOG_WARN, "the log of deeds goes on with new keys", log_s("reason", reason),
             log_i("generation", generation));
    return audit_append(cx, &row);
}

/* Inside a write. */
static enum err generation_begin(struct cx *cx, bool key_lost, struct seal_state *ret)
{
    uint8_t secret[SEAL_SECRET_BYTES], wrapped[SEAL_WRAPPED_BYTES];
    struct seal_checkpoint_last_row last;
    bool found;
    TRY(seal_checkpoint_last(cx, &last, &found));
    if (found && last.hash.len != SEAL_HASH_BYTES)
        return cx_fault(cx, "the last checkpoint has no hash");
    if (key_lost)
        TRY(seal_state_forget(cx, NULL));
    int64_t generation = found ? last.generation + 1 : 1;
    uint8_t zeros[SEAL_HASH_BYTES] = { 0 };
    random_bytes(secret, sizeof secret);
    seal_wrap(seal_root_key(cx), generation, 1, secret, wrapped);
    bytes_wipe(secret, sizeof secret);
    struct seal_state_begin_in in = {
        .generation = generation,
        .secret = { (char *)wrapped, sizeof wrapped },
        .last_hash = found ? last.hash : (struct str){ (char *)zeros, sizeof zeros },
        .reason = !found     ? STR("new")
                  : key_lost ? STR("key lost")
                             : STR("restored"),
        .after_number = found ? last.number : 0,
        .now = cx->now_ms
    };
    TRY(seal_state_begin(cx, &in, NULL));
    /* Another node may have been first. */
    TRY(seal_state_load(cx, ret));
    if (!found || ret->generation != generation || !str_eq(ret->reason, in.reason))
        return OK;
    TRY(seal_chains_unproved(cx, NULL));
    struct seal *s = cx->app->seal;
    if (s)
        s->now = *ret;
    return reanchored(cx, generation, in.reason, in.after_number);
}

static enum err state_take(struct cx *cx, struct seal *s, const struct seal_state *state)
{
    struct seal_chain_unsigned_row *rows;
    size_t count;
    TRY(seal_chain_unsigned(cx, &(struct seal_chain_unsigned_in){ 1 }, &rows, &count));
    s->now = *state;
    s->now.reason = STR_NULL; /* the arena's */
    atomic_store(&s->events, (int64_t)count);
    atomic_store(&s->begun, state->number > 1);
    atomic_store(&s->checkpoint_at_ms, state->checkpoint_at_ms);
    return OK;
}

static enum err state_open(struct cx *cx, void *arg)
{
    struct begin *b = arg;
    struct seal_state state;
    bool made;
    TRY(root_open(cx, b->seal, true, &made));
    if (made)
        TRY(anchors_adopt(cx));
    enum err e = seal_state_load(cx, &state);
    if (e == ERR_NOT_FOUND || e == ERR_CREDENTIAL_UNREADABLE)
        e = generation_begin(cx, made || e == ERR_CREDENTIAL_UNREADABLE, &state);
    TRY(e);
    return state_take(cx, b->seal, &state);
}

static enum err state_look(struct cx *cx, void *arg)
{
    struct begin *b = arg;
    struct seal_state state;
    bool made;
    TRY(root_open(cx, b->seal, false, &made));
    TRY(seal_state_load(cx, &state));
    return state_take(cx, b->seal, &state);
}

static struct seal *seal_new(struct app *app, const struct seal_options *o)
{
    struct seal *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->app = app;
    s->options = *o;
    snprintf(s->dir, sizeof s->dir, "%.*s", STR_ARG(o->dir));
    snprintf(s->sink, sizeof s->sink, "%.*s", STR_ARG(o->sink));
    if (!s->options.events_max)
        s->options.events_max = SEAL_EVENTS_MAX;
    if (!s->options.checkpoint_ms)
        s->options.checkpoint_ms = SEAL_CHECKPOINT_MS;
    buf_init(&s->scratch, NULL, SEAL_ROW_BYTES_MAX);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_mutex_init(&s->ticking, NULL);
    atomic_store(&s->leftovers, true);
    atomic_store(&s->news, true);
    return s;
}

static void seal_drop(struct seal *s)
{
    buf_release(&s->scratch);
    pthread_mutex_destroy(&s->mutex);
    pthread_mutex_destroy(&s->ticking);
    pthread_cond_destroy(&s->wake);
    seal_keys_wipe(&s->now.keys);
    secret_free(s->root);
    free(s);
}

bool seal_open(struct app *app, const struct seal_options *o, struct seal **ret, char *error,
               size_t error_size)
{
    struct cx cx = { .arena = arena_new(0),
                     .app = app,
                     .principal = { .kind = PRINCIPAL_SYSTEM },
                     .now_ms = clock_wall_ms() };
    struct begin b = { .seal = seal_new(app, o) };
    app->seal = b.seal; /* the event of a new generation is sealed like any other */
    enum err e = db_read(&cx, state_look, &b);
    if (e == ERR_NOT_FOUND || e == ERR_CREDENTIAL_UNREADABLE) {
        cx_clear_failure(&cx);
        e = db_write(&cx, state_open, &b);
    }
    if (e == OK) {
        *ret = b.seal;
    } else {
        snprintf(error, error_size, "the log cannot be sealed: %.*s %.*s",
                 STR_ARG(str_given(cx.failure.message) ? cx.failure.message
                                                       : str_of(err_info(e)->meaning)),
                 STR_ARG(cx.failure.log_detail));
        app->seal = NULL;
        seal_drop(b.seal);
    }
    arena_free(cx.arena);
    return e == OK;
}
