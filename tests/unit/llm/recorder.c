/* The events of a reader as text (recorder.h). Used by the tests and by the fuzz targets, which
 * have no test framework: a broken promise aborts. */
#include "recorder.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "recorder: a reader broke its promise: %s\n", #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void line_put(struct buf *log, const char *name, int block, struct str text)
{
    struct json_writer w;
    buf_printf(log, "%s %d ", name, block);
    jw_init(&w, log);
    jw_str(&w, text);
    buf_put_byte(log, '\n');
}

static void block_check(struct recorder *r, const struct llm_event *e)
{
    MUST(e->block >= 0 && e->block < RECORDER_BLOCKS_MAX);
    if (e->block == r->begun && e->type != LLM_EVENT_BLOCK_END) {
        r->begun++;
        r->open++;
        r->is_open[e->block] = true;
        MUST(e->type != LLM_EVENT_SIGNATURE && e->type != LLM_EVENT_TOOL_ARGUMENTS);
    } else {
        MUST(e->block < r->begun && r->is_open[e->block] && e->type != LLM_EVENT_TOOL_START);
    }
    if (e->type == LLM_EVENT_BLOCK_END) {
        r->is_open[e->block] = false;
        r->open--;
    }
}

static void on_event(void *arg, const struct llm_event *e)
{
    static const char *const names[] = {
        [LLM_EVENT_TEXT] = "text",           [LLM_EVENT_REASONING] = "reasoning",
        [LLM_EVENT_SIGNATURE] = "signature", [LLM_EVENT_REDACTED] = "redacted",
        [LLM_EVENT_TOOL_START] = "call",     [LLM_EVENT_TOOL_ARGUMENTS] = "arguments",
        [LLM_EVENT_BLOCK_END] = "end",
    };
    static const char *const finishes[] = { "?", "stop", "length", "tools", "filter", "other" };
    struct recorder *r = arg;
    MUST(!r->finished);
    switch (e->type) {
    case LLM_EVENT_USAGE:
        MUST(e->usage.input_tokens >= 0 && e->usage.output_tokens >= 0);
        buf_printf(r->log, "usage in %lld out %lld read %lld write %lld\n",
                   (long long)e->usage.input_tokens, (long long)e->usage.output_tokens,
                   (long long)e->usage.cache_read_tokens, (long long)e->usage.cache_write_tokens);
        return;
    case LLM_EVENT_FINISH:
        MUST(e->finish >= LLM_FINISH_STOP && e->finish <= LLM_FINISH_OTHER && r->open == 0);
        r->finished = true;
        buf_printf(r->log, "finish %s\n", finishes[e->finish]);
        return;
    case LLM_EVENT_TOOL_START:
        block_check(r, e);
        buf_printf(r->log, "call %d %.*s %.*s\n", e->block, STR_ARG(e->call_id), STR_ARG(e->name));
        return;
    case LLM_EVENT_BLOCK_END:
        block_check(r, e);
        buf_printf(r->log, "end %d\n", e->block);
        return;
    default:
        MUST(utf8_valid(e->text));
        block_check(r, e);
        line_put(r->log, names[e->type], e->block, e->text);
    }
}

static bool run(const char *provider, struct str bytes, size_t at, size_t piece, struct buf *log,
                bool verdict)
{
    struct recorder rec = { .log = log };
    struct llm_reader *r = llm_codec_find(provider)->reader_new(on_event, &rec);
    bool good = true;
    for (size_t from = 0; from < bytes.len;) {
        size_t to = from < at && at < from + piece ? at : from + piece;
        /* An exact copy, so that a read past its end is seen. */
        struct str part = str_sub(bytes, from, to);
        char *copy = malloc(part.len ? part.len : 1);
        MUST(copy);
        memcpy(copy, part.ptr, part.len);
        bool fed = llm_reader_feed(r, (struct str){ copy, part.len });
        free(copy);
        MUST(good || !fed); /* broken stays broken */
        good = fed;
        from += part.len;
    }
    bool whole = llm_reader_end(r);
    MUST(whole == rec.finished && (good || !whole));
    MUST(whole || *llm_reader_sentence(r));
    MUST(utf8_valid(str_of(llm_reader_sentence(r))));
    if (verdict && whole)
        buf_put_cstr(log, "whole\n");
    else if (verdict)
        buf_printf(log, "error %d %s\n", llm_reader_error_status(r), llm_reader_sentence(r));
    llm_reader_free(r);
    return whole;
}

bool record(const char *provider, struct str bytes, size_t at, size_t piece, struct buf *log)
{
    return run(provider, bytes, at, piece, log, true);
}

bool record_events(const char *provider, struct str bytes, size_t at, size_t piece, struct buf *log)
{
    return run(provider, bytes, at, piece, log, false);
}
