/* Cross-origin requests (WHATWG Fetch): only the exact origins of the configuration, with
 * credentials.
 *
 * Without configured origins nothing here says anything, and browsers refuse by themselves. */
#include "http/server.h"

static void put(struct buf *out, const char *name, struct str value)
{
    buf_put_cstr(out, name);
    buf_put_cstr(out, ": ");
    buf_put_str(out, value);
    buf_put_cstr(out, "\r\n");
}

void cors_put_headers(struct conn *c, struct buf *out)
{
    bool any;
    struct str origin = c->x->headers ? request_header(&c->x->call.rq, "origin") : STR_NULL;
    bool allowed = http_origin_allowed(c->hl->server, origin, &any);
    if (any)
        put(out, "vary", STR("origin"));
    if (!allowed)
        return;
    put(out, "access-control-allow-origin", origin);
    put(out, "access-control-allow-credentials", STR("true"));
    put(out, "access-control-expose-headers",
        STR("etag, location, retry-after, x-request-id, ratelimit-limit, ratelimit-remaining, "
            "ratelimit-reset"));
}

static void put_preflight(struct conn *c, struct reply *r)
{
    struct str wanted = request_header(&c->x->call.rq, "access-control-request-headers");
    reply_header(r, "access-control-allow-methods", STR("GET, POST, PUT, PATCH, DELETE"));
    if (str_given(wanted) && wanted.len < 1000)
        reply_header(r, "access-control-allow-headers", wanted);
    reply_header(r, "access-control-max-age", STR("600"));
}

bool cors_preflight(struct conn *c)
{
    struct raw_request *rq = &c->x->call.rq;
    bool any;
    if (rq->method != METHOD_OPTIONS ||
        !str_given(request_header(rq, "access-control-request-method")))
        return false;
    if (!http_origin_allowed(c->hl->server, request_header(rq, "origin"), &any)) {
        conn_refuse(c, ERR_ORIGIN_REFUSED, "This origin is not one of OPBOXD_CORS_ORIGINS.");
        return true;
    }
    struct reply *r = &c->x->call.reply;
    r->kind = REPLY_BYTES;
    r->status = 204;
    put_preflight(c, r);
    c->unread_body = rq->content_length != 0;
    c->state = CONN_REPLYING;
    conn_reply(c);
    return true;
}
