//! One's own account on the page.

use super::{Browser, PASSWORD};
use crate::management::cast::Cast;

const ANOTHER: &str = "fake staple of another kind";

#[tokio::test]
async fn one_chooses_what_pays_and_is_told_when_it_cannot_any_more() {
    let cast = Cast::assemble().await;
    let mut alan = Browser::of(&cast, "alan").await;
    assert!(alan.read("/account").await.contains("<option>acme.optics</option>"));

    assert_eq!(alan.fill("/account/active", &[("context", "acme.optics")]).await.led(), "/account?said=saved");

    assert!(alan.read("/account").await.contains("<option selected>acme.optics</option>"));
    for bad in ["gamma", "<script>", "a.b.c"] {
        let text = alan.fill("/account/active", &[("context", bad)]).await.assert_told("Context: ");
        assert!(!text.contains("<script>a"), "{text}");
    }
    assert_eq!(alan.fill("/organizations/acme/members/alan/remove", &[]).await.status, 303);
    let text = alan.read("/account").await;
    assert!(text.contains("Your active context is acme.optics, which you cannot use any more"), "{text}");
    assert_eq!(alan.fill("/account/active", &[("context", "")]).await.status, 303);
    assert!(!alan.read("/account").await.contains("cannot use any more"));
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_ends_the_other_sessions() {
    let cast = Cast::assemble().await;
    let mut alan = Browser::of(&cast, "alan").await;
    let mut phone = Browser::at(&cast.bellhop);
    phone.submit("/sign-in", &[("user", "alan"), ("secret-password", PASSWORD)]).await.led();
    let wrong = [("secret-old", "fake wrong password"), ("secret-new", ANOTHER)];
    let text = alan.fill("/account/password", &wrong).await.assert_told("This is not the password that you have");
    assert!(!text.contains("fake wrong password") && !text.contains(ANOTHER), "{text}");
    alan.fill("/account/password", &[("secret-old", PASSWORD), ("secret-new", "fake short")])
        .await
        .assert_told("The new password: ");

    let changed = alan.fill("/account/password", &[("secret-old", PASSWORD), ("secret-new", ANOTHER)]).await;

    assert_eq!(changed.led(), "/account?said=password");
    assert_eq!((alan.get("/account").await.status, phone.get("/account").await.status), (200, 303));
    assert_eq!(phone.submit("/sign-in", &[("user", "alan"), ("secret-password", PASSWORD)]).await.status, 401);
    assert_eq!(phone.submit("/sign-in", &[("user", "alan"), ("secret-password", ANOTHER)]).await.status, 303);
}

#[tokio::test]
async fn sessions_elsewhere_are_seen_and_ended_one_by_one_or_all() {
    let cast = Cast::assemble().await;
    let mut alan = Browser::of(&cast, "alan").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        let mut other = Browser::at(&cast.bellhop);
        other.submit("/sign-in", &[("user", "alan"), ("secret-password", PASSWORD)]).await.led();
        others.push(other);
    }
    let text = alan.read("/account").await;
    assert!(text.contains("this one") && text.contains("End the 3 other sessions"), "{text}");
    let is_one = |part: &&str| part.ends_with("/end") && !part.ends_with("sessions/end");
    let one = text.split('"').find(is_one).unwrap().to_owned();
    let mut eve = Browser::of(&cast, "eve").await;
    // Another's is nothing to end.
    eve.fill(&one, &[]).await.led();

    assert_eq!(alan.fill(&one, &[]).await.led(), "/account?said=saved");
    assert_eq!(alan.fill(&one, &[]).await.status, 303, "pressed twice");

    assert!(alan.read("/account").await.contains("End the 2 other sessions"));
    assert_eq!(alan.fill("/account/sessions/end", &[]).await.led(), "/account?said=saved");
    assert!(!alan.read("/account").await.contains("End the"));
    for other in &mut others {
        assert_eq!(other.get("/account").await.status, 303);
    }
    for path in ["/account/active", "/account/password", "/account/sessions/end"] {
        assert_eq!(alan.get(path).await.status, 200, "{path}");
    }
}
