/* Not a test: a ledger of so many rows in one workspace and month, and what a page, a summary, a
 * reconciliation and a call cost then.
 *
 *     bench_ledger [ROWS] [sqlite|pgsql] [rebuild]
 *
 * 10,000,000 rows on SQLite when not given. The roll-ups are as large as those of the rows would
 * be; with `rebuild` they are made from the rows, by reconciling. Milliseconds are of the wall
 * clock and, in brackets, of the reading thread's processor. */
#include "unit/cost/money.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cost/money_sql.h"
#include "cost/usage.h"

enum { FILL_ROWS = 20000, SAMPLES = 400, CALLS = 2000, CALLERS = 64 };
#define DAY_MS ((int64_t)24 * 3600 * 1000)
enum { MODELS = 12, USERS = 300 };

static enum err fill_rollups(struct cx *cx, void *arg)
{
    static const struct {
        const char *dimension;
        int values;
    } dimensions[] = {
        { "model", MODELS }, { "user", USERS }, { "operation", 5 }, { "keySource", 4 }
    };
    (void)arg;
    for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++) {
        struct money_usage_fill_in in = { .workspace_id = STR("one"),
                                          .month = NOV,
                                          .dimension = str_of(dimensions[i].dimension),
                                          .first_day = DEC_1_MS / DAY_MS - 30,
                                          .days = 30,
                                          .values = dimensions[i].values };
        TRY(money_usage_fill(cx, &in, NULL));
    }
    return OK;
}

static enum err fill(struct cx *cx, void *arg)
{
    return money_ledger_fill(cx, arg, NULL);
}

static void must(struct cx *cx, enum err e, const char *what)
{
    if (e == OK)
        return;
    fprintf(stderr, "bench: %s: %s %.*s %.*s\n", what, err_info(e)->code,
            STR_ARG(cx->failure.message), STR_ARG(cx->failure.log_detail));
    exit(1);
}

static void fill_all(struct rooms *r, int64_t rows)
{
    int64_t from_at = DEC_1_MS - (int64_t)30 * 24 * 3600 * 1000;
    int64_t step = (ROOMS_NOW_MS - from_at) / rows;
    int64_t start_ms = clock_monotonic_ms();
    for (int64_t i = 0; i < rows; i += FILL_ROWS) {
        struct money_ledger_fill_in in = { .workspace_id = STR("one"),
                                           .first = i,
                                           .count = FILL_ROWS,
                                           .month = NOV,
                                           .from_at = from_at,
                                           .step = step > 0 ? step : 1,
                                           .models = MODELS,
                                           .users = USERS };
        must(&r->cx, db_write(&r->cx, fill, &in), "fill");
    }
    printf("filled %lld rows in %lld s\n", (long long)rows,
           (long long)(clock_monotonic_ms() - start_ms) / 1000);
    fflush(stdout);
}

/* ---- reads ---- */

struct reading {
    const char *name;
    struct usage_filter f;
    struct usage_place place;
    bool summary;
};

