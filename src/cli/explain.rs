//! `bellhop explain`: which credential a request would be paid with, and why each other one lost.
//! Owns nothing; it asks the very function that the data plane asks.
//! Sends nothing, opens no seal.

use super::{Console, Failure, console::Form, local::Local, lookup};
use crate::{
    clock::Timestamp,
    credential::{
        Offer, State,
        resolve::{Personal, Question, Unresolved, Why, resolve, why_not},
    },
    id::CredentialId,
    identity::{Boundary, Context, Standing, TokenHolder, UserName, pat::PlainPat},
};
use clap::Args;
use serde::Serialize;
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop explain --user ada --provider ionq\n  \
    bellhop explain --token-stdin --provider ionq --context acme.optics < token.txt")]
pub struct Explain {
    /// As if this user asked, with a token that has no limits
    #[arg(long, value_name = "NAME", required_unless_present = "token_stdin")]
    user: Option<UserName>,
    /// As if the token on standard input were presented
    #[arg(long, conflicts_with = "user")]
    token_stdin: bool,
    /// An id of `bellhop provider list`
    #[arg(long)]
    provider: String,
    /// The context that the request names
    #[arg(long)]
    context: Option<Context>,
    #[command(flatten)]
    form: Form,
}

/// Who would be asking.
struct Asker {
    standing: Standing,
    token: Option<TokenHolder>,
}

impl Asker {
    fn boundary(&self) -> Option<&Boundary> {
        self.token.as_ref()?.boundary.as_deref()
    }
}

#[derive(Serialize)]
struct OfferLine {
    pays: bool,
    context: Context,
    label: Box<str>,
    id: CredentialId,
    version: u32,
    state: State,
    expires: Timestamp,
    why: String,
}

impl Explain {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let provider = local.provider(&self.provider)?;
        let asker = self.asker(local, console).await?;
        let offers = local.store.offers(asker.standing.user, provider.id()).await?.value;
        let question = Question {
            standing: &asker.standing,
            boundary: asker.boundary(),
            named: self.context.as_ref(),
            personal: provider.personal(),
            now: local.now(),
        };
        let outcome = resolve(question, &offers);
        let refused = self.token_refuses(&asker, local.now());
        let pays = outcome.as_ref().ok().filter(|_| refused.is_none());
        let lines: Vec<OfferLine> = offers
            .iter()
            .map(|offer| match pays.filter(|selection| selection.offer.credential == offer.credential) {
                Some(selection) => OfferLine::new(offer, true, told(selection.why, &selection.context)),
                None => OfferLine::new(
                    offer,
                    false,
                    refused.clone().unwrap_or_else(|| why_not(question, offer, outcome.as_ref())),
                ),
            })
            .collect();
        let verdict = match (&refused, &outcome) {
            (Some(refused), _) => format!("refused: {refused}"),
            (None, Ok(selection)) => {
                format!(
                    "{} would be paid with {}, {}",
                    provider.id(),
                    selection.offer.home,
                    told(selection.why, &selection.context)
                )
            }
            (None, Err(unresolved)) => format!(
                "refused: {}",
                match missing(local, unresolved, &asker.standing).await {
                    Some(missing) => missing.to_string(),
                    None => remedy(unresolved, &asker.standing, provider.id()),
                }
            ),
        };
        self.print(console, &asker, &verdict, &lines, provider.personal());
        Ok(())
    }

    fn print(&self, console: &mut Console<'_>, asker: &Asker, verdict: &str, lines: &[OfferLine], personal: Personal) {
        if self.form.json {
            return console.json(&json!({
                "user": asker.standing.name,
                "provider": self.provider,
                "verdict": verdict,
                "pays": lines.iter().find(|line| line.pays),
                "others": lines.iter().filter(|line| !line.pays).collect::<Vec<_>>(),
                "personal_credentials": personal == Personal::Allowed,
            }));
        }
        console.say(format_args!("{}: {verdict}\n", asker.standing.name));
        if !lines.is_empty() {
            console.say("\n");
            console.table(self.form, &["pays", "context", "label", "version", "state", "why", "id"], lines);
        }
    }

    async fn asker(&self, local: &Local, console: &mut Console<'_>) -> Result<Asker, Failure> {
        if let Some(name) = &self.user {
            let mut reading = local.read().await?;
            let user = lookup::user(&mut reading, name).await?;
            let standing = reading.standing(user.id).await?;
            let standing = standing
                .ok_or_else(|| Failure::failed(format!("{name} is disabled: every request of theirs is refused")))?;
            return Ok(Asker { standing, token: None });
        }
        let pasted = console.read_secret()?;
        let unknown =
            || Failure::failed("the token is not valid: unknown, malformed or revoked, or its user is disabled");
        let token = PlainPat::parse(pasted.expose().trim().as_bytes()).ok_or_else(unknown)?;
        let holder = local.store.holder(&token.digest()).await?.value.ok_or_else(unknown)?;
        Ok(Asker { standing: holder.standing.clone(), token: Some(holder) })
    }

    /// What is judged before anything is selected.
    fn token_refuses(&self, asker: &Asker, now: Timestamp) -> Option<String> {
        let token = asker.token.as_ref()?;
        if token.expires <= now {
            return Some(format!("the token expired {}", token.expires));
        }
        if !token.scopes.run && !token.scopes.read {
            return Some(format!("the token's scopes are {}, and jobs need `run`", token.scopes));
        }
        let outside = asker.boundary().is_some_and(|boundary| !boundary.allows_provider(&self.provider));
        outside.then(|| format!("the token may not use {}", self.provider))
    }
}

