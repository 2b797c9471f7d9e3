//! Who is calling: one token, in one place, and every way of not being valid looks the same.

use crate::support::{
    ADA_KEY, Answer, Ask, Pat, Reply, Site, Upstream, canary::assert_no_token, cast::ada_at, state::credential,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

#[tokio::test]
async fn a_callers_token_is_exchanged_for_the_providers_key() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["id"], "job-1");
    answer.assert_paid_by("me", "own");
    assert_eq!(ionq.request().key(), ADA_KEY);
    assert_no_token("what the provider saw", &ionq.bytes());
}

#[tokio::test]
async fn a_token_is_found_in_each_form_that_an_authorization_has() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for form in ["apiKey", "Bearer", "bearer", "Basic", "apikey"] {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").header("authorization", format!("{form} {ada}"));
        bellhop.ask(&ask).await.assert_paid_by("me", "own");
    }
    let bare = Ask::get("/ionq/v0.4/jobs/job-1").header("AUTHORIZATION", ada.as_str());
    bellhop.ask(&bare).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn a_request_without_a_token_is_asked_for_one() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, _) = ada_at(&ionq).await;

    let answer = bellhop.ask(&Ask::get("/ionq/v0.4/jobs/job-1")).await;

    answer.assert_refused("missing-token");
    assert!(answer.header("www-authenticate").is_some());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    ionq.assert_untouched();
}

#[tokio::test]
async fn every_way_of_not_being_valid_gets_the_same_answer() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let expired = site.user("ada").key(ADA_KEY).pat_with("old", &json!({ "expires": "2020-01-01" }));
    let revoked = site.user("ada").pat_with("lost", &json!({}));
    let disabled = site.user("grace").pat();
    let bellhop = site.serve().await;
    bellhop.run(&["token", "revoke", "ada", "lost"]).await.assert_code(0);
    bellhop.run(&["user", "disable", "grace"]).await.assert_code(0);

    let bad_checksum = format!("{}x", &Pat::fake().as_str()[..39]);
    let unknown = bellhop.get(&Pat::fake(), "/ionq/v0.4/jobs/job-1").await;
    unknown.assert_refused("unknown-token");
    assert!(unknown.header("www-authenticate").is_some());
    assert_eq!(unknown.header("cache-control"), Some("no-store"));
    for token in
        [bad_checksum.as_str(), "bhp_", "fake-not-a-token", expired.as_str(), revoked.as_str(), disabled.as_str()]
    {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").header("Authorization", format!("apiKey {token}"));
        assert_eq!(without_its_own(bellhop.ask(&ask).await), without_its_own(unknown.clone()), "{token}");
    }
    ionq.assert_untouched();
}

/// What must be the same for everybody: all but the request's id and the date.
fn without_its_own(answer: Answer) -> (u16, Vec<(String, String)>, String) {
    let text = answer.text();
    let headers = answer.headers.into_iter().filter(|(name, _)| name != "x-request-id" && name != "date");
    (answer.status, headers.collect(), text)
}

