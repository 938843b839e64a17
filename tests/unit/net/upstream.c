/* See upstream.h. */
#include "net/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { THREADS_MAX = 4096 };

struct upstream_state {
    pthread_t acceptor;
    pthread_t threads[THREADS_MAX];
    int count;
};
struct served {
    struct upstream *u;
    int fd, nth;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

static void *serve(void *arg)
{
    struct served s = *(struct served *)arg;
    free(arg);
    s.u->script(s.u, s.fd, s.nth);
    close(s.fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct upstream *u = arg;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, (size_t)512 * 1024);
    for (;;) {
        int fd = accept4(u->listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0)
            break;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct served *s = malloc(sizeof *s);
        must(s != NULL && u->state->count < THREADS_MAX, "upstream");
        *s = (struct served){ u, fd, atomic_fetch_add(&u->connections, 1) };
        must(pthread_create(&u->state->threads[u->state->count++], &small, serve, s) == 0,
             "thread");
    }
    pthread_attr_destroy(&small);
    return NULL;
}

void upstream_start(struct upstream *u)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    atomic_store(&u->connections, 0);
    atomic_store(&u->requests, 0);
    atomic_store(&u->closed_ms, 0);
    u->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(u->listener >= 0 && bind(u->listener, (struct sockaddr *)&a, sizeof a) == 0 &&
             listen(u->listener, 1024) == 0 &&
             getsockname(u->listener, (struct sockaddr *)&a, &len) == 0,
         "listen");
    u->port = ntohs(a.sin_port);
    u->state = calloc(1, sizeof *u->state);
    must(u->state && pthread_create(&u->state->acceptor, NULL, accept_all, u) == 0, "thread");
}

void upstream_stop(struct upstream *u)
{
    shutdown(u->listener, SHUT_RDWR);
    pthread_join(u->state->acceptor, NULL);
    for (int i = 0; i < u->state->count; i++)
        pthread_join(u->state->threads[i], NULL);
    close(u->listener);
    free(u->state);
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at ? strtoul(at + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

bool upstream_request(struct upstream *u, int fd, char *ret_head, size_t size, size_t *ret_body_len)
{
    size_t len = 0, body = 0;
    while (len + 1 < size) { /* byte by byte: what follows is another request's */
        if (recv(fd, ret_head + len, 1, 0) <= 0)
            return false;
        ret_head[++len] = 0;
        if (len >= 4 && memcmp(ret_head + len - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    size_t want = content_length(ret_head);
    char rest[16384];
    while (body < want) {
        ssize_t n = recv(fd, rest, want - body < sizeof rest ? want - body : sizeof rest, 0);
        if (n <= 0)
            return false;
        body += (size_t)n;
    }
    if (ret_body_len)
        *ret_body_len = body;
    atomic_fetch_add(&u->requests, 1);
    return true;
}

bool upstream_skip(struct upstream *u, int fd)
{
    char head[8192];
    return upstream_request(u, fd, head, sizeof head, NULL);
}

bool upstream_send(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return true;
}

void upstream_say(int fd, const char *text)
{
    upstream_send(fd, str_of(text));
}

void upstream_reset(int fd)
{
    struct linger l = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    shutdown(fd, SHUT_RD);
}

void upstream_wait_closed(struct upstream *u, int fd)
{
    char byte[256];
    ssize_t n;
    do
        n = recv(fd, byte, sizeof byte, 0);
    while (n > 0 || (n < 0 && errno == EINTR));
    atomic_store(&u->closed_ms, clock_monotonic_ms());
}
