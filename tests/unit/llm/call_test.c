/* Calls from their admission to their settlement, against a server that answers as a test says:
 * what the ledger, the reservation and the month have of attempts that were answered, refused, cut,
 * or never left. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "llm/llm.h"
#include "unit/cost/money.h"
#include "unit/net/upstream.h"

#define REFUSED_AT_ONCE                                                                            \
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After-Ms: 0\r\nConnection: close\r\n"                 \
    "Content-Length: 2\r\n\r\n{}"
#define REFUSED_FOR_LONG                                                                           \
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 15\r\nConnection: close\r\n"                   \
    "Content-Length: 2\r\n\r\n{}"
#define ANSWERED                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"              \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n"                    \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"              \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}\n\n"          \
    "data: [DONE]\n\n"

/* ---- one call ---- */

struct asked {
    struct money m;
    struct upstream provider;
    struct loops *loops;
    struct llm_call *call;
    struct llm_bill bill;
    int64_t reserved_nanousd;
    struct loop_msg start, cancel;
    sem_t refused; /* the provider has refused, and the caller has taken note */

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    bool ended;
    struct llm_end end;
};

static void on_event(void *arg, const struct llm_event *e)
{
    (void)arg, (void)e;
}

static void on_batch(void *arg)
{
    (void)arg;
}

static void on_end(void *arg, const struct llm_end *end)
{
    struct asked *a = arg;
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    a->end = *end;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static const struct llm_events events = { on_event, on_batch, on_end };

static enum err admit_step(struct cx *cx, void *arg)
{
    return llm_call_admit(cx, ((struct asked *)arg)->call);
}

static enum err settle_step(struct cx *cx, void *arg)
{
    struct asked *a = arg;
    return llm_call_settle(cx, a->call, &a->bill);
}

static char *copied(const char *text)
{
    char *s = strdup(text);
    assert_non_null(s);
    return s;
}

static struct credential *credential_to(int port)
{
    char url[64];
    struct credential *c = calloc(1, sizeof *c);
    assert_non_null(c);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", port);
    c->provider = copied("openai");
    c->model = copied("gpt-4.1");
    c->key_source = copied("SERVER_KEY");
    c->base_url = copied(url);
    c->key = secret_new(STR("sk-test-0123456789abcdef"));
    return c;
}

/* Admitted; `script` is the provider. */
static void asked_open(struct asked *a, struct rooms *r,
                       void (*script)(struct upstream *u, int fd, int nth))
{
    struct llm_part text = { .type = LLM_TEXT, .text = STR("What is the fee?") };
    struct llm_message question = { .role = LLM_USER, .parts = &text, .count = 1 };
    struct llm_request rq = { .system = STR("You are brief."),
                              .messages = &question,
                              .message_count = 1,
                              .max_output_tokens = 1000 };
    *a = (struct asked){ .m = money_of(r), .provider = { .script = script, .arg = a } };
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    sem_init(&a->refused, 0, 0);
    upstream_start(&a->provider);
    a->loops = loops_start(1);
    r->app.fetcher = fetcher_new(a->loops, &(struct fetcher_options){ 0 });
    struct llm_spec s = { .operation_type = "chat",
                          .user_id = STR("ann"),
                          .credential = credential_to(a->provider.port) };
    assert_ok(&r->cx, llm_call_new(&r->cx, &s, &rq, &a->call));
    assert_ok(&r->cx, db_write(&r->cx, admit_step, a));
    a->reserved_nanousd = budget(&a->m).reserved_nanousd;
    assert_true(a->reserved_nanousd > 1000 * 8000); /* gpt-4.1: 8,000 a token of output */
}

static void on_start(struct loop_msg *m)
{
    struct asked *a = (struct asked *)((char *)m - offsetof(struct asked, start));
    llm_call_start(a->call, &a->m.r->app, loops_at(a->loops, 0), &events, a);
}

static void on_cancel(struct loop_msg *m)
{
    struct asked *a = (struct asked *)((char *)m - offsetof(struct asked, cancel));
    llm_call_cancel(a->call);
}

static void asked_start(struct asked *a)
{
    a->start.fn = on_start;
    loop_post(loops_at(a->loops, 0), &a->start);
}

/* Waits for the end and settles; once more, as after a commit whose answer was lost. */
static void asked_settle(struct asked *a)
{
    struct cx *cx = &a->m.r->cx;
    pthread_mutex_lock(&a->lock);
    while (!a->ended)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < 2; i++)
        assert_ok(cx, db_write(cx, settle_step, a));
    money_judge(&a->m);
    assert_int_equal(budget(&a->m).reserved_nanousd, 0);
}

static void asked_close(struct asked *a)
{
    llm_call_free(a->call);
    fetcher_free(a->m.r->app.fetcher);
    a->m.r->app.fetcher = NULL;
    loops_stop(a->loops);
    upstream_stop(&a->provider);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    sem_destroy(&a->refused);
}

