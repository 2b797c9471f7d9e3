-- For those who manage: the credentials of one provider in the order of their ids, and the tokens that are pinned to a
-- context.
CREATE INDEX credentials_by_provider ON credentials (provider, id);
CREATE INDEX pins_to_organization ON token_contexts (organization_id, project_id) WHERE purpose = 'pin' AND organization_id IS NOT NULL;
CREATE INDEX pins_to_project ON token_contexts (project_id) WHERE purpose = 'pin' AND project_id IS NOT NULL;
