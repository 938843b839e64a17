/* Jobs: nobody runs one twice within a lease, a lost runner costs a repetition and not the job, a
 * dead end is visible and has a way back, a late finish changes nothing. */
#include "unit/op_call.h"

#include <pthread.h>

#include "base/clock.h"
#include "jobs/jobs.h"
#include "net/pool.h"
#include "unit/rooms_sql.h"

static struct job_claim claim_of(const char *node)
{
    return (struct job_claim){
        .node_id = str_of(node), .kinds = STR(",work,"), .limit = 10, .lease_ms = 60000
    };
}

/* ---- closures ---- */

static enum err add(struct cx *cx, void *job_new)
{
    return job_add(cx, job_new, NULL);
}

struct added {
    struct job_new new;
    bool added;
};
static enum err add_told(struct cx *cx, void *arg)
{
    struct added *a = arg;
    return job_add(cx, &a->new, &a->added);
}

struct taken {
    struct job_claim claim;
    struct job *jobs;
    size_t count;
};
static enum err take(struct cx *cx, void *arg)
{
    struct taken *t = arg;
    return job_claim(cx, &t->claim, &t->jobs, &t->count);
}

static enum err finish(struct cx *cx, void *job)
{
    return job_finish(cx, job);
}
static enum err fail_it(struct cx *cx, void *job)
{
    return job_fail(cx, job, STR("no luck"), 1000);
}
static enum err renew(struct cx *cx, void *job)
{
    return job_renew(cx, job, cx->now_ms + 60000);
}
static enum err sweep(struct cx *cx, void *ret_swept)
{
    return job_sweep(cx, 100, ret_swept);
}

struct all {
    struct rooms_job_all_row *rows;
    size_t count;
};
static enum err read_all(struct cx *cx, void *arg)
{
    struct all *a = arg;
    return rooms_job_all(cx, &a->rows, &a->count);
}
static struct all jobs_now(struct rooms *r)
{
    struct all a;
    assert_ok(&r->cx, db_read(&r->cx, read_all, &a));
    return a;
}

static struct job *take_one(struct rooms *r, const char *node)
{
    struct taken t = { .claim = claim_of(node) };
    assert_ok(&r->cx, db_write(&r->cx, take, &t));
    assert_int_equal(t.count, 1);
    return &t.jobs[0];
}

static void add_one(struct rooms *r, int attempts_max)
{
    struct job_new n = { .kind = "work", .attempts_max = attempts_max };
    assert_ok(&r->cx, db_write(&r->cx, add, &n));
}

/* ---- leases ---- */

static void taken_once_within_a_lease(void **state)
{
    ROOMS(state);
    add_one(r, 3);
    struct job *j = take_one(r, "a");
    assert_int_equal(j->attempt, 1);
    assert_str(j->workspace_id, "one");
    struct taken t = { .claim = claim_of("b") };
    assert_ok(&r->cx, db_write(&r->cx, take, &t));
    assert_int_equal(t.count, 0);
    assert_ok(&r->cx, db_write(&r->cx, finish, j));
    assert_str(jobs_now(r).rows[0].state, "DONE");
    /* Its own end again, as when the answer of the commit was lost. */
    assert_ok(&r->cx, db_write(&r->cx, finish, j));
}

static void a_lost_runner_costs_a_repetition(void **state)
{
    ROOMS(state);
    int64_t swept = -1;
    add_one(r, 2);
    struct job *first = take_one(r, "a");
    assert_ok(&r->cx, db_write(&r->cx, sweep, &swept));
    assert_int_equal(swept, 0);
    r->cx.now_ms += 60001;
    assert_ok(&r->cx, db_write(&r->cx, sweep, &swept));
    assert_int_equal(swept, 1);
    struct job *second = take_one(r, "b");
    assert_int_equal(second->attempt, 2);
    assert_true(second->epoch > first->epoch);
    /* The first comes back: nothing that it does counts. */
    assert_int_equal(db_write(&r->cx, finish, first), ERR_STALE_CLAIM);
    assert_int_equal(db_write(&r->cx, fail_it, first), ERR_STALE_CLAIM);
    assert_int_equal(db_write(&r->cx, renew, first), ERR_STALE_CLAIM);
    assert_str(jobs_now(r).rows[0].state, "LEASED");
    r->cx.now_ms += 60001;
    assert_ok(&r->cx, db_write(&r->cx, sweep, &swept));
    assert_str(jobs_now(r).rows[0].state, "DEAD");
}

