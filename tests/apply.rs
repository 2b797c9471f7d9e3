//! What `apply` promises: the store agrees with the file, again and again, all of it or nothing, and nothing is told
//! that is nobody's business.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, also in what helps it, and says what it skips"
)]

#[expect(dead_code, reason = "shared with the store's own tests, which use all of it")]
#[path = "store/place.rs"]
mod place;

use bellhop::{
    cli::apply::{ApplyError, Input, Installation, MadeToken, Options, Output, Prune, Report, Run, apply},
    clock::Clock,
    config::TokenLifetimes,
    credential::{Owner, State},
    identity::{TokenHolder, pat::PlainPat},
    provider::Catalog,
    store::{Actor, Address, AuditEntry, AuditRow, CredentialChange, Origin, Signer, Store},
    vault::{MasterSource, Vault},
};
use place::{NOW, Place};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const DIGEST_A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const DIGEST_B: &str = "BBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

const STATE: &str = r#"
users:
  - name: ada
    admin: true
    password: { value: "fake-password-canary" }
    active: acme
    tokens:
      - { name: laptop }
      - { name: ci, sha256: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", context: acme.optics,
          contexts: [acme.optics, me.thesis], providers: [ionq], scopes: [run], networks: [10.0.0.0/8], expires: 2027-01-01 }
    credentials:
      - { provider: ionq, label: "my key", fields: { api_key: { value: "fake-ada-canary" } } }
    projects: [ { name: thesis, credentials: [ { provider: iqm, fields: { token: { value: "fake-thesis-canary" } } } ] } ]
  - name: grace
  - name: alan
organizations:
  - name: acme
    members: { ada: owner, grace: maintainer, alan: member }
    job_visibility: all
    credentials:
      - { provider: dwave, label: "shared", projects: [optics], members: [ada, alan],
          fields: { token: { file: FILE }, region: { value: na-west-1 } } }
    projects:
      - { name: optics, members: [alan], credentials: [ { provider: ionq, label: "optics", fields: { api_key: { env: PATH } } } ] }
"#;

#[derive(Default)]
struct Told {
    made: Vec<(String, String, String)>,
    words: Vec<String>,
    remarks: Vec<String>,
}

impl Output for Told {
    fn made(&mut self, token: &MadeToken) {
        self.made.push((token.user.to_string(), token.token.to_string(), token.value.expose().to_owned()));
    }

    fn changed(&mut self, words: &str) {
        self.words.push(words.to_owned());
    }

    fn remarked(&mut self, words: &str) {
        self.remarks.push(words.to_owned());
    }
}

struct House {
    folder: tempfile::TempDir,
    store: Store,
    vault: Vault,
    catalog: Catalog,
    clock: Clock,
    lifetimes: TokenLifetimes,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Address::parse(None, folder.path()).unwrap()).await.unwrap();
        Self::with_store(folder, store).await
    }

    async fn at(place: &Place) -> Self {
        Self::with_store(tempfile::tempdir().unwrap(), place.store.clone()).await
    }

    async fn with_store(folder: tempfile::TempDir, store: Store) -> Self {
        let source = MasterSource::File(folder.path().join("master.key"));
        let vault = Vault::open(&store, source, NOW).await.unwrap();
        std::fs::write(folder.path().join("dwave"), "fake-dwave-canary\n").unwrap();
        let (catalog, clock) = (Catalog::shipped().unwrap(), Clock::stopped_at(NOW));
        Self { folder, store, vault, catalog, clock, lifetimes: TokenLifetimes::default() }
    }

    fn installation(&self) -> Installation<'_> {
        let Self { store, vault, catalog, clock, lifetimes, .. } = self;
        Installation { store, vault, catalog, clock, lifetimes }
    }

    /// Puts in the path of the file that the state names.
    fn text(&self, text: &str) -> String {
        text.replace("FILE", self.folder.path().join("dwave").to_str().unwrap())
    }

    async fn with(&self, text: &str, options: Options) -> Result<(Report, Told), ApplyError> {
        let (mut told, text) = (Told::default(), self.text(text));
        let input = Input::Document { name: "state.yaml", text: &text };
        let report = apply(self.installation(), input, options, &mut told).await?;
        Ok((report, told))
    }

    async fn apply(&self, text: &str) -> Told {
        self.with(text, Options::default()).await.unwrap().1
    }

    async fn lines(&self, text: &str, options: Options) -> Result<(Report, Told), ApplyError> {
        let (mut told, mut lines) = (Told::default(), text.as_bytes());
        let input = Input::Lines { name: "users.ndjson", lines: &mut lines };
        let report = apply(self.installation(), input, options, &mut told).await?;
        Ok((report, told))
    }

    async fn holder(&self, digest: &str) -> Option<TokenHolder> {
        let digest = bellhop::identity::pat::PatDigest::from_hex(digest).unwrap();
        self.store.holder(&digest).await.unwrap().value
    }

    async fn refused(&self, text: &str) -> String {
        let before = self.store.head().await.unwrap();
        let error = self.with(text, Options::default()).await.err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("not refused: {text}"));
        assert!(!error.contains("canary"), "{error}");
        assert_eq!(self.store.head().await.unwrap(), before, "nothing is half applied");
        error
    }
}

