//! Whose token pays: the one rule, as one pure function.
//! Asked once for each (caller, provider, named context) and cached by the directory; `bellhop explain` asks it too,
//! so what it says is what the data plane does.
//! It selects among offers; what may be used at all is checked here as well, so that no selection is ever used unchecked.

use super::{Offer, State};
use crate::{
    clock::Timestamp,
    id::CredentialId,
    identity::{Boundary, Context, Membership, Name, Standing, role::Act},
};
use std::fmt;

/// Everything that decides, but for the offers.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub standing: &'a Standing,
    /// What the maker of the token allowed it; `None` allows all that its user may.
    pub boundary: Option<&'a Boundary>,
    /// The context in the request's URL or header.
    pub named: Option<&'a Context>,
    pub personal: Personal,
    pub now: Timestamp,
}

/// Whether the operator lets people pay with credentials of their own at this provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Personal {
    Allowed,
    Forbidden,
}

/// Why a credential was chosen; its text is the receipt's `why`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// It made what the request is about.
    Job,
    Named,
    Pinned,
    Active,
    Own,
    Organization,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job => "job",
            Self::Named => "named",
            Self::Pinned => "pinned",
            Self::Active => "active",
            Self::Own => "own",
            Self::Organization => "organization",
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection<'a> {
    pub offer: &'a Offer,
    /// The context that the request runs in: that of the offer, or the project it was granted to.
    pub context: Context,
    pub why: Why,
}

/// Why no credential may be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unresolved {
    #[error("no credential")]
    NoCredential { context: Option<Context> },
    #[error("several credentials fit")]
    Ambiguous { candidates: Vec<Context> },
    /// Also for an organization that does not exist: who is not in it cannot tell.
    #[error("not a member of {context}")]
    NotAMember { context: Context },
    #[error("the token may not use {context}")]
    OutsideBoundary { context: Context },
    #[error("personal credentials are switched off")]
    PersonalForbidden,
    #[error("restricted to other members")]
    Restricted { home: Context, label: Box<str> },
    #[error("not usable")]
    Unusable { home: Context, label: Box<str>, because: Unusable },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unusable {
    Disabled,
    Expired,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        })
    }
}

/// Selects the credential that pays, or says why there is none.
///
/// 1. (A follow-up on something on record uses the credential that made it: [`follow`].)
/// 2. The context named in the request. 3. The token's pin. 4. The user's active context.
/// 5. The user's own credential; else that of the one organization of theirs that offers one.
///
/// A context that was named, pinned or made active never falls back to another purse, and neither does
/// a credential that is disabled or expired: it still counts as the one that is meant.
pub fn resolve<'a>(question: Question<'_>, offers: &'a [Offer]) -> Result<Selection<'a>, Unresolved> {
    let (context, why) = match question.chosen() {
        Some(chosen) => chosen,
        None => question.automatic(offers)?,
    };
    let offer = question.offered(&context, offers)?;
    if question.boundary.is_some_and(|b| !b.allows_context(&context)) {
        return Err(Unresolved::OutsideBoundary { context });
    }
    match question.unusable(offer) {
        Some(because) => Err(Unresolved::Unusable { home: offer.home.clone(), label: offer.label.clone(), because }),
        None => Ok(Selection { offer, context, why }),
    }
}

/// The credential that made something on record, for questions about it: whatever the caller's context is by now, and
/// whatever else would pay. It selects only; what is checked of every selection is checked here as well.
pub fn follow<'a>(
    question: Question<'_>,
    offers: &'a [Offer],
    credential: CredentialId,
) -> Result<Selection<'a>, Unresolved> {
    let gone = Unresolved::NoCredential { context: None };
    let offer = offers.iter().find(|o| o.credential == credential).ok_or(gone)?;
    let (home, label) = (offer.home.clone(), offer.label.clone());
    if !question.may_use(offer) {
        return Err(Unresolved::Restricted { home, label });
    }
    let contexts = contexts_of(offer);
    let admitted = contexts.iter().filter(|c| question.admits(c).is_ok());
    let Some(first) = admitted.clone().next() else { return Err(question.turned_away(&home)) };
    let mut allowed = admitted.filter(|c| question.boundary.is_none_or(|b| b.allows_context(c)));
    let Some(context) = allowed.next() else { return Err(Unresolved::OutsideBoundary { context: first.clone() }) };
    match question.unusable(offer) {
        Some(because) => Err(Unresolved::Unusable { home, label, because }),
        None => Ok(Selection { offer, context: context.clone(), why: Why::Job }),
    }
}

