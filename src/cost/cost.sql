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
-- sorts: equal times only
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

-- name: cost_reservation_of_run
-- kind: many
-- in: workspace_id text, run_id text
-- out: workspace_id text, id text, month int, cost_nanousd int, run_id text?, created_at int, organization_id text, operation_type text, provider text, model text, key_source text, user_id text?, thread_id text?, agent_task_id text?, price_version text?
-- sorts: the reservations of one run
-- doc: Open calls of one run, among the workspace's few open calls.
SELECT workspace_id, id, month, cost_nanousd, run_id, created_at, organization_id, operation_type, provider, model,
    key_source, user_id, thread_id, agent_task_id, price_version
FROM reservations WHERE workspace_id = :workspace_id AND run_id = :run_id AND state = 'OPEN' ORDER BY month, id;

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

-- name: cost_price_overrides
-- kind: many
-- in: organization_id text, limit int
-- out: model text, provider text, input int, output int, cache_read int, cache_write int, per_minute int, version int, updated_at int
SELECT model, provider, input, output, cache_read, cache_write, per_minute, version, updated_at
FROM price_overrides WHERE organization_id = :organization_id
ORDER BY model, provider LIMIT :limit;

-- name: cost_price_override_count
-- kind: one
-- in: organization_id text
-- out: overrides int
SELECT count(*) FROM price_overrides WHERE organization_id = :organization_id;

-- name: cost_price_put
-- kind: exec
-- in: organization_id text, model text, provider text, input int, output int, cache_read int, cache_write int, per_minute int, now int, user_id text?
INSERT INTO price_overrides (organization_id, model, provider, input, output, cache_read, cache_write,
    per_minute, created_at, updated_at, created_by)
VALUES (:organization_id, :model, :provider, :input, :output, :cache_read, :cache_write, :per_minute,
    :now, :now, :user_id)
ON CONFLICT (organization_id, model, provider) DO UPDATE
SET input = excluded.input, output = excluded.output, cache_read = excluded.cache_read,
    cache_write = excluded.cache_write, per_minute = excluded.per_minute,
    version = price_overrides.version + 1, updated_at = excluded.updated_at;

-- name: cost_price_delete
-- kind: exec
-- in: organization_id text, model text, provider text
DELETE FROM price_overrides
WHERE organization_id = :organization_id AND model = :model AND provider = :provider;

-- ---- rules ----

-- name: cost_rule_put
-- kind: exec
-- in: workspace_id text, cap_nanousd int?, warn_percent int, unpriced text, seen int, now int, user_id text?
-- doc: `seen`: the version that is changed; 0: there is none yet.
INSERT INTO budget_rules (workspace_id, cap_nanousd, warn_percent, unpriced, created_at, updated_at,
    created_by)
VALUES (:workspace_id, :cap_nanousd, :warn_percent, :unpriced, :now, :now, :user_id)
ON CONFLICT (workspace_id) DO UPDATE
SET cap_nanousd = excluded.cap_nanousd, warn_percent = excluded.warn_percent,
    unpriced = excluded.unpriced, version = budget_rules.version + 1, updated_at = excluded.updated_at
WHERE budget_rules.version = :seen;

-- name: cost_notices_reset
-- kind: exec
-- in: workspace_id text, month int, warn_at int, cap int
-- doc: What a new rule has not reached yet is announced again when it does.
UPDATE budgets SET warned_at = CASE WHEN spent_nanousd < :warn_at THEN NULL ELSE warned_at END,
    capped_at = CASE WHEN spent_nanousd < :cap THEN NULL ELSE capped_at END
WHERE workspace_id = :workspace_id AND month = :month;

-- ---- usage ----

