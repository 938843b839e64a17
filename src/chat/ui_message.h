/* Messages as clients of the AI SDK send them: untrusted JSON, `{role, content}` or a UIMessage
 * (`{id, role, parts}`). Private to chat/. */
#ifndef CHAT_UI_MESSAGE_H
#define CHAT_UI_MESSAGE_H

#include "base/cx.h"
#include "base/json.h"

struct ui_message {
    struct str id;      /* absent: none */
    struct str role;    /* "user" or "assistant" */
    struct str parts;   /* JSON array of the parts that count: text, file (images as data URLs) */
    struct str content; /* plain text */
    const struct json *source;
};
/* Field errors under `path` ("messages.3"); then cx_invalid. What a model may not be told by a
 * client (system messages, unknown roles, foreign URLs of files) is refused; parts of an assistant
 * that only the server makes (tools, reasoning, data) are left out. */
enum err ui_message_read(struct cx *cx, const struct json *j, struct str path,
                         struct ui_message *ret);

/* What the last message answers to tools that ask a person. */
struct ui_answer {
    struct str call_id;
    bool failed;       /* the client could not ask, or was refused */
    struct str output; /* JSON; failed: a sentence */
};
enum { UI_ANSWERS_MAX = 32, UI_ANSWER_BYTES_MAX = 16 * 1024 };
/* Of an assistant message: its tool parts of state output-available or output-error. */
size_t ui_answers(struct cx *cx, const struct json *message, struct ui_answer *ret);

#endif
