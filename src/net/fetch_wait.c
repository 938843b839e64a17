/* One exchange, waited for: on a loop when there are loops, else on a multi of its own.
 *
 * Goals: the same exchange either way, by the same code of fetch.c. Invariants: the answer is
 * copied into the arena by the waiting thread, after the exchange is over: an arena has one owner;
 * messages are posted under the fetcher's lock, so that none comes after its stop. */
#include "net/fetch_state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/crypto.h"

enum { POLL_MS_MAX = 1000 };

struct wait {
    struct loop_msg start, cancel;
    struct fetcher *fetcher;
    struct loop *loop;
    const struct fetch_request *rq;
    struct fetch *fetch; /* of the loop; NULL: over */
    struct fetch_result result;
    struct buf head; /* name LF value LF … */
    struct buf body;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    bool over, cancelling;
};

/* ---- what comes in ---- */

static void on_head(void *arg, int status, const struct fetch_header *headers, size_t count)
{
    struct wait *w = arg;
    (void)status;
    for (size_t i = 0; i < count; i++) {
        buf_put_str(&w->head, headers[i].name);
        buf_put_byte(&w->head, '\n');
        buf_put_str(&w->head, headers[i].value);
        buf_put_byte(&w->head, '\n');
    }
}

static bool on_body(void *arg, struct str bytes)
{
    struct wait *w = arg;
    buf_put_str(&w->body, bytes); /* the exchange keeps the bound */
    return true;
}

