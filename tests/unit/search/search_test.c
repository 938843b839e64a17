/* Search over the database, on both engines: what is found follows the documents, nobody finds what
 * is not theirs to see, and no failure or second indexer leaves half an index. */
#include "unit/op_call.h"

#include <math.h>
#include <pthread.h>

#include "db/driver.h"
#include "kb/kb.h"
#include "search/build.h"
#include "search/search.h"
#include "search/store.h"
#include "unit/rooms_sql.h"

/* ---- acting ---- */

static enum err create_write(struct cx *cx, void *arg)
{
    struct kb_document d;
    const struct kb_new *n = arg;
    TRY(kb_create(cx, n, &d));
    return OK;
}

static struct str create(struct rooms *r, const char *title, struct str markdown, bool private)
{
    struct kb_new n = { .title = str_of(title),
                        .visibility = private ? STR("PRIVATE") : STR("WORKSPACE"),
                        .content = { .markdown = markdown } };
    r->cx.now_ms++;
    assert_ok(&r->cx, db_write(&r->cx, create_write, &n));
    return r->cx.entity_id;
}

struct change {
    struct str id, markdown;
    bool archive, restore;
};

static enum err change_write(struct cx *cx, void *arg)
{
    const struct change *c = arg;
    struct kb_document d;
    if (c->archive)
        return kb_archive(cx, c->id);
    if (c->restore)
        return kb_restore(cx, c->id, &d);
    TRY(kb_get(cx, c->id, &d));
    struct kb_change k = { .id = c->id,
                           .version = d.version,
                           .content = { .markdown = c->markdown } };
    return kb_update(cx, &k, &d);
}

static void change(struct rooms *r, struct change c)
{
    r->cx.now_ms++;
    assert_ok(&r->cx, db_write(&r->cx, change_write, &c));
}

