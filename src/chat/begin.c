/* Goals: one question makes one run, whatever is sent twice; what is stored before the provider is
 * asked is one write: thread, question, run, reservation. Non-goals: the conversation's text
 * (prompt.c). Invariants: the thread's row decides who may begin; a request that is repeated
 * attaches to what it began; nothing a client says counts as an answer of a tool but to the two
 * that ask. */
#include "chat/begin.h"

#include <stdlib.h>

#include "base/app.h"
#include "base/cuid.h"
#include "base/fold.h"
#include "chat/chat_sql.h"
#include "run/relay.h"

/* What the database says about the request. */
enum what {
    ASK_NEW = 1, /* a question to answer */
    ASK_AGAIN,   /* regenerate: what comes after `from_seq` is superseded */
    ASK_ON,      /* answers to what a run asked: it goes on */
    ASK_RUNNING, /* this question is being answered */
    ASK_ENDED    /* it has been answered */
};

struct begin {
    struct cx *cx;
    const struct chat_ask *ask;
    enum what what;
    struct chat_thread_find_row thread;
    bool thread_exists;
    struct str thread_id, run_id, message_id;
    int64_t from_seq;          /* ASK_AGAIN: first superseded */
    int64_t question_seq;      /* ASK_AGAIN: of the question before it; 0: there is none */
    struct str waiting_run_id; /* a run that waited, and is denied */
    struct str waiting_parts;  /* its message's parts, closed */
    struct str waiting_id, waiting_provider, waiting_usage;
    struct chat_message_of_run_row ended;
    struct message *message; /* ASK_ON: goes on */
    struct str answered_parts, answered_content, answered_provider, answered_usage; /* with it */
    int64_t epoch;
    int turn;
    struct chat_data *data;
    struct llm_call *call;
    struct run *run;
};

static const struct ui_message *last_message(const struct chat_ask *ask)
{
    return ask->message_count ? &ask->messages[ask->message_count - 1] : NULL;
}

/* ---- looking: what is there ---- */

static enum err find_message(struct begin *b, struct str client_id,
                             struct chat_message_find_row *ret, bool *ret_found)
{
    struct chat_message_find_in in = { .workspace_id = b->cx->principal.workspace_id,
                                       .thread_id = b->thread.id,
                                       .client_id = client_id };
    if (!str_given(client_id)) {
        *ret_found = false;
        return OK;
    }
    return chat_message_find(b->cx, &in, ret, ret_found);
}

static enum err newest_before(struct begin *b, int64_t seq, struct chat_message_last_row *ret,
                              bool *ret_found)
{
    struct chat_message_last_in in = { .workspace_id = b->cx->principal.workspace_id,
                                       .thread_id = b->thread.id,
                                       .before = seq,
                                       .limit = 1 };
    struct chat_message_last_row *rows;
    size_t count;
    TRY(chat_message_last(b->cx, &in, &rows, &count));
    *ret_found = count == 1;
    if (count)
        *ret = rows[0];
    return OK;
}

static enum err run_active(struct begin *b)
{
    FAIL(b->cx, RUN_ACTIVE, "This thread is being answered; wait for it, or stop it first.");
}

/* The question was stored before: the same request once more. */
static enum err look_repeated(struct begin *b, const struct chat_message_find_row *m)
{
    struct chat_message_of_run_in in = { .workspace_id = b->cx->principal.workspace_id,
                                         .thread_id = b->thread.id,
                                         .run_id = m->run_id };
    bool found = false;
    if (str_given(b->thread.active_run_id)) {
        if (!str_given(m->run_id) || !str_eq(m->run_id, b->thread.active_run_id))
            return run_active(b);
        b->what = ASK_RUNNING;
        b->run_id = b->thread.active_run_id;
        return OK;
    }
    if (str_given(m->run_id))
        TRY(chat_message_of_run(b->cx, &in, &b->ended, &found));
    if (!found)
        FAIL(b->cx, CONFLICT, "A message with this id is in the thread already.");
    b->what = ASK_ENDED;
    return OK;
}

