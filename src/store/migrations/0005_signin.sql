-- A person who has signed in at the page. Of the value in their cookie only a digest is here.
CREATE TABLE sessions (
    digest  TEXT NOT NULL PRIMARY KEY CHECK (length(digest) = 64),
    id      TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id),
    created BIGINT NOT NULL,
    seen    BIGINT NOT NULL,
    ends    BIGINT NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (ends);

-- A link that somebody hands over: whoever opens it first chooses a password. The one for the first administrator is
-- nobody's yet.
CREATE TABLE links (
    digest  TEXT NOT NULL PRIMARY KEY CHECK (length(digest) = 64),
    purpose TEXT NOT NULL CHECK (purpose IN ('setup', 'invitation', 'reset')),
    user_id TEXT REFERENCES users (id),
    created BIGINT NOT NULL,
    ends    BIGINT NOT NULL,
    CHECK ((purpose = 'setup') = (user_id IS NULL))
);
CREATE INDEX links_of_user ON links (user_id);
