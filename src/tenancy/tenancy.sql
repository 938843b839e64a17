-- Organisations, workspaces, memberships, addons.

-- name: tenancy_organization_any
-- kind: one
-- out: id text
-- scan: one row by primary key
-- tenantless: asks whether the installation has been set up
SELECT id FROM organizations ORDER BY id LIMIT 1;

-- name: tenancy_organization_insert
-- kind: exec
-- in: id text, name text, now int, created_by text?
-- tenantless: stands above workspaces
INSERT INTO organizations (id, name, created_at, updated_at, created_by)
VALUES (:id, :name, :now, :now, :created_by);

-- name: tenancy_workspace_insert
-- kind: exec
-- in: id text, organization_id text, name text, time_zone text, now int, created_by text?
-- tenantless: makes the workspace
INSERT INTO workspaces (id, organization_id, name, time_zone, created_at, updated_at, created_by)
VALUES (:id, :organization_id, :name, :time_zone, :now, :now, :created_by);

-- name: tenancy_workspace_find
-- kind: one
-- in: workspace_id text
-- out: id text, organization_id text, name text, time_zone text, version int, organization_name text
SELECT w.id, w.organization_id, w.name, w.time_zone, w.version, o.name AS organization_name
FROM workspaces w JOIN organizations o ON o.id = w.organization_id
WHERE w.id = :workspace_id AND w.deleted_at IS NULL;

-- name: tenancy_addon_insert
-- kind: exec
-- in: workspace_id text, addon text, status text, now int, created_by text?
INSERT INTO addons (workspace_id, addon, status, created_at, updated_at, created_by)
VALUES (:workspace_id, :addon, :status, :now, :now, :created_by);

-- name: tenancy_addon_find
-- kind: one
-- in: workspace_id text, addon text
-- out: status text
SELECT status FROM addons WHERE workspace_id = :workspace_id AND addon = :addon;

-- name: tenancy_workspace_member_insert
-- kind: exec
-- in: workspace_id text, user_id text, role text, now int, created_by text?
INSERT INTO workspace_members (workspace_id, user_id, role, created_at, updated_at, created_by)
VALUES (:workspace_id, :user_id, :role, :now, :now, :created_by);

-- name: tenancy_organization_member_insert
-- kind: exec
-- in: organization_id text, user_id text, role text, now int, created_by text?
-- tenantless: of an organisation
INSERT INTO organization_members (organization_id, user_id, role, created_at, updated_at, created_by)
VALUES (:organization_id, :user_id, :role, :now, :now, :created_by);

-- name: tenancy_workspace_of_user
-- kind: many
-- in: user_id text
-- out: id text, organization_id text, name text, role text?, org_role text?
-- tenantless: all workspaces that one person may act in
-- doc: Memberships, and every workspace of organisations where they are OWNER or ADMIN.
SELECT w.id, w.organization_id, w.name, wm.role, om.role AS org_role
FROM (SELECT m.workspace_id AS id FROM workspace_members m WHERE m.user_id = :user_id
      UNION
      SELECT ow.id FROM organization_members o
      JOIN workspaces ow ON ow.organization_id = o.organization_id
      WHERE o.user_id = :user_id AND o.role IN ('OWNER', 'ADMIN')) mine
JOIN workspaces w ON w.id = mine.id AND w.deleted_at IS NULL
LEFT JOIN workspace_members wm ON wm.workspace_id = w.id AND wm.user_id = :user_id
LEFT JOIN organization_members om ON om.organization_id = w.organization_id AND om.user_id = :user_id
ORDER BY w.id LIMIT 200;
