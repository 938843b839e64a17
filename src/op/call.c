/* Calls on their way: which thread runs which step, and how a call comes back to its loop.
 *
 * Goals: a loop runs only what is bounded and in memory, or one indexed read where the engine
 * allows it; writes go from the gate straight to the writer and from there to the loop, so that no
 * worker waits for the disk. Non-goals: what the steps do (gate.c). Invariants:
 *   - a call is touched by one thread at a time: the loop hands it to a lane (`busy`) and gets it
 * back by message;
 *   - on_head is called once, and on_done once after CALL_ADMITTED and call_body / call_upload_end,
 * or when an upload is refused on the way;
 *   - without a loop every step runs on the calling thread, but writes, which end on the writer's.
 */
#include "op/call.h"

#include <assert.h>
#include <pthread.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/cuid.h"
#include "blob/blob.h"
#include "db/db.h"
#include "op/gate_steps.h"
#include "op/metrics.h"
#include "op/registry.h"
#include "op/sink.h"
#include "op/upload.h"

enum { DECODE_ON_LOOP_BYTES_MAX = 64 * 1024, UPLOAD_CHUNK_BYTES_MAX = 1024 * 1024 };

void call_init(struct call *c, struct app *app, struct arena *arena)
{
    struct str request_id = c->cx.request_id;
    memset(c, 0, sizeof *c);
    c->cx.app = app;
    c->cx.arena = arena;
    c->cx.now_ms = clock_wall_ms();
    c->cx.request_id = str_given(request_id) ? request_id : cuid_new(arena, c->cx.now_ms);
    c->started_us = clock_monotonic_us();
}

void call_release(struct call *c)
{
    assert(!c->busy);
    upload_release(c);
    buf_release(&c->upload_chunk);
    if (c->reply.download)
        blob_reader_free(c->reply.download->blob);
    sink_unref(c->reply.sink);
    c->reply.download = NULL;
    c->reply.sink = NULL;
}

bool call_busy(const struct call *c)
{
    return c->busy;
}

/* ---- between loop and lanes ---- */

static void on_loop(struct loop_msg *m)
{
    struct call *c = (struct call *)((char *)m - offsetof(struct call, loop_msg));
    c->busy = false;
    c->then(c);
}

static void come_back(struct call *c)
{
    if (!c->loop) {
        c->busy = false;
        c->then(c);
        return;
    }
    c->loop_msg.fn = on_loop;
    loop_post(c->loop, &c->loop_msg);
}

static void on_pool(struct pool_job *j)
{
    struct call *c = (struct call *)((char *)j - offsetof(struct call, pool_job));
    c->step(c);
    come_back(c);
}

/* Runs `step` in the pool, then `then` on the loop. */
static void in_pool(struct call *c, struct pool *p, void (*step)(struct call *c),
                    void (*then)(struct call *c))
{
    c->step = step;
    c->then = then;
    c->busy = true;
    if (!c->loop) {
        step(c);
        come_back(c);
        return;
    }
    c->pool_job.fn = on_pool;
    if (pool_submit(p, &c->pool_job))
        return;
    c->busy = false;
    c->result = cx_fail(&c->cx, ERR_OVERLOADED, "The server is busy; try again in a moment.");
    c->cx.failure.retry_after_s = 1;
    then(c);
}

static bool reads_here(const struct call *c)
{
    return !c->loop || db_reads_inline(c->cx.app->db);
}

/* Runs `step` on the calling thread, which is the loop's if there is one. */
static void step_here(struct call *c, void (*step)(struct call *c))
{
    c->cx.snapshot = c->snapshot;
    step(c);
    c->cx.snapshot = NULL;
}

/* ---- head ---- */

static void head_done(struct call *c)
{
    if (c->result != OK) {
        gate_fail(c, c->result);
        size_t index = c->op ? registry_index(c->cx.app->ops, c->op) : SIZE_MAX;
        if (c->cx.app->metrics)
            metrics_call(c->cx.app->metrics, index, c->reply.status,
                         clock_monotonic_us() - c->started_us);
    }
    c->on_head(c, c->result == OK ? CALL_ADMITTED : CALL_REFUSED);
}

static void admit_step(struct call *c)
{
    c->result = gate_admit(c);
}

void call_head(struct call *c)
{
    c->result = gate_match(c);
    if (c->result != OK) {
        head_done(c);
    } else if (!gate_head_reads(c) || reads_here(c)) {
        step_here(c, admit_step);
        head_done(c);
    } else {
        in_pool(c, c->cx.app->workers, admit_step, head_done);
    }
}

