/* A provider to measure and test against: speaks OpenAI's chat completions and Anthropic's
 * messages, streams at a given pace, and keeps an honest bill.
 *
 *     provider PORT [MODEL]     listens on 127.0.0.1; MODEL: the default of what a request leaves
 * out
 *
 *     POST /v1/chat/completions, /v1/messages   with "stream": true or without
 *     GET  /v1/models                           one model
 *     GET  /bill                                what was billed since the start, or since DELETE
 * /bill GET  /healthz                             ok
 *
 * What a request gets is said by its model name (or by the same words in the query of its URL), any
 * of
 *
 *     sim-events100-interval20-bytes24-first0-cut7-stall7-reset7-status429
 *
 * events: number of deltas. interval: milliseconds between them, 0: all at once. bytes: text of a
 * delta. first: milliseconds before the first. cut, reset, stall: after that many deltas the
 * connection is closed, reset, or silent. status: no stream, but an error of that kind.
 *
 * The text of each delta begins with the microseconds of CLOCK_MONOTONIC at which it was sent, so
 * that a client on the same machine sees how long it was under way. One token a delta, one a four
 * bytes of the request. A token is billed when its event was handed to the kernel: a client that
 * leaves early pays for what it was sent.
 *
 * Goals: costs little beside what it is measured with (one thread, epoll, a wheel of milliseconds).
 * Non-goals: JSON beyond finding "model" and "stream"; strange requests. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    REQUEST_BYTES_MAX = 8 * 1024 * 1024,
    PENDING_BYTES_MAX = 256 * 1024,
    SLOTS = 4096, /* of the wheel, a millisecond each */
    EVENTS_AT_ONCE = 512,
    TEXT_BYTES_MAX = 4096
};

enum dialect { OPENAI = 1, ANTHROPIC };

struct plan {
    long events, interval_ms, bytes, first_ms, cut, reset, stall, status;
};

struct conn {
    int fd;
    char *in;
    size_t in_len, in_cap;
    char *out; /* what the kernel did not take */
    size_t out_len, out_cap;
    struct conn *prev, *next; /* in its slot of the wheel */
    int64_t due_ms;
    enum dialect dialect;
    struct plan plan;
    long sent; /* deltas */
    int64_t prompt_tokens;
    bool streaming, waiting, usage, close_after, gone;
};

static struct {
    int epoll;
    struct plan standard;
    struct conn *wheel[SLOTS];
    struct conn *graves; /* freed when nothing points to them any more */
    int64_t now_ms;
    long waiting;
    int64_t requests, whole, cut, prompt_tokens, completion_tokens;
} sim;

static int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "provider: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the wheel ---- */

static void wheel_remove(struct conn *c)
{
    if (!c->waiting)
        return;
    if (c->prev)
        c->prev->next = c->next;
    else
        sim.wheel[c->due_ms % SLOTS] = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->waiting = false;
    sim.waiting--;
}

static void wheel_add(struct conn *c, int64_t due_ms)
{
    struct conn **slot = &sim.wheel[due_ms % SLOTS];
    c->due_ms = due_ms;
    c->prev = NULL;
    c->next = *slot;
    if (*slot)
        (*slot)->prev = c;
    *slot = c;
    c->waiting = true;
    sim.waiting++;
}

/* ---- sending ---- */

static void watch(struct conn *c, bool out)
{
    struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c };
    epoll_ctl(sim.epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void conn_end(struct conn *c)
{
    if (c->gone)
        return;
    if (c->streaming)
        sim.cut++;
    wheel_remove(c);
    close(c->fd);
    c->gone = true;
    c->next = sim.graves;
    sim.graves = c;
}

static void send_bytes(struct conn *c, const char *bytes, size_t len)
{
    ssize_t n = 0;
    if (c->gone)
        return;
    if (c->out_len == 0) {
        n = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            conn_end(c);
            return;
        }
        n = n < 0 ? 0 : n;
    }
    size_t rest = len - (size_t)n;
    if (rest == 0)
        return;
    if (c->out_cap - c->out_len < rest) {
        c->out_cap = c->out_len + rest + 4096;
        c->out = realloc(c->out, c->out_cap);
        if (!c->out)
            die("memory");
    }
    memcpy(c->out + c->out_len, bytes + n, rest);
    c->out_len += rest;
    watch(c, true);
}

