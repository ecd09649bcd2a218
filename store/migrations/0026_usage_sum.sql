-- What requests come to by hours and days: for graphs, not for bills. It follows
-- from usage_event and what servers counted in memory.

-- level 0 is everybody together, with org, project and key empty; 1 is an
-- organisation, with project and key empty; 2 is a key. step is the seconds of
-- the stretch that begins at start.
CREATE TABLE usage_sum (
    org          TEXT NOT NULL,
    level        INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    start        INTEGER NOT NULL,
    project      TEXT NOT NULL,
    key          TEXT NOT NULL,
    model        TEXT NOT NULL,
    currency     TEXT NOT NULL,
    simulated    INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    units        TEXT NOT NULL, -- a JSON array by class
    list_nano    INTEGER NOT NULL,
    list_carry   INTEGER NOT NULL,
    charge_nano  INTEGER NOT NULL,
    charge_carry INTEGER NOT NULL,
    refund_nano  INTEGER NOT NULL,
    refund_carry INTEGER NOT NULL,
    ttft         TEXT NOT NULL, -- bucket:count, with commas between
    results      TEXT NOT NULL, -- a JSON object from result to requests
    PRIMARY KEY (org, level, step, start, project, key, model, currency, simulated)
) STRICT, WITHOUT ROWID;

-- All organisations beside each other.
CREATE INDEX usage_sum_level ON usage_sum (level, step, start);

-- Up to which transaction events are in usage_sum. One row.
CREATE TABLE usage_fold (
    tx INTEGER NOT NULL
) STRICT;

INSERT INTO usage_fold (tx) VALUES (0);

-- Requests to the management API under idempotency keys, for a day. Of the key and
-- of the request only SHA-256 is kept; the answer is sealed.
CREATE TABLE idempotent_request (
    principal    TEXT NOT NULL,
    key          TEXT NOT NULL,
    request      TEXT NOT NULL,
    begun_at     INTEGER NOT NULL,
    status       INTEGER NOT NULL, -- zero until it is answered
    content_type TEXT NOT NULL,
    answer       TEXT NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotent_request_begun ON idempotent_request (begun_at);
