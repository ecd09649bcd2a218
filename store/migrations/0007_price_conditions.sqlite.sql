-- Rules of prices get conditions, lengths of output and steps. All but the price
-- is the key, which SQLite changes with the table only.
CREATE TABLE price_rule_next (
    book         TEXT NOT NULL REFERENCES price_book (id),
    model        TEXT NOT NULL,
    class        TEXT NOT NULL,
    batch        INTEGER NOT NULL, -- 1: of batches
    service_tier TEXT NOT NULL,
    calendar     TEXT NOT NULL,
    thinking     INTEGER NOT NULL, -- 1: of thinking calls
    context_min  INTEGER NOT NULL,
    context_max  INTEGER NOT NULL, -- exclusive as all maxima, zero is open-ended
    output_min   INTEGER NOT NULL,
    output_max   INTEGER NOT NULL,
    steps        TEXT NOT NULL,
    period       TEXT NOT NULL,
    volume_min   INTEGER NOT NULL,
    volume_max   INTEGER NOT NULL,
    price        INTEGER NOT NULL, -- pico per unit
    PRIMARY KEY (book, model, class, batch, service_tier, calendar, thinking, context_min, context_max, output_min, output_max,
        steps, period, volume_min, volume_max)
) STRICT;

INSERT INTO price_rule_next SELECT book, model, class, 0, '', '', 0, context_min, context_max, 0, 0, '', '', 0, 0, price FROM price_rule;

DROP TABLE price_rule;
ALTER TABLE price_rule_next RENAME TO price_rule;

CREATE TRIGGER price_rule_update BEFORE UPDATE ON price_rule BEGIN SELECT RAISE(ABORT, 'price_rule is append-only'); END;
CREATE TRIGGER price_rule_delete BEFORE DELETE ON price_rule BEGIN SELECT RAISE(ABORT, 'price_rule is append-only'); END;

-- The timezone in which the periods of steps begin; empty is UTC.
ALTER TABLE price_book ADD COLUMN zone TEXT NOT NULL DEFAULT '';

-- The calendars that a book's rules name.
CREATE TABLE price_calendar (
    book       TEXT NOT NULL REFERENCES price_book (id),
    name       TEXT NOT NULL,
    definition TEXT NOT NULL, -- its versions, in JSON
    PRIMARY KEY (book, name)
) STRICT;

CREATE TRIGGER price_calendar_update BEFORE UPDATE ON price_calendar BEGIN SELECT RAISE(ABORT, 'price_calendar is append-only'); END;
CREATE TRIGGER price_calendar_delete BEFORE DELETE ON price_calendar BEGIN SELECT RAISE(ABORT, 'price_calendar is append-only'); END;
