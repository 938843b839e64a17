/* Documents: lists, pages, changes.
 *
 * Goals: nobody sees a row that is not theirs to see, and cannot tell it from one that is not
 * there; a change is refused when the document is not the one its author saw. Non-goals: versions,
 * sharing by name, search in the text (their issues). Invariants: plain_text and title_key always
 * follow content and title; content is a valid Tiptap document of at most TIPTAP_BYTES_MAX. */
#include "kb/kb.h"

#include "base/cuid.h"
#include "base/fold.h"
#include "jobs/jobs.h"
#include "kb/kb_sql.h"
#include "kb/tiptap.h"

/* An agent key acts as its user; the command line as nobody in particular. */
static struct str viewer(const struct cx *cx)
{
    return str_given(cx->principal.user_id) ? cx->principal.user_id : STR("");
}

static enum err not_found(struct cx *cx)
{
    FAIL(cx, NOT_FOUND, "There is no such document.");
}

/* ---- reading ---- */

/* Rows beyond the page: one more that fits, or documents not looked at. */
static enum err edge_find(struct cx *cx, const struct kb_filter *f, struct kb_document *docs,
                          size_t *count, struct kb_edge *ret)
{
    struct kb_document_edge_in in = { .workspace_id = cx->principal.workspace_id,
                                      .before_at = f->before_ms,
                                      .before_id = f->before_id,
                                      .skip = KB_SCAN_ROWS - 1 };
    struct kb_document_edge_row row;
    bool found;
    if (*count > (size_t)f->limit) {
        *count = (size_t)f->limit;
        const struct kb_document *last = &docs[*count - 1];
        *ret = (struct kb_edge){ true, last->updated_at_ms, last->id };
        return OK;
    }
    TRY(kb_document_edge(cx, &in, &row, &found));
    *ret = found ? (struct kb_edge){ true, row.updated_at, row.id } : (struct kb_edge){ 0 };
    return OK;
}

enum err kb_list(struct cx *cx, const struct kb_filter *f, struct kb_document **ret,
                 size_t *ret_count, struct kb_edge *ret_edge)
{
    struct kb_document_list_in in = {
        .workspace_id = cx->principal.workspace_id,
        .user_id = viewer(cx),
        .kind = f->kind,
        .parent_id = f->parent_id,
        .owner_id = f->owner_id,
        .q = str_given(f->q) ? fold_key(cx->arena, f->q) : STR(""),
        .before_at = f->before_ms,
        .before_id = f->before_id,
        .scan = KB_SCAN_ROWS,
        .limit = f->limit + 1,
    };
    struct kb_document_list_row *rows;
    size_t count;
    struct kb_edge edge;
    TRY(kb_document_list(cx, &in, &rows, &count));
    struct kb_document *docs = arena_array(cx->arena, count, sizeof *docs);
    for (size_t i = 0; i < count; i++)
        docs[i] = (struct kb_document){ .id = rows[i].id,
                                        .kind = rows[i].kind,
                                        .parent_id = rows[i].parent_id,
                                        .title = rows[i].title,
                                        .visibility = rows[i].visibility,
                                        .owner_id = rows[i].owner_id,
                                        .version = rows[i].version,
                                        .created_at_ms = rows[i].created_at,
                                        .updated_at_ms = rows[i].updated_at };
    TRY(edge_find(cx, f, docs, &count, &edge));
    *ret = docs;
    *ret_count = count;
    *ret_edge = edge;
    return OK;
}

enum err kb_get(struct cx *cx, struct str id, struct kb_document *ret)
{
    struct kb_document_get_in in = { .workspace_id = cx->principal.workspace_id,
                                     .user_id = viewer(cx),
                                     .id = id };
    struct kb_document_get_row r;
    bool found;
    TRY(kb_document_get(cx, &in, &r, &found));
    if (!found)
        return not_found(cx);
    *ret = (struct kb_document){ .id = r.id,
                                 .kind = r.kind,
                                 .parent_id = r.parent_id,
                                 .title = r.title,
                                 .visibility = r.visibility,
                                 .owner_id = r.owner_id,
                                 .created_by = r.created_by,
                                 .updated_by = r.updated_by,
                                 .content = r.content,
                                 .text = r.plain_text,
                                 .version = r.version,
                                 .created_at_ms = r.created_at,
                                 .updated_at_ms = r.updated_at };
    return OK;
}