/* ---- body ---- */

static void finish(struct call *c)
{
    if (c->result != OK)
        gate_fail(c, c->result);
    if (c->cx.app->metrics)
        metrics_call(c->cx.app->metrics, registry_index(c->cx.app->ops, c->op), c->reply.status,
                     clock_monotonic_us() - c->started_us);
    c->on_done(c);
}

static void written(struct db_write *w, enum err result)
{
    struct call *c = w->arg;
    c->result = result;
    come_back(c);
}

static struct pool *pool_of(const struct app *app, enum op_lane lane)
{
    return lane == LANE_SLOW ? app->slow : lane == LANE_PASSWORD ? app->passwords : app->workers;
}

static void run_write(struct call *c)
{
    c->write = arena_new_of(c->cx.arena, struct db_write);
    *c->write = (struct db_write){
        .cx = &c->cx, .fn = gate_run, .arg = c, .dry_run = c->dry_run, .done = written
    };
    c->then = finish;
    c->busy = true;
    db_write_submit(c->cx.app->db, c->write);
}

static void run_step(struct call *c)
{
    if (c->op->tx == TX_READ)
        c->result = db_read(&c->cx, gate_run, c);
    else
        c->result = gate_run(&c->cx, c);
}

static void dispatch(struct call *c)
{
    const struct op *op = c->op;
    bool here = op->lane == LANE_LOOP && (op->tx == TX_NONE || reads_here(c));
    if (c->result != OK) {
        finish(c);
    } else if (op->tx == TX_WRITE) {
        run_write(c);
    } else if (here) {
        step_here(c, run_step);
        finish(c);
    } else {
        in_pool(c, pool_of(c->cx.app, op->lane), run_step, finish);
    }
}

static void decode_step(struct call *c)
{
    c->result = gate_decode(c);
}

void call_body(struct call *c)
{
    if (c->rq.body.len <= DECODE_ON_LOOP_BYTES_MAX) {
        decode_step(c);
        dispatch(c);
    } else {
        in_pool(c, c->cx.app->workers, decode_step, dispatch);
    }
}

/* ---- uploads ---- */

static void chunk_step(struct call *c)
{
    c->result = upload_bytes(c, buf_str(&c->upload_chunk));
    buf_clear(&c->upload_chunk);
}

static void chunk_done(struct call *c)
{
    if (c->aborted)
        c->result = cx_fail(&c->cx, ERR_REQUEST_TIMEOUT, "The client broke off.");
    if (c->result != OK)
        finish(c);
    else
        c->on_resume(c);
}

enum call_feed call_upload_feed(struct call *c, struct str bytes, void (*on_resume)(struct call *c))
{
    assert(!c->busy && c->upload && bytes.len <= UPLOAD_CHUNK_BYTES_MAX);
    if (!c->upload_chunk.max_bytes)
        buf_init(&c->upload_chunk, NULL, UPLOAD_CHUNK_BYTES_MAX);
    c->on_resume = on_resume;
    buf_put_str(&c->upload_chunk, bytes);
    in_pool(c, c->cx.app->slow, chunk_step, chunk_done);
    return CALL_FEED_PAUSE;
}

void call_upload_end(struct call *c)
{
    decode_step(c);
    dispatch(c);
}

void call_upload_abort(struct call *c)
{
    c->aborted = true;
}

/* ---- on the calling thread ---- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool done;
    enum call_verdict verdict;
};

static void waiter_signal(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->ready);
    pthread_mutex_unlock(&w->lock);
}

static void waiter_wait(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->ready, &w->lock);
    w->done = false;
    pthread_mutex_unlock(&w->lock);
}

static void run_on_head(struct call *c, enum call_verdict v)
{
    struct waiter *w = c->face_data;
    w->verdict = v;
    waiter_signal(w);
}

static void run_on_done(struct call *c)
{
    waiter_signal(c->face_data);
}

void call_run(struct call *c)
{
    struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0 };
    void *face_data = c->face_data;
    assert(!c->loop && !loop_current());
    c->face_data = &w;
    c->on_head = run_on_head;
    c->on_done = run_on_done;
    call_head(c);
    waiter_wait(&w);
    if (w.verdict == CALL_ADMITTED) {
        call_body(c);
        waiter_wait(&w);
    }
    c->face_data = face_data;
}
