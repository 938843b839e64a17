/* Cookies: long tokens in pieces and back, strictly; CSRF cookies; where requests come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "auth/cookie.h"
#include "auth/csrf.h"
#include "auth/nextauth.h"
#include "base/app.h"
#include "base/config.h"

#define NAME "next-auth.session-token"
/* Recorded: the cookie of a server with the secret my-nextauth-secret. */
#define CSRF_TOKEN "2acaeaff7d81159e3dfe096a26535b180213fb484cb8f6a1a897a744a915ee0f"
#define CSRF_HASH "1dd077be5a8ee8d561aa15c42c19a299b3ceb4e4a0726b7ab524602833f8624f"
#define CSRF_COOKIE CSRF_TOKEN "%7C" CSRF_HASH

static enum cookie_found read_cookie(struct arena *a, const char *header, struct str *ret)
{
    struct header h = { STR("cookie"), str_of(header) };
    struct raw_request rq = { .headers = &h, .header_count = 1 };
    return cookie_session_get(a, &rq, STR(NAME), ret);
}

static void pieces_are_joined_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum cookie_found found;
        const char *value;
    } table[] = {
        { "", COOKIE_NONE, NULL },
        { "other=1", COOKIE_NONE, NULL },
        { NAME "x=1; " NAME ".x=1; " NAME ".=1; " NAME ".01=1; " NAME ".-1=2", COOKIE_NONE, NULL },
        { "a=b; " NAME "=abc; c=d", COOKIE_ONE, "abc" },
        { NAME "=abc;" NAME "=abc", COOKIE_CONFUSED, NULL },
        { NAME ".1=b; " NAME ".0=a", COOKIE_ONE, "ab" },
        { NAME ".0=a", COOKIE_ONE, "a" },
        { NAME ".1=b", COOKIE_CONFUSED, NULL },
        { NAME ".0=a; " NAME ".2=c", COOKIE_CONFUSED, NULL },
        { NAME ".0=a; " NAME ".0=a", COOKIE_CONFUSED, NULL },
        { NAME ".0=a; " NAME "=a", COOKIE_CONFUSED, NULL },
        { NAME ".0=a; " NAME ".5=b", COOKIE_ONE, "a" }, /* not ours, and nothing clears it */
        { NAME ".0=a; " NAME ".99999999999999999999=a", COOKIE_ONE, "a" },
        { NAME, COOKIE_NONE, NULL },
    };
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct str value = STR_NULL;
        enum cookie_found found = read_cookie(a, table[i].header, &value);
        if (found != table[i].found || (table[i].value && !str_is(value, table[i].value)))
            fail_msg("row %zu: %d %.*s", i, found, STR_ARG(value));
    }
    arena_free(a);
}

/* What a browser would send after the reply. */
static struct str jar_of(struct arena *a, const struct reply *r)
{
    struct buf b;
    buf_init(&b, a, 65536);
    for (size_t i = 0; i < r->header_count; i++) {
        struct str v = r->headers[i].value;
        assert_true(str_is(r->headers[i].name, "set-cookie"));
        if (str_find(v, STR("; Max-Age=0;")) == SIZE_MAX) {
            buf_put_str(&b, str_split(&v, ';'));
            buf_put_cstr(&b, "; ");
        }
    }
    return buf_str(&b);
}

static void long_tokens_are_split(void **state)
{
    (void)state;
    static const size_t lengths[] = { 1,    COOKIE_CHUNK_CHARS,         COOKIE_CHUNK_CHARS + 1,
                                      9000, 2 * COOKIE_CHUNK_CHARS + 1, TOKEN_BYTES_MAX };
    struct arena *a = arena_new(0);
    struct cookie_names names = cookie_names_of(false);
    char *letters = arena_alloc(a, TOKEN_BYTES_MAX);
    for (size_t i = 0; i < TOKEN_BYTES_MAX; i++)
        letters[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct raw_request rq = { 0 };
        struct reply r = { 0 };
        struct str back, token = { letters, lengths[i] };
        cookie_session_set(a, &rq, &r, &names, token, 1795475474942);
        assert_int_equal(r.header_count,
                         (lengths[i] + COOKIE_CHUNK_CHARS - 1) / COOKIE_CHUNK_CHARS);
        assert_int_equal(read_cookie(a, str_cstr(a, jar_of(a, &r)), &back), COOKIE_ONE);
        assert_true(str_eq(back, token));
    }
    arena_free(a);
}

