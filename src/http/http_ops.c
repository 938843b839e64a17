/* See http_ops.h. None of these looks at a credential or a tenant. */
#include "http/http_ops.h"

#include "base/app.h"
#include "base/buf.h"
#include "base/config.h"
#include "db/db.h"
#include "http/console.h"
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

struct path_in {
    struct str path;
};
static const struct field page_fields[] = {
    { .name = "page",
      .type = FIELD_STR,
      .from = FROM_PATH,
      .flags = FIELD_ANY_MEMBERS, /* what stands behind the question mark is the page's */
      .offset = FIELD_AT(struct path_in, path),
      .doc = "Route of the console" },
    FIELD_END,
};
static const struct field name_fields[] = {
    { .name = "name",
      .type = FIELD_STR,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct path_in, path),
      .doc = "Name of the file" },
    FIELD_END,
};

static enum err page_run(struct cx *cx, const void *in, struct download *ret)
{
    (void)in;
    return console_page(cx, ret);
}

static enum err asset_run(struct cx *cx, const void *in, struct download *ret)
{
    return console_file(cx, "assets", ((const struct path_in *)in)->path, ret);
}

static enum err manual_run(struct cx *cx, const void *in, struct download *ret)
{
    return console_file(cx, "docs", ((const struct path_in *)in)->path, ret);
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
    { .name = "get_console_page",
      .kind = OP_DOWNLOAD,
      .http = "GET /{page...}",
      PUBLIC,
      .lane = LANE_LOOP,
      .flags = OP_INTERNAL,
      .in = page_fields,
      .in_size = sizeof(struct path_in),
      .download = page_run,
      .summary = "The console" },
    { .name = "get_console_asset",
      .kind = OP_DOWNLOAD,
      .http = "GET /assets/{name}",
      PUBLIC,
      .lane = LANE_LOOP,
      .flags = OP_INTERNAL,
      .in = name_fields,
      .in_size = sizeof(struct path_in),
      .download = asset_run,
      .summary = "A file of the console" },
    { .name = "get_manual",
      .kind = OP_DOWNLOAD,
      .http = "GET /docs/{page...}",
      PUBLIC,
      .lane = LANE_LOOP,
      .flags = OP_INTERNAL,
      .in = page_fields,
      .in_size = sizeof(struct path_in),
      .download = manual_run,
      .summary = "The manual" },
};
const size_t http_ops_count = sizeof http_ops / sizeof *http_ops;
