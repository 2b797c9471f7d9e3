//! Users on the page, for administrators.

use super::{Browser, PASSWORD};
use crate::{
    management::cast::{Cast, making_jobs},
    support::{ACME_KEY, ADA_KEY, Site},
};
use serde_json::json;

#[tokio::test]
async fn an_administrator_makes_somebody_who_chooses_a_password() {
    let cast = Cast::assemble().await;
    let mut iris = Browser::of(&cast, "iris").await;

    let made = iris.fill("/users", &[("name", "mary+lab@example.org")]).await;

    let text = made.text();
    assert!(made.status == 200 && text.contains("A link for mary+lab@example.org"), "{text}");
    let start = text.find("/choose/").unwrap();
    let link = &text[start..start + text[start..].find('<').unwrap()];
    let page = "/users/mary%2Blab%40example.org";
    assert!(!iris.read(page).await.contains("/choose/"), "shown twice");
    let mut mary = Browser::at(&cast.bellhop);
    assert_eq!(mary.submit(link, &[("secret-password", PASSWORD)]).await.led(), "/");
    let text = iris.fill("/users", &[("name", "mary+lab@example.org")]).await.assert_told("There is a user");
    assert!(text.contains("value=\"mary+lab@example.org\""), "{text}");
    for bad in ["<script>alert(1)</script>", "two words", "", &"x".repeat(10_240), "a\u{0}b"] {
        let text = iris.fill("/users", &[("name", bad)]).await.assert_told("Name: ");
        assert!(!text.contains("<script>alert"), "{text}");
    }
    // Another link ends the one before; nobody learns the password.
    assert!(iris.read(&format!("{page}/link")).await.contains("is signed in as mary+lab@example.org"));
    let first = iris.fill(&format!("{page}/link"), &[]).await.text();
    assert!(first.contains("/choose/"), "{first}");
    assert_eq!(mary.get("/users").await.status, 404);
    assert_eq!(mary.get(page).await.status, 404);
}

#[tokio::test]
async fn users_are_found_by_a_part_of_their_name_in_pages() {
    let cast = Cast::assemble().await;
    for n in 0..55 {
        cast.add_user(&format!("lab.{n:02}")).await;
    }
    let mut iris = Browser::of(&cast, "iris").await;
    let first = iris.read("/users?search=LAB").await;
    assert!(first.contains("lab.49") && !first.contains("lab.50") && !first.contains(">ada<"), "{first}");
    let next = first.split('"').find(|part| part.starts_with("/users?after=")).unwrap().replace("&amp;", "&");
    let next = next.replace("&#38;", "&");
    assert!(next.ends_with("&search=LAB"), "{next}");
    let second = iris.read(&next).await;
    assert!(second.contains("lab.54") && !second.contains("lab.49"), "{second}");
    let none = iris.read("/users?search=%3Cscript%3Enobody").await;
    assert!(none.contains("Nobody’s name has") && !none.contains("<script>nobody"), "{none}");
}

#[tokio::test]
async fn somebody_is_disabled_enabled_and_deleted_after_it_was_told_in_numbers() {
    let ionq = making_jobs().await;
    let mut site = Site::facing(&ionq);
    site.user("alan").key(ADA_KEY);
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    let job = json!({ "backend": "qpu", "shots": 100 });
    cast.bellhop.post(&cast.runs, "/ionq/v0.4/jobs", &job).await.assert_paid_by("me", "own");
    cast.bellhop.post(&cast.runs, "/ionq@acme/v0.4/jobs", &job).await.assert_paid_by("acme", "named");
    let mut iris = Browser::of(&cast, "iris").await;
    let mut alan = Browser::of(&cast, "alan").await;

    let asked = iris.read("/users/alan/disable").await;
    for told in [
        "Their 2 tokens are refused within a second",
        "They are signed out where they are signed in",
        "1 job of theirs that an organization pays for is still open: it goes on and is counted",
        "1 job that they pay for themselves is still open: it goes on, and administrators can cancel it.",
        "They stay a member of 1 organization",
    ] {
        assert!(asked.contains(told), "no `{told}` in {asked}");
    }
    assert_eq!(iris.fill("/users/alan/disable", &[]).await.led(), "/users/alan?said=saved");
    assert_eq!(alan.get("/").await.status, 303);
    assert!(iris.read("/users/alan").await.contains("Enable alan"));
    assert!(iris.read("/users/alan/enable").await.contains("Their 2 tokens are accepted again."));
    assert_eq!(iris.fill("/users/alan/enable", &[]).await.status, 303);
    let asked = iris.read("/users/alan/delete").await;
    for told in [
        "Their 2 tokens are revoked for good",
        "1 provider token of their own is destroyed, and no project is lost.",
        "1 open job was paid with these: it goes on at the provider, and nobody can ask about it",
        "They leave 1 organization.",
        "This cannot be undone.",
    ] {
        assert!(asked.contains(told), "no `{told}` in {asked}");
    }
    let owner = iris.read("/users/ada/delete").await;
    assert!(owner.contains("acme has no other owner whose account is enabled"), "{owner}");
    iris.fill("/users/ada/delete", &[]).await.assert_told("Ada is the last owner of acme");
    assert_eq!(iris.fill("/users/alan/delete", &[]).await.led(), "/users?said=removed");
    assert_eq!(iris.fill("/users/alan/delete", &[]).await.status, 303, "pressed twice");
    assert_eq!(iris.get("/users/alan").await.status, 404);
}

#[tokio::test]
async fn administration_is_given_and_taken_and_the_last_administrator_stays() {
    let cast = Cast::assemble().await;
    let mut iris = Browser::of(&cast, "iris").await;
    iris.fill("/users/iris/admin", &[("admin", "no")]).await.assert_told("Iris is the last administrator");
    iris.fill("/users/iris/disable", &[]).await.assert_told("Iris is the last administrator");
    let asked = iris.read("/users/eve/admin").await;
    assert!(asked.contains("Make eve an administrator?") && asked.contains("name=\"admin\" value=\"yes\""), "{asked}");
    assert_eq!(iris.fill("/users/eve/admin", &[("admin", "yes")]).await.led(), "/users/eve?said=saved");
    assert_eq!(iris.fill("/users/eve", &[("name", "eve.b")]).await.led(), "/users/eve.b?said=saved");
    iris.fill("/users/eve.b", &[("name", "ada")]).await.assert_told("There is a user `ada` already");

    assert_eq!(iris.fill("/users/iris/admin", &[("admin", "no")]).await.led(), "/");

    for path in ["/users", "/users/eve.b", "/users/eve.b/delete", "/users/eve.b/link"] {
        assert_eq!(iris.get(path).await.status, 404, "{path}");
    }
    for path in ["/users", "/users/eve.b", "/users/eve.b/delete", "/users/eve.b/link", "/users/eve.b/disable"] {
        assert_eq!(iris.fill(path, &[("name", "new")]).await.status, 404, "{path}");
    }
    assert!(!iris.read("/").await.contains("href=\"/users\""));
}
