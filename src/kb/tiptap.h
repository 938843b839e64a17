/* Tiptap documents: the JSON that the editor of pages reads and writes (ProseMirror's node form).
 *
 *   {"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"Hello"}]}]}
 *
 * Owns what a valid document is, its plain text, and the way from text. Unknown node types are
 * kept: the editor's set grows. Nesting is bounded by JSON_DEPTH_MAX of the reader. */
#ifndef KB_TIPTAP_H
#define KB_TIPTAP_H

#include "base/buf.h"
#include "base/json.h"

#define TIPTAP_BYTES_MAX (1024 * 1024)

/* The root is a doc, every node an object with a `type`, `content` an array of nodes, `text` a text
 * where the type is "text", `marks` an array of objects with a type. NULL: fine, else what is
 * wrong. */
const char *tiptap_fault(const struct json *doc);
/* One line for each block, no markup; for search and previews. The document must be valid. */
struct str tiptap_plain_text(struct arena *a, const struct json *doc);
/* The same with headings as lines that begin with # marks, as many as their level (chunk.h of
 * search). */
struct str tiptap_outline_text(struct arena *a, const struct json *doc);
/* The document as Markdown (CommonMark; tables as lines of cells). The document must be valid. */
struct str tiptap_markdown(struct arena *a, const struct json *doc);
/* A document of Markdown text: headings (#), bullet and numbered lines, fenced code and paragraphs;
 * marks inside a line stay as they are written. */
struct str tiptap_from_markdown(struct arena *a, struct str text);

#endif
