-- Users and sessions. People stand above workspaces: what names a user or a session need not name a
-- workspace.

-- name: auth_session_context
-- kind: one
-- in: sid text, workspace_id text?
-- out: sid text, token_version int, created_at int, seen_at int, expires_at int, revoked_at int?, user_id text, email text, name text, session_version int, workspace_id text?, organization_id text?, role text?, org_role text?
-- doc: Session, user, workspace (the one asked for, else the preference, else the first) and roles.
SELECT s.id AS sid, s.session_version AS token_version, s.created_at, s.seen_at, s.expires_at,
    s.revoked_at, u.id AS user_id, u.email, u.name, u.session_version, w.id AS workspace_id,
    w.organization_id, wm.role, om.role AS org_role
FROM sessions s
JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL
LEFT JOIN workspaces w ON w.deleted_at IS NULL AND w.id = COALESCE(:workspace_id,
    (SELECT p.id FROM workspaces p WHERE p.id = u.workspace_id AND p.deleted_at IS NULL AND (
        EXISTS (SELECT 1 FROM workspace_members a WHERE a.workspace_id = p.id AND a.user_id = u.id)
        OR EXISTS (SELECT 1 FROM organization_members b WHERE b.organization_id = p.organization_id
                   AND b.user_id = u.id AND b.role IN ('OWNER', 'ADMIN')))),
    (SELECT m.workspace_id FROM workspace_members m
     JOIN workspaces mw ON mw.id = m.workspace_id AND mw.deleted_at IS NULL
     WHERE m.user_id = u.id ORDER BY m.workspace_id LIMIT 1),
    (SELECT ow.id FROM organization_members o
     JOIN workspaces ow ON ow.organization_id = o.organization_id AND ow.deleted_at IS NULL
     WHERE o.user_id = u.id AND o.role IN ('OWNER', 'ADMIN') ORDER BY ow.id LIMIT 1))
LEFT JOIN workspace_members wm ON wm.workspace_id = w.id AND wm.user_id = u.id
LEFT JOIN organization_members om ON om.organization_id = w.organization_id AND om.user_id = u.id
WHERE s.id = :sid;

-- name: auth_user_context
-- kind: one
-- in: user_id text, workspace_id text?
-- out: user_id text, email text, name text, session_version int, workspace_id text?, organization_id text?, role text?, org_role text?
-- doc: The same without a session: foreign tokens, and the operator acting as somebody.
SELECT u.id AS user_id, u.email, u.name, u.session_version, w.id AS workspace_id,
    w.organization_id, wm.role, om.role AS org_role
FROM users u
LEFT JOIN workspaces w ON w.deleted_at IS NULL AND w.id = COALESCE(:workspace_id,
    (SELECT p.id FROM workspaces p WHERE p.id = u.workspace_id AND p.deleted_at IS NULL AND (
        EXISTS (SELECT 1 FROM workspace_members a WHERE a.workspace_id = p.id AND a.user_id = u.id)
        OR EXISTS (SELECT 1 FROM organization_members b WHERE b.organization_id = p.organization_id
                   AND b.user_id = u.id AND b.role IN ('OWNER', 'ADMIN')))),
    (SELECT m.workspace_id FROM workspace_members m
     JOIN workspaces mw ON mw.id = m.workspace_id AND mw.deleted_at IS NULL
     WHERE m.user_id = u.id ORDER BY m.workspace_id LIMIT 1),
    (SELECT ow.id FROM organization_members o
     JOIN workspaces ow ON ow.organization_id = o.organization_id AND ow.deleted_at IS NULL
     WHERE o.user_id = u.id AND o.role IN ('OWNER', 'ADMIN') ORDER BY ow.id LIMIT 1))
LEFT JOIN workspace_members wm ON wm.workspace_id = w.id AND wm.user_id = u.id
LEFT JOIN organization_members om ON om.organization_id = w.organization_id AND om.user_id = u.id
WHERE u.id = :user_id AND u.deleted_at IS NULL;

-- name: auth_user_by_email
-- kind: one
-- in: email_key text
-- out: id text, kind text, email text, name text, password_hash text?, session_version int
-- tenantless: an address names one person of the installation
SELECT id, kind, email, name, password_hash, session_version
FROM users WHERE email_key = :email_key AND deleted_at IS NULL;

