-- Documents of the knowledge base. PRIVATE rows are their owner's only.

-- name: kb_document_list
-- kind: many
-- in: workspace_id text, user_id text, kind text?, parent_id text?, owner_id text?, q text, before_at int, before_id text, scan int, limit int
-- out: id text, kind text, parent_id text?, title text, visibility text, owner_id text, version int, created_at int, updated_at int
-- doc: Looks at no more than `scan` documents, however few of them fit. SQLite takes rows in the order of the inner query, and would sort them all if told to.
SELECT id, kind, parent_id, title, visibility, owner_id, version, created_at, updated_at
FROM (SELECT id, kind, parent_id, title, title_key, visibility, owner_id, version, created_at,
          updated_at
      FROM documents
      WHERE workspace_id = :workspace_id AND deleted_at IS NULL
        AND (updated_at, id) < (:before_at, :before_id)
      ORDER BY updated_at DESC, id DESC LIMIT :scan) AS recent
WHERE (visibility = 'WORKSPACE' OR owner_id = :user_id)
  AND (:kind IS NULL OR kind = :kind)
  AND (:parent_id IS NULL OR parent_id = :parent_id)
  AND (:owner_id IS NULL OR owner_id = :owner_id)
-- sqlite:
  AND instr(title_key, :q) > 0
LIMIT :limit;
-- pgsql:
  AND strpos(title_key, :q) > 0
ORDER BY updated_at DESC, id DESC LIMIT :limit;

-- name: kb_document_edge
-- kind: one
-- in: workspace_id text, before_at int, before_id text, skip int
-- out: updated_at int, id text
-- doc: The last document that kb_document_list looked at, when it did not look at all.
SELECT updated_at, id FROM documents
WHERE workspace_id = :workspace_id AND deleted_at IS NULL
  AND (updated_at, id) < (:before_at, :before_id)
ORDER BY updated_at DESC, id DESC LIMIT 1 OFFSET :skip;

-- name: kb_document_get
-- kind: one
-- in: workspace_id text, user_id text, id text
-- out: id text, kind text, parent_id text?, title text, content text?, plain_text text, visibility text, owner_id text, version int, created_at int, updated_at int, created_by text?, updated_by text?
SELECT id, kind, parent_id, title, content, plain_text, visibility, owner_id, version, created_at,
    updated_at, created_by, updated_by
FROM documents
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NULL
  AND (visibility = 'WORKSPACE' OR owner_id = :user_id);

-- name: kb_document_brief
-- kind: one
-- in: workspace_id text, user_id text, id text
-- out: kind text, title text, visibility text, owner_id text, version int
SELECT kind, title, visibility, owner_id, version
FROM documents
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NULL
  AND (visibility = 'WORKSPACE' OR owner_id = :user_id);

-- name: kb_document_insert
-- kind: exec
-- in: workspace_id text, id text, kind text, parent_id text?, title text, title_key text, content text?, plain_text text, visibility text, user_id text, now int
INSERT INTO documents (workspace_id, id, kind, parent_id, title, title_key, content, plain_text,
                       visibility, owner_id, created_at, updated_at, created_by, updated_by)
VALUES (:workspace_id, :id, :kind, :parent_id, :title, :title_key, :content, :plain_text,
        :visibility, :user_id, :now, :now, :user_id, :user_id);

-- name: kb_document_set
-- kind: exec
-- in: workspace_id text, id text, version int, title text?, title_key text?, content text?, plain_text text?, user_id text, now int
UPDATE documents SET title = COALESCE(:title, title), title_key = COALESCE(:title_key, title_key),
    content = COALESCE(:content, content), plain_text = COALESCE(:plain_text, plain_text),
    version = version + 1, updated_at = :now, updated_by = :user_id
WHERE workspace_id = :workspace_id AND id = :id AND version = :version AND deleted_at IS NULL;

