/* Exchanges on the loops: libcurl's multi interface, driven by libuv.
 *
 * Goals: no loop ever waits; a cancelled exchange has its socket closed in the same turn of the
 * loop; a host that speaks HTTP/2 gets a bounded number of connections, all others as many as there
 * are exchanges. Non-goals: balancing between loops.
 *
 * Invariants: multis are changed only from `turn`, a timer that is due at once, never from within
 * curl: so start, cancel and resume may be called in any callback. A fetch is in `first` from its
 * start to its report; on_done is called with curl off the stack. Two multis a loop: the limit of
 * connections to a host is a property of the multi, and libcurl 7.88 opens one connection after the
 * other to a server that takes few streams on each; only the first answer says which a host is. */
#include "net/fetch_state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"

enum {
    HTTP2_CONNECTIONS_MAX = 8,
    HTTP2_HOSTS_MAX = 64,
    HTTP1_KEPT_MAX = 512,     /* idle connections, a loop */
    HTTP2_STREAMS_MAX = 1000, /* of a connection; the server's own limit is lower */
    REST_MS = 60000           /* without an exchange, then kept connections are closed */
};

struct way {
    CURLM *curl;
    uv_timer_t timer; /* when curl wants to be called */
    struct fetch_loop *at;
};

struct fetch_loop {
    struct fetcher *fetcher;
    struct loop *loop;
    uv_loop_t *uv;
    struct way ways[FETCH_WAYS];
    uv_timer_t turn, rest;
    struct fetch *first;                    /* all of them */
    struct fetch *queue_first, *queue_last; /* to be looked at in the next turn */
    char http2_hosts[HTTP2_HOSTS_MAX][FETCH_HOST_BYTES_MAX];
    size_t http2_next; /* where the next one is written, over the oldest */
    struct loop_msg message;
    int fetches; /* whose timer is open */
    int handles; /* others of libuv, open */
    bool stopping, ended;
};

/* One socket of curl's. */
struct watch {
    uv_poll_t poll;
    struct way *way;
    curl_socket_t fd;
};

static void turn_soon(struct fetch_loop *l);
static void collect(struct way *w);

/* ---- curl's sockets and clock ---- */

static void act(struct way *w, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(w->curl, fd, events, &running);
    collect(w);
}

static void on_watch(uv_poll_t *p, int status, int events)
{
    struct watch *s = p->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(s->way, s->fd, flags);
}

static void on_watch_closed(uv_handle_t *h)
{
    free(h->data);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    struct way *w = arg;
    struct watch *s = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            curl_multi_assign(w->curl, fd, NULL);
            uv_close((uv_handle_t *)&s->poll, on_watch_closed);
        }
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            abort();
        if (uv_poll_init_socket(w->at->uv, &s->poll, fd) != 0) {
            free(s);
            return -1;
        }
        s->poll.data = s;
        s->way = w;
        s->fd = fd;
        curl_multi_assign(w->curl, fd, s);
    }
    uv_poll_start(&s->poll,
                  ((what & CURL_POLL_IN) ? UV_READABLE : 0) |
                      ((what & CURL_POLL_OUT) ? UV_WRITABLE : 0),
                  on_watch);
    return 0;
}

