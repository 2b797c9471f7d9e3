//! Every form of the page: sent from elsewhere, without its proof, of another type, to another's things, and with all
//! that can be typed.

use super::{Browser, PASSWORD};
use crate::{
    management::cast::Cast,
    support::{Answer, Ask},
};
use serde_json::json;
use std::{collections::BTreeSet, fs, path::Path};

const FORM: &str = "application/x-www-form-urlencoded";
const MARKUP: &str = "<script>alert(1)</script>\"'&";
const ID: &str = "01890000-0000-7000-8000-000000000000";

/// A form: its route, and what is in it.
struct Form {
    route: &'static str,
    fields: &'static [(&'static str, &'static str)],
}

const fn form(route: &'static str, fields: &'static [(&'static str, &'static str)]) -> Form {
    Form { route, fields }
}

/// Anybody may send these: there is no session to prove anything with.
const OPEN: [Form; 4] = [
    form("/sign-in", &[("user", "ada"), ("secret-password", PASSWORD), ("next", "/")]),
    form("/setup/{link}", &[("name", "kay"), ("secret-password", PASSWORD)]),
    form("/choose/{link}", &[("secret-password", PASSWORD)]),
    form("/join/{link}", &[("name", "kay"), ("secret-password", PASSWORD)]),
];

const SIGNED: [Form; 56] = [
    form("/join/{link}/accept", &[]),
    form("/sign-out", &[]),
    form(
        "/tokens",
        &[
            ("name", "desk"),
            ("scopes", "run"),
            ("expires", "90"),
            ("context", ""),
            ("contexts", ""),
            ("providers", ""),
            ("networks", ""),
        ],
    ),
    form("/tokens/{id}/revoke", &[]),
    form(
        "/credentials/new",
        &[("context", "acme"), ("provider", "ionq"), ("label", "x"), ("secret-field-api_key", "fake")],
    ),
    form("/credentials/{id}/rotate", &[("secret-field-api_key", "fake")]),
    form("/credentials/{id}/edit", &[("label", "x"), ("expires", "")]),
    form("/credentials/{id}/probe", &[]),
    form("/credentials/{id}/enable", &[]),
    form("/credentials/{id}/disable", &[]),
    form("/credentials/{id}/delete", &[]),
    form("/jobs/{provider}/{id}/cancel", &[]),
    form("/jobs/{provider}/{id}/adopt", &[("to", "ada"), ("tag", "x")]),
    form("/submissions/{id}", &[("job", "x"), ("to", "ada")]),
    form("/submissions/{id}/refuse", &[]),
    form("/audit/verify", &[]),
    form("/account/active", &[("context", "acme")]),
    form("/account/password", &[("secret-old", PASSWORD), ("secret-new", "fake new password of hers")]),
    form("/account/sessions/end", &[]),
    form("/account/sessions/{id}/end", &[]),
    form("/users", &[("name", "kay")]),
    form("/users/{user}", &[("name", "kay")]),
    form("/users/{user}/link", &[]),
    form("/users/{user}/disable", &[]),
    form("/users/{user}/enable", &[]),
    form("/users/{user}/admin", &[]),
    form("/users/{user}/delete", &[]),
    form("/organizations", &[("name", "umbrella"), ("owner", "ada")]),
    form("/organizations/{organization}/members", &[("name", "eve"), ("role", "member")]),
    form("/organizations/{organization}/members/{user}", &[("role", "member")]),
    form("/organizations/{organization}/members/{user}/remove", &[]),
    form("/organizations/{organization}/projects", &[("name", "lasers")]),
    form("/organizations/{organization}/projects/{project}", &[("name", "lasers")]),
    form("/organizations/{organization}/projects/{project}/members", &[("member", "grace")]),
    form("/organizations/{organization}/projects/{project}/members/{user}/remove", &[]),
    form("/organizations/{organization}/projects/{project}/delete", &[]),
    form("/organizations/{organization}/settings", &[("name", "acme"), ("job_visibility", "own")]),
    form("/organizations/{organization}/delete", &[]),
    form(
        "/organizations/{organization}/quotas",
        &[
            ("context", "acme"),
            ("limit", "5"),
            ("measure", "jobs"),
            ("period", "month"),
            ("provider", ""),
            ("member", ""),
        ],
    ),
    form("/organizations/{organization}/quotas/{id}/remove", &[]),
    form("/organizations/{organization}/invitations", &[("role", "member"), ("expires", "7")]),
    form("/organizations/{organization}/invitations/{id}/revoke", &[]),
    form("/webhooks", &[("url", "https://hooks.example.org/a"), ("events", "quota.near")]),
    form("/webhooks/{id}/try", &[]),
    form("/webhooks/{id}/enable", &[]),
    form("/webhooks/{id}/disable", &[]),
    form("/webhooks/{id}/secret", &[]),
    form("/webhooks/{id}/delete", &[]),
    form("/webhooks/{id}/edit", &[("url", "https://hooks.example.org/a"), ("events", "quota.near")]),
    form("/organizations/{organization}/webhooks", &[("url", "https://hooks.example.org/a"), ("events", "quota.near")]),
    form("/organizations/{organization}/webhooks/{id}/try", &[]),
    form("/organizations/{organization}/webhooks/{id}/enable", &[]),
    form("/organizations/{organization}/webhooks/{id}/disable", &[]),
    form("/organizations/{organization}/webhooks/{id}/secret", &[]),
    form("/organizations/{organization}/webhooks/{id}/delete", &[]),
    form(
        "/organizations/{organization}/webhooks/{id}/edit",
        &[("url", "https://hooks.example.org/a"), ("events", "quota.near")],
    ),
];

