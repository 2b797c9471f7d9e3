//! The store goes at the worst moment: nothing is sent that is not on record, and nothing that was made is lost.

use super::{
    office::{JOBS, Office, finished, hesitating, job},
    place::{Outage, Place, on_both},
};
use crate::support::{Answer, Ask, Bellhop, CATALOGUE, Reply, Upstream, eventually};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

/// The store goes while the provider makes a job of Ada's; the answer comes all the same.
async fn submitted_as_the_store_goes(place: &Place) -> (Office, Answer, Outage<'_>) {
    let (ionq, gate) = hesitating().await;
    let office = Office::facing(place, ionq).await;
    let mut line = office.bellhop.connect().await;
    line.send(Ask::post(JOBS).pat(&office.ada).json(&json!({})).bytes("bellhop")).await;
    office.ionq.until_requests(1).await;
    let outage = place.fail(&office.bellhop).await;
    gate.add_permits(1);
    let answer = line.answer().await;
    (office, answer, outage)
}

/// A provider whose one job has ended when the story says so.
async fn running_until(done: &Arc<AtomicBool>) -> Upstream {
    let done = Arc::clone(done);
    Upstream::answering(move |request| match request.method.as_str() {
        "POST" => Reply::json(200, &json!({ "id": "job-1" })),
        _ if done.load(SeqCst) => Reply::json(200, &finished("job-1")),
        _ => Reply::json(200, &json!({ "id": "job-1", "status": "running" })),
    })
    .await
}

on_both! {
    async fn the_answer_comes_though_the_store_has_gone_and_the_job_is_kept(place: &Place) {
        let (office, answer, outage) = submitted_as_the_store_goes(place).await;

        assert_eq!(answer.assert_paid_by("acme", "organization").json()["id"], "job-1");
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
        let (office, answer, outage) = submitted_as_the_store_goes(place).await;
        answer.assert_paid_by("acme", "organization");

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
    async fn a_cancel_while_the_store_is_gone_is_in_the_audit_trail_afterwards(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        office.poll(&office.ada, &id).await.assert_relayed();

        let outage = place.fail(&office.bellhop).await;
        office.put(&office.ada, &format!("{}/status/cancel", job(&id)), &json!({})).await.assert_relayed();
        let spooled = std::fs::read_dir(office.bellhop.data().join("spool")).unwrap();
        let texts: Vec<_> = spooled.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        assert!(texts.iter().any(|text| text.contains("job.cancelled")), "{texts:?}");
        outage.end().await;

        eventually("it is in the audit trail", async || {
            place.audited(&office.bellhop, "job.cancelled").await == [format!("ionq: job {id}")]
        })
        .await;
    }
}

on_both! {
    async fn a_cancel_that_can_be_written_down_nowhere_is_not_told_of(place: &Place) {
        let office = Office::open(place).await.on_a_disk_that_fills().await;
        let id = office.submit(&office.ada).await;
        office.poll(&office.ada, &id).await.assert_relayed();
        let before = office.ionq.requests().len();

        let outage = place.fail(&office.bellhop).await;
        office.bellhop.fill_disk();
        let refused = office.put(&office.ada, &format!("{}/status/cancel", job(&id)), &json!({})).await;

        refused.assert_refused("store-unavailable");
        assert!(refused.detail().contains("The provider took the cancel"), "{}", refused.detail());
        assert_eq!(office.ionq.requests().len(), before + 1);
        outage.end().await;
    }
}

on_both! {
    async fn an_answer_that_could_not_be_taken_note_of_is_read_when_it_comes_again(place: &Place) {
        let done = Arc::new(AtomicBool::new(false));
        let office = Office::facing(place, running_until(&done).await).await;
        let id = office.submit(&office.ada).await;
        office.poll(&office.ada, &id).await.assert_relayed();

        let outage = place.fail(&office.bellhop).await;
        done.store(true, SeqCst);
        office.poll(&office.ada, &id).await.assert_relayed();
        eventually("nothing came of it", async || office.bellhop.log().contains("the record of jobs cannot be written"))
            .await;
        outage.end().await;

        eventually("it has ended on record", async || {
            office.poll(&office.ada, &id).await.assert_relayed();
            office.jobs().await[0]["ended"] == "completed"
        })
        .await;
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
