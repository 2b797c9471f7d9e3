-- When a change was made, by the store's own clock: what a replica measures how soon it follows with. Replicas of an
-- earlier version leave it empty.
ALTER TABLE changes ADD COLUMN at BIGINT;

-- How often a process has said that it lives. Others count and do not compare clocks, which jump.
ALTER TABLE processes ADD COLUMN beats BIGINT NOT NULL DEFAULT 0;
-- For people: where it runs, which version it is, up to which change it has followed, and how soon it does.
ALTER TABLE processes ADD COLUMN host TEXT;
ALTER TABLE processes ADD COLUMN version TEXT;
ALTER TABLE processes ADD COLUMN followed BIGINT;
ALTER TABLE processes ADD COLUMN lag BIGINT;
-- The newest schema that its program knows: what it still reads is not taken away under it.
ALTER TABLE processes ADD COLUMN knows BIGINT;

-- What one process does for all of them. `epoch` grows with each that takes it over, so that a write of one that lost it
-- without knowing is refused.
CREATE TABLE leases (
    name       TEXT NOT NULL PRIMARY KEY,
    process_id TEXT,
    epoch      BIGINT NOT NULL
);