-- name: kb_document_source
-- kind: one
-- in: workspace_id text, id text
-- out: title text, visibility text, owner_id text, version int, plain_text text, content text?
-- doc: For the index, whoever may see it.
SELECT title, visibility, owner_id, version, plain_text, content FROM documents
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NULL;

-- name: kb_document_version
-- kind: one
-- in: workspace_id text, id text
-- out: version int
-- doc: For the index, whoever may see it.
SELECT version FROM documents
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NULL;

-- name: kb_document_ids
-- kind: many
-- in: workspace_id text, after text, limit int
-- out: id text
-- doc: For the index, whoever may see them.
SELECT id FROM documents
WHERE workspace_id = :workspace_id AND id > :after AND deleted_at IS NULL
ORDER BY id LIMIT :limit;

-- name: kb_document_archived
-- kind: one
-- in: workspace_id text, user_id text, id text
-- out: parent_id text?, version int, deleted int
-- doc: Also what is archived; `deleted` says so.
SELECT parent_id, version, CASE WHEN deleted_at IS NULL THEN 0 ELSE 1 END FROM documents
WHERE workspace_id = :workspace_id AND id = :id
  AND (visibility = 'WORKSPACE' OR owner_id = :user_id);

-- name: kb_document_has_children
-- kind: one
-- in: workspace_id text, id text
-- out: id text
SELECT id FROM documents
WHERE workspace_id = :workspace_id AND parent_id = :id AND deleted_at IS NULL
ORDER BY position, id LIMIT 1;

-- name: kb_document_archive
-- kind: exec
-- in: workspace_id text, id text, user_id text, now int
UPDATE documents SET deleted_at = :now, version = version + 1, updated_at = :now, updated_by = :user_id
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NULL;

-- name: kb_document_restore
-- kind: exec
-- in: workspace_id text, id text, parent_id text?, user_id text, now int
UPDATE documents SET deleted_at = NULL, parent_id = :parent_id, version = version + 1,
    updated_at = :now, updated_by = :user_id
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NOT NULL;

-- name: kb_document_children
-- kind: many
-- in: workspace_id text, user_id text, parent_id text, after_position int, after_id text, limit int
-- out: id text, kind text, parent_id text?, title text, position int, children int
SELECT d.id, d.kind, d.parent_id, d.title, d.position,
    CASE WHEN EXISTS (SELECT 1 FROM documents c
                      WHERE c.workspace_id = d.workspace_id AND c.parent_id = d.id
                        AND c.deleted_at IS NULL
                        AND (c.visibility = 'WORKSPACE' OR c.owner_id = :user_id))
         THEN 1 ELSE 0 END
FROM documents d
WHERE d.workspace_id = :workspace_id AND d.parent_id = :parent_id AND d.deleted_at IS NULL
  AND (d.position, d.id) > (:after_position, :after_id)
  AND (d.visibility = 'WORKSPACE' OR d.owner_id = :user_id)
ORDER BY d.position, d.id LIMIT :limit;

-- name: kb_document_roots
-- kind: many
-- in: workspace_id text, user_id text, after_position int, after_id text, limit int
-- out: id text, kind text, parent_id text?, title text, position int, children int
SELECT d.id, d.kind, d.parent_id, d.title, d.position,
    CASE WHEN EXISTS (SELECT 1 FROM documents c
                      WHERE c.workspace_id = d.workspace_id AND c.parent_id = d.id
                        AND c.deleted_at IS NULL
                        AND (c.visibility = 'WORKSPACE' OR c.owner_id = :user_id))
         THEN 1 ELSE 0 END
FROM documents d
WHERE d.workspace_id = :workspace_id AND d.parent_id IS NULL AND d.deleted_at IS NULL
  AND (d.position, d.id) > (:after_position, :after_id)
  AND (d.visibility = 'WORKSPACE' OR d.owner_id = :user_id)
ORDER BY d.position, d.id LIMIT :limit;
