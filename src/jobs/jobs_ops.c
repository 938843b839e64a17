/* What administrators see of jobs: the list, and the way back from a dead end.
 *
 * A workspace sees its own jobs; the jobs of no workspace are the operator's, on the command line.
 * Payloads are not shown: they can hold what the reader may not see. */
#include "base/app.h"
#include "jobs/jobs.h"
#include "jobs/jobs_sql.h"
#include "op/op.h"

enum { STATES = 4 };
static const char *const job_states[STATES + 1] = { "READY", "LEASED", "DONE", "DEAD", NULL };

struct job_view {
    struct str id, kind, state, progress, last_error, created_by;
    int64_t priority, attempt, attempts_max;
    int64_t run_at_ms, created_at_ms, updated_at_ms, finished_at_ms;
};

static const struct field job_view_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_view, id),
      .doc = "Id of the job" },
    { .name = "kind",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_view, kind),
      .doc = "What it does" },
    { .name = "state",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_view, state),
      .values = job_states,
      .doc = "READY waits, LEASED runs, DONE is over, DEAD has used up its attempts" },
    { .name = "priority",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_view, priority),
      .doc = "Higher runs first" },
    { .name = "attempt",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_view, attempt),
      .doc = "How often it was begun" },
    { .name = "maxAttempts",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_view, attempts_max),
      .doc = "After so many failed attempts it is DEAD" },
    { .name = "progress",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct job_view, progress),
      .doc = "How far it says it is" },
    { .name = "lastError",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct job_view, last_error),
      .doc = "Why the last attempt failed" },
    { .name = "runAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct job_view, run_at_ms),
      .doc = "Not before this time" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct job_view, created_at_ms),
      .doc = "When it was added" },
    { .name = "updatedAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct job_view, updated_at_ms),
      .doc = "When its state last changed" },
    { .name = "finishedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct job_view, finished_at_ms),
      .doc = "When it became DONE or DEAD" },
    { .name = "createdBy",
      .type = FIELD_STR,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct job_view, created_by),
      .doc = "User whose deed added it" },
    FIELD_END,
};

static struct str tenant(const struct cx *cx)
{
    struct str w = cx->principal.workspace_id;
    return str_given(w) ? w : STR("");
}

/* ---- list ---- */

struct job_list_input {
    struct page_in page;
    struct str state;
};
struct job_list_output {
    struct span jobs;
    struct page_out pagination;
};

static const struct field job_list_input_fields[] = {
    { .name = "state",
      .type = FIELD_ENUM,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct job_list_input, state),
      .values = job_states,
      .doc = "Only jobs in this state" },
    FIELD_PAGE_IN(struct job_list_input),
    FIELD_END,
};
static const struct field job_list_output_fields[] = {
    { .name = "jobs",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_list_output, jobs),
      .fields = job_view_fields,
      .elem_size = sizeof(struct job_view),
      .doc = "Newest first" },
    FIELD_PAGE_OUT(struct job_list_output),
    FIELD_END,
};

static struct job_view view_of(const struct job_list_row *r)
{
    return (struct job_view){ .id = r->id,
                              .kind = r->kind,
                              .state = r->state,
                              .progress = r->progress,
                              .last_error = r->last_error,
                              .created_by = r->created_by,
                              .priority = r->priority,
                              .attempt = r->attempt,
                              .attempts_max = r->attempts_max,
                              .run_at_ms = r->run_at,
                              .created_at_ms = r->created_at,
                              .updated_at_ms = r->updated_at,
                              .finished_at_ms = r->finished_at.given ? r->finished_at.value : 0 };
}

struct job_page {
    struct job_list_row *rows;
    size_t count, at;
};

/* The index is by state, then id: a page over all states merges the four. */
static enum err pages_read(struct cx *cx, const struct job_list_input *in, struct str before_id,
                           struct job_page *pages)
{
    for (size_t i = 0; i < STATES; i++) {
        if (str_given(in->state) && !str_is(in->state, job_states[i]))
            continue;
        struct job_list_in q = { .workspace_id = tenant(cx),
                                 .state = str_of(job_states[i]),
                                 .before_id = before_id,
                                 .limit = in->page.limit + 1 };
        TRY(job_list(cx, &q, &pages[i].rows, &pages[i].count));
    }
    return OK;
}

static const struct job_list_row *pages_next(struct job_page *pages)
{
    struct job_page *best = NULL;
    for (size_t i = 0; i < STATES; i++) {
        struct job_page *p = &pages[i];
        if (p->at < p->count && (!best || str_cmp(p->rows[p->at].id, best->rows[best->at].id) > 0))
            best = p;
    }
    return best ? &best->rows[best->at++] : NULL;
}

