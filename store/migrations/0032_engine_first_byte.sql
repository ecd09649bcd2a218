-- Microseconds until a stream's first bytes; 0 is no limit.
ALTER TABLE engine ADD COLUMN first_byte_timeout INTEGER NOT NULL DEFAULT 0;
