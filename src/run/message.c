/* Goals: one log for all readers; memory grows with the text, not with the number of events.
 * Non-goals: who reads (reader.c), when it is written down (journal.c), formats at rest
 * (message_rest.c).
 * Invariants: entries' counters rise; a DELTA entry covers bytes [from, to) of its part's text, and
 * its counter is that of its last byte; texts are only appended to; what a bound refuses changes
 * nothing. */
#include "run/message_log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static char *copy(struct str s)
{
    char *p = malloc(s.len + 1);
    if (!p)
        abort();
    memcpy(p, s.ptr ? s.ptr : "", s.len);
    p[s.len] = '\0';
    return p;
}

static void entry_add(struct message *m, struct entry e, int64_t weight)
{
    if (m->entry_count == m->entry_cap) {
        m->entry_cap = m->entry_cap ? 2 * m->entry_cap : 8;
        m->entries = realloc(m->entries, m->entry_cap * sizeof *m->entries);
        if (!m->entries)
            abort();
    }
    m->counter += weight;
    e.at = m->counter;
    m->entries[m->entry_count++] = e;
}

/* What a text takes in JSON. Arguments, outputs and data are JSON themselves. */
static size_t weight(const struct part *p, struct str text)
{
    return p->type == PART_TEXT || p->type == PART_REASONING ? jw_str_len(text) : text.len;
}

static bool room(const struct message *m, size_t bytes)
{
    /* A few entries stay free for what closes the message. */
    return m->entry_count < MESSAGE_ENTRIES_MAX - 64 && m->bytes + bytes <= MESSAGE_BYTES_MAX;
}

struct message *message_new(struct str id)
{
    struct message *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->id = copy(id);
    entry_add(m, (struct entry){ .type = ENTRY_START }, 1);
    return m;
}

static void part_release(struct part *p)
{
    buf_release(&p->text);
    free(p->id);
    free(p->name);
    free(p->output);
    free(p->signature);
}

void message_free(struct message *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->part_count; i++)
        part_release(&m->parts[i]);
    for (size_t i = 0; i < m->entry_count; i++)
        free(m->entries[i].text);
    free(m->parts);
    free(m->entries);
    free(m->id);
    free(m);
}

struct part *message_part_add(struct message *m, enum part_type type)
{
    if (m->part_count >= MESSAGE_PARTS_MAX)
        return NULL;
    if (m->part_count == m->part_cap) {
        m->part_cap = m->part_cap ? 2 * m->part_cap : 4;
        m->parts = realloc(m->parts, m->part_cap * sizeof *m->parts);
        if (!m->parts)
            abort();
    }
    struct part *p = &m->parts[m->part_count++];
    *p = (struct part){ .type = type };
    buf_init(&p->text, NULL, MESSAGE_BYTES_MAX);
    return p;
}

/* ---- appending ---- */

bool message_step_start(struct message *m)
{
    if (!room(m, 0) || !message_part_add(m, PART_STEP))
        return false;
    m->parts[m->part_count - 1].closed = true;
    entry_add(m, (struct entry){ .type = ENTRY_STEP_START }, 1);
    return true;
}

bool message_step_end(struct message *m)
{
    entry_add(m, (struct entry){ .type = ENTRY_STEP_END }, 1);
    return true;
}

int message_part_start(struct message *m, enum part_type type, struct str id, struct str name)
{
    char made[16];
    if (!room(m, 0) || (type == PART_TOOL && message_tool_find(m, id) >= 0))
        return -1;
    struct part *p = message_part_add(m, type);
    if (!p)
        return -1;
    int index = (int)m->part_count - 1;
    if (!str_given(id)) {
        snprintf(made, sizeof made, "p%d", index);
        id = str_of(made);
    }
    p->id = copy(id);
    p->name = str_given(name) ? copy(name) : NULL;
    p->tool = type == PART_TOOL ? TOOL_INPUT_STREAMING : 0;
    entry_add(m, (struct entry){ .type = ENTRY_PART_START, .part = index }, 1);
    return index;
}

static struct part *part_open(struct message *m, int i)
{
    assert(i >= 0 && (size_t)i < m->part_count);
    assert(!m->parts[i].closed);
    return &m->parts[i];
}

bool message_delta(struct message *m, int part, struct str text)
{
    struct part *p = part_open(m, part);
    if (text.len == 0)
        return true;
    size_t bytes = weight(p, text);
    if (!room(m, bytes))
        return false;
    size_t from = p->text.len;
    buf_put_str(&p->text, text);
    m->bytes += bytes;
    struct entry *last = &m->entries[m->entry_count - 1];
    if (last->type == ENTRY_DELTA && last->part == part) {
        last->to += (uint32_t)text.len;
        m->counter += (int64_t)text.len;
        last->at = m->counter;
        return true;
    }
    entry_add(m,
              (struct entry){ .type = ENTRY_DELTA,
                              .part = part,
                              .from = (uint32_t)from,
                              .to = (uint32_t)p->text.len },
              (int64_t)text.len);
    return true;
}

bool message_part_end(struct message *m, int part)
{
    part_open(m, part)->closed = true;
    entry_add(m, (struct entry){ .type = ENTRY_PART_END, .part = part }, 1);
    return true;
}

