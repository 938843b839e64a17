/* From messages at rest to what a provider is asked. Private to chat/. */
#ifndef CHAT_HISTORY_H
#define CHAT_HISTORY_H

#include "chat/chat.h"

/* A growing list of messages in an arena. */
struct history {
    struct arena *arena;
    struct llm_message *messages;
    size_t count, room;
};
/* One stored message, or one that ui_message_read has made. A question that is followed by another
 * one is joined with it: providers want turns. Damaged parts are left out. */
void history_add(struct history *h, struct str role, struct str parts_json,
                 struct str provider_json);
/* The answer that a run is giving: its steps so far, as calls and results. */
void history_add_message(struct history *h, const struct message *m);

#endif