enum err kb_children(struct cx *cx, struct str parent_id, int64_t after_position,
                     struct str after_id, int64_t limit, struct kb_node **ret, size_t *ret_count)
{
    struct kb_document_children_row *rows;
    struct kb_document_roots_row *roots;
    struct kb_document_children_in in = { .workspace_id = cx->principal.workspace_id,
                                          .user_id = viewer(cx),
                                          .parent_id = parent_id,
                                          .after_position = after_position,
                                          .after_id = after_id,
                                          .limit = limit };
    struct kb_document_roots_in top = { .workspace_id = in.workspace_id,
                                        .user_id = in.user_id,
                                        .after_position = after_position,
                                        .after_id = after_id,
                                        .limit = limit };
    bool at_top = !str_given(parent_id);
    size_t count;
    TRY(at_top ? kb_document_roots(cx, &top, &roots, &count)
               : kb_document_children(cx, &in, &rows, &count));
    struct kb_node *nodes = arena_array(cx->arena, count, sizeof *nodes);
    for (size_t i = 0; i < count; i++) {
        if (at_top)
            nodes[i] =
                (struct kb_node){ roots[i].id,    roots[i].kind,     roots[i].parent_id,
                                  roots[i].title, roots[i].position, roots[i].children != 0 };
        else
            nodes[i] = (struct kb_node){ rows[i].id,    rows[i].kind,     rows[i].parent_id,
                                         rows[i].title, rows[i].position, rows[i].children != 0 };
    }
    *ret = nodes;
    *ret_count = count;
    return OK;
}

enum err kb_title(struct cx *cx, struct str id, struct str *ret, bool *ret_found)
{
    struct kb_document_brief_in in = { .workspace_id = cx->principal.workspace_id,
                                       .user_id = viewer(cx),
                                       .id = id };
    struct kb_document_brief_row row;
    TRY(kb_document_brief(cx, &in, &row, ret_found));
    *ret = *ret_found ? row.title : STR_NULL;
    return OK;
}

/* ---- texts ---- */

static enum err text_make(struct cx *cx, struct str id, struct str content, struct str plain,
                          struct str *ret)
{
    struct json doc;
    struct json_fault fault;
    *ret = plain;
    if (!str_given(content))
        return OK;
    if (json_parse(cx->arena, content, NULL, &doc, &fault) != OK || tiptap_fault(&doc))
        return cx_fault(cx, "document %.*s holds no Tiptap document", STR_ARG(id));
    *ret = tiptap_outline_text(cx->arena, &doc);
    return OK;
}

enum err kb_text(struct cx *cx, struct str id, struct kb_document *ret_document,
                 struct str *ret_text)
{
    struct kb_document d;
    TRY(kb_get(cx, id, &d));
    TRY(text_make(cx, id, d.content, d.text, ret_text));
    *ret_document = d;
    return OK;
}

enum err kb_source_get(struct cx *cx, struct str id, struct kb_source *ret, bool *ret_found)
{
    struct kb_document_source_in in = { .workspace_id = cx->principal.workspace_id, .id = id };
    struct kb_document_source_row row;
    struct str text;
    TRY(kb_document_source(cx, &in, &row, ret_found));
    if (!*ret_found)
        return OK;
    TRY(text_make(cx, id, row.content, row.plain_text, &text));
    *ret = (struct kb_source){ .title = row.title,
                               .text = text,
                               .owner_id = row.owner_id,
                               .for_all = str_is(row.visibility, "WORKSPACE"),
                               .version = row.version };
    return OK;
}

enum err kb_source_version(struct cx *cx, struct str id, int64_t *ret)
{
    struct kb_document_version_in in = { .workspace_id = cx->principal.workspace_id, .id = id };
    struct kb_document_version_row row;
    bool found;
    TRY(kb_document_version(cx, &in, &row, &found));
    *ret = found ? row.version : 0;
    return OK;
}

