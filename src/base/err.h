/* Errors: one enum for every function that can fail.
 *
 * A function that can fail returns `enum err`; results leave through `ret_` parameters, which are
 * written only on OK. The message for people and the detail for the log live in `struct cx`
 * (cx.h); this header owns only the codes and what is fixed about each. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

enum err {
    OK = 0,
#define ERR(name, status, code, retryable, meaning) ERR_##name,
#include "base/errors.def"
#undef ERR
    ERR_COUNT
};

struct err_info {
    const char *name; /* "VERSION_CONFLICT" without prefix */
    int http_status;  /* 400-599 */
    const char *code; /* machine code a client sees */
    bool retryable;
    const char *meaning; /* one sentence for docs */
};

/* Never NULL; OK and unknown values give the row of INTERNAL. */
const struct err_info *err_info(enum err e);

/* Passes an error on. Use where the callee has already said what is wrong. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (expr);                                                                \
        if (try_err_ != OK)                                                                        \
            return try_err_;                                                                       \
    } while (0)

#endif
