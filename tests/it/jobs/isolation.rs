//! Members who share a provider token do not reach one another's jobs.

use super::{
    office::{JOBS, Office, job, minting},
    place::{Place, on_both},
};
use crate::support::{ADA_KEY, Answer, Ask, Pat, Reply, Upstream, eventually};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

/// The answer without what is different each time.
fn without_id(mut answer: Answer) -> Answer {
    answer.headers.retain(|(name, _)| name != "x-request-id");
    answer.headers.retain(|(name, _)| name != "date");
    answer
}

fn ids(answer: &Answer) -> Vec<Value> {
    answer.json()["jobs"].as_array().expect("jobs").iter().map(|job| job["id"].clone()).collect()
}

/// Every way to name one job.
fn asks(pat: &Pat, id: &str) -> Vec<Ask> {
    let named = |method, target: String| Ask::new(method, target).pat(pat);
    vec![
        named("GET", job(id)),
        named("GET", format!("{}/cost", job(id))),
        named("GET", format!("{}/results/probabilities", job(id))),
        named("GET", format!("{}/artifacts/1", job(id))),
        named("PUT", format!("{}/status/cancel", job(id))),
        named("DELETE", job(id)),
        named("POST", format!("{}/clone", job(id))).json(&json!({})),
        named("DELETE", JOBS.into()).json(&json!({ "ids": [id] })),
        named("PUT", job("status/cancel")).json(&json!({ "ids": [id] })),
    ]
}

on_both! {
    async fn anothers_job_and_none_at_all_are_answered_alike_and_unsent(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        let absent = "job-x".repeat(id.len()).chars().take(id.len()).collect::<String>();

        for (foreign, absent) in asks(&office.grace, &id).iter().zip(asks(&office.grace, &absent)) {
            let (foreign, absent) = (office.bellhop.ask(foreign).await, office.bellhop.ask(&absent).await);
            foreign.assert_refused("unknown-job");
            assert_eq!(format!("{:?}", without_id(foreign)), format!("{:?}", without_id(absent)));
        }
        assert_eq!(office.ionq.requests().len(), 1);
        for ask in asks(&office.ada, &id) {
            office.bellhop.ask(&ask).await.assert_relayed();
        }
    }
}

on_both! {
    async fn one_foreign_id_among_ones_own_refuses_the_whole_request(place: &Place) {
        let office = Office::open(place).await;
        let (own, foreign) = (office.submit(&office.grace).await, office.submit(&office.ada).await);

        for ids in [json!([own, foreign]), json!([foreign, own]), json!([own, "absent"])] {
            let cancel = Ask::new("PUT", job("status/cancel")).pat(&office.grace).json(&json!({ "ids": ids }));
            office.assert_unknown(&cancel).await;
        }
        let cancel = office.put(&office.grace, &job("status/cancel"), &json!({ "ids": [own] })).await;
        cancel.assert_paid_by("acme", "job");
    }
}

on_both! {
    async fn a_list_shows_nothing_of_others(place: &Place) {
        let office = Office::open(place).await;
        let (ada, grace) = (office.submit(&office.ada).await, office.submit(&office.grace).await);

        let [seen_by_ada, seen_by_grace] =
            [office.bellhop.get(&office.ada, JOBS).await, office.bellhop.get(&office.grace, JOBS).await];

        assert_eq!(ids(&seen_by_ada), [json!(ada)]);
        assert_eq!(ids(&seen_by_grace), [json!(grace)]);
        assert!(!seen_by_grace.text().contains(&ada));
        assert_eq!(seen_by_grace.json()["next"], "page-2", "what is not a job passes");
        assert_eq!(ids(&office.bellhop.get(&office.maud, JOBS).await).len(), 2);
    }
}

on_both! {
    async fn what_is_about_the_account_or_not_listed_is_not_open_to_members(place: &Place) {
        let office = Office::open(place).await;
        let closed = [
            ("GET", "/ionq/v0.4/whoami"),
            ("GET", "/ionq/v0.4/organizations/1/usage"),
            ("PUT", "/ionq/v0.4/jobs/job-1/move"),
            ("GET", "/ionq/v0.4/unlisted"),
            ("POST", "/ionq/v0.4/unlisted"),
            ("GET", "/ionq/v0.4/jobs/job-1/unlisted"),
            ("GET", "/ionq/v0.3/jobs"),
        ];

        for (method, target) in closed {
            let refused = office.bellhop.ask(&Ask::new(method, target).pat(&office.ada)).await;
            let code = refused.header("bellhop-refusal");
            assert!(matches!(code, Some("not-allowed" | "unknown-job")), "{method} {target}: {}", refused.text());
        }
        office.ionq.assert_untouched();
        for (method, target) in closed {
            office.bellhop.ask(&Ask::new(method, target).pat(&office.maud)).await.assert_relayed();
        }
    }
}

