//! Submissions of which nobody knows what came of them: never sent twice, never forgotten.

use super::{
    office::{JOBS, Office, hesitating, job},
    place::{Place, on_both},
};
use crate::support::{Ask, ProviderLine, Upstream};
use serde_json::json;

/// Reads every request and ends the connection.
async fn dying() -> Upstream {
    Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
    })
    .await
}

on_both! {
    async fn an_intent_is_on_record_before_the_provider_sees_a_byte(place: &Place) {
        let (ionq, _gate) = hesitating().await;
        let office = Office::facing(place, ionq).await;
        let mut line = office.bellhop.connect().await;
        let bytes = Ask::post(JOBS).pat(&office.ada).json(&json!({ "shots": 7 })).bytes("bellhop");
        line.send(bytes).await;
        office.ionq.until_requests(1).await;

        let office = office.killed_and_restarted().await;

        let unknown = office.unknown().await;
        assert_eq!(unknown.len(), 1, "{unknown:?}");
        assert_eq!((&unknown[0]["user"], &unknown[0]["shots"]), (&json!("ada"), &json!(7)));
        assert_eq!(office.ionq.requests().len(), 1, "a submission is never sent twice");
    }
}

on_both! {
    async fn while_a_submission_is_unknown_no_id_is_called_unknown(place: &Place) {
        let office = Office::facing(place, dying().await).await;
        let lost = office.bellhop.post(&office.ada, JOBS, &json!({})).await;
        assert_eq!((lost.status, lost.header("bellhop-submit")), (409, Some("unknown")));
        office.until_unknown(1).await;

        let polled = office.poll(&office.ada, "job-1").await;

        polled.assert_refused("store-unavailable");
        assert!(polled.header("retry-after").is_some() && polled.detail().contains("--unknown"), "{}", polled.detail());
        office.assert_unknown(&Ask::get(job("job-1")).pat(&office.grace)).await;
        assert_eq!(office.ionq.requests().len(), 1);
    }
}

on_both! {
    async fn an_unknown_submission_can_be_adopted_with_its_job(place: &Place) {
        let (ionq, _gate) = hesitating().await;
        let office = Office::facing(place, ionq).await;
        let mut line = office.bellhop.connect().await;
        let bytes = Ask::post(JOBS).pat(&office.ada).json(&json!({})).bytes("bellhop");
        line.send(bytes).await;
        office.ionq.until_requests(1).await;
        let office = office.killed_and_restarted().await;
        let submission = office.unknown().await[0]["submission"].as_str().unwrap().to_owned();

        let adopt = ["job", "adopt", "ionq", "job-1", "--to", "ada", "--submission", &submission];
        office.bellhop.run(&adopt).await.assert_code(0);

        crate::support::eventually("it is Ada's", async || office.poll(&office.ada, "job-1").await.status == 200).await;
        office.poll(&office.ada, "job-1").await.assert_paid_by("acme", "job");
        assert!(office.unknown().await.is_empty());
        office.assert_unknown(&Ask::get(job("job-2")).pat(&office.ada)).await;
    }
}

on_both! {
    async fn a_submission_that_is_settled_holds_nobody_up_any_more(place: &Place) {
        let office = Office::facing(place, dying().await).await;
        office.bellhop.post(&office.ada, JOBS, &json!({})).await;
        office.until_unknown(1).await;
        let submission = office.unknown().await[0]["submission"].as_str().unwrap().to_owned();

        office.bellhop.run(&["job", "settle", &submission]).await.assert_code(0);

        office.assert_unknown(&Ask::get(job("job-1")).pat(&office.ada)).await;
        assert!(office.unknown().await.is_empty());
    }
}

on_both! {
    async fn what_was_never_sent_is_not_unknown(place: &Place) {
        let office = Office::facing(place, dying().await).await;
        office.ionq.go_down();

        let refused = office.bellhop.post(&office.ada, JOBS, &json!({})).await;

        refused.assert_refused("upstream-unreachable");
        assert_eq!((refused.status, refused.header("bellhop-submit")), (502, None));
        crate::support::eventually("nothing is pending", async || office.poll(&office.ada, "job-1").await.status == 404)
            .await;
        assert!(office.unknown().await.is_empty());
    }
}
