//! Organizations by way of the API: made, listed, changed, deleted.

use super::cast::Cast;
use crate::support::{ADA_KEY, CATALOGUE, Site, Upstream, soon::eventually_within};
use serde_json::{Value, json};
use std::time::Duration;

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_is_made_with_its_first_owner_and_listed_for_those_who_are_in_it() {
    let cast = Cast::assemble().await;

    let made = cast.post(&cast.iris, "/organizations", &json!({ "name": "gamma", "owner": "alan" })).await;

    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["members"], &made["job_visibility"], &made["role"]), (&json!(1), &json!("own"), &Value::Null));
    let id = made["id"].as_str().unwrap();
    assert_eq!(cast.get(&cast.alan, &format!("/organizations/{id}")).await.json()["role"], "owner");
    cast.get(&cast.ada, &format!("/organizations/{id}")).await.assert_problem(404, "not-found");
    assert_eq!(names(&cast.get(&cast.alan, "/organizations").await.json()), ["acme", "gamma"]);
    assert_eq!(names(&cast.get(&cast.ada, "/organizations").await.json()), ["acme"]);
    assert_eq!(names(&cast.get(&cast.iris, "/organizations").await.json()), ["acme", "gamma"]);
    for (pat, expected) in [(&cast.alan, ["acme", "gamma"]), (&cast.iris, ["acme", "gamma"])] {
        let first = cast.get(pat, "/organizations?limit=1").await.json();
        let next = first["next"].as_str().unwrap();
        let second = cast.get(pat, &format!("/organizations?limit=1&after={next}")).await.json();
        assert_eq!([names(&first), names(&second)].concat(), expected);
        assert_eq!(second["next"], Value::Null);
    }
    let taken = cast.post(&cast.iris, "/organizations", &json!({ "name": "gamma" })).await;
    taken.assert_problem(409, "conflict");
    let nobody = cast.post(&cast.iris, "/organizations", &json!({ "name": "delta", "owner": "nobody" })).await;
    nobody.assert_problem(422, "invalid");
    cast.get(&cast.iris, "/organizations/delta").await.assert_problem(404, "not-found");
    let reserved = cast.post(&cast.iris, "/organizations", &json!({ "name": "me" })).await;
    reserved.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn what_is_there_and_what_is_not_is_told_apart_by_nothing() {
    let cast = Cast::assemble().await;
    let known = cast.get(&cast.eve, "/organizations/acme").await;
    let unknown = cast.get(&cast.eve, "/organizations/nowhere").await;
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    let known = cast.get(&cast.eve, "/organizations/acme/members/alan").await;
    let unknown = cast.get(&cast.eve, "/organizations/nowhere/members/alan").await;
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    for context in ["acme", "nowhere"] {
        let pinned = cast.post(&cast.eve, "/tokens", &json!({ "name": "pinned", "context": context })).await;
        let problem = pinned.assert_problem(422, "invalid");
        assert_eq!(problem["detail"], format!("context: there is no context `{context}` for eve"));
    }
    let known = cast.get(&cast.eve, "/projects?of=acme").await;
    let unknown = cast.get(&cast.eve, "/projects?of=nowhere").await;
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
}

#[tokio::test]
async fn a_change_is_made_only_to_what_was_read() {
    let cast = Cast::assemble().await;
    let tag = cast.get(&cast.ada, "/organizations/acme").await.header("etag").unwrap().to_owned();

    let first =
        cast.change(&cast.ada, "PATCH", "/organizations/acme", (&tag, &json!({ "job_visibility": "all" }))).await;

    assert_eq!((first.status, &first.json()["job_visibility"]), (200, &json!("all")));
    let rename = json!({ "name": "acme2" });
    cast.change(&cast.ada, "PATCH", "/organizations/acme", (&tag, &rename)).await.assert_problem(412, "changed");
    cast.change(&cast.ada, "DELETE", "/organizations/acme", (&tag, &Value::Null)).await.assert_problem(412, "changed");
    let new = first.header("etag").unwrap();
    let renamed = cast.change(&cast.ada, "PATCH", "/organizations/acme", (new, &rename)).await;
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("acme2")));
    cast.get(&cast.ada, "/organizations/acme").await.assert_problem(404, "not-found");
    cast.add_organization("gamma").await;
    let taken = cast.ask(Some(&cast.ada), "PATCH", "/organizations/acme2", Some(&json!({ "name": "gamma" }))).await;
    taken.assert_problem(409, "conflict");
}

