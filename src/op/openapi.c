/* Goal: the OpenAPI 3.1 document, written from the operation table and nothing else.
 * Invariant: the same table gives the same bytes; internal rows and rows without a route are left
 * out. */
#include "op/registry.h"

#include <stdio.h>

#include "op/router.h"

static void put(struct json_writer *w, const char *key, const char *value)
{
    jw_key(w, str_of(key));
    jw_str(w, str_of(value));
}

/* ---- security ---- */

static void write_scheme(struct json_writer *w, const char *name, const char *type, const char *k1,
                         const char *v1, const char *k2, const char *v2, const char *doc)
{
    jw_key(w, str_of(name));
    jw_object(w);
    put(w, "type", type);
    put(w, k1, v1);
    put(w, k2, v2);
    put(w, "description", doc);
    jw_object_end(w);
}

static void write_schemes(struct json_writer *w)
{
    jw_key_lit(w, "securitySchemes");
    jw_object(w);
    write_scheme(w, "session", "apiKey", "in", "cookie", "name", "next-auth.session-token",
                 "NextAuth v4 session cookie. Requests that are not GET also send x-csrf-token.");
    write_scheme(w, "mcpKey", "http", "scheme", "bearer", "bearerFormat", "cp_live_…",
                 "Agent key, with the header X-MCP-Client.");
    write_scheme(w, "openclaw", "http", "scheme", "bearer", "bearerFormat", "OpenClaw",
                 "Bearer of the workspace's OpenClaw gateway.");
    write_scheme(w, "cron", "http", "scheme", "bearer", "bearerFormat", "CRON_SECRET",
                 "The server's CRON_SECRET.");
    jw_object_end(w);
}

static void write_security(struct json_writer *w, enum op_auth auth)
{
    static const char *const names[][2] = {
        [AUTH_NONE] = { NULL, NULL },
        [AUTH_SESSION] = { "session", NULL },
        [AUTH_SESSION_OR_NONE] = { "session", NULL },
        [AUTH_MCP] = { "mcpKey", NULL },
        [AUTH_MCP_OR_OPENCLAW] = { "mcpKey", "openclaw" },
        [AUTH_CRON] = { "cron", NULL },
        [AUTH_OPERATOR] = { NULL, NULL },
    };
    jw_key_lit(w, "security");
    jw_array(w);
    if (auth == AUTH_SESSION_OR_NONE) { /* an empty requirement: none will do */
        jw_object(w);
        jw_object_end(w);
    }
    for (int i = 0; i < 2 && names[auth][i]; i++) {
        jw_object(w);
        jw_key(w, str_of(names[auth][i]));
        jw_array(w);
        jw_array_end(w);
        jw_object_end(w);
    }
    jw_array_end(w);
}

/* x-roles: who may. They are roles in the workspace, unless x-role-scope says "organization". */
static void write_roles(struct json_writer *w, const struct op *op)
{
    unsigned roles = op->org_roles ? op->org_roles : op->roles;
    if (op->auth != AUTH_SESSION || roles & ROLES_ANY)
        return;
    jw_key_lit(w, "x-roles");
    jw_array(w);
    for (int role = ROLE_OWNER; role >= ROLE_VIEWER; role--)
        if (roles & (1u << role))
            jw_str(w, str_of(role_name((enum role)role)));
    jw_array_end(w);
    if (op->org_roles)
        put(w, "x-role-scope", "organization");
}

/* ---- parameters and bodies ---- */

static void write_parameter(struct json_writer *w, const struct field *f, const char *in)
{
    jw_object(w);
    put(w, "name", f->from == FROM_HEADER ? f->header : f->name);
    put(w, "in", in);
    if (f->doc)
        put(w, "description", f->doc);
    jw_key_lit(w, "required");
    jw_bool(w, f->from == FROM_PATH || f->flags & FIELD_REQUIRED);
    jw_key_lit(w, "schema");
    field_schema_one(w, f);
    jw_object_end(w);
}

static void write_path_parameters(struct json_writer *w, const struct op *op)
{
    struct str rest = op_http_path(op);
    while (str_given(rest)) {
        struct str seg = str_split(&rest, '/');
        if (seg.len < 3 || seg.ptr[0] != '{')
            continue;
        jw_object(w);
        jw_key_lit(w, "name");
        jw_str(w, str_sub(seg, 1, seg.len - 1));
        put(w, "in", "path");
        jw_key_lit(w, "required");
        jw_bool(w, true);
        jw_key_lit(w, "schema");
        jw_object(w);
        put(w, "type", "string");
        jw_object_end(w);
        jw_object_end(w);
    }
}

