//! `bellhop token …`: personal access tokens.
//! Owns nothing; a new token's value is printed once, on standard output, and kept by nobody.
//! Never takes a token as an argument.

use super::{
    Console, Failure,
    api::{Api, escaped},
    console::{Form, shown},
    moment::Moment,
};
use crate::{
    clock::Clock,
    identity::{Context, Scopes, UserName},
    manage::{
        Listed,
        tokens::{CreateToken, MadeToken, RevokeValue, Shown, Token},
    },
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

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
    #[arg(long, value_delimiter = ',', value_name = "NETWORK,…")]
    networks: Vec<String>,
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
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(api, console).await,
            Self::List(list) => list.run(api, console).await,
            Self::Revoke(revoke) => revoke.run(api, console).await,
        }
    }
}

impl Create {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let scopes = Scopes::parse(&self.scopes.join(" "));
        let scopes = scopes.ok_or_else(|| Failure::usage("--scopes: expected one or more of run, read, manage"))?;
        let wanted = CreateToken {
            user: Some(self.user.to_string()),
            name: self.name,
            expires: self.expires.map(|moment| moment.from(Clock::system().now())),
            context: self.context,
            contexts: self.contexts,
            providers: self.providers,
            scopes: Some(scopes.list()),
            networks: self.networks,
        };
        let MadeToken { token, value } = api.post("/tokens", &wanted).await?;
        if self.form.json {
            let Token { user, name, expires, .. } = &token;
            console.json(&json!({ "user": user, "token": name, "value": value, "expires": expires }));
        } else {
            console.say(format_args!("{}\n", value.0.expose()));
        }
        console.note(format_args!(
            "this is {}'s token `{}`; it expires {} and is not shown again",
            token.user, token.name, token.expires
        ));
        Ok(())
    }
}

/// As people read it: the state in a word, and that there is more of the value.
fn line(token: Token) -> Value {
    let state = if token.expired { "expired" } else { "valid" };
    let hint = token.hint.as_ref().map_or_else(|| "–".into(), |hint| format!("{hint}…"));
    let mut line = json!(token);
    line["state"] = state.into();
    line["hint"] = hint.into();
    line
}

impl List {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let path =
            self.user.map_or_else(|| "/tokens".into(), |user| format!("/tokens?user={}", escaped(user.as_str())));
        let mut tokens: Vec<Token> = api.every(&path).await?;
        tokens.sort_by(|a, b| (&a.user, &a.name).cmp(&(&b.user, &b.name)));
        let lines: Vec<Value> = tokens.into_iter().map(line).collect();
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

impl Revoke {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let revoked = if let (Some(user), Some(name)) = (self.user, self.name) {
            let path = format!("/tokens?user={}&name={}", escaped(user.as_str()), escaped(&name));
            let found: Listed<Token> = api.get(&path).await?;
            let token = found.items.into_iter().next().ok_or_else(|| {
                Failure::failed("there is no such token, or it was revoked already: see `bellhop token list`")
            })?;
            api.delete(&format!("/tokens/{}", token.id)).await?;
            token
        } else {
            let value = Shown(console.read_secret()?);
            api.post("/tokens/revoke", &RevokeValue { value }).await?
        };
        let Token { user, name, .. } = revoked;
        console.note(format_args!("revoked {user}'s token `{}`; within a second it works nowhere", shown(&name)));
        Ok(())
    }
}
