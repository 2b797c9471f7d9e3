-- Members come in pages, in the order of their ids.
CREATE INDEX members_in_order ON memberships (organization_id, user_id);
DROP INDEX memberships_of_organization;

-- Whether there is another owner is asked before one is taken away.
CREATE INDEX owners ON memberships (organization_id, user_id) WHERE role = 'owner';

-- The same of administrators; almost nobody is one.
CREATE INDEX administrators ON users (id) WHERE admin = 1;
