/* See browser.h. */
#include "unit/auth/browser.h"

#include <stdlib.h>

#include "audit/audit.h"
#include "limits/limits.h"
#include "op/registry.h"

static atomic_bool stopping;

static void refused_nothing(struct cx *cx, const struct op *op, const struct raw_request *rq,
                            enum err why)
{
    (void)cx, (void)op, (void)rq, (void)why;
}

static const struct gate_hooks hooks = {
    .address_admit = limits_address_admit,
    .authenticate = auth_authenticate,
    .csrf = auth_csrf,
    .organization = tenancy_organization_enter,
    .renew = auth_renew,
    .addon = tenancy_addon_active,
    .rate = limits_rate,
    .audit = audit_success,
    .refused = refused_nothing,
};

/* ---- the program ---- */

void browser_begin(struct rooms *r)
{
    char error[1024];
    r->config.public_url = STR(BASE);
    r->config.nextauth_secret = secret_new(STR("my-nextauth-secret"));
    r->config.body_bytes_max = 1 << 20;
    r->config.address_rate = r->config.read_rate = r->config.write_rate = 100000;
    r->config.sign_in_rate = 5;
    r->config.root_key = secret_new(STR("a root key for the tests"));
    r->app.stopping = &stopping;
    r->app.hooks = &hooks;
    r->app.limits = limits_new(&r->config, 0);
    r->app.auth = auth_new(&r->config, error, sizeof error);
    assert_non_null(r->app.auth);
    auth_set_limiter(r->app.auth, limits_take, limits_take_kept);
    const struct registry_table tables[] = {
        { nextauth_ops, nextauth_ops_count }, { auth_ops, auth_ops_count },
        { security_ops, security_ops_count }, { member_ops, member_ops_count },
        { invite_ops, invite_ops_count },     { tenancy_ops, tenancy_ops_count },
        { operator_ops, operator_ops_count },
    };
    r->app.ops = registry_new(tables, sizeof tables / sizeof *tables, error, sizeof error);
    if (!r->app.ops)
        fail_msg("%s", error);
}

void browser_end(struct rooms *r)
{
    registry_free(r->app.ops);
    auth_free(r->app.auth);
    limits_free(r->app.limits);
    secret_free(r->config.nextauth_secret);
    secret_free(r->config.root_key);
}

/* ---- the command line ---- */

struct call *operate_in(struct arena *a, struct rooms *r, const char *as, const char *operation,
                        const char *arguments)
{
    struct call *c = arena_new_of(a, struct call);
    struct header *h = arena_array(a, 1, sizeof *h);
    struct json_fault fault;
    call_init(c, &r->app, a);
    c->cx.now_ms = r->cx.now_ms;
    h[0] = (struct header){ STR("x-opboxd-as"), str_of(as) };
    c->rq = (struct raw_request){
        .face = FACE_CONTROL, .method = METHOD_POST, .headers = h, .header_count = as ? 1 : 0
    };
    c->op_named = registry_find(r->app.ops, str_of(operation));
    c->arguments = arena_new_of(a, struct json);
    assert_non_null(c->op_named);
    assert_int_equal(json_parse(a, str_of(arguments), NULL, c->arguments, &fault), OK);
    call_run(c);
    call_release(c);
    return c;
}

struct call *operate(struct rooms *r, const char *operation, const char *arguments)
{
    return operate_in(r->arena, r, NULL, operation, arguments);
}

int operate_as(struct rooms *r, const char *as, const char *operation, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *arguments = str_cstr(r->arena, str_vfmt(r->arena, format, ap));
    va_end(ap);
    return operate_in(r->arena, r, as, operation, arguments)->reply.status;
}

struct call *operate_ok(struct rooms *r, const char *operation, const char *arguments)
{
    struct call *c = operate(r, operation, arguments);
    if (c->reply.status / 100 != 2)
        fail_msg("%s: %d %.*s", operation, c->reply.status, STR_ARG(c->reply.body));
    return c;
}

struct str answer_text(struct rooms *r, struct str body, const char *object, const char *member)
{
    struct json *j = arena_new_of(r->arena, struct json);
    struct json_fault fault;
    assert_int_equal(json_parse(r->arena, body, NULL, j, &fault), OK);
    return json_text(object ? json_get(j, object) : j, member);
}

struct str person_added(struct rooms *r, const char *name, const char *role)
{
    char *arguments =
        str_cstr(r->arena, str_fmt(r->arena,
                                   "{\"email\":\"%s@example.test\",\"password\":\"correct horse\","
                                   "\"name\":\"%s\",\"role\":\"%s\"}",
                                   name, name, role));
    return answer_text(r, operate_ok(r, "add_user", arguments)->reply.body, NULL, "userId");
}

/* rooms.h has made an organisation, so `initialize` refuses: Ann comes by add_user. */
void ann_added(struct rooms *r)
{
    person_added(r, "ann", "OWNER");
}

/* ---- the browser ---- */

