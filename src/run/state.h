/* A run and who belongs to it. Private to run/. Unless said otherwise a member belongs to the run's
 * loop. */
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/cuid.h"
#include "net/pool.h"
#include "run/run.h"

enum { RUN_BLOCKS_MAX = 256, RUN_SENTENCE_BYTES = 400, RUN_BUCKETS = 1024 };
enum { RUN_KEEP_TRIES = 3 }; /* of a message that its kind cannot keep; then without it */
#define RUN_NOT_KEPT "The server could not keep this answer."

struct reader {
    struct run *run; /* a reference */
    struct sink *sink;
    struct reader *next;
    atomic_int refs; /* the run's list, the sink's watch */
    int64_t at;      /* counter that it has had */
    bool linked, behind, done;
    struct loop_msg attach_msg, gone_msg, drain_msg;
    atomic_bool drain_posted;
};

/* A write on its way: one at a time. The cx belongs to the writer until it is back. */
struct run_writing {
    struct db_write write;
    struct cx cx;
    struct arena *arena;
    struct loop_msg back;
    enum err result;
    enum run_write which;
    struct run_bill bill; /* as it is after the write */
    bool busy;
};

struct run {
    atomic_int refs;
    struct runs *runs;
    struct app *app;
    struct loop *loop;
    const struct run_kind *kind;
    void *data;
    struct arena *arena; /* names, principal, wish: fixed after run_new */
    struct run_ref ref;
    struct principal principal;
    struct credential_wish wish;
    struct run *bucket_next; /* under runs->lock */

    struct run_model model;
    struct message *message;
    struct reader *readers;
    struct loop_timer *retry, *lonely;
    bool telling; /* the admission of the present turn is durable */
    bool finished;

    struct llm_call *call;
    int16_t blocks[RUN_BLOCKS_MAX]; /* the provider's block → part, plus 1; 0: none */
    int turn_first_part;            /* parts of the present turn begin here */
    struct run_bill bill;
    enum err failure;
    int keep_faults;
    char sentence[RUN_SENTENCE_BYTES];
    struct run_writing writing;

    /* The first admission: posted by the write itself, and by who handed it in. */
    struct llm_call *_Atomic launched;
    atomic_bool launch_posted;
    struct loop_msg launch_msg, begun_msg;
    struct llm_call *begun_call;
    enum err begun_result;
    struct pool_job prepare_job;
    struct loop_msg prepared_msg;
    struct cx prepare_cx;
    struct llm_call *prepared;
    enum err prepare_result;

    atomic_int stop_reason; /* the first one asked for, from any thread */
    struct loop_msg stop_msg;

    struct run *journal_next; /* the loop's list */
    int64_t journaled;        /* counter that the journal has */
    int64_t journal_seq;
    bool journal_busy, journal_listed;
    bool write_waits; /* for the journal */
};

struct run_journal; /* one a loop */

struct runs {
    struct app *app;
    const struct run_kind *const *kinds;
    size_t kind_count;
    pthread_mutex_t lock;
    pthread_cond_t fewer;
    struct run *buckets[RUN_BUCKETS]; /* open runs, each with a reference */
    int open;
    atomic_int next_loop;
    struct run_journal **journals; /* by index of the loop */
    int loop_count;
    pthread_t watcher;
    pthread_cond_t watch;
    bool watching, stopping;
    atomic_int_least64_t begun_total, ended_total, interrupted_total;
};

/* runs.c */
const struct run_kind *runs_kind(const struct runs *rs, struct str name);
void runs_remove(struct run *r);

/* actor.c: an event, on the run's loop. */
void run_event(struct run *r, const struct run_event *e);
const char *run_finish_reason(enum run_state state,
                              enum run_reason reason); /* as the AI SDK says */

/* store.c. Does the database refuse anything now, whatever it is? */
bool run_storage_refuses(enum err e);
/* Hands in the write that run->model.write names. */
void run_write(struct run *r);
enum err run_state_keep(struct cx *cx, const struct run *r, enum run_state state,
                        enum run_reason reason);
/* Inside the write that ends a run: what its kind keeps, and the end of its journal. Without a
 * message (NULL) a sentence says that there was one. */
enum err run_keep(struct cx *cx, const struct run_kind *kind, const struct run_outcome *o);

/* reader.c */
void readers_pump(struct run *r);
void readers_finish(struct run *r); /* the stream has ended: tell it to all */
void reader_attach_posted(struct loop_msg *m);

/* journal.c */
struct run_journal *journal_new(struct runs *rs, struct loop *l);
void journal_free(struct run_journal *j);
void journal_watch(struct run *r);   /* from now on what it says is kept */
void journal_unwatch(struct run *r); /* no more; a piece may still be on its way (journal_busy) */
void journal_hint(struct run *r);    /* something was said */

/* repair.c */
enum err repair_lost(struct runs *rs, int64_t silent_before, int64_t *ret_count);

#endif
