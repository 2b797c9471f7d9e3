//! Where a request goes: four ways in, read from the raw target, and nothing else chooses.

use crate::support::{
    ADA_KEY, Ask, OPTICS_KEY, Pat, Site, Upstream,
    cast::{ada_at, ada_on},
    http2::Http2,
    state::credential,
    upstream::job,
};
use serde_json::json;

#[tokio::test]
async fn what_follows_the_provider_goes_upstream_byte_for_byte() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for target in [
        "/v0.4/jobs?id=a,b,c&timeout=30",
        "/v0.4/jobs/?x=%2C%2f&y=a+b&z",
        "/v0.4/jobs?",
        "/v0.4/jobs/job-1/",
        "/v0.4/jobs/urn:crn:1%2F2",
        "/v0.4//unlisted///x%2F",
        "/v0.4/jobs/(a)'*;=@$&+!~",
        "/v0.4/jobs/%C3%A9%00",
        "/",
    ] {
        bellhop.get(&ada, &format!("/ionq{target}")).await.assert_paid_by("me", "own");
        assert_eq!(ionq.last().target, target);
    }
    bellhop.get(&ada, "/ionq").await.assert_paid_by("me", "own");
    assert_eq!(ionq.last().target, "/");
    bellhop.get(&ada, "/ionq?x=1").await;
    assert!(ionq.requests().iter().all(|request| request.target.starts_with('/')));
}

#[tokio::test]
async fn a_provider_is_named_exactly_or_not_at_all() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for target in [
        "/IonQ/v0.4/jobs",
        "/ion%71/v0.4/jobs",
        "//ionq/v0.4/jobs",
        "/ionqx/v0.4/jobs",
        "/nobody/x",
        "/ionq%2Fv0.4/jobs",
    ] {
        bellhop.get(&ada, target).await.assert_refused("unknown-provider");
    }
    let answer = bellhop.get(&ada, "/nobody/x").await;
    assert!(answer.detail().contains("ionq"), "the providers that there are: {}", answer.detail());
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_path_that_climbs_is_refused_in_every_spelling() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for target in [
        "/ionq/../mat3ra/login",
        "/ionq/v0.4/./jobs",
        "/ionq/v0.4/..",
        "/ionq/%2e%2e/x",
        "/ionq/.%2E/x",
        "/ionq/%2E",
        "/ionq/v0.4\\jobs",
        "/ionq/v0.4%5cjobs",
        "/../ionq/v0.4/jobs",
    ] {
        let answer = bellhop.get(&ada, target).await;
        assert_eq!(answer.status, 400, "{target}");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn neither_host_nor_an_absolute_target_chooses_the_provider() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for (target, host) in [
        ("/ionq/v0.4/jobs/job-1", "api.elsewhere.example"),
        ("http://api.elsewhere.example/ionq/v0.4/jobs/job-1", "api.elsewhere.example"),
        ("http://169.254.169.254/ionq/v0.4/jobs/job-1", "bellhop"),
    ] {
        bellhop.ask(&Ask::get(target).pat(&ada).header("Host", host)).await.assert_paid_by("me", "own");
        let seen = ionq.last();
        assert_eq!(seen.header("host"), Some(&*ionq.address.to_string()));
        assert_eq!(seen.target, "/v0.4/jobs/job-1");
    }
    for target in ["http://user@bellhop/ionq/v0.4/jobs", "http://user:pw@bellhop/ionq/v0.4/jobs"] {
        bellhop.ask(&Ask::get(target).pat(&ada)).await.assert_refused("bad-request");
    }
    assert_eq!(ionq.requests().len(), 3);
}

