//! The page in a real browser: Chromium, by way of its driver. What people do, what they see, and what axe finds.
//! Only where `BELLHOP_TEST_BROWSER` names the driver's program.

mod access;
mod driver;
mod first;
mod hands;
mod hooks;
mod people;
mod work;

use crate::{
    management::cast::Cast,
    support::{Bellhop, Site},
};
use driver::Window;
use serde_json::json;
use std::fs;

const PASSWORD: &str = "fake correct horse battery";

/// As this member, who chooses a password by the administrator's link.
async fn sign_in(window: &Window, cast: &Cast, user: &str) {
    let made = cast.post(&cast.iris, &format!("/users/{user}/link"), &json!({})).await;
    window.open(&format!("/choose/{}", made.json()["value"].as_str().unwrap())).await;
    window.fill("secret-password", PASSWORD).await;
    window.press("Keep this password").await;
    window.until_reads(&format!("Hello, {user}")).await;
}

async fn settle(window: &Window, bellhop: &Bellhop) {
    let link = fs::read_to_string(bellhop.data().join("setup-link")).unwrap();
    window.open(link.trim()).await;
    window.look("setup").await;
    window.fill("name", "ada").await;
    window.fill("secret-password", PASSWORD).await;
    window.press("Make the account").await;
    window.until_reads("Hello, ada").await;
}

/// What is in it has come with it: no script but the page's own, no style that its policy forbids.
#[tokio::test]
async fn the_reference_of_the_api_is_read_without_signing_in() {
    let bellhop = Site::empty().serve().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    window.open("/api/v1/docs").await;
    window.until_reads("POST /api/v1/tokens").await;
    window.look("reference").await;
    window.unfold("create_token").await;
    window.follow("CreateToken").await;
    window.close().await;
}

#[tokio::test]
async fn from_an_empty_folder_to_a_token_and_out_again() {
    let bellhop = Site::empty().serve().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    settle(&window, &bellhop).await;
    window.look("home").await;

    window.follow("Personal access tokens").await;
    window.until_reads("You have no token yet").await;
    window.look("tokens-empty").await;
    window.fill("name", "laptop").await;
    window.press("Make the token").await;
    window.until_reads("Copy it now").await;
    let value = window.text_of("#value").await;
    assert!(value.starts_with("bhp_") && value.len() == 40, "{value}");
    window.hide("#value", "bhp_…").await;
    window.look("token-made").await;

    window.follow("Revoke").await;
    window.until_reads("This cannot be undone").await;
    window.look("token-revoke").await;
    window.press("Revoke the token").await;
    window.until_reads("You have no token yet").await;

    window.press("Sign out").await;
    window.until_reads("Sign in").await;
    window.look("sign-in").await;
    window.fill("user", "ada").await;
    window.fill("secret-password", "fake wrong password").await;
    window.press("Sign in").await;
    window.until_reads("the password is another").await;
    window.look("sign-in-refused").await;
    window.close().await;
}
