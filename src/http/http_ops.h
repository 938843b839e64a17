/* Operations about the server itself: health, readiness, metrics, the API document, the front page.
 */
#ifndef HTTP_HTTP_OPS_H
#define HTTP_HTTP_OPS_H

#include "op/op.h"

extern const struct op http_ops[];
extern const size_t http_ops_count;

#endif