static void write_parameters(struct json_writer *w, const struct op *op)
{
    jw_key_lit(w, "parameters");
    jw_array(w);
    if (op->kind == OP_RAW)
        write_path_parameters(w, op);
    for (const struct field *f = op->in; f && f->name; f++) {
        if (f->flags & FIELD_HIDDEN)
            continue;
        if (f->from == FROM_PATH)
            write_parameter(w, f, "path");
        else if (f->from == FROM_QUERY)
            write_parameter(w, f, "query");
        else if (f->from == FROM_HEADER)
            write_parameter(w, f, "header");
    }
    jw_array_end(w);
}

static bool has_body(const struct op *op)
{
    if (op->kind == OP_RAW)
        return op_http_method(op) == METHOD_POST;
    for (const struct field *f = op->in; f && f->name; f++)
        if (f->from == FROM_BODY)
            return true;
    return false;
}

static bool body_required(const struct op *op)
{
    for (const struct field *f = op->in; f && f->name; f++)
        if (f->from == FROM_BODY && f->flags & FIELD_REQUIRED)
            return true;
    return false;
}

static void write_body(struct json_writer *w, const struct op *op)
{
    enum method m = op_http_method(op);
    if (!has_body(op)) {
        if (m == METHOD_POST || m == METHOD_PATCH || m == METHOD_PUT) {
            jw_key_lit(w, "x-no-body");
            jw_bool(w, true);
        }
        return;
    }
    jw_key_lit(w, "requestBody");
    jw_object(w);
    jw_key_lit(w, "required");
    jw_bool(w, body_required(op));
    jw_key_lit(w, "content");
    jw_object(w);
    jw_key(w, op->kind == OP_UPLOAD ? STR("multipart/form-data") : STR("application/json"));
    jw_object(w);
    jw_key_lit(w, "schema");
    if (op->kind == OP_RAW) {
        jw_object(w);
        put(w, "type", "object");
        jw_object_end(w);
    } else {
        field_schema(w, op->in, SCHEMA_BODY);
    }
    jw_object_end(w);
    jw_object_end(w);
    jw_object_end(w);
}

/* ---- responses ---- */

static void write_success_schema(struct json_writer *w, const struct op *op)
{
    if (op->out) {
        field_schema(w, op->out, SCHEMA_ANSWER);
        return;
    }
    static const struct field success[] = {
        { .name = "success", .type = FIELD_BOOL, .flags = FIELD_REQUIRED, .doc = "Always true" },
        FIELD_END,
    };
    field_schema(w, success, SCHEMA_ANSWER);
}

static const char *answer_type(const struct op *op)
{
    switch (op->kind) {
    case OP_STREAM:
        return "text/event-stream";
    case OP_DOWNLOAD:
        return "application/octet-stream";
    default:
        return "application/json";
    }
}

static void write_success(struct json_writer *w, const struct op *op)
{
    int status = op_success_status(op);
    char code[8];
    snprintf(code, sizeof code, "%d", status);
    jw_key(w, str_of(code));
    jw_object(w);
    put(w, "description", status == 201 ? "Created" : status == 202 ? "Accepted" : "Success");
    jw_key_lit(w, "content");
    jw_object(w);
    jw_key(w, str_of(answer_type(op)));
    jw_object(w);
    jw_key_lit(w, "schema");
    if (op->kind == OP_STREAM || op->kind == OP_DOWNLOAD || op->kind == OP_RAW) {
        jw_object(w);
        if (op->kind != OP_RAW)
            put(w, "type", "string");
        jw_object_end(w);
    } else {
        write_success_schema(w, op);
    }
    jw_object_end(w);
    jw_object_end(w);
    jw_object_end(w);
}

static bool may_answer(const struct op *op, int status)
{
    switch (status) {
    case 400:
    case 429:
    case 500:
    case 503:
        return true;
    case 401:
        return op->auth != AUTH_NONE;
    case 403:
        return op->auth == AUTH_SESSION || op->auth == AUTH_SESSION_OR_NONE ||
               op->auth == AUTH_MCP || op->auth == AUTH_MCP_OR_OPENCLAW;
    case 404:
        return op->auth != AUTH_NONE && op->auth != AUTH_CRON;
    case 409:
    case 422:
        return op->tx == TX_WRITE;
    case 413:
    case 415:
        return has_body(op);
    default:
        return false;
    }
}

