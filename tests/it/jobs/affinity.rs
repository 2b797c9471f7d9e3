//! A job is asked about with the provider token that made it, whatever has changed since.

use super::{
    office::{JOBS, Office, hesitating, job, minting},
    place::{Place, on_both},
};
use crate::support::{
    ACME_KEY, ADA_KEY, Ask, Bellhop, CATALOGUE, OPTICS_KEY, Site, eventually, soon::eventually_within,
};
use serde_json::json;
use std::time::Duration;

on_both! {
    async fn a_key_of_ones_own_changes_nothing_for_a_job_that_was_made_before(place: &Place) {
        let mut office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        office.bellhop.user("ada").key(ADA_KEY);
        office.bellhop.apply().await;
        eventually("the new key pays", async || {
            office.bellhop.get(&office.ada, CATALOGUE).await.assert_relayed();
            office.ionq.last().key() == ADA_KEY
        })
        .await;

        let polled = office.poll(&office.ada, &id).await;

        polled.assert_paid_by("acme", "job");
        assert_eq!(office.ionq.last().key(), ACME_KEY);
        office.put(&office.ada, &format!("{}/status/cancel", job(&id)), &json!({})).await.assert_paid_by("acme", "job");
    }
}

on_both! {
    async fn another_pin_and_another_context_change_nothing_either(place: &Place) {
        let mut office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        office.bellhop.organization("acme").project("optics", &["ada"]).project_key("optics", OPTICS_KEY);
        office.bellhop.user("ada").active("acme.optics");
        let pinned = office.bellhop.user("ada").pat_with("pinned", &json!({ "context": "acme.optics" }));
        office.bellhop.apply().await;
        eventually("the new token is known", async || office.bellhop.get(&pinned, CATALOGUE).await.status == 200).await;
        assert_eq!(office.ionq.last().key(), OPTICS_KEY);

        office.poll(&pinned, &id).await.assert_paid_by("acme", "job");
        office.poll(&office.ada, &id).await.assert_paid_by("acme", "job");
        let named = Ask::get(job(&id)).pat(&pinned).header("Bellhop-Context", "acme.optics");
        office.bellhop.ask(&named).await.assert_paid_by("acme", "job");
        assert_eq!(office.ionq.last().key(), ACME_KEY);
    }
}

on_both! {
    async fn a_rotated_key_is_used_for_jobs_that_the_old_one_made(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        office.poll(&office.ada, &id).await.assert_paid_by("acme", "job");

        let rotate = ["credential", "rotate", "ionq@acme", "--from-stdin", "api_key"];
        office.bellhop.run_with_input(&rotate, OPTICS_KEY).await.assert_code(0);

        eventually("the new version is used", async || {
            office.poll(&office.ada, &id).await.assert_paid_by("acme", "job");
            office.ionq.last().key() == OPTICS_KEY
        })
        .await;
    }
}

on_both! {
    async fn a_restart_forgets_no_job(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;

        let office = office.restarted().await.killed_and_restarted().await;

        office.poll(&office.ada, &id).await.assert_paid_by("acme", "job");
        office.assert_unknown(&Ask::get(job(&id)).pat(&office.grace)).await;
    }
}

on_both! {
    async fn a_job_of_ones_own_key_stays_with_it_when_the_organization_pays(place: &Place) {
        let mut office = Office::furnished(place, minting().await, |mut site| {
            site.user("ada").key(ADA_KEY);
            site
        })
        .await;
        let id = office.submit(&office.ada).await;
        office.bellhop.user("ada").active("acme");
        office.bellhop.apply().await;
        eventually("acme pays", async || {
            office.bellhop.get(&office.ada, CATALOGUE).await.assert_relayed();
            office.ionq.last().key() == ACME_KEY
        })
        .await;

        office.poll(&office.ada, &id).await.assert_paid_by("me", "job");
        let cancel = office.put(&office.ada, &job("status/cancel"), &json!({ "ids": [id] })).await;
        cancel.assert_paid_by("me", "job");
        office.assert_unknown(&Ask::get(job(&id)).pat(&office.grace)).await;
    }
}