on_both! {
    async fn a_file_becomes_the_installation_that_it_describes(place: &Place) {
        let house = House::at(place).await;
        let told = house.apply(STATE).await;
        let [(user, token, value)] = &told.made[..] else { panic!("{:?}", told.words) };
        assert_eq!((user.as_str(), token.as_str()), ("ada", "laptop"));
        let laptop = PlainPat::parse(value.as_bytes()).unwrap();
        let ada = house.store.holder(&laptop.digest()).await.unwrap().value.unwrap();
        assert_eq!((ada.expires, ada.boundary.is_none()), (NOW.plus(90 * DAY), true));
        assert_eq!((ada.standing.admin, ada.standing.active.unwrap().to_string()), (true, "acme".into()));
        let ci = house.holder(DIGEST_A).await.unwrap();
        let boundary = ci.boundary.unwrap();
        assert_eq!(boundary.pin.unwrap().to_string(), "acme.optics");
        assert_eq!(boundary.contexts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["me.thesis", "acme.optics"]);
        assert_eq!((boundary.providers.len(), boundary.networks.len()), (1, 1));
        assert_eq!(ci.expires.to_string(), "2027-01-01T00:00:00Z");
        let offers = house.store.offers(ci.standing.user, "dwave").await.unwrap().value;
        assert_eq!((offers[0].projects[0].as_str(), offers[0].members.len()), ("optics", 2));
        let sealed = house.store.sealed(offers[0].credential, 1).await.unwrap().unwrap();
        assert_eq!(house.vault.unseal(&sealed).await.unwrap()["token"].expose(), "fake-dwave-canary");
        assert_eq!(&*sealed.plain_fields["region"], "na-west-1");
        let mut read = house.store.read().await.unwrap();
        assert!(read.password_hash(ci.standing.user).await.unwrap().unwrap().expose().starts_with("$argon2id$"));
        assert!(!format!("{:?} {:?}", told.words, told.remarks).contains("canary"));
    }
}

