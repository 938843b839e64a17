/* See thread.h. Invariants: message_count follows the rows; a thread's id of a client is never
 * given to another thread while its tombstone stands. */
#include "chat/thread.h"

#include "base/cuid.h"
#include "base/fold.h"
#include "chat/chat_sql.h"
#include "chat/state.h"
#include "jobs/jobs.h"
#include "run/relay.h"

enum { PURGE_ROWS = 500 };

static enum err not_found(struct cx *cx)
{
    FAIL(cx, NOT_FOUND, "There is no such thread.");
}

enum err chat_thread_get(struct cx *cx, struct str client_id, struct chat_thread *ret)
{
    struct chat_thread_find_in in = { .user_id = cx->principal.user_id, .client_id = client_id };
    struct chat_thread_find_row r;
    bool found;
    if (!str_given(in.user_id))
        return not_found(cx);
    TRY(chat_thread_find(cx, &in, &r, &found));
    if (!found || r.deleted_at.given || !str_eq(r.workspace_id, cx->principal.workspace_id))
        return not_found(cx);
    *ret = (struct chat_thread){ .id = r.id,
                                 .client_id = r.client_id,
                                 .title = r.title,
                                 .archived = r.archived,
                                 .active = str_given(r.active_run_id),
                                 .active_run_id = r.active_run_id,
                                 .message_count = r.message_count,
                                 .last_message_at_ms = r.last_message_at.value,
                                 .activity_at_ms = r.activity_at,
                                 .created_at_ms = r.created_at,
                                 .updated_at_ms = r.updated_at,
                                 .version = r.version };
    return OK;
}

/* ---- lists ---- */

static enum err edge_find(struct cx *cx, const struct thread_filter *f, struct chat_thread *threads,
                          size_t *count, struct thread_edge *ret)
{
    struct chat_thread_edge_in in = { .workspace_id = cx->principal.workspace_id,
                                      .user_id = cx->principal.user_id,
                                      .archived = f->archived,
                                      .before_at = f->before_ms,
                                      .before_id = f->before_id,
                                      .skip = CHAT_SCAN_THREADS - 1 };
    struct chat_thread_edge_row row;
    bool found;
    if (*count > (size_t)f->limit) {
        *count = (size_t)f->limit;
        const struct chat_thread *last = &threads[*count - 1];
        *ret = (struct thread_edge){ true, last->activity_at_ms, last->id };
        return OK;
    }
    TRY(chat_thread_edge(cx, &in, &row, &found));
    *ret =
        found ? (struct thread_edge){ true, row.activity_at, row.id } : (struct thread_edge){ 0 };
    return OK;
}

enum err thread_list(struct cx *cx, const struct thread_filter *f, struct chat_thread **ret,
                     size_t *ret_count, struct thread_edge *ret_edge)
{
    struct chat_thread_list_in in = { .workspace_id = cx->principal.workspace_id,
                                      .user_id = cx->principal.user_id,
                                      .archived = f->archived,
                                      .q = str_given(f->search) ? fold_key(cx->arena, f->search)
                                                                : STR(""),
                                      .before_at = f->before_ms,
                                      .before_id = f->before_id,
                                      .scan = CHAT_SCAN_THREADS,
                                      .limit = f->limit + 1 };
    struct chat_thread_list_row *rows;
    size_t count;
    TRY(chat_thread_list(cx, &in, &rows, &count));
    struct chat_thread *threads = arena_array(cx->arena, count, sizeof *threads);
    for (size_t i = 0; i < count; i++)
        threads[i] = (struct chat_thread){ .id = rows[i].id,
                                           .client_id = rows[i].client_id,
                                           .title = rows[i].title,
                                           .archived = rows[i].archived,
                                           .active = str_given(rows[i].active_run_id),
                                           .message_count = rows[i].message_count,
                                           .last_message_at_ms = rows[i].last_message_at.value,
                                           .activity_at_ms = rows[i].activity_at,
                                           .created_at_ms = rows[i].created_at,
                                           .updated_at_ms = rows[i].updated_at,
                                           .version = rows[i].version };
    TRY(edge_find(cx, f, threads, &count, ret_edge));
    *ret = threads;
    *ret_count = count;
    return OK;
}

enum err thread_messages(struct cx *cx, struct str client_id, int64_t before_seq, int64_t limit,
                         struct thread_message **ret, size_t *ret_count, bool *ret_more)
{
    struct chat_thread t;
    TRY(chat_thread_get(cx, client_id, &t));
    struct chat_message_last_in in = { .workspace_id = cx->principal.workspace_id,
                                       .thread_id = t.id,
                                       .before = before_seq,
                                       .limit = limit + 1 };
    struct chat_message_last_row *rows;
    size_t count;
    TRY(chat_message_last(cx, &in, &rows, &count));
    *ret_more = count > (size_t)limit;
    count = *ret_more ? (size_t)limit : count;
    struct thread_message *messages = arena_array(cx->arena, count, sizeof *messages);
    for (size_t i = 0; i < count; i++) {
        const struct chat_message_last_row *r = &rows[count - 1 - i];
        messages[i] = (struct thread_message){ .id = r->client_id,
                                               .role = r->role,
                                               .parts = r->parts,
                                               .content = r->content,
                                               .usage = r->usage,
                                               .status = r->status,
                                               .seq = r->seq,
                                               .created_at_ms = r->created_at };
    }
    *ret = messages;
    *ret_count = count;
    return OK;
}

