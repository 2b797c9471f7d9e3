//! Webhooks in a real browser: an organization's owner has a receiver told, and an administrator looks at the installation's.

use super::{Window, sign_in};
use crate::{
    management::webhooks::{listening, receiver, refused},
    support::{CATALOGUE, eventually},
};
use serde_json::{Value, json};

const RECEIVER: &str = "https://hooks.example.org/bellhop/acme";

#[tokio::test]
async fn an_owner_has_a_receiver_told_of_what_wants_looking_at() {
    let (cast, _ionq) = refused(listening()).await;
    let (there, failing) = (receiver(204).await, receiver(503).await);
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "ada").await;
    window.open("/organizations/acme").await;
    window.follow("Webhooks").await;
    window.until_reads("Nobody is told of anything yet").await;
    window.look("webhooks-empty").await;

    window.fill("url", &format!("{}/bellhop/acme", there.origin())).await;
    window.press("Make the webhook").await;
    window.until_reads("Copy the secret now").await;
    assert!(window.text_of("#value").await.starts_with("whsec_"));
    window.hide("#value", "whsec_…").await;
    window.hide("#made", "Your new webhook, hooks.example.org/bellhop/acme").await;
    window.hide("th a", "hooks.example.org/bellhop/acme").await;
    window.look("webhook-made").await;
    window.follow("Then try the webhook").await;
    window.until_reads("It was told of nothing yet").await;
    window.press("Try it").await;
    window.until_reads("Delivered: the receiver took the test.").await;
    let made = cast.get(&cast.ada, "/organizations/acme/webhooks").await.items();
    let page = format!("/organizations/acme/webhooks/{}", made[0]["id"].as_str().unwrap());

    let alarm =
        json!({ "url": format!("{}/oncall", failing.origin()), "events": ["credential.refused", "quota.near"] });
    let alarm = cast.post(&cast.ada, "/organizations/acme/webhooks", &alarm).await.json();
    let off = json!({ "url": "https://tickets.example.org/in/quantum?key=fake", "events": ["token.expiring"] });
    let off = cast.post(&cast.ada, "/organizations/acme/webhooks", &off).await.json();
    let path = format!("/webhooks/{}", off["webhook"]["id"].as_str().unwrap());
    cast.ask(Some(&cast.ada), "PATCH", &path, Some(&json!({ "enabled": false }))).await;
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");
    let last = async |id: &Value| {
        let found = cast.get(&cast.ada, &format!("/webhooks/{}", id.as_str().unwrap())).await.json();
        found["deliveries"][0].clone()
    };
    eventually("one is told, and one fails", async || {
        let (told, failed) = (last(&made[0]["id"]).await, last(&alarm["webhook"]["id"]).await);
        told["event"] == "credential.refused" && told["state"] == "delivered" && failed["status"] == 503
    })
    .await;
    window.open("/organizations/acme/webhooks").await;
    window.until_reads("failed, is tried again").await;
    window.hide("tr:nth-child(1) th a", "hooks.example.org/bellhop/acme").await;
    window.hide("tr:nth-child(2) th a", "alarms.example.org/oncall").await;
    window.look("webhooks").await;
    window.open(&page).await;
    window.until_reads("Provider token refused").await;
    window.hide(".head h2", "hooks.example.org/bellhop/acme").await;
    window.hide(".facts code", RECEIVER).await;
    window.look("webhook").await;

    window.follow("Change").await;
    window.until_reads("goes to the new address, too").await;
    window.fill("url", RECEIVER).await;
    window.look("webhook-edit").await;
    window.press("Save").await;
    window.until_reads("Saved.").await;
    window.press("Try it").await;
    window.until_reads("Not delivered: ").await;
    window.look("webhook-failed").await;
    window.press("Switch off").await;
    window.until_reads("Switch on").await;
    window.follow("New secret").await;
    window.until_reads("For a day").await;
    window.look("webhook-rotate").await;
    window.press("Make the new secret").await;
    window.until_reads("The new secret of").await;
    window.hide("#value", "whsec_…").await;
    window.look("webhook-rotated").await;
    window.follow("Delete").await;
    window.until_reads("This cannot be undone").await;
    window.look("webhook-delete").await;
    window.press("Delete the webhook").await;
    window.until_reads("Removed.").await;
    window.close().await;
}

#[tokio::test]
async fn an_administrator_finds_the_installations_webhooks() {
    let (cast, _ionq) = refused(listening()).await;
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "iris").await;
    window.follow("Webhooks").await;
    window.until_reads("belongs to no organization").await;
    window.look("webhooks-installation").await;
    window.fill("url", "https://hooks.example.org/bellhop").await;
    window.press("Make the webhook").await;
    window.until_reads("Copy the secret now").await;
    window.follow("Then try the webhook").await;
    window.until_reads("It was told of nothing yet").await;
    window.look("webhook-installation").await;
    window.close().await;
}