/* What comes after denies what still waits for an answer. */
static enum err look_waiting(struct begin *b, const struct chat_message_last_row *m)
{
    struct message *waiting;
    struct buf parts;
    if (!str_is(m->status, "AWAITING") || !str_given(m->run_id))
        return OK;
    waiting = message_new(m->client_id);
    if (message_load(waiting, m->parts, m->provider_data))
        message_close_open(waiting, STR("The user asked something else instead."));
    buf_init(&parts, b->cx->arena, 4 * MESSAGE_BYTES_MAX);
    message_parts_json(waiting, &parts);
    message_free(waiting);
    b->waiting_run_id = m->run_id;
    b->waiting_id = m->client_id;
    b->waiting_parts = buf_str(&parts);
    b->waiting_provider = m->provider_data;
    b->waiting_usage = m->usage;
    return OK;
}

static enum err look_new(struct begin *b)
{
    struct chat_message_find_row found;
    struct chat_message_last_row newest;
    bool there;
    b->what = ASK_NEW;
    if (!b->thread_exists)
        return OK;
    TRY(find_message(b, last_message(b->ask)->id, &found, &there));
    if (there)
        return look_repeated(b, &found);
    if (str_given(b->thread.active_run_id))
        return run_active(b);
    TRY(newest_before(b, INT64_MAX, &newest, &there));
    return there ? look_waiting(b, &newest) : OK;
}

/* The same request once more: what it named is superseded, and its question is being answered. */
static enum err look_regenerating(struct begin *b)
{
    struct chat_message_find_row m;
    struct chat_message_last_row newest;
    bool there = false;
    if (str_given(b->ask->regenerate_id))
        TRY(find_message(b, b->ask->regenerate_id, &m, &there));
    if (!there || (!m.superseded_at.given && !str_is(m.role, "user")))
        return run_active(b);
    TRY(newest_before(b, INT64_MAX, &newest, &there));
    if (!there || !str_is(newest.role, "user") || newest.seq > m.seq ||
        !str_eq(newest.run_id, b->thread.active_run_id))
        return run_active(b);
    b->what = ASK_RUNNING;
    b->run_id = b->thread.active_run_id;
    return OK;
}

/* What the answers from from_seq on answered, and what of them waits. */
static enum err look_superseded(struct begin *b)
{
    struct chat_message_last_row m;
    bool there;
    TRY(newest_before(b, b->from_seq, &m, &there));
    if (there && str_is(m.role, "user"))
        b->question_seq = m.seq;
    TRY(newest_before(b, INT64_MAX, &m, &there));
    return there && m.seq >= b->from_seq ? look_waiting(b, &m) : OK;
}

static enum err look_again(struct begin *b)
{
    struct chat_message_find_row m;
    struct chat_message_last_row newest;
    bool there;
    if (!b->thread_exists)
        FAIL(b->cx, NOT_FOUND, "There is no such thread.");
    if (str_given(b->thread.active_run_id))
        return look_regenerating(b);
    b->what = ASK_AGAIN;
    if (str_given(b->ask->regenerate_id)) {
        TRY(find_message(b, b->ask->regenerate_id, &m, &there));
        if (!there || m.superseded_at.given)
            FAIL(b->cx, NOT_FOUND, "There is no such message in this thread.");
        b->from_seq = str_is(m.role, "user") ? m.seq + 1 : m.seq;
        return look_superseded(b);
    }
    TRY(newest_before(b, INT64_MAX, &newest, &there));
    if (!there)
        FAIL(b->cx, CONFLICT, "There is nothing to answer in this thread.");
    b->from_seq = str_is(newest.role, "user") ? newest.seq + 1 : newest.seq;
    return look_superseded(b);
}

