/* The SSE reader. Input: a byte for the bound, eight for the splits, then the stream.
 *
 * Fed in any split it says the same as fed whole: events, failure, and whether one is unfinished.
 */
#include <stdint.h>
#include <stdlib.h>

#include "net/sse.h"

enum { HEAD_BYTES = 9, LOG_BYTES_MAX = 1024 * 1024 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf log;
    size_t bound;
};

static bool on_event(void *arg, const struct sse_event *e)
{
    struct seen *s = arg;
    MUST(e->type.len + e->data.len + e->id.len <= s->bound + sizeof "message");
    buf_printf(&s->log, "%zu %zu %zu %lld ", e->type.len, e->data.len, e->id.len,
               (long long)e->retry_ms);
    buf_put_str(&s->log, e->type);
    buf_put_str(&s->log, e->data);
    buf_put_str(&s->log, e->id);
    return true;
}

static bool run(struct str stream, const uint8_t splits[8], struct seen *s, bool *ret_unfinished)
{
    struct sse_reader r;
    bool ok = true;
    size_t turn = 0;
    buf_init(&s->log, NULL, LOG_BYTES_MAX);
    sse_init(&r, s->bound);
    do {
        size_t part = splits ? (size_t)1 + splits[turn++ % 8] % 16 : stream.len;
        ok = sse_feed(&r, str_sub(stream, 0, part), on_event, s);
        stream = str_sub(stream, part, stream.len);
    } while (stream.len);
    *ret_unfinished = sse_unfinished(&r);
    sse_release(&r);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD_BYTES || size > 16384)
        return 0;
    struct str stream = { (const char *)data + HEAD_BYTES, size - HEAD_BYTES };
    struct seen whole = { .bound = 1 + data[0] * 4u }, split = whole;
    bool whole_left, split_left;
    bool whole_ok = run(stream, NULL, &whole, &whole_left);
    bool split_ok = run(stream, data + 1, &split, &split_left);
    MUST(whole_ok == split_ok);
    MUST(str_eq(buf_str(&whole.log), buf_str(&split.log)));
    MUST(!whole_ok || whole_left == split_left);
    buf_release(&whole.log);
    buf_release(&split.log);
    return 0;
}
