/* Registry: all operation rows, checked at start, and the router over their paths. Immutable after.
 */
#ifndef OP_REGISTRY_H
#define OP_REGISTRY_H

#include "op/call.h"

struct registry;

struct registry_table {
    const struct op *ops;
    size_t count;
};
/* Checks every row (names, auth, roles, rate, docs, field tables, path parameters declared,
 * duplicate names or routes); on a fault writes one sentence per fault to `error` and returns NULL.
 */
struct registry *registry_new(const struct registry_table *tables, size_t count, char *error,
                              size_t error_size);
void registry_free(struct registry *r);
size_t registry_count(const struct registry *r);
const struct op *registry_at(const struct registry *r, size_t i); /* by name, sorted */
size_t registry_index(const struct registry *r, const struct op *op);
const struct op *registry_find(const struct registry *r, struct str name);

enum route_result { ROUTE_FOUND = 1, ROUTE_NO_METHOD, ROUTE_NONE, ROUTE_BAD_PATH };
/* Path as sent; parameters are percent-decoded into the arena (bad escapes, NUL, "..": BAD_PATH).
 * HEAD matches GET rows of kind OP_DOWNLOAD and OP_JSON. On NO_METHOD *ret_allow is the Allow
 * header. */
enum route_result registry_route(const struct registry *r, struct arena *a, enum method m,
                                 struct str path, const struct op **ret_op, struct pair *params,
                                 size_t *ret_params, struct str *ret_allow);

/* ---- what is generated from the rows ---- */
/* JSON Schema of a tool's arguments, made once; as long as the registry. The operation is a tool.
 */
struct str registry_tool_schema(const struct registry *r, const struct op *op);
void registry_openapi(const struct registry *r, struct str public_url, struct buf *out);
void registry_access_matrix(const struct registry *r, struct buf *out); /* Markdown */
void registry_operations_json(const struct registry *r, struct buf *out);
/* One tool: {name, description, inputSchema}. */
void registry_tool_json(const struct registry *r, struct json_writer *w, const struct op *op);

#endif
