/* From a request to a run, or to one that is there already. Private to chat/. */
#ifndef CHAT_BEGIN_H
#define CHAT_BEGIN_H

#include "chat/state.h"

struct chat_ask {
    struct str thread_client_id; /* absent: no thread */
    struct str provider, model;  /* absent: the resolver decides */
    bool regenerate;
    struct str regenerate_id;    /* message to answer anew; absent: the last answer */
    struct ui_message *messages; /* ≥ 1 but for regenerate with a thread */
    size_t message_count;
    bool plan_mode, scope_to_page;
    struct str page_context, references;
};
/* On a worker thread. Streams to `sink`. Errors that a client can mend come before anything is
 * streamed: RUN_ACTIVE, NOT_FOUND, VALIDATION, BUDGET_EXCEEDED, PROVIDER_NOT_CONFIGURED … */
enum err chat_begin(struct cx *cx, const struct chat_ask *ask, struct sink *sink);

#endif
