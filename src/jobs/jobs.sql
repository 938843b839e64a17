-- Jobs: leases are conditional UPDATEs judged by affected rows; (id, epoch) tells a late finish.

-- name: job_insert
-- kind: exec
-- in: id text, workspace_id text, kind text, payload text, unique_key text?, priority int, run_at int, attempts_max int, now int, created_by text?
-- hot
INSERT INTO jobs (id, workspace_id, kind, payload, unique_key, state, priority, run_at, attempts_max,
                  created_at, updated_at, created_by)
VALUES (:id, :workspace_id, :kind, :payload, :unique_key, 'READY', :priority, :run_at, :attempts_max,
        :now, :now, :created_by)
ON CONFLICT DO NOTHING;

-- name: job_take
-- kind: many
-- in: now int, node_id text, kinds text, lease_until int, limit int
-- out: id text, workspace_id text, kind text, payload text, created_by text?, attempt int, attempts_max int, epoch int
-- hot
-- tenantless: the runner serves every workspace
UPDATE jobs SET state = 'LEASED', attempt = attempt + 1, epoch = epoch + 1, node_id = :node_id,
    lease_until = :lease_until, updated_at = :now
-- sqlite:
WHERE id IN (SELECT id FROM jobs
             WHERE state = 'READY' AND run_at <= :now AND instr(:kinds, ',' || kind || ',') > 0
             ORDER BY priority DESC, run_at, id LIMIT :limit)
-- pgsql:
WHERE id = ANY (ARRAY(SELECT id FROM jobs
                      WHERE state = 'READY' AND run_at <= :now AND strpos(:kinds, ',' || kind || ',') > 0
                      ORDER BY priority DESC, run_at, id LIMIT :limit
                      FOR UPDATE SKIP LOCKED))
-- both:
RETURNING id, workspace_id, kind, payload, created_by, attempt, attempts_max, epoch;

-- name: job_set_done
-- kind: exec
-- in: id text, epoch int, now int
-- hot
-- tenantless: the lease names the row
UPDATE jobs SET state = 'DONE', finished_at = :now, updated_at = :now, lease_until = NULL,
    last_error = NULL
WHERE id = :id AND epoch = :epoch AND state IN ('LEASED', 'DONE');

-- name: job_set_failed
-- kind: exec
-- in: id text, epoch int, now int, run_at int, error text
-- hot
-- tenantless: the lease names the row
UPDATE jobs SET state = CASE WHEN attempt >= attempts_max THEN 'DEAD' ELSE 'READY' END,
    finished_at = CASE WHEN attempt >= attempts_max THEN :now END,
    run_at = :run_at, last_error = :error, node_id = NULL, lease_until = NULL, updated_at = :now
WHERE id = :id AND epoch = :epoch AND state = 'LEASED';

-- name: job_set_ready
-- kind: exec
-- in: id text, epoch int, now int, run_at int
-- hot
-- tenantless: the lease names the row
UPDATE jobs SET state = 'READY', attempt = attempt - 1, run_at = :run_at, node_id = NULL,
    lease_until = NULL, updated_at = :now
WHERE id = :id AND epoch = :epoch AND state = 'LEASED';

-- name: job_set_lease
-- kind: exec
-- in: id text, epoch int, now int, lease_until int
-- hot
-- tenantless: the lease names the row
UPDATE jobs SET lease_until = :lease_until, updated_at = :now
WHERE id = :id AND epoch = :epoch AND state = 'LEASED';

-- name: job_set_progress
-- kind: exec
-- in: id text, epoch int, now int, progress text
-- hot
-- tenantless: the lease names the row
UPDATE jobs SET progress = :progress, updated_at = :now
WHERE id = :id AND epoch = :epoch AND state = 'LEASED';

-- name: job_set_expired
-- kind: exec
-- in: now int, limit int
-- hot
-- tenantless: the runner serves every workspace
UPDATE jobs SET state = CASE WHEN attempt >= attempts_max THEN 'DEAD' ELSE 'READY' END,
    finished_at = CASE WHEN attempt >= attempts_max THEN :now END,
    run_at = :now, last_error = 'the lease ran out: the process that ran it was lost',
    node_id = NULL, lease_until = NULL, updated_at = :now
