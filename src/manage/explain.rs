//! Which credential a request would be paid with, and why each other one lost.
//! Owns nothing; it asks the very function that the data plane asks.
//! Sends nothing, opens no seal, and tells nobody of credentials that are not theirs to know of.

use super::{Bounds, Fault, Management, Rights, Who, tokens::Shown, users};
use crate::{
    clock::Timestamp,
    credential::{
        Offer, State,
        resolve::{Personal, Question, Selection, Unresolved, Why, follow, resolve, why_not},
    },
    id::CredentialId,
    identity::{Boundary, Context, Scopes, Standing, UserName, pat::PlainPat},
    job::{JOB, Record, Thing, ThingKey, reach::reach},
    provider::Provider,
    secret::Secret,
    store::Reading,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request that somebody might make.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Explain {
    pub provider: String,
    /// The context that the request names.
    pub context: Option<Context>,
    /// Whose request; yours, if it is left out. For administrators.
    pub user: Option<String>,
    /// The name of that user's token; without it, one that has no limits but those of the one that you use.
    pub token: Option<String>,
    /// A token itself, for who has it at hand, in place of `user` and `token`.
    #[schema(value_type = Option<String>)]
    pub value: Option<Shown>,
    /// The provider's id of a job that the request is about: what made it pays.
    pub job: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub user: UserName,
    pub provider: String,
    /// In words: what pays and why, or why the request is refused.
    pub verdict: String,
    /// What to do about a refusal at the command line; null: there is no command for it.
    pub remedy: Option<String>,
    /// Null: the request is refused.
    pub pays: Option<Considered>,
    /// The others, and why each lost.
    pub others: Vec<Considered>,
    /// Whether people may pay with credentials of their own there.
    pub personal_credentials: bool,
}

/// A credential that could have paid.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Considered {
    pub pays: bool,
    pub context: Context,
    pub label: String,
    pub id: CredentialId,
    pub version: u32,
    pub state: State,
    pub expires: Timestamp,
    pub why: String,
}

/// Who would be asking.
struct Asker {
    standing: Standing,
    token: Option<Presented>,
    /// What limits the request, be it of the token that is presented or of the one that somebody asks with.
    boundary: Option<Boundary>,
}

struct Presented {
    scopes: Scopes,
    expires: Timestamp,
}

impl Management {
    pub async fn explain(&self, who: &Who, wanted: Explain) -> Result<Explanation, Fault> {
        let provider = self.current().provider(&wanted.provider)?.clone();
        // A token's value says itself whose it is.
        let presented = match &wanted.value {
            Some(value) => Some(self.presented(&value.0).await?),
            None => None,
        };
        let (mut reading, rights) = self.look(who).await?;
        rights.within(wanted.context.as_ref(), Some(provider.id()))?;
        let asking = match presented {
            Some(_) if wanted.user.is_some() || wanted.token.is_some() => {
                return Err(Fault::invalid("value", "expected either a token itself or whose it is"));
            }
            Some(holder) => holder,
            None => asker(&mut reading, &rights, &wanted).await?,
        };
        let offers = reading.offers(asking.standing.user, provider.id()).await?;
        let question = Question {
            standing: &asking.standing,
            boundary: asking.boundary.as_ref(),
            named: wanted.context.as_ref(),
            personal: provider.personal(),
            now: self.now(),
        };
        let made = match &wanted.job {
            Some(id) => Some(maker(&mut reading, &asking.standing, &provider, id).await?),
            None => None,
        };
        let outcome = match made {
            Some(credential) => follow(question, &offers, credential),
            None => resolve(question, &offers),
        };
        if let Ok(selection) = &outcome {
            rights.within(Some(&selection.context), None)?;
        }
        let mut known = Vec::new();
        for offer in &offers {
            if is_known(&mut reading, &rights, offer, outcome.as_ref().ok()).await? {
                known.push(offer);
            }
        }
        let mut explained = explanation(&provider, &asking, question, (&known, outcome.as_ref()), self.now());
        if let Err(Unresolved::NoCredential { context: Some(context) }) = &outcome
            && reading.context_id(asking.standing.user, context).await?.is_none()
        {
            explained.verdict = format!("refused: there is no project `{context}`");
            explained.remedy = Some("see `bellhop project list`".into());
        }
        Ok(explained)
    }

