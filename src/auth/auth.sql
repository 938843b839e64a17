-- Users and sessions. People stand above workspaces: what names a user or a session need not name a
-- workspace.

-- name: auth_session_context
-- kind: one
-- in: sid text, workspace_id text?
-- out: sid text, token_version int, created_at int, seen_at int, expires_at int, revoked_at int?, user_id text, email text, name text, session_version int, workspace_id text?, organization_id text?, role text?, org_role text?
-- sorts: the workspaces of one person who has chosen none
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
-- sorts: the workspaces of one person who has chosen none
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
-- out: id text, kind text, email text, name text, password_hash text?, session_version int, totp_state text, totp_secret blob?
-- tenantless: an address names one person of the installation
SELECT id, kind, email, name, password_hash, session_version, totp_state, totp_secret
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
UPDATE users SET password_hash = :password_hash, version = version + 1, updated_at = :now
WHERE id = :id AND deleted_at IS NULL;

-- name: auth_user_password_change
-- kind: exec
-- in: id text, password_hash text, session_version int, now int
-- tenantless: names one user
-- doc: Only where nobody else has changed it since the present one was verified.
UPDATE users SET password_hash = :password_hash, version = version + 1, updated_at = :now
WHERE id = :id AND session_version = :session_version AND deleted_at IS NULL;

-- name: auth_user_secrets
-- kind: one
-- in: id text
-- out: id text, kind text, email text, name text, password_hash text?, session_version int, totp_state text, totp_secret blob?
-- tenantless: names one user
SELECT id, kind, email, name, password_hash, session_version, totp_state, totp_secret
FROM users WHERE id = :id AND deleted_at IS NULL;

-- name: auth_user_name_set
-- kind: exec
-- in: id text, name text, now int
-- tenantless: names one user
UPDATE users SET name = :name, version = version + 1, updated_at = :now
WHERE id = :id AND deleted_at IS NULL;

-- name: auth_user_sessions_raise
-- kind: exec
-- in: id text, now int
-- tenantless: names one user
UPDATE users SET session_version = session_version + 1, version = version + 1, updated_at = :now
WHERE id = :id;

-- name: auth_session_carry
-- kind: exec
-- in: id text, user_id text
-- tenantless: names one session
-- doc: Brings a session to its user's present version.
UPDATE sessions SET session_version = (SELECT u.session_version FROM users u WHERE u.id = :user_id)
WHERE id = :id AND user_id = :user_id AND revoked_at IS NULL;

-- name: auth_user_workspace_forget
-- kind: exec
-- in: id text, workspace_id text, now int
UPDATE users SET workspace_id = NULL, version = version + 1, updated_at = :now
WHERE id = :id AND workspace_id = :workspace_id;

-- name: auth_user_workspace_first
-- kind: exec
-- in: id text, workspace_id text, now int
UPDATE users SET workspace_id = :workspace_id, version = version + 1, updated_at = :now
WHERE id = :id AND workspace_id IS NULL;

-- ---- second factor ----

-- name: auth_totp_set
-- kind: exec
-- in: id text, secret blob?, state text, step int, from_state text, now int
-- tenantless: names one user
UPDATE users SET totp_secret = :secret, totp_state = :state, totp_step = :step,
    version = version + 1, updated_at = :now
WHERE id = :id AND totp_state = :from_state AND deleted_at IS NULL;

-- name: auth_totp_take
-- kind: exec
-- in: id text, step int
-- tenantless: names one user
-- doc: Each code once: its time step must lie behind the last one taken.
UPDATE users SET totp_step = :step
WHERE id = :id AND totp_state = 'ON' AND totp_step < :step AND deleted_at IS NULL;

-- name: auth_recovery_add
-- kind: exec
-- in: user_id text, hash blob, now int
-- tenantless: a person's own codes
INSERT INTO recovery_codes (user_id, hash, created_at) VALUES (:user_id, :hash, :now);

-- name: auth_recovery_take
-- kind: exec
-- in: user_id text, hash blob, now int
-- tenantless: a person's own codes
UPDATE recovery_codes SET used_at = :now
WHERE user_id = :user_id AND hash = :hash AND used_at IS NULL;

-- name: auth_recovery_drop
-- kind: exec
-- in: user_id text
-- tenantless: a person's own codes
DELETE FROM recovery_codes WHERE user_id = :user_id;

