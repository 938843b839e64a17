-- Statements of the database layer itself: which migrations have been applied.

-- name: migration_table_count
-- kind: one
-- out: tables int
-- scan: the catalogue of tables is small
-- sqlite:
SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations';
-- pgsql:
SELECT count(*) AS tables FROM pg_catalog.pg_tables
WHERE schemaname = current_schema() AND tablename = 'schema_migrations';

-- name: migration_list
-- kind: many
-- out: number int, name text, sha256 text
-- scan: all of them are wanted, and they are few
SELECT number, name, sha256 FROM schema_migrations ORDER BY number;

-- name: migration_add
-- kind: exec
-- in: number int, name text, sha256 text, applied_at int
INSERT INTO schema_migrations (number, name, sha256, applied_at)
VALUES (:number, :name, :sha256, :applied_at);

-- name: migration_lock
-- kind: one
-- out: locked int
-- scan: no table
-- sqlite:
SELECT 1 AS locked;
-- pgsql:
SELECT CASE WHEN pg_advisory_xact_lock(7269616) IS NULL THEN 0 ELSE 1 END::bigint AS locked;

-- ---- archives: what the tables are, and the text of statements on them ----

-- name: archive_schema
-- kind: one
-- out: number int?
SELECT max(number) AS number FROM schema_migrations;

-- name: archive_table_list
-- kind: many
-- out: name text
-- scan: the catalogue of tables is small
-- sorts: the tables
-- doc: Without audit_seal: the log's secret of the moment has no copies.
-- sqlite:
SELECT name FROM pragma_table_list
WHERE schema = 'main' AND type = 'table' AND substr(name, 1, 7) <> 'sqlite_'
  AND name NOT IN ('schema_migrations', 'audit_seal')
ORDER BY name;
-- pgsql:
SELECT tablename::text AS name FROM pg_catalog.pg_tables
WHERE schemaname = current_schema() AND tablename NOT IN ('schema_migrations', 'audit_seal')
ORDER BY 1;

-- name: archive_column_list
-- kind: many
-- in: table_name text
-- out: name text, type int
-- scan: the catalogue of one table is small
-- sorts: the columns of a table
-- doc: Types are those of enum db_type; 0: none of them.
-- sqlite:
SELECT name, CASE type WHEN 'INTEGER' THEN 1 WHEN 'REAL' THEN 2 WHEN 'TEXT' THEN 3 WHEN 'BLOB' THEN 4
    ELSE 0 END AS type
FROM pragma_table_xinfo(:table_name) WHERE hidden = 0 ORDER BY cid;
-- pgsql:
SELECT a.attname::text AS name, CASE a.atttypid::bigint WHEN 20 THEN 1 WHEN 701 THEN 2 WHEN 25 THEN 3
    WHEN 17 THEN 4 ELSE 0 END::bigint AS type
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = to_regclass(quote_ident(:table_name)) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated = ''
ORDER BY a.attnum;

-- name: archive_reference_list
-- kind: many
-- out: drop_text text, add_text text
-- scan: the catalogue of constraints is small
-- doc: PostgreSQL checks foreign keys row by row, or all at once when they are added.
-- sqlite:
SELECT '' AS drop_text, '' AS add_text WHERE 1 = 0;
-- pgsql:
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS drop_text,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname,
           pg_get_constraintdef(c.oid)) AS add_text
FROM pg_catalog.pg_constraint c
WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace
ORDER BY 1;

-- name: archive_references_defer
-- kind: exec
-- doc: Foreign keys hold at COMMIT, in this transaction.
-- sqlite:
PRAGMA defer_foreign_keys = ON;
-- pgsql:
SET CONSTRAINTS ALL DEFERRED;

-- name: archive_select_text
-- kind: one
-- in: table_name text, columns text
-- out: text text
SELECT 'SELECT ' || :columns || ' FROM ' || :table_name AS text;

-- name: archive_any_text
-- kind: one
-- in: table_name text
-- out: text text
SELECT 'SELECT 1 FROM ' || :table_name || ' LIMIT 1' AS text;

-- name: archive_insert_text
-- kind: one
-- in: table_name text, columns text, rows text
-- out: text text
SELECT 'INSERT INTO ' || :table_name || ' (' || :columns || ') VALUES ' || :rows AS text;

-- ---- after a restore: nothing that was under way goes on, nobody stays signed in ----

-- name: restored_users_raise
-- kind: exec
-- in: now int
-- scan: all of them are meant
UPDATE users SET session_version = session_version + 1, updated_at = :now;

-- name: restored_sessions_revoke
-- kind: exec
-- in: now int
-- scan: all of them are meant
UPDATE sessions SET revoked_at = :now WHERE revoked_at IS NULL;

-- name: restored_jobs_release
-- kind: exec
-- scan: all of them are meant
-- tenantless: a restore is for all workspaces
UPDATE jobs SET epoch = epoch + 1, node_id = NULL, lease_until = NULL,
    state = CASE state WHEN 'LEASED' THEN 'READY' ELSE state END;

-- name: restored_runs_interrupt
-- kind: exec
-- in: now int
-- scan: all of them are meant
-- tenantless: a restore is for all workspaces
UPDATE runs SET state = 'INTERRUPTED', reason = 'restored', finished_at = :now, updated_at = :now
WHERE state IN ('PREPARING', 'CALLING', 'STREAMING', 'TOOLS', 'AWAITING', 'SETTLING');

-- name: restored_runs_raise
-- kind: exec
-- scan: all of them are meant
-- tenantless: a restore is for all workspaces
UPDATE runs SET epoch = epoch + 1, version = version + 1, node_id = NULL;

-- name: restored_tool_calls_unknown
-- kind: exec
-- in: now int
-- scan: all of them are meant
-- tenantless: a restore is for all workspaces
UPDATE run_tool_calls SET state = 'UNKNOWN', updated_at = :now WHERE state = 'STARTED';

-- name: restored_approvals_expire
-- kind: exec
-- in: now int
-- scan: all of them are meant
-- tenantless: a restore is for all workspaces
UPDATE chat_approvals SET state = 'EXPIRED', reason = 'restored', decided_at = :now,
    version = version + 1, updated_at = :now
WHERE state = 'OPEN';

-- name: restored_threads_release
-- kind: exec
-- scan: all of them are meant
-- tenantless: a restore is for all workspaces
UPDATE threads SET active_run_id = NULL WHERE active_run_id IS NOT NULL;

-- name: restored_seal_forget
-- kind: exec
-- scan: it has one row
-- doc: The log goes on with new keys, and says so, at the next start.
DELETE FROM audit_seal;

-- name: restored_nodes_forget
-- kind: exec
-- scan: all of them are meant
DELETE FROM nodes;
