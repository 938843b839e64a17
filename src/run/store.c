/* Goals: each transition is one write by the run's owner: settlement, the run's row, what its kind
 * keeps, the end of the journal, together or not at all. Invariants: a write that finds the run
 * with another owner changes nothing (STALE_CLAIM); the message is only read while a write is under
 * way. */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "db/db.h"
#include "run/run_sql.h"
#include "run/state.h"

/* ---- the bill ---- */

static void bill_add(struct run_bill *sum, const struct llm_bill *b, const struct credential *c,
                     struct arena *a)
{
    if (!b->settled)
        return;
    sum->usage.input_tokens += b->usage.input_tokens;
    sum->usage.output_tokens += b->usage.output_tokens;
    sum->usage.cache_read_tokens += b->usage.cache_read_tokens;
    sum->usage.cache_write_tokens += b->usage.cache_write_tokens;
    sum->cost_nanousd += b->cost_nanousd;
    sum->basis = b->basis > sum->basis ? b->basis : sum->basis;
    sum->unpriced |= b->unpriced;
    sum->calls++;
    sum->provider = str_copy(a, str_of(c->provider));
    sum->model = str_copy(a, str_of(c->model));
    sum->key_source = str_copy(a, str_of(c->key_source));
}

static const char *basis_name(enum cost_basis b)
{
    static const char *const names[] = { [COST_REPORTED] = "reported",
                                         [COST_ESTIMATED] = "estimated",
                                         [COST_WORST_CASE] = "worst_case",
                                         [COST_EXTERNAL] = "external" };
    return b ? names[b] : "reported";
}

/* Dollars with up to nine places, exactly. */
static void put_dollars(struct json_writer *w, int64_t nanousd)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%lld.%09lld", (long long)(nanousd / 1000000000),
                     (long long)(nanousd % 1000000000));
    while (n > 1 && text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    jw_raw(w, (struct str){ text, (size_t)n });
}

void run_bill_json(const struct run_bill *b, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w);
    jw_key_lit(&w, "inputTokens");
    jw_i64(&w, b->usage.input_tokens);
    jw_key_lit(&w, "outputTokens");
    jw_i64(&w, b->usage.output_tokens);
    jw_key_lit(&w, "cachedTokens");
    jw_i64(&w, b->usage.cache_read_tokens);
    jw_key_lit(&w, "cacheWriteTokens");
    jw_i64(&w, b->usage.cache_write_tokens);
    jw_key_lit(&w, "costUsd");
    if (b->unpriced)
        jw_null(&w);
    else
        put_dollars(&w, b->cost_nanousd);
    jw_key_lit(&w, "basis");
    jw_str(&w, str_of(basis_name(b->basis)));
    jw_key_lit(&w, "calls");
    jw_i64(&w, b->calls);
    jw_key_lit(&w, "provider");
    jw_str(&w, b->provider);
    jw_key_lit(&w, "model");
    jw_str(&w, b->model);
    jw_key_lit(&w, "keySource");
    jw_str(&w, b->key_source);
    jw_object_end(&w);
}

/* ---- the row ---- */

enum err run_row_add(struct cx *cx, const struct run *r)
{
    struct run_row_insert_in in = { .workspace_id = r->ref.workspace_id,
                                    .id = r->ref.run_id,
                                    .kind = str_of(r->kind->name),
                                    .thread_id = r->ref.thread_id,
                                    .message_id = r->ref.message_id,
                                    .user_id = r->ref.user_id,
                                    .node_id = str_of(r->app->node_id),
                                    .now = cx->now_ms };
    return run_row_insert(cx, &in, NULL);
}

enum err run_row_resume(struct cx *cx, const struct run *r)
{
    struct run_row_wake_in in = { .workspace_id = r->ref.workspace_id,
                                  .id = r->ref.run_id,
                                  .epoch = r->ref.epoch,
                                  .node_id = str_of(r->app->node_id),
                                  .now = cx->now_ms };
    int64_t changed;
    TRY(run_row_wake(cx, &in, &changed));
    if (changed != 1)
        FAIL(cx, CONFLICT, "This answer does not wait any more.");
    return OK;
}

enum err run_row_waiting(struct cx *cx, struct str run_id, int64_t *ret_epoch, int *ret_turn)
{
    struct run_row_find_in in = { .workspace_id = cx->principal.workspace_id, .id = run_id };
    struct run_row_find_row row;
    struct json data;
    struct json_fault fault;
    int64_t turn = 0;
    bool found;
    TRY(run_row_find(cx, &in, &row, &found));
    if (!found || !str_is(row.state, "AWAITING"))
        FAIL(cx, CONFLICT, "This answer does not wait any more.");
    if (json_parse(cx->arena, row.data, NULL, &data, &fault) != OK ||
        !json_to_i64(json_get(&data, "turn"), &turn))
        return cx_fault(cx, "run %.*s has no turn", STR_ARG(run_id));
    *ret_epoch = row.epoch;
    *ret_turn = (int)turn;
    return OK;
}

