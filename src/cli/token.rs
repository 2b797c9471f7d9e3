//! `bellhop token …`: personal access tokens.
//! Owns nothing; a new token's value is printed once, on standard output, and kept by nobody.
//! Never takes a token as an argument.

use super::{
    Console, Failure,
    console::{Form, shown},
    local::{Local, entry},
    lookup,
    moment::Moment,
};
use crate::{
    clock::Timestamp,
    id::{TokenId, UserId},
    identity::{Boundary, Context, Scopes, UserName, pat::PlainPat},
    store::{NewToken, Origin, Reading, TokenLimits, TokenRow, UserRow},
};
use aws_lc_rs::rand::SystemRandom;
use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde::Serialize;
use serde_json::json;
use std::net::IpAddr;

#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Make a token and print it, once
    #[command(after_help = "Examples:\n  \
        bellhop token create ada laptop\n  \
        bellhop token create ada ci --context acme.optics --contexts acme.optics --providers ionq --expires 30d\n\n\
        Only the token is on standard output: TOKEN=$(bellhop token create ada laptop)")]
    Create(Create),
    /// List tokens
    List(List),
    /// Revoke a token, for good
    #[command(after_help = "Examples:\n  \
        bellhop token revoke ada laptop\n  \
        bellhop token revoke --stdin < leaked-token.txt")]
    Revoke(Revoke),
}

#[derive(Args, Debug)]
pub struct Create {
    user: UserName,
    /// What it is for: a machine, a program
    name: String,
    /// When it ends: 30d, 2027-01-01, never. Without it, `tokens.default_expiry`
    #[arg(long, value_name = "WHEN")]
    expires: Option<Moment>,
    /// The context that pays when a request names none
    #[arg(long, value_name = "CONTEXT")]
    context: Option<Context>,
    /// The only contexts that it may use
    #[arg(long, value_delimiter = ',', value_name = "CONTEXT,…")]
    contexts: Vec<Context>,
    /// The only providers that it may use
    #[arg(long, value_delimiter = ',', value_name = "PROVIDER,…")]
    providers: Vec<String>,
    /// What it may do: run, read, manage
    #[arg(long, value_delimiter = ',', value_name = "SCOPE,…", default_value = "run")]
    scopes: Vec<String>,
    /// The only networks that it may be used from
    #[arg(long, value_delimiter = ',', value_name = "NETWORK,…", value_parser = network)]
    networks: Vec<IpNet>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct List {
    /// Only this user's
    user: Option<UserName>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Revoke {
    #[arg(required_unless_present = "stdin")]
    user: Option<UserName>,
    #[arg(required_unless_present = "stdin")]
    name: Option<String>,
    /// Read the token itself from standard input
    #[arg(long, conflicts_with_all = ["user", "name"])]
    stdin: bool,
}

impl TokenCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(local, console).await,
            Self::List(list) => list.run(local, console).await,
            Self::Revoke(revoke) => revoke.run(local, console).await,
        }
    }
}

impl Create {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        check_name(&self.name)?;
        let token = PlainPat::generate(&SystemRandom::new())
            .map_err(|_| Failure::failed("the system's random generator failed"))?;
        let mut tx = local.write().await?;
        let user = lookup::user(&mut tx, &self.user).await?;
        if tx.find_token(user.id, &self.name).await?.is_some() {
            let (user, name) = (&self.user, &self.name);
            return Err(Failure::failed(format!(
                "{user} has a token `{name}` already: choose another name, or `bellhop token revoke {user} {name}` first"
            )));
        }
        let limits = self.limits(local, &mut tx, &user).await?;
        let expires = limits.expires;
        tx.insert_tokens(&[NewToken {
            id: TokenId::new(),
            user: user.id,
            name: self.name.as_str().into(),
            digest: token.digest(),
            hint: Some(token.hint().into()),
            limits,
            origin: Origin::Hand,
        }])
        .await?;
        tx.record(entry("token.created", format_args!("{}/{}", self.user, self.name)));
        tx.commit().await?;
        if self.form.json {
            console
                .json(&json!({ "user": self.user, "token": self.name, "value": token.expose(), "expires": expires }));
        } else {
            console.say(format_args!("{}\n", token.expose()));
        }
        console.note(format_args!(
            "this is {}'s token `{}`; it expires {expires} and is not shown again",
            self.user, self.name
        ));
        Ok(())
    }

    async fn limits(&self, local: &Local, reading: &mut Reading, user: &UserRow) -> Result<TokenLimits, Failure> {
        let scopes = Scopes::parse(&self.scopes.join(" "));
        let scopes = scopes.ok_or_else(|| Failure::usage("--scopes: expected one or more of run, read, manage"))?;
        for provider in &self.providers {
            local.provider(provider)?;
        }
        let outside = self.context.as_ref().filter(|pin| !self.contexts.is_empty() && !self.contexts.contains(pin));
        if let Some(pin) = outside {
            return Err(Failure::usage(format!(
                "--contexts does not allow `{pin}`, which --context pins: add it there"
            )));
        }
        let pin = match &self.context {
            Some(pin) => Some(lookup::context(reading, user, pin).await?),
            None => None,
        };
        let mut contexts = Vec::new();
        for context in &self.contexts {
            contexts.push(lookup::context(reading, user, context).await?);
        }
        Ok(TokenLimits {
            scopes,
            expires: self.expires(local)?,
            pin,
            contexts,
            providers: self.providers.iter().map(|provider| provider.as_str().into()).collect(),
            networks: self.networks.clone(),
        })
    }

    fn expires(&self, local: &Local) -> Result<Timestamp, Failure> {
        let (now, lifetimes) = (local.now(), &local.config.tokens);
        let latest = now.plus(lifetimes.max_expiry);
        let expires = self.expires.map_or(now.plus(lifetimes.default_expiry), |moment| moment.from(now));
        if expires <= latest {
            Ok(expires)
        } else {
            Err(Failure::failed(format!(
                "expected an expiry until {latest}: `tokens.max_expiry` in the configuration allows no later one"
            )))
        }
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    if (1..=80).contains(&name.chars().count()) && !name.contains(char::is_control) && name.trim() == name {
        Ok(())
    } else {
        Err(Failure::usage("expected a name of 1 to 80 characters, without control characters or space around it"))
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "expected a network such as 10.0.0.0/8, or an address")
}

