/* Router: a tree over the segments of the rows' paths. Private to op/. */
#ifndef OP_ROUTER_H
#define OP_ROUTER_H

#include "op/registry.h"

struct router;
struct router *router_new(void);
void router_free(struct router *r);
/* `http` is "GET /a/{b}", or "GET /a/{b...}": the last segment takes all that is left of the path,
 * the empty rest too, as it was sent; but nothing whose next segment is the literal of another row
 * there (beside "/{page...}" and "/api/x", "/api/y" is not found), and nothing by another
 * method. False: the same method and shape
 * is taken, or the text is malformed. */
bool router_add(struct router *r, const struct op *op);
enum route_result router_find(const struct router *r, struct arena *a, enum method m,
                              struct str path, const struct op **ret_op, struct pair *params,
                              size_t *ret_params, struct str *ret_allow);
/* Percent-decodes (RFC 3986), `plus` also turns + into a space. False: bad escape, NUL, not UTF-8.
 */
bool url_decode(struct arena *a, struct str s, bool plus, struct str *ret);
/* "a=1&b=2" → pairs in the arena. ERR_VALIDATION: too many (100) or malformed. */
enum err url_pairs(struct cx *cx, struct str s, struct pair **ret, size_t *ret_count);
/* Splits "GET /x" of a row. */
enum method op_http_method(const struct op *op);
struct str op_http_path(const struct op *op);
/* The name in a segment "{id}" or "{rest...}" of a row's path; absent: it is a literal. */
struct str op_path_param(struct str segment, bool *ret_rest);

#endif
