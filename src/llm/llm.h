/* The only door to providers: admit the worst case, stream, settle what it came to.
 *
 *   llm_call_new      the request becomes bytes; what it can cost at most is known
 *   llm_call_admit    inside a write: the worst case is reserved, or BUDGET_EXCEEDED
 *   llm_call_start    on a loop, as soon as the admission has run; its events come there
 *   llm_call_settle   inside the write that ends the caller's step: ledger, snapshot, reservation
 *
 * A caller settles in the transaction of its own consequences, so that an answer and its cost exist
 * together. Refused and failed attempts are tried again (408, 409, 429, 5xx, twice, after what
 * retry-after says) only before the first byte of an answer. Each attempt that left is a ledger
 * row; one that never left costs nothing and has none, and when it is the last, what was reserved
 * is free again: those before it were refused. Of a call that was cut the provider's report is
 * missing: its input counts as the provider said, else as its bound, and its output as the bound
 * that the request set, so that the estimate is never below the bill and never above the
 * reservation.
 *
 * Owns table none; uses cost, credentials, the codecs (wire.h) and the offline assistant. */
#ifndef LLM_LLM_H
#define LLM_LLM_H

#include "cost/cost.h"
#include "llm/wire.h"
#include "net/loop.h"

#define LLM_OUTPUT_TOKENS_DEFAULT 4096
#define LLM_ATTEMPTS_MAX 3

/* One a process, app->llm: which servers refuse stream_options. */
struct llm;
struct llm *llm_new(void);
void llm_free(struct llm *l); /* NULL is fine */

struct llm_call;
struct llm_spec {
    const char *operation_type;    /* of the ledger: "chat" … */
    struct str user_id;            /* absent: autonomous */
    struct str thread_id, run_id;  /* absent: none */
    struct str agent_task_id;      /* absent: none */
    struct credential *credential; /* the call's from now on, also when this fails */
};
/* Everything is copied; the request is not needed afterwards. */
enum err llm_call_new(struct cx *cx, const struct llm_spec *s, const struct llm_request *rq,
                      struct llm_call **ret);
/* Inside a write, which may be read_committed and may be run again. */
enum err llm_call_admit(struct cx *cx, struct llm_call *c);

struct llm_end {
    bool whole; /* the answer is there to its end */
    bool cancelled;
    enum err code; /* when not whole: UPSTREAM, UPSTREAM_TIMEOUT, PROVIDER_NOT_CONFIGURED … */
    const char *sentence;   /* for people, when not whole; the call's */
    enum llm_finish finish; /* when whole */
};
struct llm_events {
    void (*on_event)(void *arg, const struct llm_event *e);
    /* What has come so far has been reported: a good moment to pass it on. */
    void (*on_batch)(void *arg);
    void (*on_end)(void *arg, const struct llm_end *end); /* once, last, later than start */
};
/* On the loop's thread, once. `events` must stay. */
void llm_call_start(struct llm_call *c, struct app *app, struct loop *l,
                    const struct llm_events *events, void *arg);
/* On the loop's thread, between start and on_end, which comes with `cancelled`. */
void llm_call_cancel(struct llm_call *c);
void llm_call_pause(struct llm_call *c, bool paused);

/* What it came to, for who pays. */
struct llm_bill {
    struct llm_usage usage;
    int64_t cost_nanousd;
    enum cost_basis basis;
    bool unpriced;
    bool settled; /* false: the last attempt never left; nothing is paid */
};
/* Inside a write, after on_end or when it was never started. May be run again. */
enum err llm_call_settle(struct cx *cx, struct llm_call *c, struct llm_bill *ret);
const struct credential *llm_call_credential(const struct llm_call *c);
/* After on_end, or never started. NULL is fine. */
void llm_call_free(struct llm_call *c);

#endif
