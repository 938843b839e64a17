/* Reserve, settle, release, sweep.
 *
 * Goals: what was admitted under a cap can never come to more than the cap through concurrency, on
 * any number of processes; a call is booked once, whatever is repeated, lost or late.
 * Non-goals: counting tokens (llm), showing sums (usage.c).
 *
 * Invariants, for each workspace and month, at the end of every transaction:
 * - budgets.spent is the sum of the ledger's cost, budgets.calls the number of its rows, and each
 *   dimension of usage_days adds up to the same;
 * - budgets.reserved is the sum of the OPEN reservations;
 * - cost_budget_reserve alone raises budgets.reserved, and only under the cap.
 * The month's row of `budgets` is locked late and by all, so that what stands behind it in a
 * settlement (usage_days, notices) needs no stronger isolation than READ COMMITTED. */
#include "cost/cost.h"

#include <assert.h>

#include "audit/audit.h"
#include "base/app.h"
#include "base/clock.h"
#include "cost/book.h"
#include "cost/cost_sql.h"
#include "cost/price.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
/* No call of a provider lasts that long: its process has forgotten it. */
#define RESERVATION_LIFE_MS ((int64_t)2 * 60 * 60 * 1000)
#define DETAILS_BYTES_MAX 1024

static struct str tenant(const struct cx *cx)
{
    return cx->principal.workspace_id;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct str or_empty(struct str s)
{
    return str_given(s) ? s : STR("");
}

/* ---- refusals ---- */

static struct str refusal_details(struct cx *cx, const struct cost_budget *b, int64_t needed,
                                  const char *reason)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, cx->arena, DETAILS_BYTES_MAX);
    jw_init(&w, &text);
    jw_object(&w);
    jw_key_lit(&w, "scope");
    jw_str(&w, STR("workspace"));
    jw_key_lit(&w, "reason");
    jw_str(&w, str_of(reason));
    jw_key_lit(&w, "limitUsd");
    jw_raw(&w, usd_text(cx->arena, b->cap_nanousd));
    jw_key_lit(&w, "usedUsd");
    jw_raw(&w, usd_text(cx->arena, b->spent_nanousd));
    jw_key_lit(&w, "reservedUsd");
    jw_raw(&w, usd_text(cx->arena, b->reserved_nanousd));
    jw_key_lit(&w, "neededUsd");
    jw_raw(&w, usd_text(cx->arena, needed));
    jw_key_lit(&w, "resetsAt");
    jw_time(&w, b->resets_at_ms);
    jw_object_end(&w);
    return buf_str(&text);
}

static enum err refuse(struct cx *cx, const struct cost_purpose *p, int64_t needed,
                       const char *reason)
{
    struct cost_budget b;
    TRY(cost_budget_of(cx, &b));
    if (str_is(str_of(reason), "UNPRICED"))
        cx_fail(
            cx, ERR_BUDGET_EXCEEDED,
            "Nobody knows what %.*s of %.*s costs, and the workspace has a cap. An owner can set "
            "its price, or allow unpriced models.",
            STR_ARG(p->model), STR_ARG(p->provider));
    else
        cx_fail(
            cx, ERR_BUDGET_EXCEEDED,
            "The workspace's AI budget of this month does not cover this call: it may cost up to "
            "%.*s USD; %.*s of %.*s USD are spent or reserved.",
            STR_ARG(usd_text(cx->arena, needed)),
            STR_ARG(usd_text(cx->arena, b.spent_nanousd + b.reserved_nanousd)),
            STR_ARG(usd_text(cx->arena, b.cap_nanousd)));
    struct str details = refusal_details(cx, &b, needed, reason);
    cx_details(cx, details);
    struct audit_row event = { .action = STR("reserve"),
                               .type = STR("BUDGET_BLOCKED"),
                               .outcome = STR("BUDGET_EXCEEDED"),
                               .entity_type = STR("budget"),
                               .message = cx->failure.message,
                               .metadata = details };
    audit_event(cx, &event);
    return ERR_BUDGET_EXCEEDED;
}

/* ---- reserve ---- */

static enum err reservation_insert(struct cx *cx, const struct cost_purpose *p,
                                   const struct cost_price *price, const struct cost_reservation *r)
{
    struct cost_reservation_insert_in in = {
        .workspace_id = tenant(cx),
        .id = r->id,
        .month = r->month,
        .cost_nanousd = r->cost_nanousd,
        .node_id = str_of(cx->app->node_id),
        .run_id = p->run_id,
        .now = r->created_at_ms,
        .expires_at = r->created_at_ms + RESERVATION_LIFE_MS,
        .organization_id = cx->principal.organization_id,
        .operation_type = str_of(p->operation_type),
        .provider = p->provider,
        .model = p->model,
        .key_source = p->key_source,
        .user_id = p->user_id,
        .thread_id = p->thread_id,
        .agent_task_id = p->agent_task_id,
        .price_version = price->unpriced ? STR_NULL : price->version,
    };
    if (!str_given(in.organization_id))
        TRY(cost_organization(cx, in.workspace_id, &in.organization_id));
    return cost_reservation_insert(cx, &in, NULL);
}