-- name: cost_ledger_page
-- kind: many
-- in: workspace_id text, from_month int, from_at int, before_month int, before_at int, before_id text, provider text?, model text?, user_id text?, operation_type text?, key_source text?, basis text?, agent_task_id text?, thread_id text?, unpriced int, scan int, limit int
-- out: id text, created_at int, month int, operation_type text, provider text, model text, key_source text, user_id text?, user_name text?, thread_id text?, run_id text?, agent_task_id text?, attempt int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int, basis text, price_version text?, duration_ms int?, error text?
-- doc: Looks at no more than `scan` rows, however few of them fit. SQLite takes them in the order of the inner query, and would sort them all if told to. `unpriced`: 0 priced ones only, 1 unpriced ones only, 2 all.
SELECT id, created_at, month, operation_type, provider, model, key_source, user_id,
    (SELECT u.name FROM users u WHERE u.id = recent.user_id), thread_id, run_id, agent_task_id,
    attempt, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_nanousd,
    basis, price_version, duration_ms, error
FROM (SELECT * FROM ledger
      WHERE workspace_id = :workspace_id AND (month, created_at) >= (:from_month, :from_at)
        AND (month, created_at, id) < (:before_month, :before_at, :before_id)
      ORDER BY month DESC, created_at DESC, id DESC LIMIT :scan) AS recent
WHERE (:provider IS NULL OR provider = :provider)
  AND (:model IS NULL OR model = :model)
  AND (:user_id IS NULL OR COALESCE(user_id, '') = :user_id)
  AND (:operation_type IS NULL OR operation_type = :operation_type)
  AND (:key_source IS NULL OR key_source = :key_source)
  AND (:basis IS NULL OR basis = :basis)
  AND (:agent_task_id IS NULL OR agent_task_id = :agent_task_id)
  AND (:thread_id IS NULL OR thread_id = :thread_id)
  AND (:unpriced = 2 OR (:unpriced = 1 AND price_version IS NULL)
       OR (:unpriced = 0 AND price_version IS NOT NULL))
-- sqlite:
LIMIT :limit;
-- pgsql:
ORDER BY month DESC, created_at DESC, id DESC LIMIT :limit;

-- name: cost_ledger_edge
-- kind: one
-- in: workspace_id text, from_month int, from_at int, before_month int, before_at int, before_id text, skip int
-- out: month int, created_at int, id text
-- doc: The last row that cost_ledger_page looked at, when it did not look at all.
SELECT month, created_at, id FROM ledger
WHERE workspace_id = :workspace_id AND (month, created_at) >= (:from_month, :from_at)
  AND (month, created_at, id) < (:before_month, :before_at, :before_id)
ORDER BY month DESC, created_at DESC, id DESC LIMIT 1 OFFSET :skip;

-- name: cost_usage_values
-- kind: many
-- in: workspace_id text, month int, dimension text, limit int
-- out: value text, name text?, calls int, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int
-- sorts: sums, of which there are as many as models or people
-- doc: The dearest first; users with their names.
SELECT s.value, u.name, s.calls, s.unpriced, s.input_tokens, s.output_tokens, s.cache_read_tokens,
    s.cache_write_tokens, s.cost_nanousd
FROM (SELECT value, CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(unpriced) AS BIGINT) AS unpriced,
          CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
          CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
          CAST(SUM(cache_read_tokens) AS BIGINT) AS cache_read_tokens,
          CAST(SUM(cache_write_tokens) AS BIGINT) AS cache_write_tokens,
          CAST(SUM(cost_nanousd) AS BIGINT) AS cost_nanousd
      FROM usage_days
      WHERE workspace_id = :workspace_id AND month = :month AND dimension = :dimension
      GROUP BY value ORDER BY cost_nanousd DESC, value LIMIT :limit) AS s
LEFT JOIN users u ON :dimension = 'user' AND u.id = s.value
ORDER BY s.cost_nanousd DESC, s.value;

-- name: cost_usage_days_of
-- kind: many
-- in: workspace_id text, month int, dimension text, value text
-- out: day int, calls int, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int
SELECT day, calls, unpriced, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    cost_nanousd
FROM usage_days
WHERE workspace_id = :workspace_id AND month = :month AND dimension = :dimension AND value = :value
ORDER BY day;

-- name: cost_usage_by_day
-- kind: many
-- in: workspace_id text, month int
-- out: day int, calls int, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int
-- doc: Every call has an operation.
SELECT day, CAST(SUM(calls) AS BIGINT), CAST(SUM(unpriced) AS BIGINT),
    CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT),
    CAST(SUM(cache_read_tokens) AS BIGINT), CAST(SUM(cache_write_tokens) AS BIGINT),
    CAST(SUM(cost_nanousd) AS BIGINT)