enum err kb_source_ids(struct cx *cx, struct str after, int64_t limit, struct str **ret,
                       size_t *ret_count)
{
    struct kb_document_ids_in in = { .workspace_id = cx->principal.workspace_id,
                                     .after = after,
                                     .limit = limit };
    struct kb_document_ids_row *rows;
    size_t count;
    TRY(kb_document_ids(cx, &in, &rows, &count));
    struct str *ids = arena_array(cx->arena, count, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = rows[i].id;
    *ret = ids;
    *ret_count = count;
    return OK;
}

/* ---- content ---- */

struct made {
    struct str content, plain_text; /* absent: none was given */
};

static enum err content_from_markdown(struct cx *cx, struct str markdown, struct made *ret)
{
    struct json doc;
    struct json_fault fault;
    ret->content = tiptap_from_markdown(cx->arena, markdown);
    if (ret->content.len > TIPTAP_BYTES_MAX) {
        cx_field_error(cx, STR("markdown"), "makes a document of more than %d bytes",
                       TIPTAP_BYTES_MAX);
        return cx_invalid(cx);
    }
    if (json_parse(cx->arena, ret->content, NULL, &doc, &fault) != OK)
        return cx_fault(cx, "a page made of Markdown is not JSON: %s", fault.message);
    ret->plain_text = tiptap_plain_text(cx->arena, &doc);
    return OK;
}

static enum err content_make(struct cx *cx, const struct kb_content *c, struct made *ret)
{
    bool tiptap = c->tiptap && c->tiptap->type != 0;
    *ret = (struct made){ 0 };
    if (tiptap && str_given(c->markdown)) {
        cx_field_error(cx, STR("markdown"), "cannot be given together with content");
        return cx_invalid(cx);
    }
    if (str_given(c->markdown))
        return content_from_markdown(cx, c->markdown, ret);
    if (!tiptap)
        return OK;
    const char *fault = tiptap_fault(c->tiptap);
    if (fault)
        cx_field_error(cx, STR("content"), "%s", fault);
    else if (c->tiptap->source.len > TIPTAP_BYTES_MAX)
        cx_field_error(cx, STR("content"), "must be at most %d bytes", TIPTAP_BYTES_MAX);
    if (cx_has_field_errors(cx))
        return cx_invalid(cx);
    ret->content = c->tiptap->source;
    ret->plain_text = tiptap_plain_text(cx->arena, c->tiptap);
    return OK;
}

/* ---- writing ---- */

/* The index follows. No unique key: a job that runs already may have read what was before. */
static enum err index_add(struct cx *cx, struct str id)
{
    struct job_new j = { .kind = KB_INDEX_JOB,
                         .payload = str_fmt(cx->arena,
                                            "{\"sourceType\":\"DOCUMENT\",\"sourceId\":\"%.*s\"}",
                                            STR_ARG(id)) };
    return job_add(cx, &j, NULL);
}

static enum err parent_check(struct cx *cx, struct str parent_id)
{
    struct kb_document_brief_in in = { .workspace_id = cx->principal.workspace_id,
                                       .user_id = viewer(cx),
                                       .id = parent_id };
    struct kb_document_brief_row row;
    bool found;
    TRY(kb_document_brief(cx, &in, &row, &found));
    if (!found)
        cx_field_error(cx, STR("parentId"), "is not a document that you can see");
    else if (str_is(row.kind, "DOCX"))
        cx_field_error(cx, STR("parentId"), "must be a folder or a page");
    return cx_has_field_errors(cx) ? cx_invalid(cx) : OK;
}

enum err kb_create(struct cx *cx, const struct kb_new *n, struct kb_document *ret)
{
    bool folder = str_is(n->kind, "FOLDER");
    struct made made;
    TRY(content_make(cx, &n->content, &made));
    if (folder && str_given(made.content)) {
        cx_field_error(cx, STR("kind"), "a FOLDER has no content");
        return cx_invalid(cx);
    }
    if (!folder && !str_given(made.content))
        made.content = STR("{\"type\":\"doc\",\"content\":[]}");
    if (str_given(n->parent_id))
        TRY(parent_check(cx, n->parent_id));
    struct kb_document_insert_in in = {
        .workspace_id = cx->principal.workspace_id,
        .id = cuid_new(cx->arena, cx->now_ms),
        .kind = folder ? STR("FOLDER") : STR("PAGE"),
        .parent_id = n->parent_id,
        .title = n->title,
        .title_key = fold_key(cx->arena, n->title),
        .content = made.content,
        .plain_text = str_given(made.plain_text) ? made.plain_text : STR(""),
        .visibility = str_given(n->visibility) ? n->visibility : STR("WORKSPACE"),
        .user_id = viewer(cx),
        .now = cx->now_ms,
    };
    TRY(kb_document_insert(cx, &in, NULL));
    TRY(index_add(cx, in.id));
    cx_entity(cx, "document", in.id);
    return kb_get(cx, in.id, ret);
}

static enum err version_conflict(struct cx *cx, int64_t version)
{
    cx_fail(cx, ERR_VERSION_CONFLICT, "The document was changed meanwhile; it is at version %lld.",
            (long long)version);
    cx_details(cx, str_fmt(cx->arena, "{\"version\":%lld}", (long long)version));
    return ERR_VERSION_CONFLICT;
}

enum err kb_update(struct cx *cx, const struct kb_change *c, struct kb_document *ret)
{
    struct kb_document_brief_in key = { .workspace_id = cx->principal.workspace_id,
                                        .user_id = viewer(cx),
                                        .id = c->id };
    struct kb_document_brief_row now;
    struct made made;
    bool found;
    TRY(kb_document_brief(cx, &key, &now, &found));
    if (!found)
        return not_found(cx);
    if (now.version != c->version)
        return version_conflict(cx, now.version);
    TRY(content_make(cx, &c->content, &made));
    if (str_given(made.content) && !str_is(now.kind, "PAGE"))
        FAIL(cx, CONFLICT, "Only a page has content.");
    struct kb_document_set_in in = {
        .workspace_id = key.workspace_id,
        .id = c->id,
        .version = c->version,
        .title = c->title,
        .title_key = str_given(c->title) ? fold_key(cx->arena, c->title) : STR_NULL,
        .content = made.content,
        .plain_text = made.plain_text,
        .user_id = key.user_id,
        .now = cx->now_ms,
    };
    int64_t affected;
    TRY(kb_document_set(cx, &in, &affected));
    if (affected != 1)
        return version_conflict(cx, now.version);
    TRY(index_add(cx, c->id));
    cx_entity(cx, "document", c->id);
    return kb_get(cx, c->id, ret);
}

enum err kb_archive(struct cx *cx, struct str id)
{
    struct kb_document_archive_in in = { .workspace_id = cx->principal.workspace_id,
                                         .id = id,
                                         .user_id = viewer(cx),
                                         .now = cx->now_ms };
    struct kb_document_has_children_in inside = { .workspace_id = in.workspace_id, .id = id };
    struct kb_document_has_children_row child;
    struct str title;
    bool found;
    TRY(kb_title(cx, id, &title, &found));
    if (!found)
        return not_found(cx);
    TRY(kb_document_has_children(cx, &inside, &child, &found));
    if (found)
        FAIL(cx, CONFLICT, "Archive what stands in it first.");
    TRY(kb_document_archive(cx, &in, NULL));
    TRY(index_add(cx, id));
    cx_entity(cx, "document", id);
    return OK;
}

enum err kb_restore(struct cx *cx, struct str id, struct kb_document *ret)
{
    struct kb_document_archived_in key = { .workspace_id = cx->principal.workspace_id,
                                           .user_id = viewer(cx),
                                           .id = id };
    struct kb_document_archived_row row;
    struct str title;
    bool found;
    TRY(kb_document_archived(cx, &key, &row, &found));
    if (!found)
        return not_found(cx);
    if (!row.deleted)
        FAIL(cx, CONFLICT, "The document is not archived.");
    if (str_given(row.parent_id)) {
        TRY(kb_title(cx, row.parent_id, &title, &found));
        if (!found)
            row.parent_id = STR_NULL;
    }
    struct kb_document_restore_in in = { .workspace_id = key.workspace_id,
                                         .id = id,
                                         .parent_id = row.parent_id,
                                         .user_id = key.user_id,
                                         .now = cx->now_ms };
    TRY(kb_document_restore(cx, &in, NULL));
    TRY(index_add(cx, id));
    cx_entity(cx, "document", id);
    return kb_get(cx, id, ret);
}