on_both! {
    async fn a_deleted_key_answers_for_its_jobs_until_they_have_ended(place: &Place) {
        let (ionq, gate) = hesitating().await;
        gate.add_permits(1);
        let office = Office::facing(place, ionq).await;
        let id = office.submit(&office.ada).await;

        let told = office.bellhop.run(&["credential", "delete", "ionq@acme", "--yes"]).await.assert_code(0);

        assert!(told.err.contains("1 open job still needs this token"), "{}", told.err);
        eventually("nothing new is paid", async || {
            office.bellhop.get(&office.ada, CATALOGUE).await.header("bellhop-refusal") == Some("no-credential")
        })
        .await;
        // The answer tells that it has ended.
        office.poll(&office.ada, &id).await.assert_paid_by("acme", "job");
        eventually_within(Duration::from_secs(30), "the key is gone", async || {
            office.poll(&office.ada, &id).await.status != 200
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_replica_knows_every_job_at_once() {
    let Some(place) = Place::postgres().await else { return };
    let office = Office::open(&place).await;
    let mut site = place.hold(Site::facing(&office.ionq));
    site.reconfigure("master_key.file", office.bellhop.data().join("master.key").to_str().unwrap());
    let other = Bellhop::start(site).await;

    for _ in 0..5 {
        let id = office.submit(&office.ada).await;
        other.get(&office.ada, &job(&id)).await.assert_paid_by("acme", "job");
        let answer = other.post(&office.ada, JOBS, &json!({})).await.json();
        office.poll(&office.ada, answer["id"].as_str().unwrap()).await.assert_paid_by("acme", "job");
    }

    drop((office, other));
    place.remove().await;
}

on_both! {
    async fn one_request_about_jobs_of_several_keys_is_refused(place: &Place) {
        let office = Office::furnished(place, minting().await, |mut site| {
            site.user("ada").key(ADA_KEY);
            site
        })
        .await;
        let own = office.submit(&office.ada).await;
        let shared = Ask::post(JOBS).pat(&office.ada).header("Bellhop-Context", "acme").json(&json!({}));
        let shared = office.bellhop.ask(&shared).await.json()["id"].as_str().unwrap().to_owned();
        let before = office.ionq.requests().len();

        let both = office.put(&office.ada, &job("status/cancel"), &json!({ "ids": [own, shared] })).await;

        both.assert_refused("bad-request");
        assert!(both.detail().contains("different provider tokens"), "{}", both.detail());
        assert_eq!(office.ionq.requests().len(), before);
        office.put(&office.ada, &job("status/cancel"), &json!({ "ids": [shared] })).await.assert_paid_by("acme", "job");
    }
}

on_both! {
    async fn a_submission_into_a_session_is_paid_by_what_made_the_session(place: &Place) {
        let mut office = Office::open(place).await;
        office.bellhop.post(&office.ada, "/ionq/v0.4/sessions", &json!({})).await.assert_paid_by("acme", "organization");
        office.bellhop.user("ada").key(ADA_KEY);
        office.bellhop.apply().await;
        let submit = |context: Option<&str>| {
            let ask = Ask::post(JOBS).pat(&office.ada).json(&json!({ "session_id": "session-1" }));
            context.into_iter().fold(ask, |ask, context| ask.header("Bellhop-Context", context))
        };

        office.bellhop.ask(&submit(None)).await.assert_paid_by("acme", "job");
        office.bellhop.ask(&submit(Some("acme"))).await.assert_paid_by("acme", "job");
        office.bellhop.ask(&submit(Some("me"))).await.assert_refused("bad-request");
        let foreign = Ask::post(JOBS).pat(&office.grace).json(&json!({ "session_id": "session-1" }));
        office.assert_unknown(&foreign).await;
    }
}

on_both! {
    async fn a_follow_up_needs_no_context_where_a_submission_needs_one(place: &Place) {
        let office = Office::furnished(place, minting().await, |mut site| {
            site.organization("globex").key(OPTICS_KEY).member("ada", "member");
            site
        })
        .await;
        let submit = Ask::post(JOBS).pat(&office.ada).json(&json!({}));
        office.bellhop.ask(&submit).await.assert_refused("ambiguous-context");
        for (context, key) in [("acme", ACME_KEY), ("globex", OPTICS_KEY)] {
            let made = office.bellhop.ask(&submit.clone().header("Bellhop-Context", context)).await.json();

            office.poll(&office.ada, made["id"].as_str().unwrap()).await.assert_paid_by(context, "job");

            assert_eq!(office.ionq.last().key(), key);
        }
    }
}

on_both! {
    async fn what_a_token_may_holds_for_follow_ups_too(place: &Place) {
        let mut office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        let mut ada = |name: &str, boundary| office.bellhop.user("ada").pat_with(name, &boundary);
        let elsewhere = ada("elsewhere", json!({ "contexts": ["me"] }));
        let dwave = ada("dwave", json!({ "providers": ["dwave"] }));
        let reader = ada("reader", json!({ "scopes": ["read"] }));
        office.bellhop.apply().await;
        eventually("the tokens are known", async || office.poll(&reader, &id).await.status == 200).await;
        let before = office.ionq.requests().len();

        office.poll(&elsewhere, &id).await.assert_refused("not-allowed");
        office.poll(&dwave, &id).await.assert_refused("not-allowed");
        office.put(&reader, &format!("{}/status/cancel", job(&id)), &json!({})).await.assert_refused("not-allowed");
        assert_eq!(office.ionq.requests().len(), before);
    }
}

on_both! {
    async fn who_has_left_reaches_their_jobs_no_more(place: &Place) {
        let mut office = Office::open(place).await;
        let id = office.submit(&office.ada).await;

        office.bellhop.organization("acme").without_member("ada");
        office.bellhop.try_apply(&["--prune"]).await.assert_code(0);

        eventually("the membership is over", async || office.poll(&office.ada, &id).await.status != 200).await;
        let before = office.ionq.requests().len();
        let refused = office.poll(&office.ada, &id).await;
        assert!(matches!(refused.status, 403 | 404), "{}", refused.text());
        assert_eq!(office.ionq.requests().len(), before);
        office.bellhop.run(&["job", "adopt", "ionq", &id, "--to", "maud"]).await.assert_code(0);
        office.poll(&office.maud, &id).await.assert_paid_by("acme", "job");
    }
}

on_both! {
    async fn an_adopted_job_is_its_new_owners(place: &Place) {
        let office = Office::open(place).await;
        let id = office.submit(&office.ada).await;
        office.assert_unknown(&Ask::get(job(&id)).pat(&office.grace)).await;

        office.bellhop.run(&["job", "adopt", "ionq", &id, "--to", "grace"]).await.assert_code(0);

        eventually("it is Grace's", async || office.poll(&office.grace, &id).await.status == 200).await;
        eventually("it is not Ada's", async || office.poll(&office.ada, &id).await.status == 404).await;
    }
}
