//! How much may come, and how fast: each bound is its own refusal, and nobody pays for somebody else's.

use crate::support::{
    ACME_KEY, ADA_KEY, Answer, Ask, Bellhop, CATALOGUE, Pat, Site, Upstream,
    cast::{ada_at, ada_on},
    http2::Http2,
};
use serde_json::json;

#[track_caller]
fn assert_throttled(answer: &Answer) {
    answer.assert_refused("throttled");
    let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=5).contains(&wait), "SDKs sleep through a long Retry-After: {wait}");
}

#[tokio::test]
async fn a_long_target_is_a_414() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let target = |length: usize| format!("/ionq/{}", "x".repeat(length - "/ionq/".len()));

    bellhop.get(&ada, &target(8 * 1024)).await.assert_paid_by("me", "own");
    let answer = bellhop.get(&ada, &target(8 * 1024 + 1)).await;

    assert_eq!(answer.status, 414);
    answer.assert_readable_refusal();
    let endless = bellhop.raw(format!("GET /{}", "x".repeat(20_000))).await;
    assert_eq!(endless.status, 414);
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn a_large_head_is_a_431() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let ask = |length: usize| Ask::get(CATALOGUE).pat(&ada).header("X-Large", "x".repeat(length));

    bellhop.ask(&ask(31 * 1024)).await.assert_paid_by("me", "own");
    let answer = bellhop.ask(&ask(32 * 1024)).await;

    assert_eq!(answer.status, 431);
    answer.assert_readable_refusal();
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn too_many_fields_are_a_431() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    // Host and Authorization are fields, too.
    let ask =
        |count: usize| (0..count - 2).fold(Ask::get(CATALOGUE).pat(&ada), |ask, n| ask.header(&format!("x-{n}"), "1"));

    bellhop.ask(&ask(100)).await.assert_paid_by("me", "own");
    assert_eq!(bellhop.ask(&ask(101)).await.status, 431);
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn http2_has_the_same_bounds() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut http2 = Http2::connect(&bellhop).await;
    http2.ask(&Ask::get(CATALOGUE).pat(&ada)).await.assert_paid_by("me", "own");
    assert_eq!(http2.most_streams(), 100);

    let long = http2.try_ask(&Ask::get(format!("/ionq/{}", "x".repeat(9_000))).pat(&ada)).await;
    let large = http2.try_ask(&Ask::get(CATALOGUE).pat(&ada).header("x-large", "x".repeat(40_000))).await;

    assert!(long.is_err() || long.is_ok_and(|answer| answer.status == 414));
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status == 431));
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn a_tokens_rate_is_its_own() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq).set("limits.per_token", "60/h burst 3");
    let first = site.user("ada").key(ADA_KEY).pat_with("first", &json!({}));
    let second = site.user("ada").pat_with("second", &json!({}));
    let bellhop = site.serve().await;

    for _ in 0..3 {
        bellhop.get(&first, CATALOGUE).await.assert_paid_by("me", "own");
    }
    assert_throttled(&bellhop.get(&first, CATALOGUE).await);
    bellhop.get(&second, CATALOGUE).await.assert_paid_by("me", "own");
    assert_eq!(ionq.requests().len(), 4);
}

#[tokio::test]
async fn a_users_rate_is_shared_by_their_tokens() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY]).await;
    let mut site = Site::facing(&ionq).set("limits.per_user", "60/h burst 3");
    let first = site.user("ada").key(ADA_KEY).pat_with("first", &json!({}));
    let second = site.user("ada").pat_with("second", &json!({}));
    let grace = site.user("grace").key(ACME_KEY).pat();
    let bellhop = site.serve().await;

    for pat in [&first, &second, &first] {
        bellhop.get(pat, CATALOGUE).await.assert_paid_by("me", "own");
    }
    assert_throttled(&bellhop.get(&second, CATALOGUE).await);
    bellhop.get(&grace, CATALOGUE).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn a_keys_rate_is_shared_by_all_who_use_it() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY]).await;
    let mut site = Site::facing(&ionq).set("limits.per_credential", "60/h burst 3");
    let ada = site.user("ada").pat();
    let grace = site.user("grace").pat();
    let alan = site.user("alan").key(ADA_KEY).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member").member("grace", "member");
    let bellhop = site.serve().await;

    for pat in [&ada, &grace, &ada] {
        bellhop.get(pat, CATALOGUE).await.assert_paid_by("acme", "organization");
    }
    assert_throttled(&bellhop.get(&grace, CATALOGUE).await);
    bellhop.get(&alan, CATALOGUE).await.assert_paid_by("me", "own");
}

async fn fail_often(bellhop: &Bellhop, times: usize) -> Vec<Answer> {
    let mut line = bellhop.connect().await;
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(line.ask(&Ask::get(CATALOGUE).pat(&Pat::fake())).await);
    }
    answers
}

#[tokio::test]
async fn who_guesses_tokens_is_slowed_down_and_their_neighbours_are_not() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answers = fail_often(&bellhop, 25).await;

    let refused = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((20..=21).contains(&refused), "{refused} of 25 were looked up");
    assert_throttled(answers.last().unwrap());
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn malformed_tokens_count_as_failed_too() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, _) = ada_on(Site::facing(&ionq).set("limits.failed_lookups", "3/h")).await;

    let ask = Ask::get(CATALOGUE).header("Authorization", "apiKey fake-nonsense");
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(bellhop.ask(&ask).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    ionq.assert_untouched();
}

#[tokio::test]
async fn connections_are_bounded_in_all() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("limits.connections", 3)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut line = bellhop.connect().await;
        line.ask(&Ask::get(CATALOGUE).pat(&ada)).await.assert_paid_by("me", "own");
        held.push(line);
    }

    let mut one_more = bellhop.connect().await;
    let bytes = Ask::get(CATALOGUE).pat(&ada).bytes("bellhop");
    let _ = one_more.try_send(bytes).await;
    let answer = one_more.answer_or_end().await;
    assert!(answer.is_none_or(|answer| answer.header("bellhop-refusal") == Some("overloaded")));

    held.pop();
    crate::support::eventually("a seat is free again", async || {
        let mut line = bellhop.connect().await;
        let bytes = Ask::get(CATALOGUE).pat(&ada).bytes("bellhop");
        line.try_send(bytes).await.is_ok() && line.answer_or_end().await.is_some_and(|answer| answer.status == 200)
    })
    .await;
}