/* "attempt basis error cost", a line each, by attempt; the reservation's cost is "all". */
static void assert_ledger(struct asked *a, const char *expected)
{
    char text[512] = "";
    size_t count, len = 0;
    struct money_row *rows = ledger_rows(&a->m, &count);
    for (int64_t attempt = 1; attempt <= LLM_ATTEMPTS_MAX; attempt++)
        for (size_t i = 0; i < count; i++) {
            if (rows[i].attempt != attempt)
                continue;
            char cost[32] = "all";
            if (rows[i].cost_nanousd != a->reserved_nanousd)
                snprintf(cost, sizeof cost, "%lld", (long long)rows[i].cost_nanousd);
            len += (size_t)snprintf(text + len, sizeof text - len, "%lld %.*s %.*s %s\n",
                                    (long long)attempt, STR_ARG(rows[i].basis),
                                    STR_ARG(rows[i].error), cost);
        }
    assert_string_equal(text, expected);
}

/* ---- providers ---- */

static void whole_after_a_refusal(struct upstream *u, int fd, int nth)
{
    if (upstream_skip(u, fd))
        upstream_say(fd, nth ? ANSWERED : REFUSED_AT_ONCE);
}

static void cut_after_a_refusal(struct upstream *u, int fd, int nth)
{
    if (upstream_skip(u, fd) && nth == 0)
        upstream_say(fd, REFUSED_AT_ONCE);
}

/* Refuses twice; then there is nobody. */
static void gone_after_two_refusals(struct upstream *u, int fd, int nth)
{
    if (!upstream_skip(u, fd))
        return;
    if (nth == 1)
        shutdown(u->listener, SHUT_RDWR);
    upstream_say(fd, REFUSED_AT_ONCE);
}

static void refusing_for_long(struct upstream *u, int fd, int nth)
{
    struct asked *a = u->arg;
    (void)nth;
    if (!upstream_skip(u, fd))
        return;
    upstream_say(fd, REFUSED_FOR_LONG);
    upstream_wait_closed(u, fd);
    sem_post(&a->refused);
}

/* ---- tests ---- */

static void a_refusal_and_an_answer_are_two_rows(void **state)
{
    ROOMS(state);
    struct asked a;
    asked_open(&a, r, whole_after_a_refusal);
    asked_start(&a);
    asked_settle(&a);
    assert_true(a.end.whole && a.bill.settled);
    assert_int_equal(a.bill.cost_nanousd, 11 * 2000 + 7 * 8000);
    assert_ledger(&a, "1 reported http_429 0\n2 reported  78000\n");
    asked_close(&a);
}

static void a_last_attempt_that_was_cut_is_the_worst_case(void **state)
{
    ROOMS(state);
    struct asked a;
    asked_open(&a, r, cut_after_a_refusal);
    asked_start(&a);
    asked_settle(&a);
    assert_false(a.end.whole);
    assert_true(a.bill.settled);
    assert_ledger(&a, "1 reported http_429 0\n2 worst_case cut all\n");
    asked_close(&a);
}

static void a_last_attempt_that_never_left_costs_nothing(void **state)
{
    ROOMS(state);
    struct asked a;
    asked_open(&a, r, gone_after_two_refusals);
    asked_start(&a);
    asked_settle(&a);
    assert_false(a.end.whole || a.bill.settled);
    assert_int_equal(a.end.code, ERR_UPSTREAM);
    assert_int_equal(a.provider.requests, 2);
    assert_ledger(&a, "1 reported http_429 0\n2 reported http_429 0\n");
    assert_int_equal(budget(&a.m).spent_nanousd, 0);
    asked_close(&a);
}

static void a_stop_before_the_next_attempt_adds_no_row(void **state)
{
    ROOMS(state);
    struct asked a;
    asked_open(&a, r, refusing_for_long);
    asked_start(&a);
    /* The connection is closed in the turn in which the refusal is reported; the stop comes to a
     * later one, in the wait. */
    sem_wait(&a.refused);
    a.cancel.fn = on_cancel;
    loop_post(loops_at(a.loops, 0), &a.cancel);
    asked_settle(&a);
    assert_true(a.end.cancelled);
    assert_false(a.bill.settled);
    assert_int_equal(a.provider.requests, 1);
    assert_ledger(&a, "1 reported http_429 0\n");
    asked_close(&a);
}

static void a_call_that_was_not_started_leaves_nothing(void **state)
{
    ROOMS(state);
    struct asked a;
    asked_open(&a, r, whole_after_a_refusal);
    a.ended = true;
    asked_settle(&a);
    assert_false(a.bill.settled);
    assert_ledger(&a, "");
    asked_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_refusal_and_an_answer_are_two_rows),
        ROOMS_TEST(a_last_attempt_that_was_cut_is_the_worst_case),
        ROOMS_TEST(a_last_attempt_that_never_left_costs_nothing),
        ROOMS_TEST(a_stop_before_the_next_attempt_adds_no_row),
        ROOMS_TEST(a_call_that_was_not_started_leaves_nothing),
    };
    return cmocka_run_group_tests_name("llm_call", tests, NULL, NULL);
}