#[tokio::test]
async fn a_target_that_is_no_path_is_refused() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for (method, target) in
        [("OPTIONS", "*"), ("GET", "*"), ("GET", "bellhop:80"), ("GET", "ionq/v0.4/jobs"), ("GET", "?x")]
    {
        let answer = bellhop.ask(&Ask::new(method, target).pat(&ada)).await;
        assert!((400..500).contains(&answer.status), "{method} {target}: {}", answer.status);
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_provider_may_have_a_port_of_its_own_where_no_path_names_it() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.providers", json!({ "ionq": "127.0.0.1:0" }))).await;

    let mut line = bellhop.connect_to(bellhop.addresses.provider("ionq")).await;
    line.ask(&Ask::get("/v0.4/jobs/job-1").pat(&ada)).await.assert_paid_by("me", "own");
    assert_eq!(ionq.last().target, "/v0.4/jobs/job-1");

    for target in ["/dwave/x", "/ionq/v0.4/jobs", "/whoami", "/"] {
        line.ask(&Ask::get(target).pat(&ada)).await.assert_paid_by("me", "own");
        assert_eq!(ionq.last().target, target);
    }
}

#[tokio::test]
async fn a_provider_may_have_a_host_name_with_the_context_in_its_label() {
    let ionq = Upstream::accepting(&[ADA_KEY, OPTICS_KEY]).await;
    let mut site = Site::facing(&ionq).set("listen.hosts", "{provider}.bellhop.example.org");
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").member("ada", "member").project("optics", &["ada"]).project_key("optics", OPTICS_KEY);
    let bellhop = site.serve().await;
    let ask = |host: &str| Ask::get("/v0.4/calibrations/current").pat(&ada).header("Host", host);

    bellhop.ask(&ask("ionq.bellhop.example.org")).await.assert_paid_by("me", "own");
    bellhop.ask(&ask("IONQ.Bellhop.Example.ORG:8443")).await.assert_paid_by("me", "own");
    assert_eq!(ionq.last().target, "/v0.4/calibrations/current");
    bellhop.ask(&ask("ionq--acme--optics.bellhop.example.org")).await.assert_paid_by("acme.optics", "named");
    bellhop.ask(&ask("nobody.bellhop.example.org")).await.assert_refused("unknown-provider");
    bellhop.ask(&ask("ionq--Not_A_Context.bellhop.example.org")).await.assert_refused("bad-request");
    bellhop.ask(&ask("ionq.evil.bellhop.example.org")).await.assert_refused("unknown-provider");
    assert_eq!(ionq.requests().len(), 3);
}

#[tokio::test]
async fn over_http2_the_authority_is_the_host_name() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut http2 = Http2::connect(&bellhop).await;
    let answer = http2.ask(&Ask::get("/ionq/v0.4/jobs/job-1?a=%2C").pat(&ada)).await;

    answer.assert_paid_by("me", "own");
    let seen = ionq.request();
    assert_eq!((seen.target.as_str(), seen.key()), ("/v0.4/jobs/job-1?a=%2C", ADA_KEY));
    assert_eq!(seen.header("host"), Some(&*ionq.address.to_string()));
}

#[tokio::test]
async fn a_token_for_one_provider_needs_no_path_at_all() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let one = site.user("ada").key(ADA_KEY).pat_with("one", &json!({ "providers": ["ionq"] }));
    let two = site.user("ada").pat_with("two", &json!({ "providers": ["ionq", "dwave"] }));
    let any = site.user("ada").pat_with("any", &json!({}));
    let bellhop = site.serve().await;

    bellhop.get(&one, "/v0.4/jobs/job-1?x=1").await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().target, "/v0.4/jobs/job-1?x=1");
    bellhop.get(&one, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");
    for pat in [two, any] {
        bellhop.get(&pat, "/v0.4/jobs/job-1").await.assert_refused("unknown-provider");
    }
    bellhop.get(&Pat::fake(), "/v0.4/jobs/job-1").await.assert_refused("unknown-token");
    assert_eq!(ionq.requests().len(), 2);
}

