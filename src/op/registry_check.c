/* Goal: refuse a wrong row before it serves a request: each rule says what a forgotten field would
 * otherwise silently mean. Non-goal: rules between rows (registry.c). */
#include "op/registry_check.h"

#include "op/router.h"

#define FAULT(...)                                                                                 \
    do {                                                                                           \
        buf_printf(faults, "operation %s: ", op->name ? op->name : "(unnamed)");                   \
        buf_printf(faults, __VA_ARGS__);                                                           \
        buf_put_byte(faults, '\n');                                                                \
    } while (0)

static bool name_valid(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0 || len > 64)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
              name[i] == '_'))
            return false;
    return true;
}

static bool takes_organization(const struct op *op)
{
    for (const struct field *f = op->in; f && f->name; f++)
        if (str_is(str_of(f->name), "orgId") && f->type == FIELD_ID && f->flags & FIELD_REQUIRED)
            return op->auth == AUTH_SESSION;
    return false;
}

static void check_safety(const struct op *op, struct buf *faults)
{
    if (op->kind < OP_JSON || op->kind > OP_RAW)
        FAULT("no kind");
    if (op->auth < AUTH_NONE || op->auth > AUTH_OPERATOR)
        FAULT("no auth");
    if (op->roles == 0)
        FAULT("no roles");
    if (op->tx < TX_READ || op->tx > TX_NONE)
        FAULT("no tx");
    if (op->lane < LANE_LOOP || op->lane > LANE_PASSWORD)
        FAULT("no lane");
    if (op->rate < RATE_NONE || op->rate >= RATE_COUNT)
        FAULT("no rate");
    if (op->effect < EFFECT_READ || op->effect > EFFECT_EXTERNAL)
        FAULT("no effect");
    if (op->auth == AUTH_OPERATOR && op->http)
        FAULT("an operator operation has no route");
    if (op->org_roles && !takes_organization(op))
        FAULT("org_roles without the argument orgId");
    if (op->org_roles && op->roles != ROLES_ANY)
        FAULT("asks for a role in the workspace and for one in the organisation");
    if (op->auth != AUTH_NONE && op->auth != AUTH_OPERATOR && op->rate == RATE_NONE)
        FAULT("a signed-in operation needs a rate");
    if (op->auth == AUTH_SESSION && !(op->roles & ~(unsigned)ROLES_ANY) && op->roles != ROLES_ANY)
        FAULT("roles name nobody");
    if (op->lane == LANE_LOOP && op->kind == OP_UPLOAD)
        FAULT("an upload cannot run on a loop");
    if (op->tx == TX_WRITE && op->effect == EFFECT_READ && !(op->flags & OP_WRAPPED_READ))
        FAULT("writes, but its effect says that it reads");
}

static void check_http(const struct op *op, struct buf *faults)
{
    if (!op->http)
        return;
    enum method m = op_http_method(op);
    struct str path = op_http_path(op), rest = path;
    if (m == METHOD_OTHER || !str_starts(path, STR("/")))
        FAULT("http is not \"METHOD /path\"");
    if (m == METHOD_GET && op->tx == TX_WRITE)
        FAULT("a GET must not write");
    while (str_given(rest)) {
        bool takes_all;
        struct str name = op_path_param(str_split(&rest, '/'), &takes_all);
        if (!str_given(name))
            continue;
        bool found = op->kind == OP_RAW;
        for (const struct field *f = op->in; f && f->name; f++)
            found |= f->from == FROM_PATH && str_is(name, f->name);
        if (!found)
            FAULT("path parameter %.*s is no FROM_PATH field", STR_ARG(name));
    }
}

static void check_docs(const struct op *op, struct buf *faults)
{
    if (!op->summary || !*op->summary)
        FAULT("no summary");
    if (!op->category || !*op->category)
        FAULT("no category");
    if (!(op->flags & OP_INTERNAL) && (!op->doc || !*op->doc))
        FAULT("no doc");
    if (op->tool && (op->tool->level < 0 || op->tool->level > 3))
        FAULT("tool level must be 0 to 3");
    if (op->tool && (!op->tool->doc || !*op->tool->doc))
        FAULT("no tool doc");
    if (op->tool && op->kind != OP_JSON)
        FAULT("only OP_JSON rows can be tools");
}

static void check_table(const struct op *op, const struct field *table, size_t size,
                        const char *which, struct buf *faults)
{
    for (const struct field *f = table; f && f->name; f++) {
        if (f->type < FIELD_STR || f->type > FIELD_FILE)
            FAULT("%s field %s has no type", which, f->name);
        if (size && f->offset >= size)
            FAULT("%s field %s lies outside its struct", which, f->name);
        if (f->type == FIELD_ENUM && !f->values)
            FAULT("%s field %s has no values", which, f->name);
        if (f->type == FIELD_OBJECT && !f->fields)
            FAULT("%s field %s has no fields", which, f->name);
        if (f->type == FIELD_ARRAY && !f->fields && !f->elem)
            FAULT("%s field %s has no element", which, f->name);
        if (f->type == FIELD_ARRAY && f->fields && !f->elem_size)
            FAULT("%s field %s has no elem_size", which, f->name);
        if (f->from == FROM_HEADER && !f->header)
            FAULT("%s field %s names no header", which, f->name);
        if (!f->doc && !(f->flags & FIELD_HIDDEN) && !(op->flags & OP_INTERNAL))
            FAULT("%s field %s has no doc", which, f->name);
        if (f->fields && f->fields != table)
            check_table(op, f->fields, 0, which, faults);
    }
}

void op_check(const struct op *op, struct buf *faults)
{
    if (!name_valid(op->name))
        FAULT("its name is not 1 to 64 of a-z, 0-9 and _");
    check_safety(op, faults);
    check_http(op, faults);
    check_docs(op, faults);
    check_table(op, op->in, op->in_size, "in", faults);
    check_table(op, op->out, op->out_size, "out", faults);
    if (op->in && !op->in_size)
        FAULT("in without in_size");
    if (op->out && !op->out_size)
        FAULT("out without out_size");
    if (!op->run)
        FAULT("no function");
    if (op->location && op->kind != OP_JSON && op->kind != OP_UPLOAD)
        FAULT("location on a kind without a JSON answer");
}