-- sqlite:
WHERE id IN (SELECT id FROM jobs WHERE state = 'LEASED' AND lease_until < :now
             ORDER BY lease_until LIMIT :limit);
-- pgsql:
WHERE id = ANY (ARRAY(SELECT id FROM jobs WHERE state = 'LEASED' AND lease_until < :now
                      ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED));

-- name: job_next_lease
-- kind: one
-- out: at int?
-- tenantless: the runner serves every workspace
-- doc: When the next lease ends.
SELECT min(lease_until) FROM jobs WHERE state = 'LEASED';

-- name: job_next_ready
-- kind: one
-- in: kinds text
-- out: at int?
-- scan: jobs_ready holds open jobs only
-- tenantless: the runner serves every workspace
-- doc: When the next job is due.
SELECT min(run_at) FROM jobs
-- sqlite:
WHERE state = 'READY' AND instr(:kinds, ',' || kind || ',') > 0;
-- pgsql:
WHERE state = 'READY' AND strpos(:kinds, ',' || kind || ',') > 0;

-- name: job_list
-- kind: many
-- in: workspace_id text, state text, before_id text, limit int
-- out: id text, kind text, state text, priority int, run_at int, attempt int, attempts_max int, progress text?, last_error text?, created_at int, updated_at int, created_by text?, finished_at int?
SELECT id, kind, state, priority, run_at, attempt, attempts_max, progress, last_error, created_at,
    updated_at, created_by, finished_at
FROM jobs
WHERE workspace_id = :workspace_id AND state = :state AND id < :before_id
ORDER BY id DESC LIMIT :limit;

-- name: job_get
-- kind: one
-- in: workspace_id text, id text
-- out: id text, kind text, state text, priority int, run_at int, attempt int, attempts_max int, progress text?, last_error text?, created_at int, updated_at int, created_by text?, finished_at int?
SELECT id, kind, state, priority, run_at, attempt, attempts_max, progress, last_error, created_at,
    updated_at, created_by, finished_at
FROM jobs WHERE id = :id AND workspace_id = :workspace_id;

-- name: job_revive
-- kind: exec
-- in: workspace_id text, id text, now int
UPDATE jobs SET state = 'READY', run_at = :now, attempt = 0, finished_at = NULL, updated_at = :now
WHERE id = :id AND workspace_id = :workspace_id AND state = 'DEAD';

-- ---- retention: slices of mechanism tables, oldest first ----

-- name: job_purge_jobs
-- kind: exec
-- in: done_before int, dead_before int, limit int
-- tenantless: retention of the whole installation
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs
    WHERE finished_at IS NOT NULL AND finished_at < :done_before
      AND (state = 'DONE' OR finished_at < :dead_before)
    ORDER BY finished_at LIMIT :limit);

-- name: job_purge_idempotency
-- kind: exec
-- in: before int, limit int
-- tenantless: retention of the whole installation
DELETE FROM idempotency WHERE (principal, key) IN (
    SELECT principal, key FROM idempotency WHERE created_at < :before ORDER BY created_at
    LIMIT :limit);

-- name: job_purge_sessions
-- kind: exec
-- in: before int, limit int
-- tenantless: retention of the whole installation
DELETE FROM sessions WHERE id IN (
    SELECT id FROM sessions WHERE expires_at < :before ORDER BY expires_at LIMIT :limit);

-- name: job_purge_rate_slices
-- kind: exec
-- in: before int, limit int
-- tenantless: retention of the whole installation
DELETE FROM rate_slices WHERE (scope, window_start) IN (
    SELECT scope, window_start FROM rate_slices WHERE window_start < :before ORDER BY window_start
    LIMIT :limit);

-- name: job_purge_invites
-- kind: exec
-- in: before int, limit int
-- tenantless: retention of the whole installation
DELETE FROM invites WHERE token_hash IN (
    SELECT token_hash FROM invites WHERE expires_at < :before ORDER BY expires_at LIMIT :limit);

-- name: job_purge_runs
-- kind: exec
-- in: before int, limit int
-- doc: Those of a thread go with it.
-- tenantless: retention of the whole installation
DELETE FROM runs WHERE (workspace_id, id) IN (
    SELECT workspace_id, id FROM runs WHERE thread_id IS NULL AND finished_at < :before ORDER BY finished_at
    LIMIT :limit);
