//! `bellhop explain` says what the data plane does: the same questions to both, over a random installation.

use crate::support::{Answer, Ask, Bellhop, CATALOGUE, Pat, Reply, Site, Upstream, state::credential};
use serde_json::{Value, json};

const USERS: usize = 14;
const ORGANIZATIONS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];
const PROJECTS: [&str; 2] = ["optics", "chemistry"];
/// With keys of one's own, and without; each with a question about nobody's job.
const PROVIDERS: [(&str, &str, &str); 2] =
    [("ionq", "api_key", CATALOGUE), ("iqm", "token", "/iqm/api/v1/quantum-computers")];

/// A sequence that is the same at every run (Steele and others, "Fast splittable pseudorandom number generators").
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn some<'a, T>(&mut self, all: &'a [T]) -> Vec<&'a T> {
        all.iter().filter(|_| self.one_in(2)).collect()
    }

    fn context(&mut self) -> String {
        match self.below(8) {
            0 => "me".into(),
            1 => "me.thesis".into(),
            2 => "nowhere".into(),
            3 => format!("{}.nowhere", self.of(&ORGANIZATIONS)),
            4 | 5 => (*self.of(&ORGANIZATIONS)).into(),
            _ => self.existing_project(),
        }
    }

    fn existing_project(&mut self) -> String {
        format!("{}.{}", self.of(&ORGANIZATIONS), self.of(&PROJECTS))
    }

    fn existing_context(&mut self) -> String {
        match self.below(4) {
            0 => "me".into(),
            1 => self.existing_project(),
            _ => (*self.of(&ORGANIZATIONS)).into(),
        }
    }
}

/// Numbers every key, so that its label says what a provider must see.
#[derive(Default)]
struct Keys(usize);

impl Keys {
    /// None, or some of the providers'.
    fn deal(&mut self, dice: &mut Dice, restrictions: &Value) -> Vec<Value> {
        let mut credentials = Vec::new();
        for (provider, field, _) in PROVIDERS {
            if dice.one_in(4) {
                continue;
            }
            self.0 += 1;
            let mut key = credential(provider, &json!({ field: { "value": key_of(&format!("k{}", self.0)) } }));
            key["label"] = json!(format!("k{}", self.0));
            if dice.one_in(8) {
                key["expires"] = json!("2020-01-01");
            }
            key.as_object_mut().unwrap().extend(restrictions.as_object().unwrap().clone());
            credentials.push(key);
        }
        credentials
    }
}

fn key_of(label: &str) -> String {
    format!("fake-{label}-canary")
}

/// A random installation, and everybody's tokens.
fn furnish(site: &mut Site, dice: &mut Dice) -> Vec<Pat> {
    let names: Vec<String> = (0..USERS).map(|n| format!("user-{n}")).collect();
    let (mut keys, mut pats) = (Keys::default(), Vec::new());
    let organizations = ORGANIZATIONS.map(|name| organization(name, &names, &mut keys, dice));
    site.state.0["organizations"] = json!(organizations);
    for name in &names {
        let own = keys.deal(dice, &json!({}));
        let thesis = keys.deal(dice, &json!({}));
        site.user(name);
        let users = site.state.0["users"].as_array_mut().unwrap();
        let user = users.last_mut().unwrap();
        user["credentials"] = json!(own);
        user["projects"] = json!([{ "name": "thesis", "credentials": thesis }]);
        if dice.one_in(4) {
            user["active"] = json!(dice.existing_context());
        }
        for token in ["plain", "limited", "pinned"] {
            let properties = properties(token, dice);
            pats.push(site.user(name).pat_with(token, &properties));
        }
    }
    pats
}

fn organization(name: &str, users: &[String], keys: &mut Keys, dice: &mut Dice) -> Value {
    let members: Vec<&String> = dice.some(users);
    let roles =
        members.iter().map(|user| ((**user).clone(), json!(dice.of(&["owner", "maintainer", "member", "member"]))));
    let roles: serde_json::Map<_, _> = roles.collect();
    let projects: Vec<Value> = PROJECTS
        .iter()
        .map(|project| json!({ "name": project, "members": dice.some(&members), "credentials": keys.deal(dice, &json!({})) }))
        .collect();
    let restrictions = match dice.below(4) {
        0 => json!({ "projects": [dice.of(&PROJECTS)] }),
        1 if !members.is_empty() => json!({ "members": [dice.of(&members)] }),
        _ => json!({}),
    };
    json!({ "name": name, "members": roles, "projects": projects, "credentials": keys.deal(dice, &restrictions) })
}

