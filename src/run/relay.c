/* Goals: a reader sees the same stream on every node; a reader that is slow slows its relay alone.
 * Non-goals: repair (a lost owner's run ends by repair.c; the relay's cut tells the client to come
 * back). Invariants: a relay belongs to one loop; it holds its sink until the fetch is done. */
#include "run/relay.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/clock.h"
#include "net/fetch.h"
#include "net/sse.h"
#include "run/capability.h"
#include "run/run_sql.h"
#include "run/state.h"

enum { EVENT_BYTES_MAX = 256 * 1024, BACKLOG_BYTES_MAX = 128 * 1024, NODE_SILENT_MS = 10000 };
enum { IDLE_MS = 60 * 1000, STOP_TIMEOUT_MS = 5000 };

/* ---- where it runs ---- */

struct place {
    struct str run_id;
    struct str address; /* absent: nowhere */
};

static enum err find_in_tx(struct cx *cx, void *arg)
{
    struct place *p = arg;
    struct run_row_find_in in = { .workspace_id = cx->principal.workspace_id, .id = p->run_id };
    struct run_row_find_row run;
    struct run_node_address_row node;
    bool found;
    TRY(run_row_find(cx, &in, &run, &found));
    if (!found || !str_given(run.node_id) || str_eq(run.node_id, str_of(cx->app->node_id)))
        return OK;
    struct run_node_address_in id = { .id = run.node_id };
    TRY(run_node_address(cx, &id, &node, &found));
    if (found && node.heartbeat_at > cx->now_ms - NODE_SILENT_MS)
        p->address = node.address;
    return OK;
}

static struct fetch_header *headers_make(struct cx *cx, struct str run_id)
{
    struct fetch_header *h = arena_array(cx->arena, 1, sizeof *h);
    h[0] = (struct fetch_header){ STR("x-opboxd-node"), capability_make(cx, run_id) };
    return h;
}

/* ---- a relay ---- */

struct relay {
    struct app *app;
    struct loop *loop;
    struct arena *arena;
    struct fetch_request request;
    struct sink *sink;
    struct fetch *fetch;
    struct sse_reader sse;
    atomic_int refs; /* the fetch, the sink's watch */
    bool whole, paused, gone;
    int status;
    struct loop_msg start_msg, gone_msg, drain_msg;
    atomic_bool drain_posted;
};

static void relay_unref(struct relay *y)
{
    if (atomic_fetch_sub(&y->refs, 1) != 1)
        return;
    sse_release(&y->sse);
    sink_unref(y->sink);
    arena_free(y->arena);
    free(y);
}

static bool on_event(void *arg, const struct sse_event *e)
{
    struct relay *y = arg;
    bool last = str_is(e->data, "[DONE]");
    y->whole |= last;
    bool named = !str_is(e->type, "message");
    return sink_event(y->sink, named ? e->type : STR_NULL, e->id.len && !last ? e->id : STR_NULL,
                      e->data);
}

static void on_head(void *arg, int status, const struct fetch_header *headers, size_t count)
{
    struct relay *y = arg;
    (void)headers;
    (void)count;
    y->status = status;
}

static bool on_body(void *arg, struct str bytes)
{
    struct relay *y = arg;
    if (y->status != 200 || !sse_feed(&y->sse, bytes, on_event, y))
        return false;
    if (!y->paused && sink_backlog_bytes(y->sink) > BACKLOG_BYTES_MAX) {
        y->paused = true;
        fetch_pause(y->fetch, true);
    }
    return true;
}

static void on_done(void *arg, const struct fetch_result *r)
{
    struct relay *y = arg;
    y->fetch = NULL;
    if (y->whole && r->end == FETCH_WHOLE)
        sink_close(y->sink);
    else
        sink_abort(y->sink);
    relay_unref(y);
}

static const struct fetch_events relay_events = { on_head, on_body, on_done };

static void on_start(struct loop_msg *m)
{
    struct relay *y = (struct relay *)((char *)m - offsetof(struct relay, start_msg));
    if (y->gone) {
        relay_unref(y);
        return;
    }
    y->fetch = fetch_start(y->app->fetcher, y->loop, &y->request, &relay_events, y);
}

static void on_gone_posted(struct loop_msg *m)
{
    struct relay *y = (struct relay *)((char *)m - offsetof(struct relay, gone_msg));
    y->gone = true;
    if (y->fetch)
        fetch_cancel(y->fetch);
    relay_unref(y);
}

static void on_gone(void *arg)
{
    struct relay *y = arg;
    y->gone_msg.fn = on_gone_posted;
    loop_post(y->loop, &y->gone_msg);
}

static void on_drain_posted(struct loop_msg *m)
{
    struct relay *y = (struct relay *)((char *)m - offsetof(struct relay, drain_msg));
    atomic_store(&y->drain_posted, false);
    if (y->paused && y->fetch) {
        y->paused = false;
        fetch_pause(y->fetch, false);
    }
    relay_unref(y);
}

static void on_drain(void *arg)
{
    struct relay *y = arg;
    if (atomic_exchange(&y->drain_posted, true))
        return;
    atomic_fetch_add(&y->refs, 1);
    y->drain_msg.fn = on_drain_posted;
    loop_post(y->loop, &y->drain_msg);
}

