//! Callers who do not wait: what they submitted goes on without them, or was never sent.

use super::{
    office::{JOBS, Office, hesitating, minting},
    place::{Place, on_both},
};
use crate::support::{Ask, Bellhop, Line, eventually};
use serde_json::json;
use std::time::Duration;

/// A submission on its way, of which only so many bytes of the body are sent.
async fn begin(office: &Office, framing: &str) -> Line {
    let mut line = office.bellhop.connect().await;
    let head = format!("POST {JOBS} HTTP/1.1\r\nHost: b\r\nAuthorization: apiKey {}\r\n", office.ada);
    line.send(format!("{head}{framing}")).await;
    line
}

on_both! {
    async fn who_leaves_before_the_body_is_complete_has_submitted_nothing(place: &Place) {
        let office = Office::open(place).await;

        for framing in [
            "Content-Length: 100\r\n\r\n",
            "Content-Length: 100\r\n\r\n{\"half\":",
            "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"half\":\r\n",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        ] {
            drop(begin(&office, framing).await);
        }

        tokio::time::sleep(Duration::from_millis(300)).await;
        office.ionq.assert_untouched();
        assert_eq!((office.jobs().await.len(), office.unknown().await.len()), (0, 0));
    }
}

on_both! {
    async fn a_submission_whose_body_stops_coming_is_given_up_unsent(place: &Place) {
        let site = |site: crate::support::Site| site.set("timeouts.body_idle", "1s");
        let office = Office::furnished(place, minting().await, site).await;

        let mut line = begin(&office, "Content-Length: 100\r\n\r\n{\"half\":").await;

        assert!(line.answer_or_end().await.is_none_or(|answer| answer.status == 408));
        office.ionq.assert_untouched();
    }
}

on_both! {
    async fn a_submission_whose_body_drips_is_let_through(place: &Place) {
        let site = |site: crate::support::Site| site.set("timeouts.body_idle", "1s");
        let office = Office::furnished(place, minting().await, site).await;
        let mut line = begin(&office, "Content-Length: 15\r\n\r\n").await;

        for piece in ["{\"sho", "ts\": ", "100}\n"] {
            tokio::time::sleep(Duration::from_millis(600)).await;
            line.send(piece).await;
        }

        line.answer().await.assert_paid_by("acme", "organization");
        assert_eq!(office.ionq.request().body, b"{\"shots\": 100}\n".as_slice());
    }
}

on_both! {
    async fn what_was_submitted_is_bound_though_nobody_waits_for_it(place: &Place) {
        let (ionq, gate) = hesitating().await;
        let office = Office::facing(place, ionq).await;
        let line = begin(&office, "Content-Length: 2\r\n\r\n{}").await;
        office.ionq.until_requests(1).await;

        drop(line);
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.add_permits(1);

        eventually("the job is on record", async || office.jobs().await.len() == 1).await;
        office.poll(&office.ada, "job-1").await.assert_paid_by("acme", "job");
        assert_eq!(office.ionq.requests().iter().filter(|request| request.method == "POST").count(), 1);
        assert!(office.unknown().await.is_empty());
    }
}

on_both! {
    async fn who_leaves_as_soon_as_the_body_is_sent_has_submitted_it_once_or_not_at_all(place: &Place) {
        let office = Office::open(place).await;

        for _ in 0..20 {
            drop(begin(&office, "Content-Length: 2\r\n\r\n{}").await);
        }

        let sent = async || office.ionq.requests().iter().filter(|request| request.method == "POST").count();
        eventually("all that was sent is on record", async || office.jobs().await.len() == sent().await).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!((office.jobs().await.len(), office.unknown().await.len()), (sent().await, 0));
        assert!(sent().await <= 20);
    }
}

on_both! {
    async fn a_drain_waits_for_what_was_submitted(place: &Place) {
        let (ionq, gate) = hesitating().await;
        let office = Office::furnished(place, ionq, |site| site.set("drain.deadline", "10s")).await;
        let line = begin(&office, "Content-Length: 2\r\n\r\n{}").await;
        office.ionq.until_requests(1).await;
        drop(line);
        tokio::time::sleep(Duration::from_millis(200)).await;

        office.bellhop.signal("TERM");
        tokio::time::sleep(Duration::from_millis(500)).await;
        let Office { mut bellhop, ionq, ada, .. } = office;
        assert_eq!(bellhop.has_exited(), None, "it waits");
        gate.add_permits(1);

        assert_eq!(bellhop.exit_code().await, Some(0), "{}", bellhop.log());
        let bellhop = Bellhop::start(bellhop.into_site()).await;
        bellhop.get(&ada, &format!("{JOBS}/job-1")).await.assert_paid_by("acme", "job");
        drop((bellhop, ionq));
    }
}

on_both! {
    async fn what_a_drain_did_not_wait_for_is_of_unknown_fate(place: &Place) {
        let (ionq, _gate) = hesitating().await;
        let office = Office::furnished(place, ionq, |site| site.set("drain.deadline", "500ms")).await;
        let _line = begin(&office, "Content-Length: 2\r\n\r\n{}").await;
        office.ionq.until_requests(1).await;

        let office = office.restarted().await;

        assert_eq!(office.unknown().await.len(), 1, "{}", office.bellhop.log());
        assert_eq!(office.ionq.requests().len(), 1);
    }
}

on_both! {
    async fn a_caller_on_http2_who_resets_the_stream_has_submitted_all_the_same(place: &Place) {
        let (ionq, gate) = hesitating().await;
        let office = Office::facing(place, ionq).await;
        let mut http2 = crate::support::http2::Http2::connect(&office.bellhop).await;
        let answer = http2.begin(&Ask::post(JOBS).pat(&office.ada).json(&json!({}))).await.unwrap();
        office.ionq.until_requests(1).await;

        drop(answer);
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.add_permits(1);

        eventually("the job is on record", async || office.jobs().await.len() == 1).await;
        office.poll(&office.ada, "job-1").await.assert_paid_by("acme", "job");
    }
}