bool message_signature(struct message *m, int part, struct str signature, bool redacted)
{
    struct part *p = &m->parts[part];
    size_t before = p->signature ? strlen(p->signature) : 0;
    size_t bytes = jw_str_len(signature);
    if (m->bytes + bytes > MESSAGE_BYTES_MAX)
        return false;
    char *joined = realloc(p->signature, before + signature.len + 1);
    if (!joined)
        abort();
    memcpy(joined + before, signature.ptr, signature.len);
    joined[before + signature.len] = '\0';
    m->bytes += bytes;
    p->signature = joined;
    p->redacted = redacted;
    return true;
}

/* The arguments as they count from now on: what came in pieces may have been broken. */
static void input_set(struct message *m, struct part *p, struct str input)
{
    m->bytes -= p->text.len;
    buf_clear(&p->text);
    buf_put_str(&p->text, input);
    m->bytes += input.len;
}

bool message_tool_input(struct message *m, int part, struct str input)
{
    struct part *p = part_open(m, part);
    if (!room(m, input.len))
        return false;
    /* Readers that had none of the pieces get the whole input with this entry. */
    if (!str_eq(buf_str(&p->text), input)) {
        for (size_t i = 0; i < m->entry_count; i++)
            if (m->entries[i].type == ENTRY_DELTA && m->entries[i].part == part)
                m->entries[i].from = m->entries[i].to = 0;
        input_set(m, p, input);
    }
    p->closed = true;
    p->tool = TOOL_INPUT_AVAILABLE;
    entry_add(m, (struct entry){ .type = ENTRY_TOOL_INPUT, .part = part }, 1);
    return true;
}

static bool tool_end(struct message *m, int part, enum tool_state state, struct str output)
{
    struct part *p = &m->parts[part];
    assert(p->type == PART_TOOL && p->tool <= TOOL_INPUT_AVAILABLE);
    size_t bytes = state == TOOL_OUTPUT_ERROR ? jw_str_len(output) : output.len;
    if (m->bytes + bytes > MESSAGE_BYTES_MAX)
        return false;
    m->bytes += bytes;
    p->closed = true;
    p->tool = state;
    p->output = copy(output);
    entry_add(m, (struct entry){ .type = ENTRY_TOOL_OUTPUT, .part = part }, 1);
    return true;
}

bool message_tool_output(struct message *m, int part, struct str output_json)
{
    return tool_end(m, part, TOOL_OUTPUT_AVAILABLE, output_json);
}

bool message_tool_error(struct message *m, int part, struct str text)
{
    return tool_end(m, part, TOOL_OUTPUT_ERROR, text);
}

bool message_data(struct message *m, const char *name, struct str json, bool transient)
{
    if (!room(m, json.len))
        return false;
    int index = -1;
    if (!transient) {
        struct part *p = message_part_add(m, PART_DATA);
        if (!p)
            return false;
        index = (int)m->part_count - 1;
        p->name = copy(str_of(name));
        p->closed = true;
        buf_put_str(&p->text, json);
    }
    m->bytes += json.len;
    struct entry e = { .type = ENTRY_DATA, .part = index, .name = name };
    if (transient)
        e.text = copy(json);
    entry_add(m, e, 1);
    return true;
}

bool message_finish(struct message *m, const char *reason, struct str metadata_json)
{
    struct entry e = { .type = ENTRY_FINISH, .part = -1, .name = reason };
    e.text = str_given(metadata_json) ? copy(metadata_json) : NULL;
    entry_add(m, e, 1);
    return true;
}

bool message_error(struct message *m, struct str text)
{
    entry_add(m, (struct entry){ .type = ENTRY_ERROR, .part = -1, .text = copy(text) }, 1);
    return true;
}

bool message_abort(struct message *m)
{
    entry_add(m, (struct entry){ .type = ENTRY_ABORT, .part = -1 }, 1);
    return true;
}

void message_close_open(struct message *m, struct str why)
{
    for (size_t i = 0; i < m->part_count; i++) {
        struct part *p = &m->parts[i];
        if (p->type == PART_TOOL && p->tool <= TOOL_INPUT_AVAILABLE) {
            if (p->tool == TOOL_INPUT_STREAMING)
                input_set(m, p, STR("{}")); /* half of an input is no JSON */
            tool_end(m, (int)i, TOOL_OUTPUT_ERROR, why);
        } else if (!p->closed) {
            message_part_end(m, (int)i);
        }
    }
}

/* ---- reading ---- */

struct str message_id(const struct message *m)
{
    return str_of(m->id);
}

size_t message_part_count(const struct message *m)
{
    return m->part_count;
}

const struct part *message_part(const struct message *m, size_t i)
{
    assert(i < m->part_count);
    return &m->parts[i];
}

int message_tool_find(const struct message *m, struct str call_id)
{
    for (size_t i = m->part_count; i > 0; i--)
        if (m->parts[i - 1].type == PART_TOOL && str_is(call_id, m->parts[i - 1].id))
            return (int)i - 1;
    return -1;
}

int64_t message_counter(const struct message *m)
{
    return m->counter;
}

size_t message_bytes(const struct message *m)
{
    return m->bytes;
}
