/* The way of a request's texts into an operation: path through the router, query, cursor, JSON body
 * through a field table. What is taken keeps the table's bounds. Input: path, query, cursor and
 * body, separated by line feeds. */
#include <stdint.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "op/page.h"
#include "op/router.h"

struct place {
    int64_t at;
    struct str id;
};
static const struct page_list list =
    PAGE_LIST("list", struct place, PAGE_KEY(struct place, at), PAGE_KEY(struct place, id));

struct in {
    struct str id, title, day;
    int64_t count;
    struct span tags;
    struct page_in page;
};
static const struct field fields[] = {
    { .name = "id", .type = FIELD_ID, .from = FROM_PATH, .offset = FIELD_AT(struct in, id) },
    { .name = "title",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct in, title),
      .min = 1,
      .max = 8 },
    { .name = "day", .type = FIELD_DATE, .offset = FIELD_AT(struct in, day) },
    { .name = "count",
      .type = FIELD_INT,
      .offset = FIELD_AT(struct in, count),
      .min = 1,
      .max = 5,
      .def = 1 },
    { .name = "tags",
      .type = FIELD_ARRAY,
      .offset = FIELD_AT(struct in, tags),
      .max = 3,
      .elem = FIELD_STR },
    FIELD_PAGE_IN(struct in),
    FIELD_END,
};
static const struct op ops[] = {
    { .name = "a", .kind = OP_JSON, .http = "GET /api/a/{id}" },
    { .name = "b", .kind = OP_JSON, .http = "POST /api/a/{id}/b/{b}" },
};

static void check(const struct in *in)
{
    if (in->count < 1 || in->count > 5 || in->tags.count > 3 || in->page.limit < 1 ||
        in->page.limit > 100)
        abort();
    if (str_given(in->title) && (!utf8_valid(in->title) || utf8_length(in->title) > 8))
        abort();
    if (in->id.len > 64)
        abort();
}

static void decode(struct cx *cx, struct field_source *src, struct str query, struct str body)
{
    struct in in = { 0 };
    struct pair *pairs = NULL;
    struct json j;
    struct json_fault fault;
    if (url_pairs(cx, query, &pairs, &src->query_count) != OK)
        return;
    src->query = pairs;
    if (json_parse(cx->arena, body, NULL, &j, &fault) == OK)
        src->body = &j;
    if (field_decode(cx, fields, src, &in) == OK)
        check(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crypto_init();
    struct cx cx = { .arena = arena_new(0) };
    struct str rest = { (const char *)data, size };
    struct str path = str_split(&rest, '\n'), query = str_split(&rest, '\n');
    struct str cursor = str_split(&rest, '\n');
    struct router *r = router_new();
    struct pair params[8];
    struct str allow;
    const struct op *op;
    struct field_source src = { .path = params };
    router_add(r, &ops[0]);
    router_add(r, &ops[1]);
    enum route_result found =
        router_find(r, cx.arena, METHOD_GET, path, &op, params, &src.path_count, &allow);
    if (found == ROUTE_FOUND && src.path_count != 1)
        abort();
    struct place from = { 0, STR("") };
    struct page_in page = { .limit = 1, .cursor = cursor };
    if (page_begin(&cx, &list, &page, &from) == OK && !utf8_valid(from.id))
        abort();
    cx_clear_failure(&cx);
    decode(&cx, &src, query, rest);
    router_free(r);
    arena_free(cx.arena);
    return 0;
}