static void flush_pending(struct conn *c)
{
    ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        conn_end(c);
        return;
    }
    if (n > 0) {
        memmove(c->out, c->out + n, c->out_len - (size_t)n);
        c->out_len -= (size_t)n;
    }
    if (c->out_len == 0) {
        watch(c, false);
        if (c->close_after)
            conn_end(c);
    }
}

static void answer(struct conn *c, int status, const char *body)
{
    char head[256];
    int n = snprintf(
        head, sizeof head,
        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n", status,
        status == 200 ? "OK" : "Error", strlen(body), status == 429 ? "Retry-After: 0\r\n" : "");
    send_bytes(c, head, (size_t)n);
    send_bytes(c, body, strlen(body));
}

/* ---- events ---- */

struct text {
    char bytes[TEXT_BYTES_MAX * 4];
    size_t len;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->bytes + t->len, sizeof t->bytes - t->len, format, args);
    va_end(args);
    if (n > 0)
        t->len = t->len + (size_t)n < sizeof t->bytes ? t->len + (size_t)n : sizeof t->bytes - 1;
}

/* One event in one chunk of Transfer-Encoding: chunked. */
static void put_event(struct text *t, const char *event, const char *data)
{
    size_t len =
        strlen("data: \n\n") + strlen(data) + (event ? strlen("event: \n") + strlen(event) : 0);
    put(t, "%zx\r\n", len);
    if (event)
        put(t, "event: %s\n", event);
    put(t, "data: %s\n\n\r\n", data);
}

static const char openai_chunk[] =
    "{\"id\":\"chatcmpl-sim\",\"object\":\"chat.completion.chunk\",\"created\":1,"
    "\"model\":\"sim\",\"choices\":[{\"index\":0,\"delta\":%s,"
    "\"finish_reason\":%s}]}";

static void put_openai(struct text *t, const char *delta, const char *finish)
{
    char data[TEXT_BYTES_MAX + 512];
    snprintf(data, sizeof data, openai_chunk, delta, finish);
    put_event(t, NULL, data);
}

static void put_delta(struct text *t, const struct conn *c)
{
    char words[TEXT_BYTES_MAX], data[TEXT_BYTES_MAX + 256];
    int n = snprintf(words, sizeof words, "%lld ", (long long)monotonic_us());
    for (; n < c->plan.bytes && n < TEXT_BYTES_MAX - 1; n++)
        words[n] = "lorem ipsum "[n % 12];
    words[n] = 0;
    if (c->dialect == OPENAI) {
        snprintf(data, sizeof data, "{\"content\":\"%s\"}", words);
        put_openai(t, data, "null");
    } else {
        snprintf(data, sizeof data,
                 "{\"type\":\"content_block_delta\",\"index\":0,"
                 "\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}",
                 words);
        put_event(t, "content_block_delta", data);
    }
}

