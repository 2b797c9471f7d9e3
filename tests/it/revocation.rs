//! What is taken away is gone within a second, on connections that are open and for answers that are under way.

use crate::support::{
    ACME_KEY, ADA_KEY, Answer, Ask, Bellhop, CATALOGUE, OPTICS_KEY, Pat, Site, Upstream,
    cast::{ada_at, ada_watches, events},
    soon::eventually_within,
};
use serde_json::json;
use std::time::Duration;

/// On the node itself, with room for a slow machine.
const SOON: Duration = Duration::from_millis(1500);

async fn assert_soon(what: &str, bellhop: &Bellhop, ask: &Ask, is_so: impl Fn(&Answer) -> bool) {
    let mut line = bellhop.connect().await;
    eventually_within(SOON, what, async || is_so(&line.ask(ask).await)).await;
}

fn refused(code: &str) -> impl Fn(&Answer) -> bool {
    move |answer| answer.header("bellhop-refusal") == Some(code)
}

#[tokio::test]
async fn a_revoked_token_is_refused_within_a_second() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");

    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);

    assert_soon("the token is revoked", &bellhop, &Ask::get(CATALOGUE).pat(&ada), refused("unknown-token")).await;
}

#[tokio::test]
async fn a_token_is_revoked_by_pasting_it() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");

    bellhop.run_with_input(&["token", "revoke", "--stdin"], &format!("{ada}\n")).await.assert_code(0);

    assert_soon("the token is revoked", &bellhop, &Ask::get(CATALOGUE).pat(&ada), refused("unknown-token")).await;
}

#[tokio::test]
async fn a_token_that_apply_replaces_is_revoked_and_the_new_one_works() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, old) = ada_at(&ionq).await;
    bellhop.get(&old, CATALOGUE).await.assert_paid_by("me", "own");

    let new = bellhop.user("ada").pat();
    bellhop.apply().await;

    assert_soon("the old token is revoked", &bellhop, &Ask::get(CATALOGUE).pat(&old), refused("unknown-token")).await;
    bellhop.get(&new, CATALOGUE).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn a_disabled_user_is_refused_within_a_second_and_back_as_soon() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");

    bellhop.run(&["user", "disable", "ada"]).await.assert_code(0);
    assert_soon("the user is disabled", &bellhop, &Ask::get(CATALOGUE).pat(&ada), refused("unknown-token")).await;

    bellhop.run(&["user", "enable", "ada"]).await.assert_code(0);
    assert_soon("the user is back", &bellhop, &Ask::get(CATALOGUE).pat(&ada), |answer| answer.status == 200).await;
}

#[tokio::test]
async fn a_token_expires_by_the_clock() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let soon = jiff::Timestamp::now() + Duration::from_secs(5);
    let ada = site.user("ada").key(ADA_KEY).pat_with("laptop", &json!({ "expires": format!("{soon:.0}") }));
    let bellhop = site.serve().await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");

    let left = Duration::try_from(soon - jiff::Timestamp::now()).unwrap_or_default();
    tokio::time::sleep(left).await;

    assert_soon("the token has expired", &bellhop, &Ask::get(CATALOGUE).pat(&ada), refused("unknown-token")).await;
}