impl OfferLine {
    fn new(offer: &Offer, pays: bool, why: String) -> Self {
        let Offer { credential: id, version, home, label, state, expires, .. } = offer.clone();
        Self { pays, context: home, label, id, version, state, expires, why }
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

/// A project that is not there offers nothing, either; who asks here may know which it is.
async fn missing(local: &Local, unresolved: &Unresolved, standing: &Standing) -> Option<Failure> {
    let Unresolved::NoCredential { context: Some(context) } = unresolved else { return None };
    context.project.as_ref()?;
    let whose = context.organization.is_none().then_some(&standing.name);
    let mut reading = local.read().await.ok()?;
    lookup::project(&mut reading, context, whose).await.err()
}

/// What is wrong, and what to do about it.
fn remedy(unresolved: &Unresolved, standing: &Standing, provider: &str) -> String {
    let user = &standing.name;
    match unresolved {
        Unresolved::NoCredential { context: None } => {
            format!(
                "nobody offers {user} a credential: `bellhop credential add {provider}@me --user {user}`, or one of an organization of theirs"
            )
        }
        Unresolved::NoCredential { context: Some(context) } => {
            let whose = if context.organization.is_none() { format!(" --user {user}") } else { String::new() };
            format!("{context} offers no credential: `bellhop credential add {provider}@{context}{whose}` enters one")
        }
        Unresolved::Ambiguous { candidates } => {
            let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
            format!("several fit, {}: name one in the request, or pin the token to one", candidates.join(" and "))
        }
        Unresolved::NotAMember { context } => {
            format!("{user} is not a member of {context}: see `bellhop org member set`")
        }
        Unresolved::OutsideBoundary { context } => {
            format!("the token may not use {context}: make one whose --contexts allow it")
        }
        Unresolved::PersonalForbidden => {
            format!("personal credentials are switched off: `providers.{provider}.personal` in the configuration")
        }
        Unresolved::Restricted { home, label } => {
            format!(
                "the credential of {home}, \"{}\", is restricted to others: see `bellhop credential restrict`",
                super::console::shown(label)
            )
        }
        Unresolved::Unusable { home, label, because } => {
            format!(
                "the credential of {home}, \"{}\", is {because}, and nothing else takes its place",
                super::console::shown(label)
            )
        }
    }
}
