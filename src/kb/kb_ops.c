/* Operation rows of the knowledge base: over HTTP, as tools and on the command line. Handlers turn
 * input into one call of kb.h, and rows into answers. */
#include "kb/kb.h"
#include "kb/tiptap.h"
#include "op/op.h"

static const char *const kinds[] = { "PAGE", "FOLDER", "DOCX", NULL };
static const char *const kinds_to_create[] = { "PAGE", "FOLDER", NULL };
static const char *const visibilities[] = { "PRIVATE", "WORKSPACE", "NAMED", NULL };
static const char *const visibilities_to_create[] = { "PRIVATE", "WORKSPACE", NULL };

enum { TREE_LIMIT_MAX = 500, BODY_BYTES_MAX = 2 * 1024 * 1024 };

struct document_view {
    struct kb_document d;
    struct str markdown;
};

#define VIEW_HEAD                                                                                  \
    { .name = "id",                                                                                \
      .type = FIELD_ID,                                                                            \
      .flags = FIELD_REQUIRED,                                                                     \
      .offset = FIELD_AT(struct document_view, d.id),                                              \
      .doc = "Id of the document" },                                                               \
        { .name = "kind",                                                                          \
          .type = FIELD_ENUM,                                                                      \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct document_view, d.kind),                                        \
          .values = kinds,                                                                         \
          .doc = "PAGE has content, FOLDER has none, DOCX is a Word file" },                       \
        { .name = "parentId",                                                                      \
          .type = FIELD_ID,                                                                        \
          .flags = FIELD_NULLABLE,                                                                 \
          .offset = FIELD_AT(struct document_view, d.parent_id),                                   \
          .doc = "Folder or page it stands in; null at the top" },                                 \
        { .name = "title",                                                                         \
          .type = FIELD_STR,                                                                       \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct document_view, d.title),                                       \
          .doc = "Title" },                                                                        \
        { .name = "visibility",                                                                    \
          .type = FIELD_ENUM,                                                                      \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct document_view, d.visibility),                                  \
          .values = visibilities,                                                                  \
          .doc = "Who may see it: its owner, the workspace, or named members" },                   \
        { .name = "ownerId",                                                                       \
          .type = FIELD_ID,                                                                        \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct document_view, d.owner_id),                                    \
          .doc = "User who owns it" },                                                             \
        { .name = "version",                                                                       \
          .type = FIELD_INT,                                                                       \
          .flags = FIELD_REQUIRED,                                                                 \
          .offset = FIELD_AT(struct document_view, d.version),                                     \
          .doc = "Counts up with each change; give it back when changing" },                       \
        { .name = "createdAt",                                                                     \
          .type = FIELD_TIME,                                                                      \
          .flags = FIELD_REQUIRED | FIELD_NULLABLE,                                                \
          .offset = FIELD_AT(struct document_view, d.created_at_ms),                               \
          .doc = "When it was made" },                                                             \
    {                                                                                              \
        .name = "updatedAt", .type = FIELD_TIME, .flags = FIELD_REQUIRED | FIELD_NULLABLE,         \
        .offset = FIELD_AT(struct document_view, d.updated_at_ms),                                 \
        .doc = "When it was last changed"                                                          \
    }

static const struct field document_list_fields[] = { VIEW_HEAD, FIELD_END };
static const struct field document_fields[] = {
    VIEW_HEAD,
    { .name = "createdBy",
      .type = FIELD_ID,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct document_view, d.created_by),
      .doc = "User who made it" },
    { .name = "updatedBy",
      .type = FIELD_ID,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct document_view, d.updated_by),
      .doc = "User who last changed it" },
    { .name = "content",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct document_view, d.content),
      .doc = "Tiptap JSON of a page" },
    { .name = "markdown",
      .type = FIELD_TEXT,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct document_view, markdown),
      .doc = "The page as Markdown" },
    FIELD_END,
};
/* What a model reads: the text once, without the editor's JSON. */
static const struct field document_tool_fields[] = {
    VIEW_HEAD,
    { .name = "markdown",
      .type = FIELD_TEXT,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct document_view, markdown),
      .doc = "The page as Markdown" },
    FIELD_END,
};

static enum err view_make(struct cx *cx, struct document_view *v)
{
    struct json doc;
    struct json_fault fault;
    if (!str_given(v->d.content))
        return OK;
    if (json_parse(cx->arena, v->d.content, NULL, &doc, &fault) != OK || tiptap_fault(&doc))
        return cx_fault(cx, "document %.*s holds no Tiptap document", STR_ARG(v->d.id));
    v->markdown = tiptap_markdown(cx->arena, &doc);
    return OK;
}

