/* The load of the relay part: event streams, opened and read, and how long they were under way.
 *
 *     streams PORT COUNT SECONDS REQUEST
 *
 * Opens COUNT connections to 127.0.0.1:PORT and sends the bytes of the file REQUEST on each; when a
 * stream has ended, sends it again. Twelve N in it become a number that never comes twice. Prints
 * one line of JSON when SECONDS are over:
 *
 *     streams   that have ended, whole      failed   not 200, or cut
 *     tokens    that have come              open     streams at the end
 *     seconds   measured, without the opening
 *     firstP50, firstP99    from sending a request to its first token, ms
 *     tokenP50, tokenP99    from the provider's sending of a later token to here, ms
 *
 * A token is what provider.c sends: text that begins with the microseconds of CLOCK_MONOTONIC. What
 * stands around it (OpenAI's chunks, or a relay's own) is not looked at. The first answer that is
 * not 200 is printed to stderr. Goals: a fraction of the cost of what is measured: one thread,
 * epoll. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
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
    NUMBER_DIGITS = 12,
    STAMP_DIGITS_MIN = 8,
    KEPT_BYTES = 64, /* of a read, in front of the next: a token may be split */
    READ_BYTES = 65536,
    SAMPLES_MAX = 4000000,
    OPENING_MAX = 64,
    OPENING_S_MAX = 120
};

struct stream {
    int fd;
    int64_t sent_us;
    char kept[KEPT_BYTES];
    size_t kept_len;
    bool head, first, ever, connected;
};

struct samples {
    uint32_t *us;
    size_t count;
};

static struct {
    int epoll;
    char *request;
    size_t request_len;
    uint64_t number;
    int64_t tokens, ended, failed;
    size_t begun; /* streams that have had a token, ever, or failed */
    struct samples first, token;
    bool measuring, told;
} load;

static int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "streams: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- samples ---- */

static void sample(struct samples *s, int64_t us)
{
    if (!load.measuring || s->count == SAMPLES_MAX)
        return;
    s->us[s->count++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile_ms(const struct samples *s, double p)
{
    return s->count ? s->us[(size_t)((double)(s->count - 1) * p)] / 1000.0 : 0;
}

/* ---- a request ---- */

static void request_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    load.request = malloc(READ_BYTES);
    load.request_len = load.request ? fread(load.request, 1, READ_BYTES, f) : 0;
    if (!load.request_len || load.request_len == READ_BYTES)
        die("the request is empty or too long");
    fclose(f);
}

static void request_number(char *bytes, size_t len)
{
    char digits[NUMBER_DIGITS + 1];
    snprintf(digits, sizeof digits, "%0*llu", NUMBER_DIGITS, (unsigned long long)load.number++);
    for (char *at = bytes;
         (at = memmem(at, len - (size_t)(at - bytes), "NNNNNNNNNNNN", NUMBER_DIGITS));)
        memcpy(at, digits, NUMBER_DIGITS);
}

static void stream_send(struct stream *s)
{
    static char bytes[READ_BYTES];
    memcpy(bytes, load.request, load.request_len);
    request_number(bytes, load.request_len);
    s->head = s->first = false;
    s->kept_len = 0;
    s->sent_us = monotonic_us();
    if (send(s->fd, bytes, load.request_len, MSG_NOSIGNAL) != (ssize_t)load.request_len)
        die("a request was not taken whole");
}

static void stream_open(struct stream *s, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port) };
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
    int one = 1;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, s->fd, &e) != 0)
        die("epoll");
    s->connected = true;
    stream_send(s);
}

/* ---- an answer ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Every `"DIGITS ` in these bytes is a token; returns where the search is to go on next time. */
static size_t take_tokens(struct stream *s, const char *bytes, size_t len)
{
    int64_t now_us = monotonic_us();
    size_t done = 0;
    for (size_t at = 0; at < len;) {
        const char *quote = memchr(bytes + at, '"', len - at);
        if (!quote)
            return len;
        size_t from = (size_t)(quote - bytes) + 1, to = from;
        while (to < len && is_digit(bytes[to]))
            to++;
        if (to == len)
            return from - 1; /* cut here, perhaps within a number */
        at = to > from ? to : from;
        done = at;
        if (bytes[to] != ' ' || to - from < STAMP_DIGITS_MIN)
            continue;
        int64_t sent_us = strtoll(bytes + from, NULL, 10);
        load.tokens += load.measuring;
        if (s->first)
            sample(&load.token, now_us - sent_us);
        else
            sample(&load.first, now_us - s->sent_us);
        s->first = true;
        load.begun += !s->ever;
        s->ever = true;
    }
    return done;
}