/* Takes the answers over into the waiting message; all that were asked must be there. */
static enum err take_answers(struct begin *b)
{
    struct ui_answer answers[UI_ANSWERS_MAX];
    size_t count = ui_answers(b->cx, last_message(b->ask)->source, answers);
    for (size_t i = 0; i < count; i++) {
        int part = message_tool_find(b->message, answers[i].call_id);
        if (part < 0)
            continue;
        const struct part *p = message_part(b->message, (size_t)part);
        if (p->tool != TOOL_INPUT_AVAILABLE || !chat_tool_asks(str_of(p->name)))
            continue;
        if (answers[i].failed)
            message_tool_error(b->message, part, answers[i].output);
        else
            message_tool_output(b->message, part, answers[i].output);
    }
    for (size_t i = 0; i < message_part_count(b->message); i++) {
        const struct part *p = message_part(b->message, i);
        if (p->type == PART_TOOL && p->tool <= TOOL_INPUT_AVAILABLE) {
            cx_field_error(b->cx, STR("messages"), "does not answer %s", p->id);
            return cx_invalid(b->cx);
        }
    }
    struct buf parts;
    buf_init(&parts, b->cx->arena, 4 * MESSAGE_BYTES_MAX);
    message_parts_json(b->message, &parts);
    b->answered_parts = buf_str(&parts);
    return OK;
}

static enum err look_on(struct begin *b)
{
    struct chat_message_find_row m;
    bool there;
    if (!b->thread_exists)
        FAIL(b->cx, NOT_FOUND, "There is no such thread.");
    TRY(find_message(b, last_message(b->ask)->id, &m, &there));
    if (there && str_given(b->thread.active_run_id) && str_given(m.run_id) &&
        str_eq(m.run_id, b->thread.active_run_id)) {
        b->what = ASK_RUNNING;
        b->run_id = m.run_id;
        return OK;
    }
    if (str_given(b->thread.active_run_id))
        return run_active(b);
    if (!there || m.superseded_at.given || !str_is(m.status, "AWAITING") || !str_given(m.run_id))
        FAIL(b->cx, CONFLICT, "The last message is an answer that waits for nothing.");
    b->what = ASK_ON;
    b->run_id = m.run_id;
    b->message_id = m.client_id;
    b->answered_content = m.content;
    b->answered_provider = m.provider_data;
    b->answered_usage = m.usage;
    b->message = message_new(m.client_id);
    if (!message_load(b->message, m.parts, m.provider_data))
        return cx_fault(b->cx, "message %.*s is damaged", STR_ARG(m.id));
    TRY(run_row_waiting(b->cx, b->run_id, &b->epoch, &b->turn));
    b->epoch++;
    return take_answers(b);
}

static enum err look_thread(struct begin *b)
{
    struct cx *cx = b->cx;
    struct chat_thread_find_in in = { .user_id = cx->principal.user_id,
                                      .client_id = b->ask->thread_client_id };
    TRY(chat_thread_find(cx, &in, &b->thread, &b->thread_exists));
    if (b->thread_exists &&
        (!str_eq(b->thread.workspace_id, cx->principal.workspace_id) || b->thread.deleted_at.given))
        FAIL(cx, NOT_FOUND, "There is no such thread.");
    if (b->ask->regenerate)
        return look_again(b);
    return str_is(last_message(b->ask)->role, "user") ? look_new(b) : look_on(b);
}

/* ---- the request ---- */

static enum err make_call(struct begin *b)
{
    struct cx *cx = b->cx;
    const struct chat_ask *ask = b->ask;
    struct credential *credential;
    struct llm_request rq = { 0 };
    struct credential_wish wish = { .provider = ask->provider, .model = ask->model };
    struct chat_prompt p = { .data = b->data,
                             .thread_id = b->thread_exists ? b->thread.id : STR_NULL,
                             .session_key = b->thread_id,
                             .ask = b->what == ASK_NEW && str_given(ask->thread_client_id)
                                        ? last_message(ask)
                                        : NULL,
                             .answer = b->message,
                             .answer_id = b->what == ASK_ON ? b->message_id : STR_NULL,
                             .before_seq = b->what == ASK_AGAIN ? b->from_seq : INT64_MAX };
    TRY(chat_request(cx, &p, &rq));
    if (rq.message_count == 0 || rq.messages[rq.message_count - 1].role != LLM_USER)
        FAIL(cx, CONFLICT, "There is no question to answer.");
    TRY(credentials_resolve(cx, &wish, &credential));
    struct llm_spec s = { .operation_type = "chat",
                          .user_id = cx->principal.user_id,
                          .thread_id = b->thread_id,
                          .run_id = b->run_id,
                          .credential = credential };
    return llm_call_new(cx, &s, &rq, &b->call);
}

