/* Percent-decoding, and where a sign-in may lead back to. Input: a path or URL.
 *
 * A decoded text is UTF-8 without NUL, and encoding it again in full gives it back. A redirect
 * never leaves the origin. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/nextauth.h"
#include "auth/state.h"
#include "op/router.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fputs("broken: " #condition "\n", stderr);                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_check(struct arena *a, struct str s, bool plus)
{
    struct str got, again;
    struct buf b;
    if (!url_decode(a, s, plus, &got))
        return;
    MUST(got.len <= s.len && utf8_valid(got) && (!got.len || !memchr(got.ptr, '\0', got.len)));
    buf_init(&b, a, 3 * got.len + 1);
    for (size_t i = 0; i < got.len; i++)
        buf_printf(&b, "%%%02X", (unsigned char)got.ptr[i]);
    MUST(url_decode(a, buf_str(&b), plus, &again) && str_eq(again, got));
}

static void redirect_check(struct arena *a, struct str url)
{
    struct auth auth = { .public_url = STR("https://ops.example.com"),
                         .origin = STR("https://ops.example.com") };
    struct str to = nextauth_redirect(a, &auth, url);
    MUST(str_starts(to, auth.public_url));
    char next = to.len > auth.public_url.len ? to.ptr[auth.public_url.len] : '/';
    MUST(next == '/' || next == '?' || next == '#');
    MUST(to.len == auth.public_url.len || to.ptr[auth.public_url.len] != '/' ||
         to.len == auth.public_url.len + 1 || to.ptr[auth.public_url.len + 1] != '\\');
    for (size_t i = 0; i < to.len; i++)
        MUST((unsigned char)to.ptr[i] > ' ' && to.ptr[i] != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    struct arena *a = arena_new(0);
    struct str s = { (const char *)data, size };
    decode_check(a, s, false);
    decode_check(a, s, true);
    redirect_check(a, s);
    arena_free(a);
    return 0;
}
