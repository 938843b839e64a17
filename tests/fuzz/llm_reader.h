/* Properties of a reader of provider streams on any bytes, for fuzz_llm_openai.c and
 * fuzz_llm_anthropic.c (recorder.c aborts when an event breaks what wire.h promises):
 *
 *   any split gives the same events, the same verdict and the same sentence;
 *   what a cut stream reports is the beginning of what the whole one does.
 *
 * The first byte is the size of the pieces. */
#ifndef FUZZ_LLM_READER_H
#define FUZZ_LLM_READER_H

#include <stdint.h>
#include <stdlib.h>

#include "recorder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline int llm_reader_check(const char *provider, const uint8_t *data, size_t size)
{
    enum { INPUT_BYTES_MAX = 1 << 16, LOG_BYTES_MAX = 1 << 22 };
    if (size < 1 || size > INPUT_BYTES_MAX)
        return 0;
    struct arena *a = arena_new(0);
    struct str bytes = { (const char *)data + 1, size - 1 };
    struct buf whole, pieces, events, cut;
    buf_init(&whole, a, LOG_BYTES_MAX);
    buf_init(&pieces, a, LOG_BYTES_MAX);
    buf_init(&events, a, LOG_BYTES_MAX);
    buf_init(&cut, a, LOG_BYTES_MAX);
    record(provider, bytes, 0, bytes.len + 1, &whole);
    record(provider, bytes, 0, data[0] % 23 + 1, &pieces);
    if (!str_eq(buf_str(&whole), buf_str(&pieces)))
        abort();
    record_events(provider, bytes, 0, bytes.len + 1, &events);
    record_events(provider, str_sub(bytes, 0, bytes.len * data[0] / 256), 0, bytes.len + 1, &cut);
    /* One JSON document is reported at its end only: a cut one may be another document. */
    size_t start = 0;
    while (start < bytes.len && memchr(" \t\r\n\xef\xbb\xbf", bytes.ptr[start], 7))
        start++;
    if ((start == bytes.len || bytes.ptr[start] != '{') &&
        !str_starts(buf_str(&events), buf_str(&cut)))
        abort();
    arena_free(a);
    return 0;
}

#endif
