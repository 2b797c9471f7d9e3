//! Home: the first steps, what runs, what was used, what needs attention.

use super::Browser;
use crate::{
    management::cast::Cast,
    support::{ACME_KEY, Site},
};
use serde_json::json;

#[tokio::test]
async fn an_empty_installation_is_led_step_by_step() {
    let bellhop = Site::empty().serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    let steps = ["Make an organization", "Add its provider token", "Make a token for yourself", "Connect your SDK"];

    let home = ada.read("/").await;
    let home = home.split_once("First steps").expect("the first steps").1;
    let places: Vec<usize> =
        steps.iter().map(|step| home.find(step).unwrap_or_else(|| panic!("{step}: {home}"))).collect();
    assert!(places.is_sorted(), "{home}");
    assert!(!home.contains("Needs attention") && !home.contains(">done<"), "{home}");

    bellhop.run(&["org", "add", "acme", "--owner", "ada"]).await.assert_code(0);
    assert_eq!(ada.read("/").await.matches(">done<").count(), 1);
    ada.send_form("/tokens", &[("name", "laptop"), ("scopes", "run"), ("expires", "90")]).await;
    assert_eq!(ada.read("/").await.matches(">done<").count(), 2);
}

#[tokio::test]
async fn a_member_sees_what_runs_and_what_was_used_and_no_steps_once_something_ran() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let mut eve = Browser::of(&cast, "eve").await;
    let fresh = eve.read("/").await;
    assert!(fresh.contains("Make a token for yourself") && !fresh.contains("Make an organization"), "{fresh}");
    cast.job_of_alan().await;

    let home = Browser::of(&cast, "alan").await.read("/").await;

    assert!(!home.contains("First steps") && home.contains("Open jobs: 1") && home.contains("job%2F1"), "{home}");
    assert!(home.contains("id=\"open\" data-live") && home.contains("By project") && home.contains("By provider"));
    assert!(home.contains("href=\"/account\">Change what pays"));
    let other = Browser::of(&cast, "grace").await.read("/").await;
    assert!(other.contains("Open jobs: 0") && !other.contains("job%2F1"), "{other}");
    let all = Browser::of(&cast, "iris").await.read("/").await;
    assert!(all.contains("Open jobs of everybody: 1") && all.contains("job%2F1"), "{all}");
}

#[tokio::test]
async fn what_needs_attention_is_told_to_who_can_do_something_about_it() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let quota = json!({ "context": "acme", "measure": "jobs", "period": "month", "limit": "1" });
    assert_eq!(cast.put(&cast.ada, "/quotas", &quota).await.status, 200);
    cast.lost_by_alan().await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let token = json!({ "name": "<b>short</b>", "expires": soon.to_string() });
    assert_eq!(cast.post(&cast.alan, "/tokens", &token).await.status, 201);
    let credential = cast.get(&cast.ada, "/credentials").await.items().remove(0);
    let path = format!("/credentials/{}", credential["id"].as_str().unwrap());
    let changed = cast.ask(Some(&cast.ada), "PATCH", &path, Some(&json!({ "expires": soon.to_string() }))).await;
    assert_eq!(changed.status, 200, "{}", changed.text());

    let [alan, grace, eve, iris] = [
        Browser::of(&cast, "alan").await.read("/").await,
        Browser::of(&cast, "grace").await.read("/").await,
        Browser::of(&cast, "eve").await.read("/").await,
        Browser::of(&cast, "iris").await.read("/").await,
    ];

    assert!(alan.contains("Your token “&#60;b&#62;short&#60;/b&#62;” expires on"), "{alan}");
    assert!(
        alan.contains("1 submission of yours is of unknown fate")
            && alan.contains("acme: 1 of 1 used this month (jobs)")
    );
    assert!(!alan.contains("The ionq token"), "he cannot renew it: {alan}");
    assert!(grace.contains("The ionq token “ionq key” of acme expires on") && !grace.contains("short"), "{grace}");
    assert!(grace.contains("1 submission of unknown fate in acme") && grace.contains("/jobs?of=acme"), "{grace}");
    assert!(!eve.contains("Needs attention"), "{eve}");
    assert!(iris.contains("1 submission of unknown fate.") && iris.contains("The ionq token “ionq key”"), "{iris}");
    assert!([alan, grace, eve, iris].iter().all(|page| !page.contains(ACME_KEY)));
}