static const struct page_list jobs_list =
    PAGE_LIST("jobs", struct job_view, PAGE_KEY(struct job_view, id));

static enum err list_run(struct cx *cx, const void *input, void *output)
{
    const struct job_list_input *in = input;
    struct job_list_output *out = output;
    struct job_view from = { .id = PAGE_LAST_ID };
    struct job_page pages[STATES] = { 0 };
    TRY(page_begin(cx, &jobs_list, &in->page, &from));
    TRY(pages_read(cx, in, from.id, pages));
    struct job_view *views = arena_array(cx->arena, (size_t)in->page.limit, sizeof *views);
    size_t n = 0;
    const struct job_list_row *r = pages_next(pages);
    for (; r && n < (size_t)in->page.limit; r = pages_next(pages))
        views[n++] = view_of(r);
    out->jobs = (struct span){ views, n };
    page_go_on(cx, &jobs_list, &in->page, r ? &views[n - 1] : NULL, &out->pagination);
    return OK;
}

/* ---- retry ---- */

struct job_retry_input {
    struct str id;
};
struct job_retry_output {
    struct job_view job;
};

static const struct field job_retry_input_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_retry_input, id),
      .doc = "Id of the job" },
    FIELD_END,
};
static const struct field job_retry_output_fields[] = {
    { .name = "job",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct job_retry_output, job),
      .fields = job_view_fields,
      .doc = "The job as it is now" },
    FIELD_END,
};

static enum err revive(struct cx *cx, void *arg)
{
    int64_t affected;
    TRY(job_revive(cx, arg, &affected));
    if (affected == 1)
        return OK;
    FAIL(cx, CONFLICT, "Only a DEAD job can be tried again.");
}

static enum err retry_run(struct cx *cx, const void *input, void *output)
{
    const struct job_retry_input *in = input;
    struct job_retry_output *out = output;
    struct job_get_in key = { .workspace_id = tenant(cx), .id = in->id };
    struct job_get_row row;
    bool found;
    TRY(job_get(cx, &key, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such job.");
    struct job_revive_in q = { .workspace_id = key.workspace_id, .id = in->id, .now = cx->now_ms };
    enum err e = db_nested(cx, revive, &q);
    if (e == ERR_CONFLICT && !str_given(cx->failure.message))
        FAIL(cx, CONFLICT, "Another job for the same thing is open already.");
    if (e != OK)
        return e;
    TRY(job_get(cx, &key, &row, &found));
    cx_entity(cx, "job", in->id);
    job_wake(cx->app->jobs);
    out->job = (struct job_view){ .id = row.id,
                                  .kind = row.kind,
                                  .state = row.state,
                                  .progress = row.progress,
                                  .last_error = row.last_error,
                                  .created_by = row.created_by,
                                  .priority = row.priority,
                                  .attempt = row.attempt,
                                  .attempts_max = row.attempts_max,
                                  .run_at_ms = row.run_at,
                                  .created_at_ms = row.created_at,
                                  .updated_at_ms = row.updated_at };
    return OK;
}

static const struct op_tool list_jobs_tool = {
    .level = 0,
    .doc = "Lists background jobs of the workspace by state, newest first. DEAD ones failed for "
           "good and wait for somebody to try them again.",
};

const struct op job_ops[] = {
    { .name = "list_jobs",
      .kind = OP_JSON,
      .http = "GET /api/admin/jobs",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &list_jobs_tool,
      .in = job_list_input_fields,
      .in_size = sizeof(struct job_list_input),
      .out = job_list_output_fields,
      .out_size = sizeof(struct job_list_output),
      .run = list_run,
      .summary = "List background jobs",
      .doc = "Background jobs of the workspace, newest first, optionally of one state. A job that "
             "fails is tried again with growing pauses; after maxAttempts it is DEAD, stays "
             "visible for 90 days and can be tried again." },
    { .name = "retry_job",
      .kind = OP_JSON,
      .http = "POST /api/admin/jobs/{id}/retry",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .flags = OP_NO_BODY,
      .in = job_retry_input_fields,
      .in_size = sizeof(struct job_retry_input),
      .out = job_retry_output_fields,
      .out_size = sizeof(struct job_retry_output),
      .run = retry_run,
      .summary = "Try a dead job again",
      .doc =
          "Makes a DEAD job READY with all its attempts, to run at once. 409 CONFLICT when it is "
          "not DEAD, or when another job for the same thing is open." },
};
const size_t job_ops_count = sizeof job_ops / sizeof *job_ops;
