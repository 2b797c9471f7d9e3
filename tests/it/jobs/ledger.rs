//! What is counted, once, and what quotas leave room for.

use super::{
    office::{JOBS, Office, finished, job, minting},
    place::{Place, on_both},
};
use crate::support::{Ask, Bellhop, ProviderLine, Reply, Site, Upstream, eventually};
use futures_util::future::join_all;
use serde_json::{Value, json};

async fn usage(bellhop: &Bellhop) -> Vec<Value> {
    bellhop.run(&["usage", "--json"]).await.assert_code(0).json().as_array().unwrap().clone()
}

async fn quota(office: &Office, limit: &str) {
    let set = ["quota", "set", "jobs", limit, "--per", "day", "--org", "acme"];
    office.bellhop.run(&set).await.assert_code(0);
}

/// What of the one quota is used or held.
async fn used(office: &Office) -> String {
    let quotas = office.listed(&["quota", "list", "--json"]).await;
    quotas[0]["used"].as_str().expect("an amount").to_owned()
}

on_both! {
    async fn a_job_is_counted_once_however_often_it_is_polled(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;

        for _ in 0..3 {
            join_all((0..8).map(async |_| office.poll(&office.ada, &id).await.assert_relayed().status)).await;
            office.bellhop.get(&office.ada, JOBS).await.assert_relayed();
        }

        let counted = || async { usage(&office.bellhop).await };
        eventually("it has been counted", async || {
            counted().await.first().is_some_and(|line| line["qpu_seconds"] == "1.5")
        })
        .await;
        let line = &counted().await[0];
        assert_eq!((&line["name"], &line["jobs"], &line["shots"]), (&json!("ada"), &json!(1), &json!(100)), "{line}");
        let listed = &office.jobs().await[0];
        assert_eq!((&listed["ended"], &listed["status"]), (&json!("completed"), &json!("completed")));
    }
}

on_both! {
    async fn what_an_answer_in_chunks_says_is_noted_as_well(place: &Place) {
        let ionq = Upstream::answering(|request| {
            let told = json!({ "id": "job-1", "status": "canceled" }).to_string();
            let in_chunks = format!("{:x}\r\n{told}\r\n0\r\n\r\n", told.len());
            match request.method.as_str() {
                "POST" => Reply::json(200, &json!({ "id": "job-1" })),
                _ => Reply::new(200).header("Transfer-Encoding", "chunked").without_length().body(in_chunks),
            }
        })
        .await;
        let office = Office::facing(place, ionq).await;
        let id = office.submit(&office.ada).await;

        office.put(&office.ada, &format!("{}/status/cancel", job(&id)), &json!({})).await.assert_relayed();

        eventually("the job has ended on record", async || office.jobs().await[0]["ended"] == "cancelled").await;
    }
}

on_both! {
    async fn children_are_not_counted(place: &Place) {
        let ionq = Upstream::answering(|request| match request.target.as_str() {
            "/v0.4/jobs" => Reply::json(200, &json!({ "id": "parent", "child_job_ids": ["child-1", "child-2"] })),
            _ => Reply::json(200, &finished(request.target.rsplit('/').next().unwrap())),
        })
        .await;
        let office = Office::facing(place, ionq).await;

        office.submit(&office.ada).await;
        for id in ["parent", "child-1", "child-2"] {
            office.poll(&office.ada, id).await.assert_relayed();
        }

        eventually("the parent's time is counted", async || usage(&office.bellhop).await[0]["qpu_seconds"] == "1.5").await;
        let lines = usage(&office.bellhop).await;
        assert_eq!((lines.len(), &lines[0]["jobs"], &lines[0]["shots"]), (1, &json!(1), &json!(100)), "{lines:?}");
        assert_eq!(office.jobs().await.len(), 1);
    }
}

on_both! {
    async fn a_repeated_id_is_counted_once(place: &Place) {
        let ionq = Upstream::answering(|_| Reply::json(200, &json!({ "id": "again" }))).await;
        let office = Office::facing(place, ionq).await;

        join_all((0..10).map(async |_| office.submit(&office.ada).await)).await;

        assert_eq!(usage(&office.bellhop).await[0]["jobs"], 1);
    }
}

