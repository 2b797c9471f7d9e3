//! Provider tokens: entered, shown, rotated, switched off, deleted; and who is let near them.

use super::Browser;
use crate::{
    management::cast::Cast,
    support::{ACME_KEY, ADA_KEY, Answer, OPTICS_KEY, Reply, Site, Upstream},
};
use serde_json::json;

/// Each key is of the account that its name says; Ada's is refused.
async fn ionq() -> Upstream {
    Upstream::answering(|request| match request.key() {
        ACME_KEY | OPTICS_KEY => Reply::json(200, &json!({ "project_id": "project-acme" })),
        _ => Reply::json(401, &json!({ "message": "no such key" })),
    })
    .await
}

async fn furnished() -> (Cast, Upstream) {
    let ionq = ionq().await;
    (Cast::at(Site::facing(&ionq)).await, ionq)
}

const NEW: &str = "/credentials/new?provider=ionq&context=acme";

/// The address that an act has led to, without what was said of it.
fn led_to(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap().split('?').next().unwrap().to_owned()
}

async fn enter(browser: &mut Browser<'_>, context: &str, key: &str) -> Answer {
    let fields = [("provider", "ionq"), ("context", context), ("label", "shared"), ("probe", "yes")];
    browser.fill_on(NEW, "/credentials/new", &[&fields[..], &[("secret-field-api_key", key)]].concat()).await
}

