//! The page, as a browser without a script sees it.

mod account;
mod audit;
mod connecting;
mod credentials;
mod every_form;
mod home;
mod jobs;
mod joining;
mod operators;
mod organizations;
mod usage;
mod users;
mod webhooks;

use crate::management::cast::Cast;
use crate::support::{ADA_KEY, Answer, Ask, Bellhop, CATALOGUE, Pat, Site, Upstream};
use serde_json::json;
use std::fs;

const PASSWORD: &str = "fake correct horse battery";

/// A browser: it keeps its cookie, and says where a request comes from.
struct Browser<'b> {
    bellhop: &'b Bellhop,
    cookie: Option<String>,
}

impl<'b> Browser<'b> {
    fn at(bellhop: &'b Bellhop) -> Self {
        Self { bellhop, cookie: None }
    }

    /// Somebody of the cast, signed in with a password that they chose by a link.
    async fn of(cast: &'b Cast, name: &str) -> Self {
        let link = cast.post(&cast.iris, &format!("/users/{name}/link"), &json!({})).await.json();
        let mut browser = Self::at(&cast.bellhop);
        let path = format!("/choose/{}", link["value"].as_str().unwrap());
        let chosen = browser.submit(&path, &[("secret-password", PASSWORD)]).await;
        assert_eq!(chosen.status, 303, "{}", chosen.text());
        browser
    }

    /// Sends a form of this session's.
    async fn fill(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf("/tokens").await;
        self.submit(path, &[&[("csrf", &*csrf)], fields].concat()).await
    }

    /// A page that there is.
    async fn read(&mut self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Ask::get(path)).await
    }

    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let ask = Ask::post(path).header("Content-Type", "application/x-www-form-urlencoded").body(body);
        self.send(ask.header("Sec-Fetch-Site", "same-origin")).await
    }

    async fn send(&mut self, mut ask: Ask) -> Answer {
        if let Some(cookie) = &self.cookie {
            ask = ask.header("Cookie", cookie.clone());
        }
        let answer = self.bellhop.ask_admin(&ask).await;
        if let Some(set) = answer.header("set-cookie") {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
            self.cookie = set.split(';').next().map(str::to_owned).filter(|pair| !pair.ends_with('='));
        }
        answer
    }

    /// Of the form on the page at this path.
    async fn csrf(&mut self, path: &str) -> String {
        let text = self.get(path).await.text();
        let start = text.find("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {text}")) + 19;
        text[start..start + 64].to_owned()
    }

    /// What the form on that page sends when these are filled in, and nothing else is touched.
    async fn fill_on(&mut self, form: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf(form).await;
        self.submit(path, &[&[("csrf", &*csrf)], fields].concat()).await
    }

    /// Sends a form of the page at this path, to that path.
    async fn send_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf(path).await;
        self.submit(path, &[&[("csrf", &*csrf)], fields].concat()).await
    }

    /// Made the first administrator of an empty Bellhop, and is signed in.
    async fn settle(&mut self) {
        let url = fs::read_to_string(self.bellhop.data().join("setup-link")).unwrap();
        let path = url.trim().split_once("//").unwrap().1.split_once('/').unwrap().1;
        let path = format!("/{path}");
        assert!(self.get(&path).await.text().contains("Make the first administrator"));
        let done = self.submit(&path, &[("name", "ada"), ("secret-password", PASSWORD)]).await;
        assert_eq!((done.status, done.header("location")), (303, Some("/")), "{}", done.text());
    }
}

#[tokio::test]
async fn from_an_empty_folder_to_a_token_that_runs_jobs() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let bellhop = Site::facing(&ionq).serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    assert!(ada.get("/").await.text().contains("Hello, ada"));

    let csrf = ada.csrf("/tokens").await;
    let fields = [("csrf", &*csrf), ("name", "laptop"), ("expires", "30"), ("scopes", "run"), ("providers", "ionq")];
    let made = ada.submit("/tokens", &fields).await;

    let text = made.text();
    assert_eq!(made.status, 200, "{text}");
    let at = text.find("bhp_").unwrap();
    let token = Pat::printed(&text[at..at + 40]);
    assert!(!ada.get("/tokens").await.text().contains(token.as_str()), "shown twice");
    bellhop.get(&token, CATALOGUE).await.assert_refused("no-credential");
    let twice = ada.submit("/tokens", &fields).await;
    assert!(twice.status == 422 && twice.text().contains("has a token `laptop` already"), "{}", twice.text());
    let list = ada.get("/tokens").await.text();
    let revoke = list.split('"').find(|part| part.ends_with("/revoke")).unwrap().to_owned();
    assert!(ada.get(&revoke).await.text().contains("cannot be undone"));
    assert_eq!(ada.submit(&revoke, &[("csrf", &*csrf)]).await.status, 303);
    // A second press finds it as it was wanted.
    assert_eq!(ada.submit(&revoke, &[("csrf", &*csrf)]).await.status, 303);
    assert!(ada.get("/tokens").await.text().contains("You have no token yet"));
}

