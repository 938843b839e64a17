/* Operation rows of threads and their messages. */
#include "base/clock.h"
#include "chat/thread.h"

enum { APPEND_MAX = 200 };

static const char *const roles[] = { "user", "assistant", NULL };
static const char *const statuses[] = {
    "DONE", "STOPPED", "FAILED", "INTERRUPTED", "AWAITING", NULL
};

/* ---- what a thread looks like ---- */

static const struct field chat_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct chat_thread, client_id),
      .doc = "The client's id of the thread" },
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct chat_thread, title),
      .doc = "From its first question until it is renamed" },
    { .name = "archived",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct chat_thread, archived),
      .doc = "Put away" },
    { .name = "active",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct chat_thread, active),
      .doc = "An answer is running" },
    { .name = "messageCount",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct chat_thread, message_count),
      .doc = "Messages in it, superseded ones too" },
    { .name = "lastMessageAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct chat_thread, last_message_at_ms),
      .doc = "When the last message came" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct chat_thread, version),
      .doc = "Counts up with each change" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct chat_thread, created_at_ms),
      .doc = "When it was made" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct chat_thread, updated_at_ms),
      .doc = "When it was last changed" },
    FIELD_END,
};

struct chat_out {
    struct chat_thread chat;
};
static const struct field chat_out_fields[] = {
    { .name = "chat",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct chat_out, chat),
      .fields = chat_fields,
      .doc = "The thread" },
    FIELD_END,
};

struct id_in {
    struct str id;
};
#define THREAD_ID(in_struct)                                                                       \
    {                                                                                              \
        .name = "id", .type = FIELD_ID, .from = FROM_PATH, .flags = FIELD_REQUIRED,                \
        .offset = FIELD_AT(in_struct, id), .doc = "The client's id of the thread"                  \
    }
static const struct field id_fields[] = { THREAD_ID(struct id_in), FIELD_END };

/* ---- list_chats ---- */

struct list_in {
    struct page_in page;
    bool archived;
    struct str search;
};
struct list_out {
    struct span chats;
    struct page_out pagination;
};
static const struct field list_in_fields[] = {
    { .name = "archived",
      .type = FIELD_BOOL,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, archived),
      .doc = "True: the archived ones; else the others" },
    { .name = "search",
      .type = FIELD_STR,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, search),
      .max = CHAT_TITLE_CHARS_MAX,
      .doc = "Only titles with this text in them, whatever its case" },
    FIELD_PAGE_IN(struct list_in),
    FIELD_END,
};
static const struct field list_out_fields[] = {
    { .name = "chats",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct list_out, chats),
      .fields = chat_fields,
      .elem_size = sizeof(struct chat_thread),
      .doc = "Newest activity first" },
    FIELD_PAGE_OUT(struct list_out),
    FIELD_END,
};

static const struct page_list chats_list =
    PAGE_LIST("chats", struct thread_edge, PAGE_KEY(struct thread_edge, before_ms),
              PAGE_KEY(struct thread_edge, before_id));

static enum err list_run(struct cx *cx, const void *input, void *output)
{
    const struct list_in *in = input;
    struct list_out *out = output;
    struct thread_edge edge = { .before_ms = INT64_MAX, .before_id = PAGE_LAST_ID };
    struct chat_thread *threads;
    TRY(page_begin(cx, &chats_list, &in->page, &edge));
    struct thread_filter f = { .archived = in->archived,
                               .search = in->search,
                               .before_ms = edge.before_ms,
                               .before_id = edge.before_id,
                               .limit = in->page.limit };
    TRY(thread_list(cx, &f, &threads, &out->chats.count, &edge));
    out->chats.ptr = threads;
    page_go_on(cx, &chats_list, &in->page, edge.more ? &edge : NULL, &out->pagination);
    return OK;
}

/* ---- create_chat, get_chat, update_chat, delete_chat ---- */

struct create_in {
    struct str id, title;
};
static const struct field create_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .offset = FIELD_AT(struct create_in, id),
      .doc = "The client's id: 1 to 64 of letters, digits and . _ : -; not given: made here" },
    { .name = "title",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct create_in, title),
      .min = 1,
      .max = CHAT_TITLE_CHARS_MAX,
      .doc = "Title; not given: from the first question" },
    FIELD_END,
};