static void put_begin(struct text *t, const struct conn *c)
{
    char data[512];
    put(t, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
           "Transfer-Encoding: chunked\r\n\r\n");
    if (c->dialect == OPENAI) {
        put_openai(t, "{\"role\":\"assistant\",\"content\":\"\"}", "null");
        return;
    }
    snprintf(data, sizeof data,
             "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_sim\",\"type\":\"message\","
             "\"role\":\"assistant\",\"model\":\"sim\",\"content\":[],\"stop_reason\":null,"
             "\"usage\":{\"input_tokens\":%lld,\"output_tokens\":1}}}",
             (long long)c->prompt_tokens);
    put_event(t, "message_start", data);
    put_event(t, "content_block_start",
              "{\"type\":\"content_block_start\",\"index\":0,"
              "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
    put_event(t, "ping", "{\"type\":\"ping\"}");
}

static void put_end(struct text *t, const struct conn *c)
{
    char data[512];
    if (c->dialect == OPENAI) {
        put_openai(t, "{}", "\"stop\"");
        if (c->usage) {
            snprintf(data, sizeof data,
                     "{\"id\":\"chatcmpl-sim\",\"object\":\"chat.completion.chunk\",\"created\":1,"
                     "\"model\":\"sim\",\"choices\":[],\"usage\":{\"prompt_tokens\":%lld,"
                     "\"completion_tokens\":%ld,\"total_tokens\":%lld}}",
                     (long long)c->prompt_tokens, c->sent, (long long)c->prompt_tokens + c->sent);
            put_event(t, NULL, data);
        }
        put_event(t, NULL, "[DONE]");
    } else {
        put_event(t, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}");
        snprintf(data, sizeof data,
                 "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                 "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%ld}}",
                 c->sent);
        put_event(t, "message_delta", data);
        put_event(t, "message_stop", "{\"type\":\"message_stop\"}");
    }
    put(t, "0\r\n\r\n");
}

/* ---- a stream ---- */

static void stream_fail(struct conn *c)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    if (c->plan.reset >= 0 && c->sent >= c->plan.reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    conn_end(c);
}

static bool fails_now(const struct conn *c)
{
    return (c->plan.cut >= 0 && c->sent >= c->plan.cut) ||
           (c->plan.reset >= 0 && c->sent >= c->plan.reset);
}

/* The next delta, or all of them, or the end. */
static void stream_step(struct conn *c)
{
    struct text t = { .len = 0 };
    do {
        if (fails_now(c)) {
            send_bytes(c, t.bytes, t.len);
            stream_fail(c);
            return;
        }
        if (c->plan.stall >= 0 && c->sent >= c->plan.stall)
            break; /* and nothing follows */
        if (c->sent < c->plan.events) {
            put_delta(&t, c);
            c->sent++;
            sim.completion_tokens++;
        }
        if (c->sent >= c->plan.events && !fails_now(c)) {
            put_end(&t, c);
            c->streaming = false;
            sim.whole++;
        }
        if (sizeof t.bytes - t.len < TEXT_BYTES_MAX + 1024) {
            send_bytes(c, t.bytes, t.len);
            t.len = 0;
        }
    } while (c->streaming && !c->gone && c->plan.interval_ms == 0);
    send_bytes(c, t.bytes, t.len);
    if (c->streaming && !c->gone && !(c->plan.stall >= 0 && c->sent >= c->plan.stall))
        wheel_add(c, c->due_ms + c->plan.interval_ms > sim.now_ms ? c->due_ms + c->plan.interval_ms
                                                                  : sim.now_ms + 1);
}

static void stream_begin(struct conn *c)
{
    struct text t = { .len = 0 };
    c->streaming = true;
    c->sent = 0;
    put_begin(&t, c);
    send_bytes(c, t.bytes, t.len);
    if (c->gone)
        return;
    c->due_ms = sim.now_ms;
    if (c->plan.first_ms)
        wheel_add(c, sim.now_ms + c->plan.first_ms);
    else
        stream_step(c);
}

static void tick(void)
{
    int64_t now_ms = monotonic_us() / 1000;
    while (sim.now_ms < now_ms) {
        struct conn *c = sim.wheel[++sim.now_ms % SLOTS];
        while (c) {
            struct conn *next = c->next;
            if (c->due_ms <= sim.now_ms && c->out_len < PENDING_BYTES_MAX) {
                wheel_remove(c);
                stream_step(c);
            }
            c = next;
        }
    }
}

/* ---- requests ---- */

static void take_number(const char *words, size_t len, const char *name, long *ret)
{
    const char *at = memmem(words, len, name, strlen(name));
    if (at && at[strlen(name)] >= '0' && at[strlen(name)] <= '9')
        *ret = strtol(at + strlen(name), NULL, 10);
}