on_both! {
    async fn the_same_file_again_changes_nothing(place: &Place) {
        let house = House::at(place).await;
        house.apply(STATE).await;
        let head = house.store.head().await.unwrap();
        house.clock.advance(DAY);
        let (report, told) = house.with(STATE, Options { prune: Prune::Remove, ..Options::default() }).await.unwrap();
        assert_eq!((told.words, told.made), (vec![], vec![]));
        assert_eq!((report.users, report.changes), (3, 0));
        assert_eq!(house.store.head().await.unwrap(), head);
    }
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_does_nothing() {
    let house = House::new().await;
    let head = house.store.head().await.unwrap();
    let (_, dry) = house.with(STATE, Options { run: Run::Dry, ..Options::default() }).await.unwrap();
    assert_eq!((dry.made, house.store.head().await.unwrap()), (vec![], head));
    assert_eq!(house.apply(STATE).await.words, dry.words);
}

#[tokio::test]
async fn another_digest_replaces_a_token_and_revokes_the_old_one() {
    let house = House::new().await;
    let file = |digest: &str| format!("users: [{{ name: ada, tokens: [{{ name: ci, sha256: '{digest}' }}] }}]");
    house.apply(&file(DIGEST_A)).await;
    assert!(house.holder(DIGEST_A).await.is_some());
    assert_eq!(house.apply(&file(DIGEST_B)).await.words.len(), 1);
    assert!(house.holder(DIGEST_A).await.is_none() && house.holder(DIGEST_B).await.is_some());
    house.apply(&file(DIGEST_A)).await;
    assert!(house.holder(DIGEST_A).await.is_some(), "what a file has taken away, a file may give back");
}

#[tokio::test]
async fn what_a_person_has_revoked_no_file_brings_back() {
    let house = House::new().await;
    let file = format!("users: [{{ name: ada, tokens: [{{ name: ci, sha256: '{DIGEST_A}' }}] }}]");
    house.apply(&file).await;
    let token = house.holder(DIGEST_A).await.unwrap().token;
    let mut tx = house.store.write(house.vault.signer(), NOW).await.unwrap();
    tx.revoke_token(token, Origin::Hand).await.unwrap();
    tx.record(AuditEntry::new(&Actor::CommandLine, "token.revoked", "ada/ci"));
    tx.commit().await.unwrap();
    let told = house.apply(&file).await;
    assert!(told.words.is_empty() && told.remarks[0].contains("revoked by hand"), "{:?}", told.remarks);
    assert!(house.holder(DIGEST_A).await.is_none());
}

#[tokio::test]
async fn other_fields_make_a_new_version_and_the_same_fields_do_not() {
    let house = House::new().await;
    let file = |key: &str, label: &str| {
        format!(
            "users: [{{ name: ada, tokens: [{{ name: ci, sha256: '{DIGEST_A}' }}], credentials: [{{ provider: ionq, label: {label}, fields: {{ api_key: {{ value: {key} }} }} }}] }}]"
        )
    };
    house.apply(&file("fake-canary-1", "one")).await;
    assert_eq!(house.apply(&file("fake-canary-1", "two")).await.words, ["credential ionq@ada: another label"]);
    assert_eq!(house.apply(&file("fake-canary-2", "two")).await.words, ["credential ionq@ada: version 2"]);
    let ada = house.holder(DIGEST_A).await.unwrap().standing.user;
    let offers = house.store.offers(ada, "ionq").await.unwrap().value;
    assert_eq!((offers.len(), offers[0].version, &*offers[0].label), (1, 2, "two"));
    let mut tx = house.store.write(house.vault.signer(), NOW).await.unwrap();
    tx.change_credential(offers[0].credential, CredentialChange::State(State::Disabled)).await.unwrap();
    tx.record(AuditEntry::new(&Actor::CommandLine, "credential.disabled", "it"));
    tx.commit().await.unwrap();
    house.apply(&file("fake-canary-3", "two")).await;
    let offers = house.store.offers(ada, "ionq").await.unwrap().value;
    assert_eq!((offers.len(), offers[0].version, offers[0].state), (1, 3, State::Disabled), "off stays off");
}

on_both! {
    async fn pruning_removes_what_files_have_made_and_leaves_what_people_have_made(place: &Place) {
        let house = House::at(place).await;
        house.apply(STATE).await;
        let ada = house.holder(DIGEST_A).await.unwrap().standing.user;
        let mut tx = house.store.write(house.vault.signer(), NOW).await.unwrap();
        let by_hand = bellhop::store::NewUser {
            id: bellhop::id::UserId::new(),
            name: "hand".parse().unwrap(),
            admin: false,
            password_hash: None,
            origin: Origin::Hand,
        };
        tx.insert_users(&[by_hand]).await.unwrap();
        tx.record(AuditEntry::new(&Actor::CommandLine, "user.added", "hand"));
        tx.commit().await.unwrap();
        let smaller = "
users: [ { name: ada, tokens: [ { name: laptop } ] } ]
organizations: [ { name: acme, members: { ada: owner }, projects: [ { name: optics } ] } ]";
        assert_eq!(
            house.apply(smaller).await.words,
            ["user ada: no longer admin", "organization acme: job visibility own"]
                .map(String::from)
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
        );
        let (_, told) = house.with(smaller, Options { prune: Prune::Remove, ..Options::default() }).await.unwrap();
        for words in [
            "member acme: alan",
            "member acme: grace",
            "project acme.optics: alan",
            "credential ionq@acme.optics: deleted",
            "credential dwave@acme: deleted",
            "token ada/ci: revoked",
            "project ada.thesis: deleted",
            "credential ionq@ada: deleted",
            "user alan: deleted",
            "user grace: deleted",
        ] {
            assert!(told.words.iter().any(|told| told == words), "{words} in {:?}", told.words);
        }
        assert!(house.holder(DIGEST_A).await.is_none());
        let mut read = house.store.read().await.unwrap();
        let left: Vec<_> = read.users(None, 10).await.unwrap().into_iter().map(|user| user.name.to_string()).collect();
        assert_eq!(left, ["ada", "hand"]);
        assert_eq!(read.credentials(None, 10).await.unwrap(), []);
        assert_eq!(read.credentials_of(Owner::User(ada)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn each_mistake_is_refused_with_its_place_and_without_any_value() {
    let house = House::new().await;
    let token = |rest: &str| format!("users:\n  - name: ada\n    tokens:\n      - {{ name: ci, {rest} }}\n");
    let credential = |rest: &str| format!("users:\n  - name: ada\n    credentials:\n      - {{ {rest} }}\n");
    for (text, expected) in [
        ("users: fake-canary".into(), "state.yaml:1:8: expected a list"),
        ("usres: []".into(), "state.yaml:1:1: the key `usres` is not known here: expected `users`, `organizations`"),
        ("users:\n  - name: ada\n  - name: [".into(), "state.yaml:3:"),
        ("users:\n  - admin: true\n".into(), "state.yaml:2:5: the key `name` is missing"),
        ("users:\n  - name: ada\n    admin: fake-canary\n".into(), "state.yaml:3:12: expected"),
        ("users:\n  - name: 'fake canary'\n".into(), "state.yaml:2:11: expected a user name"),
        ("users:\n  - name: ada\n    name: bob\n".into(), "state.yaml:3:5: the key `name` is here twice"),
        ("users:\n  - name: ada\n  - name: ada\n".into(), "state.yaml:3:11: this user is here twice"),
        ("users:\n  - name: ada\n    active: nowhere\n".into(), "state.yaml:3:13: there is no such context"),
        (
            "users:\n  - name: ada\n    password: { value: fake-canary }\n".into(),
            "state.yaml:3:15: expected a password of at least 15 characters",
        ),
        (token("sha256: fake-canary"), "state.yaml:4:29: expected the SHA-256 of a token"),
        (token("expires: 90d"), "state.yaml:4:30: expected a date"),
        (token("expires: 2099-01-01"), "state.yaml:4:30: a token lives for at most 365 days"),
        (token("context: acme.optics"), "state.yaml:4:30: there is no such context"),
        (token("scopes: [root]"), "state.yaml:4:30: expected `run`, `read` or `manage`"),
        (token("networks: [10.0.0.0/99]"), "state.yaml:4:32: expected a network"),
        (token("providers: [nowhere]"), "state.yaml:4:33: expected a provider"),
        (
            credential("provider: ionq, fields: { api_key: { env: BELLHOP_TEST_NO_SUCH_VARIABLE } }"),
            "state.yaml:4:46: the environment has no variable `BELLHOP_TEST_NO_SUCH_VARIABLE`",
        ),
        (
            credential("provider: ionq, fields: { api_key: { file: /nowhere/at/all } }"),
            "state.yaml:4:46: the file /nowhere/at/all cannot be read",
        ),
        (
            credential("provider: ionq, fields: { api_key: { env: A, value: fake-canary } }"),
            "state.yaml:4:46: expected one of `env`, `file` and `value`",
        ),
        (
            credential("provider: ionq, fields: { tokn: { value: fake-canary } }"),
            "state.yaml:4:21: there is no field `tokn`",
        ),
        (
            credential("provider: ionq, fields: { FAKE-canary: { value: x } }"),
            "state.yaml:4:37: expected the name of a field",
        ),
        (credential("provider: ionq, fields: { api_key: fake-canary }"), "state.yaml:4:46: expected a map"),
        (
            credential("provider: ionq, projects: [x], fields: { api_key: { value: fake-canary } }"),
            "state.yaml:4:38: only an organization's own",
        ),
        (
            "organizations:\n  - name: acme\n    members: { ada: owner }\n".into(),
            "state.yaml:3:16: there is no such user",
        ),
        ("organizations:\n  - name: acme\n    members: { ada: king }\n".into(), "state.yaml:3:21: expected a role"),
        (
            "users: [ { name: ada } ]\norganizations:\n  - name: acme\n    projects: [ { name: x, members: [ada] } ]\n"
                .into(),
            "state.yaml:4:38: expected a member of acme",
        ),
    ] {
        let told = house.refused(&text).await;
        assert!(told.starts_with(expected), "{text}\n  told:     {told}\n  expected: {expected}");
    }
}

#[tokio::test]
async fn a_digest_that_somebody_else_has_is_refused_and_nothing_is_half_applied() {
    let house = House::new().await;
    let file = |user: &str| format!("users: [{{ name: {user}, tokens: [{{ name: ci, sha256: '{DIGEST_A}' }}] }}]");
    house.apply(&file("ada")).await;
    assert!(house.refused(&file("grace")).await.contains("that token is in the store already"));
    assert_eq!(house.store.read().await.unwrap().find_user(&"grace".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_file_and_json_are_files_too() {
    let house = House::new().await;
    assert!(house.apply("").await.words.is_empty());
    assert!(house.apply("# nothing yet\n").await.words.is_empty());
    assert_eq!(house.apply(r#"{"users": [{"name": "ada"}]}"#).await.words, ["user ada: added"]);
}

/// Spread like real digests, which is what an index of them suffers from.
fn digest(n: usize) -> String {
    let mut word = n as u64;
    let mut next = || {
        word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        format!("{:016x}", mixed ^ (mixed >> 31))
    };
    format!("{:016x}{}{}{}", n.reverse_bits(), next(), next(), next())
}

fn line(n: usize) -> String {
    let digest = digest(n);
    format!(
        r#"{{"name":"user-{n}","tokens":[{{"name":"ci","sha256":"{digest}"}}],"credentials":[{{"provider":"ionq","fields":{{"api_key":{{"value":"fake-{n}-canary"}}}}}}]}}"#
    )
}

on_both! {
    async fn lines_are_applied_in_batches_that_can_be_run_again(place: &Place) {
        let house = House::at(place).await;
        let file = (0..2_500).map(line).collect::<Vec<_>>().join("\n");
        let (report, told) = house.lines(&file, Options::default()).await.unwrap();
        assert_eq!((report.users, report.changes, told.words.len()), (2_500, 7_500, 3));
        assert!(house.holder(&digest(2_499)).await.is_some());
        let (report, told) = house.lines(&file, Options::default()).await.unwrap();
        assert_eq!((report.users, report.changes, told.words.len()), (2_500, 0, 0));
        let fewer = (0..1_200).map(line).collect::<Vec<_>>().join("\n");
        let (report, _) = house.lines(&fewer, Options { prune: Prune::Remove, ..Options::default() }).await.unwrap();
        assert_eq!((report.users, report.changes), (1_200, 1_300));
        assert!(house.holder(&digest(2_499)).await.is_none());
    }
}

#[tokio::test]
async fn a_mistake_in_a_line_is_told_with_its_line_and_what_came_before_stays() {
    let house = House::new().await;
    for (mistake, expected) in [
        ("{", "users.ndjson:1002:1: expected one JSON object"),
        (r#"{"name":"x","admin":"fake-canary"}"#, "users.ndjson:1002:33: expected a boolean"),
        (r#"{"name":"x","fake":1}"#, "users.ndjson:1002:18: the key `fake` is not known here"),
        (
            r#"{"name":"x","tokens":[{"name":"ci","context":"nowhere"}]}"#,
            "users.ndjson:1002:1: there is no such context",
        ),
        (r#"{"name":"user-1000"}"#, "users.ndjson:1002:1: this user is here twice"),
        (r#"["fake-canary"]"#, "users.ndjson:1002:"),
    ] {
        let lines: Vec<String> = (0..=1_000).map(line).chain([mistake.into()]).collect();
        let error = house.lines(&lines.join("\n"), Options::default()).await.err().unwrap().to_string();
        assert!(error.starts_with(expected) && !error.contains("canary"), "{error}");
        assert!(house.holder(&digest(999)).await.is_some(), "the first batch");
        assert!(house.holder(&digest(1_000)).await.is_none(), "the second batch, all of it");
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_trail_with_its_chain_unbroken() {
    let house = House::new().await;
    let told = house.apply(STATE).await;
    let entries = house.store.read().await.unwrap().audit_after(0, 1_000).await.unwrap();
    for words in &told.words {
        let (_, what) = words.split_once(' ').unwrap();
        let subject = what.split_once(": ").unwrap().0;
        let tells = |entry: &AuditRow| entry.subject == subject || entry.detail.contains(&format!(" {subject}: "));
        assert!(entries.iter().any(tells), "{words}");
    }
    let mut mac = String::new();
    for entry in &entries {
        mac = house.vault.signer().mac(&entry.link(&mac));
        assert_eq!(entry.mac, mac);
        assert!(!format!("{entry:?}").contains("canary"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_applied_at_once_all_arrive() {
    let house = House::new().await;
    let file = |from: usize| (from..from + 3_000).map(line).collect::<Vec<_>>().join("\n");
    let (a, b) = (file(0), file(10_000));
    let (a, b) = tokio::join!(house.lines(&a, Options::default()), house.lines(&b, Options::default()));
    assert_eq!((a.unwrap().0.users, b.unwrap().0.users), (3_000, 3_000));
    for n in [0, 2_999, 10_000, 12_999] {
        assert!(house.holder(&digest(n)).await.is_some());
    }
}
