//! How people get in: a link, a password, a token made with one.

use super::cast::Cast;
use crate::support::{Answer, Ask, Bellhop, Pat, Site};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt};

const PASSWORD: &str = "fake correct horse battery";
const ANOTHER: &str = "fake staple of another kind";

async fn send(bellhop: &Bellhop, method: &'static str, path: &str, body: &Value) -> Answer {
    bellhop.ask_admin(&Ask::new(method, format!("/api/v1{path}")).json(body)).await
}

async fn login(bellhop: &Bellhop, user: &str, password: &str) -> Answer {
    send(bellhop, "POST", "/login", &json!({ "user": user, "password": password, "token": "desk" })).await
}

fn setup_link(bellhop: &Bellhop) -> String {
    let url = fs::read_to_string(bellhop.data().join("setup-link")).unwrap();
    let start = format!("http://{}/setup/", bellhop.addresses.admin);
    url.trim().strip_prefix(&start).unwrap_or_else(|| panic!("{url}")).to_owned()
}

/// A link for alan, made by the administrator.
async fn link_for_alan(cast: &Cast) -> String {
    let made = cast.post(&cast.iris, "/users/alan/link", &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["value"].as_str().unwrap().to_owned()
}

async fn redeem(bellhop: &Bellhop, link: &str, password: &str) -> Answer {
    send(bellhop, "POST", "/links/redeem", &json!({ "link": link, "password": password })).await
}

#[tokio::test]
async fn the_first_administrator_is_made_with_the_link_of_a_new_installation_once() {
    let bellhop = Site::empty().serve().await;
    let file = bellhop.data().join("setup-link");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let link = setup_link(&bellhop);
    let wish = json!({ "link": link, "name": "ada", "password": PASSWORD });
    let nameless = json!({ "link": link, "password": PASSWORD });
    send(&bellhop, "POST", "/links/redeem", &nameless).await.assert_problem(422, "invalid");
    let short = json!({ "link": link, "name": "ada", "password": "fake short" });
    send(&bellhop, "POST", "/links/redeem", &short).await.assert_problem(422, "invalid");

    assert_eq!(send(&bellhop, "POST", "/links/redeem", &wish).await.status, 204);

    send(&bellhop, "POST", "/links/redeem", &wish).await.assert_problem(404, "not-found");
    let made = login(&bellhop, "ada", PASSWORD).await;
    assert_eq!((made.status, &made.json()["scopes"]), (201, &json!(["manage"])), "{}", made.text());
    let ada = Pat::printed(made.json()["value"].as_str().unwrap());
    let who = bellhop.ask_admin(&Ask::get("/api/v1/whoami").header("Authorization", format!("Bearer {ada}"))).await;
    assert_eq!((&who.json()["admin"], &who.json()["user"]["name"]), (&json!(true), &json!("ada")));

    let again = bellhop.stop().await.serve().await;
    assert!(!file.exists(), "a link is offered though there is a user");
    drop(again);
}

#[tokio::test]
async fn another_start_of_a_new_installation_makes_another_link() {
    let bellhop = Site::empty().serve().await;
    let first = setup_link(&bellhop);

    let bellhop = bellhop.stop().await.serve().await;

    let wish = |link: &str| json!({ "link": link, "name": "ada", "password": PASSWORD });
    send(&bellhop, "POST", "/links/redeem", &wish(&first)).await.assert_problem(404, "not-found");
    let second = setup_link(&bellhop);
    assert_eq!(send(&bellhop, "POST", "/links/redeem", &wish(&second)).await.status, 204);
}

#[tokio::test]
async fn a_link_opens_once_and_a_newer_one_closes_it() {
    let cast = Cast::assemble().await;
    let (old, new) = (link_for_alan(&cast).await, link_for_alan(&cast).await);
    redeem(&cast.bellhop, &old, PASSWORD).await.assert_problem(404, "not-found");

    assert_eq!(redeem(&cast.bellhop, &new, PASSWORD).await.status, 204);

    redeem(&cast.bellhop, &new, ANOTHER).await.assert_problem(404, "not-found");
    assert_eq!(login(&cast.bellhop, "alan", PASSWORD).await.status, 201);
    // A forgotten password is another's business only as a link: administrators learn none and choose none.
    let reset = link_for_alan(&cast).await;
    assert_eq!(redeem(&cast.bellhop, &reset, ANOTHER).await.status, 204);
    login(&cast.bellhop, "alan", PASSWORD).await.assert_problem(401, "wrong-password");
    assert_eq!(login(&cast.bellhop, "alan", ANOTHER).await.status, 201);
}

/// Whoever opens one signs in without any limit.
#[tokio::test]
async fn a_token_with_a_limit_of_any_kind_makes_no_link() {
    let mut site = Site::empty();
    let limits =
        [json!({ "contexts": ["me"] }), json!({ "providers": ["ionq"] }), json!({ "networks": ["127.0.0.0/8"] })];
    let narrow = limits.map(|limit| {
        let mut bounded = json!({ "scopes": ["manage"] });
        bounded.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
        site.user("iris").pat_with(&limit.to_string(), &bounded)
    });
    let cast = Cast::at(site).await;
    for token in &narrow {
        for user in ["alan", "iris"] {
            let path = format!("/users/{user}/link");
            cast.post(token, &path, &json!({})).await.assert_problem(403, "not-allowed");
        }
    }
    link_for_alan(&cast).await;
}

#[tokio::test]
async fn a_login_replaces_the_token_of_its_name_and_no_other() {
    let cast = Cast::assemble().await;
    redeem(&cast.bellhop, &link_for_alan(&cast).await, PASSWORD).await;
    let first = Pat::printed(login(&cast.bellhop, "alan", PASSWORD).await.json()["value"].as_str().unwrap());
    assert_eq!(cast.get(&first, "/whoami").await.status, 200);

    let second = Pat::printed(login(&cast.bellhop, "alan", PASSWORD).await.json()["value"].as_str().unwrap());

    cast.get(&first, "/whoami").await.assert_problem(401, "unknown-token");
    assert_eq!(cast.get(&second, "/whoami").await.status, 200);
    let names = cast.get(&second, "/tokens").await.json();
    let names: Vec<_> =
        names["items"].as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["runs", "desk"]);
}

