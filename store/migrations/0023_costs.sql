-- Pools of nodes, JSON.
CREATE TABLE cost_pool (
    name     TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- How many nodes a pool had from an instant to another, in microseconds since
-- 1970. Those of a pool do not overlap.
CREATE TABLE node_span (
    pool    TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    to_at   INTEGER NOT NULL,
    nodes   TEXT NOT NULL, -- a decimal
    PRIMARY KEY (pool, from_at)
) STRICT;

CREATE INDEX node_span_to ON node_span (to_at);

-- What is paid for a period, JSON.
CREATE TABLE cost_payment (
    id       TEXT PRIMARY KEY,
    from_at  INTEGER NOT NULL,
    to_at    INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- Where an engine belongs, JSON.
CREATE TABLE engine_place (
    engine   TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- What costs days were closed with, by the SHA-256 of the JSON.
CREATE TABLE cost_kept (
    hash     TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- For how many microseconds of an hour an engine was up.
CREATE TABLE engine_up (
    engine TEXT NOT NULL,
    hour   INTEGER NOT NULL,
    up     INTEGER NOT NULL,
    PRIMARY KEY (engine, hour)
) STRICT;

CREATE INDEX engine_up_hour ON engine_up (hour);

-- Where the counters of an engine stood when they were read last.
CREATE TABLE engine_reading (
    engine     TEXT PRIMARY KEY,
    prompt     INTEGER NOT NULL,
    completion INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    known_from INTEGER NOT NULL, -- the first hour that is counted from its begin
    restarts   INTEGER NOT NULL
) STRICT;

-- Deployments at customers', which report what they served by signed files. head is
-- the hash of the last report.
CREATE TABLE local_deployment (
    name     TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    reports  INTEGER NOT NULL,
    head     TEXT NOT NULL
) STRICT;

-- What they reported: a row for each line, booked by a transaction for each hour.
CREATE TABLE local_row (
    deployment TEXT NOT NULL,
    report     INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    tx         TEXT NOT NULL,
    hour       INTEGER NOT NULL,
    document   TEXT NOT NULL,
    PRIMARY KEY (deployment, report, line)
) STRICT;

CREATE INDEX local_row_hour ON local_row (hour);
CREATE INDEX local_row_tx ON local_row (tx);
