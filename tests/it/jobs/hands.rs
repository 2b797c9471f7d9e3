//! What is done about jobs beside passing on what callers ask: by Bellhop itself, and by an operator's hand.

use super::{
    office::{Office, finished, minting},
    place::{Place, on_both},
};
use crate::support::{
    ACME_KEY, ADA_KEY, Bellhop, CATALOGUE, Reply, Site, Upstream, canary::assert_no_secret, eventually,
};
use serde_json::json;

/// Polls answer that the job is done, cancels that it is cancelled, and nothing but acme's key is taken.
async fn telling() -> Upstream {
    Upstream::answering(|request| {
        let key = format!("apiKey {ACME_KEY}");
        if !request.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("authorization") && *value == key) {
            return Reply::json(401, &json!({ "message": "no such key" }));
        }
        match request.method.as_str() {
            "POST" => Reply::json(200, &json!({ "id": "job/1", "status": "submitted" })),
            "PUT" => Reply::json(200, &json!({ "id": "job/1", "status": "canceled" })),
            _ => Reply::json(200, &finished("job/1")),
        }
    })
    .await
}

on_both! {
    async fn what_nobody_asks_about_is_asked_about_where_the_operator_wants_it(place: &Place) {
        let followed = |site: Site| site.set("jobs", json!({ "follow": true, "follow_every": "10s" }));
        let office = Office::furnished(place, telling().await, followed).await;
        office.submit(&office.ada).await;

        let office = office.restarted().await;

        eventually("the job has ended on record", async || office.jobs().await[0]["ended"] == "completed").await;
        assert_eq!(office.jobs().await[0]["qpu_seconds"], "1.5");
        assert_eq!(office.ionq.last().target, "/v0.4/jobs/job%2F1");
    }
}

on_both! {
    async fn nobody_is_asked_where_the_operator_does_not_want_it(place: &Place) {
        let office = Office::facing(place, telling().await).await;
        office.submit(&office.ada).await;

        let office = office.restarted().await;

        office.bellhop.get(&office.ada, CATALOGUE).await.assert_relayed();
        let polls = office.ionq.requests().iter().filter(|request| request.target.contains("job%2F1")).count();
        assert_eq!(polls, 0);
    }
}

on_both! {
    async fn a_credential_that_is_switched_off_asks_about_nothing(place: &Place) {
        let with_graces_key = |mut site: Site| {
            site.user("grace").key(ADA_KEY);
            site
        };
        let office = Office::furnished(place, minting().await, with_graces_key).await;
        for who in [&office.grace, &office.ada, &office.grace] {
            office.submit(who).await;
        }
        let Office { bellhop, ionq, .. } = office;
        bellhop.run(&["credential", "disable", "ionq@acme"]).await.assert_code(0);
        let mut site = bellhop.stop().await;
        site.reconfigure("jobs", json!({ "follow": true, "follow_every": "1h" }));
        let before = ionq.requests().len();

        let _bellhop = Bellhop::start(site).await;

        ionq.until_requests(before + 2).await;
        let asked: Vec<String> = ionq.requests()[before..].iter().map(|request| request.target.clone()).collect();
        assert!(!asked.contains(&"/v0.4/jobs/job-2".to_owned()), "{asked:?}");
    }
}

on_both! {
    async fn an_operator_cancels_with_the_credential_that_made_the_job(place: &Place) {
        let office = Office::facing(place, telling().await).await;
        office.submit(&office.ada).await;

        let told = office.bellhop.run(&["job", "cancel", "ionq", "job/1"]).await.assert_code(0);

        assert!(told.err.contains("canceled"), "{}", told.err);
        let last = office.ionq.last();
        assert_eq!((last.method.as_str(), last.target.as_str()), ("PUT", "/v0.4/jobs/job%2F1/status/cancel"));
        office.bellhop.run(&["job", "cancel", "ionq", "absent"]).await.assert_code(1);
        for action in ["job.cancelling", "job.cancelled"] {
            assert_eq!(place.audited(&office.bellhop, action).await, ["ionq job/1"], "{action}");
        }
    }
}

on_both! {
    async fn a_cancel_that_comes_to_nothing_was_asked_for_all_the_same(place: &Place) {
        let office = Office::facing(place, telling().await).await;
        office.submit(&office.ada).await;
        office.ionq.go_down();

        office.bellhop.run(&["job", "cancel", "ionq", "job/1"]).await.assert_code(1);

        for (action, told) in [("job.cancelling", 1), ("job.not-cancelled", 1), ("job.cancelled", 0)] {
            assert_eq!(place.audited(&office.bellhop, action).await.len(), told, "{action}");
        }
    }
}

on_both! {
    async fn what_the_provider_says_to_an_operator_is_without_the_organizations_key(place: &Place) {
        let echoing = Upstream::answering(|request| match request.method.as_str() {
            "POST" => Reply::json(200, &json!({ "id": "job-1" })),
            "PUT" => Reply::json(409, &json!({ "asked_by": request.key(), "id": "job-1" })),
            _ => Reply::json(200, &finished("job-1")),
        });
        let office = Office::facing(place, echoing.await).await;
        office.submit(&office.ada).await;

        let told = office.bellhop.run(&["job", "cancel", "ionq", "job-1"]).await.assert_code(1);

        let stars = "*".repeat(ACME_KEY.len());
        assert!(told.err.contains("409") && told.err.contains(&stars), "{}", told.err);
        assert_no_secret("what an operator is told", told.err.as_bytes());
    }
}
