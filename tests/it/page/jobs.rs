//! Jobs on the page: seen by whom they concern, cancelled, handed on; and what is of unknown fate, settled.

use super::Browser;
use crate::{
    management::cast::Cast,
    support::{ACME_KEY, Ask},
};
use serde_json::json;

const JOB: &str = "/jobs/ionq/job%2F1";

#[tokio::test]
async fn a_member_finds_a_job_and_cancels_it_with_the_key_that_made_it() {
    let (cast, ionq) = Cast::with_jobs().await;
    let mut alan = Browser::of(&cast, "alan").await;
    let empty = alan.read("/jobs").await;
    assert!(empty.contains("No job yet") && empty.contains("href=\"/connect\"") && !empty.contains("data-live"));
    cast.job_of_alan().await;

    let list = alan.read("/jobs").await;
    assert!(list.contains("href=\"/jobs/ionq/job%2F1?account=") && list.contains("id=\"jobs\" data-live"), "{list}");
    assert!(list.contains("submitted") && list.contains(">acme<") && !list.contains("Nobody knows"), "{list}");
    assert!(alan.read("/jobs?progress=ended").await.contains("No job is like this"));
    assert!(alan.read("/jobs?provider=dwave").await.contains("No job is like this"));
    assert!(alan.read("/jobs?provider=gone").await.contains("<option value=\"gone\" selected>"));
    assert!(alan.read("/jobs?of=acme&progress=open&provider=ionq").await.contains("job%2F1"));
    let one = alan.read(JOB).await;
    assert!(one.contains("ionq key") && one.contains("with the token “runs”") && one.contains("data-live"), "{one}");
    assert!(!one.contains("Give to somebody") && !one.contains(ACME_KEY), "{one}");
    let asked = alan.read(&format!("{JOB}/cancel")).await;
    assert!(asked.contains("with the provider token “ionq key” that made it") && asked.contains("cannot be undone"));
    let cancelled = alan.send_form(&format!("{JOB}/cancel"), &[]).await;

    assert_eq!((cancelled.status, cancelled.header("location")), (303, Some("/jobs/ionq/job%2F1?said=cancelled")));
    assert_eq!((ionq.last().method.as_str(), ionq.last().key()), ("PUT", ACME_KEY));
    assert!(alan.read(cancelled.header("location").unwrap()).await.contains("The provider has taken the cancel"));
    ionq.go_down();
    let gone = alan.send_form(&format!("{JOB}/cancel"), &[]).await;
    assert!(gone.status == 422 && gone.text().contains("role=\"alert\""), "{}", gone.text());
}

#[tokio::test]
async fn each_sees_the_jobs_that_are_theirs_to_see_and_no_button_too_many() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;

    for (user, path, status) in [
        ("eve", JOB, 404),
        ("eve", "/jobs/ionq/job%2F7", 404),
        ("eve", "/jobs/ionq/job%2F1/cancel", 404),
        ("eve", "/jobs/ionq/job%2F1/adopt", 404),
        ("eve", "/jobs?of=acme", 404),
        ("eve", "/jobs?of=*", 403),
        ("alan", "/jobs?of=*", 403),
        ("alan", "/jobs?user=grace", 404),
        ("alan", "/jobs/ionq/job%2F1/adopt", 403),
        ("grace", "/jobs?user=alan", 404),
        ("iris", "/jobs?of=nowhere", 404),
    ] {
        let answer = Browser::of(&cast, user).await.get(path).await;
        assert_eq!(answer.status, status, "{user} {path}: {}", answer.text());
        assert!(!answer.text().contains("ionq key"));
    }
    for (user, list) in [
        ("grace", "/jobs?of=acme"),
        ("ada", "/jobs?of=acme&user=alan"),
        ("iris", "/jobs?of=*"),
        ("iris", "/jobs?user=alan"),
    ] {
        let mut overseer = Browser::of(&cast, user).await;
        assert!(overseer.read(list).await.contains("job%2F1"), "{user}");
        assert!(overseer.read("/jobs").await.contains("No job yet"), "{user}");
        let one = overseer.read(JOB).await;
        assert!(one.contains("Give to somebody") && one.contains("/cancel"), "{user}");
        assert!(overseer.read(&format!("{JOB}/cancel")).await.contains("It is alan’s job, not yours."), "{user}");
    }
    assert!(Browser::of(&cast, "grace").await.read("/jobs?of=acme&user=nobody").await.contains("No job is like this"));
}

