//! Members of organizations by way of the API.

use super::cast::Cast;
use crate::support::{ACME_KEY, Answer, Pat, Reply, Site, Upstream};
use serde_json::{Value, json};

impl Cast {
    async fn set(&self, pat: &Pat, user: &str, role: &str) -> Answer {
        let path = format!("/organizations/acme/members/{user}");
        self.ask(Some(pat), "PUT", &path, Some(&json!({ "role": role }))).await
    }

    async fn remove(&self, pat: &Pat, user: &str) -> Answer {
        self.ask(Some(pat), "DELETE", &format!("/organizations/acme/members/{user}"), None).await
    }
}

#[tokio::test]
async fn an_owner_adds_whom_they_know_by_name_and_the_others_see_it() {
    let cast = Cast::assemble().await;

    let added = cast.set(&cast.ada, "eve", "maintainer").await;

    assert_eq!((added.status, &added.json()["role"]), (200, &json!("maintainer")));
    let members = cast.get(&cast.alan, "/organizations/acme/members").await.json();
    let seen: Vec<_> = members["items"].as_array().unwrap().iter().map(|m| (&m["name"], &m["role"])).collect();
    assert!(seen.contains(&(&json!("eve"), &json!("maintainer"))) && seen.len() == 4, "{seen:?}");
    assert_eq!(cast.get(&cast.eve, "/organizations/acme").await.json()["role"], "maintainer");
    assert_eq!(cast.remove(&cast.ada, "eve").await.status, 204);
    cast.get(&cast.eve, "/organizations/acme").await.assert_problem(404, "not-found");
    // Nobody of that name, nothing that could be a name, and a user who is no member.
    let unknown = cast.set(&cast.ada, "nobody", "member").await.assert_problem(404, "not-found");
    assert_eq!(unknown["detail"], "there is no such user, or it is not yours to see");
    let no_name = cast.set(&cast.ada, "%2F", "member").await.assert_problem(404, "not-found");
    assert_eq!(no_name["detail"], unknown["detail"]);
    let (nobody, stranger) = (cast.remove(&cast.ada, "nobody").await, cast.remove(&cast.ada, "eve").await);
    assert_eq!((nobody.status, nobody.text()), (404, stranger.text()));
    cast.set(&cast.ada, "eve", "king").await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn whoever_may_not_add_members_learns_nothing_of_users() {
    let cast = Cast::assemble().await;
    for pat in [&cast.grace, &cast.alan, &cast.eve] {
        let (known, unknown) = (cast.set(pat, "iris", "member").await, cast.set(pat, "nobody", "member").await);
        assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
        let (known, unknown) = (cast.remove(pat, "iris").await, cast.remove(pat, "nobody").await);
        assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    }
}

#[tokio::test]
async fn the_last_owner_stays_one() {
    let cast = Cast::assemble().await;
    for pat in [&cast.ada, &cast.iris] {
        cast.set(pat, "ada", "maintainer").await.assert_problem(409, "conflict");
        cast.remove(pat, "ada").await.assert_problem(409, "conflict");
    }
    assert_eq!(cast.set(&cast.ada, "ada", "owner").await.status, 200);

    assert_eq!(cast.set(&cast.ada, "grace", "owner").await.status, 200);
    assert_eq!(cast.remove(&cast.ada, "ada").await.status, 204);

    cast.remove(&cast.grace, "grace").await.assert_problem(409, "conflict");
}

#[tokio::test]
async fn a_role_is_changed_only_as_it_was_read() {
    let cast = Cast::assemble().await;
    let path = "/organizations/acme/members/alan";
    let tag = cast.get(&cast.ada, path).await.header("etag").unwrap().to_owned();

    let first = cast.change(&cast.ada, "PUT", path, (&tag, &json!({ "role": "maintainer" }))).await;

    assert_eq!(first.status, 200);
    let second = cast.change(&cast.ada, "PUT", path, (&tag, &json!({ "role": "owner" }))).await;
    second.assert_problem(412, "changed");
    cast.change(&cast.ada, "DELETE", path, (&tag, &Value::Null)).await.assert_problem(412, "changed");
    let stranger = "/organizations/acme/members/eve";
    cast.change(&cast.ada, "PUT", stranger, (&tag, &json!({ "role": "owner" }))).await.assert_problem(412, "changed");
}

#[tokio::test]
async fn open_jobs_are_told_before_who_made_them_or_what_paid_goes() {
    let ionq = Upstream::answering(|_| Reply::json(200, &json!({ "id": "j-1", "status": "ready" }))).await;
    let mut site = Site::facing(&ionq);
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    cast.set_member("acme", "eve", "member").await;
    let job = json!({ "backend": "qpu", "shots": 100 });
    cast.bellhop.post(&cast.runs, "/ionq/v0.4/jobs", &job).await.assert_relayed();

    let told = async |pat| cast.get(pat, "/organizations/acme/members/alan").await.json()["open_jobs"].clone();

    assert_eq!((told(&cast.alan).await, told(&cast.grace).await), (json!(1), json!(1)));
    assert_eq!(told(&cast.eve).await, Value::Null, "whose job it is, is not theirs to see");
    let of = async |path: &str| cast.get(&cast.iris, &format!("{path}/consequences")).await.json()["open_jobs"].clone();
    assert_eq!((of("/organizations/acme").await, of("/users/alan").await), (json!(1), json!(0)));
    let there = cast.elsewhere(&cast.ada);
    let refused = there.run(&["org", "delete", "acme"]).await.assert_code(1);
    assert!(refused.err.contains("nobody could ask about 1 open job that they made any more"), "{}", refused.err);
    let removed = there.run(&["org", "member", "remove", "acme", "alan"]).await.assert_code(0);
    assert!(removed.err.contains("1 job of theirs is still open: `bellhop job list --open"), "{}", removed.err);
}

#[tokio::test]
async fn lists_come_in_pages_and_none_is_told_twice() {
    let cast = Cast::assemble().await;
    for n in 0..4 {
        cast.add_user(&format!("m{n}")).await;
        cast.set_member("acme", &format!("m{n}"), "member").await;
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = cast.get(&cast.alan, &format!("/organizations/acme/members?limit=3{after}")).await.json();
        names
            .extend(page["items"].as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, ["ada", "alan", "grace", "m0", "m1", "m2", "m3"]);
}
