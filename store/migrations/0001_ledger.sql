-- The ledger. Times are microseconds since 1970 in UTC, zero for none. Money is
-- nano, units of 1e-9, and carry, the 0 to 999 units of 1e-12 above it.

CREATE TABLE account (
    id       INTEGER PRIMARY KEY,
    owner    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    currency TEXT NOT NULL,
    nano     INTEGER NOT NULL,
    carry    INTEGER NOT NULL CHECK (carry BETWEEN 0 AND 999),
    UNIQUE (owner, kind, currency),
    -- The last line of defence: whatever the code above decided, a wallet is
    -- never overdrawn.
    CONSTRAINT account_overdrawn CHECK (kind NOT IN ('prepaid', 'promotional') OR nano >= 0)
) STRICT;

CREATE TABLE tx (
    seq  INTEGER PRIMARY KEY,
    id   TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    at   INTEGER NOT NULL,
    memo TEXT NOT NULL
) STRICT;

-- The transactions that are not usage, few, by each owner of an account that
-- they touch: where a statement finds them.
CREATE TABLE other_tx (
    owner TEXT NOT NULL,
    at    INTEGER NOT NULL,
    tx    INTEGER NOT NULL,
    PRIMARY KEY (owner, at, tx)
) STRICT, WITHOUT ROWID;

-- entry refers to tx and account without foreign keys: the store gives both
-- numbers itself, and a check of each would lock the row of a busy account.
CREATE TABLE entry (
    tx      INTEGER NOT NULL,
    line    INTEGER NOT NULL,
    account INTEGER NOT NULL,
    nano    INTEGER NOT NULL,
    carry   INTEGER NOT NULL CHECK (carry BETWEEN 0 AND 999),
    PRIMARY KEY (tx, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_event (
    tx          INTEGER PRIMARY KEY REFERENCES tx (seq),
    org         TEXT NOT NULL,
    project     TEXT NOT NULL,
    key         TEXT NOT NULL,
    model       TEXT NOT NULL,
    engine      TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    admitted_at INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    status      TEXT NOT NULL,
    input       INTEGER NOT NULL,
    cached      INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    reasoning   INTEGER NOT NULL,
    estimated   INTEGER NOT NULL,
    simulated   INTEGER NOT NULL,
    currency    TEXT NOT NULL,
    book        TEXT NOT NULL,
    list_pico   INTEGER NOT NULL,
    charge_pico INTEGER NOT NULL
) STRICT;

CREATE INDEX usage_event_org ON usage_event (org, ended_at, tx);

-- A call that still runs, as it would be billed if the process died now.
CREATE TABLE checkpoint (
    call_id     TEXT PRIMARY KEY,
    org         TEXT NOT NULL,
    project     TEXT NOT NULL,
    key         TEXT NOT NULL,
    model       TEXT NOT NULL,
    engine      TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    admitted_at INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    status      TEXT NOT NULL,
    input       INTEGER NOT NULL,
    cached      INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    reasoning   INTEGER NOT NULL,
    estimated   INTEGER NOT NULL,
    simulated   INTEGER NOT NULL,
    currency    TEXT NOT NULL,
    book        TEXT NOT NULL,
    list_pico   INTEGER NOT NULL,
    charge_pico INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What each key was charged in all, and when it was last used.
CREATE TABLE key_spend (
    key       TEXT PRIMARY KEY,
    nano      INTEGER NOT NULL,
    carry     INTEGER NOT NULL CHECK (carry BETWEEN 0 AND 999),
    last_used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
