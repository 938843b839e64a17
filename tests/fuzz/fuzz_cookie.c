/* Cookies of a stranger, and our own beside them. The input is the values of Cookie headers, one a
 * line; what stands behind a NUL gives the length of a new token.
 *
 * A token that was read is the cookie's bytes in order; the CSRF token of a cookie is one only when
 * this server made it; and a browser that obeys our Set-Cookie lines sends the new token back,
 * whatever it had before. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/cookie.h"
#include "auth/csrf.h"
#include "base/crypto.h"

enum { INPUT_BYTES_MAX = 65536, JAR_MAX = 64, HEADERS_MAX = 8 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct jar {
    struct pair cookies[JAR_MAX];
    size_t count;
};

/* Like a browser: a name stands once. */
static void jar_put(struct jar *j, struct str name, struct str value)
{
    size_t i = 0;
    while (i < j->count && !str_eq(j->cookies[i].name, name))
        i++;
    if (i == JAR_MAX)
        return;
    j->cookies[i] = (struct pair){ name, value };
    j->count += i == j->count;
}

static void jar_drop(struct jar *j, struct str name)
{
    for (size_t i = 0; i < j->count; i++) {
        if (str_eq(j->cookies[i].name, name)) {
            j->cookies[i] = j->cookies[--j->count];
            return;
        }
    }
}

static struct str jar_header(struct arena *a, const struct jar *j)
{
    struct buf b;
    buf_init(&b, a, 4 * INPUT_BYTES_MAX);
    for (size_t i = 0; i < j->count; i++)
        buf_printf(&b, "%s%.*s=%.*s", i ? "; " : "", STR_ARG(j->cookies[i].name),
                   STR_ARG(j->cookies[i].value));
    MUST(!b.overflow);
    return buf_str(&b);
}

static void jar_fill(struct jar *j, const struct header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str rest = headers[i].value;
        while (str_given(rest)) {
            struct str value = str_trim(str_split(&rest, ';'));
            struct str name = str_split(&value, '=');
            if (str_given(value) && j->count < JAR_MAX / 2)
                jar_put(j, name, value);
        }
    }
}

static void jar_obey(struct jar *j, const struct reply *r)
{
    for (size_t i = 0; i < r->header_count; i++) {
        struct str rest = r->headers[i].value;
        struct str value = str_split(&rest, ';'), name = str_split(&value, '=');
        if (str_find(rest, STR("Max-Age=0")) != SIZE_MAX)
            jar_drop(j, name);
        else
            jar_put(j, name, value);
    }
}

static struct str token_make(struct arena *a, size_t len)
{
    char *p = arena_alloc(a, len);
    for (size_t i = 0; i < len; i++)
        p[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_abc."[i * 7 % 32];
    return (struct str){ p, len };
}

/* A browser with these cookies signs in. */
static void sign_in_check(struct arena *a, const struct header *headers, size_t count,
                          struct str token)
{
    const struct cookie_names names = cookie_names_of(false);
    struct jar jar = { .count = 0 };
    struct reply reply = { 0 };
    struct str got;
    jar_fill(&jar, headers, count);
    struct header before = { STR("cookie"), jar_header(a, &jar) };
    struct raw_request rq = { .headers = &before, .header_count = 1 };
    cookie_session_set(a, &rq, &reply, &names, token, 1700000000000);
    jar_obey(&jar, &reply);
    struct header after = { STR("cookie"), jar_header(a, &jar) };
    rq.headers = &after;
    MUST(cookie_session_get(a, &rq, names.session, &got) == COOKIE_ONE);
    MUST(str_eq(got, token));
    reply.header_count = 0;
    cookie_session_clear(a, &rq, &reply, &names);
    jar_obey(&jar, &reply);
    struct header last = { STR("cookie"), jar_header(a, &jar) };
    rq.headers = &last;
    MUST(cookie_session_get(a, &rq, names.session, &got) == COOKIE_NONE);
}

static void stranger_check(struct arena *a, const struct raw_request *rq)
{
    const struct cookie_names names = cookie_names_of(true);
    struct str value = STR_NULL, token;
    if (cookie_session_get(a, rq, names.session, &value) == COOKIE_ONE)
        MUST(str_given(value) && value.len <= COOKIE_CHUNKS_MAX * INPUT_BYTES_MAX);
    if (cookie_get(rq, names.csrf, &value) == COOKIE_ONE)
        MUST(!csrf_cookie_verify(STR("nobody knows this"), value, &token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > INPUT_BYTES_MAX)
        return 0;
    struct arena *a = arena_new(0);
    char *copy = malloc(size);
    MUST(copy);
    crypto_init();
    memcpy(copy, data, size);
    struct str rest = { copy, size }, lines = str_split(&rest, '\0');
    struct header headers[HEADERS_MAX];
    size_t count = 0, token_len = 1;
    for (size_t i = 0; i < rest.len && i < 2; i++)
        token_len = token_len * 127 + (unsigned char)rest.ptr[i];
    while (str_given(lines) && count < HEADERS_MAX)
        headers[count++] = (struct header){ STR("cookie"), str_split(&lines, '\n') };
    stranger_check(a, &(struct raw_request){ .headers = headers, .header_count = count });
    sign_in_check(a, headers, count, token_make(a, token_len % 16384 + 1));
    free(copy);
    arena_free(a);
    return 0;
}
