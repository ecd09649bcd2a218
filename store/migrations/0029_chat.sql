-- Conversations of people with models, each its owner's.
CREATE TABLE chat (
    id         TEXT PRIMARY KEY,
    org        TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    owner      TEXT NOT NULL, -- the user
    title      TEXT NOT NULL,
    model      TEXT NOT NULL,
    system     TEXT NOT NULL,
    head       TEXT NOT NULL,
    share      TEXT NOT NULL, -- hash of the token of its link; empty: it is not shared
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX chat_owner ON chat (org, owner, updated_at);
CREATE INDEX chat_share ON chat (share);

-- content holds as JSON what is not looked for.
CREATE TABLE chat_message (
    id         TEXT PRIMARY KEY,
    chat       TEXT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    status     TEXT NOT NULL,
    body       TEXT NOT NULL,
    content    TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX chat_message_chat ON chat_message (chat, id);
CREATE INDEX chat_message_open ON chat_message (status, id);