static void plan_take(struct plan *p, const char *words, size_t len)
{
    take_number(words, len, "events", &p->events);
    take_number(words, len, "interval", &p->interval_ms);
    take_number(words, len, "bytes", &p->bytes);
    take_number(words, len, "first", &p->first_ms);
    take_number(words, len, "cut", &p->cut);
    take_number(words, len, "reset", &p->reset);
    take_number(words, len, "stall", &p->stall);
    take_number(words, len, "status", &p->status);
}

static void standard_set(const char *words, size_t len)
{
    sim.standard = (struct plan){ .events = 100,
                                  .interval_ms = 20,
                                  .bytes = 24,
                                  .cut = -1,
                                  .reset = -1,
                                  .stall = -1,
                                  .status = 200 };
    plan_take(&sim.standard, words, len);
}

/* Behind "name" and a colon; NULL: it is not there. */
static const char *member(const char *body, size_t len, const char *name)
{
    const char *at = memmem(body, len, name, strlen(name)), *end = body + len;
    if (!at)
        return NULL;
    for (at += strlen(name); at < end && (*at == ':' || *at == ' '); at++)
        ;
    return at;
}

static bool is_true(const char *body, size_t len, const char *name)
{
    const char *at = member(body, len, name);
    return at && (size_t)(body + len - at) >= 4 && memcmp(at, "true", 4) == 0;
}

static void whole_answer(struct conn *c)
{
    struct text t = { .len = 0 };
    sim.whole++;
    sim.completion_tokens += c->plan.events;
    if (c->dialect == OPENAI)
        put(&t,
            "{\"id\":\"chatcmpl-sim\",\"object\":\"chat.completion\",\"created\":1,\"model\":"
            "\"sim\","
            "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"lorem "
            "ipsum\"},"
            "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%"
            "ld,"
            "\"total_tokens\":%lld}}",
            (long long)c->prompt_tokens, c->plan.events,
            (long long)c->prompt_tokens + c->plan.events);
    else
        put(&t,
            "{\"id\":\"msg_sim\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"sim\","
            "\"content\":[{\"type\":\"text\",\"text\":\"lorem "
            "ipsum\"}],\"stop_reason\":\"end_turn\","
            "\"usage\":{\"input_tokens\":%lld,\"output_tokens\":%ld}}",
            (long long)c->prompt_tokens, c->plan.events);
    answer(c, 200, t.bytes);
}

static void complete(struct conn *c, enum dialect dialect, const char *target, size_t target_len,
                     const char *body, size_t len)
{
    const char *model = member(body, len, "\"model\"");
    const char *end =
        model && *model == '"' ? memchr(model + 1, '"', (size_t)(body + len - model - 1)) : NULL;
    c->dialect = dialect;
    c->plan = sim.standard;
    if (end)
        plan_take(&c->plan, model, (size_t)(end - model));
    plan_take(&c->plan, target, target_len);
    if (c->plan.status != 200) {
        answer(
            c, (int)c->plan.status,
            "{\"error\":{\"message\":\"the simulator was told to fail\",\"type\":\"simulated\"}}");
        return;
    }
    c->prompt_tokens = (int64_t)(len + 3) / 4;
    c->usage = is_true(body, len, "\"include_usage\"");
    sim.requests++;
    sim.prompt_tokens += c->prompt_tokens;
    if (is_true(body, len, "\"stream\""))
        stream_begin(c);
    else
        whole_answer(c);
}

static void bill(struct conn *c, bool reset)
{
    struct text t = { .len = 0 };
    put(&t,
        "{\"requests\":%lld,\"whole\":%lld,\"cut\":%lld,\"promptTokens\":%lld,"
        "\"completionTokens\":%lld,\"open\":%lld}",
        (long long)sim.requests, (long long)sim.whole, (long long)sim.cut,
        (long long)sim.prompt_tokens, (long long)sim.completion_tokens,
        (long long)(sim.requests - sim.whole - sim.cut));
    if (reset)
        sim.requests = sim.whole = sim.cut = sim.prompt_tokens = sim.completion_tokens = 0;
    answer(c, 200, t.bytes);
}

