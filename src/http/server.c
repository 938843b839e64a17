/* The server: listeners on every loop, reload, drain, counters.
 *
 * Goals: the port is known to be ours before anything else starts; stopping loses nothing that has
 * begun. Invariants: handles of a loop are touched on its thread only: the other threads send it a
 * message and wait; `settings` is replaced as a whole and the old ones live until the server is
 * freed. */
#include "http/server.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/forward.h"

enum { ORIGINS_MAX = 32, SWEEP_MS = 250, BACKLOG = 1024, ACCEPT_LOG_MS = 60000 };

/* What a reload replaces. */
struct settings {
    struct settings *older;
    struct networks proxies;
    struct str origins[ORIGINS_MAX];
    size_t origin_count;
    char *text;
};

struct http_server {
    struct app *app;
    struct http_options options;
    struct http_loop *loops;
    int count;
    int port;
    bool secure;
    _Atomic(struct settings *) settings;
    atomic_llong open;
    pthread_mutex_t lock;
    pthread_cond_t empty;
    char public_origin[512];
};

struct app *http_app(struct http_server *s)
{
    return s->app;
}

const struct http_options *http_opts(const struct http_server *s)
{
    return &s->options;
}

bool http_secure(const struct http_server *s)
{
    return s->secure;
}

bool http_may_open(struct http_server *s)
{
    return atomic_fetch_add(&s->open, 1) < s->options.connections_max;
}

void http_conn_closed(struct http_loop *hl)
{
    struct http_server *s = hl->server;
    hl->open--;
    hl->open_shared--;
    if (atomic_fetch_sub(&s->open, 1) == 1) {
        pthread_mutex_lock(&s->lock);
        pthread_cond_signal(&s->empty);
        pthread_mutex_unlock(&s->lock);
    }
}

/* ---- settings ---- */

static struct settings *settings_new(struct str proxies, struct str origins)
{
    struct settings *s = calloc(1, sizeof *s);
    struct str bad;
    if (!s || !(s->text = malloc(origins.len + 1)))
        abort();
    if (!networks_parse(proxies, &s->proxies, &bad))
        log_line(LOG_ERROR, "trusted proxies: not a network", log_s("item", bad));
    memcpy(s->text, origins.ptr ? origins.ptr : "", origins.len);
    struct str rest = { s->text, origins.len };
    while (str_given(rest) && s->origin_count < ORIGINS_MAX) {
        struct str one = str_trim(str_split(&rest, ','));
        if (one.len)
            s->origins[s->origin_count++] = one;
    }
    return s;
}

static void settings_free(struct settings *s)
{
    while (s) {
        struct settings *older = s->older;
        free(s->text);
        free(s);
        s = older;
    }
}

void http_server_reload(struct http_server *s, struct str trusted_proxies, struct str cors_origins)
{
    struct settings *next = settings_new(trusted_proxies, cors_origins);
    next->older = atomic_load(&s->settings);
    atomic_store(&s->settings, next);
}

struct str http_client_address(struct http_server *s, struct arena *a, struct str peer,
                               const struct header *headers, size_t count)
{
    const struct settings *set = atomic_load(&s->settings);
    return set->proxies.count ? forwarded_for(a, &set->proxies, peer, headers, count) : peer;
}

bool http_origin_allowed(struct http_server *s, struct str origin, bool *ret_any)
{
    const struct settings *set = atomic_load(&s->settings);
    *ret_any = set->origin_count > 0;
    for (size_t i = 0; str_given(origin) && i < set->origin_count; i++)
        if (str_eq(origin, set->origins[i]))
            return true;
    return false;
}

/* ---- sockets ---- */

struct address {
    struct sockaddr_storage a;
    socklen_t len;
    char text[300];
};

