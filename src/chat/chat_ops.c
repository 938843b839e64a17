/* Operation rows of a conversation: ask, come back to a running answer, stop it. Handlers turn what
 * clients of the AI SDK send into one call of begin.h. */
#include "base/app.h"
#include "chat/begin.h"
#include "run/relay.h"

enum { MESSAGES_MAX = 2000, CONTEXT_BYTES_MAX = 16 * 1024, REFERENCES_MAX = 10 };

static const char *const triggers[] = { "submit-message", "regenerate-message", NULL };
static const char *const reference_kinds[] = { "matters",   "forms",       "tables",
                                               "documents", "submissions", "workflows" };

/* ---- send_chat ---- */

struct send_in {
    struct str id, thread_id, provider, model, trigger, message_id;
    struct json messages, page_context, references;
    uint8_t messages_seen, page_context_seen, references_seen;
    bool plan_mode, scope_to_page;
};

static const struct field send_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_ANY_MEMBERS,
      .offset = FIELD_AT(struct send_in, id),
      .doc = "The client's id of the thread; a new one makes the thread. Not given: nothing is "
             "kept, and the client's messages are the history" },
    { .name = "threadId",
      .type = FIELD_ID,
      .offset = FIELD_AT(struct send_in, thread_id),
      .doc = "The same as id, which goes before it" },
    { .name = "messages",
      .type = FIELD_JSON,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct send_in, messages),
      .seen = FIELD_SEEN(struct send_in, messages_seen),
      .doc = "Messages, {role, content} or the AI SDK's UIMessage {id, role, parts}. With a "
             "thread only the last one is read" },
    { .name = "trigger",
      .type = FIELD_ENUM,
      .offset = FIELD_AT(struct send_in, trigger),
      .values = triggers,
      .doc = "regenerate-message answers anew from messageId, or the last answer" },
    { .name = "messageId",
      .type = FIELD_ID,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct send_in, message_id),
      .doc = "With regenerate-message: the message that is superseded" },
    { .name = "provider",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct send_in, provider),
      .max = 32,
      .doc = "anthropic, openai, groq, openclaw, hermes or offline; not given: what the settings "
             "say" },
    { .name = "model",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct send_in, model),
      .max = 128,
      .doc = "Model of that provider; not given: what the settings say" },
    { .name = "planMode",
      .type = FIELD_BOOL,
      .offset = FIELD_AT(struct send_in, plan_mode),
      .doc = "True: tools that change something are not offered to the model" },
    { .name = "pageContext",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct send_in, page_context),
      .seen = FIELD_SEEN(struct send_in, page_context_seen),
      .doc = "What the user has open: an object of at most 16 KB" },
    { .name = "scopeToPage",
      .type = FIELD_BOOL,
      .offset = FIELD_AT(struct send_in, scope_to_page),
      .doc = "True: the answer should keep to the page" },
    { .name = "references",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct send_in, references),
      .seen = FIELD_SEEN(struct send_in, references_seen),
      .doc = "At most 10 records {kind, id}: matters, forms, tables, documents, workflows, "
             "submissions" },
    FIELD_END,
};

static bool reference_ok(const struct json *r)
{
    struct str kind = json_text(r, "kind"), id = json_text(r, "id");
    bool known = false;
    for (size_t i = 0; i < sizeof reference_kinds / sizeof *reference_kinds; i++)
        known |= str_is(kind, reference_kinds[i]);
    return known && id.len >= 1 && id.len <= 64;
}

static void read_references(struct cx *cx, const struct send_in *in, struct chat_ask *ask)
{
    const struct json *all = &in->references;
    if (in->references_seen != FIELD_GIVEN)
        return;
    if (all->type != JSON_ARRAY || all->count > REFERENCES_MAX) {
        cx_field_error(cx, STR("references"), "must be a list of at most %d", REFERENCES_MAX);
        return;
    }
    for (uint32_t i = 0; i < all->count; i++)
        if (!reference_ok(&all->items[i]))
            cx_field_error(cx, str_fmt(cx->arena, "references.%u", i),
                           "must have a kind (matters, forms, tables, documents, workflows, "
                           "submissions) and an id");
    ask->references = all->source;
}

