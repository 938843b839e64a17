-- The sealed log: keys that evolve, checkpoints. docs/security/log.md has the design.

-- The head of each chain ('' = the system's). What lies beyond signed_seq is covered by mac alone.
CREATE TABLE audit_chains (
    workspace_id {text}  NOT NULL PRIMARY KEY,
    seq          {int}   NOT NULL, -- of the last sealed row
    hash         {bytes} NOT NULL,
    epoch        {int}   NOT NULL, -- of the key under mac
    mac          {bytes} NOT NULL,
    signed_seq   {int}   NOT NULL DEFAULT 0, -- up to here a checkpoint has signed
    signed_at    {int},
    generation   {int}   NOT NULL DEFAULT 0, -- of that checkpoint
    number       {int}   NOT NULL DEFAULT 0,
    base_seq     {int}   NOT NULL DEFAULT 0, -- rows up to here were removed by retention
    base_hash    {bytes}, -- of the row base_seq; NULL: nothing was removed
    base_at      {int},
    base_mac     {bytes}, -- under the root key: nobody else moves the base
    broken       {text} -- JSON object: the first break that was found
{clustered};
CREATE INDEX audit_chains_unsigned ON audit_chains (workspace_id) WHERE seq > signed_seq;

-- Signed statements about heads; the same lines are in DIR/checkpoints.log and the operator's sink.
CREATE TABLE audit_checkpoints (
    generation {int}   NOT NULL, -- +1 when the log starts anew: a restored backup, a lost key
    number     {int}   NOT NULL,
    created_at {int}   NOT NULL,
    hash       {bytes} NOT NULL, -- SHA-256 of text
    text       {text}  NOT NULL, -- one line of JSON
    PRIMARY KEY (generation, number)
{rowid};

-- One row: the secret of the checkpoint that comes next. Not in backups: a copy of it would be a key
-- to what has been sealed since.
CREATE TABLE audit_seal (
    id            {int}   NOT NULL PRIMARY KEY CHECK (id = 1),
    generation    {int}   NOT NULL,
    number        {int}   NOT NULL, -- of the checkpoint that comes next
    epoch         {int}   NOT NULL, -- how often the secret has moved on
    secret        {bytes} NOT NULL, -- wrapped under the root key
    last_hash     {bytes} NOT NULL, -- of the checkpoint before; zeros at the beginning
    reason        {text}  NOT NULL, -- why the generation began
    after_number  {int}   NOT NULL, -- last checkpoint of the generation before; 0: none was there
    waiting       {int}   NOT NULL DEFAULT 0, -- rows sealed since the last checkpoint (PostgreSQL)
    checkpoint_at {int}   NOT NULL -- of the last checkpoint
{rowid};
