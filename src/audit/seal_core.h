/* What the parts of the seal share. Private to src/audit. */
#ifndef AUDIT_SEAL_CORE_H
#define AUDIT_SEAL_CORE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "audit/checkpoint.h"
#include "audit/seal.h"
#include "audit/verify.h"
#include "db/db.h"

#define SEAL_BATCH_ROWS 1000
#define SEAL_LAST_ROUNDS 10 /* batches at an orderly end */
#define SEAL_TICK_MS 200
#define SEAL_EVENTS_MAX 1000
#define SEAL_CHECKPOINT_MS 60000

/* The stored state, opened. */
struct seal_state {
    int64_t generation, number, epoch, after_number, waiting_rows, checkpoint_at_ms;
    uint8_t last_hash[SEAL_HASH_BYTES];
    struct str reason;
    struct seal_keys keys;
};
/* Inside a transaction. NOT_FOUND: there is none. CREDENTIAL_UNREADABLE: the log's root does not
 * open it. */
enum err seal_state_load(struct cx *cx, struct seal_state *ret);
/* Of the open seal, else absent. */
struct str seal_root_key(const struct cx *cx);

/* ---- heads ---- */

struct seal_head {
    int64_t seq; /* 0: there is none yet */
    uint8_t hash[SEAL_HASH_BYTES];
};
/* Inside a write. Checks the MAC of what no checkpoint covers; a head that was changed is noted
 * (seal_note_broken) and replaced by the last sealed row. */
enum err seal_head_load(struct cx *cx, struct str workspace_id, const struct seal_keys *keys,
                        int64_t epoch, struct seal_head *ret);
/* *ret_moved is false when it is not at `from` any more. */
enum err seal_head_move(struct cx *cx, struct str workspace_id, const struct seal_head *from,
                        const struct seal_head *to, const struct seal_keys *keys, int64_t epoch,
                        bool *ret_moved);
/* Was the MAC made in this epoch, or in one of the next ones? */
bool seal_head_genuine(const struct seal_keys *keys, int64_t epoch, struct str workspace_id,
                       int64_t seq, struct str hash, int64_t mac_epoch, struct str mac);
/* Keeps the first break in the chain's row, inside a write, and its event: appended by the same
 * write, or written behind by who is about to seal a row of that chain. */
enum seal_event { SEAL_EVENT_APPENDED, SEAL_EVENT_BEHIND };
enum err seal_note_broken(struct cx *cx, const struct verify_break *b, enum seal_event how);

#define SEAL_CACHE_SLOTS 256

struct seal_cached {
    char workspace_id[CHECKPOINT_ID_BYTES_MAX];
    size_t workspace_id_len;
    struct seal_head head; /* seq 0: free */
};

struct seal {
    struct app *app;
    struct seal_options options;
    char dir[1024], sink[1024];
    struct secret *root;         /* the log's own, sealed by the vault; set once by seal_open */
    atomic_int_least64_t events; /* sealed since the last checkpoint; SQLite */
    atomic_int_least64_t checkpoint_at_ms;
    atomic_bool leftovers; /* SQLite: rows may be unsealed */
    atomic_bool begun;     /* the generation has its first checkpoint */
    atomic_bool news;      /* a checkpoint was made that is not yet published */

    /* SQLite: touched on the writer's thread only, after seal_open. */
    struct seal_state now;
    struct seal_cached cache[SEAL_CACHE_SLOTS];
    struct buf scratch;

    /* Published up to here; the ticking thread's. */
    int64_t published_generation, published_number;
    bool published_known;
    int64_t trimmed_generation, trimmed_number; /* the file was last looked at for this beginning */

    pthread_mutex_t ticking; /* one round at a time */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool started, stopping;
};

/* ---- seal_checkpoint.c ---- */

/* Makes one when it is due. */
enum err seal_checkpoint(struct seal *s, int64_t now_ms, bool now, bool *ret_more);

/* ---- seal_publish.c ---- */

/* Brings the file and the sink up to the table. */
enum err seal_publish(struct seal *s, int64_t now_ms);

/* ---- seal_file.c ---- */

struct seal_first; /* seal_first.h */
/* The ticking thread's: removes lines before the beginning from the file, when that is worth it. */
void seal_file_trim(struct seal *s, const char *path, const struct seal_first *first);

/* ---- seal_syslog.c: apart, for <syslog.h> and base/log.h share names ---- */

/* One notice: the line may be longer than a datagram, its hash pins it. */
void seal_syslog(int64_t generation, int64_t number, const uint8_t hash[SEAL_HASH_BYTES]);

/* ---- writes that know on the writer's thread how they ended ---- */

struct seal_deed {
    struct db_write write; /* first */
    struct cx cx;
    struct seal *seal;
    bool skipped;
    bool more;
    bool now; /* a checkpoint even when none is due */
    int64_t rows;
    struct seal_state before; /* SQLite: put back when the commit fails */
    bool moved;
    sem_t done;
    enum err result;
};
enum err seal_deed_run(struct seal *s, struct seal_deed *d, db_fn fn, int64_t now_ms);

#endif
