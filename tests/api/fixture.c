/* See fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/secret.h"
#include "blob/blob.h"
#include "net/pool.h"
#include "op/metrics.h"
#include "op/registry.h"
#include "unit/rooms.h"

struct fixture {
    struct rooms rooms;
    atomic_bool stopping;
    char blobs[96];
    struct secret *root_key;
};

static void must(bool ok, const char *what, const char *detail)
{
    if (ok)
        return;
    fprintf(stderr, "fixture: %s: %s\n", what, detail);
    abort();
}

struct fixture *fixture_open(enum db_engine engine)
{
    char error[1000] = "";
    struct fixture *f = calloc(1, sizeof *f);
    struct registry_table table = { fixture_ops, fixture_ops_count };
    must(f != NULL, "calloc", "");
    rooms_init(&f->rooms, engine);
    struct app *app = &f->rooms.app;
    f->rooms.config.body_bytes_max = 1 << 20;
    app->stopping = &f->stopping;
    app->hooks = &fixture_hooks;
    app->ops = registry_new(&table, 1, error, sizeof error);
    must(app->ops != NULL, "registry", error);
    app->metrics = metrics_new(registry_count(app->ops));
    app->workers = pool_start("worker", 2, 1000, 0);
    app->slow = pool_start("slow", 2, 1000, 0);
    app->passwords = pool_start("password", 2, 1000, 0);
    snprintf(f->blobs, sizeof f->blobs, "%s/blobs", f->rooms.folder);
    f->root_key = secret_random(32);
    struct blob_store_options o = { .kind = BLOB_STORE_DIR,
                                    .dir = str_of(f->blobs),
                                    .root_key = f->root_key };
    must(blob_store_open(app, &o, &app->blobs, error, sizeof error) == OK, "blobs", error);
    return f;
}

void fixture_close(struct fixture *f)
{
    if (!f)
        return;
    struct app *app = &f->rooms.app;
    pool_stop(app->workers);
    pool_stop(app->slow);
    pool_stop(app->passwords);
    blob_store_close(app->blobs);
    metrics_free(app->metrics);
    registry_free(app->ops);
    rooms_release(&f->rooms);
    secret_free(f->root_key);
    free(f);
}

struct app *fixture_app(struct fixture *f)
{
    return &f->rooms.app;
}

static void put_headers(struct call *c, const char *lines)
{
    struct str rest = str_of(lines);
    struct header *headers = arena_array(c->cx.arena, 32, sizeof *headers);
    size_t count = 0;
    while (str_given(rest) && rest.len) {
        struct str value = str_split(&rest, '\n');
        headers[count].name = str_trim(str_split(&value, ':'));
        headers[count++].value = str_trim(value);
    }
    c->rq.headers = headers;
    c->rq.header_count = count;
}

static struct answer *answer_new(struct fixture *f)
{
    struct answer *a = calloc(1, sizeof *a);
    must(a != NULL, "calloc", "");
    call_init(&a->call, &f->rooms.app, arena_new(0));
    fixture_trace();
    return a;
}

static void feed_upload_now(struct call *c)
{
    (void)c;
}

/* As call_run does it, with the body of an upload in pieces. */
struct head_result {
    enum call_verdict verdict;
    bool done;
};
static void on_head(struct call *c, enum call_verdict v)
{
    ((struct head_result *)c->face_data)->verdict = v;
}
static void on_done(struct call *c)
{
    ((struct head_result *)c->face_data)->done = true;
}

static void run_upload(struct call *c, struct str body)
{
    struct head_result r = { 0 };
    c->face_data = &r;
    c->on_head = on_head;
    c->on_done = on_done;
    call_head(c);
    for (size_t i = 0; r.verdict == CALL_ADMITTED && !r.done && i < body.len; i += 7)
        call_upload_feed(c, str_sub(body, i, i + 7), feed_upload_now);
    if (r.verdict == CALL_ADMITTED && !r.done)
        call_upload_end(c);
}

struct answer *fixture_request(struct fixture *f, const char *method, const char *path,
                               const char *headers, const char *body)
{
    struct answer *a = answer_new(f);
    struct call *c = &a->call;
    c->rq.face = FACE_HTTP;
    c->rq.method = method_parse(str_of(method));
    c->rq.query = str_of(path);
    c->rq.path = str_split(&c->rq.query, '?');
    c->rq.body = str_of(body);
    c->rq.content_length = body ? (int64_t)strlen(body) : 0;
    c->rq.remote_addr = STR("192.0.2.1");
    put_headers(c, headers);
    if (str_find(request_header(&c->rq, "content-type"), STR("multipart")) == 0)
        run_upload(c, c->rq.body);
    else
        call_run(c);
    a->status = c->reply.status;
    a->body = c->reply.body;
    a->trace = str_copy(c->cx.arena, fixture_trace());
    return a;
}

struct answer *fixture_named(struct fixture *f, const char *op, const char *role,
                             const char *arguments, bool as_tool, bool dry_run)
{
    struct answer *a = answer_new(f);
    struct call *c = &a->call;
    struct json_fault fault;
    c->rq.face = FACE_LOOPBACK;
    c->rq.method = METHOD_POST;
    c->op_named = registry_find(f->rooms.app.ops, str_of(op));
    c->as_tool = as_tool;
    c->dry_run = dry_run;
    c->arguments = arena_new_of(c->cx.arena, struct json);
    must(json_parse(c->cx.arena, str_of(arguments), NULL, c->arguments, &fault) == OK, "arguments",
         arguments);
    put_headers(c, str_cstr(c->cx.arena, str_fmt(c->cx.arena, "x-test-role: %s", role)));
    call_run(c);
    a->status = c->reply.status;
    a->body = c->reply.body;
    a->trace = str_copy(c->cx.arena, fixture_trace());
    return a;
}

void fixture_done(struct answer *a)
{
    struct arena *arena = a->call.cx.arena;
    call_release(&a->call);
    arena_free(arena);
    free(a);
}

const char *answer_header(const struct answer *a, const char *name)
{
    for (size_t i = 0; i < a->call.reply.header_count; i++)
        if (str_is(a->call.reply.headers[i].name, name))
            return str_cstr(a->call.cx.arena, a->call.reply.headers[i].value);
    return "";
}