/* A repeat: what was reserved before, whatever the clock says now. */
static enum err reservation_again(struct cx *cx, const struct cost_reservation_get_row *row,
                                  struct cost_reservation *r)
{
    if (!str_is(row->state, "OPEN"))
        return cx_fault(cx, "reservation %.*s is %.*s already", STR_ARG(r->id),
                        STR_ARG(row->state));
    r->month = row->month;
    r->cost_nanousd = row->cost_nanousd;
    r->created_at_ms = row->created_at;
    return OK;
}

enum err cost_reserve(struct cx *cx, const struct cost_purpose *p, const struct cost_price *price,
                      struct cost_reservation *r)
{
    assert(str_given(r->id) && r->cost_nanousd >= 0 && p->operation_type);
    struct cost_reservation_get_in key = { .workspace_id = tenant(cx), .id = r->id };
    struct cost_reservation_get_row row;
    struct cost_rule rule;
    bool found;
    TRY(cost_reservation_get(cx, &key, &row, &found));
    if (found)
        return reservation_again(cx, &row, r);
    if (price->unpriced) {
        TRY(cost_rule_load(cx, &rule));
        if (rule.refuse_unpriced && rule.cap_nanousd != COST_CAP_NONE)
            return refuse(cx, p, 0, "UNPRICED");
    }
    int64_t affected, month = month_of(cx->now_ms);
    /* An unpriced call that is allowed still needs that there is something left. */
    struct cost_budget_reserve_in in = { .workspace_id = key.workspace_id,
                                         .month = month,
                                         .cost = r->cost_nanousd,
                                         .needed = price->unpriced && r->cost_nanousd == 0
                                                       ? 1
                                                       : r->cost_nanousd,
                                         .cap_default = COST_CAP_DEFAULT_NANOUSD,
                                         .cap_none = COST_CAP_NONE,
                                         .now = cx->now_ms };
    TRY(cost_budget_reserve(cx, &in, &affected));
    if (affected == 0)
        return refuse(cx, p, r->cost_nanousd, "CAP");
    r->month = month;
    r->created_at_ms = cx->now_ms;
    return reservation_insert(cx, p, price, r);
}

/* ---- booking ---- */

struct booking {
    const struct cost_purpose *purpose;
    const struct cost_settlement *settlement;
    struct str ledger_id, organization_id;
    int64_t month, created_at_ms;
    int64_t cost_nanousd;     /* of the ledger row */
    int64_t released_nanousd; /* of what was reserved */
};

static struct str basis_text(enum cost_basis b)
{
    static const char *const names[] = { NULL, "reported", "estimated", "worst_case", "external" };
    assert(b >= COST_REPORTED && b <= COST_EXTERNAL);
    return str_of(names[b]);
}

static int64_t count_of(int64_t tokens)
{
    return tokens < 0 ? 0 : least(tokens, COST_TOKENS_MAX);
}

static struct cost_usage usage_taken(const struct cost_usage *u)
{
    return (struct cost_usage){ .input_tokens = count_of(u->input_tokens),
                                .output_tokens = count_of(u->output_tokens),
                                .cache_read_tokens = count_of(u->cache_read_tokens),
                                .cache_write_tokens = count_of(u->cache_write_tokens),
                                .audio_ms = count_of(u->audio_ms) };
}

static enum err ledger_add(struct cx *cx, const struct booking *b, bool *ret_added)
{
    const struct cost_purpose *p = b->purpose;
    const struct cost_settlement *s = b->settlement;
    struct cost_usage u = usage_taken(&s->usage);
    struct cost_ledger_insert_in in = {
        .workspace_id = tenant(cx),
        .id = b->ledger_id,
        .organization_id = b->organization_id,
        .created_at = b->created_at_ms,
        .month = b->month,
        .operation_type = str_of(p->operation_type),
        .provider = p->provider,
        .model = p->model,
        .key_source = p->key_source,
        .user_id = p->user_id,
        .thread_id = p->thread_id,
        .run_id = p->run_id,
        .agent_task_id = p->agent_task_id,
        .attempt = s->attempt > 0 ? s->attempt : 1,
        .input_tokens = u.input_tokens,
        .output_tokens = u.output_tokens,
        .cache_read_tokens = u.cache_read_tokens,
        .cache_write_tokens = u.cache_write_tokens,
        .cost_nanousd = b->cost_nanousd,
        .basis = basis_text(s->basis),
        .price_version = s->price.unpriced ? STR_NULL : or_empty(s->price.version),
        .duration_ms = { .given = s->duration_ms > 0, .value = s->duration_ms },
        .error = s->error,
    };
    int64_t affected;
    if (!str_given(in.organization_id))
        TRY(cost_organization(cx, in.workspace_id, &in.organization_id));
    TRY(cost_ledger_insert(cx, &in, &affected));
    *ret_added = affected == 1;
    return OK;
}

