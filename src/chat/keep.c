/* Goal: the answer of a run as a message of its thread, once, when the run ends or begins to wait;
 * also when its process was lost. Invariants: the thread's row is changed first: who does not hold
 * the thread changes nothing; what was said so far is kept, whatever the end. */
#include "base/cuid.h"
#include "chat/chat_sql.h"
#include "chat/state.h"

static const char *status_of(enum run_state s)
{
    switch (s) {
    case RUN_DONE:
        return "DONE";
    case RUN_STOPPED:
        return "STOPPED";
    case RUN_AWAITING:
        return "AWAITING";
    case RUN_INTERRUPTED:
        return "INTERRUPTED";
    default:
        return "FAILED";
    }
}

static struct str given(const struct buf *b)
{
    return b->len ? buf_str(b) : STR_NULL;
}

static enum err is_there(struct cx *cx, const struct run_ref *ref, bool *ret)
{
    struct chat_message_find_in in = { .workspace_id = ref->workspace_id,
                                       .thread_id = ref->thread_id,
                                       .client_id = ref->message_id };
    struct chat_message_find_row row;
    return chat_message_find(cx, &in, &row, ret);
}

static enum err put_message(struct cx *cx, const struct run_outcome *o,
                            const struct chat_message_set_in *set)
{
    int64_t changed;
    TRY(chat_message_set(cx, set, &changed));
    if (changed)
        return OK;
    struct chat_message_insert_in in = { .workspace_id = set->workspace_id,
                                         .thread_id = set->thread_id,
                                         .id = cuid_new(cx->arena, cx->now_ms),
                                         .client_id = set->client_id,
                                         .role = STR("assistant"),
                                         .parts = set->parts,
                                         .content = set->content,
                                         .provider_data = set->provider_data,
                                         .run_id = o->ref->run_id,
                                         .usage = set->usage,
                                         .status = set->status,
                                         .user_id = o->ref->user_id,
                                         .now = cx->now_ms };
    return chat_message_insert(cx, &in, NULL);
}

enum run_state chat_state_of(struct str status)
{
    static const enum run_state states[] = { RUN_STOPPED, RUN_AWAITING, RUN_INTERRUPTED,
                                             RUN_FAILED };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (str_is(status, status_of(states[i])))
            return states[i];
    return RUN_DONE; /* or what the client brought */
}

enum err chat_load(struct cx *cx, const struct run_ref *ref, struct message *into)
{
    struct chat_message_find_in in = { .workspace_id = ref->workspace_id,
                                       .thread_id = ref->thread_id,
                                       .client_id = ref->message_id };
    struct chat_message_find_row row;
    bool found = false;
    if (str_given(ref->thread_id))
        TRY(chat_message_find(cx, &in, &row, &found));
    if (found && !message_load(into, row.parts, row.provider_data))
        return cx_fault(cx, "message %.*s is damaged", STR_ARG(row.id));
    return OK;
}

enum err chat_keep(struct cx *cx, const struct run_outcome *o)
{
    struct buf parts, content, provider, usage;
    int64_t changed;
    if (!str_given(o->ref->thread_id))
        return OK;
    bool there = false;
    if (o->ref->epoch > 1)
        TRY(is_there(cx, o->ref, &there));
    struct chat_thread_end_in end = { .workspace_id = o->ref->workspace_id,
                                      .id = o->ref->thread_id,
                                      .run_id = o->ref->run_id,
                                      .added = there ? 0 : 1,
                                      .now = cx->now_ms };
    TRY(chat_thread_end(cx, &end, &changed));
    if (changed != 1)
        return OK; /* deleted meanwhile */
    buf_init(&parts, cx->arena, 4 * MESSAGE_BYTES_MAX);
    buf_init(&content, cx->arena, 2 * MESSAGE_BYTES_MAX);
    buf_init(&provider, cx->arena, 2 * MESSAGE_BYTES_MAX);
    buf_init(&usage, cx->arena, 4096);
    message_parts_json(o->message, &parts);
    message_plain_text(o->message, &content);
    message_provider_json(o->message, &provider);
    if (o->bill && o->bill->calls)
        run_bill_json(o->bill, &usage);
    if (parts.overflow || content.overflow || provider.overflow)
        return cx_fault(cx, "the message of run %.*s is too large", STR_ARG(o->ref->run_id));
    struct chat_message_set_in set = { .workspace_id = o->ref->workspace_id,
                                       .thread_id = o->ref->thread_id,
                                       .client_id = o->ref->message_id,
                                       .parts = buf_str(&parts),
                                       .content = buf_str(&content),
                                       .provider_data = given(&provider),
                                       .usage = given(&usage),
                                       .status = str_of(status_of(o->state)),
                                       .now = cx->now_ms };
    return put_message(cx, o, &set);
}
