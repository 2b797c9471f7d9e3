//! Webhooks on the page: an organization's for its owners, the installation's for administrators.

use super::Browser;
use crate::{
    management::{
        cast::Cast,
        webhooks::{is_signed, listening, receiver, refused},
    },
    support::{Answer, CATALOGUE, Upstream},
};
use serde_json::json;

const OF_ACME: &str = "/organizations/acme/webhooks";
const OF_ALL: &str = "/webhooks";

fn at(there: &Upstream) -> String {
    format!("{}/told?by=bellhop", there.origin())
}

/// The secret that a page shows.
#[track_caller]
fn secret(answer: &Answer) -> String {
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    let start = text.find("<code id=\"value\">").unwrap_or_else(|| panic!("no secret in {text}")) + 17;
    let secret = &text[start..start + text[start..].find('<').unwrap()];
    assert!(secret.starts_with("whsec_") && text.contains("nobody can show it again"), "{text}");
    secret.to_owned()
}

/// A new webhook: its page's path, and its secret.
async fn made(browser: &mut Browser<'_>, list: &str, url: &str) -> (String, String) {
    let answer = browser.fill(list, &[("url", url)]).await;
    let (secret, text) = (secret(&answer), answer.text());
    let page = text.split('"').find(|part| part.starts_with(&format!("{list}/"))).unwrap().to_owned();
    (page, secret)
}

