/* Operation rows of search: over HTTP, as tools and on the command line. */
#include "search/search.h"

struct query_in {
    struct str q;
    int64_t limit;
};

#define QUERY_FIELDS                                                                               \
    { .name = "q",                                                                                 \
      .type = FIELD_STR,                                                                           \
      .from = FROM_QUERY,                                                                          \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct query_in, q),                                                      \
      .min = 1,                                                                                    \
      .max = QUERY_CHARS_MAX,                                                                      \
      .doc = "Words to look for; the first 32 different ones count" },                             \
    {                                                                                              \
        .name = "limit", .type = FIELD_INT, .from = FROM_QUERY,                                    \
        .offset = FIELD_AT(struct query_in, limit), .min = 1, .max = SEARCH_LIMIT_MAX,             \
        .def = SEARCH_LIMIT_DEFAULT, .doc = "Most results to answer"                               \
    }

static const struct field query_fields[] = { QUERY_FIELDS, FIELD_END };

struct results_out {
    struct span results;
    bool complete;
};

#define RESULTS_FIELDS(table, row)                                                                 \
    { .name = "results",                                                                           \
      .type = FIELD_ARRAY,                                                                         \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct results_out, results),                                             \
      .fields = (table),                                                                           \
      .elem_size = sizeof(row),                                                                    \
      .doc = "Best first" },                                                                       \
    {                                                                                              \
        .name = "complete", .type = FIELD_BOOL, .flags = FIELD_REQUIRED,                           \
        .offset = FIELD_AT(struct results_out, complete),                                          \
        .doc = "False when time ran out, and better ones may be missing"                           \
    }

#define RESULT(member) FIELD_AT(struct search_result, member)
#define RESULT_FIELDS                                                                              \
    { .name = "id",                                                                                \
      .type = FIELD_ID,                                                                            \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = RESULT(id),                                                                        \
      .doc = "Id of what was found" },                                                             \
        { .name = "title",                                                                         \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = RESULT(title),                                                                 \
          .doc = "Its title" },                                                                    \
        { .name = "url",                                                                           \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = RESULT(url),                                                                   \
          .doc = "Its page in the console" },                                                      \
        { .name = "heading",                                                                       \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = RESULT(heading),                                                               \
          .doc = "Heading above the passage; null: none" },                                        \
    {                                                                                              \
        .name = "score", .type = FIELD_DOUBLE, .flags = FIELD_REQUIRED, .offset = RESULT(score),   \
        .doc = "BM25; comparable within one answer only"                                           \
    }

static const struct field result_fields[] = {
    { .name = "kind",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = RESULT(kind),
      .doc = "What it is: document" },
    RESULT_FIELDS,
    { .name = "snippet",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = RESULT(snippet),
      .doc = "The text around the words" },
    FIELD_END,
};
static const struct field passage_fields[] = {
    { .name = "sourceType",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = RESULT(source_type),
      .doc = "What it is from: DOCUMENT" },
    RESULT_FIELDS,
    { .name = "text",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = RESULT(text),
      .doc = "The passage, at most 512 words" },
    FIELD_END,
};
static const struct field results_fields[] = {
    RESULTS_FIELDS(result_fields, struct search_result),
    FIELD_END,
};
static const struct field passages_fields[] = {
    RESULTS_FIELDS(passage_fields, struct search_result),
    FIELD_END,
};

static enum err run(struct cx *cx, const struct query_in *in, bool passages,
                    struct results_out *out)
{
    struct search_in s = { .query = in->q, .limit = in->limit, .passages = passages };
    struct search_out found;
    TRY(search_run(cx, &s, &found));
    out->results = (struct span){ found.results, found.count };
    out->complete = found.complete;
    return OK;
}

static enum err search_op_run(struct cx *cx, const void *input, void *output)
{
    return run(cx, input, false, output);
}

static enum err knowledge_op_run(struct cx *cx, const void *input, void *output)
{
    return run(cx, input, true, output);
}

/* ---- search_system_docs ---- */

struct doc_ranks {
    int64_t full_text;
};
struct doc_view {
    struct search_doc_result r;
    struct doc_ranks ranks;
};
#define DOC(member) FIELD_AT(struct doc_view, r.member)

