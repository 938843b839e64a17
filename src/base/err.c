/* Goals: the rows of errors.def as data.
 * Non-goals: messages for one failure (they live in struct cx).
 * Invariants: the table has one row per value of enum err, in its order. */
#include "base/err.h"

#include <stddef.h>

static const struct err_info err_rows[] = {
#define ERR(name, status, code, retryable, meaning) { #name, status, code, retryable, meaning },
#include "base/errors.def"
#undef ERR
};

_Static_assert(sizeof err_rows / sizeof *err_rows == ERR_COUNT - 1, "one row per error");

const struct err_info *err_info(enum err e)
{
    int at = (int)e;
    if (at <= OK || at >= ERR_COUNT)
        at = ERR_INTERNAL;
    return &err_rows[at - 1];
}
