/* Goals: useful without any model, and honest about it: it looks things up with the tools of the
 * request, quotes what it found with where it stands, and says how to get a model. As every step is
 * decided from the request alone, it survives whatever a run survives.
 *
 * A step is one of: calls (at most CALL_TURNS times after a question), or an answer. First the tool
 * that the question's words point at; when that finds nothing, the most telling word alone; when
 * the best hit is a document, its text; then the answer. What tools answered is only ever quoted:
 * no word in it is a wish. The only write is a page that the question asks for in so many words,
 * which a person approves like any other. */
#include "llm/offline_parts.h"

enum { CALL_TURNS = 3, CALLS_MAX = 2, PASSAGES_MAX = 5, FROM_DOCUMENT_MAX = 3, LISTED_MAX = 15 };
#define ANSWER_BYTES_MAX ((size_t)64 << 10)

#define SELF "I am the offline assistant: a search, not a language model. "
#define GET_A_MODEL                                                                                \
    "For answers in its own words, set a provider key as the manual's page Provider keys says, "   \
    "or the "                                                                                      \
    "address of a model server on this machine."

/* One tool call since the question, and what came of it. */
struct exchange {
    struct str call_id, name, arguments, result;
    bool answered, is_error;
};

struct talk {
    struct arena *a;
    const struct llm_request *rq;
    struct question q;
    struct exchange *done;
    size_t done_count;
    size_t turns; /* assistant messages with calls */
    bool asked;   /* ask_question was answered */
    struct offline_step *step;
};

/* ---- reading the request ---- */

static struct str message_text(const struct llm_message *m)
{
    for (size_t i = m->count; i-- > 0;)
        if (m->parts[i].type == LLM_TEXT && m->parts[i].text.len)
            return m->parts[i].text;
    return STR_NULL;
}

/* Index of the message behind the last one in which a person says something; 0: none does. */
static size_t question_find(const struct llm_request *rq, struct str *ret)
{
    for (size_t i = rq->message_count; i-- > 0;)
        if (rq->messages[i].role == LLM_USER && message_text(&rq->messages[i]).len) {
            *ret = message_text(&rq->messages[i]);
            return i + 1;
        }
    *ret = STR_NULL;
    return 0;
}

/* What a person answered to ask_question: a string, {"answer":"…"}, or plain text. */
static struct str reply_text(struct arena *a, struct str result)
{
    struct json j;
    struct json_fault fault;
    if (json_parse(a, result, NULL, &j, &fault) != OK)
        return result;
    if (j.type == JSON_STRING)
        return j.text;
    static const char *const keys[] = { "answer", "text", "value", "response" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_text(&j, keys[i]).len)
            return json_text(&j, keys[i]);
    return STR_NULL;
}

static void result_take(struct talk *t, const struct llm_part *p)
{
    for (size_t i = t->done_count; i-- > 0;) {
        struct exchange *x = &t->done[i];
        if (x->answered || !str_eq(x->call_id, p->call_id))
            continue;
        x->answered = true;
        x->is_error = p->is_error;
        x->result = p->text;
        if (!str_is(x->name, "ask_question") || p->is_error)
            return;
        offline_question_read(t->a, reply_text(t->a, p->text), &t->q);
        t->asked = true;
        t->done_count = 0; /* the reply is the question now */
        return;
    }
}

static void message_take(struct talk *t, const struct llm_message *m)
{
    bool calls = false;
    for (size_t i = 0; i < m->count; i++) {
        const struct llm_part *p = &m->parts[i];
        if (p->type == LLM_TOOL_CALL && m->role == LLM_ASSISTANT) {
            t->done[t->done_count++] =
                (struct exchange){ .call_id = p->call_id, .name = p->name, .arguments = p->text };
            calls = true;
        } else if (p->type == LLM_TOOL_RESULT && m->role == LLM_USER) {
            result_take(t, p);
        }
    }
    t->turns += calls;
}

