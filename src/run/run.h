/* Runs: answers of a provider with tool calls in between, that survive their readers.
 *
 * A run belongs to one loop of one process: its owner. Events of the provider, of tools and of
 * writes come there, go through the pure reducer (reducer.h), and its effects go to the lanes; no
 * thread, lock or connection of the database is held while it waits. What it says goes into the
 * message so far (message.h); readers on any loop get it from there, each at its own pace. Text
 * that is not kept yet is journaled every 250 ms or 4 KB, so that a killed server loses half a
 * second at most.
 *
 * What a run is about (history, tools, where its message goes) is its kind's: chat, agent task.
 * Owns tables runs, message_chunks; does not own threads and messages. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "llm/llm.h"
#include "op/sink.h"
#include "run/message.h"
#include "run/reducer.h"

struct runs; /* one a process, app->runs */
struct run;

/* Names of a run; what a row has. */
struct run_ref {
    struct str workspace_id, organization_id, run_id;
    struct str user_id;    /* on whose behalf */
    struct str thread_id;  /* absent: none; then nobody can come back to it */
    struct str message_id; /* of the answer; what clients know it by */
    int64_t epoch;
    int turn; /* admissions before this owner: a run that goes on after a question */
};

/* What it came to so far, all turns together. */
struct run_bill {
    struct llm_usage usage;
    int64_t cost_nanousd;
    enum cost_basis basis; /* the least certain of its calls */
    bool unpriced;
    int calls;
    struct str provider, model, key_source; /* of the last call */
};

/* How a run ends, or begins to wait: what its kind keeps. */
struct run_outcome {
    const struct run_ref *ref;
    enum run_state state; /* DONE, STOPPED, FAILED, INTERRUPTED, AWAITING */
    enum run_reason reason;
    struct str sentence; /* what went wrong, for people; absent: nothing */
    const struct message *message;
    const struct run_bill *bill; /* NULL: not known (the owner was lost); what was kept stays */
};

struct run_kind {
    const char *name;           /* "chat": runs.kind */
    const char *operation_type; /* of the ledger */
    /* In a read: the request of the next turn, from the rows and the message so far. */
    enum err (*request)(struct cx *cx, struct run *r, struct llm_request *ret);
    /* Is the tool answered by a person? Pure. */
    bool (*asks)(struct str tool);
    /* On the run's loop: runs the tool of that part, and calls run_tool_done once, now or later. */
    void (*tool)(struct run *r, int part);
    /* Inside the write that ends the run, or lets it wait; at READ COMMITTED on PostgreSQL: hot
     * statements only. Also for runs whose owner was lost. */
    enum err (*keep)(struct cx *cx, const struct run_outcome *o);
    /* Inside the write that ends a run whose owner was lost: what was kept of its message when it
     * last waited, if it did. */
    enum err (*load)(struct cx *cx, const struct run_ref *ref, struct message *into);
    void (*release)(void *data); /* NULL is fine */
};

struct runs *runs_new(struct app *app, const struct run_kind *const *kinds, size_t count);
/* Before serving: ends what an earlier process of this folder left open (SQLite: everything is; the
 * lock says so), and starts watching for owners that are lost (PostgreSQL). */
enum err runs_start(struct runs *rs);
/* Marks what still runs as interrupted, and waits until it is written, `timeout_ms` at most. Loops
 * still run. */
void runs_stop(struct runs *rs, int64_t timeout_ms);
void runs_free(struct runs *rs); /* after the loops have stopped; NULL is fine */
void runs_metrics(struct buf *out, void *runs);

/* ---- beginning: on a worker thread ---- */

struct run_spec {
    const struct run_kind *kind;
    void *data;                  /* the kind's; kind->release frees it with the run */
    struct principal principal;  /* copied: its tools act as */
    struct run_ref ref;          /* copied */
    struct message *message;     /* to go on with; the run's from now on. NULL: a new one */
    struct str bill_json;        /* of what it has said before, as kept; absent: nothing */
    struct credential_wish wish; /* copied: of later turns */
    struct loop *loop;           /* where its first reader sits; NULL: the next one in turn */
};
/* One reference, the caller's. */
struct run *run_new(struct app *app, const struct run_spec *s);
/* Inside the write that begins it: its row (state CALLING). */
enum err run_row_add(struct cx *cx, const struct run *r);
/* Inside the write that lets it go on after AWAITING: this process becomes its owner. CONFLICT when
 * it does not wait. */
enum err run_row_resume(struct cx *cx, const struct run *r);
/* Inside a read: where a run that waits stands. CONFLICT when it does not wait. */
enum err run_row_waiting(struct cx *cx, struct str run_id, int64_t *ret_epoch, int *ret_turn);
/* Inside that write, last, after llm_call_admit: the request may leave while the commit is under
 * way. The call is the run's from now on. May be said again by a repeated write. */
void run_launch(struct run *r, struct llm_call *c);
/* After the write: what came of it. `call` is the one admitted, also when it was not launched. */
void run_begun(struct run *r, struct llm_call *c, enum err result);

/* ---- while it runs: any thread ---- */

/* One reference, or NULL: no such run in this process. */
struct run *runs_find(struct runs *rs, struct str workspace_id, struct str run_id);
void run_unref(struct run *r); /* NULL is fine */
/* `sink` gets all from the start, or what came after counter `after`. Takes a reference of it. */
void run_attach(struct run *r, struct sink *sink, int64_t after);
void run_stop(struct run *r, enum run_reason why);

/* ---- for kinds ---- */
struct app *run_app(const struct run *r);
struct loop *run_loop(const struct run *r);
void *run_data(const struct run *r);
const struct principal *run_principal(const struct run *r);
const struct run_ref *run_refs(const struct run *r);
struct message *run_message(struct run *r);
struct run *run_hold(struct run *r); /* another reference */
/* On the run's loop. `json`: the output; or, when it failed, a sentence for the model. */
void run_tool_done(struct run *r, int part, bool ok, struct str json);
/* The bill as data-usage has it, and as messages.usage keeps it; and back, texts in the arena. */
void run_bill_json(const struct run_bill *b, struct buf *out);
void run_bill_read(struct arena *a, struct str json, struct run_bill *ret);

/* ---- the stream of a message that has ended: for who asks again ---- */
struct run_told {
    struct str message_id, parts_json;
    struct str usage_json; /* absent: none */
    enum run_state state;  /* how it ended, or that it waits */
};
/* False: the parts are damaged, and nothing is attached. */
bool run_tell_ended(struct app *app, struct sink *sink, const struct run_told *t);

#endif
