-- Who signs in with an identity provider: known there by its own subject, which never changes, and never by a name.
CREATE TABLE identities (
    issuer   TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    user_id  TEXT NOT NULL UNIQUE REFERENCES users (id),
    -- Whether they are an administrator because of a group.
    admin    BIGINT NOT NULL CHECK (admin IN (0, 1)),
    created  BIGINT NOT NULL,
    seen     BIGINT,
    PRIMARY KEY (issuer, subject)
);

-- From then on the user's tokens and sessions rest, until they sign in again; for most, that is never.
ALTER TABLE users ADD COLUMN sign_in_by BIGINT NOT NULL DEFAULT 9223372036854775807;

-- Of each sign-in that was completed, the digest of its state, for as long as it could be completed again.
CREATE TABLE spent_sign_ins (
    digest TEXT NOT NULL PRIMARY KEY CHECK (length(digest) = 64),
    ends   BIGINT NOT NULL
);

-- A membership may come from an identity provider. SQLite changes no rule of a column, so both tables are made anew.
CREATE TABLE new_memberships (
    user_id         TEXT NOT NULL REFERENCES users (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    role            TEXT NOT NULL CHECK (role IN ('owner', 'maintainer', 'member')),
    origin          TEXT NOT NULL CHECK (origin IN ('hand', 'apply', 'identity')),
    PRIMARY KEY (user_id, organization_id)
);
INSERT INTO new_memberships (user_id, organization_id, role, origin)
SELECT user_id, organization_id, role, origin FROM memberships;

CREATE TABLE new_project_members (
    user_id         TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    project_id      TEXT NOT NULL,
    origin          TEXT NOT NULL CHECK (origin IN ('hand', 'apply')),
    PRIMARY KEY (user_id, organization_id, project_id),
    FOREIGN KEY (user_id, organization_id) REFERENCES new_memberships (user_id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (project_id, organization_id) REFERENCES projects (id, organization_id)
);
INSERT INTO new_project_members (user_id, organization_id, project_id, origin)
SELECT user_id, organization_id, project_id, origin FROM project_members;

DROP TABLE project_members;
DROP TABLE memberships;
ALTER TABLE new_memberships RENAME TO memberships;
ALTER TABLE new_project_members RENAME TO project_members;
CREATE INDEX members_in_order ON memberships (organization_id, user_id);
CREATE INDEX owners ON memberships (organization_id, user_id) WHERE role = 'owner';
CREATE INDEX project_members_of_project ON project_members (project_id, organization_id);