static enum err read_once(struct cx *cx, void *arg)
{
    struct reading *g = arg;
    struct usage_summary s;
    struct usage_row *rows;
    struct usage_place place = g->place;
    size_t count;
    bool more;
    if (g->summary)
        return usage_summarize(cx, NOV, &s);
    return usage_page(cx, &g->f, &place, 50, &rows, &count, &more);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t processor_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void read_many(struct rooms *r, struct reading *g)
{
    static int64_t us[SAMPLES], processor[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        struct arena_mark mark = arena_mark(r->arena);
        int64_t start_us = clock_monotonic_us(), processor_start_us = processor_us();
        must(&r->cx, db_read(&r->cx, read_once, g), g->name);
        us[i] = clock_monotonic_us() - start_us;
        processor[i] = processor_us() - processor_start_us;
        arena_reset(r->arena, mark);
    }
    int64_t first_us = us[0];
    qsort(us, SAMPLES, sizeof *us, by_size);
    qsort(processor, SAMPLES, sizeof *us, by_size);
    printf("%-32s first %6.2f ms, p50 %6.2f (%.2f) ms, p99 %6.2f (%.2f) ms\n", g->name,
           (double)first_us / 1000, (double)us[SAMPLES / 2] / 1000,
           (double)processor[SAMPLES / 2] / 1000, (double)us[SAMPLES * 99 / 100] / 1000,
           (double)processor[SAMPLES * 99 / 100] / 1000);
    fflush(stdout);
}

static void reads(struct rooms *r, int64_t rows)
{
    char middle[64];
    int64_t from_at = DEC_1_MS - (int64_t)30 * 24 * 3600 * 1000;
    snprintf(middle, sizeof middle, "cfill%012lldxxxxxxxx", (long long)(rows / 2));
    int64_t step = (ROOMS_NOW_MS - from_at) / rows;
    struct usage_filter all = { .day = -1, .unpriced = 2 };
    struct reading readings[] = {
        { .name = "summary of the month", .summary = true },
        { .name = "page, newest", .f = all },
        { .name = "page, from the middle",
          .f = all,
          .place = { NOV, from_at + rows / 2 * step, str_of(middle) } },
        { .name = "page, of one day", .f = { .month = NOV, .day = 20405, .unpriced = 2 } },
        { .name = "page, filter that fits nothing",
          .f = { .day = -1, .model = STR("nothing"), .unpriced = 2 } },
    };
    readings[3].f.day = (DEC_1_MS / (24 * 3600 * 1000)) - 20;
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
        read_many(r, &readings[i]);
}

/* ---- calls ---- */

struct caller {
    pthread_t thread;
    struct rooms *r;
    int number, calls;
    int64_t serial;
};

static void *call_many(void *arg)
{
    struct caller *c = arg;
    struct rooms mine = *c->r;
    mine.arena = mine.cx.arena = arena_new(0);
    struct money m = money_of(&mine);
    for (int i = 0; i < c->calls; i++) {
        struct arena_mark mark = arena_mark(mine.arena);
        char id[64], ledger_id[64];
        snprintf(id, sizeof id, "b%lld-%d-%d", (long long)c->serial, c->number, i);
        snprintf(ledger_id, sizeof ledger_id, "z%lld-%d-%d", (long long)c->serial, c->number, i);
        struct cost_reservation res = { .id = str_of(id), .cost_nanousd = 1000000 };
        struct cost_settlement s = reported(ledger_id, 100, 10);
        int64_t nanousd;
        must(&mine.cx, money_reserve(&m, &res), "reserve");
        must(&mine.cx, money_settle(&m, &res, &s, &nanousd), "settle");
        arena_reset(mine.arena, mark);
    }
    arena_free(mine.arena);
    return NULL;
}

static void calls(struct rooms *r, int count)
{
    static struct caller callers[CALLERS];
    int64_t start_us = clock_monotonic_us();
    for (int i = 0; i < count; i++) {
        callers[i] =
            (struct caller){ .r = r, .number = i, .calls = CALLS / count, .serial = start_us };
        pthread_create(&callers[i].thread, NULL, call_many, &callers[i]);
    }
    for (int i = 0; i < count; i++)
        pthread_join(callers[i].thread, NULL);
    int64_t us = clock_monotonic_us() - start_us;
    int total = CALLS / count * count;
    printf("reserve + settle, %2d at a time: %8.1f us a call, %7.0f calls a second\n", count,
           (double)us / total, total * 1e6 / (double)us);
    fflush(stdout);
}

struct step_cost {
    struct money *m;
    int64_t us;
    int n;
};

/* The statements alone, without the commit: so many calls in one write. */
static enum err calls_in_one_write(struct cx *cx, void *arg)
{
    struct step_cost *c = arg;
    int64_t start_us = processor_us();
    for (int i = 0; i < c->n; i++) {
        struct cost_reservation res = { .id = str_fmt(cx->arena, "one-%d", i),
                                        .cost_nanousd = 1000000 };
        struct cost_settlement s = reported("", 100, 10);
        s.ledger_id = str_fmt(cx->arena, "onel-%d", i);
        TRY(cost_reserve(cx, &c->m->purpose, &c->m->price, &res));
        TRY(cost_settle(cx, &c->m->purpose, &res, &s, NULL));
    }
    c->us = processor_us() - start_us;
    return OK;
}

int main(int argc, char **argv)
{
    int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 10000000;
    static struct rooms r;
    rooms_init(&r, argc > 2 && strcmp(argv[2], "pgsql") == 0 ? DB_PGSQL : DB_SQLITE);
    struct money m = money_of(&r);
    rule(&m, INT64_MAX, 80, true);
    calls(&r, 1);
    calls(&r, CALLERS);
    fill_all(&r, rows);
    if (argc <= 3)
        must(&r.cx, db_write(&r.cx, fill_rollups, NULL), "fill");
    reads(&r, rows);
    for (int i = 0; argc > 3 && i < 2; i++) {
        struct reconciled done;
        int64_t start_ms = clock_monotonic_ms();
        must(&r.cx, cost_reconcile(&r.cx, NOV, INT64_MAX, &done), "reconcile");
        printf("reconcile: %lld ms, %lld roll-up rows corrected\n",
               (long long)(clock_monotonic_ms() - start_ms), (long long)done.rollups_corrected);
        fflush(stdout);
    }
    struct step_cost c = { .m = &m, .n = 1000 };
    must(&r.cx, db_write(&r.cx, calls_in_one_write, &c), "calls");
    printf("reserve + settle, statements alone: %.1f us of processor a call\n", (double)c.us / c.n);
    calls(&r, 1);
    calls(&r, CALLERS / 2);
    rooms_release(&r);
    return 0;
}
