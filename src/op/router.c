/* Goals: match a path in time that depends on its length, not on the number of rows; literals win
 * over parameters, but a parameter is tried where the literal has no row of that method, so that
 * catch-all rows work; a rest ("{page...}") takes what neither has. Invariants: segments are
 * decoded before they are compared; "." and ".." never match, empty ones and too many only in a
 * rest. */
#include "op/router.h"

#include <assert.h>
#include <stdlib.h>

enum { SEGMENTS_MAX = 16, PARAMS_MAX = 8, PAIRS_MAX = 100 };

struct node {
    struct str literal;    /* of the row's constant text */
    struct node *next;     /* sibling */
    struct node *children; /* literals */
    struct node *param;    /* {…} */
    struct node *rest;     /* {…...} */
    const struct op *ops[METHOD_OTHER + 1];
};
struct router {
    struct node root;
};

struct router *router_new(void)
{
    struct router *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    return r;
}

static void node_free(struct node *n)
{
    while (n) {
        struct node *next = n->next;
        node_free(n->children);
        node_free(n->param);
        node_free(n->rest);
        free(n);
        n = next;
    }
}

void router_free(struct router *r)
{
    if (!r)
        return;
    node_free(r->root.children);
    node_free(r->root.param);
    node_free(r->root.rest);
    free(r);
}

enum method op_http_method(const struct op *op)
{
    struct str s = str_of(op->http);
    return method_parse(str_split(&s, ' '));
}

struct str op_http_path(const struct op *op)
{
    struct str s = str_of(op->http);
    str_split(&s, ' ');
    return s;
}

static struct node *node_new(void)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    return n;
}

struct str op_path_param(struct str segment, bool *ret_rest)
{
    *ret_rest = false;
    if (segment.len < 3 || segment.ptr[0] != '{' || segment.ptr[segment.len - 1] != '}')
        return STR_NULL;
    struct str name = str_sub(segment, 1, segment.len - 1);
    *ret_rest = name.len > 3 && str_ends(name, STR("..."));
    return *ret_rest ? str_sub(name, 0, name.len - 3) : name;
}

static struct node *child_add(struct node *at, struct str seg)
{
    bool rest;
    if (str_given(op_path_param(seg, &rest))) {
        struct node **to = rest ? &at->rest : &at->param;
        if (!*to)
            *to = node_new();
        return *to;
    }
    for (struct node *c = at->children; c; c = c->next)
        if (str_eq(c->literal, seg))
            return c;
    struct node *c = node_new();
    c->literal = seg;
    c->next = at->children;
    at->children = c;
    return c;
}

bool router_add(struct router *r, const struct op *op)
{
    enum method m = op_http_method(op);
    struct str path = op_http_path(op);
    if (m == METHOD_OTHER || !str_given(path) || path.len == 0 || path.ptr[0] != '/')
        return false;
    struct node *n = &r->root;
    struct str rest = str_sub(path, 1, path.len);
    while (str_given(rest) && path.len > 1) {
        struct str seg = str_split(&rest, '/');
        bool takes_all;
        bool param = str_given(op_path_param(seg, &takes_all));
        if (seg.len == 0 || (seg.ptr[0] == '{' && !param) || (takes_all && str_given(rest)))
            return false;
        n = child_add(n, seg);
    }
    if (n->ops[m])
        return false;
    n->ops[m] = op;
    return true;
}

/* ---- matching ---- */

struct match {
    struct str segs[SEGMENTS_MAX];
    struct str tails[SEGMENTS_MAX + 1]; /* what is left of the path from segment i on, as sent */
    size_t count;
    bool rest_only; /* an empty segment, or too many: no row names such a path */
    enum method method;
    const struct op *op;
    const struct node *path_only; /* the path exists, the method does not */
    struct str values[SEGMENTS_MAX + 1];
};

static const struct op *node_op(const struct node *n, enum method m)
{
    if (n->ops[m] || m != METHOD_HEAD)
        return n->ops[m];
    const struct op *get = n->ops[METHOD_GET];
    return get && (get->kind == OP_DOWNLOAD || get->kind == OP_JSON) ? get : NULL;
}

static bool node_has_any(const struct node *n)
{
    for (int m = 0; m <= METHOD_OTHER; m++)
        if (n->ops[m])
            return true;
    return false;
}

/* A rest says nothing about what is there: another method finds nothing, where a path that a row
 * names would say which methods it has. */
static bool match_rest(struct match *mt, const struct node *n, size_t depth, size_t params)
{
    if (!n->rest || mt->path_only)
        return false;
    mt->values[params] = mt->tails[depth];
    mt->op = node_op(n->rest, mt->method);
    return mt->op != NULL;
}

