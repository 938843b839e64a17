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
-- sorts: the workspaces of one person
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

-- ---- organisations ----

-- name: tenancy_organization_context
-- kind: one
-- in: organization_id text, user_id text, workspace_id text
-- out: id text, role text?, workspace_id text?, own_role text?
-- doc: The caller's role in an organisation, and where its deeds are recorded: the workspace given if it is one of
--   its, else its first; with the caller's role there.
SELECT o.id, m.role, w.id AS workspace_id, wm.role AS own_role
FROM organizations o
LEFT JOIN organization_members m ON m.organization_id = o.id AND m.user_id = :user_id
LEFT JOIN workspaces w ON w.id = COALESCE(
    (SELECT a.id FROM workspaces a
     WHERE a.id = :workspace_id AND a.organization_id = o.id AND a.deleted_at IS NULL),
    (SELECT b.id FROM workspaces b
     WHERE b.organization_id = o.id AND b.deleted_at IS NULL ORDER BY b.id LIMIT 1))
LEFT JOIN workspace_members wm ON wm.workspace_id = w.id AND wm.user_id = :user_id
WHERE o.id = :organization_id AND o.deleted_at IS NULL;

-- name: tenancy_organization_list
-- kind: many
-- in: user_id text, after_id text, limit int
-- out: id text, name text, role text, version int, created_at int, updated_at int
-- tenantless: all organisations of one person
SELECT o.id, o.name, m.role, o.version, o.created_at, o.updated_at
FROM organization_members m
JOIN organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL
WHERE m.user_id = :user_id AND m.organization_id > :after_id
ORDER BY m.organization_id LIMIT :limit;

-- name: tenancy_organization_get
-- kind: one
-- in: id text
-- out: id text, name text, version int, created_at int, updated_at int
-- tenantless: stands above workspaces
SELECT id, name, version, created_at, updated_at FROM organizations
WHERE id = :id AND deleted_at IS NULL;

-- name: tenancy_organization_set
-- kind: exec
-- in: id text, name text, version int, now int
-- tenantless: stands above workspaces
UPDATE organizations SET name = :name, version = version + 1, updated_at = :now
WHERE id = :id AND version = :version AND deleted_at IS NULL;

-- name: tenancy_organization_workspaces
-- kind: many
-- in: organization_id text, user_id text, all_of_them int, after_id text, limit int
-- out: id text, name text, time_zone text, version int, created_at int, updated_at int, role text?
-- tenantless: the workspaces of one organisation
SELECT w.id, w.name, w.time_zone, w.version, w.created_at, w.updated_at, m.role
FROM workspaces w
LEFT JOIN workspace_members m ON m.workspace_id = w.id AND m.user_id = :user_id
WHERE w.organization_id = :organization_id AND w.id > :after_id AND w.deleted_at IS NULL
  AND (:all_of_them = 1 OR m.user_id IS NOT NULL)
ORDER BY w.id LIMIT :limit;

-- name: tenancy_workspace_count
-- kind: one
-- in: organization_id text
-- out: workspaces int
-- tenantless: the workspaces of one organisation
SELECT count(*) AS workspaces FROM workspaces
WHERE organization_id = :organization_id AND deleted_at IS NULL;

-- ---- settings, addons ----

-- name: tenancy_settings_find
-- kind: one
-- in: workspace_id text
-- out: name text, time_zone text, settings text, version int, updated_at int
SELECT name, time_zone, settings, version, updated_at FROM workspaces
WHERE id = :workspace_id AND deleted_at IS NULL;

-- name: tenancy_settings_set
-- kind: exec
-- in: workspace_id text, name text, time_zone text, settings text, version int, now int
UPDATE workspaces SET name = :name, time_zone = :time_zone, settings = :settings,
    version = version + 1, updated_at = :now
WHERE id = :workspace_id AND version = :version AND deleted_at IS NULL;

-- name: tenancy_addon_list
-- kind: many
-- in: workspace_id text
-- out: addon text, status text, version int, created_at int, updated_at int
SELECT addon, status, version, created_at, updated_at FROM addons
WHERE workspace_id = :workspace_id ORDER BY addon LIMIT 100;

