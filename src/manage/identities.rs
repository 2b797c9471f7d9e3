//! Who somebody is at the identity provider: tied and untied by administrators.
//! Owns nothing.
//! Never by a name: the provider's subject is what does not change.

use super::{Fault, Management, Who, groups, users};
use crate::{
    clock::Timestamp,
    store::{IdentityRow, UserChange, UserRow},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody as their identity provider knows them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    pub issuer: String,
    /// What the provider calls them, for ever: `sub` of its tokens.
    pub subject: String,
    pub since: Timestamp,
    /// When they last signed in with it.
    pub seen: Option<Timestamp>,
    /// From then on their tokens and sessions rest, until they sign in with it again.
    pub sign_in_by: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetIdentity {
    /// `sub` of the provider's tokens: its page on users shows it, and so does a sign-in that is refused.
    #[schema(min_length = 1, max_length = 255)]
    pub subject: String,
}

impl Identity {
    pub(super) fn of(row: IdentityRow, user: &UserRow) -> Self {
        let IdentityRow { issuer, subject, created, seen, .. } = row;
        let (issuer, subject) = (issuer.into(), subject.into());
        Self { issuer, subject, since: created, seen, sign_in_by: user.sign_in_by }
    }
}

impl Management {
    /// Ties an account to somebody of the provider's, in the place of whom it was tied to. Until they sign in for the
    /// first time, it has as long as between two sign-ins.
    pub async fn set_identity(&self, who: &Who, user: &str, wanted: SetIdentity) -> Result<Identity, Fault> {
        let SetIdentity { subject } = wanted;
        if subject.is_empty() || subject.len() > 255 || subject.chars().any(char::is_control) {
            return Err(Fault::invalid("subject", "expected 1 to 255 characters, as the provider's tokens have them"));
        }
        let (mut tx, rights) = self.act(who).await?;
        let user = users::find(&mut tx, &rights, user).await?;
        users::over_everybody(&rights)?;
        let config = self.current().config.oidc.clone();
        let config =
            config.ok_or_else(|| Fault::conflict("no identity provider is set up: see `oidc` in bellhop.yaml"))?;
        let issuer = config.issuer.as_str();
        if let Some(other) = tx.find_identity(issuer, &subject).await?.filter(|other| other.user != user.id) {
            let other = tx.user(other.user).await?.map_or_else(String::new, |other| other.name.to_string());
            return Err(Fault::conflict(format!("this subject is tied to {other} already: untie that account first")));
        }
        let (now, admin) = (self.now(), tx.identity(user.id).await?.is_some_and(|before| before.admin));
        let row = IdentityRow {
            issuer: issuer.into(),
            subject: subject.as_str().into(),
            user: user.id,
            admin,
            created: now,
            seen: None,
        };
        tx.put_identity(&row).await?;
        tx.change_user(user.id, UserChange::SignInBy(now.plus(config.sign_in_every))).await?;
        tx.record(rights.entry("identity.set", &user.name).detail(format!("{subject} at {}", config.name)));
        let user = tx.user(user.id).await?.ok_or_else(|| Fault::missing("user"))?;
        tx.commit().await?;
        Ok(Identity::of(row, &user))
    }

    /// What the provider's groups gave goes; the account does not rest any more, and signs in by password alone.
    pub async fn remove_identity(&self, who: &Who, user: &str) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let user = users::find(&mut tx, &rights, user).await?;
        users::over_everybody(&rights)?;
        let row = tx.identity(user.id).await?.ok_or_else(|| Fault::missing("identity"))?;
        let is_kept = groups::forget((&mut tx, self.now()), (&user, row.admin)).await?;
        if is_kept {
            let text =
                format!("{} is the last administrator who is not disabled: make somebody else one first", user.name);
            return Err(Fault::conflict(text));
        }
        tx.remove_identity(user.id).await?;
        tx.change_user(user.id, UserChange::SignInBy(Timestamp::MAX)).await?;
        tx.record(rights.entry("identity.removed", &user.name).detail(row.subject.to_string()));
        Ok(tx.commit().await.map(drop)?)
    }
}
