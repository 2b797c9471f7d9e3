-- A year of an installation: users, organizations with members, tokens, provider tokens, and for each job its submission and
-- its entry of the audit trail. One user and one organization have a tenth of all jobs.
-- {now} is the moment in milliseconds; {users}, {organizations} and {jobs} are how many.
INSERT INTO users (id, name, admin, disabled, origin, created)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {users} - 1)
    SELECT printf('00000001-0000-7000-8000-%012x', i), printf('user-%05d', i), 0, 0, 'hand', {now} - 31536000000 + i FROM n;
INSERT INTO organizations (id, name, job_visibility, origin, created)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {organizations} - 1)
    SELECT printf('00000002-0000-7000-8000-%012x', i), printf('org-%04d', i), 'own', 'hand', {now} - 31536000000 + i FROM n;
INSERT INTO memberships (user_id, organization_id, role, origin)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {users} - 1)
    SELECT printf('00000001-0000-7000-8000-%012x', i), printf('00000002-0000-7000-8000-%012x', i % {organizations}),
           CASE WHEN i < {organizations} THEN 'owner' WHEN i < 2 * {organizations} THEN 'maintainer' ELSE 'member' END, 'hand' FROM n;
INSERT INTO projects (id, organization_id, name, origin, created)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2 * {organizations} - 1)
    SELECT printf('00000006-0000-7000-8000-%012x', i), printf('00000002-0000-7000-8000-%012x', i % {organizations}), printf('project-%d', i / {organizations}), 'hand', {now} FROM n;
INSERT INTO tokens (id, user_id, name, digest, hint, scopes, providers, networks, expires, origin, created, last_used)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3 * {users} - 1)
    SELECT printf('00000003-0000-7000-8000-%012x', i), printf('00000001-0000-7000-8000-%012x', i / 3), printf('token-%d', i % 3),
           printf('%064x', i), 'bhp_fake', 'run', '', '', {now} + 7776000000, 'hand', {now} - 1000000 + i, {now} - 60000 FROM n;
INSERT INTO credentials (id, organization_id, provider, label, state, version, expires, origin, created)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {organizations} - 1)
    SELECT printf('00000005-0000-7000-8000-%012x', i), printf('00000002-0000-7000-8000-%012x', i), 'ionq', printf('key of %d', i), 'active', 1, 9223372036854775807, 'hand', {now} + i FROM n;
INSERT INTO things (key, account, provider, kind, id, submission_id, user_id, organization_id, project_id, token_id, credential_id, created, bound, status, ended, ended_at, target, shots, qpu_us, micros)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {jobs} - 1),
    who (i, u) AS (SELECT i, CASE WHEN i % 10 = 0 THEN 0 ELSE (i * 7919) % {users} END FROM n)
    SELECT randomblob(32), printf('account-%d', u % {organizations}), 'ionq', 'job', printf('job-%07d', i), printf('00000004-0000-7000-8000-%012x', i),
           printf('00000001-0000-7000-8000-%012x', u), printf('00000002-0000-7000-8000-%012x', u % {organizations}),
           CASE WHEN i % 3 = 0 THEN printf('00000006-0000-7000-8000-%012x', u % {organizations}) END,
           printf('00000003-0000-7000-8000-%012x', u * 3 + i % 3), printf('00000005-0000-7000-8000-%012x', u % {organizations}),
           {now} - 31536000000 + i * (31536000000 / {jobs}), 1, CASE WHEN i > {jobs} - {jobs} / 200 THEN 'queued' ELSE 'completed' END,
           CASE WHEN i > {jobs} - {jobs} / 200 THEN NULL ELSE 'completed' END, CASE WHEN i > {jobs} - {jobs} / 200 THEN NULL ELSE {now} - 31536000000 + i * (31536000000 / {jobs}) + 60000 END,
           CASE i % 4 WHEN 0 THEN 'simulator' ELSE printf('qpu.%d', i % 4) END, 1000, 1500000, 30000 FROM who;
INSERT INTO submissions (id, at, state, process_id, user_id, token_id, credential_id, version, organization_id, project_id, provider, account, operation, target, asked_jobs, asked_shots, asked_qpu_us, asked_micros)
    SELECT submission_id, created, 'bound', 'p', user_id, token_id, credential_id, 1, organization_id, project_id, provider, account, 'submit', target, 1, 1000, 0, 0 FROM things WHERE kind = 'job';
INSERT INTO usage (day, organization_id, project_id, user_id, token_id, credential_id, provider, target, jobs, shots, qpu_us, micros)
    SELECT created / 86400000 * 86400000, organization_id, coalesce(project_id, ''), user_id, token_id, credential_id, provider, target, count(*), sum(shots), sum(qpu_us), sum(micros)
    FROM things WHERE kind = 'job' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
INSERT INTO audit (seq, at, actor, action, subject, detail, mac)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {jobs})
    SELECT 10 * {jobs} + i, {now} - 31536000000 + i * (31536000000 / {jobs}), printf('user 00000001-0000-7000-8000-%012x', i % {users}), 'job.submitted', printf('job job-%07d', i), '{}', 'fake' FROM n;
UPDATE head SET audit_seq = 11 * {jobs};
