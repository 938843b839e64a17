-- Stored credentials and the keys that wrap them.

-- Keys of organisations, and '-' of the installation: random, wrapped under a root key (src/vault).
CREATE TABLE data_keys (
    scope      {text}  NOT NULL, -- an organisation's id, or '-'
    version    {int}   NOT NULL, -- sealed columns name it
    root_id    {text}  NOT NULL, -- of the root key that wraps it
    wrapped    {bytes} NOT NULL,
    created_at {int}   NOT NULL,
    wrapped_at {int}   NOT NULL,
    PRIMARY KEY (scope, version)
{clustered};

-- One row a provider and tier: the unit that is supplied whole. owner_id is a user, a workspace, or '' of the
-- organisation itself. Secrets are sealed under the organisation's data key, bound to all that names the row and to
-- the endpoint they may be sent to.
CREATE TABLE credentials (
    organization_id   {text} NOT NULL REFERENCES organizations (id),
    tier              {text} NOT NULL CHECK (tier IN ('USER', 'WORKSPACE', 'ORGANIZATION')),
    owner_id          {text} NOT NULL,
    provider          {text} NOT NULL CHECK (provider IN ('anthropic', 'openai', 'groq', 'hermes', 'openclaw')),
    id                {text} NOT NULL,
    workspace_id      {text} NOT NULL, -- where it was last changed: its events stand there
    state             {text} NOT NULL CHECK (state IN ('SET', 'VERIFIED', 'REFUSED', 'UNREADABLE')),
    endpoint          {text}, -- its own address; NULL: the provider's
    agent_id          {text},
    cf_client_id      {text},
    secret            {bytes}, -- key or bearer
    secret_version    {int}  NOT NULL DEFAULT 0, -- +1 each time it is set
    secret_masked     {text},
    cf_secret         {bytes},
    cf_secret_version {int}  NOT NULL DEFAULT 0,
    cf_secret_masked  {text},
    verified_at       {int},
    checked_at        {int}  NOT NULL DEFAULT 0, -- by the job that verifies
    version           {int}  NOT NULL DEFAULT 1,
    created_at        {int}  NOT NULL,
    updated_at        {int}  NOT NULL,
    created_by        {text},
    PRIMARY KEY (organization_id, tier, owner_id, provider)
{rowid};
CREATE UNIQUE INDEX credentials_by_id ON credentials (id);
CREATE INDEX credentials_by_check ON credentials (checked_at, id) WHERE secret IS NOT NULL;

-- What a tier chooses; of the organisation's row also its policy.
CREATE TABLE ai_settings (
    organization_id        {text} NOT NULL REFERENCES organizations (id),
    tier                   {text} NOT NULL CHECK (tier IN ('USER', 'WORKSPACE', 'ORGANIZATION')),
    owner_id               {text} NOT NULL,
    chat_provider          {text},
    chat_model             {text},
    transcription_provider {text},
    allow_personal_keys    {int}  NOT NULL DEFAULT 1,
    version                {int}  NOT NULL DEFAULT 1,
    created_at             {int}  NOT NULL,
    updated_at             {int}  NOT NULL,
    created_by             {text},
    PRIMARY KEY (organization_id, tier, owner_id)
{clustered};