static void route(struct conn *c, const char *head, const char *body, size_t body_len)
{
    const char *target = strchr(head, ' ');
    size_t len = target ? strcspn(++target, " \r") : 0;
    bool post = strncmp(head, "POST ", 5) == 0;
#define IS(path) (target && strncmp(target, path, strlen(path)) == 0)
    if (post && IS("/standard")) {
        standard_set(target, len);
        answer(c, 200, "{\"ok\":true}");
    } else if (post && (IS("/v1/chat/completions") || IS("/chat/completions")))
        complete(c, OPENAI, target, len, body, body_len);
    else if (post && IS("/v1/messages"))
        complete(c, ANTHROPIC, target, len, body, body_len);
    else if (IS("/bill"))
        bill(c, strncmp(head, "DELETE ", 7) == 0);
    else if (IS("/v1/models"))
        answer(c, 200,
               "{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\",\"created\":1,"
               "\"owned_by\":\"bench\"}]}");
    else if (IS("/healthz"))
        answer(c, 200, "{\"ok\":true}");
    else
        answer(c, 404, "{\"error\":{\"message\":\"no such path\"}}");
#undef IS
}

/* Answers the request at the start of what has come in, when it is whole. */
static void take_request(struct conn *c)
{
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end)
        return;
    end[2] = 0; /* the head is a string now; put back below */
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    size_t body = length ? strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : 0;
    size_t head = (size_t)(end - c->in) + 4;
    if (body > REQUEST_BYTES_MAX) {
        conn_end(c);
    } else if (c->in_len < head + body) {
        end[2] = '\r';
    } else {
        route(c, c->in, c->in + head, body);
        c->in_len = 0; /* nobody pipelines here */
        if (c->in_cap > 4096) {
            free(c->in);
            c->in = NULL;
            c->in_cap = 0;
        }
    }
}

static void read_more(struct conn *c)
{
    for (;;) {
        if (c->in_cap - c->in_len < 2048) {
            size_t cap = c->in_cap ? c->in_cap * 2 : 4096;
            if (cap > (size_t)2 * REQUEST_BYTES_MAX || !(c->in = realloc(c->in, cap)))
                die("a request is too large");
            c->in_cap = cap;
        }
        ssize_t n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            conn_end(c);
            return;
        }
        if (n < 0)
            break;
        c->in_len += (size_t)n;
    }
    if (!c->streaming)
        take_request(c);
}

static void accept_all(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            die("memory");
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
        if (epoll_ctl(sim.epoll, EPOLL_CTL_ADD, fd, &e) != 0)
            die("epoll");
    }
}

static void bury(void)
{
    while (sim.graves) {
        struct conn *c = sim.graves;
        sim.graves = c->next;
        free(c->in);
        free(c->out);
        free(c);
    }
}

static int listen_on(long port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8192) != 0)
        die("listen");
    return fd;
}

static void round_of(struct epoll_event *events, int n, int listener)
{
    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        if (!c) {
            accept_all(listener);
            continue;
        }
        if (!c->gone && (events[i].events & EPOLLOUT))
            flush_pending(c);
        if (!c->gone && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
            read_more(c);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_AT_ONCE], e = { .events = EPOLLIN, .data.ptr = NULL };
    struct rlimit files;
    long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    if (port < 1 || port > 65535 || argc > 3) {
        fprintf(stderr, "usage: provider PORT [MODEL]\n");
        return 2;
    }
    standard_set(argc > 2 ? argv[2] : "", argc > 2 ? strlen(argv[2]) : 0);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int listener = listen_on(port);
    sim.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(sim.epoll, EPOLL_CTL_ADD, listener, &e) != 0)
        die("epoll");
    sim.now_ms = monotonic_us() / 1000;
    for (;;) {
        int n = epoll_wait(sim.epoll, events, EVENTS_AT_ONCE, sim.waiting ? 1 : -1);
        if (n < 0 && errno != EINTR)
            die("epoll");
        if (!sim.waiting) /* the wheel stood still */
            sim.now_ms = monotonic_us() / 1000;
        round_of(events, n, listener);
        tick();
        bury();
    }
}
