/* Goals: a tool call always stands before its result, and never without one; reasoning goes back
 * only with the provider's own proof of it. Non-goals: which rows (prompt.c). Invariant: what comes
 * out alternates well enough for every provider: an assistant's step, then the results of its tools
 * as a user's message. */
#include "chat/history.h"

#include <assert.h>

#include "base/json.h"

static struct llm_message *add(struct history *h, enum llm_role role, struct llm_part *parts,
                               size_t count)
{
    if (h->count == h->room) {
        size_t room = h->room ? 2 * h->room : 32;
        struct llm_message *grown = arena_array(h->arena, room, sizeof *grown);
        if (h->messages)
            memcpy(grown, h->messages, h->count * sizeof *grown);
        h->messages = grown;
        h->room = room;
    }
    assert(h->messages);
    struct llm_message *m = &h->messages[h->count++];
    *m = (struct llm_message){ .role = role, .parts = parts, .count = count };
    return m;
}

static void join(struct history *h, enum llm_role role, struct llm_part *parts, size_t count)
{
    struct llm_message *last = h->count ? &h->messages[h->count - 1] : NULL;
    if (count == 0)
        return;
    if (!last || last->role != role) {
        add(h, role, parts, count);
        return;
    }
    struct llm_part *both = arena_array(h->arena, last->count + count, sizeof *both);
    memcpy(both, last->parts, last->count * sizeof *both);
    memcpy(both + last->count, parts, count * sizeof *both);
    last->parts = both;
    last->count += count;
}

/* ---- an assistant's message ---- */

struct step { /* each with room for all parts of the message */
    struct llm_part *said, *results;
    size_t said_count, result_count;
};

static void step_flush(struct history *h, struct step *s)
{
    if (s->said_count) {
        struct llm_part *said = arena_array(h->arena, s->said_count, sizeof *said);
        memcpy(said, s->said, s->said_count * sizeof *said);
        join(h, LLM_ASSISTANT, said, s->said_count);
    }
    if (s->result_count) {
        struct llm_part *results = arena_array(h->arena, s->result_count, sizeof *results);
        memcpy(results, s->results, s->result_count * sizeof *results);
        join(h, LLM_USER, results, s->result_count);
    }
    s->said_count = s->result_count = 0;
}

static struct str own(struct history *h, struct str s)
{
    return str_copy(h->arena, s);
}

static void step_tool(struct history *h, struct step *s, const struct part *p)
{
    bool failed = p->tool != TOOL_OUTPUT_AVAILABLE;
    struct str output = p->output ? str_of(p->output) : STR("It was not answered.");
    s->said[s->said_count++] = (struct llm_part){ .type = LLM_TOOL_CALL,
                                                  .call_id = own(h, str_of(p->id)),
                                                  .name = own(h, str_of(p->name)),
                                                  .text = own(h, buf_str(&p->text)) };
    s->results[s->result_count++] = (struct llm_part){ .type = LLM_TOOL_RESULT,
                                                       .call_id = own(h, str_of(p->id)),
                                                       .name = own(h, str_of(p->name)),
                                                       .text = own(h, output),
                                                       .is_error = failed };
}

static void step_reasoning(struct history *h, struct step *s, const struct part *p)
{
    if (!p->signature)
        return; /* nobody's proof: it was for the reader */
    struct llm_part out = { .type = p->redacted ? LLM_REDACTED : LLM_REASONING };
    if (p->redacted)
        out.data = own(h, str_of(p->signature));
    else
        out.signature = own(h, str_of(p->signature));
    out.text = own(h, buf_str(&p->text));
    s->said[s->said_count++] = out;
}

void history_add_message(struct history *h, const struct message *m)
{
    size_t most = message_part_count(m);
    struct step s = { .said = arena_array(h->arena, most, sizeof *s.said),
                      .results = arena_array(h->arena, most, sizeof *s.results) };
    for (size_t i = 0; i < most; i++) {
        const struct part *p = message_part(m, i);
        if (p->type == PART_STEP)
            step_flush(h, &s);
        else if (p->type == PART_TEXT && p->text.len)
            s.said[s.said_count++] =
                (struct llm_part){ .type = LLM_TEXT, .text = own(h, buf_str(&p->text)) };
        else if (p->type == PART_REASONING)
            step_reasoning(h, &s, p);
        else if (p->type == PART_TOOL)
            step_tool(h, &s, p);
    }
    step_flush(h, &s);
}

/* ---- a user's message ---- */

static void add_user(struct history *h, struct str parts_json)
{
    struct json all;
    struct json_fault fault;
    size_t count = 0;
    if (json_parse(h->arena, parts_json, NULL, &all, &fault) != OK || all.type != JSON_ARRAY)
        return;
    struct llm_part *parts = arena_array(h->arena, all.count, sizeof *parts);
    for (uint32_t i = 0; i < all.count; i++) {
        const struct json *p = &all.items[i];
        struct str type = json_text(p, "type");
        if (str_is(type, "text") && json_text(p, "text").len) {
            parts[count++] = (struct llm_part){ .type = LLM_TEXT, .text = json_text(p, "text") };
        } else if (str_is(type, "file")) {
            struct str url = json_text(p, "url"), rest = url;
            str_split(&rest, ',');
            parts[count++] = (struct llm_part){ .type = LLM_IMAGE,
                                                .media_type = json_text(p, "mediaType"),
                                                .data = rest };
        }
    }
    join(h, LLM_USER, parts, count);
}

void history_add(struct history *h, struct str role, struct str parts_json,
                 struct str provider_json)
{
    if (str_is(role, "user")) {
        add_user(h, parts_json);
        return;
    }
    struct message *m = message_new(STR("history"));
    if (message_load(m, parts_json, provider_json))
        history_add_message(h, m);
    message_free(m);
}
