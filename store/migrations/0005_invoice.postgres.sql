-- Who sells and who buys, as invoices name them now; an invoice keeps its own copy.
CREATE TABLE billing_party (
    owner        TEXT PRIMARY KEY, -- an organisation's id, or operator
    name         TEXT NOT NULL,
    address      TEXT NOT NULL,
    tax_id       TEXT NOT NULL,
    email        TEXT NOT NULL,
    zone         TEXT NOT NULL,
    tax_rate     INTEGER NOT NULL, -- basis points
    tax_included INTEGER NOT NULL,
    tax_name     TEXT NOT NULL,
    tax_note     TEXT NOT NULL
) STRICT;

-- Issued invoices and corrections, numbered without a gap in each year. A month
-- has one invoice in each revision, and one correction that ends it.
CREATE TABLE invoice (
    id       TEXT PRIMARY KEY,
    org      TEXT NOT NULL,
    year     INTEGER NOT NULL,
    n        INTEGER NOT NULL CHECK (n > 0),
    kind     TEXT NOT NULL,
    period   TEXT NOT NULL,
    revision INTEGER NOT NULL,
    tx       TEXT NOT NULL, -- the transaction that it posts, empty when there is nothing to post
    document TEXT NOT NULL, -- JSON
    hash     TEXT NOT NULL, -- SHA-256 of the document
    UNIQUE (year, n),
    UNIQUE (org, period, revision, kind)
) STRICT;

CREATE TRIGGER invoice_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice EXECUTE FUNCTION refuse_change();
