//! What the provider's groups make somebody, at each sign-in.

use super::{Visitor, but, grace, issuer::Issuer, site, visitor::ask};
use crate::support::{Bellhop, Pat};
use serde_json::{Value, json};

async fn open() -> (Issuer, Bellhop, Pat) {
    let issuer = Issuer::open().await;
    let (site, iris) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    (issuer, bellhop, iris)
}

fn of(groups: &[&str]) -> Value {
    but(grace(), &json!({ "groups": groups }))
}

async fn role(bellhop: &Bellhop, iris: &Pat) -> Option<String> {
    let member = ask(bellhop, iris, "GET", "/organizations/acme/members/grace", None).await;
    (member.status == 200).then(|| member.json()["role"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn roles_follow_the_groups_at_each_sign_in() {
    let (issuer, bellhop, iris) = open().await;
    for (groups, expected) in [
        (vec!["physics", "others"], Some("member")),
        (vec!["chairs", "physics"], Some("owner")),
        (vec!["physics"], Some("member")),
        (vec![], None),
        (vec!["chairs"], Some("owner")),
    ] {
        Visitor::at(&bellhop).sign_in(&issuer, of(&groups)).await.assert_in();
        assert_eq!(role(&bellhop, &iris).await.as_deref(), expected, "{groups:?}");
    }
    // Many providers leave the claim out where there are none.
    Visitor::at(&bellhop).sign_in(&issuer, json!({ "sub": "id-of-grace" })).await.assert_in();
    assert_eq!(role(&bellhop, &iris).await, None);
    let trail = ask(&bellhop, &iris, "GET", "/audit?limit=100", None).await.text();
    assert!(trail.contains("grace owner, by the identity provider's groups") && trail.contains("member.removed"));
}

#[tokio::test]
async fn what_was_given_by_hand_or_declared_stays() {
    let (issuer, mut bellhop, iris) = open().await;
    Visitor::at(&bellhop).sign_in(&issuer, of(&["physics"])).await.assert_in();
    let by_hand = json!({ "role": "maintainer" });
    assert_eq!(ask(&bellhop, &iris, "PUT", "/organizations/acme/members/grace", Some(&by_hand)).await.status, 200);
    for groups in [vec!["chairs"], vec![]] {
        Visitor::at(&bellhop).sign_in(&issuer, of(&groups)).await.assert_in();
        assert_eq!(role(&bellhop, &iris).await.as_deref(), Some("maintainer"), "{groups:?}");
    }
    assert_eq!(ask(&bellhop, &iris, "DELETE", "/organizations/acme/members/grace", None).await.status, 204);
    Visitor::at(&bellhop).sign_in(&issuer, of(&["physics"])).await.assert_in();

    // The same role, declared: it does not go with the group any more.
    bellhop.organization("acme").member("grace", "member");
    bellhop.user("grace");
    bellhop.apply().await;
    Visitor::at(&bellhop).sign_in(&issuer, of(&[])).await.assert_in();
    assert_eq!(role(&bellhop, &iris).await.as_deref(), Some("member"));
}

#[tokio::test]
async fn groups_that_cannot_be_read_are_no_empty_list() {
    let (issuer, bellhop, iris) = open().await;
    Visitor::at(&bellhop).sign_in(&issuer, of(&["physics"])).await.assert_in();
    for claims in [
        json!({ "groups": [1] }),
        json!({ "groups": { "physics": true } }),
        json!({ "groups": null, "_claim_names": { "groups": "src1" } }),
    ] {
        let back = Visitor::at(&bellhop).sign_in(&issuer, but(grace(), &claims)).await;
        back.assert_out(403, "cannot be used");
    }
    assert_eq!(role(&bellhop, &iris).await.as_deref(), Some("member"));
}

#[tokio::test]
async fn what_the_id_token_lacks_is_asked_for_and_has_to_be_of_the_same_person() {
    let (issuer, bellhop, iris) = open().await;
    let bare = || json!({ "sub": "id-of-grace" });
    issuer.tell(json!({ "sub": "id-of-ada", "preferred_username": "grace", "groups": ["chairs"] }));
    Visitor::at(&bellhop).sign_in(&issuer, bare()).await.assert_out(403, "cannot be trusted");
    issuer.tell(but(grace(), &json!({ "groups": ["chairs"], "updated_at": 1_700_000_000 })));
    Visitor::at(&bellhop).sign_in(&issuer, bare()).await.assert_in();
    assert_eq!(role(&bellhop, &iris).await.as_deref(), Some("owner"));
    assert_eq!(issuer.asked("/userinfo"), 2);
    Visitor::at(&bellhop).sign_in(&issuer, of(&["physics"])).await.assert_in();
    assert_eq!(issuer.asked("/userinfo"), 2, "asked for what was there");
}

#[tokio::test]
async fn an_administrator_by_a_group_is_one_until_the_group_goes_but_for_the_last() {
    let (issuer, bellhop, iris) = open().await;
    let is_admin = async |visitor: &mut Visitor<'_>| visitor.whoami().await["admin"] == json!(true);
    let mut visitor = Visitor::at(&bellhop);
    visitor.sign_in(&issuer, of(&["it"])).await.assert_in();
    assert!(is_admin(&mut visitor).await);
    visitor.sign_in(&issuer, of(&[])).await.assert_in();
    assert!(!is_admin(&mut visitor).await);

    visitor.sign_in(&issuer, of(&["it"])).await.assert_in();
    let run = ask(&bellhop, &iris, "PATCH", "/users/iris", Some(&json!({ "admin": false }))).await;
    assert_eq!(run.status, 200, "{}", run.text());
    visitor.sign_in(&issuer, of(&[])).await.assert_in();
    assert!(is_admin(&mut visitor).await, "nobody would be above them");
    let session = visitor.get("/api/v1/audit?limit=20").await.text();
    assert!(session.contains("user.kept"), "{session}");

    // As soon as there is another, they are one no more.
    bellhop.run(&["user", "add", "alan", "--admin"]).await.assert_code(0);
    visitor.sign_in(&issuer, of(&[])).await.assert_in();
    assert!(!is_admin(&mut visitor).await);
}

#[tokio::test]
async fn the_last_owner_by_a_group_goes_with_it() {
    let (issuer, bellhop, iris) = open().await;
    Visitor::at(&bellhop).sign_in(&issuer, of(&["chairs"])).await.assert_in();
    assert_eq!(ask(&bellhop, &iris, "DELETE", "/organizations/acme/members/ada", None).await.status, 204);
    Visitor::at(&bellhop).sign_in(&issuer, of(&[])).await.assert_in();
    assert_eq!(role(&bellhop, &iris).await, None);
    let trail = ask(&bellhop, &iris, "GET", "/audit?limit=20", None).await.text();
    assert!(trail.contains("its last owner"), "{trail}");
}