    async fn presented(&self, value: &Secret) -> Result<Asker, Fault> {
        let unknown = || {
            Fault::invalid("value", "the token is not valid: unknown, malformed or revoked, or its user is disabled")
        };
        let token = PlainPat::parse(value.expose().trim().as_bytes()).ok_or_else(unknown)?;
        let holder = self.store.holder(&token.digest()).await?.value.ok_or_else(unknown)?;
        let token = Some(Presented { scopes: holder.scopes, expires: holder.expires });
        Ok(Asker { standing: holder.standing, token, boundary: holder.boundary.map(|boundary| *boundary) })
    }
}

async fn asker(reading: &mut Reading, rights: &Rights, wanted: &Explain) -> Result<Asker, Fault> {
    let user = match wanted.user.as_deref() {
        Some(text) => users::find(reading, rights, text).await?.id,
        None => rights.me()?,
    };
    let name = wanted.user.as_deref().unwrap_or_default();
    let disabled = || Fault::conflict(format!("{name} is disabled: every request of theirs is refused"));
    let standing = reading.standing(user).await?.ok_or_else(disabled)?;
    let Some(token) = wanted.token.as_deref() else {
        let mine = rights.bounds().filter(|_| rights.standing().is_some_and(|standing| standing.user == user));
        return Ok(Asker { standing, token: None, boundary: mine.map(|Bounds { boundary, .. }| boundary.clone()) });
    };
    let row = reading.find_token(user, token).await?.ok_or_else(|| Fault::missing("token"))?;
    let token = Some(Presented { scopes: row.scopes, expires: row.expires });
    Ok(Asker { standing, token, boundary: Some(row.boundary) })
}

/// The credential that made a job, if the asker may ask about it.
async fn maker(
    reading: &mut Reading,
    standing: &Standing,
    provider: &Provider,
    id: &str,
) -> Result<CredentialId, Fault> {
    let key = ThingKey::new(provider.id(), &Thing { kind: JOB.into(), id: id.into() });
    let mut records = reading.job(key).await?.into_iter().map(|job| Record {
        key: job.key,
        account: job.account,
        submission: job.submission,
        owner: job.payer.user,
        organization: job.payer.organization,
        credential: job.payer.credential,
        ended: None,
    });
    let found = records.find(|record| reach(standing, record).is_some());
    found.map(|record| record.credential).ok_or_else(|| Fault::missing("job"))
}

/// What pays for somebody they know of; of the rest, what `GET /credentials` would show who asks.
async fn is_known(
    reading: &mut Reading,
    rights: &Rights,
    offer: &Offer,
    selection: Option<&Selection<'_>>,
) -> Result<bool, Fault> {
    if selection.is_some_and(|selection| selection.offer.credential == offer.credential) {
        return Ok(true);
    }
    let known = rights.knows(reading, offer.owner).await?;
    Ok(known.is_some() && rights.within(Some(&offer.home), None).is_ok())
}

