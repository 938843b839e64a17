-- The index of full text. Pages and chunks of a segment that is LIVE never change.

-- name: search_space_take
-- kind: one
-- in: workspace_id text, chunks int
-- out: next_chunk int, next_segment int
-- doc: Takes numbers for `chunks` chunks and one segment; what comes out stands behind them.
INSERT INTO search_spaces (workspace_id, next_chunk, next_segment)
VALUES (:workspace_id, 1 + :chunks, 2)
ON CONFLICT (workspace_id) DO UPDATE SET next_chunk = search_spaces.next_chunk + :chunks,
    next_segment = search_spaces.next_segment + 1
RETURNING next_chunk, next_segment;

-- ---- sources ----

-- name: search_source_get
-- kind: one
-- in: workspace_id text, source_type text, source_id text
-- out: version int, revision int, audience text, chunks blob
SELECT version, revision, audience, chunks FROM search_sources
WHERE workspace_id = :workspace_id AND source_type = :source_type AND source_id = :source_id;

-- name: search_source_insert
-- kind: exec
-- in: workspace_id text, source_type text, source_id text, version int, audience text, chunks blob, chunk_count int, now int
INSERT INTO search_sources (workspace_id, source_type, source_id, version, revision, audience, chunks,
                            chunk_count, indexed_at)
VALUES (:workspace_id, :source_type, :source_id, :version, 1, :audience, :chunks, :chunk_count, :now)
ON CONFLICT DO NOTHING;

-- name: search_source_set
-- kind: exec
-- in: workspace_id text, source_type text, source_id text, revision int, version int, audience text, chunks blob, chunk_count int, now int
UPDATE search_sources SET version = :version, revision = revision + 1, audience = :audience,
    chunks = :chunks, chunk_count = :chunk_count, indexed_at = :now
WHERE workspace_id = :workspace_id AND source_type = :source_type AND source_id = :source_id
  AND revision = :revision;

-- name: search_source_delete
-- kind: exec
-- in: workspace_id text, source_type text, source_id text, revision int
DELETE FROM search_sources
WHERE workspace_id = :workspace_id AND source_type = :source_type AND source_id = :source_id
  AND revision = :revision;

-- ---- chunks ----

-- name: search_chunk_insert
-- kind: exec
-- in: workspace_id text, chunk int, source_type text, source_id text, part int, tokens int, sha256 blob, heading text, body text
INSERT INTO search_chunks (workspace_id, chunk, source_type, source_id, part, tokens, sha256, heading, body)
VALUES (:workspace_id, :chunk, :source_type, :source_id, :part, :tokens, :sha256, :heading, :body);

-- name: search_chunk_get
-- kind: one
-- in: workspace_id text, chunk int
-- out: source_type text, source_id text, part int, heading text, body text
SELECT source_type, source_id, part, heading, body FROM search_chunks
WHERE workspace_id = :workspace_id AND chunk = :chunk;

-- name: search_chunk_source
-- kind: one
-- in: workspace_id text, chunk int
-- out: source_type text, source_id text
SELECT source_type, source_id FROM search_chunks
WHERE workspace_id = :workspace_id AND chunk = :chunk;

-- name: search_chunk_hash
-- kind: one
-- in: workspace_id text, chunk int
-- out: sha256 blob
SELECT sha256 FROM search_chunks WHERE workspace_id = :workspace_id AND chunk = :chunk;

-- name: search_chunk_delete
-- kind: one
-- in: workspace_id text, chunk int
-- out: tokens int
DELETE FROM search_chunks WHERE workspace_id = :workspace_id AND chunk = :chunk RETURNING tokens;

-- name: search_chunks_purge
-- kind: exec
-- in: workspace_id text, first int, last int, limit int
-- doc: Of a segment that never went live.
DELETE FROM search_chunks WHERE workspace_id = :workspace_id AND chunk IN (
    SELECT chunk FROM search_chunks
    WHERE workspace_id = :workspace_id AND chunk BETWEEN :first AND :last
    ORDER BY chunk LIMIT :limit);

-- ---- segments ----

-- name: search_segment_insert
-- kind: exec
-- in: workspace_id text, segment int, audience text, state text, merged bool, first_chunk int, last_chunk int, chunks int, tokens int, dead_count int, dead_tokens int, dead blob, now int
INSERT INTO search_segments (workspace_id, segment, audience, state, merged, first_chunk, last_chunk,
                             chunks, tokens, dead_count, dead_tokens, dead, created_at)
VALUES (:workspace_id, :segment, :audience, :state, :merged, :first_chunk, :last_chunk,
        :chunks, :tokens, :dead_count, :dead_tokens, :dead, :now);

-- name: search_segment_live
-- kind: exec
-- in: workspace_id text, segment int, chunks int, tokens int, dead_count int, dead_tokens int, dead blob
UPDATE search_segments SET state = 'LIVE', was_live = 1, chunks = :chunks, tokens = :tokens,
    dead_count = :dead_count, dead_tokens = :dead_tokens, dead = :dead