static void talk_read(struct talk *t)
{
    struct str text;
    size_t parts = 0, from = question_find(t->rq, &text);
    offline_question_read(t->a, text, &t->q);
    for (size_t i = from; i < t->rq->message_count; i++)
        parts += t->rq->messages[i].count;
    t->done = arena_array(t->a, parts, sizeof *t->done);
    for (size_t i = from; i < t->rq->message_count; i++)
        message_take(t, &t->rq->messages[i]);
}

static const struct exchange *exchange_of(const struct talk *t, const char *tool)
{
    for (size_t i = t->done_count; i-- > 0;)
        if (str_is(t->done[i].name, tool))
            return &t->done[i];
    return NULL;
}

/* ---- calling ---- */

static const struct llm_tool *tool_offered(const struct talk *t, const char *name)
{
    for (size_t i = 0; name && i < t->rq->tool_count; i++)
        if (str_is(t->rq->tools[i].name, name))
            return &t->rq->tools[i];
    return NULL;
}

/* The one of `names` (with '|' between) that the tool's schema has; the first, when it has none. */
static struct str parameter_of(struct arena *a, const struct llm_tool *tool, const char *names)
{
    struct json schema;
    struct json_fault fault;
    struct str rest = str_of(names), first = str_split(&rest, '|'), name = first;
    if (json_parse(a, tool->schema, NULL, &schema, &fault) != OK)
        return first;
    for (;;) {
        if (json_get_str(json_get(&schema, "properties"), name))
            return name;
        if (!str_given(rest))
            return first;
        name = str_split(&rest, '|');
    }
}

static bool has_parameter(struct arena *a, const struct llm_tool *tool, const char *name)
{
    struct json schema;
    struct json_fault fault;
    return json_parse(a, tool->schema, NULL, &schema, &fault) == OK &&
           json_get(json_get(&schema, "properties"), name);
}

/* Stable for a request, another one in the next: approvals are kept by it. */
static struct str call_id_make(const struct talk *t)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < t->rq->message_count; i++)
        for (size_t k = 0; k < t->rq->messages[i].count; k++) {
            struct str s = t->rq->messages[i].parts[k].text;
            for (size_t n = 0; n < s.len; n++)
                hash = (hash ^ (unsigned char)s.ptr[n]) * 0x100000001b3u;
            hash = (hash ^ 0xff) * 0x100000001b3u;
        }
    return str_fmt(t->a, "offline_%016llx_%zu", (unsigned long long)hash, t->step->call_count);
}

/* False: the tool is not offered. `value` absent: no argument. */
static bool call(struct talk *t, const char *name, const char *parameters, struct str value,
                 int limit)
{
    const struct llm_tool *tool = tool_offered(t, name);
    struct json_writer w;
    struct buf out;
    if (!tool || t->step->call_count >= CALLS_MAX)
        return false;
    buf_init(&out, t->a, 8192);
    jw_init(&w, &out);
    jw_object(&w);
    if (str_given(value)) {
        jw_key(&w, parameter_of(t->a, tool, parameters));
        jw_str(&w, value);
    }
    if (limit && has_parameter(t->a, tool, "limit")) {
        jw_key_lit(&w, "limit");
        jw_i64(&w, limit);
    }
    jw_object_end(&w);
    if (!t->step->calls)
        t->step->calls = arena_array(t->a, CALLS_MAX, sizeof *t->step->calls);
    t->step->calls[t->step->call_count] = (struct llm_part){
        .type = LLM_TOOL_CALL, .call_id = call_id_make(t), .name = tool->name, .text = buf_str(&out)
    };
    t->step->call_count++;
    return true;
}

static bool search_call(struct talk *t, struct str query)
{
    return call(t, "search", "query|q|text", query, PASSAGES_MAX) ||
           call(t, "knowledge_search", "query|q|text", query, PASSAGES_MAX);
}

static bool docs_call(struct talk *t, struct str query)
{
    return call(t, "search_system_docs", "query|q|text", query, PASSAGES_MAX);
}

static bool ask(struct talk *t)
{
    return !t->asked && call(t, "ask_question", "question", STR("What shall I look for?"), 0);
}

