/* Chat: threads, their messages, and what a run of kind "chat" says and keeps.
 *
 * A thread is private to its user and belongs to a workspace; clients name it and its messages by
 * ids of their own. With a thread the stored rows are the history, whatever a client sends; without
 * one the client's messages are data. Owns tables threads and messages. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "db/db.h"
#include "op/op.h"
#include "run/run.h"

#define CHAT_HISTORY_MESSAGES 25
#define CHAT_TITLE_CHARS_MAX 120
#define CHAT_MESSAGE_BYTES_MAX (4 * 1024 * 1024)
#define CHAT_SCAN_THREADS 500

/* The kind of run; app->runs knows it. */
extern const struct run_kind chat_run_kind;

struct chat_thread {
    struct str id;        /* ours */
    struct str client_id; /* what clients know it by */
    struct str title;
    bool archived, active;
    struct str active_run_id;
    int64_t message_count, last_message_at_ms, activity_at_ms, created_at_ms, updated_at_ms,
        version;
};
/* Inside a transaction: cx's user's own, in cx's workspace; else NOT_FOUND. */
enum err chat_thread_get(struct cx *cx, struct str client_id, struct chat_thread *ret);

/* Operation rows: chat; threads; tools that only a conversation has. */
extern const struct op chat_ops[];
extern const size_t chat_ops_count;
extern const struct op chat_thread_ops[];
extern const size_t chat_thread_ops_count;
extern const struct op chat_tool_ops[];
extern const size_t chat_tool_ops_count;

/* The kind of job that removes a deleted thread's messages in slices. */
extern const struct job_kind chat_purge_job;

#endif
