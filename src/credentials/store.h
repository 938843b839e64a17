/* What is stored of credentials: rows of the tiers, sealing and opening, changes.
 *
 * Owns tables credentials and ai_settings. Private to src/credentials and its tests. */
#ifndef CREDENTIALS_STORE_H
#define CREDENTIALS_STORE_H

#include "credentials/resolve.h"
#include "db/bind.h"

/* Columns of table credentials; the form of every statement's rows (store.c proves it). */
struct stored_row {
    struct str organization_id, tier, owner_id, provider, id, workspace_id, state;
    struct str endpoint, agent_id, cf_client_id; /* absent: none */
    struct str secret;                           /* sealed */
    int64_t secret_version;
    struct str secret_masked;
    struct str cf_secret;
    int64_t cf_secret_version;
    struct str cf_secret_masked;
    struct db_opt_int verified_at;
    int64_t version, updated_at;
};
/* A row: one unit of one owner. `id` and what is sealed are bound to each other, see store.c. */
struct stored {
    struct stored_row row;
    enum tier tier;
    enum unit unit;
};
struct tier_settings {
    enum unit chat_provider; /* UNIT_NONE: not pinned */
    struct str chat_model;   /* absent: not chosen */
    struct str transcription_provider;
};
struct tiers {
    struct stored *units[TIER_COUNT][UNIT_COUNT]; /* NULL: no row */
    struct tier_settings settings[TIER_COUNT];
    bool allow_personal;
};

/* By the name in a row; TIER_NONE: none of the three that have rows. */
enum tier tier_find(struct str name);
/* Inside a transaction: what a call in cx's workspace may draw on. `user_id` may be "". */
enum err tiers_load(struct cx *cx, struct str user_id, struct tiers *ret);
/* The organisation's own alone. */
enum err tiers_load_organization(struct cx *cx, struct str organization_id, struct tiers *ret);
/* "" unless a person calls: whoever acts for nobody has no personal tier. */
struct str tiers_person(const struct cx *cx);

bool stored_complete(const struct stored *s);
/* As it was last found; with `trusting`, a row marked unreadable counts as one to be tried. */
enum unit_state stored_state(const struct stored *s, bool trusting);
/* Into what choose() takes. `person`: personal rows count if the organisation lets them. */
void tiers_choose_in(const struct app *app, const struct tiers *t, bool person, bool trusting,
                     struct choose_in *ret);

enum slot { SLOT_SECRET = 1, SLOT_CF_SECRET };
/* Inside a transaction. *ret is NULL when it cannot be opened, or there is none. */
enum err stored_open(struct cx *cx, const struct stored *s, enum slot slot, struct secret **ret);
/* The choice among loaded tiers, opened. `in` says personal, wanted and model. */
enum err resolve_among(struct cx *cx, const struct tiers *t, struct choose_in *in,
                       struct credential **ret);
/* Inside a write. */
enum err stored_seal(struct cx *cx, const struct stored *s, enum slot slot, struct str text,
                     struct str *ret_sealed);
/* Inside a write: what is sealed under an earlier form of the binding is sealed anew, unless the
 * row is another one by now. */
enum err stored_renew(struct cx *cx, const struct stored *s);
/* Inside a transaction: whole, or *ret NULL when a secret of it cannot be opened. */
enum err stored_credential(struct cx *cx, const struct stored *s, struct str model,
                           struct credential **ret);
/* "id.version": names this secret of this row, and no later one. */
struct str stored_ref(struct arena *a, const struct stored *s);

/* Any time, any thread: notes behind the caller's back that a row could (not) be opened, with its
 * event, once; nothing when the row says so already. */
void stored_note(struct cx *cx, const struct stored *s, bool readable);

/* ---- changes ---- */

enum { FIELD_KEY = 0, FIELD_ENDPOINT, FIELD_AGENT, FIELD_CF_ID, FIELD_CF_SECRET, UNIT_FIELDS };
struct field_change {
    uint8_t seen; /* enum field_seen */
    struct str value;
};
struct change {
    struct field_change units[UNIT_COUNT][UNIT_FIELDS];
    struct field_change chat_provider, chat_model, transcription_provider;
    uint8_t allow_personal_seen;
    bool allow_personal;
    bool verify;
    bool unit_verified[UNIT_COUNT]; /* its provider has just said yes */
};
bool change_touches(const struct change *c, enum unit u);

/* Whose. */
struct scope {
    enum tier tier;
    struct str organization_id, owner_id;
    const char *action; /* the operation, for events */
};

/* Collects a field error for whatever is malformed, belongs to another provider, or would leave
 * half a unit; brings endpoints into their stored form. What `t` holds is what it changes. */
void change_check(struct cx *cx, const struct scope *scope, const struct tiers *t,
                  struct change *c);
/* Name of the field in requests: "anthropicApiKey". NULL: the unit has no such field. */
const char *change_field_name(enum unit u, int field);

/* Pure: what the unit would be, without sealing: of `ret->row` everything but secrets. `old` may be
 * NULL. *ret_clears: the endpoint changes, so secrets that are not given anew go. */
void change_preview(const struct stored *old, const struct change *c, enum unit u,
                    struct stored *ret, bool *ret_clears);
/* Inside a write: applies it to the rows of `t`, with an event for each unit. */
enum err change_apply(struct cx *cx, const struct scope *scope, const struct tiers *t,
                      const struct change *c);
/* Inside a write: all of the scope; an organisation's policy stays. */
enum err scope_clear(struct cx *cx, const struct scope *scope, const struct tiers *t);

/* "sk-ant-…4f2a": a known form's prefix and the last four, only where enough stays hidden. */
struct str secret_masked(struct arena *a, struct str secret);

/* Inside a write: the state by what a provider said; an event when it changes, and the time of the
 * verification each time. Of cx's organisation, or of that one (absent: none). */
enum err stored_mark(struct cx *cx, struct str organization_id, struct str ref, bool refused,
                     struct str said);

#endif