static void say(struct talk *t, struct str text)
{
    t->step->text = text;
}

/* The tool that the question points at. False: an answer needs none, or none is offered. */
static bool first_calls(struct talk *t)
{
    struct arena *a = t->a;
    const struct question *q = &t->q;
    struct str searching =
        str_fmt(a, "Looking for “%.*s” …\n\n", STR_ARG(offline_line(a, q->query, 120)));
    switch (q->intent) {
    case INTENT_NOTHING:
        return ask(t);
    case INTENT_GREET:
    case INTENT_THANKS:
    case INTENT_ABOUT:
        return false;
    case INTENT_CREATE:
        return call(t, "create_document", "title", q->title, 0);
    case INTENT_LIST:
        if (call(t, q->list_tool, "", STR_NULL, LISTED_MAX))
            return true;
        break;
    case INTENT_MATTER:
        if (call(t, "get_matter_by_number", "number|matterNumber|matter_number", q->title, 0))
            return true;
        break;
    case INTENT_PROGRAM:
        if (docs_call(t, q->query.len ? q->query : STR("settings"))) {
            say(t, STR("Looking in the program's own documentation …\n\n"));
            return true;
        }
        break;
    case INTENT_HOW:
        if (!q->query.len)
            return false;
        bool docs = docs_call(t, q->query), found = search_call(t, q->query);
        say(t, docs || found ? searching : STR(""));
        return docs || found;
    case INTENT_SEARCH:
        break;
    }
    bool calls = q->query.len && (search_call(t, q->query) || docs_call(t, q->query));
    if (calls)
        say(t, searching);
    return calls;
}

/* ---- going on ---- */

static size_t hits_of(const struct talk *t, const struct exchange *x, struct hit *ret, size_t max)
{
    return x && x->answered && !x->is_error ? offline_hits_read(t->a, x->result, ret, max) : 0;
}

static bool is_document(const struct hit *h)
{
    static const char *const kinds[] = { "document", "documents", "page", "kb_document", "docx" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq_nocase(h->kind, str_of(kinds[i])))
            return h->id.len > 0;
    return false;
}

static const struct exchange *search_done(const struct talk *t)
{
    const struct exchange *x = exchange_of(t, "search");
    return x ? x : exchange_of(t, "knowledge_search");
}

/* The longest word: names and numbers are longer than what stands around them. */
static struct str telling_word(const struct question *q)
{
    struct str best = STR_NULL;
    for (size_t i = 0; i < q->word_count; i++)
        if (q->words[i].len > best.len)
            best = q->words[i];
    return best;
}

static bool next_calls(struct talk *t)
{
    struct hit hits[HITS_MAX];
    const struct exchange *x = search_done(t), *docs = exchange_of(t, "search_system_docs");
    if (t->turns >= CALL_TURNS)
        return false;
    if (!x && docs && !hits_of(t, docs, hits, 1)) /* perhaps it was about the workspace */
        return t->q.query.len && search_call(t, t->q.query);
    if (!x || !x->answered || x->is_error)
        return false;
    size_t count = hits_of(t, x, hits, HITS_MAX);
    if (!count) /* arguments tell whether this was tried already */
        return t->q.word_count > 1 && t->turns == 1 && search_call(t, telling_word(&t->q));
    if (exchange_of(t, "get_document_content") || !is_document(&hits[0]))
        return false;
    if (!call(t, "get_document_content", "id|documentId|document_id", hits[0].id, 0))
        return false;
    say(t, str_fmt(t->a, "Reading “%.*s” …\n\n", STR_ARG(hits[0].title)));
    return true;
}

/* ---- answering ---- */

static void source_put(struct buf *out, const struct hit *h)
{
    struct str title = h->title.len ? h->title : STR("Untitled");
    if (h->url.len)
        buf_printf(out, "[%.*s](%.*s)", STR_ARG(title), STR_ARG(h->url));
    else
        buf_printf(out, "**%.*s**", STR_ARG(title));
    if (h->kind.len)
        buf_printf(out, " (%.*s)", STR_ARG(h->kind));
}