/* ---- changes ---- */

enum err thread_create(struct cx *cx, struct str client_id, struct str title,
                       struct chat_thread *ret)
{
    struct str id = cuid_new(cx->arena, cx->now_ms);
    struct chat_thread_insert_in in = {
        .workspace_id = cx->principal.workspace_id,
        .id = id,
        .user_id = cx->principal.user_id,
        .client_id = str_given(client_id) ? client_id : id,
        .title = str_given(title) ? title : STR(""),
        .title_key = str_given(title) ? fold_key(cx->arena, title) : STR(""),
        .title_by = str_given(title) ? STR("USER") : STR("NONE"),
        .now = cx->now_ms,
    };
    enum err e = chat_thread_insert(cx, &in, NULL);
    if (e == ERR_CONFLICT)
        FAIL(cx, CONFLICT, "You have a thread with this id already.");
    TRY(e);
    cx_entity(cx, "chat", id);
    return chat_thread_get(cx, in.client_id, ret);
}

enum err thread_update(struct cx *cx, const struct thread_change *c, struct chat_thread *ret)
{
    struct chat_thread t = { .version = 0 };
    int64_t changed = 0;
    TRY(chat_thread_get(cx, c->client_id, &t));
    struct chat_thread_set_in in = {
        .workspace_id = cx->principal.workspace_id, .id = t.id, .title = c->title, .now = cx->now_ms
    };
    if (c->version)
        in.version = db_some_int(c->version);
    if (c->archived >= 0)
        in.archived = db_some_int(c->archived);
    if (str_given(c->title))
        in.title_key = fold_key(cx->arena, c->title);
    TRY(chat_thread_set(cx, &in, &changed));
    if (changed != 1) {
        cx_fail(cx, ERR_VERSION_CONFLICT, "The thread was changed meanwhile.");
        cx_details(cx, str_fmt(cx->arena, "{\"version\":%lld}", (long long)t.version));
        return ERR_VERSION_CONFLICT;
    }
    cx_entity(cx, "chat", t.id);
    return chat_thread_get(cx, c->client_id, ret);
}

/* An answer that waits for a person waits for nobody now. */
static enum err deny_waiting(struct cx *cx, struct str thread_id)
{
    struct chat_message_last_in in = { .workspace_id = cx->principal.workspace_id,
                                       .thread_id = thread_id,
                                       .before = INT64_MAX,
                                       .limit = 1 };
    struct chat_message_last_row *rows;
    size_t count;
    TRY(chat_message_last(cx, &in, &rows, &count));
    if (!count || !str_is(rows[0].status, "AWAITING") || !str_given(rows[0].run_id))
        return OK;
    struct chat_run_deny_in deny = { .workspace_id = cx->principal.workspace_id,
                                     .id = rows[0].run_id,
                                     .now = cx->now_ms };
    return chat_run_deny(cx, &deny, NULL);
}

enum err thread_delete(struct cx *cx, struct str client_id)
{
    struct chat_thread t = { .version = 0 };
    TRY(chat_thread_get(cx, client_id, &t));
    struct chat_thread_bury_in in = { .workspace_id = cx->principal.workspace_id,
                                      .id = t.id,
                                      .now = cx->now_ms };
    struct job_new job = { .kind = "purge_thread",
                           .payload =
                               str_fmt(cx->arena, "{\"threadId\":\"%.*s\",\"runId\":\"%.*s\"}",
                                       STR_ARG(t.id), STR_ARG(t.active_run_id)),
                           .unique_key = t.id };
    TRY(chat_thread_bury(cx, &in, NULL));
    TRY(deny_waiting(cx, t.id));
    cx_entity(cx, "chat", t.id);
    return job_add(cx, &job, NULL);
}

static enum err insert_given(struct cx *cx, const struct chat_thread *t, const struct ui_message *m)
{
    struct str id = cuid_new(cx->arena, cx->now_ms);
    struct chat_message_insert_in in = { .workspace_id = cx->principal.workspace_id,
                                         .thread_id = t->id,
                                         .id = id,
                                         .client_id = str_given(m->id) ? m->id : id,
                                         .role = m->role,
                                         .parts = m->parts,
                                         .content = m->content,
                                         .user_id = cx->principal.user_id,
                                         .now = cx->now_ms };
    return chat_message_insert(cx, &in, NULL);
}

