/* See testing.h. */
#include "testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/pool.h"
#include "op/gate.h"
#include "op/registry.h"
#include "op/sink.h"

enum { READ_BYTES_MAX = 64 * 1024 * 1024, SILENCE_MS = 60000 };

struct server {
    struct app app;
    struct config config;
    atomic_bool stopping;
    struct http_server *http;
};

static struct buf received;

struct http_options server_options(void)
{
    return (struct http_options){ .listen = STR("127.0.0.1:0"),
                                  .public_url = STR("http://127.0.0.1"),
                                  .connections_max = 1000,
                                  .header_timeout_s = 60,
                                  .body_timeout_s = 60,
                                  .idle_timeout_s = 60,
                                  .write_timeout_s = 60 };
}

struct server *server_open(const struct http_options *o)
{
    char error[400] = "";
    struct server *s = calloc(1, sizeof *s);
    crypto_init();
    log_set_level(LOG_ERROR);
    memset(&rows_control, 0, sizeof rows_control);
    s->config.body_bytes_max = 100000;
    s->app.config = &s->config;
    s->app.stopping = &s->stopping;
    s->app.hooks = &rows_hooks;
    s->app.loops = loops_start(2);
    s->app.workers = pool_start("worker", 2, 1000, 0);
    s->app.slow = pool_start("slow", 1, 1000, 0);
    struct registry_table table = { rows, rows_count };
    s->app.ops = registry_new(&table, 1, error, sizeof error);
    if (!s->app.ops)
        fail_msg("%s", error);
    if (http_server_start(&s->app, o, &s->http, error, sizeof error) != OK)
        fail_msg("%s", error);
    return s;
}

void server_close(struct server *s)
{
    http_server_drain(s->http, 0);
    http_server_free(s->http);
    pool_stop(s->app.workers);
    pool_stop(s->app.slow);
    loops_stop(s->app.loops);
    registry_free(s->app.ops);
    sink_unref(rows_control.sink);
    free(s);
    buf_release(&received);
    assert_int_equal(rows_control.spools, 0);
    assert_int_equal(rows_control.readers, 0);
}

struct app *server_app(struct server *s)
{
    return &s->app;
}

struct http_server *server_http(struct server *s)
{
    return s->http;
}

struct http_stats server_stats(struct server *s)
{
    struct http_stats st;
    http_server_stats(s->http, &st);
    return st;
}

void wait_until(bool (*fn)(void *arg), void *arg)
{
    int64_t until_ms = clock_monotonic_ms() + SILENCE_MS;
    while (!fn(arg)) {
        struct timespec ms = { 0, 1000000 };
        nanosleep(&ms, NULL);
        if (clock_monotonic_ms() > until_ms)
            fail_msg("it does not happen");
    }
}

/* ---- the client ---- */

static int ready(int fd)
{
    struct timeval silence = { SILENCE_MS / 1000, 0 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    return fd;
}

int dial_port(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return ready(fd);
}

int dial(struct server *s)
{
    return dial_port(http_server_port(s->http));
}

int dial_control(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return ready(fd);
}

void send_bytes(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
}

void send_text(int fd, const char *text)
{
    send_bytes(fd, str_of(text));
}

static ssize_t receive(int fd, char *to, size_t len)
{
    ssize_t n = recv(fd, to, len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("the server keeps silent");
    return n;
}

struct str read_all(int fd, bool *ret_reset)
{
    ssize_t n;
    buf_release(&received);
    buf_init(&received, NULL, READ_BYTES_MAX);
    do {
        char *to = buf_reserve(&received, 65536);
        assert_non_null(to);
        n = receive(fd, to, 65536);
        received.len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    if (ret_reset)
        *ret_reset = n < 0;
    close(fd);
    return buf_str(&received);
}

/* One byte at a time, so that nothing of a next answer is taken. */
static bool read_until(int fd, struct buf *b, const char *end)
{
    size_t n = strlen(end);
    do {
        char *to = buf_reserve(b, 1);
        if (!to || receive(fd, to, 1) != 1)
            return false;
        b->len++;
    } while (b->len < n || memcmp(b->ptr + b->len - n, end, n) != 0);
    return true;
}

static bool read_exactly(int fd, struct buf *b, size_t len)
{
    while (len) {
        char *to = buf_reserve(b, len);
        ssize_t n = to ? receive(fd, to, len) : 0;
        if (n <= 0)
            return false;
        b->len += (size_t)n;
        len -= (size_t)n;
    }
    return true;
}

const char *head_value(struct reading r, const char *name)
{
    static char value[2000];
    char key[100];
    snprintf(key, sizeof key, "\r\n%s: ", name);
    size_t at = str_find(r.head, str_of(key));
    if (at >= r.head.len)
        return "";
    struct str rest = str_sub(r.head, at + strlen(key), r.head.len);
    struct str line = str_split(&rest, '\r');
    snprintf(value, sizeof value, "%.*s", STR_ARG(line));
    return value;
}

static bool read_chunks(int fd, struct buf *b)
{
    for (;;) {
        size_t at = b->len;
        if (!read_until(fd, b, "\r\n"))
            return false;
        size_t size = strtoul(b->ptr + at, NULL, 16);
        b->len = at;
        if (!read_exactly(fd, b, size + 2))
            return false;
        b->len -= 2;
        if (size == 0)
            return true;
    }
}

static struct reading read_one(int fd, bool bodiless)
{
    struct reading r = { 0 };
    buf_release(&received);
    buf_init(&received, NULL, READ_BYTES_MAX);
    if (!read_until(fd, &received, "\r\n\r\n"))
        return r;
    size_t head = received.len;
    r.head = (struct str){ received.ptr, head - 2 };
    int status = (int)strtol(received.ptr + 9, NULL, 10);
    size_t length = strtoul(head_value(r, "content-length"), NULL, 10);
    bool whole = true;
    if (bodiless || status == 304 || status == 204 || status == 100)
        whole = true;
    else if (strcmp(head_value(r, "transfer-encoding"), "chunked") == 0)
        whole = read_chunks(fd, &received);
    else
        whole = read_exactly(fd, &received, length);
    r.status = whole ? status : 0;
    r.head = (struct str){ received.ptr, head - 2 }; /* the bytes may have moved */
    r.body = (struct str){ received.ptr + head, received.len - head };
    return r;
}

struct reading read_answer(int fd)
{
    return read_one(fd, false);
}

struct reading read_head_answer(int fd)
{
    return read_one(fd, true);
}

int status_of(struct server *s, struct str bytes, int *ret_answers)
{
    int fd = dial(s), answers = 0;
    send_bytes(fd, bytes);
    shutdown(fd, SHUT_WR);
    struct str all = read_all(fd, NULL), rest = all;
    for (size_t at; (at = str_find(rest, STR("\r\nx-request-id: "))) < rest.len; answers++)
        rest = str_sub(rest, at + 9, rest.len);
    if (ret_answers)
        *ret_answers = answers;
    return str_starts(all, STR("HTTP/1.1 ")) ? (int)strtol(all.ptr + 9, NULL, 10) : 0;
}