static void on_done(void *arg, const struct fetch_result *r)
{
    struct wait *w = arg;
    w->fetch = NULL;
    pthread_mutex_lock(&w->lock);
    w->result = *r;
    w->over = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static const struct fetch_events events = { on_head, on_body, on_done };

/* ---- on a loop ---- */

static void on_start(struct loop_msg *m)
{
    struct wait *w = (struct wait *)((char *)m - offsetof(struct wait, start));
    w->fetch = fetch_start(w->fetcher, w->loop, w->rq, &events, w);
}

static void on_cancel(struct loop_msg *m)
{
    struct wait *w = (struct wait *)((char *)m - offsetof(struct wait, cancel));
    if (w->fetch)
        fetch_cancel(w->fetch);
    pthread_mutex_lock(&w->lock);
    w->cancelling = false;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* False: the fetcher has stopped. */
static bool post(struct wait *w, struct loop_msg *m)
{
    pthread_mutex_lock(&w->fetcher->lock);
    bool ok = !w->fetcher->stopping;
    if (ok)
        loop_post(w->loop, m);
    pthread_mutex_unlock(&w->fetcher->lock);
    return ok;
}

static bool over_by(struct wait *w, int64_t deadline_ms)
{
    struct timespec at = { .tv_sec = deadline_ms / 1000,
                           .tv_nsec = (long)(deadline_ms % 1000) * 1000000 };
    int rc = 0;
    while ((!w->over || w->cancelling) && rc == 0)
        rc = deadline_ms ? pthread_cond_timedwait(&w->changed, &w->lock, &at)
                         : pthread_cond_wait(&w->changed, &w->lock);
    return w->over && !w->cancelling;
}

static void wait_on_loop(struct wait *w, int64_t deadline_ms)
{
    unsigned turn = atomic_fetch_add(&w->fetcher->next, 1);
    w->loop = loops_at(w->fetcher->loops, (int)(turn % (unsigned)w->fetcher->count));
    w->start.fn = on_start;
    w->cancel.fn = on_cancel;
    if (!post(w, &w->start)) {
        w->result = (struct fetch_result){ .end = FETCH_CANCELLED, .sentence = "" };
        return;
    }
    pthread_mutex_lock(&w->lock);
    if (!over_by(w, deadline_ms)) {
        w->cancelling = true;
        pthread_mutex_unlock(&w->lock);
        bool posted = post(w, &w->cancel); /* else it is being cancelled already */
        pthread_mutex_lock(&w->lock);
        w->cancelling = w->cancelling && posted;
        over_by(w, 0);
        if (w->result.end == FETCH_CANCELLED) {
            w->result.end = FETCH_TIMEOUT;
            w->result.sentence = "The exchange took longer than allowed.";
        }
    }
    pthread_mutex_unlock(&w->lock);
}

/* ---- alone ---- */

static void step(CURLM *multi, struct fetch *f)
{
    int running, left;
    CURLMsg *m;
    curl_multi_perform(multi, &running);
    while ((m = curl_multi_info_read(multi, &left)))
        if (m->msg == CURLMSG_DONE)
            fetch_decide_code(f, m->data.result);
}

static void wait_alone(struct wait *w, int64_t deadline_ms)
{
    CURLM *multi = curl_multi_init();
    struct fetch *f = fetch_make(NULL, w->rq, &events, w);
    if (!multi)
        abort();
    if (!f->end && curl_multi_add_handle(multi, f->curl) == CURLM_OK)
        f->multi = multi;
    while (!f->end) {
        step(multi, f);
        int64_t now_ms = clock_monotonic_ms(), next_ms = fetch_check_time(f, now_ms);
        if (deadline_ms && now_ms >= deadline_ms)
            fetch_decide(f, FETCH_TIMEOUT, "The exchange took longer than allowed.");
        if (deadline_ms && deadline_ms < next_ms)
            next_ms = deadline_ms;
        int64_t rest_ms = next_ms - now_ms;
        if (!f->end)
            curl_multi_poll(multi, NULL, 0, (int)(rest_ms > POLL_MS_MAX ? POLL_MS_MAX : rest_ms),
                            NULL);
    }
    if (f->multi)
        curl_multi_remove_handle(multi, f->curl);
    f->multi = NULL;
    fetch_report(f);
    fetch_drop(f);
    curl_multi_cleanup(multi);
}

/* ---- the answer ---- */

static size_t head_lines(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '\n';
    return n / 2;
}

static void answer_make(struct cx *cx, struct wait *w, struct fetch_answer *ret)
{
    struct str rest = str_copy(cx->arena, buf_str(&w->head));
    size_t count = head_lines(rest);
    *ret = (struct fetch_answer){ .result = w->result,
                                  .header_count = count,
                                  .headers = arena_array(cx->arena, count, sizeof *ret->headers),
                                  .body = str_copy(cx->arena, buf_str(&w->body)) };
    for (size_t i = 0; i < count; i++) {
        ret->headers[i].name = str_split(&rest, '\n');
        ret->headers[i].value = str_split(&rest, '\n');
    }
}

static void wait_init(struct wait *w)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    buf_init(&w->head, NULL, (size_t)2 * FETCH_HEAD_BYTES_MAX);
    buf_init(&w->body, NULL,
             w->rq->body_bytes_max ? (size_t)w->rq->body_bytes_max : (size_t)FETCH_BODY_BYTES_MAX);
}

static void wait_release(struct wait *w)
{
    if (w->body.ptr)
        bytes_wipe(w->body.ptr, w->body.cap);
    if (w->head.ptr)
        bytes_wipe(w->head.ptr, w->head.cap);
    buf_release(&w->body);
    buf_release(&w->head);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

void fetch_wait(struct cx *cx, const struct fetch_request *rq, struct fetch_answer *ret)
{
    struct wait w = { .rq = rq, .fetcher = cx->app ? cx->app->fetcher : NULL };
    assert(!loop_current());
    wait_init(&w);
    if (w.fetcher)
        wait_on_loop(&w, cx->deadline_ms);
    else
        wait_alone(&w, cx->deadline_ms);
    answer_make(cx, &w, ret);
    wait_release(&w);
}

struct str fetch_answer_header(const struct fetch_answer *a, const char *name)
{
    for (size_t i = 0; i < a->header_count; i++)
        if (str_is(a->headers[i].name, name))
            return a->headers[i].value;
    return STR_NULL;
}