/// Where the story's things are.
struct Places {
    credential: String,
    token: String,
}

impl Places {
    async fn of(cast: &Cast) -> Self {
        let token = cast.post(&cast.ada, "/tokens", &json!({ "name": "of the story" })).await.json();
        Self {
            credential: cast.credential_of("acme", None).await,
            token: token["id"].as_str().unwrap_or_else(|| panic!("{token}")).to_owned(),
        }
    }

    /// Of a route, where it leads to something that is there, as far as anything is.
    fn fill(&self, route: &str) -> String {
        let id = if route.starts_with("/credentials") {
            &self.credential
        } else if route.starts_with("/tokens") {
            &self.token
        } else {
            ID
        };
        filled(route, id, ["acme", "optics", "alan"])
    }
}

/// Where nothing is.
fn nowhere(route: &str) -> String {
    filled(route, ID, ["nowhere", "nothing", "nobody"])
}

fn filled(route: &str, id: &str, [organization, project, user]: [&str; 3]) -> String {
    let path = route.replace("{id}", id).replace("{link}", "fake-link").replace("{provider}", "ionq");
    path.replace("{organization}", organization).replace("{project}", project).replace("{user}", user)
}

/// What stands in the program's text.
fn routes(folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            routes(&path, found);
        } else if path.ends_with("webhooks/mod.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let acts = text.split(".route(&at(\"").skip(1).filter_map(|route| {
                let (act, rest) = route.split_once('"')?;
                rest.split('\n').next()?.contains("post(").then(|| format!("/{{id}}{act}"))
            });
            let acts: Vec<_> = acts.chain([String::new()]).collect();
            for whose in ["/webhooks", "/organizations/{organization}/webhooks"] {
                found.extend(acts.iter().map(|act| format!("{whose}{act}")));
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let posts = text.split(".route(\"").skip(1).filter_map(|route| {
                let (path, rest) = route.split_once('"')?;
                rest.split('\n').next()?.contains("post(").then(|| path.to_owned())
            });
            found.extend(posts);
        }
    }
}

fn encoded<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn acts(cast: &Cast) -> String {
    cast.get(&cast.iris, "/audit?limit=1").await.json()["items"][0]["seq"].to_string()
}

#[test]
fn every_form_is_in_the_tables() {
    let mut found = BTreeSet::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page"), &mut found);
    let tables = OPEN.iter().chain(&SIGNED).map(|form| form.route.to_owned()).collect();
    assert_eq!(found, tables);
}

