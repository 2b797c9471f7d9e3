//! What a member may reach under a credential that others share: by allow-list, failing closed.
//! Owns nothing; a [`Permit`] is the evidence that the question was asked.
//! Never tells what is another's from what is not there.

use super::{
    Asked, Exchange,
    errand::Errand,
    hot::Hot,
    refusal::{self, Refusal},
};
use crate::{
    directory::Purse,
    job::reach::is_confined,
    provider::{preset::operation::Kind, reading},
};

/// The request may go on.
#[derive(Clone, Copy)]
pub struct Permit {
    /// Its answer is a list, to be cut down to the caller's own.
    pub filters: bool,
}

impl Exchange<'_> {
    /// Owners and maintainers, one's own credentials, presets without jobs and `job_visibility: all` pass.
    pub(super) async fn confine(
        &self,
        asked: &Asked<'_>,
        hot: Option<&Hot>,
        errand: &Errand,
    ) -> Result<Permit, Refusal> {
        let free = Permit { filters: false };
        let Some(hot) = hot else { return Ok(free) };
        refuse_another_context(asked, hot)?;
        refuse_other_choices(asked, hot, errand)?;
        let standing = &hot.caller.holder.standing;
        if !asked.provider.preset().makes_things() || !is_confined(standing, hot.grant.organization()) {
            return Ok(free);
        }
        let closed = || refusal::not_open_when_shared(asked, &hot.grant);
        let operation = asked.operation.as_ref().ok_or_else(closed)?.operation;
        match operation.kind {
            Kind::Public | Kind::Open => return Ok(free),
            Kind::Account | Kind::Blocked | Kind::Login => return Err(closed()),
            Kind::Submit | Kind::Poll | Kind::Result | Kind::Cancel | Kind::List => {}
        }
        if let Some(because) = errand.unread {
            return Err(refusal::names_not_read(asked, because));
        }
        if !errand.reaches_all() {
            return Err(Box::pin(self.unknown_job(asked, hot)).await);
        }
        let (lists, names) = (operation.lists.is_some(), !errand.named.is_empty());
        match operation.kind {
            Kind::Submit => Ok(free),
            Kind::List if lists => Ok(Permit { filters: true }),
            Kind::List if operation.objects.is_empty() => Err(closed()),
            // Whose these are is asked next.
            _ if !operation.objects.is_empty() => Ok(free),
            // Some by their ids, or all of them, by the same path.
            _ if names => Ok(free),
            _ if lists => Ok(Permit { filters: true }),
            _ => Err(closed()),
        }
    }

    /// Alike for another's and for what is not there. While a submission of the caller's is not settled, it may be
    /// theirs after all, and nobody says that it is not.
    pub(super) async fn unknown_job(&self, asked: &Asked<'_>, hot: &Hot) -> Refusal {
        let user = hot.caller.holder.standing.user;
        match self.core.shared.jobs.is_pending(user, asked.provider.id()).await {
            Ok(false) => refusal::unknown_job(asked),
            Ok(true) => refusal::not_settled(asked),
            Err(_) => refusal::record_not_read(),
        }
    }
}

/// An account or project that the request's body names must be one that the credential allows.
fn refuse_other_choices(asked: &Asked<'_>, hot: &Hot, errand: &Errand) -> Result<(), Refusal> {
    let Some(found) = asked.operation.as_ref().filter(|found| !found.operation.choices.is_empty()) else {
        return Ok(());
    };
    let plain = |field: &str| hot.grant.fields.plain(field);
    match errand.unread {
        Some(because) if reading::restricts(found.operation, plain) => Err(refusal::names_not_read(asked, because)),
        _ if reading::is_choice_allowed(&asked.sent(found, errand.document.as_ref()), plain) => Ok(()),
        _ => Err(refusal::not_selectable(asked, &hot.grant)),
    }
}

/// What is submitted for something on record is paid by what made that; to name another purse is a mistake.
fn refuse_another_context(asked: &Asked<'_>, hot: &Hot) -> Result<(), Refusal> {
    let Some(Purse::Named(named)) = &asked.route.purse else { return Ok(()) };
    let pays = named == hot.grant.context() || named == hot.grant.home();
    if asked.kind() == Some(Kind::Submit) && !pays {
        return Err(refusal::another_context(asked, named, &hot.grant));
    }
    Ok(())
}
