-- What is of unknown fate is shown on the page of each member: few, among however many submissions they have made.
CREATE INDEX unknown_submissions_of_user ON submissions (user_id, id) WHERE state = 'unknown';
CREATE INDEX unknown_submissions_of_organization ON submissions (organization_id, id)
    WHERE state = 'unknown' AND organization_id IS NOT NULL;
-- What is under way, by its age.
CREATE INDEX open_submissions ON submissions (id) WHERE state = 'open';