/* ---- list_documents ---- */

struct list_in {
    struct page_in page;
    struct str kind, parent_id, owner_id, q;
};
struct list_out {
    struct span documents;
    struct page_out pagination;
};

static const struct field list_in_fields[] = {
    { .name = "kind",
      .type = FIELD_ENUM,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, kind),
      .values = kinds,
      .doc = "Only documents of this kind" },
    { .name = "parentId",
      .type = FIELD_ID,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, parent_id),
      .doc = "Only what stands directly in this folder or page" },
    { .name = "ownerId",
      .type = FIELD_ID,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, owner_id),
      .doc = "Only documents of this user" },
    { .name = "q",
      .type = FIELD_STR,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct list_in, q),
      .max = KB_TITLE_CHARS_MAX,
      .doc = "Only titles with this text in them, whatever its case" },
    FIELD_PAGE_IN(struct list_in),
    FIELD_END,
};
static const struct field list_out_fields[] = {
    { .name = "documents",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct list_out, documents),
      .fields = document_list_fields,
      .elem_size = sizeof(struct document_view),
      .doc = "Last change first" },
    FIELD_PAGE_OUT(struct list_out),
    FIELD_END,
};

static const struct page_list documents_list =
    PAGE_LIST("documents", struct kb_edge, PAGE_KEY(struct kb_edge, before_ms),
              PAGE_KEY(struct kb_edge, before_id));

static enum err list_run(struct cx *cx, const void *input, void *output)
{
    const struct list_in *in = input;
    struct list_out *out = output;
    struct kb_edge edge = { .before_ms = INT64_MAX, .before_id = PAGE_LAST_ID };
    struct kb_document *docs;
    size_t count;
    TRY(page_begin(cx, &documents_list, &in->page, &edge));
    struct kb_filter f = { .kind = in->kind,
                           .parent_id = in->parent_id,
                           .owner_id = in->owner_id,
                           .q = in->q,
                           .before_ms = edge.before_ms,
                           .before_id = edge.before_id,
                           .limit = in->page.limit };
    TRY(kb_list(cx, &f, &docs, &count, &edge));
    struct document_view *views = arena_array(cx->arena, count, sizeof *views);
    for (size_t i = 0; i < count; i++)
        views[i].d = docs[i];
    out->documents = (struct span){ views, count };
    page_go_on(cx, &documents_list, &in->page, edge.more ? &edge : NULL, &out->pagination);
    return OK;
}

/* ---- get_document, and what answers one document ---- */

struct get_in {
    struct str id;
};
struct document_out {
    struct document_view document;
};

static const struct field get_in_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct get_in, id),
      .doc = "Id of the document" },
    FIELD_END,
};
static const struct field document_out_fields[] = {
    { .name = "document",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct document_out, document),
      .fields = document_fields,
      .doc = "The document" },
    FIELD_END,
};
static const struct field document_out_tool_fields[] = {
    { .name = "document",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct document_out, document),
      .fields = document_tool_fields,
      .doc = "The document" },
    FIELD_END,
};
static const struct field document_out_brief_fields[] = {
    { .name = "document",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct document_out, document),
      .fields = document_list_fields,
      .doc = "The document, without its content" },
    FIELD_END,
};

static enum err get_run(struct cx *cx, const void *input, void *output)
{
    const struct get_in *in = input;
    struct document_out *out = output;
    TRY(kb_get(cx, in->id, &out->document.d));
    return view_make(cx, &out->document);
}

/* ---- create_document ---- */

struct create_in {
    struct str title, kind, parent_id, visibility, markdown;
    struct json content;
    uint8_t content_seen;
};

static const struct field create_in_fields[] = {
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct create_in, title),
      .min = 1,
      .max = KB_TITLE_CHARS_MAX,
      .doc = "Title, 1 to 200 characters" },
    { .name = "kind",
      .type = FIELD_ENUM,
      .offset = FIELD_AT(struct create_in, kind),
      .values = kinds_to_create,
      .doc = "PAGE (when not given) or FOLDER" },
    { .name = "parentId",
      .type = FIELD_ID,
      .offset = FIELD_AT(struct create_in, parent_id),
      .doc = "Folder or page to put it in; not given: at the top" },
    { .name = "visibility",
      .type = FIELD_ENUM,
      .offset = FIELD_AT(struct create_in, visibility),
      .values = visibilities_to_create,
      .doc = "WORKSPACE (when not given) or PRIVATE" },
    { .name = "content",
      .type = FIELD_JSON,
      .offset = FIELD_AT(struct create_in, content),
      .seen = FIELD_SEEN(struct create_in, content_seen),
      .doc = "Tiptap JSON of the page, at most 1 MB; not together with markdown" },
    { .name = "markdown",
      .type = FIELD_TEXT,
      .offset = FIELD_AT(struct create_in, markdown),
      .max = KB_MARKDOWN_CHARS_MAX,
      .doc = "Content as Markdown, instead of content" },
    FIELD_END,
};

