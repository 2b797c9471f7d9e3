//! Projects by way of the API: made, listed, renamed, deleted, and who is in them.

use super::cast::Cast;
use crate::support::{ADA_KEY, Site, Upstream, soon::eventually_within};
use serde_json::{Value, json};
use std::time::Duration;

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn members_see_those_that_they_are_in_and_maintainers_all() {
    let cast = Cast::assemble().await;
    cast.add_project("secret", &[]).await;
    let own = cast.own_project("thesis").await;

    let alan = cast.get(&cast.alan, "/projects?of=acme").await.json();
    let grace = cast.get(&cast.grace, "/projects?of=acme").await.json();

    assert_eq!((names(&alan), names(&grace)), (vec!["optics"], vec!["optics", "secret"]));
    assert_eq!(alan["items"][0]["context"], "acme.optics");
    assert_eq!(alan["items"][0]["members"][0]["name"], "alan");
    assert_eq!(names(&cast.get(&cast.alan, "/projects?of=acme&name=secret").await.json()), Vec::<&str>::new());
    assert_eq!(names(&cast.get(&cast.grace, "/projects?of=acme&name=secret").await.json()), ["secret"]);
    let own = cast.get(&cast.alan, &format!("/projects/{own}")).await.json();
    assert_eq!((&own["context"], &own["user"]), (&json!("me.thesis"), &json!("alan")));
    assert_eq!(names(&cast.get(&cast.alan, "/projects?of=me").await.json()), ["thesis"]);
    for (pat, role) in [(&cast.alan, "member"), (&cast.grace, "maintainer")] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = cast.get(pat, &format!("/projects?of=acme&limit=1{after}")).await.json();
            seen.extend(names(&page).into_iter().map(str::to_owned));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, if role == "member" { vec!["optics"] } else { vec!["optics", "secret"] });
    }
}

#[tokio::test]
async fn wrong_wishes_name_their_field() {
    let cast = Cast::assemble().await;
    let of_project = cast.get(&cast.alan, "/projects?of=acme.optics").await.assert_problem(422, "invalid");
    assert_eq!(of_project["field"], "of");
    let of_both = cast.get(&cast.iris, "/projects?of=acme&user=alan").await.assert_problem(422, "invalid");
    assert_eq!(of_both["field"], "user");
    cast.get(&cast.alan, "/projects").await.assert_problem(400, "bad-request");
    cast.get(&cast.alan, "/projects?of=A").await.assert_problem(400, "bad-request");
    cast.post(&cast.alan, "/projects?of=me", &json!({ "name": "A" })).await.assert_problem(400, "bad-request");
    assert_eq!(cast.post(&cast.alan, "/projects?of=me", &json!({ "name": "a" })).await.status, 201);
    cast.post(&cast.alan, "/projects?of=me", &json!({ "name": "a" })).await.assert_problem(409, "conflict");
    cast.post(&cast.grace, "/projects?of=acme", &json!({ "name": "optics" })).await.assert_problem(409, "conflict");
}

#[tokio::test]
async fn a_change_is_made_only_to_what_was_read() {
    let cast = Cast::assemble().await;
    let path = format!("/projects/{}", cast.add_project("lasers", &["alan"]).await);
    let tag = cast.get(&cast.grace, &path).await.header("etag").unwrap().to_owned();

    let first = cast.change(&cast.grace, "PATCH", &path, (&tag, &json!({ "name": "masers" }))).await;

    assert_eq!((first.status, &first.json()["context"]), (200, &json!("acme.masers")));
    let again = cast.change(&cast.grace, "PATCH", &path, (&tag, &json!({ "name": "tasers" }))).await;
    again.assert_problem(412, "changed");
    cast.change(&cast.grace, "DELETE", &path, (&tag, &Value::Null)).await.assert_problem(412, "changed");
    let taken = cast.ask(Some(&cast.grace), "PATCH", &path, Some(&json!({ "name": "optics" }))).await;
    taken.assert_problem(409, "conflict");
}

#[tokio::test]
async fn only_members_of_the_organization_come_in_and_who_is_out_is_paid_for_no_more() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.organization("acme").project("lasers", &[]).project_key("lasers", ADA_KEY);
    let cast = Cast::at(site).await;
    let lasers = cast.get(&cast.grace, "/projects?of=acme&name=lasers").await.json()["items"][0].clone();
    assert_eq!(lasers["credentials"], json!(["ionq"]));
    let path = format!("/projects/{}", lasers["id"].as_str().unwrap());
    let ask = async |method: &'static str, user: &str| {
        cast.ask(Some(&cast.grace), method, &format!("{path}/members/{user}"), None).await
    };
    let (stranger, nobody) = (ask("PUT", "eve").await, ask("PUT", "nobody").await);
    assert_eq!((stranger.status, stranger.text()), (404, nobody.text()));
    let catalogue = "/ionq@acme.lasers/v0.4/backends/qpu.aria-1/characterizations";
    let is_paid = async |paid: bool| {
        eventually_within(Duration::from_millis(1500), "the data plane follows", async || {
            (cast.bellhop.get(&cast.runs, catalogue).await.status == 200) == paid
        })
        .await;
    };
    is_paid(false).await;

    for _ in 0..2 {
        assert_eq!(ask("PUT", "alan").await.json()["members"][0]["name"], "alan");
    }

    is_paid(true).await;
    assert_eq!(ask("DELETE", "alan").await.status, 204);
    is_paid(false).await;
    ask("DELETE", "alan").await.assert_problem(404, "not-found");
    cast.get(&cast.alan, &path).await.assert_problem(404, "not-found");
    assert_eq!(cast.ask(Some(&cast.grace), "DELETE", &path, None).await.status, 204);
    cast.get(&cast.grace, &path).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn ones_own_has_no_members_and_no_option_that_would_give_it_some() {
    let cast = Cast::assemble().await;
    cast.own_project("thesis").await;
    for act in ["add", "remove"] {
        let refused = cast.bellhop.run(&["project", "member", act, "me.thesis", "ada"]).await.assert_code(2);
        assert!(
            refused.err.contains("a project of an organization") && !refused.err.contains("--user"),
            "{}",
            refused.err
        );
    }
}