/// Whatever the browser brings with it: nothing is changed by a page of somebody else's.
#[tokio::test]
async fn a_form_of_another_page_or_of_another_kind_changes_nothing() {
    let cast = Cast::assemble().await;
    let places = Places::of(&cast).await;
    let mut iris = Browser::of(&cast, "iris").await;
    let (csrf, another) = (iris.csrf("/tokens").await, "0".repeat(64));
    let before = acts(&cast).await;
    for (form, is_open) in OPEN.iter().map(|form| (form, true)).chain(SIGNED.iter().map(|form| (form, false))) {
        let path = places.fill(form.route);
        let proof = (!is_open).then_some(("csrf", &*csrf));
        let body = encoded(form.fields.iter().copied().chain(proof));
        let from = |name: &'static str, value: &str| {
            Ask::post(path.clone()).header("Content-Type", FORM).header(name, value.to_owned()).body(body.clone())
        };
        for foreign in [
            from("Sec-Fetch-Site", "cross-site"),
            from("Sec-Fetch-Site", "same-site"),
            from("Origin", "https://evil.example"),
            from("Origin", "null"),
        ] {
            assert_eq!(iris.send(foreign).await.status, 403, "{path} from elsewhere");
        }
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json"] {
            let ask = Ask::post(path.clone()).header("Content-Type", kind).header("Sec-Fetch-Site", "same-origin");
            assert_eq!(iris.send(ask.body(body.clone())).await.status, 415, "{path} as {kind}");
        }
        if !is_open {
            let unproven = iris.submit(&path, form.fields).await;
            assert_eq!(unproven.status, 403, "{path}: {}", unproven.text());
            let wrong = [form.fields, &[("csrf", &*another)]].concat();
            assert_eq!(iris.submit(&path, &wrong).await.status, 403, "{path}");
        }
    }
    assert_eq!(acts(&cast).await, before, "something was done");
}

/// To who is not in an organization its things are as if they were not there.
#[tokio::test]
async fn things_of_others_are_not_there() {
    let cast = Cast::assemble().await;
    let places = Places::of(&cast).await;
    let mut eve = Browser::of(&cast, "eve").await;
    let csrf = eve.csrf("/tokens").await;
    let before = acts(&cast).await;
    let is_of_others =
        |route: &str| route.contains('{') && !["/join", "/account"].iter().any(|start| route.starts_with(start));
    for form in SIGNED.iter().filter(|form| is_of_others(form.route)) {
        let fields = [form.fields, &[("csrf", &*csrf)]].concat();
        let (there, gone) = (places.fill(form.route), nowhere(form.route));
        let sent = [eve.submit(&there, &fields).await, eve.submit(&gone, &fields).await];
        let looked = [eve.get(&there).await, eve.get(&gone).await];
        for [there, gone] in [sent, looked] {
            assert_eq!(there.status, gone.status, "{}: {}", form.route, there.text());
            // What takes something away is content where it is gone, and leads back to a list of one's own.
            assert!([404, 303].contains(&there.status), "{}: {}", form.route, there.text());
        }
    }
    assert_eq!(acts(&cast).await, before, "something was done");
}

/// No text breaks a page, out of it, or the line that it stands in.
#[tokio::test]
async fn whatever_is_typed_into_a_form_is_text() {
    let cast = Cast::assemble().await;
    let places = Places::of(&cast).await;
    let mut iris = Browser::of(&cast, "iris").await;
    let mut csrf = iris.csrf("/tokens").await;
    let endless = "x".repeat(10_240);
    let odd = "\u{202e}ﷺ\u{0301}👩‍🔬\u{feff}e\u{301}ß\u{1d7d8}";
    let harmless = |answer: &Answer, told: &str| {
        let text = answer.text();
        assert!(answer.status < 500 && !text.contains("<script>alert"), "{told}: {} {text}", answer.status);
    };
    for form in OPEN.iter().chain(SIGNED.iter().filter(|form| form.route != "/sign-out")) {
        for (field, _) in form.fields {
            for bad in [MARKUP, &*endless, odd, "a\u{0}b\r\nSet-Cookie: x=y\u{1b}[31m", ""] {
                let rest = form.fields.iter().copied().filter(|(name, _)| name != field);
                let fields: Vec<_> = rest.chain([(*field, bad), ("csrf", &*csrf)]).collect();
                let answer = iris.submit(&places.fill(form.route), &fields).await;
                harmless(&answer, &format!("{} {field}", form.route));
                if answer.header("set-cookie").is_some() {
                    // Signed in as somebody else, or with another password.
                    iris = Browser::of(&cast, "iris").await;
                    csrf = iris.csrf("/tokens").await;
                }
            }
        }
    }
    for page in ["/", "/tokens", "/credentials", "/organizations", "/organizations/acme", "/users", "/audit", "/jobs"] {
        harmless(&iris.get(page).await, page);
    }
}
