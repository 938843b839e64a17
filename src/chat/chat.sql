-- Threads and their messages. A thread is its user's alone; clients name threads and messages by ids of
-- their own. What changes rows here is one row by its key, judged by how many it changed, and runs at
-- READ COMMITTED on PostgreSQL: the thread's row is changed first and orders all that follows.

-- name: chat_thread_find
-- kind: one
-- in: user_id text, client_id text
-- out: workspace_id text, id text, client_id text, title text, archived bool, message_count int, last_message_at int?, activity_at int, active_run_id text?, version int, created_at int, updated_at int, deleted_at int?
-- tenantless: a client's id is unique for a user, whatever the workspace
SELECT workspace_id, id, client_id, title, archived, message_count, last_message_at, activity_at, active_run_id, version,
    created_at, updated_at, deleted_at
FROM threads WHERE user_id = :user_id AND client_id = :client_id;

-- name: chat_thread_insert
-- kind: exec
-- hot
-- in: workspace_id text, id text, user_id text, client_id text, title text, title_key text, title_by text, now int
INSERT INTO threads (workspace_id, id, user_id, client_id, title, title_key, title_by, activity_at, created_at, updated_at,
    created_by)
VALUES (:workspace_id, :id, :user_id, :client_id, :title, :title_key, :title_by, :now, :now, :now, :user_id);

-- name: chat_thread_begin
-- kind: exec
-- hot
-- in: workspace_id text, id text, run_id text, added int, title text, title_key text, now int
-- doc: Takes the thread for a run; nothing is changed when it has one, or is gone.
UPDATE threads SET active_run_id = :run_id, message_count = message_count + :added, last_message_at = :now,
    title = CASE WHEN title_by = 'NONE' AND :title <> '' THEN :title ELSE title END,
    title_key = CASE WHEN title_by = 'NONE' AND :title <> '' THEN :title_key ELSE title_key END,
    title_by = CASE WHEN title_by = 'NONE' AND :title <> '' THEN 'FIRST' ELSE title_by END,
    activity_at = :now, updated_at = :now, version = version + 1
WHERE workspace_id = :workspace_id AND id = :id AND active_run_id IS NULL AND deleted_at IS NULL;

-- name: chat_thread_end
-- kind: exec
-- hot
-- in: workspace_id text, id text, run_id text, added int, now int
UPDATE threads SET active_run_id = NULL, message_count = message_count + :added, last_message_at = :now,
    activity_at = :now, updated_at = :now, version = version + 1
WHERE workspace_id = :workspace_id AND id = :id AND active_run_id = :run_id;

-- name: chat_thread_touch
-- kind: exec
-- hot
-- in: workspace_id text, id text, added int, title text, title_key text, now int
-- doc: Messages that the client brings; not while a run writes.
UPDATE threads SET message_count = message_count + :added, last_message_at = :now,
    title = CASE WHEN title_by = 'NONE' AND :title <> '' THEN :title ELSE title END,
    title_key = CASE WHEN title_by = 'NONE' AND :title <> '' THEN :title_key ELSE title_key END,
    title_by = CASE WHEN title_by = 'NONE' AND :title <> '' THEN 'FIRST' ELSE title_by END,
    activity_at = :now, updated_at = :now, version = version + 1
WHERE workspace_id = :workspace_id AND id = :id AND active_run_id IS NULL AND deleted_at IS NULL;

-- name: chat_thread_list
-- kind: many
-- in: workspace_id text, user_id text, archived int, q text, before_at int, before_id text, scan int, limit int
-- out: id text, client_id text, title text, archived bool, message_count int, last_message_at int?, activity_at int, active_run_id text?, version int, created_at int, updated_at int
-- doc: Looks at no more than `scan` threads, however few of them fit. SQLite takes rows in the order of the inner query, and would sort them all if told to.
SELECT id, client_id, title, archived, message_count, last_message_at, activity_at, active_run_id, version, created_at,
    updated_at
