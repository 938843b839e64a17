/* Goal: the catalogue as JSON: tools for models, operations for the command line.
 * Invariant: order by name, bytes stable from start to start. */
#include "op/registry.h"

void registry_tool_json(const struct registry *r, struct json_writer *w, const struct op *op)
{
    jw_object(w);
    jw_key_lit(w, "name");
    jw_str(w, str_of(op->name));
    jw_key_lit(w, "description");
    jw_str(w, str_of(op->tool->doc));
    jw_key_lit(w, "inputSchema");
    jw_raw(w, registry_tool_schema(r, op));
    jw_object_end(w);
}

static const char *effect_letter(enum op_effect e)
{
    return e == EFFECT_READ ? "R" : e == EFFECT_WRITE ? "W" : "X";
}

void registry_operations_json(const struct registry *r, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_array(&w);
    for (size_t i = 0; i < registry_count(r); i++) {
        const struct op *op = registry_at(r, i);
        jw_object(&w);
        jw_key_lit(&w, "name");
        jw_str(&w, str_of(op->name));
        jw_key_lit(&w, "category");
        jw_str(&w, str_of(op->category));
        jw_key_lit(&w, "level");
        if (op->tool)
            jw_i64(&w, op->tool->level);
        else
            jw_null(&w);
        jw_key_lit(&w, "effect");
        jw_str(&w, str_of(effect_letter(op->effect)));
        jw_key_lit(&w, "http");
        jw_str(&w, str_of(op->http));
        jw_key_lit(&w, "summary");
        jw_str(&w, str_of(op->summary));
        jw_object_end(&w);
    }
    jw_array_end(&w);
}

/* ---- access matrix ---- */

static const char *auth_text(enum op_auth a)
{
    switch (a) {
    case AUTH_NONE:
        return "public";
    case AUTH_SESSION:
        return "session";
    case AUTH_SESSION_OR_NONE:
        return "session, or none";
    case AUTH_MCP:
        return "agent key";
    case AUTH_MCP_OR_OPENCLAW:
        return "agent key or OpenClaw bearer";
    case AUTH_CRON:
        return "cron secret";
    default:
        return "operator";
    }
}

static const char *matrix_cell(const struct op *op, unsigned role)
{
    if (op->org_roles)
        return op->org_roles & role ? " org |" : " – |";
    return op->roles & ROLES_ANY ? " any |" : op->roles & role ? " yes |" : " – |";
}

void registry_access_matrix(const struct registry *r, struct buf *out)
{
    static const enum role roles[] = { ROLE_OWNER, ROLE_ADMIN, ROLE_MEMBER, ROLE_VIEWER };
    buf_put_cstr(out, "# Access matrix\n\nWho may call what. Generated from the operation table; "
                      "`any` means that no workspace role is asked,\n"
                      "`org` that the role is the one in the organisation that the path names.\n\n"
                      "| operation | route | credential | OWNER | ADMIN | MEMBER | VIEWER |\n"
                      "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < registry_count(r); i++) {
        const struct op *op = registry_at(r, i);
        buf_printf(out, "| `%s` | %s%s%s | %s |", op->name, op->http ? "`" : "",
                   op->http ? op->http : "–", op->http ? "`" : "", auth_text(op->auth));
        for (size_t k = 0; k < sizeof roles / sizeof *roles; k++)
            buf_put_cstr(out, matrix_cell(op, 1u << roles[k]));
        buf_put_byte(out, '\n');
    }
}
