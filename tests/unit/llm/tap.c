/* The codecs on a pipe, so that an end-to-end test can put a provider's simulator between them:
 *
 *     llm_tap ask PROVIDER BASE_URL QUESTION         the request, as JSON {path, headers, body}
 *     llm_tap read PROVIDER < ANSWER                 the events (recorder.h)
 *     llm_tap go-on PROVIDER BASE_URL QUESTION < ANSWER
 *                                                    the next request of a tool loop: what was
 *                                                    answered, and for each call a result */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "recorder.h"

enum { ANSWER_BYTES_MAX = 1 << 22, PARTS_MAX = 256 };

static const struct llm_tool tools[] = {
    { STR("search"), STR("Search the workspace"),
      STR("{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"},\"limit\":{"
          "\"type\":"
          "\"integer\"}},\"required\":[\"query\"]}") },
    { STR("list_documents"), STR("List pages"), STR_NULL },
};

/* What was answered, as parts; each is built up in a buffer of its own. */
struct answer {
    struct arena *a;
    struct llm_part parts[PARTS_MAX];
    struct buf texts[PARTS_MAX];
    size_t count;
};

static void on_event(void *arg, const struct llm_event *e)
{
    static const enum llm_part_type types[] = {
        [LLM_EVENT_TEXT] = LLM_TEXT,
        [LLM_EVENT_REASONING] = LLM_REASONING,
        [LLM_EVENT_REDACTED] = LLM_REDACTED,
        [LLM_EVENT_TOOL_START] = LLM_TOOL_CALL,
    };
    struct answer *w = arg;
    if (e->type == LLM_EVENT_USAGE || e->type == LLM_EVENT_FINISH || e->type == LLM_EVENT_BLOCK_END)
        return;
    struct llm_part *p = &w->parts[e->block];
    if ((size_t)e->block == w->count) {
        buf_init(&w->texts[w->count++], w->a, ANSWER_BYTES_MAX);
        *p = (struct llm_part){ .type = types[e->type],
                                .call_id = str_copy(w->a, e->call_id),
                                .name = str_copy(w->a, e->name) };
    }
    if (e->type == LLM_EVENT_SIGNATURE)
        p->signature = str_copy(w->a, e->text);
    else
        buf_put_str(&w->texts[e->block], e->text);
}

static struct str stdin_read(struct arena *a)
{
    char *bytes = arena_alloc_raw(a, ANSWER_BYTES_MAX);
    return (struct str){ bytes, fread(bytes, 1, ANSWER_BYTES_MAX, stdin) };
}

static size_t answer_read(struct answer *w, const char *provider, struct llm_part *ret_results)
{
    size_t results = 0;
    struct llm_reader *r = llm_codec_find(provider)->reader_new(on_event, w);
    llm_reader_feed(r, stdin_read(w->a));
    if (!llm_reader_end(r)) {
        fprintf(stderr, "llm_tap: %s\n", llm_reader_sentence(r));
        exit(1);
    }
    llm_reader_free(r);
    for (size_t i = 0; i < w->count; i++) {
        struct llm_part *p = &w->parts[i];
        p->text = p->data = buf_str(&w->texts[i]);
        if (p->type != LLM_TOOL_CALL)
            continue;
        ret_results[results] = *p;
        ret_results[results].type = LLM_TOOL_RESULT;
        ret_results[results++].text = str_fmt(w->a, "{\"results\":[\"%.*s\"]}", STR_ARG(p->name));
    }
    return results;
}

static void request_print(struct cx *cx, const struct llm_request *rq, const char *provider,
                          const char *base_url)
{
    struct credential c = { .provider = str_cstr(cx->arena, str_of(provider)),
                            .model = "test-model",
                            .base_url = str_cstr(cx->arena, str_of(base_url)),
                            .key = secret_new(STR("test-key")) };
    struct llm_wire wire;
    struct json_writer w;
    struct buf out;
    if (llm_codec_find(provider)->build(cx, rq, &c, &wire) != OK)
        exit(1);
    buf_init(&out, cx->arena, ANSWER_BYTES_MAX);
    jw_init(&w, &out);
    jw_object(&w);
    jw_key_lit(&w, "path");
    jw_str(&w, wire.path);
    jw_key_lit(&w, "headers");
    jw_object(&w);
    for (size_t i = 0; i < wire.header_count; i++) {
        jw_key(&w, wire.headers[i].name);
        jw_str(&w, wire.headers[i].value);
    }
    jw_object_end(&w);
    jw_key_lit(&w, "body");
    jw_str(&w, wire.body);
    jw_object_end(&w);
    fwrite(out.ptr, 1, out.len, stdout);
    secret_free(c.key);
}

static int request_make(const char *provider, const char *base_url, const char *question, bool more)
{
    static struct llm_part results[PARTS_MAX];
    struct cx cx = { .arena = arena_new(0) };
    struct answer *w = arena_new_of(cx.arena, struct answer);
    struct llm_part asked = { .type = LLM_TEXT, .text = str_of(question) };
    struct llm_message messages[3] = { { LLM_USER, &asked, 1 } };
    struct llm_request rq = { .system = STR("You are tested."),
                              .messages = messages,
                              .message_count = 1,
                              .tools = tools,
                              .tool_count = 2,
                              .max_output_tokens = 1000 };
    w->a = cx.arena;
    if (more) {
        size_t count = answer_read(w, provider, results);
        messages[1] = (struct llm_message){ LLM_ASSISTANT, w->parts, w->count };
        messages[2] = (struct llm_message){ LLM_USER, results, count };
        rq.message_count = 3;
    }
    request_print(&cx, &rq, provider, base_url);
    arena_free(cx.arena);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "read") == 0 && llm_codec_find(argv[2])) {
        struct arena *a = arena_new(0);
        struct buf log;
        buf_init(&log, a, ANSWER_BYTES_MAX);
        record(argv[2], stdin_read(a), 0, 61, &log);
        fwrite(log.ptr, 1, log.len, stdout);
        arena_free(a);
        return 0;
    }
    bool more = argc == 5 && strcmp(argv[1], "go-on") == 0;
    if (argc == 5 && (more || strcmp(argv[1], "ask") == 0) && llm_codec_find(argv[2]))
        return request_make(argv[2], argv[3], argv[4], more);
    fputs("usage: llm_tap ask|go-on PROVIDER BASE_URL QUESTION, llm_tap read PROVIDER\n", stderr);
    return 2;
}
