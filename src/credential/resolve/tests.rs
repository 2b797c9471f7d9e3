//! The rule against a model of it: the same decision written the long way, step by step as the documentation tells it,
//! over random people, organizations, projects, pins, boundaries and credentials.

use super::*;
use crate::{
    credential::Owner,
    id::{CredentialId, OrganizationId, ProjectId, UserId},
    identity::{JobVisibility, ProjectRef, role::Role},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const CONTEXTS: [&str; 9] = ["me", "me.x", "acme", "acme.x", "acme.y", "beta", "beta.x", "beta.y", "gamma"];

/// One caller's whole situation at one provider.
#[derive(Clone, Debug)]
struct World {
    standing: Standing,
    boundary: Option<Boundary>,
    named: Option<Context>,
    personal: Personal,
    offers: Vec<Offer>,
}

impl World {
    fn question(&self) -> Question<'_> {
        Question {
            standing: &self.standing,
            boundary: self.boundary.as_ref(),
            named: self.named.as_ref(),
            personal: self.personal,
            now: NOW,
        }
    }

    fn resolve(&self) -> Result<Selection<'_>, Unresolved> {
        resolve(self.question(), &self.offers)
    }
}

mod model {
    use super::*;

    #[derive(PartialEq, Eq, Debug)]
    pub enum Verdict {
        Pays { credential: CredentialId, context: Context, why: Why },
        NothingThere(Option<Context>),
        Several(Vec<Context>),
        Stranger(Context),
        BeyondTheToken(Context),
        NoPersonal,
        OnlyForOthers,
        SwitchedOffOrOld,
    }

    pub fn verdict(world: &World) -> Verdict {
        let pin = world.boundary.as_ref().and_then(|b| b.pin.clone());
        let (context, why) = if let Some(named) = world.named.clone() {
            (named, Why::Named)
        } else if let Some(pin) = pin {
            (pin, Why::Pinned)
        } else if let Some(active) = world.standing.active.clone() {
            (*active, Why::Active)
        } else if world.personal == Personal::Allowed && !at(world, "me").is_empty() {
            (context("me"), Why::Own)
        } else {
            let mut fitting = automatic(world);
            match fitting.len() {
                0 => return Verdict::NothingThere(None),
                1 => (fitting.remove(0), Why::Organization),
                _ => return Verdict::Several(fitting),
            }
        };
        check(world, context, why)
    }

    fn check(world: &World, context: Context, why: Why) -> Verdict {
        if context.organization.is_none() && world.personal == Personal::Forbidden {
            return Verdict::NoPersonal;
        }
        if !welcome(world, &context) {
            return Verdict::Stranger(context);
        }
        let Some(offer) = meant(world, &context) else { return Verdict::NothingThere(Some(context)) };
        if !for_this_user(world, offer) {
            return Verdict::OnlyForOthers;
        }
        if let Some(boundary) = &world.boundary
            && !boundary.contexts.is_empty()
            && !boundary.contexts.contains(&context)
        {
            return Verdict::BeyondTheToken(context);
        }
        if !usable(offer) {
            return Verdict::SwitchedOffOrOld;
        }
        Verdict::Pays { credential: offer.credential, context, why }
    }

    /// Every context that would pay unasked: per organization those of my projects, else its own.
    fn automatic(world: &World) -> Vec<Context> {
        let mut fitting = Vec::new();
        for membership in &world.standing.memberships {
            let before = fitting.len();
            for project in &membership.projects {
                let candidate = context(&format!("{}.{}", membership.name, project.name));
                if meant(world, &candidate).is_some_and(|offer| for_this_user(world, offer)) {
                    fitting.push(candidate);
                }
            }
            let whole = context(membership.name.as_str());
            if fitting.len() == before && meant(world, &whole).is_some_and(|offer| for_this_user(world, offer)) {
                fitting.push(whole);
            }
        }
        fitting
    }

    pub fn welcome(world: &World, context: &Context) -> bool {
        let Some(organization) = &context.organization else { return true };
        for membership in &world.standing.memberships {
            if membership.name == *organization {
                return match &context.project {
                    None => true,
                    Some(_) if membership.role != Role::Member => true,
                    Some(project) => membership.projects.iter().any(|p| p.name == *project),
                };
            }
        }
        false
    }

