//! Webhooks: who is told of what happens, by a receiver of our own that verifies each signature.

use super::cast::Cast;
use crate::support::{
    ACME_KEY, Bellhop, CATALOGUE, ProviderLine, Reply, Site, Upstream,
    certificates::{Authority, Validity},
    eventually,
    provider_line::Arrived,
    soon::eventually_within,
};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

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
async fn a_receiver_that_fails_is_tried_again_with_the_same_message() {
    let (cast, _ionq) = refused(listening()).await;
    let count = Arc::new(AtomicUsize::new(0));
    let there = Upstream::answering({
        let count = Arc::clone(&count);
        move |_| Reply::new(if count.fetch_add(1, SeqCst) == 0 { 500 } else { 200 })
    })
    .await;
    let (id, secret) = hook(&cast, &there, json!([])).await;

    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");

    eventually("the failure is on record", async || {
        deliveries(&cast, &id).await.first().is_some_and(|d| d["status"] == 500 && d["next"].is_string())
    })
    .await;
    assert!(deliveries(&cast, &id).await[0]["problem"].as_str().unwrap().contains("500"));
    there.until_requests(2).await;
    let [first, second] = &there.requests()[..] else { panic!("{:?}", there.requests()) };
    assert!(is_signed(first, &secret) && is_signed(second, &secret));
    assert_eq!((header(first, "webhook-id"), &first.body), (header(second, "webhook-id"), &second.body));
    eventually("it is delivered", async || deliveries(&cast, &id).await[0]["state"] == "delivered").await;
    assert_eq!(deliveries(&cast, &id).await[0]["attempts"], 2);
}

#[tokio::test]
async fn what_was_sent_and_not_noted_is_sent_again_under_the_same_id() {
    let (cast, ionq) = refused(listening()).await;
    let (quiet, heard) = (Arc::new(AtomicUsize::new(1)), Arc::new(Mutex::new(Vec::new())));
    let there = Upstream::scripted({
        let (quiet, heard) = (Arc::clone(&quiet), Arc::clone(&heard));
        move |mut line: ProviderLine| {
            let (quiet, heard) = (Arc::clone(&quiet), Arc::clone(&heard));
            async move {
                let Some(message) = line.request().await else { return };
                heard.lock().unwrap().push(header(&message, "webhook-id").to_owned());
                if quiet.load(SeqCst) == 1 {
                    return line.hang().await;
                }
                line.send(Reply::new(200).bytes()).await;
            }
        }
    })
    .await;
    hook(&cast, &there, json!([])).await;
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");
    eventually("it is on its way", async || !heard.lock().unwrap().is_empty()).await;

    let site = cast.bellhop.kill().await;
    quiet.store(0, SeqCst);
    let _bellhop = Bellhop::start(site).await;

    eventually_within(Duration::from_secs(40), "it is sent again", async || heard.lock().unwrap().len() >= 2).await;
    let heard = heard.lock().unwrap();
    assert_eq!(heard[0], heard[1]);
    drop(ionq);
}