-- name: auth_user_add
-- kind: exec
-- in: id text, email text, email_key text, name text, password_hash text?, workspace_id text?, now int, created_by text?
INSERT INTO users (id, kind, email, email_key, name, password_hash, workspace_id, created_at,
    updated_at, created_by)
VALUES (:id, 'HUMAN', :email, :email_key, :name, :password_hash, :workspace_id, :now, :now,
    :created_by);

-- name: auth_user_password_set
-- kind: exec
-- in: id text, password_hash text, now int
-- tenantless: names one user
UPDATE users SET password_hash = :password_hash, session_version = session_version + 1,
    version = version + 1, updated_at = :now
WHERE id = :id AND deleted_at IS NULL;

-- name: auth_user_workspace_set
-- kind: exec
-- in: id text, workspace_id text, now int
UPDATE users SET workspace_id = :workspace_id, version = version + 1, updated_at = :now
WHERE id = :id AND deleted_at IS NULL;

-- name: auth_user_list
-- kind: many
-- in: after_id text, limit int
-- out: id text, email text, name text, kind text, role text?, has_password bool, created_at int
-- tenantless: the operator sees the whole installation
SELECT u.id, u.email, u.name, u.kind,
    (SELECT m.role FROM organization_members m WHERE m.user_id = u.id
     ORDER BY m.organization_id LIMIT 1) AS role,
    CASE WHEN u.password_hash IS NULL THEN 0 ELSE 1 END AS has_password, u.created_at
FROM users u WHERE u.id > :after_id AND u.deleted_at IS NULL ORDER BY u.id LIMIT :limit;

-- name: auth_operator_context
-- kind: one
-- in: workspace_id text?
-- out: workspace_id text, organization_id text, user_id text?
-- scan: without a workspace the first one by primary key
-- doc: Where the command line acts when it names nobody, and in whose name rows are made there.
SELECT w.id AS workspace_id, w.organization_id, COALESCE(
    (SELECT m.user_id FROM workspace_members m WHERE m.workspace_id = w.id AND m.role = 'OWNER'
     ORDER BY m.user_id LIMIT 1),
    (SELECT o.user_id FROM organization_members o WHERE o.organization_id = w.organization_id
     AND o.role = 'OWNER' ORDER BY o.user_id LIMIT 1)) AS user_id
FROM workspaces w
WHERE w.deleted_at IS NULL AND w.id = COALESCE(:workspace_id,
    (SELECT f.id FROM workspaces f WHERE f.deleted_at IS NULL ORDER BY f.id LIMIT 1));

-- name: auth_session_add
-- kind: exec
-- in: id text, user_id text, session_version int, now int, expires_at int, remote_addr text?, user_agent text?
-- tenantless: a session is a person's
INSERT INTO sessions (id, user_id, session_version, created_at, seen_at, expires_at, remote_addr,
    user_agent)
VALUES (:id, :user_id, :session_version, :now, :now, :expires_at, :remote_addr, :user_agent);

-- name: auth_session_seen
-- kind: exec
-- in: id text, now int, before int
-- tenantless: names one session
UPDATE sessions SET seen_at = :now WHERE id = :id AND revoked_at IS NULL AND seen_at < :before;

-- name: auth_session_revoke
-- kind: exec
-- in: id text, user_id text, now int
-- tenantless: names one session
UPDATE sessions SET revoked_at = :now
WHERE id = :id AND user_id = :user_id AND revoked_at IS NULL AND expires_at > :now;

-- name: auth_session_revoke_others
-- kind: exec
-- in: user_id text, keep_id text, now int
-- tenantless: a person's own sessions
UPDATE sessions SET revoked_at = :now
WHERE user_id = :user_id AND id <> :keep_id AND revoked_at IS NULL AND expires_at > :now;

-- name: auth_session_list
-- kind: many
-- in: user_id text, session_version int, now int, before_at int, before_id text, limit int
-- out: id text, created_at int, seen_at int, expires_at int, remote_addr text?, user_agent text?
-- tenantless: a person's own sessions
SELECT id, created_at, seen_at, expires_at, remote_addr, user_agent
FROM sessions
WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > :now
  AND session_version = :session_version AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC LIMIT :limit;
