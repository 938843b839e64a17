-- The gate's own statements. Keys are principals, which stand above workspaces.

-- name: idempotency_find
-- kind: one
-- in: principal text, key text
-- out: body_hash blob, status int, location text?, answer blob
-- tenantless: keyed by principal; the hash covers the workspace
SELECT body_hash, status, location, answer FROM idempotency
WHERE principal = :principal AND key = :key;

-- name: idempotency_add
-- kind: exec
-- in: principal text, key text, operation text, body_hash blob, status int, location text?, answer blob, created_at int
-- tenantless: keyed by principal; the hash covers the workspace
INSERT INTO idempotency (principal, key, operation, body_hash, status, location, answer, created_at)
VALUES (:principal, :key, :operation, :body_hash, :status, :location, :answer, :created_at);
