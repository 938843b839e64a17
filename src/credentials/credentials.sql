-- Credentials of people, workspaces and organisations, and what each tier chooses.

-- name: credential_of_call
-- kind: many
-- in: workspace_id text, user_id text
-- out: organization_id text, tier text, owner_id text, provider text, id text, workspace_id text, state text, endpoint text?, agent_id text?, cf_client_id text?, secret blob?, secret_version int, secret_masked text?, cf_secret blob?, cf_secret_version int, cf_secret_masked text?, verified_at int?, version int, updated_at int
-- tenantless: starts at the workspace's own row and sees its organisation's tiers only
-- doc: What a call in the workspace may draw on: at most five units of three tiers.
SELECT c.organization_id, c.tier, c.owner_id, c.provider, c.id, c.workspace_id, c.state, c.endpoint,
    c.agent_id, c.cf_client_id, c.secret, c.secret_version, c.secret_masked, c.cf_secret,
    c.cf_secret_version, c.cf_secret_masked, c.verified_at, c.version, c.updated_at
FROM workspaces w
JOIN (SELECT 'USER' AS tier, :user_id AS owner_id
      UNION ALL SELECT 'WORKSPACE', :workspace_id
      UNION ALL SELECT 'ORGANIZATION', '') t ON 1 = 1
JOIN credentials c ON c.organization_id = w.organization_id AND c.tier = t.tier AND c.owner_id = t.owner_id
WHERE w.id = :workspace_id;

-- name: credential_settings_of_call
-- kind: many
-- in: workspace_id text, user_id text
-- out: tier text, chat_provider text?, chat_model text?, transcription_provider text?, allow_personal_keys bool
SELECT s.tier, s.chat_provider, s.chat_model, s.transcription_provider, s.allow_personal_keys
FROM workspaces w
JOIN (SELECT 'USER' AS tier, :user_id AS owner_id
      UNION ALL SELECT 'WORKSPACE', :workspace_id
      UNION ALL SELECT 'ORGANIZATION', '') t ON 1 = 1
JOIN ai_settings s ON s.organization_id = w.organization_id AND s.tier = t.tier AND s.owner_id = t.owner_id
WHERE w.id = :workspace_id;

-- name: credential_of_organization
-- kind: many
-- in: organization_id text
-- out: organization_id text, tier text, owner_id text, provider text, id text, workspace_id text, state text, endpoint text?, agent_id text?, cf_client_id text?, secret blob?, secret_version int, secret_masked text?, cf_secret blob?, cf_secret_version int, cf_secret_masked text?, verified_at int?, version int, updated_at int
-- tenantless: the organisation's own, which stand above its workspaces
SELECT organization_id, tier, owner_id, provider, id, workspace_id, state, endpoint, agent_id,
    cf_client_id, secret, secret_version, secret_masked, cf_secret, cf_secret_version,
    cf_secret_masked, verified_at, version, updated_at
FROM credentials WHERE organization_id = :organization_id AND tier = 'ORGANIZATION' AND owner_id = '';

-- name: credential_settings_of_organization
-- kind: many
-- in: organization_id text
-- out: tier text, chat_provider text?, chat_model text?, transcription_provider text?, allow_personal_keys bool
-- tenantless: the organisation's own, which stand above its workspaces
SELECT tier, chat_provider, chat_model, transcription_provider, allow_personal_keys
FROM ai_settings WHERE organization_id = :organization_id AND tier = 'ORGANIZATION' AND owner_id = '';

-- name: credential_put
-- kind: exec
-- in: organization_id text, tier text, owner_id text, provider text, id text, workspace_id text, state text, endpoint text?, agent_id text?, cf_client_id text?, secret blob?, secret_version int, secret_masked text?, cf_secret blob?, cf_secret_version int, cf_secret_masked text?, verified_at int?, now int, created_by text?
INSERT INTO credentials (organization_id, tier, owner_id, provider, id, workspace_id, state,
    endpoint, agent_id, cf_client_id, secret, secret_version, secret_masked, cf_secret,
    cf_secret_version, cf_secret_masked, verified_at, created_at, updated_at, created_by)
VALUES (:organization_id, :tier, :owner_id, :provider, :id, :workspace_id, :state, :endpoint,
    :agent_id, :cf_client_id, :secret, :secret_version, :secret_masked, :cf_secret,
    :cf_secret_version, :cf_secret_masked, :verified_at, :now, :now, :created_by)
ON CONFLICT (organization_id, tier, owner_id, provider) DO UPDATE SET
    workspace_id = excluded.workspace_id, state = excluded.state, endpoint = excluded.endpoint,
    agent_id = excluded.agent_id, cf_client_id = excluded.cf_client_id, secret = excluded.secret,
    secret_version = excluded.secret_version, secret_masked = excluded.secret_masked,
    cf_secret = excluded.cf_secret, cf_secret_version = excluded.cf_secret_version,
    cf_secret_masked = excluded.cf_secret_masked, verified_at = excluded.verified_at,
    version = credentials.version + 1, updated_at = excluded.updated_at;

-- name: credential_renew
-- kind: exec
-- in: organization_id text, id text, version int, secret blob?, cf_secret blob?
-- tenantless: of the organisation whose row was read
-- doc: The same secrets in another seal, hence no other version of the row.
UPDATE credentials SET secret = :secret, cf_secret = :cf_secret
WHERE organization_id = :organization_id AND id = :id AND version = :version;

