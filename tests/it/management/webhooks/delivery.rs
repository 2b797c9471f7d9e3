//! How a message gets there: again and again, to nobody else, and signed.

use super::{deliveries, header, hook, is_signed, listening, receiver, refused};
use crate::{
    management::cast::Cast,
    support::{
        Bellhop, CATALOGUE, ProviderLine, Reply, Upstream,
        certificates::{Authority, Validity},
        eventually,
        soon::eventually_within,
    },
};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

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