/// The contexts by which this caller has this credential pay, as it would if a request named them; the question's own
/// context counts for nothing.
pub fn ways(question: Question<'_>, offers: &[Offer], credential: CredentialId) -> Vec<Context> {
    let Some(offer) = offers.iter().find(|o| o.credential == credential) else { return Vec::new() };
    let mut contexts = contexts_of(offer);
    contexts.retain(|context| {
        let outcome = resolve(Question { named: Some(context), ..question }, offers);
        outcome.is_ok_and(|selection| selection.offer.credential == credential)
    });
    contexts
}

/// Those that may pay for something new.
fn live(offers: &[Offer]) -> impl Iterator<Item = &Offer> + Clone {
    offers.iter().filter(|o| o.state != State::Retired)
}

impl Question<'_> {
    fn chosen(&self) -> Option<(Context, Why)> {
        let pin = self.boundary.and_then(|b| b.pin.as_ref());
        let active = self.standing.active.as_deref();
        let named = self.named.map(|c| (c, Why::Named));
        named.or(pin.map(|c| (c, Why::Pinned))).or(active.map(|c| (c, Why::Active))).map(|(c, why)| (c.clone(), why))
    }

    fn automatic(&self, offers: &[Offer]) -> Result<(Context, Why), Unresolved> {
        let me = Context::me();
        if self.personal == Personal::Allowed && live(offers).any(|o| o.home == me) {
            return Ok((me, Why::Own));
        }
        let mut candidates: Vec<Context> =
            self.standing.memberships.iter().flat_map(|m| self.offered_by(m, offers)).collect();
        match candidates.pop() {
            None => Err(Unresolved::NoCredential { context: None }),
            Some(only) if candidates.is_empty() => Ok((only, Why::Organization)),
            Some(last) => {
                candidates.push(last);
                Err(Unresolved::Ambiguous { candidates })
            }
        }
    }

    /// The contexts of one organization that offer a credential to this user unasked:
    /// those of the projects they are a member of, else the organization's own.
    fn offered_by(&self, membership: &Membership, offers: &[Offer]) -> Vec<Context> {
        let organization = Context::organization(membership.name.clone());
        let offers_one = |context: &Context| self.offered(context, offers).is_ok();
        let projects = membership.projects.iter().map(|p| organization.clone().in_project(p.name.clone()));
        let projects: Vec<Context> = projects.filter(offers_one).collect();
        if projects.is_empty() && offers_one(&organization) { vec![organization] } else { projects }
    }

    /// The credential that this context offers to this user, whether or not it can be used now.
    fn offered<'a>(&self, context: &Context, offers: &'a [Offer]) -> Result<&'a Offer, Unresolved> {
        self.admits(context)?;
        let own = live(offers).filter(|o| o.home == *context && (context.project.is_some() || o.projects.is_empty()));
        let granted = live(offers).filter(|o| granted_to(o, context));
        self.best(own).or_else(|| self.best(granted)).map_or_else(
            || Err(Unresolved::NoCredential { context: Some(context.clone()) }),
            |offer| {
                if self.may_use(offer) {
                    Ok(offer)
                } else {
                    Err(Unresolved::Restricted { home: offer.home.clone(), label: offer.label.clone() })
                }
            },
        )
    }

    fn may_use(&self, offer: &Offer) -> bool {
        offer.members.is_empty() || offer.members.contains(&self.standing.user)
    }

    /// Why none of a credential's contexts admits this user.
    fn turned_away(&self, home: &Context) -> Unresolved {
        match self.admits(home) {
            Err(error) => error,
            Ok(()) => Unresolved::NotAMember { context: home.clone() },
        }
    }

    /// An owner has at most one active credential for a provider, but may keep disabled ones beside it.
    fn best<'a>(&self, offers: impl Iterator<Item = &'a Offer>) -> Option<&'a Offer> {
        offers.min_by_key(|o| self.unusable(o).is_some())
    }

    fn unusable(&self, offer: &Offer) -> Option<Unusable> {
        if offer.state == State::Disabled {
            Some(Unusable::Disabled)
        } else if offer.expires <= self.now {
            Some(Unusable::Expired)
        } else {
            None
        }
    }

    /// Whether this user may pay from this context at all.
    fn admits(&self, context: &Context) -> Result<(), Unresolved> {
        let Some(organization) = &context.organization else {
            return match self.personal {
                Personal::Allowed => Ok(()),
                Personal::Forbidden => Err(Unresolved::PersonalForbidden),
            };
        };
        let admitted = self.standing.membership(organization).is_some_and(|m| match &context.project {
            None => m.role.permits(Act::UseCredentials),
            Some(project) => m.role.permits(Act::UseEveryProject) || is_in(m, project),
        });
        if admitted { Ok(()) } else { Err(Unresolved::NotAMember { context: context.clone() }) }
    }
}