on_both! {
    async fn maintainers_see_and_cancel_everything(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;

        for ask in asks(&office.maud, &id) {
            office.bellhop.ask(&ask).await.assert_relayed();
        }
        office.poll(&office.maud, "made-elsewhere").await.assert_relayed();
    }
}

on_both! {
    async fn an_organization_may_open_its_jobs_to_all_members(place: &Place) {
        let office = Office::furnished(place, minting().await, |mut site| {
            site.organization("acme").visibility("all");
            site
        })
        .await;
        let id = office.submit(&office.ada).await;

        for ask in asks(&office.grace, &id) {
            office.bellhop.ask(&ask).await.assert_relayed();
        }
        assert_eq!(ids(&office.bellhop.get(&office.grace, JOBS).await).len(), 2, "the job, and its clone");
    }
}

on_both! {
    async fn visibility_that_is_taken_back_is_gone(place: &Place) {
        let mut office = Office::furnished(place, minting().await, |mut site| {
            site.organization("acme").visibility("all");
            site
        })
        .await;
        let id = office.submit(&office.ada).await;
        office.poll(&office.grace, &id).await.assert_relayed();

        office.bellhop.organization("acme").visibility("own");
        office.bellhop.apply().await;

        eventually("Grace sees it no more", async || office.poll(&office.grace, &id).await.status == 404).await;
    }
}

on_both! {
    async fn under_a_key_of_ones_own_everything_passes(place: &Place) {
        let office = Office::furnished(place, minting().await, |mut site| {
            site.user("grace").key(ADA_KEY);
            site
        })
        .await;

        for target in [&job("made-elsewhere"), "/ionq/v0.4/whoami", "/ionq/v0.4/unlisted", JOBS] {
            office.bellhop.get(&office.grace, target).await.assert_paid_by("me", "own");
        }
        let ask = Ask::new("PUT", job("status/cancel")).pat(&office.grace).body("no JSON");
        office.bellhop.ask(&ask).await.assert_paid_by("me", "own");
    }
}

on_both! {
    async fn an_id_that_could_be_read_in_two_ways_is_refused(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        let before = office.ionq.requests().len();

        for spelled in [id.replace('j', "%256a"), id.replace('j', "%25256a"), id.replace('o', "%25256F")] {
            let refused = office.poll(&office.ada, &spelled).await;
            refused.assert_refused("bad-request");
        }
        assert_eq!(office.ionq.requests().len(), before);
        office.poll(&office.ada, &id.replace('j', "%6a")).await.assert_paid_by("acme", "job");
        office.assert_unknown(&Ask::get(job(&id.replace('j', "%6a"))).pat(&office.grace)).await;
    }
}

on_both! {
    async fn no_spelling_of_a_path_reaches_anothers_job(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        let before = office.ionq.requests().len();

        for target in [
            format!("/ionq/v0.4//jobs/{id}"),
            format!("/ionq//v0.4/jobs//{id}"),
            format!("/ionq/v0.4/jobs/{id}/"),
            format!("/ionq/v0.4/%6aobs/{id}"),
            format!("/ionq/v0.4/jobs%2F{id}"),
            format!("/ionq/v0.4/jobs/%2F{id}"),
            format!("/ionq/v0.4/jobs/mine%2F..%2F{id}"),
            format!("/ionq/v0.4/jobs/{id}?id=mine"),
            format!("/ionq/v0.4/jobs/{id};x=1"),
            format!("/ionq/v0.4/jobs/{id}%00"),
            format!("/ionq/v0.4/jobs/{}", id.to_uppercase()),
            format!("/ionq/V0.4/jobs/{id}"),
            format!("/ionq/v0.4/sessions/{id}"),
            format!("/ionq/v0.4/jobs/estimate/../{id}"),
        ] {
            let refused = office.bellhop.get(&office.grace, &target).await;
            assert!(refused.header("bellhop-refusal").is_some(), "{target}: {}", refused.text());
        }
        assert_eq!(office.ionq.requests().len(), before);
    }
}

