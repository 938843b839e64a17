--Organisations, workspaces,
    people's places in them, and addons.

    --name : organization_count-- kind : one-- out : organizations int --scan
    : it is asked once,
      at installation,
      when there is none or one SELECT count(*) AS organizations FROM organizations;

--name : organization_insert-- kind : exec-- in : id text, name text, now int,
    created_by text ? INSERT INTO organizations(id, name, created_at, updated_at, created_by)
                          VALUES(
                              : id,
                              : name,
                              : now,
                              : now,
                              : created_by);

--name : workspace_insert-- kind : exec-- in : id text, organization_id text, name text,
    time_zone text, now int,
    created_by text ? INSERT INTO workspaces(id, organization_id, name, time_zone, created_at,
                                             updated_at, created_by)
                          VALUES(
                              : id,
                              : organization_id,
                              : name,
                              : time_zone,
                              : now,
                              : now,
                              : created_by);

--name : organization_member_insert-- kind : exec-- in : organization_id text, user_id text,
    role text, now int,
    created_by text ? INSERT INTO organization_members(organization_id, user_id, role, created_at,
                                                       updated_at, created_by)
                          VALUES(
                              : organization_id,
                              : user_id,
                              : role,
                              : now,
                              : now,
                              : created_by);

--name : workspace_member_insert-- kind : exec-- in : workspace_id text, user_id text, role text,
    now int,
    created_by text
    ? INSERT INTO workspace_members(workspace_id, user_id, role, created_at, updated_at, created_by)
          VALUES(
              : workspace_id,
              : user_id,
              : role,
              : now,
              : now,
              : created_by);

--name : workspace_get-- kind : one-- in : workspace_id text-- out : id text, organization_id text,
    name text, time_zone text, organization_name text SELECT w.id, w.organization_id, w.name,
    w.time_zone,
    o.name AS organization_name FROM workspaces w JOIN organizations o ON o.id =
        w.organization_id WHERE w.id = : workspace_id AND w.deleted_at IS NULL;

--name : workspace_first-- kind : one-- out : id text,
    organization_id text-- tenantless : the
                                        operator's own choice, when no workspace is named -- scan
    : the first by id SELECT id,
      organization_id FROM workspaces WHERE deleted_at IS NULL ORDER BY id LIMIT 1;

--name : workspace_owner-- kind : one-- in : workspace_id text-- out
    : user_id text SELECT m.user_id FROM workspace_members m WHERE m.workspace_id =
    : workspace_id AND m.role = 'OWNER' ORDER BY m.user_id LIMIT 1;

--name : workspaces_of_user-- kind : many-- in : user_id text-- out : id text, name text,
    organization_id text,
    workspace_role text
    ?,
    organization_role text ? --tenantless
                           : across the workspaces that the user may enter SELECT w.id,
    w.name, w.organization_id, m.role AS workspace_role,
    om.role AS organization_role FROM workspaces w LEFT JOIN workspace_members m ON m.workspace_id =
        w.id AND m.user_id =
    : user_id LEFT JOIN organization_members om ON om.organization_id =
          w.organization_id AND om.user_id =
              : user_id WHERE
                    w.deleted_at IS NULL
                    AND(w.id IN(SELECT workspace_id FROM workspace_members WHERE user_id =
                                    : user_id)
                            OR w.organization_id IN(
                                SELECT organization_id FROM organization_members WHERE user_id =
                                    : user_id AND role IN('OWNER', 'ADMIN')))
                        ORDER BY w.id LIMIT 1000;

--name : addon_get-- kind : one-- in : workspace_id text, addon text-- out
    : status text SELECT status FROM addons WHERE workspace_id = : workspace_id AND addon = : addon;

--name : addon_insert-- kind : exec-- in : workspace_id text, addon text, now int,
    created_by text
    ? INSERT INTO addons(workspace_id, addon, status, created_at, updated_at, created_by) VALUES(
          : workspace_id,
          : addon, 'ACTIVE',
          : now,
          : now,
          : created_by);

--name : user_set_workspace-- kind : exec-- in : user_id text, workspace_id text,
    now int UPDATE users SET workspace_id = : workspace_id, version = version + 1,
                             updated_at = : now WHERE id = : user_id;
