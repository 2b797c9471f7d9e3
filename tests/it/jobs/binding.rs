//! What an answer to a submission says, and what goes on record of it.

use super::{
    office::{JOBS, Office, finished, job},
    place::{Place, on_both},
};
use crate::support::{Ask, Reply, Upstream};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

/// Answers submissions with what they carry as `answer`, and everything else with a finished job.
async fn echoing() -> Upstream {
    Upstream::answering(|request| match serde_json::from_slice::<Value>(&request.body) {
        Ok(body) if request.method == "POST" => Reply::new(200).body(body["answer"].as_str().unwrap()),
        _ => Reply::json(200, &finished("any")),
    })
    .await
}

fn submit(answer: impl ToString) -> Value {
    json!({ "answer": answer.to_string() })
}

on_both! {
    async fn an_answer_that_names_no_job_is_withheld_and_the_submission_unknown(place: &Place) {
        let office = Office::facing(place, echoing().await).await;
        let odd = [
            "", "no JSON", "[]", "{}", "null", "\"job-1\"", r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":{}}"#,
            r#"{"id":["a"]}"#, r#"{"id":1.5}"#, r#"{"id":true}"#, r#"{"id":"a","id":"b"}"#, r#"{"id":"a\u0000b"}"#,
            r#"{"id":"a"#, r#"{"job":"job-1"}"#,
        ];

        for answer in odd {
            let withheld = office.bellhop.post(&office.ada, JOBS, &submit(answer)).await;
            withheld.assert_refused("upstream-invalid");
            assert_eq!((withheld.status, withheld.header("bellhop-submit")), (409, Some("unknown")), "{answer}");
        }
        office.until_unknown(odd.len()).await;
        assert_eq!(office.jobs().await.len(), 0);
        assert_eq!(office.ionq.requests().len(), odd.len());
    }
}

on_both! {
    async fn an_answer_that_lies_about_its_length_is_withheld(place: &Place) {
        const SHORT: &[&str] = &[
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":\"job-1\"}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n{\"id\":\"job-1\"}\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"id\":\"job-1\"}\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"id\":\"job-1\"}",
        ];
        let ionq = Upstream::scripted(|mut line| async move {
            let answer = line.request().await.and_then(|request| SHORT.get(usize::from(request.body[0] - b'0')));
            line.send(answer.unwrap()).await;
        })
        .await;
        let office = Office::facing(place, ionq).await;

        for number in 0..SHORT.len() {
            let ask = Ask::post(JOBS).pat(&office.ada).body(number.to_string());
            let withheld = office.bellhop.ask(&ask).await;
            assert_eq!((withheld.status, withheld.header("bellhop-submit")), (409, Some("unknown")), "{number}");
        }
        office.until_unknown(SHORT.len()).await;
        assert_eq!(office.jobs().await.len(), 0);
    }
}

on_both! {
    async fn an_answer_that_is_compressed_against_our_asking_is_read(place: &Place) {
        let ionq = Upstream::answering(|request| {
            let encoding: String = serde_json::from_slice(&request.body).unwrap();
            Reply::new(200).header("Content-Encoding", &encoding).body(gzip(&json!({ "id": "job-1" })))
        })
        .await;
        let office = Office::facing(place, ionq).await;
        let submit = async |encoding: &str| office.bellhop.post(&office.ada, JOBS, &json!(encoding)).await;

        let read = submit("gzip").await;
        assert_eq!((read.json()["id"].as_str(), read.header("content-encoding")), (Some("job-1"), None));
        for encoding in ["br", "zstd", "deflate", "gzip, gzip"] {
            submit(encoding).await.assert_refused("upstream-invalid");
        }
        office.until_unknown(4).await;
    }
}

fn gzip(value: &Value) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(value.to_string().as_bytes()).unwrap();
    encoder.finish().unwrap()
}

on_both! {
    async fn of_an_answer_that_could_mean_either_the_fate_is_unknown(place: &Place) {
        let ionq = Upstream::answering(|request| {
            let status = String::from_utf8_lossy(&request.body).parse().unwrap();
            Reply::new(status).header("Location", "/v0.4/jobs/job-1")
        })
        .await;
        let office = Office::facing(place, ionq).await;
        let odd = [201, 202, 204, 302, 303, 307, 500, 502, 504];

        for status in odd {
            office.bellhop.ask(&Ask::post(JOBS).pat(&office.ada).body(status.to_string())).await;
        }

        office.until_unknown(odd.len()).await;
        assert_eq!(office.jobs().await.len(), 0);
    }
}