on_both! {
    async fn of_a_thousand_submissions_at_once_a_quota_lets_exactly_its_number_through(place: &Place) {
        let office = Office::furnished(place, minting().await, |site| site.set("log.level", "info")).await;
        quota(&office, "100").await;

        let submits = async |n: usize| {
            let mut line = office.bellhop.connect().await;
            let ask = Ask::post(JOBS).pat(if n.is_multiple_of(2) { &office.ada } else { &office.grace }).body("{}");
            let mut statuses = Vec::new();
            for _ in 0..20 {
                statuses.push(line.ask(&ask).await.status);
            }
            statuses
        };
        let statuses: Vec<u16> = join_all((0..50).map(submits)).await.concat();

        let count = |status| statuses.iter().filter(|s| **s == status).count();
        assert_eq!((count(200), count(403)), (100, 900), "{statuses:?}");
        assert_eq!((office.ionq.requests().len(), used(&office).await.as_str()), (100, "100"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_all_replicas_a_quota_lets_exactly_its_number_through() {
    let Some(place) = Place::postgres().await else { return };
    let office = Office::furnished(&place, minting().await, |site| site.set("log.level", "info")).await;
    quota(&office, "50").await;
    let mut site = place.hold(Site::facing(&office.ionq));
    site.reconfigure("master_key.file", office.bellhop.data().join("master.key").to_str().unwrap());
    let other = Bellhop::start(site).await;

    let submit = async |n: usize| {
        let bellhop = if n.is_multiple_of(2) { &office.bellhop } else { &other };
        bellhop.post(&office.ada, JOBS, &json!({})).await.status
    };
    let statuses = join_all((0..200).map(submit)).await;

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 50, "{statuses:?}");
    assert_eq!(used(&office).await, "50");
    drop((office, other));
    place.remove().await;
}

on_both! {
    async fn a_refusal_says_which_quota_and_when_it_renews(place: &Place) {
        let office = Office::open(place).await;
        quota(&office, "1").await;
        office.submit(&office.ada).await;

        let refused = office.bellhop.post(&office.ada, JOBS, &json!({})).await;

        refused.assert_refused("over-quota");
        assert!(refused.detail().contains("quota of 1 jobs a day, set by the operator"), "{}", refused.detail());
        assert!(refused.json()["renews"].is_string() && refused.json()["quota"].is_string());
        assert_eq!(office.ionq.requests().len(), 1);
    }
}

on_both! {
    async fn what_the_provider_refuses_takes_nothing_from_a_quota(place: &Place) {
        let ionq = Upstream::answering(|_| Reply::json(400, &json!({ "error": "bad circuit" }))).await;
        let office = Office::facing(place, ionq).await;
        quota(&office, "1").await;

        for _ in 0..3 {
            eventually("there is room again", async || {
                office.bellhop.post(&office.ada, JOBS, &json!({})).await.status == 400
            })
            .await;
        }

        eventually("nothing is held", async || used(&office).await == "0").await;
    }
}

on_both! {
    async fn what_is_unknown_keeps_what_it_holds_until_it_is_settled(place: &Place) {
        let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
            line.request().await;
        })
        .await;
        let office = Office::facing(place, ionq).await;
        quota(&office, "1").await;
        office.bellhop.post(&office.ada, JOBS, &json!({})).await;
        office.until_unknown(1).await;

        office.bellhop.post(&office.ada, JOBS, &json!({})).await.assert_refused("over-quota");
        let submission = office.unknown().await[0]["submission"].as_str().unwrap().to_owned();
        office.bellhop.run(&["job", "settle", &submission]).await.assert_code(0);

        assert_eq!(used(&office).await, "0");
    }
}

on_both! {
    async fn a_members_share_binds_that_member_only(place: &Place) {
        let office = Office::open(place).await;
        let set = ["quota", "set", "shots", "150", "--per", "month", "--org", "acme", "--user", "ada"];
        office.bellhop.run(&set).await.assert_code(0);
        let id = office.submit(&office.ada).await;

        let refused = office.bellhop.post(&office.ada, JOBS, &json!({ "shots": 100 })).await;

        refused.assert_refused("over-quota");
        office.submit(&office.grace).await;
        office.bellhop.get(&office.ada, &job(&id)).await.assert_relayed();
    }
}