static void make_names(struct begin *b)
{
    struct cx *cx = b->cx;
    if (str_given(b->ask->thread_client_id))
        b->thread_id = b->thread_exists ? b->thread.id : cuid_new(cx->arena, cx->now_ms);
    if (b->what == ASK_ON)
        return; /* all but the thread's name is the waiting run's */
    b->epoch = 1;
    b->run_id = cuid_new(cx->arena, cx->now_ms);
    b->message_id = cuid_new(cx->arena, cx->now_ms);
}

static enum err look_in_tx(struct cx *cx, void *arg)
{
    struct begin *b = arg;
    (void)cx; /* b has it */
    b->what = ASK_NEW;
    if (str_given(b->ask->thread_client_id))
        TRY(look_thread(b));
    if (b->what >= ASK_RUNNING)
        return OK;
    make_names(b);
    return make_call(b);
}

/* ---- beginning: one write ---- */

static enum err deny_waiting(struct begin *b)
{
    struct cx *cx = b->cx;
    int64_t changed;
    struct chat_run_deny_in deny = { .workspace_id = cx->principal.workspace_id,
                                     .id = b->waiting_run_id,
                                     .now = cx->now_ms };
    struct chat_message_set_in set = { .workspace_id = cx->principal.workspace_id,
                                       .thread_id = b->thread_id,
                                       .client_id = b->waiting_id,
                                       .parts = b->waiting_parts,
                                       .content = STR(""),
                                       .provider_data = b->waiting_provider,
                                       .usage = b->waiting_usage,
                                       .status = STR("STOPPED"),
                                       .now = cx->now_ms };
    if (!str_given(b->waiting_run_id))
        return OK;
    TRY(chat_run_deny(cx, &deny, &changed));
    return changed ? chat_message_set(cx, &set, NULL) : OK;
}

/* What a person answered is kept at once: the run that goes on may be lost. */
static enum err put_answers(struct begin *b)
{
    struct chat_message_set_in set = { .workspace_id = b->cx->principal.workspace_id,
                                       .thread_id = b->thread_id,
                                       .client_id = b->message_id,
                                       .parts = b->answered_parts,
                                       .content = b->answered_content,
                                       .provider_data = b->answered_provider,
                                       .usage = b->answered_usage,
                                       .status = STR("AWAITING"),
                                       .now = b->cx->now_ms };
    return chat_message_set(b->cx, &set, NULL);
}

static enum err take_thread(struct begin *b)
{
    struct cx *cx = b->cx;
    bool question = b->what == ASK_NEW;
    struct str title = question ? chat_title_of(cx->arena, last_message(b->ask)->content) : STR("");
    struct str key = fold_key(cx->arena, title);
    int64_t changed;
    if (!b->thread_exists) {
        struct chat_thread_insert_in in = { .workspace_id = cx->principal.workspace_id,
                                            .id = b->thread_id,
                                            .user_id = cx->principal.user_id,
                                            .client_id = b->ask->thread_client_id,
                                            .title = STR(""),
                                            .title_key = STR(""),
                                            .title_by = STR("NONE"),
                                            .now = cx->now_ms };
        enum err e = chat_thread_insert(cx, &in, NULL);
        if (e == ERR_CONFLICT) /* the same request, sent twice at once */
            return cx_fail(cx, ERR_RUN_ACTIVE, "This thread was begun at the same moment.");
        TRY(e);
    }
    struct chat_thread_begin_in in = { .workspace_id = cx->principal.workspace_id,
                                       .id = b->thread_id,
                                       .run_id = b->run_id,
                                       .added = question ? 1 : 0,
                                       .title = title,
                                       .title_key = key,
                                       .now = cx->now_ms };
    TRY(chat_thread_begin(cx, &in, &changed));
    return changed == 1 ? OK : run_active(b);
}