static void a_renewed_lease_is_not_swept(void **state)
{
    ROOMS(state);
    int64_t swept = -1;
    add_one(r, 2);
    struct job *j = take_one(r, "a");
    r->cx.now_ms += 50000;
    assert_ok(&r->cx, db_write(&r->cx, renew, j));
    r->cx.now_ms += 50000;
    assert_ok(&r->cx, db_write(&r->cx, sweep, &swept));
    assert_int_equal(swept, 0);
}

static void a_unique_key_has_one_open_job(void **state)
{
    ROOMS(state);
    struct added a = { .new = { .kind = "work", .unique_key = STR("k") } };
    assert_ok(&r->cx, db_write(&r->cx, add_told, &a));
    assert_true(a.added);
    assert_ok(&r->cx, db_write(&r->cx, add_told, &a));
    assert_false(a.added);
    struct job *j = take_one(r, "a");
    assert_ok(&r->cx, db_write(&r->cx, add_told, &a));
    assert_false(a.added);
    assert_ok(&r->cx, db_write(&r->cx, finish, j));
    assert_ok(&r->cx, db_write(&r->cx, add_told, &a));
    assert_true(a.added);
    /* An id is there once for good. */
    struct added b = { .new = { .kind = "work", .id = STR("work:2026-11-24") } };
    assert_ok(&r->cx, db_write(&r->cx, add_told, &b));
    assert_true(b.added);
    assert_ok(&r->cx, db_write(&r->cx, add_told, &b));
    assert_false(b.added);
}

static void priority_and_time_decide(void **state)
{
    ROOMS(state);
    struct job_new late = {
        .kind = "work", .id = STR("late"), .run_at_ms = ROOMS_NOW_MS + 10, .priority = 9
    };
    struct job_new low = { .kind = "work", .id = STR("low") };
    struct job_new high = { .kind = "work", .id = STR("high"), .priority = 5 };
    struct job_new other = { .kind = "other", .id = STR("other"), .priority = 9 };
    assert_ok(&r->cx, db_write(&r->cx, add, &late));
    assert_ok(&r->cx, db_write(&r->cx, add, &low));
    assert_ok(&r->cx, db_write(&r->cx, add, &high));
    assert_ok(&r->cx, db_write(&r->cx, add, &other));
    struct taken t = { .claim = claim_of("a") };
    t.claim.limit = 1;
    assert_ok(&r->cx, db_write(&r->cx, take, &t));
    assert_str(t.jobs[0].id, "high");
    assert_ok(&r->cx, db_write(&r->cx, take, &t));
    assert_str(t.jobs[0].id, "low");
    assert_ok(&r->cx, db_write(&r->cx, take, &t));
    assert_int_equal(t.count, 0);
}

static void back_off_grows_to_an_hour(void **state)
{
    (void)state;
    assert_in_range(job_back_off_ms(1, 12345), 3750, 5000);
    assert_in_range(job_back_off_ms(2, 99), 7500, 10000);
    assert_in_range(job_back_off_ms(1000, 7), 2700000, 3600000);
    for (int64_t i = 1; i < 20; i++)
        assert_true(job_back_off_ms(i, UINT32_MAX) > 0);
}

/* ---- the runner ---- */

static atomic_int runs, most_at_once, at_once;
static atomic_bool broken;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static enum err work(struct cx *cx, const struct job *job)
{
    (void)job;
    int now = atomic_fetch_add(&at_once, 1) + 1;
    if (now > atomic_load(&most_at_once))
        atomic_store(&most_at_once, now);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    atomic_fetch_add(&runs, 1);
    atomic_fetch_sub(&at_once, 1);
    if (atomic_load(&broken))
        FAIL(cx, UPSTREAM, "The provider is away.");
    return OK;
}

static const struct job_kind kinds[] = { { .name = "work", .run = work, .attempts_max = 3 } };

static void runner_begin(struct rooms *r, int parallel)
{
    struct job_runner_options o = { .kinds = kinds, .kinds_count = 1, .parallel_max = parallel };
    atomic_store(&runs, 0);
    atomic_store(&most_at_once, 0);
    atomic_store(&broken, false);
    r->app.jobs = job_runner_new(&r->app, &o);
}

static void runner_end(struct rooms *r)
{
    job_runner_free(r->app.jobs);
    r->app.jobs = NULL;
}

static struct rooms_job_all_row row_of(struct rooms *r, const char *kind)
{
    struct all a = jobs_now(r);
    for (size_t i = 0; i < a.count; i++)
        if (str_is(a.rows[i].kind, kind))
            return a.rows[i];
    fail_msg("no job of kind %s", kind);
    return (struct rooms_job_all_row){ 0 };
}