#[tokio::test]
async fn an_overseer_hands_a_job_on_as_it_was_read_and_while_they_may() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let (mut grace, mut ada) = (Browser::of(&cast, "grace").await, Browser::of(&cast, "ada").await);
    let path = format!("{JOB}/adopt");
    let form = grace.read(&path).await;
    assert!(form.contains("<option value=\"alan\">"), "{form}");
    let tag = form.split("name=\"tag\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    for to in ["eve", "nobody", "<script>", "a\u{0}b", &"x".repeat(10_240)] {
        let refused = grace.send_form(&path, &[("tag", &tag), ("to", to)]).await;
        let text = refused.text();
        assert!(refused.status == 422 && text.contains("role=\"alert\"") && !text.contains("<script>"), "{text}");
    }
    let elsewhere = ada.send_form(&path, &[("tag", &tag), ("to", "ada")]).await;
    assert_eq!(elsewhere.header("location"), Some("/jobs/ionq/job%2F1?said=adopted"), "{}", elsewhere.text());
    let late = grace.send_form(&path, &[("tag", &tag), ("to", "grace")]).await;
    assert!(late.status == 422 && late.text().contains("changed since it was read"), "{}", late.text());
    assert!(late.text().contains("name=\"to\" value=\"grace\"") && late.text().contains("It is ada’s now"));
    assert_eq!(Browser::of(&cast, "alan").await.get(JOB).await.status, 404);

    let csrf = grace.csrf(&path).await;
    cast.set_member("acme", "grace", "member").await;
    assert_eq!(grace.submit(&path, &[("csrf", &csrf), ("to", "grace")]).await.status, 404);
}

#[tokio::test]
async fn what_is_of_unknown_fate_is_shown_and_settled_by_who_may() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let (made, never) = (cast.lost_by_alan().await, cast.lost_by_alan().await);
    let [made, never] = [made, never].map(|id| format!("/submissions/{id}"));
    let (mut alan, mut grace) = (Browser::of(&cast, "alan").await, Browser::of(&cast, "grace").await);

    assert!(alan.read("/jobs").await.contains(&made));
    let his = alan.read(&made).await;
    assert!(his.contains("A maintainer or an owner") && !his.contains("It never arrived …"), "{his}");
    let csrf = alan.csrf(&made).await;
    assert_eq!(alan.submit(&made, &[("csrf", &csrf), ("job", "job/9")]).await.status, 422);
    assert_eq!(alan.get(&format!("{never}/refuse")).await.header("location"), Some(&*never));
    assert_eq!(alan.submit(&format!("{never}/refuse"), &[("csrf", &csrf)]).await.status, 422);
    let mut eve = Browser::of(&cast, "eve").await;
    for path in [&*made, &format!("{never}/refuse"), "/submissions/x", "/submissions/..%2F"] {
        assert_eq!(eve.get(path).await.status, 404, "{path}");
    }

    assert!(grace.read("/jobs?of=acme").await.contains("Of unknown fate"));
    let empty = grace.send_form(&made, &[("job", " "), ("to", "alan")]).await;
    assert!(empty.status == 422 && empty.text().contains("name=\"to\" value=\"alan\""), "{}", empty.text());
    let endless = grace.send_form(&made, &[("job", &"x".repeat(10_240))]).await;
    assert_eq!(endless.status, 422);
    let adopted = grace.send_form(&made, &[("job", "job/9"), ("to", "")]).await;
    assert!(adopted.header("location").is_some_and(|to| to.starts_with("/jobs/ionq/job%2F9?")), "{}", adopted.text());
    assert!(alan.read("/jobs/ionq/job%2F9").await.contains("job/9"));
    assert!(grace.read(&made).await.contains("nothing left to settle"));

    let asked = grace.read(&format!("{never}/refuse")).await;
    assert!(asked.contains("What it holds of quotas is free again: 1 job."), "{asked}");
    let csrf = grace.csrf(&format!("{never}/refuse")).await;
    for _ in 0..2 {
        let settled = grace.submit(&format!("{never}/refuse"), &[("csrf", &csrf)]).await;
        assert_eq!(settled.header("location"), Some("/jobs?said=settled"), "{}", settled.text());
    }
    assert!(!grace.read("/jobs?of=acme").await.contains("Of unknown fate"));
}

#[tokio::test]
async fn a_form_of_another_page_changes_no_job() {
    let (cast, ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let mut alan = Browser::of(&cast, "alan").await;
    let asked = ionq.requests().len();
    for path in ["/cancel", "/adopt"].map(|act| format!("{JOB}{act}")) {
        assert_eq!(alan.submit(&path, &[("to", "ada")]).await.status, 403);
        let foreign = Ask::post(&*path).header("Content-Type", "application/x-www-form-urlencoded").body("to=ada");
        assert_eq!(alan.send(foreign.header("Sec-Fetch-Site", "cross-site")).await.status, 403);
    }
    assert_eq!(ionq.requests().len(), asked);
    assert_eq!(cast.get(&cast.alan, JOB).await.json()["user"], json!("alan"));
}

#[tokio::test]
async fn whatever_stands_in_an_address_is_text() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let mut iris = Browser::of(&cast, "iris").await;
    for query in ["provider=%3Cscript%3E", "progress=%3Cscript%3E", "user=%3Cscript%3E&of=*", "after=%3Cscript%3E"] {
        let answer = iris.get(&format!("/jobs?{query}")).await;
        assert!([200, 404, 422].contains(&answer.status) && !answer.text().contains("<script>"), "{query}");
    }
    for id in ["%3Cscript%3E", "a%00b", "%2e%2e%2fetc", &"x".repeat(6000)] {
        let answer = iris.get(&format!("/jobs/ionq/{id}")).await;
        assert!(answer.status == 404 && !answer.text().contains("<script>"), "{id}: {}", answer.text());
    }
}