/* "host:port", "[v6]:port"; numeric addresses only, so that nothing depends on a resolver. */
static bool address_parse(struct str s, struct address *ret)
{
    char host[64];
    size_t colon = s.len;
    int64_t port;
    while (colon > 0 && s.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_i64(str_sub(s, colon, s.len), &port) || port < 0 || port > 65535)
        return false;
    struct str h = str_sub(s, 0, colon - 1);
    if (h.len >= 2 && h.ptr[0] == '[' && h.ptr[h.len - 1] == ']')
        h = str_sub(h, 1, h.len - 1);
    if (str_is(h, "localhost"))
        h = STR("127.0.0.1");
    if (h.len >= sizeof host)
        return false;
    memcpy(host, h.ptr, h.len);
    host[h.len] = '\0';
    snprintf(ret->text, sizeof ret->text, "%.*s", STR_ARG(s));
    ret->len = sizeof(struct sockaddr_in);
    if (uv_ip4_addr(host, (int)port, (struct sockaddr_in *)&ret->a) == 0)
        return true;
    ret->len = sizeof(struct sockaddr_in6);
    return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)&ret->a) == 0;
}

static int socket_bound(const struct address *a, bool share)
{
    int one = 1, fd = socket(a->a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&a->a, a->len) == 0)
        return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

static void address_set_port(struct address *a, int port)
{
    if (a->a.ss_family == AF_INET)
        ((struct sockaddr_in *)&a->a)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)&a->a)->sin6_port = htons((uint16_t)port);
}

static int address_port(const struct address *a)
{
    return ntohs(a->a.ss_family == AF_INET ? ((const struct sockaddr_in *)&a->a)->sin_port
                                           : ((const struct sockaddr_in6 *)&a->a)->sin6_port);
}

/* Takes the port for us alone for a moment, so that a second server is told; with SO_REUSEPORT from
 * the start both would be let in. */
static bool claim_port(struct address *a, char *error, size_t size)
{
    socklen_t len = sizeof a->a;
    int fd = socket_bound(a, false);
    if (fd >= 0 && listen(fd, 1) == 0 && getsockname(fd, (struct sockaddr *)&a->a, &len) == 0) {
        close(fd);
        return true;
    }
    int e = errno;
    if (fd >= 0)
        close(fd);
    if (e == EADDRINUSE)
        snprintf(error, size, "%s is taken by another program; choose another with --listen",
                 a->text);
    else if (e == EACCES)
        snprintf(error, size, "%s may not be used by this user (ports below 1024 need root)",
                 a->text);
    else
        snprintf(error, size, "%s cannot be listened on: %s", a->text, strerror(e));
    return false;
}

/* ---- on the loops ---- */

static void on_connection(uv_stream_t *s, int status)
{
    struct http_loop *hl = s->data;
    if (status < 0) {
        /* Out of descriptors it comes for each client: libuv has shed them, one line says so. */
        int64_t now_ms = loop_monotonic_ms(hl->loop);
        if (now_ms < hl->accept_logged_ms + ACCEPT_LOG_MS && hl->accept_logged_ms)
            return;
        hl->accept_logged_ms = now_ms;
        log_line(LOG_WARN, "a connection could not be accepted",
                 log_s("error", str_of(uv_strerror(status))));
        return;
    }
    bool control = s == (uv_stream_t *)&hl->control;
    conn_open(hl, s, control, s == (uv_stream_t *)&hl->metrics_listener);
}

static void on_timer(uv_timer_t *t)
{
    struct http_loop *hl = t->data;
    conn_sweep(hl);
    if (!hl->draining)
        return;
    bool over = loop_monotonic_ms(hl->loop) >= hl->drain_deadline_ms;
    for (struct conn *c = hl->all, *next; c; c = next) {
        next = c->all_next;
        if (over || (c->state == CONN_HEAD && !c->x))
            conn_close(c);
    }
}

static void on_rest(void *arg)
{
    struct http_loop *hl = arg;
    db_snapshot_end(&hl->snapshot);
}

struct order {
    struct loop_msg msg;
    struct http_loop *hl;
    sem_t done;
    int fd, metrics_fd;
    const char *control_path;
    int64_t drain_ms;
    int error;
};

static void order_done(struct order *o)
{
    sem_post(&o->done);
}