#[tokio::test]
async fn what_goes_with_one_is_told_before_and_gone_after() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.organization("acme").key(ADA_KEY);
    site.organization("acme").project("optics", &["alan"]).project_key("optics", ADA_KEY);
    let cast = Cast::at(site).await;
    let shown = cast.get(&cast.alan, "/organizations/acme").await;
    assert_eq!(shown.json()["credentials"], json!(["ionq"]));
    assert!(!shown.text().contains("canary"));
    let context = "/ionq@acme/v0.4/backends/qpu.aria-1/characterizations";
    assert_eq!(cast.bellhop.get(&cast.runs, context).await.status, 200, "{CATALOGUE} by way of acme");

    let consequences = cast.get(&cast.ada, "/organizations/acme/consequences").await.json();

    assert_eq!(consequences, json!({ "members": 3, "projects": 1, "credentials": 2, "open_jobs": 0 }));
    assert_eq!(cast.ask(Some(&cast.ada), "DELETE", "/organizations/acme", None).await.status, 204);
    cast.get(&cast.ada, "/organizations/acme").await.assert_problem(404, "not-found");
    assert_eq!(cast.get(&cast.alan, "/users/alan").await.json()["organizations"], json!([]));
    eventually_within(Duration::from_millis(1500), "nothing pays any more", async || {
        cast.bellhop.get(&cast.runs, context).await.status == 403
    })
    .await;
}

#[tokio::test]
async fn a_token_for_certain_contexts_sees_and_changes_only_those() {
    let mut site = Site::empty();
    site.organization("acme").member("ada", "owner").project("optics", &["alan"]).project("lasers", &[]);
    site.organization("gamma").member("ada", "owner");
    let bounded = |contexts: Value| json!({ "scopes": ["manage"], "contexts": contexts });
    let of_gamma = site.user("ada").pat_with("gamma", &bounded(json!(["gamma"])));
    let of_optics = site.user("ada").pat_with("optics", &bounded(json!(["acme.optics"])));
    let of_acme = site.user("ada").pat_with("acme", &bounded(json!(["acme"])));
    let cast = Cast::at(site).await;

    assert_eq!(names(&cast.get(&of_gamma, "/organizations").await.json()), ["gamma"]);
    cast.get(&of_gamma, "/organizations/acme").await.assert_problem(404, "not-found");
    let role = json!({ "role": "member" });
    cast.ask(Some(&of_gamma), "PUT", "/organizations/acme/members/eve", Some(&role))
        .await
        .assert_problem(404, "not-found");
    assert_eq!(cast.ask(Some(&of_gamma), "PUT", "/organizations/gamma/members/eve", Some(&role)).await.status, 200);
    // A project is not its organization, and an organization not its projects.
    assert_eq!(names(&cast.get(&of_optics, "/organizations").await.json()), Vec::<&str>::new());
    assert_eq!(names(&cast.get(&of_optics, "/projects?of=acme").await.json()), ["optics"]);
    assert_eq!(names(&cast.get(&of_acme, "/projects?of=acme").await.json()), Vec::<&str>::new());
    cast.ask(Some(&of_acme), "DELETE", "/organizations/acme", None).await.assert_problem(403, "not-allowed");
    cast.post(&of_acme, "/projects?of=acme", &json!({ "name": "new" })).await.assert_problem(403, "not-allowed");
    let lasers = cast.get(&cast.ada, "/projects?of=acme&name=lasers").await.json()["items"][0]["id"].clone();
    let path = format!("/projects/{}", lasers.as_str().unwrap());
    cast.get(&of_optics, &path).await.assert_problem(404, "not-found");
    cast.ask(Some(&of_optics), "DELETE", &path, None).await.assert_problem(404, "not-found");
    assert_eq!(cast.get(&of_optics, "/users/ada").await.json()["organizations"], json!([]));
}