/* Numbered; a passage of the same source as the one before goes under it. */
static void passages_put(struct buf *out, const struct hit *hits, size_t count)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        bool same = i && str_eq(hits[i].title, hits[i - 1].title) && hits[i].id.len &&
                    str_eq(hits[i].id, hits[i - 1].id);
        if (!same) {
            buf_printf(out, "%s%d. ", number ? "\n" : "", number + 1);
            number++;
            source_put(out, &hits[i]);
            buf_put_byte(out, '\n');
        } else {
            buf_put_cstr(out, "\n");
        }
        if (hits[i].text.len)
            buf_printf(out, "   > %.*s\n", STR_ARG(hits[i].text));
    }
}

static size_t passages_add(struct hit *to, size_t count, const struct hit *from, size_t from_count)
{
    for (size_t i = 0; i < from_count && count < PASSAGES_MAX; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= from[i].id.len && str_eq(from[i].id, to[k].id);
        if (!known)
            to[count++] = from[i];
    }
    return count;
}

/* Of the document that was read first, then of the other hits, at most PASSAGES_MAX in all. */
static size_t passages_collect(const struct talk *t, struct hit *ret)
{
    struct hit hits[HITS_MAX];
    const struct exchange *read = exchange_of(t, "get_document_content");
    size_t found = hits_of(t, search_done(t), hits, HITS_MAX), count = 0;
    if (read && read->answered && !read->is_error)
        count = offline_passages_read(t->a, read->result, &t->q, ret, FROM_DOCUMENT_MAX);
    for (size_t i = 0; i < count && found; i++) { /* what the search knows better */
        ret[i].id = hits[0].id;
        ret[i].title = hits[0].title;
        ret[i].url = hits[0].url;
        ret[i].kind = hits[0].kind;
    }
    count = passages_add(ret, count, hits, found);
    found = hits_of(t, exchange_of(t, "search_system_docs"), hits, HITS_MAX);
    count = passages_add(ret, count, hits, found);
    found = hits_of(t, exchange_of(t, "get_matter_by_number"), hits, HITS_MAX);
    return passages_add(ret, count, hits, found);
}

static bool failures_put(const struct talk *t, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < t->done_count; i++) {
        const struct exchange *x = &t->done[i];
        if (x->answered && !x->is_error)
            continue;
        struct str why =
            x->answered ? offline_line(t->a, x->result, 200) : STR("it gave no answer");
        buf_printf(out, "The tool `%.*s` did not work: %.*s\n\n",
                   STR_ARG(offline_line(t->a, x->name, 64)), STR_ARG(why));
        any = true;
    }
    return any;
}

static void found_put(struct talk *t, struct buf *out)
{
    struct hit passages[PASSAGES_MAX];
    size_t count = passages_collect(t, passages);
    struct str what = offline_line(t->a, t->q.query.len ? t->q.query : t->q.title, 120);
    bool failed = failures_put(t, out);
    if (count) {
        buf_printf(out, SELF "This is what I found for “%.*s”:\n\n", STR_ARG(what));
        passages_put(out, passages, count);
        buf_put_cstr(out, "\n" GET_A_MODEL);
        return;
    }
    if (!t->done_count)
        buf_printf(out, SELF "There is no tool here with which I could look for “%.*s”. ",
                   STR_ARG(what));
    else if (!failed)
        buf_printf(out, SELF "I found nothing for “%.*s”. Other words, or fewer, may help. ",
                   STR_ARG(what));
    buf_put_cstr(out, GET_A_MODEL);
}

static void list_put(struct talk *t, struct buf *out)
{
    struct hit hits[LISTED_MAX];
    const struct exchange *x = exchange_of(t, t->q.list_tool);
    size_t count = hits_of(t, x, hits, LISTED_MAX);
    if (failures_put(t, out)) {
        buf_put_cstr(out, GET_A_MODEL);
        return;
    }
    if (!count) {
        buf_put_cstr(out, SELF "There is nothing of that kind here that you may see. " GET_A_MODEL);
        return;
    }
    buf_printf(out, SELF "%s:\n\n",
               count < LISTED_MAX ? "This is what there is" : "These are the first ones");
    for (size_t i = 0; i < count; i++) {
        buf_put_cstr(out, "- ");
        source_put(out, &hits[i]);
        buf_put_byte(out, '\n');
    }
    buf_put_cstr(out, "\n" GET_A_MODEL);
}

