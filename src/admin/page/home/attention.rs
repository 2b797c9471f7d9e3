//! What wants attention: what is refused, runs out, is full, or waits to be decided.
//! Owns nothing.
//! Never what somebody else has to do.

use crate::{
    admin::{
        api::Api,
        page::{
            figures::decimal,
            frame::{Refused, Visitor, day},
            link,
            words::say,
        },
    },
    clock::Timestamp,
    credential,
    identity::role::Act,
    job::{
        self,
        quota::{Measure, Period},
    },
    manage::{
        Of, Page,
        credentials::{Credential, Which},
        quotas::Quota,
        submissions::SubmissionsWanted,
        tokens::Token,
    },
    store::Verdict,
};
use std::time::Duration;

pub struct Attention {
    /// Whether something is refused now, or will be.
    pub is_bad: bool,
    pub text: String,
    pub path: String,
    pub act: String,
}

const SOON: Duration = Duration::from_secs(14 * 86_400);
/// In hundredths.
const ALMOST_FULL: u128 = 80;
const MOST: Page = Page { after: None, limit: Some(200) };

pub async fn of(api: &Api, visitor: &Visitor, tokens: &[Token]) -> Result<Vec<Attention>, Refused> {
    let now = api.management.now();
    let mut all: Vec<Attention> = tokens.iter().filter_map(|token| of_token(token, now)).collect();
    let which = Which { state: Some(credential::State::Active), ..Which::default() };
    let credentials = api.management.credentials(&visitor.who, &which, &MOST).await?.items;
    all.extend(credentials.iter().filter_map(|credential| of_credential(credential, now)));
    let quotas = api.management.quotas(&visitor.who, None, &MOST).await?.items;
    all.extend(quotas.iter().filter_map(of_quota));
    lost(api, visitor, &mut all).await?;
    all.sort_by_key(|one| !one.is_bad);
    Ok(all)
}

/// One that is over and was in use until lately stops something.
fn of_token(token: &Token, now: Timestamp) -> Option<Attention> {
    let name = &token.name;
    let was_used = token.last_used.is_some_and(|used| used.plus(SOON) > now);
    let text = match token.expired {
        true if was_used => say!("attention-token-over", name = name, day = day(&token.expires)),
        false if token.expires <= now.plus(SOON) => {
            say!("attention-token-soon", name = name, day = day(&token.expires))
        }
        _ => return None,
    };
    Some(Attention { is_bad: token.expired, text, path: "/tokens".into(), act: say!("attention-token-go") })
}

/// Of those alone that one manages.
fn of_credential(credential: &Credential, now: Timestamp) -> Option<Attention> {
    credential.details.as_ref()?;
    let context = credential.context.as_ref().map_or_else(|| say!("context-gone"), ToString::to_string);
    let (name, provider) = (&credential.label, &credential.provider);
    let expires = day(&credential.expires);
    let (is_bad, text) = if credential.probe == Some(Verdict::Refused) {
        (true, say!("attention-credential-refused", provider = provider, name = name, context = context))
    } else if credential.expired {
        (true, say!("attention-credential-over", provider = provider, name = name, context = context, day = expires))
    } else if credential.source_failing {
        (true, say!("attention-credential-source", provider = provider, name = name, context = context))
    } else if credential.expires <= now.plus(SOON) {
        (false, say!("attention-credential-soon", provider = provider, name = name, context = context, day = expires))
    } else {
        return None;
    };
    Some(Attention { is_bad, text, path: "/credentials".into(), act: say!("attention-credential-go") })
}

fn of_quota(quota: &Quota) -> Option<Attention> {
    let (used, limit) = (u128::from(quota.used.0), u128::from(quota.limit.0));
    if used * 100 < limit * ALMOST_FULL {
        return None;
    }
    let measure = match quota.measure {
        Measure::Jobs => say!("measure-jobs"),
        Measure::Shots => say!("measure-shots"),
        Measure::QpuSeconds => say!("measure-seconds"),
        Measure::Money => say!("measure-money"),
    };
    let period = match quota.period {
        Period::Day => say!("attention-quota-day"),
        Period::Month => say!("attention-quota-month"),
    };
    let text = say!(
        "attention-quota",
        binds = quota.binds,
        used = decimal(quota.used),
        limit = decimal(quota.limit),
        measure = measure,
        period = period,
        day = day(&quota.renews)
    );
    let organization = quota.context.as_ref().and_then(|context| context.organization.as_ref());
    let path = organization.map_or_else(|| "/usage".to_owned(), |name| link::asked("/usage", &[("of", name.as_str())]));
    Some(Attention { is_bad: used >= limit, text, path, act: say!("attention-quota-go") })
}

/// One's own, and those of organizations whose jobs one oversees.
async fn lost(api: &Api, visitor: &Visitor, all: &mut Vec<Attention>) -> Result<(), Refused> {
    let mut places = vec![String::new()];
    if visitor.admin {
        places = vec!["*".into()];
    } else {
        let overseen = visitor.me.organizations.iter().filter(|mine| mine.role.permits(Act::SeeEveryJob));
        places.extend(overseen.map(|mine| mine.name.to_string()));
    }
    for place in places {
        let of = match &*place {
            "" => Of::default(),
            "*" => Of { user: Some("*".into()), organization: None },
            name => Of { user: None, organization: Some(name.into()) },
        };
        let unknown = SubmissionsWanted { provider: None, state: Some(job::State::Unknown) };
        let found = api.management.submissions(&visitor.who, &of, unknown, &MOST).await?;
        if found.items.is_empty() {
            continue;
        }
        let more = if found.next.is_some() { "yes" } else { "no" };
        let text = match &*place {
            "" => say!("attention-lost", count = found.items.len(), more = more),
            "*" => say!("attention-lost-all", count = found.items.len(), more = more),
            name => say!("attention-lost-of", count = found.items.len(), more = more, organization = name),
        };
        let path = link::asked("/jobs", &[("of", &*place)]);
        all.push(Attention { is_bad: false, text, path, act: say!("attention-lost-go") });
    }
    Ok(())
}
