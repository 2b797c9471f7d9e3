//! Redirects: never followed, and never a way for a token to another host.

use crate::support::{
    ADA_KEY, Reply, Site, Upstream,
    cast::{ada_at, ada_on},
    upstream::job,
};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let ionq = Upstream::answering(|_| Reply::new(302).header("Location", "/v0.4/elsewhere")).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.get(&ada, JOB).await;

    assert_eq!(answer.status, 302);
    answer.assert_paid_by("me", "own");
    assert_eq!(ionq.request().key(), ADA_KEY);
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_passed_on() {
    const LOCATIONS: [&str; 10] = [
        "https://elsewhere.example/v0.4/jobs",
        "//elsewhere.example/v0.4/jobs",
        "http://127.0.0.1:1/v0.4/jobs",
        "https:elsewhere.example",
        "\\\\elsewhere.example\\x",
        "/\\elsewhere.example/x",
        "/\t/elsewhere.example/x",
        "ftp://elsewhere.example/",
        "javascript:alert(1)",
        "http://user@127.0.0.1/",
    ];
    let ionq = Upstream::answering(|request| {
        let number: usize = request.target.rsplit('/').next().unwrap().parse().unwrap();
        Reply::new(307).header("Location", LOCATIONS[number])
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for (number, location) in LOCATIONS.iter().enumerate() {
        let answer = bellhop.get(&ada, &format!("/ionq/v0.4/jobs/{number}")).await;
        assert_eq!(answer.header("bellhop-refusal"), Some("upstream-invalid"), "{location}");
        assert_eq!(answer.header("location"), None);
        assert!(!answer.text().contains("elsewhere.example"), "{}", answer.text());
    }
}

#[tokio::test]
async fn every_kind_of_redirect_is_held_to_the_providers_origin() {
    let elsewhere = Upstream::answering(|_| job()).await;
    let location = format!("{}/v0.4/jobs", elsewhere.origin());
    let ionq = Upstream::answering(move |request| {
        let status = request.target.rsplit('/').next().unwrap().parse().unwrap();
        Reply::new(status).header("Location", &location)
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for status in [300, 301, 302, 303, 305, 307, 308] {
        let answer = bellhop.get(&ada, &format!("/ionq/v0.4/jobs/{status}")).await;
        answer.assert_refused("upstream-invalid");
    }
    elsewhere.assert_untouched();
}

#[tokio::test]
async fn a_redirect_within_the_provider_leads_back_to_bellhop() {
    let ionq = Upstream::answering(|request| {
        let host = request.header("host").unwrap().to_owned();
        match request.target.as_str() {
            "/v0.4/absolute" => Reply::new(307).header("Location", &format!("http://{host}/v0.4/jobs/job-1?x=%2C")),
            "/v0.4/path" => Reply::new(307).header("Location", "/v0.4/jobs/job-1?x=%2C"),
            _ => job(),
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for target in ["/ionq/v0.4/absolute", "/ionq/v0.4/path"] {
        let answer = bellhop.get(&ada, target).await;
        answer.assert_paid_by("me", "own");
        let location = answer.header("location").expect("a location").to_owned();
        // As an HTTP library resolves it against the URL that it asked for.
        let path = location.strip_prefix(&format!("http://{}", bellhop.addresses.proxy)).unwrap_or(&location);
        assert_eq!(path, "/ionq/v0.4/jobs/job-1?x=%2C", "{target}");
        bellhop.get(&ada, path).await.assert_paid_by("me", "own");
    }
}

#[tokio::test]
async fn a_redirect_keeps_the_callers_context_and_public_url() {
    let ionq = Upstream::answering(|_| Reply::new(307).header("Location", "/v0.4/jobs/job-1")).await;
    let site = Site::facing(&ionq).set("listen.public_url", "https://bellhop.example.org/quantum");
    let (bellhop, ada) = ada_on(site).await;

    let answer = bellhop.get(&ada, "/ionq@me/v0.4/jobs/job-1").await;

    let location = answer.header("location").unwrap();
    let path = location.strip_prefix("https://bellhop.example.org").unwrap_or(location);
    assert_eq!(path, "/quantum/ionq@me/v0.4/jobs/job-1");
}