static enum err create_run(struct cx *cx, const void *input, void *output)
{
    const struct create_in *in = input;
    struct chat_out *out = output;
    return thread_create(cx, in->id, in->title, &out->chat);
}

static enum err get_run(struct cx *cx, const void *input, void *output)
{
    const struct id_in *in = input;
    struct chat_out *out = output;
    return chat_thread_get(cx, in->id, &out->chat);
}

struct update_in {
    struct str id, title;
    bool archived;
    uint8_t archived_seen;
    int64_t version;
};
static const struct field update_fields[] = {
    THREAD_ID(struct update_in),
    { .name = "title",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct update_in, title),
      .min = 1,
      .max = CHAT_TITLE_CHARS_MAX,
      .doc = "New title, 1 to 120 characters" },
    { .name = "archived",
      .type = FIELD_BOOL,
      .offset = FIELD_AT(struct update_in, archived),
      .seen = FIELD_SEEN(struct update_in, archived_seen),
      .doc = "Put away, or back" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_VERSION,
      .offset = FIELD_AT(struct update_in, version),
      .min = 1,
      .max = INT64_MAX,
      .doc = "Version that the change is based on; not given: whatever it is" },
    FIELD_END,
};

static enum err update_run(struct cx *cx, const void *input, void *output)
{
    const struct update_in *in = input;
    struct chat_out *out = output;
    struct thread_change c = { .client_id = in->id,
                               .version = in->version,
                               .title = in->title,
                               .archived = in->archived_seen == FIELD_GIVEN ? in->archived : -1 };
    return thread_update(cx, &c, &out->chat);
}

static enum err delete_run(struct cx *cx, const void *input, void *output)
{
    const struct id_in *in = input;
    (void)output;
    return thread_delete(cx, in->id);
}

/* ---- list_chat_messages ---- */

struct messages_in {
    struct str id;
    struct page_in page;
};
struct messages_out {
    struct span messages;
    struct page_out pagination;
};
static const struct field message_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct thread_message, id),
      .doc = "Id of the message, unique in its thread" },
    { .name = "role",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct thread_message, role),
      .values = roles,
      .doc = "Who said it" },
    { .name = "parts",
      .type = FIELD_JSON,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct thread_message, parts),
      .doc = "Parts of the AI SDK's UIMessage" },
    { .name = "content",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct thread_message, content),
      .doc = "Its text" },
    { .name = "status",
      .type = FIELD_ENUM,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct thread_message, status),
      .values = statuses,
      .doc = "How an answer ended; AWAITING: it waits for a person; null: a question" },
    { .name = "usage",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct thread_message, usage),
      .doc = "What an answer took: tokens, costUsd, basis, provider, model, keySource" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct thread_message, created_at_ms),
      .doc = "When it was kept" },
    FIELD_END,
};
static const struct field messages_in_fields[] = {
    THREAD_ID(struct messages_in),
    FIELD_PAGE_LIMIT(struct messages_in, PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT),
    { .name = "before",
      .type = FIELD_STR,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct messages_in, page.cursor),
      .max = 512,
      .doc = "nextCursor of the page before: the messages that stand in front of it" },
    FIELD_END,
};
static const struct field messages_out_fields[] = {
    { .name = "messages",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct messages_out, messages),
      .fields = message_fields,
      .elem_size = sizeof(struct thread_message),
      .doc = "Oldest first; the newest page when nothing else is asked for" },
    FIELD_PAGE_OUT(struct messages_out),
    FIELD_END,
};

static const struct page_list messages_list = {
    .name = "chat-messages",
    .row_size = sizeof(struct thread_message),
    .keys = { PAGE_KEY(struct thread_message, seq) },
    .field = "before",
};

static enum err messages_run(struct cx *cx, const void *input, void *output)
{
    const struct messages_in *in = input;
    struct messages_out *out = output;
    struct thread_message *messages, from = { .seq = INT64_MAX };
    bool more;
    TRY(page_begin(cx, &messages_list, &in->page, &from));
    TRY(thread_messages(cx, in->id, from.seq, in->page.limit, &messages, &out->messages.count,
                        &more));
    out->messages.ptr = messages;
    page_go_on(cx, &messages_list, &in->page, more ? &messages[0] : NULL, &out->pagination);
    return OK;
}

/* ---- add_chat_messages ---- */

