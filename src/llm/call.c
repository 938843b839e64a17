/* Goals: no request leaves unadmitted, none is forgotten by the ledger; what a reader gets is what
 * the provider sent, and a cut answer is never whole. Non-goals: formats (codecs), sockets (net),
 * what an answer means (run). Invariants: `fetch`, `timer` or `offline` is at work from start to
 * on_end, one of them at a time; no second attempt once a byte of an answer has been reported;
 * everything but admit and settle runs on the loop's thread, and those only while nothing is at
 * work. */
#include "llm/llm.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/cuid.h"
#include "llm/memory.h"
#include "llm/offline.h"
#include "llm/request.h"
#include "net/fetch.h"

enum { ERROR_BODY_BYTES_MAX = 64 * 1024, RETRY_WAIT_MS_MAX = 20000, OFFLINE_PIECE_MS = 4 };
enum { IDLE_TIMEOUT_MS = 120 * 1000, TOTAL_TIMEOUT_MS = 15 * 60 * 1000 };

struct attempt {
    int status; /* 0: no head came */
    bool sent;  /* a byte of it may have reached the provider */
    int64_t duration_ms;
};

struct llm_call {
    struct arena *arena; /* request and purpose; on the heap until the call is freed */
    struct credential *credential;
    const struct llm_codec *codec; /* NULL: offline */
    struct cost_purpose purpose;
    struct cost_price price;
    struct cost_reservation reservation;
    int64_t input_tokens_max, output_tokens_max;
    bool admitted;

    struct app *app;
    struct loop *loop;
    const struct llm_events *events;
    void *arg;
    struct fetch_request request;
    char *body; /* of the request, until an answer comes: it is not asked again then */
    size_t optional_at, optional_len; /* of the body: what the server may refuse; 0: nothing */
    struct fetch *fetch;
    struct loop_timer *timer;
    struct llm_reader *reader;
    struct buf error_body;
    struct offline_step offline;
    struct str offline_rest;

    struct attempt attempts[LLM_ATTEMPTS_MAX];
    int attempt_count; /* ended before the present one, which may not have begun */
    int64_t begin_ms;
    int64_t retry_after_ms; /* -1: not said */
    bool cancelled, started, ended, reported, finished, has_usage, blocked;
    struct llm_usage usage;
    enum llm_finish finish;
    char sentence[400];

    char ledger_ids[LLM_ATTEMPTS_MAX][CUID_BYTES];
    char reservation_id[CUID_BYTES];
};

static struct attempt *present(struct llm_call *c)
{
    return &c->attempts[c->attempt_count];
}

/* ---- making ---- */

static struct str kept(struct llm_call *c, struct str s)
{
    return str_given(s) ? str_copy(c->arena, s) : STR_NULL;
}

static void body_drop(struct llm_call *c)
{
    free(c->body);
    c->body = NULL;
    c->request.body = STR_NULL;
}

static void optional_drop(struct llm_call *c)
{
    size_t rest = c->optional_at + c->optional_len;
    memmove(c->body + c->optional_at, c->body + rest, c->request.body.len - rest);
    c->request.body.len -= c->optional_len;
    c->optional_len = 0;
}

static void body_keep(struct llm_call *c, const struct llm_wire *w)
{
    c->body = malloc(w->body.len + 1);
    if (!c->body)
        abort();
    memcpy(c->body, w->body.ptr, w->body.len);
    c->request.body = (struct str){ c->body, w->body.len };
    c->optional_at = w->optional_at;
    c->optional_len = w->optional_len;
}

static void wire_keep(struct llm_call *c, const struct llm_wire *w)
{
    struct fetch_header *headers = arena_array(c->arena, w->header_count, sizeof *headers);
    for (size_t i = 0; i < w->header_count; i++)
        headers[i] = (struct fetch_header){ kept(c, w->headers[i].name),
                                            wire_kept(c->arena, w->headers[i].value) };
    c->request = (struct fetch_request){
        .method = "POST",
        .url = str_fmt(c->arena, "%s%.*s", c->credential->base_url, STR_ARG(w->path)),
        .headers = headers,
        .header_count = w->header_count,
        .guarded = c->credential->guarded,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .total_timeout_ms = TOTAL_TIMEOUT_MS,
    };
    body_keep(c, w);
}