#[tokio::test]
async fn a_webhooks_secret_is_shown_once_and_signs_what_the_receiver_gets() {
    let cast = Cast::at(listening()).await;
    let there = receiver(204).await;
    let mut ada = Browser::of(&cast, "ada").await;
    assert!(ada.read(OF_ACME).await.contains("Nobody is told of anything yet."));

    let (page, first) = made(&mut ada, OF_ACME, &at(&there)).await;

    let one = ada.read(&page).await;
    assert!(one.contains("It was told of nothing yet.") && one.contains("/told?by=bellhop"), "{one}");
    assert_eq!(ada.fill(&format!("{page}/try"), &[]).await.led(), format!("{page}?said=tried"));
    assert!(is_signed(&there.request(), &first));
    let one = ada.read(&format!("{page}?said=tried")).await;
    for told in ["role=\"status\">Delivered", "class=\"tag good\">delivered", "<td class=\"detail\">204</td>"] {
        assert!(one.contains(told), "no `{told}` in {one}");
    }
    let asked = ada.read(&format!("{page}/secret")).await;
    assert!(asked.contains("For a day") && !asked.contains("stops signing at once"), "{asked}");
    let second = secret(&ada.fill(&format!("{page}/secret"), &[]).await);
    ada.fill(&format!("{page}/try"), &[]).await.led();
    assert!(first != second && is_signed(&there.last(), &first) && is_signed(&there.last(), &second));
    assert!(ada.read(&format!("{page}/secret")).await.contains("stops signing at once"));
    let list = ada.read(OF_ACME).await;
    assert!(list.contains("told?…") && list.contains("everything") && !list.contains("by=bellhop"), "{list}");
    for path in [OF_ACME, &page, &format!("{page}/edit"), &format!("{page}/secret"), &format!("{page}/delete")] {
        let text = ada.read(path).await;
        assert!(!text.contains("whsec_") && !text.contains(&first[6..]) && !text.contains(&second[6..]), "{path}");
    }
    for act in ["try", "enable", "disable"] {
        assert_eq!(ada.get(&format!("{page}/{act}")).await.led(), page, "a link does nothing");
    }
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_of_where_it_was_tried() {
    let (cast, _ionq) = refused(listening()).await;
    let there = receiver(500).await;
    let mut ada = Browser::of(&cast, "ada").await;
    let (page, _) = made(&mut ada, OF_ACME, &at(&there)).await;

    let tried = ada.fill(&format!("{page}/try"), &[]).await.text();
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_refused("credential-refused");
    there.until_requests(2).await;

    assert!(tried.contains("role=\"alert\">Not delivered: it answers with status 500."), "{tried}");
    assert!(tried.contains("<th scope=\"row\">Test</th>") && tried.contains("tag bad\">not delivered"), "{tried}");
    let one = ada.read(&page).await;
    assert!(one.contains("Provider token refused") && one.matches("<tr>").count() == 3, "{one}");
    let asked = ada.read(&format!("{page}/delete")).await;
    for told in ["This cannot be undone", "1 message that waits", "nobody is told of anything then"] {
        assert!(asked.contains(told), "no `{told}` in {asked}");
    }
}

#[tokio::test]
async fn a_webhook_is_changed_switched_and_deleted() {
    let cast = Cast::at(listening()).await;
    let mut ada = Browser::of(&cast, "ada").await;
    let (page, _) = made(&mut ada, OF_ACME, "https://hooks.example.org/bellhop").await;
    let edit = format!("{page}/edit");
    let form = ada.read(&edit).await;
    let tag = form.split("name=\"tag\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let url = "https://hooks.example.org/other";

    let wish = [("tag", &*tag), ("url", url), ("events", "quota.near"), ("events", "token.expiring")];
    assert_eq!(ada.fill(&edit, &wish).await.led(), format!("{page}?said=saved"));

    let form = ada.read(&edit).await;
    assert!(form.contains(url) && form.matches(" checked").count() == 2, "{form}");
    let lost = ada.fill(&edit, &[("tag", &*tag), ("url", "https://hooks.example.org/lost")]).await;
    let text = lost.assert_told("It was changed since it was read");
    assert!(text.contains("value=\"https://hooks.example.org/lost\"") && !text.contains(&tag), "{text}");
    let text = ada.fill(&edit, &[("url", "nowhere"), ("events", "quota.near")]).await.assert_told("The address: ");
    assert!(text.contains("value=\"nowhere\"") && text.contains("value=\"quota.near\" checked"), "{text}");
    assert_eq!(ada.fill(&format!("{page}/disable"), &[]).await.led(), format!("{page}?said=saved"));
    assert!(ada.read(&page).await.contains("switched off") && ada.read(OF_ACME).await.contains("switched off"));
    let asked = ada.read(&format!("{page}/delete")).await;
    assert!(!asked.contains("nobody is told") && !asked.contains("waits to be sent"), "{asked}");
    ada.fill(&format!("{page}/enable"), &[]).await.led();
    assert!(ada.read(&page).await.contains("Quota nearly used, Personal access token ends soon"));
    assert_eq!(ada.fill(&format!("{page}/delete"), &[]).await.led(), format!("{OF_ACME}?said=removed"));
    assert_eq!(ada.fill(&format!("{page}/delete"), &[]).await.status, 303, "pressed twice");
    assert_eq!(ada.get(&page).await.status, 404);
}

#[tokio::test]
async fn a_webhook_is_for_those_who_manage_what_it_tells_of() {
    let cast = Cast::assemble().await;
    let mut iris = Browser::of(&cast, "iris").await;
    let (acmes, _) = made(&mut iris, OF_ACME, "https://hooks.example.org/acme").await;
    let (everybodys, _) = made(&mut iris, OF_ALL, "https://hooks.example.org/all").await;
    for (name, of_acme, of_all) in
        [("iris", 200, 200), ("ada", 200, 403), ("grace", 403, 403), ("alan", 403, 403), ("eve", 404, 403)]
    {
        let mut browser = Browser::of(&cast, name).await;
        let of_one = if of_all == 200 { 200 } else { 404 };
        for (path, expected) in [(OF_ACME, of_acme), (&*acmes, of_acme), (OF_ALL, of_all), (&*everybodys, of_one)] {
            assert_eq!(browser.get(path).await.status, expected, "{name}: {path}");
        }
        for act in ["edit", "secret", "delete"] {
            assert_eq!(browser.get(&format!("{acmes}/{act}")).await.status, of_acme, "{name}: {act}");
            assert_eq!(browser.get(&format!("{everybodys}/{act}")).await.status, of_one, "{name}: {act}");
        }
        if of_acme != 200 {
            for act in ["/try", "/enable", "/disable", "/secret", "/edit", ""] {
                let path = if act.is_empty() { OF_ACME.to_owned() } else { format!("{acmes}{act}") };
                let answer = browser.fill(&path, &[("url", "https://hooks.example.org/mine")]).await;
                assert_eq!(answer.status, of_acme, "{name}: {path}");
            }
            assert_eq!(browser.fill(&format!("{acmes}/delete"), &[]).await.status, of_acme, "{name}");
        }
        let home = browser.read("/").await;
        assert_eq!(home.contains("href=\"/webhooks\""), name == "iris", "{name}");
        if name != "eve" {
            let overview = browser.read("/organizations/acme").await;
            assert_eq!(overview.contains(&format!("href=\"{OF_ACME}\"")), of_acme == 200, "{name}");
        }
    }
    assert_eq!(cast.get(&cast.ada, OF_ACME).await.items().len(), 1);
    assert_eq!(cast.get(&cast.iris, OF_ALL).await.items().len(), 1);
}

#[tokio::test]
async fn a_webhook_of_others_is_not_there() {
    let cast = Cast::assemble().await;
    cast.add_organization("gamma").await;
    let mut iris = Browser::of(&cast, "iris").await;
    let (page, _) = made(&mut iris, "/organizations/gamma/webhooks", "https://hooks.example.org/gamma").await;
    let id = page.rsplit('/').next().unwrap();

    for path in
        [format!("{OF_ACME}/{id}"), format!("{OF_ALL}/{id}"), format!("{OF_ACME}/nothing"), format!("{OF_ALL}/%3C")]
    {
        assert_eq!(iris.get(&path).await.status, 404, "{path}");
        for act in ["try", "disable", "secret", "edit"] {
            let answer = iris.fill(&format!("{path}/{act}"), &[("url", "https://hooks.example.org/")]).await;
            assert_eq!(answer.status, 404, "{path}/{act}");
        }
    }
    iris.fill(&format!("{OF_ACME}/{id}/delete"), &[]).await.led();

    let of_gamma = cast.get(&cast.iris, "/organizations/gamma/webhooks").await.items();
    assert!(of_gamma.len() == 1 && of_gamma[0]["enabled"] == json!(true), "{of_gamma:?}");
    assert!(iris.read(&page).await.contains("It was told of nothing yet."));
}

#[tokio::test]
async fn an_address_that_is_refused_is_told_beside_the_form_with_what_was_typed() {
    let cast = Cast::assemble().await;
    let mut ada = Browser::of(&cast, "ada").await;
    let endless = format!("https://hooks.example.org/{}", "x".repeat(2000));
    for (url, told) in [
        ("http://hooks.example.org/", "The address: expected https."),
        ("https://10.0.0.7/", "not private, loopback or link-local"),
        ("https://ada:fake@hooks.example.org/", "without user or fragment"),
        ("<script>alert(1)</script>\"'&", "The address: "),
        (&*endless, "at most 2000 bytes"),
        ("a\u{0}b", "The address: "),
        ("", "The address: "),
    ] {
        let text = ada.fill(OF_ACME, &[("url", url), ("events", "quota.near")]).await.assert_told(told);
        assert!(text.contains("value=\"quota.near\" checked") && !text.contains("<script>alert"), "{text}");
        assert!(!url.starts_with("http") || text.contains(&format!("value=\"{url}\"")), "{text}");
    }
    let text = ada.fill(OF_ACME, &[("url", "https://hooks.example.org/"), ("events", "all")]).await;
    text.assert_told("There is no such event");
    assert!(ada.read(OF_ACME).await.contains("Nobody is told of anything yet."));

    for n in 0..10 {
        made(&mut ada, OF_ACME, &format!("https://hooks.example.org/{n}")).await;
    }
    ada.fill(OF_ACME, &[("url", "https://hooks.example.org/")]).await.assert_told("There are 10 webhooks here already");
}
