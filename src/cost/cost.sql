-- Money of AI. What is `hot` runs at READ COMMITTED on PostgreSQL: the cap is kept by one conditional
-- upsert on the month's row, a settlement by one conditional UPDATE on its reservation; the reads beside
-- them look at rows that only their own caller changes, or at rules of which any recent state will do.

-- ---- reserve ----

-- name: cost_reservation_get
-- kind: one
-- in: workspace_id text, id text
-- out: month int, cost_nanousd int, state text, settled_nanousd int, created_at int
-- hot
SELECT month, cost_nanousd, state, settled_nanousd, created_at
FROM reservations WHERE workspace_id = :workspace_id AND id = :id;

-- name: cost_reservation_insert
-- kind: exec
-- in: workspace_id text, id text, month int, cost_nanousd int, node_id text, run_id text?, now int, expires_at int, organization_id text, operation_type text, provider text, model text, key_source text, user_id text?, thread_id text?, agent_task_id text?, price_version text?
-- hot
INSERT INTO reservations (workspace_id, id, month, cost_nanousd, node_id, run_id, created_at, expires_at,
    organization_id, operation_type, provider, model, key_source, user_id, thread_id, agent_task_id,
    price_version)
VALUES (:workspace_id, :id, :month, :cost_nanousd, :node_id, :run_id, :now, :expires_at,
    :organization_id, :operation_type, :provider, :model, :key_source, :user_id, :thread_id,
    :agent_task_id, :price_version);

-- name: cost_budget_reserve
-- kind: exec
-- in: workspace_id text, month int, cost int, needed int, cap_default int, cap_none int, now int
-- hot
-- doc: The cap. No row is changed when `needed` does not fit under it; what needs nothing always fits.
INSERT INTO budgets (workspace_id, month, reserved_nanousd, updated_at)
SELECT :workspace_id, :month, :cost, :now
WHERE :needed <= COALESCE((SELECT COALESCE(r.cap_nanousd, :cap_none) FROM budget_rules r
                           WHERE r.workspace_id = :workspace_id), :cap_default)
ON CONFLICT (workspace_id, month) DO UPDATE
SET reserved_nanousd = budgets.reserved_nanousd + excluded.reserved_nanousd,
    updated_at = excluded.updated_at
WHERE :needed = 0
   OR budgets.spent_nanousd + budgets.reserved_nanousd + :needed
      <= COALESCE((SELECT COALESCE(r.cap_nanousd, :cap_none) FROM budget_rules r
                   WHERE r.workspace_id = :workspace_id), :cap_default);

-- name: cost_budget_get
-- kind: one
-- in: workspace_id text, month int
-- out: spent_nanousd int, reserved_nanousd int, calls int, warned_at int?, capped_at int?, version int
-- hot
SELECT spent_nanousd, reserved_nanousd, calls, warned_at, capped_at, version
FROM budgets WHERE workspace_id = :workspace_id AND month = :month;

-- name: cost_rule_get
-- kind: one
-- in: workspace_id text
-- out: cap_nanousd int?, warn_percent int, unpriced text, version int
-- hot
SELECT cap_nanousd, warn_percent, unpriced, version
FROM budget_rules WHERE workspace_id = :workspace_id;

-- name: cost_organization_of
-- kind: one
-- in: workspace_id text
-- out: organization_id text
-- hot
SELECT organization_id FROM workspaces WHERE id = :workspace_id;

-- ---- settle ----

-- name: cost_reservation_close
-- kind: exec
-- in: workspace_id text, id text, was text, state text, settled int, now int
-- hot
UPDATE reservations SET state = :state, settled_nanousd = :settled, closed_at = :now
WHERE workspace_id = :workspace_id AND id = :id AND state = :was;

-- name: cost_reservation_shrink
-- kind: exec
-- in: workspace_id text, id text, taken int
-- hot
UPDATE reservations SET cost_nanousd = cost_nanousd - :taken
WHERE workspace_id = :workspace_id AND id = :id AND state = 'OPEN' AND cost_nanousd >= :taken;

-- name: cost_reservation_swept_shrink
-- kind: exec
-- in: workspace_id text, id text, taken int
-- hot
UPDATE reservations SET settled_nanousd = settled_nanousd - :taken
WHERE workspace_id = :workspace_id AND id = :id AND state = 'SWEPT' AND settled_nanousd >= :taken;

-- name: cost_ledger_insert
-- kind: exec
-- in: workspace_id text, id text, organization_id text, created_at int, month int, operation_type text, provider text, model text, key_source text, user_id text?, thread_id text?, run_id text?, agent_task_id text?, attempt int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int, basis text, price_version text?, duration_ms int?, error text?
-- hot
-- doc: No row is added when there is one of that id: it is a repeat.
INSERT INTO ledger (workspace_id, id, organization_id, created_at, month, operation_type, provider, model,
    key_source, user_id, thread_id, run_id, agent_task_id, attempt, input_tokens, output_tokens,
    cache_read_tokens, cache_write_tokens, cost_nanousd, basis, price_version, duration_ms, error)
