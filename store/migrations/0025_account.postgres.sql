-- Who signs in, what they may do, and what they did.

CREATE TABLE app_user (
    id            TEXT PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE, -- normalised
    name          TEXT NOT NULL,
    language      TEXT NOT NULL,
    operator_role TEXT NOT NULL, -- empty: none
    password      TEXT NOT NULL, -- a hash with its parameters; empty: none
    password_at   INTEGER NOT NULL,
    totp          TEXT NOT NULL, -- sealed; empty: none
    totp_step     INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    signed_in_at  INTEGER NOT NULL,
    disabled_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE member (
    org        TEXT NOT NULL REFERENCES organisation (id),
    app_user   TEXT NOT NULL REFERENCES app_user (id),
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org, app_user)
) STRICT;

CREATE INDEX member_of ON member (app_user);

CREATE TABLE session (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE, -- SHA-256 of the token
    app_user   TEXT NOT NULL REFERENCES app_user (id),
    kind       TEXT NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    proven_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX session_of ON session (app_user);
CREATE INDEX session_expires ON session (expires_at);

CREATE TABLE invitation (
    id          TEXT PRIMARY KEY,
    hash        BLOB NOT NULL UNIQUE,
    org         TEXT REFERENCES organisation (id), -- NULL: the operator
    role        TEXT NOT NULL,
    email       TEXT NOT NULL,
    invited_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    accepted_by TEXT NOT NULL,
    revoked_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX invitation_org ON invitation (org, id);

CREATE TABLE password_reset (
    hash       BLOB PRIMARY KEY,
    app_user   TEXT NOT NULL REFERENCES app_user (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX password_reset_of ON password_reset (app_user);

CREATE TABLE recovery_code (
    app_user TEXT NOT NULL REFERENCES app_user (id),
    hash     BLOB NOT NULL,
    PRIMARY KEY (app_user, hash)
) STRICT;

CREATE TABLE passkey (
    id         TEXT PRIMARY KEY,
    app_user   TEXT NOT NULL REFERENCES app_user (id),
    name       TEXT NOT NULL,
    handle     BLOB NOT NULL UNIQUE, -- the credential's id
    credential TEXT NOT NULL,        -- JSON
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX passkey_of ON passkey (app_user);

CREATE TABLE identity (
    provider   TEXT NOT NULL,
    subject    TEXT NOT NULL,
    app_user   TEXT NOT NULL REFERENCES app_user (id),
    email      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT;

CREATE INDEX identity_of ON identity (app_user);

-- Each entry's hash takes up the one before.
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    name     TEXT NOT NULL,
    acting   TEXT NOT NULL,
    org      TEXT NOT NULL,
    action   TEXT NOT NULL,
    object   TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    address  TEXT NOT NULL,
    agent    TEXT NOT NULL,
    detail   TEXT NOT NULL,
    hash     BLOB NOT NULL
) STRICT;

CREATE INDEX audit_org ON audit (org, seq);
CREATE INDEX audit_actor ON audit (actor_id, seq);

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION refuse_change();