static enum err build(struct cx *cx, struct llm_call *c, const struct llm_request *rq)
{
    struct llm_wire wire;
    TRY(c->codec->build(cx, rq, c->credential, &wire));
    wire_keep(c, &wire);
    if (c->optional_len && cx->app->llm &&
        llm_memory_refuses(cx->app->llm, c->credential->base_url))
        optional_drop(c);
    c->input_tokens_max = c->codec->input_tokens_max(rq);
    return OK;
}

/* The step is decided here, where the request is; the arena keeps it. */
static void decide_offline(struct llm_call *c, const struct llm_request *rq)
{
    offline_decide(c->arena, rq, &c->offline);
    c->offline.text = kept(c, c->offline.text);
    for (size_t i = 0; i < c->offline.call_count; i++) {
        struct llm_part *p = &c->offline.calls[i];
        p->text = kept(c, p->text);
        p->call_id = kept(c, p->call_id);
        p->name = kept(c, p->name);
    }
}

static void ids_make(struct cx *cx, struct llm_call *c)
{
    cuid_make(cx->now_ms, c->reservation_id);
    for (int i = 0; i < LLM_ATTEMPTS_MAX; i++)
        cuid_make(cx->now_ms, c->ledger_ids[i]);
    c->reservation.id = (struct str){ c->reservation_id, CUID_BYTES };
}

enum err llm_call_new(struct cx *cx, const struct llm_spec *s, const struct llm_request *rq,
                      struct llm_call **ret)
{
    struct llm_call *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->arena = arena_new(1024);
    c->credential = s->credential;
    c->codec = llm_codec_find(c->credential->provider);
    buf_init(&c->error_body, NULL, ERROR_BODY_BYTES_MAX);
    c->purpose = (struct cost_purpose){ .operation_type = s->operation_type,
                                        .provider = str_of(c->credential->provider),
                                        .model = str_of(c->credential->model),
                                        .key_source = str_of(c->credential->key_source),
                                        .user_id = kept(c, s->user_id),
                                        .thread_id = kept(c, s->thread_id),
                                        .run_id = kept(c, s->run_id),
                                        .agent_task_id = kept(c, s->agent_task_id) };
    c->output_tokens_max = rq->max_output_tokens;
    ids_make(cx, c);
    if (c->codec) {
        enum err e = build(cx, c, rq);
        if (e != OK) {
            llm_call_free(c);
            return e;
        }
    } else {
        decide_offline(c, rq);
    }
    *ret = c;
    return OK;
}

const struct credential *llm_call_credential(const struct llm_call *c)
{
    return c->credential;
}

void llm_call_free(struct llm_call *c)
{
    if (!c)
        return;
    assert(!c->fetch && !c->timer);
    llm_reader_free(c->reader);
    buf_release(&c->error_body);
    body_drop(c);
    credential_free(c->credential);
    arena_free(c->arena);
    free(c);
}

enum err llm_call_admit(struct cx *cx, struct llm_call *c)
{
    TRY(cost_price_of(cx, c->purpose.provider, c->purpose.model, &c->price));
    c->price.version = kept(c, c->price.version);
    c->reservation.cost_nanousd =
        cost_worst_case(&c->price, c->input_tokens_max, c->output_tokens_max);
    TRY(cost_reserve(cx, &c->purpose, &c->price, &c->reservation));
    if (c->codec) /* the offline assistant has no key */
        TRY(credentials_used(cx, c->credential, c->purpose.run_id));
    c->admitted = true;
    return OK;
}

/* ---- the end ---- */

static void end(struct llm_call *c, bool whole, enum err code)
{
    struct llm_end e = { .whole = whole,
                         .cancelled = c->cancelled,
                         .code = whole ? OK : code,
                         .sentence = c->sentence,
                         .finish = c->finish };
    c->ended = true;
    c->finished = whole;
    present(c)->duration_ms = loop_monotonic_ms(c->loop) - c->begin_ms;
    c->events->on_batch(c->arg);
    c->events->on_end(c->arg, &e);
}

static void say(struct llm_call *c, const char *sentence)
{
    snprintf(c->sentence, sizeof c->sentence, "%s", sentence);
}

/* ---- one attempt ---- */

static void attempt_begin(struct llm_call *c);

