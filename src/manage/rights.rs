//! Who acts, and what that permits: the one place that management asks.
//! Facts of the moment; read in the transaction that uses them.
//! Never a right that the actor's user has not now, and none that the token they came with was not given.

use super::Fault;
use crate::{
    clock::Timestamp,
    credential::Owner,
    id::{OrganizationId, SessionId, TokenId, UserId},
    identity::{Boundary, Context, Membership, Scopes, Standing, TokenHolder, role},
    store::{Actor, AuditEntry, Reading},
};
use std::{fmt, sync::Arc};

/// Who acts.
#[derive(Clone, Debug)]
pub struct Who {
    actor: Actor,
    /// Of the token that they came with; `None` is a session, or the command line.
    bounds: Option<Arc<Bounds>>,
    session: Option<SessionId>,
}

/// What a token's maker put around it, which holds for what is done with it as well.
#[derive(Debug)]
pub struct Bounds {
    pub token: TokenId,
    pub scopes: Scopes,
    pub expires: Timestamp,
    pub boundary: Boundary,
}

impl Who {
    /// Somebody at this machine, who can read the store's file and the master key's anyway.
    pub const fn command_line() -> Self {
        Self { actor: Actor::CommandLine, bounds: None, session: None }
    }

    /// Who has just now shown their password.
    pub const fn password(user: UserId) -> Self {
        Self { actor: Actor::User(user), bounds: None, session: None }
    }

    pub const fn session(user: UserId, session: SessionId) -> Self {
        Self { actor: Actor::User(user), bounds: None, session: Some(session) }
    }

    pub const fn session_id(&self) -> Option<SessionId> {
        self.session
    }

    pub fn holder(holder: &TokenHolder) -> Self {
        let bounds = Bounds {
            token: holder.token,
            scopes: holder.scopes,
            expires: holder.expires,
            boundary: holder.boundary.as_deref().cloned().unwrap_or_default(),
        };
        Self { actor: Actor::User(holder.standing.user), bounds: Some(Arc::new(bounds)), session: None }
    }
}

/// How much of a credential somebody may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Knows {
    /// Who uses it: that it is there, and how it is.
    Outside,
    /// Who manages it: everything but its secrets.
    All,
}

/// What an actor may do at this moment.
pub struct Rights {
    who: Who,
    /// `None`: the command line.
    standing: Option<Standing>,
}

impl Rights {
    pub(super) async fn read(who: &Who, reading: &mut Reading) -> Result<Self, Fault> {
        let mut who = who.clone();
        let standing = match who.actor {
            Actor::User(user) => Some(reading.standing(user).await?.ok_or(Fault::SignedOut)?),
            Actor::CommandLine | Actor::System => None,
        };
        // What is made with a token lasts no longer than the token, however soon its user has to sign in again.
        if let (Some(bounds), Some(standing)) = (&who.bounds, &standing)
            && bounds.expires == standing.sign_in_by
            && let Some(row) = reading.token(bounds.token).await?
        {
            let Bounds { token, scopes, ref boundary, .. } = **bounds;
            let bounds = Bounds { token, scopes, expires: row.expires, boundary: boundary.clone() };
            who.bounds = Some(Arc::new(bounds));
        }
        Ok(Self { who, standing })
    }

    /// What the audit trail is told of an act.
    pub fn entry(&self, action: &'static str, subject: impl fmt::Display) -> AuditEntry {
        AuditEntry::new(&self.who.actor, action, subject)
    }

    pub const fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    pub fn bounds(&self) -> Option<&Bounds> {
        self.who.bounds.as_deref()
    }

    /// At the server's own command line, where one may run programs anyway.
    pub const fn is_at_machine(&self) -> bool {
        matches!(self.who.actor, Actor::CommandLine)
    }

    /// Who may manage everybody and everything of this installation.
    pub fn is_admin(&self) -> bool {
        self.standing.as_ref().is_none_or(|standing| standing.admin)
    }

    pub fn require_admin(&self) -> Result<(), Fault> {
        if self.is_admin() {
            Ok(())
        } else {
            Err(Fault::forbidden("only an administrator of this installation may do it"))
        }
    }

    /// The user who acts; at the command line somebody has to be named.
    pub fn me(&self) -> Result<UserId, Fault> {
        let me = self.standing.as_ref().map(|standing| standing.user);
        me.ok_or_else(|| Fault::invalid("user", "expected the name of the user whom it is about"))
    }

    /// One may look after oneself, and an administrator after everybody; to others there is no such user.
    pub fn over_user(&self, user: UserId) -> Result<(), Fault> {
        let is_me = self.standing.as_ref().is_some_and(|standing| standing.user == user);
        if is_me || self.is_admin() { Ok(()) } else { Err(Fault::missing("user")) }
    }