static void on_way_timer(uv_timer_t *t)
{
    act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct way *w = arg;
    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&w->timer);
    else
        uv_timer_start(&w->timer, on_way_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

/* The multi of that way, made when it is first needed. */
static CURLM *multi_of(struct fetch_loop *l, enum fetch_way which)
{
    struct way *w = &l->ways[which];
    if (w->curl)
        return w->curl;
    w->curl = curl_multi_init();
    if (!w->curl)
        abort();
    curl_multi_setopt(w->curl, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(w->curl, CURLMOPT_SOCKETDATA, w);
    curl_multi_setopt(w->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(w->curl, CURLMOPT_TIMERDATA, w);
    curl_multi_setopt(w->curl, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)HTTP2_STREAMS_MAX);
    if (which == FETCH_HTTP2)
        curl_multi_setopt(w->curl, CURLMOPT_MAX_HOST_CONNECTIONS,
                          (long)l->fetcher->http2_connections_max);
    else
        curl_multi_setopt(w->curl, CURLMOPT_MAXCONNECTS, (long)HTTP1_KEPT_MAX);
    return w->curl;
}

/* Closes the connections that are kept. No exchange is in it. */
static void multi_drop(struct way *w)
{
    if (w->curl)
        curl_multi_cleanup(w->curl);
    w->curl = NULL;
    uv_timer_stop(&w->timer);
}

/* ---- hosts that speak HTTP/2 ---- */

static size_t http2_find(const struct fetch_loop *l, const char *host)
{
    for (size_t i = 0; i < HTTP2_HOSTS_MAX; i++)
        if (strcmp(l->http2_hosts[i], host) == 0)
            return i;
    return SIZE_MAX;
}

void fetch_loop_learn(struct fetch *f, bool http2)
{
    struct fetch_loop *l = f->at;
    size_t known = http2_find(l, f->host);
    if (!http2 && known != SIZE_MAX) {
        l->http2_hosts[known][0] = 0;
    } else if (http2 && known == SIZE_MAX) {
        memcpy(l->http2_hosts[l->http2_next], f->host, sizeof f->host);
        l->http2_next = (l->http2_next + 1) % HTTP2_HOSTS_MAX;
    }
}

/* ---- life of an exchange ---- */

static void list_add(struct fetch_loop *l, struct fetch *f)
{
    f->next = l->first;
    if (l->first)
        l->first->prev = f;
    l->first = f;
    uv_timer_stop(&l->rest);
}

static void list_remove(struct fetch_loop *l, struct fetch *f)
{
    if (f->prev)
        f->prev->next = f->next;
    else
        l->first = f->next;
    if (f->next)
        f->next->prev = f->prev;
}

static void on_rest(uv_timer_t *t)
{
    struct fetch_loop *l = t->data;
    for (int i = 0; i < FETCH_WAYS; i++)
        multi_drop(&l->ways[i]);
}

static void on_fetch_closed(uv_handle_t *h)
{
    struct fetch *f = h->data;
    struct fetch_loop *l = f->at;
    l->fetches--;
    f->closed = true;
    if (!f->queued) /* else the turn does it */
        fetch_drop(f);
    if (l->stopping)
        turn_soon(l);
}

static void finish(struct fetch *f)
{
    struct fetch_loop *l = f->at;
    if (f->multi)
        curl_multi_remove_handle(f->multi, f->curl);
    f->multi = NULL;
    list_remove(l, f);
    if (!l->first && !l->stopping)
        uv_timer_start(&l->rest, on_rest, REST_MS, 0);
    fetch_report(f);
    uv_close((uv_handle_t *)&f->timer, on_fetch_closed);
}

/* Takes what curl has finished. */
static void collect(struct way *w)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(w->curl, &left))) {
        struct fetch *f = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
        fetch_decide_code(f, m->data.result);
        finish(f);
    }
}

static void on_fetch_timer(uv_timer_t *t)
{
    struct fetch *f = t->data;
    fetch_loop_watch(f);
    if (f->end)
        finish(f);
}

void fetch_loop_watch(struct fetch *f)
{
    int64_t now_ms = clock_monotonic_ms(), rest_ms = fetch_check_time(f, now_ms) - now_ms;
    uv_timer_start(&f->timer, on_fetch_timer, rest_ms > 0 ? (uint64_t)rest_ms : 0, 0);
}

static void enter(struct fetch *f)
{
    struct fetch_loop *l = f->at;
    f->way = http2_find(l, f->host) == SIZE_MAX ? FETCH_HTTP1 : FETCH_HTTP2;
    if (f->way == FETCH_HTTP2)
        curl_easy_setopt(f->curl, CURLOPT_PIPEWAIT, 1L);
    f->multi = multi_of(l, f->way);
    if (curl_multi_add_handle(f->multi, f->curl) != CURLM_OK)
        abort(); /* only our own misuse fails */
    fetch_loop_watch(f);
}

/* ---- the turn ---- */

static void attend(struct fetch *f)
{
    if (f->over) {
        if (f->closed)
            fetch_drop(f);
        return;
    }
    if (!f->end && f->resume) {
        fetch_resume(f);
        fetch_loop_watch(f); /* the idle limit runs again */
    }
    if (!f->end && !f->multi)
        enter(f);
    if (f->end)
        finish(f);
}

static void end_when_empty(struct fetch_loop *l);

static void on_turn(uv_timer_t *t)
{
    struct fetch_loop *l = t->data;
    struct fetch *f = l->queue_first;
    l->queue_first = l->queue_last = NULL;
    while (f) {
        struct fetch *next = f->next_queued;
        f->queued = false;
        attend(f);
        f = next;
    }
    for (int i = 0; i < FETCH_WAYS; i++)
        if (l->ways[i].curl)
            collect(&l->ways[i]);
    if (l->stopping)
        end_when_empty(l);
}

