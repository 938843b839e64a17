/* See probe.h.
 *
 * Invariant: the text forms of secrets that a request needs lie in the arena for the time of the
 * request and are wiped behind it. */
#include "credentials/probe.h"

#include "audit/audit.h"
#include "base/app.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/json.h"
#include "credentials/state.h"

enum { HEADERS_MAX = 8, MESSAGE_BYTES_MAX = 240 };

/* ---- sending ---- */

struct headers {
    struct fetch_header items[HEADERS_MAX];
    size_t count;
};

static void header_add(struct headers *h, const char *name, struct str value)
{
    h->items[h->count++] = (struct fetch_header){ str_of(name), value };
}

/* As calls name it (llm/openai_request.c). */
static struct str session_header(struct cx *cx)
{
    struct str name = cx->app->config->openclaw_session_header;
    return name.len ? str_lower(cx->arena, name) : STR("x-openclaw-session");
}

static void headers_wipe(struct headers *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->items[i].value.len && !str_is(h->items[i].name, "anthropic-version"))
            bytes_wipe((char *)(uintptr_t)h->items[i].value.ptr, h->items[i].value.len);
}

static struct str secret_text(struct cx *cx, const char *before, const struct secret *s)
{
    return str_fmt(cx->arena, "%s%.*s", before, STR_ARG(secret_bytes(s)));
}

static void headers_fill(struct cx *cx, const struct credential *c, bool body, struct headers *h)
{
    bool keyed = secret_len(c->key) > 0;
    h->count = 0;
    header_add(h, "accept", str_copy(cx->arena, STR("application/json")));
    if (body)
        header_add(h, "content-type", str_copy(cx->arena, STR("application/json")));
    if (strcmp(c->provider, "anthropic") == 0) {
        header_add(h, "anthropic-version", STR("2023-06-01"));
        header_add(h, "x-api-key", secret_text(cx, "", c->key));
        return;
    }
    if (keyed)
        header_add(h, "authorization", secret_text(cx, "Bearer ", c->key));
    if (c->agent_id) {
        header_add(h, "x-openclaw-agent", str_copy(cx->arena, str_of(c->agent_id)));
        h->items[h->count++] =
            (struct fetch_header){ session_header(cx), str_copy(cx->arena, STR("probe")) };
    }
    if (c->cf_client_id && c->cf_secret) {
        header_add(h, "cf-access-client-id", str_copy(cx->arena, str_of(c->cf_client_id)));
        header_add(h, "cf-access-client-secret", secret_text(cx, "", c->cf_secret));
    }
}

/* ---- the trail ---- */

/* `request` or `run_id` says what for; both may be absent. */
static enum err use_append(struct cx *cx, const struct credential *c, struct str run_id,
                           struct str request)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, cx->arena, 2048);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "provider");
    jw_str(&w, str_of(c->provider));
    jw_key_lit(&w, "model");
    jw_str(&w, str_of(c->model));
    jw_key_lit(&w, "keySource");
    jw_str(&w, str_of(c->key_source));
    if (str_given(run_id)) {
        jw_key_lit(&w, "runId");
        jw_str(&w, run_id);
    }
    if (str_given(request)) {
        jw_key_lit(&w, "request");
        jw_str(&w, request);
    }
    jw_object_end(&w);
    struct audit_row row = { .action = STR("use_credential"),
                             .entity_type = STR("credential"),
                             .entity_id = c->row_id ? str_of(c->row_id) : STR_NULL,
                             .metadata = b.overflow ? STR_NULL : buf_str(&b) };
    return audit_append(cx, &row);
}

enum err credentials_used(struct cx *cx, const struct credential *c, struct str run_id)
{
    return use_append(cx, c, run_id, STR_NULL);
}

struct use {
    const struct credential *credential;
    const struct probe_call *call;
};