static void jar_take(struct browser *b, struct str line)
{
    struct str rest = line, pair = str_split(&rest, ';'), value = pair;
    struct str name = str_split(&value, '=');
    bool cleared = str_find(line, STR("; Max-Age=0;")) != SIZE_MAX;
    size_t i = 0;
    assert_true(str_find(line, STR("; HttpOnly")) != SIZE_MAX);
    assert_true(str_find(line, STR("; Path=/")) != SIZE_MAX);
    assert_true(str_find(line, STR("; SameSite=Lax")) != SIZE_MAX);
    b->set_cookies = str_fmt(b->r->arena, "%.*s%s%.*s", STR_ARG(b->set_cookies),
                             cleared ? " -" : " ", STR_ARG(name));
    while (i < b->jar_count && !str_eq(b->jar[i].name, name))
        i++;
    assert_true(i < JAR_MAX);
    if (i == b->jar_count)
        b->jar_count++;
    b->jar[i] = (struct header){ name, cleared ? STR_NULL : value };
}

struct str jar_text(struct browser *b)
{
    struct str text = STR("");
    for (size_t i = 0; i < b->jar_count; i++)
        if (str_given(b->jar[i].value))
            text = str_fmt(b->r->arena, "%.*s%.*s=%.*s; ", STR_ARG(text), STR_ARG(b->jar[i].name),
                           STR_ARG(b->jar[i].value));
    return text;
}

static void answer_take(struct browser *b, struct call *c)
{
    b->status = c->reply.status;
    b->body = c->reply.body;
    b->location = b->cache = STR_NULL;
    b->set_cookies = STR("");
    for (size_t i = 0; i < c->reply.header_count; i++) {
        struct header h = c->reply.headers[i];
        if (str_is(h.name, "set-cookie"))
            jar_take(b, h.value);
        else if (str_is(h.name, "location"))
            b->location = h.value;
        else if (str_is(h.name, "cache-control"))
            b->cache = h.value;
    }
}

enum { HEADERS_MAX = 6 };

static int send(struct browser *b, const char *method, const char *path, const char *const *lines,
                const char *body)
{
    struct call *c = arena_new_of(b->r->arena, struct call);
    struct header h[HEADERS_MAX];
    struct str query = str_of(path);
    call_init(c, &b->r->app, b->r->arena);
    c->cx.now_ms = b->r->cx.now_ms;
    c->cx.remote_addr = STR("10.0.0.1");
    c->rq = (struct raw_request){ .face = FACE_HTTP,
                                  .method = method_parse(str_of(method)),
                                  .path = str_split(&query, '?'),
                                  .query = query,
                                  .headers = h,
                                  .remote_addr = c->cx.remote_addr,
                                  .body = str_of(body),
                                  .content_length = body ? (int64_t)strlen(body) : 0 };
    h[c->rq.header_count++] = (struct header){ STR("host"), STR("ops.example.test") };
    h[c->rq.header_count++] = (struct header){ STR("cookie"), jar_text(b) };
    for (; lines && *lines; lines++) {
        assert_true(c->rq.header_count < HEADERS_MAX);
        struct str line = str_of(*lines), name = str_split(&line, ':');
        h[c->rq.header_count++] = (struct header){ name, str_trim(line) };
    }
    call_run(c);
    answer_take(b, c);
    call_release(c);
    return b->status;
}

int ask(struct browser *b, const char *method, const char *path, const char *extra,
        const char *body)
{
    const char *lines[] = { extra, NULL };
    return send(b, method, path, lines, body);
}

int ask_json(struct browser *b, const char *method, const char *path, const char *body)
{
    char *token =
        str_cstr(b->r->arena, str_fmt(b->r->arena, "x-csrf-token: %.*s", STR_ARG(b->csrf)));
    const char *lines[] = { str_given(b->csrf) ? token : "accept: */*",
                            "content-type: application/json", b->extra, NULL };
    return send(b, method, path, lines, body);
}

int post_form(struct browser *b, const char *path, const char *fields)
{
    struct str body = str_fmt(b->r->arena, "%s&csrfToken=%.*s", fields, STR_ARG(b->csrf));
    return ask(b, "POST", path, FORM, str_cstr(b->r->arena, body));
}

void csrf_get(struct browser *b)
{
    struct json j;
    struct json_fault fault;
    assert_int_equal(ask(b, "GET", "/api/auth/csrf", NULL, NULL), 200);
    assert_int_equal(json_parse(b->r->arena, b->body, NULL, &j, &fault), OK);
    b->csrf = json_text(&j, "csrfToken");
    assert_int_equal(b->csrf.len, 64);
}

void sign_in(struct browser *b)
{
    csrf_get(b);
    assert_int_equal(post_form(b, "/api/auth/callback/credentials", GOOD), 200);
    assert_str(b->body, "{\"url\":\"" BASE "\"}");
}

void body_has(struct browser *b, const char *part)
{
    if (str_find(b->body, str_of(part)) == SIZE_MAX)
        fail_msg("no %s in %.*s", part, STR_ARG(b->body));
}