static bool has_cookie(const struct reply *r, const char *line)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (str_is(r->headers[i].value, line))
            return true;
    return false;
}

static void stale_pieces_are_cleared(void **state)
{
    (void)state;
    struct header h = { STR("cookie"), STR(NAME ".0=a; " NAME ".1=b; " NAME "=x") };
    struct raw_request rq = { .headers = &h, .header_count = 1 };
    struct reply r = { 0 };
    struct arena *a = arena_new(0);
    struct cookie_names names = cookie_names_of(false);
    cookie_session_set(a, &rq, &r, &names, STR("new"), 1795475474942);
    assert_int_equal(r.header_count, 3);
    assert_true(has_cookie(&r,
                           NAME "=new; Path=/; Expires=Mon, 23 Nov 2026 23:11:14 GMT; HttpOnly; "
                                "SameSite=Lax"));
    assert_true(has_cookie(&r, NAME ".0=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"));
    assert_true(has_cookie(&r, NAME ".1=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"));
    r = (struct reply){ 0 };
    cookie_session_clear(a, &rq, &r, &names);
    assert_int_equal(r.header_count, 3);
    r = (struct reply){ 0 };
    names = cookie_names_of(true);
    cookie_set(a, &r, &names, names.csrf, STR("v"), 0);
    assert_true(
        has_cookie(&r, "__Host-next-auth.csrf-token=v; Path=/; HttpOnly; Secure; SameSite=Lax"));
    arena_free(a);
}

/* ---- CSRF ---- */

struct room {
    struct arena *arena;
    struct config config;
    struct app app;
    struct cx cx;
};

static void room_init(struct room *r, const char *public_url)
{
    char error[256];
    memset(r, 0, sizeof *r);
    r->arena = arena_new(0);
    r->config.listen = STR("127.0.0.1:8787");
    r->config.public_url = str_of(public_url);
    r->config.nextauth_secret = secret_new(STR("my-nextauth-secret"));
    r->app.config = &r->config;
    r->app.auth = auth_new(&r->config, error, sizeof error);
    assert_non_null(r->app.auth);
    r->cx = (struct cx){ .arena = r->arena, .app = &r->app, .now_ms = 1795475474942 };
}

static void room_release(struct room *r)
{
    auth_free(r->app.auth);
    secret_free(r->config.nextauth_secret);
    arena_free(r->arena);
}

static void csrf_cookies_verify(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "%7C",
        CSRF_TOKEN,
        CSRF_TOKEN CSRF_HASH,
        CSRF_TOKEN "%7C" CSRF_TOKEN,
        CSRF_COOKIE "0",
        "0" CSRF_COOKIE,
        CSRF_TOKEN "%7D" CSRF_HASH,
    };
    char token[CSRF_TOKEN_CHARS], cookie[CSRF_COOKIE_CHARS];
    struct str secret = STR("my-nextauth-secret"), got;
    crypto_init();
    assert_true(csrf_cookie_verify(secret, STR(CSRF_COOKIE), &got));
    assert_true(str_is(got, CSRF_TOKEN));
    assert_false(csrf_cookie_verify(STR("another"), STR(CSRF_COOKIE), &got));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(csrf_cookie_verify(secret, str_of(bad[i]), &got));
    csrf_make(secret, token, cookie);
    assert_true(csrf_cookie_verify(secret, (struct str){ cookie, sizeof cookie }, &got));
    assert_memory_equal(got.ptr, token, sizeof token);
}

static enum err ask(struct room *r, const char *cookie, const char *token, const char *origin,
                    const char *site)
{
    const char *names[] = { "host", "cookie", "x-csrf-token", "origin", "sec-fetch-site" };
    const char *values[] = { "10.1.2.3:80", cookie, token, origin, site };
    struct header h[5];
    struct raw_request rq = { .face = FACE_HTTP, .method = METHOD_POST, .headers = h };
    for (size_t i = 0; i < 5; i++)
        if (values[i])
            h[rq.header_count++] = (struct header){ str_of(names[i]), str_of(values[i]) };
    cx_clear_failure(&r->cx);
    return auth_csrf(&r->cx, &rq);
}