/* The UTC day of the row, held within the month it is booked to (as reconcile.c recomputes it). */
static int64_t day_in_month(int64_t ms, int64_t month)
{
    int64_t first = month_first_day(month), last = first + month_days(month) - 1;
    int64_t day = ms / DAY_MS;
    return day < first ? first : least(day, last);
}

static enum err usage_add(struct cx *cx, const struct booking *b)
{
    const struct cost_purpose *p = b->purpose;
    struct cost_usage u = usage_taken(&b->settlement->usage);
    struct cost_usage_add_in in = {
        .workspace_id = tenant(cx),
        .month = b->month,
        .day = day_in_month(b->created_at_ms, b->month),
        .model = str_fmt(cx->arena, "%.*s/%.*s", STR_ARG(p->provider), STR_ARG(p->model)),
        .user_id = or_empty(p->user_id),
        .operation_type = str_of(p->operation_type),
        .key_source = p->key_source,
        .unpriced = b->settlement->price.unpriced,
        .input_tokens = u.input_tokens,
        .output_tokens = u.output_tokens,
        .cache_read_tokens = u.cache_read_tokens,
        .cache_write_tokens = u.cache_write_tokens,
        .cost = b->cost_nanousd,
    };
    return cost_usage_add(cx, &in, NULL);
}

/* *ret_added is false when the ledger has the row already: then nothing is changed. */
static enum err book(struct cx *cx, const struct booking *b, bool *ret_added)
{
    struct cost_budget_book_in in = { .workspace_id = tenant(cx),
                                      .month = b->month,
                                      .spent = b->cost_nanousd,
                                      .released = b->released_nanousd,
                                      .calls = 1,
                                      .now = cx->now_ms };
    struct cost_budget_book_row row;
    bool found, added;
    TRY(ledger_add(cx, b, &added));
    if (added) {
        TRY(cost_budget_book(cx, &in, &row, &found));
        assert(found);
        TRY(usage_add(cx, b));
        TRY(cost_notices(cx, b->month, row.spent_nanousd, row.warned_at.given,
                         row.capped_at.given));
    }
    *ret_added = added;
    return OK;
}

static enum err ledger_cost(struct cx *cx, struct str ledger_id, int64_t *ret_nanousd)
{
    struct cost_ledger_cost_in in = { .workspace_id = tenant(cx), .id = ledger_id };
    struct cost_ledger_cost_row row;
    bool found;
    TRY(cost_ledger_cost(cx, &in, &row, &found));
    if (!found)
        return cx_fault(cx, "ledger row %.*s is not there", STR_ARG(ledger_id));
    *ret_nanousd = row.cost_nanousd;
    return OK;
}

/* ---- settle ---- */

/* Where a reservation stands when a settlement comes. */
struct standing {
    bool found, open, swept, settled;
    int64_t month, created_at_ms;
    int64_t left_nanousd; /* of an open one: reserved; of a swept one: booked as worst case */
    int64_t settled_nanousd;
    struct str state;
};

static enum err standing_load(struct cx *cx, const struct cost_reservation *r, struct standing *ret)
{
    struct cost_reservation_get_in in = { .workspace_id = tenant(cx), .id = r->id };
    struct cost_reservation_get_row row;
    bool found = false;
    if (str_given(r->id))
        TRY(cost_reservation_get(cx, &in, &row, &found));
    if (!found) {
        *ret = (struct standing){ .month = r->month ? r->month : month_of(cx->now_ms),
                                  .created_at_ms = r->created_at_ms };
        return OK;
    }
    *ret = (struct standing){ .found = true,
                              .open = str_is(row.state, "OPEN"),
                              .swept = str_is(row.state, "SWEPT"),
                              .settled = str_is(row.state, "SETTLED"),
                              .month = row.month,
                              .created_at_ms = row.created_at,
                              .settled_nanousd = row.settled_nanousd,
                              .state = row.state };
    ret->left_nanousd = ret->open ? row.cost_nanousd : ret->swept ? row.settled_nanousd : 0;
    return OK;
}