static enum err put_question(struct begin *b)
{
    struct cx *cx = b->cx;
    const struct ui_message *m = last_message(b->ask);
    struct str id = cuid_new(cx->arena, cx->now_ms);
    struct chat_message_insert_in in = { .workspace_id = cx->principal.workspace_id,
                                         .thread_id = b->thread_id,
                                         .id = id,
                                         .client_id = str_given(m->id) ? m->id : id,
                                         .role = m->role,
                                         .parts = m->parts,
                                         .content = m->content,
                                         .run_id = b->run_id,
                                         .user_id = cx->principal.user_id,
                                         .now = cx->now_ms };
    enum err e = chat_message_insert(cx, &in, NULL);
    if (e == ERR_CONFLICT)
        return run_active(b);
    return e;
}

static enum err supersede(struct begin *b)
{
    struct cx *cx = b->cx;
    struct chat_message_supersede_in in = { .workspace_id = cx->principal.workspace_id,
                                            .thread_id = b->thread_id,
                                            .seq = b->from_seq,
                                            .now = cx->now_ms };
    struct chat_message_run_set_in question = { .workspace_id = cx->principal.workspace_id,
                                                .thread_id = b->thread_id,
                                                .seq = b->question_seq,
                                                .run_id = b->run_id };
    TRY(chat_message_supersede(cx, &in, NULL));
    return b->question_seq ? chat_message_run_set(cx, &question, NULL) : OK;
}

static enum err begin_in_tx(struct cx *cx, void *arg)
{
    struct begin *b = arg;
    if (str_given(b->thread_id)) {
        TRY(take_thread(b));
        TRY(deny_waiting(b));
        if (b->what == ASK_AGAIN)
            TRY(supersede(b));
        else if (b->what == ASK_NEW)
            TRY(put_question(b));
        else if (b->what == ASK_ON)
            TRY(put_answers(b));
    }
    TRY(b->what == ASK_ON ? run_row_resume(cx, b->run) : run_row_add(cx, b->run));
    TRY(llm_call_admit(cx, b->call));
    run_launch(b->run, b->call);
    return OK;
}

static struct run *make_run(struct begin *b)
{
    const struct cx *cx = b->cx;
    struct run_spec s = { .kind = &chat_run_kind,
                          .data = b->data,
                          .principal = cx->principal,
                          .ref = { .workspace_id = cx->principal.workspace_id,
                                   .organization_id = cx->principal.organization_id,
                                   .run_id = b->run_id,
                                   .user_id = cx->principal.user_id,
                                   .thread_id = b->thread_id,
                                   .message_id = b->message_id,
                                   .epoch = b->epoch,
                                   .turn = b->turn },
                          .message = b->message,
                          .bill_json = b->what == ASK_ON ? b->answered_usage : STR_NULL,
                          .wish = { .provider = b->ask->provider, .model = b->ask->model },
                          .loop = cx->loop };
    b->data = NULL;
    b->message = NULL;
    return run_new(cx->app, &s);
}

static void data_release(void *data)
{
    struct chat_data *d = data;
    if (d)
        arena_free(d->arena);
}

