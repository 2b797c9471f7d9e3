-- What was submitted, what it brought into being, what was counted, and what may be.
--
-- None of these tables refers to another by a foreign key: users, tokens, credentials keep their rows when they are
-- deleted, and each reference would be a look-up for every row of a burst of submits. Where an id is part of a primary
-- key and may be absent, absent is the empty text.

CREATE TABLE submissions (
    id              TEXT NOT NULL PRIMARY KEY,
    at              BIGINT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'bound', 'refused', 'not_sent', 'unknown')),
    process_id      TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    token_id        TEXT NOT NULL,
    credential_id   TEXT NOT NULL,
    version         BIGINT NOT NULL,
    organization_id TEXT,
    project_id      TEXT,
    provider        TEXT NOT NULL,
    account         TEXT NOT NULL,
    operation       TEXT NOT NULL,
    repetition      BYTEA,
    target          TEXT,
    asked_jobs      BIGINT NOT NULL,
    asked_shots     BIGINT NOT NULL,
    asked_qpu_us    BIGINT NOT NULL,
    asked_micros    BIGINT NOT NULL
);
CREATE UNIQUE INDEX submissions_by_repetition ON submissions (repetition) WHERE repetition IS NOT NULL AND state IN ('open', 'bound', 'unknown');
CREATE INDEX pending_submissions ON submissions (user_id, provider) WHERE state IN ('open', 'unknown');
CREATE INDEX open_submissions_of_process ON submissions (process_id) WHERE state = 'open';
CREATE INDEX unknown_submissions ON submissions (id) WHERE state = 'unknown';
CREATE INDEX submissions_of_user ON submissions (user_id, id);
CREATE INDEX submissions_of_organization ON submissions (organization_id, id) WHERE organization_id IS NOT NULL;

-- `bound` is 0 while a thing is only taken by an intent that made up its id; `created` is the time of its submission.
CREATE TABLE things (
    key             BYTEA NOT NULL CHECK (length(key) = 32),
    account         TEXT NOT NULL,
    provider        TEXT NOT NULL,
    kind            TEXT NOT NULL,
    id              TEXT NOT NULL,
    submission_id   TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    organization_id TEXT,
    project_id      TEXT,
    token_id        TEXT NOT NULL,
    credential_id   TEXT NOT NULL,
    parent          BYTEA,
    created         BIGINT NOT NULL,
    bound           BIGINT NOT NULL CHECK (bound IN (0, 1)),
    status          TEXT,
    ended           TEXT CHECK (ended IN ('completed', 'failed', 'cancelled')),
    ended_at        BIGINT,
    target          TEXT,
    shots           BIGINT,
    qpu_us          BIGINT,
    micros          BIGINT,
    PRIMARY KEY (key, account),
    CHECK ((ended IS NULL) = (ended_at IS NULL))
);
CREATE INDEX things_taken ON things (submission_id) WHERE bound = 0;
CREATE INDEX things_of_parent ON things (parent) WHERE parent IS NOT NULL;
CREATE INDEX jobs_by_age ON things (created) WHERE kind = 'job';
CREATE INDEX jobs_of_user ON things (user_id, created) WHERE kind = 'job';
CREATE INDEX jobs_of_organization ON things (organization_id, created) WHERE kind = 'job' AND organization_id IS NOT NULL;
CREATE INDEX jobs_of_credential ON things (credential_id, created) WHERE kind = 'job';
CREATE INDEX open_jobs_by_age ON things (created) WHERE kind = 'job' AND ended IS NULL;
CREATE INDEX open_jobs_of_user ON things (user_id, created) WHERE kind = 'job' AND ended IS NULL;
CREATE INDEX open_jobs_of_organization ON things (organization_id, created) WHERE kind = 'job' AND ended IS NULL AND organization_id IS NOT NULL;
CREATE INDEX open_jobs_of_credential ON things (credential_id, created) WHERE kind = 'job' AND ended IS NULL;

-- What `things` of kind `job` add up to, by the day (its midnight, UTC) and the payer of their submissions; kept in the
-- transactions that change them, so that a report of a year reads days and not jobs.
CREATE TABLE usage (
    day             BIGINT NOT NULL,
    organization_id TEXT NOT NULL,
    project_id      TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    token_id        TEXT NOT NULL,
    credential_id   TEXT NOT NULL,
    provider        TEXT NOT NULL,
    target          TEXT NOT NULL,
    jobs            BIGINT NOT NULL,
    shots           BIGINT NOT NULL,
    qpu_us          BIGINT NOT NULL,
    micros          BIGINT NOT NULL,
    PRIMARY KEY (day, organization_id, project_id, user_id, token_id, credential_id, provider, target)
);
CREATE INDEX usage_of_user ON usage (user_id, day);
CREATE INDEX usage_of_organization ON usage (organization_id, day);
CREATE INDEX usage_of_project ON usage (project_id, day);
CREATE INDEX usage_of_credential ON usage (credential_id, day);

CREATE TABLE quotas (
    id           TEXT NOT NULL PRIMARY KEY,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('user', 'organization', 'project', 'credential')),
    subject_id   TEXT NOT NULL,
    within_id    TEXT NOT NULL,
    provider     TEXT NOT NULL,
    measure      TEXT NOT NULL CHECK (measure IN ('jobs', 'shots', 'qpu-seconds', 'money')),
    period       TEXT NOT NULL CHECK (period IN ('day', 'month')),
    amount       BIGINT NOT NULL,
    hold         BIGINT NOT NULL,
    set_by       TEXT NOT NULL,
    created      BIGINT NOT NULL,
    UNIQUE (subject_id, within_id, provider, measure, period)
);
CREATE INDEX quotas_within ON quotas (within_id) WHERE within_id <> '';

CREATE TABLE quota_use (
    quota_id     TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    used         BIGINT NOT NULL,
    PRIMARY KEY (quota_id, period_start)
);

-- `held` is what the intent asked for, `amount` what the submission is charged with as far as is known by now.
CREATE TABLE reservations (
    submission_id TEXT NOT NULL,
    quota_id      TEXT NOT NULL,
    period_start  BIGINT NOT NULL,
    held          BIGINT NOT NULL,
    amount        BIGINT NOT NULL,
    PRIMARY KEY (submission_id, quota_id)
);

CREATE TABLE processes (
    id   TEXT NOT NULL PRIMARY KEY,
    seen BIGINT NOT NULL
);

-- What the audit trail will tell: written by those who do not take the head row, chained by one who does.
CREATE TABLE notes (
    id      TEXT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
);

CREATE INDEX retired_credentials ON credentials (id) WHERE state = 'retired';