FROM usage_days
WHERE workspace_id = :workspace_id AND month = :month AND dimension = 'operation'
GROUP BY day ORDER BY day;

-- ---- reconcile ----

-- name: cost_ledger_sum
-- kind: one
-- in: workspace_id text, month int
-- out: calls int, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int
SELECT count(*),
    CAST(COALESCE(SUM(CASE WHEN price_version IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT),
    CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT), CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT),
    CAST(COALESCE(SUM(cache_read_tokens), 0) AS BIGINT),
    CAST(COALESCE(SUM(cache_write_tokens), 0) AS BIGINT),
    CAST(COALESCE(SUM(cost_nanousd), 0) AS BIGINT)
FROM ledger WHERE workspace_id = :workspace_id AND month = :month;

-- name: cost_reserved_sum
-- kind: one
-- in: workspace_id text, month int
-- out: cost_nanousd int
SELECT CAST(COALESCE(SUM(cost_nanousd), 0) AS BIGINT)
FROM reservations WHERE workspace_id = :workspace_id AND month = :month AND state = 'OPEN';

-- name: cost_usage_sum
-- kind: one
-- in: workspace_id text, month int, dimension text
-- out: calls int, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int
SELECT CAST(COALESCE(SUM(calls), 0) AS BIGINT), CAST(COALESCE(SUM(unpriced), 0) AS BIGINT),
    CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT), CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT),
    CAST(COALESCE(SUM(cache_read_tokens), 0) AS BIGINT),
    CAST(COALESCE(SUM(cache_write_tokens), 0) AS BIGINT),
    CAST(COALESCE(SUM(cost_nanousd), 0) AS BIGINT)
FROM usage_days WHERE workspace_id = :workspace_id AND month = :month AND dimension = :dimension;

-- name: cost_usage_diff
-- kind: many
-- in: workspace_id text, month int, dimension text, first_day int, last_day int, limit int
-- out: value text, day int, calls int, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int
-- doc: What the roll-up of a dimension lacks against the ledger; negative: what it has too much.
SELECT value, day, CAST(SUM(calls) AS BIGINT), CAST(SUM(unpriced) AS BIGINT),
    CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT),
    CAST(SUM(cache_read_tokens) AS BIGINT), CAST(SUM(cache_write_tokens) AS BIGINT),
    CAST(SUM(cost_nanousd) AS BIGINT)
FROM (SELECT CASE :dimension WHEN 'model' THEN provider || '/' || model
                             WHEN 'user' THEN COALESCE(user_id, '')
                             WHEN 'operation' THEN operation_type
                             ELSE key_source END AS value,
          CASE WHEN created_at / 86400000 < :first_day THEN :first_day
               WHEN created_at / 86400000 > :last_day THEN :last_day
               ELSE created_at / 86400000 END AS day,
          1 AS calls, CASE WHEN price_version IS NULL THEN 1 ELSE 0 END AS unpriced, input_tokens,
          output_tokens, cache_read_tokens, cache_write_tokens, cost_nanousd
      FROM ledger WHERE workspace_id = :workspace_id AND month = :month
      UNION ALL
      SELECT value, day, -calls, -unpriced, -input_tokens, -output_tokens, -cache_read_tokens,
          -cache_write_tokens, -cost_nanousd
      FROM usage_days
      WHERE workspace_id = :workspace_id AND month = :month AND dimension = :dimension) AS both_sides
GROUP BY value, day
HAVING SUM(calls) <> 0 OR SUM(unpriced) <> 0 OR SUM(input_tokens) <> 0 OR SUM(output_tokens) <> 0
    OR SUM(cache_read_tokens) <> 0 OR SUM(cache_write_tokens) <> 0 OR SUM(cost_nanousd) <> 0
ORDER BY value, day LIMIT :limit;

