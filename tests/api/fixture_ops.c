/* See fixture_ops.h. Who somebody is stands in the header x-test-role: a role's name, or "key:N"
 * for an agent key of level N; absent means nobody. Any other header that starts with x-test- makes
 * one hook refuse. */
#include "fixture_ops.h"

#include <pthread.h>

#include "base/app.h"
#include <stdio.h>

#include "api/fixture_sql.h"
#include "base/buf.h"
#include "blob/blob.h"
#include "db/db.h"
#include "op/sink.h"

int fixture_runs;

/* ---- operations ---- */

struct note {
    struct str name, value;
    int64_t version;
};
struct note_out {
    struct note note;
};

static const struct field note_in[] = {
    { .name = "name",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note, name),
      .doc = "Its name" },
    { .name = "value",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note, value),
      .min = 1,
      .max = 20,
      .doc = "Its value; `crash` fails after writing" },
    FIELD_END,
};
static const struct field note_fields[] = {
    { .name = "name",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note, name),
      .doc = "Its name" },
    { .name = "value",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note, value),
      .doc = "Its value" },
    FIELD_END,
};
static const struct field note_brief[] = {
    { .name = "name",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note, name),
      .doc = "Its name" },
    FIELD_END,
};
static const struct field note_out[] = {
    { .name = "note",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note_out, note),
      .fields = note_fields,
      .doc = "The note" },
    FIELD_END,
};
static const struct field note_view[] = {
    { .name = "note",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note_out, note),
      .fields = note_brief,
      .doc = "The note" },
    FIELD_END,
};
static const struct field note_path[] = {
    { .name = "name",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct note, name),
      .doc = "Its name" },
    FIELD_END,
};

static struct str note_key(struct cx *cx, struct str name)
{
    return str_fmt(cx->arena, "note:%.*s", STR_ARG(name));
}

static enum err note_add_run(struct cx *cx, const void *in, void *out)
{
    const struct note *n = in;
    struct note_out *ret = out;
    fixture_runs++;
    struct note_add_in row = { .name = note_key(cx, n->name),
                               .value = n->value,
                               .updated_at = cx->now_ms };
    TRY(note_add(cx, &row, NULL));
    if (str_is(n->value, "crash"))
        FAIL(cx, CONFLICT, "It was to fail.");
    if (str_is(n->value, "fault"))
        return cx_fault(cx, "a secret detail");
    cx_entity(cx, "note", n->name);
    ret->note = *n;
    return OK;
}

