/* Goals: a conversation may use what its user may: the catalogue's read tools, through the same
 * gate, as the user, and two that the user answers. Tools that change something are not offered
 * here before they can be approved. Invariant: a tool's call lives on the run's loop, holds the
 * run, and comes back exactly once. */
#include <stdlib.h>

#include "base/app.h"
#include "base/json.h"
#include "chat/state.h"
#include "op/registry.h"

enum { OUTPUT_BYTES_MAX = 100 * 1024 };

bool chat_tool_asks(struct str name)
{
    return str_is(name, "ask_question") || str_is(name, "ask_confirmation");
}

/* ---- which ---- */

static bool may_use(const struct cx *cx, const struct op *op)
{
    if (!op->tool || op->effect != EFFECT_READ || op->auth != AUTH_SESSION)
        return false;
    if (!(op->roles & ROLES_ANY) && !(op->roles & (1u << cx->principal.role)))
        return false;
    return op->tool->level <= cx->principal.autonomy_level;
}

enum err chat_tools(struct cx *cx, bool plan_mode, struct llm_tool **ret, size_t *ret_count)
{
    const struct registry *ops = cx->app->ops;
    struct llm_tool *tools = arena_array(cx->arena, registry_count(ops), sizeof *tools);
    size_t count = 0;
    (void)plan_mode; /* all of them read */
    for (size_t i = 0; i < registry_count(ops); i++) {
        const struct op *op = registry_at(ops, i);
        if (may_use(cx, op))
            tools[count++] = (struct llm_tool){ .name = str_of(op->name),
                                                .description = str_of(op->tool->doc),
                                                .schema = registry_tool_schema(ops, op) };
    }
    *ret = tools;
    *ret_count = count;
    return OK;
}

/* ---- running one ---- */

struct tool_call {
    struct call call;
    struct arena *arena;
    struct run *run; /* a reference */
    int part;
    struct json arguments;
};

static void tool_free(struct tool_call *t)
{
    call_release(&t->call);
    run_unref(t->run);
    arena_free(t->arena);
    free(t);
}

/* What a model may read of a refusal: the sentence and the fields. */
static struct str failure_text(struct tool_call *t)
{
    struct json body;
    struct json_fault fault;
    if (json_parse(t->arena, t->call.reply.body, NULL, &body, &fault) != OK)
        return STR("The tool failed.");
    const struct json *fields = json_get(json_get(&body, "details"), "fieldErrors");
    struct str said = json_text(&body, "error");
    if (!str_given(said))
        said = STR("The tool failed.");
    return fields ? str_fmt(t->arena, "%.*s %.*s", STR_ARG(said), STR_ARG(fields->source)) : said;
}

static void on_done(struct call *c)
{
    struct tool_call *t = c->face_data;
    const struct reply *r = &c->reply;
    bool ok = r->kind == REPLY_BYTES && r->status < 300;
    if (ok && r->body.len > OUTPUT_BYTES_MAX)
        run_tool_done(t->run, t->part, false, STR("The result is too large; ask for less of it."));
    else
        run_tool_done(t->run, t->part, ok, ok ? r->body : failure_text(t));
    tool_free(t);
}

static void on_head(struct call *c, enum call_verdict v)
{
    if (v == CALL_ADMITTED)
        call_body(c);
    else
        on_done(c);
}

static const struct op *find_tool(struct run *r, struct str name)
{
    struct cx cx = { .app = run_app(r), .principal = *run_principal(r) };
    const struct op *op = registry_find(run_app(r)->ops, name);
    return op && may_use(&cx, op) && !chat_tool_asks(name) ? op : NULL;
}

void chat_tool_run(struct run *r, int part)
{
    const struct part *p = message_part(run_message(r), (size_t)part);
    const struct op *op = find_tool(r, str_of(p->name));
    struct json_fault fault;
    if (!op) {
        run_tool_done(r, part, false, STR("There is no such tool in this conversation."));
        return;
    }
    struct tool_call *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->arena = arena_new(8192);
    t->run = run_hold(r);
    t->part = part;
    call_init(&t->call, run_app(r), t->arena);
    t->call.cx.principal = *run_principal(r);
    t->call.loop = run_loop(r);
    t->call.op_named = op;
    t->call.as_tool = true;
    t->call.rq.face = FACE_CHAT;
    t->call.rq.method = METHOD_POST;
    t->call.arguments = &t->arguments;
    t->call.face_data = t;
    t->call.on_head = on_head;
    t->call.on_done = on_done;
    struct str input = str_copy(t->arena, buf_str(&p->text));
    if (json_parse(t->arena, input, NULL, &t->arguments, &fault) != OK) {
        run_tool_done(r, part, false, STR("The arguments are not a JSON object."));
        tool_free(t);
        return;
    }
    call_head(&t->call);
}
