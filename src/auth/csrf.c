/* Goals: no request of another site does anything with a session. Non-goals: CORS answers (http).
 * Invariants: comparisons of tokens take constant time; a cookie that came twice is no cookie. */
#include "auth/csrf.h"

#include "auth/cookie.h"
#include "auth/state.h"
#include "base/app.h"

static void csrf_sign(struct str secret, struct str token, char out[CSRF_TOKEN_CHARS])
{
    uint8_t hash[SHA256_BYTES];
    struct sha256_ctx *ctx = sha256_new();
    sha256_add(ctx, token);
    sha256_add(ctx, secret);
    sha256_final(ctx, hash);
    sha256_free(ctx);
    hex_encode(hash, sizeof hash, out);
}

void csrf_make(struct str secret, char ret_token[CSRF_TOKEN_CHARS],
               char ret_cookie[CSRF_COOKIE_CHARS])
{
    uint8_t raw[CSRF_TOKEN_CHARS / 2];
    random_bytes(raw, sizeof raw);
    hex_encode(raw, sizeof raw, ret_token);
    memcpy(ret_cookie, ret_token, CSRF_TOKEN_CHARS);
    memcpy(ret_cookie + CSRF_TOKEN_CHARS, "%7C", 3);
    csrf_sign(secret, (struct str){ ret_token, CSRF_TOKEN_CHARS },
              ret_cookie + CSRF_TOKEN_CHARS + 3);
}

static bool is_hex64(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return s.len == CSRF_TOKEN_CHARS;
}

bool csrf_cookie_verify(struct str secret, struct str cookie, struct str *ret_token)
{
    char expected[CSRF_TOKEN_CHARS];
    struct str token = str_sub(cookie, 0, CSRF_TOKEN_CHARS);
    struct str rest = str_sub(cookie, CSRF_TOKEN_CHARS, cookie.len);
    if (str_starts(rest, STR("%7C")) || str_starts(rest, STR("%7c")))
        rest = str_sub(rest, 3, rest.len);
    else if (str_starts(rest, STR("|")))
        rest = str_sub(rest, 1, rest.len);
    else
        return false;
    if (!is_hex64(token) || !is_hex64(rest))
        return false;
    csrf_sign(secret, token, expected);
    if (!bytes_equal(expected, rest.ptr, CSRF_TOKEN_CHARS))
        return false;
    *ret_token = token;
    return true;
}

bool csrf_token_equal(struct str token, struct str given)
{
    return token.len == CSRF_TOKEN_CHARS && given.len == CSRF_TOKEN_CHARS &&
           bytes_equal(token.ptr, given.ptr, CSRF_TOKEN_CHARS);
}

/* "https://host:port" whose host is what the client asked for. The scheme may differ behind a proxy
 * that ends TLS. */
static bool origin_is_host(struct str origin, struct str host)
{
    struct str rest = origin;
    if (str_starts(rest, STR("http://")))
        rest = str_sub(rest, 7, rest.len);
    else if (str_starts(rest, STR("https://")))
        rest = str_sub(rest, 8, rest.len);
    else
        return false;
    return host.len > 0 && str_eq_nocase(rest, host);
}

enum err auth_origin_check(struct cx *cx, const struct raw_request *rq)
{
    struct str origin = request_header(rq, "origin");
    struct str site = request_header(rq, "sec-fetch-site");
    bool ours = str_given(origin) && (str_eq_nocase(origin, cx->app->auth->origin) ||
                                      origin_is_host(origin, request_header(rq, "host")));
    if (str_given(origin) && !ours)
        FAIL(cx, ORIGIN_REFUSED, "This web origin may not send requests of a session.");
    if (str_is(site, "cross-site"))
        FAIL(cx, ORIGIN_REFUSED, "Another site may not send requests of a session.");
    return OK;
}

enum err auth_csrf(struct cx *cx, const struct raw_request *rq)
{
    const struct auth *auth = cx->app->auth;
    struct str cookie, token;
    TRY(auth_origin_check(cx, rq));
    if (cookie_get(rq, auth->cookies.csrf, &cookie) != COOKIE_ONE ||
        !csrf_cookie_verify(secret_bytes(auth->secret), cookie, &token))
        FAIL(cx, CSRF_INVALID,
             "The CSRF cookie is absent or not of this server; "
             "GET /api/auth/csrf sets it.");
    if (!csrf_token_equal(token, request_header(rq, "x-csrf-token")))
        FAIL(cx, CSRF_INVALID, "The header x-csrf-token is absent or does not match the cookie.");
    return OK;
}