WHERE workspace_id = :workspace_id AND segment = :segment AND state = 'BUILDING';

-- name: search_segment_dead
-- kind: exec
-- in: workspace_id text, segment int, state text
UPDATE search_segments SET state = 'DEAD'
WHERE workspace_id = :workspace_id AND segment = :segment AND state = :state;

-- name: search_segment_set_dead
-- kind: exec
-- in: workspace_id text, segment int, dead_count int, dead_tokens int, dead blob
UPDATE search_segments SET dead_count = :dead_count, dead_tokens = :dead_tokens, dead = :dead
WHERE workspace_id = :workspace_id AND segment = :segment AND state = 'LIVE';

-- name: search_segment_delete
-- kind: exec
-- in: workspace_id text, segment int
DELETE FROM search_segments WHERE workspace_id = :workspace_id AND segment = :segment;

-- name: search_segment_list
-- kind: many
-- in: workspace_id text, audience text
-- out: segment int, first_chunk int, last_chunk int, chunks int, tokens int, dead_count int, dead_tokens int, dead blob
-- doc: What is searched for that audience, oldest chunks first.
SELECT segment, first_chunk, last_chunk, chunks, tokens, dead_count, dead_tokens, dead FROM search_segments
WHERE workspace_id = :workspace_id AND audience = :audience AND state = 'LIVE'
ORDER BY first_chunk;

-- name: search_segment_building
-- kind: many
-- in: workspace_id text, audience text
-- out: first_chunk int
SELECT first_chunk FROM search_segments
WHERE workspace_id = :workspace_id AND audience = :audience AND state = 'BUILDING' AND merged = 0
ORDER BY first_chunk;

-- name: search_audience_next
-- kind: one
-- in: workspace_id text, after text
-- out: audience text
SELECT audience FROM search_segments
WHERE workspace_id = :workspace_id AND audience > :after
ORDER BY audience LIMIT 1;

-- name: search_garbage
-- kind: one
-- in: workspace_id text, before int
-- out: segment int, state text, merged bool, was_live bool, first_chunk int, last_chunk int
-- doc: A segment that nobody searches: replaced, or left behind by a build that was lost.
SELECT segment, state, merged, was_live, first_chunk, last_chunk FROM search_segments
WHERE workspace_id = :workspace_id AND (state = 'DEAD' OR (state = 'BUILDING' AND created_at < :before))
ORDER BY segment LIMIT 1;

-- ---- pages ----

-- name: search_page_insert
-- kind: exec
-- in: workspace_id text, segment int, page int, first_term text, first_window int, body blob
INSERT INTO search_pages (workspace_id, segment, page, first_term, first_window, body)
VALUES (:workspace_id, :segment, :page, :first_term, :first_window, :body);

-- name: search_pages_of_term
-- kind: each
-- in: workspace_id text, audience text, term text
-- out: segment int, page int, first_window int, body blob
-- doc: Of each live segment the page in which the term begins, if it is there.
SELECT s.segment, p.page, p.first_window, p.body
FROM search_segments s
JOIN search_pages p ON p.workspace_id = s.workspace_id AND p.segment = s.segment
    AND p.page = (SELECT q.page FROM search_pages q
                  WHERE q.workspace_id = s.workspace_id AND q.segment = s.segment
                    AND (q.first_term, q.first_window) <= (:term, 0)
                  ORDER BY q.first_term DESC, q.first_window DESC LIMIT 1)
WHERE s.workspace_id = :workspace_id AND s.audience = :audience AND s.state = 'LIVE'
ORDER BY s.first_chunk;

-- name: search_page_seek
-- kind: each
-- in: workspace_id text, segment int, term text, window int
-- out: page int, body blob
-- doc: The last page of a long list that begins at or before the window.
SELECT page, body FROM search_pages
WHERE workspace_id = :workspace_id AND segment = :segment AND first_term = :term
  AND first_window > 0 AND first_window <= :window
ORDER BY first_window DESC LIMIT 1;

-- name: search_page_next
-- kind: each
-- in: workspace_id text, segment int, term text, window int
-- out: page int, body blob
-- doc: The first page of a long list that begins behind the window.
SELECT page, body FROM search_pages
WHERE workspace_id = :workspace_id AND segment = :segment AND first_term = :term
  AND first_window > 0 AND first_window > :window
ORDER BY first_window LIMIT 1;

-- name: search_page_at
-- kind: one
-- in: workspace_id text, segment int, page int
-- out: first_term text, first_window int, body blob
SELECT first_term, first_window, body FROM search_pages
WHERE workspace_id = :workspace_id AND segment = :segment AND page = :page;

-- name: search_pages_purge
-- kind: exec
-- in: workspace_id text, segment int, limit int
DELETE FROM search_pages WHERE workspace_id = :workspace_id AND segment = :segment AND page IN (
    SELECT page FROM search_pages
    WHERE workspace_id = :workspace_id AND segment = :segment
    ORDER BY page LIMIT :limit);