static bool match_node(struct match *mt, const struct node *n, size_t depth, size_t params)
{
    bool literal = false;
    if (depth == mt->count) {
        mt->op = mt->rest_only ? NULL : node_op(n, mt->method);
        if (!mt->op && !mt->rest_only && !mt->path_only && node_has_any(n))
            mt->path_only = n;
        return mt->op || match_rest(mt, n, depth, params);
    }
    for (const struct node *c = n->children; c; c = c->next) {
        if (!str_eq(c->literal, mt->segs[depth]))
            continue;
        literal = true;
        if (match_node(mt, c, depth + 1, params))
            return true;
    }
    mt->values[params] = mt->segs[depth];
    if (n->param && match_node(mt, n->param, depth + 1, params + 1))
        return true;
    return !literal && match_rest(mt, n, depth, params);
}

static struct str allow_header(struct arena *a, const struct node *n)
{
    struct buf b;
    buf_init(&b, a, 200);
    for (int m = METHOD_GET; m < METHOD_OTHER; m++) {
        if (!node_op(n, (enum method)m))
            continue;
        buf_put_cstr(&b, b.len ? ", " : "");
        buf_put_cstr(&b, method_name((enum method)m));
    }
    return buf_str(&b);
}

static enum route_result split_path(struct arena *a, struct str path, struct match *mt)
{
    if (path.len == 0 || path.ptr[0] != '/')
        return ROUTE_BAD_PATH;
    struct str rest = str_sub(path, 1, path.len);
    mt->tails[0] = rest;
    while (str_given(rest) && path.len > 1) {
        struct str raw = str_split(&rest, '/'), seg;
        if (!url_decode(a, raw, false, &seg) || str_is(seg, ".") || str_is(seg, ".."))
            return ROUTE_BAD_PATH;
        mt->rest_only |= mt->count == SEGMENTS_MAX || seg.len == 0;
        if (mt->rest_only)
            continue;
        mt->segs[mt->count++] = seg;
        mt->tails[mt->count] = str_given(rest) ? rest : STR("");
    }
    return ROUTE_FOUND;
}

/* The names of the parameters stand in the row, since rows of one node may name them differently.
 */
static void fill_params(const struct op *op, const struct match *mt, struct pair *params,
                        size_t *ret_params)
{
    size_t n = 0;
    struct str path = op_http_path(op);
    struct str rest = str_sub(path, 1, path.len);
    while (str_given(rest)) {
        bool takes_all;
        struct str name = op_path_param(str_split(&rest, '/'), &takes_all);
        if (str_given(name)) {
            assert(n < PARAMS_MAX);
            params[n] = (struct pair){ name, mt->values[n] };
            n++;
        }
    }
    *ret_params = n;
}

enum route_result router_find(const struct router *r, struct arena *a, enum method m,
                              struct str path, const struct op **ret_op, struct pair *params,
                              size_t *ret_params, struct str *ret_allow)
{
    struct match mt;
    mt.count = 0;
    mt.rest_only = false;
    mt.method = m;
    mt.op = NULL;
    mt.path_only = NULL;
    enum route_result split = split_path(a, path, &mt);
    if (split != ROUTE_FOUND)
        return split;
    if (match_node(&mt, &r->root, 0, 0)) {
        *ret_op = mt.op;
        fill_params(mt.op, &mt, params, ret_params);
        return ROUTE_FOUND;
    }
    if (!mt.path_only)
        return ROUTE_NONE;
    *ret_allow = allow_header(a, mt.path_only);
    return ROUTE_NO_METHOD;
}

/* ---- URL texts ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool url_decode(struct arena *a, struct str s, bool plus, struct str *ret)
{
    bool plain = true;
    if (s.len && memchr(s.ptr, '\0', s.len))
        return false;
    for (size_t i = 0; i < s.len && plain; i++)
        plain = s.ptr[i] != '%' && !(plus && s.ptr[i] == '+') && (s.ptr[i] & 0x80) == 0;
    if (plain) {
        *ret = s;
        return true;
    }
    char *out = arena_alloc_raw(a, s.len);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int hi = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
            int lo = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
            if (hi < 0 || lo < 0 || hi + lo == 0)
                return false;
            c = (char)(hi * 16 + lo);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    struct str decoded = { out, n };
    if (!utf8_valid(decoded))
        return false;
    *ret = decoded;
    return true;
}

enum err url_pairs(struct cx *cx, struct str s, struct pair **ret, size_t *ret_count)
{
    size_t count = 0, most = 1;
    for (size_t i = 0; i < s.len; i++)
        most += s.ptr[i] == '&';
    if (most > PAIRS_MAX)
        FAIL(cx, VALIDATION, "There are more than %d parameters.", PAIRS_MAX);
    struct pair *pairs = arena_array(cx->arena, most, sizeof *pairs);
    while (str_given(s) && s.len) {
        struct str value = str_split(&s, '&');
        if (value.len == 0)
            continue;
        struct str name = str_split(&value, '=');
        if (!str_given(value))
            value = STR("");
        if (!url_decode(cx->arena, name, true, &pairs[count].name) ||
            !url_decode(cx->arena, value, true, &pairs[count].value))
            FAIL(cx, VALIDATION, "A parameter is not percent-encoded UTF-8.");
        count++;
    }
    *ret = pairs;
    *ret_count = count;
    return OK;
}
