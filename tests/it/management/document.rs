//! The document of the API, and what every answer of it has in common.

use super::cast::Cast;
use crate::support::{Ask, Pat, Site};
use std::collections::BTreeSet;

#[tokio::test]
async fn it_is_served_without_signing_in_and_is_the_one_that_was_agreed_on() {
    let bellhop = Site::empty().serve().await;

    let answer = bellhop.admin("/api/v1/openapi.json").await;

    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.json()["openapi"], "3.1.0");
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer.json()).unwrap());
}

/// Programs that are made from the document call things by these names.
#[tokio::test]
async fn every_operation_has_a_name_of_its_own_a_verb_and_a_noun_in_the_right_number() {
    let document = Site::empty().serve().await.admin("/api/v1/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap().values();
    let mut names = BTreeSet::new();
    for operation in paths.flat_map(|path| path.as_object().unwrap().values()) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "two operations are called {name}");
        assert!(name.contains('_'), "{name}");
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let has_pages = parameters.iter().any(|parameter| parameter["name"] == "after");
        let lists = ["list", "search"].contains(&name.split('_').next().unwrap());
        assert!(lists || !has_pages, "{name} is a list");
        let nouns = operation["tags"][0].as_str().unwrap();
        let is_plural = nouns.ends_with('s') && name.ends_with(nouns);
        assert!(lists || !is_plural, "{name} is about one thing");
    }
}

#[tokio::test]
async fn it_refers_to_nothing_that_it_has_not() {
    let bellhop = Site::empty().serve().await;
    let document = bellhop.admin("/api/v1/openapi.json").await.json();
    let text = document.to_string();
    for (at, reference) in text.match_indices("#/components/schemas/") {
        let name = text[at + reference.len()..].split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn every_answer_is_kept_from_caches_frames_and_sniffing() {
    let cast = Cast::assemble().await;
    for answer in [cast.get(&cast.alan, "/whoami").await, cast.get(&Pat::fake(), "/whoami").await] {
        for (name, value) in [("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
            assert_eq!(answer.header(name), Some(value));
        }
        assert!(
            answer.header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'"))
        );
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_sent_wrongly_is_a_problem() {
    let cast = Cast::assemble().await;
    let bearer = format!("Bearer {}", cast.alan);
    let ask = |ask: Ask| ask.header("Authorization", &*bearer);

    cast.get(&cast.alan, "/nothing").await.assert_problem(404, "not-found");
    cast.ask(Some(&cast.alan), "PUT", "/whoami", None).await.assert_problem(405, "bad-request");
    cast.get(&cast.alan, "/tokens/not-an-id").await.assert_problem(404, "not-found");
    cast.get(&cast.alan, "/tokens?limit=many").await.assert_problem(400, "bad-request");
    cast.get(&cast.alan, "/tokens?limit=0").await.assert_problem(422, "invalid");
    cast.get(&cast.alan, "/tokens?after=x").await.assert_problem(422, "invalid");
    let text = ask(Ask::post("/api/v1/tokens").header("Content-Type", "text/plain").body("{\"name\":\"a\"}"));
    cast.bellhop.ask_admin(&text).await.assert_problem(415, "bad-request");
    let broken = ask(Ask::post("/api/v1/tokens").header("Content-Type", "application/json").body("{\"name\":"));
    cast.bellhop.ask_admin(&broken).await.assert_problem(400, "bad-request");
    let unknown = ask(Ask::post("/api/v1/tokens").json(&serde_json::json!({ "name": "a", "colour": "red" })));
    let problem = cast.bellhop.ask_admin(&unknown).await.assert_problem(400, "bad-request");
    assert!(problem["detail"].as_str().unwrap().contains("colour"));
    let large = ask(Ask::post("/api/v1/tokens").header("Content-Type", "application/json").body(vec![b' '; 70_000]));
    cast.bellhop.ask_admin(&large).await.assert_problem(413, "bad-request");
}

#[tokio::test]
async fn unknown_tokens_are_counted_by_network_and_a_good_one_goes_on() {
    let cast = Cast::at(Site::empty().set("limits.failed_lookups", "3/h")).await;
    for _ in 0..3 {
        cast.get(&Pat::fake(), "/whoami").await.assert_problem(401, "unknown-token");
    }

    let throttled = cast.get(&Pat::fake(), "/whoami").await;

    throttled.assert_problem(429, "throttled");
    assert!(throttled.header("retry-after").is_some());
    assert_eq!(cast.get(&cast.alan, "/whoami").await.status, 200);
}
