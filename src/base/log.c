/* Goals: one line per event that a machine or a person can read, whatever is in its values; a full
 * pipe delays the program by a tenth of a second once, then lines are dropped and counted.
 *
 * Non-goals: files, rotation, syslog: the service manager takes stderr.
 *
 * Invariants: a line is built on the caller's stack and written under one mutex, so lines do not
 * mix. A JSON line is valid JSON also when it was cut: LINE_TAIL_BYTES are kept for its end. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_BYTES_MAX 8192u
#define LINE_TAIL_BYTES 32u
#define WRITE_PIECE_BYTES 4096u /* PIPE_BUF: what poll promises to take without blocking */
#define WRITE_WAIT_MS 100

static _Atomic int log_level_now = LOG_INFO;
static _Atomic int log_format_now = LOG_JSON;

/* Guarded by log_mutex. */
static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static void (*log_sink)(struct str line, void *arg);
static void *log_sink_arg;
static bool log_stalled;     /* the last write found no room */
static bool log_line_broken; /* part of a line was written: start with a newline */
static uint64_t log_dropped;

struct line {
    char text[LINE_BYTES_MAX];
    size_t len;
    bool cut; /* nothing more is added */
};

static const char *const level_names[] = { "", "debug", "info", "warn", "error" };

void log_init(enum log_format format, enum log_level level)
{
    atomic_store(&log_format_now, (int)format);
    atomic_store(&log_level_now, (int)level);
}

