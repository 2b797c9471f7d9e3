//! Quotas by way of the API: set by whom they are for to set, seen by whom they bind.

use super::cast::Cast;
use crate::support::{Ask, Pat, Site};
use serde_json::{Value, json};

fn jobs(context: &str, limit: &str) -> Value {
    json!({ "context": context, "measure": "jobs", "period": "day", "limit": limit })
}

#[tokio::test]
async fn an_owner_binds_what_is_the_organizations_and_nothing_else() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let set = async |body: Value| cast.put(&cast.ada, "/quotas", &body).await;
    let share = json!({ "user": "alan", "context": "acme", "measure": "shots", "period": "month", "limit": "100" });

    for (body, binds) in
        [(jobs("acme", "1"), "acme"), (jobs("acme.optics", "5"), "acme.optics"), (share, "alan in acme")]
    {
        let quota = set(body).await;
        assert_eq!((quota.status, &quota.json()["binds"]), (200, &json!(binds)), "{}", quota.text());
        assert_eq!((&quota.json()["set_by"], &quota.json()["operator"]), (&json!("ada"), &json!(false)));
    }

    let listed = cast.get(&cast.grace, "/quotas?of=acme").await.items();
    assert_eq!(listed.len(), 3, "{listed:?}");
    let mine = cast.get(&cast.alan, "/quotas").await.items();
    assert_eq!(mine.len(), 3, "{mine:?}");
    assert!(cast.get(&cast.eve, "/quotas").await.items().is_empty());
    cast.job_of_alan().await;
    let refused = cast.bellhop.post(&cast.runs, "/ionq/v0.4/jobs", &json!({ "shots": 1 })).await;
    refused.assert_refused("over-quota");
    assert!(refused.detail().contains("set by ada"), "{}", refused.detail());
}

#[tokio::test]
async fn what_the_operator_set_an_owner_cannot_lift() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let quota = cast.put(&cast.iris, "/quotas", &jobs("acme", "1")).await.json();
    let path = format!("/quotas/{}", quota["id"].as_str().unwrap());
    assert_eq!(quota["operator"], true);

    let lifted = cast.put(&cast.ada, "/quotas", &jobs("acme", "1000")).await.assert_problem(403, "not-allowed");
    assert!(lifted["detail"].as_str().unwrap().contains("iris set this quota"), "{lifted}");
    cast.delete(&cast.ada, &path).await.assert_problem(403, "not-allowed");

    assert_eq!(cast.get(&cast.ada, &path).await.json()["limit"], "1");
    assert_eq!(cast.delete(&cast.iris, &path).await.status, 204);
    cast.get(&cast.iris, &path).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_change_that_was_made_for_another_one_is_refused() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let ask = |tag: &str, limit: &str| {
        let ask = Ask::new("PUT", "/api/v1/quotas").header("Authorization", format!("Bearer {}", cast.ada));
        ask.header("If-Match", tag).json(&jobs("acme", limit))
    };
    cast.bellhop.ask_admin(&ask("\"none\"", "7")).await.assert_problem(412, "changed");
    let first = cast.put(&cast.ada, "/quotas", &jobs("acme", "7")).await;
    let tag = first.header("etag").unwrap().to_owned();

    let second = cast.bellhop.ask_admin(&ask(&tag, "8")).await;

    assert_eq!((&second.json()["id"], &second.json()["limit"]), (&first.json()["id"], &json!("8")));
    cast.bellhop.ask_admin(&ask(&tag, "9")).await.assert_problem(412, "changed");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_field() {
    let (cast, _ionq) = Cast::with_jobs().await;
    for (body, field) in [
        (json!({ "measure": "jobs", "period": "day", "limit": "1" }), "user"),
        (json!({ "context": "me", "measure": "jobs", "period": "day", "limit": "1" }), "user"),
        (jobs("acme", "1.5"), "limit"),
        (
            json!({ "context": "acme", "provider": "nope", "measure": "jobs", "period": "day", "limit": "1" }),
            "provider",
        ),
        (json!({ "context": "acme", "measure": "jobs", "period": "day", "limit": "1", "set_by": "iris" }), "set_by"),
    ] {
        let refused = cast.put(&cast.ada, "/quotas", &body).await.assert_problem(422, "invalid");
        assert_eq!(refused["field"], field, "{body}");
    }
    cast.put(&cast.ada, "/quotas", &jobs("nobodys", "1")).await.assert_problem(404, "not-found");
    cast.put(&cast.ada, "/quotas", &jobs("acme.nothing", "1")).await.assert_problem(404, "not-found");
    cast.put(&cast.ada, "/quotas", &json!({ "limit": "1" })).await.assert_problem(400, "bad-request");
    let stranger = json!({ "user": "eve", "context": "acme", "measure": "jobs", "period": "day", "limit": "1" });
    cast.put(&cast.ada, "/quotas", &stranger).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn quotas_are_set_listed_and_removed_from_another_machine() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let there = cast.elsewhere(&cast.ada);

    let set = there.run(&["quota", "set", "jobs", "9", "--per", "day", "--org", "acme"]).await.assert_code(0);

    assert!(set.err.contains("9 jobs a day"), "{}", set.err);
    let listed = there.run(&["quota", "list", "--org", "acme", "--json"]).await.assert_code(0).json();
    assert_eq!(
        (&listed[0]["binds"], &listed[0]["limit"], &listed[0]["set_by"]),
        (&json!("acme"), &json!("9"), &json!("ada"))
    );
    there.run(&["quota", "remove", listed[0]["id"].as_str().unwrap()]).await.assert_code(0);
    assert_eq!(there.run(&["quota", "list", "--org", "acme", "--json"]).await.assert_code(0).json(), json!([]));
    there.run(&["quota", "set", "jobs", "9", "--per", "day"]).await.assert_code(2);
}

