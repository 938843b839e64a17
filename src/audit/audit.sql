-- The audit trail. Rows are appended in the deed's transaction.

-- name: audit_insert
-- kind: exec
-- hot
-- in: id text, workspace_id text, created_at int, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, actor_name text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, metadata text?, remote_addr text?, request_id text?, count int, seq int?, hash blob?, epoch int?
INSERT INTO audit (id, workspace_id, created_at, action, type, severity, outcome, actor_kind,
                   actor_id, actor_name, on_behalf_of, entity_type, entity_id, message, metadata,
                   remote_addr, request_id, count, seq, hash, epoch)
VALUES (:id, :workspace_id, :created_at, :action, :type, :severity, :outcome, :actor_kind,
        :actor_id, :actor_name, :on_behalf_of, :entity_type, :entity_id, :message, :metadata,
        :remote_addr, :request_id, :count, :seq, :hash, :epoch);

-- name: audit_list
-- kind: many
-- in: workspace_id text, from_at int, before_at int, before_id text, action text?, actor_id text?, entity_type text?, entity_id text?, scan int, limit int, offset int
-- out: id text, created_at int, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, actor_name text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, metadata text?, remote_addr text?, request_id text?, count int, seq int?, hash blob?
-- doc: Looks at no more than `scan` rows, however few of them fit; there is one statement for each index that leads to them. SQLite takes them in the order of the inner query, and would sort them all if told to.
SELECT id, created_at, action, type, severity, outcome, actor_kind, actor_id, actor_name,
    on_behalf_of, entity_type, entity_id, message, metadata, remote_addr, request_id, count, seq,
    hash
FROM (SELECT * FROM audit
      WHERE workspace_id = :workspace_id{lead} AND created_at >= :from_at
        AND (created_at, id) < (:before_at, :before_id)
      ORDER BY created_at DESC, id DESC LIMIT :scan) AS recent
WHERE (:action IS NULL OR action = :action)
  AND (:actor_id IS NULL OR actor_id = :actor_id)
  AND (:entity_type IS NULL OR entity_type = :entity_type)
  AND (:entity_id IS NULL OR entity_id = :entity_id)
-- sqlite:
LIMIT :limit OFFSET :offset;
-- pgsql:
ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: audit_list_of_action
-- like: audit_list
-- lead: action = :action

-- name: audit_list_of_actor
-- like: audit_list
-- lead: actor_id = :actor_id

-- name: audit_list_of_kind
-- like: audit_list
-- lead: entity_type = :entity_type

-- name: audit_list_of_thing
-- like: audit_list
-- lead: entity_id = :entity_id

-- name: audit_get
-- kind: one
-- in: workspace_id text, id text
-- out: id text, created_at int, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, actor_name text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, metadata text?, remote_addr text?, request_id text?, count int, seq int?, hash blob?
SELECT id, created_at, action, type, severity, outcome, actor_kind, actor_id, actor_name,
    on_behalf_of, entity_type, entity_id, message, metadata, remote_addr, request_id, count, seq,
    hash
FROM audit WHERE workspace_id = :workspace_id AND id = :id;

-- name: audit_oldest
-- kind: one
-- in: workspace_id text
-- out: created_at int
SELECT created_at FROM audit WHERE workspace_id = :workspace_id ORDER BY created_at, id LIMIT 1;

-- name: audit_count
-- kind: one
-- in: workspace_id text, from_at int, to_at int, action text?, actor_id text?, entity_type text?, entity_id text?, scan int
-- out: looked int, fit int
-- doc: Of the first `scan` rows of the index, how many there are and how many fit.
SELECT count(*) AS looked, CAST(coalesce(sum(fits), 0) AS bigint) AS fit
FROM (SELECT CASE WHEN (:action IS NULL OR action = :action)
        AND (:actor_id IS NULL OR actor_id = :actor_id)
        AND (:entity_type IS NULL OR entity_type = :entity_type)
        AND (:entity_id IS NULL OR entity_id = :entity_id)
        THEN 1 ELSE 0 END AS fits
      FROM audit
      WHERE workspace_id = :workspace_id{lead}
        AND created_at >= :from_at AND created_at <= :to_at
      LIMIT :scan) AS counted;

-- name: audit_count_of_action
-- like: audit_count
-- lead: action = :action

-- name: audit_count_of_actor
-- like: audit_count
-- lead: actor_id = :actor_id

-- name: audit_count_of_kind
-- like: audit_count
-- lead: entity_type = :entity_type

-- name: audit_count_of_thing
-- like: audit_count
-- lead: entity_id = :entity_id

