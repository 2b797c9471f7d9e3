//! `bellhop credential probe`.
//! Owns nothing; what is found is stored with the version that was asked about.
//! Never shows more of the provider's answer than its status and an account.

use super::chosen::Chosen;
use crate::{
    cli::{
        Console, Failure,
        api::Api,
        console::{Form, shown},
    },
    manage::credentials::Probed,
};
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
pub struct Probe {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    form: Form,
}

impl Probe {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let credential = self.chosen.find(api).await?;
        let probed: Probed = api.post(&format!("/credentials/{}/probe", credential.id), &json!({})).await?;
        let Probed { found, earlier_account } = probed;
        if self.form.json {
            console.json(&found);
        } else {
            found.tell(console);
        }
        if let Some(earlier) = earlier_account {
            console.note(format_args!("note: an earlier probe found another account, {}", shown(&earlier)));
        }
        found.outcome()
    }
}
