//! Invitations on the page: made by an owner, opened by whoever was handed one.

use super::{Browser, PASSWORD};
use crate::{
    management::cast::Cast,
    support::{Ask, Site},
};

/// The path of the link that the page shows.
fn shown(text: &str) -> String {
    let start = text.find("<code id=\"value\">").unwrap_or_else(|| panic!("no link in {text}")) + 17;
    let link = &text[start..start + text[start..].find('<').unwrap()];
    let (host, path) = link.split_once("//").unwrap().1.split_once('/').unwrap();
    assert!(host.starts_with("127.0.0.1:"), "{link}");
    format!("/{path}")
}

const INVITATIONS: &str = "/organizations/acme/invitations";

#[tokio::test]
async fn an_owner_makes_a_link_and_somebody_new_joins_with_it() {
    let cast = Cast::assemble().await;
    let mut ada = Browser::of(&cast, "ada").await;
    assert!(ada.read(INVITATIONS).await.contains("No invitation is waiting"));

    let made = ada.fill(INVITATIONS, &[("role", "maintainer"), ("expires", "3")]).await;

    let (text, link) = (made.text(), shown(&made.text()));
    assert!(made.status == 200 && text.contains("An invitation for one maintainer"), "{text}");
    assert!(!ada.read(INVITATIONS).await.contains(&link), "shown twice");
    let mut mary = Browser::at(&cast.bellhop);
    let opened = mary.read(&link).await;
    assert!(opened.contains("Join acme") && opened.contains("ada invites you to be a maintainer."), "{opened}");
    assert!(opened.contains(&format!("next=%2Fjoin%2F{}", &link[6..])) && mary.cookie.is_none(), "{opened}");
    let bad = [("name", "<script>"), ("secret-password", PASSWORD)];
    let text = mary.submit(&link, &bad).await.assert_told("Name: ");
    assert!(text.contains("&#60;script") || text.contains("&lt;script"), "{text}");
    let short = mary.submit(&link, &[("name", "mary"), ("secret-password", "fake short")]).await;
    assert!(short.assert_told("Password: ").contains("value=\"mary\"") && !short.text().contains("fake short"));
    mary.submit(&link, &[("name", "iris"), ("secret-password", PASSWORD)])
        .await
        .assert_told("There is a user `iris` already");
    let joined = mary.submit(&link, &[("name", "mary"), ("secret-password", PASSWORD)]).await;
    assert_eq!(joined.led(), "/organizations/acme?said=joined");
    assert!(mary.read("/organizations/acme?said=joined").await.contains("Welcome: you are a member now."));
    assert_eq!(Browser::at(&cast.bellhop).get(&link).await.status, 404, "it is used up");
    assert_eq!(mary.get(INVITATIONS).await.status, 403, "a maintainer invites nobody");
}

#[tokio::test]
async fn who_is_signed_in_joins_with_one_press_and_with_no_link() {
    let cast = Cast::assemble().await;
    let mut ada = Browser::of(&cast, "ada").await;
    let link = shown(&ada.fill(INVITATIONS, &[("role", "member"), ("expires", "7")]).await.text());
    let mut eve = Browser::of(&cast, "eve").await;
    let accept = format!("{link}/accept");

    let opened = eve.read(&link).await;
    assert!(opened.contains("Join as eve") && !opened.contains("secret-password"), "{opened}");
    // Nothing happens by following a link, or at another page's will.
    assert_eq!(eve.get(&accept).await.header("location"), Some(&*link));
    let csrf = eve.csrf(&link).await;
    let ask = Ask::post(&*accept).header("Content-Type", "application/x-www-form-urlencoded");
    let foreign = ask.body(format!("csrf={csrf}")).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(eve.send(foreign).await.status, 403);
    assert_eq!(eve.submit(&accept, &[("csrf", "no")]).await.status, 403);
    assert_eq!(cast.get(&cast.ada, "/organizations/acme").await.json()["members"], 3);
    let mut signed_out = Browser::at(&cast.bellhop);
    let led = signed_out.submit(&accept, &[]).await;
    assert!(led.led().starts_with("/sign-in?next=%2Fjoin%2F"), "{}", led.led());

    assert_eq!(eve.submit(&accept, &[("csrf", &csrf)]).await.led(), "/organizations/acme?said=joined");

    assert_eq!(cast.get(&cast.eve, "/organizations/acme").await.json()["role"], "member");
    assert_eq!(eve.submit(&accept, &[("csrf", &csrf)]).await.status, 404);
}

#[tokio::test]
async fn who_is_in_it_already_is_told_so_and_uses_nothing_up() {
    let cast = Cast::assemble().await;
    let mut ada = Browser::of(&cast, "ada").await;
    let link = shown(&ada.fill(INVITATIONS, &[("role", "owner"), ("expires", "7")]).await.text());
    let mut alan = Browser::of(&cast, "alan").await;
    let opened = alan.read(&link).await;
    assert!(opened.contains("You are alan, and in it already.") && !opened.contains("/accept"), "{opened}");
    alan.fill(&format!("{link}/accept"), &[]).await.assert_told("You are in acme already, as member");
    assert_eq!(cast.get(&cast.alan, "/organizations/acme").await.json()["role"], "member");
    assert_eq!(Browser::at(&cast.bellhop).get(&link).await.status, 200);
}

#[tokio::test]
async fn an_invitation_is_revoked_after_a_question() {
    let cast = Cast::assemble().await;
    let mut ada = Browser::of(&cast, "ada").await;
    let link = shown(&ada.fill(INVITATIONS, &[("role", "member"), ("expires", "1")]).await.text());
    let list = ada.read(INVITATIONS).await;
    let revoke = list.split('"').find(|part| part.ends_with("/revoke")).unwrap().to_owned();
    assert!(ada.read(&revoke).await.contains("Revoke this invitation?"));

    assert_eq!(ada.fill(&revoke, &[]).await.led(), format!("{INVITATIONS}?said=removed"));
    assert_eq!(ada.fill(&revoke, &[]).await.status, 303, "pressed twice");

    assert_eq!(Browser::at(&cast.bellhop).get(&link).await.status, 404);
    ada.fill(INVITATIONS, &[("role", "member"), ("expires", "4000")]).await.assert_told("Expires: ");
    ada.fill(INVITATIONS, &[("role", "administrator"), ("expires", "7")]).await.assert_told("Role: ");
    for name in ["grace", "alan"] {
        let mut browser = Browser::of(&cast, name).await;
        assert_eq!(browser.get(&revoke).await.status, 404, "{name}");
        assert_eq!(browser.fill(INVITATIONS, &[("role", "member"), ("expires", "7")]).await.status, 403, "{name}");
    }
}

#[tokio::test]
async fn guesses_of_links_on_the_page_count_against_their_network() {
    let cast = Cast::at(Site::empty().set("limits.failed_lookups", "2/h")).await;
    let mut somebody = Browser::at(&cast.bellhop);
    assert_eq!(somebody.get("/join/fake-link").await.status, 404);
    let fields = [("name", "mary"), ("secret-password", PASSWORD)];
    assert_eq!(somebody.submit("/join/fake-link", &fields).await.status, 404);
    assert_eq!(somebody.get("/join/fake-link").await.status, 429);
    assert_eq!(somebody.submit("/join/fake-link", &fields).await.status, 429);
}
