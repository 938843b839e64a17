-- What the nights leave and need.

ALTER TABLE audit_chains ADD COLUMN verified_at {int}; -- all of the chain was proved then

-- A run without a thread is kept for 30 days.
CREATE INDEX runs_loose ON runs (finished_at) WHERE thread_id IS NULL AND finished_at IS NOT NULL;
