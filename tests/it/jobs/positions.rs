//! Where providers put ids: in enumerations of a query, in arrays, in compressed bodies, in paths that the client makes.

use super::place::{Place, on_both};
use crate::support::{Answer, Ask, Bellhop, Pat, Reply, Site, Upstream, state::credential};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};
use std::io::Write;

const PROBLEMS: &str = "/dwave/sapi/v2/problems";
const WORKSPACE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Quantum/workspaces/w";

/// An organization with one provider token, and two members.
struct Shared {
    bellhop: Bellhop,
    upstream: Upstream,
    ada: Pat,
    grace: Pat,
}

impl Shared {
    async fn at(place: &Place, provider: &str, upstream: Upstream, fields: Value) -> Self {
        Self::in_site(Site::empty(), place, provider, upstream, fields).await
    }

    async fn with_preset(place: &Place, provider: &str, preset: &str, upstream: Upstream, fields: Value) -> Self {
        let site = Site::empty();
        let preset = site.write("preset.yaml", preset);
        Self::in_site(site.set("presets", json!([preset])), place, provider, upstream, fields).await
    }

    async fn in_site(site: Site, place: &Place, provider: &str, upstream: Upstream, fields: Value) -> Self {
        let mut site = place.hold(site.provider(provider, &upstream));
        let [ada, grace] = ["ada", "grace"].map(|name| site.user(name).pat());
        let acme = site.organization("acme").credential(&credential(provider, &fields));
        acme.member("ada", "member").member("grace", "member");
        Self { bellhop: site.serve().await, upstream, ada, grace }
    }

    async fn dwave(place: &Place) -> Self {
        let upstream = Upstream::answering(|request| match request.method.as_str() {
            "POST" => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let told = |problem: &Value| match problem["name"].as_str() {
                    Some("bad") => json!({ "error_code": 400, "error_msg": "bad problem" }),
                    name => json!({ "id": name, "status": "PENDING" }),
                };
                Reply::json(200, &json!(body.as_array().unwrap().iter().map(told).collect::<Vec<_>>()))
            }
            _ => Reply::json(200, &json!([])),
        });
        Self::at(place, "dwave", upstream.await, json!({ "token": { "value": "fake-dwave-token-canary" } })).await
    }

    async fn submit(&self, pat: &Pat, names: &[&str]) -> Answer {
        let problems: Vec<Value> = names.iter().map(|name| json!({ "name": name, "solver": "s" })).collect();
        self.ask(Ask::post(PROBLEMS).json(&json!(problems)), pat).await
    }

    async fn ask(&self, ask: Ask, pat: &Pat) -> Answer {
        self.bellhop.ask(&ask.header("X-Auth-Token", pat.as_str())).await
    }

    async fn assert_unknown(&self, ask: Ask, pat: &Pat) {
        let before = self.upstream.requests().len();
        self.ask(ask, pat).await.assert_refused("unknown-job");
        assert_eq!(self.upstream.requests().len(), before);
    }
}

on_both! {
    async fn every_problem_of_a_batch_is_its_submitters(place: &Place) {
        let shared = Shared::dwave(place).await;
        shared.submit(&shared.ada, &["a", "bad", "b"]).await.assert_relayed();

        for id in ["a", "b"] {
            shared.ask(Ask::get(format!("{PROBLEMS}/{id}")), &shared.ada).await.assert_relayed();
            shared.assert_unknown(Ask::get(format!("{PROBLEMS}/{id}")), &shared.grace).await;
        }
    }
}

on_both! {
    async fn a_batch_with_one_id_of_another_is_withheld_and_the_rest_on_record(place: &Place) {
        let shared = Shared::dwave(place).await;
        shared.submit(&shared.ada, &["a"]).await.assert_relayed();

        shared.submit(&shared.grace, &["mine", "a"]).await.assert_refused("upstream-invalid");

        shared.ask(Ask::get(format!("{PROBLEMS}/a")), &shared.ada).await.assert_relayed();
        shared.assert_unknown(Ask::get(format!("{PROBLEMS}/a")), &shared.grace).await;
        shared.ask(Ask::get(format!("{PROBLEMS}/mine")), &shared.grace).await.assert_relayed();
    }
}