-- name: credential_delete
-- kind: exec
-- in: organization_id text, tier text, owner_id text, provider text
-- tenantless: of the organisation and owner that the caller's scope names
DELETE FROM credentials
WHERE organization_id = :organization_id AND tier = :tier AND owner_id = :owner_id AND provider = :provider;

-- name: credential_settings_put
-- kind: exec
-- in: organization_id text, tier text, owner_id text, chat_provider text?, chat_model text?, transcription_provider text?, allow_personal_keys bool, now int, created_by text?
-- tenantless: of the organisation and owner that the caller's scope names
INSERT INTO ai_settings (organization_id, tier, owner_id, chat_provider, chat_model,
    transcription_provider, allow_personal_keys, created_at, updated_at, created_by)
VALUES (:organization_id, :tier, :owner_id, :chat_provider, :chat_model, :transcription_provider,
    :allow_personal_keys, :now, :now, :created_by)
ON CONFLICT (organization_id, tier, owner_id) DO UPDATE SET
    chat_provider = excluded.chat_provider, chat_model = excluded.chat_model,
    transcription_provider = excluded.transcription_provider,
    allow_personal_keys = excluded.allow_personal_keys,
    version = ai_settings.version + 1, updated_at = excluded.updated_at;

-- name: credential_state_set
-- kind: exec
-- hot
-- in: workspace_id text, organization_id text, id text, secret_version int, state text, verified_at int?, now int
-- tenantless: names the row, and its organisation by the workspace
-- doc: Of the workspace's organisation, or of that one. Changes nothing when the state is that already, or the secret is another one by now.
UPDATE credentials SET state = :state, verified_at = :verified_at, checked_at = :now,
    version = version + 1, updated_at = :now
WHERE id = :id AND secret_version = :secret_version AND state <> :state
  AND organization_id IN (SELECT organization_id FROM workspaces WHERE id = :workspace_id
                          UNION ALL SELECT :organization_id);

-- name: credential_verified_again
-- kind: exec
-- hot
-- in: workspace_id text, organization_id text, id text, secret_version int, now int
-- tenantless: names the row, and its organisation by the workspace
-- doc: Of what is VERIFIED already: when it was so last, to ten seconds, so that many who verify do not fight for one row.
UPDATE credentials SET verified_at = :now, checked_at = :now
WHERE id = :id AND secret_version = :secret_version AND state = 'VERIFIED' AND COALESCE(verified_at, 0) < :now - 10000
  AND organization_id IN (SELECT organization_id FROM workspaces WHERE id = :workspace_id
                          UNION ALL SELECT :organization_id);

-- name: credential_checked
-- kind: exec
-- in: id text, secret_version int, now int
-- tenantless: the job that verifies goes over all tenants
UPDATE credentials SET checked_at = :now WHERE id = :id AND secret_version = :secret_version;

-- name: credential_to_check
-- kind: many
-- in: before int, limit int
-- out: organization_id text, tier text, owner_id text, provider text, id text, workspace_id text, state text, endpoint text?, agent_id text?, cf_client_id text?, secret blob?, secret_version int, secret_masked text?, cf_secret blob?, cf_secret_version int, cf_secret_masked text?, verified_at int?, version int, updated_at int
-- tenantless: the job that verifies goes over all tenants
SELECT organization_id, tier, owner_id, provider, id, workspace_id, state, endpoint, agent_id,
    cf_client_id, secret, secret_version, secret_masked, cf_secret, cf_secret_version,
    cf_secret_masked, verified_at, version, updated_at
FROM credentials WHERE checked_at < :before AND secret IS NOT NULL ORDER BY checked_at, id LIMIT :limit;

-- name: credential_to_check_count
-- kind: one
-- in: before int
-- out: remaining int
-- tenantless: the job that verifies goes over all tenants
SELECT count(*) FROM credentials WHERE checked_at < :before AND secret IS NOT NULL;

-- name: credential_policy
-- kind: one
-- in: workspace_id text
-- out: organization_id text, allow_personal_keys bool?
SELECT w.organization_id, s.allow_personal_keys FROM workspaces w
LEFT JOIN ai_settings s ON s.organization_id = w.organization_id AND s.tier = 'ORGANIZATION' AND s.owner_id = ''
WHERE w.id = :workspace_id;

-- name: credential_organization_role
-- kind: one
-- in: organization_id text, user_id text
-- out: role text
-- tenantless: of an organisation
SELECT m.role FROM organization_members m
JOIN organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL
WHERE m.organization_id = :organization_id AND m.user_id = :user_id;

-- name: credential_organization_workspace
-- kind: one
-- in: organization_id text, workspace_id text
-- out: id text
-- sorts: the workspaces of one organisation
-- doc: That workspace if it is the organisation's, else its first one: where events of the organisation stand.
SELECT id FROM workspaces WHERE organization_id = :organization_id AND deleted_at IS NULL
ORDER BY CASE WHEN id = :workspace_id THEN 0 ELSE 1 END, id LIMIT 1;

-- name: credential_lease_take
-- kind: exec
-- in: name text, value text, now int, before int
-- tenantless: one lease of the installation
INSERT INTO installation (name, value, updated_at) VALUES (:name, :value, :now)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
WHERE installation.updated_at < :before;

-- name: credential_lease_drop
-- kind: exec
-- in: name text, value text
-- tenantless: one lease of the installation
DELETE FROM installation WHERE name = :name AND value = :value;
