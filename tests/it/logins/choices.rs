//! What belongs to a token and goes with it: an instance that chooses the region, a project in the body.

use crate::support::{Ask, Bellhop, Pat, Reply, Site, Upstream, state::credential};
use serde_json::{Value, json};

const PRESET: &str = r#"
id: realm
name: Realm
origin: "https://realm.example"
regions:
  header: X-Instance
  split: ":"
  part: 2
  origins: { north: "https://north.realm.example", south: "https://south.realm.example" }
caller_token: [{ header: Authorization, word: Bearer }]
fields:
  - { name: key, kind: secret, label: Key }
  - { name: instances, kind: plain, label: Instances, optional: true, list: true }
  - { name: project, kind: plain, label: Project, optional: true, list: true }
scheme: { headers: [{ name: Authorization, value: "Key {key}" }] }
selectors: [{ header: { name: X-Instance, field: instances } }]
operations:
  - { name: status, kind: poll, on: "GET /jobs/{job}" }
  - name: submit
    kind: submit
    on: POST /jobs
    choices: [{ at: body /project_id, field: project }]
    creates: [{ kind: job, id: answer /id }]
"#;
const KEY: &str = "fake-realm-key-canary";

struct Realm {
    main: Upstream,
    north: Upstream,
    south: Upstream,
}

impl Realm {
    async fn open() -> Self {
        let answer = || Upstream::answering(|_| Reply::json(200, &json!({ "id": "job-1" })));
        Self { main: answer().await, north: answer().await, south: answer().await }
    }

    /// A site whose one user has a credential with these fields beside the key.
    async fn serve(&self, fields: Value) -> (Bellhop, Pat) {
        let origins = json!({ "main": self.main.origin(), "north": self.north.origin(), "south": self.south.origin() });
        let mut site = Site::empty().set("providers.realm", json!({ "upstream": origins, "allow_private": true }));
        let file = site.write("realm.yaml", PRESET);
        site.reconfigure("presets", json!([file]));
        let mut all = json!({ "key": { "value": KEY } });
        for (name, value) in fields.as_object().unwrap() {
            all[name] = json!({ "value": value });
        }
        let ada = site.user("ada").credential(&credential("realm", &all)).pat();
        (site.serve().await, ada)
    }

    fn requests(&self) -> [usize; 3] {
        [&self.main, &self.north, &self.south].map(|upstream| upstream.requests().len())
    }
}

fn ask(ada: &Pat, instance: Option<&str>) -> Ask {
    let ask = Ask::get("/realm/jobs/1").header("Authorization", format!("Bearer {ada}"));
    instance.into_iter().fold(ask, |ask, instance| ask.header("X-Instance", instance))
}

fn submit(ada: &Pat, body: &Value) -> Ask {
    Ask::post("/realm/jobs").header("Authorization", format!("Bearer {ada}")).json(body)
}

#[tokio::test]
async fn an_instance_leads_to_its_region_and_to_no_other_host() {
    let realm = Realm::open().await;
    let (bellhop, ada) = realm.serve(json!({})).await;
    bellhop.ask(&ask(&ada, None)).await.assert_relayed();
    bellhop.ask(&ask(&ada, Some("i:north:1"))).await.assert_relayed();
    bellhop.ask(&ask(&ada, Some("i:south:1"))).await.assert_relayed();
    assert_eq!(realm.requests(), [1, 1, 1]);
    for elsewhere in ["i:west:1", "i", "", "i:north.evil.example.org:1", "i:NORTH:1"] {
        let answer = bellhop.ask(&ask(&ada, Some(elsewhere))).await;
        answer.assert_refused("not-allowed");
        assert!(answer.detail().contains("north, south"), "{}", answer.detail());
    }
    assert_eq!(realm.requests(), [1, 1, 1]);
}

#[tokio::test]
async fn a_credential_that_lists_instances_sets_the_first_and_allows_its_own_alone() {
    let realm = Realm::open().await;
    let (bellhop, ada) = realm.serve(json!({ "instances": "i:south:1,i:north:2" })).await;
    bellhop.ask(&ask(&ada, None)).await.assert_relayed();
    assert_eq!(realm.south.request().header("x-instance"), Some("i:south:1"));
    bellhop.ask(&ask(&ada, Some("i:north:2"))).await.assert_relayed();
    bellhop.ask(&ask(&ada, Some("i:north:3"))).await.assert_refused("not-allowed");
    assert_eq!(realm.requests(), [0, 1, 1]);
}

#[tokio::test]
async fn a_project_in_the_body_is_one_that_the_credential_allows() {
    let realm = Realm::open().await;
    let (bellhop, ada) = realm.serve(json!({ "project": "optics,atoms" })).await;
    for body in [json!({ "project_id": "atoms" }), json!({ "other": 1 })] {
        bellhop.ask(&submit(&ada, &body)).await.assert_relayed();
    }
    for body in [json!({ "project_id": "other" }), json!({ "project_id": 7 }), json!({ "project_id": ["optics"] })] {
        bellhop.ask(&submit(&ada, &body)).await.assert_refused("not-allowed");
    }
    bellhop.ask(&submit(&ada, &json!({})).body("not json")).await.assert_refused("bad-request");
    assert_eq!(realm.requests(), [2, 0, 0]);
}

#[tokio::test]
async fn a_credential_that_lists_no_project_lets_any_through() {
    let realm = Realm::open().await;
    let (bellhop, ada) = realm.serve(json!({})).await;
    bellhop.ask(&submit(&ada, &json!({ "project_id": "whichever" }))).await.assert_relayed();
}
