/* Goals: an answer is whole, or people are told that it isn't; nothing between. Any split of the
 * bytes gives the same events. Bounded in every direction, whatever a server sends.
 *
 * A body whose first byte is `{` comes from a server that ignores "stream": it is kept to its end
 * and then reported through the same events, from llm_reader_end. One that starts with `<` is a web
 * page. No event stream can start with either: a line needs a field name or a colon to mean
 * anything.
 *
 * Invariants: events are reported only while `failed` and `whole` are false; `whole` is set
 * together with LLM_EVENT_FINISH, which is the last event; block numbers count up from 0 without
 * gaps, each block's events lie between its first and its LLM_EVENT_BLOCK_END. */
#include "llm/reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "llm/error.h"
#include "llm/halves.h"

enum { ARENA_BYTES = 256, SCRATCH_BYTES = 2048 };
#define COUNT_MAX ((int64_t)1 << 40)

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct llm_reader *reader_new(const struct reader_format *format,
                              void (*on_event)(void *arg, const struct llm_event *e), void *arg)
{
    struct llm_reader *r = must(calloc(1, sizeof *r));
    r->format = format;
    r->on_event = on_event;
    r->arg = arg;
    r->framing = FRAMING_UNKNOWN;
    r->arena = arena_new(ARENA_BYTES);
    r->scratch = arena_new(SCRATCH_BYTES);
    r->state = arena_alloc(r->arena, format->state_size);
    sse_init(&r->sse, READER_EVENT_BYTES_MAX);
    buf_init(&r->body, NULL, READER_BODY_BYTES_MAX);
    return r;
}

void llm_reader_free(struct llm_reader *r)
{
    if (!r)
        return;
    sse_release(&r->sse);
    buf_release(&r->body);
    arena_free(r->scratch);
    arena_free(r->arena);
    free(r);
}

const char *llm_reader_sentence(const struct llm_reader *r)
{
    return r->sentence;
}

int llm_reader_error_status(const struct llm_reader *r)
{
    return r->error_status;
}

/* ---- what formats say ---- */

void *reader_room(struct llm_reader *r, void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room ? 2 * *room : 4;
    void *grown = arena_array(r->arena, *room, size);
    if (count)
        memcpy(grown, items, count * size);
    return grown;
}

bool reader_fail(struct llm_reader *r, const char *fmt, ...)
{
    if (!r->failed) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(r->sentence, sizeof r->sentence, fmt, ap);
        va_end(ap);
    }
    r->failed = true;
    return false;
}

bool reader_fail_with(struct llm_reader *r, const struct json *body)
{
    struct provider_error e;
    provider_error_read(body, &e);
    r->error_status = e.status;
    struct str sentence = provider_error_sentence(r->scratch, e.status, &e);
    return reader_fail(r, "%.*s", STR_ARG(sentence));
}

static bool cut_character(struct llm_reader *r)
{
    return reader_fail(r, "The provider's answer is broken: a character in it is cut in half.");
}

bool reader_json(struct llm_reader *r, struct str data, struct json *ret)
{
    struct json_fault fault;
    struct str marked;
    if (!halves_mark(r->scratch, data, &marked))
        return cut_character(r);
    r->halves = marked.ptr != data.ptr;
    data = marked;
    if (json_parse(r->scratch, data, NULL, ret, &fault) != OK)
        return reader_fail(r, "The provider's answer is broken: it holds invalid JSON (%s).",
                           fault.message);
    if (ret->type != JSON_OBJECT)
        return reader_fail(r, "The provider's answer is broken: an event holds no JSON object.");
    return true;
}

static void report(struct llm_reader *r, const struct llm_event *e)
{
    assert(!r->failed && !r->whole);
    r->on_event(r->arg, e);
}

static bool block_begin(struct llm_reader *r, struct reader_block *b)
{
    if (r->block_count >= READER_BLOCKS_MAX)
        return reader_fail(r, "The provider's answer has more than %d blocks.", READER_BLOCKS_MAX);
    b->number = r->block_count++;
    b->begun = true;
    return true;
}

static bool room_take(struct llm_reader *r, size_t bytes)
{
    if (bytes > READER_TEXT_BYTES_MAX - r->text_bytes)
        return reader_fail(r, "The provider's answer is longer than %d MiB.",
                           READER_TEXT_BYTES_MAX >> 20);
    r->text_bytes += bytes;
    return true;
}

/* The piece without marks of halves; it may have become empty. */
static bool piece_take(struct llm_reader *r, struct reader_block *b, struct str *piece)
{
    if (!r->halves && !b->half)
        return true;
    return halves_join(r->scratch, *piece, &b->half, piece) || cut_character(r);
}

bool reader_text(struct llm_reader *r, struct reader_block *b, enum llm_event_type type,
                 struct str text)
{
    size_t given = text.len;
    if (!piece_take(r, b, &text))
        return false;
    if (given && !text.len)
        return true;
    if (!room_take(r, text.len) || (!b->begun && !block_begin(r, b)))
        return false;
    struct llm_event e = { .type = type, .block = b->number, .text = text };
    report(r, &e);
    return true;
}

bool reader_call_begin(struct llm_reader *r, struct reader_block *b, struct str call_id,
                       struct str name)
{
    if (r->call_count >= READER_CALLS_MAX)
        return reader_fail(r, "The provider's answer calls more than %d tools.", READER_CALLS_MAX);
    if (!name.len || name.len > READER_ID_BYTES_MAX || !call_id.len ||
        call_id.len > READER_ID_BYTES_MAX)
        return reader_fail(r,
                           "The provider's answer is broken: a tool call's id or name is absent "
                           "or longer than %d bytes.",
                           READER_ID_BYTES_MAX);
    if (!block_begin(r, b))
        return false;
    r->call_count++;
    struct llm_event e = {
        .type = LLM_EVENT_TOOL_START, .block = b->number, .call_id = call_id, .name = name
    };
    report(r, &e);
    return true;
}

