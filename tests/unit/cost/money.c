/* See money.h. */
#include "unit/cost/money.h"

#include <pthread.h>

#include "cost/money_sql.h"
#include "unit/rooms_sql.h"

struct waited {
    struct db_write w;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool over;
    enum err result;
};

static void waited_done(struct db_write *w, enum err result)
{
    struct waited *h = (struct waited *)w;
    pthread_mutex_lock(&h->mutex);
    h->over = true;
    h->result = result;
    pthread_cond_signal(&h->cond);
    pthread_mutex_unlock(&h->mutex);
}

enum err money_write(struct cx *cx, db_fn fn, void *arg)
{
    struct waited h = {
        .w = { .cx = cx, .fn = fn, .arg = arg, .read_committed = true, .done = waited_done },
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .cond = PTHREAD_COND_INITIALIZER,
    };
    db_write_submit(cx->app->db, &h.w);
    pthread_mutex_lock(&h.mutex);
    while (!h.over)
        pthread_cond_wait(&h.cond, &h.mutex);
    pthread_mutex_unlock(&h.mutex);
    pthread_cond_destroy(&h.cond);
    pthread_mutex_destroy(&h.mutex);
    return h.result;
}

/* ---- calls ---- */

static enum err price_read(struct cx *cx, void *arg)
{
    struct money *m = arg;
    return cost_price_of(cx, m->purpose.provider, m->purpose.model, &m->price);
}

struct money money_of(struct rooms *r)
{
    struct money m = { .r = r,
                       .purpose = { .operation_type = "chat",
                                    .provider = STR("anthropic"),
                                    .model = STR("claude-sonnet-4-5"),
                                    .key_source = STR("WORKSPACE_KEY"),
                                    .user_id = r->cx.principal.user_id } };
    assert_ok(&r->cx, db_read(&r->cx, price_read, &m));
    return m;
}

struct step {
    struct money *m;
    struct cost_reservation *res;
    const struct cost_settlement *s;
    int64_t nanousd, silent_ms, count;
    struct cost_budget budget;
    struct money_rule_put_in rule;
};

static enum err reserve_step(struct cx *cx, void *arg)
{
    struct step *s = arg;
    return cost_reserve(cx, &s->m->purpose, &s->m->price, s->res);
}

static enum err settle_step(struct cx *cx, void *arg)
{
    struct step *s = arg;
    return cost_settle(cx, &s->m->purpose, s->res, s->s, &s->nanousd);
}

static enum err attempt_step(struct cx *cx, void *arg)
{
    struct step *s = arg;
    return cost_settle_attempt(cx, &s->m->purpose, s->res, s->s, &s->nanousd);
}

static enum err release_step(struct cx *cx, void *arg)
{
    struct step *s = arg;
    return cost_release(cx, s->res);
}

static enum err sweep_step(struct cx *cx, void *arg)
{
    struct step *s = arg;
    return cost_sweep(cx, s->silent_ms, 100, &s->count);
}

static enum err budget_step(struct cx *cx, void *arg)
{
    return cost_budget_of(cx, arg);
}

static enum err rule_step(struct cx *cx, void *arg)
{
    return money_rule_put(cx, arg, NULL);
}

enum err money_reserve(struct money *m, struct cost_reservation *res)
{
    struct step s = { .m = m, .res = res };
    return money_write(&m->r->cx, reserve_step, &s);
}

enum err money_settle(struct money *m, struct cost_reservation *res,
                      const struct cost_settlement *settlement, int64_t *ret_nanousd)
{
    struct step s = { .m = m, .res = res, .s = settlement };
    TRY(money_write(&m->r->cx, settle_step, &s));
    *ret_nanousd = s.nanousd;
    return OK;
}

enum err money_attempt(struct money *m, struct cost_reservation *res,
                       const struct cost_settlement *settlement, int64_t *ret_nanousd)
{
    struct step s = { .m = m, .res = res, .s = settlement };
    TRY(money_write(&m->r->cx, attempt_step, &s));
    *ret_nanousd = s.nanousd;
    return OK;
}

struct cost_reservation reserve(struct money *m, const char *id, int64_t nanousd)
{
    struct cost_reservation res = { .id = str_of(id), .cost_nanousd = nanousd };
    assert_ok(&m->r->cx, money_reserve(m, &res));
    return res;
}

int64_t settle(struct money *m, struct cost_reservation *res, const struct cost_settlement *s)
{
    int64_t nanousd = -1;
    assert_ok(&m->r->cx, money_settle(m, res, s, &nanousd));
    return nanousd;
}

void release(struct money *m, struct cost_reservation *res)
{
    struct step s = { .m = m, .res = res };
    assert_ok(&m->r->cx, money_write(&m->r->cx, release_step, &s));
}

int64_t sweep(struct money *m, int64_t silent_ms)
{
    struct step s = { .m = m, .silent_ms = silent_ms };
    assert_ok(&m->r->cx, db_write(&m->r->cx, sweep_step, &s));
    return s.count;
}

