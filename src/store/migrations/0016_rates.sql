-- What is used up of each limit that several processes keep together: until when, by the store's own clock, in nanoseconds
-- since 1970. Need not survive a crash: what is lost is a burst that somebody gets again.
CREATE UNLOGGED TABLE rates (
    key     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tat     BIGINT NOT NULL,
    -- How many were granted by the last answer, and by all.
    granted BIGINT NOT NULL,
    total   BIGINT NOT NULL,
    -- As it was last asked for, and when: who asks brings the limit along.
    at      BIGINT NOT NULL,
    step    BIGINT NOT NULL,
    span    BIGINT NOT NULL,
    owed    BIGINT NOT NULL,
    wanted  BIGINT NOT NULL
);