static enum err create_run(struct cx *cx, const void *input, void *output)
{
    const struct create_in *in = input;
    struct document_out *out = output;
    struct kb_new n = { .title = in->title,
                        .kind = in->kind,
                        .parent_id = in->parent_id,
                        .visibility = in->visibility,
                        .content = { .tiptap =
                                         in->content_seen == FIELD_GIVEN ? &in->content : NULL,
                                     .markdown = in->markdown } };
    TRY(kb_create(cx, &n, &out->document.d));
    return view_make(cx, &out->document);
}

/* ---- update_document ---- */

struct update_in {
    struct str id, title, markdown;
    struct json content;
    uint8_t content_seen;
    int64_t version;
};

static const struct field update_in_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct update_in, id),
      .doc = "Id of the document" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED | FIELD_VERSION,
      .offset = FIELD_AT(struct update_in, version),
      .min = 1,
      .max = INT64_MAX,
      .doc = "Version that the change is based on; or the header If-Match" },
    { .name = "title",
      .type = FIELD_STR,
      .offset = FIELD_AT(struct update_in, title),
      .min = 1,
      .max = KB_TITLE_CHARS_MAX,
      .doc = "New title, 1 to 200 characters" },
    { .name = "content",
      .type = FIELD_JSON,
      .offset = FIELD_AT(struct update_in, content),
      .seen = FIELD_SEEN(struct update_in, content_seen),
      .doc = "New Tiptap JSON of the page, at most 1 MB; not together with markdown" },
    { .name = "markdown",
      .type = FIELD_TEXT,
      .offset = FIELD_AT(struct update_in, markdown),
      .max = KB_MARKDOWN_CHARS_MAX,
      .doc = "New content as Markdown, instead of content" },
    FIELD_END,
};

static enum err update_run(struct cx *cx, const void *input, void *output)
{
    const struct update_in *in = input;
    struct document_out *out = output;
    struct kb_change c = { .id = in->id,
                           .version = in->version,
                           .title = in->title,
                           .content = { .tiptap =
                                            in->content_seen == FIELD_GIVEN ? &in->content : NULL,
                                        .markdown = in->markdown } };
    TRY(kb_update(cx, &c, &out->document.d));
    return view_make(cx, &out->document);
}

/* ---- get_document_tree ---- */

struct tree_in {
    struct page_in page;
    struct str parent_id;
};
struct tree_out {
    struct span nodes;
    struct page_out pagination;
};

static const struct field node_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct kb_node, id),
      .doc = "Id of the document" },
    { .name = "kind",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct kb_node, kind),
      .values = kinds,
      .doc = "PAGE, FOLDER or DOCX" },
    { .name = "parentId",
      .type = FIELD_ID,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct kb_node, parent_id),
      .doc = "Folder or page it stands in; null at the top" },
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct kb_node, title),
      .doc = "Title" },
    { .name = "position",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct kb_node, position),
      .doc = "Place among its neighbours" },
    { .name = "hasChildren",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct kb_node, has_children),
      .doc = "Whether something that you can see stands in it" },
    FIELD_END,
};
static const struct field tree_in_fields[] = {
    { .name = "parentId",
      .type = FIELD_ID,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct tree_in, parent_id),
      .doc = "Whose children; not given: the top" },
    FIELD_PAGE_LIMIT(struct tree_in, TREE_LIMIT_MAX, 200),
    FIELD_PAGE_CURSOR(struct tree_in),
    FIELD_END,
};
static const struct field tree_out_fields[] = {
    { .name = "nodes",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct tree_out, nodes),
      .fields = node_fields,
      .elem_size = sizeof(struct kb_node),
      .doc = "One level of the tree, in its order" },
    FIELD_PAGE_OUT(struct tree_out),
    FIELD_END,
};

static const struct page_list tree_list = PAGE_LIST(
    "tree", struct kb_node, PAGE_KEY(struct kb_node, position), PAGE_KEY(struct kb_node, id));