static int listen_on(struct http_loop *hl, uv_tcp_t *tcp, int fd)
{
    int e = uv_tcp_init(loop_uv(hl->loop), tcp);
    tcp->data = hl;
    if (e == 0)
        e = uv_tcp_open(tcp, fd);
    return e ? e : uv_listen((uv_stream_t *)tcp, BACKLOG, on_connection);
}

static int listen_control(struct http_loop *hl, const char *path)
{
    unlink(path); /* the lock on the folder says that nobody else serves it */
    int e = uv_pipe_init(loop_uv(hl->loop), &hl->control, 0);
    hl->control.data = hl;
    if (e == 0)
        e = uv_pipe_bind(&hl->control, path);
    /* Before listen nobody can connect, so there is no moment in which others could. */
    if (e == 0 && chmod(path, 0600) != 0)
        e = uv_translate_sys_error(errno);
    return e ? e : uv_listen((uv_stream_t *)&hl->control, BACKLOG, on_connection);
}

static void on_start(struct loop_msg *m)
{
    struct order *o = (struct order *)m;
    struct http_loop *hl = o->hl;
    uv_timer_init(loop_uv(hl->loop), &hl->timer);
    hl->timer.data = hl;
    uv_timer_start(&hl->timer, on_timer, SWEEP_MS, SWEEP_MS);
    loop_on_rest(hl->loop, on_rest, hl);
    hl->has_listener = true;
    o->error = listen_on(hl, &hl->listener, o->fd);
    if (o->error == 0 && o->metrics_fd >= 0) {
        hl->has_metrics = true;
        o->error = listen_on(hl, &hl->metrics_listener, o->metrics_fd);
    }
    if (o->error == 0 && o->control_path) {
        hl->has_control = true;
        o->error = listen_control(hl, o->control_path);
    }
    order_done(o);
}

static void close_handle(bool *has, void *handle)
{
    if (*has)
        uv_close(handle, NULL);
    *has = false;
}

static void on_drain(struct loop_msg *m)
{
    struct order *o = (struct order *)m;
    struct http_loop *hl = o->hl;
    close_handle(&hl->has_listener, &hl->listener);
    close_handle(&hl->has_metrics, &hl->metrics_listener);
    close_handle(&hl->has_control, &hl->control);
    hl->draining = true;
    hl->drain_deadline_ms = loop_monotonic_ms(hl->loop) + o->drain_ms;
    uv_timer_start(&hl->timer, on_timer, 0, 20);
    order_done(o);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct order *o = h->data;
    order_done(o);
}

static void on_end(struct loop_msg *m)
{
    struct order *o = (struct order *)m;
    loop_on_rest(o->hl->loop, NULL, NULL);
    db_snapshot_end(&o->hl->snapshot);
    o->hl->timer.data = o;
    uv_close((uv_handle_t *)&o->hl->timer, on_timer_closed);
}

/* Sends the order and waits until the loop has carried it out. */
static int give_order(struct order *o, struct http_loop *hl, void (*fn)(struct loop_msg *m))
{
    o->hl = hl;
    o->msg.fn = fn;
    o->error = 0;
    sem_init(&o->done, 0, 0);
    loop_post(hl->loop, &o->msg);
    while (sem_wait(&o->done) != 0)
        ;
    sem_destroy(&o->done);
    return o->error;
}

/* ---- start and stop ---- */

static void loop_init(struct http_server *s, int i)
{
    struct http_loop *hl = &s->loops[i];
    hl->server = s;
    hl->loop = loops_at(s->app->loops, i);
    hl->read_buf = malloc(HTTP_READ_BYTES);
    if (!hl->read_buf)
        abort();
    buf_init(&hl->out, NULL, 2 * HTTP_OUT_BYTES);
}

static struct http_server *server_new(struct app *app, const struct http_options *o)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->app = app;
    s->options = *o;
    s->secure = str_starts(o->public_url, STR("https://"));
    s->count = loops_count(app->loops);
    s->loops = calloc((size_t)s->count, sizeof *s->loops);
    if (!s->loops)
        abort();
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->empty, NULL);
    atomic_store(&s->settings, settings_new(o->trusted_proxies, o->cors_origins));
    for (int i = 0; i < s->count; i++)
        loop_init(s, i);
    return s;
}