    pub fn membership(&self, organization: OrganizationId) -> Option<&Membership> {
        let memberships = self.standing.as_ref().map(|standing| &standing.memberships);
        memberships.into_iter().flatten().find(|membership| membership.organization == organization)
    }

    /// To who is no member there is no such organization.
    pub fn in_organization(&self, organization: OrganizationId, act: role::Act) -> Result<(), Fault> {
        if self.is_admin() {
            return Ok(());
        }
        let membership = self.membership(organization).ok_or_else(|| Fault::missing("organization"))?;
        if membership.role.permits(act) {
            return Ok(());
        }
        let who = if role::Role::Maintainer.permits(act) { "owners and maintainers" } else { "owners" };
        Err(Fault::forbidden(format!("only {who} of {} may do it, and you are a {}", membership.name, membership.role)))
    }

    /// Whether this token's boundary has room for what is about this context and provider.
    pub fn within(&self, context: Option<&Context>, provider: Option<&str>) -> Result<(), Fault> {
        let Some(Bounds { boundary, .. }) = self.bounds() else { return Ok(()) };
        if let Some(context) = context.filter(|context| !boundary.allows_context(context)) {
            return Err(Fault::forbidden(format!("the token that you use is not for the context `{context}`")));
        }
        if let Some(provider) = provider.filter(|provider| !boundary.allows_provider(provider)) {
            return Err(Fault::forbidden(format!("the token that you use is not for the provider `{provider}`")));
        }
        Ok(())
    }

    /// How this actor stands to what an owner pays with; `None`: there is nothing for them to know of.
    pub async fn knows(&self, reading: &mut Reading, owner: Owner) -> Result<Option<Knows>, Fault> {
        match self.over_owner(reading, owner, role::Act::ManageCredentials).await {
            Ok(()) => return Ok(Some(Knows::All)),
            Err(Fault::Missing(_)) => return Ok(None),
            Err(Fault::Forbidden(_)) => {}
            Err(other) => return Err(other),
        }
        let mut projects = self.standing.iter().flat_map(|standing| &standing.memberships).flat_map(|m| &m.projects);
        let uses = match owner {
            Owner::Project(id) => projects.any(|project| project.id == id),
            Owner::User(_) | Owner::Organization(_) => true,
        };
        Ok(uses.then_some(Knows::Outside))
    }

    /// Whether what is of this context is there for the token. Its list of contexts means what it says, as it does
    /// for requests: `acme` does not open `acme.optics`.
    pub fn sees(&self, context: &Context) -> bool {
        self.bounds().is_none_or(|bounds| bounds.boundary.allows_context(context))
    }

    /// What is of the whole installation, such as other users and what does not exist yet, is on nobody's list of
    /// contexts or providers: a token that has such a list is not for it.
    pub fn require_no_lists(&self) -> Result<(), Fault> {
        if self.bounds().is_some_and(|bounds| bounds.boundary.has_lists()) {
            return Err(Fault::forbidden(
                "the token that you use is for certain contexts or providers, and this is none of them",
            ));
        }
        Ok(())
    }

    /// What opens more than any token does is for no token that is limited.
    pub fn require_no_boundary(&self) -> Result<(), Fault> {
        if self.bounds().is_some_and(|Bounds { boundary, .. }| boundary.has_lists() || !boundary.networks.is_empty()) {
            return Err(Fault::forbidden(
                "the token that you use is limited, and this opens more: use the page, or a token for any context, provider \
                 and network",
            ));
        }
        Ok(())
    }

    /// Whether it has room for what is about every provider and all of this context, or of everything.
    pub fn within_all_of(&self, context: Option<&Context>) -> Result<(), Fault> {
        let Some(Bounds { boundary, .. }) = self.bounds() else { return Ok(()) };
        let allowed = context.map_or(boundary.contexts.is_empty(), |context| boundary.allows_context(context));
        if allowed && boundary.providers.is_empty() {
            return Ok(());
        }
        Err(Fault::forbidden("the token that you use is for some contexts or providers only, and this is about more"))
    }

    /// Who may do this to what belongs to an owner: persons to their own, roles to their organization's.
    pub async fn over_owner(&self, reading: &mut Reading, owner: Owner, act: role::Act) -> Result<(), Fault> {
        use crate::store::ProjectOf;
        let of = match owner {
            Owner::User(user) => ProjectOf::User(user),
            Owner::Organization(organization) => ProjectOf::Organization(organization),
            Owner::Project(project) => reading.project(project).await?.ok_or_else(|| Fault::missing("project"))?.of,
        };
        match of {
            ProjectOf::User(user) => self.over_user(user),
            ProjectOf::Organization(organization) => self.in_organization(organization, act),
        }
    }
}
