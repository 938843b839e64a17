/* Goals: carry server-sent events from any thread to one reader, bounded, with both ends free to
 * leave at any moment. Non-goals: replay; who wants to catch up does so from the run's state.
 * Invariants: all fields but `refs` are under `lock`; watchers are called without it, on the
 * reader's thread; after sink_leave nothing more is taken; an event is taken whole or not at all.
 * Format: WHATWG HTML, server-sent events. */
#include "op/sink.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "op/field.h"

enum { SINK_HEADERS_MAX = 8, SINK_HEADER_BYTES = 256 };

struct sink {
    atomic_int refs;
    pthread_mutex_t lock;
    struct buf events;
    size_t bytes_max;
    enum sink_state state;
    bool gone, was_full, begun, nothing;
    bool hungry; /* the last take found nothing: the next event wakes */
    void (*wake)(void *arg);
    void *wake_arg;
    void (*on_gone)(void *arg);
    void (*on_drain)(void *arg);
    void *watch_arg;
    struct header headers[SINK_HEADERS_MAX];
    size_t header_count;
    struct buf header_bytes;
};

struct sink *sink_new(size_t bytes_max)
{
    struct sink *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->lock, NULL);
    s->bytes_max = bytes_max;
    buf_init(&s->events, NULL, bytes_max);
    buf_init(&s->header_bytes, NULL, SINK_HEADER_BYTES);
    buf_reserve(&s->header_bytes, SINK_HEADER_BYTES); /* so that pointers into it stay */
    s->state = SINK_OPEN;
    s->hungry = true;
    return s;
}

struct sink *sink_ref(struct sink *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void sink_unref(struct sink *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&s->lock);
    buf_release(&s->events);
    buf_release(&s->header_bytes);
    free(s);
}

/* Under the lock, so that nobody is woken after sink_leave has returned. `wake` only posts a
 * message. */
static void wake_if_hungry(struct sink *s)
{
    if (!s->hungry || !s->wake)
        return;
    s->hungry = false;
    s->wake(s->wake_arg);
}

static void put_line(struct buf *b, const char *name, struct str value)
{
    buf_put_cstr(b, name);
    buf_put_str(b, value);
    buf_put_byte(b, '\n');
}

static size_t line_end(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\n' || s.ptr[i] == '\r')
            return i;
    return s.len;
}

static void put_data(struct buf *b, struct str data)
{
    for (;;) {
        size_t end = line_end(data);
        put_line(b, "data: ", str_sub(data, 0, end));
        if (end == data.len)
            return;
        bool crlf = data.ptr[end] == '\r' && end + 1 < data.len && data.ptr[end + 1] == '\n';
        data = str_sub(data, end + (crlf ? 2 : 1), data.len);
    }
}