static void read_page(struct cx *cx, const struct send_in *in, struct chat_ask *ask)
{
    if (in->page_context_seen != FIELD_GIVEN)
        return;
    if (in->page_context.type != JSON_OBJECT || in->page_context.source.len > CONTEXT_BYTES_MAX)
        cx_field_error(cx, STR("pageContext"), "must be an object of at most %d bytes",
                       CONTEXT_BYTES_MAX);
    else
        ask->page_context = in->page_context.source;
}

/* With a thread only the last message counts: what stands before it is the server's. */
static void read_messages(struct cx *cx, const struct send_in *in, struct chat_ask *ask)
{
    const struct json *all = &in->messages;
    if (all->type != JSON_ARRAY || all->count > MESSAGES_MAX ||
        (all->count == 0 && !ask->regenerate)) {
        cx_field_error(cx, STR("messages"), "must be a list of 1 to %d messages", MESSAGES_MAX);
        return;
    }
    bool threaded = str_given(ask->thread_client_id);
    uint32_t from = threaded && all->count ? all->count - 1 : 0;
    ask->messages = arena_array(cx->arena, all->count - from, sizeof *ask->messages);
    if (threaded && ask->regenerate)
        return;
    for (uint32_t i = from; i < all->count; i++) {
        struct str path = str_fmt(cx->arena, "messages.%u", i);
        ui_message_read(cx, &all->items[i], path, &ask->messages[ask->message_count++]);
    }
    if (!threaded && ask->message_count && !cx_has_field_errors(cx) &&
        !str_is(ask->messages[ask->message_count - 1].role, "user"))
        cx_field_error(cx, STR("messages"), "must end with a message of the user");
}

static enum err send_stream(struct cx *cx, const void *input, struct sink *sink)
{
    const struct send_in *in = input;
    struct chat_ask ask = { .provider = in->provider,
                            .model = in->model,
                            .plan_mode = in->plan_mode,
                            .scope_to_page = in->scope_to_page,
                            .regenerate = str_is(in->trigger, "regenerate-message"),
                            .regenerate_id = in->message_id };
    ask.thread_client_id = str_given(in->id) ? in->id : in->thread_id;
    read_references(cx, in, &ask);
    read_page(cx, in, &ask);
    if (ask.regenerate && !str_given(ask.thread_client_id))
        ask.regenerate = false; /* without rows the messages say it all */
    read_messages(cx, in, &ask);
    if (cx_has_field_errors(cx))
        return cx_invalid(cx);
    if (str_is(ask.provider, "offline"))
        ask.model = STR_NULL;
    return chat_begin(cx, &ask, sink);
}

/* ---- resume_chat ---- */

struct resume_in {
    struct str id, last_event_id;
};
static const struct field resume_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct resume_in, id),
      .doc = "The client's id of the thread" },
    { .name = "lastEventId",
      .type = FIELD_STR,
      .from = FROM_HEADER,
      .header = "last-event-id",
      .offset = FIELD_AT(struct resume_in, last_event_id),
      .max = 20,
      .doc = "Id of the last event that the client has had: the stream goes on behind it" },
    FIELD_END,
};

struct found {
    struct str client_id, run_id; /* run_id absent: nothing runs */
};

