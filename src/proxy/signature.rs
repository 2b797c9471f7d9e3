//! Requests that are signed (AWS SigV4): which service one is for, whether its signature is good, and what of it goes on.
//! Owns nothing; a signature is read before the token is looked up, and verified when the body is there.
//! Never forwards to a service or a region that the preset does not list, or a header that it does not.

use super::{
    Asked, Exchange,
    errand::{Carried, Errand},
    hot::Hot,
    refusal::{self, Refusal},
    route::Route,
};
use crate::{
    job::reach::is_confined,
    provider::{
        Provider,
        preset::sigv4::{NotListed, REGION, SigV4},
        reading::{self, Unreadable},
        storage::{self, OutOfReach, Whose},
    },
    scheme::sigv4::{Claim, Flaw, Received, Transport, Verified, service, verify},
};
use http::{HeaderMap, header, request};
use std::sync::Arc;

impl Exchange<'_> {
    /// The target with the service in front that the signature is for: so are operations written, as the services of one
    /// provider share their paths. `None` where nothing is signed.
    pub(super) fn signed_target(
        &self,
        provider: &Arc<Provider>,
        route: &Route<'_, '_>,
        headers: &HeaderMap,
    ) -> Result<Option<Box<str>>, Refusal> {
        let Some(signing) = provider.preset().signs() else { return Ok(None) };
        self.tally.provider.set(Some(provider.index()));
        // Also what is not sound is refused in the words of the service that it is for.
        let named = headers.get(header::AUTHORIZATION).and_then(|value| service(value.as_bytes()));
        let wording = provider.preset().services.iter().find(|service| Some(service.name.as_bytes()) == named);
        self.tally.wording.set(wording.map(|service| service.errors).unwrap_or_default());
        let query = route.target.split_once('?').map(|(_, query)| query);
        let claim = match Claim::read(headers, query) {
            Ok(claim) => claim,
            // Whether somebody presents a token without a signature is for the next steps to see.
            Err(Flaw::NotSigned) if !headers.contains_key(header::AUTHORIZATION) => return Ok(None),
            Err(flaw) => return Err(refusal::signature(&flaw)),
        };
        let scope = claim.scope;
        match signing.service(scope.service, scope.region) {
            Ok(signed) => Ok(Some(format!("/{}{}", signed.name, route.target).into())),
            Err(NotListed::Service) => Err(refusal::service_not_listed(provider, signing)),
            Err(NotListed::Region) => Err(refusal::signed_region_not_listed(provider, &signing.regions.join(", "))),
        }
    }

    /// Whether the caller's signature is that of their request. Needs the body.
    pub(super) fn verify(
        &self,
        asked: &Asked<'_>,
        parts: &request::Parts,
        headers: &HeaderMap,
        errand: &Errand,
    ) -> Result<Option<Verified>, Refusal> {
        let Some(signing) = asked.provider.preset().signs() else { return Ok(None) };
        let claim = Claim::read(headers, parts.uri.query()).map_err(|flaw| refusal::signature(&flaw))?;
        let signed = signing.service(claim.scope.service, claim.scope.region);
        let signed = signed.map_err(|_| refusal::signature(&Flaw::Scope))?;
        let Carried::Read(body) = &errand.carried else {
            return Err(refusal::names_not_read(asked, Unreadable::TooLarge));
        };
        let received = Received {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query(),
            host: asked.route.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default(),
            headers,
            body,
            transport: if self.link.secure { Transport::Tls } else { Transport::Plain },
        };
        let now = self.core.shared.clock.now();
        let verified = verify(&claim, &received, signed.dialect, now).map_err(|flaw| refusal::signature(&flaw))?;
        match headers.keys().find(|name| !is_of_signature(name.as_str()) && !signing.passes(name)) {
            None => Ok(Some(verified)),
            Some(name) => Err(refusal::header_not_listed(asked, name)),
        }
    }

    /// What the operation alone does not say: keys of the query, what a form says, the region, and whose objects it names.
    pub(super) async fn keep_within(
        &self,
        asked: &Asked<'_>,
        hot: Option<&Hot>,
        errand: &Errand,
        signed: Option<&Verified>,
    ) -> Result<(), Refusal> {
        let Some(hot) = hot else { return Ok(()) };
        if let (Some(signing), Some(verified)) = (asked.provider.preset().signs(), signed) {
            keep_region(asked, hot, signing, verified)?;
        }
        let Some(found) = &asked.operation else { return Ok(()) };
        if let Some(listed) = &found.operation.query {
            let unlisted = |key: &String| !listed.iter().any(|known| **known == **key);
            if reading::query_keys(asked.route.target.split_once('?').map(|(_, query)| query)).any(|key| unlisted(&key))
            {
                return Err(refusal::query_not_listed(asked, listed));
            }
        }
        if !found.operation.form.is_empty() {
            let says =
                matches!(&errand.carried, Carried::Read(body) if reading::form_says(body, &found.operation.form));
            if !says {
                return Err(refusal::form_not_listed(asked, &found.operation.form));
            }
        }
        if found.operation.objects.is_empty() {
            return Ok(());
        }
        self.keep_to_storage(asked, hot, errand).await
    }

    async fn keep_to_storage(&self, asked: &Asked<'_>, hot: &Hot, errand: &Errand) -> Result<(), Refusal> {
        let Some(found) = &asked.operation else { return Ok(()) };
        let objects = reading::objects(&asked.sent(found, errand.document.as_ref()));
        let objects = objects.map_err(|because| refusal::names_not_read(asked, because))?;
        let areas = asked.provider.preset().storage.as_deref().and_then(|field| hot.grant.fields.plain(field));
        let standing = &hot.caller.holder.standing;
        let reads = found.operation.kind.only_reads();
        let made: Vec<&str> = errand
            .named
            .iter()
            .filter(|named| reads && named.reached.is_some())
            .map(|named| &*named.thing.id)
            .collect();
        let whose = if is_confined(standing, hot.grant.organization()) {
            Whose::Members { name: standing.name.as_str(), made: &made }
        } else {
            Whose::Anybodys
        };
        for object in &objects {
            match storage::reach(areas, object, whose) {
                Ok(()) => {}
                // What another made, and what is not there, look alike.
                Err(OutOfReach::NotTheirs) if reads => return Err(Box::pin(self.unknown_job(asked, hot)).await),
                Err(OutOfReach::NotTheirs) => {
                    return Err(refusal::object_not_theirs(asked, &hot.grant, areas, standing.name.as_str()));
                }
                Err(OutOfReach::NotListed) => return Err(refusal::object_not_listed(asked, &hot.grant, areas)),
            }
        }
        Ok(())
    }
}

/// A value for a word in an origin: the region is the signature's.
pub(super) fn in_origin<'v>(field: &str, signed: Option<&'v Verified>) -> Option<&'v str> {
    signed.filter(|_| field == REGION).map(|verified| &*verified.region)
}

fn keep_region(asked: &Asked<'_>, hot: &Hot, signing: &SigV4, verified: &Verified) -> Result<(), Refusal> {
    let allowed = signing.region.as_deref().and_then(|field| hot.grant.fields.plain(field));
    if SigV4::allows_region(allowed, &verified.region) {
        return Ok(());
    }
    Err(refusal::signed_region_not_listed(asked.provider, allowed.unwrap_or_default()))
}

/// These are made anew.
fn is_of_signature(name: &str) -> bool {
    matches!(name, "x-amz-date" | "x-amz-security-token" | "x-amz-content-sha256")
}