struct cost_budget budget(struct money *m)
{
    struct cost_budget b;
    assert_ok(&m->r->cx, db_read(&m->r->cx, budget_step, &b));
    return b;
}

void rule(struct money *m, int64_t cap_nanousd, int64_t warn_percent, bool refuse_unpriced)
{
    struct money_rule_put_in in = { .workspace_id = m->r->cx.principal.workspace_id,
                                    .cap = { .given = cap_nanousd != INT64_MAX,
                                             .value = cap_nanousd },
                                    .warn_percent = warn_percent,
                                    .unpriced = refuse_unpriced ? STR("REFUSE") : STR("ALLOW") };
    assert_ok(&m->r->cx, db_write(&m->r->cx, rule_step, &in));
}

struct cost_settlement reported(const char *ledger_id, int64_t input, int64_t output)
{
    return (struct cost_settlement){
        .ledger_id = str_of(ledger_id),
        .basis = COST_REPORTED,
        .usage = { .input_tokens = input, .output_tokens = output },
        .price = { .input = 3000, .output = 15000, .version = STR("test") },
        .attempt = 1,
        .duration_ms = 5
    };
}

/* ---- the judge ---- */

static void judge_one(struct cx *cx, struct str workspace_id, int64_t month)
{
    struct money_ledger_sum_in l_in = { .workspace_id = workspace_id, .month = month };
    struct money_open_sum_in o_in = { .workspace_id = workspace_id, .month = month };
    struct money_budget_in b_in = { .workspace_id = workspace_id, .month = month };
    struct money_usage_sums_in u_in = { .workspace_id = workspace_id, .month = month };
    struct money_ledger_sum_row l;
    struct money_open_sum_row o;
    struct money_budget_row b;
    struct money_usage_sums_row *u;
    size_t count;
    bool found;
    assert_ok(cx, money_ledger_sum(cx, &l_in, &l, &found));
    assert_ok(cx, money_open_sum(cx, &o_in, &o, &found));
    assert_ok(cx, money_usage_sums(cx, &u_in, &u, &count));
    assert_ok(cx, money_budget(cx, &b_in, &b, &found));
    if (!found)
        b = (struct money_budget_row){ 0 };
    assert_int_equal(b.spent, l.cost);
    assert_int_equal(b.calls, l.calls);
    assert_int_equal(b.reserved, o.cost);
    assert_int_equal(count, l.calls ? 4 : 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(u[i].cost, l.cost);
        assert_int_equal(u[i].calls, l.calls);
        assert_int_equal(u[i].unpriced, l.unpriced);
    }
}

static enum err judge_step(struct cx *cx, void *arg)
{
    static const int64_t months[] = { 202610, NOV, DEC, 202701 };
    (void)arg;
    for (size_t i = 0; i < sizeof months / sizeof *months; i++) {
        judge_one(cx, STR("one"), months[i]);
        judge_one(cx, STR("two"), months[i]);
    }
    return OK;
}

void money_judge(struct money *m)
{
    assert_ok(&m->r->cx, db_read(&m->r->cx, judge_step, NULL));
}

struct listing {
    struct money_row *rows;
    size_t count;
    const char *kind;
};

static enum err ledger_step(struct cx *cx, void *arg)
{
    struct listing *l = arg;
    struct money_ledger_all_in in = { .workspace_id = cx->principal.workspace_id };
    struct money_ledger_all_row *rows;
    TRY(money_ledger_all(cx, &in, &rows, &l->count));
    l->rows = arena_array(cx->arena, l->count, sizeof *l->rows);
    for (size_t i = 0; i < l->count; i++)
        l->rows[i] = (struct money_row){ .id = rows[i].id,
                                         .basis = rows[i].basis,
                                         .model = rows[i].model,
                                         .error = rows[i].error,
                                         .month = rows[i].month,
                                         .created_at_ms = rows[i].created_at,
                                         .cost_nanousd = rows[i].cost,
                                         .input_tokens = rows[i].input_tokens,
                                         .attempt = rows[i].attempt,
                                         .priced = str_given(rows[i].price_version),
                                         .has_user = str_given(rows[i].user_id) };
    return OK;
}

struct money_row *ledger_rows(struct money *m, size_t *ret_count)
{
    struct listing l;
    assert_ok(&m->r->cx, db_read(&m->r->cx, ledger_step, &l));
    *ret_count = l.count;
    return l.rows;
}

static enum err jobs_step(struct cx *cx, void *arg)
{
    struct listing *l = arg;
    struct rooms_job_all_row *rows;
    size_t count;
    TRY(rooms_job_all(cx, &rows, &count));
    l->count = 0;
    for (size_t i = 0; i < count; i++)
        l->count += str_is(rows[i].kind, l->kind);
    return OK;
}

size_t jobs_of(struct money *m, const char *kind)
{
    struct listing l = { .kind = kind };
    assert_ok(&m->r->cx, db_read(&m->r->cx, jobs_step, &l));
    return l.count;
}