fn is_in(membership: &Membership, project: &Name) -> bool {
    membership.projects.iter().any(|p| p.name == *project)
}

/// An organization's credential that was granted to the project that the context names.
fn granted_to(offer: &Offer, context: &Context) -> bool {
    let same_organization = offer.home.organization.is_some()
        && offer.home.organization == context.organization
        && offer.home.project.is_none();
    same_organization && context.project.as_ref().is_some_and(|project| offer.projects.contains(project))
}

/// Why an offer is not the one that pays, in words for the person who asked.
pub fn why_not(question: Question<'_>, offer: &Offer, outcome: Result<&Selection<'_>, &Unresolved>) -> String {
    if offer.state == State::Retired {
        return "it is kept for its open jobs only".into();
    }
    if let Some(because) = question.unusable(offer) {
        return format!("it is {because}");
    }
    if !offer.members.is_empty() && !offer.members.contains(&question.standing.user) {
        return "it is restricted to other members".into();
    }
    match question.admits(&offer.home) {
        Err(Unresolved::PersonalForbidden) => return "personal credentials are switched off for this provider".into(),
        Err(_) => return format!("you are not a member of {}", offer.home),
        Ok(()) => {}
    }
    let mut contexts = contexts_of(offer);
    contexts.retain(|context| question.admits(context).is_ok());
    let Some(first) = contexts.first().cloned() else {
        return "it is granted to projects that you are not a member of".into();
    };
    contexts.retain(|context| question.boundary.is_none_or(|b| b.allows_context(context)));
    let Some(allowed) = contexts.first() else { return format!("the token may not use {first}") };
    match (question.chosen(), outcome) {
        (Some((context, _)), Ok(selection)) if contexts.contains(&context) => {
            format!("the credential of {} comes first", selection.offer.home)
        }
        (Some(_), Err(Unresolved::OutsideBoundary { context })) => format!("the token may not use {context}"),
        (Some(_), Err(Unresolved::NotAMember { context })) => format!("you are not a member of {context}"),
        (Some((context, why)), _) => format!("the {why} context {context} does not offer it"),
        (None, Ok(selection)) if selection.why == Why::Own => "your own credential comes first".into(),
        (None, Ok(selection)) => format!("{} comes first", selection.context),
        (None, Err(Unresolved::Ambiguous { .. })) => "several organizations offer one; name a context".into(),
        (None, Err(Unresolved::Unusable { home, because, .. })) => {
            format!("{home} comes first, although it is {because}")
        }
        (None, Err(Unresolved::OutsideBoundary { context })) => {
            format!("{context} comes first, although the token may not use it")
        }
        (None, Err(_)) => format!("it pays only where {allowed} is named"),
    }
}

/// The contexts that this credential pays for: its owner, or the projects that it was granted to.
fn contexts_of(offer: &Offer) -> Vec<Context> {
    let granted = offer.projects.iter().map(|project| offer.home.clone().in_project(project.clone()));
    if offer.projects.is_empty() { vec![offer.home.clone()] } else { granted.collect() }
}

#[cfg(test)]
mod tests;
