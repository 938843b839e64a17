/* Goals: carry out what the reducer says, each effect in its lane; turn what the provider streams
 * into parts of the message. Non-goals: what comes next (reducer.c), what is written (store.c).
 * Invariants: everything here runs on the run's loop, but run_launch, run_begun, run_stop and the
 * job that makes the next request, which hand over by message; the message grows only while the
 * provider's call or tools are under way, so that the writer may read it during a write. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "net/pool.h"
#include "run/state.h"

enum { TOOLS_A_TURN_MAX = 32, RETRY_MS = 1000 };

static void say(struct run *r, enum err code, struct str sentence)
{
    if (r->sentence[0])
        return;
    r->failure = code;
    snprintf(r->sentence, sizeof r->sentence, "%.*s", STR_ARG(sentence));
}

/* ---- the provider's events ---- */

static int part_of(struct run *r, int block)
{
    return block >= 0 && block < RUN_BLOCKS_MAX ? r->blocks[block] - 1 : -1;
}

static int part_begin(struct run *r, const struct llm_event *e, enum part_type type)
{
    int part = part_of(r, e->block);
    if (part >= 0 || e->block < 0 || e->block >= RUN_BLOCKS_MAX)
        return part;
    part = message_part_start(r->message, type, e->call_id, e->name);
    r->blocks[e->block] = (int16_t)(part + 1);
    return part;
}

static void too_large(struct run *r)
{
    say(r, ERR_PAYLOAD_TOO_LARGE, STR("The answer is larger than a message may be."));
    run_event(r, &(struct run_event){ .type = RUN_STOP, .reason = RUN_BY_LIMIT });
}

static void add_text(struct run *r, const struct llm_event *e, enum part_type type)
{
    int part = part_begin(r, e, type);
    if (part < 0 || message_part(r->message, (size_t)part)->closed ||
        !message_delta(r->message, part, e->text))
        too_large(r);
}

/* Two calls of one id, or an id that was there before: the second gets one of ours. */
static void begin_tool(struct run *r, const struct llm_event *e)
{
    struct llm_event named = *e;
    char made[80];
    if (!e->call_id.len || message_tool_find(r->message, e->call_id) >= 0) {
        snprintf(made, sizeof made, "call_%d_%d", r->model.turn, e->block);
        named.call_id = str_of(made);
    }
    if (part_begin(r, &named, PART_TOOL) < 0)
        too_large(r);
}

static void end_block(struct run *r, int block)
{
    int part = part_of(r, block);
    if (part < 0)
        return;
    const struct part *p = message_part(r->message, (size_t)part);
    if (p->type != PART_TOOL && !p->closed)
        message_part_end(r->message, part);
}

static void on_llm_event(void *arg, const struct llm_event *e)
{
    struct run *r = arg;
    int part;
    if (r->model.stopping)
        return;
    switch (e->type) {
    case LLM_EVENT_TEXT:
        add_text(r, e, PART_TEXT);
        break;
    case LLM_EVENT_REASONING:
        add_text(r, e, PART_REASONING);
        break;
    case LLM_EVENT_SIGNATURE:
    case LLM_EVENT_REDACTED:
        part = part_begin(r, e, PART_REASONING);
        if (part < 0 ||
            !message_signature(r->message, part, e->text, e->type == LLM_EVENT_REDACTED))
            too_large(r);
        break;
    case LLM_EVENT_TOOL_START:
        begin_tool(r, e);
        break;
    case LLM_EVENT_TOOL_ARGUMENTS:
        part = part_of(r, e->block);
        if (part < 0 || !message_delta(r->message, part, e->text))
            too_large(r);
        break;
    case LLM_EVENT_BLOCK_END:
        end_block(r, e->block);
        break;
    case LLM_EVENT_USAGE:
    case LLM_EVENT_FINISH:
        break;
    }
}

static void on_llm_batch(void *arg)
{
    struct run *r = arg;
    run_hold(r);
    if (r->model.state == RUN_CALLING)
        run_event(r, &(struct run_event){ .type = RUN_FIRST_BYTE });
    readers_pump(r);
    journal_hint(r);
    run_unref(r);
}

