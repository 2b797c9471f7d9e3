//! Jobs by way of the API and of commands elsewhere: seen by whom they concern, cancelled at the provider, handed on.

use super::cast::{Cast, making_jobs};
use crate::support::{ACME_KEY, ADA_KEY, Site, eventually};
use serde_json::json;

#[tokio::test]
async fn a_job_is_listed_and_shown_to_whom_it_concerns() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let id = cast.job_of_alan().await;

    for (pat, path) in [
        (&cast.alan, "/jobs"),
        (&cast.alan, "/jobs?organization=acme"),
        (&cast.grace, "/jobs?organization=acme"),
        (&cast.grace, "/jobs?organization=acme&user=alan"),
        (&cast.iris, "/jobs?user=*&provider=ionq&progress=open"),
    ] {
        let jobs = cast.get(pat, path).await.items();
        assert_eq!((jobs.len(), &jobs[0]["id"]), (1, &json!(id)), "{path}: {jobs:?}");
        assert_eq!((&jobs[0]["user"], &jobs[0]["context"]), (&json!("alan"), &json!("acme")));
    }
    for (pat, path) in [
        (&cast.grace, "/jobs"),
        (&cast.grace, "/jobs?organization=acme&user=nobody-of-that-name"),
        (&cast.grace, "/jobs?organization=acme&user=eve"),
        (&cast.iris, "/jobs?user=*&progress=ended"),
        (&cast.iris, "/jobs?user=*&provider=dwave"),
    ] {
        assert_eq!(cast.get(pat, path).await.items(), [] as [serde_json::Value; 0], "{path}");
    }
    let shown = cast.get(&cast.grace, "/jobs/ionq/job%2F1").await;
    assert_eq!((&shown.json()["id"], &shown.json()["shots"]), (&json!(id), &json!(100)), "{}", shown.text());
    assert!(shown.header("etag").is_some());
    let text = shown.text();
    assert!(!text.contains(ACME_KEY) && !text.contains(cast.runs.as_str()), "{text}");
    let foreign = cast.get(&cast.eve, "/jobs/ionq/job%2F1").await.assert_problem(404, "not-found");
    let absent = cast.get(&cast.eve, "/jobs/ionq/job%2F7").await.assert_problem(404, "not-found");
    assert_eq!(foreign, absent);
    cast.get(&cast.alan, "/jobs/ionq/job%2F1?account=another").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn pages_are_one_after_the_other_and_have_each_job_once() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(cast.job_of_alan().await);
    }

    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = cast.get(&cast.alan, &format!("/jobs?limit=2{after}")).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }

    made.reverse();
    assert_eq!(seen, made);
    cast.get(&cast.alan, "/jobs?after=1-zz").await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn a_token_sees_and_cancels_only_what_it_is_for() {
    let (cast, ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let narrow = json!({ "name": "narrow", "scopes": ["manage"], "contexts": ["me"] });
    let made = cast.post(&cast.alan, "/tokens", &narrow).await.json();
    let narrow = crate::support::Pat::printed(made["value"].as_str().unwrap());

    assert!(cast.get(&narrow, "/jobs").await.items().is_empty());
    cast.get(&narrow, "/jobs/ionq/job%2F1").await.assert_problem(404, "not-found");
    let before = ionq.requests().len();
    cast.ask(Some(&narrow), "POST", "/jobs/ionq/job%2F1/cancel", None).await.assert_problem(404, "not-found");
    assert_eq!(ionq.requests().len(), before);
    cast.get(&narrow, "/usage").await.assert_problem(403, "not-allowed");
    cast.get(&narrow, "/audit?actor=me").await.assert_problem(403, "not-allowed");
}

#[tokio::test]
async fn a_member_cancels_with_the_key_that_made_the_job_and_the_trail_says_who() {
    let (cast, ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;

    let cancelled = cast.ask(Some(&cast.alan), "POST", "/jobs/ionq/job%2F1/cancel", None).await;

    assert_eq!(cancelled.json()["status"], 200, "{}", cancelled.text());
    assert!(cancelled.json()["said"].as_str().unwrap().contains("canceled"));
    let asked = ionq.last();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("PUT", "/v0.4/jobs/job%2F1/status/cancel"));
    assert_eq!(asked.key(), ACME_KEY);
    let acts = cast.get(&cast.iris, "/audit?action=job.cancel").await.items();
    let told: Vec<_> = acts.iter().map(|entry| (&entry["action"], &entry["user"], &entry["subject"])).collect();
    let (alan, job) = (json!("alan"), json!("ionq job/1"));
    assert_eq!(told, [(&json!("job.cancelled"), &alan, &job), (&json!("job.cancelling"), &alan, &job)]);
    ionq.go_down();
    let gone = cast.ask(Some(&cast.grace), "POST", "/jobs/ionq/job%2F1/cancel", None).await;
    gone.assert_problem(502, "upstream-unreachable");
}

#[tokio::test]
async fn who_may_use_the_key_no_more_cancels_nothing_with_it() {
    let (mut cast, ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let other = json!({ "provider": "ionq", "label": "ionq key", "fields": { "api_key": { "value": ACME_KEY } },
        "members": ["grace"] });
    cast.bellhop.organization("acme").credential(&other);
    cast.bellhop.apply().await;
    let before = ionq.requests().len();

    let refused = cast.ask(Some(&cast.alan), "POST", "/jobs/ionq/job%2F1/cancel", None).await;

    refused.assert_problem(403, "not-allowed");
    assert_eq!(ionq.requests().len(), before);
}

#[tokio::test]
async fn a_job_is_handed_on_within_the_organization_that_pays_and_only_as_it_was_read() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let path = "/jobs/ionq/job%2F1/adopt";

    let outsider = cast.post(&cast.grace, path, &json!({ "to": "eve" })).await.assert_problem(422, "invalid");
    let nobody = cast.post(&cast.grace, path, &json!({ "to": "nobody" })).await.assert_problem(422, "invalid");
    assert_eq!(outsider["field"], nobody["field"]);
    let adopted = cast.post(&cast.grace, path, &json!({ "to": "grace" })).await;

    assert_eq!(adopted.json()["user"], "grace", "{}", adopted.text());
    cast.get(&cast.alan, "/jobs/ionq/job%2F1").await.assert_problem(404, "not-found");
    let stale = crate::support::Ask::post(format!("/api/v1{path}"))
        .header("Authorization", format!("Bearer {}", cast.grace))
        .header("If-Match", "\"stale\"")
        .json(&json!({ "to": "alan" }));
    cast.bellhop.ask_admin(&stale).await.assert_problem(412, "changed");
    assert_eq!(cast.get(&cast.iris, "/usage?user=alan").await.items()[0]["jobs"], 1, "the ledger keeps who used it up");
    cast.post(&cast.grace, path, &json!({ "to": "alan", "why": "x" })).await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn who_has_left_sees_no_more_of_what_the_organization_paid_for() {
    let (mut cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;

    cast.bellhop.organization("acme").project("optics", &[]);
    cast.bellhop.organization("acme").without_member("alan");
    cast.bellhop.try_apply(&["--prune"]).await.assert_code(0);

    eventually("he sees none", async || cast.get(&cast.alan, "/jobs").await.items().is_empty()).await;
    cast.get(&cast.alan, "/jobs/ionq/job%2F1").await.assert_problem(404, "not-found");
    cast.get(&cast.alan, "/jobs?organization=acme").await.assert_problem(404, "not-found");
    assert_eq!(cast.get(&cast.grace, "/jobs?organization=acme&user=alan").await.items().len(), 1);
}

#[tokio::test]
async fn what_somebody_paid_for_themself_is_theirs_alone() {
    let ionq = making_jobs().await;
    let mut site = Site::facing(&ionq);
    site.user("alan").key(ADA_KEY);
    let cast = Cast::at(site).await;
    let id = cast.job_of_alan().await.replace('/', "%2F");

    assert_eq!(cast.get(&cast.alan, &format!("/jobs/ionq/{id}")).await.json()["context"], "me");
    cast.get(&cast.ada, &format!("/jobs/ionq/{id}")).await.assert_problem(404, "not-found");
    let adopt = format!("/jobs/ionq/{id}/adopt");
    cast.post(&cast.alan, &adopt, &json!({ "to": "grace" })).await.assert_problem(403, "not-allowed");
    assert_eq!(cast.ask(Some(&cast.alan), "POST", &format!("/jobs/ionq/{id}/cancel"), None).await.status, 200);
}

#[tokio::test]
async fn jobs_are_listed_shown_cancelled_and_handed_on_from_another_machine() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let there = cast.elsewhere(&cast.grace);

    let listed = there.run(&["job", "list", "--org", "acme", "--json"]).await.assert_code(0).json();
    assert_eq!((&listed[0]["job"], &listed[0]["user"]), (&json!("job/1"), &json!("alan")));
    let shown = there.run(&["job", "show", "ionq", "job/1"]).await.assert_code(0);
    assert!(shown.out.contains("acme"), "{}", shown.out);
    let told = there.run(&["job", "cancel", "ionq", "job/1"]).await.assert_code(0);
    assert!(told.err.contains("canceled"), "{}", told.err);
    there.run(&["job", "adopt", "ionq", "job/1", "--to", "grace"]).await.assert_code(0);
    let own = there.run(&["job", "list", "--json"]).await.assert_code(0).json();
    assert_eq!(own[0]["user"], "grace");
    let foreign = cast.elsewhere(&cast.eve).run(&["job", "cancel", "ionq", "job/1"]).await.assert_code(1);
    assert!(foreign.err.contains("not yours to see"), "{}", foreign.err);
    assert!(!there.data().exists(), "a store was opened here");
}

#[tokio::test]
async fn where_an_organization_lets_every_member_see_all_they_see_all() {
    let (mut cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    cast.bellhop.organization("acme").member("eve", "member");
    cast.bellhop.apply().await;
    assert!(cast.get(&cast.eve, "/jobs?organization=acme").await.items().is_empty());
    cast.get(&cast.eve, "/jobs/ionq/job%2F1").await.assert_problem(404, "not-found");

    cast.bellhop.organization("acme").visibility("all");
    cast.bellhop.apply().await;

    assert_eq!(cast.get(&cast.eve, "/jobs?organization=acme").await.items().len(), 1);
    assert_eq!(cast.get(&cast.eve, "/jobs?organization=acme&user=alan").await.items().len(), 1);
    assert_eq!(cast.get(&cast.eve, "/usage?organization=acme").await.items().len(), 1);
    let adopt = cast.post(&cast.eve, "/jobs/ionq/job%2F1/adopt", &json!({ "to": "eve" })).await;
    adopt.assert_problem(403, "not-allowed");
}
