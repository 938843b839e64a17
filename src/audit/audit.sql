-- The audit trail. Rows are appended in the deed's transaction.

-- name: audit_insert
-- kind: exec
-- in: id text, workspace_id text, created_at int, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, actor_name text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, metadata text?, remote_addr text?, request_id text?, count int
INSERT INTO audit (id, workspace_id, created_at, action, type, severity, outcome, actor_kind,
                   actor_id, actor_name, on_behalf_of, entity_type, entity_id, message, metadata,
                   remote_addr, request_id, count)
VALUES (:id, :workspace_id, :created_at, :action, :type, :severity, :outcome, :actor_kind,
        :actor_id, :actor_name, :on_behalf_of, :entity_type, :entity_id, :message, :metadata,
        :remote_addr, :request_id, :count);

-- name: audit_list
-- kind: many
-- in: workspace_id text, from_at int, to_at int, action text?, actor_id text?, entity_type text?, entity_id text?, before_at int, before_id text, offset int, limit int
-- out: id text, created_at int, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, actor_name text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, metadata text?, remote_addr text?, request_id text?, count int
SELECT id, created_at, action, type, severity, outcome, actor_kind, actor_id, actor_name,
    on_behalf_of, entity_type, entity_id, message, metadata, remote_addr, request_id, count
FROM audit
WHERE workspace_id = :workspace_id AND created_at >= :from_at AND created_at <= :to_at
  AND (created_at, id) < (:before_at, :before_id)
  AND (:action IS NULL OR action = :action)
  AND (:actor_id IS NULL OR actor_id = :actor_id)
  AND (:entity_type IS NULL OR entity_type = :entity_type)
  AND (:entity_id IS NULL OR entity_id = :entity_id)
ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: audit_count
-- kind: one
-- in: workspace_id text, from_at int, to_at int, action text?, actor_id text?, entity_type text?, entity_id text?, most int
-- out: total int
SELECT count(*) FROM (
    SELECT 1 FROM audit
    WHERE workspace_id = :workspace_id AND created_at >= :from_at AND created_at <= :to_at
      AND (:action IS NULL OR action = :action)
      AND (:actor_id IS NULL OR actor_id = :actor_id)
      AND (:entity_type IS NULL OR entity_type = :entity_type)
      AND (:entity_id IS NULL OR entity_id = :entity_id)
    LIMIT :most) AS counted;

-- name: audit_event_list
-- kind: many
-- in: workspace_id text, from_at int, to_at int, type text?, severity text?, actor_id text?, before_at int, before_id text, limit int
-- out: id text, created_at int, seq int?, type text?, severity text, outcome text, actor_kind text, actor_id text?, actor_name text?, message text?, metadata text?, remote_addr text?, count int, hash blob?
SELECT id, created_at, seq, type, severity, outcome, actor_kind, actor_id, actor_name, message,
    metadata, remote_addr, count, hash
FROM audit
WHERE workspace_id = :workspace_id AND severity IS NOT NULL
  AND created_at >= :from_at AND created_at <= :to_at
  AND (created_at, id) < (:before_at, :before_id)
  AND (:type IS NULL OR type = :type)
  AND (:severity IS NULL OR severity = :severity)
  AND (:actor_id IS NULL OR actor_id = :actor_id)
ORDER BY created_at DESC, id DESC LIMIT :limit;

-- name: audit_chain_end
-- kind: one
-- in: workspace_id text
-- out: seq int?
SELECT max(seq) FROM audit WHERE workspace_id = :workspace_id AND seq IS NOT NULL;
