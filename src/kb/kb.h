/* Knowledge base: pages, folders and Word documents of a workspace, in a tree.
 *
 * Owns table documents, what a page's content may be, and who may see it: a PRIVATE document is its
 * owner's, a WORKSPACE one everybody's of the workspace; what a caller may not see is not there
 * (NOT_FOUND). Tenant and user come from cx. Word documents' bytes are docgen's. */
#ifndef KB_KB_H
#define KB_KB_H

#include "db/db.h"
#include "op/op.h"

#define KB_TITLE_CHARS_MAX 200
#define KB_SCAN_ROWS 500
#define KB_MARKDOWN_CHARS_MAX 200000

struct kb_document {
    struct str id, kind, parent_id, title, visibility, owner_id, created_by, updated_by;
    struct str content; /* Tiptap JSON; absent in lists and in what is no page */
    struct str text;    /* plain text; absent in lists */
    int64_t version, created_at_ms, updated_at_ms;
};

struct kb_filter {
    struct str kind, parent_id, owner_id; /* absent: any */
    struct str q;                         /* part of the title, whatever its case; absent: any */
    int64_t before_ms;                    /* keyset: rows behind (before_ms, before_id) */
    struct str before_id;
    int64_t limit; /* most rows, ≥ 1 */
};
/* Where a list goes on. */
struct kb_edge {
    bool more;
    int64_t before_ms;
    struct str before_id;
};
/* Last change first. Inside a read. Looks at no more than KB_SCAN_ROWS documents: a page may be
 * short, or empty, and still have more behind it. */
enum err kb_list(struct cx *cx, const struct kb_filter *f, struct kb_document **ret,
                 size_t *ret_count, struct kb_edge *ret_edge);
enum err kb_get(struct cx *cx, struct str id, struct kb_document *ret);

/* What a page is made of: one of the two, or neither (an empty page). */
struct kb_content {
    const struct json *tiptap; /* type 0 or NULL: absent */
    struct str markdown;
};
struct kb_new {
    struct str title;      /* 1-200 characters */
    struct str kind;       /* "PAGE" or "FOLDER"; absent: PAGE */
    struct str parent_id;  /* absent: at the top */
    struct str visibility; /* "PRIVATE" or "WORKSPACE"; absent: WORKSPACE */
    struct kb_content content;
};
/* Inside a write. VALIDATION names content, markdown, parentId. */
enum err kb_create(struct cx *cx, const struct kb_new *n, struct kb_document *ret);

struct kb_change {
    struct str id;
    int64_t version;           /* the one the caller has seen */
    struct str title;          /* absent: as it is */
    struct kb_content content; /* neither: as it is */
};
/* Inside a write. VERSION_CONFLICT with details.version. */
enum err kb_update(struct cx *cx, const struct kb_change *c, struct kb_document *ret);

/* Archives a document; what stands in it goes first (CONFLICT). Inside a write. */
enum err kb_archive(struct cx *cx, struct str id);
/* Undoes it; at the top when what it stood in is not there any more. CONFLICT when it is not
 * archived. Inside a write. */
enum err kb_restore(struct cx *cx, struct str id, struct kb_document *ret);

/* Title of what the caller may see. */
enum err kb_title(struct cx *cx, struct str id, struct str *ret, bool *ret_found);
/* The whole text, headings as lines that begin with # marks; for the caller. */
enum err kb_text(struct cx *cx, struct str id, struct kb_document *ret_document,
                 struct str *ret_text);

/* ---- for the index of full text: rights are not asked ---- */

/* Each change of a document adds a job of this kind; payload {"sourceType":"DOCUMENT","sourceId"}.
 */
#define KB_INDEX_JOB "search_index"
struct kb_source {
    struct str title, text; /* text as kb_text has it */
    struct str owner_id;
    bool for_all; /* the workspace may see it; else its owner alone */
    int64_t version;
};
/* Not found: archived, or never there. */
enum err kb_source_get(struct cx *cx, struct str id, struct kb_source *ret, bool *ret_found);
enum err kb_source_version(struct cx *cx, struct str id, int64_t *ret); /* 0: not found */
enum err kb_source_ids(struct cx *cx, struct str after, int64_t limit, struct str **ret,
                       size_t *ret_count);

struct kb_node {
    struct str id, kind, parent_id, title;
    int64_t position;
    bool has_children;
};
/* One level of the tree, by position. `parent_id` absent: the top. Rows behind (after_position,
 * after_id). */
enum err kb_children(struct cx *cx, struct str parent_id, int64_t after_position,
                     struct str after_id, int64_t limit, struct kb_node **ret, size_t *ret_count);

/* Operation rows: list, get, get content, create, update, archive, restore, tree. */
extern const struct op kb_ops[];
extern const size_t kb_ops_count;

#endif