static void relay_begin(struct cx *cx, const struct place *p, struct sink *sink, int64_t after)
{
    struct relay *y = calloc(1, sizeof *y);
    if (!y)
        abort();
    struct app *app = cx->app;
    unsigned turn = (unsigned)atomic_fetch_add(&app->runs->next_loop, 1);
    atomic_init(&y->refs, 2);
    atomic_init(&y->drain_posted, false);
    y->app = app;
    y->loop = loops_at(app->loops, (int)(turn % (unsigned)app->runs->loop_count));
    y->arena = arena_new(1024);
    y->sink = sink_ref(sink);
    sse_init(&y->sse, EVENT_BYTES_MAX);
    struct fetch_header *headers = headers_make(cx, p->run_id);
    struct fetch_header *kept = arena_array(y->arena, 1, sizeof *kept);
    kept[0] = (struct fetch_header){ headers[0].name, str_copy(y->arena, headers[0].value) };
    y->request = (struct fetch_request){
        .method = "GET",
        .url = str_fmt(y->arena, "http://%.*s/api/internal/runs/%.*s/stream?after=%lld",
                       STR_ARG(p->address), STR_ARG(p->run_id), (long long)after),
        .headers = kept,
        .header_count = 1,
        .idle_timeout_ms = IDLE_MS,
        .body_bytes_max = INT64_MAX,
    };
    sink_header(sink, "x-vercel-ai-ui-message-stream", STR("v1"));
    sink_watch(sink, on_gone, on_drain, y);
    y->start_msg.fn = on_start;
    loop_post(y->loop, &y->start_msg);
}

/* ---- joining and stopping ---- */

static bool join_here(struct cx *cx, struct str run_id, struct sink *sink, int64_t after)
{
    struct run *r = runs_find(cx->app->runs, cx->principal.workspace_id, run_id);
    if (!r)
        return false;
    run_attach(r, sink, after);
    run_unref(r);
    return true;
}

enum err run_join(struct cx *cx, struct str run_id, struct sink *sink, int64_t after,
                  bool *ret_found)
{
    struct place p = { .run_id = run_id };
    *ret_found = join_here(cx, run_id, sink, after);
    if (*ret_found)
        return OK;
    TRY(db_read(cx, find_in_tx, &p));
    *ret_found = str_given(p.address);
    if (*ret_found)
        relay_begin(cx, &p, sink, after);
    return OK;
}

static bool stop_here(struct cx *cx, struct str run_id)
{
    struct run *r = runs_find(cx->app->runs, cx->principal.workspace_id, run_id);
    if (!r)
        return false;
    run_stop(r, RUN_BY_USER);
    run_unref(r);
    return true;
}

enum err run_stop_anywhere(struct cx *cx, struct str run_id, bool *ret_stopped)
{
    struct place p = { .run_id = run_id };
    struct fetch_answer answer;
    *ret_stopped = stop_here(cx, run_id);
    if (*ret_stopped)
        return OK;
    TRY(db_read(cx, find_in_tx, &p));
    if (!str_given(p.address))
        return OK;
    struct fetch_request rq = {
        .method = "POST",
        .url = str_fmt(cx->arena, "http://%.*s/api/internal/runs/%.*s/stop", STR_ARG(p.address),
                       STR_ARG(run_id)),
        .headers = headers_make(cx, run_id),
        .header_count = 1,
        .total_timeout_ms = STOP_TIMEOUT_MS,
    };
    fetch_wait(cx, &rq, &answer);
    if (answer.result.end != FETCH_WHOLE)
        FAIL(cx, UPSTREAM, "The server that runs this answer cannot be reached at the moment.");
    *ret_stopped = answer.result.status == 200;
    return OK;
}

/* ---- rows ---- */

struct node_in {
    struct str run_id, capability;
    int64_t after;
};
static const struct field node_fields[] = {
    { .name = "runId",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct node_in, run_id),
      .doc = "Id of the run" },
    { .name = "capability",
      .type = FIELD_SECRET,
      .from = FROM_HEADER,
      .header = "x-opboxd-node",
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct node_in, capability),
      .max = 1024,
      .doc = "What shows that a node asks, and for whom" },
    { .name = "after",
      .type = FIELD_INT,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct node_in, after),
      .min = 0,
      .max = INT64_MAX,
      .doc = "Counter that the reader has had" },
    FIELD_END,
};

static enum err open_capability(struct cx *cx, const struct node_in *in)
{
    if (!capability_open(cx, in->capability, in->run_id))
        FAIL(cx, NOT_FOUND, "There is no such path.");
    return OK;
}

static enum err node_stream(struct cx *cx, const void *input, struct sink *sink)
{
    const struct node_in *in = input;
    TRY(open_capability(cx, in));
    if (!join_here(cx, in->run_id, sink, in->after))
        FAIL(cx, NOT_FOUND, "This run is not here.");
    return OK;
}

static enum err node_stop(struct cx *cx, const void *input, void *output)
{
    const struct node_in *in = input;
    (void)output;
    TRY(open_capability(cx, in));
    if (!stop_here(cx, in->run_id))
        FAIL(cx, NOT_FOUND, "This run is not here.");
    return OK;
}

#define NODE_ROW                                                                                   \
    .category = "node", .auth = AUTH_NONE, .roles = ROLES_ANY, .tx = TX_NONE, .lane = LANE_LOOP,   \
    .rate = RATE_NONE, .in = node_fields, .in_size = sizeof(struct node_in)

const struct op run_ops[] = {
    { .name = "relay_run",
      .kind = OP_STREAM,
      .http = "GET /api/internal/runs/{runId}/stream",
      NODE_ROW,
      .effect = EFFECT_READ,
      .flags = OP_INTERNAL,
      .stream = node_stream,
      .summary = "Relay a run to another node" },
    { .name = "stop_run",
      .kind = OP_JSON,
      .http = "POST /api/internal/runs/{runId}/stop",
      NODE_ROW,
      .effect = EFFECT_WRITE,
      .flags = OP_INTERNAL | OP_NO_BODY | OP_QUIET,
      .run = node_stop,
      .summary = "Stop a run for another node" },
};
const size_t run_ops_count = sizeof run_ops / sizeof *run_ops;
