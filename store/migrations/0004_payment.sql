-- What organisations were asked to pay, and what became of it. The money itself
-- is in the ledger.

CREATE TABLE payment (
    id              TEXT PRIMARY KEY,
    org             TEXT NOT NULL REFERENCES organisation (id),
    provider        TEXT NOT NULL,
    currency        TEXT NOT NULL,
    amount_nano     INTEGER NOT NULL CHECK (amount_nano > 0),
    amount_carry    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    checkout_url    TEXT NOT NULL,
    reference       TEXT NOT NULL, -- the provider's own id, empty until it is known
    pending         INTEGER NOT NULL,
    paid            INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    expired         INTEGER NOT NULL,
    refunded_nano   INTEGER NOT NULL,
    refunded_carry  INTEGER NOT NULL,
    disputed_nano   INTEGER NOT NULL,
    disputed_carry  INTEGER NOT NULL,
    dispute         INTEGER NOT NULL,
    from_nano       INTEGER NOT NULL, -- the refund under way
    from_carry      INTEGER NOT NULL,
    to_nano         INTEGER NOT NULL,
    to_carry        INTEGER NOT NULL,
    booked_nano     INTEGER NOT NULL CHECK (booked_nano >= 0),
    booked_carry    INTEGER NOT NULL,
    booking_nano    INTEGER NOT NULL, -- the booking under way
    booking_carry   INTEGER NOT NULL,
    bookings        INTEGER NOT NULL,
    version         INTEGER NOT NULL
) STRICT;

CREATE INDEX payment_org ON payment (org, id);

-- One payment at a provider settles one of ours.
CREATE UNIQUE INDEX payment_reference ON payment (provider, reference) WHERE reference <> '';

-- What a process that died has left to be done.
CREATE INDEX payment_unfinished ON payment (id) WHERE booking_nano <> 0 OR booking_carry <> 0 OR to_nano <> 0 OR to_carry <> 0;
