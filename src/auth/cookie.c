/* Goals: the attributes and their order as NextAuth v4 writes them. Non-goals: cookies of others.
 * Invariants: no more than COOKIE_CHUNKS_MAX chunks are joined or set, so that the reply's headers
 * have room; a stale chunk never survives a new token, it would confuse the next request. */
#include "auth/cookie.h"

#include "base/clock.h"

struct cookie_names cookie_names_of(bool secure)
{
    if (secure)
        return (struct cookie_names){ .session = STR("__Secure-next-auth.session-token"),
                                      .csrf = STR("__Host-next-auth.csrf-token"),
                                      .callback = STR("__Secure-next-auth.callback-url"),
                                      .secure = true };
    return (struct cookie_names){ .session = STR("next-auth.session-token"),
                                  .csrf = STR("next-auth.csrf-token"),
                                  .callback = STR("next-auth.callback-url") };
}

/* ---- reading ---- */

/* Goes over all cookies of all Cookie headers. */
struct cookie_walk {
    const struct raw_request *rq;
    size_t header;
    struct str rest;
};

static bool walk_next(struct cookie_walk *w, struct str *ret_name, struct str *ret_value)
{
    for (;;) {
        while (!str_given(w->rest)) {
            if (w->header == w->rq->header_count)
                return false;
            const struct header *h = &w->rq->headers[w->header++];
            if (str_is(h->name, "cookie"))
                w->rest = h->value;
        }
        struct str value = str_trim(str_split(&w->rest, ';'));
        *ret_name = str_split(&value, '=');
        *ret_value = value;
        if (str_given(value))
            return true;
    }
}

enum cookie_found cookie_get(const struct raw_request *rq, struct str name, struct str *ret)
{
    struct cookie_walk w = { .rq = rq };
    struct str key, value;
    size_t count = 0;
    while (walk_next(&w, &key, &value)) {
        if (str_eq(key, name)) {
            *ret = value;
            count++;
        }
    }
    return count == 0 ? COOKIE_NONE : count == 1 ? COOKIE_ONE : COOKIE_CONFUSED;
}

/* "NAME" is -1, "NAME.3" is 3; what only begins alike, such as "NAME.x", is -2. */
static int64_t chunk_number(struct str key, struct str name)
{
    int64_t n;
    if (!str_starts(key, name))
        return -2;
    if (key.len == name.len)
        return -1;
    if (key.ptr[name.len] != '.' || !str_to_i64(str_sub(key, name.len + 1, key.len), &n) || n < 0)
        return -2;
    return n;
}

struct parts {
    struct str chunks[COOKIE_CHUNKS_MAX], whole;
    size_t count;  /* of chunks that came */
    bool confused; /* a name came twice */
};

static struct parts parts_read(const struct raw_request *rq, struct str name)
{
    struct cookie_walk w = { .rq = rq };
    struct parts p = { .count = 0 };
    struct str key, value;
    while (walk_next(&w, &key, &value)) {
        int64_t n = chunk_number(key, name);
        /* A number that we never set is somebody else's: refusing it would refuse for ever, since
         * nothing clears it. What it was cut from fails by its tag. */
        if (n < -1 || n >= COOKIE_CHUNKS_MAX)
            continue;
        struct str *at = n < 0 ? &p.whole : &p.chunks[n];
        p.confused |= str_given(*at);
        p.count += n >= 0 && !str_given(*at);
        *at = value;
    }
    return p;
}

enum cookie_found cookie_session_get(struct arena *a, const struct raw_request *rq, struct str name,
                                     struct str *ret)
{
    struct parts p = parts_read(rq, name);
    struct buf joined;
    if (p.confused || (p.count && str_given(p.whole)))
        return COOKIE_CONFUSED;
    if (str_given(p.whole)) {
        *ret = p.whole;
        return COOKIE_ONE;
    }
    if (p.count == 0)
        return COOKIE_NONE;
    buf_init(&joined, a, COOKIE_CHUNKS_MAX * COOKIE_CHUNK_CHARS);
    for (size_t i = 0; i < p.count; i++) {
        if (!str_given(p.chunks[i]))
            return COOKIE_CONFUSED;
        buf_put_str(&joined, p.chunks[i]);
    }
    if (joined.overflow)
        return COOKIE_CONFUSED;
    *ret = buf_str(&joined);
    return COOKIE_ONE;
}

/* ---- writing ---- */

void cookie_set(struct arena *a, struct reply *r, const struct cookie_names *n, struct str name,
                struct str value, int64_t expires_ms)
{
    char date[TIME_HTTP_BYTES + 1] = "";
    if (expires_ms)
        time_http(expires_ms, date);
    reply_header(r, "set-cookie",
                 str_fmt(a, "%.*s=%.*s; Path=/%s%s; HttpOnly%s; SameSite=Lax", STR_ARG(name),
                         STR_ARG(value), expires_ms ? "; Expires=" : "", date,
                         n->secure ? "; Secure" : ""));
}

void cookie_clear(struct arena *a, struct reply *r, const struct cookie_names *n, struct str name)
{
    reply_header(r, "set-cookie",
                 str_fmt(a, "%.*s=; Max-Age=0; Path=/; HttpOnly%s; SameSite=Lax", STR_ARG(name),
                         n->secure ? "; Secure" : ""));
}

static struct str chunk_name(struct arena *a, struct str name, size_t i)
{
    return str_fmt(a, "%.*s.%zu", STR_ARG(name), i);
}

static void chunks_clear(struct arena *a, struct reply *r, const struct cookie_names *n,
                         const struct parts *p, size_t from)
{
    for (size_t i = from; i < COOKIE_CHUNKS_MAX; i++)
        if (str_given(p->chunks[i]))
            cookie_clear(a, r, n, chunk_name(a, n->session, i));
}

void cookie_session_set(struct arena *a, const struct raw_request *rq, struct reply *r,
                        const struct cookie_names *n, struct str token, int64_t expires_ms)
{
    struct parts old = parts_read(rq, n->session);
    size_t count = (token.len + COOKIE_CHUNK_CHARS - 1) / COOKIE_CHUNK_CHARS;
    if (count <= 1) {
        chunks_clear(a, r, n, &old, 0);
        cookie_set(a, r, n, n->session, token, expires_ms);
        return;
    }
    if (str_given(old.whole))
        cookie_clear(a, r, n, n->session);
    for (size_t i = 0; i < count; i++) {
        struct str part = str_sub(token, i * COOKIE_CHUNK_CHARS, (i + 1) * COOKIE_CHUNK_CHARS);
        cookie_set(a, r, n, chunk_name(a, n->session, i), part, expires_ms);
    }
    chunks_clear(a, r, n, &old, count);
}

void cookie_session_clear(struct arena *a, const struct raw_request *rq, struct reply *r,
                          const struct cookie_names *n)
{
    struct parts old = parts_read(rq, n->session);
    if (str_given(old.whole))
        cookie_clear(a, r, n, n->session);
    chunks_clear(a, r, n, &old, 0);
}
