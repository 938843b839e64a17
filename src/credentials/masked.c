/* The masked form of a secret, kept beside it so that lists open nothing. */
#include "credentials/store.h"

enum { PREFIX_MAX = 8, TAIL = 4, HIDDEN_MIN = 8 };

/* The form's own beginning, such as "sk-ant-" or "gsk_": ends at the last - or _ of the first
 * characters, has letters only. */
static size_t prefix_of(struct str s)
{
    size_t len = 0;
    for (size_t i = 0; i < s.len && i < PREFIX_MAX; i++) {
        bool letter = (s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z');
        bool mark = s.ptr[i] == '-' || s.ptr[i] == '_';
        if (!letter && !mark)
            break;
        if (mark)
            len = i + 1;
    }
    return len;
}

struct str secret_masked(struct arena *a, struct str secret)
{
    size_t prefix = prefix_of(secret);
    if (secret.len < prefix + HIDDEN_MIN + TAIL)
        prefix = 0;
    if (secret.len < HIDDEN_MIN + TAIL)
        return str_copy(a, STR("…"));
    return str_fmt(a, "%.*s…%.*s", STR_ARG(str_sub(secret, 0, prefix)), TAIL,
                   secret.ptr + secret.len - TAIL);
}