static enum err note_get_run(struct cx *cx, const void *in, void *out)
{
    const struct note *n = in;
    struct note_out *ret = out;
    struct note_get_in key = { .name = note_key(cx, n->name) };
    struct note_get_row row;
    bool found;
    TRY(note_get(cx, &key, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such note.");
    ret->note = (struct note){ .name = n->name, .value = row.value };
    return OK;
}

/* A read that tries to write: the snapshot must not let it. */
static enum err note_sneak_run(struct cx *cx, const void *in, void *out)
{
    (void)out;
    const struct note *n = in;
    struct note_add_in row = { .name = n->name, .value = STR("x"), .updated_at = cx->now_ms };
    return note_add(cx, &row, NULL);
}

struct count_out {
    int64_t notes;
};
static const struct field count_out[] = {
    { .name = "notes",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct count_out, notes),
      .doc = "How many" },
    FIELD_END,
};
static enum err note_count_in_tx(struct cx *cx, void *arg)
{
    struct note_count_row row;
    bool found;
    TRY(note_count(cx, &row, &found));
    ((struct count_out *)arg)->notes = row.notes;
    return OK;
}
static enum err note_count_run(struct cx *cx, const void *in, void *out)
{
    (void)in;
    return db_read(cx, note_count_in_tx, out);
}

static enum err stream_run(struct cx *cx, const void *in, struct sink *sink)
{
    const struct note *n = in;
    if (str_is(n->name, "none"))
        FAIL(cx, NOT_FOUND, "There is no such stream.");
    sink_header(sink, "x-test-stream", STR("1"));
    for (int i = 0; i < 3; i++)
        sink_event(sink, STR("token"), STR_NULL, str_fmt(cx->arena, "{\"n\":%d}", i));
    sink_close(sink);
    return OK;
}

static enum err download_run(struct cx *cx, const void *in, struct download *ret)
{
    const struct note *n = in;
    if (str_is(n->name, "none"))
        FAIL(cx, NOT_FOUND, "There is no such file.");
    ret->bytes = STR("0123456789");
    ret->content_type = STR("text/plain");
    ret->filename = STR("ten.txt");
    ret->etag = STR("v1");
    return OK;
}

struct upload_in {
    struct str title;
    struct upload_file file;
};
struct upload_out {
    struct str title, filename;
    int64_t bytes;
};
static const struct field upload_in[] = {
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct upload_in, title),
      .max = 10,
      .doc = "A title" },
    { .name = "file",
      .type = FIELD_FILE,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct upload_in, file),
      .max = 1000000,
      .doc = "The bytes" },
    FIELD_END,
};
static const struct field upload_out[] = {
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct upload_out, title),
      .doc = "A title" },
    { .name = "filename",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct upload_out, filename),
      .doc = "As sent" },
    { .name = "bytes",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct upload_out, bytes),
      .doc = "Size" },
    FIELD_END,
};
static enum err upload_run(struct cx *cx, const void *in, void *out)
{
    (void)cx;
    const struct upload_in *u = in;
    *(struct upload_out *)out = (struct upload_out){ .title = u->title,
                                                     .filename = u->file.filename,
                                                     .bytes = u->file.bytes };
    return OK;
}

static enum err raw_run(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    reply->status = 202;
    reply->content_type = STR("text/plain");
    reply->body = str_fmt(cx->arena, "%s %.*s", method_name(rq->method), STR_ARG(rq->body));
    return OK;
}

static const struct op_tool add_tool = { .level = 1, .doc = "Adds a note", .view = note_view };

#define SESSION .category = "test", .auth = AUTH_SESSION, .summary = "Test", .doc = "For tests."
const struct op fixture_ops[] = {
    { .name = "note_add",
      .kind = OP_JSON,
      .http = "POST /api/test/notes",
      SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .tool = &add_tool,
      .in = note_in,
      .in_size = sizeof(struct note),
      .out = note_out,
      .out_size = sizeof(struct note_out),
      .location = "/api/test/notes/{name}",
      .run = note_add_run },
    { .name = "note_get",
      .kind = OP_JSON,
      .http = "GET /api/test/notes/{name}",
      SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_LOOP,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = note_path,
      .in_size = sizeof(struct note),
      .out = note_out,
      .out_size = sizeof(struct note_out),
      .run = note_get_run },
    { .name = "note_sneak",
      .kind = OP_JSON,
      .http = "GET /api/test/sneak/{name}",
      SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = note_path,
      .in_size = sizeof(struct note),
      .run = note_sneak_run },
    { .name = "note_count",
      .kind = OP_JSON,
      .http = "GET /api/test/count",
      SESSION,
      .roles = ROLES_OWNER,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .addon = "test-addon",
      .out = count_out,
      .out_size = sizeof(struct count_out),
      .run = note_count_run },
    { .name = "note_stream",
      .kind = OP_STREAM,
      .http = "GET /api/test/streams/{name}",
      SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = note_path,
      .in_size = sizeof(struct note),
      .stream = stream_run },
    { .name = "note_download",
      .kind = OP_DOWNLOAD,
      .http = "GET /api/test/files/{name}",
      SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = note_path,
      .in_size = sizeof(struct note),
      .download = download_run },
    { .name = "note_upload",
      .kind = OP_UPLOAD,
      .http = "POST /api/test/files",
      SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_UPLOAD,
      .effect = EFFECT_WRITE,
      .in = upload_in,
      .in_size = sizeof(struct upload_in),
      .out = upload_out,
      .out_size = sizeof(struct upload_out),
      .body_bytes_max = 2000000,
      .run = upload_run },
    { .name = "note_raw",
      .kind = OP_RAW,
      .http = "POST /api/test/raw",
      .category = "test",
      .auth = AUTH_NONE,
      .roles = ROLES_ANY,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_NONE,
      .effect = EFFECT_READ,
      .summary = "Test",
      .doc = "For tests.",
      .raw = raw_run },
};
const size_t fixture_ops_count = sizeof fixture_ops / sizeof *fixture_ops;

