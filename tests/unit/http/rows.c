/* The rows that the HTTP tests call, and blobs that are computed instead of stored: one row of each
 * kind of body and answer that a face has to carry. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "blob/blob.h"
#include "op/gate.h"
#include "op/registry.h"
#include "op/sink.h"

struct rows_control rows_control;

/* ---- blobs ---- */

struct blob_reader {
    int64_t bytes;
};

int64_t blob_reader_bytes(const struct blob_reader *r)
{
    return r->bytes;
}

enum err blob_read_at(struct cx *cx, struct blob_reader *r, int64_t offset, size_t len, char *out,
                      size_t *ret_len)
{
    int64_t fails_at = rows_control.blob_fails_at;
    if (fails_at && offset + (int64_t)len > fails_at)
        FAIL(cx, STORAGE, "The disk is gone.");
    *ret_len = (int64_t)len < r->bytes - offset ? len : (size_t)(r->bytes - offset);
    for (size_t i = 0; i < *ret_len; i++)
        out[i] = blob_byte(offset + (int64_t)i);
    return OK;
}

void blob_reader_free(struct blob_reader *r)
{
    if (r)
        rows_control.readers--;
    free(r);
}

struct blob_spool {
    int64_t bytes, bytes_max;
};

enum err blob_spool_begin(struct cx *cx, int64_t bytes_max, struct blob_spool **ret)
{
    (void)cx;
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        abort();
    (*ret)->bytes_max = bytes_max;
    rows_control.spools++;
    return OK;
}

enum err blob_spool_write(struct cx *cx, struct blob_spool *s, struct str bytes)
{
    s->bytes += (int64_t)bytes.len;
    rows_control.spooled += (int)bytes.len;
    if (s->bytes > s->bytes_max)
        FAIL(cx, PAYLOAD_TOO_LARGE, "The file is too large.");
    return OK;
}

int64_t blob_spool_bytes(const struct blob_spool *s)
{
    return s->bytes;
}

void blob_spool_free(struct blob_spool *s)
{
    if (s)
        rows_control.spools--;
    free(s);
}

/* ---- functions ---- */

static enum err echo_run(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    rows_control.body_calls++;
    reply->status = 200;
    reply->content_type = STR("text/plain");
    reply->body = str_fmt(cx->arena, "%s %.*s", method_name(rq->method), STR_ARG(rq->body));
    return OK;
}

static enum err held_run(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    rows_control.held++;
    for (;;) {
        pthread_mutex_lock(&lock);
        bool go = rows_control.release > 0;
        rows_control.release -= go;
        pthread_mutex_unlock(&lock);
        if (go)
            break;
        struct timespec ms = { 0, 1000000 };
        nanosleep(&ms, NULL);
    }
    rows_control.held--;
    return echo_run(cx, rq, reply);
}

static enum err address_run(struct cx *cx, const struct raw_request *rq, struct reply *reply)
{
    reply->status = 200;
    reply->content_type = STR("text/plain");
    reply->body = str_copy(cx->arena, rq->remote_addr);
    return OK;
}

struct size_in {
    int64_t bytes;
    struct str name;
};
static const struct field size_fields[] = {
    { .name = "bytes",
      .type = FIELD_INT,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct size_in, bytes),
      .max = 1 << 30,
      .def = 10,
      .doc = "How many" },
    { .name = "name",
      .type = FIELD_STR,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct size_in, name),
      .max = 100,
      .doc = "Attachment of that name" },
    FIELD_END,
};

static enum err blob_run(struct cx *cx, const void *in, struct download *ret)
{
    const struct size_in *size = in;
    ret->blob = malloc(sizeof *ret->blob);
    if (!ret->blob)
        abort();
    ret->blob->bytes = size->bytes;
    rows_control.readers++;
    ret->content_type = STR("text/plain");
    ret->filename = str_copy(cx->arena, size->name);
    ret->etag = STR("v1");
    ret->modified_ms = 1795475474942;
    return OK;
}

static enum err bytes_run(struct cx *cx, const void *in, struct download *ret)
{
    const struct size_in *size = in;
    char *p = arena_alloc_raw(cx->arena, (size_t)size->bytes + 1);
    for (int64_t i = 0; i < size->bytes; i++)
        p[i] = blob_byte(i);
    ret->bytes = (struct str){ p, (size_t)size->bytes };
    return OK;
}

static void on_gone(void *arg)
{
    (void)arg;
    rows_control.gone++;
}

