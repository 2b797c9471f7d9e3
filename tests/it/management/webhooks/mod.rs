//! Webhooks: who is told of what happens, by a receiver of our own that verifies each signature.

mod delivery;

use super::cast::Cast;
use crate::support::{ACME_KEY, Bellhop, CATALOGUE, Reply, Site, Upstream, eventually, provider_line::Arrived};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

#[track_caller]
fn header<'m>(message: &'m Arrived, name: &str) -> &'m str {
    message.header(name).unwrap_or_else(|| panic!("no {name} in {:?}", message.headers))
}

fn body(message: &Arrived) -> Value {
    serde_json::from_slice(&message.body).unwrap()
}

fn data(message: &Arrived) -> Value {
    body(message)["data"].clone()
}

/// As a receiver does it that has only the secret, and the words of Standard Webhooks.
pub fn is_signed(message: &Arrived, secret: &str) -> bool {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (id, time) = (header(message, "webhook-id"), header(message, "webhook-timestamp"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(time.parse().unwrap()) < 300, "{time}");
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", &message.body].concat();
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed);
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.as_ref()));
    header(message, "webhook-signature").split(' ').any(|signature| signature == expected)
}

/// A receiver, which answers everything with this status.
pub async fn receiver(status: u16) -> Upstream {
    Upstream::answering(move |_| Reply::new(status)).await
}

pub fn listening() -> Site {
    Site::empty().set("webhooks.allow_private", true)
}

/// A new webhook of acme's there: its id and its secret.
async fn hook(cast: &Cast, there: &Upstream, events: Value) -> (String, String) {
    made(cast, "/organizations/acme/webhooks", there, events).await
}