static bool arguments_too_long(struct llm_reader *r)
{
    return reader_fail(r, "The arguments of a tool call are longer than %d KiB.",
                       READER_ARGUMENT_BYTES_MAX >> 10);
}

bool reader_arguments(struct llm_reader *r, struct reader_block *b, struct str piece)
{
    if (!piece_take(r, b, &piece))
        return false;
    if (!piece.len)
        return true;
    if (!b->begun)
        return reader_fail(r, "The provider's answer is broken: a tool call has no name.");
    if (piece.len > READER_ARGUMENT_BYTES_MAX - b->argument_bytes)
        return arguments_too_long(r);
    if (!room_take(r, piece.len))
        return false;
    b->argument_bytes += piece.len;
    struct llm_event e = { .type = LLM_EVENT_TOOL_ARGUMENTS, .block = b->number, .text = piece };
    report(r, &e);
    return true;
}

bool reader_arguments_object(struct llm_reader *r, struct reader_block *b,
                             const struct json *object)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, r->scratch, READER_ARGUMENT_BYTES_MAX + 1);
    jw_init(&w, &out);
    jw_value(&w, object);
    if (out.overflow)
        return arguments_too_long(r);
    return reader_arguments(r, b, buf_str(&out));
}

bool reader_block_end(struct llm_reader *r, struct reader_block *b)
{
    struct llm_event e = { .type = LLM_EVENT_BLOCK_END, .block = b->number };
    if (b->half)
        return cut_character(r);
    if (b->begun && b->kind == BLOCK_TOOL && !b->argument_bytes &&
        !reader_arguments(r, b, STR("{}")))
        return false;
    if (b->begun)
        report(r, &e);
    *b = (struct reader_block){ .kind = BLOCK_NONE };
    return true;
}

void reader_usage(struct llm_reader *r, const struct llm_usage *u)
{
    struct llm_event e = { .type = LLM_EVENT_USAGE, .usage = *u };
    report(r, &e);
}

bool reader_finish(struct llm_reader *r)
{
    if (!r->finish)
        return reader_fail(r, "The provider's answer ended without saying why: it may be cut.");
    /* Some servers say "stop" beside calls; what they sent counts. */
    if (r->finish == LLM_FINISH_STOP && r->call_count)
        r->finish = LLM_FINISH_TOOLS;
    if (r->finish == LLM_FINISH_TOOLS && !r->call_count)
        return reader_fail(r, "The provider's answer is broken: it says that it calls tools, and "
                              "calls none.");
    struct llm_event e = { .type = LLM_EVENT_FINISH, .finish = r->finish };
    report(r, &e);
    r->whole = true;
    return true;
}

bool reader_count(const struct json *object, const char *key, int64_t *ret)
{
    const struct json *j = json_get(object, key);
    int64_t v;
    if (!j || !json_to_i64(j, &v) || v < 0 || v >= COUNT_MAX)
        return false;
    *ret = v;
    return true;
}

/* ---- bytes ---- */

static bool sse_on_event(void *arg, const struct sse_event *e)
{
    struct llm_reader *r = arg;
    if (r->whole) /* what stands behind the terminator means nothing */
        return true;
    bool good = r->format->on_data(r, e->data);
    arena_clear(r->scratch, 0); /* between two events there may be minutes */
    return good;
}

static bool events_feed(struct llm_reader *r, struct str bytes)
{
    if (!sse_feed(&r->sse, bytes, sse_on_event, r) && !r->failed)
        return reader_fail(r, "The provider sent an event of more than %d KiB.",
                           READER_EVENT_BYTES_MAX >> 10);
    return !r->failed;
}

static bool body_feed(struct llm_reader *r, struct str bytes)
{
    buf_put_str(&r->body, bytes);
    if (r->body.overflow)
        return reader_fail(r, "The provider's answer is longer than %d MiB.",
                           READER_BODY_BYTES_MAX >> 20);
    return true;
}

/* Blanks and a byte order mark may stand before either framing. */
static size_t blank_count(struct str bytes)
{
    static const char blank[] = " \t\r\n\xef\xbb\xbf";
    size_t n = 0;
    while (n < bytes.len && memchr(blank, bytes.ptr[n], sizeof blank - 1))
        n++;
    return n;
}

bool llm_reader_feed(struct llm_reader *r, struct str bytes)
{
    if (r->failed)
        return false;
    if (r->whole)
        return true;
    if (r->framing == FRAMING_UNKNOWN) {
        size_t n = blank_count(bytes);
        if (!events_feed(r, str_sub(bytes, 0, n)))
            return false;
        bytes = str_sub(bytes, n, bytes.len);
        if (!bytes.len)
            return true;
        if (bytes.ptr[0] == '<')
            return reader_fail(r, "The address answered with a web page, not as an API: check the "
                                  "base URL.");
        r->framing = bytes.ptr[0] == '{' ? FRAMING_JSON : FRAMING_EVENTS;
    }
    return r->framing == FRAMING_JSON ? body_feed(r, bytes) : events_feed(r, bytes);
}

static bool body_end(struct llm_reader *r)
{
    struct json body;
    if (!reader_json(r, buf_str(&r->body), &body))
        return false;
    return r->format->on_body(r, &body);
}

bool llm_reader_end(struct llm_reader *r)
{
    if (r->failed)
        return false;
    if (r->whole)
        return true;
    if (r->framing == FRAMING_JSON)
        return body_end(r);
    if (!r->block_count && !r->finish)
        return reader_fail(r, "The provider closed the connection without an answer.");
    return reader_fail(r, "The provider's answer broke off before its end.");
}