#[tokio::test]
async fn a_token_is_entered_for_an_organization_asked_about_and_never_shown() {
    let (cast, _ionq) = furnished().await;
    let mut grace = Browser::of(&cast, "grace").await;
    assert!(grace.get("/credentials").await.text().contains("Add your first provider token"));
    let choose = grace.get("/credentials/new?context=acme").await.text();
    assert!(choose.contains("/credentials/new?provider=alice-bob&#38;context=acme"), "{choose}");
    let form = grace.get(NEW).await.text();
    for expected in ["<option value=\"acme\" selected>", "name=\"secret-field-api_key\" type=\"password\"", "API key"] {
        assert!(form.contains(expected), "{expected}: {form}");
    }

    let entered = enter(&mut grace, "acme", ACME_KEY).await;

    let path = led_to(&entered);
    let shown = grace.get(entered.header("location").unwrap()).await.text();
    for expected in ["Saved. IonQ takes it.", "project-acme", "IonQ · shared", "every member of acme", "alan", "runs"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(shown.contains("/connect?provider=ionq&#38;context=acme") && shown.contains("sealed, never shown"));
    let list = grace.get("/credentials").await.text();
    assert!(list.contains("<span class=\"tag good\">good</span>") && list.contains(&path), "{list}");
    let again = enter(&mut grace, "acme", OPTICS_KEY).await;
    assert_eq!(again.status, 422);
    assert!(
        again.text().contains("acme has a token of IonQ already") && again.text().contains(&format!("{path}/rotate"))
    );
}

#[tokio::test]
async fn what_the_provider_refuses_is_told_with_what_was_typed_but_the_secret() {
    let (cast, _ionq) = furnished().await;
    let mut grace = Browser::of(&cast, "grace").await;

    let refused = enter(&mut grace, "acme", ADA_KEY).await;

    let text = refused.text();
    assert_eq!(refused.status, 422, "{text}");
    assert!(text.contains("The provider refuses it") && text.contains("value=\"shared\""), "{text}");
    let empty = enter(&mut grace, "acme", "").await.text();
    assert!(empty.contains("The field “API key” is missing."), "{empty}");
    // Unasked it is taken as it is, and the page says what is known of it.
    let fields = [("provider", "ionq"), ("context", "acme"), ("secret-field-api_key", ADA_KEY)];
    let path = led_to(&grace.fill_on(NEW, "/credentials/new", &fields).await);
    assert!(grace.get(&path).await.text().contains("not checked yet"));
    let probed = grace.fill_on(&path, &format!("{path}/probe"), &[]).await;
    let told = grace.get(probed.header("location").unwrap()).await.text();
    assert!(told.contains("IonQ refuses it: jobs would be refused as well"), "{told}");
}

#[tokio::test]
async fn a_new_value_takes_the_place_of_the_one_before() {
    let (cast, _ionq) = furnished().await;
    let mut grace = Browser::of(&cast, "grace").await;
    let path = led_to(&enter(&mut grace, "acme", ACME_KEY).await);
    let rotate = format!("{path}/rotate");
    let form = grace.get(&rotate).await.text();
    let tag = form.split("name=\"tag\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    let refused =
        grace.fill_on(&rotate, &rotate, &[("tag", &tag), ("secret-field-api_key", ADA_KEY), ("probe", "yes")]).await;
    assert!(refused.status == 422 && refused.text().contains("nothing was changed"), "{}", refused.text());
    let done = grace.fill_on(&rotate, &rotate, &[("tag", &tag), ("secret-field-api_key", OPTICS_KEY)]).await;
    assert_eq!(led_to(&done), path);
    assert!(grace.get(&path).await.text().contains("version 2, first entered"));
    // In another tab, the form of what it was before.
    let late = grace.fill_on(&rotate, &rotate, &[("tag", &tag), ("secret-field-api_key", ACME_KEY)]).await;
    assert!(late.status == 422 && late.text().contains("It was changed since it was read"), "{}", late.text());
}

#[tokio::test]
async fn it_is_restricted_switched_off_and_deleted_after_it_was_asked_what_that_breaks() {
    let (cast, _ionq) = furnished().await;
    let mut grace = Browser::of(&cast, "grace").await;
    let path = led_to(&enter(&mut grace, "acme", ACME_KEY).await);
    let edit = format!("{path}/edit");
    let saved =
        grace.fill_on(&edit, &edit, &[("label", "optics only"), ("projects", "optics"), ("expires", "2027-01-31")]).await;
    assert_eq!(led_to(&saved), path);
    let shown = grace.get(&path).await.text();
    assert!(shown.contains("only projects optics") && shown.contains("2027-01-31T23:59:59Z"), "{shown}");
    let wrong = grace.fill_on(&edit, &edit, &[("label", &"x".repeat(10_240)), ("members", "eve")]).await;
    assert!(wrong.status == 422 && wrong.text().contains("Label: expected at most 120 bytes"), "{}", wrong.text());

    let disable = format!("{path}/disable");
    let asked = grace.get(&disable).await.text();
    assert!(
        asked.contains("people can use it now, with") && asked.contains("Nothing else pays in its place"),
        "{asked}"
    );
    grace.fill_on(&disable, &disable, &[]).await;
    assert!(grace.get(&path).await.text().contains("switched off"));
    grace.fill_on(&path, &format!("{path}/enable"), &[]).await;
    let delete = format!("{path}/delete");
    assert!(grace.get(&delete).await.text().contains("It is destroyed with all its versions."));
    assert_eq!(grace.fill_on(&delete, &delete, &[]).await.header("location"), Some("/credentials?said=removed"));
    // In another tab, where it is still shown.
    assert_eq!(grace.fill_on("/credentials/new?provider=ionq", &delete, &[]).await.status, 303);
    assert_eq!(grace.get(&path).await.status, 404);
}

#[tokio::test]
async fn open_jobs_keep_a_token_unless_they_are_left_behind() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let mut grace = Browser::of(&cast, "grace").await;
    let id = cast.get(&cast.grace, "/credentials").await.items()[0]["id"].as_str().unwrap().to_owned();
    let delete = format!("/credentials/{id}/delete");

    let asked = grace.get(&delete).await.text();
    assert!(asked.contains("1 job that it made is open") && asked.contains("?force=yes"), "{asked}");
    assert_eq!(led_to(&grace.fill_on(&delete, &delete, &[]).await), format!("/credentials/{id}"));
    assert!(grace.get(&format!("/credentials/{id}")).await.text().contains("kept for open jobs"));
    let force = format!("{delete}?force=yes");
    assert!(grace.get(&force).await.text().contains("nobody can ask about it here any more"));
    assert_eq!(led_to(&grace.fill_on(&force, &force, &[]).await), "/credentials");
}

#[tokio::test]
async fn who_uses_a_token_sees_that_it_is_there_and_no_button_and_others_see_nothing() {
    let (cast, _ionq) = furnished().await;
    let id = cast.credential_of("acme", None).await;
    let path = format!("/credentials/{id}");
    let (mut alan, mut eve) = (Browser::of(&cast, "alan").await, Browser::of(&cast, "eve").await);
    let mut iris = Browser::of(&cast, "iris").await;

    let used = alan.get(&path).await;
    assert_eq!(used.status, 200);
    let text = used.text();
    assert!(text.contains("of the story") && !text.contains("/rotate") && !text.contains("/delete"), "{text}");
    for act in ["rotate", "edit", "disable", "delete"] {
        let form = format!("{path}/{act}");
        assert!(matches!(alan.get(&form).await.status, 403 | 404), "{act}");
        assert_eq!(eve.get(&form).await.status, 404, "{act}");
        // By hand, with a form of a page that they have.
        assert!(matches!(alan.fill_on("/tokens", &form, &[("label", "mine")]).await.status, 403 | 404), "{act}");
        let stranger = eve.fill_on("/tokens", &form, &[("label", "mine")]).await;
        assert!(stranger.status == 404 || act == "delete", "{act}: {}", stranger.status);
    }
    assert_eq!(eve.get(&path).await.status, 404);
    assert!(eve.get("/credentials").await.text().contains("Add your first provider token"));
    assert_eq!(enter(&mut alan, "acme", ACME_KEY).await.status, 422);
    assert_eq!(enter(&mut eve, "acme", ACME_KEY).await.status, 404);
    assert_eq!(iris.get(&path).await.status, 200);
    assert_eq!(cast.get(&cast.grace, &format!("/credentials/{id}")).await.json()["label"], "of the story");
    for nowhere in ["/credentials/x", "/credentials/%00/edit", "/credentials/0/delete"] {
        assert_eq!(iris.get(nowhere).await.status, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn a_role_that_was_taken_away_meanwhile_is_none() {
    let (cast, _ionq) = furnished().await;
    let mut grace = Browser::of(&cast, "grace").await;
    let csrf = grace.csrf(NEW).await;
    cast.set_member("acme", "grace", "member").await;

    let fields = [("csrf", &*csrf), ("provider", "ionq"), ("context", "acme"), ("secret-field-api_key", ACME_KEY)];
    let refused = grace.submit("/credentials/new", &fields).await;

    assert!(refused.status == 422 && refused.text().contains("Only owners and maintainers"), "{}", refused.text());
    let markup = [("csrf", &*csrf), ("provider", "ionq"), ("context", "me"), ("label", "<script>alert(1)</script>")];
    let refused = grace.submit("/credentials/new", &markup).await.text();
    assert!(!refused.contains("<script>alert") && refused.contains("API key"), "{refused}");
    assert_eq!(grace.submit("/credentials/new", &fields[1..]).await.status, 403);
}
