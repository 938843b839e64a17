/* Goal: a reply's headers. Invariant: no header value can split a response. */
#include "op/reply.h"

#include <assert.h>

void reply_header(struct reply *r, const char *name, struct str value)
{
    assert(r->header_count < REPLY_HEADERS_MAX);
    for (size_t i = 0; i < value.len; i++)
        assert((unsigned char)value.ptr[i] >= 0x20 || value.ptr[i] == '\t');
    r->headers[r->header_count++] = (struct header){ str_of(name), value };
}
