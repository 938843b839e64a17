/* The seal: makes of the audit a log that shows tampering (docs/security/log.md).
 *
 * Each chain (workspace, '' = system) is a hash chain over canonical bytes (canonical.h); its head
 * is kept under a MAC; checkpoints (checkpoint.h) sign the heads with keys that move on and go to
 * the table, to DIR/checkpoints.log and to the operator's sink.
 *
 *   SQLite      a row is sealed by the writer in the deed's own transaction (seal_row);
 *   PostgreSQL  a row is inserted unsealed; one sealer over all nodes (advisory lock) seals batches
 *               every 200 ms, without a pause while they are full. The same function seals what a
 *               restore or an older version left unsealed on either engine.
 *
 * Owns tables audit_chains, audit_checkpoints, audit_seal and the columns seq, hash, epoch of
 * audit. A head is moved only from what it was, judged by affected rows: no chain forks, however
 * many sealers there are. */
#ifndef AUDIT_SEAL_H
#define AUDIT_SEAL_H

#include "audit/audit.h"
#include "audit/keys.h"

struct seal;
struct audit_insert_in; /* audit_sql.h */

struct seal_options {
    struct str dir;        /* folder of checkpoints.log; absent: no file */
    struct str sink;       /* file:/path or syslog; absent or https://…: none here */
    int64_t events_max;    /* rows until a checkpoint; 0: 1,000 */
    int64_t checkpoint_ms; /* time until a checkpoint; 0: 60,000 */
    /* Inside the transaction that makes a checkpoint: for sinks that are jobs. May be NULL. */
    enum err (*on_checkpoint)(struct cx *cx, int64_t generation, int64_t number);
};

/* Loads the state, or begins a generation: on a new database, after a restore, and when the root
 * key does not open what is stored. Needs app->vault. On failure one sentence. */
bool seal_open(struct app *app, const struct seal_options *o, struct seal **ret, char *error,
               size_t error_size);
void seal_start(struct seal *s); /* its thread */
/* Ends the thread, seals at most 10,000 rows of what is left, and signs. What a larger backlog
 * leaves is sealed by another node or at the next start. NULL is fine. */
void seal_close(struct seal *s);

/* Seals what is unsealed, from now_ms on; makes a checkpoint whenever one is due (and, with `now`,
 * at the end when there is anything to sign); publishes. For tests and what must be signed first.
 * ERR_…: nothing is half done; the next round goes on. */
enum err seal_tick(struct seal *s, int64_t now_ms, bool now);

/* SQLite, inside a write, on the writer: gives the row its place before it is inserted. */
enum err seal_row(struct cx *cx, struct audit_insert_in *row);

/* Retention, inside a write: removes rows of the chain that are older than before_ms, signed, and
 * have nothing younger before them, at most `limit`; leaves an event that says so, and a base from
 * which the rest is proved. */
enum err seal_purge(struct cx *cx, struct str workspace_id, int64_t before_ms, int64_t limit,
                    int64_t *ret_removed);
/* The same of checkpoints, outside any transaction: removes those from the beginning on that are
 * older than before_ms and have signed no row that still stands, at most `limit`. The newest
 * stays. DIR/checkpoints.log follows by itself. */
enum err seal_purge_checkpoints(struct cx *cx, int64_t before_ms, int64_t limit,
                                int64_t *ret_removed);

#endif
