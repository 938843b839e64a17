/* The run as a pure reducer: what happens next, and nothing done.
 *
 *   PREPARING → CALLING → STREAMING → (TOOLS → CALLING)* → SETTLING → DONE
 *   any → STOPPED (user, budget, limit) | FAILED (provider, internal) | INTERRUPTED (owner lost)
 *   TOOLS → AWAITING (a person is asked; survives restarts) → TOOLS
 *
 * Events come from the lanes, effects go to them (actor.c). At most one write is under way; a call
 * of the provider may be under way beside the write that admits it. Everything that arrives after
 * the end is swallowed. Pure. */
#ifndef RUN_REDUCER_H
#define RUN_REDUCER_H

#include <stdbool.h>
#include <stdint.h>

#define RUN_TURNS_MAX 25

enum run_state {
    RUN_PREPARING = 1,
    RUN_CALLING,
    RUN_STREAMING,
    RUN_TOOLS,
    RUN_AWAITING,
    RUN_SETTLING,
    RUN_DONE,
    RUN_STOPPED,
    RUN_FAILED,
    RUN_INTERRUPTED
};
enum run_reason {
    RUN_NO_REASON = 0,
    RUN_BY_USER,
    RUN_BY_BUDGET,
    RUN_BY_LIMIT,    /* turns, size */
    RUN_BY_PROVIDER, /* error, cut, refused */
    RUN_BY_FAULT,    /* ours */
    RUN_BY_CLIENT,   /* nobody reads, and nobody can come back */
    RUN_BY_SHUTDOWN
};
const char *run_state_name(enum run_state s);   /* "STREAMING" */
const char *run_reason_name(enum run_reason r); /* "user"; NULL for none */
bool run_state_ended(enum run_state s);         /* DONE, STOPPED, FAILED, INTERRUPTED */

enum run_call { RUN_CALL_NONE = 0, RUN_CALL_UNDER_WAY, RUN_CALL_OVER /* to be settled */ };
enum run_write {
    RUN_WRITE_NONE = 0,
    RUN_WRITE_ADMIT, /* the request may leave: state CALLING, the reservation */
    RUN_WRITE_TURN,  /* settles the call, keeps the turn: state TOOLS */
    RUN_WRITE_WAIT,  /* the same, and keeps the message: state AWAITING */
    RUN_WRITE_END    /* the terminal one: run_end_state() */
};
struct run_model {
    enum run_state state;
    enum run_reason reason; /* of the end that has been decided */
    enum run_call call;
    enum run_write write; /* under way, or failed and to be tried again */
    int turn;             /* admissions so far, 1 … */
    int tools_open;       /* server's tools of this turn that have not answered */
    int tools_asked;      /* tools of this turn that a person answers */
    bool write_failed;
    bool stopping; /* `reason` is set and the rest is being wound up */
};
/* As it is when the write that admits the first turn has been handed in. */
#define RUN_MODEL_NEW ((struct run_model){ .state = RUN_PREPARING, .write = RUN_WRITE_ADMIT })

enum run_event_type {
    RUN_ADMITTED = 1,  /* the write that admits the call has run; it is not yet durable */
    RUN_WRITTEN,       /* the write under way is durable */
    RUN_WRITE_REFUSED, /* it was refused: an admission by `reason`, another one because the run is
                          not ours any more */
    RUN_WRITE_FAILED,  /* the database cannot */
    RUN_FIRST_BYTE,
    RUN_ANSWERED,   /* the provider's answer is whole: `tools`, `asked` */
    RUN_CALL_ENDED, /* it is not whole, or was cancelled: `reason` */
    RUN_TOOL_DONE,  /* one of tools_open */
    RUN_STOP,       /* `reason` */
    RUN_TICK        /* time to try a failed write again */
};
struct run_event {
    enum run_event_type type;
    enum run_reason reason;
    int tools, asked;
};

enum run_effects {
    RUN_FX_CALL = 1,       /* send the request */
    RUN_FX_CANCEL = 2,     /* cut the provider's call; RUN_CALL_ENDED will come */
    RUN_FX_TELL = 4,       /* readers may have what this turn says: its admission is durable */
    RUN_FX_TOOLS = 8,      /* run the server's tools of this turn */
    RUN_FX_WRITE = 16,     /* hand in the write that `write` names */
    RUN_FX_TRY_LATER = 32, /* RUN_TICK in a second */
    RUN_FX_FINISH = 64 /* tell the end, let go of readers and of the run; nothing comes after it */
};

void run_next(const struct run_model *s, const struct run_event *e, struct run_model *ret,
              unsigned *ret_effects);
/* The state that RUN_FX_WRITE_END writes. */
enum run_state run_end_state(const struct run_model *s);

#endif
