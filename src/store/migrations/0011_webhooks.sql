-- Where somebody is told of what happens. Without an organization: the installation's own, for what belongs to none.
-- What signs is sealed; after a change of it the one before is sealed beside it, and signs too until `previous_until`.
CREATE TABLE webhooks (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT REFERENCES organizations (id),
    url             TEXT NOT NULL,
    events          TEXT NOT NULL,
    enabled         BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    key_id          BIGINT NOT NULL REFERENCES keys (id),
    sealed          BYTEA NOT NULL,
    previous_until  BIGINT NOT NULL,
    created         BIGINT NOT NULL
);
CREATE INDEX webhooks_of_organization ON webhooks (organization_id, id);

-- What each is to be told, and was. `mark` names what happened: nobody is told of it twice. Who sends holds the row for
-- a while; `next_at` is the next attempt of what waits.
CREATE TABLE deliveries (
    id         TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    mark       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    body       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'given-up')),
    attempts   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    holder     TEXT,
    held_until BIGINT NOT NULL,
    tried      BIGINT,
    status     BIGINT,
    problem    TEXT,
    UNIQUE (mark, webhook_id)
);
CREATE INDEX waiting_deliveries ON deliveries (webhook_id, id) WHERE state = 'waiting';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id, id);
CREATE INDEX deliveries_by_age ON deliveries (at);

-- What ends soon.
CREATE INDEX credentials_by_end ON credentials (expires) WHERE state = 'active';
CREATE INDEX tokens_by_end ON tokens (expires) WHERE revoked IS NULL;

-- Up to where the audit trail was taken away because of its age: the number of that entry and its link of the chain,
-- with which the trail begins since. Signed: else whoever can write here could take away more.
CREATE TABLE audit_pruned (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    at        BIGINT NOT NULL,
    seq       BIGINT NOT NULL,
    mac       TEXT NOT NULL,
    signature TEXT NOT NULL
);
