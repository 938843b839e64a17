-- People: invites, second factor, recovery codes.

CREATE TABLE invites (
    workspace_id {text}  NOT NULL REFERENCES workspaces (id),
    id           {text}  NOT NULL,
    email        {text}  NOT NULL, -- as entered
    email_key    {text}  NOT NULL,
    role         {text}  NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')),
    token_hash   {bytes} NOT NULL, -- SHA-256 of the link's token
    expires_at   {int}   NOT NULL,
    closed_at    {int},
    closed_as    {text} CHECK (closed_as IN ('ACCEPTED', 'REVOKED', 'REPLACED')),
    user_id      {text}, -- who accepted
    version      {int}   NOT NULL DEFAULT 1,
    created_at   {int}   NOT NULL,
    updated_at   {int}   NOT NULL,
    created_by   {text}  NOT NULL REFERENCES users (id), -- whose role vouches for the invite's
    PRIMARY KEY (workspace_id, id)
{rowid};
CREATE UNIQUE INDEX invites_by_token ON invites (token_hash);
CREATE UNIQUE INDEX invites_open ON invites (workspace_id, email_key) WHERE closed_at IS NULL;
CREATE INDEX invites_by_expiry ON invites (expires_at);

-- Time step of the last code that was taken: none is taken twice, nor an older one.
ALTER TABLE users ADD COLUMN totp_step {int} NOT NULL DEFAULT 0;

CREATE TABLE recovery_codes (
    user_id    {text}  NOT NULL REFERENCES users (id),
    hash       {bytes} NOT NULL, -- SHA-256 over user and code, which has 80 random bits
    used_at    {int},
    created_at {int}   NOT NULL,
    PRIMARY KEY (user_id, hash)
{clustered};