FROM (SELECT id, client_id, title, title_key, archived, message_count, last_message_at, activity_at, active_run_id, version,
          created_at, updated_at
      FROM threads
      WHERE workspace_id = :workspace_id AND user_id = :user_id AND archived = :archived AND deleted_at IS NULL
        AND (activity_at, id) < (:before_at, :before_id)
      ORDER BY activity_at DESC, id DESC LIMIT :scan) AS recent
-- sqlite:
WHERE instr(title_key, :q) > 0
LIMIT :limit;
-- pgsql:
WHERE strpos(title_key, :q) > 0
ORDER BY activity_at DESC, id DESC LIMIT :limit;

-- name: chat_thread_edge
-- kind: one
-- in: workspace_id text, user_id text, archived int, before_at int, before_id text, skip int
-- out: activity_at int, id text
-- doc: The last thread that chat_thread_list looked at, when it did not look at all.
SELECT activity_at, id FROM threads
WHERE workspace_id = :workspace_id AND user_id = :user_id AND archived = :archived AND deleted_at IS NULL
  AND (activity_at, id) < (:before_at, :before_id)
ORDER BY activity_at DESC, id DESC LIMIT 1 OFFSET :skip;

-- name: chat_thread_set
-- kind: exec
-- in: workspace_id text, id text, version int?, title text?, title_key text?, archived int?, now int
UPDATE threads SET title = COALESCE(:title, title), title_key = COALESCE(:title_key, title_key),
    title_by = CASE WHEN :title IS NULL THEN title_by ELSE 'USER' END,
    archived = COALESCE(:archived, archived), version = version + 1, updated_at = :now
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NULL
  AND (:version IS NULL OR version = :version);

-- name: chat_thread_bury
-- kind: exec
-- in: workspace_id text, id text, now int
-- doc: A tombstone; the client's id stays taken until the purge.
UPDATE threads SET deleted_at = :now, active_run_id = NULL, version = version + 1, updated_at = :now
WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NULL;

-- name: chat_thread_purge
-- kind: exec
-- in: workspace_id text, id text
DELETE FROM threads WHERE workspace_id = :workspace_id AND id = :id AND deleted_at IS NOT NULL;

-- name: chat_message_runs_purge
-- kind: exec
-- in: workspace_id text, thread_id text, limit int
-- doc: The runs of the oldest messages of a thread; before chat_message_purge.
DELETE FROM runs WHERE workspace_id = :workspace_id AND id IN
    (SELECT m.run_id FROM (SELECT run_id FROM messages WHERE workspace_id = :workspace_id AND thread_id = :thread_id
                           ORDER BY seq LIMIT :limit) m WHERE m.run_id IS NOT NULL);

-- name: chat_message_purge
-- kind: exec
-- in: workspace_id text, thread_id text, limit int
-- doc: The oldest messages of a thread, `limit` at most.
DELETE FROM messages WHERE workspace_id = :workspace_id AND thread_id = :thread_id AND seq <=
    (SELECT MAX(m.seq) FROM (SELECT seq FROM messages WHERE workspace_id = :workspace_id AND thread_id = :thread_id
                             ORDER BY seq LIMIT :limit) m);

-- name: chat_message_insert
-- kind: exec
-- hot
-- in: workspace_id text, thread_id text, id text, client_id text, role text, parts text, content text, provider_data text?, run_id text?, usage text?, status text?, user_id text?, now int
-- doc: At the thread's end. Its row has been changed before in the same transaction.
INSERT INTO messages (workspace_id, thread_id, seq, id, client_id, role, parts, content, provider_data, run_id, usage, status,
    created_at, updated_at, created_by)
VALUES (:workspace_id, :thread_id,
    (SELECT COALESCE(MAX(seq), 0) + 1 FROM messages WHERE workspace_id = :workspace_id AND thread_id = :thread_id),
    :id, :client_id, :role, :parts, :content, :provider_data, :run_id, :usage, :status, :now, :now, :user_id);