on_both! {
    async fn sessions_are_as_private_as_jobs(place: &Place) {
        let office = Office::open(place).await;
        office.bellhop.post(&office.ada, "/ionq/v0.4/sessions", &json!({})).await.assert_relayed();
        let asks = |pat: &Pat| {
            let named = |method, target| Ask::new(method, format!("/ionq/v0.4/sessions/session-1{target}")).pat(pat);
            [named("GET", ""), named("POST", "/end"), named("GET", "/jobs").header("X-Lists", "jobs")]
        };

        for ask in asks(&office.grace) {
            office.assert_unknown(&ask).await;
        }
        for ask in &asks(&office.ada)[..2] {
            office.bellhop.ask(ask).await.assert_paid_by("acme", "job");
        }
    }
}

on_both! {
    async fn a_list_that_cannot_be_cut_down_is_withheld(place: &Place) {
        const LISTS: &[&str] = &["", "no JSON", "[]", "{}", r#"{"jobs":{}}"#, r#"{"jobs":"job-1"}"#, r#"{"jobs":[1]}"#,
            r#"{"jobs":[],"jobs":[{"id":"job-1"}]}"#, r#"{"jobs":[{"id":"job-1"}]"#];
        let ionq = Upstream::answering(|request| {
            let number: usize = request.target.split_once('=').unwrap().1.parse().unwrap();
            Reply::new(200).body(LISTS[number])
        })
        .await;
        let office = Office::facing(place, ionq).await;

        for (number, list) in LISTS.iter().enumerate() {
            let answer = office.bellhop.get(&office.ada, &format!("{JOBS}?n={number}")).await;
            assert!(!answer.text().contains("job-1"), "{list}: {}", answer.text());
            assert!(answer.header("bellhop-refusal") == Some("upstream-invalid") || answer.text() == "{\"jobs\":[]}", "{list}: {}", answer.text());
        }
    }
}

on_both! {
    async fn a_compressed_body_hides_no_session(place: &Place) {
        let office = Office::open(place).await;
        office.bellhop.post(&office.ada, "/ionq/v0.4/sessions", &json!({})).await.assert_relayed();
        let body = json!({ "session_id": "session-1" }).to_string();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body.as_bytes()).unwrap();
        let zipped = encoder.finish().unwrap();
        let ask = |encoding: &str| Ask::post(JOBS).pat(&office.grace).header("Content-Encoding", encoding).body(zipped.clone());

        office.assert_unknown(&ask("gzip")).await;
        for encoding in ["br", "identity", "gzip, gzip", "deflate"] {
            office.bellhop.ask(&ask(encoding)).await.assert_refused("bad-request");
        }
        assert_eq!(office.ionq.requests().len(), 1);
    }
}

on_both! {
    async fn a_body_too_large_to_be_read_is_refused_under_a_shared_key(place: &Place) {
        let office = Office::open(place).await;
        let head = |framing: &str| {
            let ask = Ask::post(JOBS).pat(&office.ada).header(framing.split(':').next().unwrap(), framing.split(": ").nth(1).unwrap());
            ask.bytes("bellhop")
        };

        let stated = office.bellhop.raw(head("Content-Length: 40000000")).await;
        assert_eq!((stated.status, stated.header("bellhop-refusal")), (413, Some("bad-request")));
        let mut line = office.bellhop.connect().await;
        line.send(head("Transfer-Encoding: chunked")).await;
        let chunk = [b"100000\r\n".to_vec(), vec![b' '; 0x10_0000], b"\r\n".to_vec()].concat();
        for _ in 0..33 {
            let _ = line.try_send(&chunk).await;
        }
        assert!(line.answer_or_end().await.is_none_or(|answer| answer.status == 413));
        office.ionq.assert_untouched();
    }
}

on_both! {
    async fn a_body_that_names_jobs_and_cannot_be_read_is_refused_under_a_shared_key(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        let before = office.ionq.requests().len();

        for body in [
            String::new(),
            "no JSON".into(),
            "{}".into(),
            r#"{"ids":[]}"#.into(),
            r#"{"ids":[{}]}"#.into(),
            format!(r#"{{"ids":["{id}"],"ids":["job-9"]}}"#),
            format!(r#"{{"ids":["{id}"],"\u0069ds":["job-9"]}}"#),
            format!(r#"{{"ids":["{id}"]}} {{"ids":["job-9"]}}"#),
        ] {
            let ask = Ask::new("PUT", job("status/cancel")).pat(&office.ada).body(body.clone());
            office.bellhop.ask(&ask).await.assert_refused("bad-request");
        }
        assert_eq!(office.ionq.requests().len(), before);
    }
}