enum err run_state_keep(struct cx *cx, const struct run *r, enum run_state state,
                        enum run_reason reason)
{
    struct run_row_set_in in = { .workspace_id = r->ref.workspace_id,
                                 .id = r->ref.run_id,
                                 .epoch = r->ref.epoch,
                                 .state = str_of(run_state_name(state)),
                                 .reason = str_of(run_reason_name(reason)),
                                 .data = str_fmt(cx->arena, "{\"turn\":%d}", r->model.turn),
                                 .now = cx->now_ms };
    int64_t changed;
    if (run_state_ended(state))
        in.finished_at = db_some_int(cx->now_ms);
    TRY(run_row_set(cx, &in, &changed));
    if (changed != 1)
        FAIL(cx, STALE_CLAIM, "This run has another owner, or has ended.");
    return OK;
}

void run_bill_read(struct arena *a, struct str json, struct run_bill *ret)
{
    struct json j;
    struct json_fault fault;
    int64_t calls = 0;
    *ret = (struct run_bill){ 0 };
    if (!str_given(json) || json_parse(a, json, NULL, &j, &fault) != OK)
        return;
    json_to_i64(json_get(&j, "inputTokens"), &ret->usage.input_tokens);
    json_to_i64(json_get(&j, "outputTokens"), &ret->usage.output_tokens);
    json_to_i64(json_get(&j, "cachedTokens"), &ret->usage.cache_read_tokens);
    json_to_i64(json_get(&j, "cacheWriteTokens"), &ret->usage.cache_write_tokens);
    json_to_i64(json_get(&j, "calls"), &calls);
    ret->calls = (int)calls;
    double dollars;
    if (json_to_double(json_get(&j, "costUsd"), &dollars))
        ret->cost_nanousd = llround(dollars * 1e9); /* exact below four million */
    else
        ret->unpriced = calls > 0;
    for (int b = COST_REPORTED; b <= COST_EXTERNAL; b++)
        if (str_is(json_text(&j, "basis"), basis_name((enum cost_basis)b)))
            ret->basis = (enum cost_basis)b;
    ret->provider = json_text(&j, "provider");
    ret->model = json_text(&j, "model");
    ret->key_source = json_text(&j, "keySource");
}

/* ---- the writes ---- */

static enum err settle(struct cx *cx, struct run *r)
{
    struct llm_bill bill;
    r->writing.bill = r->bill;
    if (!r->call)
        return OK;
    TRY(llm_call_settle(cx, r->call, &bill));
    bill_add(&r->writing.bill, &bill, llm_call_credential(r->call), r->arena);
    return OK;
}

static enum err write_admit(struct cx *cx, struct run *r)
{
    TRY(run_state_keep(cx, r, RUN_CALLING, RUN_NO_REASON));
    return llm_call_admit(cx, r->call);
}

enum err run_keep(struct cx *cx, const struct run_kind *kind, const struct run_outcome *o)
{
    struct run_chunk_delete_in chunks = { .workspace_id = o->ref->workspace_id,
                                          .run_id = o->ref->run_id };
    struct run_outcome kept = *o;
    struct message *sentence = NULL;
    if (!o->message) {
        sentence = message_new(o->ref->message_id);
        int part = message_part_start(sentence, PART_TEXT, STR_NULL, STR_NULL);
        message_delta(sentence, part, STR(RUN_NOT_KEPT));
        message_part_end(sentence, part);
        kept.message = sentence;
    }
    enum err e = kind->keep(cx, &kept);
    message_free(sentence);
    TRY(e);
    return run_chunk_delete(cx, &chunks, NULL);
}

static enum err write_message(struct cx *cx, struct run *r, enum run_state state)
{
    if (r->keep_faults >= RUN_KEEP_TRIES)
        state = RUN_FAILED;
    struct run_outcome o = { .ref = &r->ref,
                             .state = state,
                             .reason = r->model.reason,
                             .sentence = r->sentence[0] ? str_of(r->sentence) : STR_NULL,
                             .message = r->keep_faults < RUN_KEEP_TRIES ? r->message : NULL,
                             .bill = &r->writing.bill };
    TRY(run_state_keep(cx, r, state, r->model.reason));
    return run_keep(cx, r->kind, &o);
}

