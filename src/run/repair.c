/* Goals: a run whose owner is gone ends as INTERRUPTED, once, with what its journal holds; its
 * thread is free again. Its reservations are cost's (cost_sweep). Invariant: one write a run,
 * judged by its epoch: whoever is second changes nothing, and an owner that comes back finds that
 * the run is not its own any more. */
#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/db.h"
#include "run/run_sql.h"
#include "run/state.h"

enum { LOST_MAX = 50 };

struct lost {
    struct runs *runs;
    struct run_row_lost_row *rows;
    size_t count;
    int64_t silent_before;
    const struct run_row_lost_row *row; /* the one at hand */
};

static enum err find_lost(struct cx *cx, void *arg)
{
    struct lost *l = arg;
    struct run_row_lost_in in = { .node_id = str_of(cx->app->node_id),
                                  .silent_before = l->silent_before,
                                  .limit = LOST_MAX };
    return run_row_lost(cx, &in, &l->rows, &l->count);
}

static struct message *from_journal(struct cx *cx, const struct run_row_lost_row *row,
                                    enum err *ret_error)
{
    struct run_chunk_list_in in = { .workspace_id = row->workspace_id, .run_id = row->id };
    struct run_chunk_list_row *chunks;
    size_t count;
    *ret_error = run_chunk_list(cx, &in, &chunks, &count);
    if (*ret_error != OK)
        return NULL;
    struct message *m = message_new(row->message_id);
    for (size_t i = 0; i < count; i++)
        if (!message_apply(m, chunks[i].data))
            log_line(LOG_WARN, "a piece of a run's journal is damaged", log_s("run", row->id));
    message_close_open(m, STR("The server stopped before it answered."));
    return m;
}

static enum err interrupt_in_tx(struct cx *cx, void *arg)
{
    struct lost *l = arg;
    const struct run_row_lost_row *row = l->row;
    const struct run_kind *kind = runs_kind(l->runs, row->kind);
    struct run_row_interrupt_in in = {
        .workspace_id = row->workspace_id, .id = row->id, .epoch = row->epoch, .now = cx->now_ms
    };
    struct run_chunk_delete_in chunks = { .workspace_id = row->workspace_id, .run_id = row->id };
    int64_t changed;
    enum err e;
    TRY(run_row_interrupt(cx, &in, &changed));
    if (changed != 1 || !kind)
        return OK;
    TRY(cost_lose_run(cx, row->id));
    struct message *m = from_journal(cx, row, &e);
    TRY(e);
    struct run_ref ref = { .workspace_id = row->workspace_id,
                           .organization_id = row->organization_id,
                           .run_id = row->id,
                           .user_id = row->user_id,
                           .thread_id = row->thread_id,
                           .message_id = row->message_id,
                           .epoch = row->epoch + 1 };
    struct run_outcome o = {
        .ref = &ref, .state = RUN_INTERRUPTED, .reason = RUN_BY_SHUTDOWN, .message = m
    };
    e = kind->keep(cx, &o);
    message_free(m);
    TRY(e);
    return run_chunk_delete(cx, &chunks, NULL);
}

enum err repair_lost(struct runs *rs, int64_t silent_before, int64_t *ret_count)
{
    struct lost l = { .runs = rs, .silent_before = silent_before };
    struct cx cx = { .arena = arena_new(0), .app = rs->app, .now_ms = clock_wall_ms() };
    cx.principal.kind = PRINCIPAL_SYSTEM;
    enum err e = db_read(&cx, find_lost, &l);
    for (size_t i = 0; e == OK && i < l.count; i++) {
        l.row = &l.rows[i];
        cx.principal.workspace_id = l.row->workspace_id;
        cx.principal.organization_id = l.row->organization_id;
        e = db_write(&cx, interrupt_in_tx, &l);
        if (e == OK)
            log_line(LOG_INFO, "a run was interrupted: its process is gone",
                     log_s("run", l.row->id));
    }
    *ret_count = e == OK ? (int64_t)l.count : 0;
    if (e != OK)
        log_line(LOG_WARN, "interrupted runs could not be repaired",
                 log_s("detail", cx.failure.log_detail));
    arena_free(cx.arena);
    return e;
}