void log_set_level(enum log_level level)
{
    atomic_store(&log_level_now, (int)level);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

bool log_level_parse(struct str s, enum log_level *ret)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (str_is(s, level_names[i])) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_sink(void (*sink)(struct str line, void *arg), void *arg)
{
    pthread_mutex_lock(&log_mutex);
    log_sink = sink;
    log_sink_arg = arg;
    pthread_mutex_unlock(&log_mutex);
}

static bool line_room(const struct line *l, size_t len)
{
    return !l->cut && len <= LINE_BYTES_MAX - LINE_TAIL_BYTES - l->len;
}

/* All of it or nothing; then the line is cut. */
static void line_put(struct line *l, struct str s)
{
    if (!line_room(l, s.len)) {
        l->cut = true;
        return;
    }
    memcpy(l->text + l->len, s.ptr, s.len);
    l->len += s.len;
}

/* For the ends that the tail is kept for. */
static void line_put_always(struct line *l, struct str s)
{
    memcpy(l->text + l->len, s.ptr, s.len);
    l->len += s.len;
}

/* Length of the valid UTF-8 sequence at `at`, or 0. */
static size_t sequence_len(struct str s, size_t at)
{
    for (size_t len = 1; len <= 4 && at + len <= s.len; len++) {
        if (utf8_valid(str_sub(s, at, at + len)))
            return len;
    }
    return 0;
}

/* One character as it may stand between quotes. C1 controls could steer a terminal, too. */
static struct str escaped(struct str s, size_t at, size_t *ret_len, char scratch[8])
{
    unsigned char c = (unsigned char)s.ptr[at];
    *ret_len = sequence_len(s, at);
    if (!*ret_len) {
        *ret_len = 1;
        return STR("\\ufffd");
    }
    if (c == '"')
        return STR("\\\"");
    if (c == '\\')
        return STR("\\\\");
    if (c == '\n')
        return STR("\\n");
    bool c1 = *ret_len == 2 && c == 0xc2 && (unsigned char)s.ptr[at + 1] < 0xa0;
    if (c < ' ' || c == 0x7f || c1) {
        unsigned value = c1 ? (unsigned char)s.ptr[at + 1] : c;
        return (struct str){ scratch, (size_t)snprintf(scratch, 8, "\\u%04x", value) };
    }
    return str_sub(s, at, at + *ret_len);
}

static void line_put_quoted(struct line *l, struct str s)
{
    if (!line_room(l, 1)) {
        l->cut = true;
        return;
    }
    line_put(l, STR("\""));
    for (size_t at = 0, len; at < s.len && !l->cut; at += len) {
        char scratch[8];
        line_put(l, escaped(s, at, &len, scratch));
    }
    line_put_always(l, STR("\""));
}

static bool bare(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return s.len > 0;
}

static void field_put(struct line *l, const struct log_field *f, bool json)
{
    char number[24];
    size_t start = l->len;
    line_put(l, json ? STR(",\"") : STR(" "));
    line_put(l, str_of(f->key));
    line_put(l, json ? STR("\":") : STR("="));
    if (l->cut) {
        l->len = start;
        return;
    }
    if (f->type == LOG_FIELD_INT) {
        int len = snprintf(number, sizeof number, "%lld", (long long)f->i);
        line_put(l, (struct str){ number, (size_t)len });
        if (l->cut)
            l->len = start;
    } else if (json && !f->s.ptr) {
        line_put(l, STR("null"));
        if (l->cut)
            l->len = start;
    } else if (!json && bare(f->s) && line_room(l, f->s.len)) {
        line_put(l, f->s);
    } else {
        size_t before = l->len;
        line_put_quoted(l, f->s);
        if (l->len == before)
            l->len = start;
    }
}

static void line_build(struct line *l, enum log_level level, const char *message,
                       const struct log_field *fields, size_t count)
{
    bool json = atomic_load(&log_format_now) == LOG_JSON;
    char time[TIME_ISO_BYTES + 1];
    time_iso(clock_wall_ms(), time);
    l->len = 0;
    l->cut = false;
    line_put(l, json ? STR("{\"time\":\"") : STR(""));
    line_put(l, (struct str){ time, TIME_ISO_BYTES });
    line_put(l, json ? STR("\",\"level\":\"") : STR(" "));
    line_put(l, str_of(level_names[level]));
    line_put(l, json ? STR("\",\"message\":") : STR(" "));
    if (!json && str_find_byte(str_of(message), '\n') == SIZE_MAX &&
        line_room(l, strlen(message)) && utf8_valid(str_of(message)))
        line_put(l, str_of(message));
    else
        line_put_quoted(l, str_of(message));
    for (size_t i = 0; i < count && !l->cut; i++)
        field_put(l, &fields[i], json);
    if (l->cut)
        line_put_always(l, json ? STR(",\"cut\":true") : STR(" (cut)"));
    line_put_always(l, json ? STR("}\n") : STR("\n"));
}

/* False: there was no room in time, and the rest is lost. */
static bool bytes_write(const char *p, size_t len)
{
    while (len) {
        struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
        int ready = poll(&fd, 1, log_stalled ? 0 : WRITE_WAIT_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        ssize_t n = write(STDERR_FILENO, p, len < WRITE_PIECE_BYTES ? len : WRITE_PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        log_line_broken = true;
        p += n;
        len -= (size_t)n;
    }
    log_line_broken = false;
    return true;
}

static void line_write(struct str line)
{
    char text[96];
    if (log_line_broken && !bytes_write("\n", 1)) {
        log_dropped++;
        return;
    }
    if (log_dropped) {
        bool json = atomic_load(&log_format_now) == LOG_JSON;
        int len =
            snprintf(text, sizeof text,
                     json ? "{\"level\":\"warn\",\"message\":\"log lines lost\",\"count\":%llu}\n"
                          : "warn log lines lost count=%llu\n",
                     (unsigned long long)log_dropped);
        if (!bytes_write(text, (size_t)len)) {
            log_dropped++;
            log_stalled = true;
            return;
        }
        log_dropped = 0;
    }
    log_stalled = !bytes_write(line.ptr, line.len);
    log_dropped += log_stalled;
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if (!log_enabled(level))
        return;
    struct line l;
    line_build(&l, level, message, fields, count);
    struct str line = { l.text, l.len };
    int saved = errno;
    pthread_mutex_lock(&log_mutex);
    if (log_sink)
        log_sink(str_sub(line, 0, line.len - 1), log_sink_arg);
    else
        line_write(line);
    pthread_mutex_unlock(&log_mutex);
    errno = saved;
}
