/* Goal: the log as the AI SDK's UI message stream.
 * Non-goal: sockets; an event function takes it from here.
 * Invariant: what is told from counter c on continues exactly what was told up to c: deltas are cut
 * at characters, never inside one. */
#include "run/message_log.h"

struct teller {
    const struct message *m;
    message_event_fn *fn;
    void *arg;
    struct buf json;
    struct json_writer w;
};

static void begin(struct teller *t, const char *type)
{
    buf_clear(&t->json);
    jw_init(&t->w, &t->json);
    jw_object(&t->w);
    jw_key_lit(&t->w, "type");
    jw_str(&t->w, str_of(type));
}

static void text_member(struct teller *t, const char *key, struct str s)
{
    jw_key(&t->w, str_of(key));
    jw_str(&t->w, s);
}

static void raw_member(struct teller *t, const char *key, struct str json)
{
    jw_key(&t->w, str_of(key));
    jw_raw(&t->w, json);
}

static bool end(struct teller *t, const char *name, int64_t counter)
{
    jw_object_end(&t->w);
    return t->fn(t->arg, name, counter, buf_str(&t->json));
}

static const char *const part_starts[] = { [PART_TEXT] = "text-start",
                                           [PART_REASONING] = "reasoning-start",
                                           [PART_TOOL] = "tool-input-start" };
static const char *const part_deltas[] = { [PART_TEXT] = "text-delta",
                                           [PART_REASONING] = "reasoning-delta",
                                           [PART_TOOL] = "tool-input-delta" };
static const char *const part_ends[] = {
    [PART_TEXT] = "text-end", [PART_REASONING] = "reasoning-end"
};
static const char *const part_names[] = {
    [PART_TEXT] = "token", [PART_REASONING] = "reasoning", [PART_TOOL] = "tool_call"
};

static bool tell_part_start(struct teller *t, const struct entry *e)
{
    const struct part *p = &t->m->parts[e->part];
    begin(t, part_starts[p->type]);
    text_member(t, p->type == PART_TOOL ? "toolCallId" : "id", str_of(p->id));
    if (p->type == PART_TOOL)
        text_member(t, "toolName", str_of(p->name));
    return end(t, part_names[p->type], e->at);
}

/* The end of a piece that begins at `from`: at most MESSAGE_DELTA_BYTES_MAX further, between two
 * characters. */