on_both! {
    async fn an_old_id_of_ones_own_stays_ones_own(place: &Place) {
        let office = Office::facing(place, echoing().await).await;

        for _ in 0..3 {
            let answer = office.bellhop.post(&office.ada, JOBS, &submit(json!({ "id": "again" }))).await;
            assert_eq!(answer.assert_relayed().json()["id"], "again");
        }

        office.poll(&office.ada, "again").await.assert_paid_by("acme", "job");
        assert_eq!(office.jobs().await.len(), 1);
    }
}

on_both! {
    async fn an_answer_with_another_members_id_is_withheld(place: &Place) {
        let office = Office::facing(place, echoing().await).await;
        let answer = submit(json!({ "id": "adas" }));
        office.bellhop.post(&office.ada, JOBS, &answer).await.assert_relayed();

        let withheld = office.bellhop.post(&office.grace, JOBS, &answer).await;

        withheld.assert_refused("upstream-invalid");
        assert!(!withheld.text().contains("adas"), "{}", withheld.text());
        office.poll(&office.ada, "adas").await.assert_paid_by("acme", "job");
        office.assert_unknown(&Ask::get(job("adas")).pat(&office.grace)).await;
        assert_eq!(office.jobs().await[0]["user"], "ada");
    }
}

on_both! {
    async fn ids_may_look_like_anything(place: &Place) {
        let office = Office::facing(place, echoing().await).await;
        let long = "x".repeat(4096);
        let ids = [
            ("a/b", "a%2Fb"), ("a%2Fb", "a%252Fb"), ("jöb-ü", "j%C3%B6b-%C3%BC"), ("量子", "%E9%87%8F%E5%AD%90"),
            ("a b?c#d", "a%20b%3Fc%23d"), ("a,b;c:d", "a,b;c:d"), ("UPPER", "UPPER"), ("1", "1"), (&long, &long),
        ];

        for (id, spelled) in ids {
            let answer = office.bellhop.post(&office.ada, JOBS, &submit(json!({ "id": id }))).await;
            assert_eq!(answer.assert_relayed().json()["id"], id);
            let polled = office.poll(&office.ada, spelled).await;
            if polled.status != 400 {
                polled.assert_paid_by("acme", "job");
            }
            assert!(matches!(office.poll(&office.grace, spelled).await.status, 400 | 404), "{id}");
        }
        let recorded = office.jobs().await;
        assert!(ids.iter().all(|(id, _)| recorded.iter().any(|job| job["job"] == *id)), "{recorded:?}");
    }
}

on_both! {
    async fn an_id_that_is_too_long_to_go_on_record_is_not_given_out(place: &Place) {
        let office = Office::facing(place, echoing().await).await;

        let withheld = office.bellhop.post(&office.ada, JOBS, &submit(json!({ "id": "x".repeat(4097) }))).await;

        withheld.assert_refused("upstream-invalid");
        office.until_unknown(1).await;
    }
}

on_both! {
    async fn children_are_their_parents_owners(place: &Place) {
        let ionq = Upstream::answering(|request| match request.target.as_str() {
            "/v0.4/jobs" => Reply::json(200, &json!({ "id": "parent", "child_job_ids": ["child-1"] })),
            "/v0.4/jobs/parent" => Reply::json(200, &json!({ "id": "parent", "child_job_ids": ["child-1", "child-2"] })),
            _ => Reply::json(200, &finished("child")),
        })
        .await;
        let office = Office::facing(place, ionq).await;
        office.submit(&office.ada).await;
        office.poll(&office.ada, "child-1").await.assert_paid_by("acme", "job");
        office.assert_unknown(&Ask::get(job("child-2")).pat(&office.ada)).await;

        office.poll(&office.ada, "parent").await.assert_relayed();

        // That there is no such job is believed for a second.
        crate::support::eventually("the child is known", async || office.poll(&office.ada, "child-2").await.status == 200).await;
        for child in ["child-1", "child-2"] {
            office.assert_unknown(&Ask::get(job(child)).pat(&office.grace)).await;
        }
    }
}

on_both! {
    async fn what_the_provider_refuses_is_passed_on_and_makes_nothing(place: &Place) {
        let ionq = Upstream::answering(|request| {
            let status = String::from_utf8_lossy(&request.body).parse().unwrap();
            Reply::json(status, &json!({ "error": "said the provider", "id": "not-made" }))
        })
        .await;
        let office = Office::facing(place, ionq).await;

        for status in [400, 402, 404, 409, 422, 429, 503] {
            let answer = office.bellhop.ask(&Ask::post(JOBS).pat(&office.ada).body(status.to_string())).await;
            assert_eq!((answer.status, answer.header("bellhop-submit")), (status, None));
            assert_eq!(answer.assert_relayed().json()["error"], "said the provider");
        }
        assert_eq!((office.jobs().await.len(), office.unknown().await.len()), (0, 0));
        office.assert_unknown(&Ask::get(job("not-made")).pat(&office.ada)).await;
    }
}
