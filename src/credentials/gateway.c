/* Test-fire: what a gateway answers, and what that means, in words.
 *
 * The diagnoses are those that people need when a gateway does not work: a wrong path, a web page
 * instead of an API (a sign-in page, a dashboard), the root of a host where a tenant's base URL
 * belongs, a redirect, TLS, a silent or a forbidden address. */
#include "base/json.h"
#include "credentials/probe.h"

enum { SHOWN_BYTES_MAX = 2000 };

struct shot {
    const struct credential *c;
    bool hermes;
    struct probe_call call;
    struct fetch_answer answer;
};

static bool is_html(const struct fetch_answer *a)
{
    struct str type = fetch_answer_header(a, "content-type");
    struct str body = str_trim(a->body);
    while (body.len && (body.ptr[0] == '\n' || body.ptr[0] == '\r'))
        body = str_trim(str_sub(body, 1, body.len));
    struct str head = str_sub(body, 0, 14);
    return str_find(type, STR("text/html")) != SIZE_MAX ||
           str_eq_nocase(head, STR("<!doctype html")) ||
           str_eq_nocase(str_sub(body, 0, 5), STR("<html"));
}

/* https://host or https://host:port, nothing behind it. */
static bool is_host_root(const char *base_url)
{
    const char *authority = strstr(base_url, "://");
    return authority && !strchr(authority + 3, '/');
}

static const char *root_hint(const struct shot *s)
{
    return s->hermes && is_host_root(s->c->base_url) ? "; the URL is the root of a host: Hermes "
                                                       "wants the base URL of the tenant, with its "
                                                       "path"
                                                     : "";
}

static bool has_array(const struct json *j, const char *key)
{
    const struct json *found = json_get(j, key);
    return found && found->type == JSON_ARRAY;
}

/* What a 2xx answer lacks, or absent. */
static struct str fault_of_success(struct cx *cx, const struct shot *s)
{
    struct json j;
    struct json_fault fault;
    struct json_limits limits = { .nodes_max = 100000 };
    if (strcmp(s->call.path, "/health") == 0)
        return STR_NULL;
    if (json_parse(cx->arena, s->answer.body, &limits, &j, &fault) != OK || j.type != JSON_OBJECT)
        return STR("the answer is not JSON: this is not the API");
    if (str_given(s->call.body) && !has_array(&j, "choices"))
        return STR("the answer is JSON, but no chat completion (no \"choices\")");
    if (!str_given(s->call.body) && !has_array(&j, "data"))
        return STR("the answer is JSON, but no list of models (no \"data\")");
    return STR_NULL;
}

static struct str diagnosis(struct cx *cx, const struct shot *s)
{
    const struct fetch_answer *a = &s->answer;
    int status = a->result.status;
    struct str said = probe_message(cx, s->c, a->body);
    const char *colon = said.len ? ": " : "";
    if (a->result.end == FETCH_CUT)
        return STR("the connection broke in the middle of the answer");
    if (a->result.end != FETCH_WHOLE)
        return probe_failure(cx, &a->result, s->call.timeout_ms);
    if (status >= 300 && status < 400)
        return str_fmt(cx->arena,
                       "%d, a redirect: give the address that it leads to; a sign-in "
                       "page in front of the gateway does this too",
                       status);
    if (is_html(a))
        return str_fmt(cx->arena,
                       "%d with a web page (HTML) instead of JSON: this is the address of a web "
                       "interface or of a sign-in page, not of the API%s",
                       status, root_hint(s));
    if (status == 404 || status == 405)
        return str_fmt(cx->arena, "%d: endpoint not implemented (%s %s)%s%s%.*s", status,
                       s->call.method, s->call.path, root_hint(s), colon, STR_ARG(said));
    if (status == 401 || status == 403)
        return str_fmt(cx->arena, "%d: the gateway refuses the %s%s%.*s", status,
                       s->hermes ? "key" : "bearer", colon, STR_ARG(said));
    if (status == 429)
        return str_fmt(cx->arena, "429: the gateway limits its rate; try again later%s%.*s", colon,
                       STR_ARG(said));
    if (status >= 500)
        return str_fmt(cx->arena, "%d: the gateway, or what stands behind it, fails%s%.*s", status,
                       colon, STR_ARG(said));
    if (status >= 200 && status < 300)
        return fault_of_success(cx, s);
    return str_fmt(cx->arena, "%d%s%.*s", status, colon, STR_ARG(said));
}

static enum err fire(struct cx *cx, const struct credential *c, const char *name,
                     const struct probe_call *call, struct gateway_probe *ret)
{
    struct shot s = { .c = c, .hermes = strcmp(c->provider, "hermes") == 0, .call = *call };
    TRY(probe_send(cx, c, call, &s.answer));
    *ret = (struct gateway_probe){
        .name = str_of(name),
        .method = str_of(call->method),
        .url = str_fmt(cx->arena, "%s%s", c->base_url, call->path),
        .status = s.answer.result.status,
        .duration_ms = s.answer.result.duration_ms,
        .body =
            s.answer.result.status ? probe_shown(cx, c, s.answer.body, SHOWN_BYTES_MAX) : STR_NULL,
        .error = diagnosis(cx, &s),
    };
    return OK;
}

static struct str question(struct cx *cx, const struct credential *c)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, cx->arena, 4096);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "model");
    jw_str(&w, str_of(c->model));
    jw_key_lit(&w, "max_tokens");
    jw_i64(&w, 1);
    jw_key_lit(&w, "messages");
    jw_array(&w);
    jw_raw(&w, STR("{\"role\":\"user\",\"content\":\"ping\"}"));
    jw_array_end(&w);
    jw_object_end(&w);
    return buf_str(&b);
}

enum err gateway_test(struct cx *cx, const struct credential *c, struct gateway_report *ret)
{
    bool hermes = strcmp(c->provider, "hermes") == 0;
    struct probe_call first = { .method = "GET",
                                .path = hermes ? "/v1/models" : "/health",
                                .timeout_ms = PROBE_TIMEOUT_MS };
    struct probe_call second = { .method = "POST",
                                 .path = "/v1/chat/completions",
                                 .body = question(cx, c),
                                 .timeout_ms = PROBE_TIMEOUT_MS };
    const char *title = hermes ? "Hermes" : "OpenClaw";
    TRY(fire(cx, c, hermes ? "models" : "health", &first, &ret->probes[0]));
    TRY(fire(cx, c, "chat completion", &second, &ret->probes[1]));
    ret->ok = !str_given(ret->probes[0].error) && !str_given(ret->probes[1].error);
    const struct gateway_probe *worst =
        str_given(ret->probes[1].error) ? &ret->probes[1] : &ret->probes[0];
    ret->summary = ret->ok ? str_fmt(cx->arena, "%s answers: both requests succeeded.", title)
                           : str_fmt(cx->arena, "%s, %.*s: %.*s.", title, STR_ARG(worst->name),
                                     STR_ARG(worst->error));
    return OK;
}
