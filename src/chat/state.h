/* What a chat's run carries, and the steps between a request and its run. Private to chat/. */
#ifndef CHAT_STATE_H
#define CHAT_STATE_H

#include "chat/chat.h"
#include "chat/history.h"
#include "chat/ui_message.h"

/* Freed with the run; texts in the arena. */
struct chat_data {
    struct arena *arena;
    bool plan_mode, scope_to_page;
    struct str page_context; /* JSON, as the client said; absent: none */
    struct str references;   /* JSON, likewise */
    /* Without a thread: the client's messages, in order. */
    struct ui_message *messages;
    size_t message_count;
};

/* prompt.c: the request of a run's turn; `answer` is the message so far, or NULL. Inside a read. */
struct chat_prompt {
    const struct chat_data *data;
    struct str thread_id;         /* absent: none */
    struct str session_key;       /* of the thread, or the run */
    const struct ui_message *ask; /* of this request, not stored yet; NULL: none */
    const struct message *answer;
    struct str answer_id; /* client id of its row, which is left out of the history; absent */
    int64_t before_seq;   /* history ends before it; INT64_MAX: all */
};
enum err chat_request(struct cx *cx, const struct chat_prompt *p, struct llm_request *ret);

/* records.c: what the page and the references name, as far as the user may read it, for the prompt.
 * Inside a read. */
enum err chat_records(struct cx *cx, const struct chat_data *d, struct buf *out);

/* tools.c */
bool chat_tool_asks(struct str name); /* answered by a person */
/* The tools that a caller may use, in the arena. */
enum err chat_tools(struct cx *cx, bool plan_mode, struct llm_tool **ret, size_t *ret_count);
void chat_tool_run(struct run *r, int part);

/* title.c: a thread's title from its first question, in the arena. */
struct str chat_title_of(struct arena *a, struct str text);

/* keep.c */
enum err chat_keep(struct cx *cx, const struct run_outcome *o);
/* A message that goes on after a question was there before. */
enum err chat_load(struct cx *cx, const struct run_ref *ref, struct message *into);
enum run_state chat_state_of(struct str status); /* messages.status; absent: RUN_DONE */

#endif
