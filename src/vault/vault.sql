-- Data keys: random keys, wrapped under a root key. Each scope (an organisation, '-' the installation) has its own.

-- name: vault_key_newest
-- kind: one
-- in: scope text
-- out: version int, root_id text, wrapped blob
-- tenantless: keys of organisations and of the installation
SELECT version, root_id, wrapped FROM data_keys WHERE scope = :scope ORDER BY version DESC LIMIT 1;

-- name: vault_key_get
-- kind: one
-- in: scope text, version int
-- out: root_id text, wrapped blob
-- tenantless: keys of organisations and of the installation
SELECT root_id, wrapped FROM data_keys WHERE scope = :scope AND version = :version;

-- name: vault_key_insert
-- kind: exec
-- in: scope text, version int, root_id text, wrapped blob, now int
-- tenantless: keys of organisations and of the installation
INSERT INTO data_keys (scope, version, root_id, wrapped, created_at, wrapped_at)
VALUES (:scope, :version, :root_id, :wrapped, :now, :now) ON CONFLICT DO NOTHING;

-- name: vault_key_slice
-- kind: many
-- in: after_scope text, after_version int, limit int
-- out: scope text, version int, root_id text, wrapped blob
-- tenantless: a rotation goes over the whole installation
SELECT scope, version, root_id, wrapped FROM data_keys
WHERE (scope, version) > (:after_scope, :after_version)
ORDER BY scope, version LIMIT :limit;

-- name: vault_key_rewrap
-- kind: exec
-- in: scope text, version int, old_root_id text, root_id text, wrapped blob, now int
-- tenantless: keys of organisations and of the installation
UPDATE data_keys SET root_id = :root_id, wrapped = :wrapped, wrapped_at = :now
WHERE scope = :scope AND version = :version AND root_id = :old_root_id;

-- name: vault_check_get
-- kind: one
-- out: value text
-- tenantless: one value of the installation
SELECT value FROM installation WHERE name = 'root-key';

-- name: vault_check_set_first
-- kind: exec
-- in: value text, now int
-- tenantless: one value of the installation
INSERT INTO installation (name, value, updated_at) VALUES ('root-key', :value, :now)
ON CONFLICT DO NOTHING;

-- name: vault_check_set
-- kind: exec
-- in: value text, now int
-- tenantless: one value of the installation
INSERT INTO installation (name, value, updated_at) VALUES ('root-key', :value, :now)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at;
