//! Providers and health: what is for administrators.

use super::Browser;
use crate::{
    management::cast::Cast,
    support::{Site, Upstream},
};
use serde_json::json;

#[tokio::test]
async fn an_administrator_sees_what_was_changed_of_a_provider_and_nobody_else_that_there_is_such_a_page() {
    let ionq = Upstream::accepting(&[]).await;
    let cast = Cast::at(Site::facing(&ionq).set("providers.iqm.personal", false)).await;
    cast.credential_of("acme", None).await;
    let (mut iris, mut ada) = (Browser::of(&cast, "iris").await, Browser::of(&cast, "ada").await);

    let text = iris.get("/providers").await.text();

    let row = |id: &str| text.split("<tr>").find(|row| row.contains(&format!(">{id}</code>"))).unwrap().to_owned();
    assert!(row("ionq").contains("its address is replaced") && row("ionq").contains("1 token of IonQ"), "{text}");
    assert!(row("iqm").contains("no personal tokens") && row("dwave").contains("nothing"), "{text}");
    for path in ["/providers", "/health"] {
        assert_eq!(ada.get(path).await.status, 404, "{path}");
        assert!(!ada.get("/").await.text().contains(&format!("href=\"{path}\"")));
    }
    // The API says the same, to administrators alone.
    let listed = cast.get(&cast.iris, "/providers?limit=200").await.items();
    let of = |id: &str| listed.iter().find(|provider| provider["id"] == id).unwrap()["operated"].clone();
    assert_eq!((&of("ionq")["credentials"], &of("ionq")["addresses"][0]["replaced"]), (&json!(1), &json!(true)));
    assert!(cast.get(&cast.ada, "/providers").await.items().iter().all(|provider| provider["operated"].is_null()));
}

#[tokio::test]
async fn health_names_what_fails() {
    let ionq = Upstream::accepting(&[]).await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    let mut iris = Browser::of(&cast, "iris").await;
    let well = iris.get("/health").await.text();
    assert!(well.contains("all is well") && well.contains("up to date") && well.contains("data-live"), "{well}");
    let id = cast.credential_of("acme", None).await;
    cast.ask(Some(&cast.iris), "POST", &format!("/credentials/{id}/probe"), None).await;

    let text = iris.get("/health").await.text();

    assert!(text.contains("something wants a look") && text.contains("IonQ refuses it"), "{text}");
    assert!(text.contains(&format!("/credentials/{id}")) && text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    let failing = cast.get(&cast.grace, "/credentials?failing=true").await.items();
    assert_eq!(failing.len(), 1);
    let disabled = json!({ "state": "disabled" });
    cast.ask(Some(&cast.grace), "PATCH", &format!("/credentials/{id}"), Some(&disabled)).await;
    assert!(cast.get(&cast.grace, "/credentials?failing=true").await.items().is_empty());
    let expired = json!({ "state": "active", "expires": "2001-01-01T00:00:00Z" });
    cast.ask(Some(&cast.grace), "PATCH", &format!("/credentials/{id}"), Some(&expired)).await;
    assert!(iris.get("/health").await.text().contains("expired"));
}
