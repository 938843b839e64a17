/* Another root key, while everybody goes on working.
 *
 * Where the data folder keeps the root key, or one process serves:
 *   1. the next key is written to DIR/root-key.next and made durable, before anything is wrapped
 *      with it; from then on a start accepts both;
 *   2. the vault wraps with the next key and still opens what the former wrapped;
 *   3. data keys are wrapped anew in slices; nobody waits, since each is readable at any moment;
 *   4. DIR/root-key.next takes the place of DIR/root-key, or, where the root key comes from the
 *      environment, stays until a start is given the same key.
 * With PostgreSQL every node must know both keys first (OPBOXD_ROOT_KEY and OPBOXD_OLD_ROOT_KEY):
 * then this wraps everything under the first of them.
 *
 * Invariant: kill -9 at any instant leaves a folder whose next start opens everything. */
#include "cli/keys_ops.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/config.h"
#include "cli/program.h"
#include "vault/vault.h"

enum { SLICE = 100 };

struct rotate_in {
    struct str file;
    bool accept_loss;
};
static const struct field rotate_in_fields[] = {
    { .name = "file",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct rotate_in, file),
      .min = 1,
      .doc = "File with the next root key; not given: one is made, or, with PostgreSQL, "
             "everything goes under OPBOXD_ROOT_KEY" },
    { .name = "acceptLoss",
      .type = FIELD_BOOL,
      .offset = FIELD_AT(struct rotate_in, accept_loss),
      .doc = "Go on although some data keys are wrapped under a root key that is not here; what "
             "they sealed must be entered again" },
    FIELD_END,
};
struct rotate_out {
    int64_t rewrapped, lost;
    struct str root_key_id, next;
};
static const struct field rotate_out_fields[] = {
    { .name = "rewrapped",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct rotate_out, rewrapped),
      .doc = "Data keys that were wrapped anew" },
    { .name = "lost",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct rotate_out, lost),
      .doc = "Data keys whose root key is not here" },
    { .name = "rootKeyId",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct rotate_out, root_key_id),
      .doc = "Id of the root key that wraps everything now; says nothing about the key" },
    { .name = "next",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct rotate_out, next),
      .doc = "What is left to do" },
    FIELD_END,
};

static enum err slice_in_tx(struct cx *cx, void *arg)
{
    return vault_rewrap(cx, SLICE, arg);
}

/* One pass over all data keys. */
static enum err pass(struct cx *cx, int64_t *rewrapped, int64_t *lost)
{
    struct vault_progress p = { .after_scope = STR("") };
    *lost = *rewrapped = 0;
    do {
        TRY(db_write(cx, slice_in_tx, &p));
        *rewrapped += p.rewrapped;
        *lost += p.lost;
    } while (p.looked > 0);
    return OK;
}

/* Until a whole pass finds nothing: what was made meanwhile with the former key is found too. */
static enum err rewrap_all(struct cx *cx, struct rotate_out *out)
{
    int64_t rewrapped;
    do {
        TRY(pass(cx, &rewrapped, &out->lost));
        out->rewrapped += rewrapped;
    } while (rewrapped > 0);
    return OK;
}

static enum err adopt_in_tx(struct cx *cx, void *arg)
{
    const struct rotate_out *out = arg;
    struct audit_row row = {
        .action = STR("rotate_root_key"),
        .type = STR("KEY_CHANGED"),
        .entity_type = STR("root_key"),
        .entity_id = out->root_key_id,
        .message = str_fmt(cx->arena, "the root key is another one; %lld data keys wrapped anew",
                           (long long)out->rewrapped),
    };
    TRY(vault_adopt(cx));
    return audit_append(cx, &row);
}

/* The next root key, durable in the folder; absent: the configured one goes on. */
static enum err take_next(struct cx *cx, const struct rotate_in *in, bool *ret_kept)
{
    const struct config *c = cx->app->config;
    char error[1200] = "";
    *ret_kept = false;
    if (c->database.len) {
        if (str_given(in->file)) {
            cx_field_error(cx, STR("file"),
                           "with PostgreSQL every node needs both keys: start each with the next "
                           "one as OPBOXD_ROOT_KEY and the former as OPBOXD_OLD_ROOT_KEY, then "
                           "rotate without a file");
            return cx_invalid(cx);
        }
        return OK;
    }
    if (!root_key_next_make(c, in->file, error, sizeof error))
        FAIL(cx, CONFLICT, "%s.", error);
    struct secret *next = root_key_next_read(c);
    char id[VAULT_ROOT_ID_CHARS + 1], current[VAULT_ROOT_ID_CHARS + 1];
    vault_current_id(cx->app->vault, current);
    if (next)
        vault_root_id(next, id);
    if (next && strcmp(id, current) == 0 && str_given(in->file)) {
        secret_free(next);
        root_key_next_drop(c);
        FAIL(cx, CONFLICT, "The next root key is the one in use.");
    }
    bool used = next && vault_use(cx->app->vault, next);
    secret_free(next);
    if (!used)
        FAIL(cx, CONFLICT, "The next root key cannot be taken into use; restart the server first.");
    *ret_kept = true;
    return OK;
}

static enum err finish(struct cx *cx, bool kept, struct rotate_out *out)
{
    const struct config *c = cx->app->config;
    char error[1200] = "";
    if (!kept) {
        out->next = STR("Start the nodes without OPBOXD_OLD_ROOT_KEY.");
        return OK;
    }
    if (!root_key_kept(c)) {
        out->next = STR("Give the next start the same key as OPBOXD_ROOT_KEY; root-key.next in the "
                        "data folder is removed then.");
        return OK;
    }
    if (!root_key_next_finish(c, error, sizeof error))
        FAIL(cx, STORAGE, "%s.", error);
    vault_forget_others(cx->app->vault);
    out->next = STR("Nothing is left to do. Keep a copy of root-key where backups are not.");
    return OK;
}

static enum err rotate_run(struct cx *cx, const void *input, void *output)
{
    const struct rotate_in *in = input;
    struct rotate_out *out = output;
    char id[VAULT_ROOT_ID_CHARS + 1];
    bool kept;
    TRY(take_next(cx, in, &kept));
    TRY(rewrap_all(cx, out));
    vault_current_id(cx->app->vault, id);
    out->root_key_id = str_copy(cx->arena, str_of(id));
    if (out->lost > 0 && !in->accept_loss)
        FAIL(cx, CREDENTIAL_UNREADABLE,
             "%lld data keys are wrapped under a root key that is not here; give it as "
             "OPBOXD_OLD_ROOT_KEY and rotate again, or accept the loss. The others are under the "
             "next key, both keys stay in use.",
             (long long)out->lost);
    TRY(db_write(cx, adopt_in_tx, out));
    return finish(cx, kept, out);
}

const struct op keys_ops[] = {
    { .name = "rotate_root_key",
      .kind = OP_JSON,
      .category = "operator",
      .auth = AUTH_OPERATOR,
      .roles = ROLES_ANY,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_NONE,
      .effect = EFFECT_WRITE,
      .in = rotate_in_fields,
      .in_size = sizeof(struct rotate_in),
      .out = rotate_out_fields,
      .out_size = sizeof(struct rotate_out),
      .run = rotate_run,
      .summary = "Change the root key",
      .doc = "Wraps all data keys under the next root key while the server goes on; stored "
             "credentials are readable at any moment. Interrupted, it is run again." },
};
const size_t keys_ops_count = sizeof keys_ops / sizeof *keys_ops;