static enum err stream_run(struct cx *cx, const void *in, struct sink *sink)
{
    (void)cx;
    (void)in;
    sink_header(sink, "x-stream", STR("yes"));
    sink_watch(sink, on_gone, NULL, NULL);
    sink_unref(atomic_exchange(&rows_control.sink, sink_ref(sink)));
    return OK;
}

struct upload_in {
    struct upload_file file;
};
struct upload_out {
    int64_t bytes;
};
static const struct field upload_in_fields[] = {
    { .name = "file",
      .type = FIELD_FILE,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct upload_in, file),
      .max = 3000000,
      .doc = "The bytes" },
    FIELD_END,
};
static const struct field upload_out_fields[] = {
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
    ((struct upload_out *)out)->bytes = ((const struct upload_in *)in)->file.bytes;
    return OK;
}

struct text_in {
    struct str text;
};
static const struct field text_fields[] = {
    { .name = "text",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct text_in, text),
      .doc = "Text" },
    FIELD_END,
};
static enum err text_run(struct cx *cx, const void *in, void *out)
{
    (void)cx;
    ((struct text_in *)out)->text = ((const struct text_in *)in)->text;
    return OK;
}

/* ---- rows ---- */

#define ROW(lane_)                                                                                 \
    .category = "test", .auth = AUTH_NONE, .roles = ROLES_ANY, .tx = TX_NONE, .rate = RATE_NONE,   \
    .effect = EFFECT_READ, .summary = "Test", .doc = "For tests.", .lane = (lane_)

const struct op rows[] = {
    { .name = "echo",
      .kind = OP_RAW,
      .http = "POST /echo",
      ROW(LANE_LOOP),
      .body_bytes_max = 100000,
      .raw = echo_run },
    { .name = "echo_get", .kind = OP_RAW, .http = "GET /echo", ROW(LANE_LOOP), .raw = echo_run },
    { .name = "worker", .kind = OP_RAW, .http = "POST /worker", ROW(LANE_WORKER), .raw = echo_run },
    { .name = "held", .kind = OP_RAW, .http = "POST /held", ROW(LANE_WORKER), .raw = held_run },
    { .name = "address",
      .kind = OP_RAW,
      .http = "GET /address",
      ROW(LANE_LOOP),
      .raw = address_run },
    { .name = "get_metrics",
      .kind = OP_RAW,
      .http = "GET /metrics",
      ROW(LANE_LOOP),
      .raw = echo_run },
    { .name = "get_health",
      .kind = OP_RAW,
      .http = "GET /healthz",
      ROW(LANE_LOOP),
      .raw = echo_run },
    { .name = "text",
      .kind = OP_JSON,
      .http = "POST /text",
      ROW(LANE_LOOP),
      .in = text_fields,
      .in_size = sizeof(struct text_in),
      .out = text_fields,
      .out_size = sizeof(struct text_in),
      .run = text_run },
    { .name = "blob",
      .kind = OP_DOWNLOAD,
      .http = "GET /blob",
      ROW(LANE_WORKER),
      .in = size_fields,
      .in_size = sizeof(struct size_in),
      .download = blob_run },
    { .name = "bytes",
      .kind = OP_DOWNLOAD,
      .http = "GET /bytes",
      ROW(LANE_LOOP),
      .in = size_fields,
      .in_size = sizeof(struct size_in),
      .download = bytes_run },
    { .name = "stream",
      .kind = OP_STREAM,
      .http = "GET /stream",
      ROW(LANE_LOOP),
      .stream = stream_run },
    { .name = "upload",
      .kind = OP_UPLOAD,
      .http = "POST /upload",
      ROW(LANE_SLOW),
      .in = upload_in_fields,
      .in_size = sizeof(struct upload_in),
      .out = upload_out_fields,
      .out_size = sizeof(struct upload_out),
      .body_bytes_max = 4000000,
      .run = upload_run },
};
const size_t rows_count = sizeof rows / sizeof *rows;

/* ---- hooks ---- */

static enum err on_address(struct cx *cx, const struct raw_request *rq)
{
    if (str_given(request_header(rq, "x-test-refuse")))
        FAIL(cx, RATE_LIMITED, "Too many.");
    return OK;
}

static void on_refused(struct cx *cx, const struct op *op, const struct raw_request *rq,
                       enum err why)
{
    (void)cx;
    (void)op;
    (void)rq;
    (void)why;
}

const struct gate_hooks rows_hooks = { .address_admit = on_address, .refused = on_refused };
