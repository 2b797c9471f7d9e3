//! A small installation: Ada and Grace, the organization acme with its project optics, and their credentials.

use crate::place::{NOW, Place};
use bellhop::{
    clock::Timestamp,
    credential::Owner,
    id::{CredentialId, OrganizationId, ProjectId, TokenId, UserId},
    identity::{JobVisibility, Scopes, pat::PatDigest, role::Role},
    store::{
        KeyRow, NewCredential, NewOrganization, NewProject, NewToken, NewUser, NewVersion, Origin, ProjectOf, Purpose,
        Restriction, TokenLimits,
    },
};

pub struct World {
    pub ada: UserId,
    pub grace: UserId,
    pub acme: OrganizationId,
    pub optics: ProjectId,
    pub thesis: ProjectId,
    pub ada_token: TokenId,
    pub ada_digest: PatDigest,
}

pub const KEY: i64 = 2;

impl World {
    pub async fn made(place: &Place) -> Self {
        let world = Self {
            ada: UserId::new(),
            grace: UserId::new(),
            acme: OrganizationId::new(),
            optics: ProjectId::new(),
            thesis: ProjectId::new(),
            ada_token: TokenId::new(),
            ada_digest: digest(1),
        };
        let mut tx = place.write().await;
        tx.insert_key(&KeyRow { id: KEY, purpose: Purpose::Sealing, master_version: 1, sealed: vec![1, 2, 3] })
            .await
            .unwrap();
        tx.insert_organizations(&[organization(world.acme, "acme")]).await.unwrap();
        tx.insert_users(&[user(world.ada, "ada"), user(world.grace, "grace")]).await.unwrap();
        let (of_acme, of_ada) = (ProjectOf::Organization(world.acme), ProjectOf::User(world.ada));
        tx.insert_projects(&[project(world.optics, of_acme, "optics"), project(world.thesis, of_ada, "thesis")])
            .await
            .unwrap();
        tx.set_member(world.acme, world.ada, Role::Member, Origin::Hand).await.unwrap();
        tx.set_member(world.acme, world.grace, Role::Owner, Origin::Hand).await.unwrap();
        tx.add_project_member(world.optics, world.ada, Origin::Hand).await.unwrap();
        tx.insert_tokens(&[token(world.ada_token, world.ada, "laptop", world.ada_digest, limits())]).await.unwrap();
        tx.commit().await.unwrap();
        world
    }
}

pub fn digest(n: u8) -> PatDigest {
    PatDigest::from_hex(&format!("{n:02x}").repeat(32)).unwrap()
}

pub fn user(id: UserId, name: &str) -> NewUser {
    NewUser { id, name: name.parse().unwrap(), admin: false, password_hash: None, origin: Origin::Hand }
}

pub fn organization(id: OrganizationId, name: &str) -> NewOrganization {
    NewOrganization { id, name: name.parse().unwrap(), job_visibility: JobVisibility::Own, origin: Origin::Hand }
}

pub fn project(id: ProjectId, of: ProjectOf, name: &str) -> NewProject {
    NewProject { id, of, name: name.parse().unwrap(), origin: Origin::Hand }
}

pub fn limits() -> TokenLimits {
    TokenLimits {
        scopes: Scopes::RUN,
        expires: Timestamp::from_millis(NOW.millis() + 1000),
        pin: None,
        contexts: vec![],
        providers: vec![],
        networks: vec![],
    }
}

pub fn token(id: TokenId, user: UserId, name: &str, digest: PatDigest, limits: TokenLimits) -> NewToken {
    NewToken { id, user, name: name.into(), digest, hint: Some("bhp_fake".into()), limits, origin: Origin::Hand }
}

pub fn version(number: u32) -> NewVersion {
    NewVersion {
        version: number,
        key: KEY,
        sealed: vec![number as u8; 40],
        secret_fields: vec!["api_key".into()],
        plain_fields: [("region".into(), "na-west-1".into())].into(),
        source: None,
    }
}

pub fn credential(owner: Owner, provider: &str) -> NewCredential {
    NewCredential {
        id: CredentialId::new(),
        owner,
        provider: provider.into(),
        label: "a label".into(),
        expires: Timestamp::MAX,
        restriction: Restriction::default(),
        version: version(1),
        origin: Origin::Hand,
    }
}
