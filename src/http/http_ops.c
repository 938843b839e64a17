/* See http_ops.h. None of these looks at a credential or a tenant. */
#include "http/http_ops.h"

#include "base/app.h"
#include "base/buf.h"
#include "base/config.h"
#include "db/db.h"
#include "op/metrics.h"
#include "op/registry.h"

enum { DOCUMENT_BYTES_MAX = 16 * 1024 * 1024 };

struct status {
    struct str status, version;
};

static const struct field health_fields[] = {
    { .name = "status",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct status, status),
      .doc = "ok" },
    { .name = "version",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct status, version),
      .doc = "Version of the program" },
    FIELD_END,
};

static enum err health_run(struct cx *cx, const void *in, void *out)
{
    (void)cx;
    (void)in;
    *(struct status *)out = (struct status){ STR("ok"), STR(OPBOXD_VERSION) };
    return OK;
}

static enum err ready_run(struct cx *cx, const void *in, void *out)
{
    (void)in;
    if (!db_alive(cx->app->db))
        FAIL(cx, STORAGE, "The database does not answer.");
    *(struct status *)out = (struct status){ STR("ready"), STR(OPBOXD_VERSION) };
    return OK;
}

static enum err metrics_run(struct cx *cx, const void *in, struct download *ret)
{
    (void)in;
    struct buf b;
    buf_init(&b, cx->arena, DOCUMENT_BYTES_MAX);
    metrics_write(cx->app->metrics, cx->app->ops, &b);
    ret->bytes = buf_str(&b);
    ret->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    return OK;
}

static enum err openapi_run(struct cx *cx, const void *in, struct download *ret)
{
    (void)in;
    struct buf b;
    buf_init(&b, cx->arena, DOCUMENT_BYTES_MAX);
    registry_openapi(cx->app->ops, cx->app->config->public_url, &b);
    ret->bytes = buf_str(&b);
    ret->content_type = STR("application/json; charset=utf-8");
    ret->cache_control = STR("no-cache");
    return OK;
}

static enum err front_page_run(struct cx *cx, const void *in, struct download *ret)
{
    (void)cx;
    (void)in;
    ret->bytes =
        STR("<!doctype html><html lang=\"en\"><head><meta "
            "charset=\"utf-8\"><title>opboxd</title></head>"
            "<body><h1>opboxd</h1><p>This is the API server. Its operations are described in "
            "<a href=\"/api/openapi.json\">/api/openapi.json</a>.</p></body></html>\n");
    ret->content_type = STR("text/html; charset=utf-8");
    return OK;
}

#define PUBLIC                                                                                     \
    .category = "server", .auth = AUTH_NONE, .roles = ROLES_ANY, .tx = TX_NONE, .rate = RATE_NONE, \
    .effect = EFFECT_READ

const struct op http_ops[] = {
    { .name = "get_health",
      .kind = OP_JSON,
      .http = "GET /healthz",
      PUBLIC,
      .lane = LANE_LOOP,
      .flags = OP_INTERNAL,
      .out = health_fields,
      .out_size = sizeof(struct status),
      .run = health_run,
      .summary = "The process answers" },
    { .name = "get_readiness",
      .kind = OP_JSON,
      .http = "GET /readyz",
      PUBLIC,
      .lane = LANE_WORKER,
      .flags = OP_INTERNAL,
      .out = health_fields,
      .out_size = sizeof(struct status),
      .run = ready_run,
      .summary = "The server can do its work" },
    { .name = "get_metrics",
      .kind = OP_DOWNLOAD,
      .http = "GET /metrics",
      PUBLIC,
      .lane = LANE_WORKER,
      .flags = OP_INTERNAL,
      .download = metrics_run,
      .summary = "Counters as Prometheus text" },
    { .name = "get_api_document",
      .kind = OP_DOWNLOAD,
      .http = "GET /api/openapi.json",
      PUBLIC,
      .lane = LANE_WORKER,
      .download = openapi_run,
      .summary = "The OpenAPI document",
      .doc = "OpenAPI 3.1, generated from the operations that this server has." },
    { .name = "get_front_page",
      .kind = OP_DOWNLOAD,
      .http = "GET /",
      PUBLIC,
      .lane = LANE_LOOP,
      .flags = OP_INTERNAL,
      .download = front_page_run,
      .summary = "What this server is" },
};
const size_t http_ops_count = sizeof http_ops / sizeof *http_ops;