-- name: tenancy_addon_set
-- kind: exec
-- in: workspace_id text, addon text, status text, now int
UPDATE addons SET status = :status, version = version + 1, updated_at = :now
WHERE workspace_id = :workspace_id AND addon = :addon;

-- name: tenancy_addon_delete
-- kind: exec
-- in: workspace_id text, addon text
DELETE FROM addons WHERE workspace_id = :workspace_id AND addon = :addon;

-- ---- members of a workspace ----

-- name: tenancy_member_list
-- kind: many
-- in: workspace_id text, organization_id text, after_id text, limit int
-- out: user_id text, kind text, email text, name text, totp_state text, role text?, org_role text?, version int?, created_at int?
-- sorts: the members of one workspace
-- doc: Members, and the OWNERs and ADMINs of the organisation, who act in it without being any.
SELECT u.id AS user_id, u.kind, u.email, u.name, u.totp_state, wm.role, om.role AS org_role,
    wm.version, wm.created_at
FROM (SELECT user_id FROM (SELECT a.user_id FROM workspace_members a
                           WHERE a.workspace_id = :workspace_id AND a.user_id > :after_id
                           ORDER BY a.user_id LIMIT :limit) AS own
      UNION
      SELECT user_id FROM (SELECT b.user_id FROM organization_members b
                           WHERE b.organization_id = :organization_id AND b.user_id > :after_id
                             AND b.role IN ('OWNER', 'ADMIN')
                           ORDER BY b.user_id LIMIT :limit) AS above) AS people
JOIN users u ON u.id = people.user_id AND u.deleted_at IS NULL
LEFT JOIN workspace_members wm ON wm.workspace_id = :workspace_id AND wm.user_id = u.id
LEFT JOIN organization_members om ON om.organization_id = :organization_id AND om.user_id = u.id
ORDER BY u.id LIMIT :limit;

-- name: tenancy_member_find
-- kind: one
-- in: workspace_id text, organization_id text, user_id text
-- out: user_id text, kind text, email text, name text, totp_state text, role text?, org_role text?, version int?, created_at int?
SELECT u.id AS user_id, u.kind, u.email, u.name, u.totp_state, wm.role, om.role AS org_role,
    wm.version, wm.created_at
FROM users u
LEFT JOIN workspace_members wm ON wm.workspace_id = :workspace_id AND wm.user_id = u.id
LEFT JOIN organization_members om ON om.organization_id = :organization_id AND om.user_id = u.id
WHERE u.id = :user_id AND u.deleted_at IS NULL
  AND (wm.user_id IS NOT NULL OR om.role IN ('OWNER', 'ADMIN'));

-- name: tenancy_member_owner_beside
-- kind: one
-- in: workspace_id text, user_id text
-- out: user_id text
-- doc: An OWNER of the workspace other than this one.
SELECT m.user_id FROM workspace_members m
JOIN users u ON u.id = m.user_id AND u.kind = 'HUMAN' AND u.deleted_at IS NULL
WHERE m.workspace_id = :workspace_id AND m.role = 'OWNER' AND m.user_id <> :user_id LIMIT 1;

-- name: tenancy_member_role_set
-- kind: exec
-- in: workspace_id text, user_id text, role text, version int, now int
UPDATE workspace_members SET role = :role, version = version + 1, updated_at = :now
WHERE workspace_id = :workspace_id AND user_id = :user_id AND version = :version;

-- name: tenancy_member_delete
-- kind: exec
-- in: workspace_id text, user_id text
DELETE FROM workspace_members WHERE workspace_id = :workspace_id AND user_id = :user_id;

-- name: tenancy_member_of_another
-- kind: one
-- in: organization_id text, user_id text
-- out: workspace_id text
-- tenantless: asks about all workspaces of one organisation
-- doc: A workspace of the organisation that the person is a member of.
SELECT m.workspace_id FROM workspace_members m
JOIN workspaces w ON w.id = m.workspace_id AND w.organization_id = :organization_id
    AND w.deleted_at IS NULL