#[tokio::test]
async fn two_different_credentials_in_one_request_are_refused() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for other in [Pat::fake().to_string(), "fake-own-ionq-key".to_owned()] {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada).header("Authorization", format!("apiKey {other}"));
        bellhop.ask(&ask).await.assert_refused("bad-request");
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").header("Authorization", format!("apiKey {other}")).pat(&ada);
        bellhop.ask(&ask).await.assert_refused("bad-request");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_vendors_header_and_authorization_must_say_the_same() {
    let dwave = Upstream::answering(|_| crate::support::upstream::job()).await;
    let mut site = Site::empty().provider("dwave", &dwave);
    let fields = json!({ "token": { "value": "fake-dwave-token-canary" } });
    let ada = site.user("ada").credential(&credential("dwave", &fields)).pat();
    let bellhop = site.serve().await;

    let ask = |other: &str| {
        let ask = Ask::get("/dwave/sapi/v2/problems/job-1").header("X-Auth-Token", ada.as_str());
        ask.header("Authorization", format!("Bearer {other}"))
    };
    bellhop.ask(&ask(Pat::fake().as_str())).await.assert_refused("bad-request");
    bellhop.ask(&ask("fake-own-dwave-token")).await.assert_refused("bad-request");
    dwave.assert_untouched();

    bellhop.ask(&ask(ada.as_str())).await.assert_paid_by("me", "own");
    let seen = dwave.request();
    assert_eq!(seen.header("x-auth-token"), Some("fake-dwave-token-canary"));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn a_token_in_the_target_is_refused_in_every_spelling() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let encoded: String = ada.as_str().bytes().map(|b| format!("%{b:02x}")).collect();
    let once = ada.as_str().replace('_', "%5F");
    for token in [ada.as_str(), &encoded, &once] {
        for target in [format!("/ionq/v0.4/jobs?key={token}"), format!("/ionq/v0.4/{token}/jobs")] {
            bellhop.get(&ada, &target).await.assert_refused("bad-request");
            bellhop.ask(&Ask::get(target)).await.assert_refused("bad-request");
        }
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_token_in_any_other_header_is_refused() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let raw = ada.to_string();
    let in_base64 = BASE64_STANDARD.encode(format!("user:{ada}"));
    for (name, value) in [
        ("X-Auth-Token", raw.clone()),
        ("X-Api-Key", raw.clone()),
        ("x_auth_token", raw.clone()),
        ("User-Agent", format!("sdk/1.0 ({raw})")),
        ("Referer", format!("https://example.org/?token={raw}")),
        ("X-Debug", in_base64.clone()),
        ("Proxy-Authorization", format!("Basic {in_base64}")),
        ("Cookie", format!("session={raw}")),
    ] {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada).header(name, value);
        let answer = bellhop.ask(&ask).await;
        assert_eq!(answer.header("bellhop-refusal"), Some("bad-request"), "a token in {name}");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn what_needs_no_token_passes_without_one_and_nothing_is_injected() {
    let ionq = Upstream::answering(|_| Reply::json(200, &json!([]))).await;
    let (bellhop, _) = ada_at(&ionq).await;

    let answer = bellhop.ask(&Ask::get("/ionq/v0.4/backends")).await;

    answer.assert_relayed();
    assert_eq!(answer.status, 200);
    assert_eq!(ionq.request().header("authorization"), None);
}

#[tokio::test]
async fn a_token_that_is_presented_is_checked_also_where_none_is_needed() {
    let ionq = Upstream::answering(|_| Reply::json(200, &json!([]))).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    bellhop.get(&Pat::fake(), "/ionq/v0.4/backends").await.assert_refused("unknown-token");
    ionq.assert_untouched();

    bellhop.get(&ada, "/ionq/v0.4/backends").await.assert_relayed();
    assert_no_token("what the provider saw", &ionq.bytes());
}

#[tokio::test]
async fn a_token_is_compared_byte_for_byte() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = Pat::with_checksum("FakeTokenOfAdaWithCapitalsHere");
    site.user("ada").key(ADA_KEY).presenting("laptop", &ada, &json!({}));
    let bellhop = site.serve().await;

    let twin = Pat::with_checksum("faketokenofadawithcapitalshere");
    bellhop.get(&twin, "/ionq/v0.4/jobs/job-1").await.assert_refused("unknown-token");
    for pattern in
        [ada.as_str().to_uppercase(), format!("{}%", &ada.as_str()[..39]), format!("{ada} "), format!("{ada}x")]
    {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").header("Authorization", format!("apiKey x{pattern}"));
        bellhop.ask(&ask).await.assert_refused("unknown-token");
    }
    ionq.assert_untouched();
    bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn words_of_sql_in_a_token_are_only_a_bad_token() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for token in ["' OR '1'='1", "bhp_'; DROP TABLE tokens; --", "bhp_%", "\"; SELECT 1"] {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").header("Authorization", format!("apiKey {token}"));
        bellhop.ask(&ask).await.assert_refused("unknown-token");
    }
    let context = Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada).header("Bellhop-Context", "acme' OR 1=1 --");
    bellhop.ask(&context).await.assert_refused("bad-request");
    ionq.assert_untouched();
    bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn when_a_token_was_last_used_is_known_to_the_minute() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");

    // Written now and then, and at the end.
    let site = bellhop.stop().await;
    let tokens = site.run(&["token", "list", "ada", "--json"]).await.assert_code(0).json();
    assert!(tokens[0]["last_used"].as_str().is_some_and(|time| time.ends_with(":00Z")), "{tokens}");
}