/* A thread that is not there, foreign or idle is all the same to who asks. */
static enum err find_in_tx(struct cx *cx, void *arg)
{
    struct found *f = arg;
    struct chat_thread t;
    enum err e = chat_thread_get(cx, f->client_id, &t);
    if (e == OK)
        f->run_id = t.active_run_id;
    else if (e == ERR_NOT_FOUND)
        cx_clear_failure(cx);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err resume_stream(struct cx *cx, const void *input, struct sink *sink)
{
    const struct resume_in *in = input;
    struct found f = { .client_id = in->id };
    int64_t after = 0;
    bool joined = false;
    if (str_given(in->last_event_id) && (!str_to_i64(in->last_event_id, &after) || after < 0))
        after = 0;
    TRY(db_read(cx, find_in_tx, &f));
    if (str_given(f.run_id))
        TRY(run_join(cx, f.run_id, sink, after, &joined));
    if (!joined)
        sink_nothing(sink);
    return OK;
}

/* ---- stop_chat ---- */

struct stop_in {
    struct str id;
};
struct stop_out {
    bool success, stopped;
};
static const struct field stop_in_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct stop_in, id),
      .doc = "The client's id of the thread" },
    FIELD_END,
};
static const struct field stop_out_fields[] = {
    { .name = "success",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct stop_out, success),
      .doc = "True" },
    { .name = "stopped",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct stop_out, stopped),
      .doc = "False: nothing was running" },
    FIELD_END,
};

static enum err must_find_in_tx(struct cx *cx, void *arg)
{
    struct found *f = arg;
    struct chat_thread t;
    TRY(chat_thread_get(cx, f->client_id, &t));
    f->run_id = t.active_run_id;
    return OK;
}

static enum err stop_run(struct cx *cx, const void *input, void *output)
{
    const struct stop_in *in = input;
    struct stop_out *out = output;
    struct found f = { .client_id = in->id };
    TRY(db_read(cx, must_find_in_tx, &f));
    out->success = true;
    if (str_given(f.run_id))
        TRY(run_stop_anywhere(cx, f.run_id, &out->stopped));
    return OK;
}

/* ---- rows ---- */

const struct op chat_ops[] = {
    { .name = "send_chat",
      .kind = OP_STREAM,
      .http = "POST /api/ai/chat",
      .category = "chat",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_CHAT,
      .effect = EFFECT_WRITE,
      .flags = OP_QUIET,
      .in = send_fields,
      .in_size = sizeof(struct send_in),
      .body_bytes_max = CHAT_MESSAGE_BYTES_MAX,
      .stream = send_stream,
      .summary = "Ask the assistant",
      .doc = "Streams an answer as the AI SDK's UI message stream, each part as `data:` with an "
             "`event:` for plain clients and an `id:` to come back to. With an id the thread is "
             "kept, and the run goes on when the client is gone: GET "
             "/api/ai/chat/{id}/stream comes back to it. A question that is sent again attaches "
             "to its answer; another one while an answer runs is 409 RUN_ACTIVE. The last "
             "message may also be the assistant's with the outputs of ask_question or "
             "ask_confirmation: the answer goes on. 402 BUDGET_EXCEEDED comes before anything is "
             "streamed." },
    { .name = "resume_chat",
      .kind = OP_STREAM,
      .http = "GET /api/ai/chat/{id}/stream",
      .category = "chat",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = resume_fields,
      .in_size = sizeof(struct resume_in),
      .stream = resume_stream,
      .summary = "Come back to a running answer",
      .doc = "The message so far from `start` on, or what came after Last-Event-ID, then live. "
             "204 when nothing runs, and for threads that are not the caller's." },
    { .name = "stop_chat",
      .kind = OP_JSON,
      .http = "POST /api/ai/chat/{id}/stop",
      .category = "chat",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .flags = OP_NO_BODY | OP_QUIET,
      .in = stop_in_fields,
      .in_size = sizeof(struct stop_in),
      .out = stop_out_fields,
      .out_size = sizeof(struct stop_out),
      .run = stop_run,
      .summary = "Stop a running answer",
      .doc = "Cuts the provider's call; what was said so far is kept, and what it cost is "
             "booked." },
};
const size_t chat_ops_count = sizeof chat_ops / sizeof *chat_ops;
