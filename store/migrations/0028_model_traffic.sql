-- Where a model's calls go besides its own engines: a JSON object, or empty.
ALTER TABLE model ADD COLUMN traffic TEXT NOT NULL DEFAULT '';