fn properties(token: &str, dice: &mut Dice) -> Value {
    match token {
        "limited" => {
            json!({ "contexts": [dice.existing_context(), dice.existing_context()], "providers": [dice.of(&PROVIDERS).0] })
        }
        "pinned" => json!({ "context": dice.existing_context() }),
        _ => json!({}),
    }
}

/// One question to both.
struct Question {
    pat: Pat,
    provider: &'static str,
    target: &'static str,
    named: Option<String>,
}

impl Question {
    fn random(pats: &[Pat], dice: &mut Dice) -> Self {
        let named = dice.one_in(2).then(|| dice.context());
        let (pat, (provider, _, target)) = (dice.of(pats).clone(), *dice.of(&PROVIDERS));
        Self { pat, provider, target, named }
    }

    async fn explained(&self, bellhop: &Bellhop) -> Value {
        let mut arguments = vec!["explain", "--token-stdin", "--json", "--provider", self.provider];
        if let Some(context) = &self.named {
            arguments.extend(["--context", context]);
        }
        bellhop.run_with_input(&arguments, self.pat.as_str()).await.assert_code(0).json()
    }

    async fn asked(&self, bellhop: &Bellhop) -> Answer {
        let ask = Ask::get(self.target).header("Authorization", format!("Bearer {}", self.pat));
        let ask = match &self.named {
            Some(context) => ask.header("Bellhop-Context", context.as_str()),
            None => ask,
        };
        bellhop.ask(&ask).await
    }
}

/// Which refusal the words of `explain` announce.
fn announced(verdict: &str) -> &'static str {
    let table = [
        ("several fit", "ambiguous-context"),
        ("nobody offers", "no-credential"),
        ("offers no credential", "no-credential"),
        ("there is no project", "no-credential"),
        ("nothing else takes its place", "no-credential"),
        ("is not a member of", "not-a-member"),
        ("the token may not use", "not-allowed"),
        ("switched off", "not-allowed"),
        ("is restricted to others", "not-allowed"),
    ];
    let found = table.iter().find(|(words, _)| verdict.contains(words));
    found.unwrap_or_else(|| panic!("what does this announce: {verdict}")).1
}

#[tokio::test]
async fn explain_says_what_the_data_plane_does() {
    let provider = Upstream::answering(|request| Reply::new(200).body(request.header("authorization").unwrap())).await;
    let site = PROVIDERS.iter().fold(Site::empty(), |site, (id, ..)| site.provider(id, &provider));
    let mut site = site.set("providers.iqm.personal", false);
    let mut dice = Dice(20_261_122);
    let pats = furnish(&mut site, &mut dice);
    let bellhop = site.serve().await;

    let rounds = if std::env::var_os("BELLHOP_SOAK").is_some() { 500 } else { 50 };
    let (mut paid, mut refusals) = (0, std::collections::BTreeSet::new());
    for _ in 0..rounds {
        let questions: Vec<Question> = (0..4).map(|_| Question::random(&pats, &mut dice)).collect();
        let explained = futures_util::future::join_all(questions.iter().map(|q| q.explained(&bellhop))).await;
        for (question, explained) in questions.iter().zip(explained) {
            let before = provider.requests().len();
            let answer = question.asked(&bellhop).await;
            if explained["pays"].is_null() {
                let code = announced(explained["verdict"].as_str().unwrap());
                assert_eq!(answer.header("bellhop-refusal"), Some(code), "{explained}: {}", answer.text());
                assert_eq!(provider.requests().len(), before, "{explained}");
                refusals.insert(code);
            } else {
                assert_paid_as_explained(&answer, &explained, &provider);
                paid += 1;
            }
        }
    }
    assert!(paid * 2 >= rounds && refusals.len() == 4, "the questions were too much alike: {paid}, {refusals:?}");
}

fn assert_paid_as_explained(answer: &Answer, explained: &Value, provider: &Upstream) {
    let pays = &explained["pays"];
    let text = |field: &str| pays[field].as_str().unwrap().to_owned();
    let receipt = answer.header("bellhop-credential").unwrap_or_else(|| panic!("{explained}: {}", answer.text()));
    let expected = format!("owner=\"{}\", id=\"{}\", label=\"{}\"", text("context"), text("id"), text("label"));
    assert!(receipt.starts_with(&expected), "explained {explained}, served {receipt}");
    let sent = provider.last().header("authorization").unwrap().to_owned();
    assert!(sent.ends_with(&format!(" {}", key_of(&text("label")))), "explained {explained}, sent {sent}");
}
