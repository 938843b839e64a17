/* The job that asks providers whether stored keys are still good.
 *
 * 401 and 403 clear keyVerifiedAt and mark the key refused; 429, 5xx, time-outs and lost
 * connections say nothing about it. Runs once at a time over all processes (a lease in table
 * installation), longest unprobed first, so that a run that ends at its time limit is taken up by
 * the next. Invariant: no transaction is open while a provider is asked. */
#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "credentials/config.h"
#include "credentials/credentials_sql.h"

enum { SLICE = 20, TIMEOUT_MS = 10000, RUN_MS = 100 * 1000, LEASE_MS = 10 * 60 * 1000 };
#define LEASE_NAME STR("lease:verify-ai-keys")

struct round {
    struct verify_counts *counts;
    struct str lease;
    struct credential_to_check_row *rows;
    size_t row_count;
    struct stored stored; /* the one in hand */
    struct credential *credential;
    struct probe_result result;
};

_Static_assert(sizeof(struct credential_to_check_row) == sizeof(struct stored_row),
               "one form of rows");

static enum err lease_take_in_tx(struct cx *cx, void *arg)
{
    struct round *r = arg;
    int64_t taken;
    struct credential_lease_take_in in = {
        .name = LEASE_NAME, .value = r->lease, .now = cx->now_ms, .before = cx->now_ms - LEASE_MS
    };
    TRY(credential_lease_take(cx, &in, &taken));
    if (taken == 0)
        FAIL(cx, CONFLICT, "The verification of keys is running already.");
    return OK;
}

static enum err lease_drop_in_tx(struct cx *cx, void *arg)
{
    struct round *r = arg;
    struct credential_lease_drop_in in = { LEASE_NAME, r->lease };
    return credential_lease_drop(cx, &in, NULL);
}

static enum err slice_in_tx(struct cx *cx, void *arg)
{
    struct round *r = arg;
    struct credential_to_check_in in = { .before = r->counts->started_at_ms, .limit = SLICE };
    return credential_to_check(cx, &in, &r->rows, &r->row_count);
}

static enum err remaining_in_tx(struct cx *cx, void *arg)
{
    struct round *r = arg;
    struct credential_to_check_count_in in = { r->counts->started_at_ms };
    struct credential_to_check_count_row row;
    bool found;
    TRY(credential_to_check_count(cx, &in, &row, &found));
    r->counts->remaining = row.remaining;
    return OK;
}

static enum err open_in_tx(struct cx *cx, void *arg)
{
    struct round *r = arg;
    r->credential = NULL;
    if (!stored_complete(&r->stored))
        return OK;
    TRY(stored_credential(cx, &r->stored, str_of(unit_default_model(r->stored.unit)),
                          &r->credential));
    stored_note(cx, &r->stored, r->credential != NULL);
    r->counts->unreadable += r->credential == NULL;
    return OK;
}

static enum err book_in_tx(struct cx *cx, void *arg)
{
    struct round *r = arg;
    const struct stored_row *row = &r->stored.row;
    bool accepted = r->result.verdict == PROBE_ACCEPTED;
    TRY(stored_renew(cx, &r->stored));
    if (r->result.verdict && r->result.verdict != PROBE_UNKNOWN)
        TRY(stored_mark(cx, row->organization_id, stored_ref(cx->arena, &r->stored), !accepted,
                        r->result.sentence));
    struct credential_checked_in in = { .id = row->id,
                                        .secret_version = row->secret_version,
                                        .now = cx->now_ms };
    return credential_checked(cx, &in, NULL);
}

static enum err verify_row(struct cx *cx, struct round *r)
{
    struct principal as = cx->principal;
    r->result = (struct probe_result){ 0 };
    /* Never before the start, or a clock that is put back would keep this row first for ever. */
    int64_t now_ms = clock_wall_ms();
    cx->now_ms = now_ms > r->counts->started_at_ms ? now_ms : r->counts->started_at_ms;
    cx->principal.workspace_id = r->stored.row.workspace_id;
    enum err e = db_read(cx, open_in_tx, r);
    if (e == OK && r->credential) {
        e = probe_key(cx, r->credential, TIMEOUT_MS, &r->result);
        credential_free(r->credential);
        r->counts->checked++;
        r->counts->verified += r->result.verdict == PROBE_ACCEPTED;
        r->counts->refused += r->result.verdict == PROBE_REFUSED;
        r->counts->unknown += r->result.verdict == PROBE_UNKNOWN;
    }
    if (e == OK)
        e = db_write(cx, book_in_tx, r);
    cx->principal = as;
    return e;
}

static enum err verify_slices(struct cx *cx, struct round *r, int64_t until_ms)
{
    struct arena_mark mark = arena_mark(cx->arena);
    do {
        arena_reset(cx->arena, mark);
        TRY(db_read(cx, slice_in_tx, r));
        for (size_t i = 0; i < r->row_count; i++) {
            if (clock_monotonic_ms() > until_ms || *cx->app->stopping)
                return db_read(cx, remaining_in_tx, r);
            const struct stored_row *row = (const struct stored_row *)&r->rows[i];
            r->stored = (struct stored){ *row, TIER_NONE, unit_find(row->provider) };
            r->stored.tier = tier_find(row->tier);
            TRY(verify_row(cx, r));
        }
    } while (r->row_count > 0);
    return OK;
}

enum err verify_all(struct cx *cx, struct verify_counts *ret)
{
    int64_t begin_ms = clock_monotonic_ms();
    *ret = (struct verify_counts){ .started_at_ms = cx->now_ms };
    struct round r = { .counts = ret };
    r.lease = str_fmt(cx->arena, "%s %.*s", cx->app->node_id, STR_ARG(cx->request_id));
    TRY(db_write(cx, lease_take_in_tx, &r));
    enum err e = verify_slices(cx, &r, begin_ms + RUN_MS);
    struct failure failure = cx->failure;
    enum err dropped = db_write(cx, lease_drop_in_tx, &r);
    if (e != OK)
        cx->failure = failure;
    ret->duration_ms = clock_monotonic_ms() - begin_ms;
    return e != OK ? e : dropped;
}

/* ---- every night ---- */

/* A run that ends at its time limit goes on here: what was asked since the beginning is not asked
 * again. */
static enum err verify_job_run(struct cx *cx, const struct job *job)
{
    int64_t begin_ms = cx->now_ms, checked = 0, refused = 0;
    struct verify_counts counts = { 0 };
    do {
        cx->now_ms = begin_ms;
        enum err e = verify_all(cx, &counts);
        if (e == ERR_CONFLICT) { /* somebody called it: that will do */
            cx_clear_failure(cx);
            return OK;
        }
        if (e != OK)
            return e;
        checked += counts.checked;
        refused += counts.refused;
    } while (counts.remaining > 0 && !*cx->app->stopping && !(job->lost && atomic_load(job->lost)));
    if (checked)
        log_line(LOG_INFO, "stored provider keys were verified", log_i("checked", checked),
                 log_i("refused", refused));
    return OK;
}

enum { DAY_S = 24 * 60 * 60 };

const struct job_kind credential_job_kinds[] = {
    { .name = "verify_ai_keys", .run = verify_job_run, .slow = true, .every_s = DAY_S },
};
const size_t credential_job_kinds_count =
    sizeof credential_job_kinds / sizeof *credential_job_kinds;
