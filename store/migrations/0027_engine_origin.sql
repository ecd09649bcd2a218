-- Who put the engine there: kubernetes, or empty for an operator.
ALTER TABLE engine ADD COLUMN origin TEXT NOT NULL DEFAULT '';
