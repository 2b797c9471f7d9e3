//! Commands about people, organizations and projects that speak to a Bellhop elsewhere.

use super::cast::Cast;
use serde_json::json;

#[tokio::test]
async fn users_are_managed_from_another_machine() {
    let cast = Cast::assemble().await;
    let there = cast.elsewhere(&cast.iris);

    let added = there.run(&["user", "add", "mary@example.org", "--admin"]).await.assert_code(0);

    assert!(added.err.contains("added mary@example.org; `bellhop token create"), "{}", added.err);
    there.run(&["token", "create", "mary@example.org", "desk"]).await.assert_code(0);
    let shown = there.run(&["user", "show", "mary@example.org", "--json"]).await.assert_code(0).json();
    assert_eq!((&shown["admin"], &shown["state"]), (&json!(true), &json!("active")));
    assert_eq!(shown["tokens"], json!(["desk"]));
    there.run(&["user", "active", "alan", "acme.optics"]).await.assert_code(0);
    let alan = there.run(&["user", "show", "alan", "--json"]).await.assert_code(0).json();
    assert_eq!((&alan["active_context"], &alan["organizations"]), (&json!("acme.optics"), &json!(["acme (member)"])));
    there.run(&["user", "active", "alan", "--clear"]).await.assert_code(0);
    there.run(&["user", "disable", "alan"]).await.assert_code(0);
    cast.get(&cast.alan, "/whoami").await.assert_problem(401, "unknown-token");
    there.run(&["user", "enable", "alan"]).await.assert_code(0);
    let page = there.run(&["user", "list", "--limit", "2", "--after", "ada", "--json"]).await.assert_code(0);
    let names: Vec<_> = page.json().as_array().unwrap().iter().map(|user| user["name"].clone()).collect();
    assert_eq!(names, ["alan", "eve"]);
    assert!(page.err.contains("--after eve"), "{}", page.err);
    let told = there.run(&["user", "delete", "mary@example.org"]).await.assert_code(1);
    assert!(
        told.err.contains("revoke 1 token and destroy 0 credentials of mary@example.org: add `--yes`"),
        "{}",
        told.err
    );
    there.run(&["user", "delete", "mary@example.org", "--yes"]).await.assert_code(0);
    let gone = there.run(&["user", "show", "mary@example.org"]).await.assert_code(1);
    assert!(gone.err.contains("there is no such user"), "{}", gone.err);
    assert!(!there.data().exists(), "a store was opened here");
}

#[tokio::test]
async fn organizations_and_projects_are_managed_by_those_whose_they_are() {
    let cast = Cast::assemble().await;
    let (owner, maintainer, member) =
        (cast.elsewhere(&cast.ada), cast.elsewhere(&cast.grace), cast.elsewhere(&cast.alan));

    owner.run(&["org", "member", "set", "acme", "eve", "member"]).await.assert_code(0);
    maintainer.run(&["project", "add", "acme.lasers"]).await.assert_code(0);
    maintainer.run(&["project", "member", "add", "acme.lasers", "eve"]).await.assert_code(0);

    let projects = member.run(&["project", "list", "--json"]).await.assert_code(0).json();
    assert_eq!((projects.as_array().unwrap().len(), &projects[0]["project"]), (1, &json!("acme.optics")));
    let shown = maintainer.run(&["org", "show", "acme", "--json"]).await.assert_code(0).json();
    assert_eq!(shown["members"], json!(["ada (owner)", "alan (member)", "eve (member)", "grace (maintainer)"]));
    assert_eq!(shown["projects"], json!(["acme.lasers", "acme.optics"]));
    owner.run(&["org", "visibility", "acme", "all"]).await.assert_code(0);
    // One's own needs no name.
    member.run(&["project", "add", "me.thesis"]).await.assert_code(0);
    member.run(&["project", "delete", "me.thesis", "--yes"]).await.assert_code(0);
    member.run(&["org", "member", "remove", "acme", "alan"]).await.assert_code(0);
    let refused = maintainer.run(&["org", "member", "remove", "acme", "eve"]).await.assert_code(1);
    assert!(refused.err.contains("only owners of acme may do it, and you are a maintainer"), "{}", refused.err);
    let last = owner.run(&["org", "member", "remove", "acme", "ada"]).await.assert_code(1);
    assert!(last.err.contains("ada is the last owner of acme"), "{}", last.err);
    let told = owner.run(&["org", "delete", "acme"]).await.assert_code(1);
    assert!(told.err.contains("2 projects and 0 credentials of acme, which serve 3 members"), "{}", told.err);
    owner.run(&["org", "delete", "acme", "--yes"]).await.assert_code(0);
    let none = cast.elsewhere(&cast.iris).run(&["org", "list", "--json"]).await.assert_code(0);
    assert_eq!(none.json(), json!([]));
}