static void a_failing_job_ends_dead_and_is_revived(void **state)
{
    ROOMS(state);
    runner_begin(r, 2);
    atomic_store(&broken, true);
    add_one(r, 0);
    int64_t now_ms = ROOMS_NOW_MS;
    for (int i = 1; i <= 3; i++) {
        job_runner_tick(r->app.jobs, now_ms);
        assert_int_equal(atomic_load(&runs), i);
        /* The pause is not over yet. */
        job_runner_tick(r->app.jobs, now_ms + 1000);
        assert_int_equal(atomic_load(&runs), i);
        now_ms += 60 * 60 * 1000;
    }
    struct rooms_job_all_row dead = row_of(r, "work");
    assert_str(dead.state, "DEAD");
    assert_str(dead.last_error, "The provider is away.");
    job_runner_tick(r->app.jobs, now_ms);
    assert_int_equal(atomic_load(&runs), 3);
    runner_end(r);
}

static void retention_runs_once_a_day(void **state)
{
    ROOMS(state);
    struct job_new old = { .kind = "work", .id = STR("old") };
    runner_begin(r, 3);
    assert_ok(&r->cx, db_write(&r->cx, add, &old));
    assert_ok(&r->cx, db_write(&r->cx, add, &(struct job_new){ .kind = "other" }));
    job_runner_tick(r->app.jobs, ROOMS_NOW_MS);
    assert_int_equal(jobs_now(r).count, 4);
    assert_str(row_of(r, "work").state, "DONE");
    assert_str(row_of(r, "retention").state, "DONE");
    assert_str(row_of(r, "verify_log").state, "DONE");
    /* Eight days later those that were done are gone, the open one is not. */
    job_runner_tick(r->app.jobs, ROOMS_NOW_MS + (int64_t)8 * 24 * 3600 * 1000);
    struct all a = jobs_now(r);
    assert_int_equal(a.count, 3);
    assert_str(row_of(r, "other").state, "READY");
    assert_str(row_of(r, "retention").state, "DONE");
    runner_end(r);
}

static size_t count_of(struct rooms *r, const char *kind)
{
    struct all a = jobs_now(r);
    size_t n = 0;
    for (size_t i = 0; i < a.count; i++)
        n += str_is(a.rows[i].kind, kind);
    return n;
}

static enum err beat(struct cx *cx, const struct job *job)
{
    (void)cx, (void)job;
    return OK;
}

/* Once in a period over all runners, also when the clock goes back. */
static void a_period_has_one_run(void **state)
{
    ROOMS(state);
    static const struct job_kind beats[] = { { .name = "beat", .run = beat, .every_s = 300 } };
    struct job_runner_options o = { .kinds = beats, .kinds_count = 1, .parallel_max = 2 };
    struct job_runner *one = job_runner_new(&r->app, &o), *two = job_runner_new(&r->app, &o);
    static const int64_t minutes[] = { 0, 1, 4, 5, 6, 1, 11 };
    static const size_t counts[] = { 1, 1, 1, 2, 2, 2, 3 };
    int64_t start_ms = ROOMS_NOW_MS - ROOMS_NOW_MS % 300000;
    for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
        job_runner_tick(one, start_ms + minutes[i] * 60000);
        job_runner_tick(two, start_ms + minutes[i] * 60000);
        assert_int_equal(count_of(r, "beat"), counts[i]);
    }
    assert_int_equal(count_of(r, "retention"), 1);
    job_runner_free(one);
    job_runner_free(two);
}

static enum err old_keys_add(struct cx *cx, void *arg)
{
    (void)arg;
    for (int i = 0; i < 1500; i++) {
        struct rooms_idempotency_add_in in = { .key = str_fmt(cx->arena, "k%d", i),
                                               .created_at = i < 1200 ? 1 : ROOMS_NOW_MS,
                                               .hash = STR("h") };
        TRY(rooms_idempotency_add(cx, &in, NULL));
    }
    return OK;
}
static enum err keys_count(struct cx *cx, void *row)
{
    bool found;
    return rooms_idempotency_count(cx, row, &found);
}

static void retention_takes_more_than_a_slice(void **state)
{
    ROOMS(state);
    struct rooms_idempotency_count_row left;
    assert_ok(&r->cx, db_write(&r->cx, old_keys_add, NULL));
    runner_begin(r, 1);
    job_runner_tick(r->app.jobs, ROOMS_NOW_MS);
    runner_end(r);
    assert_ok(&r->cx, db_read(&r->cx, keys_count, &left));
    assert_int_equal(left.keys, 300);
}