async fn made(cast: &Cast, whose: &str, there: &Upstream, events: Value) -> (String, String) {
    let wanted = json!({ "url": format!("{}/told?by=bellhop", there.origin()), "events": events });
    let answer = cast.post(&cast.iris, whose, &wanted).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.json();
    (made["webhook"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

async fn deliveries(cast: &Cast, id: &str) -> Vec<Value> {
    cast.get(&cast.ada, &format!("/webhooks/{id}")).await.json()["deliveries"].as_array().unwrap().clone()
}

/// Acme's key is not the one that IonQ takes.
pub async fn refused(site: Site) -> (Cast, Upstream) {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = site.provider("ionq", &ionq);
    site.organization("acme").key(ACME_KEY);
    (Cast::at(site).await, ionq)
}

/// A key of alan's own is refused after that, and the installation told of it.
async fn until_another_is_told(cast: &Cast) {
    let central = receiver(200).await;
    made(cast, "/webhooks", &central, json!(["credential.refused"])).await;
    cast.credential_of("me", Some("alan")).await;
    eventually("alan's own is refused, and told", async || {
        cast.bellhop.get(&cast.runs, CATALOGUE).await;
        !central.requests().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_burst_of_refusals_is_told_once_signed_and_without_a_secret() {
    let (cast, _ionq) = refused(listening()).await;
    let there = receiver(204).await;
    let (id, secret) = hook(&cast, &there, json!([])).await;

    for _ in 0..20 {
        cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");
    }

    there.until_requests(1).await;
    eventually("it is on record", async || deliveries(&cast, &id).await.iter().any(|d| d["state"] == "delivered"))
        .await;
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");
    until_another_is_told(&cast).await;
    let message = there.request();
    assert!(is_signed(&message, &secret), "{message:?}");
    assert_eq!((message.method.as_str(), message.target.as_str()), ("POST", "/told?by=bellhop"));
    assert_eq!(header(&message, "content-type"), "application/json");
    let told = body(&message);
    assert_eq!(told["type"], "credential.refused");
    assert!(told["timestamp"].as_str().unwrap().ends_with('Z'));
    let data = &told["data"];
    for (field, value) in [
        ("organization", "acme"),
        ("context", "acme"),
        ("provider", "ionq"),
        ("label", "ionq key"),
        ("during", "request"),
    ] {
        assert_eq!(data[field], value, "{data}");
    }
    assert_eq!(data["status"], 401);
    let delivery = &deliveries(&cast, &id).await[0];
    assert_eq!(delivery["id"], header(&message, "webhook-id"));
    assert_eq!((&delivery["attempts"], &delivery["status"], &delivery["next"]), (&json!(1), &json!(204), &Value::Null));
}

#[tokio::test]
async fn who_begins_to_listen_after_a_refusal_is_told_of_the_next() {
    let (cast, _ionq) = refused(listening()).await;
    let ask = CATALOGUE.replace("/ionq/", "/ionq@acme/");
    cast.bellhop.get(&cast.runs, &ask).await.assert_refused("credential-refused");
    until_another_is_told(&cast).await;

    let there = receiver(200).await;
    hook(&cast, &there, json!([])).await;
    cast.bellhop.get(&cast.runs, &ask).await.assert_refused("credential-refused");

    there.until_requests(1).await;
    assert_eq!(data(&there.request())["context"], "acme");
}

#[tokio::test]
async fn a_probe_that_is_refused_is_told_with_the_act_that_found_it() {
    let (cast, _ionq) = refused(listening()).await;
    let there = receiver(200).await;
    let (_, secret) = hook(&cast, &there, json!(["credential.refused"])).await;
    let id = cast.get(&cast.ada, "/credentials?context=acme").await.items()[0]["id"].as_str().unwrap().to_owned();

    assert_eq!(
        cast.post(&cast.ada, &format!("/credentials/{id}/probe"), &json!(null)).await.json()["verdict"],
        "refused"
    );

    there.until_requests(1).await;
    assert!(is_signed(&there.request(), &secret));
    assert_eq!(
        (&data(&there.request())["credential"], &data(&there.request())["during"]),
        (&json!(id), &json!("probe"))
    );
}

#[tokio::test]
async fn what_is_whose_is_told_to_them_alone_and_only_what_they_asked_for() {
    let (cast, _ionq) = refused(listening()).await;
    let [acme, other, central, quotas] =
        [receiver(200).await, receiver(200).await, receiver(200).await, receiver(200).await];
    cast.add_organization("other").await;
    hook(&cast, &acme, json!([])).await;
    hook(&cast, &quotas, json!(["quota.near"])).await;
    made(&cast, "/organizations/other/webhooks", &other, json!([])).await;
    made(&cast, "/webhooks", &central, json!([])).await;

    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");
    acme.until_requests(1).await;
    cast.credential_of("me", Some("alan")).await;
    eventually("alan's own is refused", async || cast.bellhop.get(&cast.runs, CATALOGUE).await.json()["owner"] == "me")
        .await;

    central.until_requests(1).await;
    assert_eq!(
        (&data(&central.request())["user"], &data(&central.request())["organization"]),
        (&json!("alan"), &Value::Null)
    );
    assert_eq!(data(&acme.request())["organization"], "acme");
    other.assert_untouched();
    quotas.assert_untouched();
}

#[tokio::test]
async fn a_quota_at_four_fifths_is_told_once() {
    let ionq = super::cast::making_jobs().await;
    let mut site = listening().provider("ionq", &ionq);
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    let there = receiver(200).await;
    let (_, secret) = hook(&cast, &there, json!(["quota.near"])).await;
    let set = async |measure: &str, period: &str, limit: &str| {
        let wanted = json!({ "context": "acme", "measure": measure, "period": period, "limit": limit });
        cast.put(&cast.ada, "/quotas", &wanted).await.json()["id"].as_str().unwrap().to_owned()
    };
    let (quota, other) = (set("jobs", "month", "5").await, set("shots", "month", "370").await);
    for _ in 0..3 {
        cast.job_of_alan().await;
    }
    there.until_requests(1).await;
    assert_eq!(cast.delete(&cast.ada, &format!("/quotas/{other}")).await.status, 204);

    cast.job_of_alan().await;

    there.until_requests(2).await;
    cast.job_of_alan().await;
    let last = set("jobs", "day", "6").await;
    there.until_requests(3).await;
    let told: Vec<Value> = there.requests().iter().map(|message| data(message)["quota"].clone()).collect();
    assert_eq!(told, [json!(other), json!(quota), json!(last)]);
    let message = &there.requests()[1];
    assert!(is_signed(message, &secret));
    let data = data(message);
    assert_eq!((&data["limit"], &data["used"]), (&json!("5"), &json!("4")), "{data}");
    assert_eq!(
        (&data["organization"], &data["measure"], &data["period"]),
        (&json!("acme"), &json!("jobs"), &json!("month"))
    );
}

/// So many days from now.
fn days(days: i64) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    jiff::Timestamp::from_second(then.as_second()).unwrap().to_string()
}

#[tokio::test]
async fn what_ends_soon_is_told_once_for_each_span_and_again_for_another_end() {
    let cast = Cast::at(listening()).await;
    let ends = |label: &str, provider: &str, fields: Value, expires: String| json!({ "context": "acme", "provider": provider, "label": label, "fields": fields, "expires": expires });
    for wanted in [
        ends("soon", "ionq", json!({ "api_key": ACME_KEY }), days(10)),
        ends("late", "dwave", json!({ "token": ACME_KEY }), days(20)),
    ] {
        let entered = cast.post(&cast.ada, "/credentials", &wanted).await;
        assert_eq!(entered.status, 201, "{}", entered.text());
    }
    let there = receiver(200).await;
    hook(&cast, &there, json!(["credential.expiring"])).await;

    there.until_requests(1).await;
    assert_eq!(
        (&data(&there.last())["label"], &body(&there.last())["type"]),
        (&json!("soon"), &json!("credential.expiring"))
    );
    let id = data(&there.last())["credential"].as_str().unwrap().to_owned();
    cast.change(&cast.ada, "PATCH", &format!("/credentials/{id}"), ("*", &json!({ "expires": days(2) }))).await;
    // Who listens is looked at all the time, and what ends when somebody else does.
    let second = receiver(200).await;
    hook(&cast, &second, json!(["credential.expiring"])).await;

    there.until_requests(2).await;
    second.until_requests(1).await;
    assert_eq!(data(&there.last())["expires"], data(&second.request())["expires"]);
}

#[tokio::test]
async fn a_members_token_that_is_in_use_and_ends_soon_is_told_to_the_organizations_that_it_is_for() {
    let (cast, _ionq) = refused(listening()).await;
    cast.add_organization("other").await;
    let make = async |name: &str, contexts: Value, expires: String| {
        let wanted = json!({ "name": name, "contexts": contexts, "scopes": ["run"], "expires": expires });
        let made = cast.post(&cast.alan, "/tokens", &wanted).await.json();
        crate::support::Pat::printed(made["value"].as_str().unwrap())
    };
    let used = [
        make("everywhere", json!([]), days(5)).await,
        make("elsewhere", json!(["other"]), days(5)).await,
        make("late", json!([]), days(30)).await,
    ];
    make("unused", json!([]), days(5)).await;
    for pat in &used {
        assert_eq!(cast.bellhop.get(pat, CATALOGUE).await.status, 403);
    }
    // When one was used is written now and then, and at the end.
    let cast = Cast { bellhop: Bellhop::start(cast.bellhop.stop().await).await, ..cast };
    let there = receiver(200).await;
    let (id, secret) = hook(&cast, &there, json!(["token.expiring"])).await;

    there.until_requests(1).await;
    assert_eq!(deliveries(&cast, &id).await.len(), 1, "all are written down at once");
    let message = there.request();
    assert!(is_signed(&message, &secret));
    assert_eq!((&data(&message)["name"], &data(&message)["user"]), (&json!("everywhere"), &json!("alan")));
}

#[tokio::test]
async fn commands_manage_webhooks_here_and_elsewhere() {
    let cast = Cast::at(listening()).await;
    let there = receiver(200).await;
    let elsewhere = cast.elsewhere(&cast.ada);
    let url = format!("{}/hook", there.origin());
    let added = elsewhere.run(&["webhook", "add", &url, "--org", "acme", "--on", "quota.near"]).await.assert_code(0);
    let secret = added.out.trim().to_owned();
    assert!(secret.starts_with("whsec_") && added.err.contains("not shown again"));
    let listed = cast.bellhop.run(&["webhook", "list", "--org", "acme", "--json"]).await.assert_code(0).json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!((&listed[0]["events"], &listed[0]["url"]), (&json!(["quota.near"]), &json!(url)));

    assert!(elsewhere.run(&["webhook", "test", &id]).await.assert_code(0).err.contains("delivered"));
    assert!(is_signed(&there.request(), &secret));
    let shown = elsewhere.run(&["webhook", "show", &id]).await.assert_code(0).out;
    assert!(shown.contains("webhook.test") && shown.contains("delivered") && !shown.contains("whsec_"), "{shown}");
    elsewhere.run(&["webhook", "change", &id]).await.assert_code(2);
    elsewhere.run(&["webhook", "change", &id, "--on-all", "--disable"]).await.assert_code(0);
    let rotated = elsewhere.run(&["webhook", "rotate", &id, "--json"]).await.assert_code(0).json();
    assert_ne!(rotated["secret"], json!(secret));
    there.go_down();
    let failed = elsewhere.run(&["webhook", "test", &id]).await.assert_code(1);
    assert!(failed.err.contains("not delivered"), "{}", failed.err);
    elsewhere.run(&["webhook", "list"]).await.assert_code(1);
    elsewhere.run(&["webhook", "delete", &id]).await.assert_code(0);
    assert_eq!(cast.bellhop.run(&["webhook", "list", "--org", "acme", "--json"]).await.json(), json!([]));
    cast.bellhop.run(&["webhook", "add", "https://hooks.example.org/", "--json"]).await.assert_code(0);
}

#[tokio::test]
async fn an_organization_has_only_so_many() {
    let cast = Cast::at(listening()).await;
    for n in 0..10 {
        let wanted = json!({ "url": format!("https://hooks.example.org/{n}") });
        assert_eq!(cast.post(&cast.ada, "/organizations/acme/webhooks", &wanted).await.status, 201);
    }
    let wanted = json!({ "url": "https://hooks.example.org/" });
    cast.post(&cast.ada, "/organizations/acme/webhooks", &wanted).await.assert_problem(409, "conflict");
    assert_eq!(cast.delete(&cast.ada, "/organizations/acme").await.status, 204);
}