-- name: auth_recovery_left
-- kind: one
-- in: user_id text
-- out: codes int
-- tenantless: a person's own codes
SELECT count(*) AS codes FROM recovery_codes WHERE user_id = :user_id AND used_at IS NULL;

-- ---- invites ----

-- name: auth_invite_add
-- kind: exec
-- in: workspace_id text, id text, email text, email_key text, role text, token_hash blob, expires_at int, now int, created_by text
INSERT INTO invites (workspace_id, id, email, email_key, role, token_hash, expires_at, created_at,
    updated_at, created_by)
VALUES (:workspace_id, :id, :email, :email_key, :role, :token_hash, :expires_at, :now, :now,
    :created_by);

-- name: auth_invite_open_count
-- kind: one
-- in: workspace_id text, now int
-- out: invites int
SELECT count(*) AS invites FROM invites
WHERE workspace_id = :workspace_id AND closed_at IS NULL AND expires_at > :now;

-- name: auth_invite_replace
-- kind: exec
-- in: workspace_id text, email_key text, now int
UPDATE invites SET closed_at = :now, closed_as = 'REPLACED', version = version + 1,
    updated_at = :now
WHERE workspace_id = :workspace_id AND email_key = :email_key AND closed_at IS NULL;

-- name: auth_invite_list
-- kind: many
-- in: workspace_id text, now int, before_id text, limit int
-- out: id text, email text, role text, expires_at int, created_at int, created_by text, inviter text
SELECT i.id, i.email, i.role, i.expires_at, i.created_at, i.created_by, u.name AS inviter
FROM invites i JOIN users u ON u.id = i.created_by
WHERE i.workspace_id = :workspace_id AND i.id < :before_id AND i.closed_at IS NULL
  AND i.expires_at > :now
ORDER BY i.id DESC LIMIT :limit;

-- name: auth_invite_find
-- kind: one
-- in: workspace_id text, id text
-- out: closed_at int?, expires_at int
SELECT closed_at, expires_at FROM invites WHERE workspace_id = :workspace_id AND id = :id;

-- name: auth_invite_close
-- kind: exec
-- in: workspace_id text, id text, closed_as text, user_id text?, now int
UPDATE invites SET closed_at = :now, closed_as = :closed_as, user_id = :user_id,
    version = version + 1, updated_at = :now
WHERE workspace_id = :workspace_id AND id = :id AND closed_at IS NULL;

-- name: auth_invite_by_token
-- kind: one
-- in: token_hash blob
-- out: workspace_id text, id text, email text, email_key text, role text, expires_at int, closed_at int?, workspace_name text, organization_id text, organization_name text, inviter text, inviter_role text?, inviter_org_role text?, user_id text?
-- doc: The invite of a link, who stands behind it now, and who has its address.
SELECT i.workspace_id, i.id, i.email, i.email_key, i.role, i.expires_at, i.closed_at,
    w.name AS workspace_name, w.organization_id, o.name AS organization_name, b.name AS inviter,
    bm.role AS inviter_role, bo.role AS inviter_org_role, u.id AS user_id
FROM invites i
JOIN workspaces w ON w.id = i.workspace_id AND w.deleted_at IS NULL
JOIN organizations o ON o.id = w.organization_id AND o.deleted_at IS NULL
JOIN users b ON b.id = i.created_by
LEFT JOIN workspace_members bm ON bm.workspace_id = i.workspace_id AND bm.user_id = i.created_by
LEFT JOIN organization_members bo ON bo.organization_id = o.id AND bo.user_id = i.created_by
LEFT JOIN users u ON u.email_key = i.email_key AND u.deleted_at IS NULL
WHERE i.token_hash = :token_hash;

-- name: auth_member_by_email
-- kind: one
-- in: workspace_id text, email_key text
-- out: user_id text
SELECT m.user_id FROM users u
JOIN workspace_members m ON m.workspace_id = :workspace_id AND m.user_id = u.id
WHERE u.email_key = :email_key AND u.deleted_at IS NULL;

-- name: auth_org_member_find
-- kind: one
-- in: organization_id text, user_id text
-- out: role text
-- tenantless: of an organisation
SELECT role FROM organization_members
WHERE organization_id = :organization_id AND user_id = :user_id;

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
-- sorts: the sessions of one person
-- tenantless: a person's own sessions
SELECT id, created_at, seen_at, expires_at, remote_addr, user_agent
FROM sessions
WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > :now
  AND session_version = :session_version AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC LIMIT :limit;