-- name: cost_usage_shift
-- kind: exec
-- in: workspace_id text, month int, dimension text, value text, day int, calls int, unpriced int, input_tokens int, output_tokens int, cache_read_tokens int, cache_write_tokens int, cost_nanousd int
INSERT INTO usage_days (workspace_id, month, dimension, value, day, calls, unpriced, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, cost_nanousd)
VALUES (:workspace_id, :month, :dimension, :value, :day, :calls, :unpriced, :input_tokens,
    :output_tokens, :cache_read_tokens, :cache_write_tokens, :cost_nanousd)
ON CONFLICT (workspace_id, month, dimension, value, day) DO UPDATE
SET calls = usage_days.calls + excluded.calls, unpriced = usage_days.unpriced + excluded.unpriced,
    input_tokens = usage_days.input_tokens + excluded.input_tokens,
    output_tokens = usage_days.output_tokens + excluded.output_tokens,
    cache_read_tokens = usage_days.cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = usage_days.cache_write_tokens + excluded.cache_write_tokens,
    cost_nanousd = usage_days.cost_nanousd + excluded.cost_nanousd;

-- name: cost_budget_shift
-- kind: exec
-- in: workspace_id text, month int, seen int, spent int, reserved int, calls int, now int
-- doc: Adds what was found to be missing, once: no row is changed when another has reconciled since `seen`.
INSERT INTO budgets (workspace_id, month, spent_nanousd, reserved_nanousd, calls, updated_at)
VALUES (:workspace_id, :month, :spent, :reserved, :calls, :now)
ON CONFLICT (workspace_id, month) DO UPDATE
SET spent_nanousd = budgets.spent_nanousd + excluded.spent_nanousd,
    reserved_nanousd = budgets.reserved_nanousd + excluded.reserved_nanousd,
    calls = budgets.calls + excluded.calls, version = budgets.version + 1,
    updated_at = excluded.updated_at
WHERE budgets.version = :seen;

-- name: cost_budget_list
-- kind: many
-- in: from_month int, after_workspace text, after_month int, limit int
-- out: workspace_id text, month int
-- scan: nightly; one row for each workspace and month
-- tenantless: the nightly job serves every workspace
SELECT workspace_id, month FROM budgets
WHERE (workspace_id, month) > (:after_workspace, :after_month) AND month >= :from_month
ORDER BY workspace_id, month LIMIT :limit;

-- ---- purge ----

-- name: cost_reservation_purge
-- kind: exec
-- in: settled_before int, swept_before int, limit int
-- tenantless: retention of the whole installation
DELETE FROM reservations WHERE (workspace_id, id) IN (
    SELECT workspace_id, id FROM reservations
    WHERE closed_at IS NOT NULL AND closed_at < :settled_before
      AND (state <> 'SWEPT' OR closed_at < :swept_before)
    ORDER BY closed_at LIMIT :limit);

-- name: cost_ledger_first_get
-- kind: one
-- out: month text
-- tenantless: one value of the installation
-- doc: As 2019-11: of months before it, rows may have been removed; none: nothing was.
SELECT value FROM installation WHERE name = 'ledger.first';

-- name: cost_ledger_first_set
-- kind: exec
-- in: month text, now int
-- tenantless: one value of the installation
-- doc: It never goes back, whatever the clock does.
INSERT INTO installation (name, value, updated_at) VALUES ('ledger.first', :month, :now)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
WHERE installation.value < excluded.value;

-- name: cost_ledger_months
-- kind: many
-- in: before_month int, after_workspace text, limit int
-- out: workspace_id text
-- scan: nightly; one row for each workspace and month
-- tenantless: the nightly job serves every workspace
-- doc: Workspaces that have booked anything before the month.
SELECT DISTINCT workspace_id FROM budgets
WHERE workspace_id > :after_workspace AND month < :before_month
ORDER BY workspace_id LIMIT :limit;

-- name: cost_ledger_purge
-- kind: exec
-- in: workspace_id text, before_month int, limit int
DELETE FROM ledger WHERE workspace_id = :workspace_id AND id IN (
    SELECT id FROM ledger
    WHERE workspace_id = :workspace_id AND month < :before_month
    ORDER BY month, created_at, id LIMIT :limit);
