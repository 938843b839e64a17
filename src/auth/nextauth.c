/* Goals: what an unchanged next-auth/react expects, cookie for cookie. Non-goals: providers other
 * than credentials. Invariants: a URL of a client reaches a Location or a cookie only after it was
 * found to lie below the public URL and to be printable ASCII; a cookie of ours that does not
 * verify is replaced, not trusted. */
#include "auth/nextauth.h"

#include "base/app.h"
#include "op/router.h"

/* ---- body ---- */

static enum err pairs_of_json(struct cx *cx, struct str body, struct pair **ret, size_t *ret_count)
{
    static const struct json_limits limits = { .depth_max = 8, .nodes_max = 1000 };
    struct json j;
    struct json_fault fault;
    size_t count = 0;
    if (json_parse(cx->arena, body, &limits, &j, &fault) != OK || j.type != JSON_OBJECT)
        FAIL(cx, VALIDATION, "The body is not a JSON object.");
    struct pair *pairs = arena_array(cx->arena, j.count, sizeof *pairs);
    for (uint32_t i = 0; i < j.count; i++) {
        const struct json *v = &j.members[i].value;
        struct str text = v->type == JSON_STRING ? v->text
                          : v->type == JSON_BOOL ? str_of(v->boolean ? "true" : "false")
                                                 : STR_NULL;
        if (str_given(text))
            pairs[count++] = (struct pair){ j.members[i].key, text };
    }
    *ret = pairs;
    *ret_count = count;
    return OK;
}

static enum err body_read(struct nextauth *n)
{
    struct str type = request_header(n->rq, "content-type");
    type = str_trim(str_split(&type, ';'));
    if (n->rq->body.len == 0)
        return OK;
    if (str_eq_nocase(type, STR("application/json")))
        return pairs_of_json(n->cx, n->rq->body, &n->fields, &n->field_count);
    if (str_eq_nocase(type, STR("application/x-www-form-urlencoded")))
        return url_pairs(n->cx, n->rq->body, &n->fields, &n->field_count);
    FAIL(n->cx, UNSUPPORTED_MEDIA_TYPE, "Send the body as a form or as application/json.");
}

static struct str pair_find(const struct pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(pairs[i].name, name))
            return pairs[i].value;
    return STR_NULL;
}

struct str nextauth_field(const struct nextauth *n, const char *name)
{
    return pair_find(n->fields, n->field_count, name);
}

/* ---- cookies that every route sets ---- */

static void csrf_begin(struct nextauth *n)
{
    struct str cookie, token, secret = secret_bytes(n->auth->secret);
    if (cookie_get(n->rq, n->auth->cookies.csrf, &cookie) == COOKIE_ONE &&
        csrf_cookie_verify(secret, cookie, &token)) {
        n->csrf_token = token;
        n->csrf_verified =
            n->rq->method == METHOD_POST && csrf_token_equal(token, nextauth_field(n, "csrfToken"));
        return;
    }
    char *fresh = arena_alloc_raw(n->cx->arena, CSRF_TOKEN_CHARS + CSRF_COOKIE_CHARS);
    csrf_make(secret, fresh, fresh + CSRF_TOKEN_CHARS);
    n->csrf_token = (struct str){ fresh, CSRF_TOKEN_CHARS };
    cookie_set(n->cx->arena, n->reply, &n->auth->cookies, n->auth->cookies.csrf,
               (struct str){ fresh + CSRF_TOKEN_CHARS, CSRF_COOKIE_CHARS }, 0);
}

static bool url_is_plain(struct str url)
{
    if (!str_given(url) || url.len == 0 || url.len > NEXTAUTH_URL_BYTES_MAX)
        return false;
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f ||
            url.ptr[i] == '\\')
            return false;
    return true;
}

struct str nextauth_redirect(struct arena *a, const struct auth *auth, struct str url)
{
    if (!str_given(url) || !url_is_plain(url))
        return auth->public_url;
    if (url.ptr[0] == '/')
        return str_fmt(a, "%.*s%.*s", STR_ARG(auth->public_url), STR_ARG(url));
    if (!str_starts(url, auth->origin))
        return auth->public_url;
    /* http://ours.example.evil.example begins alike */
    char after = url.len > auth->origin.len ? url.ptr[auth->origin.len] : '/';
    return after == '/' || after == '?' || after == '#' ? url : auth->public_url;
}

/* encodeURIComponent. */
static struct str uri_encode(struct arena *a, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    struct buf out;
    buf_init(&out, a, 3 * s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
            strchr("-_.!~*'()", c)) {
            buf_put_byte(&out, (char)c);
        } else {
            buf_put_byte(&out, '%');
            buf_put_byte(&out, digits[c >> 4]);
            buf_put_byte(&out, digits[c & 15]);
        }
    }
    return buf_str(&out);
}

static void callback_begin(struct nextauth *n)
{
    struct arena *a = n->cx->arena;
    struct str cookie = STR_NULL, given = nextauth_field(n, "callbackUrl");
    if (cookie_get(n->rq, n->auth->cookies.callback, &cookie) != COOKIE_ONE ||
        !url_decode(a, cookie, false, &cookie))
        cookie = STR_NULL;
    if (str_empty(given))
        given = pair_find(n->query, n->query_count, "callbackUrl");
    n->callback_url = nextauth_redirect(a, n->auth, str_empty(given) ? cookie : given);
    if (!str_given(cookie) || !str_eq(cookie, n->callback_url))
        cookie_set(a, n->reply, &n->auth->cookies, n->auth->cookies.callback,
                   uri_encode(a, n->callback_url), 0);
}

enum err nextauth_begin(struct cx *cx, const struct raw_request *rq, struct reply *reply,
                        struct nextauth *ret)
{
    *ret = (struct nextauth){ .cx = cx, .auth = cx->app->auth, .rq = rq, .reply = reply };
    TRY(url_pairs(cx, rq->query, &ret->query, &ret->query_count));
    TRY(body_read(ret));
    ret->wants_json = str_is(nextauth_field(ret, "json"), "true");
    csrf_begin(ret);
    callback_begin(ret);
    return OK;
}

/* ---- answers ---- */

void nextauth_no_cache(struct reply *r)
{
    reply_header(r, "cache-control", STR("private, no-cache, no-store"));
    reply_header(r, "pragma", STR("no-cache"));
    reply_header(r, "expires", STR("0"));
}

void nextauth_json(struct nextauth *n, int status, struct str body)
{
    n->reply->status = status;
    n->reply->body = body;
}

struct str nextauth_url(const struct nextauth *n, const char *tail)
{
    return str_fmt(n->cx->arena, "%.*s/api/auth%s", STR_ARG(n->auth->public_url), tail);
}

void nextauth_go(struct nextauth *n, int status, struct str url)
{
    struct buf body;
    struct json_writer w;
    if (!n->wants_json) {
        n->reply->status = 302;
        n->reply->body = STR("");
        reply_header(n->reply, "location", url);
        return;
    }
    buf_init(&body, n->cx->arena, 8 * NEXTAUTH_URL_BYTES_MAX);
    jw_init(&w, &body);
    jw_object(&w);
    jw_key_lit(&w, "url");
    jw_str(&w, url);
    jw_object_end(&w);
    nextauth_json(n, status, buf_str(&body));
}
