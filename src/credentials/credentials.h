/* Credentials: whose provider account pays for a call.
 *
 * The unit is a credential, not a column: the first tier of personal > workspace > organisation >
 * server that has the unit complete supplies all of it, and is the call's key source. A secret is
 * sent only to the endpoint of its own row. An unreadable or refused credential stops the
 * resolution and is shown: nobody else's key pays instead. Without any key the offline assistant
 * answers.
 *
 * Owns table credentials, its encryption (envelope: root key → organisation's key → row), the
 * resolver, and the settings routes. Does not own HTTP to providers (llm, net). */
#ifndef CREDENTIALS_CREDENTIALS_H
#define CREDENTIALS_CREDENTIALS_H

#include "base/secret.h"
#include "db/db.h"
#include "jobs/jobs.h"
#include "op/op.h"

/* Resolved, opened, on the heap (it outlives the request): free with credential_free, which wipes.
 */
struct credential {
    char *provider;     /* "anthropic" "openai" "groq" "openclaw" "hermes" "offline" */
    char *model;        /* chosen: asked for, else pinned by a tier, else the provider's default */
    char *key_source;   /* "USER_KEY" "WORKSPACE_KEY" "ORG_KEY" "SERVER_KEY"; "NONE" for offline */
    char *base_url;     /* without a slash at its end; NULL for offline */
    bool guarded;       /* the address came from a tenant: net/guard.h holds */
    struct secret *key; /* API key or bearer; NULL for offline */
    char *agent_id;     /* openclaw */
    char *cf_client_id; /* openclaw; NULL: none */
    struct secret *cf_secret; /* openclaw; NULL: none */
    char *row_id;             /* of table credentials, to mark what a provider says; NULL: server */
};
void credential_free(struct credential *c); /* NULL is fine */

struct credential_wish {
    struct str provider; /* asked for by name; absent: the resolver decides */
    struct str model;    /* absent: the resolver decides */
};
/* Inside a transaction; tenant and user from cx (an autonomous caller has no user: no personal
 * tier). PROVIDER_NOT_CONFIGURED: asked for by name and not to be had. CREDENTIAL_UNREADABLE:
 * stored and not to be opened; also for one that its provider has refused, with a sentence that
 * says so. */
enum err credentials_resolve(struct cx *cx, const struct credential_wish *w,
                             struct credential **ret);

/* Inside a write: what the provider said of a key. 401/403 → REFUSED, with an event; else VERIFIED.
 * `row_id` names the secret that was used: of one that was replaced meanwhile nothing is said. */
enum err credentials_mark(struct cx *cx, struct str row_id, bool refused);
/* Inside a write: the guard refused to connect to the credential's address. Leaves SSRF_BLOCKED. */
enum err credentials_blocked(struct cx *cx, const struct credential *c);
/* Inside a write: a call with this key is admitted. Each use is a row of the trail
 * (use_credential), that names the key and never has it; it stands before the key leaves. run_id
 * may be absent. */
enum err credentials_used(struct cx *cx, const struct credential *c, struct str run_id);

/* ---- of a process ---- */

/* app->credentials: lists of models that were asked for lately, and how foreign servers are asked.
 * `fetch` is fetch_wait (net/fetch.h); tests give their own. */
struct credentials;
struct fetch_request;
struct fetch_answer;
struct credentials *credentials_new(void (*fetch)(struct cx *cx, const struct fetch_request *rq,
                                                  struct fetch_answer *ret));
void credentials_release(struct credentials *c); /* NULL is fine */

/* verify_ai_keys, every night: what POST /api/cron/verify-ai-keys does. For the runner's table. */
extern const struct job_kind credential_job_kinds[];
extern const size_t credential_job_kinds_count;

/* Settings; what asks providers (models, test-fire, the job that verifies). */
extern const struct op credential_ops[], provider_ops[];
extern const size_t credential_ops_count, provider_ops_count;

#endif