static int64_t cost_to_book(const struct cost_settlement *s, const struct standing *st)
{
    struct cost_usage u = usage_taken(&s->usage);
    int64_t cost = s->basis == COST_EXTERNAL ? least(s->external_nanousd, COST_CAP_NONE / 2)
                                             : cost_of(&s->price, &u);
    if (cost < 0)
        cost = 0;
    if (!st->open && !st->swept)
        return cost;
    if (s->basis == COST_WORST_CASE)
        return st->left_nanousd;
    return s->basis == COST_ESTIMATED ? least(cost, st->left_nanousd) : cost;
}

static struct booking booking_of(struct cx *cx, const struct cost_purpose *p,
                                 const struct cost_settlement *s, const struct standing *st)
{
    return (struct booking){
        .purpose = p,
        .settlement = s,
        .ledger_id = s->ledger_id,
        .organization_id = cx->principal.organization_id,
        .month = st->month,
        /* A clock that went back must not put the row before its month. */
        .created_at_ms = cx->now_ms > st->created_at_ms ? cx->now_ms : st->created_at_ms,
    };
}

/* False: somebody else has closed it meanwhile. */
static enum err reservation_close(struct cx *cx, struct str id, struct str was, const char *state,
                                  int64_t settled, bool *ret_closed)
{
    struct cost_reservation_close_in in = { .workspace_id = tenant(cx),
                                            .id = id,
                                            .was = was,
                                            .state = str_of(state),
                                            .settled = settled,
                                            .now = cx->now_ms };
    int64_t affected;
    TRY(cost_reservation_close(cx, &in, &affected));
    *ret_closed = affected == 1;
    return OK;
}

enum err cost_settle(struct cx *cx, const struct cost_purpose *p, const struct cost_reservation *r,
                     const struct cost_settlement *s, int64_t *ret_nanousd)
{
    assert(str_given(s->ledger_id));
    struct standing st;
    bool closed = true, added;
    TRY(standing_load(cx, r, &st));
    int64_t cost = cost_to_book(s, &st);
    if (st.found && !st.settled)
        TRY(reservation_close(cx, r->id, st.state, "SETTLED", cost, &closed));
    if (!closed) /* by another settlement or the sweep, between the two statements */
        TRY(standing_load(cx, r, &st));
    if (!closed && !st.settled)
        return cx_fail(cx, ERR_OVERLOADED, "The reservation was closed meanwhile; settle again.");
    if (st.settled) {
        if (ret_nanousd)
            *ret_nanousd = st.settled_nanousd;
        return OK;
    }
    struct booking b = booking_of(cx, p, s, &st);
    b.cost_nanousd = st.swept ? cost - st.left_nanousd : cost;
    b.released_nanousd = st.open ? st.left_nanousd : 0;
    TRY(book(cx, &b, &added));
    if (!added && st.found)
        return cx_fault(cx, "ledger id %.*s was used for another call", STR_ARG(s->ledger_id));
    if (!added)
        TRY(ledger_cost(cx, s->ledger_id, &cost));
    if (ret_nanousd)
        *ret_nanousd = cost;
    return OK;
}

/* Takes an attempt's cost out of what is reserved or was booked as worst case. */
static enum err attempt_shrink(struct cx *cx, struct str id, const struct standing *st,
                               int64_t taken)
{
    struct cost_reservation_shrink_in open = { .workspace_id = tenant(cx),
                                               .id = id,
                                               .taken = taken };
    struct cost_reservation_swept_shrink_in swept = { .workspace_id = open.workspace_id,
                                                      .id = id,
                                                      .taken = taken };
    int64_t affected;
    if (taken == 0)
        return OK;
    TRY(st->open ? cost_reservation_shrink(cx, &open, &affected)
                 : cost_reservation_swept_shrink(cx, &swept, &affected));
    if (affected == 1)
        return OK;
    return cx_fail(cx, ERR_OVERLOADED, "The reservation was changed meanwhile; settle again.");
}

