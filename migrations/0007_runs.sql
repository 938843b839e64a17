-- Chats and runs.

ALTER TABLE threads ADD COLUMN title_key {text} NOT NULL DEFAULT ''; -- folded in C, for search

-- How an answer ended; NULL: a question, or one that the client brought.
ALTER TABLE messages ADD COLUMN status {text}
    CHECK (status IN ('DONE', 'STOPPED', 'FAILED', 'INTERRUPTED', 'AWAITING'));