WHERE m.user_id = :user_id LIMIT 1;

-- ---- members of an organisation ----

-- name: tenancy_org_member_list
-- kind: many
-- in: organization_id text, after_id text, limit int
-- out: user_id text, kind text, email text, name text, totp_state text, role text, version int, created_at int
-- tenantless: of an organisation
SELECT u.id AS user_id, u.kind, u.email, u.name, u.totp_state, m.role, m.version, m.created_at
FROM organization_members m JOIN users u ON u.id = m.user_id AND u.deleted_at IS NULL
WHERE m.organization_id = :organization_id AND m.user_id > :after_id
ORDER BY m.user_id LIMIT :limit;

-- name: tenancy_org_member_find
-- kind: one
-- in: organization_id text, user_id text
-- out: user_id text, kind text, email text, name text, totp_state text, role text, version int, created_at int
-- tenantless: of an organisation
SELECT u.id AS user_id, u.kind, u.email, u.name, u.totp_state, m.role, m.version, m.created_at
FROM organization_members m JOIN users u ON u.id = m.user_id AND u.deleted_at IS NULL
WHERE m.organization_id = :organization_id AND m.user_id = :user_id;

-- name: tenancy_org_member_owner_beside
-- kind: one
-- in: organization_id text, user_id text
-- out: user_id text
-- tenantless: of an organisation
SELECT m.user_id FROM organization_members m
JOIN users u ON u.id = m.user_id AND u.kind = 'HUMAN' AND u.deleted_at IS NULL
WHERE m.organization_id = :organization_id AND m.role = 'OWNER' AND m.user_id <> :user_id LIMIT 1;

-- name: tenancy_org_member_role_set
-- kind: exec
-- in: organization_id text, user_id text, role text, version int, now int
-- tenantless: of an organisation
UPDATE organization_members SET role = :role, version = version + 1, updated_at = :now
WHERE organization_id = :organization_id AND user_id = :user_id AND version = :version;

-- name: tenancy_org_member_delete
-- kind: exec
-- in: organization_id text, user_id text
-- tenantless: of an organisation
DELETE FROM organization_members WHERE organization_id = :organization_id AND user_id = :user_id;

-- name: tenancy_org_member_workspaces_leave
-- kind: exec
-- in: organization_id text, user_id text
-- tenantless: out of every workspace of one organisation
DELETE FROM workspace_members
WHERE user_id = :user_id AND workspace_id IN (
    SELECT w.id FROM workspaces w WHERE w.organization_id = :organization_id);

-- name: tenancy_org_member_owns_alone
-- kind: one
-- in: organization_id text, user_id text
-- out: name text
-- tenantless: asks about all workspaces of one organisation
-- doc: A workspace of the organisation that would be without an OWNER without this one.
SELECT w.name FROM workspace_members m
JOIN workspaces w ON w.id = m.workspace_id AND w.organization_id = :organization_id
    AND w.deleted_at IS NULL
WHERE m.user_id = :user_id AND m.role = 'OWNER' AND NOT EXISTS (
    SELECT 1 FROM workspace_members n
    JOIN users u ON u.id = n.user_id AND u.kind = 'HUMAN' AND u.deleted_at IS NULL
    WHERE n.workspace_id = m.workspace_id AND n.role = 'OWNER' AND n.user_id <> m.user_id)
ORDER BY w.id LIMIT 1;

-- name: tenancy_org_member_stands_above
-- kind: one
-- in: organization_id text, user_id text, caller_id text
-- out: organization_id text
-- tenantless: asks about all organisations of one person
-- doc: Another organisation that the person belongs to, where the caller is no OWNER, nor ADMIN above them.
SELECT m.organization_id FROM organization_members m
WHERE m.user_id = :user_id AND m.organization_id <> :organization_id AND NOT EXISTS (
    SELECT 1 FROM organization_members c
    WHERE c.organization_id = m.organization_id AND c.user_id = :caller_id
      AND (c.role = 'OWNER' OR (c.role = 'ADMIN' AND m.role <> 'OWNER')))
LIMIT 1;