/* ---- the end of the provider's answer ---- */

/* Arguments that are no object are an error that the model sees. */
static bool close_tool(struct run *r, int part)
{
    const struct part *p = message_part(r->message, (size_t)part);
    struct arena *a = arena_new(0);
    struct json j;
    struct json_fault fault;
    struct buf canonical;
    buf_init(&canonical, NULL, MESSAGE_BYTES_MAX);
    struct str input = p->text.len ? buf_str(&p->text) : STR("{}");
    bool good = json_parse(a, input, NULL, &j, &fault) == OK && j.type == JSON_OBJECT;
    if (!good)
        input = STR("{}");
    buf_put_str(&canonical, input); /* `input` points into what is being replaced */
    message_tool_input(r->message, part, buf_str(&canonical));
    buf_release(&canonical);
    arena_free(a);
    if (!good)
        message_tool_error(r->message, part, STR("The arguments are not a JSON object."));
    return good;
}

static void count_tools(struct run *r, struct run_event *e)
{
    int seen = 0;
    for (size_t i = (size_t)r->turn_first_part; i < message_part_count(r->message); i++) {
        const struct part *p = message_part(r->message, i);
        if (p->type != PART_TOOL)
            continue;
        bool good = close_tool(r, (int)i);
        if (good && ++seen > TOOLS_A_TURN_MAX) {
            message_tool_error(r->message, (int)i, STR("Too many tools at once; 32 at most."));
            good = false;
        }
        if (good && r->kind->asks && r->kind->asks(str_of(p->name)))
            e->asked++;
        else
            e->tools++;
    }
}

static enum run_reason reason_of(const struct llm_end *end)
{
    return end->cancelled ? RUN_BY_USER : RUN_BY_PROVIDER;
}

static void on_llm_end(void *arg, const struct llm_end *end)
{
    struct run *r = arg;
    struct run_event e = { .type = end->whole ? RUN_ANSWERED : RUN_CALL_ENDED };
    run_hold(r);
    if (end->whole && !r->model.stopping) {
        for (int b = 0; b < RUN_BLOCKS_MAX; b++)
            end_block(r, b);
        count_tools(r, &e);
        if (end->finish == LLM_FINISH_LENGTH)
            message_data(r->message, "data-notice",
                         STR("{\"text\":\"The answer reached the limit of its length.\"}"), false);
    } else if (!end->whole) {
        e.reason = reason_of(end);
        if (!end->cancelled)
            say(r, end->code, str_of(end->sentence));
    }
    run_event(r, &e);
    readers_pump(r);
    run_unref(r);
}

static const struct llm_events llm_events = { on_llm_event, on_llm_batch, on_llm_end };

/* ---- tools ---- */

void run_tool_done(struct run *r, int part, bool ok, struct str json)
{
    run_hold(r);
    if (!r->model.stopping && r->model.state == RUN_TOOLS &&
        message_part(r->message, (size_t)part)->tool == TOOL_INPUT_AVAILABLE) {
        bool kept = ok ? message_tool_output(r->message, part, json)
                       : message_tool_error(r->message, part, json);
        if (!kept)
            too_large(r);
    }
    run_event(r, &(struct run_event){ .type = RUN_TOOL_DONE });
    readers_pump(r);
    journal_hint(r);
    run_unref(r);
}

static void start_tools(struct run *r)
{
    size_t end = message_part_count(r->message);
    run_hold(r);
    for (size_t i = (size_t)r->turn_first_part; i < end && r->model.state == RUN_TOOLS; i++) {
        const struct part *p = message_part(r->message, i);
        if (p->type != PART_TOOL)
            continue;
        if (p->tool == TOOL_OUTPUT_ERROR) /* refused already: it only counts */
            run_tool_done(r, (int)i, false, STR_NULL);
        else if (p->tool == TOOL_INPUT_AVAILABLE &&
                 !(r->kind->asks && r->kind->asks(str_of(p->name))))
            r->kind->tool(r, (int)i);
    }
    run_unref(r);
}

