//! Refresh tokens that are good once: the next one is in the store before anybody goes on, whoever dies when.

use crate::support::{Ask, Bellhop, Pat, Reply, Site, Upstream, eventually, provider_line::Arrived, state::credential};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const FIRST: &str = "fake-refresh-0-canary";
const PRESET: &str = r#"
id: rota
name: Rota
origin: "https://api.rota.example"
caller_token: [{ header: Authorization, word: Bearer }]
fields: [{ name: refresh_token, kind: secret, label: Refresh token }]
scheme:
  exchange:
    request: POST /token
    json: { grant_type: refresh_token, refresh_token: "{refresh_token}" }
    token: answer /access_token
    lifetime: answer /expires_in
    rotates: { field: refresh_token, at: answer /refresh_token }
    attach: { headers: [{ name: Authorization, value: "Bearer {access_token}" }] }
operations:
  - { name: status, kind: poll, on: "GET /jobs/{job}" }
"#;

/// Refresh tokens are good once. Until an access token has been used, the refresh token that it came for still is: the
/// answer may have been lost on its way (RFC 9700 §4.14.2 leaves it to the server).
#[derive(Default)]
struct Issuer {
    number: usize,
    used: bool,
    /// Refresh tokens that were presented after their time.
    spent_twice: Vec<String>,
}

impl Issuer {
    fn answer(&mut self, request: &Arrived) -> Reply {
        if request.path() == "/token" { self.refresh(request) } else { self.serve(request) }
    }

    fn refresh(&mut self, request: &Arrived) -> Reply {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let presented = body["refresh_token"].as_str().unwrap().to_owned();
        let current = presented == format!("fake-refresh-{}-canary", self.number);
        let previous = !self.used && self.number > 0 && presented == format!("fake-refresh-{}-canary", self.number - 1);
        if !current && !previous {
            self.spent_twice.push(presented);
            return Reply::json(400, &json!({ "error": "invalid_grant" }));
        }
        if current {
            self.number += 1;
        }
        self.used = false;
        let number = self.number;
        Reply::json(
            200,
            &json!({ "access_token": format!("fake-access-{number}-canary"), "expires_in": 12,
                     "refresh_token": format!("fake-refresh-{number}-canary") }),
        )
    }

    fn serve(&mut self, request: &Arrived) -> Reply {
        let good = format!("Bearer fake-access-{}-canary", self.number);
        let accepted = request.header("authorization") == Some(&good);
        self.used |= accepted;
        if accepted { Reply::json(200, &json!({ "status": "running" })) } else { Reply::json(401, &json!({})) }
    }
}

async fn rota() -> (Upstream, Arc<Mutex<Issuer>>) {
    let issuer = Arc::new(Mutex::new(Issuer::default()));
    let answering = Arc::clone(&issuer);
    (Upstream::answering(move |request| answering.lock().unwrap().answer(request)).await, issuer)
}

fn site(upstream: &Upstream) -> (Site, Pat) {
    let mut site = Site::empty().provider("rota", upstream);
    let file = site.write("rota.yaml", PRESET);
    site.reconfigure("presets", json!([file]));
    let ada = site.user("ada").credential(&credential("rota", &json!({ "refresh_token": { "value": FIRST } }))).pat();
    (site, ada)
}

/// What is on record is taken for ended, so that the next process begins with an exchange.
async fn forget_that_it_is_good(site: &Site) {
    let url = format!("sqlite://{}", site.data().join("bellhop.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("UPDATE exchanges SET ends = 0, held_until = 0").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn is_served(bellhop: &Bellhop, ada: &Pat) -> bool {
    let ask = Ask::get("/rota/jobs/1").header("Authorization", format!("Bearer {ada}"));
    bellhop.ask(&ask).await.status == 200
}

#[tokio::test]
async fn a_rotated_refresh_token_outlives_a_restart_and_the_rotation_of_keys() {
    let (upstream, issuer) = rota().await;
    let (site, ada) = site(&upstream);
    let bellhop = site.serve().await;
    assert!(is_served(&bellhop, &ada).await);
    let site = bellhop.stop().await;
    site.run(&["key", "rotate"]).await.assert_code(0);
    let bellhop = Bellhop::start(site).await;
    assert!(is_served(&bellhop, &ada).await);
    assert_eq!(issuer.lock().unwrap().number, 1, "what the first process got serves the second");
    // Past its end there must be another exchange, with the rotated secret.
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(is_served(&bellhop, &ada).await);
    assert_eq!(issuer.lock().unwrap().number, 2);
    assert_eq!(issuer.lock().unwrap().spent_twice, Vec::<String>::new());
}

#[tokio::test]
async fn no_kill_at_any_moment_loses_a_rotated_refresh_token() {
    let (upstream, issuer) = rota().await;
    let (site, ada) = site(&upstream);
    let mut bellhop = site.serve().await;
    for round in 0..24_u64 {
        // From when the provider was asked on, until the answer has long been used.
        let asked = upstream.requests().len();
        let (first, killed) = (is_served(&bellhop, &ada), async {
            upstream.until_requests(asked + 1).await;
            tokio::time::sleep(Duration::from_millis(round * 3 % 34)).await;
        });
        // Every third one is used before its end, so that what it was made with is spent for good.
        if round % 3 == 2 {
            assert!(first.await, "round {round}");
        } else {
            tokio::select! { _ = first => {}, () = killed => {} }
        }
        let site = bellhop.kill().await;
        forget_that_it_is_good(&site).await;
        bellhop = Bellhop::start(site).await;
    }
    eventually("it is served after all of that", async || is_served(&bellhop, &ada).await).await;
    let issuer = issuer.lock().unwrap();
    assert_eq!(issuer.spent_twice, Vec::<String>::new());
    assert!(issuer.number >= 8, "only {} exchanges were made", issuer.number);
}
