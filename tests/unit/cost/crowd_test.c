/* A cap under a crowd: 1,000 concurrent calls against a budget for 10 admit exactly 10, in one
 * process on either engine, and in three processes over one PostgreSQL. */
#include "unit/cost/money.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 1000, BUDGET_FOR = 10, PROCESSES = 3 };

struct call_write {
    struct db_write w;
    struct cx cx;
    struct money *m;
    struct cost_reservation res;
    struct cost_settlement s;
    char id[32], ledger_id[32];
    enum err result;
    struct crowd *crowd;
};

struct crowd {
    struct call_write *calls;
    int count;
    pthread_mutex_t mutex;
    pthread_cond_t all;
    int open;
};

static void call_done(struct db_write *w, enum err result)
{
    struct call_write *c = (struct call_write *)w;
    c->result = result;
    pthread_mutex_lock(&c->crowd->mutex);
    if (--c->crowd->open == 0)
        pthread_cond_signal(&c->crowd->all);
    pthread_mutex_unlock(&c->crowd->mutex);
}

static enum err reserve_one(struct cx *cx, void *arg)
{
    struct call_write *c = arg;
    return cost_reserve(cx, &c->m->purpose, &c->m->price, &c->res);
}

static enum err settle_one(struct cx *cx, void *arg)
{
    struct call_write *c = arg;
    return cost_settle(cx, &c->m->purpose, &c->res, &c->s, NULL);
}

static void crowd_init(struct crowd *crowd, struct money *m, int count, const char *prefix)
{
    *crowd = (struct crowd){ .calls = calloc((size_t)count, sizeof *crowd->calls),
                             .count = count,
                             .mutex = PTHREAD_MUTEX_INITIALIZER,
                             .all = PTHREAD_COND_INITIALIZER };
    for (int i = 0; i < count; i++) {
        struct call_write *c = &crowd->calls[i];
        c->cx = m->r->cx;
        c->cx.arena = arena_new(0);
        c->m = m;
        c->crowd = crowd;
        snprintf(c->id, sizeof c->id, "%s-r%d", prefix, i);
        snprintf(c->ledger_id, sizeof c->ledger_id, "%s-l%d", prefix, i);
        c->res = (struct cost_reservation){ .id = str_of(c->id), .cost_nanousd = USD(1) };
        c->s = reported(c->ledger_id, 1000, 0);
    }
}

/* All at once; or those that were admitted before. */
static void crowd_run(struct crowd *crowd, db_fn fn, bool only_admitted)
{
    crowd->open = 1;
    for (int i = 0; i < crowd->count; i++) {
        struct call_write *c = &crowd->calls[i];
        if (only_admitted && c->result != OK)
            continue;
        pthread_mutex_lock(&crowd->mutex);
        crowd->open++;
        pthread_mutex_unlock(&crowd->mutex);
        c->w = (struct db_write){
            .cx = &c->cx, .fn = fn, .arg = c, .read_committed = true, .done = call_done
        };
        db_write_submit(c->cx.app->db, &c->w);
    }
    pthread_mutex_lock(&crowd->mutex);
    crowd->open--;
    while (crowd->open > 0)
        pthread_cond_wait(&crowd->all, &crowd->mutex);
    pthread_mutex_unlock(&crowd->mutex);
}

/* Any other result than admitted or refused is a failure. */
static int crowd_admitted(const struct crowd *crowd)
{
    int n = 0;
    for (int i = 0; i < crowd->count; i++) {
        enum err e = crowd->calls[i].result;
        if (e != OK && e != ERR_BUDGET_EXCEEDED)
            fail_msg("call %d ended with %s (%.*s)", i, err_info(e)->code,
                     STR_ARG(crowd->calls[i].cx.failure.log_detail));
        n += e == OK;
    }
    return n;
}

static void crowd_release(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        arena_free(crowd->calls[i].cx.arena);
    free(crowd->calls);
}

static void one_process_admits_exactly_ten(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct crowd crowd;
    rule(&m, USD(BUDGET_FOR), 80, true);
    crowd_init(&crowd, &m, CALLS, "a");
    crowd_run(&crowd, reserve_one, false);
    assert_int_equal(crowd_admitted(&crowd), BUDGET_FOR);
    assert_int_equal(budget(&m).reserved_nanousd, USD(BUDGET_FOR));
    crowd_run(&crowd, settle_one, true);
    assert_int_equal(crowd_admitted(&crowd), BUDGET_FOR);
    struct cost_budget b = budget(&m);
    assert_int_equal(b.reserved_nanousd, 0);
    assert_int_equal(b.spent_nanousd, BUDGET_FOR * 3000000);
    assert_int_equal(b.calls, BUDGET_FOR);
    money_judge(&m);
    crowd_release(&crowd);
}

