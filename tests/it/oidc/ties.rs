//! An account is tied to the provider's subject: by an administrator, by a link, or when it is made; never by a name.

use super::{Visitor, grace, issuer::Issuer, site, visitor::ask};
use crate::support::Ask;
use serde_json::json;

#[tokio::test]
async fn who_is_not_known_is_told_what_an_administrator_needs_to_know() {
    let issuer = Issuer::open().await;
    let (mut site, iris) = site(&issuer);
    site.user("grace");
    let bellhop = site.serve().await;
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_out(403, "you are `id-of-grace` there");
    let trail = ask(&bellhop, &iris, "GET", "/audit?limit=5", None).await.text();
    assert!(trail.contains("sign-in.refused") && trail.contains("id-of-grace"), "{trail}");

    let tie = json!({ "subject": "id-of-grace" });
    let tied = ask(&bellhop, &iris, "PUT", "/users/grace/identity", Some(&tie)).await;

    assert_eq!((tied.status, &tied.json()["issuer"]), (200, &json!(issuer.origin())), "{}", tied.text());
    let mut visitor = Visitor::at(&bellhop);
    visitor.sign_in(&issuer, grace()).await.assert_in();
    assert_eq!(visitor.whoami().await["user"]["name"], "grace");
    let twice = ask(&bellhop, &iris, "PUT", "/users/ada/identity", Some(&tie)).await;
    assert!(twice.status == 409 && twice.text().contains("tied to grace"), "{}", twice.text());
    let shown = bellhop.run(&["user", "show", "grace"]).await.assert_code(0);
    assert!(shown.out.contains("id-of-grace") && shown.out.contains("sign in by"), "{}", shown.out);

    bellhop.run(&["user", "identity", "grace", "--clear"]).await.assert_code(0);
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_out(403, "ask an administrator");
    assert_eq!(ask(&bellhop, &iris, "GET", "/organizations/acme/members/grace", None).await.status, 404);
    bellhop.run(&["user", "identity", "grace", "id-of-grace"]).await.assert_code(0);
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_in();
}

#[tokio::test]
async fn a_name_that_somebody_has_here_is_not_taken_over() {
    let issuer = Issuer::open().await;
    let (site, iris) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    let ada = json!({ "sub": "somebody-who-calls-herself-ada", "preferred_username": "ada", "groups": ["physics"] });
    Visitor::at(&bellhop).sign_in(&issuer, ada).await.assert_out(403, "an account of this name is here already");
    for name in [json!("no name<b>"), json!(null)] {
        let nameless = json!({ "sub": "nameless", "preferred_username": name });
        Visitor::at(&bellhop).sign_in(&issuer, nameless).await.assert_out(403, "says no name");
    }
    let users = ask(&bellhop, &iris, "GET", "/users", None).await.json();
    assert_eq!(users["items"].as_array().unwrap().len(), 2, "{users}");
}

#[tokio::test]
async fn a_link_that_is_handed_over_ties_an_account_once() {
    let issuer = Issuer::open().await;
    let (mut site, iris) = site(&issuer);
    site.user("grace");
    let bellhop = site.serve().await;
    let link = async |user: &str| {
        let made = ask(&bellhop, &iris, "POST", &format!("/users/{user}/link"), Some(&json!({}))).await.json();
        made["value"].as_str().unwrap().to_owned()
    };
    let of_grace = link("grace").await;
    let mut visitor = Visitor::at(&bellhop);
    let page = visitor.get(&format!("/choose/{of_grace}")).await.text();
    let way = format!("/sign-in/oidc?link={of_grace}");
    assert!(page.contains(&format!("href=\"{way}\"")), "{page}");

    visitor.sign_in_by(&way, &issuer, grace()).await.assert_in();

    assert_eq!(visitor.whoami().await["user"]["name"], "grace");
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_in();
    let eve = json!({ "sub": "eve" });
    Visitor::at(&bellhop).sign_in_by(&way, &issuer, eve).await.assert_out(403, "the link was used already");
    let way = format!("/sign-in/oidc?link={}", link("ada").await);
    Visitor::at(&bellhop).sign_in_by(&way, &issuer, grace()).await.assert_out(403, "another account here");
}

#[tokio::test]
async fn who_is_disabled_or_deleted_is_not_signed_in() {
    let issuer = Issuer::open().await;
    let (site, iris) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    let mut visitor = Visitor::at(&bellhop);
    visitor.sign_in(&issuer, grace()).await.assert_in();
    let disable = json!({ "disabled": true });
    assert_eq!(ask(&bellhop, &iris, "PATCH", "/users/grace", Some(&disable)).await.status, 200);
    assert_eq!(visitor.get("/").await.status, 303);
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_out(403, "your account here is disabled");
    assert_eq!(ask(&bellhop, &iris, "DELETE", "/users/grace", None).await.status, 204);
    visitor.sign_in(&issuer, grace()).await.assert_in();
    let users = ask(&bellhop, &iris, "GET", "/users?name=grace", None).await.json();
    assert_eq!(users["items"].as_array().unwrap().len(), 1, "they are somebody new: {users}");
}

#[tokio::test]
async fn without_a_provider_there_is_no_way_to_one() {
    let bellhop = crate::support::Site::empty().serve().await;
    for path in ["/sign-in/oidc", "/sign-in/oidc/return?code=a&state=b"] {
        let answer = bellhop.ask_admin(&Ask::get(path)).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert!(!answer.text().contains("Sign in with"), "{}", answer.text());
    }
}
