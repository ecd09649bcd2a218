-- How far the queue in front of the engines lowers the calls of a key or a project:
-- interactive, agent, batch or nothing.
ALTER TABLE api_key ADD COLUMN queue_class TEXT NOT NULL DEFAULT '';
ALTER TABLE project ADD COLUMN queue_class TEXT NOT NULL DEFAULT '';

-- What an organisation's calls are to the queue: a JSON object, or empty.
ALTER TABLE organisation ADD COLUMN queue TEXT NOT NULL DEFAULT '';
