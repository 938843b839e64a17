/* What every op test needs: cmocka in its order, a context on an arena. */
#ifndef TESTS_UNIT_OP_TESTING_H
#define TESTS_UNIT_OP_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/cx.h"

static inline struct cx test_cx(void)
{
    crypto_init();
    return (struct cx){ .arena = arena_new(0), .now_ms = 1795475474942 };
}

/* Message of the field's first error, or "". */
static inline const char *field_message(struct cx *cx, const char *field)
{
    for (struct field_error *e = cx->failure.fields; e; e = e->next)
        if (str_is(e->field, field))
            return str_cstr(cx->arena, e->message);
    return "";
}

#endif