bool sink_event(struct sink *s, struct str event, struct str id, struct str data)
{
    pthread_mutex_lock(&s->lock);
    if (s->gone || s->state != SINK_OPEN) {
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    size_t before = s->events.len;
    s->begun = true;
    if (str_given(event))
        put_line(&s->events, "event: ", event);
    if (str_given(id))
        put_line(&s->events, "id: ", id);
    put_data(&s->events, data);
    buf_put_byte(&s->events, '\n');
    bool fits = !s->events.overflow;
    if (!fits) {
        s->events.len = before;
        s->events.overflow = false;
        s->was_full = true;
    }
    wake_if_hungry(s);
    pthread_mutex_unlock(&s->lock);
    return fits;
}

void sink_comment(struct sink *s, struct str text)
{
    pthread_mutex_lock(&s->lock);
    size_t before = s->events.len;
    if (!s->gone && s->state == SINK_OPEN)
        put_line(&s->events, ": ", text);
    buf_put_byte(&s->events, '\n');
    if (s->events.overflow || s->gone || s->state != SINK_OPEN) {
        s->events.len = before;
        s->events.overflow = false;
    }
    wake_if_hungry(s);
    pthread_mutex_unlock(&s->lock);
}

void sink_header(struct sink *s, const char *name, struct str value)
{
    pthread_mutex_lock(&s->lock);
    assert(!s->begun && s->header_count < SINK_HEADERS_MAX);
    char *at = buf_reserve(&s->header_bytes, value.len);
    assert(at);
    memcpy(at, value.ptr, value.len);
    s->header_bytes.len += value.len;
    s->headers[s->header_count++] = (struct header){ str_of(name), (struct str){ at, value.len } };
    pthread_mutex_unlock(&s->lock);
}

void sink_nothing(struct sink *s)
{
    pthread_mutex_lock(&s->lock);
    assert(!s->begun);
    s->nothing = true;
    s->state = SINK_CLOSED;
    pthread_mutex_unlock(&s->lock);
}

bool sink_is_nothing(const struct sink *s)
{
    struct sink *m = (struct sink *)s;
    pthread_mutex_lock(&m->lock);
    bool nothing = m->nothing;
    pthread_mutex_unlock(&m->lock);
    return nothing;
}

static void sink_end(struct sink *s, enum sink_state state)
{
    pthread_mutex_lock(&s->lock);
    if (s->state == SINK_OPEN)
        s->state = state;
    wake_if_hungry(s);
    pthread_mutex_unlock(&s->lock);
}

void sink_close(struct sink *s)
{
    sink_end(s, SINK_CLOSED);
}

void sink_abort(struct sink *s)
{
    sink_end(s, SINK_ABORTED);
}

bool sink_gone(const struct sink *s)
{
    struct sink *m = (struct sink *)s;
    pthread_mutex_lock(&m->lock);
    bool gone = m->gone;
    pthread_mutex_unlock(&m->lock);
    return gone;
}

size_t sink_backlog_bytes(const struct sink *s)
{
    struct sink *m = (struct sink *)s;
    pthread_mutex_lock(&m->lock);
    size_t n = m->events.len;
    pthread_mutex_unlock(&m->lock);
    return n;
}

void sink_watch(struct sink *s, void (*on_gone)(void *arg), void (*on_drain)(void *arg), void *arg)
{
    pthread_mutex_lock(&s->lock);
    s->on_gone = on_gone;
    s->on_drain = on_drain;
    s->watch_arg = arg;
    pthread_mutex_unlock(&s->lock);
}

/* ---- the reader's end ---- */

void sink_attach(struct sink *s, void (*wake)(void *arg), void *arg)
{
    pthread_mutex_lock(&s->lock);
    s->wake = wake;
    s->wake_arg = arg;
    s->hungry = true;
    if (s->events.len > 0 || s->state != SINK_OPEN)
        wake_if_hungry(s);
    pthread_mutex_unlock(&s->lock);
}

enum sink_state sink_take(struct sink *s, struct buf *out, size_t bytes_max)
{
    void (*drain)(void *) = NULL;
    pthread_mutex_lock(&s->lock);
    size_t n = s->events.len < bytes_max ? s->events.len : bytes_max;
    buf_put(out, s->events.ptr, n);
    if (out->overflow)
        n = 0; /* the caller sees its own buffer overflow and takes again later */
    buf_consume(&s->events, n);
    s->hungry = s->events.len == 0;
    enum sink_state state = s->events.len ? SINK_OPEN : s->state;
    if (s->was_full && s->events.len < s->bytes_max / 4) {
        s->was_full = false;
        drain = s->on_drain;
    }
    void *arg = s->watch_arg;
    pthread_mutex_unlock(&s->lock);
    if (drain)
        drain(arg);
    return state;
}

void sink_leave(struct sink *s)
{
    pthread_mutex_lock(&s->lock);
    void (*fn)(void *) = s->gone ? NULL : s->on_gone;
    void *arg = s->watch_arg;
    s->gone = true;
    s->wake = NULL;
    buf_release(&s->events);
    buf_init(&s->events, NULL, s->bytes_max);
    pthread_mutex_unlock(&s->lock);
    if (fn)
        fn(arg);
}

const struct header *sink_headers(const struct sink *s, size_t *ret_count)
{
    *ret_count = s->header_count;
    return s->headers;
}
