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
