//! What the maker of a token allowed it: providers, contexts, scopes; never more than its user may now.

use crate::support::{
    ACME_KEY, ADA_KEY, Ask, CATALOGUE, OPTICS_KEY, Pat, Site, Upstream, cast::acme_with_optics, eventually,
};
use serde_json::json;

fn in_context(pat: &Pat, context: &str) -> Ask {
    Ask::get(CATALOGUE).pat(pat).header("Bellhop-Context", context)
}

#[tokio::test]
async fn a_tokens_contexts_are_a_boundary_and_its_pin_is_a_default() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY, OPTICS_KEY]).await;
    let (mut site, _) = acme_with_optics(&ionq);
    let fenced = json!({ "context": "acme", "contexts": ["acme", "acme.optics"] });
    let fenced = site.user("ada").key(ADA_KEY).pat_with("fenced", &fenced);
    let automatic = site.user("ada").pat_with("automatic", &json!({ "contexts": ["acme"] }));
    let bellhop = site.serve().await;

    bellhop.get(&fenced, CATALOGUE).await.assert_paid_by("acme", "pinned");
    bellhop.ask(&in_context(&fenced, "acme.optics")).await.assert_paid_by("acme.optics", "named");
    bellhop.ask(&in_context(&fenced, "me")).await.assert_refused("not-allowed");
    bellhop.get(&automatic, CATALOGUE).await.assert_refused("not-allowed");
    assert!(ionq.requests().iter().all(|request| request.key() != ADA_KEY));
}

#[tokio::test]
async fn a_token_is_open_to_its_providers_only() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat_with("laptop", &json!({ "providers": ["dwave"] }));
    let bellhop = site.serve().await;

    let answer = bellhop.get(&ada, CATALOGUE).await;

    answer.assert_refused("not-allowed");
    assert!(answer.detail().contains("dwave"), "what it is for: {}", answer.detail());
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_token_that_only_reads_submits_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let reader = site.user("ada").key(ADA_KEY).pat_with("reader", &json!({ "scopes": ["read"] }));
    let manager = site.user("ada").pat_with("manager", &json!({ "scopes": ["manage"] }));
    let bellhop = site.serve().await;

    for target in [
        CATALOGUE,
        "/ionq/v0.4/jobs/job-1",
        "/ionq/v0.4/jobs",
        "/ionq/v0.4/jobs/job-1/results/probabilities",
        "/ionq/unlisted",
    ] {
        bellhop.get(&reader, target).await.assert_paid_by("me", "own");
        bellhop.get(&manager, target).await.assert_refused("not-allowed");
    }
    let reads = ionq.requests().len();
    for (method, target) in [
        ("POST", "/ionq/v0.4/jobs"),
        ("PUT", "/ionq/v0.4/jobs/job-1/status/cancel"),
        ("DELETE", "/ionq/v0.4/jobs/job-1"),
        ("POST", "/ionq/unlisted"),
    ] {
        let answer = bellhop.ask(&Ask::new(method, target).pat(&reader).body("{}")).await;
        answer.assert_refused("not-allowed");
        assert!(answer.detail().contains(method), "{}", answer.detail());
    }
    assert_eq!(ionq.requests().len(), reads);
}

#[tokio::test]
async fn a_token_can_never_do_more_than_its_user_can_now() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").active("acme").pat_with("laptop", &json!({ "context": "acme", "contexts": ["acme"] }));
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let mut bellhop = site.serve().await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("acme", "pinned");

    bellhop.organization("acme").without_member("ada");
    bellhop.try_apply(&["--prune"]).await.assert_code(0);

    eventually("the membership is over", async || {
        bellhop.get(&ada, CATALOGUE).await.header("bellhop-refusal") == Some("not-a-member")
    })
    .await;
}