/* ---- hooks ---- */

static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
static char trace[1000], trace_out[1000];
static size_t trace_len;

static void note_trace(const char *what, const char *more)
{
    pthread_mutex_lock(&trace_lock);
    int n = snprintf(trace + trace_len, sizeof trace - trace_len, "%s%s%s", trace_len ? " " : "",
                     what, more);
    trace_len += n > 0 && trace_len + (size_t)n < sizeof trace ? (size_t)n : 0;
    pthread_mutex_unlock(&trace_lock);
}

struct str fixture_trace(void)
{
    memcpy(trace_out, trace, trace_len);
    struct str all = { trace_out, trace_len };
    trace_len = 0;
    return all;
}

static enum err hook(struct cx *cx, const struct raw_request *rq, const char *name,
                     const char *header, enum err e)
{
    note_trace(name, "");
    if (rq && str_given(request_header(rq, header)))
        return cx_fail(cx, e, "%s says no.", name);
    return OK;
}

static enum err on_address(struct cx *cx, const struct raw_request *rq)
{
    return hook(cx, rq, "address", "x-test-flood", ERR_RATE_LIMITED);
}

static enum err on_authenticate(struct cx *cx, const struct op *op, const struct raw_request *rq)
{
    (void)op;
    struct str role = request_header(rq, "x-test-role");
    note_trace("auth", "");
    struct principal *p = &cx->principal;
    if (str_starts(role, STR("key:"))) {
        *p = (struct principal){ .kind = PRINCIPAL_AGENT_KEY,
                                 .role = ROLE_MEMBER,
                                 .key_id = STR("k1"),
                                 .autonomy_level = role.ptr[4] - '0' };
    } else {
        enum role r;
        if (!str_given(role) || !role_parse(role, &r))
            FAIL(cx, UNAUTHORIZED, "Sign in first.");
        *p = (struct principal){
            .kind = PRINCIPAL_USER, .role = r, .user_id = STR("u1"), .autonomy_level = 3
        };
    }
    p->workspace_id = STR("w1");
    return OK;
}

static enum err on_csrf(struct cx *cx, const struct raw_request *rq)
{
    return hook(cx, rq, "csrf", "x-test-foreign", ERR_CSRF_INVALID);
}

static enum err on_addon(struct cx *cx, const char *addon)
{
    (void)cx;
    note_trace("addon:", addon);
    return OK;
}

static enum err on_rate(struct cx *cx, const struct op *op, struct reply *reply)
{
    (void)cx;
    (void)op;
    note_trace("rate", "");
    reply_header(reply, "ratelimit-remaining", STR("9"));
    return OK;
}

static enum err on_audit(struct cx *cx, const struct op *op)
{
    (void)op;
    note_trace("audit:", str_cstr(cx->arena, cx->entity_id));
    return OK;
}

static void on_refused(struct cx *cx, const struct op *op, const struct raw_request *rq,
                       enum err why)
{
    (void)cx;
    (void)op;
    (void)rq;
    note_trace("refused:", err_info(why)->code);
}

const struct gate_hooks fixture_hooks = {
    .address_admit = on_address,
    .authenticate = on_authenticate,
    .csrf = on_csrf,
    .addon = on_addon,
    .rate = on_rate,
    .audit = on_audit,
    .refused = on_refused,
};
