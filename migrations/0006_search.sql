-- Full text: chunks and postings. docs/search.md has the shape; src/search/postings.h the bytes of a page.
-- All of it is made from other tables by jobs and can be thrown away.

CREATE TABLE search_spaces (
    workspace_id {text} NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    next_chunk   {int}  NOT NULL, -- numbers are never used again
    next_segment {int}  NOT NULL
{rowid};

-- What is indexed of a source, and the chunks that are its text now.
CREATE TABLE search_sources (
    workspace_id {text}  NOT NULL REFERENCES workspaces (id),
    source_type  {text}  NOT NULL, -- DOCUMENT …
    source_id    {text}  NOT NULL,
    version      {int}   NOT NULL, -- of the source
    revision     {int}   NOT NULL, -- of this row: a change by somebody who has not seen it is refused
    audience     {text}  NOT NULL, -- '': the workspace; else the user whose it is alone
    chunks       {bytes} NOT NULL, -- their numbers, in the order of the text
    chunk_count  {int}   NOT NULL,
    indexed_at   {int}   NOT NULL,
    PRIMARY KEY (workspace_id, source_type, source_id)
{rowid};

CREATE TABLE search_chunks (
    workspace_id {text}  NOT NULL REFERENCES workspaces (id),
    chunk        {int}   NOT NULL,
    source_type  {text}  NOT NULL,
    source_id    {text}  NOT NULL,
    part         {int}   NOT NULL, -- 1 …: its place when it was made
    tokens       {int}   NOT NULL,
    sha256       {bytes} NOT NULL, -- of title, heading and body
    heading      {text}  NOT NULL,
    body         {text}  NOT NULL,
    PRIMARY KEY (workspace_id, chunk)
{rowid};

-- A segment is written once and then only loses chunks. Those of one audience lie apart: their ranges of chunks
-- do not overlap.
CREATE TABLE search_segments (
    workspace_id {text}  NOT NULL REFERENCES workspaces (id),
    segment      {int}   NOT NULL,
    audience     {text}  NOT NULL,
    state        {text}  NOT NULL CHECK (state IN ('BUILDING', 'LIVE', 'DEAD')), -- only LIVE ones are searched
    merged       {int}   NOT NULL, -- 1: made of others; its chunks are not its own
    was_live     {int}   NOT NULL DEFAULT 0, -- 0: nobody else knows its chunks
    first_chunk  {int}   NOT NULL, -- slot 0
    last_chunk   {int}   NOT NULL,
    chunks       {int}   NOT NULL, -- with those that are dead, as the tokens
    tokens       {int}   NOT NULL,
    dead_count   {int}   NOT NULL,
    dead_tokens  {int}   NOT NULL,
    created_at   {int}   NOT NULL,
    dead         {bytes} NOT NULL, -- slots, steps as varints
    PRIMARY KEY (workspace_id, segment)
{rowid};
CREATE INDEX search_segments_by_audience ON search_segments (workspace_id, audience, state, first_chunk);
CREATE INDEX search_segments_by_state ON search_segments (workspace_id, state, segment);

CREATE TABLE search_pages (
    workspace_id {text}  NOT NULL,
    segment      {int}   NOT NULL,
    page         {int}   NOT NULL,
    first_term   {text}  NOT NULL,
    first_window {int}   NOT NULL,
    body         {bytes} NOT NULL,
    PRIMARY KEY (workspace_id, segment, page),
    FOREIGN KEY (workspace_id, segment) REFERENCES search_segments (workspace_id, segment)
{rowid};
CREATE UNIQUE INDEX search_pages_by_term ON search_pages (workspace_id, segment, first_term, first_window);

-- What is there already is indexed by jobs.
INSERT INTO jobs (id, workspace_id, kind, payload, unique_key, state, run_at, attempts_max, created_at, updated_at)
SELECT 'search_backfill:' || w.id, w.id, 'search_backfill', '{}', w.id, 'READY', 0, 5, 0, 0
FROM workspaces w
WHERE EXISTS (SELECT 1 FROM documents d WHERE d.workspace_id = w.id);
