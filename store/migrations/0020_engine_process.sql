-- How an engine is started on this machine: a JSON object, empty of engines that
-- are not.
ALTER TABLE engine ADD COLUMN process TEXT NOT NULL DEFAULT '';

-- 1: its operator has stopped it.
ALTER TABLE engine ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;

-- Starts of engines: jobs that a server which was stopped takes up again.
CREATE TABLE engine_start (
    id       TEXT PRIMARY KEY,
    engine   TEXT NOT NULL REFERENCES engine (id) ON DELETE CASCADE,
    cause    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    stage    TEXT NOT NULL,
    percent  INTEGER NOT NULL, -- -1: not known
    bytes    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    ended_at INTEGER NOT NULL, -- 0: under way
    error    TEXT NOT NULL
) STRICT;

CREATE INDEX engine_start_engine ON engine_start (engine, id);
CREATE INDEX engine_start_open ON engine_start (id) WHERE ended_at = 0;
