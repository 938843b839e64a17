/* What a verification finds is kept: in the chain's row (the events' answer shows it) and, once, as
 * the event LOG_CHAIN_BROKEN. A chain that holds again is cleared; one that holds says since when
 * that is known. */
#include <stdio.h>
#include <unistd.h>

#include "audit/audit_sql.h"
#include "audit/seal_core.h"
#include "audit/verify.h"
#include "base/app.h"

enum { CHAINS_SLICE = 500 };

struct keep {
    const struct verify_report *report;
    int64_t begun_ms; /* rows from before were looked at */
    bool whole;       /* the checkpoints hold too */
    struct seal_chain_list_in in;
    size_t count;
    struct str last; /* chain of the slice */
};

static const struct verify_break *break_of(const struct verify_report *r, struct str workspace_id)
{
    for (size_t i = 0; i < r->breaks_count; i++)
        if (str_eq(r->breaks[i].workspace_id, workspace_id))
            return &r->breaks[i];
    return NULL;
}

static bool checkpoints_hold(const struct verify_report *r)
{
    for (size_t i = 0; i < r->breaks_count; i++)
        if (!r->breaks[i].seq)
            return false;
    return r->breaks_count < VERIFY_BREAKS_MAX;
}

static enum err keep_slice(struct cx *cx, void *arg)
{
    struct keep *k = arg;
    struct seal_chain_list_row *rows;
    TRY(seal_chain_list(cx, &k->in, &rows, &k->count));
    if (!k->count)
        return OK;
    k->last = rows[k->count - 1].workspace_id;
    for (size_t i = 0; i < k->count; i++) {
        const struct verify_break *b = break_of(k->report, rows[i].workspace_id);
        struct seal_chain_broken_set_in clear = { .workspace_id = rows[i].workspace_id };
        if (b && !str_given(rows[i].broken))
            TRY(seal_note_broken(cx, b, SEAL_EVENT_APPENDED));
        else if (!b && str_given(rows[i].broken))
            TRY(seal_chain_broken_set(cx, &clear, NULL));
    }
    if (!k->whole)
        return OK;
    struct seal_chains_verified_in in = { .from = k->in.from,
                                          .to = k->last,
                                          .verified_at = k->begun_ms };
    return seal_chains_verified(cx, &in, NULL);
}

enum err seal_verify_keep(struct cx *cx, const struct verify_options *o, struct verify_report *ret)
{
    struct verify_options options = *o;
    struct keep k = { .report = ret, .begun_ms = cx->now_ms, .in = { STR(""), CHAINS_SLICE } };
    char own[1100];
    if (cx->app->seal && cx->app->seal->dir[0]) {
        snprintf(own, sizeof own, "%s/checkpoints.log", cx->app->seal->dir);
        if (access(own, F_OK) == 0)
            options.files[1] = str_of(own);
    }
    TRY(seal_verify(cx, &options, ret));
    k.whole = checkpoints_hold(ret);
    do {
        TRY(db_write(cx, keep_slice, &k));
        /* The least text behind it: no id has a control character. */
        k.in.from = str_fmt(cx->arena, "%.*s\x01", STR_ARG(k.last));
    } while (k.count == CHAINS_SLICE);
    return OK;
}
