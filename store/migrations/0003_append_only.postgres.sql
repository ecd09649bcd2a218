-- What is booked stays booked: a correction is another transaction. A
-- published price book stays as it was published.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER tx_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tx EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_event EXECUTE FUNCTION refuse_change();
CREATE TRIGGER price_book_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_book EXECUTE FUNCTION refuse_change();
CREATE TRIGGER price_rule_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_rule EXECUTE FUNCTION refuse_change();