#[tokio::test]
async fn a_token_for_some_contexts_or_providers_reaches_their_quotas_only() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let made = async |bounds: Value| {
        let mut wanted = json!({ "name": bounds.to_string(), "scopes": ["manage"] });
        wanted.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        let made = cast.post(&cast.ada, "/tokens", &wanted).await.json();
        Pat::printed(made["value"].as_str().unwrap())
    };
    let optics = made(json!({ "contexts": ["acme.optics"] })).await;
    let ionq = made(json!({ "providers": ["ionq"] })).await;
    let at_ionq = json!({ "context": "acme", "provider": "ionq", "measure": "jobs", "period": "day", "limit": "9" });

    cast.put(&optics, "/quotas", &jobs("acme", "9")).await.assert_problem(403, "not-allowed");
    assert_eq!(cast.put(&optics, "/quotas", &jobs("acme.optics", "9")).await.status, 200);
    cast.put(&ionq, "/quotas", &jobs("acme", "9")).await.assert_problem(403, "not-allowed");
    assert_eq!(cast.put(&ionq, "/quotas", &at_ionq).await.status, 200);

    let seen = async |pat: &Pat| {
        let listed = cast.get(pat, "/quotas?of=acme").await.items();
        listed.iter().map(|quota| quota["binds"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seen(&optics).await, ["acme.optics"]);
    assert_eq!(seen(&ionq).await, ["acme"]);
    assert_eq!(seen(&cast.ada).await, ["acme.optics", "acme"]);
}

#[tokio::test]
async fn who_may_not_set_one_learns_nothing_of_what_there_is() {
    let cast = Cast::assemble().await;
    cast.add_project("chemistry", &[]).await;
    cast.own_project("thesis").await;
    let refused = async |pat: &Pat, subject: Value, status: u16| {
        let mut quota = subject;
        let one = json!({ "measure": "jobs", "period": "day", "limit": "1" });
        quota.as_object_mut().unwrap().extend(one.as_object().unwrap().clone());
        let answer = cast.put(pat, "/quotas", &quota).await;
        assert_eq!(answer.status, status, "{quota}: {}", answer.text());
        answer.json()["detail"].clone()
    };

    let nobody = refused(&cast.eve, json!({ "context": "nobody" }), 404).await;
    for context in ["acme", "acme.optics", "acme.nothing", "nobody.nothing"] {
        assert_eq!(refused(&cast.eve, json!({ "context": context }), 404).await, nobody, "{context}");
    }
    let nobody = refused(&cast.eve, json!({ "user": "nobody" }), 404).await;
    for (user, context) in [("nobody", "me.thesis"), ("alan", "me.thesis"), ("alan", "me.nothing"), ("alan", "me")] {
        let told = refused(&cast.eve, json!({ "user": user, "context": context }), 404).await;
        assert_eq!(told, nobody, "{context} of {user}");
    }
    let nothing = refused(&cast.alan, json!({ "context": "acme.nothing" }), 403).await;
    assert_eq!(refused(&cast.alan, json!({ "context": "acme.chemistry" }), 403).await, nothing);
}

#[tokio::test]
async fn to_a_token_for_certain_contexts_or_providers_other_users_quotas_are_not_there() {
    let mut site = Site::empty();
    let of_contexts = site.user("iris").pat_with("me", &json!({ "scopes": ["manage"], "contexts": ["me"] }));
    let of_providers = site.user("iris").pat_with("ionq", &json!({ "scopes": ["manage"], "providers": ["ionq"] }));
    let cast = Cast::at(site).await;
    let quota =
        |user: &str| json!({ "user": user, "provider": "ionq", "measure": "jobs", "period": "day", "limit": "1" });
    let made = cast.put(&cast.iris, "/quotas", &quota("alan")).await.json();
    let path = format!("/quotas/{}", made["id"].as_str().unwrap());

    for narrow in [&of_contexts, &of_providers] {
        cast.get(narrow, &path).await.assert_problem(404, "not-found");
        cast.delete(narrow, &path).await.assert_problem(404, "not-found");
        cast.put(narrow, "/quotas", &quota("alan")).await.assert_problem(404, "not-found");
        assert!(cast.get(narrow, "/quotas?of=*").await.items().is_empty());
        let own = cast.put(narrow, "/quotas", &quota("iris")).await;
        assert_eq!(own.status, 200, "{}", own.text());
        assert_eq!(cast.delete(narrow, &format!("/quotas/{}", own.json()["id"].as_str().unwrap())).await.status, 204);
    }
    assert_eq!(cast.get(&cast.iris, &path).await.status, 200);
}
