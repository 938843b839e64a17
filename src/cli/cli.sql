-- The row of this process among those that share the database.

-- name: node_insert
-- kind: exec
-- in: id text, address text, program text, now int
INSERT INTO nodes (id, address, program, started_at, heartbeat_at)
VALUES (:id, :address, :program, :now, :now);

-- name: node_beat
-- kind: exec
-- in: id text, now int
UPDATE nodes SET heartbeat_at = :now WHERE id = :id;

-- name: node_delete
-- kind: exec
-- in: id text
DELETE FROM nodes WHERE id = :id;

-- name: node_delete_dead
-- kind: exec
-- in: before int
-- scan: as many rows as there are processes
DELETE FROM nodes WHERE heartbeat_at < :before;