static size_t piece_end(struct str text, size_t from, size_t to)
{
    if (to - from <= MESSAGE_DELTA_BYTES_MAX)
        return to;
    size_t at = from + MESSAGE_DELTA_BYTES_MAX;
    while (at > from && ((unsigned char)text.ptr[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static bool tell_delta(struct teller *t, const struct entry *e, int64_t from_counter)
{
    const struct part *p = &t->m->parts[e->part];
    struct str text = buf_str(&p->text);
    int64_t begin_counter = e->at - (int64_t)(e->to - e->from);
    size_t from = e->from;
    if (from_counter > begin_counter)
        from += (size_t)(from_counter - begin_counter);
    while (from > e->from && from < e->to && ((unsigned char)text.ptr[from] & 0xC0) == 0x80)
        from--;
    while (from < e->to) {
        size_t to = piece_end(text, from, e->to);
        begin(t, part_deltas[p->type]);
        text_member(t, p->type == PART_TOOL ? "toolCallId" : "id", str_of(p->id));
        text_member(t, p->type == PART_TOOL ? "inputTextDelta" : "delta", str_sub(text, from, to));
        if (!end(t, part_names[p->type], begin_counter + (int64_t)(to - e->from)))
            return false;
        from = to;
    }
    return true;
}

static bool tell_part_end(struct teller *t, const struct entry *e)
{
    const struct part *p = &t->m->parts[e->part];
    if (p->type == PART_TOOL)
        return true;
    begin(t, part_ends[p->type]);
    text_member(t, "id", str_of(p->id));
    return end(t, part_names[p->type], e->at);
}

static bool tell_tool(struct teller *t, const struct entry *e)
{
    const struct part *p = &t->m->parts[e->part];
    bool input = e->type == ENTRY_TOOL_INPUT, failed = p->tool == TOOL_OUTPUT_ERROR;
    begin(t, input    ? "tool-input-available"
             : failed ? "tool-output-error"
                      : "tool-output-available");
    text_member(t, "toolCallId", str_of(p->id));
    if (input) {
        text_member(t, "toolName", str_of(p->name));
        raw_member(t, "input", buf_str(&p->text));
    } else if (failed) {
        text_member(t, "errorText", str_of(p->output));
    } else {
        raw_member(t, "output", str_of(p->output));
    }
    return end(t, input ? "tool_call" : "tool_result", e->at);
}

static const char *data_event_name(const char *name)
{
    if (strcmp(name, "data-usage") == 0)
        return "usage";
    if (strcmp(name, "data-refresh") == 0)
        return "refresh";
    if (strcmp(name, "data-rate-limit") == 0)
        return "rate_limit";
    return strcmp(name, "data-approval") == 0 ? "approval" : "data";
}

static bool tell_data(struct teller *t, const struct entry *e)
{
    const char *name = e->part >= 0 ? t->m->parts[e->part].name : e->name;
    begin(t, name);
    raw_member(t, "data", e->text ? str_of(e->text) : buf_str(&t->m->parts[e->part].text));
    if (e->text) {
        jw_key_lit(&t->w, "transient");
        jw_bool(&t->w, true);
    }
    return end(t, data_event_name(name), e->at);
}

static bool tell_end(struct teller *t, const struct entry *e)
{
    begin(t, e->type == ENTRY_FINISH ? "finish" : e->type == ENTRY_ERROR ? "error" : "abort");
    if (e->type == ENTRY_FINISH)
        text_member(t, "finishReason", str_of(e->name));
    if (e->type == ENTRY_FINISH && e->text)
        raw_member(t, "messageMetadata", str_of(e->text));
    if (e->type == ENTRY_ERROR)
        text_member(t, "errorText", str_of(e->text));
    return end(t, e->type == ENTRY_ERROR ? "run_error" : "finish", e->at);
}

static bool tell(struct teller *t, const struct entry *e, int64_t from)
{
    switch (e->type) {
    case ENTRY_START:
        begin(t, "start");
        text_member(t, "messageId", str_of(t->m->id));
        return end(t, "start", e->at);
    case ENTRY_STEP_START:
        begin(t, "start-step");
        return end(t, "start", e->at);
    case ENTRY_STEP_END:
        begin(t, "finish-step");
        return end(t, "finish", e->at);
    case ENTRY_PART_START:
        return tell_part_start(t, e);
    case ENTRY_DELTA:
        return tell_delta(t, e, from);
    case ENTRY_PART_END:
        return tell_part_end(t, e);
    case ENTRY_TOOL_INPUT:
    case ENTRY_TOOL_OUTPUT:
        return tell_tool(t, e);
    case ENTRY_DATA:
        return tell_data(t, e);
    case ENTRY_FINISH:
    case ENTRY_ERROR:
    case ENTRY_ABORT:
        return tell_end(t, e);
    }
    return true;
}

/* First entry that is not told yet. */
static size_t find(const struct message *m, int64_t from)
{
    size_t low = 0, high = m->entry_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (m->entries[mid].at <= from)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct reached {
    message_event_fn *fn;
    void *arg;
    int64_t at;
};

static bool note(void *arg, const char *name, int64_t counter, struct str data)
{
    struct reached *r = arg;
    if (!r->fn(r->arg, name, counter, data))
        return false;
    r->at = counter;
    return true;
}

int64_t message_replay(const struct message *m, int64_t from, message_event_fn *fn, void *arg)
{
    struct reached reached = { fn, arg, from };
    struct teller t = { .m = m, .fn = note, .arg = &reached };
    if (from >= m->counter)
        return from;
    buf_init(&t.json, NULL, 2 * MESSAGE_BYTES_MAX + 4096);
    for (size_t i = find(m, from); i < m->entry_count; i++) {
        if (!tell(&t, &m->entries[i], from))
            break;
        if (reached.at < m->entries[i].at)
            reached.at = m->entries[i].at; /* an entry that says nothing on the wire */
    }
    buf_release(&t.json);
    return reached.at;
}