#[tokio::test]
async fn a_receiver_that_is_slow_or_redirects_gets_nothing_more_and_holds_up_nobody() {
    let cast = Cast::at(listening()).await;
    let elsewhere = receiver(200).await;
    let target = format!("{}/steal", elsewhere.origin());
    let redirecting = Upstream::answering(move |_| Reply::new(307).header("Location", &target)).await;
    let endless = Upstream::endless().await;
    let (id, _) = hook(&cast, &redirecting, json!([])).await;
    let told = cast.post(&cast.ada, &format!("/webhooks/{id}/test"), &json!(null)).await.json();
    assert_eq!(
        (&told["state"], &told["status"], &told["event"]),
        (&json!("given-up"), &json!(307), &json!("webhook.test"))
    );
    assert!(told["problem"].as_str().unwrap().contains("redirect"), "{told}");
    elsewhere.assert_untouched();

    // Of an answer nothing is read but its status.
    let (id, _) = hook(&cast, &endless, json!([])).await;
    let told = cast.post(&cast.ada, &format!("/webhooks/{id}/test"), &json!(null)).await.json();
    assert_eq!((&told["state"], &told["status"]), (&json!("delivered"), &json!(200)));
    eventually("the connection is closed", async || endless.open_connections() == 0).await;

    let silent = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.hang().await;
    })
    .await;
    let (id, _) = hook(&cast, &silent, json!([])).await;
    let began = std::time::Instant::now();
    let told = cast.post(&cast.ada, &format!("/webhooks/{id}/test"), &json!(null)).await.json();
    assert!(told["problem"].as_str().unwrap().contains("in time"), "{told}");
    assert!((9..14).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn no_receiver_is_a_neighbour_unless_the_operator_allows_it() {
    let cast = Cast::assemble().await;
    let there = receiver(200).await;
    for (url, words) in [
        (there.origin(), "https"),
        (format!("https://{}/", there.address), "private"),
        ("https://[::1]/".to_owned(), "private"),
        ("https://169.254.169.254/latest/meta-data".to_owned(), "private"),
        ("https://ada:fake@hooks.example.org/".to_owned(), "user"),
    ] {
        let problem = cast.post(&cast.ada, "/organizations/acme/webhooks", &json!({ "url": url })).await;
        let problem = problem.assert_problem(422, "invalid");
        assert!(problem["detail"].as_str().unwrap().contains(words) && problem["field"] == "url", "{problem}");
    }
    // A name that leads here is known for it only when it is looked up.
    let url = format!("https://localhost:{}/", there.address.port());
    let made = cast.post(&cast.ada, "/organizations/acme/webhooks", &json!({ "url": url })).await.json();
    let path = format!("/webhooks/{}/test", made["webhook"]["id"].as_str().unwrap());
    let told = cast.post(&cast.ada, &path, &json!(null)).await.json();
    assert!(told["problem"].as_str().unwrap().contains("private"), "{told}");
    assert_eq!(there.connections(), 0);
}

#[tokio::test]
async fn a_receivers_certificate_is_verified_against_the_file_that_the_operator_names() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let site = listening();
    let file = site.write("ca.pem", ours.pem());
    let cast = Cast::at(site.set("webhooks.ca_file", file.to_str().unwrap())).await;
    for (authority, state) in [(&ours, "delivered"), (&theirs, "given-up")] {
        let answering = |mut line: ProviderLine| async move {
            if line.request().await.is_some() {
                line.send(Reply::new(200).bytes()).await;
            }
        };
        let there = Upstream::secured(authority.identity("127.0.0.1", Validity::Now).server(), answering).await;
        let (id, _) = hook(&cast, &there, json!([])).await;
        let told = cast.post(&cast.ada, &format!("/webhooks/{id}/test"), &json!(null)).await.json();
        assert_eq!(told["state"], state, "{told}");
        assert_eq!(there.requests().len(), usize::from(state == "delivered"));
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_for_a_day_the_one_before_it_signs_too() {
    let cast = Cast::at(listening()).await;
    let there = receiver(200).await;
    let (id, first) = hook(&cast, &there, json!([])).await;

    let rotated = cast.post(&cast.ada, &format!("/webhooks/{id}/secret"), &json!(null)).await.json();
    let second = rotated["secret"].as_str().unwrap();
    assert_ne!(second, first);
    assert!(rotated["webhook"]["previous_secret_until"].is_string());
    cast.bellhop.run(&["key", "rotate"]).await.assert_code(0);
    let told = cast.post(&cast.ada, &format!("/webhooks/{id}/test"), &json!(null)).await.json();

    assert_eq!(told["state"], "delivered", "{told}");
    assert!(is_signed(&there.request(), &first) && is_signed(&there.request(), second));
    let third = cast.post(&cast.ada, &format!("/webhooks/{id}/secret"), &json!(null)).await.json();
    cast.post(&cast.ada, &format!("/webhooks/{id}/test"), &json!(null)).await;
    assert!(!is_signed(&there.last(), &first) && is_signed(&there.last(), second));
    let (site, third) = (cast.bellhop.stop().await, third["secret"].as_str().unwrap());
    let database = std::fs::read(site.data().join("bellhop.db")).unwrap();
    for secret in [&*first, second, third] {
        let bytes = secret.trim_start_matches("whsec_").as_bytes();
        let times = |bytes: &[u8], needle: &[u8]| memchr::memmem::find_iter(bytes, needle).count();
        assert_eq!(times(&site.answers.lock().unwrap(), bytes), 1, "in answers");
        assert_eq!(times(&site.logs.lock().unwrap(), bytes) + times(&database, bytes), 0, "in the log or the store");
    }
}

#[tokio::test]
async fn what_is_switched_off_or_gone_is_told_nothing() {
    let (cast, _ionq) = refused(listening()).await;
    let [off, gone, on] = [receiver(200).await, receiver(200).await, receiver(200).await];
    let (id, _) = hook(&cast, &off, json!([])).await;
    let shown = cast.get(&cast.ada, &format!("/webhooks/{id}")).await;
    let tag = shown.header("etag").unwrap().to_owned();
    let path = format!("/webhooks/{id}");
    cast.change(&cast.ada, "PATCH", &path, ("\"other\"", &json!({}))).await.assert_problem(412, "changed");
    let changed = cast.change(&cast.ada, "PATCH", &path, (&tag, &json!({ "enabled": false }))).await;
    assert_eq!(changed.json()["enabled"], false);
    let (id, _) = hook(&cast, &gone, json!([])).await;
    assert_eq!(cast.delete(&cast.ada, &format!("/webhooks/{id}")).await.status, 204);
    hook(&cast, &on, json!([])).await;

    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");

    on.until_requests(1).await;
    off.assert_untouched();
    gone.assert_untouched();
    let trail = cast.get(&cast.iris, "/audit?action=webhook.").await.items();
    let acts: Vec<&str> = trail.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["webhook.created", "webhook.deleted", "webhook.created", "webhook.changed", "webhook.created"]);
    assert!(!trail.iter().any(|entry| entry["detail"].as_str().unwrap().contains("told?by")), "{trail:?}");
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

/// Verifies a message with the library that receivers use.
const VERIFY: &str = "import json, sys; from standardwebhooks import Webhook\n\
    told = json.load(sys.stdin); print(Webhook(told['secret']).verify(told['body'], told['headers'])['type'])";

#[tokio::test]
async fn the_reference_library_of_standard_webhooks_verifies_a_message() {
    let Ok(python) = std::env::var("BELLHOP_TEST_STANDARDWEBHOOKS") else {
        eprintln!("skipped: BELLHOP_TEST_STANDARDWEBHOOKS names no Python; tests/standardwebhooks prints one");
        return;
    };
    let cast = Cast::at(listening()).await;
    let there = receiver(200).await;
    let (id, first) = hook(&cast, &there, json!([])).await;
    let second = cast.post(&cast.ada, &format!("/webhooks/{id}/secret"), &json!(null)).await.json();
    cast.post(&cast.ada, &format!("/webhooks/{id}/test"), &json!(null)).await;

    let message = there.request();
    for (secret, body, is_good) in [
        (&first, message.body.clone(), true),
        (&second["secret"].as_str().unwrap().to_owned(), message.body.clone(), true),
        (&first, message.body.to_ascii_uppercase(), false),
    ] {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!(header(&message, name)))).collect();
        let told = json!({ "secret": secret, "body": String::from_utf8(body).unwrap(), "headers": headers });
        let mut child = std::process::Command::new(&python)
            .args(["-c", VERIFY])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), told.to_string().as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert_eq!(done.status.success(), is_good, "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(String::from_utf8_lossy(&done.stdout).trim() == "webhook.test", is_good);
    }
}