/* ---- the next turn ---- */

static enum err make_request(struct cx *cx, void *arg)
{
    struct run *r = arg;
    struct llm_request rq = { .max_output_tokens = LLM_OUTPUT_TOKENS_DEFAULT };
    struct credential *credential;
    TRY(r->kind->request(cx, r, &rq));
    TRY(credentials_resolve(cx, &r->wish, &credential));
    struct llm_spec s = { .operation_type = r->kind->operation_type,
                          .user_id = r->ref.user_id,
                          .thread_id = r->ref.thread_id,
                          .run_id = r->ref.run_id,
                          .credential = credential };
    return llm_call_new(cx, &s, &rq, &r->prepared);
}

static void on_prepared(struct loop_msg *m)
{
    struct run *r = (struct run *)((char *)m - offsetof(struct run, prepared_msg));
    if (r->prepare_result == OK) {
        assert(!r->call);
        r->call = r->prepared;
        r->prepared = NULL;
        run_write(r);
    } else {
        say(r, r->prepare_result, r->prepare_cx.failure.message);
        run_event(r, &(struct run_event){ .type = RUN_WRITE_REFUSED, .reason = RUN_BY_PROVIDER });
    }
    arena_free(r->prepare_cx.arena);
    run_unref(r);
}

static void on_prepare_job(struct pool_job *j)
{
    struct run *r = (struct run *)((char *)j - offsetof(struct run, prepare_job));
    r->prepare_result = db_read(&r->prepare_cx, make_request, r);
    r->prepared_msg.fn = on_prepared;
    loop_post(r->loop, &r->prepared_msg);
}

static void prepare(struct run *r)
{
    message_step_end(r->message);
    r->turn_first_part = (int)message_part_count(r->message);
    memset(r->blocks, 0, sizeof r->blocks);
    r->telling = false;
    r->prepare_cx = (struct cx){ .arena = arena_new(0), .app = r->app, .now_ms = clock_wall_ms() };
    r->prepare_cx.principal = r->principal;
    r->prepare_job.fn = on_prepare_job;
    run_hold(r);
    if (pool_submit(r->app->workers, &r->prepare_job))
        return;
    arena_free(r->prepare_cx.arena);
    run_unref(r);
    say(r, ERR_OVERLOADED, STR("The server is busy; try again in a moment."));
    run_event(r, &(struct run_event){ .type = RUN_WRITE_REFUSED, .reason = RUN_BY_FAULT });
}

/* ---- the end ---- */

const char *run_finish_reason(enum run_state state, enum run_reason reason)
{
    switch (state) {
    case RUN_AWAITING:
        return "tool-calls";
    case RUN_DONE:
        return "stop";
    case RUN_STOPPED:
        return reason == RUN_BY_LIMIT ? "length" : "other";
    default:
        return "error";
    }
}

static void tell_end(struct run *r)
{
    struct buf bill;
    buf_init(&bill, NULL, 4096);
    message_step_end(r->message);
    if (r->bill.calls) {
        run_bill_json(&r->bill, &bill);
        message_data(r->message, "data-usage", buf_str(&bill), false);
    }
    if (r->sentence[0])
        message_error(r->message, str_of(r->sentence));
    else if (r->model.state == RUN_INTERRUPTED)
        message_error(r->message, STR("The server stopped; what was said so far is kept."));
    else if (r->model.reason == RUN_BY_USER)
        message_abort(r->message);
    enum run_state state = r->keep_faults < RUN_KEEP_TRIES ? r->model.state : RUN_FAILED;
    message_finish(r->message, run_finish_reason(state, r->model.reason),
                   bill.len ? buf_str(&bill) : STR_NULL);
    buf_release(&bill);
}

static void finish(struct run *r)
{
    journal_unwatch(r);
    loop_timer_cancel(r->retry);
    r->retry = NULL;
    if (r->lonely) {
        loop_timer_cancel(r->lonely);
        r->lonely = NULL;
        run_unref(r);
    }
    tell_end(r);
    readers_finish(r);
    runs_remove(r);
}

