//! What a token may do: what its maker wishes, judged by the configuration, its user and the token that makes it.
//! Owns nothing.
//! Never wider than what it is made with.

use crate::{
    clock::Timestamp,
    identity::{Boundary, Scopes},
    manage::{Fault, Management, Rights, names, rights::Bounds},
    store::{Reading, TokenLimits, UserRow},
};
use ipnet::IpNet;
use std::net::IpAddr;

impl Management {
    pub(super) async fn limits(
        &self,
        (reading, rights): (&mut Reading, &Rights),
        user: &UserRow,
        (scopes, expires, boundary): (Option<Scopes>, Timestamp, Boundary),
    ) -> Result<TokenLimits, Fault> {
        let scopes = scopes.ok_or_else(|| Fault::invalid("scopes", "expected one or more of run, read, manage"))?;
        let (now, current) = (self.now(), self.current());
        let latest = now.plus(current.config.tokens.max_expiry);
        if expires > latest {
            let text =
                format!("expected {latest} or earlier: `tokens.max_expiry` of the configuration allows no later one");
            return Err(Fault::invalid("expires", text));
        }
        for provider in &boundary.providers {
            current.provider(provider).map_err(|_| Fault::invalid("providers", "there is no such provider"))?;
        }
        let pin = boundary.pin.as_ref();
        if let Some(pin) = pin.filter(|pin| !boundary.allows_context(pin)) {
            return Err(Fault::invalid("contexts", format!("the pinned context `{pin}` is not among them")));
        }
        if let Some(bounds) = rights.bounds() {
            no_wider_than(bounds, expires, &boundary)?;
        }
        let pin = match pin {
            Some(pin) => Some(names::context(reading, user, pin, "context").await?),
            None => None,
        };
        let mut contexts = Vec::new();
        for context in &boundary.contexts {
            contexts.push(names::context(reading, user, context, "contexts").await?);
        }
        Ok(TokenLimits { scopes, expires, pin, contexts, providers: boundary.providers, networks: boundary.networks })
    }
}

/// A token that is made with another one lasts no longer, and opens nothing that the other's boundary closes. Its scopes
/// may be others: who manages has all of the user's own rights.
fn no_wider_than(bounds: &Bounds, expires: Timestamp, new: &Boundary) -> Result<(), Fault> {
    let old = &bounds.boundary;
    let within = |list: bool, every: bool| list || !every;
    let contexts = !new.contexts.is_empty() && new.contexts.iter().all(|context| old.allows_context(context));
    let providers = !new.providers.is_empty() && new.providers.iter().all(|provider| old.allows_provider(provider));
    let networks = !new.networks.is_empty()
        && new.networks.iter().all(|network| old.networks.iter().any(|wide| wide.contains(network)));
    let wider = [
        ("expires", expires > bounds.expires),
        ("contexts", !within(contexts, !old.contexts.is_empty())),
        ("providers", !within(providers, !old.providers.is_empty())),
        ("networks", !within(networks, !old.networks.is_empty())),
    ];
    match wider.into_iter().find(|(_, is_wider)| *is_wider) {
        Some((field, _)) => {
            Err(Fault::invalid(field, "the token that you use cannot make one that may do more than itself"))
        }
        None => Ok(()),
    }
}

pub fn networks(list: &[String]) -> Result<Vec<IpNet>, Fault> {
    let network = |text: &String| {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| address())
    };
    let wrong = |_| Fault::invalid("networks", "expected networks such as 10.0.0.0/8, or addresses");
    list.iter().map(network).collect::<Result<_, _>>().map_err(wrong)
}
