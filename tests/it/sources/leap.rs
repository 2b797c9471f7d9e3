//! D-Wave's Leap account API, by a stand-in: it has the two endpoints that Bellhop asks, accepts one bearer exactly, and
//! shapes its answers as D-Wave's own client reads them. What the real service says beyond that is not known here.

use super::cast::{Keys, Poller};
use crate::support::{Ask, Bellhop, Pat, Reply, Site, Upstream, eventually, soon::eventually_within};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const BEARER: &str = "fake-leap-oauth-bearer-canary";
const OLD: &str = "DEV-fake-old-leap-token-canary";
const NEW: &str = "DEV-fake-new-leap-token-canary";

/// The dashboard of the project DEV, where its token can be reset.
#[derive(Clone)]
struct Dashboard(Arc<Mutex<&'static str>>);

impl Dashboard {
    async fn open() -> (Self, Upstream) {
        let this = Self(Arc::new(Mutex::new(OLD)));
        let here = this.clone();
        let api = Upstream::answering(move |request| {
            if request.header("authorization") != Some(&format!("Bearer {BEARER}")) {
                return Reply::json(401, &json!({ "error": "invalid_token" }));
            }
            match (request.method.as_str(), request.target.as_str()) {
                ("GET", "/leap/api/account/projects/oauth/") => Reply::json(200, &projects()),
                ("GET", "/leap/api/account/token/oauth/?project_id=1234") => {
                    Reply::json(200, &json!({ "data": { "token": *here.0.lock().unwrap() } }))
                }
                _ => Reply::json(404, &json!({})),
            }
        })
        .await;
        (this, api)
    }

    fn reset(&self, token: &'static str) {
        *self.0.lock().unwrap() = token;
    }
}

fn projects() -> Value {
    let project = |id: u64, code: &str| json!({ "project": { "id": id, "name": "any", "code": code } });
    json!({ "data": { "projects": [project(99, "OTHER"), project(1234, "DEV")] } })
}

async fn sapi(keys: &Keys) -> Upstream {
    let keys = keys.clone();
    Upstream::answering(move |request| match (keys.has(request.header("x-auth-token")), request.method.as_str()) {
        (true, "POST") => Reply::json(200, &json!([{ "id": "problem-1", "status": "PENDING" }])),
        (true, _) => Reply::json(200, &json!([])),
        (false, _) => Reply::json(401, &json!({ "error_code": 401, "error_msg": "Invalid token" })),
    })
    .await
}

async fn ada_at(sapi: &Upstream, leap: &Upstream, bearer: &str, project: &str) -> (Bellhop, Pat) {
    let mut site = Site::empty().provider("dwave", sapi).set("sources.leap.url", format!("{}/leap/api", leap.origin()));
    let ada = site.user("ada").pat();
    let bellhop = site.serve().await;
    let source = format!("{{ leap: {{ project: {project} }}, every: 24h }}");
    let add = ["credential", "add", "dwave@me", "--user", "ada", "--source", &source, "--from-stdin", "bearer"];
    bellhop.run_with_input(&add, bearer).await.assert_code(0);
    (bellhop, ada)
}

fn ask(ada: &Pat) -> Ask {
    Ask::get("/dwave/sapi/v2/problems/?max_results=1").header("X-Auth-Token", ada.as_str())
}

fn submit(ada: &Pat) -> Ask {
    let problem = json!([{ "solver": "any", "type": "ising", "data": {}, "params": {} }]);
    Ask::post("/dwave/sapi/v2/problems/").header("X-Auth-Token", ada.as_str()).json(&problem)
}

async fn until_served(bellhop: &Bellhop, ask: &Ask) {
    eventually("the credential is known", async || bellhop.ask(ask).await.status == 200).await;
}

#[tokio::test]
async fn a_token_that_is_reset_reaches_running_clients_within_five_seconds() {
    let (dashboard, leap) = Dashboard::open().await;
    let keys = Keys::only(&[OLD]);
    let dwave = sapi(&keys).await;
    let (bellhop, ada) = ada_at(&dwave, &leap, BEARER, "1234").await;
    until_served(&bellhop, &ask(&ada)).await;
    let poller = Poller::start(&bellhop, ask(&ada)).await;

    dashboard.reset(NEW);
    keys.become_only(&[NEW]);

    eventually_within(Duration::from_secs(5), "submissions go on", async || {
        let answer = bellhop.ask(&submit(&ada)).await;
        answer.status == 200 || {
            answer.assert_refused("credential-refused");
            false
        }
    })
    .await;
    poller.assert_never_failed().await;
    let posts: Vec<_> = dwave.requests().into_iter().filter(|request| request.method == "POST").collect();
    let taken = posts.iter().filter(|request| request.header("x-auth-token") == Some(NEW)).count();
    assert_eq!(taken, 1, "no submission was sent twice");
}

#[tokio::test]
async fn a_project_is_named_by_its_code_too() {
    let (_dashboard, leap) = Dashboard::open().await;
    let dwave = sapi(&Keys::only(&[OLD])).await;

    let (bellhop, ada) = ada_at(&dwave, &leap, BEARER, "DEV").await;

    until_served(&bellhop, &ask(&ada)).await;
}

#[tokio::test]
async fn what_leap_refuses_and_what_is_of_another_project_is_not_used() {
    for (token, bearer, project, words) in [
        ("OTHER-fake-leap-token-canary", BEARER, "1234", "token of another project than `DEV`"),
        (OLD, "fake-wrong-bearer-canary", "1234", "it refuses the bearer (status 401)"),
        (OLD, BEARER, "77", "it has no project `77`"),
    ] {
        let (dashboard, leap) = Dashboard::open().await;
        dashboard.reset(token);
        let dwave = sapi(&Keys::only(&[OLD])).await;
        let (bellhop, ada) = ada_at(&dwave, &leap, bearer, project).await;

        eventually(words, async || {
            let answer = bellhop.ask(&ask(&ada)).await;
            answer.assert_refused("no-credential").detail().contains(words)
        })
        .await;
        dwave.assert_untouched();
    }
}

#[tokio::test]
async fn a_bearer_is_renewed_and_its_source_stays() {
    let (_dashboard, leap) = Dashboard::open().await;
    let dwave = sapi(&Keys::only(&[OLD])).await;
    let (bellhop, ada) = ada_at(&dwave, &leap, "fake-expired-bearer-canary", "1234").await;

    let rotate = ["credential", "rotate", "dwave@me", "--user", "ada", "--from-stdin", "bearer"];
    bellhop.run_with_input(&rotate, BEARER).await.assert_code(0);

    until_served(&bellhop, &ask(&ada)).await;
}