/* ---- effects ---- */

static void on_retry(void *arg)
{
    struct run *r = arg;
    r->retry = NULL;
    run_event(r, &(struct run_event){ .type = RUN_TICK });
}

static void begin_call(struct run *r)
{
    message_step_start(r->message);
    r->turn_first_part = (int)message_part_count(r->message);
    journal_watch(r);
    llm_call_start(r->call, r->app, r->loop, &llm_events, r);
}

static void carry_out(struct run *r, unsigned fx)
{
    if (fx & RUN_FX_CALL)
        begin_call(r);
    if (fx & RUN_FX_CANCEL)
        llm_call_cancel(r->call);
    if (fx & RUN_FX_TELL) {
        r->telling = true;
        readers_pump(r);
    }
    if (fx & RUN_FX_TOOLS)
        start_tools(r);
    if (fx & RUN_FX_WRITE && r->model.write == RUN_WRITE_ADMIT)
        prepare(r);
    else if (fx & RUN_FX_WRITE)
        run_write(r);
    if (fx & RUN_FX_TRY_LATER && !r->retry)
        r->retry = loop_timer_start(r->loop, RETRY_MS, on_retry, r);
    if (fx & RUN_FX_FINISH)
        finish(r);
}

void run_event(struct run *r, const struct run_event *e)
{
    struct run_model next;
    unsigned fx;
    assert(loop_current() == r->loop);
    run_hold(r);
    run_next(&r->model, e, &next, &fx);
    r->model = next;
    carry_out(r, fx);
    run_unref(r);
}

/* ---- the first admission, from other threads ---- */

static void on_launch(struct loop_msg *m)
{
    struct run *r = (struct run *)((char *)m - offsetof(struct run, launch_msg));
    struct llm_call *c = atomic_load(&r->launched);
    if (c && !r->call) {
        r->call = c;
        run_event(r, &(struct run_event){ .type = RUN_ADMITTED });
    }
    run_unref(r);
}

void run_launch(struct run *r, struct llm_call *c)
{
    if (atomic_exchange(&r->launch_posted, true))
        return; /* a repeated write: it has left already */
    atomic_store(&r->launched, c);
    r->launch_msg.fn = on_launch;
    run_hold(r);
    loop_post(r->loop, &r->launch_msg);
}

static void on_begun(struct loop_msg *m)
{
    struct run *r = (struct run *)((char *)m - offsetof(struct run, begun_msg));
    if (!r->call)
        r->call = r->begun_call;
    if (r->begun_result == OK) {
        run_event(r, &(struct run_event){ .type = RUN_WRITTEN });
    } else if (r->model.call == RUN_CALL_NONE) {
        /* Nothing of it exists, and nobody reads: it just goes. */
        r->model.state = RUN_FAILED;
        journal_unwatch(r);
        runs_remove(r);
    } else {
        run_event(r, &(struct run_event){ .type = RUN_WRITE_REFUSED, .reason = RUN_BY_FAULT });
    }
    run_unref(r);
}

void run_begun(struct run *r, struct llm_call *c, enum err result)
{
    r->begun_call = c;
    r->begun_result = result;
    r->begun_msg.fn = on_begun;
    run_hold(r);
    loop_post(r->loop, &r->begun_msg);
}

/* ---- stopping, from any thread ---- */

static void on_stop(struct loop_msg *m)
{
    struct run *r = (struct run *)((char *)m - offsetof(struct run, stop_msg));
    enum run_reason why = (enum run_reason)atomic_load(&r->stop_reason);
    run_event(r, &(struct run_event){ .type = RUN_STOP, .reason = why });
    readers_pump(r);
    run_unref(r);
}

void run_stop(struct run *r, enum run_reason why)
{
    int none = RUN_NO_REASON;
    if (!atomic_compare_exchange_strong(&r->stop_reason, &none, (int)why))
        return;
    r->stop_msg.fn = on_stop;
    run_hold(r);
    loop_post(r->loop, &r->stop_msg);
}