#[tokio::test]
async fn a_rotated_key_is_used_within_a_second_and_keeps_its_id() {
    let ionq = Upstream::accepting(&[ADA_KEY, OPTICS_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let before = bellhop.get(&ada, CATALOGUE).await;

    let rotate = ["credential", "rotate", "ionq@me", "--user", "ada", "--from-stdin", "api_key"];
    bellhop.run_with_input(&rotate, &format!("{OPTICS_KEY}\n")).await.assert_code(0);

    let ask = Ask::get(CATALOGUE).pat(&ada);
    assert_soon("the new key is used", &bellhop, &ask, |_| ionq.last().key() == OPTICS_KEY).await;
    let after = bellhop.get(&ada, CATALOGUE).await;
    assert_eq!(before.header("bellhop-credential"), after.header("bellhop-credential"));
}

#[tokio::test]
async fn a_key_that_is_disabled_or_deleted_is_used_no_more() {
    let ionq = Upstream::accepting(&[ACME_KEY, ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let bellhop = site.serve().await;
    let own = Ask::get(CATALOGUE).pat(&ada);
    let shared = own.clone().header("Bellhop-Context", "acme");
    bellhop.ask(&own).await.assert_paid_by("me", "own");
    bellhop.ask(&shared).await.assert_paid_by("acme", "named");

    bellhop.run(&["credential", "disable", "ionq@me", "--user", "ada"]).await.assert_code(0);
    bellhop.run(&["credential", "delete", "ionq@acme", "--yes"]).await.assert_code(0);

    assert_soon("the own key is disabled", &bellhop, &own, refused("no-credential")).await;
    assert_soon("the shared key is deleted", &bellhop, &shared, refused("no-credential")).await;
}

#[tokio::test]
async fn a_token_made_while_running_works_at_once() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, _) = ada_at(&ionq).await;

    let made = bellhop.run(&["token", "create", "ada", "new", "--json"]).await.assert_code(0);
    let new = Pat::printed(made.json()["value"].as_str().unwrap());

    bellhop.get(&new, CATALOGUE).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn an_unknown_token_that_comes_to_exist_is_not_remembered_as_unknown() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, _) = ada_at(&ionq).await;
    let future = Pat::fake();
    bellhop.get(&future, CATALOGUE).await.assert_refused("unknown-token");

    bellhop.user("ada").presenting("future", &future, &json!({}));
    bellhop.apply().await;

    assert_soon("the token is known", &bellhop, &Ask::get(CATALOGUE).pat(&future), |answer| answer.status == 200).await;
}

#[tokio::test]
async fn who_had_no_key_pays_as_soon_as_there_is_one() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    let mut bellhop = site.serve().await;
    bellhop.get(&ada, CATALOGUE).await.assert_refused("no-credential");

    bellhop.user("ada").key(ADA_KEY);
    bellhop.apply().await;

    assert_soon("the key is found", &bellhop, &Ask::get(CATALOGUE).pat(&ada), |answer| answer.status == 200).await;
}

#[tokio::test]
async fn a_flood_of_requests_never_brings_a_revoked_token_back() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let flood = async {
        let mut line = bellhop.connect().await;
        let mut refused_at = None;
        for turn in 0.. {
            let answer = line.ask(&Ask::get(CATALOGUE).pat(&ada)).await;
            match (answer.status, refused_at) {
                (200, None) => {}
                (401, None) => refused_at = Some(turn),
                (401, Some(at)) if turn > at + 15 => return,
                (401, Some(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
                (status, _) => panic!("{status} after {refused_at:?}"),
            }
        }
    };

    let revoke = async {
        bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    };
    futures_util::future::join(flood, revoke).await;
}

#[tokio::test]
async fn a_stream_of_a_revoked_token_is_cut() {
    let kipu = events(|mut line| async move {
        while line.send("6\r\ndata:\n\r\n").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let (bellhop, ask) = ada_watches(&kipu, Site::empty()).await;
    let mut line = bellhop.connect().await;
    line.send(ask.bytes("bellhop")).await;
    assert_eq!(line.head().await.status, 200);
    line.read_more().await;

    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);

    let cut = tokio::time::timeout(SOON, async { while !line.read_more().await.is_empty() {} }).await;
    assert!(cut.is_ok(), "the stream goes on {SOON:?} after its token was revoked");
}

#[tokio::test]
async fn a_silent_stream_of_a_revoked_token_is_cut_all_the_same() {
    let kipu = events(|mut line| async move { line.hang().await }).await;
    let (bellhop, ask) = ada_watches(&kipu, Site::empty()).await;
    let mut line = bellhop.connect().await;
    line.send(ask.bytes("bellhop")).await;
    assert_eq!(line.head().await.status, 200);

    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);

    let cut = tokio::time::timeout(SOON, line.until_closed()).await;
    assert!(cut.is_ok_and(|rest| rest.is_empty()), "the stream goes on {SOON:?} after its token was revoked");
}
