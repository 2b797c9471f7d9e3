//! URLs in answers: where an SDK would send its token next, it must be to Bellhop, by the way that it came.

use crate::support::{Ask, Bellhop, Pat, Reply, Site, Upstream, state::credential};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

const PROBLEM: &str = "/sapi/v2/problems/job-1";

/// What a D-Wave stand-in answers, where `{origin}` is its own.
async fn dwave(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Upstream {
    Upstream::answering(move |request| answer(&format!("http://{}", request.header("host").unwrap()))).await
}

fn binary_ref(url: &str) -> Value {
    json!({ "id": "job-1", "answer": { "format": "binary-ref", "auth_method": "sapi-token", "url": url } })
}

fn sapi(body: &Value) -> Reply {
    Reply::new(200)
        .header("Content-Type", "application/vnd.dwave.sapi.problem+json; version=2.1.0")
        .body(body.to_string())
}

async fn ada_at_dwave(site: Site, dwave: &Upstream) -> (Bellhop, Pat) {
    let mut site = site.provider("dwave", dwave);
    let token = credential("dwave", &json!({ "token": { "value": "fake-dwave-token-canary" } }));
    let ada = site.user("ada").credential(&token).pat();
    site.organization("acme").credential(&token).member("ada", "maintainer");
    (site.serve().await, ada)
}

fn ask(pat: &Pat, target: impl Into<String>) -> Ask {
    Ask::get(target).header("X-Auth-Token", pat.as_str())
}

#[tokio::test]
async fn a_url_of_the_provider_leads_back_to_bellhop() {
    let dwave =
        dwave(|origin| sapi(&binary_ref(&format!("{origin}/sapi/v2/problems/job-1/answer/data?sig=a%2Fb")))).await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;

    let answer = bellhop.ask(&ask(&ada, format!("/dwave{PROBLEM}"))).await;

    answer.assert_paid_by("me", "own");
    assert_eq!(answer.header("content-type"), Some("application/vnd.dwave.sapi.problem+json; version=2.1.0"));
    let url = answer.json()["answer"]["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&format!("http://{}", bellhop.addresses.proxy)).unwrap_or_else(|| panic!("{url}"));
    assert_eq!(path, "/dwave/sapi/v2/problems/job-1/answer/data?sig=a%2Fb");
    bellhop.ask(&ask(&ada, path)).await.assert_paid_by("me", "own");
    assert_eq!(dwave.last().target, "/sapi/v2/problems/job-1/answer/data?sig=a%2Fb");
}

#[tokio::test]
async fn a_rewritten_url_keeps_the_callers_way_in() {
    let dwave = dwave(|origin| sapi(&binary_ref(&format!("{origin}/x")))).await;
    let site = Site::empty()
        .set("listen.hosts", "{provider}.bellhop.example.org")
        .set("listen.providers", json!({ "dwave": "127.0.0.1:0" }));
    let (bellhop, ada) = ada_at_dwave(site, &dwave).await;
    let url = |answer: crate::support::Answer| answer.json()["answer"]["url"].as_str().unwrap().to_owned();

    let named = bellhop.ask(&ask(&ada, format!("/dwave@acme{PROBLEM}"))).await;
    assert_eq!(url(named), format!("http://{}/dwave@acme/x", bellhop.addresses.proxy));

    let port = bellhop.addresses.provider("dwave");
    let by_port = bellhop.connect_to(port).await.ask(&ask(&ada, PROBLEM)).await;
    assert_eq!(url(by_port), format!("http://{port}/x"));

    let by_host = ask(&ada, PROBLEM).header("Host", "dwave--acme.bellhop.example.org");
    assert_eq!(url(bellhop.ask(&by_host).await), "http://dwave--acme.bellhop.example.org/x");
}

#[tokio::test]
async fn a_rewritten_url_is_the_public_one() {
    let dwave =
        dwave(|origin| sapi(&json!([binary_ref(&format!("{origin}/x")), { "error_code": 404, "error_msg": "gone" }])))
            .await;
    let site = Site::empty().set("listen.public_url", "https://bellhop.example.org/quantum");
    let (bellhop, ada) = ada_at_dwave(site, &dwave).await;

    let answer = bellhop.ask(&ask(&ada, "/dwave/sapi/v2/problems/?id=job-1,job-2&timeout=30")).await.json();

    assert_eq!(answer[0]["answer"]["url"], "https://bellhop.example.org/quantum/dwave/x");
    assert_eq!(answer[1]["error_code"], 404);
    assert_eq!(dwave.last().target, "/sapi/v2/problems/?id=job-1,job-2&timeout=30");
}

#[tokio::test]
async fn a_forwarding_header_does_not_steer_rewritten_urls() {
    let dwave = dwave(|origin| sapi(&binary_ref(&format!("{origin}/x")))).await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;

    let ask = ask(&ada, format!("/dwave{PROBLEM}"))
        .header("X-Forwarded-Host", "elsewhere.example")
        .header("X-Forwarded-Proto", "https")
        .header("Forwarded", "host=elsewhere.example;proto=https");
    let answer = bellhop.ask(&ask).await.json();

    assert_eq!(answer["answer"]["url"], format!("http://{}/dwave/x", bellhop.addresses.proxy));
}

#[tokio::test]
async fn an_answer_that_would_lead_a_token_elsewhere_is_withheld() {
    const URLS: [&str; 6] = [
        "https://elsewhere.example/x",
        "//elsewhere.example/x",
        "http://127.0.0.1:1/x",
        "https://user@elsewhere.example",
        "\\\\elsewhere.example",
        " https://elsewhere.example/x",
    ];
    let dwave = Upstream::answering(|request| {
        let number: usize = request.target.rsplit('-').next().unwrap().parse().unwrap();
        sapi(&binary_ref(URLS[number]))
    })
    .await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;

    for (number, url) in URLS.iter().enumerate() {
        let answer = bellhop.ask(&ask(&ada, format!("/dwave/sapi/v2/problems/job-{number}"))).await;
        assert_eq!(answer.header("bellhop-refusal"), Some("upstream-invalid"), "{url}: {}", answer.text());
        assert!(!answer.text().contains("elsewhere.example"));
    }
}

#[tokio::test]
async fn what_must_be_read_and_cannot_be_is_withheld() {
    const BODIES: [&str; 3] =
        ["{\"answer\":{\"url\":\"https://elsewhere.example\"", "<html>", "\u{feff}{\"answer\":{}}"];
    let dwave = Upstream::answering(|request| {
        let number: usize = request.target.rsplit('-').next().unwrap().parse().unwrap();
        Reply::new(200).header("Content-Type", "application/json").body(BODIES[number])
    })
    .await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;

    for number in 0..BODIES.len() {
        let answer = bellhop.ask(&ask(&ada, format!("/dwave/sapi/v2/problems/job-{number}"))).await;
        answer.assert_refused("upstream-invalid");
    }
}

#[tokio::test]
async fn an_answer_is_read_whatever_it_says_of_itself() {
    let oqc = Upstream::answering(|request| {
        let reply = Reply::new(200).body("{\"id\":\"qpu-1\",\"url\":\"https://elsewhere.example/qpu-1\"}");
        if request.target.ends_with("none") { reply } else { reply.header("Content-Type", "text/plain") }
    })
    .await;
    let mut site = Site::empty().provider("oqc", &oqc);
    let token = credential("oqc", &json!({ "token": { "value": "fake-oqc-token-canary" } }));
    let ada = site.user("ada").credential(&token).pat();
    let bellhop = site.serve().await;

    for qpu in ["none", "text"] {
        let ask = Ask::get(format!("/oqc/admin/qpu/{qpu}")).header("Authentication-Token", ada.as_str());
        let answer = bellhop.ask(&ask).await;
        assert!(!answer.text().contains("elsewhere.example"), "the SDK would send its token there: {}", answer.text());
    }
}

#[tokio::test]
async fn a_compressed_answer_that_must_be_read_is_read() {
    let dwave = dwave(|origin| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(binary_ref(&format!("{origin}/x")).to_string().as_bytes()).unwrap();
        let reply = Reply::new(200).header("Content-Type", "application/json").header("Content-Encoding", "gzip");
        reply.header("ETag", "\"of-the-compressed\"").body(encoder.finish().unwrap())
    })
    .await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;

    let answer = bellhop.ask(&ask(&ada, format!("/dwave{PROBLEM}")).header("Accept-Encoding", "gzip")).await;

    assert_eq!(dwave.request().header("accept-encoding"), Some("identity"));
    assert_eq!((answer.header("content-encoding"), answer.header("etag")), (None, None));
    assert_eq!(answer.json()["answer"]["url"], format!("http://{}/dwave/x", bellhop.addresses.proxy));
}

#[tokio::test]
async fn a_result_that_must_be_read_is_asked_for_as_it_is() {
    let dwave = dwave(|origin| Reply::json(200, &binary_ref(&format!("{origin}/x")))).await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;

    let result = ask(&ada, format!("/dwave{PROBLEM}/answer")).header("Accept-Encoding", "gzip, br, zstd");
    bellhop.ask(&result).await.assert_relayed();

    assert_eq!(dwave.request().header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn a_compressed_answer_of_any_size_costs_bounded_memory() {
    let dwave = dwave(|_| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![b' '; 1024 * 1024];
        (0..256).for_each(|_| encoder.write_all(&zeros).unwrap());
        let reply = Reply::new(200).header("Content-Type", "application/json").header("Content-Encoding", "gzip");
        reply.body(encoder.finish().unwrap())
    })
    .await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;
    let (before, _) = bellhop.memory();

    bellhop.ask(&ask(&ada, format!("/dwave{PROBLEM}"))).await.assert_refused("upstream-invalid");

    let (_, highest) = bellhop.memory();
    assert!(highest < before + 112 * 1024, "{before} KiB became {highest} KiB");
}

#[tokio::test]
async fn solvers_are_not_kept_on_disk_by_the_sdk() {
    let dwave = dwave(|_| Reply::json(200, &json!([])).header("Cache-Control", "max-age=3600")).await;
    let (bellhop, ada) = ada_at_dwave(Site::empty(), &dwave).await;

    let answer = bellhop.ask(&ask(&ada, "/dwave/sapi/v2/solvers/remote/?filter=none%2C%2Bid")).await;

    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(dwave.last().target, "/sapi/v2/solvers/remote/?filter=none%2C%2Bid");
}

#[tokio::test]
async fn ionqs_path_only_url_stays_as_it_is() {
    let body =
        json!({ "id": "job-1", "results": { "probabilities": { "url": "/v0.4/jobs/job-1/results/probabilities" } } });
    let ionq = Upstream::answering(move |_| Reply::json(200, &body)).await;
    let (bellhop, ada) = crate::support::cast::ada_at(&ionq).await;

    let answer = bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.json();

    assert_eq!(answer["results"]["probabilities"]["url"], "/v0.4/jobs/job-1/results/probabilities");
}

#[tokio::test]
async fn azures_next_page_is_asked_of_bellhop_and_only_in_the_keys_workspace() {
    const WORKSPACE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Quantum/workspaces/w";
    let azure = Upstream::answering(|request| {
        let next = format!("http://{}{}?$skiptoken=2", request.header("host").unwrap(), request.target);
        Reply::json(200, &json!({ "value": [], "nextLink": next }))
    })
    .await;
    let mut site = Site::empty().provider("azure", &azure);
    let fields = json!({ "api_key": { "value": "fake-azure-key-canary" }, "workspace": { "value": WORKSPACE } });
    let ada = site.user("ada").credential(&credential("azure", &fields)).pat();
    let bellhop = site.serve().await;
    let ask = |target: String| Ask::get(target).header("x-ms-quantum-api-key", ada.as_str());

    let answer = bellhop.ask(&ask(format!("/azure{WORKSPACE}/jobs"))).await;
    let expected = format!("http://{}/azure{WORKSPACE}/jobs?$skiptoken=2", bellhop.addresses.proxy);
    assert_eq!(answer.json()["nextLink"], expected);

    let elsewhere = WORKSPACE.replace("workspaces/w", "workspaces/other");
    bellhop.ask(&ask(format!("/azure{elsewhere}/jobs"))).await.assert_refused("not-allowed");
    assert_eq!(azure.requests().len(), 1);
}
