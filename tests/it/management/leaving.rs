//! What happens when somebody leaves: an organization, for a while, for good. As docs/management.md says it, a story for
//! each sentence that no other file of stories has.

use super::cast::{Cast, making_jobs};
use crate::support::{ACME_KEY, ADA_KEY, Ask, Bellhop, CATALOGUE, Pat, Site, Upstream, eventually};
use serde_json::{Value, json};

const JOBS: &str = "/ionq/v0.4/jobs";
const PASSWORD: &str = "fake correct horse battery";
const OF_JOB: &str = "/jobs/ionq/job%2F1";

async fn leave(cast: &Cast) {
    let answer = cast.delete(&cast.alan, "/organizations/acme/members/alan").await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

async fn disable(cast: &Cast, disabled: bool) {
    let answer = cast.ask(Some(&cast.iris), "PATCH", "/users/alan", Some(&json!({ "disabled": disabled }))).await;
    assert_eq!(answer.json()["disabled"], disabled, "{}", answer.text());
}

async fn delete(cast: &Cast) {
    let answer = cast.delete(&cast.iris, "/users/alan").await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// The cookie of a session that alan begins with a password.
async fn session_of_alan(cast: &Cast) -> String {
    let link = cast.post(&cast.iris, "/users/alan/link", &json!({})).await.json();
    let form = |path: String, fields: &[(&str, &str)]| {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let ask = Ask::post(path).header("Content-Type", "application/x-www-form-urlencoded");
        ask.header("Sec-Fetch-Site", "same-origin").body(body)
    };
    let path = format!("/choose/{}", link["value"].as_str().unwrap());
    let chosen = cast.bellhop.ask_admin(&form(path, &[("secret-password", PASSWORD)])).await;
    chosen.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

async fn opens(cast: &Cast, cookie: &str) -> bool {
    cast.bellhop.ask_admin(&Ask::get("/tokens").header("Cookie", cookie.to_owned())).await.status == 200
}

/// Alan has a key of his own at IonQ, and acme has one there.
async fn with_own_key() -> (Cast, Upstream) {
    let ionq = making_jobs().await;
    let mut site = Site::facing(&ionq);
    site.user("alan").key(ADA_KEY);
    site.organization("acme").key(ACME_KEY);
    (Cast::at(site).await, ionq)
}

#[tokio::test]
async fn who_leaves_an_organization_keeps_their_tokens_and_their_own_credentials() {
    let (cast, _ionq) = with_own_key().await;
    let session = session_of_alan(&cast).await;
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_paid_by("me", "own");

    leave(&cast).await;

    assert_eq!(cast.get(&cast.alan, "/whoami").await.json()["user"]["organizations"], json!([]));
    assert!(opens(&cast, &session).await);
    let by_acme = "/ionq@acme/v0.4/backends/qpu.aria-1/characterizations";
    eventually("acme does not pay", async || cast.bellhop.get(&cast.runs, by_acme).await.status == 403).await;
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn pins_and_the_active_context_never_fall_back_to_another_purse() {
    let (cast, _ionq) = with_own_key().await;
    let pinned = json!({ "name": "pinned", "scopes": ["run"], "context": "acme.optics" });
    let pinned = Pat::printed(cast.post(&cast.alan, "/tokens", &pinned).await.json()["value"].as_str().unwrap());
    assert_eq!(cast.put(&cast.alan, "/users/alan/active", &json!({ "context": "acme" })).await.status, 200);
    eventually("acme pays", async || {
        cast.bellhop.get(&cast.runs, CATALOGUE).await.header("bellhop-credential").is_some_and(|by| by.contains("acme"))
    })
    .await;
    let told = cast.get(&cast.alan, "/organizations/acme/members/alan/consequences").await.json();
    assert_eq!((&told["pinned"], &told["projects"], &told["last_owner"]), (&json!(1), &json!(1), &json!(false)));

    leave(&cast).await;

    for pat in [&pinned, &cast.runs] {
        eventually("it is refused", async || {
            cast.bellhop.get(pat, CATALOGUE).await.header("bellhop-refusal") == Some("not-a-member")
        })
        .await;
    }
    assert_eq!(cast.put(&cast.alan, "/users/alan/active", &json!({ "context": null })).await.status, 200);
    eventually("his own key pays", async || cast.bellhop.get(&cast.runs, CATALOGUE).await.status == 200).await;
    // With the membership the pin fits again, and the projects do not come back by themselves.
    cast.set_member("acme", "alan", "member").await;
    eventually("he is back", async || cast.get(&cast.alan, "/organizations/acme").await.status == 200).await;
    let again = cast.get(&cast.alan, "/organizations/acme/members/alan/consequences").await.json();
    assert_eq!((&again["pinned"], &again["projects"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn jobs_that_an_organization_pays_for_go_on_without_who_submitted_them() {
    let ionq = making_jobs().await;
    let mut site = Site::facing(&ionq).set("jobs", json!({ "follow": true, "follow_every": "10s" }));
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    cast.job_of_alan().await;
    let told = cast.get(&cast.ada, "/organizations/acme/members/alan/consequences").await.json();
    assert_eq!((&told["open_jobs"], &told["unknown"]), (&json!(1), &json!(0)));
    assert_eq!(cast.get(&cast.iris, "/users/alan/consequences").await.json()["shared_jobs"], 1);

    delete(&cast).await;
    let bellhop = Bellhop::start(cast.bellhop.stop().await).await;
    let cast = Cast { bellhop, ..cast };

    eventually("it is followed to its end", async || {
        cast.get(&cast.grace, OF_JOB).await.json()["ended"] == "completed"
    })
    .await;
    let used = cast.get(&cast.grace, "/usage?organization=acme").await.items();
    assert_eq!((&used[0]["jobs"], &used[0]["qpu_seconds"]), (&json!(1), &json!("1.5")), "{used:?}");
}

#[tokio::test]
async fn overseers_cancel_and_adopt_what_somebody_left_behind() {
    let (cast, ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    cast.job_of_alan().await;
    let lost = cast.lost_by_alan().await;
    let told = cast.get(&cast.ada, "/organizations/acme/members/alan/consequences").await.json();
    assert_eq!((&told["open_jobs"], &told["unknown"]), (&json!(2), &json!(1)));

    delete(&cast).await;

    let cancelled = cast.post(&cast.grace, &format!("{OF_JOB}/cancel"), &Value::Null).await;
    assert_eq!((cancelled.status, ionq.last().key()), (200, ACME_KEY), "{}", cancelled.text());
    let adopted = cast.post(&cast.grace, "/jobs/ionq/job%2F2/adopt", &json!({ "to": "grace" })).await;
    assert_eq!(adopted.json()["user"], "grace", "{}", adopted.text());
    let refused = cast.post(&cast.grace, &format!("/submissions/{lost}/refuse"), &Value::Null).await;
    assert_eq!(refused.status, 200, "{}", refused.text());
}

#[tokio::test]
async fn a_members_share_of_a_quota_is_kept_for_their_return_and_goes_with_their_account() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let share = json!({ "context": "acme", "user": "alan", "measure": "jobs", "period": "month", "limit": "5" });
    assert_eq!(cast.put(&cast.ada, "/quotas", &share).await.status, 200);
    cast.job_of_alan().await;

    leave(&cast).await;
    cast.set_member("acme", "alan", "member").await;

    let kept = cast.get(&cast.ada, "/quotas?of=acme").await.items();
    assert_eq!((kept.len(), &kept[0]["used"]), (1, &json!("1")), "leaving and coming back begins nothing anew");
    delete(&cast).await;
    assert!(cast.get(&cast.ada, "/quotas?of=acme").await.items().is_empty(), "it binds nobody");
}

#[tokio::test]
async fn who_entered_a_credential_of_an_organization_may_know_it_until_somebody_else_enters_another() {
    let ionq = making_jobs().await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    cast.set_member("acme", "alan", "maintainer").await;
    let wanted = |context: &str| json!({ "context": context, "provider": "ionq", "label": "shared", "fields": { "api_key": ACME_KEY } });
    let made = cast.post(&cast.alan, "/credentials", &wanted("acme")).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let of_project = cast.post(&cast.alan, "/credentials", &wanted("acme.optics")).await.json();
    cast.post(&cast.alan, "/credentials", &wanted("me")).await;
    let entered =
        async || cast.get(&cast.ada, "/organizations/acme/members/alan/consequences").await.json()["entered"].clone();
    assert_eq!(entered().await, 2);
    assert_eq!(cast.get(&cast.iris, "/users/alan/consequences").await.json()["entered"], 2);

    let rotation = json!({ "fields": { "api_key": ADA_KEY } });
    let path = format!("/credentials/{}/versions", of_project["id"].as_str().unwrap());
    let rotated = cast.post(&cast.grace, &path, &rotation).await;
    assert!((200..300).contains(&rotated.status), "{}", rotated.text());

    assert_eq!(entered().await, 1);
    leave(&cast).await;
    // What they entered is the organization's, and stays.
    assert_eq!(cast.get(&cast.ada, "/organizations/acme").await.json()["credentials"], json!(["ionq"]));
}

#[tokio::test]
async fn a_session_does_not_come_back_to_life_with_its_account() {
    let cast = Cast::assemble().await;
    let session = session_of_alan(&cast).await;
    assert!(opens(&cast, &session).await);
    assert_eq!(cast.get(&cast.iris, "/users/alan/consequences").await.json()["sessions"], 1);
    let link = cast.post(&cast.iris, "/users/alan/link", &json!({})).await.json();

    disable(&cast, true).await;
    assert!(!opens(&cast, &session).await);
    disable(&cast, false).await;

    assert!(!opens(&cast, &session).await);
    let redeem = json!({ "link": link["value"], "password": PASSWORD });
    let redeemed = cast.bellhop.ask_admin(&Ask::post("/api/v1/links/redeem").json(&redeem)).await;
    redeemed.assert_problem(404, "not-found");
    assert_eq!(cast.get(&cast.alan, "/whoami").await.status, 200, "tokens are accepted again");
}

#[tokio::test]
async fn an_administrator_cancels_what_somebody_disabled_pays_for_themself() {
    let (cast, ionq) = with_own_key().await;
    cast.bellhop.post(&cast.runs, JOBS, &json!({ "backend": "qpu" })).await.assert_paid_by("me", "own");

    disable(&cast, true).await;

    let cancelled = cast.post(&cast.iris, &format!("{OF_JOB}/cancel"), &Value::Null).await;
    assert_eq!((cancelled.status, ionq.last().key()), (200, ADA_KEY), "{}", cancelled.text());
    cast.post(&cast.ada, &format!("{OF_JOB}/cancel"), &Value::Null).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn of_jobs_that_a_deleted_persons_own_key_paid_for_the_record_stays_and_nobody_can_ask() {
    let (cast, ionq) = with_own_key().await;
    cast.bellhop.post(&cast.runs, JOBS, &json!({ "backend": "qpu" })).await.assert_paid_by("me", "own");
    let told = cast.get(&cast.iris, "/users/alan/consequences").await.json();
    assert_eq!((&told["open_jobs"], &told["credentials"], &told["organizations"]), (&json!(1), &json!(1), &json!(1)));

    delete(&cast).await;

    let asked = ionq.requests().len();
    let refused = cast.post(&cast.iris, &format!("{OF_JOB}/cancel"), &Value::Null).await;
    let problem = refused.assert_problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("is deleted"), "{problem}");
    assert_eq!(ionq.requests().len(), asked);
    assert_eq!(cast.get(&cast.iris, "/jobs?user=*").await.items().len(), 1);
    assert_eq!(cast.get(&cast.iris, "/usage?user=*").await.items()[0]["jobs"], 1);
}

#[tokio::test]
async fn an_owner_who_is_disabled_does_not_keep_an_organization_in_good_hands() {
    let cast = Cast::assemble().await;
    cast.set_member("acme", "alan", "owner").await;
    disable(&cast, true).await;

    let refused = cast.delete(&cast.ada, "/organizations/acme/members/ada").await;

    refused.assert_problem(409, "conflict");
    let told = cast.get(&cast.ada, "/organizations/acme/members/ada/consequences").await.json();
    assert_eq!(told["last_owner"], true);
    disable(&cast, false).await;
    assert_eq!(cast.delete(&cast.ada, "/organizations/acme/members/ada").await.status, 204);
}
