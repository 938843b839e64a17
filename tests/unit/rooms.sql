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