VALUES (:workspace_id, :id, :organization_id, :created_at, :month, :operation_type, :provider, :model,
    :key_source, :user_id, :thread_id, :run_id, :agent_task_id, :attempt, :input_tokens,
    :output_tokens, :cache_read_tokens, :cache_write_tokens, :cost_nanousd, :basis, :price_version,
    :duration_ms, :error)
ON CONFLICT DO NOTHING;

-- name: cost_ledger_cost
-- kind: one
-- in: workspace_id text, id text
-- out: cost_nanousd int
-- hot
SELECT cost_nanousd FROM ledger WHERE workspace_id = :workspace_id AND id = :id;

-- name: cost_budget_book
-- kind: one
-- in: workspace_id text, month int, spent int, released int, calls int, now int
-- out: spent_nanousd int, warned_at int?, capped_at int?
-- hot
INSERT INTO budgets (workspace_id, month, spent_nanousd, calls, updated_at)
VALUES (:workspace_id, :month, :spent, :calls, :now)
ON CONFLICT (workspace_id, month) DO UPDATE
SET spent_nanousd = budgets.spent_nanousd + :spent,
    reserved_nanousd = CASE WHEN budgets.reserved_nanousd < :released THEN 0
                            ELSE budgets.reserved_nanousd - :released END,
    calls = budgets.calls + :calls, updated_at = :now
RETURNING spent_nanousd, warned_at, capped_at;

-- name: cost_usage_add
-- kind: exec
-- in: workspace_id text, month int, day int, model text, user_id text, operation_type text, key_source text, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost int
-- hot
INSERT INTO usage_days (workspace_id, month, dimension, value, day, calls, unpriced, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, cost_nanousd)
VALUES
    (:workspace_id, :month, 'model', :model, :day, 1, :unpriced, :input_tokens, :output_tokens,
     :cache_read_tokens, :cache_write_tokens, :cost),
    (:workspace_id, :month, 'user', :user_id, :day, 1, :unpriced, :input_tokens, :output_tokens,
     :cache_read_tokens, :cache_write_tokens, :cost),
    (:workspace_id, :month, 'operation', :operation_type, :day, 1, :unpriced, :input_tokens,
     :output_tokens, :cache_read_tokens, :cache_write_tokens, :cost),
    (:workspace_id, :month, 'keySource', :key_source, :day, 1, :unpriced, :input_tokens,
     :output_tokens, :cache_read_tokens, :cache_write_tokens, :cost)
ON CONFLICT (workspace_id, month, dimension, value, day) DO UPDATE
SET calls = usage_days.calls + 1, unpriced = usage_days.unpriced + excluded.unpriced,
    input_tokens = usage_days.input_tokens + excluded.input_tokens,
    output_tokens = usage_days.output_tokens + excluded.output_tokens,
    cache_read_tokens = usage_days.cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = usage_days.cache_write_tokens + excluded.cache_write_tokens,
    cost_nanousd = usage_days.cost_nanousd + excluded.cost_nanousd;

-- name: cost_warned_set
-- kind: exec
-- in: workspace_id text, month int, now int
-- hot
UPDATE budgets SET warned_at = :now
WHERE workspace_id = :workspace_id AND month = :month AND warned_at IS NULL;

-- name: cost_capped_set
-- kind: exec
-- in: workspace_id text, month int, now int
-- hot
-- doc: With a row of its own for a month in which the first call was refused already.
INSERT INTO budgets (workspace_id, month, capped_at, updated_at)
VALUES (:workspace_id, :month, :now, :now)
ON CONFLICT (workspace_id, month) DO UPDATE SET capped_at = :now
WHERE budgets.capped_at IS NULL;

-- ---- sweep ----

-- name: cost_reservation_lost
-- kind: many
-- in: node_id text, now int, silent_before int, limit int
-- out: workspace_id text, id text, month int, cost_nanousd int, run_id text?, created_at int, organization_id text, operation_type text, provider text, model text, key_source text, user_id text?, thread_id text?, agent_task_id text?, price_version text?
-- scan: reservations_open holds open calls only
-- tenantless: the sweep serves every workspace
-- doc: In the order in which their months' rows are locked.
SELECT r.workspace_id, r.id, r.month, r.cost_nanousd, r.run_id, r.created_at, r.organization_id,
    r.operation_type, r.provider, r.model, r.key_source, r.user_id, r.thread_id, r.agent_task_id,
    r.price_version
FROM reservations r LEFT JOIN nodes n ON n.id = r.node_id
WHERE r.state = 'OPEN'
  AND (r.expires_at < :now
       OR (r.node_id <> :node_id AND r.created_at < :silent_before
           AND (n.id IS NULL OR n.heartbeat_at < :silent_before)))
ORDER BY r.workspace_id, r.month, r.id LIMIT :limit;

-- ---- prices ----

-- name: cost_price_find
-- kind: many
-- in: organization_id text, provider text, model text, base text
-- out: model text, provider text, input int, output int, cache_read int, cache_write int, per_minute int
-- hot
-- doc: At most four: of the model or its base name, of the provider or of any.
SELECT model, provider, input, output, cache_read, cache_write, per_minute
FROM price_overrides
WHERE organization_id = :organization_id AND model IN (:model, :base) AND provider IN (:provider, '');
