/* Goals: of an unfinished answer at most half a second is lost: every 250 ms, or when 4 KB have
 * come, what all runs of a loop have said since goes into the journal, in one write. Non-goals: the
 * message itself (its kind keeps it at the end). Invariants: at most one write a loop is under way;
 * while a run's piece is in it (`journal_busy`) the run's own writes wait, so that none overtakes
 * it; a piece that was not written is written next time, from the same counter. */
#include <assert.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "db/db.h"
#include "run/run_sql.h"
#include "run/state.h"

enum { TICK_MS = 250, HINT_BYTES = 4096, PIECES_MAX = 1000, PIECE_BYTES_MAX = 1024 * 1024 };
enum { EVENT_BYTES_MAX = 2 * MESSAGE_BYTES_MAX + 4096 }; /* one may be larger than a piece */

struct piece {
    struct run *run; /* a reference */
    struct buf json;
    int64_t reached; /* counter */
};
struct run_journal {
    struct runs *runs;
    struct loop *loop;
    struct run *first; /* through journal_next */
    struct run *next;  /* where the last tick stopped, full; NULL: it saw all */
    struct loop_timer *timer;
    struct piece pieces[PIECES_MAX];
    size_t count;
    bool busy, again;
    struct db_write write;
    struct cx cx;
    struct arena *arena;
    struct loop_msg back;
    enum err result;
};

struct run_journal *journal_new(struct runs *rs, struct loop *l)
{
    struct run_journal *j = calloc(1, sizeof *j);
    if (!j)
        abort();
    j->runs = rs;
    j->loop = l;
    j->arena = arena_new(0);
    return j;
}

void journal_free(struct run_journal *j)
{
    if (!j)
        return;
    arena_free(j->arena);
    free(j);
}

static struct run_journal *journal_of(const struct run *r)
{
    return r->runs->journals[loop_index(r->loop)];
}

/* ---- writing ---- */

static enum err insert_in_tx(struct cx *cx, void *arg)
{
    struct run_journal *j = arg;
    for (size_t i = 0; i < j->count; i++) {
        const struct piece *p = &j->pieces[i];
        struct run_chunk_insert_in in = { .workspace_id = p->run->ref.workspace_id,
                                          .run_id = p->run->ref.run_id,
                                          .seq = p->run->journal_seq + 1,
                                          .data = buf_str(&p->json),
                                          .now = cx->now_ms };
        TRY(run_chunk_insert(cx, &in, NULL));
    }
    return OK;
}

static void tick(struct run_journal *j);

static void on_tick(void *arg)
{
    struct run_journal *j = arg;
    j->timer = NULL;
    tick(j);
}

static void arm(struct run_journal *j, int64_t ms)
{
    if (!j->timer && j->first)
        j->timer = loop_timer_start(j->loop, ms, on_tick, j);
}

static void on_back(struct loop_msg *m)
{
    struct run_journal *j = (struct run_journal *)((char *)m - offsetof(struct run_journal, back));
    size_t count = j->count;
    j->busy = false;
    j->count = 0;
    if (j->result != OK)
        log_line(LOG_WARN, "unfinished text could not be kept",
                 log_s("detail", j->cx.failure.log_detail));
    for (size_t i = 0; i < count; i++) {
        struct piece *p = &j->pieces[i];
        struct run *r = p->run;
        r->journal_busy = false;
        if (j->result == OK) {
            r->journaled = p->reached;
            r->journal_seq++;
        }
        buf_release(&p->json);
        if (r->write_waits)
            run_write(r);
        run_unref(r);
    }
    if (j->again)
        tick(j);
    else
        arm(j, TICK_MS);
}

static void on_written(struct db_write *w, enum err result)
{
    struct run_journal *j = w->arg;
    j->result = result;
    j->back.fn = on_back;
    loop_post(j->loop, &j->back);
}

/* ---- gathering ---- */

static bool put(void *arg, const char *name, int64_t counter, struct str data)
{
    struct piece *p = arg;
    (void)name;
    if (p->json.len && p->json.len + data.len + 2 > PIECE_BYTES_MAX)
        return false; /* the rest next time */
    buf_put_byte(&p->json, p->json.len ? ',' : '[');
    buf_put_str(&p->json, data);
    p->reached = counter;
    return true;
}

static void gather(struct run_journal *j, struct run *r)
{
    struct piece *p = &j->pieces[j->count];
    if (r->journaled >= message_counter(r->message) || r->writing.busy || !r->telling)
        return;
    *p = (struct piece){ .run = r, .reached = r->journaled };
    buf_init(&p->json, NULL, PIECE_BYTES_MAX + EVENT_BYTES_MAX);
    p->reached = message_replay(r->message, r->journaled, put, p);
    if (p->json.len == 0) {
        r->journaled = p->reached;
        buf_release(&p->json);
        return;
    }
    buf_put_byte(&p->json, ']');
    r->journal_busy = true;
    run_hold(r);
    j->count++;
}

static void tick(struct run_journal *j)
{
    if (j->busy) {
        j->again = true;
        return;
    }
    j->again = false;
    struct run *r = j->next ? j->next : j->first;
    for (; r && j->count < PIECES_MAX; r = r->journal_next)
        gather(j, r);
    j->next = r;
    j->again = r != NULL; /* the rest at once */
    if (j->count == 0) {
        arm(j, TICK_MS);
        return;
    }
    arena_clear(j->arena, 64 * 1024);
    j->cx = (struct cx){ .arena = j->arena, .app = j->runs->app, .now_ms = clock_wall_ms() };
    j->cx.principal.kind = PRINCIPAL_SYSTEM;
    j->busy = true;
    j->write = (struct db_write){
        .cx = &j->cx, .fn = insert_in_tx, .arg = j, .done = on_written, .read_committed = true
    };
    db_write_submit(j->runs->app->db, &j->write);
}

/* ---- runs ---- */

void journal_watch(struct run *r)
{
    struct run_journal *j = journal_of(r);
    if (r->journal_listed || !str_given(r->ref.thread_id))
        return; /* without a thread nobody can come back to it */
    r->journal_listed = true;
    r->journal_next = j->first;
    j->first = r;
    arm(j, TICK_MS);
}

void journal_unwatch(struct run *r)
{
    struct run_journal *j = journal_of(r);
    if (!r->journal_listed)
        return;
    r->journal_listed = false;
    for (struct run **at = &j->first; *at; at = &(*at)->journal_next) {
        if (*at == r) {
            *at = r->journal_next;
            if (j->next == r)
                j->next = r->journal_next;
            break;
        }
    }
    if (!j->first && j->timer) {
        loop_timer_cancel(j->timer);
        j->timer = NULL;
    }
}

void journal_hint(struct run *r)
{
    struct run_journal *j = journal_of(r);
    if (!r->journal_listed || !r->telling ||
        message_counter(r->message) - r->journaled < HINT_BYTES || j->busy)
        return;
    loop_timer_cancel(j->timer);
    j->timer = loop_timer_start(j->loop, 0, on_tick, j);
}
