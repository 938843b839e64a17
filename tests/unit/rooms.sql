-- What the tests of the rooms need beside the product's statements.

-- name: rooms_organization_add
-- kind: exec
-- in: id text
INSERT INTO organizations (id, name, created_at, updated_at) VALUES (:id, :id, 1, 1);

-- name: rooms_workspace_add
-- kind: exec
-- in: id text, organization_id text
INSERT INTO workspaces (id, organization_id, name, created_at, updated_at)
VALUES (:id, :organization_id, :id, 1, 1);

-- name: rooms_user_add
-- kind: exec
-- in: id text
INSERT INTO users (id, kind, email, email_key, name, created_at, updated_at)
VALUES (:id, 'HUMAN', :id, :id, :id, 1, 1);

-- name: rooms_audit_all
-- kind: many
-- out: workspace_id text, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, remote_addr text?, count int
-- scan: a test's table is small
SELECT workspace_id, action, type, severity, outcome, actor_kind, actor_id, on_behalf_of,
    entity_type, entity_id, message, remote_addr, count
FROM audit ORDER BY created_at, id;

-- name: rooms_job_all
-- kind: many
-- out: id text, kind text, state text, attempt int, epoch int, run_at int, last_error text?
-- scan: a test's table is small
SELECT id, kind, state, attempt, epoch, run_at, last_error FROM jobs ORDER BY id;

-- name: rooms_job_finished_set
-- kind: exec
-- in: id text, finished_at int
UPDATE jobs SET finished_at = :finished_at WHERE id = :id;

-- name: rooms_chunk_count
-- kind: one
-- out: chunks int
-- scan: a test's table is small
SELECT count(*) AS chunks FROM blob_chunks;

-- name: rooms_idempotency_add
-- kind: exec
-- in: key text, created_at int, hash blob
INSERT INTO idempotency (principal, key, operation, body_hash, status, answer, created_at)
VALUES ('USER:ann', :key, 'x', :hash, 200, :hash, :created_at);

-- name: rooms_idempotency_count
-- kind: one
-- out: keys int
-- scan: a test's table is small
SELECT count(*) AS keys FROM idempotency;

-- name: rooms_search_counts
-- kind: one
-- in: workspace_id text
-- out: chunks int, of_sources int, of_segments int, live int, other int, lost_pages int
-- scan: a test's tables are small
SELECT (SELECT count(*) FROM search_chunks WHERE workspace_id = :workspace_id) AS chunks,
    (SELECT CAST(coalesce(sum(chunk_count), 0) AS bigint) FROM search_sources
     WHERE workspace_id = :workspace_id) AS of_sources,
    (SELECT CAST(coalesce(sum(chunks - dead_count), 0) AS bigint) FROM search_segments
     WHERE workspace_id = :workspace_id AND state = 'LIVE') AS of_segments,
    (SELECT count(*) FROM search_segments WHERE workspace_id = :workspace_id AND state = 'LIVE') AS live,
    (SELECT count(*) FROM search_segments WHERE workspace_id = :workspace_id AND state <> 'LIVE') AS other,
    (SELECT count(*) FROM search_pages p WHERE p.workspace_id = :workspace_id AND NOT EXISTS (
        SELECT 1 FROM search_segments s WHERE s.workspace_id = p.workspace_id AND s.segment = p.segment
          AND s.state = 'LIVE')) AS lost_pages;

-- name: rooms_document_hide
-- kind: exec
-- in: workspace_id text, id text, owner_id text
UPDATE documents SET visibility = 'PRIVATE', owner_id = :owner_id, version = version + 1
WHERE workspace_id = :workspace_id AND id = :id;

-- name: rooms_run_add
-- kind: exec
-- in: id text, thread_id text?, finished_at int?
INSERT INTO runs (workspace_id, id, kind, thread_id, state, created_at, updated_at, finished_at)
VALUES ('w', :id, 'chat', :thread_id, 'DONE', 1, 1, :finished_at);

-- name: rooms_run_ids
-- kind: many
-- out: id text
-- scan: a test's table is small
SELECT id FROM runs ORDER BY id;