on_both! {
    async fn an_enumeration_in_a_query_is_ones_own_or_refused(place: &Place) {
        let shared = Shared::dwave(place).await;
        shared.submit(&shared.ada, &["a", "b"]).await.assert_relayed();
        shared.submit(&shared.grace, &["c"]).await.assert_relayed();
        let ask = |query: &str| Ask::get(format!("{PROBLEMS}?{query}"));

        for query in ["id=a,b", "id=a%2Cb&timeout=30", "id=a&id=b", "%69d=a,b"] {
            shared.ask(ask(query), &shared.ada).await.assert_relayed();
        }
        for query in ["id=a,c", "id=c", "id=a&id=c", "%69d=c", "id=a%2Cc", "id=c&id=a"] {
            shared.assert_unknown(ask(query), &shared.ada).await;
        }
    }
}

on_both! {
    async fn an_array_of_ids_is_ones_own_or_refused_also_when_it_is_compressed(place: &Place) {
        let shared = Shared::dwave(place).await;
        shared.submit(&shared.ada, &["a", "b"]).await.assert_relayed();
        shared.submit(&shared.grace, &["c"]).await.assert_relayed();
        let plain = |ids: Value| Ask::new("DELETE", PROBLEMS).json(&ids);
        let deflated = |ids: Value| plain(json!([])).header("Content-Encoding", "deflate").body(zlib(&ids));

        for form in [&plain as &dyn Fn(Value) -> Ask, &deflated] {
            shared.assert_unknown(form(json!(["a", "c"])), &shared.ada).await;
            shared.assert_unknown(form(json!(["c"])), &shared.ada).await;
            shared.ask(form(json!(["a", "b"])), &shared.ada).await.assert_relayed();
        }
        assert_eq!(shared.upstream.last().body, zlib(&json!(["a", "b"])), "a body goes on as it came");
        let broken = plain(json!([])).header("Content-Encoding", "deflate").body("[\"a\"]");
        shared.ask(broken, &shared.ada).await.assert_refused("bad-request");
    }
}

fn zlib(value: &Value) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(value.to_string().as_bytes()).unwrap();
    encoder.finish().unwrap()
}

on_both! {
    async fn the_bare_list_of_problems_is_cut_down(place: &Place) {
        let upstream = Upstream::answering(|request| match request.method.as_str() {
            "POST" => Reply::json(200, &json!([{ "id": "a" }])),
            _ => Reply::json(200, &json!([{ "id": "a" }, { "id": "of-another" }])),
        });
        let fields = json!({ "token": { "value": "fake-dwave-token-canary" } });
        let shared = Shared::at(place, "dwave", upstream.await, fields).await;
        shared.submit(&shared.ada, &["a"]).await.assert_relayed();

        assert_eq!(shared.ask(Ask::get(PROBLEMS), &shared.ada).await.json(), json!([{ "id": "a" }]));
        assert_eq!(shared.ask(Ask::get(PROBLEMS), &shared.grace).await.json(), json!([]));
    }
}

on_both! {
    async fn a_page_that_is_cut_down_is_the_last_one(place: &Place) {
        let upstream = Upstream::answering(|request| match (request.method.as_str(), &*request.target) {
            (_, "/identity/token") => Reply::json(200, &json!({ "access_token": "fake-ibm-access-canary", "expires_in": 3600 })),
            ("POST", _) => Reply::json(200, &json!({ "id": "a" })),
            _ => Reply::json(200, &json!({ "jobs": [{ "id": "a" }, { "id": "of-another" }], "count": 90 })),
        });
        let fields = json!({ "api_key": { "value": "fake-ibm-key-canary" } });
        let shared = Shared::at(place, "ibm", upstream.await, fields).await;
        let ask = async |ask: Ask, pat| shared.bellhop.ask(&ask.pat(pat)).await;
        ask(Ask::post("/ibm/api/v1/jobs").json(&json!({ "backend": "b" })), &shared.ada).await.assert_relayed();

        let list = || Ask::get("/ibm/api/v1/jobs?limit=2&offset=20");
        assert_eq!(ask(list(), &shared.ada).await.json(), json!({ "jobs": [{ "id": "a" }], "count": 21 }));
        assert_eq!(ask(list(), &shared.grace).await.json(), json!({ "jobs": [], "count": 20 }));
    }
}

