/* The vault: the keys under which small secrets are stored, and sealing with them.
 *
 *     root key (configuration) → data key (random, wrapped, table data_keys) → sealed column
 *
 * A data key belongs to a scope: an organisation, or the installation (VAULT_INSTALLATION) for what
 * belongs to no organisation, such as a person's second factor. Sealed columns never change when
 * the root key does: only the few data keys are wrapped anew (vault_rewrap). Several root keys may
 * be accepted at a time, one of them wraps; each is known by an id that says nothing about it.
 *
 * Nothing is cached: a data key is read and unwrapped in the transaction that needs it (one indexed
 * row, 1 µs), so that all processes over a database agree at any moment.
 *
 * Owns table data_keys. Thread safe. */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "db/db.h"
#include "vault/envelope.h"

#define VAULT_INSTALLATION STR("-")
#define VAULT_ROOT_ID_CHARS 16
#define VAULT_ROOTS_MAX 4

struct vault; /* one a process; app->vault */
/* The root key that wraps from now on; copied. */
struct vault *vault_new(const struct secret *root);
void vault_free(struct vault *v); /* NULL is fine */
/* One that is accepted for opening as well. False: there are VAULT_ROOTS_MAX already. */
bool vault_accept(struct vault *v, const struct secret *root);
/* Wraps with this one from now on; those before stay accepted. False as above. */
bool vault_use(struct vault *v, const struct secret *root);
/* Forgets all but the one that wraps. */
void vault_forget_others(struct vault *v);
/* Id of a root key: hex of a one-way function, NUL at the end. */
void vault_root_id(const struct secret *root, char ret[VAULT_ROOT_ID_CHARS + 1]);
void vault_current_id(struct vault *v, char ret[VAULT_ROOT_ID_CHARS + 1]);

/* Inside a write: seals under the newest data key of the scope, which is made when there is none
 * that can be opened. `bound_to` (envelope_binding) names what the text belongs to: table, row,
 * owner. */
enum err vault_seal(struct cx *cx, struct str scope, struct str bound_to, struct str text,
                    struct str *ret_sealed);
/* Inside a transaction. *ret is NULL, and the answer OK, when it cannot be opened: altered, moved,
 * or its data key is wrapped under a root key that this process does not have. The caller frees. */
enum err vault_open(struct cx *cx, struct str scope, struct str bound_to, struct str sealed,
                    struct secret **ret);

/* Inside a write: wraps at most `limit` data keys that another root key wraps under the current
 * one. *ret_done: how many; *ret_lost: keys from `after` on whose root key is not here, passed
 * over. *after (in, out) is where the next slice begins; begin with "". */
struct vault_progress {
    struct str after_scope; /* of the last key looked at; in the arena of cx */
    int64_t after_version;
    int64_t looked, rewrapped, lost;
};
enum err vault_rewrap(struct cx *cx, int64_t limit, struct vault_progress *progress);

/* Inside a transaction, at the start of a process: the check value, set with the first data key,
 * proves that all processes of an installation have the same root key. False in *ret_known: the
 * database is another root key's. */
enum err vault_check(struct cx *cx, bool *ret_known);
/* Inside a write: from now on the current root key's. */
enum err vault_adopt(struct cx *cx);

#endif
