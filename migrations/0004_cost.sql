-- Prices, caps and roll-ups.

-- A closed reservation stays for a while, so that a second settlement is told from a first, and a
-- settlement that comes after the sweep corrects the worst case instead of being added to it.
ALTER TABLE reservations ADD COLUMN state {text} NOT NULL DEFAULT 'OPEN'
    CHECK (state IN ('OPEN', 'SETTLED', 'SWEPT', 'RELEASED'));
ALTER TABLE reservations ADD COLUMN settled_nanousd {int} NOT NULL DEFAULT 0; -- what it came to
ALTER TABLE reservations ADD COLUMN closed_at {int};
-- What the ledger row of a swept reservation says.
ALTER TABLE reservations ADD COLUMN organization_id {text} NOT NULL DEFAULT '';
ALTER TABLE reservations ADD COLUMN operation_type {text} NOT NULL DEFAULT 'other';
ALTER TABLE reservations ADD COLUMN provider {text} NOT NULL DEFAULT '';
ALTER TABLE reservations ADD COLUMN model {text} NOT NULL DEFAULT '';
ALTER TABLE reservations ADD COLUMN key_source {text} NOT NULL DEFAULT '';
ALTER TABLE reservations ADD COLUMN user_id {text};
ALTER TABLE reservations ADD COLUMN thread_id {text};
ALTER TABLE reservations ADD COLUMN agent_task_id {text};
ALTER TABLE reservations ADD COLUMN price_version {text}; -- NULL: unpriced
DROP INDEX reservations_by_node;
CREATE INDEX reservations_open ON reservations (workspace_id, month, cost_nanousd) WHERE state = 'OPEN';
CREATE INDEX reservations_closed ON reservations (closed_at) WHERE closed_at IS NOT NULL;

-- Lists go through the months as they are booked, so that a page and the sums of its month show the
-- same rows; the cost is in the index because reconciling adds it up.
DROP INDEX ledger_by_time;
CREATE INDEX ledger_by_month ON ledger (workspace_id, month, created_at, id, cost_nanousd);

ALTER TABLE budgets ADD COLUMN capped_at {int}; -- when owners were told that the cap is reached

-- What a workspace may spend. No row: the defaults.
CREATE TABLE budget_rules (
    workspace_id {text} NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    cap_nanousd  {int}, -- a UTC month; NULL: no cap
    warn_percent {int}  NOT NULL, -- of the cap; 0: no warning
    unpriced     {text} NOT NULL CHECK (unpriced IN ('REFUSE', 'ALLOW')),
    version      {int}  NOT NULL DEFAULT 1,
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    created_by   {text}
{rowid};

-- Prices of an organisation that stand before the shipped ones; nano-dollars a token.
CREATE TABLE price_overrides (
    organization_id {text} NOT NULL REFERENCES organizations (id),
    model           {text} NOT NULL,
    provider        {text} NOT NULL DEFAULT '', -- '': whoever serves it
    input           {int}  NOT NULL,
    output          {int}  NOT NULL,
    cache_read      {int}  NOT NULL,
    cache_write     {int}  NOT NULL,
    per_minute      {int}  NOT NULL DEFAULT 0,
    version         {int}  NOT NULL DEFAULT 1,
    created_at      {int}  NOT NULL,
    updated_at      {int}  NOT NULL,
    created_by      {text},
    PRIMARY KEY (organization_id, model, provider)
{clustered};

-- Sums of the ledger: each of its rows is counted once in each dimension, on the UTC day it was
-- written, held within the month it is booked to. So every breakdown of a month adds up to the same.
CREATE TABLE usage_days (
    workspace_id       {text} NOT NULL,
    month              {int}  NOT NULL, -- yyyymm UTC, as in the ledger
    dimension          {text} NOT NULL CHECK (dimension IN ('model', 'user', 'operation', 'keySource')),
    value              {text} NOT NULL, -- 'provider/model'; '' for nobody
    day                {int}  NOT NULL, -- since 1970-01-01
    calls              {int}  NOT NULL,
    unpriced           {int}  NOT NULL, -- of these calls: nobody knows what they cost
    input_tokens       {int}  NOT NULL,
    output_tokens      {int}  NOT NULL,
    cache_read_tokens  {int}  NOT NULL,
    cache_write_tokens {int}  NOT NULL,
    cost_nanousd       {int}  NOT NULL,
    PRIMARY KEY (workspace_id, month, dimension, value, day)
{clustered};
