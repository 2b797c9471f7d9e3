-- Written as PostgreSQL reads it; `dialect` turns it into SQLite's words. Truth values are 0 and 1, times are
-- milliseconds since 1970, and an expiry that never comes is the largest BIGINT.
--
-- What is deleted keeps its row under a name that nobody can be a member of (`deleted-` and the id): a pin, a list or
-- a restriction that names it then fits nothing, instead of becoming "no pin" or "no restriction".

CREATE TABLE organizations (
    id             TEXT NOT NULL PRIMARY KEY,
    name           TEXT COLLATE "C" NOT NULL UNIQUE,
    job_visibility TEXT NOT NULL CHECK (job_visibility IN ('own', 'all')),
    origin         TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    created        BIGINT NOT NULL,
    deleted        BIGINT
);

CREATE TABLE users (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT COLLATE "C" NOT NULL UNIQUE,
    admin         BIGINT NOT NULL CHECK (admin IN (0, 1)),
    disabled      BIGINT NOT NULL CHECK (disabled IN (0, 1)),
    password_hash TEXT,
    origin        TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    created       BIGINT NOT NULL,
    deleted       BIGINT
);

CREATE TABLE memberships (
    user_id         TEXT NOT NULL REFERENCES users (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    role            TEXT NOT NULL CHECK (role IN ('owner', 'maintainer', 'member')),
    origin          TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    PRIMARY KEY (user_id, organization_id)
);
CREATE INDEX memberships_of_organization ON memberships (organization_id);

CREATE TABLE projects (
    id              TEXT NOT NULL PRIMARY KEY,
    user_id         TEXT REFERENCES users (id),
    organization_id TEXT REFERENCES organizations (id),
    name            TEXT COLLATE "C" NOT NULL,
    origin          TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    created         BIGINT NOT NULL,
    deleted         BIGINT,
    CHECK ((user_id IS NULL) <> (organization_id IS NULL)),
    UNIQUE (user_id, name),
    UNIQUE (organization_id, name),
    UNIQUE (id, organization_id)
);

-- A project's members are members of its organization, and stop being the one with the other.
CREATE TABLE project_members (
    user_id         TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    project_id      TEXT NOT NULL,
    origin          TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    PRIMARY KEY (user_id, organization_id, project_id),
    FOREIGN KEY (user_id, organization_id) REFERENCES memberships (user_id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (project_id, organization_id) REFERENCES projects (id, organization_id)
);
CREATE INDEX project_members_of_project ON project_members (project_id, organization_id);

-- A context is `me` (both null), a project of the user's, an organization, or one of its projects.
CREATE TABLE active_contexts (
    user_id         TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    organization_id TEXT REFERENCES organizations (id),
    project_id      TEXT REFERENCES projects (id)
);

CREATE TABLE tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    name       TEXT COLLATE "C" NOT NULL,
    digest     TEXT NOT NULL CHECK (length(digest) = 64),
    hint       TEXT,
    scopes     TEXT NOT NULL,
    providers  TEXT NOT NULL,
    networks   TEXT NOT NULL,
    expires    BIGINT NOT NULL,
    origin     TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    created    BIGINT NOT NULL,
    last_used  BIGINT,
    revoked    BIGINT,
    revoked_by TEXT CHECK (revoked_by IN ('hand', 'apply')),
    CHECK ((revoked IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX tokens_by_digest ON tokens (digest) WHERE revoked IS NULL;
CREATE INDEX tokens_by_revoked_digest ON tokens (digest) WHERE revoked IS NOT NULL;
CREATE UNIQUE INDEX tokens_by_name ON tokens (user_id, name) WHERE revoked IS NULL;

CREATE TABLE token_contexts (
    token_id        TEXT NOT NULL REFERENCES tokens (id),
    purpose         TEXT NOT NULL CHECK (purpose IN ('pin', 'allow')),
    organization_id TEXT REFERENCES organizations (id),
    project_id      TEXT REFERENCES projects (id)
);
CREATE INDEX token_contexts_of_token ON token_contexts (token_id);
CREATE UNIQUE INDEX token_has_one_pin ON token_contexts (token_id) WHERE purpose = 'pin';

-- Random keys, each sealed under a version of the master key. The check value proves that a master key is the right one.
CREATE TABLE keys (
    id             BIGINT NOT NULL PRIMARY KEY,
    purpose        TEXT NOT NULL CHECK (purpose IN ('check', 'sealing', 'sessions', 'minted', 'audit')),
    master_version BIGINT NOT NULL,
    sealed         BYTEA NOT NULL,
    created        BIGINT NOT NULL
);

CREATE TABLE credentials (
    id              TEXT NOT NULL PRIMARY KEY,
    user_id         TEXT REFERENCES users (id),
    organization_id TEXT REFERENCES organizations (id),
    project_id      TEXT REFERENCES projects (id),
    provider        TEXT COLLATE "C" NOT NULL,
    label           TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('active', 'disabled', 'retired', 'deleted')),
    version         BIGINT NOT NULL CHECK (version > 0),
    expires         BIGINT NOT NULL,
    origin          TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    created         BIGINT NOT NULL,
    CHECK ((user_id IS NOT NULL AND organization_id IS NULL AND project_id IS NULL)
        OR (user_id IS NULL AND organization_id IS NOT NULL AND project_id IS NULL)
        OR (user_id IS NULL AND organization_id IS NULL AND project_id IS NOT NULL))
);
CREATE UNIQUE INDEX active_credential_of_user ON credentials (user_id, provider) WHERE user_id IS NOT NULL AND state = 'active';
CREATE UNIQUE INDEX active_credential_of_organization ON credentials (organization_id, provider) WHERE organization_id IS NOT NULL AND state = 'active';
CREATE UNIQUE INDEX active_credential_of_project ON credentials (project_id, provider) WHERE project_id IS NOT NULL AND state = 'active';
CREATE INDEX credentials_of_user ON credentials (user_id, provider) WHERE user_id IS NOT NULL;
CREATE INDEX credentials_of_organization ON credentials (organization_id, provider) WHERE organization_id IS NOT NULL;
CREATE INDEX credentials_of_project ON credentials (project_id, provider) WHERE project_id IS NOT NULL;

-- The key is a reference: a version can never be sealed under a key that the store no longer has.
CREATE TABLE credential_versions (
    credential_id TEXT NOT NULL REFERENCES credentials (id),
    version       BIGINT NOT NULL,
    key_id        BIGINT NOT NULL REFERENCES keys (id),
    sealed        BYTEA NOT NULL,
    secret_fields TEXT NOT NULL,
    plain_fields  TEXT NOT NULL,
    created       BIGINT NOT NULL,
    PRIMARY KEY (credential_id, version)
);

CREATE TABLE credential_projects (
    credential_id TEXT NOT NULL REFERENCES credentials (id),
    project_id    TEXT NOT NULL REFERENCES projects (id),
    PRIMARY KEY (credential_id, project_id)
);

CREATE TABLE credential_members (
    credential_id TEXT NOT NULL REFERENCES credentials (id),
    user_id       TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (credential_id, user_id)
);

CREATE TABLE changes (
    seq     BIGINT NOT NULL PRIMARY KEY,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL
);

CREATE TABLE audit (
    seq     BIGINT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL,
    mac     TEXT NOT NULL
);

-- One row, locked last by every control write: the order of its numbers is the order of commits.
CREATE TABLE head (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq       BIGINT NOT NULL,
    audit_seq BIGINT NOT NULL,
    audit_mac TEXT NOT NULL
);
INSERT INTO head (id, seq, audit_seq, audit_mac) VALUES (1, 0, 0, '');
