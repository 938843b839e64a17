/* The HTTP/1.1 server: a face over op/. Owns sockets, parsing, limits, time-outs, and moving bytes.
 *
 * llhttp in strict mode plus guards (obs-fold, version other than 1.x, bare LF in the request line,
 * exactly one Host); everything ambiguous in framing is refused. Limits on everything, before
 * memory. Each loop has its own listener (SO_REUSEPORT); the port is bound once plainly first, so
 * that a second server is told. The same code serves DIR/control.sock with FACE_CONTROL. Sources:
 * RFC 9110, 9112. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/cx.h"

struct http_server;

struct http_options {
    struct str listen;         /* "127.0.0.1:8787", "[::1]:0" */
    struct str metrics_listen; /* absent: none */
    struct str control_path;   /* unix socket, mode 0600; absent: none */
    struct str public_url;     /* https decides Strict-Transport-Security */
    int64_t connections_max;
    int64_t header_timeout_s, body_timeout_s, idle_timeout_s, write_timeout_s;
    /* RELOAD: see http_reload */
    struct str trusted_proxies; /* CIDR list */
    struct str cors_origins;
};

/* Binds and starts accepting on every loop of app->loops. On failure one clear sentence in `error`
 * ("port 8787 on 127.0.0.1 is taken by another program"). */
enum err http_server_start(struct app *app, const struct http_options *o, struct http_server **ret,
                           char *error, size_t error_size);
/* The port in use (for "…:0"). */
int http_server_port(const struct http_server *s);
void http_server_reload(struct http_server *s, struct str trusted_proxies, struct str cors_origins);
/* Stops accepting, answers what has begun with Connection: close, ends idle connections at once and
 * streams after `timeout_ms`. Blocks until all connections are closed. */
void http_server_drain(struct http_server *s, int64_t timeout_ms);
void http_server_free(struct http_server *s);

/* Counters for /metrics. */
struct http_stats {
    int64_t connections_open, connections_total, requests_total, refused_head, bytes_in, bytes_out;
};
void http_server_stats(const struct http_server *s, struct http_stats *ret);

#endif
