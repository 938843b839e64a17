-- Statements of the tests' own operations, over a table that every installation has.

-- name: note_add
-- kind: exec
-- in: name text, value text, updated_at int
INSERT INTO installation (name, value, updated_at) VALUES (:name, :value, :updated_at);

-- name: note_get
-- kind: one
-- in: name text
-- out: value text
SELECT value FROM installation WHERE name = :name;

-- name: note_count
-- kind: one
-- out: notes int
SELECT count(*) AS notes FROM installation WHERE name LIKE 'note:%';