#[derive(Serialize)]
struct TokenLine {
    user: UserName,
    name: Box<str>,
    id: TokenId,
    hint: String,
    scopes: String,
    context: Option<Context>,
    contexts: Vec<Context>,
    providers: Vec<Box<str>>,
    networks: Vec<IpNet>,
    created: Timestamp,
    expires: Timestamp,
    state: &'static str,
    last_used: Option<Timestamp>,
}

impl TokenLine {
    fn new(user: UserName, row: TokenRow, now: Timestamp) -> Self {
        let Boundary { pin, contexts, providers, networks } = row.boundary;
        Self {
            user,
            name: row.name,
            id: row.id,
            hint: row.hint.map_or_else(|| "–".into(), |hint| format!("{hint}…")),
            scopes: row.scopes.to_string(),
            context: pin,
            contexts,
            providers,
            networks,
            created: row.created,
            expires: row.expires,
            state: if row.expires <= now { "expired" } else { "valid" },
            last_used: row.last_used,
        }
    }
}

impl List {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let (mut reading, mut lines) = (local.read().await?, Vec::new());
        match &self.user {
            Some(user) => {
                let user = lookup::user(&mut reading, user).await?;
                for row in reading.tokens(user.id).await? {
                    lines.push(TokenLine::new(user.name.clone(), row, local.now()));
                }
            }
            None => lines = everybodys(&mut reading, local.now()).await?,
        }
        let columns = [
            "user",
            "name",
            "hint",
            "scopes",
            "context",
            "contexts",
            "providers",
            "created",
            "expires",
            "state",
            "last_used",
        ];
        console.table(self.form, &columns, &lines);
        if lines.is_empty() {
            console.note("none: `bellhop token create USER NAME` makes one");
        }
        Ok(())
    }
}

async fn everybodys(reading: &mut Reading, now: Timestamp) -> Result<Vec<TokenLine>, Failure> {
    const PAGE: u32 = 500;
    let (mut lines, mut after): (Vec<TokenLine>, Option<UserName>) = (Vec::new(), None);
    loop {
        let users = reading.users(after.as_ref(), PAGE).await?;
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        for row in reading.tokens_of(&ids).await? {
            if let Some(user) = users.iter().find(|user| user.id == row.user) {
                lines.push(TokenLine::new(user.name.clone(), row, now));
            }
        }
        match users.into_iter().next_back() {
            Some(last) => after = Some(last.name),
            None => break,
        }
    }
    lines.sort_by(|a, b| (&a.user, &a.name).cmp(&(&b.user, &b.name)));
    Ok(lines)
}

impl Revoke {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let digest = if self.stdin {
            let pasted = console.read_secret()?;
            let token = PlainPat::parse(pasted.expose().trim().as_bytes());
            Some(
                token
                    .ok_or_else(|| Failure::failed("standard input holds no token: expected bhp_ and 36 characters"))?
                    .digest(),
            )
        } else {
            None
        };
        let mut tx = local.write().await?;
        let row = match (digest, &self.user, &self.name) {
            (Some(digest), ..) => tx.token_by_digest(&digest).await?,
            (None, Some(user), Some(name)) => {
                let user = lookup::user(&mut tx, user).await?;
                tx.find_token(user.id, name).await?
            }
            _ => None,
        };
        let row = row.ok_or_else(|| {
            Failure::failed("there is no such token, or it was revoked already: see `bellhop token list`")
        })?;
        let user = tx.user(row.user).await?.map(|user| user.name.to_string()).unwrap_or_default();
        tx.revoke_token(row.id, Origin::Hand).await?;
        tx.record(entry("token.revoked", format_args!("{user}/{}", row.name)));
        tx.commit().await?;
        console.note(format_args!("revoked {user}'s token `{}`; within a second it works nowhere", shown(&row.name)));
        Ok(())
    }
}
