-- 1: the model is not listed.
ALTER TABLE model ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