static struct chat_data *data_make(const struct chat_ask *ask)
{
    struct arena *a = arena_new(1024);
    struct chat_data *d = arena_new_of(a, struct chat_data);
    d->arena = a;
    d->plan_mode = ask->plan_mode;
    d->scope_to_page = ask->scope_to_page;
    d->page_context = str_given(ask->page_context) ? str_copy(a, ask->page_context) : STR_NULL;
    d->references = str_given(ask->references) ? str_copy(a, ask->references) : STR_NULL;
    if (str_given(ask->thread_client_id))
        return d;
    d->message_count = ask->message_count;
    d->messages = arena_array(a, ask->message_count, sizeof *d->messages);
    for (size_t i = 0; i < ask->message_count; i++)
        d->messages[i] = (struct ui_message){ .role = str_copy(a, ask->messages[i].role),
                                              .parts = str_copy(a, ask->messages[i].parts) };
    return d;
}

static enum err cost_refused_in_tx(struct cx *cx, void *arg)
{
    (void)arg;
    return cost_refused(cx);
}

/* The refusal wrote nothing; that it was, the owners are told. */
static void note_refusal(const struct cx *refused)
{
    struct cx cx = *refused;
    cx.arena = arena_new(0);
    cx.failure = (struct failure){ 0 };
    db_write(&cx, cost_refused_in_tx, NULL);
    arena_free(cx.arena);
}

static enum err start(struct begin *b, struct sink *sink)
{
    b->run = make_run(b);
    enum err e = db_write_hot(b->cx, begin_in_tx, b);
    run_begun(b->run, b->call, e);
    b->call = NULL; /* the run's */
    if (e == OK)
        run_attach(b->run, sink, 0);
    else if (e == ERR_BUDGET_EXCEEDED)
        note_refusal(b->cx);
    run_unref(b->run);
    return e;
}

static enum err answer_ended(struct begin *b, struct sink *sink)
{
    struct run_told told = { .message_id = b->ended.client_id,
                             .parts_json = b->ended.parts,
                             .usage_json = b->ended.usage,
                             .state = chat_state_of(b->ended.status) };
    if (!run_tell_ended(b->cx->app, sink, &told))
        return cx_fault(b->cx, "the answer %.*s is damaged", STR_ARG(b->ended.client_id));
    return OK;
}

static enum err begin_once(struct cx *cx, const struct chat_ask *ask, struct sink *sink)
{
    struct begin b = { .cx = cx, .ask = ask, .data = data_make(ask) };
    bool joined = false;
    enum err e = db_read(cx, look_in_tx, &b);
    if (e == OK && b.what == ASK_RUNNING) {
        e = run_join(cx, b.run_id, sink, 0, &joined);
        if (e == OK && !joined)
            e = cx_fail(cx, ERR_RUN_ACTIVE, "This thread is being answered elsewhere.");
    } else if (e == OK && b.what == ASK_ENDED) {
        e = answer_ended(&b, sink);
    } else if (e == OK) {
        e = start(&b, sink);
    }
    message_free(b.message);
    llm_call_free(b.call);
    data_release(b.data);
    return e;
}

enum err chat_begin(struct cx *cx, const struct chat_ask *ask, struct sink *sink)
{
    enum err e = begin_once(cx, ask, sink);
    /* The same request may have been sent twice at once: a second look tells whose run it is. */
    if (e != ERR_RUN_ACTIVE || !str_given(ask->thread_client_id))
        return e;
    cx_clear_failure(cx);
    return begin_once(cx, ask, sink);
}

/* ---- the kind of run ---- */

static enum err kind_request(struct cx *cx, struct run *r, struct llm_request *ret)
{
    const struct run_ref *ref = run_refs(r);
    struct chat_prompt p = { .data = run_data(r),
                             .thread_id = ref->thread_id,
                             .session_key =
                                 str_given(ref->thread_id) ? ref->thread_id : ref->run_id,
                             .answer = run_message(r),
                             .answer_id = ref->message_id,
                             .before_seq = INT64_MAX };
    return chat_request(cx, &p, ret);
}

const struct run_kind chat_run_kind = {
    .name = "chat",
    .operation_type = "chat",
    .request = kind_request,
    .asks = chat_tool_asks,
    .tool = chat_tool_run,
    .keep = chat_keep,
    .load = chat_load,
    .release = data_release,
};
