//! `bellhop explain`: which credential a request would be paid with, and why each other one lost.
//! Owns nothing; it asks the very function that the data plane asks.
//! Sends nothing, opens no seal.

use super::{
    Console, Failure,
    api::Api,
    console::{Form, shown},
};
use crate::{
    identity::{Context, UserName},
    manage::{
        explain::{Considered, Explain as Asked, Explanation},
        tokens::Shown,
    },
};
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop explain --user ada --provider ionq\n  \
    bellhop explain --token-stdin --provider ionq --context acme.optics < token.txt")]
pub struct Explain {
    /// As if this user asked, with a token that has no limits. Over the network it is you, without it
    #[arg(long, value_name = "NAME")]
    user: Option<UserName>,
    /// As if that user asked with their token of this name
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_stdin")]
    token: Option<String>,
    /// As if the token on standard input were presented
    #[arg(long, conflicts_with = "user")]
    token_stdin: bool,
    /// An id of `bellhop provider list`
    #[arg(long)]
    provider: String,
    /// The context that the request names
    #[arg(long)]
    context: Option<Context>,
    /// The provider's id of a job that the request is about
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    #[command(flatten)]
    form: Form,
}

impl Explain {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        if self.user.is_none() && !self.token_stdin && api.is_here() {
            return Err(Failure::usage("expected --user or --token-stdin"));
        }
        let value = if self.token_stdin { Some(Shown(console.read_secret()?)) } else { None };
        let asked = Asked {
            provider: self.provider,
            context: self.context,
            user: self.user.map(|user| user.to_string()),
            token: self.token,
            value,
            job: self.job,
        };
        let Explanation { user, provider, verdict, remedy, pays, others, personal_credentials } =
            api.post("/explain", &asked).await?;
        if self.form.json {
            console.json(&json!({
                "user": user,
                "provider": provider,
                "verdict": verdict,
                "remedy": remedy,
                "pays": pays,
                "others": others,
                "personal_credentials": personal_credentials,
            }));
            return Ok(());
        }
        let remedy = remedy.map(|remedy| format!(": {remedy}")).unwrap_or_default();
        console.say(format_args!("{user}: {}\n", shown(&format!("{verdict}{remedy}"))));
        // In the order of their contexts, whichever of them pays.
        let mut lines: Vec<Considered> = pays.into_iter().chain(others).collect();
        lines.sort_by(|a, b| (&a.context, a.id).cmp(&(&b.context, b.id)));
        if !lines.is_empty() {
            console.say("\n");
            console.table(self.form, &["pays", "context", "label", "version", "state", "why", "id"], &lines);
        }
        Ok(())
    }
}