fn explanation(
    provider: &Provider,
    asker: &Asker,
    question: Question<'_>,
    (offers, outcome): (&[&Offer], Result<&Selection<'_>, &Unresolved>),
    now: Timestamp,
) -> Explanation {
    let refused = token_refuses(provider.id(), asker, now);
    let paying = outcome.ok().filter(|_| refused.is_none());
    let lines = offers.iter().map(|offer| match paying.filter(|paying| paying.offer.credential == offer.credential) {
        Some(selection) => Considered::new(offer, true, told(selection.why, &selection.context)),
        None => Considered::new(offer, false, refused.clone().unwrap_or_else(|| why_not(question, offer, outcome))),
    });
    let (pays, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.pays);
    let (verdict, remedy) = match (&refused, outcome) {
        (Some(refused), _) => (format!("refused: {refused}"), None),
        (None, Ok(selection)) => {
            let why = told(selection.why, &selection.context);
            (format!("{} would be paid with {}, {why}", provider.id(), selection.offer.home), None)
        }
        (None, Err(unresolved)) => {
            let because = because(unresolved, &asker.standing);
            (format!("refused: {because}"), remedy(unresolved, &asker.standing, provider.id()))
        }
    };
    Explanation {
        user: asker.standing.name.clone(),
        provider: provider.id().to_owned(),
        verdict,
        remedy,
        pays: pays.into_iter().next(),
        others,
        personal_credentials: provider.personal() == Personal::Allowed,
    }
}

/// What is judged before anything is selected.
fn token_refuses(provider: &str, asker: &Asker, now: Timestamp) -> Option<String> {
    let Standing { name, sign_in_by, .. } = &asker.standing;
    if *sign_in_by <= now {
        return Some(format!(
            "{name}'s tokens rest since {sign_in_by}, until {name} signs in with the identity provider again"
        ));
    }
    if let Some(Presented { scopes, expires }) = &asker.token {
        if *expires <= now {
            return Some(format!("the token expired {expires}"));
        }
        if !scopes.run && !scopes.read {
            return Some(format!("the token's scopes are {scopes}, and jobs need `run`"));
        }
    }
    let outside = asker.boundary.as_ref().is_some_and(|boundary| !boundary.allows_provider(provider));
    outside.then(|| format!("the token may not use {provider}"))
}

impl Considered {
    fn new(offer: &Offer, pays: bool, why: String) -> Self {
        let Offer { credential: id, version, home, label, state, expires, .. } = offer.clone();
        Self { pays, context: home, label: label.into(), id, version, state, expires, why }
    }
}

fn told(why: Why, context: &Context) -> String {
    match why {
        Why::Job => "because it made what is asked about".into(),
        Why::Named => format!("because the request names {context}"),
        Why::Pinned => format!("because the token is pinned to {context}"),
        Why::Active => format!("because {context} is the active context"),
        Why::Own => "because one's own credential comes first".into(),
        Why::Organization => format!("because {context} is the only one that offers one"),
    }
}

/// What is wrong.
fn because(unresolved: &Unresolved, standing: &Standing) -> String {
    let user = &standing.name;
    match unresolved {
        Unresolved::NoCredential { context: None } => format!("nobody offers {user} a credential"),
        Unresolved::NoCredential { context: Some(context) } => format!("{context} offers no credential"),
        Unresolved::Ambiguous { candidates } => {
            let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
            format!("several fit, {}: name one in the request, or pin the token to one", candidates.join(" and "))
        }
        Unresolved::NotAMember { context } => format!("{user} is not a member of {context}"),
        Unresolved::OutsideBoundary { context } => format!("the token may not use {context}"),
        Unresolved::PersonalForbidden => "personal credentials are switched off".into(),
        Unresolved::Restricted { home, label } => {
            format!("the credential of {home}, \"{label}\", is restricted to others")
        }
        Unresolved::Unusable { home, label, because } => {
            format!("the credential of {home}, \"{label}\", is {because}, and nothing else takes its place")
        }
    }
}

/// What to do about it, as far as a command does it.
fn remedy(unresolved: &Unresolved, standing: &Standing, provider: &str) -> Option<String> {
    let user = &standing.name;
    Some(match unresolved {
        Unresolved::NoCredential { context: None } => {
            format!("`bellhop credential add {provider}@me --user {user}`, or one of an organization of theirs")
        }
        Unresolved::NoCredential { context: Some(context) } => {
            let whose = if context.organization.is_none() { format!(" --user {user}") } else { String::new() };
            format!("`bellhop credential add {provider}@{context}{whose}` enters one")
        }
        Unresolved::NotAMember { .. } => "see `bellhop org member set`".into(),
        Unresolved::OutsideBoundary { .. } => "make one whose --contexts allow it".into(),
        Unresolved::PersonalForbidden => format!("`providers.{provider}.personal` in the configuration"),
        Unresolved::Restricted { .. } => "see `bellhop credential restrict`".into(),
        Unresolved::Ambiguous { .. } | Unresolved::Unusable { .. } => return None,
    })
}