static void stream_fail(struct stream *s, const char *bytes, size_t len)
{
    load.failed++;
    load.begun += !s->ever;
    s->ever = true;
    if (!load.told)
        fprintf(stderr, "streams: a stream failed:\n%.*s\n", (int)(len > 2000 ? 2000 : len), bytes);
    load.told = true;
    epoll_ctl(load.epoll, EPOLL_CTL_DEL, s->fd, NULL);
    close(s->fd);
    s->connected = false;
}

static void stream_read(struct stream *s)
{
    static char bytes[KEPT_BYTES + READ_BYTES];
    memcpy(bytes, s->kept, s->kept_len);
    ssize_t n = recv(s->fd, bytes + s->kept_len, READ_BYTES, 0);
    if (n <= 0) {
        stream_fail(s, "(closed)", 8);
        return;
    }
    size_t len = s->kept_len + (size_t)n;
    if (!s->head && memmem(bytes, len, "HTTP/1.1 200", 12) != bytes) {
        stream_fail(s, bytes, len);
        return;
    }
    s->head = true;
    size_t rest = take_tokens(s, bytes, len);
    if (len >= 5 && memcmp(bytes + len - 5, "0\r\n\r\n", 5) == 0) {
        load.ended += load.measuring;
        stream_send(s);
        return;
    }
    if (len - rest < 5) /* the end of chunks may be split, too */
        rest = len < 5 ? 0 : len - 5;
    if (len - rest > KEPT_BYTES)
        rest = len - KEPT_BYTES;
    s->kept_len = len - rest;
    memcpy(s->kept, bytes + rest, s->kept_len);
}

static void poll_once(int timeout_ms)
{
    struct epoll_event events[512];
    int n = epoll_wait(load.epoll, events, 512, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct stream *s = events[i].data.ptr;
        if (s->connected)
            stream_read(s);
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc != 5)
        die("PORT COUNT SECONDS REQUEST");
    int port = (int)strtol(argv[1], NULL, 10);
    size_t count = (size_t)strtol(argv[2], NULL, 10), open = 0;
    double seconds = strtod(argv[3], NULL);
    struct stream *streams = calloc(count, sizeof *streams);
    load.first.us = malloc(SAMPLES_MAX * sizeof *load.first.us);
    load.token.us = malloc(SAMPLES_MAX * sizeof *load.token.us);
    if (!streams || !load.first.us || !load.token.us)
        die("memory");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    load.number = (uint64_t)monotonic_us() % 1000000000000;
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    request_read(argv[4]);
    int64_t late_us = monotonic_us() + (int64_t)OPENING_S_MAX * 1000000;
    for (size_t i = 0; load.begun < count && monotonic_us() < late_us;) {
        for (; i < count && i - load.begun < OPENING_MAX; i++)
            stream_open(&streams[i], port);
        poll_once(10);
    }
    printf("open\n");
    fflush(stdout);
    load.measuring = true;
    int64_t begin_us = monotonic_us(), end_us = begin_us + (int64_t)(seconds * 1e6);
    while (monotonic_us() < end_us)
        poll_once(10);
    for (size_t i = 0; i < count; i++)
        open += streams[i].connected;
    qsort(load.first.us, load.first.count, sizeof *load.first.us, by_size);
    qsort(load.token.us, load.token.count, sizeof *load.token.us, by_size);
    printf("{\"streams\":%lld,\"failed\":%lld,\"tokens\":%lld,\"open\":%zu,\"seconds\":%.3f,"
           "\"firstP50\":%.3f,\"firstP99\":%.3f,\"tokenP50\":%.3f,\"tokenP99\":%.3f}\n",
           (long long)load.ended, (long long)load.failed, (long long)load.tokens, open,
           (double)(monotonic_us() - begin_us) / 1e6, percentile_ms(&load.first, 0.5),
           percentile_ms(&load.first, 0.99), percentile_ms(&load.token, 0.5),
           percentile_ms(&load.token, 0.99));
    return 0;
}