enum err cost_settle_attempt(struct cx *cx, const struct cost_purpose *p,
                             struct cost_reservation *r, const struct cost_settlement *s,
                             int64_t *ret_nanousd)
{
    assert(str_given(s->ledger_id) && s->basis != COST_WORST_CASE);
    struct standing st;
    bool added;
    TRY(standing_load(cx, r, &st));
    int64_t cost = cost_to_book(s, &st);
    int64_t taken = least(cost, st.left_nanousd);
    struct booking b = booking_of(cx, p, s, &st);
    b.cost_nanousd = st.swept ? cost - taken : cost;
    b.released_nanousd = st.open ? taken : 0;
    TRY(book(cx, &b, &added));
    if (added)
        TRY(attempt_shrink(cx, r->id, &st, taken));
    else
        TRY(ledger_cost(cx, s->ledger_id, &cost));
    if (st.found)
        r->cost_nanousd = added ? st.left_nanousd - taken : st.left_nanousd;
    if (ret_nanousd)
        *ret_nanousd = cost;
    return OK;
}

enum err cost_release(struct cx *cx, const struct cost_reservation *r)
{
    struct standing st;
    bool closed, found;
    TRY(standing_load(cx, r, &st));
    if (!st.open)
        return OK;
    TRY(reservation_close(cx, r->id, st.state, "RELEASED", 0, &closed));
    if (!closed)
        return OK;
    struct cost_budget_book_in in = { .workspace_id = tenant(cx),
                                      .month = st.month,
                                      .released = st.left_nanousd,
                                      .now = cx->now_ms };
    struct cost_budget_book_row row;
    return cost_budget_book(cx, &in, &row, &found);
}

/* ---- sweep ---- */

/* One row of the ledger under the reservation's own id, with its worst case. */
static enum err sweep_one(struct cx *cx, const struct cost_reservation_lost_row *row,
                          bool *ret_swept)
{
    struct cost_purpose p = { .operation_type = str_cstr(cx->arena, row->operation_type),
                              .provider = row->provider,
                              .model = row->model,
                              .key_source = row->key_source,
                              .user_id = row->user_id,
                              .thread_id = row->thread_id,
                              .run_id = row->run_id,
                              .agent_task_id = row->agent_task_id };
    struct cost_settlement s = { .ledger_id = row->id,
                                 .basis = COST_WORST_CASE,
                                 .price = { .version = row->price_version,
                                            .unpriced = !str_given(row->price_version) },
                                 .error = STR("process_lost") };
    struct standing st = { .open = true, .month = row->month, .created_at_ms = row->created_at };
    struct booking b = booking_of(cx, &p, &s, &st);
    b.organization_id = row->organization_id;
    b.cost_nanousd = b.released_nanousd = row->cost_nanousd;
    bool added = false;
    TRY(reservation_close(cx, row->id, STR("OPEN"), "SWEPT", row->cost_nanousd, ret_swept));
    return *ret_swept ? book(cx, &b, &added) : OK;
}

enum err cost_sweep(struct cx *cx, int64_t silent_ms, int64_t limit, int64_t *ret_count)
{
    struct cost_reservation_lost_in in = { .node_id = str_of(cx->app->node_id),
                                           .now = cx->now_ms,
                                           .silent_before = cx->now_ms - silent_ms,
                                           .limit = limit };
    struct cost_reservation_lost_row *rows;
    struct str workspace_id = cx->principal.workspace_id;
    size_t count;
    int64_t swept = 0;
    enum err e = OK;
    TRY(cost_reservation_lost(cx, &in, &rows, &count));
    for (size_t i = 0; i < count && e == OK; i++) {
        bool one = false;
        cx->principal.workspace_id = rows[i].workspace_id;
        e = sweep_one(cx, &rows[i], &one);
        swept += one;
    }
    cx->principal.workspace_id = workspace_id;
    if (e == OK)
        *ret_count = swept;
    return e;
}

enum err cost_lose_run(struct cx *cx, struct str run_id)
{
    struct cost_reservation_of_run_in in = { .workspace_id = cx->principal.workspace_id,
                                             .run_id = run_id };
    struct cost_reservation_of_run_row *rows;
    size_t count;
    TRY(cost_reservation_of_run(cx, &in, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        const struct cost_reservation_of_run_row *r = &rows[i];
        struct cost_reservation_lost_row lost = { .workspace_id = r->workspace_id,
                                                  .id = r->id,
                                                  .month = r->month,
                                                  .cost_nanousd = r->cost_nanousd,
                                                  .run_id = r->run_id,
                                                  .created_at = r->created_at,
                                                  .organization_id = r->organization_id,
                                                  .operation_type = r->operation_type,
                                                  .provider = r->provider,
                                                  .model = r->model,
                                                  .key_source = r->key_source,
                                                  .user_id = r->user_id,
                                                  .thread_id = r->thread_id,
                                                  .agent_task_id = r->agent_task_id,
                                                  .price_version = r->price_version };
        bool swept;
        TRY(sweep_one(cx, &lost, &swept));
    }
    return OK;
}
