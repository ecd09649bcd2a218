-- What is booked stays booked: a correction is another transaction. A
-- published price book stays as it was published.

CREATE TRIGGER tx_update BEFORE UPDATE ON tx BEGIN SELECT RAISE(ABORT, 'tx is append-only'); END;
CREATE TRIGGER tx_delete BEFORE DELETE ON tx BEGIN SELECT RAISE(ABORT, 'tx is append-only'); END;

CREATE TRIGGER entry_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER entry_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;

CREATE TRIGGER usage_event_update BEFORE UPDATE ON usage_event BEGIN SELECT RAISE(ABORT, 'usage_event is append-only'); END;
CREATE TRIGGER usage_event_delete BEFORE DELETE ON usage_event BEGIN SELECT RAISE(ABORT, 'usage_event is append-only'); END;

CREATE TRIGGER price_book_update BEFORE UPDATE ON price_book BEGIN SELECT RAISE(ABORT, 'price_book is append-only'); END;
CREATE TRIGGER price_book_delete BEFORE DELETE ON price_book BEGIN SELECT RAISE(ABORT, 'price_book is append-only'); END;

CREATE TRIGGER price_rule_update BEFORE UPDATE ON price_rule BEGIN SELECT RAISE(ABORT, 'price_rule is append-only'); END;
CREATE TRIGGER price_rule_delete BEFORE DELETE ON price_rule BEGIN SELECT RAISE(ABORT, 'price_rule is append-only'); END;
