/* The control socket's own path: POST /control/call/NAME runs the operation NAME with the JSON body
 * as all of its arguments, for the command line on this machine. Everything else on that socket is
 * served as on the network, as the operator. */
#include "base/app.h"
#include "base/json.h"
#include "http/server.h"
#include "op/registry.h"

enum err control_name(struct conn *c)
{
    struct call *call = &c->x->call;
    struct str prefix = STR("/control/call/");
    if (!str_starts(call->rq.path, prefix))
        return OK;
    struct str name = str_sub(call->rq.path, prefix.len, call->rq.path.len);
    call->op_named = registry_find(http_app(c->hl->server)->ops, name);
    if (!call->op_named || call->rq.method != METHOD_POST)
        FAIL(&call->cx, NOT_FOUND, "There is no operation %.*s.", STR_ARG(name));
    call->dry_run = str_is(request_header(&call->rq, "x-opboxd-dry-run"), "1");
    return OK;
}

enum err control_arguments(struct conn *c)
{
    struct call *call = &c->x->call;
    struct json_fault fault;
    if (!call->op_named || call->rq.body.len == 0)
        return OK;
    struct json *j = arena_new_of(call->cx.arena, struct json);
    if (json_parse(call->cx.arena, call->rq.body, NULL, j, &fault) != OK)
        FAIL(&call->cx, VALIDATION, "The arguments are not JSON: %s at byte %zu.", fault.message,
             fault.offset);
    call->arguments = j;
    return OK;
}