-- name: audit_event_list
-- kind: many
-- in: workspace_id text, from_at int, before_at int, before_id text, type text?, severity text?, actor_id text?, scan int, limit int, offset int
-- out: id text, created_at int, seq int?, type text?, severity text, outcome text, actor_kind text, actor_id text?, actor_name text?, message text?, metadata text?, remote_addr text?, count int, hash blob?
-- doc: As audit_list, over the events alone. SQLite is told which of two like indexes has no deeds in it.
SELECT id, created_at, seq, type, severity, outcome, actor_kind, actor_id, actor_name, message,
    metadata, remote_addr, count, hash
-- sqlite:
FROM (SELECT * FROM audit INDEXED BY audit_events_all
-- pgsql:
FROM (SELECT * FROM audit
-- both:
      WHERE workspace_id = :workspace_id AND severity IS NOT NULL
        AND created_at >= :from_at AND (created_at, id) < (:before_at, :before_id)
      ORDER BY created_at DESC, id DESC LIMIT :scan) AS recent
WHERE (:type IS NULL OR type = :type)
  AND (:severity IS NULL OR severity = :severity)
  AND (:actor_id IS NULL OR actor_id = :actor_id)
-- sqlite:
LIMIT :limit OFFSET :offset;
-- pgsql:
ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: audit_event_list_of_type
-- like: audit_event_list
SELECT id, created_at, seq, type, severity, outcome, actor_kind, actor_id, actor_name, message,
    metadata, remote_addr, count, hash
FROM (SELECT * FROM audit
      WHERE workspace_id = :workspace_id AND severity IS NOT NULL AND type = :type
        AND created_at >= :from_at AND (created_at, id) < (:before_at, :before_id)
      ORDER BY created_at DESC, id DESC LIMIT :scan) AS recent
WHERE (:type IS NULL OR type = :type)
  AND (:severity IS NULL OR severity = :severity)
  AND (:actor_id IS NULL OR actor_id = :actor_id)
-- sqlite:
LIMIT :limit OFFSET :offset;
-- pgsql:
ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: audit_event_list_of_severity
-- like: audit_event_list
SELECT id, created_at, seq, type, severity, outcome, actor_kind, actor_id, actor_name, message,
    metadata, remote_addr, count, hash
FROM (SELECT * FROM audit
      WHERE workspace_id = :workspace_id AND severity IS NOT NULL AND severity = :severity
        AND created_at >= :from_at AND (created_at, id) < (:before_at, :before_id)
      ORDER BY created_at DESC, id DESC LIMIT :scan) AS recent
WHERE (:type IS NULL OR type = :type)
  AND (:severity IS NULL OR severity = :severity)
  AND (:actor_id IS NULL OR actor_id = :actor_id)
-- sqlite:
LIMIT :limit OFFSET :offset;
-- pgsql:
ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: audit_event_list_of_actor
-- like: audit_event_list
SELECT id, created_at, seq, type, severity, outcome, actor_kind, actor_id, actor_name, message,
    metadata, remote_addr, count, hash
-- sqlite:
FROM (SELECT * FROM audit INDEXED BY audit_events_by_actor
-- pgsql:
FROM (SELECT * FROM audit
-- both:
      WHERE workspace_id = :workspace_id AND severity IS NOT NULL AND actor_id = :actor_id
        AND created_at >= :from_at AND (created_at, id) < (:before_at, :before_id)
      ORDER BY created_at DESC, id DESC LIMIT :scan) AS recent
WHERE (:type IS NULL OR type = :type)
  AND (:severity IS NULL OR severity = :severity)
  AND (:actor_id IS NULL OR actor_id = :actor_id)
-- sqlite:
LIMIT :limit OFFSET :offset;
-- pgsql:
ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: audit_account
-- kind: one
-- in: user_id text
-- out: email text, workspace_id text?
-- sorts: the workspaces of one person who has chosen none
-- doc: Where a user works: the workspace that the next sign-in enters.
SELECT u.email, COALESCE(
    (SELECT p.id FROM workspaces p WHERE p.id = u.workspace_id AND p.deleted_at IS NULL AND (
        EXISTS (SELECT 1 FROM workspace_members a WHERE a.workspace_id = p.id AND a.user_id = u.id)
        OR EXISTS (SELECT 1 FROM organization_members b WHERE b.organization_id = p.organization_id
                   AND b.user_id = u.id AND b.role IN ('OWNER', 'ADMIN')))),
    (SELECT m.workspace_id FROM workspace_members m
     JOIN workspaces mw ON mw.id = m.workspace_id AND mw.deleted_at IS NULL
     WHERE m.user_id = u.id ORDER BY m.workspace_id LIMIT 1),
    (SELECT ow.id FROM organization_members o
     JOIN workspaces ow ON ow.organization_id = o.organization_id AND ow.deleted_at IS NULL
     WHERE o.user_id = u.id AND o.role IN ('OWNER', 'ADMIN') ORDER BY ow.id LIMIT 1)) AS workspace_id
FROM users u WHERE u.id = :user_id AND u.deleted_at IS NULL;

-- name: audit_elsewhere
-- kind: one
-- in: workspace_id text, id text
-- out: elsewhere int
-- tenantless: whether a thing is of another workspace
-- doc: By the log's own rows: of a thing that deeds were about, or of a deed; and chats, which clients name.
SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM audit a WHERE a.entity_id = :id AND a.workspace_id = :workspace_id)
  AND (EXISTS (SELECT 1 FROM audit a WHERE a.entity_id = :id AND a.workspace_id > '' AND a.workspace_id < :workspace_id)
    OR EXISTS (SELECT 1 FROM audit a WHERE a.entity_id = :id AND a.workspace_id > :workspace_id)
    OR EXISTS (SELECT 1 FROM audit a WHERE a.id = :id AND a.workspace_id > '' AND a.workspace_id <> :workspace_id)
    OR EXISTS (SELECT 1 FROM threads t WHERE t.client_id = :id AND t.workspace_id <> :workspace_id))
  THEN 1 ELSE 0 END AS elsewhere;

-- ---- the seal (docs/security/log.md) ----

-- name: seal_lock
-- kind: one
-- out: locked bool
-- hot
-- scan: no table
-- doc: One sealer over all nodes of an installation (a schema); false: another one is at it. Ends with the transaction.
-- sqlite:
SELECT 1 AS locked;
-- pgsql:
SELECT CASE WHEN pg_try_advisory_xact_lock(7269617, hashtext(current_schema())) THEN 1 ELSE 0 END::bigint AS locked;

-- name: seal_root_get
-- kind: one
-- out: value text
-- doc: The secret, sealed by the vault, under which the log's own secrets stand; in hex.
SELECT value FROM installation WHERE name = 'log.root';

-- name: seal_root_add
-- kind: exec
-- in: value text, now int
INSERT INTO installation (name, value, updated_at) VALUES ('log.root', :value, :now)
ON CONFLICT DO NOTHING;

-- name: seal_root_forget
-- kind: exec
DELETE FROM installation WHERE name = 'log.root';

-- name: seal_state_get
-- kind: one
-- out: generation int, number int, epoch int, secret blob, last_hash blob, reason text, after_number int, waiting int, checkpoint_at int
-- hot
SELECT generation, number, epoch, secret, last_hash, reason, after_number, waiting, checkpoint_at
FROM audit_seal WHERE id = 1;

-- name: seal_state_begin
-- kind: exec
-- in: generation int, secret blob, last_hash blob, reason text, after_number int, now int
INSERT INTO audit_seal (id, generation, number, epoch, secret, last_hash, reason, after_number,
                        checkpoint_at)
VALUES (1, :generation, 1, 1, :secret, :last_hash, :reason, :after_number, :now)
ON CONFLICT DO NOTHING;

-- name: seal_state_forget
-- kind: exec
DELETE FROM audit_seal WHERE id = 1;

-- name: seal_state_evolve
-- kind: exec
-- in: number int, epoch int, secret blob, last_hash blob, now int
-- hot
-- doc: Judged by affected rows: nobody makes checkpoint :number twice.
UPDATE audit_seal SET number = number + 1, epoch = :epoch, secret = :secret, last_hash = :last_hash, waiting = 0,
    checkpoint_at = :now
WHERE id = 1 AND number = :number;

-- name: seal_state_count
-- kind: exec
-- in: rows int
-- hot
UPDATE audit_seal SET waiting = waiting + :rows WHERE id = 1;

-- name: seal_chain_get
-- kind: one
-- in: workspace_id text
-- out: seq int, hash blob, epoch int, mac blob, signed_seq int, signed_at int?, generation int, number int, base_seq int, base_hash blob?, base_at int?, base_mac blob?, broken text?, verified_at int?
-- hot
SELECT seq, hash, epoch, mac, signed_seq, signed_at, generation, number, base_seq, base_hash,
    base_at, base_mac, broken, verified_at
FROM audit_chains WHERE workspace_id = :workspace_id;

-- name: seal_chain_add
-- kind: exec
-- in: workspace_id text, seq int, hash blob, epoch int, mac blob
-- hot
INSERT INTO audit_chains (workspace_id, seq, hash, epoch, mac)
VALUES (:workspace_id, :seq, :hash, :epoch, :mac)
ON CONFLICT DO NOTHING;

-- name: seal_chain_move
-- kind: exec
-- in: workspace_id text, seq int, hash blob, epoch int, mac blob, old_seq int, old_hash blob
-- hot
-- doc: Judged by affected rows: a head that is not what it was is not moved, so no chain forks.
UPDATE audit_chains SET seq = :seq, hash = :hash, epoch = :epoch, mac = :mac
WHERE workspace_id = :workspace_id AND seq = :old_seq AND hash = :old_hash;

-- name: seal_chain_broken_set
-- kind: exec
-- in: workspace_id text, broken text?
-- hot
UPDATE audit_chains SET broken = :broken WHERE workspace_id = :workspace_id;

-- name: seal_chains_verified
-- kind: exec
-- in: from text, to text, verified_at int
-- tenantless: the whole log is verified
UPDATE audit_chains SET verified_at = :verified_at
WHERE workspace_id >= :from AND workspace_id <= :to AND broken IS NULL;

-- name: seal_chains_unproved
-- kind: exec
-- tenantless: a log that begins anew was not proved yet
-- scan: all chains, once for each restore
UPDATE audit_chains SET verified_at = NULL WHERE verified_at IS NOT NULL;

-- name: seal_chain_unsigned
-- kind: many
-- in: limit int
-- out: workspace_id text, seq int, hash blob, epoch int, mac blob, broken text?
-- hot
-- tenantless: a checkpoint is for all workspaces
SELECT workspace_id, seq, hash, epoch, mac, broken FROM audit_chains
WHERE seq > signed_seq ORDER BY workspace_id LIMIT :limit;

-- name: seal_chain_sign
-- kind: exec
-- in: workspace_id text, seq int, generation int, number int, now int
-- hot
UPDATE audit_chains SET signed_seq = seq, generation = :generation, number = :number,
    signed_at = :now
WHERE workspace_id = :workspace_id AND seq = :seq;

-- name: seal_chain_list
-- kind: many
-- in: from text, limit int
-- out: workspace_id text, seq int, hash blob, epoch int, mac blob, signed_seq int, base_seq int, base_hash blob?, base_at int?, base_mac blob?, broken text?
-- tenantless: the whole log is verified
SELECT workspace_id, seq, hash, epoch, mac, signed_seq, base_seq, base_hash, base_at, base_mac,
    broken
FROM audit_chains WHERE workspace_id >= :from ORDER BY workspace_id LIMIT :limit;

-- name: seal_chain_rebase
-- kind: exec
-- in: workspace_id text, old_base int, base_seq int, base_hash blob, base_at int, base_mac blob
UPDATE audit_chains SET base_seq = :base_seq, base_hash = :base_hash, base_at = :base_at,
    base_mac = :base_mac
WHERE workspace_id = :workspace_id AND base_seq = :old_base AND signed_seq >= :base_seq;

-- name: seal_chain_base_set
-- kind: exec
-- in: workspace_id text, base_mac blob
-- doc: When the log's root was made anew.
UPDATE audit_chains SET base_mac = :base_mac WHERE workspace_id = :workspace_id;

-- name: seal_unsealed_list
-- kind: many
-- in: limit int
-- out: id text, workspace_id text, created_at int, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, actor_name text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, metadata text?, remote_addr text?, request_id text?, count int
-- hot
-- tenantless: the sealer serves every workspace
-- sorts: one batch, so that the rows of a chain stand together
-- doc: The oldest of all workspaces.
SELECT id, workspace_id, created_at, action, type, severity, outcome, actor_kind, actor_id,
    actor_name, on_behalf_of, entity_type, entity_id, message, metadata, remote_addr, request_id,
    count
FROM (SELECT * FROM audit WHERE seq IS NULL ORDER BY created_at, id LIMIT :limit) AS oldest
ORDER BY workspace_id, created_at, id;

-- name: seal_rows_set
-- kind: exec
-- in: workspace_id text, first int, ids text, hashes blob, epoch int
-- hot
-- doc: Rows of one chain from :first on: ids as a JSON array, hashes one after the other. The plus signs leave SQLite the primary key alone to find rows by.
-- sqlite:
UPDATE audit SET seq = :first + r.key, hash = substr(:hashes, r.key * 32 + 1, 32), epoch = :epoch
FROM json_each(:ids) AS r
WHERE audit.id = r.value AND +audit.workspace_id = :workspace_id AND +audit.seq IS NULL;
-- pgsql:
UPDATE audit SET seq = :first + r.n - 1,
    hash = substring(:hashes FROM CAST((r.n - 1) * 32 + 1 AS int) FOR 32), epoch = :epoch
FROM json_array_elements_text(CAST(:ids AS json)) WITH ORDINALITY AS r(id, n)
WHERE audit.id = r.id AND audit.workspace_id = :workspace_id AND audit.seq IS NULL;

-- name: seal_checkpoint_add
-- kind: exec
-- in: generation int, number int, now int, hash blob, text text
-- hot
INSERT INTO audit_checkpoints (generation, number, created_at, hash, text)
VALUES (:generation, :number, :now, :hash, :text);

-- name: seal_checkpoint_list
-- kind: many
-- in: generation int, number int, limit int
-- out: generation int, number int, created_at int, hash blob, text text
-- doc: Those behind (generation, number).
SELECT generation, number, created_at, hash, text FROM audit_checkpoints
WHERE (generation, number) > (:generation, :number)
ORDER BY generation, number LIMIT :limit;

-- name: seal_checkpoint_get
-- kind: one
-- in: generation int, number int
-- out: created_at int, hash blob, text text
SELECT created_at, hash, text FROM audit_checkpoints
WHERE generation = :generation AND number = :number;

-- name: seal_first_get
-- kind: one
-- out: value text
-- doc: The first checkpoint that retention has left (seal_first.h); none: nothing was removed.
SELECT value FROM installation WHERE name = 'log.first';

-- name: seal_first_set
-- kind: exec
-- in: value text, old text?, now int
-- doc: Judged by affected rows: it is moved only from what it was.
INSERT INTO installation (name, value, updated_at) VALUES ('log.first', :value, :now)
ON CONFLICT (name) DO UPDATE SET value = :value, updated_at = :now
WHERE installation.value = :old;

-- name: seal_checkpoint_purge
-- kind: exec
-- in: generation int, number int
-- doc: Those before (generation, number).
DELETE FROM audit_checkpoints WHERE (generation, number) < (:generation, :number);

-- name: seal_checkpoint_last
-- kind: one
-- out: generation int, number int, hash blob
SELECT generation, number, hash FROM audit_checkpoints WHERE generation > 0
ORDER BY generation DESC, number DESC LIMIT 1;

-- name: seal_row_last
-- kind: one
-- in: workspace_id text
-- out: seq int, hash blob?
-- hot
SELECT seq, hash FROM audit WHERE workspace_id = :workspace_id AND seq IS NOT NULL
ORDER BY seq DESC LIMIT 1;

-- name: seal_row_slice
-- kind: each
-- in: workspace_id text, after int, to int, limit int
-- out: id text, workspace_id text, created_at int, action text, type text?, severity text?, outcome text, actor_kind text, actor_id text?, actor_name text?, on_behalf_of text?, entity_type text?, entity_id text?, message text?, metadata text?, remote_addr text?, request_id text?, count int, seq int, hash blob?, epoch int?
-- doc: Sealed rows of a chain, in its order.
SELECT id, workspace_id, created_at, action, type, severity, outcome, actor_kind, actor_id,
    actor_name, on_behalf_of, entity_type, entity_id, message, metadata, remote_addr, request_id,
    count, seq, hash, epoch
FROM audit
WHERE workspace_id = :workspace_id AND seq > :after AND seq <= :to
ORDER BY seq LIMIT :limit;

-- name: seal_row_hash
-- kind: one
-- in: workspace_id text, seq int
-- out: id text, hash blob?
SELECT id, hash FROM audit WHERE workspace_id = :workspace_id AND seq = :seq;

-- name: seal_unsealed_count
-- kind: one
-- out: rows int
-- tenantless: the whole log is verified
SELECT count(*) FROM audit WHERE seq IS NULL;

-- name: seal_chain_next
-- kind: one
-- in: from text
-- out: workspace_id text
-- tenantless: the whole log is verified
-- doc: The next name that sealed rows carry: a chain without a head shows.
SELECT workspace_id FROM audit WHERE workspace_id >= :from AND seq IS NOT NULL
ORDER BY workspace_id LIMIT 1;

-- name: seal_purge_slice
-- kind: many
-- in: workspace_id text, after int, to int, limit int
-- out: seq int, created_at int, hash blob?
SELECT seq, created_at, hash FROM audit
WHERE workspace_id = :workspace_id AND seq > :after AND seq <= :to ORDER BY seq LIMIT :limit;

-- name: seal_purge_rows
-- kind: exec
-- in: workspace_id text, to int
DELETE FROM audit WHERE workspace_id = :workspace_id AND seq <= :to;
