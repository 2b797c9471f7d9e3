//! What hangs on a credential: who can spend it now, and what its loss would stop.
//! Owns nothing; it asks the very function that the data plane asks.
//! Never says "could": a token that expired, or is not for this, is not among those that can.

use crate::{
    credential::{
        Owner, State,
        resolve::{Question, ways},
    },
    id::{CredentialId, UserId},
    identity::{Boundary, Context, Standing, UserName, role::Role},
    manage::{
        Fault, Listed, Management, Page, Who,
        homes::{Homes, organization_of},
    },
    provider::Provider,
    store::{ContextId, CredentialRow, ProjectOf, Reading, TokenRow},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody who can have a credential pay.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Spender {
    pub user: UserName,
    /// In its organization; null: it is their own.
    pub role: Option<Role>,
    /// The contexts by which they do.
    pub contexts: Vec<Context>,
    /// The names of their tokens that reach it, oldest first; the first 200.
    pub tokens: Vec<String>,
}

/// What would be lost with a credential.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Consequences {
    /// Jobs that it made and that have not ended: deleted without force, it stays for them alone.
    pub open_jobs: u64,
    /// Tokens that are pinned to a context for which it pays: their requests would be refused. The first 200.
    pub pinned: Vec<PinnedToken>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PinnedToken {
    pub user: UserName,
    pub token: String,
    pub context: Context,
}

const MOST: u32 = 200;

impl Management {
    /// In no order that means anything. A page may be short, or empty, with another one after it.
    pub async fn spenders(&self, who: &Who, id: CredentialId, page: &Page) -> Result<Listed<Spender>, Fault> {
        let (limit, after) = (page.limit()?, page.after()?);
        let (mut reading, rights) = self.look(who).await?;
        let (row, _) = self.managed(&mut reading, &rights, id).await?;
        let provider = self.served(&row)?;
        if row.state != State::Active {
            return Ok(Listed { items: Vec::new(), next: None });
        }
        let candidates = candidates(&mut reading, &row, after, limit + 1).await?;
        let Listed { items, next } = Listed::of(candidates, limit, ToString::to_string);
        let mut spenders = Vec::new();
        for user in items {
            spenders.extend(self.spender(&mut reading, &row, &provider, user).await?);
        }
        Ok(Listed { items: spenders, next })
    }

    async fn spender(
        &self,
        reading: &mut Reading,
        row: &CredentialRow,
        provider: &Provider,
        user: UserId,
    ) -> Result<Option<Spender>, Fault> {
        let Some(standing) = reading.standing(user).await? else { return Ok(None) };
        let offers = reading.offers(user, &row.provider).await?;
        let by = |boundary: Option<&Boundary>| {
            let (personal, now) = (provider.personal(), self.now());
            ways(Question { standing: &standing, boundary, named: None, personal, now }, &offers, row.id)
        };
        let contexts = by(None);
        if contexts.is_empty() {
            return Ok(None);
        }
        let tokens = reading.tokens_page(Some(user), None, MOST).await?;
        let tokens = tokens.into_iter().filter(|token| self.runs(token, row) && !by(Some(&token.boundary)).is_empty());
        let tokens = tokens.map(|token| token.name.into()).collect();
        Ok(Some(Spender { role: role(&standing, &contexts), contexts, tokens, user: standing.name }))
    }

    /// Whether it submits jobs there at all.
    fn runs(&self, token: &TokenRow, row: &CredentialRow) -> bool {
        token.scopes.run && token.expires > self.now() && token.boundary.allows_provider(&row.provider)
    }

    pub async fn consequences(&self, who: &Who, id: CredentialId) -> Result<Consequences, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let (row, _) = self.managed(&mut reading, &rights, id).await?;
        let open_jobs = reading.open_jobs(id).await?;
        let (mut pinned, mut homes) = (Vec::new(), Homes::default());
        for token in self.pinned(&mut reading, &row).await? {
            let user = homes.user(&mut reading, token.user).await?;
            if let (Some(user), Some(context)) = (user, token.boundary.pin) {
                pinned.push(PinnedToken { user, token: token.name.into(), context });
            }
        }
        pinned.truncate(MOST as usize);
        Ok(Consequences { open_jobs, pinned })
    }

    /// Of a retired credential, none: it pays for nothing that a pin could choose.
    async fn pinned(&self, reading: &mut Reading, row: &CredentialRow) -> Result<Vec<TokenRow>, Fault> {
        if row.state == State::Retired {
            return Ok(Vec::new());
        }
        let mut tokens = Vec::new();
        for context in contexts_of(reading, row).await? {
            tokens.extend(reading.tokens_pinned_to(context, MOST).await?);
        }
        if let Owner::User(user) = row.owner {
            let own = reading.tokens_page(Some(user), None, MOST).await?;
            tokens.extend(own.into_iter().filter(|token| token.boundary.pin == Some(Context::me())));
        }
        tokens.retain(|token| self.runs(token, row));
        Ok(tokens)
    }
}

/// Who could be a spender, by whose it is.
async fn candidates(
    reading: &mut Reading,
    row: &CredentialRow,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserId>, Fault> {
    let later = |user: &UserId| after.is_none_or(|after| *user > after);
    let owner = match row.owner {
        Owner::User(user) => Some(user),
        Owner::Project(project) => match reading.project(project).await?.map(|project| project.of) {
            Some(ProjectOf::User(user)) => Some(user),
            _ => None,
        },
        Owner::Organization(_) => None,
    };
    if let Some(user) = owner {
        return Ok(Some(user).filter(later).into_iter().collect());
    }
    if !row.restriction.members.is_empty() {
        let mut members: Vec<UserId> = row.restriction.members.iter().copied().filter(later).collect();
        members.sort();
        members.truncate(limit as usize);
        return Ok(members);
    }
    let Some(organization) = organization_of(reading, row.owner).await? else { return Ok(Vec::new()) };
    let members = reading.members_page(organization, after, limit).await?;
    Ok(members.into_iter().map(|member| member.user).collect())
}

fn role(standing: &Standing, contexts: &[Context]) -> Option<Role> {
    let organization = contexts.first()?.organization.as_ref()?;
    standing.membership(organization).map(|membership| membership.role)
}

/// The contexts, but for `me`, that it pays for: its owner's, or those of the projects that it was granted to.
async fn contexts_of(reading: &mut Reading, row: &CredentialRow) -> Result<Vec<ContextId>, Fault> {
    Ok(match row.owner {
        Owner::User(_) => Vec::new(),
        Owner::Organization(id) if row.restriction.projects.is_empty() => vec![ContextId::Organization(id)],
        Owner::Organization(id) => {
            row.restriction.projects.iter().map(|project| ContextId::Project(id, *project)).collect()
        }
        Owner::Project(project) => match reading.project(project).await?.map(|row| row.of) {
            Some(ProjectOf::User(_)) => vec![ContextId::MyProject(project)],
            Some(ProjectOf::Organization(id)) => vec![ContextId::Project(id, project)],
            None => Vec::new(),
        },
    })
}
