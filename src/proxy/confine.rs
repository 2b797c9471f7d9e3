//! What a member may reach under a credential that others share: by allow-list, failing closed.
//! Owns nothing; a [`Permit`] is the evidence that nothing goes out unasked for.
//! Never tells what is another's from what is not there.

use super::{
    Asked, Exchange,
    errand::Errand,
    hot::Hot,
    refusal::{self, Refusal},
};
use crate::{job::reach::is_confined, provider::preset::operation::Kind};

/// The request may go on.
pub struct Permit {
    /// The answer is a list, to be cut down to the caller's own things.
    pub filters: bool,
}

impl Exchange<'_> {
    /// Owners and maintainers, one's own credentials, presets without jobs and `job_visibility: all` pass.
    pub(super) async fn confine(&self, asked: &Asked<'_>, hot: Option<&Hot>, errand: &Errand) -> Result<Permit, Refusal> {
        let free = Permit { filters: false };
        let Some(hot) = hot else { return Ok(free) };
        let standing = &hot.caller.holder.standing;
        if !asked.provider.preset().makes_things || !is_confined(standing, hot.grant.organization()) {
            return Ok(free);
        }
        let Some(found) = &asked.operation else { return Err(refusal::unlisted_when_shared(asked, &hot.grant)) };
        let operation = found.operation;
        match operation.kind {
            Kind::Public | Kind::Open => return Ok(free),
            Kind::Account | Kind::Blocked | Kind::Login => {
                return Err(refusal::unlisted_when_shared(asked, &hot.grant));
            }
            Kind::Submit | Kind::Poll | Kind::Result | Kind::Cancel | Kind::List => {}
        }
        if let Some(because) = errand.unread {
            return Err(refusal::names_not_read(asked, because));
        }
        if !errand.reaches_all() {
            return Err(Box::pin(self.unknown_job(asked, hot)).await);
        }
        match operation.kind {
            Kind::Submit => Ok(free),
            Kind::List if operation.lists.is_some() => Ok(Permit { filters: true }),
            // One path for some by their ids and for all of them.
            _ if !errand.named.is_empty() => Ok(free),
            _ if operation.lists.is_some() => Ok(Permit { filters: true }),
            _ => Err(refusal::unlisted_when_shared(asked, &hot.grant)),
        }
    }

    /// Alike for another's and for what is not there. While a submission of the caller's own is not settled, it may be
    /// theirs all the same: then nobody says that it is not.
    async fn unknown_job(&self, asked: &Asked<'_>, hot: &Hot) -> Refusal {
        let user = hot.caller.holder.standing.user;
        match self.core.shared.jobs.is_pending(user, asked.provider.id()).await {
            Ok(false) => refusal::unknown_job(asked),
            Ok(true) => refusal::not_settled(asked),
            Err(_) => Refusal::store_unavailable(),
        }
    }
}
