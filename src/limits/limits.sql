-- Counters that outlive the process and are one for all nodes: few, and only of who is known.

-- name: limits_slice_add
-- kind: exec
-- in: scope text, start int
-- tenantless: a person's attempts, in whatever workspace
INSERT INTO rate_slices (scope, window_start, taken) VALUES (:scope, :start, 1)
ON CONFLICT (scope, window_start) DO UPDATE SET taken = rate_slices.taken + 1;

-- name: limits_slice_sum
-- kind: one
-- in: scope text, since int
-- out: taken int, first int
-- tenantless: likewise
SELECT CAST(COALESCE(SUM(taken), 0) AS BIGINT) AS taken, COALESCE(MIN(window_start), 0) AS first
FROM rate_slices WHERE scope = :scope AND window_start >= :since;