struct append_in {
    struct str id;
    struct json messages;
    uint8_t messages_seen;
};
struct append_out {
    bool success;
    int64_t added;
};
static const struct field append_fields[] = {
    THREAD_ID(struct append_in),
    { .name = "messages",
      .type = FIELD_JSON,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct append_in, messages),
      .seen = FIELD_SEEN(struct append_in, messages_seen),
      .doc = "A message, or a list of at most 200: {id, role, parts} or {role, content}" },
    FIELD_END,
};
static const struct field append_out_fields[] = {
    { .name = "success",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct append_out, success),
      .doc = "True" },
    { .name = "added",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct append_out, added),
      .doc = "Messages that were not there before" },
    FIELD_END,
};

static enum err append_run(struct cx *cx, const void *input, void *output)
{
    const struct append_in *in = input;
    struct append_out *out = output;
    const struct json *all = &in->messages;
    bool one = all->type == JSON_OBJECT;
    uint32_t count = one ? 1 : all->count;
    if ((!one && all->type != JSON_ARRAY) || count == 0 || count > APPEND_MAX) {
        cx_field_error(cx, STR("messages"), "must be a message, or a list of 1 to %d", APPEND_MAX);
        return cx_invalid(cx);
    }
    struct ui_message *messages = arena_array(cx->arena, count, sizeof *messages);
    for (uint32_t i = 0; i < count; i++)
        ui_message_read(cx, one ? all : &all->items[i],
                        one ? STR("messages") : str_fmt(cx->arena, "messages.%u", i), &messages[i]);
    if (cx_has_field_errors(cx))
        return cx_invalid(cx);
    out->success = true;
    return thread_append(cx, in->id, messages, count, &out->added);
}

/* ---- fork_chat ---- */

struct fork_in {
    struct str id, message_id;
};
static const struct field fork_fields[] = {
    THREAD_ID(struct fork_in),
    { .name = "messageId",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct fork_in, message_id),
      .doc = "The last message that the branch has" },
    FIELD_END,
};

static enum err fork_run(struct cx *cx, const void *input, void *output)
{
    const struct fork_in *in = input;
    struct chat_out *out = output;
    return thread_fork(cx, in->id, in->message_id, &out->chat);
}

/* ---- export_chat ---- */

static void put_heading(struct buf *out, const struct thread_message *m)
{
    char time[TIME_ISO_BYTES + 1];
    time_iso(m->created_at_ms, time);
    buf_printf(out, "\n## %s, %s\n\n", str_is(m->role, "user") ? "Question" : "Answer", time);
}

enum { EXPORT_BYTES_MAX = 32 * 1024 * 1024 };

static enum err export_download(struct cx *cx, const void *input, struct download *ret)
{
    const struct id_in *in = input;
    struct chat_thread t;
    struct buf out;
    int64_t before = INT64_MAX;
    bool more = true;
    TRY(chat_thread_get(cx, in->id, &t));
    buf_init(&out, cx->arena, EXPORT_BYTES_MAX);
    /* Pages come newest first: each is put in front of what is there. */
    while (more) {
        struct thread_message *messages;
        struct buf page;
        size_t count;
        TRY(thread_messages(cx, in->id, before, PAGE_LIMIT_MAX, &messages, &count, &more));
        buf_init(&page, cx->arena, EXPORT_BYTES_MAX);
        for (size_t i = 0; i < count; i++) {
            put_heading(&page, &messages[i]);
            buf_put_str(&page, messages[i].content);
            buf_put_byte(&page, '\n');
        }
        before = count ? messages[0].seq : 0;
        buf_put_str(&page, buf_str(&out));
        if (page.overflow)
            FAIL(cx, PAYLOAD_TOO_LARGE, "The thread is larger than an export may be (32 MB).");
        out = page;
    }
    ret->bytes = str_fmt(cx->arena, "# %.*s\n%.*s", STR_ARG(t.title), STR_ARG(buf_str(&out)));
    ret->content_type = STR("text/markdown; charset=utf-8");
    ret->filename = STR("chat.md");
    return OK;
}

/* ---- rows ---- */

#define THREAD_ROW                                                                                 \
    .category = "chat", .auth = AUTH_SESSION, .roles = ROLES_MEMBER_UP, .lane = LANE_WORKER
#define THREAD_READ THREAD_ROW, .tx = TX_READ, .rate = RATE_READ, .effect = EFFECT_READ
#define THREAD_WRITE THREAD_ROW, .tx = TX_WRITE, .rate = RATE_WRITE, .effect = EFFECT_WRITE

