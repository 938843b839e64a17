/* A room with an open seal, for the tests and the bench of the sealed log. */
#ifndef TESTS_UNIT_AUDIT_SEAL_ROOM_H
#define TESTS_UNIT_AUDIT_SEAL_ROOM_H

#include "unit/rooms.h"

#include <stdlib.h>

#include "audit/seal_core.h"
#include "audit/verify.h"
#include "base/secret.h"
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

#endif
