/* Threads and messages as rows, without HTTP. Private to chat/. Inside a transaction each; the
 * thread is cx's user's own, or NOT_FOUND. */
#ifndef CHAT_THREAD_H
#define CHAT_THREAD_H

#include "chat/chat.h"
#include "chat/ui_message.h"

struct thread_edge {
    bool more;
    int64_t before_ms;
    struct str before_id;
};
struct thread_filter {
    bool archived;
    struct str search; /* part of the title, whatever its case; absent: any */
    int64_t before_ms; /* keyset */
    struct str before_id;
    int64_t limit;
};
/* Newest activity first. Looks at no more than CHAT_SCAN_THREADS. */
enum err thread_list(struct cx *cx, const struct thread_filter *f, struct chat_thread **ret,
                     size_t *ret_count, struct thread_edge *ret_edge);
/* `client_id` absent: one of ours. CONFLICT when the user has a thread of that id. */
enum err thread_create(struct cx *cx, struct str client_id, struct str title,
                       struct chat_thread *ret);
struct thread_change {
    struct str client_id;
    int64_t version;  /* 0: whatever it is */
    struct str title; /* absent: as it is */
    int archived;     /* -1: as it is */
};
enum err thread_update(struct cx *cx, const struct thread_change *c, struct chat_thread *ret);
/* A tombstone; a job stops an answer that runs, and removes the messages in slices. */
enum err thread_delete(struct cx *cx, struct str client_id);

struct thread_message {
    struct str id; /* the client's */
    struct str role, parts, content, usage, status;
    int64_t seq, created_at_ms;
};
/* Oldest first, those before `before_seq`, the newest `limit` of them. */
enum err thread_messages(struct cx *cx, struct str client_id, int64_t before_seq, int64_t limit,
                         struct thread_message **ret, size_t *ret_count, bool *ret_more);
/* Adds what is not there yet; ids that are there already are passed over. RUN_ACTIVE while an
 * answer runs. */
enum err thread_append(struct cx *cx, struct str client_id, const struct ui_message *messages,
                       size_t count, int64_t *ret_added);
/* A new thread with what stands up to `message_id`. */
enum err thread_fork(struct cx *cx, struct str client_id, struct str message_id,
                     struct chat_thread *ret);

#endif
