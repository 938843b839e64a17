/* The bars of search: a workspace of 100,000 chunks beside a thousand others of 10, on SQLite, or
 * with TEST_PG_URL and the argument pgsql on PostgreSQL. Times are those of search_run in a read of
 * its own, answers with titles and snippets included.
 *
 *     bench_search [sqlite|pgsql] [documents of 8 chunks, 12500] [other workspaces, 1000] */
#include "unit/rooms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "kb/kb.h"
#include "search/search.h"
#include "search/store.h"
#include "unit/rooms_sql.h"

enum { VOCABULARY = 50000, BATCH = 64, QUERIES = 2000 };

static uint64_t random_state = 42;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Zipf's law: word w about as often as 1 / (w + 1). */
static int word_of(void)
{
    double u = (double)(next_random() >> 11) / 9007199254740992.0;
    int w = (int)(pow(VOCABULARY, u)) - 1;
    return w < VOCABULARY ? w : VOCABULARY - 1;
}

static int words_of_document = 8 * 448 + 64;
static char (*vocabulary)[16];

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static enum err text_read(struct cx *cx, struct str id, struct source_text *ret, bool *ret_found)
{
    struct buf b;
    buf_init(&b, cx->arena, 1 << 24);
    for (int i = 0; i < words_of_document; i++) {
        buf_put_cstr(&b, vocabulary[word_of()]);
        buf_put_byte(&b, i % 12 == 11 ? '\n' : ' ');
    }
    *ret_found = true;
    *ret = (struct source_text){ 1, STR(""), STR("A title of some words"), buf_str(&b) };
    return OK;
}

static enum err text_version(struct cx *cx, struct str id, int64_t *ret)
{
    *ret = 1;
    return OK;
}

static const struct source_type texts = { "DOCUMENT", text_read, text_version, NULL, NULL };

struct batch {
    struct str ids[BATCH];
    size_t count;
};

static enum err documents_write(struct cx *cx, void *arg)
{
    struct batch *b = arg;
    for (size_t i = 0; i < b->count; i++) {
        struct kb_document d;
        struct kb_new n = { .title = STR("A title of some words") };
        TRY(kb_create(cx, &n, &d));
        b->ids[i] = d.id;
    }
    return OK;
}

static void fill(struct rooms *r, int documents)
{
    for (int i = 0; i < documents; i += BATCH) {
        struct batch b = { .count = (size_t)(documents - i < BATCH ? documents - i : BATCH) };
        struct job j = { .workspace_id = r->cx.principal.workspace_id };
        r->cx.arena = arena_new(0);
        assert_ok(&r->cx, db_write(&r->cx, documents_write, &b));
        assert_ok(&r->cx, index_sources(&r->cx, &texts, b.ids, b.count));
        if (i % (8 * BATCH) == 0)
            assert_ok(&r->cx, search_merge_run(&r->cx, &j));
        arena_free(r->cx.arena);
        r->cx.arena = r->arena;
    }
}

static enum err workspace_write(struct cx *cx, void *arg)
{
    struct rooms_workspace_add_in w = { .id = *(struct str *)arg, .organization_id = STR("org") };
    return rooms_workspace_add(cx, &w, NULL);
}

struct asked {
    struct search_in in;
    struct search_out out;
};
static enum err ask_read(struct cx *cx, void *arg)
{
    struct asked *a = arg;
    return search_run(cx, &a->in, &a->out);
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* least, most: of the words' places by frequency. */
static void measure(struct rooms *r, const char *what, int words, int least, int most)
{
    static int64_t us[QUERIES], cpu[QUERIES];
    size_t results = 0;
    for (int n = -100; n < QUERIES; n++) {
        struct arena *a = arena_new(0);
        struct buf q;
        buf_init(&q, a, 1000);
        for (int i = 0; i < words; i++)
            buf_printf(&q, "word%dk ",
                       least < 0 ? word_of()
                                 : least + (int)(next_random() % (unsigned)(most - least)));
        struct asked asked = { .in = { .query = buf_str(&q), .limit = 10 } };
        r->cx.arena = a;
        int64_t start = clock_monotonic_us(), cpu_start = cpu_us();
        assert_ok(&r->cx, db_read(&r->cx, ask_read, &asked));
        if (n >= 0) {
            us[n] = clock_monotonic_us() - start;
            cpu[n] = cpu_us() - cpu_start;
        }
        results += asked.out.count;
        arena_free(a);
    }
    qsort(us, QUERIES, sizeof *us, by_time);
    qsort(cpu, QUERIES, sizeof *cpu, by_time);
    printf("%-42s p50 %6.2f p99 %6.2f ms, of the processor %6.2f %6.2f ms (%.1f results)\n", what,
           (double)us[QUERIES / 2] / 1e3, (double)us[QUERIES * 99 / 100] / 1e3,
           (double)cpu[QUERIES / 2] / 1e3, (double)cpu[QUERIES * 99 / 100] / 1e3,
           (double)results / (QUERIES + 100));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct rooms r;
    bool pgsql = argc > 1 && strcmp(argv[1], "pgsql") == 0;
    int documents = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 12500;
    int others = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1000;
    char id[16];
    vocabulary = calloc(VOCABULARY, sizeof *vocabulary);
    assert_non_null(vocabulary);
    for (int i = 0; i < VOCABULARY; i++)
        snprintf(vocabulary[i], sizeof *vocabulary, "word%dk", i);
    rooms_init(&r, pgsql ? DB_PGSQL : DB_SQLITE);
    int64_t start = clock_monotonic_ms();
    fill(&r, documents);
    double s = (double)(clock_monotonic_ms() - start) / 1e3;
    printf("%d documents, %d chunks indexed and merged in %.1f s (%.0f chunks/s)\n", documents,
           documents * 8, s, documents * 8 / s);
    fflush(stdout);
    words_of_document = 300;
    for (int i = 0; i < others; i++) {
        snprintf(id, sizeof id, "w%d", i);
        struct str w = str_of(id);
        assert_ok(&r.cx, db_write(&r.cx, workspace_write, &w));
        rooms_as(&r, "ann", id);
        fill(&r, 10);
    }
    rooms_as(&r, "ann", "one");
    measure(&r, "3 words, as often asked as written", 3, -1, 0);
    measure(&r, "5 words, as often asked as written", 5, -1, 0);
    measure(&r, "2 rare words", 2, 1000, VOCABULARY);
    measure(&r, "3 of the 20 commonest", 3, 0, 20);
    measure(&r, "8 of the 100 commonest", 8, 0, 100);
    measure(&r, "14 of the 100 commonest (200 characters)", 14, 0, 100);
    snprintf(id, sizeof id, "w%d", others / 2);
    rooms_as(&r, "ann", id);
    measure(&r, "3 words, a workspace of 10 chunks", 3, -1, 0);
    rooms_release(&r);
    return 0;
}