static enum err write_in_tx(struct cx *cx, void *arg)
{
    struct run *r = arg;
    switch (r->writing.which) {
    case RUN_WRITE_ADMIT:
        return write_admit(cx, r);
    case RUN_WRITE_TURN:
        TRY(settle(cx, r));
        return run_state_keep(cx, r, RUN_TOOLS, RUN_NO_REASON);
    case RUN_WRITE_WAIT:
        TRY(settle(cx, r));
        return write_message(cx, r, RUN_AWAITING);
    case RUN_WRITE_END:
        TRY(settle(cx, r));
        return write_message(cx, r, run_end_state(&r->model));
    default:
        return cx_fault(cx, "no such write of a run");
    }
}

bool run_storage_refuses(enum err e)
{
    return e == ERR_STORAGE || e == ERR_OVERLOADED || e == ERR_QUOTA_EXCEEDED ||
           e == ERR_SHUTTING_DOWN;
}

/* Our fault, not the disk's: it is tried again, and then kept without what it said. */
static enum run_event_type keep_fault(struct run *r, enum err e)
{
    log_line(LOG_ERROR, "the message of a run could not be kept", log_s("run", r->ref.run_id),
             log_s("code", str_of(err_info(e)->code)),
             log_s("detail", r->writing.cx.failure.log_detail));
    if (++r->keep_faults == RUN_KEEP_TRIES)
        snprintf(r->sentence, sizeof r->sentence, "%s", RUN_NOT_KEPT);
    return RUN_WRITE_FAILED;
}

static void written_event(struct run *r, enum err e)
{
    struct run_event ev = { .type = RUN_WRITTEN };
    bool admission = r->writing.which == RUN_WRITE_ADMIT;
    if (run_storage_refuses(e))
        ev.type = RUN_WRITE_FAILED;
    else if (e != OK && !admission && e != ERR_STALE_CLAIM)
        ev.type = keep_fault(r, e);
    else if (e != OK)
        ev.type = RUN_WRITE_REFUSED;
    ev.reason = e == ERR_BUDGET_EXCEEDED ? RUN_BY_BUDGET
                : e == ERR_STALE_CLAIM   ? RUN_BY_SHUTDOWN
                                         : RUN_BY_PROVIDER;
    if (e != OK && admission && !r->sentence[0]) {
        r->failure = e;
        snprintf(r->sentence, sizeof r->sentence, "%.*s", STR_ARG(r->writing.cx.failure.message));
    }
    if (e == ERR_BUDGET_EXCEEDED && str_given(r->writing.cx.failure.details_json))
        message_data(r->message, "data-rate-limit", r->writing.cx.failure.details_json, true);
    run_event(r, &ev);
}

static void on_back(struct loop_msg *m)
{
    struct run *r = (struct run *)((char *)m - offsetof(struct run, writing.back));
    struct run_writing *w = &r->writing;
    enum err e = w->result;
    w->busy = false;
    if (e == OK && w->which != RUN_WRITE_ADMIT) {
        r->bill = w->bill;
        llm_call_free(r->call);
        r->call = NULL;
    }
    if (e == OK && w->which == RUN_WRITE_ADMIT)
        run_event(r, &(struct run_event){ .type = RUN_ADMITTED });
    written_event(r, e);
    if (!w->busy) {
        arena_free(w->arena);
        w->arena = NULL;
    }
    run_unref(r);
}

static void on_written(struct db_write *dw, enum err result)
{
    struct run *r = dw->arg;
    r->writing.result = result;
    r->writing.back.fn = on_back;
    loop_post(r->loop, &r->writing.back);
}

void run_write(struct run *r)
{
    struct run_writing *w = &r->writing;
    assert(!w->busy);
    r->write_waits = r->journal_busy; /* its end comes here again */
    if (r->write_waits)
        return;
    if (r->model.write != RUN_WRITE_TURN && r->model.write != RUN_WRITE_ADMIT &&
        r->model.write != RUN_WRITE_WAIT)
        message_close_open(r->message, r->model.reason == RUN_BY_SHUTDOWN
                                           ? STR("The server stopped before it answered.")
                                           : STR("It was stopped before it answered."));
    if (w->arena)
        arena_free(w->arena);
    w->arena = arena_new(0);
    w->which = r->model.write;
    w->busy = true;
    w->cx = (struct cx){ .arena = w->arena, .app = r->app, .now_ms = clock_wall_ms() };
    w->cx.principal = r->principal;
    w->write = (struct db_write){
        .cx = &w->cx, .fn = write_in_tx, .arg = r, .done = on_written, .read_committed = true
    };
    run_hold(r);
    db_write_submit(r->app->db, &w->write);
}