#[tokio::test]
async fn who_has_not_signed_in_is_asked_to_and_led_back_here_alone() {
    let bellhop = Site::empty().serve().await;
    let mut somebody = Browser::at(&bellhop);
    let led = somebody.get("/tokens?after=x").await;
    assert_eq!((led.status, led.header("location")), (303, Some("/sign-in?next=%2Ftokens%3Fafter%3Dx")));
    somebody.settle().await;
    let csrf = somebody.csrf("/tokens").await;
    assert_eq!(somebody.submit("/sign-out", &[("csrf", &csrf)]).await.header("location"), Some("/sign-in"));
    assert_eq!(somebody.cookie, None);
    for (next, expected) in
        [("/tokens", "/tokens"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/")]
    {
        let fields = [("user", "ada"), ("secret-password", PASSWORD), ("next", next)];
        assert_eq!(somebody.submit("/sign-in", &fields).await.header("location"), Some(expected));
    }
    let wrong = somebody.submit("/sign-in", &[("user", "ada"), ("secret-password", "fake wrong password")]).await;
    assert!(wrong.status == 401 && wrong.text().contains("There is no such user, or the password is another."));
}

#[tokio::test]
async fn a_change_needs_its_own_page_and_its_own_session() {
    let bellhop = Site::empty().serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    let csrf = ada.csrf("/tokens").await;
    let body = format!("csrf={csrf}&name=stolen&scopes=manage");
    for (site, body, expected) in
        [("cross-site", &*body, 403), ("same-site", &body, 403), ("same-origin", "name=stolen&scopes=manage", 403)]
    {
        let ask = Ask::post("/tokens").header("Content-Type", "application/x-www-form-urlencoded").body(body);
        assert_eq!(ada.send(ask.header("Sec-Fetch-Site", site)).await.status, expected, "{site} {body}");
    }
    let json = Ask::post("/api/v1/tokens").json(&json!({ "name": "stolen" })).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(ada.send(json).await.status, 403);
    assert!(ada.get("/tokens").await.text().contains("You have no token yet"));
    // The same from the page itself is taken, by the API as well.
    let json = Ask::post("/api/v1/tokens").json(&json!({ "name": "own" })).header("Sec-Fetch-Site", "same-origin");
    assert_eq!(ada.send(json).await.status, 201);
}

#[tokio::test]
async fn an_ended_session_opens_nothing() {
    let bellhop = Site::empty().serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    let mut copy = Browser { bellhop: &bellhop, cookie: ada.cookie.clone() };
    assert_eq!(copy.get("/tokens").await.status, 200);

    let csrf = ada.csrf("/tokens").await;
    ada.submit("/sign-out", &[("csrf", &csrf)]).await;
    assert_eq!(copy.get("/tokens").await.status, 303);

    ada.submit("/sign-in", &[("user", "ada"), ("secret-password", PASSWORD)]).await;
    assert_eq!(ada.get("/tokens").await.status, 200);
    bellhop.run(&["user", "add", "other", "--admin"]).await.assert_code(0);
    bellhop.run(&["user", "disable", "ada"]).await.assert_code(0);
    assert_eq!(ada.get("/tokens").await.status, 303);
}

#[tokio::test]
async fn what_was_typed_outlives_a_session_that_ended_but_for_secrets() {
    let bellhop = Site::empty().serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    let csrf = ada.csrf("/tokens").await;
    ada.cookie = None;

    let typed =
        [("csrf", &*csrf), ("name", "desk"), ("scopes", "run"), ("scopes", "read"), ("secret-x", "fake-secret")];
    let asked = ada.submit("/tokens", &typed).await;
    let text = asked.text();
    assert_eq!(asked.status, 401, "{text}");
    assert!(
        text.contains("name=\"kept-name\" value=\"desk\"") && text.contains("name=\"next\" value=\"/tokens\""),
        "{text}"
    );
    assert!(!text.contains("fake-secret") && !text.contains(&csrf), "{text}");
    let kept =
        [("kept-name", "desk"), ("kept-scopes", "run"), ("kept-scopes", "read"), ("next", "/tokens"), ("user", "ada")];
    let wrong = ada.submit("/sign-in", &[&kept[..], &[("secret-password", "fake wrong password")]].concat()).await;
    assert!(wrong.status == 401 && wrong.text().contains("kept-name"), "{}", wrong.text());
    let back = ada.submit("/sign-in", &[&kept[..], &[("secret-password", PASSWORD)]].concat()).await.text();

    assert!(back.contains("action=\"/tokens\"") && back.matches("name=\"scopes\"").count() == 2, "{back}");
    assert!(ada.get("/tokens").await.text().contains("You have no token yet"), "sent by nobody");
    let csrf = ada.csrf("/tokens").await;
    assert!(back.contains(&csrf));
    let typed = [("csrf", &*csrf), ("name", "desk"), ("scopes", "run"), ("scopes", "read")];
    assert!(ada.submit("/tokens", &typed).await.text().contains("Your new token “desk”"));
}

/// The document to read is for everybody, and one of the pages for who is signed in.
#[tokio::test]
async fn every_page_leads_to_what_programs_may_ask_and_that_leads_back() {
    let bellhop = Site::empty().serve().await;
    let mut ada = Browser::at(&bellhop);
    let open = ada.read("/api/v1/docs").await;
    assert!(open.contains("/api/v1/openapi.json") && !open.contains("class=\"side\""), "{open}");
    ada.settle().await;
    for path in ["/", "/tokens", "/audit"] {
        assert!(ada.read(path).await.contains("<a href=\"/api/v1/docs\">"), "{path}");
    }

    let read = ada.read("/api/v1/docs").await;

    assert!(read.contains("<a href=\"/api/v1/docs\" aria-current=\"page\">") && read.contains("href=\"/tokens\""));
    assert!(read.contains("<span>The management API</span>"), "{read}");
}

#[tokio::test]
async fn what_people_type_is_text_and_nothing_else() {
    let bellhop = Site::empty().serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    let csrf = ada.csrf("/tokens").await;
    let name = "<script>alert(1)</script>\"'&";
    let made = ada.submit("/tokens", &[("csrf", &csrf), ("name", name), ("scopes", "manage")]).await;
    assert!(made.status == 200 && !made.text().contains("<script>alert"), "{}", made.text());
    assert!(!ada.get("/tokens").await.text().contains("<script>alert"));
    let endless = "x".repeat(10_240);
    for bad in [&*endless, "a\u{0}b", ""] {
        let refused = ada.submit("/tokens", &[("csrf", &csrf), ("name", bad), ("scopes", "run")]).await;
        assert!(refused.status == 422 && refused.text().contains("Name: "), "{}", refused.text());
    }
    let answer = ada.get("/tokens").await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")]
    {
        assert_eq!(answer.header(name), Some(value));
    }
}

#[tokio::test]
async fn a_token_can_be_pinned_to_every_context_that_one_can_name() {
    let bellhop = Site::empty().serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    bellhop.run(&["org", "add", "acme", "--owner", "ada"]).await.assert_code(0);
    // Owners can name every project, listed among its members or not.
    bellhop.run(&["project", "add", "acme.optics"]).await.assert_code(0);

    let form = ada.get("/tokens").await.text();

    for context in ["me", "acme", "acme.optics"] {
        assert!(form.contains(&format!("<option>{context}</option>")), "{context}: {form}");
    }
}

#[tokio::test]
async fn who_has_to_wait_is_told_so_on_a_page_of_theirs() {
    let bellhop = Site::empty().set("limits.failed_lookups", "2/h").serve().await;
    let mut ada = Browser::at(&bellhop);
    ada.settle().await;
    let sign_in = async |user: &str, password: &str| {
        Browser::at(&bellhop)
            .submit("/sign-in", &[("user", user), ("secret-password", password), ("next", "/tokens")])
            .await
    };
    for user in ["a", "b"] {
        assert_eq!(sign_in(user, "fake wrong password").await.status, 401);
    }
    assert_eq!(sign_in("c", "fake wrong password").await.status, 429);
    let choice = Browser::at(&bellhop).submit("/choose/fake-link", &[("secret-password", PASSWORD)]).await;
    for refused in [sign_in("ada", PASSWORD).await, choice] {
        let text = refused.text();
        assert!(refused.status == 429 && refused.header("retry-after").is_some(), "{}: {text}", refused.status);
        assert_eq!(refused.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(text.contains("Too many failed attempts from your network: try again in 30 min."), "{text}");
    }
}