static enum err use_in_tx(struct cx *cx, void *arg)
{
    const struct use *u = arg;
    return use_append(cx, u->credential, STR_NULL,
                      str_fmt(cx->arena, "%s %s", u->call->method, u->call->path));
}

/* ---- one request ---- */

enum err probe_send(struct cx *cx, const struct credential *c, const struct probe_call *call,
                    struct fetch_answer *ret)
{
    struct headers h;
    struct use use = { c, call };
    TRY(db_write_hot(cx, use_in_tx, &use));
    headers_fill(cx, c, str_given(call->body), &h);
    struct fetch_request rq = {
        .method = call->method,
        .url = str_fmt(cx->arena, "%s%s", c->base_url, call->path),
        .headers = h.items,
        .header_count = h.count,
        .body = call->body,
        .guarded = c->guarded,
        .connect_timeout_ms = call->timeout_ms,
        .idle_timeout_ms = call->timeout_ms,
        .total_timeout_ms = call->timeout_ms,
        .body_bytes_max = PROBE_BODY_BYTES_MAX,
    };
    credentials_fetch(cx->app)(cx, &rq, ret);
    headers_wipe(&h);
    probe_note_refused_address(cx, c, &ret->result);
    return OK;
}

static struct audit_row blocked_row(struct cx *cx, const struct credential *c, struct str action)
{
    return (struct audit_row){
        .action = action,
        .type = STR("SSRF_BLOCKED"),
        .entity_type = STR("credential"),
        .entity_id = str_of(c->row_id),
        .message = str_fmt(cx->arena, "the %s endpoint leads to an address that may not be reached",
                           c->provider),
    };
}

void probe_note_refused_address(struct cx *cx, const struct credential *c,
                                const struct fetch_result *r)
{
    if (r->end != FETCH_REFUSED)
        return;
    struct audit_row row = blocked_row(cx, c, STR("probe_credential"));
    audit_event(cx, &row);
}

enum err credentials_blocked(struct cx *cx, const struct credential *c)
{
    struct audit_row row = blocked_row(cx, c, STR("use_credential"));
    return audit_append(cx, &row);
}

/* ---- what comes back, as it may be shown ---- */

static void put_without(struct buf *out, struct str text, struct str secret)
{
    while (text.len) {
        size_t at = secret.len ? str_find(text, secret) : SIZE_MAX;
        buf_put_str(out, str_sub(text, 0, at));
        if (at == SIZE_MAX)
            return;
        buf_put_cstr(out, "[secret]");
        text = str_sub(text, at + secret.len, text.len);
    }
}

static struct str without(struct cx *cx, struct str text, const struct secret *s)
{
    struct buf b;
    if (!secret_len(s) || !text.len)
        return text;
    buf_init(&b, cx->arena, 8 * text.len + 64);
    put_without(&b, text, secret_bytes(s));
    return buf_str(&b);
}

/* Bytes that are no text become '?'; runs of white space one space. */
static struct str one_line(struct cx *cx, struct str text, size_t bytes_max)
{
    struct buf b;
    bool space = false;
    buf_init(&b, cx->arena, bytes_max + 16);
    for (size_t i = 0; i < text.len && b.len < bytes_max;) {
        unsigned char ch = (unsigned char)text.ptr[i];
        size_t len = ch < 0x80 ? 1 : ch < 0xe0 ? 2 : ch < 0xf0 ? 3 : 4;
        struct str one = str_sub(text, i, i + len);
        if (ch <= ' ' || ch == 0x7f) {
            space = b.len > 0;
        } else {
            bool good = one.len == len && utf8_valid(one);
            if (space)
                buf_put_byte(&b, ' ');
            space = false;
            buf_put_str(&b, good ? one : STR("?"));
            len = good ? len : 1;
        }
        i += ch <= ' ' || ch == 0x7f ? 1 : len;
    }
    return buf_str(&b);
}

struct str probe_shown(struct cx *cx, const struct credential *c, struct str text, size_t bytes_max)
{
    text = without(cx, text, c->key);
    text = without(cx, text, c->cf_secret);
    return one_line(cx, text, bytes_max);
}

