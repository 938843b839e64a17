/* Goals: gather the rows of all areas, sorted by name, checked once, never changed after.
 * Invariant: what registry_new returned has no fault that op_check or a duplicate could show. */
#include "op/registry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "op/registry_check.h"
#include "op/router.h"

enum { SCHEMA_BYTES_MAX = 64 * 1024 };

struct registry {
    size_t count;
    const struct op **ops; /* sorted by name */
    struct str *schemas;   /* of those that are tools */
    struct arena *arena;
    struct router *router;
};

static int by_name(const void *a, const void *b)
{
    const struct op *const *x = a, *const *y = b;
    return strcmp((*x)->name ? (*x)->name : "", (*y)->name ? (*y)->name : "");
}

static void gather(struct registry *r, const struct registry_table *tables, size_t count)
{
    for (size_t t = 0; t < count; t++)
        r->count += tables[t].count;
    r->ops = calloc(r->count + 1, sizeof *r->ops);
    r->router = router_new();
    if (!r->ops)
        abort();
    size_t n = 0;
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            r->ops[n++] = &tables[t].ops[i];
    qsort(r->ops, r->count, sizeof *r->ops, by_name);
}

static void check_all(struct registry *r, struct buf *faults)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct op *op = r->ops[i];
        op_check(op, faults);
        if (i && op->name && r->ops[i - 1]->name && strcmp(op->name, r->ops[i - 1]->name) == 0)
            buf_printf(faults, "operation %s: declared twice\n", op->name);
        if (op->http && !router_add(r->router, op))
            buf_printf(faults, "operation %s: its route is malformed or taken\n", op->name);
    }
}

static void make_schemas(struct registry *r)
{
    struct buf out;
    buf_init(&out, NULL, SCHEMA_BYTES_MAX);
    r->arena = arena_new(64 * 1024);
    r->schemas = arena_array(r->arena, r->count + 1, sizeof *r->schemas);
    for (size_t i = 0; i < r->count; i++) {
        struct json_writer w;
        if (!r->ops[i]->tool)
            continue;
        buf_clear(&out);
        jw_init(&w, &out);
        field_schema(&w, r->ops[i]->in, SCHEMA_TOOL);
        assert(!out.overflow);
        r->schemas[i] = str_copy(r->arena, buf_str(&out));
    }
    buf_release(&out);
}

struct registry *registry_new(const struct registry_table *tables, size_t count, char *error,
                              size_t error_size)
{
    struct registry *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    gather(r, tables, count);
    struct buf faults;
    buf_init(&faults, NULL, 64 * 1024);
    check_all(r, &faults);
    bool bad = faults.len > 0;
    if (bad) {
        snprintf(error, error_size, "%.*s", (int)faults.len, faults.ptr);
        registry_free(r);
    } else {
        make_schemas(r);
    }
    buf_release(&faults);
    return bad ? NULL : r;
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    router_free(r->router);
    arena_free(r->arena);
    free(r->ops);
    free(r);
}

size_t registry_count(const struct registry *r)
{
    return r->count;
}

const struct op *registry_at(const struct registry *r, size_t i)
{
    return r->ops[i];
}

const struct op *registry_find(const struct registry *r, struct str name)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = str_cmp(name, str_of(r->ops[mid]->name));
        if (c == 0)
            return r->ops[mid];
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

size_t registry_index(const struct registry *r, const struct op *op)
{
    const struct op **at = bsearch(&op, r->ops, r->count, sizeof *r->ops, by_name);
    return at ? (size_t)(at - r->ops) : r->count;
}

struct str registry_tool_schema(const struct registry *r, const struct op *op)
{
    size_t i = registry_index(r, op);
    assert(i < r->count && op->tool);
    return r->schemas[i];
}

enum route_result registry_route(const struct registry *r, struct arena *a, enum method m,
                                 struct str path, const struct op **ret_op, struct pair *params,
                                 size_t *ret_params, struct str *ret_allow)
{
    return router_find(r->router, a, m, path, ret_op, params, ret_params, ret_allow);
}

int op_success_status(const struct op *op)
{
    return op->status ? op->status : op->location ? 201 : 200;
}