    /// The credential that a context stands for: its own, else (a project's) one that its organization granted to it;
    /// the one in use before those that are not.
    pub fn meant<'w>(world: &'w World, context: &Context) -> Option<&'w Offer> {
        let mut own = at(world, &context.to_string());
        if context.project.is_none() {
            own.retain(|offer| offer.projects.is_empty());
        }
        if own.is_empty()
            && let (Some(organization), Some(project)) = (&context.organization, &context.project)
        {
            own = at(world, organization.as_str());
            own.retain(|offer| offer.projects.contains(project));
        }
        own.iter().find(|offer| usable(offer)).or(own.first()).copied()
    }

    fn at<'w>(world: &'w World, home: &str) -> Vec<&'w Offer> {
        world.offers.iter().filter(|offer| offer.home.to_string() == home).collect()
    }

    pub fn for_this_user(world: &World, offer: &Offer) -> bool {
        offer.members.is_empty() || offer.members.contains(&world.standing.user)
    }

    pub fn usable(offer: &Offer) -> bool {
        offer.state == State::Active && offer.expires > NOW
    }
}

fn verdict_of(outcome: Result<Selection<'_>, Unresolved>) -> model::Verdict {
    use model::Verdict;
    match outcome {
        Ok(Selection { offer, context, why }) => Verdict::Pays { credential: offer.credential, context, why },
        Err(Unresolved::NoCredential { context }) => Verdict::NothingThere(context),
        Err(Unresolved::Ambiguous { candidates }) => Verdict::Several(candidates),
        Err(Unresolved::NotAMember { context }) => Verdict::Stranger(context),
        Err(Unresolved::OutsideBoundary { context }) => Verdict::BeyondTheToken(context),
        Err(Unresolved::PersonalForbidden) => Verdict::NoPersonal,
        Err(Unresolved::Restricted { .. }) => Verdict::OnlyForOthers,
        Err(Unresolved::Unusable { .. }) => Verdict::SwitchedOffOrOld,
    }
}

fn context(text: &str) -> Context {
    text.parse().unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn any_context() -> impl Strategy<Value = Context> {
    select(&CONTEXTS[..]).prop_map(context)
}

/// Mostly none, so that the later steps of the rule are reached as well.
fn rarely<T: std::fmt::Debug + Clone>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    option::weighted(0.3, strategy)
}

prop_compose! {
    fn membership(organization: &'static str)(
        role in select(vec![Role::Member, Role::Member, Role::Maintainer, Role::Owner]),
        projects in proptest::sample::subsequence(vec!["x", "y"], 0..=2),
    ) -> Membership {
        let projects = projects.into_iter().map(|p| ProjectRef { id: ProjectId::new(), name: name(p) }).collect();
        let job_visibility = JobVisibility::Own;
        Membership { organization: OrganizationId::new(), name: name(organization), role, job_visibility, projects }
    }
}

prop_compose! {
    fn boundary()(pin in rarely(any_context()), contexts in rarely(vec(any_context(), 1..4))) -> Boundary {
        Boundary { pin, contexts: contexts.unwrap_or_default(), ..Boundary::default() }
    }
}

prop_compose! {
    fn offer(user: UserId)(
        home in any_context(),
        disabled in any::<bool>(),
        expires in select(vec![Timestamp::MAX, Timestamp::MAX, NOW, Timestamp::from_millis(1)]),
        granted in rarely(proptest::sample::subsequence(vec!["x", "y"], 1..=2)),
        restricted in rarely(select(vec![vec![user], vec![UserId::new()], vec![UserId::new(), user]])),
    ) -> Offer {
        let organizations = home.organization.is_some() && home.project.is_none();
        let granted = granted.filter(|_| organizations).unwrap_or_default();
        let restricted = restricted.filter(|_| home.organization.is_some()).unwrap_or_default();
        Offer {
            credential: CredentialId::new(),
            version: 1,
            owner: Owner::User(user), // the rule goes by `home`
            state: if disabled { State::Disabled } else { State::Active },
            label: home.to_string().into(),
            home,
            expires,
            projects: granted.into_iter().map(name).collect(),
            members: restricted.into(),
        }
    }
}

