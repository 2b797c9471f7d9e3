-- Keys that sign tokens which Bellhop makes for SDKs that verify them, each sealed under a version of the master key.
-- A key is published before it signs, and for as long as anything that it signed may live.
CREATE TABLE signing_keys (
    id             BIGINT NOT NULL PRIMARY KEY,
    master_version BIGINT NOT NULL,
    sealed         BYTEA NOT NULL,
    created        BIGINT NOT NULL
);

-- What a credential version was last exchanged for, where each exchange spends the secret that it is made with: the
-- next one must be made by one replica, with what this one got.
CREATE TABLE exchanges (
    credential_id TEXT NOT NULL,
    version       BIGINT NOT NULL,
    key_id        BIGINT REFERENCES keys (id),
    sealed        BYTEA,
    made          BIGINT NOT NULL,
    ends          BIGINT NOT NULL,
    holder        TEXT,
    held_until    BIGINT NOT NULL,
    PRIMARY KEY (credential_id, version),
    FOREIGN KEY (credential_id, version) REFERENCES credential_versions (credential_id, version) ON DELETE CASCADE,
    CHECK ((key_id IS NULL) = (sealed IS NULL))
);
