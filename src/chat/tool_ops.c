/* Tools that only a conversation has: two that a person answers, one that describes the others. */
#include "base/app.h"
#include "chat/chat.h"
#include "op/registry.h"

/* ---- ask_question, ask_confirmation ---- */

struct ask_in {
    struct str question, message, action_description;
    struct span options;
};
static const struct field question_fields[] = {
    { .name = "question",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct ask_in, question),
      .min = 1,
      .max = 2000,
      .doc = "The question, one sentence" },
    { .name = "options",
      .type = FIELD_ARRAY,
      .offset = FIELD_AT(struct ask_in, options),
      .elem = FIELD_STR,
      .max = 8,
      .doc = "Answers to pick from, at most 8; the user may write another one" },
    FIELD_END,
};
static const struct field confirmation_fields[] = {
    { .name = "message",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct ask_in, message),
      .min = 1,
      .max = 2000,
      .doc = "What the user is asked to confirm" },
    { .name = "actionDescription",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct ask_in, action_description),
      .min = 1,
      .max = 2000,
      .doc = "What would happen" },
    FIELD_END,
};

static enum err ask_run(struct cx *cx, const void *input, void *output)
{
    (void)input;
    (void)output;
    FAIL(cx, CONFLICT, "Only a person in a conversation can answer this.");
}

/* ---- describe_tools ---- */

enum { DESCRIBE_MAX = 20, DESCRIBE_BYTES_MAX = 256 * 1024 };

struct describe_in {
    struct span names; /* struct str */
};
struct describe_out {
    struct str tools; /* JSON */
};
static const struct field describe_in_fields[] = {
    { .name = "names",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct describe_in, names),
      .elem = FIELD_STR,
      .min = 1,
      .max = DESCRIBE_MAX,
      .doc = "Names of tools, 1 to 20" },
    FIELD_END,
};
static const struct field describe_out_fields[] = {
    { .name = "tools",
      .type = FIELD_JSON,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct describe_out, tools),
      .doc = "Name, description and input schema of each that the caller may use" },
    FIELD_END,
};

static enum err describe_run(struct cx *cx, const void *input, void *output)
{
    const struct describe_in *in = input;
    struct describe_out *out = output;
    const struct str *names = in->names.ptr;
    struct buf json;
    struct json_writer w;
    buf_init(&json, cx->arena, DESCRIBE_BYTES_MAX);
    jw_init(&w, &json);
    jw_array(&w);
    for (size_t i = 0; i < in->names.count; i++) {
        const struct op *op = registry_find(cx->app->ops, names[i]);
        if (!op || !op->tool || op->tool->level > cx->principal.autonomy_level) {
            cx_field_error(cx, str_fmt(cx->arena, "names.%zu", i), "is no tool of this caller");
            return cx_invalid(cx);
        }
        registry_tool_json(cx->app->ops, &w, op);
    }
    jw_array_end(&w);
    if (json.overflow)
        FAIL(cx, VALIDATION, "These tools are too many to describe at once.");
    out->tools = buf_str(&json);
    return OK;
}

/* ---- rows ---- */

static const struct op_tool question_tool = {
    .level = 0,
    .doc = "Ask the user a question when you cannot go on without the answer; offer options where "
           "you can.",
};
static const struct op_tool confirmation_tool = {
    .level = 0,
    .doc = "Ask the user whether to go on with something that no tool does. Tools that change "
           "records ask by themselves: do not use this for them.",
};
static const struct op_tool describe_tool = {
    .level = 0,
    .doc = "Full descriptions and input schemas of tools, by name.",
};

#define CORE_ROW                                                                                   \
    .kind = OP_JSON, .category = "core", .auth = AUTH_SESSION, .roles = ROLES_VIEWER_UP,           \
    .tx = TX_NONE, .lane = LANE_LOOP, .rate = RATE_READ, .effect = EFFECT_READ,                    \
    .flags = OP_CORE_TOOL

const struct op chat_tool_ops[] = {
    { .name = "ask_question",
      CORE_ROW,
      .tool = &question_tool,
      .in = question_fields,
      .in_size = sizeof(struct ask_in),
      .run = ask_run,
      .summary = "Ask the user a question",
      .doc = "Answered by the client of a conversation, as the tool's output." },
    { .name = "ask_confirmation",
      CORE_ROW,
      .tool = &confirmation_tool,
      .in = confirmation_fields,
      .in_size = sizeof(struct ask_in),
      .run = ask_run,
      .summary = "Ask the user to confirm",
      .doc = "Answered by the client of a conversation, as the tool's output. It authorises "
             "nothing." },
    { .name = "describe_tools",
      CORE_ROW,
      .tool = &describe_tool,
      .in = describe_in_fields,
      .in_size = sizeof(struct describe_in),
      .out = describe_out_fields,
      .out_size = sizeof(struct describe_out),
      .run = describe_run,
      .summary = "Describe tools",
      .doc = "Name, description and input schema of the named tools." },
};
const size_t chat_tool_ops_count = sizeof chat_tool_ops / sizeof *chat_tool_ops;
