-- Runs and the journal of what they say. Everything here is one row by its key, judged by how many it
-- changed, and runs at READ COMMITTED on PostgreSQL.

-- name: run_row_insert
-- kind: exec
-- hot
-- in: workspace_id text, id text, kind text, thread_id text?, message_id text, user_id text?, node_id text, now int
INSERT INTO runs (workspace_id, id, kind, thread_id, message_id, user_id, state, data, node_id, created_at,
    updated_at, created_by)
VALUES (:workspace_id, :id, :kind, :thread_id, :message_id, :user_id, 'CALLING', '{}', :node_id, :now, :now,
    :user_id);

-- name: run_row_wake
-- kind: exec
-- hot
-- in: workspace_id text, id text, epoch int, node_id text, now int
-- doc: A run that waited for a person goes on here; `epoch` is the new one.
UPDATE runs SET state = 'CALLING', node_id = :node_id, epoch = :epoch, version = version + 1, updated_at = :now
WHERE workspace_id = :workspace_id AND id = :id AND epoch = :epoch - 1 AND state = 'AWAITING';

-- name: run_row_set
-- kind: exec
-- hot
-- in: workspace_id text, id text, epoch int, state text, reason text?, data text, now int, finished_at int?
-- doc: By its owner only: nothing is changed when the run has another one, or has ended.
UPDATE runs SET state = :state, reason = :reason, data = :data, version = version + 1, updated_at = :now,
    finished_at = :finished_at
WHERE workspace_id = :workspace_id AND id = :id AND epoch = :epoch
  AND state IN ('PREPARING', 'CALLING', 'STREAMING', 'TOOLS', 'SETTLING');

-- name: run_row_find
-- kind: one
-- in: workspace_id text, id text
-- out: kind text, thread_id text?, message_id text?, user_id text?, state text, reason text?, data text, node_id text?, epoch int
SELECT kind, thread_id, message_id, user_id, state, reason, data, node_id, epoch
FROM runs WHERE workspace_id = :workspace_id AND id = :id;

-- name: run_row_lost
-- kind: many
-- in: node_id text, silent_before int, limit int
-- out: workspace_id text, organization_id text, id text, kind text, thread_id text?, message_id text?, user_id text?, node_id text?, epoch int
-- tenantless: looks for runs of any workspace whose owner has gone
-- doc: Open runs whose process has left table nodes, or is silent; never those of `node_id`.
SELECT r.workspace_id, w.organization_id, r.id, r.kind, r.thread_id, r.message_id, r.user_id, r.node_id, r.epoch
FROM runs r JOIN workspaces w ON w.id = r.workspace_id
LEFT JOIN nodes n ON n.id = r.node_id
WHERE r.state IN ('PREPARING', 'CALLING', 'STREAMING', 'TOOLS', 'SETTLING') AND r.node_id <> :node_id
  AND (n.id IS NULL OR n.heartbeat_at < :silent_before)
ORDER BY r.node_id, r.id LIMIT :limit;

-- name: run_row_interrupt
-- kind: exec
-- hot
-- in: workspace_id text, id text, epoch int, now int
UPDATE runs SET state = 'INTERRUPTED', reason = 'owner lost', epoch = epoch + 1, version = version + 1,
    updated_at = :now, finished_at = :now
WHERE workspace_id = :workspace_id AND id = :id AND epoch = :epoch
  AND state IN ('PREPARING', 'CALLING', 'STREAMING', 'TOOLS', 'SETTLING');

-- name: run_chunk_insert
-- kind: exec
-- hot
-- in: workspace_id text, run_id text, seq int, data text, now int
INSERT INTO message_chunks (workspace_id, run_id, seq, data, created_at)
VALUES (:workspace_id, :run_id, :seq, :data, :now);

-- name: run_chunk_list
-- kind: many
-- in: workspace_id text, run_id text
-- out: seq int, data text
-- hot
SELECT seq, data FROM message_chunks WHERE workspace_id = :workspace_id AND run_id = :run_id ORDER BY seq;

-- name: run_chunk_delete
-- kind: exec
-- hot
-- in: workspace_id text, run_id text
DELETE FROM message_chunks WHERE workspace_id = :workspace_id AND run_id = :run_id;

-- name: run_node_address
-- kind: one
-- in: id text
-- out: address text, heartbeat_at int
-- tenantless: processes serve all workspaces
SELECT address, heartbeat_at FROM nodes WHERE id = :id;
