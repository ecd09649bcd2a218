-- Who calls, what is sold and at what price.

CREATE TABLE organisation (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    currency   TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE project (
    id                  TEXT PRIMARY KEY,
    org                 TEXT NOT NULL REFERENCES organisation (id),
    name                TEXT NOT NULL,
    requests_per_minute INTEGER NOT NULL,
    tokens_per_minute   INTEGER NOT NULL,
    concurrent          INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    UNIQUE (org, name),
    UNIQUE (org, id)
) STRICT;

-- A key of the operator has neither organisation nor project. A project is
-- always one of the key's own organisation.
CREATE TABLE api_key (
    id                  TEXT PRIMARY KEY,
    hash                BLOB NOT NULL UNIQUE,
    org                 TEXT REFERENCES organisation (id),
    project             TEXT,
    name                TEXT NOT NULL,
    role                TEXT NOT NULL,
    last4               TEXT NOT NULL,
    models              TEXT NOT NULL, -- a JSON array of names
    requests_per_minute INTEGER NOT NULL,
    tokens_per_minute   INTEGER NOT NULL,
    concurrent          INTEGER NOT NULL,
    cap_nano            INTEGER,
    cap_carry           INTEGER,
    expires_at          INTEGER NOT NULL,
    revoked_at          INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    FOREIGN KEY (org, project) REFERENCES project (org, id),
    CHECK (project IS NULL OR org IS NOT NULL)
) STRICT;

CREATE TABLE model (
    name           TEXT PRIMARY KEY,
    description    TEXT NOT NULL,
    owned_by       TEXT NOT NULL,
    context_length INTEGER NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE engine (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    url        TEXT NOT NULL,
    secret     BLOB NOT NULL,
    on_leave   TEXT NOT NULL,
    no_salt    INTEGER NOT NULL, -- 1: requests go without cache_salt
    concurrent INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE engine_model (
    engine TEXT NOT NULL REFERENCES engine (id) ON DELETE CASCADE,
    name   TEXT NOT NULL, -- the public name
    own    TEXT NOT NULL, -- the engine's name for it
    PRIMARY KEY (engine, name)
) STRICT;

CREATE TABLE price_book (
    id           TEXT PRIMARY KEY,
    currency     TEXT NOT NULL,
    effective_at INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    hash         TEXT NOT NULL
) STRICT;

CREATE TABLE price_rule (
    book        TEXT NOT NULL REFERENCES price_book (id),
    model       TEXT NOT NULL,
    class       TEXT NOT NULL,
    context_min INTEGER NOT NULL,
    context_max INTEGER NOT NULL, -- exclusive, zero is open-ended
    price       INTEGER NOT NULL, -- pico per token
    PRIMARY KEY (book, model, class, context_min)
) STRICT;

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
