//! The store goes at the worst moment: nothing is sent that is not on record, and nothing that was made is lost.

use super::{
    office::{JOBS, Office, hesitating, job},
    place::{Place, on_both},
};
use crate::support::{Ask, Bellhop, CATALOGUE, eventually};
use serde_json::json;

on_both! {
    async fn the_answer_comes_though_the_store_has_gone_and_the_job_is_kept(place: &Place) {
        let (ionq, gate) = hesitating().await;
        let office = Office::facing(place, ionq).await;
        let mut line = office.bellhop.connect().await;
        let bytes = Ask::post(JOBS).pat(&office.ada).json(&json!({})).bytes("bellhop");
        line.send(bytes).await;
        office.ionq.until_requests(1).await;

        let outage = place.fail(&office.bellhop).await;
        gate.add_permits(1);

        assert_eq!(line.answer().await.assert_paid_by("acme", "organization").json()["id"], "job-1");
        if matches!(place, Place::Sqlite) {
            office.poll(&office.ada, "job-1").await.assert_paid_by("acme", "job");
        }
        outage.end().await;
        eventually("it is in the store", async || office.jobs().await.len() == 1).await;
        office.poll(&office.ada, "job-1").await.assert_paid_by("acme", "job");
        assert!(office.unknown().await.is_empty());
    }
}

on_both! {
    async fn what_only_the_spool_has_survives_the_process(place: &Place) {
        let (ionq, gate) = hesitating().await;
        let office = Office::facing(place, ionq).await;
        let mut line = office.bellhop.connect().await;
        let bytes = Ask::post(JOBS).pat(&office.ada).json(&json!({})).bytes("bellhop");
        line.send(bytes).await;
        office.ionq.until_requests(1).await;
        let outage = place.fail(&office.bellhop).await;
        gate.add_permits(1);
        line.answer().await.assert_paid_by("acme", "organization");

        let Office { bellhop, ionq, ada, grace, maud } = office;
        let site = bellhop.kill().await;
        outage.end().await;
        let office = Office { bellhop: Bellhop::start(site).await, ionq, ada, grace, maud };

        office.poll(&office.ada, "job-1").await.assert_paid_by("acme", "job");
        office.assert_unknown(&Ask::get(job("job-1")).pat(&office.grace)).await;
        assert_eq!((office.jobs().await.len(), office.unknown().await.len()), (1, 0));
        let left = std::fs::read_dir(office.bellhop.data().join("spool")).unwrap().count();
        assert_eq!(left, 1, "the running process's own");
    }
}

on_both! {
    async fn what_cannot_be_put_on_record_is_not_sent(place: &Place) {
        let office = Office::open(place).await;
        office.bellhop.get(&office.ada, CATALOGUE).await.assert_relayed();
        let before = office.ionq.requests().len();

        let outage = place.fail(&office.bellhop).await;
        let refused = office.bellhop.post(&office.ada, JOBS, &json!({})).await;

        refused.assert_refused("store-unavailable");
        assert!(refused.header("retry-after").is_some());
        assert_eq!((refused.header("bellhop-submit"), office.ionq.requests().len()), (None, before));
        outage.end().await;
        eventually("it can be submitted", async || {
            office.bellhop.post(&office.ada, JOBS, &json!({})).await.status == 200
        })
        .await;
        assert_eq!((office.jobs().await.len(), office.unknown().await.len()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_store_known_jobs_are_polled_and_unknown_ones_are_not_called_absent() {
    let Some(place) = Place::postgres().await else { return };
    let office = Office::open(&place).await;
    let (polled, fresh) = (office.submit(&office.ada).await, office.submit(&office.ada).await);
    office.poll(&office.ada, &polled).await.assert_paid_by("acme", "job");

    let outage = place.fail(&office.bellhop).await;

    office.poll(&office.ada, &polled).await.assert_paid_by("acme", "job");
    for id in [&*fresh, "absent"] {
        let refused = office.poll(&office.ada, id).await;
        refused.assert_refused("store-unavailable");
        assert!(refused.detail().contains("whose this is"), "{}", refused.detail());
    }
    outage.end().await;
    eventually("the fresh one is found", async || office.poll(&office.ada, &fresh).await.status == 200).await;
    eventually("the absent one is not", async || office.poll(&office.ada, "absent").await.status == 404).await;
    drop(office);
    place.remove().await;
}