static enum err is_new(struct cx *cx, const struct chat_thread *t, const struct ui_message *m,
                       bool *ret)
{
    struct chat_message_find_in in = { .workspace_id = cx->principal.workspace_id,
                                       .thread_id = t->id,
                                       .client_id = m->id };
    struct chat_message_find_row row;
    bool found = false;
    if (str_given(m->id))
        TRY(chat_message_find(cx, &in, &row, &found));
    *ret = !found;
    return OK;
}

enum err thread_append(struct cx *cx, struct str client_id, const struct ui_message *messages,
                       size_t count, int64_t *ret_added)
{
    struct chat_thread t;
    struct str title = STR("");
    int64_t added = 0, changed;
    bool *fresh = arena_array(cx->arena, count, sizeof *fresh);
    TRY(chat_thread_get(cx, client_id, &t));
    for (size_t i = 0; i < count; i++) {
        TRY(is_new(cx, &t, &messages[i], &fresh[i]));
        added += fresh[i];
        if (fresh[i] && !title.len && str_is(messages[i].role, "user"))
            title = chat_title_of(cx->arena, messages[i].content);
    }
    *ret_added = added;
    if (added == 0)
        return OK;
    struct chat_thread_touch_in in = { .workspace_id = cx->principal.workspace_id,
                                       .id = t.id,
                                       .added = added,
                                       .title = title,
                                       .title_key = fold_key(cx->arena, title),
                                       .now = cx->now_ms };
    TRY(chat_thread_touch(cx, &in, &changed));
    if (changed != 1)
        FAIL(cx, RUN_ACTIVE, "This thread is being answered; wait for it, or stop it first.");
    for (size_t i = 0; i < count; i++) {
        enum err e = fresh[i] ? insert_given(cx, &t, &messages[i]) : OK;
        if (e == ERR_CONFLICT)
            FAIL(cx, CONFLICT, "Two of these messages have the same id.");
        TRY(e);
    }
    cx_entity(cx, "chat", t.id);
    return OK;
}

enum err thread_fork(struct cx *cx, struct str client_id, struct str message_id,
                     struct chat_thread *ret)
{
    struct chat_thread from = { .version = 0 };
    struct chat_message_find_row m;
    bool found = false;
    int64_t copied = 0;
    TRY(chat_thread_get(cx, client_id, &from));
    struct chat_message_find_in find = { .workspace_id = cx->principal.workspace_id,
                                         .thread_id = from.id,
                                         .client_id = message_id };
    TRY(chat_message_find(cx, &find, &m, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such message in this thread.");
    struct str title =
        from.title.len ? str_fmt(cx->arena, "%.*s (2)", STR_ARG(from.title)) : STR_NULL;
    TRY(thread_create(cx, STR_NULL, title, ret));
    struct chat_copy_messages_in copy = { .workspace_id = cx->principal.workspace_id,
                                          .from_id = from.id,
                                          .to_id = ret->id,
                                          .prefix = str_fmt(cx->arena, "%.*s:", STR_ARG(ret->id)),
                                          .until = m.seq,
                                          .now = cx->now_ms };
    TRY(chat_copy_messages(cx, &copy, &copied));
    struct chat_thread_touch_in touch = { .workspace_id = cx->principal.workspace_id,
                                          .id = ret->id,
                                          .added = copied,
                                          .title = STR(""),
                                          .title_key = STR(""),
                                          .now = cx->now_ms };
    TRY(chat_thread_touch(cx, &touch, NULL));
    return chat_thread_get(cx, ret->client_id, ret);
}

/* ---- purge ---- */

struct purge {
    struct str workspace_id, thread_id;
    int64_t removed;
};

static enum err purge_slice(struct cx *cx, void *arg)
{
    struct purge *p = arg;
    struct chat_message_purge_in messages = { .workspace_id = p->workspace_id,
                                              .thread_id = p->thread_id,
                                              .limit = PURGE_ROWS };
    struct chat_thread_purge_in thread = { .workspace_id = p->workspace_id, .id = p->thread_id };
    struct chat_message_runs_purge_in runs = { .workspace_id = p->workspace_id,
                                               .thread_id = p->thread_id,
                                               .limit = PURGE_ROWS };
    TRY(chat_message_runs_purge(cx, &runs, NULL));
    TRY(chat_message_purge(cx, &messages, &p->removed));
    return p->removed ? OK : chat_thread_purge(cx, &thread, NULL);
}

static enum err purge_run(struct cx *cx, const struct job *job)
{
    struct json payload;
    struct json_fault fault;
    if (json_parse(cx->arena, job->payload, NULL, &payload, &fault) != OK)
        return cx_fault(cx, "a purge without its thread");
    struct purge p = { .workspace_id = job->workspace_id,
                       .thread_id = json_text(&payload, "threadId"),
                       .removed = 1 };
    bool stopped;
    if (json_text(&payload, "runId").len)
        TRY(run_stop_anywhere(cx, json_text(&payload, "runId"), &stopped));
    while (p.removed > 0)
        TRY(db_write(cx, purge_slice, &p));
    return OK;
}

const struct job_kind chat_purge_job = { .name = "purge_thread", .run = purge_run };