static enum err tree_run(struct cx *cx, const void *input, void *output)
{
    const struct tree_in *in = input;
    struct tree_out *out = output;
    struct kb_node *nodes, from = { .position = INT64_MIN, .id = STR("") };
    size_t count;
    TRY(page_begin(cx, &tree_list, &in->page, &from));
    TRY(kb_children(cx, in->parent_id, from.position, from.id, in->page.limit + 1, &nodes, &count));
    count = page_end(cx, &tree_list, &in->page, nodes, count, &out->pagination);
    out->nodes = (struct span){ nodes, count };
    return OK;
}

/* ---- archive_document, restore_document ---- */

static enum err archive_run(struct cx *cx, const void *input, void *output)
{
    const struct get_in *in = input;
    (void)output;
    return kb_archive(cx, in->id);
}

static enum err restore_run(struct cx *cx, const void *input, void *output)
{
    const struct get_in *in = input;
    struct document_out *out = output;
    TRY(kb_restore(cx, in->id, &out->document.d));
    return view_make(cx, &out->document);
}

/* ---- get_document_content ---- */

enum { PAGE_CHARS = 8000 };

struct content_in {
    struct str id;
    int64_t page;
};
struct content_out {
    struct str id, title, text;
    int64_t version, page, pages;
};

static const struct field content_in_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct content_in, id),
      .doc = "Id of the document" },
    { .name = "page",
      .type = FIELD_INT,
      .offset = FIELD_AT(struct content_in, page),
      .min = 1,
      .max = 1000000,
      .def = 1,
      .doc = "Which page of the text, from 1" },
    FIELD_END,
};
static const struct field content_out_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct content_out, id),
      .doc = "Id of the document" },
    { .name = "title",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct content_out, title),
      .doc = "Title" },
    { .name = "version",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct content_out, version),
      .doc = "Version that was read" },
    { .name = "page",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct content_out, page),
      .doc = "Page that was asked for" },
    { .name = "pages",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct content_out, pages),
      .doc = "How many pages there are" },
    { .name = "text",
      .type = FIELD_TEXT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct content_out, text),
      .doc = "Text of the page; headings begin with #" },
    FIELD_END,
};

/* End of the page that begins at `from`: at a line, a space, or after PAGE_CHARS characters. */
static size_t text_page_end(struct str text, size_t from)
{
    size_t pos = from, line = from, space = from;
    for (int64_t chars = 0; pos < text.len && chars < PAGE_CHARS; chars++) {
        uint32_t cp = utf8_next(text, &pos);
        if (cp == '\n')
            line = pos;
        if (cp == ' ')
            space = pos;
    }
    if (pos == text.len)
        return pos;
    if (line - from > (pos - from) / 2)
        return line;
    return space > from ? space : pos;
}

static enum err content_run(struct cx *cx, const void *input, void *output)
{
    const struct content_in *in = input;
    struct content_out *out = output;
    struct kb_document d;
    struct str text;
    TRY(kb_text(cx, in->id, &d, &text));
    size_t from = 0;
    do {
        size_t to = text_page_end(text, from);
        out->pages++;
        if (out->pages == in->page)
            out->text = str_sub(text, from, to);
        from = to;
    } while (from < text.len);
    if (in->page > out->pages) {
        cx_field_error(cx, STR("page"), "must be at most %lld, the last page",
                       (long long)out->pages);
        return cx_invalid(cx);
    }
    out->id = d.id;
    out->title = d.title;
    out->version = d.version;
    out->page = in->page;
    if (!str_given(out->text))
        out->text = STR("");
    return OK;
}

/* ---- rows ---- */

static const struct op_tool list_tool = {
    .level = 0,
    .doc = "Lists knowledge base documents that the user can see, last change first, without their "
           "content. Filter by kind, parentId, ownerId, or a part of the title (q).",
};
static const struct op_tool get_tool = {
    .level = 0,
    .doc = "Reads one knowledge base page as Markdown, with its version.",
    .view = document_out_tool_fields,
};
static const struct op_tool create_tool = {
    .level = 1,
    .doc = "Makes a knowledge base page or folder. Give the page's text as markdown.",
    .view = document_out_brief_fields,
};
static const struct op_tool update_tool = {
    .level = 1,
    .doc = "Changes the title or the whole content of a page. Read the page first and give back "
           "its version; when somebody changed it meanwhile nothing is written.",
    .view = document_out_brief_fields,
};
static const struct op_tool tree_tool = {
    .level = 0,
    .doc = "One level of the tree of folders and pages; ask again with parentId to go down.",
};

static const struct op_tool content_tool = {
    .level = 0,
    .doc = "Reads the full text of a document by its id, in pages of about 8,000 characters; pages "
           "says how many there are.",
};
static const struct op_tool restore_tool = {
    .level = 1,
    .doc = "Brings an archived document back.",
    .view = document_out_brief_fields,
};

