-- Where a version's value is read from while Bellhop runs (JSON; null: it was entered), and what the provider last said
-- of the version when it was asked.

ALTER TABLE credential_versions ADD COLUMN source TEXT;
ALTER TABLE credential_versions ADD COLUMN probed BIGINT;
ALTER TABLE credential_versions ADD COLUMN probe_verdict TEXT CHECK (probe_verdict IN ('valid', 'refused', 'unreachable'));
ALTER TABLE credential_versions ADD COLUMN probe_account TEXT;

-- How each running process finds the source of a version: written when that changes, and once a minute. Rows of
-- processes that have ended are nobody's.
CREATE TABLE source_states (
    credential_id TEXT NOT NULL,
    version       BIGINT NOT NULL,
    process_id    TEXT NOT NULL,
    read_at       BIGINT,
    failing_since BIGINT,
    problem       TEXT,
    noted         BIGINT NOT NULL,
    PRIMARY KEY (credential_id, version, process_id)
);
