/* Forms: any bytes in any cut give the same events, or are refused; a text is always clean UTF-8.
 * The first byte of the input is the size of the pieces. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "op/multipart.h"

static enum err on_text(void *arg, struct str name, struct str value)
{
    if (!utf8_valid(name) || !utf8_valid(value))
        abort();
    buf_printf(arg, "[%zu:%zu]", name.len, value.len);
    return OK;
}

static enum err on_begin(void *arg, struct str name, struct str filename, struct str content_type)
{
    (void)content_type;
    if (!utf8_valid(name) || !utf8_valid(filename) || filename.len > 255)
        abort();
    buf_printf(arg, "{%zu:%zu}", name.len, filename.len);
    return OK;
}

static enum err on_bytes(void *arg, struct str bytes)
{
    buf_put_str(arg, bytes);
    return OK;
}

static enum err on_end(void *arg)
{
    buf_put_byte(arg, ';');
    return OK;
}

static enum err run(struct arena *a, struct str body, size_t piece, struct buf *log)
{
    struct cx cx = { .arena = a };
    struct multipart_events ev = { on_text, on_begin, on_bytes, on_end, log };
    struct multipart *m = multipart_new(&cx, STR("XX"), &ev);
    buf_init(log, a, 1 << 22);
    for (size_t i = 0; i < body.len; i += piece)
        TRY(multipart_feed(m, str_sub(body, i, i + piece)));
    return multipart_end(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 64 * 1024)
        return 0;
    struct arena *a = arena_new(0);
    struct str body = { (const char *)data + 1, size - 1 };
    struct buf whole, pieces;
    enum err e1 = run(a, body, body.len + 1, &whole);
    enum err e2 = run(a, body, data[0] % 17 + 1, &pieces);
    if (e1 != e2 || (e1 == OK && !str_eq(buf_str(&whole), buf_str(&pieces))))
        abort();
    multipart_boundary(body);
    arena_free(a);
    return 0;
}
