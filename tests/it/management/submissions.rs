//! Submissions of unknown fate by way of the API: whose word counts, and once.

use super::cast::Cast;
use crate::support::Pat;
use serde_json::json;

#[tokio::test]
async fn a_maintainer_says_which_job_a_lost_submission_made() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let id = cast.lost_by_alan().await;
    let listed = cast.get(&cast.grace, "/submissions?organization=acme&state=unknown").await.items();
    assert_eq!((&listed[0]["id"], &listed[0]["user"]), (&json!(id), &json!("alan")), "{listed:?}");
    let path = format!("/submissions/{id}/adopt");
    let elsewhere = json!({ "provider": "dwave", "job": "job/9" });
    assert_eq!(cast.post(&cast.grace, &path, &elsewhere).await.assert_problem(422, "invalid")["field"], "provider");

    let adopted = cast.post(&cast.grace, &path, &json!({ "provider": "ionq", "job": "job/9" })).await;

    assert_eq!((&adopted.json()["id"], &adopted.json()["user"]), (&json!("job/9"), &json!("alan")));
    let again = cast.post(&cast.grace, &path, &json!({ "provider": "ionq", "job": "job/10" })).await;
    assert!(again.assert_problem(409, "conflict")["detail"].as_str().unwrap().contains("bound"));
    assert_eq!(cast.get(&cast.alan, "/jobs/ionq/job%2F9").await.status, 200);
}

#[tokio::test]
async fn what_is_on_record_already_is_nobodys_to_claim() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let runs = json!({ "user": "grace", "name": "runs", "scopes": ["run"] });
    let runs = cast.post(&cast.iris, "/tokens", &runs).await.json();
    let runs = Pat::printed(runs["value"].as_str().unwrap());
    cast.bellhop.post(&runs, "/ionq/v0.4/jobs", &json!({ "backend": "qpu" })).await.assert_relayed();
    let id = cast.lost_by_alan().await;

    let path = format!("/submissions/{id}/adopt");
    let claimed = cast.post(&cast.ada, &path, &json!({ "provider": "ionq", "job": "job/1", "to": "ada" })).await;

    claimed.assert_problem(409, "conflict");
    assert_eq!(cast.get(&cast.ada, "/jobs/ionq/job%2F1").await.json()["user"], "grace");
}

#[tokio::test]
async fn a_member_cannot_free_what_the_organizations_quota_holds() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let quota = json!({ "context": "acme", "measure": "jobs", "period": "day", "limit": "5" });
    let quota = cast.put(&cast.ada, "/quotas", &quota).await.json();
    let quota = format!("/quotas/{}", quota["id"].as_str().unwrap());
    let path = format!("/submissions/{}/refuse", cast.lost_by_alan().await);
    assert_eq!(cast.get(&cast.alan, &quota).await.json()["used"], "1");

    cast.ask(Some(&cast.alan), "POST", &path, None).await.assert_problem(403, "not-allowed");
    let settled = cast.ask(Some(&cast.grace), "POST", &path, None).await;

    assert_eq!(settled.json()["state"], "refused", "{}", settled.text());
    assert_eq!(cast.get(&cast.alan, &quota).await.json()["used"], "0");
    cast.ask(Some(&cast.grace), "POST", &path, None).await.assert_problem(409, "conflict");
}

#[tokio::test]
async fn lost_submissions_are_settled_from_another_machine() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let (one, other) = (cast.lost_by_alan().await, cast.lost_by_alan().await);
    let there = cast.elsewhere(&cast.ada);

    let adopt = ["job", "adopt", "ionq", "job/9", "--to", "alan", "--submission", &one];
    there.run(&adopt).await.assert_code(0);
    there.run(&["job", "settle", &other]).await.assert_code(0);

    let left = there.run(&["job", "list", "--unknown", "--org", "acme", "--json"]).await.assert_code(0).json();
    assert_eq!(left, json!([]));
    let none = there.run(&["job", "settle", &uuid::Uuid::nil().to_string()]).await.assert_code(1);
    assert!(none.err.contains("of unknown fate"), "{}", none.err);
}