static void session_requests_need_the_token(void **state)
{
    (void)state;
    static const char good[] = "next-auth.csrf-token=" CSRF_COOKIE;
    struct room r;
    room_init(&r, "http://ops.example.test");
    assert_int_equal(ask(&r, good, CSRF_TOKEN, NULL, NULL), OK);
    assert_int_equal(ask(&r, good, CSRF_TOKEN, "http://ops.example.test", "same-origin"), OK);
    assert_int_equal(ask(&r, good, CSRF_TOKEN, "http://10.1.2.3:80", NULL), OK);
    assert_int_equal(ask(&r, good, NULL, NULL, NULL), ERR_CSRF_INVALID);
    assert_int_equal(ask(&r, good, CSRF_HASH, NULL, NULL), ERR_CSRF_INVALID);
    assert_int_equal(ask(&r, NULL, CSRF_TOKEN, NULL, NULL), ERR_CSRF_INVALID);
    assert_int_equal(
        ask(&r, "next-auth.csrf-token=" CSRF_TOKEN "%7C" CSRF_TOKEN, CSRF_TOKEN, NULL, NULL),
        ERR_CSRF_INVALID);
    assert_int_equal(ask(&r, "next-auth.csrf-token=a; next-auth.csrf-token=" CSRF_COOKIE,
                         CSRF_TOKEN, NULL, NULL),
                     ERR_CSRF_INVALID);
    assert_int_equal(ask(&r, good, CSRF_TOKEN, "http://evil.example", NULL), ERR_ORIGIN_REFUSED);
    assert_int_equal(ask(&r, good, CSRF_TOKEN, "null", NULL), ERR_ORIGIN_REFUSED);
    assert_int_equal(ask(&r, good, CSRF_TOKEN, "http://ops.example.test.evil.example", NULL),
                     ERR_ORIGIN_REFUSED);
    assert_int_equal(ask(&r, good, CSRF_TOKEN, NULL, "cross-site"), ERR_ORIGIN_REFUSED);
    room_release(&r);
}

static void callback_urls_stay_at_home(void **state)
{
    (void)state;
    static const struct {
        const char *url, *leads;
    } table[] = {
        { "/rel", "http://a.test/rel" },
        { "http://a.test/x?y=1", "http://a.test/x?y=1" },
        { "http://a.test", "http://a.test" },
        { "//evil.example/", "http://a.test//evil.example/" },
        { "http://a.test.evil.example/", "http://a.test" },
        { "http://a.test@evil.example/", "http://a.test" },
        { "http://a.test:81/", "http://a.test" },
        { "https://a.test/", "http://a.test" },
        { "http://evil.example/", "http://a.test" },
        { "javascript:alert(1)", "http://a.test" },
        { "/\\evil.example", "http://a.test" },
        { "/a\r\nset-cookie: x=y", "http://a.test" },
        { "", "http://a.test" },
        { NULL, "http://a.test" },
    };
    struct room r;
    room_init(&r, "http://a.test/");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct str to = nextauth_redirect(r.arena, r.app.auth, str_of(table[i].url));
        if (!str_is(to, table[i].leads))
            fail_msg("%s leads to %.*s", table[i].url, STR_ARG(to));
    }
    room_release(&r);
}

static void configuration_is_checked(void **state)
{
    (void)state;
    static const char *const bad[] = { "ops.example.test", "ftp://x", "http://", "http://a b",
                                       "http://a?b" };
    char error[256];
    struct room r;
    room_init(&r, "");
    assert_true(str_is(auth_public_url(r.app.auth), "http://127.0.0.1:8787"));
    room_release(&r);
    room_init(&r, "https://ops.example.test/api/auth");
    assert_true(str_is(auth_public_url(r.app.auth), "https://ops.example.test"));
    assert_true(str_is(auth_session_cookie_name(r.app.auth), "__Secure-next-auth.session-token"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r.config.public_url = str_of(bad[i]);
        assert_null(auth_new(&r.config, error, sizeof error));
    }
    struct config none = { .listen = STR("127.0.0.1:1") };
    assert_null(auth_new(&none, error, sizeof error));
    room_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_joined_strictly),
        cmocka_unit_test(long_tokens_are_split),
        cmocka_unit_test(stale_pieces_are_cleared),
        cmocka_unit_test(csrf_cookies_verify),
        cmocka_unit_test(session_requests_need_the_token),
        cmocka_unit_test(callback_urls_stay_at_home),
        cmocka_unit_test(configuration_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