/* Reserving and settling side by side until the money is gone: the sums never pass the cap. */
static void a_crowd_never_passes_the_cap(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    rule(&m, USD(3), 80, true);
    int64_t calls = 0;
    for (int round = 0; round < 6; round++) {
        struct crowd crowd;
        char prefix[8];
        snprintf(prefix, sizeof prefix, "%d", round);
        crowd_init(&crowd, &m, 200, prefix);
        for (int i = 0; i < crowd.count; i++) {
            crowd.calls[i].res.cost_nanousd = USD(0.01) * (1 + i % 7);
            crowd.calls[i].s.usage.input_tokens = 3333 * (1 + i % 7);
        }
        crowd_run(&crowd, reserve_one, false);
        struct cost_budget b = budget(&m);
        assert_true(b.spent_nanousd + b.reserved_nanousd <= USD(3));
        crowd_run(&crowd, settle_one, true);
        calls += crowd_admitted(&crowd);
        money_judge(&m);
        crowd_release(&crowd);
    }
    struct cost_budget b = budget(&m);
    assert_int_equal(b.calls, calls);
    assert_true(b.spent_nanousd <= USD(3) && b.spent_nanousd > USD(2.9));
    assert_int_equal(b.reserved_nanousd, 0);
    assert_int_equal(jobs_of(&m, "cost_warning"), 1);
}

/* ---- processes ---- */

/* At the first byte makes its calls and says how many were admitted; at the second, when all
 * processes have, settles those. */
static int child(const char *url, const char *prefix)
{
    static struct rooms r;
    char error[512] = "", go;
    struct db_options o = { .url = str_of(url), .readers = 4, .writers = 8 };
    crypto_init();
    log_init(LOG_TEXT, LOG_ERROR + 1);
    r.arena = arena_new(0);
    r.app.config = &r.config;
    snprintf(r.app.node_id, sizeof r.app.node_id, "node-%s", prefix);
    r.cx = (struct cx){
        .arena = r.arena, .app = &r.app, .now_ms = ROOMS_NOW_MS, .request_id = STR("req")
    };
    rooms_as(&r, "ann", "one");
    if (db_open(&o, &r.app.db, error, sizeof error) != OK)
        fail_msg("%s", error);
    struct money m = money_of(&r);
    struct crowd crowd;
    crowd_init(&crowd, &m, CALLS / PROCESSES + 1, prefix);
    if (read(STDIN_FILENO, &go, 1) != 1)
        return 1;
    crowd_run(&crowd, reserve_one, false);
    int admitted = crowd_admitted(&crowd);
    printf("admitted %d\n", admitted);
    fflush(stdout);
    if (read(STDIN_FILENO, &go, 1) != 1)
        return 1;
    crowd_run(&crowd, settle_one, true);
    if (crowd_admitted(&crowd) != admitted)
        return 1;
    crowd_release(&crowd);
    db_close(r.app.db);
    arena_free(r.arena);
    return 0;
}

struct process {
    pid_t pid;
    int to, from;
};

static struct process process_start(const char *url, const char *prefix)
{
    int to[2], from[2];
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    struct process p = { .pid = fork(), .to = to[1], .from = from[0] };
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        close(from[0]);
        execl("/proc/self/exe", "crowd", "child", url, prefix, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    return p;
}

static int process_admitted(struct process *p)
{
    char text[64] = "";
    int admitted = -1;
    ssize_t n = read(p->from, text, sizeof text - 1);
    assert_true(n > 0);
    assert_int_equal(sscanf(text, "admitted %d", &admitted), 1);
    return admitted;
}

static void process_go(struct process *p)
{
    assert_int_equal(write(p->to, "!", 1), 1);
}

static void process_end(struct process *p)
{
    int status;
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(p->to);
    close(p->from);
}

static void three_processes_admit_exactly_ten(void **state)
{
    ROOMS(state);
    struct money m = money_of(r);
    struct process p[PROCESSES];
    char url[1024];
    const char *base = getenv("TEST_PG_URL");
    int admitted = 0;
    rule(&m, USD(BUDGET_FOR), 80, true);
    snprintf(url, sizeof url, "%s%soptions=-csearch_path%%3Drooms_%ld", base,
             strchr(base, '?') ? "&" : "?", (long)getpid());
    for (int i = 0; i < PROCESSES; i++)
        p[i] = process_start(url, (const char *[]){ "a", "b", "c" }[i]);
    for (int i = 0; i < PROCESSES; i++)
        process_go(&p[i]);
    for (int i = 0; i < PROCESSES; i++)
        admitted += process_admitted(&p[i]);
    assert_int_equal(admitted, BUDGET_FOR);
    assert_int_equal(budget(&m).reserved_nanousd, USD(BUDGET_FOR));
    for (int i = 0; i < PROCESSES; i++)
        process_go(&p[i]);
    for (int i = 0; i < PROCESSES; i++)
        process_end(&p[i]);
    struct cost_budget b = budget(&m);
    assert_int_equal(b.calls, BUDGET_FOR);
    assert_int_equal(b.spent_nanousd, BUDGET_FOR * 3000000);
    assert_int_equal(b.reserved_nanousd, 0);
    money_judge(&m);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return child(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(one_process_admits_exactly_ten),
        ROOMS_TEST(a_crowd_never_passes_the_cap),
        { "three_processes_admit_exactly_ten/pgsql", three_processes_admit_exactly_ten, rooms_pgsql,
          rooms_end, NULL },
    };
    return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