static enum err runs_add(struct cx *cx, void *arg)
{
    (void)arg;
    const int64_t day_ms = (int64_t)24 * 3600 * 1000;
    const struct rooms_run_add_in rows[] = {
        { .id = STR("young"), .finished_at = { 1, ROOMS_NOW_MS - 29 * day_ms } },
        { .id = STR("old"), .finished_at = { 1, ROOMS_NOW_MS - 31 * day_ms } },
        { .id = STR("threads"), .thread_id = STR("t"), .finished_at = { 1, 1 } },
        { .id = STR("open") },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        TRY(rooms_run_add(cx, &rows[i], NULL));
    return OK;
}
struct run_ids {
    struct rooms_run_ids_row *rows;
    size_t count;
};
static enum err runs_read(struct cx *cx, void *arg)
{
    struct run_ids *ids = arg;
    return rooms_run_ids(cx, &ids->rows, &ids->count);
}

/* A run of a thread goes with it, an open one not at all. */
static void retention_takes_runs_without_a_thread(void **state)
{
    ROOMS(state);
    struct run_ids ids;
    assert_ok(&r->cx, db_write(&r->cx, runs_add, NULL));
    runner_begin(r, 1);
    job_runner_tick(r->app.jobs, ROOMS_NOW_MS);
    runner_end(r);
    assert_ok(&r->cx, db_read(&r->cx, runs_read, &ids));
    assert_int_equal(ids.count, 3);
    assert_str(ids.rows[0].id, "open");
    assert_str(ids.rows[1].id, "threads");
    assert_str(ids.rows[2].id, "young");
}

/* Two runners with threads over one database: forty jobs run forty times. */
static void two_runners_share_without_repeating(void **state)
{
    ROOMS(state);
    enum { JOBS = 40 };
    struct job_runner_options o = {
        .kinds = kinds, .kinds_count = 1, .parallel_max = 4, .poll_ms = 20
    };
    r->app.workers = pool_start("workers", 4, 64, 256 * 1024);
    r->app.slow = pool_start("slow", 1, 64, 256 * 1024);
    struct app second = r->app;
    memcpy(second.node_id, "cother", 7);
    atomic_store(&runs, 0);
    atomic_store(&broken, false);
    r->app.jobs = job_runner_new(&r->app, &o);
    second.jobs = job_runner_new(&second, &o);
    job_runner_start(r->app.jobs);
    job_runner_start(second.jobs);
    /* now in the jobs is real time here */
    r->cx.now_ms = 1;
    for (int i = 0; i < JOBS; i++) {
        add_one(r, 3);
        job_wake(second.jobs);
    }
    size_t open = JOBS;
    int64_t until_ms = clock_monotonic_ms() + 60000; /* the machine may have other work */
    while (open > 0 && clock_monotonic_ms() < until_ms) {
        struct arena_mark m = arena_mark(r->arena);
        struct all a = jobs_now(r);
        open = 0;
        for (size_t k = 0; k < a.count; k++)
            open += str_is(a.rows[k].kind, "work") && !str_is(a.rows[k].state, "DONE");
        arena_reset(r->arena, m);
    }
    assert_int_equal(open, 0);
    job_runner_free(r->app.jobs);
    job_runner_free(second.jobs);
    r->app.jobs = NULL;
    pool_stop(r->app.workers);
    pool_stop(r->app.slow);
    assert_int_equal(atomic_load(&runs), JOBS);
    struct all a = jobs_now(r);
    for (size_t i = 0; i < a.count; i++)
        if (str_is(a.rows[i].kind, "work")) /* retention may have its turn yet */
            assert_int_equal(a.rows[i].attempt, 1);
}

/* A stop while a job runs waits for it; what had not begun is ready for the next process. */
static void stop_loses_nothing(void **state)
{
    ROOMS(state);
    struct job_runner_options o = { .kinds = kinds, .kinds_count = 1, .parallel_max = 5 };
    atomic_bool stopping = false;
    r->app.workers = pool_start("workers", 1, 64, 256 * 1024);
    r->app.slow = r->app.workers;
    r->app.stopping = &stopping;
    atomic_store(&runs, 0);
    atomic_store(&broken, false);
    r->app.jobs = job_runner_new(&r->app, &o);
    for (int i = 0; i < 3; i++)
        add_one(r, 3);
    pthread_mutex_lock(&gate);
    assert_int_equal(job_runner_tick(r->app.jobs, ROOMS_NOW_MS), 5); /* and the two of each day */
    stopping = true;
    pthread_mutex_unlock(&gate);
    job_runner_stop(r->app.jobs);
    struct all a = jobs_now(r);
    int done = 0, ready = 0;
    for (size_t i = 0; i < a.count; i++) {
        bool is_ready = str_is(a.rows[i].state, "READY");
        assert_true(is_ready || str_is(a.rows[i].state, "DONE"));
        assert_int_equal(a.rows[i].attempt, is_ready ? 0 : 1);
        ready += is_ready;
        done += !is_ready && str_is(a.rows[i].kind, "work");
    }
    /* One thread: at most one job had begun, whichever it was. */
    assert_int_equal(done, atomic_load(&runs));
    assert_true(ready >= 3);
    runner_end(r);
    pool_stop(r->app.workers);
}

/* ---- operations ---- */

static void listed_by_page(void **state)
{
    ROOMS(state);
    struct op_call c = { .op = op_find(job_ops, job_ops_count, "list_jobs"),
                         .arguments = "{\"limit\":2}" };
    for (int i = 0; i < 3; i++)
        add_one(r, 3);
    struct taken t = { .claim = claim_of("a") };
    t.claim.limit = 1;
    assert_ok(&r->cx, db_write(&r->cx, take, &t));
    assert_ok(&r->cx, db_read(&r->cx, op_call_run, &c));
    assert_int_equal(json_get(&c.answer, "jobs")->count, 2);
    struct str next = json_text(json_get(&c.answer, "pagination"), "nextCursor");
    struct str first = json_text(&json_get(&c.answer, "jobs")->items[1], "id");
    c.arguments =
        str_cstr(r->arena, str_fmt(r->arena, "{\"limit\":2,\"cursor\":\"%.*s\"}", STR_ARG(next)));
    assert_ok(&r->cx, db_read(&r->cx, op_call_run, &c));
    assert_int_equal(json_get(&c.answer, "jobs")->count, 1);
    assert_true(str_cmp(first, json_text(&json_get(&c.answer, "jobs")->items[0], "id")) > 0);
    c.arguments = "{\"state\":\"LEASED\"}";
    assert_ok(&r->cx, db_read(&r->cx, op_call_run, &c));
    assert_int_equal(json_get(&c.answer, "jobs")->count, 1);
    rooms_as(r, "eve", "two");
    c.arguments = "{}";
    assert_ok(&r->cx, db_read(&r->cx, op_call_run, &c));
    assert_int_equal(json_get(&c.answer, "jobs")->count, 0);
}

static void only_the_dead_are_revived(void **state)
{
    ROOMS(state);
    add_one(r, 1);
    struct job *j = take_one(r, "a");
    struct op_call c = { .op = op_find(job_ops, job_ops_count, "retry_job") };
    c.arguments = str_cstr(r->arena, str_fmt(r->arena, "{\"id\":\"%.*s\"}", STR_ARG(j->id)));
    assert_int_equal(db_write(&r->cx, op_call_run, &c), ERR_CONFLICT);
    assert_ok(&r->cx, db_write(&r->cx, fail_it, j));
    assert_str(jobs_now(r).rows[0].state, "DEAD");
    rooms_as(r, "eve", "two");
    assert_int_equal(db_write(&r->cx, op_call_run, &c), ERR_NOT_FOUND);
    rooms_as(r, "ann", "one");
    assert_ok(&r->cx, db_write(&r->cx, op_call_run, &c));
    assert_str(json_text(json_get(&c.answer, "job"), "state"), "READY");
    assert_int_equal(jobs_now(r).rows[0].attempt, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(taken_once_within_a_lease),
        ROOMS_TEST(a_lost_runner_costs_a_repetition),
        ROOMS_TEST(a_renewed_lease_is_not_swept),
        ROOMS_TEST(a_unique_key_has_one_open_job),
        ROOMS_TEST(priority_and_time_decide),
        cmocka_unit_test(back_off_grows_to_an_hour),
        ROOMS_TEST(a_failing_job_ends_dead_and_is_revived),
        ROOMS_TEST(retention_runs_once_a_day),
        ROOMS_TEST(retention_takes_more_than_a_slice),
        ROOMS_TEST(retention_takes_runs_without_a_thread),
        ROOMS_TEST(a_period_has_one_run),
        ROOMS_TEST(two_runners_share_without_repeating),
        ROOMS_TEST(stop_loses_nothing),
        ROOMS_TEST(listed_by_page),
        ROOMS_TEST(only_the_dead_are_revived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
