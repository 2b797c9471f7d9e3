-- What each running process is: its program's version, and the newest step of the schema that it knows. Null: a program from
-- before it could say so.
ALTER TABLE processes ADD COLUMN version TEXT;
ALTER TABLE processes ADD COLUMN knows BIGINT;
