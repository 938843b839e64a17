/* The gate: everything that stands between a face and an operation's function, in one order, for
 * every way in.
 *
 * Goals: nobody gets further than the row allows; all refusals look alike; a deed, its audit row,
 * its jobs and its idempotent answer are one transaction. Non-goals: lanes and threads (call.c),
 * bytes on the wire (faces), who somebody is (hooks). Invariants:
 *   - no body byte is looked at before gate_admit said OK;
 *   - an operation's function runs only after every check that its row declares;
 *   - gate_run starts from the same state on each try;
 *   - a 5xx answer carries the request id and nothing else. */
#include "op/gate_steps.h"

#include <assert.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/cuid.h"
#include "base/json.h"
#include "base/log.h"
#include "blob/blob.h"
#include "db/db.h"
#include "op/idempotency.h"
#include "op/registry.h"
#include "op/router.h"
#include "op/sink.h"
#include "op/upload.h"

enum { EMPTY_BODY_BYTES_MAX = 1024, ANSWER_BYTES_MAX = 64 * 1024 * 1024 };
enum { SINK_BYTES_MAX = 256 * 1024 };

/* ---- head: match ---- */

static bool takes_body(const struct op *op)
{
    if (op->kind == OP_RAW || op->kind == OP_UPLOAD)
        return true;
    for (const struct field *f = op->in; f && f->name; f++)
        if (f->from == FROM_BODY)
            return true;
    return false;
}

static enum err match_path(struct call *c)
{
    struct cx *cx = &c->cx;
    struct str allow = STR_NULL;
    switch (registry_route(cx->app->ops, cx->arena, c->rq.method, c->rq.path, &c->op, c->params,
                           &c->param_count, &allow)) {
    case ROUTE_FOUND:
        return OK;
    case ROUTE_NO_METHOD:
        reply_header(&c->reply, "allow", allow);
        FAIL(cx, METHOD_NOT_ALLOWED, "This path takes %.*s.", STR_ARG(allow));
    case ROUTE_BAD_PATH:
        FAIL(cx, VALIDATION, "The path is not percent-encoded UTF-8, or has a . or .. segment.");
    default:
        FAIL(cx, NOT_FOUND, "There is no such path.");
    }
}

static enum err match_size(struct call *c)
{
    const struct op *op = c->op;
    int64_t most =
        takes_body(op) || c->op_named
            ? (op->body_bytes_max ? (int64_t)op->body_bytes_max : c->cx.app->config->body_bytes_max)
            : EMPTY_BODY_BYTES_MAX;
    c->body_bytes_max = (size_t)most;
    if (c->rq.content_length > most) {
        cx_fail(&c->cx, ERR_PAYLOAD_TOO_LARGE, "The body is larger than %lld bytes.",
                (long long)most);
        return ERR_PAYLOAD_TOO_LARGE;
    }
    if (c->rq.content_length != 0 && c->rq.method <= METHOD_HEAD)
        FAIL(&c->cx, VALIDATION, "A GET request has no body.");
    return OK;
}

static bool is_json(struct str content_type)
{
    struct str type = str_trim(str_split(&content_type, ';'));
    return str_eq_nocase(type, STR("application/json")) || str_ends(type, STR("+json"));
}

