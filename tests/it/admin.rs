//! The admin listener: alive, ready, and figures that tell nobody's secrets.

use crate::support::{ADA_KEY, Ask, Pat, Site, Upstream, cast::ada_at};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

#[tokio::test]
async fn it_says_whether_bellhop_is_alive_and_ready() {
    let bellhop = Site::empty().serve().await;

    for target in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(bellhop.admin(target).await.status, 200, "{target}");
    }
    let url = format!("http://{}", bellhop.addresses.admin);
    bellhop.run(&["healthcheck", "--url", &url]).await.assert_code(0);
}

#[tokio::test]
async fn a_health_check_of_nobody_fails() {
    let bellhop = Site::empty().serve().await;
    let url = format!("http://{}", bellhop.addresses.admin);
    let site = bellhop.stop().await;

    let run = site.run(&["healthcheck", "--url", &url]).await.assert_code(1);

    assert!(!run.err.is_empty());
}

#[tokio::test]
async fn figures_count_what_happened() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for _ in 0..3 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }
    bellhop.post(&ada, "/ionq/v0.4/jobs", &serde_json::json!({})).await.assert_paid_by("me", "own");
    bellhop.get(&Pat::fake(), JOB).await.assert_refused("unknown-token");

    let polls = ["bellhop_requests_total", "provider=\"ionq\"", "operation=\"poll\"", "status=\"2xx\""];
    assert_eq!(bellhop.metric(&polls).await, 3.0);
    assert_eq!(bellhop.metric(&["bellhop_refusals_total", "unknown-token"]).await, 1.0);
    for times in ["bellhop_overhead_seconds_count", "bellhop_upstream_seconds_count"] {
        assert_eq!(bellhop.metric(&[times, "provider=\"ionq\""]).await, 4.0, "{times}");
    }
}

#[tokio::test]
async fn callers_paths_cannot_grow_the_figures() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    let before = bellhop.admin("/metrics").await.text().lines().count();

    for n in 0..30 {
        bellhop.get(&ada, &format!("/ionq/v0.4/jobs/{n}?x={n}")).await;
        bellhop.get(&ada, &format!("/nobody-{n}/x")).await;
    }

    let text = bellhop.admin("/metrics").await.text();
    assert!(text.lines().count() <= before + 10, "{before} lines became {}", text.lines().count());
    assert!(!text.contains("nobody-"));
}

#[tokio::test]
async fn neither_listener_does_the_others_work() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect_to(bellhop.addresses.admin).await;
    assert_eq!(line.ask(&Ask::get(JOB).pat(&ada)).await.status, 404);
    for target in ["/metrics", "/healthz", "/readyz", "/api/v1/users"] {
        bellhop.get(&ada, target).await.assert_refused("unknown-provider");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn there_is_no_management_without_a_sign_in() {
    let bellhop = Site::empty().serve().await;

    for target in ["/api/v1/users", "/api/v1/credentials", "/admin", "/debug", "/config"] {
        let answer = bellhop.admin(target).await;
        assert!(matches!(answer.status, 401 | 404), "{target}: {}", answer.status);
    }
    let mut line = bellhop.connect_to(bellhop.addresses.admin).await;
    assert!(matches!(line.ask(&Ask::post("/metrics").body("{}")).await.status, 404 | 405));
}