static bool start_loops(struct http_server *s, const struct address *a,
                        const struct address *metrics, char *error, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%.*s", STR_ARG(s->options.control_path));
    for (int i = 0; i < s->count; i++) {
        struct order o = { .fd = socket_bound(a, true), .metrics_fd = -1 };
        if (i == 0 && metrics)
            o.metrics_fd = socket_bound(metrics, true);
        if (i == 0 && path[0])
            o.control_path = path;
        if (o.fd < 0 || (metrics && i == 0 && o.metrics_fd < 0)) {
            snprintf(error, size, "%s cannot be listened on: %s", a->text, strerror(errno));
            return false;
        }
        int e = give_order(&o, &s->loops[i], on_start);
        if (e) {
            snprintf(error, size, "%s cannot be listened on: %s",
                     i == 0 && path[0] ? path : a->text, uv_strerror(e));
            return false;
        }
    }
    return true;
}

static bool parse_and_claim(struct str text, const char *flag, struct address *ret, char *error,
                            size_t size)
{
    if (!address_parse(text, ret)) {
        snprintf(error, size, "%s %.*s is not an address and port such as 127.0.0.1:8787", flag,
                 STR_ARG(text));
        return false;
    }
    return claim_port(ret, error, size);
}

enum err http_server_start(struct app *app, const struct http_options *o, struct http_server **ret,
                           char *error, size_t error_size)
{
    struct address a = { .len = 0 }, metrics = { .len = 0 };
    bool more = o->metrics_listen.len > 0;
    struct networks proxies;
    struct str bad;
    if (!networks_parse(o->trusted_proxies, &proxies, &bad)) {
        snprintf(error, error_size, "--trusted-proxies has %.*s, which is no network",
                 STR_ARG(bad));
        return ERR_VALIDATION;
    }
    if (o->control_path.len >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        snprintf(error, error_size, "%.*s is too long for a socket (at most 107 bytes)",
                 STR_ARG(o->control_path));
        return ERR_VALIDATION;
    }
    if (!parse_and_claim(o->listen, "--listen", &a, error, error_size) ||
        (more &&
         !parse_and_claim(o->metrics_listen, "--metrics-listen", &metrics, error, error_size)))
        return ERR_VALIDATION;
    struct http_server *s = server_new(app, o);
    s->port = address_port(&a);
    address_set_port(&a, s->port);
    if (!start_loops(s, &a, more ? &metrics : NULL, error, error_size)) {
        http_server_drain(s, 0);
        http_server_free(s);
        return ERR_INTERNAL;
    }
    *ret = s;
    return OK;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_drain(struct http_server *s, int64_t timeout_ms)
{
    for (int i = 0; i < s->count; i++) {
        struct order o = { .drain_ms = timeout_ms };
        if (s->loops[i].timer.data)
            give_order(&o, &s->loops[i], on_drain);
    }
    pthread_mutex_lock(&s->lock);
    while (atomic_load(&s->open) > 0)
        pthread_cond_wait(&s->empty, &s->lock);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->count; i++) {
        struct order o = { .drain_ms = 0 };
        if (s->loops[i].timer.data)
            give_order(&o, &s->loops[i], on_end);
        s->loops[i].timer.data = NULL;
    }
}

static void loop_release(struct http_loop *hl)
{
    while (hl->free) {
        struct exchange *x = hl->free;
        hl->free = x->next;
        arena_free(x->arena);
        free(x);
    }
    free(hl->read_buf);
    buf_release(&hl->out);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->count; i++)
        loop_release(&s->loops[i]);
    settings_free(atomic_load(&s->settings));
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->empty);
    free(s->loops);
    free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *ret)
{
    *ret = (struct http_stats){ 0 };
    for (int i = 0; i < s->count; i++) {
        const struct http_loop *hl = &s->loops[i];
        ret->connections_open += hl->open_shared;
        ret->connections_total += hl->connections_total;
        ret->requests_total += hl->requests_total;
        ret->refused_head += hl->refused_head;
        ret->bytes_in += hl->bytes_in;
        ret->bytes_out += hl->bytes_out;
    }
}
