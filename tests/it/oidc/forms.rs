//! A session that ends in the middle of a form: who signs in again with the provider comes back to what they typed.

use super::{Issuer, grace, site, visitor::Visitor};

/// Grace, signed in and out again while she fills in a form.
async fn begun(visitor: &mut Visitor<'_>, issuer: &Issuer) {
    visitor.sign_in(issuer, grace()).await.assert_in();
    visitor.cookies.clear();
}

const TYPED: [(&str, &str); 4] = [("csrf", "old"), ("name", "desk"), ("scopes", "run"), ("secret-x", "fake-secret")];

#[tokio::test]
async fn what_was_typed_comes_back_from_the_provider_but_for_secrets_and_is_sent_by_nobody_else() {
    let issuer = Issuer::open().await;
    let (site, _) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    let mut visitor = Visitor::at(&bellhop);
    begun(&mut visitor, &issuer).await;

    let asked = visitor.submit("/tokens", &TYPED).await;
    let way = "/sign-in/oidc?next=%2Ftokens&amp;form=kept";
    assert!(asked.status == 401 && asked.text().contains(way), "{}", asked.text());
    let cookie = &visitor.cookies["bellhop-form"];
    assert!(cookie.len() < 3 * 1024 && !cookie.contains("desk"), "{cookie}");
    let back = visitor.sign_in_by(&way.replace("&amp;", "&"), &issuer, grace()).await;

    let text = back.text();
    assert_eq!(back.status, 200, "{text}");
    assert!(text.contains("action=\"/tokens\"") && text.contains("name=\"name\" value=\"desk\""), "{text}");
    assert!(!text.contains("fake-secret") && !text.contains("value=\"old\""), "{text}");
    assert!(visitor.has_session() && !visitor.cookies.contains_key("bellhop-form"));
    assert!(visitor.get("/tokens").await.text().contains("You have no token yet"), "sent by nobody");
    let (_, csrf) = text.split_once("name=\"csrf\" value=\"").unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let made = visitor.submit("/tokens", &[("csrf", csrf), ("name", "desk"), ("scopes", "run")]).await;
    assert!(made.text().contains("Your new token “desk”"), "{}", made.text());
}

#[tokio::test]
async fn what_is_too_much_for_a_cookie_is_told_before_and_kept_by_a_password_alone() {
    let issuer = Issuer::open().await;
    let (site, _) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    let mut visitor = Visitor::at(&bellhop);
    begun(&mut visitor, &issuer).await;
    let long = "x".repeat(2_500);

    let asked = visitor.submit("/tokens", &[("name", &*long)]).await;

    let text = asked.text();
    assert!(text.contains("too much to be kept on the way to The Institute") && text.contains("kept-name"), "{text}");
    assert!(!text.contains("form=kept") && !visitor.cookies.contains_key("bellhop-form"), "{text}");
    let back = visitor.sign_in_by("/sign-in/oidc?next=/tokens&form=kept", &issuer, grace()).await;
    assert_eq!((back.status, back.header_of("location").as_deref()), (303, Some("/tokens")));
}

/// Another window, another page, another cookie: nobody is shown a form that they did not come for.
#[tokio::test]
async fn a_form_is_for_who_came_from_it_and_as_bellhop_sealed_it() {
    let issuer = Issuer::open().await;
    let (site, _) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    let mut visitor = Visitor::at(&bellhop);
    begun(&mut visitor, &issuer).await;
    visitor.submit("/tokens", &TYPED).await;
    let kept = visitor.cookies.clone();
    for (way, cookie) in [
        ("/sign-in/oidc?next=/tokens", None),
        ("/sign-in/oidc?next=/audit&form=kept", None),
        ("/sign-in/oidc?next=/tokens&form=kept", Some("")),
        ("/sign-in/oidc?next=/tokens&form=kept", Some("AAAA")),
    ] {
        visitor.cookies = kept.clone();
        if let Some(cookie) = cookie {
            visitor.cookies.insert("bellhop-form".into(), cookie.into());
        }
        let back = visitor.sign_in_by(way, &issuer, grace()).await;
        assert_eq!(back.status, 303, "{way} {cookie:?}: {}", back.text());
        assert!(!visitor.cookies.contains_key("bellhop-form"), "{way}");
    }
}
