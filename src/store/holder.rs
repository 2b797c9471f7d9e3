//! Who presents a token, and what they are: the data plane's first question.
//! Owns nothing; it joins what `users`, `organizations`, `projects` and `tokens` own.
//! Never judges an expiry, a scope or a boundary: it says what they are.

use super::{
    Question, Reading, Result, Snapshot, Store,
    offers::{OFFERS, SEALED},
    row::Columns,
    row::corrupt,
    tokens::{read_boundary, read_scopes},
};
use crate::{
    id::UserId,
    identity::{Boundary, Membership, Name, ProjectRef, Standing, TokenHolder, pat::PatDigest},
};
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

/// One row for each membership and project of user `u`, who may be nobody.
macro_rules! standing {
    () => {
        concat!(
            "u.id AS user_id, u.name AS user_name, u.admin, u.sign_in_by, ",
            active_context!(),
            ", o.id AS organization_id, o.name AS organization_name, o.job_visibility, m.role, \
             p.id AS project_id, p.name AS project_name"
        )
    };
}

macro_rules! standing_joins {
    () => {
        concat!(
            active_context_joins!(),
            "LEFT JOIN memberships m ON m.user_id = u.id \
             LEFT JOIN organizations o ON o.id = m.organization_id \
             LEFT JOIN project_members pm ON pm.user_id = m.user_id AND pm.organization_id = m.organization_id \
             LEFT JOIN projects p ON p.id = pm.project_id "
        )
    };
}

const HOLDER: &str = concat!(
    "SELECT h.seq, t.id AS token_id, t.name AS token_name, t.scopes, t.providers, t.networks, t.expires, ",
    token_contexts!(),
    ", ",
    standing!(),
    " FROM head h \
      LEFT JOIN tokens t ON t.digest = $1 AND t.revoked IS NULL \
      LEFT JOIN users u ON u.id = t.user_id AND u.disabled = 0 AND u.deleted IS NULL",
    standing_joins!()
);

impl Store {
    /// The statements that every caller who is not cached asks for, so that a test can read their plans.
    pub const HOT: [&str; 3] = [HOLDER, OFFERS, SEALED];

    /// Who presents this token: nobody, if it is unknown or revoked or its user is disabled.
    /// One statement, because a statement is a snapshot, and this is asked for every caller who is not cached.
    pub async fn holder(&self, digest: &PatDigest) -> Result<Snapshot<Option<TokenHolder>>> {
        self.counted(Question::Caller, self.read_holder(digest)).await
    }

    async fn read_holder(&self, digest: &PatDigest) -> Result<Snapshot<Option<TokenHolder>>> {
        let rows = sqlx::query(HOLDER).bind(digest.to_hex()).fetch_all(&self.readers).await?;
        let first = rows.first().ok_or_else(|| corrupt("head"))?;
        Ok(Snapshot { head: first.number("seq")?, value: read_holder(first, &rows)? })
    }
}

impl Reading {
    /// A user as the rule of whose token pays sees them, without a token.
    pub async fn standing(&mut self, user: UserId) -> Result<Option<Standing>> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            standing!(),
            " FROM users u",
            standing_joins!(),
            "WHERE u.id = $1 AND u.disabled = 0 AND u.deleted IS NULL"
        ))
        .bind(user.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.first().map(|first| read_standing(first, &rows)).transpose()
    }
}

fn read_holder(first: &AnyRow, rows: &[AnyRow]) -> Result<Option<TokenHolder>> {
    if first.optional_text("user_id")?.is_none() {
        return Ok(None);
    }
    let (boundary, standing) = (read_boundary(first)?, read_standing(first, rows)?);
    Ok(Some(TokenHolder {
        token: first.parsed("token_id")?,
        token_name: first.text("token_name")?.into(),
        scopes: read_scopes(first)?,
        expires: first.time("expires")?.min(standing.sign_in_by),
        boundary: (boundary != Boundary::default()).then(|| Box::new(boundary)),
        standing,
    }))
}

fn read_standing(first: &AnyRow, rows: &[AnyRow]) -> Result<Standing> {
    Ok(Standing {
        user: first.parsed("user_id")?,
        name: first.parsed("user_name")?,
        admin: first.truth("admin")?,
        sign_in_by: first.time("sign_in_by")?,
        active: first.optional("active")?.map(Box::new),
        memberships: read_memberships(rows)?,
    })
}

/// Sorted here, because two databases sort texts in two ways.
fn read_memberships(rows: &[AnyRow]) -> Result<Box<[Membership]>> {
    let mut found: BTreeMap<Name, (Membership, Vec<ProjectRef>)> = BTreeMap::new();
    for row in rows {
        let Some(organization) = row.optional("organization_id")? else { continue };
        let name: Name = row.parsed("organization_name")?;
        let (role, job_visibility) = (row.parsed("role")?, row.parsed("job_visibility")?);
        let membership =
            Membership { organization, name: name.clone(), role, job_visibility, projects: Box::default() };
        let (_, projects) = found.entry(name).or_insert((membership, Vec::new()));
        if let Some(id) = row.optional("project_id")? {
            projects.push(ProjectRef { id, name: row.parsed("project_name")? });
        }
    }
    let with_projects = |(membership, mut projects): (Membership, Vec<ProjectRef>)| {
        projects.sort_by(|a, b| a.name.cmp(&b.name));
        Membership { projects: projects.into(), ..membership }
    };
    Ok(found.into_values().map(with_projects).collect())
}
