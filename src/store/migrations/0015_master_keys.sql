-- Which newest version of the master key each running process has at hand: its number and a fingerprint of it. Null: it has not
-- said so.
ALTER TABLE processes ADD COLUMN master_key TEXT;
