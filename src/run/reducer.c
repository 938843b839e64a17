/* Goals: every order of events ends in one terminal write and one finish; nothing is told and no
 * tool runs before the admission is durable. Non-goals: what the effects do. Invariants: at most
 * one write is open, and it is handed in again only after it failed; after RUN_FX_FINISH no effect
 * comes; a call that was begun is settled by the next write that is no admission, and that one
 * waits until the call is over. */
#include "run/reducer.h"

#include <stddef.h>

static const char *const states[] = {
    [RUN_PREPARING] = "PREPARING", [RUN_CALLING] = "CALLING",
    [RUN_STREAMING] = "STREAMING", [RUN_TOOLS] = "TOOLS",
    [RUN_AWAITING] = "AWAITING",   [RUN_SETTLING] = "SETTLING",
    [RUN_DONE] = "DONE",           [RUN_STOPPED] = "STOPPED",
    [RUN_FAILED] = "FAILED",       [RUN_INTERRUPTED] = "INTERRUPTED",
};
static const char *const reasons[] = {
    [RUN_BY_USER] = "user",         [RUN_BY_BUDGET] = "budget", [RUN_BY_LIMIT] = "limit",
    [RUN_BY_PROVIDER] = "provider", [RUN_BY_FAULT] = "fault",   [RUN_BY_CLIENT] = "client",
    [RUN_BY_SHUTDOWN] = "shutdown",
};

const char *run_state_name(enum run_state s)
{
    return states[s];
}

const char *run_reason_name(enum run_reason r)
{
    return reasons[r];
}

bool run_state_ended(enum run_state s)
{
    return s >= RUN_DONE;
}

enum run_state run_end_state(const struct run_model *s)
{
    switch (s->reason) {
    case RUN_NO_REASON:
        return RUN_DONE;
    case RUN_BY_PROVIDER:
    case RUN_BY_FAULT:
        return RUN_FAILED;
    case RUN_BY_SHUTDOWN:
        return RUN_INTERRUPTED;
    default:
        return RUN_STOPPED;
    }
}

static unsigned hand_in(struct run_model *m, enum run_write w, enum run_state state)
{
    m->write = w;
    m->state = state;
    return RUN_FX_WRITE;
}

static void decide_end(struct run_model *m, enum run_reason reason)
{
    if (!m->stopping)
        m->reason = reason; /* the first one stays */
    m->stopping = true;
}

/* What comes next when nothing is under way. */
static unsigned advance(struct run_model *m)
{
    if (m->write != RUN_WRITE_NONE || m->call == RUN_CALL_UNDER_WAY)
        return 0; /* their ends come here again */
    int tools = m->tools_open + m->tools_asked;
    if (!m->stopping && m->call == RUN_CALL_OVER && tools > 0 && m->turn >= RUN_TURNS_MAX)
        decide_end(m, RUN_BY_LIMIT);
    if (m->stopping || (m->call == RUN_CALL_OVER && tools == 0))
        return hand_in(m, RUN_WRITE_END, RUN_SETTLING);
    if (m->call == RUN_CALL_OVER && m->tools_open > 0)
        return hand_in(m, RUN_WRITE_TURN, RUN_TOOLS);
    if (m->tools_open > 0)
        return 0; /* they are at work */
    if (m->tools_asked > 0)
        return hand_in(m, RUN_WRITE_WAIT, RUN_TOOLS);
    return hand_in(m, RUN_WRITE_ADMIT, RUN_PREPARING);
}

static unsigned on_admitted(struct run_model *m)
{
    if (m->write != RUN_WRITE_ADMIT || m->state != RUN_PREPARING)
        return 0; /* a repeated write says it again */
    m->turn++;
    m->state = RUN_CALLING;
    if (m->stopping)
        return 0; /* it never leaves; the terminal write gives the reservation back */
    m->call = RUN_CALL_UNDER_WAY;
    return RUN_FX_CALL;
}

