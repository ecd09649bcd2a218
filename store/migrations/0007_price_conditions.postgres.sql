-- Rules of prices get conditions, lengths of output and steps. All but the price
-- is the key.
ALTER TABLE price_rule
    ADD COLUMN batch        INTEGER NOT NULL DEFAULT 0, -- 1: of batches
    ADD COLUMN service_tier TEXT NOT NULL DEFAULT '',
    ADD COLUMN calendar     TEXT NOT NULL DEFAULT '',
    ADD COLUMN thinking     INTEGER NOT NULL DEFAULT 0, -- 1: of thinking calls
    ADD COLUMN output_min   INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN output_max   INTEGER NOT NULL DEFAULT 0, -- exclusive as all maxima, zero is open-ended
    ADD COLUMN steps        TEXT NOT NULL DEFAULT '',
    ADD COLUMN period       TEXT NOT NULL DEFAULT '',
    ADD COLUMN volume_min   INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN volume_max   INTEGER NOT NULL DEFAULT 0,
    DROP CONSTRAINT price_rule_pkey,
    ADD PRIMARY KEY (book, model, class, batch, service_tier, calendar, thinking, context_min, context_max, output_min, output_max,
        steps, period, volume_min, volume_max);

-- The timezone in which the periods of steps begin; empty is UTC.
ALTER TABLE price_book ADD COLUMN zone TEXT NOT NULL DEFAULT '';

-- The calendars that a book's rules name.
CREATE TABLE price_calendar (
    book       TEXT NOT NULL REFERENCES price_book (id),
    name       TEXT NOT NULL,
    definition TEXT NOT NULL, -- its versions, in JSON
    PRIMARY KEY (book, name)
) STRICT;

CREATE TRIGGER price_calendar_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_calendar EXECUTE FUNCTION refuse_change();
