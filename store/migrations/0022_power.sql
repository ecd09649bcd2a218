-- How the power of each engine is known, as JSON.
CREATE TABLE power_supply (
    engine TEXT PRIMARY KEY,
    supply TEXT NOT NULL
) STRICT;

-- From when until when the power of each engine was watched.
CREATE TABLE power_watched (
    engine   TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT;

-- What engines drew in each quarter of an hour, in millijoules, and for how many
-- microseconds of it that is known.
CREATE TABLE power_drawn (
    slot          INTEGER NOT NULL,
    engine        TEXT NOT NULL,
    measured      INTEGER NOT NULL,
    measured_for  INTEGER NOT NULL,
    estimated     INTEGER NOT NULL,
    estimated_for INTEGER NOT NULL,
    PRIMARY KEY (slot, engine)
) STRICT;

-- Tokens that engines computed in each quarter of an hour, by model.
CREATE TABLE power_worked (
    slot    INTEGER NOT NULL,
    engine  TEXT NOT NULL,
    model   TEXT NOT NULL,
    read    INTEGER NOT NULL,
    written INTEGER NOT NULL,
    PRIMARY KEY (slot, engine, model)
) STRICT;

-- What power costs from an instant on, as JSON.
CREATE TABLE power_terms (
    from_at INTEGER PRIMARY KEY, -- zero: from ever
    terms   TEXT NOT NULL
) STRICT;