#[tokio::test]
async fn guesses_have_to_wait_alike_for_names_that_are_there_and_not() {
    let cast = Cast::at(Site::empty().set("limits.failed_lookups", "1000/min")).await;
    redeem(&cast.bellhop, &link_for_alan(&cast).await, PASSWORD).await;
    for name in ["alan", "nobody"] {
        let mut texts = Vec::new();
        for _ in 0..6 {
            texts.push(login(&cast.bellhop, name, "fake wrong password").await.assert_problem(401, "wrong-password"));
        }
        assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
        let throttled = login(&cast.bellhop, name, "fake wrong password").await;
        throttled.assert_problem(429, "throttled");
        assert_eq!(throttled.header("retry-after"), Some("2"));
    }
    // Also for who knows it: otherwise the answer would tell a right guess.
    login(&cast.bellhop, "alan", PASSWORD).await.assert_problem(429, "throttled");
}

#[tokio::test]
async fn guesses_count_against_their_network_as_well() {
    let cast = Cast::at(Site::empty().set("limits.failed_lookups", "3/h")).await;
    for name in ["a", "b", "c"] {
        login(&cast.bellhop, name, "fake wrong password").await.assert_problem(401, "wrong-password");
    }
    let throttled = login(&cast.bellhop, "d", "fake wrong password").await;
    throttled.assert_problem(429, "throttled");
    let wait: u64 = throttled.header("retry-after").unwrap().parse().unwrap();
    assert!((1100..=1200).contains(&wait), "an allowance of three an hour is back in twenty minutes, not in {wait} s");
    redeem(&cast.bellhop, "fake-link", PASSWORD).await.assert_problem(429, "throttled");
}

#[tokio::test]
async fn a_network_over_its_limit_is_not_heard_and_one_within_it_is_as_often_as_it_is_right() {
    let cast = Cast::at(Site::empty().set("limits.failed_lookups", "3/h")).await;
    redeem(&cast.bellhop, &link_for_alan(&cast).await, PASSWORD).await;
    for name in ["a", "b"] {
        login(&cast.bellhop, name, "fake wrong password").await.assert_problem(401, "wrong-password");
    }
    for _ in 0..4 {
        assert_eq!(login(&cast.bellhop, "alan", PASSWORD).await.status, 201);
    }
    login(&cast.bellhop, "c", "fake wrong password").await.assert_problem(401, "wrong-password");
    login(&cast.bellhop, "d", "fake wrong password").await.assert_problem(429, "throttled");

    // Otherwise each further guess would cost a hash.
    login(&cast.bellhop, "alan", PASSWORD).await.assert_problem(429, "throttled");
    let link = link_for_alan(&cast).await;
    redeem(&cast.bellhop, &link, ANOTHER).await.assert_problem(429, "throttled");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let cast = Cast::assemble().await;
    redeem(&cast.bellhop, &link_for_alan(&cast).await, PASSWORD).await;
    let change = async |old: &str, new: &str| {
        cast.ask(Some(&cast.alan), "PUT", "/password", Some(&json!({ "old": old, "new": new }))).await
    };
    assert_eq!(change("fake wrong password", ANOTHER).await.assert_problem(422, "invalid")["field"], "old");
    assert_eq!(change(PASSWORD, "fake short").await.assert_problem(422, "invalid")["field"], "new");

    assert_eq!(change(PASSWORD, ANOTHER).await.status, 204);

    login(&cast.bellhop, "alan", PASSWORD).await.assert_problem(401, "wrong-password");
    assert_eq!(login(&cast.bellhop, "alan", ANOTHER).await.status, 201);
}

#[tokio::test]
async fn somebody_who_is_disabled_gets_in_by_no_way() {
    let cast = Cast::assemble().await;
    redeem(&cast.bellhop, &link_for_alan(&cast).await, PASSWORD).await;
    let reset = link_for_alan(&cast).await;

    cast.bellhop.run(&["user", "disable", "alan"]).await.assert_code(0);

    login(&cast.bellhop, "alan", PASSWORD).await.assert_problem(401, "wrong-password");
    redeem(&cast.bellhop, &reset, ANOTHER).await.assert_problem(404, "not-found");
    cast.get(&cast.alan, "/whoami").await.assert_problem(401, "unknown-token");
}