static void turn_soon(struct fetch_loop *l)
{
    if (!uv_is_active((uv_handle_t *)&l->turn))
        uv_timer_start(&l->turn, on_turn, 0, 0);
}

static void queue(struct fetch *f)
{
    struct fetch_loop *l = f->at;
    if (f->queued)
        return;
    f->queued = true;
    f->next_queued = NULL;
    if (l->queue_last)
        l->queue_last->next_queued = f;
    else
        l->queue_first = f;
    l->queue_last = f;
    turn_soon(l);
}

/* ---- for callers ---- */

static void on_late(struct loop_msg *m)
{
    struct fetch *f = (struct fetch *)((char *)m - offsetof(struct fetch, late));
    fetch_report(f);
    fetch_drop(f);
}

struct fetch *fetch_start(struct fetcher *fetcher, struct loop *loop,
                          const struct fetch_request *rq, const struct fetch_events *events,
                          void *arg)
{
    struct fetch_loop *l = &fetcher->at[loop_index(loop)];
    struct fetch *f = fetch_make(fetcher, rq, events, arg);
    assert(loop_current() == loop);
    f->at = l;
    if (l->stopping)
        fetch_decide(f, FETCH_CANCELLED, "");
    if (l->ended) {
        f->queued = true; /* there is no turn any more */
        f->late.fn = on_late;
        loop_post(loop, &f->late);
        return f;
    }
    uv_timer_init(l->uv, &f->timer);
    f->timer.data = f;
    l->fetches++;
    list_add(l, f);
    queue(f);
    return f;
}

void fetch_cancel(struct fetch *f)
{
    assert(loop_current() == f->at->loop);
    if (f->over)
        return; /* inside its own on_done */
    f->end = 0; /* what was decided and is not reported yet gives way to the caller's word */
    fetch_decide(f, FETCH_CANCELLED, "");
    queue(f);
}

void fetch_pause(struct fetch *f, bool paused)
{
    if (f->over || f->http2 || f->paused == paused)
        return;
    f->paused = paused;
    f->resume = !paused;
    if (!paused)
        queue(f);
}

/* ---- begin and end ---- */

static struct fetch_loop *of_message(struct loop_msg *m)
{
    return (struct fetch_loop *)((char *)m - offsetof(struct fetch_loop, message));
}

static void running_add(struct fetcher *fetcher, int n)
{
    pthread_mutex_lock(&fetcher->lock);
    fetcher->running += n;
    pthread_cond_broadcast(&fetcher->changed);
    pthread_mutex_unlock(&fetcher->lock);
}

static void running_wait(struct fetcher *fetcher, int n)
{
    pthread_mutex_lock(&fetcher->lock);
    while (fetcher->running != n)
        pthread_cond_wait(&fetcher->changed, &fetcher->lock);
    pthread_mutex_unlock(&fetcher->lock);
}

static void timer_open(struct fetch_loop *l, uv_timer_t *t, void *data)
{
    uv_timer_init(l->uv, t);
    t->data = data;
    l->handles++;
}

/* On its loop: libuv's handles belong to the thread. */
static void on_begin(struct loop_msg *m)
{
    struct fetch_loop *l = of_message(m);
    l->uv = loop_uv(l->loop);
    timer_open(l, &l->turn, l);
    timer_open(l, &l->rest, l);
    for (int i = 0; i < FETCH_WAYS; i++) {
        l->ways[i].at = l;
        timer_open(l, &l->ways[i].timer, &l->ways[i]);
    }
    running_add(l->fetcher, 1);
}

static void on_timer_closed(struct fetch_loop *l)
{
    if (--l->handles == 0)
        running_add(l->fetcher, -1);
}

static void on_own_closed(uv_handle_t *h)
{
    on_timer_closed(h->data);
}

static void on_way_closed(uv_handle_t *h)
{
    on_timer_closed(((struct way *)h->data)->at);
}

static void end_when_empty(struct fetch_loop *l)
{
    if (l->first || l->fetches || l->queue_first || l->ended)
        return;
    l->ended = true;
    for (int i = 0; i < FETCH_WAYS; i++) {
        multi_drop(&l->ways[i]);
        uv_close((uv_handle_t *)&l->ways[i].timer, on_way_closed);
    }
    uv_close((uv_handle_t *)&l->turn, on_own_closed);
    uv_close((uv_handle_t *)&l->rest, on_own_closed);
}