static enum err match_type(struct call *c)
{
    if (c->rq.content_length == 0 || c->op->kind == OP_RAW || c->op_named)
        return OK;
    struct str type = request_header(&c->rq, "content-type");
    if (c->op->kind == OP_UPLOAD)
        return upload_begin(c);
    if (!is_json(type))
        FAIL(&c->cx, UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json.");
    return OK;
}

static bool from_outside(const struct call *c)
{
    return c->rq.face != FACE_CONTROL && c->rq.face != FACE_LOOPBACK;
}

enum err gate_match(struct call *c)
{
    struct cx *cx = &c->cx;
    const struct gate_hooks *hooks = cx->app->hooks;
    if (atomic_load(cx->app->stopping))
        FAIL(cx, SHUTTING_DOWN, "The server is stopping; try again in a moment.");
    if (from_outside(c))
        TRY(hooks->address_admit(cx, &c->rq));
    if (c->op_named)
        c->op = c->op_named;
    else
        TRY(match_path(c));
    if (c->op->auth == AUTH_OPERATOR && from_outside(c))
        FAIL(cx, NOT_FOUND, "There is no such path.");
    TRY(match_size(c));
    return match_type(c);
}

/* ---- head: admit ---- */

bool gate_head_reads(const struct call *c)
{
    return c->op->auth != AUTH_NONE;
}

static enum err check_role(struct call *c, unsigned roles, enum role role, const char *where)
{
    if (roles & ROLES_ANY || roles & (1u << role))
        return OK;
    enum role least = roles & (1u << ROLE_VIEWER)   ? ROLE_VIEWER
                      : roles & (1u << ROLE_MEMBER) ? ROLE_MEMBER
                      : roles & (1u << ROLE_ADMIN)  ? ROLE_ADMIN
                                                    : ROLE_OWNER;
    FAIL(&c->cx, FORBIDDEN, "This needs the role %s in the %s.", role_name(least), where);
}

/* The organisation stands in the path, or among the arguments where the operation is named. */
static enum err check_organization(struct call *c)
{
    struct str id = c->op_named ? json_text(c->arguments, "orgId") : STR_NULL;
    for (size_t i = 0; i < c->param_count; i++)
        if (str_is(c->params[i].name, "orgId"))
            id = c->params[i].value;
    TRY(c->cx.app->hooks->organization(&c->cx, str_given(id) ? id : STR("")));
    return check_role(c, c->op->org_roles, c->cx.principal.org_role, "organisation");
}

static bool takes_session(const struct op *op)
{
    return op->auth == AUTH_SESSION || op->auth == AUTH_SESSION_OR_NONE;
}

/* The principal may have been set by the face (chat's and MCP's tools act for who called them). */
static enum err admit_in_tx(struct cx *cx, void *arg)
{
    struct call *c = arg;
    const struct gate_hooks *hooks = cx->app->hooks;
    if (cx->principal.kind == PRINCIPAL_NONE)
        TRY(hooks->authenticate(cx, c->op, &c->rq));
    assert(cx->principal.kind != PRINCIPAL_NONE);
    bool writes = c->rq.method != METHOD_GET && c->rq.method != METHOD_HEAD;
    if (takes_session(c->op) && writes && c->rq.face == FACE_HTTP &&
        cx->principal.kind != PRINCIPAL_ANONYMOUS)
        TRY(hooks->csrf(cx, &c->rq));
    if (c->op->org_roles)
        TRY(check_organization(c));
    TRY(check_role(c, c->op->roles, cx->principal.role, "workspace"));
    return c->op->addon ? hooks->addon(cx, c->op->addon) : OK;
}

enum err gate_admit(struct call *c)
{
    struct cx *cx = &c->cx;
    if (gate_head_reads(c))
        TRY(db_read(cx, admit_in_tx, c));
    else if (cx->principal.kind == PRINCIPAL_NONE)
        cx->principal.kind = PRINCIPAL_ANONYMOUS;
    if (c->op->rate == RATE_NONE || !from_outside(c))
        return OK;
    return cx->app->hooks->rate(cx, c->op, &c->reply);
}

/* ---- body: decode ---- */

static enum err parse_body(struct call *c, struct json **ret)
{
    struct json *j = NULL;
    if (c->rq.body.len) {
        struct json_fault fault;
        j = arena_new_of(c->cx.arena, struct json);
        if (json_parse(c->cx.arena, c->rq.body, NULL, j, &fault) != OK) {
            cx_field_error(&c->cx, STR("body"), "is not JSON: %s at byte %zu", fault.message,
                           fault.offset);
            return cx_invalid(&c->cx);
        }
    }
    *ret = j;
    return OK;
}

static enum err decode_source(struct call *c, struct field_source *src)
{
    struct pair *query = NULL;
    src->path = c->params;
    src->path_count = c->param_count;
    src->headers = c->rq.headers;
    src->header_count = c->rq.header_count;
    if (c->op_named) {
        src->body = c->arguments;
        src->body_is_everything = true;
        return OK;
    }
    TRY(url_pairs(&c->cx, c->rq.query, &query, &src->query_count));
    src->query = query;
    if (c->op->kind == OP_UPLOAD)
        return upload_finish(c, src);
    struct json *body = NULL;
    TRY(parse_body(c, &body));
    src->body = body;
    return OK;
}

static enum err check_autonomy(struct call *c)
{
    if (!c->as_tool)
        return OK;
    if (!c->op->tool)
        FAIL(&c->cx, NOT_FOUND, "There is no such tool.");
    if (c->op->tool->level > c->cx.principal.autonomy_level)
        FAIL(&c->cx, AUTONOMY_LEVEL_REQUIRED, "%s needs autonomy level %d; this caller holds %d.",
             c->op->name, c->op->tool->level, c->cx.principal.autonomy_level);
    return OK;
}

enum err gate_decode(struct call *c)
{
    struct cx *cx = &c->cx;
    TRY(check_autonomy(c));
    if (c->op->kind == OP_RAW)
        return OK;
    struct field_source src = { 0 };
    TRY(decode_source(c, &src));
    c->in = arena_alloc(cx->arena, c->op->in_size + 1);
    TRY(field_decode(cx, c->op->in, &src, c->in));
    return c->op->tx == TX_WRITE ? idempotency_prepare(c) : OK;
}

/* ---- body: encode ---- */

/* The text field `name` of the answer's first object, or of the answer itself. */
static struct str answer_text(const struct op *op, const void *out, struct str name)
{
    const struct field *table = op->out;
    const char *base = out;
    assert(table);
    for (const struct field *f = table; f->name; f++) {
        if (f->type == FIELD_OBJECT) {
            table = f->fields;
            base += f->offset;
            break;
        }
    }
    for (const struct field *f = table; f->name; f++)
        if (str_is(name, f->name))
            return *(const struct str *)(base + f->offset);
    assert(!"location names a field of the answer");
    return STR_NULL;
}

static struct str make_location(struct cx *cx, const struct op *op, const void *out)
{
    struct buf b;
    buf_init(&b, cx->arena, 1024);
    struct str rest = str_of(op->location);
    while (str_given(rest)) {
        struct str text = str_split(&rest, '{');
        buf_put_str(&b, text);
        if (str_given(rest))
            buf_put_str(&b, answer_text(op, out, str_split(&rest, '}')));
    }
    return buf_str(&b);
}

static enum err encode_answer(struct call *c)
{
    struct cx *cx = &c->cx;
    const struct op *op = c->op;
    const struct field *table = c->as_tool && op->tool->view ? op->tool->view : op->out;
    struct buf body;
    struct json_writer w;
    buf_init(&body, cx->arena, ANSWER_BYTES_MAX);
    jw_init(&w, &body);
    if (table)
        field_encode(&w, table, c->out);
    else
        jw_raw(&w, STR("{\"success\":true}"));
    if (body.overflow)
        return cx_fault(cx, "the answer of %s is larger than %d bytes", op->name, ANSWER_BYTES_MAX);
    c->reply.kind = REPLY_BYTES;
    c->reply.status = op_success_status(op);
    c->reply.body = buf_str(&body);
    if (op->location)
        reply_header(&c->reply, "location", make_location(cx, op, c->out));
    return OK;
}

/* ---- body: run ---- */

static enum err run_kind(struct call *c)
{
    struct cx *cx = &c->cx;
    const struct op *op = c->op;
    switch (op->kind) {
    case OP_JSON:
    case OP_UPLOAD:
        c->out = arena_alloc(cx->arena, op->out_size + 1);
        TRY(op->run(cx, c->in, c->out));
        if (op->flags & OP_RENEWS)
            TRY(cx->app->hooks->renew(cx, &c->rq, &c->reply));
        return encode_answer(c);
    case OP_DOWNLOAD:
        c->reply.download = arena_new_of(cx->arena, struct download);
        TRY(op->download(cx, c->in, c->reply.download));
        c->reply.kind = REPLY_DOWNLOAD;
        c->reply.status = 200;
        return OK;
    case OP_STREAM:
        cx->loop = c->loop;
        if (!c->reply.sink)
            c->reply.sink = sink_new(SINK_BYTES_MAX);
        TRY(op->stream(cx, c->in, c->reply.sink));
        c->reply.kind = REPLY_STREAM;
        c->reply.status = 200;
        if (sink_is_nothing(c->reply.sink)) {
            sink_unref(c->reply.sink);
            c->reply.sink = NULL;
            c->reply.kind = REPLY_BYTES;
            c->reply.status = 204;
            c->reply.body = STR("");
        }
        return OK;
    case OP_RAW:
        c->reply.kind = REPLY_BYTES;
        return op->raw(cx, &c->rq, &c->reply);
    }
    return cx_fault(cx, "operation %s has no kind", op->name);
}

/* The first path parameter names what was acted on, unless the handler said better. */
static void default_entity(struct call *c)
{
    if (str_given(c->cx.entity_type))
        return;
    c->cx.entity_type = str_of(c->op->category);
    for (const struct field *f = c->op->in; f && f->name; f++) {
        if (f->from == FROM_PATH && f->type == FIELD_ID) {
            c->cx.entity_id = *(const struct str *)((const char *)c->in + f->offset);
            return;
        }
    }
}

static enum err run_write(struct call *c)
{
    struct cx *cx = &c->cx;
    if (str_given(c->idempotency_key)) {
        bool replayed;
        TRY(idempotency_replay(c, &replayed));
        if (replayed)
            return OK;
    }
    TRY(run_kind(c));
    if (!(c->op->flags & OP_QUIET)) {
        default_entity(c);
        TRY(cx->app->hooks->audit(cx, c->op));
    }
    return str_given(c->idempotency_key) ? idempotency_keep(c) : OK;
}

enum err gate_run(struct cx *cx, void *arg)
{
    struct call *c = arg;
    size_t headers = c->reply.header_count;
    if (c->op->tx != TX_WRITE)
        return run_kind(c);
    /* A repeated try starts as the first did. */
    cx->entity_type = cx->entity_id = STR_NULL;
    enum err e = run_write(c);
    if (e != OK)
        c->reply.header_count = headers;
    return e;
}

/* ---- failures ---- */

static void log_failure(struct call *c, enum err e)
{
    const struct failure *f = &c->cx.failure;
    int status = err_info(e)->http_status;
    enum log_level level = status >= 500 && e != ERR_SHUTTING_DOWN ? LOG_ERROR : LOG_DEBUG;
    log_line(level, status >= 500 ? "request failed" : "request refused",
             log_s("requestId", c->cx.request_id),
             log_s("operation", c->op ? str_of(c->op->name) : STR("none")),
             log_s("code", str_of(err_info(e)->code)), log_s("message", f->message),
             log_s("detail", f->log_detail), log_s("workspace", c->cx.principal.workspace_id),
             log_s("user", c->cx.principal.user_id));
}

static void write_field_errors(struct json_writer *w, const struct failure *f)
{
    jw_key_lit(w, "fieldErrors");
    jw_object(w);
    for (const struct field_error *e = f->fields; e; e = e->next) {
        bool first = true;
        for (const struct field_error *p = f->fields; p != e; p = p->next)
            first &= !str_eq(p->field, e->field);
        if (!first)
            continue;
        jw_key(w, e->field);
        jw_array(w);
        for (const struct field_error *p = e; p; p = p->next)
            if (str_eq(p->field, e->field))
                jw_str(w, p->message);
        jw_array_end(w);
    }
    jw_object_end(w);
}

static void write_failure(struct call *c, enum err e, struct buf *out)
{
    const struct failure *f = &c->cx.failure;
    struct str message = f->message;
    struct json_writer w;
    if (e == ERR_INTERNAL || !str_given(message) || f->code != e)
        message = str_of(err_info(e)->meaning);
    jw_init(&w, out);
    jw_object(&w);
    jw_key_lit(&w, "success");
    jw_bool(&w, false);
    jw_key_lit(&w, "error");
    jw_str(&w, message);
    jw_key_lit(&w, "code");
    jw_str(&w, str_of(err_info(e)->code));
    jw_key_lit(&w, "details");
    if (err_info(e)->http_status >= 500 && !str_given(f->details_json)) {
        jw_object(&w);
        jw_key_lit(&w, "requestId");
        jw_str(&w, c->cx.request_id);
        jw_object_end(&w);
    } else if (f->fields && f->code == e) {
        jw_object(&w);
        write_field_errors(&w, f);
        jw_object_end(&w);
    } else if (str_given(f->details_json) && f->code == e) {
        jw_raw(&w, f->details_json);
    } else {
        jw_raw(&w, STR("{}"));
    }
    jw_object_end(&w);
}

void gate_fail(struct call *c, enum err e)
{
    struct cx *cx = &c->cx;
    struct buf body;
    log_failure(c, e);
    if (e == ERR_NOT_FOUND && c->in)
        default_entity(c);
    cx->app->hooks->refused(cx, c->op, &c->rq, e);
    if (c->reply.sink) {
        sink_unref(c->reply.sink);
        c->reply.sink = NULL;
    }
    buf_init(&body, cx->arena, 256 * 1024);
    write_failure(c, e, &body);
    c->reply.kind = REPLY_BYTES;
    c->reply.status = err_info(e)->http_status;
    c->reply.content_type = STR_NULL;
    c->reply.body = body.overflow
                        ? STR("{\"success\":false,\"error\":\"The request is wrong in too "
                              "many places to list.\",\"code\":\"VALIDATION_ERROR\","
                              "\"details\":{}}")
                        : buf_str(&body);
    if (cx->failure.retry_after_s > 0)
        reply_header(&c->reply, "retry-after",
                     str_fmt(cx->arena, "%lld", (long long)cx->failure.retry_after_s));
}
