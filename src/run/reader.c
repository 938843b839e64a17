/* Goals: each reader gets every event once and in order, at its own pace; one that is slow is
 * brought up to date from the message, and holds nobody up. Non-goals: what is told
 * (message_stream.c). Invariants: `at` is the counter of the last event that the sink took; the
 * list is the run's loop's; a reader lives until it has left the list and its sink has let go of
 * it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/app.h"
#include "run/state.h"

static void reader_unref(struct reader *d)
{
    if (atomic_fetch_sub(&d->refs, 1) != 1)
        return;
    sink_unref(d->sink);
    run_unref(d->run);
    free(d);
}

static void reader_unlink(struct reader *d)
{
    if (!d->linked)
        return;
    for (struct reader **at = &d->run->readers; *at; at = &(*at)->next) {
        if (*at == d) {
            *at = d->next;
            break;
        }
    }
    d->linked = false;
    reader_unref(d);
}

static bool put(void *arg, const char *name, int64_t counter, struct str data)
{
    struct reader *d = arg;
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)counter);
    return sink_event(d->sink, str_of(name), str_of(id), data);
}

static void reader_pump(struct reader *d)
{
    struct run *r = d->run;
    int64_t end = message_counter(r->message);
    if (!r->telling || d->done)
        return;
    if (d->at < end)
        d->at = message_replay(r->message, d->at, put, d);
    d->behind = d->at < end;
    if (!d->behind && r->finished && sink_event(d->sink, STR_NULL, STR_NULL, STR("[DONE]"))) {
        sink_close(d->sink);
        d->done = true;
    } else if (!d->behind && r->finished) {
        d->behind = true;
    }
}

/* Without a thread there is nothing to come back to: the provider waits for its only reader. */
static void hold_provider(struct run *r)
{
    bool behind = false;
    if (str_given(r->ref.thread_id) || !r->call || r->model.call != RUN_CALL_UNDER_WAY)
        return;
    for (struct reader *d = r->readers; d; d = d->next)
        behind |= d->behind;
    llm_call_pause(r->call, behind);
}

static void drop_done(struct run *r)
{
    for (struct reader *d = r->readers, *next; d; d = next) {
        next = d->next;
        if (d->done)
            reader_unlink(d);
    }
}

void readers_pump(struct run *r)
{
    for (struct reader *d = r->readers; d; d = d->next)
        reader_pump(d);
    hold_provider(r);
    if (r->finished)
        drop_done(r);
}

void readers_finish(struct run *r)
{
    r->finished = true;
    r->telling = true;
    readers_pump(r);
}

/* ---- leaving ---- */

static void on_lonely(void *arg)
{
    struct run *r = arg;
    r->lonely = NULL;
    if (!r->readers)
        run_event(r, &(struct run_event){ .type = RUN_STOP, .reason = RUN_BY_CLIENT });
    run_unref(r);
}

static void on_gone_posted(struct loop_msg *m)
{
    struct reader *d = (struct reader *)((char *)m - offsetof(struct reader, gone_msg));
    struct run *r = run_hold(d->run);
    reader_unlink(d);
    reader_unref(d); /* the sink's */
    if (!r->readers && !str_given(r->ref.thread_id) && !r->finished && !r->lonely)
        r->lonely = loop_timer_start(r->loop, 2000, on_lonely, run_hold(r));
    hold_provider(r);
    run_unref(r);
}

static void on_gone(void *arg)
{
    struct reader *d = arg;
    d->gone_msg.fn = on_gone_posted;
    loop_post(d->run->loop, &d->gone_msg);
}

static void on_drain_posted(struct loop_msg *m)
{
    struct reader *d = (struct reader *)((char *)m - offsetof(struct reader, drain_msg));
    struct run *r = run_hold(d->run);
    atomic_store(&d->drain_posted, false);
    if (d->linked)
        readers_pump(r);
    reader_unref(d);
    run_unref(r);
}

static void on_drain(void *arg)
{
    struct reader *d = arg;
    if (atomic_exchange(&d->drain_posted, true))
        return;
    atomic_fetch_add(&d->refs, 1);
    d->drain_msg.fn = on_drain_posted;
    loop_post(d->run->loop, &d->drain_msg);
}

/* ---- coming ---- */

void reader_attach_posted(struct loop_msg *m)
{
    struct reader *d = (struct reader *)((char *)m - offsetof(struct reader, attach_msg));
    struct run *r = d->run;
    d->next = r->readers;
    r->readers = d;
    d->linked = true;
    if (d->at > message_counter(r->message))
        d->at = 0; /* of another life of this message: from the start */
    readers_pump(r);
}

static void on_attach(struct loop_msg *m)
{
    struct reader *d = (struct reader *)((char *)m - offsetof(struct reader, attach_msg));
    struct run *r = run_hold(d->run);
    reader_attach_posted(m);
    run_unref(r);
}

void run_attach(struct run *r, struct sink *sink, int64_t after)
{
    struct reader *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    atomic_init(&d->refs, 2);
    atomic_init(&d->drain_posted, false);
    d->run = run_hold(r);
    d->sink = sink_ref(sink);
    d->at = after;
    sink_header(sink, "x-vercel-ai-ui-message-stream", STR("v1"));
    sink_watch(sink, on_gone, on_drain, d);
    d->attach_msg.fn = on_attach;
    loop_post(r->loop, &d->attach_msg);
}