static unsigned on_written(struct run_model *m)
{
    enum run_write w = m->write;
    m->write = RUN_WRITE_NONE;
    m->write_failed = false;
    switch (w) {
    case RUN_WRITE_ADMIT:
        return RUN_FX_TELL | advance(m);
    case RUN_WRITE_TURN:
        m->call = RUN_CALL_NONE;
        return (m->stopping ? 0 : RUN_FX_TOOLS) | advance(m);
    case RUN_WRITE_WAIT:
        m->call = RUN_CALL_NONE;
        if (m->stopping)
            return advance(m);
        m->state = RUN_AWAITING;
        return RUN_FX_FINISH;
    case RUN_WRITE_END:
        m->state = run_end_state(m);
        return RUN_FX_FINISH;
    default:
        return 0;
    }
}

static unsigned on_refused(struct run_model *m, enum run_reason reason)
{
    bool admission = m->write == RUN_WRITE_ADMIT, stopped = m->stopping;
    m->write = RUN_WRITE_NONE;
    m->write_failed = false;
    decide_end(m, reason);
    if (!admission) { /* another process has ended this run */
        m->state = RUN_INTERRUPTED;
        return RUN_FX_FINISH;
    }
    if (m->call != RUN_CALL_UNDER_WAY)
        return advance(m);
    return stopped ? 0 : RUN_FX_CANCEL; /* who stopped it has cancelled it */
}

static unsigned on_write_failed(struct run_model *m)
{
    if (m->write == RUN_WRITE_NONE)
        return 0;
    if (m->write == RUN_WRITE_ADMIT)
        return on_refused(m, RUN_BY_FAULT);
    m->write_failed = true;
    return RUN_FX_TRY_LATER;
}

static unsigned on_tick(struct run_model *m)
{
    if (!m->write_failed)
        return 0;
    m->write_failed = false;
    if (m->stopping)
        return hand_in(m, RUN_WRITE_END, RUN_SETTLING);
    return RUN_FX_WRITE;
}

static unsigned on_call_over(struct run_model *m, const struct run_event *e)
{
    if (m->call != RUN_CALL_UNDER_WAY)
        return 0;
    m->call = RUN_CALL_OVER;
    if (e->type == RUN_ANSWERED) {
        m->tools_open = e->tools;
        m->tools_asked = e->asked;
    } else {
        decide_end(m, e->reason);
    }
    return advance(m);
}

static unsigned on_tool_done(struct run_model *m)
{
    if (m->stopping || m->tools_open == 0 || m->call != RUN_CALL_NONE)
        return 0;
    m->tools_open--;
    return advance(m);
}

static unsigned on_stop(struct run_model *m, enum run_reason reason)
{
    if (m->stopping)
        return 0;
    decide_end(m, reason);
    return m->call == RUN_CALL_UNDER_WAY ? RUN_FX_CANCEL : advance(m);
}

static unsigned step(struct run_model *m, const struct run_event *e)
{
    switch (e->type) {
    case RUN_ADMITTED:
        return on_admitted(m);
    case RUN_WRITTEN:
        return m->write_failed ? 0 : on_written(m);
    case RUN_WRITE_REFUSED:
        return m->write == RUN_WRITE_NONE ? 0 : on_refused(m, e->reason);
    case RUN_WRITE_FAILED:
        return on_write_failed(m);
    case RUN_FIRST_BYTE:
        if (m->state == RUN_CALLING)
            m->state = RUN_STREAMING;
        return 0;
    case RUN_ANSWERED:
    case RUN_CALL_ENDED:
        return on_call_over(m, e);
    case RUN_TOOL_DONE:
        return on_tool_done(m);
    case RUN_STOP:
        return on_stop(m, e->reason);
    case RUN_TICK:
        return on_tick(m);
    }
    return 0;
}

void run_next(const struct run_model *s, const struct run_event *e, struct run_model *ret,
              unsigned *ret_effects)
{
    struct run_model m = *s;
    bool over = run_state_ended(s->state) || s->state == RUN_AWAITING;
    *ret_effects = over ? 0 : step(&m, e);
    *ret = m;
}
