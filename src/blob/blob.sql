-- Blobs: the rows that own stored bytes, and the bytes of the store "database".

-- name: blob_row_insert
-- kind: exec
-- in: workspace_id text, id text, address text, sha256 blob, size_bytes int, store text, bytes blob?, created_at int, created_by text?
INSERT INTO blobs (workspace_id, id, address, sha256, size_bytes, store, bytes, created_at,
                   created_by)
VALUES (:workspace_id, :id, :address, :sha256, :size_bytes, :store, :bytes, :created_at,
        :created_by);

-- name: blob_row_delete
-- kind: exec
-- in: workspace_id text, id text
DELETE FROM blobs WHERE workspace_id = :workspace_id AND id = :id;

-- name: blob_row_get
-- kind: one
-- in: workspace_id text, id text
-- out: address text, sha256 blob, size_bytes int, store text, bytes blob?
SELECT address, sha256, size_bytes, store, bytes FROM blobs
WHERE workspace_id = :workspace_id AND id = :id;

-- name: blob_row_owns
-- kind: one
-- in: address text
-- out: owners int
-- tenantless: the sweep looks at every tenant's; addresses differ by tenant
SELECT count(*) FROM (SELECT 1 FROM blobs WHERE address = :address LIMIT 1) AS owning;

-- name: blob_chunk_put
-- kind: exec
-- in: address text, seq int, bytes blob, created_at int
-- tenantless: addresses differ by tenant
INSERT INTO blob_chunks (address, seq, bytes, created_at)
VALUES (:address, :seq, :bytes, :created_at)
ON CONFLICT (address, seq) DO UPDATE SET bytes = excluded.bytes, created_at = excluded.created_at;

-- name: blob_chunk_touch
-- kind: exec
-- in: address text, created_at int
-- tenantless: addresses differ by tenant
UPDATE blob_chunks SET created_at = :created_at WHERE address = :address AND seq = 0;

-- name: blob_chunk_get
-- kind: each
-- in: address text, seq int
-- out: bytes blob
-- tenantless: addresses differ by tenant
SELECT bytes FROM blob_chunks WHERE address = :address AND seq = :seq;

-- name: blob_chunk_orphans
-- kind: many
-- in: after text, limit int
-- out: address text
-- scan: the sweep walks the whole index, in slices
-- tenantless: the sweep looks at every tenant's
SELECT DISTINCT c.address FROM blob_chunks c
WHERE c.address > :after AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.address = c.address)
ORDER BY c.address LIMIT :limit;

-- name: blob_chunk_drop_first
-- kind: exec
-- in: address text, before int
-- tenantless: addresses differ by tenant
-- doc: Without chunk 0 the bytes are not whole, so that nobody takes them for stored any more.
DELETE FROM blob_chunks WHERE address = :address AND seq = 0 AND created_at < :before
  AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.address = blob_chunks.address);

-- name: blob_chunk_drop_rest
-- kind: exec
-- in: address text, before int, limit int
-- tenantless: addresses differ by tenant
DELETE FROM blob_chunks WHERE address = :address AND created_at < :before
  AND seq IN (SELECT c.seq FROM blob_chunks c WHERE c.address = :address ORDER BY c.seq DESC
              LIMIT :limit)
  AND NOT EXISTS (SELECT 1 FROM blob_chunks f WHERE f.address = :address AND f.seq = 0)
  AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.address = :address);