fn world() -> impl Strategy<Value = World> {
    let user = UserId::new();
    let people = (rarely(any_context()), option::weighted(0.8, membership("acme")), option::of(membership("beta")));
    let personal = select(vec![Personal::Allowed, Personal::Allowed, Personal::Forbidden]);
    (people, option::of(boundary()), rarely(any_context()), personal, vec(offer(user), 0..7)).prop_map(
        move |((active, acme, beta), boundary, named, personal, offers)| {
            let memberships = acme.into_iter().chain(beta).collect();
            let standing = Standing {
                user,
                name: "ada".parse().unwrap(),
                admin: false,
                sign_in_by: Timestamp::MAX,
                active: active.map(Box::new),
                memberships,
            };
            World { standing, boundary, named, personal, offers: one_active_each(offers) }
        },
    )
}

/// The store keeps at most one active credential for each owner.
fn one_active_each(mut offers: Vec<Offer>) -> Vec<Offer> {
    for at in 0..offers.len() {
        let taken = offers[..at].iter().any(|o| o.home == offers[at].home && o.state == State::Active);
        if taken {
            offers[at].state = State::Disabled;
        }
    }
    offers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_rule_agrees_with_its_model(world in world()) {
        prop_assert_eq!(verdict_of(world.resolve()), model::verdict(&world));
    }

    #[test]
    fn what_pays_may_be_used_by_this_caller(world in world()) {
        let Ok(selection) = world.resolve() else { return Ok(()) };
        prop_assert!(model::usable(selection.offer));
        prop_assert!(model::for_this_user(&world, selection.offer));
        prop_assert!(model::welcome(&world, &selection.context));
        prop_assert!(model::welcome(&world, &selection.offer.home));
        prop_assert!(world.boundary.as_ref().is_none_or(|b| b.allows_context(&selection.context)));
        prop_assert!(world.personal == Personal::Allowed || selection.context.organization.is_some());
    }

    #[test]
    fn a_chosen_context_never_falls_back_to_another_purse(world in world(), named in any_context()) {
        let world = World { named: Some(named.clone()), ..world };
        let Ok(selection) = world.resolve() else { return Ok(()) };
        prop_assert_eq!(&selection.context, &named);
        prop_assert_eq!(&selection.offer.home.organization, &named.organization);
    }

    #[test]
    fn credentials_of_other_purses_change_nothing_for_a_named_context(world in world(), named in any_context()) {
        let world = World { named: Some(named.clone()), ..world };
        let mut fewer = world.clone();
        fewer.offers.retain(|o| o.home.organization == named.organization);
        prop_assert_eq!(verdict_of(fewer.resolve()), verdict_of(world.resolve()));
    }

    #[test]
    fn an_own_credential_that_cannot_be_used_still_counts(world in world()) {
        let mut world = World { named: None, boundary: None, personal: Personal::Allowed, ..world };
        world.standing.active = None;
        let Some(own) = world.offers.iter_mut().find(|o| o.home == Context::me()) else { return Ok(()) };
        own.state = State::Disabled;
        let id = own.credential;
        world.offers.retain(|o| o.home != Context::me() || o.credential == id);
        let unusable = matches!(world.resolve(), Err(Unresolved::Unusable { .. }));
        prop_assert!(unusable);
    }

    #[test]
    fn a_follow_up_is_paid_by_what_made_it_or_by_nothing(world in world(), at in any::<prop::sample::Index>()) {
        if world.offers.is_empty() {
            return Ok(());
        }
        let made = &world.offers[at.index(world.offers.len())];
        let Ok(selection) = follow(world.question(), &world.offers, made.credential) else { return Ok(()) };
        prop_assert_eq!(selection.offer.credential, made.credential);
        prop_assert!(model::usable(selection.offer) && model::for_this_user(&world, selection.offer));
        prop_assert!(model::welcome(&world, &selection.context));
        prop_assert!(world.boundary.as_ref().is_none_or(|b| b.allows_context(&selection.context)));
    }

    #[test]
    fn whatever_pays_for_a_submission_may_be_asked_about_it(world in world()) {
        let Ok(selection) = world.resolve() else { return Ok(()) };
        let followed = follow(world.question(), &world.offers, selection.offer.credential);
        prop_assert_eq!(followed.map(|s| s.offer.credential), Ok(selection.offer.credential));
    }

    #[test]
    fn a_retired_credential_pays_for_nothing_new(world in world(), at in any::<prop::sample::Index>()) {
        if world.offers.is_empty() {
            return Ok(());
        }
        let (mut retired, mut without) = (world.clone(), world.clone());
        let at = at.index(world.offers.len());
        retired.offers[at].state = State::Retired;
        without.offers.remove(at);
        prop_assert_eq!(verdict_of(retired.resolve()), verdict_of(without.resolve()));
    }

    #[test]
    fn the_order_of_credentials_does_not_matter(world in world()) {
        let mut world = world;
        let mut homes = std::collections::HashSet::new();
        world.offers.retain(|offer| homes.insert(offer.home.clone()));
        let mut turned = world.clone();
        turned.offers.reverse();
        let (there, back) = (world.resolve(), turned.resolve());
        prop_assert_eq!(there.as_ref().ok().map(|s| s.offer.credential), back.as_ref().ok().map(|s| s.offer.credential));
    }

    #[test]
    fn a_reason_is_given_for_each_credential_that_lost_and_it_is_true(world in world()) {
        let outcome = world.resolve();
        let question = world.question();
        for offer in &world.offers {
            if outcome.as_ref().is_ok_and(|s| s.offer.credential == offer.credential) {
                continue;
            }
            let reason = why_not(question, offer, outcome.as_ref());
            let excuse = match reason.as_str() {
                "it is disabled" => offer.state == State::Disabled,
                "it is expired" => offer.expires <= NOW,
                "it is restricted to other members" => !model::for_this_user(&world, offer),
                "personal credentials are switched off for this provider" =>
                    world.personal == Personal::Forbidden && offer.home.organization.is_none(),
                "your own credential comes first" => outcome.as_ref().is_ok_and(|s| s.why == Why::Own),
                token if token.starts_with("the token may not use ") => {
                    let context = context(token.rsplit_once(' ').unwrap().1);
                    world.boundary.as_ref().is_some_and(|b| !b.allows_context(&context))
                }
                "several organizations offer one; name a context" =>
                    matches!(outcome, Err(Unresolved::Ambiguous { .. })),
                "it is granted to projects that you are not a member of" => !offer.projects.is_empty(),
                stranger if stranger.starts_with("you are not a member of ") => {
                    !model::welcome(&world, &context(stranger.rsplit_once(' ').unwrap().1))
                }
                first if first.ends_with(" comes first") => outcome.is_ok(),
                first if first.contains(" comes first, although ") => outcome.is_err(),
                // What a context offers, or where a credential pays, is looked at by the test below.
                other => other.contains("does not offer it") || other.starts_with("it pays only where "),
            };
            prop_assert!(excuse, "{} of {}", reason, offer.home);
        }
    }

    #[test]
    fn no_reason_contradicts_what_a_context_offers(world in world()) {
        let outcome = world.resolve();
        for offer in &world.offers {
            if outcome.as_ref().is_ok_and(|s| s.offer.credential == offer.credential) {
                continue;
            }
            let reason = why_not(world.question(), offer, outcome.as_ref());
            let means_it = |context: &Context| {
                let meant = model::meant(&world, context);
                model::welcome(&world, context) && meant.is_some_and(|o| o.credential == offer.credential)
            };
            if reason.contains("does not offer it") {
                let chosen = world.question().chosen();
                prop_assert!(chosen.is_none_or(|(context, _)| !means_it(&context)), "{}", reason);
            }
            if let Some(home) = reason.strip_prefix("it pays only where ").and_then(|r| r.strip_suffix(" is named")) {
                let there = World { named: Some(context(home)), ..world.clone() };
                // A project's own credential comes before one that the organization granted to it, usable or not.
                let pays = match there.resolve() {
                    Ok(Selection { offer: own, .. }) => own.credential == offer.credential || own.home == context(home),
                    Err(Unresolved::Unusable { home: own, .. } | Unresolved::Restricted { home: own, .. }) => {
                        own == context(home)
                    }
                    Err(_) => false,
                };
                prop_assert!(pays, "{}", reason);
            }
        }
    }
}