static void on_stop(struct loop_msg *m)
{
    struct fetch_loop *l = of_message(m);
    l->stopping = true;
    for (struct fetch *f = l->first; f; f = f->next) {
        fetch_decide(f, FETCH_CANCELLED, "");
        queue(f);
    }
    turn_soon(l);
}

struct fetcher *fetcher_new(struct loops *loops, const struct fetcher_options *o)
{
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);
    struct str bad;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    if (!fetcher || !(fetcher->at = calloc((size_t)loops_count(loops), sizeof *fetcher->at)))
        abort();
    fetcher->loops = loops;
    fetcher->count = loops_count(loops);
    fetcher->http2_connections_max =
        o->http2_connections_max ? o->http2_connections_max : HTTP2_CONNECTIONS_MAX;
    if (o->ca_file.len && !(fetcher->ca_file = strndup(o->ca_file.ptr, o->ca_file.len)))
        abort();
    pthread_mutex_init(&fetcher->lock, NULL);
    pthread_cond_init(&fetcher->changed, NULL);
    (void)guard_list_parse(o->outbound_allow, &fetcher->allowed, &bad);
    for (int i = 0; i < fetcher->count; i++) {
        struct fetch_loop *l = &fetcher->at[i];
        l->fetcher = fetcher;
        l->loop = loops_at(loops, i);
        l->message.fn = on_begin;
        loop_post(l->loop, &l->message);
    }
    running_wait(fetcher, fetcher->count);
    return fetcher;
}

bool fetcher_reload(struct fetcher *fetcher, struct str outbound_allow, struct str *ret_bad)
{
    struct guard_list list;
    if (!guard_list_parse(outbound_allow, &list, ret_bad))
        return false;
    pthread_mutex_lock(&fetcher->lock);
    fetcher->allowed = list;
    pthread_mutex_unlock(&fetcher->lock);
    return true;
}

void fetcher_stop(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    pthread_mutex_lock(&fetcher->lock);
    bool first = !fetcher->stopping;
    fetcher->stopping = true;
    pthread_mutex_unlock(&fetcher->lock);
    if (!first)
        return;
    for (int i = 0; i < fetcher->count; i++) {
        fetcher->at[i].message.fn = on_stop;
        loop_post(fetcher->at[i].loop, &fetcher->at[i].message);
    }
    running_wait(fetcher, 0);
}

void fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    fetcher_stop(fetcher);
    pthread_cond_destroy(&fetcher->changed);
    pthread_mutex_destroy(&fetcher->lock);
    free(fetcher->ca_file);
    free(fetcher->at);
    free(fetcher);
    curl_global_cleanup();
}

/* ---- counters ---- */

void fetcher_metrics(struct buf *out, void *arg)
{
    static const char *const names[FETCH_ENDS] = {
        [FETCH_WHOLE] = "whole",           [FETCH_CUT] = "cut",
        [FETCH_NO_CONNECT] = "no_connect", [FETCH_REFUSED] = "refused",
        [FETCH_TIMEOUT] = "timeout",       [FETCH_TOO_LARGE] = "too_large",
        [FETCH_BAD_URL] = "bad_url",       [FETCH_CANCELLED] = "cancelled",
        [FETCH_STOPPED] = "stopped"
    };
    struct fetcher *fetcher = arg;
    struct fetch_counters *c = &fetcher->counters;
    buf_put_cstr(out, "# TYPE opboxd_outbound_total counter\n");
    for (int i = FETCH_WHOLE; i < FETCH_ENDS; i++)
        buf_printf(out, "opboxd_outbound_total{end=\"%s\"} %lld\n", names[i],
                   atomic_load(&c->ends[i]));
    buf_printf(out,
               "# TYPE opboxd_outbound_open gauge\nopboxd_outbound_open %lld\n"
               "# TYPE opboxd_outbound_connections_total counter\n"
               "opboxd_outbound_connections_total %lld\n"
               "# TYPE opboxd_outbound_http2_total counter\nopboxd_outbound_http2_total %lld\n"
               "# TYPE opboxd_outbound_received_bytes_total counter\n"
               "opboxd_outbound_received_bytes_total %lld\n",
               atomic_load(&c->open), atomic_load(&c->connections), atomic_load(&c->http2),
               atomic_load(&c->bytes_in));
}
