//! What the stored credential is exchanged for: once for everybody, before it ends, and told readably when it fails.

use super::{ACME_SECRET, ADA_SECRET, Guild, guild};
use crate::support::{Ask, Bellhop, Pat, Reply, eventually};
use futures_util::future::join_all;
use serde_json::json;
use std::time::{Duration, Instant};

async fn ada_at(guild_: &Guild) -> (Bellhop, Pat) {
    let mut site = guild_.site();
    let ada = site.user("ada").credential(&guild(ADA_SECRET)).pat();
    (site.serve().await, ada)
}

fn bearer(pat: &Pat, target: &str) -> Ask {
    Ask::get(target).header("Authorization", format!("Bearer {pat}"))
}

#[tokio::test]
async fn a_credential_is_exchanged_once_and_the_token_stays_here() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    for _ in 0..3 {
        let answer = bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await;
        answer.assert_paid_by("me", "own");
        // The provider says back what it was sent: masked, as every secret is.
        assert_eq!(answer.json()["seen"], format!("Bearer {}", "*".repeat("fake-access-1-canary".len())));
    }
    assert_eq!(guild.desk.exchanges(), 1);
    assert!(guild.questions().iter().all(|q| q.header("authorization") == Some("Bearer fake-access-1-canary")));
}

#[tokio::test]
async fn a_thousand_callers_who_find_it_ended_make_one_exchange() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    guild.desk.live_for(json!(2));
    bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await.assert_relayed();
    assert_eq!(guild.desk.exchanges(), 1);
    guild.desk.live_for(json!(3600));
    // Past its end, of which a tenth is kept for what is on its way.
    tokio::time::sleep(Duration::from_millis(2100)).await;

    let asks = (0..1000).map(|_| async { bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await });
    let answers = join_all(asks).await;

    for answer in &answers {
        answer.assert_relayed();
    }
    assert_eq!(guild.desk.exchanges(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_nobody_waits() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    guild.desk.live_for(json!(3));
    bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await.assert_relayed();
    guild.desk.live_for(json!(3600));
    let began = Instant::now();
    eventually("the second exchange", async || {
        bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await.assert_relayed();
        guild.desk.exchanges() == 2
    })
    .await;
    assert!(began.elapsed() > Duration::from_millis(1800), "after three quarters of its life, not before");
}

#[tokio::test]
async fn a_login_that_refuses_the_stored_key_is_told_as_that_and_is_not_asked_again_at_once() {
    let guild_ = Guild::open().await;
    let mut site = guild_.site();
    let ada = site.user("ada").credential(&guild("fake-revoked-secret-canary")).pat();
    site.organization("acme").credential(&guild(ACME_SECRET)).member("bob", "member");
    let bob = site.user("bob").pat();
    let bellhop = site.serve().await;
    for _ in 0..5 {
        let answer = bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await;
        answer.assert_refused("credential-refused");
        assert!(answer.detail().contains("bellhop credential rotate guild@me"), "{}", answer.detail());
    }
    assert_eq!(guild_.desk.exchanges(), 1, "who refuses is not asked again at once");
    // Another credential is none the worse for it.
    bellhop
        .ask(&Ask::get("/guild/jobs/x").header("Authorization", format!("Bearer {bob}")))
        .await
        .assert_refused("unknown-job");
    let submit = Ask::post("/guild/jobs").header("Authorization", format!("Bearer {bob}")).json(&json!({}));
    bellhop.ask(&submit).await.assert_paid_by("acme", "organization");
    assert!(guild_.questions().iter().all(|q| q.header("authorization") == Some("Bearer fake-access-2-canary")));
}

#[tokio::test]
async fn whatever_a_broken_login_answers_nothing_is_sent_and_it_recovers() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    let broken = [
        (
            Reply::new(200).header("Content-Type", "text/html").body("<html>Please log in</html>"),
            "upstream-unreachable",
        ),
        (Reply::json(200, &json!({ "error": "invalid_key" })), "credential-refused"),
        (Reply::json(200, &json!({ "access_token": "fake-x-canary", "expires_in": -10 })), "upstream-unreachable"),
        (Reply::json(200, &json!({ "access_token": 7 })), "upstream-unreachable"),
        (Reply::new(503), "upstream-unreachable"),
        (Reply::new(302).header("Location", "https://evil.example.org/"), "upstream-unreachable"),
        (Reply::json(401, &json!({})), "credential-refused"),
    ];
    for (reply, code) in broken {
        guild.desk.say(Some(reply.clone()));
        // What failed before is remembered for a while.
        eventually("this failure", async || {
            bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await.header("bellhop-refusal") == Some(code)
        })
        .await;
    }
    assert!(guild.questions().is_empty(), "nothing was sent without a token");
    guild.desk.say(None);
    eventually("the login is good again", async || bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await.status == 200)
        .await;
}

#[tokio::test]
async fn a_token_that_the_provider_takes_back_is_replaced_for_questions_and_nothing_is_submitted_twice() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await.assert_relayed();
    // A token that is refused as soon as it is made is refused for another reason.
    tokio::time::sleep(Duration::from_millis(5100)).await;
    guild.desk.forget();
    let submit = Ask::post("/guild/jobs").header("Authorization", format!("Bearer {ada}")).json(&json!({}));
    bellhop.ask(&submit).await.assert_refused("credential-refused");
    let submitted = || guild.questions().iter().filter(|q| q.method == "POST").count();
    assert_eq!(submitted(), 1);
    bellhop.ask(&bearer(&ada, "/guild/jobs/job-1")).await.assert_relayed();
    bellhop.ask(&submit).await.assert_relayed();
    assert_eq!((submitted(), guild.desk.exchanges()), (2, 2));
}
