//! The very first way: from nothing to a job that the organization pays for, by the page alone.

use super::{PASSWORD, Window};
use crate::{
    management::cast::making_jobs,
    support::{ACME_KEY, Pat, Site},
};
use serde_json::json;
use std::fs;

/// What somebody presses or follows, at most, before their first job can run.
const CLICKS: usize = 12;

#[tokio::test]
async fn from_an_empty_folder_to_a_job_that_the_organization_pays_for_in_a_few_clicks() {
    let ionq = making_jobs().await;
    let bellhop = Site::facing(&ionq).serve().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    let link = fs::read_to_string(bellhop.data().join("setup-link")).unwrap();
    window.open(link.trim()).await;
    window.fill("name", "ada").await;
    window.fill("secret-password", PASSWORD).await;
    window.press("Make the account").await;
    window.until_reads("Hello, ada").await;
    window.look("first-steps").await;

    window.follow("Make an organization").await;
    window.fill("name", "acme").await;
    window.press("Make the organization").await;
    window.follow("Add a provider token").await;
    window.follow("IonQ").await;
    window.fill("secret-field-api_key", ACME_KEY).await;
    window.press("Add the token").await;
    window.until_reads("It can pay for jobs now").await;
    window.follow("Connect your SDK").await;
    window.until_reads("You have no personal access token yet").await;
    window.follow("Make a token").await;
    window.fill("name", "laptop").await;
    window.press("Make the token").await;
    window.until_reads("Copy it now").await;
    let token = Pat::printed(&window.text_of("#value").await);

    let clicks = window.clicks();
    assert!(clicks <= CLICKS, "{clicks} clicks");
    println!("{clicks} clicks");
    let job = bellhop.post(&token, "/ionq/v0.4/jobs", &json!({ "backend": "qpu", "shots": 100 })).await;
    job.assert_paid_by("acme", "organization");
    window.open("/jobs").await;
    window.until_reads("qpu").await;
    window.look("first-job").await;
    window.close().await;
}