async fn azure(place: &Place) -> Shared {
    let upstream = Upstream::answering(|request| {
        let id = request.target.split('?').next().unwrap().rsplit('/').next().unwrap();
        Reply::json(200, &json!({ "id": id, "status": "Waiting" }))
    });
    let fields = json!({ "api_key": { "value": "fake-azure-key-canary" }, "workspace": { "value": WORKSPACE } });
    Shared::at(place, "azure", upstream.await, fields).await
}

fn azure_job(method: &'static str, id: &str, pat: &Pat) -> Ask {
    let ask = Ask::new(method, format!("/azure{WORKSPACE}/jobs/{id}?api-version=1"));
    let ask = ask.header("x-ms-quantum-api-key", pat.as_str());
    if method == "PUT" { ask.json(&json!({ "target": "t" })) } else { ask }
}

on_both! {
    async fn an_id_that_another_member_made_is_refused_unsent(place: &Place) {
        let shared = azure(place).await;
        let ask = async |method, id, pat| shared.bellhop.ask(&azure_job(method, id, pat)).await;
        ask("PUT", "mine", &shared.ada).await.assert_paid_by("acme", "organization");

        ask("PUT", "mine", &shared.grace).await.assert_refused("not-allowed");
        ask("GET", "mine", &shared.grace).await.assert_refused("unknown-job");
        assert_eq!(shared.upstream.requests().len(), 1);
        ask("GET", "mine", &shared.ada).await.assert_paid_by("acme", "job");
        ask("PUT", "mine", &shared.ada).await.assert_relayed();
        let jobs = shared.bellhop.run(&["job", "list", "--json"]).await.assert_code(0).json();
        assert_eq!(jobs.as_array().unwrap().len(), 1, "a repetition is the same job");
    }
}

/// A provider whose clients mark a request, so that sending it again makes nothing new.
const MARKED: &str = r#"
id: marked
name: Marked
origin: "https://marked.example.org"
caller_token: [{ header: X-Auth-Token }]
fields: [{ name: token, kind: secret, label: Token }]
scheme: { headers: [{ name: X-Auth-Token, value: "{token}" }] }
operations:
  - name: submit
    kind: submit
    on: POST /jobs
    repetition: body /clientToken
    creates: [{ kind: job, id: answer /id }]
  - { name: status, kind: poll, on: "GET /jobs/{job}", uses: [{ kind: job, id: path job }] }
"#;

on_both! {
    async fn a_mark_of_repetition_is_its_makers_and_counts_once(place: &Place) {
        let upstream = Upstream::answering(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            Reply::json(200, &json!({ "id": format!("job-of-{}", body["clientToken"].as_str().unwrap()) }))
        });
        let fields = json!({ "token": { "value": "fake-marked-token-canary" } });
        let shared = Shared::with_preset(place, "marked", MARKED, upstream.await, fields).await;
        let ask = || Ask::post("/marked/jobs").json(&json!({ "clientToken": "once" }));

        for _ in 0..3 {
            assert_eq!(shared.ask(ask(), &shared.ada).await.json()["id"], "job-of-once");
        }
        let before = shared.upstream.requests().len();
        shared.ask(ask(), &shared.grace).await.assert_refused("not-allowed");
        assert_eq!(shared.upstream.requests().len(), before);

        let jobs = shared.bellhop.run(&["job", "list", "--json"]).await.assert_code(0).json();
        assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs}");
        let usage = shared.bellhop.run(&["usage", "--json"]).await.assert_code(0).json();
        assert_eq!(usage[0]["jobs"], 1, "{usage}");
    }
}