-- name: chat_message_set
-- kind: exec
-- hot
-- in: workspace_id text, thread_id text, client_id text, parts text, content text, provider_data text?, usage text?, status text?, now int
UPDATE messages SET parts = :parts, content = :content, provider_data = :provider_data,
    usage = COALESCE(:usage, usage), status = :status, version = version + 1, updated_at = :now
WHERE workspace_id = :workspace_id AND thread_id = :thread_id AND client_id = :client_id;

-- name: chat_message_run_set
-- kind: exec
-- hot
-- in: workspace_id text, thread_id text, seq int, run_id text
-- doc: A question that is answered anew.
UPDATE messages SET run_id = :run_id WHERE workspace_id = :workspace_id AND thread_id = :thread_id AND seq = :seq;

-- name: chat_message_supersede
-- kind: exec
-- hot
-- in: workspace_id text, thread_id text, seq int, now int
UPDATE messages SET superseded_at = :now, updated_at = :now
WHERE workspace_id = :workspace_id AND thread_id = :thread_id AND seq >= :seq AND superseded_at IS NULL;

-- name: chat_message_find
-- kind: one
-- in: workspace_id text, thread_id text, client_id text
-- out: seq int, id text, client_id text, role text, parts text, content text, provider_data text?, run_id text?, usage text?, status text?, created_at int, superseded_at int?
SELECT seq, id, client_id, role, parts, content, provider_data, run_id, usage, status, created_at, superseded_at
FROM messages WHERE workspace_id = :workspace_id AND thread_id = :thread_id AND client_id = :client_id;

-- name: chat_message_last
-- kind: many
-- in: workspace_id text, thread_id text, before int, limit int
-- out: seq int, id text, client_id text, role text, parts text, content text, provider_data text?, run_id text?, usage text?, status text?, created_at int
-- doc: Newest first, without what was superseded.
SELECT seq, id, client_id, role, parts, content, provider_data, run_id, usage, status, created_at
FROM messages WHERE workspace_id = :workspace_id AND thread_id = :thread_id AND seq < :before AND superseded_at IS NULL
ORDER BY seq DESC LIMIT :limit;

-- name: chat_message_of_run
-- kind: one
-- in: workspace_id text, thread_id text, run_id text
-- out: client_id text, parts text, usage text?, status text?
-- doc: The answer of a run, when it has ended and was not superseded.
SELECT client_id, parts, usage, status FROM messages
WHERE workspace_id = :workspace_id AND thread_id = :thread_id AND role = 'assistant' AND run_id = :run_id
  AND superseded_at IS NULL
ORDER BY seq DESC LIMIT 1;

-- name: chat_run_deny
-- kind: exec
-- hot
-- in: workspace_id text, id text, now int
-- doc: A run that waited, when its user asks something else.
UPDATE runs SET state = 'STOPPED', reason = 'user', epoch = epoch + 1, version = version + 1, updated_at = :now, finished_at = :now
WHERE workspace_id = :workspace_id AND id = :id AND state = 'AWAITING';

-- name: chat_workspace
-- kind: one
-- in: workspace_id text
-- out: name text, time_zone text, organization_name text
SELECT w.name, w.time_zone, o.name AS organization_name
FROM workspaces w JOIN organizations o ON o.id = w.organization_id WHERE w.id = :workspace_id;

-- name: chat_copy_messages
-- kind: exec
-- in: workspace_id text, from_id text, to_id text, prefix text, until int, now int
-- doc: A branch: what stands up to `until`, under ids of its own.
INSERT INTO messages (workspace_id, thread_id, seq, id, client_id, role, parts, content, provider_data, usage, status,
    created_at, updated_at, created_by)
SELECT workspace_id, :to_id, seq, :prefix || seq, client_id, role, parts, content, provider_data, usage, status, created_at,
    :now, created_by
FROM messages WHERE workspace_id = :workspace_id AND thread_id = :from_id AND seq <= :until AND superseded_at IS NULL;
