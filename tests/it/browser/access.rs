//! Provider tokens, connecting, explaining, and the operators' pages, as people see them.

use super::{Window, sign_in};
use crate::{
    management::cast::{Cast, making_jobs},
    support::{ACME_KEY, OPTICS_KEY, Site},
};
use serde_json::{Value, json};

async fn entered(cast: &Cast, wanted: Value) -> String {
    let made = cast.post(&cast.iris, "/credentials", &wanted).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

/// An organization that has run jobs for a while.
async fn furnish(cast: &Cast) {
    let of = |context: &str, provider: &str, label: &str, fields: Value| json!({ "context": context, "provider": provider, "label": label, "fields": fields });
    entered(cast, of("acme", "dwave", "Leap, shared", json!({ "token": ACME_KEY }))).await;
    let quandela = entered(cast, of("acme", "quandela", "pilot", json!({ "token": ACME_KEY }))).await;
    let off = json!({ "state": "disabled" });
    cast.ask(Some(&cast.iris), "PATCH", &format!("/credentials/{quandela}"), Some(&off)).await;
    entered(cast, of("acme.optics", "ionq", "optics grant", json!({ "api_key": OPTICS_KEY }))).await;
    let mut old = of("acme", "aqt", "trial", json!({ "token": ACME_KEY }));
    old["expires"] = json!("2026-01-31T23:59:59Z");
    entered(cast, old).await;
    let mut own = of("me", "iqm", "my account", json!({ "token": OPTICS_KEY }));
    own["user"] = json!("grace");
    entered(cast, own).await;
}

#[tokio::test]
async fn a_maintainer_looks_after_provider_tokens() {
    let ionq = making_jobs().await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "grace").await;
    window.follow("Provider tokens").await;
    window.until_reads("Add your first provider token").await;
    window.look("credentials-empty").await;

    window.open("/credentials/new?context=acme").await;
    window.look("credential-choose").await;
    window.follow("IonQ").await;
    window.fill("secret-field-api_key", ACME_KEY).await;
    window.fill("label", "Research budget 2026").await;
    window.look("credential-new").await;
    window.press("Add the token").await;
    window.until_reads("Saved. IonQ takes it.").await;
    for _ in 0..3 {
        cast.job_of_alan().await;
    }
    window.look("credential-entered").await;
    furnish(&cast).await;
    window.follow("Provider tokens").await;
    window.until_reads("Leap, shared").await;
    window.look("credentials").await;

    window.follow("IonQ · Research budget 2026").await;
    window.follow("Give it a new value").await;
    window.until_reads("3 open jobs are asked about").await;
    window.look("credential-rotate").await;
    window.follow("Cancel").await;
    window.follow("Name and restrict").await;
    window.until_reads("Only in these projects").await;
    window.look("credential-edit").await;
    window.follow("Cancel").await;
    window.follow("Switch off").await;
    window.until_reads("Nothing else pays in its place").await;
    window.look("credential-disable").await;
    window.follow("Keep it").await;
    window.follow("Delete").await;
    window.until_reads("3 jobs that it made are open").await;
    window.look("credential-delete").await;
    window.close().await;
}

#[tokio::test]
async fn a_member_connects_an_sdk_and_asks_what_pays() {
    let ionq = making_jobs().await;
    let mut site = Site::facing(&ionq);
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    furnish(&cast).await;
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "alan").await;
    window.follow("Connect your SDK").await;
    window.until_reads("would be paid").await;
    window.open("/connect?provider=ionq&context=acme.optics&token=runs").await;
    window.until_reads("IONQ_API_KEY").await;
    window.look("connect").await;
    window.open("/connect?provider=rigetti").await;
    window.until_reads("Nothing would pay Rigetti").await;
    window.look("connect-unpaid").await;
    window.open("/connect?provider=iqm").await;
    window.look("connect-no-way").await;
    window.open("/explain?provider=ionq").await;
    window.until_reads("A request of alan").await;
    window.look("explain").await;
    window.close().await;
}

#[tokio::test]
async fn an_administrator_looks_at_providers_and_health() {
    let ionq = making_jobs().await;
    let mut site = Site::facing(&ionq).set("providers.iqm.personal", true).set("providers.aqt.personal", false);
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    furnish(&cast).await;
    cast.lost_by_alan().await;
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "iris").await;
    window.follow("Providers").await;
    window.until_reads("its address is replaced").await;
    window.look("providers").await;
    window.follow("Health").await;
    window.until_reads("something wants a look").await;
    window.look("health").await;
    window.close().await;
}
