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
