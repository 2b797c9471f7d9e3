//! Azure's discovery: an SDK asks where a workspace is, and hears that it is here. The provider hears nothing.

use crate::support::{Ask, Bellhop, Pat, Reply, Site, Upstream, state::credential};
use serde_json::{Value, json};

const ADA_KEY: &str = "fake-azure-ada-key-canary";
const ACME_KEY: &str = "fake-azure-acme-key-canary";

fn workspace(name: &str) -> String {
    let group = "/subscriptions/00000000-0000-4000-8000-00000000fa4e/resourceGroups/quantum";
    format!("{group}/providers/Microsoft.Quantum/workspaces/{name}")
}

fn key(name: &str, key: &str, more: &Value) -> Value {
    let mut fields = json!({ "api_key": { "value": key }, "workspace": { "value": workspace(name) } });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    credential("azure", &fields)
}

fn where_is(name: &str) -> String {
    format!("/azure{}?api-version=2025-12-15-preview", workspace(name))
}

async fn azure() -> Upstream {
    Upstream::answering(|_| Reply::json(200, &json!({ "value": [] }))).await
}

/// Ada has a key of her own; she and Grace are members of acme, which has another.
async fn office(site: Site) -> (Bellhop, Pat, Pat) {
    let mut site = site;
    let v2 = json!({ "region": { "value": "westus-v2" }, "kind": { "value": "V2" } });
    let ada = site.user("ada").credential(&key("ada", ADA_KEY, &v2)).pat();
    let grace = site.user("grace").pat();
    let acme = site.organization("acme").credential(&key("acme", ACME_KEY, &json!({})));
    acme.member("ada", "member").member("grace", "member");
    (site.serve().await, ada, grace)
}

#[tokio::test]
async fn a_workspace_is_where_bellhop_is_and_its_jobs_are_asked_for_with_the_same_bearer() {
    let azure = azure().await;
    let (bellhop, ada, _) = office(Site::empty().provider("azure", &azure)).await;
    let bearer = |target: &str| Ask::get(target).header("Authorization", format!("Bearer {ada}"));

    let found = bellhop.ask(&bearer(&where_is("ada"))).await;

    let base = format!("http://{}/azure", bellhop.addresses.proxy);
    let expected = json!({ "location": "westus-v2", "properties": { "endpointUri": base, "workspaceKind": "V2" } });
    assert_eq!((found.status, found.json()), (200, expected));
    assert_eq!(found.header("cache-control"), Some("no-store"));
    azure.assert_untouched();
    bellhop.ask(&bearer(&format!("/azure{}/jobs", workspace("ada")))).await.assert_paid_by("me", "own");
    let sent = azure.last();
    assert_eq!((sent.header("x-ms-quantum-api-key"), sent.header("authorization")), (Some(ADA_KEY), None));
}

#[tokio::test]
async fn the_address_keeps_the_context_and_is_the_one_that_is_published() {
    let azure = azure().await;
    let site = Site::empty().provider("azure", &azure).set("listen.public_url", "https://bellhop.example.org/quantum");
    let (bellhop, ada, grace) = office(site).await;
    let endpoint = async |pat: &Pat, target: &str| {
        let ask =
            Ask::get(target).pat(pat).header("X-Forwarded-Host", "evil.example").header("X-Forwarded-Proto", "gopher");
        bellhop.ask(&ask).await.json()["properties"]["endpointUri"].clone()
    };

    assert_eq!(endpoint(&ada, &where_is("ada")).await, "https://bellhop.example.org/quantum/azure");
    assert_eq!(endpoint(&grace, &where_is("acme")).await, "https://bellhop.example.org/quantum/azure");
    let named = where_is("acme").replacen("/azure", "/azure@acme", 1);
    assert_eq!(endpoint(&ada, &named).await, "https://bellhop.example.org/quantum/azure@acme");
    azure.assert_untouched();
}

#[tokio::test]
async fn who_may_not_or_cannot_use_a_workspace_is_not_told_where_it_is() {
    let azure = azure().await;
    let mut site = Site::empty().provider("azure", &azure);
    let bob = site.user("bob").pat();
    let elsewhere = site.user("ada").pat_with("elsewhere", &json!({ "providers": ["ionq"] }));
    let (bellhop, ada, _) = office(site).await;

    for (ask, refusal) in [
        (Ask::get(where_is("ada")), "missing-token"),
        (Ask::get(where_is("ada")).pat(&Pat::fake()), "unknown-token"),
        (Ask::get(where_is("ada")).pat(&elsewhere), "not-allowed"),
        (Ask::get(where_is("ada")).pat(&bob), "no-credential"),
        (Ask::get(where_is("acme")).pat(&ada), "not-allowed"),
        (Ask::get(where_is("ada").replacen("/azure", "/azure@acme", 1)).pat(&ada), "not-allowed"),
    ] {
        bellhop.ask(&ask).await.assert_refused(refusal);
    }
    azure.assert_untouched();
}

#[tokio::test]
async fn nothing_else_of_the_resource_manager_is_answered() {
    let azure = azure().await;
    let (bellhop, _, grace) = office(Site::empty().provider("azure", &azure)).await;
    let keys = format!("/azure{}/listKeys", workspace("acme"));
    let all = format!("/azure{}", workspace("").trim_end_matches('/'));

    for ask in [
        Ask::post(&keys),
        Ask::get(&all),
        Ask::new("PUT", where_is("acme")),
        Ask::post("/azure/providers/Microsoft.ResourceGraph/resources"),
    ] {
        bellhop.ask(&ask.pat(&grace)).await.assert_refused("not-allowed");
    }
    azure.assert_untouched();
}