static void created_put(struct talk *t, struct buf *out)
{
    struct hit page;
    const struct exchange *x = exchange_of(t, "create_document");
    if (!x) {
        buf_put_cstr(out, SELF "I can't create pages here: no tool for it is offered. ");
        buf_put_cstr(out, GET_A_MODEL);
    } else if (!hits_of(t, x, &page, 1)) {
        struct str why =
            x->answered ? offline_line(t->a, x->result, 200) : STR("the tool gave no answer");
        buf_printf(out, SELF "The page was not created: %.*s", STR_ARG(why));
    } else {
        buf_put_cstr(out, SELF "I created the page ");
        source_put(out, &page);
        buf_put_byte(out, '.');
    }
}

static void about_put(struct buf *out)
{
    buf_put_cstr(out, SELF "No provider key is set here, so there is no language model behind this "
                           "chat. I can:\n\n"
                           "- search the workspace and quote what stands there: *Smith passport*\n"
                           "- list things: *which pages do we have?*\n"
                           "- open a matter by its number: *MAT-0042*\n"
                           "- search the program's documentation: *how do I set a provider key?*\n"
                           "- create an empty page, after you approved it: *create a page called "
                           "Checklist*\n\n" GET_A_MODEL);
}

static void answer(struct talk *t)
{
    struct buf out;
    buf_init(&out, t->a, ANSWER_BYTES_MAX);
    switch (t->q.intent) {
    case INTENT_GREET:
        buf_put_cstr(&out,
                     "Hello! " SELF "Tell me what to look for in the workspace. " GET_A_MODEL);
        break;
    case INTENT_THANKS:
        buf_put_cstr(&out, "You are welcome.");
        break;
    case INTENT_ABOUT:
        about_put(&out);
        break;
    case INTENT_NOTHING:
        buf_put_cstr(&out,
                     SELF "Tell me what to look for: a name, a number, a few words. " GET_A_MODEL);
        break;
    case INTENT_LIST:
        if (exchange_of(t, t->q.list_tool))
            list_put(t, &out);
        else
            found_put(t, &out);
        break;
    case INTENT_CREATE:
        created_put(t, &out);
        break;
    default:
        found_put(t, &out);
    }
    say(t, buf_str(&out));
}

/* ---- one step ---- */

static int64_t words_of(struct str s)
{
    int64_t n = 0;
    bool inside = false;
    for (size_t i = 0; i < s.len; i++) {
        bool blank = s.ptr[i] == ' ' || s.ptr[i] == '\n' || s.ptr[i] == '\t' || s.ptr[i] == '\r';
        n += !blank && !inside;
        inside = !blank;
    }
    return n;
}

static void usage_count(const struct llm_request *rq, struct offline_step *step)
{
    step->usage.input_tokens = words_of(rq->system);
    for (size_t i = 0; i < rq->message_count; i++)
        for (size_t k = 0; k < rq->messages[i].count; k++)
            step->usage.input_tokens += words_of(rq->messages[i].parts[k].text);
    step->usage.output_tokens = words_of(step->text);
    for (size_t i = 0; i < step->call_count; i++)
        step->usage.output_tokens += words_of(step->calls[i].text);
}

void offline_decide(struct arena *a, const struct llm_request *rq, struct offline_step *ret)
{
    struct offline_step step = { .text = STR("") };
    struct talk t = { .a = a, .rq = rq, .step = &step };
    talk_read(&t);
    bool calls = t.done_count ? next_calls(&t) : t.turns < CALL_TURNS && first_calls(&t);
    if (!calls)
        answer(&t);
    usage_count(rq, &step);
    *ret = step;
}
