/* The settings of a tier as its owner sees and changes them. Private to src/credentials. */
#ifndef CREDENTIALS_CONFIG_H
#define CREDENTIALS_CONFIG_H

#include "credentials/probe.h"
#include "credentials/store.h"

/* ---- seen ---- */

struct unit_view {
    bool configured; /* complete */
    struct str state, masked, endpoint, agent_id, cf_client_id, cf_masked;
    int64_t verified_at_ms, updated_at_ms;
};
struct provider_view {
    struct str provider, key_source, state;
};
struct config_view {
    struct unit_view units[UNIT_COUNT];
    struct str chat_provider, chat_model, transcription_provider;
    bool allow_personal;
    struct str provider, model, key_source, status, reason; /* effective */
    struct provider_view providers[UNIT_COUNT - 1];
};

/* Whose settings: of cx's person, of cx's workspace, of the organisation. Inside a transaction.
 * The organisation's need an ADMIN, or an OWNER where `least` says so, of it; events then stand in
 * one of its workspaces. */
enum err config_scope(struct cx *cx, enum tier tier, struct str organization_id, enum role least,
                      struct scope *ret);
/* Inside a transaction. */
enum err config_get(struct cx *cx, const struct scope *scope, struct config_view *ret);

/* ---- changed; each opens its own transactions ---- */

struct config_request {
    enum tier tier;
    struct str organization_id; /* TIER_ORGANIZATION */
    enum role least;
    const char *action;
    struct change *change; /* its secrets are wiped */
};
/* `ret` may be NULL. PERSONAL_KEYS_DISABLED; VALIDATION with the field whose value is malformed or
 * that its provider refuses; UPSTREAM, UPSTREAM_TIMEOUT when verification could not be done;
 * CONFLICT when the unit was changed meanwhile. Nothing is saved then. */
enum err config_change(struct cx *cx, const struct config_request *rq, struct config_view *ret);
enum err config_clear(struct cx *cx, const struct config_request *rq);

/* Fires at the workspace's saved gateway, its own or its organisation's. */
enum err config_test_fire(struct cx *cx, enum unit u, const char *action,
                          struct gateway_report *ret);

/* ---- the job ---- */

struct verify_counts {
    int64_t checked, verified, refused, unknown, unreadable, remaining;
    int64_t started_at_ms, duration_ms;
};
/* Probes what is stored, longest unprobed first, as far as its time goes. CONFLICT when another
 * process is at it. */
enum err verify_all(struct cx *cx, struct verify_counts *ret);

#endif