const struct op kb_ops[] = {
    { .name = "list_documents",
      .kind = OP_JSON,
      .http = "GET /api/documents",
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_LOOP,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &list_tool,
      .in = list_in_fields,
      .in_size = sizeof(struct list_in),
      .out = list_out_fields,
      .out_size = sizeof(struct list_out),
      .run = list_run,
      .summary = "List documents",
      .doc = "Documents of the workspace that the caller may see, last change first, without "
             "content. PRIVATE documents are their owner's only. Looks at 500 documents at a time: "
             "with a filter that fits few, a page can be short or empty and hasMore still true." },
    { .name = "get_document_tree",
      .kind = OP_JSON,
      .http = "GET /api/documents/tree",
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &tree_tool,
      .in = tree_in_fields,
      .in_size = sizeof(struct tree_in),
      .out = tree_out_fields,
      .out_size = sizeof(struct tree_out),
      .run = tree_run,
      .summary = "Show a level of the document tree",
      .doc = "Folders and pages directly in parentId, or at the top, in their order. hasChildren "
             "says where there is more below." },
    { .name = "get_document",
      .kind = OP_JSON,
      .http = "GET /api/documents/doc/{id}",
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &get_tool,
      .in = get_in_fields,
      .in_size = sizeof(struct get_in),
      .out = document_out_fields,
      .out_size = sizeof(struct document_out),
      .run = get_run,
      .summary = "Read a document",
      .doc = "One document with its Tiptap JSON and the same as Markdown. 404 NOT_FOUND when there "
             "is none, or it is not the caller's to see." },
    { .name = "create_document",
      .kind = OP_JSON,
      .http = "POST /api/documents",
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .tool = &create_tool,
      .in = create_in_fields,
      .in_size = sizeof(struct create_in),
      .out = document_out_fields,
      .out_size = sizeof(struct document_out),
      .body_bytes_max = BODY_BYTES_MAX,
      .location = "/api/documents/doc/{id}",
      .run = create_run,
      .summary = "Create a document",
      .doc = "Makes a page, from Tiptap JSON (content) or Markdown, or a folder. The caller owns "
             "it. Answers 201 with Location." },
    { .name = "update_document",
      .kind = OP_JSON,
      .http = "PATCH /api/documents/doc/{id}",
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .tool = &update_tool,
      .in = update_in_fields,
      .in_size = sizeof(struct update_in),
      .out = document_out_fields,
      .out_size = sizeof(struct document_out),
      .body_bytes_max = BODY_BYTES_MAX,
      .run = update_run,
      .summary = "Change a document",
      .doc = "New title or content of a document. Needs the version that the change is based on "
             "(in the body or as If-Match); another one is 409 VERSION_CONFLICT with "
             "details.version, and nothing is written." },
    { .name = "archive_document",
      .kind = OP_JSON,
      .http = "DELETE /api/documents/doc/{id}",
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .in = get_in_fields,
      .in_size = sizeof(struct get_in),
      .run = archive_run,
      .summary = "Archive a document",
      .doc = "Takes a document out of lists, tree and search; restore_document brings it back. 409 "
             "CONFLICT while documents stand in it." },
    { .name = "restore_document",
      .kind = OP_JSON,
      .http = "POST /api/documents/doc/{id}/restore",
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_MEMBER_UP,
      .tx = TX_WRITE,
      .lane = LANE_WORKER,
      .rate = RATE_WRITE,
      .effect = EFFECT_WRITE,
      .flags = OP_NO_BODY,
      .tool = &restore_tool,
      .in = get_in_fields,
      .in_size = sizeof(struct get_in),
      .out = document_out_fields,
      .out_size = sizeof(struct document_out),
      .run = restore_run,
      .summary = "Restore a document",
      .doc = "Undoes archive_document. The document is where it was, or at the top when what it "
             "stood in is not there any more. 409 CONFLICT when it is not archived." },
    { .name = "get_document_content",
      .kind = OP_JSON,
      .category = "documents",
      .auth = AUTH_SESSION,
      .roles = ROLES_VIEWER_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .flags = OP_CORE_TOOL,
      .tool = &content_tool,
      .in = content_in_fields,
      .in_size = sizeof(struct content_in),
      .out = content_out_fields,
      .out_size = sizeof(struct content_out),
      .run = content_run,
      .summary = "Read the text of a document",
      .doc = "The full text of a document in pages of about 8,000 characters, headings marked with "
             "#. 404 NOT_FOUND when there is none, or it is not the caller's to see." },
};
const size_t kb_ops_count = sizeof kb_ops / sizeof *kb_ops;