static void run_jobs(struct rooms *r)
{
    struct job_runner_options o = { .kinds = search_job_kinds,
                                    .kinds_count = search_job_kinds_count,
                                    .parallel_max = 4 };
    struct job_runner *runner = job_runner_new(&r->app, &o);
    while (job_runner_tick(runner, ++r->cx.now_ms) > 0)
        ;
    job_runner_free(runner);
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

static struct search_out ask(struct rooms *r, const char *query)
{
    struct asked a = { .in = { .query = str_of(query), .limit = 10 } };
    assert_ok(&r->cx, db_read(&r->cx, ask_read, &a));
    assert_true(a.out.complete);
    return a.out;
}

static size_t found(struct rooms *r, const char *query)
{
    return ask(r, query).count;
}

static enum err counts_read(struct cx *cx, void *row)
{
    struct rooms_search_counts_in in = { .workspace_id = STR("one") };
    bool any;
    return rooms_search_counts(cx, &in, row, &any);
}

/* What the tables of the index must agree about when nothing is under way. */
static struct rooms_search_counts_row counts(struct rooms *r)
{
    struct rooms_search_counts_row row;
    assert_ok(&r->cx, db_read(&r->cx, counts_read, &row));
    assert_int_equal(row.chunks, row.of_sources);
    assert_int_equal(row.chunks, row.of_segments);
    return row;
}

static void run_merge(struct rooms *r)
{
    struct job j = { .workspace_id = STR("one") };
    assert_ok(&r->cx, search_merge_run(&r->cx, &j));
}

/* ---- following the documents ---- */

static void a_document_is_found_by_its_words(void **state)
{
    ROOMS(state);
    struct str id =
        create(r, "Onboarding",
               STR("intro\n\n# Visa rules\n\nA renewal of MAT-0042 takes ten days."), false);
    assert_int_equal(found(r, "renewal"), 0);
    run_jobs(r);
    struct search_out o = ask(r, "renewals mat-0042");
    assert_int_equal(o.count, 1);
    assert_true(str_eq(o.results[0].id, id));
    assert_str(o.results[0].kind, "document");
    assert_str(o.results[0].title, "Onboarding");
    assert_str(o.results[0].heading, "Visa rules");
    assert_str(o.results[0].snippet, "… A renewal of MAT-0042 takes ten days.");
    assert_true(str_eq(o.results[0].url, str_fmt(r->arena, "/kb/%.*s", STR_ARG(id))));
    assert_int_equal(found(r, "onboarding"), 1);
    assert_int_equal(found(r, "absent"), 0);
    assert_int_equal(found(r, " ?!"), 0);
}

static void a_change_replaces(void **state)
{
    ROOMS(state);
    struct str id = create(r, "Page", STR("alpha"), false);
    run_jobs(r);
    change(r, (struct change){ .id = id, .markdown = STR("beta") });
    run_jobs(r);
    assert_int_equal(found(r, "alpha"), 0);
    assert_int_equal(found(r, "beta"), 1);
    assert_int_equal(counts(r).live, 1);
    change(r, (struct change){ .id = id, .archive = true });
    assert_int_equal(found(r, "beta"), 0); /* at once */
    run_jobs(r);
    assert_int_equal(counts(r).chunks, 0);
    assert_int_equal(counts(r).live, 0);
    change(r, (struct change){ .id = id, .restore = true });
    run_jobs(r);
    assert_int_equal(found(r, "beta"), 1);
}

static struct str long_text(struct rooms *r, int words, const char *more)
{
    struct buf b;
    buf_init(&b, r->arena, 16 * 1024 * 1024);
    for (int i = 0; i < words; i++)
        buf_printf(&b, "word%d%s", i, i % 20 == 19 ? "\n\n" : " ");
    buf_put_cstr(&b, more);
    return buf_str(&b);
}

static void chunks_whose_hash_is_known_stay(void **state)
{
    ROOMS(state);
    struct str id = create(r, "Long", long_text(r, 30000, "ending"), false);
    run_jobs(r);
    struct rooms_search_counts_row before = counts(r);
    assert_int_equal(before.chunks, 67);
    assert_int_equal(found(r, "ending"), 1);
    assert_int_equal(found(r, "word15000"), 1);
    change(r, (struct change){ .id = id, .markdown = long_text(r, 30000, "finish") });
    run_jobs(r);
    assert_int_equal(counts(r).chunks, 67);
    assert_int_equal(counts(r).live, 2); /* a new one of a single chunk */
    assert_int_equal(found(r, "ending"), 0);
    assert_int_equal(found(r, "finish"), 1);
    assert_int_equal(found(r, "word15000"), 1);
    /* One result for each document, several passages. */
    struct asked a = { .in = { .query = STR("word14390"), .limit = 10, .passages = true } };
    assert_ok(&r->cx, db_read(&r->cx, ask_read, &a));
    assert_int_equal(a.out.count, 2); /* in the overlap */
    assert_true(str_find(a.out.results[0].text, STR("word14390")) != SIZE_MAX);
}

/* ---- who sees what ---- */

static void what_is_not_yours_is_not_found_and_counts_nothing(void **state)
{
    ROOMS(state);
    create(r, "Open", STR("needle in open hay"), false);
    create(r, "Other", STR("nothing but hay"), false);
    run_jobs(r);
    double before = ask(r, "needle").results[0].score;
    rooms_as(r, "bob", "one");
    for (int i = 0; i < 20; i++)
        create(r, "Secret", STR("needle secret"), true);
    run_jobs(r);
    assert_int_equal(found(r, "secret"), 10);
    rooms_as(r, "ann", "one");
    assert_int_equal(found(r, "secret"), 0);
    struct search_out o = ask(r, "needle");
    assert_int_equal(o.count, 1);
    assert_true(o.results[0].score == before);
    rooms_as(r, "bob", "one");
    assert_int_equal(found(r, "open"), 1);
    rooms_as(r, "eve", "two");
    assert_int_equal(found(r, "needle"), 0);
    rooms_as(r, "bob", "two");
    assert_int_equal(found(r, "needle"), 0);
    /* The command line acts as nobody in particular. */
    rooms_as(r, "ann", "one");
    r->cx.principal.user_id = STR_NULL;
    assert_int_equal(found(r, "needle"), 1);
}

struct hide {
    struct str id;
};
static enum err hide_write(struct cx *cx, void *arg)
{
    const struct hide *h = arg;
    struct rooms_document_hide_in in = { STR("one"), h->id, STR("bob") };
    return rooms_document_hide(cx, &in, NULL);
}

static void a_change_of_rights_holds_before_the_index_has_followed(void **state)
{
    ROOMS(state);
    struct hide h = { create(r, "Page", STR("needle"), false) };
    run_jobs(r);
    assert_ok(&r->cx, db_write(&r->cx, hide_write, &h));
    assert_int_equal(found(r, "needle"), 0);
    rooms_as(r, "bob", "one");
    assert_int_equal(found(r, "needle"), 1); /* still in the part of the workspace */
    rooms_as(r, "ann", "one");
    assert_ok(&r->cx, index_sources(&r->cx, &source_types[0], &h.id, 1));
    counts(r);
    assert_int_equal(found(r, "needle"), 0);
    rooms_as(r, "bob", "one");
    assert_int_equal(found(r, "needle"), 1);
}

/* ---- ranking ---- */

enum { DOCS = 120, VOCABULARY = 60 };

struct plain {
    struct str id;
    int tf[VOCABULARY + 1]; /* the last: the title's word */
    int64_t length;
    bool hidden; /* from ann */
};

static double plain_score(const struct plain *d, const int *words, size_t count, const double *idf,
                          double average)
{
    double score = 0;
    int64_t length = d->length;
    if (length >= 56)
        length = 56 + (length - 56) / 4 * 4;
    else if (length >= 40)
        length = length / 2 * 2;
    for (size_t k = 0; k < count; k++) {
        double tf = d->tf[words[k]];
        score += idf[k] * tf / (tf + 1.2 * (0.25 + 0.75 * (double)length / average));
    }
    return score;
}

static void judge(struct rooms *r, const struct plain *docs, const int *words, size_t count)
{
    double idf[8], tokens = 0, n = 0;
    struct buf query;
    buf_init(&query, r->arena, 1000);
    for (int i = 0; i < DOCS; i++)
        if (!docs[i].hidden) {
            tokens += (double)docs[i].length;
            n++;
        }
    for (size_t k = 0; k < count; k++) {
        double df = 0;
        for (int i = 0; i < DOCS; i++)
            df += !docs[i].hidden && docs[i].tf[words[k]] > 0;
        idf[k] = log(1 + (n - df + 0.5) / (df + 0.5));
        buf_printf(&query, "x%d ", words[k]);
    }
    buf_put_byte(&query, 0);
    struct search_out o = ask(r, query.ptr);
    double last = INFINITY;
    size_t better = 0, fit = 0;
    for (size_t i = 0; i < o.count; i++) {
        const struct plain *d = NULL;
        for (int k = 0; k < DOCS; k++)
            if (str_eq(docs[k].id, o.results[i].id))
                d = &docs[k];
        assert_non_null(d);
        assert_float_equal(o.results[i].score, plain_score(d, words, count, idf, tokens / n), 1e-5);
        assert_true(o.results[i].score <= last);
        last = o.results[i].score;
    }
    for (int i = 0; i < DOCS; i++) {
        double s = docs[i].hidden ? 0 : plain_score(&docs[i], words, count, idf, tokens / n);
        better += s > last + 1e-5;
        fit += s > 0;
    }
    assert_true(better < 10);
    assert_int_equal(o.count, fit < 10 ? fit : 10);
}

static void plain_fill(struct rooms *r, struct plain *d, uint32_t *seed, bool make)
{
    struct buf text;
    struct str old = d->id;
    bool hidden = d->hidden;
    *d = (struct plain){ .id = old, .hidden = hidden, .length = 1 };
    d->tf[VOCABULARY] = 1;
    buf_init(&text, r->arena, 1 << 20);
    int words = 5 + (int)(*seed = *seed * 1664525 + 1013904223, *seed >> 16) % 60;
    for (int k = 0; k < words; k++) {
        *seed = *seed * 1664525 + 1013904223;
        int w = (int)(*seed >> 16) % VOCABULARY;
        w = w * w / VOCABULARY;
        d->tf[w]++;
        d->length++;
        buf_printf(&text, "x%d ", w);
    }
    if (make)
        d->id = create(r, "Titel", buf_str(&text), d->hidden);
    else
        change(r, (struct change){ .id = d->id, .markdown = buf_str(&text) });
}

/* Over several segments of both audiences, merged and not: the order of plain BM25 over what the
 * caller may see. */
static void ranking_is_plain_bm25(void **state)
{
    ROOMS(state);
    struct plain *docs = arena_array(r->arena, DOCS, sizeof *docs);
    uint32_t seed = 5;
    for (int i = 0; i < DOCS; i++) {
        docs[i].hidden = i % 4 == 3;
        rooms_as(r, docs[i].hidden ? "bob" : "ann", "one");
        plain_fill(r, &docs[i], &seed, true);
        if (i == 4) { /* before anything is merged: a chunk that died in a merged segment counts */
            run_jobs(r);
            rooms_as(r, "ann", "one");
            plain_fill(r, &docs[0], &seed, false);
            plain_fill(r, &docs[2], &seed, false);
        }
        if (i % 10 == 9)
            run_jobs(r);
    }
    rooms_as(r, "ann", "one");
    assert_true(counts(r).live < 24);
    assert_int_equal(counts(r).other, 0);
    for (int n = 0; n < 30; n++) {
        int words[3] = { n, (n * 7 + 1) % VOCABULARY, (n * 11 + 2) % VOCABULARY };
        size_t count = 1 + (size_t)n % 3;
        if (words[1] == words[0] || words[2] == words[1] || words[2] == words[0])
            count = 1;
        judge(r, docs, words, count);
    }
}

static void a_title_that_says_it_all_comes_first(void **state)
{
    ROOMS(state);
    create(r, "Notes", STR("visa renewal visa renewal visa renewal"), false);
    struct str id =
        create(r, "Visa renewals",
               STR("How it is done, and what it costs, when, where and by whom."), false);
    run_jobs(r);
    struct search_out o = ask(r, "visa renewal");
    assert_int_equal(o.count, 2);
    assert_true(str_eq(o.results[0].id, id));
}

/* ---- merging ---- */

static void merging_changes_nothing_that_is_found(void **state)
{
    ROOMS(state);
    struct str first = STR_NULL;
    for (int i = 0; i < 70; i++) {
        struct str id =
            create(r, "Doc", str_fmt(r->arena, "common number%d group%d", i, i % 7), false);
        if (i == 0)
            first = id;
        assert_ok(&r->cx, index_sources(&r->cx, &source_types[0], &id, 1));
    }
    assert_int_equal(counts(r).live, 70);
    for (int i = 0; i < 70; i++)
        assert_int_equal(found(r, str_cstr(r->arena, str_fmt(r->arena, "number%d", i))), 1);
    struct search_out before = ask(r, "common group3");
    run_merge(r);
    struct rooms_search_counts_row now = counts(r);
    assert_true(now.live < MERGE_FAN);
    assert_int_equal(now.other, 0);
    assert_int_equal(now.lost_pages, 0);
    assert_int_equal(now.chunks, 70);
    struct search_out after = ask(r, "common group3");
    assert_int_equal(before.count, after.count);
    for (size_t i = 0; i < after.count; i++) {
        assert_true(str_eq(before.results[i].id, after.results[i].id));
        assert_true(before.results[i].score == after.results[i].score);
    }
    /* What dies in a merged segment is gone, and merged out when it is much. */
    change(r, (struct change){ .id = first, .archive = true });
    run_jobs(r);
    assert_int_equal(found(r, "number0"), 0);
    counts(r);
}

/* ---- two at a time ---- */

static struct {
    int64_t version, version_now;
    const char *text;
    int reads;
} moving;

static enum err moving_read(struct cx *cx, struct str id, struct source_text *ret, bool *ret_found)
{
    (void)cx, (void)id;
    *ret_found = true;
    *ret = (struct source_text){ moving.version, STR(""), STR("Title"), str_of(moving.text) };
    moving.reads++;
    return OK;
}

static enum err moving_version(struct cx *cx, struct str id, int64_t *ret)
{
    (void)cx, (void)id;
    *ret = moving.version_now;
    moving.version = moving.version_now;
    return OK;
}

static void a_source_that_moves_meanwhile_is_read_again(void **state)
{
    ROOMS(state);
    struct source_type type = { "DOCUMENT", moving_read, moving_version, NULL, NULL };
    struct str id = STR("x");
    moving.version = 1;
    moving.version_now = 2;
    moving.text = "some text";
    moving.reads = 0;
    assert_ok(&r->cx, index_sources(&r->cx, &type, &id, 1));
    assert_int_equal(moving.reads, 2);
    assert_int_equal(counts(r).chunks, 1);
    /* The same with a text that goes in slices: what was begun is swept away. */
    moving.text = str_cstr(r->arena, long_text(r, 40000, ""));
    moving.version_now = 3;
    moving.reads = 0;
    assert_ok(&r->cx, index_sources(&r->cx, &type, &id, 1));
    assert_int_equal(moving.reads, 2);
    run_merge(r);
    assert_int_equal(counts(r).lost_pages, 0);
    assert_int_equal(counts(r).other, 0);
    assert_int_equal(counts(r).live, 1);
}

struct prober {
    struct rooms *r;
    atomic_bool stop;
    int asked, wrong;
};

static void *probe(void *arg)
{
    struct prober *p = arg;
    struct cx cx = p->r->cx;
    cx.arena = arena_new(0);
    do {
        struct asked a = { .in = { .query = STR("steady"), .limit = 10 } };
        struct asked both = { .in = { .query = STR("even odd"), .limit = 10, .passages = true } };
        p->wrong += db_read(&cx, ask_read, &a) != OK || a.out.count != 1;
        p->wrong += db_read(&cx, ask_read, &both) != OK || both.out.count != 1;
        p->asked++;
        arena_clear(cx.arena, 1 << 20);
    } while (!atomic_load(&p->stop));
    arena_free(cx.arena);
    return NULL;
}

static void who_searches_sees_the_old_or_the_new(void **state)
{
    ROOMS(state);
    struct prober p = { .r = r };
    pthread_t thread;
    struct str id = create(r, "Doc", STR("steady even"), false);
    run_jobs(r);
    struct rooms other = *r; /* a context of its own */
    other.arena = other.cx.arena = arena_new(0);
    assert_int_equal(pthread_create(&thread, NULL, probe, &p), 0);
    for (int i = 0; i < 20; i++) {
        change(&other, (struct change){
                           .id = id, .markdown = i % 2 ? STR("steady even") : STR("odd steady") });
        create(&other, "Noise", STR("noise"), false);
        run_jobs(&other);
    }
    atomic_store(&p.stop, true);
    pthread_join(thread, NULL);
    arena_free(other.arena);
    assert_true(p.asked > 0);
    assert_int_equal(p.wrong, 0);
    counts(r);
}

struct indexer {
    struct rooms *r;
    struct str *ids;
    size_t count;
    enum err result;
};

static void *index_all(void *arg)
{
    struct indexer *x = arg;
    struct cx cx = x->r->cx;
    cx.arena = arena_new(0);
    for (size_t i = 0; i < x->count && x->result == OK; i++) {
        x->result = index_sources(&cx, &source_types[0], &x->ids[i], 1);
        if (x->result == ERR_CONFLICT || x->result == ERR_OVERLOADED)
            x->result = OK; /* the job would come again */
    }
    arena_free(cx.arena);
    return NULL;
}

static void two_indexers_leave_what_one_leaves(void **state)
{
    ROOMS(state);
    struct str ids[30];
    struct indexer x[3] = { { 0 } };
    pthread_t threads[3];
    for (int i = 0; i < 30; i++)
        ids[i] = create(r, "Doc", str_fmt(r->arena, "unique%d and common", i), i % 3 == 0);
    for (int i = 0; i < 3; i++) {
        x[i] = (struct indexer){ r, ids, 30, OK };
        assert_int_equal(pthread_create(&threads[i], NULL, index_all, &x[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(x[i].result, OK);
    }
    run_jobs(r);
    assert_int_equal(counts(r).chunks, 30);
    for (int i = 0; i < 30; i++)
        assert_int_equal(found(r, str_cstr(r->arena, str_fmt(r->arena, "unique%d", i))), 1);
}

/* ---- the n-th call fails ---- */

/* One try of everything under a fault; false when n lies beyond the last call. */
static bool round_run(struct rooms *r, struct str id, struct db_fault *fault)
{
    const struct db_driver *driver =
        r->engine == DB_SQLITE ? &db_driver_fault_sqlite : &db_driver_fault_pgsql;
    struct job j = { .workspace_id = STR("one") };
    int64_t from = fault->fail_from;
    atomic_store(&fault->calls, 0);
    fault->fail_from = 0;
    assert_true(rooms_reopen(r, driver, fault));
    atomic_store(&fault->calls, 0);
    fault->fail_from = from;
    enum err e = index_sources(&r->cx, &source_types[0], &id, 1);
    if (e == OK)
        e = search_merge_run(&r->cx, &j);
    bool hit = atomic_load(&fault->calls) >= from;
    assert_true(hit || e == OK);
    assert_true(rooms_reopen(r, NULL, NULL));
    return hit;
}

static void no_failure_leaves_half_an_index(struct rooms *r, enum db_result result,
                                            enum db_fault_how how, bool large)
{
    struct str id = create(r, "Doc", STR("steady zero"), false);
    const char *was = "zero";
    int64_t n = 1, changes = 0;
    for (int i = 0; i < 8; i++)
        create(r, "Noise", STR("noise"), false);
    run_jobs(r);
    for (bool hit = true; hit; n += large ? 17 : n < 16 ? 1 : 5, changes++) {
        struct db_fault fault = { .fail_from = n, .fail_count = 1, .result = result, .how = how };
        const char *word = changes % 2 ? "even" : "odd";
        struct str text = str_fmt(r->arena, "steady %s", word);
        if (large)
            text = long_text(r, 36000 + (int)changes, str_cstr(r->arena, text));
        change(r, (struct change){ .id = id, .markdown = text });
        hit = round_run(r, id, &fault);
        /* Old or new, whole, and nothing twice. */
        assert_int_equal(found(r, "steady"), 1);
        assert_int_equal(found(r, was) + found(r, word), 1);
        run_jobs(r);
        assert_int_equal(found(r, word), 1);
        assert_int_equal(found(r, was), 0);
        r->cx.now_ms += BUILD_MS_MAX + 1;
        run_merge(r);
        assert_int_equal(counts(r).other, 0);
        assert_int_equal(counts(r).lost_pages, 0);
        was = word;
    }
    assert_true(n > 20);
}

static void calls_fail(void **state)
{
    ROOMS(state);
    no_failure_leaves_half_an_index(r, DB_IO, DB_FAULT_BEFORE, false);
}

static void connections_break(void **state)
{
    ROOMS(state);
    no_failure_leaves_half_an_index(r, DB_BROKEN, DB_FAULT_AFTER, false);
}

static void calls_fail_between_slices(void **state)
{
    ROOMS(state);
    no_failure_leaves_half_an_index(r, DB_IO, DB_FAULT_BEFORE, true);
}

/* ---- what was there before, and the documentation ---- */

static enum err backfill_write(struct cx *cx, void *arg)
{
    struct job_new j = { .kind = "search_backfill" };
    (void)arg;
    return job_add(cx, &j, NULL);
}

static void what_was_there_before_is_indexed(void **state)
{
    ROOMS(state);
    const struct job_kind backfill = search_job_kinds[1];
    struct job_runner_options o = { .kinds = &backfill, .kinds_count = 1 };
    for (int i = 0; i < 150; i++)
        create(r, "Doc", str_fmt(r->arena, "unique%d", i), i % 50 == 0);
    assert_ok(&r->cx, db_write(&r->cx, backfill_write, NULL));
    struct job_runner *runner = job_runner_new(&r->app, &o);
    while (job_runner_tick(runner, ++r->cx.now_ms) > 0)
        ;
    job_runner_free(runner);
    assert_int_equal(counts(r).chunks, 150);
    assert_int_equal(found(r, "unique149"), 1);
    assert_int_equal(found(r, "unique100"), 1);
    assert_int_equal(counts(r).live, 5); /* not one for each document */
}

static void operations_answer(void **state)
{
    ROOMS(state);
    create(r, "Visa", STR("renewal"), false);
    run_jobs(r);
    struct op_call c = { .op = op_find(search_ops, search_ops_count, "search"),
                         .arguments = "{\"q\":\"visa\"}" };
    assert_ok(&r->cx, op_call(r, &c));
    const struct json *results = json_get(&c.answer, "results");
    assert_int_equal(results->count, 1);
    assert_str(json_text(&results->items[0], "kind"), "document");
    c = (struct op_call){ .op = op_find(search_ops, search_ops_count, "knowledge_search"),
                          .arguments = "{\"q\":\"visa\",\"limit\":3}" };
    assert_ok(&r->cx, op_call(r, &c));
    results = json_get(&c.answer, "results");
    assert_str(json_text(&results->items[0], "text"), "renewal");
    assert_str(json_text(&results->items[0], "sourceType"), "DOCUMENT");
    c.arguments = str_cstr(r->arena, str_fmt(r->arena, "{\"q\":\"%0201d\"}", 0));
    assert_int_equal(op_call(r, &c), ERR_VALIDATION);
    c.arguments = "{\"q\":\"\"}";
    assert_int_equal(op_call(r, &c), ERR_VALIDATION);
    r->app.search_docs = search_docs_new();
    c = (struct op_call){ .op = op_find(search_ops, search_ops_count, "search_system_docs"),
                          .arguments = "{\"q\":\"how is a backup restored\"}" };
    assert_ok(&r->cx, op_call(r, &c));
    results = json_get(&c.answer, "results");
    assert_true(results->count > 0);
    /* As the manual names its pages. */
    assert_true(str_starts(json_text(&results->items[0], "url"), STR("/docs/operations#")));
    assert_true(str_find(json_text(&results->items[0], "snippet"), STR("ackup")) != SIZE_MAX);
    search_docs_free(r->app.search_docs);
}

static void a_query_is_bounded(void **state)
{
    ROOMS(state);
    struct buf q;
    create(r, "Doc", STR("w0 w31 w32 w50"), false);
    run_jobs(r);
    buf_init(&q, r->arena, 1000);
    for (int i = 1; i < 50; i++)
        buf_printf(&q, "w%d ", i);
    buf_put_byte(&q, 0);
    assert_int_equal(found(r, q.ptr), 1); /* by w31 */
    buf_clear(&q);
    for (int i = 1; i < 31; i++)
        buf_printf(&q, "v%d ", i);
    buf_put(&q, "v v32 w0", 9);
    assert_int_equal(found(r, q.ptr), 0); /* the 33rd */
}

#define SEARCH_TESTS                                                                               \
    ROOMS_TEST(a_document_is_found_by_its_words), ROOMS_TEST(a_change_replaces),                   \
        ROOMS_TEST(chunks_whose_hash_is_known_stay),                                               \
        ROOMS_TEST(what_is_not_yours_is_not_found_and_counts_nothing),                             \
        ROOMS_TEST(a_change_of_rights_holds_before_the_index_has_followed),                        \
        ROOMS_TEST(ranking_is_plain_bm25), ROOMS_TEST(a_title_that_says_it_all_comes_first),       \
        ROOMS_TEST(merging_changes_nothing_that_is_found),                                         \
        ROOMS_TEST(a_source_that_moves_meanwhile_is_read_again),                                   \
        ROOMS_TEST(who_searches_sees_the_old_or_the_new),                                          \
        ROOMS_TEST(two_indexers_leave_what_one_leaves), ROOMS_TEST(calls_fail),                    \
        ROOMS_TEST(connections_break), ROOMS_TEST(calls_fail_between_slices),                      \
        ROOMS_TEST(what_was_there_before_is_indexed), ROOMS_TEST(operations_answer),               \
        ROOMS_TEST(a_query_is_bounded)

int main(void)
{
    const struct CMUnitTest tests[] = { SEARCH_TESTS };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
