/* Goals: every legal framing is read, whatever the split; a line that arrives whole is not copied.
 * Non-goals: reconnecting, decoding of data.
 * Invariants: `line` holds the begun line only (of a comment its first byte, so that a long one
 * costs nothing); the four buffers together never pass event_bytes_max; after a failure nothing is
 * read any more.
 *
 * Source: WHATWG HTML, 9.2.5 Parsing an event stream, 9.2.6 Interpreting an event stream. */
#include "net/sse.h"

static const char bom[3] = { '\xef', '\xbb', '\xbf' };
enum { RETRY_DIGITS_MAX = 15 };

void sse_init(struct sse_reader *r, size_t event_bytes_max)
{
    *r = (struct sse_reader){ .event_bytes_max = event_bytes_max, .retry_ms = -1 };
    buf_init(&r->line, NULL, event_bytes_max);
    buf_init(&r->data, NULL, event_bytes_max + 1); /* the LF that is cut off again */
    buf_init(&r->type, NULL, event_bytes_max);
    buf_init(&r->id, NULL, event_bytes_max);
}

void sse_release(struct sse_reader *r)
{
    if (!r)
        return;
    buf_release(&r->line);
    buf_release(&r->data);
    buf_release(&r->type);
    buf_release(&r->id);
}

/* Room for `len` more bytes of this event. */
static bool fits(const struct sse_reader *r, size_t len)
{
    size_t held = r->line.len + r->data.len + r->type.len + r->id.len;
    size_t max = r->event_bytes_max + (r->has_data ? 1 : 0);
    return held <= max && len <= max - held;
}

static void take_retry(struct sse_reader *r, struct str value)
{
    int64_t n = 0;
    if (value.len == 0 || value.len > RETRY_DIGITS_MAX)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return;
        n = n * 10 + (value.ptr[i] - '0');
    }
    r->retry_ms = n;
}

static void take_field(struct sse_reader *r, struct str name, struct str value)
{
    if (str_eq(name, STR("data"))) {
        buf_put_str(&r->data, value);
        buf_put_byte(&r->data, '\n');
        r->has_data = true;
    } else if (str_eq(name, STR("event"))) {
        buf_clear(&r->type);
        buf_put_str(&r->type, value);
    } else if (str_eq(name, STR("id"))) {
        if (str_find_byte(value, 0) != SIZE_MAX)
            return;
        buf_clear(&r->id);
        buf_put_str(&r->id, value);
    } else if (str_eq(name, STR("retry"))) {
        take_retry(r, value);
    }
}

static bool dispatch(struct sse_reader *r, bool (*on_event)(void *arg, const struct sse_event *e),
                     void *arg)
{
    bool go_on = true;
    if (r->has_data) {
        struct str data = buf_str(&r->data);
        data.len--; /* the last LF */
        struct sse_event e = { .type = r->type.len ? buf_str(&r->type) : STR("message"),
                               .data = data,
                               .id = buf_str(&r->id),
                               .retry_ms = r->retry_ms };
        r->retry_ms = -1;
        go_on = on_event(arg, &e);
    }
    buf_clear(&r->data);
    buf_clear(&r->type);
    r->has_data = r->begun = false;
    return go_on;
}

/* A whole line, without its end. False: stop. */
static bool take_line(struct sse_reader *r, struct str line,
                      bool (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
    if (line.len == 0)
        return dispatch(r, on_event, arg);
    if (line.ptr[0] == ':')
        return true;
    r->begun = true;
    struct str value = line, name = str_split(&value, ':');
    if (!str_given(value))
        value = STR("");
    else if (value.len && value.ptr[0] == ' ')
        value = str_sub(value, 1, value.len);
    take_field(r, name, value);
    return true;
}

/* Keeps the begin of a line until its end comes. */
static bool keep(struct sse_reader *r, struct str part)
{
    bool comment = r->line.len ? r->line.ptr[0] == ':' : part.len && part.ptr[0] == ':';
    if (comment)
        part.len = r->line.len ? 0 : 1;
    else if (!fits(r, part.len))
        return false;
    buf_put_str(&r->line, part);
    return true;
}

/* The line that ends with `part`; what was kept of it stands before. */
static bool end_line(struct sse_reader *r, struct str part,
                     bool (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
    bool ok;
    if (r->line.len == 0) {
        bool comment = part.len && part.ptr[0] == ':';
        ok = (comment || fits(r, part.len)) && take_line(r, part, on_event, arg);
    } else {
        ok = keep(r, part) && take_line(r, buf_str(&r->line), on_event, arg);
    }
    buf_clear(&r->line);
    return ok;
}

/* Swallows a byte order mark at the very start; one that breaks off is text. */
static void skip_bom(struct sse_reader *r, struct str *bytes)
{
    while (!r->started && bytes->len) {
        if (bytes->ptr[0] != bom[r->bom]) {
            r->started = true;
            buf_put(&r->line, bom, r->bom);
        } else {
            *bytes = str_sub(*bytes, 1, bytes->len);
            r->started = ++r->bom == sizeof bom;
        }
    }
}

static size_t line_end(struct str s)
{
    size_t lf = str_find_byte(s, '\n');
    struct str before = lf == SIZE_MAX ? s : str_sub(s, 0, lf);
    size_t cr = str_find_byte(before, '\r');
    return cr != SIZE_MAX ? cr : lf;
}

bool sse_feed(struct sse_reader *r, struct str bytes,
              bool (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
    if (r->failed)
        return false;
    skip_bom(r, &bytes);
    while (bytes.len) {
        if (r->after_cr) {
            r->after_cr = false;
            if (bytes.ptr[0] == '\n') {
                bytes = str_sub(bytes, 1, bytes.len);
                continue;
            }
        }
        size_t end = line_end(bytes);
        if (end == SIZE_MAX) {
            r->failed = !keep(r, bytes);
            break;
        }
        r->after_cr = bytes.ptr[end] == '\r';
        if (!end_line(r, str_sub(bytes, 0, end), on_event, arg)) {
            r->failed = true;
            break;
        }
        bytes = str_sub(bytes, end + 1, bytes.len);
    }
    return !r->failed;
}

bool sse_unfinished(const struct sse_reader *r)
{
    return r->begun || (r->line.len && r->line.ptr[0] != ':');
}
