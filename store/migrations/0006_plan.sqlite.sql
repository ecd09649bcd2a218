-- Versions of plans, as they were published.
CREATE TABLE plan_version (
    id           TEXT PRIMARY KEY,
    plan         TEXT NOT NULL,
    currency     TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    hash         TEXT NOT NULL,
    draft        TEXT NOT NULL -- JSON
) STRICT;

CREATE TRIGGER plan_version_update BEFORE UPDATE ON plan_version BEGIN SELECT RAISE(ABORT, 'plan_version is append-only'); END;
CREATE TRIGGER plan_version_delete BEFORE DELETE ON plan_version BEGIN SELECT RAISE(ABORT, 'plan_version is append-only'); END;

-- Subscriptions with what each has used of its quota. Both parts have a
-- revision of their own: a lower one never replaces a higher one.
CREATE TABLE subscription (
    id        TEXT PRIMARY KEY,
    org       TEXT NOT NULL,
    live      INTEGER NOT NULL, -- 0: it is over
    rev       INTEGER NOT NULL,
    state     TEXT NOT NULL, -- JSON
    quota_rev INTEGER NOT NULL,
    quota     TEXT NOT NULL  -- JSON, empty before the first use
) STRICT;

CREATE UNIQUE INDEX subscription_live ON subscription (org) WHERE live = 1;

ALTER TABLE usage_event ADD COLUMN subscription TEXT NOT NULL DEFAULT '';
ALTER TABLE usage_event ADD COLUMN plan_version TEXT NOT NULL DEFAULT '';
ALTER TABLE usage_event ADD COLUMN cost TEXT NOT NULL DEFAULT '';

ALTER TABLE checkpoint ADD COLUMN subscription TEXT NOT NULL DEFAULT '';
ALTER TABLE checkpoint ADD COLUMN plan_version TEXT NOT NULL DEFAULT '';
ALTER TABLE checkpoint ADD COLUMN cost TEXT NOT NULL DEFAULT '';
