-- What the tests of money look at, and what they plant.

-- name: money_ledger_sum
-- kind: one
-- in: workspace_id text, month int
-- out: cost int, calls int, unpriced int
-- scan: a test's table is small
SELECT CAST(COALESCE(SUM(cost_nanousd), 0) AS BIGINT), count(*),
    CAST(COALESCE(SUM(CASE WHEN price_version IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT)
FROM ledger WHERE workspace_id = :workspace_id AND month = :month;

-- name: money_open_sum
-- kind: one
-- in: workspace_id text, month int
-- out: cost int
-- scan: a test's table is small
SELECT CAST(COALESCE(SUM(cost_nanousd), 0) AS BIGINT) FROM reservations
WHERE workspace_id = :workspace_id AND month = :month AND state = 'OPEN';

-- name: money_budget
-- kind: one
-- in: workspace_id text, month int
-- out: spent int, reserved int, calls int
SELECT spent_nanousd, reserved_nanousd, calls FROM budgets
WHERE workspace_id = :workspace_id AND month = :month;

-- name: money_usage_sums
-- kind: many
-- in: workspace_id text, month int
-- out: dimension text, cost int, calls int, unpriced int
-- scan: a test's table is small
SELECT dimension, CAST(SUM(cost_nanousd) AS BIGINT), CAST(SUM(calls) AS BIGINT),
    CAST(SUM(unpriced) AS BIGINT)
FROM usage_days WHERE workspace_id = :workspace_id AND month = :month
GROUP BY dimension ORDER BY dimension;

-- name: money_ledger_all
-- kind: many
-- in: workspace_id text
-- out: id text, month int, created_at int, basis text, cost int, input_tokens int, output_tokens int, user_id text?, model text, price_version text?, error text?, attempt int
-- scan: a test's table is small
SELECT id, month, created_at, basis, cost_nanousd, input_tokens, output_tokens, user_id, model,
    price_version, error, attempt
FROM ledger WHERE workspace_id = :workspace_id ORDER BY created_at, id;

-- name: money_budget_shift
-- kind: exec
-- in: workspace_id text, month int, spent int, reserved int, calls int
UPDATE budgets SET spent_nanousd = spent_nanousd + :spent, reserved_nanousd = reserved_nanousd + :reserved,
    calls = calls + :calls
WHERE workspace_id = :workspace_id AND month = :month;

-- name: money_usage_shift
-- kind: exec
-- in: workspace_id text, month int, dimension text, cost int, calls int
UPDATE usage_days SET cost_nanousd = cost_nanousd + :cost, calls = calls + :calls
WHERE workspace_id = :workspace_id AND month = :month AND dimension = :dimension;

-- name: money_usage_plant
-- kind: exec
-- in: workspace_id text, month int, dimension text, value text, day int, cost int, calls int, unpriced int, tokens int
UPDATE usage_days SET cost_nanousd = cost_nanousd + :cost, calls = calls + :calls, unpriced = unpriced + :unpriced,
    input_tokens = input_tokens + :tokens
WHERE workspace_id = :workspace_id AND month = :month AND dimension = :dimension AND value = :value AND day = :day;

-- name: money_usage_drop
-- kind: exec
-- in: workspace_id text, month int
DELETE FROM usage_days WHERE workspace_id = :workspace_id AND month = :month;

-- name: money_node_put
-- kind: exec
-- in: id text, heartbeat_at int
INSERT INTO nodes (id, address, program, started_at, heartbeat_at)
VALUES (:id, 'here', 'test', 1, :heartbeat_at)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = :heartbeat_at;

-- name: money_rule_put
-- kind: exec
-- in: workspace_id text, cap int?, warn_percent int, unpriced text
INSERT INTO budget_rules (workspace_id, cap_nanousd, warn_percent, unpriced, created_at, updated_at)
VALUES (:workspace_id, :cap, :warn_percent, :unpriced, 1, 1)
ON CONFLICT (workspace_id) DO UPDATE
SET cap_nanousd = :cap, warn_percent = :warn_percent, unpriced = :unpriced;

-- name: money_ledger_fill
-- kind: exec
-- in: workspace_id text, first int, count int, month int, from_at int, step int, models int, users int
-- doc: Rows whose ids and times rise together, as those of calls do.
-- sqlite:
INSERT INTO ledger (workspace_id, id, organization_id, created_at, month, operation_type, provider, model,
    key_source, user_id, run_id, input_tokens, output_tokens, cost_nanousd, basis, price_version,
    duration_ms)
SELECT :workspace_id, printf('cfill%012dxxxxxxxx', n), 'org', :from_at + n * :step, :month,
    CASE n % 3 WHEN 0 THEN 'agent' ELSE 'chat' END, 'anthropic', 'model-' || (n % :models),
    CASE n % 7 WHEN 0 THEN 'USER_KEY' ELSE 'WORKSPACE_KEY' END,
    CASE WHEN n % 11 = 0 THEN NULL ELSE 'user-' || (n * 7919 % :users) END,
    printf('crun%012dxxxxxxxxx', n / 4), 1000 + n % 500, n % 900, 3000000 + n % 1000, 'reported',
    '2026-11-26', 900
FROM (WITH RECURSIVE s(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :first + :count)
      SELECT n FROM s);
-- pgsql:
INSERT INTO ledger (workspace_id, id, organization_id, created_at, month, operation_type, provider, model,
    key_source, user_id, run_id, input_tokens, output_tokens, cost_nanousd, basis, price_version,
    duration_ms)
SELECT :workspace_id, 'cfill' || lpad(n::text, 12, '0') || 'xxxxxxxx', 'org', :from_at + n * :step,
    :month, CASE n % 3 WHEN 0 THEN 'agent' ELSE 'chat' END, 'anthropic',
    'model-' || (n % :models)::text, CASE n % 7 WHEN 0 THEN 'USER_KEY' ELSE 'WORKSPACE_KEY' END,
    CASE WHEN n % 11 = 0 THEN NULL ELSE 'user-' || (n * 7919 % :users)::text END,
    'crun' || lpad((n / 4)::text, 12, '0') || 'xxxxxxxxx', 1000 + n % 500, n % 900,
    3000000 + n % 1000, 'reported', '2026-11-26', 900
FROM generate_series(:first, :first + :count - 1) AS s(n);

-- name: money_usage_fill
-- kind: exec
-- in: workspace_id text, month int, dimension text, first_day int, days int, values int
-- doc: So many values of a dimension on each day.
-- sqlite:
INSERT INTO usage_days (workspace_id, month, dimension, value, day, calls, unpriced, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, cost_nanousd)
SELECT :workspace_id, :month, :dimension, 'value-' || (n / :days), :first_day + n % :days, 9, 0, 9000,
    900, 0, 0, 27000000 + n
FROM (WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :values * :days)
      SELECT n FROM s) WHERE true
ON CONFLICT DO NOTHING;
-- pgsql:
INSERT INTO usage_days (workspace_id, month, dimension, value, day, calls, unpriced, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, cost_nanousd)
SELECT :workspace_id, :month, :dimension, 'value-' || (n / :days)::text, :first_day + n % :days, 9, 0,
    9000, 900, 0, 0, 27000000 + n
FROM generate_series(0::bigint, :values * :days - 1) AS s(n)
ON CONFLICT DO NOTHING;