const struct op chat_thread_ops[] = {
    { .name = "list_chats",
      .kind = OP_JSON,
      .http = "GET /api/ai/chats",
      .category = "chat",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .lane = LANE_LOOP,
      .tx = TX_READ,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = list_in_fields,
      .in_size = sizeof(struct list_in),
      .out = list_out_fields,
      .out_size = sizeof(struct list_out),
      .run = list_run,
      .summary = "List own threads",
      .doc = "The caller's threads in the workspace, newest activity first." },
    { .name = "create_chat",
      .kind = OP_JSON,
      .http = "POST /api/ai/chats",
      THREAD_WRITE,
      .in = create_fields,
      .in_size = sizeof(struct create_in),
      .out = chat_out_fields,
      .out_size = sizeof(struct chat_out),
      .location = "/api/ai/chats/{id}",
      .run = create_run,
      .summary = "Create a thread",
      .doc = "An empty thread. POST /api/ai/chat makes one by itself." },
    { .name = "get_chat",
      .kind = OP_JSON,
      .http = "GET /api/ai/chats/{id}",
      THREAD_READ,
      .in = id_fields,
      .in_size = sizeof(struct id_in),
      .out = chat_out_fields,
      .out_size = sizeof(struct chat_out),
      .run = get_run,
      .summary = "Read a thread",
      .doc = "A thread without its messages." },
    { .name = "update_chat",
      .kind = OP_JSON,
      .http = "PATCH /api/ai/chats/{id}",
      THREAD_WRITE,
      .in = update_fields,
      .in_size = sizeof(struct update_in),
      .out = chat_out_fields,
      .out_size = sizeof(struct chat_out),
      .run = update_run,
      .summary = "Rename or archive a thread",
      .doc = "A title that is given here stays. With version, or If-Match, 409 VERSION_CONFLICT "
             "when it was changed meanwhile." },
    { .name = "delete_chat",
      .kind = OP_JSON,
      .http = "DELETE /api/ai/chats/{id}",
      THREAD_WRITE,
      .in = id_fields,
      .in_size = sizeof(struct id_in),
      .run = delete_run,
      .summary = "Delete a thread",
      .doc = "The thread is gone at once, a running answer is stopped; its messages are removed "
             "behind it." },
    { .name = "list_chat_messages",
      .kind = OP_JSON,
      .http = "GET /api/ai/chats/{id}/messages",
      THREAD_READ,
      .in = messages_in_fields,
      .in_size = sizeof(struct messages_in),
      .out = messages_out_fields,
      .out_size = sizeof(struct messages_out),
      .run = messages_run,
      .summary = "List the messages of a thread",
      .doc = "The newest page, oldest first; `before` pages backwards. An answer that is running "
             "is not among them: GET /api/ai/chat/{id}/stream has it." },
    { .name = "add_chat_messages",
      .kind = OP_JSON,
      .http = "POST /api/ai/chats/{id}/messages",
      THREAD_WRITE,
      .in = append_fields,
      .in_size = sizeof(struct append_in),
      .out = append_out_fields,
      .out_size = sizeof(struct append_out),
      .body_bytes_max = CHAT_MESSAGE_BYTES_MAX,
      .run = append_run,
      .summary = "Keep messages",
      .doc = "Appends messages whose ids the thread does not have; the same request again adds "
             "nothing. Only text and images are kept: tools and reasoning are the server's. 409 "
             "RUN_ACTIVE while an answer runs." },
    { .name = "fork_chat",
      .kind = OP_JSON,
      .http = "POST /api/ai/chats/{id}/fork",
      THREAD_WRITE,
      .in = fork_fields,
      .in_size = sizeof(struct fork_in),
      .out = chat_out_fields,
      .out_size = sizeof(struct chat_out),
      .location = "/api/ai/chats/{id}",
      .run = fork_run,
      .summary = "Branch a thread",
      .doc = "A new thread with the messages up to messageId." },
    { .name = "export_chat",
      .kind = OP_DOWNLOAD,
      .http = "GET /api/ai/chats/{id}/export",
      THREAD_READ,
      .in = id_fields,
      .in_size = sizeof(struct id_in),
      .download = export_download,
      .summary = "Export a thread",
      .doc = "The thread as Markdown." },
};
const size_t chat_thread_ops_count = sizeof chat_thread_ops / sizeof *chat_thread_ops;
