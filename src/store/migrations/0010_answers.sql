-- What a creation was answered that came with a key of its caller's, for as long as it may be asked for again. Written
-- in the creation's own transaction; sealed, because some answers show a secret once. `key` and `request` are digests.
CREATE TABLE answers (
    user_id TEXT NOT NULL REFERENCES users (id),
    key     TEXT NOT NULL CHECK (length(key) = 64),
    request TEXT NOT NULL CHECK (length(request) = 64),
    sealed  BYTEA NOT NULL,
    made    BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX answers_by_time ON answers (made);
