-- A link by which somebody joins an organization, once. Of its value only a digest is here. It is worth what its maker
-- may do when it is opened; nobody's is one that was made at the command line.
CREATE TABLE invitations (
    id              TEXT NOT NULL PRIMARY KEY,
    digest          TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    role            TEXT NOT NULL CHECK (role IN ('owner', 'maintainer', 'member')),
    made_by         TEXT REFERENCES users (id),
    created         BIGINT NOT NULL,
    ends            BIGINT NOT NULL
);
CREATE INDEX invitations_of_organization ON invitations (organization_id, id);
CREATE INDEX invitations_by_maker ON invitations (made_by);
CREATE INDEX invitations_by_end ON invitations (ends);
