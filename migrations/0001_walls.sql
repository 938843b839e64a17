-- The tables that everything else is built on. Times are milliseconds UTC, money of AI is nano-dollars,
-- versions count up from 1. Tenant tables begin their primary key with workspace_id, and foreign keys
-- carry it, so that a row cannot point into another tenant. '' stands for "no workspace" where a key
-- needs a value. The words in braces are replaced for each engine (src/db/migrate.h).

CREATE TABLE schema_migrations (
    number     {int}  NOT NULL PRIMARY KEY,
    name       {text} NOT NULL,
    sha256     {text} NOT NULL,
    applied_at {int}  NOT NULL
{rowid};

-- ---- who: organisations, workspaces, people ----

CREATE TABLE organizations (
    id          {text} NOT NULL PRIMARY KEY,
    name        {text} NOT NULL,
    version     {int}  NOT NULL DEFAULT 1,
    created_at  {int}  NOT NULL,
    updated_at  {int}  NOT NULL,
    created_by  {text},
    deleted_at  {int}
{rowid};

CREATE TABLE workspaces (
    id              {text} NOT NULL PRIMARY KEY,
    organization_id {text} NOT NULL REFERENCES organizations (id),
    name            {text} NOT NULL,
    time_zone       {text} NOT NULL DEFAULT 'UTC',
    settings        {text} NOT NULL DEFAULT '{}', -- JSON object
    version         {int}  NOT NULL DEFAULT 1,
    created_at      {int}  NOT NULL,
    updated_at      {int}  NOT NULL,
    created_by      {text},
    deleted_at      {int}
{rowid};
CREATE INDEX workspaces_by_organization ON workspaces (organization_id, id);

CREATE TABLE users (
    id              {text} NOT NULL PRIMARY KEY,
    kind            {text} NOT NULL CHECK (kind IN ('HUMAN', 'AGENT')),
    email           {text} NOT NULL, -- as entered
    email_key       {text} NOT NULL UNIQUE, -- normal form, made in C
    name            {text} NOT NULL,
    password_hash   {text}, -- argon2id PHC string; NULL: cannot sign in with a password
    session_version {int}  NOT NULL DEFAULT 1, -- raising it ends every session
    time_zone       {text},
    locale          {text},
    workspace_id    {text} REFERENCES workspaces (id), -- stored preference: the active workspace
    totp_secret     {bytes}, -- sealed
    totp_state      {text} NOT NULL DEFAULT 'OFF' CHECK (totp_state IN ('OFF', 'PENDING', 'ON')),
    version         {int}  NOT NULL DEFAULT 1,
    created_at      {int}  NOT NULL,
    updated_at      {int}  NOT NULL,
    created_by      {text},
    deleted_at      {int}
{rowid};

CREATE TABLE organization_members (
    organization_id {text} NOT NULL REFERENCES organizations (id),
    user_id         {text} NOT NULL REFERENCES users (id),
    role            {text} NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')),
    version         {int}  NOT NULL DEFAULT 1,
    created_at      {int}  NOT NULL,
    updated_at      {int}  NOT NULL,
    created_by      {text},
    PRIMARY KEY (organization_id, user_id)
{clustered};
CREATE INDEX organization_members_by_user ON organization_members (user_id, organization_id);

CREATE TABLE workspace_members (
    workspace_id {text} NOT NULL REFERENCES workspaces (id),
    user_id      {text} NOT NULL REFERENCES users (id),
    role         {text} NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')),
    version      {int}  NOT NULL DEFAULT 1,
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    created_by   {text},
    PRIMARY KEY (workspace_id, user_id)
{clustered};
CREATE INDEX workspace_members_by_user ON workspace_members (user_id, workspace_id);

CREATE TABLE sessions (
    id              {text} NOT NULL PRIMARY KEY, -- the token's sid
    user_id         {text} NOT NULL REFERENCES users (id),
    session_version {int}  NOT NULL, -- the user's at sign-in: the token's sv
    created_at      {int}  NOT NULL,
    seen_at         {int}  NOT NULL, -- written at most every 5 minutes
    expires_at      {int}  NOT NULL, -- absolute, 90 days after sign-in
    revoked_at      {int},
    remote_addr     {text},
    user_agent      {text}
{rowid};
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE addons (
    workspace_id {text} NOT NULL REFERENCES workspaces (id),
    addon        {text} NOT NULL, -- 'ai-agent', …
    status       {text} NOT NULL CHECK (status IN ('ACTIVE', 'DISABLED')),
    version      {int}  NOT NULL DEFAULT 1,
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    created_by   {text},
    PRIMARY KEY (workspace_id, addon)
{clustered};

-- ---- mechanism: nodes, jobs, idempotency, limits, audit, blobs ----

CREATE TABLE nodes (
    id           {text} NOT NULL PRIMARY KEY,
    address      {text} NOT NULL, -- where other nodes reach it
    program      {text} NOT NULL, -- version of the program
    started_at   {int}  NOT NULL,
    heartbeat_at {int}  NOT NULL
{rowid};

-- Values that hold for the whole installation: check values of the secrets, singletons' leases.
CREATE TABLE installation (
    name       {text} NOT NULL PRIMARY KEY,
    value      {text} NOT NULL,
    updated_at {int}  NOT NULL
{rowid};

CREATE TABLE jobs (
    id           {text} NOT NULL PRIMARY KEY,
    workspace_id {text} NOT NULL DEFAULT '',
    kind         {text} NOT NULL,
    payload      {text} NOT NULL, -- JSON object
    unique_key   {text}, -- at most one open job of a kind has it
    state        {text} NOT NULL CHECK (state IN ('READY', 'LEASED', 'DONE', 'DEAD')),
    priority     {int}  NOT NULL DEFAULT 0, -- higher first
    run_at       {int}  NOT NULL,
    attempt      {int}  NOT NULL DEFAULT 0,
    attempts_max {int}  NOT NULL,
    node_id      {text},
    epoch        {int}  NOT NULL DEFAULT 0, -- +1 with each lease: a late finish is told
    lease_until  {int},
    progress     {text}, -- JSON object
    last_error   {text},
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    created_by   {text},
    finished_at  {int}
{rowid};
CREATE INDEX jobs_ready ON jobs (priority DESC, run_at, id) WHERE state = 'READY';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'LEASED';
CREATE INDEX jobs_by_workspace ON jobs (workspace_id, state, id);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('READY', 'LEASED');

CREATE TABLE idempotency (
    principal  {text} NOT NULL, -- kind:id of who sent it
    key        {text} NOT NULL,
    operation  {text} NOT NULL,
    body_hash  {bytes} NOT NULL, -- SHA-256 over operation, path, query and body
    status     {int}  NOT NULL,
    location   {text},
    answer     {bytes} NOT NULL, -- the JSON body
    created_at {int}  NOT NULL,
    PRIMARY KEY (principal, key)
{clustered};
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Several nodes over one database: each takes a slice of a window's allowance at a time.
CREATE TABLE rate_slices (
    scope        {text} NOT NULL, -- class:key
    window_start {int}  NOT NULL,
    taken        {int}  NOT NULL,
    PRIMARY KEY (scope, window_start)
{clustered};
CREATE INDEX rate_slices_by_age ON rate_slices (window_start);

-- One table for the audit trail and security events (rows with a severity). Rows are inserted unsealed
-- in the deed's transaction; the sealer gives seq and hash per chain (workspace_id, '' = system).
CREATE TABLE audit (
    id           {text} NOT NULL PRIMARY KEY,
    workspace_id {text} NOT NULL DEFAULT '',
    created_at   {int}  NOT NULL,
    action       {text} NOT NULL, -- operation or event: 'create_document', 'AI_INTEGRATION_EXECUTE'
    type         {text}, -- of a security event: 'AUTH_FAILED', …
    severity     {text} CHECK (severity IN ('INFO', 'WARNING', 'CRITICAL')),
    outcome      {text} NOT NULL, -- 'OK' or the error's code
    actor_kind   {text} NOT NULL,
    actor_id     {text}, -- user, or key
    actor_name   {text},
    on_behalf_of {text},
    entity_type  {text},
    entity_id    {text},
    message      {text},
    metadata     {text}, -- JSON object
    remote_addr  {text},
    request_id   {text},
    count        {int}  NOT NULL DEFAULT 1, -- refusals before authentication are counted
    seq          {int}, -- sealed: place in the chain
    hash         {bytes},
    epoch        {int} -- of the sealing key
{rowid};
CREATE INDEX audit_by_workspace ON audit (workspace_id, created_at, id);
CREATE INDEX audit_by_actor ON audit (workspace_id, actor_id, created_at);
CREATE INDEX audit_events ON audit (workspace_id, type, created_at, id) WHERE severity IS NOT NULL;
CREATE UNIQUE INDEX audit_chain ON audit (workspace_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (workspace_id, id) WHERE seq IS NULL;

CREATE TABLE blobs (
    workspace_id {text}  NOT NULL,
    id           {text}  NOT NULL,
    address      {text}  NOT NULL, -- hex HMAC of the content under the tenant's key
    sha256       {bytes} NOT NULL,
    size_bytes   {int}   NOT NULL,
    store        {text}  NOT NULL CHECK (store IN ('inline', 'dir', 'database', 's3')),
    bytes        {bytes}, -- inline only
    created_at   {int}   NOT NULL,
    created_by   {text},
    PRIMARY KEY (workspace_id, id)
{rowid};
CREATE INDEX blobs_by_address ON blobs (address);

CREATE TABLE blob_chunks (
    address    {text}  NOT NULL,
    seq        {int}   NOT NULL,
    created_at {int}   NOT NULL,
    bytes      {bytes} NOT NULL,
    PRIMARY KEY (address, seq)
{rowid};

-- ---- money of AI ----

-- Append only: one row for each provider call and attempt.
CREATE TABLE ledger (
    workspace_id       {text} NOT NULL,
    id                 {text} NOT NULL,
    organization_id    {text} NOT NULL,
    created_at         {int}  NOT NULL,
    month              {int}  NOT NULL, -- yyyymm UTC of the reservation
    operation_type     {text} NOT NULL CHECK (operation_type IN ('chat', 'agent', 'extraction', 'embedding', 'other')),
    provider           {text} NOT NULL,
    model              {text} NOT NULL,
    key_source         {text} NOT NULL,
    user_id            {text}, -- NULL when autonomous
    thread_id          {text},
    run_id             {text},
    agent_task_id      {text},
    attempt            {int}  NOT NULL DEFAULT 1,
    input_tokens       {int}  NOT NULL DEFAULT 0,
    output_tokens      {int}  NOT NULL DEFAULT 0,
    cache_read_tokens  {int}  NOT NULL DEFAULT 0,
    cache_write_tokens {int}  NOT NULL DEFAULT 0,
    cost_nanousd       {int}  NOT NULL,
    basis              {text} NOT NULL CHECK (basis IN ('reported', 'estimated', 'worst_case', 'external')),
    price_version      {text},
    duration_ms        {int},
    error              {text},
    PRIMARY KEY (workspace_id, id)
{clustered};
CREATE INDEX ledger_by_time ON ledger (workspace_id, created_at, id);

-- Open worst cases; a row goes when its call is settled.
CREATE TABLE reservations (
    workspace_id {text} NOT NULL,
    id           {text} NOT NULL,
    month        {int}  NOT NULL,
    cost_nanousd {int}  NOT NULL,
    node_id      {text} NOT NULL,
    run_id       {text},
    created_at   {int}  NOT NULL,
    expires_at   {int}  NOT NULL,
    PRIMARY KEY (workspace_id, id)
{clustered};
CREATE INDEX reservations_by_node ON reservations (node_id);

CREATE TABLE budgets (
    workspace_id     {text} NOT NULL,
    month            {int}  NOT NULL, -- yyyymm UTC
    spent_nanousd    {int}  NOT NULL DEFAULT 0,
    reserved_nanousd {int}  NOT NULL DEFAULT 0,
    calls            {int}  NOT NULL DEFAULT 0,
    warned_at        {int},
    version          {int}  NOT NULL DEFAULT 1,
    updated_at       {int}  NOT NULL,
    PRIMARY KEY (workspace_id, month)
{clustered};

-- ---- chat: threads, messages, runs, approvals ----

CREATE TABLE threads (
    workspace_id    {text} NOT NULL,
    id              {text} NOT NULL, -- CUID
    user_id         {text} NOT NULL REFERENCES users (id),
    client_id       {text} NOT NULL, -- the client's id, unique per user; the CUID when it gave none
    title           {text} NOT NULL DEFAULT '',
    title_by        {text} NOT NULL DEFAULT 'NONE' CHECK (title_by IN ('NONE', 'FIRST', 'USER')),
    archived        {int}  NOT NULL DEFAULT 0,
    message_count   {int}  NOT NULL DEFAULT 0,
    writes_used     {int}  NOT NULL DEFAULT 0,
    active_run_id   {text},
    last_message_at {int},
    activity_at     {int}  NOT NULL,
    version         {int}  NOT NULL DEFAULT 1,
    created_at      {int}  NOT NULL,
    updated_at      {int}  NOT NULL,
    created_by      {text},
    deleted_at      {int},
    PRIMARY KEY (workspace_id, id)
{clustered};
CREATE UNIQUE INDEX threads_by_client_id ON threads (user_id, client_id);
CREATE INDEX threads_by_activity ON threads (workspace_id, user_id, archived, activity_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX threads_deleted ON threads (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE messages (
    workspace_id  {text} NOT NULL,
    thread_id     {text} NOT NULL,
    seq           {int}  NOT NULL, -- place in the thread
    id            {text} NOT NULL, -- CUID
    client_id     {text} NOT NULL, -- unique per thread
    parent_id     {text},
    role          {text} NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    parts         {text} NOT NULL, -- JSON array
    content       {text} NOT NULL, -- plain text of the parts
    provider_data {text}, -- JSON: what only the provider needs back (reasoning signatures)
    run_id        {text},
    usage         {text}, -- JSON object
    superseded_at {int},
    version       {int}  NOT NULL DEFAULT 1,
    created_at    {int}  NOT NULL,
    updated_at    {int}  NOT NULL,
    created_by    {text},
    PRIMARY KEY (workspace_id, thread_id, seq),
    FOREIGN KEY (workspace_id, thread_id) REFERENCES threads (workspace_id, id)
{clustered};
CREATE UNIQUE INDEX messages_by_client_id ON messages (workspace_id, thread_id, client_id);
CREATE UNIQUE INDEX messages_by_id ON messages (workspace_id, id);

CREATE TABLE runs (
    workspace_id {text} NOT NULL,
    id           {text} NOT NULL,
    kind         {text} NOT NULL CHECK (kind IN ('chat', 'agent', 'template')),
    thread_id    {text},
    message_id   {text},
    user_id      {text},
    state        {text} NOT NULL CHECK (state IN ('PREPARING', 'CALLING', 'STREAMING', 'TOOLS', 'AWAITING',
                     'SETTLING', 'DONE', 'STOPPED', 'FAILED', 'INTERRUPTED')),
    reason       {text},
    data         {text} NOT NULL DEFAULT '{}', -- JSON: the reducer's state
    node_id      {text},
    epoch        {int}  NOT NULL DEFAULT 1,
    version      {int}  NOT NULL DEFAULT 1,
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    created_by   {text},
    finished_at  {int},
    PRIMARY KEY (workspace_id, id)
{clustered};
CREATE INDEX runs_open ON runs (node_id, id)
    WHERE state IN ('PREPARING', 'CALLING', 'STREAMING', 'TOOLS', 'SETTLING');

-- Text of an unfinished answer, appended every 250 ms or 4 KB.
CREATE TABLE message_chunks (
    workspace_id {text} NOT NULL,
    run_id       {text} NOT NULL,
    seq          {int}  NOT NULL,
    data         {text} NOT NULL, -- JSON array of parts
    created_at   {int}  NOT NULL,
    PRIMARY KEY (workspace_id, run_id, seq)
{clustered};

CREATE TABLE run_tool_calls (
    workspace_id {text} NOT NULL,
    run_id       {text} NOT NULL,
    tool_call_id {text} NOT NULL,
    tool         {text} NOT NULL,
    state        {text} NOT NULL CHECK (state IN ('STARTED', 'DONE', 'FAILED', 'UNKNOWN')),
    output       {text},
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    PRIMARY KEY (workspace_id, run_id, tool_call_id)
{clustered};

CREATE TABLE chat_approvals (
    workspace_id   {text}  NOT NULL,
    id             {text}  NOT NULL,
    user_id        {text}  NOT NULL,
    thread_id      {text}  NOT NULL,
    run_id         {text}  NOT NULL,
    tool_call_id   {text}  NOT NULL,
    tool           {text}  NOT NULL,
    arguments      {text}  NOT NULL, -- canonical JSON
    arguments_hash {bytes} NOT NULL, -- SHA-256 of it
    record_id      {text},
    record_version {int},
    changes        {text}, -- JSON: before and after
    state          {text}  NOT NULL CHECK (state IN ('OPEN', 'APPROVED', 'USED', 'DENIED', 'EXPIRED', 'SUPERSEDED')),
    reason         {text},
    expires_at     {int}   NOT NULL,
    decided_at     {int},
    version        {int}   NOT NULL DEFAULT 1,
    created_at     {int}   NOT NULL,
    updated_at     {int}   NOT NULL,
    created_by     {text},
    PRIMARY KEY (workspace_id, id)
{clustered};
CREATE INDEX chat_approvals_open ON chat_approvals (workspace_id, user_id, id) WHERE state = 'OPEN';
CREATE UNIQUE INDEX chat_approvals_by_call ON chat_approvals (workspace_id, run_id, tool_call_id);

-- ---- knowledge base ----

CREATE TABLE documents (
    workspace_id {text} NOT NULL REFERENCES workspaces (id),
    id           {text} NOT NULL,
    kind         {text} NOT NULL CHECK (kind IN ('PAGE', 'FOLDER', 'DOCX')),
    parent_id    {text}, -- a folder or page
    position     {int}  NOT NULL DEFAULT 0,
    title        {text} NOT NULL,
    title_key    {text} NOT NULL, -- folded in C, for search and order
    blob_id      {text}, -- Word bytes of a DOCX
    visibility   {text} NOT NULL DEFAULT 'WORKSPACE' CHECK (visibility IN ('PRIVATE', 'WORKSPACE', 'NAMED')),
    owner_id     {text} NOT NULL REFERENCES users (id),
    system_kind  {text}, -- 'SKILLS', 'TRANSCRIPTS': folders the program keeps
    version      {int}  NOT NULL DEFAULT 1,
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    created_by   {text},
    updated_by   {text},
    deleted_at   {int},
    -- Last, so that a list need not read past them.
    plain_text   {text} NOT NULL DEFAULT '',
    content      {text}, -- Tiptap JSON of a PAGE
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, parent_id) REFERENCES documents (workspace_id, id)
        DEFERRABLE INITIALLY IMMEDIATE -- a restore puts children before parents
{rowid};
CREATE INDEX documents_by_update ON documents (workspace_id, updated_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX documents_by_parent ON documents (workspace_id, parent_id, position, id)
    WHERE deleted_at IS NULL;
