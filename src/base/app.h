/* What main wires together. Each area owns the type behind its own pointer and nobody else's;
 * a pointer is NULL where a program (a test, a command) does not need the area. */
#ifndef BASE_APP_H
#define BASE_APP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct app {
    struct config *config;           /* base/config.h */
    struct db *db;                   /* db/db.h */
    struct pool *workers;            /* net/pool.h: LANE_WORKER */
    struct pool *slow;               /* net/pool.h: LANE_SLOW */
    struct pool *passwords;          /* net/pool.h: LANE_PASSWORD */
    struct loops *loops;             /* net/loop.h; NULL: no server */
    struct fetcher *fetcher;         /* net/fetch.h; NULL: no server */
    struct blob_store *blobs;        /* blob/blob.h */
    struct vault *vault;             /* vault/vault.h */
    struct registry *ops;            /* op/registry.h */
    const struct gate_hooks *hooks;  /* op/gate.h */
    struct audit_log *audit;         /* audit/audit.h; NULL: events are not kept */
    struct seal *seal;               /* audit/seal.h; NULL: rows stay unsealed */
    struct auth *auth;               /* auth/auth.h */
    struct limits *limits;           /* limits/limits.h */
    struct job_runner *jobs;         /* jobs/jobs.h */
    struct credentials *credentials; /* credentials/credentials.h */
    struct llm *llm;                 /* llm/llm.h */
    struct search_docs *search_docs; /* search/search.h */
    struct runs *runs;               /* run/run.h; NULL: no server */
    struct metrics *metrics;         /* op/metrics.h */
    char node_id[26];                /* CUID of this process, row of table nodes */
    atomic_bool *stopping;           /* set once, when the drain begins */
};

#endif
