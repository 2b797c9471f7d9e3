//! Who is who in the demo: two people, an organization with a project, and four keys that pay.
//! Owns the keys, made up for this run, and the people's tokens.
//! Never uses a key that anybody else knows.

use crate::{
    cli::{
        Failure,
        local::{Local, entry},
    },
    clock::Timestamp,
    config::Config,
    credential::Owner,
    id::{CredentialId, OrganizationId, ProjectId, TokenId, UserId},
    identity::{JobVisibility, Scopes, pat::PlainPat, role::Role},
    secret::Secret,
    store::{
        NewCredential, NewOrganization, NewProject, NewToken, NewUser, Origin, ProjectOf, Restriction, TokenLimits, Tx,
    },
    vault::Label,
};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::time::Duration;

/// Whose key the stand-in has been paid with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purse {
    Ada,
    Acme,
    Optics,
}

impl Purse {
    pub const ALL: [Self; 3] = [Self::Ada, Self::Acme, Self::Optics];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ada => "ada's own key",
            Self::Acme => "the key of acme",
            Self::Optics => "the key of acme.optics",
        }
    }
}

/// The provider's keys, each known to the stand-in and, sealed, to Bellhop.
#[derive(Clone)]
pub struct Keys([Secret; 3]);

impl Keys {
    pub fn generate() -> Result<Self, Failure> {
        let key = |_| -> Result<Secret, Failure> {
            let mut bytes = [0_u8; 16];
            SystemRandom::new()
                .fill(&mut bytes)
                .map_err(|_| Failure::failed("the system's random generator failed"))?;
            Ok(Secret::new(format!("demo-key-{:032x}", u128::from_be_bytes(bytes))))
        };
        let [ada, acme, optics] = Purse::ALL.map(key);
        Ok(Self([ada?, acme?, optics?]))
    }

    pub fn of(&self, purse: Purse) -> &Secret {
        let [ada, acme, optics] = &self.0;
        match purse {
            Purse::Ada => ada,
            Purse::Acme => acme,
            Purse::Optics => optics,
        }
    }

    /// Whose key this is, if it is exactly one of them.
    pub fn whose(&self, key: &str) -> Option<Purse> {
        Purse::ALL.into_iter().find(|purse| self.of(*purse).expose() == key)
    }
}

/// What the two people sign in with.
pub struct Tokens {
    pub ada: PlainPat,
    pub grace: PlainPat,
}

/// Puts everything into an empty store, in one transaction.
pub async fn furnish(config: &Config, keys: &Keys) -> Result<Tokens, Failure> {
    let local = Local::open(config.clone()).await?;
    let mut tx = local.write().await?;
    let (ada, grace) = (UserId::new(), UserId::new());
    let users = [(ada, "ada"), (grace, "grace")].map(|(id, name)| {
        Ok(NewUser {
            id,
            name: name.parse().map_err(invalid)?,
            admin: false,
            password_hash: None,
            origin: Origin::Hand,
        })
    });
    tx.insert_users(&users.into_iter().collect::<Result<Vec<_>, Failure>>()?).await?;
    let (acme, optics) = organization(&mut tx, ada, grace).await?;
    for (owner, purse) in [
        (Owner::User(ada), Purse::Ada),
        (Owner::Organization(acme), Purse::Acme),
        (Owner::Project(optics), Purse::Optics),
    ] {
        let credential = credential(&local, owner, purse, keys)?;
        tx.insert_credentials(&[credential]).await?;
    }
    let tokens =
        Tokens { ada: token(&mut tx, ada, local.now()).await?, grace: token(&mut tx, grace, local.now()).await? };
    tx.record(entry("demo.furnished", "demo"));
    tx.commit().await?;
    local.store.close().await;
    Ok(tokens)
}

/// ada owns acme; grace is a member, of the project as well.
async fn organization(tx: &mut Tx, ada: UserId, grace: UserId) -> Result<(OrganizationId, ProjectId), Failure> {
    let (acme, optics) = (OrganizationId::new(), ProjectId::new());
    let name = "acme".parse().map_err(invalid)?;
    let job_visibility = JobVisibility::default();
    tx.insert_organizations(&[NewOrganization { id: acme, name, job_visibility, origin: Origin::Hand }]).await?;
    tx.set_member(acme, ada, Role::Owner, Origin::Hand).await?;
    tx.set_member(acme, grace, Role::Member, Origin::Hand).await?;
    let (of, name) = (ProjectOf::Organization(acme), "optics".parse().map_err(invalid)?);
    tx.insert_projects(&[NewProject { id: optics, of, name, origin: Origin::Hand }]).await?;
    tx.add_project_member(optics, grace, Origin::Hand).await?;
    Ok((acme, optics))
}

fn credential(local: &Local, owner: Owner, purse: Purse, keys: &Keys) -> Result<NewCredential, Failure> {
    let id = CredentialId::new();
    let label = Label { credential: id, owner, provider: "ionq", version: 1 };
    let secret = [("api_key".into(), keys.of(purse).clone())].into();
    Ok(NewCredential {
        id,
        owner,
        provider: "ionq".into(),
        label: purse.name().into(),
        expires: Timestamp::MAX,
        restriction: Restriction::default(),
        version: local.vault.seal(label, &secret, [].into())?,
        origin: Origin::Hand,
    })
}

async fn token(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<PlainPat, Failure> {
    const DAY: Duration = Duration::from_secs(86_400);
    let token = PlainPat::generate(&SystemRandom::new())
        .map_err(|_| Failure::failed("the system's random generator failed"))?;
    let limits = TokenLimits {
        scopes: Scopes::RUN,
        expires: now.plus(DAY),
        pin: None,
        contexts: Vec::new(),
        providers: Vec::new(),
        networks: Vec::new(),
    };
    let (id, name, hint) = (TokenId::new(), "demo".into(), Some(token.hint().into()));
    tx.insert_tokens(&[NewToken { id, user, name, digest: token.digest(), hint, limits, origin: Origin::Hand }])
        .await?;
    Ok(token)
}

fn invalid(error: impl std::fmt::Display) -> Failure {
    Failure::failed(error.to_string())
}