#[tokio::test]
async fn calls_without_a_token_at_the_root_go_to_the_configured_provider() {
    let ionq = Upstream::answering(|_| job()).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.root", "ionq")).await;

    bellhop.ask(&Ask::get("/v0.4/backends")).await.assert_relayed();
    assert_eq!(ionq.request().header("authorization"), None);
    bellhop.ask(&Ask::get("/v0.4/jobs/job-1")).await.assert_refused("missing-token");
    bellhop.get(&ada, "/v0.4/jobs/job-1").await.assert_refused("unknown-provider");
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn without_a_root_provider_calls_without_a_token_are_asked_for_a_path() {
    let ionq = Upstream::answering(|_| job()).await;
    let (bellhop, _) = ada_at(&ionq).await;

    bellhop.ask(&Ask::get("/v0.4/backends")).await.assert_refused("unknown-provider");
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_context_may_stand_in_the_url_or_in_the_header_but_not_differ() {
    let ionq = Upstream::accepting(&[ADA_KEY, OPTICS_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").member("ada", "member").project("optics", &["ada"]).project_key("optics", OPTICS_KEY);
    let bellhop = site.serve().await;
    let ask = |target: &str, context: &str| Ask::get(target).pat(&ada).header("Bellhop-Context", context);

    bellhop.get(&ada, "/ionq@acme.optics/v0.4/calibrations/current").await.assert_paid_by("acme.optics", "named");
    bellhop.ask(&ask("/ionq/v0.4/calibrations/current", "acme.optics")).await.assert_paid_by("acme.optics", "named");
    bellhop
        .ask(&ask("/ionq@acme.optics/v0.4/calibrations/current", "acme.optics"))
        .await
        .assert_paid_by("acme.optics", "named");
    for seen in ionq.requests() {
        assert_eq!((seen.target.as_str(), seen.header("bellhop-context")), ("/v0.4/calibrations/current", None));
        assert_eq!(seen.key(), OPTICS_KEY);
    }
    bellhop.ask(&ask("/ionq@acme.optics/v0.4/calibrations/current", "me")).await.assert_refused("bad-request");
    bellhop
        .ask(&ask("/ionq/v0.4/calibrations/current", "me").header("Bellhop-Context", "acme"))
        .await
        .assert_refused("bad-request");
    assert_eq!(ionq.requests().len(), 3);
}

#[tokio::test]
async fn what_is_no_context_is_refused() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for context in ["", "ME", "me.", ".optics", "acme.optics.x", "acme--x", "-acme", "acme%2Eoptics", "me@me"] {
        bellhop.get(&ada, &format!("/ionq@{context}/v0.4/jobs/job-1")).await.assert_refused("bad-request");
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada).header("Bellhop-Context", context);
        bellhop.ask(&ask).await.assert_refused("bad-request");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_blocked_path_is_blocked_in_every_spelling() {
    let mat3ra = Upstream::answering(|_| job()).await;
    let mut site = Site::empty().provider("mat3ra", &mat3ra);
    let fields = json!({ "account_id": { "value": "fake-account" }, "token": { "value": "fake-mat3ra-token-canary" } });
    let ada = site.user("ada").credential(&credential("mat3ra", &fields)).pat();
    let bellhop = site.serve().await;

    for path in [
        "/api/2018-10-01/logout",
        "/api/2018-10-01/log%6fut",
        "/api/2018-10-01//logout",
        "/api/2018-10-01/logout/",
        "/api/2018-10-01/%256cogout",
        "/api/2018-10-01/%25256cogout",
        "/api%2F2018-10-01%2Flogout",
        "//api/2018-10-01/login",
        "/api/2018-10-01/%6c%6f%67%69%6e",
    ] {
        let ask = Ask::post(format!("/mat3ra{path}")).header("X-Auth-Token", ada.as_str()).body("{}");
        let answer = bellhop.ask(&ask).await;
        let code = answer.header("bellhop-refusal");
        assert!(matches!(code, Some("not-allowed" | "bad-request")), "{path}: {} {code:?}", answer.status);
    }
    mat3ra.assert_untouched();
}

#[tokio::test]
async fn an_empty_account_or_provider_never_matches_one() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for target in ["/@me/v0.4/jobs", "/@/v0.4/jobs", "/%20/v0.4/jobs", "/ionq%20/v0.4/jobs"] {
        let answer = bellhop.get(&ada, target).await;
        assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
    }
    ionq.assert_untouched();
}