static const struct field ranks_fields[] = {
    { .name = "fullText",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct doc_ranks, full_text),
      .doc = "Place by words, from 1" },
    FIELD_END,
};
static const struct field doc_fields[] = {
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = DOC(title),
      .doc = "Title of the page, or name of the operation" },
    { .name = "heading",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = DOC(heading),
      .doc = "Heading of the section; may be empty" },
    { .name = "url",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = DOC(url),
      .doc = "Where it stands" },
    { .name = "snippet",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = DOC(snippet),
      .doc = "The text around the words" },
    { .name = "score",
      .type = FIELD_DOUBLE,
      .flags = FIELD_REQUIRED,
      .offset = DOC(score),
      .doc = "BM25; comparable within one answer only" },
    { .name = "ranks",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct doc_view, ranks),
      .fields = ranks_fields,
      .doc = "The places from which the order was made" },
    FIELD_END,
};
struct docs_out {
    struct span results;
};
static const struct field docs_fields[] = {
    { .name = "results",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct docs_out, results),
      .fields = doc_fields,
      .elem_size = sizeof(struct doc_view),
      .doc = "Best first" },
    FIELD_END,
};

static enum err docs_op_run(struct cx *cx, const void *input, void *output)
{
    const struct query_in *in = input;
    struct docs_out *out = output;
    struct search_doc_result *found;
    size_t count;
    TRY(search_docs_run(cx, in->q, in->limit, &found, &count));
    struct doc_view *views = arena_array(cx->arena, count, sizeof *views);
    for (size_t i = 0; i < count; i++)
        views[i] = (struct doc_view){ found[i], { found[i].rank } };
    out->results = (struct span){ views, count };
    return OK;
}

/* ---- rows ---- */

static const struct op_tool search_tool = {
    .level = 0,
    .doc = "Finds what the user can see in the workspace by its words: documents with title, url "
           "and the text around the hit. Read more with get_document_content.",
};
static const struct op_tool knowledge_tool = {
    .level = 0,
    .doc = "Finds passages (up to 512 words each) that answer a question, with their sources to "
           "quote: title, heading and url. Give the question's telling words.",
};
static const struct op_tool docs_tool = {
    .level = 0,
    .doc = "Searches the documentation of this program itself: how it is used, set up and "
           "operated, and what its operations do.",
};

const struct op search_ops[] = {
    { .name = "search",
      .kind = OP_JSON,
      .http = "GET /api/search",
      .category = "search",
      .auth = AUTH_SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .flags = OP_CORE_TOOL,
      .tool = &search_tool,
      .in = query_fields,
      .in_size = sizeof(struct query_in),
      .out = results_fields,
      .out_size = sizeof(struct results_out),
      .run = search_op_run,
      .summary = "Search the workspace",
      .doc = "Documents that the caller may see, by their words, best first (BM25; a title with "
             "all the words counts for more). One result for each document, with the best passage. "
             "A change can be found about a second later; what may not be seen any more is left "
             "out at once." },
    { .name = "knowledge_search",
      .kind = OP_JSON,
      .http = "GET /api/search/knowledge",
      .category = "search",
      .auth = AUTH_SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &knowledge_tool,
      .in = query_fields,
      .in_size = sizeof(struct query_in),
      .out = passages_fields,
      .out_size = sizeof(struct results_out),
      .run = knowledge_op_run,
      .summary = "Find passages to quote",
      .doc = "The passages that fit the words best, whole, with the source of each; several may "
             "come from one document. Found by words alone." },
    { .name = "search_system_docs",
      .kind = OP_JSON,
      .http = "GET /api/docs/search",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_NONE,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .flags = OP_CORE_TOOL,
      .tool = &docs_tool,
      .in = query_fields,
      .in_size = sizeof(struct query_in),
      .out = docs_fields,
      .out_size = sizeof(struct docs_out),
      .run = docs_op_run,
      .summary = "Search the documentation",
      .doc = "Sections of this program's own documentation, and its operations, by their words, "
             "best first." },
};
const size_t search_ops_count = sizeof search_ops / sizeof *search_ops;
