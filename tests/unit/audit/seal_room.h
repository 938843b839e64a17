/* A room with an open seal, for the tests and the bench of the sealed log. */
#ifndef TESTS_UNIT_AUDIT_SEAL_ROOM_H
#define TESTS_UNIT_AUDIT_SEAL_ROOM_H

#include "unit/rooms.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "audit/seal_core.h"
#include "audit/verify.h"
#include "base/secret.h"
#include "db/driver.h"
#include "unit/rooms_sql.h"
#include "vault/vault.h"

static inline void seal_room_vault(struct rooms *r, const char *root_key)
{
    vault_free(r->app.vault);
    r->app.vault = vault_new(r->config.root_key = secret_new(str_of(root_key)));
}

static inline void seal_room_open(struct rooms *r)
{
    char error[512] = "";
    struct seal_options o = { .dir = str_of(r->folder) };
    if (!r->app.vault)
        seal_room_vault(r, "a root key for the tests of the seal");
    if (!seal_open(&r->app, &o, &r->app.seal, error, sizeof error))
        fail_msg("%s", error);
}

/* Without the orderly end: as if the process had been killed. */
static inline void seal_room_kill(struct rooms *r)
{
    struct seal *s = r->app.seal;
    r->app.seal = NULL;
    seal_keys_wipe(&s->now.keys);
    secret_free(s->root);
    buf_release(&s->scratch);
    free(s);
}

static inline void seal_room_close(struct rooms *r)
{
    seal_close(r->app.seal);
    vault_free(r->app.vault);
    secret_free(r->config.root_key);
    r->app.vault = NULL;
    r->config.root_key = NULL;
}

/* ---- deeds, and what is done to them ---- */

#define SEALED(state)                                                                              \
    ROOMS(state);                                                                                  \
    seal_room_open(r)

static inline enum err seal_room_append(struct cx *cx, void *arg)
{
    const int *n = arg;
    for (int i = 0; i < *n; i++) {
        struct audit_row row = { .action = STR("update_document"),
                                 .entity_type = STR("document"),
                                 .entity_id = str_fmt(cx->arena, "d%d", i) };
        cx->now_ms++;
        TRY(audit_append(cx, &row));
    }
    return OK;
}

/* n deeds in that workspace, sealed; with a checkpoint when `sign`. */
static inline void deeds(struct rooms *r, const char *workspace, int n, bool sign)
{
    rooms_as(r, "ann", workspace);
    assert_ok(&r->cx, db_write(&r->cx, seal_room_append, &n));
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, sign), OK);
}

static inline enum err seal_room_script(struct cx *cx, void *text)
{
    return db_exec(cx, str_of(text));
}
/* What somebody does who has the database and no key. */
static inline void tamper(struct rooms *r, const char *text)
{
    assert_ok(&r->cx, db_write(&r->cx, seal_room_script, (void *)text));
}

static inline struct verify_report verified(struct rooms *r, bool with_file)
{
    struct verify_report v;
    char path[128];
    snprintf(path, sizeof path, "%s/checkpoints.log", r->folder);
    struct verify_options o = { .files = { with_file ? str_of(path) : STR_NULL } };
    cx_clear_failure(&r->cx);
    assert_ok(&r->cx, seal_verify(&r->cx, &o, &v));
    return v;
}

static inline void assert_holds_at(struct rooms *r, bool with_file, const char *file, int line)
{
    struct verify_report v = verified(r, with_file);
    for (size_t i = 0; i < v.breaks_count; i++)
        print_error("%s:%d: %s %.*s %lld: %.*s\n", file, line, v.breaks[i].kind,
                    STR_ARG(v.breaks[i].workspace_id), (long long)v.breaks[i].seq,
                    STR_ARG(v.breaks[i].message));
    if (v.breaks_count)
        _fail(file, line);
}
#define assert_holds(r) assert_holds_at((r), true, __FILE__, __LINE__)

static inline void assert_breaks_at(struct rooms *r, bool with_file, const char *kind,
                                    const char *workspace, int64_t seq, const char *file, int line)
{
    struct verify_report v = verified(r, with_file);
    for (size_t i = 0; i < v.breaks_count; i++)
        if (strcmp(v.breaks[i].kind, kind) == 0 && str_is(v.breaks[i].workspace_id, workspace) &&
            v.breaks[i].seq == seq)
            return;
    for (size_t i = 0; i < v.breaks_count; i++)
        print_error("%s:%d: %s %.*s %lld: %.*s\n", file, line, v.breaks[i].kind,
                    STR_ARG(v.breaks[i].workspace_id), (long long)v.breaks[i].seq,
                    STR_ARG(v.breaks[i].message));
    print_error("%s:%d: %s in %s at %lld was not found\n", file, line, kind, workspace,
                (long long)seq);
    _fail(file, line);
}
#define assert_breaks(r, kind, workspace, seq)                                                     \
    assert_breaks_at((r), false, (kind), (workspace), (seq), __FILE__, __LINE__)
#define assert_breaks_with_file(r, kind, workspace, seq)                                           \
    assert_breaks_at((r), true, (kind), (workspace), (seq), __FILE__, __LINE__)

static inline enum err seal_room_rows(struct cx *cx, void *arg)
{
    struct {
        struct rooms_audit_all_row *rows;
        size_t count;
    } *all = arg;
    return rooms_audit_all(cx, &all->rows, &all->count);
}

static inline size_t count_type(struct rooms *r, const char *type)
{
    struct {
        struct rooms_audit_all_row *rows;
        size_t count;
    } all;
    size_t n = 0;
    assert_ok(&r->cx, db_read(&r->cx, seal_room_rows, &all));
    for (size_t i = 0; i < all.count; i++)
        n += str_is(all.rows[i].type, type);
    return n;
}

#endif