struct str probe_message(struct cx *cx, const struct credential *c, struct str body)
{
    struct json j;
    struct json_fault fault;
    struct json_limits limits = { .nodes_max = 10000 };
    struct str said = STR_NULL;
    if (body.len && json_parse(cx->arena, body, &limits, &j, &fault) == OK) {
        const struct json *error = json_get(&j, "error");
        said = json_text(error, "message");
        if (!str_given(said) && error && error->type == JSON_STRING)
            said = error->text;
        if (!str_given(said))
            said = json_text(&j, "message");
    }
    return str_given(said) ? probe_shown(cx, c, said, MESSAGE_BYTES_MAX) : STR("");
}

struct str probe_failure(struct cx *cx, const struct fetch_result *r, int64_t timeout_ms)
{
    switch (r->end) {
    case FETCH_REFUSED:
        return STR("the address is private or reserved and may not be reached; an operator can "
                   "open its network with --outbound-allow");
    case FETCH_TIMEOUT:
        return str_fmt(cx->arena, "no answer within %lld s", (long long)(timeout_ms / 1000));
    case FETCH_TOO_LARGE:
        return STR("the answer is larger than 1 MiB");
    case FETCH_BAD_URL:
        return STR("the URL is malformed");
    case FETCH_CANCELLED:
    case FETCH_STOPPED:
        return STR("the request was broken off");
    default:
        break;
    }
    struct str why = r->sentence && r->sentence[0] ? str_of(r->sentence) : STR("it failed");
    if (str_ends(why, STR(".")))
        why.len--;
    return str_fmt(cx->arena, "no connection: %.*s", STR_ARG(why));
}

/* ---- is the key taken? ---- */

static bool answered(const struct fetch_answer *a)
{
    return a->result.end == FETCH_WHOLE || a->result.end == FETCH_CUT;
}

static struct str status_sentence(struct cx *cx, const struct credential *c,
                                  const struct fetch_answer *a)
{
    struct str said = probe_message(cx, c, a->body);
    return str_fmt(cx->arena, "%s answered %d%s%.*s", unit_title(unit_find(str_of(c->provider))),
                   a->result.status, said.len ? ": " : "", STR_ARG(said));
}

static void judge(struct cx *cx, const struct credential *c, const struct fetch_answer *a,
                  int64_t timeout_ms, struct probe_result *ret)
{
    int status = a->result.status;
    *ret = (struct probe_result){ .verdict = PROBE_UNKNOWN };
    ret->timed_out = a->result.end == FETCH_TIMEOUT;
    ret->address_refused = a->result.end == FETCH_REFUSED;
    if (!answered(a)) {
        ret->sentence = str_fmt(cx->arena, "%s: %.*s", unit_title(unit_find(str_of(c->provider))),
                                STR_ARG(probe_failure(cx, &a->result, timeout_ms)));
        return;
    }
    ret->sentence = status_sentence(cx, c, a);
    if (status == 401 || status == 403)
        ret->verdict = PROBE_REFUSED;
    else if (status >= 200 && status < 300 && a->result.end == FETCH_WHOLE)
        ret->verdict = PROBE_ACCEPTED;
}

enum err probe_key(struct cx *cx, const struct credential *c, int64_t timeout_ms,
                   struct probe_result *ret)
{
    struct fetch_answer a = { 0 };
    struct probe_call call = { .method = "GET",
                               .path = "/v1/models?limit=1",
                               .timeout_ms = timeout_ms };
    TRY(probe_send(cx, c, &call, &a));
    if (a.result.status == 404 && strcmp(c->provider, "openclaw") == 0) {
        call.path = "/health";
        a = (struct fetch_answer){ 0 };
        TRY(probe_send(cx, c, &call, &a));
    }
    judge(cx, c, &a, timeout_ms, ret);
    return OK;
}
