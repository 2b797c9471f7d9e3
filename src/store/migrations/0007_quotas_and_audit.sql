-- Whether the operator set a quota: an organization's owners change their own only.
ALTER TABLE quotas ADD COLUMN operator BIGINT NOT NULL DEFAULT 1 CHECK (operator IN (0, 1));

-- The trail is read newest first: all of it, somebody's, of something, of one kind of act.
CREATE INDEX audit_by_time ON audit (at, seq);
CREATE INDEX audit_of_actor ON audit (actor, at, seq);
CREATE INDEX audit_of_subject ON audit (subject, at, seq);
CREATE INDEX audit_of_action ON audit (action, at, seq);
