/* What the parts of http/ ask of the server. Private to http/. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/conn.h"
#include "http/http.h"

struct app *http_app(struct http_server *s);
const struct http_options *http_opts(const struct http_server *s);
bool http_secure(const struct http_server *s); /* the public URL is https */
/* Peer, or what trusted proxies said. */
struct str http_client_address(struct http_server *s, struct arena *a, struct str peer,
                               const struct header *headers, size_t count);
/* Is the origin allowed? *ret_any: some origin is (then answers vary by it). */
bool http_origin_allowed(struct http_server *s, struct str origin, bool *ret_any);
/* False: there are as many connections as may be. */
bool http_may_open(struct http_server *s);
/* A connection is gone; the drain waits for the last. */
void http_conn_closed(struct http_loop *hl);

#endif