static void on_retry(void *arg)
{
    struct llm_call *c = arg;
    c->timer = NULL;
    attempt_begin(c);
}

/* What follows starts blank: until it begins, nothing of it has left and nobody has answered it. */
static void next_attempt(struct llm_call *c, const struct fetch_result *r)
{
    present(c)->duration_ms = r->duration_ms;
    c->attempt_count++;
}

static bool status_retries(int status)
{
    return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* Nothing of an answer has come and the provider asks to come back, or was not reached. */
static bool retry(struct llm_call *c, const struct fetch_result *r)
{
    bool again = status_retries(r->status) || (r->end == FETCH_NO_CONNECT && !r->sent);
    if (!again || c->cancelled || c->reported || c->attempt_count + 1 >= LLM_ATTEMPTS_MAX)
        return false;
    int64_t wait_ms = c->retry_after_ms >= 0 ? c->retry_after_ms : 500 << c->attempt_count;
    if (wait_ms > RETRY_WAIT_MS_MAX)
        return false;
    next_attempt(c, r);
    c->timer = loop_timer_start(c->loop, wait_ms, on_retry, c);
    return true;
}

/* A server that does not know stream_options gets the request once more without them. */
static bool retry_plain(struct llm_call *c, const struct fetch_result *r)
{
    if (r->status != 400 || !c->optional_len || c->reported || c->cancelled ||
        c->attempt_count + 1 >= LLM_ATTEMPTS_MAX ||
        str_find(buf_str(&c->error_body), STR("stream_options")) == SIZE_MAX)
        return false;
    if (c->app->llm)
        llm_memory_note(c->app->llm, c->credential->base_url);
    optional_drop(c);
    next_attempt(c, r);
    attempt_begin(c);
    return true;
}

static enum err status_error(int status)
{
    if (status == 401 || status == 403)
        return ERR_PROVIDER_NOT_CONFIGURED;
    return status == 408 || status == 504 ? ERR_UPSTREAM_TIMEOUT : ERR_UPSTREAM;
}

static void on_done(void *arg, const struct fetch_result *r)
{
    struct llm_call *c = arg;
    c->fetch = NULL;
    present(c)->sent |= r->sent;
    present(c)->status = r->status;
    c->blocked = r->end == FETCH_REFUSED;
    if (c->cancelled) {
        say(c, "The call was stopped.");
        end(c, false, ERR_UPSTREAM);
        return;
    }
    bool answer = r->status >= 200 && r->status < 300;
    if (!answer && (retry_plain(c, r) || retry(c, r)))
        return;
    if (answer && r->end == FETCH_WHOLE && llm_reader_end(c->reader)) {
        end(c, true, OK);
    } else if (answer) {
        bool broken = r->end == FETCH_WHOLE || r->end == FETCH_STOPPED;
        say(c, broken ? llm_reader_sentence(c->reader) : r->sentence);
        end(c, false, r->end == FETCH_TIMEOUT ? ERR_UPSTREAM_TIMEOUT : ERR_UPSTREAM);
    } else if (r->status) {
        struct str s = llm_error_sentence(c->arena, r->status, buf_str(&c->error_body));
        snprintf(c->sentence, sizeof c->sentence, "%.*s", STR_ARG(s));
        end(c, false, status_error(r->status));
    } else {
        say(c, r->sentence);
        end(c, false, r->end == FETCH_TIMEOUT ? ERR_UPSTREAM_TIMEOUT : ERR_UPSTREAM);
    }
}

static void read_retry_after(struct llm_call *c, const struct fetch_header *h)
{
    int64_t n;
    if (!str_to_i64(h->value, &n) || n < 0 || n > 86400000)
        return;
    if (str_is(h->name, "retry-after-ms"))
        c->retry_after_ms = n;
    else if (str_is(h->name, "retry-after") && c->retry_after_ms < 0)
        c->retry_after_ms = n * 1000;
}

static void on_head(void *arg, int status, const struct fetch_header *headers, size_t count)
{
    struct llm_call *c = arg;
    present(c)->status = status;
    present(c)->sent = true;
    for (size_t i = 0; i < count; i++)
        read_retry_after(c, &headers[i]);
}

static bool on_body(void *arg, struct str bytes)
{
    struct llm_call *c = arg;
    if (present(c)->status < 200 || present(c)->status >= 300) {
        size_t room = ERROR_BODY_BYTES_MAX - c->error_body.len;
        buf_put_str(&c->error_body, str_sub(bytes, 0, room));
        return true;
    }
    if (c->body)
        body_drop(c);
    bool more = llm_reader_feed(c->reader, bytes);
    c->events->on_batch(c->arg);
    return more && !c->cancelled;
}

static void on_event(void *arg, const struct llm_event *e)
{
    struct llm_call *c = arg;
    c->reported = true;
    if (e->type == LLM_EVENT_USAGE) {
        c->usage = e->usage;
        c->has_usage = true;
    } else if (e->type == LLM_EVENT_FINISH) {
        c->finish = e->finish;
    }
    c->events->on_event(c->arg, e);
}

static const struct fetch_events fetch_events = { on_head, on_body, on_done };

static void attempt_begin(struct llm_call *c)
{
    llm_reader_free(c->reader);
    c->reader = c->codec->reader_new(on_event, c);
    buf_clear(&c->error_body);
    c->retry_after_ms = -1;
    c->begin_ms = loop_monotonic_ms(c->loop);
    c->fetch = fetch_start(c->app->fetcher, c->loop, &c->request, &fetch_events, c);
}

/* ---- the offline assistant ---- */

static size_t piece_len(struct str rest)
{
    size_t n = rest.len < 24 ? rest.len : 24;
    while (n < rest.len && ((unsigned char)rest.ptr[n] & 0xC0) == 0x80)
        n++;
    return n;
}

static void offline_tools(struct llm_call *c)
{
    int block = c->offline.text.len ? 1 : 0;
    for (size_t i = 0; i < c->offline.call_count; i++, block++) {
        const struct llm_part *p = &c->offline.calls[i];
        struct llm_event e = {
            .type = LLM_EVENT_TOOL_START, .block = block, .call_id = p->call_id, .name = p->name
        };
        on_event(c, &e);
        e = (struct llm_event){ .type = LLM_EVENT_TOOL_ARGUMENTS, .block = block, .text = p->text };
        on_event(c, &e);
        e = (struct llm_event){ .type = LLM_EVENT_BLOCK_END, .block = block };
        on_event(c, &e);
    }
}

static void on_offline_piece(void *arg)
{
    struct llm_call *c = arg;
    c->timer = NULL;
    struct str rest = c->offline_rest;
    struct llm_event e = { .type = LLM_EVENT_TEXT, .text = str_sub(rest, 0, piece_len(rest)) };
    if (rest.len) {
        on_event(c, &e);
        c->offline_rest = str_sub(rest, e.text.len, rest.len);
        c->events->on_batch(c->arg);
    }
    if (c->offline_rest.len) {
        c->timer = loop_timer_start(c->loop, OFFLINE_PIECE_MS, on_offline_piece, c);
        return;
    }
    if (c->offline.text.len) {
        e = (struct llm_event){ .type = LLM_EVENT_BLOCK_END };
        on_event(c, &e);
    }
    offline_tools(c);
    e = (struct llm_event){ .type = LLM_EVENT_USAGE, .usage = c->offline.usage };
    on_event(c, &e);
    e = (struct llm_event){ .type = LLM_EVENT_FINISH,
                            .finish = c->offline.call_count ? LLM_FINISH_TOOLS : LLM_FINISH_STOP };
    on_event(c, &e);
    end(c, true, OK);
}

static void offline_begin(struct llm_call *c)
{
    present(c)->sent = true;
    present(c)->status = 200;
    c->offline_rest = c->offline.text;
    c->begin_ms = loop_monotonic_ms(c->loop);
    c->timer = loop_timer_start(c->loop, 0, on_offline_piece, c);
}

/* ---- start, cancel ---- */

void llm_call_start(struct llm_call *c, struct app *app, struct loop *l,
                    const struct llm_events *events, void *arg)
{
    assert(!c->started && loop_current() == l);
    c->started = true;
    c->app = app;
    c->loop = l;
    c->events = events;
    c->arg = arg;
    if (c->codec)
        attempt_begin(c);
    else
        offline_begin(c);
}

static void on_cancelled(void *arg)
{
    struct llm_call *c = arg;
    c->timer = NULL;
    say(c, "The call was stopped.");
    end(c, false, ERR_UPSTREAM);
}

void llm_call_cancel(struct llm_call *c)
{
    assert(c->started);
    if (c->ended || c->cancelled)
        return;
    c->cancelled = true;
    if (c->fetch) {
        fetch_cancel(c->fetch);
        return;
    }
    loop_timer_cancel(c->timer);
    c->timer = loop_timer_start(c->loop, 0, on_cancelled, c);
}

void llm_call_pause(struct llm_call *c, bool paused)
{
    if (c->fetch)
        fetch_pause(c->fetch, paused);
}

/* ---- settling ---- */

static struct cost_usage cost_usage_of(const struct llm_usage *u)
{
    return (struct cost_usage){ .input_tokens = u->input_tokens,
                                .output_tokens = u->output_tokens,
                                .cache_read_tokens = u->cache_read_tokens,
                                .cache_write_tokens = u->cache_write_tokens };
}

/* Upper bounds for what the provider did not report. */
static struct llm_usage usage_bound(const struct llm_call *c)
{
    struct llm_usage u = c->usage;
    if (!c->has_usage || u.input_tokens + u.cache_read_tokens + u.cache_write_tokens == 0)
        u = (struct llm_usage){ .input_tokens = c->input_tokens_max };
    u.output_tokens = c->output_tokens_max;
    return u;
}

static void settlement_of(const struct llm_call *c, struct arena *a, struct cost_settlement *ret,
                          struct llm_usage *ret_usage)
{
    const struct attempt *t = &c->attempts[c->attempt_count];
    bool refused = t->status != 0 && (t->status < 200 || t->status >= 300);
    *ret = (struct cost_settlement){ .basis = COST_REPORTED,
                                     .price = c->price,
                                     .attempt = c->attempt_count + 1,
                                     .duration_ms = t->duration_ms };
    ret->ledger_id = (struct str){ c->ledger_ids[c->attempt_count], CUID_BYTES };
    *ret_usage = c->usage;
    if (refused) {
        *ret_usage = (struct llm_usage){ 0 };
        ret->error = str_fmt(a, "http_%d", t->status);
    } else if (!c->finished || !c->has_usage) {
        *ret_usage = usage_bound(c);
        ret->basis = c->has_usage ? COST_ESTIMATED : COST_WORST_CASE;
        ret->error = c->finished ? STR_NULL : c->cancelled ? STR("stopped") : STR("cut");
    }
    ret->usage = cost_usage_of(ret_usage);
}

static enum err settle_earlier(struct cx *cx, struct llm_call *c)
{
    for (int i = 0; i < c->attempt_count; i++) {
        if (!c->attempts[i].sent)
            continue;
        struct cost_settlement s = { .ledger_id = { c->ledger_ids[i], CUID_BYTES },
                                     .basis = COST_REPORTED,
                                     .price = c->price,
                                     .attempt = i + 1,
                                     .duration_ms = c->attempts[i].duration_ms };
        s.error = str_fmt(cx->arena, "http_%d", c->attempts[i].status);
        TRY(cost_settle_attempt(cx, &c->purpose, &c->reservation, &s, NULL));
    }
    return OK;
}

/* What the call has shown of its credential, for those who own it. A 403 may be about the model. */
static enum err note_credential(struct cx *cx, const struct llm_call *c)
{
    const struct credential *used = c->credential;
    if (c->blocked)
        TRY(credentials_blocked(cx, used));
    bool refused = c->attempts[c->attempt_count].status == 401;
    return refused && used->row_id ? credentials_mark(cx, str_of(used->row_id), true) : OK;
}

enum err llm_call_settle(struct cx *cx, struct llm_call *c, struct llm_bill *ret)
{
    struct cost_settlement s;
    *ret = (struct llm_bill){ .unpriced = c->price.unpriced };
    if (!c->admitted)
        return OK;
    TRY(settle_earlier(cx, c));
    TRY(note_credential(cx, c));
    if (!present(c)->sent)
        return cost_release(cx, &c->reservation);
    settlement_of(c, cx->arena, &s, &ret->usage);
    ret->basis = s.basis;
    ret->settled = true;
    return cost_settle(cx, &c->purpose, &c->reservation, &s, &ret->cost_nanousd);
}
