/* See provider_double.h. */
#include "provider_double.h"

#include <stdio.h>

struct provider_double the_provider;

static struct str echo_json(struct cx *cx, const struct fetch_request *rq)
{
    struct buf b, body;
    buf_init(&b, cx->arena, 8192);
    buf_init(&body, cx->arena, 65536);
    for (size_t i = 0; i < rq->header_count; i++)
        buf_printf(&b, "%.*s ", STR_ARG(rq->headers[i].value));
    buf_printf(&body, "{\"error\":{\"message\":\"bad: %.*s\"},\"choices\":1,\"data\":[", (int)b.len,
               b.ptr);
    for (size_t i = 0; i < rq->header_count; i++)
        buf_printf(&body, "{\"id\":\"%.*s\"},", STR_ARG(rq->headers[i].value));
    buf_put_cstr(&body, "{}]}");
    return buf_str(&body);
}

void provider_double_fetch(struct cx *cx, const struct fetch_request *rq, struct fetch_answer *ret)
{
    struct provider_double *p = &the_provider;
    assert_null(cx->tx);
    assert_true(p->count < DOUBLE_REQUESTS_MAX);
    char *out = p->requests[p->count];
    size_t room = sizeof p->requests[0], n = 0;
    n += (size_t)snprintf(out, room, "%s %.*s\n", rq->method, STR_ARG(rq->url));
    for (size_t i = 0; i < rq->header_count; i++)
        n += (size_t)snprintf(out + n, room - n, "%.*s: %.*s\n", STR_ARG(rq->headers[i].name),
                              STR_ARG(rq->headers[i].value));
    assert_true(n < room);
    p->guarded[p->count++] = rq->guarded;
    if (p->meanwhile)
        p->meanwhile(p->arg);
    struct fetch_header *type = arena_new_of(cx->arena, struct fetch_header);
    *type = (struct fetch_header){ STR("content-type"),
                                   str_of(p->content_type ? p->content_type : "application/json") };
    *ret = (struct fetch_answer){ .headers = type, .header_count = 1 };
    ret->result = (struct fetch_result){ .end = p->end ? p->end : FETCH_WHOLE,
                                         .duration_ms = 3,
                                         .sentence = "" };
    if (ret->result.end != FETCH_WHOLE && ret->result.end != FETCH_CUT)
        return;
    ret->result.status = p->status ? p->status : 200;
    if (p->echoes_json)
        ret->body = echo_json(cx, rq);
    else
        ret->body = str_copy(cx->arena, str_of(p->echoes ? out
                                               : p->body ? p->body
                                                         : "{\"data\":[]}"));
}

void provider_double_install(struct rooms *r)
{
    memset(&the_provider, 0, sizeof the_provider);
    r->app.credentials = credentials_new(provider_double_fetch);
}

void provider_double_remove(struct rooms *r)
{
    credentials_release(r->app.credentials);
    r->app.credentials = NULL;
}

bool provider_double_saw(const char *text)
{
    for (size_t i = 0; i < the_provider.count; i++)
        if (strstr(the_provider.requests[i], text))
            return true;
    return false;
}