static void write_errors(struct json_writer *w, const struct op *op)
{
    int last = 0;
    for (int e = 1; e < ERR_COUNT; e++) {
        const struct err_info *info = err_info((enum err)e);
        if (info->http_status == last || !may_answer(op, info->http_status))
            continue;
        last = info->http_status;
        char code[8];
        snprintf(code, sizeof code, "%d", last);
        jw_key(w, str_of(code));
        jw_object(w);
        put(w, "$ref", "#/components/responses/Error");
        jw_object_end(w);
    }
}

static void write_operation(struct json_writer *w, const struct op *op)
{
    char method[8];
    size_t n = 0;
    for (const char *m = method_name(op_http_method(op)); *m; m++)
        method[n++] = (char)(*m | 0x20);
    jw_key(w, (struct str){ method, n });
    jw_object(w);
    put(w, "operationId", op->name);
    put(w, "summary", op->summary);
    if (op->doc)
        put(w, "description", op->doc);
    jw_key_lit(w, "tags");
    jw_array(w);
    jw_str(w, str_of(op->category));
    jw_array_end(w);
    write_security(w, op->auth);
    write_roles(w, op);
    write_parameters(w, op);
    write_body(w, op);
    jw_key_lit(w, "responses");
    jw_object(w);
    write_success(w, op);
    write_errors(w, op);
    jw_object_end(w);
    jw_object_end(w);
}

/* ---- the document ---- */

static bool documented(const struct op *op)
{
    return op->http && !(op->flags & OP_INTERNAL);
}

/* All methods of a path stand under one key: at the first row of a path, its others follow. */
static bool path_seen(const struct registry *r, size_t i)
{
    struct str path = op_http_path(registry_at(r, i));
    for (size_t k = 0; k < i; k++)
        if (documented(registry_at(r, k)) && str_eq(op_http_path(registry_at(r, k)), path))
            return true;
    return false;
}

static void write_paths(struct json_writer *w, const struct registry *r)
{
    jw_key_lit(w, "paths");
    jw_object(w);
    for (size_t i = 0; i < registry_count(r); i++) {
        const struct op *op = registry_at(r, i);
        if (!documented(op) || path_seen(r, i))
            continue;
        struct str path = op_http_path(op);
        jw_key(w, path);
        jw_object(w);
        for (size_t k = i; k < registry_count(r); k++)
            if (documented(registry_at(r, k)) && str_eq(op_http_path(registry_at(r, k)), path))
                write_operation(w, registry_at(r, k));
        jw_object_end(w);
    }
    jw_object_end(w);
}

static void write_components(struct json_writer *w)
{
    static const struct field error_fields[] = {
        { .name = "success", .type = FIELD_BOOL, .flags = FIELD_REQUIRED, .doc = "Always false" },
        { .name = "error", .type = FIELD_STR, .flags = FIELD_REQUIRED, .doc = "Text for people" },
        { .name = "code",
          .type = FIELD_STR,
          .flags = FIELD_REQUIRED,
          .doc = "Machine code; docs/errors.md lists them" },
        { .name = "details",
          .type = FIELD_JSON,
          .flags = FIELD_REQUIRED,
          .doc = "Facts that a program can use, as fieldErrors" },
        FIELD_END,
    };
    jw_key_lit(w, "components");
    jw_object(w);
    write_schemes(w);
    jw_key_lit(w, "schemas");
    jw_object(w);
    jw_key_lit(w, "Error");
    field_schema(w, error_fields, SCHEMA_ANSWER);
    jw_object_end(w);
    jw_key_lit(w, "responses");
    jw_object(w);
    jw_key_lit(w, "Error");
    jw_raw(w, STR("{\"description\":\"Refused or failed\",\"content\":{\"application/json\":{"
                  "\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}"));
    jw_object_end(w);
    jw_object_end(w);
}

void registry_openapi(const struct registry *r, struct str public_url, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w);
    put(&w, "openapi", "3.1.0");
    jw_key_lit(&w, "info");
    jw_object(&w);
    put(&w, "title", "opboxd");
    put(&w, "version", OPBOXD_VERSION);
    put(&w, "description", "Self-hosted AI operations backend.");
    jw_key_lit(&w, "license");
    jw_raw(&w, STR("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    jw_object_end(&w);
    jw_key_lit(&w, "servers");
    jw_array(&w);
    jw_object(&w);
    jw_key_lit(&w, "url");
    jw_str(&w, str_given(public_url) && public_url.len ? public_url : STR("/"));
    jw_object_end(&w);
    jw_array_end(&w);
    write_paths(&w, r);
    write_components(&w);
    jw_object_end(&w);
}
